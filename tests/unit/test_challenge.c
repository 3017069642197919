/*
 * A mailed code from one call to the next: whose it is, what is left of it, and that nothing but the bytes that were written counts as one.
 * Time is moved by the tests (linked with --wrap=clock_gettime).
 */
#include "safe_place.h"

#include <time.h>

#include "challenge.h"

enum {
	START_MS = 1000000000,
	CROWD = 64,
	TTL = 180,
	WORDS_SIZE = (CHALLENGE_TRIES_MAX + 1) * 8, /* of the file: tries and state; then the seal, then what it is over */
	SEALED = WORDS_SIZE + CRYPTO_SHA256_SIZE,
	FILE_MAX = 64 * 1024
};

static const char session_text[] = "AYABe-session-of-alice";
static const struct challenge_owner alice = {
	"alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false
};
static int64_t boot_ms; /* what CLOCK_BOOTTIME says */
static struct note note;
static struct challenge_key key; /* alice's */
static unsigned char bytes[FILE_MAX];

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_BOOTTIME)
		return -1;
	now->tv_sec = boot_ms / 1000;
	now->tv_nsec = boot_ms % 1000 * 1000000;
	return 0;
}

static struct challenge_facts facts_of(uint32_t tries)
{
	struct challenge_facts facts;

	memset(&facts, 0, sizeof(facts));
	facts.tries = tries;
	facts.tries_to_send = tries;
	facts.decoy = OTP_OK;
	facts.mailed_ms = boot_ms;
	facts.session_ms = boot_ms;
	(void)snprintf(facts.user, sizeof(facts.user), "alice");
	(void)snprintf(facts.cognito_user, sizeof(facts.cognito_user), "alice@example.com");
	(void)snprintf(facts.origin, sizeof(facts.origin), "ip:192.0.2.1");
	(void)snprintf(facts.destination, sizeof(facts.destination), "a***@e***");
	return facts;
}

static struct challenge_key key_of(const struct challenge_owner *owner)
{
	struct challenge_key of;

	memset(&of, 0, sizeof(of));
	assert_err("key", challenge_key_of(owner, &of), OTP_OK);
	return of;
}

static struct challenge keep_facts(int dir, const struct challenge_facts *facts, const char *text)
{
	secret_auto struct secret session = SECRET_EMPTY;
	struct challenge challenge;

	assert_err("session", secret_set(&session, text, strlen(text)), OTP_OK);
	assert_err("keep", challenge_keep(dir, &key, facts, &session, &challenge), OTP_OK);
	return challenge;
}

static struct challenge keep(int dir, uint32_t tries)
{
	struct challenge_facts facts = facts_of(tries);

	return keep_facts(dir, &facts, session_text);
}

static struct challenge find(int dir)
{
	struct challenge challenge;

	assert_err("find", challenge_find(dir, &key, &challenge, &note), OTP_OK);
	return challenge;
}

static int fresh(void)
{
	boot_ms = START_MS;
	key = key_of(&alice);
	return safe_place_open("dir");
}

static void assert_session(const struct challenge *challenge, const char *wanted)
{
	secret_auto struct secret session = SECRET_EMPTY;

	assert_err("session", challenge_session(challenge, &session), OTP_OK);
	assert_int_equal(session.length, strlen(wanted));
	assert_string_equal(secret_text(&session), wanted);
}

static const char *in_dir(const char *name)
{
	static char path[CHALLENGE_NAME_SIZE + 16];

	(void)snprintf(path, sizeof(path), "dir/%s", name);
	return path;
}

/* Alice's record as bytes, for tests that change some. */
static size_t load_record(int dir)
{
	struct stat st;

	assert_int_equal(fstatat(dir, key.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_in_range(st.st_size, SEALED + sizeof(struct challenge_facts), FILE_MAX);
	safe_place_read_at(dir, key.name, bytes, (size_t)st.st_size, 0);
	return (size_t)st.st_size;
}

static void reseal(size_t size)
{
	assert_err("seal", crypto_sha256(bytes + SEALED, size - SEALED, bytes + WORDS_SIZE), OTP_OK);
}

/* As root's rubbish or an older version could have left it. */
static void put_record(const void *record, size_t size, mode_t mode)
{
	safe_place_write(in_dir(key.name), record, size, mode);
}

static bool is_found(int dir)
{
	challenge_auto struct challenge challenge = CHALLENGE_EMPTY;

	(void)alarm(5); /* a FIFO must not make us wait */
	assert_err("find", challenge_find(dir, &key, &challenge, &note), OTP_OK);
	(void)alarm(0);
	return challenge_state_of(&challenge, TTL) != CHALLENGE_NONE;
}

static void assert_set_aside(const char *what, int dir)
{
	if (is_found(dir))
		fail_msg("%s: is taken for a challenge", what);
	if (faccessat(dir, key.name, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		fail_msg("%s: is not set aside", what);
}

/* --- whose it is ----------------------------------------------------------------------------------------------------------------- */

static void test_owners_that_differ_have_other_keys_and_files(void **state)
{
	static const struct challenge_owner owners[] = {
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7002, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice2@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_B", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client2", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.2", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "uid:7001", false, false },
		{ "alice", false, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "Alice", false, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "uid 7001,", false, 0, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, false },
		/* the same letters, with the border elsewhere */
		{ "alice", true, 7001, "alice@example.come", "u-west-1_A", "client", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_Ac", "lient", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "clienti", "p:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A,6:client", "", "ip:192.0.2.1", false, false },
		{ "alice", true, 7001, "alice@example.com", "eu-west-1_A", "client", "ip:192.0.2.1", false, true },
		{ "", false, 0, "", "", "", "", false, false },
	};
	struct challenge_key keys[CASES(owners)];

	(void)state;
	for (size_t i = 0; i < CASES(owners); i++) {
		keys[i] = key_of(&owners[i]);
		assert_true(strlen(keys[i].name) < CHALLENGE_NAME_SIZE);
		for (size_t j = 0; j < i; j++) {
			assert_memory_not_equal(keys[i].digest, keys[j].digest, sizeof(keys[i].digest));
			assert_memory_not_equal(keys[i].digest, keys[j].digest, 8); /* the turn */
			assert_string_not_equal(keys[i].name, keys[j].name);
		}
	}
}

static void test_the_same_owner_has_the_same_key(void **state)
{
	struct challenge_owner owner = alice;
	struct challenge_key one = key_of(&alice);
	struct challenge_key other;

	(void)state;
	owner.user = "another name of the same uid";
	other = key_of(&owner);
	assert_memory_equal(&one, &other, sizeof(one));
	owner.proved = true;
	other = key_of(&owner);
	assert_string_not_equal(one.name, other.name);
	owner.known = false;
	owner.uid = 1;
	one = key_of(&owner);
	owner.uid = 2; /* of no account: says nothing */
	other = key_of(&owner);
	assert_memory_equal(&one, &other, sizeof(one));
}

static void test_file_names(void **state)
{
	struct challenge_owner owner = alice;
	struct challenge_key of = key_of(&alice);

	(void)state;
	assert_int_equal(strspn(of.name + strlen("challenge-7001-unproved-"), "0123456789abcdef"), 32);
	assert_int_equal(strncmp(of.name, "challenge-7001-unproved-", 24), 0);
	assert_int_equal(strlen(of.name), 24 + 32);
	owner.proved = true;
	owner.uid = UINT32_MAX;
	of = key_of(&owner);
	assert_int_equal(strncmp(of.name, "challenge-4294967295-proved-", 28), 0);
	owner.known = false;
	owner.user = "../../etc/passwd";
	of = key_of(&owner);
	assert_int_equal(strncmp(of.name, "challenge-none-proved-", 22), 0);
	assert_null(strchr(of.name, '/'));
}

static void test_which_names_are_of_challenges(void **state)
{
	static const struct {
		const char *name;
		bool is_one;
		int64_t uid;
		bool stranger;
	} cases[] = {
		{ "challenge-7001-unproved-00112233445566778899aabbccddeeff", true, 7001, true },
		{ "challenge-0-proved-00112233445566778899aabbccddeeff", true, 0, false },
		{ "challenge-4294967295-proved-00112233445566778899aabbccddeeff", true, 4294967295, false },
		{ "challenge-none-unproved-00112233445566778899aabbccddeeff", true, -1, true },
		{ "challenge-none-proved-00112233445566778899aabbccddeeff", true, -1, false },
		{ ".challenge-7001-unproved-00112233445566778899aabbccddeeff.0011223344556677", false, 0, false },
		{ "challenge-", false, 0, false },
		{ "challenge-x-unproved-00", false, 0, false },
		{ "challenge-nobody-unproved-00", false, 0, false },
		{ "challenge-99999999999-unproved-00", false, 0, false },
		{ "challenge", false, 0, false },
		{ "mails-host", false, 0, false },
		{ "turns", false, 0, false },
		{ "", false, 0, false },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		int64_t uid = -2;
		bool stranger = false;

		if (challenge_is_name(cases[i].name, &uid, &stranger) != cases[i].is_one)
			fail_msg("%s", cases[i].name);
		if (!cases[i].is_one)
			continue;
		assert_int_equal(uid, cases[i].uid);
		assert_int_equal(stranger, cases[i].stranger);
	}
}

static void test_an_owner_longer_than_any_has_no_key(void **state)
{
	static char origin[32 * 1024];
	struct challenge_owner owner = alice;
	struct challenge_key of;

	(void)state;
	memset(origin, 'k', sizeof(origin) - 1);
	owner.origin = origin;
	assert_int_not_equal(challenge_key_of(&owner, &of), OTP_OK);
}

/* --- from one call to the next --------------------------------------------------------------------------------------------------- */

static void test_none_is_no_error(void **state)
{
	challenge_auto struct challenge none = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	none = find(dir);
	assert_int_equal(challenge_state_of(&none, TTL), CHALLENGE_NONE);
	assert_false(challenge_same(&none, &none));
	challenge_close(&none, CHALLENGE_USED);
	challenge_done(&none);
	assert_int_equal(safe_place_count(dir), 0);
	(void)close(dir);
}

static void test_what_is_kept_is_found(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	challenge_auto struct challenge opened = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	struct stat st;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	facts = facts_of(3);
	facts.tries_to_send = 2;
	facts.session_ms = 77;
	kept = keep_facts(dir, &facts, session_text);
	boot_ms += 5;
	found = find(dir);
	assert_err("by name", challenge_open_file(dir, key.name, &opened, &note), OTP_OK);
	assert_int_equal(challenge_state_of(&found, TTL), CHALLENGE_OPEN);
	assert_true(challenge_same(&kept, &found) && challenge_same(&found, &opened));
	assert_memory_equal(challenge_facts_of(&found), &facts, sizeof(facts));
	assert_session(&found, session_text);
	assert_session(&kept, session_text);
	assert_int_equal(challenge_tries_left(&found), 3);
	assert_int_equal(challenge_sendable(&found), 2);
	assert_int_equal(fstatat(dir, key.name, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

static void test_the_longest_session(void **state)
{
	static char text[COGNITO_SESSION_MAX + 2];
	secret_auto struct secret session = SECRET_EMPTY;
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	facts = facts_of(3);
	memset(text, 's', COGNITO_SESSION_MAX + 1);
	assert_err("too long", secret_set(&session, text, COGNITO_SESSION_MAX + 1), OTP_OK);
	assert_int_not_equal(challenge_keep(dir, &key, &facts, &session, &kept), OTP_OK);
	assert_null(kept.record);
	assert_int_equal(safe_place_count(dir), 0);
	text[COGNITO_SESSION_MAX] = '\0';
	kept = keep_facts(dir, &facts, text);
	found = find(dir);
	assert_session(&found, text);
	(void)close(dir);
}

static void test_it_is_found_by_its_owner_only(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	struct challenge_owner elsewhere = alice;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	elsewhere.origin = "ip:192.0.2.2";
	key = key_of(&elsewhere);
	assert_false(is_found(dir));
	key = key_of(&alice);
	assert_true(is_found(dir));
	(void)close(dir);
}

static void test_states(void **state)
{
	static const struct {
		enum challenge_state closed;
		enum challenge_state state;
	} cases[] = {
		{ CHALLENGE_EXPIRED, CHALLENGE_EXPIRED },
		{ CHALLENGE_USED, CHALLENGE_USED },
		{ CHALLENGE_REPLACED, CHALLENGE_REPLACED },
		{ (enum challenge_state)99, CHALLENGE_REPLACED }, /* of no version that we know: certainly not open */
	};
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	for (size_t i = 0; i < CASES(cases); i++) {
		challenge_auto struct challenge kept = keep(dir, 3);
		challenge_auto struct challenge held = find(dir);
		challenge_auto struct challenge later = CHALLENGE_EMPTY;

		assert_int_equal(challenge_state_of(&held, TTL), CHALLENGE_OPEN);
		challenge_close(&kept, cases[i].closed);
		assert_int_equal(challenge_state_of(&held, TTL), cases[i].state);
		challenge_close(&held, CHALLENGE_EXPIRED); /* the first word stands */
		later = find(dir);
		assert_int_equal(challenge_state_of(&later, TTL), cases[i].state);
		boot_ms += TTL * 1000;
		assert_int_equal(challenge_state_of(&later, TTL), cases[i].state);
	}
	(void)close(dir);
}

static void test_it_expires(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 1);
	boot_ms += TTL * 1000 - 1;
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_OPEN);
	assert_int_equal(challenge_take_try(&kept), 0);
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_SPENT);
	boot_ms += 1;
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_EXPIRED);
	assert_int_equal(challenge_state_of(&kept, TTL + 1), CHALLENGE_SPENT);
	(void)close(dir);
}

static void test_a_newer_one_closes_the_one_before(void **state)
{
	challenge_auto struct challenge first = CHALLENGE_EMPTY;
	challenge_auto struct challenge second = CHALLENGE_EMPTY;
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	first = keep(dir, 3);
	assert_int_equal(challenge_take_try(&first), 0);
	second = keep(dir, 3);
	assert_int_equal(challenge_state_of(&first, TTL), CHALLENGE_REPLACED);
	assert_int_equal(challenge_state_of(&second, TTL), CHALLENGE_OPEN);
	assert_int_equal(challenge_tries_left(&second), 3);
	assert_false(challenge_same(&first, &second));
	assert_int_equal(challenge_take_try(&first), 1); /* to no effect on the other */
	assert_int_equal(challenge_tries_left(&second), 3);
	found = find(dir);
	assert_true(challenge_same(&second, &found));
	assert_int_equal(safe_place_count(dir), 1);
	(void)close(dir);
}

static void test_a_decoy_has_no_session(void **state)
{
	challenge_auto struct challenge before = CHALLENGE_EMPTY;
	challenge_auto struct challenge decoy = CHALLENGE_EMPTY;
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	before = keep(dir, 3);
	size = load_record(dir);
	assert_non_null(memmem(bytes, size, session_text, strlen(session_text)));
	facts = facts_of(3);
	facts.decoy = OTP_ERR_USER_UNKNOWN;
	facts.tries_to_send = 0;
	decoy = keep_facts(dir, &facts, "");
	found = find(dir);
	assert_session(&found, "");
	assert_int_equal(challenge_facts_of(&found)->decoy, OTP_ERR_USER_UNKNOWN);
	assert_int_equal(challenge_sendable(&found), 0);
	assert_int_equal(challenge_tries_left(&found), 3);
	assert_int_equal(load_record(dir), size); /* as large as any other */
	assert_null(memmem(bytes, size, "session", 7));
	for (size_t i = size - COGNITO_SESSION_MAX; i < size; i++)
		assert_int_equal(bytes[i], 0);
	(void)close(dir);
}

/* --- tries ----------------------------------------------------------------------------------------------------------------------- */

static void test_tries_are_taken_and_returned(void **state)
{
	challenge_auto struct challenge one = CHALLENGE_EMPTY;
	challenge_auto struct challenge other = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	one = keep(dir, 3);
	other = find(dir);
	assert_int_equal(challenge_take_try(&one), 0);
	assert_int_equal(challenge_take_try(&other), 1);
	assert_int_equal(challenge_tries_left(&one), 1);
	challenge_return_try(&one, 0);
	assert_int_equal(challenge_tries_left(&other), 2);
	assert_int_equal(challenge_take_try(&other), 0);
	assert_int_equal(challenge_take_try(&one), 2);
	assert_int_equal(challenge_take_try(&one), -1);
	assert_int_equal(challenge_take_try(&other), -1);
	assert_int_equal(challenge_tries_left(&one), 0);
	assert_int_equal(challenge_state_of(&other, TTL), CHALLENGE_SPENT);
	challenge_return_try(&one, 2);
	assert_int_equal(challenge_state_of(&other, TTL), CHALLENGE_OPEN);
	(void)close(dir);
}

static void test_those_that_may_reach_the_service_go_first(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	facts = facts_of(CHALLENGE_TRIES_MAX);
	facts.tries_to_send = 2;
	kept = keep_facts(dir, &facts, session_text);
	for (int i = 0; i < CHALLENGE_TRIES_MAX; i++) {
		assert_int_equal(challenge_sendable(&kept), i < 2 ? 2 - i : 0);
		assert_int_equal(challenge_take_try(&kept), i);
	}
	assert_int_equal(challenge_take_try(&kept), -1);
	challenge_return_try(&kept, 9);
	assert_int_equal(challenge_sendable(&kept), 0);
	assert_int_equal(challenge_tries_left(&kept), 1);
	(void)close(dir);
}

static bool take_one(void *arg)
{
	challenge_auto struct challenge challenge = CHALLENGE_EMPTY;
	struct note why;

	if (challenge_find(*(int *)arg, &key, &challenge, &why) != OTP_OK || challenge.record == NULL)
		return false;
	return challenge_take_try(&challenge) >= 0;
}

static void test_a_crowd_has_no_more_tries_than_one(void **state)
{
	static const uint32_t tries[] = { 1, 3, 10 };
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	for (size_t round = 0; round < 10; round++) {
		challenge_auto struct challenge kept = keep(dir, tries[round % 3]);

		assert_int_equal(safe_place_crowd(CROWD, take_one, &dir), tries[round % 3]);
		assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_SPENT);
	}
	(void)close(dir);
}

static void test_killing_gives_no_try_back(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	for (int i = 0; i < 4; i++) {
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			(void)take_one(&dir);
			(void)raise(SIGKILL);
		}
		assert_true(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status));
		assert_int_equal(challenge_tries_left(&kept), i < 3 ? 2 - i : 0);
	}
	challenge_done(&kept);
	kept = find(dir);
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_SPENT);
	(void)close(dir);
}

/* --- bytes that are not what was written ------------------------------------------------------------------------------------------ */

static void test_a_flipped_bit_is_no_challenge(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	for (size_t i = WORDS_SIZE; i < size; i++) {
		/* of the Session, which is most of it, one bit of each byte will do */
		size_t step = i < SEALED + sizeof(struct challenge_facts) + 256 ? 1 : 8;

		for (size_t bit = step == 1 ? 0 : i % 8; bit < 8; bit += step) {
			char what[32];

			bytes[i] ^= (unsigned char)(1U << bit);
			put_record(bytes, size, 0600);
			bytes[i] ^= (unsigned char)(1U << bit);
			(void)snprintf(what, sizeof(what), "bit %zu of byte %zu", bit, i);
			assert_set_aside(what, dir);
		}
	}
	put_record(bytes, size, 0600);
	assert_true(is_found(dir)); /* as it was */
	(void)close(dir);
}

/* Damage of the words, which the seal does not cover, gives no try and opens nothing that is open already. */
static void test_a_flipped_bit_of_a_word_gives_no_try(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	assert_int_equal(challenge_take_try(&kept), 0);
	size = load_record(dir);
	for (size_t bit = 0; bit < WORDS_SIZE * 8; bit++) {
		challenge_auto struct challenge found = CHALLENGE_EMPTY;

		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		put_record(bytes, size, 0600);
		bytes[bit / 8] ^= (unsigned char)(1U << bit % 8);
		found = find(dir);
		assert_true(challenge_tries_left(&found) == 2 || (bit >= 64 && bit < 192 && challenge_tries_left(&found) == 1));
		assert_int_equal(challenge_state_of(&found, TTL) == CHALLENGE_OPEN, bit < CHALLENGE_TRIES_MAX * 64);
	}
	(void)close(dir);
}

static void test_another_size_or_mode(void **state)
{
	static const mode_t modes[] = { 0644, 0640, 0604, 0620, 0602, 0666 };
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	put_record(bytes, size - 1, 0600);
	assert_set_aside("truncated", dir);
	put_record(bytes, SEALED, 0600);
	assert_set_aside("words alone", dir);
	put_record(bytes, size + 1, 0600);
	assert_set_aside("a byte longer", dir);
	put_record("", 0, 0600);
	assert_set_aside("empty", dir);
	for (size_t i = 0; i < CASES(modes); i++) {
		put_record(bytes, size, modes[i]);
		assert_set_aside("mode", dir);
	}
	if (geteuid() == 0) {
		put_record(bytes, size, 0600);
		assert_int_equal(fchownat(dir, key.name, 65534, 65534, AT_SYMLINK_NOFOLLOW), 0);
		assert_set_aside("owner", dir);
	}
	memset(bytes, 0, size);
	put_record(bytes, size, 0600);
	assert_set_aside("zeros", dir);
	reseal(size);
	put_record(bytes, size, 0600);
	assert_set_aside("sealed zeros", dir);
	(void)close(dir);
}

/* Where the facts are in the file: before the user's name, which is the first text in them. */
static size_t facts_offset(size_t size)
{
	const unsigned char *user = memmem(bytes + SEALED, size - SEALED, "alice", 6);

	assert_non_null(user);
	return (size_t)(user - bytes) - offsetof(struct challenge_facts, user);
}

static void assert_facts(const char *what, int dir, size_t size, const struct challenge_facts *facts, bool good)
{
	size_t at = facts_offset(size);
	unsigned char before[sizeof(struct challenge_facts)];

	memcpy(before, bytes + at, sizeof(before));
	memcpy(bytes + at, facts, sizeof(*facts));
	reseal(size);
	put_record(bytes, size, 0600);
	memcpy(bytes + at, before, sizeof(before));
	if (is_found(dir) != good)
		fail_msg("%s", what);
	if (!good)
		assert_int_equal(safe_place_count(dir), 0);
}

/* The seal alone makes no record sound: it tells damage from what was written, not who wrote it. */
static void test_sealed_facts_that_cannot_be(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	facts = facts_of(3);
	assert_facts("as it was", dir, size, &facts, true);
	facts.mailed_ms = boot_ms + 1;
	assert_facts("mailed in the future", dir, size, &facts, false);
	facts = facts_of(0);
	assert_facts("no tries", dir, size, &facts, false);
	facts = facts_of(CHALLENGE_TRIES_MAX);
	assert_facts("most tries", dir, size, &facts, true);
	facts = facts_of(CHALLENGE_TRIES_MAX + 1);
	assert_facts("more tries than words", dir, size, &facts, false);
	facts = facts_of(UINT32_MAX);
	assert_facts("as many tries as can be written", dir, size, &facts, false);
	facts = facts_of(3);
	facts.tries_to_send = 4;
	assert_facts("more to send than there are", dir, size, &facts, false);
	(void)close(dir);
}

static void test_sealed_text_without_an_end(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	struct challenge_facts facts;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	facts = facts_of(3);
	memset(facts.user, 'x', sizeof(facts.user));
	assert_facts("user", dir, size, &facts, false);
	facts = facts_of(3);
	memset(facts.cognito_user, 'x', sizeof(facts.cognito_user));
	assert_facts("cognito user", dir, size, &facts, false);
	facts = facts_of(3);
	memset(facts.origin, 'x', sizeof(facts.origin));
	assert_facts("origin", dir, size, &facts, false);
	facts = facts_of(3);
	memset(facts.destination, 'x', sizeof(facts.destination));
	assert_facts("destination", dir, size, &facts, false);
	(void)close(dir);
}

static void test_a_session_longer_than_the_file(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	size_t size;
	uint32_t length = 0;
	size_t at;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	at = facts_offset(size) + sizeof(struct challenge_facts);
	memcpy(&length, bytes + at, sizeof(length));
	assert_int_equal(length, strlen(session_text));
	length = COGNITO_SESSION_MAX + 1;
	memcpy(bytes + at, &length, sizeof(length));
	reseal(size);
	put_record(bytes, size, 0600);
	assert_set_aside("a byte longer", dir);
	(void)close(dir);
}

static void test_another_boot_or_version(void **state)
{
	/* what follows the seal: a word that says what the file is, the protocol's number, the size */
	static const struct {
		const char *what;
		size_t offset;
	} others[] = { { "another word", 0 }, { "another word's end", 15 }, { "another version", 16 }, { "another version's size", 20 } };
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	char boot_id[CLOCK_BOOT_ID_SIZE];
	unsigned char *place;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	clock_boot_id(boot_id);
	if (boot_id[0] == '\0')
		skip();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	place = memmem(bytes, size, boot_id, strlen(boot_id) + 1);
	assert_non_null(place);
	*place = *place == '0' ? '1' : '0';
	reseal(size);
	put_record(bytes, size, 0600);
	assert_set_aside("another boot", dir);
	*place = '\0';
	reseal(size);
	put_record(bytes, size, 0600);
	assert_set_aside("a boot without a name", dir);
	*place = (unsigned char)boot_id[0];
	for (size_t i = 0; i < CASES(others); i++) {
		place = bytes + SEALED + others[i].offset;
		(*place)++;
		reseal(size);
		put_record(bytes, size, 0600);
		assert_set_aside(others[i].what, dir);
		(*place)--;
	}
	reseal(size);
	put_record(bytes, size, 0600);
	assert_true(is_found(dir));
	(void)close(dir);
}

static void test_a_copy_under_another_owner_s_name(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	challenge_auto struct challenge opened = CHALLENGE_EMPTY;
	struct challenge_owner bob = alice;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	bob.uid = 7002;
	key = key_of(&bob);
	put_record(bytes, size, 0600);
	/* the administrator's tool asks for nobody in particular */
	assert_err("by name", challenge_open_file(dir, key.name, &opened, &note), OTP_OK);
	assert_non_null(opened.record);
	assert_set_aside("a copy", dir);
	key = key_of(&alice);
	assert_true(is_found(dir));
	(void)close(dir);
}

static void test_what_is_no_file(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	char inside[CHALLENGE_NAME_SIZE + 8];
	struct stat st;
	size_t size;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	kept = keep(dir, 3);
	size = load_record(dir);
	assert_int_equal(renameat(dir, key.name, dir, "victim"), 0);
	assert_int_equal(symlinkat("victim", dir, key.name), 0);
	assert_set_aside("symbolic link", dir);
	assert_int_equal(linkat(dir, "victim", dir, key.name, 0), 0);
	assert_set_aside("hard link", dir);
	assert_int_equal(fstatat(dir, "victim", &st, 0), 0);
	assert_int_equal(st.st_size, size);
	assert_int_equal(mkfifoat(dir, key.name, 0600), 0);
	assert_set_aside("fifo", dir);
	assert_int_equal(mkdirat(dir, key.name, 0700), 0);
	assert_set_aside("empty directory", dir);
	assert_int_equal(safe_place_count(dir), 1);
	assert_int_equal(mkdirat(dir, key.name, 0700), 0);
	(void)snprintf(inside, sizeof(inside), "%s/inside", key.name);
	assert_int_equal(renameat(dir, "victim", dir, inside), 0);
	assert_set_aside("directory with something in it", dir);
	assert_int_equal(safe_place_count(dir), 1); /* under another name, for root to look at */
	(void)close(dir);
}

static void test_a_new_one_replaces_whatever_stands_there(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	for (int i = 0; i < 5; i++) {
		char inside[CHALLENGE_NAME_SIZE + 8];
		struct challenge kept;

		dir = fresh();
		(void)snprintf(inside, sizeof(inside), "%s/inside", key.name);
		if (i == 0)
			assert_int_equal(symlinkat("/nowhere", dir, key.name), 0);
		else if (i == 1)
			assert_int_equal(mkfifoat(dir, key.name, 0600), 0);
		else if (i == 2)
			put_record("x", 1, 0600);
		else
			assert_int_equal(mkdirat(dir, key.name, 0700), 0);
		if (i == 4)
			safe_place_text(in_dir(inside), "x");
		(void)alarm(5);
		kept = keep(dir, 3);
		(void)alarm(0);
		assert_non_null(kept.file.bytes);
		challenge_done(&kept);
		assert_true(is_found(dir));
		(void)close(dir);
	}
}

/* --- where nothing can be written ------------------------------------------------------------------------------------------------- */

static void test_without_room_it_lives_in_this_call(void **state)
{
	challenge_auto struct challenge before = CHALLENGE_EMPTY;
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	before = keep(dir, 3);
	safe_place_fill(true);
	kept = keep(dir, 3);
	safe_place_fill(false);
	assert_non_null(kept.record);
	assert_null(kept.file.bytes);
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_OPEN);
	assert_session(&kept, session_text);
	assert_true(challenge_same(&kept, &kept));
	for (int i = 0; i < 3; i++)
		assert_int_equal(challenge_take_try(&kept), i);
	assert_int_equal(challenge_take_try(&kept), -1);
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_SPENT);
	/* the one before is over all the same: the service knows the newest Session only */
	assert_int_equal(challenge_state_of(&before, TTL), CHALLENGE_REPLACED);
	if (is_found(dir)) {
		challenge_auto struct challenge found = find(dir);

		assert_int_equal(challenge_state_of(&found, TTL), CHALLENGE_REPLACED);
	}
	(void)close(dir);
}

static void test_a_directory_that_is_gone(void **state)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	int dir;

	(void)state;
	safe_place_needed();
	dir = fresh();
	assert_int_equal(rmdir(safe_place_path("dir")), 0);
	kept = keep(dir, 3);
	assert_null(kept.file.bytes);
	challenge_close(&kept, CHALLENGE_USED);
	assert_int_equal(challenge_state_of(&kept, TTL), CHALLENGE_USED);
	challenge_done(&kept);
	challenge_done(&kept);
	assert_null(kept.record);
	(void)close(dir);
	assert_err("no directory", challenge_find(-1, &key, &kept, &note), OTP_ERR_STATE_IO);
	assert_null(kept.record);
}

/* An ssh certificate, or RSA of 8192 bits: far longer than what one format may give. */
static void test_a_long_origin(void **state)
{
	static char origin[3000];
	struct challenge_owner owner = alice;
	struct challenge_key one;
	struct challenge_key other;

	(void)state;
	memset(origin, 'k', sizeof(origin) - 1);
	owner.origin = origin;
	assert_err("key", challenge_key_of(&owner, &one), OTP_OK);
	origin[sizeof(origin) - 2] = 'l';
	assert_err("key", challenge_key_of(&owner, &other), OTP_OK);
	assert_memory_not_equal(one.digest, other.digest, sizeof(one.digest));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_owners_that_differ_have_other_keys_and_files),
		cmocka_unit_test(test_the_same_owner_has_the_same_key),
		cmocka_unit_test(test_file_names),
		cmocka_unit_test(test_which_names_are_of_challenges),
		cmocka_unit_test(test_an_owner_longer_than_any_has_no_key),
		cmocka_unit_test(test_none_is_no_error),
		cmocka_unit_test(test_what_is_kept_is_found),
		cmocka_unit_test(test_the_longest_session),
		cmocka_unit_test(test_it_is_found_by_its_owner_only),
		cmocka_unit_test(test_states),
		cmocka_unit_test(test_it_expires),
		cmocka_unit_test(test_a_newer_one_closes_the_one_before),
		cmocka_unit_test(test_a_decoy_has_no_session),
		cmocka_unit_test(test_tries_are_taken_and_returned),
		cmocka_unit_test(test_those_that_may_reach_the_service_go_first),
		cmocka_unit_test(test_a_crowd_has_no_more_tries_than_one),
		cmocka_unit_test(test_killing_gives_no_try_back),
		cmocka_unit_test(test_a_flipped_bit_is_no_challenge),
		cmocka_unit_test(test_a_flipped_bit_of_a_word_gives_no_try),
		cmocka_unit_test(test_another_size_or_mode),
		cmocka_unit_test(test_sealed_facts_that_cannot_be),
		cmocka_unit_test(test_sealed_text_without_an_end),
		cmocka_unit_test(test_a_session_longer_than_the_file),
		cmocka_unit_test(test_another_boot_or_version),
		cmocka_unit_test(test_a_copy_under_another_owner_s_name),
		cmocka_unit_test(test_what_is_no_file),
		cmocka_unit_test(test_a_new_one_replaces_whatever_stands_there),
		cmocka_unit_test(test_without_room_it_lives_in_this_call),
		cmocka_unit_test(test_a_directory_that_is_gone),
		cmocka_unit_test(test_a_long_origin),
	};

	return cmocka_run_group_tests_name("challenge", tests, safe_place_setup, safe_place_teardown);
}
