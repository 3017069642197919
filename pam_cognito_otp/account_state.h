/*
 * account_state - what this machine remembers of a user's open codes and mails, for an administrator: shown without secrets, and forgotten on demand.
 *
 * Rules kept here: no Session is shown; what is forgotten cannot be used by a login that is at its prompt either; other users' codes stay.
 */
#ifndef OTP_ACCOUNT_STATE_H
#define OTP_ACCOUNT_STATE_H

#include <stdio.h>

#include "err.h"
#include "note.h"
#include "options.h"
#include "policy.h"

/* Borrowed. */
struct account {
	const struct options *options;
	const char *user;	      /* NULL: everybody */
	const struct policy_user *judged; /* of `user` */
};

/* Writes to `out`. OTP_ERR_STATE_*, OTP_ERR_CRYPTO; the note says what. */
enum otp_err account_state_show(const struct account *account, FILE *out, struct note *note);

/* Forgets the host's budgets, which all share. As above. */
enum otp_err account_state_reset_host(FILE *out, struct note *note);

/* Forgets the open codes and the spent budgets of `user`; says on `out` how many. As above. */
enum otp_err account_state_reset(const struct account *account, FILE *out, struct note *note);

#endif
