/*
 * log - cleaned text for logs and terminals, and the helper's own lines in syslog.
 *
 * Rules kept here: text from outside reaches a log or a terminal only through log_clean; the outcome of a call is one line and is written by the
 * door, so what is written here is warnings and, when `debug = yes`, events. Never bodies, never secrets, whatever the level.
 */
#ifndef OTP_LOG_H
#define OTP_LOG_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Copies at most size - 1 bytes of `text`, each byte that is not printable ASCII becoming '?': control characters, escape sequences, bidirectional
 * marks and broken UTF-8 can forge log lines and rewrite an operator's terminal. With `word` blanks, quotes, backslashes and '=' go too, so that the result is
 * one value of a key=value line; an empty result becomes "-".
 */
void log_clean(char *out, size_t size, const char *text, bool word);

/* Opens syslog as `ident` (facility authpriv). The string is kept. */
void log_open(const char *ident, bool debug);
void log_warning(const char *format, ...) __attribute__((format(printf, 1, 2)));
void log_debug(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
