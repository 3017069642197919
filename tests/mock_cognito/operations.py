"""The table of operations, and the way from a raw request to the call of one of them."""

import json

from . import admin, client_secrets, refresh, sign_in
from .call import Call
from .constraints import check_body, unknown_members
from .errors import ServiceError, invalid_parameter, serialization, unknown_operation

TARGET_PREFIX = "AWSCognitoIdentityProviderService."
CONTENT_TYPE = "application/x-amz-json-1.1"

UNSIGNED = {
    "InitiateAuth": sign_in.initiate_auth,
    "RespondToAuthChallenge": sign_in.respond_to_auth_challenge,
    "GetTokensFromRefreshToken": refresh.get_tokens_from_refresh_token,
    "RevokeToken": refresh.revoke_token,
    "GetUser": refresh.get_user,
    "GetUserAuthFactors": refresh.get_user_auth_factors,
    "GlobalSignOut": refresh.global_sign_out,
}
SIGNED = {
    "AdminGetUser": admin.admin_get_user,
    "AdminGetUserAuthFactors": admin.admin_get_user_auth_factors,
    "AdminCreateUser": admin.admin_create_user,
    "AdminSetUserPassword": admin.admin_set_user_password,
    "AdminDisableUser": admin.admin_disable_user,
    "AdminEnableUser": admin.admin_enable_user,
    "AdminDeleteUser": admin.admin_delete_user,
    "AdminResetUserPassword": admin.admin_reset_user_password,
    "AdminUpdateUserAttributes": admin.admin_update_user_attributes,
    "AdminUserGlobalSignOut": admin.admin_user_global_sign_out,
    "DescribeUserPool": admin.describe_user_pool,
    "DescribeUserPoolClient": admin.describe_user_pool_client,
    "ListUsers": admin.list_users,
    "AddUserPoolClientSecret": client_secrets.add_user_pool_client_secret,
    "ListUserPoolClientSecrets": client_secrets.list_user_pool_client_secrets,
    "DeleteUserPoolClientSecret": client_secrets.delete_user_pool_client_secret,
}


def operation_of(request):
    """The operation named by the target header, whatever else is wrong with the request."""
    target = request.headers.get("x-amz-target", "")
    return target.rpartition(".")[2] or "unknown"


def parse_body(request):
    """The JSON object of a request, or None."""
    try:
        body = json.loads(request.body.decode("utf-8"))
    except ValueError:
        return None
    return body if isinstance(body, dict) else None


def run(world, request, body, fault):
    """Check and perform; the result is the answer's body or a ServiceError."""
    operation = operation_of(request)
    check_envelope(world, request, operation)
    if body is None:
        raise serialization("Could not parse the request body into json")
    if operation in SIGNED:
        check_signature(world, request, operation, body)
    check_body(operation, body)
    if world.settings.strict["unknown_members"] and unknown_members(operation, body):
        raise invalid_parameter(f"Unknown members: {', '.join(unknown_members(operation, body))}")
    perform = UNSIGNED.get(operation) or SIGNED[operation]
    return perform(Call(world, operation, body, request, fault))


def check_envelope(world, request, operation):
    """Method, path, content type, target, and what only the strict switches mind."""
    strict = world.settings.strict
    if request.method != "POST" or (strict["path"] and request.path != "/"):
        raise unknown_operation()
    if strict["content_type"] and request.headers.get("content-type", "").strip() != CONTENT_TYPE:
        raise unknown_operation()
    target = request.headers.get("x-amz-target", "")
    if not target.startswith(TARGET_PREFIX) or operation not in {**UNSIGNED, **SIGNED}:
        raise unknown_operation()
    if strict["authorization"] and operation in UNSIGNED and "authorization" in request.headers:
        raise ServiceError("InvalidSignatureException", "This operation is not signed.")
    if strict["expect"] and "expect" in request.headers:
        raise ServiceError("InvalidParameterException", "Expect is not accepted.")


def check_signature(world, request, operation, body):
    """The signature is judged before the members; a pool nobody knows still has a region in its name."""
    pool_id = body.get("UserPoolId")
    pool = world.store.pools.get(pool_id) if isinstance(pool_id, str) else None
    pool = pool or world.store.first_pool()
    world.verifier.check(request, pool.region, operation, admin.pool_arn(pool))
