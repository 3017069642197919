/*
 * json_doc - see json_doc.h.
 *
 * The scanner below is a whole RFC 8259 recognizer, not a filter: json-c's idea of "strict" differs from release to release (0.16 takes
 * control characters, 0.18 refuses every byte above 0x7f, all take NaN), and a text is in when both agree on it. The scanner keeps nothing
 * but counts.
 *
 * What json-c copied is freed without being wiped: it has no hook for that, and reaching into its objects would be worse. The process that
 * parses is short-lived and not dumpable.
 */
#include "json_doc.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

enum {
	/* Of all objects and arrays together. A real answer has about a hundred; json-c spends some 200 bytes on each. */
	JSON_VALUES_MAX = 4096,
	/* json-c counts the scalars inside the innermost container as one level more. */
	JSON_C_DEPTH = JSON_DEPTH_MAX + 1,
	/* A character outside ASCII takes 2 to 4 bytes as UTF-8 and 6 or 12 as an escape. */
	JSON_ASCII_MAX = JSON_TEXT_MAX * 3
};

struct json_doc {
	struct json_object *root;
};

/* ---- the scanner ---- */

struct json_scan {
	const unsigned char *at;
	const unsigned char *end;
	unsigned int depth;
	size_t values;
	size_t members;
};

static enum otp_err json_scan_value(struct json_scan *scan);

/* The byte at the cursor, or -1 at the end: a NUL is a byte like others here. */
static int json_peek(const struct json_scan *scan)
{
	return scan->at < scan->end ? *scan->at : -1;
}

static bool json_take(struct json_scan *scan, char c)
{
	if (json_peek(scan) != (unsigned char)c)
		return false;
	scan->at++;
	return true;
}

static void json_skip_space(struct json_scan *scan)
{
	while (json_take(scan, ' ') || json_take(scan, '\t') || json_take(scan, '\n') || json_take(scan, '\r'))
		;
}

/* A byte that fits nowhere; a NUL has its own reason, so that a forged name is told from a torn answer. */
static enum otp_err json_misfit(const struct json_scan *scan)
{
	return json_peek(scan) == '\0' ? OTP_ERR_JSON_NUL : OTP_ERR_JSON_SYNTAX;
}

static bool json_is_digit(int c)
{
	return c >= '0' && c <= '9';
}

static int json_hex_digit(int c)
{
	if (json_is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static enum otp_err json_scan_hex4(struct json_scan *scan, unsigned int *ret_unit)
{
	unsigned int unit = 0;

	for (int i = 0; i < 4; i++) {
		int digit = json_hex_digit(json_peek(scan));

		if (digit < 0)
			return json_misfit(scan);
		unit = unit << 4 | (unsigned int)digit;
		scan->at++;
	}
	*ret_unit = unit;
	return OTP_OK;
}

static bool json_is_high_surrogate(unsigned int unit)
{
	return unit >= 0xD800 && unit <= 0xDBFF;
}

static bool json_is_low_surrogate(unsigned int unit)
{
	return unit >= 0xDC00 && unit <= 0xDFFF;
}

/* After `\u`. A lone surrogate is no character (RFC 8259 section 8.2), and json-c would make U+FFFD of every one: unlike names become
 * alike. */
static enum otp_err json_scan_unicode_escape(struct json_scan *scan)
{
	unsigned int unit;
	enum otp_err err = json_scan_hex4(scan, &unit);

	if (err != OTP_OK)
		return err;
	if (unit == 0)
		return OTP_ERR_JSON_NUL;
	if (json_is_low_surrogate(unit))
		return OTP_ERR_JSON_SYNTAX;
	if (!json_is_high_surrogate(unit))
		return OTP_OK;
	if (!json_take(scan, '\\') || !json_take(scan, 'u'))
		return json_misfit(scan);
	err = json_scan_hex4(scan, &unit);
	if (err != OTP_OK)
		return err;
	if (!json_is_low_surrogate(unit))
		return OTP_ERR_JSON_SYNTAX;
	return OTP_OK;
}

/* After the backslash. */
static enum otp_err json_scan_escape(struct json_scan *scan)
{
	int c = json_peek(scan);

	if (c <= 0 || strchr("\"\\/bfnrtu", c) == NULL)
		return json_misfit(scan);
	scan->at++;
	return c == 'u' ? json_scan_unicode_escape(scan) : OTP_OK;
}

/*
 * One character of several bytes (RFC 3629 section 4): the second byte's range shuts out overlong forms (E0 80, F0 80), surrogates (ED A0)
 * and what is above U+10FFFF (F4 90); C0, C1 and F5..FF begin nothing. json-c lets C0 AE through, a second spelling of the full stop.
 */
static size_t json_utf8_length(const unsigned char *at, const unsigned char *end)
{
	unsigned char low = at[0] == 0xE0 ? 0xA0 : at[0] == 0xF0 ? 0x90 : 0x80;
	unsigned char high = at[0] == 0xED ? 0x9F : at[0] == 0xF4 ? 0x8F : 0xBF;
	size_t length;

	if (at[0] < 0xC2)
		return 0;
	if (at[0] > 0xF4)
		return 0;
	length = at[0] < 0xE0 ? 2 : at[0] < 0xF0 ? 3 : 4;
	if ((size_t)(end - at) < length)
		return 0;
	if (at[1] < low || at[1] > high)
		return 0;
	for (size_t i = 2; i < length; i++)
		if ((at[i] & 0xC0) != 0x80)
			return 0;
	return length;
}

static enum otp_err json_scan_utf8(struct json_scan *scan)
{
	size_t length = json_utf8_length(scan->at, scan->end);

	if (length == 0)
		return OTP_ERR_JSON_UTF8;
	scan->at += length;
	return OTP_OK;
}

/* One character or escape inside a string. */
static enum otp_err json_scan_char(struct json_scan *scan)
{
	int c = json_peek(scan);

	if (c < 0x20)
		return json_misfit(scan);
	if (c >= 0x80)
		return json_scan_utf8(scan);
	scan->at++;
	return c == '\\' ? json_scan_escape(scan) : OTP_OK;
}

static enum otp_err json_scan_string(struct json_scan *scan)
{
	if (!json_take(scan, '"'))
		return json_misfit(scan);
	while (!json_take(scan, '"')) {
		enum otp_err err = json_scan_char(scan);

		if (err != OTP_OK)
			return err;
	}
	return OTP_OK;
}

static enum otp_err json_scan_digits(struct json_scan *scan)
{
	if (!json_is_digit(json_peek(scan)))
		return json_misfit(scan);
	while (json_is_digit(json_peek(scan)))
		scan->at++;
	return OTP_OK;
}

static enum otp_err json_scan_number(struct json_scan *scan)
{
	enum otp_err err = OTP_OK;

	json_take(scan, '-');
	/* A zero stands alone: after "0" of "01" the caller meets a misfit. */
	if (!json_take(scan, '0'))
		err = json_scan_digits(scan);
	if (err == OTP_OK && json_take(scan, '.'))
		err = json_scan_digits(scan);
	if (err == OTP_OK && (json_take(scan, 'e') || json_take(scan, 'E'))) {
		if (!json_take(scan, '+'))
			json_take(scan, '-');
		err = json_scan_digits(scan);
	}
	return err;
}

static enum otp_err json_scan_word(struct json_scan *scan, const char *word)
{
	for (; *word != '\0'; word++)
		if (!json_take(scan, *word))
			return json_misfit(scan);
	return OTP_OK;
}

static enum otp_err json_scan_member(struct json_scan *scan)
{
	enum otp_err err = json_scan_string(scan);

	if (err != OTP_OK)
		return err;
	json_skip_space(scan);
	if (!json_take(scan, ':'))
		return json_misfit(scan);
	scan->members++;
	return json_scan_value(scan);
}

/* After the opening bracket: items with commas between them, up to `close`. */
static enum otp_err json_scan_items(struct json_scan *scan, enum otp_err (*item)(struct json_scan *), char close)
{
	json_skip_space(scan);
	if (json_take(scan, close))
		return OTP_OK;
	for (;;) {
		enum otp_err err;

		json_skip_space(scan);
		err = item(scan);
		if (err != OTP_OK)
			return err;
		json_skip_space(scan);
		if (json_take(scan, close))
			return OTP_OK;
		if (!json_take(scan, ','))
			return json_misfit(scan);
	}
}

/* The only recursion, and this is what bounds it. */
static enum otp_err json_scan_container(struct json_scan *scan, enum otp_err (*item)(struct json_scan *), char close)
{
	enum otp_err err;

	if (scan->depth == JSON_DEPTH_MAX)
		return OTP_ERR_JSON_DEPTH;
	scan->depth++;
	scan->at++;
	err = json_scan_items(scan, item, close);
	scan->depth--;
	return err;
}

static enum otp_err json_scan_value(struct json_scan *scan)
{
	scan->values++;
	if (scan->values > JSON_VALUES_MAX)
		return OTP_ERR_JSON_SYNTAX;
	json_skip_space(scan);
	switch (json_peek(scan)) {
	case '{':
		return json_scan_container(scan, json_scan_member, '}');
	case '[':
		return json_scan_container(scan, json_scan_value, ']');
	case '"':
		return json_scan_string(scan);
	case 't':
		return json_scan_word(scan, "true");
	case 'f':
		return json_scan_word(scan, "false");
	case 'n':
		return json_scan_word(scan, "null");
	default:
		return json_scan_number(scan);
	}
}

/* The whole text: one object and white space around it. */
static enum otp_err json_scan_text(const char *text, size_t length, size_t *ret_members)
{
	struct json_scan scan = { .at = (const unsigned char *)text, .end = (const unsigned char *)text + length };
	enum otp_err err;

	json_skip_space(&scan);
	if (json_peek(&scan) != '{')
		return json_misfit(&scan);
	err = json_scan_value(&scan);
	if (err != OTP_OK)
		return err;
	json_skip_space(&scan);
	if (scan.at != scan.end)
		return json_misfit(&scan);
	*ret_members = scan.members;
	return OTP_OK;
}

/* ---- json-c ---- */

static void json_add_unit(struct strbuf *buf, unsigned int unit)
{
	static const char hex[] = "0123456789abcdef";
	char escape[] = { '\\', 'u', hex[unit >> 12 & 15], hex[unit >> 8 & 15], hex[unit >> 4 & 15], hex[unit & 15] };

	strbuf_add(buf, escape, sizeof(escape));
}

/* `length` bytes of valid UTF-8, one character. */
static void json_add_escaped(struct strbuf *buf, const unsigned char *at, size_t length)
{
	unsigned int point = at[0] & (0xFFU >> (length + 1));

	for (size_t i = 1; i < length; i++)
		point = point << 6 | (at[i] & 0x3FU);
	if (point < 0x10000) {
		json_add_unit(buf, point);
		return;
	}
	json_add_unit(buf, 0xD800 + ((point - 0x10000) >> 10));
	json_add_unit(buf, 0xDC00 + ((point - 0x10000) & 0x3FF));
}

/*
 * The same text with escapes for all that is not ASCII: json-c 0.18 in strict mode takes such bytes for control characters where char is
 * signed (json-c issue 875). Releases before 0.19 take an escaped pair whose low 16 bits are D800 to DBFF for half a pair and make U+FFFD
 * of it; nothing that we compare lies outside ASCII.
 */
static void json_to_ascii(struct strbuf *buf, const char *text, size_t length)
{
	const unsigned char *at = (const unsigned char *)text;
	const unsigned char *end = at + length;

	while (at < end) {
		const unsigned char *from = at;
		size_t bytes;

		while (at < end && *at < 0x80)
			at++;
		strbuf_add(buf, from, (size_t)(at - from));
		if (at == end)
			return;
		bytes = json_utf8_length(at, end);
		json_add_escaped(buf, at, bytes);
		at += bytes;
	}
}

static void json_object_cleanup(struct json_object **object)
{
	json_object_put(*object);
}

static enum otp_err json_c_parse(const struct strbuf *ascii, struct json_object **ret_root)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_C_DEPTH);
	__attribute__((cleanup(json_object_cleanup))) struct json_object *root = NULL;
	bool whole;

	if (tokener == NULL)
		return OTP_ERR_MEMORY;
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT);
	root = json_tokener_parse_ex(tokener, ascii->text, (int)ascii->length);
	whole = json_tokener_get_error(tokener) == json_tokener_success && json_tokener_get_parse_end(tokener) == ascii->length;
	json_tokener_free(tokener);
	if (!whole)
		return OTP_ERR_JSON_SYNTAX;
	*ret_root = root;
	root = NULL; /* handed over */
	return OTP_OK;
}

static size_t json_count_members(const struct json_object *value)
{
	size_t count = 0;

	if (json_object_is_type(value, json_type_object)) {
		json_object_object_foreach((struct json_object *)(uintptr_t)value, key, member)
		{
			(void)key;
			count += 1 + json_count_members(member);
		}
	} else if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			count += json_count_members(json_object_array_get_idx(value, i));
	}
	return count;
}

enum otp_err json_doc_parse(const char *text, size_t length, struct json_doc **ret_doc)
{
	strbuf_auto struct strbuf ascii = STRBUF_LIMIT(JSON_ASCII_MAX);
	__attribute__((cleanup(json_object_cleanup))) struct json_object *root = NULL;
	struct json_doc *doc;
	size_t members;
	enum otp_err err;

	if (length > JSON_TEXT_MAX)
		return OTP_ERR_JSON_SYNTAX;
	err = json_scan_text(text, length, &members);
	if (err != OTP_OK)
		return err;
	json_to_ascii(&ascii, text, length);
	if (ascii.failed != OTP_OK)
		return ascii.failed;
	err = json_c_parse(&ascii, &root);
	if (err != OTP_OK)
		return err;
	/* Of two members of one name json-c keeps the last, silently; a count leaves no room for two opinions on when names are equal. */
	if (json_count_members(root) != members)
		return OTP_ERR_JSON_DUPLICATE;
	doc = malloc(sizeof(*doc));
	if (doc == NULL)
		return OTP_ERR_MEMORY;
	doc->root = root;
	root = NULL; /* handed over */
	*ret_doc = doc;
	return OTP_OK;
}

void json_doc_free(struct json_doc *doc)
{
	if (doc == NULL)
		return;
	json_object_put(doc->root);
	free(doc);
}

/* ---- reading: struct json_value is json-c's object under a name of ours ---- */

static const struct json_value *json_wrap(const struct json_object *object)
{
	return (const struct json_value *)object;
}

static struct json_object *json_unwrap(const struct json_value *value)
{
	/* json-c's readers want a pointer to non-const and do not write. */
	return (struct json_object *)(uintptr_t)value;
}

const struct json_value *json_doc_root(const struct json_doc *doc)
{
	return json_wrap(doc->root);
}

/* OTP_ERR_JSON_ABSENT also for null: json-c stores it as a NULL pointer. */
static enum otp_err json_find(const struct json_value *object, const char *key, enum json_type type, struct json_object **ret_member)
{
	struct json_object *member;

	if (!json_object_object_get_ex(json_unwrap(object), key, &member) || member == NULL)
		return OTP_ERR_JSON_ABSENT;
	/* The getters of json-c convert: "false" would be true, an object would be its text. */
	if (!json_object_is_type(member, type))
		return OTP_ERR_JSON_TYPE;
	*ret_member = member;
	return OTP_OK;
}

bool json_has(const struct json_value *object, const char *key)
{
	struct json_object *member;

	return json_object_object_get_ex(json_unwrap(object), key, &member) && member != NULL;
}

static enum otp_err json_read_string(struct json_object *value, size_t min, size_t max, const char **ret_text)
{
	size_t length = (size_t)json_object_get_string_len(value);

	if (length < min)
		return OTP_ERR_JSON_TYPE;
	if (length > max)
		return OTP_ERR_JSON_TYPE;
	*ret_text = json_object_get_string(value);
	return OTP_OK;
}

enum otp_err json_get_string(const struct json_value *object, const char *key, size_t min, size_t max, const char **ret_text)
{
	struct json_object *member;
	enum otp_err err = json_find(object, key, json_type_string, &member);

	if (err != OTP_OK)
		return err;
	return json_read_string(member, min, max, ret_text);
}

enum otp_err json_get_int(const struct json_value *object, const char *key, int64_t min, int64_t max, int64_t *ret_number)
{
	struct json_object *member;
	enum otp_err err = json_find(object, key, json_type_int, &member);
	int64_t number;

	if (err != OTP_OK)
		return err;
	number = json_object_get_int64(member);
	/* json-c's answers for every number beyond as well */
	if (number == INT64_MAX || number == INT64_MIN)
		return OTP_ERR_JSON_TYPE;
	if (number < min)
		return OTP_ERR_JSON_TYPE;
	if (number > max)
		return OTP_ERR_JSON_TYPE;
	*ret_number = number;
	return OTP_OK;
}

enum otp_err json_get_bool(const struct json_value *object, const char *key, bool *ret_bool)
{
	struct json_object *member;
	enum otp_err err = json_find(object, key, json_type_boolean, &member);

	if (err != OTP_OK)
		return err;
	*ret_bool = json_object_get_boolean(member);
	return OTP_OK;
}

enum otp_err json_get_object(const struct json_value *object, const char *key, const struct json_value **ret_object)
{
	struct json_object *member;
	enum otp_err err = json_find(object, key, json_type_object, &member);

	if (err != OTP_OK)
		return err;
	*ret_object = json_wrap(member);
	return OTP_OK;
}

enum otp_err json_get_array(const struct json_value *object, const char *key, const struct json_value **ret_array)
{
	struct json_object *member;
	enum otp_err err = json_find(object, key, json_type_array, &member);

	if (err != OTP_OK)
		return err;
	*ret_array = json_wrap(member);
	return OTP_OK;
}

size_t json_array_length(const struct json_value *array)
{
	return json_object_array_length(json_unwrap(array));
}

/* json-c answers NULL for an index past the end, as for null. */
static enum otp_err json_element(const struct json_value *array, size_t index, enum json_type type, struct json_object **ret_element)
{
	struct json_object *element = json_object_array_get_idx(json_unwrap(array), index);

	if (element == NULL)
		return OTP_ERR_JSON_ABSENT;
	if (!json_object_is_type(element, type))
		return OTP_ERR_JSON_TYPE;
	*ret_element = element;
	return OTP_OK;
}

enum otp_err json_array_string(const struct json_value *array, size_t index, size_t max, const char **ret_text)
{
	struct json_object *element;
	enum otp_err err = json_element(array, index, json_type_string, &element);

	if (err != OTP_OK)
		return err;
	return json_read_string(element, 0, max, ret_text);
}

enum otp_err json_array_object(const struct json_value *array, size_t index, const struct json_value **ret_object)
{
	struct json_object *element;
	enum otp_err err = json_element(array, index, json_type_object, &element);

	if (err != OTP_OK)
		return err;
	*ret_object = json_wrap(element);
	return OTP_OK;
}

/* ---- writing ---- */

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
