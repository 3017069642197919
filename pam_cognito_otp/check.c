/* check - see check.h. */
#include "check.h"

#include <string.h>

#include "remedy.h"

const char *check_note_text(const struct note *note, const char *where)
{
	size_t length = strlen(where);

	return strncmp(note->text, where, length) == 0 && strncmp(note->text + length, ": ", 2) == 0 ? note->text + length + 2 : note->text;
}

/* Notes about files begin with the file, and perhaps its line. */
static void check_place(const char *where, const struct note *note, struct note *place)
{
	const char *colon = strstr(note->text, ": ");

	if (where[0] == '\0' && note->text[0] == '/' && colon != NULL)
		note_set(place, "%.*s", (int)(colon - note->text), note->text);
	else
		note_set(place, "%s", where);
}

void check_error(const struct check *check, const char *where, enum otp_err err, const struct note *note)
{
	struct note place;
	struct finding finding = { REPORT_ERROR, err_reason(err), place.text, remedy_of(err) };
	const char *text;

	check_place(where, note, &place);
	text = check_note_text(note, place.text);
	if (text[0] == '\0')
		report_add(check->report, &finding, "%s", err_text(err));
	else if (strstr(text, err_text(err)) != NULL)
		report_add(check->report, &finding, "%s", text);
	else
		report_add(check->report, &finding, "%s: %s", text, err_text(err));
}
