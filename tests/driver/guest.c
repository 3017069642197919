/*
 * guest - a host process that looks at itself before and after PAM calls, to see what kind of guest a module is.
 *
 * guest [OPTION...] SERVICE USER MODE
 *   state            one pam_authenticate between two looks at the process; then waits for the end of stdin, so that somebody else may look
 *   threads N M      N threads with a handle each, M logins each
 *   loop N SERVICE   N times pam_start, pam_authenticate, pam_end; every tenth with SERVICE of the command line, the others with this one
 *   times N          N logins, with the time of each step
 *
 *   -t TEXT -r UID   PAM_TTY; real user, effective and saved ones stay
 *   -a TEXT          the answer to every question; without it each answer is a line of stdin
 *   -c HOW           SIGCHLD: default, ignore, reap (a handler that waits for every child)
 *   -i USER          in threads: further users, one per thread, after the first
 *   -f               two children of the host's own: one has ended and was not waited for, one lives
 *   -l               nothing has been logged before the call
 *   -k               a copy of each answer stays in memory (a planted leak)
 *   -x               descriptors 0 to 2 are closed during the call
 *
 * Prints lines of JSON: {"question":...}, {"look":"before|after",...}, {"code":...}, {"memory":...}, {"time":...}.
 * Rules: libpam and libc only; nothing is waited for but PAM, its own children and stdin. Linked with -z now: a lazy call after memcpy
 * would leave what was copied, still in a register, on the stack.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setresuid */
#endif
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <syslog.h>
#include <time.h>
#include <unistd.h>

#include <security/pam_appl.h>

enum { GUEST_USERS_MAX = 16, GUEST_LINE_MAX = 4096, GUEST_TEXT_MAX = 256 * 1024 };

struct guest {
	const char *service;
	const char *users[GUEST_USERS_MAX];
	int user_count;
	const char *tty;
	const char *answer;
	bool keeps;
	bool closed;
	bool crowded;
	bool unlogged;
	bool family;
	bool times;
	int in;
	int out;
};

static struct guest guest = { .in = STDIN_FILENO, .out = STDOUT_FILENO };
static char *kept[64];
static int kept_count;
extern char **environ;

static void guest_fail(const char *what)
{
	(void)dprintf(STDERR_FILENO, "guest: %s: %s\n", what, strerror(errno));
	_exit(2);
}

static void guest_say(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void guest_say(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vdprintf(guest.out, format, arguments);
	va_end(arguments);
}

static double guest_now(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- a look at the process: text that is equal as long as nothing has changed ---- */

struct look {
	char text[GUEST_TEXT_MAX];
	size_t length;
};

static void look_add(struct look *look, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void look_add(struct look *look, const char *format, ...)
{
	size_t left = sizeof(look->text) - look->length;
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(look->text + look->length, left, format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= left)
		guest_fail("too much to see");
	look->length += (size_t)length;
}

/* Text inside JSON strings; what would need escapes becomes a question mark. */
static void look_text(struct look *look, const char *text)
{
	for (; *text != '\0'; text++)
		look_add(look, "%c", *text < ' ' || *text == '"' || *text == '\\' ? '?' : *text);
}

static void look_descriptors(struct look *look)
{
	char path[64];
	char target[512];
	struct stat st;

	look_add(look, "\"descriptors\":[");
	for (int fd = 0; fd < 4096; fd++) {
		ssize_t length;

		if (fcntl(fd, F_GETFD) < 0)
			continue;
		(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		length = readlink(path, target, sizeof(target) - 1);
		target[length < 0 ? 0 : length] = '\0';
		(void)fstat(fd, &st);
		look_add(look, "\"%d ", fd);
		look_text(look, target);
		look_add(look, " flags %x %x mode %o\",", (unsigned int)fcntl(fd, F_GETFD), (unsigned int)fcntl(fd, F_GETFL), st.st_mode);
	}
	look_add(look, "\"\"],");
}

static void look_signals(struct look *look)
{
	struct sigaction action;
	sigset_t mask;
	sigset_t pending;
	stack_t stack;

	(void)pthread_sigmask(SIG_BLOCK, NULL, &mask);
	(void)sigpending(&pending);
	(void)sigaltstack(NULL, &stack);
	look_add(look, "\"signals\":[");
	for (int number = 1; number < NSIG; number++) {
		memset(&action, 0, sizeof(action));
		if (sigaction(number, NULL, &action) != 0)
			continue;
		look_add(look, "\"%d %p %x blocked %d pending %d mask ", number, (void *)(uintptr_t)action.sa_handler,
			 (unsigned int)action.sa_flags, sigismember(&mask, number), sigismember(&pending, number));
		for (int other = 1; other < NSIG; other++)
			look_add(look, "%d", sigismember(&action.sa_mask, other) == 1);
		look_add(look, "\",");
	}
	look_add(look, "\"stack %p %d\"],", stack.ss_sp, stack.ss_flags);
}

static void look_environment(struct look *look)
{
	mode_t mask = umask(0);
	char cwd[512] = "";

	(void)umask(mask);
	(void)getcwd(cwd, sizeof(cwd));
	look_add(look, "\"umask\":\"%03o\",\"cwd\":\"", mask);
	look_text(look, cwd);
	look_add(look, "\",\"environment\":[\"%p\"", (void *)environ);
	for (char **entry = environ; entry != NULL && *entry != NULL; entry++) {
		look_add(look, ",\"%p ", (void *)*entry);
		look_text(look, *entry);
		look_add(look, "\"");
	}
	look_add(look, "],\"locale\":\"%s %d\",", setlocale(LC_ALL, NULL), uselocale((locale_t)0) == LC_GLOBAL_LOCALE);
}

static void look_timers(struct look *look)
{
	static const __itimer_which_t kinds[] = { ITIMER_REAL, ITIMER_VIRTUAL, ITIMER_PROF };
	char text[512] = "";
	int fd = open("/proc/self/timers", O_RDONLY | O_CLOEXEC);

	look_add(look, "\"timers\":[");
	for (size_t i = 0; i < 3; i++) {
		struct itimerval timer;

		(void)getitimer(kinds[i], &timer);
		/* the time that is left runs on; armed, and how often, is what counts */
		look_add(look, "\"%d every %ld.%06ld\",", timer.it_value.tv_sec != 0 || timer.it_value.tv_usec != 0,
			 (long)timer.it_interval.tv_sec, (long)timer.it_interval.tv_usec);
	}
	if (fd >= 0) {
		ssize_t length = read(fd, text, sizeof(text) - 1);

		text[length < 0 ? 0 : length] = '\0';
		(void)close(fd);
	}
	look_add(look, "\"");
	look_text(look, text);
	look_add(look, "\"],");
}

static void look_limits(struct look *look)
{
	look_add(look, "\"limits\":[");
	for (int resource = 0; resource < RLIM_NLIMITS; resource++) {
		struct rlimit limit = { 0, 0 };

		(void)getrlimit((__rlimit_resource_t)resource, &limit);
		look_add(look, "%s\"%d %ju %ju\"", resource == 0 ? "" : ",", resource, (uintmax_t)limit.rlim_cur,
			 (uintmax_t)limit.rlim_max);
	}
	look_add(look, "],");
}

static void look_ids(struct look *look)
{
	uid_t uids[3];
	gid_t gids[3];
	gid_t groups[64];
	int count = getgroups(64, groups);

	(void)getresuid(&uids[0], &uids[1], &uids[2]);
	(void)getresgid(&gids[0], &gids[1], &gids[2]);
	look_add(look, "\"ids\":\"%u %u %u, %u %u %u, groups", uids[0], uids[1], uids[2], gids[0], gids[1], gids[2]);
	for (int i = 0; i < count; i++)
		look_add(look, " %u", groups[i]);
	look_add(look, ", session %d group %d nice %d\",", getsid(0), getpgrp(), getpriority(PRIO_PROCESS, 0));
}

static void look_process(struct look *look)
{
	int death = 0;
	int reaper = 0;
	char name[17] = "";

	(void)prctl(PR_GET_PDEATHSIG, &death);
	(void)prctl(PR_GET_CHILD_SUBREAPER, &reaper);
	(void)prctl(PR_GET_NAME, name);
	look_add(look, "\"process\":\"dumpable %d no_new_privs %d seccomp %d keepcaps %d securebits %d death %d reaper %d name %s\",",
		 prctl(PR_GET_DUMPABLE), prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0), prctl(PR_GET_SECCOMP), prctl(PR_GET_KEEPCAPS),
		 prctl(PR_GET_SECUREBITS), death, reaper, name);
}

/* The state letter and the parent from /proc/PID/stat. */
static char look_stat(const char *pid, pid_t *ret_parent)
{
	char path[300];
	char text[1024] = "";
	const char *end;
	char state = '?';
	int fd;

	*ret_parent = 0;
	(void)snprintf(path, sizeof(path), "/proc/%s/stat", pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return '?';
	if (read(fd, text, sizeof(text) - 1) > 0 && (end = strrchr(text, ')')) != NULL && strlen(end) > 4) {
		state = end[2];
		*ret_parent = (pid_t)strtol(end + 4, NULL, 10);
	}
	(void)close(fd);
	return state;
}

/* Children, those that only wait to be reaped included, and threads. */
static void look_family(struct look *look)
{
	DIR *dir = opendir("/proc");
	const struct dirent *entry;
	int threads = 0;

	if (dir == NULL)
		guest_fail("/proc");
	look_add(look, "\"children\":[");
	while ((entry = readdir(dir)) != NULL) {
		pid_t parent = 0;
		char state = entry->d_name[0] >= '0' && entry->d_name[0] <= '9' ? look_stat(entry->d_name, &parent) : '?';

		if (parent == getpid())
			look_add(look, "\"%s %c\",", entry->d_name, state);
	}
	(void)closedir(dir);
	dir = opendir("/proc/self/task");
	while (dir != NULL && (entry = readdir(dir)) != NULL)
		threads += entry->d_name[0] != '.';
	if (dir != NULL)
		(void)closedir(dir);
	look_add(look, "\"\"],\"threads\":%d", threads);
}

static void guest_look(const char *when)
{
	static struct look look; /* static: no allocation between the looks */

	look.length = 0;
	look_descriptors(&look);
	look_signals(&look);
	look_environment(&look);
	look_timers(&look);
	look_limits(&look);
	look_ids(&look);
	look_process(&look);
	look_family(&look);
	guest_say("{\"look\":\"%s\",%s}\n", when, look.text);
}

/* ---- the conversation ---- */

/* One line of stdin, without buffers that would keep it. NULL at the end. */
static char *guest_read_line(void)
{
	char line[GUEST_LINE_MAX];
	size_t length = 0;
	ssize_t got = 0;
	char *text;

	while (length < sizeof(line) && (got = read(guest.in, line + length, 1)) == 1 && line[length] != '\n')
		length++;
	text = got == 1 ? malloc(length + 1) : NULL;
	if (text != NULL) {
		memcpy(text, line, length);
		text[length] = '\0';
	}
	explicit_bzero(line, sizeof(line));
	return text;
}

static int guest_converse(int count, const struct pam_message **messages, struct pam_response **responses, void *data)
{
	struct pam_response *answers = calloc((size_t)count, sizeof(*answers));

	(void)data;
	*responses = NULL;
	if (answers == NULL)
		return PAM_BUF_ERR;
	for (int i = 0; i < count; i++) {
		if (messages[i]->msg_style != PAM_PROMPT_ECHO_OFF && messages[i]->msg_style != PAM_PROMPT_ECHO_ON)
			continue;
		if (guest.answer == NULL || guest.times)
			guest_say("{\"question\":\"%.20s\",\"time\":%.6f}\n", messages[i]->msg, guest_now());
		answers[i].resp = guest.answer == NULL ? guest_read_line() : strdup(guest.answer);
		if (answers[i].resp == NULL) {
			free(answers);
			return PAM_CONV_ERR;
		}
		if (guest.keeps && kept_count < 64)
			kept[kept_count++] = strdup(answers[i].resp);
		if (guest.times)
			guest_say("{\"answered\":true,\"time\":%.6f}\n", guest_now());
	}
	*responses = answers;
	return PAM_SUCCESS;
}

static void guest_no_delay(int result, unsigned int delay_us, void *data)
{
	(void)result, (void)delay_us, (void)data;
}

static pam_handle_t *guest_start(const char *service, const char *user)
{
	static const struct pam_conv conversation = { guest_converse, NULL };
	union {
		void (*function)(int, unsigned int, void *);
		const void *pointer;
	} delay = { guest_no_delay };
	pam_handle_t *pamh = NULL;

	if (pam_start(service, user, &conversation, &pamh) != PAM_SUCCESS)
		guest_fail("pam_start");
	(void)pam_set_item(pamh, PAM_FAIL_DELAY, delay.pointer);
	if (guest.tty != NULL)
		(void)pam_set_item(pamh, PAM_TTY, guest.tty);
	return pamh;
}

static int guest_login(const char *service, const char *user)
{
	pam_handle_t *pamh = guest_start(service, user);
	int code = pam_authenticate(pamh, 0);

	(void)pam_end(pamh, code);
	return code;
}

/* As sshd calls it after a key: each key is a place of its own, and those from one place share a mailed code. */
static int guest_login_by_key(const char *user, int key)
{
	pam_handle_t *pamh = guest_start(guest.service, user);
	char info[64];
	int code;

	(void)snprintf(info, sizeof(info), "SSH_AUTH_INFO_0=publickey ssh-ed25519 key%d", key);
	(void)pam_putenv(pamh, info);
	(void)pam_set_item(pamh, PAM_TTY, "ssh");
	code = pam_authenticate(pamh, 0);
	(void)pam_end(pamh, code);
	return code;
}

/* ---- the modes ---- */

/* A descriptor that stays when 0 to 2 are closed; low, as RLIMIT_NOFILE may be. */
static int guest_above_stdio(int fd)
{
	int high = fcntl(fd, F_DUPFD_CLOEXEC, 3);

	if (high < 0)
		guest_fail("descriptor");
	(void)close(fd);
	return high;
}

static void guest_beget(void)
{
	static const int deaths[] = { 0, 600 };

	for (size_t i = 0; i < 2; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			(void)sleep((unsigned int)deaths[i]);
			_exit(0);
		}
		if (pid < 0)
			guest_fail("fork");
	}
	(void)usleep(100 * 1000);
}

static int guest_call(pam_handle_t *pamh)
{
	struct rlimit before = { 0, 0 };
	struct rlimit none = { 0, 0 };
	int code;

	(void)getrlimit(RLIMIT_NOFILE, &before);
	none.rlim_max = before.rlim_max;
	if (guest.crowded)
		(void)setrlimit(RLIMIT_NOFILE, &none);
	code = pam_authenticate(pamh, 0);
	(void)setrlimit(RLIMIT_NOFILE, &before);
	return code;
}

static void guest_state(void)
{
	pam_handle_t *pamh;
	int code;

	if (!guest.unlogged) {
		openlog("guest", LOG_NDELAY, LOG_AUTH); /* as sshd, sudo and login have done by then */
		syslog(LOG_DEBUG, "before");
	}
	if (guest.family)
		guest_beget();
	if (guest.closed) {
		guest.in = guest_above_stdio(guest.in);
		guest.out = guest_above_stdio(guest.out);
		(void)close(STDERR_FILENO);
	}
	pamh = guest_start(guest.service, guest.users[0]);
	guest_look("before");
	code = guest_call(pamh);
	guest_look("after");
	guest_say("{\"code\":%d}\n", code);
	free(guest_read_line());
	(void)pam_end(pamh, code);
}

struct guest_thread {
	pthread_t thread;
	const char *user;
	int key;
	int logins;
	int good;
};

static void *guest_run_thread(void *arg)
{
	struct guest_thread *thread = arg;

	for (int i = 0; i < thread->logins; i++)
		thread->good += guest_login_by_key(thread->user, thread->key) == PAM_SUCCESS;
	return NULL;
}

static void guest_threads(int count, int logins)
{
	struct guest_thread threads[64] = { 0 };
	int good = 0;

	(void)guest_login(guest.service, guest.users[0]);
	guest_look("before");
	for (int i = 0; i < count && i < 64; i++) {
		threads[i].user = guest.users[i % guest.user_count];
		threads[i].key = i;
		threads[i].logins = logins;
		if (pthread_create(&threads[i].thread, NULL, guest_run_thread, &threads[i]) != 0)
			guest_fail("thread");
	}
	for (int i = 0; i < count && i < 64; i++) {
		(void)pthread_join(threads[i].thread, NULL);
		good += threads[i].good;
	}
	guest_look("after");
	guest_say("{\"code\":0,\"good\":%d}\n", good);
}

/* A line of a file of /proc/self, in KiB. */
static long guest_kib(const char *path, const char *name)
{
	char line[256];
	long kib = -1;
	FILE *file = fopen(path, "re");

	if (file == NULL)
		return -1;
	while (kib < 0 && fgets(line, sizeof(line), file) != NULL) {
		if (strncmp(line, name, strlen(name)) == 0)
			kib = strtol(line + strlen(name), NULL, 10);
	}
	(void)fclose(file);
	return kib;
}

static int guest_descriptors(void)
{
	int count = 0;

	for (int fd = 0; fd < 4096; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void guest_measure(int calls)
{
	struct mallinfo2 heap;

	(void)malloc_trim(0);
	heap = mallinfo2();
	guest_say("{\"memory\":%d,\"heap\":%zu,\"mapped\":%zu,\"dirty\":%ld,\"rss\":%ld,\"descriptors\":%d}\n", calls, heap.uordblks,
		  heap.hblkhd, guest_kib("/proc/self/smaps_rollup", "Private_Dirty:"), guest_kib("/proc/self/status", "VmRSS:"),
		  guest_descriptors());
}

static void guest_loop(int calls, const char *quick)
{
	int good = 0;

	for (int i = 1; i <= calls; i++) {
		good += guest_login(i % 10 == 0 ? guest.service : quick, guest.users[0]) == PAM_SUCCESS;
		if (i % 100 == 0)
			guest_measure(i);
	}
	guest_say("{\"code\":0,\"good\":%d}\n", good);
}

static void guest_times(int calls)
{
	guest.times = true;
	for (int i = 0; i < calls; i++) {
		double before = guest_now();
		int code = guest_login(guest.service, guest.users[0]);

		guest_say("{\"call\":%.6f,\"verdict\":%.6f,\"code\":%d}\n", before, guest_now(), code);
	}
}

/* ---- the process ---- */

static void guest_reap(int number)
{
	int before = errno;

	(void)number;
	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = before;
}

static void guest_sigchld(const char *how)
{
	struct sigaction action = { .sa_handler = SIG_DFL, .sa_flags = SA_RESTART };

	if (strcmp(how, "ignore") == 0)
		action.sa_handler = SIG_IGN;
	if (strcmp(how, "reap") == 0)
		action.sa_handler = guest_reap;
	(void)sigaction(SIGCHLD, &action, NULL);
}

static void guest_option(int option, const char *value)
{
	if (option == 'a')
		guest.answer = value;
	else if (option == 't')
		guest.tty = value;
	else if (option == 'r' && setresuid((uid_t)strtoul(value, NULL, 10), (uid_t)-1, (uid_t)-1) != 0)
		guest_fail("setresuid");
	else if (option == 'c')
		guest_sigchld(value);
	else if (option == 'i' && guest.user_count < GUEST_USERS_MAX - 1)
		guest.users[++guest.user_count] = value;
	else if (option == 'f')
		guest.family = true;
	else if (option == 'l')
		guest.unlogged = true;
	else if (option == 'k')
		guest.keeps = true;
	else if (option == 'x')
		guest.closed = true;
	else if (option == 'd')
		guest.crowded = true;
	else if (option == '?')
		exit(2);
}

static int guest_number(char **argv, int argc, int index)
{
	if (index >= argc)
		guest_fail("too few arguments");
	return (int)strtol(argv[index], NULL, 10);
}

int main(int argc, char **argv)
{
	const char *mode;
	int option;

	while ((option = getopt(argc, argv, "+a:t:r:c:i:flkxd")) != -1)
		guest_option(option, optarg);
	if (argc - optind < 3)
		guest_fail("guest [OPTION...] SERVICE USER MODE");
	guest.service = argv[optind];
	guest.users[0] = argv[optind + 1];
	guest.user_count++;
	mode = argv[optind + 2];
	if (strcmp(mode, "state") == 0)
		guest_state();
	else if (strcmp(mode, "threads") == 0)
		guest_threads(guest_number(argv, argc, optind + 3), guest_number(argv, argc, optind + 4));
	else if (strcmp(mode, "loop") == 0 && argc - optind == 5)
		guest_loop(guest_number(argv, argc, optind + 3), argv[optind + 4]);
	else if (strcmp(mode, "times") == 0)
		guest_times(guest_number(argv, argc, optind + 3));
	else
		guest_fail("no such mode");
	return 0;
}
