"""Several logins of one person at once, as editors and scripts open them: one mail, nobody hangs, each is told."""

import contextlib
import os
import re
import signal
import time

import pytest
from driver.people import console, key_holder, question, tell
from rig import ssh, sudo
from rig.sshd import Sshd

from system.house import helpers, wait_helpers

CODE = "Code (r = new one): "
MAILED = "Code mailed to a***@e***. " + CODE
STILL_GOOD = r"Code mailed \d+ s ago is still good\. Code \(r = new one\): "
EXPIRED = "That code has expired; r mails a new one. " + CODE
USED = "That code was already used; r mails a new one. " + CODE
RESENT = "New code mailed; only the newest counts. " + CODE
WRONG = "00000000"
SLOW = 1  # seconds that the service takes, so that the others do come meanwhile
RESEND_AFTER = 10  # seconds, the least that the settings allow


def answered(person, text):
    """Type the answer; return the question that follows."""
    person.line(text)
    return question(person)


def one_mailed(lines, first=MAILED, others=STILL_GOOD):
    """One of the lines is the first, all others are resumed."""
    return lines.count(first) == 1 and sum(bool(re.fullmatch(others, line)) for line in lines) == len(lines) - 1


def waits_its_turn(helper):
    """The helper has read its settings and has the file of turns open."""
    with contextlib.suppress(OSError):
        folder = f"/proc/{helper}/fd"
        return any(os.readlink(f"{folder}/{name}").endswith("/turns") for name in os.listdir(folder))
    return False


def wait_turns(count, timeout=10):
    """Wait until so many calls mail or wait for the one that does."""
    deadline = time.monotonic() + timeout
    while sum(map(waits_its_turn, helpers())) != count:
        assert time.monotonic() < deadline, f"not {count} calls that wait, after {timeout} s"
        time.sleep(0.01)


@pytest.fixture(scope="module")
def server():
    """An sshd that wants a key and a code."""
    options = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
    with Sshd("rig-sshd", options=options) as running:
        yield running


@pytest.fixture(autouse=True)
def policy():
    """alice may do everything; nobody's ticket counts."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))


@pytest.fixture
def four(house, server):
    """Four ssh sessions of alice's key, all started before the service has answered the first; and what each shows."""
    house.cognito.fault("InitiateAuth", delay=SLOW)
    key = house.alice.give_key()
    people = [ssh.terminal(server, "alice", "id -un", key=key) for _ in range(4)]
    yield people, [question(person) for person in people]
    for person in people:
        person.close()


def enter(person, code):
    """Type the code; in."""
    person.line(code)
    person.expect("^alice\r\n")
    assert person.wait() == 0


def test_four_ssh_sessions(house, four):
    """One mail for four; its code lets one in, the others are told; r mails one more, which any of them may use."""
    (one, two, three, last), lines = four
    assert one_mailed(lines), lines
    assert tell(house, "4 ssh at once", seen=f"{lines.count(MAILED)} mailed, 3 resumed") == (1, 0, 1)
    first = house.cognito.last_code()
    enter(one, first)
    assert [answered(person, first) for person in (two, three, last)] == [USED] * 3
    assert tell(house, "  the code in all four", seen=USED) == (1, 1, 1)
    assert answered(two, "r") == RESENT
    second = house.cognito.last_code(count=2)
    enter(three, second)
    assert tell(house, "  r in the second, its code in the third") == (2, 2, 2)
    assert answered(two, second) == USED
    assert answered(last, "r") == RESENT
    assert answered(two, "r") == RESENT
    assert tell(house, "  r in the fourth, then r in the second") == (3, 2, 3)
    enter(two, house.cognito.last_code(count=3))
    assert answered(last, second) == USED
    assert tell(house, "  the third code in the second") == (3, 3, 3)
    assert house.reasons() == ["verified"] * 3


def test_tries_are_shared(house, four):
    """Four sessions have three tries, not twelve."""
    people, lines = four
    assert one_mailed(lines), lines
    assert answered(people[0], WRONG) == "Wrong code, 2 tries left. " + CODE
    assert answered(people[1], WRONG) == "Wrong code, 1 try left. " + CODE
    right = house.cognito.last_code()
    for person, answer in zip(people[2:], (WRONG, right)):
        person.line(answer)
        person.expect("Permission denied")
    assert tell(house, "4 ssh, one wrong code each, the right one last") == (1, 3, 1)
    assert house.wait_outcomes(2) and house.reasons() == ["tries_exhausted"] * 2


def press_r(calls):
    """All type r before the service answers the first; what each is asked next."""
    for call in calls:
        call.answer("r")
    return [call.prompt() for call in calls]


def finish_with(house, calls, count, case):
    """The newest code lets one in, and the other is told."""
    code = house.cognito.last_code(count=count)
    calls[0].answer(code)
    assert calls[0].result() == "PAM_SUCCESS"
    calls[1].answer(code)
    assert calls[1].prompt() == USED
    assert tell(house, case)[::2] == (count, count)


def test_r_by_two_at_once(house):
    """Both press r, of an expired code or of an open one: one new mail, for both and for whoever waits."""
    house.settings(resend_after=f"{RESEND_AFTER}s")
    with console() as one, console() as two:
        assert one_mailed([one.prompt(), two.prompt()])
        house.cognito.set_clock(offset=240, date_offset=-240)
        for call in (one, two):
            call.answer(house.cognito.last_code())
            assert call.prompt() == EXPIRED
        house.cognito.set_clock(offset=0, date_offset=0)
        assert tell(house, "expired in two", seen=EXPIRED) == (1, 1, 1)
        house.cognito.fault("InitiateAuth", delay=SLOW)
        assert press_r((one, two)) == [RESENT, RESENT]
        finish_with(house, (one, two), 2, "  r in both at once")
    with console() as one, console() as two, console() as waiting:
        assert one_mailed([call.prompt() for call in (one, two, waiting)])
        time.sleep(RESEND_AFTER + 0.3)
        house.cognito.fault("InitiateAuth", delay=SLOW)
        assert press_r((one, two)) == [RESENT, RESENT]
        finish_with(house, (waiting, two), 4, "open in three, r in two at once, the code in the third")
    assert house.of_user("alice@example.com").count("InitiateAuth") == 4


def test_the_one_that_mails_meets_silence(house):
    """A sibling with little time ends in it and asks nothing; one with more mails itself once the first gave up."""
    house.cognito.fault("InitiateAuth", transport="silent", process=False)
    house.settings(deadline="9s")
    with key_holder() as first:
        house.cognito.wait_requests("InitiateAuth")
        started = time.monotonic()
        house.settings(deadline="5s")
        with key_holder() as brief:
            wait_turns(2)
            house.settings(deadline="30s")
            with key_holder() as patient:
                wait_turns(3)
                assert brief.result() == "PAM_AUTHINFO_UNAVAIL"
                seen = f"the brief one ends after {time.monotonic() - started:.1f} s"
                assert "Sign-in service not reachable; no code was sent." in brief.texts()
                assert tell(house, "silent service, 3 at once", seen=seen) == (1, 0, 0)
                assert (first.history, house.reasons()) == ([], ["net_timeout"])
                assert patient.prompt() == MAILED
                assert first.result() == "PAM_AUTHINFO_UNAVAIL"
                patient.answer(house.cognito.last_code())
                assert patient.result() == "PAM_SUCCESS"
    assert tell(house, "  then the first has given up") == (2, 1, 1)
    assert sorted(house.reasons()) == ["net_timeout", "net_timeout", "verified"]


def test_the_one_that_mails_is_killed(house):
    """Its program killed, the code is kept for the sibling; its helper killed as well, the sibling mails itself."""
    house.cognito.fault("InitiateAuth", delay=2)
    with sudo.terminal(house.alice, "id", "-un") as first:
        house.cognito.wait_mail(1)
        with sudo.terminal(house.alice, "id", "-un") as sibling:
            wait_turns(2)
            os.kill(first.pid, signal.SIGKILL)
            seen = question(sibling)
            assert re.fullmatch(STILL_GOOD, seen)
            sibling.line(house.cognito.last_code())
            sibling.expect("^root\r\n")
    assert tell(house, "the mailing sudo killed", seen=seen) == (1, 1, 1)
    wait_helpers(0)
    house.cognito.fault("InitiateAuth", delay=2)
    with key_holder() as first:
        house.cognito.wait_mail(2)
        (mailing,) = helpers()
        with key_holder() as sibling:
            wait_turns(2)
            os.kill(mailing, signal.SIGKILL)
            seen = sibling.prompt()
            assert seen == MAILED
            sibling.answer(house.cognito.last_code(count=3))
            assert sibling.result() == "PAM_SUCCESS"
        assert first.result() != "PAM_SUCCESS"
    assert tell(house, "the mailing helper killed", seen=seen) == (3, 2, 3)


def test_siblings_do_not_ask_a_silent_service_again(house):
    """Two with one deadline, a second apart: the later one has no time for a mail of its own."""
    house.cognito.fault("InitiateAuth", transport="silent", times=None, process=False)
    house.settings(deadline="5s")
    with key_holder() as first:
        house.cognito.wait_requests("InitiateAuth")
        time.sleep(1)
        with key_holder() as second:
            assert [first.result(), second.result()] == ["PAM_AUTHINFO_UNAVAIL"] * 2
    assert tell(house, "silent service, two with one deadline") == (1, 0, 0)
