/*
 * standing - whether the mapped person is still in the pool as he should be: enabled, confirmed, the one who was pinned; and, if the
 * settings say so, how he gets in there.
 *
 * Rules kept here:
 *  - anything but a clear yes of the service is a no with its own reason;
 *  - a yes is remembered for STANDING_GOOD_S seconds on this boot, for this pool, person and pin (so that cron and `sudo -l` do not meet
 *    the service's quota); a no never is;
 *  - whoever is created must be named by email in the root-owned map itself (no template), be an account here, not root, and never have
 *    been created, pinned or, with create_user, found before: a leaver who was deleted in the pool does not come back.
 */
#ifndef OTP_STANDING_H
#define OTP_STANDING_H

#include <stdbool.h>

#include "cognito_admin.h"
#include "err.h"
#include "note.h"
#include "options.h"
#include "policy.h"
#include "service.h"

enum { STANDING_GOOD_S = 60 };

/* Borrowed. */
struct standing {
	const struct options *options;
	const char *user;    /* the local name */
	const char *program; /* the PAM service */
	const struct policy_user *judged;
	struct service *service; /* prepared, not necessarily open */
	int dir;		 /* the run directory; -1: there is none, and nothing is remembered */
	struct note *note;
};

/* Whether the settings want it to be looked at for this program. */
bool standing_wanted(const struct options *options, const char *program);

/*
 * Looks. `may_create`: a person whom the pool does not have may be created, if the settings allow it (the account phase never creates
 * anybody). OTP_ERR_ACCOUNT_*, OTP_ERR_IDENTITY_SUB, _EMAIL, _UNVERIFIED, _PHONE, _USERNAME, errors of cognito_admin.h and pins.h.
 */
enum otp_err standing_check(const struct standing *standing, bool may_create);

/* What a UserStatus means for a login: OTP_OK or OTP_ERR_ACCOUNT_*. */
enum otp_err standing_judge_status(enum cognito_status status);

/*
 * Whether the pool's user is whom the map means: as binding_check does with tokens, only that these attributes are texts. The pool finds
 * a user by any of his names, and ignores case. OTP_ERR_IDENTITY_EMAIL, _UNVERIFIED, _PHONE, _USERNAME.
 */
enum otp_err standing_judge_identity(const struct identity *wanted, const struct cognito_user *user);

#endif
