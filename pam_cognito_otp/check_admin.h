/*
 * check_admin - what AWS credentials let us see: asks for the pool, the app client and a user, and has the answers judged.
 *
 * Rules kept here:
 *  - it only reads: DescribeUserPool, DescribeUserPoolClient, AdminGetUser, AdminGetUserAuthFactors;
 *  - what IAM does not allow is a note, unless a login needs it: a host that may do little is better than one that may do much;
 *  - after a call that shows that no other can succeed, none is made.
 */
#ifndef OTP_CHECK_ADMIN_H
#define OTP_CHECK_ADMIN_H

#include <stdbool.h>

#include "check.h"
#include "check_client.h"
#include "check_pool.h"
#include "err.h"
#include "service.h"

/* RFC 2606 keeps .invalid free: no mailbox is there. The name can be found in CloudTrail. */
#define CHECK_NOBODY "cognito-otp-check@example.invalid"

/* What was found, so that a consequence is not a fault of its own. */
struct check_admin {
	struct check_pool pool;
	struct check_client client;
	bool client_absent;  /* the pool has no such app client, and that was said */
	enum otp_err failed; /* of the call after which none was made; OTP_OK when all were */
};

/* Whether there are credentials. */
bool check_admin_can(const struct options *options);

/* Asks and judges, in at most `deadline`. `service` is prepared. `user`: a local name, or NULL. Needs check->options. */
void check_admin(const struct check *check, struct service *service, const char *user, struct check_admin *ret_found);

#endif
