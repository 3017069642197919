/* How long a step takes those who have proved nothing; time is moved by the tests (linked with --wrap=clock_gettime). */
#include "assert_err.h"

#include <time.h>

#include "pace.h"

static int64_t now_ms;
static int64_t slept_ms;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC)
		return -1;
	now->tv_sec = now_ms / 1000;
	now->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

static void rest(void *door, int64_t ms)
{
	assert_ptr_equal(door, &slept_ms);
	assert_true(ms > 0);
	slept_ms += ms;
	now_ms += ms;
}

/* How long pace_keep waits now. */
static int64_t kept_ms(const struct pace *pace)
{
	const struct conversation conversation = { &slept_ms, NULL, NULL, NULL, rest };

	slept_ms = 0;
	pace_keep(pace, &conversation);
	return slept_ms;
}

static void test_each_step_takes_its_time(void **state)
{
	static const struct {
		int64_t deadline_ms;
		int64_t start;
		int64_t mail;
		int64_t code;
	} cases[] = {
		{ 60000, 100, 2000, 1000 },
		{ 20000, 100, 2000, 1000 },
		{ 16000, 100, 2000, 1000 },
		{ 15000, 100, 1875, 937 },
		{ 8000, 100, 1000, 500 },
		{ 2000, 100, 250, 125 },
		{ 800, 50, 100, 50 },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct pace pace;

		now_ms = 5000;
		pace = pace_start(true, cases[i].deadline_ms, 5000);
		assert_int_equal(kept_ms(&pace), cases[i].start);
		pace_answered(&pace);
		pace_step(&pace, PACE_MAIL);
		assert_int_equal(kept_ms(&pace), cases[i].mail);
		pace_answered(&pace);
		pace_step(&pace, PACE_CODE);
		assert_int_equal(kept_ms(&pace), cases[i].code);
	}
}

/* What was done meanwhile is part of it: the sum tells nothing. */
static void test_work_is_part_of_the_step(void **state)
{
	struct pace pace;

	(void)state;
	now_ms = 5000;
	pace = pace_start(true, 20000, 4930);
	assert_int_equal(kept_ms(&pace), 30);
	pace_answered(&pace);
	pace_step(&pace, PACE_MAIL);
	now_ms += 1999;
	assert_int_equal(kept_ms(&pace), 1);
	pace_answered(&pace);
	pace_step(&pace, PACE_MAIL);
	now_ms += 2000;
	assert_int_equal(kept_ms(&pace), 0);
	pace_answered(&pace);
	pace_step(&pace, PACE_CODE);
	now_ms += 5000;
	assert_int_equal(kept_ms(&pace), 0);
	assert_int_equal(kept_ms(&pace), 0);
}

static void test_thinking_is_not_part_of_it(void **state)
{
	struct pace pace;

	(void)state;
	now_ms = 5000;
	pace = pace_start(true, 20000, 5000);
	(void)kept_ms(&pace);
	now_ms += 3600 * 1000;
	pace_answered(&pace);
	pace_step(&pace, PACE_MAIL);
	assert_int_equal(kept_ms(&pace), 2000);
}

static void test_a_step_that_is_the_same_for_all_is_not_slowed(void **state)
{
	struct pace pace;

	(void)state;
	now_ms = 5000;
	pace = pace_start(true, 20000, 5000);
	pace_answered(&pace);
	assert_int_equal(kept_ms(&pace), 0);
	pace_step(&pace, PACE_MAIL);
	pace_answered(&pace); /* the next answer ends the step before */
	assert_int_equal(kept_ms(&pace), 0);
}

static void test_who_has_proved_something_never_waits(void **state)
{
	static const enum pace_step steps[] = { PACE_START, PACE_MAIL, PACE_CODE };
	struct pace pace;

	(void)state;
	now_ms = 5000;
	pace = pace_start(false, 20000, 5000);
	assert_int_equal(kept_ms(&pace), 0);
	for (size_t i = 0; i < CASES(steps); i++) {
		pace_answered(&pace);
		pace_step(&pace, steps[i]);
		assert_int_equal(kept_ms(&pace), 0);
	}
}

/* All steps of a dialogue with three codes and a mail fit into the deadline that shortens them. */
static void test_the_steps_leave_time_for_the_service(void **state)
{
	(void)state;
	for (int64_t deadline_ms = 2000; deadline_ms <= 60000; deadline_ms += 500) {
		struct pace pace = pace_start(true, deadline_ms, 0);
		int64_t sum = pace.least_ms;

		pace_step(&pace, PACE_MAIL);
		sum += pace.least_ms;
		for (int i = 0; i < 3; i++) {
			pace_step(&pace, PACE_CODE);
			sum += pace.least_ms;
		}
		assert_true(sum <= deadline_ms / 2);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_step_takes_its_time),
		cmocka_unit_test(test_work_is_part_of_the_step),
		cmocka_unit_test(test_thinking_is_not_part_of_it),
		cmocka_unit_test(test_a_step_that_is_the_same_for_all_is_not_slowed),
		cmocka_unit_test(test_who_has_proved_something_never_waits),
		cmocka_unit_test(test_the_steps_leave_time_for_the_service),
	};

	return cmocka_run_group_tests_name("pace", tests, NULL, NULL);
}
