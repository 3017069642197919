/* pins - see pins.h. */
#include "pins.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "clock.h"
#include "log.h"
#include "safe_file.h"
#include "secret.h"
#include "strbuf.h"
#include "user_map.h"

#define PINS_FIRST "# pins of "
#define PINS_LAST "# end\n"
#define PINS_LOCK "pins.lock"
#define PINS_TEMPORARY ".pins-" /* what safe_dir_write names its own */
#define pins_auto __attribute__((cleanup(pins_close)))

enum { PINS_NAME_SIZE = 96, PINS_ASK_MS = 10 };

/* The file of one pool. The text is no secret; it is safe_dir_read that gives it so. */
struct pins_file {
	int dir;
	int lock;		   /* -1: not held */
	char name[PINS_NAME_SIZE]; /* in `dir` */
	char first[PINS_NAME_SIZE];
	struct secret text;
	const char *lines; /* between the first and the last one */
	const char *end;
};

static void pins_close(struct pins_file *file)
{
	secret_done(&file->text);
	if (file->lock >= 0)
		(void)close(file->lock); /* with it goes the lock */
	if (file->dir >= 0)
		(void)close(file->dir);
}

/* --- the file ------------------------------------------------------------------------------------------------------------------- */

static enum otp_err pins_open(const char *user_pool_id, struct pins_file *file, struct note *note)
{
	*file = (struct pins_file){ .dir = -1, .lock = -1, .text = SECRET_EMPTY };
	(void)snprintf(file->name, sizeof(file->name), "pins-%s", user_pool_id); /* 55 bytes, see options.c */
	(void)snprintf(file->first, sizeof(file->first), PINS_FIRST "%s\n", user_pool_id);
	return safe_dir_open(OTP_STATE_DIR, &file->dir, note);
}

/* Finds what stands between the first and the last line. */
static enum otp_err pins_frame(struct pins_file *file, struct note *note)
{
	size_t first = strlen(file->first);
	size_t last = sizeof(PINS_LAST) - 1;
	const char *text = secret_text(&file->text);
	size_t length = file->text.length;

	if (length < first || memcmp(text, file->first, first) != 0) {
		note_set(note, OTP_STATE_DIR "/%s:1: not \"%.*s\"", file->name, (int)first - 1, file->first);
		return OTP_ERR_PINS_SYNTAX;
	}
	if (length < first + last || memcmp(text + length - last, PINS_LAST, last) != 0 || text[length - last - 1] != '\n') {
		note_set(note, OTP_STATE_DIR "/%s: the last line is not \"%.*s\": the end is missing", file->name, (int)last - 1, PINS_LAST);
		return OTP_ERR_PINS_SYNTAX;
	}
	file->lines = text + first;
	file->end = text + length - last;
	return OTP_OK;
}

static enum otp_err pins_read(struct pins_file *file, struct note *note)
{
	int64_t written;
	enum otp_err err;

	if (faccessat(file->dir, file->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
		note_set(note, OTP_STATE_DIR "/%s", file->name);
		return OTP_ERR_PINS_MISSING;
	}
	err = safe_dir_read(file->dir, file->name, PINS_FILE_MAX, &file->text, &written, note);
	return err == OTP_OK ? pins_frame(file, note) : err;
}

/* Shows each line to `visit`, whose first error ends it. OTP_ERR_PINS_SYNTAX of a visitor: there was such a pin before. */
static enum otp_err pins_walk(const struct pins_file *file, pins_visitor *visit, void *arg, struct note *note)
{
	const char *line = file->lines;

	for (unsigned long number = 2; line < file->end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(file->end - line)); /* there is one: see pins_frame */
		struct pin pin;
		bool good = pin_parse(line, newline, &pin);
		enum otp_err err = good ? visit(arg, &pin) : OTP_ERR_PINS_SYNTAX;

		if (err == OTP_ERR_PINS_SYNTAX)
			note_set(note, OTP_STATE_DIR "/%s:%lu: %s", file->name, number, good ? "a second pin of this user and identity" : "not a pin");
		if (err != OTP_OK)
			return err;
		line = newline + 1;
	}
	return OTP_OK;
}

enum otp_err pins_each(const char *user_pool_id, pins_visitor *visit, void *arg, struct note *note)
{
	pins_auto struct pins_file file;
	enum otp_err err = pins_open(user_pool_id, &file, note);

	if (err == OTP_OK)
		err = pins_read(&file, note);
	return err == OTP_OK ? pins_walk(&file, visit, arg, note) : err;
}

static enum otp_err pins_count(void *arg, const struct pin *pin)
{
	int64_t *count = arg;

	(void)pin;
	(*count)++;
	return OTP_OK;
}

enum otp_err pins_check(const char *user_pool_id, int64_t *ret_count, struct note *note)
{
	*ret_count = 0;
	return pins_each(user_pool_id, pins_count, ret_count, note);
}

/* --- one person's --------------------------------------------------------------------------------------------------------------- */

struct pins_search {
	const struct pins_key *key;
	struct pin found; /* user "": none */
};

static enum otp_err pins_take(void *arg, const struct pin *pin)
{
	struct pins_search *search = arg;
	const struct identity *wanted = search->key->identity;

	if (strcmp(pin->user, search->key->user) != 0 || pin->identity.kind != wanted->kind || strcmp(pin->identity.value, wanted->value) != 0)
		return OTP_OK;
	if (search->found.user[0] != '\0')
		return OTP_ERR_PINS_SYNTAX;
	search->found = *pin;
	return OTP_OK;
}

enum otp_err pins_find(const struct pins_key *key, char ret_sub[IDENTITY_SUB_SIZE + 1], struct note *note)
{
	struct pins_search search = { .key = key };
	enum otp_err err = pins_each(key->user_pool_id, pins_take, &search, note);

	if (err == OTP_OK)
		memcpy(ret_sub, search.found.identity.sub, IDENTITY_SUB_SIZE + 1);
	return err;
}

static enum otp_err pins_judge(const struct pin *found, const char *sub, bool *ret_known, struct note *note)
{
	time_t seconds = (time_t)found->time;
	char when[32] = "";
	struct tm utc;

	*ret_known = found->user[0] != '\0';
	if (!*ret_known || strcmp(found->identity.sub, sub) == 0)
		return OTP_OK;
	if (gmtime_r(&seconds, &utc) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	note_set(note, "pinned %s at %s (%s), not %s", found->identity.sub, when, pin_origin_name(found->origin), sub);
	return OTP_ERR_IDENTITY_SUB;
}

enum otp_err pins_compare(const struct pins_key *key, const char *sub, bool *ret_known, struct note *note)
{
	struct pins_search search = { .key = key };
	enum otp_err err = pins_each(key->user_pool_id, pins_take, &search, note);

	return err == OTP_OK ? pins_judge(&search.found, sub, ret_known, note) : err;
}

/* --- changes -------------------------------------------------------------------------------------------------------------------- */

static enum otp_err pins_open_lock(struct pins_file *file, struct note *note)
{
	enum otp_err err = OTP_OK;

	for (int i = 0; i < 2 && err == OTP_OK; i++) {
		err = safe_dir_open_file(file->dir, PINS_LOCK, 0, &file->lock, note);
		if (err != OTP_OK || file->lock >= 0)
			return err;
		err = safe_dir_create(file->dir, PINS_LOCK, "", 0, note);
	}
	note_set(note, OTP_STATE_DIR "/" PINS_LOCK " cannot be made");
	return OTP_ERR_STATE_IO;
}

/* An open file description lock (fcntl(2)) belongs to the descriptor, and ends with the process. Nobody sleeps in the kernel for it. */
static enum otp_err pins_lock(struct pins_file *file, struct note *note)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_len = 1 };
	int64_t until = clock_monotonic_ms() + PINS_WAIT_MS;
	enum otp_err err = pins_open_lock(file, note);

	if (err != OTP_OK)
		return err;
	while (fcntl(file->lock, F_OFD_SETLK, &lock) != 0) {
		if (errno != EAGAIN && errno != EACCES && errno != EINTR) {
			note_set(note, OTP_STATE_DIR "/" PINS_LOCK ": %s", strerror(errno));
			return OTP_ERR_STATE_IO;
		}
		if (clock_monotonic_ms() >= until) {
			note_set(note, OTP_STATE_DIR "/" PINS_LOCK ": another process has held it for %d s", PINS_WAIT_MS / 1000);
			return OTP_ERR_STATE_IO;
		}
		clock_sleep_until_ms(clock_monotonic_ms() + PINS_ASK_MS);
	}
	return OTP_OK;
}

/* What writers that were killed left behind. Whoever writes has the lock, and that is us. */
static void pins_sweep(int dir)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (files == NULL) {
		if (fd >= 0)
			(void)close(fd);
		return;
	}
	while ((entry = readdir(files)) != NULL) {
		if (strncmp(entry->d_name, PINS_TEMPORARY, sizeof(PINS_TEMPORARY) - 1) == 0)
			(void)unlinkat(dir, entry->d_name, 0);
	}
	(void)closedir(files);
}

static enum otp_err pins_open_to_change(const char *user_pool_id, struct pins_file *file, struct note *note)
{
	enum otp_err err = pins_open(user_pool_id, file, note);

	return err == OTP_OK ? pins_lock(file, note) : err;
}

/*
 * Replaces the file by `text`, which lacks only its last line. The directory, too, must reach the disk: a pin that a power cut takes back is
 * one that somebody else can make.
 */
static enum otp_err pins_write(const struct pins_file *file, struct strbuf *text, struct note *note)
{
	enum otp_err err;

	strbuf_puts(text, PINS_LAST);
	if (text->failed != OTP_OK) {
		note_set(note, OTP_STATE_DIR "/%s: would be larger than %d bytes", file->name, PINS_FILE_MAX);
		return text->failed == OTP_ERR_MEMORY ? OTP_ERR_MEMORY : OTP_ERR_STATE_IO;
	}
	pins_sweep(file->dir);
	err = safe_dir_write(file->dir, file->name, strbuf_text(text), text->length, note);
	if (err == OTP_OK && fsync(file->dir) != 0) {
		note_set(note, OTP_STATE_DIR ": %s", strerror(errno));
		err = OTP_ERR_STATE_IO;
	}
	return err;
}

static void pins_tell(const struct pin *pin)
{
	char cognito[IDENTITY_VALUE_MAX + 1];

	log_clean(cognito, sizeof(cognito), pin->identity.value, true);
	log_warning("event=pinned user=%s cognito=%s sub=%s from=%s", pin->user, cognito, pin->identity.sub, pin_origin_name(pin->origin));
}

static enum otp_err pins_append(struct pins_file *file, const struct pin *pin, struct note *note)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	const char *old = secret_text(&file->text);
	enum otp_err err;

	strbuf_add(&text, old, (size_t)(file->end - old));
	pin_put(&text, pin);
	err = pins_write(file, &text, note);
	if (err == OTP_OK)
		pins_tell(pin);
	return err;
}

enum otp_err pins_add(const struct pins_key *key, const char *sub, enum pin_origin origin, struct note *note)
{
	pins_auto struct pins_file file;
	struct pins_search search = { .key = key };
	struct pin pin = { .identity = *key->identity, .origin = origin, .time = clock_wall() };
	bool known = false;
	enum otp_err err = pins_open_to_change(key->user_pool_id, &file, note);

	if (err == OTP_OK && (!user_map_is_name(key->user, strlen(key->user)) || !identity_is_sub(sub) || pin.time < 0))
		err = OTP_ERR_INTERNAL; /* it could be written, and not be read */
	if (err == OTP_OK)
		err = pins_read(&file, note);
	if (err == OTP_OK)
		err = pins_walk(&file, pins_take, &search, note);
	if (err == OTP_OK)
		err = pins_judge(&search.found, sub, &known, note);
	if (err != OTP_OK || known)
		return err;
	memcpy(pin.user, key->user, strlen(key->user) + 1);
	memcpy(pin.identity.sub, sub, IDENTITY_SUB_SIZE + 1);
	return pins_append(&file, &pin, note);
}

struct pins_sieve {
	const char *user;
	struct strbuf *text; /* what stays */
	int64_t count;	     /* of what goes */
};

static enum otp_err pins_drop(void *arg, const struct pin *pin)
{
	struct pins_sieve *sieve = arg;

	if (strcmp(pin->user, sieve->user) == 0)
		sieve->count++;
	else
		pin_put(sieve->text, pin);
	return OTP_OK;
}

/* How many lines of a file, perhaps a damaged one, are pins. */
static int64_t pins_count_good(const struct secret *text)
{
	const char *line = secret_text(text);
	const char *end = line + text->length;
	int64_t count = 0;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		struct pin pin;

		count += newline != NULL && pin_parse(line, newline, &pin) ? 1 : 0;
		line = newline == NULL ? end : newline + 1;
	}
	return count;
}

enum otp_err pins_clear(const char *user_pool_id, const char *user, int64_t *ret_count, struct note *note)
{
	pins_auto struct pins_file file;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	struct pins_sieve sieve = { user, &text, 0 };
	enum otp_err err = pins_open_to_change(user_pool_id, &file, note);

	if (err != OTP_OK)
		return err;
	err = pins_read(&file, note);
	strbuf_puts(&text, file.first);
	if (user == NULL && (err == OTP_ERR_PINS_MISSING || err == OTP_ERR_PINS_SYNTAX))
		err = OTP_OK;
	if (user == NULL)
		sieve.count = pins_count_good(&file.text);
	else if (err == OTP_OK)
		err = pins_walk(&file, pins_drop, &sieve, note);
	if (err == OTP_OK && (user == NULL || sieve.count > 0))
		err = pins_write(&file, &text, note);
	if (err == OTP_OK)
		*ret_count = sieve.count;
	return err;
}
