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

/* What the words of a list are names of. */
struct check_filters_kind {
	const char *noun;
	check_filters_finder *find;
	struct finding unknown;
};

/* Whom a word with wildcards means is not known beforehand. */
static void check_filters_list(const struct check *check, const struct option_words *list, const struct check_filters_kind *kind)
{
	for (size_t i = 0; i < list->count; i++) {
		bool negated = list->words[i][0] == '!';
		const char *name = list->words[i] + (negated ? 1 : 0);
		bool found = true;
		enum otp_err err = filter_is_literal(name) ? kind->find(name, &found) : OTP_OK;
		struct note note;

		note_set(&note, "%s", name);
		if (err != OTP_OK)
			check_error(check, kind->unknown.where, err, &note);
		else if (!found)
			report_add(check->report, &kind->unknown, "%s: there is no %s of this name here%s", name, kind->noun,
				   negated ? ", so it keeps nobody out" : "");
	}
}

void check_filters(const struct check *check)
{
	static const struct check_filters_kind users = {
		"account", check_filters_find_user,
		{ REPORT_WARNING, "unknown_user", "users", "Write the name as getent passwd shows it, or take it out of users." }
	};
	static const struct check_filters_kind groups = {
		"group", unix_groups_exists,
		{ REPORT_WARNING, "unknown_group", "groups",
		  "Write the name as getent group shows it, or take it out of groups. Groups of the pool belong into "
		  "require_group." }
	};

	check_filters_list(check, &check->options->users, &users);
	check_filters_list(check, &check->options->groups, &groups);
}

void check_filters_services(const struct check *check, const struct pam_use *use)
{
	struct finding finding = { REPORT_WARNING, "require_group_unused", "",
				   "Name the service as its file in /etc/pam.d is called, and write the module into that file, or take "
				   "the setting out." };
	const struct option_services *services = &check->options->require_group_service;

	for (size_t i = 0; i < services->count; i++) {
		if (check_pam_asks(use, services->entries[i].name))
			continue;
		report_add(check->report, &finding, "require_group.%s: no PAM service of this name asks for a code, so it counts nowhere",
			   services->entries[i].name);
	}
}
