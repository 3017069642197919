"""RSA keys: two per pool (ID tokens, access tokens), kept in the state directory, and odd ones for faults."""

import base64
import hashlib
import os
import threading

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def number_bytes(number):
    return number.to_bytes((number.bit_length() + 7) // 8, "big")


class Key:
    """A private key with its kid."""

    def __init__(self, private, kid):
        self.private = private
        self.kid = kid

    def public_pem(self):
        return self.private.public_key().public_bytes(
            serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)

    def jwk(self):
        numbers = self.private.public_key().public_numbers()
        return {"alg": "RS256", "e": base64url(number_bytes(numbers.e)), "kid": self.kid, "kty": "RSA",
                "n": base64url(number_bytes(numbers.n)), "use": "sig"}


def write_private(path, data):
    """Create or replace a file that only its owner can read, in one step."""
    temporary = f"{path}.{os.getpid()}.tmp"
    with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(data)
    os.replace(temporary, path)


def private_pem(private):
    return private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                 serialization.NoEncryption())


def stored_rsa(path, size=2048, exponent=65537):
    """The key in that file, made first if there is none: a restart is quick and keeps its keys."""
    if os.path.exists(path):
        with open(path, "rb") as file:
            return serialization.load_pem_private_key(file.read(), None)
    private = rsa.generate_private_key(exponent, size)
    write_private(path, private_pem(private))
    return private


def kid_of(private):
    """Base64 with padding, as the service has it: plus signs, slashes and equals signs are part of the name."""
    numbers = private.public_key().public_numbers()
    return base64.b64encode(hashlib.sha256(number_bytes(numbers.n)).digest()).decode()


class Keys:
    """The current and the still published keys of each pool."""

    ODD = {"other": (2048, 65537), "small": (1024, 65537), "e3": (2048, 3)}

    def __init__(self, directory, pool_ids):
        self.directory = directory
        self.lock = threading.RLock()
        self.odd = {}
        self.ec = None
        self.rotations = 0
        self.initial = {pool_id: (self._load(pool_id, "id"), self._load(pool_id, "access")) for pool_id in pool_ids}
        self.reset()

    def _path(self, name):
        return os.path.join(self.directory, f"key-{name}.pem")

    def _load(self, pool_id, use):
        private = stored_rsa(self._path(f"{pool_id}-{use}"))
        return Key(private, kid_of(private))

    def reset(self):
        with self.lock:
            self.current = dict(self.initial)
            self.old = {pool_id: [] for pool_id in self.initial}

    def id_key(self, pool_id):
        return self.current[pool_id][0]

    def access_key(self, pool_id):
        return self.current[pool_id][1]

    def rotate(self, pool_id, keep_old):
        """Two new keys; the old ones stay published if `keep_old`."""
        with self.lock:
            self.rotations += 1
            fresh = tuple(self._load(pool_id, f"{use}-rotated{self.rotations}") for use in ("id", "access"))
            self.old[pool_id] = [*self.current[pool_id], *self.old[pool_id]] if keep_old else []
            self.current[pool_id] = fresh

    def odd_key(self, name):
        """A key that no pool uses, made when a fault first asks for it."""
        with self.lock:
            if name not in self.odd:
                size, exponent = self.ODD[name]
                self.odd[name] = stored_rsa(self._path(f"odd-{name}"), size, exponent)
            return self.odd[name]

    def ec_key(self):
        with self.lock:
            self.ec = self.ec or ec.generate_private_key(ec.SECP256R1())
            return self.ec

    def jwks(self, pool_id):
        with self.lock:
            return {"keys": [key.jwk() for key in (*self.current[pool_id], *self.old[pool_id])]}
