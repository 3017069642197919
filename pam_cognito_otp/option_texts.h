/*
 * option_texts - the values of settings as text: the way back from what option_values reads.
 *
 * Rule kept here: what is written for a value is read again as the same value.
 */
#ifndef OTP_OPTION_TEXTS_H
#define OTP_OPTION_TEXTS_H

#include "option_values.h"
#include "strbuf.h"

/* Adds the value of `field`, which `set` has filled; nothing when it is not set. */
void option_text(option_setter *set, const void *field, struct strbuf *out);

#endif
