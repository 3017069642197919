/*
 * config_file - files of lines `name = value`: the settings, and the texts that people are shown.
 *
 * Rules kept here: the file is root's (safe_file); every line means something or is an error that names file, line and name; blanks around
 * name and value do not count; a # at the start of a line begins a comment, and anywhere else it belongs to the value.
 */
#ifndef OTP_CONFIG_FILE_H
#define OTP_CONFIG_FILE_H

#include <stddef.h>

#include "err.h"
#include "note.h"
#include "secret.h"

/* Where something is written, for the notes. */
struct config_place {
	const char *file;
	unsigned long line; /* 0: there are no lines */
};

/* Takes a line. `name` is not NUL-terminated; `value` has a byte at least, and lives as long as the text of the file. */
typedef enum otp_err config_setter(void *target, const struct config_place *place, const char *name, size_t name_length, const char *value,
				   struct note *note);

/*
 * Hands the lines of a file of at most `max` bytes to `set`, up to the first error. The caller ends *text, which the values stand in.
 * Errors of safe_file_read and of `set`; OTP_ERR_CONFIG_SYNTAX, OTP_ERR_CONFIG_VALUE (an empty one).
 */
enum otp_err config_file_read(const char *path, size_t max, config_setter *set, void *target, struct secret *text, struct note *note);

/* Notes "FILE:LINE: NAME: WHAT" and returns `err`. */
enum otp_err config_complain(const struct config_place *place, const char *name, const char *what, enum otp_err err, struct note *note);

/* The same of a name that does not exist: OTP_ERR_CONFIG_KEY. Of a long one the beginning is told. */
enum otp_err config_unknown(const struct config_place *place, const char *name, size_t name_length, const char *what, struct note *note);

#endif
