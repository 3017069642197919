/* One text for one value: whatever decodes, encodes to the same text again, and everything else is refused. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "base64url.h"
#include "token_factory.h"

static void test_canonical_text_decodes(void **state)
{
	/* RFC 4648 section 10 without its padding, and the two characters of this alphabet */
	static const struct {
		const char *text;
		const char *bytes;
	} cases[] = {
		{ "", "" },	      { "Zg", "f" },	      { "Zm8", "fo" },		{ "Zm9v", "foo" },
		{ "Zm9vYg", "foob" }, { "Zm9vYmE", "fooba" }, { "Zm9vYmFy", "foobar" }, { "-_-_", "\xfb\xff\xbf" },
	};
	unsigned char out[16];
	size_t length;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_true(base64url_decode(cases[i].text, strlen(cases[i].text), out, sizeof(out), &length));
		assert_int_equal(length, strlen(cases[i].bytes));
		assert_memory_equal(out, cases[i].bytes, length);
	}
}

static void test_every_length_and_byte_round_trips(void **state)
{
	unsigned char bytes[256];
	unsigned char out[256];
	size_t length;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 167 + 13);
	for (size_t i = 0; i <= sizeof(bytes); i++) {
		char *text = factory_base64url(bytes, i);

		assert_true(base64url_decode(text, strlen(text), out, i, &length));
		assert_int_equal(length, i);
		assert_memory_equal(out, bytes, i);
		free(text);
	}
}

static void test_other_texts_are_refused(void **state)
{
	static const struct {
		const char *name;
		const char *text;
		size_t length;
	} cases[] = {
		{ "padded", "Zg==", 4 },
		{ "padded once", "Zm8=", 4 },
		{ "4n+1", "Zm9vY", 5 },
		{ "one character", "A", 1 },
		{ "plus", "Zm+v", 4 },
		{ "slash", "Zm/v", 4 },
		{ "blank inside", "Zm 9v", 5 },
		{ "newline at the end", "Zm9v\nA", 6 },
		{ "NUL inside", "Zm\0v", 4 },
		{ "NUL at the end", "Zm9vYg\0", 7 },
		{ "dot", "Zm.v", 4 },
		{ "byte above 0x7f", "Zm\xc3\xa4", 4 },
		{ "lowest of four unused bits", "Zh", 2 },
		{ "highest of four unused bits", "Zo", 2 },
		{ "lowest of two unused bits", "Zm9", 3 },
		{ "highest of two unused bits", "Zm-", 3 },
		{ "@, before A", "Zm@v", 4 },
		{ "[, after Z", "Zm[v", 4 },
		{ "`, before a", "Zm`v", 4 },
		{ "{, after z", "Zm{v", 4 },
		{ ":, after 9", "Zm:v", 4 },
	};
	unsigned char out[16];
	size_t length = 99;

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		if (base64url_decode(cases[i].text, cases[i].length, out, sizeof(out), &length))
			fail_msg("case \"%s\" was decoded", cases[i].name);
		assert_int_equal(length, 99);
	}
}

static void test_capacity_is_a_bound(void **state)
{
	unsigned char out[5] = { 0, 0, 0, 0, 0xAA };
	size_t length = 99;

	(void)state;
	assert_false(base64url_decode("Zm9vYmFy", 8, out, 4, &length));
	assert_int_equal(out[4], 0xAA);
	assert_int_equal(length, 99);
	assert_false(base64url_decode("Zg", 2, out, 0, &length));
	assert_true(base64url_decode("Zm9vYg", 6, out, 4, &length));
}

static void test_decoded_max_is_enough(void **state)
{
	(void)state;
	for (size_t length = 0; length < 100; length++)
		assert_true(BASE64URL_DECODED_MAX(length) >= length * 6 / 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_text_decodes),	cmocka_unit_test(test_every_length_and_byte_round_trips),
		cmocka_unit_test(test_other_texts_are_refused), cmocka_unit_test(test_capacity_is_a_bound),
		cmocka_unit_test(test_decoded_max_is_enough),
	};

	return cmocka_run_group_tests_name("base64url", tests, NULL, NULL);
}
