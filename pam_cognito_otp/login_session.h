/*
 * login_session - what begins and ends with a login session: the record that waits for it becomes its own, its token is the user's; when it
 * ends, both go.
 *
 * Rules kept here:
 *  - only the process in which the session began has a part in it, by its number and start time, and only for the user whom it logs in;
 *    root has none;
 *  - nobody is kept out: what fails costs a code later, or the token, and is one line in the log. Where two things fail, the first is told;
 *  - a token goes when its session ends, also where the settings cannot be read any more.
 */
#ifndef OTP_LOGIN_SESSION_H
#define OTP_LOGIN_SESSION_H

#include <stdbool.h>
#include <sys/types.h>

#include "cache.h"
#include "err.h"
#include "note.h"
#include "options.h"
#include "policy.h"
#include "process.h"
#include "session_token.h"

/* Borrowed. */
struct login_session {
	const struct policy_user *user; /* who was looked up; whether he may log in has been judged by others */
	struct process opener;		/* the process that opens or closes it */
	struct note *note;
};

/*
 * The session that `opener` opens or closes for `user`. OTP_IGNORED: it has none to open, or it is root's. Otherwise as of
 * policy_look_up.
 */
enum otp_err login_session_find(struct login_session *ret_session, const struct policy_user *user, pid_t opener, struct note *note);

/*
 * Whether several logins have it, so that it says nothing about one of them: systemd's for a user, or that of a connection of sshd (`ssh`)
 * which has not begun it, since sshd itself was started in it.
 */
bool login_session_is_shared(const struct login_session *session, const char *service, bool ssh);

/* What was kept for it goes, whoever's it is. */
void login_session_forget(const struct login_session *session, const struct options *options);

/* It begins. The path of its token; "" when it has none. OTP_ERR_STATE_*. */
enum otp_err login_session_open(const struct login_session *session, const struct options *options, char ret_token[SESSION_TOKEN_PATH_SIZE]);

/* It ends; what can be done about it without settings. OTP_ERR_STATE_*. */
enum otp_err login_session_leave(const struct login_session *session);

/*
 * It ends. *ret_record is what it had, with tokens only if they are nobody's any more, for the caller to revoke. The caller ends it in
 * every case. OTP_ERR_STATE_*.
 */
enum otp_err login_session_close(const struct login_session *session, const struct options *options, struct cache_record *ret_record);

#endif
