/*
 * proof - what the tokens of an accepted code are worth: this pool, this client, this sign-in, this person, in this group, still this account, and
 * the one who was here before.
 *
 * Rule kept here: each fact is set right behind the check that shows it, and nowhere else.
 */
#ifndef OTP_PROOF_H
#define OTP_PROOF_H

#include <stdint.h>

#include "auth_facts.h"
#include "clock.h"
#include "cognito.h"
#include "err.h"
#include "http.h"
#include "jwks.h"
#include "note.h"
#include "options.h"
#include "policy.h"
#include "strbuf.h"

enum { PROOF_JTI_SIZE = 64 };

/* The sign-in that tokens are of, which renewing them does not change. */
struct proof_origin {
	char sub[IDENTITY_SUB_SIZE + 1];
	int64_t auth_time;		     /* seconds since 1970 */
	char origin_jti[PROOF_JTI_SIZE + 1]; /* "" where the app client has no token revocation */
};
#define PROOF_ORIGIN_NONE { "", 0, "" }

/* What else the tokens said, for whoever keeps the proof. */
struct proof_seen {
	struct proof_origin origin;
	struct strbuf groups; /* those of the pool that the settings name and he is in, with blanks between; the caller ends it */
};

/* Everything is borrowed. */
struct proof_request {
	const struct options *options;
	const char *user;
	const char *service; /* PAM's, which may have groups of its own */
	const struct policy_user *judged;
	struct jwks *jwks; /* refreshed once for a kid that it does not know */
	struct http *http;
	const struct deadline *deadline;
	struct note *note;
	int64_t code_sent_at; /* clock_wall() when RespondToAuthChallenge left; not looked at with `renewed` */
	const struct proof_origin *renewed; /* the tokens are renewed ones of this sign-in; NULL: they answer a code */
};

/*
 * Errors of jwt.h, jwks.h, binding.h, policy_confirm and pins.h, OTP_ERR_JWT_RENEWED; the facts are set as far as they were shown. With OTP_OK *ret_seen is
 * filled; NULL: nobody keeps anything.
 */
enum otp_err proof_check(const struct proof_request *proof, const struct cognito_tokens *tokens, struct auth_facts *facts, struct proof_seen *ret_seen);

#endif
