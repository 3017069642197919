/*
 * report - what `cognito-otp check` has found: a line for each thing looked at, for a person or, as JSON, for a program.
 *
 * Rules kept here:
 *  - each finding has a stable name and, unless it is good news, a remedy: a complaint that does not say what to do is not one;
 *  - text from files and from the service is cleaned before it is shown;
 *  - the exit status depends on the worst finding only, and is the same with and without JSON.
 */
#ifndef OTP_REPORT_H
#define OTP_REPORT_H

#include <stdbool.h>
#include <stdio.h>

#include "note.h"

enum report_level {
	REPORT_OK,	/* looked at, and good */
	REPORT_NOTE,	/* good to know; nothing to repair */
	REPORT_WARNING, /* people get in, but not all of them, or not as safely as they might */
	REPORT_ERROR	/* nobody gets in, or somebody who should not */
};

/* Exit statuses of check. */
enum { REPORT_EXIT_GOOD = 0, REPORT_EXIT_ERRORS = 3, REPORT_EXIT_WARNINGS = 4 };

enum { REPORT_TEXT_MAX = NOTE_MAX + 256 }; /* bytes of one finding's text; what does not fit is cut */

struct report {
	FILE *out; /* borrowed */
	bool json;
	bool colour; /* of text; never with JSON */
	int found[REPORT_ERROR + 1];
	int written;
};

/* Both as text in English, ASCII. Borrowed; `where` is a file with line, a host, or ""; `remedy` may be "" for good news and notes. */
struct finding {
	enum report_level level;
	const char *name; /* such as sshd_password; of errors in err.h their reason */
	const char *where;
	const char *remedy;
};

/* Starts the report; with JSON nothing else may be written to `out` until report_end. */
void report_begin(struct report *report, FILE *out, bool json, bool colour);

/* One finding; the format gives its text: a sentence without a full stop. */
void report_add(struct report *report, const struct finding *finding, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Writes the end; returns the exit status. */
int report_end(struct report *report);

#endif
