/*
 * process - what the kernel says of a process: when it started, who its parent is, and in which login session it is.
 *
 * A login session is the audit session of the kernel: a number that pam_loginuid begins for each login, that
 * children inherit, and that no unprivileged process that is in one can change.
 *
 * Rule kept here: a number of a process is given to others later; only with its start time it means one process of this boot.
 */
#ifndef OTP_PROCESS_H
#define OTP_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#define PROCESS_NO_SESSION UINT32_MAX /* as the kernel has it */

struct process {
	pid_t pid; /* 0: not known */
	pid_t parent;
	uint64_t start;	  /* clock ticks since the boot */
	uint32_t session; /* PROCESS_NO_SESSION: it is in none, or in that of init, or the kernel keeps none */
};
#define PROCESS_UNKNOWN { 0, 0, 0, PROCESS_NO_SESSION }

/* False, with PROCESS_UNKNOWN, when there is none, or no /proc. */
bool process_read(pid_t pid, struct process *ret_process);

/*
 * Whether the session that it is in began with it: its parent is in another one, or in none. sudo and su within a session begin none. A
 * parent that cannot be asked (gone, or outside of this container) shows nothing: false.
 */
bool process_began_session(const struct process *process);

/* Whether it still runs. */
bool process_lives(const struct process *process);

#endif
