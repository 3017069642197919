/*
 * check - whether logins with a code can work on this machine: everything that the module needs is looked at, and each thing that is wrong is named with its remedy.
 *
 * Rules kept here: nothing is changed and nobody is mailed; a check that cannot be made says so; one that fails does not keep the others from being made.
 */
#ifndef OTP_CHECK_H
#define OTP_CHECK_H

#include "err.h"
#include "note.h"
#include "options.h"
#include "report.h"

/* What the checks have in common. Borrowed. */
struct check {
	struct report *report;
	const char *config;	       /* the settings file that was named; NULL: the default one */
	const struct options *options; /* NULL when they cannot be used */
};

/* The remedy for a state directory that others can change. It is not emptied: pins are in it. */
#define CHECK_STATE_UNSAFE "Run namei -l " OTP_STATE_DIR ", and find out who changed it. Then make it and its files root's alone (0700, 0600)."

/* The note without the place that it begins with, which a finding has by itself. Borrowed from the note. */
const char *check_note_text(const struct note *note, const char *where);

/* Adds an error of err.h, with its remedy: the note's text and the list's. `where` may be "" when the note begins with a file. */
void check_error(const struct check *check, const char *where, enum otp_err err, const struct note *note);

#endif
