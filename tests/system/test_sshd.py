"""The real sshd and ssh: codes that are right, wrong and both, keys before codes, and what a session leaves behind."""

import filecmp

import pytest
from mock_cognito.defaults import PUBLIC_CLIENT
from rig import ssh
from rig.sshd import BINARY, Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION, calling_program, wait_helpers

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}


@pytest.fixture(scope="module")
def server():
    """One sshd for the tests that want nothing special of it."""
    with Sshd("rig-sshd") as running:
        yield running


def log_in(house, server, name, word="mailed"):
    """From the first question to the end of the remote command, with the right code."""
    with ssh.terminal(server, name, "id -un") as person:
        person.answer(f"Sign-in code, or y to have one {word}: ", "y")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect(f"^{name}\r\n")
        assert person.wait() == 0
    return person.transcript


def is_sshd(path):
    """The installed sshd, its copy under the service's name, or what newer ones run for a session."""
    return path.endswith("/sshd-session") or filecmp.cmp(path, BINARY, shallow=False)


def test_alone(house, server):
    """Keyboard-interactive alone: sshd itself called, one request of each kind, one mail, one revocation."""
    with ssh.terminal(server, "alice", "id -un") as person:
        person.expect(FIRST_QUESTION)
        assert is_sshd(calling_program())
        assert house.untouched()
        person.line("y")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect("^alice\r\n")
        assert person.wait() == 0
    assert house.counts() == ONE_LOGIN
    assert house.outcome() == {
        "pam": "rig-sshd:auth", "event": "accepted", "reason": "verified", "user": "alice",
        "cognito": "alice@example.com", "service": "rig-sshd", "origin": "127.0.0.1", "caller": "remote",
    }
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert len(house.cognito.requests("RevokeToken")) == 1
    assert "***" not in person.transcript


def test_key_first(house):
    """After a key that counts the mail leaves at once, and the caller is known by it."""
    house.alice.give_key()
    with Sshd("rig-sshd", options=KEY_FIRST) as server:
        with ssh.terminal(server, "alice", "id -un", key=house.alice.key) as person:
            person.expect(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION)
            assert is_sshd(calling_program())
            assert not person.echoes()
            person.line(house.cognito.last_code())
            person.expect("^alice\r\n")
            assert person.wait() == 0
        assert house.counts() == ONE_LOGIN
        assert "Sign-in code" not in person.transcript
        assert (house.outcome()["reason"], house.outcome()["caller"]) == ("verified", "key")
        house.cognito.wait_requests("RevokeToken")
        house.fresh_settings()
        without = ssh.batch(server, "alice", "true", methods="keyboard-interactive")
        assert (without.returncode, house.outcomes()) == (255, []), "without the key the module is not called"
        assert house.untouched()


def test_code_by_sms(house, server):
    """challenge = sms_otp is the same way with other words, for a user known by address and for one known by number."""
    house.settings(challenge="sms_otp")
    log_in(house, server, "carol", "sent")
    assert house.counts() == ONE_LOGIN
    assert house.cognito.outbox()[0]["destination"] == "+12065550199"
    house.cognito.reset()
    house.cognito.pool(username_attributes=["email", "phone_number"])
    house.user_map("carol phone:+12065550199")
    log_in(house, server, "carol", "sent")
    assert {**house.counts(), "jwks": 1} == ONE_LOGIN  # the key set is still on disk
    assert [outcome["reason"] for outcome in house.wait_outcomes(2)] == ["verified", "verified"]


def test_select_challenge(house, server):
    """A service that lets one choose is answered once; that is no try."""
    house.cognito.user("alice@example.com", force_select=True)
    log_in(house, server, "alice")
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 2}
    assert '"ANSWER":"EMAIL_OTP"' in house.cognito.requests("RespondToAuthChallenge")[0]["body"].replace(" ", "")


def test_client_without_a_secret(house, server):
    """A public client is sent no SECRET_HASH."""
    house.settings(client_id=PUBLIC_CLIENT, client_secret_file=None)
    log_in(house, server, "alice")
    assert house.counts() == ONE_LOGIN
    assert not any("SECRET_HASH" in request["body"] for request in house.cognito.requests())


def test_wrong_codes_until_ssh_gives_up(house, server):
    """Three wrong codes: denied, no second mail, and sshd asks no further round."""
    with ssh.terminal(server, "alice", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        code = house.cognito.last_code()
        for wrong in ("0000", "12345678", code[:-1]):
            person.answer(CODE_QUESTION, wrong)
        person.expect("Permission denied")
        assert person.wait() == 255
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 3}
    assert house.reasons() == ["tries_exhausted"]
    assert house.cognito.requests("RevokeToken") == []


def test_every_round_of_ssh(house, server):
    """Each round of ssh is a call of its own: it takes up the code of the one before, with the tries left."""
    with ssh.terminal(server, "alice", "id -un", options=["NumberOfPasswordPrompts=8"]) as person:
        for words in ("a code was mailed", r"the code mailed \d+ s ago is still good"):
            person.answer(FIRST_QUESTION, "y")
            person.answer(rf"If this account may sign in, {words}\. {CODE_QUESTION}", "00000000")
            for _ in range(3):
                person.answer(CODE_QUESTION, "no")
        person.answer(FIRST_QUESTION, "00000000")
        person.expect("Permission denied")
        assert person.wait() == 255
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 3}
    assert house.reasons() == ["no_answer", "no_answer", "tries_exhausted"]


def test_wrong_then_right(house, server):
    """A mistyped code costs a try and nothing else."""
    with ssh.terminal(server, "alice", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        code = house.cognito.last_code()
        person.answer(CODE_QUESTION, "00000000")
        person.answer(r"Wrong code, 2 tries left\. " + CODE_QUESTION, f"{code[:4]} {code[4:]}")
        person.expect("^alice\r\n")
        assert person.wait() == 0
    assert house.counts() == {**ONE_LOGIN, "RespondToAuthChallenge": 2}
    assert house.reasons() == ["verified"]


def test_session_leaves_no_helper(house, server):
    """A shell that stays open has no helper behind it, and neither has its logout."""
    with ssh.terminal(server, "alice") as person:
        person.answer(FIRST_QUESTION, "y")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect(r"\$ ")
        house.cognito.wait_requests("RevokeToken")
        wait_helpers(0)
        person.line("id -un")
        person.expect("^alice\r\n")
        person.line("exit")
        assert person.wait() == 0
    wait_helpers(0)
    assert house.counts() == ONE_LOGIN
