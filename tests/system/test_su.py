"""The real su on a terminal: to oneself at once, to somebody else only after y."""

from rig import su

from system.house import CODE_QUESTION, FIRST_QUESTION, calling_program, wait_helpers

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
NEUTRAL = r"If this account may sign in, a code was mailed\. "


def test_to_oneself(house):
    """The own account's mail leaves at once and its address is shown; su itself called."""
    with su.terminal(house.alice, "alice", "id -un") as person:
        person.expect(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        assert calling_program().rpartition("/")[2] == "su"
        assert not person.echoes()
        person.line(house.cognito.last_code())
        person.expect("^alice\r\n")
        assert person.wait() == 0
    assert house.counts() == ONE_LOGIN
    assert (house.outcome()["reason"], house.outcome()["caller"]) == ("verified", "own")
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert len(house.cognito.requests("RevokeToken")) == 1


def test_to_somebody_else(house):
    """Nothing leaves before y; then the mail goes to the target, and its address is not shown."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.expect(FIRST_QUESTION)
        assert calling_program().rpartition("/")[2] == "su"
        assert not person.echoes()
        assert house.untouched()
        person.line("y")
        person.expect(NEUTRAL + CODE_QUESTION)
        assert house.cognito.wait_mail()[0]["destination"] == "bob@example.com"
        person.line(house.cognito.last_code())
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert house.counts() == ONE_LOGIN
    outcome = house.outcome()
    assert (outcome["reason"], outcome["caller"]) == ("verified", "local")
    assert outcome["origin"] == f"uid:{house.mallory.uid}"
    assert "***" not in person.transcript


def test_wrong_codes(house):
    """su asks once: three wrong codes and it is over, with the words for it."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        for _ in range(3):
            person.answer(CODE_QUESTION, "00000000")
        person.expect(r"Too many wrong codes\. Log in again\.")
        person.expect("Authentication failure|maximum number|Have exhausted")
        assert person.wait() == 1
    assert "bob\r\n" not in person.transcript
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 3}
    assert house.reasons() == ["tries_exhausted"]


def test_wrong_then_right(house):
    """One wrong code does not end it."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        code = house.cognito.last_code()
        person.answer(CODE_QUESTION, "00000000")
        person.answer(r"Wrong code, 2 tries left\. " + CODE_QUESTION, code)
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 2}
