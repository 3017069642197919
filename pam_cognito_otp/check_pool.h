/*
 * check_pool - whether a user pool, as DescribeUserPool shows it, can mail codes to the people of the user map, and to nobody else.
 *
 * Rules kept here:
 *  - a fault is what keeps people out, lets strangers in, or will one day; whatever else a pool has is its owner's business;
 *  - each remedy is a command, and says that update-user-pool resets what it is not told: a repair that closes one hole and opens three is
 * none.
 *
 * Source: Amazon Cognito user pools API reference, UserPoolType.
 */
#ifndef OTP_CHECK_POOL_H
#define OTP_CHECK_POOL_H

#include <stdbool.h>
#include <stddef.h>

#include "check.h"
#include "json_doc.h"

/* What the user map and user_template ask of the pool: how many people there are of each kind. */
struct check_kinds {
	size_t email;
	size_t phone;
	size_t username;
	size_t words;	  /* of username: values that are no UUID */
	size_t claimable; /* of username: without sub=, so that the name alone decides */
	bool names;	  /* user_template is username: */
};

/* What the judgements of app client and users depend on. */
struct check_pool {
	bool known;    /* it could be looked at */
	bool no_codes; /* it offers nobody a mailed code, and that was said */
	bool confirms; /* a new address counts only when its owner has confirmed it */
};

/* Counts. A map that cannot be read has nobody: check_settings says what is wrong with it. */
void check_pool_count(const struct check *check, struct check_kinds *ret_kinds);

/* Judges the answer's root. Needs check->options. */
void check_pool(const struct check *check, const struct json_value *root, const struct check_kinds *kinds, struct check_pool *ret_pool);

#endif
