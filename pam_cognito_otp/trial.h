/*
 * trial - one login outside PAM, through the very flow that the module's helper runs: for whoever sets it up, before PAM is changed.
 *
 * Rules kept here: the same judgement, the same flow, the same budgets, the same line in the log; nothing is opened by it. Who tries it sits at this machine and is
 * root, so he is told the truth, as at the console.
 */
#ifndef OTP_TRIAL_H
#define OTP_TRIAL_H

#include "auth_flow.h"
#include "clock.h"
#include "conversation.h"
#include "messages.h"
#include "note.h"
#include "options.h"
#include "policy.h"

/* Borrowed. */
struct trial {
	const struct options *options;
	const struct messages *messages;
	const char *user;
	struct policy_user *judged; /* of a shared account: who it was, afterwards */
	const struct conversation *conversation;
	struct deadline *deadline;
	struct note *note;
};

/* `judgement` is policy_judge's. Always fills *ret_result; writes the outcome line to the log. */
void trial_run(const struct trial *trial, enum otp_err judgement, struct auth_result *ret_result);

#endif
