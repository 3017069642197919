/*
 * postage - what one mail costs, and whom: which budgets pay for a caller's wish.
 *
 * Rules kept here:
 *  - a mail to somebody who has proved himself is paid by his account's budget for that, which no stranger can touch, and by the host's;
 *  - a mail that a stranger asks for is paid by the account's other budget and by the host's, of which strangers together get half;
 *  - a local user who asks for the account of somebody else pays from a budget of his own as well;
 *  - an account is (pool, Cognito user): two local users with one mailbox share what it may get.
 */
#ifndef OTP_POSTAGE_H
#define OTP_POSTAGE_H

#include <stdint.h>

#include "budget.h"
#include "caller.h"
#include "err.h"
#include "note.h"
#include "options.h"

enum { POSTAGE_MAX = 4 };

/* Borrowed. */
struct postage_payer {
	const struct options *options;
	const char *cognito_user;
	const struct caller *caller;
	uint32_t real_uid;
};

struct postage_receipt {
	struct budget_receipt receipts[POSTAGE_MAX];
	size_t count;
};

/* Pays for one mail from all budgets, or from none: OTP_ERR_MAIL_BUDGET with the seconds to wait, OTP_ERR_STATE_IO, OTP_ERR_CRYPTO. */
enum otp_err postage_pay(int dir, const struct postage_payer *payer, struct postage_receipt *ret_receipt, int64_t *ret_wait, struct note *note);
void postage_give_back(int dir, const struct postage_receipt *receipt);

/* The account's two buckets and that of a local uid, for whoever shows or resets them. OTP_ERR_CRYPTO. */
enum otp_err postage_account_bucket(const char *pool, const char *cognito_user, bool proved, char name[BUDGET_NAME_SIZE]);
void postage_uid_bucket(uint32_t uid, char name[BUDGET_NAME_SIZE]);

/* The host's, and the strangers' share of it with its limit. */
#define POSTAGE_HOST "mails-host"
#define POSTAGE_HOST_UNPROVED "mails-host-unproved"
struct budget_limit postage_strangers_share(const struct budget_limit *host);

#endif
