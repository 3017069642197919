"""The model's constraints on requests: types, required members, lengths, patterns, enumerations."""

import re

from .errors import invalid_parameter, serialization

STRING, MAP, LIST, BOOLEAN, INTEGER = "string", "map", "list", "boolean", "integer"

CLIENT_ID = (STRING, 1, 128, r"[\w+]+")
POOL_ID = (STRING, 1, 55, r"[\w-]+_[0-9a-zA-Z]+")
USERNAME = (STRING, 1, 128, None)
SESSION = (STRING, 20, 2048, None)
TOKEN = (STRING, 0, None, r"[A-Za-z0-9-_=.]+")
CLIENT_SECRET = (STRING, 24, 64, r"[\w+]+")
ANY_STRING = (STRING, 0, None, None)
STRING_MAP = (MAP, 0, None, None)

AUTH_FLOWS = ("USER_SRP_AUTH", "REFRESH_TOKEN_AUTH", "REFRESH_TOKEN", "CUSTOM_AUTH", "ADMIN_NO_SRP_AUTH",
              "USER_PASSWORD_AUTH", "ADMIN_USER_PASSWORD_AUTH", "USER_AUTH")
CHALLENGE_NAMES = ("SMS_MFA", "EMAIL_OTP", "SOFTWARE_TOKEN_MFA", "SELECT_MFA_TYPE", "MFA_SETUP", "PASSWORD_VERIFIER",
                   "CUSTOM_CHALLENGE", "SELECT_CHALLENGE", "DEVICE_SRP_AUTH", "DEVICE_PASSWORD_VERIFIER",
                   "ADMIN_NO_SRP_AUTH", "NEW_PASSWORD_REQUIRED", "SMS_OTP", "PASSWORD", "WEB_AUTHN", "PASSWORD_SRP")

# operation -> member -> (required, constraint); a tuple of names in place of a pattern is an enumeration.
_POOL_AND_USER = {"UserPoolId": (True, POOL_ID), "Username": (True, USERNAME)}
_POOL_AND_CLIENT = {"UserPoolId": (True, POOL_ID), "ClientId": (True, CLIENT_ID)}
SHAPES = {
    "InitiateAuth": {
        "AuthFlow": (True, (STRING, 0, None, AUTH_FLOWS)), "ClientId": (True, CLIENT_ID),
        "AuthParameters": (False, STRING_MAP), "ClientMetadata": (False, STRING_MAP),
        "AnalyticsMetadata": (False, STRING_MAP), "UserContextData": (False, STRING_MAP),
        "Session": (False, SESSION)},
    "RespondToAuthChallenge": {
        "ClientId": (True, CLIENT_ID), "ChallengeName": (True, (STRING, 0, None, CHALLENGE_NAMES)),
        "Session": (False, SESSION), "ChallengeResponses": (False, STRING_MAP),
        "AnalyticsMetadata": (False, STRING_MAP), "UserContextData": (False, STRING_MAP),
        "ClientMetadata": (False, STRING_MAP)},
    "GetTokensFromRefreshToken": {
        "RefreshToken": (True, TOKEN), "ClientId": (True, CLIENT_ID), "ClientSecret": (False, CLIENT_SECRET),
        "DeviceKey": (False, ANY_STRING), "ClientMetadata": (False, STRING_MAP)},
    "RevokeToken": {
        "Token": (True, TOKEN), "ClientId": (True, CLIENT_ID), "ClientSecret": (False, CLIENT_SECRET),
        "RevokeAssociatedSessions": (False, (STRING, 0, None, ("LINKED", "NONE")))},
    "GetUser": {"AccessToken": (True, TOKEN)},
    "GlobalSignOut": {"AccessToken": (True, TOKEN)},
    "GetUserAuthFactors": {"AccessToken": (True, TOKEN)},
    "AdminGetUser": _POOL_AND_USER,
    "AdminGetUserAuthFactors": _POOL_AND_USER,
    "AdminDisableUser": _POOL_AND_USER,
    "AdminEnableUser": _POOL_AND_USER,
    "AdminDeleteUser": _POOL_AND_USER,
    "AdminResetUserPassword": _POOL_AND_USER,
    "AdminUserGlobalSignOut": _POOL_AND_USER,
    "AdminCreateUser": {
        **_POOL_AND_USER, "UserAttributes": (False, (LIST, 0, None, None)), "TemporaryPassword": (False, ANY_STRING),
        "ForceAliasCreation": (False, (BOOLEAN, 0, None, None)),
        "DesiredDeliveryMediums": (False, (LIST, 0, None, None)),
        "MessageAction": (False, (STRING, 0, None, ("RESEND", "SUPPRESS")))},
    "AdminSetUserPassword": {
        **_POOL_AND_USER, "Password": (True, (STRING, 0, 256, None)), "Permanent": (False, (BOOLEAN, 0, None, None))},
    "AdminUpdateUserAttributes": {**_POOL_AND_USER, "UserAttributes": (True, (LIST, 0, None, None))},
    "DescribeUserPool": {"UserPoolId": (True, POOL_ID)},
    "DescribeUserPoolClient": _POOL_AND_CLIENT,
    "AddUserPoolClientSecret": {**_POOL_AND_CLIENT, "ClientSecret": (False, CLIENT_SECRET)},
    "ListUserPoolClientSecrets": {**_POOL_AND_CLIENT, "NextToken": (False, ANY_STRING)},
    "DeleteUserPoolClientSecret": {**_POOL_AND_CLIENT, "ClientSecretId": (True, (STRING, 1, 128, None))},
    "ListUsers": {
        "UserPoolId": (True, POOL_ID), "Filter": (False, (STRING, 0, 256, None)),
        "Limit": (False, (INTEGER, 0, 60, None)), "PaginationToken": (False, ANY_STRING),
        "AttributesToGet": (False, (LIST, 0, None, None))},
}
PYTHON_TYPES = {STRING: str, MAP: dict, LIST: list, BOOLEAN: bool, INTEGER: int}
JAVA_NAMES = {str: "String", dict: "Map", list: "List", bool: "Boolean", int: "Integer", float: "Double"}


def check_body(operation, body):
    """Wrong types are a SerializationException, everything else one InvalidParameterException that lists all."""
    shape = SHAPES.get(operation, {})
    violations = []
    for member, (required, constraint) in shape.items():
        value = body.get(member)
        if value is None:
            if required:
                violations.append((member, "Member must not be null"))
            continue
        _check_type(value, constraint[0])
        violations += [(member, text) for text in _violations(value, constraint)]
    if violations:
        raise invalid_parameter(_text(violations))


def unknown_members(operation, body):
    return sorted(set(body) - set(SHAPES.get(operation, body)))


def _check_type(value, wanted):
    kind = PYTHON_TYPES[wanted]
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise serialization(f"{JAVA_NAMES.get(type(value))} can not be converted to a {JAVA_NAMES[kind]}")
    if wanted == MAP:
        for entry in value.values():
            if entry is not None and not isinstance(entry, str):
                raise serialization(f"{JAVA_NAMES.get(type(entry))} can not be converted to a String")


def _violations(value, constraint):
    kind, least, most, rule = constraint
    size = value if kind == INTEGER else len(value) if kind in (STRING, MAP, LIST) else least
    what = "value" if kind == INTEGER else "length"
    if size < least:
        yield f"Member must have {what} greater than or equal to {least}"
    if most is not None and size > most:
        yield f"Member must have {what} less than or equal to {most}"
    if isinstance(rule, tuple) and value not in rule:
        yield f"Member must satisfy enum value set: [{', '.join(rule)}]"
    elif isinstance(rule, str) and not re.fullmatch(rule, value, re.ASCII):
        yield f"Member must satisfy regular expression pattern: {rule}"
    if constraint is USERNAME and (any(c.isspace() or not c.isprintable() for c in value)):
        yield r"Member must satisfy regular expression pattern: [\p{L}\p{M}\p{S}\p{N}\p{P}]+"


def _text(violations):
    count = len(violations)
    lines = [f"Value at '{member[0].lower()}{member[1:]}' failed to satisfy constraint: {text}"
             for member, text in violations]
    return f"{count} validation error{'s' if count > 1 else ''} detected: {'; '.join(lines)}"
