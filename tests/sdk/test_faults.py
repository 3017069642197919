"""Every scripted fault, seen from the other end of the wire: one that did nothing would let tests pass wrongly."""

import base64
import hashlib
import hmac
import http.client
import json
import socket
import ssl
import subprocess
import sys
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from mock_cognito.client import PACKAGE, ControlError, LocalCognito
from mock_cognito.defaults import POOL, PUBLIC_CLIENT
from mock_cognito.faults import MAGIC
from mock_cognito.jwks import MUTATIONS
from mock_cognito.wire_faults import PLAYS

ALICE = "alice@example.com"
BOB = "bob@example.com"
START = {"AuthFlow": "USER_AUTH", "ClientId": PUBLIC_CLIENT,
         "AuthParameters": {"USERNAME": ALICE, "PREFERRED_CHALLENGE": "EMAIL_OTP"}}


def target(operation):
    return f"AWSCognitoIdentityProviderService.{operation}"


class Browser:
    """A small client of one kept connection."""

    def __init__(self, cognito, timeout=10.0):
        context = ssl.create_default_context(cafile=cognito.ca_file)
        self.connection = http.client.HTTPSConnection("127.0.0.1", cognito.https_port, context=context,
                                                      timeout=timeout)

    def post(self, operation, body, **headers):
        """Status, headers, body bytes."""
        data = body if isinstance(body, (bytes, str)) else json.dumps(body)
        self.connection.request("POST", "/", data, {"Content-Type": "application/x-amz-json-1.1",
                                                    "X-Amz-Target": target(operation), **headers})
        answer = self.connection.getresponse()
        return answer.status, answer.headers, answer.read()

    def json(self, operation, body):
        return json.loads(self.post(operation, body)[2])

    def start(self, username=ALICE):
        return self.json("InitiateAuth", {**START, "AuthParameters": {
            "USERNAME": username, "PREFERRED_CHALLENGE": "EMAIL_OTP"}})

    def respond(self, session, code, username=ALICE, name="EMAIL_OTP"):
        return self.json("RespondToAuthChallenge", {
            "ClientId": PUBLIC_CLIENT, "ChallengeName": name, "Session": session,
            "ChallengeResponses": {"USERNAME": username, "EMAIL_OTP_CODE": code}})

    def get(self, path):
        self.connection.request("GET", path)
        answer = self.connection.getresponse()
        return answer.status, answer.read()


@pytest.fixture
def browser(cognito):
    return Browser(cognito)


def log_in(cognito, browser, username=ALICE):
    session = browser.start(username)["Session"]
    return browser.respond(session, cognito.last_code(username), username)["AuthenticationResult"]


def part(token, number):
    text = token.split(".")[number]
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def header_of(token):
    return json.loads(part(token, 0))


def claims_of(token):
    return json.loads(part(token, 1))


def public_key(jwk):
    def number(name):
        return int.from_bytes(base64.urlsafe_b64decode(jwk[name] + "=="), "big")
    return rsa.RSAPublicNumbers(number("e"), number("n")).public_key()


def verifies(token, keys, scheme=None, digest=None):
    """True if the key that the header names made the signature."""
    found = [key for key in keys["keys"] if key["kid"] == header_of(token)["kid"]]
    if not found:
        return False
    try:
        public_key(found[0]).verify(part(token, 2), token.rpartition(".")[0].encode(),
                                    scheme or padding.PKCS1v15(), digest or hashes.SHA256())
    except InvalidSignature:
        return False
    return True


def test_good_tokens(cognito, browser):
    tokens = log_in(cognito, browser)
    keys = json.loads(browser.get(f"/{POOL}/.well-known/jwks.json")[1])
    identity, access = claims_of(tokens["IdToken"]), claims_of(tokens["AccessToken"])
    assert verifies(tokens["IdToken"], keys) and verifies(tokens["AccessToken"], keys)
    assert header_of(tokens["IdToken"])["kid"] != header_of(tokens["AccessToken"])["kid"]
    assert set(header_of(tokens["IdToken"])) == {"kid", "alg"}
    assert (identity["token_use"], access["token_use"]) == ("id", "access")
    assert identity["aud"] == access["client_id"] == PUBLIC_CLIENT
    assert identity["email_verified"] is True and identity["cognito:groups"] == ["ssh-users"]
    assert identity["sub"] == access["sub"] == identity["cognito:username"] == access["username"]
    assert identity["amr"] == ["email_otp"]
    assert "aud" not in access and "email" not in access


@pytest.mark.parametrize("sign, algorithm", [
    ("other_key", "RS256"), ("unknown_kid", "RS256"), ("none", "none"), ("hs256_public", "HS256"),
    ("hs256_empty", "HS256"), ("rs384", "RS384"), ("rs512", "RS512"), ("ps256", "PS256"), ("es256", "ES256"),
    ("flip", "RS256"), ("empty", "RS256"), ("small_key", "RS256"), ("e3_key", "RS256")])
@pytest.mark.parametrize("use", ["id", "access"])
def test_signature_faults(cognito, browser, sign, algorithm, use):
    cognito.fault("RespondToAuthChallenge", tokens={use: {"sign": sign}})
    tokens = log_in(cognito, browser)
    names = {"id": "IdToken", "access": "AccessToken"}
    wrong = tokens[names.pop(use)]
    assert header_of(wrong)["alg"] == algorithm
    assert not verifies(wrong, cognito.jwks())
    assert verifies(tokens[names.popitem()[1]], cognito.jwks())


def test_signatures_that_are_valid_in_their_way(cognito, browser):
    cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "rs512"}, "access": {"sign": "ps256"}})
    tokens = log_in(cognito, browser)
    assert verifies(tokens["IdToken"], cognito.jwks(), digest=hashes.SHA512())
    assert verifies(tokens["AccessToken"], cognito.jwks(), padding.PSS(padding.MGF1(hashes.SHA256()), 32))
    cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "access_key"}})
    tokens = log_in(cognito, browser)
    assert header_of(tokens["IdToken"])["kid"] == header_of(tokens["AccessToken"])["kid"]
    assert verifies(tokens["IdToken"], cognito.jwks())


def test_hmac_with_the_public_key(cognito, browser):
    cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": "hs256_public"}})
    token = log_in(cognito, browser)["IdToken"]
    jwk = next(key for key in cognito.jwks()["keys"] if key["kid"] == header_of(token)["kid"])
    pem = public_key(jwk).public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    wanted = hmac.new(pem, token.rpartition(".")[0].encode(), hashlib.sha256).digest()
    assert part(token, 2) == wanted


def test_claim_faults(cognito, browser):
    cognito.fault("RespondToAuthChallenge", tokens={
        "id": {"claims": {"email_verified": "true", "aud": ["a", PUBLIC_CLIENT], "iss": None,
                          "nonce": {"$null": True}}, "times": {"exp": -10}, "append": '"sub":"x"'},
        "access": {"header": {"typ": "JWT", "kid": None}, "payload_text": "[]"}})
    tokens = log_in(cognito, browser)
    claims = claims_of(tokens["IdToken"])
    assert (claims["email_verified"], claims["aud"]) == ("true", ["a", PUBLIC_CLIENT])
    assert "iss" not in claims and claims["nonce"] is None
    assert claims["exp"] == claims["iat"] - 10
    assert part(tokens["IdToken"], 1).count(b'"sub":') == 2 and claims["sub"] == "x"
    assert verifies(tokens["IdToken"], cognito.jwks())
    assert header_of(tokens["AccessToken"]) == {"alg": "RS256", "typ": "JWT"}
    assert part(tokens["AccessToken"], 1) == b"[]"


@pytest.mark.parametrize("how", ["pad", "standard_alphabet", "trailing_bits", "two_parts", "four_parts", "five_parts",
                                 "space", "newline", "header_only"])
def test_mangled_tokens(cognito, browser, how):
    cognito.fault("RespondToAuthChallenge", tokens={"id": {"mangle": how}})
    token = log_in(cognito, browser)["IdToken"]
    parts = {"two_parts": 2, "four_parts": 4, "five_parts": 5}.get(how, 3)
    assert token.count(".") == parts - 1
    assert {"pad": token.endswith("=="), "space": " " in token, "newline": token.endswith("\n")}.get(how, True)


def test_whole_result_faults(cognito, browser):
    cognito.fault("RespondToAuthChallenge", swap=True)
    assert claims_of(log_in(cognito, browser)["IdToken"])["token_use"] == "access"
    cognito.fault("RespondToAuthChallenge", drop=["IdToken", "RefreshToken"])
    assert set(log_in(cognito, browser)) == {"AccessToken", "ExpiresIn", "TokenType"}
    cognito.fault("RespondToAuthChallenge", tokens={"user": BOB})
    assert claims_of(log_in(cognito, browser)["IdToken"])["email"] == BOB
    cognito.fault("RespondToAuthChallenge", success_any_code=True)
    assert "AuthenticationResult" in browser.respond(browser.start()["Session"], "00000000")
    cognito.fault("InitiateAuth", tokens_now=True)
    assert set(browser.start()) == {"AuthenticationResult", "ChallengeParameters"}
    cognito.fault("InitiateAuth", tokens_and_challenge=True)
    assert {"AuthenticationResult", "ChallengeName", "Session"} <= set(browser.start())
    cognito.fault("RespondToAuthChallenge", tokens_and_challenge=True)
    both = browser.respond(browser.start()["Session"], cognito.outbox()[-1]["code"])
    assert {"AuthenticationResult", "ChallengeName"} <= set(both)


@pytest.mark.parametrize("name", ["SOFTWARE_TOKEN_MFA", "SMS_MFA", "SELECT_MFA_TYPE", "MFA_SETUP", "QR_CODE",
                                  "NEW_PASSWORD_REQUIRED", "DEVICE_SRP_AUTH", "CUSTOM_CHALLENGE", "SELECT_CHALLENGE"])
def test_other_challenges(cognito, browser, name):
    cognito.fault("InitiateAuth", challenge=name)
    first = browser.start()
    assert first["ChallengeName"] == name and len(first["Session"]) == 1543
    assert not cognito.outbox()
    cognito.fault("RespondToAuthChallenge", challenge=name)
    again = browser.respond(browser.start()["Session"], cognito.last_code())
    assert again["ChallengeName"] == name and "AuthenticationResult" not in again


def test_new_session_instead_of_mismatch(cognito, browser):
    session = browser.start()["Session"]
    cognito.fault("RespondToAuthChallenge", challenge="EMAIL_OTP")
    again = browser.respond(session, "00000000")
    assert again["Session"] != session and len(cognito.outbox()) == 1
    assert "AuthenticationResult" in browser.respond(again["Session"], cognito.last_code())


def test_answers_replaced(cognito, browser):
    cognito.fault("InitiateAuth", status=503, body="<html>", content_type="text/html", headers={"X-A": "b"})
    status, headers, body = browser.post("InitiateAuth", START)
    assert (status, headers["Content-Type"], headers["X-A"], body) == (503, "text/html", "b", b"<html>")
    assert not cognito.outbox()
    cognito.fault("InitiateAuth", status=500)
    status, _, body = browser.post("InitiateAuth", START)
    assert status == 500 and b"EMAIL_OTP" in body and len(cognito.outbox()) == 1
    cognito.fault("InitiateAuth", patch={"Session": None, "ChallengeParameters.CODE_DELIVERY_DESTINATION": "\x1b[2J",
                                         "AuthenticationResult": {"$null": True}, "Extra": [1]})
    answer = browser.start()
    assert "Session" not in answer and answer["AuthenticationResult"] is None and answer["Extra"] == [1]
    assert answer["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "\x1b[2J"
    cognito.fault("InitiateAuth", patch_text={"Session": '"one","Session":"two"', "Deep": "[" * 50 + "]" * 50})
    _, _, body = browser.post("InitiateAuth", START)
    assert b'"Session":"one","Session":"two"' in body and b"[[[[" in body
    cognito.fault("InitiateAuth", body_prefix="\ufeff", body_suffix="x", truncate=20)
    _, _, body = browser.post("InitiateAuth", START)
    assert body.startswith(b"\xef\xbb\xbf{") and len(body) == 20
    cognito.fault("InitiateAuth", body_base64=base64.b64encode(b"\xff\x00").decode())
    assert browser.post("InitiateAuth", START)[2] == b"\xff\x00"


def test_errors_with_and_without_processing(cognito, browser):
    session = browser.start()["Session"]
    code = cognito.last_code()
    cognito.fault("RespondToAuthChallenge", error={"type": "InternalErrorException"}, process=True)
    assert browser.respond(session, code)["__type"] == "InternalErrorException"
    assert "only be used once" in browser.respond(session, code)["message"]
    cognito.settings(model_status=True)
    assert browser.post("InitiateAuth", {**START, "ClientId": "nosuch"})[0] == 404
    cognito.settings(model_status=False)
    assert browser.post("InitiateAuth", {**START, "ClientId": "nosuch"})[0] == 400


@pytest.mark.parametrize("envelope, check", [
    ("namespace", lambda h, b: b["__type"].endswith("#UserNotFoundException")),
    ("namespace_colon", lambda h, b: ":http" in b["__type"] and "#" in b["__type"]),
    ("code", lambda h, b: b["code"] == "UserNotFoundException" and "x-amzn-ErrorType" not in h),
    ("header_empty_object", lambda h, b: b == {} and h["x-amzn-ErrorType"] == "UserNotFoundException:"),
    ("disagree", lambda h, b: h["x-amzn-ErrorType"] == "InternalErrorException:"),
    ("null", lambda h, b: b["__type"] is None), ("number", lambda h, b: b["__type"] == 400),
    ("empty", lambda h, b: b["__type"] == ""), ("huge", lambda h, b: len(b["__type"]) > 10000),
    ("no_message", lambda h, b: "message" not in b), ("Message", lambda h, b: b["Message"] == "words")])
def test_envelopes(cognito, browser, envelope, check):
    cognito.fault("InitiateAuth", error={"type": "UserNotFoundException", "message": "words", "envelope": envelope})
    status, headers, body = browser.post("InitiateAuth", START)
    assert status == 400 and check(headers, json.loads(body))


def test_queue_order_after_times_and_user(cognito, browser):
    error = {"type": "TooManyRequestsException", "message": "Rate exceeded"}
    cognito.fault("InitiateAuth", after=1, times=2, error=error)
    assert ["__type" in browser.start() for _ in range(4)] == [False, True, True, False]
    cognito.fault("InitiateAuth", times=None, user=BOB, error=error)
    assert ["__type" in browser.start(name) for name in (ALICE, BOB, BOB, ALICE)] == [False, True, True, False]
    assert len(cognito.faults()) == 1
    cognito.clear_faults()
    assert "__type" not in browser.start(BOB)


def test_wrong_spelling_is_refused(cognito):
    for arguments in ({"bogus": 1}, {"transport": "bogus"}, {"keys": "bogus"},
                      {"error": {"type": "X", "envelope": "bogus"}}):
        with pytest.raises(ControlError):
            cognito.fault("InitiateAuth", **arguments)
    for call in (lambda: cognito.user(ALICE, bogus=1), lambda: cognito.client(PUBLIC_CLIENT, bogus=1),
                 lambda: cognito.pool(bogus=1), lambda: cognito.settings(bogus=1), lambda: cognito.set_clock("x"),
                 lambda: cognito.call("nothing")):
        with pytest.raises(ControlError):
            call()


class RawTls:
    """TLS over a plain socket by hand: Python's own TLS socket shows a reset as an ordinary end."""

    def __init__(self, cognito):
        context = ssl.create_default_context(cafile=cognito.ca_file)
        self.sock = socket.create_connection(("127.0.0.1", cognito.https_port), timeout=5)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = context.wrap_bio(self.incoming, self.outgoing, server_hostname="localhost")
        self._until_done(self.tls.do_handshake)

    def _flush(self):
        data = self.outgoing.read()
        if data:
            self.sock.sendall(data)

    def _until_done(self, step):
        while True:
            try:
                result = step()
                self._flush()
                return result
            except ssl.SSLWantReadError:
                self._flush()
                data = self.sock.recv(65536)
                if not data:
                    return b""
                self.incoming.write(data)

    def send(self, data):
        self.tls.write(data)
        self._flush()

    def receive(self, timeout):
        self.sock.settimeout(max(0.05, timeout))
        try:
            return self._until_done(lambda: self.tls.read(65536))
        except ssl.SSLZeroReturnError:
            return b""


def raw_exchange(cognito, limit=1 << 20, seconds=3.0):
    """What comes back byte for byte, and how it ended: "eof", "reset", "timeout" or "limit"."""
    raw, received, deadline = RawTls(cognito), b"", time.monotonic() + seconds
    with raw.sock:
        raw.send(raw_request("InitiateAuth", START))
        try:
            while time.monotonic() < deadline and len(received) < limit:
                data = raw.receive(deadline - time.monotonic())
                received += data
                if not data:
                    return received, "eof"
        except ConnectionResetError:
            return received, "reset"
        except TimeoutError:
            pass
    return received, "limit" if len(received) >= limit else "timeout"


def raw_request(operation, body):
    data = json.dumps(body).encode()
    return (f"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/x-amz-json-1.1\r\n"
            f"X-Amz-Target: {target(operation)}\r\nContent-Length: {len(data)}\r\n\r\n").encode() + data


SHORT = {"hold": 1.0, "interval": 0.1}
TRANSPORT = {
    "close_before": (b"", "eof"), "close_headers": (b"HTTP/1.1 200", "eof"), "close_body": (b"{", "eof"),
    "reset_after_body": (b"", "reset"), "reset_body": (b"{", "reset"), "silent": (b"", "eof"),
    "slow_body": (b'\r\n\r\n{"Av', "eof"), "slow_headers": (b"HTTP/1.1", "eof"),
    "endless_header": (b"X-Filler", "limit"),
    "endless_body": (b"EMAIL_OTP", "limit"), "endless_chunks": (b"1000\r\n", "limit"),
    "huge_body": (b"Content-Length: 5000000", "limit"), "huge_header": (b"ffff", "limit"),
    "many_headers": (b"X-Filler-9999: f", "timeout"), "truncated": (b"EMAIL_OTP", "eof"),
    "short_length": (b"EMAIL_OTP", "eof"), "negative_length": (b"Content-Length: -1", "eof"),
    "duplicate_length": (b"EMAIL_OTP", "eof"), "no_length": (b"EMAIL_OTP", "eof"),
    "gzip": (b"Content-Encoding: gzip", "timeout"), "gzip_corrupt": (b"Content-Encoding: gzip", "timeout"),
    "gzip_bomb": (b"Content-Encoding: gzip", "eof"), "chunked": (b"\r\n0\r\n\r\n", "timeout"),
    "chunked_bad": (b"zz\r\n", "eof"), "chunked_no_end": (b"Transfer-Encoding: chunked", "eof"),
    "chunked_trailers": (b"X-Trailer: late", "timeout"), "http09": (b"{", "eof"), "http10": (b"HTTP/1.0 200", "eof"),
    "continue_once": (b"100 Continue\r\n\r\nHTTP/1.1 200", "timeout"),
    "continue_flood": (b"100 Continue\r\n\r\nHTTP/1.1 100", "limit"), "garbage": (bytes(range(256)), "eof"),
    "folded_header": (b"\r\n two", "timeout"), "nul_header": (b"a\0b", "timeout"),
    "redirect": (b"Location: https://x.invalid/", "timeout"), "close_after": (b"EMAIL_OTP", "eof"),
    "connection_close": (b"Connection: close", "eof"),
}


def test_every_transport_fault_is_tested():
    assert set(TRANSPORT) == set(PLAYS)


@pytest.mark.parametrize("name", sorted(TRANSPORT))
def test_transport(cognito, name):
    spec = {"size": 5000000} if name in ("huge_body", "huge_header", "gzip_bomb") else {}
    if name == "redirect":
        spec = {"location": "https://x.invalid/", "status": 307}
    cognito.fault("InitiateAuth", transport=name, **spec, **SHORT)
    wanted, how = TRANSPORT[name]
    received, end = raw_exchange(cognito, seconds=0.5 if how == "timeout" else 4.0)
    assert end == how
    assert wanted in received if wanted else received == b""
    assert [entry["complete"] for entry in cognito.requests("InitiateAuth")] == [True]
    assert len(cognito.outbox()) == 1
    assert Browser(cognito).start()["ChallengeName"] == "EMAIL_OTP"


def test_unprocessed_transport_fault(cognito):
    cognito.fault("InitiateAuth", transport="close_before", process=False)
    assert raw_exchange(cognito)[1] == "eof"
    assert not cognito.outbox()


def test_close_after_lingers_on_a_kept_connection(cognito, browser):
    cognito.fault("InitiateAuth", transport="close_after", linger=0.5)
    browser.start()
    time.sleep(0.8)
    with pytest.raises(OSError):
        browser.start()
    assert len(cognito.requests("InitiateAuth")) == 1


@pytest.mark.parametrize("name", ["reset_on_reuse", "close_on_reuse"])
def test_next_request_is_read_and_lost(cognito, browser, name):
    cognito.fault("InitiateAuth", transport=name)
    session = browser.start()["Session"]
    with pytest.raises(OSError):
        browser.respond(session, "12345678")
    lost = cognito.requests("RespondToAuthChallenge")
    assert len(lost) == 1 and lost[0]["complete"] and lost[0]["status"] is None
    assert lost[0]["connection"] == cognito.requests("InitiateAuth")[0]["connection"]


@pytest.mark.parametrize("name", ["handshake_stall", "close", "reset", "garbage"])
def test_connection_faults(cognito, name):
    cognito.fault("connect", transport=name, hold=1.0)
    with pytest.raises(OSError):
        Browser(cognito, timeout=0.5).start()
    assert Browser(cognito).start()["ChallengeName"] == "EMAIL_OTP"
    assert cognito.connections()["accepted"] == 2


def test_bad_certificates(cognito):
    context = ssl.create_default_context(cafile=cognito.ca_file)
    for profile, port in cognito.profiles.items():
        with pytest.raises(OSError):
            http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=5).request("GET", "/")
        assert cognito.connections()["list"][-1]["profile"] == profile
    assert not cognito.requests()


def test_delay_and_late_mail(cognito, browser):
    cognito.fault("InitiateAuth", delay=0.5)
    before = time.monotonic()
    browser.start()
    assert time.monotonic() - before >= 0.5
    cognito.clear_outbox()
    cognito.fault("InitiateAuth", late_mail=0.5)
    browser.start()
    assert not cognito.outbox()
    assert cognito.wait_mail(1, 3)
    cognito.fault("InitiateAuth", no_mail=True)
    browser.start()
    with pytest.raises(TimeoutError):
        cognito.wait_mail(2, 0.3)


@pytest.mark.parametrize("how", sorted(MUTATIONS))
def test_key_sets(cognito, browser, how):
    path = f"/{POOL}/.well-known/jwks.json"
    good = json.loads(browser.get(path)[1])
    cognito.fault("jwks", keys=how)
    assert json.loads(browser.get(path)[1]) != good
    assert json.loads(browser.get(path)[1]) == good
    assert len(cognito.requests("jwks")) == 3


@pytest.mark.parametrize("sign, keys", [("other_key", "other_modulus"), ("small_key", "small_modulus"),
                                        ("e3_key", "e3")])
def test_odd_keys_match_their_signatures(cognito, browser, sign, keys):
    cognito.fault("RespondToAuthChallenge", tokens={"id": {"sign": sign}, "access": {"sign": sign}})
    cognito.fault("jwks", keys=keys)
    tokens = log_in(cognito, browser)
    published = json.loads(browser.get(f"/{POOL}/.well-known/jwks.json")[1])
    assert verifies(tokens["IdToken"], published) and verifies(tokens["AccessToken"], published)


def test_key_rotation(cognito, browser):
    old = cognito.jwks()["keys"]
    tokens = log_in(cognito, browser)
    assert len(cognito.rotate_keys(keep_old=True)["keys"]) == 4
    assert verifies(tokens["IdToken"], cognito.jwks())
    assert len(cognito.rotate_keys(keep_old=False)["keys"]) == 2
    assert not verifies(tokens["IdToken"], cognito.jwks())
    assert verifies(log_in(cognito, browser)["IdToken"], cognito.jwks())
    cognito.reset()
    assert cognito.jwks()["keys"] == old


@pytest.mark.parametrize("body, error_type", [
    (b"", "SerializationException"), (b"[]", "SerializationException"), (b"\xff", "SerializationException"),
    ({}, "InvalidParameterException"), ({**START, "AuthFlow": "BOGUS"}, "InvalidParameterException"),
    ({**START, "ClientId": "a b"}, "InvalidParameterException"),
    ({**START, "AuthParameters": {"USERNAME": 1}}, "SerializationException"),
    ({**START, "AuthParameters": []}, "SerializationException"),
    ({**START, "Session": "short"}, "InvalidParameterException"),
    ({**START, "ClientId": "nosuch"}, "ResourceNotFoundException")])
def test_request_checks(browser, body, error_type):
    status, headers, answer = browser.post("InitiateAuth", body)
    assert status == 400
    assert json.loads(answer)["__type"].rpartition("#")[2] == error_type
    assert headers["x-amzn-ErrorType"] == f"{error_type}:"


def test_envelope_checks(cognito, browser):
    assert browser.json("NoSuchOperation", {})["__type"] == "UnknownOperationException"
    assert b"UnknownOperation" in browser.post("InitiateAuth", START, **{"Content-Type": "text/plain"})[2]
    assert b"UnknownOperation" in browser.post("InitiateAuth", START, **{"X-Amz-Target": "InitiateAuth"})[2]
    assert browser.post("InitiateAuth", START, Authorization="anything")[0] == 200
    cognito.settings(strict={"authorization": True})
    assert browser.post("InitiateAuth", START, Authorization="anything")[0] == 400
    assert browser.get("/nowhere/.well-known/jwks.json")[0] == 404


def test_expect_chunked_and_pipelined_requests(cognito, browser):
    assert b"EMAIL_OTP" in browser.post("InitiateAuth", START, Expect="100-continue")[2]
    browser.connection.request("POST", "/", iter([json.dumps(START).encode()]), {
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": target("InitiateAuth")}, encode_chunked=True)
    assert b"EMAIL_OTP" in browser.connection.getresponse().read()
    assert cognito.requests()[-1]["headers"]["transfer-encoding"] == "chunked"


def test_cut_off_request_is_logged(cognito):
    context = ssl.create_default_context(cafile=cognito.ca_file)
    with context.wrap_socket(socket.create_connection(("127.0.0.1", cognito.https_port)),
                             server_hostname="localhost") as tls:
        tls.sendall(raw_request("InitiateAuth", START)[:-5])
    assert [entry["complete"] for entry in cognito.wait_requests("InitiateAuth")] == [False]
    assert not cognito.outbox()


def test_lockout_resend_and_disabled_modes(cognito, browser):
    cognito.pool(lockout_after=2, resend="newest")
    first, second = browser.start()["Session"], browser.start()["Session"]
    old, new = (mail["code"] for mail in cognito.outbox())
    assert "expired" in browser.respond(first, old)["message"]
    for _ in range(2):
        assert browser.respond(second, "x")["__type"] == "CodeMismatchException"
    assert browser.respond(second, new)["message"] == "Password attempts exceeded"
    cognito.set_clock(offset=5)
    assert "AuthenticationResult" in browser.respond(second, new)
    cognito.pool(disabled_at="simulate")
    assert browser.start("disabled@example.com")["ChallengeName"] == "EMAIL_OTP"
    assert not cognito.outbox("disabled@example.com")
    cognito.pool(disabled_at="respond")
    session = browser.start("disabled@example.com")["Session"]
    assert browser.respond(session, cognito.last_code("disabled@example.com"),
                           "disabled@example.com")["message"] == "User is disabled."


@pytest.mark.parametrize("name", sorted(set(MAGIC) - {"silent", "slow"}))
def test_magic_names(cognito, browser, name):
    username = f"fault+{name}@example.com"
    status, _, body = browser.post("InitiateAuth", {**START, "AuthParameters": {
        "USERNAME": username, "PREFERRED_CHALLENGE": "EMAIL_OTP"}})
    if MAGIC[name][0] == "InitiateAuth":
        assert status >= 400 or b"EMAIL_OTP" not in body or not cognito.outbox()
        return
    answer = browser.respond(json.loads(body)["Session"], cognito.last_code(username), username)
    good = {"CodeMismatchException", "ExpiredCodeException", "NotAuthorizedException"}
    assert answer.get("__type") in good or "ChallengeName" in answer or "AuthenticationResult" in answer


def test_same_seed_same_codes(cognito, browser):
    cognito.settings(seed=7)
    browser.start()
    first = cognito.last_code()
    cognito.reset()
    cognito.settings(seed=7)
    browser.start()
    assert cognito.last_code() == first


def test_command_line_and_restart(cognito, tmp_path):
    done = subprocess.run([sys.executable, "-B", str(PACKAGE / "client.py"), str(cognito.state_dir), "info"],
                          capture_output=True, text=True, timeout=20, check=True)
    assert json.loads(done.stdout)["https_port"] == cognito.https_port
    with LocalCognito(tmp_path / "state", names=["other.example"]) as first:
        keys, process = first.jwks(), first.process
    assert process.returncode == 0
    assert not (tmp_path / "state" / "ready.json").exists()
    config = {"pools": [{"id": POOL, "clients": [{"id": "abc"}], "users": []}]}
    with LocalCognito(tmp_path / "state", config=config) as second:
        assert second.jwks() == keys
        assert second.pools[0]["clients"] == ["abc"]
        second.process.stdin.close()
        assert second.process.wait(10) == 0
