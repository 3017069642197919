/* identity - see identity.h. */
#include "identity.h"

#include <string.h>

enum {
	IDENTITY_PHONE_DIGITS_MIN = 2,
	IDENTITY_PHONE_DIGITS_MAX = 15 /* ITU-T E.164 */
};

struct identity_kind_info {
	const char *name;
	bool (*is_valid)(const char *value);
};

static bool identity_is_email(const char *value)
{
	const char *at = strchr(value, '@');

	if (at == NULL)
		return false;
	if (at == value)
		return false;
	if (at[1] == '\0')
		return false;
	if (strchr(at + 1, '@') != NULL)
		return false;
	return true;
}

static bool identity_is_phone(const char *value)
{
	size_t digits;

	if (value[0] != '+')
		return false;
	digits = strspn(value + 1, "0123456789");
	if (value[1 + digits] != '\0')
		return false;
	if (digits < IDENTITY_PHONE_DIGITS_MIN)
		return false;
	if (digits > IDENTITY_PHONE_DIGITS_MAX)
		return false;
	return true;
}

static bool identity_is_username(const char *value)
{
	return value[0] != '\0';
}

static const struct identity_kind_info identity_kinds[] = {
	[IDENTITY_EMAIL] = { "email", identity_is_email },
	[IDENTITY_USERNAME] = { "username", identity_is_username },
	[IDENTITY_PHONE] = { "phone", identity_is_phone },
};

enum { IDENTITY_KIND_COUNT = sizeof(identity_kinds) / sizeof(identity_kinds[0]) };

const char *identity_kind_name(enum identity_kind kind)
{
	return identity_kinds[kind].name;
}

static bool identity_kind_find(const char *text, size_t length, enum identity_kind *ret_kind)
{
	for (unsigned int i = 0; i < IDENTITY_KIND_COUNT; i++) {
		if (strlen(identity_kinds[i].name) != length || memcmp(identity_kinds[i].name, text, length) != 0)
			continue;
		*ret_kind = (enum identity_kind)i;
		return true;
	}
	return false;
}

/* No white space, no control characters, and no letters that only look like others: a map is read by people. */
static bool identity_is_graphic(const char *text, size_t length)
{
	for (size_t i = 0; i < length; i++)
		if (text[i] < 0x21 || text[i] > 0x7e)
			return false;
	return true;
}

enum otp_err identity_parse(const char *text, size_t length, struct identity *ret_identity)
{
	const char *colon = memchr(text, ':', length);
	struct identity identity = { .sub = "" };
	size_t value_length;

	if (colon == NULL)
		return OTP_ERR_MAP_SYNTAX;
	if (!identity_kind_find(text, (size_t)(colon - text), &identity.kind))
		return OTP_ERR_MAP_SYNTAX;
	value_length = length - (size_t)(colon + 1 - text);
	if (value_length > IDENTITY_VALUE_MAX)
		return OTP_ERR_MAP_SYNTAX;
	if (!identity_is_graphic(colon + 1, value_length))
		return OTP_ERR_MAP_SYNTAX;
	memcpy(identity.value, colon + 1, value_length);
	identity.value[value_length] = '\0';
	if (!identity_kinds[identity.kind].is_valid(identity.value))
		return OTP_ERR_MAP_SYNTAX;
	*ret_identity = identity;
	return OTP_OK;
}

static bool identity_is_hex(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
}

bool identity_is_sub(const char *text)
{
	static const char pattern[] = "xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx";

	if (strlen(text) != IDENTITY_SUB_SIZE)
		return false;
	for (size_t i = 0; i < IDENTITY_SUB_SIZE; i++) {
		if (pattern[i] == '-' && text[i] != '-')
			return false;
		if (pattern[i] == 'x' && !identity_is_hex(text[i]))
			return false;
	}
	return true;
}
