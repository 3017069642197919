/* Every error has a reason of its own, a text and a class; a number from nowhere is no success. */
#include "assert_err.h"

#include <ctype.h>
#include <string.h>

#include "err.h"

static void test_every_reason_is_a_word(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		const char *reason = err_reason((enum otp_err)i);

		assert_true(islower((unsigned char)reason[0]));
		assert_int_equal(strspn(reason, "abcdefghijklmnopqrstuvwxyz0123456789_"), strlen(reason));
	}
}

static void test_reasons_are_unique(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++)
		for (int j = 0; j < i; j++)
			assert_string_not_equal(err_reason((enum otp_err)i), err_reason((enum otp_err)j));
}

static void test_every_text_is_a_clause(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		const char *text = err_text((enum otp_err)i);

		assert_true(strlen(text) > 4);
		assert_true(text[strlen(text) - 1] != '.');
	}
}

static void test_only_ok_is_success(void **state)
{
	(void)state;
	assert_int_equal(err_class(OTP_OK), OTP_CLASS_SUCCESS);
	assert_int_equal(err_class(OTP_IGNORED), OTP_CLASS_IGNORED);
	for (int i = OTP_IGNORED + 1; i < OTP_ERR_COUNT; i++) {
		assert_int_not_equal(err_class((enum otp_err)i), OTP_CLASS_SUCCESS);
		assert_int_not_equal(err_class((enum otp_err)i), OTP_CLASS_IGNORED);
	}
}

static void test_numbers_that_are_no_error(void **state)
{
	static const int numbers[] = { -1, OTP_ERR_COUNT, OTP_ERR_COUNT + 1, 65536, INT32_MAX, INT32_MIN };

	(void)state;
	for (size_t i = 0; i < CASES(numbers); i++) {
		assert_int_equal(err_class((enum otp_err)numbers[i]), OTP_CLASS_SYSTEM);
		assert_string_equal(err_reason((enum otp_err)numbers[i]), "internal");
		assert_non_null(err_text((enum otp_err)numbers[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_every_reason_is_a_word),	  cmocka_unit_test(test_reasons_are_unique),
		cmocka_unit_test(test_every_text_is_a_clause),	  cmocka_unit_test(test_only_ok_is_success),
		cmocka_unit_test(test_numbers_that_are_no_error),
	};

	return cmocka_run_group_tests_name("err", tests, NULL, NULL);
}
