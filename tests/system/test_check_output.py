"""cognito-otp check as a program: text and JSON, colours, exit codes, hostile bytes; and that it leaves no trace."""

import contextlib
import hashlib
import os
import pty
import re
import stat
import subprocess
import time

import pytest
from rig import pam

from system.house import RUN, SECRET_FILE, SETTINGS, STATE, USER_MAP, write_file
from system.ready_machine import (
    BOUND,
    DEADLINE,
    PAM,
    SSHD_DROP_IN,
    TOOL,
    assert_good,
    changed_file,
    check,
    check_as_text,
    empty_state,
    findings_of_json,
    good_settings,
    lines_of,
    read,
    run_tool,
    with_fault,
)

GOOD = {"module", "helper", "state", "settings", "map", "keys", "client", "pam", "sshd", "login"}
ESCAPE = "\x1b[2J\x1b]0;owned\x07\u202e\x9b31m\r"
rows = []
pytestmark = pytest.mark.usefixtures("table", "machine")


def warning(_house):
    """Plant something that is a warning."""
    return changed_file(USER_MAP, lambda text: "alicia email:alice@example.com\n")


def error(_house):
    """Plant something that is an error."""
    return changed_file(SECRET_FILE, mode=0o644)


def nothing(_house):
    """Plant nothing."""
    return contextlib.nullcontext()


@pytest.mark.parametrize(("plant", "status"), [(nothing, 0), (error, 3), (warning, 4)],
                         ids=["good", "error", "warning"])
def test_text_and_json_say_the_same(house, plant, status):
    """The same findings in the same order, the same counts, the same status."""
    with plant(house):
        outcome = check()
        said = check_as_text()
    assert said == (status, lines_of(outcome.findings)) and outcome.status == status
    if status == 0:
        assert_good(outcome)
        assert {finding.name for finding in outcome.findings} == GOOD, outcome.findings
        assert {finding.level for finding in outcome.findings} == {"ok"}
        rows.extend((finding.level, f"{finding.name}: {finding.where}: {finding.text}") for finding in outcome.findings)
    rows.append((f"exit status with {plant.__name__}", str(status)))


def test_defaults_of_the_readme(house):
    """Without the short times of the tests, too."""
    house.settings()
    assert_good(check())


def test_other_settings_file(house):
    """--config, before and after the command; a file that is not there is an error."""
    other = "/etc/security/other.conf"
    write_file(other, read(SETTINGS))
    os.rename(SETTINGS, SETTINGS + ".away")
    try:
        assert check("--config", other).named("settings")[0].where == other
        assert check().named("config_open")[0].where == SETTINGS
        assert check("--config", "/etc/none.conf").named("config_open")[0].where == "/etc/none.conf"
        assert check("--config", "/" + "x" * 2000).named("config_open")
        assert check("--config", "relative.conf").named("config_open")
    finally:
        os.rename(SETTINGS + ".away", SETTINGS)
        os.remove(other)
    assert house.counts()["mails"] == 0


# --- exit codes -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("arguments", [
    ("check", "alice", "bob"), ("--json", "state"), ("--json", "config"), ("--json", "map", "alice"),
    ("login", "--json", "x"), ("--json",), ("check", "--JSON"), ("check", "--json=yes"), ("check", "-j"),
    ("check", "--", "--json", "x"),
], ids=" ".join)
def test_wrong_usage(house, arguments):
    """Status 2, and nothing is looked at."""
    run = run_tool(*arguments)
    assert run.returncode == 2 and run.stdout == "" and "check [--json]" in run.stderr, run
    assert house.untouched()


@pytest.mark.parametrize("arguments", [("check",), ("check", "--json")], ids=" ".join)
def test_output_that_cannot_be_written(house, arguments):
    """Nobody may take a report that was lost for a good one."""
    with open("/dev/full", "w", encoding="ascii") as full:
        run = run_tool(*arguments, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    assert run.returncode == 1 and "No space left on device" in run.stderr, run
    assert house.counts()["mails"] == 0


def test_reader_that_has_gone(house):
    """As `check | head -1` may be."""
    with contextlib.closing(os.fdopen(os.dup(2), "w")) as words, subprocess.Popen(
            [TOOL, "check"], stdout=subprocess.PIPE, stderr=words, stdin=subprocess.DEVNULL) as process:
        process.stdout.close()
        assert process.wait(BOUND) in (1, -13)
    assert house.counts()["mails"] == 0


# --- colours and hostile bytes --------------------------------------------------------------------------------------


def on_a_terminal(*arguments):
    """Run check on a terminal of its own; return all that came, and the status."""
    master, slave = pty.openpty()
    process = subprocess.Popen([TOOL, *arguments], stdin=slave, stdout=slave, stderr=slave, cwd="/",
                               env={"PATH": "/usr/bin", "TERM": "xterm"}, start_new_session=True)
    os.close(slave)
    said = b""
    with contextlib.suppress(OSError):      # EIO: the other end is closed
        while data := os.read(master, 65536):
            said += data
    os.close(master)
    return said.decode("utf-8", "backslashreplace").replace("\r\n", "\n"), process.wait(BOUND)


def test_colours_on_a_terminal_only(house):
    """A word of each line, and nothing but the word; never in JSON, never in a pipe."""
    with error(house):
        shown, status = on_a_terminal("check")
        outcome = check()
        assert on_a_terminal("check", "--json") == (run_tool("check", "--json").stdout, 3)
        assert "\x1b" not in check_as_text()[1]
    coloured = re.findall("\x1b\\[3[1236]m(ok|note|warning|error) *\x1b\\[0m", shown)
    assert status == 3 and coloured == [finding.level for finding in outcome.findings]
    assert re.sub("\x1b\\[\\d+m", "", shown) == lines_of(outcome.findings)
    assert shown.count("\x1b") == 2 * len(coloured)


HOSTILE = {
    "a key of the settings": lambda: changed_file(SETTINGS, lambda text: text + f"{ESCAPE} = 1\n"),
    "a value of the settings": lambda: changed_file(SETTINGS, lambda text: text + f"user_map = /etc/{ESCAPE}\n"),
    "a client id": lambda: changed_file(SETTINGS, lambda text: re.sub("client_id = .*", f"client_id = {ESCAPE}", text)),
    "a user of the map": lambda: changed_file(USER_MAP, lambda text: text + f"{ESCAPE} email:a@example.com\n"),
    "an address of the map": lambda: changed_file(USER_MAP, lambda text: text + f"eve email:{ESCAPE}@example.com\n"),
    "a module of a stack": lambda: changed_file(
        f"{PAM}/sudo", lambda text: text + f"auth sufficient /lib/{ESCAPE}.so\n"),
    "an argument of our line": lambda: changed_file(
        f"{PAM}/sudo", lambda text: text.replace("otp.so", f"otp.so {ESCAPE}=1")),
    "a file that is included": lambda: changed_file(f"{PAM}/sudo", lambda text: f"@include {ESCAPE}\n" + text),
    "a setting of sshd": lambda: changed_file(SSHD_DROP_IN, lambda text: text + f"{ESCAPE} yes\n"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes(house, name):
    """What a terminal would obey is shown as question marks; JSON stays JSON."""
    with HOSTILE[name]():
        shown, _ = on_a_terminal("check")
        check()     # asserts that each text is printable ASCII
    plain = re.sub("\x1b\\[(3[1236]|0)m", "", shown)
    assert plain.isascii() and plain.replace("\n", "").isprintable(), plain
    assert "owned" not in plain or "?" in plain
    assert house.counts()["mails"] == 0


def test_hostile_service(house):
    """What the service says is not shown, or shown clean."""
    house.cognito.fault("InitiateAuth", times=None, patch={"ChallengeName": "NEW" + ESCAPE})
    shown, status = on_a_terminal("check")
    assert status == 3 and "the service wants NEW?" in shown
    assert re.sub("\x1b\\[\\d+m", "", shown).replace("\n", "").isprintable()


@pytest.mark.parametrize("command", [("config",), ("map", "alice")], ids=" ".join)
def test_hostile_bytes_in_other_commands(house, command):
    """Their complaints come from the same files."""
    with HOSTILE["a key of the settings"]():
        run = run_tool(*command)
    assert run.returncode == 1 and run.stderr.replace("\n", "").isprintable() and run.stderr.isascii(), run
    assert house.untouched()


# --- no trace, and no waiting ---------------------------------------------------------------------------------------


def traces():
    """What a run could have changed: every file below /etc, /run and where the helper is, with contents and times."""
    found = {}
    for top in ("/etc", "/run", "/usr/libexec/pam_cognito_otp"):
        for folder, names, files in os.walk(top):
            if folder.startswith("/run/local-cognito"):
                continue
            for path in [os.path.join(folder, name) for name in names + files]:
                found[path] = trace_of(path)
    return found


def trace_of(path):
    """The contents (of all but the very large), size, owner, mode and times of a file."""
    state = os.lstat(path)
    digest = ""
    if stat.S_ISREG(state.st_mode) and state.st_size < 1 << 20:
        with open(path, "rb") as file:
            digest = hashlib.sha256(file.read()).hexdigest()
    return digest, state.st_size, state.st_uid, state.st_mode, state.st_mtime_ns, state.st_ctime_ns, state.st_ino


@pytest.mark.parametrize("plant", [nothing, error, warning], ids=lambda plant: plant.__name__)
def test_nothing_is_changed(house, plant):
    """No file, no directory, no mail, no line in the log; the service is asked for nobody real."""
    with plant(house):
        empty_state()
        house.log.clear()
        before = traces()
        check()
        check_as_text()
        assert traces() == before
    assert not os.path.exists(RUN) and not os.path.exists(STATE)
    assert house.log.lines("event=|pam_cognito_otp|cognito-otp") == []
    assert house.cognito.outbox() == []
    bodies = [request["body"] for request in house.cognito.requests("InitiateAuth")]
    assert all('"cognito-otp-check@example.invalid"' in body for body in bodies) and len(bodies) == (
        0 if plant is error else 2)
    assert not house.cognito.requests("RespondToAuthChallenge")
    rows.append((f"after check with {plant.__name__}", f"{len(before)} files as before, no mail, no line in the log"))


def test_codes_that_are_open_stay_open(house):
    """The state of a machine in use is looked at and left alone."""
    pam.lines("otp-test", **pam.module())
    house.make_run_directory()
    before = {name: trace_of(os.path.join(RUN, name)) for name in os.listdir(RUN)}
    assert before
    assert_good(check())
    assert {name: trace_of(os.path.join(RUN, name)) for name in os.listdir(RUN)} == before


def test_silent_service(house):
    """Two steps of `deadline` each, and no more."""
    good_settings(house, connect_timeout=f"{DEADLINE}s")
    with with_fault("connect", transport="handshake_stall")(house):
        begun = time.monotonic()
        outcome = check()
        seconds = time.monotonic() - begun
    assert outcome.status == 3 and len(outcome.bad()) == 2
    assert seconds < 2 * DEADLINE + 6, seconds      # sshd and the helper are asked as well
    rows.append(("service silent", f"{len(outcome.bad())} errors within twice the deadline of {DEADLINE} s"))


def test_json_of_a_broken_machine_is_whole(house):
    """Many faults at once: one object all the same."""
    with error(house), changed_file(USER_MAP, lambda text: "alice alice\n"), changed_file(
            SSHD_DROP_IN, lambda text: "Nonsense yes\n"), changed_file(f"{PAM}/sudo", mode=0o666):
        run = run_tool("check", "--json")
    names = {finding.name for finding in findings_of_json(run.stdout) if finding.level == "error"}
    assert run.returncode == 3 and names == {"config_unsafe", "map_syntax", "sshd_broken", "pam_file"}
    assert house.counts()["mails"] == 0
