/*
 * jwt - an ID or access token of a user pool: signature first, then every claim that decides whether it is meant for us, now.
 *
 * Rules kept here:
 *  - not one claim is read before the signature has been verified;
 *  - the algorithm is RS256 because we say so, not because the header does (the "alg: none" and HS256 confusion of 2015);
 *  - "aud" is one string: an array is OTP_ERR_JWT_CLAIM, also when our client is in it;
 *  - expected values come from the settings and the clock only; a claim of another type than the model's is an error, never converted;
 *  - whose token it is, is decided elsewhere (binding.h): this room proves "this pool, this client, this use, this sign-in".
 *
 * Sources: RFC 7515, RFC 7519, RFC 8725 (best current practices), Cognito developer guide "Verifying JSON web tokens".
 */
#ifndef OTP_JWT_H
#define OTP_JWT_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "json_doc.h"
#include "jwk_set.h"
#include "secret.h"

enum {
	JWT_TOKEN_MAX = 16 * 1024,  /* bytes of one compact token */
	JWT_LIFE_MAX = 86400 + 3600 /* seconds from iat to exp: Cognito allows a day */
};

enum jwt_use {
	JWT_ID_TOKEN,	 /* token_use "id", aud */
	JWT_ACCESS_TOKEN /* token_use "access", client_id */
};

/* What a token is held against. Everything is borrowed. Times are seconds since 1970. */
struct jwt_policy {
	const char *const *issuers; /* exact strings, NULL-terminated */
	const char *client_id;
	int64_t now;
	int64_t skew;		      /* seconds that clocks may differ */
	int64_t auth_time_not_before; /* when our RespondToAuthChallenge left; skew is allowed for here */
};

struct jwt; /* a token that has been verified */

/*
 * Verifies `token` as `use`. Errors: OTP_ERR_JWT_FORM (not three parts, not canonical Base64url, too long), _JSON, _DUPLICATE, _NUL, _ALG,
 * _CRIT, _KID (not in the set: a caller may refresh the set and try once more), OTP_ERR_JWKS_KEY, _SIGNATURE, _CLAIM, _ISS, _AUD,
 * _CLIENT_ID, _TOKEN_USE, _EXPIRED, _NOT_YET (iat, nbf or auth_time in the future), _AUTH_TIME, OTP_ERR_MEMORY. The caller owns *ret_jwt.
 */
enum otp_err jwt_verify(const struct secret *token, enum jwt_use use, const struct jwk_set *keys, const struct jwt_policy *policy,
			struct jwt **ret_jwt);
void jwt_free(struct jwt *jwt); /* NULL is fine */

/* The claims, an object; borrowed. */
const struct json_value *jwt_claims(const struct jwt *jwt);

#endif
