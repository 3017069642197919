/*
 * challenge - a mailed code that has not been used yet: what lasts of it from one call to the next, so that nobody needs a second mail.
 *
 * It is a file in the run directory, one for each (local user, Cognito user, pool, client, origin): a stranger's wrong codes are not the owner's.
 *
 * Rules kept here:
 *  - the file appears whole, by rename, and is never rewritten; only its words change (word_file): a try is taken before the request leaves, by whatever
 *    process is first, and killing one gives no try back;
 *  - bytes that are not what was written, or were written for somebody else, in another boot, by another version, are set aside and mean that no code is open;
 *  - whoever cannot sign in has such a file as well, without a Session: what a stranger is shown comes from the file alone;
 *  - strangers' files have a limit in number (run_dir); the oldest goes, whoever it belongs to;
 *  - where no file can be written the challenge lives in this call only: then its tries end with it, too.
 */
#ifndef OTP_CHALLENGE_H
#define OTP_CHALLENGE_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "cognito.h"
#include "crypto.h"
#include "err.h"
#include "identity.h"
#include "note.h"
#include "word_file.h"

enum {
	CHALLENGE_NAME_SIZE = 80,
	CHALLENGE_TRIES_MAX = 10,
	CHALLENGE_USER_SIZE = 65,
	CHALLENGE_ORIGIN_SIZE = 65
};

/* Whose challenge, and from where. All text is borrowed. */
struct challenge_owner {
	const char *user; /* the local name */
	bool known;	  /* such an account exists; `uid` is its */
	uint32_t uid;
	const char *cognito_user; /* "" when he has none */
	const char *pool;
	const char *client;
	const char *origin; /* caller_source */
	bool proved;
	bool refused; /* by rules of the calling program's own, whoever he is */
};

struct challenge_key {
	char name[CHALLENGE_NAME_SIZE]; /* of the file */
	unsigned char digest[CRYPTO_SHA256_SIZE];
};

/* OTP_ERR_MEMORY, OTP_ERR_CRYPTO. */
enum otp_err challenge_key_of(const struct challenge_owner *owner, struct challenge_key *ret_key);

/* What is written down. */
struct challenge_facts {
	uint32_t tries;		/* that are shown, 1 to CHALLENGE_TRIES_MAX */
	uint32_t tries_to_send; /* of these, the first so many may reach the service */
	enum otp_err decoy;	/* OTP_OK, or why nothing was mailed */
	int64_t mailed_ms;	/* clock_boot_ms(), before the request left */
	int64_t session_ms;	/* the same of the Session; earlier than mailed_ms when a later mail was only pretended */
	char user[CHALLENGE_USER_SIZE];
	char cognito_user[IDENTITY_VALUE_MAX + 1];
	char origin[CHALLENGE_ORIGIN_SIZE];
	char destination[COGNITO_DESTINATION_MAX + 1];
};

enum challenge_state {
	CHALLENGE_NONE,
	CHALLENGE_OPEN,
	CHALLENGE_SPENT,    /* no try is left */
	CHALLENGE_EXPIRED,  /* by challenge_ttl, or the service said so */
	CHALLENGE_USED,	    /* with success, by whatever process */
	CHALLENGE_REPLACED, /* there is a newer one, or the service does not know it any more */
};

struct challenge_record;

struct challenge {
	struct challenge_record *record; /* NULL: none */
	struct word_file file;		 /* where the record is mapped; empty when it is in memory */
};
#define CHALLENGE_EMPTY { NULL, WORD_FILE_NONE }
#define challenge_auto __attribute__((cleanup(challenge_done)))

/*
 * The challenge that the file holds, whatever its state; CHALLENGE_NONE (with OTP_OK) when there is none that can be used. OTP_ERR_STATE_IO. The caller ends it.
 */
enum otp_err challenge_find(int dir, const struct challenge_key *key, struct challenge *ret_challenge, struct note *note);

/*
 * Writes a new one, and closes the one that was there. `session` may be empty. Falls back to memory with a warning. OTP_ERR_MEMORY, OTP_ERR_CRYPTO,
 * OTP_ERR_SYSTEM (no random number, or a Session longer than any).
 */
enum otp_err challenge_keep(int dir, const struct challenge_key *key, const struct challenge_facts *facts, const struct secret *session,
			    struct challenge *ret_challenge);

/* What the service's answer to a code makes of it; OPEN when the answer is about something else. */
enum challenge_state challenge_state_after(enum otp_err err);

/* Whether that answer was about the app client: it is looked at first, and nobody has looked at the code. An administrator is changing secret or client. */
bool challenge_unread_after(enum otp_err err);

/* `ttl` in seconds. */
enum challenge_state challenge_state_of(const struct challenge *challenge, int64_t ttl);

/* Whether the two are the same challenge. */
bool challenge_same(const struct challenge *one, const struct challenge *other);

/* Borrowed from `challenge`. */
const struct challenge_facts *challenge_facts_of(const struct challenge *challenge);

/* OTP_ERR_MEMORY. */
enum otp_err challenge_session(const struct challenge *challenge, struct secret *ret_session);

int64_t challenge_tries_left(const struct challenge *challenge);

/* How many of them may reach the service. */
uint32_t challenge_sendable(const struct challenge *challenge);

/* Takes a try: its number, or -1 when there is none left. */
int challenge_take_try(const struct challenge *challenge);

/* It was none: the request never left, or the code was not looked at. */
void challenge_return_try(const struct challenge *challenge, int number);

/* From now on nobody uses it: `state` is EXPIRED, USED or REPLACED. */
void challenge_close(const struct challenge *challenge, enum challenge_state state);

/* Takes the file away, if it still is that challenge's. */
void challenge_remove(int dir, const char *name, const struct challenge *challenge);

void challenge_done(struct challenge *challenge);

/* For the administrator's tool: opens the file `name`. CHALLENGE_NONE as above. */
enum otp_err challenge_open_file(int dir, const char *name, struct challenge *ret_challenge, struct note *note);

/* Whether the file `name` holds none that was mailed within the last `seconds`. */
bool challenge_is_over(int dir, const char *name, int64_t seconds);

/* Whether it is the name of a challenge's file; of which uid (-1: no local account), and whether of a caller who has proved nothing. */
bool challenge_is_name(const char *name, int64_t *ret_uid, bool *ret_stranger);

#endif
