/* answer - see answer.h. */
#include "answer.h"

#include <stdbool.h>
#include <string.h>

static const char answer_sshd_pattern[] = "\b\n\r\177INCORRECT";

static bool answer_is_replaced(const char *bytes, size_t length)
{
	for (size_t i = 0; i < length; i++) {
		if (bytes[i] != answer_sshd_pattern[i % (sizeof(answer_sshd_pattern) - 1)])
			return false;
	}
	return length > 0;
}

/* Blanks, hyphens and a carriage return come with copying from a mail. Returns the number of digits, or 0 when something else is there. */
static size_t answer_digits(const char *bytes, size_t length, char *digits, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < length; i++) {
		if (strchr(" \t\r-", bytes[i]) != NULL && bytes[i] != '\0')
			continue;
		if (bytes[i] < '0' || bytes[i] > '9' || count == size)
			return 0;
		digits[count++] = bytes[i];
	}
	return count;
}

/* The text without blanks around it. */
static bool answer_is(const char *bytes, size_t length, const char *word)
{
	while (length > 0 && strchr(" \t\r", bytes[0]) != NULL && bytes[0] != '\0') {
		bytes++;
		length--;
	}
	while (length > 0 && strchr(" \t\r", bytes[length - 1]) != NULL && bytes[length - 1] != '\0')
		length--;
	return length == strlen(word) && memcmp(bytes, word, length) == 0;
}

static enum answer_kind answer_word(const char *bytes, size_t length)
{
	if (answer_is(bytes, length, ""))
		return ANSWER_EMPTY;
	if (answer_is(bytes, length, "y") || answer_is(bytes, length, "Y") || answer_is(bytes, length, "yes"))
		return ANSWER_YES;
	if (answer_is(bytes, length, "r") || answer_is(bytes, length, "R"))
		return ANSWER_NEW;
	return ANSWER_OTHER;
}

enum otp_err answer_parse(const struct secret *typed, struct answer *ret_answer)
{
	const char *bytes = secret_text(typed);
	char digits[ANSWER_CODE_MAX];
	size_t count;
	enum otp_err err = OTP_OK;

	answer_done(ret_answer);
	ret_answer->length = typed->length;
	if (answer_is_replaced(bytes, typed->length)) {
		ret_answer->kind = ANSWER_REPLACED;
		return OTP_OK;
	}
	ret_answer->kind = ANSWER_OTHER;
	if (typed->length > ANSWER_TYPED_MAX)
		return OTP_OK;
	count = answer_digits(bytes, typed->length, digits, sizeof(digits));
	if (count >= ANSWER_CODE_MIN) {
		ret_answer->kind = ANSWER_CODE;
		err = secret_set(&ret_answer->code, digits, count);
	} else if (count == 0) {
		ret_answer->kind = answer_word(bytes, typed->length);
	}
	explicit_bzero(digits, sizeof(digits));
	return err;
}

void answer_done(struct answer *answer)
{
	secret_done(&answer->code);
	answer->kind = ANSWER_EMPTY;
	answer->length = 0;
}

enum answer_kind answer_by_length(const struct answer *answer, enum answer_kind one_letter)
{
	if (answer->length == 0)
		return ANSWER_EMPTY;
	if (answer->length == 1)
		return one_letter;
	return answer->length >= ANSWER_CODE_MIN ? ANSWER_CODE : ANSWER_OTHER;
}
