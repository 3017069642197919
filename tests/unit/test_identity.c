/* Whose tokens these are: exact values, the claim that was asked for and no other. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "binding.h"
#include "identity.h"
#include "json_doc.h"
#include "token_factory.h"

#define SUB	  "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define OTHER_SUB "c2c5d4e4-0011-70aa-b1c2-1234567890ac"

static void test_parsing(void **state)
{
	static const struct {
		const char *text;
		enum identity_kind kind;
		const char *value;
	} cases[] = {
		{ "email:alice@example.com", IDENTITY_EMAIL, "alice@example.com" },
		{ "email:a@b", IDENTITY_EMAIL, "a@b" },
		{ "username:alice", IDENTITY_USERNAME, "alice" },
		{ "username:with:colon", IDENTITY_USERNAME, "with:colon" },
		{ "username:" SUB, IDENTITY_USERNAME, SUB },
		{ "username:a", IDENTITY_USERNAME, "a" },
		{ "phone:+12", IDENTITY_PHONE, "+12" },
		{ "phone:+123456789012345", IDENTITY_PHONE, "+123456789012345" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct identity identity;

		memset(&identity, 'x', sizeof(identity));
		assert_err(cases[i].text, identity_parse(cases[i].text, strlen(cases[i].text), &identity), OTP_OK);
		assert_int_equal(identity.kind, cases[i].kind);
		assert_string_equal(identity.value, cases[i].value);
		assert_string_equal(identity.sub, "");
	}
}

static void test_parsing_refuses(void **state)
{
	static const struct {
		const char *text;
		size_t length;
	} cases[] = {
#define TEXT(literal) { literal, sizeof(literal) - 1 }
		TEXT(""),
		TEXT("alice"),
		TEXT("alice@example.com"),
		TEXT(":alice"),
		TEXT("mail:alice@example.com"),
		TEXT("Email:alice@example.com"),
		TEXT("emailx:alice@example.com"),
		TEXT("emai:alice@example.com"),
		TEXT("sub:" SUB),
		TEXT("preferred_username:alice"),
		TEXT("username:"),
		TEXT("username:al ice"),
		TEXT("username: alice"),
		TEXT("username:alice\n"),
		TEXT("username:al\tice"),
		TEXT("username:al\x7fice"),
		TEXT("username:alice\0"),
		TEXT("username:al\0ice"),
		TEXT("username:\xd0\xb0lice"),
		TEXT("email:"),
		TEXT("email:alice"),
		TEXT("email:@example.com"),
		TEXT("email:alice@"),
		TEXT("email:a@b@c"),
		TEXT("email:a@@c"),
		TEXT("email:@"),
		TEXT("phone:"),
		TEXT("phone:+"),
		TEXT("phone:+1"),
		TEXT("phone:12345"),
		TEXT("phone:+12-34"),
		TEXT("phone:+12a"),
		TEXT("phone:++12"),
		TEXT("phone:+1234567890123456"),
#undef TEXT
	};
	struct identity identity = { .value = "untouched" };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_err(cases[i].text, identity_parse(cases[i].text, cases[i].length, &identity), OTP_ERR_MAP_SYNTAX);
	assert_string_equal(identity.value, "untouched");
}

static void test_parsing_bounds_the_length(void **state)
{
	char text[9 + IDENTITY_VALUE_MAX + 1];
	struct identity identity;

	(void)state;
	memset(text, 'a', sizeof(text));
	memcpy(text, "username:", 9);
	assert_err("the maximum", identity_parse(text, 9 + IDENTITY_VALUE_MAX, &identity), OTP_OK);
	assert_int_equal(strlen(identity.value), IDENTITY_VALUE_MAX);
	assert_err("one more", identity_parse(text, sizeof(text), &identity), OTP_ERR_MAP_SYNTAX);
}

static void test_kind_names(void **state)
{
	(void)state;
	assert_string_equal(identity_kind_name(IDENTITY_EMAIL), "email");
	assert_string_equal(identity_kind_name(IDENTITY_USERNAME), "username");
	assert_string_equal(identity_kind_name(IDENTITY_PHONE), "phone");
}

static void test_sub_form(void **state)
{
	static const char *const wrong[] = { "",
					     "c2c5d4e4-0011-70aa-b1c2-1234567890a",
					     "c2c5d4e4-0011-70aa-b1c2-1234567890abc",
					     "C2C5D4E4-0011-70AA-B1C2-1234567890AB",
					     "c2c5d4e4-0011-70aa-b1c2-1234567890ag",
					     "c2c5d4e4x0011-70aa-b1c2-1234567890ab",
					     "c2c5d4e400011-70aa-b1c2-1234567890ab",
					     "c2c5d4e4-0011-70aa-b1c2-12345678-0ab",
					     "{2c5d4e4-0011-70aa-b1c2-1234567890a}",
					     "c2c5d4e4-0011-70aa-b1c2-1234567890a\n" };

	(void)state;
	assert_true(identity_is_sub(SUB));
	assert_true(identity_is_sub("00000000-0000-0000-0000-000000000000"));
	for (size_t i = 0; i < CASES(wrong); i++)
		if (identity_is_sub(wrong[i]))
			fail_msg("\"%s\" was taken", wrong[i]);
}

static const struct factory_member id_claims[] = {
	{ "sub", "\"" SUB "\"" },
	{ "cognito:username", "\"alice\"" },
	{ "cognito:groups", "[\"users\",\"linux-login\"]" },
	{ "email", "\"alice@example.com\"" },
	{ "email_verified", "true" },
	{ "phone_number", "\"+4912345\"" },
	{ "phone_number_verified", "true" },
	{ NULL, NULL },
};

static const struct factory_member access_claims[] = {
	{ "sub", "\"" SUB "\"" },
	{ "username", "\"alice\"" },
	{ NULL, NULL },
};

static const struct identity by_email = { IDENTITY_EMAIL, "alice@example.com", "" };
static const struct identity by_email_and_sub = { IDENTITY_EMAIL, "alice@example.com", SUB };
static const struct identity by_username = { IDENTITY_USERNAME, "alice", "" };
static const struct identity by_phone = { IDENTITY_PHONE, "+4912345", "" };

/* The claims above with one changed: in the ID token, or in the access token when `access` is set. */
struct check_case {
	const char *name;
	const struct identity *wanted;
	enum { IN_ID, IN_ACCESS } where;
	const char *claim;
	const char *json;
	enum otp_err result;
};

static struct json_doc *claims_doc(const struct factory_member *claims, const char *claim, const char *json)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(16384);
	struct json_doc *doc = NULL;

	factory_object(&text, claims, claim, json);
	assert_err("claims", json_doc_parse(strbuf_text(&text), text.length, &doc), OTP_OK);
	return doc;
}

static enum otp_err check_one(const struct check_case *c)
{
	struct json_doc *id = claims_doc(id_claims, c->where == IN_ID ? c->claim : NULL, c->json);
	struct json_doc *access = claims_doc(access_claims, c->where == IN_ACCESS ? c->claim : NULL, c->json);
	enum otp_err err = binding_check(c->wanted, json_doc_root(id), json_doc_root(access));

	json_doc_free(id);
	json_doc_free(access);
	return err;
}

static void run_cases(const struct check_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_err(cases[i].name, check_one(&cases[i]), cases[i].result);
}

static void test_the_right_user(void **state)
{
	static const struct identity by_phone_and_sub = { IDENTITY_PHONE, "+4912345", SUB };
	static const struct identity by_username_and_sub = { IDENTITY_USERNAME, "alice", SUB };
	static const struct check_case cases[] = {
		{ "email", &by_email, IN_ID, NULL, NULL, OTP_OK },
		{ "email and pin", &by_email_and_sub, IN_ID, NULL, NULL, OTP_OK },
		{ "user name", &by_username, IN_ID, NULL, NULL, OTP_OK },
		{ "user name and pin", &by_username_and_sub, IN_ID, NULL, NULL, OTP_OK },
		{ "phone", &by_phone, IN_ID, NULL, NULL, OTP_OK },
		{ "phone and pin", &by_phone_and_sub, IN_ID, NULL, NULL, OTP_OK },
		{ "email, no user name", &by_email, IN_ID, "cognito:username", NULL, OTP_OK },
		{ "email, other user name", &by_email, IN_ACCESS, "username", "\"" SUB "\"", OTP_OK },
		{ "user name, email not verified", &by_username, IN_ID, "email_verified", "false", OTP_OK },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_email(void **state)
{
	static const struct check_case cases[] = {
		{ "another", &by_email, IN_ID, "email", "\"mallory@example.com\"", OTP_ERR_IDENTITY_EMAIL },
		{ "upper case", &by_email, IN_ID, "email", "\"Alice@example.com\"", OTP_ERR_IDENTITY_EMAIL },
		{ "longer", &by_email, IN_ID, "email", "\"alice@example.com.evil.example\"", OTP_ERR_IDENTITY_EMAIL },
		{ "shorter", &by_email, IN_ID, "email", "\"alice@example.co\"", OTP_ERR_IDENTITY_EMAIL },
		{ "blank behind", &by_email, IN_ID, "email", "\"alice@example.com \"", OTP_ERR_IDENTITY_EMAIL },
		{ "missing", &by_email, IN_ID, "email", NULL, OTP_ERR_JWT_CLAIM },
		{ "null", &by_email, IN_ID, "email", "null", OTP_ERR_JWT_CLAIM },
		{ "empty", &by_email, IN_ID, "email", "\"\"", OTP_ERR_JWT_CLAIM },
		{ "array", &by_email, IN_ID, "email", "[\"alice@example.com\"]", OTP_ERR_JWT_CLAIM },
		{ "object", &by_email, IN_ID, "email", "{\"alice@example.com\":1}", OTP_ERR_JWT_CLAIM },
		{ "not verified", &by_email, IN_ID, "email_verified", "false", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "the string true", &by_email, IN_ID, "email_verified", "\"true\"", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "the string false", &by_email, IN_ID, "email_verified", "\"false\"", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "1", &by_email, IN_ID, "email_verified", "1", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "null verified", &by_email, IN_ID, "email_verified", "null", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "verified missing", &by_email, IN_ID, "email_verified", NULL, OTP_ERR_IDENTITY_UNVERIFIED },
		{ "the access token's is not read", &by_email, IN_ACCESS, "email", "\"mallory@example.com\"", OTP_OK },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_phone(void **state)
{
	static const struct check_case cases[] = {
		{ "another", &by_phone, IN_ID, "phone_number", "\"+4912346\"", OTP_ERR_IDENTITY_PHONE },
		{ "longer", &by_phone, IN_ID, "phone_number", "\"+49123456\"", OTP_ERR_IDENTITY_PHONE },
		{ "missing", &by_phone, IN_ID, "phone_number", NULL, OTP_ERR_JWT_CLAIM },
		{ "a number", &by_phone, IN_ID, "phone_number", "4912345", OTP_ERR_JWT_CLAIM },
		{ "not verified", &by_phone, IN_ID, "phone_number_verified", "false", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "the string true", &by_phone, IN_ID, "phone_number_verified", "\"true\"", OTP_ERR_IDENTITY_UNVERIFIED },
		{ "verified missing", &by_phone, IN_ID, "phone_number_verified", NULL, OTP_ERR_IDENTITY_UNVERIFIED },
		{ "email not verified", &by_phone, IN_ID, "email_verified", "false", OTP_OK },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_username(void **state)
{
	static const struct check_case cases[] = {
		{ "another", &by_username, IN_ID, "cognito:username", "\"mallory\"", OTP_ERR_IDENTITY_USERNAME },
		{ "upper case", &by_username, IN_ID, "cognito:username", "\"Alice\"", OTP_ERR_IDENTITY_USERNAME },
		{ "longer", &by_username, IN_ID, "cognito:username", "\"alice2\"", OTP_ERR_IDENTITY_USERNAME },
		{ "missing", &by_username, IN_ID, "cognito:username", NULL, OTP_ERR_JWT_CLAIM },
		{ "array", &by_username, IN_ID, "cognito:username", "[\"alice\"]", OTP_ERR_JWT_CLAIM },
		{ "another in the access token", &by_username, IN_ACCESS, "username", "\"mallory\"", OTP_ERR_IDENTITY_USERNAME },
		{ "missing in the access token", &by_username, IN_ACCESS, "username", NULL, OTP_ERR_JWT_CLAIM },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

/* GHSA-x259 and cousins: the wanted claim is missing and another one has the value. */
static void test_no_claim_stands_in_for_another(void **state)
{
	static const struct identity username_like_email = { IDENTITY_USERNAME, "alice@example.com", "" };
	static const struct identity username_like_sub = { IDENTITY_USERNAME, SUB, "" };
	static const struct identity by_name = { IDENTITY_USERNAME, "victim", "" };
	static const char *const claims[] = { "preferred_username", "name", "nickname", "username", "custom:username", "email" };

	(void)state;
	assert_err("email is no user name",
		   check_one(&(struct check_case){ "", &username_like_email, IN_ID, "cognito:username", NULL, OTP_OK }), OTP_ERR_JWT_CLAIM);
	assert_err("email is no other user name", check_one(&(struct check_case){ "", &username_like_email, IN_ID, NULL, NULL, OTP_OK }),
		   OTP_ERR_IDENTITY_USERNAME);
	assert_err("sub is no user name", check_one(&(struct check_case){ "", &username_like_sub, IN_ID, NULL, NULL, OTP_OK }),
		   OTP_ERR_IDENTITY_USERNAME);
	for (size_t i = 0; i < CASES(claims); i++)
		assert_err(claims[i], check_one(&(struct check_case){ "", &by_name, IN_ID, claims[i], "\"victim\"", OTP_OK }),
			   OTP_ERR_IDENTITY_USERNAME);
}

static void test_sub(void **state)
{
	static const struct identity other_pin = { IDENTITY_EMAIL, "alice@example.com", OTHER_SUB };
	static const struct check_case cases[] = {
		{ "tokens of two users (access)", &by_email, IN_ACCESS, "sub", "\"" OTHER_SUB "\"", OTP_ERR_JWT_SUB },
		{ "tokens of two users (ID)", &by_email_and_sub, IN_ID, "sub", "\"" OTHER_SUB "\"", OTP_ERR_JWT_SUB },
		{ "missing in the ID token", &by_email, IN_ID, "sub", NULL, OTP_ERR_JWT_CLAIM },
		{ "missing in the access token", &by_email, IN_ACCESS, "sub", NULL, OTP_ERR_JWT_CLAIM },
		{ "a number", &by_email, IN_ACCESS, "sub", "1", OTP_ERR_JWT_CLAIM },
		{ "not the pinned one", &other_pin, IN_ID, NULL, NULL, OTP_ERR_IDENTITY_SUB },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_groups(void **state)
{
	static const char *const linux_login[] = { "linux-login", NULL };
	static const char *const two[] = { "admins", "users", NULL };
	static const char *const admins[] = { "admins", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *name;
		const char *const *groups;
		const char *json;
		enum otp_err result;
	} cases[] = {
		{ "second of the token", linux_login, "[\"users\",\"linux-login\"]", OTP_OK },
		{ "second of ours", two, "[\"users\",\"linux-login\"]", OTP_OK },
		{ "none asked for", none, NULL, OTP_OK },
		{ "no list", NULL, "\"a string\"", OTP_OK },
		{ "not among them", admins, "[\"users\",\"linux-login\"]", OTP_ERR_IDENTITY_GROUP },
		{ "missing", linux_login, NULL, OTP_ERR_IDENTITY_GROUP },
		{ "null", linux_login, "null", OTP_ERR_IDENTITY_GROUP },
		{ "empty", linux_login, "[]", OTP_ERR_IDENTITY_GROUP },
		{ "longer", linux_login, "[\"linux-login2\"]", OTP_ERR_IDENTITY_GROUP },
		{ "shorter", linux_login, "[\"linux-logi\"]", OTP_ERR_IDENTITY_GROUP },
		{ "upper case", linux_login, "[\"Linux-Login\"]", OTP_ERR_IDENTITY_GROUP },
		{ "a string", linux_login, "\"linux-login\"", OTP_ERR_IDENTITY_GROUP },
		{ "a list in a string", linux_login, "[\"users,linux-login\"]", OTP_ERR_IDENTITY_GROUP },
		{ "an object", linux_login, "{\"linux-login\":true}", OTP_ERR_IDENTITY_GROUP },
		{ "a list in a list", linux_login, "[[\"linux-login\"]]", OTP_ERR_IDENTITY_GROUP },
		{ "a number behind", linux_login, "[\"linux-login\",1]", OTP_ERR_IDENTITY_GROUP },
		{ "null behind", linux_login, "[\"linux-login\",null]", OTP_ERR_IDENTITY_GROUP },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct json_doc *doc = claims_doc(id_claims, "cognito:groups", cases[i].json);

		assert_err(cases[i].name, binding_check_groups(cases[i].groups, json_doc_root(doc)), cases[i].result);
		json_doc_free(doc);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_parsing),
		cmocka_unit_test(test_parsing_refuses),
		cmocka_unit_test(test_parsing_bounds_the_length),
		cmocka_unit_test(test_kind_names),
		cmocka_unit_test(test_sub_form),
		cmocka_unit_test(test_the_right_user),
		cmocka_unit_test(test_email),
		cmocka_unit_test(test_phone),
		cmocka_unit_test(test_username),
		cmocka_unit_test(test_no_claim_stands_in_for_another),
		cmocka_unit_test(test_sub),
		cmocka_unit_test(test_groups),
	};

	return cmocka_run_group_tests_name("identity", tests, NULL, NULL);
}
