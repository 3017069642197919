"""The signed operations: looking at and changing users, describing pools and clients."""

import re

from .errors import ServiceError, invalid_parameter, user_not_found
from .factors import configured_factors
from .refresh import attribute_list, mfa_members

OWN_ATTRIBUTES = ("email", "email_verified", "phone_number", "phone_number_verified")


def wanted_user(call):
    pool = call.pool()
    user = call.user(pool, call.body["Username"])
    if user is None:
        raise user_not_found()
    return pool, user


def user_dates(user):
    return {"UserCreateDate": round(user.created, 3), "UserLastModifiedDate": round(user.modified, 3),
            "Enabled": user.enabled, "UserStatus": user.status}


def user_type(user):
    """A user inside AdminCreateUser and ListUsers: `Attributes`, not `UserAttributes`."""
    return {"Username": user.username, "Attributes": attribute_list(user)} | user_dates(user)


def admin_get_user(call):
    _, user = wanted_user(call)
    answer = {"Username": user.username, "UserAttributes": attribute_list(user)}
    return answer | user_dates(user) | mfa_members(user)


def admin_get_user_auth_factors(call):
    pool, user = wanted_user(call)
    return {"Username": user.username, "ConfiguredUserAuthFactors": configured_factors(pool, user)} | mfa_members(user)


def attributes_in(body):
    """The attribute list of a request as fields of a user."""
    values = {}
    for entry in body.get("UserAttributes") or []:
        if not isinstance(entry, dict) or not isinstance(entry.get("Name"), str):
            raise invalid_parameter("1 validation error detected: Value at 'userAttributes' failed to satisfy "
                                    "constraint: Member must not be null")
        value = entry.get("Value") or ""
        values[entry["Name"]] = value.lower() == "true" if entry["Name"].endswith("_verified") else value
    return values


def apply_attributes(user, values):
    for name, value in values.items():
        if name in OWN_ATTRIBUTES:
            setattr(user, name, value)
        elif name != "sub":
            user.attributes[name] = value
    if "email" in values and "email_verified" not in values:
        user.email_verified = False


def admin_create_user(call):
    pool, name, values = call.pool(), call.body["Username"], attributes_in(call.body)
    existing = pool.find_user(name)
    if call.body.get("MessageAction") == "RESEND":
        return resend_invitation(existing)
    if existing is not None:
        raise ServiceError("UsernameExistsException", "User account already exists")
    refuse_taken_alias(pool, values, call.body.get("ForceAliasCreation"))
    user = pool.add_user(new_user(call, pool, name))
    user.email_verified = None
    if pool.username_attributes:
        values.setdefault("email" if "@" in name else "phone_number", name)
    apply_attributes(user, values)
    temporary = call.body.get("TemporaryPassword")
    if temporary or not pool.passwordless():
        user.status, user.has_password, user.password = "FORCE_CHANGE_PASSWORD", True, temporary
    return {"User": user_type(user)}


def new_user(call, pool, name):
    spec = {"sub": call.world.chance.uuid()}
    if not pool.username_attributes:
        return spec | {"username": name}
    if "@" in name and "email" in pool.username_attributes:
        return spec
    if name.startswith("+") and "phone_number" in pool.username_attributes:
        return spec
    raise invalid_parameter("Username should be an email." if "email" in pool.username_attributes
                            else "Username should be a phone number.")


def refuse_taken_alias(pool, values, force):
    for name in pool.alias_attributes:
        holder = pool.find_user(values[name]) if name in values else None
        if holder is None:
            continue
        if not force:
            raise ServiceError("AliasExistsException", f"An account with the {name} already exists.")
        setattr(holder, f"{name}_verified", False)


def resend_invitation(user):
    if user is None:
        raise user_not_found()
    if user.status != "FORCE_CHANGE_PASSWORD":
        raise ServiceError("UnsupportedUserStateException",
                           "Resend not possible. User's status is not FORCE_CHANGE_PASSWORD")
    return {"User": user_type(user)}


def admin_set_user_password(call):
    pool, user = wanted_user(call)
    password = call.body["Password"]
    if len(password) < 8:
        raise ServiceError("InvalidPasswordException",
                           "Password did not conform with policy: Password not long enough")
    user.password, user.has_password = password, True
    user.status = "CONFIRMED" if call.body.get("Permanent") else "FORCE_CHANGE_PASSWORD"
    touch(call, user)
    return {}


def touch(call, user):
    user.modified = call.world.clock.now()


def admin_disable_user(call):
    pool, user = wanted_user(call)
    user.enabled = False
    call.world.grants.sign_out(pool, user)
    touch(call, user)
    return {}


def admin_enable_user(call):
    _, user = wanted_user(call)
    user.enabled = True
    touch(call, user)
    return {}


def admin_delete_user(call):
    pool, user = wanted_user(call)
    del pool.users[user.username]
    return {}


def admin_reset_user_password(call):
    _, user = wanted_user(call)
    user.status = "RESET_REQUIRED"
    touch(call, user)
    return {}


def admin_update_user_attributes(call):
    _, user = wanted_user(call)
    apply_attributes(user, attributes_in(call.body))
    touch(call, user)
    return {}


def admin_user_global_sign_out(call):
    pool, user = wanted_user(call)
    call.world.grants.sign_out(pool, user)
    return {}


def describe_user_pool(call):
    pool = call.pool()
    created = round(pool.created, 3)
    factors = list(pool.allowed_first_auth_factors)
    description = {
        "Id": pool.id, "Name": pool.name,
        "Policies": {
            "PasswordPolicy": {"MinimumLength": 8, "RequireUppercase": False, "RequireLowercase": False,
                               "RequireNumbers": False, "RequireSymbols": False, "TemporaryPasswordValidityDays": 7},
            "SignInPolicy": {"AllowedFirstAuthFactors": factors}},
        "DeletionProtection": "INACTIVE", "LambdaConfig": dict(pool.lambda_config),
        "LastModifiedDate": created, "CreationDate": created,
        "AutoVerifiedAttributes": ["email"], "UsernameAttributes": list(pool.username_attributes),
        "AliasAttributes": list(pool.alias_attributes), "MfaConfiguration": pool.mfa,
        "EstimatedNumberOfUsers": len(pool.users),
        "EmailConfiguration": {"EmailSendingAccount": pool.email_sender},
        "AdminCreateUserConfig": {"AllowAdminCreateUserOnly": pool.admin_create_only, "UnusedAccountValidityDays": 7},
        "UsernameConfiguration": {"CaseSensitive": pool.case_sensitive},
        "Arn": pool_arn(pool),
        "AccountRecoverySetting": {"RecoveryMechanisms": [{"Priority": 1, "Name": "verified_email"}]},
        "UserPoolTier": pool.tier,
        "IssuerConfiguration": {"Type": pool.issuer_type},
        "EmailConfigurationFailure": pool.email_failure, "SmsConfigurationFailure": pool.sms_failure,
        "UserAttributeUpdateSettings": {"AttributesRequireVerificationBeforeUpdate": list(pool.verify_before_update)},
    }
    shown = ("UsernameAttributes", "AliasAttributes", "EmailConfigurationFailure", "SmsConfigurationFailure")
    return {"UserPool": {name: value for name, value in description.items() if value or name not in shown}}


def pool_arn(pool):
    return f"arn:aws:cognito-idp:{pool.region}:{pool.account}:userpool/{pool.id}"


def describe_user_pool_client(call):
    pool, client_id = call.pool(), call.body["ClientId"]
    if client_id not in pool.clients:
        raise ServiceError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")
    client = pool.clients[client_id]
    created = round(client.created, 3)
    description = {
        "UserPoolId": pool.id, "ClientName": client.name, "ClientId": client.id,
        "LastModifiedDate": created, "CreationDate": created,
        "RefreshTokenValidity": client.refresh_token_validity, "AccessTokenValidity": client.access_token_validity,
        "IdTokenValidity": client.id_token_validity,
        "TokenValidityUnits": {"AccessToken": "seconds", "IdToken": "seconds", "RefreshToken": "seconds"},
        "ExplicitAuthFlows": list(client.explicit_auth_flows), "AllowedOAuthFlowsUserPoolClient": False,
        "PreventUserExistenceErrors": client.prevent_user_existence_errors,
        "EnableTokenRevocation": client.enable_token_revocation,
        "EnablePropagateAdditionalUserContextData": client.enable_propagate_user_context,
        "AuthSessionValidity": client.auth_session_validity,
    }
    if client.secrets:
        description["ClientSecret"] = client.secrets[0]
    if client.read_attributes is not None:
        description["ReadAttributes"] = list(client.read_attributes)
    if client.write_attributes is not None:
        description["WriteAttributes"] = list(client.write_attributes)
    if client.refresh_token_rotation:
        description["RefreshTokenRotation"] = {"Feature": "ENABLED",
                                               "RetryGracePeriodSeconds": client.retry_grace_period_seconds}
    return {"UserPoolClient": description}


def list_users(call):
    pool = call.pool()
    users = [user for user in pool.users.values() if matches(user, call.body.get("Filter"))]
    limit = call.body.get("Limit") or 60
    start = page_start(call.body.get("PaginationToken"))
    answer = {"Users": [user_type(user) for user in users[start:start + limit]]}
    if start + limit < len(users):
        answer["PaginationToken"] = f"page-{start + limit}"
    return answer


def page_start(token):
    if not token:
        return 0
    match = re.fullmatch(r"page-(\d+)", token)
    if not match:
        raise invalid_parameter("Invalid pagination token given.")
    return int(match[1])


def matches(user, text):
    """The filter language: one attribute, equality or prefix, a quoted value with backslash escapes."""
    if not text:
        return True
    match = re.fullmatch(r'\s*([\w:]+)\s*(\^?=)\s*"((?:[^"\\]|\\.)*)"\s*', text)
    if not match:
        raise invalid_parameter("Error while parsing filter.")
    name, relation, wanted = match[1], match[2], re.sub(r"\\(.)", r"\1", match[3])
    values = {entry["Name"]: entry["Value"] for entry in attribute_list(user)}
    values |= {"username": user.username, "cognito:user_status": user.status,
               "status": "Enabled" if user.enabled else "Disabled"}
    value = values.get(name)
    if value is None:
        return False
    return value == wanted if relation == "=" else value.startswith(wanted)
