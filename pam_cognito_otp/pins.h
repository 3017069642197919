/*
 * pins - which `sub` each person had when he first came in, or when he was created: a file of this host for each user pool.
 *
 * A line is `local-user kind:value sub=UUID from=login|created time=SECONDS`. Rules kept here:
 *  - the file is in the state directory, root's alone, replaced whole (rename) under a lock, so that it is valid at every instant, kill -9 included, and that
 *    two logins at once lose no line;
 *  - a file that is not there is an error and not an empty one: lost pins must not be made anew by whoever comes first. An administrator begins it;
 *  - a line that cannot be read stops everybody: it may be the pin of the one who is asking.
 */
#ifndef OTP_PINS_H
#define OTP_PINS_H

#include <stdint.h>

#include "err.h"
#include "identity.h"
#include "note.h"

enum {
	PINS_FILE_MAX = 16 * 1024 * 1024, /* bytes */
	PINS_USER_MAX = 255		  /* bytes of a local name */
};

enum pins_origin { PINS_FROM_LOGIN, PINS_FROM_CREATION };

/* Whose pin. Borrowed. */
struct pins_key {
	const char *user_pool_id;
	const char *user; /* the local name */
	const struct identity *identity;
};

struct pin {
	char user[PINS_USER_MAX + 1];
	struct identity identity; /* with its sub */
	enum pins_origin origin;
	int64_t time; /* clock_wall() */
};

/* *ret_sub is "" when nothing is remembered of him. OTP_ERR_PINS_MISSING, OTP_ERR_PINS_SYNTAX, OTP_ERR_STATE_UNSAFE, _IO, OTP_ERR_MEMORY. */
enum otp_err pins_find(const struct pins_key *key, char ret_sub[IDENTITY_SUB_SIZE + 1], struct note *note);

/* Remembers `sub`. OTP_OK as well when it is there already; OTP_ERR_IDENTITY_SUB when another one is. Errors as above. */
enum otp_err pins_add(const struct pins_key *key, const char *sub, enum pins_origin origin, struct note *note);

/* Shows each pin of the pool, until `visit` returns something other than OTP_OK. Errors as above. */
typedef enum otp_err pins_visitor(void *arg, const struct pin *pin);
enum otp_err pins_each(const char *user_pool_id, pins_visitor *visit, void *arg, struct note *note);

/* Forgets the pins of `user`, or with NULL all of them, and then begins the file where there is none. *ret_count: how many. Errors as above. */
enum otp_err pins_clear(const char *user_pool_id, const char *user, int64_t *ret_count, struct note *note);

#endif
