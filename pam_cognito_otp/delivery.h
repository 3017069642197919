/*
 * delivery - how a code gets into a person's hands: one that is still open is taken up, or the budgets pay and one is mailed.
 *
 * Rules kept here:
 *  - paid before it is asked for; a mail that certainly did not go out is given back;
 *  - where the settings want it, the pool is asked about the person before it is asked for the mail;
 *  - of calls with the same owner and origin one mails, and the others use what it got;
 *  - only the newest Session counts, whichever call opened it;
 *  - what is shown to somebody who cannot have a mail is kept the same way, without a Session: that it looks alike is not left to chance;
 *  - what a stranger's wish has led to becomes visible to his other connections at one pace as well, or they would tell him how long the service took.
 */
#ifndef OTP_DELIVERY_H
#define OTP_DELIVERY_H

#include <stdbool.h>
#include <stdint.h>

#include "caller.h"
#include "challenge.h"
#include "conversation.h"
#include "err.h"
#include "note.h"
#include "options.h"
#include "pace.h"
#include "policy.h"
#include "service.h"

/* Borrowed. */
struct delivery_settings {
	const struct options *options;
	const char *user;    /* the local name */
	const char *program; /* the PAM service */
	const struct policy_user *judged;
	const struct caller *caller;
	const char *source; /* caller_source */
	uint32_t real_uid;
	struct deadline *deadline;
	struct note *note;
	const struct conversation *conversation;
	const struct pace *pace;
};

struct delivery {
	const struct delivery_settings *settings;
	struct service *service;
	int dir; /* -1 until delivery_open */
	struct challenge_key key;
	struct challenge challenge; /* the one that this call answers; empty until there is one */
	bool refused_by_standing;   /* the last delivery_mail ended in a signed call about the person */
	int64_t wait_s;		    /* after OTP_ERR_MAIL_BUDGET: until a mail may go out again */
};

/* All is borrowed and must outlive it. */
void delivery_begin(struct delivery *delivery, const struct delivery_settings *settings, struct service *service);

/*
 * The run directory. `refused`: this call can only be led through the dialogue, by rules of this program's own; what it pretends must not meet a call of another
 * program in which the same person may log in. OTP_ERR_STATE_*: nobody can be mailed on this machine. OTP_ERR_MEMORY, OTP_ERR_CRYPTO.
 */
enum otp_err delivery_open(struct delivery *delivery, bool refused);

/* It has come out later who this is, or that this call is refused. OTP_ERR_MEMORY, OTP_ERR_CRYPTO. */
enum otp_err delivery_rekey(struct delivery *delivery, bool refused);

/* Takes up a challenge that is open, if there is one and it is not the one already held. */
bool delivery_take_up(struct delivery *delivery);

/*
 * Has a code mailed, or takes up the one that another call has had mailed meanwhile (*ret_taken_up). On failure the challenge held before is held still.
 * OTP_ERR_MAIL_BUDGET, OTP_ERR_STATE_IO, OTP_ERR_NET_TIMEOUT (another call is waiting for the service), errors of service_open,
 * standing_check and cognito_initiate_auth.
 */
enum otp_err delivery_mail(struct delivery *delivery, bool *ret_taken_up);

/*
 * Makes it look as if a code had been mailed, in every step and wait that others can notice; `why` is for the log. A Session that is open stays so.
 * OTP_ERR_NET_TIMEOUT, OTP_ERR_MEMORY, OTP_ERR_CRYPTO, OTP_ERR_SYSTEM.
 */
enum otp_err delivery_pretend(struct delivery *delivery, enum otp_err why, bool *ret_taken_up);

/*
 * Answers the challenge held with `code`. *ret_sent_at: clock_wall() when the request left, untouched when there was no Session to answer. Errors of service_open
 * and cognito_respond.
 */
enum otp_err delivery_answer(struct delivery *delivery, const struct secret *code, struct cognito_tokens *ret_tokens, int64_t *ret_sent_at);

/*
 * The service has not taken the code that went with try `number`: what becomes of the challenge. An expired or used one is over and costs no try, nor does a request
 * that never left or was refused unread.
 */
enum challenge_state delivery_try_failed(const struct delivery *delivery, int number, enum otp_err err);

/*
 * Whether a stranger must not be shown that `err` ended delivery_mail: what dialogue_hides, and whatever only the accounts of real people can meet. An
 * outage is told, as it is everywhere.
 */
bool delivery_hides(const struct delivery *delivery, enum otp_err err);

/* The code was right: the challenge is over for every call, and its file goes. */
void delivery_finish(struct delivery *delivery);

enum challenge_state delivery_state(const struct delivery *delivery);

/* Milliseconds since the mail, real or not, of the challenge held. */
int64_t delivery_age_ms(const struct delivery *delivery);

/* Whether try `number` may reach the service. */
bool delivery_is_real(const struct delivery *delivery, int number);

/* Why the challenge held has no Session; OTP_OK when it has one, or when there is none. */
enum otp_err delivery_decoy(const struct delivery *delivery);

void delivery_end(struct delivery *delivery);

#endif
