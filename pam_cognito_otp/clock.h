/*
 * clock - what time it is, and how much of a deadline is left.
 *
 * Rules kept here: deadlines run on a clock that nobody sets; they stand still while a human is asked; wall time is for tokens only; what lasts from one
 * process to the next is measured on the clock that starts with the machine and goes on while it sleeps.
 */
#ifndef OTP_CLOCK_H
#define OTP_CLOCK_H

#include <stdbool.h>
#include <stdint.h>

/* Seconds since 1970 (CLOCK_REALTIME), for comparison with what the service says. */
int64_t clock_wall(void);

/* Milliseconds on CLOCK_MONOTONIC. */
int64_t clock_monotonic_ms(void);

/* Milliseconds since this machine started, sleep included (CLOCK_BOOTTIME). */
int64_t clock_boot_ms(void);

/* Sleeps until clock_monotonic_ms() is at least `ms`. */
void clock_sleep_until_ms(int64_t ms);

enum { CLOCK_BOOT_ID_SIZE = 37 };

/* The kernel's name for this boot (random(4)), "" where there is no /proc: what another boot wrote says nothing about time in this one. */
void clock_boot_id(char out[CLOCK_BOOT_ID_SIZE]);

struct deadline {
	int64_t left_ms;    /* what was left when it was last paused or started */
	int64_t running_ms; /* clock_monotonic_ms() of that moment; -1 while paused */
};

/* Starts a deadline of `ms` milliseconds. */
struct deadline deadline_start(int64_t ms);
void deadline_pause(struct deadline *deadline);
void deadline_resume(struct deadline *deadline);

/* Milliseconds left, 0 when it has passed. */
int64_t deadline_left_ms(const struct deadline *deadline);

#endif
