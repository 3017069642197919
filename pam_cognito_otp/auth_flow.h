/*
 * auth_flow - the story of one login: may we mail? a code is mailed, asked for, sent in; tokens come, are verified, and are his.
 *
 * Rules kept here:
 *  - success is computed in one place from facts that start false and are set where they were shown;
 *  - a caller who has proved nothing is led through the same dialogue whether or not his account can sign in: where it cannot, no request leaves, and the
 *    reason goes to the log only;
 *  - nothing is mailed before somebody who may have it mailed asked for it, and not while an earlier code is open; no code is sent that has not the
 *    form of one; no call is repeated;
 *  - a step that may talk to the service takes a stranger the same time for every account;
 *  - tokens that nobody asked to keep are revoked, in a process of its own, so that the login does not wait for it.
 *
 * This is the part that needs libcurl, OpenSSL and json-c. It is a shared object of its own, loaded by the helper when a login needs it.
 */
#ifndef OTP_AUTH_FLOW_H
#define OTP_AUTH_FLOW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "caller.h"
#include "clock.h"
#include "conversation.h"
#include "err.h"
#include "http.h"
#include "messages.h"
#include "note.h"
#include "options.h"
#include "policy.h"

/* Everything is borrowed and outlives the call. */
struct auth_request {
	size_t size;	     /* AUTH_REQUEST_SIZE of the helper: it and the flow share structs by their layout, and are two files */
	const char *version; /* OTP_VERSION of the helper: the same sizes are not the same layout. These two stay the first, in every version */
	const struct options *options;
	const struct messages *messages;
	const char *user;
	const char *service; /* the calling program, as PAM calls it */
	struct policy_user *judged; /* of a shared account the flow finds out which of its people it is, and says so here */
	enum otp_err refusal; /* OTP_OK, or why this user can not sign in: then the dialogue is only played */
	struct caller caller;
	const char *source; /* caller_source */
	uint32_t real_uid;  /* of the calling program */
	int64_t started_ms; /* clock_monotonic_ms() when the call came in */
	const struct conversation *conversation;
	struct deadline *deadline;
	struct note *note;
};

struct auth_result {
	enum otp_err result; /* what the calling program may know */
	enum otp_err reason; /* what the log is told */
	char request_id[HTTP_WORD_MAX + 1];
	bool remembered; /* account phase: the service was not asked, since it said yes a moment ago */
};

/* Always fills *ret_result. */
typedef void auth_flow_function(const struct auth_request *request, struct auth_result *ret_result);
auth_flow_function auth_flow_run;

#define AUTH_REQUEST_SIZE \
	(sizeof(struct auth_request) + 8191 * (sizeof(struct auth_result) + 8191 * (sizeof(struct options) + 8191 * (sizeof(struct policy_user) + \
	 8191 * sizeof(struct messages)))))

#define AUTH_FLOW_SYMBOL "auth_flow_run"

/* Which build the flow is of: what a helper, or whoever looks after the installation, can compare with its own. */
struct auth_flow_build {
	const char *version;
	size_t request_size; /* AUTH_REQUEST_SIZE */
};
extern const struct auth_flow_build auth_flow_build;

#define AUTH_FLOW_BUILD_SYMBOL "auth_flow_build"

#endif
