/*
 * pace - how fast the dialogue goes on with those who have proved nothing.
 *
 * Rule kept here: a step that talks to the service for some accounts takes the same time for all, longer than the service needs for it (security by counting
 * milliseconds: an attacker compares names by the time that the answer takes). A step that is the same for all is not slowed.
 */
#ifndef OTP_PACE_H
#define OTP_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "conversation.h"

enum pace_step {
	PACE_START, /* until the first question: look-up, settings, map */
	PACE_MAIL,
	PACE_CODE
};

struct pace {
	bool slow;
	int64_t deadline_ms;
	int64_t since_ms; /* clock_monotonic_ms() of the last answer, or of the start */
	int64_t least_ms; /* what must have passed since then before the next word */
};

/* `deadline_ms`: of the whole call. A short one shortens the steps, for all alike. `slow`: false for those who have proved something. */
struct pace pace_start(bool slow, int64_t deadline_ms, int64_t started_ms);

/* An answer has come. */
void pace_answered(struct pace *pace);

/* What follows is such a step. */
void pace_step(struct pace *pace, enum pace_step step);

/* Before the next word: has the door rest for what is left of the step. */
void pace_keep(const struct pace *pace, const struct conversation *conversation);

#endif
