/*
 * inheritance - what a process gets from whoever called su or sudo, made our own.
 *
 * Rules kept here: the real uid, umask, limits, signals and working directory of an unprivileged caller reach us through the setuid program that loaded
 * the module. Until all of that is replaced, nothing else is done.
 */
#ifndef OTP_INHERITANCE_H
#define OTP_INHERITANCE_H

#include "err.h"

/*
 * In this order: ids and groups, umask, working directory, signals, limits, death with the parent, no new privileges, no dumps. `fd` is the socket to
 * the parent, by which it is known. OTP_ERR_SYSTEM when one of them fails, OTP_ERR_HELPER_DIED when the parent is gone or is not at the other end.
 */
enum otp_err inheritance_replace(int fd);

#endif
