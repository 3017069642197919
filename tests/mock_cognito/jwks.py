"""The published key set and discovery document, and the odd key sets of the faults."""

import copy

from .keys import base64url, number_bytes


def discovery(pool):
    """openid-configuration, as far as anybody reads it."""
    issuer = pool.issuer_url()
    return {"id_token_signing_alg_values_supported": ["RS256"], "issuer": issuer,
            "jwks_uri": f"{issuer}/.well-known/jwks.json", "response_types_supported": ["code", "token"],
            "scopes_supported": ["openid", "email", "phone", "profile"], "subject_types_supported": ["public"]}


def _numbers_of(private):
    numbers = private.public_key().public_numbers()
    return {"n": base64url(number_bytes(numbers.n)), "e": base64url(number_bytes(numbers.e))}


def _each(**changes):
    """A mutation that changes members of every key; None removes one."""
    def mutate(document, _keys):
        for key in document["keys"]:
            for name, value in changes.items():
                if value is None:
                    key.pop(name, None)
                else:
                    key[name] = value
    return mutate


def _odd(name):
    """A mutation that puts another key under the true kids; sign tokens with the same key to see it used."""
    def mutate(document, keys):
        for key in document["keys"]:
            key.update(_numbers_of(keys.odd_key(name)))
    return mutate


def _ec(document, keys):
    numbers = keys.ec_key().public_key().public_numbers()
    for key in document["keys"]:
        del key["n"], key["e"]
        key.update(kty="EC", crv="P-256", alg="ES256", x=base64url(numbers.x.to_bytes(32, "big")),
                   y=base64url(numbers.y.to_bytes(32, "big")))


def _oct(document, _keys):
    for key in document["keys"]:
        del key["n"], key["e"]
        key.update(kty="oct", alg="HS256", k="AAAA")


def _duplicate(bad_first):
    """Every kid twice, once with a foreign modulus."""
    def mutate(document, keys):
        good = document["keys"]
        bad = copy.deepcopy(good)
        for key in bad:
            key.update(_numbers_of(keys.odd_key("other")))
        document["keys"] = bad + good if bad_first else good + bad
    return mutate


def _many(count, good_first):
    def mutate(document, _keys):
        filler = [{**document["keys"][0], "kid": f"filler{number}="} for number in range(count)]
        document["keys"] = document["keys"] + filler if good_first else filler + document["keys"]
    return mutate


def _even(document, _keys):
    for key in document["keys"]:
        key["n"] = key["n"][:-1] + "A"


def _leading_zeros(document, keys):
    current = {key.kid: key for pair in keys.current.values() for key in pair}
    for key in document["keys"]:
        modulus = number_bytes(current[key["kid"]].private.public_key().public_numbers().n)
        key["n"] = base64url(b"\0\0\0\0" + modulus)


def _padded(document, _keys):
    for key in document["keys"]:
        key["n"] += "=" * (-len(key["n"]) % 4)


def _drop(position):
    def mutate(document, _keys):
        del document["keys"][position]
    return mutate


def _replace(value):
    def mutate(document, _keys):
        document["keys"] = value
    return mutate


def _as_object(document, _keys):
    document["keys"] = {key["kid"]: key for key in document["keys"]}


MUTATIONS = {
    "empty": _replace([]), "null": _replace(None), "object": _as_object,
    "thousand": _many(1000, False), "thousand_good_first": _many(1000, True),
    "small_modulus": _odd("small"), "e3": _odd("e3"), "other_modulus": _odd("other"), "e1": _each(e="AQ"),
    "even_modulus": _even, "leading_zeros": _leading_zeros, "padded": _padded, "ec": _ec, "oct": _oct,
    "duplicate_bad_first": _duplicate(True), "duplicate_good_first": _duplicate(False),
    "alg_rs512": _each(alg="RS512"), "alg_missing": _each(alg=None), "use_enc": _each(use="enc"),
    "use_missing": _each(use=None), "kty_missing": _each(kty=None), "no_kid": _each(kid=None),
    "key_ops_odd": _each(key_ops=["encrypt"]), "private": _each(d="AAAA", p="AAAA", q="AAAA"),
    "no_modulus": _each(n=None), "empty_modulus": _each(n=""), "number_modulus": _each(n=65537),
    "bad_base64": _each(n="!!!!"), "drop_id": _drop(0), "drop_access": _drop(1),
}


def mutated(document, how, keys):
    """The key set after the named mutations (one name or a list)."""
    document = copy.deepcopy(document)
    for name in [how] if isinstance(how, str) else how:
        MUTATIONS[name](document, keys)
    return document
