/* auth_flow - see auth_flow.h. */
#include "auth_flow.h"

#include <stdbool.h>
#include <string.h>

#include "answer.h"
#include "auth_facts.h"
#include "cache_flow.h"
#include "cognito.h"
#include "delivery.h"
#include "dialogue.h"
#include "log.h"
#include "pace.h"
#include "proof.h"
#include "revocation.h"
#include "service.h"
#include "standing.h"
#include "who.h"

enum {
	FLOW_UNUSABLE_MAX = 3,	 /* empty or useless answers to one kind of question */
	FLOW_MAILS_MAX = 3,	 /* of one call */
	FLOW_QUESTIONS_MAX = 20	 /* of one call, whatever is answered */
};

struct auth_flow {
	const struct auth_request *request;
	struct service service;
	struct delivery_settings delivery_settings;
	struct delivery delivery;
	struct cognito_tokens tokens;
	struct auth_facts facts;
	enum otp_err pretending; /* OTP_OK, or why no request may leave: everything is answered as for a wrong code */
	int64_t code_sent_at;	 /* clock_wall() of the last RespondToAuthChallenge */
	int mails;
	int unusable;
	int questions;
	struct dialogue dialogue;
	struct pace pace;
	struct who who;
	struct cache_flow cache;
	struct proof_seen seen;
	enum auth_by by;
};

static const struct options *flow_options(const struct auth_flow *flow)
{
	return flow->request->options;
}

static bool flow_proved(const struct auth_flow *flow)
{
	return caller_is_proved(&flow->request->caller);
}

static void flow_say(struct auth_flow *flow, enum dialogue_word word, int64_t number)
{
	flow->dialogue.word = word;
	flow->dialogue.number = number;
}

/* From here on no request leaves, and no fact makes a login of it. The first reason stays for the log, but for the one that may go away. */
static void flow_pretend(struct auth_flow *flow, enum otp_err reason)
{
	if (flow->pretending == OTP_OK || flow->pretending == OTP_ERR_USER_SHARED)
		flow->pretending = reason;
	flow->facts.user_allowed = 0;
}

/* Whoever has said which of the people he is who share the account may have what each of them may. */
static void flow_know_person(struct auth_flow *flow)
{
	if (flow->pretending == OTP_ERR_USER_SHARED && flow->request->judged->mapped) {
		flow->pretending = OTP_OK;
		flow->facts.user_allowed = AUTH_FACT_SHOWN;
	}
}

/* `ret_named`: where a stranger may say which of several people he is, NULL elsewhere. */
static enum otp_err flow_ask(struct auth_flow *flow, const char *prompt, struct answer *ret_answer, bool *ret_named)
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
	pace_answered(&flow->pace);
	if (err == OTP_OK)
		err = answer_parse(&typed, ret_answer);
	if (err == OTP_OK && ret_answer->kind == ANSWER_REPLACED) {
		flow_pretend(flow, OTP_ERR_USER_REFUSED_BY_HOST);
		err = delivery_rekey(&flow->delivery, true);
	} else if (err == OTP_OK && ret_named != NULL && who_is_named(&flow->who, &typed)) {
		*ret_named = true;
		flow_know_person(flow);
		err = delivery_rekey(&flow->delivery, flow->pretending != OTP_OK);
	}
	return err;
}

/* For a stranger an answer is what its length says: see answer_by_length. */
static enum answer_kind flow_looks_like(const struct auth_flow *flow, const struct answer *answer, enum answer_kind one_letter)
{
	return flow->request->caller.kind == CALLER_REMOTE ? answer_by_length(answer, one_letter) : answer->kind;
}

/* `last`: what it ends with when it was one too many. */
static enum otp_err flow_unusable(struct auth_flow *flow, enum dialogue_word word, enum otp_err last)
{
	flow_say(flow, word, 0);
	return ++flow->unusable >= FLOW_UNUSABLE_MAX ? last : OTP_OK;
}

static enum otp_err flow_deliver(struct auth_flow *flow, bool *ret_taken_up)
{
	pace_step(&flow->pace, PACE_MAIL);
	return flow->pretending == OTP_OK ? delivery_mail(&flow->delivery, ret_taken_up) :
					    delivery_pretend(&flow->delivery, flow->pretending, ret_taken_up);
}

static enum otp_err flow_mail(struct auth_flow *flow)
{
	bool taken_up = delivery_take_up(&flow->delivery);
	enum otp_err err = OTP_OK;

	if (!taken_up) {
		err = flow_deliver(flow, &taken_up);
		if (err != OTP_OK && delivery_hides(&flow->delivery, err)) {
			if (err != OTP_ERR_MAIL_BUDGET) /* a budget fills again; what the service refuses is not asked for again in this call */
				flow_pretend(flow, err);
			err = delivery_pretend(&flow->delivery, err, &taken_up);
		}
	}
	if (err != OTP_OK)
		return err;
	flow->mails += taken_up ? 0 : 1;
	flow_say(flow, taken_up ? DIALOGUE_RESUMED : DIALOGUE_FIRST, 0);
	return OTP_OK;
}

static enum otp_err flow_respond(struct auth_flow *flow, const struct secret *code)
{
	enum otp_err err = delivery_answer(&flow->delivery, code, &flow->tokens, &flow->code_sent_at);

	if (flow->code_sent_at != 0)
		flow->facts.challenge_opened = AUTH_FACT_SHOWN;
	if (err == OTP_OK)
		flow->facts.code_accepted = AUTH_FACT_SHOWN;
	return err;
}

static enum otp_err flow_dead(struct auth_flow *flow, enum challenge_state state)
{
	return flow_unusable(flow, dialogue_over(state), OTP_ERR_SESSION_EXPIRED);
}

/* Refusals of the account, not of the code: for a stranger they look like a wrong code, from here on. */
static enum otp_err flow_hide(struct auth_flow *flow, enum otp_err err)
{
	if (err == OTP_ERR_CODE_WRONG || err == OTP_ERR_CHALLENGE_EXTRA || !dialogue_hides(&flow->request->caller, err))
		return err;
	flow_pretend(flow, err);
	return OTP_ERR_CODE_WRONG;
}

/* `left` was counted when the try was taken, not when the service had answered: others may take some meanwhile. */
static enum otp_err flow_wrong(struct auth_flow *flow, int64_t left)
{
	flow->unusable = 0;
	flow_say(flow, DIALOGUE_WRONG, left);
	return left == 0 ? OTP_ERR_TRIES : OTP_OK;
}

static enum otp_err flow_try_failed(struct auth_flow *flow, int number, int64_t left, enum otp_err err)
{
	enum challenge_state state = delivery_try_failed(&flow->delivery, number, err);

	if (state != CHALLENGE_OPEN)
		return flow_dead(flow, state);
	err = flow_hide(flow, err);
	return err == OTP_ERR_CODE_WRONG ? flow_wrong(flow, left) : err;
}

/*
 * Sends a code in. *ret_done when it was accepted. A wrong one costs a try, an expired or used challenge none; every other error ends the call.
 */
static enum otp_err flow_try(struct auth_flow *flow, const struct answer *answer, bool *ret_done)
{
	struct delivery *delivery = &flow->delivery;
	enum challenge_state state;
	int64_t left;
	enum otp_err err;
	int number;

	if (delivery_state(delivery) != CHALLENGE_OPEN)
		(void)delivery_take_up(delivery); /* another login may have asked for a newer one */
	state = delivery_state(delivery);
	if (state != CHALLENGE_OPEN && state != CHALLENGE_SPENT)
		return flow_dead(flow, state);
	pace_step(&flow->pace, PACE_CODE);
	number = challenge_take_try(&delivery->challenge);
	if (number < 0)
		return OTP_ERR_TRIES;
	state = delivery_state(delivery);
	if (state != CHALLENGE_OPEN && state != CHALLENGE_SPENT) /* closed while we took it: then it may be counted elsewhere, see delivery_save_session */
		return flow_dead(flow, state);
	left = challenge_tries_left(&delivery->challenge);
	if (flow->pretending != OTP_OK || answer->kind != ANSWER_CODE || !delivery_is_real(delivery, number))
		return flow_wrong(flow, left);
	err = flow_respond(flow, &answer->code);
	if (err != OTP_OK)
		return flow_try_failed(flow, number, left, err);
	delivery_finish(delivery);
	*ret_done = true;
	return OTP_OK;
}

/* The service may refuse a second mail, or be away just then. The code before stays good, if it was; everybody but a stranger hears the truth. */
static enum otp_err flow_mail_refused(struct auth_flow *flow, enum otp_err err)
{
	enum otp_class class = err_class(err);
	bool taken_up = false;

	if (delivery_hides(&flow->delivery, err)) {
		flow_say(flow, DIALOGUE_RESENT, 0);
		return delivery_pretend(&flow->delivery, err, &taken_up);
	}
	if (delivery_state(&flow->delivery) != CHALLENGE_OPEN)
		return err;
	flow_say(flow, DIALOGUE_NOT_RESENT, 0);
	return class == OTP_CLASS_TRIES || class == OTP_CLASS_DENIED || class == OTP_CLASS_UNREACHABLE ? OTP_OK : err;
}

static enum otp_err flow_mail_again(struct auth_flow *flow)
{
	bool open = delivery_state(&flow->delivery) == CHALLENGE_OPEN;
	int64_t since = delivery_age_ms(&flow->delivery) / 1000;
	bool taken_up = false;
	enum otp_err err;

	if (!caller_may_mail(&flow->request->caller))
		return flow_unusable(flow, DIALOGUE_NO_MAIL_HERE, OTP_ERR_NO_ANSWER);
	if (open && since < flow_options(flow)->resend_after) {
		flow_say(flow, DIALOGUE_TOO_EARLY, flow_options(flow)->resend_after - since);
		flow->dialogue.since = since;
		return OTP_OK;
	}
	if (flow->mails++ >= FLOW_MAILS_MAX)
		return OTP_ERR_MAILS;
	flow->unusable = 0;
	flow_say(flow, DIALOGUE_RESENT, 0);
	err = flow_deliver(flow, &taken_up);
	return err == OTP_OK ? OTP_OK : flow_mail_refused(flow, err);
}

/* Asks until the person wants a mail, or types the code of an earlier call. */
static enum otp_err flow_ask_first(struct auth_flow *flow, bool *ret_done)
{
	char prompt[CONVERSATION_TEXT_MAX + 1];

	for (;;) {
		answer_auto struct answer answer = ANSWER_NONE;
		enum dialogue_word word = DIALOGUE_NOTHING;
		bool may_mail = caller_may_mail(&flow->request->caller);
		bool named = false; /* then a code of his that is open waits for its digits */
		enum answer_kind kind;
		enum otp_err err;

		pace_keep(&flow->pace, flow->request->conversation);
		dialogue_ask_first(&flow->dialogue, flow->request->messages, prompt);
		err = flow_ask(flow, prompt, &answer, &named);
		if (err != OTP_OK)
			return err;
		kind = flow_looks_like(flow, &answer, ANSWER_YES);
		if ((kind == ANSWER_YES || kind == ANSWER_NEW) && may_mail)
			return flow_mail(flow);
		if (kind == ANSWER_CODE && !named && delivery_take_up(&flow->delivery))
			return flow_try(flow, &answer, ret_done);
		if (kind == ANSWER_YES || kind == ANSWER_NEW || kind == ANSWER_CODE)
			word = may_mail ? DIALOGUE_NONE_OPEN : DIALOGUE_NO_MAIL_HERE;
		err = flow_unusable(flow, word, OTP_ERR_NO_ANSWER);
		if (err != OTP_OK)
			return err;
	}
}

static enum otp_err flow_take_answer(struct auth_flow *flow, const struct answer *answer, bool *ret_done)
{
	switch (flow_looks_like(flow, answer, ANSWER_NEW)) {
	case ANSWER_CODE:
		return flow_try(flow, answer, ret_done);
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
	char prompt[CONVERSATION_TEXT_MAX + 1];
	bool done = false;
	enum otp_err err = OTP_OK;

	flow->unusable = 0;
	while (err == OTP_OK && !done) {
		answer_auto struct answer answer = ANSWER_NONE;
		const char *destination = challenge_facts_of(&flow->delivery.challenge)->destination;

		pace_keep(&flow->pace, flow->request->conversation);
		if (flow->dialogue.word == DIALOGUE_RESUMED)
			flow->dialogue.since = delivery_age_ms(&flow->delivery) / 1000;
		dialogue_ask_code(&flow->dialogue, flow->request->messages, flow_proved(flow) ? destination : "", prompt);
		err = flow_ask(flow, prompt, &answer, NULL);
		if (err == OTP_OK)
			err = flow_take_answer(flow, &answer, &done);
	}
	return err;
}

static enum otp_err flow_verify(struct auth_flow *flow)
{
	const struct auth_request *request = flow->request;
	struct proof_request proof = { request->options,   request->user,     request->service, request->judged,    &flow->service.jwks,
				       flow->service.http, request->deadline, request->note,    flow->code_sent_at, NULL };

	return proof_check(&proof, &flow->tokens, &flow->facts, &flow->seen);
}

/* Until there is a challenge to answer, or (*ret_done) one that was open has been answered rightly at once. */
static enum otp_err flow_find_challenge(struct auth_flow *flow, bool *ret_done)
{
	if (!flow_proved(flow))
		return flow_ask_first(flow, ret_done);
	if (delivery_take_up(&flow->delivery)) {
		flow_say(flow, DIALOGUE_RESUMED, 0);
		return OTP_OK;
	}
	return flow_options(flow)->confirm == CONFIRM_ALWAYS ? flow_ask_first(flow, ret_done) : flow_mail(flow);
}

/* Until a code of this person has been verified. */
static enum otp_err flow_by_code(struct auth_flow *flow)
{
	bool done = false;
	enum otp_err err = who_ask(&flow->who);

	flow_know_person(flow);
	if (err == OTP_OK)
		err = delivery_open(&flow->delivery, flow->pretending != OTP_OK);
	if (err == OTP_OK)
		err = service_prepare(&flow->service);
	if (err == OTP_OK && standing_wanted(flow_options(flow), flow->request->service))
		err = service_prepare_admin(&flow->service);
	if (err == OTP_OK)
		err = flow_find_challenge(flow, &done);
	if (err == OTP_OK && !done)
		err = flow_ask_code(flow);
	return err == OTP_OK ? flow_verify(flow) : err;
}

static enum otp_err flow_story(struct auth_flow *flow)
{
	bool renewed = cache_flow_renew(&flow->cache, &flow->facts); /* if not, nothing has happened yet */
	enum otp_err err = renewed ? OTP_OK : flow_by_code(flow);

	if (err == OTP_OK)
		err = auth_facts_verdict(&flow->facts);
	if (err == OTP_OK && !renewed)
		cache_flow_keep(&flow->cache, &flow->tokens, &flow->seen);
	flow->by = renewed ? AUTH_BY_RENEWAL : AUTH_BY_CODE;
	return err;
}

static void flow_begin(struct auth_flow *flow, const struct auth_request *request)
{
	memset(flow, 0, sizeof(*flow));
	flow->request = request;
	flow->delivery_settings = (struct delivery_settings){ request->options, request->user,     request->service,  request->judged, &request->caller,	    request->source,
							      request->real_uid, request->deadline, request->note,   request->conversation, &flow->pace };
	service_begin(&flow->service, request->options, request->deadline, request->note);
	delivery_begin(&flow->delivery, &flow->delivery_settings, &flow->service);
	flow->pace = pace_start(!flow_proved(flow), request->options->deadline * 1000, request->started_ms);
	flow->cache = (struct cache_flow){ request->cache, request->cached, &flow->service, request->deadline, request->note };
	flow->seen.groups = (struct strbuf)STRBUF_LIMIT(CACHE_GROUPS_MAX);
	flow->who = (struct who){ request->user, request->judged, &request->caller, request->messages, request->conversation, &flow->pace };
	if (request->refusal == OTP_OK && request->judged->mapped)
		flow->facts.user_allowed = AUTH_FACT_SHOWN;
	else
		flow_pretend(flow, request->refusal != OTP_OK ? request->refusal : request->judged->shared ? OTP_ERR_USER_SHARED : OTP_ERR_INTERNAL);
}

/* What the service needed is given up before the last word: that takes its time, too, for some accounts. */
static void flow_end(struct auth_flow *flow, enum otp_err result)
{
	service_forget_credentials(&flow->service); /* the process of the revocation needs none */
	revocation_start(&flow->service.cognito); /* of whatever came, also where the login failed */
	cognito_tokens_done(&flow->tokens);
	strbuf_done(&flow->seen.groups);
	service_shut_down(&flow->service, result);
}

/* What the log is told: for a stranger who was only shown a dialogue, why; but what is wrong with this machine comes first. */
static enum otp_err flow_reason(const struct auth_flow *flow, enum otp_err result)
{
	enum otp_class class = err_class(result);

	if (class == OTP_CLASS_SYSTEM || class == OTP_CLASS_SERVICE || class == OTP_CLASS_MEMORY)
		return result;
	if (flow->pretending != OTP_OK && (flow->pretending != OTP_ERR_USER_SHARED || flow->request->caller.kind == CALLER_REMOTE))
		return flow->pretending; /* whoever was asked which of several people he is: what came of that */
	return result != OTP_OK && delivery_decoy(&flow->delivery) != OTP_OK ? delivery_decoy(&flow->delivery) : result;
}

__attribute__((visibility("default"))) void auth_flow_run(const struct auth_request *request, struct auth_result *ret_result)
{
	struct auth_flow flow;
	enum otp_err err;

	if (!auth_request_is_ours(request, ret_result))
		return;
	log_open("cognito-otp-helper", request->options->debug); /* this object has a log room of its own, beside the helper's */
	flow_begin(&flow, request);
	err = flow_story(&flow);
	ret_result->result = err;
	ret_result->reason = flow_reason(&flow, err);
	ret_result->by = flow.by;
	memcpy(ret_result->request_id, flow.service.cognito.request_id, sizeof(ret_result->request_id));
	flow_end(&flow, err);
	if (err != OTP_OK)
		pace_keep(&flow.pace, request->conversation);
	dialogue_part(&request->caller, &(struct dialogue_end){ err, flow.delivery.challenge.record != NULL, flow.delivery.wait_s }, request->messages,
		      request->conversation);
	delivery_end(&flow.delivery);
}
