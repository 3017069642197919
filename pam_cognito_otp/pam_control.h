/*
 * pam_control - the second word of a PAM line: what each result of its module means for the stack (libpam's _pam_parse_control).
 *
 * Rule kept here: what PAM itself does not understand is treated as PAM treats it, as a failure whatever the module says, and is named.
 */
#ifndef OTP_PAM_CONTROL_H
#define OTP_PAM_CONTROL_H

enum { PAM_CONTROL_RESULTS = 32 }; /* _PAM_RETURN_VALUES */

/* What a result of a module means; a number above 0: jump over so many lines. Linux-PAM's own numbers. */
enum pam_action {
	PAM_ACTION_IGNORE = 0,
	PAM_ACTION_OK = -1,
	PAM_ACTION_DONE = -2,
	PAM_ACTION_BAD = -3,
	PAM_ACTION_DIE = -4,
	PAM_ACTION_RESET = -5
};

/*
 * Fills in the action of each result: required, requisite, sufficient, optional, or what stood in brackets. Returns NULL, or a clause that
 * says what is wrong; all actions are PAM_ACTION_BAD then.
 */
const char *pam_control_read(const char *control, int actions[PAM_CONTROL_RESULTS]);

/* The word for a result in brackets, such as auth_err. */
const char *pam_control_result_name(int result);

#endif
