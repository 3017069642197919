"""The secrets of an app client: one or two at once, so that one can be replaced without a moment in which none fits."""

import hashlib
import re

from .errors import ServiceError, invalid_parameter

MOST = 2
LENGTH = 51
FORM = re.compile(r"[\w+]{24,64}")


def secret_id(client, secret):
    """The name of a secret, which does not give it away."""
    return f"{client.id}--{hashlib.sha256(secret.encode()).hexdigest()[:16]}"


def describe(client, secret):
    return {"ClientSecretId": secret_id(client, secret), "ClientSecretCreateDate": round(client.created, 3)}


def add(world, client, secret=None):
    """One more secret, made here if none is given; only then is it part of the answer."""
    if not client.secrets:
        raise invalid_parameter(f"Client {client.id} is not configured with a client secret.")
    if len(client.secrets) >= MOST:
        raise ServiceError("LimitExceededException", "Maximum number of client secrets reached for this client.")
    made = secret or world.chance.text(LENGTH).replace("-", "x").lower()
    if not FORM.fullmatch(made) or made in client.secrets:
        raise invalid_parameter("Invalid client secret.")
    client.secrets.append(made)
    return describe(client, made) | ({} if secret else {"ClientSecretValue": made})


def delete(client, name):
    """Take one away, but never the last."""
    found = [secret for secret in client.secrets if secret_id(client, secret) == name]
    if not found:
        raise ServiceError("ResourceNotFoundException", f"Client secret {name} does not exist.")
    if len(client.secrets) == 1:
        raise invalid_parameter("The last secret of a client cannot be deleted.")
    client.secrets.remove(found[0])


def wanted_client(call):
    pool, client_id = call.pool(), call.body["ClientId"]
    if client_id not in pool.clients:
        raise ServiceError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")
    return pool.clients[client_id]


def add_user_pool_client_secret(call):
    descriptor = add(call.world, wanted_client(call), call.body.get("ClientSecret"))
    return {"ClientSecretDescriptor": descriptor}


def list_user_pool_client_secrets(call):
    client = wanted_client(call)
    return {"ClientSecrets": [describe(client, secret) for secret in client.secrets]}


def delete_user_pool_client_secret(call):
    delete(wanted_client(call), call.body["ClientSecretId"])
    return {}
