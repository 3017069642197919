/* log - see log.h. */
#include "log.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <syslog.h>

enum { LOG_LINE_MAX = 512 };

static bool log_debugging;

static bool log_keeps(char byte, bool word)
{
	if (byte < 0x20 || byte > 0x7e) /* also what is negative where char is signed */
		return false;
	return !word || strchr(" \"\\='", byte) == NULL;
}

void log_clean(char *out, size_t size, const char *text, bool word)
{
	size_t length = 0;

	for (; text[length] != '\0' && length + 1 < size; length++)
		out[length] = log_keeps(text[length], word) ? text[length] : '?';
	if (length == 0 && word && size > 1)
		out[length++] = '-';
	out[length] = '\0';
}

void log_open(const char *ident, bool debug)
{
	openlog(ident, LOG_PID, LOG_AUTHPRIV);
	log_debugging = debug;
}

static void log_line(int level, const char *format, va_list args) __attribute__((format(printf, 2, 0)));

static void log_line(int level, const char *format, va_list args)
{
	char line[LOG_LINE_MAX];
	char clean[LOG_LINE_MAX];

	(void)vsnprintf(line, sizeof(line), format, args);
	log_clean(clean, sizeof(clean), line, false);
	syslog(LOG_AUTHPRIV | level, "%s", clean);
}

void log_warning(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	log_line(LOG_WARNING, format, args);
	va_end(args);
}

void log_debug(const char *format, ...)
{
	va_list args;

	if (!log_debugging)
		return;
	va_start(args, format);
	log_line(LOG_DEBUG, format, args);
	va_end(args);
}
