/* clock - see clock.h. clock_gettime cannot fail for these two clocks on Linux; if it ever does, time stands at 0 and deadlines have passed. */
#include "clock.h"

#include <time.h>

int64_t clock_wall(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

int64_t clock_monotonic_ms(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct deadline deadline_start(int64_t ms)
{
	struct deadline deadline = { ms, clock_monotonic_ms() };

	return deadline;
}

int64_t deadline_left_ms(const struct deadline *deadline)
{
	int64_t left = deadline->left_ms;

	if (deadline->running_ms >= 0)
		left -= clock_monotonic_ms() - deadline->running_ms;
	return left > 0 ? left : 0;
}

void deadline_pause(struct deadline *deadline)
{
	deadline->left_ms = deadline_left_ms(deadline);
	deadline->running_ms = -1;
}

void deadline_resume(struct deadline *deadline)
{
	deadline->running_ms = clock_monotonic_ms();
}
