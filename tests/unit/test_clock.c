/* Deadlines run, stand still, and end, on a clock that the tests move (linked with --wrap=clock_gettime and --wrap=clock_nanosleep). */
#include "assert_err.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "clock.h"

static struct timespec wall_now;
static struct timespec monotonic_now;
static struct timespec boot_now;
static int sleeps;	  /* how often clock_nanosleep was called */
static int64_t sleep_ms; /* how far it comes before a signal: -1 to the end */

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_REALTIME && clock != CLOCK_MONOTONIC && clock != CLOCK_BOOTTIME)
		return -1;
	*now = clock == CLOCK_REALTIME ? wall_now : clock == CLOCK_MONOTONIC ? monotonic_now : boot_now;
	return 0;
}

static void set_monotonic(int64_t ms)
{
	monotonic_now.tv_sec = ms / 1000;
	monotonic_now.tv_nsec = ms % 1000 * 1000000;
}

int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *end, struct timespec *left);
int __wrap_clock_nanosleep(clockid_t clock, int flags, const struct timespec *end, struct timespec *left)
{
	int64_t now_ms = (int64_t)monotonic_now.tv_sec * 1000 + monotonic_now.tv_nsec / 1000000;
	int64_t end_ms = (int64_t)end->tv_sec * 1000 + end->tv_nsec / 1000000;

	(void)left;
	assert_int_equal(clock, CLOCK_MONOTONIC);
	assert_int_equal(flags, TIMER_ABSTIME);
	assert_in_range(end->tv_nsec, 0, 999999999);
	sleeps++;
	if (sleep_ms < 0 || now_ms + sleep_ms >= end_ms) {
		set_monotonic(end_ms);
		return 0;
	}
	set_monotonic(now_ms + sleep_ms);
	return EINTR;
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

static void test_boot_is_milliseconds_of_another_clock(void **state)
{
	(void)state;
	monotonic_now = (struct timespec){ 1, 0 };
	boot_now = (struct timespec){ 12, 345999999 };
	assert_int_equal(clock_boot_ms(), 12345);
	boot_now = (struct timespec){ 5000000, 1000000 };
	assert_int_equal(clock_boot_ms(), INT64_C(5000000001));
	wall_now = (struct timespec){ 0, 0 };
	assert_int_equal(clock_boot_ms(), INT64_C(5000000001));
}

static void test_sleeping_lasts_until_then(void **state)
{
	(void)state;
	sleeps = 0;
	sleep_ms = -1;
	set_monotonic(5000);
	clock_sleep_until_ms(7001);
	assert_int_equal(clock_monotonic_ms(), 7001);
	assert_int_equal(sleeps, 1);
	set_monotonic(5000);
	sleep_ms = 700; /* signals come in between */
	clock_sleep_until_ms(7001);
	assert_int_equal(clock_monotonic_ms(), 7001);
	assert_int_equal(sleeps, 4);
}

static void test_what_has_passed_is_not_slept_for(void **state)
{
	static const int64_t past[] = { 5000, 4999, 0, -1, -5000, INT64_MIN };

	(void)state;
	sleeps = 0;
	set_monotonic(5000);
	for (size_t i = 0; i < CASES(past); i++)
		clock_sleep_until_ms(past[i]);
	assert_int_equal(sleeps, 0);
	assert_int_equal(clock_monotonic_ms(), 5000);
}

static void test_a_boot_has_one_name(void **state)
{
	char one[CLOCK_BOOT_ID_SIZE];
	char other[CLOCK_BOOT_ID_SIZE];

	(void)state;
	memset(one, '#', sizeof(one));
	memset(other, '*', sizeof(other));
	clock_boot_id(one);
	clock_boot_id(other);
	assert_non_null(memchr(one, '\0', sizeof(one)));
	assert_string_equal(one, other);
	if (one[0] == '\0')
		skip(); /* no /proc */
	assert_int_equal(strlen(one), 36);
	assert_int_equal(strspn(one, "0123456789abcdef-"), 36);
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
		cmocka_unit_test(test_boot_is_milliseconds_of_another_clock),
		cmocka_unit_test(test_sleeping_lasts_until_then),
		cmocka_unit_test(test_what_has_passed_is_not_slept_for),
		cmocka_unit_test(test_a_boot_has_one_name),
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
