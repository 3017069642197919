/* who - see who.h. */
#include "who.h"

#include <string.h>

#include "dialogue.h"

enum { WHO_TRIES_MAX = 3 };

static bool who_is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

/* Blanks around it come with copying; what stands between them is compared as it is. */
static bool who_choose(const struct who *who, const struct secret *typed)
{
	const char *text = secret_text(typed);
	size_t length = typed->length;
	char value[IDENTITY_VALUE_MAX + 1];
	bool found;

	for (; length > 0 && who_is_blank(text[0]); text++)
		length--;
	while (length > 0 && who_is_blank(text[length - 1]))
		length--;
	if (length == 0 || length > IDENTITY_VALUE_MAX || memchr(text, '\0', length) != NULL)
		return false;
	memcpy(value, text, length);
	value[length] = '\0';
	found = policy_choose(who->judged, value);
	explicit_bzero(value, sizeof(value)); /* what is none of the people may be a password typed too early */
	return found;
}

/* `word` is what stands before the question; *ret_named when one of the people was. */
static enum otp_err who_ask_once(const struct who *who, enum dialogue_word word, bool *ret_typed, bool *ret_named)
{
	const struct conversation *conversation = who->conversation;
	secret_auto struct secret typed = SECRET_EMPTY;
	char prompt[CONVERSATION_TEXT_MAX + 1];
	enum otp_err err;

	dialogue_ask_who(who->user, word, who->messages, prompt);
	pace_keep(who->pace, conversation);
	err = conversation->ask(conversation->door, prompt, true, &typed);
	pace_answered(who->pace);
	if (err != OTP_OK)
		return err;
	*ret_typed = *ret_typed || typed.length > 0;
	*ret_named = who_choose(who, &typed);
	return OTP_OK;
}

enum otp_err who_ask(const struct who *who)
{
	bool typed = false;
	bool named = false;

	if (!who->judged->shared || who->caller->kind == CALLER_REMOTE)
		return OTP_OK;
	for (int i = 0; i < WHO_TRIES_MAX; i++) {
		enum otp_err err = who_ask_once(who, i == 0 ? DIALOGUE_NOTHING : DIALOGUE_NOBODY, &typed, &named);

		if (err != OTP_OK || named)
			return err;
	}
	return typed ? OTP_ERR_PERSON_UNKNOWN : OTP_ERR_NO_ANSWER;
}

bool who_is_named(const struct who *who, const struct secret *typed)
{
	return who->judged->shared && who->caller->kind == CALLER_REMOTE && who_choose(who, typed);
}
