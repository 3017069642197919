/* cache_record - see cache_record.h. */
#include "cache_record.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECORD_FIRST "pam_cognito_otp cache 1\n"

enum { RECORD_SUM_SIZE = sizeof("sum=0123456789abcdef\n") - 1, RECORD_NUMBER_DIGITS = 18 };

/* FNV-1a, 64 bits: each changed byte changes it. No protection from anybody who can write here; he could write a whole record. */
static uint64_t record_sum(const char *bytes, size_t length)
{
	uint64_t sum = UINT64_C(0xcbf29ce484222325);

	for (size_t i = 0; i < length; i++)
		sum = (sum ^ (unsigned char)bytes[i]) * UINT64_C(0x100000001b3);
	return sum;
}

/* --- places ------------------------------------------------------------------------------------------------------------------------- */

struct cache_slot cache_slot_session(uid_t uid, uint32_t session)
{
	return (struct cache_slot){ CACHE_SESSION, uid, session, 0, 0, 0 };
}

/* Two keys may have the same sum, and then take turns: the record says which of them it is of. */
struct cache_slot cache_slot_key(uid_t uid, const char *key)
{
	return (struct cache_slot){ CACHE_KEY, uid, 0, record_sum(key, strlen(key)), 0, 0 };
}

struct cache_slot cache_slot_pending(uid_t uid, const struct process *process)
{
	return (struct cache_slot){ CACHE_PENDING, uid, 0, 0, process->pid, process->start };
}

void cache_slot_name(const struct cache_slot *slot, char name[CACHE_NAME_SIZE])
{
	unsigned long uid = slot->uid;

	name[0] = '\0';
	switch (slot->place) {
	case CACHE_SESSION:
		(void)snprintf(name, CACHE_NAME_SIZE, "cache-session-%lu-%" PRIu32, uid, slot->session);
		break;
	case CACHE_KEY:
		(void)snprintf(name, CACHE_NAME_SIZE, "cache-key-%lu-%016" PRIx64, uid, slot->key_sum);
		break;
	case CACHE_PENDING:
		(void)snprintf(name, CACHE_NAME_SIZE, "cache-pending-%lu-%ld-%" PRIu64, uid, (long)slot->pid, slot->start);
		break;
	}
}

bool cache_slot_parse(const char *name, struct cache_slot *ret_slot)
{
	struct cache_slot slot = { CACHE_SESSION, 0, 0, 0, 0, 0 };
	char again[CACHE_NAME_SIZE];
	unsigned long uid = 0;
	long pid = 0;

	if (sscanf(name, "cache-session-%lu-%" SCNu32, &uid, &slot.session) == 2) {
		slot.place = CACHE_SESSION;
	} else if (sscanf(name, "cache-key-%lu-%" SCNx64, &uid, &slot.key_sum) == 2) {
		slot.place = CACHE_KEY;
	} else if (sscanf(name, "cache-pending-%lu-%ld-%" SCNu64, &uid, &pid, &slot.start) == 3) {
		slot.place = CACHE_PENDING;
		slot.pid = (pid_t)pid;
	} else {
		return false;
	}
	slot.uid = (uid_t)uid;
	cache_slot_name(&slot, again); /* whatever sscanf lets pass (signs, blanks, what follows) is not written so */
	if (strcmp(again, name) != 0 || slot.pid < 0)
		return false;
	*ret_slot = slot;
	return true;
}

/* --- time --------------------------------------------------------------------------------------------------------------------------- */

bool cache_record_stamp(struct cache_record *record)
{
	clock_boot_id(record->boot_id);
	record->boot_ms = clock_boot_ms();
	record->wall = clock_wall();
	return strlen(record->boot_id) == CLOCK_BOOT_ID_SIZE - 1;
}

/*
 * Setting the wall clock back must not make a record younger, and setting it forward must not leave it alive: then the two clocks differ
 * by more than they may.
 */
bool cache_record_is_fresh(const struct cache_record *record, int64_t ttl, int64_t skew, bool other_boot)
{
	struct cache_record now = CACHE_RECORD_NONE;
	int64_t wall_s;
	int64_t boot_s;

	if (!cache_record_stamp(&now))
		return false;
	wall_s = now.wall - record->wall;
	if (strcmp(now.boot_id, record->boot_id) != 0)
		return other_boot && wall_s >= 0 && wall_s <= ttl;
	if (now.boot_ms < record->boot_ms)
		return false;
	boot_s = (now.boot_ms - record->boot_ms) / 1000;
	return boot_s <= ttl && wall_s <= ttl && wall_s >= boot_s - skew && wall_s <= boot_s + skew;
}

/* --- text --------------------------------------------------------------------------------------------------------------------------- */

void cache_record_proof(const struct cache_record *record, struct strbuf *out)
{
	strbuf_printf(out, "boot=%s\nboot_ms=%" PRId64 "\nwall=%" PRId64 "\n", record->boot_id, record->boot_ms, record->wall);
	strbuf_puts(out, "groups=");
	strbuf_puts(out, record->groups); /* longer than a line that strbuf_printf takes */
	strbuf_printf(out, "\ntokens=%s\n", record->tokens);
	strbuf_puts(out, strbuf_text(&record->binding));
}

void cache_record_write(const struct cache_record *record, struct strbuf *out)
{
	char name[CACHE_NAME_SIZE];

	if (record->key.failed != OTP_OK || record->binding.failed != OTP_OK) { /* a record without what did not fit would count for more */
		out->failed = record->key.failed != OTP_OK ? record->key.failed : record->binding.failed;
		return;
	}
	cache_slot_name(&record->slot, name);
	strbuf_printf(out, RECORD_FIRST "slot=%s\nkey=", name);
	strbuf_puts(out, strbuf_text(&record->key));
	strbuf_puts(out, "\n");
	cache_record_proof(record, out);
	strbuf_printf(out, "sum=%016" PRIx64 "\n", record_sum(strbuf_text(out), out->length));
}

/* The rest of a text that is being read. */
struct record_reader {
	const char *rest;
	const char *end;
};

/* Takes the line `NAME=VALUE`, whose name must be `name`. *ret_value is not terminated. */
static bool record_line(struct record_reader *reader, const char *name, const char **ret_value, size_t *ret_length)
{
	size_t length = strlen(name);
	const char *newline = memchr(reader->rest, '\n', (size_t)(reader->end - reader->rest));

	if (newline == NULL || (size_t)(newline - reader->rest) <= length || memcmp(reader->rest, name, length) != 0 || reader->rest[length] != '=')
		return false;
	*ret_value = reader->rest + length + 1;
	*ret_length = (size_t)(newline - *ret_value);
	reader->rest = newline + 1;
	return true;
}

static bool record_text(struct record_reader *reader, const char *name, char *out, size_t size)
{
	const char *value;
	size_t length;

	if (!record_line(reader, name, &value, &length) || length >= size)
		return false;
	memcpy(out, value, length);
	out[length] = '\0';
	return true;
}

static bool record_number(struct record_reader *reader, const char *name, int64_t *ret_number)
{
	char digits[RECORD_NUMBER_DIGITS + 1];

	if (!record_text(reader, name, digits, sizeof(digits)) || digits[0] == '\0' || strspn(digits, "0123456789") != strlen(digits))
		return false;
	*ret_number = strtoll(digits, NULL, 10);
	return true;
}

static bool record_read(struct record_reader *reader, struct cache_record *record)
{
	char name[CACHE_NAME_SIZE];
	const char *key;
	size_t length;

	if (!record_text(reader, "slot", name, sizeof(name)) || !cache_slot_parse(name, &record->slot) || !record_line(reader, "key", &key, &length))
		return false;
	strbuf_add(&record->key, key, length);
	if (!record_text(reader, "boot", record->boot_id, sizeof(record->boot_id)) || !record_number(reader, "boot_ms", &record->boot_ms) ||
	    !record_number(reader, "wall", &record->wall) || !record_text(reader, "groups", record->groups, sizeof(record->groups)) ||
	    !record_text(reader, "tokens", record->tokens, sizeof(record->tokens)))
		return false;
	strbuf_add(&record->binding, reader->rest, (size_t)(reader->end - reader->rest));
	return record->key.failed == OTP_OK && record->binding.failed == OTP_OK;
}

/* Whether it is what we would write: no second form of anything is a record. */
static bool record_is_exact(const struct cache_record *record, const char *text, size_t length)
{
	strbuf_auto struct strbuf again = STRBUF_LIMIT(CACHE_RECORD_MAX);

	cache_record_write(record, &again);
	return again.failed == OTP_OK && again.length == length && memcmp(again.text, text, length) == 0;
}

bool cache_record_parse(const char *text, size_t length, struct cache_record *ret_record)
{
	struct cache_record record = CACHE_RECORD_NONE;
	size_t first = strlen(RECORD_FIRST);
	struct record_reader reader;

	*ret_record = record;
	if (length < first + RECORD_SUM_SIZE || memcmp(text, RECORD_FIRST, first) != 0 || memchr(text, '\0', length) != NULL)
		return false;
	reader = (struct record_reader){ text + first, text + length - RECORD_SUM_SIZE };
	if (!record_read(&reader, &record) || !record_is_exact(&record, text, length)) {
		cache_record_done(&record);
		return false;
	}
	*ret_record = record;
	return true;
}

bool cache_record_bound(const struct cache_record *record, const char *name, char *out, size_t size)
{
	struct record_reader reader = { strbuf_text(&record->binding), strbuf_text(&record->binding) + record->binding.length };

	while (reader.rest < reader.end) {
		const char *newline = memchr(reader.rest, '\n', (size_t)(reader.end - reader.rest));

		if (record_text(&reader, name, out, size))
			return true;
		if (newline == NULL)
			break;
		reader.rest = newline + 1;
	}
	return false;
}

void cache_record_done(struct cache_record *record)
{
	strbuf_done(&record->key);
	strbuf_done(&record->binding);
}
