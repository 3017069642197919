/*
 * pam_cognito_otp - the door that PAM knocks at.
 *
 * It collects what PAM knows, has the helper decide (pam_relay), writes the one outcome line and translates the verdict. It links libpam
 * and libc only, keeps nothing but pam_state and, in the session's environment, who of several people has come in, and exports pam_sm_*
 * only.
 *
 * Rules kept here:
 *  - PAM_USER is never set, and is compared at the end with what it was: the program logs in the user it asked for (CVE-2024-9313);
 *  - every PAM item may be missing;
 *  - setcred does nothing: what it would need is not visible in sshd's monitor;
 *  - a session is opened and closed whatever becomes of our part in it. Only a process in which the login session began has a part at all:
 *    for sudo and su nothing is read and nothing started;
 *  - account objects to nobody unless the settings ask for it (settings_peek), and never to root: a key login, cron or sudo's own time
 *    stamp must not fail because of us. Where they do ask, and helper or settings are of no use, system users go on.
 */
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <syslog.h>
#include <unistd.h>

#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>
#include <security/pam_modutil.h>

#include "account_policy.h"
#include "err.h"
#include "log.h"
#include "pam_relay.h"
#include "pam_result.h"
#include "pam_state.h"
#include "process.h"
#include "session_token.h"
#include "settings_peek.h"

#define DOOR_EXPORT __attribute__((visibility("default")))

#define DOOR_PERSON "COGNITO_OTP_USER" /* of the PAM environment, and so of the session's */

enum { DOOR_NAME_SIZE = 64, DOOR_FAIL_DELAY_US = 2 * 1000 * 1000 };

static const char *door_item(const pam_handle_t *pamh, int item)
{
	const void *text = NULL;

	if (pam_get_item(pamh, item, &text) != PAM_SUCCESS)
		return NULL;
	return text;
}

static void door_collect(pam_handle_t *pamh, int flags, int argc, const char **argv, struct pam_relay_call *call)
{
	call->service = door_item(pamh, PAM_SERVICE);
	call->terminal = door_item(pamh, PAM_TTY);
	call->remote_host = door_item(pamh, PAM_RHOST);
	call->auth_info = pam_getenv(pamh, "SSH_AUTH_INFO_0");
	call->silent = ((unsigned int)flags & PAM_SILENT) != 0;
	call->argc = argc;
	call->argv = argv;
}

/* Whether the helper has found the account: the name of one that does not exist may be a password typed too early, and is not logged. */
static bool door_knows_user(enum otp_err reason)
{
	return reason == OTP_ERR_TRIES_BEFORE || reason == OTP_ERR_USER_CHANGED;
}

/* Which helper: a program that has run since before an upgrade calls the one of then. */
static const char *door_about(enum otp_err reason)
{
	return reason >= OTP_ERR_HELPER_MISSING && reason <= OTP_ERR_HELPER_PROTOCOL ? OTP_HELPER_PATH ": " : "";
}

static const char *door_event(const struct pam_relay_verdict *verdict)
{
	if (verdict->result == OTP_OK && verdict->reason == OTP_OK)
		return "accepted";
	return verdict->result == OTP_OK || verdict->result == OTP_IGNORED ? "ignored" : "denied";
}

/* The helper's line, or one of our own when it left none. */
static void door_log(pam_handle_t *pamh, const struct pam_relay_call *call, const struct pam_relay_verdict *verdict)
{
	char user[DOOR_NAME_SIZE];
	char service[DOOR_NAME_SIZE];
	bool known = call->phase != WIRE_PHASE_AUTH || door_knows_user(verdict->reason); /* who gets to the later phases has an account */
	const char *phase = wire_phase_name(call->phase);
	int level = pam_result_level(verdict->reason);

	if (verdict->line[0] != '\0') {
		pam_syslog(pamh, level, "%s", verdict->line);
		return;
	}
	log_clean(user, sizeof(user), known ? call->user : "", true);
	log_clean(service, sizeof(service), call->service == NULL ? "" : call->service, true);
	pam_syslog(pamh, level, "event=%s reason=%s user=%s service=%s%s%s detail=\"%s%s\"", door_event(verdict), err_reason(verdict->reason), user,
		   service, phase[0] == '\0' ? "" : " phase=", phase, door_about(verdict->reason), err_text(verdict->reason));
}

/* A program without a conversation cannot be asked for a code: found out before one is mailed. */
static bool door_can_ask(const pam_handle_t *pamh)
{
	const void *item = NULL;
	const struct pam_conv *conversation;

	if (pam_get_item(pamh, PAM_CONV, &item) != PAM_SUCCESS || item == NULL)
		return false;
	conversation = item;
	return conversation->conv != NULL;
}

static bool door_user_is(const pam_handle_t *pamh, const char *user)
{
	const char *now = door_item(pamh, PAM_USER);

	return now != NULL && strcmp(now, user) == 0;
}

static void door_verdict(struct pam_relay_verdict *verdict, enum otp_err err)
{
	verdict->result = err;
	verdict->reason = err;
	verdict->line[0] = '\0';
	verdict->person[0] = '\0';
	verdict->token_file[0] = '\0';
}

static void door_run(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *verdict)
{
	pam_relay_run(pamh, call, verdict);
	if (!door_user_is(pamh, call->user))
		door_verdict(verdict, OTP_ERR_USER_CHANGED);
}

/*
 * Who of several people has come in: for the account phase, which must know whom to look for, and for the session. A call that has passed
 * by says nothing, one that failed takes back what was known.
 */
static void door_keep_person(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *verdict)
{
	char variable[sizeof(DOOR_PERSON) + 1 + WIRE_PERSON_MAX + 1];
	bool kept;

	if (verdict->result == OTP_IGNORED)
		return;
	if (verdict->result != OTP_OK)
		verdict->person[0] = '\0';
	kept = pam_state_keep_person(pamh, call->user, verdict->person);
	if (verdict->person[0] == '\0') {
		if (pam_getenv(pamh, DOOR_PERSON) != NULL) /* of an earlier round, for another account perhaps */
			(void)pam_putenv(pamh, DOOR_PERSON);
		return;
	}
	(void)snprintf(variable, sizeof(variable), DOOR_PERSON "=%s", verdict->person);
	if (!kept || pam_putenv(pamh, variable) != PAM_SUCCESS)
		door_verdict(verdict, OTP_ERR_MEMORY);
}

static void door_decide(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *verdict)
{
	struct pam_state_key key = { call->user, call->argv, call->argc };
	enum otp_err before = pam_state_recall(pamh, &key);

	if (before != OTP_OK) {
		door_verdict(verdict, before);
		return;
	}
	door_run(pamh, call, verdict);
	door_keep_person(pamh, call, verdict);
	pam_state_keep(pamh, &key, verdict->result);
}

/* Guessing is slowed, waiting out a dead network is not slowed further. libpam adds the jitter. */
static void door_delay(pam_handle_t *pamh, enum otp_err result)
{
	enum otp_class class = err_class(result);

	if (class == OTP_CLASS_DENIED || class == OTP_CLASS_UNTRUSTED || class == OTP_CLASS_UNKNOWN_USER || class == OTP_CLASS_FORBIDDEN ||
	    class == OTP_CLASS_TRIES)
		(void)pam_fail_delay(pamh, DOOR_FAIL_DELAY_US);
}

DOOR_EXPORT int pam_sm_authenticate(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_relay_call call = { .phase = WIRE_PHASE_AUTH };
	struct pam_relay_verdict verdict = { .result = OTP_ERR_CONVERSATION, .reason = OTP_ERR_CONVERSATION };
	const char *name = NULL;
	char *user = NULL;

	if (pam_get_user(pamh, &name, NULL) == PAM_SUCCESS && name != NULL)
		user = strdup(name); /* PAM's own copy changes when somebody sets PAM_USER */
	door_collect(pamh, flags, argc, argv, &call);
	call.user = user;
	if (user != NULL && strlen(user) > WIRE_ITEM_MAX)
		verdict.result = verdict.reason = OTP_ERR_USER_UNKNOWN; /* no account has such a name, and no packet room for it */
	else if (user != NULL && door_can_ask(pamh))
		door_decide(pamh, &call, &verdict);
	door_log(pamh, &call, &verdict);
	door_delay(pamh, verdict.result);
	free(user);
	return pam_result_of(verdict.result);
}

DOOR_EXPORT int pam_sm_setcred(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS; /* PAM_IGNORE as the only result makes sshd end the session after a successful login */
}

/* That it is not there, or not root's, no caller can bring about; that it starves he can, by his own limits. */
static bool door_has_no_helper(enum otp_err err)
{
	return err == OTP_ERR_HELPER_MISSING || err == OTP_ERR_HELPER_UNSAFE || err == OTP_ERR_HELPER_PROTOCOL;
}

/* The helper has decided, and left a line, or it cannot be used: then the machine's own users go on. */
static bool door_lets_go_on(const struct passwd *account, const struct pam_relay_verdict *verdict)
{
	if (account == NULL || account->pw_uid >= ACCOUNT_POLICY_SYSTEM_UIDS || verdict->line[0] != '\0' || verdict->result == OTP_ERR_USER_CHANGED)
		return false;
	return getuid() == 0 || door_has_no_helper(verdict->result);
}

static int door_decide_account(pam_handle_t *pamh, struct pam_relay_call *call)
{
	struct pam_relay_verdict verdict;
	const struct passwd *account = pam_modutil_getpwnam(pamh, call->user);

	if (account != NULL && account->pw_uid == 0)
		return PAM_SUCCESS;
	call->person = pam_state_person(pamh, call->user);
	door_run(pamh, call, &verdict);
	if (verdict.result != OTP_OK && door_lets_go_on(account, &verdict))
		verdict.result = OTP_OK;
	if (verdict.reason != OTP_OK || verdict.line[0] != '\0') /* a yes without a line is one of many: cron would fill the log with them */
		door_log(pamh, call, &verdict);
	return pam_result_of_account(verdict.result);
}

DOOR_EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_relay_call call = { .phase = WIRE_PHASE_ACCOUNT };

	const char *name;
	char *user;
	int code;

	if (!settings_peek_account(argv, argc))
		return PAM_SUCCESS;
	name = door_item(pamh, PAM_USER); /* not pam_get_user: nothing is asked here */
	if (name == NULL || strlen(name) > WIRE_ITEM_MAX)
		return PAM_PERM_DENIED; /* no account has such a name */
	user = strdup(name);
	if (user == NULL)
		return PAM_BUF_ERR;
	door_collect(pamh, flags, argc, argv, &call);
	call.user = user;
	code = door_decide_account(pamh, &call);
	free(user);
	return code;
}

/*
 * sudo and su work within a session that somebody else began, and have no part in it. An sshd that does so was started in somebody's
 * session: then that one is all its connections', and the helper must know.
 */
static bool door_has_part(const pam_handle_t *pamh, bool opens)
{
	const char *terminal = door_item(pamh, PAM_TTY);
	struct process self;

	if (!process_read(getpid(), &self))
		return false;
	if (process_began_session(&self))
		return true;
	return opens && self.session != PROCESS_NO_SESSION && getuid() == 0 && terminal != NULL && strcmp(terminal, "ssh") == 0;
}

/* Names the file to the programs of the session, if it is one of those that the helper makes. */
static void door_put_token(pam_handle_t *pamh, struct pam_relay_verdict *verdict)
{
	char variable[sizeof(SESSION_TOKEN_VARIABLE "=") + WIRE_TOKEN_FILE_MAX];

	if (verdict->token_file[0] == '\0')
		return;
	(void)snprintf(variable, sizeof(variable), SESSION_TOKEN_VARIABLE "=%s", verdict->token_file);
	if (strncmp(verdict->token_file, OTP_TOKENS_DIR "/", strlen(OTP_TOKENS_DIR "/")) != 0)
		door_verdict(verdict, OTP_ERR_HELPER_PROTOCOL);
	else if (pam_putenv(pamh, variable) != PAM_SUCCESS)
		door_verdict(verdict, OTP_ERR_MEMORY);
}

/* What was put there when the session began, whatever the settings say now. */
static bool door_take_token(pam_handle_t *pamh)
{
	if (pam_getenv(pamh, SESSION_TOKEN_VARIABLE) == NULL)
		return false;
	(void)pam_putenv(pamh, SESSION_TOKEN_VARIABLE);
	return true;
}

static void door_serve_session(pam_handle_t *pamh, const struct pam_relay_call *call)
{
	struct pam_relay_verdict verdict;

	pam_relay_run(pamh, call, &verdict);
	if (call->phase == WIRE_PHASE_OPEN_SESSION)
		door_put_token(pamh, &verdict);
	verdict.result = OTP_OK; /* nobody is kept out for it */
	if (verdict.reason != OTP_OK)
		door_log(pamh, call, &verdict);
}

static void door_session(pam_handle_t *pamh, struct pam_relay_call *call, int flags, int argc, const char **argv)
{
	bool token = call->phase == WIRE_PHASE_CLOSE_SESSION && door_take_token(pamh);

	if (!token && !settings_peek_session(argv, argc))
		return;
	call->user = door_item(pamh, PAM_USER); /* not pam_get_user: nothing is asked here */
	if (call->user == NULL || strlen(call->user) > WIRE_ITEM_MAX)
		return;
	door_collect(pamh, flags, argc, argv, call);
	door_serve_session(pamh, call);
}

DOOR_EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_relay_call call = { .phase = WIRE_PHASE_OPEN_SESSION };

	if (door_has_part(pamh, true))
		door_session(pamh, &call, flags, argc, argv);
	return PAM_SUCCESS;
}

DOOR_EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	struct pam_relay_call call = { .phase = WIRE_PHASE_CLOSE_SESSION };

	if (door_has_part(pamh, false))
		door_session(pamh, &call, flags, argc, argv);
	return PAM_SUCCESS;
}
