/* revocation - see revocation.h. Best effort: a token that stays alive dies with its validity, and opens nothing here. */
#include "revocation.h"

#include <sys/types.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"

enum { REVOCATION_S = 5 };

static void revocation_of(struct cognito *cognito, const struct secret *token)
{
	enum otp_err err = token->length > 0 ? cognito_revoke(cognito, token) : OTP_OK;

	if (err != OTP_OK)
		log_warning("event=not_revoked reason=%s", err_reason(err));
}

static void revocation_run(struct cognito *cognito)
{
	struct deadline deadline = deadline_start(REVOCATION_S * 1000);

	(void)alarm(REVOCATION_S + 1);
	(void)setsid();
	(void)close(STDIN_FILENO); /* the socket to the door: it must not look as if the helper went on */
	cognito->deadline = &deadline;
	revocation_of(cognito, &cognito->refresh_token);
	revocation_of(cognito, &cognito->stale_token);
}

void revocation_start(struct cognito *cognito)
{
	pid_t pid;

	if (cognito->refresh_token.length == 0 && cognito->stale_token.length == 0)
		return;
	pid = fork();
	if (pid == 0) {
		revocation_run(cognito);
		_exit(0);
	}
	if (pid > 0)
		http_abandon(cognito->http);
}
