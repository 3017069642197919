/* budget - see budget.h. */
#include "budget.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "clock.h"
#include "log.h"
#include "word_file.h"

#define BUDGET_SHARED "mails-full"

enum { BUDGET_LONGEST_S = 86400 };

static const uint64_t budget_nothing[BUDGET_FILE_SIZE / 8];

/* Seconds since the machine started, plus one: 0 is a word that was never taken. */
static uint32_t budget_now(void)
{
	return (uint32_t)(clock_boot_ms() / 1000) + 1;
}

static uint64_t budget_value(uint32_t at)
{
	return (uint64_t)~at << 32 | at;
}

/* When the word was taken; `now` for one that is damaged. 0: never. */
static uint32_t budget_taken_at(uint64_t value, uint32_t now)
{
	uint32_t at = (uint32_t)value;

	if (value == 0)
		return 0;
	return value != budget_value(at) || at > now ? now : at;
}

/* Seconds until the word is free; 0: it is. */
static int64_t budget_word_wait(uint64_t value, uint32_t now, int64_t seconds)
{
	uint32_t at = budget_taken_at(value, now);
	int64_t left = (int64_t)at + seconds + 1 - now; /* + 1: both ends are whole seconds */

	return at == 0 || left <= 0 ? 0 : left;
}

static file_word *budget_words(const struct word_file *file, size_t window)
{
	return (file_word *)file->bytes + window * BUDGET_COUNT_MAX;
}

/* A damaged word is written down as taken now, so that it is free again after one window. */
static void budget_heal(file_word *place, uint64_t value, uint32_t now)
{
	uint32_t at = budget_taken_at(value, now);

	if (value != 0 && value != budget_value(at))
		(void)atomic_compare_exchange_strong(place, &value, budget_value(at));
}

/* Takes a free word of one window. A word that another process takes first is passed over. Returns false with the wait when there is none. */
static bool budget_take_word(const struct word_file *file, size_t window, const struct budget_window *limit, struct budget_receipt *receipt,
			     int64_t *ret_wait)
{
	file_word *words = budget_words(file, window);
	uint32_t now = budget_now();
	int64_t wait = limit->seconds + 1;

	for (size_t i = 0; i < (size_t)limit->count; i++) {
		uint64_t value = atomic_load(&words[i]);
		int64_t left = budget_word_wait(value, now, limit->seconds);

		budget_heal(&words[i], value, now);
		if (left == 0 && atomic_compare_exchange_strong(&words[i], &value, budget_value(now))) {
			receipt->taken[window].index = i;
			receipt->taken[window].value = budget_value(now);
			return true;
		}
		wait = left > 0 && left < wait ? left : wait;
	}
	*ret_wait = wait;
	return false;
}

static void budget_return_words(const struct word_file *file, const struct budget_receipt *receipt)
{
	for (size_t i = 0; i < BUDGET_WINDOWS; i++) {
		uint64_t value = receipt->taken[i].value;

		if (value != 0)
			(void)atomic_compare_exchange_strong(&budget_words(file, i)[receipt->taken[i].index], &value, 0);
	}
}

static enum otp_err budget_open(int dir, const char *bucket, struct word_file *ret_file, struct budget_receipt *receipt, struct note *note)
{
	enum otp_err err = word_file_open_or_make(dir, bucket, budget_nothing, sizeof(budget_nothing), ret_file, note);
	struct note why = { "" };

	(void)snprintf(receipt->bucket, sizeof(receipt->bucket), "%s", bucket);
	if (err != OTP_ERR_STATE_IO)
		return err;
	/* No room for a new one: whoever has none pays from one that was made before. */
	err = word_file_open(dir, BUDGET_SHARED, BUDGET_FILE_SIZE, ret_file, &why);
	if (err != OTP_OK || ret_file->bytes == NULL)
		return OTP_ERR_STATE_IO;
	log_warning("event=budget_shared detail=\"%s\"", note->text);
	(void)snprintf(receipt->bucket, sizeof(receipt->bucket), "%s", BUDGET_SHARED);
	return OTP_OK;
}

enum otp_err budget_prepare(int dir, struct note *note)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;

	return word_file_open_or_make(dir, BUDGET_SHARED, budget_nothing, sizeof(budget_nothing), &file, note);
}

enum otp_err budget_take(int dir, const char *bucket, const struct budget_limit *limit, struct budget_receipt *ret_receipt, int64_t *ret_wait,
			 struct note *note)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	enum otp_err err;

	memset(ret_receipt, 0, sizeof(*ret_receipt));
	err = budget_open(dir, bucket, &file, ret_receipt, note);
	if (err != OTP_OK)
		return err;
	for (size_t i = 0; i < BUDGET_WINDOWS; i++) {
		if (limit->windows[i].count == 0 || budget_take_word(&file, i, &limit->windows[i], ret_receipt, ret_wait))
			continue;
		budget_return_words(&file, ret_receipt);
		note_set(note, "%s: %lld in %lld s", bucket, (long long)limit->windows[i].count, (long long)limit->windows[i].seconds);
		return OTP_ERR_MAIL_BUDGET;
	}
	(void)futimens(file.fd, NULL); /* a mapping does not say when it was written; budget_is_idle is not asked about a file that was */
	return OTP_OK;
}

void budget_give_back(int dir, const struct budget_receipt *receipt)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	struct note note = { "" };

	if (word_file_open(dir, receipt->bucket, BUDGET_FILE_SIZE, &file, &note) == OTP_OK && file.bytes != NULL)
		budget_return_words(&file, receipt);
}

enum otp_err budget_look(int dir, const char *bucket, const struct budget_limit *limit, size_t index, int64_t *ret_taken, int64_t *ret_wait)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	struct note note = { "" };
	uint32_t now = budget_now();
	enum otp_err err = word_file_open(dir, bucket, BUDGET_FILE_SIZE, &file, &note);
	int64_t wait = INT64_MAX;

	*ret_taken = 0;
	*ret_wait = 0;
	if (err != OTP_OK || file.bytes == NULL)
		return err;
	for (size_t i = 0; i < (size_t)limit->windows[index].count; i++) {
		file_word *place = &budget_words(&file, index)[i];
		uint64_t value = atomic_load(place);
		int64_t left = budget_word_wait(value, now, limit->windows[index].seconds);

		budget_heal(place, value, now); /* or it would be taken "now" whenever somebody looks */
		*ret_taken += left > 0 ? 1 : 0;
		wait = left < wait ? left : wait;
	}
	*ret_wait = *ret_taken > 0 && *ret_taken == limit->windows[index].count ? wait : 0;
	return OTP_OK;
}

int budget_is_idle(int dir, const char *bucket)
{
	word_file_auto struct word_file file = WORD_FILE_NONE;
	struct note note = { "" };
	uint32_t now = budget_now();

	if (word_file_open(dir, bucket, BUDGET_FILE_SIZE, &file, &note) != OTP_OK || file.bytes == NULL)
		return 0;
	for (size_t i = 0; i < BUDGET_FILE_SIZE / 8; i++) {
		if (budget_word_wait(atomic_load(&budget_words(&file, 0)[i]), now, BUDGET_LONGEST_S) > 0)
			return 0;
	}
	return 1;
}
