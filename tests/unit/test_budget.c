/* Mails are counted exactly, whatever is damaged, killed or at once. Time is moved by the tests (linked with --wrap=clock_gettime). */
#include "safe_place.h"

#include <time.h>

#include "budget.h"

#define FIVE_IN_TEN  { { { 5, 10 }, { 0, 0 } } }
#define TWO_WINDOWS  { { { 2, 10 }, { 3, 100 } } }

enum { START_S = 1000000, CROWD = 64, SECOND_WINDOW = BUDGET_COUNT_MAX * 8 };

static const struct budget_limit five_in_ten = FIVE_IN_TEN;
static const struct budget_limit two_windows = TWO_WINDOWS;
static int64_t boot_ms; /* what CLOCK_BOOTTIME says */
static int64_t wait_s;
static struct note note;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME)
		return -1;
	now->tv_sec = boot_ms / 1000;
	now->tv_nsec = boot_ms % 1000 * 1000000;
	return 0;
}

static void set_seconds(int64_t seconds)
{
	boot_ms = (START_S + seconds) * 1000;
}

static enum otp_err take(int dir, const struct budget_limit *limit)
{
	struct budget_receipt receipt;

	note.text[0] = '\0';
	wait_s = -1;
	return budget_take(dir, "mails-a", limit, &receipt, &wait_s, &note);
}

/* How many can be taken now, of at most 600. */
static int take_all(int dir, const struct budget_limit *limit)
{
	int count = 0;

	while (count < 600 && take(dir, limit) == OTP_OK)
		count++;
	return count;
}

static int64_t look(int dir, const struct budget_limit *limit, size_t index)
{
	int64_t taken = -1;

	wait_s = -1;
	assert_err("look", budget_look(dir, "mails-a", limit, index, &taken, &wait_s), OTP_OK);
	return taken;
}

static uint64_t word_at(int dir, off_t offset)
{
	uint64_t word = 0;

	safe_place_read_at(dir, "mails-a", &word, sizeof(word), offset);
	return word;
}

static void put_word(int dir, off_t offset, uint64_t word)
{
	safe_place_write_at(dir, "mails-a", &word, sizeof(word), offset);
}

static void prepare(int dir)
{
	assert_err("prepare", budget_prepare(dir, &note), OTP_OK);
}

static int fresh(void)
{
	set_seconds(0);
	return safe_place_open("dir");
}

/* --- counting -------------------------------------------------------------------------------------------------------------------- */

static void test_exactly_so_many(void **state)
{
	static const struct budget_limit most = { { { BUDGET_COUNT_MAX, 10 }, { BUDGET_COUNT_MAX, 100 } } };
	static const struct budget_limit one = { { { 1, 10 }, { 0, 0 } } };
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_err("sixth", take(dir, &five_in_ten), OTP_ERR_MAIL_BUDGET);
	assert_string_equal(note.text, "mails-a: 5 in 10 s");
	assert_int_equal(fstatat(dir, "mails-a", &st, 0), 0);
	assert_int_equal(st.st_size, 4096);
	(void)close(dir);
	dir = fresh();
	assert_int_equal(take_all(dir, &one), 1);
	(void)close(dir);
	dir = fresh();
	assert_int_equal(take_all(dir, &most), BUDGET_COUNT_MAX);
	(void)close(dir);
}

static void test_buckets_are_apart(void **state)
{
	struct budget_receipt receipt;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_err("another", budget_take(dir, "mails-b", &five_in_ten, &receipt, &wait_s, &note), OTP_OK);
	assert_string_equal(receipt.bucket, "mails-b");
	(void)close(dir);
}

/* The bounds are whole seconds: a mail at 0.999 s and one at 10.999 s are within ten seconds of each other. */
static void test_a_window_is_never_shorter_than_it_says(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	boot_ms += 999;
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	boot_ms += 10000;
	assert_int_equal(take_all(dir, &five_in_ten), 0);
	assert_int_equal(wait_s, 1);
	boot_ms += 1; /* 11.000 */
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	(void)close(dir);
}

/* Asked for at every quarter of a second for a long time, irregularly: no ten seconds have more than five. */
static void test_it_slides(void **state)
{
	enum { STEPS = 2000 };
	static int64_t taken_ms[STEPS];
	size_t count = 0;
	unsigned int noise = 1;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	for (int i = 0; i < STEPS; i++) {
		noise = noise * 1103515245U + 12345U;
		boot_ms += (noise >> 16) % 5 == 0 ? 3250 : 250;
		if (take(dir, &five_in_ten) == OTP_OK)
			taken_ms[count++] = boot_ms;
	}
	assert_true(count > 300); /* and it is no stricter than the second in which both ends lie */
	for (size_t i = 5; i < count; i++)
		assert_true(taken_ms[i] - taken_ms[i - 5] > 10000);
	(void)close(dir);
}

static void test_one_by_one_they_become_free(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	for (int i = 0; i < 5; i++) {
		set_seconds(i);
		assert_err("take", take(dir, &five_in_ten), OTP_OK);
	}
	assert_err("spent", take(dir, &five_in_ten), OTP_ERR_MAIL_BUDGET);
	assert_int_equal(wait_s, 7); /* the first was at 0 s, and 0 + 10 + 1 is 7 from 4 */
	for (int i = 0; i < 5; i++) {
		set_seconds(11 + i);
		assert_int_equal(look(dir, &five_in_ten, 0), 4);
		assert_err("take", take(dir, &five_in_ten), OTP_OK);
		assert_err("spent", take(dir, &five_in_ten), OTP_ERR_MAIL_BUDGET);
	}
	(void)close(dir);
}

static void test_a_bucket_lasts_from_one_opening_to_the_next(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_err("take", take(dir, &five_in_ten), OTP_OK);
	(void)close(dir);
	dir = open(safe_place_path("dir"), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	assert_int_equal(take_all(dir, &five_in_ten), 4);
	(void)close(dir);
}

static void test_both_windows_count(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &two_windows), 2);
	assert_string_equal(note.text, "mails-a: 2 in 10 s");
	set_seconds(20);
	assert_int_equal(take_all(dir, &two_windows), 1);
	assert_string_equal(note.text, "mails-a: 3 in 100 s");
	assert_int_equal(wait_s, 81);
	/* what the second window refused was given back to the first */
	assert_int_equal(look(dir, &two_windows, 0), 1);
	set_seconds(100);
	assert_int_equal(take_all(dir, &two_windows), 0);
	set_seconds(101);
	assert_int_equal(take_all(dir, &two_windows), 2);
	(void)close(dir);
}

static void test_a_window_that_is_not_there(void **state)
{
	static const struct budget_limit second_only = { { { 0, 0 }, { 3, 100 } } };
	static const struct budget_limit none = { { { 0, 0 }, { 0, 0 } } };
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_int_equal(word_at(dir, SECOND_WINDOW), 0);
	(void)close(dir);
	dir = fresh();
	assert_int_equal(take_all(dir, &second_only), 3);
	assert_int_equal(take_all(dir, &none), 600);
	(void)close(dir);
}

static void test_another_count(void **state)
{
	static const struct budget_limit three = { { { 3, 10 }, { 0, 0 } } };
	static const struct budget_limit seven = { { { 7, 10 }, { 0, 0 } } };
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_int_equal(take_all(dir, &three), 0);
	assert_int_equal(look(dir, &three, 0), 3);
	assert_int_equal(take_all(dir, &seven), 2);
	assert_int_equal(take_all(dir, &five_in_ten), 0);
	set_seconds(11);
	assert_int_equal(take_all(dir, &three), 3);
	assert_int_equal(take_all(dir, &seven), 4);
	(void)close(dir);
}

static void test_another_window(void **state)
{
	static const struct budget_limit longer = { { { 5, 20 }, { 0, 0 } } };
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	set_seconds(15);
	assert_int_equal(look(dir, &longer, 0), 5);
	assert_int_equal(take_all(dir, &longer), 0);
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	(void)close(dir);
}

/* --- giving back, looking -------------------------------------------------------------------------------------------------------- */

static void test_given_back_is_as_if_never_taken(void **state)
{
	struct budget_receipt receipt;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_err("one", take(dir, &two_windows), OTP_OK);
	assert_err("another", budget_take(dir, "mails-a", &two_windows, &receipt, &wait_s, &note), OTP_OK);
	assert_err("spent", take(dir, &two_windows), OTP_ERR_MAIL_BUDGET);
	budget_give_back(dir, &receipt);
	assert_int_equal(look(dir, &two_windows, 0), 1);
	assert_int_equal(look(dir, &two_windows, 1), 1);
	assert_int_equal(take_all(dir, &two_windows), 1);
	(void)close(dir);
}

/* So late that somebody else has the word: he keeps it. */
static void test_what_another_has_taken_is_not_given_back(void **state)
{
	struct budget_receipt receipt;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_err("early", budget_take(dir, "mails-a", &five_in_ten, &receipt, &wait_s, &note), OTP_OK);
	set_seconds(60);
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	budget_give_back(dir, &receipt);
	assert_int_equal(take_all(dir, &five_in_ten), 0);
	(void)close(dir);
}

static void test_what_was_refused_has_nothing_to_give_back(void **state)
{
	struct budget_receipt receipt;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(take_all(dir, &two_windows), 2);
	assert_err("spent", budget_take(dir, "mails-a", &two_windows, &receipt, &wait_s, &note), OTP_ERR_MAIL_BUDGET);
	budget_give_back(dir, &receipt);
	assert_int_equal(look(dir, &two_windows, 0), 2);
	assert_int_equal(unlinkat(dir, "mails-a", 0), 0);
	budget_give_back(dir, &receipt);
	assert_int_equal(safe_place_count(dir), 0); /* and makes no bucket */
	(void)close(dir);
}

static void test_looking_takes_nothing(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(look(dir, &five_in_ten, 0), 0);
	assert_int_equal(wait_s, 0);
	assert_int_equal(safe_place_count(dir), 0);
	for (int i = 0; i < 5; i++) {
		assert_err("take", take(dir, &five_in_ten), OTP_OK);
		assert_int_equal(look(dir, &five_in_ten, 0), i + 1);
		assert_int_equal(wait_s, i < 4 ? 0 : 11);
	}
	set_seconds(10);
	assert_int_equal(look(dir, &five_in_ten, 0), 5);
	assert_int_equal(wait_s, 1);
	set_seconds(11);
	assert_int_equal(look(dir, &five_in_ten, 0), 0);
	assert_int_equal(wait_s, 0);
	(void)close(dir);
}

static void test_idle(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(budget_is_idle(dir, "mails-a"), 0); /* there is none */
	prepare(dir);
	assert_int_equal(budget_is_idle(dir, "mails-full"), 1);
	assert_err("take", take(dir, &two_windows), OTP_OK);
	assert_int_equal(budget_is_idle(dir, "mails-a"), 0);
	put_word(dir, 0, 0); /* the second window alone */
	assert_int_equal(budget_is_idle(dir, "mails-a"), 0);
	set_seconds(86400);
	assert_int_equal(budget_is_idle(dir, "mails-a"), 0);
	set_seconds(86401);
	assert_int_equal(budget_is_idle(dir, "mails-a"), 1);
	put_word(dir, BUDGET_FILE_SIZE - 8, 1); /* damaged: taken now */
	assert_int_equal(budget_is_idle(dir, "mails-a"), 0);
	(void)close(dir);
}

/* --- damage ---------------------------------------------------------------------------------------------------------------------- */

/* Damaged is taken now: four are left, and one window later all five. */
static void assert_stricter_and_heals(const char *what, int dir)
{
	set_seconds(1000);
	if (look(dir, &five_in_ten, 0) != 1)
		fail_msg("%s: not taken", what);
	assert_int_equal(take_all(dir, &five_in_ten), 4);
	set_seconds(1010);
	assert_int_equal(take_all(dir, &five_in_ten), 0);
	set_seconds(1011);
	if (take_all(dir, &five_in_ten) != 5)
		fail_msg("%s: does not heal", what);
}

static void test_damaged_words_are_taken_now(void **state)
{
	static const struct {
		const char *what;
		uint64_t word;
	} cases[] = {
		{ "one half", 1 },
		{ "the other half", UINT64_C(1) << 32 },
		{ "halves that disagree", UINT64_C(0xfffffffe00000002) },
		{ "all bits", UINT64_MAX },
		{ "zeros and ones", UINT64_C(0x00000000ffffffff) },
		{ "a time in the future", (uint64_t)(uint32_t)~(START_S + 5000U) << 32 | (START_S + 5000U) },
		{ "the furthest future", UINT64_C(0x00000001fffffffe) },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		for (off_t place = 0; place < 5; place++) {
			int dir = fresh();

			assert_err("make", take(dir, &five_in_ten), OTP_OK);
			put_word(dir, 0, 0);
			put_word(dir, 8 * place, cases[i].word);
			assert_stricter_and_heals(cases[i].what, dir);
			(void)close(dir);
		}
	}
}

/* A payment looks first and may find all taken: looking must let a damaged word become free again, too. */
static void test_looking_heals(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_err("make", take(dir, &five_in_ten), OTP_OK);
	put_word(dir, 0, 1);
	set_seconds(100);
	assert_int_equal(look(dir, &five_in_ten, 0), 1);
	set_seconds(105);
	assert_int_equal(look(dir, &five_in_ten, 0), 1);
	set_seconds(111);
	assert_int_equal(look(dir, &five_in_ten, 0), 0);
	(void)close(dir);
}

static void test_a_flipped_bit_allows_nothing(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	for (int bit = 0; bit < 64; bit++) {
		for (int when = 0; when <= 10; when += 5) {
			dir = fresh();
			assert_int_equal(take_all(dir, &five_in_ten), 5);
			put_word(dir, 16, word_at(dir, 16) ^ UINT64_C(1) << bit);
			set_seconds(when);
			if (take_all(dir, &five_in_ten) != 0)
				fail_msg("bit %d of a taken word", bit);
			set_seconds(when + 11);
			assert_int_equal(take_all(dir, &five_in_ten), 5);
			(void)close(dir);
		}
		dir = fresh();
		assert_err("make", take(dir, &five_in_ten), OTP_OK);
		put_word(dir, 16, UINT64_C(1) << bit);
		if (take_all(dir, &five_in_ten) != 3)
			fail_msg("bit %d of an empty word", bit);
		set_seconds(11);
		assert_int_equal(take_all(dir, &five_in_ten), 5);
		(void)close(dir);
	}
}

static void test_a_bucket_that_is_none_is_made_anew(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	safe_place_write("dir/mails-a", "x", 1, 0600);
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_int_equal(unlinkat(dir, "mails-a", 0), 0);
	assert_int_equal(mkdirat(dir, "mails-a", 0700), 0);
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

/* --- no room --------------------------------------------------------------------------------------------------------------------- */

static void test_without_room_all_share_one(void **state)
{
	struct budget_receipt receipt;
	struct budget_receipt other;
	enum otp_err errs[3];
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	prepare(dir);
	safe_place_fill(true);
	errs[0] = budget_take(dir, "mails-a", &two_windows, &receipt, &wait_s, &note);
	errs[1] = budget_take(dir, "mails-b", &two_windows, &other, &wait_s, &note);
	errs[2] = budget_take(dir, "mails-c", &two_windows, &other, &wait_s, &note);
	safe_place_fill(false);
	assert_err("first", errs[0], OTP_OK);
	assert_string_equal(receipt.bucket, "mails-full");
	assert_err("second", errs[1], OTP_OK);
	assert_err("third", errs[2], OTP_ERR_MAIL_BUDGET);
	budget_give_back(dir, &receipt);
	assert_err("given back", budget_take(dir, "mails-full", &two_windows, &other, &wait_s, &note), OTP_OK);
	assert_err("room again", take(dir, &two_windows), OTP_OK);
	assert_int_equal(safe_place_count(dir), 2);
	(void)close(dir);
}

static void test_a_bucket_made_before_needs_no_room(void **state)
{
	int count;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	prepare(dir);
	assert_err("make", take(dir, &five_in_ten), OTP_OK);
	safe_place_fill(true);
	count = take_all(dir, &five_in_ten);
	safe_place_fill(false);
	assert_int_equal(count, 4);
	(void)close(dir);
}

static void test_without_room_and_without_that_one_there_is_no_mail(void **state)
{
	struct budget_receipt receipt;
	enum otp_err prepared;
	enum otp_err err;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	safe_place_fill(true);
	prepared = budget_prepare(dir, &note);
	err = budget_take(dir, "mails-a", &five_in_ten, &receipt, &wait_s, &note);
	safe_place_fill(false);
	assert_err("prepare", prepared, OTP_ERR_STATE_IO);
	assert_err("no room", err, OTP_ERR_STATE_IO);
	assert_int_equal(safe_place_count(dir), 0);
	for (size_t i = 0; i < BUDGET_WINDOWS; i++)
		assert_int_equal(receipt.taken[i].value, 0);
	(void)close(dir);
}

/* --- at once --------------------------------------------------------------------------------------------------------------------- */

struct crowd {
	int dir;
	struct budget_limit limit;
	bool gives_back;
};

static bool take_one(void *arg)
{
	const struct crowd *crowd = arg;
	struct budget_receipt receipt;
	struct note why;
	int64_t wait;

	if (budget_take(crowd->dir, "mails-a", &crowd->limit, &receipt, &wait, &why) != OTP_OK)
		return false;
	if (crowd->gives_back)
		budget_give_back(crowd->dir, &receipt);
	return true;
}

static void test_a_crowd_gets_exactly_so_many(void **state)
{
	static const struct budget_limit limits[] = {
		FIVE_IN_TEN, { { { 20, 10 }, { 7, 100 } } }, { { { 7, 10 }, { 20, 100 } } }, { { { 1, 10 }, { 1, 100 } } }
	};
	static const int wanted[] = { 5, 7, 7, 1 };

	(void)state;
	safe_place_needed();
	for (int round = 0; round < 20; round++) {
		struct crowd crowd = { fresh(), limits[round % 4], false };
		int got = safe_place_crowd(CROWD, take_one, &crowd);

		/* of two windows one may be full for a moment of what the other then refuses: never more, and what is left is left */
		if (got > wanted[round % 4] || got + take_all(crowd.dir, &crowd.limit) != wanted[round % 4])
			fail_msg("round %d: %d", round, got);
		if (round % 4 == 0)
			assert_int_equal(got, 5);
		(void)close(crowd.dir);
	}
}

/* One byte of the log for each mail, until there is none left. */
static bool take_many(void *arg)
{
	const struct crowd *crowd = arg;
	int log = openat(crowd->dir, "log", O_WRONLY | O_APPEND | O_CLOEXEC);

	while (take_one(arg)) {
		if (write(log, "x", 1) != 1)
			return false;
	}
	return true;
}

/* All go through the same words in the same order, so that they meet at each. */
static void test_no_word_is_taken_twice(void **state)
{
	struct crowd crowd = { -1, { { { BUDGET_COUNT_MAX, 10 }, { 0, 0 } } }, false };
	struct stat st;

	(void)state;
	safe_place_needed();
	for (int round = 0; round < 30; round++) {
		crowd.dir = fresh();
		safe_place_write("dir/log", "", 0, 0600);
		assert_int_equal(safe_place_crowd(8, take_many, &crowd), 8);
		assert_int_equal(fstatat(crowd.dir, "log", &st, 0), 0);
		assert_int_equal(st.st_size, BUDGET_COUNT_MAX);
		(void)close(crowd.dir);
	}
}

static void test_a_crowd_that_gives_back_leaves_nothing(void **state)
{
	struct crowd crowd = { -1, TWO_WINDOWS, true };

	(void)state;
	safe_place_needed();
	crowd.dir = fresh();
	assert_true(safe_place_crowd(CROWD, take_one, &crowd) > 0);
	assert_int_equal(look(crowd.dir, &two_windows, 0), 0);
	assert_int_equal(look(crowd.dir, &two_windows, 1), 0);
	(void)close(crowd.dir);
}

static void test_who_is_killed_has_paid(void **state)
{
	struct budget_receipt receipt;
	int status = 0;
	pid_t pid;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	pid = fork();
	if (pid == 0) {
		(void)budget_take(dir, "mails-a", &five_in_ten, &receipt, &wait_s, &note);
		(void)raise(SIGKILL);
	}
	assert_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
	assert_int_equal(look(dir, &five_in_ten, 0), 1);
	assert_int_equal(take_all(dir, &five_in_ten), 4);
	(void)close(dir);
}

/* In the second in which the last mail was taken the wait must be long enough, too. */
static void test_the_wait_is_enough(void **state)
{
	int dir;

	(void)state;
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_err("spent", take(dir, &five_in_ten), OTP_ERR_MAIL_BUDGET);
	boot_ms += (wait_s - 1) * 1000;
	assert_err("a second before", take(dir, &five_in_ten), OTP_ERR_MAIL_BUDGET);
	boot_ms += 1000;
	assert_err("after the wait", take(dir, &five_in_ten), OTP_OK);
}

static void test_nothing_is_waited_for_in_a_window_that_is_not_there(void **state)
{
	int dir;

	(void)state;
	dir = fresh();
	assert_int_equal(take_all(dir, &five_in_ten), 5);
	assert_int_equal(look(dir, &five_in_ten, 1), 0);
	assert_int_equal(wait_s, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_exactly_so_many),
		cmocka_unit_test(test_buckets_are_apart),
		cmocka_unit_test(test_a_window_is_never_shorter_than_it_says),
		cmocka_unit_test(test_it_slides),
		cmocka_unit_test(test_one_by_one_they_become_free),
		cmocka_unit_test(test_a_bucket_lasts_from_one_opening_to_the_next),
		cmocka_unit_test(test_both_windows_count),
		cmocka_unit_test(test_a_window_that_is_not_there),
		cmocka_unit_test(test_another_count),
		cmocka_unit_test(test_another_window),
		cmocka_unit_test(test_given_back_is_as_if_never_taken),
		cmocka_unit_test(test_what_another_has_taken_is_not_given_back),
		cmocka_unit_test(test_what_was_refused_has_nothing_to_give_back),
		cmocka_unit_test(test_looking_takes_nothing),
		cmocka_unit_test(test_idle),
		cmocka_unit_test(test_damaged_words_are_taken_now),
		cmocka_unit_test(test_looking_heals),
		cmocka_unit_test(test_a_flipped_bit_allows_nothing),
		cmocka_unit_test(test_a_bucket_that_is_none_is_made_anew),
		cmocka_unit_test(test_without_room_all_share_one),
		cmocka_unit_test(test_a_bucket_made_before_needs_no_room),
		cmocka_unit_test(test_without_room_and_without_that_one_there_is_no_mail),
		cmocka_unit_test(test_a_crowd_gets_exactly_so_many),
		cmocka_unit_test(test_no_word_is_taken_twice),
		cmocka_unit_test(test_a_crowd_that_gives_back_leaves_nothing),
		cmocka_unit_test(test_who_is_killed_has_paid),
		cmocka_unit_test(test_the_wait_is_enough),
		cmocka_unit_test(test_nothing_is_waited_for_in_a_window_that_is_not_there),
	};

	return cmocka_run_group_tests_name("budget", tests, safe_place_setup, safe_place_teardown);
}
