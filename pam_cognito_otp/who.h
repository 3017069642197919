/*
 * who - which of the people who share an account is asking: the question, and what counts as an answer.
 *
 * Rules kept here:
 *  - a person is known by the value of his line in the map, byte for byte, and by nothing else; it says whose code is asked for, and proves nothing;
 *  - callers who are on this machine, or have shown a key, are asked before everything else, and nothing is mailed until they have answered;
 *  - a stranger on the network is not asked: his screen must be the same for every account. What he types at the question that everybody gets
 *    says who he is, if it is one of the people.
 */
#ifndef OTP_WHO_H
#define OTP_WHO_H

#include <stdbool.h>

#include "caller.h"
#include "conversation.h"
#include "err.h"
#include "messages.h"
#include "pace.h"
#include "policy.h"
#include "secret.h"

/* Borrowed. */
struct who {
	const char *user; /* the local name */
	struct policy_user *judged;
	const struct caller *caller;
	const struct messages *messages;
	const struct conversation *conversation;
	struct pace *pace;
};

/*
 * Asks, if it is a shared account and a caller who is asked, until one of the people is named (judged->mapped), at most three times. OTP_OK as
 * well where nothing is to be asked. OTP_ERR_PERSON_UNKNOWN, OTP_ERR_NO_ANSWER when nothing was typed, errors of the conversation.
 */
enum otp_err who_ask(const struct who *who);

/* Whether `typed`, a stranger's answer to another question, names one of the people; then he is who is meant from now on. */
bool who_is_named(const struct who *who, const struct secret *typed);

#endif
