/* session_token - see session_token.h. */
#include "session_token.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "safe_file.h"

#define TOKEN_WAITING "id-token-" /* in OTP_RUN_DIR */
#define TOKEN_UNFINISHED "."	  /* in OTP_TOKENS_DIR */

enum { TOKEN_MAX = 16 * 1024, TOKEN_NAME_SIZE = 80, TOKEN_DIR_MODE = 0711, TOKEN_MODE = 0400 };

static void token_close(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

#define token_fd_auto __attribute__((cleanup(token_close)))

static void token_name(char name[TOKEN_NAME_SIZE], const char *prefix, uid_t uid, const struct process *opener)
{
	(void)snprintf(name, TOKEN_NAME_SIZE, "%s%lu-%ld-%" PRIu64, prefix, (unsigned long)uid, (long)opener->pid, opener->start);
}

/* Whether it is such a name, written exactly so; whose process it was made for. */
static bool token_parse(const char *name, const char *prefix, struct process *ret_opener)
{
	char again[TOKEN_NAME_SIZE];
	unsigned long uid;
	long pid;
	uint64_t start;

	*ret_opener = (struct process)PROCESS_UNKNOWN;
	if (strncmp(name, prefix, strlen(prefix)) != 0 || sscanf(name + strlen(prefix), "%10lu-%10ld-%20" SCNu64, &uid, &pid, &start) != 3)
		return false;
	ret_opener->pid = (pid_t)pid;
	ret_opener->start = start;
	token_name(again, prefix, (uid_t)uid, ret_opener);
	return strcmp(again, name) == 0;
}

static enum otp_err token_failed(const char *name, struct note *note)
{
	note_set(note, "%s: %s", name, strerror(errno));
	return OTP_ERR_STATE_IO;
}

/* --- the two directories -------------------------------------------------------------------------------------------------------------- */

/* At once with its mode, not with less and then more: another session may be opened at the same moment. */
static int token_make_dir(int parent, const char *name)
{
	mode_t before = umask(0777 & ~TOKEN_DIR_MODE);
	int made = mkdirat(parent, name, TOKEN_DIR_MODE);
	int why = errno;

	(void)umask(before);
	errno = why;
	if (made != 0 && errno != EEXIST)
		return -1;
	return openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
}

/*
 * OTP_TOKENS_DIR stands beside OTP_RUN_DIR, whose way from / safe_dir_open has walked: `waiting` leads to the same parent, and no path is
 * followed a second time. *ret_dir is -1, with OTP_IGNORED, when there is none and `make` is false.
 */
static enum otp_err token_open_given(int waiting, bool make, int *ret_dir, struct note *note)
{
	token_fd_auto int parent = openat(waiting, "..", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	const char *name = strrchr(OTP_TOKENS_DIR, '/') + 1;
	struct stat st;
	int dir;

	*ret_dir = -1;
	dir = parent < 0 ? -1 : openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (parent >= 0 && dir < 0 && errno == ENOENT) {
		if (!make)
			return OTP_IGNORED;
		dir = token_make_dir(parent, name);
	}
	if (dir < 0)
		return token_failed(OTP_TOKENS_DIR, note);
	if (fstat(dir, &st) != 0 || (st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & 0777) != TOKEN_DIR_MODE) {
		note_set(note, "%s: must belong to root with mode 0711", OTP_TOKENS_DIR);
		(void)close(dir);
		return OTP_ERR_STATE_UNSAFE;
	}
	*ret_dir = dir;
	return OTP_OK;
}

/* Whether a file is no longer needed that was made for the session of `made_for`. */
typedef bool token_judge(int dir, const char *name, const struct process *made_for, const struct process *opener);

static void token_sweep(int dir, const char *prefix, token_judge *is_over, const struct process *opener)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct process made_for;

	if (files == NULL) {
		token_close(&fd);
		return;
	}
	while ((entry = readdir(files)) != NULL) {
		if (token_parse(entry->d_name, prefix, &made_for) && is_over(dir, entry->d_name, &made_for, opener))
			(void)unlinkat(dir, entry->d_name, 0);
	}
	(void)closedir(files);
}

/* --- waiting -------------------------------------------------------------------------------------------------------------------------- */

/* The wall clock may have been set: then it has waited too long. */
static bool token_is_late(int dir, const char *name)
{
	struct stat st;
	int64_t age;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return false;
	age = clock_wall() - st.st_mtim.tv_sec;
	return age < -CACHE_PENDING_S || age > CACHE_PENDING_S;
}

/* The one that was made for a child of the opener, sshd's that asked for the code, is the same token once more. */
static bool token_waits_in_vain(int dir, const char *name, const struct process *made_for, const struct process *opener)
{
	struct process now;

	if (token_is_late(dir, name) || !process_read(made_for->pid, &now) || now.start != made_for->start)
		return true;
	return opener != NULL && (now.pid == opener->pid || now.parent == opener->pid);
}

static enum otp_err token_wait(int dir, const struct process *opener, const struct cache_call *call, const struct secret *id_token,
			       struct note *note)
{
	char name[TOKEN_NAME_SIZE];

	token_name(name, TOKEN_WAITING, call->judged->uid, opener);
	return safe_dir_write(dir, name, id_token->bytes, id_token->length, note);
}

/*
 * sshd and login ask as root on behalf of those who come in; sudo and su in a session open none that began with them. Of a shared account
 * each person could read the others' tokens, and be them wherever a token is taken.
 */
static bool token_is_wanted(const struct cache_call *call)
{
	return call->options->session_tokens && call->real_uid == 0 && call->judged->known && call->judged->uid != 0 &&
	       !call->judged->shared && call->door.pid != 0;
}

enum otp_err session_token_keep(const struct cache_call *call, const struct secret *id_token, struct note *note)
{
	token_fd_auto int dir = -1;
	struct process parent;
	enum otp_err err;

	if (!token_is_wanted(call))
		return OTP_OK;
	if (id_token->length == 0 || id_token->length > TOKEN_MAX)
		return OTP_ERR_RESPONSE_TOKEN;
	err = safe_dir_open(OTP_RUN_DIR, &dir, note);
	if (err != OTP_OK)
		return err;
	token_sweep(dir, TOKEN_WAITING, token_waits_in_vain, NULL);
	err = token_wait(dir, &call->door, call, id_token, note);
	if (err == OTP_OK && call->ssh && process_read(call->door.parent, &parent))
		err = token_wait(dir, &parent, call, id_token, note);
	return err;
}

/* It waits no longer, whether it can be used or not. OTP_IGNORED: there is none, or it is of an earlier login. */
static enum otp_err token_take(int dir, uid_t uid, const struct process *opener, struct secret *ret_token, struct note *note)
{
	char name[TOKEN_NAME_SIZE];
	struct stat st;
	int64_t mtime;
	enum otp_err err;

	token_name(name, TOKEN_WAITING, uid, opener);
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return OTP_IGNORED;
	err = token_is_late(dir, name) ? OTP_IGNORED : safe_dir_read(dir, name, TOKEN_MAX, ret_token, &mtime, note);
	safe_dir_remove(dir, name);
	return err;
}

/* --- given ---------------------------------------------------------------------------------------------------------------------------- */

static bool token_is_left(int dir, const char *name, const struct process *made_for, const struct process *opener)
{
	(void)dir, (void)name, (void)opener;
	return !process_lives(made_for);
}

static bool token_write(int fd, const struct secret *token)
{
	size_t done = 0;

	while (done < token->length) {
		ssize_t put = write(fd, token->bytes + done, token->length - done);

		if (put < 0 && errno == EINTR)
			continue;
		if (put <= 0)
			return false;
		done += (size_t)put;
	}
	return true;
}

/* His from the moment it has its name. What cannot be written whole is taken away. */
static enum otp_err token_put(int dir, const char *name, const struct secret *token, uid_t uid, gid_t gid, struct note *note)
{
	char unfinished[TOKEN_NAME_SIZE + sizeof(TOKEN_UNFINISHED)];
	token_fd_auto int fd = -1;
	int why;

	(void)snprintf(unfinished, sizeof(unfinished), TOKEN_UNFINISHED "%s", name);
	(void)unlinkat(dir, unfinished, 0); /* of a helper that was killed; nobody but root has a name here */
	fd = openat(dir, unfinished, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, TOKEN_MODE);
	if (fd >= 0 && token_write(fd, token) && fchmod(fd, TOKEN_MODE) == 0 && fchown(fd, uid, gid) == 0 &&
	    renameat(dir, unfinished, dir, name) == 0)
		return OTP_OK;
	why = errno;
	(void)unlinkat(dir, unfinished, 0);
	errno = why;
	return token_failed(OTP_TOKENS_DIR, note);
}

static enum otp_err token_give(int waiting, const char *name, const struct secret *token, uid_t uid, gid_t gid, struct note *note)
{
	token_fd_auto int dir = -1;
	enum otp_err err = token_open_given(waiting, true, &dir, note);

	if (err != OTP_OK)
		return err;
	token_sweep(dir, "", token_is_left, NULL);
	token_sweep(dir, TOKEN_UNFINISHED, token_is_left, NULL);
	return token->length == 0 ? OTP_IGNORED : token_put(dir, name, token, uid, gid, note);
}

enum otp_err session_token_open(uid_t uid, gid_t gid, const struct process *opener, char ret_path[SESSION_TOKEN_PATH_SIZE], struct note *note)
{
	secret_auto struct secret token = SECRET_EMPTY;
	token_fd_auto int waiting = -1;
	char name[TOKEN_NAME_SIZE];
	enum otp_err err;

	ret_path[0] = '\0';
	if (uid == 0 || !process_began_session(opener))
		return OTP_IGNORED;
	err = safe_dir_open(OTP_RUN_DIR, &waiting, note);
	if (err != OTP_OK)
		return err;
	err = token_take(waiting, uid, opener, &token, note);
	token_sweep(waiting, TOKEN_WAITING, token_waits_in_vain, opener);
	if (err != OTP_OK && err != OTP_IGNORED)
		return err;
	token_name(name, "", uid, opener);
	err = token_give(waiting, name, &token, uid, gid, note);
	if (err == OTP_OK)
		(void)snprintf(ret_path, SESSION_TOKEN_PATH_SIZE, OTP_TOKENS_DIR "/%s", name);
	return err;
}

enum otp_err session_token_close(uid_t uid, const struct process *opener, struct note *note)
{
	token_fd_auto int waiting = -1;
	token_fd_auto int dir = -1;
	char name[TOKEN_NAME_SIZE];
	enum otp_err err;

	if (uid == 0 || !process_began_session(opener))
		return OTP_OK;
	err = safe_dir_open(OTP_RUN_DIR, &waiting, note);
	if (err == OTP_OK)
		err = token_open_given(waiting, false, &dir, note);
	if (err != OTP_OK)
		return err == OTP_IGNORED ? OTP_OK : err;
	token_name(name, "", uid, opener);
	if (unlinkat(dir, name, 0) != 0 && errno != ENOENT)
		return token_failed(OTP_TOKENS_DIR, note);
	return OTP_OK;
}
