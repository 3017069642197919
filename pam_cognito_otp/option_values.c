/* option_values - see option_values.h. */
#include "option_values.h"

#include <ctype.h>
#include <fnmatch.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "identity.h"

static enum otp_err option_refuse(struct note *note, const char *wanted)
{
	note_set(note, "%s", wanted);
	return OTP_ERR_CONFIG_VALUE;
}

static enum otp_err option_copy(const char *value, int64_t max, char *field, struct note *note)
{
	size_t length = strlen(value);

	if (length > (size_t)max) {
		note_set(note, "longer than %lld bytes", (long long)max);
		return OTP_ERR_CONFIG_VALUE;
	}
	memcpy(field, value, length + 1);
	return OTP_OK;
}

/* One of `names`; its index goes into *ret_index. */
static enum otp_err option_choose(const char *value, const char *const *names, size_t *ret_index, struct note *note)
{
	for (size_t i = 0; names[i] != NULL; i++) {
		if (strcmp(value, names[i]) == 0) {
			*ret_index = i;
			return OTP_OK;
		}
	}
	note_set(note, "must be %s or %s", names[0], names[1]);
	return OTP_ERR_CONFIG_VALUE;
}

bool option_words_has(const struct option_words *words, const char *word)
{
	for (size_t i = 0; i < words->count; i++) {
		if (strcmp(words->words[i], word) == 0)
			return true;
	}
	return false;
}

OPTION_VALUE(option_set_bool)
{
	static const char *const names[] = { "no", "yes", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(bool *)field = index == 1;
	return err;
}

OPTION_VALUE(option_set_switch)
{
	static const char *const names[] = { "off", "on", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(bool *)field = index == 1;
	return err;
}

OPTION_VALUE(option_set_unmapped)
{
	static const char *const names[] = { "deny", "ignore", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(enum option_unmapped *)field = (enum option_unmapped)index;
	return err;
}

OPTION_VALUE(option_set_confirm)
{
	static const char *const names[] = { "auto", "always", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(enum option_confirm *)field = (enum option_confirm)index;
	return err;
}

OPTION_VALUE(option_set_cache_check)
{
	static const char *const names[] = { "offline", "online", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(enum option_cache_check *)field = (enum option_cache_check)index;
	return err;
}

OPTION_VALUE(option_set_challenge)
{
	static const char *const names[] = { "email_otp", "sms_otp", NULL };
	size_t index;
	enum otp_err err = option_choose(value, names, &index, note);

	(void)min, (void)max;
	if (err == OTP_OK)
		*(enum option_challenge *)field = (enum option_challenge)index;
	return err;
}

/* At most ten digits: no overflow, no sign, no octal. Returns how many were read. */
static size_t option_digits(const char *value, int64_t *ret_number)
{
	size_t length = strspn(value, "0123456789");
	int64_t number = 0;

	if (length == 0 || length > 10)
		return 0;
	for (size_t i = 0; i < length; i++)
		number = number * 10 + (value[i] - '0');
	*ret_number = number;
	return length;
}

OPTION_VALUE(option_set_number)
{
	int64_t number;
	size_t length = option_digits(value, &number);

	if (length == 0 || value[length] != '\0' || number < min || number > max) {
		note_set(note, "must be a number from %lld to %lld", (long long)min, (long long)max);
		return OTP_ERR_CONFIG_VALUE;
	}
	*(int64_t *)field = number;
	return OTP_OK;
}

static int64_t option_unit(const char *unit)
{
	if (strcmp(unit, "s") == 0)
		return 1;
	if (strcmp(unit, "m") == 0)
		return 60;
	if (strcmp(unit, "h") == 0)
		return 3600;
	return strcmp(unit, "d") == 0 ? 86400 : 0;
}

OPTION_VALUE(option_set_seconds)
{
	int64_t number;
	size_t length = option_digits(value, &number);
	int64_t unit = length == 0 ? 0 : option_unit(value + length);

	if (unit == 0 || number * unit < min || number * unit > max) {
		note_set(note, "must be a time with its unit (20s, 5m, 24h, 7d), from %llds to %llds", (long long)min, (long long)max);
		return OTP_ERR_CONFIG_VALUE;
	}
	*(int64_t *)field = number * unit;
	return OTP_OK;
}

/* `5/15m` or `20/d`. Returns how much was read, or 0. */
static size_t option_window(const char *value, struct budget_window *ret_window)
{
	size_t count_length = option_digits(value, &ret_window->count);
	const char *rest = value + count_length + 1;
	size_t number_length;
	char unit[2] = "";

	if (count_length == 0 || value[count_length] != '/')
		return 0;
	ret_window->seconds = 1;
	number_length = option_digits(rest, &ret_window->seconds);
	unit[0] = rest[number_length];
	if (ret_window->count < 1 || ret_window->count > BUDGET_COUNT_MAX || option_unit(unit) == 0)
		return 0;
	ret_window->seconds *= option_unit(unit);
	return count_length + 1 + number_length + 1;
}

OPTION_VALUE(option_set_budget)
{
	struct budget_limit limit = { { { 0, 0 }, { 0, 0 } } };
	size_t length = option_window(value, &limit.windows[0]);
	bool good = length > 0 && limit.windows[0].seconds >= min && limit.windows[0].seconds <= max;

	if (good && value[length] == ',') {
		value += length + 1;
		length = option_window(value, &limit.windows[1]);
		good = length > 0 && limit.windows[1].seconds > limit.windows[0].seconds && limit.windows[1].seconds <= max &&
		       limit.windows[1].count >= limit.windows[0].count; /* or the first would have no effect */
	}
	if (!good || value[length] != '\0') {
		note_set(note, "must be COUNT/WINDOW such as 5/15m, or two such as 5/15m,20/d with the longer window and the larger count last; COUNT 1 to %d, WINDOW %llds to %llds",
			 BUDGET_COUNT_MAX, (long long)min, (long long)max);
		return OTP_ERR_CONFIG_VALUE;
	}
	*(struct budget_limit *)field = limit;
	return OTP_OK;
}

OPTION_VALUE(option_set_path)
{
	(void)min;
	if (value[0] != '/')
		return option_refuse(note, "must be an absolute path");
	return option_copy(value, max, field, note);
}

static bool option_all(const char *value, size_t length, const char *also)
{
	for (size_t i = 0; i < length; i++) {
		if (!isascii(value[i]) || (!isalnum((unsigned char)value[i]) && strchr(also, value[i]) == NULL))
			return false;
	}
	return length > 0;
}

OPTION_VALUE(option_set_pool_id)
{
	const char *underscore = strchr(value, '_');

	(void)min;
	if (underscore == NULL || !option_all(value, (size_t)(underscore - value), "-") ||
	    !option_all(underscore + 1, strlen(underscore + 1), ""))
		return option_refuse(note, "must be a pool id such as eu-west-1_Ab129faBb");
	return option_copy(value, max, field, note);
}

OPTION_VALUE(option_set_client_id)
{
	(void)min;
	if (!option_all(value, strlen(value), "_+"))
		return option_refuse(note, "must be an app client id: letters and digits");
	return option_copy(value, max, field, note);
}

/* Length of `host[:port]` at the start of `host`, or 0. Host: a name, an IPv4 address, or an IPv6 address in brackets. */
static size_t option_host_length(const char *host)
{
	size_t length = host[0] == '[' ? strspn(host + 1, "0123456789abcdefABCDEF:.") + 2 : strcspn(host, ":/");
	int64_t port;

	if (host[0] == '[' ? length < 4 || host[length - 1] != ']' : !option_all(host, length, "-."))
		return 0;
	if (host[length] == ':') {
		size_t digits = option_digits(host + length + 1, &port);

		if (digits == 0 || port < 1 || port > 65535)
			return 0;
		length += 1 + digits;
	}
	return length;
}

/* Length of `scheme` and host[:port] at the start of `value`, or 0. */
static size_t option_origin_length(const char *value, const char *scheme)
{
	size_t skip = strlen(scheme);
	size_t length = strncmp(value, scheme, skip) == 0 ? option_host_length(value + skip) : 0;

	return length == 0 ? 0 : skip + length;
}

/* A section of AWS's credentials file: what its own tools allow without quotes. */
OPTION_VALUE(option_set_profile)
{
	(void)min;
	if (!option_all(value, strlen(value), "_.+@-"))
		return option_refuse(note, "must be the name of a profile: letters, digits, and any of _ . + @ -");
	return option_copy(value, max, field, note);
}

OPTION_VALUE(option_set_endpoint)
{
	size_t length = option_origin_length(value, "https://");

	(void)min;
	if (length == 0 || value[length] != '\0')
		return option_refuse(note, "must be https://host or https://host:port, without a path");
	return option_copy(value, max, field, note);
}

/* Everybody may read the settings, and the URL stands in the log. */
OPTION_VALUE(option_set_proxy)
{
	size_t length = option_origin_length(value, "http://");

	(void)min;
	if (strchr(value, '@') != NULL)
		return option_refuse(note, "must not hold credentials: write them into the file of proxy_credentials_file");
	if (length == 0)
		length = option_origin_length(value, "https://");
	if (length == 0 || value[length] != '\0')
		return option_refuse(note, "must be http://host:port or https://host:port, without a path");
	return option_copy(value, max, field, note);
}

/* A path of unreserved characters: nothing in it can mean something else to a URL parser. */
static bool option_is_url(const char *value)
{
	size_t length = option_origin_length(value, "https://");

	return length > 0 && (value[length] == '\0' || (value[length] == '/' && option_all(value + length, strlen(value + length), "-._/~")));
}

OPTION_VALUE(option_set_url)
{
	(void)min;
	if (!option_is_url(value))
		return option_refuse(note, "must be an https URL without query");
	return option_copy(value, max, field, note);
}

OPTION_VALUE(option_set_words)
{
	struct option_words *words = field;
	char *word;
	char *rest = NULL;
	enum otp_err err = option_copy(value, max, words->text, note);

	(void)min;
	if (err != OTP_OK)
		return err;
	words->count = 0;
	for (word = strtok_r(words->text, " \t,", &rest); word != NULL; word = strtok_r(NULL, " \t,", &rest)) {
		if (words->count == OPTIONS_WORDS_MAX) {
			note_set(note, "more than %d words", OPTIONS_WORDS_MAX);
			return OTP_ERR_CONFIG_VALUE;
		}
		words->words[words->count++] = word;
	}
	words->words[words->count] = NULL;
	return words->count == 0 ? option_refuse(note, "no word in it: this could match nobody") : OTP_OK;
}

/* Whether a word with `!` takes back all that a name or pattern allows. What two patterns have in common is not worked out. */
static bool option_excludes(const struct option_words *words, const char *name)
{
	bool literal = strpbrk(name, "*?[") == NULL;

	for (size_t i = 0; i < words->count; i++) {
		const char *excluded = words->words[i] + 1;

		if (words->words[i][0] == '!' && (literal ? fnmatch(excluded, name, FNM_NOESCAPE) == 0 : strcmp(excluded, name) == 0))
			return true;
	}
	return false;
}

static bool option_excludes_all(const char *word)
{
	return word[0] == '!' && word[1] != '\0' && word[strspn(word + 1, "*") + 1] == '\0';
}

/* `!*`, or each word is taken back by another: nobody is let in, whoever he is. */
static bool option_is_closed(const struct option_words *words)
{
	size_t allowing = 0;

	for (size_t i = 0; i < words->count; i++) {
		if (option_excludes_all(words->words[i]))
			return true;
		allowing += words->words[i][0] != '!';
	}
	for (size_t i = 0; i < words->count; i++) {
		if (words->words[i][0] != '!' && !option_excludes(words, words->words[i]))
			return false;
	}
	return allowing > 0;
}

OPTION_VALUE(option_set_filter)
{
	struct option_words *words = field;
	enum otp_err err = option_set_words(value, min, max, field, note);

	for (size_t i = 0; err == OTP_OK && i < words->count; i++) {
		if (strcmp(words->words[i], "!") == 0)
			err = option_refuse(note, "a ! without a name");
	}
	if (err == OTP_OK && option_is_closed(words))
		err = option_refuse(note, "excludes all that it allows: this could match nobody");
	return err;
}

/* libpam makes small letters of whatever a program calls itself: a name with a capital would never be met, and switch the setting off in silence. */
OPTION_VALUE(option_set_programs)
{
	struct option_words *words = field;
	enum otp_err err = option_set_words(value, min, max, field, note);

	for (size_t i = 0; err == OTP_OK && i < words->count; i++) {
		if (strspn(words->words[i], "abcdefghijklmnopqrstuvwxyz0123456789._-") != strlen(words->words[i]))
			err = option_refuse(note, "must be names of PAM services as in /etc/pam.d: small letters, digits, and any of . _ -");
	}
	return err;
}

OPTION_VALUE(option_set_issuers)
{
	struct option_words *words = field;
	enum otp_err err = option_set_words(value, min, max, field, note);

	for (size_t i = 0; err == OTP_OK && i < words->count; i++) {
		if (!option_is_url(words->words[i]))
			err = option_refuse(note, "must be https URLs, as they stand in the tokens");
	}
	return err;
}

/* Tried out on a name, so that a template which no name can fill is refused here. */
OPTION_VALUE(option_set_template)
{
	const char *percent = strstr(value, "%u");
	struct identity identity;
	char sample[OPTIONS_TEXT_MAX + 2];
	int length;

	(void)min;
	if (percent == NULL || strchr(value, '%') != percent || strchr(percent + 1, '%') != NULL)
		return option_refuse(note, "must have %u, the local user's name, exactly once");
	length = snprintf(sample, sizeof(sample), "%.*sn%s", (int)(percent - value), value, percent + 2);
	if (length < 0 || (size_t)length >= sizeof(sample) || identity_parse(sample, (size_t)length, &identity) != OTP_OK ||
	    identity.kind == IDENTITY_PHONE)
		return option_refuse(note, "must be such as email:%u@example.com or username:%u");
	return option_copy(value, max, field, note);
}
