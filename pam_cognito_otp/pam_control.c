/* pam_control - see pam_control.h. */
#include "pam_control.h"

#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <strings.h>

#include <security/_pam_types.h>

_Static_assert((int)PAM_CONTROL_RESULTS == _PAM_RETURN_VALUES, "one action for each of PAM's results");

enum { PAM_ACTION_UNDEF = -6, PAM_JUMP_MAX = 1000 };

/* In the order of their numbers (libpam/pam_tokens.h). */
static const char *const pam_result_names[] = { "success",
						"open_err",
						"symbol_err",
						"service_err",
						"system_err",
						"buf_err",
						"perm_denied",
						"auth_err",
						"cred_insufficient",
						"authinfo_unavail",
						"user_unknown",
						"maxtries",
						"new_authtok_reqd",
						"acct_expired",
						"session_err",
						"cred_unavail",
						"cred_expired",
						"cred_err",
						"no_module_data",
						"conv_err",
						"authtok_err",
						"authtok_recover_err",
						"authtok_lock_busy",
						"authtok_disable_aging",
						"try_again",
						"ignore",
						"abort",
						"authtok_expired",
						"module_unknown",
						"bad_item",
						"conv_again",
						"incomplete" };
_Static_assert(sizeof(pam_result_names) / sizeof(pam_result_names[0]) == PAM_CONTROL_RESULTS, "one word for each of PAM's results");

/* The words for 0, -1, -2 ... */
static const char *const pam_action_names[] = { "ignore", "ok", "done", "bad", "die", "reset" };

const char *pam_control_result_name(int result)
{
	return pam_result_names[result];
}

static void pam_set_default(int *actions, int action)
{
	for (int i = 0; i < PAM_CONTROL_RESULTS; i++) {
		if (actions[i] == PAM_ACTION_UNDEF)
			actions[i] = action;
	}
}

/* The length of the name that the text begins with, and which it is; 0: none. */
static size_t pam_name_at(const char *text, const char *const *names, int count, int *ret_index)
{
	for (int i = 0; i < count; i++) {
		size_t length = strlen(names[i]);

		if (strncmp(text, names[i], length) == 0) {
			*ret_index = i;
			return length;
		}
	}
	return 0;
}

/* The action at *text, which moves behind it. */
static bool pam_read_action(const char **text, int *ret_action)
{
	int value = 0;
	size_t length = pam_name_at(*text, pam_action_names, (int)(sizeof(pam_action_names) / sizeof(pam_action_names[0])), &value);

	if (length > 0) {
		*ret_action = -value;
		*text += length;
		return true;
	}
	for (; **text >= '0' && **text <= '9'; (*text)++)
		value = value > PAM_JUMP_MAX ? value : value * 10 + (**text - '0');
	*ret_action = value;
	return value > 0;
}

/* [value=action ...], as libpam's _pam_parse_control. */
static bool pam_read_pairs(const char *text, int *actions)
{
	while (*(text += strspn(text, " \n\t")) != '\0') {
		int result = PAM_CONTROL_RESULTS;
		int action = 0;
		size_t length = pam_name_at(text, pam_result_names, PAM_CONTROL_RESULTS, &result);

		if (length == 0 && strncmp(text, "default", strlen("default")) == 0)
			length = strlen("default");
		if (length == 0)
			return false;
		text += length;
		text += strspn(text, " \n\t");
		if (*text++ != '=')
			return false;
		text += strspn(text, " \n\t");
		if (!pam_read_action(&text, &action))
			return false;
		if (result == PAM_CONTROL_RESULTS)
			pam_set_default(actions, action);
		else
			actions[result] = action;
	}
	return true;
}

static void pam_set_word(int *actions, int good, int bad)
{
	actions[PAM_SUCCESS] = good;
	actions[PAM_NEW_AUTHTOK_REQD] = good;
	if (bad != PAM_ACTION_IGNORE)
		actions[PAM_IGNORE] = PAM_ACTION_IGNORE;
	pam_set_default(actions, bad);
}

const char *pam_control_read(const char *control, int actions[PAM_CONTROL_RESULTS])
{
	static const struct {
		const char *word;
		int good;
		int bad;
	} words[] = {
		{ "required", PAM_ACTION_OK, PAM_ACTION_BAD },
		{ "requisite", PAM_ACTION_OK, PAM_ACTION_DIE },
		{ "optional", PAM_ACTION_OK, PAM_ACTION_IGNORE },
		{ "sufficient", PAM_ACTION_DONE, PAM_ACTION_IGNORE },
	};

	for (int i = 0; i < PAM_CONTROL_RESULTS; i++)
		actions[i] = PAM_ACTION_UNDEF;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcasecmp(control, words[i].word) == 0) {
			pam_set_word(actions, words[i].good, words[i].bad);
			return NULL;
		}
	}
	if (pam_read_pairs(control, actions)) {
		pam_set_default(actions, PAM_ACTION_BAD);
		return NULL;
	}
	for (int i = 0; i < PAM_CONTROL_RESULTS; i++)
		actions[i] = PAM_ACTION_BAD;
	return "its control is none that PAM knows";
}
