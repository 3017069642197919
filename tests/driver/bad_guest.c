/*
 * bad_guest - a PAM module that leaves one trace in its host, to show that guest.c sees it: auth required bad_guest.so TRACE
 *
 * Rules: for the rig only; it lets nobody in.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE /* setresuid */
#endif
#include <fcntl.h>
#include <locale.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

#define PAM_SM_AUTH
#include <security/pam_modules.h>

static void *bad_wait(void *arg)
{
	(void)pause();
	return arg;
}

static void bad_leave(const char *trace)
{
	static const struct itimerval hour = { { 0, 0 }, { 3600, 0 } };
	static const struct rlimit small = { 0, 0 };
	pthread_t thread;
	sigset_t set;
	pid_t pid;

	if (strcmp(trace, "descriptors") == 0)
		(void)open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (strcmp(trace, "signals") == 0) {
		(void)sigemptyset(&set);
		(void)sigaddset(&set, SIGUSR2);
		(void)sigprocmask(SIG_BLOCK, &set, NULL);
	}
	if (strcmp(trace, "umask") == 0)
		(void)umask(0123);
	if (strcmp(trace, "cwd") == 0 && chdir("/usr") != 0)
		abort();
	if (strcmp(trace, "environment") == 0)
		(void)setenv("BAD_GUEST", "was here", 1);
	if (strcmp(trace, "locale") == 0)
		(void)setlocale(LC_ALL, "C.UTF-8");
	if (strcmp(trace, "timers") == 0)
		(void)setitimer(ITIMER_REAL, &hour, NULL);
	if (strcmp(trace, "limits") == 0)
		(void)setrlimit(RLIMIT_CORE, &small);
	if (strcmp(trace, "ids") == 0 && setresuid((uid_t)-1, (uid_t)-1, 7001) != 0)
		abort();
	if (strcmp(trace, "process") == 0)
		(void)prctl(PR_SET_DUMPABLE, 0);
	if (strcmp(trace, "children") == 0) {
		pid = fork();
		if (pid == 0)
			_exit(0);
	}
	if (strcmp(trace, "threads") == 0)
		(void)pthread_create(&thread, NULL, bad_wait, NULL);
}

int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags;
	if (argc == 1)
		bad_leave(argv[0]);
	return PAM_AUTH_ERR;
}

int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_CRED_ERR;
}
