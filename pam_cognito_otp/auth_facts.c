/* auth_facts - see auth_facts.h. */
#include "auth_facts.h"

#include <stdbool.h>

static bool auth_fact_holds(uint32_t fact)
{
	return fact == AUTH_FACT_SHOWN;
}

enum otp_err auth_facts_verdict(const struct auth_facts *facts)
{
	if (!auth_fact_holds(facts->user_allowed) || !auth_fact_holds(facts->challenge_opened) || !auth_fact_holds(facts->code_accepted))
		return OTP_ERR_INTERNAL;
	if (!auth_fact_holds(facts->id_verified) || !auth_fact_holds(facts->access_verified))
		return OTP_ERR_INTERNAL;
	if (!auth_fact_holds(facts->identity_held) || !auth_fact_holds(facts->pin_held))
		return OTP_ERR_INTERNAL;
	if (!auth_fact_holds(facts->group_held) || !auth_fact_holds(facts->user_unchanged))
		return OTP_ERR_INTERNAL;
	return OTP_OK;
}
