/* jwt - see jwt.h. Read jwt_verify first; it is at the end, in the order in which things are believed. */
#include "jwt.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "crypto.h"

enum {
	JWT_PART_MAX = BASE64URL_DECODED_MAX(JWT_TOKEN_MAX),
	JWT_TEXT_MAX = 2048 /* bytes of a claim or header member that we read; a longer one equals nothing that we expect */
};

/* 9999-12-31: sums of two such times are far from overflowing. */
#define JWT_TIME_MAX INT64_C(253402300799)

struct jwt {
	struct json_doc *claims;
};

/* Borrowed from the token. */
struct jwt_part {
	const char *text;
	size_t length;
};

struct jwt_parts {
	struct jwt_part header;
	struct jwt_part payload;
	struct jwt_part signature;
	struct jwt_part signed_text; /* header, dot and payload: RFC 7515 section 5.2 step 8 */
};

static void json_doc_cleanup(struct json_doc **doc)
{
	json_doc_free(*doc);
}

/* RFC 7515 section 7.1. Two dots, and a third one is refused at once: no list of parts grows with the token (CVE-2025-30204). */
static enum otp_err jwt_split(const struct secret *token, struct jwt_parts *ret_parts)
{
	const char *start = secret_text(token);
	const char *end = start + token->length;
	const char *first = memchr(start, '.', token->length);
	const char *second;

	if (first == NULL)
		return OTP_ERR_JWT_FORM;
	second = memchr(first + 1, '.', (size_t)(end - first - 1));
	if (second == NULL)
		return OTP_ERR_JWT_FORM;
	if (memchr(second + 1, '.', (size_t)(end - second - 1)) != NULL)
		return OTP_ERR_JWT_FORM;
	ret_parts->header = (struct jwt_part){ start, (size_t)(first - start) };
	ret_parts->payload = (struct jwt_part){ first + 1, (size_t)(second - first - 1) };
	ret_parts->signature = (struct jwt_part){ second + 1, (size_t)(end - second - 1) };
	ret_parts->signed_text = (struct jwt_part){ start, (size_t)(second - start) };
	return OTP_OK;
}

/* What json_doc finds wrong, in words of this room. */
static enum otp_err jwt_json_error(enum otp_err err)
{
	if (err == OTP_OK || err == OTP_ERR_MEMORY)
		return err;
	if (err == OTP_ERR_JSON_DUPLICATE)
		return OTP_ERR_JWT_DUPLICATE;
	if (err == OTP_ERR_JSON_NUL)
		return OTP_ERR_JWT_NUL;
	return OTP_ERR_JWT_JSON;
}

static enum otp_err jwt_parse_part(const struct jwt_part *part, struct json_doc **ret_doc)
{
	unsigned char bytes[JWT_PART_MAX];
	enum otp_err err = OTP_ERR_JWT_FORM;
	size_t length;

	if (base64url_decode(part->text, part->length, bytes, sizeof(bytes), &length))
		err = jwt_json_error(json_doc_parse((const char *)bytes, length, ret_doc));
	explicit_bzero(bytes, sizeof(bytes));
	return err;
}

static bool jwt_member_is(const struct json_value *object, const char *name, const char *wanted)
{
	const char *text;

	return json_get_string(object, name, 1, JWT_TEXT_MAX, &text) == OTP_OK && strcmp(text, wanted) == 0;
}

/*
 * The header may choose among our keys and nothing else: jku, jwk, x5u and x5c are not even looked at, "alg" is compared with a constant
 * (RFC 8725 section 3.1), and "crit" demands what we do not do (RFC 7515 section 4.1.11).
 */
static enum otp_err jwt_choose_key(const struct json_value *header, const struct jwk_set *keys, const struct crypto_rsa_key **ret_key)
{
	const char *kid;

	if (!jwt_member_is(header, "alg", "RS256"))
		return OTP_ERR_JWT_ALG;
	if (json_has(header, "crit"))
		return OTP_ERR_JWT_CRIT;
	if (json_get_string(header, "kid", 1, JWK_KID_MAX, &kid) != OTP_OK)
		return OTP_ERR_JWT_KID;
	return jwk_set_find(keys, kid, ret_key);
}

static enum otp_err jwt_find_key(const struct jwt_parts *parts, const struct jwk_set *keys, const struct crypto_rsa_key **ret_key)
{
	__attribute__((cleanup(json_doc_cleanup))) struct json_doc *header = NULL;
	enum otp_err err = jwt_parse_part(&parts->header, &header);

	if (err != OTP_OK)
		return err;
	return jwt_choose_key(json_doc_root(header), keys, ret_key);
}

static enum otp_err jwt_check_signature(const struct jwt_parts *parts, const struct crypto_rsa_key *key)
{
	unsigned char signature[JWT_PART_MAX];
	size_t length;

	if (!base64url_decode(parts->signature.text, parts->signature.length, signature, sizeof(signature), &length))
		return OTP_ERR_JWT_FORM;
	return crypto_rs256_verify(key, parts->signed_text.text, parts->signed_text.length, signature, length);
}

/* ---- the claims, which are read only when the signature has been verified ---- */

static enum otp_err jwt_get_text(const struct json_value *claims, const char *name, const char **ret_text)
{
	return json_get_string(claims, name, 1, JWT_TEXT_MAX, ret_text) == OTP_OK ? OTP_OK : OTP_ERR_JWT_CLAIM;
}

/* Whole seconds. RFC 7519 would allow fractions; Cognito has none, and with doubles come NaN and 1e400, which never expire. */
static enum otp_err jwt_get_time(const struct json_value *claims, const char *name, int64_t *ret_time)
{
	return json_get_int(claims, name, 1, JWT_TIME_MAX, ret_time) == OTP_OK ? OTP_OK : OTP_ERR_JWT_CLAIM;
}

static enum otp_err jwt_check_use(const struct json_value *claims, enum jwt_use use)
{
	const char *wanted = use == JWT_ID_TOKEN ? "id" : "access";
	const char *text;
	enum otp_err err = jwt_get_text(claims, "token_use", &text);

	if (err != OTP_OK)
		return err;
	if (strcmp(text, wanted) != 0)
		return OTP_ERR_JWT_TOKEN_USE;
	return OTP_OK;
}

static bool jwt_is_listed(const char *text, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(text, *list) == 0)
			return true;
	return false;
}

static enum otp_err jwt_check_issuer(const struct json_value *claims, const char *const *issuers)
{
	const char *issuer;
	enum otp_err err = jwt_get_text(claims, "iss", &issuer);

	if (err != OTP_OK)
		return err;
	if (!jwt_is_listed(issuer, issuers))
		return OTP_ERR_JWT_ISS;
	return OTP_OK;
}

/* "aud" of ID tokens is one string; RFC 7519 would allow an array, Cognito has none, and CVE-2020-26160 came from taking either. */
static enum otp_err jwt_check_client(const struct json_value *claims, enum jwt_use use, const char *client_id)
{
	const char *client;
	enum otp_err err = jwt_get_text(claims, use == JWT_ID_TOKEN ? "aud" : "client_id", &client);

	if (err != OTP_OK)
		return err;
	if (strcmp(client, client_id) != 0)
		return use == JWT_ID_TOKEN ? OTP_ERR_JWT_AUD : OTP_ERR_JWT_CLIENT_ID;
	return OTP_OK;
}

static enum otp_err jwt_check_validity(const struct json_value *claims, const struct jwt_policy *policy)
{
	int64_t expires;
	int64_t issued;
	enum otp_err err = jwt_get_time(claims, "exp", &expires);

	if (err != OTP_OK)
		return err;
	if (expires <= policy->now - policy->skew)
		return OTP_ERR_JWT_EXPIRED;
	err = jwt_get_time(claims, "iat", &issued);
	if (err != OTP_OK)
		return err;
	if (issued > policy->now + policy->skew)
		return OTP_ERR_JWT_NOT_YET;
	/* A token that lives for years is none of Cognito's, whoever signed it. */
	if (expires - issued > JWT_LIFE_MAX)
		return OTP_ERR_JWT_CLAIM;
	return OTP_OK;
}

/* The only time claim that may be missing: Cognito does not write it. */
static enum otp_err jwt_check_not_before(const struct json_value *claims, const struct jwt_policy *policy)
{
	int64_t not_before;

	if (!json_has(claims, "nbf"))
		return OTP_OK;
	if (jwt_get_time(claims, "nbf", &not_before) != OTP_OK)
		return OTP_ERR_JWT_CLAIM;
	if (not_before > policy->now + policy->skew)
		return OTP_ERR_JWT_NOT_YET;
	return OTP_OK;
}

/* Ties the token to the code that was just typed: a stolen one of an earlier sign-in has every other claim right. */
static enum otp_err jwt_check_auth_time(const struct json_value *claims, const struct jwt_policy *policy)
{
	int64_t auth_time;
	enum otp_err err = jwt_get_time(claims, "auth_time", &auth_time);

	if (err != OTP_OK)
		return err;
	if (auth_time > policy->now + policy->skew)
		return OTP_ERR_JWT_NOT_YET;
	if (auth_time < policy->auth_time_not_before - policy->skew)
		return OTP_ERR_JWT_AUTH_TIME;
	return OTP_OK;
}

/* The use comes first: a swapped pair of tokens is then called that, and not a missing "aud". */
static enum otp_err jwt_check_claims(const struct json_value *claims, enum jwt_use use, const struct jwt_policy *policy)
{
	const char *subject;
	enum otp_err err = jwt_check_use(claims, use);

	if (err == OTP_OK)
		err = jwt_check_issuer(claims, policy->issuers);
	if (err == OTP_OK)
		err = jwt_check_client(claims, use, policy->client_id);
	if (err == OTP_OK)
		err = jwt_check_validity(claims, policy);
	if (err == OTP_OK)
		err = jwt_check_not_before(claims, policy);
	if (err == OTP_OK)
		err = jwt_check_auth_time(claims, policy);
	if (err == OTP_OK)
		err = jwt_get_text(claims, "sub", &subject);
	return err;
}

static enum otp_err jwt_new(struct json_doc **claims, struct jwt **ret_jwt)
{
	struct jwt *jwt = malloc(sizeof(*jwt));

	if (jwt == NULL)
		return OTP_ERR_MEMORY;
	jwt->claims = *claims;
	*claims = NULL; /* handed over */
	*ret_jwt = jwt;
	return OTP_OK;
}

enum otp_err jwt_verify(const struct secret *token, enum jwt_use use, const struct jwk_set *keys, const struct jwt_policy *policy,
			struct jwt **ret_jwt)
{
	__attribute__((cleanup(json_doc_cleanup))) struct json_doc *claims = NULL;
	const struct crypto_rsa_key *key;
	struct jwt_parts parts;
	enum otp_err err;

	if (token->length > JWT_TOKEN_MAX)
		return OTP_ERR_JWT_FORM;
	err = jwt_split(token, &parts);
	if (err != OTP_OK)
		return err;
	err = jwt_find_key(&parts, keys, &key);
	if (err != OTP_OK)
		return err;
	err = jwt_check_signature(&parts, key);
	if (err != OTP_OK)
		return err;
	err = jwt_parse_part(&parts.payload, &claims);
	if (err != OTP_OK)
		return err;
	err = jwt_check_claims(json_doc_root(claims), use, policy);
	if (err != OTP_OK)
		return err;
	return jwt_new(&claims, ret_jwt);
}

void jwt_free(struct jwt *jwt)
{
	if (jwt == NULL)
		return;
	json_doc_free(jwt->claims);
	free(jwt);
}

const struct json_value *jwt_claims(const struct jwt *jwt)
{
	return json_doc_root(jwt->claims);
}
