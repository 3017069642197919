"""Who sends no request: clients that cannot be asked, connections that drop, and people for whom no mail may leave.

Each case shows an untouched service (no connection, no request, no mail) and the reason in the log; the first test
shows that the same set-up does reach the service when somebody asks for it.
"""

import concurrent.futures
import os
import re
import shutil
import signal
import subprocess

import pytest
from rig import accounts, ssh, su, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION, wait_helpers

PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
REFUSING = {"AllowUsers": "alice dave nosuch root", "PermitRootLogin": "no"}
NAME_IN_PROMPT = re.compile(r"\b[a-z]+@127\.0\.0\.1")


@pytest.fixture(scope="module")
def server():
    """An sshd that also takes passwords."""
    with Sshd("rig-sshd", options={"PasswordAuthentication": "yes"}) as running:
        yield running


def test_the_service_is_within_reach(house, server):
    """The control: the same server, settings and user with y do send something."""
    with ssh.terminal(server, "alice", "true") as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect(CODE_QUESTION)
    assert not house.untouched()


def test_batch_mode(house, server):
    """BatchMode never gets as far as the module."""
    run = ssh.batch(server, "alice", "true", options=["BatchMode=yes"])
    assert run.returncode == 255
    assert (house.outcomes(), house.untouched()) == ([], True)


def test_stored_password(house, server, password_program):
    """A client that knows passwords only cannot answer a prompt with echo; its password goes nowhere."""
    options = ["NumberOfPasswordPrompts=1"]
    run = ssh.batch(server, "alice", "true", methods="password", answer=password_program, options=options)
    assert (run.returncode, "Permission denied" in run.stderr) == (255, True)
    assert house.reasons() == ["no_conversation"]
    assert house.untouched()
    assert not house.log.lines("12345678")


def test_stored_code_like_password(house, server, password_program):
    """The same by keyboard-interactive: digits before any mail are no code of ours."""
    run = ssh.batch(server, "alice", "true", answer=password_program, options=["NumberOfPasswordPrompts=1"])
    assert run.returncode == 255
    assert house.reasons() == ["no_answer"]
    assert house.untouched()


def unattended(server):
    """The command lines of ssh, scp, sftp, git and rsync as a cron job runs them."""
    by_ssh = ssh.command(server, "alice", flags=["-T"])[:-1]
    shell = " ".join(by_ssh)
    lines = {
        "ssh": [*by_ssh, "127.0.0.1", "true"],
        "scp": [*ssh.command(server, "alice", binary="scp"), "/etc/hostname", "alice@127.0.0.1:copy"],
        "sftp": [*ssh.command(server, "alice", binary="sftp"), "alice@127.0.0.1"],
        "git": ["git", "ls-remote", "alice@127.0.0.1:repository"],
    }
    if shutil.which("rsync"):
        lines["rsync"] = ["rsync", "-e", shell, "/etc/hostname", "127.0.0.1:copy"]
    return lines, {**PLAIN, "GIT_SSH_COMMAND": shell, "GIT_SSH_VARIANT": "ssh"}


def test_programs_without_a_terminal(house, server):
    """ssh, scp, sftp, git and rsync with nobody there: their answers are empty, nine of them each."""
    lines, env = unattended(server)

    def run(line):
        return subprocess.run(
            line, env=env, cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
            start_new_session=True, check=False,
        )

    with concurrent.futures.ThreadPoolExecutor() as pool:
        runs = dict(zip(lines, pool.map(run, lines.values())))
    for name, done in runs.items():
        assert done.returncode != 0 and "Permission denied" in done.stderr, (name, done)
    assert house.reasons() == ["no_answer"] * 3 * len(lines)
    assert {outcome["caller"] for outcome in house.outcomes()} == {"remote"}
    assert house.untouched()


def test_dropped_connection(house, server):
    """A client that goes away at the first prompt costs nothing and leaves no helper."""
    with ssh.terminal(server, "alice", "true") as person:
        person.expect(FIRST_QUESTION)
        wait_helpers(1)
        os.kill(person.pid, signal.SIGKILL)
        wait_helpers(0)
    assert house.untouched()
    assert set(house.reasons()) <= {"no_conversation"}


def test_sudo_n(house):
    """sudo -n fails before it calls the module."""
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    with sudo.terminal(house.alice, "-n", "id") as person:
        assert person.wait() == 1
    assert (house.outcomes(), house.untouched()) == ([], True)


def sudo_n_through_pam(house):
    """sudo -n of an administrator who set noninteractive_auth: it calls the module and refuses its first prompt."""
    try:
        sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "noninteractive_auth"))
    except subprocess.CalledProcessError:
        sudo.allow("alice ALL=(ALL:ALL) ALL")
        pytest.skip("this sudo knows no noninteractive_auth")
    with sudo.terminal(house.alice, "-n", "id") as person:
        assert person.wait() == 1
    assert house.outcome()["reason"] == "no_conversation"


def test_sudo_n_through_pam_with_confirm(house):
    """confirm = always asks before it mails, so a prompt that nobody will see costs nothing."""
    house.settings(confirm="always")
    sudo_n_through_pam(house)
    assert house.untouched()


def test_sudo_n_through_pam(house):
    """The same without confirm: sudo refuses the prompt only when it comes, so one mail is out, as the manual says."""
    sudo_n_through_pam(house)
    assert house.counts() == {"mails": 1, "jwks": 1, "InitiateAuth": 1}


def test_sudo_without_a_terminal(house):
    """sudo -S: without a terminal even the own account gets no mail, whatever is typed."""
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    run = sudo.batch(house.alice, "id", answers="y\n" * 9)
    assert run.returncode == 1
    assert "Without a terminal no code is mailed. " in run.stderr
    assert set(house.reasons()) == {"no_answer"}
    assert house.untouched()


def test_su_without_a_terminal(house):
    """su </dev/null: end of file is nobody to ask."""
    run = subprocess.run(
        ["su", "-c", "id", "bob"], stdin=subprocess.DEVNULL, capture_output=True, text=True, env=PLAIN, cwd="/",
        timeout=30, start_new_session=True, user=house.mallory.uid, group=house.mallory.gid,
        extra_groups=house.mallory.groups, check=False,
    )
    assert (run.returncode, run.stdout) == (1, "")
    assert house.reasons() == ["no_conversation"]
    assert house.outcome()["caller"] == "local"
    assert house.untouched()


def give_wrong_codes(server, names):
    """Ask for a mail and type three wrong codes, for all names side by side; return {name: transcript}."""
    people = {name: ssh.terminal(server, name, "id -un") for name in names}
    try:
        for person in people.values():
            person.answer(FIRST_QUESTION, "y")
        for code in ("12345678", "1234", "98765432"):
            for person in people.values():
                person.answer(CODE_QUESTION, code)
        for person in people.values():
            assert person.wait() == 255
    finally:
        for person in people.values():
            person.close()
    return {name: person.transcript for name, person in people.items()}


def nobody_may(house):
    """Settings under which alice alone may sign in; return {name: reason}."""
    accounts.add_user("sysop", uid=990)
    house.settings(users="* !bob")
    house.user_map(*(f"{name} email:{name}@example.com" for name in ("alice", "bob", "carol", "sysop", "root")))
    return {
        "dave": "user_unmapped", "nosuch": "user_unknown", "bob": "user_filtered", "sysop": "user_system",
        "root": "user_root",
    }


def test_people_for_whom_nothing_leaves(house, server):
    """Unmapped, unknown, filtered, system and root users: y and codes are taken, none leaves, the log knows why."""
    expected = nobody_may(house)
    shown = give_wrong_codes(server, expected)
    assert sorted(house.reasons()) == sorted(expected.values())
    assert house.untouched()
    assert all("\r\nid" not in transcript for transcript in shown.values())
    by_reason = {outcome["reason"]: outcome["user"] for outcome in house.outcomes()}
    assert by_reason == {reason: "-" if name == "nosuch" else name for name, reason in expected.items()}


def test_a_code_that_would_be_right(house, server):
    """A filtered user's real code, mailed by another way, does not help him either."""
    nobody_may(house)
    with ssh.terminal(server, "bob", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        house.cognito.next_code("24682468")
        for _ in range(3):
            person.answer(CODE_QUESTION, "24682468")
        assert person.wait() == 255
    assert house.untouched()


def test_names_that_sshd_refuses(house):
    """AllowUsers, PermitRootLogin no, unknown: mapped and allowed by us, but the answers arrive replaced."""
    house.settings(allow_root="yes")
    house.user_map("alice email:alice@example.com", "bob email:bob@example.com", "root email:carol@example.com")
    with Sshd("rig-sshd", options=REFUSING) as refusing:
        give_wrong_codes(refusing, ("bob", "root", "nosuch"))
        reasons = {outcome["user"]: outcome["reason"] for outcome in house.outcomes()}
        assert reasons == {"bob": "refused_by_sshd", "root": "refused_by_sshd", "-": "user_unknown"}
        assert house.untouched()


def test_everybody_sees_the_same(house):
    """Byte for byte, whatever the account: real, unmapped, unknown, filtered, system, root, refused by sshd."""
    nobody_may(house)
    names = ("alice", "dave", "nosuch", "bob", "sysop", "root")
    with Sshd("rig-sshd", options={"DenyUsers": "carol"}) as server:
        shown = give_wrong_codes(server, (*names, "carol"))
    alike = {name: NAME_IN_PROMPT.sub("NAME@127.0.0.1", transcript) for name, transcript in shown.items()}
    assert alike["alice"].count("Code (r") == 3
    assert "Wrong code, 1 try left. " in alike["alice"]
    assert {name: text for name, text in alike.items() if text != alike["alice"]} == {}
    assert house.of_user("alice@example.com") == ["InitiateAuth"] + ["RespondToAuthChallenge"] * 3
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 3, "mails": 1}


def test_local_programs(house):
    """sudo tells an unmapped owner at once; su asks a stranger whatever the target is. Nothing leaves."""
    sudo.allow("dave ALL=(ALL:ALL) ALL")
    owner = sudo.terminal(house.dave, "id")
    strangers = su.terminal(house.mallory, "dave"), su.terminal(house.mallory, "root")
    words = r"(If this account may sign in, a code was mailed|Wrong code, . \w+ left)\. "
    for person in strangers:
        person.answer(FIRST_QUESTION, "y")
        for _ in range(3):
            person.answer(words + CODE_QUESTION, "12345678")
    for person in (owner, *strangers):
        with person:
            assert person.wait() == 1
    assert "Code" not in owner.transcript
    assert sorted(set(house.reasons())) == ["user_root", "user_unmapped"]
    assert house.untouched()
