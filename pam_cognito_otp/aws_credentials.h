/*
 * aws_credentials - the AWS keys that sign the calls which need an administrator's rights, and only these: AdminGetUser, AdminCreateUser,
 * and what `cognito-otp check` asks of the pool.
 *
 * Rules kept here:
 *  - they come from a file that is root's alone, or from the instance metadata service in its second version (IMDSv2); never from the
 *    environment, never from IMDSv1, which any program on the host could be made to ask, and never through a proxy;
 *  - they live in secrets, and are as long-lived as one call of the module;
 *  - what is wrong with them is told with file and line, or with the step of IMDS that failed, and never with what they are.
 *
 * Sources: AWS SDKs and Tools Reference Guide (shared credentials file); Amazon EC2 User Guide (instance metadata, IMDSv2).
 */
#ifndef OTP_AWS_CREDENTIALS_H
#define OTP_AWS_CREDENTIALS_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"
#include "note.h"
#include "secret.h"

/* Borrowed. */
struct aws_credentials_settings {
	const char *file; /* "" for none */
	const char *profile;
	bool imds;
};

struct aws_credentials {
	const struct aws_credentials_settings *settings;
	struct secret access_key_id; /* empty until they were loaded */
	struct secret secret_access_key;
	struct secret session_token; /* empty when there is none */
	int64_t expires;	     /* clock_wall() seconds; 0 when it is not known */
};
#define AWS_CREDENTIALS_NONE(settings) { settings, SECRET_EMPTY, SECRET_EMPTY, SECRET_EMPTY, 0 }
#define aws_credentials_auto __attribute__((cleanup(aws_credentials_done)))

/*
 * Loads them unless they are there and good for some minutes more. OTP_ERR_CONFIG_OPEN (the file; also when it is larger than 64 KiB),
 * OTP_ERR_CONFIG_UNSAFE, OTP_ERR_AWS_CREDENTIALS (its form, no such profile), OTP_ERR_AWS_IMDS, OTP_ERR_AWS_EXPIRED, OTP_ERR_MEMORY,
 * OTP_ERR_SYSTEM; the note says which.
 */
enum otp_err aws_credentials_load(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note);

/* Loads them anew, since the service takes them for expired. Errors as above, and then there are none: those before are forgotten. */
enum otp_err aws_credentials_refresh(struct aws_credentials *credentials, const struct deadline *deadline, struct note *note);

void aws_credentials_done(struct aws_credentials *credentials);

#endif
