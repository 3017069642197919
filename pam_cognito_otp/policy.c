/* policy - see policy.h. */
#include "policy.h"

#include <errno.h>
#include <pwd.h>
#include <stdlib.h>
#include <string.h>

#include "filter.h"

enum { POLICY_RECORD_FIRST = 1024, POLICY_RECORD_MAX = 1024 * 1024 };

typedef int policy_lookup(const void *key, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found);

static int policy_by_name(const void *key, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found)
{
	return getpwnam_r(key, record, buffer, size, ret_found);
}

static int policy_by_uid(const void *key, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found)
{
	return getpwuid_r(*(const uid_t *)key, record, buffer, size, ret_found);
}

/*
 * Looks an account up and compares its name with `name`. OTP_ERR_USER_UNKNOWN: there is none. OTP_ERR_USER_NAME: it is called otherwise (some name services
 * ignore case). getpw*_r returns 0 or one of these numbers for "not found", see getpwnam(3).
 */
static enum otp_err policy_account(policy_lookup *lookup, const void *key, const char *name, uid_t *ret_uid, gid_t *ret_gid)
{
	size_t size = POLICY_RECORD_FIRST;
	struct passwd record;
	struct passwd *found = NULL;
	char *buffer = NULL;
	enum otp_err err;
	int failed;

	do {
		free(buffer);
		buffer = malloc(size);
		if (buffer == NULL)
			return OTP_ERR_MEMORY;
		failed = lookup(key, &record, buffer, size, &found);
		size *= 4;
	} while (failed == ERANGE && size <= POLICY_RECORD_MAX);
	if (found != NULL) {
		err = strcmp(record.pw_name, name) == 0 ? OTP_OK : OTP_ERR_USER_NAME;
		*ret_uid = record.pw_uid;
		*ret_gid = record.pw_gid;
	} else if (failed == 0 || failed == ENOENT || failed == ESRCH || failed == EBADF || failed == EPERM) {
		err = OTP_ERR_USER_UNKNOWN;
	} else {
		err = OTP_ERR_SYSTEM;
	}
	free(buffer);
	return err;
}

static enum otp_err policy_find_account(const char *user, uid_t *ret_uid, gid_t *ret_gid)
{
	uid_t again;
	gid_t unused;
	enum otp_err err = policy_account(policy_by_name, user, user, ret_uid, ret_gid);

	if (err != OTP_OK)
		return err;
	return policy_account(policy_by_uid, ret_uid, user, &again, &unused);
}

/* `ignore` must not become a way around everything: not for root, and not when the map has vanished or was emptied. */
static enum otp_err policy_unmapped(const struct options *options, uid_t uid, const struct user_map_entry *entry)
{
	if (options->unmapped == UNMAPPED_IGNORE && uid != 0 && entry->map_size > 0)
		return OTP_IGNORED;
	return OTP_ERR_USER_UNMAPPED;
}

static enum otp_err policy_map(const struct options *options, const char *name, struct policy_user *user, struct note *note)
{
	struct user_map_settings settings = { options->user_map, options->user_map_named, options->user_template };
	struct user_map_entry entry;
	enum otp_err err;

	user->map_mark = file_mark_of(options->user_map);
	err = user_map_find(&settings, name, &entry, note);

	if (err != OTP_OK)
		return err;
	user->map_read = true;
	/* A template maps everybody, root needs a line of his own: root@ is often a ticket queue that many people read. */
	if (!entry.found || (entry.from_template && user->uid == 0))
		return policy_unmapped(options, user->uid, &entry);
	user->from_template = entry.from_template;
	user->people_count = entry.count;
	memcpy(user->people, entry.people, sizeof(user->people));
	user->shared = entry.count > 1;
	user->mapped = !user->shared;
	if (user->mapped)
		user->identity = entry.people[0];
	return OTP_OK;
}

bool policy_choose(struct policy_user *user, const char *value)
{
	for (size_t i = 0; user->shared && i < user->people_count; i++) {
		if (strcmp(user->people[i].value, value) != 0)
			continue;
		user->identity = user->people[i]; /* user_map lets no value stand there twice */
		user->mapped = true;
		return true;
	}
	return false;
}

enum otp_err policy_look_up(const char *user, struct policy_user *ret_user)
{
	memset(ret_user, 0, sizeof(*ret_user));
	ret_user->looked_up = policy_find_account(user, &ret_user->uid, &ret_user->gid);
	ret_user->known = ret_user->looked_up == OTP_OK;
	return ret_user->looked_up;
}

static bool policy_is_failure(enum otp_err err)
{
	return err_class(err) == OTP_CLASS_SYSTEM || err_class(err) == OTP_CLASS_MEMORY;
}

/*
 * Whether there is such an account, and the settings admit it. The groups are looked up for names without an account, too: while their
 * source is away the failure must not tell which names are accounts.
 */
static enum otp_err policy_filter(const struct options *options, const char *name, const struct policy_user *user, struct note *note)
{
	enum otp_err groups = filter_groups(options, name, user->gid);
	enum otp_err err = user->looked_up;

	if (policy_is_failure(groups)) {
		note_set(note, "groups: the user's groups cannot be looked up");
		return groups;
	}
	if (err == OTP_OK)
		err = filter_account(options, name, user->uid);
	if (err == OTP_ERR_USER_FILTERED)
		note_set(note, "users");
	if (err != OTP_OK || groups == OTP_OK)
		return err;
	note_set(note, "groups");
	return groups;
}

enum otp_err policy_judge(const struct options *options, const char *name, struct policy_user *user, struct note *note)
{
	struct policy_user nobody = *user;
	enum otp_err filtered;
	enum otp_err err;

	if (policy_is_failure(user->looked_up))
		return user->looked_up;
	/* The map is read for everybody, names without an account too: a mistake in it must show, and take the same time, whoever asks. */
	err = policy_map(options, name, user->known ? user : &nobody, note);
	if (err != OTP_OK && err != OTP_IGNORED && err != OTP_ERR_USER_UNMAPPED)
		return err;
	filtered = policy_filter(options, name, user, note);
	return filtered != OTP_OK ? filtered : err;
}

enum otp_err policy_confirm(const char *user, const struct policy_user *judged)
{
	uid_t uid = 0;
	gid_t gid;
	enum otp_err err = policy_find_account(user, &uid, &gid);

	if (err == OTP_ERR_USER_UNKNOWN || err == OTP_ERR_USER_NAME || (err == OTP_OK && uid != judged->uid))
		return OTP_ERR_USER_CHANGED;
	return err;
}
