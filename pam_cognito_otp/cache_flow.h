/*
 * cache_flow - what a login takes from the cache, and what it leaves there: the part that needs the service's tokens.
 *
 * Rules kept here:
 *  - kept tokens are renewed one call at a time, and the answer is verified like that of a code, and must be of the same sign-in;
 *  - a rotated refresh token is on disk before anything else is done with the answer;
 *  - what the service refuses is taken away, what it does not answer stays; either way a code is asked for;
 *  - tokens that are replaced are revoked.
 */
#ifndef OTP_CACHE_FLOW_H
#define OTP_CACHE_FLOW_H

#include <stdbool.h>

#include "auth_facts.h"
#include "cache.h"
#include "clock.h"
#include "note.h"
#include "proof.h"
#include "service.h"

/* Borrowed. */
struct cache_flow {
	const struct cache_call *call;
	const struct cache_record *cached; /* whose tokens are to be renewed; NULL: none */
	struct service *service;
	struct deadline *deadline;
	struct note *note;
};

/*
 * Renews the tokens of flow->cached, if there is one, and sets all facts that the answer shows. True: he is who he was, and still welcome.
 * False: a code is to be asked for, and *facts are as they were.
 */
bool cache_flow_renew(struct cache_flow *flow, struct auth_facts *facts);

/* After the verdict: keeps what the settings ask to be kept. What of it fails is logged, and costs a code later. */
void cache_flow_keep(struct cache_flow *flow, const struct cognito_tokens *tokens, const struct proof_seen *seen);

#endif
