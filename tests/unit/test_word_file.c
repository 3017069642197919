/* Counters that several processes change at once: what is opened as one, what is set aside, and that no word is ever half written. */
#include "safe_place.h"

#include <sys/socket.h>
#include <sys/un.h>

#include "word_file.h"

enum { WORDS = 16, SIZE = WORDS * 8, CROWD = 64, STEPS = 200 };

static const uint64_t nothing[WORDS];
static struct note note;

static file_word *words_of(const struct word_file *file)
{
	return file->bytes;
}

static enum otp_err make(int dir, struct word_file *ret_file)
{
	note.text[0] = '\0';
	return word_file_open_or_make(dir, "words", nothing, SIZE, ret_file, &note);
}

/* What stood there was set aside: nothing is open, and the name is free. */
static void assert_set_aside(const char *what, int dir)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;

	(void)alarm(5); /* a FIFO must not make us wait */
	assert_err(what, word_file_open(dir, "words", SIZE, &file, &note), OTP_OK);
	(void)alarm(0);
	assert_null(file.bytes);
	assert_int_equal(file.fd, -1);
	assert_int_equal(faccessat(dir, "words", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	assert_err(what, make(dir, &file), OTP_OK);
	assert_int_equal(words_of(&file)[0], 0);
}

static void test_none_is_no_error(void **state)
{
	word_file_auto struct word_file file = { (void *)1, 1, 1 };
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_err("none", word_file_open(dir, "words", SIZE, &file, &note), OTP_OK);
	assert_null(file.bytes);
	assert_int_equal(file.fd, -1);
	assert_int_equal(safe_place_count(dir), 0);
	(void)close(dir);
}

static void test_it_is_made_of_what_is_given(void **state)
{
	static const uint64_t initial[WORDS] = { 1, UINT64_MAX, [WORDS - 1] = 7 };
	word_file_auto struct word_file file = WORD_FILE_NONE;
	struct stat st;
	mode_t before;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	before = umask(0);
	assert_err("make", word_file_open_or_make(dir, "words", initial, SIZE, &file, &note), OTP_OK);
	(void)umask(before);
	assert_memory_equal(file.bytes, initial, SIZE);
	assert_int_equal(file.size, SIZE);
	assert_int_equal(fstatat(dir, "words", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, SIZE);
	assert_true((fcntl(file.fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

static void test_what_one_writes_the_other_reads(void **state)
{
	word_file_auto struct word_file one = WORD_FILE_NONE;
	word_file_auto struct word_file other = WORD_FILE_NONE;
	uint64_t stored = 0;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_err("one", make(dir, &one), OTP_OK);
	assert_err("other", make(dir, &other), OTP_OK);
	atomic_store(&words_of(&one)[3], UINT64_C(0x0123456789abcdef));
	assert_true(atomic_load(&words_of(&other)[3]) == UINT64_C(0x0123456789abcdef));
	word_file_done(&one);
	word_file_done(&other);
	safe_place_read_at(dir, "words", &stored, 8, 24);
	assert_true(stored == UINT64_C(0x0123456789abcdef));
	assert_err("again", make(dir, &one), OTP_OK); /* what is there already is not made anew */
	assert_true(atomic_load(&words_of(&one)[3]) == UINT64_C(0x0123456789abcdef));
	(void)close(dir);
}

static void test_what_is_no_file_is_set_aside(void **state)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int unix_socket;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_int_equal(mkfifoat(dir, "words", 0600), 0);
	assert_set_aside("fifo", dir);
	assert_int_equal(unlinkat(dir, "words", 0), 0);
	assert_int_equal(mkdirat(dir, "words", 0700), 0);
	assert_set_aside("empty directory", dir);
	assert_int_equal(unlinkat(dir, "words", 0), 0);
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/words", dir);
	unix_socket = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(unix_socket, (const struct sockaddr *)&address, sizeof(address)), 0);
	assert_set_aside("socket", dir);
	(void)close(unix_socket);
	(void)close(dir);
}

static void test_a_link_is_not_followed(void **state)
{
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	safe_place_write("dir/victim", nothing, SIZE, 0600);
	assert_int_equal(symlinkat("victim", dir, "words"), 0);
	assert_set_aside("symbolic link", dir);
	assert_int_equal(fstatat(dir, "victim", &st, 0), 0);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(unlinkat(dir, "words", 0), 0);
	assert_int_equal(symlinkat("/nowhere", dir, "words"), 0);
	assert_set_aside("dangling link", dir);
	assert_int_equal(unlinkat(dir, "words", 0), 0);
	assert_int_equal(linkat(dir, "victim", dir, "words", 0), 0);
	assert_set_aside("hard link", dir);
	assert_int_equal(fstatat(dir, "victim", &st, 0), 0);
	(void)close(dir);
}

/* What is in it may be root's: it is not thrown away. */
static void test_a_directory_with_something_in_it_is_kept(void **state)
{
	const struct dirent *entry;
	bool kept = false;
	DIR *files;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	safe_place_mkdir("dir/words", 0700);
	safe_place_text("dir/words/inside", "x");
	assert_set_aside("directory", dir);
	assert_int_equal(safe_place_count(dir), 2);
	files = fdopendir(dir);
	while ((entry = readdir(files)) != NULL) {
		char inside[300];

		(void)snprintf(inside, sizeof(inside), "%s/inside", entry->d_name);
		kept = kept || (strncmp(entry->d_name, ".words.", 7) == 0 && faccessat(dir, inside, F_OK, 0) == 0);
	}
	assert_true(kept);
	(void)closedir(files);
}

static void test_another_size_mode_or_owner(void **state)
{
	static const size_t sizes[] = { 0, 1, SIZE - 1, SIZE + 1, 2 * SIZE };
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0602, 0610, 0601, 0666, 0777 };
	static const char bytes[2 * SIZE];
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	for (size_t i = 0; i < CASES(sizes); i++) {
		safe_place_write("dir/words", bytes, sizes[i], 0600);
		assert_set_aside("size", dir);
	}
	for (size_t i = 0; i < CASES(modes); i++) {
		safe_place_write("dir/words", bytes, SIZE, modes[i]);
		assert_set_aside("mode", dir);
	}
	if (geteuid() == 0) {
		safe_place_write("dir/words", bytes, SIZE, 0600);
		assert_int_equal(fchownat(dir, "words", 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
		assert_set_aside("owner", dir);
	}
	(void)close(dir);
}

static void test_where_none_can_be_made(void **state)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	enum otp_err err;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	safe_place_fill(true);
	err = make(dir, &file);
	safe_place_fill(false);
	assert_err("full", err, OTP_ERR_STATE_IO);
	assert_non_null(strstr(note.text, "words: "));
	assert_null(file.bytes);
	assert_int_equal(safe_place_count(dir), 0);
	assert_err("room again", make(dir, &file), OTP_OK);
	word_file_done(&file);
	safe_place_fill(true);
	err = make(dir, &file);
	if (err == OTP_OK)
		atomic_store(&words_of(&file)[WORDS - 1], 1);
	safe_place_fill(false);
	assert_err("made before", err, OTP_OK);
	(void)close(dir);
}

static void test_a_directory_that_is_gone(void **state)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	char name[300];
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("gone");
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_err("no such name", word_file_open(dir, name, SIZE, &file, &note), OTP_ERR_STATE_IO);
	assert_int_equal(rmdir(safe_place_path("gone")), 0);
	assert_err("nothing is there", word_file_open(dir, "words", SIZE, &file, &note), OTP_OK);
	assert_err("nothing can be made", make(dir, &file), OTP_ERR_STATE_IO);
	(void)close(dir);
	assert_err("no directory", word_file_open(-1, "words", SIZE, &file, &note), OTP_ERR_STATE_IO);
	assert_null(file.bytes);
}

static void test_no_descriptor_is_left_open(void **state)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	int free_before;
	int free_after;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	free_before = dup(dir);
	(void)close(free_before);
	assert_err("make", make(dir, &file), OTP_OK);
	word_file_done(&file);
	word_file_done(&file);
	safe_place_write("dir/words", "x", 1, 0600);
	assert_set_aside("size", dir);
	free_after = dup(dir);
	(void)close(free_after);
	assert_int_equal(free_after, free_before);
	(void)close(dir);
}

/* Makes or opens it like everybody else, and adds to one word. */
static bool add(void *arg)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;

	if (make(*(int *)arg, &file) != OTP_OK || file.bytes == NULL)
		return false;
	for (int i = 0; i < STEPS; i++) {
		uint64_t before = atomic_load(&words_of(&file)[0]);

		while (!atomic_compare_exchange_weak(&words_of(&file)[0], &before, before + 1))
			;
	}
	return true;
}

static void test_many_make_and_change_it_at_once(void **state)
{
	uint64_t sum = 0;
	int dir;

	(void)state;
	safe_place_needed();
	dir = safe_place_open("dir");
	assert_int_equal(safe_place_crowd(CROWD, add, &dir), CROWD);
	safe_place_read_at(dir, "words", &sum, 8, 0);
	assert_int_equal(sum, CROWD * STEPS);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_none_is_no_error),
		cmocka_unit_test(test_it_is_made_of_what_is_given),
		cmocka_unit_test(test_what_one_writes_the_other_reads),
		cmocka_unit_test(test_what_is_no_file_is_set_aside),
		cmocka_unit_test(test_a_link_is_not_followed),
		cmocka_unit_test(test_a_directory_with_something_in_it_is_kept),
		cmocka_unit_test(test_another_size_mode_or_owner),
		cmocka_unit_test(test_where_none_can_be_made),
		cmocka_unit_test(test_a_directory_that_is_gone),
		cmocka_unit_test(test_no_descriptor_is_left_open),
		cmocka_unit_test(test_many_make_and_change_it_at_once),
	};

	return cmocka_run_group_tests_name("word_file", tests, safe_place_setup, safe_place_teardown);
}
