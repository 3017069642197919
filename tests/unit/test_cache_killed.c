/*
 * SIGKILL at every system call of keeping a record, and between them: the old record, whole, or the new one, whole; and the next keeping
 * and finding work. The kernel stops the writer at each entry and each return of a call (ptrace), so that none is missed.
 */
#include "cache_people.h"

#include <signal.h>
#include <sys/ptrace.h>
#include <sys/wait.h>

enum { STOPS_MIN = 40, STOPS_MAX = 2000 };

static struct cache_call call;

/* What the child does between its first stop and its end. */
static void keep_stopped(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0 || raise(SIGSTOP) != 0)
		_exit(2);
	_exit(cache_log_in(&call, "new") == OTP_OK ? 0 : 1);
}

/* Lets the writer go to its stop number `stop` and kills it there. False: it ended before, with *ret_status. */
static bool kill_at(int stop, int *ret_status)
{
	pid_t pid = fork();

	if (pid == 0)
		keep_stopped();
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	for (int i = 0; WIFSTOPPED(*ret_status) && i < stop; i++) {
		assert_int_equal(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		assert_int_equal(waitpid(pid, ret_status, 0), pid);
	}
	if (!WIFSTOPPED(*ret_status))
		return false;
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, ret_status, 0), pid);
	return true;
}

/* The groups of the record that counts: "old" or "new". */
static char found(void)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	struct note note = { "" };

	assert_true(cache_find(&call, &record, &note));
	assert_true(strcmp(record.groups, "old") == 0 || strcmp(record.groups, "new") == 0);
	return record.groups[0];
}

static void test_whole_at_every_call(void **state)
{
	int dir;
	int olds = 0;
	int news = 0;
	int status = 0;

	(void)state;
	safe_place_needed();
	dir = cache_begin(&call);
	for (int stop = 0; stop < STOPS_MAX; stop++) {
		assert_err("old", cache_log_in(&call, "old"), OTP_OK);
		if (!kill_at(stop, &status))
			break;
		if (found() == 'o')
			olds++;
		else
			news++;
	}
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	print_message("# killed at %d stops: the old one %d times, the new one %d times\n", olds + news, olds, news);
	assert_true(olds + news >= STOPS_MIN && news > 0 && olds > news);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_whole_at_every_call),
	};

	return cmocka_run_group_tests_name("cache_killed", tests, safe_place_setup, safe_place_teardown);
}
