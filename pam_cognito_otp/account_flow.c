/* account_flow - see account_flow.h. */
#include "account_flow.h"

#include <string.h>
#include <unistd.h>

#include "dialogue.h"
#include "log.h"
#include "run_dir.h"
#include "service.h"
#include "standing.h"

/* -1 where there is none that can be used: then nothing is remembered, and the service is asked each time. */
static int account_flow_dir(void)
{
	struct note why = { "" };
	int dir = -1;

	if (run_dir_open(&dir, &why) == OTP_OK)
		return dir;
	log_warning("event=standing_not_kept detail=\"%s\"", why.text);
	return -1;
}

static enum otp_err account_flow_look(const struct auth_request *request, struct service *service)
{
	struct standing standing = { request->options, request->user, request->service, request->judged, service, -1, request->note };
	enum otp_err err = request->judged->mapped ? service_prepare(service) : OTP_ERR_INTERNAL;

	if (err != OTP_OK)
		return err;
	standing.dir = account_flow_dir();
	err = standing_check(&standing, false);
	if (standing.dir >= 0)
		(void)close(standing.dir);
	return err;
}

__attribute__((visibility("default"))) void account_flow_run(const struct auth_request *request, struct auth_result *ret_result)
{
	struct service service;
	enum otp_err err;

	if (!auth_request_is_ours(request, ret_result))
		return;
	log_open("cognito-otp-helper", request->options->debug); /* this object has a log room of its own, beside the helper's */
	service_begin(&service, request->options, request->deadline, request->note);
	err = account_flow_look(request, &service);
	ret_result->result = err;
	ret_result->reason = err;
	ret_result->remembered = err == OTP_OK && !service.cognito.left;
	memcpy(ret_result->request_id, service.cognito.request_id, sizeof(ret_result->request_id));
	service_shut_down(&service, err);
	dialogue_part_account(err, request->messages, request->conversation);
}
