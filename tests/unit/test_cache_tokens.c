/*
 * What was sealed opens with all that it was sealed to, and with nothing else; what else lies in its place is not followed, and nobody
 * waits for it.
 */
#include "safe_place.h"

#include <sys/mman.h>
#include <sys/sysmacros.h>

#include "cache_tokens.h"

#define PROOF_TEXT "boot=1\nboot_ms=2\nwall=3\ngroups=\ntokens=x\nuser=alice\n"
#define SEAL "cache-seal"

enum { SEAL_SIZE = 32, HEAD_SIZE = 25 + 12, TAG_SIZE = 16, FILE_ROOM = 1024, HANG_S = 240, CROWD = 32, CROWD_ROUNDS = 40 };

static int place = -1;
static struct note note;
static struct strbuf proof = STRBUF_LIMIT(CACHE_RECORD_MAX);
static struct cache_tokens_name name_of_alice;

/* --- what is sealed ----------------------------------------------------------------------------------------------------------------- */

static struct cache_tokens tokens_of(const char *refresh)
{
	struct cache_tokens tokens = { SECRET_EMPTY,
				       { "00000000-1111-2222-3333-444444444444", 1700000000, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee" } };

	safe_place_must(secret_set(&tokens.refresh, refresh, strlen(refresh)) == OTP_OK, "secret_set");
	return tokens;
}

static enum otp_err keep(const struct cache_tokens_name *name, const char *refresh)
{
	cache_tokens_auto struct cache_tokens tokens = tokens_of(refresh);

	return cache_tokens_keep(place, name, &proof, &tokens, &note);
}

static enum otp_err find_with(const struct cache_tokens_name *name, const char *text, struct cache_tokens *tokens)
{
	strbuf_auto struct strbuf other = STRBUF_LIMIT(CACHE_RECORD_MAX);

	strbuf_puts(&other, text);
	note.text[0] = '\0';
	return cache_tokens_find(place, name, &other, tokens, &note);
}

/* What is found; what is not found must leave what the caller has, and say why. */
static enum otp_err find(const struct cache_tokens_name *name, const char *text)
{
	cache_tokens_auto struct cache_tokens tokens = tokens_of("before");
	enum otp_err err = find_with(name, text, &tokens);

	if (err != OTP_OK) {
		assert_string_equal(secret_text(&tokens.refresh), "before");
		assert_string_not_equal(note.text, "");
	}
	assert_null(strstr(note.text, "refresh.token"));
	return err;
}

static const char *file_of(const struct cache_tokens_name *name)
{
	static char files[2][CACHE_NAME_SIZE];
	static unsigned int next;
	char *file = files[next++ % 2];

	(void)snprintf(file, CACHE_NAME_SIZE, "cache-tokens-%lu-%s", (unsigned long)name->uid, name->id);
	return file;
}

static const char *in_dir(const char *file)
{
	static char paths[4][CACHE_NAME_SIZE + 8];
	static unsigned int next;
	char *path = paths[next++ % 4];

	(void)snprintf(path, sizeof(paths[0]), "dir/%s", file);
	return path;
}

/* The bytes of a file of the place. */
static size_t read_file(const char *file, unsigned char bytes[FILE_ROOM])
{
	struct stat st;

	safe_place_must(fstatat(place, file, &st, AT_SYMLINK_NOFOLLOW) == 0 && st.st_size <= FILE_ROOM, file);
	safe_place_read_at(place, file, bytes, (size_t)st.st_size, 0);
	return (size_t)st.st_size;
}

/* A place with sealed tokens of alice; a test that waits for anything is killed. */
static int set_up(void **state)
{
	(void)state;
	safe_place_needed();
	(void)alarm(HANG_S);
	if (place >= 0)
		(void)close(place);
	place = safe_place_open("dir");
	strbuf_done(&proof);
	strbuf_puts(&proof, PROOF_TEXT);
	safe_place_must(cache_tokens_name(7001, &name_of_alice) == OTP_OK, "name");
	assert_err("keep", keep(&name_of_alice, "refresh.token.of.alice"), OTP_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	(void)alarm(0);
	return 0;
}

static void still_opens(const char *what)
{
	assert_err(what, find(&name_of_alice, PROOF_TEXT), OTP_OK);
}

/* --- what holds --------------------------------------------------------------------------------------------------------------------- */

static void test_kept_is_found(void **state)
{
	cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
	struct stat st;

	(void)state;
	assert_err("find", find_with(&name_of_alice, PROOF_TEXT, &tokens), OTP_OK);
	assert_string_equal(secret_text(&tokens.refresh), "refresh.token.of.alice");
	assert_string_equal(tokens.origin.sub, "00000000-1111-2222-3333-444444444444");
	assert_int_equal(tokens.origin.auth_time, 1700000000);
	assert_string_equal(tokens.origin.origin_jti, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	assert_int_equal(fstatat(place, SEAL, &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, SEAL_SIZE);
	assert_int_equal(fstatat(place, file_of(&name_of_alice), &st, AT_SYMLINK_NOFOLLOW), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(safe_place_count(place), 2);
}

static void test_replaced_and_removed(void **state)
{
	cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
	unsigned char before[FILE_ROOM];
	unsigned char after[FILE_ROOM];
	size_t length = read_file(file_of(&name_of_alice), before);

	(void)state;
	assert_err("the same again", keep(&name_of_alice, "refresh.token.of.alice"), OTP_OK);
	assert_int_equal(read_file(file_of(&name_of_alice), after), length);
	assert_memory_not_equal(before + 25, after + 25, 12); /* no nonce comes twice */
	assert_memory_not_equal(before + HEAD_SIZE, after + HEAD_SIZE, 16);
	assert_err("rotated", keep(&name_of_alice, "rotated"), OTP_OK);
	assert_err("find", find_with(&name_of_alice, PROOF_TEXT, &tokens), OTP_OK);
	assert_string_equal(secret_text(&tokens.refresh), "rotated");
	cache_tokens_remove(place, &name_of_alice);
	assert_err("removed", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	assert_int_equal(safe_place_count(place), 1);
}

/* Nothing of what is sealed lies there to be read. */
static void test_nothing_in_clear(void **state)
{
	static const char *const words[] = { "refresh", "alice", "00000000-1111", "aaaaaaaa-bbbb", "1700000000" };
	unsigned char bytes[FILE_ROOM];
	size_t length = read_file(file_of(&name_of_alice), bytes);

	(void)state;
	for (size_t i = 0; i < CASES(words); i++)
		assert_null(memmem(bytes, length, words[i], strlen(words[i])));
}

static void test_names(void **state)
{
	static const char *const ids[] = { "", "0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdeF", "../../etc/passwd",
					   "../3456789abcdef0123456789abcdef0" };
	struct cache_tokens_name one;
	struct cache_tokens_name other;

	(void)state;
	assert_err("one", cache_tokens_name(7001, &one), OTP_OK);
	assert_err("other", cache_tokens_name(7001, &other), OTP_OK);
	assert_int_equal(strlen(one.id), CACHE_TOKENS_ID_SIZE);
	assert_string_not_equal(one.id, other.id);
	assert_int_equal(one.uid, 7001);
	for (size_t i = 0; i < CASES(ids); i++) {
		(void)snprintf(one.id, sizeof(one.id), "%s", ids[i]);
		assert_err(ids[i], keep(&one, "r"), OTP_ERR_TOKENS_SEALED);
		assert_err(ids[i], find(&one, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
		cache_tokens_remove(place, &one);
	}
	assert_int_equal(safe_place_count(place), 2);
}

/* What would not be read back as it was is not kept. */
static void test_tokens_that_are_none(void **state)
{
	static const char *const refresh[] = { "", "with blank", "with\nline", "with\x7f", "with\xc3\xa4" };
	cache_tokens_auto struct cache_tokens tokens = tokens_of("r");
	char long_one[COGNITO_TOKEN_MAX + 2];

	(void)state;
	for (size_t i = 0; i < CASES(refresh); i++)
		assert_err(refresh[i], keep(&name_of_alice, refresh[i]), OTP_ERR_TOKENS_SEALED);
	memset(long_one, 'a', sizeof(long_one));
	long_one[COGNITO_TOKEN_MAX + 1] = '\0';
	assert_err("too long", keep(&name_of_alice, long_one), OTP_ERR_TOKENS_SEALED);
	tokens.origin.auth_time = -1;
	assert_err("before 1970", cache_tokens_keep(place, &name_of_alice, &proof, &tokens, &note), OTP_ERR_TOKENS_SEALED);
	tokens.origin.auth_time = 1;
	tokens.origin.sub[3] = '\n';
	assert_err("a line in sub", cache_tokens_keep(place, &name_of_alice, &proof, &tokens, &note), OTP_ERR_TOKENS_SEALED);
	tokens.origin.sub[0] = '\0';
	assert_err("no sub", cache_tokens_keep(place, &name_of_alice, &proof, &tokens, &note), OTP_ERR_TOKENS_SEALED);
	still_opens("what was there");
	long_one[COGNITO_TOKEN_MAX] = '\0';
	assert_err("the longest", keep(&name_of_alice, long_one), OTP_OK);
	still_opens("the longest");
}

static void test_no_origin_jti(void **state)
{
	cache_tokens_auto struct cache_tokens tokens = tokens_of("r");
	cache_tokens_auto struct cache_tokens found = CACHE_TOKENS_NONE;

	(void)state;
	tokens.origin.origin_jti[0] = '\0';
	assert_err("keep", cache_tokens_keep(place, &name_of_alice, &proof, &tokens, &note), OTP_OK);
	assert_err("find", find_with(&name_of_alice, PROOF_TEXT, &found), OTP_OK);
	assert_string_equal(found.origin.origin_jti, "");
}

/* --- what does not ------------------------------------------------------------------------------------------------------------------ */

static void test_every_bit(void **state)
{
	const char *file = file_of(&name_of_alice);
	unsigned char bytes[FILE_ROOM];
	size_t length = read_file(file, bytes);

	(void)state;
	assert_in_range(length, 150, FILE_ROOM);
	for (size_t bit = 0; bit < 8 * length; bit++) {
		unsigned char flipped = bytes[bit / 8] ^ (unsigned char)(1U << bit % 8);

		safe_place_write_at(place, file, &flipped, 1, (off_t)(bit / 8));
		assert_err("a flipped bit", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
		safe_place_write_at(place, file, &bytes[bit / 8], 1, (off_t)(bit / 8));
	}
	still_opens("all as they were");
}

static void test_every_length(void **state)
{
	const char *file = file_of(&name_of_alice);
	unsigned char bytes[FILE_ROOM] = { 0 };
	static const unsigned char much[64 * 1024];
	size_t length = read_file(file, bytes);

	(void)state;
	for (size_t cut = 0; cut < length; cut++) {
		safe_place_write(in_dir(file), bytes, cut, 0600);
		assert_err("cut", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
		safe_place_write(in_dir(file), bytes + cut + 1, length - cut - 1, 0600);
		assert_err("without its beginning", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	}
	safe_place_write(in_dir(file), bytes, length + 1, 0600);
	assert_err("a byte more", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	safe_place_write(in_dir(file), much, sizeof(much), 0600);
	assert_err("much more", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	safe_place_write(in_dir(file), bytes, length, 0600);
	still_opens("written as it was");
}

/* One byte after another of what the record says: none of them may differ. */
static void test_another_record(void **state)
{
	char text[] = PROOF_TEXT;

	(void)state;
	for (size_t i = 0; i < strlen(PROOF_TEXT); i++) {
		text[i] ^= 1;
		assert_err("another byte", find(&name_of_alice, text), OTP_ERR_TOKENS_SEALED);
		text[i] ^= 1;
	}
	assert_err("a byte more", find(&name_of_alice, PROOF_TEXT "\n"), OTP_ERR_TOKENS_SEALED);
	text[strlen(PROOF_TEXT) - 1] = '\0';
	assert_err("a byte less", find(&name_of_alice, text), OTP_ERR_TOKENS_SEALED);
	assert_err("nothing", find(&name_of_alice, ""), OTP_ERR_TOKENS_SEALED);
	still_opens("the same");
}

static void test_swapped_with_another_users(void **state)
{
	struct cache_tokens_name bob;
	struct cache_tokens_name also_alice = name_of_alice;

	(void)state;
	assert_err("name", cache_tokens_name(7002, &bob), OTP_OK);
	assert_err("bob", keep(&bob, "refresh.token.of.bob"), OTP_OK);
	assert_int_equal(renameat2(place, file_of(&bob), place, file_of(&name_of_alice), RENAME_EXCHANGE), 0);
	assert_err("bob's as alice's", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	assert_err("alice's as bob's", find(&bob, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
	assert_int_equal(renameat2(place, file_of(&bob), place, file_of(&name_of_alice), RENAME_EXCHANGE), 0);
	still_opens("each in its place");
	also_alice.uid = 7002; /* the same number, another user */
	assert_int_equal(renameat(place, file_of(&name_of_alice), place, file_of(&also_alice)), 0);
	assert_err("of another uid", find(&also_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
}

/* --- the key ------------------------------------------------------------------------------------------------------------------------ */

static void test_every_bit_of_the_key(void **state)
{
	unsigned char key[FILE_ROOM];

	(void)state;
	assert_int_equal(read_file(SEAL, key), SEAL_SIZE);
	for (size_t bit = 0; bit < (size_t)8 * SEAL_SIZE; bit++) {
		key[bit / 8] ^= (unsigned char)(1U << bit % 8);
		safe_place_write_at(place, SEAL, key, SEAL_SIZE, 0);
		assert_err("another host's", find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
		key[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	safe_place_write_at(place, SEAL, key, SEAL_SIZE, 0);
	still_opens("our own");
}

/* How the thing at `file` is made bad. */
static void make_missing(const char *file)
{
	safe_place_must(unlinkat(place, file, 0) == 0, file);
}

static void make_short(const char *file)
{
	safe_place_must(truncate(safe_place_path(in_dir(file)), SEAL_SIZE - 1) == 0, file);
}

static void make_long(const char *file)
{
	safe_place_must(truncate(safe_place_path(in_dir(file)), 1000000) == 0, file);
}

static void make_one_longer(const char *file)
{
	struct stat st;

	safe_place_must(fstatat(place, file, &st, 0) == 0 && truncate(safe_place_path(in_dir(file)), st.st_size + 1) == 0, file);
}

static void make_empty(const char *file)
{
	safe_place_must(truncate(safe_place_path(in_dir(file)), 0) == 0, file);
}

static void make_readable(const char *file)
{
	safe_place_must(fchmodat(place, file, 0644, 0) == 0, file);
}

static void make_group_readable(const char *file)
{
	safe_place_must(fchmodat(place, file, 0640, 0) == 0, file);
}

static void make_foreign(const char *file)
{
	safe_place_must(fchownat(place, file, 7002, 7002, AT_SYMLINK_NOFOLLOW) == 0, file);
}

/* The file itself, and good, behind a symbolic link. */
static void make_symlink(const char *file)
{
	safe_place_must(renameat(place, file, place, "real") == 0 && symlinkat("real", place, file) == 0, file);
}

static void make_dangling(const char *file)
{
	safe_place_must(unlinkat(place, file, 0) == 0 && symlinkat("planted", place, file) == 0, file);
}

static void make_hard_link(const char *file)
{
	safe_place_must(linkat(place, file, place, "other-name", 0) == 0, file);
}

static void make_fifo(const char *file)
{
	safe_place_must(unlinkat(place, file, 0) == 0 && mkfifoat(place, file, 0600) == 0, file);
}

static void make_directory(const char *file)
{
	safe_place_must(unlinkat(place, file, 0) == 0 && mkdirat(place, file, 0700) == 0, file);
}

/* /dev/zero: it could be read for ever. */
static void make_device(const char *file)
{
	safe_place_must(unlinkat(place, file, 0) == 0 && mknodat(place, file, S_IFCHR | 0600, makedev(1, 5)) == 0, file);
}

static const struct bad {
	const char *name;
	void (*make)(const char *file);
	enum otp_err wanted;
	bool root; /* needs it */
} bad[] = {
	{ "missing", make_missing, OTP_ERR_TOKENS_SEALED, false },
	{ "short", make_short, OTP_ERR_TOKENS_SEALED, false },
	{ "long", make_long, OTP_ERR_TOKENS_SEALED, false },
	{ "a byte longer", make_one_longer, OTP_ERR_TOKENS_SEALED, false },
	{ "empty", make_empty, OTP_ERR_TOKENS_SEALED, false },
	{ "0644", make_readable, OTP_ERR_STATE_UNSAFE, false },
	{ "0640", make_group_readable, OTP_ERR_STATE_UNSAFE, false },
	{ "foreign owner", make_foreign, OTP_ERR_STATE_UNSAFE, true },
	{ "symbolic link", make_symlink, OTP_ERR_STATE_UNSAFE, false },
	{ "dangling link", make_dangling, OTP_ERR_STATE_UNSAFE, false },
	{ "hard link", make_hard_link, OTP_ERR_STATE_UNSAFE, false },
	{ "FIFO", make_fifo, OTP_ERR_STATE_UNSAFE, false },
	{ "directory", make_directory, OTP_ERR_STATE_UNSAFE, false },
	{ "device", make_device, OTP_ERR_STATE_UNSAFE, true },
};

static void test_bad_files(void **state)
{
	for (size_t i = 0; i < CASES(bad); i++) {
		if (bad[i].root && geteuid() != 0)
			continue;
		(void)set_up(state);
		bad[i].make(file_of(&name_of_alice));
		assert_err(bad[i].name, find(&name_of_alice, PROOF_TEXT), bad[i].wanted);
		cache_tokens_remove(place, &name_of_alice);
		assert_int_equal(faccessat(place, file_of(&name_of_alice), F_OK, AT_SYMLINK_NOFOLLOW), -1);
		assert_int_equal(faccessat(place, "planted", F_OK, AT_SYMLINK_NOFOLLOW), -1); /* no link was followed */
		assert_err(bad[i].name, keep(&name_of_alice, "r"), OTP_OK);
		still_opens(bad[i].name);
	}
}

/* Found: an error, and nothing is touched. Kept: a new key, a warning, and older tokens open no more. */
static void test_bad_keys(void **state)
{
	for (size_t i = 0; i < CASES(bad); i++) {
		struct cache_tokens_name new_one;
		struct stat before = { .st_ino = 0 };
		struct stat after = { .st_ino = 0 };

		if (bad[i].root && geteuid() != 0)
			continue;
		(void)set_up(state);
		bad[i].make(SEAL);
		(void)fstatat(place, SEAL, &before, AT_SYMLINK_NOFOLLOW);
		assert_err(bad[i].name, find(&name_of_alice, PROOF_TEXT), bad[i].wanted);
		assert_non_null(strstr(note.text, SEAL));
		(void)fstatat(place, SEAL, &after, AT_SYMLINK_NOFOLLOW);
		assert_int_equal(before.st_ino, after.st_ino);
		assert_err(bad[i].name, cache_tokens_name(7001, &new_one), OTP_OK);
		assert_err(bad[i].name, keep(&new_one, "new"), OTP_OK);
		assert_err(bad[i].name, find(&new_one, PROOF_TEXT), OTP_OK);
		assert_err(bad[i].name, find(&name_of_alice, PROOF_TEXT), OTP_ERR_TOKENS_SEALED);
		assert_int_equal(fstatat(place, SEAL, &after, AT_SYMLINK_NOFOLLOW), 0);
		assert_true(after.st_mode == (S_IFREG | 0600) && after.st_size == SEAL_SIZE && after.st_nlink == 1);
		assert_int_equal(faccessat(place, "planted", F_OK, AT_SYMLINK_NOFOLLOW), -1);
	}
}

/* --- disk and company --------------------------------------------------------------------------------------------------------------- */

static void test_full_disk(void **state)
{
	(void)state;
	safe_place_fill(true);
	assert_err("rotated", keep(&name_of_alice, "rotated"), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	still_opens("the old ones");
	assert_int_equal(unlinkat(place, SEAL, 0), 0);
	safe_place_fill(true);
	assert_err("no key either", keep(&name_of_alice, "rotated"), OTP_ERR_STATE_IO);
	safe_place_fill(false);
	assert_int_equal(safe_place_count(place), 1); /* no half of anything */
	assert_err("again", keep(&name_of_alice, "rotated"), OTP_OK);
	still_opens("the new ones");
}

/* Of those who are first at once one makes the key, and all seal by it. */
static bool keep_one_of_many(void *arg)
{
	cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
	struct cache_tokens_name name;

	(void)arg;
	(void)alarm(HANG_S);
	return cache_tokens_name(7001, &name) == OTP_OK && keep(&name, "r") == OTP_OK && find_with(&name, PROOF_TEXT, &tokens) == OTP_OK;
}

static void test_many_are_first(void **state)
{
	(void)state;
	place = safe_place_open("dir");
	assert_int_equal(safe_place_crowd(CROWD, keep_one_of_many, NULL), CROWD);
	assert_int_equal(safe_place_count(place), CROWD + 1);
	assert_int_equal(unlinkat(place, SEAL, 0), 0);
	safe_place_write(in_dir(SEAL), "x", 1, 0644);
	assert_int_equal(safe_place_crowd(CROWD, keep_one_of_many, NULL), CROWD);
	assert_int_equal(safe_place_count(place), 2 * CROWD + 1);
}

/* Half of them write, half of them read: whoever reads finds one that was written, whole. */
static bool read_or_write(void *arg)
{
	bool writes = __atomic_fetch_add((int *)arg, 1, __ATOMIC_RELAXED) % 2 == 0;
	char refresh[4096];
	char first[2] = "";
	bool good = true;

	(void)alarm(HANG_S);
	for (int i = 0; good && i < CROWD_ROUNDS; i++) {
		cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
		size_t length = 1 + (size_t)((getpid() * 97 + i * 389) % 4000);

		memset(refresh, "abcdefgh"[i % 8], length);
		refresh[length] = '\0';
		good = (!writes || keep(&name_of_alice, refresh) == OTP_OK) && find_with(&name_of_alice, PROOF_TEXT, &tokens) == OTP_OK;
		first[0] = secret_text(&tokens.refresh)[0];
		good = good && first[0] != '\0' && strspn(secret_text(&tokens.refresh), first) == tokens.refresh.length;
	}
	return good;
}

static void test_readers_and_writers(void **state)
{
	int *number = mmap(NULL, sizeof(*number), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	(void)state;
	assert_true(number != MAP_FAILED);
	assert_err("of one letter", keep(&name_of_alice, "a"), OTP_OK);
	assert_int_equal(safe_place_crowd(2 * CROWD, read_or_write, number), 2 * CROWD);
	assert_int_equal(*number, 2 * CROWD);
	assert_int_equal(safe_place_count(place), 2);
	assert_int_equal(munmap(number, sizeof(*number)), 0);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_kept_is_found),
		TEST(test_replaced_and_removed),
		TEST(test_nothing_in_clear),
		TEST(test_names),
		TEST(test_tokens_that_are_none),
		TEST(test_no_origin_jti),
		TEST(test_every_bit),
		TEST(test_every_length),
		TEST(test_another_record),
		TEST(test_swapped_with_another_users),
		TEST(test_every_bit_of_the_key),
		TEST(test_bad_files),
		TEST(test_bad_keys),
		TEST(test_full_disk),
		TEST(test_many_are_first),
		TEST(test_readers_and_writers),
	};

	return cmocka_run_group_tests_name("cache_tokens", tests, safe_place_setup, safe_place_teardown);
}
