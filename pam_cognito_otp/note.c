/* note - see note.h. */
#include "note.h"

#include <stdarg.h>
#include <stdio.h>

void note_set(struct note *note, const char *format, ...)
{
	va_list args;

	if (note == NULL)
		return;
	va_start(args, format);
	(void)vsnprintf(note->text, sizeof(note->text), format, args); /* a cut note is still a note */
	va_end(args);
}
