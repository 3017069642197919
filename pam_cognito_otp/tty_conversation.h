/*
 * tty_conversation - the flow's person at a terminal, outside PAM.
 *
 * Rules kept here: it is the controlling terminal that is asked, whatever standard input and output are; what must not be shown is not shown, and the
 * terminal is put back before the program ends or stops, whatever signal ends it; what was typed is wiped; while the person is asked the deadline stands still.
 */
#ifndef OTP_TTY_CONVERSATION_H
#define OTP_TTY_CONVERSATION_H

#include "clock.h"
#include "conversation.h"
#include "err.h"

struct tty_door {
	int fd;
	struct deadline *deadline; /* borrowed */
};

/* OTP_ERR_CONVERSATION: there is no controlling terminal. The caller ends it with tty_close. */
enum otp_err tty_open(struct tty_door *ret_door, struct deadline *deadline);
void tty_close(struct tty_door *door);

/* A conversation over `door`, which must outlive it. ^C ends the program as it does elsewhere; ^D is no answer: OTP_ERR_CONVERSATION. */
struct conversation tty_conversation(struct tty_door *door);

#endif
