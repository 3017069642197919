"""The app client gets a new secret while somebody sits at the prompt: ssh after a key, and sudo.

Cognito's own way has two secrets count at once (AddUserPoolClientSecret, later DeleteUserPoolClientSecret); the brutal
way has the old one gone at the moment the new one is there. The file is replaced whole, by rename, before or after. All
this with one try for each code: a try that was lost on the way would show.
"""

import contextlib
from typing import NamedTuple

import pytest
from driver.people import question
from mock_cognito.defaults import CLIENT, SECRET
from rig import ssh, sudo
from rig.sshd import Sshd

from system.house import SECRET_FILE, write_file

NEW = "2exampleclientsecret9876543210zyxwvutsrqponmlkjihgfe"
BROKEN = "Sign-in with a code does not work on this machine now; the system log says why."
SUDO_BROKEN = "sudo: PAM authentication error: Error in service module"  # sudo wants no messages of modules
STILL_GOOD = r"Code mailed \d+ s ago is still good\. Code \(r = new one\): "
TRIES = "1"
rows = []
pytestmark = pytest.mark.usefixtures("table")


def add(house):
    """AddUserPoolClientSecret: both count."""
    assert house.cognito.add_client_secret(CLIENT, NEW) == NEW


def delete(house):
    """DeleteUserPoolClientSecret of the old one."""
    house.cognito.delete_client_secret(CLIENT, SECRET)


def swap(house):
    """The old one is gone at once."""
    house.cognito.client(CLIENT, secrets=[NEW])


def file(_house):
    """The administrator puts the new one in place."""
    write_file(SECRET_FILE, NEW + "\n", 0o600)


def agree(house):
    """Service and file have the new one only."""
    swap(house)
    file(house)


@pytest.fixture(scope="module")
def server():
    """An sshd that wants a key and a code."""
    with Sshd("rig-sshd", options={"AuthenticationMethods": "publickey,keyboard-interactive:pam"}) as running:
        yield running


@pytest.fixture(autouse=True)
def one_try(house):
    """A code has one try."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    house.settings(max_tries=TRIES)


@contextlib.contextmanager
def person(house, server, door):
    """alice before the question, on the terminal of ssh or of sudo."""
    if door == "ssh":
        terminal = ssh.terminal(server, "alice", "echo in as $(id -un)", key=house.alice.give_key())
    else:
        terminal = sudo.terminal(house.alice, "sh", "-c", "echo in as $SUDO_USER")
    with terminal:
        yield terminal


def get_in(terminal, code):
    """Type the code, and be in."""
    terminal.line(code)
    terminal.expect("^in as alice\r\n")
    assert terminal.wait() == 0


class Rotation(NamedTuple):
    """What is done while she has the mail and has not typed the code yet."""

    name: str
    steps: tuple


GENTLE = [
    Rotation("new one added", (add,)),
    Rotation("new one added, file", (add, file)),
    Rotation("new one added, file, old one deleted", (add, file, delete)),
    Rotation("old one gone at once, then the file", (swap, file)),
    Rotation("the file, then old one gone at once", (file, swap)),
]
AT_ODDS = [
    Rotation("old one gone, file still old", (swap,)),
    Rotation("file is new, service not yet", (file,)),
    Rotation("old one deleted too early", (add, delete)),
]


@pytest.mark.parametrize("door", ["ssh", "sudo"])
@pytest.mark.parametrize("rotation", GENTLE, ids=lambda rotation: rotation.name)
def test_agree_when_the_code_comes(house, server, door, rotation):
    """Whatever happened meanwhile: where file and service agree when the code is typed, she is in with one mail."""
    with person(house, server, door) as alice:
        question(alice)
        code = house.cognito.last_code()
        for step in rotation.steps:
            step(house)
        get_in(alice, code)
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    assert house.reasons() == ["verified"]
    rows.append((f"{door}: {rotation.name}", "in, 1 mail; verified"))


@pytest.mark.parametrize("rotation", AT_ODDS, ids=lambda rotation: rotation.name)
def test_at_odds_in_ssh(house, server, rotation):
    """Refused, and told so; sshd asks again on the same connection, and there the same code lets her in."""
    with person(house, server, "ssh") as alice:
        question(alice)
        code = house.cognito.last_code()
        for step in rotation.steps:
            step(house)
        alice.line(code)
        alice.expect(BROKEN.replace(".", r"\."))
        alice.expect(STILL_GOOD)
        agree(house)
        get_in(alice, code)
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 2, "mails": 1}
    assert house.reasons() == ["secret_hash", "verified"]
    rows.append((f"ssh: {rotation.name}", "'does not work', asked again, in, 1 mail; secret_hash, verified"))


@pytest.mark.parametrize("rotation", AT_ODDS, ids=lambda rotation: rotation.name)
def test_at_odds_in_sudo(house, server, rotation):
    """sudo gives up at once; the next sudo takes up the same code, with its one try."""
    with person(house, server, "sudo") as alice:
        question(alice)
        code = house.cognito.last_code()
        for step in rotation.steps:
            step(house)
        alice.line(code)
        assert alice.wait() == 1
        assert SUDO_BROKEN in alice.transcript
    agree(house)
    with person(house, server, "sudo") as alice:
        alice.expect("^" + STILL_GOOD)
        get_in(alice, code)
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 2, "mails": 1}
    assert house.reasons() == ["secret_hash", "verified"]
    rows.append((f"sudo: {rotation.name}", "'Error in service module'; next sudo in, 1 mail; secret_hash, verified"))


def test_at_odds_before_the_mail(house, server):
    """Nothing is mailed or counted before service and file agree."""
    house.settings(mail_budget="1/15m,1/d")
    swap(house)
    with person(house, server, "sudo") as alice:
        assert alice.wait() == 1
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "mails": 0}
    assert house.reasons() == ["secret_hash"]
    file(house)
    with person(house, server, "sudo") as alice:
        question(alice)
        get_in(alice, house.cognito.last_code())
    assert house.counts()["mails"] == 1
    rows.append(("sudo: old one gone before the mail", "no mail, no budget spent; secret_hash, verified"))


def test_app_client_gone_and_back(house, server):
    """The service looks at the app client before the code: where it does not know it, no try is lost either."""
    with person(house, server, "sudo") as alice:
        question(alice)
        code = house.cognito.last_code()
        house.cognito.fault("RespondToAuthChallenge", error={"type": "ResourceNotFoundException", "message": "gone"})
        alice.line(code)
        assert alice.wait() == 1
    with person(house, server, "sudo") as alice:
        alice.expect("^" + STILL_GOOD)
        get_in(alice, code)
    assert house.counts()["mails"] == 1
    assert house.reasons() == ["client_unknown", "verified"]
    rows.append(("sudo: app client unknown for a moment", "next sudo in, 1 mail; client_unknown, verified"))


def test_other_refusals_cost_their_try(house, server):
    """The control: an answer about the account may come from a look at the code, and its try is gone."""
    house.cognito.fault("RespondToAuthChallenge", error={"type": "NotAuthorizedException", "message": "No."})
    with person(house, server, "sudo") as alice:
        question(alice)
        alice.line(house.cognito.last_code())
        assert question(alice).startswith("Code mailed to a***@e***.")
        get_in(alice, house.cognito.last_code(count=2))
    assert house.counts()["mails"] == 2
    assert house.reasons() == ["refused", "verified"]
    rows.append(("sudo: refused for another reason", "the try is spent, mailed anew; refused, verified"))
