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
#include "strbuf.h"
#include "user_map.h"

#define PINS_FIRST "# pins of "
#define PINS_LAST "# end\n"
#define PINS_LOCK "pins.lock"
#define PINS_TEMPORARY ".pins-" /* what safe_dir_write names its own */
#define pins_auto __attribute__((cleanup(pins_close)))

enum {
	PINS_NAME_SIZE = 96,
	PINS_PIECE = 16 * 1024, /* bytes that are read at once; far more than the longest line */
	PINS_ASK_MS = 10
};

/* The file of one pool. */
struct pins_file {
	int dir;
	int lock;		   /* -1: not held */
	char name[PINS_NAME_SIZE]; /* in `dir` */
	char first[PINS_NAME_SIZE];
};

static void pins_close(struct pins_file *file)
{
	if (file->lock >= 0)
		(void)close(file->lock); /* with it goes the lock */
	if (file->dir >= 0)
		(void)close(file->dir);
}

/* --- the file ------------------------------------------------------------------------------------------------------------------- */

static enum otp_err pins_open(const char *user_pool_id, struct pins_file *file, struct note *note)
{
	*file = (struct pins_file){ .dir = -1, .lock = -1 };
	(void)snprintf(file->name, sizeof(file->name), "pins-%s", user_pool_id); /* 55 bytes, see options.c */
	(void)snprintf(file->first, sizeof(file->first), PINS_FIRST "%s\n", user_pool_id);
	return safe_dir_open(OTP_STATE_DIR, &file->dir, note);
}

/* Piece by piece: a process that has all of a large file in memory pays for each of its pages. */
struct pins_reader {
	const struct pins_file *file;
	pins_visitor *visit;
	void *arg;
	bool rough; /* a damaged file: what is no pin is passed over */
	struct note *note;
	int fd;
	unsigned long number; /* of the line that is next */
	bool ended;	      /* the last line was there */
	size_t total;	      /* bytes read */
	size_t length;	      /* bytes of `text`, which begins with a line */
	char text[PINS_PIECE];
};

static enum otp_err pins_complain(const struct pins_reader *reader, const char *why)
{
	note_set(reader->note, OTP_STATE_DIR "/%s:%lu: %s", reader->file->name, reader->number, why);
	return OTP_ERR_PINS_SYNTAX;
}

/* `end` is behind its newline. */
static bool pins_same(const char *line, const char *end, const char *wanted)
{
	return strlen(wanted) == (size_t)(end - line) && memcmp(line, wanted, strlen(wanted)) == 0;
}

/* OTP_ERR_PINS_SYNTAX of a visitor: there was such a pin before. */
static enum otp_err pins_take_line(struct pins_reader *reader, const char *line, const char *end)
{
	struct pin pin;
	enum otp_err err;

	if (reader->rough)
		return pin_parse(line, end - 1, &pin) ? reader->visit(reader->arg, &pin) : OTP_OK;
	if (reader->number == 1)
		return pins_same(line, end, reader->file->first) ? OTP_OK : pins_complain(reader, "not the first line of this pool's file");
	if (reader->ended)
		return pins_complain(reader, "more lines behind the last one");
	reader->ended = pins_same(line, end, PINS_LAST);
	if (reader->ended)
		return OTP_OK;
	if (!pin_parse(line, end - 1, &pin))
		return pins_complain(reader, "not a pin");
	err = reader->visit(reader->arg, &pin);
	return err == OTP_ERR_PINS_SYNTAX ? pins_complain(reader, "a second pin of this user and identity") : err;
}

/* The lines that are whole; what is left of the text then begins with the next one. */
static enum otp_err pins_take_lines(struct pins_reader *reader)
{
	const char *line = reader->text;
	const char *end = line + reader->length;
	const char *newline;
	enum otp_err err = OTP_OK;

	while (err == OTP_OK && line < end && (newline = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		err = pins_take_line(reader, line, newline + 1);
		reader->number++;
		line = newline + 1;
	}
	reader->length = (size_t)(end - line);
	memmove(reader->text, line, reader->length);
	if (err == OTP_OK && reader->length == sizeof(reader->text)) {
		if (!reader->rough)
			return pins_complain(reader, "not a pin");
		reader->length = 0;
	}
	return err;
}

static enum otp_err pins_take_end(const struct pins_reader *reader)
{
	if (reader->rough || (reader->ended && reader->length == 0))
		return OTP_OK;
	return pins_complain(reader, reader->number == 1 ? "not the first line of this pool's file" : "the end is missing");
}

static enum otp_err pins_take_all(struct pins_reader *reader)
{
	enum otp_err err = OTP_OK;

	while (err == OTP_OK) {
		ssize_t got = read(reader->fd, reader->text + reader->length, sizeof(reader->text) - reader->length);

		if (got < 0 && errno == EINTR)
			continue;
		reader->total += got > 0 ? (size_t)got : 0;
		if (got < 0 || reader->total > PINS_FILE_MAX) {
			note_set(reader->note, OTP_STATE_DIR "/%s: %s", reader->file->name, got < 0 ? strerror(errno) : "too large");
			return OTP_ERR_STATE_IO;
		}
		if (got == 0)
			return pins_take_end(reader);
		reader->length += (size_t)got;
		err = pins_take_lines(reader);
	}
	return err;
}

/* Shows each pin to `visit`, whose first error ends it. */
static enum otp_err pins_walk(const struct pins_file *file, bool rough, pins_visitor *visit, void *arg, struct note *note)
{
	struct pins_reader reader;
	enum otp_err err;

	if (faccessat(file->dir, file->name, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT) {
		note_set(note, OTP_STATE_DIR "/%s", file->name);
		return OTP_ERR_PINS_MISSING;
	}
	reader.file = file;
	reader.visit = visit;
	reader.arg = arg;
	reader.rough = rough;
	reader.note = note;
	reader.number = 1;
	reader.ended = false;
	reader.total = 0;
	reader.length = 0;
	err = safe_dir_open_to_read(file->dir, file->name, &reader.fd, note);
	if (err != OTP_OK)
		return err;
	err = pins_take_all(&reader);
	(void)close(reader.fd);
	return err;
}

enum otp_err pins_each(const char *user_pool_id, pins_visitor *visit, void *arg, struct note *note)
{
	pins_auto struct pins_file file;
	enum otp_err err = pins_open(user_pool_id, &file, note);

	return err == OTP_OK ? pins_walk(&file, false, visit, arg, note) : err;
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

/* What a writer keeps of the file, and what it looks for meanwhile. */
struct pins_copy {
	struct pins_search search;
	struct strbuf *text;
};

static enum otp_err pins_keep(void *arg, const struct pin *pin)
{
	struct pins_copy *copy = arg;

	pin_put(copy->text, pin);
	return pins_take(&copy->search, pin);
}

enum otp_err pins_add(const struct pins_key *key, const char *sub, enum pin_origin origin, struct note *note)
{
	pins_auto struct pins_file file;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	struct pins_copy copy = { { .key = key }, &text };
	struct pin pin = { .identity = *key->identity, .origin = origin, .time = clock_wall() };
	bool known = false;
	enum otp_err err = pins_open_to_change(key->user_pool_id, &file, note);

	if (err == OTP_OK && (!user_map_is_name(key->user, strlen(key->user)) || !identity_is_sub(sub) || pin.time < 0))
		err = OTP_ERR_INTERNAL; /* it could be written, and not be read */
	strbuf_puts(&text, file.first);
	if (err == OTP_OK)
		err = pins_walk(&file, false, pins_keep, &copy, note);
	if (err == OTP_OK)
		err = pins_judge(&copy.search.found, sub, &known, note);
	if (err != OTP_OK || known)
		return err;
	memcpy(pin.user, key->user, strlen(key->user) + 1);
	memcpy(pin.identity.sub, sub, IDENTITY_SUB_SIZE + 1);
	pin_put(&text, &pin);
	err = pins_write(&file, &text, note);
	if (err == OTP_OK)
		pins_tell(&pin);
	return err;
}

struct pins_sieve {
	const char *user; /* NULL: all */
	struct strbuf *text; /* what stays */
	int64_t count;	     /* of what goes */
};

static enum otp_err pins_drop(void *arg, const struct pin *pin)
{
	struct pins_sieve *sieve = arg;

	if (sieve->user == NULL || strcmp(pin->user, sieve->user) == 0)
		sieve->count++;
	else
		pin_put(sieve->text, pin);
	return OTP_OK;
}

enum otp_err pins_clear(const char *user_pool_id, const char *user, int64_t *ret_count, struct note *note)
{
	pins_auto struct pins_file file;
	strbuf_auto struct strbuf text = STRBUF_LIMIT(PINS_FILE_MAX);
	struct pins_sieve sieve = { user, &text, 0 };
	enum otp_err err = pins_open_to_change(user_pool_id, &file, note);

	strbuf_puts(&text, file.first);
	if (err == OTP_OK)
		err = pins_walk(&file, user == NULL, pins_drop, &sieve, note);
	if (user == NULL && err == OTP_ERR_PINS_MISSING)
		err = OTP_OK;
	if (err == OTP_OK && (user == NULL || sieve.count > 0))
		err = pins_write(&file, &text, note);
	if (err == OTP_OK)
		*ret_count = sieve.count;
	return err;
}
