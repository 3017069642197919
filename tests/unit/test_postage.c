/*
 * Whose budget pays for a mail: that a stranger's wish touches none that its owner needs, and that it is all budgets or none. Linked with
 * --wrap=clock_gettime: time stands still.
 */
#include "safe_place.h"

#include <time.h>

#include "postage.h"

enum { ROOT = 0, ALICE = 7001, BOB = 7002 };

static const struct caller by_key = { CALLER_KEY, false };
static const struct caller own = { CALLER_OWN, true };
static const struct caller console = { CALLER_CONSOLE, true };
static const struct caller other_local = { CALLER_OTHER_LOCAL, true };
static const struct caller remote_caller = { CALLER_REMOTE, false };

static struct options options;
static struct postage_receipt receipt;
static int64_t wait_s;
static struct note note;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME)
		return -1;
	*now = (struct timespec){ 1000000, 0 };
	return 0;
}

static struct budget_limit limit_of(int64_t count)
{
	return (struct budget_limit){ { { count, 900 }, { 0, 0 } } };
}

static int fresh(int64_t account, int64_t unproved, int64_t host)
{
	memset(&options, 0, sizeof(options));
	(void)snprintf(options.user_pool_id, sizeof(options.user_pool_id), "eu-west-1_A");
	options.mail_budget = limit_of(account);
	options.mail_budget_unproved = limit_of(unproved);
	options.mail_budget_host = limit_of(host);
	return safe_place_open("dir");
}

static enum otp_err pay(int dir, const struct caller *caller, const char *cognito_user, uint32_t real_uid)
{
	struct postage_payer payer = { &options, cognito_user, caller, real_uid };

	note.text[0] = '\0';
	wait_s = -1;
	return postage_pay(dir, &payer, &receipt, &wait_s, &note);
}

static int pay_all(int dir, const struct caller *caller, const char *cognito_user, uint32_t real_uid)
{
	int count = 0;

	while (count < 600 && pay(dir, caller, cognito_user, real_uid) == OTP_OK)
		count++;
	return count;
}

static int64_t taken(int dir, const char *bucket)
{
	const struct budget_limit limit = limit_of(BUDGET_COUNT_MAX);
	int64_t count = -1;
	int64_t wait;

	assert_err(bucket, budget_look(dir, bucket, &limit, 0, &count, &wait), OTP_OK);
	return count;
}

static int64_t taken_of_account(int dir, const char *cognito_user, bool proved)
{
	char bucket[BUDGET_NAME_SIZE];

	assert_err("bucket", postage_account_bucket("eu-west-1_A", cognito_user, proved, bucket), OTP_OK);
	return taken(dir, bucket);
}

static void test_names_of_buckets(void **state)
{
	static const struct {
		const char *pool;
		const char *cognito_user;
		bool proved;
	} cases[] = {
		{ "eu-west-1_A", "a@example.com", true }, { "eu-west-1_A", "a@example.com", false },
		{ "eu-west-1_A", "b@example.com", true }, { "eu-west-1_B", "a@example.com", true },
		{ "eu-west-1_A", "A@example.com", true }, { "eu-west-1_A", " a@example.com", true },
		{ "eu-west-1_A", "", true },		  { "eu-west-1_", "Aa@example.com", true },
	};
	char names[CASES(cases)][BUDGET_NAME_SIZE];
	char again[BUDGET_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *prefix = cases[i].proved ? "mails-proved-" : "mails-unproved-";

		assert_err("name", postage_account_bucket(cases[i].pool, cases[i].cognito_user, cases[i].proved, names[i]), OTP_OK);
		assert_int_equal(strncmp(names[i], prefix, strlen(prefix)), 0);
		assert_int_equal(strlen(names[i]), strlen(prefix) + 32);
		assert_int_equal(strspn(names[i] + strlen(prefix), "0123456789abcdef"), 32);
		for (size_t j = 0; j < i; j++)
			assert_string_not_equal(names[i], names[j]);
	}
	assert_err("again", postage_account_bucket("eu-west-1_A", "a@example.com", true, again), OTP_OK);
	assert_string_equal(again, names[0]);
	postage_uid_bucket(UINT32_MAX, again);
	assert_string_equal(again, "mails-uid-4294967295");
	postage_uid_bucket(0, again);
	assert_string_equal(again, "mails-uid-0");
}

/* A pool's id of 55 bytes and a user of 128 are the longest that the settings and the map have. */
static void test_the_longest_names(void **state)
{
	char pool[56];
	char user[129];
	char one[BUDGET_NAME_SIZE];
	char other[BUDGET_NAME_SIZE];

	(void)state;
	memset(pool, 'p', sizeof(pool) - 1);
	memset(user, 'u', sizeof(user) - 1);
	pool[sizeof(pool) - 1] = '\0';
	user[sizeof(user) - 1] = '\0';
	assert_err("one", postage_account_bucket(pool, user, false, one), OTP_OK);
	user[127] = 'v';
	assert_err("other", postage_account_bucket(pool, user, false, other), OTP_OK);
	assert_string_not_equal(one, other);
}

static void test_strangers_share_half_of_the_host_s(void **state)
{
	static const int64_t counts[][2] = { { 60, 30 }, { 256, 128 }, { 5, 3 }, { 3, 2 }, { 2, 1 }, { 1, 1 } };

	(void)state;
	for (size_t i = 0; i < CASES(counts); i++) {
		struct budget_limit host = { { { counts[i][0], 900 }, { 0, 0 } } };
		struct budget_limit share = postage_strangers_share(&host);

		assert_int_equal(share.windows[0].count, counts[i][1]);
		assert_int_equal(share.windows[0].seconds, 900);
		assert_int_equal(share.windows[1].count, 0);
		host.windows[1] = (struct budget_window){ 200, 86400 };
		share = postage_strangers_share(&host);
		assert_int_equal(share.windows[1].count, 100);
		assert_int_equal(share.windows[1].seconds, 86400);
	}
}

static void test_who_pays_for_what(void **state)
{
	static const struct {
		const char *name;
		const struct caller *caller;
		uint32_t real_uid;
		int proved;
		int unproved;
		int uid;
		int strangers;
	} cases[] = {
		{ "key", &by_key, ROOT, 1, 0, 0, 0 },
		{ "own", &own, ALICE, 1, 0, 0, 0 },
		{ "console", &console, ROOT, 1, 0, 0, 0 },
		{ "local", &other_local, BOB, 0, 1, 1, 1 },
		{ "local, root", &other_local, ROOT, 0, 1, 0, 1 },
		{ "remote", &remote_caller, ROOT, 0, 1, 0, 1 },
		{ "remote, of a daemon's uid", &remote_caller, BOB, 0, 1, 0, 1 },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		int dir = fresh(5, 3, 60);
		char uid[BUDGET_NAME_SIZE];

		postage_uid_bucket(cases[i].real_uid, uid);
		assert_err(cases[i].name, pay(dir, cases[i].caller, "a@example.com", cases[i].real_uid), OTP_OK);
		assert_int_equal(taken_of_account(dir, "a@example.com", true), cases[i].proved);
		assert_int_equal(taken_of_account(dir, "a@example.com", false), cases[i].unproved);
		assert_int_equal(taken(dir, uid), cases[i].uid);
		assert_int_equal(taken(dir, "mails-host-unproved"), cases[i].strangers);
		assert_int_equal(taken(dir, "mails-host"), 1);
		assert_int_equal(receipt.count, cases[i].proved + cases[i].unproved + cases[i].uid + cases[i].strangers + 1);
		assert_int_equal(safe_place_count(dir), receipt.count);
		postage_give_back(dir, &receipt);
		assert_int_equal(taken_of_account(dir, "a@example.com", true), 0);
		assert_int_equal(taken_of_account(dir, "a@example.com", false), 0);
		assert_int_equal(taken(dir, uid), 0);
		assert_int_equal(taken(dir, "mails-host-unproved"), 0);
		assert_int_equal(taken(dir, "mails-host"), 0);
		(void)close(dir);
	}
}

static void test_each_budget_is_the_one_that_says_no(void **state)
{
	static const struct {
		const char *note;
		const struct caller *caller;
		int account;
		int unproved;
		int host;
		int got;
	} cases[] = {
		{ "mail_budget of this account is spent", &by_key, 2, 9, 9, 2 },
		{ "mail_budget_host is spent", &by_key, 9, 9, 2, 2 },
		{ "mail_budget_unproved of this account is spent", &remote_caller, 9, 2, 9, 2 },
		{ "strangers' half of mail_budget_host is spent", &remote_caller, 9, 9, 6, 3 },
		{ "mail_budget of the calling uid is spent", &other_local, 2, 9, 9, 2 },
		{ "mail_budget_unproved of this account is spent", &other_local, 9, 2, 9, 2 },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		int dir = fresh(cases[i].account, cases[i].unproved, cases[i].host);

		assert_int_equal(pay_all(dir, cases[i].caller, "a@example.com", BOB), cases[i].got);
		assert_err(cases[i].note, pay(dir, cases[i].caller, "a@example.com", BOB), OTP_ERR_MAIL_BUDGET);
		if (strncmp(note.text, cases[i].note, strlen(cases[i].note)) != 0)
			fail_msg("\"%s\", not \"%s\"", note.text, cases[i].note);
		assert_in_range(wait_s, 900, 901);
		/* from all or from none */
		assert_int_equal(taken(dir, "mails-host"), cases[i].got);
		assert_int_equal(taken_of_account(dir, "a@example.com", caller_is_proved(cases[i].caller)), cases[i].got);
		(void)close(dir);
	}
}

static void test_strangers_cannot_spend_what_the_owner_needs(void **state)
{
	int mailed = 0;
	char user[32];
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh(5, 3, 20);
	assert_int_equal(pay_all(dir, &remote_caller, "a@example.com", ROOT), 3);
	assert_int_equal(pay_all(dir, &by_key, "a@example.com", ROOT), 5);
	for (int i = 0; i < 50; i++) {
		(void)snprintf(user, sizeof(user), "%d@example.com", i);
		mailed += pay_all(dir, i % 2 == 0 ? &remote_caller : &other_local, user, BOB);
	}
	assert_int_equal(mailed, 20 / 2 - 3);
	assert_int_equal(pay_all(dir, &own, "b@example.com", BOB), 5); /* of the other half, 5 are left: alice has had 5 */
	(void)close(dir);
}

static void test_an_account_is_what_the_service_knows(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh(5, 3, 60);
	assert_int_equal(pay_all(dir, &own, "shared@example.com", ALICE), 5);
	assert_int_equal(pay_all(dir, &own, "shared@example.com", BOB), 0);
	assert_int_equal(pay_all(dir, &own, "other@example.com", BOB), 5);
	(void)snprintf(options.user_pool_id, sizeof(options.user_pool_id), "eu-west-1_B");
	assert_int_equal(pay_all(dir, &own, "shared@example.com", BOB), 5);
	(void)close(dir);
}

/* Who goes through the accounts of a machine with su pays from his own, too. */
static void test_a_local_user_has_so_many_for_all_others(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh(4, 3, 60);
	assert_int_equal(pay_all(dir, &other_local, "a@example.com", BOB), 3);
	assert_int_equal(pay_all(dir, &other_local, "b@example.com", BOB), 1);
	assert_int_equal(pay_all(dir, &other_local, "c@example.com", BOB), 0);
	assert_int_equal(taken_of_account(dir, "c@example.com", false), 0);
	assert_int_equal(pay_all(dir, &other_local, "c@example.com", ALICE), 3);
	assert_int_equal(pay_all(dir, &own, "bob@example.com", BOB), 4); /* his own account is not touched by it */
	(void)close(dir);
}

static void test_a_budget_that_cannot_be_used_is_no_mail(void **state)
{
	enum otp_err err;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh(5, 3, 60);
	safe_place_fill(true);
	err = pay(dir, &by_key, "a@example.com", ROOT);
	safe_place_fill(false);
	assert_err("no room, nothing prepared", err, OTP_ERR_STATE_IO);
	assert_err("host's alone", pay(dir, &by_key, "a@example.com", ROOT), OTP_OK);
	assert_int_equal(unlinkat(dir, "mails-host", 0), 0);
	safe_place_fill(true);
	err = pay(dir, &by_key, "a@example.com", ROOT);
	safe_place_fill(false);
	assert_err("no room for the last", err, OTP_ERR_STATE_IO);
	assert_int_equal(taken_of_account(dir, "a@example.com", true), 1); /* what the first had taken was given back */
	(void)close(dir);
}

static void test_without_room_there_is_still_a_mail(void **state)
{
	static const struct caller *const callers[] = { &by_key, &other_local, &remote_caller };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(callers); i++) {
		int dir = fresh(5, 5, 60);
		enum otp_err err;

		assert_err("prepare", budget_prepare(dir, &note), OTP_OK);
		safe_place_fill(true);
		err = pay(dir, callers[i], "a@example.com", BOB);
		safe_place_fill(false);
		assert_err("full", err, OTP_OK);
		assert_int_equal(taken(dir, "mails-full"), receipt.count);
		postage_give_back(dir, &receipt);
		assert_int_equal(taken(dir, "mails-full"), 0);
		(void)close(dir);
	}
}

static bool pay_one(void *arg)
{
	struct postage_payer payer = { &options, "a@example.com", &by_key, ROOT };
	struct postage_receipt paid;
	struct note why;
	int64_t wait;

	return postage_pay(*(int *)arg, &payer, &paid, &wait, &why) == OTP_OK;
}

static void test_a_crowd_pays_for_each_mail(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	for (int round = 0; round < 5; round++) {
		dir = fresh(20, 3, 60);
		assert_int_equal(safe_place_crowd(64, pay_one, &dir), 20);
		assert_int_equal(taken(dir, "mails-host"), 20);
		(void)close(dir);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_buckets),
		cmocka_unit_test(test_the_longest_names),
		cmocka_unit_test(test_strangers_share_half_of_the_host_s),
		cmocka_unit_test(test_who_pays_for_what),
		cmocka_unit_test(test_each_budget_is_the_one_that_says_no),
		cmocka_unit_test(test_strangers_cannot_spend_what_the_owner_needs),
		cmocka_unit_test(test_an_account_is_what_the_service_knows),
		cmocka_unit_test(test_a_local_user_has_so_many_for_all_others),
		cmocka_unit_test(test_a_budget_that_cannot_be_used_is_no_mail),
		cmocka_unit_test(test_without_room_there_is_still_a_mail),
		cmocka_unit_test(test_a_crowd_pays_for_each_mail),
	};

	return cmocka_run_group_tests_name("postage", tests, safe_place_setup, safe_place_teardown);
}
