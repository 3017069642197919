/*
 * account_flow - the story of the account phase: is the person whom this account is mapped to still in the pool as he should be?
 *
 * Rules kept here: nothing is asked, nothing is mailed, nobody is created; anything but a clear yes is an objection with its own reason;
 * whoever is refused here has proved himself, and is told so.
 *
 * It is in the same shared object as auth_flow, since it needs the same libraries.
 */
#ifndef OTP_ACCOUNT_FLOW_H
#define OTP_ACCOUNT_FLOW_H

#include "auth_flow.h"

/* request->refusal is OTP_OK and request->judged is mapped; what is there for a dialogue is not looked at. Always fills *ret_result. */
auth_flow_function account_flow_run;

#define ACCOUNT_FLOW_SYMBOL "account_flow_run"

#endif
