/* UTF-8 by the letter of RFC 3629: what is a character, which one, and what is none. */
#include "assert_err.h"

#include <string.h>

#include "utf8.h"

static size_t length_of(const char *bytes, size_t count)
{
	return utf8_length((const unsigned char *)bytes, (const unsigned char *)bytes + count);
}

static void test_characters(void **state)
{
	static const struct {
		const char *bytes;
		uint32_t number;
	} cases[] = {
		{ "\xc2\x80", 0x80 },
		{ "\xc3\xbc", 0xFC },
		{ "\xdf\xbf", 0x7FF },
		{ "\xe0\xa0\x80", 0x800 },
		{ "\xe2\x80\xae", 0x202E },
		{ "\xed\x9f\xbf", 0xD7FF },
		{ "\xee\x80\x80", 0xE000 },
		{ "\xef\xbf\xbd", 0xFFFD },
		{ "\xf0\x90\x80\x80", 0x10000 },
		{ "\xf0\x9f\x94\x91", 0x1F511 },
		{ "\xf4\x8f\xbf\xbf", 0x10FFFF },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const unsigned char *at = (const unsigned char *)cases[i].bytes;
		size_t length = strlen(cases[i].bytes);

		assert_int_equal(length_of(cases[i].bytes, length + 1), length);
		assert_int_equal(utf8_number(at, length), cases[i].number);
		for (size_t cut = 1; cut < length; cut++)
			assert_int_equal(length_of(cases[i].bytes, cut), 0);
	}
	assert_int_equal(utf8_number((const unsigned char *)"~", 1), 0x7E);
}

static void test_what_is_none(void **state)
{
	static const char *const cases[] = {
		"\x80",
		"\xbf",
		"\xc0\xae",
		"\xc1\xbf",
		"\xc3",
		"\xc3(",
		"\xe0\x9f\xbf",
		"\xed\xa0\x80",
		"\xed\xbf\xbf",
		"\xe2\x28\xa1",
		"\xe2\x82(",
		"\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80",
		"\xf5\x80\x80\x80",
		"\xf0\x9f\x94(",
		"\xfe",
		"\xff",
		"A",
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_int_equal(length_of(cases[i], strlen(cases[i])), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_characters),
		cmocka_unit_test(test_what_is_none),
	};

	return cmocka_run_group_tests_name("utf8", tests, NULL, NULL);
}
