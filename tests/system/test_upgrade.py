"""A new version is installed over the one that runs, and taken away, while people log in.

installation.py makes two other builds: the next version with the same protocol between module and helper, and one with
protocol 2. What is asked in each case: does the login that waits at the prompt end well, what does the next one use,
and what do people see and administrators read where something is missing.
"""

import os
import re

import pytest
from driver.people import console, own_account, question
from rig import pam, processes, ssh, sudo
from rig.sshd import Sshd

from system import installation
from system.house import CODE_QUESTION, executable, wait_helpers, write_file
from system.installation import FLOWS, HELPERS, NEXT_VERSION, Watch

FIRST_VERSION = "0.1.0"
STILL_GOOD = r"Code mailed \d+ s ago is still good\. Code \(r = new one\): "
BROKEN = "Sign-in with a code does not work on this machine now; the system log says why."
NO_MODULE = "PAM unable to dlopen(pam_cognito_otp.so)"
KEY_AND_CODE = {"AuthenticationMethods": "publickey,keyboard-interactive:pam", "LoginGraceTime": "600"}
KEY_ONLY = {"AuthenticationMethods": "publickey"}
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def installed(house):
    """What is installed is there again afterwards."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with installation.kept():
        yield house
        wait_helpers(0)


@pytest.fixture(scope="module")
def server():
    """An sshd that wants a key and a code."""
    with Sshd("rig-sshd", options=KEY_AND_CODE) as running:
        yield running


def enter(house, server, door):
    """alice before the question, on a terminal of ssh or of sudo."""
    if door == "ssh":
        return ssh.terminal(server, "alice", "echo in as $(id -un)", key=house.alice.give_key())
    return sudo.terminal(house.alice, "sh", "-c", "echo in as $SUDO_USER")


def get_in(person, code):
    """Type the code, and be in."""
    person.line(code)
    person.expect("^in as alice\r\n")
    assert person.wait() == 0


def versions(house):
    """The version of each caller of the service so far, by what it calls itself there."""
    agents = [request["headers"].get("user-agent", "") for request in house.cognito.requests()
              if request["operation"] in ("InitiateAuth", "RespondToAuthChallenge")]
    return [agent.rpartition("/")[2] for agent in agents]


def maps(process):
    """What the process has in its memory."""
    with open(f"/proc/{process}/maps", encoding="utf-8") as file:
        return file.read()


def holds_the_old(process):
    """It has a module in its memory that is on the disk no more."""
    return f"{installation.module()} (deleted)" in maps(process)


def helper_of(process):
    """The path of the helper that this program waits for."""
    return installation.wait_for(
        lambda: [path for path in map(executable, processes.descendants(process)) if "helper" in path], "a helper")[0]


# --- the same protocol -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("door", ["ssh", "sudo"])
def test_installed_while_somebody_is_asked(house, server, door):
    """The login at the prompt ends with what it began with, text included; the next one uses the new files."""
    files = (installation.module(), HELPERS[1], FLOWS[1])
    build = installation.next_build()    # before she is asked: a code is good for three minutes
    with enter(house, server, door) as alice, Watch(*files) as watch:
        question(alice)
        (helper,) = wait_helpers(1)
        installation.install(build)
        assert dict(watch.events()) == dict.fromkeys(files, "renamed"), watch.events()
        assert executable(helper) == HELPERS[1] + " (deleted)"
        assert installation.same(f"/proc/{helper}/exe", "/run/kept-installation/1")
        get_in(alice, house.cognito.last_code())
    assert versions(house) == [FIRST_VERSION] * 2
    with enter(house, server, door) as alice:
        question(alice)
        assert executable(wait_helpers(1)[0]) == HELPERS[1]
        get_in(alice, house.cognito.last_code(count=2))
    assert versions(house) == [FIRST_VERSION] * 2 + [NEXT_VERSION] * 2
    assert house.reasons() == ["verified"] * 2
    rows.append((f"{door}: make install while at the prompt", "in; the next login has the new version; verified ×2"))


def test_files_are_replaced_in_order(house):
    """Each is there and whole at any moment; the module comes last, so that its helper is there before it."""
    files = [FLOWS[1], HELPERS[1], installation.module()]
    with Watch(*files) as watch:
        installation.install(installation.next_build())
        assert watch.events() == [(path, "renamed") for path in files]
    assert sorted(os.listdir(installation.LIBEXEC)) == sorted(os.path.basename(path) for path in files[:2])
    assert not os.path.exists(os.path.dirname(installation.module()) + "/pam_cognito_otp.new")
    assert house.untouched()
    rows.append(("make install: how", "flow, helper, module, each by one rename onto its name"))


def test_old_module_and_new_helper(house, server):
    """sshd has the old module in its memory while the connection lasts; its next round calls the new helper."""
    build = installation.next_build()
    with enter(house, server, "ssh") as alice:
        question(alice)
        code = house.cognito.last_code()
        installation.install(build)
        for _ in range(2):
            alice.answer("", "")
            alice.expect("Codes are digits only; no try used")
        alice.answer(CODE_QUESTION, "")
        alice.expect(STILL_GOOD)
        (helper,) = wait_helpers(1)
        assert holds_the_old(processes.relations()[helper][0])
        get_in(alice, code)
    assert versions(house) == [FIRST_VERSION, NEXT_VERSION]
    assert house.reasons() == ["no_answer", "verified"]
    rows.append(("ssh: old module in sshd, new helper", "asked again, same code, in, 1 mail; no_answer, verified"))


def test_open_code_outlives_the_upgrade(house, server):
    """A code that was mailed before is taken up after."""
    build = installation.next_build()
    with enter(house, server, "sudo") as alice:
        question(alice)
        alice.interrupt()
    installation.install(build)
    with enter(house, server, "sudo") as alice:
        alice.expect("^" + STILL_GOOD)
        get_in(alice, house.cognito.last_code())
    assert house.counts()["mails"] == 1
    rows.append(("sudo: open code, same protocol", "taken up by the new version, 1 mail"))


# --- helper and flow are two files -----------------------------------------------------------------------------------


def mix(path, other):
    """Put another build's file in this place."""
    with open(other, "rb") as file:
        content = file.read()
    with open(path + ".mixed", "wb") as file:
        file.write(content)
    os.chmod(path + ".mixed", 0o755)
    os.rename(path + ".mixed", path)


def next_file(name):
    """A file of the next build, as it is installed."""
    return f"{installation.next_build()}/{name}"


MIXES = {
    "flow of another version": lambda: mix(FLOWS[1], next_file(".libs/cognito-otp-flow.so")),
    "helper of another version": lambda: mix(HELPERS[1], next_file("cognito-otp-helper")),
    "flow of another layout": lambda: mix(FLOWS[1], f"{installation.second_protocol()}/.libs/cognito-otp-flow.so"),
}


@pytest.mark.parametrize("name", MIXES)
def test_helper_and_flow_of_two_builds(house, name):
    """Between two renames, or where an installation was broken off: refused by a living helper, nothing mailed."""
    MIXES[name]()
    with console() as call:
        assert call.finish() == {"authenticate": "PAM_SERVICE_ERR"}
        shown = call.texts("error")
    outcome = house.outcome()
    assert (outcome["reason"], outcome["cognito"]) == ("helper_protocol", "alice@example.com")
    assert house.log.lines(f'detail="{re.escape(FLOWS[1])}: not of this helper\'s build; an installation is under way')
    assert house.untouched()
    assert shown == [BROKEN]
    rows.append((name, "'does not work on this machine'; helper_protocol, nothing mailed"))


# --- another protocol ------------------------------------------------------------------------------------------------


def test_program_that_outlives_an_upgrade(house):
    """A screen lock keeps its old module: it works while the old helper is there, then the log says what is missing."""
    calls = ["authenticate", "restart", "authenticate", "restart", "authenticate"]
    build = installation.second_protocol()
    with own_account(calls=calls) as lock:
        for number in (1, 2):
            assert lock.prompt().endswith("Code (r = new one): ")
            assert helper_of(lock.pid) == HELPERS[1]
            if number == 1:
                installation.install(build)
                assert holds_the_old(lock.pid)
            else:
                os.unlink(HELPERS[1])
                os.unlink(FLOWS[1])
            lock.answer(house.cognito.last_code(count=number))
        assert lock.finish() == {"authenticate": "PAM_SERVICE_ERR"}
        codes = [code for call, code in lock.history if call == "authenticate"]
        assert codes == ["PAM_SUCCESS"] * 2 + ["PAM_SERVICE_ERR"]
    assert house.reasons() == ["verified", "verified", "helper_missing"]
    assert house.log.lines(f'reason=helper_missing .*detail="{HELPERS[1]}: ')
    rows.append(("old module in memory, helper 1 still there", "in; verified"))
    rows.append(("the same, helper 1 removed", f"PAM_SERVICE_ERR; helper_missing, {HELPERS[1]}"))


@pytest.mark.parametrize("door", ["ssh", "sudo"])
def test_programs_started_afterwards(house, server, door):
    """sshd's new connections and a new sudo have the new module, and it has the new helper."""
    installation.install(installation.second_protocol())
    with enter(house, server, door) as alice:
        question(alice)
        pid = server.pid if door == "ssh" else alice.pid
        assert helper_of(pid) == HELPERS[2]
        get_in(alice, house.cognito.last_code())
    assert house.reasons() == ["verified"]
    rows.append((f"{door}: started after protocol 2 came", "cognito-otp-helper-2; verified"))


def test_open_code_of_another_protocol(house, server):
    """It is not taken up: one more mail, paid from the same budget, and a warning that says why."""
    house.settings(mail_budget="2/15m,20/d")
    build = installation.second_protocol()
    with enter(house, server, "sudo") as alice:
        question(alice)
        old = house.cognito.last_code()
        alice.interrupt()
    installation.install(build)
    with enter(house, server, "sudo") as alice:
        assert question(alice).startswith("Code mailed to a***@e***.")
        alice.line(old)
        alice.expect(r"Wrong code, 2 tries left\. " + CODE_QUESTION)
        get_in(alice, house.cognito.last_code(count=2))
    assert len(house.log.lines("event=state_discarded")) == 1
    with enter(house, server, "sudo") as alice:
        assert alice.wait() == 1
    assert house.counts()["mails"] == 2
    assert house.reasons()[-1] == "mail_budget"
    rows.append(("sudo: open code, protocol 2 came", "mailed anew, old code wrong; state_discarded; budgets stay"))


# --- taken away ------------------------------------------------------------------------------------------------------


def readme_stack(account):
    """sshd's stack: our auth line; the account line is the distribution's, or ours."""
    lines = pam.module()
    pam.lines("rig-sshd", auth=lines["auth"], account=lines["account"] if account else "required pam_permit.so")


def test_uninstalled_while_somebody_is_asked(house, server):
    """Whoever is at the prompt gets in: all that is needed is in memory."""
    with enter(house, server, "sudo") as alice:
        question(alice)
        installation.uninstall()
        assert not os.path.exists(installation.LIBEXEC)
        get_in(alice, house.cognito.last_code())
    assert house.reasons() == ["verified"]
    rows.append(("sudo: make uninstall while at the prompt", "in; verified"))


def test_lines_without_module(house, server):
    """PAM refuses a line without its module: nobody gets through an auth line of ours, and libpam says why."""
    installation.uninstall()
    with enter(house, server, "sudo") as alice:
        assert alice.wait() == 1
        said = re.findall(r"^sudo: (.*?)\r?$", alice.transcript, re.M)
    assert house.log.lines(re.escape(NO_MODULE)) and not house.log.lines("event=")
    rows.append(("sudo: the line is there, the module is not", f"{said[0]!r}; {NO_MODULE!r}"))
    with enter(house, server, "ssh") as alice:
        alice.expect(r"Permission denied")
    rows.append(("ssh, key and code: the same", f"'Permission denied'; {NO_MODULE!r}"))
    assert house.untouched()


@pytest.mark.parametrize("account", [False, True], ids=["auth only", "auth and account"])
def test_key_only_without_module(house, account):
    """A login with the key alone calls no auth line; an account line of ours stops it as well."""
    readme_stack(account)
    installation.uninstall()
    with Sshd("rig-sshd", options=KEY_ONLY) as server:
        result = ssh.batch(server, "alice", "echo in", key=house.alice.give_key())
    if account:
        assert result.returncode == 255 and result.stdout == ""
    else:
        assert (result.returncode, result.stdout) == (0, "in\n")
    assert house.log.lines(re.escape(NO_MODULE))
    said = result.stderr.strip().splitlines()[-1] if result.stderr.strip() else "in"
    rows.append((f"ssh, key only, lines: {'auth, account' if account else 'auth'}", f"{said!r}; {NO_MODULE!r}"))


def test_uninstall_takes_older_protocols_too(house):
    """`make uninstall` of the new version leaves no helper of the old one behind."""
    installation.install(installation.second_protocol())
    write_file(installation.LIBEXEC + "/other", "not ours\n")
    installation.uninstall(installation.second_protocol())
    assert os.listdir(installation.LIBEXEC) == ["other"]
    os.unlink(installation.LIBEXEC + "/other")
    assert house.untouched()
    rows.append(("make uninstall after protocol 2", "helpers and flows of both are gone, other files stay"))
