/* The file of AWS credentials: what is taken from it, what is refused, and what is said about it. */
#include "safe_place.h"

#include "aws_credentials.h"

#define ID   "aws_access_key_id = AKIDEXAMPLE\n"
#define KEY  "aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY\n"
#define GOOD "[default]\n" ID KEY

static struct aws_credentials_settings settings = { "", "default", false };
static struct aws_credentials credentials = AWS_CREDENTIALS_NONE(&settings);
static struct note note;

static enum otp_err load_bytes(const void *bytes, size_t length, mode_t mode)
{
	struct deadline deadline = deadline_start(1000);

	note_set(&note, "%s", "");
	safe_place_write("aws", bytes, length, mode);
	settings.file = safe_place_path("aws");
	return aws_credentials_refresh(&credentials, &deadline, &note);
}

static enum otp_err load(const char *text)
{
	return load_bytes(text, strlen(text), 0600);
}

static void assert_nothing_loaded(void)
{
	assert_int_equal(credentials.access_key_id.length + credentials.secret_access_key.length + credentials.session_token.length, 0);
	assert_int_equal(credentials.expires, 0);
}

static void test_what_is_taken(void **state)
{
	static const struct {
		const char *text;
		const char *profile;
		const char *token;
	} cases[] = {
		{ GOOD, "default", "" },
		{ "\n# keys\n; of this host\n  # indented\n\t\n" GOOD, "default", "" },
		{ "[default]\r\naws_access_key_id=AKIDEXAMPLE\r\n"
		  "aws_secret_access_key\t= \twJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY \t\r\naws_session_token =T0ken/+==\r\n",
		  "default", "T0ken/+==" },
		{ "[default]\n" KEY ID "aws_session_token = IQoJb3JpZ2luX2VjEXAMPLE", "default", "IQoJb3JpZ2luX2VjEXAMPLE" },
		{ "[other]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\naws_session_token = y\n\n" GOOD, "default", "" },
		{ GOOD "[other]\naws_access_key_id = \"quoted\"\naws_access_key_id =\naws_session_token = y\n", "default", "" },
		{ "[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = x\n[a-1_.+@]\n" ID KEY, "a-1_.+@", "" },
		{ "[default]\nregion = eu-west-1\n" ID "s3 =\n  max_concurrent_requests = 20\n" KEY "output = \n", "default", "" },
		{ "  [default]  \n" ID KEY, "default", "" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		settings.profile = cases[i].profile;
		assert_err(cases[i].text, load(cases[i].text), OTP_OK);
		assert_string_equal(secret_text(&credentials.access_key_id), "AKIDEXAMPLE");
		assert_string_equal(secret_text(&credentials.secret_access_key), "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY");
		assert_string_equal(secret_text(&credentials.session_token), cases[i].token);
		assert_int_equal(credentials.expires, 0);
	}
	settings.profile = "default";
}

/* Each with the line, and never with what stands there: "s3cr3t" is in every one of them. */
static void test_what_is_refused(void **state)
{
	static const struct {
		const char *text;
		const char *says;
	} cases[] = {
		{ GOOD KEY "x = s3cr3t", ":4: aws_secret_access_key: a second time" },
		{ GOOD "[default]\nx = s3cr3t", ":4: default: a second time" },
		{ GOOD "[s3cr3t]\n[default]\n", ":5: default: a second time" },
		{ "[default]\naws_access_key_id = \"s3cr3t\"\n" KEY, ":2: aws_access_key_id: in quotes" },
		{ "[default]\n" ID "aws_secret_access_key = 's3cr3t'\n", ":3: aws_secret_access_key: in quotes" },
		{ GOOD "aws_session_token = s3cr3t\"", ":4: aws_session_token: in quotes" },
		{ "[default]\naws_access_key_id =\n# s3cr3t\n" KEY, ":2: aws_access_key_id: empty" },
		{ "[default]\n" ID "aws_secret_access_key = \t\r\n# s3cr3t\n", ":3: aws_secret_access_key: empty" },
		{ GOOD "aws_session_token=\n#s3cr3t", ":4: aws_session_token: empty" },
		{ "[default]\n" ID "aws_secret_access_key = s3cr3t # a comment\n", ":3: aws_secret_access_key: holds a blank" },
		{ "[default]\n" ID "aws_secret_access_key = s3cr3t\x01\n", ":3: aws_secret_access_key: holds a blank, a control" },
		{ GOOD "aws_session_token = s3cr3t\rX: y\n", ":4: aws_session_token: holds a blank, a control" },
		{ GOOD "aws_session_token = s3cr3t\xc3\xab\n", ":4: aws_session_token: holds a blank" },
		{ GOOD "aws_session_token = s3cr3t\x7f\n", ":4: aws_session_token: holds a blank" },
		{ "[default]\naws_access_key_id = s3cr3t/x\n" KEY, ":2: aws_access_key_id: holds what is neither" },
		{ "[default]\naws_access_key_id = s3cr3t,x=y\n" KEY, ":2: aws_access_key_id: holds what is neither" },
		{ GOOD " aws_session_token = s3cr3t\n", ":4: aws_session_token: a blank before it" },
		{ GOOD "s3cr3t\n", ":4: neither [profile] nor key = value" },
		{ GOOD "= s3cr3t\n", ":4: neither [profile] nor key = value" },
		{ "\xef\xbb\xbf" GOOD "# s3cr3t", ":1: neither [profile] nor key = value" },
		{ "aws_access_key_id = s3cr3t\n" GOOD, ":1: a key before the first [profile]" },
		{ GOOD "[s3cr3t\n", ":4: not one [profile] and nothing else" },
		{ GOOD "[]\n#s3cr3t", ":4: not one [profile] and nothing else" },
		{ GOOD "[s3cr3t] # others\n", ":4: not one [profile] and nothing else" },
		{ GOOD "[other]\ns3cr3t\n", ":5: neither [profile] nor key = value" },
		{ "[other]\nx = s3cr3t\n", "/aws: no profile [default]" },
		{ "[profile default]\nx = s3cr3t\n" ID KEY, "/aws: no profile [default]" },
		{ "[Default]\nx = s3cr3t\n" ID KEY, "/aws: no profile [default]" },
		{ "[default ]\nx = s3cr3t\n" ID KEY, "/aws: no profile [default]" },
		{ "", "/aws: no profile [default]" },
		{ "[default]\nx = s3cr3t\n" ID, "/aws: no aws_secret_access_key in profile [default]" },
		{ "[default]\nx = s3cr3t\n" KEY, "/aws: no aws_access_key_id in profile [default]" },
		{ "[default]\nAWS_ACCESS_KEY_ID = s3cr3t\n" KEY, "/aws: no aws_access_key_id in profile [default]" },
		{ "[default]\nrole_arn = s3cr3t\nsource_profile = other\n[other]\n" ID KEY,
		  "/aws: no aws_access_key_id in profile [default]" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, load(cases[i].text), OTP_ERR_AWS_CREDENTIALS);
		if (strstr(note.text, cases[i].says) == NULL || strstr(note.text, "s3cr3t") != NULL)
			fail_msg("\"%s\" does not say \"%s\", or says too much", note.text, cases[i].says);
		assert_nothing_loaded();
	}
}

static void test_a_nul(void **state)
{
	static const char inside[] = GOOD "aws_session_token = abc\0def\n";
	static const char comment[] = "# a\0\n" GOOD;

	(void)state;
	safe_place_needed();
	assert_err("in a value", load_bytes(inside, sizeof(inside) - 1, 0600), OTP_ERR_AWS_CREDENTIALS);
	assert_non_null(strstr(note.text, ":4: a NUL byte"));
	assert_nothing_loaded();
	assert_err("in a comment", load_bytes(comment, sizeof(comment) - 1, 0600), OTP_ERR_AWS_CREDENTIALS);
	assert_non_null(strstr(note.text, ":1: a NUL byte"));
	assert_err("at the end", load_bytes(GOOD, sizeof(GOOD), 0600), OTP_ERR_AWS_CREDENTIALS);
	assert_non_null(strstr(note.text, ":4: a NUL byte"));
}

static void test_sizes(void **state)
{
	static const struct {
		const char *name;
		int max;
	} members[] = { { "aws_access_key_id", 128 }, { "aws_secret_access_key", 256 }, { "aws_session_token", 8192 } };
	static char text[70000];
	static char value[8194];

	(void)state;
	safe_place_needed();
	memset(value, 'a', sizeof(value) - 1);
	for (size_t i = 0; i < CASES(members); i++) {
		const char *rest = i == 0 ? KEY : i == 1 ? ID : ID KEY;

		(void)snprintf(text, sizeof(text), "[default]\n%s%s = %.*s\n", rest, members[i].name, members[i].max, value);
		assert_err(members[i].name, load(text), OTP_OK);
		(void)snprintf(text, sizeof(text), "[default]\n%s%s = %.*s\n", rest, members[i].name, members[i].max + 1, value);
		assert_err(members[i].name, load(text), OTP_ERR_AWS_CREDENTIALS);
		assert_non_null(strstr(note.text, "longer than any real one"));
	}
	memset(text, '#', sizeof(text) - 1);
	memcpy(text, GOOD, sizeof(GOOD) - 1);
	text[65536] = '\0';
	assert_err("the largest file", load(text), OTP_OK);
	text[65536] = '#';
	assert_err("a larger file", load(text), OTP_ERR_CONFIG_OPEN);
	assert_nothing_loaded();
}

/* The file is root's alone; what is wrong is said of the file, and nothing is loaded. */
static void test_whose_file(void **state)
{
	static const mode_t modes[] = { 0644, 0640, 0604, 0660, 0666, 0610, 0601 };
	struct deadline deadline = deadline_start(1000);

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(modes); i++) {
		assert_err("mode", load_bytes(GOOD, strlen(GOOD), modes[i]), OTP_ERR_CONFIG_UNSAFE);
		assert_non_null(strstr(note.text, "/aws: mode"));
		assert_nothing_loaded();
	}
	assert_err("mode", load_bytes(GOOD, strlen(GOOD), 0400), OTP_OK);
	(void)unlink(safe_place_path("link"));
	assert_int_equal(symlink(safe_place_path("aws"), safe_place_path("link")), 0);
	settings.file = safe_place_path("link");
	assert_err("link", aws_credentials_refresh(&credentials, &deadline, &note), OTP_ERR_CONFIG_UNSAFE);
	assert_nothing_loaded();
	settings.file = safe_place_path("absent");
	assert_err("absent", aws_credentials_refresh(&credentials, &deadline, &note), OTP_ERR_CONFIG_OPEN);
	assert_non_null(strstr(note.text, "absent: No such file"));
}

static void test_nothing_is_set(void **state)
{
	struct aws_credentials_settings none = { "", "default", false };
	aws_credentials_auto struct aws_credentials nobody = AWS_CREDENTIALS_NONE(&none);
	struct deadline deadline = deadline_start(1000);

	(void)state;
	assert_err("none", aws_credentials_load(&nobody, &deadline, &note), OTP_ERR_AWS_CREDENTIALS);
	assert_non_null(strstr(note.text, "neither aws_credentials_file nor aws_imds"));
}

/* Loaded once, they are kept: from a file for good, and otherwise until five minutes before their end. Refreshing reads the file again. */
static void test_how_long_they_are_kept(void **state)
{
	static const char changed[] = "[default]\naws_access_key_id = AKIDCHANGED\n" KEY;
	struct deadline deadline = deadline_start(1000);

	(void)state;
	safe_place_needed();
	assert_err("first", load(GOOD), OTP_OK);
	safe_place_write("aws", changed, sizeof(changed) - 1, 0600);
	assert_err("kept", aws_credentials_load(&credentials, &deadline, &note), OTP_OK);
	assert_string_equal(secret_text(&credentials.access_key_id), "AKIDEXAMPLE");
	credentials.expires = clock_wall() + 302;
	assert_err("kept", aws_credentials_load(&credentials, &deadline, &note), OTP_OK);
	assert_string_equal(secret_text(&credentials.access_key_id), "AKIDEXAMPLE");
	credentials.expires = clock_wall() + 299;
	assert_err("soon over", aws_credentials_load(&credentials, &deadline, &note), OTP_OK);
	assert_string_equal(secret_text(&credentials.access_key_id), "AKIDCHANGED");
	assert_int_equal(credentials.expires, 0);
	assert_err("first", load(GOOD), OTP_OK);
	safe_place_write("aws", changed, sizeof(changed) - 1, 0600);
	assert_err("refreshed", aws_credentials_refresh(&credentials, &deadline, &note), OTP_OK);
	assert_string_equal(secret_text(&credentials.access_key_id), "AKIDCHANGED");
	aws_credentials_done(&credentials);
	assert_nothing_loaded();
}

static int tear_down(void **state)
{
	aws_credentials_done(&credentials);
	return safe_place_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_taken),
		cmocka_unit_test(test_what_is_refused),
		cmocka_unit_test(test_a_nul),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_whose_file),
		cmocka_unit_test(test_nothing_is_set),
		cmocka_unit_test(test_how_long_they_are_kept),
	};

	return cmocka_run_group_tests_name("aws_credentials", tests, safe_place_setup, tear_down);
}
