"""AWS credentials as a login meets them: check_user with those of the file and of the machine's role.

Duty: a login whose person is looked up by a signed call; each fault of credentials, metadata service and signature with
its PAM code, its reason in the log and the seconds it takes (printed as a table with `-s`), without a mail; credentials
that end in the middle are read anew once; and a login that needs none does not notice that they are broken.
"""

import time

import pytest
from driver.people import console, enter_code, sign_in
from rig.proxy import Proxy

from system.house import AWS_FILE, write_file
from system.test_aws_credentials import (
    FILE_CASES, IMDS_CASES, IMDS_STEPS, KEY_ID, LASTING, LIST_STEP, ROLE_STEP, STEP, TEMPORARY, TEMPORARY_ID,
    TOKEN_STEP, asked, change_secret, machine, skew,
)

SLACK = 3.0     # a whole call on a busy machine
ONCE = {"jwks": 1, "AdminGetUser": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
SERVICE = "PAM_SERVICE_ERR"
rows = []

pytestmark = pytest.mark.usefixtures("table", "clean_file")


def with_file(house, text=LASTING, **changes):
    """check_user with credentials of the file."""
    write_file(AWS_FILE, text, 0o600)
    house.settings(**{"check_user": "yes", "aws_credentials_file": AWS_FILE, "deadline": "8s", **changes})


def with_role(house, **changes):
    """check_user with the credentials of the machine's role."""
    house.settings(**{"check_user": "yes", "aws_imds": "yes", "deadline": "8s", **changes})


def refused(house, case, reason, words, limit=SLACK):
    """Nobody gets in, nothing is mailed, and the log says why."""
    started = time.monotonic()
    with console() as person:
        assert person.prompt() is None
        got = person.result()
    seconds = time.monotonic() - started
    outcome = house.outcome()
    detail = house.log.wait_for(r'detail="([^"]*)').group(1)
    rows.append((case, f"{got:<16} {outcome['reason']:<16} {seconds:5.2f} s  {detail}"))
    assert (got, outcome["reason"]) == (SERVICE, reason), house.log.lines()
    assert words in detail
    assert house.cognito.outbox() == [] and seconds < limit


def verified(house):
    """The whole way in."""
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS", house.log.lines()
    house.cognito.wait_requests("RevokeToken")


@pytest.mark.parametrize("text, token", [(LASTING, False), (TEMPORARY, True)])
def test_file(house, text, token):
    """The person is looked up once, by a call that is signed with the keys of the file."""
    with_file(house, text)
    verified(house)
    assert house.counts() == ONCE
    (request,) = house.cognito.requests("AdminGetUser")
    assert ("x-amz-security-token" in request["headers"]) == token
    assert (KEY_ID if not token else TEMPORARY_ID) in request["headers"]["authorization"]


def test_role(house, metadata):
    """The same with the machine's role: one exchange with the metadata service."""
    with_role(house)
    verified(house)
    assert house.counts() == ONCE
    assert asked(metadata) == IMDS_STEPS
    assert TEMPORARY_ID in house.cognito.requests("AdminGetUser")[0]["headers"]["authorization"]


def test_role_beside_a_proxy(house, metadata):
    """A host that reaches the service through a proxy only: the metadata service is not asked through it."""
    with Proxy(house.cognito.https_port) as proxy:
        with_role(house, proxy=proxy.url)
        verified(house)
        assert proxy.requests() == [f"CONNECT localhost:{house.cognito.https_port} HTTP/1.1"]
    assert house.counts() == ONCE
    assert asked(metadata) == IMDS_STEPS


@pytest.mark.parametrize("case", FILE_CASES)
def test_faults_of_the_file(house, case):
    """Each ends the call before anything is mailed, with the same reason and words as elsewhere."""
    text, spoil, reason, words = FILE_CASES[case]
    with_file(house, text)
    if spoil:
        spoil()
    refused(house, f"file, {case}", reason, words)
    assert "AdminGetUser" not in house.counts()


FEW = ["version 1 only, 405", "version 1 only, 404", "disabled, 403", "400 for the token", "a redirect to itself",
       "refused for ever", "no role, 404", "no role, empty", "two roles", "a role with a path", "a role of 10 MiB",
       "another Code", "no Token", "no Expiration", "a bad Expiration", "credentials of HTML"]


@pytest.mark.parametrize("case", FEW)
def test_faults_of_the_metadata_service(house, metadata, case):
    """Each ends the call at once; version 1 is never asked."""
    make, words, steps = IMDS_CASES[case]
    make(metadata)
    with_role(house)
    refused(house, f"IMDS, {case}", "aws_imds", words)
    assert len(asked(metadata)) == steps
    assert "AdminGetUser" not in house.counts()


def test_expired_role(house, metadata):
    """Credentials that are over when they come."""
    machine(life=-1)(metadata)
    with_role(house)
    refused(house, "IMDS, credentials that have expired", "aws_expired", ROLE_STEP + "they have expired at 20")


@pytest.mark.parametrize("operation, words", zip(IMDS_STEPS, [TOKEN_STEP, LIST_STEP, ROLE_STEP], strict=True))
def test_silence_of_the_metadata_service(house, metadata, operation, words):
    """A second for the step, and the call is over."""
    metadata.fault(operation, transport="silent", hold=30)
    with_role(house)
    refused(house, f"IMDS, no answer to {operation}", "aws_imds", words, limit=STEP + SLACK)


def denied(house):
    """IAM does not allow it."""
    house.cognito.credential(KEY_ID, denied=["AdminGetUser"])


def over(house):
    """The temporary key has ended."""
    house.cognito.credential(TEMPORARY_ID, expires=-1)


SIGNATURE_CASES = {
    "another secret": (change_secret, LASTING, "aws_signature", 1),
    "6 min slow": (skew(360), LASTING, "aws_signature", 1),
    "6 min fast": (skew(-360), LASTING, "aws_signature", 1),
    "an unknown key": (None, LASTING.replace(KEY_ID, "AKIDUNKNOWN"), "aws_signature", 1),
    "no token where one must be": (None, LASTING.replace(KEY_ID, TEMPORARY_ID), "aws_signature", 1),
    "not allowed": (denied, LASTING, "aws_denied", 1),
    "expired, and read anew": (over, TEMPORARY, "aws_expired", 2),
}


@pytest.mark.parametrize("case", SIGNATURE_CASES)
def test_what_the_service_refuses(house, case):
    """Refused there, said here, and never taken for a user who does not exist."""
    change, text, reason, calls = SIGNATURE_CASES[case]
    with_file(house, text)
    if change:
        change(house)
    refused(house, f"the service, {case}", reason, "AdminGetUser")
    assert house.counts()["AdminGetUser"] == calls


@pytest.mark.parametrize("seconds", [240, -240])
def test_a_clock_that_is_a_little_off(house, seconds):
    """Four minutes are within what the service allows."""
    with_file(house)
    skew(seconds)(house)
    verified(house)


def test_they_end_in_the_middle(house, metadata):
    """The service takes them for expired: they are fetched anew, and the call is made once more."""
    with_role(house)
    house.cognito.fault("AdminGetUser", error={"type": "ExpiredTokenException", "message": "expired"})
    verified(house)
    assert house.counts() == {**ONCE, "AdminGetUser": 2}
    assert asked(metadata) == IMDS_STEPS * 2


NOT_NEEDED = {
    "check_user off, file missing": ({"check_user": "no"}, "missing"),
    "check_user off, mode 0644": ({"check_user": "no"}, "mode 0644"),
    "check_user off, HTML": ({"check_user": "no"}, "a page of HTML"),
    "check_services without this one": ({"check_services": "sudo"}, "mode 0644"),
}


@pytest.mark.parametrize("case", NOT_NEEDED)
def test_login_that_needs_none(house, case):
    """Broken credentials change nothing where nothing is signed."""
    changes, spoiled = NOT_NEEDED[case]
    text, spoil, _, _ = FILE_CASES[spoiled]
    with_file(house, text, **changes)
    if spoil:
        spoil()
    verified(house)
    assert "AdminGetUser" not in house.counts()


def test_silent_metadata_service_that_is_not_needed(house, metadata):
    """Nor is the metadata service asked."""
    metadata.fault("*", times=None, transport="silent", hold=30)
    with_role(house, check_user="no")
    with console() as person:
        enter_code(house, person)
        assert person.result() == "PAM_SUCCESS"
    assert asked(metadata) == []
