/* session_flow - see session_flow.h. */
#include "session_flow.h"

#include <string.h>
#include <unistd.h>

#include "cache_tokens.h"
#include "log.h"
#include "revocation.h"
#include "secret.h"
#include "service.h"

/* Takes the sealed file away; what was in it is in *ret_tokens. */
static enum otp_err session_flow_unseal(const struct auth_request *request, struct cache_tokens *ret_tokens)
{
	strbuf_auto struct strbuf proof = STRBUF_LIMIT(CACHE_RECORD_MAX);
	struct cache_tokens_name name = { request->judged->uid, "" };
	int dir = -1;
	enum otp_err err = cache_open(request->options, &dir, request->note);

	if (err != OTP_OK)
		return err;
	memcpy(name.id, request->cached->tokens, sizeof(name.id));
	cache_record_proof(request->cached, &proof);
	err = proof.failed == OTP_OK ? cache_tokens_find(dir, &name, &proof, ret_tokens, request->note) : OTP_ERR_MEMORY;
	cache_tokens_remove(dir, &name);
	(void)close(dir);
	return err;
}

static enum otp_err session_flow_revoke(const struct auth_request *request, struct service *service)
{
	cache_tokens_auto struct cache_tokens tokens = CACHE_TOKENS_NONE;
	enum otp_err err = service_prepare(service); /* first: what cannot be revoked now is left to cognito-otp cache purge */

	if (err == OTP_OK)
		err = session_flow_unseal(request, &tokens);
	if (err != OTP_OK)
		return err;
	secret_move(&service->cognito.refresh_token, &tokens.refresh);
	revocation_start(&service->cognito);
	return OTP_OK;
}

__attribute__((visibility("default"))) void session_flow_run(const struct auth_request *request, struct auth_result *ret_result)
{
	struct service service;

	if (!auth_request_is_ours(request, ret_result))
		return;
	log_open("cognito-otp-helper", request->options->debug); /* this object has a log room of its own, beside the helper's */
	service_begin(&service, request->options, request->deadline, request->note);
	ret_result->result = OTP_OK;
	ret_result->reason = session_flow_revoke(request, &service);
	service_shut_down(&service, ret_result->reason);
}
