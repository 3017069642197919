/*
 * identity - which Cognito user a local user is: kind, value, and perhaps a pinned sub.
 *
 * Rule kept here: what a map or template may say is one kind and one graphic ASCII word; the value is what the service is asked for and what the tokens
 * must say (binding.h), byte for byte.
 */
#ifndef OTP_IDENTITY_H
#define OTP_IDENTITY_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum {
	IDENTITY_VALUE_MAX = 128, /* bytes; the service's limit for a user name */
	IDENTITY_SUB_SIZE = 36	  /* a UUID in text */
};

enum identity_kind {
	IDENTITY_EMAIL,	   /* ID token: email, email_verified true */
	IDENTITY_USERNAME, /* ID token: cognito:username; access token: username, equal */
	IDENTITY_PHONE	   /* ID token: phone_number, phone_number_verified true */
};

/* A mapped user. `value` is what is sent as USERNAME, too. */
struct identity {
	enum identity_kind kind;
	char value[IDENTITY_VALUE_MAX + 1];
	char sub[IDENTITY_SUB_SIZE + 1]; /* "" when no pin was written */
};

/* "email", "username", "phone". */
const char *identity_kind_name(enum identity_kind kind);

/*
 * Parses `kind:value` (text of `length` bytes) into *ret_identity with an empty pin. OTP_ERR_MAP_SYNTAX for an unknown kind, an empty or too long
 * value, white space, control or non-ASCII bytes, an email without exactly one `@` in the middle, a phone that is not `+` and 2 to 15 digits.
 */
enum otp_err identity_parse(const char *text, size_t length, struct identity *ret_identity);

/* A `sub` as Cognito writes it: lower-case UUID, 8-4-4-4-12. */
bool identity_is_sub(const char *text);

#endif
