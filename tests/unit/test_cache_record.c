/*
 * Records of the cache: one form, read strictly; what is no record; and how old one may be by which clock. Both clocks and the boot are
 * the test's (linked with --wrap).
 */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "cache_record.h"

#define BOOT	  "0a1b2c3d-4e5f-6071-8293-a4b5c6d7e8f9"
#define OTHER	  "ffffffff-4e5f-6071-8293-a4b5c6d7e8f9"
#define TOKENS	  "00112233445566778899aabbccddeeff"
#define KEY	  "key:publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKd"
#define BINDING	  "user=alice\nuid=7001\npool=eu-west-1_A\nclient=c\ncognito=email:alice@example.com\nsub=\nmap=1:2:3.4:5\n"
#define BODY(slot, key, groups, tokens) \
	"pam_cognito_otp cache 1\nslot=" slot "\nkey=" key "\nboot=" BOOT "\nboot_ms=5000000\nwall=1767225600\ngroups=" groups \
	"\ntokens=" tokens "\n" BINDING

#define FIRST	  "pam_cognito_otp cache 1\n"
#define SLOT	  "slot=cache-session-7001-42\n"
#define NO_KEY	  "key=\n"
#define BOOTED	  "boot=" BOOT "\n"
#define MOMENT	  "boot_ms=1\n"
#define NO_TOKENS "groups=\ntokens=\n"
#define REST	  "wall=1\n" NO_TOKENS BINDING

enum { WALL_S = 1767225600, BOOT_MS = 5000000, TTL = 600, SKEW = 120, HOUR = 3600, TEXT_SIZE = 8192 };

static int64_t wall_s = WALL_S;
static int64_t boot_ms = BOOT_MS;
static const char *boot_id = BOOT;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	now->tv_sec = clock == CLOCK_REALTIME ? wall_s : boot_ms / 1000;
	now->tv_nsec = clock == CLOCK_REALTIME ? 0 : boot_ms % 1000 * 1000000;
	return 0;
}

void __wrap_clock_boot_id(char out[CLOCK_BOOT_ID_SIZE]);
void __wrap_clock_boot_id(char out[CLOCK_BOOT_ID_SIZE])
{
	(void)snprintf(out, CLOCK_BOOT_ID_SIZE, "%s", boot_id);
}

static int the_time_of_the_proof(void **state)
{
	(void)state;
	wall_s = WALL_S;
	boot_ms = BOOT_MS;
	boot_id = BOOT;
	return 0;
}

/* --- the form ---------------------------------------------------------------------------------------------------------------------- */

static struct cache_record a_record(struct cache_slot slot, const char *key, const char *tokens)
{
	struct cache_record record = CACHE_RECORD_NONE;

	assert_true(cache_record_stamp(&record));
	record.slot = slot;
	(void)snprintf(record.groups, sizeof(record.groups), "admins operators");
	(void)snprintf(record.tokens, sizeof(record.tokens), "%s", tokens);
	strbuf_puts(&record.key, key);
	strbuf_puts(&record.binding, BINDING);
	return record;
}

/* Writes a good record; returns its length. */
static size_t written(struct cache_slot slot, const char *key, const char *tokens, char text[TEXT_SIZE])
{
	cache_record_auto struct cache_record record = a_record(slot, key, tokens);
	strbuf_auto struct strbuf out = STRBUF_LIMIT(CACHE_RECORD_MAX);

	cache_record_write(&record, &out);
	assert_err("write", out.failed, OTP_OK);
	assert_true(out.length < TEXT_SIZE);
	memcpy(text, out.text, out.length + 1);
	return out.length;
}

/* What the sum must be, in our own words. */
static void with_sum(const char *body, char text[TEXT_SIZE])
{
	uint64_t sum = UINT64_C(14695981039346656037);

	for (const char *byte = body; *byte != '\0'; byte++)
		sum = (sum ^ (unsigned char)*byte) * UINT64_C(1099511628211);
	assert_true(snprintf(text, TEXT_SIZE, "%ssum=%016llx\n", body, (unsigned long long)sum) < TEXT_SIZE);
}

static bool parses_bytes(const char *text, size_t length)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	char *exact = malloc(length > 0 ? length : 1); /* nothing behind it: a byte too many is an invalid read */
	bool parsed;

	assert_non_null(exact);
	memcpy(exact, text, length);
	parsed = cache_record_parse(exact, length, &record);
	if (!parsed) {
		assert_int_equal(record.key.length + record.binding.length, 0);
		assert_string_equal(record.boot_id, "");
	}
	free(exact);
	return parsed;
}

/* Whether a body with the right sum is a record. */
static bool parses(const char *body)
{
	char text[TEXT_SIZE];

	with_sum(body, text);
	return parses_bytes(text, strlen(text));
}

static const struct {
	const char *name;
	struct cache_slot slot;
	const char *key;
	const char *tokens;
} kinds[] = {
	{ "session", { CACHE_SESSION, 7001, 42, 0, 0, 0 }, "", "" },
	{ "session online", { CACHE_SESSION, 7001, 42, 0, 0, 0 }, "", TOKENS },
	{ "key", { CACHE_KEY, 7001, 0, 0xfedcba9876543210, 0, 0 }, KEY, TOKENS },
	{ "pending", { CACHE_PENDING, 7001, 0, 0, 4711, 123456 }, "", "" },
};

static void test_what_is_written_is_read(void **state)
{
	char text[TEXT_SIZE];
	char name[CACHE_NAME_SIZE];
	char again[CACHE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(kinds); i++) {
		cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
		size_t length = written(kinds[i].slot, kinds[i].key, kinds[i].tokens, text);

		assert_true(cache_record_parse(text, length, &record));
		cache_slot_name(&kinds[i].slot, name);
		cache_slot_name(&record.slot, again);
		assert_string_equal(again, name);
		assert_string_equal(strbuf_text(&record.key), kinds[i].key);
		assert_string_equal(strbuf_text(&record.binding), BINDING);
		assert_string_equal(record.tokens, kinds[i].tokens);
		assert_string_equal(record.groups, "admins operators");
		assert_string_equal(record.boot_id, BOOT);
		assert_int_equal(record.boot_ms, BOOT_MS);
		assert_int_equal(record.wall, WALL_S);
	}
}

/* The file as other versions will find it. */
static void test_the_form_is_this(void **state)
{
	char wanted[TEXT_SIZE];
	char text[TEXT_SIZE];

	(void)state;
	with_sum(BODY("cache-session-7001-42", "", "admins operators", ""), wanted);
	(void)written(kinds[0].slot, "", "", text);
	assert_string_equal(text, wanted);
	with_sum(BODY("cache-key-7001-fedcba9876543210", KEY, "admins operators", TOKENS), wanted);
	(void)written(kinds[2].slot, KEY, TOKENS, text);
	assert_string_equal(text, wanted);
}

static void test_each_bit_counts(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(kinds); i++) {
		size_t length = written(kinds[i].slot, kinds[i].key, kinds[i].tokens, text);

		assert_true(parses_bytes(text, length));
		for (size_t bit = 0; bit < length * 8; bit++) {
			text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
			if (parses_bytes(text, length))
				fail_msg("%s: bit %zu of byte %zu", kinds[i].name, bit % 8, bit / 8);
			text[bit / 8] = (char)(text[bit / 8] ^ 1 << bit % 8);
		}
	}
}

static void test_each_length_counts(void **state)
{
	char text[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(kinds); i++) {
		size_t length = written(kinds[i].slot, kinds[i].key, kinds[i].tokens, text);

		for (size_t shorter = 0; shorter < length; shorter++) {
			if (parses_bytes(text, shorter) || parses_bytes(text + length - shorter, shorter))
				fail_msg("%s: %zu bytes", kinds[i].name, shorter);
		}
		text[length] = '\n';
		assert_false(parses_bytes(text, length + 1));
		text[length] = '\0';
		assert_false(parses_bytes(text, length + 1));
	}
}

/* One byte left out, doubled, or something between two. */
static void test_each_byte_counts(void **state)
{
	static const char between[] = { '\n', '\r', '\0', ' ', '0', '-', '+' };
	char text[TEXT_SIZE];
	char other[TEXT_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(kinds); i++) {
		size_t length = written(kinds[i].slot, kinds[i].key, kinds[i].tokens, text);

		for (size_t at = 0; at < length; at++) {
			memcpy(other, text, at);
			memcpy(other + at, text + at + 1, length - at);
			assert_false(parses_bytes(other, length - 1));
			memcpy(other + at + 1, text + at, length - at);
			other[at] = text[at];
			assert_false(parses_bytes(other, length + 1));
			for (size_t j = 0; j < sizeof(between); j++) {
				other[at] = between[j];
				if (text[at] != between[j])
					assert_false(parses_bytes(other, length + 1));
			}
		}
	}
}

/* Whoever can compute the sum: the form alone must refuse these. */
static void test_what_is_no_record(void **state)
{
	static const struct {
		const char *name;
		const char *body;
	} cases[] = {
		{ "nothing", "" },
		{ "first line only", FIRST },
		{ "other version", "pam_cognito_otp cache 2\nslot=cache-session-7001-42\n" NO_KEY BOOTED MOMENT REST },
		{ "no slot", FIRST "key=\nboot=" BOOT "\n" MOMENT REST },
		{ "slot twice", FIRST SLOT "slot=cache-session-7001-42\n" NO_KEY BOOTED MOMENT REST },
		{ "order", FIRST SLOT "boot=" BOOT "\nkey=\n" MOMENT REST },
		{ "time twice", FIRST SLOT NO_KEY BOOTED "boot_ms=1\n" MOMENT REST },
		{ "no time", FIRST SLOT NO_KEY BOOTED "boot_ms=\n" REST },
		{ "negative time", FIRST SLOT NO_KEY BOOTED "boot_ms=-1\n" REST },
		{ "signed time", FIRST SLOT NO_KEY BOOTED "boot_ms=+1\n" REST },
		{ "time with a zero", FIRST SLOT NO_KEY BOOTED "boot_ms=01\n" REST },
		{ "hexadecimal time", FIRST SLOT NO_KEY BOOTED "boot_ms=0x1\n" REST },
		{ "time of 19 digits", FIRST SLOT NO_KEY BOOTED "boot_ms=1000000000000000000\n" REST },
		{ "time out of range", FIRST SLOT NO_KEY BOOTED "boot_ms=1\nwall=99999999999999999999\n" NO_TOKENS BINDING },
		{ "blank before a time", FIRST SLOT NO_KEY BOOTED "boot_ms= 1\n" REST },
		{ "boot too long", FIRST SLOT "key=\nboot=" BOOT "0\n" MOMENT REST },
		{ "tokens too long", FIRST SLOT NO_KEY BOOTED "boot_ms=1\nwall=1\ngroups=\ntokens=" TOKENS "0\n" BINDING },
		{ "CRLF", "pam_cognito_otp cache 1\r\nslot=cache-session-7001-42\r\nkey=\r\nboot=" BOOT "\r\nboot_ms=1\r\nwall=1\r\n"
			  "groups=\r\ntokens=\r\nuser=alice\r\n" },
		{ "CRLF in one line", FIRST "slot=cache-session-7001-42\r\n" NO_KEY BOOTED MOMENT REST },
		{ "unknown place", FIRST "slot=cache-tty-7001-42\n" NO_KEY BOOTED MOMENT REST },
		{ "signed user", FIRST "slot=cache-session-+7001-42\n" NO_KEY BOOTED MOMENT REST },
		{ "end of another record", FIRST SLOT NO_KEY BOOTED "boot_ms=1\nwall=1\ngroups=\ntokens=" },
	};

	(void)state;
	assert_true(parses(FIRST SLOT NO_KEY BOOTED MOMENT REST));
	for (size_t i = 0; i < CASES(cases); i++) {
		if (parses(cases[i].body))
			fail_msg("%s", cases[i].name);
	}
}

/* A NUL ends the text for whoever compares it as text. */
static void test_no_nul_inside(void **state)
{
	char text[TEXT_SIZE];
	uint64_t sum = UINT64_C(14695981039346656037);
	size_t length = written(kinds[0].slot, "", "", text) - strlen("sum=0123456789abcdef\n");

	(void)state;
	text[length - 2] = '\0';
	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
	(void)snprintf(text + length, TEXT_SIZE - length, "sum=%016llx\n", (unsigned long long)sum);
	assert_false(parses_bytes(text, length + strlen("sum=0123456789abcdef\n")));
}

static void fill(struct strbuf *buf, size_t length)
{
	while (buf->length < length && buf->failed == OTP_OK)
		strbuf_puts(buf, "k");
}

static void test_the_limits_of_what_is_written(void **state)
{
	strbuf_auto struct strbuf out = STRBUF_LIMIT(CACHE_RECORD_MAX);
	cache_record_auto struct cache_record record = a_record(kinds[2].slot, "", TOKENS);
	cache_record_auto struct cache_record again = CACHE_RECORD_NONE;

	(void)state;
	memset(record.groups, 'g', CACHE_GROUPS_MAX);
	record.groups[CACHE_GROUPS_MAX] = '\0';
	fill(&record.key, CACHE_KEY_MAX);
	fill(&record.binding, CACHE_BINDING_MAX);
	cache_record_write(&record, &out);
	assert_err("the largest", out.failed, OTP_OK);
	assert_true(cache_record_parse(out.text, out.length, &again));
	assert_int_equal(again.key.length, CACHE_KEY_MAX);
	assert_int_equal(again.binding.length, CACHE_BINDING_MAX);
	assert_int_equal(strlen(again.groups), CACHE_GROUPS_MAX);
}

/* What did not fit in its place must not become a record without it. */
static void test_what_did_not_fit_is_not_written(void **state)
{
	strbuf_auto struct strbuf out = STRBUF_LIMIT(CACHE_RECORD_MAX);
	cache_record_auto struct cache_record record = a_record(kinds[2].slot, "", "");

	(void)state;
	fill(&record.key, CACHE_KEY_MAX + 1);
	cache_record_write(&record, &out);
	assert_err("key", out.failed, OTP_ERR_HTTP_OVERSIZE);
	strbuf_done(&record.key);
	strbuf_done(&out);
	fill(&record.binding, CACHE_BINDING_MAX + 1);
	cache_record_write(&record, &out);
	assert_err("binding", out.failed, OTP_ERR_HTTP_OVERSIZE);
}

/* The same in each place, and different for each login. */
static void test_the_proof_is_the_same_in_each_place(void **state)
{
	strbuf_auto struct strbuf one = STRBUF_LIMIT(CACHE_RECORD_MAX);
	strbuf_auto struct strbuf other = STRBUF_LIMIT(CACHE_RECORD_MAX);
	cache_record_auto struct cache_record record = a_record(kinds[1].slot, "", TOKENS);
	cache_record_auto struct cache_record key = a_record(kinds[2].slot, KEY, TOKENS);

	(void)state;
	cache_record_proof(&record, &one);
	cache_record_proof(&key, &other);
	assert_string_equal(strbuf_text(&one), strbuf_text(&other));
	strbuf_done(&other);
	key.boot_ms++;
	cache_record_proof(&key, &other);
	assert_string_not_equal(strbuf_text(&one), strbuf_text(&other));
}

static void test_what_it_is_bound_to(void **state)
{
	cache_record_auto struct cache_record record = a_record(kinds[0].slot, "", "");
	char value[32] = "before";

	(void)state;
	assert_true(cache_record_bound(&record, "user", value, sizeof(value)));
	assert_string_equal(value, "alice");
	assert_true(cache_record_bound(&record, "cognito", value, sizeof(value)));
	assert_string_equal(value, "email:alice@example.com");
	assert_true(cache_record_bound(&record, "sub", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_true(cache_record_bound(&record, "map", value, sizeof(value)));
	assert_string_equal(value, "1:2:3.4:5");
	assert_false(cache_record_bound(&record, "use", value, sizeof(value)));
	assert_false(cache_record_bound(&record, "user=alice", value, sizeof(value)));
	assert_false(cache_record_bound(&record, "", value, sizeof(value)));
	assert_false(cache_record_bound(&record, "cognito", value, 8));
	strbuf_done(&record.binding);
	assert_false(cache_record_bound(&record, "user", value, sizeof(value)));
	strbuf_puts(&record.binding, "user=alice");
	assert_false(cache_record_bound(&record, "user", value, sizeof(value)));
}

/* --- places ------------------------------------------------------------------------------------------------------------------------- */

/* Not byte by byte: there may be padding between the members. */
static void assert_slot(const struct cache_slot *slot, const struct cache_slot *wanted)
{
	assert_int_equal(slot->place, wanted->place);
	assert_int_equal(slot->uid, wanted->uid);
	assert_true(slot->session == wanted->session && slot->key_sum == wanted->key_sum);
	assert_true(slot->pid == wanted->pid && slot->start == wanted->start);
}

static void test_names_of_places(void **state)
{
	static const struct {
		const char *name;
		struct cache_slot slot;
	} cases[] = {
		{ "cache-session-7001-42", { CACHE_SESSION, 7001, 42, 0, 0, 0 } },
		{ "cache-session-0-0", { CACHE_SESSION, 0, 0, 0, 0, 0 } },
		{ "cache-session-4294967295-4294967295", { CACHE_SESSION, UINT32_MAX, UINT32_MAX, 0, 0, 0 } },
		{ "cache-key-7001-0000000000000001", { CACHE_KEY, 7001, 0, 1, 0, 0 } },
		{ "cache-key-7001-ffffffffffffffff", { CACHE_KEY, 7001, 0, UINT64_MAX, 0, 0 } },
		{ "cache-pending-7001-4711-123456", { CACHE_PENDING, 7001, 0, 0, 4711, 123456 } },
		{ "cache-pending-4294967295-2147483647-18446744073709551615", { CACHE_PENDING, UINT32_MAX, 0, 0, INT32_MAX, UINT64_MAX } },
	};
	char name[CACHE_NAME_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct cache_slot slot = { CACHE_PENDING, 1, 1, 1, 1, 1 };

		cache_slot_name(&cases[i].slot, name);
		assert_string_equal(name, cases[i].name);
		assert_true(cache_slot_parse(cases[i].name, &slot));
		assert_slot(&slot, &cases[i].slot);
	}
}

static void test_names_that_are_no_places(void **state)
{
	static const char *const names[] = {
		"", "cache", "cache-", "cache-session", "cache-session-", "cache-session-7001", "cache-session-7001-", "cache-session-7001-42 ",
		"cache-session-7001-42\n", "cache-session-7001-42.1", "cache-session-7001-42-1", " cache-session-7001-42", "cache-session- 7001-42",
		"cache-session-7001- 42", "cache-session-+7001-42", "cache-session--7001-42", "cache-session-7001--42", "cache-session-7001-+42",
		"cache-session-07001-42", "cache-session-7001-042", "cache-session-0x1b59-42", "cache-session-4294974297-42",
		"cache-session-7001-4294967338", "cache-session-18446744073709551616-42", "cache-session-99999999999999999999999-42",
		"Cache-session-7001-42", "cache-session-7001-42/../x", "../cache-session-7001-42", "cache-key-7001-1", "cache-key-7001-",
		"cache-key-7001-FFFFFFFFFFFFFFFF", "cache-key-7001-0xffffffffffffff", "cache-key-7001-00000000000000001",
		"cache-key-7001-fffffffffffffffff", "cache-key-7001--fffffffffffffff", "cache-pending-7001-4711", "cache-pending-7001-4711-",
		"cache-pending-7001--4711-1", "cache-pending-7001-+4711-1", "cache-pending-7001-4294972007-1", "cache-pending-7001-4711-01",
		"cache-pending-7001-4711--1", "cache-pending-7001-4711-18446744073709551616", "cache-tokens-7001-" TOKENS, "cache-seal",
		".cache-session-7001-42.0011223344556677", "challenge-7001-proved-" TOKENS, "turns",
	};
	const struct cache_slot before = { CACHE_KEY, 1, 2, 3, 4, 5 };

	(void)state;
	for (size_t i = 0; i < CASES(names); i++) {
		struct cache_slot slot = before;

		if (cache_slot_parse(names[i], &slot))
			fail_msg("\"%s\"", names[i]);
		assert_slot(&slot, &before);
	}
}

static void test_keys_have_places_of_their_own(void **state)
{
	struct cache_slot one = cache_slot_key(7001, KEY);
	struct cache_slot other = cache_slot_key(7001, KEY "e");

	(void)state;
	assert_int_equal(one.place, CACHE_KEY);
	assert_true(one.key_sum != other.key_sum);
	assert_true(cache_slot_key(7001, KEY).key_sum == one.key_sum);
	assert_int_equal(cache_slot_key(7002, KEY).uid, 7002);
}

/* --- time --------------------------------------------------------------------------------------------------------------------------- */

static void test_how_old_it_may_be(void **state)
{
	static const struct {
		const char *name;
		int64_t wall;	 /* seconds since the proof, as the world counts them */
		int64_t boot_ms; /* milliseconds, as nobody can set them */
		const char *boot;
		bool same_boot;	 /* counts in its boot only */
		bool other_boot; /* counts, if another boot is allowed */
	} cases[] = {
		{ "at once", 0, 0, BOOT, true, true },
		{ "last second", TTL, TTL * 1000, BOOT, true, true },
		{ "last millisecond of it", TTL, TTL * 1000 + 999, BOOT, true, true },
		{ "a second too old", TTL + 1, TTL * 1000 + 1000, BOOT, false, false },
		{ "too old for the wall clock only", TTL + 1, TTL * 1000, BOOT, false, false },
		{ "too old for the other clock only", TTL, TTL * 1000 + 1000, BOOT, false, false },
		{ "an hour too old", TTL + HOUR, (TTL + HOUR) * 1000, BOOT, false, false },
		{ "set back by the skew", 100 - SKEW, 100 * 1000, BOOT, true, true },
		{ "set back by a second more", 99 - SKEW, 100 * 1000, BOOT, false, false },
		{ "set forward by the skew", 100 + SKEW, 100 * 1000, BOOT, true, true },
		{ "set forward by a second more", 101 + SKEW, 100 * 1000, BOOT, false, false },
		{ "set back by an hour", 100 - HOUR, 100 * 1000, BOOT, false, false },
		{ "set back by an hour after its time", 0, (TTL + 1) * 1000, BOOT, false, false },
		{ "set forward by an hour", 100 + HOUR, 100 * 1000, BOOT, false, false },
		{ "set back by many years", -WALL_S, 100 * 1000, BOOT, false, false },
		{ "before itself", 0, -1, BOOT, false, false },
		{ "long before itself", 0, -BOOT_MS, BOOT, false, false },
		{ "other boot", 100, 100 * 1000, OTHER, false, true },
		{ "other boot, which is younger", 100, -BOOT_MS, OTHER, false, true },
		{ "other boot, last second", TTL, 0, OTHER, false, true },
		{ "other boot, too old", TTL + 1, 0, OTHER, false, false },
		{ "other boot, set back by a second", -1, 0, OTHER, false, false },
		{ "other boot, set back by an hour", -HOUR, 0, OTHER, false, false },
		{ "no boot", 0, 0, "", false, false },
		{ "half a boot", 0, 0, "0a1b2c3d", false, false },
	};
	cache_record_auto struct cache_record record = a_record(kinds[0].slot, "", "");

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		wall_s = WALL_S + cases[i].wall;
		boot_ms = BOOT_MS + cases[i].boot_ms;
		boot_id = cases[i].boot;
		if (cache_record_is_fresh(&record, TTL, SKEW, false) != cases[i].same_boot)
			fail_msg("%s", cases[i].name);
		if (cache_record_is_fresh(&record, TTL, SKEW, true) != cases[i].other_boot)
			fail_msg("%s, other boot allowed", cases[i].name);
	}
}

/* Of a record that somebody has written by hand, or with a clock that stood in another century. */
static void test_times_that_nobody_has_had(void **state)
{
	static const int64_t times[] = { 0, 1, WALL_S + 1, WALL_S + HOUR, INT64_C(999999999999999999) };
	cache_record_auto struct cache_record record = a_record(kinds[0].slot, "", "");

	(void)state;
	for (size_t i = 0; i < CASES(times); i++) {
		record.wall = times[i];
		record.boot_ms = BOOT_MS;
		if (times[i] != WALL_S + 1)
			assert_false(cache_record_is_fresh(&record, TTL, SKEW, false));
		record.wall = WALL_S;
		record.boot_ms = times[i];
		assert_false(cache_record_is_fresh(&record, TTL, SKEW, false));
	}
}

static void test_no_stamp_without_a_boot(void **state)
{
	struct cache_record record = CACHE_RECORD_NONE;

	(void)state;
	assert_true(cache_record_stamp(&record));
	boot_id = "";
	assert_false(cache_record_stamp(&record));
	boot_id = "0a1b2c3d";
	assert_false(cache_record_stamp(&record));
}

#define CASE(test) cmocka_unit_test_setup(test, the_time_of_the_proof)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(test_what_is_written_is_read),
		CASE(test_the_form_is_this),
		CASE(test_each_bit_counts),
		CASE(test_each_length_counts),
		CASE(test_each_byte_counts),
		CASE(test_what_is_no_record),
		CASE(test_no_nul_inside),
		CASE(test_the_limits_of_what_is_written),
		CASE(test_what_did_not_fit_is_not_written),
		CASE(test_the_proof_is_the_same_in_each_place),
		CASE(test_what_it_is_bound_to),
		CASE(test_names_of_places),
		CASE(test_names_that_are_no_places),
		CASE(test_keys_have_places_of_their_own),
		CASE(test_how_old_it_may_be),
		CASE(test_times_that_nobody_has_had),
		CASE(test_no_stamp_without_a_boot),
	};

	return cmocka_run_group_tests_name("cache_record", tests, NULL, NULL);
}
