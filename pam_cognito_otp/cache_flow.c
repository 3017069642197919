/* cache_flow - see cache_flow.h. */
#include "cache_flow.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache_sweep.h"
#include "cache_tokens.h"
#include "log.h"
#include "session_token.h"
#include "turn.h"

/* One use of kept tokens, or one keeping of new ones. */
struct cache_flow_step {
	int dir; /* cache_dir */
	struct cache_tokens_name name;
	struct strbuf proof; /* what they are bound to */
	struct cache_tokens kept;
	struct turn turn;
};

static void cache_flow_step_done(struct cache_flow_step *step)
{
	turn_end(&step->turn);
	strbuf_done(&step->proof);
	cache_tokens_done(&step->kept);
	if (step->dir >= 0)
		(void)close(step->dir);
}

#define CACHE_FLOW_STEP_NONE { -1, { 0, "" }, STRBUF_LIMIT(CACHE_RECORD_MAX), CACHE_TOKENS_NONE, TURN_NONE }
#define cache_flow_step_auto __attribute__((cleanup(cache_flow_step_done)))

static enum otp_err cache_flow_begin(const struct cache_flow *flow, const struct cache_record *record, struct cache_flow_step *step,
				     struct note *why)
{
	step->name.uid = flow->call->judged->uid;
	memcpy(step->name.id, record->tokens, sizeof(step->name.id));
	cache_record_proof(record, &step->proof);
	return step->proof.failed == OTP_OK ? cache_open(flow->call->options, &step->dir, why) : step->proof.failed;
}

/* What it costs is a code, now or later; nobody is refused for it. */
static void cache_flow_complain(const struct cache_flow *flow, const char *event, enum otp_err err, const struct note *why)
{
	char user[CACHE_NAME_SIZE];
	char detail[NOTE_MAX];

	log_clean(user, sizeof(user), flow->call->user, true);
	log_clean(detail, sizeof(detail), why->text, false);
	log_warning("%s reason=%s user=%s detail=\"%s\"", event, err_reason(err), user, detail);
}

static void cache_flow_keep_for_session(const struct cache_flow *flow, const struct cognito_tokens *tokens)
{
	struct note why = { "" };
	enum otp_err err;

	if (!flow->call->options->session_tokens)
		return;
	err = session_token_keep(flow->call, &tokens->id, &why);
	if (err != OTP_OK)
		cache_flow_complain(flow, "event=session_token_not_kept", err, &why);
}

/* --- using what was kept -------------------------------------------------------------------------------------------------------------- */

/* One at a time: with rotation, whoever comes second with the same token would be taken for a thief, and end it for both. */
static enum otp_err cache_flow_take(const struct cache_flow *flow, struct cache_flow_step *step, const struct deadline *deadline)
{
	uint64_t whose = strtoull(step->name.id + CACHE_TOKENS_ID_SIZE / 2, NULL, 16);
	enum otp_err err = turn_take(step->dir, whose, deadline, &step->turn);

	return err == OTP_OK ? cache_tokens_find(step->dir, &step->name, &step->proof, &step->kept, flow->note) : err;
}

/* The old one is dead: the new one must be on disk before anything else happens. Where that fails, what is kept is worth nothing any more. */
static void cache_flow_rotate(const struct cache_flow *flow, struct cache_flow_step *step)
{
	struct secret *rotated = &flow->service->cognito.refresh_token;
	struct note why = { "" };
	enum otp_err err;

	if (rotated->length == 0)
		return;
	secret_move(&step->kept.refresh, rotated);
	err = cache_tokens_keep(step->dir, &step->name, &step->proof, &step->kept, &why);
	if (err == OTP_OK)
		return;
	secret_move(rotated, &step->kept.refresh); /* to be revoked at the end */
	cache_flow_complain(flow, "event=cache_not_kept", err, &why);
	cache_tokens_remove(step->dir, &step->name);
	cache_forget(step->dir, flow->cached);
}

static enum otp_err cache_flow_ask(const struct cache_flow *flow, struct cache_flow_step *step, struct deadline *deadline,
				   struct cognito_tokens *ret_tokens)
{
	struct service *service = flow->service;
	enum otp_err err = service_prepare(service);

	if (err == OTP_OK)
		err = service_open(service);
	if (err == OTP_OK)
		err = cache_flow_take(flow, step, deadline);
	if (err == OTP_OK)
		err = cognito_refresh(&service->cognito, &step->kept.refresh, ret_tokens);
	if (err == OTP_OK)
		cache_flow_rotate(flow, step);
	turn_end(&step->turn);
	return err;
}

/* Within a part of the deadline: where it is in vain a code is to be mailed and sent in, which needs the rest. */
static enum otp_err cache_flow_ask_briefly(const struct cache_flow *flow, struct cache_flow_step *step, struct cognito_tokens *ret_tokens)
{
	struct deadline brief = deadline_start(deadline_left_ms(flow->deadline) / 3);
	struct service *service = flow->service;
	enum otp_err err;

	service->deadline = &brief;
	service->cognito.deadline = &brief;
	err = cache_flow_ask(flow, step, &brief, ret_tokens);
	service->deadline = flow->deadline;
	service->cognito.deadline = flow->deadline;
	return err;
}

/* A kept proof was a code's: nothing else is ever sealed. What the answer shows, proof_check says. */
static enum otp_err cache_flow_verify(const struct cache_flow *flow, const struct cache_flow_step *step, const struct cognito_tokens *tokens,
				      struct auth_facts *facts)
{
	const struct cache_call *call = flow->call;
	struct proof_request proof = { .options = call->options,
				       .user = call->user,
				       .service = call->service,
				       .judged = call->judged,
				       .jwks = &flow->service->jwks,
				       .http = flow->service->http,
				       .deadline = flow->deadline,
				       .note = flow->note,
				       .renewed = &step->kept.origin };

	facts->challenge_opened = AUTH_FACT_SHOWN;
	facts->code_accepted = AUTH_FACT_SHOWN;
	return proof_check(&proof, tokens, facts, NULL);
}

/*
 * A clear no: of the service, or because the answer was not what it had to be. Silence, trouble, our own faults and keys that the pool has just
 * changed say nothing about him.
 */
static bool cache_flow_is_refused(enum otp_err err)
{
	enum otp_class class = err_class(err);

	if (err == OTP_ERR_TLS_CERTIFICATE || err == OTP_ERR_JWT_KID)
		return false;
	return class == OTP_CLASS_DENIED || class == OTP_CLASS_UNTRUSTED || err == OTP_ERR_TOKENS_SEALED;
}

static void cache_flow_refused(const struct cache_flow *flow, struct cache_flow_step *step, enum otp_err err)
{
	cache_flow_complain(flow, "event=cache_not_used", err, flow->note);
	note_set(flow->note, "%s", "");
	if (!cache_flow_is_refused(err) || step->dir < 0)
		return;
	cache_tokens_remove(step->dir, &step->name);
	cache_forget(step->dir, flow->cached);
	if (err_class(err) == OTP_CLASS_UNTRUSTED || err == OTP_ERR_IDENTITY_GROUP) /* the service has renewed it: only we refuse the answer */
		secret_move(&flow->service->cognito.stale_token, &step->kept.refresh);
}

bool cache_flow_renew(struct cache_flow *flow, struct auth_facts *facts)
{
	cache_flow_step_auto struct cache_flow_step step = CACHE_FLOW_STEP_NONE;
	cognito_tokens_auto struct cognito_tokens tokens = { SECRET_EMPTY, SECRET_EMPTY };
	struct auth_facts shown = *facts;
	enum otp_err err;

	if (flow->cached == NULL)
		return false;
	err = cache_flow_begin(flow, flow->cached, &step, flow->note);
	if (err == OTP_OK)
		err = cache_flow_ask_briefly(flow, &step, &tokens);
	if (err == OTP_OK)
		err = cache_flow_verify(flow, &step, &tokens, &shown);
	if (err != OTP_OK) {
		cache_flow_refused(flow, &step, err);
		return false;
	}
	*facts = shown;
	cache_flow_keep_for_session(flow, &tokens);
	return true;
}

/* --- keeping -------------------------------------------------------------------------------------------------------------------------- */

static enum otp_err cache_flow_fill(const struct cache_call *call, const struct proof_seen *seen, struct cache_record *record)
{
	if (!cache_record_stamp(record) || seen->groups.failed != OTP_OK)
		return OTP_ERR_SYSTEM;
	memcpy(record->groups, strbuf_text(&seen->groups), seen->groups.length + 1);
	cache_binding(call, &record->binding);
	return record->binding.failed;
}

/* Seals this login's refresh token, which is then not revoked at the end. */
static enum otp_err cache_flow_seal(const struct cache_flow *flow, const struct proof_seen *seen, struct cache_record *record,
				    struct cache_flow_step *step, struct note *why)
{
	struct secret *fresh = &flow->service->cognito.refresh_token;
	enum otp_err err;

	if (fresh->length == 0 || seen->origin.sub[0] == '\0') {
		note_set(why, "%s", fresh->length == 0 ? "no refresh token came" : "the tokens do not say of which sign-in they are");
		return OTP_ERR_RESPONSE_TOKEN;
	}
	err = cache_tokens_name(flow->call->judged->uid, &step->name);
	if (err != OTP_OK)
		return err;
	memcpy(record->tokens, step->name.id, sizeof(record->tokens));
	err = cache_flow_begin(flow, record, step, why);
	step->kept.origin = seen->origin;
	secret_move(&step->kept.refresh, fresh);
	if (err == OTP_OK)
		err = cache_tokens_keep(step->dir, &step->name, &step->proof, &step->kept, why);
	return err;
}

/* What is not kept, or has been replaced, is what the end of the flow revokes. */
static void cache_flow_revoke_replaced(const struct cache_flow *flow, const struct cache_record *replaced)
{
	cache_flow_step_auto struct cache_flow_step old = CACHE_FLOW_STEP_NONE;
	struct note why = { "" };

	if (replaced->tokens[0] == '\0' || cache_flow_begin(flow, replaced, &old, &why) != OTP_OK)
		return;
	if (cache_tokens_find(old.dir, &old.name, &old.proof, &old.kept, &why) == OTP_OK)
		secret_move(&flow->service->cognito.stale_token, &old.kept.refresh);
	cache_tokens_remove(old.dir, &old.name);
}

static enum otp_err cache_flow_keep_record(const struct cache_flow *flow, const struct proof_seen *seen, struct note *why)
{
	cache_flow_step_auto struct cache_flow_step step = CACHE_FLOW_STEP_NONE;
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	cache_record_auto struct cache_record replaced = CACHE_RECORD_NONE;
	enum otp_err err = cache_flow_fill(flow->call, seen, &record);

	cache_sweep(flow->call->options);
	if (err == OTP_OK && flow->call->options->cache_check == CACHE_CHECK_ONLINE)
		err = cache_flow_seal(flow, seen, &record, &step, why);
	if (err == OTP_OK)
		err = cache_keep(flow->call, &record, &replaced, why);
	if (err == OTP_OK) {
		cache_flow_revoke_replaced(flow, &replaced);
	} else if (step.kept.refresh.length > 0) {
		secret_move(&flow->service->cognito.refresh_token, &step.kept.refresh);
		cache_tokens_remove(step.dir, &step.name);
	}
	return err;
}

void cache_flow_keep(struct cache_flow *flow, const struct cognito_tokens *tokens, const struct proof_seen *seen)
{
	struct note why = { "" };
	enum otp_err err = cache_would_keep(flow->call) ? cache_flow_keep_record(flow, seen, &why) : OTP_OK;

	if (err != OTP_OK)
		cache_flow_complain(flow, "event=cache_not_kept", err, &why);
	cache_flow_keep_for_session(flow, tokens);
}
