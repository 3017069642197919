/*
 * check_json - what AWS says of a pool, an app client or a user, read for a judgement of it: most members may be missing, and then mean
 * something.
 *
 * Rules kept here: what is missing has the meaning that the reader gives for it; what is there in another type than the API reference gives
 * it is no such thing, and is kept for a complaint; members that nobody asks for are ignored: AWS adds some every year.
 */
#ifndef OTP_CHECK_JSON_H
#define OTP_CHECK_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "json_doc.h"

struct check_json {
	const char
	    *wrong; /* the first member that was of another type or size; NULL while there was none. Borrowed from the caller's keys. */
};

/* All: `object` may be NULL, and then has no members. What is returned is borrowed from the document, or is `absent`. */
const struct json_value *check_json_object(struct check_json *json, const struct json_value *object, const char *key);
const char *check_json_text(struct check_json *json, const struct json_value *object, const char *key, const char *absent);
bool check_json_bool(struct check_json *json, const struct json_value *object, const char *key, bool absent);
int64_t check_json_int(struct check_json *json, const struct json_value *object, const char *key, int64_t max, int64_t absent);

/* How many elements a list of words has; 0 as well when it is missing. */
size_t check_json_count(struct check_json *json, const struct json_value *object, const char *key);

/* Whether `word` is in a list of words. */
bool check_json_lists(struct check_json *json, const struct json_value *object, const char *key, const char *word);

#endif
