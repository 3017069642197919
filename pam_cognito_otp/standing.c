/* standing - see standing.h. */
#include "standing.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clock.h"
#include "crypto.h"
#include "log.h"
#include "pins.h"
#include "run_dir.h"
#include "safe_file.h"
#include "strbuf.h"

enum {
	STANDING_NAME_SIZE = sizeof(RUN_DIR_STANDING) + 32,
	STANDING_KEY_MAX = 4 * 1024, /* bytes of all that makes a name */
	STANDING_FILE_MAX = 128	     /* bytes */
};

bool standing_wanted(const struct options *options, const char *program)
{
	if (!options->check_user || options->check_services.count == 0)
		return options->check_user;
	for (size_t i = 0; i < options->check_services.count; i++) {
		if (strcmp(options->check_services.words[i], program) == 0)
			return true;
	}
	return false;
}

/* --- what is remembered ------------------------------------------------------------------------------------------------------------ */

static void standing_add(struct strbuf *key, const char *field)
{
	strbuf_printf(key, "%zu:", strlen(field));
	strbuf_puts(key, field);
	strbuf_puts(key, ",");
}

/*
 * The file's name, from fields with their length before them: no two people make the same, and another line in the map, or pin, is
 * another.
 */
static enum otp_err standing_name(const struct standing *standing, const char *pin, char name[STANDING_NAME_SIZE])
{
	strbuf_auto struct strbuf key = STRBUF_LIMIT(STANDING_KEY_MAX);
	const struct identity *identity = &standing->judged->identity;
	unsigned char digest[CRYPTO_SHA256_SIZE];
	size_t length = strlen(RUN_DIR_STANDING);
	enum otp_err err;

	standing_add(&key, standing->options->user_pool_id);
	standing_add(&key, standing->user);
	standing_add(&key, identity_kind_name(identity->kind));
	standing_add(&key, identity->value);
	standing_add(&key, identity->sub);
	standing_add(&key, pin);
	err = key.failed == OTP_OK ? crypto_sha256(key.text, key.length, digest) : key.failed;
	if (err != OTP_OK)
		return err;
	memcpy(name, RUN_DIR_STANDING, length);
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(name + length + 2 * i, 3, "%02x", digest[i]);
	return OTP_OK;
}

/* `BOOT-ID MILLISECONDS` and a newline. Of another boot, of the future, damaged: then it says nothing. */
static bool standing_is_fresh(const char *text)
{
	char boot_id[CLOCK_BOOT_ID_SIZE];
	const char *number;
	char *end;
	long long age;

	clock_boot_id(boot_id);
	if (boot_id[0] == '\0' || strncmp(text, boot_id, strlen(boot_id)) != 0 || text[strlen(boot_id)] != ' ')
		return false;
	number = text + strlen(boot_id) + 1;
	if (strspn(number, "0123456789") == 0 || strspn(number, "0123456789") > 18)
		return false;
	age = (long long)clock_boot_ms() - strtoll(number, &end, 10);
	return strcmp(end, "\n") == 0 && age >= 0 && age < STANDING_GOOD_S * 1000;
}

static bool standing_is_remembered(const struct standing *standing, const char *pin)
{
	secret_auto struct secret text = SECRET_EMPTY;
	struct note note = { "" }; /* that there is none is no news */
	char name[STANDING_NAME_SIZE];
	int64_t mtime;

	if (standing->dir < 0 || standing_name(standing, pin, name) != OTP_OK ||
	    safe_dir_read(standing->dir, name, STANDING_FILE_MAX, &text, &mtime, &note) != OTP_OK)
		return false;
	return strlen(secret_text(&text)) == text.length && standing_is_fresh(secret_text(&text));
}

/* Where it cannot be written the next call asks again. */
static void standing_remember(const struct standing *standing, const char *pin)
{
	char boot_id[CLOCK_BOOT_ID_SIZE];
	char name[STANDING_NAME_SIZE];
	char text[STANDING_FILE_MAX];
	struct note note = { "" };
	int length;

	clock_boot_id(boot_id);
	length = snprintf(text, sizeof(text), "%s %lld\n", boot_id, (long long)clock_boot_ms());
	if (standing->dir < 0 || boot_id[0] == '\0' || standing_name(standing, pin, name) != OTP_OK)
		return;
	if (safe_dir_write(standing->dir, name, text, (size_t)length, &note) != OTP_OK)
		log_debug("the answer about %s is not remembered: %s", standing->user, note.text);
}

/* --- what the pool says of him ------------------------------------------------------------------------------------------------------ */

enum otp_err standing_judge_status(enum cognito_status status)
{
	switch (status) {
	case COGNITO_STATUS_CONFIRMED:
		return OTP_OK;
	case COGNITO_STATUS_UNCONFIRMED:
		return OTP_ERR_ACCOUNT_NOT_CONFIRMED;
	case COGNITO_STATUS_EXTERNAL_PROVIDER:
		return OTP_ERR_ACCOUNT_EXTERNAL;
	case COGNITO_STATUS_RESET_REQUIRED:
		return OTP_ERR_ACCOUNT_RESET;
	case COGNITO_STATUS_FORCE_CHANGE_PASSWORD:
		return OTP_ERR_ACCOUNT_FORCE_CHANGE;
	case COGNITO_STATUS_OTHER:
		break;
	}
	return OTP_ERR_ACCOUNT_STATUS;
}

enum otp_err standing_judge_identity(const struct identity *wanted, const struct cognito_user *user)
{
	switch (wanted->kind) {
	case IDENTITY_EMAIL:
		if (strcmp(user->email, wanted->value) != 0)
			return OTP_ERR_IDENTITY_EMAIL;
		return user->email_verified ? OTP_OK : OTP_ERR_IDENTITY_UNVERIFIED;
	case IDENTITY_PHONE:
		if (strcmp(user->phone_number, wanted->value) != 0)
			return OTP_ERR_IDENTITY_PHONE;
		return user->phone_number_verified ? OTP_OK : OTP_ERR_IDENTITY_UNVERIFIED;
	case IDENTITY_USERNAME:
		return strcmp(user->user_name, wanted->value) == 0 ? OTP_OK : OTP_ERR_IDENTITY_USERNAME;
	}
	return OTP_ERR_INTERNAL;
}

static enum otp_err standing_judge_sub(const char *sub, const char *pin, const char *whose, struct note *note)
{
	if (!identity_is_sub(sub)) {
		note_set(note, "the pool gives no well-formed sub for him");
		return OTP_ERR_IDENTITY_SUB;
	}
	if (pin[0] == '\0' || strcmp(sub, pin) == 0)
		return OTP_OK;
	note_set(note, "his sub is %s in the pool, and %s in %s", sub, pin, whose);
	return OTP_ERR_IDENTITY_SUB;
}

static enum otp_err standing_judge(const struct standing *standing, const char *pin, const struct cognito_user *user)
{
	const struct identity *wanted = &standing->judged->identity;
	enum otp_err err = user->enabled ? standing_judge_status(user->status) : OTP_ERR_ACCOUNT_DISABLED;

	if (err == OTP_OK)
		err = standing_judge_identity(wanted, user);
	if (err == OTP_OK)
		err = standing_judge_sub(user->sub, wanted->sub, "the user map", standing->note);
	if (err == OTP_OK)
		err = standing_judge_sub(user->sub, pin, "the file of pins", standing->note);
	return err;
}

/* --- pins -------------------------------------------------------------------------------------------------------------------------- */

static struct pins_key standing_key(const struct standing *standing)
{
	return (struct pins_key){ standing->options->user_pool_id, standing->user, &standing->judged->identity };
}

/* "" when nothing is remembered of him, or the settings do not have it remembered. */
static enum otp_err standing_find_pin(const struct standing *standing, char ret_pin[IDENTITY_SUB_SIZE + 1])
{
	struct pins_key key = standing_key(standing);

	ret_pin[0] = '\0';
	if (!standing->options->pin_sub && !standing->options->create_user)
		return OTP_OK;
	return pins_find(&key, ret_pin, standing->note);
}

/* --- who is not there yet ------------------------------------------------------------------------------------------------------------ */

/* Named by an address of his own in the root-owned map, an account here, and not root. */
static bool standing_may_be_created(const struct standing *standing)
{
	const struct policy_user *judged = standing->judged;

	return standing->options->create_user && standing->options->challenge == CHALLENGE_EMAIL_OTP && judged->identity.kind == IDENTITY_EMAIL &&
	       !judged->from_template && judged->known && judged->uid != 0;
}

/* A `sub` in the map, or a pin, says that the pool had him before: somebody deleted him there, and he stays deleted. */
static enum otp_err standing_was_there(const struct standing *standing, const char *pin)
{
	const char *before = standing->judged->identity.sub[0] != '\0' ? standing->judged->identity.sub : pin;

	if (before[0] == '\0')
		return OTP_OK;
	note_set(standing->note, "the pool has him no more; he was %s", before);
	return OTP_ERR_ACCOUNT_GONE;
}

static void standing_log_created(const struct standing *standing, const char *sub)
{
	char user[LOGIN_NAME_MAX];
	char value[IDENTITY_VALUE_MAX + 1];
	char program[64];

	log_clean(program, sizeof(program), standing->program, true);
	log_clean(user, sizeof(user), standing->user, true);
	log_clean(value, sizeof(value), standing->judged->identity.value, true);
	log_warning("event=user_created user=%s cognito=%s sub=%s service=%s", user, value, sub, program);
}

/*
 * Remembered before anything else is done with him. Whoever is killed between the creation and this leaves a user without a pin: the
 * next call finds him as one whom the administrator may have made, and remembers him then (standing_remember_found). Only if he is
 * deleted in the pool before that call would he be created a second time.
 */
static enum otp_err standing_remember_created(const struct standing *standing, const struct cognito_user *user,
					      char pin[IDENTITY_SUB_SIZE + 1])
{
	struct pins_key key = standing_key(standing);
	enum otp_err err = standing_judge_sub(user->sub, "", "", standing->note);

	if (err != OTP_OK)
		return err;
	standing_log_created(standing, user->sub);
	err = pins_add(&key, user->sub, PINS_FROM_CREATION, standing->note);
	if (err == OTP_OK)
		memcpy(pin, user->sub, sizeof(user->sub));
	return err;
}

/* Another call may have been first, here or on another host: then he is there now. If he is not, the address is another user's. */
static enum otp_err standing_look_again(const struct standing *standing, struct cognito_user *ret_user, char pin[IDENTITY_SUB_SIZE + 1])
{
	enum otp_err err = cognito_admin_get_user(&standing->service->admin, standing->judged->identity.value, ret_user);

	if (err == OTP_ERR_ACCOUNT_NOT_FOUND)
		return OTP_ERR_ACCOUNT_EXISTS;
	return err == OTP_OK ? standing_find_pin(standing, pin) : err;
}

static enum otp_err standing_create(const struct standing *standing, struct cognito_user *ret_user, char pin[IDENTITY_SUB_SIZE + 1])
{
	enum otp_err err;

	if (!standing_may_be_created(standing))
		return OTP_ERR_ACCOUNT_NOT_FOUND;
	err = standing_was_there(standing, pin);
	if (err != OTP_OK)
		return err;
	err = cognito_admin_create_user(&standing->service->admin, standing->judged->identity.value, ret_user);
	if (err == OTP_ERR_ACCOUNT_EXISTS)
		return standing_look_again(standing, ret_user, pin);
	return err == OTP_OK ? standing_remember_created(standing, ret_user, pin) : err;
}

/*
 * With create_user everybody is remembered who is found and could be created, however he came into the pool: who is deleted there later must not be taken for
 * one who never was there.
 */
static enum otp_err standing_remember_found(const struct standing *standing, const struct cognito_user *user,
					    char pin[IDENTITY_SUB_SIZE + 1])
{
	struct pins_key key = standing_key(standing);
	enum otp_err err;

	if (!standing_may_be_created(standing) || pin[0] != '\0')
		return OTP_OK;
	err = pins_add(&key, user->sub, PINS_FROM_LOOK, standing->note);
	if (err == OTP_OK)
		memcpy(pin, user->sub, sizeof(user->sub));
	return err;
}

enum otp_err standing_check(const struct standing *standing, bool may_create)
{
	struct service *service = standing->service;
	char pin[IDENTITY_SUB_SIZE + 1];
	struct cognito_user user;
	enum otp_err err;

	cognito_begin(&service->cognito);
	if (!standing->judged->mapped)
		return OTP_ERR_INTERNAL;
	err = standing_find_pin(standing, pin);
	if (err != OTP_OK || standing_is_remembered(standing, pin))
		return err;
	err = cognito_admin_get_user(&service->admin, standing->judged->identity.value, &user);
	if (err == OTP_ERR_ACCOUNT_NOT_FOUND && may_create)
		err = standing_create(standing, &user, pin);
	if (err == OTP_OK)
		err = standing_judge(standing, pin, &user);
	if (err == OTP_OK)
		err = standing_remember_found(standing, &user, pin);
	if (err == OTP_OK)
		standing_remember(standing, pin);
	return err;
}
