/* The file with the credentials for a proxy, and what its statuses mean. */
#include "safe_place.h"

#include "proxy.h"

static struct secret line = SECRET_EMPTY;
static struct note note;

static enum otp_err authorization(const char *text)
{
	secret_done(&line);
	note_set(&note, "%s", "");
	safe_place_write("credentials", text, strlen(text), 0600);
	return proxy_authorization(safe_place_path("credentials"), &line, &note);
}

static void test_what_is_sent(void **state)
{
	static const struct {
		const char *text;
		const char *line;
	} cases[] = {
		{ "Aladdin:open sesame", "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" }, /* RFC 7617 section 2 */
		{ "Aladdin:open sesame\n", "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "Aladdin:open sesame\r\n", "Proxy-Authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==" },
		{ "test:123\xc2\xa3", "Proxy-Authorization: Basic dGVzdDoxMjPCow==" }, /* section 2.1 */
		{ "a:", "Proxy-Authorization: Basic YTo=" },
		{ "a:b:c", "Proxy-Authorization: Basic YTpiOmM=" },
		{ "a:%41#", "Proxy-Authorization: Basic YTolNDEj" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, authorization(cases[i].text), OTP_OK);
		assert_string_equal(secret_text(&line), cases[i].line);
		assert_int_equal(line.length, strlen(cases[i].line));
	}
	secret_done(&line);
}

static void test_the_longest(void **state)
{
	char text[PROXY_CREDENTIALS_MAX + 2];

	(void)state;
	safe_place_needed();
	memset(text, 'a', sizeof(text));
	text[1] = ':';
	text[PROXY_CREDENTIALS_MAX] = '\0';
	assert_err("longest", authorization(text), OTP_OK);
	assert_int_equal(line.length, strlen("Proxy-Authorization: Basic ") + (PROXY_CREDENTIALS_MAX + 2) / 3 * 4);
	text[PROXY_CREDENTIALS_MAX] = 'a';
	text[PROXY_CREDENTIALS_MAX + 1] = '\0';
	assert_err("longer", authorization(text), OTP_ERR_CONFIG_OPEN);
	secret_done(&line);
}

static void test_what_is_no_credential(void **state)
{
	static const char *const cases[] = {
		"", "\n", ":", ":secret", "secret", "secret\n", " user:secret", "user:secret ", "user:secret \n", "user:secret\n\n",
		"user:secret\nuser:secret\n", "user:\tsecret", "user:sec\rret", "us\x1b:secret", "user:secret\x7f", "\nuser:secret",
	};
	struct note wanted;

	(void)state;
	safe_place_needed();
	note_set(&wanted, "%s: not one line `user:password`", safe_place_path("credentials"));
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i], authorization(cases[i]), OTP_ERR_CONFIG_VALUE);
		assert_string_equal(note.text, wanted.text);
		assert_null(line.bytes);
	}
}

static void test_a_nul_byte_is_no_end(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_write("credentials", "user:sec\0ret", 12, 0600);
	assert_err("NUL", proxy_authorization(safe_place_path("credentials"), &line, &note), OTP_ERR_CONFIG_VALUE);
	assert_null(line.bytes);
}

static void test_the_file_is_root_s_alone(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_write("credentials", "user:secret", 11, 0640);
	assert_err("group", proxy_authorization(safe_place_path("credentials"), &line, &note), OTP_ERR_CONFIG_UNSAFE);
	safe_place_write("credentials", "user:secret", 11, 0604);
	assert_err("others", proxy_authorization(safe_place_path("credentials"), &line, &note), OTP_ERR_CONFIG_UNSAFE);
	assert_err("missing", proxy_authorization(safe_place_path("nothing"), &line, &note), OTP_ERR_CONFIG_OPEN);
	assert_null(line.bytes);
}

static void test_none(void **state)
{
	(void)state;
	assert_err("none", proxy_authorization("", &line, &note), OTP_OK);
	assert_null(line.bytes);
}

static void test_statuses(void **state)
{
	(void)state;
	assert_err("407", proxy_status(407), OTP_ERR_PROXY_AUTH);
	for (long status = 100; status < 600; status++) {
		if (status == 407 || status / 100 == 2)
			continue;
		assert_err("status", proxy_status(status), status >= 500 && status != 501 ? OTP_ERR_NET_PROXY : OTP_ERR_PROXY_REFUSED);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_sent),
		cmocka_unit_test(test_the_longest),
		cmocka_unit_test(test_what_is_no_credential),
		cmocka_unit_test(test_a_nul_byte_is_no_end),
		cmocka_unit_test(test_the_file_is_root_s_alone),
		cmocka_unit_test(test_none),
		cmocka_unit_test(test_statuses),
	};

	return cmocka_run_group_tests(tests, safe_place_setup, safe_place_teardown);
}
