/*
 * remedy - what an administrator does about an error: one or two sentences for each entry of err.h.
 *
 * Rules kept here:
 *  - the advice is that of LOG REASONS in man/pam_cognito_otp.8, and shorter: the page explains, this says what to type or to look at;
 *  - full sentences of plain ASCII, of at most REMEDY_MAX bytes, so that a terminal shows them as they are; nothing of them comes from outside;
 *  - no advice weakens a check.
 */
#ifndef OTP_REMEDY_H
#define OTP_REMEDY_H

#include "err.h"

enum { REMEDY_MAX = 200 };

/* Never NULL. "" for OTP_OK only: nothing is to be done. A number that is no error has the remedy of OTP_ERR_INTERNAL. */
const char *remedy_of(enum otp_err err);

#endif
