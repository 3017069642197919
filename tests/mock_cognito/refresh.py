"""Operations on tokens that were given out: refresh, revocation, GetUser, sign-out."""

import hmac

from .errors import ServiceError, invalid_parameter, not_authorized, user_not_found
from .factors import configured_factors
from .secret_hash import check_secret_hash


def refresh_token_auth(call, pool, client):
    """InitiateAuth with REFRESH_TOKEN_AUTH; the hash is over the internal user name."""
    if client.refresh_token_rotation or not client.allows("REFRESH_TOKEN_AUTH"):
        raise invalid_parameter("REFRESH_TOKEN_AUTH flow not enabled for this client")
    token = call.parameter("REFRESH_TOKEN")
    grant = call.world.grants.redeem(token, client)
    user = refreshing_user(pool, grant)
    check_secret_hash(client, user.username, call.parameters().get("SECRET_HASH"))
    result = call.world.issue(pool, client, user, grant, call.fault)
    return {"AuthenticationResult": result, "ChallengeParameters": {}}


def get_tokens_from_refresh_token(call):
    pool, client = call.client()
    check_client_secret(client, call.body.get("ClientSecret"), not_authorized)
    token = call.body["RefreshToken"]
    grant = call.world.grants.redeem(token, client)
    user = refreshing_user(pool, grant)
    result = call.world.issue(pool, client, user, grant, call.fault)
    if client.refresh_token_rotation and "RefreshToken" not in call.fault.get("drop", []):
        result["RefreshToken"] = call.world.grants.replace(token, grant)
    return {"AuthenticationResult": result}


def refreshing_user(pool, grant):
    user = pool.users.get(grant.user)
    if user is None:
        raise user_not_found()
    if not user.enabled:
        raise not_authorized("User is disabled.")
    return user


def check_client_secret(client, given, refusal):
    """These two operations take the secret itself."""
    if not client.secrets:
        return
    if not given or not any(hmac.compare_digest(given.encode(), secret.encode()) for secret in client.secrets):
        raise refusal(f"Unable to verify secret for client {client.id}")


def unauthorized(message):
    return ServiceError("UnauthorizedException", message)


def revoke_token(call):
    _, client = call.client()
    check_client_secret(client, call.body.get("ClientSecret"), unauthorized)
    if not client.enable_token_revocation:
        raise ServiceError("UnsupportedOperationException", "Token revocation is not enabled for this client")
    token = call.body["Token"]
    grant = call.world.grants.refresh_tokens.get(token)
    if grant is None:
        if token.count(".") == 2:
            raise ServiceError("UnsupportedTokenTypeException", "Unsupported token type")
        raise invalid_parameter("Invalid Refresh Token")
    if grant.client != client.id:
        raise unauthorized("Invalid token for this client")
    grant.revoked = True
    return {}


def access_token_user(call):
    """Pool and user of the access token in the request."""
    grant = call.world.grants.look_up_access(call.body["AccessToken"])
    pool = call.world.store.pool(grant.pool)
    return pool, refreshing_user(pool, grant)


def get_user(call):
    _, user = access_token_user(call)
    answer = {"Username": user.username, "UserAttributes": attribute_list(user)}
    return answer | mfa_members(user)


def get_user_auth_factors(call):
    pool, user = access_token_user(call)
    return {"Username": user.username, "ConfiguredUserAuthFactors": configured_factors(pool, user)} | mfa_members(user)


def global_sign_out(call):
    pool, user = access_token_user(call)
    call.world.grants.sign_out(pool, user)
    return {}


def mfa_members(user):
    members = {}
    if user.preferred_mfa:
        members["PreferredMfaSetting"] = user.preferred_mfa
    if user.mfa:
        members["UserMFASettingList"] = list(user.mfa)
    return members


def attribute_list(user):
    """Attributes as the API lists them: all values are strings."""
    values = {"sub": user.sub, "email_verified": user.email_verified, "email": user.email,
              "phone_number_verified": user.phone_number_verified, "phone_number": user.phone_number,
              **user.attributes}
    return [{"Name": name, "Value": str(value).lower() if isinstance(value, bool) else str(value)}
            for name, value in values.items() if value is not None]
