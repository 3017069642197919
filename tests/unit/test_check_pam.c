/* The PAM part of `cognito-otp check`: each trap has its finding, and every stack of the manual and the README has none. */
#include "safe_place.h"

#include "check_pam.h"

#define OURS "pam_cognito_otp.so\n"
#define COMMON                                                                                                                             \
	"auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\nauth optional "      \
	"pam_cap.so\n"

static struct options options;
static struct pam_use use;
static char *told; /* of the last check */
static size_t told_size;

static void folder(void)
{
	static const char *const modules[] = { "cognito_otp", "permit",	 "deny", "unix",       "cap",	"env", "exec",
					       "faildelay",   "nologin", "rootok", "succeed_if", "warn" };
	int dir = safe_place_open("pam.d");

	(void)close(dir);
	dir = safe_place_open("security");
	(void)close(dir);
	for (size_t i = 0; i < CASES(modules); i++) {
		char path[64];

		(void)snprintf(path, sizeof(path), "security/pam_%s.so", modules[i]);
		safe_place_text(path, "");
	}
	safe_place_text("pam.d/common-auth", COMMON);
}

static void put(const char *name, const char *text)
{
	char path[64];

	(void)snprintf(path, sizeof(path), "pam.d/%s", name);
	safe_place_text(path, text);
}

/* Leaves the names of all findings but good news in `names`, such as "error pam_x, note pam_y". */
static void check(bool ignore, char names[512])
{
	const char *directories[] = { safe_place_path("pam.d"), NULL };
	struct pam_places places = { directories, safe_place_path("security") };
	struct report report;
	struct check all = { &report, NULL, &options };
	FILE *out;

	free(told);
	told = NULL;
	out = open_memstream(&told, &told_size);
	safe_place_must(out != NULL, "open_memstream");
	options.unmapped = ignore ? UNMAPPED_IGNORE : UNMAPPED_DENY;
	options.deadline = 20;
	report_begin(&report, out, false, false);
	check_pam_at(&all, &places, &use);
	(void)fclose(out);
	names[0] = '\0';
	for (const char *line = told; *line != '\0'; line = strchr(line, '\n') + 1) {
		char level[16];
		char name[64];

		if (sscanf(line, "%15s %63[a-z_]:", level, name) == 2 && line[0] != ' ' && strcmp(level, "ok") != 0)
			(void)snprintf(names + strlen(names), 512 - strlen(names), "%s%s %s", names[0] == '\0' ? "" : ", ", level, name);
	}
}

static void assert_found(const char *what, bool ignore, const char *wanted)
{
	char names[512];

	check(ignore, names);
	if (strcmp(names, wanted) != 0) {
		print_error("%s: \"%s\", not \"%s\"\n%s", what, names, wanted, told);
		fail();
	}
}

static void test_traps(void **state)
{
	static const struct {
		const char *text; /* of sshd */
		bool ignore;
		const char *wanted;
	} cases[] = {
		{ "@include common-auth\n", false, "note pam_unused" },
		{ "account required " OURS, false, "note pam_unused" },
		{ "auth required " OURS, false, "" },
		{ "auth required $ISA/" OURS, false, "" },
		{ "auth sufficient " OURS, false, "error pam_sufficient" },
		{ "auth sufficient " OURS "@include common-auth\n", false, "error pam_sufficient" },
		{ "auth optional " OURS "auth required pam_permit.so\n", false, "error pam_optional" },
		{ "auth [success=ok default=ignore] " OURS "auth required pam_permit.so\n", false, "error pam_fail_open" },
		{ "auth [success=ok authinfo_unavail=ignore default=die] " OURS "auth required pam_permit.so\n", false,
		  "error pam_fail_open" },
		{ "auth required " OURS "auth required pam_deny.so\n", false, "error pam_blocked" },
		{ "auth [success=done default=die] pam_unix.so\nauth required " OURS, false, "error pam_unreachable" },
		{ "auth sufficient pam_unix.so\nauth required " OURS, false, "warning pam_bypassed" },
		{ "auth required pam_unix.so\nauth required " OURS, false, "warning pam_required_before" },
		{ "auth required " OURS, true, "error pam_permit_missing" },
		{ "auth required " OURS "auth required pam_permit.so\n", true, "" },
		{ "auth required pam_cognito_otp.so no_such=1\n", false, "error pam_argument" },
		{ "auth required pam_cognito_otp.so config=/nonexistent/file\n", false, "note pam_config, error pam_argument" },
		{ "auth required /nonexistent/" OURS, false, "error pam_module_path" },
		{ "auth required other/" OURS, false, "error pam_module_path" },
		{ "auth required pam_cognito_otp.so\r\n", false, "error pam_file, note pam_unused" },
		{ "auth requisite pam_unixx.so\nauth required " OURS, false, "error pam_module_path" },
		{ "auth required /nonexistent/pam_unix.so\nauth required " OURS, false, "error pam_module_path" },
		{ "auth required " OURS "auth required pam_permitt.so\n", false, "error pam_module_path" },
		{ "auth [success=ignore default=1] pam_succeed_iff.so user = a\nauth required " OURS "auth required pam_permit.so\n", false,
		  "error pam_module_path" },
		{ "-auth optional pam_gnome_keyring.so\nauth required " OURS, false, "" },
		{ "auh required " OURS, false, "error pam_file, note pam_unused" },
		{ "auth requird " OURS, false, "error pam_file, error pam_blocked" },
		{ "auth required " OURS "@include nothing\n", false, "error pam_file, error pam_blocked" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		folder();
		put("sshd", cases[i].text);
		assert_found(cases[i].text, cases[i].ignore, cases[i].wanted);
	}
}

static void test_the_file_to_change_is_named(void **state)
{
	char wanted[PATH_MAX + 64];

	(void)state;
	safe_place_needed();
	folder();
	put("sshd", "# one\nauth required pam_env.so\nauth sufficient pam_unix.so\nauth required " OURS);
	assert_found("sshd", false, "warning pam_bypassed");
	(void)snprintf(wanted, sizeof(wanted), "%s:3: whoever satisfies pam_unix.so", safe_place_path("pam.d/sshd"));
	assert_non_null(strstr(told, wanted));
	assert_int_equal(use.count, 1);
	(void)snprintf(wanted, sizeof(wanted), "%s:4", safe_place_path("pam.d/sshd"));
	assert_string_equal(use.services[0].where, wanted);
	assert_int_equal(use.services[0].deadline, 20);
}

static void test_services_together(void **state)
{
	(void)state;
	safe_place_needed();
	folder();
	put("sudo", "auth required " OURS);
	assert_found("no sudo-i", false, "");
	put("sudo-i", "@include common-auth\n");
	assert_found("sudo-i without", false, "warning pam_sudo_i");
	put("sudo-i", "@include sudo\n");
	assert_found("sudo-i includes sudo", false, "");
	put("sudo", "@include common-auth\n");
	put("sudo-i", "auth required " OURS);
	assert_found("sudo without", false, "warning pam_sudo_i");
	folder();
	put("su", "auth sufficient pam_rootok.so\nauth required " OURS);
	put("su-l", "auth include su\n");
	assert_found("su", false, "");
	assert_non_null(pam_use_find(&use, "su-l"));
	put("su-l", "auth required pam_unix.so\n");
	assert_found("su-l without", false, "warning pam_su_l");
}

static void test_a_shared_stack(void **state)
{
	(void)state;
	safe_place_needed();
	folder();
	put("common-auth", "auth sufficient " OURS);
	put("cron", "@include common-auth\n");
	put("sshd", "@include common-auth\n");
	put("sshd.dpkg-old", "@include common-auth\n");
	assert_found("common-auth", false, "error pam_sufficient, warning pam_shared_stack");
	assert_non_null(strstr(told, "ask for a code now: cron sshd\n"));
	assert_int_equal(use.count, 2);
}

static void test_without_a_mapping(void **state)
{
	static const char open[] = "auth required " OURS "auth required pam_permit.so\n";

	(void)state;
	safe_place_needed();
	folder();
	put("sshd", open);
	assert_found("sshd", true, "");
	assert_true(pam_use_find(&use, "sshd")->unmapped_open);
	assert_found("sshd, but deny", false, "");
	assert_false(pam_use_find(&use, "sshd")->unmapped_open);
	put("login", open);
	assert_found("login", true, "error pam_permit_open");
}

static void test_who_proves_himself_first(void **state)
{
	static const struct {
		const char *text;
		bool first;
	} cases[] = {
		{ "auth requisite pam_unix.so\nauth required " OURS, true },
		{ "@include common-auth\nauth required " OURS, true },
		{ "auth required " OURS "auth required pam_unix.so\n", false },
		{ "auth required pam_permit.so\nauth required " OURS, false },
		{ "auth optional pam_unix.so\nauth required " OURS, false },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		folder();
		put("sshd", cases[i].text);
		assert_found(cases[i].text, false, "");
		assert_int_equal(pam_use_find(&use, "sshd")->proved_first, cases[i].first);
	}
}

static void test_who_can_write(void **state)
{
	(void)state;
	safe_place_needed();
	folder();
	put("sshd", "auth required pam_deny.so\n");
	put("sudo", "auth required " OURS);
	safe_place_must(chmod(safe_place_path("pam.d/sshd"), 0666) == 0, "chmod");
	assert_found("a file without us", false, "");
	safe_place_must(chmod(safe_place_path("pam.d/sudo"), 0664) == 0, "chmod");
	assert_found("sudo", false, "error pam_file");
	safe_place_must(chmod(safe_place_path("pam.d/sudo"), 0644) == 0, "chmod");
	safe_place_must(chmod(safe_place_path("pam.d"), 0777) == 0, "chmod");
	assert_found("the directory", false, "error pam_file");
	safe_place_must(chmod(safe_place_path("pam.d"), 0755) == 0, "chmod");
}

static void test_modules_that_pam_does_not_find(void **state)
{
	char text[PATH_MAX + 32];

	(void)state;
	safe_place_needed();
	folder();
	put("sshd", "auth required " OURS);
	(void)close(safe_place_open("elsewhere"));
	safe_place_text("elsewhere/pam_cognito_otp.so", "");
	(void)snprintf(text, sizeof(text), "auth required %s\n", safe_place_path("security/pam_cognito_otp.so"));
	put("sshd", text);
	assert_found("by its whole path", false, "");
	(void)snprintf(text, sizeof(text), "auth required %s\n", safe_place_path("elsewhere/pam_cognito_otp.so"));
	put("sshd", text);
	assert_found("another file", false, "error pam_module_path");
	put("sshd", "auth required " OURS);
	safe_place_must(unlink(safe_place_path("security/pam_permit.so")) == 0, "unlink");
	assert_found("elsewhere", false, "error pam_module_path");
	safe_place_must(unlink(safe_place_path("security/pam_cognito_otp.so")) == 0, "unlink");
	assert_found("nowhere", false, "error pam_module_path");
}

/* --- the stacks that we tell people to write ------------------------------------------------------------------------------------ */

static char *read_page(const char *path)
{
	FILE *file = fopen(path, "r");
	char *text = calloc(1, 1024 * 1024);

	safe_place_must(file != NULL && text != NULL, path);
	safe_place_must(fread(text, 1, 1024 * 1024 - 1, file) > 0, path);
	(void)fclose(file);
	return text;
}

/* Writes the stack to each of the files that its mark names; returns how many are of PAM. */
static int write_stack(const char *mark, const char *text)
{
	char files[256];
	char *rest = files;
	const char *word;
	int count = 0;

	(void)snprintf(files, sizeof(files), "%.*s", (int)strcspn(mark, "\n"), mark);
	while ((word = strsep(&rest, " ")) != NULL) {
		if (strncmp(word, "/etc/pam.d/", strlen("/etc/pam.d/")) != 0)
			continue;
		put(word + strlen("/etc/pam.d/"), text);
		count++;
	}
	return count;
}

/* Every stack between `mark` and `end` of the page; `first` is what stands between the mark's line and the text. */
static void assert_page(const char *path, const char *mark, const char *first, const char *end)
{
	char *page = read_page(path);
	char *at = page;
	int count = 0;

	while ((at = strstr(at, mark)) != NULL) {
		char *text = strchr(at + 1, '\n') + 1;
		char *stop;

		at += strlen(mark);
		safe_place_must(strncmp(text, first, strlen(first)) == 0, at);
		text += strlen(first);
		stop = strstr(text, end);
		safe_place_must(stop != NULL, at);
		*stop = '\0';
		folder();
		if (write_stack(at, text) > 0) {
			char names[512];

			check(strncmp(at, "unmapped-", strlen("unmapped-")) == 0, names);
			if (strstr(names, "error") != NULL || strstr(names, "warning") != NULL ||
			    (use.count == 0 && strncmp(at, "sessions", strlen("sessions")) != 0)) { /* whose auth lines stand elsewhere */
				print_error("%s\n%s", text, told);
				fail();
			}
			count++;
		}
		at = stop + 1;
	}
	assert_true(count > 2);
	free(page);
}

static void test_the_stacks_of_the_manual_are_sound(void **state)
{
	(void)state;
	safe_place_needed();
	assert_page(OTP_TEST_TOP "/man/pam_cognito_otp.8", "\n.\\\" stack: ", "", ".\\\" end: ");
}

static void test_the_stacks_of_the_readme_are_sound(void **state)
{
	(void)state;
	safe_place_needed();
	assert_page(OTP_TEST_TOP "/README.md", "\n<!-- stack: ", "```text\n", "```");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_traps),
		cmocka_unit_test(test_the_file_to_change_is_named),
		cmocka_unit_test(test_services_together),
		cmocka_unit_test(test_a_shared_stack),
		cmocka_unit_test(test_without_a_mapping),
		cmocka_unit_test(test_who_proves_himself_first),
		cmocka_unit_test(test_who_can_write),
		cmocka_unit_test(test_modules_that_pam_does_not_find),
		cmocka_unit_test(test_the_stacks_of_the_manual_are_sound),
		cmocka_unit_test(test_the_stacks_of_the_readme_are_sound),
	};

	return cmocka_run_group_tests_name("check_pam", tests, safe_place_setup, safe_place_teardown);
}
