/* messages - see messages.h. */
#include "messages.h"

#include <stdio.h>
#include <string.h>

#include "cognito.h"
#include "config_file.h"
#include "utf8.h"

enum message_kind { MESSAGE_IS_QUESTION, MESSAGE_IS_BEFORE, MESSAGE_IS_END, MESSAGE_IS_UNIT };

enum message_placeholder {
	MESSAGE_ADDRESS,
	MESSAGE_TRIES_LEFT,
	MESSAGE_AGO,
	MESSAGE_WAIT,
	MESSAGE_NUMBER,
	MESSAGE_USER,
	MESSAGE_PLACEHOLDERS,
	MESSAGE_LITERAL = MESSAGE_PLACEHOLDERS,
	MESSAGE_UNKNOWN
};

enum {
	ADDRESS = 1 << MESSAGE_ADDRESS,
	TRIES = 1 << MESSAGE_TRIES_LEFT,
	AGO = 1 << MESSAGE_AGO,
	WAIT = 1 << MESSAGE_WAIT,
	NUMBER = 1 << MESSAGE_NUMBER,
	USER = 1 << MESSAGE_USER,
	MESSAGE_DIGITS_MAX = 20 /* of an int64_t, with its sign */
};

static const char *const message_placeholders[MESSAGE_PLACEHOLDERS] = { "address", "tries", "ago", "wait", "count", "user" };
static const size_t message_longest[MESSAGE_PLACEHOLDERS] = { COGNITO_DESTINATION_MAX, MESSAGES_UNIT_MAX, MESSAGES_UNIT_MAX,
							      MESSAGES_UNIT_MAX, MESSAGE_DIGITS_MAX,	MESSAGES_USER_MAX };
static const size_t message_limits[] = { MESSAGES_QUESTION_MAX, MESSAGES_BEFORE_MAX, MESSAGES_END_MAX, MESSAGES_UNIT_MAX };

struct message_row {
	const char *name;
	enum message_kind kind;
	unsigned int needed;   /* placeholders that must stand in a text */
	unsigned int optional; /* and that may */
	const char *mailed;
	const char *sent; /* with challenge = sms_otp; NULL: the same */
};

/* Every word that a person is shown. */
/* clang-format off */
static const struct message_row message_table[MESSAGE_COUNT] = {
	[MESSAGE_ASK_FIRST] = { "ask_first", MESSAGE_IS_QUESTION, 0, 0,
		"Sign-in code, or y to have one mailed:",
		"Sign-in code, or y to have one sent:" },
	[MESSAGE_ASK_CODE] = { "ask_code", MESSAGE_IS_QUESTION, 0, 0,
		"Code (r = new one):", NULL },
	[MESSAGE_ASK_WHO] = { "ask_who", MESSAGE_IS_QUESTION, 0, USER,
		"Several people use {user}. Your sign-in name or address:", NULL },

	[MESSAGE_CODE_MAILED] = { "code_mailed", MESSAGE_IS_BEFORE, 0, ADDRESS,
		"Code mailed to {address}.",
		"Code sent to {address}." },
	[MESSAGE_CODE_MAILED_NEUTRAL] = { "code_mailed_neutral", MESSAGE_IS_BEFORE, 0, 0,
		"If this account may sign in, a code was mailed.",
		"If this account may sign in, a code was sent." },
	[MESSAGE_STILL_GOOD] = { "still_good", MESSAGE_IS_BEFORE, 0, AGO,
		"Code mailed {ago} ago is still good.",
		"Code sent {ago} ago is still good." },
	[MESSAGE_STILL_GOOD_NEUTRAL] = { "still_good_neutral", MESSAGE_IS_BEFORE, 0, AGO,
		"If this account may sign in, the code mailed {ago} ago is still good.",
		"If this account may sign in, the code sent {ago} ago is still good." },
	[MESSAGE_WRONG_CODE] = { "wrong_code", MESSAGE_IS_BEFORE, TRIES, 0,
		"Wrong code, {tries} left.", NULL },
	[MESSAGE_NOT_A_CODE] = { "not_a_code", MESSAGE_IS_BEFORE, 0, 0,
		"Codes are digits only; no try used.", NULL },
	[MESSAGE_CODE_EXPIRED] = { "code_expired", MESSAGE_IS_BEFORE, 0, 0,
		"That code has expired; r mails a new one.",
		"That code has expired; r sends a new one." },
	[MESSAGE_CODE_USED] = { "code_used", MESSAGE_IS_BEFORE, 0, 0,
		"That code was already used; r mails a new one.",
		"That code was already used; r sends a new one." },
	[MESSAGE_CODE_VOID] = { "code_void", MESSAGE_IS_BEFORE, 0, 0,
		"That code is no longer valid; r mails a new one.",
		"That code is no longer valid; r sends a new one." },
	[MESSAGE_NEW_CODE] = { "new_code", MESSAGE_IS_BEFORE, 0, 0,
		"New code mailed; only the newest counts.",
		"New code sent; only the newest counts." },
	[MESSAGE_NO_NEW_CODE] = { "no_new_code", MESSAGE_IS_BEFORE, 0, 0,
		"No new code can be mailed now; the one before still counts.",
		"No new code can be sent now; the one before still counts." },
	[MESSAGE_TOO_EARLY] = { "too_early", MESSAGE_IS_BEFORE, WAIT, AGO,
		"Mailed {ago} ago; r works again in {wait}.",
		"Sent {ago} ago; r works again in {wait}." },
	[MESSAGE_NONE_OPEN] = { "none_open", MESSAGE_IS_BEFORE, 0, 0,
		"No code is open here; y mails one.",
		"No code is open here; y sends one." },
	[MESSAGE_NO_TERMINAL] = { "no_terminal", MESSAGE_IS_BEFORE, 0, 0,
		"Without a terminal no code is mailed.",
		"Without a terminal no code is sent." },
	[MESSAGE_NOBODY] = { "nobody", MESSAGE_IS_BEFORE, 0, 0,
		"None of them has that name.", NULL },

	[MESSAGE_END_WRONG_CODES] = { "end_wrong_codes", MESSAGE_IS_END, 0, 0,
		"Too many wrong codes. Log in again.", NULL },
	[MESSAGE_END_MAIL_BUDGET] = { "end_mail_budget", MESSAGE_IS_END, WAIT, 0,
		"Too many codes were mailed. Try again in {wait}.",
		"Too many codes were sent. Try again in {wait}." },
	[MESSAGE_END_NEW_CODES] = { "end_new_codes", MESSAGE_IS_END, 0, 0,
		"Too many new codes. Log in again later.", NULL },
	[MESSAGE_END_SERVICE_BUSY] = { "end_service_busy", MESSAGE_IS_END, 0, 0,
		"The sign-in service asks to wait. Try again in some minutes.", NULL },
	[MESSAGE_END_EXPIRED] = { "end_expired", MESSAGE_IS_END, 0, 0,
		"That code has expired. Log in again.", NULL },
	[MESSAGE_END_NO_ANSWER] = { "end_no_answer", MESSAGE_IS_END, 0, 0,
		"No code was entered.", NULL },
	[MESSAGE_END_NOT_SENT] = { "end_not_sent", MESSAGE_IS_END, 0, 0,
		"Sign-in service not reachable; no code was sent.", NULL },
	[MESSAGE_END_NOT_CHECKED] = { "end_not_checked", MESSAGE_IS_END, 0, 0,
		"Sign-in service not reachable; your code could not be checked.", NULL },
	[MESSAGE_END_BROKEN] = { "end_broken", MESSAGE_IS_END, 0, 0,
		"Sign-in with a code does not work on this machine now; the system log says why.", NULL },
	[MESSAGE_END_REFUSED] = { "end_refused", MESSAGE_IS_END, 0, 0,
		"This account cannot sign in with a code; the system log says why.", NULL },
	[MESSAGE_END_NOBODY] = { "end_nobody", MESSAGE_IS_END, 0, 0,
		"None of the people who use this account has that name.", NULL },
	[MESSAGE_ACCOUNT_REFUSED] = { "account_refused", MESSAGE_IS_END, 0, 0,
		"This account may not log in here now; the system log says why.", NULL },
	[MESSAGE_ACCOUNT_SHARED] = { "account_shared", MESSAGE_IS_END, 0, 0,
		"Several people use this account; log in with a code, so that it is known who you are.", NULL },
	[MESSAGE_ACCOUNT_NOT_REACHED] = { "account_not_reached", MESSAGE_IS_END, 0, 0,
		"Sign-in service not reachable; it could not be checked whether this account may log in.", NULL },
	[MESSAGE_ACCOUNT_BROKEN] = { "account_broken", MESSAGE_IS_END, 0, 0,
		"It could not be checked whether this account may log in; the system log says why.", NULL },

	[MESSAGE_TRY] = { "try", MESSAGE_IS_UNIT, 0, NUMBER,
		"{count} try", NULL },
	[MESSAGE_TRIES] = { "tries", MESSAGE_IS_UNIT, NUMBER, 0,
		"{count} tries", NULL },
	[MESSAGE_SECOND] = { "second", MESSAGE_IS_UNIT, 0, NUMBER,
		"{count} s", NULL },
	[MESSAGE_SECONDS] = { "seconds", MESSAGE_IS_UNIT, NUMBER, 0,
		"{count} s", NULL },
	[MESSAGE_MINUTE] = { "minute", MESSAGE_IS_UNIT, 0, NUMBER,
		"{count} min", NULL },
	[MESSAGE_MINUTES] = { "minutes", MESSAGE_IS_UNIT, NUMBER, 0,
		"{count} min", NULL },
	[MESSAGE_HOUR] = { "hour", MESSAGE_IS_UNIT, 0, NUMBER,
		"{count} h", NULL },
	[MESSAGE_HOURS] = { "hours", MESSAGE_IS_UNIT, NUMBER, 0,
		"{count} h", NULL },
};
/* clang-format on */

static const char *message_default(const struct message_row *row, bool sms)
{
	return sms && row->sent != NULL ? row->sent : row->mailed;
}

const char *messages_key(size_t index, const char **ret_mailed, const char **ret_sent)
{
	if (index >= MESSAGE_COUNT)
		return NULL;
	*ret_mailed = message_default(&message_table[index], false);
	*ret_sent = message_default(&message_table[index], true);
	return message_table[index].name;
}

/* --- what a text is made of ------------------------------------------------------------------------------------------------------- */

struct message_piece {
	size_t length; /* bytes of the text, braces included */
	enum message_placeholder is;
};

/* The piece that `text` begins with: a placeholder, or everything up to the next. */
static struct message_piece message_piece(const char *text)
{
	struct message_piece piece = { strcspn(text, "{"), MESSAGE_LITERAL };
	const char *end = strchr(text, '}');

	if (piece.length > 0)
		return piece;
	piece.length = end == NULL ? strlen(text) : (size_t)(end - text) + 1;
	piece.is = MESSAGE_UNKNOWN;
	for (int i = 0; end != NULL && i < MESSAGE_PLACEHOLDERS; i++) {
		if (strlen(message_placeholders[i]) == piece.length - 2 && memcmp(message_placeholders[i], text + 1, piece.length - 2) == 0)
			piece.is = (enum message_placeholder)i;
	}
	return piece;
}

/* Puts one of `words` for each placeholder. */
static void message_fill(const char *text, const char *const *words, char *out, size_t size)
{
	size_t length = 0;

	while (*text != '\0') {
		struct message_piece piece = message_piece(text);
		const char *from = piece.is < MESSAGE_PLACEHOLDERS ? words[piece.is] : text;
		size_t count = piece.is < MESSAGE_PLACEHOLDERS ? strlen(from) : piece.length;

		if (count > size - 1 - length)
			count = size - 1 - length;
		memcpy(out + length, from, count);
		length += count;
		text += piece.length;
	}
	out[length] = '\0';
}

static const char *message_text(const struct messages *messages, enum message message)
{
	return messages->texts[message] != NULL ? messages->texts[message] : message_default(&message_table[message], messages->sms);
}

/* `unit` is the one for a single thing; the next is the one for several. */
static void message_count(const struct messages *messages, enum message unit, int64_t count, char *out)
{
	char digits[MESSAGE_DIGITS_MAX + 1];
	const char *words[MESSAGE_PLACEHOLDERS] = { "", "", "", "", digits, "" };

	(void)snprintf(digits, sizeof(digits), "%lld", (long long)count);
	message_fill(message_text(messages, count == 1 ? unit : unit + 1), words, out, MESSAGES_UNIT_MAX + 1);
}

void messages_write(const struct messages *messages, enum message message, const struct message_values *values, char *out, size_t size)
{
	char address[COGNITO_DESTINATION_MAX + 1];
	char tries[MESSAGES_UNIT_MAX + 1];
	char ago[MESSAGES_UNIT_MAX + 1];
	char wait[MESSAGES_UNIT_MAX + 1];
	char user[MESSAGES_USER_MAX + 1];
	const char *words[MESSAGE_PLACEHOLDERS] = { address, tries, ago, wait, "", user };

	(void)snprintf(address, sizeof(address), "%s", values->address);
	(void)snprintf(user, sizeof(user), "%s", values->user);
	message_count(messages, MESSAGE_TRY, values->tries, tries);
	message_count(messages, values->ago.unit, values->ago.count, ago);
	message_count(messages, values->wait.unit, values->wait.count, wait);
	message_fill(message_text(messages, message), words, out, size);
}

/* --- what a text may be --------------------------------------------------------------------------------------------------------- */

/*
 * Characters that are not seen, or change how others are: controls (C0, C1), line and paragraph separators, what Unicode calls default
 * ignorable (zero-width characters, direction marks, tags, fillers, variation selectors), annotation marks, and what is no character.
 */
static bool message_is_hidden(uint32_t character)
{
	static const uint32_t hidden[][2] = {
		{ 0x00, 0x1F },	      { 0x7F, 0x9F },	  { 0xAD, 0xAD },     { 0x34F, 0x34F },	    { 0x61C, 0x61C },
		{ 0x115F, 0x1160 },   { 0x17B4, 0x17B5 }, { 0x180B, 0x180F }, { 0x200B, 0x200F },   { 0x2028, 0x202E },
		{ 0x2060, 0x206F },   { 0x3164, 0x3164 }, { 0xFDD0, 0xFDEF }, { 0xFE00, 0xFE0F },   { 0xFEFF, 0xFEFF },
		{ 0xFFA0, 0xFFA0 },   { 0xFFF0, 0xFFFB }, { 0xFFFE, 0xFFFF }, { 0x1BCA0, 0x1BCA3 }, { 0x1D173, 0x1D17A },
		{ 0xE0000, 0xE0FFF },
	};

	for (size_t i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (character >= hidden[i][0] && character <= hidden[i][1])
			return true;
	}
	return (character & 0xFFFE) == 0xFFFE;
}

static bool message_characters(const char *text, struct note *why)
{
	const unsigned char *at = (const unsigned char *)text;
	const unsigned char *end = at + strlen(text);

	while (at < end) {
		size_t length = *at < 0x80 ? 1 : utf8_length(at, end);

		if (length == 0) {
			note_set(why, "not UTF-8");
			return false;
		}
		if (message_is_hidden(utf8_number(at, length))) {
			note_set(why, "U+%04X, a character that cannot be seen", (unsigned int)utf8_number(at, length));
			return false;
		}
		at += length;
	}
	return true;
}

/*
 * sudo shows its own question in the place of one that is just `Password:`, `NAME's Password:`, or what Linux-PAM has for the first in the
 * caller's language: in most one word. sshpass types a password behind these letters.
 */
static bool message_is_no_password(const struct message_row *row, const char *text, struct note *why)
{
	if (strcasestr(text, "assword:") != NULL)
		note_set(why, "password: in it makes programs answer with one");
	else if (row->kind == MESSAGE_IS_QUESTION && strchr(text, ' ') == NULL)
		note_set(why, "a question of one word reads like the one for a password");
	return why->text[0] == '\0';
}

static bool message_piece_fits(const struct message_row *row, const char *text, const struct message_piece *piece, struct note *why)
{
	int length = piece->length < 32 ? (int)piece->length : 32;

	if (piece->is == MESSAGE_UNKNOWN) {
		note_set(why, "%.*s: no such placeholder", length, text);
		return false;
	}
	if (piece->is == MESSAGE_LITERAL && memchr(text, '}', piece->length) != NULL) {
		note_set(why, "a } without its {");
		return false;
	}
	if (piece->is < MESSAGE_PLACEHOLDERS && ((row->needed | row->optional) & 1U << piece->is) == 0) {
		note_set(why, "%.*s: has no place in this text", length, text);
		return false;
	}
	return true;
}

static bool message_pieces_good(const struct message_row *row, const char *text, struct note *why)
{
	unsigned int missing = row->needed;
	size_t longest = 0;

	for (struct message_piece piece; *text != '\0'; text += piece.length) {
		piece = message_piece(text);
		if (!message_piece_fits(row, text, &piece, why))
			return false;
		if (piece.is < MESSAGE_PLACEHOLDERS)
			missing &= ~(1U << piece.is);
		longest += piece.is < MESSAGE_PLACEHOLDERS ? message_longest[piece.is] : piece.length;
	}
	for (int i = 0; i < MESSAGE_PLACEHOLDERS; i++) {
		if ((missing & 1U << i) != 0) {
			note_set(why, "{%s} is missing", message_placeholders[i]);
			return false;
		}
	}
	if (longest > message_limits[row->kind]) {
		note_set(why, "can become %zu bytes, which is more than %zu", longest, message_limits[row->kind]);
		return false;
	}
	return true;
}

static bool message_good(const struct message_row *row, const char *text, struct note *why)
{
	return message_characters(text, why) && message_is_no_password(row, text, why) && message_pieces_good(row, text, why);
}

static enum otp_err message_set(void *target, const struct config_place *place, const char *name, size_t name_length, const char *value,
				struct note *note)
{
	struct messages *messages = target;
	struct note why = { "" };
	size_t i = 0;

	while (i < MESSAGE_COUNT && (strlen(message_table[i].name) != name_length || memcmp(message_table[i].name, name, name_length) != 0))
		i++;
	if (i == MESSAGE_COUNT)
		return config_unknown(place, name, name_length, "no such text", note);
	if (messages->texts[i] != NULL)
		return config_complain(place, message_table[i].name, "set twice", OTP_ERR_CONFIG_DUPLICATE, note);
	if (!message_good(&message_table[i], value, &why))
		return config_complain(place, message_table[i].name, why.text, OTP_ERR_CONFIG_VALUE, note);
	messages->texts[i] = value;
	return OTP_OK;
}

enum otp_err messages_load(struct messages *messages, const char *path, enum option_challenge challenge, struct note *note)
{
	enum otp_err err = OTP_OK;

	memset(messages, 0, sizeof(*messages));
	messages->sms = challenge == CHALLENGE_SMS_OTP;
	if (path[0] != '\0')
		err = config_file_read(path, MESSAGES_FILE_MAX, message_set, messages, &messages->file, note);
	if (err != OTP_OK)
		messages_done(messages);
	return err;
}

void messages_done(struct messages *messages)
{
	memset(messages->texts, 0, sizeof(messages->texts));
	secret_done(&messages->file);
}
