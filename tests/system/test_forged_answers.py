"""Forged answers: each differs in one thing from an answer that the same test shows to be accepted.

Duty: for every check between the service's answer and PAM_SUCCESS, an answer that only this check can refuse.
Signatures are right unless the signature is the point. Each is denied with its own log reason, nothing is sent after it
but the revocation of what was obtained, and the person is asked nothing more.
"""

import base64
import json
import os
import ssl
import time
import urllib.request
from dataclasses import dataclass, field

import pytest
from driver.people import console, enter_code, key_holder, sign_in, stranger
from mock_cognito.defaults import CLIENT, POOL, PUBLIC_CLIENT

from system.house import STATE, write_file

ALICE = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
BOB = "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"
PHONE = "+12065550199"
ISSUER = f"https://cognito-idp.eu-west-1.amazonaws.com/{POOL}"
KEY_FILE = "/etc/security/pam_cognito_otp.jwks"
SKEW = 120
NULL = {"$null": True}
DAY = 24 * 60 * 60
TONIGHT = int(time.time()) + DAY // 2    # a good exp, so that only its form is wrong


@dataclass
class Case:
    """One forged answer: what the service does, and what must come of it."""

    name: str
    reason: str
    fault: dict
    code: str = "PAM_AUTH_ERR"
    detail: str = ""
    user_map: str = ""
    settings: dict = field(default_factory=dict)
    revoked: bool = True            # None: another test asks
    pool: dict = field(default_factory=dict)


def one(kind, name, reason, **spec):
    """A case in which one token is wrong."""
    more = {key: spec.pop(key) for key in ("user_map", "settings", "code", "pool") if key in spec}
    detail = "ID token" if kind == "id" else "access token"
    return Case(f"{kind}: {name}", reason, {"tokens": {kind: spec}}, detail=detail, **more)


def each(name, reason, **spec):
    """Two cases: the ID token is wrong, the access token is wrong."""
    return [one(kind, name, reason, **spec) for kind in ("id", "access")]


def claim(claim_name, value, name, reason):
    """Two cases for one claim of both tokens."""
    return each(f"{claim_name} {name}", reason, claims={claim_name: value})


SIGNATURES = [
    *each("another key under the same kid", "jwt_signature", sign="other_key"),
    *each("one bit of the signature", "jwt_signature", sign="flip"),
    *each("no signature", "jwt_signature", sign="empty"),
    *each("unknown kid", "jwt_kid", sign="unknown_kid"),
    *each("kid missing", "jwt_kid", header={"kid": None}),
    *each("kid null", "jwt_kid", header={"kid": NULL}),
    *each("kid empty", "jwt_kid", header={"kid": ""}),
    *each("kid a number", "jwt_kid", header={"kid": 7}),
    *each("kid an array", "jwt_kid", header={"kid": ["a"]}),
    *each("kid a path", "jwt_kid", header={"kid": "../../../../etc/passwd"}),
    *each("kid very long", "jwt_kid", header={"kid": "k" * 3000}),
    *each("alg none", "jwt_alg", sign="none"),
    *each("alg None with a signature", "jwt_alg", header={"alg": "None"}),
    *each("alg HS256 with the public key", "jwt_alg", sign="hs256_public"),
    *each("alg HS256 with an empty key", "jwt_alg", sign="hs256_empty"),
    *each("alg RS256 over an HMAC with the public key", "jwt_signature", sign="hs256_public", header={"alg": "RS256"}),
    *each("alg RS256 over nothing", "jwt_signature", sign="none", header={"alg": "RS256"}),
    *each("alg RS384", "jwt_alg", sign="rs384"),
    *each("alg RS512", "jwt_alg", sign="rs512"),
    *each("alg PS256", "jwt_alg", sign="ps256"),
    *each("alg ES256", "jwt_alg", sign="es256"),
    *each("alg RS256 over RS512", "jwt_signature", sign="rs512", header={"alg": "RS256"}),
    *each("alg RS256 over PS256", "jwt_signature", sign="ps256", header={"alg": "RS256"}),
    *each("alg RS256 over ES256", "jwt_signature", sign="es256", header={"alg": "RS256"}),
    *each("alg RS512 over RS256", "jwt_alg", header={"alg": "RS512"}),
    *each("alg in lower case", "jwt_alg", header={"alg": "rs256"}),
    *each("alg with a blank", "jwt_alg", header={"alg": "RS256 "}),
    *each("alg an array", "jwt_alg", header={"alg": ["RS256"]}),
    *each("alg missing", "jwt_alg", header={"alg": None}),
    *each("crit", "jwt_crit", header={"crit": ["exp"], "exp": 1}),
    *each("crit empty", "jwt_crit", header={"crit": []}),
    *each("header no object", "jwt_json", header_text='["RS256"]'),
]

FORMS = [
    *each("padding", "jwt_form", mangle="pad"),
    *each("bits after the signature", "jwt_form", mangle="trailing_bits"),
    *each("two parts", "jwt_form", mangle="two_parts"),
    *each("four parts", "jwt_form", mangle="four_parts"),
    *each("five parts", "jwt_form", mangle="five_parts"),
    *each("header alone", "jwt_signature", mangle="header_only"),
    *each("claims no object", "jwt_json", payload_text="[]"),
    *each("something after the claims", "jwt_json", payload_text='{"sub":"a"} {}'),
]

TIMES = [
    *each("expired", "jwt_expired", times={"exp": -SKEW - 1}),
    *each("exp zero", "jwt_claim", claims={"exp": 0}),
    *each("exp negative", "jwt_claim", claims={"exp": -1}),
    *each("exp a string", "jwt_claim", claims={"exp": str(TONIGHT)}),
    *each("exp a fraction", "jwt_claim", claims={"exp": TONIGHT + 0.5}),
    *each("exp missing", "jwt_claim", claims={"exp": None}),
    *each("exp null", "jwt_claim", claims={"exp": NULL}),
    *each("exp for years", "jwt_claim", times={"exp": 30 * DAY}),
    *each("iat in the future", "jwt_not_yet_valid", times={"iat": SKEW + 10}),
    *each("iat missing", "jwt_claim", claims={"iat": None}),
    *each("iat a string", "jwt_claim", claims={"iat": "1"}),
    *each("nbf in the future", "jwt_not_yet_valid", times={"nbf": SKEW + 10}),
    *each("nbf a string", "jwt_claim", claims={"nbf": "1"}),
    *each("auth_time in the future", "jwt_not_yet_valid", times={"auth_time": SKEW + 10}),
    *each("auth_time of an earlier sign-in", "jwt_auth_time", times={"auth_time": -SKEW - 10}),
    *each("auth_time missing", "jwt_claim", claims={"auth_time": None}),
    *each("auth_time a string", "jwt_claim", claims={"auth_time": "1"}),
]

ISSUERS = [
    *claim("iss", ISSUER[:-9] + "Zz999zZzz", "of another pool", "jwt_iss"),
    *claim("iss", ISSUER.replace("eu-west-1.", "us-east-1."), "of another region", "jwt_iss"),
    *claim("iss", ISSUER + "/", "with a slash", "jwt_iss"),
    *claim("iss", ISSUER.replace("https", "http"), "by http", "jwt_iss"),
    *claim("iss", ISSUER.upper(), "in upper case", "jwt_iss"),
    *claim("iss", ISSUER.replace("eu-west-1_", "EU-WEST-1_"), "partly in upper case", "jwt_iss"),
    *claim("iss", POOL, "only the pool", "jwt_iss"),
    *claim("iss", ISSUER + ".example.com", "continued", "jwt_iss"),
    *claim("iss", "", "empty", "jwt_claim"),
    *claim("iss", [ISSUER], "in an array", "jwt_claim"),
    *claim("iss", None, "missing", "jwt_claim"),
    *claim("iss", NULL, "null", "jwt_claim"),
]

CLIENTS = [
    one("id", "aud of another client", "jwt_aud", claims={"aud": PUBLIC_CLIENT}),
    one("id", "aud in another case", "jwt_aud", claims={"aud": CLIENT.swapcase()}),
    one("id", "aud in an array", "jwt_claim", claims={"aud": [CLIENT]}),
    one("id", "aud missing, client_id there", "jwt_claim", claims={"aud": None, "client_id": CLIENT}),
    one("access", "client_id of another client", "jwt_client_id", claims={"client_id": PUBLIC_CLIENT}),
    one("access", "client_id in an array", "jwt_claim", claims={"client_id": [CLIENT]}),
    one("access", "client_id missing, aud there", "jwt_claim", claims={"client_id": None, "aud": CLIENT}),
]

ID_AS_ACCESS = {
    "token_use": "id", "aud": CLIENT, "cognito:username": ALICE, "email": "alice@example.com", "email_verified": True,
    "client_id": None, "username": None, "scope": None,
}
ACCESS_AS_ID = {
    "token_use": "access", "client_id": CLIENT, "username": ALICE, "scope": "aws.cognito.signin.user.admin",
    "aud": None, "cognito:username": None, "email": None, "email_verified": None,
}

USES = [
    Case("ID and access token swapped", "jwt_token_use", {"swap": True}, detail="ID token"),
    one("access", "an ID token again", "jwt_token_use", sign="id_key", claims=ID_AS_ACCESS),
    one("id", "an access token again", "jwt_token_use", sign="access_key", claims=ACCESS_AS_ID),
    one("id", "token_use access", "jwt_token_use", claims={"token_use": "access"}),
    one("access", "token_use id", "jwt_token_use", claims={"token_use": "id"}),
    *claim("token_use", "refresh", "another", "jwt_token_use"),
    *claim("token_use", None, "missing", "jwt_claim"),
    *claim("token_use", ["id", "access"], "in an array", "jwt_claim"),
]

DUPLICATES = [
    *each("sub twice, the right one first", "jwt_duplicate", append=f'"sub":"{BOB}"'),
    *each("exp twice, alike", "jwt_duplicate", claims={"exp": TONIGHT}, append=f'"exp":{TONIGHT}'),
    one("id", "email twice", "jwt_duplicate", append='"email":"bob@example.com"'),
    one("id", "email twice, one escaped", "jwt_duplicate", append='"\\u0065mail":"bob@example.com"'),
    one("id", "a group list twice", "jwt_duplicate", append='"cognito:groups":["admins"]'),
    *each("a member of the header twice", "jwt_duplicate", header_text='{"alg":"none","alg":"RS256","kid":"a"}'),
    *claim("sub", ALICE + "\0", "with a NUL", "jwt_nul"),
    one("id", "email with a NUL", "jwt_nul", claims={"email": "alice@example.com\0.evil.example"}),
]

SUBJECTS = [
    *claim("sub", BOB, "of another", "jwt_sub_differs"),
    *claim("sub", ALICE.upper(), "in upper case", "jwt_sub_differs"),
    *claim("sub", None, "missing", "jwt_claim"),
    *claim("sub", "", "empty", "jwt_claim"),
    *claim("sub", 7, "a number", "jwt_claim"),
]
for case in SUBJECTS:
    case.detail = ""        # two tokens are compared here

PINNED = f"alice email:alice@example.com sub={ALICE}"
BOTH_BOB = {"id": {"claims": {"sub": BOB}}, "access": {"claims": {"sub": BOB}}}
UNVERIFIED = {"false": False, "the word true": "true", "1": 1, "missing": None, "null": NULL, "an array": [True]}
BY_NAME = f"alice username:{ALICE}"
BY_PHONE = f"carol phone:{PHONE}"
PHONE_NAMES = {"username_attributes": ["email", "phone_number"]}


def identity(name, reason, fault, **more):
    """A case of the binding to the mapped Cognito user; the ID token is wrong if not said otherwise."""
    tokens = fault if "id" in fault or "access" in fault or "user" in fault else {"id": {"claims": fault}}
    return Case(name, reason, {"tokens": tokens}, **more)


IDENTITIES = [
    identity("tokens of another user", "identity_email", {"user": "bob@example.com"}),
    identity("email of another", "identity_email", {"email": "bob@example.com"}),
    identity("email in another case", "identity_email", {"email": "Alice@example.com"}),
    identity("email continued", "identity_email", {"email": "alice@example.com.evil.example"}),
    identity("email missing", "jwt_claim", {"email": None}),
    identity("email an array", "jwt_claim", {"email": ["alice@example.com"]}),
    identity("email only as another claim", "identity_email",
             {"email": "eve@example.com", "preferred_username": "alice@example.com", "name": "alice@example.com",
              "cognito:username": "alice@example.com", "custom:email": "alice@example.com"}),
    *[identity(f"email_verified {name}", "identity_unverified", {"email_verified": value})
      for name, value in UNVERIFIED.items()],
    identity("pinned: another sub in both tokens", "identity_sub", BOTH_BOB, user_map=PINNED),
    identity("by name: of another", "identity_username", {"cognito:username": BOB}, user_map=BY_NAME),
    identity("by name: in upper case", "identity_username", {"cognito:username": ALICE.upper()}, user_map=BY_NAME),
    identity("by name: missing, sub and email right", "jwt_claim", {"cognito:username": None}, user_map=BY_NAME),
    identity("by name: access token of another", "identity_username", {"access": {"claims": {"username": BOB}}},
             user_map=BY_NAME),
    identity("by name: access token without", "jwt_claim", {"access": {"claims": {"username": None}}},
             user_map=BY_NAME),
    identity("by phone: of another", "identity_phone", {"phone_number": "+12065550100"}, user_map=BY_PHONE,
             pool=PHONE_NAMES),
    identity("by phone: without its plus", "identity_phone", {"phone_number": PHONE[1:]}, user_map=BY_PHONE,
             pool=PHONE_NAMES),
    identity("by phone: missing", "jwt_claim", {"phone_number": None}, user_map=BY_PHONE, pool=PHONE_NAMES),
    *[identity(f"by phone: verified {name}", "identity_unverified", {"phone_number_verified": value},
               user_map=BY_PHONE, pool=PHONE_NAMES) for name, value in UNVERIFIED.items()],
]

GROUPS = [
    identity(f"groups: {name}", "identity_group", {"cognito:groups": value},
             settings={"require_group": "operators ssh-users"})
    for name, value in {
        "missing": None, "null": NULL, "none": [], "a string": "ssh-users", "other case": ["SSH-users"],
        "part of the name": ["ssh-users2", "ssh", "ssh-users "], "joined": ["operators ssh-users"],
        "inside an array": [["ssh-users"]], "beside a number": ["ssh-users", 7], "an object": {"ssh-users": True},
    }.items()
] + [
    Case("groups: in the access token alone", "identity_group", {"tokens": {
        "id": {"claims": {"cognito:groups": None}}, "access": {"claims": {"cognito:groups": ["ssh-users"]}}}},
        settings={"require_group": "ssh-users"}),
    Case("groups: of one service are not those of another", "identity_group",
         {"tokens": {"id": {"claims": {"cognito:groups": ["ssh"]}}}}, settings={"require_group": "ssh-users"}),
]


def patch(member, value):
    """The member of the result replaced."""
    return {"patch": {f"AuthenticationResult.{member}": value}}


RESULTS = [
    Case(f"{token} {name}", "response_missing_token", fault(token), detail="IdToken or AccessToken")
    for token in ("IdToken", "AccessToken")
    for name, fault in {
        "missing": lambda token: {"drop": [token]},
        "empty": lambda token: patch(token, ""),
        "null": lambda token: patch(token, NULL),
        "a number": lambda token: patch(token, 7),
        "an object": lambda token: patch(token, {"a": "b"}),
        "with a blank": lambda token: {"tokens": {"id" if token == "IdToken" else "access": {"mangle": "space"}}},
        "with a line break": lambda token: {
            "tokens": {"id" if token == "IdToken" else "access": {"mangle": "newline"}}},
        "very long": lambda token: patch(token, "A" * 70000),
    }.items()
] + [
    Case("empty result", "response_missing_token", {"patch": {"AuthenticationResult": {}}}, revoked=False),
    Case("result null", "response_shape", {"patch": {"AuthenticationResult": NULL}}, "PAM_SERVICE_ERR", revoked=False),
    Case("result a string", "response_shape", {"patch": {"AuthenticationResult": "x"}}, "PAM_SERVICE_ERR",
         revoked=False),
    Case("result in another case", "response_shape",
         {"patch": {"AuthenticationResult": None, "authenticationResult": {}}}, "PAM_SERVICE_ERR", revoked=False),
    Case("nothing", "response_shape", {"body": "{}"}, "PAM_SERVICE_ERR", revoked=False),
    Case("tokens with a new challenge", "response_ambiguous", {"tokens_and_challenge": True}, "PAM_SERVICE_ERR",
         revoked=None),
    Case("tokens under an error status", "api_unknown", {"status": 400}, "PAM_SERVICE_ERR", revoked=False),
    Case("tokens twice", "json_duplicate",
         {"patch_text": {"AuthenticationResult": '{},"AuthenticationResult":{}'}}, "PAM_SERVICE_ERR", revoked=False),
]

CHALLENGES = [
    Case(f"then {name}", "challenge_extra", {"challenge": name}, revoked=False)
    for name in ("SOFTWARE_TOKEN_MFA", "SMS_MFA", "SELECT_MFA_TYPE", "MFA_SETUP", "NEW_PASSWORD_REQUIRED",
                 "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER", "PASSWORD_VERIFIER", "CUSTOM_CHALLENGE", "EMAIL_OTP",
                 "SELECT_CHALLENGE", "WEB_AUTHN", "PASSWORD", "SOMETHING_NEW")
] + [
    Case("then SMS_OTP", "challenge_extra", revoked=False, fault={"patch": {
        "AuthenticationResult": None, "ChallengeName": "SMS_OTP", "Session": "S" * 40}}),
    Case("then a challenge without a name", "response_shape", {"patch": {
        "AuthenticationResult": None, "Session": "S" * 40}}, "PAM_SERVICE_ERR", revoked=False),
]

CASES = (SIGNATURES + FORMS + TIMES + ISSUERS + CLIENTS + USES + DUPLICATES + SUBJECTS + IDENTITIES + GROUPS + RESULTS
         + CHALLENGES)


def person_of(case):
    """The local user of the case."""
    return case.user_map.split()[0] if case.user_map else "alice"


def prepare(house, case):
    """The settings, map and pool of the case."""
    house.settings(**case.settings)
    if case.user_map:
        house.user_map(case.user_map)
    if case.pool:
        house.cognito.pool(**case.pool)


def forget(house):
    """Only what comes from here on counts."""
    house.cognito.clear_log()
    house.cognito.clear_outbox()
    house.log.clear()


def last_line(house):
    """The outcome line as it stands in the log."""
    house.log.wait_for("event=")
    return house.log.lines("event=(accepted|denied)")[-1]


def assert_denied(house, call, code, reason, detail=""):
    """The code and the reason; nobody is asked again, and the log says whose login it was."""
    assert call.prompt() is None
    assert call.result() == code
    assert call.results["authenticate"]["user"] is not None
    outcome = house.outcome()
    assert (outcome["event"], outcome["reason"]) == ("denied", reason), last_line(house)
    assert detail in last_line(house)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name.replace(" ", "-"))
def test_forged(house, case):
    """The right answer is accepted, the forged one is not."""
    prepare(house, case)
    person = person_of(case)
    assert sign_in(house, person) == {"authenticate": "PAM_SUCCESS"}
    assert house.outcome()["reason"] == "verified"
    house.cognito.wait_requests("RevokeToken")
    forget(house)
    house.cognito.fault("RespondToAuthChallenge", **case.fault)
    with console(person) as call:
        enter_code(house, call)
        assert_denied(house, call, case.code, case.reason, case.detail)
        hurts = case.code == "PAM_AUTH_ERR"
        assert (call.results["authenticate"]["delay_us"] > 0) == hurts
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    if case.revoked is None:
        return
    if case.revoked:
        assert json.loads(house.cognito.wait_requests("RevokeToken")[0]["body"])["Token"]
    else:
        assert house.cognito.requests("RevokeToken") == []


def test_forgery_is_an_alert(house):
    """What only a forger or a broken pool sends is logged louder than a wrong code."""
    house.cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "other_key"}})
    sign_in(house)
    assert last_line(house).startswith("authpriv.alert")


@pytest.mark.parametrize("caller", [key_holder, stranger])
def test_forged_for_others(house, caller):
    """A remote caller gets the same refusal; a stranger is not told why."""
    house.cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "other_key"}})
    with caller() as call:
        enter_code(house, call, first=caller is stranger)
        assert_denied(house, call, "PAM_AUTH_ERR", "jwt_signature")
        assert bool(call.texts("error", "info")) == (caller is key_holder)


def test_a_forged_answer_stays_refused_on_the_handle(house):
    """After a forged answer the same handle asks nobody and sends nothing."""
    house.cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "other_key"}})
    with console(calls=["authenticate", "authenticate"]) as call:
        enter_code(house, call)
        call.finish()
        assert call.history[:2] == [("authenticate", "PAM_AUTH_ERR")] * 2
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}


# --- before the code -------------------------------------------------------------------------------------------------


EARLY = {
    "tokens at once": {"tokens_now": True},
    "tokens and the challenge": {"tokens_and_challenge": True},
}


@pytest.mark.parametrize("caller", [console, stranger])
@pytest.mark.parametrize("fault", EARLY.values(), ids=lambda fault: next(iter(fault)))
def test_tokens_straight_from_initiate_auth(house, fault, caller):
    """Nobody is let in by tokens that came before any code was asked for."""
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    house.cognito.wait_requests("RevokeToken")
    forget(house)
    house.cognito.fault("InitiateAuth", **fault)
    with caller() as call:
        if caller is stranger:
            call.prompt()
            call.answer("y")
        assert_denied(house, call, "PAM_AUTH_ERR", "response_early_tokens")
    assert "RespondToAuthChallenge" not in house.counts()


@pytest.mark.parametrize("operation, fault", [
    ("InitiateAuth", "tokens_now"), ("InitiateAuth", "tokens_and_challenge"),
    ("RespondToAuthChallenge", "tokens_and_challenge"),
])
def test_tokens_in_the_wrong_place_are_given_back(house, operation, fault):
    """A refresh token that came where none belongs is revoked like any other that nobody keeps."""
    house.cognito.fault(operation, **{fault: True})
    with console() as call:
        if operation == "RespondToAuthChallenge":
            enter_code(house, call)
        assert call.prompt() is None
    house.cognito.wait_requests("RevokeToken")


def test_tokens_instead_of_the_chosen_challenge(house):
    """SELECT_CHALLENGE is answered with our factor; tokens as the answer to that are no login either."""
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE")
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts()["RespondToAuthChallenge"] == 2
    house.cognito.wait_requests("RevokeToken")
    forget(house)
    house.cognito.fault("InitiateAuth", challenge="SELECT_CHALLENGE")
    house.cognito.fault("RespondToAuthChallenge", patch={"AuthenticationResult": {"IdToken": "a.b.c"}})
    with console() as call:
        assert_denied(house, call, "PAM_AUTH_ERR", "response_early_tokens")
    assert house.counts()["RespondToAuthChallenge"] == 1


# --- the key set -----------------------------------------------------------------------------------------------------


def published(house, mutation=None):
    """The keys as the local service publishes them, after a mutation; the ID tokens' key comes first."""
    if mutation:
        house.cognito.fault("jwks", keys=mutation)
    trust = ssl.create_default_context(cafile=house.cognito.ca_file)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=trust))
    with opener.open(house.cognito.jwks_url(), timeout=10) as answer:
        return json.load(answer)["keys"]


def changed(**members):
    """A key of the set with members replaced; None removes one."""
    def change(_house, key):
        return [{name: value for name, value in {**key, **members}.items() if value is not None}]
    return change


def odd(mutation):
    """The ID tokens' key replaced as the mutation has it."""
    return lambda house, _key: [published(house, mutation)[0]]


def beside(mutation, first):
    """The ID tokens' key and another one of the same name."""
    def change(house, key):
        twin = published(house, mutation)[0]
        return [twin, key] if first else [key, twin]
    return change


def longer(_house, key):
    """A modulus of 16 384 bits."""
    return [{**key, "n": base64.urlsafe_b64encode(b"\xff" * 2048).decode().rstrip("=")}]


# what the ID tokens' key is in the set -> reason; `sign` where a matching signature is at hand
KEYS = {
    "another key": (odd("other_modulus"), "jwt_signature", None),
    "1024 bits with a matching signature": (odd("small_modulus"), "jwks_key", "small_key"),
    "exponent 3 with a matching signature": (odd("e3"), "jwks_key", "e3_key"),
    "exponent 1": (odd("e1"), "jwks_key", None),
    "exponent 65539": (changed(e="AQAD"), "jwks_key", None),
    "exponent with a tail": (changed(e="AQABAA"), "jwks_key", None),
    "exponent padded": (changed(e="AAEAAQ"), "jwks_key", None),
    "16384 bits": (longer, "jwks_key", None),
    "even modulus": (odd("even_modulus"), "jwks_key", None),
    "leading zeros": (odd("leading_zeros"), "jwks_key", None),
    "padded modulus": (changed(n="AAAA=="), "jwks_key", None),
    "no base64": (odd("bad_base64"), "jwks_key", None),
    "no modulus": (odd("no_modulus"), "jwks_key", None),
    "empty modulus": (odd("empty_modulus"), "jwks_key", None),
    "modulus a number": (odd("number_modulus"), "jwks_key", None),
    "twin before": (beside("other_modulus", True), "jwks_key", None),
    "twin after": (beside("other_modulus", False), "jwks_key", None),
    "itself twice": (lambda _house, key: [key, key], "jwks_key", None),
    "EC": (odd("ec"), "jwt_kid", "es256"),
    "oct": (odd("oct"), "jwt_kid", "hs256_empty"),
    "use enc": (changed(use="enc"), "jwt_kid", None),
    "alg RS512": (changed(alg="RS512"), "jwt_kid", None),
    "kty in lower case": (changed(kty="rsa"), "jwt_kid", None),
    "kty missing": (changed(kty=None), "jwt_kid", None),
    "no kid": (changed(kid=None), "jwt_kid", None),
    "kid in another case": (lambda _house, key: [{**key, "kid": key["kid"].swapcase()}], "jwt_kid", None),
    "absent": (lambda _house, _key: [], "jwt_kid", None),
}


def write_keys(keys):
    """The keys as the file of jwks_file."""
    write_file(KEY_FILE, json.dumps({"keys": keys}))


@pytest.mark.parametrize("name", KEYS)
def test_key_in_the_set(house, name):
    """With the pool's keys a login, with one key made unusable none, although the token is the same."""
    change, reason, sign = KEYS[name]
    id_key, access_key = published(house)
    house.settings(jwks_url=None, jwks_file=KEY_FILE)
    write_keys([id_key, access_key])
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    house.cognito.wait_requests("RevokeToken")
    write_keys([*change(house, id_key), access_key])
    forget(house)
    if sign:
        house.cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": sign, "header": {"alg": "RS256"}}})
    with console() as call:
        enter_code(house, call)
        assert_denied(house, call, "PAM_AUTH_ERR", reason, "ID token")
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    house.cognito.wait_requests("RevokeToken")


UNUSABLE = {
    "empty": "jwks_empty", "null": "json_absent", "object": "json_type", "thousand": "http_oversize",
    "thousand_good_first": "http_oversize", "small_modulus": "jwks_empty", "e3": "jwks_empty", "ec": "jwks_empty",
    "oct": "jwks_empty", "duplicate_bad_first": "jwks_empty", "duplicate_good_first": "jwks_empty",
    "use_enc": "jwks_empty", "no_kid": "jwks_empty", "bad_base64": "jwks_empty",
}


@pytest.mark.parametrize("mutation", UNUSABLE)
def test_key_set_without_a_usable_key(house, mutation):
    """It shows before the mail, and the bad set is not kept."""
    house.cognito.fault("jwks", keys=mutation)
    with console() as call:
        assert_denied(house, call, "PAM_SERVICE_ERR", UNUSABLE[mutation])
    assert house.counts() == {"jwks": 1, "mails": 0}
    house.log.clear()
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}


def test_unknown_kid_asks_once_for_new_keys(house):
    """An old copy of the key set is renewed once for an unknown kid; a fresh one is believed."""
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    [copy] = os.listdir(STATE)
    age = os.stat(os.path.join(STATE, copy)).st_mtime - 600
    os.utime(os.path.join(STATE, copy), (age, age))
    for fetched in (1, 0):
        forget(house)
        house.cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "unknown_kid"}})
        with console() as call:
            enter_code(house, call)
            assert_denied(house, call, "PAM_AUTH_ERR", "jwt_kid", "ID token")
        assert house.counts().get("jwks", 0) == fetched


def test_rotated_keys_are_found(house):
    """New keys of the pool are believed after one look; the old ones then count no more."""
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    [copy] = os.listdir(STATE)
    os.utime(os.path.join(STATE, copy), (1000, 1000))
    house.cognito.rotate_keys(keep_old=False)
    forget(house)
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts()["jwks"] == 1


def copy_of_the_keys():
    """The path of the copy that a login left."""
    [name] = os.listdir(STATE)
    return os.path.join(STATE, name)


def everybodys(_house, _copy):
    """Others may look into the folder, and a moment ago they could write there."""
    os.chmod(STATE, 0o755)


def folder_of_another(house, _copy):
    """The folder is mallory's."""
    os.chown(STATE, house.mallory.uid, -1)


def folder_by_link(_house, _copy):
    """The folder is a link to one that looks right."""
    os.rename(STATE, STATE + ".real")
    os.symlink(STATE + ".real", STATE)


def copy_of_another(house, copy):
    """The copy is mallory's."""
    os.chown(copy, house.mallory.uid, -1)


def copy_open(_house, copy):
    """Others may write the copy."""
    os.chmod(copy, 0o666)


def copy_linked(_house, copy):
    """The copy has a second name somewhere."""
    os.link(copy, copy + ".other")


def copy_by_link(_house, copy):
    """The copy is a link."""
    os.rename(copy, copy + ".real")
    os.symlink(copy + ".real", copy)


def copy_from_the_future(_house, copy):
    """The copy claims to be of tomorrow, and would never be too old."""
    os.utime(copy, (2**31, 2**31))


PLANTED = [everybodys, folder_of_another, folder_by_link, copy_of_another, copy_open, copy_linked, copy_by_link]


@pytest.mark.parametrize("plant", PLANTED)
def test_planted_copy_of_the_keys(house, plant):
    """A copy that others could have written is not believed: the keys are fetched, a token by its key is refused."""
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    copy = copy_of_the_keys()
    write_file(copy, json.dumps({"keys": published(house, "other_modulus")}), 0o600)
    try:
        for planted, fetched in ((False, 0), (True, 1)):
            if planted:
                plant(house, copy)
            forget(house)
            house.cognito.fault("RespondToAuthChallenge", tokens={
                "id": {"sign": "other_key"}, "access": {"sign": "other_key"}})
            with console() as call:
                enter_code(house, call)
                assert call.result() == ("PAM_AUTH_ERR" if planted else "PAM_SUCCESS")
            assert house.counts().get("jwks", 0) == fetched
        assert house.outcome()["reason"] == "jwt_signature"
        assert house.log.lines("event=jwks_copy_unusable reason=state_unsafe")
    finally:
        if os.path.islink(STATE):
            os.unlink(STATE)
            os.rename(STATE + ".real", STATE)


def test_copy_from_the_future(house):
    """A copy whose age cannot be told is fetched again."""
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    copy_from_the_future(house, copy_of_the_keys())
    forget(house)
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts()["jwks"] == 1


# --- what may differ -------------------------------------------------------------------------------------------------


ELSEWHERE = "https://localhost:{port}/elsewhere/.well-known/jwks.json"
HARMLESS = {
    "TokenType": patch("TokenType", "MAC"),
    "no TokenType": patch("TokenType", None),
    "ExpiresIn": patch("ExpiresIn", -1),
    "no refresh token": patch("RefreshToken", None),
    "unknown members": {"patch": {"New": {"a": [1]}, "AuthenticationResult.New": "x"}},
    "header with addresses": {"tokens": {"id": {"header": {
        "typ": "JWT", "jku": ELSEWHERE, "x5u": ELSEWHERE, "jwk": {"kty": "oct", "k": "AAAA"}, "x5c": ["AAAA"]}}}},
    "aud in the access token": {"tokens": {"access": {"claims": {"aud": "https://api.example.com"}}}},
    "nbf now": {"tokens": {"id": {"times": {"nbf": 0}}, "access": {"times": {"nbf": 0}}}},
    "times within the skew": {"tokens": {"id": {"times": {"iat": 60, "auth_time": -60}}}},
    "email_verified is not asked of phone users": {},
    "more groups": {"tokens": {"id": {"claims": {"cognito:groups": ["a", "ssh-users", "b"]}}}},
    "origin_jti and other claims missing": {"tokens": {"id": {"claims": {"origin_jti": None, "event_id": None}}}},
}


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless(house, name):
    """What no check is about changes nothing, and no address of a token is ever visited."""
    text = json.dumps(HARMLESS[name]).replace("{port}", str(house.cognito.https_port))
    house.settings(require_group="ssh-users")
    if HARMLESS[name]:
        house.cognito.fault("RespondToAuthChallenge", **json.loads(text))
    assert sign_in(house) == {"authenticate": "PAM_SUCCESS"}
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
