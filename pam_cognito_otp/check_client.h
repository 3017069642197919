/*
 * check_client - whether an app client, as DescribeUserPoolClient shows it, takes sign-ins by code from this host, and gives nothing away.
 *
 * Rules kept here: the answer holds the client's secret in clear: whether it is there is all that is asked of it, and it is wiped in the
 * document.
 *
 * Source: Amazon Cognito user pools API reference, UserPoolClientType.
 */
#ifndef OTP_CHECK_CLIENT_H
#define OTP_CHECK_CLIENT_H

#include <stdbool.h>

#include "check.h"
#include "check_pool.h"
#include "json_doc.h"

/* What was found wrong: the service's answer to a sign-in says some of it again. */
struct check_client {
	bool no_flow;	 /* ALLOW_USER_AUTH is missing */
	bool shows;	 /* whether a user exists */
	bool secret_off; /* client_secret_file is missing, or not wanted */
};

/* Judges the answer's root. Needs check->options. */
void check_client(const struct check *check, const struct json_value *root, const struct check_pool *pool, struct check_client *ret_client);

#endif
