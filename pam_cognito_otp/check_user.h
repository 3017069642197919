/*
 * check_user - whether one person can log in: his account here, and what the pool says of him.
 *
 * Rules kept here: he is judged as a login judges him, and each thing that would stop him is named as the log would name it; he is not
 * mailed, and nothing of him is changed or kept.
 *
 * Sources: Amazon Cognito user pools API reference, AdminGetUser, AdminGetUserAuthFactors.
 */
#ifndef OTP_CHECK_USER_H
#define OTP_CHECK_USER_H

#include <stdbool.h>

#include "check.h"
#include "check_pool.h"
#include "cognito_admin.h"
#include "identity.h"
#include "json_doc.h"

/* Somebody whom the map names. Borrowed. */
struct check_person {
	const char *user; /* the local name */
	const struct identity *identity;
	bool from_template;
};

/* The account on this machine, and whether the settings let it log in. Needs check->options. */
void check_user_account(const struct check *check, const char *user);

/*
 * Judges what AdminGetUser has said. `factors`: the root of the answer of AdminGetUserAuthFactors, NULL when there is none: then it is not
 * known whether he is offered a code.
 */
void check_user(const struct check *check, const struct check_person *person, const struct cognito_user *user,
		const struct json_value *factors, const struct check_pool *pool);

/* The pool does not know him. */
void check_user_absent(const struct check *check, const struct check_person *person);

#endif
