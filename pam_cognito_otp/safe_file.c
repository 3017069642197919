/* safe_file - see safe_file.h. */
#include "safe_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "log.h"

#define SAFE_DIR_FLAGS (O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)
#define SAFE_READ_FLAGS (O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC)

enum { SAFE_NAME_SIZE = 256, SAFE_TEMP_RANDOM = 8, SAFE_OPEN_TRIES = 8 };

static void safe_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define fd_auto __attribute__((cleanup(safe_close)))

static bool safe_owner(const struct stat *st)
{
	return st->st_uid == 0 || st->st_uid == geteuid();
}

static enum otp_err safe_ask(int fd, const char *path, enum safe_file_kind kind, bool directory, struct note *note)
{
	struct stat st;

	if (fstat(fd, &st) != 0) {
		note_set(note, "%s: %s", path, strerror(errno));
		return OTP_ERR_CONFIG_OPEN;
	}
	if (!directory && !S_ISREG(st.st_mode)) {
		note_set(note, "%s: not a regular file", path);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	if (!safe_owner(&st)) {
		note_set(note, "%s: belongs to uid %lu, not to root", path, (unsigned long)st.st_uid);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) {
		note_set(note, "%s: mode %04o lets others write", path, (unsigned int)st.st_mode & 07777U);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	if (!directory && kind == SAFE_FILE_SECRET && (st.st_mode & (S_IRWXG | S_IRWXO)) != 0) {
		note_set(note, "%s: mode %04o lets others read a secret; use chmod 0600", path, (unsigned int)st.st_mode & 07777U);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	return OTP_OK;
}

static enum otp_err safe_open_failed(const char *path, struct note *note)
{
	if (errno == ELOOP || errno == ENOTDIR) { /* ENOTDIR: O_DIRECTORY met the link itself */
		note_set(note, "%s: a symbolic link or no directory on the way", path);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	if (errno == EISDIR || errno == ENXIO) { /* opened for writing: a directory, a socket, a device without a driver */
		note_set(note, "%s: not a regular file", path);
		return OTP_ERR_CONFIG_UNSAFE;
	}
	note_set(note, "%s: %s", path, strerror(errno));
	return OTP_ERR_CONFIG_OPEN;
}

/* Steps from *dir into the component of `length` bytes, which must be a directory that is root's alone. */
static enum otp_err safe_step(int *dir, const char *path, const char *component, size_t length, struct note *note)
{
	char name[SAFE_NAME_SIZE];
	int next;

	if (length >= sizeof(name) || (length <= 2 && strspn(component, ".") >= length)) {
		note_set(note, "%s: not a plain absolute path", path);
		return OTP_ERR_CONFIG_OPEN;
	}
	memcpy(name, component, length);
	name[length] = '\0';
	next = openat(*dir, name, SAFE_DIR_FLAGS);
	if (next < 0)
		return safe_open_failed(path, note);
	(void)close(*dir);
	*dir = next;
	return safe_ask(*dir, path, SAFE_FILE_PUBLIC, true, note);
}

/* Opens the directory that holds the last component of `path`; *ret_name points into `path`. */
static enum otp_err safe_walk(const char *path, int *ret_dir, const char **ret_name, struct note *note)
{
	const char *rest = path + 1;
	const char *slash;
	int dir = -1;
	enum otp_err err = OTP_OK;

	if (path[0] != '/' || path[1] == '\0') {
		note_set(note, "%s: not an absolute path", path);
		return OTP_ERR_CONFIG_OPEN;
	}
	dir = open("/", SAFE_DIR_FLAGS);
	if (dir < 0)
		return safe_open_failed("/", note);
	err = safe_ask(dir, "/", SAFE_FILE_PUBLIC, true, note);
	for (; err == OTP_OK && (slash = strchr(rest, '/')) != NULL; rest = slash + 1)
		err = safe_step(&dir, path, rest, (size_t)(slash - rest), note);
	if (err != OTP_OK) {
		(void)close(dir);
		return err;
	}
	*ret_dir = dir;
	*ret_name = rest;
	return OTP_OK;
}

enum otp_err safe_file_open(const char *path, enum safe_file_kind kind, int *ret_fd, struct note *note)
{
	fd_auto int dir = -1;
	const char *name;
	int fd;
	enum otp_err err = safe_walk(path, &dir, &name, note);

	if (err != OTP_OK)
		return err;
	fd = openat(dir, name, SAFE_READ_FLAGS);
	if (fd < 0)
		return safe_open_failed(path, note);
	err = safe_ask(fd, path, kind, false, note);
	if (err != OTP_OK) {
		(void)close(fd);
		return err;
	}
	*ret_fd = fd;
	return OTP_OK;
}

/* Reads until the end, and one byte beyond `max` to notice what is too large; st_size is not trusted. */
static enum otp_err safe_slurp(int fd, const char *path, size_t max, struct secret *ret_bytes, struct note *note)
{
	size_t capacity = max + 1;
	size_t length = 0;
	ssize_t got;
	struct stat st;
	char *bytes;
	enum otp_err err;

	if (fstat(fd, &st) == 0 && st.st_size >= 0 && (size_t)st.st_size < max)
		capacity = (size_t)st.st_size + 1;
	bytes = malloc(capacity);
	if (bytes == NULL)
		return OTP_ERR_MEMORY;
	do {
		got = read(fd, bytes + length, capacity - length);
		if (got > 0)
			length += (size_t)got;
	} while ((got > 0 && length < capacity) || (got < 0 && errno == EINTR));
	if (got < 0) {
		note_set(note, "%s: %s", path, strerror(errno));
		err = OTP_ERR_CONFIG_OPEN;
	} else if (length == capacity) {
		note_set(note, "%s: larger than %zu bytes, or growing", path, max);
		err = OTP_ERR_CONFIG_OPEN;
	} else {
		struct secret whole = { bytes, length }; /* not copied: a map or a file of pins may have 16 MiB */

		bytes[length] = '\0';
		secret_move(ret_bytes, &whole);
		return OTP_OK;
	}
	explicit_bzero(bytes, capacity);
	free(bytes);
	return err;
}

enum otp_err safe_file_read(const char *path, enum safe_file_kind kind, size_t max, struct secret *ret_bytes, struct note *note)
{
	fd_auto int fd = -1;
	enum otp_err err = safe_file_open(path, kind, &fd, note);

	if (err != OTP_OK)
		return err;
	return safe_slurp(fd, path, max, ret_bytes, note);
}

enum otp_err safe_file_check(const char *path, enum safe_file_kind kind, struct note *note)
{
	fd_auto int fd = -1;

	return safe_file_open(path, kind, &fd, note);
}

static enum otp_err safe_state(enum otp_err err)
{
	if (err == OTP_ERR_CONFIG_UNSAFE)
		return OTP_ERR_STATE_UNSAFE;
	return err == OTP_ERR_CONFIG_OPEN ? OTP_ERR_STATE_IO : err;
}

/* mkdirat obeys the umask and the caller's gid: what was just made is set right through its descriptor. EEXIST: somebody else was first. */
static void safe_dir_make(int parent, const char *name)
{
	fd_auto int dir = -1;

	if (mkdirat(parent, name, 0700) != 0)
		return;
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 || fchown(dir, geteuid(), getegid()) != 0 || fchmod(dir, 0700) != 0)
		return; /* the check that follows says what is wrong with it */
}

enum otp_err safe_dir_open(const char *path, int *ret_dir, struct note *note)
{
	fd_auto int parent = -1;
	const char *name;
	struct stat st;
	int dir;
	enum otp_err err = safe_walk(path, &parent, &name, note);

	if (err != OTP_OK)
		return safe_state(err);
	dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (dir < 0 && errno == ENOENT) {
		safe_dir_make(parent, name);
		dir = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	}
	if (dir < 0)
		return safe_state(safe_open_failed(path, note));
	if (fstat(dir, &st) != 0 || !safe_owner(&st) || (st.st_mode & 0777) != 0700) {
		note_set(note, "%s: must belong to root with mode 0700", path);
		(void)close(dir);
		return OTP_ERR_STATE_UNSAFE;
	}
	*ret_dir = dir;
	return OTP_OK;
}

static enum otp_err safe_dir_ask(int fd, const char *name, struct stat *ret_st, struct note *note)
{
	enum otp_err err = safe_ask(fd, name, SAFE_FILE_SECRET, false, note);

	if (err != OTP_OK)
		return safe_state(err);
	if (fstat(fd, ret_st) != 0) {
		note_set(note, "%s: %s", name, strerror(errno));
		return OTP_ERR_STATE_IO;
	}
	if (ret_st->st_nlink > 1) { /* with none it has been replaced since we opened it, and what we read is whole */
		note_set(note, "%s: has other hard links", name);
		return OTP_ERR_STATE_UNSAFE;
	}
	return OTP_OK;
}

/* The caller closes *ret_fd. */
static enum otp_err safe_dir_open_asked(int dir, const char *name, int *ret_fd, struct stat *ret_st, struct note *note)
{
	int fd = openat(dir, name, SAFE_READ_FLAGS);
	enum otp_err err = fd < 0 ? safe_state(safe_open_failed(name, note)) : safe_dir_ask(fd, name, ret_st, note);

	if (err == OTP_OK)
		*ret_fd = fd;
	else
		safe_close(&fd);
	return err;
}

enum otp_err safe_dir_open_to_read(int dir, const char *name, int *ret_fd, struct note *note)
{
	struct stat st;

	return safe_dir_open_asked(dir, name, ret_fd, &st, note);
}

enum otp_err safe_dir_read(int dir, const char *name, size_t max, struct secret *ret_bytes, int64_t *ret_mtime, struct note *note)
{
	fd_auto int fd = -1;
	struct stat st;
	enum otp_err err = safe_dir_open_asked(dir, name, &fd, &st, note);

	if (err == OTP_OK)
		err = safe_state(safe_slurp(fd, name, max, ret_bytes, note));
	if (err == OTP_OK)
		*ret_mtime = st.st_mtim.tv_sec;
	return err;
}

static bool safe_write_all(int fd, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t put = write(fd, bytes, length);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		bytes += put;
		length -= (size_t)put;
	}
	return true;
}

static bool safe_temp_name(char *name, size_t size, const char *final)
{
	unsigned char random[SAFE_TEMP_RANDOM];
	unsigned long long number = 0;

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return false;
	for (size_t i = 0; i < sizeof(random); i++)
		number = number << 8 | random[i];
	return (size_t)snprintf(name, size, ".%s.%016llx", final, number) < size;
}

static enum otp_err safe_put(int dir, const char *name, const void *bytes, size_t length, unsigned int how, struct note *note)
{
	char temp[SAFE_NAME_SIZE];
	fd_auto int fd = -1;

	if (!safe_temp_name(temp, sizeof(temp), name)) {
		note_set(note, "%s: no random name", name);
		return OTP_ERR_STATE_IO;
	}
	fd = openat(dir, temp, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0) {
		note_set(note, "%s: %s", name, strerror(errno));
		return OTP_ERR_STATE_IO;
	}
	/* fsync before rename: after a power cut the name must lead to the old or the new bytes, not to an empty file */
	if (fchmod(fd, 0600) != 0 || !safe_write_all(fd, bytes, length) || fsync(fd) != 0 || renameat2(dir, temp, dir, name, how) != 0) {
		int why = errno;

		(void)unlinkat(dir, temp, 0);
		if (why == EEXIST && how == RENAME_NOREPLACE)
			return OTP_OK;
		note_set(note, "%s: %s", name, strerror(why));
		return OTP_ERR_STATE_IO;
	}
	return OTP_OK;
}

enum otp_err safe_dir_write(int dir, const char *name, const void *bytes, size_t length, struct note *note)
{
	return safe_put(dir, name, bytes, length, 0, note);
}

enum otp_err safe_dir_create(int dir, const char *name, const void *bytes, size_t length, struct note *note)
{
	return safe_put(dir, name, bytes, length, RENAME_NOREPLACE, note);
}

/* Whether the two are one file. */
static bool safe_same(const struct stat *one, const struct stat *other)
{
	return one->st_dev == other->st_dev && one->st_ino == other->st_ino;
}

void safe_dir_set_aside(int dir, const char *name, const struct stat *judged)
{
	char aside[SAFE_NAME_SIZE];
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !safe_same(&st, judged))
		return;
	if (!safe_temp_name(aside, sizeof(aside), name) || renameat(dir, name, dir, aside) != 0)
		return;
	if (fstatat(dir, aside, &st, AT_SYMLINK_NOFOLLOW) == 0 && !safe_same(&st, judged))
		(void)renameat2(dir, aside, dir, name, RENAME_NOREPLACE); /* somebody was faster, and that one is not ours to judge */
	else if (unlinkat(dir, aside, 0) != 0)
		(void)unlinkat(dir, aside, AT_REMOVEDIR); /* one with something in it stays there, out of the way, for root to look at */
}

void safe_dir_remove(int dir, const char *name)
{
	struct stat st;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0)
		safe_dir_set_aside(dir, name, &st);
}

/* What cannot be opened at all for what it is. OTP_ERR_STATE_UNSAFE with its *ret_st; OTP_OK: there is nothing (any more). */
static enum otp_err safe_ask_unopened(int dir, const char *name, struct stat *ret_st, struct note *note)
{
	int why = errno;
	enum otp_err err = safe_state(safe_open_failed(name, note));

	if (why == ENOENT)
		return OTP_OK;
	if (fstatat(dir, name, ret_st, AT_SYMLINK_NOFOLLOW) != 0)
		return err;
	if (S_ISREG(ret_st->st_mode))
		return OTP_ERR_STATE_IO;
	note_set(note, "%s: not a regular file", name); /* also a device on a nodev file system, which is opened by nobody */
	return OTP_ERR_STATE_UNSAFE;
}

/* Opens and judges. *ret_fd is -1 when there is no file, and with OTP_ERR_STATE_UNSAFE, when *ret_st is what was judged. */
static enum otp_err safe_open_shared(int dir, const char *name, off_t size, int *ret_fd, struct stat *ret_st, struct note *note)
{
	int fd = openat(dir, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	enum otp_err err;

	*ret_fd = -1;
	if (fd < 0)
		return safe_ask_unopened(dir, name, ret_st, note);
	err = fstat(fd, ret_st) == 0 && ret_st->st_nlink == 0 ? OTP_OK : safe_dir_ask(fd, name, ret_st, note);
	if (err == OTP_OK && ret_st->st_nlink == 0) { /* replaced while we were opening it: what is written there is lost */
		(void)close(fd);
		return OTP_OK;
	}
	if (err == OTP_OK && ret_st->st_size != size) {
		note_set(note, "%s: %lld bytes, not %lld", name, (long long)ret_st->st_size, (long long)size);
		err = OTP_ERR_STATE_UNSAFE;
	}
	if (err == OTP_OK)
		*ret_fd = fd;
	else
		(void)close(fd);
	return err;
}

enum otp_err safe_dir_open_file(int dir, const char *name, off_t size, int *ret_fd, struct note *note)
{
	enum otp_err err = OTP_OK;

	*ret_fd = -1;
	for (int i = 0; i < SAFE_OPEN_TRIES && *ret_fd < 0; i++) {
		struct note why = { "" };
		struct stat st = { .st_nlink = 1 };

		err = safe_open_shared(dir, name, size, ret_fd, &st, &why);
		if (err == OTP_OK && *ret_fd < 0 && st.st_nlink == 0)
			continue;
		if (err == OTP_ERR_STATE_UNSAFE) {
			log_warning("event=state_discarded detail=\"%s\"", why.text);
			safe_dir_set_aside(dir, name, &st);
			return OTP_OK;
		}
		if (err != OTP_OK)
			note_set(note, "%s", why.text);
		return err;
	}
	return err;
}
