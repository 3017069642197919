"""cognito-otp login, map, config: what an administrator tries and looks at before PAM is changed."""

import os
import signal
import subprocess
import termios
import time

import pexpect
import pytest
from rig import pam

from system.house import CODE_QUESTION, SETTINGS, USER_MAP, write_file
from system.test_tool import secrets_of, tool

BOUND = 15
PLAIN = {"PATH": "/usr/bin", "TERM": "dumb"}
PIN = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short waits, and no PAM service that names the module: nothing of it is needed."""
    house.settings(deadline="4s", connect_timeout="2s")
    pam.lines("login", auth=("required pam_deny.so",), account=("required pam_deny.so",))


class Terminal:
    """cognito-otp login on a terminal of its own."""

    def __init__(self, *arguments):
        self.child = pexpect.spawn("/usr/sbin/cognito-otp", ["login", *arguments], env=PLAIN, timeout=BOUND,
                                   encoding="utf-8", cwd="/")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.child.close(force=True)

    def question(self):
        """The text up to the end of the next question."""
        self.child.expect(CODE_QUESTION)
        return self.child.before + self.child.after

    def shows_typing(self):
        """Whether the terminal shows what is typed."""
        return bool(termios.tcgetattr(self.child.child_fd)[3] & termios.ECHO)

    def end(self):
        """What was shown until it ended, and its exit status: negative when a signal ended it."""
        self.child.expect(pexpect.EOF)
        said = self.child.before
        self.child.close()
        killed = self.child.signalstatus
        return said.replace("\r\n", "\n"), self.child.exitstatus if killed is None else -killed


def state_of(pid):
    """The state letter of a process; empty when it is gone."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8") as file:
            return file.read().rsplit(")", 1)[1].split()[0]
    except FileNotFoundError:
        return ""


def eventually(true):
    """Whether it is true at last; for as long as any wait here."""
    end = time.monotonic() + BOUND
    while not true() and time.monotonic() < end:
        time.sleep(0.05)
    return true()


def newest(house):
    """The code of the newest mail."""
    return house.cognito.outbox()[-1]["code"]


def logged(house):
    """The last line with an event."""
    house.log.wait_for("event=")
    return house.log.lines("event=")[-1]


def wrong(house):
    """A code that was not mailed."""
    return f"{(int(newest(house)) + 1) % 10**8:08d}"


def test_right_code(house):
    """The same flow as the module's: one mail, a masked address, no echo; the log has the line."""
    with Terminal("alice") as terminal:
        assert "Code mailed to a***@e***. " in terminal.question()
        assert not terminal.shows_typing()
        terminal.child.sendline(newest(house))
        said, status = terminal.end()
    assert (said.strip(), status) == ("alice: in as alice@example.com: the code was right and the tokens hold", 0)
    outcome = logged(house)
    assert "event=accepted reason=verified user=alice cognito=alice@example.com " in outcome
    assert " service=cognito-otp origin=trial caller=console " in outcome
    assert house.counts() == {"mails": 1, "jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1}
    rows.append(("login alice, the right code", said.strip()))


def test_wrong_codes(house):
    """Why, and what to do; the exit status says that nobody would be let in."""
    with Terminal("alice") as terminal:
        terminal.question()
        terminal.child.sendline(wrong(house))
        assert "Wrong code, 2 tries left. " in terminal.question()
        for _ in range(2):
            terminal.child.sendline(wrong(house))
        said, status = terminal.end()
    assert status == 1 and "Too many wrong codes. Log in again.\n" in said
    assert "too many wrong codes (tries_exhausted)\n" in said
    assert "cognito-otp: remedy: Log in again for a new code; " in said
    assert not any(secret in said for secret in secrets_of(house))
    rows.append(("login alice, three wrong codes", said.splitlines()[-1]))


def test_later_login_takes_the_code_up(house):
    """One login, one mail, also from the terminal to the same place."""
    with Terminal("alice") as terminal:
        terminal.question()
        terminal.child.sendintr()
        terminal.end()
    with Terminal("alice") as terminal:
        assert " ago is still good. " in terminal.question()
        terminal.child.sendline(newest(house))
        assert terminal.end()[1] == 0
    assert house.counts()["mails"] == 1


@pytest.mark.parametrize(("key", "number"), [("\x03", 2), ("\x1c", 3)], ids=["^C", "^backslash"])
def test_signals_leave_the_terminal_as_it_was(house, key, number):
    """It ends as a program does that knows nothing of the signal."""
    with Terminal("alice") as terminal:
        terminal.question()
        assert not terminal.shows_typing()
        terminal.child.send(key)
        assert terminal.end()[1] == -number
    assert house.counts()["mails"] == 1


def test_in_the_background_it_stops_and_can_be_ended(house):
    """Stopped at the question and continued in the background, it waits for the terminal as every program does."""
    child = pexpect.spawn("/bin/bash", ["--norc", "-i"], env={**PLAIN, "PS1": "ready> "}, timeout=BOUND,
                          encoding="utf-8")
    child.expect("ready> ")
    child.sendline("/usr/sbin/cognito-otp login alice")
    child.expect(CODE_QUESTION)
    pid = os.tcgetpgrp(child.child_fd)
    os.kill(pid, signal.SIGSTOP)
    child.expect("ready> ")
    child.sendline("bg")
    child.expect("ready> ")
    assert eventually(lambda: state_of(pid) == "T")
    os.kill(pid, signal.SIGTERM)
    os.kill(pid, signal.SIGCONT)
    assert eventually(lambda: state_of(pid) in ("Z", ""))
    child.close(force=True)
    assert house.counts()["mails"] == 1


def test_interrupted_terminal_shows_typing_again(house):
    """What ran before it finds the terminal as it was."""
    script = "trap : INT; /usr/sbin/cognito-otp login alice; stty -a"
    child = pexpect.spawn("/bin/bash", ["-c", script], env=PLAIN, timeout=BOUND, encoding="utf-8")
    child.expect(CODE_QUESTION)
    assert not termios.tcgetattr(child.child_fd)[3] & termios.ECHO
    child.sendintr()
    child.expect(pexpect.EOF)
    child.close()
    assert " echo " in child.before and house.counts()["mails"] == 1


def test_end_of_file_is_no_answer(house):
    """^D ends it: the person cannot be asked."""
    with Terminal("alice") as terminal:
        terminal.question()
        terminal.child.sendeof()
        said, status = terminal.end()
    assert status == 1 and "(no_conversation)" in said and house.counts()["mails"] == 1


def test_without_a_terminal(house):
    """Nobody is mailed."""
    said = subprocess.run(["setsid", "/usr/sbin/cognito-otp", "login", "alice"], capture_output=True, text=True,
                          timeout=BOUND, check=False, stdin=subprocess.DEVNULL, env=PLAIN, cwd="/")
    assert said.returncode == 1 and said.stdout == ""
    assert said.stderr == "cognito-otp: /dev/tty: the calling program could not ask the user (no_conversation)\n"
    assert house.untouched()


@pytest.mark.parametrize(
    ("user", "settings", "reason"),
    [
        ("dave", {}, "user_unmapped"),
        ("root", {}, "user_root"),
        ("alice", {"users": "!alice"}, "user_filtered"),
        ("alice", {"min_uid": "60000"}, "user_system"),
        ("no-such-person", {}, "user_unknown"),
        ("dave", {"unmapped": "ignore"}, "unmapped_ignored"),
    ],
)
def test_refused_before_any_request(house, user, settings, reason):
    """What this machine decides by itself reaches no service; the reason and a remedy are said."""
    house.settings(**settings)
    with Terminal(user) as terminal:
        said, status = terminal.end()
    assert status == 1 and f"({reason})\n" in said and "cognito-otp: remedy: " in said
    assert house.untouched()
    assert f"reason={reason} " in logged(house)
    rows.append((f"login {user} {settings or ''}", said.splitlines()[0]))


def test_service_down(house):
    """Why, within the deadline."""
    nowhere = "https://localhost:1"
    house.settings(deadline="4s", connect_timeout="2s", endpoint=nowhere, jwks_url=nowhere + "/keys")
    with Terminal("alice") as terminal:
        said, status = terminal.end()
    assert status == 1 and "Sign-in service not reachable; no code was sent.\n" in said and "(net_connect)\n" in said
    rows.append(("login alice, service down", said.splitlines()[-1]))


def test_settings_that_cannot_be_used(house):
    """File and line, as in the log of the module."""
    house.settings(max_tries="many")
    with Terminal("alice") as terminal:
        said, status = terminal.end()
    assert status == 1 and f"cognito-otp: settings: {SETTINGS}:" in said and "max_tries" in said and house.untouched()


def test_map(house):
    """Who he is, from where, and whether he may."""
    house.user_map(f"alice email:alice@example.com sub={PIN}", "root email:root@example.com")
    assert tool("map", "alice") == (
        f"user=alice uid={house.alice.uid} cognito=email:alice@example.com sub={PIN} "
        f"from={USER_MAP} may_log_in=yes reason=-\n")
    house.settings(user_template="email:%u@example.org")
    assert tool("map", "dave") == (
        f"user=dave uid={house.dave.uid} cognito=email:dave@example.org sub=- "
        "from=user_template may_log_in=yes reason=-\n")
    assert house.untouched()


@pytest.mark.parametrize(
    ("user", "reason"), [("root", "user_root"), ("dave", "user_unmapped"), ("daemon", "user_system")])
def test_map_of_somebody_who_may_not(house, user, reason):
    """Status 1, and why."""
    house.user_map("alice email:alice@example.com", "root email:root@example.com")
    run = subprocess.run(["/usr/sbin/cognito-otp", "map", user], capture_output=True, text=True, timeout=BOUND,
                         check=False)
    assert run.returncode == 1 and run.stdout.endswith(f" may_log_in=no reason={reason}\n") and run.stderr == ""


def test_map_with_a_mistake(house):
    """Nobody is anybody until it is repaired."""
    house.user_map("alice email:alice@example.com", "bob mail:bob@example.com")
    assert f"{USER_MAP}:2: " in tool("map", "alice", status=1)


def test_config_can_be_read_again(house):
    """What it shows is a settings file that says the same."""
    written = {"max_tries": "5", "mail_budget": "4/10m,9/h", "users": "alice !bob", "challenge_ttl": "150s"}
    house.settings(**written)
    shown = tool("config")
    lines = [f"{key} = {value}" for key, value in written.items()]
    assert {*lines, "# user_template is not set", "deadline = 20s"} <= set(shown.splitlines()), shown
    other = "/etc/security/other.conf"
    write_file(other, "".join(line + "\n" for line in shown.splitlines() if not line.startswith("fips")))
    try:
        assert tool("--config", other, "config") == shown
        assert tool("config", "--config", other) == shown
    finally:
        os.remove(other)
    assert not any(secret in shown for secret in secrets_in(house))


def secrets_in(house):
    """The client's secret."""
    with open("/etc/security/pam_cognito_otp.secret", encoding="ascii") as file:
        return [file.read().strip()]
