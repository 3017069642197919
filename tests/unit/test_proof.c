/*
 * What tokens are worth: of which sign-in they are, whether renewed ones are of the one that was kept, and which groups are remembered. Each
 * case differs in one claim from tokens that are taken. Time and account database are the test's own (linked with --wrap).
 */
#include "assert_err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cache_record.h"
#include "proof.h"
#include "token_factory.h"

#define ISSUER "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Example01"
#define CLIENT "1h57kf5cpq17m0eml12EXAMPLE"
#define SUB    "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define OTHER  "c2c5d4e4-0011-70aa-b1c2-1234567890ac"
#define JTI    "5b9f50a3-05da-454a-8b99-b79c2349de77"

/* The sign-in was an hour ago; renewed tokens were made five seconds ago. */
#define NOW	  INT64_C(2000000000)
#define AUTH_TIME (NOW - 3600)

static const struct factory_member id_claims[] = {
	{ "sub", "\"" SUB "\"" },	{ "email_verified", "true" },	   { "iss", "\"" ISSUER "\"" },
	{ "aud", "\"" CLIENT "\"" },	{ "token_use", "\"id\"" },	   { "auth_time", "1999996400" },
	{ "exp", "2000003595" },	{ "iat", "1999999995" },	   { "email", "\"alice@example.com\"" },
	{ "origin_jti", "\"" JTI "\"" }, { NULL, NULL },
};

static const struct factory_member access_claims[] = {
	{ "sub", "\"" SUB "\"" },      { "iss", "\"" ISSUER "\"" }, { "client_id", "\"" CLIENT "\"" },	    { "token_use", "\"access\"" },
	{ "auth_time", "1999996400" }, { "exp", "2000003595" },	    { "iat", "1999999995" },		    { "username", "\"alice\"" },
	{ "origin_jti", "\"" JTI "\"" }, { NULL, NULL },
};

static EVP_PKEY *key;
static struct jwk_set *keys;
static struct options options;
static const struct policy_user alice = { .mapped = true, .identity = { IDENTITY_EMAIL, "alice@example.com", "" } };
static const struct proof_origin kept = { SUB, AUTH_TIME, JTI };

int64_t __wrap_clock_wall(void);
int64_t __wrap_clock_wall(void)
{
	return NOW;
}

enum otp_err __wrap_policy_confirm(const char *user, const struct policy_user *judged);
enum otp_err __wrap_policy_confirm(const char *user, const struct policy_user *judged)
{
	(void)user, (void)judged;
	return OTP_OK;
}

static void set_words(struct option_words *words, const char *one, const char *two)
{
	words->words[0] = one;
	words->words[1] = two;
	words->words[2] = NULL;
	words->count = two != NULL ? 2 : one != NULL ? 1 : 0;
}

static int set_up(void **state)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(65536);

	(void)state;
	key = factory_key();
	strbuf_puts(&text, "{\"keys\":[");
	factory_jwk(&text, key, "kid", NULL, NULL);
	strbuf_puts(&text, "]}");
	memcpy(options.client_id, CLIENT, sizeof(CLIENT));
	options.clock_skew = 120;
	set_words(&options.issuer, ISSUER, NULL);
	return jwk_set_parse(strbuf_text(&text), text.length, &keys) == OTP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	(void)state;
	jwk_set_free(keys);
	EVP_PKEY_free(key);
	return 0;
}

/* One claim of each token is another than it should be; NULL: none is. */
struct change {
	const char *id_claim;
	const char *id_json;
	const char *access_claim;
	const char *access_json;
};

static void make_token(const struct factory_member *claims, const char *claim, const char *json, struct secret *ret_token)
{
	strbuf_auto struct strbuf payload = STRBUF_LIMIT(65536);
	char *token;

	factory_object(&payload, claims, claim, json);
	token = factory_token(key, FACTORY_RS256, "{\"kid\":\"kid\",\"alg\":\"RS256\"}", strbuf_text(&payload));
	assert_err("secret", secret_set(ret_token, token, strlen(token)), OTP_OK);
	free(token);
}

/* The caller ends seen->groups. */
static enum otp_err check(const struct change *change, const struct proof_origin *renewed, struct auth_facts *facts, struct proof_seen *seen)
{
	static const struct jwks_settings settings;
	struct note note = { "" };
	struct jwks jwks = { &settings, keys, NOW };
	struct proof_request request = { .options = &options, .user = "alice", .service = "sudo", .judged = &alice, .jwks = &jwks, .note = &note,
					 .code_sent_at = AUTH_TIME, .renewed = renewed };
	cognito_tokens_auto struct cognito_tokens tokens = { SECRET_EMPTY, SECRET_EMPTY };

	*facts = (struct auth_facts){ .user_allowed = AUTH_FACT_SHOWN, .challenge_opened = AUTH_FACT_SHOWN, .code_accepted = AUTH_FACT_SHOWN };
	make_token(id_claims, change->id_claim, change->id_json, &tokens.id);
	make_token(access_claims, change->access_claim, change->access_json, &tokens.access);
	return proof_check(&request, &tokens, facts, seen);
}

static const struct {
	const char *name;
	struct change change;
	enum otp_err renewed; /* what is said of them when they came for a refresh token */
	bool fresh_kept;      /* those that answer a code are taken in any case; this: their sign-in is known, too */
} origins[] = {
	{ "nothing", { NULL, NULL, NULL, NULL }, OTP_OK, true },
	{ "sub of somebody else", { "sub", "\"" OTHER "\"", "sub", "\"" OTHER "\"" }, OTP_ERR_JWT_RENEWED, true },
	{ "a later sign-in", { "auth_time", "1999996401", "auth_time", "1999996401" }, OTP_ERR_JWT_RENEWED, true },
	{ "an earlier one, within skew", { "auth_time", "1999996399", "auth_time", "1999996399" }, OTP_ERR_JWT_RENEWED, true },
	{ "auth_time of the access token alone", { NULL, NULL, "auth_time", "1999996401" }, OTP_ERR_JWT_RENEWED, false },
	{ "auth_time of the ID token alone", { "auth_time", "1999996401", NULL, NULL }, OTP_ERR_JWT_RENEWED, false },
	{ "another origin_jti", { "origin_jti", "\"x\"", "origin_jti", "\"x\"" }, OTP_ERR_JWT_RENEWED, true },
	{ "another origin_jti in the ID token", { "origin_jti", "\"x\"", NULL, NULL }, OTP_ERR_JWT_RENEWED, false },
	{ "another origin_jti in the access token", { NULL, NULL, "origin_jti", "\"x\"" }, OTP_ERR_JWT_RENEWED, false },
	{ "no origin_jti in either", { "origin_jti", NULL, "origin_jti", NULL }, OTP_ERR_JWT_RENEWED, true },
	{ "none in the ID token", { "origin_jti", NULL, NULL, NULL }, OTP_ERR_JWT_RENEWED, false },
	{ "none in the access token", { NULL, NULL, "origin_jti", NULL }, OTP_ERR_JWT_RENEWED, false },
	{ "an empty one", { "origin_jti", "\"\"", "origin_jti", "\"\"" }, OTP_ERR_JWT_CLAIM, false },
	{ "a number", { "origin_jti", "1", "origin_jti", "1" }, OTP_ERR_JWT_CLAIM, false },
	{ "an array", { "origin_jti", "[\"" JTI "\"]", NULL, NULL }, OTP_ERR_JWT_CLAIM, false },
	{ "65 characters", { "origin_jti", "\"" JTI "0123456789012345678901234567x\"", NULL, NULL }, OTP_ERR_JWT_CLAIM, false },
};

static void test_renewed_tokens_are_of_the_sign_in_that_was_kept(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(origins); i++) {
		struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(CACHE_GROUPS_MAX) };
		struct auth_facts facts;

		assert_err(origins[i].name, check(&origins[i].change, &kept, &facts, &seen), origins[i].renewed);
		assert_err(origins[i].name, auth_facts_verdict(&facts), origins[i].renewed == OTP_OK ? OTP_OK : OTP_ERR_INTERNAL);
		strbuf_done(&seen.groups);
	}
}

static void test_of_which_sign_in_fresh_tokens_are(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(origins); i++) {
		struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(CACHE_GROUPS_MAX) };
		struct auth_facts facts;

		assert_err(origins[i].name, check(&origins[i].change, NULL, &facts, &seen), OTP_OK);
		if ((seen.origin.sub[0] != '\0') != origins[i].fresh_kept)
			print_error("case \"%s\"\n", origins[i].name);
		assert_int_equal(seen.origin.sub[0] != '\0', origins[i].fresh_kept);
		strbuf_done(&seen.groups);
	}
}

static void test_the_sign_in_comes_out(void **state)
{
	static const struct change none = { NULL, NULL, NULL, NULL };
	static const struct change without = { "origin_jti", NULL, "origin_jti", NULL };
	static const struct proof_origin kept_without = { SUB, AUTH_TIME, "" };
	struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(CACHE_GROUPS_MAX) };
	struct auth_facts facts;

	(void)state;
	assert_err("fresh", check(&none, NULL, &facts, &seen), OTP_OK);
	assert_string_equal(seen.origin.sub, SUB);
	assert_int_equal(seen.origin.auth_time, AUTH_TIME);
	assert_string_equal(seen.origin.origin_jti, JTI);
	assert_err("a client without revocation", check(&without, NULL, &facts, &seen), OTP_OK);
	assert_string_equal(seen.origin.origin_jti, "");
	assert_err("its renewed ones", check(&without, &kept_without, &facts, NULL), OTP_OK);
	assert_err("one that has got revocation since", check(&none, &kept_without, &facts, NULL), OTP_ERR_JWT_RENEWED);
	strbuf_done(&seen.groups);
}

/* require_group is `admins ops`, require_group.sudo `root-users`. */
static const struct {
	const char *claim; /* NULL: there is none */
	const char *groups;
} group_cases[] = {
	{ NULL, "" },
	{ "[]", "" },
	{ "[\"admins\"]", "admins" },
	{ "[\"staff\",\"ops\",\"admins\"]", "ops admins" },
	{ "[\"root-users\",\"ops\"]", "root-users ops" },
	{ "[\"ops\",\"staff\",\"root-users\",\"other\"]", "ops root-users" },
	{ "[\"Admins\",\"admin\",\"adminss\",\"ops admins\"]", "" },
	{ "\"admins\"", "" },
	{ "[\"admins\",1]", "" },
	{ "[\"admins\",null]", "" },
	{ "[[\"admins\"],\"ops\"]", "" },
	{ "{\"admins\":\"ops\"}", "" },
	{ "[\"ops\",\"ops\",\"admins\",\"ops\"]", "ops admins" },
};

static void test_groups_that_a_setting_names(void **state)
{
	struct change change = { "cognito:groups", NULL, NULL, NULL };
	struct auth_facts facts;

	(void)state;
	for (size_t i = 0; i < CASES(group_cases); i++) {
		struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(CACHE_GROUPS_MAX) };

		set_words(&options.require_group, NULL, NULL); /* needed by nobody at first, so that each claim comes so far */
		options.require_group_service.count = 1;
		memcpy(options.require_group_service.entries[0].name, "ssh", sizeof("ssh"));
		set_words(&options.require_group_service.entries[0].words, "admins", "ops");
		options.require_group_service.count = 2;
		memcpy(options.require_group_service.entries[1].name, "su", sizeof("su"));
		set_words(&options.require_group_service.entries[1].words, "root-users", NULL);
		change.id_json = group_cases[i].claim;
		assert_err(group_cases[i].groups, check(&change, NULL, &facts, &seen), OTP_OK);
		assert_string_equal(strbuf_text(&seen.groups), group_cases[i].groups);
		assert_int_equal(seen.groups.failed, OTP_OK);
		strbuf_done(&seen.groups);
	}
	set_words(&options.require_group, "ops", NULL);
	change.id_json = "[\"ops\"]";
	options.require_group_service.count = 0;
	{
		struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(CACHE_GROUPS_MAX) };

		assert_err("require_group", check(&change, NULL, &facts, &seen), OTP_OK);
		assert_string_equal(strbuf_text(&seen.groups), "ops");
		strbuf_done(&seen.groups);
	}
	change.id_json = "[\"staff\"]";
	assert_err("lost, renewed", check(&change, &kept, &facts, NULL), OTP_ERR_IDENTITY_GROUP);
	assert_err("lost, renewed", auth_facts_verdict(&facts), OTP_ERR_INTERNAL);
	set_words(&options.require_group, NULL, NULL);
}

/* What does not fit is left out whole, and no failure is left behind. */
static void test_groups_that_do_not_fit(void **state)
{
	static const struct change change = { "cognito:groups", "[\"admins\",\"operators\",\"ops\"]", NULL, NULL };
	static const struct {
		size_t limit;
		const char *groups;
	} cases[] = { { 20, "admins operators ops" }, { 19, "admins operators" }, { 15, "admins ops" }, { 9, "admins" }, { 5, "ops" }, { 2, "" } };
	struct auth_facts facts;

	(void)state;
	options.require_group_service.count = 1;
	memcpy(options.require_group_service.entries[0].name, "su", sizeof("su"));
	set_words(&options.require_group_service.entries[0].words, "admins", "ops");
	options.require_group_service.entries[0].words.words[2] = "operators";
	options.require_group_service.entries[0].words.words[3] = NULL;
	options.require_group_service.entries[0].words.count = 3;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct proof_seen seen = { PROOF_ORIGIN_NONE, STRBUF_LIMIT(cases[i].limit) };

		assert_err(cases[i].groups, check(&change, NULL, &facts, &seen), OTP_OK);
		assert_string_equal(strbuf_text(&seen.groups), cases[i].groups);
		assert_int_equal(seen.groups.failed, OTP_OK);
		strbuf_done(&seen.groups);
	}
	options.require_group_service.count = 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_renewed_tokens_are_of_the_sign_in_that_was_kept),
		cmocka_unit_test(test_of_which_sign_in_fresh_tokens_are),
		cmocka_unit_test(test_the_sign_in_comes_out),
		cmocka_unit_test(test_groups_that_a_setting_names),
		cmocka_unit_test(test_groups_that_do_not_fit),
	};

	return cmocka_run_group_tests_name("proof", tests, set_up, tear_down);
}
