"""cognito-otp check with AWS credentials: the pool, the app client and a user, as the local Cognito describes them.

Each row of the tables is one test, as in test_check.py: a good pool passes, the planted fault is found under its name
with its remedy and nothing else beside it, and the pool passes again once it is repaired. Nobody is mailed, nothing is
changed, and the client's secret is never shown.
"""

import contextlib
import os
import shutil
import time

import pytest
from mock_cognito.defaults import CLIENT, POOL, PUBLIC_CLIENT, SECRET

from system.house import AWS_FILE, RUN, STATE, USER_MAP, write_file
from system.ready_machine import (
    DEADLINE,
    Fault,
    assert_good,
    changed_file,
    check,
    find_and_repair,
    good_settings,
    lines_of,
    moved_away,
    row_of,
    run_tool,
    together,
    with_cognito,
    with_fault,
    with_file,
)
from system.signed import begin_pins

KEY = "AKIDEXAMPLE"
AWS_TEXT = f"[default]\naws_access_key_id = {KEY}\naws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
ALICE = "alice@example.com"
OTHER_SUB = "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"
GOOD_POOL = {"email_sender": "DEVELOPER", "verify_before_update": ["email"]}
ACTIONS = ("DescribeUserPool", "DescribeUserPoolClient", "AdminGetUser", "AdminGetUserAuthFactors")
rows = []
pytestmark = pytest.mark.usefixtures("table", "machine", "credentials")


@pytest.fixture
def credentials(house, machine):     # after the machine, which writes the settings
    """Credentials in a file, a pool that is as it should be, and an eye on what was done to it."""
    assert machine is None
    write_file(AWS_FILE, AWS_TEXT, 0o600)
    house.cognito.pool(**GOOD_POOL)
    admin_settings(house)
    house.cognito.clear_log()
    yield
    os.remove(AWS_FILE)
    assert house.cognito.outbox() == []
    assert not house.cognito.requests("AdminCreateUser")
    bodies = [request["body"] for request in house.cognito.requests("InitiateAuth")]
    assert all('"cognito-otp-check@example.invalid"' in body for body in bodies)


def admin_settings(house, **changes):
    """The good settings, with the credentials."""
    good_settings(house, **{"aws_credentials_file": AWS_FILE, **changes})


def setting(**changes):
    """Plant settings with these values."""
    @contextlib.contextmanager
    def plant(house):
        admin_settings(house, **changes)
        try:
            yield
        finally:
            admin_settings(house)
    return plant


def pool(**changes):
    """Plant settings of the pool."""
    undo = {"allowed_first_auth_factors": ["PASSWORD", "EMAIL_OTP", "SMS_OTP"], "tier": "ESSENTIALS", "mfa": "OFF",
            "email_failure": "", "admin_create_only": True, "username_attributes": ["email"], "alias_attributes": [],
            **GOOD_POOL}
    return with_cognito("pool", {name: undo[name] for name in changes}, **changes)


def client(**changes):
    """Plant settings of the app client."""
    undo = {"explicit_auth_flows": ["ALLOW_USER_AUTH"], "prevent_user_existence_errors": "ENABLED",
            "auth_session_validity": 3, "enable_token_revocation": True, "write_attributes": None,
            "refresh_token_validity": 86400, "refresh_token_rotation": True, "retry_grace_period_seconds": 10}
    return with_cognito("client", {name: undo[name] for name in changes}, CLIENT, **changes)


def alice(**changes):
    """Plant a state of alice in the pool."""
    undo = {"enabled": True, "status": "CONFIRMED", "email_verified": True, "mfa": [], "preferred_mfa": None}
    return with_cognito("user", {name: undo[name] for name in changes}, ALICE, **changes)


def user_map(*lines):
    """Plant another user map."""
    return with_file(USER_MAP, lambda text: "".join(line + "\n" for line in lines))


def credential(**changes):
    """Plant a state of the access key."""
    undo = {"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "denied": [], "expired": False}
    return with_cognito("credential", {name: undo[name] for name in changes}, KEY, **changes)


def remembered(line, **changes):
    """Plant a file of pins with this line, and settings that look into it."""
    @contextlib.contextmanager
    def plant(house):
        os.makedirs(STATE, mode=0o700, exist_ok=True)
        write_file(f"{STATE}/pins-{POOL}", f"# pins of {POOL}\n{line}\n# end\n", 0o600)
        try:
            with setting(**changes)(house):
                yield
        finally:
            shutil.rmtree(STATE)
    return plant


CHOSEN = {"username_attributes": [], "alias_attributes": ["email"]}
POOL_FAULTS = [
    Fault("EMAIL_OTP not allowed", pool(allowed_first_auth_factors=["PASSWORD", "SMS_OTP"]), "pool_factor", POOL,
          remedy=f"--user-pool-id {POOL} --policies .*EMAIL_OTP.* resets what it is not told"),
    Fault("SMS_OTP not allowed",
          together(setting(challenge="sms_otp"), pool(allowed_first_auth_factors=["PASSWORD", "EMAIL_OTP"],
                                                      verify_before_update=["phone_number"])),
          "pool_factor", "SMS_OTP", remedy="SMS_OTP"),
    Fault("plan Lite", pool(tier="LITE"), "pool_tier", POOL, remedy="--user-pool-tier ESSENTIALS"),
    Fault("MFA required", pool(mfa="ON"), "pool_mfa", "ON", remedy="set-user-pool-mfa-config .*OFF"),
    Fault("Cognito's own sender", pool(email_sender="COGNITO_DEFAULT"), "pool_mail_limit", "50 codes a day",
          level="warning", remedy="EmailSendingAccount=DEVELOPER"),
    Fault("sender broken", pool(email_failure="Role cannot be assumed"), "pool_sender", "cannot send: Role cannot",
          remedy="SES"),
    Fault("anybody can sign up", pool(admin_create_only=False), "pool_sign_up", "spend the pool's mails",
          level="warning", remedy="AllowAdminCreateUserOnly=true"),
    Fault("anybody can sign up, names by a template",
          together(pool(admin_create_only=False, **CHOSEN),
                   setting(user_template="username:%u", require_group="ssh-users")),
          "pool_sign_up", "user_template", remedy="AllowAdminCreateUserOnly=true"),
    Fault("anybody can sign up, names in the map",
          together(pool(admin_create_only=False, **CHOSEN),
                   user_map("alice username:alice", f"bob username:bob sub={OTHER_SUB}")),
          "pool_sign_up", "1 username: lines without sub=", remedy="AllowAdminCreateUserOnly=true"),
    Fault("addresses are no names", pool(username_attributes=[]), "pool_names", "3 people are mapped by email:",
          remedy="cannot be changed"),
    Fault("numbers are no names", user_map(f"alice email:{ALICE}", "carol phone:+12065550199"), "pool_names",
          "1 people are mapped by phone:"),
    Fault("words are no names", user_map(f"alice email:{ALICE}", "bob username:bob"), "pool_names", "is a UUID",
          remedy="admin-get-user"),
    Fault("unknown pool", setting(user_pool_id="eu-west-1_Other1234"), "pool_unknown", "DescribeUserPool",
          remedy="user_pool_id"),
]
CLIENT_FAULTS = [
    Fault("ALLOW_USER_AUTH missing", client(explicit_auth_flows=["ALLOW_USER_SRP_AUTH"]), "client_flow", CLIENT,
          remedy=f"--client-id {CLIENT} --explicit-auth-flows ALLOW_USER_AUTH .*resets"),
    Fault("existence of users shown", client(prevent_user_existence_errors="LEGACY"), "existence_shown", CLIENT,
          level="warning", remedy="--prevent-user-existence-errors ENABLED"),
    Fault("codes expire early", setting(challenge_ttl="5m"), "code_expires_early", r"180 s .*3 minutes.* 300 s",
          level="warning", remedy="challenge_ttl = 180s.*--auth-session-validity 5"),
    Fault("tokens cannot be revoked", client(enable_token_revocation=False), "client_revocation", CLIENT,
          level="warning", remedy="--enable-token-revocation"),
    Fault("refresh tokens end early",
          together(setting(cache="on", cache_check="online", cache_ttl="8h",
                           cache_services="sshd"),
                   client(refresh_token_validity=3600)),
          "refresh_expires_early", "3600 s .* 28800 s", level="warning", remedy="cache_ttl"),
    Fault("secret not set", setting(client_secret_file=None), "client_secret_unset", CLIENT, remedy="0600"),
    Fault("secret not wanted", setting(client_id=PUBLIC_CLIENT), "client_secret_unwanted", PUBLIC_CLIENT,
          remedy="client_secret_file"),
    Fault("unknown client", setting(client_id="0nobodyknowsit"), "client_unknown", f"{POOL} has no such app client",
          remedy="client_id"),
    Fault("users may change their address", pool(verify_before_update=[]), "client_writes", "their own email",
          level="warning", remedy="--write-attributes"),
    Fault("users may change their address, and that is said",
          together(pool(verify_before_update=[]), client(write_attributes=["name", "email"])), "client_writes",
          "their own email", level="warning"),
]
AWS_FAULTS = [
    Fault("credentials file missing", lambda house: moved_away(AWS_FILE), "config_open", AWS_FILE),
    Fault("credentials file 0644", with_file(AWS_FILE, mode=0o644), "config_unsafe", AWS_FILE, remedy="0600"),
    Fault("no such profile", setting(aws_profile="pam"), "aws_credentials", "pam", remedy="aws_profile"),
    Fault("wrong secret key", credential(secret="another"), "aws_signature", "DescribeUserPool", remedy="typing error"),
    Fault("unknown key", with_file(AWS_FILE, lambda text: text.replace(KEY, "AKIDOTHER")), "aws_signature",
          "DescribeUserPool"),
    Fault("key expired", credential(expired=True), "aws_expired", "DescribeUserPool", remedy="aws_imds"),
    Fault("logins may not look at users", together(credential(denied=["AdminGetUser"]), setting(check_user="yes")),
          "aws_denied", "AdminGetUser", remedy="IAM policy"),
    Fault("requests limited",
          with_fault("DescribeUserPool", error={"type": "TooManyRequestsException", "message": "x"}),
          "service_throttled", "could not be looked at", level="warning", remedy="Wait"),
    Fault("a web page in place of the pool", with_fault("DescribeUserPool", body="<html>"), "json_syntax",
          "DescribeUserPool"),
    Fault("no pool in the answer", with_fault("DescribeUserPool", body="{}"), "json_absent", "UserPool"),
    Fault("the service is broken for these calls", with_fault("DescribeUserPool", status=503, body="x"), "http_status",
          "DescribeUserPool"),
]
USER_FAULTS = [
    Fault("not in the pool", user_map("alice email:alicia@example.com"), "account_not_found",
          "alice, email:alicia@example.com", remedy="map"),
    Fault("disabled", alice(enabled=False), "account_disabled", f"alice, email:{ALICE}", remedy="admin-enable-user"),
    Fault("temporary password", alice(status="FORCE_CHANGE_PASSWORD"), "account_force_change", ALICE,
          remedy="admin-set-user-password --permanent"),
    Fault("federated", alice(status="EXTERNAL_PROVIDER"), "account_external", ALICE),
    Fault("not confirmed", alice(status="UNCONFIRMED"), "account_not_confirmed", ALICE, level="warning",
          remedy="admin-confirm-sign-up"),
    Fault("not confirmed, and check_user", together(alice(status="UNCONFIRMED"), setting(check_user="yes")),
          "account_not_confirmed", ALICE),
    Fault("must reset his password", alice(status="RESET_REQUIRED"), "account_reset_required", ALICE, level="warning"),
    Fault("a state that is not known", alice(status="ARCHIVED"), "account_status", ALICE, level="warning"),
    Fault("address not verified", alice(email_verified=False), "identity_unverified", ALICE, remedy="email_verified"),
    Fault("address in other letters", user_map("alice email:Alice@example.com"), "identity_email",
          f"the pool has {ALICE}", remedy="byte for byte"),
    Fault("another sub", user_map(f"alice email:{ALICE} sub={OTHER_SUB}"), "identity_sub", f"the map says {OTHER_SUB}",
          remedy="made anew"),
    Fault("another sub than at his first login",
          remembered(f"alice email:{ALICE} sub={OTHER_SUB} from=login time=1764300000", pin_sub="yes"), "identity_sub",
          f"alice, email:{ALICE}: .*{OTHER_SUB}"),
    Fault("in the pool before, and not now",
          together(user_map("alice email:alicia@example.com"),
                   remembered(f"alice email:alicia@example.com sub={OTHER_SUB} from=created time=1764300000",
                              create_user="yes")),
          "account_gone", f"he was there with the sub {OTHER_SUB}", remedy="pin clear"),
    Fault("a second factor", together(pool(mfa="OPTIONAL"), alice(mfa=["SOFTWARE_TOKEN_MFA"],
                                                                  preferred_mfa="SOFTWARE_TOKEN_MFA")), "user_mfa",
          "SOFTWARE_TOKEN_MFA", remedy="admin-set-user-mfa-preference .*Enabled=false"),
    Fault("offered no code", with_fault("AdminGetUserAuthFactors", patch={"ConfiguredUserAuthFactors": ["PASSWORD"]}),
          "challenge_not_offered", ALICE, remedy="EMAIL_OTP"),
    Fault("not allowed here", setting(users="!alice"), "user_filtered", "alice"),
    Fault("not mapped", user_map("bob email:bob@example.com"), "user_unmapped", "alice"),
    Fault("disabled, and the pool allows no codes", together(alice(enabled=False), pool(tier="LITE")),
          "account_disabled", ALICE, others=("pool_tier",)),
]


@pytest.mark.parametrize("fault", POOL_FAULTS + CLIENT_FAULTS + AWS_FAULTS, ids=lambda fault: fault.what)
def test_fault(house, fault):
    """Found, with its remedy, and nothing else; repaired, nothing."""
    rows.append(row_of(fault.what, find_and_repair(house, fault)))


@pytest.mark.parametrize("fault", USER_FAULTS, ids=lambda fault: fault.what)
def test_fault_of_a_user(house, fault):
    """The same, for alice."""
    rows.append(row_of("alice: " + fault.what, find_and_repair(house, fault, user="alice")))


def test_good_pool_and_user(house):
    """Nothing to complain of; text and JSON say the same, and neither has the secret."""
    outcome = check(user="alice")
    assert_good(outcome)
    assert {finding.level for finding in outcome.findings} == {"ok"}
    assert {"pool", "client_settings", "client", "account", "user"} <= {finding.name for finding in outcome.findings}
    assert "offered a code" in outcome.named("user")[0].text
    for arguments in (("check", "alice"), ("check", "--json", "alice"), ("--json", "check", "alice")):
        run = run_tool(*arguments)
        assert run.returncode == 0 and SECRET not in run.stdout + run.stderr
    assert run_tool("check", "alice").stdout == lines_of(outcome.findings)
    rows.extend((finding.level, f"{finding.name}: {finding.where}: {finding.text}") for finding in outcome.findings)
    assert not os.path.exists(RUN) and not os.path.exists(STATE)
    assert [len(house.cognito.requests(action)) for action in ACTIONS] == [5, 5, 5, 5]


def test_nothing_is_asked_without_credentials(house):
    """As before: the unsigned part only, and a user's account here."""
    good_settings(house)
    house.cognito.pool(email_sender="COGNITO_DEFAULT")
    outcome = check(user="alice")
    assert_good(outcome)
    assert outcome.named("account") and not outcome.named("user") and not outcome.named("pool")
    assert outcome.named("user_not_asked")[0].level == "note"
    assert not [request for action in ACTIONS for request in house.cognito.requests(action)]


@pytest.mark.parametrize("action", ACTIONS)
def test_what_iam_denies_is_a_note(house, action):
    """The action is named, and what it would have shown is not said to be good."""
    with credential(denied=[action])(house):
        outcome = check(user="alice")
    assert_good(outcome)
    (note,) = outcome.named("aws_denied")
    assert note.level == "note" and f"cognito-idp:{action}" in note.text
    missing = {"DescribeUserPool": "pool", "DescribeUserPoolClient": "client_settings", "AdminGetUser": "user"}
    assert not outcome.named(missing.get(action, "nothing"))
    if action == "AdminGetUserAuthFactors":
        assert "offered" not in outcome.named("user")[0].text
    rows.append((f"{action} denied", f"note: {note.text}"))


def test_everything_denied(house):
    """Three notes, and the rest as without credentials."""
    with credential(denied=["*"])(house):
        outcome = check(user="alice")
    assert_good(outcome)
    assert [note.where for note in outcome.named("aws_denied")] == [
        "DescribeUserPool", "DescribeUserPoolClient", "AdminGetUser"]
    assert outcome.named("client")


def test_check_user_may_look(house):
    """With check_user it is tried whether logins may ask, on a user who cannot exist."""
    with setting(check_user="yes")(house):
        outcome = check()
    assert_good(outcome)
    assert outcome.named("check_user")
    (request,) = house.cognito.requests("AdminGetUser")
    assert "cognito-otp-check@example.invalid" in request["body"]


def test_account_that_is_not_here(house):
    """An error, and the pool is not asked for anybody."""
    outcome = check(user="nobody-of-that-name")
    assert [finding.name for finding in outcome.bad()] == ["user_unknown"]
    assert not house.cognito.requests("AdminGetUser")


def test_user_of_a_template(house):
    """Whom no line names is looked up by user_template."""
    with setting(user_template="email:%u@example.com")(house), changed_file(
            USER_MAP, lambda text: "bob email:bob@example.com\n"):
        outcome = check(user="alice")
    assert_good(outcome)
    assert "user_template" in outcome.named("account")[0].text and outcome.named("user")


def test_user_who_would_be_created(house):
    """A note: his first login makes him."""
    begin_pins()
    with setting(create_user="yes")(house), changed_file(
            USER_MAP, lambda text: "alice email:alicia@example.com\n"):
        outcome = check(user="alice")
    assert outcome.bad() == []
    (note,) = outcome.named("account_not_found")
    assert note.level == "note" and "first login" in note.text


def test_silent_service(house):
    """At most three steps of `deadline` each, and what has said nothing is named once."""
    admin_settings(house, connect_timeout=f"{DEADLINE}s")
    with with_fault("DescribeUserPool", transport="silent")(house):
        begun = time.monotonic()
        outcome = check(user="alice")
        seconds = time.monotonic() - begun
    assert [finding.name for finding in outcome.bad()] == ["net_timeout"]
    assert outcome.named("client") and not house.cognito.requests("AdminGetUser")
    assert seconds < 3 * DEADLINE + 6, seconds
    rows.append(("DescribeUserPool silent", f"one error within three times the deadline of {DEADLINE} s"))


def test_hostile_texts_of_the_pool(house):
    """What the pool says of itself is shown clean."""
    with pool(email_failure="\x1b[2Jowned\u202e\n0 errors")(house):
        outcome = check()   # asserts that all is printable ASCII
    assert [finding.name for finding in outcome.bad()] == ["pool_sender"]
    assert "owned" in outcome.named("pool_sender")[0].text


def test_renewal_without_grace(house):
    """Rotation that takes a lost answer for a theft: a note, and only where renewals are wanted."""
    with client(retry_grace_period_seconds=0)(house):
        assert check().named("refresh_no_grace") == []
        with setting(cache="on", cache_check="online", cache_services="sshd")(house):
            outcome = check()
        with setting(cache="on", cache_services="sshd")(house):
            assert check().named("refresh_no_grace") == []
        with client(refresh_token_rotation=False)(house), setting(cache="on", cache_check="online",
                                                                  cache_services="sshd")(house):
            assert check().named("refresh_no_grace") == []
    assert_good(outcome)
    (note,) = outcome.named("refresh_no_grace")
    assert note.level == "note" and note.where == CLIENT
