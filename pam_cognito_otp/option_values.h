/*
 * option_values - the kinds of values that settings have: each reads text into a field, or says in a note what is wrong with it.
 *
 * All have one shape, so that the table in options.c can name them: `min` and `max` bound a number, or the bytes of a text whose field has room for
 * `max` + 1. They return OTP_OK or OTP_ERR_CONFIG_VALUE.
 */
#ifndef OTP_OPTION_VALUES_H
#define OTP_OPTION_VALUES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "budget.h"
#include "err.h"
#include "note.h"

enum {
	OPTIONS_TEXT_MAX = 1023, /* bytes of a value */
	OPTIONS_WORDS_MAX = 32	 /* words of a list */
};

/* A list of words, separated by blanks. `words` is NULL-terminated and points into `text`. */
struct option_words {
	char text[OPTIONS_TEXT_MAX + 1];
	const char *words[OPTIONS_WORDS_MAX + 1];
	size_t count;
};

/* Whether `word` is one of them, byte for byte. */
bool option_words_has(const struct option_words *words, const char *word);

enum option_challenge { CHALLENGE_EMAIL_OTP, CHALLENGE_SMS_OTP };
enum option_unmapped { UNMAPPED_DENY, UNMAPPED_IGNORE };
enum option_cache_check { CACHE_CHECK_OFFLINE, CACHE_CHECK_ONLINE };
enum option_confirm { CONFIRM_AUTO, CONFIRM_ALWAYS };

typedef enum otp_err option_setter(const char *value, int64_t min, int64_t max, void *field, struct note *note);

#define OPTION_VALUE(name) enum otp_err name(const char *value, int64_t min, int64_t max, void *field, struct note *note)

OPTION_VALUE(option_set_bool);	    /* bool: yes or no */
OPTION_VALUE(option_set_switch);    /* bool: on or off */
OPTION_VALUE(option_set_number);    /* int64_t: decimal digits */
OPTION_VALUE(option_set_seconds);   /* int64_t: digits and s, m, h or d */
OPTION_VALUE(option_set_budget);    /* struct budget_limit: COUNT/WINDOW, or two of them with a comma; min and max are of the window */
OPTION_VALUE(option_set_path);	    /* text: an absolute path */
OPTION_VALUE(option_set_pool_id);   /* text: region_id */
OPTION_VALUE(option_set_client_id); /* text: [A-Za-z0-9_+] */
OPTION_VALUE(option_set_profile);   /* text: [A-Za-z0-9_.+@-] */
OPTION_VALUE(option_set_endpoint);  /* text: https://host[:port] */
OPTION_VALUE(option_set_proxy);	    /* text: http://host[:port] or https://host[:port] */
OPTION_VALUE(option_set_url);	    /* text: https://host[:port]/path */
OPTION_VALUE(option_set_template);  /* text: kind:text with %u */
OPTION_VALUE(option_set_words);	    /* struct option_words */
OPTION_VALUE(option_set_programs);  /* struct option_words: PAM services */
OPTION_VALUE(option_set_filter);    /* struct option_words: names, with ! those that are excluded */
OPTION_VALUE(option_set_issuers);   /* struct option_words: https URLs */
OPTION_VALUE(option_set_unmapped);  /* enum option_unmapped */
OPTION_VALUE(option_set_confirm);   /* enum option_confirm */
OPTION_VALUE(option_set_cache_check); /* enum option_cache_check */
OPTION_VALUE(option_set_challenge); /* enum option_challenge */

#endif
