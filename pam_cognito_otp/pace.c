/* pace - see pace.h. */
#include "pace.h"

#include "clock.h"

enum { PACE_START_MS = 100, PACE_MAIL_MS = 2000, PACE_CODE_MS = 1000, PACE_MAIL_SHARE = 8, PACE_SHARE = 16 };

struct pace pace_start(bool slow, int64_t deadline_ms, int64_t started_ms)
{
	struct pace pace = { slow, deadline_ms, started_ms, 0 };

	pace_step(&pace, PACE_START);
	return pace;
}

void pace_answered(struct pace *pace)
{
	pace->since_ms = clock_monotonic_ms();
	pace->least_ms = 0;
}

void pace_step(struct pace *pace, enum pace_step step)
{
	static const int64_t least[] = { [PACE_START] = PACE_START_MS, [PACE_MAIL] = PACE_MAIL_MS, [PACE_CODE] = PACE_CODE_MS };
	int64_t most = pace->deadline_ms / (step == PACE_MAIL ? PACE_MAIL_SHARE : PACE_SHARE);

	pace->least_ms = least[step] < most ? least[step] : most;
}

void pace_keep(const struct pace *pace, const struct conversation *conversation)
{
	int64_t left = pace->since_ms + pace->least_ms - clock_monotonic_ms();

	if (pace->slow && left > 0)
		conversation->rest(conversation->door, left);
}
