/* check_service - see check_service.h. */
#include "check_service.h"

#include <string.h>

#include "check_admin.h"
#include "clock.h"
#include "cognito.h"
#include "jwks.h"
#include "remedy.h"
#include "service.h"

/* The key set is fetched even when a copy is at hand: it is the way that is looked at. */
static enum otp_err check_service_keys(struct service *service, const struct options *options, const struct check *check)
{
	struct finding good = { REPORT_OK, "keys", options->jwks_file[0] != '\0' ? options->jwks_file : options->jwks_url, "" };
	enum otp_err err;

	if (options->jwks_file[0] != '\0')
		err = jwks_load(&service->jwks, service->http, service->deadline, service->note);
	else
		err = jwks_refresh(&service->jwks, service->http, service->deadline, service->note);
	if (err == OTP_OK)
		report_add(check->report, &good, options->jwks_file[0] != '\0' ? "read" : "reached, certificate good, clocks agree, keys usable");
	else
		check_error(check, service->note->text[0] == '/' ? "" : good.where, err, service->note);
	return err;
}

static void check_service_public(const struct check *check, const struct finding *good)
{
	struct finding open = { REPORT_WARNING, "client_public", good->where,
				"Make an app client with a secret (--generate-secret), write it into a root-only file, and set client_secret_file." };

	report_add(check->report, good, "takes the client; USER_AUTH is on");
	if (check->options->client_secret_file[0] == '\0')
		report_add(check->report, &open, "the app client has no secret: anybody who learns client_id can have codes mailed");
}

/* Whether it only follows from what check_admin has said. */
static bool check_service_follows(const struct check_admin *found, enum otp_err err)
{
	if (err == OTP_ERR_ACCOUNT_NOT_FOUND)
		return found->client.shows;
	if (err == OTP_ERR_PARAMETER)
		return found->client.no_flow;
	if (err == OTP_ERR_SECRET_HASH)
		return found->client.secret_off;
	if (err == OTP_ERR_CLIENT)
		return found->client_absent;
	if (err == OTP_ERR_CHALLENGE_NOT_OFFERED || err == OTP_ERR_CHALLENGE_OTHER || err == OTP_ERR_POOL_SETUP)
		return found->pool.no_codes;
	return err != OTP_OK && err == found->failed;
}

/* What the service says to a user who is not there, as good or bad news about the set-up. */
static void check_service_answer(const struct check *check, const struct check_admin *found, enum otp_err err, const struct note *note)
{
	struct finding good = { REPORT_OK, "client", check->options->endpoint, "" };
	struct finding shows = { REPORT_WARNING, "existence_shown", check->options->endpoint,
				 "Set PreventUserExistenceErrors of the app client to ENABLED." };
	struct finding no_codes = { REPORT_ERROR, err_reason(err), check->options->endpoint,
				    "Add EMAIL_OTP to the pool's AllowedFirstAuthFactors (SMS_OTP for challenge = sms_otp); it needs the plan Essentials or Plus." };
	struct finding busy = { REPORT_WARNING, err_reason(err), check->options->endpoint, remedy_of(err) };

	if (err == OTP_OK || err == OTP_ERR_ACCOUNT_NOT_FOUND || err == OTP_ERR_REFUSED || err == OTP_ERR_LAMBDA_DENIED)
		check_service_public(check, &good);
	if (check_service_follows(found, err))
		return;
	if (err == OTP_ERR_ACCOUNT_NOT_FOUND)
		report_add(check->report, &shows, "the client tells everybody which users exist");
	else if (err == OTP_ERR_CHALLENGE_NOT_OFFERED || err == OTP_ERR_CHALLENGE_OTHER)
		report_add(check->report, &no_codes, "the pool offers no mailed code: %s", note->text);
	else if (err == OTP_ERR_THROTTLED)
		report_add(check->report, &busy, "%s; the client could not be tried", err_text(err));
	else if (err != OTP_OK && err != OTP_ERR_REFUSED && err != OTP_ERR_LAMBDA_DENIED)
		check_error(check, note->text[0] == '/' ? "" : check->options->endpoint, err, note);
}

/* `said`: what was found wrong with the way to the keys; both ways can end at the same file of ours. */
static void check_service_client(struct service *service, const struct check *check, const struct check_admin *found, const struct note *said)
{
	struct cognito_challenge challenge = COGNITO_CHALLENGE_NONE;
	enum otp_err err = cognito_initiate_auth(&service->cognito, CHECK_NOBODY, &challenge);

	cognito_challenge_done(&challenge);
	if (err != OTP_ERR_CONFIG_OPEN || strcmp(said->text, service->note->text) != 0)
		check_service_answer(check, found, err, service->note);
}

/* Each part has its own time. Over a way on which the keys could not come nothing else comes either: the client is tried, so that the endpoint is named. */
static void check_service_parts(struct service *service, const struct check *check, const char *user)
{
	int64_t ms = check->options->deadline * 1000;
	struct check_admin found = { .failed = OTP_OK };
	enum otp_err keys = check_service_keys(service, check->options, check);
	struct note said = *service->note;

	if (check_admin_can(check->options) && err_class(keys) != OTP_CLASS_UNREACHABLE && err_class(keys) != OTP_CLASS_UNTRUSTED) {
		*service->deadline = deadline_start(ms);
		check_admin(check, service, user, &found);
	}
	note_set(service->note, "%s", "");
	*service->deadline = deadline_start(ms);
	check_service_client(service, check, &found, &said);
}

void check_service(const struct check *check, const char *user)
{
	struct deadline deadline = deadline_start(check->options->deadline * 1000);
	struct note note = { "" };
	struct service service;
	enum otp_err err;

	service_begin(&service, check->options, &deadline, &note);
	service.jwks_settings.state_dir = NULL; /* a check leaves no copy behind, and its directory neither */
	err = service_prepare(&service);
	if (err != OTP_OK)
		check_error(check, "", err, &note);
	else
		check_service_parts(&service, check, user);
	service_end(&service);
}
