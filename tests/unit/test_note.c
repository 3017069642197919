/* A note is replaced, cut, and may be nobody's. */
#include "assert_err.h"

#include <string.h>

#include "note.h"

static void test_set_formats_and_replaces(void **state)
{
	struct note note = { "something longer than what follows" };

	(void)state;
	note_set(&note, "%s:%d: %s", "file", 3, "key");
	assert_string_equal(note.text, "file:3: key");
	note_set(&note, "%s", "");
	assert_string_equal(note.text, "");
}

static void test_what_does_not_fit_is_cut(void **state)
{
	char text[NOTE_MAX + 100];
	struct note note = { "" };

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	note_set(&note, "%s", text);
	assert_int_equal(strlen(note.text), NOTE_MAX - 1);
	text[NOTE_MAX - 1] = '\0';
	note_set(&note, "%s", text);
	assert_string_equal(note.text, text);
}

static void test_no_note_is_fine(void **state)
{
	(void)state;
	note_set(NULL, "%s", "nobody reads this");
}

static void test_a_percent_sign_in_an_argument_is_text(void **state)
{
	struct note note = { "" };

	(void)state;
	note_set(&note, "%s", "%n%s");
	assert_string_equal(note.text, "%n%s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_set_formats_and_replaces),
		cmocka_unit_test(test_what_does_not_fit_is_cut),
		cmocka_unit_test(test_no_note_is_fine),
		cmocka_unit_test(test_a_percent_sign_in_an_argument_is_text),
	};

	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}
