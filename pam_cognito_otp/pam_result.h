/* pam_result - what a calling program is told: the tables from our classes to PAM's codes, one for each phase. */
#ifndef OTP_PAM_RESULT_H
#define OTP_PAM_RESULT_H

#include "err.h"

/* A PAM code. PAM_SUCCESS for OTP_OK only. Why each class has its code: pam_cognito_otp(8), PAM RETURN VALUES. */
int pam_result_of(enum otp_err err);

/* The same for pam_acct_mgmt: there is nothing to retry, and no code that programs take for "change the password" or "ignore me". */
int pam_result_of_account(enum otp_err err);

/* A syslog level: who has to act, and how soon. */
int pam_result_level(enum otp_err err);

#endif
