/*
 * auth_request - what the helper hands to the flow object, and what comes back.
 *
 * Rule kept here: the two share these structs by their layout, and are two files. While an installation is under way, or after it was
 * broken off, one may be new and the other old: then nothing of a request is looked at but its size and version, which stay the first.
 */
#ifndef OTP_AUTH_REQUEST_H
#define OTP_AUTH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "cache.h"
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
	const struct cache_call *cache;	   /* who asks, for the cache; always set */
	const struct cache_record *cached; /* whose kept tokens are to be renewed before anything is asked; NULL: none */
};

/* What made it an acceptance: a code, a record that nobody was asked about, or one whose tokens the service has renewed. */
enum auth_by { AUTH_BY_CODE, AUTH_BY_CACHE, AUTH_BY_RENEWAL };

struct auth_result {
	enum otp_err result; /* what the calling program may know */
	enum otp_err reason; /* what the log is told */
	char request_id[HTTP_WORD_MAX + 1];
	enum auth_by by;
	bool remembered; /* account phase: the service was not asked, since it said yes a moment ago */
};

#define AUTH_REQUEST_SIZE \
	(sizeof(struct auth_request) + 8191 * (sizeof(struct auth_result) + 8191 * (sizeof(struct options) + 8191 * (sizeof(struct policy_user) + \
	 8191 * (sizeof(struct messages) + 8191 * (sizeof(struct cache_call) + 8191 * sizeof(struct cache_record)))))))

/* Which build the flow is of: what a helper, or whoever looks after the installation, can compare with its own. */
struct auth_build {
	const char *version;
	size_t request_size; /* AUTH_REQUEST_SIZE */
};
extern const struct auth_build auth_flow_build;

#define AUTH_FLOW_BUILD_SYMBOL "auth_flow_build"

/* Whether the helper is of this build; otherwise *ret_result says so. */
bool auth_request_is_ours(const struct auth_request *request, struct auth_result *ret_result);

#endif
