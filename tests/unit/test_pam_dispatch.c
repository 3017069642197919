/* What a stack decides: the rules of libpam's pam_dispatch.c, and which of the stacks that people write are traps. */
#include "safe_place.h"

#include "pam_dispatch.h"

#include <security/_pam_types.h>

#define OURS "pam_cognito_otp.so\n"

enum {
	ALL_OPEN = 1 << PAM_AUTH_ERR | 1 << PAM_MAXTRIES | 1 << PAM_USER_UNKNOWN | 1 << PAM_PERM_DENIED | 1 << PAM_AUTHINFO_UNAVAIL |
		   1 << PAM_SERVICE_ERR | 1 << PAM_SYSTEM_ERR | 1 << PAM_BUF_ERR | 1 << PAM_CONV_ERR | 1 << PAM_MODULE_UNKNOWN
};

/* The words: R reached, W works, A asked, B bypassed, F ignored_fails, O ignored_open, P asks_failed. */
struct stack_case {
	const char *text;
	const char *words;
	unsigned int open;
};

static void verdict_words(const struct pam_verdict *verdict, char out[8])
{
	const struct {
		bool on;
		char letter;
	} letters[] = {
		{ verdict->reached, 'R' },	 { verdict->works, 'W' },	 { verdict->asked, 'A' },	{ verdict->bypassed, 'B' },
		{ verdict->ignored_fails, 'F' }, { verdict->ignored_open, 'O' }, { verdict->asks_failed, 'P' },
	};

	for (size_t i = 0; i < CASES(letters); i++) {
		if (letters[i].on)
			*out++ = letters[i].letter;
	}
	*out = '\0';
}

static struct pam_verdict judge(const char *text)
{
	static struct pam_stack stack;
	const char *directories[] = { safe_place, NULL };
	struct pam_verdict verdict;

	safe_place_text("svc", text);
	pam_stack_done(&stack);
	assert_err(text, pam_stack_load(directories, "svc", &stack), OTP_OK);
	pam_dispatch_judge(&stack, &verdict);
	pam_stack_done(&stack);
	return verdict;
}

static void assert_cases(const struct stack_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct pam_verdict verdict = judge(cases[i].text);
		char words[8];

		verdict_words(&verdict, words);
		if (!verdict.decided || strcmp(words, cases[i].words) != 0 || verdict.open != cases[i].open) {
			print_error("%s: decided %d, %s, open %#x\n", cases[i].text, verdict.decided, words, verdict.open);
			fail();
		}
	}
}

static void write_shared_files(void)
{
	safe_place_text("common-auth",
			"auth [success=1 default=ignore] pam_unix.so nullok\nauth requisite pam_deny.so\nauth required pam_permit.so\n"
			"auth optional pam_cap.so\n");
	safe_place_text("password-auth",
			"auth required pam_env.so\nauth required pam_faildelay.so delay=2000000\nauth sufficient pam_unix.so nullok\n"
			"auth required pam_deny.so\n");
}

static void test_good_stacks(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth required " OURS, "RWAF", 0 },
		{ "auth requisite " OURS, "RWAF", 0 },
		{ "auth [success=ok default=die] " OURS, "RWA", 0 },
		{ "auth [success=ok ignore=ignore default=die] " OURS "auth required pam_permit.so\n", "RWAO", 0 },
		{ "auth required " OURS "auth required pam_permit.so\n", "RWAO", 0 },
		{ "auth requisite pam_unix.so\nauth required " OURS, "RWA", 0 },
		{ "@include common-auth\nauth required " OURS, "RWA", 0 },
		{ "auth required " OURS "@include common-auth\n", "RWA", 0 },
		{ "auth [success=done ignore=ignore default=die] " OURS "auth required pam_unix.so\n", "RWA", 0 },
		{ "auth optional pam_faildelay.so\nauth requisite pam_nologin.so\nauth required " OURS, "RWAF", 0 },
		{ "auth sufficient pam_rootok.so\nauth required " OURS, "RWABF", 0 },
		{ "auth required pam_wheel.so\nauth required " OURS, "RWAO", 0 },
	};

	(void)state;
	safe_place_needed();
	write_shared_files();
	assert_cases(cases, CASES(cases));
}

static void test_exceptions_for_some_are_meant(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth [success=ignore default=1] pam_succeed_if.so quiet uid eq 0\nauth [success=done default=die] pam_unix.so\nauth "
		  "required " OURS,
		  "RWABF", 0 },
		{ "auth [success=1 default=ignore] pam_succeed_if.so user ingroup no-code\nauth requisite " OURS
		  "auth required pam_permit.so\n",
		  "RWABO", 0 },
		{ "auth [success=ignore default=1] pam_succeed_if.so user = alice\nauth [success=done default=die] " OURS
		  "@include common-auth\n",
		  "RWAB", 0 },
		{ "auth [success=done authinfo_unavail=ignore default=die] " OURS "auth requisite pam_succeed_if.so user ingroup glass\n"
		  "auth required pam_unix.so\n",
		  "RWA", 0 },
	};

	(void)state;
	safe_place_needed();
	write_shared_files();
	assert_cases(cases, CASES(cases));
}

static void test_failures_that_let_in(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth optional " OURS "auth required pam_permit.so\n", "RWAO", ALL_OPEN },
		{ "auth [success=ok default=ignore] " OURS "@include common-auth\n", "RWA", ALL_OPEN },
		{ "auth [success=ok authinfo_unavail=ignore default=die] " OURS "auth required pam_permit.so\n", "RWA",
		  1 << PAM_AUTHINFO_UNAVAIL },
		{ "auth [success=ok maxtries=1 default=die] " OURS "auth required pam_deny.so\nauth required pam_permit.so\n", "R", 0 },
		{ "auth [success=1 maxtries=1 default=die] " OURS "auth required pam_deny.so\nauth required pam_permit.so\n", "RWA",
		  1 << PAM_MAXTRIES },
		{ "auth requisite pam_succeed_if.so user ingroup people\nauth [success=ok service_err=ignore default=die] " OURS, "RWA",
		  1 << PAM_SERVICE_ERR },
		/* ok keeps the failure as the result, and reset forgets it */
		{ "auth [default=ok] " OURS "auth required pam_permit.so\n", "RWA", 0 },
		{ "auth [success=ok default=bad] " OURS "auth [default=reset] pam_permit.so\nauth required pam_permit.so\n", "RWAO",
		  ALL_OPEN },
		/* sufficient, with nothing behind it: the failure is ignored, and nothing decides */
		{ "auth sufficient " OURS, "RWAF", 0 },
		{ "auth sufficient " OURS "auth required pam_unix.so\n", "RWA", ALL_OPEN },
		{ "auth sufficient " OURS "auth required pam_deny.so\n", "RWA", 0 },
	};

	(void)state;
	safe_place_needed();
	write_shared_files();
	assert_cases(cases, CASES(cases));
}

static void test_ways_around(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth sufficient pam_unix.so\nauth required " OURS, "RWBF", 0 },
		{ "auth [success=2 default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required " OURS
		  "auth required pam_permit.so\n",
		  "B", 0 },
		{ "auth [success=done default=ignore] pam_unix.so\nauth requisite pam_deny.so\nauth required " OURS, "B", 0 },
		{ "auth [success=ok authinfo_unavail=1 default=die] pam_krb5.so\nauth required " OURS "auth required pam_permit.so\n",
		  "RWB", 0 },
		{ "auth substack password-auth\nauth required " OURS, "RWAP", 0 },
		{ "auth include password-auth\nauth required " OURS, "RBP", 0 },
	};

	(void)state;
	safe_place_needed();
	write_shared_files();
	assert_cases(cases, CASES(cases));
}

static void test_nobody_gets_in(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth required " OURS "auth required pam_deny.so\n", "R", 0 },
		{ "auth requisite pam_deny.so\nauth required " OURS, "", 0 },
		{ "auth required pam_deny.so\nauth required " OURS, "R", 0 },
		{ "auth [success=1] pam_permit.so\nauth required " OURS, "", 0 },
		{ "auth [success=3] " OURS "auth required pam_permit.so\n", "R", 0 },
		{ "auth required " OURS "auth required\n", "R", 0 },
		{ "auth required " OURS "auth include nothing\n", "R", 0 },
	};

	(void)state;
	safe_place_needed();
	assert_cases(cases, CASES(cases));
}

static void test_wrong_passwords_that_mail(void **state)
{
	static const struct stack_case cases[] = {
		{ "auth required pam_unix.so\nauth required " OURS, "RWAP", 0 },
		{ "auth required pam_sss.so\nauth required pam_env.so\nauth required " OURS, "RWAP", 0 },
		{ "auth optional pam_unix.so\nauth required " OURS, "RWA", 0 },
	};

	(void)state;
	safe_place_needed();
	assert_cases(cases, CASES(cases));
}

static void test_substacks(void **state)
{
	static const struct stack_case cases[] = {
		/* done and die end the substack, not the stack */
		{ "auth substack done\nauth required " OURS, "RWAO", 0 },
		{ "auth substack die\nauth required " OURS, "R", 0 },
		/* a substack is one line to jump over */
		{ "auth [default=1] pam_env.so\nauth substack die\nauth required " OURS, "RWAF", 0 },
		/* reset goes back to what was before it */
		{ "auth required pam_permit.so\nauth substack reset\nauth required " OURS, "RWAO", 0 },
		{ "auth substack ours\nauth required pam_permit.so\n", "RWAO", 0 },
	};

	(void)state;
	safe_place_needed();
	safe_place_text("done", "auth sufficient pam_permit.so\nauth required pam_deny.so\n");
	safe_place_text("die", "auth requisite pam_deny.so\nauth required pam_permit.so\n");
	safe_place_text("reset", "auth required pam_deny.so\nauth [success=reset] pam_permit.so\n");
	safe_place_text("ours", "auth requisite " OURS);
	assert_cases(cases, CASES(cases));
}

static void test_what_is_too_large_is_not_decided(void **state)
{
	char text[PAM_STACK_FILE_MAX];
	char *out = text;

	(void)state;
	safe_place_needed();
	for (int i = 0; i < 9; i++)
		out += sprintf(out, "auth required pam_succeed_if.so uid ne %d\n", i);
	(void)sprintf(out, "auth required " OURS);
	assert_false(judge(text).decided);
	out = text;
	for (int i = 0; i <= PAM_STACK_LINES_MAX; i++)
		out += sprintf(out, "auth required " OURS);
	assert_false(judge(text).decided);
	out = text;
	for (int i = 0; i < 40; i++)
		out += sprintf(out, "auth [success=%d default=ignore] pam_%d.so\n", 1 + i % 3, i);
	(void)sprintf(out, "auth required " OURS "auth required pam_permit.so\nauth required pam_permit.so\n");
	assert_true(judge(text).decided);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_stacks),
		cmocka_unit_test(test_exceptions_for_some_are_meant),
		cmocka_unit_test(test_failures_that_let_in),
		cmocka_unit_test(test_ways_around),
		cmocka_unit_test(test_nobody_gets_in),
		cmocka_unit_test(test_wrong_passwords_that_mail),
		cmocka_unit_test(test_substacks),
		cmocka_unit_test(test_what_is_too_large_is_not_decided),
	};

	return cmocka_run_group_tests_name("pam_dispatch", tests, safe_place_setup, safe_place_teardown);
}
