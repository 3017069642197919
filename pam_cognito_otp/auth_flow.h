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

#include "auth_request.h"

/* Always fills *ret_result. */
typedef void auth_flow_function(const struct auth_request *request, struct auth_result *ret_result);
auth_flow_function auth_flow_run;

#define AUTH_FLOW_SYMBOL "auth_flow_run"

#endif
