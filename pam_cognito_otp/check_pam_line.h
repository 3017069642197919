/*
 * check_pam_line - one auth line with our module: which file PAM loads for it, what its control means, whether its arguments are settings.
 */
#ifndef OTP_CHECK_PAM_LINE_H
#define OTP_CHECK_PAM_LINE_H

#include <stdbool.h>
#include <stdint.h>

#include "check.h"
#include "pam_stack.h"

enum { CHECK_PAM_WHERE_MAX = PAM_STACK_PATH_MAX + 16 };

/* What the settings of the line are, file and arguments together. */
struct check_pam_settings {
	bool known; /* false: they cannot be used */
	bool ignores_unmapped;
	int64_t deadline; /* seconds */
};

/* file:line */
void check_pam_where(const struct pam_line *line, char out[CHECK_PAM_WHERE_MAX]);

/* Whether PAM finds no file for the line's module. False where that cannot be known. */
bool check_pam_is_missing(const char *module_directory, const struct pam_line *line);

/* Reports what is wrong with the line alone. `module_directory` is where PAM looks for modules. Returns whether all is well. */
bool check_pam_line(const struct check *check, const char *module_directory, const struct pam_line *line,
		    struct check_pam_settings *ret_settings);

#endif
