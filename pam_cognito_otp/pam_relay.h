/*
 * pam_relay - one PAM call carried to a helper process and back: starts it, hands it the facts, asks the user what it wants asked.
 *
 * Rules kept here (this runs inside sshd, sudo, su and login, as root, with a caller who may be hostile):
 *  - nothing of the host changes: no handler, no mask, no environment, no static state, no descriptor left, no child left;
 *  - the helper is an absolute path that is checked to be root's, and gets an empty environment, its end of the socketpair, /dev/null, its own
 *    session, and no secret in argv;
 *  - the verdict is a message; the exit status is not asked, since the host may ignore or reap SIGCHLD;
 *  - all waiting but the user's own is bounded by one monotonic deadline, after which the helper is killed.
 */
#ifndef OTP_PAM_RELAY_H
#define OTP_PAM_RELAY_H

#include <stdbool.h>

#include <security/_pam_types.h>

#include "err.h"
#include "wire.h"

/* Everything is borrowed from the PAM handle and the arguments; NULL where PAM has nothing. */
struct pam_relay_call {
	enum wire_phase phase;
	const char *user;
	const char *service;
	const char *terminal;
	const char *remote_host;
	const char *auth_info; /* SSH_AUTH_INFO_0 of the PAM environment: NULL is not the same as "" */
	const char *person;    /* account phase of a shared account: who the auth phase found him to be; NULL when there was none */
	bool silent;
	int argc;
	const char **argv;
};

struct pam_relay_verdict {
	enum otp_err result;	     /* what the calling program is told */
	enum otp_err reason;	     /* what the log is told; differs where a stranger must not learn it */
	char line[WIRE_LINE_MAX + 1]; /* the helper's outcome line, cleaned; "" when it gave none */
	char person[WIRE_PERSON_MAX + 1]; /* of a shared account, after a success: who it is; otherwise "" */
	char token_file[WIRE_TOKEN_FILE_MAX + 1]; /* of a session that begins: the path of its token; otherwise "" */
};

/* Never fails without a verdict: *ret_verdict is always filled, with OTP_OK only if the helper said so. */
void pam_relay_run(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *ret_verdict);

#endif
