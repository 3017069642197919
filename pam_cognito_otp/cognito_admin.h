/*
 * cognito_admin - the signed operations of Amazon Cognito user pools: what an administrator may ask and do.
 *
 * Rules kept here:
 *  - every call is signed with AWS credentials of this host (aws_credentials, sigv4), and goes where the others go; credentials that the
 *    service takes for expired are read anew once, and the call is made once more, since it was refused unread; nothing else is ever
 *    sent twice;
 *  - an answer is believed member by member: Enabled must be JSON true, an attribute counts by its exact text; an attribute that is
 *    there twice is an error;
 *  - nobody is welcomed by mail, nobody gets a password, and nobody's alias is taken away.
 *
 * Sources: Amazon Cognito user pools API reference (AdminGetUser, AdminCreateUser), protocol awsJson1.1.
 */
#ifndef OTP_COGNITO_ADMIN_H
#define OTP_COGNITO_ADMIN_H

#include <stdbool.h>

#include "aws_credentials.h"
#include "cognito.h"
#include "err.h"
#include "identity.h"

enum { COGNITO_ATTRIBUTE_MAX = 2048 }; /* bytes; the service's limit */

/* UserStatus of the service. */
enum cognito_status {
	COGNITO_STATUS_OTHER, /* one that this version does not know */
	COGNITO_STATUS_UNCONFIRMED,
	COGNITO_STATUS_CONFIRMED,
	COGNITO_STATUS_EXTERNAL_PROVIDER,
	COGNITO_STATUS_RESET_REQUIRED,
	COGNITO_STATUS_FORCE_CHANGE_PASSWORD
};

/* Borrowed; `cognito` is the line to the service. */
struct cognito_admin {
	struct cognito *cognito;
	struct aws_credentials *credentials;
	const char *user_pool_id;
};

/* What the pool says of one user. "" for an attribute that is not there. */
struct cognito_user {
	char user_name[IDENTITY_VALUE_MAX + 1];
	char sub[IDENTITY_SUB_SIZE + 1];
	bool enabled;
	enum cognito_status status;
	char email[IDENTITY_VALUE_MAX + 1]; /* a longer one than any mapped one is cut, and so equal to none */
	bool email_verified;		    /* exactly the text "true" */
	char phone_number[IDENTITY_VALUE_MAX + 1];
	bool phone_number_verified;
};

/*
 * Signs `body` and has `operation` done; the caller ends *ret_doc with json_doc_free in every case. For operations in other rooms;
 * errors as below.
 */
enum otp_err cognito_admin_post(struct cognito_admin *admin, const char *operation, const struct strbuf *body, struct json_doc **ret_doc);

/*
 * AdminGetUser by user name or alias. OTP_ERR_ACCOUNT_NOT_FOUND, OTP_ERR_POOL_UNKNOWN, OTP_ERR_AWS_*, OTP_ERR_THROTTLED,
 * OTP_ERR_RESPONSE_SHAPE, errors of aws_credentials_load and cognito_post. The caller says where the operation begins (cognito_begin).
 */
enum otp_err cognito_admin_get_user(struct cognito_admin *admin, const char *user_name, struct cognito_user *ret_user);

/*
 * AdminCreateUser with a verified email, MessageAction SUPPRESS and no password. OTP_ERR_ACCOUNT_EXISTS when somebody was first, or the
 * address is another user's; otherwise as above.
 */
enum otp_err cognito_admin_create_user(struct cognito_admin *admin, const char *email, struct cognito_user *ret_user);

#endif
