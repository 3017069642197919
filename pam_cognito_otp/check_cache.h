/*
 * check_cache - whether the cache and session tokens can do what the settings want of them: sessions begin, the module hears of it, somebody
 * uses what is kept, and it lies where it is safe.
 *
 * Rule kept here: what only costs a code more is a warning; nobody is kept out or let in by any of it.
 */
#ifndef OTP_CHECK_CACHE_H
#define OTP_CHECK_CACHE_H

#include "check.h"
#include "check_pam.h"

/* Nothing to look at where neither is on. check->options must be there. */
void check_cache(const struct check *check, const struct pam_use *use);

#endif
