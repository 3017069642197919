/*
 * pam_driver - calls PAM as a program would, with a conversation that somebody else leads over stdin and stdout.
 *
 * pam_driver [OPTION...] SERVICE USER CALL...
 *   USER          - for none
 *   CALL          authenticate setcred delete_cred acct_mgmt open_session close_session chauthtok; or, between calls:
 *                 user=NAME tty=TEXT rhost=TEXT ruser=TEXT (nothing after the sign: the item becomes NULL), empty:ITEM (the item becomes
 * ""), restart (pam_end and pam_start), fresh (the same, without the items and the environment) -c DIR        stacks from here
 * (pam_start_confdir) -t -H -R TEXT PAM_TTY, PAM_RHOST, PAM_RUSER -e NAME=TEXT  PAM environment -r UID -g GID real user and group;
 * effective and saved ones stay -F NUMBER     flags of every call -C ignore     SIGCHLD is ignored; -C reap: its handler reaps every child
 *   -n            no conversation function
 *   -w            really wait where PAM wants a delay after a failure
 *   -x            descriptors 0 to 2 are closed during the calls
 *
 * Each message of the conversation is a line {"style":"echo_off|echo_on|info|error","count":messages at once,"text":...}. Questions are
 * answered by a line: a JSON string; null (PAM_CONV_ERR); a number (that code); none (PAM_SUCCESS without an array); nothing (an array
 * whose text is NULL); user "NAME" (sets PAM_USER; the answer follows in the next line). Each call ends with a line
 * {"call":...,"code":...,"number":...,"ms":...,"delay_us":...,"user":...}; after the last one comes {"call":"end",...}.
 *
 * Rules: libpam and libc only; nothing is waited for but PAM and stdin; the end of stdin is PAM_CONV_ERR.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setresuid */
#endif
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

enum { DRIVER_LINE_MAX = 64 * 1024, DRIVER_ENVIRONMENT_MAX = 32 };

struct driver {
	const char *service;
	const char *user;
	const char *confdir;
	const char *tty;
	const char *rhost;
	const char *ruser;
	const char *environment[DRIVER_ENVIRONMENT_MAX];
	int environment_count;
	int flags;
	bool without_conversation;
	bool waits;
	bool closed;
	unsigned int delay_us;
	FILE *in;
	FILE *out;
	pam_handle_t *pamh;
};

static void driver_fail(const char *what)
{
	(void)fprintf(stderr, "pam_driver: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- JSON, as much as is needed ---- */

static void driver_print_text(FILE *out, const char *text)
{
	if (text == NULL) {
		(void)fputs("null", out);
		return;
	}
	(void)fputc('"', out);
	for (; *text != '\0'; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			(void)fprintf(out, "\\%c", c);
		else if (c < 0x20 || c == 0x7f)
			(void)fprintf(out, "\\u%04x", c);
		else
			(void)fputc(c, out);
	}
	(void)fputc('"', out);
}

static char driver_escape(const char **from)
{
	const char *letters = "nrtbf";
	const char *meanings = "\n\r\t\b\f";
	const char *found;
	char digits[5] = { 0 };

	if (**from == 'u') {
		(void)strncpy(digits, *from + 1, 4);
		*from += strlen(digits);
		return (char)strtol(digits, NULL, 16);
	}
	found = strchr(letters, **from);
	return found == NULL ? **from : meanings[found - letters];
}

/* A JSON string whose code points above 127 come as bytes of their own; the text is allocated. */
static char *driver_parse_text(const char *json)
{
	char *text = malloc(strlen(json) + 1);
	char *to = text;

	if (text == NULL)
		driver_fail("memory");
	for (const char *from = json + 1; *from != '\0' && *from != '"'; from++) {
		if (*from == '\\' && from[1] != '\0') {
			from++;
			*to++ = driver_escape(&from);
		} else {
			*to++ = *from;
		}
	}
	*to = '\0';
	return text;
}

/* ---- the conversation ---- */

static const char *driver_style(int style)
{
	switch (style) {
	case PAM_PROMPT_ECHO_OFF:
		return "echo_off";
	case PAM_PROMPT_ECHO_ON:
		return "echo_on";
	case PAM_TEXT_INFO:
		return "info";
	case PAM_ERROR_MSG:
		return "error";
	default:
		return "unknown";
	}
}

static void driver_print_message(const struct driver *driver, const struct pam_message *message, int count)
{
	(void)fprintf(driver->out, "{\"style\":\"%s\",\"count\":%d,\"text\":", driver_style(message->msg_style), count);
	driver_print_text(driver->out, message->msg);
	(void)fputs("}\n", driver->out);
	(void)fflush(driver->out);
}

/* Reads the lines that answer one question. PAM_SUCCESS with *ret_text, or the code to return; *ret_none: no array. */
static int driver_read_answer(const struct driver *driver, char **ret_text, bool *ret_none)
{
	static char line[DRIVER_LINE_MAX];

	*ret_text = NULL;
	while (fgets(line, sizeof(line), driver->in) != NULL) {
		if (line[0] == '"') {
			*ret_text = driver_parse_text(line);
			return PAM_SUCCESS;
		}
		if (strncmp(line, "user \"", 6) == 0) {
			char *user = driver_parse_text(line + 5);

			(void)pam_set_item(driver->pamh, PAM_USER, user);
			free(user);
			continue;
		}
		*ret_none = strncmp(line, "none", 4) == 0;
		if (*ret_none || strncmp(line, "nothing", 7) == 0)
			return PAM_SUCCESS;
		return line[0] >= '0' && line[0] <= '9' ? (int)strtol(line, NULL, 10) : PAM_CONV_ERR;
	}
	return PAM_CONV_ERR;
}

static void driver_free_answers(struct pam_response *answers, int count)
{
	for (int i = 0; i < count; i++)
		free(answers[i].resp);
	free(answers);
}

static int driver_converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	const struct driver *driver = data;
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));
	bool none = false;
	int result = PAM_SUCCESS;

	*responses = NULL;
	if (answers == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count && result == PAM_SUCCESS; i++) {
		driver_print_message(driver, messages[i], count);
		if (messages[i]->msg_style == PAM_PROMPT_ECHO_OFF || messages[i]->msg_style == PAM_PROMPT_ECHO_ON)
			result = driver_read_answer(driver, &answers[i].resp, &none);
	}
	if (result != PAM_SUCCESS || none)
		driver_free_answers(answers, count);
	else
		*responses = answers;
	return result;
}

/* ---- the calls ---- */

#define CODE(name) [name] = #name

static const char *driver_code(int number)
{
	static const char *const names[] = {
		CODE(PAM_SUCCESS),	     CODE(PAM_OPEN_ERR),	 CODE(PAM_SYMBOL_ERR),	   CODE(PAM_SERVICE_ERR),
		CODE(PAM_SYSTEM_ERR),	     CODE(PAM_BUF_ERR),		 CODE(PAM_PERM_DENIED),	   CODE(PAM_AUTH_ERR),
		CODE(PAM_CRED_INSUFFICIENT), CODE(PAM_AUTHINFO_UNAVAIL), CODE(PAM_USER_UNKNOWN),   CODE(PAM_MAXTRIES),
		CODE(PAM_NEW_AUTHTOK_REQD),  CODE(PAM_ACCT_EXPIRED),	 CODE(PAM_SESSION_ERR),	   CODE(PAM_CRED_UNAVAIL),
		CODE(PAM_CRED_EXPIRED),	     CODE(PAM_CRED_ERR),	 CODE(PAM_NO_MODULE_DATA), CODE(PAM_CONV_ERR),
		CODE(PAM_AUTHTOK_ERR),	     CODE(PAM_IGNORE),		 CODE(PAM_ABORT),	   CODE(PAM_AUTHTOK_EXPIRED),
		CODE(PAM_MODULE_UNKNOWN),    CODE(PAM_BAD_ITEM),	 CODE(PAM_CONV_AGAIN),	   CODE(PAM_INCOMPLETE),
	};

	return number >= 0 && (size_t)number < sizeof(names) / sizeof(names[0]) && names[number] != NULL ? names[number] : "unknown";
}

static int64_t driver_now_ms(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* libpam calls this instead of sleeping. */
static void driver_delay(int result, unsigned int delay_us, void *data)
{
	struct driver *driver = data;

	(void)result;
	driver->delay_us = delay_us;
}

static void driver_set(struct driver *driver, int item, const char *text)
{
	int code = pam_set_item(driver->pamh, item, text);

	if (code != PAM_SUCCESS) {
		(void)fprintf(stderr, "pam_driver: item %d: %s\n", item, driver_code(code));
		exit(2);
	}
}

static void driver_start(struct driver *driver)
{
	struct pam_conv conversation = { driver_converse, driver };
	union {
		void (*function)(int, unsigned int, void *);
		const void *pointer;
	} delay = { driver_delay };
	int code;

	/* pam_start itself wants a conversation; it is taken away afterwards */
	if (driver->confdir != NULL)
		code = pam_start_confdir(driver->service, driver->user, &conversation, driver->confdir, &driver->pamh);
	else
		code = pam_start(driver->service, driver->user, &conversation, &driver->pamh);
	if (code != PAM_SUCCESS) {
		(void)fprintf(stderr, "pam_driver: pam_start: %s\n", driver_code(code));
		exit(2);
	}
	if (driver->without_conversation) {
		conversation.conv = NULL;
		driver_set(driver, PAM_CONV, (const char *)&conversation);
	}
	if (!driver->waits)
		driver_set(driver, PAM_FAIL_DELAY, delay.pointer);
	if (driver->tty != NULL)
		driver_set(driver, PAM_TTY, driver->tty);
	if (driver->rhost != NULL)
		driver_set(driver, PAM_RHOST, driver->rhost);
	if (driver->ruser != NULL)
		driver_set(driver, PAM_RUSER, driver->ruser);
	for (int i = 0; i < driver->environment_count; i++)
		(void)pam_putenv(driver->pamh, driver->environment[i]);
}

static int driver_run(struct driver *driver, const char *call)
{
	if (strcmp(call, "authenticate") == 0)
		return pam_authenticate(driver->pamh, driver->flags);
	if (strcmp(call, "setcred") == 0)
		return pam_setcred(driver->pamh, (int)((unsigned int)driver->flags | PAM_ESTABLISH_CRED));
	if (strcmp(call, "delete_cred") == 0)
		return pam_setcred(driver->pamh, (int)((unsigned int)driver->flags | PAM_DELETE_CRED));
	if (strcmp(call, "acct_mgmt") == 0)
		return pam_acct_mgmt(driver->pamh, driver->flags);
	if (strcmp(call, "open_session") == 0)
		return pam_open_session(driver->pamh, driver->flags);
	if (strcmp(call, "close_session") == 0)
		return pam_close_session(driver->pamh, driver->flags);
	if (strcmp(call, "chauthtok") == 0)
		return pam_chauthtok(driver->pamh, driver->flags);
	(void)fprintf(stderr, "pam_driver: no such call: %s\n", call);
	exit(2);
}

static void driver_report(struct driver *driver, const char *call, int code, int64_t ms)
{
	const void *user = NULL;

	if (driver->pamh != NULL)
		(void)pam_get_item(driver->pamh, PAM_USER, &user);
	(void)fprintf(driver->out, "{\"call\":\"%s\",\"code\":\"%s\",\"number\":%d,\"ms\":%lld,\"delay_us\":%u,\"user\":", call,
		      driver_code(code), code, (long long)ms, driver->delay_us);
	driver_print_text(driver->out, user);
	(void)fputs("}\n", driver->out);
	(void)fflush(driver->out);
}

static int driver_item(const char *name, size_t length)
{
	static const struct {
		const char *name;
		int item;
	} items[] = { { "user", PAM_USER }, { "tty", PAM_TTY }, { "rhost", PAM_RHOST }, { "ruser", PAM_RUSER } };

	for (size_t i = 0; i < sizeof(items) / sizeof(items[0]); i++) {
		if (strlen(items[i].name) == length && strncmp(items[i].name, name, length) == 0)
			return items[i].item;
	}
	return 0;
}

/* Words between calls; false if it is none of them. */
static bool driver_change(struct driver *driver, const char *word)
{
	const char *equals = strchr(word, '=');

	if (strcmp(word, "restart") == 0 || strcmp(word, "fresh") == 0) {
		(void)pam_end(driver->pamh, PAM_SUCCESS);
		if (word[0] == 'f') {
			driver->tty = driver->rhost = driver->ruser = NULL;
			driver->environment_count = 0;
		}
		driver_start(driver);
		return true;
	}
	if (strncmp(word, "empty:", 6) == 0 && driver_item(word + 6, strlen(word + 6)) != 0) {
		driver_set(driver, driver_item(word + 6, strlen(word + 6)), "");
		return true;
	}
	if (equals == NULL || driver_item(word, (size_t)(equals - word)) == 0)
		return false;
	driver_set(driver, driver_item(word, (size_t)(equals - word)), equals[1] == '\0' ? NULL : equals + 1);
	return true;
}

static void driver_call(struct driver *driver, const char *call)
{
	int64_t begin = driver_now_ms();
	int code;

	if (driver_change(driver, call))
		return;
	driver->delay_us = 0;
	code = driver_run(driver, call);
	driver_report(driver, call, code, driver_now_ms() - begin);
}

/* ---- the process ---- */

static void driver_reap(int number)
{
	int before = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = before;
}

static void driver_sigchld(const char *how)
{
	struct sigaction action = { .sa_handler = strcmp(how, "ignore") == 0 ? SIG_IGN : driver_reap, .sa_flags = SA_RESTART };

	(void)sigaction(SIGCHLD, &action, NULL);
}

static FILE *driver_channel(int fd, const char *mode)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 100);
	FILE *file = high < 0 ? NULL : fdopen(high, mode);

	if (file == NULL)
		driver_fail("channel");
	return file;
}

static void driver_option(struct driver *driver, int option, const char *value)
{
	switch (option) {
	case 'c':
		driver->confdir = value;
		break;
	case 't':
		driver->tty = value;
		break;
	case 'H':
		driver->rhost = value;
		break;
	case 'R':
		driver->ruser = value;
		break;
	case 'e':
		if (driver->environment_count < DRIVER_ENVIRONMENT_MAX)
			driver->environment[driver->environment_count++] = value;
		break;
	case 'F':
		driver->flags = (int)strtol(value, NULL, 0);
		break;
	case 'C':
		driver_sigchld(value);
		break;
	case 'g':
		if (setresgid((gid_t)strtoul(value, NULL, 10), (gid_t)-1, (gid_t)-1) != 0)
			driver_fail("gid");
		break;
	case 'r':
		if (setresuid((uid_t)strtoul(value, NULL, 10), (uid_t)-1, (uid_t)-1) != 0)
			driver_fail("uid");
		break;
	case 'n':
		driver->without_conversation = true;
		break;
	case 'w':
		driver->waits = true;
		break;
	case 'x':
		driver->closed = true;
		break;
	default:
		exit(2);
	}
}

int main(int argc, char **argv)
{
	struct driver driver = { .service = NULL };
	int option;
	int code;

	while ((option = getopt(argc, argv, "+c:t:H:R:e:F:C:g:r:nwx")) != -1)
		driver_option(&driver, option, optarg);
	if (argc - optind < 2) {
		(void)fputs("usage: pam_driver [-c DIR] [-t TTY] [-H RHOST] [-R RUSER] [-e NAME=TEXT] [-r UID] [-g GID] [-F FLAGS] [-C "
			    "ignore|reap] "
			    "[-n] [-w] [-x] SERVICE USER|- CALL...\n",
			    stderr);
		return 2;
	}
	driver.service = argv[optind];
	driver.user = strcmp(argv[optind + 1], "-") == 0 ? NULL : argv[optind + 1];
	driver.in = driver_channel(STDIN_FILENO, "r");
	driver.out = driver_channel(STDOUT_FILENO, "w");
	for (int fd = 0; driver.closed && fd <= STDERR_FILENO; fd++)
		(void)close(fd);
	driver_start(&driver);
	for (int i = optind + 2; i < argc; i++)
		driver_call(&driver, argv[i]);
	code = pam_end(driver.pamh, PAM_SUCCESS);
	driver.pamh = NULL;
	driver_report(&driver, "end", code, 0);
	return 0;
}
