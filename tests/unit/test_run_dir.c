/*
 * What goes from the run directory when something is added to it, and what never does; on a directory of the test's own. Times of files are
 * set, and the time since the machine started is moved (linked with --wrap=clock_gettime).
 */
#include "safe_place.h"

#include <time.h>

#include "budget.h"
#include "challenge.h"
#include "run_dir.h"

#define HEX	  "00112233445566778899aabbccddeeff"
#define STRANGER  "challenge-7001-unproved-" HEX
#define OWNER	  "challenge-7001-proved-" HEX
#define NOBODY	  "challenge-none-unproved-" HEX
#define TEMPORARY "." STRANGER ".0011223344556677"

enum { WALL_S = 1767225600, BOOT_S = 1000000, HOUR = 3600, DAY = 86400 };

static int64_t boot_s = BOOT_S;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME && clock != CLOCK_REALTIME)
		return -1;
	now->tv_sec = clock == CLOCK_BOOTTIME ? boot_s : WALL_S;
	now->tv_nsec = 0;
	return 0;
}

static void age(int dir, const char *name, int64_t seconds, long nanoseconds)
{
	struct timespec times[2] = { { WALL_S - seconds, nanoseconds }, { WALL_S - seconds, nanoseconds } };

	assert_int_equal(utimensat(dir, name, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void put(int dir, const char *name, int64_t seconds)
{
	int fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	(void)close(fd);
	age(dir, name, seconds, 0);
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

static void test_what_is_long_over_goes(void **state)
{
	static const struct {
		const char *name;
		int64_t seconds;
		bool stays;
	} cases[] = {
		{ "challenge-1-unproved-" HEX, HOUR, true },   { "challenge-2-unproved-" HEX, HOUR + 1, false },
		{ "challenge-3-proved-" HEX, HOUR, true },     { "challenge-4-proved-" HEX, HOUR + 1, false },
		{ "challenge-none-proved-" HEX, 0, true },     { NOBODY, 30 * DAY, false },
		{ RUN_DIR_STANDING HEX, HOUR, true },	       { RUN_DIR_STANDING HEX "x", HOUR + 1, false },
		{ TEMPORARY, HOUR, true },		       { ".mails-host.0011223344556677", HOUR + 1, false },
		{ "challenge-5-unproved-" HEX, -HOUR, true }, /* the clock was set back */
	};
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	for (size_t i = 0; i < CASES(cases); i++)
		put(dir, cases[i].name, cases[i].seconds);
	run_dir_sweep(dir);
	for (size_t i = 0; i < CASES(cases); i++) {
		if (is_there(dir, cases[i].name) != cases[i].stays)
			fail_msg("%s", cases[i].name);
	}
	assert_false(is_there(dir, STRANGER)); /* its file is not made here */
	(void)close(dir);
}

static void test_what_is_not_ours_stays(void **state)
{
	static const char *const names[] = { "turns", "challenge", "challenge-x", "lost+found", "a", "mail", "Mails-host" };
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	for (size_t i = 0; i < CASES(names); i++)
		put(dir, names[i], 30 * DAY);
	run_dir_sweep(dir);
	for (size_t i = 0; i < CASES(names); i++)
		assert_true(is_there(dir, names[i]));
	assert_true(faccessat(dir, ".", F_OK, 0) == 0 && access(safe_place_path("dir"), F_OK) == 0);
	(void)close(dir);
}

static void test_links_and_directories(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	put(dir, "turns", 30 * DAY);
	assert_int_equal(symlinkat("turns", dir, STRANGER), 0);
	age(dir, STRANGER, HOUR + 1, 0);
	safe_place_mkdir("dir/.aside", 0700);
	safe_place_text("dir/.aside/inside", "x");
	age(dir, ".aside", 30 * DAY, 0);
	run_dir_sweep(dir);
	assert_false(is_there(dir, STRANGER));
	assert_true(is_there(dir, "turns"));
	assert_true(is_there(dir, ".aside/inside")); /* it was put there for root to look at */
	(void)close(dir);
}

static void take_from(int dir, const char *bucket)
{
	static const struct budget_limit limit = { { { 5, 900 }, { 20, DAY } } };
	struct budget_receipt receipt;
	struct note note;
	int64_t wait;

	assert_err(bucket, budget_take(dir, bucket, &limit, &receipt, &wait, &note), OTP_OK);
}

static void test_budgets_go_when_they_count_nothing_any_more(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	boot_s = BOOT_S;
	take_from(dir, "mails-uid-7001");
	take_from(dir, "mails-uid-7002");
	age(dir, "mails-uid-7001", DAY + HOUR + 1, 0); /* the wall clock was set: what is in it counts still */
	age(dir, "mails-uid-7002", DAY + HOUR, 0);
	run_dir_sweep(dir);
	assert_true(is_there(dir, "mails-uid-7001"));
	boot_s = BOOT_S + DAY;
	run_dir_sweep(dir);
	assert_true(is_there(dir, "mails-uid-7001"));
	boot_s = BOOT_S + DAY + 1;
	run_dir_sweep(dir);
	assert_false(is_there(dir, "mails-uid-7001"));
	assert_true(is_there(dir, "mails-uid-7002")); /* somebody may have just opened it */
	(void)close(dir);
	boot_s = BOOT_S;
}

static void test_taking_says_that_a_budget_is_in_use(void **state)
{
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	take_from(dir, "mails-host");
	age(dir, "mails-host", 30 * DAY, 0);
	take_from(dir, "mails-host");
	assert_int_equal(fstatat(dir, "mails-host", &st, 0), 0);
	assert_int_not_equal(st.st_mtim.tv_sec, WALL_S - 30 * DAY); /* the true time now, not ours */
	(void)close(dir);
}

static void put_strangers(int dir, int count)
{
	for (int i = 0; i < count; i++) {
		char name[CHALLENGE_NAME_SIZE];

		(void)snprintf(name, sizeof(name), "challenge-none-unproved-%032x", (unsigned int)i);
		put(dir, name, 100);
		age(dir, name, 100, i == 300 ? 1 : i + 2); /* by a nanosecond the oldest */
	}
}

static void test_strangers_have_so_many_files(void **state)
{
	char oldest[CHALLENGE_NAME_SIZE];
	int dir;

	(void)state;
	safe_place_needed();
	(void)snprintf(oldest, sizeof(oldest), "challenge-none-unproved-%032x", 300U);
	dir = safe_place_open("dir");
	put_strangers(dir, RUN_DIR_STRANGERS_MAX - 1);
	put(dir, OWNER, 200); /* older, and not a stranger's */
	run_dir_sweep(dir);
	assert_int_equal(safe_place_count(dir), RUN_DIR_STRANGERS_MAX);
	put(dir, STRANGER, 0);
	run_dir_sweep(dir);
	assert_int_equal(safe_place_count(dir), RUN_DIR_STRANGERS_MAX);
	assert_false(is_there(dir, oldest));
	assert_true(is_there(dir, OWNER));
	assert_true(is_there(dir, STRANGER));
	(void)close(dir);
}

/* Several that swept at once have chosen the same oldest one. */
static void test_more_than_so_many_become_fewer(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	put_strangers(dir, RUN_DIR_STRANGERS_MAX + 20);
	run_dir_sweep(dir);
	assert_int_equal(safe_place_count(dir), RUN_DIR_STRANGERS_MAX - 1);
	(void)close(dir);
}

static void test_what_goes_anyway_makes_room(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	put_strangers(dir, RUN_DIR_STRANGERS_MAX - 1);
	put(dir, STRANGER, HOUR + 1);
	run_dir_sweep(dir);
	assert_false(is_there(dir, STRANGER));
	assert_int_equal(safe_place_count(dir), RUN_DIR_STRANGERS_MAX - 1);
	(void)close(dir);
}

/* --- each ------------------------------------------------------------------------------------------------------------------------ */

struct seen {
	int dir;
	int count;
	int until;
	char names[256];
};

static enum otp_err see(int dir, const char *name, void *arg)
{
	struct seen *seen = arg;
	size_t length = strlen(seen->names);

	assert_int_equal(dir, seen->dir);
	(void)snprintf(seen->names + length, sizeof(seen->names) - length, "%s ", name);
	return ++seen->count == seen->until ? OTP_ERR_USER_ROOT : OTP_OK;
}

static void test_each_name_is_visited_once(void **state)
{
	static const char *const names[] = { "turns", "mails-host", OWNER };
	struct seen seen = { 0 };
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	for (size_t i = 0; i < CASES(names); i++)
		put(dir, names[i], 0);
	put(dir, TEMPORARY, 0);
	for (int round = 0; round < 2; round++) {
		seen = (struct seen){ .dir = dir };
		assert_err("each", run_dir_each(dir, see, &seen), OTP_OK);
		assert_int_equal(seen.count, 3);
		for (size_t i = 0; i < CASES(names); i++)
			assert_non_null(strstr(seen.names, names[i]));
		assert_null(strstr(seen.names, "." STRANGER));
	}
	(void)close(dir);
}

static void test_an_error_ends_it(void **state)
{
	struct seen seen = { .until = 2 };

	(void)state;
	safe_place_needed();
	seen.dir = safe_place_open("dir");
	for (char name[2] = "a"; name[0] < 'f'; name[0]++)
		put(seen.dir, name, 0);
	assert_err("each", run_dir_each(seen.dir, see, &seen), OTP_ERR_USER_ROOT);
	assert_int_equal(seen.count, 2);
	(void)close(seen.dir);
	assert_err("no directory", run_dir_each(-1, see, &seen), OTP_ERR_STATE_IO);
	run_dir_sweep(-1);
}

/* Whichever way it ends. */
static void test_no_descriptor_is_left_open(void **state)
{
	struct seen seen = { .until = 1 };
	int free_before;
	int free_after;

	(void)state;
	safe_place_needed();
	seen.dir = safe_place_open("dir");
	put(seen.dir, "a", 0);
	free_before = dup(seen.dir);
	(void)close(free_before);
	(void)run_dir_each(seen.dir, see, &seen);
	run_dir_sweep(seen.dir);
	free_after = dup(seen.dir);
	(void)close(free_after);
	assert_int_equal(free_after, free_before);
	(void)close(seen.dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_is_long_over_goes),
		cmocka_unit_test(test_what_is_not_ours_stays),
		cmocka_unit_test(test_links_and_directories),
		cmocka_unit_test(test_budgets_go_when_they_count_nothing_any_more),
		cmocka_unit_test(test_taking_says_that_a_budget_is_in_use),
		cmocka_unit_test(test_strangers_have_so_many_files),
		cmocka_unit_test(test_more_than_so_many_become_fewer),
		cmocka_unit_test(test_what_goes_anyway_makes_room),
		cmocka_unit_test(test_each_name_is_visited_once),
		cmocka_unit_test(test_an_error_ends_it),
		cmocka_unit_test(test_no_descriptor_is_left_open),
	};

	return cmocka_run_group_tests_name("run_dir", tests, safe_place_setup, safe_place_teardown);
}
