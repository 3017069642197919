/* Which keys of a set may be used, and that a kid leads to one key or to none. */
#include "assert_err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jwk_set.h"
#include "token_factory.h"

#define KID "1234example+/="

struct fixture {
	EVP_PKEY *key;
	EVP_PKEY *other;
};

static int set_up(void **state)
{
	static struct fixture fixture;

	fixture.key = factory_key();
	fixture.other = factory_key();
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	EVP_PKEY_free(fixture->key);
	EVP_PKEY_free(fixture->other);
	return 0;
}

static enum otp_err parse(const char *text, struct jwk_set **ret_set)
{
	return jwk_set_parse(text, strlen(text), ret_set);
}

/* A set of one key, with one member of it changed. */
static enum otp_err parse_one(EVP_PKEY *key, const char *changed, const char *json, struct jwk_set **ret_set)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);

	strbuf_puts(&text, "{\"keys\":[");
	factory_jwk(&text, key, KID, changed, json);
	strbuf_puts(&text, "]}");
	assert_err("room", text.failed, OTP_OK);
	return parse(strbuf_text(&text), ret_set);
}

static void assert_key_verifies(const struct crypto_rsa_key *public, EVP_PKEY *private)
{
	size_t length;
	unsigned char *signature = factory_signature(private, FACTORY_RS256, "text", 4, &length);

	assert_err("verify", crypto_rs256_verify(public, "text", 4, signature, length), OTP_OK);
	free(signature);
}

static void test_kid_leads_to_its_key(void **state)
{
	struct fixture *fixture = *state;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);
	const struct crypto_rsa_key *key = NULL;
	struct jwk_set *set = NULL;

	strbuf_puts(&text, "{\"keys\":[");
	factory_jwk(&text, fixture->key, KID, NULL, NULL);
	strbuf_puts(&text, ",");
	factory_jwk(&text, fixture->other, "5678example=", NULL, NULL);
	strbuf_puts(&text, "],\"more\":1}");
	assert_err("two keys", parse(strbuf_text(&text), &set), OTP_OK);
	assert_err("first", jwk_set_find(set, KID, &key), OTP_OK);
	assert_key_verifies(key, fixture->key);
	assert_err("second", jwk_set_find(set, "5678example=", &key), OTP_OK);
	assert_key_verifies(key, fixture->other);
	jwk_set_free(set);
}

static void test_other_kids_lead_nowhere(void **state)
{
	static const char *const kids[] = {
		"", "1234example", "1234example+/==", "1234EXAMPLE+/=", "1234example-_=", "../../etc/passwd", "' or 1=1"
	};
	struct fixture *fixture = *state;
	struct jwk_set *set = NULL;

	assert_err("set", parse_one(fixture->key, NULL, NULL, &set), OTP_OK);
	for (size_t i = 0; i < CASES(kids); i++) {
		const struct crypto_rsa_key *key = NULL;

		assert_err(kids[i], jwk_set_find(set, kids[i], &key), OTP_ERR_JWT_KID);
		assert_null(key);
	}
	jwk_set_free(set);
}

/* The set has no other key, so that one passed over or refused leaves nothing. */
static void test_one_member_changed(void **state)
{
	static const struct {
		const char *name;
		const char *member;
		const char *json;
		enum otp_err wanted;
	} cases[] = {
		{ "as Cognito writes it", NULL, NULL, OTP_OK },
		{ "no use", "use", NULL, OTP_OK },
		{ "no alg", "alg", NULL, OTP_OK },
		{ "unknown member", "x5t", "\"abc\"", OTP_OK },
		{ "EC", "kty", "\"EC\"", OTP_ERR_JWKS_EMPTY },
		{ "oct", "kty", "\"oct\"", OTP_ERR_JWKS_EMPTY },
		{ "kty in lower case", "kty", "\"rsa\"", OTP_ERR_JWKS_EMPTY },
		{ "no kty", "kty", NULL, OTP_ERR_JWKS_EMPTY },
		{ "kty an array", "kty", "[\"RSA\"]", OTP_ERR_JWKS_EMPTY },
		{ "for encryption", "use", "\"enc\"", OTP_ERR_JWKS_EMPTY },
		{ "use empty", "use", "\"\"", OTP_ERR_JWKS_EMPTY },
		{ "use a number", "use", "1", OTP_ERR_JWKS_EMPTY },
		{ "RS512", "alg", "\"RS512\"", OTP_ERR_JWKS_EMPTY },
		{ "HS256", "alg", "\"HS256\"", OTP_ERR_JWKS_EMPTY },
		{ "none", "alg", "\"none\"", OTP_ERR_JWKS_EMPTY },
		{ "alg an array", "alg", "[\"RS256\"]", OTP_ERR_JWKS_EMPTY },
		{ "no kid", "kid", NULL, OTP_ERR_JWKS_EMPTY },
		{ "empty kid", "kid", "\"\"", OTP_ERR_JWKS_EMPTY },
		{ "kid a number", "kid", "1", OTP_ERR_JWKS_EMPTY },
		{ "no modulus", "n", NULL, OTP_ERR_JWKS_EMPTY },
		{ "modulus a number", "n", "12345", OTP_ERR_JWKS_EMPTY },
		{ "modulus of 3 bytes", "n", "\"AQAB\"", OTP_ERR_JWKS_EMPTY },
		{ "modulus not Base64url", "n", "\"+/+/\"", OTP_ERR_JWKS_EMPTY },
		{ "no exponent", "e", NULL, OTP_ERR_JWKS_EMPTY },
		{ "exponent 3", "e", "\"Aw\"", OTP_ERR_JWKS_EMPTY },
		{ "exponent 1", "e", "\"AQ\"", OTP_ERR_JWKS_EMPTY },
		{ "exponent with a zero in front", "e", "\"AAEAAQ\"", OTP_ERR_JWKS_EMPTY },
		{ "exponent with padding", "e", "\"AQAB====\"", OTP_ERR_JWKS_EMPTY },
		{ "exponent with unused bits", "e", "\"AQABAB\"", OTP_ERR_JWKS_EMPTY },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		struct jwk_set *set = NULL;

		assert_err(cases[i].name, parse_one(fixture->key, cases[i].member, cases[i].json, &set), cases[i].wanted);
		assert_int_equal(set != NULL, cases[i].wanted == OTP_OK);
		jwk_set_free(set);
	}
}

/* Beside a good key: what happens when a token names this one. */
static void test_a_token_names_the_other_key(void **state)
{
	static const struct {
		const char *name;
		const char *member;
		const char *json;
		enum otp_err wanted;
	} cases[] = {
		{ "weak exponent", "e", "\"Aw\"", OTP_ERR_JWKS_KEY },
		{ "weak modulus", "n", "\"AQAB\"", OTP_ERR_JWKS_KEY },
		{ "no modulus", "n", NULL, OTP_ERR_JWKS_KEY },
		{ "not for signatures", "use", "\"enc\"", OTP_ERR_JWT_KID },
		{ "not for RS256", "alg", "\"RS512\"", OTP_ERR_JWT_KID },
		{ "not RSA", "kty", "\"EC\"", OTP_ERR_JWT_KID },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);
		const struct crypto_rsa_key *key = NULL;
		struct jwk_set *set = NULL;

		strbuf_puts(&text, "{\"keys\":[");
		factory_jwk(&text, fixture->other, "other", cases[i].member, cases[i].json);
		strbuf_puts(&text, ",");
		factory_jwk(&text, fixture->key, KID, NULL, NULL);
		strbuf_puts(&text, "]}");
		assert_err(cases[i].name, parse(strbuf_text(&text), &set), OTP_OK);
		assert_err(cases[i].name, jwk_set_find(set, "other", &key), cases[i].wanted);
		assert_null(key);
		assert_err("the good one", jwk_set_find(set, KID, &key), OTP_OK);
		jwk_set_free(set);
	}
}

static void test_two_keys_of_one_kid(void **state)
{
	struct fixture *fixture = *state;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);
	const struct crypto_rsa_key *key = NULL;
	struct jwk_set *set = NULL;

	strbuf_puts(&text, "{\"keys\":[");
	factory_jwk(&text, fixture->key, KID, NULL, NULL);
	strbuf_puts(&text, ",");
	factory_jwk(&text, fixture->other, "good", NULL, NULL);
	strbuf_puts(&text, ",");
	factory_jwk(&text, fixture->other, KID, NULL, NULL);
	strbuf_puts(&text, "]}");
	assert_err("parse", parse(strbuf_text(&text), &set), OTP_OK);
	assert_err("the kid of two", jwk_set_find(set, KID, &key), OTP_ERR_JWKS_KEY);
	assert_null(key);
	assert_err("the other kid", jwk_set_find(set, "good", &key), OTP_OK);
	jwk_set_free(set);
}

static void test_sets_that_are_none(void **state)
{
	static const struct {
		const char *text;
		enum otp_err wanted;
	} cases[] = {
		{ "", OTP_ERR_JSON_SYNTAX },
		{ "<html>", OTP_ERR_JSON_SYNTAX },
		{ "[]", OTP_ERR_JSON_SYNTAX },
		{ "{}", OTP_ERR_JSON_ABSENT },
		{ "{\"keys\":null}", OTP_ERR_JSON_ABSENT },
		{ "{\"keys\":{}}", OTP_ERR_JSON_TYPE },
		{ "{\"keys\":\"\"}", OTP_ERR_JSON_TYPE },
		{ "{\"keys\":[\"key\"]}", OTP_ERR_JSON_TYPE },
		{ "{\"keys\":[null]}", OTP_ERR_JSON_ABSENT },
		{ "{\"keys\":[[]]}", OTP_ERR_JSON_TYPE },
		{ "{\"keys\":[]}", OTP_ERR_JWKS_EMPTY },
		{ "{\"keys\":[{}]}", OTP_ERR_JWKS_EMPTY },
		{ "{\"keys\":[],\"keys\":[]}", OTP_ERR_JSON_DUPLICATE },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct jwk_set *set = NULL;

		assert_err(cases[i].text, parse(cases[i].text, &set), cases[i].wanted);
		assert_null(set);
	}
}

static enum otp_err parse_many(EVP_PKEY *key, size_t count)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);
	struct jwk_set *set = NULL;
	enum otp_err err;

	strbuf_puts(&text, "{\"keys\":[");
	for (size_t i = 0; i < count; i++) {
		char kid[32];

		snprintf(kid, sizeof(kid), "kid%zu", i);
		strbuf_puts(&text, i == 0 ? "" : ",");
		factory_jwk(&text, key, kid, NULL, NULL);
	}
	strbuf_puts(&text, "]}");
	err = parse(strbuf_text(&text), &set);
	jwk_set_free(set);
	return err;
}

static void test_number_of_keys_is_bounded(void **state)
{
	struct fixture *fixture = *state;

	assert_err("the maximum", parse_many(fixture->key, JWK_SET_KEYS_MAX), OTP_OK);
	assert_err("one more", parse_many(fixture->key, JWK_SET_KEYS_MAX + 1), OTP_ERR_JWKS_EMPTY);
}

static void test_kid_length_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	char quoted[JWK_KID_MAX + 4];
	struct jwk_set *set = NULL;

	memset(quoted, 'k', sizeof(quoted));
	quoted[0] = '"';
	strcpy(quoted + 1 + JWK_KID_MAX, "\"");
	assert_err("the maximum", parse_one(fixture->key, "kid", quoted, &set), OTP_OK);
	jwk_set_free(set);
	set = NULL;
	strcpy(quoted + 1 + JWK_KID_MAX, "k\"");
	assert_err("one more", parse_one(fixture->key, "kid", quoted, &set), OTP_ERR_JWKS_EMPTY);
	assert_null(set);
}

static void test_number_length_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	static char quoted[9000];
	struct jwk_set *set = NULL;

	memset(quoted, 'A', sizeof(quoted));
	quoted[0] = '"';
	strcpy(quoted + sizeof(quoted) - 2, "\"");
	assert_err("modulus", parse_one(fixture->key, "n", quoted, &set), OTP_ERR_JWKS_EMPTY);
	assert_err("exponent", parse_one(fixture->key, "e", quoted, &set), OTP_ERR_JWKS_EMPTY);
	assert_null(set);
}

static void test_free_takes_null(void **state)
{
	(void)state;
	jwk_set_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_kid_leads_to_its_key),	  cmocka_unit_test(test_other_kids_lead_nowhere),
		cmocka_unit_test(test_one_member_changed),	  cmocka_unit_test(test_a_token_names_the_other_key),
		cmocka_unit_test(test_two_keys_of_one_kid),	  cmocka_unit_test(test_sets_that_are_none),
		cmocka_unit_test(test_number_of_keys_is_bounded), cmocka_unit_test(test_kid_length_is_bounded),
		cmocka_unit_test(test_number_length_is_bounded),  cmocka_unit_test(test_free_takes_null),
	};

	return cmocka_run_group_tests_name("jwk_set", tests, set_up, tear_down);
}
