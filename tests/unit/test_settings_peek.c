/* Whether a file or a PAM line asks for anything in the account phase, or in a session: only `no` is a no, and what else is broken does not count. */
#include "assert_err.h"
#include "safe_place.h"

#include "account_policy.h"
#include "options.h"
#include "settings_peek.h"

static char path[PATH_MAX + 16];
static char config[PATH_MAX + 32];

static void write_settings(const char *text, size_t length)
{
	safe_place_write("conf", text, length, 0644);
}

static int begin(void **state)
{
	(void)state;
	(void)snprintf(path, sizeof(path), "%s/conf", safe_place);
	(void)snprintf(config, sizeof(config), "config=%s", path);
	(void)unlink(path);
	return 0;
}

static const struct {
	const char *text;
	bool asks;
} files[] = {
	{ "", false },
	{ "\n\n", false },
	{ "user_pool_id = eu-west-1_Ab129faBb\n", false },
	{ "check_user = yes\n", true },
	{ "check_user=yes", true },
	{ "create_user = yes\n", true },
	{ "  check_user\t=\tyes \r\n", true },
	{ "check_user = no\n", false },
	{ "check_user=no", false },
	{ "check_user\t= \t no \t\r\n", false },
	{ "check_user = no\ncreate_user = no\n", false },
	{ "check_user = no\ncreate_user = yes\n", true },
	{ "check_user = no\ncheck_user = yes\n", true },
	{ "check_user = yes\ncheck_user = no\n", true },
	{ "# check_user = yes\n#check_user = yes\n", false },
	{ "pin_sub = yes\n", false },
	{ "check_users = yes\n", false },
	{ "xcheck_user = yes\n", false },
	{ "check_use = yes\n", false },
	{ "check_services = sshd\n", false },
	/* typing errors do not switch it off */
	{ "check_user\n", true },
	{ "check_user =\n", true },
	{ "check_user yes\n", true },
	{ "check_user = No\n", true },
	{ "check_user = nope\n", true },
	{ "check_user = n\n", true },
	{ "check_user = no # not yet\n", true },
	{ "check_user == no\n", true },
	/* what else is broken is none of its business */
	{ "client_secrets_file = /etc/x\n=\n = \n===\nwhat is this\n", false },
	{ "client_secrets_file = /etc/x\ncheck_user = yes\n", true },
	{ "\xff\xfe\n\x01\n", false },
};

static void test_files(void **state)
{
	const char *const argv[] = { config };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(files); i++) {
		write_settings(files[i].text, strlen(files[i].text));
		if (settings_peek_account(argv, 1) != files[i].asks)
			fail_msg("%s", files[i].text);
	}
}

static const struct {
	const char *text;
	bool asks;
} session_files[] = {
	{ "", false },
	{ "check_user = yes\ncreate_user = yes\n", false },
	{ "cache = on\n", true },
	{ "session_tokens = yes\n", true },
	{ "cache=on", true },
	{ "cache = off\n", false },
	{ "session_tokens = no\n", false },
	{ "cache = off\nsession_tokens = no\n", false },
	{ "cache = off\nsession_tokens = yes\n", true },
	{ "cache = on\ncache = off\n", true },
	{ "# cache = on\n", false },
	{ "cache_ttl = 5m\ncache_services = sudo\ncache_dir = /run/x\ncache_check = online\n", false },
	/* each has its own word for no */
	{ "cache = no\n", true },
	{ "session_tokens = off\n", true },
	{ "cache\n", true },
	{ "cache =\n", true },
	{ "cache = Off\n", true },
	{ "cache = offline\n", true },
	{ "session_tokens yes\n", true },
};

static void test_sessions(void **state)
{
	const char *const argv[] = { config, "debug=yes" };
	const char *const switched_off[] = { config, "cache=off", "session_tokens=no" };
	const char *const switched_on[] = { "cache=on", config };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(session_files); i++) {
		write_settings(session_files[i].text, strlen(session_files[i].text));
		if (settings_peek_session(argv, 2) != session_files[i].asks)
			fail_msg("%s", session_files[i].text);
		assert_false(settings_peek_session(switched_off, 3));
		assert_true(settings_peek_session(switched_on, 2));
	}
	for (size_t i = 0; i < CASES(files); i++) {
		write_settings(files[i].text, strlen(files[i].text));
		assert_false(settings_peek_session(argv, 2));
	}
}

/* The file asks with `file`; the line has these arguments. */
static const struct {
	const char *file;
	const char *one;
	const char *other;
	bool asks;
} lines[] = {
	{ "", "check_user=yes", "debug=yes", true },
	{ "", "create_user=yes", "debug=yes", true },
	{ "", "check_user=no", "debug=yes", false },
	{ "check_user = yes\n", "check_user=no", "debug=yes", false },
	{ "check_user = no\n", "check_user=yes", "debug=yes", true },
	{ "create_user = yes\n", "check_user=no", "debug=yes", true },
	{ "create_user = yes\n", "check_user=no", "create_user=no", false },
	{ "check_user = yes\n", "check_services=sudo", "debug=yes", true },
	{ "", "check_user", "debug", true },
	{ "", "check_user=", "debug", true },
	{ "", "check_user=no", "check_user=yes", true },
	{ "check_user = yes\n", "check_user=no", "check_user=no", false },
	{ "", "", "=", false },
};

static void test_arguments_override_the_file(void **state)
{
	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(lines); i++) {
		const char *const argv[] = { lines[i].one, config, lines[i].other };

		write_settings(lines[i].file, strlen(lines[i].file));
		if (settings_peek_account(argv, 3) != lines[i].asks)
			fail_msg("%s %s with %s", lines[i].one, lines[i].other, lines[i].file);
	}
}

static void test_what_is_no_file_asks_nothing(void **state)
{
	const char *const argv[] = { config };
	const char *const relative[] = { "config=conf" };
	char other[PATH_MAX + 32];

	(void)state;
	safe_place_needed();
	assert_false(settings_peek_account(argv, 1)); /* missing */
	assert_int_equal(mkdir(path, 0700), 0);
	assert_false(settings_peek_account(argv, 1));
	assert_int_equal(rmdir(path), 0);
	assert_int_equal(mkfifo(path, 0600), 0); /* nobody writes into it: it must not be waited for */
	assert_false(settings_peek_account(argv, 1));
	write_settings("check_user = yes\n", 17);
	assert_true(settings_peek_account(argv, 1));
	(void)snprintf(other, sizeof(other), "%s-target", path);
	assert_int_equal(rename(path, other), 0);
	assert_int_equal(symlink(other, path), 0); /* the helper follows none either */
	assert_false(settings_peek_account(argv, 1));
	assert_int_equal(unlink(path), 0);
	assert_int_equal(unlink(other), 0);
	assert_false(settings_peek_account(relative, 1));
}

static void test_of_two_files_each_counts(void **state)
{
	const char *const argv[] = { "config=/nonexistent/conf", config };

	(void)state;
	safe_place_needed();
	write_settings("check_user = yes\n", 17);
	assert_true(settings_peek_account(argv, 2));
}

/* As far as the helper reads. */
static void test_large_files(void **state)
{
	static char text[SETTINGS_PEEK_MAX + 100];
	const char *const argv[] = { config };

	(void)state;
	safe_place_needed();
	assert_int_equal(SETTINGS_PEEK_MAX, OPTIONS_FILE_MAX);
	memset(text, '\n', sizeof(text));
	memcpy(text + SETTINGS_PEEK_MAX - 17, "check_user = yes\n", 17);
	write_settings(text, SETTINGS_PEEK_MAX);
	assert_true(settings_peek_account(argv, 1));
	memset(text + SETTINGS_PEEK_MAX - 17, '\n', 17);
	memcpy(text + sizeof(text) - 17, "check_user = yes\n", 17);
	write_settings(text, sizeof(text));
	assert_false(settings_peek_account(argv, 1));
}

/* Whoever runs sudo chooses how many descriptors it has. */
static void test_without_descriptors_it_asks(void **state)
{
	const char *const argv[] = { config };
	struct rlimit before;
	struct rlimit none;
	bool asks;

	(void)state;
	safe_place_needed();
	write_settings("check_user = yes\n", 17);
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
	asks = settings_peek_account(argv, 1);
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
	assert_true(asks);
}

/* What is written down twice. */
static void test_it_agrees_with_the_settings(void **state)
{
	const char *standard = NULL;
	const char *key;

	(void)state;
	safe_place_needed();
	assert_string_equal(SETTINGS_PEEK_FILE, options_default_file());
	for (size_t i = 0; (key = options_key(i, &standard)) != NULL && strcmp(key, "min_uid") != 0; i++)
		;
	assert_int_equal(strtol(standard, NULL, 10), ACCOUNT_POLICY_SYSTEM_UIDS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_files, begin),
		cmocka_unit_test_setup(test_sessions, begin),
		cmocka_unit_test_setup(test_arguments_override_the_file, begin),
		cmocka_unit_test_setup(test_what_is_no_file_asks_nothing, begin),
		cmocka_unit_test_setup(test_of_two_files_each_counts, begin),
		cmocka_unit_test_setup(test_large_files, begin),
		cmocka_unit_test_setup(test_without_descriptors_it_asks, begin),
		cmocka_unit_test(test_it_agrees_with_the_settings),
	};

	return cmocka_run_group_tests_name("settings_peek", tests, safe_place_setup, safe_place_teardown);
}
