"""cache_check = online: what was kept of a login is asked for at each use, and ends when the service says no.

In a login session of alice's, sudo has had a code once; each test says what the service does then, and whether the next
sudo gets in, by what, and how many mails and requests that cost.
"""

import glob
import json
import os
import subprocess
import time

import pytest
from mock_cognito.defaults import CLIENT
from rig import pam, sessions, ssh, sudo
from rig.sshd import Sshd

from system.cached import ALL, NO_TICKET, PROMPT, ROOMY, SUDO, by, leave, met, newest_code, records, wait_no_record
from system.house import STATE, wait_helpers

REFRESH = "GetTokensFromRefreshToken"
ONLINE = {**ROOMY, "cache_check": "online"}
QUESTION = r"\(r = new one\): "
ALICE = "alice@example.com"


@pytest.fixture(autouse=True)
def online(house):
    """Kept tokens are renewed at each use; sudo itself remembers nobody."""
    house.settings(**ONLINE)
    sudo.allow(*ALL, defaults=NO_TICKET)
    return house


@pytest.fixture
def person(house):
    """alice at a shell in a session of her own, whose first sudo had a code."""
    with sessions.terminal(house.alice) as shell:
        shell.expect(PROMPT)
        code(house, shell)
        yield shell


def code(house, shell):
    """sudo with the code of the mail."""
    shell.line(SUDO)
    shell.expect(QUESTION)
    shell.line(newest_code(house))
    shell.expect("^root\r\n")
    shell.expect(PROMPT)


def refreshes(house):
    """The refresh tokens that were sent in, in their order."""
    return [json.loads(request["body"])["RefreshToken"] for request in house.cognito.requests(REFRESH)]


def revoked(house, count=1):
    """The refresh tokens that were revoked."""
    house.cognito.wait_requests("RevokeToken", count)
    wait_helpers(0)
    return [json.loads(request["body"])["Token"] for request in house.cognito.requests("RevokeToken")]


def sealed():
    """The files of sealed tokens."""
    return records("tokens")


def reasons(house):
    """Why kept tokens were of no use, by the log."""
    return [line.split("reason=")[1].split()[0] for line in house.log.lines("event=cache_not_used")]


# --- in ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rotation", [True, False])
def test_each_use_is_asked_for(house, rotation):
    """One mail; one request for each sudo; with rotation each has another token, and nothing is revoked meanwhile."""
    house.cognito.client(CLIENT, refresh_token_rotation=rotation, retry_grace_period_seconds=0)
    with sessions.terminal(house.alice) as shell:
        shell.expect(PROMPT)
        code(house, shell)
        assert [met(shell), met(shell), met(shell)] == ["root"] * 3
    assert by(house) == ["code", "renewal", "renewal", "renewal"]
    assert len(house.cognito.outbox()) == 1
    assert len(set(refreshes(house))) == (3 if rotation else 1)
    wait_helpers(0)
    assert house.cognito.requests("RevokeToken") == []


def test_no_token_lies_open(house, person):
    """What is on disk is sealed: no token of the service can be read in it."""
    assert met(person) == "root"
    kept = b"".join(open(path, "rb").read() for path in glob.glob("/run/pam_cognito_otp/cache-*"))
    tokens = refreshes(house)
    assert len(sealed()) == 1
    assert not any(token.encode() in kept or token[:40].encode() in kept for token in tokens)
    assert b"eyJ" not in kept


def test_pool_keys_rotated(house, person):
    """Other keys of the pool: fetched once more, and in."""
    house.cognito.rotate_keys(keep_old=False)
    (copy,) = glob.glob(f"{STATE}/jwks-*")
    os.utime(copy, (time.time() - 600,) * 2)  # a set that was fetched a moment ago is not fetched again
    assert met(person) == "root"
    assert by(house) == ["code", "renewal"]


def test_two_at_once(house, person):
    """With rotation and no grace two uses of one token would end it: they go one after the other, both in."""
    house.cognito.client(CLIENT, refresh_token_rotation=True, retry_grace_period_seconds=0)
    house.cognito.fault(REFRESH, times=2, delay=0.5)
    person.line("(for n in 1 2; do sudo -S id -un < /dev/null & done; wait); echo do''ne")
    person.expect(r"root\s+root\s+done\s", timeout=20)
    person.expect(PROMPT)
    assert len(house.cognito.outbox()) == 1
    assert by(house) == ["code", "renewal", "renewal"]


@pytest.mark.parametrize("after", [0, 11])
def test_answer_lost(house, person, after):
    """The rotated token never arrived: within the service's grace the old one is good, after it a code is asked for."""
    house.cognito.fault(REFRESH, transport="close_before")
    assert met(person) == "asked"
    house.cognito.set_clock(offset=after)
    assert met(person) == ("asked" if after else "root")
    assert reasons(house)[0].startswith("net_")
    assert ("refresh_reused" in reasons(house)) == bool(after)
    assert (sealed() == []) == bool(after)


# --- no longer --------------------------------------------------------------------------------------------------------


ENDED = {
    "revoked": {"error": {"type": "NotAuthorizedException", "message": "Refresh Token has been revoked"}},
    "expired": {"error": {"type": "NotAuthorizedException", "message": "Refresh Token has expired"}},
    "invalid": {"error": {"type": "NotAuthorizedException", "message": "Invalid Refresh Token"}},
    "reused": {"error": {"type": "RefreshTokenReuseException", "message": "Refresh token has been invalidated"}},
    "another sign-in": {"tokens": {"id": {"claims": {"auth_time": 1700000000}}}},
    "another origin": {"tokens": {"access": {"claims": {"origin_jti": "0b0b0b0b-1111-4222-8333-444444444444"}}}},
    "both of another origin": {"tokens": {use: {"claims": {"origin_jti": "0b0b0b0b-1111-4222-8333-444444444444"}}
                                          for use in ("id", "access")}},
    "no origin": {"tokens": {use: {"claims": {"origin_jti": None}} for use in ("id", "access")}},
    "another user": {"tokens": {use: {"claims": {"sub": "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"}}
                                for use in ("id", "access")}},
    "another address": {"tokens": {"id": {"claims": {"email": "bob@example.com"}}}},
    "a signature of nobody's": {"tokens": {"access": {"sign": "flip"}}},
}


@pytest.mark.parametrize("what", ENDED)
def test_a_clear_no_ends_it(house, person, what):
    """A code is asked for in the same call, and what was kept is gone: the sudo after that asks the service nothing."""
    house.cognito.fault(REFRESH, **ENDED[what])
    assert met(person) == "asked"
    assert (records("session"), sealed()) == ([], [])
    asked = len(refreshes(house))
    assert met(person) == "asked"
    assert len(refreshes(house)) == asked
    assert by(house) == ["code"]


UNKNOWN = {
    "500": {"status": 500, "body": "x"},
    "throttled": {"error": {"type": "TooManyRequestsException", "message": "Rate exceeded"}},
    "closed": {"transport": "close_before"},
    "html": {"status": 200, "content_type": "text/html", "body": "<html>"},
}


def test_keys_that_cannot_be_fetched_yet(house, person):
    """Keys of the pool changed a moment after the set was fetched: a code now, but what is kept is kept."""
    house.cognito.rotate_keys(keep_old=False)
    assert met(person) == "asked"
    assert reasons(house) == ["jwt_kid"]
    assert len(sealed()) == 1


@pytest.mark.parametrize("what", UNKNOWN)
def test_trouble_asks_for_a_code_and_keeps_it(house, person, what):
    """Trouble at the service says nothing about her: a code now, and the next sudo is in again."""
    house.cognito.fault(REFRESH, **UNKNOWN[what])
    assert met(person) == "asked"
    assert len(sealed()) == 1
    assert met(person) == "root"
    assert by(house) == ["code", "renewal"]


def test_silence_leaves_time_for_a_code(house, person):
    """A service that does not answer the renewal has a third of the deadline: then a code lets her in."""
    house.cognito.fault(REFRESH, transport="silent", hold=30)
    before = time.monotonic()
    code(house, person)
    assert time.monotonic() - before < 15
    assert reasons(house) == ["net_timeout"]
    assert by(house) == ["code", "code"]


@pytest.mark.parametrize("how", ["disabled", "deleted", "signed out"])
def test_the_person_has_left(house, person, how):
    """Disabled, deleted: asked for a code and refused. Signed out everywhere: asked for a code."""
    if how == "disabled":
        house.cognito.user(ALICE, enabled=False)
    elif how == "deleted":
        house.cognito.user(ALICE, delete=True)
    else:
        house.cognito.sign_out(ALICE)
    person.line(SUDO)
    if how == "signed out":
        person.expect(QUESTION)
        person.line(newest_code(house))
        person.expect("^root\r\n")
    else:
        for _ in range(3):
            if person.expect(rf"incorrect password attempts|{QUESTION}", timeout=20)[0].startswith("incorrect"):
                break
            person.line("00000000")
        else:
            person.expect(r"incorrect password attempts", timeout=20)
    assert (len(sealed()) == 1) == (how == "signed out")
    assert by(house) == ["code", "code"] if how == "signed out" else ["code"]


def test_group_taken_away(house):
    """A group that is required is looked up in the renewed tokens."""
    house.settings(**ONLINE, require_group="ssh-users")
    with sessions.terminal(house.alice) as shell:
        shell.expect(PROMPT)
        code(house, shell)
        assert met(shell) == "root"
        house.cognito.user(ALICE, groups=[])
        shell.line(SUDO)
        shell.expect(QUESTION)
    assert reasons(house) == ["identity_group"]
    assert sealed() == []


# --- revocation -------------------------------------------------------------------------------------------------------


def test_logout_revokes(house):
    """The end of the session that sshd began: the newest token is revoked, once, and nothing is left on disk."""
    pam.lines("rig-sshd", **pam.login_session())
    key = house.alice.give_key()
    with Sshd("rig-sshd", options={"AuthenticationMethods": "publickey,keyboard-interactive:pam"}) as server:
        with ssh.terminal(server, "alice", key=key or house.alice.key) as shell:
            shell.expect(QUESTION)
            shell.line(newest_code(house))
            shell.expect(PROMPT)
            assert [met(shell), met(shell)] == ["root", "root"]
            leave(shell)
        wait_no_record("session")
        tokens = revoked(house)
    assert len(tokens) == 1
    assert tokens[0] not in refreshes(house)  # rotated twice: the last one was never sent in
    assert sealed() == []
    assert len(house.cognito.outbox()) == 1


def test_replacement_revokes(house, person):
    """A new code takes the place of what was kept: the old token is revoked, the new one works on."""
    assert met(person) == "root"
    house.cognito.fault(REFRESH, status=500, body="x")
    code(house, person)
    assert len(revoked(house)) == 1
    assert len(sealed()) == 1
    assert met(person) == "root"
    assert by(house) == ["code", "renewal", "code", "renewal"]


def test_purge_revokes(house, person):
    """cognito-otp cache purge: gone, revoked, and the next sudo has a code."""
    purge = ["cognito-otp", "cache", "purge", "alice"]
    done = subprocess.run(purge, capture_output=True, text=True, timeout=30, check=True)
    assert "revoked" in done.stdout
    assert len(revoked(house)) == 1
    assert (records("session"), sealed()) == ([], [])
    assert met(person) == "asked"


# --- over a reboot ----------------------------------------------------------------------------------------------------


def test_key_record_over_a_reboot(house):
    """sshd in cache_services, cache_dir on disk: after a reboot the key counts still, and the service is asked."""
    house.settings(**ONLINE, cache_services="sshd rig-sshd", cache_dir=f"{STATE}-cache")
    house.alice.give_key()
    with Sshd("rig-sshd", options={"AuthenticationMethods": "publickey,keyboard-interactive:pam"}) as server:
        with ssh.terminal(server, "alice", key=house.alice.key) as shell:
            shell.expect(QUESTION)
            shell.line(newest_code(house))
            shell.expect(PROMPT)
        with sessions.other_boot():
            with ssh.terminal(server, "alice", key=house.alice.key) as shell:
                shell.expect(PROMPT)
            assert by(house) == ["code", "renewal"]
            house.cognito.user(ALICE, enabled=False)
            with ssh.terminal(server, "alice", key=house.alice.key) as shell:
                shell.expect(r"[Pp]ermission denied|refuse|disabled", timeout=20)
    assert by(house) == ["code", "renewal"]
    subprocess.run(["rm", "-rf", f"{STATE}-cache"], check=True, timeout=10)
