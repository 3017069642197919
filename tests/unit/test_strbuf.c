/* Text up to a limit; the first failure sticks. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "strbuf.h"

static void test_empty(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(10);

	(void)state;
	assert_string_equal(strbuf_text(&buf), "");
	strbuf_add(&buf, NULL, 0);
	strbuf_puts(&buf, "");
	assert_err("nothing", buf.failed, OTP_OK);
	assert_string_equal(strbuf_text(&buf), "");
}

static void test_parts_are_joined(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(100);

	(void)state;
	strbuf_puts(&buf, "a=");
	strbuf_add(&buf, "bcd", 2);
	strbuf_printf(&buf, "%d%s", 42, "!");
	assert_err("joined", buf.failed, OTP_OK);
	assert_string_equal(strbuf_text(&buf), "a=bc42!");
	assert_int_equal(buf.length, 7);
}

static void test_growing_keeps_the_text(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(100000);

	(void)state;
	for (int i = 0; i < 10000; i++)
		strbuf_printf(&buf, "%04d", i);
	assert_err("grown", buf.failed, OTP_OK);
	assert_int_equal(buf.length, 40000);
	assert_memory_equal(strbuf_text(&buf) + 4 * 1234, "12341235", 8);
	assert_int_equal(strlen(strbuf_text(&buf)), 40000);
}

static void test_limit_is_exact(void **state)
{
	strbuf_auto struct strbuf full = STRBUF_LIMIT(8);
	strbuf_auto struct strbuf over = STRBUF_LIMIT(8);

	(void)state;
	strbuf_puts(&full, "12345678");
	assert_err("at the limit", full.failed, OTP_OK);
	strbuf_puts(&over, "1234567");
	strbuf_puts(&over, "89");
	assert_err("over the limit", over.failed, OTP_ERR_HTTP_OVERSIZE);
	assert_string_equal(strbuf_text(&over), "1234567");
}

static void test_length_that_would_wrap(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(100);

	(void)state;
	strbuf_puts(&buf, "x");
	strbuf_add(&buf, "y", SIZE_MAX);
	assert_err("SIZE_MAX", buf.failed, OTP_ERR_HTTP_OVERSIZE);
}

static void test_failure_sticks(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(4);

	(void)state;
	strbuf_puts(&buf, "12345");
	strbuf_puts(&buf, "1");
	strbuf_printf(&buf, "%d", 1);
	assert_err("stuck", buf.failed, OTP_ERR_HTTP_OVERSIZE);
	assert_string_equal(strbuf_text(&buf), "");
}

static void test_formatted_text_is_never_cut(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(100000);
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	strbuf_printf(&buf, "%s", text);
	assert_err("long line", buf.failed, OTP_ERR_HTTP_OVERSIZE);
	assert_string_equal(strbuf_text(&buf), "");
}

static void test_done_makes_it_usable_again(void **state)
{
	struct strbuf buf = STRBUF_LIMIT(4);

	(void)state;
	strbuf_done(NULL);
	strbuf_puts(&buf, "12345");
	strbuf_done(&buf);
	assert_err("as new", buf.failed, OTP_OK);
	strbuf_puts(&buf, "1234");
	assert_string_equal(strbuf_text(&buf), "1234");
	strbuf_puts(&buf, "5");
	assert_err("same limit", buf.failed, OTP_ERR_HTTP_OVERSIZE);
	strbuf_done(&buf);
	strbuf_done(&buf);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_empty),
		cmocka_unit_test(test_parts_are_joined),
		cmocka_unit_test(test_growing_keeps_the_text),
		cmocka_unit_test(test_limit_is_exact),
		cmocka_unit_test(test_length_that_would_wrap),
		cmocka_unit_test(test_failure_sticks),
		cmocka_unit_test(test_formatted_text_is_never_cut),
		cmocka_unit_test(test_done_makes_it_usable_again),
	};

	return cmocka_run_group_tests_name("strbuf", tests, NULL, NULL);
}
