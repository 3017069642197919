/* The settings: what a file and the PAM line may say, what is refused and in which words, and what nothing said means. */
#include "safe_place.h"

#include <stdint.h>

#include "options.h"

#define POOL   "user_pool_id = eu-west-1_Ab129faBb\n"
#define CLIENT "client_id = 4nd8ofexample\n"
#define BASE   POOL CLIENT

enum { ARGUMENTS_MAX = 4 };

static char config_argument[PATH_MAX + 8];
static struct options options;
static struct note note;

/* Loads the settings file of the place with arguments after config=; the list ends with NULL. */
static enum otp_err load_file(const char *const *more)
{
	const char *arguments[ARGUMENTS_MAX + 1];
	size_t count = 0;

	(void)snprintf(config_argument, sizeof(config_argument), "config=%s", safe_place_path("conf"));
	arguments[count++] = config_argument;
	while (more != NULL && *more != NULL)
		arguments[count++] = *more++;
	memset(&options, 0xa5, sizeof(options));
	note.text[0] = '\0';
	return options_load(&options, arguments, count, &note);
}

static enum otp_err load_bytes(const void *bytes, size_t length)
{
	safe_place_write("conf", bytes, length, 0644);
	return load_file(NULL);
}

static enum otp_err load(const char *text)
{
	return load_bytes(text, strlen(text));
}

static enum otp_err load_with(const char *text, const char *argument)
{
	const char *const arguments[] = { argument, NULL };

	safe_place_text("conf", text);
	return load_file(arguments);
}

static enum otp_err load_setting(const char *key, const char *value)
{
	char text[2 * OPTIONS_TEXT_MAX];

	(void)snprintf(text, sizeof(text), BASE "%s = %s\n", key, value);
	return load(text);
}

/* `wanted` is what stands after the path of the file. */
static void assert_note(const char *wanted)
{
	struct note whole;

	note_set(&whole, "%s%s", safe_place_path("conf"), wanted);
	assert_string_equal(note.text, whole.text);
}

static void assert_budget(const struct budget_limit *limit, int64_t count, int64_t seconds, int64_t other_count, int64_t other_seconds)
{
	assert_int_equal(limit->windows[0].count, count);
	assert_int_equal(limit->windows[0].seconds, seconds);
	assert_int_equal(limit->windows[1].count, other_count);
	assert_int_equal(limit->windows[1].seconds, other_seconds);
}

/* --- nothing said -------------------------------------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("base", load(BASE), OTP_OK);
	assert_string_equal(options.user_pool_id, "eu-west-1_Ab129faBb");
	assert_string_equal(options.client_id, "4nd8ofexample");
	assert_string_equal(options.client_secret_file, "");
	assert_string_equal(options.endpoint, "https://cognito-idp.eu-west-1.amazonaws.com");
	assert_false(options.fips);
	assert_false(options.dualstack);
	assert_int_equal(options.issuer.count, 1);
	assert_string_equal(options.issuer.words[0], "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab129faBb");
	assert_string_equal(options.jwks_url, "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab129faBb/.well-known/jwks.json");
	assert_string_equal(options.jwks_file, "");
	assert_int_equal(options.jwks_max_age, 86400);
	assert_string_equal(options.ca_file, "");
	assert_string_equal(options.proxy, "");
	assert_string_equal(options.proxy_credentials_file, "");
	assert_string_equal(options.user_map, OTP_SYSCONFDIR "/security/pam_cognito_otp.users");
	assert_false(options.user_map_named);
	assert_string_equal(options.user_template, "");
}

static void test_defaults_of_who_may_and_how(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("base", load(BASE), OTP_OK);
	assert_int_equal(options.unmapped, UNMAPPED_DENY);
	assert_int_equal(options.users.count, 0);
	assert_int_equal(options.groups.count, 0);
	assert_int_equal(options.min_uid, 1000);
	assert_false(options.allow_root);
	assert_int_equal(options.require_group.count, 0);
	assert_false(options.pin_sub);
	assert_false(options.check_user);
	assert_int_equal(options.check_services.count, 0);
	assert_false(options.create_user);
	assert_string_equal(options.aws_credentials_file, "");
	assert_string_equal(options.aws_profile, "default");
	assert_false(options.aws_imds);
	assert_int_equal(options.require_group_service.count, 0);
	assert_int_equal(options.challenge, CHALLENGE_EMAIL_OTP);
	assert_int_equal(options.confirm, CONFIRM_AUTO);
	assert_int_equal(options.max_tries, 3);
	assert_int_equal(options.challenge_ttl, 180);
	assert_int_equal(options.resend_after, 60);
	assert_string_equal(options.messages_file, "");
	assert_budget(&options.mail_budget, 5, 900, 20, 86400);
	assert_budget(&options.mail_budget_unproved, 3, 900, 10, 86400);
	assert_budget(&options.mail_budget_host, 60, 3600, 0, 0);
	assert_int_equal(options.deadline, 20);
	assert_int_equal(options.connect_timeout, 5);
	assert_int_equal(options.clock_skew, 120);
	assert_false(options.debug);
}

static void test_each_default_is_accepted_by_its_own_setter(void **state)
{
	const char *standard = NULL;
	const char *key;
	size_t count = 0;

	(void)state;
	safe_place_needed();
	for (size_t i = 0; (key = options_key(i, &standard)) != NULL; i++) {
		if (standard[0] == '\0')
			continue;
		assert_err(key, load_setting(key, standard), OTP_OK);
		count++;
	}
	assert_int_equal(count, 28);
	assert_null(options_key(SIZE_MAX, &standard));
}

struct shown {
	const char *key;
	char value[OPTIONS_TEXT_MAX + 1];
};

static void show_one(void *arg, const char *key, const char *value)
{
	struct shown *shown = arg;

	if (strcmp(key, shown->key) == 0)
		(void)snprintf(shown->value, sizeof(shown->value), "%s", value);
}

/* What is shown for a setting that was written as `value`. */
static void assert_shown(const char *key, const char *value, const char *wanted)
{
	struct shown shown = { key, "" };

	assert_err(key, load_setting(key, value), OTP_OK);
	assert_err(key, options_each(&options, show_one, &shown), OTP_OK);
	assert_string_equal(shown.value, wanted);
	assert_err(key, load_setting(key, shown.value), OTP_OK);
	assert_err(key, options_each(&options, show_one, &shown), OTP_OK);
	assert_string_equal(shown.value, wanted);
}

static void test_values_are_shown_as_they_are_read(void **state)
{
	static const char *const cases[][3] = {
		{ "fips", "yes", "yes" },
		{ "max_tries", "7", "7" },
		{ "deadline", "60s", "1m" },
		{ "deadline", "59s", "59s" },
		{ "jwks_max_age", "36h", "36h" },
		{ "jwks_max_age", "2d", "2d" },
		{ "mail_budget", "5/900s,20/24h", "5/15m,20/d" },
		{ "mail_budget_host", "60/h", "60/h" },
		{ "mail_budget_host", "60/2h", "60/2h" },
		{ "users", "alice,  !bob", "alice !bob" },
		{ "groups", "staff\t!contractors", "staff !contractors" },
		{ "require_group.sudo", "admins, ops", "admins ops" },
		{ "require_group.a-b_c.d9", "admins", "admins" },
		{ "issuer", "https://one.example/x https://two.example/y", "https://one.example/x https://two.example/y" },
		{ "unmapped", "ignore", "ignore" },
		{ "confirm", "always", "always" },
		{ "challenge", "sms_otp", "sms_otp" },
		{ "ca_file", "/some/file", "/some/file" },
		{ "user_template", "email:%u@example.com", "email:%u@example.com" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		assert_shown(cases[i][0], cases[i][1], cases[i][2]);
}

static void test_what_pool_and_region_imply(void **state)
{
	static const struct {
		const char *text;
		const char *endpoint;
		const char *issuer;
	} cases[] = {
		{ "user_pool_id = cn-north-1_A\n", "https://cognito-idp.cn-north-1.amazonaws.com.cn",
		  "https://cognito-idp.cn-north-1.amazonaws.com.cn/cn-north-1_A" },
		{ "user_pool_id = us-gov-west-1_A\nfips = yes\n", "https://cognito-idp-fips.us-gov-west-1.amazonaws.com",
		  "https://cognito-idp.us-gov-west-1.amazonaws.com/us-gov-west-1_A" },
		{ "user_pool_id = us-iso-east-1_A\n", "https://cognito-idp.us-iso-east-1.c2s.ic.gov",
		  "https://cognito-idp.us-iso-east-1.c2s.ic.gov/us-iso-east-1_A" },
		{ "user_pool_id = us-isob-east-1_A\n", "https://cognito-idp.us-isob-east-1.sc2s.sgov.gov",
		  "https://cognito-idp.us-isob-east-1.sc2s.sgov.gov/us-isob-east-1_A" },
		{ "user_pool_id = eusc-de-east-1_A\n", "https://cognito-idp.eusc-de-east-1.amazonaws.eu",
		  "https://cognito-idp.eusc-de-east-1.amazonaws.eu/eusc-de-east-1_A" },
		{ POOL "fips = yes\ndualstack = yes\n", "https://cognito-idp-fips.eu-west-1.api.aws",
		  "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab129faBb" },
		{ POOL "endpoint = https://vpce-1.example.com:8443\n", "https://vpce-1.example.com:8443",
		  "https://cognito-idp.eu-west-1.amazonaws.com/eu-west-1_Ab129faBb" },
	};
	char jwks_url[OPTIONS_TEXT_MAX + 1];
	char text[512];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(text, sizeof(text), "%s" CLIENT, cases[i].text);
		assert_err(cases[i].text, load(text), OTP_OK);
		assert_string_equal(options.endpoint, cases[i].endpoint);
		assert_string_equal(options.issuer.words[0], cases[i].issuer);
		(void)snprintf(jwks_url, sizeof(jwks_url), "%s/.well-known/jwks.json", cases[i].issuer);
		assert_string_equal(options.jwks_url, jwks_url);
	}
}

static void test_what_was_written_is_not_derived(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("issuers", load(BASE "issuer = https://a.example.com/x, https://b.example.com\nuser_map = /etc/security/map\n"), OTP_OK);
	assert_int_equal(options.issuer.count, 2);
	assert_string_equal(options.issuer.words[0], "https://a.example.com/x");
	assert_string_equal(options.issuer.words[1], "https://b.example.com");
	assert_null(options.issuer.words[2]);
	assert_string_equal(options.jwks_url, "https://a.example.com/x/.well-known/jwks.json");
	assert_string_equal(options.user_map, "/etc/security/map");
	assert_true(options.user_map_named);
	assert_err("jwks_url", load_setting("jwks_url", "https://keys.example.com/k"), OTP_OK);
	assert_string_equal(options.jwks_url, "https://keys.example.com/k");
	assert_err("jwks_file", load_setting("jwks_file", "/etc/security/jwks.json"), OTP_OK);
	assert_string_equal(options.jwks_file, "/etc/security/jwks.json");
}

/* --- the form of the file ------------------------------------------------------------------------------------------------------- */

static void test_notes_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text;
		enum otp_err err;
		const char *note;
	} cases[] = {
		{ BASE "frobnicate = 1\n", OTP_ERR_CONFIG_KEY, ":3: frobnicate: no such setting" },
		{ "Client_id = x\n", OTP_ERR_CONFIG_KEY, ":1: Client_id: no such setting" },
		{ "CLIENT_ID = x\n", OTP_ERR_CONFIG_KEY, ":1: CLIENT_ID: no such setting" },
		{ "client_i = x\n", OTP_ERR_CONFIG_KEY, ":1: client_i: no such setting" },
		{ "client_idd = x\n", OTP_ERR_CONFIG_KEY, ":1: client_idd: no such setting" },
		{ "client id = x\n", OTP_ERR_CONFIG_KEY, ":1: client id: no such setting" },
		{ "verify = no\n", OTP_ERR_CONFIG_KEY, ":1: verify: no such setting" },
		{ "insecure = yes\n", OTP_ERR_CONFIG_KEY, ":1: insecure: no such setting" },
		{ "tls_min = 1.0\n", OTP_ERR_CONFIG_KEY, ":1: tls_min: no such setting" },
		{ "config = /etc/other\n", OTP_ERR_CONFIG_KEY, ":1: config: no such setting" },
		{ "0123456789012345678901234567890123456789 = x\n", OTP_ERR_CONFIG_KEY,
		  ":1: 0123456789012345678901234567890: no such setting" },
		{ BASE "\n# more\ndebug = yes\ndebug = yes\n", OTP_ERR_CONFIG_DUPLICATE, ":6: debug: set twice" },
		{ BASE "debug = yes\ndebug = no\n", OTP_ERR_CONFIG_DUPLICATE, ":4: debug: set twice" },
		{ BASE "debug\n", OTP_ERR_CONFIG_SYNTAX, ":3: syntax: not `key = value`" },
		{ BASE "[section]\n", OTP_ERR_CONFIG_SYNTAX, ":3: syntax: not `key = value`" },
		{ BASE "=\n", OTP_ERR_CONFIG_SYNTAX, ":3: syntax: not `key = value`" },
		{ BASE " = yes\n", OTP_ERR_CONFIG_SYNTAX, ":3: syntax: not `key = value`" },
		{ BASE "debug =\n", OTP_ERR_CONFIG_VALUE, ":3: debug: empty value" },
		{ BASE "debug = \t \r\n", OTP_ERR_CONFIG_VALUE, ":3: debug: empty value" },
		{ BASE "debug = maybe\n", OTP_ERR_CONFIG_VALUE, ":3: debug: must be no or yes" },
		{ BASE "debug = yes # loud\n", OTP_ERR_CONFIG_VALUE, ":3: debug: must be no or yes" },
		{ BASE "debug = \"yes\"\n", OTP_ERR_CONFIG_VALUE, ":3: debug: must be no or yes" },
		{ BASE "max_tries = 11\n", OTP_ERR_CONFIG_VALUE, ":3: max_tries: must be a number from 1 to 10" },
		{ BASE "deadline = 20\n", OTP_ERR_CONFIG_VALUE,
		  ":3: deadline: must be a time with its unit (20s, 5m, 24h, 7d), from 2s to 60s" },
		{ BASE "ca_file = ca.pem\n", OTP_ERR_CONFIG_VALUE, ":3: ca_file: must be an absolute path" },
		{ BASE "user_map = ~/map\n", OTP_ERR_CONFIG_VALUE, ":3: user_map: must be an absolute path" },
		{ BASE "users = ,\n", OTP_ERR_CONFIG_VALUE, ":3: users: no word in it: this could match nobody" },
		{ BASE "require_group = , ,\n", OTP_ERR_CONFIG_VALUE, ":3: require_group: no word in it: this could match nobody" },
		{ BASE "groups = ,\n", OTP_ERR_CONFIG_VALUE, ":3: groups: no word in it: this could match nobody" },
		{ BASE "groups = !*\n", OTP_ERR_CONFIG_VALUE, ":3: groups: excludes all that it allows: this could match nobody" },
		{ BASE "users = alice !\n", OTP_ERR_CONFIG_VALUE, ":3: users: a ! without a name" },
		{ BASE "require_group.sudo = ,\n", OTP_ERR_CONFIG_VALUE, ":3: require_group.sudo: no word in it: this could match nobody" },
		{ BASE "require_group.sudo =\n", OTP_ERR_CONFIG_VALUE, ":3: require_group.sudo: empty value" },
		{ BASE "require_group.sudo = a\nrequire_group.sudo = a\n", OTP_ERR_CONFIG_DUPLICATE, ":4: require_group.sudo: set twice" },
		{ BASE "require_group. = a\n", OTP_ERR_CONFIG_KEY,
		  ":3: require_group.: not the name of a PAM service: at most 64 of a-z 0-9 . _ -, as PAM has them in lower case" },
		{ BASE "require_groups = a\n", OTP_ERR_CONFIG_KEY, ":3: require_groups: no such setting" },
		{ BASE "users.sudo = a\n", OTP_ERR_CONFIG_KEY, ":3: users.sudo: no such setting" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, load(cases[i].text), cases[i].err);
		assert_note(cases[i].note);
	}
}

static void test_lines_and_blanks(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("blanks",
		   load("\n\t \n  # indented\n#debug = yes\nuser_pool_id=eu-west-1_Ab129faBb\n \tclient_id\t=  4nd8ofexample \t\n"),
		   OTP_OK);
	assert_string_equal(options.client_id, "4nd8ofexample");
	assert_false(options.debug);
	assert_err("no newline at the end", load(BASE "debug = yes"), OTP_OK);
	assert_true(options.debug);
	assert_err("CRLF", load("# CRLF\r\n\r\nuser_pool_id = eu-west-1_Ab129faBb\r\nclient_id = 4nd8ofexample\r\nca_file = /etc/ca\r\n"),
		   OTP_OK);
	assert_string_equal(options.client_id, "4nd8ofexample");
	assert_string_equal(options.ca_file, "/etc/ca");
	assert_err("# and = in a value", load(BASE "ca_file = /etc/a#b = c # d\n"), OTP_OK);
	assert_string_equal(options.ca_file, "/etc/a#b = c # d");
}

static void test_a_nul_byte_spoils_the_file(void **state)
{
	static const char inside[] = BASE "debug = no\0\nallow_root = yes\n";
	static const char at_the_end[] = BASE "\0";

	(void)state;
	safe_place_needed();
	assert_err("inside", load_bytes(inside, sizeof(inside) - 1), OTP_ERR_CONFIG_SYNTAX);
	assert_note(": syntax: a NUL byte in the file");
	assert_err("at the end", load_bytes(at_the_end, sizeof(at_the_end) - 1), OTP_ERR_CONFIG_SYNTAX);
}

static void test_required_settings(void **state)
{
	static const struct {
		const char *text;
		const char *note;
	} cases[] = {
		{ "", "user_pool_id: required, and set nowhere" },
		{ "# only a comment\n", "user_pool_id: required, and set nowhere" },
		{ CLIENT, "user_pool_id: required, and set nowhere" },
		{ POOL, "client_id: required, and set nowhere" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, load(cases[i].text), OTP_ERR_CONFIG_MISSING);
		assert_string_equal(note.text, cases[i].note);
	}
}

static void test_the_file_is_root_s_and_small(void **state)
{
	static char large[OPTIONS_FILE_MAX + 1];

	(void)state;
	safe_place_needed();
	safe_place_write("conf", BASE, sizeof(BASE) - 1, 0664);
	assert_err("group may write", load_file(NULL), OTP_ERR_CONFIG_UNSAFE);
	assert_note(": mode 0664 lets others write");
	memset(large, '\n', sizeof(large));
	memcpy(large, BASE, sizeof(BASE) - 1);
	assert_err("largest", load_bytes(large, OPTIONS_FILE_MAX), OTP_OK);
	assert_err("too large", load_bytes(large, OPTIONS_FILE_MAX + 1), OTP_ERR_CONFIG_OPEN);
}

/* --- the PAM line --------------------------------------------------------------------------------------------------------------- */

static void test_arguments_override_the_file(void **state)
{
	static const char *const later[] = { "min_uid=500", "client_id=other", "users=alice bob", NULL };

	(void)state;
	safe_place_needed();
	safe_place_text("conf", BASE "min_uid = 2000\nmax_tries = 5\n");
	assert_err("override", load_file(later), OTP_OK);
	assert_int_equal(options.min_uid, 500);
	assert_int_equal(options.max_tries, 5);
	assert_string_equal(options.client_id, "other");
	assert_int_equal(options.users.count, 2);
	assert_err("required by argument", load_with(POOL, "client_id=4nd8ofexample"), OTP_OK);
	assert_err("a list is replaced", load_with(BASE "users = carol dave erin\n", "users=alice"), OTP_OK);
	assert_int_equal(options.users.count, 1);
	assert_string_equal(options.users.words[0], "alice");
	assert_null(options.users.words[1]);
}

/* The order does not matter: the file is read first. */
static void test_config_may_stand_last(void **state)
{
	const char *arguments[] = { "debug=yes", config_argument };

	(void)state;
	safe_place_needed();
	assert_err("file", load(BASE "debug = no\n"), OTP_OK);
	assert_err("config= last", options_load(&options, arguments, CASES(arguments), &note), OTP_OK);
	assert_true(options.debug);
}

static void test_arguments_that_are_refused(void **state)
{
	static const struct {
		const char *argument;
		enum otp_err err;
		const char *note;
	} cases[] = {
		{ "reqire_group=x", OTP_ERR_CONFIG_KEY, "module arguments: reqire_group: no such setting" },
		{ "Debug=yes", OTP_ERR_CONFIG_KEY, "module arguments: Debug: no such setting" },
		{ "CONFIG=/etc/x", OTP_ERR_CONFIG_KEY, "module arguments: CONFIG: no such setting" },
		{ "debug =yes", OTP_ERR_CONFIG_KEY, "module arguments: debug : no such setting" },
		{ "debug", OTP_ERR_CONFIG_SYNTAX, "module arguments: debug: not `key=value`" },
		{ "", OTP_ERR_CONFIG_SYNTAX, "module arguments: \"\": not `key=value`" },
		{ "=yes", OTP_ERR_CONFIG_SYNTAX, "module arguments: =yes: not `key=value`" },
		{ "debug=", OTP_ERR_CONFIG_SYNTAX, "module arguments: debug=: not `key=value`" },
		{ "debug= yes", OTP_ERR_CONFIG_VALUE, "module arguments: debug: must be no or yes" },
		{ "min_uid=0", OTP_ERR_CONFIG_VALUE, "module arguments: min_uid: must be a number from 1 to 4294967294" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].argument, load_with(BASE, cases[i].argument), cases[i].err);
		assert_string_equal(note.text, cases[i].note);
	}
}

static void test_a_setting_twice_among_the_arguments(void **state)
{
	static const char *const twice[] = { "debug=yes", "debug=yes", NULL };

	(void)state;
	safe_place_needed();
	safe_place_text("conf", BASE);
	assert_err("twice", load_file(twice), OTP_ERR_CONFIG_DUPLICATE);
	assert_string_equal(note.text, "module arguments: debug: set twice");
}

static void test_config_argument(void **state)
{
	char second[PATH_MAX + 8];

	(void)state;
	safe_place_needed();
	(void)snprintf(second, sizeof(second), "config=%s", safe_place_path("conf"));
	assert_err("twice", load_with(BASE, second), OTP_ERR_CONFIG_DUPLICATE);
	assert_string_equal(note.text, "module arguments: config: set twice");
	assert_err("twice, once empty", load_with(BASE, "config="), OTP_ERR_CONFIG_DUPLICATE);
	assert_int_equal(unlink(safe_place_path("conf")), 0);
	assert_err("missing", load_file(NULL), OTP_ERR_CONFIG_OPEN);
	assert_note(": No such file or directory");
}

static void test_config_must_be_absolute(void **state)
{
	static const struct {
		const char *argument;
		const char *note;
	} cases[] = {
		{ "config=", ": not an absolute path" },
		{ "config=conf", "conf: not an absolute path" },
		{ "config=./conf", "./conf: not an absolute path" },
		{ "config=/", "/: not an absolute path" },
		{ "config=/etc/../etc/passwd", "/etc/../etc/passwd: not a plain absolute path" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].argument, options_load(&options, &cases[i].argument, 1, &note), OTP_ERR_CONFIG_OPEN);
		assert_string_equal(note.text, cases[i].note);
	}
}

/* --- values --------------------------------------------------------------------------------------------------------------------- */

struct value_case {
	const char *key;
	const char *value;
};

static void run_values(const struct value_case *cases, size_t count, enum otp_err wanted)
{
	char name[2 * OPTIONS_TEXT_MAX];

	safe_place_needed();
	for (size_t i = 0; i < count; i++) {
		(void)snprintf(name, sizeof(name), "%s = %s", cases[i].key, cases[i].value);
		assert_err(name, load_setting(cases[i].key, cases[i].value), wanted);
	}
}

static void test_bounds_that_are_within(void **state)
{
	static const struct value_case cases[] = {
		{ "min_uid", "1" },	    { "min_uid", "4294967294" }, { "min_uid", "0000001000" }, { "max_tries", "1" },
		{ "max_tries", "10" },	    { "resend_after", "10s" },	 { "resend_after", "15m" },   { "deadline", "5s" },
		{ "deadline", "1m" },	    { "deadline", "60s" },	 { "connect_timeout", "1s" }, { "connect_timeout", "20s" },
		{ "clock_skew", "5s" },	    { "clock_skew", "600s" },	 { "clock_skew", "10m" },     { "jwks_max_age", "5m" },
		{ "jwks_max_age", "300s" }, { "jwks_max_age", "168h" },	 { "jwks_max_age", "7d" },    { "challenge_ttl", "10s" },
		{ "challenge_ttl", "15m" }, { "jwks_max_age", "604800s" },
	};

	(void)state;
	run_values(cases, CASES(cases), OTP_OK);
	assert_int_equal(options.jwks_max_age, 604800);
	assert_err("both low", load(BASE "deadline = 2s\nconnect_timeout = 2s\n"), OTP_OK);
	assert_int_equal(options.deadline, 2);
	assert_err("both high", load(BASE "deadline = 60s\nconnect_timeout = 30s\n"), OTP_OK);
	assert_int_equal(options.connect_timeout, 30);
}

static void test_bounds_that_are_passed(void **state)
{
	static const struct value_case cases[] = {
		{ "min_uid", "0" },	     { "min_uid", "4294967295" },
		{ "min_uid", "4294967296" }, { "max_tries", "0" },
		{ "max_tries", "11" },	     { "resend_after", "9s" },
		{ "resend_after", "901s" },  { "resend_after", "16m" },
		{ "deadline", "0s" },	     { "deadline", "1s" },
		{ "deadline", "61s" },	     { "deadline", "2m" },
		{ "connect_timeout", "0s" }, { "connect_timeout", "31s" },
		{ "clock_skew", "4s" },	     { "clock_skew", "601s" },
		{ "clock_skew", "11m" },     { "jwks_max_age", "299s" },
		{ "jwks_max_age", "4m" },    { "jwks_max_age", "604801s" },
		{ "jwks_max_age", "8d" },    { "jwks_max_age", "9999999999d" },
		{ "challenge_ttl", "9s" },   { "challenge_ttl", "901s" },
	};

	(void)state;
	run_values(cases, CASES(cases), OTP_ERR_CONFIG_VALUE);
}

static void test_forms_of_numbers_and_times(void **state)
{
	static const struct value_case cases[] = {
		{ "min_uid", "-1" },
		{ "min_uid", "+1" },
		{ "min_uid", "1e3" },
		{ "min_uid", "0x10" },
		{ "min_uid", "1000s" },
		{ "min_uid", "1 000" },
		{ "min_uid", "1.0" },
		{ "min_uid", "a" },
		{ "min_uid", "2147483648000" },
		{ "min_uid", "9223372036854775808" },
		{ "min_uid", "18446744073709552616" },
		{ "min_uid", "00000001000" },
		{ "deadline", "20" },
		{ "deadline", "s" },
		{ "deadline", "20 s" },
		{ "deadline", "20S" },
		{ "deadline", "20sec" },
		{ "deadline", "20ms" },
		{ "deadline", "-20s" },
		{ "deadline", "0x14s" },
		{ "deadline", "2e1s" },
		{ "deadline", "1m20s" },
		{ "deadline", "18446744073709551636s" },
		{ "clock_skew", "0" },
		{ "clock_skew", "-1s" },
	};

	(void)state;
	run_values(cases, CASES(cases), OTP_ERR_CONFIG_VALUE);
}

static void test_budgets(void **state)
{
	static const struct {
		const char *value;
		int64_t count;
		int64_t seconds;
		int64_t other_count;
		int64_t other_seconds;
	} cases[] = {
		{ "5/15m,20/d", 5, 900, 20, 86400 },
		{ "60/h", 60, 3600, 0, 0 },
		{ "2/10s", 2, 10, 0, 0 },
		{ "1/10s", 1, 10, 0, 0 },
		{ "256/d", 256, 86400, 0, 0 },
		{ "256/10s,256/11s", 256, 10, 256, 11 },
		{ "1/24h", 1, 86400, 0, 0 },
		{ "1/86400s", 1, 86400, 0, 0 },
		{ "1/1440m", 1, 86400, 0, 0 },
		{ "5/m", 5, 60, 0, 0 },
		{ "5/1m", 5, 60, 0, 0 },
		{ "5/90s", 5, 90, 0, 0 },
		{ "5/60s,10/2m", 5, 60, 10, 120 },
		{ "005/015m", 5, 900, 0, 0 },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].value, load_setting("mail_budget_host", cases[i].value), OTP_OK);
		assert_budget(&options.mail_budget_host, cases[i].count, cases[i].seconds, cases[i].other_count, cases[i].other_seconds);
		assert_budget(&options.mail_budget, 5, 900, 20, 86400);
	}
	assert_err("each in its place", load(BASE "mail_budget = 1/h\nmail_budget_unproved = 2/h\nmail_budget_host = 3/h\n"), OTP_OK);
	assert_budget(&options.mail_budget, 1, 3600, 0, 0); /* nothing is left of the default's second window */
	assert_budget(&options.mail_budget_unproved, 2, 3600, 0, 0);
	assert_budget(&options.mail_budget_host, 3, 3600, 0, 0);
}

static void test_budgets_that_are_none(void **state)
{
	static const char *const values[] = {
		/* counts */
		"0/h", "257/h", "-1/h", "+1/h", "00000000005/h", "5.5/h", "0x5/h", "5e1/h", "4294967297/h", "18446744073709551617/h",
		"/h", "h", "five/h", " /h", "5 /h", "5x/h",
		/* windows */
		"5", "5/", "5/15", "5/s", "5/9s", "5/0m", "5/0d", "5/2d", "5/25h", "5/86401s", "5/1441m", "5/9999999999d", "5/99999999999s",
		"5/-15m", "5/+15m", "5/1.5h", "5/15M", "5/15min", "5/ 15m", "5/1h30m", "5/w", "5/1w", "5/y", "5/hh", "5/h1", "5/hour",
		"5//h", "5/h/", "5/15m/d", "5:h", "5 per h", "5/0x10s",
		/* two of them */
		"5/15m,", ",5/15m", ",", "5/15m,,20/d", "5/15m,20/d,", "5/15m,20/d,30/d", "5/15m, 20/d", "5/15m ,20/d", "5/15m 20/d",
		"5/15m;20/d",
		"5/15m,20", "5/15m,20/", "5/15m,/d", "5/15m,0/d", "5/15m,257/d", "5/15m,20/2d", "5/15m,20/d/", "5/15m,d", "5/15m20/d",
		"5/15m+20/d",
		/* the shorter window first */
		"20/d,5/15m", "5/15m,4/d", "5/15m,20/15m", "5/15m,20/900s", "5/15m,20/14m", "5/9s,20/d", "60/h,60/1h",
	};
	static const char *const keys[] = { "mail_budget", "mail_budget_unproved", "mail_budget_host" };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(values); i++)
		assert_err(values[i], load_setting(keys[i % CASES(keys)], values[i]), OTP_ERR_CONFIG_VALUE);
	assert_err("a note", load_setting("mail_budget", "5"), OTP_ERR_CONFIG_VALUE);
	assert_note(":3: mail_budget: must be COUNT/WINDOW such as 5/15m, or two such as 5/15m,20/d with the longer window and the larger count last; "
		    "COUNT 1 to 256, WINDOW 10s to 86400s");
}

/* The setter alone: what was there stays when the text is refused. */
static void test_a_budget_that_is_refused_changes_nothing(void **state)
{
	struct budget_limit limit = { { { 1, 2 }, { 3, 4 } } };
	struct note why;

	(void)state;
	assert_err("refused", option_set_budget("5/15m,20", 10, 86400, &limit, &why), OTP_ERR_CONFIG_VALUE);
	assert_budget(&limit, 1, 2, 3, 4);
	assert_err("empty", option_set_budget("", 10, 86400, &limit, &why), OTP_ERR_CONFIG_VALUE);
	assert_budget(&limit, 1, 2, 3, 4);
	assert_err("taken", option_set_budget("6/20s", 10, 86400, &limit, &why), OTP_OK);
	assert_budget(&limit, 6, 20, 0, 0);
}

static void test_choices_have_one_spelling_each(void **state)
{
	static const struct value_case wrong[] = {
		{ "debug", "TRUE" },
		{ "debug", "true" },
		{ "debug", "1" },
		{ "debug", "2" },
		{ "debug", "0" },
		{ "debug", "Yes" },
		{ "debug", "NO" },
		{ "debug", "yes please" },
		{ "debug", "ye" },
		{ "debug", "on" },
		{ "fips", "off" },
		{ "dualstack", "y" },
		{ "allow_root", "YES" },
		{ "unmapped", "allow" },
		{ "unmapped", "Deny" },
		{ "unmapped", "ign" },
		{ "confirm", "never" },
		{ "confirm", "AUTO" },
		{ "challenge", "EMAIL_OTP" },
		{ "challenge", "password" },
		{ "challenge", "email_otp sms_otp" },
	};
	static const struct value_case right[] = {
		{ "debug", "yes" },	      { "debug", "no" },	  { "fips", "yes" },
		{ "dualstack", "yes" },	      { "allow_root", "yes" },	  { "unmapped", "deny" },
		{ "unmapped", "ignore" },     { "confirm", "auto" },	  { "confirm", "always" },
		{ "challenge", "email_otp" }, { "challenge", "sms_otp" },
	};

	(void)state;
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
	run_values(right, CASES(right), OTP_OK);
	assert_int_equal(options.challenge, CHALLENGE_SMS_OTP);
}

static void test_each_choice_reaches_its_field(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("all",
		   load(BASE "allow_root = yes\ndebug = yes\nfips = yes\ndualstack = yes\nunmapped = ignore\nconfirm = always\n"
			     "challenge = sms_otp\nclient_secret_file = /etc/s\n"),
		   OTP_OK);
	assert_true(options.allow_root);
	assert_true(options.debug);
	assert_true(options.fips);
	assert_true(options.dualstack);
	assert_int_equal(options.unmapped, UNMAPPED_IGNORE);
	assert_int_equal(options.confirm, CONFIRM_ALWAYS);
	assert_int_equal(options.challenge, CHALLENGE_SMS_OTP);
	assert_string_equal(options.client_secret_file, "/etc/s");
}

static void test_endpoints(void **state)
{
	static const struct value_case right[] = {
		{ "endpoint", "https://a" },
		{ "endpoint", "https://vpce-1.example.com" },
		{ "endpoint", "https://vpce.example.com:1" },
		{ "endpoint", "https://127.0.0.1:65535" },
		{ "endpoint", "https://[::1]" },
		{ "endpoint", "https://[2001:db8::1]:8443" },
		{ "endpoint", "https://[::ffff:192.0.2.1]:443" },
	};
	static const struct value_case wrong[] = {
		{ "endpoint", "http://h" },
		{ "endpoint", "HTTPS://h" },
		{ "endpoint", "file:///etc/passwd" },
		{ "endpoint", "h" },
		{ "endpoint", "//h" },
		{ "endpoint", "https:/h" },
		{ "endpoint", "https://" },
		{ "endpoint", "https:///x" },
		{ "endpoint", "https://:443" },
		{ "endpoint", "https://u:p@h" },
		{ "endpoint", "https://u@h" },
		{ "endpoint", "https://u:443@h" },
		{ "endpoint", "https://h/" },
		{ "endpoint", "https://h/x" },
		{ "endpoint", "https://h?x" },
		{ "endpoint", "https://h#x" },
		{ "endpoint", "https://h\\x" },
		{ "endpoint", "https://h_x" },
		{ "endpoint", "https://h x" },
		{ "endpoint", "https://h%2e" },
		{ "endpoint", "https://h:" },
		{ "endpoint", "https://h:0" },
		{ "endpoint", "https://h:65536" },
		{ "endpoint", "https://h:-1" },
		{ "endpoint", "https://h:443x" },
		{ "endpoint", "https://h:443/" },
		{ "endpoint", "https://h:443:443" },
		{ "endpoint", "https://h:99999999999" },
		{ "endpoint", "https://[::1" },
		{ "endpoint", "https://[]" },
		{ "endpoint", "https://[:]" },
		{ "endpoint", "https://[h]" },
		{ "endpoint", "https://[::1]x" },
		{ "endpoint", "https://[::1%25eth0]" },
		{ "endpoint", "https://[::1]:0" },
		{ "endpoint", "https://::1" },
		{ "endpoint", "https://\xc3\xa9.example.com" },
	};

	(void)state;
	run_values(right, CASES(right), OTP_OK);
	assert_string_equal(options.endpoint, "https://[::ffff:192.0.2.1]:443");
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
}

static void test_proxies(void **state)
{
	static const struct value_case right[] = {
		{ "proxy", "http://a" },
		{ "proxy", "http://127.0.0.1:3128" },
		{ "proxy", "http://[2001:db8::1]:8080" },
		{ "proxy", "https://proxy.example.com:65535" },
		{ "proxy", "http://proxy.example.com:3128" },
	};
	static const struct value_case wrong[] = {
		{ "proxy", "proxy.example.com:3128" },
		{ "proxy", "//proxy.example.com:3128" },
		{ "proxy", "HTTP://h" },
		{ "proxy", "http:/h" },
		{ "proxy", "http://" },
		{ "proxy", "http://:3128" },
		{ "proxy", "http://h:" },
		{ "proxy", "http://h:0" },
		{ "proxy", "http://h:65536" },
		{ "proxy", "http://h:3128x" },
		{ "proxy", "http://h:3128/" },
		{ "proxy", "http://h/x" },
		{ "proxy", "http://h?x" },
		{ "proxy", "http://h%2e" },
		{ "proxy", "http://h x" },
		{ "proxy", "http://h https://i" },
		{ "proxy", "http://[::1" },
		{ "proxy", "socks5://h:1080" },
		{ "proxy", "socks5h://h" },
		{ "proxy", "file:///etc/passwd" },
		{ "proxy", "none" },
		{ "proxy_credentials_file", "credentials" },
	};

	(void)state;
	run_values(right, CASES(right), OTP_OK);
	assert_string_equal(options.proxy, "http://proxy.example.com:3128");
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
}

/* Everybody may read the settings: where a credential belongs is said, and it is not repeated in the log. */
static void test_a_proxy_holds_no_credentials(void **state)
{
	static const char *const values[] = {
		"http://user:secretword@h:3128", "http://secretword@h", "https://user:secretword@h", "http://user:@h", "user:secretword@h:3128", "http://h@",
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(values); i++) {
		assert_err(values[i], load_setting("proxy", values[i]), OTP_ERR_CONFIG_VALUE);
		assert_note(":3: proxy: must not hold credentials: write them into the file of proxy_credentials_file");
	}
	assert_err("argument", load_with(BASE, "proxy=http://user:secretword@h"), OTP_ERR_CONFIG_VALUE);
	assert_string_equal(note.text, "module arguments: proxy: must not hold credentials: write them into the file of proxy_credentials_file");
}

static void test_urls(void **state)
{
	static const struct value_case right[] = {
		{ "jwks_url", "https://h" },
		{ "jwks_url", "https://h/" },
		{ "jwks_url", "https://h:8443/a-b._~/jwks.json" },
		{ "issuer", "https://h" },
		{ "issuer", "https://h/x https://i/y" },
	};
	static const struct value_case wrong[] = {
		{ "jwks_url", "http://h/x" },
		{ "jwks_url", "https://u@h/x" },
		{ "jwks_url", "https://h/x?y" },
		{ "jwks_url", "https://h/x#y" },
		{ "jwks_url", "https://h/%2e" },
		{ "jwks_url", "https://h/a b" },
		{ "jwks_url", "https://h/\\x" },
		{ "jwks_url", "https://h/@x" },
		{ "jwks_url", "https://h:0/x" },
		{ "jwks_url", "file:///x" },
		{ "jwks_url", "https://hx:80y/" },
		{ "issuer", "http://h" },
		{ "issuer", "h" },
		{ "issuer", "https://h/x http://i" },
		{ "issuer", "," },
		{ "issuer", "https://h/?x" },
	};

	(void)state;
	run_values(right, CASES(right), OTP_OK);
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
}

static void assert_required_form(const char *pool, const char *client, enum otp_err wanted)
{
	char text[512];
	char name[512];

	(void)snprintf(text, sizeof(text), "user_pool_id = %s\nclient_id = %s\n", pool, client);
	(void)snprintf(name, sizeof(name), "%s, %s", pool, client);
	assert_err(name, load(text), wanted);
}

static void test_pool_ids(void **state)
{
	static const char *const right[] = { "eu-west-1_A", "us-east-1_012345678901234567890123456789012345678901234",
					     "ap-southeast-2_zZ9" };
	static const char *const wrong[] = {
		"us-east-1_",
		"_A",
		"us-east-1",
		"us-east-1_A_B",
		"us-east-1_A-B",
		"US-EAST-1_A",
		"us-east-1.evil.tld/#_A",
		"../_A",
		"us-east-1/_A",
		"us-east-1 _A",
		"us-east-1_A B",
		"us-east-1@x_A",
		"us-east-_A",
		"us-east-x_A",
		"us_A",
		"us-1_A",
		"xx-east-1_A",
		"moon-east-1_A",
		"us-east-1:443_A",
		"us-east-1_\xc3\xa9",
		"us-east-1_0123456789012345678901234567890123456789012345",
		"us-east-east-east-east-east-east-1_A",
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(right); i++)
		assert_required_form(right[i], "x", OTP_OK);
	for (size_t i = 0; i < CASES(wrong); i++)
		assert_required_form(wrong[i], "x", OTP_ERR_CONFIG_VALUE);
}

static void test_client_ids(void **state)
{
	static const char *const wrong[] = { "a&b", "a\"b", "a b", "a-b", "a/b", "a\\b", "a\xc3\xa9", "a=b", "a#b" };
	char longest[130];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(wrong); i++)
		assert_required_form("eu-west-1_A", wrong[i], OTP_ERR_CONFIG_VALUE);
	assert_required_form("eu-west-1_A", "a_B+9", OTP_OK);
	memset(longest, 'a', sizeof(longest));
	longest[129] = '\0';
	assert_required_form("eu-west-1_A", longest, OTP_ERR_CONFIG_VALUE);
	assert_note(":2: client_id: longer than 128 bytes");
	longest[128] = '\0';
	assert_required_form("eu-west-1_A", longest, OTP_OK);
	assert_string_equal(options.client_id, longest);
}

static void test_text_has_a_longest(void **state)
{
	char path[OPTIONS_TEXT_MAX + 2];

	(void)state;
	safe_place_needed();
	memset(path, 'a', sizeof(path));
	path[0] = '/';
	path[OPTIONS_TEXT_MAX + 1] = '\0';
	assert_err("too long", load_setting("ca_file", path), OTP_ERR_CONFIG_VALUE);
	assert_note(":3: ca_file: longer than 1023 bytes");
	path[OPTIONS_TEXT_MAX] = '\0';
	assert_err("longest", load_setting("ca_file", path), OTP_OK);
	assert_string_equal(options.ca_file, path);
	memset(path, 'a', OPTIONS_TEXT_MAX);
	assert_err("longest list", load_setting("users", path), OTP_OK);
	path[OPTIONS_TEXT_MAX] = 'a';
	path[OPTIONS_TEXT_MAX + 1] = '\0';
	assert_err("list too long", load_setting("users", path), OTP_ERR_CONFIG_VALUE);
}

static void test_lists(void **state)
{
	char words[3 * (OPTIONS_WORDS_MAX + 1) + 1] = "";

	(void)state;
	safe_place_needed();
	assert_err("separators", load_setting("require_group", "a,b ,\t c,,d,"), OTP_OK);
	assert_int_equal(options.require_group.count, 4);
	assert_string_equal(options.require_group.words[0], "a");
	assert_string_equal(options.require_group.words[3], "d");
	assert_null(options.require_group.words[4]);
	for (size_t i = 0; i < OPTIONS_WORDS_MAX; i++)
		memcpy(words + 2 * i, "a ", 3);
	assert_err("as many as there may be", load_setting("users", words), OTP_OK);
	assert_int_equal(options.users.count, OPTIONS_WORDS_MAX);
	assert_null(options.users.words[OPTIONS_WORDS_MAX]);
	memcpy(words + 2 * (size_t)OPTIONS_WORDS_MAX, "a ", 3);
	assert_err("one more", load_setting("users", words), OTP_ERR_CONFIG_VALUE);
	assert_note(":3: users: more than 32 words");
}

static void test_lists_that_let_nobody_in(void **state)
{
	static const struct value_case right[] = {
		{ "users", "!alice" },	 { "users", "* !alice" }, { "users", "a* !a?*" }, { "users", "alice !bob" },
		{ "users", "alice* !alice" }, { "users", "[!a]* !b" }, { "groups", "staff !con*" }, { "users", "alice bob !alice" },
		{ "users", "!!*" },	 { "users", "!alice* !b*" }, { "users", "D\\alice !Dalice" },
	};
	static const struct value_case wrong[] = {
		{ "users", "!*" },	     { "users", "alice !*" }, { "users", "!** alice" }, { "users", "alice !alice" },
		{ "users", "alice bob !?*" }, { "users", "a* !a*" },   { "groups", "staff !s*" }, { "groups", "!* staff" },
		{ "users", "!" },	     { "users", "D\\a !D?a" },
	};

	(void)state;
	run_values(right, CASES(right), OTP_OK);
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
}

/* --- lists of single services ---------------------------------------------------------------------------------------------------- */

static void test_groups_of_a_service(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("two", load(BASE "require_group = a\nrequire_group.sudo = b c\nrequire_group.sudo-i = d\n"), OTP_OK);
	assert_int_equal(options.require_group_service.count, 2);
	assert_string_equal(options_required_groups(&options, "sudo")->words[1], "c");
	assert_string_equal(options_required_groups(&options, "sudo-i")->words[0], "d");
	assert_string_equal(options_required_groups(&options, "sshd")->words[0], "a");
	assert_string_equal(options_required_groups(&options, "sud")->words[0], "a");
	assert_string_equal(options_required_groups(&options, "sudo-")->words[0], "a");
	assert_string_equal(options_required_groups(&options, "SUDO")->words[0], "a");
	assert_string_equal(options_required_groups(&options, "")->words[0], "a");
	assert_err("one", load(BASE "require_group.sudo = b\n"), OTP_OK);
	assert_int_equal(options_required_groups(&options, "sshd")->count, 0);
	assert_null(options_required_groups(&options, "sshd")->words[0]);
	assert_err("argument", load_with(BASE "require_group.sudo = a b\nrequire_group.su = e\n", "require_group.sudo=c"), OTP_OK);
	assert_string_equal(options_required_groups(&options, "sudo")->words[0], "c");
	assert_int_equal(options_required_groups(&options, "sudo")->count, 1);
	assert_string_equal(options_required_groups(&options, "su")->words[0], "e");
	assert_err("no group", load_with(BASE, "require_group.sudo=,"), OTP_ERR_CONFIG_VALUE);
	assert_string_equal(note.text, "module arguments: require_group.sudo: no word in it: this could match nobody");
}

static void test_names_of_services(void **state)
{
	char key[14 + OPTIONS_SERVICE_NAME_MAX + 2] = "require_group.";
	static const char *const wrong[] = { "require_group.Sudo", "require_group.SERVICE", "require_group.su do", "require_group.a/b", "require_group.a*",
					     "require_group.\xc3\xa4", "require_group.a:b" };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(wrong); i++)
		assert_err(wrong[i], load_setting(wrong[i], "a"), OTP_ERR_CONFIG_KEY);
	memset(key + 14, 'a', OPTIONS_SERVICE_NAME_MAX);
	assert_err("longest", load_setting(key, "a"), OTP_OK);
	assert_string_equal(options.require_group_service.entries[0].name, key + 14);
	key[14 + OPTIONS_SERVICE_NAME_MAX] = 'a';
	assert_err("longer", load_setting(key, "a"), OTP_ERR_CONFIG_KEY);
}

static void test_sixteen_services(void **state)
{
	char text[2048] = BASE;
	size_t length = strlen(text);

	(void)state;
	safe_place_needed();
	for (int i = 0; i < OPTIONS_SERVICES_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "require_group.s%d = g%d\n", i, i);
	assert_err("as many as there may be", load(text), OTP_OK);
	assert_string_equal(options_required_groups(&options, "s0")->words[0], "g0");
	assert_string_equal(options_required_groups(&options, "s15")->words[0], "g15");
	(void)snprintf(text + length, sizeof(text) - length, "require_group.s16 = g\n");
	assert_err("one more", load(text), OTP_ERR_CONFIG_VALUE);
	assert_note(":19: require_group.s16: more than 16 services have a list of their own");
}

static void test_templates(void **state)
{
	static const struct value_case right[] = { { "user_template", "email:%u@example.com" },
						   { "user_template", "email:x.%u@e" },
						   { "user_template", "email:%u+otp@example.com" } };
	static const struct value_case wrong[] = {
		{ "user_template", "%u" },
		{ "user_template", "%u@example.com" },
		{ "user_template", "email:" },
		{ "user_template", "email:alice@example.com" },
		{ "user_template", "email:%u" },
		{ "user_template", "email:%u@" },
		{ "user_template", "email:%u@%u.com" },
		{ "user_template", "email:%u@%h" },
		{ "user_template", "email:%n%u@e" },
		{ "user_template", "email:%%u@e" },
		{ "user_template", "email:%U@e" },
		{ "user_template", "email:%u @e" },
		{ "user_template", "phone:+49%u" },
		{ "user_template", "mail:%u@e" },
		{ "user_template", "EMAIL:%u@e" },
		{ "user_template", "%u:x" },
		{ "user_template", "email:%u@a@b" },
		{ "user_template", "email:%u@\xc3\xa9" },
	};

	(void)state;
	run_values(right, CASES(right), OTP_OK);
	assert_string_equal(options.user_template, "email:%u+otp@example.com");
	run_values(wrong, CASES(wrong), OTP_ERR_CONFIG_VALUE);
}

static void test_a_template_longer_than_any_user_is_refused(void **state)
{
	char value[OPTIONS_TEXT_MAX + 1];

	(void)state;
	safe_place_needed();
	(void)snprintf(value, sizeof(value), "email:%%u@%0126d", 0); /* n@ and 126: 128 */
	assert_err("longest", load_setting("user_template", value), OTP_OK);
	(void)snprintf(value, sizeof(value), "email:%%u@%0127d", 0);
	assert_err("longer", load_setting("user_template", value), OTP_ERR_CONFIG_VALUE);
}

/* --- what does not go together --------------------------------------------------------------------------------------------------- */

static void test_settings_that_exclude_each_other(void **state)
{
	static const struct {
		const char *text;
		const char *note;
	} cases[] = {
		{ "user_template = username:%u\n", "user_template: username: needs require_group, since anybody may register a name" },
		{ "user_template = username:%u\nrequire_group.sudo = linux\n",
		  "user_template: username: needs require_group, since anybody may register a name" },
		{ "unmapped = ignore\nuser_template = email:%u@e\n",
		  "unmapped: ignore has no effect with user_template, which maps everybody" },
		{ "connect_timeout = 21s\n", "connect_timeout: longer than deadline" },
		{ "deadline = 4s\n", "connect_timeout: longer than deadline" },
		{ "jwks_file = /etc/j\njwks_url = https://h/j\n", "jwks_file: cannot be combined with jwks_url" },
		{ "proxy_credentials_file = /etc/p\n", "proxy_credentials_file: has no effect without proxy" },
		{ "aws_imds = yes\naws_credentials_file = /etc/a\n", "aws_imds: cannot be combined with aws_credentials_file" },
		{ "check_user = yes\n", "check_user: needs aws_credentials_file or aws_imds" },
		{ "create_user = yes\n", "create_user: needs aws_credentials_file or aws_imds" },
		{ "aws_profile = host\n", "aws_profile: has no effect without aws_credentials_file" },
		{ "check_services = sshd\naws_imds = yes\n", "check_services: has no effect without check_user" },
		{ "check_user = yes\naws_imds = yes\ncheck_services = sudo Sshd\n", NULL },
		{ "check_user = yes\naws_imds = yes\ncheck_services = sudo;sshd\n", NULL },
		{ "create_user = yes\naws_imds = yes\nchallenge = sms_otp\n",
		  "create_user: only users with an email are created, so challenge must be email_otp" },
		{ "endpoint = https://h\nfips = yes\n", "endpoint: cannot be combined with fips or dualstack, which choose another one" },
		{ "endpoint = https://h\ndualstack = yes\n",
		  "endpoint: cannot be combined with fips or dualstack, which choose another one" },
	};
	char text[512];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(text, sizeof(text), BASE "%s", cases[i].text);
		assert_err(cases[i].text, load(text), OTP_ERR_CONFIG_VALUE);
		if (cases[i].note != NULL)
			assert_string_equal(note.text, cases[i].note);
	}
}

static void test_settings_of_which_the_region_has_nothing(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("no dual stack", load(CLIENT "user_pool_id = us-iso-east-1_A\ndualstack = yes\n"), OTP_ERR_CONFIG_VALUE);
	assert_string_equal(note.text, "fips, dualstack: this partition has no such endpoint");
	assert_err("no region", load(CLIENT "user_pool_id = moon-1_A\n"), OTP_ERR_CONFIG_VALUE);
	assert_string_equal(note.text, "user_pool_id: no AWS region before the underscore");
}

static void test_settings_that_do_go_together(void **state)
{
	static const char *const texts[] = {
		"user_template = username:%u\nrequire_group = linux\n",
		"unmapped = deny\nuser_template = email:%u@e\n",
		"unmapped = ignore\n",
		"connect_timeout = 20s\n",
		"endpoint = https://h\nfips = no\ndualstack = no\n",
		"fips = yes\ndualstack = yes\n",
		"proxy = http://h\n",
		"proxy = http://h\nproxy_credentials_file = /etc/p\n",
		"proxy = http://h\njwks_file = /etc/j\nendpoint = https://h\n",
		"pin_sub = yes\n",
		"check_user = yes\naws_imds = yes\n",
		"check_user = yes\naws_credentials_file = /etc/a\naws_profile = host\ncheck_services = sshd sudo\n",
		"create_user = yes\ncheck_services = sshd\naws_imds = yes\n",
		"check_user = yes\naws_imds = yes\nchallenge = sms_otp\n",
		"aws_imds = yes\n",
	};
	char text[512];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(texts); i++) {
		(void)snprintf(text, sizeof(text), BASE "%s", texts[i]);
		assert_err(texts[i], load(text), OTP_OK);
	}
}

/* Together means with the PAM line, too. */
static void test_an_argument_does_not_slip_by(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("deadline", load_with(BASE, "deadline=4s"), OTP_ERR_CONFIG_VALUE);
	assert_err("template", load_with(BASE, "user_template=username:%u"), OTP_ERR_CONFIG_VALUE);
	assert_err("ignore", load_with(BASE "user_template = email:%u@e\n", "unmapped=ignore"), OTP_ERR_CONFIG_VALUE);
	assert_err("repaired", load_with(BASE "deadline = 4s\n", "connect_timeout=4s"), OTP_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_defaults_of_who_may_and_how),
		cmocka_unit_test(test_each_default_is_accepted_by_its_own_setter),
		cmocka_unit_test(test_values_are_shown_as_they_are_read),
		cmocka_unit_test(test_what_pool_and_region_imply),
		cmocka_unit_test(test_what_was_written_is_not_derived),
		cmocka_unit_test(test_notes_name_file_line_and_key),
		cmocka_unit_test(test_lines_and_blanks),
		cmocka_unit_test(test_a_nul_byte_spoils_the_file),
		cmocka_unit_test(test_required_settings),
		cmocka_unit_test(test_the_file_is_root_s_and_small),
		cmocka_unit_test(test_arguments_override_the_file),
		cmocka_unit_test(test_config_may_stand_last),
		cmocka_unit_test(test_arguments_that_are_refused),
		cmocka_unit_test(test_a_setting_twice_among_the_arguments),
		cmocka_unit_test(test_config_argument),
		cmocka_unit_test(test_config_must_be_absolute),
		cmocka_unit_test(test_bounds_that_are_within),
		cmocka_unit_test(test_bounds_that_are_passed),
		cmocka_unit_test(test_forms_of_numbers_and_times),
		cmocka_unit_test(test_budgets),
		cmocka_unit_test(test_budgets_that_are_none),
		cmocka_unit_test(test_a_budget_that_is_refused_changes_nothing),
		cmocka_unit_test(test_choices_have_one_spelling_each),
		cmocka_unit_test(test_each_choice_reaches_its_field),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_proxies),
		cmocka_unit_test(test_a_proxy_holds_no_credentials),
		cmocka_unit_test(test_urls),
		cmocka_unit_test(test_pool_ids),
		cmocka_unit_test(test_client_ids),
		cmocka_unit_test(test_text_has_a_longest),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_lists_that_let_nobody_in),
		cmocka_unit_test(test_groups_of_a_service),
		cmocka_unit_test(test_names_of_services),
		cmocka_unit_test(test_sixteen_services),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_a_template_longer_than_any_user_is_refused),
		cmocka_unit_test(test_settings_that_exclude_each_other),
		cmocka_unit_test(test_settings_of_which_the_region_has_nothing),
		cmocka_unit_test(test_settings_that_do_go_together),
		cmocka_unit_test(test_an_argument_does_not_slip_by),
	};

	return cmocka_run_group_tests_name("options", tests, safe_place_setup, safe_place_teardown);
}
