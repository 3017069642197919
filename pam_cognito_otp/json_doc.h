/*
 * json_doc - JSON from outside, read under a contract. The only room that includes json-c.
 *
 * Rules kept here (the reasons were measured on json-c 0.16: duplicate keys are silently dropped, "k\u0000z" becomes "k", the string
 * "false" reads as true, NaN and 1e400 are numbers):
 *  - before json-c sees a byte, a recognizer of our own (json_scan.h): RFC 8259 grammar, size, number of values, depth, UTF-8, no NUL (raw or
 *    escaped), no lone surrogate; it counts the members;
 *  - then json-c in strict mode, which sees ASCII only; the whole text must be one object, and hold as many members as were counted: no
 *    name twice in one object, whatever escapes it is written with;
 *  - typed getters only; null counts as absent; a wrong type is an error, never a conversion.
 */
#ifndef OTP_JSON_DOC_H
#define OTP_JSON_DOC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "json_scan.h"

struct json_doc;   /* owns everything that was parsed */
struct json_value; /* one value inside a json_doc; borrowed, lives as long as its document */

/*
 * Parses `length` bytes. OTP_ERR_JSON_SYNTAX (also for more than JSON_TEXT_MAX bytes, an empty text, anything after the object, a root
 * that is no object, NaN, comments, more than JSON_VALUES_MAX values in all), OTP_ERR_JSON_UTF8, OTP_ERR_JSON_NUL, OTP_ERR_JSON_DEPTH,
 * OTP_ERR_JSON_DUPLICATE, OTP_ERR_MEMORY. RFC 8259; duplicates: I-JSON, RFC 7493 section 2.3.
 */
enum otp_err json_doc_parse(const char *text, size_t length, struct json_doc **ret_doc);
void json_doc_free(struct json_doc *doc); /* NULL is fine */
const struct json_value *json_doc_root(const struct json_doc *doc);

/* A member is there and is not null. */
bool json_has(const struct json_value *object, const char *key);

/*
 * All getters: OTP_ERR_JSON_ABSENT when missing or null, OTP_ERR_JSON_TYPE when of another type or outside the limits.
 * Strings are borrowed, NUL-terminated, without a NUL inside, `min` to `max` bytes long. Integers are numbers without fraction and
 * exponent; INT64_MIN and INT64_MAX, which json-c gives for larger ones too, are outside every limit.
 */
enum otp_err json_get_string(const struct json_value *object, const char *key, size_t min, size_t max, const char **ret_text);
enum otp_err json_get_int(const struct json_value *object, const char *key, int64_t min, int64_t max, int64_t *ret_number);
enum otp_err json_get_bool(const struct json_value *object, const char *key, bool *ret_bool);
enum otp_err json_get_object(const struct json_value *object, const char *key, const struct json_value **ret_object);
enum otp_err json_get_array(const struct json_value *object, const char *key, const struct json_value **ret_array);
size_t json_array_length(const struct json_value *array);
enum otp_err json_array_string(const struct json_value *array, size_t index, size_t max, const char **ret_text);
enum otp_err json_array_object(const struct json_value *array, size_t index, const struct json_value **ret_object);

/*
 * Overwrites a string that is a secret and that nobody needs any more; it has its length still, and no bytes. Nothing happens when there is none. The parser's own
 * working memory is out of reach: see json_doc.c.
 */
void json_wipe_string(const struct json_value *object, const char *key);

#endif
