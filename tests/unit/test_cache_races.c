/*
 * 32 readers and 32 writers of one record at once: whoever reads it finds one that a writer has written, whole. With an argument: so many
 * rounds in all, instead of a tenth of the 100000 that were run once.
 */
#include "cache_people.h"

#include <stdatomic.h>
#include <sys/mman.h>

#include "safe_file.h"

enum { READERS = 32, WRITERS = 32, ROUNDS = 10000, GROUP_DIGITS = 8, GROUP_TIMES = 100, SESSION_PATH_SIZE = 64 };

static struct cache_call call;
static int dir = -1;
static long rounds = ROUNDS;

/* What the processes share. */
static struct {
	atomic_int born;
	atomic_long read;
	atomic_long written;
	atomic_long differed; /* from the one that the same reader has read before: there was something to see */
} *shared;

/* One word, again and again: a record of two halves has two words. */
static void fill_groups(char *groups, size_t size, unsigned int word)
{
	size_t length = 0;

	for (int i = 0; i < GROUP_TIMES; i++)
		length += (size_t)snprintf(groups + length, size - length, "%s%08x", i == 0 ? "" : " ", word);
}

static bool is_of_one_writer(const char *groups)
{
	if (strlen(groups) != GROUP_TIMES * (GROUP_DIGITS + 1) - 1)
		return false;
	for (int i = 1; i < GROUP_TIMES; i++) {
		if (memcmp(groups, groups + (size_t)i * (GROUP_DIGITS + 1), GROUP_DIGITS) != 0)
			return false;
	}
	return true;
}

static bool write_some(int number)
{
	long round;

	while ((round = atomic_fetch_add(&shared->written, 1)) < rounds) {
		cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
		cache_record_auto struct cache_record replaced = CACHE_RECORD_NONE;
		struct note note;

		if (!cache_record_stamp(&record))
			return false;
		fill_groups(record.groups, sizeof(record.groups), (unsigned int)(round * WRITERS + number));
		cache_binding(&call, &record.binding);
		if (cache_keep(&call, &record, &replaced, &note) != OTP_OK)
			return false;
	}
	return true;
}

static bool read_some(void)
{
	char before[CACHE_GROUPS_MAX + 1] = "";

	while (atomic_fetch_add(&shared->read, 1) < rounds) {
		cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
		struct note note;

		if (!cache_find(&call, &record, &note) || !is_of_one_writer(record.groups))
			return false;
		if (strcmp(before, record.groups) != 0)
			atomic_fetch_add(&shared->differed, 1);
		memcpy(before, record.groups, sizeof(before));
	}
	return true;
}

static bool read_or_write(void *arg)
{
	int number = atomic_fetch_add(&shared->born, 1);

	(void)arg;
	return number % 2 == 0 ? read_some() : write_some(number / 2);
}

static void test_readers_and_writers(void **state)
{
	char groups[CACHE_GROUPS_MAX + 1];

	(void)state;
	safe_place_needed();
	dir = cache_begin(&call);
	shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	assert_true(shared != MAP_FAILED);
	fill_groups(groups, sizeof(groups), 0);
	assert_err("first", cache_log_in(&call, groups), OTP_OK);
	assert_int_equal(safe_place_crowd(READERS + WRITERS, read_or_write, NULL), READERS + WRITERS);
	print_message("# %ld rounds of reading, %ld of writing, %ld times another record than before\n", rounds, rounds,
		      atomic_load(&shared->differed));
	assert_true(atomic_load(&shared->differed) > READERS);
	assert_int_equal(cache_count(dir), 1);
	(void)close(dir);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_readers_and_writers),
	};

	if (argc > 1)
		rounds = strtol(argv[1], NULL, 10);
	return cmocka_run_group_tests_name("cache_races", tests, safe_place_setup, safe_place_teardown);
}
