"""How the tests play a person at the prompt: calls by pam_driver, and the whole way in with the mailed code."""

import re

from rig import accounts

from driver.driver import PamCall

SERVICE = "otp-test"
TERMINAL = "tty1"
SSH_KEY = {"SSH_AUTH_INFO_0": "publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIExample"}
EVERY_CALL = ("authenticate", "setcred", "acct_mgmt", "open_session", "close_session")


def console(user="alice", calls=("authenticate",), **more):
    """Somebody at the machine: asked for the code at once."""
    return PamCall(SERVICE, user, calls, **{"tty": TERMINAL, **more})


def stranger(user="alice", calls=("authenticate",), **more):
    """Somebody on the network who has shown nothing: asked before the mail."""
    return PamCall(SERVICE, user, calls, **{"tty": "ssh", "rhost": "203.0.113.9", **more})


def key_holder(user="alice", calls=("authenticate",), **more):
    """Somebody on the network after his public key."""
    return PamCall(SERVICE, user, calls, **{"tty": "ssh", "rhost": "203.0.113.9", "environment": SSH_KEY, **more})


def own_account(user="alice", calls=("authenticate",), **more):
    """Somebody who asks for his own account, as sudo does."""
    return PamCall(SERVICE, user, calls, **{"tty": "/dev/pts/7", "ruid": accounts.add_user(user).uid, **more})


def other_local(user="alice", calls=("authenticate",), **more):
    """Somebody local who asks for the account of another, as su does."""
    return PamCall(SERVICE, user, calls, **{"tty": "/dev/pts/7", "ruid": accounts.add_user("mallory").uid, **more})


def enter_code(house, call, first=False):
    """Answer the questions with the mailed code; returns the code that was sent in."""
    if first:
        assert call.prompt() is not None
        call.answer("y")
    prompt = call.prompt()
    assert prompt is not None and prompt.endswith("Code (r = new one): "), (prompt, call.messages, call.history)
    code = house.cognito.last_code(count=len(house.cognito.outbox()) or 1)
    call.answer(code)
    return code


def sign_in(house, user="alice", calls=("authenticate",), **more):
    """The whole way in from the console with the mailed code; returns {call: code}."""
    with console(user, calls, **more) as call:
        enter_code(house, call)
        return call.finish()


def question(person):
    """On a terminal: say y if asked for it, wait for the question for the code; return its line without ssh's part."""
    line = person.expect(r"[^\r\n]*(Code \(r = new one\)|have one (mailed|sent)): ").group()
    if not line.endswith("Code (r = new one): "):
        person.line("y")
        line = person.expect(r"[^\r\n]*Code \(r = new one\): ").group()
    return re.sub(r"^\(\w+@127\.0\.0\.1\) ", "", line)


def tell(house, case, name="alice@example.com", seen=""):
    """Print a row of a table (pytest -s): what reached the service for this Cognito user, and what was shown."""
    operations = house.of_user(name)
    mails = len(house.cognito.outbox(name))
    counts = operations.count("InitiateAuth"), operations.count("RespondToAuthChallenge"), mails
    print(f"\n{case:<62} InitiateAuth {counts[0]}  Respond {counts[1]}  mails {counts[2]}  {seen}", end="")
    return counts
