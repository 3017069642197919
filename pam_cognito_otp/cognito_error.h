/* cognito_error - the service's exceptions, as our errors. Source: the error lists of the API reference, and what real pools were seen to answer. */
#ifndef OTP_COGNITO_ERROR_H
#define OTP_COGNITO_ERROR_H

#include "err.h"
#include "http.h"

/* What an answer with another status than 200 means; never OTP_OK. */
enum otp_err cognito_error_of(const struct http_response *response);

/* The same for a signed operation: refused there are this host's credentials and rights, and what is not found is the pool. */
enum otp_err cognito_error_of_signed(const struct http_response *response);

#endif
