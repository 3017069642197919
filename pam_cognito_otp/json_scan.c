/* json_scan - see json_scan.h. */
#include "json_scan.h"

#include <stdbool.h>
#include <string.h>

#include "utf8.h"

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

/* One character of several bytes. */
static enum otp_err json_scan_utf8(struct json_scan *scan)
{
	size_t length = utf8_length(scan->at, scan->end);

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
enum otp_err json_scan_text(const char *text, size_t length, size_t *ret_members)
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
