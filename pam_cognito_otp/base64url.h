/*
 * base64url - RFC 4648 section 5 without padding, as RFC 7515 section 2 wants it.
 *
 * Rule kept here: one text for one value. Padding, other alphabets, white space, a length of 4n+1 and non-zero trailing bits are refused,
 * since a signature over text that has two spellings is a signature over neither.
 */
#ifndef OTP_BASE64URL_H
#define OTP_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

/* Bytes that `length` characters decode to, at most. */
#define BASE64URL_DECODED_MAX(length) (((length) / 4) * 3 + 3)

/* Decodes into `out` (room for `capacity` bytes). False, with nothing promised about `out`, when the text is not canonical or too long. */
bool base64url_decode(const char *text, size_t length, unsigned char *out, size_t capacity, size_t *ret_length);

#endif
