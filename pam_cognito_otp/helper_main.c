/*
 * helper_main - the program behind the door: one process per call of the module, started with an empty environment.
 *
 * It makes its inheritance its own, receives the call, loads the settings, judges the user, and hands on to auth_flow, or in the account
 * phase to account_flow, if there is anything to ask; when a session begins or ends, to login_session. It links libc only; the flow, with
 * libcurl, OpenSSL and json-c, is a shared object that is loaded when a login needs it.
 */
#include <dlfcn.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account_flow.h"
#include "account_policy.h"
#include "audit.h"
#include "auth_flow.h"
#include "cache.h"
#include "caller.h"
#include "clock.h"
#include "dialogue.h"
#include "inheritance.h"
#include "log.h"
#include "login_session.h"
#include "messages.h"
#include "options.h"
#include "policy.h"
#include "relay_conversation.h"
#include "session_flow.h"

enum { HELPER_START_MS = 20 * 1000 }; /* until the settings say how long */

struct helper {
	struct relay_door door;
	struct relay_call call;
	struct deadline deadline;
	struct options options;
	struct messages messages;
	struct policy_user judged;
	struct caller caller;
	struct caller_facts caller_facts;
	struct note note;
	struct auth_result result;
	struct strbuf source; /* where the caller comes from, see caller_source */
	struct cache_call cache;
	struct cache_record cached; /* that lets him in, perhaps after a renewal; at the end of a session, the one that it had */
	char token_file[SESSION_TOKEN_PATH_SIZE];
	int64_t started_ms;
};

static void helper_result(struct helper *helper, enum otp_err err)
{
	helper->result.result = err;
	helper->result.reason = err;
}

/* Only the socket of a module is a reason to run: whoever starts us by hand is told so. */
static enum otp_err helper_check_socket(void)
{
	int type = 0;
	socklen_t size = sizeof(type);

	if (getsockopt(STDIN_FILENO, SOL_SOCKET, SO_TYPE, &type, &size) != 0 || type != SOCK_SEQPACKET)
		return OTP_ERR_HELPER_PROTOCOL;
	return OTP_OK;
}

static enum otp_err helper_load_settings(struct helper *helper)
{
	const char *arguments[WIRE_ARGUMENTS_MAX];
	enum otp_err err;

	for (int i = 0; i < helper->call.argument_count; i++)
		arguments[i] = helper->call.arguments[i];
	err = options_load(&helper->options, arguments, (size_t)helper->call.argument_count, &helper->note);
	if (err != OTP_OK)
		return err;
	return messages_load(&helper->messages, helper->options.messages_file, helper->options.challenge, &helper->note);
}

/* Where no time-out reaches (a name service, a file system that hangs), the door kills us at its own deadline. */
static void helper_set_deadline(struct helper *helper)
{
	int64_t ms = helper->options.deadline * 1000;

	helper->deadline = deadline_start(ms - RELAY_AHEAD_MS);
	(void)relay_send_hello(&helper->door, ms);
}

static void helper_find_caller(struct helper *helper)
{
	helper->caller_facts = (struct caller_facts){ helper->call.terminal, helper->call.remote_host,	helper->call.auth_info,
						      helper->call.real_uid, helper->judged.known, helper->judged.uid };
	helper->caller = caller_classify(&helper->caller_facts);
	helper->source = (struct strbuf)STRBUF_LIMIT(WIRE_AUTH_INFO_MAX + 16);
	caller_source(&helper->caller, &helper->caller_facts, &helper->source);
}

/* What the door asks of the helper, the helper asks of the rest of itself. */
static bool helper_flow_is_roots(void)
{
	struct stat st;

	return lstat(OTP_FLOW_PATH, &st) == 0 && S_ISREG(st.st_mode) && (st.st_uid == 0 || st.st_uid == geteuid()) &&
	       (st.st_mode & (S_IWGRP | S_IWOTH)) == 0;
}

static bool helper_in_account_phase(const struct helper *helper)
{
	return helper->call.phase == WIRE_PHASE_ACCOUNT;
}

static bool helper_in_session_phase(const struct helper *helper)
{
	return helper->call.phase == WIRE_PHASE_OPEN_SESSION || helper->call.phase == WIRE_PHASE_CLOSE_SESSION;
}

/* A session goes on, whatever is wrong with our part in it; the log is told. */
static void helper_session_result(struct helper *helper, enum otp_err reason)
{
	helper->result = (struct auth_result){ .result = OTP_OK, .reason = reason };
}

/* Those who have proved who they are hear at once that it is in vain; in the default words where the settings, or the words, cannot be read. */
static void helper_refuse(struct helper *helper, enum otp_err refusal)
{
	struct conversation conversation = relay_conversation(&helper->door);
	struct dialogue_end end = { refusal, false, 0 };

	if (helper_in_session_phase(helper)) {
		helper_session_result(helper, refusal);
		return;
	}
	if (helper_in_account_phase(helper))
		dialogue_part_account(refusal, &helper->messages, &conversation);
	else
		dialogue_part(&helper->caller, &end, &helper->messages, &conversation);
	helper_result(helper, refusal);
}

static const char *helper_flow_symbol(const struct helper *helper)
{
	if (helper_in_session_phase(helper))
		return SESSION_FLOW_SYMBOL;
	return helper_in_account_phase(helper) ? ACCOUNT_FLOW_SYMBOL : AUTH_FLOW_SYMBOL;
}

/* `cached`: whose kept tokens are renewed first, or revoked; NULL: none. */
static void helper_flow(struct helper *helper, enum otp_err refusal, const struct cache_record *cached)
{
	struct conversation conversation = relay_conversation(&helper->door);
	struct auth_request request = { .size = AUTH_REQUEST_SIZE,
					.version = OTP_VERSION,
					.options = &helper->options,
					.messages = &helper->messages,
					.user = helper->call.user,
					.service = helper->call.service,
					.judged = &helper->judged,
					.refusal = refusal,
					.caller = helper->caller,
					.source = strbuf_text(&helper->source),
					.real_uid = helper->call.real_uid,
					.started_ms = helper->started_ms,
					.conversation = &conversation,
					.deadline = &helper->deadline,
					.note = &helper->note,
					.cache = &helper->cache,
					.cached = cached };
	void *object = NULL;
	union {
		void *symbol;
		auth_flow_function *function; /* POSIX promises that the two are alike; ISO C does not */
	} run = { NULL };

	if (!helper_flow_is_roots()) {
		note_set(&helper->note, "%s: missing, or others than root could change it", OTP_FLOW_PATH);
		helper_refuse(helper, OTP_ERR_HELPER_UNSAFE);
		return;
	}
	object = dlopen(OTP_FLOW_PATH, RTLD_LAZY | RTLD_LOCAL);
	if (object != NULL)
		run.symbol = dlsym(object, helper_flow_symbol(helper));
	if (run.symbol == NULL) {
		note_set(&helper->note, "%s", dlerror());
		helper_refuse(helper, OTP_ERR_HELPER_MISSING);
		return;
	}
	run.function(&request, &helper->result);
	if (helper->result.reason == OTP_ERR_HELPER_PROTOCOL) {
		note_set(&helper->note, "%s: not of this helper's build; an installation is under way, or was broken off", OTP_FLOW_PATH);
		helper_refuse(helper, OTP_ERR_HELPER_PROTOCOL);
	}
}

/* Refusals that are about the user; everything else is about this machine, and no dialogue would be honest. */
static bool helper_refuses_user(enum otp_err err)
{
	enum otp_class class = err_class(err);

	return class == OTP_CLASS_DENIED || class == OTP_CLASS_UNKNOWN_USER || class == OTP_CLASS_FORBIDDEN;
}

static void helper_begin_cache(struct helper *helper)
{
	helper->cache = (struct cache_call){ &helper->options, helper->call.user, helper->call.service, &helper->judged,	 &helper->caller,
					     strbuf_text(&helper->source), helper->call.real_uid, strcmp(helper->call.terminal, "ssh") == 0, PROCESS_UNKNOWN };
	if (helper->options.cache || helper->options.session_tokens)
		(void)process_read(getppid(), &helper->cache.door);
}

/* Whether he has proved himself a moment ago: then nothing is asked, or the service only. */
static bool helper_is_cached(struct helper *helper)
{
	struct note why = { "" };

	if (cache_find(&helper->cache, &helper->cached, &why))
		return true;
	if (why.text[0] != '\0')
		log_debug("no use of the cache for %s: %s", helper->call.user, why.text);
	return false;
}

static void helper_accept_cached(struct helper *helper)
{
	if (helper->options.cache_check == CACHE_CHECK_ONLINE)
		helper_flow(helper, OTP_OK, &helper->cached);
	else
		helper->result = (struct auth_result){ .result = OTP_OK, .reason = OTP_OK, .by = AUTH_BY_CACHE };
}

static void helper_decide(struct helper *helper)
{
	enum otp_err judgement = policy_judge(&helper->options, helper->call.user, &helper->judged, &helper->note);

	helper_begin_cache(helper);
	if (judgement == OTP_IGNORED)
		helper_result(helper, judgement);
	else if (judgement == OTP_OK && helper_is_cached(helper))
		helper_accept_cached(helper);
	else if (judgement == OTP_OK || (helper_refuses_user(judgement) && !caller_is_proved(&helper->caller)))
		helper_flow(helper, judgement, NULL);
	else
		helper_refuse(helper, judgement);
}

/* The account phase: nothing is asked, and most are none of our business. */
static void helper_decide_account(struct helper *helper)
{
	struct account_policy_call call = { helper->call.user, helper->call.service, helper->call.person };
	enum otp_err judgement = account_policy_judge(&helper->options, &call, &helper->judged, &helper->note);

	if (judgement == OTP_OK)
		helper_flow(helper, OTP_OK, NULL);
	else if (judgement == OTP_IGNORED)
		helper->result = (struct auth_result){ .result = OTP_OK, .reason = OTP_OK, .remembered = true };
	else
		helper_refuse(helper, judgement);
}

/* Nobody can be judged. In the account phase the machine's own users go on, and the log says why nobody else does. */
static void helper_cannot_judge(struct helper *helper, enum otp_err err)
{
	if (helper_in_account_phase(helper) && account_policy_is_system(&helper->judged)) {
		helper->result.result = OTP_OK;
		helper->result.reason = err;
		return;
	}
	helper_refuse(helper, err);
}

static enum otp_err helper_close_session(struct helper *helper, const struct login_session *session)
{
	enum otp_err err = login_session_close(session, &helper->options, &helper->cached);

	if (err != OTP_OK || helper->cached.tokens[0] == '\0')
		return err;
	helper_flow(helper, OTP_OK, &helper->cached);
	return helper->result.reason;
}

static enum otp_err helper_serve_session(struct helper *helper)
{
	bool ends = helper->call.phase == WIRE_PHASE_CLOSE_SESSION;
	struct login_session session;
	enum otp_err err = login_session_find(&session, &helper->judged, getppid(), &helper->note);
	enum otp_err left = err == OTP_OK && ends ? login_session_leave(&session) : OTP_OK;
	bool shared = !ends && login_session_is_shared(&session, helper->call.service, strcmp(helper->call.terminal, "ssh") == 0);

	if (err == OTP_OK || shared)
		err = helper_load_settings(helper);
	if (err != OTP_OK)
		return err == OTP_IGNORED ? OTP_OK : err;
	log_open("cognito-otp-helper", helper->options.debug);
	helper_set_deadline(helper);
	if (shared) {
		login_session_forget(&session, &helper->options);
		return OTP_OK;
	}
	err = ends ? helper_close_session(helper, &session) : login_session_open(&session, &helper->options, helper->token_file);
	return err == OTP_OK ? left : err;
}

static void helper_serve(struct helper *helper)
{
	enum otp_err err;

	(void)policy_look_up(helper->call.user, &helper->judged); /* first, so that the log knows whom a bad setting hits */
	helper_find_caller(helper);
	if (helper_in_session_phase(helper)) {
		helper_session_result(helper, helper_serve_session(helper));
		return;
	}
	err = helper->source.failed == OTP_OK ? helper_load_settings(helper) : helper->source.failed;
	if (err != OTP_OK) {
		helper_cannot_judge(helper, err);
		return;
	}
	log_open("cognito-otp-helper", helper->options.debug);
	helper_set_deadline(helper);
	if (helper_in_account_phase(helper))
		helper_decide_account(helper);
	else
		helper_decide(helper);
}

/* For the log; a code is what is expected, and is not named. */
static const char *helper_by(const struct helper *helper)
{
	switch (helper->result.by) {
	case AUTH_BY_CODE:
		break;
	case AUTH_BY_CACHE:
		return "cache";
	case AUTH_BY_RENEWAL:
		return "renewal";
	}
	return "";
}

/* Of a shared account, after a success: who it is. */
static const char *helper_person(const struct helper *helper)
{
	return helper->result.result == OTP_OK && helper->judged.shared && helper->judged.mapped ? helper->judged.identity.value : "";
}

static void helper_send_verdict(struct helper *helper)
{
	char origin[WIRE_ITEM_MAX + 1];
	char line[WIRE_LINE_MAX + 1];
	struct relay_verdict verdict;
	struct audit audit = { helper->result.result,
			       helper->result.reason,
			       helper->judged.known ? helper->call.user : "",
			       helper->judged.mapped ? helper->judged.identity.value : "",
			       helper->call.service,
			       origin,
			       caller_kind_name(helper->caller.kind),
			       helper->result.request_id,
			       &helper->note,
			       wire_phase_name(helper->call.phase),
			       helper_by(helper) };

	caller_origin(&helper->caller, &helper->caller_facts, origin, sizeof(origin));
	audit_line(&audit, line);
	if (helper->result.remembered)
		log_debug("%s", line); /* cron and `sudo -l` would fill the log */
	if (helper->result.remembered || (helper_in_session_phase(helper) && helper->result.reason == OTP_OK)) /* which has told what it did */
		line[0] = '\0';
	verdict = (struct relay_verdict){ helper->result.result, helper->result.reason, line, helper_person(helper), helper->token_file };
	(void)relay_send_verdict(&helper->door, &verdict);
}

/* For cognito-otp check: whether the network part can be loaded, and whether the two are of one build. */
static int helper_show_version(void)
{
	void *object;
	const struct auth_build *flow = NULL;

	puts("cognito-otp-helper " OTP_VERSION);
	if (!helper_flow_is_roots()) {
		puts(OTP_FLOW_PATH ": missing, or others than root could change it");
		return EXIT_FAILURE;
	}
	object = dlopen(OTP_FLOW_PATH, RTLD_NOW | RTLD_LOCAL);
	if (object != NULL)
		flow = dlsym(object, AUTH_FLOW_BUILD_SYMBOL);
	if (flow == NULL) {
		puts(dlerror());
		return EXIT_FAILURE;
	}
	if (flow->request_size != AUTH_REQUEST_SIZE) {
		puts(OTP_FLOW_PATH ": of another build");
		return EXIT_FAILURE;
	}
	printf("cognito-otp-flow %s\n", flow->version);
	return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct helper *helper;
	enum otp_err err;

	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return helper_show_version();
	err = helper_check_socket();
	if (err == OTP_OK)
		err = inheritance_replace(STDIN_FILENO);
	if (err != OTP_OK)
		return EXIT_FAILURE; /* the door sees that we are gone */
	log_open("cognito-otp-helper", false);
	helper = calloc(1, sizeof(*helper));
	if (helper == NULL)
		return EXIT_FAILURE;
	helper_result(helper, OTP_ERR_INTERNAL);
	helper->deadline = deadline_start(HELPER_START_MS);
	helper->door = (struct relay_door){ STDIN_FILENO, wire_packet_new(), &helper->deadline };
	if (helper->door.packet != NULL && relay_receive_call(&helper->door, &helper->call) == OTP_OK) {
		helper->started_ms = clock_monotonic_ms();
		helper_serve(helper);
		helper_send_verdict(helper);
		messages_done(&helper->messages);
		strbuf_done(&helper->source);
		cache_record_done(&helper->cached);
	}
	wire_packet_free(helper->door.packet);
	explicit_bzero(helper, sizeof(*helper));
	free(helper);
	return EXIT_SUCCESS;
}
