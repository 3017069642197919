/* trial - see trial.h. */
#include "trial.h"

#include <string.h>

#include "audit.h"
#include "caller.h"
#include "log.h"

/* As the log calls it: there is no PAM service. */
#define TRIAL_SERVICE "cognito-otp"

static void trial_log(const struct trial *trial, const struct caller *caller, const struct auth_result *result)
{
	char line[WIRE_LINE_MAX + 1];
	struct audit audit = { result->result,
			       result->reason,
			       trial->judged->known ? trial->user : "",
			       trial->judged->mapped ? trial->judged->identity.value : "",
			       TRIAL_SERVICE,
			       "trial",
			       caller_kind_name(caller->kind),
			       result->request_id,
			       trial->note,
			       "",
			       "" };

	audit_line(&audit, line);
	log_warning("pam_cognito_otp(%s): %s", TRIAL_SERVICE, line);
}

void trial_run(const struct trial *trial, enum otp_err judgement, struct auth_result *ret_result)
{
	struct caller_facts facts = { "/dev/tty", "", "", 0, trial->judged->known, trial->judged->uid };
	struct caller caller = { CALLER_CONSOLE, true };
	strbuf_auto struct strbuf source = STRBUF_LIMIT(WIRE_ITEM_MAX);
	struct auth_request request = { .size = AUTH_REQUEST_SIZE,
					.version = OTP_VERSION,
					.options = trial->options,
					.messages = trial->messages,
					.user = trial->user,
					.service = TRIAL_SERVICE,
					.judged = trial->judged,
					.caller = caller,
					.real_uid = 0,
					.started_ms = clock_monotonic_ms(),
					.conversation = trial->conversation,
					.deadline = trial->deadline,
					.note = trial->note };
	/* a trial leaves nothing behind: no process opens a session for it */
	struct cache_call cache = { trial->options, trial->user, TRIAL_SERVICE, trial->judged, &caller, "", 0, false, PROCESS_UNKNOWN };

	request.cache = &cache;
	memset(ret_result, 0, sizeof(*ret_result));
	ret_result->result = judgement;
	ret_result->reason = judgement;
	caller_source(&caller, &facts, &source);
	if (judgement == OTP_OK && source.failed == OTP_OK) {
		request.source = strbuf_text(&source);
		auth_flow_run(&request, ret_result);
	} else if (judgement == OTP_OK) {
		ret_result->result = source.failed;
		ret_result->reason = source.failed;
	}
	trial_log(trial, &caller, ret_result);
}
