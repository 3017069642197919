/* Codes, y, r, nothing, sshd's replacement, and everything else that people and attackers type. */
#include "assert_err.h"

#include <string.h>

#include "answer.h"

#define TYPED(literal) literal, sizeof(literal) - 1
#define TEN "1234567890"

struct answer_case {
	const char *typed;
	size_t length;
	enum answer_kind kind;
	const char *code; /* "" unless it is one */
};

static void assert_sorted(const struct answer_case *c)
{
	secret_auto struct secret typed = SECRET_EMPTY;
	answer_auto struct answer answer = ANSWER_NONE;

	assert_err("typed", secret_set(&typed, c->typed, c->length), OTP_OK);
	assert_err("parse", answer_parse(&typed, &answer), OTP_OK);
	if (answer.kind != c->kind)
		fail_msg("\"%s\" (%zu bytes) is of kind %d, not %d", c->typed, c->length, (int)answer.kind, (int)c->kind);
	if (strcmp(secret_text(&answer.code), c->code) != 0 || answer.code.length != strlen(c->code))
		fail_msg("\"%s\" (%zu bytes) is another code than \"%s\"", c->typed, c->length, c->code);
	assert_int_equal(answer.length, c->length);
}

static void run_cases(const struct answer_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++)
		assert_sorted(&cases[i]);
}

static void test_codes_are_4_to_16_digits(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED("1"), ANSWER_OTHER, "" },
		{ TYPED("123"), ANSWER_OTHER, "" },
		{ TYPED("1234"), ANSWER_CODE, "1234" },
		{ TYPED("123456"), ANSWER_CODE, "123456" },
		{ TYPED("12345678"), ANSWER_CODE, "12345678" },
		{ TYPED("1234567890123456"), ANSWER_CODE, "1234567890123456" },
		{ TYPED("12345678901234567"), ANSWER_OTHER, "" },
		{ TYPED("00000000"), ANSWER_CODE, "00000000" },
		{ TYPED("00123456"), ANSWER_CODE, "00123456" },
		{ TYPED("0000"), ANSWER_CODE, "0000" },
		{ TYPED("0"), ANSWER_OTHER, "" },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_what_comes_with_copying_is_taken_out(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED("1234-5678"), ANSWER_CODE, "12345678" },
		{ TYPED("1234 5678"), ANSWER_CODE, "12345678" },
		{ TYPED(" 12345678 "), ANSWER_CODE, "12345678" },
		{ TYPED("\t12345678\t"), ANSWER_CODE, "12345678" },
		{ TYPED("12345678\r"), ANSWER_CODE, "12345678" },
		{ TYPED("1 2 3 4"), ANSWER_CODE, "1234" },
		{ TYPED("12--34"), ANSWER_CODE, "1234" },
		{ TYPED("-1234"), ANSWER_CODE, "1234" },
		{ TYPED("12-3"), ANSWER_OTHER, "" },
		{ TYPED("1234-5678-9012-3456"), ANSWER_CODE, "1234567890123456" },
		{ TYPED("1234-5678-9012-3456-7"), ANSWER_OTHER, "" },
		{ TYPED("1234                                                            "), ANSWER_CODE, "1234" },  /* 64 bytes */
		{ TYPED("1234                                                             "), ANSWER_OTHER, "" }, /* 65 bytes */
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_no_other_byte_is_in_a_code(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED("\xef\xbc\x91\xef\xbc\x92\xef\xbc\x93\xef\xbc\x94"), ANSWER_OTHER, "" }, /* full-width 1234 */
		{ TYPED("\xd9\xa1\xd9\xa2\xd9\xa3\xd9\xa4"), ANSWER_OTHER, "" },		    /* Arabic 1234 */
		{ TYPED("1234\xc2\xa0" "5678"), ANSWER_OTHER, "" },
		{ TYPED("1234\xe2\x80\x90" "5678"), ANSWER_OTHER, "" },
		{ TYPED("\xe2\x80\x8b" "12345678"), ANSWER_OTHER, "" },
		{ TYPED("12345678\n"), ANSWER_OTHER, "" },
		{ TYPED("1234\n5678"), ANSWER_OTHER, "" },
		{ TYPED("12345678\0"), ANSWER_OTHER, "" },
		{ TYPED("1234\0" "5678"), ANSWER_OTHER, "" },
		{ TYPED("\0" "12345678"), ANSWER_OTHER, "" },
		{ TYPED("1234\v"), ANSWER_OTHER, "" },
		{ TYPED("1234\f"), ANSWER_OTHER, "" },
		{ TYPED("\x1b[31m1234"), ANSWER_OTHER, "" },
		{ TYPED("+1234567"), ANSWER_OTHER, "" },
		{ TYPED("0x123456"), ANSWER_OTHER, "" },
		{ TYPED("1e10"), ANSWER_OTHER, "" },
		{ TYPED("1234.5678"), ANSWER_OTHER, "" },
		{ TYPED("1234_5678"), ANSWER_OTHER, "" },
		{ TYPED("1234/"), ANSWER_OTHER, "" },
		{ TYPED("1234:"), ANSWER_OTHER, "" },
		{ TYPED("\"12345678\""), ANSWER_OTHER, "" },
		{ TYPED("'12345678'"), ANSWER_OTHER, "" },
		{ TYPED("12345678x"), ANSWER_OTHER, "" },
		{ TYPED("x12345678"), ANSWER_OTHER, "" },
		{ TYPED("l2345678"), ANSWER_OTHER, "" },
		{ TYPED("\"},\"ClientId\":\"x"), ANSWER_OTHER, "" },
		{ TYPED("\\u0031\\u0032\\u0033\\u0034"), ANSWER_OTHER, "" },
		{ TYPED("%n%n"), ANSWER_OTHER, "" },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_words(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED("y"), ANSWER_YES, "" },
		{ TYPED("Y"), ANSWER_YES, "" },
		{ TYPED("yes"), ANSWER_YES, "" },
		{ TYPED(" y "), ANSWER_YES, "" },
		{ TYPED("y\r"), ANSWER_YES, "" },
		{ TYPED("\tyes\t"), ANSWER_YES, "" },
		{ TYPED("r"), ANSWER_NEW, "" },
		{ TYPED("R"), ANSWER_NEW, "" },
		{ TYPED(" r\r"), ANSWER_NEW, "" },
		{ TYPED("yy"), ANSWER_OTHER, "" },
		{ TYPED("ye"), ANSWER_OTHER, "" },
		{ TYPED("y es"), ANSWER_OTHER, "" },
		{ TYPED("yes!"), ANSWER_OTHER, "" },
		{ TYPED("yr"), ANSWER_OTHER, "" },
		{ TYPED("y\n"), ANSWER_OTHER, "" },
		{ TYPED("y\0"), ANSWER_OTHER, "" },
		{ TYPED("\0y"), ANSWER_OTHER, "" },
		{ TYPED("y-"), ANSWER_OTHER, "" },
		{ TYPED("n"), ANSWER_OTHER, "" },
		{ TYPED("no"), ANSWER_OTHER, "" },
		{ TYPED("resend"), ANSWER_OTHER, "" },
		{ TYPED("r1234"), ANSWER_OTHER, "" },
		{ TYPED("a password typed too early"), ANSWER_OTHER, "" },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_nothing(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED(""), ANSWER_EMPTY, "" },   { TYPED(" "), ANSWER_EMPTY, "" },	  { TYPED(" \t \r"), ANSWER_EMPTY, "" },
		{ TYPED("\r"), ANSWER_EMPTY, "" }, { TYPED("\0"), ANSWER_OTHER, "" }, { TYPED("\n"), ANSWER_OTHER, "" },
		{ TYPED("-"), ANSWER_OTHER, "" },  { TYPED("--"), ANSWER_OTHER, "" },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_long_answers_are_no_code(void **state)
{
	static const size_t lengths[] = { 65, 100, 511, 512 };
	char typed[512];

	(void)state;
	memset(typed, '1', sizeof(typed));
	for (size_t i = 0; i < CASES(lengths); i++)
		assert_sorted(&(struct answer_case){ typed, lengths[i], ANSWER_OTHER, "" });
	memset(typed, ' ', sizeof(typed));
	for (size_t i = 0; i < CASES(lengths); i++)
		assert_sorted(&(struct answer_case){ typed, lengths[i], ANSWER_OTHER, "" });
}

/* auth-pam.c, fake_password(): what sshd hands on for a user whom it refuses. */
static void make_replacement(char *typed, size_t length)
{
	static const char junk[] = "\b\n\r\177INCORRECT";

	for (size_t i = 0; i < length; i++)
		typed[i] = junk[i % 13];
}

static void test_sshd_s_replacement_is_known_at_every_length(void **state)
{
	char bytes[512];

	(void)state;
	make_replacement(bytes, sizeof(bytes));
	for (size_t length = 1; length <= sizeof(bytes); length = length < 64 ? length + 1 : length * 2) {
		secret_auto struct secret typed = SECRET_EMPTY;
		answer_auto struct answer answer = ANSWER_NONE;

		assert_err("typed", secret_set(&typed, bytes, length), OTP_OK);
		assert_err("parse", answer_parse(&typed, &answer), OTP_OK);
		assert_int_equal(answer.kind, ANSWER_REPLACED);
		assert_int_equal(answer.length, length);
		assert_int_equal(answer.code.length, 0);
	}
}

static void test_what_only_resembles_it_is_not(void **state)
{
	static const struct answer_case cases[] = {
		{ TYPED("\n"), ANSWER_OTHER, "" },
		{ TYPED("\b\r"), ANSWER_OTHER, "" },
		{ TYPED("INCORRECT"), ANSWER_OTHER, "" },
		{ TYPED("\b\n\r\177INCORRECt"), ANSWER_OTHER, "" },
		{ TYPED("\b\n\r\177INCORRECT\0"), ANSWER_OTHER, "" },
		{ TYPED("\b\n\r\177INCORRECTINCORRECT"), ANSWER_OTHER, "" },
		{ TYPED("\b\n\r\177INCORRECT "), ANSWER_OTHER, "" },
		{ TYPED("\b1234"), ANSWER_OTHER, "" },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void assert_looks(const char *bytes, size_t length, enum answer_kind where_y_is_asked, enum answer_kind where_r_is_asked)
{
	secret_auto struct secret typed = SECRET_EMPTY;
	answer_auto struct answer answer = ANSWER_NONE;

	assert_err("typed", secret_set(&typed, bytes, length), OTP_OK);
	assert_err("parse", answer_parse(&typed, &answer), OTP_OK);
	assert_int_equal(answer_by_length(&answer, ANSWER_YES), where_y_is_asked);
	assert_int_equal(answer_by_length(&answer, ANSWER_NEW), where_r_is_asked);
}

/* Of an answer that sshd replaced only the length is known; so whatever else was typed looks the same, or odd answers would tell the two apart. */
static void test_answers_of_one_length_look_alike(void **state)
{
	static const struct {
		size_t length;
		enum answer_kind where_y_is_asked;
		enum answer_kind where_r_is_asked;
	} cases[] = {
		{ 0, ANSWER_EMPTY, ANSWER_EMPTY }, { 1, ANSWER_YES, ANSWER_NEW }, { 2, ANSWER_OTHER, ANSWER_OTHER }, { 3, ANSWER_OTHER, ANSWER_OTHER },
		{ 4, ANSWER_CODE, ANSWER_CODE }, { 6, ANSWER_CODE, ANSWER_CODE },   { 8, ANSWER_CODE, ANSWER_CODE },
		{ 16, ANSWER_CODE, ANSWER_CODE }, { 17, ANSWER_CODE, ANSWER_CODE }, { 64, ANSWER_CODE, ANSWER_CODE },
	};
	static const char fillers[] = { '1', 'y', 'r', ' ', '-', '\0', '\xff' };
	char bytes[512];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		make_replacement(bytes, sizeof(bytes));
		assert_looks(bytes, cases[i].length, cases[i].where_y_is_asked, cases[i].where_r_is_asked);
		for (size_t j = 0; j < sizeof(fillers); j++) {
			memset(bytes, fillers[j], sizeof(bytes));
			assert_looks(bytes, cases[i].length, cases[i].where_y_is_asked, cases[i].where_r_is_asked);
		}
	}
}

static void test_an_answer_replaces_the_one_before(void **state)
{
	secret_auto struct secret typed = SECRET_EMPTY;
	answer_auto struct answer answer = ANSWER_NONE;

	(void)state;
	assert_err("typed", secret_set(&typed, "12345678", 8), OTP_OK);
	assert_err("a code", answer_parse(&typed, &answer), OTP_OK);
	assert_int_equal(answer.kind, ANSWER_CODE);
	assert_err("typed", secret_set(&typed, "\b\n", 2), OTP_OK);
	assert_err("sshd's", answer_parse(&typed, &answer), OTP_OK);
	assert_int_equal(answer.kind, ANSWER_REPLACED);
	assert_int_equal(answer.code.length, 0);
	assert_err("typed", secret_set(&typed, "y", 1), OTP_OK);
	assert_err("y", answer_parse(&typed, &answer), OTP_OK);
	assert_int_equal(answer.kind, ANSWER_YES);
	assert_int_equal(answer.length, 1);
}

static void test_done_forgets_and_may_be_repeated(void **state)
{
	secret_auto struct secret typed = SECRET_EMPTY;
	struct answer answer = ANSWER_NONE;

	(void)state;
	assert_err("typed", secret_set(&typed, TEN, 10), OTP_OK);
	assert_err("a code", answer_parse(&typed, &answer), OTP_OK);
	answer_done(&answer);
	assert_int_equal(answer.kind, ANSWER_EMPTY);
	assert_null(answer.code.bytes);
	answer_done(&answer);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes_are_4_to_16_digits),
		cmocka_unit_test(test_what_comes_with_copying_is_taken_out),
		cmocka_unit_test(test_no_other_byte_is_in_a_code),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_nothing),
		cmocka_unit_test(test_long_answers_are_no_code),
		cmocka_unit_test(test_sshd_s_replacement_is_known_at_every_length),
		cmocka_unit_test(test_what_only_resembles_it_is_not),
		cmocka_unit_test(test_answers_of_one_length_look_alike),
		cmocka_unit_test(test_an_answer_replaces_the_one_before),
		cmocka_unit_test(test_done_forgets_and_may_be_repeated),
	};

	return cmocka_run_group_tests_name("answer", tests, NULL, NULL);
}
