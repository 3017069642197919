/* auth_flow - see auth_flow.h. */
#include "auth_flow.h"

#include <stdbool.h>
#include <string.h>

#include "answer.h"
#include "auth_facts.h"
#include "cognito.h"
#include "dialogue.h"
#include "jwks.h"
#include "proof.h"
#include "revocation.h"

enum {
	FLOW_UNUSABLE_MAX = 3,	/* empty or useless answers to one kind of question */
	FLOW_MAILS_MAX = 3,	/* of one call */
	FLOW_QUESTIONS_MAX = 20 /* of one call, whatever is answered */
};

struct auth_flow {
	const struct auth_request *request;
	struct http_settings http_settings;
	struct http *http; /* NULL until a request must leave */
	struct jwks_settings jwks_settings;
	struct jwks jwks;
	struct cognito cognito;
	struct cognito_challenge challenge;
	struct cognito_tokens tokens;
	struct auth_facts facts;
	enum otp_err pretending; /* OTP_OK, or why no request may leave: everything is answered as for a wrong code */
	enum dialogue_word dead; /* why the challenge is of no use any more; DIALOGUE_NOTHING while it is */
	int64_t mailed_ms;	 /* clock_monotonic_ms() of the last mail */
	int64_t code_sent_at;	 /* clock_wall() of the last RespondToAuthChallenge */
	int tries;
	int mails;
	int unusable;
	int questions;
	struct dialogue dialogue;
};

static const struct options *flow_options(const struct auth_flow *flow)
{
	return flow->request->options;
}

static void flow_say(struct auth_flow *flow, enum dialogue_word word, int64_t number)
{
	flow->dialogue.word = word;
	flow->dialogue.number = number;
}

/* From here on no request leaves, and no fact can make a login of it. The first reason stays: it is the one to log. */
static void flow_pretend(struct auth_flow *flow, enum otp_err reason)
{
	if (flow->pretending == OTP_OK)
		flow->pretending = reason;
	flow->facts.user_allowed = 0;
}

static enum otp_err flow_ask(struct auth_flow *flow, const char *prompt, struct answer *ret_answer)
{
	const struct conversation *conversation = flow->request->conversation;
	/* Shown letters are what a client with nothing but a stored password cannot answer: it sends no mail, and its password goes nowhere. */
	bool echo = flow->request->caller.kind == CALLER_REMOTE;
	secret_auto struct secret typed = SECRET_EMPTY;
	enum otp_err err;

	note_set(flow->request->note, "%s", ""); /* what went before went well, or was answered */
	if (flow->questions++ >= FLOW_QUESTIONS_MAX)
		return OTP_ERR_NO_ANSWER;
	err = conversation->ask(conversation->door, prompt, echo, &typed);
	if (err == OTP_OK)
		err = answer_parse(&typed, ret_answer);
	if (err == OTP_OK && ret_answer->kind == ANSWER_REPLACED)
		flow_pretend(flow, OTP_ERR_USER_REFUSED_BY_HOST);
	return err;
}

/* `last`: what it ends with when it was one too many. */
static enum otp_err flow_unusable(struct auth_flow *flow, enum dialogue_word word, enum otp_err last)
{
	flow_say(flow, word, 0);
	return ++flow->unusable >= FLOW_UNUSABLE_MAX ? last : OTP_OK;
}

/* What was typed before sshd replaced it can only be told by its length. */
static enum answer_kind flow_kind(const struct answer *answer, enum answer_kind one_letter)
{
	if (answer->kind != ANSWER_REPLACED)
		return answer->kind;
	if (answer->replaced_length == 1)
		return one_letter;
	return answer->replaced_length >= ANSWER_CODE_MIN ? ANSWER_CODE : ANSWER_OTHER;
}

/* Asks until the person wants a mail. */
static enum otp_err flow_ask_first(struct auth_flow *flow)
{
	char prompt[CONVERSATION_TEXT_MAX + 1];

	for (;;) {
		answer_auto struct answer answer = ANSWER_NONE;
		enum dialogue_word word = DIALOGUE_NOTHING;
		enum otp_err err;

		dialogue_ask_first(&flow->dialogue, flow_options(flow)->challenge, prompt);
		err = flow_ask(flow, prompt, &answer);
		if (err != OTP_OK)
			return err;
		if (flow_kind(&answer, ANSWER_YES) == ANSWER_YES && caller_may_mail(&flow->request->caller))
			return OTP_OK;
		if (flow_kind(&answer, ANSWER_YES) == ANSWER_YES)
			word = DIALOGUE_NO_MAIL_HERE;
		else if (flow_kind(&answer, ANSWER_YES) == ANSWER_CODE)
			word = DIALOGUE_NONE_OPEN;
		err = flow_unusable(flow, word, OTP_ERR_NO_ANSWER);
		if (err != OTP_OK)
			return err;
	}
}

/* The connection and the keys, before the mail: what could waste a code must show now. */
static enum otp_err flow_prepare(struct auth_flow *flow)
{
	const struct auth_request *request = flow->request;
	enum otp_err err;

	if (flow->http != NULL)
		return OTP_OK;
	err = http_new(&flow->http_settings, &flow->http, request->note);
	if (err != OTP_OK)
		return err;
	flow->cognito.http = flow->http;
	return jwks_load(&flow->jwks, flow->http, request->deadline, request->note);
}

static enum otp_err flow_open_challenge(struct auth_flow *flow)
{
	struct cognito_challenge challenge = COGNITO_CHALLENGE_NONE;
	enum otp_err err = flow_prepare(flow);

	if (err == OTP_OK)
		err = cognito_initiate_auth(&flow->cognito, flow->request->judged->identity.value, &challenge);
	if (err != OTP_OK) {
		cognito_challenge_done(&challenge);
		return err;
	}
	cognito_challenge_done(&flow->challenge); /* only the newest Session counts */
	flow->challenge = challenge;
	flow->facts.challenge_opened = AUTH_FACT_SHOWN;
	return OTP_OK;
}

/* What the service thinks of an account is not a stranger's business: for him the dialogue goes on. */
static bool flow_hides(const struct auth_flow *flow, enum otp_err err)
{
	enum otp_class class = err_class(err);

	return !caller_is_proved(&flow->request->caller) && (class == OTP_CLASS_DENIED || class == OTP_CLASS_TRIES);
}

static enum otp_err flow_mailed(struct auth_flow *flow)
{
	flow->mails++;
	flow->mailed_ms = clock_monotonic_ms();
	flow->dead = DIALOGUE_NOTHING;
	return OTP_OK;
}

static enum otp_err flow_mail(struct auth_flow *flow)
{
	enum otp_err err = OTP_OK;

	if (flow->pretending == OTP_OK)
		err = flow_open_challenge(flow);
	if (err != OTP_OK && flow_hides(flow, err)) {
		flow_pretend(flow, err);
		err = OTP_OK;
	}
	return err == OTP_OK ? flow_mailed(flow) : err;
}

/*
 * The service may refuse a second mail, or be away just then. The code before stays good. Of a refusal a stranger is told what he would be told of any
 * account; everybody else hears the truth.
 */
static enum otp_err flow_mail_refused(struct auth_flow *flow, enum otp_err err)
{
	flow->mails++;
	flow->mailed_ms = clock_monotonic_ms();
	flow_say(flow, flow_hides(flow, err) ? DIALOGUE_RESENT : DIALOGUE_NOT_RESENT, 0);
	return OTP_OK;
}

static bool flow_survives(enum otp_err err)
{
	return err_class(err) == OTP_CLASS_TRIES || err_class(err) == OTP_CLASS_DENIED || err_class(err) == OTP_CLASS_UNREACHABLE;
}

static enum otp_err flow_mail_again(struct auth_flow *flow)
{
	int64_t since = (clock_monotonic_ms() - flow->mailed_ms) / 1000;
	enum otp_err err;

	if (since < flow_options(flow)->resend_after) {
		flow_say(flow, DIALOGUE_TOO_EARLY, flow_options(flow)->resend_after - since);
		flow->dialogue.since = since;
		return OTP_OK;
	}
	if (flow->mails >= FLOW_MAILS_MAX)
		return OTP_ERR_MAILS;
	flow->unusable = 0;
	flow_say(flow, DIALOGUE_RESENT, 0);
	if (flow->pretending != OTP_OK)
		return flow_mail(flow);
	err = flow_open_challenge(flow);
	if (err == OTP_OK)
		return flow_mailed(flow);
	return flow_survives(err) ? flow_mail_refused(flow, err) : err;
}

static enum otp_err flow_respond(struct auth_flow *flow, const struct secret *code)
{
	enum otp_err err;

	flow->code_sent_at = clock_wall();
	err = cognito_respond(&flow->cognito, flow->request->judged->identity.value, &flow->challenge, code, &flow->tokens);
	if (err == OTP_OK)
		flow->facts.code_accepted = AUTH_FACT_SHOWN;
	return err;
}

static enum otp_err flow_dead(struct auth_flow *flow, enum dialogue_word word)
{
	flow->dead = word;
	return flow_unusable(flow, word, OTP_ERR_SESSION_EXPIRED);
}

/* Refusals of the account, not of the code: for a stranger they look like a wrong code, from here on. */
static enum otp_err flow_hide(struct auth_flow *flow, enum otp_err err)
{
	if (err == OTP_ERR_CODE_WRONG || err == OTP_ERR_CHALLENGE_EXTRA || !flow_hides(flow, err))
		return err;
	flow_pretend(flow, err);
	return OTP_ERR_CODE_WRONG;
}

/*
 * Sends a code in. *ret_done when it was accepted. A wrong one costs a try, an expired or used challenge none; every other error ends the call.
 */
static enum otp_err flow_try(struct auth_flow *flow, const struct secret *code, bool *ret_done)
{
	enum otp_err err = OTP_ERR_CODE_WRONG;

	if (flow->dead != DIALOGUE_NOTHING)
		return flow_dead(flow, flow->dead);
	if (flow->pretending == OTP_OK)
		err = flow_respond(flow, code);
	if (err == OTP_OK) {
		*ret_done = true;
		return OTP_OK;
	}
	if (err == OTP_ERR_SESSION_EXPIRED)
		return flow_dead(flow, DIALOGUE_EXPIRED);
	if (err == OTP_ERR_SESSION_USED || err == OTP_ERR_SESSION_INVALID)
		return flow_dead(flow, DIALOGUE_VOID);
	err = flow_hide(flow, err);
	if (err != OTP_ERR_CODE_WRONG)
		return err;
	flow->unusable = 0;
	flow->tries++;
	flow_say(flow, DIALOGUE_WRONG, flow_options(flow)->max_tries - flow->tries);
	return flow->tries >= flow_options(flow)->max_tries ? OTP_ERR_TRIES : OTP_OK;
}

static enum otp_err flow_take_answer(struct auth_flow *flow, const struct answer *answer, bool *ret_done)
{
	switch (flow_kind(answer, ANSWER_NEW)) {
	case ANSWER_CODE:
		return flow_try(flow, &answer->code, ret_done);
	case ANSWER_NEW:
		return flow_mail_again(flow);
	case ANSWER_EMPTY:
	case ANSWER_YES:
	case ANSWER_OTHER:
	case ANSWER_REPLACED:
		break;
	}
	return flow_unusable(flow, DIALOGUE_NO_CODE, OTP_ERR_NO_ANSWER);
}

/* Asks for the code until it is right, the tries are spent, or nothing useful comes. */
static enum otp_err flow_ask_code(struct auth_flow *flow)
{
	const struct auth_request *request = flow->request;
	char prompt[CONVERSATION_TEXT_MAX + 1];
	bool done = false;
	enum otp_err err = OTP_OK;

	flow->unusable = 0;
	flow_say(flow, DIALOGUE_FIRST, 0);
	while (err == OTP_OK && !done) {
		answer_auto struct answer answer = ANSWER_NONE;

		dialogue_ask_code(&flow->dialogue, request->options->challenge, caller_is_proved(&request->caller) ? flow->challenge.destination : "", prompt);
		err = flow_ask(flow, prompt, &answer);
		if (err == OTP_OK)
			err = flow_take_answer(flow, &answer, &done);
	}
	return err;
}

static enum otp_err flow_verify(struct auth_flow *flow)
{
	const struct auth_request *request = flow->request;
	struct proof_request proof = { request->options, request->user,	    request->judged, &flow->jwks,
				       flow->http,	 request->deadline, request->note,   flow->code_sent_at };

	return proof_check(&proof, &flow->tokens, &flow->facts);
}

static bool flow_must_ask_first(const struct auth_flow *flow)
{
	return !caller_is_proved(&flow->request->caller) || flow_options(flow)->confirm == CONFIRM_ALWAYS;
}

static enum otp_err flow_story(struct auth_flow *flow)
{
	enum otp_err err = OTP_OK;

	if (flow_must_ask_first(flow))
		err = flow_ask_first(flow);
	if (err == OTP_OK)
		err = flow_mail(flow);
	if (err == OTP_OK)
		err = flow_ask_code(flow);
	if (err == OTP_OK)
		err = flow_verify(flow);
	if (err == OTP_OK)
		err = auth_facts_verdict(&flow->facts);
	return err;
}

static void flow_begin(struct auth_flow *flow, const struct auth_request *request)
{
	const struct options *options = request->options;

	memset(flow, 0, sizeof(*flow));
	flow->request = request;
	flow->http_settings = (struct http_settings){ options->ca_file, options->connect_timeout * 1000 };
	flow->jwks_settings = (struct jwks_settings){ options->jwks_url,     options->jwks_file,    OTP_STATE_DIR,
						      options->user_pool_id, options->jwks_max_age, options->clock_skew };
	flow->jwks.settings = &flow->jwks_settings;
	flow->cognito.endpoint = options->endpoint;
	flow->cognito.client_id = options->client_id;
	flow->cognito.client_secret_file = options->client_secret_file;
	flow->cognito.factor = options->challenge == CHALLENGE_SMS_OTP ? COGNITO_SMS_OTP : COGNITO_EMAIL_OTP;
	flow->cognito.clock_skew = options->clock_skew;
	flow->cognito.deadline = request->deadline;
	flow->cognito.note = request->note;
	if (request->refusal == OTP_OK && request->judged->mapped)
		flow->facts.user_allowed = AUTH_FACT_SHOWN;
	else
		flow_pretend(flow, request->refusal == OTP_OK ? OTP_ERR_INTERNAL : request->refusal);
}

static void flow_end(struct auth_flow *flow)
{
	cognito_challenge_done(&flow->challenge);
	cognito_tokens_done(&flow->tokens);
	secret_done(&flow->cognito.refresh_token);
	jwks_done(&flow->jwks);
	http_free(flow->http);
}

static void flow_farewell(const struct auth_flow *flow, enum otp_err result)
{
	const struct conversation *conversation = flow->request->conversation;
	const char *text = dialogue_farewell(&flow->request->caller, result, flow->mails > 0);

	if (result != OTP_OK && result != OTP_ERR_CONVERSATION && text != NULL)
		conversation->warn(conversation->door, text);
}

__attribute__((visibility("default"))) void auth_flow_run(const struct auth_request *request, struct auth_result *ret_result)
{
	struct auth_flow flow;
	enum otp_err err;

	if (request->size != AUTH_REQUEST_SIZE) { /* an installation under way: this is not the helper that we were built with */
		ret_result->result = OTP_ERR_HELPER_PROTOCOL;
		ret_result->reason = OTP_ERR_HELPER_PROTOCOL;
		return;
	}
	flow_begin(&flow, request);
	err = flow_story(&flow);
	ret_result->result = err;
	ret_result->reason = flow.pretending != OTP_OK ? flow.pretending : err;
	memcpy(ret_result->request_id, flow.cognito.request_id, sizeof(ret_result->request_id));
	flow_farewell(&flow, err);
	revocation_start(&flow.cognito); /* of whatever came, also where the login failed */
	flow_end(&flow);
}
