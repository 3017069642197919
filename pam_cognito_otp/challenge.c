/* challenge - see challenge.h. */
#include "challenge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>

#include "log.h"
#include "safe_file.h"
#include "strbuf.h"

#define CHALLENGE_PREFIX "challenge-"
#define CHALLENGE_STRANGER "-unproved-"

enum { CHALLENGE_OWNER_MAX = 24 * 1024 }; /* bytes of all that makes a key */

static const char challenge_magic[16] = "otp challenge";

/* The file. The words come first and change; the seal is over all that follows it, which does not. */
struct challenge_record {
	file_word tries[CHALLENGE_TRIES_MAX]; /* not 0: taken */
	file_word closed;		      /* challenge_closed, or 0 */
	unsigned char seal[CRYPTO_SHA256_SIZE];
	char magic[sizeof(challenge_magic)];
	uint32_t protocol; /* the order in err.h is part of it, see wire.h */
	uint32_t size;
	unsigned char owner[CRYPTO_SHA256_SIZE];
	unsigned char id[16];
	char boot_id[40];
	struct challenge_facts facts;
	uint32_t session_length;
	char session[COGNITO_SESSION_MAX];
};

#define CHALLENGE_SEALED offsetof(struct challenge_record, magic)

static void challenge_add(struct strbuf *text, const char *field)
{
	strbuf_printf(text, "%zu:", strlen(field));
	strbuf_puts(text, field); /* a key of ssh may be longer than what strbuf_printf takes */
	strbuf_puts(text, ",");
}

/* Fields with their length before them: no two owners make the same text. */
static enum otp_err challenge_digest(const struct challenge_owner *owner, unsigned char digest[CRYPTO_SHA256_SIZE])
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(CHALLENGE_OWNER_MAX);

	if (owner->known)
		strbuf_printf(&text, "uid %lu,", (unsigned long)owner->uid);
	else
		challenge_add(&text, owner->user);
	challenge_add(&text, owner->cognito_user);
	challenge_add(&text, owner->pool);
	challenge_add(&text, owner->client);
	challenge_add(&text, owner->origin);
	challenge_add(&text, owner->refused ? "refused" : "");
	if (text.failed != OTP_OK)
		return text.failed;
	return crypto_sha256(text.text, text.length, digest);
}

enum otp_err challenge_key_of(const struct challenge_owner *owner, struct challenge_key *ret_key)
{
	char uid[24] = "none";
	char hex[33];
	enum otp_err err = challenge_digest(owner, ret_key->digest);

	if (err != OTP_OK)
		return err;
	if (owner->known)
		(void)snprintf(uid, sizeof(uid), "%lu", (unsigned long)owner->uid);
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(hex + 2 * i, 3, "%02x", ret_key->digest[i]);
	(void)snprintf(ret_key->name, sizeof(ret_key->name), CHALLENGE_PREFIX "%s%s%s", uid, owner->proved ? "-proved-" : CHALLENGE_STRANGER, hex);
	return OTP_OK;
}

bool challenge_is_name(const char *name, int64_t *ret_uid, bool *ret_stranger)
{
	const char *uid = name + strlen(CHALLENGE_PREFIX);
	size_t digits;

	if (strncmp(name, CHALLENGE_PREFIX, strlen(CHALLENGE_PREFIX)) != 0)
		return false;
	digits = strspn(uid, "0123456789");
	if (digits > 10 || (digits == 0 && strncmp(uid, "none-", 5) != 0))
		return false;
	*ret_uid = digits == 0 ? -1 : strtoll(uid, NULL, 10);
	*ret_stranger = strstr(uid, CHALLENGE_STRANGER) != NULL;
	return true;
}

static enum otp_err challenge_seal(const struct challenge_record *record, unsigned char seal[CRYPTO_SHA256_SIZE])
{
	return crypto_sha256((const char *)record + CHALLENGE_SEALED, sizeof(*record) - CHALLENGE_SEALED, seal);
}

/* Text fields end within their room: a file may hold anything. */
static bool challenge_facts_sound(const struct challenge_facts *facts)
{
	return memchr(facts->user, '\0', sizeof(facts->user)) != NULL && memchr(facts->cognito_user, '\0', sizeof(facts->cognito_user)) != NULL &&
	       memchr(facts->origin, '\0', sizeof(facts->origin)) != NULL && memchr(facts->destination, '\0', sizeof(facts->destination)) != NULL &&
	       facts->tries >= 1 && facts->tries <= CHALLENGE_TRIES_MAX && facts->tries_to_send <= facts->tries;
}

/* Whole, of this version and boot, and of nobody else. `key` NULL: of anybody. */
static bool challenge_sound(const struct challenge_record *record, const struct challenge_key *key)
{
	unsigned char seal[CRYPTO_SHA256_SIZE];
	char boot_id[CLOCK_BOOT_ID_SIZE];

	clock_boot_id(boot_id);
	if (challenge_seal(record, seal) != OTP_OK || memcmp(seal, record->seal, sizeof(seal)) != 0)
		return false;
	if (memcmp(record->magic, challenge_magic, sizeof(challenge_magic)) != 0 || record->protocol != OTP_PROTOCOL || record->size != sizeof(*record))
		return false;
	if (strncmp(record->boot_id, boot_id, sizeof(record->boot_id)) != 0)
		return false;
	if (key != NULL && memcmp(record->owner, key->digest, sizeof(key->digest)) != 0)
		return false;
	return record->session_length <= COGNITO_SESSION_MAX && record->facts.mailed_ms <= clock_boot_ms() && challenge_facts_sound(&record->facts);
}

static void challenge_set_aside(int dir, const char *name, const struct word_file *file)
{
	struct stat st;

	if (file->fd >= 0 && fstat(file->fd, &st) == 0)
		safe_dir_set_aside(dir, name, &st);
}

static enum otp_err challenge_open(int dir, const char *name, const struct challenge_key *key, struct challenge *ret_challenge, struct note *note)
{
	struct word_file file;
	enum otp_err err = word_file_open(dir, name, sizeof(struct challenge_record), &file, note);

	*ret_challenge = (struct challenge)CHALLENGE_EMPTY;
	if (err != OTP_OK || file.bytes == NULL)
		return err;
	if (!challenge_sound(file.bytes, key)) {
		log_warning("event=state_discarded detail=\"%s: damaged, or of another boot or version\"", name);
		challenge_set_aside(dir, name, &file);
		word_file_done(&file);
		return OTP_OK;
	}
	ret_challenge->record = file.bytes;
	ret_challenge->file = file;
	return OTP_OK;
}

bool challenge_is_over(int dir, const char *name, int64_t seconds)
{
	challenge_auto struct challenge challenge = CHALLENGE_EMPTY;
	struct note note = { "" };

	if (challenge_open(dir, name, NULL, &challenge, &note) != OTP_OK)
		return false;
	return challenge.record == NULL || clock_boot_ms() - challenge.record->facts.mailed_ms > seconds * 1000;
}

void challenge_remove(int dir, const char *name, const struct challenge *challenge)
{
	challenge_set_aside(dir, name, &challenge->file);
}

enum otp_err challenge_find(int dir, const struct challenge_key *key, struct challenge *ret_challenge, struct note *note)
{
	return challenge_open(dir, key->name, key, ret_challenge, note);
}

enum otp_err challenge_open_file(int dir, const char *name, struct challenge *ret_challenge, struct note *note)
{
	return challenge_open(dir, name, NULL, ret_challenge, note);
}

static enum otp_err challenge_fill(struct challenge_record *record, const struct challenge_key *key, const struct challenge_facts *facts,
				   const struct secret *session)
{
	char boot_id[CLOCK_BOOT_ID_SIZE];

	if (session->length > COGNITO_SESSION_MAX || getrandom(record->id, sizeof(record->id), 0) != (ssize_t)sizeof(record->id))
		return OTP_ERR_SYSTEM;
	clock_boot_id(boot_id);
	memcpy(record->boot_id, boot_id, sizeof(boot_id));
	memcpy(record->magic, challenge_magic, sizeof(challenge_magic));
	record->protocol = OTP_PROTOCOL;
	record->size = sizeof(*record);
	memcpy(record->owner, key->digest, sizeof(key->digest));
	record->facts = *facts;
	record->session_length = (uint32_t)session->length;
	if (session->length > 0)
		memcpy(record->session, session->bytes, session->length);
	return challenge_seal(record, record->seal);
}

/* Writes the record and opens it as every other process will. Not kept: ret_challenge stays empty. */
static void challenge_store(int dir, const struct challenge_key *key, const struct challenge_record *record, struct challenge *ret_challenge)
{
	struct note note = { "" };
	enum otp_err err;

	err = safe_dir_write(dir, key->name, record, sizeof(*record), &note);
	if (err == OTP_OK)
		err = challenge_find(dir, key, ret_challenge, &note);
	if (err != OTP_OK)
		log_warning("event=challenge_not_kept detail=\"%s\"", note.text);
}

enum otp_err challenge_keep(int dir, const struct challenge_key *key, const struct challenge_facts *facts, const struct secret *session,
			    struct challenge *ret_challenge)
{
	struct challenge_record *record = calloc(1, sizeof(*record));
	challenge_auto struct challenge before = CHALLENGE_EMPTY;
	struct note note = { "" };
	enum otp_err err;

	*ret_challenge = (struct challenge)CHALLENGE_EMPTY;
	if (record == NULL)
		return OTP_ERR_MEMORY;
	err = challenge_fill(record, key, facts, session);
	if (err == OTP_OK) {
		(void)challenge_find(dir, key, &before, &note);
		challenge_store(dir, key, record, ret_challenge);
		challenge_close(&before, CHALLENGE_REPLACED); /* who still holds it is told */
	}
	if (err == OTP_OK && ret_challenge->record == NULL) {
		ret_challenge->record = record;
		return OTP_OK;
	}
	explicit_bzero(record, sizeof(*record));
	free(record);
	return err;
}

enum challenge_state challenge_state_after(enum otp_err err)
{
	if (err == OTP_ERR_SESSION_EXPIRED)
		return CHALLENGE_EXPIRED;
	if (err == OTP_ERR_SESSION_USED)
		return CHALLENGE_USED;
	return err == OTP_ERR_SESSION_INVALID ? CHALLENGE_REPLACED : CHALLENGE_OPEN;
}

/* Many bits, so that no single one that flips opens it again. */
static uint64_t challenge_closed(enum challenge_state state)
{
	return UINT64_MAX << 8 | (uint64_t)state;
}

bool challenge_unread_after(enum otp_err err)
{
	return err == OTP_ERR_SECRET_HASH || err == OTP_ERR_CLIENT;
}

enum challenge_state challenge_state_of(const struct challenge *challenge, int64_t ttl)
{
	uint64_t closed;

	if (challenge->record == NULL)
		return CHALLENGE_NONE;
	closed = atomic_load(&challenge->record->closed);
	if (closed == challenge_closed(CHALLENGE_EXPIRED))
		return CHALLENGE_EXPIRED;
	if (closed == challenge_closed(CHALLENGE_USED))
		return CHALLENGE_USED;
	if (closed != 0)
		return CHALLENGE_REPLACED;
	if (clock_boot_ms() - challenge->record->facts.mailed_ms >= ttl * 1000)
		return CHALLENGE_EXPIRED;
	return challenge_tries_left(challenge) == 0 ? CHALLENGE_SPENT : CHALLENGE_OPEN;
}

bool challenge_same(const struct challenge *one, const struct challenge *other)
{
	return one->record != NULL && other->record != NULL && memcmp(one->record->id, other->record->id, sizeof(one->record->id)) == 0;
}

const struct challenge_facts *challenge_facts_of(const struct challenge *challenge)
{
	return &challenge->record->facts;
}

enum otp_err challenge_session(const struct challenge *challenge, struct secret *ret_session)
{
	return secret_set(ret_session, challenge->record->session, challenge->record->session_length);
}

static uint32_t challenge_count_free(const struct challenge *challenge, uint32_t count)
{
	uint32_t left = 0;

	for (uint32_t i = 0; i < count; i++)
		left += atomic_load(&challenge->record->tries[i]) == 0 ? 1 : 0;
	return left;
}

int64_t challenge_tries_left(const struct challenge *challenge)
{
	return challenge_count_free(challenge, challenge->record->facts.tries);
}

uint32_t challenge_sendable(const struct challenge *challenge)
{
	return challenge_count_free(challenge, challenge->record->facts.tries_to_send);
}

int challenge_take_try(const struct challenge *challenge)
{
	for (uint32_t i = 0; i < challenge->record->facts.tries; i++) {
		uint64_t free = 0;

		if (atomic_compare_exchange_strong(&challenge->record->tries[i], &free, UINT64_MAX))
			return (int)i;
	}
	return -1;
}

void challenge_return_try(const struct challenge *challenge, int number)
{
	atomic_store(&challenge->record->tries[number], 0);
}

void challenge_close(const struct challenge *challenge, enum challenge_state state)
{
	uint64_t open = 0;

	if (challenge->record != NULL)
		(void)atomic_compare_exchange_strong(&challenge->record->closed, &open, challenge_closed(state));
}

void challenge_done(struct challenge *challenge)
{
	if (challenge->file.bytes != NULL) {
		word_file_done(&challenge->file);
	} else if (challenge->record != NULL) {
		explicit_bzero(challenge->record, sizeof(*challenge->record));
		free(challenge->record);
	}
	*challenge = (struct challenge)CHALLENGE_EMPTY;
}
