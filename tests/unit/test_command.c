/* test_command - programs of this machine: what they print, how they end, and that neither is without bounds. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "command.h"

enum { LIMIT_MS = 20 * 1000 };

/* Runs a line of sh. */
static enum otp_err run(const char *line, int64_t limit_ms, size_t most, struct strbuf *out, int *ret_status)
{
	char shell[] = "/bin/sh";
	char option[] = "-c";
	char script[256];
	char *argv[] = { shell, option, script, NULL };

	*out = (struct strbuf)STRBUF_LIMIT(most);
	*ret_status = -1;
	assert_true(strlen(line) < sizeof(script));
	strcpy(script, line);
	return command_run(argv, limit_ms, out, ret_status);
}

static void assert_run(const char *line, enum otp_err wanted, int status, const char *output)
{
	struct strbuf out;
	int got;

	assert_err(line, run(line, LIMIT_MS, COMMAND_OUTPUT_MAX, &out, &got), wanted);
	assert_int_equal(got, status);
	assert_string_equal(strbuf_text(&out), output);
	strbuf_done(&out);
}

static void test_output_and_status(void **state)
{
	(void)state;
	assert_run("echo out; echo err >&2; exit 3", OTP_OK, 3, "out\nerr\n");
	assert_run("true", OTP_OK, 0, "");
	assert_run("kill -9 $$", OTP_OK, 128 + 9, "");
}

static void test_environment_is_ours(void **state)
{
	(void)state;
	assert_int_equal(setenv("LD_PRELOAD_NOT", "here", 1), 0);
	assert_run("/usr/bin/env | /usr/bin/grep -v -e ^PWD= -e ^_= -e ^SHLVL= -e ^OLDPWD= | /usr/bin/sort", OTP_OK, 0,
		   "LC_ALL=C\nPATH=/usr/sbin:/usr/bin:/sbin:/bin\n");
	assert_run("cat", OTP_OK, 0, ""); /* no input: it does not wait for any */
}

static void test_it_is_not_there(void **state)
{
	char path[] = "/nonexistent/program";
	char *argv[] = { path, NULL };
	struct strbuf out = STRBUF_LIMIT(100);
	int status;

	(void)state;
	assert_err(path, command_run(argv, LIMIT_MS, &out, &status), OTP_ERR_CONFIG_OPEN);
}

static void test_time_is_bounded(void **state)
{
	static const char *const lines[] = {
		"sleep 100",
		"exec > /dev/null 2>&1; sleep 100",
		"trap '' TERM INT HUP; while :; do sleep 1; done",
		"sleep 100 & exit 0", /* what it has left behind holds the pipe */
	};

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		int64_t start = clock_monotonic_ms();
		struct strbuf out;
		int status;

		assert_err(lines[i], run(lines[i], 200, 1000, &out, &status), OTP_ERR_NET_TIMEOUT);
		assert_true(clock_monotonic_ms() - start < LIMIT_MS);
		strbuf_done(&out);
	}
}

static void test_output_is_bounded(void **state)
{
	struct strbuf out;
	int status;

	(void)state;
	assert_err("yes", run("yes", LIMIT_MS, 10000, &out, &status), OTP_ERR_HTTP_OVERSIZE);
	strbuf_done(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_output_and_status), cmocka_unit_test(test_environment_is_ours), cmocka_unit_test(test_it_is_not_there),
		cmocka_unit_test(test_time_is_bounded),	  cmocka_unit_test(test_output_is_bounded),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
