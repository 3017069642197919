/* Bytes are copied, moved and compared as promised; the old ones are gone before their memory is given back. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "secret.h"

static void test_set_copies_and_ends_with_a_nul(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;
	char source[] = "12345678";

	(void)state;
	assert_err("set", secret_set(&secret, source, 8), OTP_OK);
	memset(source, 'x', sizeof(source) - 1);
	assert_int_equal(secret.length, 8);
	assert_string_equal(secret_text(&secret), "12345678");
}

static void test_set_replaces(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_err("first", secret_set(&secret, "a long first value", 18), OTP_OK);
	assert_err("second", secret_set(&secret, "2nd", 3), OTP_OK);
	assert_true(secret_equal(&secret, "2nd", 3));
}

static void test_set_from_itself(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_err("first", secret_set(&secret, "12-34-56", 8), OTP_OK);
	assert_err("part", secret_set(&secret, secret.bytes + 3, 2), OTP_OK);
	assert_true(secret_equal(&secret, "34", 2));
}

static void test_set_keeps_bytes_after_a_nul(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_err("set", secret_set(&secret, "ab\0cd", 5), OTP_OK);
	assert_int_equal(secret.length, 5);
	assert_memory_equal(secret.bytes, "ab\0cd", 6);
}

static void test_empty(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_string_equal(secret_text(&secret), "");
	assert_true(secret_equal(&secret, "", 0));
	assert_false(secret_equal(&secret, "x", 1));
	assert_err("set to nothing", secret_set(&secret, NULL, 0), OTP_OK);
	assert_string_equal(secret_text(&secret), "");
}

static void test_done_may_be_repeated(void **state)
{
	struct secret secret = SECRET_EMPTY;

	(void)state;
	secret_done(NULL);
	secret_done(&secret);
	assert_err("set", secret_set(&secret, "x", 1), OTP_OK);
	secret_done(&secret);
	assert_null(secret.bytes);
	assert_int_equal(secret.length, 0);
	secret_done(&secret);
	assert_err("set again", secret_set(&secret, "y", 1), OTP_OK);
	secret_done(&secret);
}

static void test_move_hands_over(void **state)
{
	secret_auto struct secret from = SECRET_EMPTY;
	secret_auto struct secret to = SECRET_EMPTY;

	(void)state;
	assert_err("from", secret_set(&from, "new", 3), OTP_OK);
	assert_err("to", secret_set(&to, "old", 3), OTP_OK);
	secret_move(&to, &from);
	assert_true(secret_equal(&to, "new", 3));
	assert_null(from.bytes);
	assert_int_equal(from.length, 0);
	secret_move(&to, &to);
	assert_true(secret_equal(&to, "new", 3));
}

static void test_equal_compares_length_and_every_byte(void **state)
{
	static const struct {
		const char *bytes;
		size_t length;
		bool equal;
	} cases[] = {
		{ "12345678", 8, true }, { "12345679", 8, false }, { "02345678", 8, false },   { "12344678", 8, false },
		{ "1234567", 7, false }, { "", 0, false },	   { "12345678\0", 9, false }, { "123456789", 9, false },
	};
	secret_auto struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_err("set", secret_set(&secret, "12345678", 8), OTP_OK);
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(secret_equal(&secret, cases[i].bytes, cases[i].length), cases[i].equal);
}

/* AddressSanitizer would rather end the program than let malloc fail; other builds do not know this function. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void test_out_of_memory_leaves_it_empty(void **state)
{
	struct secret secret = SECRET_EMPTY;

	(void)state;
	assert_err("set", secret_set(&secret, "x", 1), OTP_OK);
	assert_err("too much", secret_set(&secret, "x", PTRDIFF_MAX / 2), OTP_ERR_MEMORY);
	assert_null(secret.bytes);
	assert_int_equal(secret.length, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_copies_and_ends_with_a_nul),
		cmocka_unit_test(test_set_replaces),
		cmocka_unit_test(test_set_from_itself),
		cmocka_unit_test(test_set_keeps_bytes_after_a_nul),
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_done_may_be_repeated),
		cmocka_unit_test(test_move_hands_over),
		cmocka_unit_test(test_equal_compares_length_and_every_byte),
		cmocka_unit_test(test_out_of_memory_leaves_it_empty),
	};

	return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
