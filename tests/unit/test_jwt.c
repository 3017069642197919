/* Every case differs in one thing from a token that test_right_tokens_are_taken shows accepted. */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "jwt.h"
#include "token_factory.h"

#define ISSUER	   "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01"
#define CLIENT	   "1h57kf5cpq17m0eml12EXAMPLE"
#define SUB	   "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define ID_KID	   "1234example+/="
#define ACCESS_KID "5678example="
#define WEAK_KID   "weak"

/* The tokens were made five seconds ago. */
#define NOW  INT64_C(2000000000)
#define SKEW 120

static const char *const issuers[] = { "https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01", ISSUER, NULL };

static const struct jwt_policy policy = {
	.issuers = issuers, .client_id = CLIENT, .now = NOW, .skew = SKEW, .auth_time_not_before = NOW - 5
};

static const char id_header[] = "{\"kid\":\"" ID_KID "\",\"alg\":\"RS256\"}";
static const char access_header[] = "{\"kid\":\"" ACCESS_KID "\",\"alg\":\"RS256\"}";

static const struct factory_member header_members[] = { { "kid", "\"" ID_KID "\"" }, { "alg", "\"RS256\"" }, { NULL, NULL } };

static const struct factory_member id_claims[] = {
	{ "sub", "\"" SUB "\"" },
	{ "email_verified", "true" },
	{ "iss", "\"" ISSUER "\"" },
	{ "cognito:username", "\"alice\"" },
	{ "aud", "\"" CLIENT "\"" },
	{ "token_use", "\"id\"" },
	{ "auth_time", "1999999995" },
	{ "exp", "2000003595" },
	{ "iat", "1999999995" },
	{ "email", "\"alice@example.com\"" },
	{ NULL, NULL },
};

static const struct factory_member access_claims[] = {
	{ "sub", "\"" SUB "\"" },
	{ "iss", "\"" ISSUER "\"" },
	{ "client_id", "\"" CLIENT "\"" },
	{ "token_use", "\"access\"" },
	{ "scope", "\"aws.cognito.signin.user.admin\"" },
	{ "auth_time", "1999999995" },
	{ "exp", "2000003595" },
	{ "iat", "1999999995" },
	{ "username", "\"alice\"" },
	{ NULL, NULL },
};

struct fixture {
	EVP_PKEY *id_key;
	EVP_PKEY *access_key;
	struct jwk_set *keys;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);

	fixture.id_key = factory_key();
	fixture.access_key = factory_key();
	strbuf_puts(&text, "{\"keys\":[");
	factory_jwk(&text, fixture.id_key, ID_KID, NULL, NULL);
	strbuf_puts(&text, ",");
	factory_jwk(&text, fixture.access_key, ACCESS_KID, NULL, NULL);
	strbuf_puts(&text, ",");
	factory_jwk(&text, fixture.id_key, WEAK_KID, "e", "\"Aw\"");
	strbuf_puts(&text, "]}");
	*state = &fixture;
	return jwk_set_parse(strbuf_text(&text), text.length, &fixture.keys) == OTP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	jwk_set_free(fixture->keys);
	EVP_PKEY_free(fixture->id_key);
	EVP_PKEY_free(fixture->access_key);
	return 0;
}

static enum otp_err verify_bytes(const struct fixture *fixture, const char *token, size_t length, enum jwt_use use,
				 const struct jwt_policy *held_against)
{
	secret_auto struct secret secret = SECRET_EMPTY;
	struct jwt *jwt = NULL;
	enum otp_err err;

	assert_err("secret", secret_set(&secret, token, length), OTP_OK);
	err = jwt_verify(&secret, use, fixture->keys, held_against, &jwt);
	assert_int_equal(jwt != NULL, err == OTP_OK);
	jwt_free(jwt);
	return err;
}

static enum otp_err verify(const struct fixture *fixture, const char *token, enum jwt_use use)
{
	return verify_bytes(fixture, token, strlen(token), use, &policy);
}

static EVP_PKEY *key_of(const struct fixture *fixture, enum jwt_use use)
{
	return use == JWT_ID_TOKEN ? fixture->id_key : fixture->access_key;
}

static char *payload_of(enum jwt_use use, const char *claim, const char *json)
{
	struct strbuf text = STRBUF_LIMIT(65536);

	factory_object(&text, use == JWT_ID_TOKEN ? id_claims : access_claims, claim, json);
	return text.text;
}

/* The model token of `use`, its payload replaced, signed as it should be. */
static char *token_of_payload(const struct fixture *fixture, enum jwt_use use, const char *payload)
{
	return factory_token(key_of(fixture, use), FACTORY_RS256, use == JWT_ID_TOKEN ? id_header : access_header, payload);
}

static char *token_of(const struct fixture *fixture, enum jwt_use use, const char *claim, const char *json)
{
	char *payload = payload_of(use, claim, json);
	char *token = token_of_payload(fixture, use, payload);

	free(payload);
	return token;
}

struct claim_case {
	const char *name;
	enum jwt_use use;
	const char *claim;
	const char *json;
	enum otp_err wanted;
};

static void run_claim_cases(const struct fixture *fixture, const struct claim_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char *token = token_of(fixture, cases[i].use, cases[i].claim, cases[i].json);

		assert_err(cases[i].name, verify(fixture, token, cases[i].use), cases[i].wanted);
		free(token);
	}
}

static void test_right_tokens_are_taken(void **state)
{
	static const struct claim_case cases[] = {
		{ "ID token", JWT_ID_TOKEN, NULL, NULL, OTP_OK },
		{ "access token", JWT_ACCESS_TOKEN, NULL, NULL, OTP_OK },
		{ "the other issuer of the list", JWT_ID_TOKEN, "iss",
		  "\"https://issuer-cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01\"", OTP_OK },
		{ "a claim that is not ours", JWT_ID_TOKEN, "name", "\"Zo\xc3\xab \xe2\x82\xac\"", OTP_OK },
		{ "groups", JWT_ID_TOKEN, "cognito:groups", "[\"a\",\"b\"]", OTP_OK },
		{ "client_id in an ID token", JWT_ID_TOKEN, "client_id", "\"other\"", OTP_OK },
		{ "aud in an access token", JWT_ACCESS_TOKEN, "aud", "\"other\"", OTP_OK },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_claims_come_out(void **state)
{
	struct fixture *fixture = *state;
	secret_auto struct secret secret = SECRET_EMPTY;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	const char *text = NULL;
	struct jwt *jwt = NULL;

	assert_err("secret", secret_set(&secret, token, strlen(token)), OTP_OK);
	assert_err("verify", jwt_verify(&secret, JWT_ID_TOKEN, fixture->keys, &policy, &jwt), OTP_OK);
	assert_err("email", json_get_string(jwt_claims(jwt), "email", 1, 100, &text), OTP_OK);
	assert_string_equal(text, "alice@example.com");
	jwt_free(jwt);
	free(token);
}

static void test_token_use(void **state)
{
	static const struct claim_case cases[] = {
		{ "access in place of ID", JWT_ID_TOKEN, "token_use", "\"access\"", OTP_ERR_JWT_TOKEN_USE },
		{ "ID in place of access", JWT_ACCESS_TOKEN, "token_use", "\"id\"", OTP_ERR_JWT_TOKEN_USE },
		{ "upper case", JWT_ID_TOKEN, "token_use", "\"ID\"", OTP_ERR_JWT_TOKEN_USE },
		{ "refresh", JWT_ACCESS_TOKEN, "token_use", "\"refresh\"", OTP_ERR_JWT_TOKEN_USE },
		{ "missing", JWT_ID_TOKEN, "token_use", NULL, OTP_ERR_JWT_CLAIM },
		{ "array", JWT_ID_TOKEN, "token_use", "[\"id\"]", OTP_ERR_JWT_CLAIM },
		{ "null", JWT_ACCESS_TOKEN, "token_use", "null", OTP_ERR_JWT_CLAIM },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_swapped_tokens(void **state)
{
	struct fixture *fixture = *state;
	char *id = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	char *access = token_of(fixture, JWT_ACCESS_TOKEN, NULL, NULL);

	assert_err("access as ID", verify(fixture, access, JWT_ID_TOKEN), OTP_ERR_JWT_TOKEN_USE);
	assert_err("ID as access", verify(fixture, id, JWT_ACCESS_TOKEN), OTP_ERR_JWT_TOKEN_USE);
	free(id);
	free(access);
}

static void test_issuer(void **state)
{
	static const struct claim_case cases[] = {
		{ "another pool", JWT_ID_TOKEN, "iss", "\"https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example02\"",
		  OTP_ERR_JWT_ISS },
		{ "another region", JWT_ACCESS_TOKEN, "iss", "\"https://cognito-idp.eu-west-2.amazonaws.com/eu-west-1_Example01\"",
		  OTP_ERR_JWT_ISS },
		{ "slash at the end", JWT_ID_TOKEN, "iss", "\"" ISSUER "/\"", OTP_ERR_JWT_ISS },
		{ "cut", JWT_ID_TOKEN, "iss", "\"https://cognito-idp.eu-west-1.amazonaws.com/\"", OTP_ERR_JWT_ISS },
		{ "longer", JWT_ID_TOKEN, "iss", "\"" ISSUER "2\"", OTP_ERR_JWT_ISS },
		{ "http", JWT_ID_TOKEN, "iss", "\"http://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01\"", OTP_ERR_JWT_ISS },
		{ "upper case", JWT_ID_TOKEN, "iss", "\"https://Cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01\"",
		  OTP_ERR_JWT_ISS },
		{ "empty", JWT_ID_TOKEN, "iss", "\"\"", OTP_ERR_JWT_CLAIM },
		{ "missing", JWT_ID_TOKEN, "iss", NULL, OTP_ERR_JWT_CLAIM },
		{ "missing from access", JWT_ACCESS_TOKEN, "iss", NULL, OTP_ERR_JWT_CLAIM },
		{ "array", JWT_ID_TOKEN, "iss", "[\"" ISSUER "\"]", OTP_ERR_JWT_CLAIM },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_client(void **state)
{
	static const struct claim_case cases[] = {
		{ "another client's ID token", JWT_ID_TOKEN, "aud", "\"1h57kf5cpq17m0eml12OTHER00\"", OTP_ERR_JWT_AUD },
		{ "lower case", JWT_ID_TOKEN, "aud", "\"1h57kf5cpq17m0eml12example\"", OTP_ERR_JWT_AUD },
		{ "longer", JWT_ID_TOKEN, "aud", "\"" CLIENT "2\"", OTP_ERR_JWT_AUD },
		{ "several in a string", JWT_ID_TOKEN, "aud", "\"" CLIENT " other\"", OTP_ERR_JWT_AUD },
		{ "missing", JWT_ID_TOKEN, "aud", NULL, OTP_ERR_JWT_CLAIM },
		{ "empty", JWT_ID_TOKEN, "aud", "\"\"", OTP_ERR_JWT_CLAIM },
		{ "array of ours", JWT_ID_TOKEN, "aud", "[\"" CLIENT "\"]", OTP_ERR_JWT_CLAIM },
		{ "array of two", JWT_ID_TOKEN, "aud", "[\"" CLIENT "\",\"other\"]", OTP_ERR_JWT_CLAIM },
		{ "empty array", JWT_ID_TOKEN, "aud", "[]", OTP_ERR_JWT_CLAIM },
		{ "another client's access token", JWT_ACCESS_TOKEN, "client_id", "\"1h57kf5cpq17m0eml12OTHER00\"", OTP_ERR_JWT_CLIENT_ID },
		{ "client_id missing", JWT_ACCESS_TOKEN, "client_id", NULL, OTP_ERR_JWT_CLAIM },
		{ "client_id a number", JWT_ACCESS_TOKEN, "client_id", "1", OTP_ERR_JWT_CLAIM },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

/* NOW is 2000000000, SKEW 120, JWT_LIFE_MAX 90000. */
static void test_expiry(void **state)
{
	static const struct claim_case cases[] = {
		{ "expired, within skew", JWT_ID_TOKEN, "exp", "1999999881", OTP_OK },
		{ "expired, at skew", JWT_ID_TOKEN, "exp", "1999999880", OTP_ERR_JWT_EXPIRED },
		{ "expired long ago", JWT_ACCESS_TOKEN, "exp", "1000000000", OTP_ERR_JWT_EXPIRED },
		{ "longest life", JWT_ID_TOKEN, "exp", "2000089995", OTP_OK },
		{ "life one second too long", JWT_ID_TOKEN, "exp", "2000089996", OTP_ERR_JWT_CLAIM },
		{ "life of ages", JWT_ACCESS_TOKEN, "exp", "253402300799", OTP_ERR_JWT_CLAIM },
		{ "beyond the calendar", JWT_ID_TOKEN, "exp", "253402300800", OTP_ERR_JWT_CLAIM },
		{ "missing", JWT_ID_TOKEN, "exp", NULL, OTP_ERR_JWT_CLAIM },
		{ "null", JWT_ID_TOKEN, "exp", "null", OTP_ERR_JWT_CLAIM },
		{ "string", JWT_ID_TOKEN, "exp", "\"2000003595\"", OTP_ERR_JWT_CLAIM },
		{ "double", JWT_ID_TOKEN, "exp", "2000003595.0", OTP_ERR_JWT_CLAIM },
		{ "exponent", JWT_ID_TOKEN, "exp", "2e9", OTP_ERR_JWT_CLAIM },
		{ "1e400", JWT_ID_TOKEN, "exp", "1e400", OTP_ERR_JWT_CLAIM },
		{ "zero", JWT_ID_TOKEN, "exp", "0", OTP_ERR_JWT_CLAIM },
		{ "negative", JWT_ID_TOKEN, "exp", "-1", OTP_ERR_JWT_CLAIM },
		{ "true", JWT_ID_TOKEN, "exp", "true", OTP_ERR_JWT_CLAIM },
		{ "the largest number", JWT_ID_TOKEN, "exp", "9223372036854775807", OTP_ERR_JWT_CLAIM },
		{ "NaN", JWT_ID_TOKEN, "exp", "NaN", OTP_ERR_JWT_JSON },
		{ "Infinity", JWT_ID_TOKEN, "exp", "Infinity", OTP_ERR_JWT_JSON },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_issue_and_not_before(void **state)
{
	static const struct claim_case cases[] = {
		{ "issued in the future, within skew", JWT_ID_TOKEN, "iat", "2000000120", OTP_OK },
		{ "issued in the future", JWT_ID_TOKEN, "iat", "2000000121", OTP_ERR_JWT_NOT_YET },
		{ "issue missing", JWT_ID_TOKEN, "iat", NULL, OTP_ERR_JWT_CLAIM },
		{ "issue a string", JWT_ID_TOKEN, "iat", "\"1999999995\"", OTP_ERR_JWT_CLAIM },
		{ "issue a double", JWT_ACCESS_TOKEN, "iat", "1999999995.5", OTP_ERR_JWT_CLAIM },
		{ "issue long ago", JWT_ID_TOKEN, "iat", "1999900000", OTP_ERR_JWT_CLAIM },
		{ "not before the past", JWT_ID_TOKEN, "nbf", "1999999995", OTP_OK },
		{ "not before null", JWT_ID_TOKEN, "nbf", "null", OTP_OK },
		{ "not before the future, within skew", JWT_ID_TOKEN, "nbf", "2000000120", OTP_OK },
		{ "not before the future", JWT_ID_TOKEN, "nbf", "2000000121", OTP_ERR_JWT_NOT_YET },
		{ "not before a string", JWT_ID_TOKEN, "nbf", "\"1\"", OTP_ERR_JWT_CLAIM },
		{ "not before a double", JWT_ID_TOKEN, "nbf", "1.5", OTP_ERR_JWT_CLAIM },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

/* auth_time_not_before is NOW - 5. */
static void test_auth_time(void **state)
{
	static const struct claim_case cases[] = {
		{ "before our request, within skew", JWT_ID_TOKEN, "auth_time", "1999999875", OTP_OK },
		{ "an earlier sign-in", JWT_ID_TOKEN, "auth_time", "1999999874", OTP_ERR_JWT_AUTH_TIME },
		{ "an earlier sign-in, access", JWT_ACCESS_TOKEN, "auth_time", "1999990000", OTP_ERR_JWT_AUTH_TIME },
		{ "in the future, within skew", JWT_ID_TOKEN, "auth_time", "2000000120", OTP_OK },
		{ "in the future", JWT_ID_TOKEN, "auth_time", "2000000121", OTP_ERR_JWT_NOT_YET },
		{ "missing", JWT_ID_TOKEN, "auth_time", NULL, OTP_ERR_JWT_CLAIM },
		{ "string", JWT_ID_TOKEN, "auth_time", "\"1999999995\"", OTP_ERR_JWT_CLAIM },
		{ "double", JWT_ID_TOKEN, "auth_time", "1999999995.0", OTP_ERR_JWT_CLAIM },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_sub(void **state)
{
	static const struct claim_case cases[] = {
		{ "missing", JWT_ID_TOKEN, "sub", NULL, OTP_ERR_JWT_CLAIM },
		{ "missing from access", JWT_ACCESS_TOKEN, "sub", NULL, OTP_ERR_JWT_CLAIM },
		{ "empty", JWT_ID_TOKEN, "sub", "\"\"", OTP_ERR_JWT_CLAIM },
		{ "number", JWT_ID_TOKEN, "sub", "1", OTP_ERR_JWT_CLAIM },
		{ "NUL", JWT_ID_TOKEN, "sub", "\"" SUB "\\u0000evil\"", OTP_ERR_JWT_NUL },
	};

	run_claim_cases(*state, cases, CASES(cases));
}

static void test_clocks_that_are_wrong(void **state)
{
	static const struct {
		const char *name;
		int64_t now;
		enum otp_err wanted;
	} cases[] = {
		{ "1970", 100, OTP_ERR_JWT_NOT_YET },
		{ "ten years on", NOW + 315360000, OTP_ERR_JWT_EXPIRED },
		{ "an hour on", NOW + 3595 + SKEW, OTP_ERR_JWT_EXPIRED },
		{ "just before", NOW + 3594 + SKEW, OTP_OK },
	};
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(cases); i++) {
		struct jwt_policy wrong = policy;

		wrong.now = cases[i].now;
		assert_err(cases[i].name, verify_bytes(fixture, token, strlen(token), JWT_ID_TOKEN, &wrong), cases[i].wanted);
	}
	free(token);
}

static void test_policies_that_fit_nothing(void **state)
{
	static const char *const no_issuers[] = { NULL };
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	struct jwt_policy other = policy;

	other.issuers = no_issuers;
	assert_err("no issuers", verify_bytes(fixture, token, strlen(token), JWT_ID_TOKEN, &other), OTP_ERR_JWT_ISS);
	other = policy;
	other.client_id = "";
	assert_err("no client", verify_bytes(fixture, token, strlen(token), JWT_ID_TOKEN, &other), OTP_ERR_JWT_AUD);
	free(token);
}

/* The header with one member changed; signed by the ID token's key all the same. */
static void test_header(void **state)
{
	static const struct {
		const char *name;
		const char *member;
		const char *json;
		enum otp_err wanted;
	} cases[] = {
		{ "as it is", NULL, NULL, OTP_OK },
		{ "typ", "typ", "\"JWT\"", OTP_OK },
		{ "jku", "jku", "\"https://evil.example/jwks.json\"", OTP_OK },
		{ "jwk", "jwk", "{\"kty\":\"oct\",\"k\":\"AA\"}", OTP_OK },
		{ "x5u", "x5u", "\"file:///etc/passwd\"", OTP_OK },
		{ "x5c", "x5c", "[\"AAAA\"]", OTP_OK },
		{ "alg none", "alg", "\"none\"", OTP_ERR_JWT_ALG },
		{ "alg None", "alg", "\"None\"", OTP_ERR_JWT_ALG },
		{ "alg nOnE", "alg", "\"nOnE\"", OTP_ERR_JWT_ALG },
		{ "alg empty", "alg", "\"\"", OTP_ERR_JWT_ALG },
		{ "alg missing", "alg", NULL, OTP_ERR_JWT_ALG },
		{ "alg null", "alg", "null", OTP_ERR_JWT_ALG },
		{ "alg number", "alg", "256", OTP_ERR_JWT_ALG },
		{ "alg array", "alg", "[\"RS256\"]", OTP_ERR_JWT_ALG },
		{ "alg lower case", "alg", "\"rs256\"", OTP_ERR_JWT_ALG },
		{ "alg with a blank", "alg", "\"RS256 \"", OTP_ERR_JWT_ALG },
		{ "alg cut", "alg", "\"RS25\"", OTP_ERR_JWT_ALG },
		{ "alg RS384", "alg", "\"RS384\"", OTP_ERR_JWT_ALG },
		{ "alg RS512", "alg", "\"RS512\"", OTP_ERR_JWT_ALG },
		{ "alg PS256", "alg", "\"PS256\"", OTP_ERR_JWT_ALG },
		{ "alg ES256", "alg", "\"ES256\"", OTP_ERR_JWT_ALG },
		{ "alg EdDSA", "alg", "\"EdDSA\"", OTP_ERR_JWT_ALG },
		{ "alg HS256", "alg", "\"HS256\"", OTP_ERR_JWT_ALG },
		{ "alg with NUL", "alg", "\"RS256\\u0000\"", OTP_ERR_JWT_NUL },
		{ "crit of a known name", "crit", "[\"exp\"]", OTP_ERR_JWT_CRIT },
		{ "crit empty", "crit", "[]", OTP_ERR_JWT_CRIT },
		{ "crit a string", "crit", "\"b64\"", OTP_ERR_JWT_CRIT },
		{ "kid missing", "kid", NULL, OTP_ERR_JWT_KID },
		{ "kid empty", "kid", "\"\"", OTP_ERR_JWT_KID },
		{ "kid unknown", "kid", "\"9999example=\"", OTP_ERR_JWT_KID },
		{ "kid without its padding", "kid", "\"1234example+/\"", OTP_ERR_JWT_KID },
		{ "kid a path", "kid", "\"../../etc/passwd\"", OTP_ERR_JWT_KID },
		{ "kid SQL", "kid", "\"' or 1=1\"", OTP_ERR_JWT_KID },
		{ "kid array", "kid", "[\"" ID_KID "\"]", OTP_ERR_JWT_KID },
		{ "kid number", "kid", "1234", OTP_ERR_JWT_KID },
		{ "kid of the other key", "kid", "\"" ACCESS_KID "\"", OTP_ERR_JWT_SIGNATURE },
		{ "kid of a weak key", "kid", "\"" WEAK_KID "\"", OTP_ERR_JWKS_KEY },
	};
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf header = STRBUF_LIMIT(65536);
		char *token;

		factory_object(&header, header_members, cases[i].member, cases[i].json);
		token = factory_token(fixture->id_key, FACTORY_RS256, strbuf_text(&header), payload);
		assert_err(cases[i].name, verify(fixture, token, JWT_ID_TOKEN), cases[i].wanted);
		free(token);
	}
	free(payload);
}

static void test_long_kid(void **state)
{
	struct fixture *fixture = *state;
	strbuf_auto struct strbuf header = STRBUF_LIMIT(65536);
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);
	char *token;

	strbuf_puts(&header, "{\"alg\":\"RS256\",\"kid\":\"");
	for (int i = 0; i < 10000; i++)
		strbuf_puts(&header, "k");
	strbuf_puts(&header, "\"}");
	token = factory_token(fixture->id_key, FACTORY_RS256, strbuf_text(&header), payload);
	assert_err("10000 bytes", verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_KID);
	free(token);
	free(payload);
}

static void test_headers_that_are_none(void **state)
{
	static const struct {
		const char *name;
		const char *header;
		enum otp_err wanted;
	} cases[] = {
		{ "empty", "", OTP_ERR_JWT_JSON },
		{ "array", "[]", OTP_ERR_JWT_JSON },
		{ "torn", "{\"kid\":\"" ID_KID "\",\"alg\":\"RS256\"", OTP_ERR_JWT_JSON },
		{ "a byte behind", "{\"kid\":\"" ID_KID "\",\"alg\":\"RS256\"}x", OTP_ERR_JWT_JSON },
		{ "not UTF-8", "{\"kid\":\"" ID_KID "\",\"alg\":\"RS256\",\"x\":\"\xff\"}", OTP_ERR_JWT_JSON },
		{ "alg twice", "{\"kid\":\"" ID_KID "\",\"alg\":\"none\",\"alg\":\"RS256\"}", OTP_ERR_JWT_DUPLICATE },
		{ "kid twice", "{\"kid\":\"" ID_KID "\",\"alg\":\"RS256\",\"\\u006bid\":\"" ID_KID "\"}", OTP_ERR_JWT_DUPLICATE },
	};
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(cases); i++) {
		char *token = factory_token(fixture->id_key, FACTORY_RS256, cases[i].header, payload);

		assert_err(cases[i].name, verify(fixture, token, JWT_ID_TOKEN), cases[i].wanted);
		free(token);
	}
	free(payload);
}

/* The header says what was done, or RS256 in its place. */
static void test_other_algorithms(void **state)
{
	static const struct {
		const char *name;
		const char *alg;
		enum factory_algorithm algorithm;
		enum otp_err wanted;
	} cases[] = {
		{ "RS256", "\"RS256\"", FACTORY_RS256, OTP_OK },
		{ "none", "\"none\"", FACTORY_NONE, OTP_ERR_JWT_ALG },
		{ "HS256 with the public key", "\"HS256\"", FACTORY_HS256_PEM, OTP_ERR_JWT_ALG },
		{ "HS256 with the modulus", "\"HS256\"", FACTORY_HS256_MODULUS, OTP_ERR_JWT_ALG },
		{ "RS384", "\"RS384\"", FACTORY_RS384, OTP_ERR_JWT_ALG },
		{ "RS512", "\"RS512\"", FACTORY_RS512, OTP_ERR_JWT_ALG },
		{ "PS256", "\"PS256\"", FACTORY_PS256, OTP_ERR_JWT_ALG },
		{ "none, called RS256", "\"RS256\"", FACTORY_NONE, OTP_ERR_JWT_SIGNATURE },
		{ "HS256 with the public key, called RS256", "\"RS256\"", FACTORY_HS256_PEM, OTP_ERR_JWT_SIGNATURE },
		{ "HS256 with the modulus, called RS256", "\"RS256\"", FACTORY_HS256_MODULUS, OTP_ERR_JWT_SIGNATURE },
		{ "RS384, called RS256", "\"RS256\"", FACTORY_RS384, OTP_ERR_JWT_SIGNATURE },
		{ "RS512, called RS256", "\"RS256\"", FACTORY_RS512, OTP_ERR_JWT_SIGNATURE },
		{ "PS256, called RS256", "\"RS256\"", FACTORY_PS256, OTP_ERR_JWT_SIGNATURE },
	};
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf header = STRBUF_LIMIT(1000);
		char *token;

		factory_object(&header, header_members, "alg", cases[i].alg);
		token = factory_token(fixture->id_key, cases[i].algorithm, strbuf_text(&header), payload);
		assert_err(cases[i].name, verify(fixture, token, JWT_ID_TOKEN), cases[i].wanted);
		free(token);
	}
	free(payload);
}

static void test_signature_of_another_key(void **state)
{
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);
	char *token = factory_token(fixture->access_key, FACTORY_RS256, id_header, payload);

	assert_err("other key", verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_SIGNATURE);
	free(token);
	free(payload);
}

static void test_signature_of_another_token(void **state)
{
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	char *other = token_of(fixture, JWT_ID_TOKEN, "email", "\"mallet@example.com\"");

	assert_int_equal(strlen(token), strlen(other) - 1);
	strcpy(strrchr(token, '.'), strrchr(other, '.'));
	assert_err("moved", verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_SIGNATURE);
	free(token);
	free(other);
}

/* A character of the payload or the signature replaced by another of the alphabet. */
static void test_every_changed_character_is_noticed(void **state)
{
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	char *payload = strchr(token, '.') + 1;

	for (char *c = payload; *c != '\0'; c += 7) {
		char was = *c;

		if (was == '.')
			continue;
		*c = was == 'A' ? 'Q' : 'A';
		assert_err("changed", verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_SIGNATURE);
		*c = was;
	}
	assert_err("as it was", verify(fixture, token, JWT_ID_TOKEN), OTP_OK);
	free(token);
}

/* What is wrong with the claims of a forged token is not even found out. */
static void test_no_claim_is_read_before_the_signature_holds(void **state)
{
	static const char *const payloads[] = { "not JSON", "", "{}", "{\"a\":1,\"a\":1}", "{\"sub\":\"\\u0000\"}", "{\"exp\":1}" };
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CASES(payloads); i++) {
		char *token = factory_token(fixture->access_key, FACTORY_RS256, id_header, payloads[i]);

		assert_err(payloads[i], verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_SIGNATURE);
		free(token);
	}
}

static void test_payloads_that_are_none(void **state)
{
	static const struct {
		const char *name;
		const char *payload;
		enum otp_err wanted;
	} cases[] = {
		{ "empty", "", OTP_ERR_JWT_JSON },
		{ "no claims", "{}", OTP_ERR_JWT_CLAIM },
		{ "array", "[{}]", OTP_ERR_JWT_JSON },
		{ "text", "hello", OTP_ERR_JWT_JSON },
		{ "two objects", "{}{}", OTP_ERR_JWT_JSON },
		{ "not UTF-8", "{\"sub\":\"\xff\"}", OTP_ERR_JWT_JSON },
		{ "too deep", "{\"a\":[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]}", OTP_ERR_JWT_JSON },
		{ "a claim twice", "{\"sub\":\"a\",\"sub\":\"b\"}", OTP_ERR_JWT_DUPLICATE },
		{ "a claim twice, once escaped", "{\"sub\":\"a\",\"s\\u0075b\":\"b\"}", OTP_ERR_JWT_DUPLICATE },
		{ "NUL in a name", "{\"sub\\u0000x\":\"a\"}", OTP_ERR_JWT_NUL },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		char *token = token_of_payload(fixture, JWT_ID_TOKEN, cases[i].payload);

		assert_err(cases[i].name, verify(fixture, token, JWT_ID_TOKEN), cases[i].wanted);
		free(token);
	}
}

/* The model claims and one of them again, the same or another. */
static void test_duplicate_claims(void **state)
{
	static const char *const tails[] = { ",\"email\":\"alice@example.com\"}", ",\"email\":\"mallory@example.com\"}",
					     ",\"\\u0061ud\":\"x\"}", ",\"exp\":2000003595}" };
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(tails); i++) {
		strbuf_auto struct strbuf twice = STRBUF_LIMIT(65536);
		char *token;

		strbuf_add(&twice, payload, strlen(payload) - 1);
		strbuf_puts(&twice, tails[i]);
		token = token_of_payload(fixture, JWT_ID_TOKEN, strbuf_text(&twice));
		assert_err(tails[i], verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_DUPLICATE);
		free(token);
	}
	free(payload);
}

/* `form` with H, P and S replaced by a token's parts. */
static void build_form(struct strbuf *token, const char *form, const char *const parts[3])
{
	for (; *form != '\0'; form++) {
		if (strchr("HPS", *form) == NULL)
			strbuf_add(token, form, 1);
		else
			strbuf_puts(token, parts[*form == 'H' ? 0 : *form == 'P' ? 1 : 2]);
	}
}

/* Text around or in place of the model token's parts. */
static void test_form(void **state)
{
	static const struct {
		const char *name;
		const char *form;
		enum otp_err wanted;
	} cases[] = {
		{ "as it is", "H.P.S", OTP_OK },
		{ "empty", "", OTP_ERR_JWT_FORM },
		{ "one part", "H", OTP_ERR_JWT_FORM },
		{ "two parts", "H.P", OTP_ERR_JWT_FORM },
		{ "dot in front", ".H.P.S", OTP_ERR_JWT_FORM },
		{ "dot behind", "H.P.S.", OTP_ERR_JWT_FORM },
		{ "four parts", "H.P.S.S", OTP_ERR_JWT_FORM },
		{ "five parts (JWE)", "H.P.S.S.S", OTP_ERR_JWT_FORM },
		{ "two dots", "..", OTP_ERR_JWT_JSON },
		{ "no header", ".P.S", OTP_ERR_JWT_JSON },
		{ "no signature", "H.P.", OTP_ERR_JWT_SIGNATURE },
		{ "no payload", "H..S", OTP_ERR_JWT_SIGNATURE },
		{ "newline behind", "H.P.S\n", OTP_ERR_JWT_FORM },
		{ "blank in front", " H.P.S", OTP_ERR_JWT_FORM },
		{ "signature padded", "H.P.S==", OTP_ERR_JWT_FORM },
		{ "header padded", "H=.P.S", OTP_ERR_JWT_FORM },
		{ "plus in the signature", "H.P.S++++", OTP_ERR_JWT_FORM },
		{ "signature longer", "H.P.SAAAA", OTP_ERR_JWT_SIGNATURE },
		{ "bearer", "Bearer H.P.S", OTP_ERR_JWT_FORM },
	};
	struct fixture *fixture = *state;
	char *header = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	char *payload = strchr(header, '.') + 1;
	char *signature = strchr(payload, '.') + 1;

	payload[-1] = '\0';
	signature[-1] = '\0';
	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf token = STRBUF_LIMIT(8192);

		build_form(&token, cases[i].form, (const char *const[3]){ header, payload, signature });
		assert_err(cases[i].name, verify(fixture, strbuf_text(&token), JWT_ID_TOKEN), cases[i].wanted);
	}
	free(header);
}

static void test_unused_bits_of_the_signature(void **state)
{
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);

	factory_set_unused_bit(strrchr(token, '.') + 1);
	assert_err("signature", verify(fixture, token, JWT_ID_TOKEN), OTP_ERR_JWT_FORM);
	free(token);
}

/* `json` with blanks behind it until its Base64url has unused bits, and one of these set or not. Signed as it then is. */
static char *spelled(const char *json, bool unused_bit)
{
	char padded[4096];
	char *text;

	snprintf(padded, sizeof(padded), "%s%.*s", json, strlen(json) % 3 == 0 ? 1 : 0, " ");
	text = factory_base64url(padded, strlen(padded));
	if (unused_bit)
		factory_set_unused_bit(text);
	return text;
}

static void test_unused_bits_of_signed_parts(void **state)
{
	static const struct {
		const char *name;
		bool in_header;
		bool in_payload;
		enum otp_err wanted;
	} cases[] = {
		{ "in neither", false, false, OTP_OK },
		{ "in the header", true, false, OTP_ERR_JWT_FORM },
		{ "in the payload", false, true, OTP_ERR_JWT_FORM },
	};
	struct fixture *fixture = *state;
	char *payload = payload_of(JWT_ID_TOKEN, NULL, NULL);

	for (size_t i = 0; i < CASES(cases); i++) {
		char *header_text = spelled(id_header, cases[i].in_header);
		char *payload_text = spelled(payload, cases[i].in_payload);
		char *token = factory_sign(fixture->id_key, FACTORY_RS256, header_text, payload_text);

		assert_err(cases[i].name, verify(fixture, token, JWT_ID_TOKEN), cases[i].wanted);
		free(token);
		free(payload_text);
		free(header_text);
	}
	free(payload);
}

/* A right token with a claim of `size` bytes more. */
static char *token_with_filling(const struct fixture *fixture, size_t size)
{
	char *filling = malloc(size + 3);
	char *token;

	assert_non_null(filling);
	memset(filling, 'x', size + 1);
	filling[0] = '"';
	strcpy(filling + size + 1, "\"");
	token = token_of(fixture, JWT_ID_TOKEN, "custom:filling", filling);
	free(filling);
	return token;
}

/* A right token of `length` bytes, or of one more where Base64url has no text of that length. */
static char *token_of_length(const struct fixture *fixture, size_t length)
{
	char *token = token_with_filling(fixture, 0);
	size_t size = (length - strlen(token)) * 3 / 4 - 3;

	while (strlen(token) < length) {
		free(token);
		token = token_with_filling(fixture, size++);
	}
	return token;
}

static void test_length_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	char *longest = token_of_length(fixture, JWT_TOKEN_MAX - 1);
	char *too_long = token_of_length(fixture, JWT_TOKEN_MAX + 1);

	assert_in_range(strlen(longest), JWT_TOKEN_MAX - 1, JWT_TOKEN_MAX);
	assert_in_range(strlen(too_long), JWT_TOKEN_MAX + 1, JWT_TOKEN_MAX + 2);
	assert_err("longest", verify(fixture, longest, JWT_ID_TOKEN), OTP_OK);
	assert_err("too long", verify(fixture, too_long, JWT_ID_TOKEN), OTP_ERR_JWT_FORM);
	free(longest);
	free(too_long);
}

static void test_a_million_dots(void **state)
{
	struct fixture *fixture = *state;
	char *dots = malloc(1000000);

	assert_non_null(dots);
	memset(dots, '.', 1000000);
	assert_err("a million", verify_bytes(fixture, dots, 1000000, JWT_ID_TOKEN, &policy), OTP_ERR_JWT_FORM);
	assert_err("as many as fit", verify_bytes(fixture, dots, JWT_TOKEN_MAX, JWT_ID_TOKEN, &policy), OTP_ERR_JWT_FORM);
	free(dots);
}

static void test_nul_in_the_text(void **state)
{
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ID_TOKEN, NULL, NULL);
	size_t length = strlen(token);

	assert_err("NUL behind", verify_bytes(fixture, token, length + 1, JWT_ID_TOKEN, &policy), OTP_ERR_JWT_FORM);
	token[length / 2] = '\0';
	assert_err("NUL inside", verify_bytes(fixture, token, length, JWT_ID_TOKEN, &policy), OTP_ERR_JWT_SIGNATURE);
	free(token);
}

static void test_every_beginning_is_refused(void **state)
{
	struct fixture *fixture = *state;
	char *token = token_of(fixture, JWT_ACCESS_TOKEN, NULL, NULL);
	size_t length = strlen(token);

	for (size_t i = 0; i < length; i++)
		assert_int_not_equal(verify_bytes(fixture, token, i, JWT_ACCESS_TOKEN, &policy), OTP_OK);
	free(token);
}

static void test_empty_secret_and_null(void **state)
{
	struct fixture *fixture = *state;
	struct secret empty = SECRET_EMPTY;
	struct jwt *jwt = NULL;

	assert_err("empty", jwt_verify(&empty, JWT_ID_TOKEN, fixture->keys, &policy, &jwt), OTP_ERR_JWT_FORM);
	assert_null(jwt);
	jwt_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_right_tokens_are_taken),
		cmocka_unit_test(test_claims_come_out),
		cmocka_unit_test(test_token_use),
		cmocka_unit_test(test_swapped_tokens),
		cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_client),
		cmocka_unit_test(test_expiry),
		cmocka_unit_test(test_issue_and_not_before),
		cmocka_unit_test(test_auth_time),
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_clocks_that_are_wrong),
		cmocka_unit_test(test_policies_that_fit_nothing),
		cmocka_unit_test(test_header),
		cmocka_unit_test(test_long_kid),
		cmocka_unit_test(test_headers_that_are_none),
		cmocka_unit_test(test_other_algorithms),
		cmocka_unit_test(test_signature_of_another_key),
		cmocka_unit_test(test_signature_of_another_token),
		cmocka_unit_test(test_every_changed_character_is_noticed),
		cmocka_unit_test(test_no_claim_is_read_before_the_signature_holds),
		cmocka_unit_test(test_payloads_that_are_none),
		cmocka_unit_test(test_duplicate_claims),
		cmocka_unit_test(test_form),
		cmocka_unit_test(test_unused_bits_of_the_signature),
		cmocka_unit_test(test_unused_bits_of_signed_parts),
		cmocka_unit_test(test_length_is_bounded),
		cmocka_unit_test(test_a_million_dots),
		cmocka_unit_test(test_nul_in_the_text),
		cmocka_unit_test(test_every_beginning_is_refused),
		cmocka_unit_test(test_empty_secret_and_null),
	};

	return cmocka_run_group_tests_name("jwt", tests, set_up, tear_down);
}
