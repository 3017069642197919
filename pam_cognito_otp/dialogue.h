/*
 * dialogue - what a person at a prompt is shown, and when; how it reads is said by messages.
 *
 * Rules kept here: the prompt itself carries what he must know (sshd hides or delays messages, sudo asks for silence); callers who have
 * proved nothing see the same bytes for every account; what the service says is shown as a cleaned, short address and in no other way.
 */
#ifndef OTP_DIALOGUE_H
#define OTP_DIALOGUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "caller.h"
#include "challenge.h"
#include "conversation.h"
#include "err.h"
#include "messages.h"

/* What stands before the question this time. */
enum dialogue_word {
	DIALOGUE_NOTHING,
	DIALOGUE_FIRST,	  /* a code was just mailed for the first time */
	DIALOGUE_WRONG,	  /* number: tries left */
	DIALOGUE_NO_CODE, /* what was typed is no code */
	DIALOGUE_EXPIRED,
	DIALOGUE_USED,	  /* with success, by another login */
	DIALOGUE_VOID,	  /* there is a newer one, or the service does not know it any more */
	DIALOGUE_RESUMED, /* a code of an earlier call is open; since: seconds since its mail */
	DIALOGUE_RESENT,
	DIALOGUE_NOT_RESENT,  /* the service would not; the code before still counts */
	DIALOGUE_TOO_EARLY,   /* number: seconds until r works again; since: seconds since the mail */
	DIALOGUE_NONE_OPEN,   /* a code was typed, but none is open here */
	DIALOGUE_NO_MAIL_HERE, /* y without a terminal */
	DIALOGUE_NOBODY	       /* none of the people who share the account was named */
};

struct dialogue {
	enum dialogue_word word;
	int64_t number;
	int64_t since;
};

/* The question before the first mail. `prompt` has room for CONVERSATION_TEXT_MAX + 1 bytes, here and below. */
void dialogue_ask_first(const struct dialogue *dialogue, const struct messages *messages, char *prompt);

/* The question for a code. `destination`: where it went, "" when it must not be told. */
void dialogue_ask_code(const struct dialogue *dialogue, const struct messages *messages, const char *destination, char *prompt);

/* Of several people who share the account `user`: which of them is it? `word`: DIALOGUE_NOTHING or DIALOGUE_NOBODY. */
void dialogue_ask_who(const char *user, enum dialogue_word word, const struct messages *messages, char *prompt);

/* The word for a challenge that is over. */
enum dialogue_word dialogue_over(enum challenge_state state);

/* How it ended. */
struct dialogue_end {
	enum otp_err result;
	bool code_sent; /* a code had been mailed */
	int64_t wait_s; /* seconds, with OTP_ERR_MAIL_BUDGET: until a mail may go out again */
};

/* The last words: why it ended, as far as this caller may know. False when there is nothing to say. */
bool dialogue_farewell(const struct caller *caller, const struct dialogue_end *end, const struct messages *messages, char *text);

/* The same, said as a warning. */
void dialogue_part(const struct caller *caller, const struct dialogue_end *end, const struct messages *messages,
		   const struct conversation *conversation);

/* What the service thinks of an account, and what its budget is, is not a stranger's business: for him the dialogue goes on. */
bool dialogue_hides(const struct caller *caller, enum otp_err err);

/* The last words of the account phase, where everybody has proved who he is; said as a warning. */
void dialogue_part_account(enum otp_err result, const struct messages *messages, const struct conversation *conversation);

#endif
