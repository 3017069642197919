/* login_session - see login_session.h. */
#include "login_session.h"

#include <string.h>

#include "cache_session.h"
#include "cache_sweep.h"
#include "log.h"

/* Nothing waits, or nothing was there: that is the rule, not a fault. */
static enum otp_err login_session_fault(enum otp_err err)
{
	return err == OTP_IGNORED ? OTP_OK : err;
}

enum otp_err login_session_find(struct login_session *ret_session, const struct policy_user *user, pid_t opener, struct note *note)
{
	*ret_session = (struct login_session){ user, PROCESS_UNKNOWN, note };
	if (!process_read(opener, &ret_session->opener))
		return OTP_IGNORED;
	if (!process_began_session(&ret_session->opener))
		return OTP_IGNORED;
	if (user->looked_up != OTP_OK)
		return user->looked_up;
	return user->uid == 0 ? OTP_IGNORED : OTP_OK;
}

/* systemd runs one for each user, whom all that he starts by it shares, from wherever he has come in. */
bool login_session_is_shared(const struct login_session *session, const char *service, bool ssh)
{
	const struct process *opener = &session->opener;

	if (strcmp(service, "systemd-user") == 0)
		return true;
	return ssh && opener->pid != 0 && opener->session != PROCESS_NO_SESSION && !process_began_session(opener);
}

void login_session_forget(const struct login_session *session, const struct options *options)
{
	cache_session_end(options->cache_dir, session->opener.session);
	cache_sweep_session(options, session->opener.session);
}

enum otp_err login_session_open(const struct login_session *session, const struct options *options, char ret_token[SESSION_TOKEN_PATH_SIZE])
{
	const struct policy_user *user = session->user;
	struct note note = { "" };
	enum otp_err begun = options->cache ? cache_session_begin(options->cache_dir, &session->opener, session->note) : OTP_OK;
	enum otp_err bound = begun == OTP_OK ? cache_bind(options, user->uid, &session->opener, session->note) : begun;
	enum otp_err err = login_session_fault(bound);
	enum otp_err token = OTP_IGNORED;

	ret_token[0] = '\0';
	if (options->session_tokens)
		token = session_token_open(user->uid, user->gid, &session->opener, ret_token, &note);
	log_debug("session %u of uid %lu begins%s%s", session->opener.session, (unsigned long)user->uid,
		  bound == OTP_OK ? ", with a record" : "", token == OTP_OK ? ", with a token" : "");
	if (err != OTP_OK)
		return err;
	note_set(session->note, "%s", note.text);
	return login_session_fault(token);
}

enum otp_err login_session_leave(const struct login_session *session)
{
	return session_token_close(session->user->uid, &session->opener, session->note);
}

enum otp_err login_session_close(const struct login_session *session, const struct options *options, struct cache_record *ret_record)
{
	enum otp_err err = cache_end_session(options, session->user->uid, &session->opener, ret_record, session->note);

	log_debug("session %u of uid %lu ends%s", session->opener.session, (unsigned long)session->user->uid,
		  err == OTP_OK ? ", and its record with it" : "");
	login_session_forget(session, options);
	return login_session_fault(err);
}
