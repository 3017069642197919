/* check_filters - see check_filters.h. */
#include "check_filters.h"

#include "filter.h"
#include "policy.h"
#include "unix_groups.h"

/* Tells whether a name means somebody here. */
typedef enum otp_err check_filters_finder(const char *name, bool *ret_found);

static enum otp_err check_filters_find_user(const char *name, bool *ret_found)
{
	struct policy_user user;
	enum otp_err err = policy_look_up(name, &user);

	*ret_found = err == OTP_OK;
	return err == OTP_ERR_USER_UNKNOWN || err == OTP_ERR_USER_NAME ? OTP_OK : err;
}

/* Which words stand for whom is not known beforehand where there are wildcards. */
static void check_filters_list(const struct check *check, const struct option_words *list, check_filters_finder *find, const struct finding *unknown)
{
	for (size_t i = 0; i < list->count; i++) {
		const char *word = list->words[i];
		const char *name = word[0] == '!' ? word + 1 : word;
		bool found = true;
		struct note note = { "" };
		enum otp_err err = filter_is_literal(name) ? find(name, &found) : OTP_OK;

		note_set(&note, "%s: %s", unknown->where, name);
		if (err != OTP_OK)
			check_error(check, unknown->where, err, &note);
		else if (!found)
			report_add(check->report, unknown, "%s: there is no %s of this name here%s", name, unknown->where[0] == 'u' ? "account" : "group",
				   word[0] == '!' ? ", so nobody is excluded by it" : "");
	}
}

void check_filters(const struct check *check)
{
	static const struct finding user = { REPORT_WARNING, "unknown_user", "users",
					     "Write the name as getent passwd shows it, or take it out of users." };
	static const struct finding group = { REPORT_WARNING, "unknown_group", "groups",
					      "Write the name as getent group shows it, or take it out of groups. Groups of the pool belong into require_group." };

	check_filters_list(check, &check->options->users, check_filters_find_user, &user);
	check_filters_list(check, &check->options->groups, unix_groups_exists, &group);
}

void check_filters_services(const struct check *check, const struct pam_use *use)
{
	struct finding finding = { REPORT_WARNING, "require_group_unused", "",
				   "Name the service as its file in /etc/pam.d is called, and write the module into that file, or take the setting out." };
	const struct option_services *services = &check->options->require_group_service;

	for (size_t i = 0; i < services->count; i++) {
		if (check_pam_asks(use, services->entries[i].name))
			continue;
		report_add(check->report, &finding, "require_group.%s: no PAM service of this name asks for a code, so it counts nowhere",
			   services->entries[i].name);
	}
}
