"""The real sudo on a terminal: the caller proves that he is himself, and three calls of the module are one login."""

import pytest
from rig import sudo

from system.house import CODE_QUESTION, calling_program, wait_helpers

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}


@pytest.fixture(autouse=True)
def policy():
    """alice and bob may do everything; nobody's ticket counts."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", "bob ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))


def test_right_code(house):
    """Mailed at once, one request of each kind, one revocation; sudo itself called."""
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.expect(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        assert calling_program() == "/usr/bin/sudo"
        assert not person.echoes()
        person.line(house.cognito.last_code())
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert house.counts() == ONE_LOGIN
    outcome = house.outcome()
    assert (outcome["reason"], outcome["service"], outcome["caller"]) == ("verified", "sudo", "own")
    assert outcome["origin"] == f"uid:{house.alice.uid}"
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert len(house.cognito.requests("RevokeToken")) == 1


def test_wrong_then_right(house):
    """A wrong code is asked again on the same Session."""
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.expect(CODE_QUESTION)
        code = house.cognito.last_code()
        person.line("00000000")
        person.answer(r"Wrong code, 2 tries left\. " + CODE_QUESTION, code)
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 2}


def test_three_attempts_are_one_mail(house):
    """Spent tries stay spent in sudo's second and third call: nothing asked, nothing mailed."""
    with sudo.terminal(house.alice, "id", "-un") as person:
        for _ in range(3):
            person.answer(CODE_QUESTION, "00000000")
        assert person.wait() == 1
    assert person.transcript.count("Code (r") == 3
    assert "root" not in person.transcript
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 3}
    assert house.reasons() == ["tries_exhausted", "tries_exhausted_before", "tries_exhausted_before"]
