/* process - see process.h. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PROCESS_INIT = 1, PROCESS_PATH_SIZE = 48, PROCESS_STAT_SIZE = 1024, PROCESS_FIELD_PARENT = 4, PROCESS_FIELD_START = 22 };

/* Reads /proc/PID/NAME; false when it is not there. */
static bool process_slurp(pid_t pid, const char *name, char *text, size_t size)
{
	char path[PROCESS_PATH_SIZE];
	ssize_t got = -1;
	int fd;

	(void)snprintf(path, sizeof(path), "/proc/%ld/%s", (long)pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return false;
	do
		got = read(fd, text, size - 1);
	while (got < 0 && errno == EINTR);
	(void)close(fd);
	text[got < 0 ? 0 : got] = '\0';
	return got > 0;
}

/* proc_pid_stat(5): `PID (NAME) STATE PARENT …`; the name may hold anything, a `)` too, so the numbers begin behind the last one. */
static bool process_parse_stat(const char *text, struct process *process)
{
	const char *rest = strrchr(text, ')');
	uint64_t number = 0;

	for (int field = PROCESS_FIELD_PARENT - 1; rest != NULL && field <= PROCESS_FIELD_START; field++) {
		rest = strchr(rest, ' ');
		if (rest == NULL)
			return false;
		rest++;
		number = strtoull(rest, NULL, 10);
		if (field == PROCESS_FIELD_PARENT)
			process->parent = (pid_t)number;
	}
	process->start = number;
	return rest != NULL && number > 0;
}

/* Of a process that has just been read: without this file the kernel keeps no sessions, for nobody. */
static uint32_t process_session(pid_t pid)
{
	char text[16];
	unsigned long number;
	char *end;

	if (!process_slurp(pid, "sessionid", text, sizeof(text)))
		return PROCESS_NO_SESSION;
	number = strtoul(text, &end, 10);
	return end == text || number > UINT32_MAX ? PROCESS_NO_SESSION : (uint32_t)number;
}

/* A container that was started from somebody's login shell has his session, in all of its processes and for all of its users: it is nobody's. */
static uint32_t process_login_session(pid_t pid)
{
	uint32_t session = process_session(pid);

	return session == process_session(PROCESS_INIT) ? PROCESS_NO_SESSION : session;
}

bool process_read(pid_t pid, struct process *ret_process)
{
	char text[PROCESS_STAT_SIZE];
	struct process process = PROCESS_UNKNOWN;

	*ret_process = process;
	if (pid <= 0 || !process_slurp(pid, "stat", text, sizeof(text)) || !process_parse_stat(text, &process))
		return false;
	process.pid = pid;
	process.session = process_login_session(pid);
	*ret_process = process;
	return true;
}

bool process_began_session(const struct process *process)
{
	struct process parent;

	if (process->pid == 0 || process->session == PROCESS_NO_SESSION)
		return false;
	return process_read(process->parent, &parent) && parent.session != process->session;
}

bool process_lives(const struct process *process)
{
	struct process now;

	return process_read(process->pid, &now) && now.start == process->start;
}
