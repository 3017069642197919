/* Whose session is looked at, and in which process; which processes there are, the test says (linked with --wrap). */
#include "assert_err.h"

#include "login_session.h"

enum { UID = 7001, OPENER = 500 };

static bool lives;
static bool begun;

bool __wrap_process_read(pid_t pid, struct process *ret_process);
bool __wrap_process_read(pid_t pid, struct process *ret_process)
{
	*ret_process = lives ? (struct process){ pid, 1, 12345, 7 } : (struct process)PROCESS_UNKNOWN;
	return lives;
}

bool __wrap_process_began_session(const struct process *process);
bool __wrap_process_began_session(const struct process *process)
{
	assert_int_equal(process->pid, OPENER);
	return begun;
}

static void test_whose_it_is(void **state)
{
	static const struct {
		enum otp_err looked_up;
		uid_t uid;
		bool lives;
		bool begun;
		enum otp_err wanted;
	} cases[] = {
		{ OTP_OK, UID, true, true, OTP_OK },
		{ OTP_OK, 0, true, true, OTP_IGNORED },
		{ OTP_OK, UID, false, true, OTP_IGNORED },
		{ OTP_OK, UID, true, false, OTP_IGNORED },
		{ OTP_ERR_USER_UNKNOWN, UID, true, true, OTP_ERR_USER_UNKNOWN },
		{ OTP_ERR_USER_NAME, UID, true, true, OTP_ERR_USER_NAME },
		{ OTP_ERR_SYSTEM, 0, true, true, OTP_ERR_SYSTEM },
	};
	struct login_session session;
	struct note note = { "" };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct policy_user user = { .looked_up = cases[i].looked_up, .known = cases[i].looked_up == OTP_OK, .uid = cases[i].uid };

		lives = cases[i].lives;
		begun = cases[i].begun;
		assert_err("find", login_session_find(&session, &user, OPENER, &note), cases[i].wanted);
		assert_ptr_equal(session.user, &user);
		if (cases[i].wanted == OTP_OK)
			assert_int_equal(session.opener.start, 12345);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whose_it_is),
	};

	return cmocka_run_group_tests_name("login_session", tests, NULL, NULL);
}
