/*
 * pam_state - what one PAM handle remembers between calls: of one PAM line that the tries are spent or that a hard error was met; and who
 * of several people that share an account has come in, for the account phase.
 *
 * sudo calls us three times and login five times on one handle: without this, each round would mail again or wait out the deadline again.
 * sshd forks for every round, so there it is lost, which is fine: nothing depends on it for safety. The account phase of a login with a
 * code runs in the same process as its auth phase, in sshd too.
 */
#ifndef OTP_PAM_STATE_H
#define OTP_PAM_STATE_H

#include <stdbool.h>

#include <security/_pam_types.h>

#include "err.h"
#include "wire.h"

/* Which PAM line is asked, and for whom: a stack may have two lines with settings of their own, and what one met says nothing of the other. Borrowed. */
struct pam_state_key {
	const char *user;
	const char *const *argv;
	int argc;
};

/* What to answer at once, or OTP_OK when the call must be made. Nothing is remembered for longer than a minute. */
enum otp_err pam_state_recall(const pam_handle_t *pamh, const struct pam_state_key *key);

/* Keeps `result` of a call if it is one of the two kinds. Memory failing here costs a question more, nothing else. */
void pam_state_keep(pam_handle_t *pamh, const struct pam_state_key *key, enum otp_err result);

/* Keeps who `user` has proved to be; "" forgets it. False when memory is short: then nobody is remembered. */
bool pam_state_keep_person(pam_handle_t *pamh, const char *user, const char *person);

/* Who `user` is; "" when that is not known. Lives until the next pam_state_keep_person. */
const char *pam_state_person(const pam_handle_t *pamh, const char *user);

#endif
