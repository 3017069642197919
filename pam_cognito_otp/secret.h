/*
 * secret - bytes that wipe themselves: codes, sessions, tokens, the client secret.
 *
 * Rules kept here: memory is overwritten before it is given back, on every path; a secret has no conversion to a format string;
 * comparing takes the same time whatever the bytes are.
 */
#ifndef OTP_SECRET_H
#define OTP_SECRET_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

/* Owns its bytes. Always followed by one NUL that `length` does not count, so that text can be handed to C libraries. */
struct secret {
	char *bytes; /* NULL when empty */
	size_t length;
};

#define SECRET_EMPTY { NULL, 0 }

/* Wipes at the end of the scope: `secret_auto struct secret code = SECRET_EMPTY;` */
#define secret_auto __attribute__((cleanup(secret_done)))

/* Wipes what `secret` held and copies `length` bytes into it. OTP_ERR_MEMORY leaves it empty. */
enum otp_err secret_set(struct secret *secret, const void *bytes, size_t length);

/* Wipes and frees; `secret` is empty afterwards and may be used again. NULL is fine. */
void secret_done(struct secret *secret);

/* Gives `from`'s bytes to `to`, wiping what `to` held; `from` is empty afterwards. */
void secret_move(struct secret *to, struct secret *from);

/* The bytes as text, never NULL ("" when empty). Borrowed. Text with a NUL inside looks shorter: check the length. */
const char *secret_text(const struct secret *secret);

/* Equal length and bytes, in time that depends on the length only. */
bool secret_equal(const struct secret *secret, const void *bytes, size_t length);

#endif
