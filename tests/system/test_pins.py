"""pin_sub: who came in first is remembered, and the same address with another Cognito user behind it opens nothing.

Duty: through real programs, that a user who was made anew in the pool is refused until an administrator says otherwise;
that a lost or damaged file of pins lets nobody in and mails nothing; and that many first logins at once lose no line.
"""

import contextlib
import fcntl
import os
import re
import shutil
import stat
import struct
import subprocess
import time

import pytest
from driver.people import console, enter_code, key_holder, sign_in, stranger
from mock_cognito.defaults import POOL
from rig import accounts, login, ssh, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, HELPER, RUN, SETTINGS, STATE, USER_MAP, write_file
from system.test_state_faults import REAL_HELPER, traced, untraced
from system.test_tool import tool

FILE = f"{STATE}/pins-{POOL}"
FIRST, LAST = f"# pins of {POOL}\n", "# end\n"
LOCK = f"{STATE}/pins.lock"
ALICE = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
BOB = "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"
ANEW = "aaaaaaaa-9999-70aa-8000-aaaaaaaaaaaa"
MAILED = r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION
LINE = re.compile(r"(\S+) (\S+) sub=(\S+) from=(login|created) time=(\d+)")
CROWD = 20
CALLS = "openat,faccessat,faccessat2,newfstatat,fstat,read,fchmod,write,fsync,renameat,unlinkat,fcntl,getdents64"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def pinning(house):
    """pin_sub, and a file that was begun."""
    house.settings(pin_sub="yes")
    assert tool("pin", "clear", "--all") == "all: pins removed: 0\n"


def pins():
    """{(user, identity): sub} of the file, which must be whole, and root's alone."""
    state = os.lstat(FILE)
    assert (stat.S_IMODE(state.st_mode), state.st_uid, state.st_nlink) == (0o600, 0, 1)
    with open(FILE, encoding="ascii") as file:
        lines = file.read().splitlines(keepends=True)
    assert (lines[0], lines[-1]) == (FIRST, LAST)
    found = [LINE.fullmatch(line.rstrip("\n")) for line in lines[1:-1]]
    assert all(found), lines
    assert len({match.group(1, 2) for match in found}) == len(found), "somebody is there twice"
    return {match.group(1, 2): match[3] for match in found}


def make_anew(house, name="alice@example.com", sub=ANEW):
    """The user is deleted in the pool, and another one made with the same verified address."""
    assert house.cognito.user(name, delete=True)
    house.cognito.user(name, sub=sub)


def refused(house, call):
    """The right code, and a refusal that names the pin."""
    with call:
        enter_code(house, call)
        result = call.result()
    outcome = house.log.wait_for(r"reason=identity_sub .*").group()
    assert f"pinned {ALICE} at 20" in outcome and f"not {ANEW}" in outcome
    return result


# --- one person ------------------------------------------------------------------------------------------------------


def test_first_login_is_remembered(house):
    """The sub of the token, once, with a line in the log; the next login changes nothing."""
    before = int(time.time())
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert pins() == {("alice", "email:alice@example.com"): ALICE}
    with open(FILE, encoding="ascii") as file:
        assert before <= int(LINE.search(file.read())[5]) <= time.time()
    said = house.log.wait_for(r"warning cognito-otp-helper.*event=pinned .*").group()
    assert said.endswith(f"event=pinned user=alice cognito=alice@example.com sub={ALICE} from=login")
    inode = os.lstat(FILE).st_ino
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert os.lstat(FILE).st_ino == inode and len(house.log.lines("event=pinned")) == 1


def test_wrong_code_is_not_remembered(house):
    """Nor is who is refused by another check, the group for instance."""
    with console() as call:
        for _ in range(3):
            call.prompt()
            call.answer("00000000")
        assert call.result() == "PAM_MAXTRIES"
    house.settings(pin_sub="yes", require_group="nobody-is-in-it")
    assert sign_in(house, "bob")["authenticate"] == "PAM_AUTH_ERR"
    assert house.outcome()["reason"] == "identity_group"
    assert pins() == {}


@pytest.mark.parametrize("come", [console, key_holder], ids=["console", "key"])
def test_made_anew(house, come):
    """The same address, another user: refused although the code was right; forgotten by root: in, and pinned anew."""
    sign_in(house)
    make_anew(house)
    house.log.clear()
    assert refused(house, come()) == "PAM_AUTH_ERR"
    assert pins() == {("alice", "email:alice@example.com"): ALICE}
    assert tool("pin", "clear", "alice") == "alice: pins removed: 1\n"
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert pins() == {("alice", "email:alice@example.com"): ANEW}
    rows.append((f"made anew in the pool, {come.__name__}", "identity_sub, PAM_AUTH_ERR; pin clear: in"))


def test_made_anew_stranger(house):
    """Whoever has shown nothing but the code learns no more than that it was not enough."""
    sign_in(house)
    make_anew(house)
    house.log.clear()
    with stranger() as call:
        enter_code(house, call, first=True)
        assert call.result() == "PAM_AUTH_ERR"
        assert not re.search(r"pin|sub", " ".join(call.texts()))
    assert house.outcome()["reason"] == "identity_sub"


def test_not_set(house):
    """Without pin_sub nothing is remembered, and nobody is refused for it."""
    house.settings()
    shutil.rmtree(STATE)
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    make_anew(house)
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert not os.path.exists(FILE)


def test_pin_of_the_map_is_compared_too(house):
    """A map line's sub= refuses before anything is remembered, and the remembered one also under the right sub=."""
    house.user_map(f"alice email:alice@example.com sub={ANEW}")
    assert sign_in(house)["authenticate"] == "PAM_AUTH_ERR"
    assert pins() == {}
    house.user_map(f"alice email:alice@example.com sub={ALICE}")
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    make_anew(house)
    house.user_map(f"alice email:alice@example.com sub={ANEW}")
    house.log.clear()
    assert refused(house, console()) == "PAM_AUTH_ERR"


def test_another_line_of_the_map(house):
    """Another address is somebody new; back at the old one the old pin counts."""
    sign_in(house)
    house.user_map("alice email:bob@example.com")
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert pins() == {("alice", "email:alice@example.com"): ALICE, ("alice", "email:bob@example.com"): BOB}
    make_anew(house)
    house.user_map("alice email:alice@example.com")
    house.log.clear()
    assert refused(house, console()) == "PAM_AUTH_ERR"
    assert tool("pin", "clear", "alice") == "alice: pins removed: 2\n"


def test_sub_that_is_no_uuid(house):
    """What could not be read again is not written."""
    house.cognito.user("alice@example.com", sub="not-a-uuid")
    assert sign_in(house)["authenticate"] == "PAM_AUTH_ERR"
    assert house.outcome()["reason"] == "jwt_claim"
    assert pins() == {}


# --- real programs ---------------------------------------------------------------------------------------------------


def by_ssh(house):
    """Key, then code; the client answers one question only."""
    options = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
    with Sshd("rig-sshd", options=options) as server, \
            ssh.terminal(server, "alice", "echo in as $USER", key=house.alice.give_key(),
                         options=("NumberOfPasswordPrompts=1",)) as person:
        yield person


def by_sudo(house):
    """alice for root."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with sudo.terminal(house.alice, "sh", "-c", "echo in as $SUDO_USER") as person:
        yield person


def by_login(house):
    """At the console."""
    with login.terminal("alice") as person:
        yield person


def come_in(house, way, wanted):
    """With the right code that way; what is expected then."""
    count = len(house.cognito.outbox()) + 1
    with contextlib.contextmanager(way)(house) as person:
        person.expect(MAILED)
        person.line(house.cognito.last_code(count=count))
        if way is by_login and wanted == "in as alice":
            person.expect(r"\$ ")
            person.line("echo in as $USER")
        person.expect(wanted)
        return person.transcript


@pytest.mark.parametrize(("way", "no"), [(by_ssh, "Permission denied"), (by_sudo, "incorrect|try again|Sorry"),
                                         (by_login, "Login incorrect")], ids=["ssh", "sudo", "login"])
def test_real_programs(house, way, no):
    """In and pinned; made anew in the pool: out, with the reason; forgotten: in."""
    come_in(house, way, "in as alice")
    assert pins() == {("alice", "email:alice@example.com"): ALICE}
    make_anew(house)
    house.log.clear()
    assert "in as alice" not in come_in(house, way, no)
    outcome = house.wait_outcomes(1)[0]     # sudo and login call again, and hear the same
    assert (outcome["reason"], outcome["user"]) == ("identity_sub", "alice")
    assert "RespondToAuthChallenge" in house.counts() and pins()["alice", "email:alice@example.com"] == ALICE
    tool("pin", "clear", "alice")
    come_in(house, way, "in as alice")
    rows.append((f"{way.__name__}: made anew in the pool", f"identity_sub, {no.split('|')[0]}; pin clear: in"))


# --- the file --------------------------------------------------------------------------------------------------------


def nobody_gets_in(house, reason, code="PAM_SERVICE_ERR", unmapped="dave"):
    """Known, unmapped and unknown people, with a key and without, hear the same at once; nothing leaves."""
    house.log.clear()
    before = house.counts()
    said = set()
    for call in (console(), key_holder("bob"), stranger("bob"), stranger(unmapped), stranger("no-such-person")):
        with call:
            assert call.result() == code
            said.add(tuple(call.texts()))
    assert house.counts() == before and len(said) == 1
    assert house.reasons() == [reason] * 5
    return house.log.lines("event=")[-1]


def test_lost_file(house):
    """Nobody is let in, nothing is mailed, and no login makes the file anew; --all begins it."""
    sign_in(house)
    os.unlink(FILE)
    said = nobody_gets_in(house, "pins_missing")
    assert FILE in said and not os.path.exists(FILE)
    shutil.rmtree(STATE)
    nobody_gets_in(house, "pins_missing")
    assert not os.path.exists(FILE)
    for verb in (("list",), ("list", "alice"), ("clear", "alice")):
        assert tool("pin", *verb, status=1) == (f"cognito-otp: pin: {FILE}: there is no file of pins for this pool "
                                                "(pins_missing)\n")
    assert tool("pin", "clear", "--all") == "all: pins removed: 0\n"
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    rows.append(("file lost", "pins_missing, PAM_SERVICE_ERR, nothing mailed, everybody alike"))


@pytest.mark.parametrize("damage", ["a line", "the end", "empty", "zeros"])
def test_damaged_file(house, damage):
    """Not taken for a shorter one: a pin that cannot be read could be anybody's."""
    sign_in(house)
    with open(FILE, encoding="ascii") as file:
        text = file.read()
    broken = {"a line": text.replace(" sub=", " sub=x"), "the end": text[:-len(LAST)], "empty": "", "zeros": "\0" * 200}
    write_file(FILE, broken[damage], 0o600)
    said = nobody_gets_in(house, "pins_syntax")
    assert FILE in said
    assert f"{FILE}:2: not a pin" in said or damage != "a line"
    assert "(pins_syntax)" in tool("pin", "clear", "alice", status=1)
    write_file(FILE, text, 0o600)
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    rows.append((f"file damaged: {damage}", "pins_syntax, PAM_SERVICE_ERR, nothing mailed"))


@pytest.mark.parametrize("unsafe", ["directory", "mode", "owner", "link"])
def test_unsafe_file(house, unsafe):
    """What others could have changed is not believed, and not replaced."""
    sign_in(house)
    if unsafe == "directory":
        os.chmod(STATE, 0o755)
    elif unsafe == "mode":
        os.chmod(FILE, 0o640)
    elif unsafe == "owner":
        os.chown(FILE, house.mallory.uid, 0)
    else:
        os.rename(FILE, STATE + "/elsewhere")
        os.symlink("elsewhere", FILE)
    before = os.lstat(FILE)
    nobody_gets_in(house, "state_unsafe", "PAM_SYSTEM_ERR")
    assert "(state_unsafe)" in tool("pin", "clear", "--all", status=1)
    assert "(state_unsafe)" in tool("pin", "list", status=1)
    assert os.lstat(FILE)[:6] == before[:6]
    rows.append((f"unsafe: {unsafe}", "state_unsafe, PAM_SYSTEM_ERR, nothing mailed"))


def test_pin_that_cannot_be_written(house):
    """The right code is not enough where the pin cannot be kept; who is pinned already needs no room."""
    sign_in(house)
    with open(LOCK, "r+b") as lock:         # as a writer that was stopped has it, for ever
        fcntl.fcntl(lock, fcntl.F_OFD_SETLK, struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 1, 0))
        assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
        house.log.clear()
        assert sign_in(house, "bob")["authenticate"] == "PAM_SYSTEM_ERR"
        assert LOCK in house.log.wait_for("reason=state_io .*").group()
        assert "(state_io)" in tool("pin", "clear", "bob", status=1)
    assert set(pins()) == {("alice", "email:alice@example.com")}
    assert sign_in(house, "bob")["authenticate"] == "PAM_SUCCESS"
    rows.append(("a stopped writer", "who is pinned: in; who is not: state_io after 5 s; writer gone: in"))


def test_crowd(house):
    """Twenty people log in for the first time at once: all are in and pinned, and no line is lost."""
    names = [f"person{number}" for number in range(CROWD)]
    house.settings(pin_sub="yes", mail_budget_host="200/h", deadline="60s", connect_timeout="20s")
    for name in names:
        accounts.add_user(name)
        house.cognito.user(f"{name}@example.com")
    house.user_map(*[f"{name} email:{name}@example.com" for name in names])
    with contextlib.ExitStack() as stack:
        calls = {name: stack.enter_context(console(name)) for name in names}
        for call in calls.values():
            assert call.prompt(60) is not None
        for name, call in calls.items():        # all codes are typed before the first result is looked at
            call.answer(house.cognito.last_code(f"{name}@example.com"))
        results = [call.result(timeout=60) for call in calls.values()]
    assert results == ["PAM_SUCCESS"] * CROWD
    found = pins()
    assert {user for user, _ in found} == set(names) and len(set(found.values())) == CROWD
    rows.append((f"{CROWD} first logins at once", f"{len(found)} pins"))


def test_shared_mailbox_and_two_accounts(house):
    """Two local users with one address have a pin each."""
    house.user_map("alice email:alice@example.com", "bob email:alice@example.com")
    for name in ("alice", "bob"):
        assert sign_in(house, name)["authenticate"] == "PAM_SUCCESS"
    assert pins() == {(name, "email:alice@example.com"): ALICE for name in ("alice", "bob")}
    tool("pin", "clear", "alice")
    assert pins() == {("bob", "email:alice@example.com"): ALICE}


def test_another_pool(house):
    """Its file is another one: begun by itself, and nobody's pin in it is a pin here."""
    sign_in(house)
    with open(SETTINGS, encoding="utf-8") as file:
        other = file.read().replace(POOL, "eu-west-1_Zz987xYyC")
    write_file("/etc/security/other.conf", other)
    config = ("--config", "/etc/security/other.conf", "pin")
    assert "pins-eu-west-1_Zz987xYyC" in tool(*config, "list", status=1)
    assert tool(*config, "clear", "--all") == "all: pins removed: 0\n"
    assert tool(*config, "list") == "pins: 0\n"
    assert tool("pin", "list").endswith("\npins: 1\n")
    shutil.copy(f"{STATE}/pins-eu-west-1_Zz987xYyC", FILE)      # a file that belongs to the other one
    os.chmod(FILE, 0o600)
    assert "(pins_syntax)" in tool("pin", "list", status=1)


@pytest.fixture
def helper_aside():
    """The helper under another name, so that strace can stand in its place; afterwards as it was."""
    os.rename(HELPER, REAL_HELPER)
    yield
    os.rename(REAL_HELPER, HELPER)


def points(lines):
    """The calls that touch the file, its lock and its directory: (call, its number among all of this name)."""
    numbers, found = {}, []
    for line in lines:
        call = line.partition("(")[0]
        numbers[call] = numbers.get(call, 0) + 1
        if "pins" in line or (STATE in line and call in ("fsync", "getdents64")):
            found.append((call, numbers[call]))
    return found


@pytest.mark.usefixtures("helper_aside")
def test_every_system_call_fails(house):
    """Killed or refused at each call that touches the file: the old or the new one is there, and a login gets in."""
    house.settings(pin_sub="yes", mail_budget="256/h", mail_budget_host="256/h")
    untraced()
    sign_in(house, "bob")
    shutil.rmtree(RUN)      # as before each of the others
    house.cognito.clear_outbox()
    with traced("-e", f"trace={CALLS}") as lines:
        assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
        time.sleep(0.1)
        found = points(lines())
    assert {call for call, _ in found} >= {"openat", "fchmod", "write", "fsync", "renameat", "fcntl"}
    results = {}
    for call, number in found:
        for what in ("signal=KILL", "error=EIO"):
            tool("pin", "clear", "alice")
            shutil.rmtree(RUN, ignore_errors=True)
            house.cognito.clear_outbox()
            with traced("-e", f"trace={CALLS}", "-e", f"inject={call}:{what}:when={number}"):
                with console() as person:
                    if person.prompt() is not None:
                        person.answer(house.cognito.last_code())
                    result = person.result()
            key = f"{what.partition('=')[2]} {result}"
            results[key] = results.get(key, 0) + 1
            found_pins = pins()
            assert found_pins["bob", "email:bob@example.com"] == BOB
            assert result != "PAM_SUCCESS" or found_pins["alice", "email:alice@example.com"] == ALICE, (call, number)
            untraced()
            shutil.rmtree(RUN, ignore_errors=True)
            house.cognito.clear_outbox()
            assert sign_in(house)["authenticate"] == "PAM_SUCCESS", (call, number, what)
            assert len(pins()) == 2
            tool("pin", "clear", "alice")
            assert not [name for name in os.listdir(STATE) if name.startswith(".pins-")]
    rows.append((f"{len(found)} system calls, killed or failing", str(results)))
    assert results["KILL PAM_SERVICE_ERR"] >= 0.8 * len(found) and results["EIO PAM_SYSTEM_ERR"] > 0
    assert {result.split()[1] for result in results} <= {"PAM_SUCCESS", "PAM_SERVICE_ERR", "PAM_SYSTEM_ERR"}, results


# --- the tool --------------------------------------------------------------------------------------------------------


def test_list(house):
    """A line for each, and how many; of one user his alone; looking changes nothing."""
    assert tool("pin", "list") == "pins: 0\n"
    sign_in(house)
    sign_in(house, "bob")
    inode = os.lstat(FILE).st_ino
    when = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"
    alice = rf"pin    user=alice cognito=email:alice@example\.com sub={ALICE} from=login time={when}\n"
    bob = rf"pin    user=bob cognito=email:bob@example\.com sub={BOB} from=login time={when}\n"
    assert re.fullmatch(alice + bob + "pins: 2\n", tool("pin", "list"))
    assert re.fullmatch(bob + "pins: 1\n", tool("pin", "list", "bob"))
    assert tool("pin", "list", "no-such-person") == "pins: 0\n"
    assert os.lstat(FILE).st_ino == inode
    rows.append(("pin list", tool("pin", "list").strip().splitlines()[0]))


def test_clear(house):
    """One, also without an account; nobody; all."""
    accounts.add_user("leaver")
    house.cognito.user("leaver@example.com")
    house.user_map("alice email:alice@example.com", "leaver email:leaver@example.com")
    sign_in(house)
    sign_in(house, "leaver")
    with open(FILE, encoding="ascii") as file:
        text = file.read()
    write_file(FILE, text.replace("\nleaver ", "\ngone-for-good "), 0o600)
    assert tool("pin", "list", "gone-for-good").startswith("pin    user=gone-for-good ")
    assert tool("pin", "clear", "gone-for-good") == "gone-for-good: pins removed: 1\n"
    assert tool("pin", "clear", "gone-for-good") == "gone-for-good: pins removed: 0\n"
    assert tool("pin", "clear", "") == ": pins removed: 0\n"
    assert tool("pin", "clear", "--all") == "all: pins removed: 1\n"
    assert tool("--all", "pin", "clear") == "all: pins removed: 0\n"
    rows.append(("pin clear", "gone-for-good: pins removed: 1"))


@pytest.mark.parametrize("words", ["pin", "pin show", "pin clear", "pin clear alice --all", "pin list --all",
                                   "pin list alice bob", "state --all", "--all", "pin clear --json --all", "pin --all"])
def test_wrong_usage(house, words):
    """Status 2, and nothing is forgotten."""
    sign_in(house)
    assert "cognito-otp [--config FILE] pin clear USER|--all\n" in tool(*words.split(), status=2)
    assert len(pins()) == 1


def test_not_root(house):
    """Nobody but root, also not about himself."""
    for words in (("list",), ("list", "mallory"), ("clear", "mallory"), ("clear", "--all")):
        said = tool("pin", *words, status=1, uid=house.mallory.uid)
        assert said == "cognito-otp: only root can see and change what decides who gets in\n"


def tool_output(*words):
    """What the tool prints, whatever it returns."""
    run = subprocess.run(["/usr/sbin/cognito-otp", *words], capture_output=True, text=True, timeout=60, check=False,
                         stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin"}, cwd="/")
    return run.stdout


@pytest.mark.parametrize("key", ["pin_sub", "create_user"])
def test_check_finds_it(house, key):
    """Good, missing, damaged, unsafe: in the words of the log, with the remedy; nothing is made."""
    values = {"pin_sub": {"pin_sub": "yes"},
              "create_user": {"create_user": "yes", "check_user": "yes", "aws_imds": "yes"}}[key]
    house.settings(**values)
    assert f"ok       pins: {FILE}: 0 pins" in tool_output("check")
    write_file(FILE, FIRST + "alice\n" + LAST, 0o600)
    assert f"error    pins_syntax: {FILE}:2: not a pin: " in tool_output("check")
    os.chmod(FILE, 0o644)
    assert re.search(rf"^error    state_unsafe: {STATE}: ", tool_output("check"), re.M)
    os.unlink(FILE)
    said = tool_output("check")
    assert f"error    pins_missing: {FILE}: there is no file of pins" in said and "pin clear --all begins one" in said
    shutil.rmtree(STATE)
    assert f"error    pins_missing: {FILE}: " in tool_output("check")
    assert not os.path.exists(FILE)
    house.settings()
    assert "pins" not in tool_output("check")


def test_map_is_not_needed(house):
    """Pins are shown and forgotten while the map cannot be read."""
    sign_in(house)
    write_file(USER_MAP, "broken\n")
    assert tool("pin", "list").endswith("\npins: 1\n")
    assert tool("pin", "clear", "alice") == "alice: pins removed: 1\n"
