/*
 * check_service - the way to the service: names, connections, certificates, clocks, keys, and whether it takes our client and its secret; with AWS credentials
 * also what check_admin finds.
 *
 * Rules kept here: no mail goes out: it is asked for a user who cannot exist; the request's answer is judged, never used.
 */
#ifndef OTP_CHECK_SERVICE_H
#define OTP_CHECK_SERVICE_H

#include "check.h"

/* `user`: a local name for check_admin, or NULL. Needs check->options. Takes at most twice `deadline`, and with AWS credentials three times. */
void check_service(const struct check *check, const char *user);

#endif
