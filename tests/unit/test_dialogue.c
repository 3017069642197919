/* Which sentence a person is shown and when; that strangers are shown the same for every account; that own words are only words. */
#include "assert_err.h"

#include <stdio.h>
#include <string.h>

#include "dialogue.h"

static const struct caller by_key = { CALLER_KEY, false };
static const struct caller stranger = { CALLER_REMOTE, false };
static const struct caller other_local = { CALLER_OTHER_LOCAL, true };
static const struct messages mailed = { .sms = false };
static const struct messages sent = { .sms = true };

/* The last words to somebody; NULL for silence. Good until the fourth call from now. */
static const char *farewell(const struct caller *caller, enum otp_err result, bool code_sent, int64_t wait_s,
			    const struct messages *messages)
{
	static char texts[4][CONVERSATION_TEXT_MAX + 1];
	static unsigned int next;
	char *text = texts[next++ % 4];
	struct dialogue_end end = { result, code_sent, wait_s };

	return dialogue_farewell(caller, &end, messages, text) ? text : NULL;
}

static void test_the_question_before_the_first_mail(void **state)
{
	static const struct {
		struct dialogue dialogue;
		const char *mailed;
		const char *sent;
	} cases[] = {
		{ { DIALOGUE_NOTHING, 0, 0 }, "Sign-in code, or y to have one mailed: ", "Sign-in code, or y to have one sent: " },
		{ { DIALOGUE_NO_CODE, 0, 0 },
		  "Codes are digits only; no try used. Sign-in code, or y to have one mailed: ",
		  "Codes are digits only; no try used. Sign-in code, or y to have one sent: " },
		{ { DIALOGUE_NONE_OPEN, 0, 0 },
		  "No code is open here; y mails one. Sign-in code, or y to have one mailed: ",
		  "No code is open here; y sends one. Sign-in code, or y to have one sent: " },
		{ { DIALOGUE_NO_MAIL_HERE, 0, 0 },
		  "Without a terminal no code is mailed. Sign-in code, or y to have one mailed: ",
		  "Without a terminal no code is sent. Sign-in code, or y to have one sent: " },
	};
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		dialogue_ask_first(&cases[i].dialogue, &mailed, prompt);
		assert_string_equal(prompt, cases[i].mailed);
		dialogue_ask_first(&cases[i].dialogue, &sent, prompt);
		assert_string_equal(prompt, cases[i].sent);
	}
}

static const struct {
	struct dialogue dialogue;
	const char *destination;
	const char *mailed;
	const char *sent;
} code_questions[] = {
	{ { DIALOGUE_NOTHING, 0, 0 }, "a***@e***", "Code (r = new one): ", "Code (r = new one): " },
	{ { DIALOGUE_FIRST, 0, 0 },
	  "a***@e***",
	  "Code mailed to a***@e***. Code (r = new one): ",
	  "Code sent to a***@e***. Code (r = new one): " },
	{ { DIALOGUE_FIRST, 0, 0 },
	  "",
	  "If this account may sign in, a code was mailed. Code (r = new one): ",
	  "If this account may sign in, a code was sent. Code (r = new one): " },
	{ { DIALOGUE_WRONG, 2, 0 },
	  "a***@e***",
	  "Wrong code, 2 tries left. Code (r = new one): ",
	  "Wrong code, 2 tries left. Code (r = new one): " },
	{ { DIALOGUE_WRONG, 1, 0 },
	  "",
	  "Wrong code, 1 try left. Code (r = new one): ",
	  "Wrong code, 1 try left. Code (r = new one): " },
	{ { DIALOGUE_NO_CODE, 0, 0 },
	  "",
	  "Codes are digits only; no try used. Code (r = new one): ",
	  "Codes are digits only; no try used. Code (r = new one): " },
	{ { DIALOGUE_EXPIRED, 0, 0 },
	  "",
	  "That code has expired; r mails a new one. Code (r = new one): ",
	  "That code has expired; r sends a new one. Code (r = new one): " },
	{ { DIALOGUE_VOID, 0, 0 },
	  "",
	  "That code is no longer valid; r mails a new one. Code (r = new one): ",
	  "That code is no longer valid; r sends a new one. Code (r = new one): " },
	{ { DIALOGUE_RESENT, 0, 0 },
	  "",
	  "New code mailed; only the newest counts. Code (r = new one): ",
	  "New code sent; only the newest counts. Code (r = new one): " },
	{ { DIALOGUE_TOO_EARLY, 40, 20 },
	  "",
	  "Mailed 20 s ago; r works again in 40 s. Code (r = new one): ",
	  "Sent 20 s ago; r works again in 40 s. Code (r = new one): " },
	{ { DIALOGUE_USED, 0, 0 },
	  "a***@e***",
	  "That code was already used; r mails a new one. Code (r = new one): ",
	  "That code was already used; r sends a new one. Code (r = new one): " },
	{ { DIALOGUE_NOT_RESENT, 0, 0 },
	  "a***@e***",
	  "No new code can be mailed now; the one before still counts. Code (r = new one): ",
	  "No new code can be sent now; the one before still counts. Code (r = new one): " },
};

static void test_the_question_for_a_code(void **state)
{
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(code_questions); i++) {
		dialogue_ask_code(&code_questions[i].dialogue, &mailed, code_questions[i].destination, prompt);
		assert_string_equal(prompt, code_questions[i].mailed);
		dialogue_ask_code(&code_questions[i].dialogue, &sent, code_questions[i].destination, prompt);
		assert_string_equal(prompt, code_questions[i].sent);
	}
}

/* A code of an earlier call: how old it is, and to strangers no word of whether there is one. */
static void test_a_code_that_is_still_good(void **state)
{
	static const struct {
		int64_t since;
		const char *ago;
	} cases[] = {
		{ 0, "0 s ago" },     { 1, "1 s ago" },	    { 20, "20 s ago" },	  { 119, "119 s ago" },
		{ 120, "2 min ago" }, { 179, "2 min ago" }, { 180, "3 min ago" }, { 899, "14 min ago" },
	};
	char prompt[CONVERSATION_TEXT_MAX + 1];
	char wanted[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct dialogue dialogue = { DIALOGUE_RESUMED, 0, cases[i].since };

		dialogue_ask_code(&dialogue, &mailed, "a***@e***", prompt);
		(void)snprintf(wanted, sizeof(wanted), "Code mailed %s is still good. Code (r = new one): ", cases[i].ago);
		assert_string_equal(prompt, wanted);
		dialogue_ask_code(&dialogue, &sent, "a***@e***", prompt);
		(void)snprintf(wanted, sizeof(wanted), "Code sent %s is still good. Code (r = new one): ", cases[i].ago);
		assert_string_equal(prompt, wanted);
		dialogue_ask_code(&dialogue, &mailed, "", prompt);
		(void)snprintf(wanted, sizeof(wanted),
			       "If this account may sign in, the code mailed %s is still good. Code (r = new one): ", cases[i].ago);
		assert_string_equal(prompt, wanted);
	}
}

/* Since when is rounded down, how long to wait is rounded up: nobody comes too early twice. */
static void test_r_came_too_early(void **state)
{
	static const struct {
		int64_t since;
		int64_t left;
		const char *word;
	} cases[] = {
		{ 0, 60, "Mailed 0 s ago; r works again in 60 s." },	   { 59, 1, "Mailed 59 s ago; r works again in 1 s." },
		{ 119, 119, "Mailed 119 s ago; r works again in 119 s." }, { 120, 120, "Mailed 2 min ago; r works again in 2 min." },
		{ 179, 121, "Mailed 2 min ago; r works again in 3 min." }, { 720, 180, "Mailed 12 min ago; r works again in 3 min." },
	};
	char prompt[CONVERSATION_TEXT_MAX + 1];
	char wanted[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct dialogue dialogue = { DIALOGUE_TOO_EARLY, cases[i].left, cases[i].since };

		dialogue_ask_code(&dialogue, &mailed, "", prompt);
		(void)snprintf(wanted, sizeof(wanted), "%s Code (r = new one): ", cases[i].word);
		assert_string_equal(prompt, wanted);
	}
}

static void test_when_to_try_again(void **state)
{
	static const struct {
		int64_t seconds;
		const char *wait;
	} cases[] = {
		{ 1, "1 min." },    { 59, "1 min." },	{ 61, "1 min." },    { 62, "2 min." },	   { 721, "12 min." },
		{ 722, "13 min." }, { 901, "15 min." }, { 3601, "60 min." }, { 7201, "120 min." }, { 7202, "3 h." },
		{ 10801, "3 h." },  { 10802, "4 h." },	{ 86401, "24 h." },
	};
	char wanted[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		(void)snprintf(wanted, sizeof(wanted), "Too many codes were mailed. Try again in %s", cases[i].wait);
		assert_string_equal(farewell(&by_key, OTP_ERR_MAIL_BUDGET, false, cases[i].seconds, &mailed), wanted);
		(void)snprintf(wanted, sizeof(wanted), "Too many codes were sent. Try again in %s", cases[i].wait);
		assert_string_equal(farewell(&by_key, OTP_ERR_MAIL_BUDGET, true, cases[i].seconds, &sent), wanted);
	}
}

static void test_the_address_is_told_once_and_only_when_given(void **state)
{
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (int word = DIALOGUE_NOTHING; word <= DIALOGUE_NOBODY; word++) {
		struct dialogue dialogue = { (enum dialogue_word)word, 1, 1 };

		dialogue_ask_code(&dialogue, &mailed, "a***@e***", prompt);
		assert_int_equal(strstr(prompt, "a***@e***") != NULL, word == DIALOGUE_FIRST);
	}
}

static void test_who_of_several_people(void **state)
{
	char name[256];
	char wanted[CONVERSATION_TEXT_MAX + 1];
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	dialogue_ask_who("deploy", DIALOGUE_NOTHING, &mailed, prompt);
	assert_string_equal(prompt, "Several people use deploy. Your sign-in name or address: ");
	dialogue_ask_who("deploy", DIALOGUE_NOBODY, &sent, prompt);
	assert_string_equal(prompt, "None of them has that name. Several people use deploy. Your sign-in name or address: ");
	memset(name, 'x', sizeof(name) - 1);
	name[sizeof(name) - 1] = '\0';
	dialogue_ask_who(name, DIALOGUE_NOTHING, &mailed, prompt);
	(void)snprintf(wanted, sizeof(wanted), "Several people use %.64s. Your sign-in name or address: ", name);
	assert_string_equal(prompt, wanted);
}

/* PAM cuts prompts at 512 bytes, and what is cut away is the question. */
static void test_prompts_stay_short_and_end_with_the_question(void **state)
{
	static const char first[] = "Sign-in code, or y to have one mailed: ";
	static const char code[] = "Code (r = new one): ";
	char destination[1024];
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	memset(destination, 'x', sizeof(destination) - 1);
	destination[sizeof(destination) - 1] = '\0';
	for (int word = DIALOGUE_NOTHING; word <= DIALOGUE_NOBODY; word++) {
		struct dialogue dialogue = { (enum dialogue_word)word, INT64_MIN, INT64_MIN };

		dialogue_ask_first(&dialogue, &mailed, prompt);
		assert_string_equal(prompt + strlen(prompt) - strlen(first), first);
		dialogue_ask_code(&dialogue, &mailed, destination, prompt);
		assert_string_equal(prompt + strlen(prompt) - strlen(code), code);
		assert_true(strlen(prompt) < 256);
	}
}

static void test_farewells(void **state)
{
	static const char wait[] = "The sign-in service asks to wait. Try again in some minutes.";
	static const char budget[] = "Too many codes were mailed. Try again in 1 min.";
	static const char broken[] = "Sign-in with a code does not work on this machine now; the system log says why.";
	static const char refused[] = "This account cannot sign in with a code; the system log says why.";
	static const char nobody[] = "None of the people who use this account has that name.";
	static const char unsent[] = "Sign-in service not reachable; no code was sent.";
	static const char unchecked[] = "Sign-in service not reachable; your code could not be checked.";
	static const struct {
		enum otp_err result;
		bool code_sent;
		const char *proved;
		const char *stranger;
	} cases[] = {
		{ OTP_OK, true, NULL, NULL },
		{ OTP_ERR_TRIES, true, "Too many wrong codes. Log in again.", "Too many wrong codes. Log in again." },
		{ OTP_ERR_MAILS, true, "Too many new codes. Log in again later.", "Too many new codes. Log in again later." },
		{ OTP_ERR_THROTTLED, true, wait, wait },
		{ OTP_ERR_LOCKED, true, wait, wait },
		{ OTP_ERR_MAIL_BUDGET, true, budget, budget },
		{ OTP_ERR_NO_ANSWER, true, "No code was entered.", "No code was entered." },
		{ OTP_ERR_NO_ANSWER, false, "No code was entered.", "No code was entered." },
		{ OTP_ERR_NET_DNS, false, unsent, unsent },
		{ OTP_ERR_NET_TIMEOUT, true, unchecked, unchecked },
		{ OTP_ERR_HTTP_STATUS, true, unchecked, unchecked },
		{ OTP_ERR_CONFIG_VALUE, false, broken, broken },
		{ OTP_ERR_SYSTEM, false, broken, broken },
		{ OTP_ERR_MEMORY, false, broken, broken },
		{ OTP_ERR_INTERNAL, false, broken, broken },
		{ OTP_ERR_USER_UNKNOWN, false, refused, NULL },
		{ OTP_ERR_USER_UNMAPPED, false, refused, NULL },
		{ OTP_ERR_USER_ROOT, false, refused, NULL },
		{ OTP_ERR_USER_FILTERED, false, refused, NULL },
		{ OTP_ERR_ACCOUNT_DISABLED, true, refused, NULL },
		{ OTP_ERR_IDENTITY_EMAIL, true, refused, NULL },
		{ OTP_ERR_TLS_CERTIFICATE, false, broken, NULL },
		{ OTP_ERR_SESSION_EXPIRED, true, "That code has expired. Log in again.", "That code has expired. Log in again." },
		{ OTP_ERR_PERSON_UNKNOWN, false, nobody, nobody },
		{ OTP_ERR_CONVERSATION, false, NULL, NULL },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *to_proved = farewell(&by_key, cases[i].result, cases[i].code_sent, 0, &mailed);
		const char *to_stranger = farewell(&stranger, cases[i].result, cases[i].code_sent, 0, &mailed);
		const char *to_local = farewell(&other_local, cases[i].result, cases[i].code_sent, 0, &mailed);

		if (to_proved != cases[i].proved &&
		    (to_proved == NULL || cases[i].proved == NULL || strcmp(to_proved, cases[i].proved) != 0))
			fail_msg("%s, proved: %s", err_reason(cases[i].result), to_proved == NULL ? "nothing" : to_proved);
		if (to_stranger != cases[i].stranger &&
		    (to_stranger == NULL || cases[i].stranger == NULL || strcmp(to_stranger, cases[i].stranger) != 0))
			fail_msg("%s, stranger: %s", err_reason(cases[i].result), to_stranger == NULL ? "nothing" : to_stranger);
		assert_int_equal(to_local == NULL, to_stranger == NULL);
		if (to_local != NULL)
			assert_string_equal(to_local, to_stranger);
	}
}

/* Unknown, unmapped, filtered, uid 0, disabled: one silence. */
static void test_strangers_hear_nothing_about_accounts(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		enum otp_err err = (enum otp_err)i;
		enum otp_class class = err_class(err);
		bool about_account = class == OTP_CLASS_DENIED || class == OTP_CLASS_UNTRUSTED || class == OTP_CLASS_UNKNOWN_USER ||
				     class == OTP_CLASS_FORBIDDEN;

		if (!about_account || err == OTP_ERR_NO_ANSWER || err == OTP_ERR_SESSION_EXPIRED || err == OTP_ERR_PERSON_UNKNOWN) /* about what was typed */
			continue;
		if (farewell(&stranger, err, true, 0, &mailed) != NULL || farewell(&stranger, err, false, 0, &mailed) != NULL ||
		    farewell(&other_local, err, true, 0, &mailed) != NULL)
			fail_msg("%s is told to a stranger", err_reason(err));
	}
}

static void test_farewells_name_no_reason(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		const char *text = farewell(&by_key, (enum otp_err)i, true, 0, &mailed);

		if (strchr(err_reason((enum otp_err)i), '_') == NULL) /* an ordinary word */
			continue;
		if (text != NULL && (strstr(text, err_reason((enum otp_err)i)) != NULL || strstr(text, err_text((enum otp_err)i)) != NULL))
			fail_msg("%s", text);
	}
}

/* The words of an administrator change how it reads; whoever is told nothing is told nothing in them. */
static void test_own_words(void **state)
{
	static const struct messages own = { .texts = { [MESSAGE_ASK_FIRST] = "y?",
							[MESSAGE_ASK_CODE] = "Nummer (r):",
							[MESSAGE_WRONG_CODE] = "Noch {tries}.",
							[MESSAGE_TRY] = "einer",
							[MESSAGE_TRIES] = "{count} St.",
							[MESSAGE_CODE_MAILED] = "An {address}.",
							[MESSAGE_END_REFUSED] = "Nein." } };
	static const struct {
		struct dialogue dialogue;
		const char *prompt;
	} cases[] = {
		{ { DIALOGUE_NOTHING, 0, 0 }, "Nummer (r): " },
		{ { DIALOGUE_FIRST, 0, 0 }, "An a***@e***. Nummer (r): " },
		{ { DIALOGUE_WRONG, 1, 0 }, "Noch einer. Nummer (r): " },
		{ { DIALOGUE_WRONG, 2, 0 }, "Noch 2 St.. Nummer (r): " },
		{ { DIALOGUE_RESENT, 0, 0 }, "New code mailed; only the newest counts. Nummer (r): " },
	};
	struct dialogue first = { DIALOGUE_NO_MAIL_HERE, 0, 0 };
	char prompt[CONVERSATION_TEXT_MAX + 1];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		dialogue_ask_code(&cases[i].dialogue, &own, "a***@e***", prompt);
		assert_string_equal(prompt, cases[i].prompt);
	}
	dialogue_ask_first(&first, &own, prompt);
	assert_string_equal(prompt, "Without a terminal no code is mailed. y? ");
	assert_string_equal(farewell(&by_key, OTP_ERR_USER_ROOT, false, 0, &own), "Nein.");
	assert_null(farewell(&stranger, OTP_ERR_USER_ROOT, false, 0, &own));
}

static char account_said[CONVERSATION_TEXT_MAX + 1];

static void account_take(void *door, const char *text)
{
	(void)door;
	(void)strncpy(account_said, text, CONVERSATION_TEXT_MAX);
}

static const char *account_farewell(enum otp_err result)
{
	struct conversation conversation = { .warn = account_take };

	account_said[0] = '\0';
	dialogue_part_account(result, &mailed, &conversation);
	return account_said[0] == '\0' ? NULL : account_said;
}

/* Whoever gets into the account phase has proved himself, and hears why he is not let in. */
static void test_farewells_of_the_account_phase(void **state)
{
	static const char refused[] = "This account may not log in here now; the system log says why.";
	static const char not_reached[] = "Sign-in service not reachable; it could not be checked whether this account may log in.";
	static const char broken[] = "It could not be checked whether this account may log in; the system log says why.";
	static const struct {
		enum otp_err result;
		const char *text;
	} cases[] = {
		{ OTP_ERR_ACCOUNT_DISABLED, refused },	   { OTP_ERR_ACCOUNT_NOT_FOUND, refused }, { OTP_ERR_IDENTITY_SUB, refused },
		{ OTP_ERR_USER_FILTERED, refused },	   { OTP_ERR_USER_NAME, refused },	   { OTP_ERR_NET_TIMEOUT, not_reached },
		{ OTP_ERR_HTTP_STATUS, not_reached },	   { OTP_ERR_THROTTLED, not_reached },	   { OTP_ERR_CONFIG_VALUE, broken },
		{ OTP_ERR_AWS_CREDENTIALS, broken },	   { OTP_ERR_HELPER_MISSING, broken },	   { OTP_ERR_SYSTEM, broken },
		{ OTP_ERR_TLS_CERTIFICATE, broken },	   { OTP_ERR_MEMORY, broken },
		{ OTP_ERR_USER_SHARED, "Several people use this account; log in with a code, so that it is known who you are." },
	};

	(void)state;
	assert_null(account_farewell(OTP_OK));
	assert_null(account_farewell(OTP_IGNORED));
	for (size_t i = 0; i < CASES(cases); i++) {
		const char *text = account_farewell(cases[i].result);

		if (text == NULL || strcmp(text, cases[i].text) != 0)
			fail_msg("%s: %s", err_reason(cases[i].result), text == NULL ? "nothing" : text);
	}
}

/* A stranger who has somebody else's mail asked for must not learn that the account is there, and another's now. */
static void test_what_is_hidden_from_strangers(void **state)
{
	static const enum otp_err hidden[] = { OTP_ERR_ACCOUNT_DISABLED, OTP_ERR_ACCOUNT_GONE,	  OTP_ERR_MAIL_BUDGET,	   OTP_ERR_IDENTITY_SUB,
					       OTP_ERR_IDENTITY_EMAIL,	 OTP_ERR_IDENTITY_UNVERIFIED, OTP_ERR_IDENTITY_PHONE, OTP_ERR_IDENTITY_USERNAME };
	static const enum otp_err told[] = { OTP_ERR_NET_TIMEOUT, OTP_ERR_AWS_IMDS, OTP_ERR_JWT_SIGNATURE, OTP_ERR_STATE_IO };

	(void)state;
	for (size_t i = 0; i < CASES(hidden); i++) {
		assert_true(dialogue_hides(&stranger, hidden[i]));
		assert_false(dialogue_hides(&by_key, hidden[i]));
	}
	for (size_t i = 0; i < CASES(told); i++)
		assert_false(dialogue_hides(&stranger, told[i]));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_question_before_the_first_mail),
		cmocka_unit_test(test_the_question_for_a_code),
		cmocka_unit_test(test_a_code_that_is_still_good),
		cmocka_unit_test(test_r_came_too_early),
		cmocka_unit_test(test_when_to_try_again),
		cmocka_unit_test(test_the_address_is_told_once_and_only_when_given),
		cmocka_unit_test(test_who_of_several_people),
		cmocka_unit_test(test_prompts_stay_short_and_end_with_the_question),
		cmocka_unit_test(test_farewells),
		cmocka_unit_test(test_strangers_hear_nothing_about_accounts),
		cmocka_unit_test(test_farewells_name_no_reason),
		cmocka_unit_test(test_own_words),
		cmocka_unit_test(test_farewells_of_the_account_phase),
		cmocka_unit_test(test_what_is_hidden_from_strangers),
	};

	return cmocka_run_group_tests_name("dialogue", tests, NULL, NULL);
}
