"""The module as a guest in somebody else's process: the process after a call is what it was before.

The host is tests/driver/guest.c: it looks at itself before and after pam_authenticate. Other tests kill and stop host
or helper, give the host poor limits, and read its memory once the module has returned.
"""

import atexit
import contextlib
import functools
import json
import os
import re
import resource
import select
import shutil
import signal
import stat
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from rig import pam

from system.house import STATE, wait_helpers

DRIVERS = Path(__file__).resolve().parents[1] / "driver"
SUCCESS, SERVICE_ERR, SYSTEM_ERR, AUTH_ERR, AUTHINFO_UNAVAIL, MAXTRIES, CONV_ERR = 0, 3, 4, 7, 9, 11, 19
TERMINAL = "/dev/pts/9"
CODE = "9371462058174263"     # long enough to be found nowhere by chance
PATIENCE = 15
GROWTH_KIB = 64


@functools.cache
def built(name, *flags):
    """The path of a program or module beside the driver, built once."""
    folder = tempfile.mkdtemp(prefix="guest-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    path = os.path.join(folder, name)
    command = ["cc", "-std=gnu11", "-O1", *flags, "-o", path, str(DRIVERS / (name + ".c")), "-lpam", "-lpthread"]
    subprocess.run(command, check=True, timeout=120)
    return path


class Guest:
    """One host process. Its lines are read as they come; every wait has a bound."""

    def __init__(self, house, *mode, options=(), service="otp-test", prefix=(), prepare=None):
        command = [*prefix, built("guest", "-Wl,-z,now"), "-t", TERMINAL, "-r", str(house.alice.uid), *options]
        command += [service, "alice"]
        self._buffer = b""
        self.lines = []
        self.process = subprocess.Popen(
            [*command, *(str(word) for word in mode)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/usr/lib",
            env={"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "SECRET_OF_HOST": "x"}, preexec_fn=prepare)

    def until(self, word, timeout=PATIENCE):
        """Read lines until one has this member; return it."""
        deadline = time.monotonic() + timeout
        for line in self.lines:
            if word in line:
                return line
        while True:
            line = self._line(deadline)
            assert line, f"the guest ended without {word}: {self.process.wait(PATIENCE)} {self.lines}"
            self.lines.append(json.loads(line))
            if word in self.lines[-1]:
                return self.lines[-1]

    def _line(self, deadline):
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = max(0, deadline - time.monotonic())
            assert select.select([descriptor], [], [], left)[0], f"the guest is silent; so far {self.lines}"
            more = os.read(descriptor, 1 << 20)
            if not more:
                return b""
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return line

    def question(self):
        """Wait for the next question."""
        self.lines = [line for line in self.lines if "question" not in line]
        return self.until("question")

    def answer(self, text):
        """One line of stdin."""
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def code(self, timeout=PATIENCE):
        """The PAM code of pam_authenticate."""
        return self.until("code", timeout)["code"]

    def looks(self):
        """What the host saw of itself before and after the call."""
        self.code()
        before, after = (line for line in self.lines if "look" in line)
        return ({key: look[key] for key in look if key != "look"} for look in (before, after))

    def close(self):
        """End and reap the process."""
        with contextlib.suppress(BrokenPipeError):
            self.process.stdin.close()
        try:
            self.process.wait(2)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


@pytest.fixture(autouse=True)
def no_helper_left(whole_house):
    """No helper of an earlier test is taken for one of this test."""
    wait_helpers(0)
    yield
    wait_helpers(0)


def any_code(house):
    """The service takes every code: the hosts here answer by themselves."""
    house.cognito.fault("RespondToAuthChallenge", times=None, success_any_code=True)


def unchanged(guest):
    """Nothing of what the host can see of itself has changed."""
    before, after = guest.looks()
    differing = {key: (before[key], after[key]) for key in before if before[key] != after[key]}
    assert not differing
    assert len(before["descriptors"]) > 2 and len(before["signals"]) > 60 and before["threads"] == 1


# --- situations: what happens during the call ---------------------------------------------------------------------


def good(house, guest):
    """A right code."""
    guest.question()
    guest.answer(house.cognito.last_code())
    return SUCCESS


def denied(_house, guest):
    """Wrong codes until no try is left."""
    for _ in range(3):
        guest.question()
        guest.answer("00000000")
    return MAXTRIES


def helper_killed(_house, guest):
    """The helper dies while the person types."""
    guest.question()
    os.kill(wait_helpers(1)[0], signal.SIGKILL)
    guest.answer("123456")
    return SERVICE_ERR


def helper_stopped(_house, guest):
    """The helper is stopped and says nothing any more: killed at the deadline."""
    guest.question()
    os.kill(wait_helpers(1)[0], signal.SIGSTOP)
    guest.answer("123456")
    return SERVICE_ERR


def conversation_failed(_house, guest):
    """Nobody answers."""
    guest.question()
    guest.process.stdin.close()
    return CONV_ERR


def broken_settings(_house, _guest):
    """The helper refuses at once."""
    return SERVICE_ERR


SITUATIONS = (good, denied, helper_killed, helper_stopped, conversation_failed, broken_settings)


def run(house, situation, **arguments):
    """One call in this situation; the host as it was, the code as it must be."""
    wrong = {"no_such_key": "1"} if situation is broken_settings else {}
    house.settings(deadline="2s", connect_timeout="1s", **wrong)
    with Guest(house, "state", **arguments) as guest:
        expected = situation(house, guest)
        assert guest.code() == expected
        unchanged(guest)
    wait_helpers(0)


def named(situations):
    """Parameters whose ids are the names of the functions."""
    return [pytest.param(situation, id=situation.__name__) for situation in situations]


@pytest.mark.parametrize("sigchld", ("default", "ignore", "reap"))
@pytest.mark.parametrize("situation", named(SITUATIONS))
def test_state(house, situation, sigchld):
    """Descriptors, signals, umask, cwd, environment, locale, timers, limits, ids, flags, children, threads."""
    run(house, situation, options=("-c", sigchld))


TRACES = ("descriptors", "signals", "umask", "cwd", "environment", "locale", "timers", "limits", "ids", "process",
          "children", "threads")


@pytest.mark.parametrize("trace", TRACES)
def test_bad_guest_is_seen(house, trace):
    """The control: a module that leaves a trace is caught, and by that trace."""
    module = built("bad_guest", "-shared", "-fPIC")
    pam.lines("bad", auth=f"required {module} {trace}")
    with Guest(house, "state", service="bad") as guest:
        assert guest.code() == AUTH_ERR
        before, after = guest.looks()
        assert [key for key in before if before[key] != after[key]] == [trace]


@pytest.mark.parametrize("situation", named((good, denied, helper_killed)))
def test_closed_stdio(house, situation):
    """With descriptors 0 to 2 closed nothing of ours lands there, or stays."""
    run(house, situation, options=("-x",))


@pytest.mark.parametrize("situation", named((good, helper_killed)))
def test_children_of_the_host(house, situation):
    """A child that waits to be reaped and one that lives stay the host's."""
    house.settings()
    with Guest(house, "state", options=("-f",)) as guest:
        assert situation(house, guest) == guest.code()
        unchanged(guest)
        (before, _) = guest.looks()
        assert sorted(child[-1:] for child in before["children"]) == ["", "S", "Z"]


def test_first_log_line(house):
    """A host that has not logged before keeps libc's descriptor of syslog, with any module that logs, and no other."""
    pam.lines("other-module", auth="required pam_warn.so")
    grown = {}
    for service, options in (("otp-test", ("-a", "x")), ("other-module", ())):
        with Guest(house, "state", options=("-l", *options), service=service) as guest:
            before, after = guest.looks()
            grown[service] = [line for line in after["descriptors"] if line not in before["descriptors"]]
            before["descriptors"] = after["descriptors"]
            assert before == after
    assert [len(lines) for lines in grown.values()] == [1, 1]
    pattern = r"\d+ socket:\[\d+\] flags 1 2 mode 140777"
    assert all(re.fullmatch(pattern, line) for lines in grown.values() for line in lines), grown


# --- poor hosts ---------------------------------------------------------------------------------------------------


def limit(which, number):
    """Something to run in the child before it becomes the host."""
    def prepare():
        resource.setrlimit(which, (number, number))
    return prepare


IGNORED = (signal.SIGPIPE, signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGALRM, signal.SIGXFSZ, signal.SIGUSR1)
POOR = {
    "16 descriptors": limit(resource.RLIMIT_NOFILE, 16),
    "no file may grow": limit(resource.RLIMIT_FSIZE, 0),
    "no memory to lock": limit(resource.RLIMIT_MEMLOCK, 0),
    "small stack": limit(resource.RLIMIT_STACK, 256 * 1024),
    "umask 000": lambda: os.umask(0),
    "umask 777": lambda: os.umask(0o777),
    "all signals blocked": lambda: signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.Signals) - {signal.SIGCHLD}),
    "signals ignored": lambda: [signal.signal(number, signal.SIG_IGN) for number in IGNORED],
    "alarm in an hour": lambda: signal.setitimer(signal.ITIMER_REAL, 3600, 60),
    "nice 10": lambda: os.nice(10),
}


MANY_MAILS = {"mail_budget": "256/10s", "mail_budget_host": "256/10s"}


def may_raise_limits():
    """Containers often take this right from root; then the limits that the caller set are the helper's too."""
    with open("/proc/self/status", encoding="ascii") as file:
        (effective,) = (line.split()[1] for line in file if line.startswith("CapEff"))
    return bool(int(effective, 16) >> 24 & 1)


@pytest.mark.parametrize("name", POOR)
def test_poor_host(house, name):
    """The caller's limits, umask and signals are not the helper's: the login goes through, its files are root's."""
    house.settings(jwks_file=None)
    if name == "no file may grow" and not may_raise_limits():
        house.make_run_directory()
    with Guest(house, "state", prepare=POOR[name]) as guest:
        assert good(house, guest) == guest.code()
        unchanged(guest)
    assert (stat.S_IMODE(os.stat(STATE).st_mode), os.stat(STATE).st_uid, os.stat(STATE).st_gid) == (0o700, 0, 0)
    if name == "no file may grow" and not may_raise_limits():
        assert os.listdir(STATE) == [] and house.log.lines("event=jwks_copy_not_written reason=state_io")
        return
    (copy,) = os.listdir(STATE)
    status = os.stat(os.path.join(STATE, copy))
    assert (stat.S_IMODE(status.st_mode), status.st_uid, status.st_gid) == (0o600, 0, 0)
    assert status.st_size > 100


def test_no_descriptor_left(house):
    """Where no socket can be made the call fails and leaves nothing behind."""
    with Guest(house, "state", options=("-a", CODE, "-d")) as guest:
        assert guest.code() == SYSTEM_ERR
        unchanged(guest)
    assert house.reasons() == ["system"]
    assert house.untouched()


def test_no_process_left(house):
    """Where no process can be made the same. Root may always make one, so the host gives that right up first."""
    drop = ["setpriv", "--bounding-set=-sys_resource,-sys_admin", "--inh-caps=-sys_resource,-sys_admin"]
    few = limit(resource.RLIMIT_NPROC, 1)
    with Guest(house, "state", options=("-a", CODE), prefix=drop, prepare=few) as guest:
        assert guest.code() == SYSTEM_ERR
        unchanged(guest)
    assert house.reasons() == ["system"]
    assert house.untouched()


# --- many calls, many threads -------------------------------------------------------------------------------------


def test_threads(house):
    """8 threads with a handle each, 20 logins each, in one process: all in, and the process as before."""
    any_code(house)
    house.settings(**MANY_MAILS)
    # real user 0: each thread is an sshd whose client has shown a key
    with Guest(house, "threads", 8, 20, options=("-r", "0", "-a", CODE, "-i", "bob")) as guest:
        assert guest.until("good", 120)["good"] == 160
        unchanged(guest)
    outcomes = house.wait_outcomes(161)
    users = {(outcome["user"], outcome["reason"]) for outcome in outcomes}
    assert users == {("alice", "verified"), ("bob", "verified")}
    counts = house.counts()
    assert (counts["InitiateAuth"], counts["RespondToAuthChallenge"], counts["mails"]) == (161, 161, 161)


def test_thousand_calls(house):
    """pam_start, pam_authenticate, pam_end a thousand times, a hundred of them whole logins: nothing grows."""
    pam.lines("broken", auth="required pam_cognito_otp.so config=/etc/security/no-such-file")
    any_code(house)
    house.settings(**MANY_MAILS)
    with Guest(house, "loop", 1000, "broken", options=("-a", CODE)) as guest:
        assert guest.until("good", 120)["good"] == 100
        measured = {line["memory"]: line for line in guest.lines if "memory" in line}
    first, last = measured[100], measured[1000]
    print("\ncalls  heap/B  mapped/B  dirty/KiB  rss/KiB  descriptors")
    for calls in (100, 200, 500, 1000):
        print("{memory:>5} {heap:>7} {mapped:>9} {dirty:>10} {rss:>8} {descriptors:>12}".format(**measured[calls]))
    assert last["descriptors"] == first["descriptors"]
    assert last["heap"] + last["mapped"] - first["heap"] - first["mapped"] < GROWTH_KIB * 1024
    assert 0 < first["dirty"] and last["dirty"] - first["dirty"] < GROWTH_KIB
    assert last["rss"] - first["rss"] < GROWTH_KIB
    assert house.counts()["RespondToAuthChallenge"] == 100


# --- secrets ------------------------------------------------------------------------------------------------------


def writable_memory(pid):
    """The contents of all writable mappings of a process."""
    with open(f"/proc/{pid}/maps", encoding="utf-8") as maps, open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            span, rights = line.split()[:2]
            if rights.startswith("rw"):
                begin, end = (int(number, 16) for number in span.split("-"))
                memory.seek(begin)
                with contextlib.suppress(OSError):
                    yield memory.read(end - begin)


def found(pid, needles):
    """Which of these byte strings lie in the memory of the process."""
    return {name for block in writable_memory(pid) for name, needle in needles.items() if needle in block}


def test_no_secret_stays(house):
    """After the return neither code nor session nor token is in the host's memory; a copy made by the host is found."""
    any_code(house)
    seen = {}
    for options in ((), ("-k",)):
        with Guest(house, "state", options=options) as guest:
            guest.question()
            guest.answer(CODE)
            assert guest.code() == SUCCESS
            (respond,) = house.cognito.wait_requests("RespondToAuthChallenge")[-1:]
            (revoke,) = house.cognito.wait_requests("RevokeToken")[-1:]
            session = json.loads(respond["body"])["Session"]
            refresh = json.loads(revoke["body"])["Token"]
            needles = {"code": CODE.encode(), "session": session[:32].encode(), "refresh token": refresh[:32].encode(),
                       "a token": b"eyJ", "host's own": b"SECRET_OF_HOST"}
            seen[options] = found(guest.process.pid, needles)
        wait_helpers(0)
        house.cognito.clear_log()
    assert seen == {(): {"host's own"}, ("-k",): {"host's own", "code"}}


# --- kill and stop ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("when", ("at the prompt", "while the service is silent"))
def test_host_killed(house, when):
    """A helper outlives its host only until the mail is out that it has asked for, and its deadline at most."""
    if when == "at the prompt":
        with Guest(house, "state") as guest:
            guest.question()
            wait_helpers(1)
            guest.process.kill()
            wait_helpers(0, timeout=1)
    else:
        house.settings(deadline="2s", connect_timeout="1s")
        house.cognito.fault("InitiateAuth", transport="silent")
        with Guest(house, "state") as guest:
            house.cognito.wait_requests("InitiateAuth")
            guest.process.kill()
            wait_helpers(0, timeout=4)


def test_host_stopped(house):
    """A host is stopped for longer than the deadline while the helper works: it goes on or fails, and does not hang."""
    house.settings(deadline="2s", connect_timeout="1s")
    house.cognito.fault("InitiateAuth", delay=0.5)
    with Guest(house, "state") as guest:
        house.cognito.wait_requests("InitiateAuth")
        os.kill(guest.process.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(guest.process.pid, signal.SIGCONT)
        begun = time.monotonic()
        line = guest.until("question", 5)
        guest.answer(house.cognito.last_code())
        assert line and guest.code(5) in (SUCCESS, SERVICE_ERR, AUTHINFO_UNAVAIL)
        assert time.monotonic() - begun < 3
        unchanged(guest)


def test_host_stopped_and_helper_late(house):
    """The same while the service is silent: the helper gives up meanwhile, and the host hears it when it goes on."""
    house.settings(deadline="2s", connect_timeout="1s")
    house.cognito.fault("InitiateAuth", transport="silent")
    with Guest(house, "state", options=("-a", CODE)) as guest:
        house.cognito.wait_requests("InitiateAuth")
        os.kill(guest.process.pid, signal.SIGSTOP)
        time.sleep(3)
        os.kill(guest.process.pid, signal.SIGCONT)
        begun = time.monotonic()
        assert guest.code(5) in (AUTHINFO_UNAVAIL, SERVICE_ERR)
        assert time.monotonic() - begun < 1
        unchanged(guest)
