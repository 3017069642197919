/* user_map - see user_map.h. */
#include "user_map.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "safe_file.h"
#include "secret.h"

/* One word of a line: text that is not NUL-terminated. */
struct user_map_word {
	const char *text;
	size_t length;
};

static const char user_map_blanks[] = " \t\r";

bool user_map_is_name(const char *name, size_t length)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz_";
	static const char others[] = "abcdefghijklmnopqrstuvwxyz0123456789_.-";

	if (length == 0 || length > USER_MAP_NAME_MAX || memchr(first, name[0], sizeof(first) - 1) == NULL)
		return false;
	if (name[length - 1] == '$')
		length--;
	for (size_t i = 0; i < length; i++) {
		if (memchr(others, name[i], sizeof(others) - 1) == NULL)
			return false;
	}
	return true;
}

/* The next word of [*text, end); an empty one at the end of the line. */
static struct user_map_word user_map_word(const char **text, const char *end)
{
	struct user_map_word word;

	while (*text < end && memchr(user_map_blanks, **text, 3) != NULL)
		(*text)++;
	word.text = *text;
	while (*text < end && memchr(user_map_blanks, **text, 3) == NULL)
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

/* Shows each entry to `visit`, whose first error ends it. */
static enum otp_err user_map_text(const char *path, const struct secret *text, user_map_visitor *visit, void *arg, struct note *note)
{
	const char *line = secret_text(text);
	const char *end = line + text->length;
	const char *why = "";
	unsigned long number = 1;

	for (; line < end; number++) {
		const char *newline = memchr(line, '\n', (size_t)(end - line));
		const char *stop = newline == NULL ? end : newline;
		struct user_map_word name;
		struct identity identity;
		enum otp_err err = user_map_line(line, stop, &name, &identity, &why);

		if (err == OTP_OK && name.length > 0) {
			why = "a second entry for this user";
			err = visit(arg, number, name.text, name.length, &identity);
		}
		if (err != OTP_OK) {
			note_set(note, "%s:%lu: %s", path, number, why);
			return err;
		}
		line = stop + 1;
	}
	return OTP_OK;
}

/* Only the default file may be absent. */
enum otp_err user_map_each(const struct user_map_settings *settings, user_map_visitor *visit, void *arg, struct note *note)
{
	secret_auto struct secret text = SECRET_EMPTY;
	enum otp_err err;

	if (!settings->required && faccessat(AT_FDCWD, settings->path, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return OTP_OK;
	err = safe_file_read(settings->path, SAFE_FILE_PUBLIC, USER_MAP_FILE_MAX, &text, note);
	if (err != OTP_OK)
		return err;
	return user_map_text(settings->path, &text, visit, arg, note);
}

struct user_map_search {
	const char *user;
	struct user_map_entry *entry;
};

static enum otp_err user_map_take(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity)
{
	const struct user_map_search *search = arg;

	(void)line;
	search->entry->map_size++;
	if (strlen(search->user) != length || memcmp(name, search->user, length) != 0)
		return OTP_OK;
	if (search->entry->found)
		return OTP_ERR_CONFIG_DUPLICATE;
	search->entry->found = true;
	search->entry->identity = *identity;
	return OTP_OK;
}

static void user_map_fill(const char *template, const char *user, struct user_map_entry *entry)
{
	const char *percent = strstr(template, "%u");
	char text[IDENTITY_VALUE_MAX + 16];
	int length;

	if (percent == NULL || !user_map_is_name(user, strlen(user)))
		return;
	length = snprintf(text, sizeof(text), "%.*s%s%s", (int)(percent - template), template, user, percent + 2);
	if (length < 0 || (size_t)length >= sizeof(text) || identity_parse(text, (size_t)length, &entry->identity) != OTP_OK)
		return; /* a name that does not fit is a user without mapping */
	entry->found = true;
	entry->from_template = true;
}

enum otp_err user_map_find(const struct user_map_settings *settings, const char *user, struct user_map_entry *ret_entry, struct note *note)
{
	struct user_map_entry entry;
	struct user_map_search search = { user, &entry };
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
