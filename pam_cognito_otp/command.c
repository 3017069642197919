/* command - see command.h. */
#include "command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include "clock.h"

enum { COMMAND_PIECE = 4096 };

static enum otp_err command_start(char *const argv[], int output, pid_t *ret_pid)
{
	char locale[] = "LC_ALL=C";
	char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	char *const environment[] = { locale, path, NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	sigset_t none;
	int failed;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return OTP_ERR_MEMORY;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return OTP_ERR_MEMORY;
	}
	(void)sigemptyset(&none);
	failed = posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
	failed = failed != 0 ? failed : posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
	failed = failed != 0 ? failed : posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
	failed = failed != 0 ? failed : posix_spawnattr_setsigmask(&attributes, &none);
	failed = failed != 0 ? failed : posix_spawnattr_setpgroup(&attributes, 0); /* what it starts is killed with it */
	failed = failed != 0 ? failed : posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
	failed = failed != 0 ? failed : posix_spawn(ret_pid, argv[0], &actions, &attributes, argv, environment);
	(void)posix_spawnattr_destroy(&attributes);
	(void)posix_spawn_file_actions_destroy(&actions);
	return failed == 0 ? OTP_OK : OTP_ERR_CONFIG_OPEN;
}

/* Until it has closed its end, or a bound is met. */
static enum otp_err command_read(int input, const struct deadline *deadline, struct strbuf *out)
{
	char piece[COMMAND_PIECE];
	struct pollfd waiting = { .fd = input, .events = POLLIN };
	ssize_t got = 1;

	while (got != 0) {
		int ready = poll(&waiting, 1, (int)deadline_left_ms(deadline));

		if (ready == 0)
			return OTP_ERR_NET_TIMEOUT;
		if (ready < 0 && errno != EINTR)
			return OTP_ERR_SYSTEM;
		if (ready < 0)
			continue;
		got = read(input, piece, sizeof(piece));
		if (got < 0 && errno != EINTR)
			return OTP_ERR_SYSTEM;
		if (got > 0)
			strbuf_add(out, piece, (size_t)got);
		if (out->failed != OTP_OK)
			return out->failed;
	}
	return OTP_OK;
}

/* It has closed its output; should it stay all the same, it is not waited for beyond the deadline. */
static bool command_ended(pid_t pid, const struct deadline *deadline, int *ret_status)
{
	pid_t ended;

	while ((ended = waitpid(pid, ret_status, WNOHANG)) == 0) {
		if (deadline_left_ms(deadline) == 0)
			return false;
		clock_sleep_until_ms(clock_monotonic_ms() + 1);
	}
	return ended == pid; /* -1 where SIGCHLD is ignored: then nothing is known of its status */
}

enum otp_err command_run(char *const argv[], int64_t limit_ms, struct strbuf *out, int *ret_status)
{
	struct deadline deadline = deadline_start(limit_ms);
	int ends[2];
	int status = 0;
	pid_t pid;
	enum otp_err err;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return OTP_ERR_SYSTEM;
	err = command_start(argv, ends[1], &pid);
	(void)close(ends[1]);
	if (err == OTP_OK) {
		err = command_read(ends[0], &deadline, out);
		if (err == OTP_OK && !command_ended(pid, &deadline, &status))
			err = OTP_ERR_NET_TIMEOUT;
		if (err != OTP_OK) {
			(void)kill(-pid, SIGKILL);
			(void)waitpid(pid, &status, 0);
		}
		*ret_status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
	}
	(void)close(ends[0]);
	return err;
}
