/* config_file - see config_file.h. */
#include "config_file.h"

#include <stdio.h>
#include <string.h>

#include "safe_file.h"

enum { CONFIG_NAME_SHOWN = 31 };

enum otp_err config_complain(const struct config_place *place, const char *name, const char *what, enum otp_err err, struct note *note)
{
	if (place->line > 0)
		note_set(note, "%s:%lu: %s: %s", place->file, place->line, name, what);
	else
		note_set(note, "%s: %s: %s", place->file, name, what);
	return err;
}

enum otp_err config_unknown(const struct config_place *place, const char *name, size_t name_length, const char *what, struct note *note)
{
	char word[CONFIG_NAME_SHOWN + 1];

	(void)snprintf(word, sizeof(word), "%.*s", (int)(name_length < CONFIG_NAME_SHOWN ? name_length : CONFIG_NAME_SHOWN), name);
	return config_complain(place, word, what, OTP_ERR_CONFIG_KEY, note);
}

static char *config_trim(char *text)
{
	size_t length;

	while (*text == ' ' || *text == '\t')
		text++;
	length = strlen(text);
	while (length > 0 && strchr(" \t\r", text[length - 1]) != NULL)
		text[--length] = '\0';
	return text;
}

/* An empty line or one that begins with # is passed over. */
static enum otp_err config_line(const struct config_place *place, char *line, config_setter *set, void *target, struct note *note)
{
	char *equals;
	const char *name;
	const char *value;

	line = config_trim(line);
	if (*line == '\0' || *line == '#')
		return OTP_OK;
	equals = strchr(line, '=');
	if (equals == NULL || equals == line)
		return config_complain(place, "syntax", "not `key = value`", OTP_ERR_CONFIG_SYNTAX, note);
	*equals = '\0';
	name = config_trim(line);
	value = config_trim(equals + 1);
	if (*value == '\0')
		return config_complain(place, name, "empty value", OTP_ERR_CONFIG_VALUE, note);
	return set(target, place, name, strlen(name), value, note);
}

enum otp_err config_file_read(const char *path, size_t max, config_setter *set, void *target, struct secret *text, struct note *note)
{
	struct config_place place = { path, 0 };
	enum otp_err err = safe_file_read(path, SAFE_FILE_PUBLIC, max, text, note);
	char *line = text->bytes;
	char *end;

	if (err == OTP_OK && strlen(secret_text(text)) != text->length)
		return config_complain(&place, "syntax", "a NUL byte in the file", OTP_ERR_CONFIG_SYNTAX, note);
	for (place.line = 1; err == OTP_OK && line != NULL; place.line++) {
		end = strchr(line, '\n');
		if (end != NULL)
			*end++ = '\0';
		err = config_line(&place, line, set, target, note);
		line = end;
	}
	return err;
}
