/* check - see check.h. */
#include "check.h"

#include "remedy.h"

void check_error(const struct check *check, const char *where, enum otp_err err, const struct note *note)
{
	struct finding finding = { REPORT_ERROR, err_reason(err), where, remedy_of(err) };

	if (note->text[0] == '\0')
		report_add(check->report, &finding, "%s", err_text(err));
	else
		report_add(check->report, &finding, "%s: %s", note->text, err_text(err));
}
