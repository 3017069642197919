"""When a session begins and ends, by the real sshd and login: what is bound, what goes, and that nobody is kept out."""

import os
import re
import time

import pytest
from driver.driver import PamCall
from driver.people import TERMINAL, enter_code
from rig import login, pam, processes, ssh, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, HELPER, RUN, SETTINGS, gone, wait_helpers, write_file

KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
SESSION = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session")
PROMPT = r"\$ $"
BOUND = 15  # seconds of a call whose deadline is 4
TRACE = "/run/session-trace"
# of the process itself, and of its parent; each beside the session of init, which is nobody's
LOOKED = ["/proc/N/stat", "/proc/N/sessionid", "/proc/N/sessionid"] * 2
SUDO = "alice ALL=(ALL) ALL"


@pytest.fixture
def sessions(house):
    """The house with a cache, and with login sessions in sshd, login and the driver."""
    house.settings(cache="on", debug="yes")
    for service in ("rig-sshd", "login", "otp-test"):
        pam.lines(service, **pam.login_session())
    sudo.allow(SUDO, defaults=("lecture=never", "timestamp_timeout=0"))
    house.alice.give_key()
    return house


@pytest.fixture(scope="module")
def key_server():
    """An sshd that wants a key, and then a code."""
    with Sshd("rig-sshd", options=KEY_FIRST) as running:
        yield running


@pytest.fixture(scope="module")
def server():
    """An sshd that is content with a code."""
    with Sshd("rig-sshd") as running:
        yield running


def records(kind):
    """The names of the records of this kind."""
    return sorted(name for name in os.listdir(RUN) if name.startswith(f"cache-{kind}-")) if os.path.isdir(RUN) else []


def wait_no_record(kind="session", timeout=5):
    """Wait until the end of the session has taken it away."""
    deadline = time.monotonic() + timeout
    while records(kind):
        assert time.monotonic() < deadline, records(kind)
        time.sleep(0.02)


def at_work(house, person):
    """In a shell that has just begun: one record, of its session; sudo twice without a code; then the end."""
    person.expect(PROMPT)
    (record,) = records("session")
    person.line("cat /proc/self/sessionid; echo .")
    number = person.expect(r"(\d+)\.")[1]
    person.expect(PROMPT)
    assert record == f"cache-session-{house.alice.uid}-{number}"
    for _ in range(2):
        person.line("sudo id -un")
        person.expect(r"^root\r\n")
        person.expect(PROMPT)
    person.line("exit 0")
    person.wait()
    wait_no_record()
    assert len(house.cognito.outbox()) == 1
    assert len(house.log.lines(r"pam_cognito_otp\(sudo:auth\): event=accepted .* by=cache")) == 2
    assert house.log.lines("event=ignored") == []


# --- by each way in --------------------------------------------------------------------------------------------------


def test_ssh_with_a_key(sessions, key_server):
    """A key and a code: sshd's child asks, the monitor opens the session."""
    with ssh.terminal(key_server, "alice", key=sessions.alice.key) as person:
        person.answer(CODE_QUESTION, sessions.cognito.last_code())
        at_work(sessions, person)


def test_ssh_with_a_code_alone(sessions, server):
    """The session is bound also to who came in without a key: it is his own from then on."""
    with ssh.terminal(server, "alice") as person:
        person.answer("Sign-in code, or y to have one mailed: ", "y")
        person.answer(CODE_QUESTION, sessions.cognito.last_code())
        at_work(sessions, person)


def test_login(sessions):
    """login(1) asks, and opens the session, in one process."""
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, sessions.cognito.last_code())
        at_work(sessions, person)


def test_a_killed_monitor(sessions, key_server):
    """A connection whose monitor was killed closes no session: its record stays, of a session that nobody is in."""
    with ssh.terminal(key_server, "alice", key=sessions.alice.key) as person:
        person.answer(CODE_QUESTION, sessions.cognito.last_code())
        person.expect(PROMPT)
        before = records("session")
        person.line("echo $PPID.")
        monitor = processes.relations()[int(person.expect(r"(\d+)\.")[1])][0]
        processes.end([monitor])
    assert records("session") == before
    with ssh.terminal(key_server, "alice", key=sessions.alice.key) as person:
        person.answer(CODE_QUESTION, sessions.cognito.last_code(count=2))
        person.expect(PROMPT)
        assert len(set(records("session")) - set(before)) == 1
        person.line("exit 0")
        person.wait()


def test_without_pam_loginuid(sessions, key_server):
    """No session begins, so nothing is bound and sudo asks; the login goes on."""
    pam.lines("rig-sshd", **pam.module())
    with ssh.terminal(key_server, "alice", key=sessions.alice.key) as person:
        person.answer(CODE_QUESTION, sessions.cognito.last_code())
        person.expect(PROMPT)
        assert records("session") == []
        person.line("sudo id -un")
        person.answer(CODE_QUESTION, sessions.cognito.last_code(count=2))
        person.expect("^root\r\n")
    assert sessions.log.lines("session .* begins") == []


# --- what is touched -------------------------------------------------------------------------------------------------


def files_of(calls, within):
    """The files that a process of root's touches in these calls, in which nothing is asked and no network is used."""
    begin = ("sh", "-c", 'echo 7001 > /proc/self/loginuid && exec "$@"', "-") if within else ()
    arguments = (*begin, "strace", "-f", "-qq", "-o", TRACE, "-e", "trace=%file,socket")
    with PamCall("otp-test", "alice", calls, tty=TERMINAL, prefix=arguments) as call:
        assert set(call.finish().values()) == {"PAM_SUCCESS"}
    with open(TRACE, encoding="utf-8") as file:
        lines = file.read().splitlines()
    assert not [line for line in lines if re.search(r"socket\(AF_INET", line)]
    found = [name for line in lines for name in re.findall(r'"([^"]*)"', line)[:1]]
    return [re.sub(r"/proc/\d+/", "/proc/N/", name) for name in found]


def more(calls, without, within=False):
    """What `calls` touch beyond what `without` do, in their order; `within` a session that somebody else began."""
    rest = files_of(without, within)
    found = []
    for name in files_of(calls, within):
        if name in rest:
            rest.remove(name)
        else:
            found.append(name)
    return found


def test_setcred_touches_nothing(sessions):
    """Whatever the settings: a second and third setcred open no file, and start nothing."""
    pam.lines("otp-test", **pam.module())
    sessions.settings(cache="on", session_tokens="yes")
    assert more(["setcred", "setcred", "delete_cred"], ["setcred"]) == []
    assert not os.path.exists(RUN)


def test_a_session_within_another_reads_no_settings(sessions):
    """What sudo and su open: the kernel is asked whether a session began, and that is all, with the cache on."""
    pam.lines("otp-test", **pam.module())
    assert more(["setcred", "open_session", "open_session"], ["setcred", "open_session"], within=True) == LOOKED
    assert more(["open_session", "close_session"], ["open_session"], within=True) == LOOKED
    assert not os.path.exists(RUN)


def test_without_a_cache_nothing_is_started(sessions):
    """A session that begins: the kernel and the settings are looked at, and no helper is started."""
    sessions.settings(debug="yes")
    found = more(["open_session", "open_session"], ["open_session"])
    ours = [name for name in found if re.match(r"/proc/N/|/etc/security/|/run/|/usr/libexec/|/var/lib/", name)]
    assert ours == [*LOOKED, SETTINGS]
    with gone(HELPER):
        assert not more(["open_session", "close_session"], ["open_session", "open_session"])
    assert sessions.log.lines("pam_cognito_otp|cognito-otp") == []


# --- nobody is kept out ----------------------------------------------------------------------------------------------


def through(house, change=None, calls=SESSION):
    """A login from the console with its session; `change` happens after the question and before the answer."""
    started = time.monotonic()
    with PamCall("otp-test", "alice", calls, tty=TERMINAL) as call:
        enter_code(house, call)
        found = call.finish(BOUND)
    wait_helpers(0)
    assert time.monotonic() - started < BOUND
    return found


def opened(house, user="alice"):
    """The phases of a session alone, as after a key; each is a success."""
    started = time.monotonic()
    with PamCall("otp-test", user, ("open_session", "close_session"), tty="ssh", rhost="203.0.113.9") as call:
        assert call.finish(BOUND) == {"open_session": "PAM_SUCCESS", "close_session": "PAM_SUCCESS"}
        assert call.texts() == [], "nobody is told anything"
    wait_helpers(0)
    assert time.monotonic() - started < BOUND
    return [re.search(r"reason=(\w+).*phase=(\w+)", line).groups() for line in house.log.lines("phase=")]


def test_a_whole_session(sessions):
    """The control for what follows: bound, and gone again, without a line."""
    assert set(through(sessions).values()) == {"PAM_SUCCESS"}
    assert len(sessions.log.lines("session .* begins, with a record")) == 1
    assert len(sessions.log.lines("session .* ends, and its record with it")) == 1
    assert sessions.log.lines("phase=") == []
    assert records("session") == []


def test_settings_that_are_broken(sessions):
    """A typing error in the settings: told at each phase, with file and line."""
    sessions.settings(cache="on", cache_services_="sudo")
    both = [("config_unknown_key", "open_session"), ("config_unknown_key", "close_session")]
    assert opened(sessions) == both
    assert "cache_services_" in sessions.log.lines("phase=open_session")[0]
    sessions.log.clear()
    sessions.settings(cache="maybe")
    assert [phase for _, phase in opened(sessions)] == ["open_session", "close_session"]
    sessions.log.clear()
    os.unlink(SETTINGS)
    assert opened(sessions) == [], "without settings nothing is asked for"


def test_no_helper(sessions):
    """A helper that is not there, or not root's: told with its path."""
    with gone(HELPER):
        assert opened(sessions) == [("helper_missing", "open_session"), ("helper_missing", "close_session")]
    assert f'detail="{HELPER}: ' in sessions.log.lines("phase=open_session")[0]
    assert "user=alice " in sessions.log.lines("phase=open_session")[0]


def stand_in(script):
    """Another program in the helper's place."""
    os.rename(HELPER, HELPER + ".kept")
    write_file(HELPER, script, 0o755)


@pytest.fixture
def helper_aside():
    """Afterwards the helper is the helper again."""
    yield
    if os.path.exists(HELPER + ".kept"):
        os.rename(HELPER + ".kept", HELPER)


@pytest.mark.usefixtures("helper_aside")
def test_a_helper_that_speaks(sessions):
    """What would ask or tell in these phases is not our helper: the person sees nothing of it."""
    for kind in (5, 6, 7):
        number = "struct.pack('=I', 0), " if kind == 5 else ""
        stand_in(
            "#!/usr/bin/python3 -I\nimport socket, struct\ndoor = socket.socket(fileno=0)\ndoor.recv(65536)\n"
            f"door.send(b''.join([struct.pack('=II', 0x4F545001, {kind}), {number}struct.pack('=I', 5), b'hello']))\n"
            "door.recv(1)\n"
        )
        sessions.log.clear()
        assert opened(sessions) == [("helper_protocol", "open_session"), ("helper_protocol", "close_session")]
        os.rename(HELPER + ".kept", HELPER)


@pytest.mark.parametrize("what", ("a file", "mode 0755", "a link", "his own"))
def test_a_place_for_records_that_cannot_be_used(sessions, what):
    """cache_dir is something else: no record, no hang, and the session is opened; one line says why."""
    place = "/run/otp-cache"
    sessions.settings(cache="on", cache_dir=place)
    if what == "a file":
        write_file(place, "")
    elif what == "a link":
        os.symlink("/tmp", place)
    else:
        os.mkdir(place, 0o755 if what == "mode 0755" else 0o700)
        os.chown(place, sessions.alice.uid if what == "his own" else 0, 0)
    try:
        assert set(through(sessions).values()) == {"PAM_SUCCESS"}
        found = [re.search(r"reason=(\w+)", line)[1] for line in sessions.log.lines("phase=open_session")]
        assert found == ["state_unsafe"]
    finally:
        (os.rmdir if os.path.isdir(place) and not os.path.islink(place) else os.unlink)(place)


def test_root(sessions):
    """root's sessions are none of ours."""
    assert opened(sessions, "root") == []
    assert sessions.log.lines("session .* begins") == []


def test_a_record_of_somebody_elses_process(sessions):
    """The record of a login waits for the process that asked: another that opens a session for her gets none."""
    assert through(sessions, calls=("authenticate",)) == {"authenticate": "PAM_SUCCESS"}
    assert len(records("pending")) == 1
    assert opened(sessions) == []
    assert sessions.log.lines("with a record") == []


def test_another_name_in_the_same_process(sessions):
    """alice's code was right, but login went on with bob: her record is not his, and nobody's any more."""
    with PamCall("otp-test", "alice", ("authenticate", "user=bob", "open_session"), tty=TERMINAL) as call:
        enter_code(sessions, call)
        assert call.finish()["open_session"] == "PAM_SUCCESS"
    assert records("session") == []
    assert sessions.log.lines("with a record") == []
