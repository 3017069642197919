/* jwks - see jwks.h. */
#include "jwks.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "json_doc.h"
#include "log.h"
#include "safe_file.h"
#include "secret.h"

enum { JWKS_NAME_SIZE = 96 };

/* The pool and, since it may be set, the address: another address is another copy. FNV-1a is enough to tell an administrator's settings apart. */
static void jwks_copy_name(const struct jwks_settings *settings, char name[JWKS_NAME_SIZE])
{
	uint32_t hash = UINT32_C(2166136261);

	for (const char *c = settings->url; *c != '\0'; c++)
		hash = (hash ^ (unsigned char)*c) * UINT32_C(16777619);
	(void)snprintf(name, JWKS_NAME_SIZE, "jwks-%.55s-%08x.json", settings->user_pool_id, hash);
}

static enum otp_err jwks_take(struct jwks *jwks, const struct secret *text, int64_t fetched_at)
{
	struct jwk_set *set;
	enum otp_err err = jwk_set_parse(secret_text(text), text->length, &set);

	if (err != OTP_OK)
		return err;
	jwk_set_free(jwks->set);
	jwks->set = set;
	jwks->fetched_at = fetched_at;
	return OTP_OK;
}

static enum otp_err jwks_read_file(struct jwks *jwks, struct note *note)
{
	secret_auto struct secret text = SECRET_EMPTY;
	enum otp_err err = safe_file_read(jwks->settings->file, SAFE_FILE_PUBLIC, JSON_TEXT_MAX, &text, note);

	if (err != OTP_OK)
		return err;
	note_set(note, "%s", jwks->settings->file);
	return jwks_take(jwks, &text, clock_wall());
}

/* The copy on disk; whatever is wrong with it is said once in the log and means that there is none. */
static bool jwks_read_copy(struct jwks *jwks)
{
	secret_auto struct secret text = SECRET_EMPTY;
	char name[JWKS_NAME_SIZE];
	struct note note = { "" };
	int64_t written = 0;
	int dir = -1;
	enum otp_err err;

	if (jwks->settings->state_dir == NULL)
		return false;
	err = safe_dir_open(jwks->settings->state_dir, &dir, &note);
	if (err == OTP_OK) {
		jwks_copy_name(jwks->settings, name);
		if (faccessat(dir, name, F_OK, AT_SYMLINK_NOFOLLOW) != 0) {
			(void)close(dir);
			return false;
		}
		err = safe_dir_read(dir, name, JSON_TEXT_MAX, &text, &written, &note);
		(void)close(dir);
	}
	if (err == OTP_OK)
		err = jwks_take(jwks, &text, written);
	if (err != OTP_OK)
		log_warning("event=jwks_copy_unusable reason=%s detail=\"%s\"", err_reason(err), note.text);
	return err == OTP_OK;
}

static void jwks_write_copy(const struct jwks *jwks, const struct secret *text)
{
	char name[JWKS_NAME_SIZE];
	struct note note = { "" };
	int dir = -1;
	enum otp_err err;

	if (jwks->settings->state_dir == NULL)
		return;
	err = safe_dir_open(jwks->settings->state_dir, &dir, &note);
	if (err == OTP_OK) {
		jwks_copy_name(jwks->settings, name);
		err = safe_dir_write(dir, name, text->bytes, text->length, &note);
		(void)close(dir);
	}
	if (err != OTP_OK) /* the next login fetches again: slower, not wrong */
		log_warning("event=jwks_copy_not_written reason=%s detail=\"%s\"", err_reason(err), note.text);
}

static enum otp_err jwks_check_clock(const struct jwks_settings *settings, int64_t date, struct note *note)
{
	int64_t off = clock_wall() - date;

	if (date <= 0 || (off >= -settings->clock_skew - 1 && off <= settings->clock_skew + 1))
		return OTP_OK;
	note_set(note, "this clock is %lld s %s the service's", (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of");
	return OTP_ERR_CLOCK;
}

static enum otp_err jwks_fetch(struct jwks *jwks, struct http *http, const struct deadline *deadline, struct note *note)
{
	struct http_request request = { .url = jwks->settings->url };
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	enum otp_err err = http_exchange(http, &request, deadline, &response, note);

	if (err != OTP_OK)
		return err;
	note_set(note, "%s: status %ld", jwks->settings->url, response.status);
	if (response.status >= 300 && response.status < 400)
		return OTP_ERR_HTTP_REDIRECT;
	if (response.status != 200)
		return OTP_ERR_JWKS_STATUS;
	err = jwks_check_clock(jwks->settings, response.date, note);
	if (err == OTP_OK)
		err = jwks_take(jwks, &response.body, clock_wall());
	if (err == OTP_OK)
		jwks_write_copy(jwks, &response.body);
	return err;
}

/* A copy from the future says nothing about its age. */
static bool jwks_within(const struct jwks *jwks, int64_t age)
{
	int64_t old = clock_wall() - jwks->fetched_at;

	return jwks->set != NULL && old >= 0 && old < age;
}

/* What an old copy must not hide: somebody else's certificate, and a clock that would make every token fail. */
static bool jwks_may_be_old(enum otp_err err)
{
	return err != OTP_ERR_TLS_CERTIFICATE && err != OTP_ERR_CLOCK && err_class(err) != OTP_CLASS_MEMORY;
}

enum otp_err jwks_load(struct jwks *jwks, struct http *http, const struct deadline *deadline, struct note *note)
{
	struct deadline brief = deadline_start(deadline_left_ms(deadline) / 3); /* the login itself needs the rest */
	bool in_hand;
	enum otp_err err;

	if (jwks->settings->file[0] != '\0')
		return jwks_read_file(jwks, note);
	if (jwks_read_copy(jwks) && jwks_within(jwks, jwks->settings->max_age))
		return OTP_OK;
	in_hand = jwks_within(jwks, jwks->settings->max_age + JWKS_STALE_S);
	err = jwks_fetch(jwks, http, in_hand ? &brief : deadline, note);
	if (err == OTP_OK || !in_hand || !jwks_may_be_old(err))
		return err;
	log_warning("event=jwks_copy_old reason=%s detail=\"%s\"", err_reason(err), note->text);
	return OTP_OK;
}

enum otp_err jwks_refresh(struct jwks *jwks, struct http *http, const struct deadline *deadline, struct note *note)
{
	if (jwks->settings->file[0] != '\0' || jwks_within(jwks, JWKS_REFRESH_S))
		return OTP_ERR_JWT_KID;
	return jwks_fetch(jwks, http, deadline, note);
}

void jwks_done(struct jwks *jwks)
{
	jwk_set_free(jwks->set);
	jwks->set = NULL;
}
