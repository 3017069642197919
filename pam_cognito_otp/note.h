/*
 * note - the sentence that goes with an error: which file, line, setting or phase, and what about it.
 *
 * Rule kept here: a note never carries a secret; it is for the log and for an administrator's eyes.
 */
#ifndef OTP_NOTE_H
#define OTP_NOTE_H

enum { NOTE_MAX = 256 };

struct note {
	char text[NOTE_MAX]; /* "" when there is nothing to say */
};

/* Replaces the text; what does not fit is cut. NULL note: nothing happens. */
void note_set(struct note *note, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
