/* user_map - see user_map.h. */
#include "user_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "safe_file.h"

/* One word of a line: text that is not NUL-terminated. */
struct user_map_word {
	const char *text;
	size_t length;
};

/* By comparison and not by look-up in a string: of a large map every byte goes through here. */
static bool user_map_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static bool user_map_begins_name(char c)
{
	return (c >= 'a' && c <= 'z') || c == '_';
}

static bool user_map_continues_name(char c)
{
	return user_map_begins_name(c) || (c >= '0' && c <= '9') || c == '.' || c == '-';
}

bool user_map_is_name(const char *name, size_t length)
{
	if (length == 0 || length > USER_MAP_NAME_MAX || !user_map_begins_name(name[0]))
		return false;
	if (name[length - 1] == '$')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (!user_map_continues_name(name[i]))
			return false;
	}
	return true;
}

/* The next word of [*text, end); an empty one at the end of the line. */
static struct user_map_word user_map_word(const char **text, const char *end)
{
	struct user_map_word word;

	while (*text < end && user_map_is_blank(**text))
		(*text)++;
	word.text = *text;
	while (*text < end && !user_map_is_blank(**text))
		(*text)++;
	word.length = (size_t)(*text - word.text);
	return word;
}

static enum otp_err user_map_pin(const struct user_map_word *word, struct identity *identity)
{
	char sub[IDENTITY_SUB_SIZE + 1];

	if (word->length == 0)
		return OTP_OK;
	if (word->length != 4 + IDENTITY_SUB_SIZE || memcmp(word->text, "sub=", 4) != 0)
		return OTP_ERR_MAP_SYNTAX;
	memcpy(sub, word->text + 4, IDENTITY_SUB_SIZE);
	sub[IDENTITY_SUB_SIZE] = '\0';
	if (!identity_is_sub(sub))
		return OTP_ERR_MAP_SYNTAX;
	memcpy(identity->sub, sub, sizeof(sub));
	return OTP_OK;
}

/* Parses one line; *ret_name is empty for a line without a user. */
static enum otp_err user_map_line(const char *line, const char *end, struct user_map_word *ret_name, struct identity *ret_identity, const char **why)
{
	struct user_map_word value;
	struct user_map_word pin;

	*ret_name = user_map_word(&line, end);
	if (ret_name->length == 0 || ret_name->text[0] == '#') {
		ret_name->length = 0;
		return OTP_OK;
	}
	*why = "the first word is not a local user name";
	if (!user_map_is_name(ret_name->text, ret_name->length))
		return OTP_ERR_MAP_SYNTAX;
	*why = "the second word is not email:, username: or phone: and a value";
	value = user_map_word(&line, end);
	if (identity_parse(value.text, value.length, ret_identity) != OTP_OK)
		return OTP_ERR_MAP_SYNTAX;
	*why = "the third word is not sub= and a UUID";
	pin = user_map_word(&line, end);
	if (user_map_pin(&pin, ret_identity) != OTP_OK)
		return OTP_ERR_MAP_SYNTAX;
	*why = "more words than user, kind:value and sub=";
	return user_map_word(&line, end).length == 0 ? OTP_OK : OTP_ERR_MAP_SYNTAX;
}

static const char *user_map_objection(enum otp_err err)
{
	if (err == OTP_ERR_CONFIG_DUPLICATE)
		return "this user has that value in an earlier line";
	return err == OTP_ERR_MAP_SYNTAX ? "more than 64 people for this user" : err_text(err);
}

/* Read piece by piece: a process that has a large file in memory pays for each of its pages. */
struct user_map_reader {
	int fd;
	const char *path;
	user_map_visitor *visit;
	void *arg;
	struct note *note;
	unsigned long number; /* of the line that is next */
	size_t total;	      /* bytes read */
	size_t length;	      /* bytes of `text`, which begins with a line */
	char text[USER_MAP_LINE_MAX];
};

/* Checks one line, and shows its entry to the visitor, whose first error ends it. */
static enum otp_err user_map_show(struct user_map_reader *reader, const char *line, const char *end)
{
	const char *why = "";
	struct user_map_word name;
	struct identity identity;
	enum otp_err err = user_map_line(line, end, &name, &identity, &why);

	if (err == OTP_OK && name.length > 0) {
		err = reader->visit(reader->arg, reader->number, name.text, name.length, &identity);
		why = user_map_objection(err);
	}
	if (err != OTP_OK)
		note_set(reader->note, "%s:%lu: %s", reader->path, reader->number, why);
	reader->number++;
	return err;
}

/* Shows the lines that are whole; the last one of the file may end without a newline. What is left of the text then begins it. */
static enum otp_err user_map_lines(struct user_map_reader *reader, bool last)
{
	const char *line = reader->text;
	const char *end = line + reader->length;

	while (line < end) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline == NULL ? end : newline;
		enum otp_err err;

		if (newline == NULL && !last)
			break;
		err = user_map_show(reader, line, stop);
		if (err != OTP_OK)
			return err;
		line = newline == NULL ? end : newline + 1;
	}
	reader->length = (size_t)(end - line);
	memmove(reader->text, line, reader->length);
	return OTP_OK;
}

static enum otp_err user_map_read(struct user_map_reader *reader)
{
	enum otp_err err = OTP_OK;
	ssize_t got = 1;

	while (err == OTP_OK && got != 0) {
		if (reader->length == sizeof(reader->text)) {
			note_set(reader->note, "%s:%lu: longer than %d bytes", reader->path, reader->number, USER_MAP_LINE_MAX - 1);
			return OTP_ERR_MAP_SYNTAX;
		}
		got = read(reader->fd, reader->text + reader->length, sizeof(reader->text) - reader->length);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0) {
			note_set(reader->note, "%s: %s", reader->path, strerror(errno));
			return OTP_ERR_CONFIG_OPEN;
		}
		reader->length += (size_t)got;
		reader->total += (size_t)got;
		if (reader->total > USER_MAP_FILE_MAX) {
			note_set(reader->note, "%s: larger than %d bytes, or growing", reader->path, USER_MAP_FILE_MAX);
			return OTP_ERR_CONFIG_OPEN;
		}
		err = user_map_lines(reader, got == 0);
	}
	return err;
}

/* Only the default file may be absent. */
enum otp_err user_map_each(const struct user_map_settings *settings, user_map_visitor *visit, void *arg, struct note *note)
{
	struct user_map_reader reader;
	enum otp_err err;

	if (!settings->required && faccessat(AT_FDCWD, settings->path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return OTP_OK;
	reader.path = settings->path;
	reader.visit = visit;
	reader.arg = arg;
	reader.note = note;
	reader.number = 1;
	reader.total = 0;
	reader.length = 0;
	err = safe_file_open(settings->path, SAFE_FILE_PUBLIC, &reader.fd, note);
	if (err != OTP_OK)
		return err;
	err = user_map_read(&reader);
	(void)close(reader.fd);
	return err;
}

struct user_map_search {
	const char *user;
	size_t user_length;
	struct user_map_entry *entry;
};

/* One more of the people who have this account. Of two with one value nobody could say which of them is asking. */
static enum otp_err user_map_add(struct user_map_entry *entry, const struct identity *identity)
{
	for (size_t i = 0; i < entry->count; i++) {
		if (strcmp(entry->people[i].value, identity->value) == 0)
			return OTP_ERR_CONFIG_DUPLICATE;
	}
	if (entry->count == USER_MAP_PEOPLE_MAX)
		return OTP_ERR_MAP_SYNTAX;
	entry->found = true;
	entry->people[entry->count++] = *identity;
	return OTP_OK;
}

static enum otp_err user_map_take(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity)
{
	const struct user_map_search *search = arg;

	(void)line;
	search->entry->map_size++;
	if (search->user_length != length || memcmp(name, search->user, length) != 0)
		return OTP_OK;
	return user_map_add(search->entry, identity);
}

static void user_map_fill(const char *template, const char *user, struct user_map_entry *entry)
{
	const char *percent = strstr(template, "%u");
	char text[IDENTITY_VALUE_MAX + 16];
	int length;

	if (percent == NULL || !user_map_is_name(user, strlen(user)))
		return;
	length = snprintf(text, sizeof(text), "%.*s%s%s", (int)(percent - template), template, user, percent + 2);
	if (length < 0 || (size_t)length >= sizeof(text) || identity_parse(text, (size_t)length, &entry->people[0]) != OTP_OK)
		return; /* a name that does not fit is a user without mapping */
	entry->found = true;
	entry->count = 1;
	entry->from_template = true;
}

enum otp_err user_map_find(const struct user_map_settings *settings, const char *user, struct user_map_entry *ret_entry, struct note *note)
{
	struct user_map_entry entry;
	struct user_map_search search = { user, strlen(user), &entry };
	enum otp_err err;

	memset(&entry, 0, sizeof(entry));
	err = user_map_each(settings, user_map_take, &search, note);
	if (err != OTP_OK)
		return err;
	if (!entry.found && settings->template[0] != '\0')
		user_map_fill(settings->template, user, &entry);
	*ret_entry = entry;
	return OTP_OK;
}
