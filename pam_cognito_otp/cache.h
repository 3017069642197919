/*
 * cache - who needs no code, since he has proved himself a moment ago, in this login session or with this key.
 *
 * Rules kept here (those of sudo's and doas's time stamps, and DESIGN):
 *  - only a login whose tokens were verified leaves a record; it counts for cache_ttl from then on, and using it makes it no longer;
 *  - it counts in one login session, begun by whoever proved himself, or with the very key of his connection: never for an address, a
 *    terminal or a process number, which others have later; never for root; never for su to somebody else;
 *  - it is bound to user, uid, pool, client, Cognito user, groups, settings and map: a change of any of them ends it;
 *  - only the services of cache_services use one;
 *  - in sshd and login the session is not there yet when the code is: the record waits under the process that will open it (pending),
 *    and that process, and no other, makes it the session's;
 *  - any doubt means that a code is asked for. Nothing here refuses anybody, and nothing here lets anybody in whom policy has not allowed.
 */
#ifndef OTP_CACHE_H
#define OTP_CACHE_H

#include <stdbool.h>
#include <sys/types.h>

#include "cache_record.h"
#include "caller.h"
#include "err.h"
#include "note.h"
#include "options.h"
#include "policy.h"
#include "process.h"

enum { CACHE_PENDING_S = 120 }; /* from the code to the opening of the session: sshd's LoginGraceTime */

/* Who asks. Borrowed. */
struct cache_call {
	const struct options *options;
	const char *user;
	const char *service;
	struct policy_user *judged; /* of a shared account a record says which of its people he is */
	const struct caller *caller;
	const char *source; /* caller_source */
	uid_t real_uid;	    /* of the calling program */
	bool ssh;	    /* it is sshd */
	struct process door; /* that program */
};

/*
 * Looks for a record that lets him in. False: there is none that counts, and `note` says why if there is one. Of a shared account the
 * person is chosen in call->judged. With cache_check = online the record's tokens are still to be renewed. The caller ends *ret_record.
 */
bool cache_find(const struct cache_call *call, struct cache_record *ret_record, struct note *note);

/* What a record of this call is bound to, for the person call->judged->identity. Failures stick to `out`. */
void cache_binding(const struct cache_call *call, struct strbuf *out);

/* Whether a login of this caller could leave a record at all. */
bool cache_would_keep(const struct cache_call *call);

/*
 * Keeps a proof: `record` has its stamp, groups, tokens and binding; each place that this login has gets one. *ret_replaced is the one
 * that it has taken the place of, if that had tokens that no record names any more; the caller revokes them, and ends it in every case.
 * OTP_ERR_STATE_*, OTP_ERR_MEMORY: it could not be kept everywhere, which costs a code later.
 */
enum otp_err cache_keep(const struct cache_call *call, struct cache_record *record, struct cache_record *ret_replaced, struct note *note);

/*
 * In the process that opens a session: what waits for it, if anything, becomes the session's. OTP_IGNORED: nothing waits. The tokens
 * stay where they are.
 */
enum otp_err cache_bind(const struct options *options, uid_t uid, const struct process *opener, struct note *note);

/*
 * In the process that opened it: the session ends. *ret_record is what it had; its tokens, if no other record names them, are for the
 * caller to revoke ("": none are). The caller ends it in every case. OTP_IGNORED: there was no record.
 */
enum otp_err cache_end_session(const struct options *options, uid_t uid, const struct process *opener, struct cache_record *ret_record,
			       struct note *note);

/* Opens cache_dir, making it when it is absent. The caller closes *ret_dir. OTP_ERR_STATE_*. */
enum otp_err cache_open(const struct options *options, int *ret_dir, struct note *note);

/* Reads the record in a place. OTP_IGNORED: there is none. OTP_ERR_STATE_*: what is there is none, or is not root's alone. */
enum otp_err cache_read(int dir, const struct cache_slot *slot, struct cache_record *ret_record, struct note *note);

/* Takes away what lies in a place. */
void cache_remove(int dir, const struct cache_slot *slot);

/* Takes a record away, unless a newer one lies there by now. */
void cache_forget(int dir, const struct cache_record *record);

/* Calls `visit` with each place that has a file, until it returns something other than OTP_OK. OTP_ERR_STATE_IO. */
typedef enum otp_err cache_visitor(int dir, const struct cache_slot *slot, void *arg);
enum otp_err cache_each(int dir, cache_visitor *visit, void *arg);

/* Whether any record of this user still names these tokens; "" names none. */
bool cache_has_tokens(int dir, uid_t uid, const char *tokens);

#endif
