/*
 * session_flow - the end of a login session whose record had tokens of the service: they are unsealed once more, taken away, and revoked.
 *
 * Rules kept here: nobody waits for it (revocation.h); the sealed file goes, whatever becomes of the rest; nothing is asked or told.
 *
 * It is in the same shared object as auth_flow, since it needs the same libraries, which are not loaded for a session without tokens.
 */
#ifndef OTP_SESSION_FLOW_H
#define OTP_SESSION_FLOW_H

#include "auth_flow.h"

/* request->cached is the record that was taken away, and no other names its tokens. Always fills *ret_result. */
auth_flow_function session_flow_run;

#define SESSION_FLOW_SYMBOL "session_flow_run"

#endif
