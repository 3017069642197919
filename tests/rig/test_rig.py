"""Proves that the rig works: isolation, accounts, syslog, and each driver against a stand-in stack of pam_unix.

Rules: nothing of the module under test is used here: a failure of the rig must not look like one of the module.
"""

import os
import subprocess
import time

import pytest

import rig
from rig import accounts, login, pam, processes, pty, ssh, su, sudo
from rig.sshd import Sshd
from rig.syslog import Syslog, decode

pytestmark = pytest.mark.skipif(not rig.inside(), reason=rig.OUTSIDE)

UNIX = {"auth": "required pam_unix.so nodelay", "account": "required pam_unix.so"}
WITH_NEWS = {"auth": ["optional pam_echo.so Greetings from the stack", "required pam_unix.so nodelay"]}


@pytest.fixture(scope="module")
def people():
    """Two users with the same known password."""
    return accounts.add_people("alice", "bob", password=accounts.PASSWORD)


@pytest.fixture(scope="module")
def server(people):
    """An sshd whose stack greets and asks for the password."""
    pam.lines("rig-sshd", **WITH_NEWS)
    people[0].give_key()
    with Sshd("rig-sshd") as running:
        yield running


@pytest.fixture
def syslog():
    """A collector for one test."""
    with Syslog() as collector:
        yield collector


def test_isolation_is_complete():
    """The network is loopback alone, /dev is private, and only processes of the rig are seen."""
    assert sorted(os.listdir("/sys/class/net")) == ["lo"] or interfaces() == ["lo"]
    assert not os.path.exists("/dev/log")
    assert len(processes.relations()) < 40
    assert os.environ["HOME"] == "/root"
    assert "SSL_CERT_FILE" not in os.environ


def interfaces():
    """Return the names of the network interfaces that this process can use."""
    with open("/proc/net/dev", encoding="ascii") as file:
        return [line.split(":")[0].strip() for line in file if ":" in line]


def test_enter_passes_status_and_environment():
    """COMMAND's exit status comes through, OTP_ names too, other names do not."""
    enter = os.path.join(os.path.dirname(__file__), "enter.sh")
    script = 'echo "$OTP_WORD-${OTHER_WORD:-none}"; exit 7'
    environment = {"PATH": pty.PATH, "OTP_WORD": "seen", "OTHER_WORD": "seen"}
    run = subprocess.run([enter, "bash", "-c", script], capture_output=True, text=True, env=environment, timeout=30)
    if run.returncode == 77:
        pytest.skip(f"no rig within the rig here: {run.stderr.strip()}")
    assert (run.returncode, run.stdout) == (7, "seen-none\n"), run.stderr


def test_accounts(people):
    """Ids begin at 7001, a second creation changes nothing, groups grow."""
    alice, bob = people
    assert alice.uid >= accounts.FIRST_UID and alice.uid != bob.uid
    assert accounts.add_user("alice").uid == alice.uid
    first = accounts.add_group("rig-staff", ["alice"])
    assert accounts.add_group("rig-staff", ["alice", "bob"]) == first
    assert first in alice.groups and first in bob.groups


def test_syslog_collects(syslog):
    """A message of the C library arrives with its facility, level and tag."""
    subprocess.run(["logger", "-p", "authpriv.err", "-t", "rigtag", "one message"], check=True, timeout=10)
    assert syslog.wait_for("one message").string.startswith("authpriv.err rigtag")
    with pytest.raises(AssertionError, match="one message"):
        syslog.wait_for("never said", timeout=0.1)


def test_syslog_decodes():
    """The time stamp goes, bytes that are no text are shown as what they are."""
    assert decode(b"<83>Nov 25 03:00:00 su[7]: a\xffb\n") == "authpriv.err su[7]: a\\xffb"


def test_pty_expects_and_answers():
    """Prompts, echo state, transcript and exit status."""
    script = 'printf "Name: "; read n; stty -echo; printf "Code: "; read c; stty echo; echo "<$n $c>"; exit 3'
    with pty.Terminal(["sh", "-c", script]) as terminal:
        terminal.expect("Name: ")
        assert terminal.echoes()
        terminal.line("ann")
        terminal.expect("Code: ")
        assert not terminal.echoes()
        terminal.line("42")
        terminal.expect("<ann 42>")
        assert terminal.wait() == 3
    assert "Name: ann\r\nCode: " in terminal.transcript


def test_pty_waits_are_bounded():
    """A silent program and one that has ended are told apart, and close() leaves nothing behind."""
    with pty.Terminal(["sh", "-c", "trap '' HUP; sleep 60 & sleep 60"]) as terminal:
        started = time.monotonic()
        with pytest.raises(pty.Silent):
            terminal.expect("anything", timeout=0.3)
        assert time.monotonic() - started < 2
    assert processes.of_session(terminal.pid) == []
    with pty.Terminal(["true"]) as terminal, pytest.raises(pty.Ended):
        terminal.expect("anything")


def test_pty_keys_and_hang_up():
    """^C interrupts, and losing the line is a hang-up."""
    with pty.Terminal(["sh", "-c", "echo ready; exec sleep 60"]) as terminal:
        terminal.expect("ready")
        terminal.control("c")
        assert terminal.wait() in (-2, 130)
    with pty.Terminal(["sh", "-c", "echo ready; exec sleep 60"]) as terminal:
        terminal.expect("ready")
        terminal.hang_up()
        assert terminal.wait() in (-1, 129)


def test_pty_runs_as_a_user(people):
    """Real, effective and saved ids are the user's, and the terminal is his."""
    with pty.Terminal(["sh", "-c", "grep Uid /proc/self/status; tty; stat -c %U $(tty)"], user=people[0]) as terminal:
        terminal.expect(r"Uid:\s+{0}\s+{0}\s+{0}\s".format(people[0].uid))
        terminal.expect(r"/dev/pts/\d+\s+alice")
        assert terminal.wait() == 0


def test_ssh_by_keyboard_interactive(server):
    """Message and prompt arrive together, the stack of our own service is used, a command runs."""
    with ssh.terminal(server, "alice", "id -un") as terminal:
        terminal.answer(r"Greetings from the stack\s+Password: ", accounts.PASSWORD)
        terminal.expect("^alice")
        assert terminal.wait() == 0


def test_ssh_refusal_names_our_service(server, syslog):
    """A wrong answer is asked again; the log shows that the stack of our own service was used."""
    with ssh.terminal(server, "alice", "true") as terminal:
        for _ in range(3):
            terminal.answer("Password: ", "wrong")
        terminal.expect("Permission denied", timeout=30)
        assert terminal.wait() == 255
    syslog.wait_for(r"pam_unix\(rig-sshd:auth\): authentication failure")


def test_ssh_with_a_key_first(people, server):
    """The key alone is enough; with AuthenticationMethods the stack asks as well."""
    alone = ssh.batch(server, "alice", "id -un", key=people[0].key)
    assert (alone.returncode, alone.stdout) == (0, "alice\n"), alone.stderr
    both = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
    with Sshd("rig-sshd", options=both) as strict:
        with ssh.terminal(strict, "alice", "id -un", key=people[0].key) as terminal:
            terminal.answer("Password: ", accounts.PASSWORD)
            terminal.expect("^alice")
            assert terminal.wait() == 0


def test_ssh_with_askpass(server):
    """Without a terminal the answers come from SSH_ASKPASS."""
    helper = os.path.join(accounts.temporary_folder(), "askpass")
    with open(helper, "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh\necho {accounts.PASSWORD}\n")
    os.chmod(helper, 0o755)
    run = ssh.batch(server, "bob", "id -un", answer=helper)
    assert (run.returncode, run.stdout) == (0, "bob\n"), run.stderr


def test_sshd_penalises_nobody(server):
    """Many refused sessions of one address do not shut out the next one."""
    for _ in range(6):
        assert ssh.batch(server, "alice", "true").returncode == 255
    with ssh.terminal(server, "alice", "id -un") as terminal:
        terminal.answer("Password: ", accounts.PASSWORD)
        terminal.expect("^alice")


def test_sshd_stops_with_its_connections():
    """stop() ends the listener and the connections it serves."""
    with Sshd("rig-sshd") as short_lived:
        terminal = ssh.terminal(short_lived, "alice")
        terminal.expect("Password: ")
        pid = short_lived.pid
        assert len(processes.descendants(pid)) >= 2
    with terminal:
        terminal.line("too late")  # ssh looks at the connection only once the prompt is answered
        assert terminal.wait() == 255
    assert pid not in processes.relations()


def test_sudo_on_a_terminal(people, syslog):
    """sudo asks the caller through its own stack; a wrong answer is asked again."""
    pam.lines("sudo", **UNIX)
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    with sudo.terminal(people[0], "-k", "id", "-un") as terminal:
        terminal.answer("Password: |password for alice: ", "wrong")
        terminal.expect("try again")
        terminal.answer("Password: |password for alice: ", accounts.PASSWORD)
        terminal.expect("^root")
        assert terminal.wait() == 0
    syslog.wait_for(r"pam_unix\(sudo:auth\): authentication failure")


def test_sudo_without_a_terminal(people):
    """sudo -S takes the answers from its standard input."""
    pam.lines("sudo", **UNIX)
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    run = sudo.batch(people[0], "id", "-un", answers=accounts.PASSWORD + "\n")
    assert (run.returncode, run.stdout) == (0, "root\n"), run.stderr


def test_su(people):
    """su asks for the target's password; a wrong one ends it."""
    pam.lines("su", **UNIX)
    with su.terminal(people[0], "bob", "id -un") as terminal:
        terminal.answer("Password: ", accounts.PASSWORD)
        terminal.expect("^bob")
        assert terminal.wait() == 0
    with su.terminal(people[0], "bob", "id -un") as terminal:
        terminal.answer("Password: ", "wrong")
        terminal.expect("failure")
        assert terminal.wait() == 1


def test_login(people):
    """login on a console asks, and gives a shell on the same terminal."""
    pam.lines("login", **UNIX)
    with login.terminal("alice") as terminal:
        terminal.answer("Password: ", accounts.PASSWORD)
        terminal.expect(r"\$ ")
        terminal.line("id -un; tty; exit 5")
        terminal.expect("^alice")
        terminal.expect("^/dev/pts/")
        terminal.wait()


def test_login_asks_for_the_name(people):
    """Without a name login asks for it, and a wrong answer starts over."""
    pam.lines("login", **UNIX)
    with login.terminal() as terminal:
        terminal.answer("login: ", "alice")
        terminal.answer("Password: ", "wrong")
        terminal.expect("Login incorrect")
        terminal.answer("login: ", "bob")
        terminal.answer("Password: ", accounts.PASSWORD)
        terminal.expect(r"\$ ")
