"""The server as boto3 sees it: the official client parses its answers and raises its errors by their classes."""

import json
import ssl
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore import UNSIGNED
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.config import Config
from botocore.credentials import Credentials
from botocore.exceptions import ClientError
from mock_cognito.defaults import CLIENT, POOL, PUBLIC_CLIENT, SECRET
from mock_cognito.secret_hash import secret_hash

ALICE = "alice@example.com"
ALICE_SUB = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
ACCESS_KEY = "AKIDEXAMPLE"
SECRET_KEY = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SESSION_TOKEN = "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample=="


def connect(cognito, access_key=None, secret_key=None, token=None):
    config = Config(signature_version=None if access_key else UNSIGNED, proxies={}, connect_timeout=5, read_timeout=15,
                    retries={"total_max_attempts": 1})
    return boto3.client("cognito-idp", region_name="eu-west-1", endpoint_url=cognito.numeric_endpoint,
                        verify=cognito.ca_file,
                        aws_access_key_id=access_key, aws_secret_access_key=secret_key, aws_session_token=token,
                        config=config)


@pytest.fixture
def client(cognito):
    return connect(cognito)


@pytest.fixture
def admin(cognito):
    return connect(cognito, ACCESS_KEY, SECRET_KEY)


def start(client, username=ALICE, client_id=CLIENT, preferred="EMAIL_OTP"):
    parameters = {"USERNAME": username}
    if preferred:
        parameters["PREFERRED_CHALLENGE"] = preferred
    if client_id == CLIENT:
        parameters["SECRET_HASH"] = secret_hash(username, CLIENT, SECRET)
    return client.initiate_auth(AuthFlow="USER_AUTH", ClientId=client_id, AuthParameters=parameters)


def answer(client, challenge, username=ALICE, client_id=CLIENT, **responses):
    responses = {"USERNAME": username, **responses}
    if client_id == CLIENT:
        responses["SECRET_HASH"] = secret_hash(username, CLIENT, SECRET)
    return client.respond_to_auth_challenge(ClientId=client_id, ChallengeName=challenge["ChallengeName"],
                                            Session=challenge["Session"], ChallengeResponses=responses)


def log_in(cognito, client, username=ALICE, client_id=CLIENT):
    challenge = start(client, username, client_id)
    code = cognito.last_code(username)
    return answer(client, challenge, username, client_id, EMAIL_OTP_CODE=code)["AuthenticationResult"]


def test_email_code(cognito, client):
    challenge = start(client)
    assert challenge["ChallengeName"] == "EMAIL_OTP"
    assert challenge["ChallengeParameters"] == {"CODE_DELIVERY_DELIVERY_MEDIUM": "EMAIL",
                                                "CODE_DELIVERY_DESTINATION": "a***@e***"}
    assert len(challenge["Session"]) == 1543
    code = cognito.last_code(ALICE)
    assert len(code) == 8
    result = answer(client, challenge, EMAIL_OTP_CODE=code)["AuthenticationResult"]
    assert set(result) == {"AccessToken", "ExpiresIn", "IdToken", "RefreshToken", "TokenType"}
    assert result["RefreshToken"].startswith("eyJjdHki")


def test_text_message_code(cognito, client):
    challenge = start(client, "carol@example.com", preferred="SMS_OTP")
    assert challenge["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "+*******0199"
    mail = cognito.wait_mail()[-1]
    assert (mail["medium"], mail["destination"]) == ("SMS", "+12065550199")
    assert answer(client, challenge, "carol@example.com", SMS_OTP_CODE=mail["code"])["AuthenticationResult"]


def test_select_challenge(cognito, client):
    choice = start(client, preferred="SMS_OTP")
    assert choice["ChallengeName"] == "SELECT_CHALLENGE"
    assert not cognito.outbox()
    challenge = answer(client, choice, ANSWER="EMAIL_OTP")
    assert challenge["ChallengeName"] == "EMAIL_OTP"
    assert challenge["Session"] != choice["Session"]
    code = cognito.last_code()
    with pytest.raises(client.exceptions.NotAuthorizedException):
        answer(client, {**challenge, "Session": choice["Session"]}, EMAIL_OTP_CODE=code)
    assert answer(client, challenge, EMAIL_OTP_CODE=code)["AuthenticationResult"]


def test_wrong_code_then_right_then_spent(cognito, client):
    cognito.next_code("01234567")
    challenge = start(client)
    for wrong in ("00000000", "1234567", "99999999"):
        with pytest.raises(client.exceptions.CodeMismatchException):
            answer(client, challenge, EMAIL_OTP_CODE=wrong)
    assert answer(client, challenge, EMAIL_OTP_CODE="01234567")["AuthenticationResult"]
    with pytest.raises(client.exceptions.NotAuthorizedException, match="only be used once"):
        answer(client, challenge, EMAIL_OTP_CODE="01234567")


def test_session_expires(cognito, client):
    challenge = start(client)
    cognito.set_clock(offset=181)
    with pytest.raises(client.exceptions.NotAuthorizedException, match="session is expired"):
        answer(client, challenge, EMAIL_OTP_CODE=cognito.last_code())


def test_session_of_another_user_or_client(cognito, client):
    challenge = start(client)
    code = cognito.last_code()
    with pytest.raises(client.exceptions.NotAuthorizedException, match="Invalid session for the user."):
        answer(client, challenge, "bob@example.com", EMAIL_OTP_CODE=code)
    with pytest.raises(client.exceptions.NotAuthorizedException, match="Invalid session for the user."):
        answer(client, challenge, client_id=PUBLIC_CLIENT, EMAIL_OTP_CODE=code)
    assert answer(client, challenge, ALICE_SUB, EMAIL_OTP_CODE=code)["AuthenticationResult"]


def test_secret_hash_is_checked(client):
    with pytest.raises(client.exceptions.NotAuthorizedException, match="SECRET_HASH was not received"):
        client.initiate_auth(AuthFlow="USER_AUTH", ClientId=CLIENT, AuthParameters={"USERNAME": ALICE})
    with pytest.raises(client.exceptions.NotAuthorizedException, match="Unable to verify secret hash"):
        client.initiate_auth(AuthFlow="USER_AUTH", ClientId=CLIENT,
                             AuthParameters={"USERNAME": ALICE, "SECRET_HASH": "x" * 44})


def test_unknown_user_with_and_without_masking(cognito, client):
    challenge = start(client, "ghost@nowhere.org")
    assert challenge["ChallengeParameters"]["CODE_DELIVERY_DESTINATION"] == "g***@n***"
    with pytest.raises(client.exceptions.CodeMismatchException):
        answer(client, challenge, "ghost@nowhere.org", EMAIL_OTP_CODE="12345678")
    assert not cognito.outbox()
    cognito.client(CLIENT, prevent_user_existence_errors="LEGACY")
    with pytest.raises(client.exceptions.UserNotFoundException):
        start(client, "ghost@nowhere.org")


def signed(cognito, operation, **body):
    """An operation that this SDK is too old to know, signed by its own signer; status and answer."""
    request = AWSRequest("POST", cognito.numeric_endpoint + "/", data=json.dumps(body), headers={
        "Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": f"AWSCognitoIdentityProviderService.{operation}"})
    SigV4Auth(Credentials(ACCESS_KEY, SECRET_KEY), "cognito-idp", "eu-west-1").add_auth(request)
    prepared = urllib.request.Request(request.url, request.data.encode(), dict(request.headers))
    context = ssl.create_default_context(cafile=cognito.ca_file)
    opener = urllib.request.build_opener(
        urllib.request.ProxyHandler({}), urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(prepared, timeout=15) as answered:
            return answered.status, json.load(answered)
    except urllib.error.HTTPError as error:
        return error.code, json.load(error)


def test_two_secrets_and_one_again(cognito, client):
    """A secret is added, both count, the old one goes, and the last one stays."""
    which = {"UserPoolId": POOL, "ClientId": CLIENT}
    status, added = signed(cognito, "AddUserPoolClientSecret", **which)
    assert status == 200 and added["ClientSecretDescriptor"]["ClientSecretValue"] != SECRET
    assert signed(cognito, "AddUserPoolClientSecret", **which)[1]["__type"] == "LimitExceededException"
    listed = signed(cognito, "ListUserPoolClientSecrets", **which)[1]["ClientSecrets"]
    old, new = (one["ClientSecretId"] for one in listed)
    assert new == added["ClientSecretDescriptor"]["ClientSecretId"]
    assert start(client)["ChallengeName"] == "EMAIL_OTP"
    assert signed(cognito, "DeleteUserPoolClientSecret", ClientSecretId=old, **which) == (200, {})
    with pytest.raises(client.exceptions.NotAuthorizedException, match="secret hash"):
        start(client)
    assert signed(cognito, "DeleteUserPoolClientSecret", ClientSecretId=new, **which)[0] == 400


def test_account_states(cognito, client):
    assert start(client, "temp@example.com")["ChallengeName"] == "SELECT_CHALLENGE"
    with pytest.raises(client.exceptions.NotAuthorizedException, match="User is disabled."):
        start(client, "disabled@example.com")
    cognito.user("bob@example.com", status="RESET_REQUIRED")
    with pytest.raises(client.exceptions.PasswordResetRequiredException):
        start(client, "bob@example.com")
    cognito.user("bob@example.com", status="UNCONFIRMED", email_verified=False)
    log_in(cognito, client, "bob@example.com")
    bob = cognito.user("bob@example.com")
    assert (bob["status"], bob["email_verified"]) == ("CONFIRMED", True)


def test_set_up_errors(cognito, client):
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        start(client, client_id="nosuchclient")
    cognito.client(PUBLIC_CLIENT, explicit_auth_flows=["ALLOW_REFRESH_TOKEN_AUTH"])
    with pytest.raises(client.exceptions.InvalidParameterException, match="USER_AUTH flow not enabled"):
        start(client, client_id=PUBLIC_CLIENT)
    with pytest.raises(client.exceptions.InvalidParameterException, match="Missing required parameter USERNAME"):
        cognito.reset()
        client.initiate_auth(AuthFlow="USER_AUTH", ClientId=PUBLIC_CLIENT)


# Older botocore understands no more than these; the JavaScript test has the rest.
@pytest.mark.parametrize("envelope", ["bare", "namespace", "Message", "disagree"])
def test_error_envelopes(cognito, client, envelope):
    cognito.fault("InitiateAuth", error={"type": "TooManyRequestsException", "message": "Rate exceeded",
                                         "envelope": envelope})
    with pytest.raises(client.exceptions.TooManyRequestsException):
        start(client)
    assert start(client)["ChallengeName"] == "EMAIL_OTP"


def test_refresh_and_revoke(cognito, client):
    tokens = log_in(cognito, client, client_id=PUBLIC_CLIENT)
    fresh = client.initiate_auth(AuthFlow="REFRESH_TOKEN_AUTH", ClientId=PUBLIC_CLIENT,
                                 AuthParameters={"REFRESH_TOKEN": tokens["RefreshToken"]})["AuthenticationResult"]
    assert "RefreshToken" not in fresh
    assert fresh["AccessToken"] != tokens["AccessToken"]
    client.revoke_token(Token=tokens["RefreshToken"], ClientId=PUBLIC_CLIENT)
    client.revoke_token(Token=tokens["RefreshToken"], ClientId=PUBLIC_CLIENT)
    with pytest.raises(client.exceptions.NotAuthorizedException, match="revoked"):
        client.get_user(AccessToken=fresh["AccessToken"])
    with pytest.raises(client.exceptions.UnsupportedTokenTypeException):
        client.revoke_token(Token=tokens["AccessToken"], ClientId=PUBLIC_CLIENT)


def test_refresh_with_secret_wants_the_internal_name(cognito, client):
    cognito.client(CLIENT, refresh_token_rotation=False,
                   explicit_auth_flows=["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"])
    token = log_in(cognito, client)["RefreshToken"]

    def refresh(name):
        return client.initiate_auth(AuthFlow="REFRESH_TOKEN_AUTH", ClientId=CLIENT, AuthParameters={
            "REFRESH_TOKEN": token, "SECRET_HASH": secret_hash(name, CLIENT, SECRET)})
    with pytest.raises(client.exceptions.NotAuthorizedException, match="secret hash"):
        refresh(ALICE)
    assert refresh(ALICE_SUB)["AuthenticationResult"]


def test_rotation(cognito, client):
    if not hasattr(client, "get_tokens_from_refresh_token"):
        pytest.skip("this botocore does not know GetTokensFromRefreshToken; the JavaScript test covers it")
    token = log_in(cognito, client)["RefreshToken"]
    fresh = client.get_tokens_from_refresh_token(RefreshToken=token, ClientId=CLIENT, ClientSecret=SECRET)
    assert fresh["AuthenticationResult"]["RefreshToken"] != token
    cognito.set_clock(offset=11)
    with pytest.raises(client.exceptions.RefreshTokenReuseException):
        client.get_tokens_from_refresh_token(RefreshToken=token, ClientId=CLIENT, ClientSecret=SECRET)


def test_get_user_and_global_sign_out(cognito, client):
    tokens = log_in(cognito, client)
    user = client.get_user(AccessToken=tokens["AccessToken"])
    assert user["Username"] == ALICE_SUB
    assert {"Name": "email_verified", "Value": "true"} in user["UserAttributes"]
    client.global_sign_out(AccessToken=tokens["AccessToken"])
    with pytest.raises(client.exceptions.NotAuthorizedException):
        client.get_user(AccessToken=tokens["AccessToken"])


def test_admin_get_user(cognito, admin):
    user = admin.admin_get_user(UserPoolId=POOL, Username=ALICE)
    assert (user["Username"], user["Enabled"], user["UserStatus"]) == (ALICE_SUB, True, "CONFIRMED")
    assert abs(user["UserCreateDate"].timestamp() - time.time()) < 3600
    with pytest.raises(admin.exceptions.UserNotFoundException):
        admin.admin_get_user(UserPoolId=POOL, Username="ghost@nowhere.org")
    with pytest.raises(admin.exceptions.ResourceNotFoundException):
        admin.admin_get_user(UserPoolId="eu-west-1_nowhere", Username=ALICE)
    assert all("authorization" in entry["headers"] for entry in cognito.requests("AdminGetUser"))


def test_admin_create_user(cognito, admin, client):
    attributes = [{"Name": "email", "Value": "dave@example.com"}, {"Name": "email_verified", "Value": "true"}]
    made = admin.admin_create_user(UserPoolId=POOL, Username="dave@example.com", UserAttributes=attributes,
                                   MessageAction="SUPPRESS")["User"]
    assert made["UserStatus"] == "CONFIRMED"
    with pytest.raises(admin.exceptions.UsernameExistsException):
        admin.admin_create_user(UserPoolId=POOL, Username="Dave@example.com", MessageAction="SUPPRESS")
    assert log_in(cognito, client, "dave@example.com")["IdToken"]
    made = admin.admin_create_user(UserPoolId=POOL, Username="erin@example.com", TemporaryPassword="Temporary-1",
                                   MessageAction="SUPPRESS")["User"]
    assert made["UserStatus"] == "FORCE_CHANGE_PASSWORD"
    admin.admin_set_user_password(UserPoolId=POOL, Username="erin@example.com", Password="Permanent-1",
                                  Permanent=True)
    assert admin.admin_get_user(UserPoolId=POOL, Username="erin@example.com")["UserStatus"] == "CONFIRMED"


def test_admin_changes(cognito, admin, client):
    tokens = log_in(cognito, client)
    admin.admin_disable_user(UserPoolId=POOL, Username=ALICE)
    with pytest.raises(client.exceptions.NotAuthorizedException):
        client.get_user(AccessToken=tokens["AccessToken"])
    assert admin.admin_get_user(UserPoolId=POOL, Username=ALICE)["Enabled"] is False
    admin.admin_enable_user(UserPoolId=POOL, Username=ALICE)
    admin.admin_update_user_attributes(UserPoolId=POOL, Username=ALICE,
                                       UserAttributes=[{"Name": "email_verified", "Value": "false"}])
    user = admin.admin_get_user(UserPoolId=POOL, Username=ALICE)
    assert {"Name": "email_verified", "Value": "false"} in user["UserAttributes"]
    admin.admin_user_global_sign_out(UserPoolId=POOL, Username=ALICE)


def test_descriptions_and_list(admin):
    pool = admin.describe_user_pool(UserPoolId=POOL)["UserPool"]
    assert (pool["Id"], pool["MfaConfiguration"]) == (POOL, "OFF")
    client = admin.describe_user_pool_client(UserPoolId=POOL, ClientId=CLIENT)["UserPoolClient"]
    assert client["ClientSecret"] == SECRET
    found = admin.list_users(UserPoolId=POOL, Filter=f'email = "{ALICE}"')["Users"]
    assert [user["Username"] for user in found] == [ALICE_SUB]
    first = admin.list_users(UserPoolId=POOL, Limit=2)
    second = admin.list_users(UserPoolId=POOL, Limit=2, PaginationToken=first["PaginationToken"])
    assert len(first["Users"]) == len(second["Users"]) == 2
    assert first["Users"] != second["Users"]


def error_code(call):
    with pytest.raises(ClientError) as caught:
        call()
    return caught.value.response["Error"]["Code"]


def test_signatures(cognito, client):
    def get_user(*credentials):
        return connect(cognito, *credentials).admin_get_user(UserPoolId=POOL, Username=ALICE)
    assert get_user("ASIDEXAMPLE", SECRET_KEY, SESSION_TOKEN)["Username"] == ALICE_SUB
    assert error_code(lambda: get_user(ACCESS_KEY, "wrong")) == "InvalidSignatureException"
    assert error_code(lambda: get_user("NOSUCHKEY", "wrong")) == "UnrecognizedClientException"
    assert error_code(lambda: get_user("ASIDEXAMPLE", SECRET_KEY)) == "UnrecognizedClientException"
    assert error_code(lambda: get_user("AKDENIEDEXAMPLE", "deniedSecretEXAMPLE")) == "AccessDeniedException"
    assert error_code(lambda: client.admin_get_user(UserPoolId=POOL, Username=ALICE)) == \
        "MissingAuthenticationTokenException"
    cognito.set_clock(signature_offset=600)
    assert error_code(lambda: get_user(ACCESS_KEY, SECRET_KEY)) == "InvalidSignatureException"
