/* check_login - whether login(1) waits long enough for a mail. */
#ifndef OTP_CHECK_LOGIN_H
#define OTP_CHECK_LOGIN_H

#include <stdint.h>

#include "check.h"
#include "check_pam.h"

void check_login(const struct check *check, const struct pam_use *use);

/* LOGIN_TIMEOUT in the text of /etc/login.defs, in seconds; 60 when it is not set, 0: for ever. *ret_line is its line, 0 when it is not
 * set. */
int64_t check_login_timeout(const char *text, int *ret_line);

#endif
