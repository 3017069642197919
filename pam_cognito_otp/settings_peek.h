/*
 * settings_peek - whether the settings ask for anything in the account phase, or when a session begins and ends: the one thing that the
 * door itself looks up in them.
 *
 * These phases are called for every key login, cron job and sudo. Where nothing is asked for there, nothing may be started, and nothing
 * that is broken may stop anybody; so the door looks, with libc alone, for check_user and create_user, or for cache and session_tokens,
 * before it calls the helper, which reads the settings in earnest.
 *
 * Rules kept here:
 *  - only `no` is a no (of cache: `off`): a key of these with any other value, or with none, asks, so that a typing error does not switch
 *    a check off, and is told where it is met;
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

/* For the account phase: check_user, create_user. `argv`: the arguments of the PAM line, config=FILE among them or not. */
bool settings_peek_account(const char *const *argv, int argc);

/* For the beginning and the end of a session: cache, session_tokens. */
bool settings_peek_session(const char *const *argv, int argc);

#endif
