/* pam_state - see pam_state.h. */
#include "pam_state.h"

#include <stdlib.h>
#include <string.h>

#include <security/pam_modules.h>

#include "clock.h"

#define PAM_STATE_NAME "pam_cognito_otp.state"
#define PAM_STATE_PERSON "pam_cognito_otp.person"
#define PAM_STATE_BETWEEN "\n" /* in no argument: a PAM line ends there */

enum { PAM_STATE_MS = 60 * 1000 }; /* longer than three or five rounds take; a screen locker keeps one handle for ever and must not be locked for ever */

struct pam_state {
	int64_t kept_ms; /* clock_monotonic_ms() */
	enum otp_err result;
	bool everybody; /* true of any user: login(1) asks for a name anew in each round */
	char user[];
};

struct pam_state_person {
	char person[WIRE_PERSON_MAX + 1];
	char user[];
};

static void pam_state_free(pam_handle_t *pamh, void *data, int error_status)
{
	(void)pamh;
	(void)error_status;
	free(data);
}

/* The name of the data: ours and the arguments of the line. The caller frees it; NULL when memory is short. */
static char *pam_state_name(const struct pam_state_key *key)
{
	size_t size = sizeof(PAM_STATE_NAME);
	char *name;
	char *end;

	for (int i = 0; i < key->argc; i++)
		size += strlen(PAM_STATE_BETWEEN) + strlen(key->argv[i]);
	name = malloc(size);
	if (name == NULL)
		return NULL;
	end = stpcpy(name, PAM_STATE_NAME);
	for (int i = 0; i < key->argc; i++)
		end = stpcpy(stpcpy(end, PAM_STATE_BETWEEN), key->argv[i]);
	return name;
}

enum otp_err pam_state_recall(const pam_handle_t *pamh, const struct pam_state_key *key)
{
	char *name = pam_state_name(key);
	const void *data = NULL;
	const struct pam_state *state;
	bool found = name != NULL && pam_get_data(pamh, name, &data) == PAM_SUCCESS && data != NULL;

	free(name);
	if (!found)
		return OTP_OK;
	state = data;
	if (clock_monotonic_ms() - state->kept_ms >= PAM_STATE_MS)
		return OTP_OK;
	return state->everybody || strcmp(state->user, key->user) == 0 ? state->result : OTP_OK;
}

static bool pam_state_lasts(enum otp_err result, bool *ret_everybody)
{
	enum otp_class class = err_class(result);

	*ret_everybody = class == OTP_CLASS_UNREACHABLE || class == OTP_CLASS_SERVICE || class == OTP_CLASS_SYSTEM || result == OTP_ERR_TLS_CERTIFICATE;
	return *ret_everybody || class == OTP_CLASS_TRIES || class == OTP_CLASS_UNTRUSTED;
}

void pam_state_keep(pam_handle_t *pamh, const struct pam_state_key *key, enum otp_err result)
{
	size_t length = strlen(key->user) + 1;
	struct pam_state *state;
	bool everybody;
	char *name;

	if (!pam_state_lasts(result, &everybody))
		return;
	state = malloc(sizeof(*state) + length);
	if (state == NULL)
		return;
	state->result = result == OTP_ERR_TRIES ? OTP_ERR_TRIES_BEFORE : result;
	state->everybody = everybody;
	state->kept_ms = clock_monotonic_ms();
	memcpy(state->user, key->user, length);
	name = pam_state_name(key);
	if (name == NULL || pam_set_data(pamh, name, state, pam_state_free) != PAM_SUCCESS)
		free(state);
	free(name);
}

bool pam_state_keep_person(pam_handle_t *pamh, const char *user, const char *person)
{
	size_t length = strlen(user) + 1;
	struct pam_state_person *kept;

	(void)pam_set_data(pamh, PAM_STATE_PERSON, NULL, NULL); /* takes no memory where there was one before */
	if (person[0] == '\0')
		return true;
	kept = calloc(1, sizeof(*kept) + length);
	if (kept == NULL)
		return false;
	memcpy(kept->person, person, strnlen(person, WIRE_PERSON_MAX));
	memcpy(kept->user, user, length);
	if (pam_set_data(pamh, PAM_STATE_PERSON, kept, pam_state_free) == PAM_SUCCESS)
		return true;
	free(kept);
	return false;
}

const char *pam_state_person(const pam_handle_t *pamh, const char *user)
{
	const void *data = NULL;
	const struct pam_state_person *kept;

	if (pam_get_data(pamh, PAM_STATE_PERSON, &data) != PAM_SUCCESS || data == NULL)
		return "";
	kept = data;
	return strcmp(kept->user, user) == 0 ? kept->person : "";
}
