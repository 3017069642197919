/*
 * check - whether logins with a code can work on this machine: everything that the module needs is looked at, and each thing that is wrong is named with its remedy.
 *
 * Rules kept here: nothing is changed and nobody is mailed; a check that cannot be made says so; one that fails does not keep the others from being made.
 */
#ifndef OTP_CHECK_H
#define OTP_CHECK_H

#include "options.h"
#include "report.h"

/* What the checks have in common. Borrowed. */
struct check {
	struct report *report;
	const char *config;	       /* the settings file that was named; NULL: the default one */
	const struct options *options; /* NULL when they cannot be used */
};

/* Everything, in the order in which a login needs it. */
void check_all(const struct check *check);

#endif
