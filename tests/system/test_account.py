"""The account phase through PAM: what is asked for whom, and what it comes to.

With code, reason and what reached the service. The calls are those of a program that has seen a key: no authenticate
before. What real programs make of the codes stands in test_leavers.py.
"""

import contextlib
import os
import re
import time

import pytest
from driver.people import console, key_holder, sign_in
from mock_cognito.defaults import POOL
from rig import network, pam

from system import signed
from system.house import AWS_FILE, HELPER, SETTINGS, USER_MAP, gone, helpers, no_groups_file, write_file

OUTCOME = re.compile(r"pam_cognito_otp\(otp-test:account\): event=(\w+) reason=(\w+) user=(\S+) .*phase=account")
FLOW = HELPER.replace("helper", "flow") + ".so"
NO_PINS = f"# pins of {POOL}\n# end\n"
OTHER_SUB = "00000000-0000-4000-8000-000000000000"
ALICE_SUB = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
REFUSED = "This account may not log in here now; the system log says why."
NOT_REACHED = "Sign-in service not reachable; it could not be checked whether this account may log in."
BROKEN = "It could not be checked whether this account may log in; the system log says why."
rows = []
pytestmark = pytest.mark.usefixtures("table")


def enter(user="alice", **more):
    """Call acct_mgmt as after a key; return (code, the words that were shown)."""
    with key_holder(user, ("acct_mgmt",), **more) as call:
        return call.finish(timeout=40)["acct_mgmt"], call.texts()


def outcomes(house):
    """(event, reason, user) of each line of the account phase."""
    return [OUTCOME.search(line).groups() for line in house.log.lines("phase=account")]


@contextlib.contextmanager
def mode(path, bits):
    """The file has these bits for a while."""
    before = os.stat(path).st_mode
    os.chmod(path, bits)
    try:
        yield
    finally:
        os.chmod(path, before)


@contextlib.contextmanager
def more_settings(text):
    """Lines more in the settings."""
    with open(SETTINGS, "a", encoding="utf-8") as file:
        file.write(text)
    yield


@contextlib.contextmanager
def stopped(house):
    """Nobody listens where the service should be."""
    signed.check_users(house, endpoint="https://localhost:9")
    yield


@contextlib.contextmanager
def black_hole(house):
    """Nothing comes back from the service."""
    signed.check_users(house, deadline="4s", connect_timeout="2s")
    with network.cut(house.cognito.https_port):
        yield


@contextlib.contextmanager
def silent(house):
    """The service takes the question and does not answer."""
    signed.check_users(house, deadline="4s", connect_timeout="2s")
    house.cognito.fault("AdminGetUser", times=None, transport="silent")
    yield
    house.cognito.clear_faults()


@contextlib.contextmanager
def credentials(text, bits=0o600):
    """Other AWS credentials."""
    write_file(AWS_FILE, text, bits)
    yield


@contextlib.contextmanager
def cognito(house, **changes):
    """alice is changed in the pool."""
    house.cognito.user("alice@example.com", **changes)
    yield


@contextlib.contextmanager
def fault(house, **spec):
    """The service answers with this."""
    house.cognito.fault("AdminGetUser", times=None, **spec)
    yield
    house.cognito.clear_faults()


@contextlib.contextmanager
def mapped(house, *lines):
    """Another map."""
    house.user_map(*lines)
    yield


@contextlib.contextmanager
def settings(house, **changes):
    """Other settings."""
    signed.check_users(house, **changes)
    yield


def error(name):
    """An error of the service."""
    return {"error": {"type": name, "message": "no"}}


# --- nobody asks ----------------------------------------------------------------------------------------------------

QUIET = {
    "no settings at all": lambda house: gone(SETTINGS),
    "settings unsafe": lambda house: mode(SETTINGS, 0o666),
    "settings broken": lambda house: more_settings("no_such_setting = yes\n"),
    "check_user = no": lambda house: more_settings("check_user = no\n"),
    "check_user in a comment": lambda house: more_settings("# check_user = yes\n"),
    "pin_sub": lambda house: more_settings("pin_sub = yes\n"),
    "helper gone": lambda house: gone(HELPER),
    "map broken": lambda house: mapped(house, "alice"),
    "user disabled": lambda house: cognito(house, enabled=False),
    "black hole": lambda house: network.cut(house.cognito.https_port),
}


@pytest.mark.parametrize("case", QUIET)
@pytest.mark.parametrize("user", ["alice", "dave"])
def test_where_nothing_asks(house, case, user):
    """Success: no helper, no line, no connection."""
    with QUIET[case](house):
        assert enter(user) == ("PAM_SUCCESS", [])
    assert house.log.lines("pam_cognito_otp|cognito-otp-helper") == [] and house.untouched() and helpers() == []
    assert not os.path.exists("/run/pam_cognito_otp")
    rows.append((f"nothing asks; {user}: {case}", "PAM_SUCCESS, no line, nothing started"))


def test_the_line_overrides_the_file(house):
    """An argument switches it off for one line, and on for another."""
    house.cognito.user("alice@example.com", enabled=False)
    signed.check_users(house)
    pam.lines("otp-test", **pam.module("check_user=no"))
    assert enter()[0] == "PAM_SUCCESS" and house.untouched()
    house.settings(aws_credentials_file=AWS_FILE)
    pam.lines("otp-test", **pam.module("check_user=yes"))
    assert enter()[0] == "PAM_PERM_DENIED"
    write_file("/etc/security/other.conf", "check_user = yes\n")
    pam.lines("otp-test", **pam.module("config=/etc/security/other.conf"))
    assert enter()[0] == "PAM_SERVICE_ERR"
    os.unlink("/etc/security/other.conf")
    assert [reason for _, reason, _ in outcomes(house)] == ["account_disabled", "config_missing"]


# --- the file asks --------------------------------------------------------------------------------------------------

@contextlib.contextmanager
def unknown_groups(house):
    """The settings ask for a group, and there is no source of groups."""
    signed.check_users(house, groups="staff")
    with no_groups_file():
        yield


PASSES = {
    "good": ("alice", None, 1),
    "root": ("root", None, 0),
    "a system user": ("daemon", None, 0),
    "unmapped": ("dave", None, 0),
    "unmapped and not among users": ("dave", lambda house: settings(house, users="bob"), 0),
    "unmapped = ignore": ("dave", lambda house: settings(house, unmapped="ignore"), 0),
    "below min_uid": ("alice", lambda house: settings(house, min_uid="60000"), 0),
    "a program that check_services leaves out": ("alice", lambda house: settings(house, check_services="sshd sudo"), 0),
    "sub= equal": ("alice", lambda house: mapped(house, f"alice email:alice@example.com sub={ALICE_SUB}"), 1),
    "root, map broken": ("root", lambda house: mapped(house, "alice"), 0),
    "a system user, map broken": ("daemon", lambda house: mapped(house, "alice"), 0),
    "a system user, no flow": ("daemon", lambda house: gone(FLOW), 0),
    "a system user, bad credentials": ("daemon", lambda house: credentials("x"), 0),
    "unmapped, bad credentials": ("dave", lambda house: credentials("x"), 0),
    "unmapped, no flow": ("dave", lambda house: gone(FLOW), 0),
    "unmapped, service stopped": ("dave", stopped, 0),
    "unmapped, groups that nobody can look up": ("dave", unknown_groups, 0),
}


@pytest.mark.parametrize("case", PASSES)
def test_passes(house, case):
    """No objection, no words; a line only when the service was asked."""
    user, prepare, questions = PASSES[case]
    signed.check_users(house)
    with prepare(house) if prepare else contextlib.nullcontext():
        assert enter(user) == ("PAM_SUCCESS", [])
    assert outcomes(house) == [("accepted", "verified", user)] * questions
    assert signed.asked(house) == questions and house.cognito.outbox() == []
    rows.append((case, f"PAM_SUCCESS, AdminGetUser {questions}"))


IGNORED = {
    "settings broken": (lambda house: more_settings("no_such_setting = yes\n"), "config_unknown_key"),
    "settings unsafe": (lambda house: mode(SETTINGS, 0o666), "config_unsafe"),
    "check_user mistyped": (lambda house: settings(house, check_user="Yes"), "config_value"),
    "helper gone": (lambda house: gone(HELPER), "helper_missing"),
    "helper unsafe": (lambda house: mode(HELPER, 0o777), "helper_unsafe"),
    "helper not executable": (lambda house: mode(HELPER, 0o644), "helper_missing"),
}


@pytest.mark.parametrize("case", IGNORED)
def test_where_nobody_can_be_judged(house, case):
    """The machine's own users go on, with a line; root without; everybody else is refused."""
    prepare, reason = IGNORED[case]
    signed.check_users(house)
    with prepare(house):
        assert enter("root") == ("PAM_SUCCESS", [])
        assert enter("daemon") == ("PAM_SUCCESS", [])
        for user in ("alice", "dave"):
            assert enter(user)[0] == "PAM_SERVICE_ERR"
    assert outcomes(house) == [("ignored", reason, "daemon"), ("denied", reason, "alice"), ("denied", reason, "dave")]
    assert len(house.log.lines(r"^authpriv\.err .*phase=account")) == 3
    assert house.untouched()
    rows.append((f"nobody can be judged: {case}", f"daemon PAM_SUCCESS, alice and dave PAM_SERVICE_ERR, {reason}"))


DENIED = {
    "disabled": (lambda house: cognito(house, enabled=False), "PAM_PERM_DENIED", "account_disabled", REFUSED),
    "deleted": (lambda house: cognito(house, delete=True), "PAM_PERM_DENIED", "account_not_found", REFUSED),
    "not confirmed": (lambda house: cognito(house, status="UNCONFIRMED"), "PAM_PERM_DENIED", "account_not_confirmed",
                      REFUSED),
    "temporary password": (lambda house: cognito(house, status="FORCE_CHANGE_PASSWORD"), "PAM_PERM_DENIED",
                           "account_force_change", REFUSED),
    "another sub": (lambda house: mapped(house, f"alice email:alice@example.com sub={OTHER_SUB}"), "PAM_PERM_DENIED",
                    "identity_sub", REFUSED),
    "address not verified": (lambda house: cognito(house, email_verified=False), "PAM_PERM_DENIED",
                             "identity_unverified", REFUSED),
    "not among users": (lambda house: settings(house, users="bob"), "PAM_PERM_DENIED", "user_filtered", REFUSED),
    "throttled": (lambda house: fault(house, **error("TooManyRequestsException")), "PAM_AUTHINFO_UNAVAIL",
                  "service_throttled", NOT_REACHED),
    "stopped": (stopped, "PAM_AUTHINFO_UNAVAIL", "net_connect", NOT_REACHED),
    "black hole": (black_hole, "PAM_AUTHINFO_UNAVAIL", "net_timeout", NOT_REACHED),
    "silent": (silent, "PAM_AUTHINFO_UNAVAIL", "net_timeout", NOT_REACHED),
    "server error": (lambda house: fault(house, status=500, body="x"), "PAM_AUTHINFO_UNAVAIL", "http_status",
                     NOT_REACHED),
    "IAM denies": (lambda house: fault(house, **error("AccessDeniedException")), "PAM_SERVICE_ERR", "aws_denied",
                   BROKEN),
    "credentials broken": (lambda house: credentials("[default]\naws_access_key_id\n"), "PAM_SERVICE_ERR",
                           "aws_credentials", BROKEN),
    "credentials of mode 0644": (lambda house: credentials(signed.credentials_of(), 0o644), "PAM_SERVICE_ERR",
                                 "config_unsafe", BROKEN),
    "credentials gone": (lambda house: gone(AWS_FILE), "PAM_SERVICE_ERR", "config_open", BROKEN),
    "map broken": (lambda house: mapped(house, "alice"), "PAM_SERVICE_ERR", "map_syntax", BROKEN),
    "map unsafe": (lambda house: mode(USER_MAP, 0o666), "PAM_SERVICE_ERR", "config_unsafe", BROKEN),
    "flow gone": (lambda house: gone(FLOW), "PAM_SERVICE_ERR", "helper_unsafe", BROKEN),
    "settings broken": (lambda house: more_settings("no_such_setting = yes\n"), "PAM_SERVICE_ERR",
                        "config_unknown_key", BROKEN),
}


@pytest.mark.parametrize("case", DENIED)
def test_objects(house, case):
    """The code, the reason and the words of each objection; nothing is mailed, nothing is created."""
    prepare, code, reason, words = DENIED[case]
    signed.check_users(house)
    begun = time.monotonic()
    with prepare(house):
        assert enter() == (code, [words])
    seconds = time.monotonic() - begun
    assert seconds < 15
    assert outcomes(house) == [("denied", reason, "alice")]
    assert house.cognito.outbox() == [] and house.cognito.requests("AdminCreateUser") == []
    rows.append((case, f"{code} {reason}, {seconds:.1f} s"))


def test_create_user_asks_too_and_creates_nobody(house):
    """It implies check_user; who is not there stays away."""
    signed.check_users(house, check_user=None, create_user="yes")
    os.makedirs("/var/lib/pam_cognito_otp", mode=0o700)
    assert enter()[0] == "PAM_SERVICE_ERR"  # no file of pins
    assert [reason for _, reason, _ in outcomes(house)] == ["pins_missing"]
    write_file(f"/var/lib/pam_cognito_otp/pins-{POOL}", NO_PINS, 0o600)
    house.cognito.user("alice@example.com", delete=True)
    assert enter()[0] == "PAM_PERM_DENIED"
    assert house.cognito.requests("AdminCreateUser") == []
    assert outcomes(house)[-1][1] in ("account_not_found", "account_gone")


# --- what is remembered ---------------------------------------------------------------------------------------------


def test_a_yes_is_remembered_and_a_no_is_not(house):
    """One question for many calls; enabled again is in at once; disabled is noticed when the yes is forgotten."""
    signed.check_users(house, debug="yes")
    assert [enter()[0] for _ in range(4)] == ["PAM_SUCCESS"] * 4
    assert signed.asked(house) == 1
    assert len(house.log.lines(r"pam_cognito_otp\(otp-test:account\): event=")) == 1  # cron would fill the log
    assert len(house.log.lines(r"^authpriv\.debug cognito-otp-helper.*event=accepted.*phase=account")) == 3
    signed.forget_standings()
    house.cognito.user("alice@example.com", enabled=False)
    assert [enter()[0] for _ in range(3)] == ["PAM_PERM_DENIED"] * 3
    assert signed.asked(house) == 4
    house.cognito.user("alice@example.com", enabled=True)
    assert enter()[0] == "PAM_SUCCESS"


def test_one_persons_yes_is_nobody_elses(house):
    """bob's good standing says nothing of alice."""
    signed.check_users(house)
    house.cognito.user("alice@example.com", enabled=False)
    assert enter("bob")[0] == "PAM_SUCCESS"
    assert enter("alice")[0] == "PAM_PERM_DENIED"


def test_the_login_before_has_asked(house):
    """A code and the account line behind it: one question."""
    signed.check_users(house)
    assert sign_in(house, calls=("authenticate", "acct_mgmt")) == {
        "authenticate": "PAM_SUCCESS", "acct_mgmt": "PAM_SUCCESS"}
    assert signed.asked(house) == 1


def test_nothing_is_shown_where_silence_is_asked_for(house):
    """PAM_SILENT: the code says it, and the log."""
    signed.check_users(house)
    house.cognito.user("alice@example.com", enabled=False)
    assert enter(flags=0x8000) == ("PAM_PERM_DENIED", [])


def test_a_program_without_a_conversation(house):
    """It is refused or let in as every other."""
    signed.check_users(house)
    assert enter(conversation=False)[0] == "PAM_SUCCESS"
    signed.forget_standings()
    house.cognito.user("alice@example.com", enabled=False)
    assert enter(conversation=False)[0] == "PAM_PERM_DENIED"


# --- several people with one account --------------------------------------------------------------------------------

SHARED = "Several people use this account; log in with a code, so that it is known who you are."


def share(house):
    """alice's account is bob's as well."""
    signed.check_users(house)
    house.user_map("alice email:alice@example.com", "alice email:bob@example.com")


def come_in(house, call, name):
    """Say who it is, and type his code."""
    assert "Several people use alice" in call.prompt()
    call.answer(name)
    assert call.prompt().endswith("Code (r = new one): ")
    call.answer(house.cognito.last_code(name))


def test_a_key_alone_on_a_shared_account(house):
    """It does not say who it is, and nobody is asked about; without check_user it gets in."""
    share(house)
    assert enter() == ("PAM_PERM_DENIED", [SHARED])
    assert outcomes(house) == [("denied", "user_shared", "alice")] and signed.asked(house) == 0
    house.settings()
    assert enter() == ("PAM_SUCCESS", [])


@pytest.mark.parametrize("gone_one, code", [("bob", "PAM_SUCCESS"), ("alice", "PAM_PERM_DENIED")])
def test_who_has_come_in_is_looked_for(house, gone_one, code):
    """alice comes in with a code; then she, or bob, is deleted before the account phase."""
    share(house)
    with console("alice", ("authenticate", "tty=tty1", "acct_mgmt")) as call:
        assert "Several people use alice" in call.prompt()
        call.answer("alice@example.com")
        assert call.prompt().endswith("Code (r = new one): ")
        signed.forget_standings()
        missing = error("UserNotFoundException")
        house.cognito.fault("AdminGetUser", times=None, user=f"{gone_one}@example.com", **missing)
        call.answer(house.cognito.last_code("alice@example.com"))
        codes = call.finish()
    house.cognito.clear_faults()
    assert (codes["authenticate"], codes["acct_mgmt"]) == ("PAM_SUCCESS", code)
    assert house.log.lines("phase=account")[0].count("cognito=alice@example.com") == 1


def test_who_has_come_in_is_gone_from_the_map(house):
    """alice comes in with a code; then the map has bob only: it is not bob who is looked for."""
    share(house)
    with console("alice", ("authenticate", "tty=tty1", "acct_mgmt")) as call:
        call.prompt()
        call.answer("alice@example.com")
        assert call.prompt().endswith("Code (r = new one): ")
        house.user_map("alice email:bob@example.com")
        call.answer(house.cognito.last_code("alice@example.com"))
        codes = call.finish()
    assert (codes["authenticate"], codes["acct_mgmt"]) == ("PAM_SUCCESS", "PAM_PERM_DENIED")
    assert outcomes(house) == [("denied", "person_unknown", "alice")]


def test_one_who_failed_is_forgotten(house):
    """A handle that went on after a failure does not know any more who had come in before."""
    share(house)
    with console("alice", ("authenticate", "authenticate", "acct_mgmt")) as call:
        come_in(house, call, "alice@example.com")
        assert "Several people use alice" in call.prompt()
        assert call.finish() == {"authenticate": "PAM_CONV_ERR", "acct_mgmt": "PAM_PERM_DENIED"}
    assert [reason for _, reason, _ in outcomes(house)] == ["user_shared"]
