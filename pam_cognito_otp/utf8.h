/*
 * utf8 - characters outside ASCII, read by the letter of RFC 3629.
 *
 * Rule kept here: what has two spellings has one here; the other is no character.
 */
#ifndef OTP_UTF8_H
#define OTP_UTF8_H

#include <stddef.h>
#include <stdint.h>

/* Bytes of the character of several bytes at `at`, 2 to 4; 0 when it is none (overlong, a surrogate, cut by `end`, beyond U+10FFFF). RFC
 * 3629. */
size_t utf8_length(const unsigned char *at, const unsigned char *end);

/* The number of the character at `at`; `length` is what utf8_length said, or 1 for ASCII. */
uint32_t utf8_number(const unsigned char *at, size_t length);

#endif
