/* test_report - what a person and a program are told, and the exit status. */
#include "assert_err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report.h"

static char *report_shown;
static size_t report_size;

static struct report begin(bool json, bool colour)
{
	struct report report;

	report_begin(&report, open_memstream(&report_shown, &report_size), json, colour);
	return report;
}

/* Ends it; report_shown is what was written. */
static int end(struct report *report)
{
	int status = report_end(report);

	assert_int_equal(fclose(report->out), 0);
	return status;
}

static void add(struct report *report, enum report_level level, const char *text)
{
	struct finding finding = { level, "some_name", "/etc/file:3", level >= REPORT_WARNING ? "Do this." : "" };

	report_add(report, &finding, "%s", text);
}

static void test_text(void **state)
{
	struct report report = begin(false, false);

	(void)state;
	add(&report, REPORT_OK, "good");
	add(&report, REPORT_WARNING, "not so good");
	assert_int_equal(end(&report), REPORT_EXIT_WARNINGS);
	assert_string_equal(report_shown, "ok       some_name: /etc/file:3: good\n"
					  "warning  some_name: /etc/file:3: not so good\n"
					  "         remedy: Do this.\n"
					  "0 errors, 1 warning\n");
	free(report_shown);
}

static void test_colour_is_for_text_only(void **state)
{
	struct report report = begin(false, true);

	(void)state;
	add(&report, REPORT_ERROR, "bad");
	(void)end(&report);
	assert_non_null(strstr(report_shown, "\033[31merror  \033[0m"));
	free(report_shown);
	report = begin(true, true);
	add(&report, REPORT_ERROR, "bad");
	(void)end(&report);
	assert_null(strchr(report_shown, '\033'));
	free(report_shown);
}

static void test_json(void **state)
{
	struct report report = begin(true, false);

	(void)state;
	add(&report, REPORT_NOTE, "a \"word\" and a \\");
	add(&report, REPORT_ERROR, "bad");
	assert_int_equal(end(&report), REPORT_EXIT_ERRORS);
	assert_string_equal(report_shown,
			    "{\"version\":1,\"findings\":[\n"
			    "{\"level\":\"note\",\"name\":\"some_name\",\"where\":\"/etc/file:3\",\"text\":\"a \\\"word\\\" and a \\\\\",\"remedy\":\"\"},\n"
			    "{\"level\":\"error\",\"name\":\"some_name\",\"where\":\"/etc/file:3\",\"text\":\"bad\",\"remedy\":\"Do this.\"}\n"
			    "],\"errors\":1,\"warnings\":0}\n");
	free(report_shown);
}

static void test_status_is_that_of_the_worst(void **state)
{
	static const struct {
		enum report_level levels[3];
		int status;
	} cases[] = {
		{ { REPORT_OK, REPORT_OK, REPORT_OK }, REPORT_EXIT_GOOD },
		{ { REPORT_OK, REPORT_NOTE, REPORT_NOTE }, REPORT_EXIT_GOOD },
		{ { REPORT_WARNING, REPORT_OK, REPORT_NOTE }, REPORT_EXIT_WARNINGS },
		{ { REPORT_WARNING, REPORT_ERROR, REPORT_OK }, REPORT_EXIT_ERRORS },
		{ { REPORT_ERROR, REPORT_WARNING, REPORT_WARNING }, REPORT_EXIT_ERRORS },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		for (int json = 0; json < 2; json++) {
			struct report report = begin(json == 1, false);

			for (size_t j = 0; j < 3; j++)
				add(&report, cases[i].levels[j], "text");
			assert_int_equal(end(&report), cases[i].status);
			free(report_shown);
		}
	}
}

/* A file or a server must not write on an administrator's terminal what it likes. */
static void test_text_from_outside_is_cleaned(void **state)
{
	struct report report = begin(false, false);
	struct finding finding = { REPORT_NOTE, "some_name", "/etc/\033[2J", "" };

	(void)state;
	report_add(&report, &finding, "%s", "first\nsecond\a\x9b\n\n");
	(void)end(&report);
	assert_string_equal(report_shown, "note     some_name: /etc/?[2J: first second??\n0 errors, 0 warnings\n");
	free(report_shown);
}

static void test_long_text_is_cut(void **state)
{
	static char text[3 * REPORT_TEXT_MAX];
	struct report report = begin(true, false);

	(void)state;
	memset(text, '"', sizeof(text) - 1);
	add(&report, REPORT_NOTE, text);
	(void)end(&report);
	assert_true(report_size < 4 * REPORT_TEXT_MAX);
	assert_non_null(strstr(report_shown, "],\"errors\":0"));
	free(report_shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_colour_is_for_text_only),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_status_is_that_of_the_worst),
		cmocka_unit_test(test_text_from_outside_is_cleaned),
		cmocka_unit_test(test_long_text_is_cut),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
