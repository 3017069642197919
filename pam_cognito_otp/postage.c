/* postage - see postage.h. */
#include "postage.h"

#include <stdio.h>
#include <string.h>

#include "crypto.h"
#include "strbuf.h"

enum { POSTAGE_ACCOUNT_MAX = 1024 };

struct postage_budget {
	const char *label; /* for the log: the setting, and whose */
	char bucket[BUDGET_NAME_SIZE];
	struct budget_limit limit;
};

enum otp_err postage_account_bucket(const char *pool, const char *cognito_user, bool proved, char name[BUDGET_NAME_SIZE])
{
	strbuf_auto struct strbuf account = STRBUF_LIMIT(POSTAGE_ACCOUNT_MAX);
	unsigned char digest[CRYPTO_SHA256_SIZE];
	size_t length;
	enum otp_err err;

	strbuf_printf(&account, "%s %s", pool, cognito_user); /* a pool's id has no blank in it */
	if (account.failed != OTP_OK)
		return account.failed;
	err = crypto_sha256(account.text, account.length, digest);
	if (err != OTP_OK)
		return err;
	length = (size_t)snprintf(name, BUDGET_NAME_SIZE, "mails-%s-", proved ? "proved" : "unproved");
	for (size_t i = 0; i < 16; i++)
		(void)snprintf(name + length + 2 * i, 3, "%02x", digest[i]);
	return OTP_OK;
}

void postage_uid_bucket(uint32_t uid, char name[BUDGET_NAME_SIZE])
{
	(void)snprintf(name, BUDGET_NAME_SIZE, "mails-uid-%lu", (unsigned long)uid);
}

struct budget_limit postage_strangers_share(const struct budget_limit *host)
{
	struct budget_limit share = *host;

	for (size_t i = 0; i < BUDGET_WINDOWS; i++)
		share.windows[i].count = (share.windows[i].count + 1) / 2;
	return share;
}

static void postage_add(struct postage_budget *budgets, size_t *count, const char *label, const char *bucket, const struct budget_limit *limit)
{
	budgets[*count].label = label;
	(void)snprintf(budgets[*count].bucket, sizeof(budgets[*count].bucket), "%s", bucket);
	budgets[*count].limit = *limit;
	(*count)++;
}

/* Fills `budgets` (POSTAGE_MAX of them) with those that pay. */
static enum otp_err postage_list(const struct postage_payer *payer, struct postage_budget *budgets, size_t *ret_count)
{
	const struct options *options = payer->options;
	bool proved = caller_is_proved(payer->caller);
	struct budget_limit share = postage_strangers_share(&options->mail_budget_host);
	char name[BUDGET_NAME_SIZE];
	enum otp_err err = postage_account_bucket(options->user_pool_id, payer->cognito_user, proved, name);

	*ret_count = 0;
	if (err != OTP_OK)
		return err;
	if (proved)
		postage_add(budgets, ret_count, "mail_budget of this account", name, &options->mail_budget);
	else
		postage_add(budgets, ret_count, "mail_budget_unproved of this account", name, &options->mail_budget_unproved);
	if (payer->caller->kind == CALLER_OTHER_LOCAL && payer->real_uid != 0) {
		postage_uid_bucket(payer->real_uid, name);
		postage_add(budgets, ret_count, "mail_budget of the calling uid", name, &options->mail_budget);
	}
	if (!proved)
		postage_add(budgets, ret_count, "strangers' half of mail_budget_host", POSTAGE_HOST_UNPROVED, &share);
	postage_add(budgets, ret_count, "mail_budget_host", POSTAGE_HOST, &options->mail_budget_host);
	return OTP_OK;
}

static enum otp_err postage_spent(const struct postage_budget *budget, int64_t wait, struct note *note)
{
	note_set(note, "%s is spent; the next mail can go out in %lld s", budget->label, (long long)wait);
	return OTP_ERR_MAIL_BUDGET;
}

/* Looks before anything is made: a name that a stranger tries out leaves no file for its account where the host's budgets are spent. */
static enum otp_err postage_look(int dir, const struct postage_budget *budget, int64_t *ret_wait, struct note *note)
{
	enum otp_err err = OTP_OK;

	for (size_t i = 0; err == OTP_OK && i < BUDGET_WINDOWS; i++) {
		int64_t taken;

		err = budget_look(dir, budget->bucket, &budget->limit, i, &taken, ret_wait);
		if (err == OTP_OK && *ret_wait > 0)
			err = postage_spent(budget, *ret_wait, note);
	}
	return err;
}

/* Several budgets for which a full disk leaves no room share one bucket, and one mail is one there, by the strictest limit: that of the account, which is first. */
static void postage_keep_receipt(int dir, struct postage_receipt *receipt)
{
	const struct budget_receipt *last = &receipt->receipts[receipt->count];

	for (size_t i = 0; i < receipt->count; i++) {
		if (strcmp(receipt->receipts[i].bucket, last->bucket) == 0) {
			budget_give_back(dir, last);
			return;
		}
	}
	receipt->count++;
}

enum otp_err postage_pay(int dir, const struct postage_payer *payer, struct postage_receipt *ret_receipt, int64_t *ret_wait, struct note *note)
{
	struct postage_budget budgets[POSTAGE_MAX];
	size_t count;
	enum otp_err err = postage_list(payer, budgets, &count);

	ret_receipt->count = 0;
	for (size_t i = 0; err == OTP_OK && i < count; i++)
		err = postage_look(dir, &budgets[i], ret_wait, note);
	for (size_t i = 0; err == OTP_OK && i < count; i++) {
		err = budget_take(dir, budgets[i].bucket, &budgets[i].limit, &ret_receipt->receipts[ret_receipt->count], ret_wait, note);
		if (err == OTP_OK)
			postage_keep_receipt(dir, ret_receipt);
		else if (err == OTP_ERR_MAIL_BUDGET)
			err = postage_spent(&budgets[i], *ret_wait, note);
	}
	if (err != OTP_OK)
		postage_give_back(dir, ret_receipt);
	return err;
}

void postage_give_back(int dir, const struct postage_receipt *receipt)
{
	for (size_t i = 0; i < receipt->count; i++)
		budget_give_back(dir, &receipt->receipts[i]);
}
