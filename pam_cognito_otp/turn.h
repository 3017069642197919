/*
 * turn - of several calls that would have a code mailed to the same person from the same place, one does and the others wait for it.
 *
 * Rules kept here:
 *  - the turn is a lock of the kernel on one byte of one file, so that it ends with the process that holds it, however that ends; the byte is chosen by who
 *    asks from where, so that nobody waits for a stranger (two of 2^62 may share one, and then wait);
 *  - nobody sleeps in the kernel for it: it is asked for again and again, within the caller's deadline;
 *  - it is held for requests to the service, never while a person is asked. Its holder does not die with the calling program: the code is in the mail by then, and
 *    what it needs to be of use must reach the disk (the deadline still ends it);
 *  - where it cannot be had (no file, no room), all go on without: the budgets bound what that costs.
 */
#ifndef OTP_TURN_H
#define OTP_TURN_H

#include <stdint.h>
#include <sys/types.h>

#include "clock.h"
#include "err.h"

struct turn {
	int fd; /* -1: no turn is held */
	pid_t parent;
};
#define TURN_NONE { -1, 0 }

/* Waits for the turn of `whose`. OTP_OK also where there is no file to lock. OTP_ERR_NET_TIMEOUT: somebody else had it until the deadline. */
enum otp_err turn_take(int dir, uint64_t whose, const struct deadline *deadline, struct turn *ret_turn);
void turn_end(struct turn *turn);

#endif
