/*
 * pam_result - see pam_result.h.
 *
 * Why not other codes: administrators often relax PAM_IGNORE, PAM_USER_UNKNOWN and PAM_AUTHINFO_UNAVAIL in their stacks, so these must not be
 * something that the person logging in can bring about (CVE-2025-23013). PAM_MAXTRIES stops sshd's and login's loops.
 */
#include "pam_result.h"

#include <syslog.h>

#include <security/_pam_types.h>

int pam_result_of(enum otp_err err)
{
	/* No default: a new class without a code is a compiler error. */
	switch (err_class(err)) {
	case OTP_CLASS_SUCCESS:
		return PAM_SUCCESS;
	case OTP_CLASS_IGNORED:
		return PAM_IGNORE;
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNTRUSTED:
		return PAM_AUTH_ERR;
	case OTP_CLASS_UNKNOWN_USER:
		return PAM_USER_UNKNOWN;
	case OTP_CLASS_FORBIDDEN:
		return PAM_PERM_DENIED;
	case OTP_CLASS_TRIES:
		return PAM_MAXTRIES;
	case OTP_CLASS_UNREACHABLE:
		return PAM_AUTHINFO_UNAVAIL;
	case OTP_CLASS_SERVICE:
		return PAM_SERVICE_ERR;
	case OTP_CLASS_SYSTEM:
		return PAM_SYSTEM_ERR;
	case OTP_CLASS_MEMORY:
		return PAM_BUF_ERR;
	case OTP_CLASS_CONVERSATION:
		return PAM_CONV_ERR;
	}
	return PAM_SYSTEM_ERR;
}

int pam_result_level(enum otp_err err)
{
	switch (err_class(err)) {
	case OTP_CLASS_SUCCESS:
	case OTP_CLASS_IGNORED:
		return LOG_INFO;
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNKNOWN_USER:
	case OTP_CLASS_FORBIDDEN:
	case OTP_CLASS_CONVERSATION:
		return LOG_NOTICE;
	case OTP_CLASS_TRIES:
		return LOG_WARNING;
	case OTP_CLASS_UNTRUSTED:
		return LOG_ALERT;
	case OTP_CLASS_UNREACHABLE:
	case OTP_CLASS_SERVICE:
	case OTP_CLASS_SYSTEM:
	case OTP_CLASS_MEMORY:
		return LOG_ERR;
	}
	return LOG_ERR;
}

int pam_result_of_account(enum otp_err err)
{
	switch (err_class(err)) {
	case OTP_CLASS_SUCCESS:
		return PAM_SUCCESS;
	case OTP_CLASS_DENIED:
	case OTP_CLASS_UNTRUSTED:
	case OTP_CLASS_UNKNOWN_USER:
	case OTP_CLASS_FORBIDDEN:
		return PAM_PERM_DENIED;
	case OTP_CLASS_TRIES: /* the service asks to wait */
	case OTP_CLASS_UNREACHABLE:
		return PAM_AUTHINFO_UNAVAIL;
	case OTP_CLASS_SERVICE:
		return PAM_SERVICE_ERR;
	case OTP_CLASS_MEMORY:
		return PAM_BUF_ERR;
	case OTP_CLASS_SYSTEM:
	case OTP_CLASS_IGNORED: /* the helper makes a success of it */
	case OTP_CLASS_CONVERSATION: /* nothing is asked */
		break;
	}
	return PAM_SYSTEM_ERR;
}
