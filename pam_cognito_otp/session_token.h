/*
 * session_token - the user's own ID token for the programs of his session (session_tokens = yes).
 *
 * After a login it waits in the run directory, which is root's alone, under the process that will open the session; that process puts it
 * into OTP_TOKENS_DIR (root's, mode 0711: nobody can list it or change names in it) as a file of the user's, mode 0400, and takes it away
 * when the session ends.
 *
 * Rules kept here:
 *  - ID token only: an access token can change his address, a refresh token lives for a month;
 *  - the name of the file is made of uid, process number and start time of the opener: no text of anybody else is in a path;
 *  - the file appears whole (rename) and is never written to again; what is left of sessions whose process is gone is swept;
 *  - without the directory or room there is no file and no variable: nobody is kept out for it.
 */
#ifndef OTP_SESSION_TOKEN_H
#define OTP_SESSION_TOKEN_H

#include <sys/types.h>

#include "cache.h"
#include "err.h"
#include "note.h"
#include "process.h"
#include "secret.h"

enum { SESSION_TOKEN_PATH_SIZE = 160 };

/* The variable of the session's environment that names the file. */
#define SESSION_TOKEN_VARIABLE "COGNITO_OTP_ID_TOKEN_FILE"

/* Has `id_token` wait for the session that follows this login (call->door, and in sshd its parent). Does nothing where none can follow. OTP_ERR_STATE_*. */
enum otp_err session_token_keep(const struct cache_call *call, const struct secret *id_token, struct note *note);

/* In the process that opens the session: gives it to the user; the file's path. OTP_IGNORED: none waits. OTP_ERR_STATE_*. */
enum otp_err session_token_open(uid_t uid, gid_t gid, const struct process *opener, char ret_path[SESSION_TOKEN_PATH_SIZE], struct note *note);

/* In the same process: the session ends. OTP_ERR_STATE_*: the file may still be there. */
enum otp_err session_token_close(uid_t uid, const struct process *opener, struct note *note);

#endif
