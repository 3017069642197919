"""The first login: ssh with a mailed code, from the client's prompt to the verified token and back."""

from rig import ssh
from rig.sshd import Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION


def test_ssh_alone(house):
    """y, one mail, its code: in, with one InitiateAuth and one RespondToAuthChallenge."""
    with Sshd("rig-sshd") as server, ssh.terminal(server, "alice", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        code = house.cognito.last_code()
        person.answer(CODE_QUESTION, code)
        person.expect("alice\r\n")
        assert person.wait() == 0
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    assert house.outcome()["event"] == "accepted"
