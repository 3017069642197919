/* audit - see audit.h. */
#include "audit.h"

#include <string.h>

#include "log.h"
#include "strbuf.h"

enum { AUDIT_VALUE_SIZE = 129, AUDIT_DETAIL_SIZE = NOTE_MAX };

static const char *audit_event(enum otp_err result, enum otp_err reason)
{
	if (result == OTP_OK && reason == OTP_OK)
		return "accepted";
	return result == OTP_OK || result == OTP_IGNORED ? "ignored" : "denied";
}

static void audit_field(struct strbuf *buf, const char *key, const char *value)
{
	char clean[AUDIT_VALUE_SIZE];

	log_clean(clean, sizeof(clean), value, true);
	strbuf_printf(buf, " %s=%s", key, clean);
}

/* Always the last field, in quotes; what could end them goes. */
static void audit_detail(struct strbuf *buf, const char *text)
{
	char clean[AUDIT_DETAIL_SIZE];

	log_clean(clean, sizeof(clean), text, false);
	for (char *c = clean; *c != '\0'; c++) {
		if (*c == '"')
			*c = '\'';
	}
	strbuf_printf(buf, " detail=\"%s\"", clean);
}

void audit_line(const struct audit *audit, char *line)
{
	strbuf_auto struct strbuf buf = STRBUF_LIMIT(WIRE_LINE_MAX);

	strbuf_printf(&buf, "event=%s reason=%s", audit_event(audit->result, audit->reason), err_reason(audit->reason));
	audit_field(&buf, "user", audit->user);
	audit_field(&buf, "cognito", audit->cognito);
	audit_field(&buf, "service", audit->service);
	audit_field(&buf, "origin", audit->origin);
	audit_field(&buf, "caller", audit->caller);
	if (audit->phase[0] != '\0')
		audit_field(&buf, "phase", audit->phase);
	if (audit->by[0] != '\0' && audit->result == OTP_OK)
		audit_field(&buf, "by", audit->by);
	if (audit->request_id[0] != '\0')
		audit_field(&buf, "request_id", audit->request_id);
	if (audit->note->text[0] != '\0' && audit->reason != OTP_OK)
		audit_detail(&buf, audit->note->text);
	memcpy(line, strbuf_text(&buf), buf.length + 1); /* short of memory it is cut, or empty: then the door writes its own */
}
