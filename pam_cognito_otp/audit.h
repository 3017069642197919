/*
 * audit - the one line that a call leaves in the log.
 *
 * `event=accepted|ignored|denied reason=… user=… cognito=… service=… origin=… caller=… [by=cache|renewal] [request_id=…] [detail="…"]`
 *
 * In the account phase ` phase=account` follows the caller, and `ignored` stands for a system user who goes on though nobody could be
 * judged. When a session begins or ends it is ` phase=open_session` or ` phase=close_session`, and the session goes on though something
 * failed.
 *
 * Rules kept here: fixed keys in a fixed order; each value is cleaned, so that a name cannot forge a second field or a second line; the
 * name of an account that does not exist is not written, since it may be a password typed too early; no code, token, session or secret
 * has a field.
 */
#ifndef OTP_AUDIT_H
#define OTP_AUDIT_H

#include "err.h"
#include "note.h"
#include "wire.h"

/* Borrowed text; "" leaves a value as "-", an empty request_id or note leaves its field out. */
struct audit {
	enum otp_err result; /* what the calling program is told */
	enum otp_err reason;
	const char *user;
	const char *cognito;
	const char *service;
	const char *origin;
	const char *caller;
	const char *request_id;
	const struct note *note;
	const char *phase; /* "" in the auth phase */
	const char *by; /* what it was accepted by; "": by a code */
};

/* `line` has room for WIRE_LINE_MAX + 1 bytes. */
void audit_line(const struct audit *audit, char *line);

#endif
