/*
 * command - runs a program of this machine and reads what it prints.
 *
 * Rules kept here: an absolute path, no shell, an environment of LC_ALL and PATH only, no input; its time and its output are bounded, and it is killed at
 * either bound.
 */
#ifndef OTP_COMMAND_H
#define OTP_COMMAND_H

#include <stdint.h>

#include "err.h"
#include "strbuf.h"

enum { COMMAND_OUTPUT_MAX = 256 * 1024 }; /* bytes */

/*
 * Runs argv[0] (absolute; argv ends with NULL) for at most `limit_ms` milliseconds. *ret_status is its exit status, 128 and the signal's number when one ended it.
 * Standard output and standard error go to `out`, mixed, which the caller has set up (STRBUF_LIMIT of at most COMMAND_OUTPUT_MAX) and ends.
 * OTP_ERR_CONFIG_OPEN: it cannot be started; OTP_ERR_NET_TIMEOUT: it did not end; OTP_ERR_HTTP_OVERSIZE: it prints too much; OTP_ERR_SYSTEM.
 */
enum otp_err command_run(char *const argv[], int64_t limit_ms, struct strbuf *out, int *ret_status);

#endif
