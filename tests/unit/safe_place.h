/*
 * safe_place - a directory for the files of a test, one that safe_file trusts. It is made where the test runs, since /tmp is everybody's; where that is
 * not safe either, tests that need it are skipped and say which directory is to blame.
 *
 * Whatever else fails here ends the program.
 */
#ifndef OTP_TEST_SAFE_PLACE_H
#define OTP_TEST_SAFE_PLACE_H

#include "assert_err.h"

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char safe_place[PATH_MAX];
static char safe_place_blame[PATH_MAX + 64]; /* "" when it is safe */

static inline void safe_place_must(bool done, const char *what)
{
	if (done)
		return;
	perror(what);
	abort();
}

/* Our own words, not those of safe_file: the test must not trust what it tests. */
static inline void safe_place_judge(const char *path)
{
	struct stat st;

	safe_place_must(lstat(path, &st) == 0, path);
	if ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 022) != 0)
		(void)snprintf(safe_place_blame, sizeof(safe_place_blame), "others may write to %s", path);
}

/* Group setup. */
static inline int safe_place_setup(void **state)
{
	char parent[PATH_MAX];
	char *name;

	(void)state;
	safe_place_must(realpath(".", parent) != NULL, "realpath");
	safe_place_must(snprintf(safe_place, sizeof(safe_place), "%s/unit-test-XXXXXX", parent) < PATH_MAX, parent);
	safe_place_judge("/");
	for (name = strchr(parent + 1, '/'); name != NULL; name = strchr(name + 1, '/')) {
		*name = '\0';
		safe_place_judge(parent);
		*name = '/';
	}
	safe_place_judge(parent);
	if (mkdtemp(safe_place) == NULL)
		(void)snprintf(safe_place_blame, sizeof(safe_place_blame), "no directory can be made in %s", parent);
	return 0;
}

static inline int safe_place_remove(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st, (void)type, (void)walk;
	return remove(path);
}

/* Group teardown. */
static inline int safe_place_teardown(void **state)
{
	(void)state;
	(void)nftw(safe_place, safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	return 0;
}

/* The first statement of a test that needs the place. */
static inline void safe_place_needed(void)
{
	if (safe_place_blame[0] == '\0')
		return;
	print_message("# skipped: %s\n", safe_place_blame);
	skip();
}

/* The path of `name` in it; good until the eighth call from now. */
static inline const char *safe_place_path(const char *name)
{
	static char paths[8][PATH_MAX];
	static unsigned int next;
	char *path = paths[next++ % 8];

	safe_place_must(snprintf(path, PATH_MAX, "%s/%s", safe_place, name) < PATH_MAX, name);
	return path;
}

/* Replaces the file `name`. */
static inline void safe_place_write(const char *name, const void *bytes, size_t length, mode_t mode)
{
	const char *path = safe_place_path(name);
	int fd;

	(void)unlink(path);
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	safe_place_must(fd >= 0, path);
	safe_place_must(write(fd, bytes, length) == (ssize_t)length, path);
	safe_place_must(fchmod(fd, mode) == 0, path);
	safe_place_must(close(fd) == 0, path);
}

static inline void safe_place_text(const char *name, const char *text)
{
	safe_place_write(name, text, strlen(text), 0644);
}

static inline void safe_place_mkdir(const char *name, mode_t mode)
{
	const char *path = safe_place_path(name);

	safe_place_must(mkdir(path, 0700) == 0, path);
	safe_place_must(chmod(path, mode) == 0, path);
}

/* Makes the directory `name` anew, 0700 and empty, and opens it. */
static inline int safe_place_open(const char *name)
{
	int dir;

	(void)nftw(safe_place_path(name), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	safe_place_mkdir(name, 0700);
	dir = open(safe_place_path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	safe_place_must(dir >= 0, name);
	return dir;
}

/* How many names are in it. */
static inline size_t safe_place_count(int dir)
{
	DIR *files = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	size_t count = 0;

	safe_place_must(files != NULL, "fdopendir");
	while ((entry = readdir(files)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	(void)closedir(files);
	return count;
}

static inline void safe_place_read_at(int dir, const char *name, void *bytes, size_t length, off_t offset)
{
	int fd = openat(dir, name, O_RDONLY | O_CLOEXEC);

	safe_place_must(fd >= 0 && pread(fd, bytes, length, offset) == (ssize_t)length, name);
	(void)close(fd);
}

static inline void safe_place_write_at(int dir, const char *name, const void *bytes, size_t length, off_t offset)
{
	int fd = openat(dir, name, O_WRONLY | O_CLOEXEC);

	safe_place_must(fd >= 0 && pwrite(fd, bytes, length, offset) == (ssize_t)length, name);
	(void)close(fd);
}

/* From now on no file can have a byte more than it has, as on a full disk; or it can again. */
static inline void safe_place_fill(bool full)
{
	static struct rlimit before;
	struct rlimit none;

	(void)signal(SIGXFSZ, full ? SIG_IGN : SIG_DFL);
	if (full)
		safe_place_must(getrlimit(RLIMIT_FSIZE, &before) == 0, "getrlimit");
	none = before;
	none.rlim_cur = 0;
	safe_place_must(setrlimit(RLIMIT_FSIZE, full ? &none : &before) == 0, "setrlimit");
}

/* Lets `count` processes do the same at once; returns how many of them said true. They must not assert: cmocka lives in their parent. */
static inline int safe_place_crowd(int count, bool (*act)(void *arg), void *arg)
{
	int gate[2];
	int said = 0;
	int status;

	safe_place_must(pipe2(gate, O_CLOEXEC) == 0, "pipe2");
	for (int i = 0; i < count; i++) {
		pid_t pid = fork();
		char byte;

		safe_place_must(pid >= 0, "fork");
		if (pid != 0)
			continue;
		(void)close(gate[1]);
		(void)!read(gate[0], &byte, 1); /* all wait until the gate is closed behind the last */
		_exit(act(arg) ? 1 : 0);
	}
	(void)close(gate[0]);
	(void)close(gate[1]);
	for (int i = 0; i < count; i++) {
		safe_place_must(wait(&status) > 0 && WIFEXITED(status), "wait");
		said += WEXITSTATUS(status);
	}
	return said;
}

#endif
