/*
 * binding - whether verified tokens are the mapped user's.
 *
 * Rules kept here:
 *  - exact bytes, equal length; no case folding, no other claim when the wanted one is missing (an absent claim that was silently replaced by another one
 *    has let strangers in elsewhere);
 *  - email and phone count only when the claim that says "verified" is JSON true;
 *  - ID and access token must name the same sub; a pin must match as well.
 */
#ifndef OTP_BINDING_H
#define OTP_BINDING_H

#include "err.h"
#include "identity.h"
#include "json_doc.h"

/*
 * Whether verified claims of both tokens are `wanted`'s. OTP_ERR_JWT_SUB, OTP_ERR_JWT_CLAIM, OTP_ERR_IDENTITY_EMAIL, _UNVERIFIED, _PHONE, _USERNAME, _SUB.
 */
enum otp_err binding_check(const struct identity *wanted, const struct json_value *id_claims, const struct json_value *access_claims);

/* `groups`: NULL-terminated list; OTP_OK when it is empty or one of them is in the ID token's cognito:groups, else OTP_ERR_IDENTITY_GROUP. */
enum otp_err binding_check_groups(const char *const *groups, const struct json_value *id_claims);

#endif
