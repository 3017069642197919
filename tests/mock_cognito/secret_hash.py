"""SECRET_HASH: what it is, and the check of the one that a request carries."""

import base64
import hashlib
import hmac

from .errors import not_authorized


def secret_hash(username, client_id, secret):
    """Base64 of HMAC-SHA256 under the secret's text over user name and client id."""
    digest = hmac.new(secret.encode(), (username + client_id).encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


def check_secret_hash(client, username, given):
    """Refuse a missing or wrong hash; any of the client's secrets will do, and none is asked of a public client."""
    if not client.secrets:
        if given:
            raise not_authorized(f"Unable to verify secret hash for client {client.id}")
        return
    if not given:
        raise not_authorized(f"Client {client.id} is configured with secret but SECRET_HASH was not received")
    if not any(hmac.compare_digest(secret_hash(username, client.id, s).encode(), given.encode("utf-8", "replace"))
               for s in client.secrets):
        raise not_authorized(f"Unable to verify secret hash for client {client.id}")
