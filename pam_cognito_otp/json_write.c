/* json_write - see json_write.h. */
#include "json_write.h"

#include <string.h>

void json_add_unit(struct strbuf *buf, unsigned int unit)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = { '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15] };

	strbuf_add(buf, escape, sizeof(escape));
}

/* Bytes above 0x7f stay as they are: UTF-8 needs no escapes (RFC 8259 section 8.1). */
static size_t json_plain_length(const char *text)
{
	size_t length = 0;

	while ((unsigned char)text[length] >= 0x20 && text[length] != '"' && text[length] != '\\')
		length++;
	return length;
}

static void json_add_escape(struct strbuf *buf, unsigned char c)
{
	char escape[] = { '\\', (char)c };

	if (c < 0x20)
		json_add_unit(buf, c);
	else
		strbuf_add(buf, escape, sizeof(escape));
}

static void json_add_quoted(struct strbuf *buf, const char *text)
{
	strbuf_add(buf, "\"", 1);
	for (;;) {
		size_t plain = json_plain_length(text);

		strbuf_add(buf, text, plain);
		text += plain;
		if (*text == '\0')
			break;
		json_add_escape(buf, (unsigned char)*text++);
	}
	strbuf_add(buf, "\"", 1);
}

static void json_add_key(struct strbuf *buf, const char *key)
{
	if (buf->length > 0 && buf->text[buf->length - 1] != '{')
		strbuf_add(buf, ",", 1);
	json_add_quoted(buf, key);
	strbuf_add(buf, ":", 1);
}

void json_add_string(struct strbuf *buf, const char *key, const char *value)
{
	json_add_key(buf, key);
	json_add_quoted(buf, value);
}

void json_open_object(struct strbuf *buf, const char *key)
{
	json_add_key(buf, key);
	strbuf_add(buf, "{", 1);
}
