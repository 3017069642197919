"""ID and access tokens: their claims, their signature, and every way in which a test wants them wrong."""

import hashlib
import hmac
import json

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from .keys import base64url

PKCS1 = padding.PKCS1v15()
RSA_HASHES = {"RS256": hashes.SHA256, "RS384": hashes.SHA384, "RS512": hashes.SHA512}


def compact_json(value):
    return json.dumps(value, separators=(",", ":"))


def replace_members(members, changes):
    """A copy with some members replaced; None removes one, {"$null": true} makes it JSON null."""
    result = dict(members)
    for name, value in (changes or {}).items():
        if value is None:
            result.pop(name, None)
        elif value == {"$null": True}:
            result[name] = None
        else:
            result[name] = value
    return result


def common_claims(pool, client, user, grant, now, life):
    claims = {"sub": user.sub}
    if user.groups:
        claims["cognito:groups"] = list(user.groups)
    claims["iss"] = pool.issuer_url()
    if client.enable_token_revocation:
        claims["origin_jti"] = grant.origin_jti
    claims["event_id"] = grant.event_id
    if pool.emit_acr:
        claims["acr"] = "urn:cognito:loa:2"
        claims["amr"] = list(grant.amr)
    claims |= {"auth_time": grant.auth_time, "exp": now + life, "iat": now}
    return claims


def id_claims(pool, client, user, grant, now, jti):
    claims = common_claims(pool, client, user, grant, now, client.id_token_validity)
    claims |= {"token_use": "id", "aud": client.id, "cognito:username": user.username, "jti": jti}
    attributes = {"email": user.email, "email_verified": user.email_verified, "phone_number": user.phone_number,
                  "phone_number_verified": user.phone_number_verified, **user.attributes}
    for name, value in attributes.items():
        if value is not None and (client.read_attributes is None or name in client.read_attributes):
            claims[name] = value
    return claims


def access_claims(pool, client, user, grant, now, jti):
    claims = common_claims(pool, client, user, grant, now, client.access_token_validity)
    return claims | {"token_use": "access", "client_id": client.id, "username": user.username, "jti": jti,
                     "scope": "aws.cognito.signin.user.admin"}


class Signer:
    """Makes one token. `own` is the key meant for it, `sibling` the pool's key for the other kind of token."""

    def __init__(self, keys, own, sibling):
        self.keys = keys
        self.own = own
        self.sibling = sibling

    def sign(self, claims, spec):
        """The token, by default as it should be; `spec` says what is wrong with it."""
        if "raw" in spec:
            return spec["raw"]
        how = spec.get("sign", "normal")
        header = compact_json(replace_members(self._header(how), spec.get("header")))
        header = spec.get("header_text", header)
        signed = f"{base64url(header.encode())}.{base64url(self._payload(claims, spec))}"
        signature = self._signature(how, signed.encode())
        return mangle(f"{signed}.{base64url(signature)}", spec.get("mangle"))

    def _header(self, how):
        algorithm = {"none": "none", "hs256_public": "HS256", "hs256_empty": "HS256", "es256": "ES256"}.get(how)
        if how in ("rs384", "rs512", "ps256"):
            algorithm = how.upper()
        kid = {"unknown_kid": "dW5rbm93biBraWQgb2YgdGhlIHRlc3RzIQ==", "sibling": self.sibling.kid}.get(how)
        return {"kid": kid or self.own.kid, "alg": algorithm or "RS256"}

    @staticmethod
    def _payload(claims, spec):
        text = spec.get("payload_text", compact_json(claims))
        if spec.get("append"):
            head, _, tail = text.rpartition("}")
            text = f"{head},{spec['append']}}}{tail}"
        return text.encode("utf-8", "surrogatepass")

    def _signature(self, how, data):
        if how in ("none", "empty"):
            return b""
        if how in ("hs256_public", "hs256_empty"):
            secret = self.own.public_pem() if how == "hs256_public" else b""
            return hmac.new(secret, data, hashlib.sha256).digest()
        if how == "es256":
            return self._ec_signature(data)
        signature = self._rsa_signature(how, data)
        return bytes([signature[0] ^ 1]) + signature[1:] if how == "flip" else signature

    def _rsa_signature(self, how, data):
        odd = {"other_key": "other", "small_key": "small", "e3_key": "e3"}.get(how)
        private = self.keys.odd_key(odd) if odd else self.own.private
        if how == "sibling":
            private = self.sibling.private
        if how == "ps256":
            return private.sign(data, padding.PSS(padding.MGF1(hashes.SHA256()), 32), hashes.SHA256())
        return private.sign(data, PKCS1, RSA_HASHES.get(how.upper(), hashes.SHA256)())

    def _ec_signature(self, data):
        r, s = decode_dss_signature(self.keys.ec_key().sign(data, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")


def mangle(token, how):
    """Damage the compact form of a finished token."""
    if how is None:
        return token
    head, _, signature = token.rpartition(".")
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    forms = {
        "pad": lambda: token + "==",
        "standard_alphabet": lambda: head + "." + signature.replace("-", "+").replace("_", "/"),
        # The unused low bits of the last letter: other text, same bytes.
        "trailing_bits": lambda: token[:-1] + alphabet[alphabet.index(token[-1]) | 1],
        "two_parts": lambda: head,
        "four_parts": lambda: token + ".AAAA",
        "five_parts": lambda: token + ".AAAA.AAAA",
        "space": lambda: head + ". " + signature,
        "newline": lambda: token + "\n",
        "header_only": lambda: token.split(".")[0] + "..",
    }
    return forms[how]()


class Minter:
    """Mints the AuthenticationResult of a login or a refresh."""

    def __init__(self, clock, chance, keys):
        self.clock = clock
        self.chance = chance
        self.keys = keys

    def result(self, pool, client, user, grant, spec):
        """The result without a refresh token. `spec` may hold "id" and "access" token faults, "swap" and "drop"."""
        now = self.clock.token()
        access = self._token("access", pool, client, user, grant, now, spec.get("access") or {})
        identity = self._token("id", pool, client, user, grant, now, spec.get("id") or {})
        if spec.get("swap"):
            access, identity = identity, access
        result = {"AccessToken": access, "ExpiresIn": client.access_token_validity, "IdToken": identity,
                  "TokenType": "Bearer"}
        return result, now + client.access_token_validity

    def _token(self, use, pool, client, user, grant, now, spec):
        spec = self._spell(use, spec)
        pair = self.keys.current[pool.id]
        own, sibling = pair if use == "id" else reversed(pair)
        claims = (id_claims if use == "id" else access_claims)(pool, client, user, grant, now, self.chance.uuid())
        claims = replace_members(claims, {name: now + shift for name, shift in spec.get("times", {}).items()})
        claims = replace_members(claims, spec.get("claims"))
        return Signer(self.keys, own, sibling).sign(claims, spec)

    @staticmethod
    def _spell(use, spec):
        """`id_key` and `access_key` name the pool's keys: one is this token's own, the other its sibling."""
        sign = spec.get("sign")
        if sign in ("id_key", "access_key"):
            return {**spec, "sign": "normal" if sign == f"{use}_key" else "sibling"}
        return spec
