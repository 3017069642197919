/*
 * conversation - what a door must offer to the flow: ask, tell, warn, rest.
 *
 * The flow knows its person through this interface only, so that it is the same for PAM (relay_conversation) and for a terminal.
 */
#ifndef OTP_CONVERSATION_H
#define OTP_CONVERSATION_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "secret.h"

enum { CONVERSATION_TEXT_MAX = 500 }; /* bytes of a prompt or message; PAM's limit is 512 */

struct conversation {
	void *door; /* belongs to the door, handed to its functions */

	/*
	 * Shows `prompt` and waits for an answer, as long as the person takes. Any bytes may come, also none; at most 512 of them.
	 * OTP_ERR_CONVERSATION when nobody can be asked. The caller owns *ret_answer.
	 */
	enum otp_err (*ask)(void *door, const char *prompt, bool echo, struct secret *ret_answer);

	/* Shows a message. It may come late (sshd) or never (PAM_SILENT): what the person must know belongs into a prompt. */
	void (*tell)(void *door, const char *text);
	void (*warn)(void *door, const char *text);

	/* Sleeps for `ms` milliseconds, which no deadline counts. */
	void (*rest)(void *door, int64_t ms);
};

#endif
