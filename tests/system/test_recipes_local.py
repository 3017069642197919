"""The stacks of the manual for sudo, sudo -i, su and the console, in Debian's own files, edited as the text says.

Whoever gets in gets the whole session, so that what jumps and ends in `auth` do to setcred is seen as well.
"""

import contextlib
import os
import re
import subprocess
import time

import pytest
from rig import accounts, login, network, pam, ssh, su, sudo
from rig.sshd import MachineSshd

from system.house import CODE_QUESTION, FIRST_QUESTION

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
PASSWORD_QUESTION = r"(?i)password( for \w+)?: "
UNREACHABLE = r"Sign-in service not reachable; no code was sent\."
ALERT = r"^authpriv\.alert break-glass(\[\d+\])?: (\S+) logged in on (?:/dev/)?(\S+) with a password$"
ROUNDS = 5
LOGIN_TIMEOUT = 60


@pytest.fixture(autouse=True)
def policy():
    """All three may do everything, rescue without a question; a ticket counts for 15 minutes, as it is shipped."""
    rules = [f"{name} ALL=(ALL:ALL) ALL" for name in ("alice", "bob", "dave")]
    sudo.allow(*rules, "rescue ALL=(ALL) NOPASSWD: ALL")
    subprocess.run("rm -rf /run/sudo/ts", shell=True, check=True, timeout=10)


def code(house, account):
    """The code of the newest mail to the account."""
    return house.cognito.last_code(f"{account.name}@example.com")


def sudo_by_code(house, account, *arguments):
    """In with one mailed code and no other question."""
    with sudo.terminal(account, *arguments, "id", "-un") as person:
        person.expect(rf"Code mailed to {account.name[0]}\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        person.line(code(house, account))
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert "assword" not in person.transcript


def sudo_by_password(account, *arguments):
    """In with the password and no other question; a wrong one is none."""
    with sudo.terminal(account, *arguments, "id", "-un") as person:
        person.answer(PASSWORD_QUESTION, "not-the-password")
        person.answer(PASSWORD_QUESTION, accounts.PASSWORD)
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert "Code" not in person.transcript


# --- sudo -----------------------------------------------------------------------------------------------------------


@pytest.mark.recipe("sudo")
def test_sudo_alone(recipe):
    """ssh stays as it was, sudo and sudo -i ask for a code; once in 15 minutes."""
    with MachineSshd() as server:
        with ssh.terminal(server, "alice", key=recipe.alice.give_key(), methods="publickey") as person:
            person.expect(r"\$ ")
            assert recipe.untouched()
            person.line("sudo id -un")
            person.answer(CODE_QUESTION, code(recipe, recipe.alice))
            person.expect(r"^root\r\n\$ ")
            person.line("sudo id -gn")
            person.expect(r"^root\r\n\$ ")
            person.line("exit")
            assert person.wait() == 0
        assert recipe.counts() == ONE_LOGIN
    with sudo.terminal(recipe.bob, "-i") as person:
        person.answer(CODE_QUESTION, code(recipe, recipe.bob))
        person.expect("# ")
        person.line("id -un; exit")
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert len(recipe.cognito.outbox()) == 2


@pytest.mark.recipe("sudo")
def test_sudo_without_a_terminal(recipe):
    """Refused, and nobody is mailed; a NOPASSWD rule asks for nothing."""
    run = sudo.batch(recipe.alice, "id", "-un", answers="y\n12345678\n")
    assert (run.returncode, run.stdout) == (1, "")
    sudo.allow("alice ALL=(ALL) NOPASSWD: ALL")
    run = sudo.batch(recipe.alice, "id", "-un")
    assert (run.returncode, run.stdout) == (0, "root\n")
    assert recipe.untouched()


@pytest.mark.recipe("sudo")
def test_sudo_i_forgotten(recipe, passwords):
    """What the manual warns of: with /etc/pam.d/sudo alone, sudo -i is content with the password."""
    pam.stack("sudo-i", pam.shipped("sudo-i"))
    sudo_by_code(recipe, recipe.alice)
    sudo_by_password(recipe.bob, "-i")


def first_few(house):
    """alice is asked for a code in sudo and sudo -i, and for nothing else ever; bob goes on with his password."""
    sudo_by_code(house, house.alice)
    sudo_by_code(house, house.alice, "-i")
    sudo_by_password(house.bob)
    sudo_by_password(house.bob, "-i")
    assert len(house.cognito.outbox()) == 2
    house.log.clear()
    with network.cut(house.cognito.https_port), sudo.terminal(house.alice, "-k", "id", "-un") as person:
        assert person.wait(30) == 1
    assert "assword:" not in person.transcript and "for alice" not in person.transcript, "her password became a way in"
    assert set(house.reasons()) == {"net_timeout"}


@pytest.mark.recipe("sudo-one-user")
def test_sudo_for_one_user(recipe, passwords):
    """The first step of the roll-out."""
    first_few(recipe)


@pytest.mark.recipe("sudo-group")
def test_sudo_for_a_group(recipe, passwords):
    """The second step."""
    accounts.add_group("otp", ["alice"])
    first_few(recipe)


@pytest.mark.recipe("sudo-all")
def test_sudo_for_all(recipe, passwords):
    """The last step: everybody but automation; an error of the line before ours asks for the code."""
    accounts.add_group("automation", ["bob"])
    first_few(recipe)
    with sudo.terminal(recipe.dave, "id", "-un") as person:
        assert person.wait() == 1, "who is not in the map gets in"
    pam.stack("sudo", pam.read("sudo").replace("pam_succeed_if.so", "pam_missing.so"))
    sudo_by_code(recipe, recipe.bob, "-k")


@pytest.mark.recipe("password-then-code")
def test_sudo_password_then_code(recipe, passwords):
    """A wrong password mails nothing; the right one is not enough."""
    for arguments in ((), ("-i",)):
        recipe.cognito.clear_outbox()
        with sudo.terminal(recipe.alice, "-k", *arguments, "id", "-un") as person:
            for _ in range(3):
                person.answer(PASSWORD_QUESTION, "not-the-password")
            assert person.wait() == 1
        assert recipe.cognito.outbox() == []
        with sudo.terminal(recipe.alice, "-k", *arguments, "id", "-un") as person:
            person.answer(PASSWORD_QUESTION, accounts.PASSWORD)
            person.answer(CODE_QUESTION, code(recipe, recipe.alice))
            person.expect("^root\r\n")
            assert person.wait() == 0
        assert len(recipe.cognito.outbox()) == 1


@pytest.mark.recipe("unmapped-password")
def test_sudo_unmapped_with_a_password(recipe, passwords):
    """Who is not in the map gives his password; who is needs a code, and his password does not help him."""
    recipe.settings(unmapped="ignore")
    recipe.user_map("alice email:alice@example.com")
    for arguments in ((), ("-i",)):
        sudo_by_password(recipe.bob, *arguments)
        sudo_by_code(recipe, recipe.alice, "-k", *arguments)
    with sudo.terminal(recipe.alice, "-k", "id", "-un") as person:
        for _ in range(3):
            person.answer(CODE_QUESTION, "00000000")
        assert person.wait() == 1
    assert PASSWORD_QUESTION not in person.transcript and len(recipe.cognito.outbox()) == 3


# --- su -------------------------------------------------------------------------------------------------------------


@pytest.mark.recipe("su")
def test_su(recipe):
    """root without a question; others with the code of the account they change to; to root as the text says."""
    root = accounts.Account("root")
    for dash in (False, True):
        with su.terminal(root, "alice", "id -un", login=dash) as person:
            person.expect("^alice\r\n")
            assert person.wait() == 0
    assert recipe.untouched()
    for dash in (False, True):
        with su.terminal(recipe.mallory, "bob", "id -un", login=dash) as person:
            person.answer(FIRST_QUESTION, "y")
            person.expect(CODE_QUESTION)
            person.line(code(recipe, recipe.bob))
            person.expect("^bob\r\n")
            assert person.wait() == 0
    assert len(recipe.cognito.outbox()) == 2
    recipe.user_map("root email:alice@example.com")
    mails = len(recipe.cognito.outbox())
    with su.terminal(recipe.mallory, "root", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect(CODE_QUESTION)
    assert len(recipe.cognito.outbox()) == mails, "root without allow_root"
    recipe.settings(allow_root="yes")
    with su.terminal(recipe.mallory, "root", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        person.answer(CODE_QUESTION, code(recipe, recipe.alice))
        person.expect("^root\r\n")
        assert person.wait() == 0


# --- the console ----------------------------------------------------------------------------------------------------


@pytest.fixture
def rescue():
    """The local account of the manual's example; not in the map."""
    account = accounts.add_user("rescue", password=accounts.PASSWORD)
    accounts.set_password("rescue", accounts.PASSWORD)
    return account


def console_shell(person, name):
    """A whole session is there; leave it."""
    person.expect(r"[$#] ")
    person.line("id -un; exit 0")
    person.expect(f"^{name}\r\n")
    assert person.wait() == 0


@pytest.mark.recipe("login")
def test_console(recipe, passwords):
    """Everybody by code; root not at all, whatever his password; /etc/nologin still counts."""
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, code(recipe, recipe.alice))
        console_shell(person, "alice")
    assert recipe.counts() == ONE_LOGIN
    with login.terminal("root") as person:
        person.expect("Login incorrect", timeout=30)
    assert "assword" not in person.transcript
    with open("/etc/nologin", "w", encoding="ascii") as file:
        file.write("Closed for repair.\n")
    try:
        with login.terminal("bob") as person:
            person.expect(r"Closed for repair\.")
            person.expect("Login incorrect", timeout=30)
    finally:
        os.unlink("/etc/nologin")
    assert recipe.counts() == ONE_LOGIN


def break_glass(house, name):
    """In with the password alone; return the line at level alert, and the terminal that it must name."""
    house.log.clear()
    with login.terminal(name) as person:
        person.answer("Password: ", accounts.PASSWORD, timeout=30)
        console_shell(person, name)
    return house.log.lines("^authpriv.alert"), person.tty


@pytest.mark.recipe("login-break-glass", "sshd", "sshd-config-key-code")
def test_break_glass(recipe, rescue, passwords):
    """With the network cut, root and rescue get in at the console, loudly; over ssh they do not, nor do others."""
    with network.cut(recipe.cognito.https_port), MachineSshd() as server:
        for name in ("root", "rescue"):
            lines, terminal = break_glass(recipe, name)
            found = [re.match(ALERT, line) for line in lines]
            assert [(match[2], "/dev/" + match[3]) for match in found] == [(name, terminal)], lines
            assert recipe.outcomes() == []
        recipe.log.clear()
        with login.terminal("rescue") as person:
            person.answer("Password: ", "not-the-password")
            person.expect("Login incorrect", timeout=30)
        assert recipe.log.lines("^authpriv.alert") == []
        for account in (rescue, accounts.Account("root"), recipe.alice):
            with ssh.terminal(server, account.name, "id -un", key=account.give_key()) as person:
                person.expect("Permission denied", timeout=60)
                assert person.wait() == 255
            assert "assword:" not in person.transcript
        assert recipe.cognito.outbox() == []
    recipe.log.clear()
    with login.terminal("alice") as person:
        person.expect("Login incorrect|" + CODE_QUESTION, timeout=30)
    break_glass(recipe, "rescue")
    assert recipe.reasons() == [], "while the service is there it is the same"


@pytest.mark.recipe("login-break-glass")
def test_rescue_becomes_root(recipe, rescue):
    """What the account is for: on the machine whose network is gone it gets root's rights, by the rule of sudoers."""
    with network.cut(recipe.cognito.https_port), login.terminal("rescue") as person:
        person.answer("Password: ", accounts.PASSWORD)
        person.expect(r"\$ ")
        person.line("sudo id -un")
        person.expect(r"^root\r\n\$ ")
        person.line("exit")
        assert person.wait() == 0


@pytest.mark.parametrize("missing", ("/usr/bin/logger", "/dev/log"))
@pytest.mark.recipe("login-break-glass")
def test_break_glass_without_a_logger(recipe, rescue, missing):
    """He gets in all the same, with his password only; where there is a log, it has his name and terminal."""
    os.rename(missing, missing + ".away")
    try:
        with login.terminal("rescue") as person:
            person.answer("Password: ", "not-the-password", timeout=30)
            person.expect("Login incorrect", timeout=30)
        with login.terminal("rescue") as person:
            person.answer("Password: ", accounts.PASSWORD, timeout=30)
            console_shell(person, "rescue")
    finally:
        os.rename(missing + ".away", missing)
    if missing == "/usr/bin/logger":
        where = rf"terminal=\[(/dev/)?{person.tty.removeprefix('/dev/')}\] user=\[rescue\]"
        recipe.log.wait_for(rf"^authpriv\.notice login.*pam_warn\(login:auth\).*{where}")
        recipe.log.wait_for(r"^authpriv\.err login.*pam_exec\(login:auth\).*failed")
    assert recipe.log.lines("^authpriv.alert") == []


@pytest.mark.parametrize("module", ("pam_succeed_if", "pam_unix", "pam_warn", "pam_exec"))
@pytest.mark.recipe("login-break-glass")
def test_break_glass_with_a_broken_line(recipe, rescue, module):
    """A line that fails before ours lets nobody in with less, and ends no way in that does not need it."""
    pam.stack("login", pam.read("login").replace(module + ".so", "pam_missing.so"))
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, code(recipe, recipe.alice))
        console_shell(person, "alice")
    with login.terminal("rescue") as person:
        if module in ("pam_succeed_if", "pam_unix"):
            person.expect("Login incorrect", timeout=30)
        else:
            person.answer("Password: ", accounts.PASSWORD)
            console_shell(person, "rescue")


def silent(house):
    """The service takes the request, has the code mailed, and says nothing: the longest that a call can wait."""
    house.cognito.fault("InitiateAuth", transport="silent", times=ROUNDS)
    return contextlib.nullcontext()


OUTAGES = {
    "network cut": (lambda house: network.cut(house.cognito.https_port), 4, 6, 0),
    "silent service": (silent, 18, 20, 1),
}


@pytest.mark.parametrize("outage", OUTAGES)
@pytest.mark.recipe("login-break-glass")
def test_console_during_an_outage(recipe, outage, table_of_rounds):
    """Told why; five rounds of login wait for the service once, and end long before LOGIN_TIMEOUT."""
    breaks, least, most, mails = OUTAGES[outage]
    names = ("alice", "bob", "carol", "alice", "bob")
    with breaks(recipe):
        begun = time.monotonic()
        rounds = []
        with login.terminal(names[0]) as person:
            for number, name in enumerate(names):
                if number:
                    person.answer("login: ", name)
                asked = time.monotonic()
                if number == 0:
                    person.expect(UNREACHABLE, timeout=30)
                recipe.wait_outcomes(number + 1, timeout=30)
                rounds.append(time.monotonic() - asked)
            person.expect("(?i)maximum number of tries|login incorrect", timeout=30)
            person.wait(30)
        total = time.monotonic() - begun
    table_of_rounds(outage, rounds, total)
    assert least <= rounds[0] < most
    assert max(rounds[1:]) < 2 and total < LOGIN_TIMEOUT
    assert recipe.counts()["mails"] == mails and len(recipe.outcomes()) == ROUNDS


@pytest.fixture
def table_of_rounds():
    """Prints how long each round took, and all of them."""
    lines = []

    def note(outage, rounds, total):
        lines.append(f"{outage}, rounds of login: " + ", ".join(f"{seconds:.1f} s" for seconds in rounds))
        lines.append(f"in all, with the pauses of pam_faildelay: {total:.1f} s; deadline 20 s, LOGIN_TIMEOUT 60 s")

    yield note
    print("\n" + "\n".join(lines))
