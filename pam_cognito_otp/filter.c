/* filter - see filter.h. */
#include "filter.h"

#include <fnmatch.h>
#include <string.h>

#include "unix_groups.h"

/* A list, and which of its words have matched so far. */
struct filter {
	const struct option_words *list;
	bool matched[OPTIONS_WORDS_MAX];
};

static bool filter_is_negated(const char *word)
{
	return word[0] == '!';
}

static const char *filter_pattern(const char *word)
{
	return filter_is_negated(word) ? word + 1 : word;
}

bool filter_is_literal(const char *word)
{
	return strpbrk(word, "*?[") == NULL;
}

/* Marks the words that match one of his names. */
static void filter_mark(void *arg, const char *name)
{
	struct filter *filter = arg;

	for (size_t i = 0; i < filter->list->count; i++) {
		if (fnmatch(filter_pattern(filter->list->words[i]), name, FNM_NOESCAPE) == 0)
			filter->matched[i] = true;
	}
}

static bool filter_admits(const struct filter *filter)
{
	bool positive = false;
	bool matched = false;

	for (size_t i = 0; i < filter->list->count; i++) {
		bool negated = filter_is_negated(filter->list->words[i]);

		if (negated && filter->matched[i])
			return false;
		positive = positive || !negated;
		matched = matched || (!negated && filter->matched[i]);
	}
	return matched || !positive;
}

enum otp_err filter_account(const struct options *options, const char *user, uid_t uid)
{
	struct filter users = { .list = &options->users };

	if (uid == 0 && !options->allow_root)
		return OTP_ERR_USER_ROOT;
	if (uid != 0 && uid < options->min_uid)
		return OTP_ERR_USER_SYSTEM;
	filter_mark(&users, user);
	return filter_admits(&users) ? OTP_OK : OTP_ERR_USER_FILTERED;
}

/*
 * One look-up for each word that is a name, whatever the number of his groups; and one for each of his groups only when a word has
 * wildcards. The first kind shows as well when the source of the groups is away, which a list of them hides.
 */
static enum otp_err filter_mark_groups(struct filter *filter, const struct unix_groups *groups)
{
	enum otp_err err = OTP_OK;
	bool wild = false;

	for (size_t i = 0; err == OTP_OK && i < filter->list->count; i++) {
		const char *pattern = filter_pattern(filter->list->words[i]);

		if (filter_is_literal(pattern))
			err = unix_groups_has(groups, pattern, &filter->matched[i]);
		else
			wild = true;
	}
	return err == OTP_OK && wild ? unix_groups_each_name(groups, filter_mark, filter) : err;
}

enum otp_err filter_groups(const struct options *options, const char *user, gid_t primary)
{
	struct filter filter = { .list = &options->groups };
	struct unix_groups groups;
	enum otp_err err;

	if (options->groups.count == 0)
		return OTP_OK;
	err = unix_groups_of(user, primary, &groups);
	if (err == OTP_OK)
		err = filter_mark_groups(&filter, &groups);
	unix_groups_done(&groups);
	if (err != OTP_OK)
		return err;
	return filter_admits(&filter) ? OTP_OK : OTP_ERR_USER_FILTERED;
}
