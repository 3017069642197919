/*
 * pin_list - the pins of this host, for an administrator: shown, and forgotten on demand.
 *
 * Rule kept here: no account is looked up: those who have left are the ones whose pins an administrator looks for.
 */
#ifndef OTP_PIN_LIST_H
#define OTP_PIN_LIST_H

#include <stdio.h>

#include "err.h"
#include "note.h"

/* Writes a line for each pin of `user` (NULL: of everybody) to `out`, and then how many there are. Errors of pins.h. */
enum otp_err pin_list_show(const char *user_pool_id, const char *user, FILE *out, struct note *note);

/* Forgets them, and says on `out` how many there were; with NULL the file is begun where there is none. As above. */
enum otp_err pin_list_clear(const char *user_pool_id, const char *user, FILE *out, struct note *note);

#endif
