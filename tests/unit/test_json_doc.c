/* What is JSON and what is not, by RFC 8259 and our limits; getters that never convert; writing that escapes. */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "json_doc.h"
#include "json_write.h"

/* A literal with its length, NULs inside included. */
#define TEXT(literal) literal, sizeof(literal) - 1

struct parse_case {
	const char *name;
	const char *text;
	size_t length;
	enum otp_err wanted;
};

static enum otp_err parse_exactly(const char *text, size_t length)
{
	char *copy = malloc(length == 0 ? 1 : length); /* no NUL behind it: reading on is seen by sanitizers */
	struct json_doc *doc = NULL;
	enum otp_err err;

	assert_non_null(copy);
	memcpy(copy, text, length);
	err = json_doc_parse(copy, length, &doc);
	assert_int_equal(doc != NULL, err == OTP_OK);
	json_doc_free(doc);
	free(copy);
	return err;
}

static void run_cases(const struct parse_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_err(cases[i].name, parse_exactly(cases[i].text, cases[i].length), cases[i].wanted);
}

static struct json_doc *must_parse(const char *text)
{
	struct json_doc *doc = NULL;

	assert_err(text, json_doc_parse(text, strlen(text), &doc), OTP_OK);
	return doc;
}

static void test_json_is_taken(void **state)
{
	static const struct parse_case cases[] = {
		{ "empty object", TEXT("{}"), OTP_OK },
		{ "white space everywhere", TEXT(" \t\r\n{ \"a\" : [ 1 , 2 ] , \"b\" : { } , \"c\" : [ ] } \n\t "), OTP_OK },
		{ "all kinds of values", TEXT("{\"a\":true,\"b\":false,\"c\":null,\"d\":\"\",\"e\":[],\"f\":{},\"g\":0}"), OTP_OK },
		{ "numbers", TEXT("{\"a\":[0,-0,1,-1,10,1.5,-0.0,1e5,1E+5,1e-5,0.1e1,123456789012345678]}"), OTP_OK },
		{ "escapes", TEXT("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0041\\u00e9\\uFFFF\"}"), OTP_OK },
		{ "a surrogate pair", TEXT("{\"a\":\"\\ud83d\\uDE00\"}"), OTP_OK },
		{ "UTF-8 of two bytes", TEXT("{\"a\":\"\xc2\x80\xc2\xba\xdf\xbf\"}"), OTP_OK },
		{ "UTF-8 of three bytes", TEXT("{\"a\":\"\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"}"), OTP_OK },
		{ "UTF-8 of four bytes", TEXT("{\"a\":\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"}"), OTP_OK },
		{ "UTF-8 as a name", TEXT("{\"\xc3\xa9\":\"\xe2\x82\xac\"}"), OTP_OK },
		{ "DEL", TEXT("{\"a\":\"\x7f\"}"), OTP_OK },
		{ "empty name", TEXT("{\"\":1}"), OTP_OK },
		{ "same name in two objects", TEXT("{\"a\":{\"b\":1},\"c\":{\"b\":1},\"b\":[{\"b\":1},{\"b\":1}]}"), OTP_OK },
		{ "names that differ in case", TEXT("{\"a\":1,\"A\":1}"), OTP_OK },
		{ "number beyond a double", TEXT("{\"a\":1e400}"), OTP_OK },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static const struct parse_case other_texts[] = {
	{ "nothing", TEXT(""), OTP_ERR_JSON_SYNTAX },
	{ "white space only", TEXT(" \n"), OTP_ERR_JSON_SYNTAX },
	{ "an array", TEXT("[]"), OTP_ERR_JSON_SYNTAX },
	{ "a string", TEXT("\"a\""), OTP_ERR_JSON_SYNTAX },
	{ "a number", TEXT("1"), OTP_ERR_JSON_SYNTAX },
	{ "null", TEXT("null"), OTP_ERR_JSON_SYNTAX },
	{ "HTML", TEXT("<html></html>"), OTP_ERR_JSON_SYNTAX },
	{ "a byte behind", TEXT("{}x"), OTP_ERR_JSON_SYNTAX },
	{ "a brace behind", TEXT("{}}"), OTP_ERR_JSON_SYNTAX },
	{ "a comma behind", TEXT("{},"), OTP_ERR_JSON_SYNTAX },
	{ "a second object", TEXT("{}{}"), OTP_ERR_JSON_SYNTAX },
	{ "a second object on its own line", TEXT("{}\n{}"), OTP_ERR_JSON_SYNTAX },
	{ "byte order mark", TEXT("\xef\xbb\xbf{}"), OTP_ERR_JSON_SYNTAX },
	{ "comment before", TEXT("/**/{}"), OTP_ERR_JSON_SYNTAX },
	{ "comment inside", TEXT("{/**/}"), OTP_ERR_JSON_SYNTAX },
	{ "comment behind", TEXT("{}//x"), OTP_ERR_JSON_SYNTAX },
	{ "vertical tab", TEXT("{\v}"), OTP_ERR_JSON_SYNTAX },
	{ "no-break space", TEXT("{\xc2\xa0}"), OTP_ERR_JSON_SYNTAX },
	{ "single quotes", TEXT("{'a':1}"), OTP_ERR_JSON_SYNTAX },
	{ "single quotes around a value", TEXT("{\"a\":'b'}"), OTP_ERR_JSON_SYNTAX },
	{ "name without quotes", TEXT("{a:1}"), OTP_ERR_JSON_SYNTAX },
	{ "number as a name", TEXT("{1:1}"), OTP_ERR_JSON_SYNTAX },
	{ "no colon", TEXT("{\"a\" 1}"), OTP_ERR_JSON_SYNTAX },
	{ "no value", TEXT("{\"a\":}"), OTP_ERR_JSON_SYNTAX },
	{ "no comma", TEXT("{\"a\":1 \"b\":2}"), OTP_ERR_JSON_SYNTAX },
	{ "trailing comma", TEXT("{\"a\":1,}"), OTP_ERR_JSON_SYNTAX },
	{ "leading comma", TEXT("{,\"a\":1}"), OTP_ERR_JSON_SYNTAX },
	{ "trailing comma in an array", TEXT("{\"a\":[1,]}"), OTP_ERR_JSON_SYNTAX },
	{ "leading comma in an array", TEXT("{\"a\":[,1]}"), OTP_ERR_JSON_SYNTAX },
	{ "brackets that cross", TEXT("{\"a\":[1}]"), OTP_ERR_JSON_SYNTAX },
	{ "NaN", TEXT("{\"a\":NaN}"), OTP_ERR_JSON_SYNTAX },
	{ "Infinity", TEXT("{\"a\":Infinity}"), OTP_ERR_JSON_SYNTAX },
	{ "-Infinity", TEXT("{\"a\":-Infinity}"), OTP_ERR_JSON_SYNTAX },
	{ "True", TEXT("{\"a\":True}"), OTP_ERR_JSON_SYNTAX },
	{ "NULL", TEXT("{\"a\":NULL}"), OTP_ERR_JSON_SYNTAX },
	{ "half a word", TEXT("{\"a\":tru}"), OTP_ERR_JSON_SYNTAX },
	{ "a word with a tail", TEXT("{\"a\":truex}"), OTP_ERR_JSON_SYNTAX },
	{ "leading zero", TEXT("{\"a\":01}"), OTP_ERR_JSON_SYNTAX },
	{ "leading zero, negative", TEXT("{\"a\":-01}"), OTP_ERR_JSON_SYNTAX },
	{ "leading plus", TEXT("{\"a\":+1}"), OTP_ERR_JSON_SYNTAX },
	{ "minus alone", TEXT("{\"a\":-}"), OTP_ERR_JSON_SYNTAX },
	{ "point first", TEXT("{\"a\":.5}"), OTP_ERR_JSON_SYNTAX },
	{ "point last", TEXT("{\"a\":5.}"), OTP_ERR_JSON_SYNTAX },
	{ "exponent without digits", TEXT("{\"a\":1e}"), OTP_ERR_JSON_SYNTAX },
	{ "exponent with two signs", TEXT("{\"a\":1e+-5}"), OTP_ERR_JSON_SYNTAX },
	{ "hexadecimal", TEXT("{\"a\":0x10}"), OTP_ERR_JSON_SYNTAX },
	{ "newline in a string", TEXT("{\"a\":\"\n\"}"), OTP_ERR_JSON_SYNTAX },
	{ "tab in a string", TEXT("{\"a\":\"\t\"}"), OTP_ERR_JSON_SYNTAX },
	{ "0x01 in a string", TEXT("{\"a\":\"\x01\"}"), OTP_ERR_JSON_SYNTAX },
	{ "0x1f in a name", TEXT("{\"\x1f\":1}"), OTP_ERR_JSON_SYNTAX },
	{ "unknown escape", TEXT("{\"a\":\"\\x41\"}"), OTP_ERR_JSON_SYNTAX },
	{ "escape with three digits", TEXT("{\"a\":\"\\u041\"}"), OTP_ERR_JSON_SYNTAX },
	{ "escape with a letter g", TEXT("{\"a\":\"\\u004g\"}"), OTP_ERR_JSON_SYNTAX },
	{ "lone high surrogate", TEXT("{\"a\":\"\\ud83d\"}"), OTP_ERR_JSON_SYNTAX },
	{ "lone low surrogate", TEXT("{\"a\":\"\\ude00\"}"), OTP_ERR_JSON_SYNTAX },
	{ "high surrogate and a letter", TEXT("{\"a\":\"\\ud83dx\"}"), OTP_ERR_JSON_SYNTAX },
	{ "high surrogate and another escape", TEXT("{\"a\":\"\\ud83d\\n\"}"), OTP_ERR_JSON_SYNTAX },
	{ "two high surrogates", TEXT("{\"a\":\"\\ud83d\\ud83d\"}"), OTP_ERR_JSON_SYNTAX },
	{ "high surrogate and an ordinary escape", TEXT("{\"a\":\"\\ud83d\\u0041\"}"), OTP_ERR_JSON_SYNTAX },
	{ "surrogates the wrong way round", TEXT("{\"a\":\"\\ude00\\ud83d\"}"), OTP_ERR_JSON_SYNTAX },
};

static void test_other_text_is_not(void **state)
{
	(void)state;
	run_cases(other_texts, CASES(other_texts));
}

static void test_utf8_is_checked(void **state)
{
	static const struct parse_case cases[] = {
		{ "continuation byte first", TEXT("{\"a\":\"\x80\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "overlong full stop (C0 AE)", TEXT("{\"a\":\"\xc0\xae\"}"), OTP_ERR_JSON_UTF8 },
		{ "overlong NUL (C0 80)", TEXT("{\"a\":\"\xc0\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "overlong (C1 BF)", TEXT("{\"a\":\"\xc1\xbf\"}"), OTP_ERR_JSON_UTF8 },
		{ "overlong, three bytes", TEXT("{\"a\":\"\xe0\x9f\xbf\"}"), OTP_ERR_JSON_UTF8 },
		{ "overlong, four bytes", TEXT("{\"a\":\"\xf0\x8f\xbf\xbf\"}"), OTP_ERR_JSON_UTF8 },
		{ "high surrogate", TEXT("{\"a\":\"\xed\xa0\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "low surrogate", TEXT("{\"a\":\"\xed\xbf\xbf\"}"), OTP_ERR_JSON_UTF8 },
		{ "above U+10FFFF", TEXT("{\"a\":\"\xf4\x90\x80\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "F5", TEXT("{\"a\":\"\xf5\x80\x80\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "F8, five bytes", TEXT("{\"a\":\"\xf8\x88\x80\x80\x80\"}"), OTP_ERR_JSON_UTF8 },
		{ "FF", TEXT("{\"a\":\"\xff\"}"), OTP_ERR_JSON_UTF8 },
		{ "second byte missing", TEXT("{\"a\":\"\xc3\"}"), OTP_ERR_JSON_UTF8 },
		{ "second byte too high", TEXT("{\"a\":\"\xc3\xc3\"}"), OTP_ERR_JSON_UTF8 },
		{ "third byte missing", TEXT("{\"a\":\"\xe2\x82\"}"), OTP_ERR_JSON_UTF8 },
		{ "fourth byte missing", TEXT("{\"a\":\"\xf0\x9f\x98\"}"), OTP_ERR_JSON_UTF8 },
		{ "cut after the first byte", TEXT("{\"a\":\"\xf0"), OTP_ERR_JSON_UTF8 },
		{ "cut after the third byte", TEXT("{\"a\":\"\xf0\x9f\x98"), OTP_ERR_JSON_UTF8 },
		{ "in a name", TEXT("{\"\xc0\xae\":1}"), OTP_ERR_JSON_UTF8 },
		{ "Latin-1", TEXT("{\"a\":\"Zo\xeb\"}"), OTP_ERR_JSON_UTF8 },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_a_cut_character_is_not_completed_from_behind(void **state)
{
	static const char text[] = "{\"a\":\"\xf0\x9f\x98\x80\"}";
	struct json_doc *doc = NULL;

	(void)state;
	for (size_t length = 7; length < 10; length++)
		assert_err("cut", json_doc_parse(text, length, &doc), OTP_ERR_JSON_UTF8);
	assert_null(doc);
}

static void test_nul_is_refused(void **state)
{
	static const struct parse_case cases[] = {
		{ "behind the object", TEXT("{}\0"), OTP_ERR_JSON_NUL },
		{ "before the object", TEXT("\0{}"), OTP_ERR_JSON_NUL },
		{ "between members", TEXT("{\"a\":1\0,\"b\":2}"), OTP_ERR_JSON_NUL },
		{ "after a comma", TEXT("{\"a\":1,\0\"b\":2}"), OTP_ERR_JSON_NUL },
		{ "as a value", TEXT("{\"a\":\0}"), OTP_ERR_JSON_NUL },
		{ "in a word", TEXT("{\"a\":tr\0ue}"), OTP_ERR_JSON_NUL },
		{ "in a number", TEXT("{\"a\":1\0}"), OTP_ERR_JSON_NUL },
		{ "in a string", TEXT("{\"a\":\"root\0evil\"}"), OTP_ERR_JSON_NUL },
		{ "in a name", TEXT("{\"k\0z\":1}"), OTP_ERR_JSON_NUL },
		{ "escaped in a string", TEXT("{\"a\":\"root\\u0000evil\"}"), OTP_ERR_JSON_NUL },
		{ "escaped in a name", TEXT("{\"k\\u0000z\":1}"), OTP_ERR_JSON_NUL },
		{ "in an escape", TEXT("{\"a\":\"\\\0\"}"), OTP_ERR_JSON_NUL },
		{ "in the second escape of a pair", TEXT("{\"a\":\"\\ud83d\\u\0de00\"}"), OTP_ERR_JSON_NUL },
		{ "in a hexadecimal escape", TEXT("{\"a\":\"\\u00\00041\"}"), OTP_ERR_JSON_NUL },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_duplicates_are_refused(void **state)
{
	static const struct parse_case cases[] = {
		{ "side by side", TEXT("{\"a\":1,\"a\":1}"), OTP_ERR_JSON_DUPLICATE },
		{ "far apart", TEXT("{\"a\":1,\"b\":{\"a\":1},\"c\":[1,2],\"a\":2}"), OTP_ERR_JSON_DUPLICATE },
		{ "the second null", TEXT("{\"a\":1,\"a\":null}"), OTP_ERR_JSON_DUPLICATE },
		{ "both null", TEXT("{\"a\":null,\"a\":null}"), OTP_ERR_JSON_DUPLICATE },
		{ "different by an escape", TEXT("{\"ChallengeName\":\"x\",\"\\u0043hallengeName\":\"y\"}"), OTP_ERR_JSON_DUPLICATE },
		{ "different by an escaped slash", TEXT("{\"a/b\":1,\"a\\/b\":2}"), OTP_ERR_JSON_DUPLICATE },
		{ "escape against UTF-8", TEXT("{\"\xc3\xa9\":1,\"\\u00E9\":2}"), OTP_ERR_JSON_DUPLICATE },
		{ "surrogate pair against UTF-8", TEXT("{\"\xf0\x9f\x98\x80\":1,\"\\ud83d\\ude00\":2}"), OTP_ERR_JSON_DUPLICATE },
		{ "empty names", TEXT("{\"\":1,\"\":2}"), OTP_ERR_JSON_DUPLICATE },
		{ "in an inner object", TEXT("{\"a\":{\"b\":1,\"b\":2}}"), OTP_ERR_JSON_DUPLICATE },
		{ "in an object in an array", TEXT("{\"a\":[1,[{\"b\":1,\"b\":2}]]}"), OTP_ERR_JSON_DUPLICATE },
		{ "of objects", TEXT("{\"a\":{\"x\":1},\"a\":{\"y\":1}}"), OTP_ERR_JSON_DUPLICATE },
		{ "second object in place of members", TEXT("{\"a\":{},\"a\":{\"x\":1,\"y\":2}}"), OTP_ERR_JSON_DUPLICATE },
		{ "three times", TEXT("{\"a\":1,\"a\":2,\"a\":3}"), OTP_ERR_JSON_DUPLICATE },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

/* `{"a":` and then arrays, `depth` containers in all. */
static enum otp_err parse_nested(size_t depth, bool closed)
{
	size_t size = 2 * depth + 16;
	char *text = malloc(size);
	size_t length = 0;
	enum otp_err err;

	assert_non_null(text);
	memcpy(text, "{\"a\":", 5);
	length = 5;
	memset(text + length, '[', depth - 1);
	length += depth - 1;
	if (closed) {
		text[length++] = '1';
		memset(text + length, ']', depth - 1);
		length += depth - 1;
		text[length++] = '}';
	}
	err = parse_exactly(text, length);
	free(text);
	return err;
}

static void test_depth_is_bounded(void **state)
{
	(void)state;
	assert_err("1", parse_nested(1, true), OTP_OK);
	assert_err("the maximum", parse_nested(JSON_DEPTH_MAX, true), OTP_OK);
	assert_err("one more", parse_nested(JSON_DEPTH_MAX + 1, true), OTP_ERR_JSON_DEPTH);
	assert_err("1000", parse_nested(1000, true), OTP_ERR_JSON_DEPTH);
	assert_err("100000, open", parse_nested(100000, false), OTP_ERR_JSON_DEPTH);
}

/* Siblings do not add up. */
static void test_depth_is_not_breadth(void **state)
{
	static const struct parse_case cases[] = {
		{ "twenty side by side",
		  TEXT("{\"a\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]],\"b\":[{},{},{},{},{},{},{},{},{},{}]}"),
		  OTP_OK },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_size_is_bounded(void **state)
{
	char *text = malloc(JSON_TEXT_MAX + 1);

	(void)state;
	assert_non_null(text);
	memset(text, 'x', JSON_TEXT_MAX + 1);
	memcpy(text, "{\"a\":\"", 6);
	memcpy(text + JSON_TEXT_MAX - 2, "\"} ", 3);
	assert_err("the maximum", parse_exactly(text, JSON_TEXT_MAX), OTP_OK);
	assert_err("one more", parse_exactly(text, JSON_TEXT_MAX + 1), OTP_ERR_JSON_SYNTAX);
	/* All of it outside ASCII: the copy for json-c is three times as long. */
	for (size_t i = 6; i + 2 < JSON_TEXT_MAX; i += 2)
		memcpy(text + i, "\xc3\xa9", 2);
	assert_err("the maximum, not ASCII", parse_exactly(text, JSON_TEXT_MAX), OTP_OK);
	free(text);
}

/* An object with `count` members "0000":0; the last one named like the first if `duplicate`. */
static char *many_members(size_t count, bool duplicate)
{
	struct strbuf buf = STRBUF_LIMIT(JSON_TEXT_MAX);

	strbuf_puts(&buf, "{");
	for (size_t i = 0; i < count; i++)
		strbuf_printf(&buf, "%s\"%05zu\":0", i == 0 ? "" : ",", duplicate && i == count - 1 ? 0 : i);
	strbuf_puts(&buf, "}");
	assert_err("room", buf.failed, OTP_OK);
	return buf.text;
}

static void test_many_values(void **state)
{
	static const struct {
		const char *name;
		size_t count;
		bool duplicate;
		enum otp_err wanted;
	} cases[] = {
		{ "4095 members and their object", 4095, false, OTP_OK },
		{ "a duplicate among 4095", 4095, true, OTP_ERR_JSON_DUPLICATE },
		{ "4096 members and their object", 4096, false, OTP_ERR_JSON_SYNTAX },
		{ "20000 members", 20000, false, OTP_ERR_JSON_SYNTAX },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		char *text = many_members(cases[i].count, cases[i].duplicate);
		clock_t start = clock();

		assert_err(cases[i].name, parse_exactly(text, strlen(text)), cases[i].wanted);
		/* a whole second also under valgrind; some 2 ms without */
		assert_true(clock() - start < CLOCKS_PER_SEC);
		free(text);
	}
}

static void test_every_beginning_is_refused(void **state)
{
	static const char text[] = "{\"a\":[1,-2.5e+3,true,null,{\"b\":\"\\ud83d\\ude00\xc3\xa9\\n\"}],\"c\":false}";

	(void)state;
	assert_err("whole", parse_exactly(text, sizeof(text) - 1), OTP_OK);
	for (size_t length = 0; length < sizeof(text) - 1; length++)
		assert_int_not_equal(parse_exactly(text, length), OTP_OK);
}

static void test_strings_come_out_unescaped(void **state)
{
	static const struct {
		const char *text;
		const char *wanted;
	} cases[] = {
		{ "{\"s\":\"plain\"}", "plain" },
		{ "{\"s\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "\"\\/\b\f\n\r\t" },
		{ "{\"s\":\"\\u0041\\u00e9\\u20AC\\ud83d\\ude00\"}", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80" },
		{ "{\"s\":\"A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc2\xba\"}", "A\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80 \xc2\xba" },
		{ "{\"s\":\"\xf4\x8f\xbf\xbf\xef\xbf\xbf\xc2\x80\"}", "\xf4\x8f\xbf\xbf\xef\xbf\xbf\xc2\x80" },
		{ "{\"\\u0073\":\"name with an escape\"}", "name with an escape" },
		{ "{\"s\":\"{\\\"b\\\":1}\"}", "{\"b\":1}" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct json_doc *doc = must_parse(cases[i].text);
		const char *text = NULL;

		assert_err(cases[i].text, json_get_string(json_doc_root(doc), "s", 0, 100, &text), OTP_OK);
		assert_string_equal(text, cases[i].wanted);
		json_doc_free(doc);
	}
}

static void test_string_limits(void **state)
{
	struct json_doc *doc = must_parse("{\"s\":\"12345\",\"empty\":\"\"}");
	const struct json_value *root = json_doc_root(doc);
	const char *text = "untouched";

	(void)state;
	assert_err("too short", json_get_string(root, "s", 6, 10, &text), OTP_ERR_JSON_TYPE);
	assert_err("too long", json_get_string(root, "s", 0, 4, &text), OTP_ERR_JSON_TYPE);
	assert_err("empty", json_get_string(root, "empty", 1, 10, &text), OTP_ERR_JSON_TYPE);
	assert_string_equal(text, "untouched");
	assert_err("exact", json_get_string(root, "s", 5, 5, &text), OTP_OK);
	assert_err("may be empty", json_get_string(root, "empty", 0, 0, &text), OTP_OK);
	assert_string_equal(text, "");
	json_doc_free(doc);
}

enum kind { KIND_STRING, KIND_INT, KIND_BOOL, KIND_OBJECT, KIND_ARRAY, KIND_COUNT };

static enum otp_err get_as(enum kind kind, const struct json_value *object, const char *key)
{
	const struct json_value *value;
	const char *text;
	int64_t number;
	bool truth;

	switch (kind) {
	case KIND_STRING:
		return json_get_string(object, key, 0, 1000, &text);
	case KIND_INT:
		return json_get_int(object, key, INT64_MIN, INT64_MAX, &number);
	case KIND_BOOL:
		return json_get_bool(object, key, &truth);
	case KIND_OBJECT:
		return json_get_object(object, key, &value);
	case KIND_ARRAY:
		return json_get_array(object, key, &value);
	case KIND_COUNT:
		break;
	}
	return OTP_ERR_INTERNAL;
}

/* KIND_COUNT: fits no getter. */
static void test_getters_never_convert(void **state)
{
	static const struct {
		const char *json;
		enum kind kind;
	} cases[] = {
		{ "\"text\"", KIND_STRING }, { "\"\"", KIND_STRING },  { "\"false\"", KIND_STRING },
		{ "\"true\"", KIND_STRING }, { "\"1\"", KIND_STRING }, { "1", KIND_INT },
		{ "0", KIND_INT },	     { "-1", KIND_INT },       { "1.0", KIND_COUNT },
		{ "1e3", KIND_COUNT },	     { "1e400", KIND_COUNT },  { "true", KIND_BOOL },
		{ "false", KIND_BOOL },	     { "{}", KIND_OBJECT },    { "{\"a\":1}", KIND_OBJECT },
		{ "[]", KIND_ARRAY },	     { "[1]", KIND_ARRAY },    { "[\"text\"]", KIND_ARRAY },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		char text[64];
		struct json_doc *doc;

		snprintf(text, sizeof(text), "{\"k\":%s}", cases[i].json);
		doc = must_parse(text);
		for (enum kind kind = KIND_STRING; kind < KIND_COUNT; kind++)
			assert_err(text, get_as(kind, json_doc_root(doc), "k"), kind == cases[i].kind ? OTP_OK : OTP_ERR_JSON_TYPE);
		json_doc_free(doc);
	}
}

static void test_missing_and_null_are_absent(void **state)
{
	struct json_doc *doc = must_parse("{\"n\":null,\"k\":1,\"o\":{\"x\":null}}");
	const struct json_value *root = json_doc_root(doc);
	const struct json_value *inner;

	(void)state;
	for (enum kind kind = KIND_STRING; kind < KIND_COUNT; kind++) {
		assert_err("missing", get_as(kind, root, "missing"), OTP_ERR_JSON_ABSENT);
		assert_err("null", get_as(kind, root, "n"), OTP_ERR_JSON_ABSENT);
		assert_err("other case", get_as(kind, root, "K"), OTP_ERR_JSON_ABSENT);
	}
	assert_true(json_has(root, "k"));
	assert_false(json_has(root, "n"));
	assert_false(json_has(root, "missing"));
	assert_err("inner", json_get_object(root, "o", &inner), OTP_OK);
	assert_false(json_has(inner, "x"));
	assert_false(json_has(inner, "k"));
	json_doc_free(doc);
}

static void test_integers(void **state)
{
	static const struct {
		const char *json;
		int64_t min;
		int64_t max;
		enum otp_err wanted;
		int64_t number;
	} cases[] = {
		{ "5", 5, 5, OTP_OK, 5 },
		{ "-5", -5, 5, OTP_OK, -5 },
		{ "4", 5, 9, OTP_ERR_JSON_TYPE, 0 },
		{ "10", 5, 9, OTP_ERR_JSON_TYPE, 0 },
		{ "-0", 0, 0, OTP_OK, 0 },
		{ "4102444800", 0, INT64_MAX, OTP_OK, INT64_C(4102444800) },
		{ "9223372036854775806", 0, INT64_MAX, OTP_OK, INT64_MAX - 1 },
		{ "9223372036854775807", 0, INT64_MAX, OTP_ERR_JSON_TYPE, 0 },
		{ "9223372036854775808", 0, INT64_MAX, OTP_ERR_JSON_TYPE, 0 },
		{ "18446744073709551615", 0, INT64_MAX, OTP_ERR_JSON_TYPE, 0 },
		{ "-9223372036854775808", INT64_MIN, 0, OTP_ERR_JSON_TYPE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		int64_t number = 77;
		struct json_doc *doc;
		char text[64];

		snprintf(text, sizeof(text), "{\"k\":%s}", cases[i].json);
		doc = must_parse(text);
		assert_err(text, json_get_int(json_doc_root(doc), "k", cases[i].min, cases[i].max, &number), cases[i].wanted);
		assert_int_equal(number, cases[i].wanted == OTP_OK ? cases[i].number : 77);
		json_doc_free(doc);
	}
}

/* Refused as a text or by the getter, as the release of json-c likes; never a number. */
static void test_integers_beyond_64_bits(void **state)
{
	static const char *const cases[] = { "{\"k\":18446744073709551616}", "{\"k\":-9223372036854775809}",
					     "{\"k\":99999999999999999999999999999999999999}", "{\"k\":-99999999999999999999}" };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct json_doc *doc = NULL;
		enum otp_err err = json_doc_parse(cases[i], strlen(cases[i]), &doc);

		if (err == OTP_OK)
			err = get_as(KIND_INT, json_doc_root(doc), "k");
		assert_true(err == OTP_ERR_JSON_SYNTAX || err == OTP_ERR_JSON_TYPE);
		json_doc_free(doc);
	}
}

static void test_booleans(void **state)
{
	struct json_doc *doc = must_parse("{\"t\":true,\"f\":false}");
	bool value = false;

	(void)state;
	assert_err("true", json_get_bool(json_doc_root(doc), "t", &value), OTP_OK);
	assert_true(value);
	assert_err("false", json_get_bool(json_doc_root(doc), "f", &value), OTP_OK);
	assert_false(value);
	json_doc_free(doc);
}

static void test_arrays(void **state)
{
	struct json_doc *doc = must_parse("{\"a\":[\"x\",\"\",1,null,{\"k\":\"v\"},[\"y\"]],\"e\":[]}");
	const struct json_value *array = NULL;
	const struct json_value *object = NULL;
	const char *text = "untouched";

	(void)state;
	assert_err("empty", json_get_array(json_doc_root(doc), "e", &array), OTP_OK);
	assert_int_equal(json_array_length(array), 0);
	assert_err("in an empty one", json_array_string(array, 0, 10, &text), OTP_ERR_JSON_ABSENT);
	assert_err("array", json_get_array(json_doc_root(doc), "a", &array), OTP_OK);
	assert_int_equal(json_array_length(array), 6);
	assert_err("number as string", json_array_string(array, 2, 10, &text), OTP_ERR_JSON_TYPE);
	assert_err("null as string", json_array_string(array, 3, 10, &text), OTP_ERR_JSON_ABSENT);
	assert_err("object as string", json_array_string(array, 4, 10, &text), OTP_ERR_JSON_TYPE);
	assert_err("array as string", json_array_string(array, 5, 10, &text), OTP_ERR_JSON_TYPE);
	assert_err("past the end", json_array_string(array, 6, 10, &text), OTP_ERR_JSON_ABSENT);
	assert_err("too long", json_array_string(array, 0, 0, &text), OTP_ERR_JSON_TYPE);
	assert_string_equal(text, "untouched");
	assert_err("string", json_array_string(array, 0, 1, &text), OTP_OK);
	assert_string_equal(text, "x");
	assert_err("string as object", json_array_object(array, 0, &object), OTP_ERR_JSON_TYPE);
	assert_err("array as object", json_array_object(array, 5, &object), OTP_ERR_JSON_TYPE);
	assert_err("null as object", json_array_object(array, 3, &object), OTP_ERR_JSON_ABSENT);
	assert_null(object);
	assert_err("object", json_array_object(array, 4, &object), OTP_OK);
	assert_err("its member", json_get_string(object, "k", 1, 1, &text), OTP_OK);
	assert_string_equal(text, "v");
	json_doc_free(doc);
}

static void test_writing(void **state)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(1000);

	(void)state;
	strbuf_puts(&buf, "{");
	json_add_string(&buf, "AuthFlow", "USER_AUTH");
	json_open_object(&buf, "AuthParameters");
	json_add_string(&buf, "USERNAME", "a@example.com");
	json_add_string(&buf, "Empty", "");
	strbuf_puts(&buf, "}");
	json_add_string(&buf, "Last", "{");
	json_add_string(&buf, "Really", "x");
	strbuf_puts(&buf, "}");
	assert_string_equal(strbuf_text(&buf),
			    "{\"AuthFlow\":\"USER_AUTH\",\"AuthParameters\":{\"USERNAME\":\"a@example.com\",\"Empty\":\"\"},"
			    "\"Last\":\"{\",\"Really\":\"x\"}");
}

static void test_what_was_written_reads_the_same(void **state)
{
	static const char *const texts[] = { "",
					     "plain",
					     "\"",
					     "\\",
					     "\",\"Admin\":\"yes",
					     "a\\",
					     "\x01\x1f\n\r\t\b\f",
					     "\x7f",
					     "zo\xc3\xab",
					     "</script>",
					     "\xf0\x9f\x98\x80",
					     "%s%n" };

	(void)state;
	for (size_t i = 0; i < CASES(texts); i++) {
		strbuf_auto struct strbuf buf = STRBUF_LIMIT(1000);
		struct json_doc *doc = NULL;
		const char *text = NULL;

		strbuf_puts(&buf, "{");
		json_add_string(&buf, texts[i], "");
		json_add_string(&buf, "key", texts[i]);
		strbuf_puts(&buf, "}");
		assert_err(texts[i], json_doc_parse(strbuf_text(&buf), buf.length, &doc), OTP_OK);
		assert_err(texts[i], json_get_string(json_doc_root(doc), "key", 0, 100, &text), OTP_OK);
		assert_string_equal(text, texts[i]);
		assert_true(json_has(json_doc_root(doc), texts[i]));
		assert_false(json_has(json_doc_root(doc), "Admin"));
		json_doc_free(doc);
	}
}

static void test_free_takes_null(void **state)
{
	(void)state;
	json_doc_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_json_is_taken),
		cmocka_unit_test(test_other_text_is_not),
		cmocka_unit_test(test_utf8_is_checked),
		cmocka_unit_test(test_a_cut_character_is_not_completed_from_behind),
		cmocka_unit_test(test_nul_is_refused),
		cmocka_unit_test(test_duplicates_are_refused),
		cmocka_unit_test(test_depth_is_bounded),
		cmocka_unit_test(test_depth_is_not_breadth),
		cmocka_unit_test(test_size_is_bounded),
		cmocka_unit_test(test_many_values),
		cmocka_unit_test(test_every_beginning_is_refused),
		cmocka_unit_test(test_strings_come_out_unescaped),
		cmocka_unit_test(test_string_limits),
		cmocka_unit_test(test_getters_never_convert),
		cmocka_unit_test(test_missing_and_null_are_absent),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_integers_beyond_64_bits),
		cmocka_unit_test(test_booleans),
		cmocka_unit_test(test_arrays),
		cmocka_unit_test(test_writing),
		cmocka_unit_test(test_what_was_written_reads_the_same),
		cmocka_unit_test(test_free_takes_null),
	};

	return cmocka_run_group_tests_name("json_doc", tests, NULL, NULL);
}
