/* Of several that want the same at once one goes on and the others wait: until he ends, dies, or their own time is over. */
#include "safe_place.h"

#include <sys/prctl.h>

#include "turn.h"

enum { LONG_MS = 10000, SHORT_MS = 300, HOLD_MS = 400, CROWD = 16 };

static struct turn take(int dir, uint64_t whose, int64_t ms, enum otp_err wanted)
{
	struct deadline deadline = deadline_start(ms);
	struct turn turn;

	assert_err("turn", turn_take(dir, whose, &deadline, &turn), wanted);
	return turn;
}

/* Another process that takes the turn, says so, holds it for `ms`, and ends it, or is killed meanwhile. */
static pid_t hold(int dir, uint64_t whose, int64_t ms)
{
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct deadline deadline = deadline_start(LONG_MS);
		struct turn turn = TURN_NONE;
		bool got = turn_take(dir, whose, &deadline, &turn) == OTP_OK && turn.fd >= 0;

		(void)!write(ready[1], got ? "1" : "0", 1);
		clock_sleep_until_ms(clock_monotonic_ms() + ms);
		turn_end(&turn);
		_exit(0);
	}
	(void)close(ready[1]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	assert_int_equal(byte, '1');
	return pid;
}

static void assert_ended_well(pid_t pid)
{
	int status = -1;

	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
}

static void test_one_after_the_other(void **state)
{
	struct turn turn;
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	for (int i = 0; i < 3; i++) {
		turn = take(dir, 7, 0, OTP_OK); /* nobody has it: no time is needed */
		assert_true(turn.fd >= 0);
		assert_true((fcntl(turn.fd, F_GETFD) & FD_CLOEXEC) != 0);
		turn_end(&turn);
		assert_int_equal(turn.fd, -1);
		turn_end(&turn);
	}
	assert_int_equal(fstatat(dir, "turns", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

static void test_the_second_waits_until_the_first_ends(void **state)
{
	struct turn turn;
	int64_t start;
	int64_t waited;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	pid = hold(dir, 7, HOLD_MS);
	start = clock_monotonic_ms();
	turn = take(dir, 7, LONG_MS, OTP_OK);
	waited = clock_monotonic_ms() - start;
	assert_true(turn.fd >= 0);
	turn_end(&turn);
	assert_ended_well(pid);
	assert_in_range(waited, HOLD_MS / 2, LONG_MS - 1000);
	(void)close(dir);
}

static void test_the_second_waits_no_longer_than_he_has(void **state)
{
	struct turn turn;
	int64_t start;
	int64_t waited;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	pid = hold(dir, 7, LONG_MS);
	start = clock_monotonic_ms();
	turn = take(dir, 7, SHORT_MS, OTP_ERR_NET_TIMEOUT);
	waited = clock_monotonic_ms() - start;
	assert_int_equal(turn.fd, -1);
	turn_end(&turn);
	assert_in_range(waited, SHORT_MS / 2, SHORT_MS + 2000);
	turn = take(dir, 7, 0, OTP_ERR_NET_TIMEOUT);
	assert_int_equal(turn.fd, -1);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(dir);
}

static void test_a_turn_ends_with_its_holder(void **state)
{
	struct turn turn;
	int64_t start;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	pid = hold(dir, 7, LONG_MS);
	start = clock_monotonic_ms();
	assert_int_equal(kill(pid, SIGKILL), 0);
	turn = take(dir, 7, LONG_MS, OTP_OK);
	assert_true(turn.fd >= 0);
	assert_true(clock_monotonic_ms() - start < LONG_MS / 2);
	turn_end(&turn);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(dir);
}

/* A process that its caller stops may be somebody's who wants to hold up others: they wait for as long as they have, and no longer. */
static void test_a_stopped_holder(void **state)
{
	struct turn turn;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	pid = hold(dir, 7, HOLD_MS);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	turn = take(dir, 7, 2 * HOLD_MS, OTP_ERR_NET_TIMEOUT);
	assert_int_equal(kill(pid, SIGCONT), 0);
	turn = take(dir, 7, LONG_MS, OTP_OK);
	turn_end(&turn);
	assert_ended_well(pid);
	(void)close(dir);
}

static void test_strangers_do_not_wait_for_each_other(void **state)
{
	static const uint64_t others[] = { 0, 3, 8, UINT64_MAX, UINT64_C(1) << 63, UINT64_C(1) << 62, UINT64_C(0x0123456789abcdef) };
	struct turn turn;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	pid = hold(dir, 4, LONG_MS);
	for (size_t i = 0; i < CASES(others); i++) {
		turn = take(dir, others[i], 0, OTP_OK);
		assert_true(turn.fd >= 0);
		turn_end(&turn);
	}
	turn = take(dir, 4, 0, OTP_ERR_NET_TIMEOUT);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	(void)close(dir);
}

/* A lock of the process would be gone with any descriptor of the file, and would be no hindrance to the process itself. */
static void test_a_turn_belongs_to_its_descriptor(void **state)
{
	struct turn turn;
	struct turn other;
	int status = -1;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	turn = take(dir, 7, 0, OTP_OK);
	(void)take(dir, 7, 0, OTP_ERR_NET_TIMEOUT);
	other = take(dir, 100, 0, OTP_OK);
	turn_end(&other);
	pid = fork();
	if (pid == 0) {
		struct deadline deadline = deadline_start(0);
		struct turn mine;

		_exit(turn_take(dir, 7, &deadline, &mine) == OTP_ERR_NET_TIMEOUT ? 0 : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	turn_end(&turn);
	turn = take(dir, 7, 0, OTP_OK);
	turn_end(&turn);
	(void)close(dir);
}

static void test_every_number_is_a_turn(void **state)
{
	struct turn turn;

	(void)state;
	safe_place_needed();
	for (int bit = 0; bit < 64; bit += 9) {
		uint64_t whose = UINT64_MAX << bit;
		int dir = safe_place_open("dir");
		pid_t pid = hold(dir, whose, LONG_MS);

		turn = take(dir, whose, 0, OTP_ERR_NET_TIMEOUT);
		assert_int_equal(turn.fd, -1);
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
		(void)close(dir);
	}
}

static void test_what_is_no_file_is_replaced(void **state)
{
	struct turn turn;
	struct stat st;

	(void)state;
	safe_place_needed();
	for (int i = 0; i < 6; i++) {
		int dir = safe_place_open("dir");

		safe_place_write("dir/victim", "", 0, 0600);
		if (i == 0)
			assert_int_equal(symlinkat("victim", dir, "turns"), 0);
		else if (i == 1)
			assert_int_equal(mkfifoat(dir, "turns", 0600), 0);
		else if (i == 2)
			assert_int_equal(mkdirat(dir, "turns", 0700), 0);
		else if (i == 3)
			assert_int_equal(linkat(dir, "victim", dir, "turns", 0), 0);
		else
			safe_place_write("dir/turns", "x", i == 4 ? 1 : 0, i == 4 ? 0600 : 0644);
		(void)alarm(5);
		turn = take(dir, 7, 0, OTP_OK);
		(void)alarm(0);
		assert_true(turn.fd >= 0);
		assert_int_equal(fstatat(dir, "turns", &st, AT_SYMLINK_NOFOLLOW), 0);
		assert_int_equal(st.st_mode, S_IFREG | 0600);
		assert_int_equal(st.st_size, 0);
		assert_int_equal(st.st_nlink, 1);
		assert_int_equal(fstat(turn.fd, &st), 0);
		assert_int_equal(st.st_nlink, 1);
		turn_end(&turn);
		(void)close(dir);
	}
}

static void test_where_there_can_be_no_file_all_go_on(void **state)
{
	struct turn turn;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("gone");
	assert_int_equal(rmdir(safe_place_path("gone")), 0);
	turn = take(dir, 7, 0, OTP_OK);
	assert_int_equal(turn.fd, -1);
	turn_end(&turn);
	(void)close(dir);
}

/* --- the caller's death ---------------------------------------------------------------------------------------------------------- */

static int death_signal(void)
{
	int signal = -1;

	assert_int_equal(prctl(PR_GET_PDEATHSIG, &signal), 0);
	return signal;
}

static void test_its_holder_does_not_die_with_the_caller(void **state)
{
	struct turn turn;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_int_equal(prctl(PR_SET_PDEATHSIG, SIGKILL), 0);
	turn = take(dir, 7, 0, OTP_OK);
	assert_int_equal(death_signal(), 0);
	turn_end(&turn);
	assert_int_equal(death_signal(), SIGKILL);
	(void)prctl(PR_SET_PDEATHSIG, 0);
	turn_end(&turn);
	assert_int_equal(death_signal(), 0); /* nothing was held */
	(void)close(dir);
}

/* The caller dies while his helper has the turn: what must be done is done, and then the helper dies, too. */
static void test_a_holder_without_a_caller_dies_after_his_turn(void **state)
{
	int told[2];
	char said[8] = "";
	size_t length = 0;
	ssize_t got;
	pid_t caller;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	caller = fork();
	if (caller == 0) {
		struct deadline deadline = deadline_start(LONG_MS);
		struct turn turn = TURN_NONE;
		pid_t parent = getpid();

		if (fork() != 0) {
			char byte;

			(void)close(told[1]);
			(void)!read(told[0], &byte, 1); /* the turn is taken */
			_exit(0);
		}
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)turn_take(dir, 7, &deadline, &turn);
		(void)!write(told[1], "t", 1);
		for (int i = 0; i < 500 && getppid() == parent; i++)
			clock_sleep_until_ms(clock_monotonic_ms() + 10);
		(void)!write(told[1], "d", 1); /* done */
		turn_end(&turn);
		(void)!write(told[1], "x", 1); /* never */
		_exit(0);
	}
	(void)close(told[1]);
	assert_int_equal(waitpid(caller, NULL, 0), caller);
	while (length < sizeof(said) - 1 && (got = read(told[0], said + length, sizeof(said) - 1 - length)) > 0)
		length += (size_t)got;
	assert_string_equal(said, "d"); /* the caller has read the t */
	(void)close(told[0]);
	(void)close(dir);
}

/* --- at once --------------------------------------------------------------------------------------------------------------------- */

/* Alone in there: makes a file that must not exist, and takes it away again. */
static bool be_alone(void *arg)
{
	int dir = *(int *)arg;
	struct deadline deadline = deadline_start(6 * LONG_MS);
	struct turn turn;
	int fd;

	if (turn_take(dir, 7, &deadline, &turn) != OTP_OK || turn.fd < 0)
		return false;
	fd = openat(dir, "inside", O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	clock_sleep_until_ms(clock_monotonic_ms() + 5);
	if (fd < 0 || unlinkat(dir, "inside", 0) != 0)
		return false;
	turn_end(&turn);
	return true;
}

static void test_a_crowd_goes_one_by_one(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_int_equal(safe_place_crowd(CROWD, be_alone, &dir), CROWD);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_after_the_other),
		cmocka_unit_test(test_the_second_waits_until_the_first_ends),
		cmocka_unit_test(test_the_second_waits_no_longer_than_he_has),
		cmocka_unit_test(test_a_turn_ends_with_its_holder),
		cmocka_unit_test(test_a_stopped_holder),
		cmocka_unit_test(test_strangers_do_not_wait_for_each_other),
		cmocka_unit_test(test_a_turn_belongs_to_its_descriptor),
		cmocka_unit_test(test_every_number_is_a_turn),
		cmocka_unit_test(test_what_is_no_file_is_replaced),
		cmocka_unit_test(test_where_there_can_be_no_file_all_go_on),
		cmocka_unit_test(test_its_holder_does_not_die_with_the_caller),
		cmocka_unit_test(test_a_holder_without_a_caller_dies_after_his_turn),
		cmocka_unit_test(test_a_crowd_goes_one_by_one),
	};

	return cmocka_run_group_tests_name("turn", tests, safe_place_setup, safe_place_teardown);
}
