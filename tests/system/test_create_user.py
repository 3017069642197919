"""create_user: who is created in the pool at his first login, and who never is.

Duty: the one way in of somebody new, by real programs; that nobody comes back who was deleted; that nobody is created
for whom the map has no address of his own; races and errors of AdminCreateUser; and what a stranger can cause.
"""

import json
import os
import threading

import pytest
from driver.people import console, enter_code, key_holder, sign_in, stranger
from mock_cognito.defaults import POOL
from rig import ssh
from rig.sshd import Sshd

from system.signed import PINS, SUB, begin_pins, create_users, forget_standings, pins
from system.house import AWS_FILE, CODE_QUESTION, USER_MAP, write_file
from system.test_service_errors import assert_hidden, assert_over, stranger_wants_mail

DAVE = "dave@example.com"
DENIED, TRIES, SERVICE, UNAVAILABLE = "PAM_AUTH_ERR", "PAM_MAXTRIES", "PAM_SERVICE_ERR", "PAM_AUTHINFO_UNAVAIL"
CREATED = {"jwks": 1, "AdminGetUser": 1, "AdminCreateUser": 1}
LOGGED_IN = {**CREATED, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
NOT_CREATED = {"jwks": 1, "AdminGetUser": 1, "mails": 0}


@pytest.fixture
def creating(house):
    """The house with create_user; dave is mapped, and the pool has no such user."""
    create_users(house)
    house.user_map(f"dave email:{DAVE}", "alice email:alice@example.com")
    return house


def sub_of(house, name=DAVE):
    """The sub in the pool."""
    return house.cognito.user(name)["sub"]


def assert_nobody_was_made(house, **requests):
    """No AdminCreateUser, no mail, and no line about it."""
    assert house.counts() == requests
    assert house.log.lines("event=user_created") == []


def test_first_login_by_ssh(creating):
    """Real ssh: created by a call of the documented form, without a welcome; one mail, with the code; and in."""
    with Sshd("rig-sshd") as server, ssh.terminal(server, "dave", "id -un") as person:
        person.answer("or y to have one mailed: ", "y")
        person.answer(CODE_QUESTION, creating.cognito.last_code())
        person.expect("^dave\r\n")
        assert person.wait() == 0
    assert creating.counts() == LOGGED_IN
    [request] = creating.cognito.requests("AdminCreateUser")
    assert json.loads(request["body"]) == {
        "UserPoolId": POOL, "Username": DAVE, "MessageAction": "SUPPRESS",
        "UserAttributes": [{"Name": "email", "Value": DAVE}, {"Name": "email_verified", "Value": "true"}],
    }
    sub = sub_of(creating)
    assert pins() == [("dave", f"email:{DAVE}", sub, "created")]
    line = f"event=user_created user=dave cognito={DAVE} sub={sub} service=rig-sshd"
    assert len(creating.log.lines(line)) == 1


def test_first_login_at_the_console(creating):
    """The same by a caller who is asked for nothing before; what was created needs no second question."""
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert creating.counts() == LOGGED_IN
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert creating.counts() == {**LOGGED_IN, "InitiateAuth": 2, "RespondToAuthChallenge": 2, "mails": 2}


def test_order(creating):
    """Remembered before the code is mailed: whoever cannot be remembered gets none."""
    creating.cognito.fault("InitiateAuth", error={"type": "InternalErrorException", "message": "x"})
    with console("dave") as call:
        assert_over(creating, call, UNAVAILABLE, "http_status")
    assert [row[3] for row in pins()] == ["created"]


def test_deleted_is_not_created_again(creating):
    """Somebody deleted him in the pool: he stays out, until an administrator forgets his pin."""
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    first = sub_of(creating)
    creating.cognito.user(DAVE, delete=True)
    creating.cognito.clear_log()
    creating.cognito.clear_outbox()
    creating.log.clear()
    forget_standings()
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_gone")
    assert_nobody_was_made(creating, AdminGetUser=1, mails=0)
    assert creating.log.lines(f"detail=.*{first}")
    begin_pins()
    creating.log.clear()
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert sub_of(creating) != first


def test_deleted_for_a_stranger(creating):
    """A stranger hears nothing of it."""
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    creating.cognito.user(DAVE, delete=True)
    creating.log.clear()
    forget_standings()
    with stranger("dave") as call:
        stranger_wants_mail(call)
        assert_hidden(creating, call, "account_gone")


def test_who_was_found_is_not_created_later(creating):
    """Alice was there before; once seen, she is one who was there."""
    assert sign_in(creating) == {"authenticate": "PAM_SUCCESS"}
    assert pins() == [("alice", "email:alice@example.com", SUB["alice"], "found")]
    creating.cognito.user("alice@example.com", delete=True)
    forget_standings()
    creating.log.clear()
    with console() as call:
        assert_over(creating, call, DENIED, "account_gone")
    assert "AdminCreateUser" not in creating.counts()


def test_a_sub_in_the_map(creating):
    """A sub in the map says that there was somebody."""
    creating.user_map(f"dave email:{DAVE} sub={SUB['alice']}")
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_gone")
    assert_nobody_was_made(creating, **NOT_CREATED)


def test_made_anew_by_hand(creating):
    """Somebody else with the same address is not him."""
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    creating.cognito.user(DAVE, delete=True)
    creating.cognito.user(DAVE, sub="99999999-9999-4999-8999-999999999999")
    forget_standings()
    creating.log.clear()
    with console("dave") as call:
        assert_over(creating, call, DENIED, "identity_sub")


def test_template_only(creating):
    """A template maps everybody who has an account: nobody is made by it."""
    create_users(creating, user_template="email:%u@example.com")
    write_file(USER_MAP, "alice email:alice@example.com\n")
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_not_found")
    assert_nobody_was_made(creating, **NOT_CREATED)


def test_other_kinds(creating):
    """Whose line has a user name or a telephone number is not created."""
    for line in ("dave username:dave", "dave phone:+491511234567"):
        creating.cognito.clear_log()
        creating.log.clear()
        creating.forget_state()
        begin_pins()
        creating.user_map(line)
        with console("dave") as call:
            assert_over(creating, call, DENIED, "account_not_found")
        assert_nobody_was_made(creating, **NOT_CREATED)


NOBODY = {
    "unmapped": ("carol", {}, "user_unmapped"),
    "no account": ("nosuch", {}, "user_unknown"),
    "root": ("root", {}, "user_root"),
    "filtered": ("dave", {"users": "alice"}, "user_filtered"),
}


@pytest.mark.parametrize("caller", [console, stranger])
@pytest.mark.parametrize("case", NOBODY)
def test_no_request_leaves(creating, case, caller):
    """Who may not come in is not even asked about."""
    name, settings, reason = NOBODY[case]
    create_users(creating, **settings)
    creating.user_map(f"dave email:{DAVE}", f"root email:{DAVE}", "nosuch email:nosuch@example.com")
    with caller(name) as call:
        if caller is stranger:
            stranger_wants_mail(call)
            assert_hidden(creating, call, reason)
        else:
            call.finish()
            assert creating.outcome()["reason"] == reason
    assert creating.untouched()
    assert pins() == []


def test_root_with_a_line_of_his_own(creating):
    """allow_root and a line let root in, and do not make him."""
    create_users(creating, allow_root="yes")
    creating.user_map(f"root email:{DAVE}")
    with console("root") as call:
        assert_over(creating, call, DENIED, "account_not_found")
    assert_nobody_was_made(creating, **NOT_CREATED)


def test_without_create_user(creating):
    """check_user alone makes nobody."""
    create_users(creating, create_user=None, check_user="yes")
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_not_found")
    assert_nobody_was_made(creating, **NOT_CREATED)


# error of AdminCreateUser, the code and the reason: test-server.md C 31
ERRORS = {
    "AliasExistsException": (DENIED, "account_exists"),
    "UnsupportedUserStateException": (SERVICE, "api_unknown"),
    "CodeDeliveryFailureException": (SERVICE, "pool_setup"),
    "InvalidPasswordException": (SERVICE, "api_unknown"),
    "InvalidParameterException": (SERVICE, "parameter_refused"),
    "AccessDeniedException": (SERVICE, "aws_denied"),
    "TooManyRequestsException": (TRIES, "service_throttled"),
    "UserLambdaValidationException": (DENIED, "lambda_denied"),
    "InternalErrorException": (UNAVAILABLE, "http_status"),
}


@pytest.mark.parametrize("kind", ERRORS)
def test_errors(creating, kind):
    """Each error with its own reason; nothing is remembered or mailed, and the call is made once."""
    creating.cognito.fault("AdminCreateUser", error={"type": kind, "message": "x"})
    with console("dave") as call:
        assert_over(creating, call, *ERRORS[kind])
    looked = 2 if kind == "AliasExistsException" else 1
    assert creating.counts() == {**CREATED, "AdminGetUser": looked, "mails": 0}
    assert pins() == []


def test_somebody_was_first(creating):
    """Created between our question and our call: he is looked at once more, and gets in."""
    creating.cognito.user(DAVE, sub=SUB["bob"].replace("b0b0b0b0", "dadadada"))
    creating.cognito.fault("AdminGetUser", error={"type": "UserNotFoundException", "message": "User does not exist."})
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert creating.counts() == {**LOGGED_IN, "AdminGetUser": 2}
    assert pins() == [("dave", f"email:{DAVE}", sub_of(creating), "found")]


def test_the_answer_is_lost(creating):
    """Created, and nobody was told: the call is not made again; the next login finds him."""
    creating.cognito.fault("AdminCreateUser", transport="close_before")
    with console("dave") as call:
        assert_over(creating, call, UNAVAILABLE, "net_reset")
    assert creating.counts() == {**CREATED, "mails": 0}
    assert pins() == []
    creating.log.clear()
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert creating.counts()["AdminCreateUser"] == 1
    assert pins() == [("dave", f"email:{DAVE}", sub_of(creating), "found")]


def test_a_pool_with_passwords_only(creating):
    """Where the pool gives new users a temporary password they have no code yet: told so, with what to do."""
    creating.cognito.pool(allowed_first_auth_factors=["PASSWORD"])
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_force_change")
    assert creating.counts() == {**CREATED, "mails": 0}
    creating.cognito.pool(allowed_first_auth_factors=["PASSWORD", "EMAIL_OTP"])
    creating.cognito.user(DAVE, status="CONFIRMED", has_password=False)
    creating.log.clear()
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert creating.counts()["AdminCreateUser"] == 1


def test_an_answer_of_somebody_else(creating):
    """The answer of the creation is judged as any other."""
    creating.cognito.fault("AdminCreateUser", patch={"User.Enabled": False})
    with console("dave") as call:
        assert_over(creating, call, DENIED, "account_disabled")
    assert len(pins()) == 1
    assert creating.counts()["mails"] == 0


def test_no_file_of_pins(creating):
    """Without the file nobody is created: who was there before cannot be known."""
    creating.forget_state()
    with console("dave") as call:
        assert_over(creating, call, SERVICE, "pins_missing")
    assert "AdminCreateUser" not in creating.counts()


def test_two_at_once(creating):
    """With two keys at once: one user, one pin, and a code for both."""
    results = []
    creating.cognito.fault("AdminGetUser", times=2, delay=1)

    def enter(key):
        with key_holder("dave", environment={"SSH_AUTH_INFO_0": f"publickey ssh-ed25519 {key}"}) as call:
            prompt = call.prompt()
            results.append(prompt is not None and prompt.endswith("Code (r = new one): "))

    threads = [threading.Thread(target=enter, args=(key,)) for key in ("AAAA1", "AAAA2")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert results == [True, True]
    assert [row[:2] for row in pins()] == [("dave", f"email:{DAVE}")]
    assert creating.counts()["mails"] == 2
    assert len(creating.log.lines("event=user_created")) == 1


def test_what_a_stranger_causes(house):
    """His y may create a mapped user: it costs a mail of the budget, and with none left nobody is created."""
    create_users(house, mail_budget_unproved="1/d", mail_budget_host="2/d")
    house.user_map(f"dave email:{DAVE}", "alice email:alice@example.com", "bob email:new@example.com")
    with stranger("dave") as call:
        stranger_wants_mail(call)
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    assert house.log.lines(f"event=user_created user=dave cognito={DAVE} ")
    house.log.clear()
    with stranger("bob", rhost="203.0.113.10") as call:
        stranger_wants_mail(call)
        assert_hidden(house, call, "mail_budget")
    assert len(house.cognito.requests("AdminCreateUser")) == 1
    assert house.log.lines("event=user_created") == []


def test_files(creating):
    """The file of pins is root's alone, and the credentials are in no line of the log."""
    assert sign_in(creating, "dave") == {"authenticate": "PAM_SUCCESS"}
    assert (os.stat(PINS).st_mode & 0o7777, os.stat(PINS).st_uid) == (0o600, 0)
    with open(AWS_FILE, encoding="ascii") as file:
        secret = file.read().split()[-1]
    assert creating.log.lines(secret.replace("+", r"\+")) == []
