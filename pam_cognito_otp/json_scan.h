/*
 * json_scan - whether a text is one JSON object that we are willing to hand to json-c.
 *
 * Rules kept here: a whole RFC 8259 recognizer, not a filter: json-c's idea of "strict" differs from release to release (0.16 takes control characters,
 * 0.18 refuses every byte above 0x7f, all take NaN), and a text is in when both agree on it. It keeps nothing but counts; recursion is bounded.
 */
#ifndef OTP_JSON_SCAN_H
#define OTP_JSON_SCAN_H

#include <stddef.h>

#include "err.h"

enum {
	JSON_TEXT_MAX = 256 * 1024, /* bytes of a whole answer */
	JSON_DEPTH_MAX = 16,
	/* Of all objects and arrays together. A real answer has about a hundred; json-c spends some 200 bytes on each. */
	JSON_VALUES_MAX = 4096
};

/*
 * Scans `length` bytes; *ret_members is how many members all its objects have together, equal names counted each time. OTP_ERR_JSON_SYNTAX,
 * _UTF8, _NUL, _DEPTH.
 */
enum otp_err json_scan_text(const char *text, size_t length, size_t *ret_members);

#endif
