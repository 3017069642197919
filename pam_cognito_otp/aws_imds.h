/*
 * aws_imds - the credentials of the EC2 instance's role, from the instance metadata service.
 *
 * Rules kept here:
 *  - version 2 only (IMDSv2): a session token is fetched by PUT first, which no forwarded GET of a web server can do; whatever the service,
 *    or somebody in its place, says: version 1 is never fallen back to;
 *  - one fixed link-local address, plain http since it has no TLS, and never through a proxy: who answers there is the machine's own host;
 *  - each exchange has a second, the caller's deadline bounds them all, and nothing is asked twice, but a token that is refused once;
 *  - an answer is judged before it is used: what goes into a URL or header has the form that it must have, an error inside a 200 is an
 *    error, and credentials that have expired are none.
 *
 * Source: Amazon EC2 User Guide, "Use the Instance Metadata Service" and "Retrieve security credentials from instance metadata".
 */
#ifndef OTP_AWS_IMDS_H
#define OTP_AWS_IMDS_H

#include <stdint.h>

#include "clock.h"
#include "err.h"
#include "note.h"
#include "secret.h"

enum {
	AWS_IMDS_TOKEN_MAX = 1024, /* bytes of a session token of IMDS; today's have 56 */
	AWS_IMDS_ROLE_MAX = 64	   /* IAM's limit */
};

struct aws_imds_keys {
	struct secret access_key_id;
	struct secret secret_access_key;
	struct secret session_token;
	int64_t expires; /* clock_wall() seconds */
};
#define AWS_IMDS_KEYS_NONE { SECRET_EMPTY, SECRET_EMPTY, SECRET_EMPTY, 0 }

/*
 * Asks the service. OTP_ERR_AWS_IMDS (the note names the step, and what to do), OTP_ERR_AWS_EXPIRED, OTP_ERR_MEMORY, OTP_ERR_SYSTEM. The
 * caller ends *ret_keys with aws_imds_keys_done in every case.
 */
enum otp_err aws_imds_fetch(const struct deadline *deadline, struct aws_imds_keys *ret_keys, struct note *note);

void aws_imds_keys_done(struct aws_imds_keys *keys);

/* --- its parts: what the answers mean; they ask nobody --- */

/* The one token of the answer, a line end behind it tolerated. OTP_ERR_AWS_IMDS, OTP_ERR_MEMORY. */
enum otp_err aws_imds_read_token(const struct secret *body, struct secret *ret_token, struct note *note);

/* The one role name of the answer, a line end behind it tolerated. OTP_ERR_AWS_IMDS. */
enum otp_err aws_imds_read_role(const struct secret *body, char ret_role[AWS_IMDS_ROLE_MAX + 1], struct note *note);

/* The credentials in the answer, at `now`. OTP_ERR_AWS_IMDS, OTP_ERR_AWS_EXPIRED, OTP_ERR_MEMORY. *ret_keys as above. */
enum otp_err aws_imds_read_keys(const struct secret *body, int64_t now, struct aws_imds_keys *ret_keys, struct note *note);

#endif
