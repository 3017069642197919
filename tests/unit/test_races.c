/* What another process does to a file of the run directory between our opening and our judging it: the seam is fstat. */
#include "safe_place.h"

#include <time.h>

#include "budget.h"
#include "challenge.h"

static int64_t boot_ms = 1000000000;
static void (*while_opening)(void); /* what another process does between openat and fstat of safe_dir_open_file */
static int place = -1;
static struct note note;
static const struct budget_limit five_in_ten = { { { 5, 10 }, { 0, 0 } } };
static const struct challenge_owner alice = { "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false };

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	(void)clock;
	now->tv_sec = boot_ms / 1000;
	now->tv_nsec = boot_ms % 1000 * 1000000;
	return 0;
}

int __real_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st);
int __wrap_fstat(int fd, struct stat *st)
{
	void (*other)(void) = while_opening;

	while_opening = NULL;
	if (other != NULL)
		other();
	return __real_fstat(fd, st);
}

static void keep_one(void)
{
	struct challenge_facts facts = { .tries = 3, .tries_to_send = 3, .mailed_ms = boot_ms };
	struct challenge kept = CHALLENGE_EMPTY;
	struct secret session = { (char[]){ "session" }, 7 };
	struct challenge_key key;

	assert_err("key", challenge_key_of(&alice, &key), OTP_OK);
	assert_err("keep", challenge_keep(place, &key, &facts, &session, &kept), OTP_OK);
	assert_non_null(kept.file.bytes);
	challenge_done(&kept);
}

/* Whoever opens a record in the instant in which a newer one is renamed over it has one without a name: the newer one is found, and stays. */
static void test_a_record_replaced_while_it_is_opened(void **state)
{
	struct challenge found = CHALLENGE_EMPTY;
	struct challenge_key key;

	(void)state;
	safe_place_needed();
	place = safe_place_open("dir");
	assert_err("key", challenge_key_of(&alice, &key), OTP_OK);
	keep_one();
	while_opening = keep_one;
	assert_err("find", challenge_find(place, &key, &found, &note), OTP_OK);
	assert_non_null(found.record); /* the newer one */
	challenge_done(&found);
	assert_int_equal(faccessat(place, key.name, F_OK, 0), 0);
}

static void take_five(void)
{
	struct budget_receipt receipt;
	int64_t wait;

	for (int i = 0; i < 5; i++)
		assert_err("take", budget_take(place, "mails-a", &five_in_ten, &receipt, &wait, &note), OTP_OK);
}

/* Two meet the same damaged bucket: the second must not discard the good one that the first has made and paid from. */
static void test_a_bucket_made_anew_while_it_is_opened(void **state)
{
	struct budget_receipt receipt;
	int64_t wait;

	(void)state;
	safe_place_needed();
	place = safe_place_open("dir");
	safe_place_write("dir/mails-a", "x", 1, 0600);
	while_opening = take_five;
	assert_err("sixth", budget_take(place, "mails-a", &five_in_ten, &receipt, &wait, &note), OTP_ERR_MAIL_BUDGET);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_record_replaced_while_it_is_opened),
		cmocka_unit_test(test_a_bucket_made_anew_while_it_is_opened),
	};

	return cmocka_run_group_tests_name("races", tests, safe_place_setup, safe_place_teardown);
}
