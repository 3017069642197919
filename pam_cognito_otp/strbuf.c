/* strbuf - see strbuf.h. */
#include "strbuf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { STRBUF_FIRST = 256, STRBUF_FORMATTED_MAX = 1024 };

/* Not realloc: it may leave the old bytes, secrets among them, in freed memory. */
static char *strbuf_grow(struct strbuf *buf, size_t wanted)
{
	size_t capacity = buf->capacity == 0 ? STRBUF_FIRST : buf->capacity;
	char *text;

	while (capacity < wanted)
		capacity *= 2;
	text = malloc(capacity);
	if (text == NULL)
		return NULL;
	if (buf->text != NULL) {
		memcpy(text, buf->text, buf->length + 1);
		explicit_bzero(buf->text, buf->capacity);
		free(buf->text);
	}
	buf->text = text;
	buf->capacity = capacity;
	return text;
}

void strbuf_add(struct strbuf *buf, const void *bytes, size_t length)
{
	if (buf->failed != OTP_OK)
		return;
	if (length > buf->limit - buf->length) {
		buf->failed = OTP_ERR_HTTP_OVERSIZE;
		return;
	}
	if (buf->length + length + 1 > buf->capacity && strbuf_grow(buf, buf->length + length + 1) == NULL) {
		buf->failed = OTP_ERR_MEMORY;
		return;
	}
	if (length > 0)
		memcpy(buf->text + buf->length, bytes, length);
	buf->length += length;
	buf->text[buf->length] = '\0';
}

void strbuf_puts(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, text, strlen(text));
}

void strbuf_printf(struct strbuf *buf, const char *format, ...)
{
	char line[STRBUF_FORMATTED_MAX];
	va_list args;
	int length;

	if (buf->failed != OTP_OK)
		return;
	va_start(args, format);
	length = vsnprintf(line, sizeof(line), format, args);
	va_end(args);
	if (length < 0 || (size_t)length >= sizeof(line)) {
		buf->failed = OTP_ERR_HTTP_OVERSIZE;
		return;
	}
	strbuf_add(buf, line, (size_t)length);
}

const char *strbuf_text(const struct strbuf *buf)
{
	return buf->text == NULL ? "" : buf->text;
}

void strbuf_done(struct strbuf *buf)
{
	if (buf == NULL)
		return;
	if (buf->text != NULL) {
		explicit_bzero(buf->text, buf->capacity);
		free(buf->text);
	}
	buf->text = NULL;
	buf->length = 0;
	buf->capacity = 0;
	buf->failed = OTP_OK;
}
