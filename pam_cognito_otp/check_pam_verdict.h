/*
 * check_pam_verdict - what a service's whole auth stack makes of the module's answer, as findings.
 *
 * Rule kept here: a stack that several services include is reported once.
 */
#ifndef OTP_CHECK_PAM_VERDICT_H
#define OTP_CHECK_PAM_VERDICT_H

#include <stdbool.h>
#include <stddef.h>

#include "check_pam_line.h"
#include "pam_dispatch.h"

enum { CHECK_PAM_SEEN_MAX = 128, CHECK_PAM_SEEN_SIZE = CHECK_PAM_WHERE_MAX + 32 };

/* The findings of all services so far. */
struct check_pam_seen {
	const struct check *check;
	char seen[CHECK_PAM_SEEN_MAX][CHECK_PAM_SEEN_SIZE]; /* name and where */
	size_t count;
	int faults; /* warnings and errors */
};

/* One service and its first line with the module. */
struct check_pam_service {
	const char *name;
	const struct pam_stack *stack;
	const struct pam_line *line;
	struct check_pam_settings settings; /* of that line */
};

/* Reports a finding, unless one of this name was reported for the same place. */
void check_pam_say(struct check_pam_seen *seen, const struct finding *finding, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* Files that others can write, and lines that PAM cannot use. */
void check_pam_files(struct check_pam_seen *seen, const struct check_pam_service *service);

/* Who gets in and how. *ret_unmapped_open: whoever has no mapping, with no proof to PAM. *ret_proved_first: nobody is asked for a code
 * before a proof to PAM. */
void check_pam_verdict(struct check_pam_seen *seen, const struct check_pam_service *service, bool *ret_unmapped_open,
		       bool *ret_proved_first);

#endif
