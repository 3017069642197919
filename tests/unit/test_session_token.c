/*
 * From the login to the end of the session: where a token waits, whose it becomes, when it goes. In directories of the test's own; which
 * processes there are, the test says (linked with --wrap).
 */
#include "safe_place.h"

#include <time.h>

#include "session_token.h"

#define TOKEN	"eyJhbGciOiJSUzI1NiJ9.eyJ0b2tlbl91c2UiOiJpZCJ9.c2lnbmF0dXJl"
#define TOKENS	"pam_cognito_otp-tokens"
#define WAITING "run/id-token-"

enum { UID = 7001, OTHER_UID = 7002, MONITOR = 500, CHILD = 501, OTHER = 600, START = 12345, LATE_S = CACHE_PENDING_S + 2 };

static struct process processes[4];
static bool begun; /* what process_began_session says */

enum otp_err __wrap_safe_dir_open(const char *path, int *ret_dir, struct note *note);
enum otp_err __real_safe_dir_open(const char *path, int *ret_dir, struct note *note);
enum otp_err __wrap_safe_dir_open(const char *path, int *ret_dir, struct note *note)
{
	assert_string_equal(path, OTP_RUN_DIR);
	return __real_safe_dir_open(safe_place_path("run"), ret_dir, note);
}

bool __wrap_process_read(pid_t pid, struct process *ret_process);
bool __wrap_process_read(pid_t pid, struct process *ret_process)
{
	*ret_process = (struct process)PROCESS_UNKNOWN;
	for (size_t i = 0; i < CASES(processes); i++) {
		if (pid != 0 && processes[i].pid == pid)
			*ret_process = processes[i];
	}
	return ret_process->pid != 0;
}

bool __wrap_process_lives(const struct process *process);
bool __wrap_process_lives(const struct process *process)
{
	struct process now;

	return __wrap_process_read(process->pid, &now) && now.start == process->start;
}

bool __wrap_process_began_session(const struct process *process);
bool __wrap_process_began_session(const struct process *process)
{
	(void)process;
	return begun;
}

static struct process monitor(void)
{
	return (struct process){ MONITOR, 1, START, 7 };
}

/* A login of sshd: a child of the monitor asks. As root, files are another user's; otherwise they stay ours. */
static uid_t his_uid(void)
{
	return geteuid() == 0 ? UID : geteuid();
}

static struct options options;
static struct policy_user judged;

static struct cache_call a_call(void)
{
	struct cache_call call = { &options, "alice", "sshd", &judged, NULL, "", 0, true, { CHILD, MONITOR, START + 1, PROCESS_NO_SESSION } };

	options.session_tokens = true;
	judged = (struct policy_user){ .known = true, .uid = his_uid(), .gid = getegid() };
	return call;
}

static enum otp_err keep(const struct cache_call *call)
{
	secret_auto struct secret token = SECRET_EMPTY;
	struct note note = { "" };

	assert_err("secret", secret_set(&token, TOKEN, strlen(TOKEN)), OTP_OK);
	return session_token_keep(call, &token, &note);
}

static void kept(void)
{
	struct cache_call call = a_call();

	assert_err("keep", keep(&call), OTP_OK);
}

static enum otp_err give(uid_t uid, struct process opener, char path[SESSION_TOKEN_PATH_SIZE])
{
	struct note note = { "" };

	return session_token_open(uid, getegid(), &opener, path, &note);
}

static size_t count(const char *name)
{
	int dir = open(safe_place_path(name), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t found = dir < 0 ? 0 : safe_place_count(dir);

	if (dir >= 0)
		(void)close(dir);
	return found;
}

static const char *place(const char *folder, uid_t uid, pid_t pid, unsigned long start)
{
	char name[128];

	(void)snprintf(name, sizeof(name), "%s%lu-%ld-%lu", folder, (unsigned long)uid, (long)pid, start);
	return safe_place_path(name);
}

static bool is_there(const char *path)
{
	struct stat st;

	return lstat(path, &st) == 0;
}

static void put(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	safe_place_must(fd >= 0 && write(fd, TOKEN, strlen(TOKEN)) == (ssize_t)strlen(TOKEN) && close(fd) == 0, path);
}

static int begin(void **state)
{
	(void)state;
	(void)nftw(safe_place_path("run"), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	(void)nftw(safe_place_path(TOKENS), safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	processes[0] = monitor();
	processes[1] = (struct process){ CHILD, MONITOR, START + 1, PROCESS_NO_SESSION };
	processes[2] = (struct process){ OTHER, 1, START + 2, 8 };
	processes[3] = (struct process)PROCESS_UNKNOWN;
	begun = true;
	return 0;
}

/* --- from the login to the session ----------------------------------------------------------------------------------------------------- */

static void assert_his(const char *path)
{
	struct stat st;
	char text[sizeof(TOKEN)] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0400);
	assert_int_equal(st.st_uid, his_uid());
	assert_int_equal(st.st_nlink, 1);
	assert_int_equal(read(fd, text, sizeof(text)), strlen(TOKEN));
	assert_string_equal(text, TOKEN);
	(void)close(fd);
}

static void test_a_login(void **state)
{
	static const mode_t masks[] = { 022, 0777, 0 };
	char path[SESSION_TOKEN_PATH_SIZE];
	char wanted[SESSION_TOKEN_PATH_SIZE];
	struct stat st;

	safe_place_needed();
	for (size_t i = 0; i < CASES(masks); i++) {
		mode_t before;

		(void)begin(state);
		kept();
		assert_int_equal(count("run"), 2); /* for sshd's child, which asks, and for its parent, which opens the session */
		before = umask(masks[i]);
		assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
		(void)umask(before);
		(void)snprintf(wanted, sizeof(wanted), OTP_TOKENS_DIR "/%lu-%d-%d", (unsigned long)his_uid(), MONITOR, START);
		assert_string_equal(path, wanted);
		assert_his(place(TOKENS "/", his_uid(), MONITOR, START));
		assert_int_equal(stat(safe_place_path(TOKENS), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0711);
		assert_int_equal(st.st_uid, geteuid());
		assert_int_equal(count("run"), 0);
	}
}

/* login(1) asks itself, and sshd does for a password. */
static void test_a_program_that_asks_itself(void **state)
{
	struct cache_call call = a_call();
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	call.ssh = false;
	call.door = monitor();
	assert_err("keep", keep(&call), OTP_OK);
	assert_int_equal(count("run"), 1);
	assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
	assert_his(place(TOKENS "/", his_uid(), MONITOR, START));
}

static void test_who_leaves_none(void **state)
{
	struct cache_call call = a_call();
	secret_auto struct secret token = SECRET_EMPTY;
	struct note note = { "" };
	static char large[16 * 1024 + 1];

	(void)state;
	safe_place_needed();
	options.session_tokens = false;
	assert_err("switched off", keep(&call), OTP_OK);
	call = a_call();
	call.real_uid = UID;
	assert_err("sudo", keep(&call), OTP_OK);
	call = a_call();
	judged.uid = 0;
	assert_err("root", keep(&call), OTP_OK);
	call = a_call();
	judged.known = false;
	assert_err("nobody", keep(&call), OTP_OK);
	call = a_call();
	call.door.pid = 0;
	assert_err("no process", keep(&call), OTP_OK);
	call = a_call();
	assert_err("empty", session_token_keep(&call, &token, &note), OTP_ERR_RESPONSE_TOKEN);
	assert_err("secret", secret_set(&token, large, sizeof(large)), OTP_OK);
	assert_err("too large", session_token_keep(&call, &token, &note), OTP_ERR_RESPONSE_TOKEN);
	assert_int_equal(count("run"), 0);
}

static void test_nobody_elses(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE] = "before";
	struct process later = monitor();

	(void)state;
	safe_place_needed();
	kept();
	assert_err("another process", give(his_uid(), processes[2], path), OTP_IGNORED);
	assert_string_equal(path, "");
	later.start++;
	assert_err("the same number later", give(his_uid(), later, path), OTP_IGNORED);
	kept();
	begun = false;
	assert_err("sudo in the session", give(his_uid(), monitor(), path), OTP_IGNORED);
	begun = true;
	put(place(WAITING, 0, MONITOR, START));
	assert_err("root", give(0, monitor(), path), OTP_IGNORED);
	assert_int_equal(count(TOKENS), 0);
	kept();
	assert_err("he himself", give(his_uid(), monitor(), path), OTP_OK);
}

/* login(1), which lets another name in than the one that had the code right: the first one's token is gone. */
static void test_another_user_of_the_same_process(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	kept();
	assert_err("another user", give(OTHER_UID, monitor(), path), OTP_IGNORED);
	assert_string_equal(path, "");
	assert_int_equal(count("run"), 0);
	assert_int_equal(count(TOKENS), 0);
	assert_err("too late", give(his_uid(), monitor(), path), OTP_IGNORED);
}

static void test_only_once(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	kept();
	assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
	assert_err("again", give(his_uid(), monitor(), path), OTP_IGNORED);
	assert_string_equal(path, "");
	assert_int_equal(count(TOKENS), 1);
}

static void age(const char *path, int64_t seconds)
{
	struct timespec now;
	struct timespec times[2];

	assert_int_equal(clock_gettime(CLOCK_REALTIME, &now), 0);
	now.tv_sec -= seconds;
	times[0] = times[1] = now;
	assert_int_equal(utimensat(AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW), 0);
}

static void test_it_does_not_wait_for_long(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	safe_place_needed();
	for (int sign = -1; sign <= 1; sign += 2) {
		(void)begin(state);
		kept();
		age(place(WAITING, his_uid(), MONITOR, START), sign * LATE_S);
		assert_err("late", give(his_uid(), monitor(), path), OTP_IGNORED);
		assert_int_equal(count("run"), 0);
		assert_int_equal(count(TOKENS), 0);
		kept();
		age(place(WAITING, his_uid(), MONITOR, START), sign * (LATE_S - 10));
		assert_err("in time", give(his_uid(), monitor(), path), OTP_OK);
	}
}

/* --- what is left behind ---------------------------------------------------------------------------------------------------------------- */

static void test_what_waits_in_vain_goes(void **state)
{
	struct cache_call call = a_call();

	(void)state;
	safe_place_needed();
	kept();
	put(place(WAITING, OTHER_UID, OTHER, START + 2));     /* of another login that is under way */
	put(place(WAITING, OTHER_UID, OTHER, START + 3));     /* its number was somebody else's then */
	put(place(WAITING, OTHER_UID, OTHER + 1, START + 2)); /* there is none */
	put(safe_place_path("run/id-token-7001-500-12345x"));
	put(safe_place_path("run/id-token-7001-0500-12345"));
	put(safe_place_path("run/challenge-7001-500-12345"));
	assert_err("keep", keep(&call), OTP_OK);
	assert_true(is_there(place(WAITING, his_uid(), MONITOR, START)));
	assert_true(is_there(place(WAITING, his_uid(), CHILD, START + 1)));
	assert_true(is_there(place(WAITING, OTHER_UID, OTHER, START + 2)));
	assert_int_equal(count("run"), 6); /* and the three that are no such names */
	age(place(WAITING, OTHER_UID, OTHER, START + 2), LATE_S);
	assert_err("keep", keep(&call), OTP_OK);
	assert_int_equal(count("run"), 5);
}

static void test_sessions_that_crashed(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	kept();
	assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
	put(place(TOKENS "/", OTHER_UID, OTHER, START + 2));
	put(place(TOKENS "/", OTHER_UID, OTHER, START + 9));
	put(place(TOKENS "/.", OTHER_UID, OTHER + 1, START));
	put(safe_place_path(TOKENS "/README"));
	assert_err("another session", give(OTHER_UID, processes[2], path), OTP_IGNORED);
	assert_true(is_there(place(TOKENS "/", his_uid(), MONITOR, START)));
	assert_true(is_there(place(TOKENS "/", OTHER_UID, OTHER, START + 2)));
	assert_int_equal(count(TOKENS), 3);
	processes[0] = (struct process)PROCESS_UNKNOWN;
	assert_err("another session", give(OTHER_UID, processes[2], path), OTP_IGNORED);
	assert_int_equal(count(TOKENS), 2);
}

static enum otp_err end(uid_t uid, struct process opener)
{
	struct note note = { "" };

	return session_token_close(uid, &opener, &note);
}

static void test_the_session_ends(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	assert_err("nothing was there", end(his_uid(), monitor()), OTP_OK);
	assert_int_equal(count(TOKENS), 0);
	assert_false(is_there(safe_place_path(TOKENS)));
	kept();
	assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
	assert_err("of another process", end(his_uid(), processes[2]), OTP_OK);
	assert_err("of another user", end(OTHER_UID, monitor()), OTP_OK);
	begun = false;
	assert_err("of sudo in it", end(his_uid(), monitor()), OTP_OK);
	begun = true;
	assert_int_equal(count(TOKENS), 1);
	assert_err("of its own", end(his_uid(), monitor()), OTP_OK);
	assert_int_equal(count(TOKENS), 0);
	assert_err("twice", end(his_uid(), monitor()), OTP_OK);
}

/* --- what is not as it should be --------------------------------------------------------------------------------------------------------- */

enum odd { ODD_LINK, ODD_HARD_LINK, ODD_FIFO, ODD_DIRECTORY, ODD_MODE, ODD_LARGE, ODD_COUNT };

static void make_odd(enum odd odd, const char *path, const char *target)
{
	(void)unlink(path);
	switch (odd) {
	case ODD_LINK:
		assert_int_equal(symlink(target, path), 0);
		break;
	case ODD_HARD_LINK:
		assert_int_equal(link(target, path), 0);
		break;
	case ODD_FIFO:
		assert_int_equal(mkfifo(path, 0600), 0);
		break;
	case ODD_DIRECTORY:
		assert_int_equal(mkdir(path, 0700), 0);
		break;
	case ODD_MODE:
		put(path);
		assert_int_equal(chmod(path, 0644), 0);
		break;
	case ODD_LARGE:
		put(path);
		assert_int_equal(truncate(path, 16 * 1024 + 1), 0);
		break;
	case ODD_COUNT:
		break;
	}
}

static void test_what_waits_is_no_file_of_ours(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	safe_place_needed();
	for (int odd = 0; odd < ODD_COUNT; odd++) {
		(void)begin(state);
		(void)unlink(safe_place_path("target"));
		put(safe_place_path("target"));
		kept();
		make_odd((enum odd)odd, place(WAITING, his_uid(), MONITOR, START), safe_place_path("target"));
		assert_int_not_equal(give(his_uid(), monitor(), path), OTP_OK);
		assert_string_equal(path, "");
		assert_int_equal(count(TOKENS), 0);
		assert_false(is_there(place(WAITING, his_uid(), MONITOR, START)));
		assert_true(is_there(safe_place_path("target")));
	}
	(void)unlink(safe_place_path("target"));
}

static void test_the_directory_is_not_as_it_should_be(void **state)
{
	static const mode_t modes[] = { 0755, 0700, 0777, 0731, 0713, 0111 };
	char path[SESSION_TOKEN_PATH_SIZE];

	safe_place_needed();
	for (size_t i = 0; i < CASES(modes); i++) {
		(void)begin(state);
		kept();
		safe_place_mkdir(TOKENS, modes[i]);
		assert_err("mode", give(his_uid(), monitor(), path), geteuid() != 0 && modes[i] == 0111 ? OTP_ERR_STATE_IO : OTP_ERR_STATE_UNSAFE);
		assert_string_equal(path, "");
		(void)chmod(safe_place_path(TOKENS), 0700);
		assert_int_equal(count(TOKENS), 0);
	}
	(void)begin(state);
	kept();
	safe_place_mkdir("elsewhere", 0711);
	assert_int_equal(symlink(safe_place_path("elsewhere"), safe_place_path(TOKENS)), 0);
	assert_err("a link", give(his_uid(), monitor(), path), OTP_ERR_STATE_IO);
	assert_err("the end", end(his_uid(), monitor()), OTP_ERR_STATE_IO);
	assert_int_equal(count("elsewhere"), 0);
	assert_int_equal(unlink(safe_place_path(TOKENS)), 0);
	kept();
	assert_int_equal(mkfifo(safe_place_path(TOKENS), 0711), 0);
	assert_err("a FIFO", give(his_uid(), monitor(), path), OTP_ERR_STATE_IO);
	assert_int_equal(unlink(safe_place_path(TOKENS)), 0);
	if (geteuid() != 0)
		return;
	kept();
	safe_place_mkdir(TOKENS, 0711);
	assert_int_equal(chown(safe_place_path(TOKENS), UID, UID), 0);
	assert_err("his own", give(his_uid(), monitor(), path), OTP_ERR_STATE_UNSAFE);
}

static void test_no_room(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];
	struct cache_call call = a_call();

	(void)state;
	safe_place_needed();
	kept();
	safe_place_fill(true);
	assert_err("open", give(his_uid(), monitor(), path), OTP_ERR_STATE_IO);
	assert_err("keep", keep(&call), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	assert_string_equal(path, "");
	assert_int_equal(count(TOKENS), 0);
	assert_int_equal(count("run"), 0);
}

static void test_what_a_killed_helper_left(void **state)
{
	char path[SESSION_TOKEN_PATH_SIZE];

	(void)state;
	safe_place_needed();
	kept();
	safe_place_mkdir(TOKENS, 0711);
	put(place(TOKENS "/.", his_uid(), MONITOR, START));
	assert_err("open", give(his_uid(), monitor(), path), OTP_OK);
	assert_his(place(TOKENS "/", his_uid(), MONITOR, START));
	assert_int_equal(count(TOKENS), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_a_login, begin),
		cmocka_unit_test_setup(test_a_program_that_asks_itself, begin),
		cmocka_unit_test_setup(test_who_leaves_none, begin),
		cmocka_unit_test_setup(test_nobody_elses, begin),
		cmocka_unit_test_setup(test_another_user_of_the_same_process, begin),
		cmocka_unit_test_setup(test_only_once, begin),
		cmocka_unit_test_setup(test_it_does_not_wait_for_long, begin),
		cmocka_unit_test_setup(test_what_waits_in_vain_goes, begin),
		cmocka_unit_test_setup(test_sessions_that_crashed, begin),
		cmocka_unit_test_setup(test_the_session_ends, begin),
		cmocka_unit_test_setup(test_what_waits_is_no_file_of_ours, begin),
		cmocka_unit_test_setup(test_the_directory_is_not_as_it_should_be, begin),
		cmocka_unit_test_setup(test_no_room, begin),
		cmocka_unit_test_setup(test_what_a_killed_helper_left, begin),
	};

	return cmocka_run_group_tests_name("session_token", tests, safe_place_setup, safe_place_teardown);
}
