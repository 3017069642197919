/* clock - see clock.h. clock_gettime cannot fail for these clocks on Linux; if it ever does, time stands at 0 and deadlines have passed. */
#include "clock.h"

#include <errno.h>
#include <fcntl.h>
#include <time.h>
#include <unistd.h>

int64_t clock_wall(void)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	return now.tv_sec;
}

static int64_t clock_ms(clockid_t clock)
{
	struct timespec now = { 0, 0 };

	(void)clock_gettime(clock, &now);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_ms(void)
{
	return clock_ms(CLOCK_MONOTONIC);
}

int64_t clock_boot_ms(void)
{
	return clock_ms(CLOCK_BOOTTIME);
}

void clock_sleep_until_ms(int64_t ms)
{
	struct timespec end = { ms / 1000, ms % 1000 * 1000000 };

	while (ms > clock_monotonic_ms() && clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &end, NULL) == EINTR)
		;
}

void clock_boot_id(char out[CLOCK_BOOT_ID_SIZE])
{
	int fd = open("/proc/sys/kernel/random/boot_id", O_RDONLY | O_CLOEXEC);
	ssize_t got = fd < 0 ? -1 : read(fd, out, CLOCK_BOOT_ID_SIZE - 1);

	out[got < 0 ? 0 : got] = '\0';
	if (fd >= 0)
		(void)close(fd);
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
