/* service - see service.h. */
#include "service.h"

#include <string.h>

#include "crypto.h"
#include "pins.h"

void service_begin(struct service *service, const struct options *options, struct deadline *deadline, struct note *note)
{
	memset(service, 0, sizeof(*service));
	service->http_settings = (struct http_settings){ options->ca_file, options->proxy, options->proxy_credentials_file,
							 options->connect_timeout * 1000, false };
	service->jwks_settings = (struct jwks_settings){ options->jwks_url,     options->jwks_file,    OTP_STATE_DIR,
							 options->user_pool_id, options->jwks_max_age, options->clock_skew };
	service->jwks.settings = &service->jwks_settings;
	service->cognito.endpoint = options->endpoint;
	service->cognito.client_id = options->client_id;
	service->cognito.client_secret_file = options->client_secret_file;
	service->cognito.factor = options->challenge == CHALLENGE_SMS_OTP ? COGNITO_SMS_OTP : COGNITO_EMAIL_OTP;
	service->cognito.clock_skew = options->clock_skew;
	service->cognito.deadline = deadline;
	service->cognito.note = note;
	service->aws_settings = (struct aws_credentials_settings){ options->aws_credentials_file, options->aws_profile, options->aws_imds };
	service->credentials = (struct aws_credentials)AWS_CREDENTIALS_NONE(&service->aws_settings);
	service->admin = (struct cognito_admin){ &service->cognito, &service->credentials, options->user_pool_id };
	service->deadline = deadline;
	service->pins_pool = options->pin_sub || options->create_user ? options->user_pool_id : NULL;
	service->note = note;
}

enum otp_err service_prepare(struct service *service)
{
	int64_t pins;
	enum otp_err err = service->http == NULL ? http_new(&service->http_settings, &service->http, service->note) : OTP_OK;

	if (err != OTP_OK)
		return err;
	service->cognito.http = service->http;
	err = cognito_check_secret(&service->cognito);
	if (err == OTP_OK && service->pins_pool != NULL)
		err = pins_check(service->pins_pool, &pins, service->note);
	return err;
}

enum otp_err service_prepare_admin(struct service *service)
{
	return aws_credentials_load(&service->credentials, service->deadline, service->note);
}

enum otp_err service_open(struct service *service)
{
	enum otp_err err;

	if (service->open)
		return OTP_OK;
	err = jwks_load(&service->jwks, service->http, service->deadline, service->note);
	service->open = err == OTP_OK;
	return err;
}

void service_forget_credentials(struct service *service)
{
	aws_credentials_done(&service->credentials);
}

void service_end(struct service *service)
{
	service_forget_credentials(service);
	secret_done(&service->cognito.refresh_token);
	secret_done(&service->cognito.stale_token);
	jwks_done(&service->jwks);
	http_free(service->http);
	service->http = NULL;
}

void service_shut_down(struct service *service, enum otp_err result)
{
	service_end(service);
	if (err_class(result) != OTP_CLASS_UNREACHABLE) /* a resolver thread that found nobody may still be at work */
		crypto_shut_down();
}
