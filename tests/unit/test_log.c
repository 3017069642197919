/* Cleaned text, and what reaches syslog (linked with --wrap for the C library's calls). */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

#include "log.h"

static struct {
	int calls;
	int priority;
	char text[2048];
	const char *ident;
	int facility;
} seen;

/* With _FORTIFY_SOURCE syslog is __syslog_chk. */
void __wrap_syslog(int priority, const char *format, ...) __attribute__((format(printf, 2, 3)));
void __wrap___syslog_chk(int priority, int flag, const char *format, ...) __attribute__((format(printf, 3, 4)));
void __wrap_openlog(const char *ident, int option, int facility);

static void see(int priority, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void see(int priority, const char *format, va_list args)
{
	seen.calls++;
	seen.priority = priority;
	(void)vsnprintf(seen.text, sizeof(seen.text), format, args);
}

void __wrap_syslog(int priority, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	see(priority, format, args);
	va_end(args);
}

void __wrap___syslog_chk(int priority, int flag, const char *format, ...)
{
	va_list args;

	(void)flag;
	va_start(args, format);
	see(priority, format, args);
	va_end(args);
}

void __wrap_openlog(const char *ident, int option, int facility)
{
	(void)option;
	seen.ident = ident;
	seen.facility = facility;
}

static int forget(void **state)
{
	(void)state;
	memset(&seen, 0, sizeof(seen));
	return 0;
}

struct clean_case {
	const char *text;
	const char *line; /* as it stands in a line */
	const char *word; /* as one value */
};

static void test_clean(void **state)
{
	static const struct clean_case cases[] = {
		{ "", "", "-" },
		{ "alice", "alice", "alice" },
		{ "alice@example.com", "alice@example.com", "alice@example.com" },
		{ "a b", "a b", "a?b" },
		{ "a=b", "a=b", "a?b" },
		{ "a\"b'c\\d", "a\"b'c\\d", "a?b?c?d" },
		{ "!#$%&()*+,-./09:;<>?@AZ[]^_`az{|}~", "!#$%&()*+,-./09:;<>?@AZ[]^_`az{|}~", "!#$%&()*+,-./09:;<>?@AZ[]^_`az{|}~" },
		{ "a\nevent=accepted", "a?event=accepted", "a?event?accepted" },
		{ "a\rb\tc\x7f", "a?b?c?", "a?b?c?" },
		{ "\x1b[2J\x1b]0;x\x07", "?[2J?]0;x?", "?[2J?]0;x?" },
		{ "\x01\x1f", "??", "??" },
		{ "\x80\x9b\xff", "???", "???" },			  /* C1 */
		{ "\xc2\x9b" "2J", "??2J", "??2J" },			  /* C1 in UTF-8 */
		{ "a\xe2\x80\xaetxt", "a???txt", "a???txt" },		  /* right-to-left override */
		{ "a\xe2\x81\xa6" "b\xe2\x81\xa9", "a???b???", "a???b???" }, /* isolates */
		{ "\xe2\x80\x8b", "???", "???" },			  /* zero width */
		{ "\xd0\xb0lice", "??lice", "??lice" },			  /* Cyrillic a */
		{ "\xf3\xa0\x81\xa1", "????", "????" },			  /* a tag character */
		{ "%s%n", "%s%n", "%s%n" },
		{ " ", " ", "?" },
		{ "-", "-", "-" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		char out[128];

		log_clean(out, sizeof(out), cases[i].text, false);
		assert_string_equal(out, cases[i].line);
		log_clean(out, sizeof(out), cases[i].text, true);
		assert_string_equal(out, cases[i].word);
	}
}

static void test_clean_leaves_only_printable_ascii(void **state)
{
	char text[256];
	char out[256];

	(void)state;
	for (int i = 1; i < 256; i++)
		text[i - 1] = (char)i;
	text[255] = '\0';
	log_clean(out, sizeof(out), text, false);
	assert_int_equal(strlen(out), 255);
	for (int i = 1; i < 256; i++)
		assert_int_equal(out[i - 1], i >= 0x20 && i <= 0x7e ? i : '?');
	log_clean(out, sizeof(out), text, true);
	for (int i = 1; i < 256; i++)
		assert_int_equal(out[i - 1], i >= 0x20 && i <= 0x7e && strchr(" \"'\\=", i) == NULL ? i : '?');
}

static void test_clean_stays_within_its_room(void **state)
{
	char out[8];

	(void)state;
	memset(out, '#', sizeof(out));
	log_clean(out, 5, "abcdefgh", true);
	assert_memory_equal(out, "abcd\0###", 8);
	memset(out, '#', sizeof(out));
	log_clean(out, 5, "abcd", true);
	assert_memory_equal(out, "abcd\0###", 8);
	memset(out, '#', sizeof(out));
	log_clean(out, 1, "abcd", true);
	assert_memory_equal(out, "\0#######", 8);
	memset(out, '#', sizeof(out));
	log_clean(out, 1, "", true);
	assert_memory_equal(out, "\0#######", 8);
	memset(out, '#', sizeof(out));
	log_clean(out, 2, "", true);
	assert_memory_equal(out, "-\0######", 8);
}

static void test_warnings_go_to_authpriv(void **state)
{
	(void)state;
	log_open("cognito-otp-helper", false);
	assert_string_equal(seen.ident, "cognito-otp-helper");
	assert_int_equal(seen.facility, LOG_AUTHPRIV);
	log_warning("event=%s number=%d", "x", 3);
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.priority, LOG_AUTHPRIV | LOG_WARNING);
	assert_string_equal(seen.text, "event=x number=3");
}

static void test_lines_are_cleaned(void **state)
{
	(void)state;
	log_open("x", true);
	log_warning("detail=\"%s\"", "a\nb\x1b[2J\xe2\x80\xae%n");
	assert_string_equal(seen.text, "detail=\"a?b?[2J???%n\"");
	log_debug("%s", "a\r\nb");
	assert_string_equal(seen.text, "a??b");
}

static void test_long_lines_are_cut(void **state)
{
	char text[2000];

	(void)state;
	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	log_warning("%s", text);
	assert_in_range(strlen(seen.text), 256, 1024);
	text[strlen(seen.text)] = '\0';
	assert_string_equal(seen.text, text);
}

static void test_debugging_is_asked_for(void **state)
{
	(void)state;
	log_open("x", false);
	log_debug("event=%s", "quiet");
	assert_int_equal(seen.calls, 0);
	log_open("x", true);
	log_debug("event=%s", "loud");
	assert_int_equal(seen.calls, 1);
	assert_int_equal(seen.priority, LOG_AUTHPRIV | LOG_DEBUG);
	assert_string_equal(seen.text, "event=loud");
	log_open("x", false);
	log_debug("event=%s", "quiet again");
	assert_int_equal(seen.calls, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_clean),
		cmocka_unit_test(test_clean_leaves_only_printable_ascii),
		cmocka_unit_test(test_clean_stays_within_its_room),
		cmocka_unit_test_setup(test_warnings_go_to_authpriv, forget),
		cmocka_unit_test_setup(test_lines_are_cleaned, forget),
		cmocka_unit_test_setup(test_long_lines_are_cut, forget),
		cmocka_unit_test_setup(test_debugging_is_asked_for, forget),
	};

	return cmocka_run_group_tests_name("log", tests, NULL, NULL);
}
