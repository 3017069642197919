/* unix_groups - see unix_groups.h. */
#include "unix_groups.h"

#include <errno.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
	UNIX_GROUPS_FIRST = 64,
	UNIX_GROUPS_MAX = 65536 + 1, /* NGROUPS_MAX of Linux, and the primary one */
	UNIX_GROUPS_RECORD_FIRST = 4096,
	UNIX_GROUPS_RECORD_MAX = 64 * 1024 * 1024, /* bytes; a record holds the names of all members, and some groups have everybody */
	UNIX_GROUPS_DIGITS = 10
};

typedef int unix_groups_lookup(const void *key, struct group *record, char *buffer, size_t size, struct group **ret_found);

static int unix_groups_by_name(const void *key, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	return getgrnam_r(key, record, buffer, size, ret_found);
}

static int unix_groups_by_id(const void *key, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	return getgrgid_r(*(const gid_t *)key, record, buffer, size, ret_found);
}

/* A group that was looked up. The caller frees `buffer`, which the name stands in. */
struct unix_groups_record {
	bool found;
	gid_t id;
	const char *name;
	char *buffer;
};

/*
 * getgr*_r returns 0 or one of these numbers for "not found". getgrnam(3) names EBADF and EPERM as well: here that would open a list of words
 * with `!`.
 */
static enum otp_err unix_groups_look_up(unix_groups_lookup *lookup, const void *key, struct unix_groups_record *ret_record)
{
	size_t size = UNIX_GROUPS_RECORD_FIRST;
	struct group record;
	struct group *found = NULL;
	int failed;

	memset(ret_record, 0, sizeof(*ret_record));
	do {
		free(ret_record->buffer);
		ret_record->buffer = malloc(size);
		if (ret_record->buffer == NULL)
			return OTP_ERR_MEMORY;
		failed = lookup(key, &record, ret_record->buffer, size, &found);
		size *= 4;
	} while (failed == ERANGE && size <= UNIX_GROUPS_RECORD_MAX);
	ret_record->found = found != NULL;
	if (found != NULL) {
		ret_record->id = record.gr_gid;
		ret_record->name = record.gr_name;
		return OTP_OK;
	}
	return failed == 0 || failed == ENOENT || failed == ESRCH ? OTP_OK : OTP_ERR_SYSTEM;
}

/*
 * getgrouplist has no word for "one of the sources failed": it goes on with the next, and what is left is a shorter list. Of what the
 * sources leave in errno this is not left over from something that went well in the end, as ENOENT or EAGAIN may be.
 */
static bool unix_groups_failed(int number)
{
	static const int failures[] = { EMFILE, ENFILE, ENOMEM, EIO, EACCES, ELOOP, EISDIR, ETIMEDOUT, ECONNREFUSED };

	for (size_t i = 0; i < sizeof(failures) / sizeof(failures[0]); i++) {
		if (failures[i] == number)
			return true;
	}
	return false;
}

enum otp_err unix_groups_of(const char *user, gid_t primary, struct unix_groups *ret_groups)
{
	int room = UNIX_GROUPS_FIRST;
	int count;
	int found;

	*ret_groups = (struct unix_groups){ NULL, 0 };
	do {
		gid_t *ids = reallocarray(ret_groups->ids, (size_t)room, sizeof(*ids));

		if (ids == NULL) {
			unix_groups_done(ret_groups);
			return OTP_ERR_MEMORY;
		}
		ret_groups->ids = ids;
		count = room;
		errno = 0;
		found = getgrouplist(user, primary, ids, &count); /* -1: no room; what is needed is not always told */
		room = room * 4 > count ? room * 4 : count;
	} while (found < 0 && !unix_groups_failed(errno) && room <= UNIX_GROUPS_MAX * 4);
	if (found < 0 || unix_groups_failed(errno)) {
		unix_groups_done(ret_groups);
		return OTP_ERR_SYSTEM;
	}
	ret_groups->count = (size_t)count;
	return OTP_OK;
}

void unix_groups_done(struct unix_groups *groups)
{
	free(groups->ids);
	*groups = (struct unix_groups){ NULL, 0 };
}

static bool unix_groups_has_id(const struct unix_groups *groups, gid_t id)
{
	for (size_t i = 0; i < groups->count; i++) {
		if (groups->ids[i] == id)
			return true;
	}
	return false;
}

static void unix_groups_number(gid_t id, char out[UNIX_GROUPS_DIGITS + 1])
{
	(void)snprintf(out, UNIX_GROUPS_DIGITS + 1, "%lu", (unsigned long)id);
}

/* The id that a word stands for; *ret_found false: none. A number counts only as the id of a group that has no name. */
static enum otp_err unix_groups_id(const char *name, bool *ret_found, gid_t *ret_id)
{
	struct unix_groups_record record;
	enum otp_err err = unix_groups_look_up(unix_groups_by_name, name, &record);
	unsigned long number;
	char again[UNIX_GROUPS_DIGITS + 1];

	*ret_found = err == OTP_OK && record.found;
	*ret_id = record.id;
	free(record.buffer);
	if (err != OTP_OK || *ret_found || strlen(name) > UNIX_GROUPS_DIGITS || strspn(name, "0123456789") != strlen(name))
		return err;
	number = strtoul(name, NULL, 10);
	*ret_id = (gid_t)number;
	unix_groups_number(*ret_id, again);
	if (strcmp(again, name) != 0) /* a leading zero, nothing, or more than an id can be */
		return OTP_OK;
	err = unix_groups_look_up(unix_groups_by_id, ret_id, &record);
	*ret_found = err == OTP_OK && !record.found;
	free(record.buffer);
	return err;
}

enum otp_err unix_groups_has(const struct unix_groups *groups, const char *name, bool *ret_has)
{
	bool found;
	gid_t id;
	enum otp_err err = unix_groups_id(name, &found, &id);

	*ret_has = err == OTP_OK && found && unix_groups_has_id(groups, id);
	return err;
}

enum otp_err unix_groups_exists(const char *name, bool *ret_exists)
{
	gid_t id;

	return unix_groups_id(name, ret_exists, &id);
}

enum otp_err unix_groups_each_name(const struct unix_groups *groups, unix_groups_visitor *visit, void *arg)
{
	for (size_t i = 0; i < groups->count; i++) {
		char number[UNIX_GROUPS_DIGITS + 1];
		struct unix_groups_record record;
		enum otp_err err = unix_groups_look_up(unix_groups_by_id, &groups->ids[i], &record);

		unix_groups_number(groups->ids[i], number);
		if (err == OTP_OK)
			visit(arg, record.found ? record.name : number);
		free(record.buffer);
		if (err != OTP_OK)
			return err;
	}
	return OTP_OK;
}
