/* Deadlines run, stand still, and end, on a clock that the tests move (linked with --wrap=clock_gettime). */
#include "assert_err.h"

#include <time.h>

#include "clock.h"

static struct timespec wall_now;
static struct timespec monotonic_now;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC)
		return -1;
	*now = clock == CLOCK_REALTIME ? wall_now : monotonic_now;
	return 0;
}

static void set_monotonic(int64_t ms)
{
	monotonic_now.tv_sec = ms / 1000;
	monotonic_now.tv_nsec = ms % 1000 * 1000000;
}

static void test_wall_is_whole_seconds(void **state)
{
	(void)state;
	wall_now = (struct timespec){ 1767225600, 999999999 };
	assert_int_equal(clock_wall(), 1767225600);
	wall_now = (struct timespec){ INT64_C(4102444800), 0 }; /* beyond 2038 */
	assert_int_equal(clock_wall(), INT64_C(4102444800));
}

static void test_monotonic_is_milliseconds(void **state)
{
	(void)state;
	monotonic_now = (struct timespec){ 12, 345999999 };
	assert_int_equal(clock_monotonic_ms(), 12345);
	monotonic_now = (struct timespec){ 5000000, 1000000 };
	assert_int_equal(clock_monotonic_ms(), INT64_C(5000000001));
}

static void test_a_deadline_runs(void **state)
{
	struct deadline deadline;

	(void)state;
	set_monotonic(1000);
	deadline = deadline_start(500);
	assert_int_equal(deadline_left_ms(&deadline), 500);
	set_monotonic(1100);
	assert_int_equal(deadline_left_ms(&deadline), 400);
	set_monotonic(1499);
	assert_int_equal(deadline_left_ms(&deadline), 1);
}

static void test_a_deadline_ends_and_stays_ended(void **state)
{
	struct deadline deadline;

	(void)state;
	set_monotonic(1000);
	deadline = deadline_start(500);
	set_monotonic(1500);
	assert_int_equal(deadline_left_ms(&deadline), 0);
	set_monotonic(99999);
	assert_int_equal(deadline_left_ms(&deadline), 0);
	deadline_pause(&deadline);
	deadline_resume(&deadline);
	assert_int_equal(deadline_left_ms(&deadline), 0);
}

static void test_a_negative_deadline_has_passed(void **state)
{
	struct deadline deadline = deadline_start(-1);

	(void)state;
	assert_int_equal(deadline_left_ms(&deadline), 0);
}

static void test_a_pause_costs_nothing(void **state)
{
	struct deadline deadline;

	(void)state;
	set_monotonic(1000);
	deadline = deadline_start(500);
	set_monotonic(1200);
	deadline_pause(&deadline);
	assert_int_equal(deadline_left_ms(&deadline), 300);
	set_monotonic(3600 * 1000);
	assert_int_equal(deadline_left_ms(&deadline), 300);
	deadline_resume(&deadline);
	assert_int_equal(deadline_left_ms(&deadline), 300);
	set_monotonic(3600 * 1000 + 299);
	assert_int_equal(deadline_left_ms(&deadline), 1);
	set_monotonic(3600 * 1000 + 300);
	assert_int_equal(deadline_left_ms(&deadline), 0);
}

static void test_many_pauses_add_up_to_what_ran(void **state)
{
	struct deadline deadline;
	int64_t now = 1000;

	(void)state;
	set_monotonic(now);
	deadline = deadline_start(1000);
	for (int i = 0; i < 9; i++) {
		set_monotonic(now += 100);
		deadline_pause(&deadline);
		set_monotonic(now += 5000);
		deadline_resume(&deadline);
	}
	assert_int_equal(deadline_left_ms(&deadline), 100);
}

static void test_pausing_twice_is_pausing(void **state)
{
	struct deadline deadline;

	(void)state;
	set_monotonic(1000);
	deadline = deadline_start(500);
	set_monotonic(1100);
	deadline_pause(&deadline);
	set_monotonic(1200);
	deadline_pause(&deadline);
	assert_int_equal(deadline_left_ms(&deadline), 400);
}

static void test_the_wall_clock_moves_no_deadline(void **state)
{
	struct deadline deadline;

	(void)state;
	set_monotonic(1000);
	wall_now = (struct timespec){ 1000, 0 };
	deadline = deadline_start(500);
	wall_now = (struct timespec){ 999999, 0 };
	assert_int_equal(deadline_left_ms(&deadline), 500);
	wall_now = (struct timespec){ 0, 0 };
	assert_int_equal(deadline_left_ms(&deadline), 500);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wall_is_whole_seconds),
		cmocka_unit_test(test_monotonic_is_milliseconds),
		cmocka_unit_test(test_a_deadline_runs),
		cmocka_unit_test(test_a_deadline_ends_and_stays_ended),
		cmocka_unit_test(test_a_negative_deadline_has_passed),
		cmocka_unit_test(test_a_pause_costs_nothing),
		cmocka_unit_test(test_many_pauses_add_up_to_what_ran),
		cmocka_unit_test(test_pausing_twice_is_pausing),
		cmocka_unit_test(test_the_wall_clock_moves_no_deadline),
	};

	return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
