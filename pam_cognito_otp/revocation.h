/*
 * revocation - ends the refresh token of a login that nobody asked to keep, without the person waiting for it.
 *
 * Rules kept here: a process of its own does it, with a bound of its own, so that neither login nor logout depends on it; it is nobody's child that a host
 * program could meet: its parent, the helper, ends at once.
 */
#ifndef OTP_REVOCATION_H
#define OTP_REVOCATION_H

#include "cognito.h"

/* Does nothing when there is no refresh token. The connection of cognito->http belongs to the other process afterwards; only http_free may follow here. */
void revocation_start(struct cognito *cognito);

#endif
