/*
 * relay_conversation - the helper's side of the socketpair: receives the call, carries questions to the door, sends the verdict.
 *
 * Rule kept here: the deadline stands still exactly while the person is being asked, or made to wait on purpose.
 */
#ifndef OTP_RELAY_CONVERSATION_H
#define OTP_RELAY_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "conversation.h"
#include "err.h"
#include "wire.h"

enum { RELAY_AHEAD_MS = 500 }; /* our deadline is earlier than the door's, so that there is a reason in the log and not a killed process */

/* One call of the module, as the door saw it. */
struct relay_call {
	enum wire_phase phase;
	uid_t real_uid; /* of the calling program */
	bool silent;
	char user[WIRE_ITEM_MAX + 1];
	char service[WIRE_ITEM_MAX + 1];
	char terminal[WIRE_ITEM_MAX + 1];
	char remote_host[WIRE_ITEM_MAX + 1];
	char auth_info[WIRE_AUTH_INFO_MAX + 1];
	char person[WIRE_PERSON_MAX + 1]; /* account phase: what the auth phase said of a shared account */
	int argument_count;
	char arguments[WIRE_ARGUMENTS_MAX][WIRE_ITEM_MAX + 1];
};

struct relay_door {
	int fd;
	struct wire_packet *packet; /* borrowed */
	struct deadline *deadline;  /* borrowed */
};

/* Waits for the request. OTP_ERR_HELPER_PROTOCOL, _DIED, _SILENT. */
enum otp_err relay_receive_call(struct relay_door *door, struct relay_call *ret_call);

/* Tells the door how long this call may take without the person, from now on. */
enum otp_err relay_send_hello(struct relay_door *door, int64_t deadline_ms);

/* What the door is told at the end. */
struct relay_verdict {
	enum otp_err result;
	enum otp_err reason;
	const char *line;   /* the outcome line, at most WIRE_LINE_MAX bytes */
	const char *person; /* of a shared account: who it is; "" otherwise */
	const char *token_file; /* of the session that begins: where its token is; "": it has none */
};

/* The one place from which a success leaves: only for result == OTP_OK. */
enum otp_err relay_send_verdict(struct relay_door *door, const struct relay_verdict *verdict);

/* A conversation over `door`, which must outlive it. */
struct conversation relay_conversation(struct relay_door *door);

#endif
