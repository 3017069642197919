/* check_user - see check_user.h. */
#include "check_user.h"

#include <stdio.h>
#include <string.h>

#include "check_json.h"
#include "pins.h"
#include "policy.h"
#include "remedy.h"
#include "standing.h"

enum { USER_REMEDY_MAX = 512 };

/* Several people may have one account: each is named. */
static void user_place(const struct check_person *person, struct note *ret_place)
{
	note_set(ret_place, "%s, %s:%s", person->user, identity_kind_name(person->identity->kind), person->identity->value);
}

static void user_error(const struct check *check, const struct check_person *person, enum otp_err err, const char *text)
{
	struct note place;
	struct note note;

	user_place(person, &place);
	note_set(&note, "%s", text);
	check_error(check, place.text, err, &note);
}

/* Whether the pool can be asked for him is check_admin's business; that it is not is said here, so that nobody takes his account for all of
 * him. */
static void user_not_asked(const struct check *check, const char *user)
{
	struct finding finding = { REPORT_NOTE, "user_not_asked", user, "" };

	if (check->options->aws_credentials_file[0] == '\0' && !check->options->aws_imds)
		report_add(check->report, &finding, "the pool is not asked for him: neither aws_credentials_file nor aws_imds is set");
}

void check_user_account(const struct check *check, const char *user)
{
	struct finding good = { REPORT_OK, "account", user, "" };
	struct finding ignored = { REPORT_NOTE, err_reason(OTP_IGNORED), user, "" };
	struct policy_user judged;
	struct note note = { "" };
	enum otp_err err = policy_look_up(user, &judged);

	if (err == OTP_OK)
		err = policy_judge(check->options, user, &judged, &note);
	if (err == OTP_OK && judged.shared)
		report_add(check->report, &good, "uid %lu, may log in, as one of the people who share the account", (unsigned long)judged.uid);
	else if (err == OTP_OK)
		report_add(check->report, &good, "uid %lu, may log in, as %s:%s%s", (unsigned long)judged.uid,
			   identity_kind_name(judged.identity.kind), judged.identity.value, judged.from_template ? " (user_template)" : "");
	else if (err == OTP_IGNORED)
		report_add(check->report, &ignored, "not in the user map: other PAM lines decide about him");
	else
		check_error(check, user, err, &note);
	if (err == OTP_OK)
		user_not_asked(check, user);
}

/* Whether the settings remember people; a file that is not there is a finding of the settings. */
static bool user_is_remembered(const struct check *check)
{
	return check->options->pin_sub || check->options->create_user;
}

/* As standing_may_be_created: by an address of his own in the map, and not root. */
static bool user_may_be_created(const struct check *check, const struct check_person *person)
{
	struct policy_user account;

	return check->options->create_user && !person->from_template && person->identity->kind == IDENTITY_EMAIL &&
	       policy_look_up(person->user, &account) == OTP_OK && account.uid != 0;
}

/* What says that he was there before, in the map or among the pins: then create_user does not make him. */
static bool user_is_gone(const struct check *check, const struct check_person *person)
{
	struct pins_key key = { check->options->user_pool_id, person->user, person->identity };
	char sub[IDENTITY_SUB_SIZE + 1] = "";
	struct note text;

	if (person->identity->sub[0] == '\0' && pins_find(&key, sub, &text) != OTP_OK)
		return false; /* a finding of the settings */
	if (person->identity->sub[0] == '\0' && sub[0] == '\0')
		return false;
	note_set(&text, "he was there with the sub %s", person->identity->sub[0] != '\0' ? person->identity->sub : sub);
	user_error(check, person, OTP_ERR_ACCOUNT_GONE, text.text);
	return true;
}

void check_user_absent(const struct check *check, const struct check_person *person)
{
	struct note place;
	struct finding later = { REPORT_NOTE, err_reason(OTP_ERR_ACCOUNT_NOT_FOUND), place.text, "" };

	user_place(person, &place);
	if (!user_may_be_created(check, person))
		check_error(check, place.text, OTP_ERR_ACCOUNT_NOT_FOUND, &(struct note){ "" });
	else if (!user_is_gone(check, person))
		report_add(check->report, &later, "the pool does not have him; create_user makes him at his first login");
}

static void user_says(enum otp_err err, const struct cognito_user *user, struct note *ret_text)
{
	note_set(ret_text, "%s", "");
	if (err == OTP_ERR_IDENTITY_EMAIL)
		note_set(ret_text, "the pool has %s", user->email[0] == '\0' ? "no address" : user->email);
	else if (err == OTP_ERR_IDENTITY_PHONE)
		note_set(ret_text, "the pool has %s", user->phone_number[0] == '\0' ? "no number" : user->phone_number);
	else if (err == OTP_ERR_IDENTITY_USERNAME)
		note_set(ret_text, "his user name in the pool is %s", user->user_name);
}

/* The sub of the map, and the one of his first login. */
static bool user_has_pinned_sub(const struct check *check, const struct check_person *person, const struct cognito_user *user)
{
	struct pins_key key = { check->options->user_pool_id, person->user, person->identity };
	const char *pin = person->identity->sub;
	struct note text = { "" };
	bool known;

	if (pin[0] != '\0' && strcmp(pin, user->sub) != 0)
		note_set(&text, "the map says %s, the pool %s", pin, user->sub);
	else if (!user_is_remembered(check) || pins_compare(&key, user->sub, &known, &text) != OTP_ERR_IDENTITY_SUB)
		return true;
	user_error(check, person, OTP_ERR_IDENTITY_SUB, text.text);
	return false;
}

static bool user_is_meant(const struct check *check, const struct check_person *person, const struct cognito_user *user)
{
	enum otp_err err = standing_judge_identity(person->identity, user);
	struct note text;

	if (err != OTP_OK) {
		user_says(err, user, &text);
		user_error(check, person, err, text.text);
	}
	return user_has_pinned_sub(check, person, user) && err == OTP_OK;
}

/* The service mails a code to whoever is not confirmed, and confirms him by it; check_user refuses him before that. */
static void user_status_warning(const struct check *check, const struct check_person *person, enum otp_err err)
{
	struct note place;
	struct finding finding = { REPORT_WARNING, err_reason(err), place.text, remedy_of(err) };

	user_place(person, &place);
	report_add(check->report, &finding, "%s", err_text(err));
}

static bool user_stands(const struct check *check, const struct check_person *person, const struct cognito_user *user)
{
	enum otp_err status = standing_judge_status(user->status);
	bool never = status == OTP_ERR_ACCOUNT_EXTERNAL || status == OTP_ERR_ACCOUNT_FORCE_CHANGE;

	if (!user->enabled)
		user_error(check, person, OTP_ERR_ACCOUNT_DISABLED, "");
	if (status != OTP_OK && (never || check->options->check_user))
		user_error(check, person, status, "");
	else if (status != OTP_OK)
		user_status_warning(check, person, status);
	return user->enabled && status == OTP_OK;
}

/* With a second factor of his own he is offered passwords only. */
static void user_mfa(const struct check *check, const struct check_person *person, const char *sub, const char *preferred)
{
	const char *id = check->options->user_pool_id;
	char remedy[USER_REMEDY_MAX];
	struct note place;
	struct finding finding = { REPORT_ERROR, "user_mfa", place.text, remedy };

	user_place(person, &place);
	(void)snprintf(
	    remedy, sizeof(remedy),
	    "Run aws cognito-idp admin-set-user-mfa-preference --user-pool-id %s --username %s --software-token-mfa-settings Enabled=false "
	    "--sms-mfa-settings Enabled=false --email-mfa-settings Enabled=false.",
	    id, identity_is_sub(sub) ? sub : "NAME");
	report_add(check->report, &finding, "he has a second factor (preferred: %s), and so is offered no code", preferred);
}

/* `explained`: why he is offered none was said already. */
static bool user_is_offered(const struct check *check, const struct check_person *person, const char *sub, const struct json_value *factors,
			    bool explained)
{
	const char *factor = check->options->challenge == CHALLENGE_EMAIL_OTP ? "EMAIL_OTP" : "SMS_OTP";
	struct check_json json = { NULL };
	bool offered = check_json_lists(&json, factors, "ConfiguredUserAuthFactors", factor);
	bool mfa = check_json_count(&json, factors, "UserMFASettingList") > 0;
	const char *preferred = check_json_text(&json, factors, "PreferredMfaSetting", "none");
	struct note text;

	note_set(&text, "AdminGetUserAuthFactors: %s", json.wrong == NULL ? "" : json.wrong);
	if (json.wrong != NULL)
		user_error(check, person, OTP_ERR_JSON_TYPE, text.text);
	else if (!offered && mfa && !explained)
		user_mfa(check, person, sub, preferred);
	else if (!offered && !explained)
		user_error(check, person, OTP_ERR_CHALLENGE_NOT_OFFERED, "");
	return offered && json.wrong == NULL;
}

static void user_good(const struct check *check, const struct check_person *person, const struct cognito_user *user, bool offered)
{
	struct note place;
	struct finding good = { REPORT_OK, "user", place.text, "" };

	user_place(person, &place);
	report_add(check->report, &good, "enabled, confirmed, the one of the map%s; sub %s", offered ? ", and offered a code" : "",
		   user->sub);
}

void check_user(const struct check *check, const struct check_person *person, const struct cognito_user *user,
		const struct json_value *factors, const struct check_pool *pool)
{
	bool stands = user_stands(check, person, user);
	bool meant = user_is_meant(check, person, user);
	bool offered = factors != NULL && user_is_offered(check, person, user->sub, factors, !stands || !meant || pool->no_codes);

	if (stands && meant && (offered || factors == NULL))
		user_good(check, person, user, offered);
}
