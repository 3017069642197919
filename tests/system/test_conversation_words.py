"""What people read, word for word, and whether what they type is shown; by the real programs.

The kinds of callers: unproved remote (ssh), proved by key (ssh), own account (sudo, su), other local (su) and console
(login).
"""

import re
import time

import pytest
from rig import login, ssh, su, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION

MASKED = r"^Code mailed to a\*\*\*@e\*\*\*\. Code \(r = new one\): $"
NEUTRAL = "If this account may sign in, a code was mailed. Code (r = new one): "
RESEND_AFTER = 10  # seconds, the least that the settings allow
KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}


@pytest.fixture(scope="module")
def server():
    """An sshd for those who come without a key."""
    with Sshd("rig-sshd") as running:
        yield running


@pytest.fixture(autouse=True)
def policy():
    """alice and bob may do everything."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", "bob ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))


def question(person):
    """Wait for the question for the code; return all of its line without what ssh puts before it."""
    before = len(person.transcript)
    person.expect(CODE_QUESTION)
    lines = re.split(r"[\r\n]+", person.transcript[: person.transcript.rindex("new one): ") + len("new one): ")])
    assert len(person.transcript) >= before
    return re.sub(r"^\(\w+@127\.0\.0\.1\) ", "", lines[-1])


def test_remote_without_a_key(house, server):
    """Every word, and everything typed is shown: what a client that only has a stored password cannot answer."""
    with ssh.terminal(server, "alice", "id -un") as person:
        person.expect(r"\r\(alice@127\.0\.0\.1\) Sign-in code, or y to have one mailed: $")
        assert person.echoes()
        person.line("12345678")
        person.expect(r"No code is open here; y mails one\. Sign-in code, or y to have one mailed: ")
        assert person.echoes()
        assert house.untouched()
        person.line("y")
        assert question(person) == NEUTRAL
        assert person.echoes()
        code = house.cognito.last_code()
        person.line("00000000")
        assert question(person) == "Wrong code, 2 tries left. Code (r = new one): "
        assert person.echoes()
        person.line("no")
        assert question(person) == "Codes are digits only; no try used. Code (r = new one): "
        person.line("r")
        assert re.fullmatch(r"Mailed \d s ago; r works again in [56]\d s\. Code \(r = new one\): ", question(person))
        person.line("11111111")
        assert question(person) == "Wrong code, 1 try left. Code (r = new one): "
        person.line(f" {code[:3]}-{code[3:6]} {code[6:]} ")
        person.expect("^alice\r\n")
        assert person.wait() == 0
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 3, "mails": 1}


def test_echo_and_address(house):
    """Proved callers see the masked address and nobody sees what they type; su to others hides the address."""
    house.alice.give_key()
    with Sshd("rig-sshd", options=KEY_FIRST) as server:
        callers = {
            "key": lambda: ssh.terminal(server, "alice", "true", key=house.alice.key),
            "own": lambda: sudo.terminal(house.alice, "true"),
            "self": lambda: su.terminal(house.alice, "alice", "true"),
            "console": lambda: login.terminal("alice"),
        }
        for name, come in callers.items():
            house.forget_state()  # sudo and su to oneself share a code
            with come() as person:
                assert re.search(MASKED, question(person)), name
                assert not person.echoes(), name
    with su.terminal(house.mallory, "alice", "true") as person:
        person.expect(r"^Sign-in code, or y to have one mailed: $")
        assert not person.echoes()
        person.line("y")
        assert question(person) == NEUTRAL
        assert not person.echoes()


def test_confirm_always(house):
    """confirm = always asks the owner too, and tells him the address after his y."""
    house.settings(confirm="always")
    with sudo.terminal(house.alice, "true") as person:
        person.expect(FIRST_QUESTION)
        assert house.untouched()
        person.line("y")
        assert re.search(MASKED, question(person))


def test_new_codes(house):
    """r too early and in time, an expired code; the wait of ten seconds is one for two people."""
    house.settings(resend_after=f"{RESEND_AFTER}s")
    with sudo.terminal(house.alice, "id", "-un") as alice, sudo.terminal(house.bob, "id", "-un") as bob:
        question(alice), question(bob)
        late = house.cognito.last_code("bob@example.com")
        mailed = time.monotonic()
        alice.line("r")
        assert re.fullmatch(r"Mailed \d s ago; r works again in \d+ s\. Code \(r = new one\): ", question(alice))
        alice.line("00000000")
        assert question(alice) == "Wrong code, 2 tries left. Code (r = new one): "
        house.cognito.set_clock(offset=240, date_offset=-240)
        for _ in range(2):
            bob.line(late)
            assert question(bob) == "That code has expired; r mails a new one. Code (r = new one): "
        house.cognito.set_clock(offset=0, date_offset=0)
        assert house.of_user("bob@example.com") == ["InitiateAuth", "RespondToAuthChallenge"]
        time.sleep(max(0, RESEND_AFTER + 0.5 - (time.monotonic() - mailed)))
        for person, name in ((alice, "alice@example.com"), (bob, "bob@example.com")):
            person.line("r")
            assert question(person) == "New code mailed; only the newest counts. Code (r = new one): "
            new = house.cognito.last_code(name, count=2)
            if person is alice:  # a new challenge has its own tries
                person.line("00000000")
                assert question(person) == "Wrong code, 2 tries left. Code (r = new one): "
            person.line(new)
            person.expect("^root\r\n")
            assert person.wait() == 0
    once = ["InitiateAuth", "RespondToAuthChallenge"]
    assert house.of_user("alice@example.com") == [*once, *once, "RespondToAuthChallenge"]
    assert house.of_user("bob@example.com") == ["InitiateAuth", "RespondToAuthChallenge"] * 2
    assert house.reasons() == ["verified", "verified"]
    assert len(house.cognito.outbox()) == 4


def test_unusable_answers(house):
    """Three answers that are none end the call, before a mail and after it; they cost no try."""
    with su.terminal(house.mallory, "bob", "true") as stranger, su.terminal(house.alice, "alice", "true") as owner:
        for answer in ("", "x", "maybe"):
            stranger.answer(FIRST_QUESTION, answer)
        for answer in ("123", "1" * 17, "y"):
            question(owner)
            owner.line(answer)
        for person in (stranger, owner):
            person.expect(r"No code was entered\.")
            assert person.wait() == 1
    assert owner.transcript.count("Codes are digits only; no try used. ") == 2
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "mails": 1}
    assert house.reasons() == ["no_answer", "no_answer"]


def test_shapes_of_answers(house):
    """Nothing but ASCII digits, blanks and hyphens reaches the service."""
    house.settings(max_tries=10)
    odd = (
        "+12345678", "0x123456", '"},"ClientId":"x', r"\u0031\u0032", "%n%n%n%n", "12345678;",
        "１２３４５６７８",
        "1234\x1b[D5678", "1" * 600,
    )
    people = [su.terminal(house.alice, "alice", "true") for _ in range(3)]
    for answers, person in zip((odd[:3], odd[3:6], odd[6:]), people):
        for answer in answers:
            question(person)
            person.line(answer)
    for person in people:
        with person:
            person.expect(r"No code was entered\.")
            assert person.wait() == 1
    assert house.cognito.requests("RespondToAuthChallenge") == []
    assert house.reasons() == ["no_answer"] * 3
    assert not house.log.lines("1234")


def test_silent(house):
    """sudo wants its modules silent (PAM_SILENT): the prompts still tell what must be known; su hears the last word."""
    people = sudo.terminal(house.alice, "true"), su.terminal(house.bob, "bob", "true")
    for words in (r"mailed to .\*\*\*@e\*\*\*\.", r"Wrong code, 2 tries left\.", r"Wrong code, 1 try left\."):
        for person in people:
            assert re.search(words, question(person))
            person.line("00000000")
    for person in people:
        with person:
            assert person.wait() == 1
    assert ["Too many wrong codes. Log in again." in person.transcript for person in people] == [False, True]


@pytest.mark.parametrize("text, shown", [
    ("\x1b[2J\x1b]0;owned\x07\r\nPassword: ", "Code mailed to ?[2J?]0;owned???Password: . "),
    ("a***@e***\u202e\u00e9", "Code mailed to a***@e***?????. "),
    ("x" * 2000, None),
], ids=["escapes", "unicode", "long"])
def test_hostile_destination(house, text, shown):
    """What the service says about the destination is shown as plain letters, on one line and not without end."""
    house.cognito.fault("InitiateAuth", patch={"ChallengeParameters.CODE_DELIVERY_DESTINATION": text})
    with su.terminal(house.alice, "alice", "id -un") as person:
        asked = question(person)
        assert asked.startswith("Code mailed to ") and asked.isascii() and asked.isprintable()
        assert asked.endswith(". Code (r = new one): "), "the question itself is cut"
        assert len(asked) < 300
        assert shown is None or asked == shown + "Code (r = new one): "
        person.line(house.cognito.last_code())
        person.expect("^alice\r\n")


def test_unreachable(house):
    """A service that is not there: proved callers hear it at once, and sudo's later calls do not try again."""
    house.settings(endpoint="https://localhost:1", jwks_url="https://localhost:1/jwks.json")
    with sudo.terminal(house.alice, "true") as owner, su.terminal(house.bob, "bob", "true") as other:
        other.expect(r"Sign-in service not reachable; no code was sent\.")
        assert (owner.wait(), other.wait()) == (1, 1)
    assert set(house.reasons()) == {"net_connect"}
    assert house.untouched()
