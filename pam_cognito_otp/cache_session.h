/*
 * cache_session - which login sessions records may be bound to: those that a program has begun under our session line, while it lives.
 *
 * The number of an audit session alone is not one login: whatever sshd is started from a shell has that shell's session in all of its
 * connections, and the manager that systemd runs for a user has one for all that anybody starts by it.
 *
 * Rules kept here:
 *  - a session is open from its open_session on, until its close_session or the end of the process that opened it;
 *  - where sshd opens a connection's session in one that it has not begun, several connections share it: it is nobody's from then on.
 */
#ifndef OTP_CACHE_SESSION_H
#define OTP_CACHE_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "note.h"
#include "process.h"

/* The file that says so: cache-begun-SESSION in cache_dir. */
#define CACHE_SESSION_FILE "cache-begun-"

/* In the process that has begun the session. OTP_ERR_STATE_*: nothing is kept in it then. */
enum otp_err cache_session_begin(const char *cache_dir, const struct process *opener, struct note *note);

/* Whether it has been begun so, in this boot, by a process that still runs. */
bool cache_session_is_open(const char *cache_dir, uint32_t session);

/* It has ended, or is nobody's. */
void cache_session_end(const char *cache_dir, uint32_t session);

#endif
