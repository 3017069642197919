"""Processes by kinship, read from /proc, so that a driver can end all that it started and nothing else."""

import contextlib
import os
import signal
import time

PATIENCE = 5
ORDINARY = [
    getattr(signal, "SIG" + name) for name in ("HUP", "INT", "QUIT", "TERM", "CHLD", "ALRM", "TSTP", "TTIN", "TTOU")
]


def fresh_signals():
    """Give a child the signals of a login: whoever started the tests may have them ignored or blocked."""
    for number in ORDINARY:
        signal.signal(number, signal.SIG_DFL)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())


def relations():
    """Return {process id: (parent id, session id)} of all processes; those that only wait to be reaped are left out."""
    found = {}
    for name in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError), open(f"/proc/{name}/stat", "rb") as file:
            fields = file.read().rpartition(b")")[2].split()
            if fields[0] != b"Z":
                found[int(name)] = (int(fields[1]), int(fields[3]))
    return found


def of_session(session):
    """Return the ids of the processes of this session."""
    return [process for process, (_, own) in relations().items() if own == session]


def descendants(ancestor):
    """Return the ids of the children, grandchildren and so on of a process."""
    known = relations()
    family = {ancestor}
    grown = True
    while grown:
        children = {process for process, (parent, _) in known.items() if parent in family}
        grown = not children <= family
        family |= children
    return sorted(family - {ancestor})


def end(processes, number=signal.SIGKILL):
    """Send the signal to those that are still there, and wait until they are gone."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, number)
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline and not relations().keys().isdisjoint(processes):
        time.sleep(0.01)
