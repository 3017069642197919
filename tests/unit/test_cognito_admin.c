/*
 * The signed operations: what is sent, with which headers and how often, and what is believed of an answer. The way to the service is the
 * test's own (linked with --wrap=cognito_post and the like); the signature is the real one, at the time of the vector.
 */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cognito_admin.h"
#include "http.h"

enum { VECTOR_TIME = 1768471872 /* 2026-01-15T10:11:12Z */, SENT_MAX = 4 };

#define POOL "eu-west-1_Ab129faBb"
#define SUB "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define TOKEN "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample=="

/* What went out, and what comes back. */
static struct {
	int posts;
	int loads;
	int refreshes;
	char operation[64];
	char body[2048];
	char lines[HTTP_LINES_MAX + 1][2048];
	int line_count;
	enum otp_err answers[SENT_MAX]; /* one for each post */
	enum otp_err refreshed;
	const char *answer; /* after OTP_OK */
} line;

enum otp_err __wrap_cognito_post(struct cognito *cognito, const char *operation, const struct strbuf *body, const char *const *lines,
				 struct json_doc **ret_doc);
enum otp_err __wrap_cognito_post(struct cognito *cognito, const char *operation, const struct strbuf *body, const char *const *lines,
				 struct json_doc **ret_doc)
{
	enum otp_err err = line.answers[line.posts < SENT_MAX ? line.posts : SENT_MAX - 1];

	(void)cognito;
	line.posts++;
	(void)snprintf(line.operation, sizeof(line.operation), "%s", operation);
	(void)snprintf(line.body, sizeof(line.body), "%s", body->text);
	for (line.line_count = 0; lines[line.line_count] != NULL; line.line_count++)
		(void)snprintf(line.lines[line.line_count], sizeof(line.lines[0]), "%s", lines[line.line_count]);
	return err != OTP_OK ? err : json_doc_parse(line.answer, strlen(line.answer), ret_doc);
}

enum otp_err __wrap_aws_credentials_load(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note);
enum otp_err __wrap_aws_credentials_load(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note)
{
	(void)credentials, (void)deadline, (void)note;
	line.loads++;
	return OTP_OK;
}

enum otp_err __wrap_aws_credentials_refresh(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note);
enum otp_err __wrap_aws_credentials_refresh(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note)
{
	(void)credentials, (void)deadline, (void)note;
	line.refreshes++;
	return line.refreshed;
}

int64_t __wrap_clock_wall(void);
int64_t __wrap_clock_wall(void)
{
	return VECTOR_TIME;
}

static struct deadline deadline;
static struct note note;
static struct cognito cognito = { .client_id = "1example", .deadline = &deadline, .note = &note };
static struct aws_credentials_settings settings = { "/etc/keys", "default", false };
static struct aws_credentials credentials = AWS_CREDENTIALS_NONE(&settings);
static struct cognito_admin admin = { &cognito, &credentials, POOL };

static int begin(void **state)
{
	(void)state;
	memset(&line, 0, sizeof(line));
	note.text[0] = '\0';
	cognito.endpoint = "https://cognito-idp.eu-west-1.amazonaws.com";
	if (secret_set(&credentials.access_key_id, "AKIDEXAMPLE", 11) != OTP_OK)
		return -1;
	secret_done(&credentials.session_token);
	return secret_set(&credentials.secret_access_key, "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", 40) == OTP_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	secret_done(&credentials.access_key_id);
	secret_done(&credentials.secret_access_key);
	secret_done(&credentials.session_token);
	return 0;
}

static bool sent(const char *wanted)
{
	for (int i = 0; i < line.line_count; i++) {
		if (strcmp(line.lines[i], wanted) == 0)
			return true;
	}
	return false;
}

#define USER(members) "{\"Username\":\"" SUB "\",\"UserAttributes\":[{\"Name\":\"sub\",\"Value\":\"" SUB "\"}]" members "}"
#define GOOD ",\"Enabled\":true,\"UserStatus\":\"CONFIRMED\""
#define SCOPE "Credential=AKIDEXAMPLE/20260115/eu-west-1/cognito-idp/aws4_request"

/* The vector of a signer that is not ours, through the whole room: body, target, host and date are what was signed. */
static void test_what_is_sent(void **state)
{
	struct cognito_user user;

	(void)state;
	line.answer = USER(GOOD);
	assert_err("sent", cognito_admin_get_user(&admin, "alice@example.com", &user), OTP_OK);
	assert_string_equal(line.operation, "AdminGetUser");
	assert_string_equal(line.body, "{\"UserPoolId\":\"" POOL "\",\"Username\":\"alice@example.com\"}");
	assert_true(sent("Host: cognito-idp.eu-west-1.amazonaws.com"));
	assert_true(sent("X-Amz-Date: 20260115T101112Z"));
	assert_true(sent("Authorization: AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
			 "Signature=be81a1d10c3bf908a240c380c408bc044b69e53eb550857b6dff7587f0bdfbe9"));
	assert_int_equal(line.line_count, 3);
	assert_int_equal(line.posts, 1);
}

static void test_a_session_token_is_sent_and_signed(void **state)
{
	struct cognito_user user;

	(void)state;
	line.answer = USER(GOOD);
	assert_err("token", secret_set(&credentials.session_token, TOKEN, strlen(TOKEN)), OTP_OK);
	assert_err("sent", cognito_admin_get_user(&admin, "alice@example.com", &user), OTP_OK);
	assert_true(sent("X-Amz-Security-Token: " TOKEN));
	assert_true(sent("Authorization: AWS4-HMAC-SHA256 " SCOPE ", SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
			 "Signature=9fda49b3cb9d9d7800cdbdcc1d32681bd6871d145055d5fa44abe8f8fe805e5d"));
	assert_int_equal(line.line_count, 4);
}

static void test_the_host_is_that_of_the_endpoint(void **state)
{
	static const struct {
		const char *endpoint;
		const char *wanted;
	} cases[] = {
		{ "https://localhost:8443", "Host: localhost:8443" },
		{ "https://localhost:443", "Host: localhost" },
		{ "https://[::1]:443", "Host: [::1]" },
		{ "https://vpce-1.cognito-idp.eu-west-1.vpce.amazonaws.com", "Host: vpce-1.cognito-idp.eu-west-1.vpce.amazonaws.com" },
		{ "https://localhost:4443", "Host: localhost:4443" },
	};
	struct cognito_user user;

	(void)state;
	line.answer = USER(GOOD);
	for (size_t i = 0; i < CASES(cases); i++) {
		cognito.endpoint = cases[i].endpoint;
		assert_err(cases[i].endpoint, cognito_admin_get_user(&admin, "alice", &user), OTP_OK);
		assert_true(sent(cases[i].wanted));
	}
}

/* Only a refusal of the signature is certain to have done nothing. */
static void test_only_expired_credentials_make_a_second_call(void **state)
{
	static const struct {
		const char *name;
		enum otp_err answers[SENT_MAX];
		enum otp_err refreshed;
		enum otp_err wanted;
		int posts;
		int refreshes;
	} cases[] = {
		{ "expired, then good", { OTP_ERR_AWS_EXPIRED, OTP_OK }, OTP_OK, OTP_OK, 2, 1 },
		{ "expired twice", { OTP_ERR_AWS_EXPIRED, OTP_ERR_AWS_EXPIRED, OTP_OK }, OTP_OK, OTP_ERR_AWS_EXPIRED, 2, 1 },
		{ "expired, and no others", { OTP_ERR_AWS_EXPIRED, OTP_OK }, OTP_ERR_AWS_IMDS, OTP_ERR_AWS_IMDS, 1, 1 },
		{ "no answer", { OTP_ERR_NET_TIMEOUT, OTP_OK }, OTP_OK, OTP_ERR_NET_TIMEOUT, 1, 0 },
		{ "reset", { OTP_ERR_NET_RESET, OTP_OK }, OTP_OK, OTP_ERR_NET_RESET, 1, 0 },
		{ "throttled", { OTP_ERR_THROTTLED, OTP_OK }, OTP_OK, OTP_ERR_THROTTLED, 1, 0 },
		{ "broken", { OTP_ERR_HTTP_STATUS, OTP_OK }, OTP_OK, OTP_ERR_HTTP_STATUS, 1, 0 },
		{ "signature", { OTP_ERR_AWS_SIGNATURE, OTP_OK }, OTP_OK, OTP_ERR_AWS_SIGNATURE, 1, 0 },
		{ "denied", { OTP_ERR_AWS_DENIED, OTP_OK }, OTP_OK, OTP_ERR_AWS_DENIED, 1, 0 },
	};
	struct cognito_user user;

	for (size_t i = 0; i < CASES(cases); i++) {
		(void)begin(state);
		line.answer = USER(GOOD);
		memcpy(line.answers, cases[i].answers, sizeof(line.answers));
		line.refreshed = cases[i].refreshed;
		assert_err(cases[i].name, cognito_admin_get_user(&admin, "alice", &user), cases[i].wanted);
		assert_int_equal(line.posts, cases[i].posts);
		assert_int_equal(line.refreshes, cases[i].refreshes);
	}
}

static void test_enabled_is_json_true(void **state)
{
	static const struct {
		const char *answer;
		bool wanted;
	} cases[] = {
		{ USER(",\"Enabled\":true"), true },	  { USER(",\"Enabled\":false"), false }, { USER(""), false },
		{ USER(",\"Enabled\":\"true\""), false }, { USER(",\"Enabled\":1"), false },	 { USER(",\"Enabled\":null"), false },
		{ USER(",\"enabled\":true"), false },
	};
	struct cognito_user user;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		line.answer = cases[i].answer;
		assert_err(line.answer, cognito_admin_get_user(&admin, "alice", &user), OTP_OK);
		if (user.enabled != cases[i].wanted)
			fail_msg("%s", cases[i].answer);
	}
}

static void test_statuses(void **state)
{
	static const struct {
		const char *answer;
		enum cognito_status wanted;
	} cases[] = {
		{ USER(",\"UserStatus\":\"CONFIRMED\""), COGNITO_STATUS_CONFIRMED },
		{ USER(",\"UserStatus\":\"UNCONFIRMED\""), COGNITO_STATUS_UNCONFIRMED },
		{ USER(",\"UserStatus\":\"EXTERNAL_PROVIDER\""), COGNITO_STATUS_EXTERNAL_PROVIDER },
		{ USER(",\"UserStatus\":\"RESET_REQUIRED\""), COGNITO_STATUS_RESET_REQUIRED },
		{ USER(",\"UserStatus\":\"FORCE_CHANGE_PASSWORD\""), COGNITO_STATUS_FORCE_CHANGE_PASSWORD },
		{ USER(",\"UserStatus\":\"ARCHIVED\""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":\"COMPROMISED\""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":\"UNKNOWN\""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":\"confirmed\""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":\"CONFIRMED \""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":\"\""), COGNITO_STATUS_OTHER },
		{ USER(",\"UserStatus\":true"), COGNITO_STATUS_OTHER },
		{ USER(""), COGNITO_STATUS_OTHER },
	};
	struct cognito_user user;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		line.answer = cases[i].answer;
		assert_err(line.answer, cognito_admin_get_user(&admin, "alice", &user), OTP_OK);
		if (user.status != cases[i].wanted)
			fail_msg("%s", cases[i].answer);
	}
}

#define WITH(attributes) "{\"Username\":\"alice\",\"UserAttributes\":[" attributes "]" GOOD "}"
#define ATTRIBUTE(name, value) "{\"Name\":\"" name "\",\"Value\":" value "}"

/* Attributes are texts, and "verified" is one of them: exactly "true" counts. */
static void test_attributes(void **state)
{
	static const struct {
		const char *answer;
		const char *email;
		bool verified;
	} cases[] = {
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email_verified", "\"true\"")), "a@b.c", true },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email_verified", "\"false\"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email_verified", "\"True\"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email_verified", "\"true \"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email_verified", "\"\"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"") ",{\"Name\":\"email_verified\"}"), "a@b.c", false },
		{ WITH(ATTRIBUTE("email", "\"a@b.c\"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("Email", "\"a@b.c\"")), "", false },
		{ WITH(ATTRIBUTE("custom:x", "\"1\"") "," ATTRIBUTE("custom:x", "\"2\"") "," ATTRIBUTE("email", "\"a@b.c\"")), "a@b.c", false },
		{ WITH(ATTRIBUTE("email_verified", "\"true\"")), "", true },
		{ WITH(""), "", false },
	};
	struct cognito_user user;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		line.answer = cases[i].answer;
		assert_err(line.answer, cognito_admin_get_user(&admin, "alice", &user), OTP_OK);
		assert_string_equal(user.user_name, "alice");
		assert_string_equal(user.email, cases[i].email);
		if (user.email_verified != cases[i].verified || user.phone_number_verified)
			fail_msg("%s", cases[i].answer);
	}
}

static void test_odd_answers_are_refused(void **state)
{
	static const char *const answers[] = {
		"{}",
		"{\"User\":{}}",
		"{\"Username\":\"\",\"UserAttributes\":[]" GOOD "}",
		"{\"Username\":\"alice\"" GOOD "}",
		"{\"Username\":\"alice\",\"Attributes\":[]" GOOD "}",
		"{\"Username\":\"alice\",\"UserAttributes\":{}" GOOD "}",
		"{\"UserAttributes\":[]" GOOD "}",
		WITH("\"email\""),
		WITH("{\"Value\":\"x\"}"),
		WITH(ATTRIBUTE("email", "true")),
		WITH(ATTRIBUTE("email_verified", "true")),
		WITH(ATTRIBUTE("sub", "1")),
		WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email", "\"a@b.c\"")),
		WITH(ATTRIBUTE("email", "\"a@b.c\"") "," ATTRIBUTE("email", "\"d@b.c\"")),
		WITH(ATTRIBUTE("email_verified", "\"false\"") "," ATTRIBUTE("email_verified", "\"true\"")),
		WITH(ATTRIBUTE("sub", "\"" SUB "\"") "," ATTRIBUTE("sub", "\"" SUB "\"")),
		WITH("{\"Name\":\"email\"}," ATTRIBUTE("email", "\"a@b.c\"")),
	};
	struct cognito_user user;

	(void)state;
	for (size_t i = 0; i < CASES(answers); i++) {
		line.answer = answers[i];
		assert_err(answers[i], cognito_admin_get_user(&admin, "alice", &user), OTP_ERR_RESPONSE_SHAPE);
		assert_string_not_equal(note.text, "");
	}
}

/* What is longer than any mapped value is equal to none, and not to its own beginning. */
static void test_long_values_are_no_values(void **state)
{
	char text[IDENTITY_VALUE_MAX + 2];
	char answer[1024];
	struct cognito_user user;

	(void)state;
	memset(text, 'a', sizeof(text));
	for (size_t length = IDENTITY_VALUE_MAX; length <= IDENTITY_VALUE_MAX + 1; length++) {
		text[length] = '\0';
		(void)snprintf(answer, sizeof(answer), "{\"Username\":\"%s\",\"UserAttributes\":[{\"Name\":\"email\",\"Value\":\"%s\"}]" GOOD "}",
			       text, text);
		line.answer = answer;
		assert_err("long", cognito_admin_get_user(&admin, "alice", &user), OTP_OK);
		assert_string_equal(user.email, length > IDENTITY_VALUE_MAX ? "" : text);
		assert_string_equal(user.user_name, length > IDENTITY_VALUE_MAX ? "" : text);
		text[length] = 'a';
	}
}

/* Verified, silent, without a password, and nobody's alias is taken away: nothing else is in the body. */
static void test_creation(void **state)
{
	static const char *const odd[] = { "{}", USER(GOOD), "{\"User\":[]}",
					   "{\"User\":{\"Username\":\"alice\",\"UserAttributes\":[]" GOOD "}}" };
	struct cognito_user user;

	(void)state;
	line.answer = "{\"User\":{\"Username\":\"alice\",\"Attributes\":[" ATTRIBUTE("sub", "\"" SUB "\"") ","
		      ATTRIBUTE("email", "\"a@b.c\"") "]" GOOD "}}";
	assert_err("created", cognito_admin_create_user(&admin, "a@b.c", &user), OTP_OK);
	assert_string_equal(line.operation, "AdminCreateUser");
	assert_string_equal(line.body, "{\"UserPoolId\":\"" POOL "\",\"Username\":\"a@b.c\",\"UserAttributes\":["
				       "{\"Name\":\"email\",\"Value\":\"a@b.c\"},"
				       "{\"Name\":\"email_verified\",\"Value\":\"true\"}],\"MessageAction\":\"SUPPRESS\"}");
	assert_string_equal(user.sub, SUB);
	assert_string_equal(user.email, "a@b.c");
	assert_true(user.enabled && !user.email_verified && user.status == COGNITO_STATUS_CONFIRMED);
	for (size_t i = 0; i < CASES(odd); i++) {
		line.answer = odd[i];
		assert_err(odd[i], cognito_admin_create_user(&admin, "a@b.c", &user), OTP_ERR_RESPONSE_SHAPE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_what_is_sent, begin, end),
		cmocka_unit_test_setup_teardown(test_a_session_token_is_sent_and_signed, begin, end),
		cmocka_unit_test_setup_teardown(test_the_host_is_that_of_the_endpoint, begin, end),
		cmocka_unit_test_setup_teardown(test_only_expired_credentials_make_a_second_call, begin, end),
		cmocka_unit_test_setup_teardown(test_enabled_is_json_true, begin, end),
		cmocka_unit_test_setup_teardown(test_statuses, begin, end),
		cmocka_unit_test_setup_teardown(test_attributes, begin, end),
		cmocka_unit_test_setup_teardown(test_odd_answers_are_refused, begin, end),
		cmocka_unit_test_setup_teardown(test_long_values_are_no_values, begin, end),
		cmocka_unit_test_setup_teardown(test_creation, begin, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
