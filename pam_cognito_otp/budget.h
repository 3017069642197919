/*
 * budget - how many mails somebody may cause: at most so many in any stretch of so long, counted exactly.
 *
 * A bucket is a file of words in the run directory. Each of its windows has one word for every mail that it allows: the second in which the word was last taken.
 * A mail takes a word that is older than the window, or there is none left.
 *
 * Rules kept here:
 *  - paid before the mail is asked for, from every window or from none; what is killed in between has paid;
 *  - no lock, and room made beforehand (word_file); where a full disk leaves no room for a new bucket, all such share one;
 *  - a word whose halves do not agree, or that lies in the future, counts as taken now: damage makes stricter, and heals with the window;
 *  - a bucket that cannot be used is an error, and an error means no mail.
 */
#ifndef OTP_BUDGET_H
#define OTP_BUDGET_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

enum {
	BUDGET_WINDOWS = 2,
	BUDGET_COUNT_MAX = 256, /* mails of one window */
	BUDGET_NAME_SIZE = 64,
	BUDGET_FILE_SIZE = BUDGET_WINDOWS * BUDGET_COUNT_MAX * 8
};

struct budget_window {
	int64_t count; /* 0: no such window */
	int64_t seconds;
};

struct budget_limit {
	struct budget_window windows[BUDGET_WINDOWS];
};

/* What was taken, so that it can be given back. */
struct budget_receipt {
	char bucket[BUDGET_NAME_SIZE];
	struct {
		size_t index;
		uint64_t value; /* 0: nothing */
	} taken[BUDGET_WINDOWS];
};

/* Makes the bucket that stands in for those which a full disk leaves no room for. Where even that cannot be had nothing can be paid: OTP_ERR_STATE_IO. */
enum otp_err budget_prepare(int dir, struct note *note);

/*
 * Takes one mail from `bucket` (a file name). OTP_ERR_MAIL_BUDGET when there is none left; then *ret_wait is the number of seconds until there is one, and nothing was
 * taken. OTP_ERR_STATE_IO.
 */
enum otp_err budget_take(int dir, const char *bucket, const struct budget_limit *limit, struct budget_receipt *ret_receipt, int64_t *ret_wait,
			 struct note *note);

/* The request never left. */
void budget_give_back(int dir, const struct budget_receipt *receipt);

/* Takes nothing. How many of window `index` are taken now, and when the next becomes free (seconds, 0: now). OTP_ERR_STATE_IO. */
enum otp_err budget_look(int dir, const char *bucket, const struct budget_limit *limit, size_t index, int64_t *ret_taken, int64_t *ret_wait);

/* Whether nothing was taken for as long as any window can be: the file may go. */
int budget_is_idle(int dir, const char *bucket);

#endif
