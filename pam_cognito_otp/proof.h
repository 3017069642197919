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
	int64_t code_sent_at; /* clock_wall() when RespondToAuthChallenge left */
};

/* Errors of jwt.h, jwks.h, binding.h, policy_confirm and pins.h; the facts are set as far as they were shown. */
enum otp_err proof_check(const struct proof_request *proof, const struct cognito_tokens *tokens, struct auth_facts *facts);

#endif
