/*
 * settings_peek - whether the settings ask for anything in the account phase: the one thing that the door itself looks up in them.
 *
 * The account phase is called for every key login, cron job and sudo. Where nothing is asked for there, nothing may be started, and
 * nothing that is broken may stop anybody; so the door looks, with libc alone, for check_user and create_user, before it calls the
 * helper, which reads the settings in earnest.
 *
 * Rules kept here:
 *  - only `no` is a no: a key of these with any other value, or with none, asks, so that a typing error does not switch a check off;
 *  - an argument of the PAM line overrides the file, as it does for the helper;
 *  - a file that is not there, or is none that the helper would take (a symbolic link, a FIFO), asks for nothing; but when the calling
 *    program has run out of descriptors or memory, which whoever runs sudo can bring about, it is taken to ask;
 *  - what else stands in the file is not looked at.
 */
#ifndef OTP_SETTINGS_PEEK_H
#define OTP_SETTINGS_PEEK_H

#include <stdbool.h>

enum { SETTINGS_PEEK_MAX = 64 * 1024 }; /* bytes of a file that are looked at: the helper refuses a larger one */

#define SETTINGS_PEEK_FILE OTP_SYSCONFDIR "/security/pam_cognito_otp.conf"

/* `argv`: the arguments of the PAM line, config=FILE among them or not. */
bool settings_peek(const char *const *argv, int argc);

#endif
