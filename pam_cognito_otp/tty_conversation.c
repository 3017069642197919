/* tty_conversation - see tty_conversation.h. */
#include "tty_conversation.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { TTY_ANSWER_MAX = 512 }; /* bytes, as in PAM */

static const int tty_signals[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGALRM, SIGPIPE, SIGUSR1, SIGUSR2, SIGTSTP, SIGTTIN, SIGTTOU };
enum { TTY_SIGNALS = sizeof(tty_signals) / sizeof(tty_signals[0]) };

/* The last of tty_signals that came while somebody was asked. A handler has no other place to say so. */
static volatile sig_atomic_t tty_caught;

static void tty_catch(int number)
{
	tty_caught = number;
}

enum otp_err tty_open(struct tty_door *ret_door, struct deadline *deadline)
{
	ret_door->fd = open("/dev/tty", O_RDWR | O_NOCTTY | O_CLOEXEC);
	ret_door->deadline = deadline;
	return ret_door->fd < 0 ? OTP_ERR_CONVERSATION : OTP_OK;
}

void tty_close(struct tty_door *door)
{
	if (door->fd >= 0)
		(void)close(door->fd);
	door->fd = -1;
}

static enum otp_err tty_put(int fd, const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t put = write(fd, text, left);

		if (put < 0 && errno == EINTR && tty_caught == 0)
			continue;
		if (put <= 0)
			return OTP_ERR_CONVERSATION;
		text += put;
		left -= (size_t)put;
	}
	return OTP_OK;
}

/* What is beyond the longest answer is read and forgotten, so that it is not the next one. */
static enum otp_err tty_read_line(int fd, char *line, size_t *ret_length)
{
	char c = '\0';

	*ret_length = 0;
	while (c != '\n') {
		ssize_t got = read(fd, &c, 1);

		if (got < 0 && errno == EINTR && tty_caught == 0)
			continue;
		if (got <= 0)
			return OTP_ERR_CONVERSATION;
		if (c != '\n' && *ret_length < TTY_ANSWER_MAX)
			line[(*ret_length)++] = c;
	}
	return OTP_OK;
}

static enum otp_err tty_exchange(int fd, const char *prompt, struct secret *ret_answer)
{
	char line[TTY_ANSWER_MAX];
	size_t length = 0;
	enum otp_err err = tty_put(fd, prompt);

	if (err == OTP_OK)
		err = tty_read_line(fd, line, &length);
	if (err == OTP_OK)
		err = secret_set(ret_answer, line, length);
	explicit_bzero(line, sizeof(line));
	return err;
}

static void tty_catch_all(struct sigaction saved[TTY_SIGNALS])
{
	struct sigaction action = { .sa_handler = tty_catch }; /* without SA_RESTART: the read must end */

	tty_caught = 0;
	for (size_t i = 0; i < TTY_SIGNALS; i++) {
		(void)sigaction(tty_signals[i], NULL, &saved[i]);
		if (saved[i].sa_handler != SIG_IGN)
			(void)sigaction(tty_signals[i], &action, NULL);
	}
}

/* Whatever came in between now does what it would have done; after ^Z and fg we go on without an answer. */
static void tty_catch_none(const struct sigaction saved[TTY_SIGNALS])
{
	for (size_t i = 0; i < TTY_SIGNALS; i++)
		(void)sigaction(tty_signals[i], &saved[i], NULL);
	if (tty_caught != 0)
		(void)raise((int)tty_caught);
}

/* Asked without echo, the person's Enter is not shown either: the next words would stand on the same line. */
static enum otp_err tty_ask_hidden(int fd, const char *prompt, struct secret *ret_answer)
{
	struct termios before;
	struct termios hidden;
	enum otp_err err;

	if (tcgetattr(fd, &before) != 0)
		return OTP_ERR_CONVERSATION;
	hidden = before;
	hidden.c_lflag &= ~(tcflag_t)(ECHO | ECHONL);
	if (tcsetattr(fd, TCSAFLUSH, &hidden) != 0)
		return OTP_ERR_CONVERSATION;
	err = tty_exchange(fd, prompt, ret_answer);
	(void)tty_put(fd, "\n");
	/* in the background each try brings SIGTTOU: without an end here nothing but SIGKILL would end us; the shell has its own modes there */
	while (tcsetattr(fd, TCSAFLUSH, &before) != 0 && errno == EINTR && tty_caught != SIGTTOU)
		;
	return err;
}

static enum otp_err tty_ask(void *arg, const char *prompt, bool echo, struct secret *ret_answer)
{
	struct tty_door *door = arg;
	struct sigaction saved[TTY_SIGNALS];
	enum otp_err err;

	deadline_pause(door->deadline);
	tty_catch_all(saved);
	err = echo ? tty_exchange(door->fd, prompt, ret_answer) : tty_ask_hidden(door->fd, prompt, ret_answer);
	tty_catch_none(saved);
	deadline_resume(door->deadline);
	return err;
}

static void tty_say(void *arg, const char *text)
{
	const struct tty_door *door = arg;

	tty_caught = 0;
	if (tty_put(door->fd, text) == OTP_OK)
		(void)tty_put(door->fd, "\n");
}

static void tty_rest(void *arg, int64_t ms)
{
	struct tty_door *door = arg;

	deadline_pause(door->deadline);
	clock_sleep_until_ms(clock_monotonic_ms() + ms);
	deadline_resume(door->deadline);
}

struct conversation tty_conversation(struct tty_door *door)
{
	struct conversation conversation = { door, tty_ask, tty_say, tty_say, tty_rest };

	return conversation;
}
