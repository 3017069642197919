/* pin - see pin.h. */
#include "pin.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "user_map.h"

enum { PIN_TIME_DIGITS = 12 };

_Static_assert((int)PIN_USER_MAX == (int)USER_MAP_NAME_MAX, "whoever is in the map can be pinned");

const char *pin_origin_name(enum pin_origin origin)
{
	static const char *const names[] = {
		[PINS_FROM_LOGIN] = "login",
		[PINS_FROM_CREATION] = "created",
		[PINS_FROM_LOOK] = "found",
	};

	return names[origin];
}

/* One word of a line: text that is not NUL-terminated, up to a single blank or the end. */
struct pin_word {
	const char *text;
	size_t length;
};

static struct pin_word pin_next(const char **line, const char *end)
{
	const char *blank = memchr(*line, ' ', (size_t)(end - *line));
	const char *stop = blank == NULL ? end : blank;
	struct pin_word word = { *line, (size_t)(stop - *line) };

	*line = blank == NULL ? end : blank + 1;
	return word;
}

/* What follows `name` in the word; empty when that is not there. */
static struct pin_word pin_value(struct pin_word word, const char *name)
{
	size_t length = strlen(name);

	if (word.length < length || memcmp(word.text, name, length) != 0)
		return (struct pin_word){ word.text, 0 };
	return (struct pin_word){ word.text + length, word.length - length };
}

static bool pin_parse_sub(struct pin_word word, char ret_sub[IDENTITY_SUB_SIZE + 1])
{
	if (word.length != IDENTITY_SUB_SIZE)
		return false;
	memcpy(ret_sub, word.text, IDENTITY_SUB_SIZE);
	ret_sub[IDENTITY_SUB_SIZE] = '\0';
	return identity_is_sub(ret_sub);
}

static bool pin_parse_origin(struct pin_word word, enum pin_origin *ret_origin)
{
	for (int origin = PINS_FROM_LOGIN; origin <= PINS_FROM_LOOK; origin++) {
		const char *name = pin_origin_name((enum pin_origin)origin);

		*ret_origin = (enum pin_origin)origin;
		if (word.length == strlen(name) && memcmp(word.text, name, word.length) == 0)
			return true;
	}
	return false;
}

static bool pin_parse_time(struct pin_word word, int64_t *ret_time)
{
	*ret_time = 0;
	if (word.length == 0 || word.length > PIN_TIME_DIGITS || (word.text[0] == '0' && word.length > 1))
		return false;
	for (size_t i = 0; i < word.length; i++) {
		if (word.text[i] < '0' || word.text[i] > '9')
			return false;
		*ret_time = *ret_time * 10 + (word.text[i] - '0');
	}
	return true;
}

bool pin_parse(const char *line, const char *end, struct pin *ret_pin)
{
	struct pin_word user = pin_next(&line, end);
	struct pin_word identity = pin_next(&line, end);
	struct pin_word sub = pin_value(pin_next(&line, end), "sub=");
	struct pin_word origin = pin_value(pin_next(&line, end), "from=");
	struct pin_word when = pin_value(pin_next(&line, end), "time=");

	if (when.text + when.length != end || !user_map_is_name(user.text, user.length))
		return false;
	if (identity_parse(identity.text, identity.length, &ret_pin->identity) != OTP_OK)
		return false;
	memcpy(ret_pin->user, user.text, user.length);
	ret_pin->user[user.length] = '\0';
	return pin_parse_sub(sub, ret_pin->identity.sub) && pin_parse_origin(origin, &ret_pin->origin) && pin_parse_time(when, &ret_pin->time);
}

/* Without printf but for the number: with a large file this is most of what a writer does. */
void pin_put(struct strbuf *text, const struct pin *pin)
{
	char when[32];

	(void)snprintf(when, sizeof(when), " time=%" PRId64 "\n", pin->time);
	strbuf_puts(text, pin->user);
	strbuf_puts(text, " ");
	strbuf_puts(text, identity_kind_name(pin->identity.kind));
	strbuf_puts(text, ":");
	strbuf_puts(text, pin->identity.value);
	strbuf_puts(text, " sub=");
	strbuf_puts(text, pin->identity.sub);
	strbuf_puts(text, " from=");
	strbuf_puts(text, pin_origin_name(pin->origin));
	strbuf_puts(text, when);
}
