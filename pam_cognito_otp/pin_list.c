/* pin_list - see pin_list.h. */
#include "pin_list.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "pins.h"

struct pin_list {
	const char *user; /* NULL: everybody */
	FILE *out;
	int64_t count;
};

static enum otp_err pin_list_one(void *arg, const struct pin *pin)
{
	struct pin_list *list = arg;
	time_t seconds = (time_t)pin->time;
	char when[32] = "-";
	struct tm utc;

	if (list->user != NULL && strcmp(pin->user, list->user) != 0)
		return OTP_OK;
	if (gmtime_r(&seconds, &utc) != NULL)
		(void)strftime(when, sizeof(when), "%Y-%m-%dT%H:%M:%SZ", &utc);
	fprintf(list->out, "pin    user=%s cognito=%s:%s sub=%s from=%s time=%s\n", pin->user, identity_kind_name(pin->identity.kind),
		pin->identity.value, pin->identity.sub, pin_origin_name(pin->origin), when);
	list->count++;
	return OTP_OK;
}

enum otp_err pin_list_show(const char *user_pool_id, const char *user, FILE *out, struct note *note)
{
	struct pin_list list = { user, out, 0 };
	enum otp_err err = pins_each(user_pool_id, pin_list_one, &list, note);

	if (err == OTP_OK)
		fprintf(out, "pins: %" PRId64 "\n", list.count);
	return err;
}

enum otp_err pin_list_clear(const char *user_pool_id, const char *user, FILE *out, struct note *note)
{
	int64_t count = 0;
	enum otp_err err = pins_clear(user_pool_id, user, &count, note);

	if (err == OTP_OK)
		fprintf(out, "%s: pins removed: %" PRId64 "\n", user == NULL ? "all" : user, count);
	return err;
}
