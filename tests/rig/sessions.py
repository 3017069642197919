"""Login sessions for tests: an audit session of its own, begun as pam_loginuid does it, in which a person works.

Rules: only inside the rig; the person's shell is a child of nobody who asks PAM, and has his real user id; the process
that began the session is not the one that calls sudo, as in life.
"""

import contextlib
import os
import shutil
import subprocess

from rig import accounts, processes, require
from rig.pty import PATH, Terminal

PATIENCE = 30
CACHE = "/run/pam_cognito_otp"
PROMPT = "$ "
# What open_session leaves: which process has begun the session. $$ stays what it is when setpriv takes its place.
MARK = (
    'umask 077; mkdir -p "$CACHE"; read -r boot < /proc/sys/kernel/random/boot_id; '
    'read -r number < /proc/self/sessionid; '
    'echo "$boot $$ $(cut -d " " -f 22 /proc/$$/stat)" > "$CACHE/cache-begun-$number"; umask 022; '
)
BEGIN = (
    'echo "$1" > /proc/self/loginuid && $MARK '
    'exec setpriv --reuid "$1" --regid "$2" --groups "$3" -- sh -c "$WORK" "$@"'
)
WORK = 'shift 2; "$@"; exit $?'
UNSET = 4294967295
BOOT_ID = "/proc/sys/kernel/random/boot_id"
PRELOAD = "/etc/ld.so.preload"
WALL_CLOCK = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *now)
{
	typedef int getter(clockid_t, struct timespec *);
	getter *real = (getter *)dlsym(RTLD_NEXT, "clock_gettime");
	int result = real(clock, now);

	if (clock == CLOCK_REALTIME)
		now->tv_sec += OFFSET;
	return result;
}
"""


def number_of(process="self"):
    """The audit session of a process; UNSET when it is in none."""
    with open(f"/proc/{process}/sessionid", encoding="ascii") as file:
        return int(file.read())


def mark(folder=CACHE, process=None):
    """This process has begun the session in which it is, as open_session writes it down."""
    process = process or os.getpid()
    os.makedirs(folder, mode=0o700, exist_ok=True)
    with open(BOOT_ID, encoding="ascii") as file:
        boot = file.read().strip()
    with open(f"/proc/{process}/stat", encoding="ascii") as file:
        start = file.read().rpartition(")")[2].split()[19]
    path = os.path.join(folder, f"cache-begun-{number_of(process)}")
    with open(path, "w", encoding="ascii", opener=lambda name, flags: os.open(name, flags, 0o600)) as file:
        file.write(f"{boot} {process} {start}\n")


def command(person, argv, begun=True):
    """The command line that begins a session for the Account, under our session line or not, and runs argv in it."""
    require()
    groups = ",".join(map(str, person.groups)) or str(person.gid)
    mark_it = MARK.replace("$CACHE", CACHE) if begun else ""
    begin = BEGIN.replace('"$WORK"', f"'{WORK}'").replace("$MARK", mark_it)
    return ["/bin/sh", "-c", begin, "sh", str(person.uid), str(person.gid), groups, *argv]


def environment(person):
    """What a login leaves in the environment."""
    return {"PATH": PATH, "TERM": "dumb", "HOME": person.home, "USER": person.name, "LOGNAME": person.name,
            "SHELL": "/bin/sh", "PS1": PROMPT, "ENV": ""}


def unopened(person):
    """A shell in a session that no program has opened under our session line, such as systemd's for a user."""
    shell = Terminal(command(person, ["/bin/sh", "-i"], begun=False), env=environment(person))
    os.chown(shell.tty, person.uid, -1)
    return shell


def terminal(person, *argv, **settings):
    """Start argv, or a shell, on a terminal in a session of the person's own; return the Terminal."""
    shell = Terminal(command(person, argv or ["/bin/sh", "-i"]), env=environment(person), **settings)
    os.chown(shell.tty, person.uid, -1)
    return shell


def batch(person, *argv, timeout=PATIENCE):
    """Run argv in a session of its own without a terminal, as cron does; return the CompletedProcess."""
    return subprocess.run(
        command(person, argv, begun=False), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="backslashreplace", cwd="/", env=environment(person), timeout=timeout, check=False,
        start_new_session=True,
        preexec_fn=processes.fresh_signals,
    )


@contextlib.contextmanager
def wall_clock(seconds):
    """The wall clock of every program that starts meanwhile is off by so much; the other clocks go on as they do.

    A library that ld.so loads into all of them (/etc/ld.so.preload of the rig): the machine's own clock stays.
    """
    require()
    folder = accounts.temporary_folder("rig-clock-")
    source, library = os.path.join(folder, "clock.c"), os.path.join(folder, "clock.so")
    with open(source, "w", encoding="ascii") as file:
        file.write(WALL_CLOCK)
    subprocess.run(["cc", "-shared", "-fPIC", f"-DOFFSET=({seconds})", "-o", library, source], check=True, timeout=60)
    with open(PRELOAD, "w", encoding="ascii") as file:
        file.write(library + "\n")
    try:
        yield
    finally:
        os.unlink(PRELOAD)
        shutil.rmtree(folder)


@contextlib.contextmanager
def other_boot(name="ffffffff-4e5f-6071-8293-a4b5c6d7e8f9"):
    """The kernel's name of this boot is another one: a file bound over the kernel's. Times go on as they do."""
    require()
    folder = accounts.temporary_folder("rig-boot-")
    path = os.path.join(folder, "boot_id")
    with open(path, "w", encoding="ascii") as file:
        file.write(name + "\n")
    subprocess.run(["mount", "--bind", path, BOOT_ID], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["umount", BOOT_ID], check=True, timeout=10)


@contextlib.contextmanager
def init_in(session):
    """As in a container that was started from a login shell: init is in this session (a file over the kernel's)."""
    require()
    folder = accounts.temporary_folder("rig-init-")
    path = os.path.join(folder, "sessionid")
    with open(path, "w", encoding="ascii") as file:
        file.write(str(session))
    subprocess.run(["mount", "--bind", path, "/proc/1/sessionid"], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["umount", "/proc/1/sessionid"], check=True, timeout=10)
