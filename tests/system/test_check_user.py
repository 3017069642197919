"""check_user: what the pool says of the mapped user before a code is mailed, and what comes of it.

Duty: each state of a user and each error of AdminGetUser with its reason and PAM code, and that nothing is mailed then;
what is remembered and for whom; what a stranger may learn and cause; and that a login without it needs no credentials.
"""

import os
import re

import pytest
from driver.people import console, enter_code, key_holder, own_account, sign_in, stranger
from rig import accounts
from rig.sshd import Sshd, free_port

from system.signed import SUB, begin_pins, check_users, write_credentials
from system.house import AWS_FILE, RUN, write_file
from system.test_no_oracle import THREE_WRONG, differences, play, prepare, visitors
from system.test_service_errors import assert_hidden, assert_over, stranger_wants_mail

ALICE = "alice@example.com"
CHECKED = {"jwks": 1, "AdminGetUser": 1, "mails": 0}
DENIED, TRIES, SERVICE, UNAVAILABLE = "PAM_AUTH_ERR", "PAM_MAXTRIES", "PAM_SERVICE_ERR", "PAM_AUTHINFO_UNAVAIL"


def attributes(*changed, drop=()):
    """The attributes of alice with some replaced, added behind, or gone."""
    rows = [("sub", SUB["alice"]), ("email_verified", "true"), ("email", ALICE)]
    rows = [row for row in rows if row[0] not in drop] + list(changed)
    return {"UserAttributes": [{"Name": name, "Value": value} for name, value in rows]}


def instead(name, value):
    """The attributes with another value for one of them."""
    return attributes((name, value), drop=(name,))


# what the pool says (members replaced; None: not there), the code and the reason: test-server.md C 30
ANSWERS = {
    "disabled": ({"Enabled": False}, DENIED, "account_disabled"),
    "Enabled is not there": ({"Enabled": None}, DENIED, "account_disabled"),
    "Enabled is null": ({"Enabled": {"$null": True}}, DENIED, "account_disabled"),
    "Enabled is a text": ({"Enabled": "true"}, DENIED, "account_disabled"),
    "Enabled is a number": ({"Enabled": 1}, DENIED, "account_disabled"),
    "UNCONFIRMED": ({"UserStatus": "UNCONFIRMED"}, DENIED, "account_not_confirmed"),
    "EXTERNAL_PROVIDER": ({"UserStatus": "EXTERNAL_PROVIDER"}, DENIED, "account_external"),
    "RESET_REQUIRED": ({"UserStatus": "RESET_REQUIRED"}, DENIED, "account_reset_required"),
    "FORCE_CHANGE_PASSWORD": ({"UserStatus": "FORCE_CHANGE_PASSWORD"}, DENIED, "account_force_change"),
    "ARCHIVED": ({"UserStatus": "ARCHIVED"}, DENIED, "account_status"),
    "COMPROMISED": ({"UserStatus": "COMPROMISED"}, DENIED, "account_status"),
    "UNKNOWN": ({"UserStatus": "UNKNOWN"}, DENIED, "account_status"),
    "a status of tomorrow": ({"UserStatus": "SUSPENDED\u202e\n"}, DENIED, "account_status"),
    "a status in small letters": ({"UserStatus": "confirmed"}, DENIED, "account_status"),
    "no status": ({"UserStatus": None}, DENIED, "account_status"),
    "another email": (instead("email", "bob@example.com"), DENIED, "identity_email"),
    "the email in another case": (instead("email", "Alice@example.com"), DENIED, "identity_email"),
    "no email": (attributes(drop=("email",)), DENIED, "identity_email"),
    "not verified": (instead("email_verified", "false"), DENIED, "identity_unverified"),
    "verified with a capital": (instead("email_verified", "True"), DENIED, "identity_unverified"),
    "verified is empty": (instead("email_verified", ""), DENIED, "identity_unverified"),
    "verified is not there": (attributes(drop=("email_verified",)), DENIED, "identity_unverified"),
    "verified is JSON true": (instead("email_verified", True), SERVICE, "response_shape"),
    "no sub": (attributes(drop=("sub",)), DENIED, "identity_sub"),
    "a sub that is none": (instead("sub", "alice"), DENIED, "identity_sub"),
    "two emails": (attributes(("email", "bob@example.com")), SERVICE, "response_shape"),
    "the same email twice": (attributes(("email", ALICE)), SERVICE, "response_shape"),
    "verified, and not verified": (attributes(("email_verified", "false")), SERVICE, "response_shape"),
    "no attributes": ({"UserAttributes": None}, SERVICE, "response_shape"),
    "no user name": ({"Username": None}, SERVICE, "response_shape"),
}
# type, code, reason, and how often the call is made: test-server.md C 28 and 29
ERRORS = {
    "AccessDeniedException": (SERVICE, "aws_denied", 1),
    "NotAuthorizedException": (SERVICE, "aws_denied", 1),
    "UnrecognizedClientException": (SERVICE, "aws_signature", 1),
    "InvalidSignatureException": (SERVICE, "aws_signature", 1),
    "SignatureDoesNotMatch": (SERVICE, "aws_signature", 1),
    "MissingAuthenticationTokenException": (SERVICE, "aws_signature", 1),
    "IncompleteSignatureException": (SERVICE, "aws_signature", 1),
    "RequestExpired": (SERVICE, "aws_signature", 1),
    "ExpiredTokenException": (SERVICE, "aws_expired", 2),
    "UserNotFoundException": (DENIED, "account_not_found", 1),
    "ResourceNotFoundException": (SERVICE, "pool_unknown", 1),
    "InvalidParameterException": (SERVICE, "parameter_refused", 1),
    "TooManyRequestsException": (TRIES, "service_throttled", 1),
    "InternalErrorException": (UNAVAILABLE, "http_status", 1),
    "OperationNotEnabledException": (SERVICE, "pool_setup", 1),
    "SomethingNewException": (SERVICE, "api_unknown", 1),
}
# a transport fault, the code and the reason: whatever happens, the call is made once
BROKEN = {
    "close_before": (UNAVAILABLE, "net_reset"),
    "reset_after_body": (UNAVAILABLE, "net_reset"),
}
HIDDEN = ("disabled", "EXTERNAL_PROVIDER", "another email", "not verified", "no sub")


@pytest.fixture
def checking(house):
    """The house with check_user."""
    check_users(house)
    yield house
    if os.path.exists(AWS_FILE):
        os.unlink(AWS_FILE)


def standings():
    """The files that remember."""
    return [name for name in os.listdir(RUN) if name.startswith("standing-")]


def test_before_the_mail(checking):
    """A user in order gets in; the pool is asked first, by a signed call of the documented form."""
    assert sign_in(checking) == {"authenticate": "PAM_SUCCESS"}
    order = [request["operation"] for request in checking.cognito.requests()]
    assert order[:4] == ["jwks", "AdminGetUser", "InitiateAuth", "RespondToAuthChallenge"]
    [request] = checking.cognito.requests("AdminGetUser")
    assert request["body"] == '{"UserPoolId":"eu-west-1_Ab129faBb","Username":"alice@example.com"}'
    signed = "content-type;host;x-amz-date;x-amz-target"
    assert f"SignedHeaders={signed}, " in request["headers"]["authorization"]
    assert request["headers"]["host"] == f"localhost:{checking.cognito.https_port}"
    others = [other for other in checking.cognito.requests() if "authorization" in other["headers"]]
    assert len(others) == 1


@pytest.mark.parametrize("case", ANSWERS)
def test_what_the_pool_says(checking, case):
    """Each state of a user that is not in order: refused with its reason, and nothing is mailed."""
    patch, code, reason = ANSWERS[case]
    checking.cognito.fault("AdminGetUser", patch=patch)
    with console() as call:
        assert_over(checking, call, code, reason)
    assert checking.counts() == CHECKED
    assert standings() == []


def test_twice_in_the_json(checking):
    """A member that is there twice is no answer, whichever of the two is read."""
    checking.cognito.fault("AdminGetUser", patch_text={"Enabled": 'false,"Enabled":true'})
    with console() as call:
        assert_over(checking, call, SERVICE, "json_duplicate")
    assert checking.counts() == CHECKED


@pytest.mark.parametrize("envelope", ["bare", "Message"])
@pytest.mark.parametrize("kind", ERRORS)
def test_errors(checking, kind, envelope):
    """Each error of a signed call: its own reason, never fine and never nobody; detail names the operation."""
    code, reason, calls = ERRORS[kind]
    error = {"type": kind, "message": "User: arn:aws:iam::1:user/x, User is disabled.", "envelope": envelope}
    checking.cognito.fault("AdminGetUser", times=calls, error=error)
    with console() as call:
        assert_over(checking, call, code, reason)
    assert checking.counts() == {**CHECKED, "AdminGetUser": calls}
    assert checking.log.lines(f"reason={reason} .*detail=.*AdminGetUser")


@pytest.mark.parametrize("transport", BROKEN)
def test_sent_once(checking, transport):
    """A call whose answer is lost is not made again."""
    checking.cognito.fault("AdminGetUser", transport=transport)
    with console() as call:
        assert_over(checking, call, *BROKEN[transport])
    assert checking.counts() == CHECKED


def test_silent(house):
    """A pool that says nothing: the deadline ends it, and nothing is mailed."""
    check_users(house, deadline="4s", connect_timeout="2s")
    house.cognito.fault("AdminGetUser", transport="silent")
    with console() as call:
        assert_over(house, call, UNAVAILABLE, "net_timeout")
    assert house.counts() == CHECKED


# what the local Cognito itself finds wrong with the signature
SIGNERS = {
    "a key that nobody knows": ({"key": "AKUNKNOWNEXAMPLE"}, "aws_signature"),
    "a wrong secret": ({"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEx"}, "aws_signature"),
    "a key without rights": ({"key": "AKDENIEDEXAMPLE", "secret": "deniedSecretEXAMPLE"}, "aws_denied"),
}


@pytest.mark.parametrize("case", SIGNERS)
def test_signature(checking, case):
    """The signature is verified there, and what is wrong with it is told."""
    keys, reason = SIGNERS[case]
    write_credentials(**keys)
    with console() as call:
        assert_over(checking, call, SERVICE, reason)
    assert checking.counts() == CHECKED


def test_renewed_credentials(checking):
    """Keys that the service takes for expired are read once more: whoever renewed the file meanwhile gets in."""
    checking.cognito.fault("AdminGetUser", error={"type": "ExpiredTokenException", "message": "expired"})
    assert sign_in(checking) == {"authenticate": "PAM_SUCCESS"}
    assert checking.counts()["AdminGetUser"] == 2


def test_clock(checking):
    """A clock that is off is told as such, and not as a bad signature."""
    checking.cognito.set_clock(date_offset=600, signature_offset=600)
    with console() as call:
        assert_over(checking, call, SERVICE, "clock_skew")
    checking.cognito.set_clock(date_offset=0, signature_offset=0)


def test_remembered_for_a_minute(checking):
    """A yes serves the next logins; the file says when, and nothing of whom."""
    assert sign_in(checking) == {"authenticate": "PAM_SUCCESS"}
    with key_holder() as call:
        enter_code(checking, call)
        assert call.result() == "PAM_SUCCESS"
    assert checking.counts()["AdminGetUser"] == 1
    [name] = standings()
    path = os.path.join(RUN, name)
    assert re.fullmatch(r"standing-[0-9a-f]{32}", name)
    assert (os.stat(path).st_mode & 0o7777, os.stat(path).st_uid) == (0o600, 0)
    with open(path, encoding="ascii") as file:
        boot, since = file.read().split()
    assert boot == open("/proc/sys/kernel/random/boot_id", encoding="ascii").read().strip()
    write_file(path, f"{boot} {int(since) - 60001}\n", 0o600)
    assert sign_in(checking) == {"authenticate": "PAM_SUCCESS"}
    assert checking.counts()["AdminGetUser"] == 2


def test_a_no_is_not_remembered(checking):
    """Disabled, then enabled again: in at once. Each refusal is a new question."""
    checking.cognito.user(ALICE, enabled=False)
    for number in (1, 2):
        with console() as call:
            assert_over(checking, call, DENIED, "account_disabled")
        assert checking.counts()["AdminGetUser"] == number
        checking.log.clear()
    checking.cognito.user(ALICE, enabled=True)
    assert sign_in(checking) == {"authenticate": "PAM_SUCCESS"}


def test_pins(house):
    """The sub of the map, and with pin_sub the one of the file of pins, must be the pool's."""
    check_users(house, pin_sub="yes")
    begin_pins()
    house.user_map(f"alice email:{ALICE} sub={SUB['bob']}")
    with console() as call:
        assert_over(house, call, DENIED, "identity_sub")
    assert house.log.lines(f"detail=.*{SUB['alice']}.*{SUB['bob']}")
    assert house.counts() == CHECKED


def test_services(house):
    """check_services: only the named programs are checked; the others need no credentials."""
    check_users(house, check_services="sshd sudo")
    house.cognito.user(ALICE, enabled=True)
    write_credentials(mode=0o644)
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert "AdminGetUser" not in house.counts()
    check_users(house, check_services="sshd otp-test")
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts()["AdminGetUser"] == 1


@pytest.mark.parametrize("caller", [console, own_account, stranger])
@pytest.mark.parametrize("user", ["alice", "dave"])
def test_credentials_before_the_first_question(checking, caller, user):
    """What is wrong with the file shows to everybody alike before anything is asked; nothing leaves."""
    if user == "dave" and caller is not stranger:
        checking.user_map(f"alice email:{ALICE}", "dave email:bob@example.com")
    write_credentials(mode=0o640)
    with caller(user) as call:
        assert_over(checking, call, SERVICE, "config_unsafe")
    assert checking.untouched()
    assert checking.log.lines(f"detail=.*{AWS_FILE}")


def test_without_it_nothing_is_needed(house):
    """A broken credentials file concerns nobody while check_user is off."""
    write_credentials(mode=0o666)
    house.settings(aws_credentials_file=AWS_FILE)
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}


@pytest.mark.parametrize("case", HIDDEN)
def test_hidden_from_strangers(checking, case):
    """A stranger hears nothing of it: for him it is a wrong code; the log knows."""
    patch, _, reason = ANSWERS[case]
    checking.cognito.fault("AdminGetUser", patch=patch)
    with stranger() as call:
        stranger_wants_mail(call)
        assert_hidden(checking, call, reason)
    assert checking.counts() == CHECKED


@pytest.mark.parametrize(("kind", "reason"), [
    ("AccessDeniedException", "aws_denied"), ("InvalidParameterException", "parameter_refused"),
    ("UnknownException", "api_unknown"),
])
def test_what_only_real_accounts_meet(checking, kind, reason):
    """A signed call that fails shows a stranger nothing, since it is made for real accounts; the proved hear it."""
    checking.cognito.fault("AdminGetUser", error={"type": kind, "message": "x"})
    with stranger() as call:
        stranger_wants_mail(call)
        assert_hidden(checking, call, reason)
    checking.log.clear()
    checking.cognito.fault("AdminGetUser", error={"type": kind, "message": "x"})
    with key_holder() as call:
        assert_over(checking, call, SERVICE, reason)


def test_what_a_stranger_paid_stays_paid(house):
    """The pool is asked for strangers as often as they may have mail, and not more; who is proved is not charged."""
    check_users(house, mail_budget_unproved="1/d", mail_budget="1/d")
    house.cognito.user(ALICE, enabled=False)
    for _ in range(2):
        with key_holder() as call:
            assert_over(house, call, DENIED, "account_disabled")
        house.log.clear()
    for place, reason in ((1, "account_disabled"), (2, "mail_budget")):
        with stranger(rhost=f"203.0.113.{place}") as call:
            stranger_wants_mail(call)
            assert_hidden(house, call, reason)
        house.log.clear()
    assert house.counts() == {"jwks": 1, "AdminGetUser": 3, "mails": 0}


def test_an_outage_costs_a_proved_caller_nothing(house):
    """Where the pool cannot be asked nobody who proved himself has paid."""
    check_users(house, mail_budget="1/d")
    house.cognito.fault("AdminGetUser", error={"type": "InternalErrorException", "message": "x"})
    with key_holder() as call:
        assert_over(house, call, UNAVAILABLE, "http_status")
    with key_holder() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


def test_all_names_see_the_same(house):
    """Real ssh: in order, disabled, moved to another address, not there, unmapped, unknown; not a byte differs."""
    write_credentials()
    prepare(house, check_user="yes", aws_credentials_file=AWS_FILE)
    accounts.add_people("moved")
    house.cognito.user("moved@example.com", email_verified=False)
    with open("/etc/security/pam_cognito_otp.users", "a", encoding="ascii") as file:
        file.write("moved email:moved@example.com\n")
    names = ("alice", "off", "moved", "ghost", "dave", "nosuch")
    with Sshd("rig-sshd") as server:
        shown = play(visitors({"": [server]}, names, [THREE_WRONG]))[THREE_WRONG]
    assert len(shown) == len(names) and differences(shown) == {}
    reasons = {outcome["user"]: outcome["reason"] for outcome in house.outcomes()}
    assert reasons == {
        "alice": "tries_exhausted", "off": "account_disabled", "moved": "identity_unverified",
        "ghost": "account_not_found", "dave": "user_unmapped", "-": "user_unknown",
    }
    assert [mail["username"] for mail in house.cognito.outbox()] == [ALICE]
    assert len(house.cognito.requests("AdminGetUser")) == 4


def test_nobody_there(house):
    """A service that cannot be reached is that, and not somebody who does not exist."""
    check_users(house, endpoint=f"https://localhost:{free_port()}")
    with console() as call:
        assert_over(house, call, UNAVAILABLE, "net_connect")
