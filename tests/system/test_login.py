"""The real login(1) on a terminal, as at the console."""

from rig import login

from system.house import CODE_QUESTION, calling_program, wait_helpers

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
UNUSABLE = ("", "none", "123")


def test_right_code(house):
    """Mailed at once, one request of each kind, a shell; login itself called."""
    with login.terminal("alice") as person:
        person.expect(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        assert calling_program().rpartition("/")[2] == "login"
        assert not person.echoes()
        person.line(house.cognito.last_code())
        person.expect(r"\$ ")
        person.line("id -un; exit 0")
        person.expect("^alice\r\n")
        person.wait()
    assert house.counts() == ONE_LOGIN
    outcome = house.outcome()
    assert (outcome["reason"], outcome["caller"], outcome["origin"]) == ("verified", "console", "console")
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert len(house.cognito.requests("RevokeToken")) == 1


def test_wrong_then_right(house):
    """A wrong code is asked again on the same Session."""
    with login.terminal("alice") as person:
        person.expect(CODE_QUESTION)
        code = house.cognito.last_code()
        person.line("00000000")
        person.answer(r"Wrong code, 2 tries left\. " + CODE_QUESTION, code)
        person.expect(r"\$ ")
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 2}


def test_wrong_codes(house):
    """Spent tries end login(1): it says so, and asks and mails nothing further."""
    with login.terminal("alice") as person:
        for _ in range(3):
            person.answer(CODE_QUESTION, "00000000")
        person.expect(r"Too many wrong codes\. Log in again\.")
        person.expect("(?i)maximum number of tries exceeded|login incorrect")
        person.wait()
    assert person.transcript.count("Code (r") == 3
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 3}
    assert set(house.reasons()[1:]) <= {"tries_exhausted_before"}
    assert house.reasons()[0] == "tries_exhausted"


def test_rounds(house):
    """login(1) starts over after answers that were none; each of its rounds is a call with one mail and no try."""
    with login.terminal("alice") as person:
        for name in ("bob", "carol", None):
            for answer in UNUSABLE:
                person.answer(CODE_QUESTION, answer)
            person.expect("Login incorrect")
            if name:
                person.answer("login: ", name)
    assert house.counts() == {"jwks": 1, "InitiateAuth": 3, "mails": 3}
    assert [(outcome["user"], outcome["reason"]) for outcome in house.outcomes()] == [
        ("alice", "no_answer"), ("bob", "no_answer"), ("carol", "no_answer"),
    ]
