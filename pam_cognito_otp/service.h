/*
 * service - the line to the service that one login uses: a connection, the key set, the operations.
 *
 * Rules kept here: what could waste a code (no connection, no keys) shows before the first mail; what is wrong on this machine shows before the first question,
 * for every account alike.
 */
#ifndef OTP_SERVICE_H
#define OTP_SERVICE_H

#include <stdbool.h>

#include "aws_credentials.h"
#include "clock.h"
#include "cognito.h"
#include "cognito_admin.h"
#include "err.h"
#include "http.h"
#include "jwks.h"
#include "note.h"
#include "options.h"

struct service {
	struct http_settings http_settings;
	struct http *http; /* NULL until service_prepare */
	bool open;
	struct jwks_settings jwks_settings;
	struct jwks jwks;
	struct cognito cognito;
	struct aws_credentials_settings aws_settings;
	struct aws_credentials credentials; /* empty until something is to be signed */
	struct cognito_admin admin;
	struct deadline *deadline;
	const char *pins_pool; /* whose file of pins is needed; NULL: none is */
	struct note *note;
};

/* Sets it up without doing anything. All is borrowed and must outlive it. */
void service_begin(struct service *service, const struct options *options, struct deadline *deadline, struct note *note);

/*
 * What this machine must have for it, whoever asks: the client secret, the certificates, the credentials for the proxy, and the file of pins where
 * the settings want one. Nothing leaves. A second time it does nothing new. Errors of http_new, cognito_check_secret and pins_check.
 */
enum otp_err service_prepare(struct service *service);

/*
 * The AWS credentials, in a call that may want signed operations, whoever asks. Nothing leaves, but that with aws_imds the instance metadata
 * service is asked. After service_prepare. Errors of aws_credentials_load.
 */
enum otp_err service_prepare_admin(struct service *service);

/* Makes it ready, and that once; after service_prepare. Errors of jwks_load. */
enum otp_err service_open(struct service *service);

/* The AWS credentials are not needed any more: they are wiped. */
void service_forget_credentials(struct service *service);

/* Ends it; the last refresh token that came is wiped with it. */
void service_end(struct service *service);

/* The same at the end of the process, with what OpenSSL has set up. `result`: how it went. */
void service_shut_down(struct service *service, enum otp_err result);

#endif
