/* settings_peek - see settings_peek.h. */
#include "settings_peek.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { PEEK_KEYS = 2 };

/* A setting, and the one value of it that asks for nothing; that is its default, too. */
struct peek_key {
	const char *name;
	const char *no;
};

static const struct peek_key peek_account[PEEK_KEYS] = { { "check_user", "no" }, { "create_user", "no" } };
static const struct peek_key peek_session[PEEK_KEYS] = { { "cache", "off" }, { "session_tokens", "no" } };

/* What was found for each key. */
struct peek {
	const struct peek_key *keys;
	bool set[PEEK_KEYS];
	bool asks[PEEK_KEYS];
};

static bool peek_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Takes a line, or an argument: `key = value`. What follows the key is the value also where the sign is missing. */
static void peek_line(struct peek *peek, const char *text, const char *end)
{
	const char *key;
	size_t length;

	while (text < end && peek_blank(*text))
		text++;
	while (text < end && peek_blank(end[-1]))
		end--;
	key = text;
	while (text < end && !peek_blank(*text) && *text != '=')
		text++;
	length = (size_t)(text - key);
	while (text < end && peek_blank(*text))
		text++;
	if (text < end && *text == '=')
		text++;
	while (text < end && peek_blank(*text))
		text++;
	for (int i = 0; i < PEEK_KEYS; i++) {
		const struct peek_key *wanted = &peek->keys[i];

		if (strlen(wanted->name) != length || memcmp(wanted->name, key, length) != 0)
			continue;
		peek->set[i] = true;
		if ((size_t)(end - text) != strlen(wanted->no) || memcmp(text, wanted->no, strlen(wanted->no)) != 0)
			peek->asks[i] = true;
	}
}

static void peek_lines(struct peek *peek, const char *text, size_t length)
{
	const char *end = text + length;
	const char *line_end;

	if (length >= 3 && memcmp(text, "\xef\xbb\xbf", 3) == 0) /* an editor's mark: the helper refuses the file, but it asks all the same */
		text += 3;
	for (; text < end; text = line_end + 1) {
		for (line_end = text; line_end < end && *line_end != '\n' && *line_end != '\r'; line_end++)
			;
		peek_line(peek, text, line_end);
	}
}

/* We do not know: then the helper shall find out, and not whoever has limited the program find a way around it. */
static void peek_in_doubt(struct peek *peek)
{
	for (int i = 0; i < PEEK_KEYS; i++)
		peek->asks[i] = true;
}

/* As much as fits; false when it cannot be read. */
static bool peek_read(int fd, char *buffer, size_t *ret_length)
{
	*ret_length = 0;
	while (*ret_length < SETTINGS_PEEK_MAX) {
		ssize_t got = read(fd, buffer + *ret_length, SETTINGS_PEEK_MAX - *ret_length);

		if (got == 0)
			return true;
		if (got < 0 && errno != EINTR)
			return false;
		*ret_length += got > 0 ? (size_t)got : 0;
	}
	return true;
}

static void peek_regular(struct peek *peek, int fd)
{
	char *buffer = malloc(SETTINGS_PEEK_MAX);
	size_t length;

	if (buffer != NULL && peek_read(fd, buffer, &length))
		peek_lines(peek, buffer, length);
	else
		peek_in_doubt(peek);
	free(buffer);
}

static void peek_file(struct peek *peek, const char *path)
{
	struct stat st;
	int fd;

	if (path[0] != '/')
		return; /* the helper takes none; and the working directory is the caller's */
	fd = open(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
	if (fd < 0) {
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == EINTR || errno == EIO)
			peek_in_doubt(peek);
		return;
	}
	if (fstat(fd, &st) != 0)
		peek_in_doubt(peek);
	else if (S_ISREG(st.st_mode))
		peek_regular(peek, fd);
	(void)close(fd);
}

/* The file that the line names, or the default one. Of several, which is an error, each is looked at. */
static void peek_files(struct peek *peek, const char *const *argv, int argc)
{
	bool named = false;

	for (int i = 0; i < argc; i++) {
		if (strncmp(argv[i], "config=", 7) != 0)
			continue;
		named = true;
		peek_file(peek, argv[i] + 7);
	}
	if (!named)
		peek_file(peek, SETTINGS_PEEK_FILE);
}

static bool peek_asks(const struct peek_key *keys, const char *const *argv, int argc)
{
	struct peek line = { keys, { false }, { false } };
	struct peek file = { keys, { false }, { false } };

	for (int i = 0; i < argc; i++)
		peek_line(&line, argv[i], argv[i] + strlen(argv[i]));
	peek_files(&file, argv, argc);
	for (int i = 0; i < PEEK_KEYS; i++) {
		if (line.set[i] ? line.asks[i] : file.asks[i])
			return true;
	}
	return false;
}

bool settings_peek_account(const char *const *argv, int argc)
{
	return peek_asks(peek_account, argv, argc);
}

bool settings_peek_session(const char *const *argv, int argc)
{
	return peek_asks(peek_session, argv, argc);
}
