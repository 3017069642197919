/* Files that decide who gets in: whose they must be, what may stand on the way, and that a replaced file is whole at every instant. */
#include "safe_place.h"

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <time.h>

#include "safe_file.h"

enum { SMALL = 100, STRANGER = 65534 };

static struct note note;

static enum otp_err read_path(const char *path, enum safe_file_kind kind, size_t max)
{
	secret_auto struct secret bytes = SECRET_EMPTY;
	enum otp_err err;

	note.text[0] = '\0';
	err = safe_file_read(path, kind, max, &bytes, &note);
	if (err != OTP_OK)
		assert_null(bytes.bytes);
	return err;
}

static enum otp_err read_public(const char *name)
{
	return read_path(safe_place_path(name), SAFE_FILE_PUBLIC, SMALL);
}

static void assert_noted(const char *wanted)
{
	if (strstr(note.text, wanted) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", wanted, note.text);
}

/* Gives a file away, which only root can. */
static void give_away(const char *name)
{
	if (geteuid() != 0)
		skip();
	assert_int_equal(lchown(safe_place_path(name), STRANGER, STRANGER), 0);
}

static void set_mode(const char *name, mode_t mode)
{
	assert_int_equal(chmod(safe_place_path(name), mode), 0);
}

/* A directory of the test's own, so that tests need not clear up after each other. */
static void fresh_dir(const char *name)
{
	(void)nftw(safe_place_path(name), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	safe_place_mkdir(name, 0755);
}

static size_t count_files(const char *name)
{
	DIR *dir = opendir(safe_place_path(name));
	struct dirent *entry;
	size_t count = 0;

	assert_non_null(dir);
	while ((entry = readdir(dir)) != NULL)
		count += strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0;
	assert_int_equal(closedir(dir), 0);
	return count;
}

static size_t count_descriptors(void)
{
	size_t count = 0;

	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

/* --- files of the administrator's ------------------------------------------------------------------------------------------------ */

static void test_reading(void **state)
{
	static const char bytes[] = "a\0b\n";
	secret_auto struct secret text = SECRET_EMPTY;

	(void)state;
	safe_place_needed();
	safe_place_write("file", bytes, sizeof(bytes) - 1, 0644);
	assert_err("text", safe_file_read(safe_place_path("file"), SAFE_FILE_PUBLIC, SMALL, &text, &note), OTP_OK);
	assert_int_equal(text.length, sizeof(bytes) - 1);
	assert_memory_equal(text.bytes, bytes, sizeof(bytes));
	safe_place_text("file", "");
	assert_err("empty", safe_file_read(safe_place_path("file"), SAFE_FILE_PUBLIC, SMALL, &text, &note), OTP_OK);
	assert_int_equal(text.length, 0);
	assert_string_equal(secret_text(&text), "");
}

static void test_a_file_s_size_has_a_bound(void **state)
{
	char bytes[SMALL + 1];

	(void)state;
	safe_place_needed();
	memset(bytes, 'x', sizeof(bytes));
	safe_place_write("file", bytes, SMALL, 0644);
	assert_err("largest", read_path(safe_place_path("file"), SAFE_FILE_PUBLIC, SMALL), OTP_OK);
	safe_place_write("file", bytes, SMALL + 1, 0644);
	note.text[0] = '\0';
	assert_err("too large", read_path(safe_place_path("file"), SAFE_FILE_PUBLIC, SMALL - 1), OTP_ERR_CONFIG_OPEN);
	assert_noted("larger than 99 bytes");
}

/* procfs says that its files are empty: what is read is counted, not what is promised. */
static void test_a_file_that_says_0_bytes_and_has_more(void **state)
{
	secret_auto struct secret text = SECRET_EMPTY;

	(void)state;
	if (access("/proc/version", R_OK) != 0)
		skip();
	assert_err("proc", safe_file_read("/proc/version", SAFE_FILE_PUBLIC, 4096, &text, &note), OTP_ERR_CONFIG_OPEN);
	assert_noted("or growing");
}

static void test_modes(void **state)
{
	static const struct {
		mode_t mode;
		enum otp_err as_public;
		enum otp_err as_secret;
	} cases[] = {
		{ 0600, OTP_OK, OTP_OK },
		{ 0400, OTP_OK, OTP_OK },
		{ 0700, OTP_OK, OTP_OK },
		{ 0644, OTP_OK, OTP_ERR_CONFIG_UNSAFE },
		{ 0640, OTP_OK, OTP_ERR_CONFIG_UNSAFE },
		{ 0604, OTP_OK, OTP_ERR_CONFIG_UNSAFE },
		{ 0610, OTP_OK, OTP_ERR_CONFIG_UNSAFE },
		{ 0601, OTP_OK, OTP_ERR_CONFIG_UNSAFE },
		{ 0620, OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_UNSAFE },
		{ 0602, OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_UNSAFE },
		{ 0666, OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_UNSAFE },
		{ 0777, OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_UNSAFE },
	};
	char name[8];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(name, sizeof(name), "%04o", (unsigned int)cases[i].mode);
		safe_place_write("file", "x", 1, cases[i].mode);
		assert_err(name, read_path(safe_place_path("file"), SAFE_FILE_PUBLIC, SMALL), cases[i].as_public);
		assert_err(name, read_path(safe_place_path("file"), SAFE_FILE_SECRET, SMALL), cases[i].as_secret);
		if (cases[i].as_secret != OTP_OK)
			assert_noted(name);
	}
}

static void test_another_owner(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_write("file", "x", 1, 0644);
	give_away("file");
	assert_err("owner", read_public("file"), OTP_ERR_CONFIG_UNSAFE);
	assert_noted("belongs to uid 65534, not to root");
}

static void test_root_s_files_are_trusted_by_everybody(void **state)
{
	(void)state;
	assert_err("passwd", safe_file_check("/etc/passwd", SAFE_FILE_PUBLIC, &note), OTP_OK);
}

static void test_the_check_alone_is_the_same(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_write("file", "x", 1, 0644);
	assert_err("public", safe_file_check(safe_place_path("file"), SAFE_FILE_PUBLIC, &note), OTP_OK);
	assert_err("secret", safe_file_check(safe_place_path("file"), SAFE_FILE_SECRET, &note), OTP_ERR_CONFIG_UNSAFE);
	set_mode("file", 0664);
	assert_err("public", safe_file_check(safe_place_path("file"), SAFE_FILE_PUBLIC, &note), OTP_ERR_CONFIG_UNSAFE);
	assert_err("missing", safe_file_check(safe_place_path("nothing"), SAFE_FILE_PUBLIC, &note), OTP_ERR_CONFIG_OPEN);
	assert_err("directory", safe_file_check(safe_place_path("."), SAFE_FILE_PUBLIC, &note), OTP_ERR_CONFIG_UNSAFE);
}

static void test_a_parent_that_others_may_write(void **state)
{
	static const mode_t modes[] = { 0775, 0757, 0777, 01777, 02775 };

	(void)state;
	safe_place_needed();
	fresh_dir("parent");
	safe_place_mkdir("parent/child", 0755);
	safe_place_text("parent/child/file", "x");
	assert_err("safe", read_public("parent/child/file"), OTP_OK);
	for (size_t i = 0; i < CASES(modes); i++) {
		set_mode("parent/child", modes[i]);
		assert_err("directly", read_public("parent/child/file"), OTP_ERR_CONFIG_UNSAFE);
		assert_noted("lets others write");
		set_mode("parent/child", 0755);
		set_mode("parent", modes[i]);
		assert_err("further up", read_public("parent/child/file"), OTP_ERR_CONFIG_UNSAFE);
		set_mode("parent", 0755);
	}
	assert_err("safe again", read_public("parent/child/file"), OTP_OK);
}

static void test_a_parent_of_another_owner(void **state)
{
	(void)state;
	safe_place_needed();
	fresh_dir("parent");
	safe_place_mkdir("parent/child", 0755);
	safe_place_text("parent/child/file", "x");
	give_away("parent");
	assert_err("owner", read_public("parent/child/file"), OTP_ERR_CONFIG_UNSAFE);
	assert_noted("belongs to uid 65534");
}

static void test_symbolic_links(void **state)
{
	(void)state;
	safe_place_needed();
	fresh_dir("links");
	safe_place_mkdir("links/dir", 0755);
	safe_place_text("links/dir/file", "x");
	assert_int_equal(symlink("file", safe_place_path("links/dir/link")), 0);
	assert_int_equal(symlink("dir", safe_place_path("links/dirlink")), 0);
	assert_int_equal(symlink(safe_place_path("links/dir/file"), safe_place_path("links/absolute")), 0);
	assert_int_equal(symlink("nowhere", safe_place_path("links/dangling")), 0);
	assert_err("the file itself", read_public("links/dir/file"), OTP_OK);
	assert_err("a link as the file", read_public("links/dir/link"), OTP_ERR_CONFIG_UNSAFE);
	assert_noted("symbolic link");
	assert_err("a link on the way", read_public("links/dirlink/file"), OTP_ERR_CONFIG_UNSAFE);
	assert_noted("symbolic link");
	assert_err("an absolute link", read_public("links/absolute"), OTP_ERR_CONFIG_UNSAFE);
	assert_err("a dangling link", read_public("links/dangling"), OTP_ERR_CONFIG_UNSAFE);
	assert_err("a file on the way", read_public("links/dir/file/x"), OTP_ERR_CONFIG_UNSAFE);
}

/* Would block forever if opened the usual way; the alarm ends the program then. */
static void test_a_fifo_does_not_make_us_wait(void **state)
{
	(void)state;
	safe_place_needed();
	(void)unlink(safe_place_path("fifo"));
	assert_int_equal(mkfifo(safe_place_path("fifo"), 0644), 0);
	(void)alarm(5);
	assert_err("fifo", read_public("fifo"), OTP_ERR_CONFIG_UNSAFE);
	(void)alarm(0);
	assert_noted("not a regular file");
}

static void test_what_is_no_regular_file(void **state)
{
	(void)state;
	safe_place_needed();
	fresh_dir("dir");
	assert_err("directory", read_public("dir"), OTP_ERR_CONFIG_UNSAFE);
	assert_noted("not a regular file");
	assert_err("device", read_path("/dev/null", SAFE_FILE_PUBLIC, SMALL), OTP_ERR_CONFIG_UNSAFE);
}

static void test_paths_are_plain_and_absolute(void **state)
{
	static const char *const names[] = { "dir/../file", "./file", "dir/./../file", "dir//../file", "/file", "dir/../dir/../file" };
	static const char *const elsewhere[] = { "", "file", "./file", "../file", "/", "//", "~/file" };

	(void)state;
	safe_place_needed();
	fresh_dir("dir");
	safe_place_text("file", "x");
	for (size_t i = 0; i < CASES(names); i++) {
		assert_err(names[i], read_public(names[i]), OTP_ERR_CONFIG_OPEN);
		assert_noted("not a plain absolute path");
	}
	for (size_t i = 0; i < CASES(elsewhere); i++)
		assert_err(elsewhere[i], read_path(elsewhere[i], SAFE_FILE_PUBLIC, SMALL), OTP_ERR_CONFIG_OPEN);
	assert_err("a slash at the end", read_public("file/"), OTP_ERR_CONFIG_UNSAFE);
	assert_int_not_equal(read_public("dir/.."), OTP_OK);
	assert_int_not_equal(read_public("dir/."), OTP_OK);
}

static void test_dots_that_are_names(void **state)
{
	char name[300];

	(void)state;
	safe_place_needed();
	fresh_dir("dir");
	safe_place_mkdir("dir/...", 0755);
	safe_place_mkdir("dir/.a", 0755);
	safe_place_text("dir/.../file", "x");
	safe_place_text("dir/.a/..file", "x");
	assert_err("...", read_public("dir/.../file"), OTP_OK);
	assert_err(".a", read_public("dir/.a/..file"), OTP_OK);
	memset(name, 'n', sizeof(name));
	memcpy(name + 290, "/file", 6);
	assert_err("a name that is too long", read_public(name), OTP_ERR_CONFIG_OPEN);
}

static void test_a_missing_file_is_said_so(void **state)
{
	(void)state;
	safe_place_needed();
	assert_err("file", read_public("nothing"), OTP_ERR_CONFIG_OPEN);
	assert_noted("No such file or directory");
	assert_err("directory", read_public("nothing/file"), OTP_ERR_CONFIG_OPEN);
	assert_noted("No such file or directory");
}

static void test_no_descriptor_is_left_open(void **state)
{
	size_t before = count_descriptors();
	int dir;

	(void)state;
	safe_place_needed();
	fresh_dir("dir");
	safe_place_text("dir/file", "x");
	assert_err("read", read_public("dir/file"), OTP_OK);
	assert_err("directory", read_public("dir"), OTP_ERR_CONFIG_UNSAFE);
	assert_err("missing", read_public("nothing/file"), OTP_ERR_CONFIG_OPEN);
	assert_err("dots", read_public("dir/../file"), OTP_ERR_CONFIG_OPEN);
	assert_err("state", safe_dir_open(safe_place_path("dir"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(count_descriptors(), before);
}

/* --- the state directory --------------------------------------------------------------------------------------------------------- */

static int open_state(void)
{
	int dir = -1;

	(void)nftw(safe_place_path("state"), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	assert_err("open", safe_dir_open(safe_place_path("state"), &dir, &note), OTP_OK);
	assert_true(dir >= 0);
	return dir;
}

static void assert_state_content(int dir, const char *name, const char *wanted)
{
	secret_auto struct secret text = SECRET_EMPTY;
	int64_t mtime = 0;

	assert_err(name, safe_dir_read(dir, name, SMALL, &text, &mtime, &note), OTP_OK);
	assert_string_equal(secret_text(&text), wanted);
	assert_true(mtime > time(NULL) - 60 && mtime <= time(NULL) + 1);
}

static enum otp_err read_state(int dir, const char *name, size_t max)
{
	secret_auto struct secret text = SECRET_EMPTY;
	int64_t mtime = -1;
	enum otp_err err;

	note.text[0] = '\0';
	err = safe_dir_read(dir, name, max, &text, &mtime, &note);
	if (err != OTP_OK)
		assert_int_equal(mtime, -1);
	return err;
}

static void test_a_state_directory_is_made_0700_whatever_the_umask(void **state)
{
	static const mode_t masks[] = { 0, 022, 077, 0777, 0177, 0700 };
	struct stat st;

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(masks); i++) {
		mode_t before = umask(masks[i]);
		int dir = -1;
		enum otp_err err;

		(void)nftw(safe_place_path("state"), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
		err = safe_dir_open(safe_place_path("state"), &dir, &note);
		(void)umask(before);
		/* under a umask that takes r from the owner, only root may open what was made */
		if (geteuid() != 0 && (masks[i] & 0400) != 0 && err != OTP_OK)
			continue;
		assert_err("made", err, OTP_OK);
		assert_int_equal(fstat(dir, &st), 0);
		assert_int_equal(st.st_mode & 07777, 0700);
		assert_int_equal(st.st_uid, geteuid());
		assert_true((fcntl(dir, F_GETFD) & FD_CLOEXEC) != 0);
		(void)close(dir);
	}
}

static void test_a_state_directory_that_others_may_enter(void **state)
{
	static const mode_t modes[] = { 0755, 0750, 0705, 0710, 0701, 0770, 0707, 0777, 01777, 0600, 0500 };
	int dir = -1;

	(void)state;
	safe_place_needed();
	fresh_dir("state");
	for (size_t i = 0; i < CASES(modes); i++) {
		char name[8];

		(void)snprintf(name, sizeof(name), "%04o", (unsigned int)modes[i]);
		set_mode("state", modes[i]);
		assert_err(name, safe_dir_open(safe_place_path("state"), &dir, &note), OTP_ERR_STATE_UNSAFE);
		assert_noted("must belong to root with mode 0700");
	}
	assert_int_equal(dir, -1);
	set_mode("state", 0700);
	assert_err("0700", safe_dir_open(safe_place_path("state"), &dir, &note), OTP_OK);
	(void)close(dir);
}

static void test_a_state_directory_of_another_owner(void **state)
{
	int dir = -1;

	(void)state;
	safe_place_needed();
	fresh_dir("state");
	set_mode("state", 0700);
	give_away("state");
	assert_err("owner", safe_dir_open(safe_place_path("state"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(dir, -1);
}

static void test_where_no_state_directory_can_be(void **state)
{
	int dir = -1;

	(void)state;
	safe_place_needed();
	fresh_dir("where");
	safe_place_mkdir("where/real", 0700);
	safe_place_text("where/file", "x");
	assert_int_equal(symlink("real", safe_place_path("where/link")), 0);
	assert_err("a link", safe_dir_open(safe_place_path("where/link"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_err("a file", safe_dir_open(safe_place_path("where/file"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_err("no parent", safe_dir_open(safe_place_path("where/no/state"), &dir, &note), OTP_ERR_STATE_IO);
	assert_err("relative", safe_dir_open("state", &dir, &note), OTP_ERR_STATE_IO);
	assert_err("dots", safe_dir_open(safe_place_path("where/../where/real"), &dir, &note), OTP_ERR_STATE_IO);
	set_mode("where", 0777);
	assert_err("an open parent", safe_dir_open(safe_place_path("where/real"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_err("an open parent, nothing there", safe_dir_open(safe_place_path("where/new"), &dir, &note), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(access(safe_place_path("where/new"), F_OK), -1);
	assert_int_equal(dir, -1);
}

static void test_writing_and_replacing(void **state)
{
	int dir;
	struct stat st;
	mode_t before;

	(void)state;
	safe_place_needed();
	dir = open_state();
	before = umask(0);
	assert_err("write", safe_dir_write(dir, "file", "first", 5, &note), OTP_OK);
	(void)umask(0777);
	assert_err("replace", safe_dir_write(dir, "file", "second", 6, &note), OTP_OK);
	assert_err("empty", safe_dir_write(dir, "empty", "", 0, &note), OTP_OK);
	(void)umask(before);
	assert_state_content(dir, "file", "second");
	assert_state_content(dir, "empty", "");
	assert_int_equal(fstatat(dir, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(count_files("state"), 2);
	(void)close(dir);
}

static void test_a_reader_keeps_the_old_file_whole(void **state)
{
	int dir;
	int old;
	char bytes[8] = "";

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_err("write", safe_dir_write(dir, "file", "first", 5, &note), OTP_OK);
	old = openat(dir, "file", O_RDONLY | O_CLOEXEC);
	assert_true(old >= 0);
	assert_err("replace", safe_dir_write(dir, "file", "2", 1, &note), OTP_OK);
	assert_int_equal(read(old, bytes, sizeof(bytes) - 1), 5);
	assert_string_equal(bytes, "first");
	(void)close(old);
	(void)close(dir);
}

static void test_a_link_in_the_way_is_replaced_and_not_followed(void **state)
{
	int dir;
	struct stat st;

	(void)state;
	safe_place_needed();
	safe_place_text("victim", "untouched");
	dir = open_state();
	assert_int_equal(symlinkat(safe_place_path("victim"), dir, "file"), 0);
	assert_err("read", read_state(dir, "file", SMALL), OTP_ERR_STATE_UNSAFE);
	assert_err("write", safe_dir_write(dir, "file", "new", 3, &note), OTP_OK);
	assert_int_equal(fstatat(dir, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISREG(st.st_mode));
	assert_int_equal(stat(safe_place_path("victim"), &st), 0);
	assert_int_equal(st.st_size, 9);
	(void)close(dir);
}

/* As a caller of su could have it: his limit on file sizes is ours until inheritance_replace. */
static void test_a_write_that_fails_keeps_the_old_file(void **state)
{
	static char large[8192];
	struct rlimit before;
	struct rlimit tight;
	void (*handler)(int);
	enum otp_err err;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_err("write", safe_dir_write(dir, "file", "old", 3, &note), OTP_OK);
	handler = signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	tight = before;
	tight.rlim_cur = 4096;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &tight), 0);
	err = safe_dir_write(dir, "file", large, sizeof(large), &note);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	(void)signal(SIGXFSZ, handler);
	assert_err("limit", err, OTP_ERR_STATE_IO);
	assert_noted("File too large");
	assert_state_content(dir, "file", "old");
	assert_int_equal(count_files("state"), 1);
	(void)close(dir);
}

static void test_a_rename_that_fails_leaves_no_litter(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_int_equal(mkdirat(dir, "taken", 0700), 0);
	assert_err("a directory has the name", safe_dir_write(dir, "taken", "x", 1, &note), OTP_ERR_STATE_IO);
	assert_int_equal(count_files("state"), 1);
	(void)close(dir);
}

static void test_names_that_cannot_be_written(void **state)
{
	char name[300];
	int dir;

	(void)state;
	safe_place_needed();
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	dir = open_state();
	assert_err("too long", safe_dir_write(dir, name, "x", 1, &note), OTP_ERR_STATE_IO);
	assert_err("elsewhere", safe_dir_write(dir, "no/file", "x", 1, &note), OTP_ERR_STATE_IO);
	assert_int_equal(count_files("state"), 0);
	(void)close(dir);
}

static void test_state_files_are_ours_alone(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666 };
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	for (size_t i = 0; i < CASES(modes); i++) {
		safe_place_write("state/file", "x", 1, modes[i]);
		assert_err("mode", read_state(dir, "file", SMALL), OTP_ERR_STATE_UNSAFE);
	}
	safe_place_write("state/file", "x", 1, 0600);
	assert_err("0600", read_state(dir, "file", SMALL), OTP_OK);
	assert_err("missing", read_state(dir, "nothing", SMALL), OTP_ERR_STATE_IO);
	(void)close(dir);
}

static void test_a_state_file_with_another_link(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	safe_place_write("state/file", "x", 1, 0600);
	assert_int_equal(linkat(dir, "file", dir, "again", 0), 0);
	assert_err("two links", read_state(dir, "file", SMALL), OTP_ERR_STATE_UNSAFE);
	assert_noted("hard links");
	assert_int_equal(unlinkat(dir, "again", 0), 0);
	assert_err("one link", read_state(dir, "file", SMALL), OTP_OK);
	(void)close(dir);
}

static void test_a_state_file_of_another_owner(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	safe_place_write("state/file", "x", 1, 0600);
	if (geteuid() != 0)
		(void)close(dir);
	give_away("state/file");
	assert_err("owner", read_state(dir, "file", SMALL), OTP_ERR_STATE_UNSAFE);
	(void)close(dir);
}

static void test_a_state_file_that_is_something_else(void **state)
{
	char bytes[SMALL + 1];
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	(void)alarm(5);
	assert_err("fifo", read_state(dir, "fifo", SMALL), OTP_ERR_STATE_UNSAFE);
	(void)alarm(0);
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	assert_err("directory", read_state(dir, "dir", SMALL), OTP_ERR_STATE_UNSAFE);
	memset(bytes, 'x', sizeof(bytes));
	safe_place_write("state/file", bytes, sizeof(bytes), 0600);
	assert_err("too large", read_state(dir, "file", SMALL), OTP_ERR_STATE_IO);
	assert_err("largest", read_state(dir, "file", SMALL + 1), OTP_OK);
	(void)close(dir);
}

/* --- files that are made once and changed in place -------------------------------------------------------------------------------- */

static void test_creating_keeps_what_is_there(void **state)
{
	struct stat st;
	mode_t before;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	before = umask(0777);
	assert_err("create", safe_dir_create(dir, "file", "first", 5, &note), OTP_OK);
	(void)umask(before);
	assert_err("again", safe_dir_create(dir, "file", "second", 6, &note), OTP_OK);
	assert_err("empty", safe_dir_create(dir, "empty", "", 0, &note), OTP_OK);
	assert_state_content(dir, "file", "first");
	assert_state_content(dir, "empty", "");
	assert_int_equal(fstatat(dir, "file", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(count_files("state"), 2);
	(void)close(dir);
}

/* Whatever has the name is somebody's file: whoever opens it says what is wrong with it. */
static void test_creating_follows_and_replaces_nothing(void **state)
{
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_int_equal(symlinkat("target", dir, "link"), 0);
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	assert_err("a dangling link", safe_dir_create(dir, "link", "x", 1, &note), OTP_OK);
	assert_err("a directory", safe_dir_create(dir, "dir", "x", 1, &note), OTP_OK);
	assert_int_equal(fstatat(dir, "target", &st, AT_SYMLINK_NOFOLLOW), -1);
	assert_int_equal(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(count_files("state"), 2);
	(void)close(dir);
}

static void test_where_nothing_can_be_created(void **state)
{
	char name[300];
	enum otp_err err;
	int dir;

	(void)state;
	safe_place_needed();
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	dir = open_state();
	assert_err("too long", safe_dir_create(dir, name, "x", 1, &note), OTP_ERR_STATE_IO);
	assert_err("elsewhere", safe_dir_create(dir, "no/file", "x", 1, &note), OTP_ERR_STATE_IO);
	safe_place_fill(true);
	err = safe_dir_create(dir, "file", "x", 1, &note);
	safe_place_fill(false);
	assert_err("full", err, OTP_ERR_STATE_IO);
	assert_noted("File too large");
	assert_int_equal(count_files("state"), 0);
	(void)close(dir);
	assert_err("no directory", safe_dir_create(-1, "file", "x", 1, &note), OTP_ERR_STATE_IO);
}

/* Each would make it of its own letter. */
static bool create_one(void *arg)
{
	char bytes[SMALL];
	struct note why;

	memset(bytes, 'a' + getpid() % 26, sizeof(bytes));
	return safe_dir_create(*(int *)arg, "file", bytes, sizeof(bytes), &why) == OTP_OK;
}

static void test_of_many_that_create_one_does(void **state)
{
	char bytes[SMALL];
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_int_equal(safe_place_crowd(64, create_one, &dir), 64);
	safe_place_read_at(dir, "file", bytes, sizeof(bytes), 0);
	for (size_t i = 1; i < sizeof(bytes); i++)
		assert_int_equal(bytes[i], bytes[0]);
	assert_int_equal(count_files("state"), 1);
	(void)close(dir);
}

/* OTP_ERR_STATE_UNSAFE stands for: something was there, it was not opened, and is set aside. */
static enum otp_err open_sized(int dir, const char *name, off_t size)
{
	bool there = faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
	int fd = -2;
	enum otp_err err;

	note.text[0] = '\0';
	(void)alarm(5);
	err = safe_dir_open_file(dir, name, size, &fd, &note);
	(void)alarm(0);
	if (err != OTP_OK)
		assert_int_equal(fd, -1);
	if (fd >= 0)
		(void)close(fd);
	if (err == OTP_OK && fd == -1 && there) {
		assert_int_equal(faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW), -1);
		err = OTP_ERR_STATE_UNSAFE;
	}
	return err;
}

static void test_opening_to_change_in_place(void **state)
{
	int fd = -2;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_err("none", safe_dir_open_file(dir, "file", 5, &fd, &note), OTP_OK);
	assert_int_equal(fd, -1);
	assert_err("create", safe_dir_create(dir, "file", "first", 5, &note), OTP_OK);
	assert_err("open", safe_dir_open_file(dir, "file", 5, &fd, &note), OTP_OK);
	assert_true((fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
	assert_int_equal(pwrite(fd, "F", 1, 0), 1);
	(void)close(fd);
	assert_state_content(dir, "file", "First");
	for (off_t size = 0; size < 10; size++) {
		assert_err("create", safe_dir_create(dir, "file", "first", 5, &note), OTP_OK);
		assert_err("size", open_sized(dir, "file", size), size == 5 ? OTP_OK : OTP_ERR_STATE_UNSAFE);
	}
	assert_err("no directory", open_sized(-1, "file", 5), OTP_ERR_STATE_IO);
	(void)close(dir);
}

static void test_opening_what_is_not_ours_alone(void **state)
{
	static const mode_t modes[] = { 0640, 0604, 0620, 0602, 0610, 0601, 0666 };
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	for (size_t i = 0; i < CASES(modes); i++) {
		safe_place_write("state/file", "x", 1, modes[i]);
		assert_err("mode", open_sized(dir, "file", 1), OTP_ERR_STATE_UNSAFE);
	}
	safe_place_write("state/file", "x", 1, 0600);
	assert_int_equal(linkat(dir, "file", dir, "again", 0), 0);
	assert_err("two links", open_sized(dir, "file", 1), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(symlinkat("file", dir, "link"), 0);
	assert_err("a link", open_sized(dir, "link", 1), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(symlinkat("nowhere", dir, "dangling"), 0);
	assert_err("a dangling link", open_sized(dir, "dangling", 1), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(fstatat(dir, "nowhere", &st, 0), -1);
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	assert_err("fifo", open_sized(dir, "fifo", 0), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	assert_err("directory", open_sized(dir, "dir", 0), OTP_ERR_STATE_UNSAFE);
	safe_place_write("state/given", "x", 1, 0600);
	if (geteuid() == 0 && fchownat(dir, "given", STRANGER, STRANGER, AT_SYMLINK_NOFOLLOW) == 0)
		assert_err("owner", open_sized(dir, "given", 1), OTP_ERR_STATE_UNSAFE);
	(void)close(dir);
}

static void test_opening_leaves_no_descriptor(void **state)
{
	size_t before;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	safe_place_write("state/file", "x", 1, 0600);
	before = count_descriptors();
	assert_err("size", open_sized(dir, "file", 2), OTP_ERR_STATE_UNSAFE);
	assert_err("create", safe_dir_create(dir, "file", "y", 1, &note), OTP_OK);
	set_mode("state/file", 0644);
	assert_err("mode", open_sized(dir, "file", 1), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(count_descriptors(), before);
	(void)close(dir);
}

static void test_removing(void **state)
{
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	safe_dir_remove(dir, "nothing");
	safe_place_write("state/victim", "x", 1, 0600);
	safe_place_write("state/file", "x", 1, 0600);
	safe_dir_remove(dir, "file");
	assert_int_equal(symlinkat("victim", dir, "link"), 0);
	safe_dir_remove(dir, "link");
	assert_int_equal(linkat(dir, "victim", dir, "again", 0), 0);
	safe_dir_remove(dir, "again");
	assert_int_equal(mkfifoat(dir, "fifo", 0600), 0);
	safe_dir_remove(dir, "fifo");
	assert_int_equal(mkdirat(dir, "dir", 0700), 0);
	safe_dir_remove(dir, "dir");
	assert_int_equal(count_files("state"), 1);
	assert_int_equal(fstatat(dir, "victim", &st, AT_SYMLINK_NOFOLLOW), 0);
	(void)close(dir);
}

/* Of two that meet a bad file, the second must not take away what the first has made in its place. */
static void test_setting_aside_the_one_that_was_judged(void **state)
{
	struct stat judged;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	assert_err("bad", safe_dir_create(dir, "file", "bad", 3, &note), OTP_OK);
	assert_int_equal(fstatat(dir, "file", &judged, AT_SYMLINK_NOFOLLOW), 0);
	assert_err("good", safe_dir_write(dir, "file", "good", 4, &note), OTP_OK);
	safe_dir_set_aside(dir, "file", &judged);
	assert_state_content(dir, "file", "good");
	assert_int_equal(fstatat(dir, "file", &judged, AT_SYMLINK_NOFOLLOW), 0);
	safe_dir_set_aside(dir, "file", &judged);
	assert_int_equal(count_files("state"), 0);
	(void)close(dir);
}

/* Root may have put something into it: it goes out of the way with all that is in it, as often as it comes. */
static void test_removing_a_directory_with_something_in_it(void **state)
{
	const struct dirent *entry;
	size_t count = 0;
	DIR *files;
	int dir;

	(void)state;
	safe_place_needed();
	dir = open_state();
	for (int i = 0; i < 3; i++) {
		safe_place_mkdir("state/file", 0700);
		safe_place_text("state/file/inside", "x");
		safe_dir_remove(dir, "file");
		assert_int_equal(access(safe_place_path("state/file"), F_OK), -1);
	}
	files = fdopendir(dir);
	while ((entry = readdir(files)) != NULL) {
		char inside[300];

		(void)snprintf(inside, sizeof(inside), "%s/inside", entry->d_name);
		count += strncmp(entry->d_name, ".file.", 6) == 0 && faccessat(dir, inside, F_OK, 0) == 0;
	}
	assert_int_equal(count, 3);
	(void)closedir(files);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reading),
		cmocka_unit_test(test_a_file_s_size_has_a_bound),
		cmocka_unit_test(test_a_file_that_says_0_bytes_and_has_more),
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_another_owner),
		cmocka_unit_test(test_root_s_files_are_trusted_by_everybody),
		cmocka_unit_test(test_the_check_alone_is_the_same),
		cmocka_unit_test(test_a_parent_that_others_may_write),
		cmocka_unit_test(test_a_parent_of_another_owner),
		cmocka_unit_test(test_symbolic_links),
		cmocka_unit_test(test_a_fifo_does_not_make_us_wait),
		cmocka_unit_test(test_what_is_no_regular_file),
		cmocka_unit_test(test_paths_are_plain_and_absolute),
		cmocka_unit_test(test_dots_that_are_names),
		cmocka_unit_test(test_a_missing_file_is_said_so),
		cmocka_unit_test(test_no_descriptor_is_left_open),
		cmocka_unit_test(test_a_state_directory_is_made_0700_whatever_the_umask),
		cmocka_unit_test(test_a_state_directory_that_others_may_enter),
		cmocka_unit_test(test_a_state_directory_of_another_owner),
		cmocka_unit_test(test_where_no_state_directory_can_be),
		cmocka_unit_test(test_writing_and_replacing),
		cmocka_unit_test(test_a_reader_keeps_the_old_file_whole),
		cmocka_unit_test(test_a_link_in_the_way_is_replaced_and_not_followed),
		cmocka_unit_test(test_a_write_that_fails_keeps_the_old_file),
		cmocka_unit_test(test_a_rename_that_fails_leaves_no_litter),
		cmocka_unit_test(test_names_that_cannot_be_written),
		cmocka_unit_test(test_state_files_are_ours_alone),
		cmocka_unit_test(test_a_state_file_with_another_link),
		cmocka_unit_test(test_a_state_file_of_another_owner),
		cmocka_unit_test(test_a_state_file_that_is_something_else),
		cmocka_unit_test(test_creating_keeps_what_is_there),
		cmocka_unit_test(test_creating_follows_and_replaces_nothing),
		cmocka_unit_test(test_where_nothing_can_be_created),
		cmocka_unit_test(test_of_many_that_create_one_does),
		cmocka_unit_test(test_opening_to_change_in_place),
		cmocka_unit_test(test_opening_what_is_not_ours_alone),
		cmocka_unit_test(test_opening_leaves_no_descriptor),
		cmocka_unit_test(test_removing),
		cmocka_unit_test(test_setting_aside_the_one_that_was_judged),
		cmocka_unit_test(test_removing_a_directory_with_something_in_it),
	};

	return cmocka_run_group_tests_name("safe_file", tests, safe_place_setup, safe_place_teardown);
}
