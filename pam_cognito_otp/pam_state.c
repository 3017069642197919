/* pam_state - see pam_state.h. */
#include "pam_state.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#include "clock.h"

#define PAM_STATE_NAME "pam_cognito_otp.state"

enum { PAM_STATE_MS = 60 * 1000 }; /* longer than three or five rounds take; a screen locker keeps one handle for ever and must not be locked for ever */

struct pam_state {
	int64_t kept_ms; /* clock_monotonic_ms() */
	enum otp_err result;
	bool everybody; /* true of any user: login(1) asks for a name anew in each round */
	char user[];
};

static void pam_state_free(pam_handle_t *pamh, void *data, int error_status)
{
	(void)pamh;
	(void)error_status;
	free(data);
}

enum otp_err pam_state_recall(const pam_handle_t *pamh, const char *user)
{
	const void *data = NULL;
	const struct pam_state *state;

	if (pam_get_data(pamh, PAM_STATE_NAME, &data) != PAM_SUCCESS || data == NULL)
		return OTP_OK;
	state = data;
	if (clock_monotonic_ms() - state->kept_ms >= PAM_STATE_MS)
		return OTP_OK;
	return state->everybody || strcmp(state->user, user) == 0 ? state->result : OTP_OK;
}

static bool pam_state_lasts(enum otp_err result, bool *ret_everybody)
{
	enum otp_class class = err_class(result);

	*ret_everybody = class == OTP_CLASS_UNREACHABLE || class == OTP_CLASS_SERVICE || class == OTP_CLASS_SYSTEM || result == OTP_ERR_TLS_CERTIFICATE;
	return *ret_everybody || class == OTP_CLASS_TRIES || class == OTP_CLASS_UNTRUSTED;
}

void pam_state_keep(pam_handle_t *pamh, const char *user, enum otp_err result)
{
	size_t length = strlen(user) + 1;
	struct pam_state *state;
	bool everybody;

	if (!pam_state_lasts(result, &everybody))
		return;
	state = malloc(sizeof(*state) + length);
	if (state == NULL)
		return;
	state->result = result == OTP_ERR_TRIES ? OTP_ERR_TRIES_BEFORE : result;
	state->everybody = everybody;
	state->kept_ms = clock_monotonic_ms();
	memcpy(state->user, user, length);
	if (pam_set_data(pamh, PAM_STATE_NAME, state, pam_state_free) != PAM_SUCCESS)
		free(state);
}
