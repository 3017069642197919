/* What sshd says of its settings, what that means for a login with a code, and how long login(1) waits. */
#include "assert_err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_login.h"
#include "check_sshd.h"

#define GOOD_METHODS "authenticationmethods publickey,keyboard-interactive:pam\n"
#define BASE	     "port 22\nusepam yes\nlogingracetime 180\nmaxauthtries 6\npubkeyauthentication yes\npasswordauthentication no\nusedns no\n"
#define GOOD	     BASE "kbdinteractiveauthentication yes\n" GOOD_METHODS

static struct sshd_settings parsed(const char *text)
{
	struct sshd_settings settings;
	struct note note = { "" };

	assert_err(text, sshd_settings_parse(text, &settings, &note), OTP_OK);
	return settings;
}

static void test_what_sshd_prints(void **state)
{
	static const char text[] =
	    "/etc/ssh/sshd_config line 3: Deprecated option UsePrivilegeSeparation\n"
	    "Port 22\nUsePAM no\nPAMServiceName other-sshd\nLoginGraceTime 0\nMaxAuthTries 2\nPubkeyAuthentication no\n"
	    "HostbasedAuthentication yes\nPasswordAuthentication yes\nKbdInteractiveAuthentication no\nUseDNS yes\n"
	    "AuthenticationMethods publickey,password publickey";
	struct sshd_settings settings;

	(void)state;
	settings = parsed(GOOD);
	assert_true(settings.use_pam && settings.keyboard && settings.public_key);
	assert_false(settings.password || settings.use_dns || settings.host_based || settings.gssapi);
	assert_int_equal(settings.grace, 180);
	assert_int_equal(settings.max_auth_tries, 6);
	assert_string_equal(settings.methods, "publickey,keyboard-interactive:pam");
	assert_string_equal(settings.service, "sshd");
	settings = parsed(text); /* as later versions write the keys */
	assert_false(settings.use_pam || settings.keyboard || settings.public_key);
	assert_true(settings.password && settings.use_dns && settings.host_based);
	assert_int_equal(settings.grace, 0);
	assert_string_equal(settings.methods, "publickey,password publickey");
	assert_string_equal(settings.service, "other-sshd");
}

static void test_a_missing_setting_is_named(void **state)
{
	static const char *const keys[] = { "usepam",
					    "logingracetime",
					    "maxauthtries",
					    "pubkeyauthentication",
					    "passwordauthentication",
					    "usedns",
					    "kbdinteractiveauthentication",
					    "authenticationmethods" };

	(void)state;
	for (size_t i = 0; i < CASES(keys); i++) {
		char text[] = GOOD;
		struct sshd_settings settings;
		struct note note = { "" };

		strstr(text, keys[i])[0] = 'x';
		assert_err(keys[i], sshd_settings_parse(text, &settings, &note), OTP_ERR_CONFIG_MISSING);
		assert_non_null(strstr(note.text, keys[i]));
	}
}

static void test_values_that_cannot_be(void **state)
{
	static const char *const texts[] = {
		BASE "kbdinteractiveauthentication maybe\n" GOOD_METHODS,
		"logingracetime 2m\nusepam yes\nmaxauthtries 6\npubkeyauthentication yes\npasswordauthentication no\nusedns no\n"
		"kbdinteractiveauthentication yes\n" GOOD_METHODS,
		"logingracetime -1\nusepam yes\nmaxauthtries 6\npubkeyauthentication yes\npasswordauthentication no\nusedns no\n"
		"kbdinteractiveauthentication yes\n" GOOD_METHODS,
	};

	(void)state;
	for (size_t i = 0; i < CASES(texts); i++) {
		struct sshd_settings settings;
		struct note note = { "" };

		assert_err(texts[i], sshd_settings_parse(texts[i], &settings, &note), OTP_ERR_CONFIG_MISSING);
	}
}

/* --- what it means -------------------------------------------------------------------------------------------------------------- */

/* The names of all findings, with their levels. */
static void findings(const struct pam_use_service *used, const char *text, const char *user, bool asked, char names[512])
{
	struct sshd_settings settings = parsed(text);
	struct sshd_settings usual = parsed(GOOD);
	struct check_sshd_case one = { used, &settings, user, user == NULL ? NULL : &usual, asked };
	struct report report;
	struct check check = { &report, NULL, NULL };
	char *told = NULL;
	size_t size;
	FILE *out = open_memstream(&told, &size);

	assert_non_null(out);
	report_begin(&report, out, false, false);
	(void)check_sshd_settings(&check, &one);
	(void)fclose(out);
	names[0] = '\0';
	for (const char *line = told; *line != '\0'; line = strchr(line, '\n') + 1) {
		char level[16];
		char name[64];

		if (line[0] != ' ' && sscanf(line, "%15s %63[a-z_]:", level, name) == 2)
			(void)snprintf(names + strlen(names), 512 - strlen(names), "%s%s %s", names[0] == '\0' ? "" : ", ", level, name);
	}
	free(told);
}

struct sshd_case {
	const char *text;
	const char *user;
	bool asked;
	const char *wanted;
};

static void assert_cases(const struct pam_use_service *used, const struct sshd_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		char names[512];

		findings(used, cases[i].text, cases[i].user, cases[i].asked, names);
		if (strcmp(names, cases[i].wanted) != 0) {
			print_error("%s: \"%s\", not \"%s\"\n", cases[i].text, names, cases[i].wanted);
			fail();
		}
	}
}

#define WITH(methods) BASE "kbdinteractiveauthentication yes\nauthenticationmethods " methods "\n"
#define SWITCHES(pam, grace, password, keys, dns, tries, methods)                                                                          \
	"usepam " pam "\nlogingracetime " grace "\nmaxauthtries " tries "\npubkeyauthentication " keys                                     \
	"\npasswordauthentication " password "\nusedns " dns "\nkbdinteractiveauthentication yes\nauthenticationmethods " methods "\n"
#define KEY_CODE "publickey,keyboard-interactive:pam"

static void test_findings(void **state)
{
	static const struct pam_use_service used = { "sshd", "/etc/pam.d/sshd:5", 20, false, false };
	static const struct sshd_case cases[] = {
		{ GOOD, NULL, true, "ok sshd" },
		{ WITH("keyboard-interactive,publickey"), NULL, true, "ok sshd" },
		{ WITH("publickey,publickey,keyboard-interactive hostbased,keyboard-interactive"), NULL, true, "ok sshd" },
		{ WITH("any"), NULL, true, "error sshd_methods, warning sshd_code_only" },
		{ WITH("publickey"), NULL, false, "error sshd_methods" },
		{ WITH("publickey,password"), NULL, false, "error sshd_methods" },
		{ WITH("publickey"), NULL, true, "note sshd_methods" },
		{ WITH("publickey"), "alice", true, "note sshd_methods" },
		{ WITH("publickey keyboard-interactive:pam"), NULL, true, "error sshd_methods, warning sshd_code_only" },
		{ WITH("publickey " KEY_CODE), "alice", true, "error sshd_methods" },
		{ WITH("keyboard-interactive:pam"), NULL, true, "warning sshd_code_only" },
		{ BASE "kbdinteractiveauthentication no\nauthenticationmethods any\n", NULL, false, "error sshd_kbdinteractive" },
		{ SWITCHES("no", "180", "no", "yes", "no", "6", KEY_CODE), NULL, true, "error sshd_use_pam" },
		{ SWITCHES("yes", "119", "no", "yes", "no", "6", KEY_CODE), NULL, true, "warning sshd_grace" },
		{ SWITCHES("yes", "120", "no", "yes", "no", "6", KEY_CODE), NULL, true, "ok sshd" },
		{ SWITCHES("yes", "0", "no", "yes", "no", "6", KEY_CODE), NULL, true, "ok sshd" },
		{ SWITCHES("yes", "180", "yes", "yes", "no", "6", KEY_CODE), NULL, true, "note sshd_password, ok sshd" },
		{ SWITCHES("yes", "180", "yes", "no", "no", "6", "any"), NULL, true, "warning sshd_code_only, warning sshd_password" },
		{ SWITCHES("yes", "180", "no", "no", "no", "6", "any"), NULL, true, "warning sshd_code_only" },
		{ SWITCHES("yes", "180", "yes", "yes", "no", "6", "publickey,password " KEY_CODE), NULL, true, "warning sshd_password" },
		{ SWITCHES("yes", "180", "no", "yes", "yes", "6", KEY_CODE), NULL, true, "warning sshd_dns" },
		{ SWITCHES("yes", "180", "no", "yes", "no", "1", KEY_CODE), NULL, true, "warning sshd_max_auth_tries" },
		/* for a user only what a Match block can change */
		{ SWITCHES("yes", "20", "no", "yes", "yes", "6", KEY_CODE), "alice", true, "ok sshd" },
		{ SWITCHES("yes", "180", "no", "yes", "no", "6", "any"), "alice", true, "error sshd_methods, warning sshd_code_only" },
	};

	(void)state;
	assert_cases(&used, cases, CASES(cases));
}

static void test_findings_that_depend_on_pam(void **state)
{
	static const struct pam_use_service slow = { "sshd", "", 60, false, false };
	static const struct pam_use_service unmapped = { "sshd", "", 20, true, false };
	static const struct pam_use_service password = { "sshd", "", 20, false, true };
	static const struct sshd_case slow_cases[] = {
		{ SWITCHES("yes", "179", "no", "yes", "no", "6", KEY_CODE), NULL, true, "warning sshd_grace" },
		{ GOOD, NULL, true, "ok sshd" },
	};
	static const struct sshd_case unmapped_cases[] = {
		{ WITH("keyboard-interactive:pam"), NULL, true, "warning sshd_code_only, error pam_permit_open" },
		{ GOOD, NULL, true, "ok sshd" },
	};
	static const struct sshd_case password_cases[] = { { WITH("keyboard-interactive:pam"), NULL, true, "ok sshd" } };

	(void)state;
	assert_cases(&slow, slow_cases, CASES(slow_cases));
	assert_cases(&unmapped, unmapped_cases, CASES(unmapped_cases));
	assert_cases(&password, password_cases, CASES(password_cases));
}

static void test_login_timeout(void **state)
{
	static const struct {
		const char *text;
		int timeout;
		int line;
	} cases[] = {
		{ "", 60, 0 },
		{ "# LOGIN_TIMEOUT 300\nLOGIN_RETRIES 5\n", 60, 0 },
		{ "LOGIN_TIMEOUT\t\t300\n", 300, 1 },
		{ "X 1\n \tLOGIN_TIMEOUT \"120\"", 120, 2 },
		{ "LOGIN_TIMEOUT 0\n", 0, 1 },
		{ "LOGIN_TIMEOUT 60\nLOGIN_TIMEOUT 300\n", 300, 2 },
		{ "LOGIN_TIMEOUT_X 300\nXLOGIN_TIMEOUT 300\n", 60, 0 },
		{ "LOGIN_TIMEOUT\n300\nLOGIN_TIMEOUT soon\n", 60, 0 },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		int line = -1;

		if (check_login_timeout(cases[i].text, &line) != cases[i].timeout || line != cases[i].line) {
			print_error("%s: line %d\n", cases[i].text, line);
			fail();
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_sshd_prints),
		cmocka_unit_test(test_a_missing_setting_is_named),
		cmocka_unit_test(test_values_that_cannot_be),
		cmocka_unit_test(test_findings),
		cmocka_unit_test(test_findings_that_depend_on_pam),
		cmocka_unit_test(test_login_timeout),
	};

	return cmocka_run_group_tests_name("sshd_settings", tests, NULL, NULL);
}
