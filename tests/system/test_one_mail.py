"""One login, one mail: wrong codes, broken-off and late answers go on with the code that is in the mailbox."""

import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
from driver.people import console, key_holder, other_local, own_account, question, stranger, tell
from mock_cognito.defaults import PUBLIC_CLIENT
from rig import login, ssh, sudo
from rig.pty import Ended
from rig.sshd import Sshd

from system.house import RUN, helpers, wait_helpers, write_file

ALICE, BOB, CAROL = "alice@example.com", "bob@example.com", "carol@example.com"
WRONG = "00000000"
CODE = "Code (r = new one): "
FIRST = "Sign-in code, or y to have one mailed: "
MAILED = "Code mailed to a***@e***. " + CODE
MAILED_HIDDEN = "If this account may sign in, a code was mailed. " + CODE
STILL_GOOD = r"(Code|If this account may sign in, the code) mailed \d+ s ago is still good\. Code \(r = new one\): "
EXPIRED = "That code has expired; r mails a new one. " + CODE
RESENT = "New code mailed; only the newest counts. " + CODE
TWO_LEFT, ONE_LEFT = "Wrong code, 2 tries left. " + CODE, "Wrong code, 1 try left. " + CODE
KEY_OR_NOT = {"AuthenticationMethods": "publickey,keyboard-interactive:pam keyboard-interactive:pam"}
SHORT = 10  # seconds, the least that challenge_ttl and resend_after may be
LOGIN_DEFS = "/etc/login.defs"
WAYS = ("ssh with a key", "ssh", "sudo", "login")
MAIL = {way: MAILED_HIDDEN if way == "ssh" else MAILED for way in WAYS}  # what is shown after a mail
INSIDE = {"ssh with a key": "^alice\r\n", "ssh": "^alice\r\n", "sudo": "^root\r\n", "login": r"\$ "}


@pytest.fixture(scope="module")
def server():
    """An sshd that asks for the code after a key, and without one."""
    with Sshd("rig-sshd", options=KEY_OR_NOT) as running:
        yield running


@pytest.fixture(autouse=True)
def policy():
    """alice and bob may do everything; nobody's ticket counts."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", "bob ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))


def start(way, house, server):
    """Start a login of alice's."""
    if way == "sudo":
        return sudo.terminal(house.alice, "id", "-un")
    if way == "login":
        return login.terminal("alice")
    key = house.alice.give_key() if "key" in way else None
    return ssh.terminal(server, "alice", "id -un", key=key, options=["NumberOfPasswordPrompts=8"])


def ask(call):
    """By the driver: say y if asked for it; return the question for the code."""
    line = call.prompt()
    assert line is not None, (call.messages, call.history)
    if line == FIRST:
        call.answer("y")
        line = call.prompt()
    return line


def answered(call, text):
    """Answer; return the question that follows."""
    call.answer(text)
    return call.prompt()


def break_off(way, person):
    """End this call, not the tries: three answers that are none, or an interrupt; back to where one begins again."""
    if way == "sudo":
        assert person.interrupt() != 0
        return
    for number in range(3):
        person.line("no")
        if number < 2:
            question(person)
    if way == "login":
        person.answer("login: ", "alice")


def go_on(way, house, server, stack, person):
    """The next call after break_off: sudo's is a program of its own."""
    return stack.enter_context(start(way, house, server)) if way == "sudo" else person


@pytest.mark.parametrize("way", WAYS)
def test_wrong_codes_to_the_end(house, server, way):
    """Wrong codes until the program gives up: one mail and max_tries answers; the next login begins with a new mail."""
    house.settings(deadline="6s")
    shown = []
    with start(way, house, server) as person:
        with contextlib.suppress(Ended):
            while len(shown) < 30:
                shown.append(question(person))
                person.line(WRONG)
        assert person.wait() != 0 or way == "login"
    assert shown == [MAIL[way], TWO_LEFT, ONE_LEFT]
    assert tell(house, f"wrong to the end: {way}") == (1, 3, 1)
    assert house.reasons()[0] == "tries_exhausted"
    with start(way, house, server) as person:
        assert question(person) == MAIL[way]
    assert tell(house, f"  and the next login: {way}") == (2, 3, 2)


@pytest.mark.parametrize("way", WAYS)
def test_two_wrong_then_right(house, server, way):
    """Two mistyped codes in one call, and in."""
    house.settings(deadline="6s")
    with start(way, house, server) as person:
        for words in (MAIL[way], TWO_LEFT):
            assert question(person) == words
            person.line(WRONG)
        assert question(person) == ONE_LEFT
        person.line(house.cognito.last_code())
        person.expect(INSIDE[way])
    assert tell(house, f"two wrong, one right, one call: {way}") == (1, 3, 1)


@pytest.mark.parametrize("way", WAYS)
def test_two_wrong_then_right_across_calls(house, server, way):
    """The same over three calls: rounds and a new connection of ssh, ^C of sudo, rounds of login."""
    house.settings(deadline="6s")
    with contextlib.ExitStack() as stack:
        person = stack.enter_context(start(way, house, server))
        assert question(person) == MAIL[way]
        code = house.cognito.last_code()
        person.line(WRONG)
        assert question(person) == TWO_LEFT
        break_off(way, person)
        person = go_on(way, house, server, stack, person)
        seen = question(person)
        assert re.fullmatch(STILL_GOOD, seen)
        person.line(WRONG)
        assert question(person) == ONE_LEFT
        if way.startswith("ssh"):
            person.close()
            person = stack.enter_context(start(way, house, server))
        else:
            break_off(way, person)
            person = go_on(way, house, server, stack, person)
        if way == "ssh":
            person.answer(re.escape(FIRST), code)  # whoever has the code need not ask for it
        else:
            assert re.fullmatch(STILL_GOOD, question(person))
            person.line(code)
        person.expect(INSIDE[way])
    assert tell(house, f"two wrong, one right, three calls: {way}", seen=seen) == (1, 3, 1)
    assert not any(name.startswith("challenge-") for name in os.listdir(RUN))


def test_third_wrong_code_in_a_later_call(house, server):
    """What one call began, the next ends: the third wrong code is the last, whichever call it is typed in."""
    with sudo.terminal(house.alice, "true") as person:
        for _ in range(2):
            question(person)
            person.line(WRONG)
        assert question(person) == ONE_LEFT
    with own_account() as call:
        assert re.fullmatch(STILL_GOOD, ask(call))
        call.answer(WRONG)
        assert call.result() == "PAM_MAXTRIES"
        assert "Too many wrong codes. Log in again." in call.texts()
    assert tell(house, "two wrong in sudo, the third in the next call") == (1, 3, 1)


def test_killed_at_the_prompt(house, server):
    """The ssh client, and sudo, killed at the prompt: the next login takes the code that came late."""
    key = house.bob.give_key()
    remote = ("bob", "id -un")
    with ssh.terminal(server, *remote, key=key) as client, sudo.terminal(house.alice, "id", "-un") as owner:
        for person in (client, owner):
            question(person)
            os.kill(person.pid, signal.SIGKILL)
            assert person.wait() == -signal.SIGKILL
    with ssh.terminal(server, *remote, key=key) as client, sudo.terminal(house.alice, "id", "-un") as owner:
        for person, name, inside in ((client, BOB, "^bob\r\n"), (owner, ALICE, "^root\r\n")):
            seen = question(person)
            assert re.fullmatch(STILL_GOOD, seen)
            person.line(house.cognito.last_code(name))
            person.expect(inside)
            assert tell(house, f"killed at the prompt: {name}", name, seen) == (1, 1, 1)


@pytest.fixture
def three_seconds_to_log_in():
    """login(1) gives up after three seconds."""
    with open(LOGIN_DEFS, encoding="utf-8") as file:
        before = file.read()
    write_file(LOGIN_DEFS, re.sub(r"(?m)^LOGIN_TIMEOUT.*$", "", before) + "\nLOGIN_TIMEOUT 3\n")
    yield
    write_file(LOGIN_DEFS, before)


def test_after_the_time_outs_of_sshd_and_login(house, server, three_seconds_to_log_in):
    """LoginGraceTime and LOGIN_TIMEOUT end what waits at the prompt; the late code is good for the next login."""
    key = house.bob.give_key()
    with Sshd("rig-sshd", options={**KEY_OR_NOT, "LoginGraceTime": "3"}) as hasty:
        with ssh.terminal(hasty, "bob", "id -un", key=key) as client, login.terminal("alice") as owner:
            question(client), question(owner)
            owner.expect("(?i)timed out", timeout=30)
            owner.wait()
            wait_helpers(0, timeout=30)
            client.line(house.cognito.last_code(BOB))  # ssh itself learns of it only now
            assert client.wait() == 255
    with ssh.terminal(server, "bob", "id -un", key=key) as client, login.terminal("alice") as owner:
        for person, name, inside in ((client, BOB, "^bob\r\n"), (owner, ALICE, r"\$ ")):
            seen = question(person)
            assert re.fullmatch(STILL_GOOD, seen)
            person.line(house.cognito.last_code(name))
            person.expect(inside)
            assert tell(house, f"after LoginGraceTime or LOGIN_TIMEOUT: {name}", name, seen) == (1, 1, 1)


def test_killed_while_the_code_is_mailed(house, server):
    """sudo is killed, or sshd's time is over, before the service answers: the code is kept for the next login."""
    house.cognito.fault("InitiateAuth", times=2, delay=8)
    key = house.bob.give_key()
    # newer sshds add up to four seconds of their own to the time
    with Sshd("rig-sshd", options={**KEY_OR_NOT, "LoginGraceTime": "1"}) as hasty:
        with ssh.terminal(hasty, "bob", "true", key=key) as client, sudo.terminal(house.alice, "true") as owner:
            house.cognito.wait_mail(2)
            os.kill(owner.pid, signal.SIGKILL)
            assert (owner.wait(), client.wait()) == (-signal.SIGKILL, 255)
            assert len(helpers()) == 2, "killed too late: nothing was left to go on"
    with sudo.terminal(house.alice, "id", "-un") as at_once:
        seen = question(at_once)
        assert re.fullmatch(STILL_GOOD, seen)
        at_once.line(house.cognito.last_code(ALICE))
        at_once.expect("^root\r\n")
    assert tell(house, "sudo killed while mailing, sudo again at once", ALICE, seen) == (1, 1, 1)
    wait_helpers(0)
    with ssh.terminal(server, "bob", "id -un", key=key) as later:
        seen = question(later)
        assert re.fullmatch(STILL_GOOD, seen)
        later.line(house.cognito.last_code(BOB))
        later.expect("^bob\r\n")
    assert tell(house, "LoginGraceTime over while mailing, later login", BOB, seen) == (1, 1, 1)


def test_expired_at_the_service(house):
    """An expired code costs no try and no second request; r mails at once, with all tries."""
    with console() as call:
        ask(call)
        late = house.cognito.last_code()
        house.cognito.set_clock(offset=240, date_offset=-240)
        assert answered(call, late) == EXPIRED
        house.cognito.set_clock(offset=0, date_offset=0)
        state = subprocess.check_output(["cognito-otp", "state", "alice"], text=True, timeout=20)
        assert re.search(r'^code .* tries_left=3/3 state="expired"', state, re.MULTILINE), state
        assert answered(call, late) == EXPIRED
        assert tell(house, "expired at the service, tried twice", seen=EXPIRED) == (1, 1, 1)
        assert answered(call, "r") == RESENT
        new = house.cognito.last_code(count=2)
        assert answered(call, WRONG) == TWO_LEFT
        assert answered(call, late) == ONE_LEFT
        call.answer(new)
        assert call.result() == "PAM_SUCCESS"
    assert tell(house, "  then r, wrong, old, new") == (2, 4, 2)


def test_expired_by_our_clock(house):
    """challenge_ttl over: told without a request, by whom it still holds and by a new call; r mails at once."""
    house.settings(challenge_ttl=f"{SHORT}s", deadline="6s")
    with console() as owner, key_holder("bob") as gone, stranger("carol") as guest:
        ask(owner), ask(gone), ask(guest)
        house.cognito.wait_mail(3)
        gone.close()
        time.sleep(SHORT + 0.3)
        for call, name in ((owner, ALICE), (guest, CAROL)):
            assert answered(call, house.cognito.last_code(name)) == EXPIRED
            assert tell(house, f"challenge_ttl over: {name}", name, EXPIRED) == (1, 0, 1)
            assert answered(call, "r") == RESENT
            call.answer(house.cognito.last_code(name, count=2))
            assert call.result() == "PAM_SUCCESS"
            assert tell(house, f"  then r and its code: {name}", name) == (2, 1, 2)
    with key_holder("bob") as anew:
        assert ask(anew) == MAILED.replace("a***", "b***")
    with stranger("bob") as guest:
        assert guest.prompt() == FIRST
        assert answered(guest, house.cognito.last_code(BOB)).startswith("No code is open here; y mails one. ")
    assert tell(house, "challenge_ttl over, the next call", BOB) == (2, 0, 2)


def test_only_the_newest_code_is_asked_about(house):
    """r too early says how long; in time it mails, and from then on only the new Session is sent."""
    house.settings(resend_after=f"{SHORT}s")
    with console() as call:
        ask(call)
        old = house.cognito.last_code()
        early = answered(call, "r")
        since, left = map(int, re.fullmatch(r"Mailed (\d+) s ago; r works again in (\d+) s\. Code.*", early).groups())
        assert since + left == SHORT
        assert tell(house, "r before resend_after", seen=early) == (1, 0, 1)
        time.sleep(left + 0.3)
        assert answered(call, "r") == RESENT
        new = house.cognito.last_code(count=2)
        assert answered(call, old) == TWO_LEFT
        call.answer(new)
        assert call.result() == "PAM_SUCCESS"
    sessions = [re.search(r'"Session": ?"([^"]+)"', request["body"]).group(1)
                for request in house.cognito.requests("RespondToAuthChallenge")]
    assert len(sessions) == 2 and len(set(sessions)) == 1
    assert tell(house, "  then r, the old code and the new one") == (2, 2, 2)


@pytest.mark.parametrize("who, calls", [(console, 5), (own_account, 3), (other_local, 2), (key_holder, 2)])
def test_spent_tries_stick_to_the_handle(house, who, calls):
    """However often a program calls again on the handle, as login and sudo do: nothing asked, nothing mailed."""
    house.settings(deadline="6s")
    with who(calls=("authenticate",) * calls) as call:
        for _ in range(3):
            ask(call)
            call.answer(WRONG)
        call.finish()
        assert call.history[:-1] == [("authenticate", "PAM_MAXTRIES")] * calls
    assert tell(house, f"{calls} calls on one handle: {who.__name__}") == (1, 3, 1)
    assert house.reasons() == ["tries_exhausted"] + ["tries_exhausted_before"] * (calls - 1)


@pytest.mark.parametrize("who", [console, own_account, key_holder, other_local, stranger])
def test_success_ends_the_code(house, who):
    """After a login nothing is open: no file, a new mail for the next one, and the used code is wrong."""
    house.settings(deadline="6s")
    mailed = MAILED if who in (console, own_account, key_holder) else MAILED_HIDDEN
    codes = []
    for mails in (1, 2):
        with who() as call:
            assert ask(call) == mailed
            for used in codes:
                assert answered(call, used) == TWO_LEFT
            codes.append(house.cognito.last_code(count=mails))
            call.answer(codes[-1])
            assert call.result() == "PAM_SUCCESS"
        assert not any(name.startswith("challenge-") for name in os.listdir(RUN))
    assert tell(house, f"two logins: {who.__name__}") == (2, 3, 2)


def with_key(letter):
    """Another key of the same kind."""
    return {"environment": {"SSH_AUTH_INFO_0": f"publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI{letter * 8}"}}


OWNERS = {
    "a key": (lambda: key_holder(**with_key("A"))),
    "another key": (lambda: key_holder(**with_key("B"))),
    "that key, another user": (lambda: key_holder("bob", **with_key("A"))),
    "own uid": own_account,
    "console": console,
    "another uid": other_local,
    "an address": (lambda: stranger(rhost="203.0.113.9")),
    "another address": (lambda: stranger(rhost="203.0.113.10")),
    "a /64": (lambda: stranger(rhost="2001:db8::1")),
    "another /64": (lambda: stranger(rhost="2001:db8:0:1::1")),
    "a host name": (lambda: stranger(rhost="host.example.org")),
}
SHARED = {
    "a key from elsewhere": (lambda: key_holder(rhost="198.51.100.1", **with_key("A"))),
    "own uid, another terminal": (lambda: own_account(tty="/dev/pts/8")),
    "the address in IPv6": (lambda: stranger(rhost="::ffff:203.0.113.9")),
    "the same /64": (lambda: stranger(rhost="2001:db8::ffff:1")),
    "another host name": (lambda: stranger(rhost="other.example.org")),
}


def mails_by(house, caller):
    """Begin a login and leave it at the prompt: how many mails that was, and what was shown."""
    before = len(house.cognito.outbox())
    with caller() as call:
        line = ask(call)
    return len(house.cognito.outbox()) - before, line


def test_owners_do_not_share(house):
    """Every other user, key, uid, seat, address, client and pool has a code of its own; the same one gets no second."""
    roomy = {"mail_budget": "100/h", "mail_budget_unproved": "100/h", "mail_budget_host": "200/h", "deadline": "6s"}
    house.settings(**roomy)
    assert {name: mails_by(house, caller)[0] for name, caller in OWNERS.items()} == dict.fromkeys(OWNERS, 1)
    for name, caller in {**OWNERS, **SHARED}.items():
        mails, line = mails_by(house, caller)
        assert mails == 0 and re.fullmatch(STILL_GOOD, line), (name, mails, line)
    for changes in ({"client_id": PUBLIC_CLIENT, "client_secret_file": None}, {"user_pool_id": "eu-west-1_Another01"}):
        house.settings(**roomy, **changes)
        assert mails_by(house, OWNERS["a key"])[0] == 1, changes
    house.settings(**roomy)
    house.user_map(f"alice email:{CAROL}")
    assert mails_by(house, OWNERS["a key"])[0] == 1
    house.user_map(f"alice email:{ALICE}")
    assert mails_by(house, OWNERS["a key"])[0] == 0
    total = len(house.cognito.outbox())
    assert total == len(OWNERS) + 3
    tell(house, f"{len(OWNERS)} owners, {len(SHARED)} shared, client, pool, map: {total} mails")


def test_confirm_always(house):
    """confirm = always asks before a mail, and not when the code is in the mailbox already."""
    house.settings(confirm="always")
    with console() as call:
        assert call.prompt() == FIRST
        assert house.cognito.outbox() == []
        assert answered(call, "y") == MAILED
    with console() as call:
        seen = call.prompt()
        assert re.fullmatch(STILL_GOOD, seen)
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"
    assert tell(house, "confirm = always, broken off, again", seen=seen) == (1, 1, 1)
    with console() as call:
        assert call.prompt() == FIRST


@pytest.mark.parametrize("who, what", [(console, "Code"), (stranger, "If this account may sign in, the code")])
def test_words_of_sms(house, who, what):
    """A code that went to a telephone was sent, not mailed."""
    house.settings(challenge="sms_otp", deadline="6s")
    with who("carol") as call:
        first = call.prompt()
        if who is stranger:
            assert first == "Sign-in code, or y to have one sent: "
            call.answer("y")
        house.cognito.wait_mail()
    with who("carol") as call:
        if who is stranger:
            assert call.prompt() == first
            call.answer("y")
        seen = call.prompt()
        assert re.fullmatch(what + r" sent \d+ s ago is still good\. Code \(r = new one\): ", seen)
        house.cognito.set_clock(offset=240, date_offset=-240)
        assert answered(call, house.cognito.last_code()) == "That code has expired; r sends a new one. " + CODE
        house.cognito.set_clock(offset=0, date_offset=0)
        assert answered(call, "r") == "New code sent; only the newest counts. " + CODE
        assert re.match(r"Sent \d s ago; r works again in \d+ s\. ", answered(call, "r"))
        call.answer(house.cognito.last_code(count=2))
        assert call.result() == "PAM_SUCCESS"
    assert tell(house, f"sms_otp: {who.__name__}", CAROL, seen) == (2, 2, 2)
