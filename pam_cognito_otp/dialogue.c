/* dialogue - see dialogue.h. */
#include "dialogue.h"

#include <stdio.h>
#include <string.h>

enum { DIALOGUE_WORD_MAX = 160 };

static const char *dialogue_sent(enum option_challenge challenge)
{
	return challenge == CHALLENGE_SMS_OTP ? "sent" : "mailed";
}

static const char *dialogue_sends(enum option_challenge challenge)
{
	return challenge == CHALLENGE_SMS_OTP ? "sends" : "mails";
}

/* The sentence before the question, with the blank that follows it; "" for none. */
static void dialogue_word(const struct dialogue *dialogue, enum option_challenge challenge, char *out, size_t size)
{
	const char *sends = dialogue_sends(challenge);

	out[0] = '\0';
	switch (dialogue->word) {
	case DIALOGUE_NOTHING:
	case DIALOGUE_FIRST:
	case DIALOGUE_RESUMED:
		break;
	case DIALOGUE_WRONG:
		(void)snprintf(out, size, "Wrong code, %lld %s left. ", (long long)dialogue->number, dialogue->number == 1 ? "try" : "tries");
		break;
	case DIALOGUE_NO_CODE:
		(void)snprintf(out, size, "Codes are digits only; no try used. ");
		break;
	case DIALOGUE_EXPIRED:
		(void)snprintf(out, size, "That code has expired; r %s a new one. ", sends);
		break;
	case DIALOGUE_USED:
		(void)snprintf(out, size, "That code was already used; r %s a new one. ", sends);
		break;
	case DIALOGUE_VOID:
		(void)snprintf(out, size, "That code is no longer valid; r %s a new one. ", sends);
		break;
	case DIALOGUE_RESENT:
		(void)snprintf(out, size, "New code %s; only the newest counts. ", dialogue_sent(challenge));
		break;
	case DIALOGUE_NOT_RESENT:
		(void)snprintf(out, size, "No new code can be %s now; the one before still counts. ", dialogue_sent(challenge));
		break;
	case DIALOGUE_TOO_EARLY:
		(void)snprintf(out, size, "%s %lld s ago; r works again in %lld s. ", challenge == CHALLENGE_SMS_OTP ? "Sent" : "Mailed",
			       (long long)dialogue->since, (long long)dialogue->number);
		break;
	case DIALOGUE_NONE_OPEN:
		(void)snprintf(out, size, "No code is open here; y %s one. ", sends);
		break;
	case DIALOGUE_NO_MAIL_HERE:
		(void)snprintf(out, size, "Without a terminal no code is %s. ", dialogue_sent(challenge));
		break;
	}
}

void dialogue_ask_first(const struct dialogue *dialogue, enum option_challenge challenge, char *prompt)
{
	char word[DIALOGUE_WORD_MAX];

	dialogue_word(dialogue, challenge, word, sizeof(word));
	(void)snprintf(prompt, CONVERSATION_TEXT_MAX + 1, "%sSign-in code, or y to have one %s: ", word, dialogue_sent(challenge));
}

/* What a code that was mailed, now or before, is announced with. Without a destination nothing may be said of the account. */
static void dialogue_mailed(const struct dialogue *dialogue, enum option_challenge challenge, const char *destination, char *out, size_t size)
{
	const char *sent = dialogue_sent(challenge);
	long long since = (long long)dialogue->since;
	bool minutes = since >= 120;

	if (dialogue->word == DIALOGUE_FIRST && destination[0] != '\0')
		(void)snprintf(out, size, "Code %s to %s. ", sent, destination);
	else if (dialogue->word == DIALOGUE_FIRST)
		(void)snprintf(out, size, "If this account may sign in, a code was %s. ", sent);
	else
		(void)snprintf(out, size, "%s %s %lld %s ago is still good. ",
			       destination[0] != '\0' ? "Code" : "If this account may sign in, the code", sent, minutes ? since / 60 : since,
			       minutes ? "min" : "s");
}

void dialogue_ask_code(const struct dialogue *dialogue, enum option_challenge challenge, const char *destination, char *prompt)
{
	char word[DIALOGUE_WORD_MAX];

	if (dialogue->word == DIALOGUE_FIRST || dialogue->word == DIALOGUE_RESUMED)
		dialogue_mailed(dialogue, challenge, destination, word, sizeof(word));
	else
		dialogue_word(dialogue, challenge, word, sizeof(word));
	(void)snprintf(prompt, CONVERSATION_TEXT_MAX + 1, "%sCode (r = new one): ", word);
}

enum dialogue_word dialogue_over(enum challenge_state state)
{
	if (state == CHALLENGE_EXPIRED)
		return DIALOGUE_EXPIRED;
	return state == CHALLENGE_USED ? DIALOGUE_USED : DIALOGUE_VOID;
}

void dialogue_wait(enum option_challenge challenge, int64_t seconds, char *text)
{
	bool hours = seconds > 2 * 3600 + 1;
	long long unit = hours ? 3600 : 60;
	long long count = (seconds - 1 + unit - 1) / unit; /* the budget counts whole seconds and adds one: 15 min are 901 s */

	(void)snprintf(text, CONVERSATION_TEXT_MAX + 1, "Too many codes were %s. Try again in %lld %s.", dialogue_sent(challenge), count > 0 ? count : 1,
		       hours ? "h" : "min");
}

static const char dialogue_broken[] = "Sign-in with a code does not work on this machine now; the system log says why.";

static const char *dialogue_unreachable(bool code_sent)
{
	if (code_sent)
		return "Sign-in service not reachable; your code could not be checked.";
	return "Sign-in service not reachable; no code was sent.";
}

/* For those who may know: the rough kind of trouble. The log has the reason. */
static const char *dialogue_honest(enum otp_err result)
{
	if (result == OTP_ERR_TLS_CERTIFICATE)
		return dialogue_broken;
	switch (err_class(result)) {
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNTRUSTED:
	case OTP_CLASS_UNKNOWN_USER:
	case OTP_CLASS_FORBIDDEN:
		return "This account cannot sign in with a code; the system log says why.";
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
	return NULL;
}

const char *dialogue_farewell(const struct caller *caller, enum otp_err result, bool code_sent)
{
	enum otp_class class = err_class(result);

	if (result == OTP_ERR_TRIES)
		return "Too many wrong codes. Log in again.";
	if (result == OTP_ERR_MAILS)
		return "Too many new codes. Log in again later.";
	if (class == OTP_CLASS_TRIES)
		return "The sign-in service asks to wait. Try again in some minutes.";
	if (result == OTP_ERR_SESSION_EXPIRED)
		return "That code has expired. Log in again.";
	if (result == OTP_ERR_NO_ANSWER)
		return "No code was entered.";
	if (class == OTP_CLASS_UNREACHABLE)
		return dialogue_unreachable(code_sent);
	if (class == OTP_CLASS_SERVICE || class == OTP_CLASS_SYSTEM || class == OTP_CLASS_MEMORY)
		return dialogue_broken;
	return caller_is_proved(caller) ? dialogue_honest(result) : NULL;
}
