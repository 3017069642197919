/* Stack files as Linux-PAM reads them: lines, controls, includes, and what is wrong with them. */
#include "safe_place.h"

#include "pam_stack.h"

#include <security/_pam_types.h>

static struct pam_stack stack;

static void load_from(const char *first, const char *second, const char *service, enum otp_err wanted)
{
	const char *directories[] = { first, second, NULL };

	pam_stack_done(&stack);
	assert_err(service, pam_stack_load(directories, service, &stack), wanted);
}

static void load(const char *text)
{
	safe_place_text("svc", text);
	load_from(safe_place, NULL, "svc", OTP_OK);
}

static const struct pam_line *only(const char *text)
{
	load(text);
	if (stack.line_count != 1)
		print_error("text \"%s\"\n", text);
	assert_int_equal(stack.line_count, 1);
	return &stack.lines[0];
}

static const struct pam_line *sound(const char *text)
{
	const struct pam_line *line = only(text);

	if (line->fault != NULL)
		print_error("text \"%s\": %s\n", text, line->fault);
	assert_null(line->fault);
	assert_int_equal(line->kind, PAM_LINE_MODULE);
	return line;
}

/* --- lines ---------------------------------------------------------------------------------------------------------------------- */

static void test_one_line_in_all_its_forms(void **state)
{
	static const char *const texts[] = {
		"auth required pam_x.so\n",
		"auth required pam_x.so",
		"  AUTH \t Required\t pam_x.so  # why",
		"-auth required pam_x.so\n",
		"# auth required pam_y.so\n\n\t\nauth required pam_x.so#\n",
		"auth \\\n required \\ \n pam_x.so\n",
		"account required pam_y.so\nauth required pam_x.so\n-session include nothing\npassword broken",
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(texts); i++) {
		const struct pam_line *line = sound(texts[i]);

		assert_string_equal(line->module, "pam_x.so");
		assert_int_equal(line->argument_count, 0);
		assert_int_equal(line->level, 0);
		assert_int_equal(line->actions[PAM_AUTH_ERR], PAM_ACTION_BAD);
		assert_string_equal(line->file, safe_place_path("svc"));
	}
}

static void test_the_number_is_that_of_the_first_line(void **state)
{
	(void)state;
	safe_place_needed();
	load("# one\nauth required \\\n pam_x.so\n\nauth required pam_y.so\n");
	assert_int_equal(stack.line_count, 2);
	assert_int_equal(stack.lines[0].number, 2);
	assert_int_equal(stack.lines[1].number, 5);
}

static void test_a_comment_ends_a_continued_line(void **state)
{
	(void)state;
	safe_place_needed();
	load("auth required pam_x.so # \\\nauth required pam_y.so\n");
	assert_int_equal(stack.line_count, 2);
}

static void test_arguments(void **state)
{
	const struct pam_line *line;

	(void)state;
	safe_place_needed();
	line = sound("auth required /lib/security/$ISA/pam_x.so a=b [users=alice bob] [c\\]d] \\\n last\n");
	assert_string_equal(line->module, "/lib/security/$ISA/pam_x.so");
	assert_string_equal(pam_stack_module_name(line), "pam_x.so");
	assert_int_equal(line->argument_count, 4);
	assert_string_equal(line->arguments[0], "a=b");
	assert_string_equal(line->arguments[1], "users=alice bob");
	assert_string_equal(line->arguments[2], "c]d");
	assert_string_equal(line->arguments[3], "last");
}

/* --- controls ------------------------------------------------------------------------------------------------------------------- */

static void test_controls(void **state)
{
	static const struct {
		const char *control;
		int success;
		int ignore;
		int auth_err;
		int maxtries;
	} cases[] = {
		{ "required", PAM_ACTION_OK, PAM_ACTION_IGNORE, PAM_ACTION_BAD, PAM_ACTION_BAD },
		{ "requisite", PAM_ACTION_OK, PAM_ACTION_IGNORE, PAM_ACTION_DIE, PAM_ACTION_DIE },
		{ "sufficient", PAM_ACTION_DONE, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE },
		{ "optional", PAM_ACTION_OK, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE },
		{ "[success=ok default=die]", PAM_ACTION_OK, PAM_ACTION_DIE, PAM_ACTION_DIE, PAM_ACTION_DIE },
		{ "[success=12 default=ignore]", 12, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE, PAM_ACTION_IGNORE },
		{ "[ success = done  auth_err=reset ]", PAM_ACTION_DONE, PAM_ACTION_BAD, PAM_ACTION_RESET, PAM_ACTION_BAD },
		{ "[default=bad success=ok]", PAM_ACTION_OK, PAM_ACTION_BAD, PAM_ACTION_BAD, PAM_ACTION_BAD },
		{ "[maxtries=ignore]", PAM_ACTION_BAD, PAM_ACTION_BAD, PAM_ACTION_BAD, PAM_ACTION_IGNORE },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		char text[128];
		const struct pam_line *line;

		(void)snprintf(text, sizeof(text), "auth %s pam_x.so\n", cases[i].control);
		line = sound(text);
		assert_int_equal(line->actions[PAM_SUCCESS], cases[i].success);
		assert_int_equal(line->actions[PAM_IGNORE], cases[i].ignore);
		assert_int_equal(line->actions[PAM_AUTH_ERR], cases[i].auth_err);
		assert_int_equal(line->actions[PAM_MAXTRIES], cases[i].maxtries);
	}
}

static void test_what_pam_cannot_use(void **state)
{
	static const struct {
		const char *text;
		const char *fault;
	} cases[] = {
		{ "auth\n", "it has no control" },
		{ "auth required\n", "it names no module" },
		{ "auth requird pam_x.so\n", "its control is none that PAM knows" },
		{ "auth [succes=ok] pam_x.so\n", "its control is none that PAM knows" },
		{ "auth [success=0] pam_x.so\n", "its control is none that PAM knows" },
		{ "auth [success=maybe] pam_x.so\n", "its control is none that PAM knows" },
		{ "auth [success] pam_x.so\n", "its control is none that PAM knows" },
		{ "aut required pam_x.so\n", "its type is none of auth, account, password, session" },
		{ "auth include\n", "it names no file" },
		{ "auth include nothing\n", "it includes a file that is not there" },
		{ "@include nothing\n", "it includes a file that is not there" },
		{ "@include svc\n", "it includes a file that includes it" },
		{ "auth include .\n", "the file is no regular one of at most 64 KiB" },
		{ "auth required pam_x.so\r\n", "it has a carriage return: the file is from Windows" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		const struct pam_line *line = only(cases[i].text);

		if (line->fault == NULL)
			print_error("text \"%s\"\n", cases[i].text);
		assert_non_null(line->fault);
		assert_string_equal(line->fault, cases[i].fault);
		assert_int_equal(line->actions[PAM_AUTH_ERR] == PAM_ACTION_IGNORE, 0);
	}
}

/* --- files ---------------------------------------------------------------------------------------------------------------------- */

static void assert_line(size_t index, const char *file, int number, int level, const char *module)
{
	const struct pam_line *line = &stack.lines[index];

	assert_true(index < stack.line_count);
	assert_string_equal(strrchr(line->file, '/') + 1, file);
	assert_int_equal(line->number, number);
	assert_int_equal(line->level, level);
	assert_string_equal(line->module, module);
}

static void test_includes(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("inner", "account required pam_n.so\nauth required pam_i.so\n");
	safe_place_text("outer", "auth include inner\nauth required pam_o.so\n");
	load("auth required pam_a.so\n@include outer\nauth substack outer\naccount include outer\nauth required pam_z.so\n");
	assert_int_equal(stack.line_count, 7);
	assert_line(0, "svc", 1, 0, "pam_a.so");
	assert_line(1, "inner", 2, 0, "pam_i.so");
	assert_line(2, "outer", 2, 0, "pam_o.so");
	assert_int_equal(stack.lines[3].kind, PAM_LINE_SUBSTACK);
	assert_line(4, "inner", 2, 1, "pam_i.so");
	assert_line(5, "outer", 2, 1, "pam_o.so");
	assert_line(6, "svc", 5, 0, "pam_z.so");
}

static void test_the_first_directory_wins(void **state)
{
	char second[PATH_MAX + 8];

	(void)state;
	safe_place_needed();
	safe_place_mkdir("vendor", 0755);
	(void)snprintf(second, sizeof(second), "%s/vendor", safe_place);
	safe_place_text("vendor/svc", "auth required pam_vendor.so\n");
	safe_place_text("vendor/own", "auth required pam_own.so\n");
	safe_place_text("svc", "auth required pam_local.so\n@include own\n");
	load_from(safe_place, second, "svc", OTP_OK);
	assert_line(0, "svc", 1, 0, "pam_local.so");
	assert_line(1, "own", 1, 0, "pam_own.so");
}

static void test_other_serves_whoever_has_no_auth_lines(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("svc", "session required pam_x.so\n");
	load_from(safe_place, NULL, "svc", OTP_OK);
	assert_true(stack.other);
	assert_int_equal(stack.line_count, 0);
	safe_place_text("other", "auth required pam_deny.so\n");
	load_from(safe_place, NULL, "svc", OTP_OK);
	assert_true(stack.other);
	assert_line(0, "other", 1, 0, "pam_deny.so");
	load_from(safe_place, NULL, "nobody", OTP_OK);
	assert_true(stack.other);
	assert_int_equal(unlink(safe_place_path("other")), 0);
	load_from(safe_place, NULL, "nobody", OTP_ERR_CONFIG_OPEN);
}

static void test_who_can_write(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_write("svc", "auth include open\n", 18, 0644);
	safe_place_write("open", "auth required pam_x.so\n", 23, 0664);
	load_from(safe_place, NULL, "svc", OTP_OK);
	assert_int_equal(stack.file_count, 2);
	assert_false(stack.files[0].unsafe);
	assert_true(stack.files[1].unsafe);
	assert_line(0, "open", 1, 0, "pam_x.so");
}

static void test_a_link_is_followed_and_a_fifo_does_not_wait(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("real", "auth required pam_x.so\n");
	(void)unlink(safe_place_path("link"));
	assert_int_equal(symlink("real", safe_place_path("link")), 0);
	load_from(safe_place, NULL, "link", OTP_OK);
	assert_line(0, "link", 1, 0, "pam_x.so");
	assert_int_equal(mkfifo(safe_place_path("fifo"), 0600), 0);
	assert_non_null(only("auth include fifo\n")->fault);
}

static void test_bounds(void **state)
{
	enum { SIZE = PAM_STACK_FILE_MAX + 1 };
	static char text[SIZE];
	char *out = text;

	(void)state;
	safe_place_needed();
	memset(text, '#', SIZE);
	safe_place_write("large", text, SIZE, 0644);
	assert_string_equal(only("auth include large\n")->fault, "the file is no regular one of at most 64 KiB");
	for (int i = 0; i <= PAM_STACK_LINES_MAX; i++)
		out += sprintf(out, "auth required pam_%d.so\n", i);
	load(text);
	assert_true(stack.truncated);
	assert_int_equal(stack.line_count, PAM_STACK_LINES_MAX);
	out = text + sprintf(text, "auth required pam_x.so");
	for (int i = 0; i <= PAM_STACK_ARGUMENTS_MAX; i++)
		out += sprintf(out, " a");
	load(text);
	assert_true(stack.truncated);
	for (int i = 0; i < 40; i++) {
		char name[16];

		(void)snprintf(name, sizeof(name), "deep%d", i);
		(void)sprintf(text, "auth include deep%d\n", i + 1);
		safe_place_text(name, text);
	}
	assert_string_equal(only("auth include deep0\n")->fault, "files include each other more than 16 deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_line_in_all_its_forms),
		cmocka_unit_test(test_the_number_is_that_of_the_first_line),
		cmocka_unit_test(test_a_comment_ends_a_continued_line),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_controls),
		cmocka_unit_test(test_what_pam_cannot_use),
		cmocka_unit_test(test_includes),
		cmocka_unit_test(test_the_first_directory_wins),
		cmocka_unit_test(test_other_serves_whoever_has_no_auth_lines),
		cmocka_unit_test(test_who_can_write),
		cmocka_unit_test(test_a_link_is_followed_and_a_fifo_does_not_wait),
		cmocka_unit_test(test_bounds),
	};
	int failed = cmocka_run_group_tests_name("pam_stack", tests, safe_place_setup, safe_place_teardown);

	pam_stack_done(&stack);
	return failed;
}
