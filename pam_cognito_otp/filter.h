/*
 * filter - which local accounts the settings admit: allow_root and min_uid, users, groups.
 *
 * Rules kept here: all of them must let him in; in a list one word without `!` must match, or there are only words with it, and none of
 * those may; a word is compared as a whole, with the shell's wildcards and no other sign (a backslash stands for itself, as in
 * DOMAIN\name); what cannot be looked up admits nobody.
 */
#ifndef OTP_FILTER_H
#define OTP_FILTER_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "options.h"

/* By number and by name. OTP_ERR_USER_ROOT, OTP_ERR_USER_SYSTEM, OTP_ERR_USER_FILTERED. */
enum otp_err filter_account(const struct options *options, const char *user, uid_t uid);

/* By his groups, of which `primary` is one. OTP_ERR_USER_FILTERED; OTP_ERR_SYSTEM and OTP_ERR_MEMORY where they cannot be looked up. */
enum otp_err filter_groups(const struct options *options, const char *user, gid_t primary);

/* Whether a word means one name, and not whatever matches it. */
bool filter_is_literal(const char *word);

#endif
