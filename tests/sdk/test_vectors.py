"""The server's own arithmetic against the published test vectors: secret hash and request signature."""

import pytest
from mock_cognito.clock import Clock
from mock_cognito.errors import ServiceError
from mock_cognito.secret_hash import secret_hash
from mock_cognito.sigv4 import Verifier, canonical_request, sha256_hex, signature, signing_key
from mock_cognito.transport import Request

CLIENT = "1h57kf5cpq17m0eml12EXAMPLE"
CLIENT_SECRET = "1exampleclientsecret0123456789abcdefghijklmnopqrstu"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample=="
DATE = "20260115T101112Z"
DATE_SECONDS = 1768471872
REGION = "eu-west-1"
BODY = b'{"UserPoolId":"eu-west-1_Ab129faBb","Username":"alice@example.com"}'
HEADERS = {
    "content-type": "application/x-amz-json-1.1", "host": "cognito-idp.eu-west-1.amazonaws.com", "x-amz-date": DATE,
    "x-amz-target": "AWSCognitoIdentityProviderService.AdminGetUser",
}
VECTORS = [
    (None, "624f3b7f821d0a74f1255d8f5f05e94204a35c0b0690015d8b699482a4bebc50",
     "be81a1d10c3bf908a240c380c408bc044b69e53eb550857b6dff7587f0bdfbe9"),
    (TOKEN, "1576d569ee41eaa22ba3d7eb9eb390f9de800c50055ee2d64e01680044efb41f",
     "9fda49b3cb9d9d7800cdbdcc1d32681bd6871d145055d5fa44abe8f8fe805e5d"),
]


@pytest.mark.parametrize("username, wanted", [
    ("alice@example.com", "r2wRVQNpzd4l/xh5o0eUuscnrrvNRChiihy7b6pwyxo="),
    ("alice", "zru8qdZMPBTTy6m1jk7c47DXnNl/pfUGq2rKOqGSLGg="),
    ("c2c5d4e4-0011-70aa-b1c2-1234567890ab", "0sbbVsdH0u9eWZP2GeB4BuE5OGoSW3qsEmNlylq3RJY="),
    ("zo\u00eb@example.com", "ajEcN0zKDwXfcgDbYOkKcFe2rUpxEgQ7s5lftha6jlE="),
])
def test_secret_hash(username, wanted):
    assert secret_hash(username, CLIENT, CLIENT_SECRET) == wanted


def test_signing_key():
    assert sha256_hex(BODY) == "d0d6ea86e30ea700481fe16140fb47bacad9884467737dd984cc502af180db66"
    assert signing_key(SECRET_KEY, "20260115", REGION).hex() == \
        "a6265c0a5a115aac7041934379fcfc9fdd2ea8165800a53c24865625bf4c4103"


@pytest.mark.parametrize("token, canonical_hash, wanted", VECTORS)
def test_signature(token, canonical_hash, wanted):
    headers = headers_with(token)
    canonical = canonical_request("POST", "/", "", headers, sorted(headers), BODY)
    assert sha256_hex(canonical.encode()) == canonical_hash
    assert signature(SECRET_KEY, DATE, REGION, canonical) == wanted


def headers_with(token):
    return HEADERS | ({"x-amz-security-token": token} if token else {})


class Credentials:
    """As much of a store as the verifier asks for."""

    def __init__(self, token, **more):
        self.credentials = {ACCESS_KEY: {"secret": SECRET_KEY, "token": token, **more}}


def check(token, given, now=DATE_SECONDS, changed=None, signed=None, region=REGION, service="cognito-idp", body=BODY,
          **more):
    headers = headers_with(token)
    names = ";".join(signed or sorted(headers))
    scope = f"{DATE[:8]}/{region}/{service}/aws4_request"
    authorization = f"AWS4-HMAC-SHA256 Credential={ACCESS_KEY}/{scope}, SignedHeaders={names}, Signature={given}"
    headers |= {"authorization": authorization} | (changed or {})
    headers = {name: value for name, value in headers.items() if value is not None}
    clock = Clock()
    verifier = Verifier(clock, Credentials(token, **more))
    clock.set(signature_offset=now - clock.now())
    verifier.check(Request("POST", "/", "HTTP/1.1", [], headers, body, True), REGION, "AdminGetUser", "arn")


@pytest.mark.parametrize("token, _, wanted", VECTORS)
def test_verifier_accepts_the_vectors(token, _, wanted):
    check(token, wanted)
    check(token, wanted, now=DATE_SECONDS + 240)
    check(token, wanted, now=DATE_SECONDS - 240)
    check(token, wanted, expires=DATE_SECONDS + 1)


@pytest.mark.parametrize("arguments, error_type", [
    ({"given": "0" * 64}, "InvalidSignatureException"),
    ({"now": DATE_SECONDS + 360}, "InvalidSignatureException"),
    ({"now": DATE_SECONDS - 360}, "InvalidSignatureException"),
    ({"region": "us-east-1"}, "InvalidSignatureException"),
    ({"service": "sts"}, "InvalidSignatureException"),
    ({"body": BODY.replace(b"alice", b"admin")}, "InvalidSignatureException"),
    ({"body": b""}, "InvalidSignatureException"),
    ({"signed": ["content-type", "host", "x-amz-date"]}, "InvalidSignatureException"),
    ({"signed": ["content-type", "host", "x-amz-date", "x-amz-target"]}, "InvalidSignatureException"),
    ({"signed": ["content-type", "host", "x-amz-date", "x-amz-security-token"]}, "InvalidSignatureException"),
    ({"changed": {"x-amz-security-token": None}}, "UnrecognizedClientException"),
    ({"changed": {"x-amz-target": "AWSCognitoIdentityProviderService.AdminDeleteUser"}}, "InvalidSignatureException"),
    ({"changed": {"host": "cognito-idp.eu-west-2.amazonaws.com"}}, "InvalidSignatureException"),
    ({"expires": DATE_SECONDS}, "ExpiredTokenException"),
    ({"expired": True}, "ExpiredTokenException"),
    ({"changed": {"content-type": "text/plain"}}, "InvalidSignatureException"),
    ({"changed": {"x-amz-security-token": "other"}}, "UnrecognizedClientException"),
    ({"changed": {"authorization": ""}}, "MissingAuthenticationTokenException"),
    ({"changed": {"authorization": "AWS4-HMAC-SHA256 Credential=x"}}, "IncompleteSignatureException"),
])
def test_verifier_refuses(arguments, error_type):
    token, _, wanted = VECTORS[1]
    with pytest.raises(ServiceError) as caught:
        check(token, **({"given": wanted} | arguments))
    assert caught.value.type == error_type
