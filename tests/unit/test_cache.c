/*
 * Who leaves a record, where it lies, whom it lets in, and what ends it: with settings, people and processes of the test's own making, in
 * a directory of its own. What the records look like is test_cache_record's.
 */
#include "cache_people.h"

#include <sys/sysmacros.h>
#include <time.h>

#include "log.h"

static char logged[512];
static int warnings;
static int64_t later_ms; /* what both clocks are ahead */
static int64_t wall_s;	 /* what the wall clock alone is ahead */

int __real_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = __real_clock_gettime(clock, now);

	now->tv_sec += later_ms / 1000 + (clock == CLOCK_REALTIME ? wall_s : 0);
	return result;
}

__attribute__((format(printf, 1, 2))) void __wrap_log_warning(const char *format, ...);
void __wrap_log_warning(const char *format, ...)
{
	va_list list;

	va_start(list, format);
	(void)vsnprintf(logged, sizeof(logged), format, list);
	va_end(list);
	warnings++;
}

static int begin(struct cache_call *call)
{
	safe_place_needed();
	later_ms = wall_s = 0;
	warnings = 0;
	logged[0] = '\0';
	return cache_begin(call);
}

static bool is_there(int dir, const char *name)
{
	return faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) == 0;
}

#define SESSION_NAME "cache-session-7001-42"
#define SESSION_PATH "dir/" SESSION_NAME

/* --- one session --------------------------------------------------------------------------------------------------------------------- */

static void test_a_code_for_sudo_counts_in_its_session(void **state)
{
	struct cache_call call;
	int dir = begin(&call);
	struct stat st;

	(void)state;
	assert_false(cache_lets_in(&call));
	assert_string_equal(cache_note.text, "");
	assert_true(cache_would_keep(&call));
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	assert_int_equal(cache_count(dir), 1);
	assert_int_equal(fstatat(dir, SESSION_NAME, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_true(cache_lets_in(&call));
	assert_true(cache_lets_in(&call));
	call.service = "sudo-i";
	assert_true(cache_lets_in(&call));
	assert_int_equal(warnings, 0);
	(void)close(dir);
}

/* One thing after the other is different when the record is to be used; afterwards all is as it was, and it counts. */
static void other_session(struct cache_call *call) { call->door.session++; }
static void no_session(struct cache_call *call) { call->door.session = PROCESS_NO_SESSION; }
static void no_door(struct cache_call *call) { call->door = (struct process)PROCESS_UNKNOWN; }
static void by_another(struct cache_call *call) { call->real_uid = 7002; }
static void by_root(struct cache_call *call) { call->real_uid = 0; }
static void to_root(struct cache_call *call) { cache_user.uid = 0; call->real_uid = 0; }
static void other_uid(struct cache_call *call) { cache_user.uid = 7002; call->real_uid = 7002; }
static void unknown(struct cache_call *call) { (void)call; cache_user.known = false; }
static void unmapped(struct cache_call *call) { (void)call; cache_user.mapped = false; }
static void other_name(struct cache_call *call) { call->user = "alicia"; }
static void other_service(struct cache_call *call) { call->service = "su"; }
static void longer_service(struct cache_call *call) { call->service = "sudo-"; }
static void at_ssh(struct cache_call *call) { call->service = "sshd"; call->real_uid = 0; call->ssh = true; }
static void cache_off(struct cache_call *call) { (void)call; cache_options.cache = false; }
static void online(struct cache_call *call) { (void)call; cache_options.cache_check = CACHE_CHECK_ONLINE; }
static void other_pool(struct cache_call *call) { (void)call; cache_options.user_pool_id[11] = 'X'; }
static void other_client(struct cache_call *call) { (void)call; cache_options.client_id[0] = 'C'; }
static void other_endpoint(struct cache_call *call) { (void)call; cache_options.endpoint[10] = 'x'; }
static void other_issuer(struct cache_call *call) { (void)call; cache_words(&cache_options.issuer, "https://other"); }
static void more_issuers(struct cache_call *call) { (void)call; cache_words(&cache_options.issuer, "https://issuer https://other"); }
static void other_keys(struct cache_call *call) { (void)call; cache_options.jwks_url[10] = 'x'; }
static void key_file(struct cache_call *call) { (void)call; (void)snprintf(cache_options.jwks_file, 8, "/keys"); }
static void other_ca(struct cache_call *call) { (void)call; (void)snprintf(cache_options.ca_file, 8, "/ca"); }
static void other_challenge(struct cache_call *call) { (void)call; cache_options.challenge = CHALLENGE_SMS_OTP; }
static void pins(struct cache_call *call) { (void)call; cache_options.pin_sub = true; }
static void settings_changed(struct cache_call *call) { (void)call; cache_options.mark.text[0] = '9'; }
static void map_changed(struct cache_call *call) { (void)call; cache_user.map_mark.text[0] = '9'; }
static void other_person(struct cache_call *call) { (void)call; cache_user.identity.value[0] = 'b'; }
static void other_kind(struct cache_call *call) { (void)call; cache_user.identity.kind = IDENTITY_USERNAME; }
static void other_sub(struct cache_call *call) { (void)call; (void)snprintf(cache_user.identity.sub, 8, "0a1b"); }
static void a_group(struct cache_call *call) { (void)call; cache_words(&cache_options.require_group, "ops"); }
static void part_of_a_group(struct cache_call *call) { (void)call; cache_words(&cache_options.require_group, "admin"); }
static void end_of_a_group(struct cache_call *call) { (void)call; cache_words(&cache_options.require_group, "dmins"); }
static void too_late(struct cache_call *call) { (void)call; later_ms = (CACHE_TTL + 1) * 1000; }
static void shorter_ttl(struct cache_call *call) { (void)call; cache_options.cache_ttl = 10; later_ms = 11000; }
static void wall_back(struct cache_call *call) { (void)call; wall_s = -3600; }
static void wall_forward(struct cache_call *call) { (void)call; wall_s = 3600; }

static void test_whom_it_does_not_let_in(void **state)
{
	static void (*const changes[])(struct cache_call *call) = {
		other_session, no_session, no_door, by_another, by_root, to_root, other_uid, unknown, unmapped, other_name, other_service, longer_service,
		at_ssh, cache_off, online, other_pool, other_client, other_endpoint, other_issuer, more_issuers, other_keys, key_file, other_ca,
		other_challenge, pins, settings_changed, map_changed, other_person, other_kind, other_sub, a_group, part_of_a_group, end_of_a_group, too_late,
		shorter_ttl, wall_back, wall_forward,
	};

	(void)state;
	for (size_t i = 0; i < CASES(changes); i++) {
		struct cache_call call;
		int dir = begin(&call);

		assert_err("keep", cache_log_in(&call, "admins operators"), OTP_OK);
		assert_true(cache_lets_in(&call));
		changes[i](&call);
		if (cache_lets_in(&call))
			fail_msg("change %zu", i);
		assert_int_equal(warnings, 0);
		assert_true(is_there(dir, SESSION_NAME));
		(void)close(dir);
	}
}

static void test_groups(void **state)
{
	static const struct {
		const char *has;
		const char *wanted;
		bool in;
	} cases[] = {
		{ "admins operators", "", true },	 { "admins operators", "admins", true }, { "admins operators", "operators", true },
		{ "admins operators", "x admins", true }, { "admins operators", "x y", false },	 { "admins operators", "min", false },
		{ "adminsadmins admins", "admins", true }, { "adminsadmins", "admins", false },	 { "", "admins", false },
		{ "a.b", "a", false },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct cache_call call;
		int dir = begin(&call);

		assert_err("keep", cache_log_in(&call, cases[i].has), OTP_OK);
		cache_words(&cache_options.require_group, cases[i].wanted);
		if (cache_lets_in(&call) != cases[i].in)
			fail_msg("\"%s\" of \"%s\"", cases[i].wanted, cases[i].has);
		(void)close(dir);
	}
}

/* --- who leaves one ------------------------------------------------------------------------------------------------------------------ */

static void test_who_leaves_none(void **state)
{
	static void (*const changes[])(struct cache_call *call) = { no_session, no_door, by_another, to_root, unknown, cache_off };

	(void)state;
	for (size_t i = 0; i < CASES(changes); i++) {
		struct cache_call call;
		int dir = begin(&call);

		changes[i](&call);
		if (cache_would_keep(&call))
			fail_msg("change %zu", i);
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		assert_int_equal(cache_count(dir), 0);
		(void)close(dir);
	}
}

/* --- sessions that are opened later ---------------------------------------------------------------------------------------------------- */

static size_t count_of(int dir, const char *beginning)
{
	DIR *files = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;
	size_t count = 0;

	assert_non_null(files);
	while ((entry = readdir(files)) != NULL)
		count += strncmp(entry->d_name, beginning, strlen(beginning)) == 0;
	(void)closedir(files);
	return count;
}

/* sshd asks in a child: here the test is the child, and its parent the monitor. */
static struct process monitor_of(const struct cache_call *call)
{
	struct process monitor;

	safe_place_must(process_read(call->door.parent, &monitor), "/proc");
	monitor.session = CACHE_SESSION_NUMBER;
	monitor.parent = getpid(); /* who is in no session, or in another one */
	return monitor;
}

static void test_sshd_leaves_it_for_its_monitor(void **state)
{
	struct cache_call call;
	int dir = begin(&call);
	struct process monitor = monitor_of(&call);
	struct process other = monitor;

	(void)state;
	cache_at_sshd(&call, CACHE_KEY_A);
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	assert_int_equal(count_of(dir, "cache-pending-7001-"), 2);
	assert_int_equal(cache_count(dir), 2);
	other.start++;
	assert_err("number given again", cache_bind(&cache_options, CACHE_UID, &other, &cache_note), OTP_IGNORED);
	assert_err("other user", cache_bind(&cache_options, 7002, &monitor, &cache_note), OTP_IGNORED);
	assert_err("root", cache_bind(&cache_options, 0, &monitor, &cache_note), OTP_IGNORED);
	other = monitor;
	other.session = PROCESS_NO_SESSION;
	assert_err("no session", cache_bind(&cache_options, CACHE_UID, &other, &cache_note), OTP_IGNORED);
	assert_int_equal(count_of(dir, "cache-pending-7001-"), 2);
	assert_err("bind", cache_bind(&cache_options, CACHE_UID, &monitor, &cache_note), OTP_OK);
	assert_int_equal(count_of(dir, "cache-pending-"), 0);
	assert_true(is_there(dir, SESSION_NAME));
	assert_err("twice", cache_bind(&cache_options, CACHE_UID, &monitor, &cache_note), OTP_IGNORED);
	(void)close(dir);
}

static void at_sudo(struct cache_call *call)
{
	cache_caller.kind = CALLER_OWN;
	call->service = "sudo";
	call->source = "uid:7001";
	call->real_uid = CACHE_UID;
	call->ssh = false;
	call->door.session = CACHE_SESSION_NUMBER;
}

static void test_the_session_ends(void **state)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	struct cache_call call;
	int dir = begin(&call);
	struct process monitor = monitor_of(&call);
	struct process other = monitor;

	(void)state;
	cache_at_sshd(&call, CACHE_KEY_A);
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	assert_err("bind", cache_bind(&cache_options, CACHE_UID, &monitor, &cache_note), OTP_OK);
	at_sudo(&call);
	assert_true(cache_lets_in(&call));
	other.session++;
	assert_err("other session", cache_end_session(&cache_options, CACHE_UID, &other, &record, &cache_note), OTP_IGNORED);
	assert_err("other user", cache_end_session(&cache_options, 7002, &monitor, &record, &cache_note), OTP_IGNORED);
	assert_true(cache_lets_in(&call));
	assert_err("end", cache_end_session(&cache_options, CACHE_UID, &monitor, &record, &cache_note), OTP_OK);
	assert_false(cache_lets_in(&call));
	cache_record_done(&record);
	assert_err("twice", cache_end_session(&cache_options, CACHE_UID, &monitor, &record, &cache_note), OTP_IGNORED);
	(void)close(dir);
}

/* sudo and su in a session began none: they bind nothing and end nothing. */
static void test_only_who_began_the_session(void **state)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	struct cache_call call;
	int dir = begin(&call);
	struct process sudo = call.door;
	struct process parent;

	(void)state;
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	safe_place_must(process_read(sudo.parent, &parent), "/proc");
	sudo.session = parent.session;
	assert_err("bind", cache_bind(&cache_options, CACHE_UID, &sudo, &cache_note), OTP_IGNORED);
	assert_err("end", cache_end_session(&cache_options, CACHE_UID, &sudo, &record, &cache_note), OTP_IGNORED);
	assert_true(is_there(dir, SESSION_NAME));
	(void)close(dir);
}

static void test_it_waits_two_minutes(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct cache_call call;
		int dir = begin(&call);
		struct process monitor = monitor_of(&call);

		(void)state;
		cache_at_sshd(&call, CACHE_KEY_A);
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		later_ms = (CACHE_PENDING_S + (i == 0 ? -1 : 2)) * 1000;
		assert_err("bind", cache_bind(&cache_options, CACHE_UID, &monitor, &cache_note), i == 0 ? OTP_OK : OTP_IGNORED);
		assert_true(is_there(dir, SESSION_NAME) == (i == 0));
		(void)close(dir);
	}
}

/* Binding it makes it no younger. */
static void test_binding_makes_it_no_longer(void **state)
{
	struct cache_call call;
	int dir = begin(&call);
	struct process monitor = monitor_of(&call);

	(void)state;
	cache_at_sshd(&call, CACHE_KEY_A);
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	later_ms = 100000;
	assert_err("bind", cache_bind(&cache_options, CACHE_UID, &monitor, &cache_note), OTP_OK);
	at_sudo(&call);
	later_ms = (CACHE_TTL - 1) * 1000;
	assert_true(cache_lets_in(&call));
	later_ms = (CACHE_TTL + 1) * 1000;
	assert_false(cache_lets_in(&call));
	(void)close(dir);
}

/* --- keys ------------------------------------------------------------------------------------------------------------------------------ */

static void without_a_key(struct cache_call *call) { (void)call; cache_caller.kind = CALLER_REMOTE; }
static void other_key(struct cache_call *call) { call->source = CACHE_KEY_B; }
static void longer_key(struct cache_call *call) { call->source = CACHE_KEY_A "A"; }
static void not_ssh(struct cache_call *call) { call->ssh = false; }
static void not_root(struct cache_call *call) { call->real_uid = 7002; }
static void shared(struct cache_call *call) { (void)call; cache_user.shared = true; }

static void test_keys(void **state)
{
	static void (*const changes[])(struct cache_call *call) = { without_a_key, other_key, longer_key, not_ssh, not_root, shared, other_name,
								    other_service, too_late };

	(void)state;
	for (size_t i = 0; i < CASES(changes); i++) {
		struct cache_call call;
		int dir = begin(&call);

		cache_at_sshd(&call, CACHE_KEY_A);
		cache_words(&cache_options.cache_services, "sudo sshd");
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		assert_int_equal(count_of(dir, "cache-key-7001-"), 1);
		assert_true(cache_lets_in(&call));
		changes[i](&call);
		if (cache_lets_in(&call))
			fail_msg("change %zu", i);
		(void)close(dir);
	}
}

static void test_who_leaves_no_key(void **state)
{
	static void (*const changes[])(struct cache_call *call) = { without_a_key, not_ssh, shared, other_service };

	(void)state;
	for (size_t i = 0; i < CASES(changes); i++) {
		struct cache_call call;
		int dir = begin(&call);

		cache_at_sshd(&call, CACHE_KEY_A);
		cache_words(&cache_options.cache_services, "sudo sshd");
		changes[i](&call);
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		if (count_of(dir, "cache-key-") != 0)
			fail_msg("change %zu", i);
		(void)close(dir);
	}
}

/* --- people ---------------------------------------------------------------------------------------------------------------------------- */

static void share(const char *first, const char *second)
{
	cache_user.shared = true;
	cache_user.mapped = false;
	cache_user.people_count = 2;
	for (size_t i = 0; i < 2; i++) {
		cache_user.people[i].kind = IDENTITY_EMAIL;
		(void)snprintf(cache_user.people[i].value, sizeof(cache_user.people[i].value), "%s", i == 0 ? first : second);
	}
}

static void test_the_person_of_a_shared_account(void **state)
{
	struct cache_call call;
	int dir = begin(&call);

	(void)state;
	share("bob@example.com", "alice@example.com");
	assert_true(policy_choose(&cache_user, "alice@example.com"));
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	memset(&cache_user.identity, 0, sizeof(cache_user.identity));
	cache_user.mapped = false;
	assert_true(cache_lets_in(&call));
	assert_string_equal(cache_user.identity.value, "alice@example.com");
	memset(&cache_user.identity, 0, sizeof(cache_user.identity));
	share("bob@example.com", "carol@example.com");
	assert_false(cache_lets_in(&call));
	assert_false(cache_user.mapped);
	assert_string_equal(cache_user.identity.value, "");
	(void)close(dir);
}

/* --- what lies there instead ----------------------------------------------------------------------------------------------------------- */

static char good[8192];
static size_t good_length;

static void as_symlink(const char *path) { safe_place_must(symlink("victim", path) == 0, path); }
static void as_dangling(const char *path) { safe_place_must(symlink("nobody", path) == 0, path); }
static void as_hard_link(const char *path) { safe_place_must(link(safe_place_path("dir/victim"), path) == 0, path); }
static void as_fifo(const char *path) { safe_place_must(mkfifo(path, 0600) == 0, path); }
static void as_directory(const char *path) { safe_place_must(mkdir(path, 0700) == 0, path); }

static void as_full_directory(const char *path)
{
	as_directory(path);
	safe_place_text(SESSION_PATH "/inside", "x");
}

static void as_bytes(const char *path, size_t length, mode_t mode)
{
	(void)path;
	safe_place_write(SESSION_PATH, good, length, mode);
}

static void as_readable(const char *path) { as_bytes(path, good_length, 0640); }
static void as_readable_by_all(const char *path) { as_bytes(path, good_length, 0604); }
static void as_writable(const char *path) { as_bytes(path, good_length, 0620); }
static void as_empty(const char *path) { as_bytes(path, 0, 0600); }
static void as_shorter(const char *path) { as_bytes(path, good_length - 1, 0600); }

static void as_longer(const char *path)
{
	good[good_length] = '\n';
	as_bytes(path, good_length + 1, 0600);
}

static void as_huge(const char *path)
{
	as_bytes(path, good_length, 0600);
	safe_place_must(truncate(path, 1 << 30) == 0, path);
}

static void as_another_users(const char *path)
{
	as_bytes(path, good_length, 0600);
	safe_place_must(chown(path, 7002, 7002) == 0, path);
}

static void as_device(const char *path)
{
	safe_place_must(mknod(path, S_IFCHR | 0600, makedev(1, 5)) == 0, path);
}

/* Good everywhere but here. */
static void as_copy_of_another(const char *path)
{
	struct cache_call call;

	(void)path;
	call = (struct cache_call){ &cache_options, "alice", "sudo", &cache_user, &cache_caller, "uid:7001", CACHE_UID, false, { 1, 1, 1, 43 } };
	cache_open_session(43);
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	safe_place_must(rename(safe_place_path("dir/cache-session-7001-43"), safe_place_path(SESSION_PATH)) == 0, SESSION_PATH);
}

static const struct {
	const char *name;
	void (*put)(const char *path);
	bool by_root; /* only root can make it */
} instead[] = {
	{ "symlink", as_symlink, false },	    { "dangling symlink", as_dangling, false },
	{ "hard link", as_hard_link, false },	    { "FIFO", as_fifo, false },
	{ "directory", as_directory, false },	    { "directory with a file", as_full_directory, false },
	{ "readable by group", as_readable, false }, { "readable by all", as_readable_by_all, false },
	{ "writable by group", as_writable, false }, { "empty", as_empty, false },
	{ "a byte short", as_shorter, false },	    { "a byte long", as_longer, false },
	{ "1 GiB", as_huge, false },		    { "copy of another session's", as_copy_of_another, false },
	{ "another user's", as_another_users, true }, { "device", as_device, true },
};

/* Never used, never followed, never waited for; told; and the next login puts a good one in its place. */
static void test_what_lies_there_instead(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(instead); i++) {
		char victim[sizeof(good)] = "";
		struct cache_call call;
		int dir = begin(&call);
		struct stat st;

		if (instead[i].by_root && geteuid() != 0)
			continue;
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		safe_place_must(fstatat(dir, SESSION_NAME, &st, 0) == 0, SESSION_NAME);
		good_length = (size_t)st.st_size;
		safe_place_read_at(dir, SESSION_NAME, good, good_length, 0);
		safe_place_write("dir/victim", good, good_length, 0600);
		safe_place_must(unlinkat(dir, SESSION_NAME, 0) == 0, SESSION_NAME);
		instead[i].put(safe_place_path(SESSION_PATH));
		if (cache_lets_in(&call) || warnings != 1 || strstr(logged, "event=cache_not_used") == NULL)
			fail_msg("%s: %d warnings, %s", instead[i].name, warnings, logged);
		assert_err(instead[i].name, cache_log_in(&call, ""), OTP_OK);
		if (!cache_lets_in(&call))
			fail_msg("%s: %s", instead[i].name, cache_note.text);
		safe_place_read_at(dir, "victim", victim, good_length, 0);
		assert_memory_equal(victim, good, good_length);
		(void)close(dir);
	}
}

static void foreign_mode(const char *path) { safe_place_must(chmod(path, 0755) == 0, path); }
static void foreign_owner(const char *path) { safe_place_must(chown(path, 7002, 7002) == 0, path); }

/* The directory of somebody else, or one that others can read or write: nothing in it counts, and nothing is put there. */
static void test_a_foreign_directory(void **state)
{
	static void (*const changes[])(const char *path) = { foreign_mode, foreign_owner };

	(void)state;
	for (size_t i = 0; i < CASES(changes); i++) {
		struct cache_call call;
		int dir = begin(&call);

		if (changes[i] == foreign_owner && geteuid() != 0)
			continue;
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
		changes[i](safe_place_path("dir"));
		assert_false(cache_lets_in(&call));
		assert_non_null(strstr(logged, "reason=state_unsafe"));
		assert_err("keep", cache_log_in(&call, ""), OTP_ERR_STATE_UNSAFE);
		(void)close(dir);
	}
}

/* What cannot be written leaves what was there whole. */
static void test_a_full_disk(void **state)
{
	struct cache_call call;
	int dir = begin(&call);

	(void)state;
	assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	safe_place_fill(true);
	assert_err("full", cache_log_in(&call, ""), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	assert_true(cache_lets_in(&call));
	assert_int_equal(cache_count(dir), 1);
	(void)close(dir);
}

/* --- all of them ----------------------------------------------------------------------------------------------------------------------- */

static enum otp_err count_it(int dir, const struct cache_slot *slot, void *arg)
{
	int *count = arg;

	assert_true(dir >= 0 && slot->uid == CACHE_UID);
	return ++*count == 2 ? OTP_ERR_USER_ROOT : OTP_OK;
}

static void test_each(void **state)
{
	struct cache_call call;
	int dir = begin(&call);
	int count = 0;

	(void)state;
	safe_place_write("dir/cache-session-7001-x", "x", 1, 0600);
	safe_place_write("dir/.cache-session-7001-1.00", "x", 1, 0600);
	assert_err("none", cache_each(dir, count_it, &count), OTP_OK);
	assert_int_equal(count, 0);
	for (call.door.session = 1; call.door.session < 4; call.door.session++) {
		cache_open_session(call.door.session);
		assert_err("keep", cache_log_in(&call, ""), OTP_OK);
	}
	assert_err("two", cache_each(dir, count_it, &count), OTP_ERR_USER_ROOT);
	assert_int_equal(count, 2);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_code_for_sudo_counts_in_its_session),
		cmocka_unit_test(test_whom_it_does_not_let_in),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_who_leaves_none),
		cmocka_unit_test(test_sshd_leaves_it_for_its_monitor),
		cmocka_unit_test(test_the_session_ends),
		cmocka_unit_test(test_only_who_began_the_session),
		cmocka_unit_test(test_it_waits_two_minutes),
		cmocka_unit_test(test_binding_makes_it_no_longer),
		cmocka_unit_test(test_keys),
		cmocka_unit_test(test_who_leaves_no_key),
		cmocka_unit_test(test_the_person_of_a_shared_account),
		cmocka_unit_test(test_what_lies_there_instead),
		cmocka_unit_test(test_a_foreign_directory),
		cmocka_unit_test(test_a_full_disk),
		cmocka_unit_test(test_each),
	};

	return cmocka_run_group_tests_name("cache", tests, safe_place_setup, safe_place_teardown);
}
