/* What the answers of the instance metadata service mean; the exchange itself is tested in the rig, against a local service. */
#include "assert_err.h"

#include <stdio.h>
#include <string.h>

#include "aws_imds.h"

#define KEYS	"\"AccessKeyId\":\"ASIAEXAMPLE\",\"SecretAccessKey\":\"wJalr/+x\",\"Token\":\"IQoJb3//=\""
#define EXPIRES "\"Expiration\":\"2026-01-15T16:20:00Z\""
#define GOOD	"{\"Code\":\"Success\",\"LastUpdated\":\"2026-01-15T10:00:00Z\",\"Type\":\"AWS-HMAC\"," KEYS "," EXPIRES "}"

enum { NOON = 1768471872, AT_THE_END = 1768494000 }; /* 2026-01-15T10:11:12Z, and its 16:20:00Z */

static struct note note;

static void set(struct secret *body, const char *text)
{
	note_set(&note, "%s", "");
	assert_err("body", secret_set(body, text, strlen(text)), OTP_OK);
}

static void says(const char *words)
{
	if (strstr(note.text, words) == NULL)
		fail_msg("\"%s\" does not say \"%s\"", note.text, words);
}

static void test_tokens(void **state)
{
	static const char *const good[] = { "AQAEAKqm==", "AQAEAKqm==\n", "AQAEAKqm==\r\n" };
	static const char *const bad[] = { "",	    "\n",  "a b",	  "a\nb", "a\r\rb",   "<html></html>",
					   "a\n\n", "\na", "a\rX-Evil:1", "a:b",  "\xc3\xab", "\"a\"" };
	secret_auto struct secret body = SECRET_EMPTY;
	secret_auto struct secret token = SECRET_EMPTY;
	char longest[AWS_IMDS_TOKEN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < CASES(good); i++) {
		set(&body, good[i]);
		assert_err(good[i], aws_imds_read_token(&body, &token, &note), OTP_OK);
		assert_string_equal(secret_text(&token), "AQAEAKqm==");
	}
	secret_done(&token);
	for (size_t i = 0; i < CASES(bad); i++) {
		set(&body, bad[i]);
		assert_err(bad[i], aws_imds_read_token(&body, &token, &note), OTP_ERR_AWS_IMDS);
		says("IMDSv2, token: ");
		assert_null(token.bytes);
	}
	assert_err("a NUL", secret_set(&body, "ab\0cd", 5), OTP_OK);
	assert_err("a NUL", aws_imds_read_token(&body, &token, &note), OTP_ERR_AWS_IMDS);
	memset(longest, 'a', sizeof(longest));
	longest[AWS_IMDS_TOKEN_MAX] = '\0';
	set(&body, longest);
	assert_err("longest", aws_imds_read_token(&body, &token, &note), OTP_OK);
	longest[AWS_IMDS_TOKEN_MAX] = 'a';
	longest[AWS_IMDS_TOKEN_MAX + 1] = '\0';
	set(&body, longest);
	assert_err("longer", aws_imds_read_token(&body, &token, &note), OTP_ERR_AWS_IMDS);
}

static void test_roles(void **state)
{
	static const struct {
		const char *text;
		const char *role;
	} good[] = {
		{ "host", "host" }, { "host\n", "host" }, { "host\r\n", "host" }, { "A+b=c,d.e@f_g-9", "A+b=c,d.e@f_g-9" },
		{ "..a", "..a" },
	};
	static const struct {
		const char *text;
		const char *words;
	} bad[] = {
		{ "", "no role" },
		{ "\n", "no role" },
		{ "\r\n", "no role" },
		{ "one\ntwo", "more than one" },
		{ "one\r\ntwo\r\n", "more than one" },
		{ "one\n\n", "more than one" },
		{ "\none", "more than one" },
		{ ".", "not the name" },
		{ "..", "not the name" },
		{ "..\n", "not the name" },
		{ "...", "not the name" },
		{ "a/b", "not the name" },
		{ "../../user-data", "not the name" },
		{ "a b", "not the name" },
		{ "a?b", "not the name" },
		{ "a#b", "not the name" },
		{ "a%2fb", "not the name" },
		{ "a\rb", "not the name" },
		{ "a:b", "not the name" },
		{ "a\\b", "not the name" },
		{ "\xc3\xab", "not the name" },
		{ "<!DOCTYPE-html>", "not the name" },
		{ "{\"Code\":\"Success\"}", "not the name" },
	};
	secret_auto struct secret body = SECRET_EMPTY;
	char role[AWS_IMDS_ROLE_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(good); i++) {
		set(&body, good[i].text);
		assert_err(good[i].text, aws_imds_read_role(&body, role, &note), OTP_OK);
		assert_string_equal(role, good[i].role);
	}
	for (size_t i = 0; i < CASES(bad); i++) {
		set(&body, bad[i].text);
		assert_err(bad[i].text, aws_imds_read_role(&body, role, &note), OTP_ERR_AWS_IMDS);
		says("IMDSv2, role list: ");
		says(bad[i].words);
	}
}

static void test_roles_of_odd_bytes_and_lengths(void **state)
{
	secret_auto struct secret body = SECRET_EMPTY;
	char role[AWS_IMDS_ROLE_MAX + 1];
	char longest[AWS_IMDS_ROLE_MAX + 2];

	(void)state;
	assert_err("a NUL", secret_set(&body, "ab\0cd", 5), OTP_OK);
	assert_err("a NUL", aws_imds_read_role(&body, role, &note), OTP_ERR_AWS_IMDS);
	memset(longest, 'a', sizeof(longest));
	longest[AWS_IMDS_ROLE_MAX] = '\0';
	set(&body, longest);
	assert_err("longest", aws_imds_read_role(&body, role, &note), OTP_OK);
	longest[AWS_IMDS_ROLE_MAX] = 'a';
	longest[AWS_IMDS_ROLE_MAX + 1] = '\0';
	set(&body, longest);
	assert_err("longer", aws_imds_read_role(&body, role, &note), OTP_ERR_AWS_IMDS);
}

static enum otp_err keys_of(const char *text, int64_t now, struct aws_imds_keys *keys)
{
	secret_auto struct secret body = SECRET_EMPTY;

	aws_imds_keys_done(keys);
	set(&body, text);
	return aws_imds_read_keys(&body, now, keys, &note);
}

static void test_keys(void **state)
{
	struct aws_imds_keys keys = AWS_IMDS_KEYS_NONE;

	(void)state;
	assert_err("good", keys_of(GOOD, NOON, &keys), OTP_OK);
	assert_string_equal(secret_text(&keys.access_key_id), "ASIAEXAMPLE");
	assert_string_equal(secret_text(&keys.secret_access_key), "wJalr/+x");
	assert_string_equal(secret_text(&keys.session_token), "IQoJb3//=");
	assert_int_equal(keys.expires, AT_THE_END);
	assert_err("the last second", keys_of(GOOD, AT_THE_END - 1, &keys), OTP_OK);
	assert_err("the end", keys_of(GOOD, AT_THE_END, &keys), OTP_ERR_AWS_EXPIRED);
	says("they have expired at 2026-01-15T16:20:00Z");
	aws_imds_keys_done(&keys);
}

static void test_answers_that_are_none(void **state)
{
	static const struct {
		const char *text;
		const char *words;
	} cases[] = {
		{ "{\"Code\":\"AssumeRoleUnauthorizedAccess\",\"Message\":\"EC2 cannot assume the role\"}",
		  "Code is AssumeRoleUnauthorizedAccess, not Success" },
		{ "{\"Code\":\"Failed\"," KEYS "," EXPIRES "}", "Code is Failed, not Success" },
		{ "{\"Code\":\"success\"," KEYS "," EXPIRES "}", "Code is success, not Success" },
		{ "{\"Code\":\"x\\ny \\\"\"}", "Code is x?y??, not" },
		{ "{\"Code\":true," KEYS "," EXPIRES "}", "no Code" },
		{ "{\"Code\":null," KEYS "," EXPIRES "}", "no Code" },
		{ "{" KEYS "," EXPIRES "}", "no Code" },
		{ "{\"Code\":\"Success\",\"Code\":\"Success\"," KEYS "," EXPIRES "}", "a JSON member appears twice" },
		{ "{\"Code\":\"Success\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," EXPIRES "}", "AccessKeyId is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"Token\":\"t\"," EXPIRES "}", "SecretAccessKey is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\"," EXPIRES "}", "Token is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"\"," EXPIRES "}", "Token is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":\"A\",\"SecretAccessKey\":\"s\",\"Token\":\"a\\r\\nb\"," EXPIRES "}",
		  "Token is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":\"A B\",\"SecretAccessKey\":\"s\",\"Token\":\"t\"," EXPIRES "}",
		  "AccessKeyId is missing" },
		{ "{\"Code\":\"Success\",\"AccessKeyId\":7,\"SecretAccessKey\":\"s\",\"Token\":\"t\"," EXPIRES "}",
		  "AccessKeyId is missing" },
		{ "{\"Code\":\"Success\"," KEYS "}", "no Expiration" },
		{ "<html>", "not a single well-formed JSON object" },
		{ "[" GOOD "]", "not a single well-formed JSON object" },
		{ GOOD GOOD, "not a single well-formed JSON object" },
		{ "", "not a single well-formed JSON object" },
	};
	struct aws_imds_keys keys = AWS_IMDS_KEYS_NONE;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, keys_of(cases[i].text, NOON, &keys), OTP_ERR_AWS_IMDS);
		says("IMDSv2, credentials of the role: ");
		says(cases[i].words);
		if (strstr(note.text, "wJalr") != NULL || strstr(note.text, "IQoJ") != NULL)
			fail_msg("\"%s\" tells a secret", note.text);
	}
	aws_imds_keys_done(&keys);
}

static void test_dates(void **state)
{
	static const char *const bad[] = {
		"2026-01-15T16:20:00",
		"2026-01-15T16:20:00+00:00",
		"2026-01-15 16:20:00Z",
		"2026-1-15T16:20:00Z",
		"2026-02-29T16:20:00Z",
		"2026-13-01T16:20:00Z",
		"2026-00-01T16:20:00Z",
		"2026-01-00T16:20:00Z",
		"2026-01-15T24:00:00Z",
		"2026-01-15T16:60:00Z",
		"2026-01-15T16:20:60Z",
		"2026-01-15T16:20:00z",
		"2026-01-15T16:20:0 Z",
		"20260115T162000Z",
		"+026-01-15T16:20:00Z",
		"2026-01-15T16:20:00Z ",
		"1768494000",
		"soon",
		"",
		"2026-01-15T16:20:00.0Z",
	};
	struct aws_imds_keys keys = AWS_IMDS_KEYS_NONE;
	char text[512];

	(void)state;
	for (size_t i = 0; i < CASES(bad); i++) {
		(void)snprintf(text, sizeof(text), "{\"Code\":\"Success\"," KEYS ",\"Expiration\":\"%s\"}", bad[i]);
		assert_err(bad[i], keys_of(text, NOON, &keys), OTP_ERR_AWS_IMDS);
		says("no Expiration of the form");
	}
	assert_err("a number", keys_of("{\"Code\":\"Success\"," KEYS ",\"Expiration\":1768494000}", NOON, &keys), OTP_ERR_AWS_IMDS);
	assert_err("a leap day", keys_of("{\"Code\":\"Success\"," KEYS ",\"Expiration\":\"2028-02-29T23:59:59Z\"}", NOON, &keys), OTP_OK);
	assert_int_equal(keys.expires, 1835481599);
	aws_imds_keys_done(&keys);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tokens), cmocka_unit_test(test_roles),
		cmocka_unit_test(test_roles_of_odd_bytes_and_lengths),
		cmocka_unit_test(test_keys),   cmocka_unit_test(test_answers_that_are_none),
		cmocka_unit_test(test_dates),
	};

	return cmocka_run_group_tests_name("aws_imds", tests, NULL, NULL);
}
