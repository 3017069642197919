/*
 * pins - which `sub` each person had when he first came in, or when he was created: a file of this host for each user pool.
 *
 * A line for each (pin.h); before them one that names the pool, behind them `# end`. Rules kept here:
 *  - the file is in the state directory, root's alone, replaced whole (rename) under a lock, so that it is valid at every instant, kill -9
 *    included, and that two logins at once lose no line; the lock ends with its holder, and who was stopped while he had it holds up
 *    nobody for longer than PINS_WAIT_MS;
 *  - a file that is not there is an error and not an empty one: lost pins must not be made anew by whoever comes first. An administrator
 *    begins it. For the same reason a file without its first or last line is damaged: it may be the rest of a longer one;
 *  - a line that cannot be read stops everybody: it may be the pin of the one who is asking;
 *  - whose pin it is are the local name and the identity, byte for byte: people who share an account have one each, and a changed line of
 *    the map is somebody new.
 */
#ifndef OTP_PINS_H
#define OTP_PINS_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "identity.h"
#include "note.h"
#include "pin.h"

enum {
	PINS_FILE_MAX = 16 * 1024 * 1024, /* bytes; some 150,000 pins */
	PINS_WAIT_MS = 5000		  /* for somebody else who writes */
};

/* Whose pin. Borrowed. The sub of the identity, which the map may give, is not looked at. */
struct pins_key {
	const char *user_pool_id;
	const char *user; /* the local name */
	const struct identity *identity;
};

/*
 * Reads all of it. *ret_count: how many pins there are. OTP_ERR_PINS_MISSING, OTP_ERR_PINS_SYNTAX, OTP_ERR_STATE_UNSAFE, _IO,
 * OTP_ERR_MEMORY; the note names file and line.
 */
enum otp_err pins_check(const char *user_pool_id, int64_t *ret_count, struct note *note);

/* *ret_sub is "" when nothing is remembered of him. Errors as above. */
enum otp_err pins_find(const struct pins_key *key, char ret_sub[IDENTITY_SUB_SIZE + 1], struct note *note);

/*
 * Whether `sub` is what is remembered of him; *ret_known is false when nothing is. OTP_ERR_IDENTITY_SUB; the note says which one is, and
 * since when. Errors as above.
 */
enum otp_err pins_compare(const struct pins_key *key, const char *sub, bool *ret_known, struct note *note);

/*
 * Remembers `sub`, a UUID, and says so in the log. OTP_OK as well when it is there already; OTP_ERR_IDENTITY_SUB when another one is.
 * After OTP_OK it is on the disk. Errors as above.
 */
enum otp_err pins_add(const struct pins_key *key, const char *sub, enum pin_origin origin, struct note *note);

/* Shows each pin of the pool, until `visit` returns something other than OTP_OK. Errors as above. */
typedef enum otp_err pins_visitor(void *arg, const struct pin *pin);
enum otp_err pins_each(const char *user_pool_id, pins_visitor *visit, void *arg, struct note *note);

/*
 * Forgets the pins of `user`, whether he has an account or not; or with NULL all of them: then the file is begun where there is none, and a
 * damaged one is made anew. *ret_count: how many. Errors as above.
 */
enum otp_err pins_clear(const char *user_pool_id, const char *user, int64_t *ret_count, struct note *note);

#endif
