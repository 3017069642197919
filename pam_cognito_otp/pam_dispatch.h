/*
 * pam_dispatch - what an auth stack with our module in it decides: every way through it is followed by the rules of libpam's
 * pam_dispatch.c.
 *
 * Rules kept here:
 *  - what other modules say is not known: all that they can say is tried, but for those that always say the same (pam_deny, pam_permit,
 * pam_env ...);
 *  - modules that ask a question about the user and no secret (pam_succeed_if, pam_rootok ...) are conditions. An administrator who writes
 * one before or behind ours makes an exception, and may; it is a fault only when nobody is left of whom a code is demanded;
 *  - what is said is sure, or is not said: a stack that is too large to be followed is not decided.
 */
#ifndef OTP_PAM_DISPATCH_H
#define OTP_PAM_DISPATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "pam_stack.h"

enum pam_module_kind {
	PAM_MODULE_OURS,
	PAM_MODULE_PERMIT,    /* always a success */
	PAM_MODULE_DENY,      /* always a failure */
	PAM_MODULE_CONDITION, /* a question about the user, without a secret */
	PAM_MODULE_MUTE,      /* has no say: PAM_IGNORE */
	PAM_MODULE_GATE,      /* PAM_IGNORE or a failure: pam_nologin */
	PAM_MODULE_HELPER,    /* success, PAM_IGNORE or a failure, and no proof of anything: pam_cap, pam_exec */
	PAM_MODULE_PASSWORD,  /* asks for a password */
	PAM_MODULE_OTHER      /* proves something in a way of its own, for all we know */
};

enum pam_module_kind pam_dispatch_kind(const struct pam_line *line);

/* "Who is asked": those, by the conditions of the stack, who get in with a right code and in no way without our line. */
struct pam_verdict {
	bool decided;	    /* false: nothing below is known */
	bool reached;	    /* our line is reached at all */
	bool works;	    /* a right code lets somebody in */
	bool asked;	    /* somebody is asked */
	bool bypassed;	    /* somebody gets in without our line being reached */
	uint32_t open;	    /* one bit for each failure of ours with which all of those who are asked get in */
	bool ignored_fails; /* PAM_IGNORE of ours never lets them in, and no other line decides */
	bool ignored_open;  /* PAM_IGNORE of ours lets somebody in who has proved nothing to PAM */
	bool asks_failed;   /* our line is reached after a wrong password */
	bool asks_first;     /* our line is reached by somebody who has proved nothing to PAM before */
};

/* The stack must have a line of ours. */
void pam_dispatch_judge(const struct pam_stack *stack, struct pam_verdict *ret_verdict);

#endif
