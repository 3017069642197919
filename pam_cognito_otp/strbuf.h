/*
 * strbuf - text built up to a limit: request bodies, paths, log lines.
 *
 * Rules kept here: the first failure sticks and is asked for once, at the end; growing wipes the old copy and the end wipes the
 * last one, so that a request body may carry secrets (added by strbuf_add, never by a format).
 */
#ifndef OTP_STRBUF_H
#define OTP_STRBUF_H

#include <stddef.h>

#include "err.h"

/* Owns `text`, which is NUL-terminated; NULL until something was added. */
struct strbuf {
	char *text;
	size_t length;
	size_t capacity;
	size_t limit;	     /* bytes, without the NUL */
	enum otp_err failed; /* OTP_OK, OTP_ERR_MEMORY, or OTP_ERR_HTTP_OVERSIZE when the limit was passed */
};

#define STRBUF_LIMIT(bytes) { NULL, 0, 0, (bytes), OTP_OK }

#define strbuf_auto __attribute__((cleanup(strbuf_done)))

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length);
void strbuf_puts(struct strbuf *buf, const char *text);

/* For words, numbers and names only; never for a secret. */
void strbuf_printf(struct strbuf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The text so far, never NULL. Borrowed until the next add. */
const char *strbuf_text(const struct strbuf *buf);

/* Wipes and frees; usable again with the same limit. NULL is fine. */
void strbuf_done(struct strbuf *buf);

#endif
