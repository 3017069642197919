/* inheritance - see inheritance.h. */
#include "inheritance.h"

#include <grp.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

/* A real or saved uid left to the caller would let him kill and stop us. The effective uid stays: it is root's, or that of an unprivileged test. */
static bool inheritance_ids(void)
{
	uid_t uid = geteuid();
	gid_t gid = uid == 0 ? 0 : getegid();

	if (uid == 0 && setgroups(0, NULL) != 0)
		return false;
	return setresgid(gid, gid, gid) == 0 && setresuid(uid, uid, uid) == 0;
}

static bool inheritance_signals(void)
{
	struct sigaction standard = { .sa_handler = SIG_DFL };
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t none;

	(void)sigemptyset(&none);
	for (int number = 1; number < NSIG; number++)
		(void)sigaction(number, &standard, NULL); /* SIGKILL and SIGSTOP say no */
	/* A write beyond RLIMIT_FSIZE, or to a peer that is gone, is an error code, not a death. */
	return sigaction(SIGXFSZ, &ignore, NULL) == 0 && sigaction(SIGPIPE, &ignore, NULL) == 0 && sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

/* What root may raise is raised; an unprivileged test keeps what it has. */
static void inheritance_limit(__rlimit_resource_t resource, rlim_t wanted)
{
	struct rlimit limit = { wanted, wanted };

	if (setrlimit(resource, &limit) == 0 || getrlimit(resource, &limit) != 0)
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(resource, &limit);
}

static bool inheritance_limits(void)
{
	struct rlimit none = { 0, 0 };

	inheritance_limit(RLIMIT_NOFILE, 64);
	inheritance_limit(RLIMIT_FSIZE, RLIM_INFINITY);
	inheritance_limit(RLIMIT_STACK, 8 * 1024 * 1024);
	inheritance_limit(RLIMIT_CPU, 60);
	inheritance_limit(RLIMIT_AS, RLIM_INFINITY);
	inheritance_limit(RLIMIT_DATA, RLIM_INFINITY);
	return setrlimit(RLIMIT_CORE, &none) == 0;
}

/* PR_SET_PDEATHSIG says nothing of a parent that died before; the socket knows who made it. */
static bool inheritance_parent(int fd)
{
	struct ucred peer;
	socklen_t size = sizeof(peer);

	if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		return false;
	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0 && peer.pid == getppid();
}

enum otp_err inheritance_replace(int fd)
{
	if (!inheritance_ids())
		return OTP_ERR_SYSTEM;
	(void)umask(077);
	if (chdir("/") != 0 || !inheritance_signals() || !inheritance_limits())
		return OTP_ERR_SYSTEM;
	if (!inheritance_parent(fd))
		return OTP_ERR_HELPER_DIED;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0)
		return OTP_ERR_SYSTEM;
	return OTP_OK;
}
