/* aws_credentials - see aws_credentials.h. */
#include "aws_credentials.h"

#include <stddef.h>
#include <string.h>

#include "aws_imds.h"
#include "safe_file.h"

enum {
	AWS_FILE_MAX = 64 * 1024,
	AWS_KEY_ID_MAX = 128,	  /* IAM's limit */
	AWS_SECRET_MAX = 256,	  /* IAM's have 40 */
	AWS_TOKEN_MAX = 8 * 1024, /* STS names no limit; those of today have some 1000 */
	AWS_SOON_S = 5 * 60	  /* closer to their end than this, they are loaded anew: a call must not outlive them */
};

/* The file that is being read. */
struct aws_file {
	const char *path;
	unsigned long line;
	const char *profile;
	bool in_section; /* some [profile] has begun */
	bool in_profile; /* the one that is wanted has */
	bool found;
	struct aws_credentials *into;
	struct note *note;
};

/* What is wanted of a profile. */
struct aws_member {
	const char *name;
	size_t max;
	bool header_word; /* letters, digits and _ only */
	size_t offset;	  /* of its struct secret in struct aws_credentials */
};

static const struct aws_member aws_members[] = {
	{ "aws_access_key_id", AWS_KEY_ID_MAX, true, offsetof(struct aws_credentials, access_key_id) },
	{ "aws_secret_access_key", AWS_SECRET_MAX, false, offsetof(struct aws_credentials, secret_access_key) },
	{ "aws_session_token", AWS_TOKEN_MAX, false, offsetof(struct aws_credentials, session_token) },
};

enum { AWS_MEMBERS = sizeof(aws_members) / sizeof(aws_members[0]) };

static const char aws_blanks[] = " \t\r";

/* `what` is a sentence of ours: nothing that stands in the file is ever told. */
static enum otp_err aws_complain(const struct aws_file *file, const char *name, const char *what)
{
	note_set(file->note, "%s:%lu: %s%s%s", file->path, file->line, name, name[0] == '\0' ? "" : ": ", what);
	return OTP_ERR_AWS_CREDENTIALS;
}

static struct secret *aws_place(const struct aws_file *file, const struct aws_member *member)
{
	return (struct secret *)(void *)((char *)file->into + member->offset);
}

static char *aws_trim(char *text)
{
	size_t length;

	text += strspn(text, aws_blanks);
	length = strlen(text);
	while (length > 0 && strchr(aws_blanks, text[length - 1]) != NULL)
		text[--length] = '\0';
	return text;
}

/* What is wrong with a value, or NULL. Quotes belong to no key of AWS: whoever writes them thinks of a shell. */
static const char *aws_value_fault(const struct aws_member *member, const char *value)
{
	static const char word[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	if (*value == '\0')
		return "empty";
	if (strlen(value) > member->max)
		return "longer than any real one";
	if (strpbrk(value, "\"'") != NULL)
		return "in quotes, which would be part of it";
	for (const char *c = value; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~')
			return "holds a blank, a control character or a letter that is not ASCII";
	}
	return member->header_word && strspn(value, word) != strlen(value) ? "holds what is neither letter nor digit" : NULL;
}

static enum otp_err aws_set(const struct aws_file *file, const struct aws_member *member, bool indented, const char *value)
{
	struct secret *place = aws_place(file, member);
	const char *fault = aws_value_fault(member, value);

	if (indented) /* AWS's own tools would take it for a part of the line before */
		return aws_complain(file, member->name, "a blank before it; it must begin the line");
	if (place->length > 0)
		return aws_complain(file, member->name, "a second time in this profile");
	if (fault != NULL)
		return aws_complain(file, member->name, fault);
	return secret_set(place, value, strlen(value));
}

/* Keys of other profiles, and those that AWS's other tools want, are nobody's business here; their values may be empty. */
static enum otp_err aws_file_key(const struct aws_file *file, char *line, bool indented)
{
	char *equals = strchr(line, '=');
	const char *name;

	if (equals == NULL || equals == line)
		return aws_complain(file, "", "neither [profile] nor key = value");
	if (!file->in_section)
		return aws_complain(file, "", "a key before the first [profile]");
	*equals = '\0';
	name = aws_trim(line);
	for (size_t i = 0; file->in_profile && i < AWS_MEMBERS; i++) {
		if (strcmp(name, aws_members[i].name) == 0)
			return aws_set(file, &aws_members[i], indented, aws_trim(equals + 1));
	}
	return OTP_OK;
}

static enum otp_err aws_file_section(struct aws_file *file, char *line)
{
	char *end = strchr(line, ']');

	if (end == NULL || end[1] != '\0' || end == line + 1)
		return aws_complain(file, "", "not one [profile] and nothing else");
	*end = '\0';
	file->in_section = true;
	file->in_profile = strcmp(line + 1, file->profile) == 0;
	if (file->in_profile && file->found)
		return aws_complain(file, file->profile, "a second time in this file");
	file->found = file->found || file->in_profile;
	return OTP_OK;
}

static enum otp_err aws_file_line(struct aws_file *file, char *line)
{
	bool indented = *line == ' ' || *line == '\t';

	line = aws_trim(line);
	if (*line == '\0' || *line == '#' || *line == ';')
		return OTP_OK;
	return *line == '[' ? aws_file_section(file, line) : aws_file_key(file, line, indented);
}

/* The profile is there and has what cannot be missing. */
static enum otp_err aws_file_end(const struct aws_file *file)
{
	if (!file->found) {
		note_set(file->note, "%s: no profile [%s]", file->path, file->profile);
		return OTP_ERR_AWS_CREDENTIALS;
	}
	for (size_t i = 0; i < 2; i++) {
		if (aws_place(file, &aws_members[i])->length > 0)
			continue;
		note_set(file->note, "%s: no %s in profile [%s]", file->path, aws_members[i].name, file->profile);
		return OTP_ERR_AWS_CREDENTIALS;
	}
	return OTP_OK;
}

static enum otp_err aws_file_read(const struct aws_credentials_settings *settings, struct aws_credentials *into, struct note *note)
{
	secret_auto struct secret text = SECRET_EMPTY;
	struct aws_file file = { settings->file, 0, settings->profile, false, false, false, into, note };
	enum otp_err err = safe_file_read(settings->file, SAFE_FILE_SECRET, AWS_FILE_MAX, &text, note);
	char *line = text.bytes;

	for (file.line = 1; err == OTP_OK && line != NULL; file.line++) {
		char *end = memchr(line, '\n', text.length - (size_t)(line - text.bytes));
		char *stop = end != NULL ? end : text.bytes + text.length;

		*stop = '\0';
		if (strlen(line) != (size_t)(stop - line))
			return aws_complain(&file, "", "a NUL byte in the line");
		err = aws_file_line(&file, line);
		line = end != NULL ? end + 1 : NULL;
	}
	return err == OTP_OK ? aws_file_end(&file) : err;
}

static enum otp_err aws_read(const struct aws_credentials_settings *settings, const struct deadline *deadline, struct aws_credentials *into,
			     struct note *note)
{
	struct aws_imds_keys keys = AWS_IMDS_KEYS_NONE;
	enum otp_err err;

	if (settings->file[0] != '\0')
		return aws_file_read(settings, into, note);
	if (!settings->imds) {
		note_set(note, "neither aws_credentials_file nor aws_imds is set");
		return OTP_ERR_AWS_CREDENTIALS;
	}
	err = aws_imds_fetch(deadline, &keys, note);
	secret_move(&into->access_key_id, &keys.access_key_id);
	secret_move(&into->secret_access_key, &keys.secret_access_key);
	secret_move(&into->session_token, &keys.session_token);
	into->expires = keys.expires;
	aws_imds_keys_done(&keys);
	return err;
}

enum otp_err aws_credentials_refresh(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note)
{
	enum otp_err err;

	aws_credentials_done(credentials);
	err = aws_read(credentials->settings, deadline, credentials, note);
	if (err != OTP_OK) /* not half of them */
		aws_credentials_done(credentials);
	return err;
}

enum otp_err aws_credentials_load(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note)
{
	bool lasts = credentials->expires == 0 || credentials->expires - clock_wall() > AWS_SOON_S;

	if (credentials->access_key_id.length > 0 && lasts)
		return OTP_OK;
	return aws_credentials_refresh(credentials, deadline, note);
}

void aws_credentials_done(struct aws_credentials *credentials)
{
	secret_done(&credentials->access_key_id);
	secret_done(&credentials->secret_access_key);
	secret_done(&credentials->session_token);
	credentials->expires = 0;
}
