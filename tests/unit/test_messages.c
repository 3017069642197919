/* The texts: what a file of them may hold, what is refused and in which words, and that no text can become too long or say what it must
 * not. */
#include "safe_place.h"

#include "cognito.h"
#include "messages.h"

static struct messages messages;
static struct note note;

static enum otp_err load_bytes(const void *bytes, size_t length)
{
	safe_place_write("texts", bytes, length, 0644);
	messages_done(&messages);
	note.text[0] = '\0';
	return messages_load(&messages, safe_place_path("texts"), CHALLENGE_EMAIL_OTP, &note);
}

static enum otp_err load(const char *text)
{
	return load_bytes(text, strlen(text));
}

/* `wanted` is what stands after the path of the file. */
static void assert_note(const char *wanted)
{
	struct note whole;

	note_set(&whole, "%s%s", safe_place_path("texts"), wanted);
	assert_string_equal(note.text, whole.text);
}

static const char *write_with(enum message message, const struct message_values *values)
{
	static char text[4][CONVERSATION_TEXT_MAX + 1];
	static unsigned int next;
	char *out = text[next++ % 4];

	messages_write(&messages, message, values, out, CONVERSATION_TEXT_MAX + 1);
	return out;
}

static const char *write_plain(enum message message)
{
	static const struct message_values values = { "a***@e***", 2, { 20, MESSAGE_SECOND }, { 3, MESSAGE_MINUTE }, "deploy" };

	return write_with(message, &values);
}

/* --- the table ------------------------------------------------------------------------------------------------------------------ */

/* Each default, and each default for SMS, is a text that a file may hold: it keeps the rules of its own row. */
static void test_defaults_keep_the_rules(void **state)
{
	const char *text[2];
	const char *name;
	size_t count = 0;
	char line[512];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; (name = messages_key(i, &text[0], &text[1])) != NULL; i++) {
		for (int j = 0; j < 2; j++) {
			(void)snprintf(line, sizeof(line), "%s = %s\n", name, text[j]);
			assert_err(line, load(line), OTP_OK);
			for (size_t other = 0; other < MESSAGE_COUNT; other++)
				assert_int_equal(messages.texts[other] != NULL, other == i);
			assert_string_equal(messages.texts[i], text[j]);
		}
		count++;
	}
	assert_int_equal(count, MESSAGE_COUNT);
}

static void test_no_file(void **state)
{
	(void)state;
	memset(&messages, 0xa5, sizeof(messages));
	assert_err("mail", messages_load(&messages, "", CHALLENGE_EMAIL_OTP, &note), OTP_OK);
	assert_string_equal(write_plain(MESSAGE_CODE_MAILED), "Code mailed to a***@e***.");
	assert_string_equal(write_plain(MESSAGE_TOO_EARLY), "Mailed 20 s ago; r works again in 3 min.");
	assert_err("sms", messages_load(&messages, "", CHALLENGE_SMS_OTP, &note), OTP_OK);
	assert_string_equal(write_plain(MESSAGE_CODE_MAILED), "Code sent to a***@e***.");
	assert_string_equal(write_plain(MESSAGE_ASK_CODE), "Code (r = new one):");
}

/* --- good files ----------------------------------------------------------------------------------------------------------------- */

static void test_lines_in_all_their_forms(void **state)
{
	static const char text[] = "# Gr\xc3\xbc\xc3\x9f\x65 \x01 {x} \xff\n\n \t\r\n"
				   "ask_code=Code (r = neu):\n"
				   "  wrong_code \t = \t  Falsch, # {tries} \"\xc3\xbc\x62rig\" = %s %n.  \t\r\n"
				   "tries = {count} Versuche\n"
				   "end_refused = Nein.";

	(void)state;
	safe_place_needed();
	assert_err("text", load(text), OTP_OK);
	assert_string_equal(write_plain(MESSAGE_ASK_CODE), "Code (r = neu):");
	assert_string_equal(write_plain(MESSAGE_WRONG_CODE), "Falsch, # 2 Versuche \"\xc3\xbc\x62rig\" = %s %n.");
	assert_string_equal(write_plain(MESSAGE_END_REFUSED), "Nein.");
	assert_string_equal(write_plain(MESSAGE_END_BROKEN),
			    "Sign-in with a code does not work on this machine now; the system log says why.");
	assert_err("empty", load(""), OTP_OK);
	assert_string_equal(write_plain(MESSAGE_ASK_CODE), "Code (r = new one):");
}

/* One text is for mail and SMS alike: it is what the administrator wrote. */
static void test_a_text_is_for_every_challenge(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("texts", "new_code = Neu.\n");
	messages_done(&messages);
	assert_err("sms", messages_load(&messages, safe_place_path("texts"), CHALLENGE_SMS_OTP, &note), OTP_OK);
	assert_string_equal(write_plain(MESSAGE_NEW_CODE), "Neu.");
	assert_string_equal(write_plain(MESSAGE_NONE_OPEN), "No code is open here; y sends one.");
}

/* What is put in is put in once: a service that answers with a placeholder gets no second one. */
static void test_values_are_not_looked_at_again(void **state)
{
	struct message_values values = MESSAGE_VALUES_NONE;

	(void)state;
	safe_place_needed();
	values.address = "{tries}%s{address}";
	assert_err("text", load("code_mailed = An {address}, ja {address}.\n"), OTP_OK);
	assert_string_equal(write_with(MESSAGE_CODE_MAILED, &values), "An {tries}%s{address}, ja {tries}%s{address}.");
}

static void test_one_and_several(void **state)
{
	static const struct {
		struct message_values values;
		const char *wanted;
	} cases[] = {
		{ { "", 1, { 1, MESSAGE_SECOND }, { 1, MESSAGE_HOUR }, "" }, "1 Sekunde, eine Stunde, noch einer" },
		{ { "", 0, { 0, MESSAGE_SECOND }, { 2, MESSAGE_HOUR }, "" }, "0 Sekunden, 2 Stunden, noch 0 mal" },
		{ { "", 9, { 1, MESSAGE_MINUTE }, { 5, MESSAGE_MINUTE }, "" }, "1 Minute, 5 Minuten, noch 9 mal" },
	};
	static const char text[] = "try = einer\ntries = {count} mal\nsecond = {count} Sekunde\nseconds = {count} Sekunden\n"
				   "minute = 1 Minute\nminutes = {count} Minuten\nhour = eine Stunde\nhours = {count} Stunden\n"
				   "too_early = {ago}, {wait},\nwrong_code = noch {tries}\n";

	(void)state;
	safe_place_needed();
	assert_err("text", load(text), OTP_OK);
	for (size_t i = 0; i < CASES(cases); i++) {
		char whole[256];

		(void)snprintf(whole, sizeof(whole), "%s %s", write_with(MESSAGE_TOO_EARLY, &cases[i].values),
			       write_with(MESSAGE_WRONG_CODE, &cases[i].values));
		assert_string_equal(whole, cases[i].wanted);
	}
}

/* --- bad files ------------------------------------------------------------------------------------------------------------------ */

/* After an error nothing of the file is shown. */
static void assert_refused(const char *text, enum otp_err err, const char *wanted)
{
	assert_err(text, load(text), err);
	assert_note(wanted);
	for (size_t i = 0; i < MESSAGE_COUNT; i++)
		assert_null(messages.texts[i]);
}

static void test_lines_that_are_none(void **state)
{
	static const struct {
		const char *text;
		enum otp_err err;
		const char *note;
	} cases[] = {
		{ "ask_code\n", OTP_ERR_CONFIG_SYNTAX, ":1: syntax: not `key = value`" },
		{ "= Code\n", OTP_ERR_CONFIG_SYNTAX, ":1: syntax: not `key = value`" },
		{ "new_code = Neu.\n\nask_password = x y\n", OTP_ERR_CONFIG_KEY, ":3: ask_password: no such text" },
		{ "Ask_code = x y:\n", OTP_ERR_CONFIG_KEY, ":1: Ask_code: no such text" },
		{ "ask_code2 = x y:\n", OTP_ERR_CONFIG_KEY, ":1: ask_code2: no such text" },
		{ "ask = x y:\n", OTP_ERR_CONFIG_KEY, ":1: ask: no such text" },
		{ "\xef\xbb\xbf# Windows\n", OTP_ERR_CONFIG_SYNTAX, ":1: syntax: not `key = value`" },
		{ "new_code = Neu.\nnew_code = Neu.\n", OTP_ERR_CONFIG_DUPLICATE, ":2: new_code: set twice" },
		{ "# x\nnew_code =\n", OTP_ERR_CONFIG_VALUE, ":2: new_code: empty value" },
		{ "new_code = \t \r\n", OTP_ERR_CONFIG_VALUE, ":1: new_code: empty value" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++)
		assert_refused(cases[i].text, cases[i].err, cases[i].note);
	assert_err("NUL", load_bytes("new_code = Neu.\0\n", 17), OTP_ERR_CONFIG_SYNTAX);
}

static void test_placeholders_out_of_place(void **state)
{
	static const struct {
		const char *text;
		const char *note;
	} cases[] = {
		/* to strangers nothing depends on the account */
		{ "code_mailed_neutral = {address}", ":1: code_mailed_neutral: {address}: has no place in this text" },
		{ "still_good_neutral = {ago} {address}", ":1: still_good_neutral: {address}: has no place in this text" },
		{ "ask_first = Code, y = {address}:", ":1: ask_first: {address}: has no place in this text" },
		{ "ask_code = Code {address}:", ":1: ask_code: {address}: has no place in this text" },
		{ "wrong_code = {tries} {address}", ":1: wrong_code: {address}: has no place in this text" },
		{ "end_wrong_codes = {address}", ":1: end_wrong_codes: {address}: has no place in this text" },
		{ "try = {address}", ":1: try: {address}: has no place in this text" },
		{ "new_code = {count}", ":1: new_code: {count}: has no place in this text" },
		{ "code_mailed = {ago} {address}", ":1: code_mailed: {ago}: has no place in this text" },
		{ "wrong_code = Falsch.", ":1: wrong_code: {tries} is missing" },
		{ "too_early = {ago}", ":1: too_early: {wait} is missing" },
		{ "end_mail_budget = Zu oft.", ":1: end_mail_budget: {wait} is missing" },
		{ "tries = mehrere", ":1: tries: {count} is missing" },
		{ "new_code = {Address}", ":1: new_code: {Address}: no such placeholder" },
		{ "new_code = {}", ":1: new_code: {}: no such placeholder" },
		{ "new_code = {{address}}", ":1: new_code: {{address}: no such placeholder" },
		{ "new_code = {address", ":1: new_code: {address: no such placeholder" },
		{ "new_code = { address }", ":1: new_code: { address }: no such placeholder" },
		{ "new_code = :-}", ":1: new_code: a } without its {" },
		{ "code_mailed = {address}}", ":1: code_mailed: a } without its {" },
		{ "new_code = {%s%s%s%s%s%n%n%n%n%n%n%n%n%n%n%n%n%n%n}",
		  ":1: new_code: {%s%s%s%s%s%n%n%n%n%n%n%n%n%n%n%: no such placeholder" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++)
		assert_refused(cases[i].text, OTP_ERR_CONFIG_VALUE, cases[i].note);
}

static void test_characters_that_are_not_shown(void **state)
{
	static const struct {
		const char *bytes;
		const char *note;
	} cases[] = {
		{ "\x01", "U+0001" },	      { "\x07", "U+0007" },
		{ "\x1b[2J", "U+001B" },      { "\r", "U+000D" },
		{ "\t", "U+0009" },	      { "\x7f", "U+007F" },
		{ "\xc2\x80", "U+0080" },     { "\xc2\x9b", "U+009B" },
		{ "\xc2\x9f", "U+009F" },     { "\xc2\xad", "U+00AD" },
		{ "\xd8\x9c", "U+061C" },     { "\xe2\x80\x8b", "U+200B" },
		{ "\xe2\x80\x8d", "U+200D" }, { "\xe2\x80\x8f", "U+200F" },
		{ "\xe2\x80\xa8", "U+2028" }, { "\xe2\x80\xaa", "U+202A" },
		{ "\xe2\x80\xae", "U+202E" }, { "\xe2\x81\xa0", "U+2060" },
		{ "\xe2\x81\xa6", "U+2066" }, { "\xe2\x81\xa9", "U+2069" },
		{ "\xef\xb8\x8f", "U+FE0F" }, { "\xef\xbb\xbf", "U+FEFF" },
		{ "\xef\xbf\xbe", "U+FFFE" }, { "\xf3\xa0\x81\x81", "U+E0041" },
		{ "\xe3\x85\xa4", "U+3164" }, { "\xf0\x9f\xbf\xbf", "U+1FFFF" },
	};
	char text[64];
	char wanted[128];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(text, sizeof(text), "new_code = a%sb\n", cases[i].bytes);
		(void)snprintf(wanted, sizeof(wanted), ":1: new_code: %s, a character that cannot be seen", cases[i].note);
		assert_refused(text, OTP_ERR_CONFIG_VALUE, wanted);
	}
}

static void test_bytes_that_are_no_characters(void **state)
{
	static const char *const cases[] = {
		"\x80", "\xc0\xae", "\xc3", "\xe4rger", "\xed\xa0\x80", "\xf4\x90\x80\x80", "\xff", "\xe2\x80"
	};
	char text[64];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(text, sizeof(text), "new_code = a%s\n", cases[i]);
		assert_refused(text, OTP_ERR_CONFIG_VALUE, ":1: new_code: not UTF-8");
	}
}

static void test_characters_that_are_shown(void **state)
{
	static const char *const cases[] = { "\xc3\xbc\xc3\x9f",
					     "\xc2\xa0",
					     "\xe2\x80\x93\xe2\x80\x9e\xe2\x80\x9c",
					     "\xd7\xa7\xd7\x95\xd7\x93",
					     "\xe9\xaa\x8c\xe8\xaf\x81\xe7\xa0\x81",
					     "\xf0\x9f\x94\x91",
					     "\xef\xbf\xbd",
					     "~ !\"'\\$`%" };
	char text[64];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(text, sizeof(text), "new_code = %s\n", cases[i]);
		assert_err(text, load(text), OTP_OK);
		assert_string_equal(write_plain(MESSAGE_NEW_CODE), cases[i]);
	}
}

/* sudo shows its own question instead, and programs that wait for it answer with what they have stored. */
static void test_texts_that_ask_for_a_password(void **state)
{
	static const char letters[] = "password: in it makes programs answer with one";
	static const char word[] = "a question of one word reads like the one for a password";
	static const struct {
		const char *name;
		const char *text;
		const char *note;
	} cases[] = {
		{ "ask_code", "Password:", letters },
		{ "ask_first", "alice's Password:", letters },
		{ "ask_code", "Your PASSWORD: (r)", letters },
		{ "new_code", "New password:", letters },
		{ "ask_code", "Passwort:", word },
		{ "ask_first", "y?", word },
		{ "ask_first", "\xe5\xaf\x86\xe7\xa0\x81\xef\xbc\x9a", word },
	};
	char line[128];
	char wanted[128];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(line, sizeof(line), "%s = %s\n", cases[i].name, cases[i].text);
		(void)snprintf(wanted, sizeof(wanted), ":1: %s: %s", cases[i].name, cases[i].note);
		assert_refused(line, OTP_ERR_CONFIG_VALUE, wanted);
	}
	assert_err("not a question", load("new_code = Neu.\nend_no_answer = Schade.\nask_code = Kein Passwort, sondern der Code:\n"),
		   OTP_OK);
}

/* --- how long ------------------------------------------------------------------------------------------------------------------- */

/* A line with a text of `length` bytes, filled up behind its beginning. */
static char *long_line(const char *name, const char *begin, size_t length)
{
	static char line[2048];
	int at = snprintf(line, sizeof(line), "%s = %s", name, begin);

	memset(line + at, 'x', length - strlen(begin));
	line[(size_t)at + length - strlen(begin)] = '\n';
	line[(size_t)at + length - strlen(begin) + 1] = '\0';
	return line;
}

static void test_the_longest_text_is_shown_whole(void **state)
{
	static const struct {
		const char *name;
		const char *begin;
		size_t longest; /* bytes of the text in the file */
		size_t limit;
	} cases[] = {
		{ "ask_first", "y ", MESSAGES_QUESTION_MAX, MESSAGES_QUESTION_MAX },
		{ "ask_code", "r ", MESSAGES_QUESTION_MAX, MESSAGES_QUESTION_MAX },
		{ "ask_who", "{user}, ", MESSAGES_QUESTION_MAX - MESSAGES_USER_MAX + 6, MESSAGES_QUESTION_MAX },
		{ "new_code", "", MESSAGES_BEFORE_MAX, MESSAGES_BEFORE_MAX },
		{ "code_mailed", "{address}", MESSAGES_BEFORE_MAX - COGNITO_DESTINATION_MAX + 9, MESSAGES_BEFORE_MAX },
		{ "wrong_code", "{tries}{tries}", MESSAGES_BEFORE_MAX - 2 * MESSAGES_UNIT_MAX + 14, MESSAGES_BEFORE_MAX },
		{ "too_early", "{ago}{wait}", MESSAGES_BEFORE_MAX - 2 * MESSAGES_UNIT_MAX + 11, MESSAGES_BEFORE_MAX },
		{ "end_refused", "", MESSAGES_END_MAX, MESSAGES_END_MAX },
		{ "end_mail_budget", "{wait}", MESSAGES_END_MAX - MESSAGES_UNIT_MAX + 6, MESSAGES_END_MAX },
		{ "minutes", "{count}", MESSAGES_UNIT_MAX - 20 + 7, MESSAGES_UNIT_MAX },
		{ "minute", "", MESSAGES_UNIT_MAX, MESSAGES_UNIT_MAX },
	};
	char wanted[128];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].name, load(long_line(cases[i].name, cases[i].begin, cases[i].longest)), OTP_OK);
		(void)snprintf(wanted, sizeof(wanted), ":1: %s: can become %zu bytes, which is more than %zu", cases[i].name,
			       cases[i].limit + 1, cases[i].limit);
		assert_refused(long_line(cases[i].name, cases[i].begin, cases[i].longest + 1), OTP_ERR_CONFIG_VALUE, wanted);
	}
	assert_true(MESSAGES_BEFORE_MAX + 1 + MESSAGES_QUESTION_MAX + 1 <= CONVERSATION_TEXT_MAX);
}

/* The worst of everything at once: units and sentences as long as a file may have them, the largest numbers, an address without end. */
static void test_the_worst_is_within_the_limits(void **state)
{
	static char text[8192];
	static char address[1024];
	struct message_values worst = { address, INT64_MIN, { INT64_MIN, MESSAGE_MINUTE }, { INT64_MIN, MESSAGE_MINUTE }, address };
	char out[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	safe_place_needed();
	memset(address, 'a', sizeof(address) - 1);
	(void)strcat(text, long_line("tries", "{count}", MESSAGES_UNIT_MAX - 20 + 7));
	(void)strcat(text, long_line("minutes", "{count}", MESSAGES_UNIT_MAX - 20 + 7));
	(void)strcat(text, long_line("wrong_code", "{tries}", MESSAGES_BEFORE_MAX - MESSAGES_UNIT_MAX + 7));
	(void)strcat(text, long_line("code_mailed", "{address}", MESSAGES_BEFORE_MAX - COGNITO_DESTINATION_MAX + 9));
	(void)strcat(text, long_line("too_early", "{ago}{wait}", MESSAGES_BEFORE_MAX - 2 * MESSAGES_UNIT_MAX + 11));
	(void)strcat(text, long_line("end_mail_budget", "{wait}", MESSAGES_END_MAX - MESSAGES_UNIT_MAX + 6));
	(void)strcat(text, long_line("ask_who", "{user}, ", MESSAGES_QUESTION_MAX - MESSAGES_USER_MAX + 6));
	assert_err("text", load(text), OTP_OK);
	for (int i = 0; i < MESSAGE_COUNT; i++) {
		size_t limit = i < MESSAGE_CODE_MAILED	     ? MESSAGES_QUESTION_MAX
			       : i < MESSAGE_END_WRONG_CODES ? MESSAGES_BEFORE_MAX
							     : MESSAGES_END_MAX;

		messages_write(&messages, (enum message)i, &worst, out, sizeof(out));
		assert_true(strlen(out) <= limit);
		if (i == MESSAGE_WRONG_CODE || i == MESSAGE_CODE_MAILED || i == MESSAGE_TOO_EARLY || i == MESSAGE_END_MAIL_BUDGET ||
		    i == MESSAGE_ASK_WHO)
			assert_int_equal(strlen(out), limit);
	}
}

/* --- whose file ----------------------------------------------------------------------------------------------------------------- */

static void test_the_file_is_root_s_and_small(void **state)
{
	static const char text[] = "new_code = Neu.\n";
	static char large[MESSAGES_FILE_MAX + 1];

	(void)state;
	safe_place_needed();
	assert_err("to begin with", load(text), OTP_OK);
	safe_place_write("texts", text, sizeof(text) - 1, 0664);
	messages_done(&messages);
	assert_err("group may write", messages_load(&messages, safe_place_path("texts"), CHALLENGE_EMAIL_OTP, &note),
		   OTP_ERR_CONFIG_UNSAFE);
	assert_note(": mode 0664 lets others write");
	assert_string_equal(write_plain(MESSAGE_NEW_CODE), "New code mailed; only the newest counts.");
	assert_err("missing", messages_load(&messages, safe_place_path("none"), CHALLENGE_EMAIL_OTP, &note), OTP_ERR_CONFIG_OPEN);
	assert_err("a folder", messages_load(&messages, safe_place_path("."), CHALLENGE_EMAIL_OTP, &note), OTP_ERR_CONFIG_UNSAFE);
	memset(large, '\n', sizeof(large));
	assert_err("largest", load_bytes(large, MESSAGES_FILE_MAX), OTP_OK);
	assert_err("too large", load_bytes(large, MESSAGES_FILE_MAX + 1), OTP_ERR_CONFIG_OPEN);
}

static int teardown(void **state)
{
	messages_done(&messages);
	return safe_place_teardown(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_defaults_keep_the_rules),
		cmocka_unit_test(test_lines_in_all_their_forms),
		cmocka_unit_test(test_a_text_is_for_every_challenge),
		cmocka_unit_test(test_values_are_not_looked_at_again),
		cmocka_unit_test(test_one_and_several),
		cmocka_unit_test(test_lines_that_are_none),
		cmocka_unit_test(test_placeholders_out_of_place),
		cmocka_unit_test(test_characters_that_are_not_shown),
		cmocka_unit_test(test_bytes_that_are_no_characters),
		cmocka_unit_test(test_characters_that_are_shown),
		cmocka_unit_test(test_texts_that_ask_for_a_password),
		cmocka_unit_test(test_the_longest_text_is_shown_whole),
		cmocka_unit_test(test_the_worst_is_within_the_limits),
		cmocka_unit_test(test_the_file_is_root_s_and_small),
	};

	return cmocka_run_group_tests_name("messages", tests, safe_place_setup, teardown);
}
