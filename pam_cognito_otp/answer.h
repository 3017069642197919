/*
 * answer - what a person typed, sorted before anybody acts on it.
 *
 * Rules kept here: a code is 4 to 16 ASCII digits after blanks and hyphens are taken out, kept as text (leading zeros count); anything else never
 * reaches the service. sshd replaces what is typed for a name that it refuses by a fixed pattern of the same length (auth-pam.c, the answer to
 * CVE-2016-6210): such an answer is known for what it is.
 */
#ifndef OTP_ANSWER_H
#define OTP_ANSWER_H

#include "err.h"
#include "secret.h"

enum { ANSWER_CODE_MIN = 4, ANSWER_CODE_MAX = 16, ANSWER_TYPED_MAX = 64 };

enum answer_kind {
	ANSWER_EMPTY,
	ANSWER_YES,	 /* y, Y, yes */
	ANSWER_NEW,	 /* r, R */
	ANSWER_CODE,	 /* `code` is set */
	ANSWER_REPLACED, /* by sshd; only its length is what was typed */
	ANSWER_OTHER
};

struct answer {
	enum answer_kind kind;
	struct secret code;
	size_t length; /* of what was typed, replaced or not */
};

#define ANSWER_NONE { ANSWER_EMPTY, SECRET_EMPTY, 0 }
#define answer_auto __attribute__((cleanup(answer_done)))

/* Sorts `typed`; the caller ends *ret_answer with answer_done. OTP_ERR_MEMORY. */
enum otp_err answer_parse(const struct secret *typed, struct answer *ret_answer);
void answer_done(struct answer *answer);

/*
 * What an answer looks like to somebody who sees its length only, as is all that is known of one that sshd replaced: nothing, the one letter that is waited for
 * (`one_letter`), something else, a code. Whoever could be such a name's stranger is judged by this, or what he is shown for odd answers would tell him
 * whether sshd knows the name. Whether it is what it looks like says answer->kind.
 */
enum answer_kind answer_by_length(const struct answer *answer, enum answer_kind one_letter);

#endif
