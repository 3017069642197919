/* delivery - see delivery.h. */
#include "delivery.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dialogue.h"
#include "log.h"
#include "postage.h"
#include "run_dir.h"
#include "standing.h"
#include "turn.h"

enum { DELIVERY_WAITED_MS = 200 };

void delivery_begin(struct delivery *delivery, const struct delivery_settings *settings, struct service *service)
{
	memset(delivery, 0, sizeof(*delivery));
	delivery->settings = settings;
	delivery->service = service;
	delivery->dir = -1;
	delivery->challenge = (struct challenge)CHALLENGE_EMPTY;
}

static const char *delivery_cognito_user(const struct delivery *delivery)
{
	const struct policy_user *judged = delivery->settings->judged;

	return judged->mapped ? judged->identity.value : "";
}

static int64_t delivery_ttl(const struct delivery *delivery)
{
	return delivery->settings->options->challenge_ttl;
}

static enum otp_err delivery_find_key(struct delivery *delivery, bool refused)
{
	const struct delivery_settings *settings = delivery->settings;
	struct challenge_owner owner = { settings->user,
					 settings->judged->known,
					 settings->judged->uid,
					 delivery_cognito_user(delivery),
					 settings->options->user_pool_id,
					 settings->options->client_id,
					 settings->source,
					 caller_is_proved(settings->caller),
					 refused };

	return challenge_key_of(&owner, &delivery->key);
}

enum otp_err delivery_rekey(struct delivery *delivery, bool refused)
{
	return delivery_find_key(delivery, refused);
}

enum otp_err delivery_open(struct delivery *delivery, bool refused)
{
	enum otp_err err = delivery_find_key(delivery, refused);
	int dir;

	if (err == OTP_OK)
		err = run_dir_open(&dir, delivery->settings->note);
	if (err == OTP_OK)
		delivery->dir = dir;
	return err;
}

static void delivery_hold(struct delivery *delivery, struct challenge *challenge)
{
	challenge_done(&delivery->challenge);
	delivery->challenge = *challenge;
	*challenge = (struct challenge)CHALLENGE_EMPTY;
}

bool delivery_take_up(struct delivery *delivery)
{
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	struct note note = { "" };

	if (challenge_find(delivery->dir, &delivery->key, &found, &note) != OTP_OK)
		log_warning("event=challenge_unreadable detail=\"%s\"", note.text);
	if (challenge_state_of(&found, delivery_ttl(delivery)) != CHALLENGE_OPEN || challenge_same(&found, &delivery->challenge))
		return false;
	delivery_hold(delivery, &found);
	return true;
}

/* What a record says of its owner is for the administrator's eyes; a name that is no account's may be a password typed too early. */
static void delivery_describe(const struct delivery *delivery, struct challenge_facts *facts)
{
	const struct delivery_settings *settings = delivery->settings;

	log_clean(facts->user, sizeof(facts->user), settings->judged->known ? settings->user : "", true);
	log_clean(facts->cognito_user, sizeof(facts->cognito_user), delivery_cognito_user(delivery), true);
	log_clean(facts->origin, sizeof(facts->origin), settings->caller->kind == CALLER_KEY ? "key" : settings->source, true);
	facts->tries = (uint32_t)settings->options->max_tries;
}

/* What follows becomes visible to the caller's other connections: at the pace of a stranger, not at the service's. */
static void delivery_rest(const struct delivery *delivery)
{
	pace_keep(delivery->settings->pace, delivery->settings->conversation);
}

/* When the mail was wished for (clock_boot_ms): the same for all accounts, and earlier than the service's own clock starts, so that ours ends first. */
static int64_t delivery_wished_ms(const struct delivery *delivery)
{
	return clock_boot_ms() - (clock_monotonic_ms() - delivery->settings->pace->since_ms);
}

static enum otp_err delivery_keep(struct delivery *delivery, const struct challenge_facts *facts, const struct secret *session)
{
	challenge_auto struct challenge kept = CHALLENGE_EMPTY;
	enum otp_err err;

	run_dir_sweep(delivery->dir);
	err = challenge_keep(delivery->dir, &delivery->key, facts, session, &kept);
	if (err == OTP_OK)
		delivery_hold(delivery, &kept);
	return err;
}

/* What the service decides before it mails. Not here: a trigger or a delivery that failed, after which a mail may be out, and refusals to slow us down. */
static bool delivery_refused_early(enum otp_err err)
{
	return err == OTP_ERR_REFUSED || err == OTP_ERR_ACCOUNT_DISABLED || err == OTP_ERR_ACCOUNT_NOT_FOUND || err == OTP_ERR_ACCOUNT_NOT_CONFIRMED ||
	       err == OTP_ERR_ACCOUNT_RESET || err == OTP_ERR_SECRET_HASH || err == OTP_ERR_CLIENT || err == OTP_ERR_PARAMETER || err == OTP_ERR_FORBIDDEN;
}

/*
 * Whether what was paid is given back. A broken service (5xx) has most likely mailed nothing: those who have proved themselves must not be locked out by an
 * outage after it is over; for strangers it stays paid.
 */
static bool delivery_mailed_nothing(const struct delivery *delivery, enum otp_err err)
{
	const struct cognito *cognito = &delivery->service->cognito;

	if (!cognito->left)
		return true;
	if (cognito->status >= 500)
		return caller_is_proved(delivery->settings->caller);
	return cognito->status >= 400 && delivery_refused_early(err);
}

/*
 * Whether the pool still has him as he should be. Where it has not, nothing is mailed, and who has proved himself gets back what was paid; for
 * strangers it stays paid, or they could use up the pool's quota with the names of those who are refused.
 */
static enum otp_err delivery_check_standing(struct delivery *delivery, const struct postage_receipt *paid)
{
	const struct delivery_settings *settings = delivery->settings;
	struct standing standing = { settings->options, settings->user,	 settings->program, settings->judged,
				     delivery->service, delivery->dir, settings->note };
	enum otp_err err = OTP_OK;

	if (standing_wanted(settings->options, settings->program))
		err = standing_check(&standing, true);
	delivery->refused_by_standing = err != OTP_OK && delivery->service->cognito.left;
	if (err != OTP_OK && (caller_is_proved(settings->caller) || !delivery->service->cognito.left))
		postage_give_back(delivery->dir, paid);
	return err;
}

static enum otp_err delivery_mail_now(struct delivery *delivery)
{
	const struct delivery_settings *settings = delivery->settings;
	struct cognito *cognito = &delivery->service->cognito;
	struct postage_payer payer = { settings->options, delivery_cognito_user(delivery), settings->caller, settings->real_uid };
	cognito_challenge_auto struct cognito_challenge opened = COGNITO_CHALLENGE_NONE;
	struct challenge_facts facts = { .decoy = OTP_OK };
	struct postage_receipt paid;
	enum otp_err err = postage_pay(delivery->dir, &payer, &paid, &delivery->wait_s, settings->note);

	if (err == OTP_ERR_MAIL_BUDGET && !caller_is_proved(settings->caller)) /* he is not told */
		log_warning("event=mail_budget_spent detail=\"%s\"", settings->note->text);
	if (err == OTP_OK)
		err = delivery_check_standing(delivery, &paid);
	if (err != OTP_OK)
		return err;
	facts.mailed_ms = delivery_wished_ms(delivery);
	facts.session_ms = facts.mailed_ms;
	err = cognito_initiate_auth(cognito, payer.cognito_user, &opened);
	if (err != OTP_OK) {
		if (delivery_mailed_nothing(delivery, err))
			postage_give_back(delivery->dir, &paid);
		return err;
	}
	delivery_describe(delivery, &facts);
	facts.tries_to_send = facts.tries;
	memcpy(facts.destination, opened.destination, sizeof(facts.destination));
	delivery_rest(delivery);
	return delivery_keep(delivery, &facts, &opened.session);
}

static enum otp_err delivery_turn(const struct delivery *delivery, struct turn *ret_turn)
{
	uint64_t whose;
	enum otp_err err;

	memcpy(&whose, delivery->key.digest, sizeof(whose));
	err = turn_take(delivery->dir, whose, delivery->settings->deadline, ret_turn);
	if (err != OTP_OK)
		note_set(delivery->settings->note, "another login of the same person from the same place is having a code mailed");
	return err;
}

/* Who waited in vain for another call has little time left: it would only have a code mailed that comes too late for it. */
static enum otp_err delivery_time_to_mail(const struct delivery *delivery, int64_t before_ms)
{
	int64_t left = deadline_left_ms(delivery->settings->deadline);

	if (before_ms - left < DELIVERY_WAITED_MS || left >= before_ms / 3)
		return OTP_OK;
	note_set(delivery->settings->note, "another login of the same person from the same place has waited for the service in vain");
	return OTP_ERR_NET_TIMEOUT;
}

enum otp_err delivery_mail(struct delivery *delivery, bool *ret_taken_up)
{
	struct turn turn = TURN_NONE;
	enum otp_err err = service_open(delivery->service);
	int64_t before_ms = deadline_left_ms(delivery->settings->deadline);

	*ret_taken_up = false;
	delivery->refused_by_standing = false;
	if (err == OTP_OK)
		err = delivery_turn(delivery, &turn);
	if (err != OTP_OK)
		return err;
	*ret_taken_up = delivery_take_up(delivery);
	if (!*ret_taken_up)
		err = delivery_time_to_mail(delivery, before_ms);
	if (err == OTP_OK && !*ret_taken_up)
		err = delivery_mail_now(delivery);
	turn_end(&turn);
	return err;
}

/*
 * Of an open Session the tries that are left, so that a mail which was only pretended gives nobody more of them. It is closed before they are counted, and whoever
 * takes a try looks again afterwards: none is both sent and carried over.
 */
static enum otp_err delivery_save_session(const struct delivery *delivery, struct challenge_facts *facts, struct secret *ret_session)
{
	const struct challenge *challenge = &delivery->challenge;
	bool open = delivery_state(delivery) == CHALLENGE_OPEN;

	challenge_close(challenge, CHALLENGE_REPLACED);
	if (!open || delivery_decoy(delivery) != OTP_OK)
		return OTP_OK;
	facts->decoy = OTP_OK;
	facts->session_ms = challenge_facts_of(challenge)->session_ms;
	facts->tries_to_send = challenge_sendable(challenge);
	if (facts->tries_to_send > facts->tries)
		facts->tries_to_send = facts->tries; /* max_tries was lowered meanwhile */
	memcpy(facts->destination, challenge_facts_of(challenge)->destination, sizeof(facts->destination));
	return challenge_session(challenge, ret_session);
}

static enum otp_err delivery_pretend_now(struct delivery *delivery, enum otp_err why)
{
	secret_auto struct secret session = SECRET_EMPTY;
	struct challenge_facts facts = { .decoy = why, .mailed_ms = delivery_wished_ms(delivery) };
	enum otp_err err;

	delivery_describe(delivery, &facts);
	delivery_rest(delivery);
	err = delivery_save_session(delivery, &facts, &session);
	if (err != OTP_OK)
		return err;
	return delivery_keep(delivery, &facts, &session);
}

enum otp_err delivery_pretend(struct delivery *delivery, enum otp_err why, bool *ret_taken_up)
{
	struct turn turn = TURN_NONE;
	enum otp_err err = delivery_turn(delivery, &turn);

	*ret_taken_up = false;
	if (err != OTP_OK)
		return err;
	*ret_taken_up = delivery_take_up(delivery);
	if (!*ret_taken_up)
		err = delivery_pretend_now(delivery, why);
	turn_end(&turn);
	return err;
}

enum otp_err delivery_answer(struct delivery *delivery, const struct secret *code, struct cognito_tokens *ret_tokens, int64_t *ret_sent_at)
{
	cognito_challenge_auto struct cognito_challenge challenge = COGNITO_CHALLENGE_NONE;
	enum otp_err err = service_open(delivery->service);

	if (err == OTP_OK)
		err = challenge_session(&delivery->challenge, &challenge.session);
	if (err != OTP_OK)
		return err;
	*ret_sent_at = clock_wall();
	return cognito_respond(&delivery->service->cognito, delivery_cognito_user(delivery), &challenge, code, ret_tokens);
}

enum challenge_state delivery_try_failed(const struct delivery *delivery, int number, enum otp_err err)
{
	const struct challenge *challenge = &delivery->challenge;
	enum challenge_state state = challenge_state_after(err);

	if (state != CHALLENGE_OPEN || !delivery->service->cognito.left || challenge_unread_after(err))
		challenge_return_try(challenge, number);
	if (state == CHALLENGE_EXPIRED)
		log_warning("event=code_expired_early detail=\"after %lld s; is challenge_ttl longer than the app client's AuthSessionValidity?\"",
			    (long long)delivery_age_ms(delivery) / 1000);
	if (state != CHALLENGE_OPEN)
		challenge_close(challenge, state);
	return state;
}

bool delivery_hides(const struct delivery *delivery, enum otp_err err)
{
	const struct caller *caller = delivery->settings->caller;

	return dialogue_hides(caller, err) ||
	       (!caller_is_proved(caller) && delivery->refused_by_standing && err_class(err) != OTP_CLASS_UNREACHABLE);
}

void delivery_finish(struct delivery *delivery)
{
	challenge_auto struct challenge found = CHALLENGE_EMPTY;
	struct note note = { "" };

	challenge_close(&delivery->challenge, CHALLENGE_USED);
	if (challenge_find(delivery->dir, &delivery->key, &found, &note) == OTP_OK && challenge_same(&found, &delivery->challenge))
		challenge_remove(delivery->dir, delivery->key.name, &found);
}

enum challenge_state delivery_state(const struct delivery *delivery)
{
	return challenge_state_of(&delivery->challenge, delivery_ttl(delivery));
}

int64_t delivery_age_ms(const struct delivery *delivery)
{
	return clock_boot_ms() - challenge_facts_of(&delivery->challenge)->mailed_ms;
}

bool delivery_is_real(const struct delivery *delivery, int number)
{
	const struct challenge_facts *facts = challenge_facts_of(&delivery->challenge);

	return facts->decoy == OTP_OK && number >= 0 && (uint32_t)number < facts->tries_to_send &&
	       clock_boot_ms() - facts->session_ms < delivery_ttl(delivery) * 1000;
}

enum otp_err delivery_decoy(const struct delivery *delivery)
{
	enum otp_err decoy;

	if (delivery->challenge.record == NULL)
		return OTP_OK;
	decoy = challenge_facts_of(&delivery->challenge)->decoy;
	return (unsigned int)decoy < OTP_ERR_COUNT ? decoy : OTP_ERR_INTERNAL;
}

void delivery_end(struct delivery *delivery)
{
	challenge_done(&delivery->challenge);
	if (delivery->dir >= 0)
		(void)close(delivery->dir);
	delivery->dir = -1;
}
