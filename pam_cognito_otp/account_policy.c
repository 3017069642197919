/* account_policy - see account_policy.h. */
#include "account_policy.h"

#include <string.h>

bool account_policy_is_system(const struct policy_user *user)
{
	return user->known && user->uid < ACCOUNT_POLICY_SYSTEM_UIDS;
}

static bool account_policy_serves(const struct options *options, const char *service)
{
	if (!options->check_user)
		return false;
	for (size_t i = 0; i < options->check_services.count; i++) {
		if (strcmp(options->check_services.words[i], service) == 0)
			return true;
	}
	return options->check_services.count == 0;
}

/* Of several people the one who has just come in with a code; the map may have lost him since. */
static enum otp_err account_policy_choose(struct policy_user *user, const char *person)
{
	if (person[0] == '\0')
		return OTP_ERR_USER_SHARED;
	return policy_choose(user, person) ? OTP_OK : OTP_ERR_PERSON_UNKNOWN;
}

static bool account_policy_failed(enum otp_err err)
{
	return err_class(err) == OTP_CLASS_SYSTEM || err_class(err) == OTP_CLASS_MEMORY;
}

enum otp_err account_policy_judge(const struct options *options, const struct account_policy_call *call, struct policy_user *user,
				  struct note *note)
{
	enum otp_err err = user->looked_up;

	if (account_policy_failed(err))
		return err;
	/* min_uid is 1 at least, and uid 0 is root's, or stands for nobody who was found; an account of another name has its uid here, too */
	if (user->uid < options->min_uid || !account_policy_serves(options, call->service))
		return OTP_IGNORED;
	if (err != OTP_OK)
		return err;
	err = policy_judge(options, call->user, user, note);
	if (user->map_read && !user->mapped && !user->shared) /* whatever the filters say, or cannot say */
		return OTP_IGNORED;
	if (err == OTP_OK && user->mapped && call->person[0] != '\0' && strcmp(call->person, user->identity.value) != 0)
		return OTP_ERR_PERSON_UNKNOWN; /* the map has lost him since he came in, and now has one other */
	return err == OTP_OK && !user->mapped ? account_policy_choose(user, call->person) : err;
}
