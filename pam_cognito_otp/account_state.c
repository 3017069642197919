/* account_state - see account_state.h. */
#include "account_state.h"

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "budget.h"
#include "challenge.h"
#include "postage.h"
#include "run_dir.h"
#include "safe_file.h"

enum { ACCOUNT_BUCKETS = 2 * POLICY_PEOPLE_MAX + 1 };

struct account_visit {
	const struct account *account;
	FILE *out;
	int found;
};

struct account_budget {
	const char *label;
	const char *person; /* whose, of several people who share the account; "" otherwise */
	char bucket[BUDGET_NAME_SIZE];
	const struct budget_limit *limit;
};

static bool account_owns(const struct account *account, const char *name)
{
	int64_t uid;
	bool stranger;

	if (!challenge_is_name(name, &uid, &stranger))
		return false;
	return account->user == NULL || uid == (int64_t)account->judged->uid;
}

static const char *account_word(enum challenge_state state)
{
	switch (state) {
	case CHALLENGE_OPEN:
		return "open";
	case CHALLENGE_SPENT:
		return "tries spent";
	case CHALLENGE_EXPIRED:
		return "expired";
	case CHALLENGE_USED:
		return "used";
	case CHALLENGE_REPLACED:
	case CHALLENGE_NONE:
		break;
	}
	return "not valid any more";
}

/* A code that was not mailed says why: to its caller it looks like any other. */
static void account_show_challenge(const struct challenge *challenge, int64_t ttl, FILE *out)
{
	const struct challenge_facts *facts = challenge_facts_of(challenge);
	long long age = (long long)(clock_boot_ms() - facts->mailed_ms) / 1000;

	fprintf(out, "code   user=%s cognito=%s origin=%s age=%llds tries_left=%lld/%u state=\"%s\"", facts->user, facts->cognito_user, facts->origin, age,
		(long long)challenge_tries_left(challenge), facts->tries, account_word(challenge_state_of(challenge, ttl)));
	if (facts->decoy != OTP_OK)
		fprintf(out, " mailed=no reason=%s\n", err_reason(facts->decoy));
	else
		fprintf(out, " mailed=%s\n", facts->destination[0] == '\0' ? "yes" : facts->destination);
}

static enum otp_err account_show_one(int dir, const char *name, void *arg)
{
	struct account_visit *visit = arg;
	challenge_auto struct challenge challenge = CHALLENGE_EMPTY;
	struct note note = { "" };

	if (!account_owns(visit->account, name) || challenge_open_file(dir, name, &challenge, &note) != OTP_OK || challenge.record == NULL)
		return OTP_OK;
	account_show_challenge(&challenge, visit->account->options->challenge_ttl, visit->out);
	visit->found++;
	return OTP_OK;
}

static enum otp_err account_show_budget(int dir, const struct account_budget *budget, FILE *out)
{
	for (size_t i = 0; i < BUDGET_WINDOWS && budget->limit->windows[i].count > 0; i++) {
		int64_t taken;
		int64_t wait;
		enum otp_err err = budget_look(dir, budget->bucket, budget->limit, i, &taken, &wait);

		if (err != OTP_OK)
			return err;
		fprintf(out, "mails  budget=%s used=%lld/%lld window=%llds", budget->label, (long long)taken, (long long)budget->limit->windows[i].count,
			(long long)budget->limit->windows[i].seconds);
		if (budget->person[0] != '\0')
			fprintf(out, " cognito=%s", budget->person);
		if (wait > 0)
			fprintf(out, " next_in=%llds", (long long)wait);
		fputc('\n', out);
	}
	return OTP_OK;
}

/* One person's: for mails that he caused, and for those that strangers did. */
static enum otp_err account_person_buckets(const struct account *account, const struct identity *identity, struct account_budget budgets[2])
{
	const struct options *options = account->options;
	const char *person = account->judged->shared ? identity->value : "";
	enum otp_err err;

	budgets[0] = (struct account_budget){ "mail_budget", person, "", &options->mail_budget };
	budgets[1] = (struct account_budget){ "mail_budget_unproved", person, "", &options->mail_budget_unproved };
	err = postage_account_bucket(options->user_pool_id, identity->value, true, budgets[0].bucket);
	if (err == OTP_OK)
		err = postage_account_bucket(options->user_pool_id, identity->value, false, budgets[1].bucket);
	return err;
}

/* The buckets that are this user's alone: of each of his people, if he is mapped, and of his uid. */
static enum otp_err account_buckets(const struct account *account, struct account_budget budgets[ACCOUNT_BUCKETS], size_t *ret_count)
{
	const struct policy_user *judged = account->judged;
	enum otp_err err = OTP_OK;

	*ret_count = 0;
	for (size_t i = 0; err == OTP_OK && i < judged->people_count; i++) {
		err = account_person_buckets(account, &judged->people[i], budgets + *ret_count);
		*ret_count += 2;
	}
	budgets[*ret_count] = (struct account_budget){ "mail_budget(as_caller)", "", "", &account->options->mail_budget };
	postage_uid_bucket((uint32_t)judged->uid, budgets[*ret_count].bucket);
	(*ret_count)++;
	return err;
}

static enum otp_err account_show_budgets(int dir, const struct account *account, FILE *out)
{
	struct budget_limit share = postage_strangers_share(&account->options->mail_budget_host);
	struct account_budget host = { "mail_budget_host", "", POSTAGE_HOST, &account->options->mail_budget_host };
	struct account_budget strangers = { "mail_budget_host(unproved)", "", POSTAGE_HOST_UNPROVED, &share };
	struct account_budget budgets[ACCOUNT_BUCKETS];
	size_t count = 0;
	enum otp_err err = account->user == NULL ? OTP_OK : account_buckets(account, budgets, &count);

	for (size_t i = 0; err == OTP_OK && i < count; i++)
		err = account_show_budget(dir, &budgets[i], out);
	if (err == OTP_OK)
		err = account_show_budget(dir, &host, out);
	if (err == OTP_OK)
		err = account_show_budget(dir, &strangers, out);
	return err;
}

enum otp_err account_state_show(const struct account *account, FILE *out, struct note *note)
{
	struct account_visit visit = { account, out, 0 };
	int dir = -1;
	enum otp_err err = run_dir_open(&dir, note);

	if (err != OTP_OK)
		return err;
	err = run_dir_each(dir, account_show_one, &visit);
	if (err == OTP_OK && visit.found == 0)
		fputs("no code is open\n", out);
	if (err == OTP_OK)
		err = account_show_budgets(dir, account, out);
	(void)close(dir);
	return err;
}

static enum otp_err account_forget_one(int dir, const char *name, void *arg)
{
	struct account_visit *visit = arg;
	challenge_auto struct challenge challenge = CHALLENGE_EMPTY;
	struct note note = { "" };

	if (!account_owns(visit->account, name))
		return OTP_OK;
	if (challenge_open_file(dir, name, &challenge, &note) == OTP_OK)
		challenge_close(&challenge, CHALLENGE_REPLACED);
	safe_dir_remove(dir, name);
	visit->found++;
	return OTP_OK;
}

/* Returns how many there were: 0 or 1. */
static int account_forget_bucket(int dir, const char *bucket)
{
	if (faccessat(dir, bucket, F_OK, AT_SYMLINK_NOFOLLOW) != 0)
		return 0;
	safe_dir_remove(dir, bucket);
	return 1;
}

static enum otp_err account_forget_budgets(int dir, const struct account *account, int *ret_count)
{
	struct account_budget budgets[ACCOUNT_BUCKETS];
	size_t count;
	enum otp_err err = account_buckets(account, budgets, &count);

	*ret_count = 0;
	for (size_t i = 0; err == OTP_OK && i < count; i++)
		*ret_count += account_forget_bucket(dir, budgets[i].bucket);
	return err;
}

enum otp_err account_state_reset_host(FILE *out, struct note *note)
{
	int count = 0;
	int dir = -1;
	enum otp_err err = run_dir_open(&dir, note);

	if (err != OTP_OK)
		return err;
	count += account_forget_bucket(dir, POSTAGE_HOST);
	count += account_forget_bucket(dir, POSTAGE_HOST_UNPROVED);
	(void)close(dir);
	fprintf(out, "host: budgets reset: %d\n", count);
	return OTP_OK;
}

enum otp_err account_state_reset(const struct account *account, FILE *out, struct note *note)
{
	struct account_visit visit = { account, out, 0 };
	int budgets = 0;
	int dir = -1;
	enum otp_err err = run_dir_open(&dir, note);

	if (err != OTP_OK)
		return err;
	err = run_dir_each(dir, account_forget_one, &visit);
	if (err == OTP_OK)
		err = account_forget_budgets(dir, account, &budgets);
	(void)close(dir);
	if (err == OTP_OK)
		fprintf(out, "%s: codes removed: %d, budgets reset: %d\n", account->user, visit.found, budgets);
	return err;
}
