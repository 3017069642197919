/* cache_tokens - see cache_tokens.h. */
#include "cache_tokens.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "clock.h"
#include "crypto.h"
#include "log.h"
#include "safe_file.h"

#define TOKENS_FIRST "pam_cognito_otp tokens 1\n"
#define TOKENS_SEAL "cache-seal"

enum {
	TOKENS_FIRST_SIZE = sizeof(TOKENS_FIRST) - 1,
	TOKENS_HEAD_SIZE = TOKENS_FIRST_SIZE + CRYPTO_GCM_NONCE_SIZE,
	TOKENS_TEXT_MAX = COGNITO_TOKEN_MAX + 512, /* the refresh token, and the lines before it */
	TOKENS_FILE_MAX = TOKENS_HEAD_SIZE + TOKENS_TEXT_MAX + CRYPTO_GCM_TAG_SIZE,
	TOKENS_AAD_MAX = CACHE_NAME_SIZE + CACHE_RECORD_MAX,
	TOKENS_NUMBER_DIGITS = 18,
	TOKENS_LOCK_ASK_MS = 20,
	TOKENS_LOCK_TRIES = 150
};

/* --- names -------------------------------------------------------------------------------------------------------------------------- */

static bool tokens_random(unsigned char *bytes, size_t length)
{
	return getrandom(bytes, length, 0) == (ssize_t)length; /* up to 256 bytes come whole, getrandom(2) */
}

enum otp_err cache_tokens_name(uid_t uid, struct cache_tokens_name *ret_name)
{
	unsigned char random[CACHE_TOKENS_ID_SIZE / 2];

	if (!tokens_random(random, sizeof(random)))
		return OTP_ERR_SYSTEM;
	*ret_name = (struct cache_tokens_name){ uid, "" };
	for (size_t i = 0; i < sizeof(random); i++)
		(void)snprintf(ret_name->id + 2 * i, 3, "%02x", random[i]);
	return OTP_OK;
}

/* False: a record names them in a way that cache_tokens_name does not (`../` for one). */
static bool tokens_file(const struct cache_tokens_name *name, char file[CACHE_NAME_SIZE])
{
	if (strlen(name->id) != CACHE_TOKENS_ID_SIZE || strspn(name->id, "0123456789abcdef") != CACHE_TOKENS_ID_SIZE)
		return false;
	(void)snprintf(file, CACHE_NAME_SIZE, "cache-tokens-%lu-%s", (unsigned long)name->uid, name->id);
	return true;
}

/* What they are sealed to: their place, which has the user in it, and all that the proof is bound to. */
static enum otp_err tokens_aad(const char *file, const struct strbuf *proof, struct strbuf *out)
{
	strbuf_puts(out, file);
	strbuf_puts(out, "\n");
	strbuf_add(out, strbuf_text(proof), proof->length);
	if (proof->failed == OTP_OK && out->failed == OTP_OK)
		return OTP_OK;
	return proof->failed == OTP_ERR_MEMORY || out->failed == OTP_ERR_MEMORY ? OTP_ERR_MEMORY : OTP_ERR_TOKENS_SEALED;
}

/* --- the text ----------------------------------------------------------------------------------------------------------------------- */

/* Neither blanks nor ends of lines: what is written is read back as the same. */
static bool tokens_is_word(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] <= ' ' || text[i] > '~')
			return false;
	return true;
}

static bool tokens_are_whole(const struct cache_tokens *tokens)
{
	const struct proof_origin *origin = &tokens->origin;
	const struct secret *refresh = &tokens->refresh;

	return refresh->length > 0 && refresh->length <= COGNITO_TOKEN_MAX && tokens_is_word(secret_text(refresh), refresh->length) &&
	       origin->sub[0] != '\0' && tokens_is_word(origin->sub, strlen(origin->sub)) && origin->auth_time >= 0 &&
	       tokens_is_word(origin->origin_jti, strlen(origin->origin_jti));
}

static void tokens_write(const struct cache_tokens *tokens, struct strbuf *out)
{
	const struct proof_origin *origin = &tokens->origin;

	strbuf_printf(out, "sub=%s\nauth_time=%" PRId64 "\norigin_jti=%s\nrefresh=", origin->sub, origin->auth_time, origin->origin_jti);
	strbuf_add(out, secret_text(&tokens->refresh), tokens->refresh.length);
	strbuf_puts(out, "\n");
}

/* Takes the line `name``value`. False: it is not the next one, or its value does not fit. *ret_value is not terminated. */
static bool tokens_line(const char **text, const char *name, size_t max, const char **ret_value, size_t *ret_length)
{
	size_t skip = strlen(name);
	const char *newline = strchr(*text, '\n');

	if (newline == NULL || strncmp(*text, name, skip) != 0)
		return false;
	*ret_value = *text + skip;
	*ret_length = (size_t)(newline - *ret_value);
	*text = newline + 1;
	return *ret_length <= max;
}

static bool tokens_word(const char **text, const char *name, char *out, size_t size)
{
	const char *value;
	size_t length;

	if (!tokens_line(text, name, size - 1, &value, &length))
		return false;
	memcpy(out, value, length);
	out[length] = '\0';
	return true;
}

static enum otp_err tokens_parse(const char *text, struct cache_tokens *tokens)
{
	char digits[TOKENS_NUMBER_DIGITS + 1];
	const char *refresh;
	size_t length;

	if (!tokens_word(&text, "sub=", tokens->origin.sub, sizeof(tokens->origin.sub)) ||
	    !tokens_word(&text, "auth_time=", digits, sizeof(digits)) ||
	    !tokens_word(&text, "origin_jti=", tokens->origin.origin_jti, sizeof(tokens->origin.origin_jti)) ||
	    !tokens_line(&text, "refresh=", COGNITO_TOKEN_MAX, &refresh, &length))
		return OTP_ERR_TOKENS_SEALED;
	tokens->origin.auth_time = strtoll(digits, NULL, 10);
	return secret_set(&tokens->refresh, refresh, length);
}

/* Only what tokens_write writes: whatever the parser lets pass (more lines, a NUL, other digits) is not written so. */
static enum otp_err tokens_read(const struct secret *text, struct cache_tokens *tokens)
{
	strbuf_auto struct strbuf again = STRBUF_LIMIT(TOKENS_TEXT_MAX);
	enum otp_err err = tokens_parse(secret_text(text), tokens);

	if (err != OTP_OK)
		return err;
	tokens_write(tokens, &again);
	if (!tokens_are_whole(tokens) || again.failed != OTP_OK || !secret_equal(text, strbuf_text(&again), again.length))
		return OTP_ERR_TOKENS_SEALED;
	return OTP_OK;
}

/* --- files -------------------------------------------------------------------------------------------------------------------------- */

/* Why a file could not be read: what is missing or too large is no fault of the disk, and will not heal. */
static enum otp_err tokens_why(int dir, const char *file, size_t max, enum otp_err err)
{
	struct stat st;

	if (err != OTP_ERR_STATE_IO)
		return err;
	if (fstatat(dir, file, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return errno == ENOENT ? OTP_ERR_TOKENS_SEALED : err;
	if (!S_ISREG(st.st_mode))
		return OTP_ERR_STATE_UNSAFE;
	return st.st_size > (off_t)max ? OTP_ERR_TOKENS_SEALED : err;
}

static enum otp_err tokens_slurp(int dir, const char *file, size_t max, struct secret *ret_bytes, struct note *note)
{
	int64_t mtime;
	enum otp_err err = tokens_why(dir, file, max, safe_dir_read(dir, file, max, ret_bytes, &mtime, note));

	/* Once more: it may have been missing, and have come before we asked why. */
	return err == OTP_ERR_STATE_IO ? tokens_why(dir, file, max, safe_dir_read(dir, file, max, ret_bytes, &mtime, note)) : err;
}

/* The key that seals. A bad one is an error here: another could not open what it has sealed. */
static enum otp_err tokens_seal_find(int dir, struct secret *ret_key, struct note *note)
{
	enum otp_err err = tokens_slurp(dir, TOKENS_SEAL, CRYPTO_GCM_KEY_SIZE, ret_key, note);

	if (err != OTP_OK || ret_key->length == CRYPTO_GCM_KEY_SIZE)
		return err;
	note_set(note, "%s: %zu bytes, not %d", TOKENS_SEAL, ret_key->length, CRYPTO_GCM_KEY_SIZE);
	return OTP_ERR_TOKENS_SEALED;
}

static enum otp_err tokens_seal_make(int dir, struct note *note)
{
	unsigned char key[CRYPTO_GCM_KEY_SIZE];
	enum otp_err err = OTP_ERR_SYSTEM;

	if (tokens_random(key, sizeof(key)))
		err = safe_dir_create(dir, TOKENS_SEAL, key, sizeof(key), note);
	explicit_bzero(key, sizeof(key));
	return err;
}

/* Held until *ret_fd is closed, over nothing but the key's files; whoever holds it for seconds is ill, and is not waited for. */
static bool tokens_lock(int dir, int *ret_fd)
{
	*ret_fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; *ret_fd >= 0 && i < TOKENS_LOCK_TRIES; i++) {
		if (flock(*ret_fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		clock_sleep_until_ms(clock_monotonic_ms() + TOKENS_LOCK_ASK_MS);
	}
	return false;
}

/*
 * Takes a bad one away, under the lock, and only if it is still bad: of two who meet it the second must not take away what the first has
 * made. An inode's number says nothing here, since the new file may get that of the old one.
 */
static enum otp_err tokens_seal_clear(int dir, struct note *note)
{
	secret_auto struct secret key = SECRET_EMPTY;
	struct stat judged;
	int lock;
	enum otp_err err = OTP_ERR_STATE_IO;

	if (!tokens_lock(dir, &lock))
		note_set(note, "%s: locked by another process", TOKENS_SEAL);
	else
		err = tokens_seal_find(dir, &key, note);
	if ((err == OTP_ERR_TOKENS_SEALED || err == OTP_ERR_STATE_UNSAFE) && fstatat(dir, TOKENS_SEAL, &judged, AT_SYMLINK_NOFOLLOW) == 0) {
		log_warning("event=cache_key_replaced detail=\"%s\"", note->text);
		safe_dir_set_aside(dir, TOKENS_SEAL, &judged);
		err = tokens_seal_make(dir, note);
	} else if (err == OTP_ERR_TOKENS_SEALED) {
		err = tokens_seal_make(dir, note);
	}
	if (lock >= 0)
		(void)close(lock);
	return err;
}

/*
 * The same for keeping: made by whoever is first, and read again, so that all have his. A bad one is set aside: older tokens open no more,
 * and a code is asked for.
 */
static enum otp_err tokens_seal_have(int dir, struct secret *ret_key, struct note *note)
{
	enum otp_err err = tokens_seal_find(dir, ret_key, note);

	if (err != OTP_ERR_TOKENS_SEALED && err != OTP_ERR_STATE_UNSAFE)
		return err;
	err = tokens_seal_clear(dir, note);
	return err == OTP_OK ? tokens_seal_find(dir, ret_key, note) : err;
}

/* --- sealing ------------------------------------------------------------------------------------------------------------------------ */

static enum otp_err tokens_seal(const struct secret *key, const struct strbuf *aad, const struct strbuf *text, struct strbuf *out)
{
	unsigned char nonce[CRYPTO_GCM_NONCE_SIZE];
	unsigned char tag[CRYPTO_GCM_TAG_SIZE];
	unsigned char sealed[TOKENS_TEXT_MAX];
	struct crypto_gcm gcm = { (const unsigned char *)key->bytes, nonce, strbuf_text(aad), aad->length };
	enum otp_err err;

	if (!tokens_random(nonce, sizeof(nonce)))
		return OTP_ERR_SYSTEM;
	err = crypto_aes_256_gcm_seal(&gcm, strbuf_text(text), text->length, sealed, tag);
	if (err != OTP_OK)
		return err;
	strbuf_add(out, TOKENS_FIRST, TOKENS_FIRST_SIZE);
	strbuf_add(out, nonce, sizeof(nonce));
	strbuf_add(out, sealed, text->length);
	strbuf_add(out, tag, sizeof(tag));
	return out->failed;
}

static enum otp_err tokens_open(const struct secret *key, const struct strbuf *aad, const struct secret *file, struct secret *ret_text)
{
	const unsigned char *bytes = (const unsigned char *)file->bytes;
	struct crypto_gcm gcm = { (const unsigned char *)key->bytes, NULL, strbuf_text(aad), aad->length };

	if (file->length <= TOKENS_HEAD_SIZE + CRYPTO_GCM_TAG_SIZE || memcmp(bytes, TOKENS_FIRST, TOKENS_FIRST_SIZE) != 0)
		return OTP_ERR_TOKENS_SEALED;
	gcm.nonce = bytes + TOKENS_FIRST_SIZE;
	return crypto_aes_256_gcm_open(&gcm, bytes + TOKENS_HEAD_SIZE, file->length - TOKENS_HEAD_SIZE - CRYPTO_GCM_TAG_SIZE,
				       bytes + file->length - CRYPTO_GCM_TAG_SIZE, ret_text);
}

enum otp_err cache_tokens_keep(int dir, const struct cache_tokens_name *name, const struct strbuf *proof, const struct cache_tokens *tokens,
			       struct note *note)
{
	strbuf_auto struct strbuf aad = STRBUF_LIMIT(TOKENS_AAD_MAX);
	strbuf_auto struct strbuf text = STRBUF_LIMIT(TOKENS_TEXT_MAX);
	strbuf_auto struct strbuf sealed = STRBUF_LIMIT(TOKENS_FILE_MAX);
	secret_auto struct secret key = SECRET_EMPTY;
	char file[CACHE_NAME_SIZE];
	enum otp_err err;

	if (!tokens_file(name, file) || !tokens_are_whole(tokens)) {
		note_set(note, "tokens that could not be read back");
		return OTP_ERR_TOKENS_SEALED;
	}
	tokens_write(tokens, &text);
	err = text.failed != OTP_OK ? text.failed : tokens_aad(file, proof, &aad);
	if (err == OTP_OK)
		err = tokens_seal_have(dir, &key, note);
	if (err == OTP_OK)
		err = tokens_seal(&key, &aad, &text, &sealed);
	if (err == OTP_OK)
		err = safe_dir_write(dir, file, strbuf_text(&sealed), sealed.length, note);
	return err;
}

static enum otp_err tokens_unseal(int dir, const char *file, const struct strbuf *proof, struct secret *ret_text, struct note *note)
{
	strbuf_auto struct strbuf aad = STRBUF_LIMIT(TOKENS_AAD_MAX);
	secret_auto struct secret key = SECRET_EMPTY;
	secret_auto struct secret sealed = SECRET_EMPTY;
	enum otp_err err = tokens_aad(file, proof, &aad);

	if (err == OTP_OK)
		err = tokens_slurp(dir, file, TOKENS_FILE_MAX, &sealed, note);
	if (err == OTP_OK)
		err = tokens_seal_find(dir, &key, note);
	if (err != OTP_OK)
		return err;
	err = tokens_open(&key, &aad, &sealed, ret_text);
	if (err == OTP_ERR_TOKENS_SEALED)
		note_set(note, "%s: damaged, or sealed for another user, record or host", file);
	return err;
}

enum otp_err cache_tokens_find(int dir, const struct cache_tokens_name *name, const struct strbuf *proof, struct cache_tokens *ret_tokens,
			       struct note *note)
{
	cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
	secret_auto struct secret text = SECRET_EMPTY;
	char file[CACHE_NAME_SIZE];
	enum otp_err err;

	if (!tokens_file(name, file)) {
		note_set(note, "the record names no tokens of ours");
		return OTP_ERR_TOKENS_SEALED;
	}
	err = tokens_unseal(dir, file, proof, &text, note);
	if (err != OTP_OK)
		return err;
	err = tokens_read(&text, &tokens);
	if (err == OTP_ERR_TOKENS_SEALED)
		note_set(note, "%s: opens, but is not of this version", file);
	if (err != OTP_OK)
		return err;
	secret_move(&ret_tokens->refresh, &tokens.refresh);
	ret_tokens->origin = tokens.origin;
	return OTP_OK;
}

void cache_tokens_remove(int dir, const struct cache_tokens_name *name)
{
	char file[CACHE_NAME_SIZE];

	if (tokens_file(name, file))
		safe_dir_remove(dir, file);
}

void cache_tokens_done(struct cache_tokens *tokens)
{
	secret_done(&tokens->refresh);
	tokens->origin = (struct proof_origin)PROOF_ORIGIN_NONE;
}
