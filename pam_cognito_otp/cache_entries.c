/* cache_entries - see cache_entries.h. */
#include "cache_entries.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "policy.h"

struct entries_round {
	const char *user; /* NULL: everybody */
	bool uid_known;
	uid_t uid; /* of `user`: his account's, or that of a record of his name */
	cache_entry_visitor *visit;
	void *arg;
	struct cache_entry entry; /* of this visit */
};

static bool entries_is_asked_for(const struct entries_round *round, const struct cache_entry *entry, uid_t uid)
{
	if (round->user == NULL)
		return true;
	if (entry->user[0] != '\0')
		return strcmp(entry->user, round->user) == 0;
	return round->uid_known && uid == round->uid;
}

/* What was removed since the directory was read is not there any more. */
static enum otp_err entries_record(int dir, const struct cache_slot *slot, void *arg)
{
	struct entries_round *round = arg;
	struct cache_entry *entry = &round->entry;
	enum otp_err err = OTP_OK;

	memset(entry, 0, sizeof(*entry));
	cache_slot_name(slot, entry->file);
	entry->slot = *slot;
	entry->err = cache_read(dir, slot, &entry->record, &entry->note);
	if (entry->err == OTP_OK && !cache_record_bound(&entry->record, "user", entry->user, sizeof(entry->user)))
		entry->user[0] = '\0';
	if (entry->err != OTP_IGNORED && entries_is_asked_for(round, entry, slot->uid)) {
		if (!round->uid_known) {
			round->uid_known = true;
			round->uid = slot->uid;
		}
		err = round->visit(dir, entry, round->arg);
	}
	cache_record_done(&entry->record);
	return err;
}

/* cache-tokens-UID-ID, written exactly so. */
static bool entries_parse_tokens(const char *file, struct cache_tokens_name *ret_name)
{
	char again[CACHE_ENTRY_FILE_SIZE];
	unsigned long uid = 0;

	if (sscanf(file, "cache-tokens-%lu-%32[0-9a-f]", &uid, ret_name->id) != 2)
		return false;
	ret_name->uid = (uid_t)uid;
	(void)snprintf(again, sizeof(again), "cache-tokens-%lu-%s", (unsigned long)ret_name->uid, ret_name->id);
	return strcmp(again, file) == 0;
}

static enum otp_err entries_orphan(int dir, const char *file, struct entries_round *round)
{
	struct cache_entry *entry = &round->entry;

	memset(entry, 0, sizeof(*entry));
	if (!entries_parse_tokens(file, &entry->tokens) || cache_has_tokens(dir, entry->tokens.uid, entry->tokens.id))
		return OTP_OK;
	entry->orphan = true;
	memcpy(entry->file, file, strlen(file) + 1); /* it is one of ours, and fits */
	return entries_is_asked_for(round, entry, entry->tokens.uid) ? round->visit(dir, entry, round->arg) : OTP_OK;
}

static enum otp_err entries_orphans(int dir, struct entries_round *round)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *file;
	enum otp_err err = OTP_OK;

	if (files == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return OTP_ERR_STATE_IO;
	}
	while (err == OTP_OK && (file = readdir(files)) != NULL)
		err = entries_orphan(dir, file->d_name, round);
	(void)closedir(files);
	return err;
}

static void entries_find_uid(struct entries_round *round)
{
	struct policy_user account;

	round->uid_known = round->user != NULL && policy_look_up(round->user, &account) == OTP_OK;
	if (round->uid_known)
		round->uid = account.uid;
}

enum otp_err cache_entries_each(const struct options *options, const char *user, cache_entry_visitor *visit, void *arg, struct note *note)
{
	struct entries_round *round;
	int dir = -1;
	enum otp_err err;

	if (faccessat(AT_FDCWD, options->cache_dir, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return OTP_OK;
	err = cache_open(options, &dir, note);
	if (err != OTP_OK)
		return err;
	round = calloc(1, sizeof(*round));
	err = round == NULL ? OTP_ERR_MEMORY : OTP_OK;
	if (round != NULL) {
		round->user = user;
		round->visit = visit;
		round->arg = arg;
		entries_find_uid(round);
		err = cache_each(dir, entries_record, round);
		if (err == OTP_OK)
			err = entries_orphans(dir, round);
	}
	free(round);
	(void)close(dir);
	return err;
}
