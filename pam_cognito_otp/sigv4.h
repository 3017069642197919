/*
 * sigv4 - AWS Signature Version 4 for one POST to `/` without a query: all that the user pools API needs.
 *
 * Rules kept here: body, host, content type, date, session token and target are signed; libcurl's own signer (before 7.86) leaves target and token out, so that
 * the service refuses it, or somebody between could change the operation. The derived keys are wiped.
 *
 * Source: AWS General Reference, "Create a signed AWS API request".
 */
#ifndef OTP_SIGV4_H
#define OTP_SIGV4_H

#include <stdint.h>

#include "err.h"
#include "secret.h"
#include "strbuf.h"

enum {
	SIGV4_DATE_SIZE = 17,	       /* yyyymmddThhmmssZ and a NUL */
	SIGV4_AUTHORIZATION_MAX = 1024 /* bytes of the Authorization line */
};

/* Borrowed. */
struct sigv4_request {
	const char *host;    /* as in the Host header: with the port, if it is not 443 */
	const char *region;
	const char *service; /* "cognito-idp" */
	const char *target;  /* the whole X-Amz-Target */
	const char *content_type;
	const void *body;
	size_t body_length;
	int64_t time; /* clock_wall() */
	const struct secret *access_key_id;
	const struct secret *secret_access_key;
	const struct secret *session_token; /* empty when there is none */
};

/*
 * Writes the value of X-Amz-Date into `date`, and the line `Authorization: AWS4-HMAC-SHA256 ...` into the empty *authorization. OTP_ERR_CRYPTO, OTP_ERR_MEMORY,
 * OTP_ERR_SYSTEM (a time that is no date), OTP_ERR_AWS_CREDENTIALS (an access key id or session token that cannot stand in a header, no secret, or more than
 * *authorization may hold). SIGV4_AUTHORIZATION_MAX is a limit for it that suffices.
 */
enum otp_err sigv4_sign(const struct sigv4_request *request, char date[SIGV4_DATE_SIZE], struct strbuf *authorization);

#endif
