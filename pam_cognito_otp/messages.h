/*
 * messages - how the sentences read that a person is shown: as they stand in the table here, or as the administrator's messages_file has
 * them.
 *
 * Which sentence is shown, and when, is dialogue's business; nothing here knows who asks.
 *
 * Rules kept here:
 *  - the file is root's (config_file); whatever is wrong with a text is an error that names file, line and text, and nobody is let in by it;
 *  - a text has no format but {placeholders} from a list, and only those that its sentence allows: the address has a place in one sentence,
 * which only callers who have proved something are shown; what is put in for them is never looked at again;
 *  - no control, invisible or direction-changing character, no broken UTF-8: what is shown is what stands there;
 *  - how long a sentence can get is known when it is read: the question behind it is never cut away;
 *  - no text reads like the question for a password: sudo would show its own instead, and programs that wait for one would answer.
 */
#ifndef OTP_MESSAGES_H
#define OTP_MESSAGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "conversation.h"
#include "err.h"
#include "note.h"
#include "option_values.h"
#include "secret.h"

/* Bytes, with everything that is put in at its longest. A question with a sentence before it has a blank behind each. */
enum {
	MESSAGES_QUESTION_MAX = 160,
	MESSAGES_BEFORE_MAX = CONVERSATION_TEXT_MAX - MESSAGES_QUESTION_MAX - 2,
	MESSAGES_END_MAX = CONVERSATION_TEXT_MAX,
	MESSAGES_UNIT_MAX = 40,
	MESSAGES_USER_MAX = 64,
	MESSAGES_FILE_MAX = 64 * 1024
};

/* The order of the table, the manual and the example. */
enum message {
	/* questions */
	MESSAGE_ASK_FIRST,
	MESSAGE_ASK_CODE,
	MESSAGE_ASK_WHO,
	/* before a question */
	MESSAGE_CODE_MAILED,
	MESSAGE_CODE_MAILED_NEUTRAL, /* NEUTRAL: for those who must not learn whether the account is real */
	MESSAGE_STILL_GOOD,
	MESSAGE_STILL_GOOD_NEUTRAL,
	MESSAGE_WRONG_CODE,
	MESSAGE_NOT_A_CODE,
	MESSAGE_CODE_EXPIRED,
	MESSAGE_CODE_USED,
	MESSAGE_CODE_VOID,
	MESSAGE_NEW_CODE,
	MESSAGE_NO_NEW_CODE,
	MESSAGE_TOO_EARLY,
	MESSAGE_NONE_OPEN,
	MESSAGE_NO_TERMINAL,
	MESSAGE_NOBODY,
	/* at the end */
	MESSAGE_END_WRONG_CODES,
	MESSAGE_END_MAIL_BUDGET,
	MESSAGE_END_NEW_CODES,
	MESSAGE_END_SERVICE_BUSY,
	MESSAGE_END_EXPIRED,
	MESSAGE_END_NO_ANSWER,
	MESSAGE_END_NOT_SENT,
	MESSAGE_END_NOT_CHECKED,
	MESSAGE_END_BROKEN,
	MESSAGE_END_REFUSED,
	MESSAGE_END_NOBODY,
	/* at the end of the account phase */
	MESSAGE_ACCOUNT_REFUSED,
	MESSAGE_ACCOUNT_SHARED,
	MESSAGE_ACCOUNT_NOT_REACHED,
	MESSAGE_ACCOUNT_BROKEN,
	/* words with a number: of one, then of more */
	MESSAGE_TRY,
	MESSAGE_TRIES,
	MESSAGE_SECOND,
	MESSAGE_SECONDS,
	MESSAGE_MINUTE,
	MESSAGE_MINUTES,
	MESSAGE_HOUR,
	MESSAGE_HOURS,
	MESSAGE_COUNT
};

/* A length of time: so many of a unit. */
struct message_time {
	int64_t count;
	enum message unit; /* MESSAGE_SECOND, MESSAGE_MINUTE or MESSAGE_HOUR */
};

/* What may be put in. */
struct message_values {
	const char *address; /* clean; "" where it must not be told. What is beyond COGNITO_DESTINATION_MAX bytes is cut */
	int64_t tries;
	struct message_time ago;
	struct message_time wait;
	const char *user; /* the local name, one that can be in a map; what is beyond MESSAGES_USER_MAX bytes is cut */
};
/* clang-format off */
#define MESSAGE_VALUES_NONE { "", 0, { 0, MESSAGE_SECOND }, { 0, MESSAGE_SECOND }, "" }
/* clang-format on */

struct messages {
	struct secret file;		  /* what the texts stand in; no secret */
	const char *texts[MESSAGE_COUNT]; /* NULL: the default */
	bool sms;			  /* which defaults */
};

/*
 * Reads the texts of `path`; "" for none. *messages is usable in any case: on failure it has the defaults. The caller ends it. Errors of
 * safe_file_read, OTP_ERR_CONFIG_SYNTAX, _KEY, _VALUE, _DUPLICATE with a note.
 */
enum otp_err messages_load(struct messages *messages, const char *path, enum option_challenge challenge, struct note *note);

/* Writes a sentence, at most `size` bytes with the NUL; MESSAGES_..._MAX + 1 of its kind are enough. */
void messages_write(const struct messages *messages, enum message message, const struct message_values *values, char *out, size_t size);

void messages_done(struct messages *messages);

/* The table, for whoever documents or checks it: a name and its defaults; NULL beyond its end. */
const char *messages_key(size_t index, const char **ret_mailed, const char **ret_sent);

#endif
