/*
 * What the kernel says of processes: of this one and its children, and, where root runs the test and the kernel keeps login sessions, of
 * sessions that the test begins.
 */
#include "assert_err.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process.h"

/* A child that waits until it is ended. */
struct child {
	pid_t pid;
	int gate;
};

/* As pam_loginuid does. */
static bool begin_session(void)
{
	int fd = open("/proc/self/loginuid", O_WRONLY | O_CLOEXEC);
	bool begun = fd >= 0 && write(fd, "7001", 4) == 4;

	if (fd >= 0)
		(void)close(fd);
	return begun;
}

static bool do_nothing(void)
{
	return true;
}

static bool call_itself_odd(void)
{
	return prctl(PR_SET_NAME, ") 1 2 3\n(x) S", 0, 0, 0) == 0;
}

/* *ret_ready: whether `act` in the child said true. */
static struct child start(bool (*act)(void), bool *ret_ready)
{
	int gate[2];
	int news[2];
	char said = 0;
	struct child child;

	assert_int_equal(pipe(gate), 0);
	assert_int_equal(pipe(news), 0);
	child.pid = fork();
	assert_true(child.pid >= 0);
	if (child.pid == 0) {
		(void)close(gate[1]);
		said = act() ? 1 : 0;
		(void)!write(news[1], &said, 1);
		(void)!read(gate[0], &said, 1);
		_exit(0);
	}
	(void)close(gate[0]);
	(void)close(news[1]);
	assert_int_equal(read(news[0], &said, 1), 1);
	(void)close(news[0]);
	*ret_ready = said == 1;
	child.gate = gate[1];
	return child;
}

static void end(const struct child *child)
{
	(void)close(child->gate);
	assert_int_equal(kill(child->pid, SIGKILL), 0); /* a later child has its gate open as well */
	assert_int_equal(waitpid(child->pid, NULL, 0), child->pid);
}

static uint32_t own_session(void)
{
	FILE *file = fopen("/proc/self/sessionid", "re");
	unsigned int session = PROCESS_NO_SESSION;

	if (file != NULL) {
		assert_int_equal(fscanf(file, "%u", &session), 1);
		(void)fclose(file);
	}
	return session;
}

static void test_this_process(void **state)
{
	struct process process;

	(void)state;
	assert_true(process_read(getpid(), &process));
	assert_int_equal(process.pid, getpid());
	assert_int_equal(process.parent, getppid());
	assert_true(process.session == own_session());
	assert_true(process.start > 0);
	assert_true(process_lives(&process));
}

static void test_no_process(void **state)
{
	static const pid_t pids[] = { 0, -1, -4711, 0x7ffffff0 };

	(void)state;
	for (size_t i = 0; i < CASES(pids); i++) {
		struct process process = { 1, 2, 3, 4 };

		assert_false(process_read(pids[i], &process));
		assert_int_equal(process.pid, 0);
		assert_int_equal(process.parent, 0);
		assert_int_equal(process.start, 0);
		assert_true(process.session == PROCESS_NO_SESSION);
		assert_false(process_lives(&process));
		assert_false(process_began_session(&process));
	}
}

/* Whoever chooses the name of his process must not choose its parent and start. */
static void test_a_name_like_the_numbers_behind_it(void **state)
{
	struct process process;
	bool ready;
	struct child child = start(call_itself_odd, &ready);

	(void)state;
	assert_true(ready);
	assert_true(process_read(child.pid, &process));
	assert_int_equal(process.parent, getpid());
	assert_true(process.start > 3);
	end(&child);
}

static void test_a_process_that_ended(void **state)
{
	struct process process;
	bool ready;
	struct child child = start(do_nothing, &ready);

	(void)state;
	assert_true(process_read(child.pid, &process));
	assert_true(process_lives(&process));
	end(&child);
	assert_false(process_lives(&process));
}

/* The same number, given to another process: only the start time tells. */
static void test_a_number_given_again(void **state)
{
	struct process process;

	(void)state;
	assert_true(process_read(getpid(), &process));
	process.start++;
	assert_false(process_lives(&process));
	process.start -= 2;
	assert_false(process_lives(&process));
}

static void test_a_session_that_was_inherited(void **state)
{
	struct process process;
	bool ready;
	struct child child = start(do_nothing, &ready);

	(void)state;
	assert_true(process_read(child.pid, &process));
	assert_true(process.session == own_session());
	assert_false(process_began_session(&process));
	end(&child);
}

static void test_a_session_that_was_begun(void **state)
{
	struct process first;
	struct process second;
	bool ready;
	struct child one = start(begin_session, &ready);
	struct child other;

	(void)state;
	if (!ready) { /* not root, or no audit in this kernel */
		end(&one);
		skip();
	}
	other = start(begin_session, &ready);
	assert_true(process_read(one.pid, &first));
	assert_true(process_read(other.pid, &second));
	assert_true(first.session != PROCESS_NO_SESSION && second.session != PROCESS_NO_SESSION);
	assert_true(first.session != own_session() && first.session != second.session);
	assert_true(process_began_session(&first));
	assert_true(process_began_session(&second));
	end(&one);
	end(&other);
}

/* A parent that is gone, or outside of this container, could have been in the same session. */
static void test_a_parent_that_cannot_be_asked(void **state)
{
	struct process process;

	(void)state;
	assert_true(process_read(getpid(), &process));
	process.session = 42;
	assert_true(process_began_session(&process));
	process.parent = 0;
	assert_false(process_began_session(&process));
	process.parent = 0x7ffffff0;
	assert_false(process_began_session(&process));
}

static void test_none_is_no_session(void **state)
{
	struct process process;

	(void)state;
	assert_true(process_read(getpid(), &process));
	process.session = PROCESS_NO_SESSION;
	assert_false(process_began_session(&process));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_this_process),
		cmocka_unit_test(test_no_process),
		cmocka_unit_test(test_a_name_like_the_numbers_behind_it),
		cmocka_unit_test(test_a_process_that_ended),
		cmocka_unit_test(test_a_number_given_again),
		cmocka_unit_test(test_a_session_that_was_inherited),
		cmocka_unit_test(test_a_session_that_was_begun),
		cmocka_unit_test(test_a_parent_that_cannot_be_asked),
		cmocka_unit_test(test_none_is_no_session),
	};

	return cmocka_run_group_tests_name("process", tests, NULL, NULL);
}
