/* check_json - see check_json.h. */
#include "check_json.h"

#include <string.h>

enum { CHECK_JSON_TEXT_MAX = 2048 };

/* Whether there is something to take. */
static bool check_json_took(struct check_json *json, const char *key, enum otp_err err)
{
	if (err != OTP_OK && err != OTP_ERR_JSON_ABSENT && json->wrong == NULL)
		json->wrong = key;
	return err == OTP_OK;
}

const struct json_value *check_json_object(struct check_json *json, const struct json_value *object, const char *key)
{
	const struct json_value *member;

	return object != NULL && check_json_took(json, key, json_get_object(object, key, &member)) ? member : NULL;
}

const char *check_json_text(struct check_json *json, const struct json_value *object, const char *key, const char *absent)
{
	const char *text;

	return object != NULL && check_json_took(json, key, json_get_string(object, key, 0, CHECK_JSON_TEXT_MAX, &text)) ? text : absent;
}

bool check_json_bool(struct check_json *json, const struct json_value *object, const char *key, bool absent)
{
	bool value;

	return object != NULL && check_json_took(json, key, json_get_bool(object, key, &value)) ? value : absent;
}

int64_t check_json_int(struct check_json *json, const struct json_value *object, const char *key, int64_t max, int64_t absent)
{
	int64_t number;

	return object != NULL && check_json_took(json, key, json_get_int(object, key, 0, max, &number)) ? number : absent;
}

static const struct json_value *check_json_list(struct check_json *json, const struct json_value *object, const char *key)
{
	const struct json_value *list;

	return object != NULL && check_json_took(json, key, json_get_array(object, key, &list)) ? list : NULL;
}

size_t check_json_count(struct check_json *json, const struct json_value *object, const char *key)
{
	const struct json_value *list = check_json_list(json, object, key);

	return list == NULL ? 0 : json_array_length(list);
}

bool check_json_lists(struct check_json *json, const struct json_value *object, const char *key, const char *word)
{
	const struct json_value *list = check_json_list(json, object, key);
	const char *text;
	bool found = false;

	for (size_t i = 0; list != NULL && i < json_array_length(list); i++) {
		if (check_json_took(json, key, json_array_string(list, i, CHECK_JSON_TEXT_MAX, &text)) && strcmp(text, word) == 0)
			found = true;
	}
	return found;
}
