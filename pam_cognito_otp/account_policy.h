/*
 * account_policy - whom the account phase looks at: the people of the map whom check_user is for, and nobody else.
 *
 * Rules kept here:
 *  - root, users below min_uid, names without an account, users without a mapping and programs that check_services leaves out are never
 *    objected to, and for them nothing is asked and nothing in the map can stop them;
 *  - a name that is not byte for byte the account's could be a way around the map, and is objected to;
 *  - where nobody can be judged, since the settings or the helper are of no use, system users go on: cron, timers and what else keeps the
 *    machine alive.
 */
#ifndef OTP_ACCOUNT_POLICY_H
#define OTP_ACCOUNT_POLICY_H

#include <stdbool.h>

#include "err.h"
#include "note.h"
#include "options.h"
#include "policy.h"

enum { ACCOUNT_POLICY_SYSTEM_UIDS = 1000 }; /* below this: the default of min_uid, for when its value cannot be known */

/* Borrowed. */
struct account_policy_call {
	const char *user;
	const char *service; /* the calling program, as PAM calls it */
	const char *person;  /* who he was in the auth phase of the same handle, for a shared account; "" when that is not known */
};

/*
 * Judges a user who was looked up. OTP_OK: he must be looked at in the pool. OTP_IGNORED: there is nothing to object and nothing to ask.
 * OTP_ERR_USER_*: an objection. Other errors: as of policy_judge.
 */
enum otp_err account_policy_judge(const struct options *options, const struct account_policy_call *call, struct policy_user *user,
				  struct note *note);

/* Whether a user who was looked up is one of the machine's own. */
bool account_policy_is_system(const struct policy_user *user);

#endif
