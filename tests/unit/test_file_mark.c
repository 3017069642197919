/* The mark of a file: another one whenever the file could decide something else, the same as long as it cannot. */
#include "safe_place.h"

#include <time.h>

#include "file_mark.h"

static char before[FILE_MARK_SIZE];

static const char *mark_of(const char *name)
{
	static struct file_mark mark;

	mark = file_mark_of(safe_place_path(name));
	return mark.text;
}

/* The kernel's clock for change times goes by ticks. */
static void a_tick_later(void)
{
	struct timespec tick = { 0, 20 * 1000000 };

	(void)nanosleep(&tick, NULL);
}

static void remember(const char *name)
{
	(void)snprintf(before, sizeof(before), "%s", mark_of(name));
	assert_string_equal(mark_of(name), before);
	a_tick_later();
}

static int a_file(void **state)
{
	(void)state;
	(void)close(safe_place_open("dir"));
	safe_place_text("dir/conf", "client_id = one\n");
	remember("dir/conf");
	return 0;
}

static void test_unchanged(void **state)
{
	char text[4];

	(void)state;
	assert_string_not_equal(before, "-");
	assert_null(strpbrk(before, " \n"));
	safe_place_read_at(AT_FDCWD, safe_place_path("dir/conf"), text, sizeof(text), 0);
	assert_string_equal(mark_of("dir/conf"), before);
}

static void rewrite_in_place(const char *path)
{
	safe_place_write_at(AT_FDCWD, path, "client_id = two\n", 16, 0);
}

/* The old times do not come back by setting them: the change time is the kernel's. */
static void rewrite_and_set_back(const char *path)
{
	struct timespec times[2];
	struct stat st;

	safe_place_must(stat(path, &st) == 0, path);
	rewrite_in_place(path);
	times[0] = st.st_atim;
	times[1] = st.st_mtim;
	safe_place_must(utimensat(AT_FDCWD, path, times, 0) == 0, path);
}

static void touch(const char *path)
{
	safe_place_must(utimensat(AT_FDCWD, path, NULL, 0) == 0, path);
}

static void shorten(const char *path)
{
	safe_place_must(truncate(path, 3) == 0, path);
}

static void change_mode(const char *path)
{
	safe_place_must(chmod(path, 0600) == 0, path);
}

static void replace_by_rename(const char *path)
{
	safe_place_text("dir/new", "client_id = one\n");
	safe_place_must(rename(safe_place_path("dir/new"), path) == 0, path);
}

static void link_elsewhere(const char *path)
{
	safe_place_must(rename(path, safe_place_path("dir/other")) == 0, path);
	safe_place_must(symlink(safe_place_path("dir/other"), path) == 0, path);
}

static void take_away(const char *path)
{
	safe_place_must(unlink(path) == 0, path);
}

static void test_each_change_shows(void **state)
{
	static void (*const changes[])(const char *path) = {
		rewrite_in_place, rewrite_and_set_back, touch, shorten, change_mode, replace_by_rename, link_elsewhere, take_away,
	};

	for (size_t i = 0; i < CASES(changes); i++) {
		(void)a_file(state);
		changes[i](safe_place_path("dir/conf"));
		if (strcmp(mark_of("dir/conf"), before) == 0)
			fail_msg("change %zu", i);
	}
}

/* A file that is not there has a mark too: one that appears ends what was decided without it. */
static void test_a_file_that_appears(void **state)
{
	(void)state;
	assert_string_equal(mark_of("dir/none"), "-");
	assert_string_equal(mark_of("none/none"), "-");
	safe_place_text("dir/none", "");
	assert_string_not_equal(mark_of("dir/none"), "-");
}

static void test_two_files_alike(void **state)
{
	(void)state;
	safe_place_text("dir/other", "client_id = one\n");
	assert_string_not_equal(mark_of("dir/other"), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_unchanged, a_file),
		cmocka_unit_test(test_each_change_shows),
		cmocka_unit_test_setup(test_a_file_that_appears, a_file),
		cmocka_unit_test_setup(test_two_files_alike, a_file),
	};

	return cmocka_run_group_tests_name("file_mark", tests, safe_place_setup, safe_place_teardown);
}
