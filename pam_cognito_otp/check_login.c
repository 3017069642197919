/* check_login - see check_login.h. */
#include "check_login.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LOGIN_DEFS "/etc/login.defs"

enum { LOGIN_TIMEOUT_DEFAULT = 60, LOGIN_TIMEOUT_LEAST = 120, LOGIN_DEFS_MAX = 64 * 1024, LOGIN_WHERE_MAX = 64 };

/* As shadow reads it: the first word of the line, then the value, perhaps in quotes; a later line wins. */
int64_t check_login_timeout(const char *text, int *ret_line)
{
	static const char key[] = "LOGIN_TIMEOUT";
	int64_t timeout = LOGIN_TIMEOUT_DEFAULT;
	int number = 1;

	*ret_line = 0;
	for (; text != NULL; number++) {
		const char *word = text + strspn(text, " \t");
		size_t length = strcspn(word, " \t\"\n");

		if (length == sizeof(key) - 1 && strncmp(word, key, length) == 0) {
			char *end;
			const char *value = word + length + strspn(word + length, " \t\"");
			long long seconds = strtoll(value, &end, 0);

			if (*value >= '0' && *value <= '9' && end != value) {
				timeout = seconds;
				*ret_line = number;
			}
		}
		text = strchr(text, '\n');
		text = text == NULL ? NULL : text + 1;
	}
	return timeout;
}

/* A file that is not there sets nothing. */
static void check_login_read(char text[LOGIN_DEFS_MAX + 1])
{
	int fd = open(LOGIN_DEFS, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	ssize_t got = fd < 0 ? 0 : read(fd, text, LOGIN_DEFS_MAX);

	text[got < 0 ? 0 : got] = '\0';
	if (fd >= 0)
		(void)close(fd);
}

void check_login(const struct check *check, const struct pam_use *use)
{
	static char text[LOGIN_DEFS_MAX + 1];
	char where[LOGIN_WHERE_MAX] = LOGIN_DEFS;
	struct finding finding = { REPORT_WARNING, "login_timeout", where, "Set LOGIN_TIMEOUT 300 in " LOGIN_DEFS "." };
	int64_t timeout;
	int line;

	if (pam_use_find(use, "login") == NULL)
		return;
	check_login_read(text);
	timeout = check_login_timeout(text, &line);
	if (line > 0)
		(void)snprintf(where, sizeof(where), LOGIN_DEFS ":%d", line);
	if (timeout == 0 || timeout >= LOGIN_TIMEOUT_LEAST) {
		finding = (struct finding){ REPORT_OK, "login", where, "" };
		report_add(check->report, &finding, "LOGIN_TIMEOUT leaves time for a mail");
		return;
	}
	report_add(check->report, &finding, "LOGIN_TIMEOUT %lld%s: a mail can take longer, and login ends after so many seconds",
		   (long long)timeout, line > 0 ? "" : ", the default");
}
