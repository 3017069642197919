/* Every error has a remedy that fits a terminal, and its own but where one is meant for several. */
#include "assert_err.h"

#include <stdbool.h>
#include <string.h>

#include "err.h"
#include "remedy.h"

/* What an administrator does is the same for all of a line. */
static const enum otp_err alike[][16] = {
	{ OTP_ERR_HTTP_OVERSIZE, OTP_ERR_JSON_UTF8, OTP_ERR_JSON_NUL, OTP_ERR_JSON_DEPTH, OTP_ERR_JSON_DUPLICATE, OTP_ERR_JSON_TYPE,
	  OTP_ERR_JSON_ABSENT, OTP_ERR_RESPONSE_SHAPE, OTP_ERR_RESPONSE_AMBIGUOUS, OTP_ERR_RESPONSE_SESSION, OTP_ERR_RESPONSE_TOKEN },
	{ OTP_ERR_JWT_FORM, OTP_ERR_JWT_DUPLICATE, OTP_ERR_JWT_NUL, OTP_ERR_JWT_ALG, OTP_ERR_JWT_CRIT, OTP_ERR_JWT_SIGNATURE,
	  OTP_ERR_JWT_AUD, OTP_ERR_JWT_CLIENT_ID, OTP_ERR_JWT_TOKEN_USE, OTP_ERR_JWT_SUB },
	{ OTP_ERR_JWT_EXPIRED, OTP_ERR_JWT_NOT_YET, OTP_ERR_JWT_AUTH_TIME },
};

/* 0 when it has a remedy to itself. */
static size_t line_of(enum otp_err err)
{
	for (size_t line = 0; line < CASES(alike); line++)
		for (size_t i = 0; i < CASES(alike[line]); i++)
			if (err != OTP_OK && alike[line][i] == err)
				return line + 1;
	return 0;
}

/* An error without an entry, or with "", would be served with the remedy of OTP_ERR_INTERNAL or none. */
static void test_every_failure_has_one(void **state)
{
	(void)state;
	assert_string_equal(remedy_of(OTP_OK), "");
	for (int i = OTP_OK + 1; i < OTP_ERR_COUNT; i++) {
		const char *remedy = remedy_of((enum otp_err)i);

		if (remedy[0] == '\0' || (i != OTP_ERR_INTERNAL && strcmp(remedy, remedy_of(OTP_ERR_INTERNAL)) == 0))
			fail_msg("%s has no remedy", err_reason((enum otp_err)i));
	}
}

static void test_none_is_too_long(void **state)
{
	(void)state;
	for (int i = OTP_OK + 1; i < OTP_ERR_COUNT; i++) {
		size_t length = strlen(remedy_of((enum otp_err)i));

		if (length < 20 || length > REMEDY_MAX)
			fail_msg("%s: %zu bytes", err_reason((enum otp_err)i), length);
	}
}

static void test_every_one_is_a_sentence_of_ascii(void **state)
{
	(void)state;
	for (int i = OTP_OK + 1; i < OTP_ERR_COUNT; i++) {
		const char *remedy = remedy_of((enum otp_err)i);
		bool ok = remedy[0] >= 'A' && remedy[0] <= 'Z' && remedy[strlen(remedy) - 1] == '.' && strstr(remedy, "  ") == NULL;

		for (const char *at = remedy; *at != '\0'; at++)
			ok = ok && *at >= ' ' && *at <= '~';
		if (!ok)
			fail_msg("%s: not a sentence of plain characters: %s", err_reason((enum otp_err)i), remedy);
	}
}

static void test_no_two_are_alike_but_on_purpose(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		for (int j = 0; j < i; j++) {
			bool wanted = line_of((enum otp_err)i) != 0 && line_of((enum otp_err)i) == line_of((enum otp_err)j);

			if ((strcmp(remedy_of((enum otp_err)i), remedy_of((enum otp_err)j)) == 0) != wanted)
				fail_msg("%s and %s", err_reason((enum otp_err)i), err_reason((enum otp_err)j));
		}
	}
}

static void test_numbers_that_are_no_error(void **state)
{
	static const int numbers[] = { -1, OTP_ERR_COUNT, OTP_ERR_COUNT + 1, 65536, INT32_MAX, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < CASES(numbers); i++)
		assert_string_equal(remedy_of((enum otp_err)numbers[i]), remedy_of(OTP_ERR_INTERNAL));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_failure_has_one),
		cmocka_unit_test(test_none_is_too_long),
		cmocka_unit_test(test_every_one_is_a_sentence_of_ascii),
		cmocka_unit_test(test_no_two_are_alike_but_on_purpose),
		cmocka_unit_test(test_numbers_that_are_no_error),
	};

	return cmocka_run_group_tests_name("remedy", tests, NULL, NULL);
}
