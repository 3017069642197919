/*
 * cache_purge - logins that this host keeps in the cache end now, at an administrator's wish.
 *
 * Rules kept here:
 *  - first all records and sealed tokens are taken away, then the service is told: one that is down keeps nobody logged in;
 *  - the refresh tokens are revoked one after the other, all within one deadline of the settings; what is not revoked is said, with why;
 *  - no account is looked for: those who have left are the ones to be forgotten.
 */
#ifndef OTP_CACHE_PURGE_H
#define OTP_CACHE_PURGE_H

#include <stdio.h>

#include "err.h"
#include "note.h"
#include "options.h"

/*
 * Takes away records and sealed tokens of `user` (NULL: of everybody), revokes the tokens, and says on `out` how many. OTP_ERR_STATE_IO:
 * something could not be taken away, and the note names it; OTP_ERR_STATE_UNSAFE, OTP_ERR_MEMORY. That tokens could not be revoked is
 * none.
 */
enum otp_err cache_purge(const struct options *options, const char *user, FILE *out, struct note *note);

#endif
