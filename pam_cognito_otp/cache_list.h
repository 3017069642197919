/*
 * cache_list - which logins this host keeps in the cache, for an administrator: who needs no code at the moment, for how long, and why
 * what is kept does not count any more.
 *
 * Rule kept here: no secret and no key is shown; of a key its kind and its fingerprint, as ssh-keygen prints it.
 */
#ifndef OTP_CACHE_LIST_H
#define OTP_CACHE_LIST_H

#include <stdio.h>

#include "err.h"
#include "note.h"
#include "options.h"

/*
 * Writes a line for each record, and each sealed token that no record names, of `user` (NULL: of everybody) to `out`, and then how many
 * there are. Whether one counts is judged by `options`, groups of single services aside. OTP_ERR_STATE_*, OTP_ERR_MEMORY.
 */
enum otp_err cache_list_show(const struct options *options, const char *user, FILE *out, struct note *note);

#endif
