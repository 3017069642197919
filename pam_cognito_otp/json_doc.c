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

#include "json_write.h"
#include "strbuf.h"
#include "utf8.h"

enum {
	/* json-c counts the scalars inside the innermost container as one level more. */
	JSON_C_DEPTH = JSON_DEPTH_MAX + 1,
	/* A character outside ASCII takes 2 to 4 bytes as UTF-8 and 6 or 12 as an escape. */
	JSON_ASCII_MAX = JSON_TEXT_MAX * 3
};

struct json_doc {
	struct json_object *root;
};

/* `length` bytes of valid UTF-8, one character. */
static void json_add_escaped(struct strbuf *buf, const unsigned char *at, size_t length)
{
	uint32_t point = utf8_number(at, length);

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
		bytes = utf8_length(at, end);
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

void json_wipe_string(const struct json_value *object, const char *key)
{
	struct json_object *member;

	/* json_object_set_string_len frees the old bytes as they are when it takes new ones; the getter gives the place where they lie. */
	if (json_find(object, key, json_type_string, &member) == OTP_OK)
		explicit_bzero((char *)(uintptr_t)json_object_get_string(member), (size_t)json_object_get_string_len(member));
}
