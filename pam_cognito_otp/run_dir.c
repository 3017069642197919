/* run_dir - see run_dir.h. */
#include "run_dir.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "budget.h"
#include "challenge.h"
#include "clock.h"
#include "safe_file.h"

enum {
	RUN_DIR_SWEEPS_MAX = 64, /* of one call */
	RUN_DIR_STALE_S = 3600,		/* far longer than any challenge_ttl */
	RUN_DIR_IDLE_S = 86400 + 3600	/* longer than the longest window of a budget */
};

struct run_dir_sweep {
	int strangers;
	struct timespec oldest_time;
	char oldest[CHALLENGE_NAME_SIZE];
};

enum otp_err run_dir_open(int *ret_dir, struct note *note)
{
	enum otp_err err = safe_dir_open(OTP_RUN_DIR, ret_dir, note);

	if (err != OTP_OK)
		return err;
	err = budget_prepare(*ret_dir, note);
	if (err != OTP_OK)
		(void)close(*ret_dir);
	return err;
}

/* A budget of an account or uid. Those of all, and the one in reserve for a full disk, stay. */
static bool run_dir_is_somebodys(const char *name)
{
	return strncmp(name, "mails-proved-", 13) == 0 || strncmp(name, "mails-unproved-", 15) == 0 || strncmp(name, "mails-uid-", 10) == 0;
}

/* What killed processes left behind, challenges and standings that are long over, budgets untouched for longer than they count. */
static bool run_dir_is_rubbish(int dir, const char *name, const struct stat *st)
{
	int64_t age = clock_wall() - st->st_mtim.tv_sec;
	int64_t uid;
	bool stranger;

	if (name[0] == '.')
		return age > RUN_DIR_STALE_S;
	if (strncmp(name, RUN_DIR_STANDING, strlen(RUN_DIR_STANDING)) == 0)
		return age > RUN_DIR_STALE_S;
	if (challenge_is_name(name, &uid, &stranger)) /* the wall clock may have been set: it only saves us from opening all */
		return age > RUN_DIR_STALE_S && challenge_is_over(dir, name, RUN_DIR_STALE_S);
	return run_dir_is_somebodys(name) && age > RUN_DIR_IDLE_S && budget_is_idle(dir, name);
}

static bool run_dir_older(const struct timespec *one, const struct timespec *other)
{
	return one->tv_sec < other->tv_sec || (one->tv_sec == other->tv_sec && one->tv_nsec < other->tv_nsec);
}

static void run_dir_sweep_one(int dir, const char *name, struct run_dir_sweep *sweep)
{
	struct stat st;
	int64_t uid;
	bool stranger;

	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return;
	if (run_dir_is_rubbish(dir, name, &st)) {
		(void)unlinkat(dir, name, 0);
		return;
	}
	if (!challenge_is_name(name, &uid, &stranger) || !stranger || strlen(name) >= sizeof(sweep->oldest))
		return;
	if (sweep->strangers++ == 0 || run_dir_older(&st.st_mtim, &sweep->oldest_time)) {
		sweep->oldest_time = st.st_mtim;
		memcpy(sweep->oldest, name, strlen(name) + 1);
	}
}

/* NULL when it cannot be read. */
static DIR *run_dir_list(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);

	if (files == NULL && fd >= 0)
		(void)close(fd);
	return files;
}

/* Returns whether strangers have more files than they may still. */
static bool run_dir_sweep_once(int dir)
{
	struct run_dir_sweep sweep = { .strangers = 0 };
	DIR *files = run_dir_list(dir);
	const struct dirent *entry;

	if (files == NULL)
		return false;
	while ((entry = readdir(files)) != NULL)
		run_dir_sweep_one(dir, entry->d_name, &sweep);
	(void)closedir(files);
	if (sweep.strangers >= RUN_DIR_STRANGERS_MAX)
		(void)unlinkat(dir, sweep.oldest, 0);
	return sweep.strangers > RUN_DIR_STRANGERS_MAX;
}

/* Many that sweep at once may choose the same oldest file, and then all add one: the next ones take away more than one. */
void run_dir_sweep(int dir)
{
	for (int i = 0; i < RUN_DIR_SWEEPS_MAX && run_dir_sweep_once(dir); i++)
		;
}

enum otp_err run_dir_each(int dir, run_dir_visitor *visit, void *arg)
{
	DIR *files = run_dir_list(dir);
	const struct dirent *entry;
	enum otp_err err = OTP_OK;

	if (files == NULL)
		return OTP_ERR_STATE_IO;
	while (err == OTP_OK && (entry = readdir(files)) != NULL) {
		if (entry->d_name[0] != '.')
			err = visit(dir, entry->d_name, arg);
	}
	(void)closedir(files);
	return err;
}
