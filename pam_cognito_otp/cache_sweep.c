/* cache_sweep - see cache_sweep.h. */
#include "cache_sweep.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache.h"
#include "cache_session.h"
#include "safe_file.h"

enum {
	SWEEP_YOUNG_S = 2 * CACHE_PENDING_S, /* a login may be about to name these tokens */
	SWEEP_UNFINISHED_S = 3600,
	SWEEP_FILES_MAX = 64 /* that are looked at in one call: the person waits for it */
};

static bool sweep_is_over(const struct options *options, const struct cache_record *record)
{
	bool pending = record->slot.place == CACHE_PENDING;
	bool outlives = record->slot.place == CACHE_KEY && record->tokens[0] != '\0';

	return !cache_record_is_fresh(record, pending ? CACHE_PENDING_S : options->cache_ttl, options->clock_skew, outlives);
}

struct sweep {
	const struct options *options;
	int count;
};

/* OTP_IGNORED ends it: it has taken long enough. */
static enum otp_err sweep_record(int dir, const struct cache_slot *slot, void *arg)
{
	struct sweep *sweep = arg;
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	struct note note = { "" };
	enum otp_err err = cache_read(dir, slot, &record, &note);

	if (err != OTP_ERR_MEMORY && err != OTP_IGNORED && (err != OTP_OK || sweep_is_over(sweep->options, &record)))
		cache_remove(dir, slot);
	return ++sweep->count < SWEEP_FILES_MAX ? OTP_OK : OTP_IGNORED;
}

static enum otp_err sweep_session(int dir, const struct cache_slot *slot, void *arg)
{
	const uint32_t *session = arg;

	if (slot->place == CACHE_SESSION && slot->session == *session)
		cache_remove(dir, slot);
	return OTP_OK;
}

void cache_sweep_session(const struct options *options, uint32_t session)
{
	struct note note = { "" };
	int dir;

	if (!options->cache || session == PROCESS_NO_SESSION || cache_open(options, &dir, &note) != OTP_OK)
		return;
	(void)cache_each(dir, sweep_session, &session);
	(void)close(dir);
}

/* `cache-tokens-UID-ID` */
static bool sweep_is_named(int dir, const char *name)
{
	char id[CACHE_TOKENS_ID_SIZE + 1] = "";
	unsigned long uid = 0;

	return sscanf(name, "cache-tokens-%lu-%32[0-9a-f]", &uid, id) == 2 && cache_has_tokens(dir, (uid_t)uid, id);
}

static bool sweep_is_left(const char *cache_dir, int dir, const char *name)
{
	struct stat st;
	int64_t age;

	unsigned long session;

	if (sscanf(name, CACHE_SESSION_FILE "%lu", &session) == 1) /* whose opener is gone, without having closed it */
		return session < PROCESS_NO_SESSION && !cache_session_is_open(cache_dir, (uint32_t)session);
	if (strncmp(name, "cache-tokens-", 13) != 0 && strncmp(name, ".cache-", 7) != 0)
		return false;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	age = clock_wall() - st.st_mtim.tv_sec;
	return name[0] == '.' ? age > SWEEP_UNFINISHED_S : age > SWEEP_YOUNG_S && !sweep_is_named(dir, name);
}

static void sweep_files(const char *cache_dir, int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (files == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	for (int i = 0; i < SWEEP_FILES_MAX && (entry = readdir(files)) != NULL;) {
		i += strncmp(entry->d_name, "cache-tokens-", 13) == 0 || strncmp(entry->d_name, CACHE_SESSION_FILE, strlen(CACHE_SESSION_FILE)) == 0;
		if (sweep_is_left(cache_dir, dir, entry->d_name))
			safe_dir_remove(dir, entry->d_name);
	}
	(void)closedir(files);
}

void cache_sweep(const struct options *options)
{
	struct sweep sweep = { options, 0 };
	struct note note = { "" };
	int dir;

	if (cache_open(options, &dir, &note) != OTP_OK)
		return;
	(void)cache_each(dir, sweep_record, &sweep);
	sweep_files(options->cache_dir, dir);
	(void)close(dir);
}
