/* check_pool - see check_pool.h. */
#include "check_pool.h"

#include <stdio.h>
#include <string.h>

#include "check_json.h"
#include "user_map.h"

#define POOL_KEEP "with all else that describe-user-pool shows: it resets what it is not told"

enum { POOL_REMEDY_MAX = 512 };

struct pool_round {
	const struct check *check;
	const struct check_kinds *kinds;
	const struct json_value *pool; /* UserPool of the answer */
	struct check_json json;
	const char *factor;    /* the first factor that the settings want */
	const char *attribute; /* where its codes go */
	bool mails;	       /* by email, and not as a text message */
};

/* `change`: the options of update-user-pool that repair it. */
static void pool_say(const struct pool_round *round, enum report_level level, const char *name, const char *change, const char *text)
{
	const char *id = round->check->options->user_pool_id;
	char remedy[POOL_REMEDY_MAX];
	struct finding finding = { level, name, id, remedy };

	(void)snprintf(remedy, sizeof(remedy), "Run aws cognito-idp update-user-pool --user-pool-id %s %s " POOL_KEEP ".", id, change);
	report_add(round->check->report, &finding, "%s", text);
}

static void pool_tell(const struct pool_round *round, enum report_level level, const char *name, const char *text)
{
	struct finding finding = { level, name, round->check->options->user_pool_id, "" };

	report_add(round->check->report, &finding, "%s", text);
}

/* A pool without SignInPolicy has passwords only. */
static bool pool_offers(struct pool_round *round)
{
	const struct json_value *policies = check_json_object(&round->json, round->pool, "Policies");
	const struct json_value *sign_in = check_json_object(&round->json, policies, "SignInPolicy");
	struct note change;
	struct note text;

	if (check_json_lists(&round->json, sign_in, "AllowedFirstAuthFactors", round->factor))
		return true;
	note_set(&change, "--policies 'SignInPolicy={AllowedFirstAuthFactors=[PASSWORD,%s]}'", round->factor);
	note_set(&text, "%s is not in AllowedFirstAuthFactors: nobody is offered a code", round->factor);
	pool_say(round, REPORT_ERROR, "pool_factor", change.text, text.text);
	return false;
}

static bool pool_has_plan(struct pool_round *round)
{
	if (strcmp(check_json_text(&round->json, round->pool, "UserPoolTier", ""), "LITE") != 0)
		return true;
	pool_say(round, REPORT_ERROR, "pool_tier", "--user-pool-tier ESSENTIALS", "the plan is Lite, which has no sign-in by code");
	return false;
}

/* With MFA required the service offers no first factor but passwords. */
static bool pool_asks_once(struct pool_round *round)
{
	const char *id = round->check->options->user_pool_id;
	char remedy[POOL_REMEDY_MAX];
	struct finding finding = { REPORT_ERROR, "pool_mfa", id, remedy };

	if (strcmp(check_json_text(&round->json, round->pool, "MfaConfiguration", "OFF"), "ON") != 0)
		return true;
	(void)snprintf(remedy, sizeof(remedy), "Run aws cognito-idp set-user-pool-mfa-config --user-pool-id %s --mfa-configuration OFF.",
		       id);
	report_add(round->check->report, &finding, "MfaConfiguration is ON: where MFA is required, nobody is offered a code");
	return false;
}

/* What the service has found out about its own sending. */
static bool pool_sends(struct pool_round *round)
{
	const char *key = round->mails ? "EmailConfigurationFailure" : "SmsConfigurationFailure";
	const char *failure = check_json_text(&round->json, round->pool, key, "");
	struct finding finding = {
		REPORT_ERROR, "pool_sender", round->check->options->user_pool_id,
		"Look at the pool's sender (Amazon SES or SNS): identity, region, sending limits, and the role or policy that lets Cognito "
		"use it."
	};

	if (failure[0] == '\0')
		return true;
	report_add(round->check->report, &finding, "Cognito cannot send: %s", failure);
	return false;
}

/* A Lambda trigger that sends has limits of its own. */
static void pool_mail_limit(struct pool_round *round)
{
	const struct json_value *email = check_json_object(&round->json, round->pool, "EmailConfiguration");
	const struct json_value *triggers = check_json_object(&round->json, round->pool, "LambdaConfig");

	if (!round->mails || strcmp(check_json_text(&round->json, email, "EmailSendingAccount", "COGNITO_DEFAULT"), "DEVELOPER") == 0)
		return;
	if (check_json_object(&round->json, triggers, "CustomEmailSender") == NULL)
		pool_say(round, REPORT_WARNING, "pool_mail_limit",
			 "--email-configuration EmailSendingAccount=DEVELOPER,SourceArn=SES-IDENTITY-ARN,From=ADDRESS",
			 "Cognito's own sender mails 50 codes a day for the whole AWS account, and then nobody gets one");
}

/*
 * Where people choose their user names, a stranger can register the one that a line or template names, before its owner has it. Where user
 * names are addresses (UsernameAttributes) the service makes a UUID of its own, and an address must be confirmed.
 */
static void pool_sign_up(struct pool_round *round)
{
	const struct json_value *config = check_json_object(&round->json, round->pool, "AdminCreateUserConfig");
	bool chosen = check_json_count(&round->json, round->pool, "UsernameAttributes") == 0;
	struct note text;

	if (check_json_bool(&round->json, config, "AllowAdminCreateUserOnly", false))
		return;
	if (chosen && round->kinds->names)
		note_set(&text, "anybody can sign himself up, with a name that user_template gives to a local user; nothing but "
				"require_group keeps him out");
	else if (chosen && round->kinds->claimable > 0)
		note_set(&text,
			 "anybody can sign himself up, with a name of the %zu username: lines without sub= that nobody has yet, and log in "
			 "here as that user",
			 round->kinds->claimable);
	else
		note_set(&text, "anybody can sign himself up, and spend the pool's mails");
	pool_say(round, chosen && (round->kinds->names || round->kinds->claimable > 0) ? REPORT_ERROR : REPORT_WARNING, "pool_sign_up",
		 "--admin-create-user-config AllowAdminCreateUserOnly=true", text.text);
}

static bool pool_names(struct pool_round *round, const char *attribute)
{
	return check_json_lists(&round->json, round->pool, "UsernameAttributes", attribute) ||
	       check_json_lists(&round->json, round->pool, "AliasAttributes", attribute);
}

/* Under which names a pool finds people is decided once, when it is made. */
static void pool_finds(struct pool_round *round)
{
	struct finding other_kind = { REPORT_ERROR, "pool_names", round->check->options->user_pool_id,
				      "Map these people with username: and their user name in the pool. UsernameAttributes and "
				      "AliasAttributes of a pool cannot be "
				      "changed: the other way is a new pool." };
	struct finding other_value = {
		REPORT_ERROR, "pool_names", round->check->options->user_pool_id,
		"Map these people with email:, or with username: and the UUID that aws cognito-idp admin-get-user shows as Username."
	};

	if (round->kinds->email > 0 && !pool_names(round, "email"))
		report_add(round->check->report, &other_kind, "%zu people are mapped by email:, and this pool finds nobody by his address",
			   round->kinds->email);
	if (round->kinds->phone > 0 && !pool_names(round, "phone_number"))
		report_add(round->check->report, &other_kind, "%zu people are mapped by phone:, and this pool finds nobody by his number",
			   round->kinds->phone);
	if (round->kinds->words > 0 && check_json_count(&round->json, round->pool, "UsernameAttributes") > 0)
		report_add(round->check->report, &other_value,
			   "%zu people are mapped by username: and a word, and in this pool every user name is a UUID",
			   round->kinds->words);
}

/* A pool without UsernameConfiguration was made before there was one. */
static void pool_case(struct pool_round *round)
{
	const struct json_value *config = check_json_object(&round->json, round->pool, "UsernameConfiguration");

	if (check_json_bool(&round->json, config, "CaseSensitive", true))
		pool_tell(
		    round, REPORT_NOTE, "pool_case",
		    "upper and lower case differ in its names: the map must have each as it is in the pool, and two people may look alike");
}

/* They can refuse a right code, or ask for something else. */
static void pool_triggers(struct pool_round *round)
{
	static const char *const keys[] = { "PreAuthentication", "DefineAuthChallenge", "CreateAuthChallenge",
					    "VerifyAuthChallengeResponse" };
	const struct json_value *config = check_json_object(&round->json, round->pool, "LambdaConfig");
	struct note text = { "" };
	struct note before;

	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		before = text;
		if (check_json_text(&round->json, config, keys[i], "")[0] != '\0')
			note_set(&text, "%s%s%s", before.text, before.text[0] == '\0' ? "has a say in each sign-in: Lambda trigger " : ", ",
				 keys[i]);
	}
	if (text.text[0] != '\0')
		pool_tell(round, REPORT_NOTE, "pool_triggers", text.text);
}

static bool pool_confirms(struct pool_round *round)
{
	const struct json_value *updates = check_json_object(&round->json, round->pool, "UserAttributeUpdateSettings");

	return check_json_lists(&round->json, updates, "AttributesRequireVerificationBeforeUpdate", round->attribute);
}

static void pool_good(struct pool_round *round)
{
	struct finding good = { REPORT_OK, "pool", round->check->options->user_pool_id, "" };

	report_add(round->check->report, &good, "offers %s; plan %s, MFA %s", round->factor,
		   check_json_text(&round->json, round->pool, "UserPoolTier", "ESSENTIALS"),
		   check_json_text(&round->json, round->pool, "MfaConfiguration", "OFF"));
}

static void pool_judge(struct pool_round *round, struct check_pool *ret_pool)
{
	bool offers = pool_offers(round);
	bool has_plan = pool_has_plan(round);
	bool asks_once = pool_asks_once(round);
	bool sends = pool_sends(round);

	pool_mail_limit(round);
	pool_sign_up(round);
	pool_finds(round);
	pool_case(round);
	pool_triggers(round);
	*ret_pool = (struct check_pool){ true, !offers || !has_plan || !asks_once, pool_confirms(round) };
	if (offers && has_plan && asks_once && sends && round->json.wrong == NULL)
		pool_good(round);
}

void check_pool(const struct check *check, const struct json_value *root, const struct check_kinds *kinds, struct check_pool *ret_pool)
{
	bool mails = check->options->challenge == CHALLENGE_EMAIL_OTP;
	struct pool_round round = { .check = check,
				    .kinds = kinds,
				    .factor = mails ? "EMAIL_OTP" : "SMS_OTP",
				    .attribute = mails ? "email" : "phone_number",
				    .mails = mails };
	struct note note = { "" };

	memset(ret_pool, 0, sizeof(*ret_pool));
	round.pool = check_json_object(&round.json, root, "UserPool");
	if (round.pool != NULL)
		pool_judge(&round, ret_pool);
	if (round.json.wrong != NULL || round.pool == NULL) {
		note_set(&note, "DescribeUserPool: %s", round.json.wrong == NULL ? "UserPool" : round.json.wrong);
		check_error(check, check->options->user_pool_id, round.json.wrong == NULL ? OTP_ERR_JSON_ABSENT : OTP_ERR_JSON_TYPE, &note);
	}
}

static void pool_count(struct check_kinds *kinds, const struct identity *identity)
{
	kinds->email += identity->kind == IDENTITY_EMAIL;
	kinds->phone += identity->kind == IDENTITY_PHONE;
	kinds->username += identity->kind == IDENTITY_USERNAME;
	kinds->words += identity->kind == IDENTITY_USERNAME && !identity_is_sub(identity->value);
	kinds->claimable += identity->kind == IDENTITY_USERNAME && identity->sub[0] == '\0';
}

static enum otp_err pool_take(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity)
{
	(void)line;
	(void)name;
	(void)length;
	pool_count(arg, identity);
	return OTP_OK;
}

/* A template stands for one more of its kind. */
static void pool_count_template(const char *template, struct check_kinds *kinds)
{
	kinds->email += strncmp(template, "email:", 6) == 0;
	kinds->phone += strncmp(template, "phone:", 6) == 0;
	kinds->names = strncmp(template, "username:", 9) == 0;
	kinds->username += kinds->names;
	kinds->words += kinds->names;
}

void check_pool_count(const struct check *check, struct check_kinds *ret_kinds)
{
	struct user_map_settings settings = { check->options->user_map, check->options->user_map_named, check->options->user_template };
	struct note note;

	memset(ret_kinds, 0, sizeof(*ret_kinds));
	if (user_map_each(&settings, pool_take, ret_kinds, &note) != OTP_OK)
		memset(ret_kinds, 0, sizeof(*ret_kinds));
	pool_count_template(check->options->user_template, ret_kinds);
}
