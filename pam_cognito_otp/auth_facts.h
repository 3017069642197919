/*
 * auth_facts - what must have been shown before anybody is let in, and the one place that says yes.
 *
 * Rule kept here: a fact is a constant of many bits and holds only when it is equal to it, so that neither zeroed nor flipped memory is a login
 * (CVE-2023-42465 in sudo).
 */
#ifndef OTP_AUTH_FACTS_H
#define OTP_AUTH_FACTS_H

#include <stdint.h>

#include "err.h"

#define AUTH_FACT_SHOWN UINT32_C(0x3a95c65b)

struct auth_facts {
	uint32_t user_allowed;	   /* policy allows and maps the local user */
	uint32_t challenge_opened; /* the service opened the challenge that we asked for */
	uint32_t code_accepted;	   /* and answered our code with tokens */
	uint32_t id_verified;	   /* the ID token is this pool's, for this client, of this sign-in */
	uint32_t access_verified;  /* the access token as well */
	uint32_t identity_held;	   /* both are of the mapped Cognito user */
	uint32_t pin_held;	   /* he is the one who was pinned, or now is; or nobody is to be pinned */
	uint32_t group_held;	   /* he is in a required group, if there are any */
	uint32_t user_unchanged;   /* the local user still is the one we began with */
};

/* OTP_OK if all of them were shown, otherwise OTP_ERR_INTERNAL: each missing fact has had its own error before. */
enum otp_err auth_facts_verdict(const struct auth_facts *facts);

#endif
