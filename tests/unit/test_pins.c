/*
 * The file of pins: what it looks like, whose pin is whose, what damage is, and that no line is lost, whoever writes at once, stops or dies. The state
 * directory is one of the test's own (linked with --wrap=safe_dir_open), the wall clock stands still, and the other one can be made to run.
 */
#include "safe_place.h"

#include <time.h>

#include "log.h"
#include "pins.h"
#include "safe_file.h"

#define POOL	   "eu-west-1_Ab129faBb"
#define FILE_NAME  "pins-" POOL
#define FIRST	   "# pins of " POOL "\n"
#define LAST	   "# end\n"
#define SUB	   "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define OTHER_SUB  "ffffffff-4e5f-6071-8293-a4b5c6d7e8f9"
#define ALICE	   "alice email:alice@example.com sub=" SUB " from=login time=1767225600\n"
#define BOB	   "bob email:bob@example.com sub=" OTHER_SUB " from=created time=1767225600\n"
#define TEMPORARY  ".pins-" POOL ".0011223344556677"

enum { WALL_S = 1767225600, CROWD = 20, MANY = 100000, TEXT_SIZE = 4096 };

static struct note note;
static char logged[NOTE_MAX];
static int logs;
static int64_t running_ms; /* how far the monotonic clock jumps each time it is read */
static int64_t jumped_ms;

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	if (clock == CLOCK_REALTIME) {
		now->tv_sec = WALL_S;
	} else {
		jumped_ms += running_ms;
		now->tv_sec += jumped_ms / 1000;
	}
	return result;
}

enum otp_err __real_safe_dir_open(const char *path, int *ret_dir, struct note *why);
enum otp_err __wrap_safe_dir_open(const char *path, int *ret_dir, struct note *why);
enum otp_err __wrap_safe_dir_open(const char *path, int *ret_dir, struct note *why)
{
	assert_string_equal(path, OTP_STATE_DIR);
	return __real_safe_dir_open(safe_place_path("state"), ret_dir, why);
}

__attribute__((format(printf, 1, 2))) void __wrap_log_warning(const char *format, ...);
void __wrap_log_warning(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(logged, sizeof(logged), format, list);
	va_end(list);
	logs++;
}

static struct identity identity_of(const char *text)
{
	struct identity identity;

	assert_err(text, identity_parse(text, strlen(text), &identity), OTP_OK);
	return identity;
}

static enum otp_err add(const char *user, const char *who, const char *sub)
{
	struct identity identity = identity_of(who);
	struct pins_key key = { POOL, user, &identity };

	note.text[0] = '\0';
	return pins_add(&key, sub, PINS_FROM_LOGIN, &note);
}

static enum otp_err find(const char *user, const char *who, char ret_sub[IDENTITY_SUB_SIZE + 1])
{
	struct identity identity = identity_of(who);
	struct pins_key key = { POOL, user, &identity };

	note.text[0] = '\0';
	return pins_find(&key, ret_sub, &note);
}

static void assert_found(const char *user, const char *who, const char *wanted)
{
	char sub[IDENTITY_SUB_SIZE + 1] = "unset";

	assert_err(user, find(user, who, sub), OTP_OK);
	assert_string_equal(sub, wanted);
}

static enum otp_err compare(const char *user, const char *who, const char *sub, bool *ret_known)
{
	struct identity identity = identity_of(who);
	struct pins_key key = { POOL, user, &identity };

	note.text[0] = '\0';
	return pins_compare(&key, sub, ret_known, &note);
}

static enum otp_err check(int64_t *ret_count)
{
	note.text[0] = '\0';
	return pins_check(POOL, ret_count, &note);
}

static enum otp_err clear(const char *user, int64_t wanted)
{
	int64_t count = -1;
	enum otp_err err;

	note.text[0] = '\0';
	err = pins_clear(POOL, user, &count, &note);
	if (err == OTP_OK)
		assert_int_equal(count, wanted);
	return err;
}

static void assert_noted(const char *wanted)
{
	if (strstr(note.text, wanted) == NULL)
		fail_msg("\"%s\" is not in \"%s\"", wanted, note.text);
}

/* An empty state directory, and nothing logged. */
static int fresh(void)
{
	safe_place_needed();
	logs = 0;
	running_ms = 0;
	return safe_place_open("state");
}

static void put(const char *text, size_t length)
{
	safe_place_write("state/" FILE_NAME, text, length, 0600);
}

static void assert_file(int dir, const char *wanted)
{
	char text[TEXT_SIZE] = "";
	int fd = openat(dir, FILE_NAME, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_true(read(fd, text, sizeof(text) - 1) >= 0);
	(void)close(fd);
	assert_string_equal(text, wanted);
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

/* Begun by the administrator, then a line for each who comes; each can be found, and the file is root's alone. */
static void test_a_pin_is_remembered(void **state)
{
	struct identity bob = identity_of("email:bob@example.com");
	struct pins_key key = { POOL, "bob", &bob };
	struct stat st;
	int64_t count = -1;
	int dir = fresh();

	(void)state;
	assert_err("begun", clear(NULL, 0), OTP_OK);
	assert_file(dir, FIRST LAST);
	assert_found("alice", "email:alice@example.com", "");
	assert_err("alice", add("alice", "email:alice@example.com", SUB), OTP_OK);
	assert_string_equal(logged, "event=pinned user=alice cognito=alice@example.com sub=" SUB " from=login");
	assert_file(dir, FIRST ALICE LAST);
	assert_err("bob", pins_add(&key, OTHER_SUB, PINS_FROM_CREATION, &note), OTP_OK);
	assert_string_equal(logged, "event=pinned user=bob cognito=bob@example.com sub=" OTHER_SUB " from=created");
	assert_file(dir, FIRST ALICE BOB LAST);
	assert_found("alice", "email:alice@example.com", SUB);
	assert_found("bob", "email:bob@example.com", OTHER_SUB);
	assert_err("count", check(&count), OTP_OK);
	assert_int_equal(count, 2);
	assert_int_equal(fstatat(dir, FILE_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	(void)close(dir);
}

/* Once more is fine, and writes and logs nothing; another sub is refused, and it is said which one was pinned, and when. */
static void test_another_sub_is_refused(void **state)
{
	struct stat before;
	struct stat after;
	bool known = true;
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	assert_int_equal(fstatat(dir, FILE_NAME, &before, 0), 0);
	assert_err("again", add("alice", "email:alice@example.com", SUB), OTP_OK);
	assert_err("same", compare("alice", "email:alice@example.com", SUB, &known), OTP_OK);
	assert_true(known);
	assert_err("none", compare("bob", "email:bob@example.com", SUB, &known), OTP_OK);
	assert_false(known);
	assert_err("compare", compare("alice", "email:alice@example.com", OTHER_SUB, &known), OTP_ERR_IDENTITY_SUB);
	assert_noted("pinned " SUB " at 2026-01-01T00:00:00Z (login), not " OTHER_SUB);
	assert_err("add", add("alice", "email:alice@example.com", OTHER_SUB), OTP_ERR_IDENTITY_SUB);
	assert_noted("pinned " SUB " at 2026-01-01T00:00:00Z");
	assert_int_equal(fstatat(dir, FILE_NAME, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_int_equal(logs, 0);
	(void)close(dir);
}

/* Local name, kind and value, byte for byte: whoever differs in one of them is somebody else. */
static void test_whose_pin_it_is(void **state)
{
	static const struct {
		const char *user;
		const char *who;
	} others[] = {
		{ "alic", "email:alice@example.com" },	 { "alicea", "email:alice@example.com" }, { "bob", "email:alice@example.com" },
		{ "alice", "email:Alice@example.com" },	 { "alice", "email:alice@example.co" },	  { "alice", "email:alice@example.comm" },
		{ "alice", "username:alice@example.com" },
	};
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	for (size_t i = 0; i < CASES(others); i++) {
		assert_found(others[i].user, others[i].who, "");
		assert_err(others[i].who, add(others[i].user, others[i].who, OTHER_SUB), OTP_OK);
	}
	for (size_t i = 0; i < CASES(others); i++)
		assert_found(others[i].user, others[i].who, OTHER_SUB);
	assert_found("alice", "email:alice@example.com", SUB);
	assert_err("all of alice", clear("alice", 5), OTP_OK);
	assert_found("alic", "email:alice@example.com", OTHER_SUB);
	(void)close(dir);
}

/* It is the administrator who begins it; neither reading nor a login does. */
static void test_missing(void **state)
{
	char sub[IDENTITY_SUB_SIZE + 1];
	int64_t count;
	bool known;
	int dir = fresh();

	(void)state;
	assert_err("check", check(&count), OTP_ERR_PINS_MISSING);
	assert_noted(OTP_STATE_DIR "/" FILE_NAME);
	assert_err("find", find("alice", "email:alice@example.com", sub), OTP_ERR_PINS_MISSING);
	assert_err("compare", compare("alice", "email:alice@example.com", SUB, &known), OTP_ERR_PINS_MISSING);
	assert_err("add", add("alice", "email:alice@example.com", SUB), OTP_ERR_PINS_MISSING);
	assert_err("clear", clear("alice", 0), OTP_ERR_PINS_MISSING);
	assert_false(is_there(dir, FILE_NAME));
	put(FIRST LAST, strlen(FIRST LAST));
	assert_err("another pool", pins_check("eu-west-1_Other", &count, &note), OTP_ERR_PINS_MISSING);
	assert_err("this pool", check(&count), OTP_OK);
	(void)close(dir);
}

#define WITH(line) FIRST ALICE line LAST, sizeof(FIRST ALICE line LAST) - 1

/* What was not written here: an error for everybody, which names the line; the file stays as it is until it is made anew, and the good lines of it are counted. */
static void test_damage(void **state)
{
	static const struct {
		const char *what;
		const char *text;
		size_t length;
		const char *noted;
		int64_t good;
	} cases[] = {
		{ "empty", "", 0, ":1: ", 0 },
		{ "zeros", "\0\0\0\0\0\0\0\0", 8, ":1: ", 0 },
		{ "no first line", ALICE LAST, sizeof(ALICE LAST) - 1, ":1: ", 1 },
		{ "another pool's", "# pins of eu-west-1_Ab129faBc\n" LAST, 36, ":1: ", 0 },
		{ "no last line", FIRST ALICE, sizeof(FIRST ALICE) - 1, "the end is missing", 1 },
		{ "first line only", FIRST, sizeof(FIRST) - 1, "the end is missing", 0 },
		{ "cut", FIRST ALICE "# en", sizeof(FIRST ALICE) + 3, "the end is missing", 1 },
		{ "no newline before the last", FIRST "alice" LAST, sizeof(FIRST LAST) + 4, ":2: not a pin", 0 },
		{ "more behind", FIRST LAST ALICE, sizeof(FIRST LAST ALICE) - 1, ":3: more lines", 1 },
		{ "two ends", WITH(LAST BOB), ":4: more lines", 2 },
		{ "empty line", WITH("\n"), ":3: not a pin", 1 },
		{ "comment", WITH("# bob has left\n"), ":3: not a pin", 1 },
		{ "no name", WITH(" email:bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "a name that is none", WITH("Bob email:bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "no kind", WITH("bob bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "a kind that is none", WITH("bob mail:bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "two blanks", WITH("bob  email:bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "a tab", WITH("bob\temail:bob@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "a NUL", WITH("bob email:bo\0b@example.com sub=" SUB " from=login time=1\n"), ":3: not a pin", 1 },
		{ "no sub", WITH("bob email:bob@example.com from=login time=1\n"), ":3: not a pin", 1 },
		{ "sub in capitals", WITH("bob email:bob@example.com sub=0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9 from=login time=1\n"), ":3: not a pin", 1 },
		{ "sub cut", WITH("bob email:bob@example.com sub=0a1b2c3d from=login time=1\n"), ":3: not a pin", 1 },
		{ "no origin", WITH("bob email:bob@example.com sub=" SUB " time=1\n"), ":3: not a pin", 1 },
		{ "another origin", WITH("bob email:bob@example.com sub=" SUB " from=logi time=1\n"), ":3: not a pin", 1 },
		{ "no time", WITH("bob email:bob@example.com sub=" SUB " from=login\n"), ":3: not a pin", 1 },
		{ "an empty time", WITH("bob email:bob@example.com sub=" SUB " from=login time=\n"), ":3: not a pin", 1 },
		{ "a time of letters", WITH("bob email:bob@example.com sub=" SUB " from=login time=1x\n"), ":3: not a pin", 1 },
		{ "a time below 0", WITH("bob email:bob@example.com sub=" SUB " from=login time=-1\n"), ":3: not a pin", 1 },
		{ "a time beyond all", WITH("bob email:bob@example.com sub=" SUB " from=login time=1234567890123\n"), ":3: not a pin", 1 },
		{ "a zero too many", WITH("bob email:bob@example.com sub=" SUB " from=login time=01\n"), ":3: not a pin", 1 },
		{ "more words", WITH("bob email:bob@example.com sub=" SUB " from=login time=1 x\n"), ":3: not a pin", 1 },
		{ "a blank at the end", WITH("bob email:bob@example.com sub=" SUB " from=login time=1 \n"), ":3: not a pin", 1 },
		{ "carriage return", WITH("bob email:bob@example.com sub=" SUB " from=login time=1\r\n"), ":3: not a pin", 1 },
	};
	char sub[IDENTITY_SUB_SIZE + 1];
	int64_t count;
	int dir = fresh();

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		put(cases[i].text, cases[i].length);
		assert_err(cases[i].what, check(&count), OTP_ERR_PINS_SYNTAX);
		assert_noted(OTP_STATE_DIR "/" FILE_NAME);
		assert_noted(cases[i].noted);
		assert_err(cases[i].what, find("alice", "email:alice@example.com", sub), OTP_ERR_PINS_SYNTAX);
		assert_err(cases[i].what, add("carol", "email:carol@example.com", SUB), OTP_ERR_PINS_SYNTAX);
		assert_err(cases[i].what, clear("alice", 0), OTP_ERR_PINS_SYNTAX);
		assert_err(cases[i].what, clear(NULL, cases[i].good), OTP_OK);
		assert_file(dir, FIRST LAST);
	}
	(void)close(dir);
}

/* A line without an end is not waited for: it is damage, as soon as it is longer than any pin; and what stands behind it is still counted. */
static void test_endless_line(void **state)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	int64_t count;
	int dir = fresh();

	(void)state;
	strbuf_puts(&text, FIRST ALICE);
	for (int i = 0; i < MANY; i++)
		strbuf_puts(&text, "x");
	strbuf_puts(&text, "\n" BOB LAST);
	put(strbuf_text(&text), text.length);
	assert_err("check", check(&count), OTP_ERR_PINS_SYNTAX);
	assert_noted(":3: not a pin");
	assert_err("clear", clear(NULL, 2), OTP_OK);
	assert_file(dir, FIRST LAST);
	(void)close(dir);
}

/* Two pins of one person are no choice for him; nobody else is kept out by them. */
static void test_two_pins_of_one(void **state)
{
	static const char text[] = FIRST ALICE BOB "alice email:alice@example.com sub=" OTHER_SUB " from=login time=1\n" LAST;
	char sub[IDENTITY_SUB_SIZE + 1];
	int dir = fresh();

	(void)state;
	put(text, sizeof(text) - 1);
	assert_err("find", find("alice", "email:alice@example.com", sub), OTP_ERR_PINS_SYNTAX);
	assert_noted(":4: a second pin");
	assert_err("add", add("alice", "email:alice@example.com", SUB), OTP_ERR_PINS_SYNTAX);
	assert_found("bob", "email:bob@example.com", OTHER_SUB);
	assert_err("clear", clear("alice", 2), OTP_OK);
	assert_file(dir, FIRST BOB LAST);
	(void)close(dir);
}

static void test_clear(void **state)
{
	struct stat before;
	struct stat after;
	int dir = fresh();

	(void)state;
	put(FIRST BOB ALICE LAST, strlen(FIRST BOB ALICE LAST));
	assert_int_equal(fstatat(dir, FILE_NAME, &before, 0), 0);
	assert_err("nobody", clear("carol", 0), OTP_OK);
	assert_err("no name", clear("not a name", 0), OTP_OK);
	assert_err("empty", clear("", 0), OTP_OK);
	assert_int_equal(fstatat(dir, FILE_NAME, &after, 0), 0);
	assert_int_equal(before.st_ino, after.st_ino);
	assert_err("bob", clear("bob", 1), OTP_OK);
	assert_file(dir, FIRST ALICE LAST);
	assert_err("all", clear(NULL, 1), OTP_OK);
	assert_file(dir, FIRST LAST);
	assert_err("again", clear(NULL, 0), OTP_OK);
	(void)close(dir);
}

static enum otp_err collect(void *arg, const struct pin *pin)
{
	struct strbuf *text = arg;

	pin_put(text, pin);
	return strcmp(pin->user, "bob") == 0 ? OTP_ERR_TRIES : OTP_OK;
}

/* Each in its order, until the visitor has seen enough; his error comes back. */
static void test_each(void **state)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(TEXT_SIZE);
	int dir = fresh();

	(void)state;
	put(FIRST ALICE BOB ALICE LAST, strlen(FIRST ALICE BOB ALICE LAST));
	assert_err("each", pins_each(POOL, collect, &text, &note), OTP_ERR_TRIES);
	assert_string_equal(strbuf_text(&text), ALICE BOB);
	(void)close(dir);
}

/* What others could have had a hand in is neither read nor replaced. */
static void test_unsafe_file(void **state)
{
	int64_t count;
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	assert_int_equal(linkat(dir, FILE_NAME, dir, "link", 0), 0);
	assert_err("hard link", check(&count), OTP_ERR_STATE_UNSAFE);
	assert_err("hard link", clear(NULL, 0), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(unlinkat(dir, FILE_NAME, 0), 0);
	assert_int_equal(symlinkat("link", dir, FILE_NAME), 0);
	assert_err("symbolic link", check(&count), OTP_ERR_STATE_UNSAFE);
	assert_err("symbolic link", add("bob", "email:bob@example.com", SUB), OTP_ERR_STATE_UNSAFE);
	assert_err("symbolic link", clear(NULL, 0), OTP_ERR_STATE_UNSAFE);
	assert_int_equal(unlinkat(dir, FILE_NAME, 0), 0);
	safe_place_write("state/" FILE_NAME, FIRST ALICE LAST, strlen(FIRST ALICE LAST), 0640);
	assert_err("mode", check(&count), OTP_ERR_STATE_UNSAFE);
	assert_err("mode", clear("alice", 0), OTP_ERR_STATE_UNSAFE);
	assert_file(dir, FIRST ALICE LAST);
	assert_int_equal(fchmod(dir, 0755), 0);
	assert_err("directory", check(&count), OTP_ERR_STATE_UNSAFE);
	assert_err("directory", add("bob", "email:bob@example.com", SUB), OTP_ERR_STATE_UNSAFE);
	(void)close(dir);
}

/* What could be written and not be read again is not written. */
static void test_what_cannot_be_a_pin(void **state)
{
	static const char *const names[] = { "", "Alice", "alice bob", "alice\n", "1st" };
	static const char *const subs[] = { "", "alice", "0A1B2C3D-4e5f-6071-8293-a4b5c6d7e8f9", SUB "0" };
	int dir = fresh();

	(void)state;
	put(FIRST LAST, strlen(FIRST LAST));
	for (size_t i = 0; i < CASES(names); i++)
		assert_err(names[i], add(names[i], "email:alice@example.com", SUB), OTP_ERR_INTERNAL);
	for (size_t i = 0; i < CASES(subs); i++)
		assert_err(subs[i], add("alice", "email:alice@example.com", subs[i]), OTP_ERR_INTERNAL);
	assert_file(dir, FIRST LAST);
	(void)close(dir);
}

/* A process of a crowd: it pins a user of its own, and then one whom all pin. */
static bool pin_two(void *arg)
{
	struct identity identity = { .kind = IDENTITY_USERNAME, .value = "crowd" };
	char user[32];
	struct pins_key own = { POOL, user, &identity };
	struct pins_key common = { POOL, "everybody", &identity };
	struct note why;

	(void)arg;
	(void)snprintf(user, sizeof(user), "user%d", (int)getpid());
	return pins_add(&own, SUB, PINS_FROM_LOGIN, &why) == OTP_OK && pins_add(&common, SUB, PINS_FROM_LOGIN, &why) == OTP_OK;
}

/* No line is lost, and none is there twice. */
static void test_many_at_once(void **state)
{
	int64_t count = 0;
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	assert_int_equal(safe_place_crowd(CROWD, pin_two, NULL), CROWD);
	assert_err("all", check(&count), OTP_OK);
	assert_int_equal(count, CROWD + 2);
	assert_found("everybody", "username:crowd", SUB);
	assert_int_equal(safe_place_count(dir), 2); /* the file, the lock */
	(void)close(dir);
}

/* Another process that has the lock until it is killed. */
static pid_t hold_lock(int dir)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int ready[2];
	char byte = 0;
	pid_t pid;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		int fd = openat(dir, "pins.lock", O_RDWR | O_CLOEXEC);
		bool held = fcntl(fd, F_OFD_SETLK, &lock) == 0;

		(void)!write(ready[1], held ? "1" : "0", 1);
		while (held)
			(void)pause();
		_exit(1);
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	(void)close(ready[0]);
	(void)close(ready[1]);
	assert_int_equal(byte, '1');
	return pid;
}

/* Who is stopped while he writes holds up the next writer for a while, readers not at all, and nobody once he is dead. */
static void test_lock_that_is_not_given_back(void **state)
{
	int dir = fresh();
	pid_t pid;

	(void)state;
	assert_err("begun", clear(NULL, 0), OTP_OK);
	assert_err("alice", add("alice", "email:alice@example.com", SUB), OTP_OK);
	pid = hold_lock(dir);
	assert_int_equal(kill(pid, SIGSTOP), 0);
	running_ms = 200;
	assert_err("add", add("bob", "email:bob@example.com", SUB), OTP_ERR_STATE_IO);
	assert_noted("another process");
	assert_err("clear", clear("alice", 0), OTP_ERR_STATE_IO);
	assert_found("alice", "email:alice@example.com", SUB);
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_err("add", add("bob", "email:bob@example.com", SUB), OTP_OK);
	(void)close(dir);
}

static void test_lock_that_cannot_be_had(void **state)
{
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	assert_int_equal(mkdirat(dir, "pins.lock", 0700), 0);
	assert_int_equal(mkdirat(dir, "pins.lock/in", 0700), 0);
	assert_err("set aside", add("bob", "email:bob@example.com", SUB), OTP_OK);
	assert_int_equal(unlinkat(dir, "pins.lock", 0), 0);
	safe_place_fill(true);
	assert_err("full", add("carol", "email:carol@example.com", SUB), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	assert_found("carol", "email:carol@example.com", "");
	(void)close(dir);
}

/* A full disk: the old file stays, and nothing else. What killed writers left goes with the next one that writes; what others left stays. */
static void test_disk(void **state)
{
	int dir = fresh();

	(void)state;
	put(FIRST ALICE LAST, strlen(FIRST ALICE LAST));
	safe_place_write("state/" TEMPORARY, "half", 4, 0600);
	safe_place_write("state/.jwks-x.0011223344556677", "half", 4, 0600);
	safe_place_fill(true);
	assert_err("full", add("bob", "email:bob@example.com", SUB), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	assert_file(dir, FIRST ALICE LAST);
	assert_err("room", add("bob", "email:bob@example.com", OTHER_SUB), OTP_OK);
	assert_false(is_there(dir, TEMPORARY));
	assert_true(is_there(dir, ".jwks-x.0011223344556677"));
	assert_int_equal(logs, 1);
	(void)close(dir);
}

/* A host with many users: all are found, one more has room; beyond the limit nobody is added, and the file stays good. */
static void test_large(void **state)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	struct pin pin = { .identity = { .kind = IDENTITY_EMAIL, .sub = SUB }, .time = WALL_S };
	int64_t count;
	int dir = fresh();

	(void)state;
	strbuf_puts(&text, FIRST);
	for (int i = 0; i < MANY; i++) {
		(void)snprintf(pin.user, sizeof(pin.user), "user%d", i);
		(void)snprintf(pin.identity.value, sizeof(pin.identity.value), "user%d@example.com", i);
		pin_put(&text, &pin);
	}
	strbuf_puts(&text, LAST);
	put(strbuf_text(&text), text.length);
	assert_err("check", check(&count), OTP_OK);
	assert_int_equal(count, MANY);
	assert_found("user99999", "email:user99999@example.com", SUB);
	assert_err("add", add("alice", "email:alice@example.com", SUB), OTP_OK);
	assert_found("alice", "email:alice@example.com", SUB);
	text.length -= sizeof(LAST) - 1;
	memset(pin.user, 'x', PIN_USER_MAX);
	while (text.length < PINS_FILE_MAX - 600)
		pin_put(&text, &pin);
	strbuf_puts(&text, LAST);
	put(strbuf_text(&text), text.length);
	memset(pin.user, 'y', PIN_USER_MAX);
	(void)add(pin.user, "email:alice@example.com", SUB); /* the last one that may have room */
	pin.user[0] = 'z';
	assert_err("too large", add(pin.user, "email:alice@example.com", SUB), OTP_ERR_STATE_IO);
	assert_noted("larger than");
	assert_err("still good", check(&count), OTP_OK);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_pin_is_remembered),
		cmocka_unit_test(test_another_sub_is_refused),
		cmocka_unit_test(test_whose_pin_it_is),
		cmocka_unit_test(test_missing),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_endless_line),
		cmocka_unit_test(test_two_pins_of_one),
		cmocka_unit_test(test_clear),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_unsafe_file),
		cmocka_unit_test(test_what_cannot_be_a_pin),
		cmocka_unit_test(test_many_at_once),
		cmocka_unit_test(test_lock_that_is_not_given_back),
		cmocka_unit_test(test_lock_that_cannot_be_had),
		cmocka_unit_test(test_disk),
		cmocka_unit_test(test_large),
	};

	return cmocka_run_group_tests_name("pins", tests, safe_place_setup, safe_place_teardown);
}
