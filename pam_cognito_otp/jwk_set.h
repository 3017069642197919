/*
 * jwk_set - the public keys of a user pool: a JWK Set (RFC 7517) parsed into RSA keys, found by kid.
 *
 * Rules kept here: the key is chosen by its kid, compared as an exact string, from a set that our settings name; nothing that a token says
 * (jku, jwk, x5u) leads to a key. Keys of other types or uses, and keys without a kid, are passed over ("use" and "alg" may be missing, RFC
 * 7517 sections 4.2 and 4.4); a key that claims to be ours (RSA, for RS256 signatures) and is weak or malformed makes its kid unusable, as
 * do two keys of one kid.
 */
#ifndef OTP_JWK_SET_H
#define OTP_JWK_SET_H

#include <stddef.h>

#include "crypto.h"
#include "err.h"

enum {
	JWK_SET_KEYS_MAX = 32, /* a pool has two, some more during a rotation */
	JWK_KID_MAX = 256
};

struct jwk_set;

/*
 * JSON errors of json_doc.h; OTP_ERR_JWKS_EMPTY when no key is left that RS256 may use, or when there are more than JWK_SET_KEYS_MAX.
 * The caller owns *ret_set.
 */
enum otp_err jwk_set_parse(const char *text, size_t length, struct jwk_set **ret_set);
void jwk_set_free(struct jwk_set *set); /* NULL is fine */

/* OTP_ERR_JWT_KID when there is none, OTP_ERR_JWKS_KEY when the key of this kid must not be used. Borrowed from the set. */
enum otp_err jwk_set_find(const struct jwk_set *set, const char *kid, const struct crypto_rsa_key **ret_key);

#endif
