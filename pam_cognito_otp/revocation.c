/* revocation - see revocation.h. Best effort: a token that stays alive dies with its validity, and opens nothing here. */
#include "revocation.h"

#include <sys/types.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { REVOCATION_S = 5 };

static void revocation_run(struct cognito *cognito)
{
	struct deadline deadline = deadline_start(REVOCATION_S * 1000);
	enum otp_err err;

	(void)alarm(REVOCATION_S + 1);
	(void)setsid();
	(void)close(STDIN_FILENO); /* the socket to the door: it must not look as if the helper went on */
	cognito->deadline = &deadline;
	err = cognito_revoke(cognito);
	if (err != OTP_OK)
		log_warning("event=not_revoked reason=%s", err_reason(err));
}

void revocation_start(struct cognito *cognito)
{
	pid_t pid;

	if (cognito->refresh_token.length == 0)
		return;
	pid = fork();
	if (pid == 0) {
		revocation_run(cognito);
		_exit(0);
	}
	if (pid > 0)
		http_abandon(cognito->http);
}
