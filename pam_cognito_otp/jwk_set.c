/* jwk_set - see jwk_set.h. */
#include "jwk_set.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "json_doc.h"

enum {
	/* Base64url of CRYPTO_RSA_BITS_MAX, and room for one that is refused for its size and not for its text */
	JWK_NUMBER_TEXT_MAX = 2048,
	JWK_NUMBER_MAX = BASE64URL_DECODED_MAX(JWK_NUMBER_TEXT_MAX)
};

struct jwk {
	char kid[JWK_KID_MAX + 1];
	struct crypto_rsa_key *key; /* NULL when the kid must not be used */
};

struct jwk_set {
	struct jwk keys[JWK_SET_KEYS_MAX];
	size_t count;
};

static void json_doc_cleanup(struct json_doc **doc)
{
	json_doc_free(*doc);
}

static void jwk_set_cleanup(struct jwk_set **set)
{
	jwk_set_free(*set);
}

static bool jwk_member_is(const struct json_value *jwk, const char *member, const char *wanted)
{
	const char *text;

	return json_get_string(jwk, member, 1, JWK_KID_MAX, &text) == OTP_OK && strcmp(text, wanted) == 0;
}

/* RFC 7517 sections 4.2 and 4.4: "use" and "alg" may be missing; when there, they must not say something else. */
static bool jwk_permits(const struct json_value *jwk, const char *member, const char *wanted)
{
	return !json_has(jwk, member) || jwk_member_is(jwk, member, wanted);
}

/* Whether this key claims to be one that RS256 signatures are checked with, and has a name to be found by. */
static bool jwk_is_ours(const struct json_value *jwk, const char **ret_kid)
{
	if (!jwk_member_is(jwk, "kty", "RSA"))
		return false;
	if (!jwk_permits(jwk, "use", "sig"))
		return false;
	if (!jwk_permits(jwk, "alg", "RS256"))
		return false;
	return json_get_string(jwk, "kid", 1, JWK_KID_MAX, ret_kid) == OTP_OK;
}

static enum otp_err jwk_number(const struct json_value *jwk, const char *member, unsigned char *out, size_t *ret_length)
{
	const char *text;

	if (json_get_string(jwk, member, 1, JWK_NUMBER_TEXT_MAX, &text) != OTP_OK)
		return OTP_ERR_JWKS_KEY;
	if (!base64url_decode(text, strlen(text), out, JWK_NUMBER_MAX, ret_length))
		return OTP_ERR_JWKS_KEY;
	return OTP_OK;
}

static enum otp_err jwk_rsa_key(const struct json_value *jwk, struct crypto_rsa_key **ret_key)
{
	unsigned char modulus[JWK_NUMBER_MAX];
	unsigned char exponent[JWK_NUMBER_MAX];
	size_t modulus_length;
	size_t exponent_length;
	enum otp_err err = jwk_number(jwk, "n", modulus, &modulus_length);

	if (err != OTP_OK)
		return err;
	err = jwk_number(jwk, "e", exponent, &exponent_length);
	if (err != OTP_OK)
		return err;
	return crypto_rsa_key_new(modulus, modulus_length, exponent, exponent_length, ret_key);
}

static struct jwk *jwk_set_look_up(struct jwk_set *set, const char *kid)
{
	for (size_t i = 0; i < set->count; i++)
		if (strcmp(set->keys[i].kid, kid) == 0)
			return &set->keys[i];
	return NULL;
}

static void jwk_disable(struct jwk *jwk)
{
	crypto_rsa_key_free(jwk->key);
	jwk->key = NULL;
}

static enum otp_err jwk_set_add(struct jwk_set *set, const struct json_value *value)
{
	struct crypto_rsa_key *key = NULL;
	struct jwk *twin;
	const char *kid;
	enum otp_err err;

	if (!jwk_is_ours(value, &kid))
		return OTP_OK;
	twin = jwk_set_look_up(set, kid);
	/* Which of the two is meant? Order in a file decides nothing here. */
	if (twin != NULL) {
		jwk_disable(twin);
		return OTP_OK;
	}
	err = jwk_rsa_key(value, &key);
	if (err != OTP_OK && err != OTP_ERR_JWKS_KEY)
		return err;
	memcpy(set->keys[set->count].kid, kid, strlen(kid) + 1);
	set->keys[set->count].key = key;
	set->count++;
	return OTP_OK;
}

static enum otp_err jwk_set_fill(struct jwk_set *set, const struct json_value *root)
{
	const struct json_value *keys;
	enum otp_err err = json_get_array(root, "keys", &keys);

	if (err != OTP_OK)
		return err;
	if (json_array_length(keys) > JWK_SET_KEYS_MAX)
		return OTP_ERR_JWKS_EMPTY;
	for (size_t i = 0; i < json_array_length(keys); i++) {
		const struct json_value *value;

		err = json_array_object(keys, i, &value);
		if (err != OTP_OK)
			return err;
		err = jwk_set_add(set, value);
		if (err != OTP_OK)
			return err;
	}
	return OTP_OK;
}

static bool jwk_set_is_usable(const struct jwk_set *set)
{
	for (size_t i = 0; i < set->count; i++)
		if (set->keys[i].key != NULL)
			return true;
	return false;
}

enum otp_err jwk_set_parse(const char *text, size_t length, struct jwk_set **ret_set)
{
	__attribute__((cleanup(json_doc_cleanup))) struct json_doc *doc = NULL;
	__attribute__((cleanup(jwk_set_cleanup))) struct jwk_set *set = NULL;
	enum otp_err err = json_doc_parse(text, length, &doc);

	if (err != OTP_OK)
		return err;
	set = calloc(1, sizeof(*set));
	if (set == NULL)
		return OTP_ERR_MEMORY;
	err = jwk_set_fill(set, json_doc_root(doc));
	if (err != OTP_OK)
		return err;
	if (!jwk_set_is_usable(set))
		return OTP_ERR_JWKS_EMPTY;
	*ret_set = set;
	set = NULL; /* handed over */
	return OTP_OK;
}

void jwk_set_free(struct jwk_set *set)
{
	if (set == NULL)
		return;
	for (size_t i = 0; i < set->count; i++)
		crypto_rsa_key_free(set->keys[i].key);
	free(set);
}

enum otp_err jwk_set_find(const struct jwk_set *set, const char *kid, const struct crypto_rsa_key **ret_key)
{
	for (size_t i = 0; i < set->count; i++) {
		if (strcmp(set->keys[i].kid, kid) != 0)
			continue;
		if (set->keys[i].key == NULL)
			return OTP_ERR_JWKS_KEY;
		*ret_key = set->keys[i].key;
		return OTP_OK;
	}
	return OTP_ERR_JWT_KID;
}
