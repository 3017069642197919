/* dialogue - see dialogue.h. */
#include "dialogue.h"

#include <stdio.h>

/* What people can count: up to two minutes in seconds. Since when is rounded down, how long to wait is rounded up. */
static struct message_time dialogue_ago(int64_t seconds)
{
	return seconds < 120 ? (struct message_time){ seconds, MESSAGE_SECOND } : (struct message_time){ seconds / 60, MESSAGE_MINUTE };
}

static struct message_time dialogue_wait(int64_t seconds)
{
	return seconds < 120 ? (struct message_time){ seconds, MESSAGE_SECOND }
			     : (struct message_time){ (seconds - 1) / 60 + 1, MESSAGE_MINUTE };
}

/* For a budget, in minutes or hours: it counts whole seconds and adds one, so that 15 min are 901 s. */
static struct message_time dialogue_wait_for_mail(int64_t seconds)
{
	bool hours = seconds > 2 * 3600 + 1;
	int64_t unit = hours ? 3600 : 60;
	int64_t count = (seconds - 1 + unit - 1) / unit;

	return (struct message_time){ count > 0 ? count : 1, hours ? MESSAGE_HOUR : MESSAGE_MINUTE };
}

/* The sentence before the question; MESSAGE_COUNT for none. Without a destination nothing may be said of the account. */
static enum message dialogue_before(enum dialogue_word word, bool destination)
{
	switch (word) {
	case DIALOGUE_NOTHING:
		break;
	case DIALOGUE_FIRST:
		return destination ? MESSAGE_CODE_MAILED : MESSAGE_CODE_MAILED_NEUTRAL;
	case DIALOGUE_RESUMED:
		return destination ? MESSAGE_STILL_GOOD : MESSAGE_STILL_GOOD_NEUTRAL;
	case DIALOGUE_WRONG:
		return MESSAGE_WRONG_CODE;
	case DIALOGUE_NO_CODE:
		return MESSAGE_NOT_A_CODE;
	case DIALOGUE_EXPIRED:
		return MESSAGE_CODE_EXPIRED;
	case DIALOGUE_USED:
		return MESSAGE_CODE_USED;
	case DIALOGUE_VOID:
		return MESSAGE_CODE_VOID;
	case DIALOGUE_RESENT:
		return MESSAGE_NEW_CODE;
	case DIALOGUE_NOT_RESENT:
		return MESSAGE_NO_NEW_CODE;
	case DIALOGUE_TOO_EARLY:
		return MESSAGE_TOO_EARLY;
	case DIALOGUE_NONE_OPEN:
		return MESSAGE_NONE_OPEN;
	case DIALOGUE_NO_MAIL_HERE:
		return MESSAGE_NO_TERMINAL;
	case DIALOGUE_NOBODY:
		return MESSAGE_NOBODY;
	}
	return MESSAGE_COUNT;
}

/* A sentence, if there is one, and a question; a blank behind each. */
static void dialogue_write(enum message before, enum message question, const struct messages *messages,
			   const struct message_values *values, char *prompt)
{
	char first[MESSAGES_BEFORE_MAX + 1] = "";
	char last[MESSAGES_QUESTION_MAX + 1];

	if (before != MESSAGE_COUNT)
		messages_write(messages, before, values, first, sizeof(first));
	messages_write(messages, question, values, last, sizeof(last));
	(void)snprintf(prompt, CONVERSATION_TEXT_MAX + 1, "%s%s%s ", first, before != MESSAGE_COUNT ? " " : "", last);
}

static void dialogue_ask(const struct dialogue *dialogue, enum message before, enum message question, const struct messages *messages,
			 const char *destination, char *prompt)
{
	struct message_values values = { destination, dialogue->number, dialogue_ago(dialogue->since), dialogue_wait(dialogue->number), "" };

	dialogue_write(before, question, messages, &values, prompt);
}

void dialogue_ask_first(const struct dialogue *dialogue, const struct messages *messages, char *prompt)
{
	bool of_a_mail = dialogue->word == DIALOGUE_FIRST || dialogue->word == DIALOGUE_RESUMED;
	enum message before = of_a_mail ? MESSAGE_COUNT : dialogue_before(dialogue->word, false);

	dialogue_ask(dialogue, before, MESSAGE_ASK_FIRST, messages, "", prompt);
}

void dialogue_ask_code(const struct dialogue *dialogue, const struct messages *messages, const char *destination, char *prompt)
{
	dialogue_ask(dialogue, dialogue_before(dialogue->word, destination[0] != '\0'), MESSAGE_ASK_CODE, messages, destination, prompt);
}

void dialogue_ask_who(const char *user, enum dialogue_word word, const struct messages *messages, char *prompt)
{
	struct message_values values = MESSAGE_VALUES_NONE;

	values.user = user;
	dialogue_write(dialogue_before(word, false), MESSAGE_ASK_WHO, messages, &values, prompt);
}

enum dialogue_word dialogue_over(enum challenge_state state)
{
	if (state == CHALLENGE_EXPIRED)
		return DIALOGUE_EXPIRED;
	return state == CHALLENGE_USED ? DIALOGUE_USED : DIALOGUE_VOID;
}

/* For those who may know: the rough kind of trouble. The log has the reason. */
static enum message dialogue_honest(enum otp_err result)
{
	if (result == OTP_ERR_TLS_CERTIFICATE)
		return MESSAGE_END_BROKEN;
	switch (err_class(result)) {
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNTRUSTED:
	case OTP_CLASS_UNKNOWN_USER:
	case OTP_CLASS_FORBIDDEN:
		return MESSAGE_END_REFUSED;
	case OTP_CLASS_SUCCESS:
	case OTP_CLASS_IGNORED:
	case OTP_CLASS_TRIES:
	case OTP_CLASS_UNREACHABLE:
	case OTP_CLASS_SERVICE:
	case OTP_CLASS_SYSTEM:
	case OTP_CLASS_MEMORY:
	case OTP_CLASS_CONVERSATION:
		break;
	}
	return MESSAGE_COUNT;
}

/* MESSAGE_COUNT for silence. */
static enum message dialogue_last(const struct caller *caller, const struct dialogue_end *end)
{
	enum otp_class class = err_class(end->result);

	if (end->result == OTP_ERR_TRIES)
		return MESSAGE_END_WRONG_CODES;
	if (end->result == OTP_ERR_MAILS)
		return MESSAGE_END_NEW_CODES;
	if (end->result == OTP_ERR_MAIL_BUDGET)
		return MESSAGE_END_MAIL_BUDGET;
	if (class == OTP_CLASS_TRIES)
		return MESSAGE_END_SERVICE_BUSY;
	if (end->result == OTP_ERR_SESSION_EXPIRED)
		return MESSAGE_END_EXPIRED;
	if (end->result == OTP_ERR_NO_ANSWER)
		return MESSAGE_END_NO_ANSWER;
	if (end->result == OTP_ERR_PERSON_UNKNOWN) /* only who was asked can have named nobody, so he knows already that it is shared */
		return MESSAGE_END_NOBODY;
	if (class == OTP_CLASS_UNREACHABLE)
		return end->code_sent ? MESSAGE_END_NOT_CHECKED : MESSAGE_END_NOT_SENT;
	if (class == OTP_CLASS_SERVICE || class == OTP_CLASS_SYSTEM || class == OTP_CLASS_MEMORY)
		return MESSAGE_END_BROKEN;
	return caller_is_proved(caller) ? dialogue_honest(end->result) : MESSAGE_COUNT;
}

bool dialogue_farewell(const struct caller *caller, const struct dialogue_end *end, const struct messages *messages, char *text)
{
	struct message_values values = MESSAGE_VALUES_NONE;
	enum message last = dialogue_last(caller, end);

	if (last == MESSAGE_COUNT)
		return false;
	values.wait = dialogue_wait_for_mail(end->wait_s);
	messages_write(messages, last, &values, text, CONVERSATION_TEXT_MAX + 1);
	return true;
}

static enum message dialogue_account_last(enum otp_err result)
{
	if (result == OTP_ERR_USER_SHARED)
		return MESSAGE_ACCOUNT_SHARED;
	if (result == OTP_ERR_TLS_CERTIFICATE)
		return MESSAGE_ACCOUNT_BROKEN;
	switch (err_class(result)) {
	case OTP_CLASS_SUCCESS:
	case OTP_CLASS_IGNORED:
		return MESSAGE_COUNT;
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNTRUSTED:
	case OTP_CLASS_UNKNOWN_USER:
	case OTP_CLASS_FORBIDDEN:
		return MESSAGE_ACCOUNT_REFUSED;
	case OTP_CLASS_TRIES: /* the service asks to wait */
	case OTP_CLASS_UNREACHABLE:
		return MESSAGE_ACCOUNT_NOT_REACHED;
	case OTP_CLASS_SERVICE:
	case OTP_CLASS_SYSTEM:
	case OTP_CLASS_MEMORY:
	case OTP_CLASS_CONVERSATION:
		break;
	}
	return MESSAGE_ACCOUNT_BROKEN;
}

void dialogue_part_account(enum otp_err result, const struct messages *messages, const struct conversation *conversation)
{
	struct message_values values = MESSAGE_VALUES_NONE;
	enum message last = dialogue_account_last(result);
	char text[CONVERSATION_TEXT_MAX + 1];

	if (last == MESSAGE_COUNT)
		return;
	messages_write(messages, last, &values, text, sizeof(text));
	conversation->warn(conversation->door, text);
}

void dialogue_part(const struct caller *caller, const struct dialogue_end *end, const struct messages *messages,
		   const struct conversation *conversation)
{
	char text[CONVERSATION_TEXT_MAX + 1];

	if (dialogue_farewell(caller, end, messages, text))
		conversation->warn(conversation->door, text);
}

/* What check_user finds of an account that is another's now; of tokens it is found later, when a code was right. */
static bool dialogue_is_another(enum otp_err err)
{
	return err == OTP_ERR_IDENTITY_SUB || err == OTP_ERR_IDENTITY_EMAIL || err == OTP_ERR_IDENTITY_UNVERIFIED || err == OTP_ERR_IDENTITY_PHONE ||
	       err == OTP_ERR_IDENTITY_USERNAME;
}

bool dialogue_hides(const struct caller *caller, enum otp_err err)
{
	enum otp_class class = err_class(err);

	return !caller_is_proved(caller) && (class == OTP_CLASS_DENIED || class == OTP_CLASS_TRIES || dialogue_is_another(err));
}
