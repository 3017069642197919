"""What the service may answer instead of a challenge or tokens: each error, envelope, status and malformed body.

Duty: for each the code of authenticate and the reason in the log; that a stranger learns nothing of the account from
it; that nothing is asked twice; and that no text of the service's reaches prompt or log as it came.
"""

import base64

import pytest
from driver.people import console, enter_code, key_holder, sign_in, stranger

INITIATED = {"jwks": 1, "InitiateAuth": 1}
CODE = "Code (r = new one): "
HIDDEN_CODE = "If this account may sign in, a code was mailed. " + CODE
LAST_WORDS = "Too many wrong codes. Log in again."
LEFT = [f"Wrong code, 2 tries left. {CODE}", f"Wrong code, 1 try left. {CODE}"]

DENIED, TRIES, SERVICE, UNAVAILABLE = "PAM_AUTH_ERR", "PAM_MAXTRIES", "PAM_SERVICE_ERR", "PAM_AUTHINFO_UNAVAIL"

# (type, message, code, reason): cognito-wire.md 1.7 and 3.5
REFUSALS = [
    ("NotAuthorizedException", "Incorrect username or password.", DENIED, "refused"),
    ("NotAuthorizedException", "Unable to login because of security reasons.", DENIED, "refused"),
    ("NotAuthorizedException", None, DENIED, "refused"),
    ("NotAuthorizedException", "User is disabled.", DENIED, "account_disabled"),
    ("NotAuthorizedException", "Password attempts exceeded", TRIES, "service_locked"),
    ("UserNotFoundException", "User does not exist.", DENIED, "account_not_found"),
    ("UserNotConfirmedException", "User is not confirmed.", DENIED, "account_not_confirmed"),
    ("PasswordResetRequiredException", "Password reset required for the user", DENIED, "account_reset_required"),
    ("UserLambdaValidationException", "PreAuthentication failed with error no.", DENIED, "lambda_denied"),
    ("TooManyRequestsException", "Rate exceeded", TRIES, "service_throttled"),
    ("LimitExceededException", "Attempt limit exceeded, please try after some time.", TRIES, "service_throttled"),
    ("ThrottlingException", "Rate exceeded", TRIES, "service_throttled"),
    ("RequestLimitExceeded", "Rate exceeded", TRIES, "service_throttled"),
    ("TooManyFailedAttemptsException", "Too many failed attempts", TRIES, "service_locked"),
    ("AliasExistsException", "Alias exists", DENIED, "refused"),
    ("MFAMethodNotFoundException", "No MFA method", DENIED, "refused"),
    ("SoftwareTokenMFANotFoundException", "No software token", DENIED, "refused"),
    ("UnauthorizedException", "Unauthorized", DENIED, "refused"),
]
TROUBLES = [
    ("NotAuthorizedException", "Unable to verify secret hash for client 1h57", SERVICE, "secret_hash"),
    ("NotAuthorizedException", "Client 1h57 is configured with secret but SECRET_HASH was not received", SERVICE,
     "secret_hash"),
    ("NotAuthorizedException", "SecretHash does not match for the client", SERVICE, "secret_hash"),
    ("ResourceNotFoundException", "User pool client does not exist.", SERVICE, "client_unknown"),
    ("InvalidParameterException", "USER_AUTH flow not enabled for this client", SERVICE, "parameter_refused"),
    ("SerializationException", "Start of structure expected", SERVICE, "parameter_refused"),
    ("UnknownOperationException", None, SERVICE, "parameter_refused"),
    ("InvalidUserPoolConfigurationException", "x", SERVICE, "pool_setup"),
    ("InvalidEmailRoleAccessPolicyException", "x", SERVICE, "pool_setup"),
    ("InvalidSmsRoleAccessPolicyException", "x", SERVICE, "pool_setup"),
    ("InvalidSmsRoleTrustRelationshipException", "x", SERVICE, "pool_setup"),
    ("CodeDeliveryFailureException", "x", SERVICE, "pool_setup"),
    ("FeatureUnavailableInTierException", "x", SERVICE, "pool_setup"),
    ("UnsupportedOperationException", "x", SERVICE, "pool_setup"),
    ("OperationNotEnabledException", "x", SERVICE, "pool_setup"),
    ("UnexpectedLambdaException", "x", SERVICE, "lambda_broken"),
    ("InvalidLambdaResponseException", "x", SERVICE, "lambda_broken"),
    ("ForbiddenException", "Request not allowed due to WAF block.", SERVICE, "service_forbidden"),
    ("AccessDeniedException", "x", SERVICE, "service_forbidden"),
    ("InternalErrorException", "Internal server error", UNAVAILABLE, "http_status"),
    ("InternalServerException", "Internal server error", UNAVAILABLE, "http_status"),
    ("ServiceUnavailable", "x", UNAVAILABLE, "http_status"),
    ("InvalidPasswordException", "x", SERVICE, "api_unknown"),
    ("PasswordHistoryPolicyViolationException", "x", SERVICE, "api_unknown"),
    ("InvalidSignatureException", "x", SERVICE, "api_unknown"),
    ("SomethingNewException", "Hello", SERVICE, "api_unknown"),
    ("usernotfoundexception", "x", SERVICE, "api_unknown"),
    ("UserNotFound", "x", SERVICE, "api_unknown"),
]


def name_of(row):
    """A test's name from its row."""
    return "-".join(str(part) for part in row[:2] if part)[:60].replace(" ", "_")


def assert_over(house, call, code, reason):
    """No more questions; code and reason."""
    assert call.prompt() is None, call.messages
    assert call.result() == code
    assert house.outcome()["reason"] == reason, house.log.lines("event=")
    assert house.cognito.faults() == []


def stranger_wants_mail(call):
    """The question that every stranger gets, answered with y."""
    assert call.prompt() == "Sign-in code, or y to have one mailed: "
    call.answer("y")


def assert_hidden(house, call, reason):
    """A stranger goes through the dialogue of a wrong code to its end; nothing is sent for him."""
    assert call.prompt() == HIDDEN_CODE
    before = house.counts()
    for text in LEFT:
        call.answer("12345678")
        assert call.prompt() == text
    call.answer("12345678")
    assert_over(house, call, TRIES, reason)
    assert call.texts("error", "info") == [LAST_WORDS]
    assert house.counts() == before


@pytest.mark.parametrize("row", REFUSALS + TROUBLES, ids=name_of)
def test_initiate_auth(house, row):
    """An error of InitiateAuth, met by somebody who is proved: he is told at once, and nothing more is sent."""
    kind, message, code, reason = row
    house.cognito.fault("InitiateAuth", error={"type": kind, "message": message})
    with console() as call:
        assert_over(house, call, code, reason)
        assert call.texts() == call.texts("error")
        assert all(message not in text for text in call.texts() if message and len(message) > 5)
    assert house.counts() == {**INITIATED, "mails": 0}


@pytest.mark.parametrize("row", REFUSALS, ids=name_of)
def test_initiate_auth_for_a_stranger(house, row):
    """What the service thinks of an account is not told to a stranger: for him it is a wrong code."""
    kind, message, _, reason = row
    house.cognito.fault("InitiateAuth", error={"type": kind, "message": message})
    with stranger() as call:
        stranger_wants_mail(call)
        assert_hidden(house, call, reason)
    assert house.counts() == {**INITIATED, "mails": 0}


@pytest.mark.parametrize("row", TROUBLES, ids=name_of)
def test_trouble_for_a_stranger(house, row):
    """What is wrong with the set-up is the same for everybody, and no dialogue would be honest."""
    kind, message, code, reason = row
    house.cognito.fault("InitiateAuth", error={"type": kind, "message": message})
    with stranger() as call:
        stranger_wants_mail(call)
        assert_over(house, call, code, reason)


@pytest.mark.parametrize("row", REFUSALS + TROUBLES, ids=name_of)
def test_respond(house, row):
    """The same errors as the answer to the code end the call; the code is not sent again."""
    kind, message, code, reason = row
    house.cognito.fault("RespondToAuthChallenge", error={"type": kind, "message": message})
    with console() as call:
        enter_code(house, call)
        assert_over(house, call, code, reason)
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 1, "mails": 1}


@pytest.mark.parametrize("row", REFUSALS, ids=name_of)
def test_respond_for_a_stranger(house, row):
    """Also an account that is refused or locked only when the code comes looks to a stranger like any other."""
    kind, message, _, reason = row
    house.cognito.fault("RespondToAuthChallenge", error={"type": kind, "message": message})
    with stranger() as call:
        stranger_wants_mail(call)
        assert call.prompt() == HIDDEN_CODE
        call.answer("12345678")
        assert call.prompt() == LEFT[0]
        call.answer("12345678")
        assert call.prompt() == LEFT[1]
        call.answer("12345678")
        assert_over(house, call, TRIES, reason)
        assert call.texts("error", "info") == [LAST_WORDS]
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 1, "mails": 1}


# --- what leaves the dialogue open -----------------------------------------------------------------------------------

DEAD = [
    ("ExpiredCodeException", "Invalid code provided, please request a code again.", "expired"),
    ("NotAuthorizedException", "Invalid session for the user, session is expired.", "expired"),
    ("NotAuthorizedException", "Invalid session for the user, session can only be used once.", "used"),
    ("NotAuthorizedException", "Invalid session for the user.", "void"),
]
WORDS = {
    "expired": "That code has expired; r mails a new one. ",
    "used": "That code was already used; r mails a new one. ",
    "void": "That code is no longer valid; r mails a new one. ",
}


@pytest.mark.parametrize("row", DEAD, ids=name_of)
@pytest.mark.parametrize("caller", [console, stranger])
def test_dead_session(house, row, caller):
    """A dead session costs no try, is not asked again, and only a new code would help."""
    kind, message, words = row
    house.cognito.fault("RespondToAuthChallenge", error={"type": kind, "message": message})
    with caller() as call:
        enter_code(house, call, first=caller is stranger)
        assert call.prompt() == WORDS[words] + CODE
        for _ in range(2):
            call.answer("12345678")
            prompt = call.prompt()
        assert prompt is None
        assert call.result() == DENIED
    assert house.outcome()["reason"] == "session_expired"
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 1, "mails": 1}


def test_wrong_code_every_time(house):
    """A service that calls every code wrong is asked max_tries times."""
    house.settings(max_tries="4")
    house.cognito.fault("RespondToAuthChallenge", times=4, error={"type": "CodeMismatchException", "message": "x"})
    with console() as call:
        for _ in range(4):
            enter_code(house, call)
        assert_over(house, call, TRIES, "tries_exhausted")
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 4, "mails": 1}


def test_wrong_code_before_any_code(house):
    """CodeMismatch for InitiateAuth is a refusal."""
    house.cognito.fault("InitiateAuth", error={"type": "CodeMismatchException", "message": "x"})
    with console() as call:
        assert_over(house, call, DENIED, "code_wrong")


# --- envelopes -------------------------------------------------------------------------------------------------------

ENVELOPES = {
    **dict.fromkeys([
        "bare", "namespace", "colon", "namespace_colon", "code", "header_only", "header_empty_object", "header_upper",
        "header_lower", "Message", "errorMessage", "no_message", "no_header", "disagree", "query_error", "empty",
        "null", "number", "huge", "lower_type",
    ], (DENIED, "account_not_found")),
    "trailing_space": (SERVICE, "api_unknown"),
    "ok_status": (SERVICE, "response_shape"),
}


@pytest.mark.parametrize("envelope", ENVELOPES)
def test_envelope(house, envelope):
    """The type is found wherever front ends put it; an error that calls itself 200 is no challenge."""
    code, reason = ENVELOPES[envelope]
    house.cognito.fault("InitiateAuth", error={
        "type": "UserNotFoundException", "message": "User does not exist.", "envelope": envelope})
    with console() as call:
        assert_over(house, call, code, reason)


@pytest.mark.parametrize("status", [400, 401, 403, 404, 429, 500, 503])
def test_the_type_counts_not_the_status(house, status):
    """The same error under every status the models name."""
    house.cognito.fault("InitiateAuth", error={"type": "UserNotFoundException", "message": "x", "status": status})
    with console() as call:
        assert_over(house, call, DENIED, "account_not_found")


# --- statuses without a type -----------------------------------------------------------------------------------------

PAGE = "<html><body>Something happened</body></html>"
STATUSES = {
    500: (UNAVAILABLE, "http_status"), 501: (UNAVAILABLE, "http_status"), 502: (UNAVAILABLE, "http_status"),
    503: (UNAVAILABLE, "http_status"), 504: (UNAVAILABLE, "http_status"), 403: (SERVICE, "service_forbidden"),
    405: (SERVICE, "service_forbidden"), 429: (TRIES, "service_throttled"), 404: (SERVICE, "api_unknown"),
    400: (SERVICE, "api_unknown"), 418: (SERVICE, "api_unknown"), 201: (SERVICE, "api_unknown"),
    299: (SERVICE, "api_unknown"), 301: (SERVICE, "http_redirect"), 302: (SERVICE, "http_redirect"),
    303: (SERVICE, "http_redirect"), 307: (SERVICE, "http_redirect"), 308: (SERVICE, "http_redirect"),
}


@pytest.mark.parametrize("operation", ["InitiateAuth", "RespondToAuthChallenge"])
@pytest.mark.parametrize("status", STATUSES)
def test_status(house, status, operation):
    """Pages of front ends, firewalls and proxies; a redirect is never followed."""
    code, reason = STATUSES[status]
    elsewhere = {"Location": house.cognito.jwks_url(), "Content-Type": "text/html"}
    house.cognito.fault(operation, status=status, body=PAGE, headers=elsewhere)
    with console() as call:
        if operation == "RespondToAuthChallenge":
            enter_code(house, call)
        assert_over(house, call, code, reason)
    counts = house.counts()
    assert (counts["jwks"], counts["InitiateAuth"]) == (1, 1)
    assert counts.get("RespondToAuthChallenge", 0) == int(operation == "RespondToAuthChallenge")


@pytest.mark.parametrize("status", [201, 202, 206, 400, 403, 500])
def test_good_body_under_another_status(house, status):
    """A challenge counts under 200 alone."""
    house.cognito.fault("InitiateAuth", status=status)
    with console() as call:
        assert call.prompt() is None
        assert call.result() != "PAM_SUCCESS"


@pytest.mark.parametrize("status, code, reason", [
    (404, UNAVAILABLE, "jwks_status"), (500, UNAVAILABLE, "jwks_status"), (302, SERVICE, "http_redirect"),
    (204, UNAVAILABLE, "jwks_status"),
])
def test_key_set_status(house, status, code, reason):
    """Without keys no mail: nobody's code is wasted."""
    house.cognito.fault("jwks", status=status, headers={"Location": house.cognito.jwks_url()})
    with console() as call:
        assert_over(house, call, code, reason)
    assert house.counts() == {"jwks": 1, "mails": 0}


@pytest.mark.parametrize("profile", ["unknown_ca", "self_signed", "wrong_name", "expired", "not_yet_valid", "tls10"])
def test_certificate(house, profile):
    """A server that is not provably the service gets no request, and so no code is mailed."""
    if profile not in house.cognito.profiles:
        pytest.skip(f"this OpenSSL cannot play {profile}")
    house.settings(endpoint=f"https://localhost:{house.cognito.profiles[profile]}")
    with console() as call:
        if profile == "tls10":
            assert_over(house, call, UNAVAILABLE, "net_tls")
        else:
            assert_over(house, call, DENIED, "tls_certificate")
    assert house.counts() == {"jwks": 1, "mails": 0}


# --- challenges ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [key_holder, stranger])
@pytest.mark.parametrize("name", [
    "PASSWORD", "PASSWORD_SRP", "SMS_MFA", "WEB_AUTHN", "NEW_PASSWORD_REQUIRED", "MFA_SETUP", "CUSTOM_CHALLENGE",
    "DEVICE_SRP_AUTH", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "SOMETHING_NEW", "email_otp", "EMAIL_OTP ",
])
def test_other_challenge(house, name, caller):
    """Any first challenge but ours is a refusal, and nothing is answered to it."""
    house.cognito.fault("InitiateAuth", challenge=name)
    with caller() as call:
        if caller is stranger:
            stranger_wants_mail(call)
            assert_hidden(house, call, "challenge_other")
        else:
            assert_over(house, call, DENIED, "challenge_other")
    assert house.counts() == {**INITIATED, "mails": 0}


def test_select_challenge(house):
    """Offered a choice, ours is chosen once."""
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE")
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 2, "mails": 1}
    choice = house.cognito.requests("RespondToAuthChallenge")[0]["body"]
    assert '"ANSWER":"EMAIL_OTP"' in choice


OFFERS = {
    "others": ["PASSWORD", "SMS_OTP"], "none": [], "other case": ["email_otp"], "numbers": [1, 2], "objects": [{}],
    "very many": ["PASSWORD"] * 100 + ["EMAIL_OTP"],
}


@pytest.mark.parametrize("caller", [console, stranger])
@pytest.mark.parametrize("offer", OFFERS)
def test_select_challenge_without_ours(house, offer, caller):
    """A choice without our factor is not answered."""
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE", available=OFFERS[offer])
    with caller() as call:
        if caller is stranger:
            stranger_wants_mail(call)
            assert_hidden(house, call, "challenge_not_offered")
        else:
            assert_over(house, call, DENIED, "challenge_not_offered")
    assert house.counts() == {**INITIATED, "mails": 0}


@pytest.mark.parametrize("value", [None, {"$null": True}, "EMAIL_OTP", {"0": "EMAIL_OTP"}], ids=str)
def test_select_challenge_without_a_list(house, value):
    """What is no list offers nothing."""
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE", patch={"AvailableChallenges": value})
    with console() as call:
        assert_over(house, call, DENIED, "challenge_not_offered")


@pytest.mark.parametrize("name, reason", [
    ("SELECT_CHALLENGE", "challenge_not_offered"), ("SMS_MFA", "challenge_other"), ("PASSWORD", "challenge_other"),
])
def test_chosen_and_not_given(house, name, reason):
    """After the choice the answer must be our challenge; it is not chosen a second time."""
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE")
    house.cognito.fault("RespondToAuthChallenge", challenge=name)
    with console() as call:
        assert_over(house, call, DENIED, reason)
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 1, "mails": 0}


def test_sms(house):
    """The same path under another name; a mailed code offered instead is refused."""
    house.cognito.pool(username_attributes=["email", "phone_number"])
    house.user_map("carol phone:+12065550199")
    house.settings(challenge="sms_otp")
    assert sign_in(house, "carol") == {"authenticate": "PAM_SUCCESS"}
    assert '"SMS_OTP_CODE"' in house.cognito.requests("RespondToAuthChallenge")[0]["body"]
    house.log.clear()
    house.cognito.fault("InitiateAuth", challenge="EMAIL_OTP")
    with console("carol") as call:
        assert_over(house, call, DENIED, "challenge_other")


# --- malformed bodies ------------------------------------------------------------------------------------------------


def raw(data):
    """A body of these bytes, after the work was done."""
    return {"body_base64": base64.b64encode(data).decode(), "process": True}


SHAPES = {
    "no members": ({"body": "{}"}, "response_shape"),
    "name missing": ({"patch": {"ChallengeName": None}}, "response_shape"),
    "name null": ({"patch": {"ChallengeName": {"$null": True}}}, "response_shape"),
    "name empty": ({"patch": {"ChallengeName": ""}}, "response_shape"),
    "name a number": ({"patch": {"ChallengeName": 7}}, "response_shape"),
    "name very long": ({"patch": {"ChallengeName": "EMAIL_OTP" * 100}}, "response_shape"),
    "name written with an escape": ({"patch_text": {"ChallengeName": '"\\u0045MAIL_OTP"'}}, None),
    "session missing": ({"patch": {"Session": None}}, "response_session"),
    "session null": ({"patch": {"Session": {"$null": True}}}, "response_session"),
    "session empty": ({"patch": {"Session": ""}}, "response_session"),
    "session of 19": ({"patch": {"Session": "S" * 19}}, "response_session"),
    "session too long": ({"patch": {"Session": "S" * 8193}}, "response_session"),
    "session a number": ({"patch": {"Session": 12345678901234567890}}, "response_session"),
    "session an array": ({"patch": {"Session": ["S" * 40]}}, "response_session"),
    "session with a line break": ({"patch": {"Session": "S" * 40 + "\n"}}, "response_session"),
    "session with a blank": ({"patch": {"Session": "S" * 20 + " " + "S" * 20}}, "response_session"),
    "session not ASCII": ({"patch": {"Session": "\u00e9" * 40}}, "response_session"),
    "session with a NUL": ({"patch": {"Session": "S" * 40 + "\0"}}, "json_nul"),
    "session twice": ({"patch_text": {"Session": f'"{"S" * 40}","Session":"{"T" * 40}"'}}, "json_duplicate"),
}
JSON = {
    "empty": ({"body": ""}, "json_syntax"),
    "HTML": ({"body": PAGE, "content_type": "text/html"}, "json_syntax"),
    "text": ({"body": "OK"}, "json_syntax"),
    "null": ({"body": "null"}, "json_syntax"),
    "an array": ({"body": "[]"}, "json_syntax"),
    "a string": ({"body": '"EMAIL_OTP"'}, "json_syntax"),
    "cut": ({"truncate": 40}, "json_syntax"),
    "a letter behind": ({"body_suffix": "x"}, "json_syntax"),
    "another object behind": ({"body_suffix": "{}"}, "json_syntax"),
    "a NUL behind": ({"body_suffix": "\0"}, "json_nul"),
    "a byte order mark": ({"body_prefix": "\ufeff"}, "json_syntax"),
    "a guard before": ({"body_prefix": ")]}',\n"}, "json_syntax"),
    "a comment": ({"body_prefix": "/* hello */"}, "json_syntax"),
    "single quotes": ({"body": "{'ChallengeName':'EMAIL_OTP'}"}, "json_syntax"),
    "a comma too many": ({"body": '{"ChallengeName":"EMAIL_OTP",}'}, "json_syntax"),
    "NaN": ({"patch_text": {"X": "NaN"}}, "json_syntax"),
    "a member twice": ({"patch_text": {"X": '1,"X":1'}}, "json_duplicate"),
    "a member twice, once escaped": ({"patch_text": {"X": '1,"\\u0058":1'}}, "json_duplicate"),
    "a member twice inside": ({"patch_text": {"X": '{"a":1,"a":2}'}}, "json_duplicate"),
    "17 deep": ({"patch_text": {"X": "[" * 17 + "]" * 17}}, "json_depth"),
    "100 000 deep": ({"patch_text": {"X": "[" * 100_000 + "]" * 100_000}}, "json_depth"),
    "an escaped NUL": ({"patch_text": {"X": '"a\\u0000b"'}}, "json_nul"),
    "half a pair": ({"patch_text": {"X": '"\\ud800"'}}, "json_syntax"),
    "not UTF-8": (raw(b'{"X":"\xff"}'), "json_utf8"),
    "overlong": (raw(b'{"X":"\xc0\xae"}'), "json_utf8"),
    "too large": ({"body_suffix": " " * 300_000}, "http_oversize"),
}


@pytest.mark.parametrize("name", {**SHAPES, **JSON})
def test_body_of_initiate_auth(house, name):
    """What is not exactly a challenge is none."""
    fault, reason = {**SHAPES, **JSON}[name]
    house.cognito.fault("InitiateAuth", **fault)
    with console() as call:
        if reason is None:
            enter_code(house, call)
            assert call.result() == "PAM_SUCCESS"
            return
        assert_over(house, call, SERVICE, reason)
    assert "RespondToAuthChallenge" not in house.counts()


@pytest.mark.parametrize("name", JSON)
def test_body_of_respond(house, name):
    """A right code and a body that is no JSON: no login, and the code is not sent again."""
    fault, reason = JSON[name]
    house.cognito.fault("RespondToAuthChallenge", **fault)
    with console() as call:
        enter_code(house, call)
        assert_over(house, call, SERVICE, reason)
    assert house.counts() == {**INITIATED, "RespondToAuthChallenge": 1, "mails": 1}


@pytest.mark.parametrize("name", [name for name in JSON if name not in ("text",)])
def test_body_of_the_key_set(house, name):
    """The key set is read under the same contract, before any mail."""
    fault, reason = JSON[name]
    if "patch_text" in fault:
        text = fault["patch_text"]["X"]
        fault = {"body": f'{{"keys":[],"X":{text}}}'}
    house.cognito.fault("jwks", **fault)
    with console() as call:
        assert_over(house, call, SERVICE, reason)
    assert house.counts() == {"jwks": 1, "mails": 0}


@pytest.mark.parametrize("length", [20, 2048, 8192])
def test_session_of_any_real_length(house, length):
    """The session is sent back as it came."""
    session = "S/+=-_.~" * 1024
    house.cognito.fault("InitiateAuth", patch={"Session": session[:length]})
    with console() as call:
        enter_code(house, call)
        call.prompt()
    assert f'"Session":"{session[:length]}"' in house.cognito.requests("RespondToAuthChallenge")[0]["body"]


# --- text of the service ---------------------------------------------------------------------------------------------

HOSTILE = {
    "escape": "a***@b\x1b]0;x\x07\x1b[2J", "line break": "a\r\nPassword: ", "bidi": "a\u202e***@b",
    "long": "a" * 9000, "format": "%n%s%n%s%99999d", "C1": "a\x9b31m", "delete": "a\x7f\x7f\x7f", "bell": "\x07" * 60,
    "not ASCII": "\u00e4***@\u00fc***", "quote": 'a" reason=verified event=accepted',
    "tab": "a\tb", "half a pair": "a\\ud800",
}


def assert_clean(house, call):
    """Nothing but printable ASCII of a bearable length reaches people and log."""
    for text in call.texts():
        assert text.isascii() and text.isprintable() and len(text) < 200, text
    for line in house.log.lines("pam_cognito_otp|cognito-otp-helper"):
        assert line.isascii() and line.isprintable() and len(line) < 1200, line


@pytest.mark.parametrize("debug", ["no", "yes"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_destination(house, name, debug):
    """Where the code went is shown cleaned; the login goes on."""
    house.settings(debug=debug)
    house.cognito.fault("InitiateAuth", patch={"ChallengeParameters.CODE_DELIVERY_DESTINATION": HOSTILE[name]})
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
        assert_clean(house, call)


@pytest.mark.parametrize("value", [None, {"$null": True}, 7, "", {"a": "b"}], ids=str)
def test_no_destination(house, value):
    """Without a destination there is a question without one."""
    house.cognito.fault("InitiateAuth", patch={"ChallengeParameters.CODE_DELIVERY_DESTINATION": value})
    with console() as call:
        assert call.prompt() == HIDDEN_CODE


@pytest.mark.parametrize("value", [None, {"$null": True}, "text", []], ids=str)
def test_no_parameters(house, value):
    """Without ChallengeParameters, too."""
    house.cognito.fault("InitiateAuth", patch={"ChallengeParameters": value})
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


def test_destination_is_not_for_strangers(house):
    """A stranger never sees where a code goes."""
    house.cognito.fault("InitiateAuth", patch={"ChallengeParameters.CODE_DELIVERY_DESTINATION": "a***@secret"})
    with stranger() as call:
        stranger_wants_mail(call)
        assert call.prompt() == HIDDEN_CODE


@pytest.mark.parametrize("debug", ["no", "yes"])
@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_message(house, name, debug):
    """The text of an error is neither shown nor logged."""
    house.settings(debug=debug)
    text = "zebra" + HOSTILE[name]
    house.cognito.fault("InitiateAuth", error={"type": "UserNotFoundException", "message": text})
    with console() as call:
        assert_over(house, call, DENIED, "account_not_found")
        assert_clean(house, call)
        assert not any("zebra" in words for words in call.texts())
    assert house.log.lines("zebra") == []


@pytest.mark.parametrize("kind", [
    "Zebra\nevent=accepted reason=verified user=alice", "Zebra%s%n", "Zebra\x1b[31m", "Zebra" * 2000,
    "Zebra#UserNotFoundException#Zebra", "UserNotFoundExceptionZebra", "ZebraUserNotFoundException",
])
def test_hostile_type(house, kind):
    """An unknown type is an enumeration's word in the log, never the service's."""
    house.cognito.fault("InitiateAuth", error={"type": kind, "message": "x", "envelope": "no_header"})
    with console() as call:
        assert_over(house, call, SERVICE, "api_unknown")
        assert_clean(house, call)
    assert house.log.lines("Zebra") == []
    assert len(house.log.lines("event=")) == 1


def test_hostile_request_id(house):
    """The request id is for support, and cleaned."""
    house.cognito.fault("InitiateAuth", headers={"x-amzn-RequestId": 'a" event=accepted\x1b[31m' + "z" * 500})
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    with console() as call:
        assert_clean(house, call)


def test_name_of_another_challenge_is_cleaned(house):
    """The name of a challenge that we do not know is logged for the administrator, cleaned."""
    house.cognito.fault("InitiateAuth", patch={"ChallengeName": 'NEW" event=accepted\x1b[31m'})
    with console() as call:
        assert_over(house, call, DENIED, "challenge_other")
        assert_clean(house, call)


# --- clocks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("offset", [-200, 200, 10**8])
def test_clock(house, offset):
    """A clock that is off shows before the mail, when the keys are fetched."""
    house.cognito.set_clock(date_offset=offset)
    with console() as call:
        assert_over(house, call, SERVICE, "clock_skew")
    assert house.counts() == {"jwks": 1, "mails": 0}


@pytest.mark.parametrize("date", ["never", "x" * 3000, ""], ids=["word", "long", "empty"])
def test_no_date(house, date):
    """Without a usable Date the tokens' own times decide."""
    for operation in ("jwks", "InitiateAuth", "RespondToAuthChallenge"):
        house.cognito.fault(operation, headers={"Date": date})
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
