/*
 * cache_record - what is written down of a login that has been verified: who proved himself, when, and all that must still be so for it
 * to count.
 *
 * It holds no secret; it is trusted because of where it lies (a directory of root's alone). The sum at its end finds damage, not forgery.
 *
 * Rules kept here:
 *  - one form, read strictly to the last byte: what would not be written exactly so is no record;
 *  - it names its own place (user, session, key or process), so that a copy in another one counts for nothing;
 *  - two clocks must agree about its age: the one that nobody sets, and the one of the world. Of another boot only the second is left,
 *    and then the service is asked as well (cache.h).
 */
#ifndef OTP_CACHE_RECORD_H
#define OTP_CACHE_RECORD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "err.h"
#include "process.h"
#include "strbuf.h"

enum {
	CACHE_NAME_SIZE = 80,		   /* of a record's file */
	CACHE_KEY_MAX = 16 * 1024,	   /* bytes of a key's line */
	CACHE_GROUPS_MAX = 1024,	   /* bytes */
	CACHE_BINDING_MAX = 8 * 1024,	   /* bytes */
	CACHE_RECORD_MAX = 28 * 1024,	   /* bytes of the file */
	CACHE_TOKENS_ID_SIZE = 32	   /* hexadecimal digits */
};

enum cache_place {
	CACHE_SESSION, /* of the login session in which he works */
	CACHE_KEY,     /* of the key of his ssh connection */
	CACHE_PENDING  /* of the process that will open the session */
};

/* Where a record lies. Those members count that its place needs; the others are 0. */
struct cache_slot {
	enum cache_place place;
	uid_t uid;
	uint32_t session;
	uint64_t key_sum;
	pid_t pid;
	uint64_t start;
};

/* The file: cache-session-UID-SESSION, cache-key-UID-SUM, cache-pending-UID-PID-START. */
void cache_slot_name(const struct cache_slot *slot, char name[CACHE_NAME_SIZE]);

/* Whether it is such a name, written exactly so. */
bool cache_slot_parse(const char *name, struct cache_slot *ret_slot);

struct cache_slot cache_slot_session(uid_t uid, uint32_t session);
struct cache_slot cache_slot_key(uid_t uid, const char *key);
struct cache_slot cache_slot_pending(uid_t uid, const struct process *process);

struct cache_record {
	struct cache_slot slot;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	int64_t boot_ms; /* clock_boot_ms() and clock_wall() when the tokens had been verified */
	int64_t wall;
	char groups[CACHE_GROUPS_MAX + 1];	/* of the pool, with blanks between: those that the settings name and he is in */
	char tokens[CACHE_TOKENS_ID_SIZE + 1];	/* which sealed tokens are his (cache_tokens.h); "": none, nobody is asked */
	struct strbuf key;			/* the key's line, owned; "" where the place is not a key's */
	struct strbuf binding;			/* `name=value` lines, owned; see cache_binding */
};
#define CACHE_RECORD_NONE \
	{ .slot = { CACHE_SESSION, 0, 0, 0, 0, 0 }, .key = STRBUF_LIMIT(CACHE_KEY_MAX), .binding = STRBUF_LIMIT(CACHE_BINDING_MAX) }
#define cache_record_auto __attribute__((cleanup(cache_record_done)))

/* The present, as the time of a proof. False where the kernel does not say which boot this is. */
bool cache_record_stamp(struct cache_record *record);

/*
 * Whether it is at most `ttl` seconds old by both clocks, and they agree to `skew` seconds. `other_boot`: by the wall clock alone, if it
 * is of an earlier boot.
 */
bool cache_record_is_fresh(const struct cache_record *record, int64_t ttl, int64_t skew, bool other_boot);

/* The value of `name` in the binding, into `out`; false when there is none, or no room. */
bool cache_record_bound(const struct cache_record *record, const char *name, char *out, size_t size);

/* What of it is the same in each of its places: what sealed tokens are bound to. */
void cache_record_proof(const struct cache_record *record, struct strbuf *out);

/* Writes it as text. Failures stick to `out`. */
void cache_record_write(const struct cache_record *record, struct strbuf *out);

/* False, and *ret_record is empty, when it is not exactly what cache_record_write writes. The caller ends *ret_record in every case. */
bool cache_record_parse(const char *text, size_t length, struct cache_record *ret_record);

void cache_record_done(struct cache_record *record);

#endif
