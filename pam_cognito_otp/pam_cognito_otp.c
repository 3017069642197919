/*
 * pam_cognito_otp - the door that PAM knocks at.
 *
 * It collects what PAM knows, has the helper decide (pam_relay), writes the one outcome line and translates the verdict. It links libpam and libc
 * only, keeps nothing but pam_state, and exports pam_sm_* only.
 *
 * Rules kept here:
 *  - PAM_USER is never set, and is compared at the end with what it was: the program logs in the user it asked for (CVE-2024-9313);
 *  - every PAM item may be missing;
 *  - setcred, account and session never object: what they would need is not visible in sshd's monitor, and a key login, cron or sudo's own
 *    time stamp must not fail because of us.
 */
#include <stdlib.h>
#include <string.h>
#include <syslog.h>

#define PAM_SM_AUTH
#define PAM_SM_ACCOUNT
#define PAM_SM_SESSION
#include <security/pam_ext.h>
#include <security/pam_modules.h>

#include "err.h"
#include "log.h"
#include "pam_relay.h"
#include "pam_result.h"
#include "pam_state.h"

#define DOOR_EXPORT __attribute__((visibility("default")))

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
	call->phase = WIRE_PHASE_AUTH;
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

/* The helper's line, or one of our own when it left none. */
static void door_log(pam_handle_t *pamh, const struct pam_relay_call *call, const struct pam_relay_verdict *verdict)
{
	char user[DOOR_NAME_SIZE];
	char service[DOOR_NAME_SIZE];
	int level = pam_result_level(verdict->reason);

	if (verdict->line[0] != '\0') {
		pam_syslog(pamh, level, "%s", verdict->line);
		return;
	}
	log_clean(user, sizeof(user), door_knows_user(verdict->reason) ? call->user : "", true);
	log_clean(service, sizeof(service), call->service == NULL ? "" : call->service, true);
	pam_syslog(pamh, level, "event=denied reason=%s user=%s service=%s detail=\"%s%s\"", err_reason(verdict->reason), user, service,
		   door_about(verdict->reason), err_text(verdict->reason));
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

static void door_decide(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *verdict)
{
	struct pam_state_key key = { call->user, call->argv, call->argc };
	enum otp_err before = pam_state_recall(pamh, &key);

	if (before != OTP_OK) {
		verdict->result = before;
		verdict->reason = before;
		verdict->line[0] = '\0';
		return;
	}
	pam_relay_run(pamh, call, verdict);
	if (!door_user_is(pamh, call->user)) {
		verdict->result = OTP_ERR_USER_CHANGED;
		verdict->reason = OTP_ERR_USER_CHANGED;
		verdict->line[0] = '\0';
	}
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
	struct pam_relay_call call = { .user = NULL };
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

DOOR_EXPORT int pam_sm_acct_mgmt(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}

DOOR_EXPORT int pam_sm_open_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}

DOOR_EXPORT int pam_sm_close_session(pam_handle_t *pamh, int flags, int argc, const char **argv)
{
	(void)pamh, (void)flags, (void)argc, (void)argv;
	return PAM_SUCCESS;
}
