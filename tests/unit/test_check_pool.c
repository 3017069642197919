/* test_check_pool - pools, app clients and users as AWS describes them: a good one has nothing to complain of, each fault its finding, and
 * nothing beside it. */
#include "assert_err.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_client.h"
#include "check_pool.h"
#include "check_user.h"

#define POOL   "eu-west-1_Ab129faBb"
#define CLIENT "1h57kf5cpq17m0eml12EXAMPLE"
#define SUB    "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define SECRET "1exampleclientsecret0123456789abcdefghijklmnopqrstu"
#define SIGN_IN                                                                                                                            \
	"\"Policies\":{\"PasswordPolicy\":{\"MinimumLength\":8},\"SignInPolicy\":{\"AllowedFirstAuthFactors\":[\"PASSWORD\",\"EMAIL_"      \
	"OTP\"]}}"
#define CLOSED	"\"AdminCreateUserConfig\":{\"AllowAdminCreateUserOnly\":true,\"UnusedAccountValidityDays\":7}"
#define SES	"\"EmailConfiguration\":{\"EmailSendingAccount\":\"DEVELOPER\",\"SourceArn\":\"arn:x\"}"
#define NAMED	"\"UsernameAttributes\":[\"email\"]"
#define FOLDED	"\"UsernameConfiguration\":{\"CaseSensitive\":false}"
#define GUARDED "\"UserAttributeUpdateSettings\":{\"AttributesRequireVerificationBeforeUpdate\":[\"email\"]}"
#define REST                                                                                                                               \
	"\"MfaConfiguration\":\"OFF\",\"UserPoolTier\":\"ESSENTIALS\",\"CreationDate\":1768471872.123,\"NewOfThisYear\":{\"a\":[1]},"      \
	"\"Status\":null"

static const struct check_kinds one_email = { .email = 1 };
static char *said;
static size_t said_size;

struct findings {
	struct options options;
	struct report report;
	struct check check;
};

static void begin(struct findings *findings)
{
	memset(findings, 0, sizeof(*findings));
	(void)snprintf(findings->options.user_pool_id, sizeof(findings->options.user_pool_id), POOL);
	(void)snprintf(findings->options.client_id, sizeof(findings->options.client_id), CLIENT);
	(void)snprintf(findings->options.client_secret_file, sizeof(findings->options.client_secret_file), "/etc/security/x.secret");
	findings->options.challenge_ttl = 180;
	report_begin(&findings->report, open_memstream(&said, &said_size), false, false);
	findings->check = (struct check){ &findings->report, NULL, &findings->options };
}

/* `wanted` are the levels and names of all findings, in their order, each followed by a blank. */
static void assert_findings(struct findings *findings, const char *name, const char *wanted)
{
	char found[512] = "";
	char level[8];
	char word[64];
	int bad = findings->report.found[REPORT_WARNING] + findings->report.found[REPORT_ERROR];
	int remedies = 0;

	(void)report_end(&findings->report);
	assert_int_equal(fclose(findings->report.out), 0);
	for (const char *line = said; *line != '\0'; line = strchr(line, '\n') + 1) {
		remedies += strncmp(line, "         remedy: ", 17) == 0 && line[17] != '\n';
		if (line[0] != ' ' && sscanf(line, "%7s %63[^:]:", level, word) == 2 && strchr("onwe", level[0]) != NULL)
			(void)snprintf(found + strlen(found), sizeof(found) - strlen(found), "%s %s ", level, word);
	}
	if (strcmp(found, wanted) != 0)
		print_error("case \"%s\": %s\n", name, said);
	assert_string_equal(found, wanted);
	assert_int_equal(remedies, bad);
}

static void end(void)
{
	free(said);
	said = NULL;
}

static struct json_doc *parse(const char *text)
{
	struct json_doc *doc = NULL;

	assert_err(text, json_doc_parse(text, strlen(text), &doc), OTP_OK);
	return doc;
}

static void judge_pool(struct findings *findings, const char *members, const struct check_kinds *kinds, struct check_pool *ret_pool)
{
	char text[4096];
	struct json_doc *doc;

	assert_true((size_t)snprintf(text, sizeof(text), "{\"UserPool\":{%s}}", members) < sizeof(text));
	doc = parse(text);
	check_pool(&findings->check, json_doc_root(doc), kinds, ret_pool);
	json_doc_free(doc);
}

struct pool_case {
	const char *name;
	const char *members;
	struct check_kinds kinds;
	const char *wanted;
	const char *word; /* somewhere in what is said */
};

static const struct pool_case pool_cases[] = {
	{ "good", SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED "," GUARDED "," REST, { .email = 1 }, "ok pool ", "plan ESSENTIALS" },
	{ "good, and plus",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"UserPoolTier\":\"PLUS\"",
	  { .email = 1 },
	  "ok pool ",
	  "plan PLUS" },
	{ "passwords only",
	  "\"Policies\":{\"SignInPolicy\":{\"AllowedFirstAuthFactors\":[\"PASSWORD\",\"SMS_OTP\"]}}," CLOSED "," SES "," NAMED "," FOLDED,
	  { .email = 1 },
	  "error pool_factor ",
	  "resets what it is not told" },
	{ "no policy",
	  CLOSED "," SES "," NAMED "," FOLDED,
	  { .email = 1 },
	  "error pool_factor ",
	  "AllowedFirstAuthFactors=[PASSWORD,EMAIL_OTP]" },
	{ "lite",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"UserPoolTier\":\"LITE\"",
	  { .email = 1 },
	  "error pool_tier ",
	  "--user-pool-tier ESSENTIALS" },
	{ "mfa",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"MfaConfiguration\":\"ON\"",
	  { .email = 1 },
	  "error pool_mfa ",
	  "set-user-pool-mfa-config" },
	{ "mfa optional",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"MfaConfiguration\":\"OPTIONAL\"",
	  { .email = 1 },
	  "ok pool ",
	  "MFA OPTIONAL" },
	{ "fifty mails", SIGN_IN "," CLOSED "," NAMED "," FOLDED, { .email = 1 }, "warning pool_mail_limit ok pool ", "50 codes a day" },
	{ "a sender of its own",
	  SIGN_IN "," CLOSED "," NAMED "," FOLDED ",\"LambdaConfig\":{\"CustomEmailSender\":{\"LambdaArn\":\"arn:x\"}}",
	  { .email = 1 },
	  "ok pool ",
	  "" },
	{ "mail fails",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"EmailConfigurationFailure\":\"role \\u001b[2J\"",
	  { .email = 1 },
	  "error pool_sender ",
	  "cannot send: role ?[2J" },
	{ "open", SIGN_IN "," SES "," NAMED "," FOLDED, { .email = 1 }, "warning pool_sign_up ok pool ", "AllowAdminCreateUserOnly=true" },
	{ "open, said so",
	  SIGN_IN ",\"AdminCreateUserConfig\":{\"AllowAdminCreateUserOnly\":false}," SES "," NAMED "," FOLDED,
	  { .email = 1 },
	  "warning pool_sign_up ok pool ",
	  "" },
	{ "open, names of a template",
	  SIGN_IN "," SES "," FOLDED,
	  { .username = 1, .words = 1, .names = true },
	  "error pool_sign_up ok pool ",
	  "require_group" },
	{ "open, names of the map",
	  SIGN_IN "," SES "," FOLDED,
	  { .username = 2, .words = 2, .claimable = 2 },
	  "error pool_sign_up ok pool ",
	  "2 username: lines" },
	{ "open, names with a sub",
	  SIGN_IN "," SES "," FOLDED,
	  { .username = 2, .words = 2 },
	  "warning pool_sign_up ok pool ",
	  "spend the pool's mails" },
	{ "open, names are UUIDs",
	  SIGN_IN "," SES "," NAMED "," FOLDED,
	  { .username = 1, .claimable = 1 },
	  "warning pool_sign_up ok pool ",
	  "" },
	{ "addresses are no names",
	  SIGN_IN "," CLOSED "," SES "," FOLDED,
	  { .email = 3, .username = 1 },
	  "error pool_names ok pool ",
	  "3 people are mapped by email:" },
	{ "addresses are aliases",
	  SIGN_IN "," CLOSED "," SES "," FOLDED ",\"AliasAttributes\":[\"email\"]",
	  { .email = 3, .username = 1 },
	  "ok pool ",
	  "" },
	{ "numbers are no names",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED,
	  { .phone = 1 },
	  "error pool_names ok pool ",
	  "by phone:" },
	{ "words are no names",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED,
	  { .username = 4, .words = 1 },
	  "error pool_names ok pool ",
	  "every user name is a UUID" },
	{ "case counts",
	  SIGN_IN "," CLOSED "," SES "," NAMED ",\"UsernameConfiguration\":{\"CaseSensitive\":true}",
	  { .email = 1 },
	  "note pool_case ok pool ",
	  "" },
	{ "case of old", SIGN_IN "," CLOSED "," SES "," NAMED, { .email = 1 }, "note pool_case ok pool ", "upper and lower case" },
	{ "triggers",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED
		  ",\"LambdaConfig\":{\"PreAuthentication\":\"arn:x\",\"CreateAuthChallenge\":\"arn:y\"}",
	  { .email = 1 },
	  "note pool_triggers ok pool ",
	  "PreAuthentication, CreateAuthChallenge" },
	{ "triggers of no concern",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"LambdaConfig\":{\"PostConfirmation\":\"arn:x\"}",
	  { .email = 1 },
	  "ok pool ",
	  "" },
	{ "another type",
	  SIGN_IN "," CLOSED "," SES "," NAMED "," FOLDED ",\"MfaConfiguration\":1",
	  { .email = 1 },
	  "error json_type ",
	  "DescribeUserPool: MfaConfiguration" },
	{ "a list of another type",
	  SIGN_IN "," CLOSED "," SES ",\"UsernameAttributes\":[\"email\",1]," FOLDED,
	  { .email = 1 },
	  "error json_type ",
	  "UsernameAttributes" },
	{ "many faults",
	  "\"UserPoolTier\":\"LITE\",\"MfaConfiguration\":\"ON\"",
	  { .email = 1 },
	  "error pool_factor error pool_tier error pool_mfa warning pool_mail_limit warning pool_sign_up error pool_names note pool_case ",
	  "" },
};

static void test_pools(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(pool_cases); i++) {
		const struct pool_case *one = &pool_cases[i];
		struct findings findings;
		struct check_pool pool;

		begin(&findings);
		judge_pool(&findings, one->members, &one->kinds, &pool);
		assert_findings(&findings, one->name, one->wanted);
		if (strstr(said, one->word) == NULL)
			fail_msg("case \"%s\": no %s in %s", one->name, one->word, said);
		assert_int_equal(pool.no_codes,
				 strstr(one->wanted, "_factor") || strstr(one->wanted, "_tier") || strstr(one->wanted, "_mfa"));
		end();
	}
}

static void test_text_messages(void **state)
{
	struct findings findings;
	struct check_pool pool;

	(void)state;
	begin(&findings);
	findings.options.challenge = CHALLENGE_SMS_OTP;
	judge_pool(&findings,
		   SIGN_IN "," CLOSED "," FOLDED ",\"UsernameAttributes\":[\"phone_number\"],\"SmsConfigurationFailure\":\"role\"",
		   &(struct check_kinds){ .phone = 1 }, &pool);
	assert_findings(&findings, "sms", "error pool_factor error pool_sender ");
	assert_non_null(strstr(said, "[PASSWORD,SMS_OTP]"));
	end();
}

static void test_answer_without_a_pool(void **state)
{
	struct findings findings;
	struct check_pool pool;
	struct check_client client;
	struct json_doc *doc = parse("{}");

	(void)state;
	begin(&findings);
	check_pool(&findings.check, json_doc_root(doc), &one_email, &pool);
	check_client(&findings.check, json_doc_root(doc), &pool, &client);
	assert_findings(&findings, "no pool", "error json_absent error json_absent ");
	assert_false(pool.known || client.no_flow || client.shows || client.secret_off);
	json_doc_free(doc);
	end();
}

/* ---- app clients ---- */

#define FLOW	"\"ExplicitAuthFlows\":[\"ALLOW_USER_AUTH\"]"
#define MASKED	"\"PreventUserExistenceErrors\":\"ENABLED\""
#define SECRETS "\"ClientSecret\":\"" SECRET "\""
#define REVOKES "\"EnableTokenRevocation\":true"
#define WRITES	"\"WriteAttributes\":[\"name\"]"

struct client_case {
	const char *name;
	const char *members;
	int64_t ttl;
	bool confirms; /* the pool */
	bool no_file;
	const char *wanted;
	const char *word;
};

static const struct client_case client_cases[] = {
	{ "good", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES, 180, false, false, "ok client_settings ", "" },
	{ "good, confirmed", FLOW "," MASKED "," SECRETS "," REVOKES ",\"AuthSessionValidity\":15", 900, true, false, "ok client_settings ",
	  "" },
	{ "no flow", "\"ExplicitAuthFlows\":[\"ALLOW_USER_SRP_AUTH\"]," MASKED "," SECRETS "," REVOKES "," WRITES, 180, false, false,
	  "error client_flow ", "--client-id " CLIENT " --explicit-auth-flows ALLOW_USER_AUTH" },
	{ "no flows at all", MASKED "," SECRETS "," REVOKES "," WRITES, 180, false, false, "error client_flow ", "" },
	{ "legacy", FLOW ",\"PreventUserExistenceErrors\":\"LEGACY\"," SECRETS "," REVOKES "," WRITES, 180, false, false,
	  "warning existence_shown ", "" },
	{ "legacy by default", FLOW "," SECRETS "," REVOKES "," WRITES, 180, false, false, "warning existence_shown ", "" },
	{ "session shorter", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES ",\"AuthSessionValidity\":4", 241, false, false,
	  "warning code_expires_early ", "240 s (AuthSessionValidity 4 minutes), and challenge_ttl says 241 s" },
	{ "session by default", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES, 181, false, false, "warning code_expires_early ",
	  "--auth-session-validity 4" },
	{ "session as long", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES ",\"AuthSessionValidity\":5", 300, false, false,
	  "ok client_settings ", "" },
	{ "no revocation", FLOW "," MASKED "," SECRETS ",\"EnableTokenRevocation\":false," WRITES, 180, false, false,
	  "warning client_revocation ", "" },
	{ "secret not set", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES, 180, false, true, "error client_secret_unset ", "0600" },
	{ "secret not wanted", FLOW "," MASKED "," REVOKES "," WRITES, 180, false, false, "error client_secret_unwanted ", "" },
	{ "no secret and no file", FLOW "," MASKED "," REVOKES "," WRITES, 180, false, true, "ok client_settings ", "" },
	{ "writes all", FLOW "," MASKED "," SECRETS "," REVOKES, 180, false, false, "warning client_writes ", "their own email" },
	{ "writes its address", FLOW "," MASKED "," SECRETS "," REVOKES ",\"WriteAttributes\":[\"name\",\"email\"]", 180, false, false,
	  "warning client_writes ", "" },
	{ "another type", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES ",\"AuthSessionValidity\":\"3\"", 180, false, false,
	  "error json_type ", "AuthSessionValidity" },
	{ "a year", FLOW "," MASKED "," SECRETS "," REVOKES "," WRITES ",\"AuthSessionValidity\":525600", 180, false, false,
	  "error json_type ", "" },
};

static void judge_client(struct findings *findings, const struct client_case *one)
{
	char text[4096];
	struct check_pool pool = { true, false, one->confirms };
	struct check_client client;
	struct json_doc *doc;

	findings->options.challenge_ttl = one->ttl;
	if (one->no_file)
		findings->options.client_secret_file[0] = '\0';
	assert_true((size_t)snprintf(text, sizeof(text), "{\"UserPoolClient\":{%s}}", one->members) < sizeof(text));
	doc = parse(text);
	check_client(&findings->check, json_doc_root(doc), &pool, &client);
	assert_int_equal(client.no_flow, strstr(one->wanted, "client_flow") != NULL);
	assert_int_equal(client.shows, strstr(one->wanted, "existence_shown") != NULL);
	assert_int_equal(client.secret_off, strstr(one->wanted, "client_secret") != NULL);
	json_doc_free(doc);
}

static void test_clients(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(client_cases); i++) {
		const struct client_case *one = &client_cases[i];
		struct findings findings;

		begin(&findings);
		judge_client(&findings, one);
		assert_findings(&findings, one->name, one->wanted);
		if (strstr(said, one->word) == NULL)
			fail_msg("case \"%s\": no %s in %s", one->name, one->word, said);
		assert_null(strstr(said, SECRET));
		end();
	}
}

static void test_secret_is_wiped(void **state)
{
	static const char text[] = "{\"UserPoolClient\":{" FLOW "," SECRETS "}}";
	struct check_pool pool = { false, false, false };
	struct check_client client;
	const struct json_value *members;
	const char *secret;
	struct findings findings;
	struct json_doc *doc = parse(text);

	(void)state;
	begin(&findings);
	assert_int_equal(json_get_object(json_doc_root(doc), "UserPoolClient", &members), OTP_OK);
	assert_int_equal(json_get_string(members, "ClientSecret", 1, 64, &secret), OTP_OK);
	assert_string_equal(secret, SECRET);
	check_client(&findings.check, json_doc_root(doc), &pool, &client);
	for (size_t i = 0; i < sizeof(SECRET); i++)
		assert_int_equal(secret[i], 0);
	assert_findings(&findings, "unknown pool", "warning existence_shown warning client_revocation ");
	json_doc_free(doc);
	end();
}

/* ---- users ---- */

#define OFFERED "\"ConfiguredUserAuthFactors\":[\"PASSWORD\",\"EMAIL_OTP\"]"

struct user_case {
	const char *name;
	const char *mapped; /* kind:value */
	const char *pin;
	struct cognito_user user;
	const char *factors; /* NULL: could not be asked for */
	bool no_codes;	     /* the pool */
	bool check_user;
	const char *wanted;
	const char *word;
};

#define ALICE(...)                                                                                                                         \
	{                                                                                                                                  \
		.user_name = SUB, .sub = SUB, .enabled = true, .status = COGNITO_STATUS_CONFIRMED, .email = "alice@example.com",           \
		.email_verified = true, __VA_ARGS__                                                                                        \
	}

#pragma GCC diagnostic ignored "-Woverride-init" /* ALICE(...) is alice but for what is named */

static const struct user_case user_cases[] = {
	{ "good", "email:alice@example.com", SUB, ALICE(), OFFERED, false, true, "ok user ", "offered a code; sub " SUB },
	{ "factors not known", "email:alice@example.com", "", ALICE(), NULL, false, false, "ok user ", "the map; sub" },
	{ "disabled", "email:alice@example.com", "", ALICE(.enabled = false), "", false, false, "error account_disabled ",
	  "alice, email:alice@example.com" },
	{ "temporary password", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_FORCE_CHANGE_PASSWORD), "", false, false,
	  "error account_force_change ", "admin-set-user-password --permanent" },
	{ "federated", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_EXTERNAL_PROVIDER), "", false, false,
	  "error account_external ", "" },
	{ "unconfirmed", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_UNCONFIRMED), OFFERED, false, false,
	  "warning account_not_confirmed ", "" },
	{ "unconfirmed, and looked at", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_UNCONFIRMED), OFFERED, false, true,
	  "error account_not_confirmed ", "" },
	{ "reset required", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_RESET_REQUIRED), OFFERED, false, true,
	  "error account_reset_required ", "" },
	{ "a state of next year", "email:alice@example.com", "", ALICE(.status = COGNITO_STATUS_OTHER), OFFERED, false, true,
	  "error account_status ", "" },
	{ "another address", "email:alice@example.com", "", ALICE(.email = "Alice@example.com"), OFFERED, false, true,
	  "error identity_email ", "the pool has Alice@" },
	{ "no address", "email:alice@example.com", "", ALICE(.email = ""), "", false, true, "error identity_email ", "no address" },
	{ "not verified", "email:alice@example.com", "", ALICE(.email_verified = false), OFFERED, false, true, "error identity_unverified ",
	  "email_verified" },
	{ "another number", "phone:+12065550100", "", ALICE(.phone_number = "+12065550101"), OFFERED, false, true, "error identity_phone ",
	  "" },
	{ "number not verified", "phone:+12065550100", "", ALICE(.phone_number = "+12065550100"), OFFERED, false, true,
	  "error identity_unverified ", "" },
	{ "another user name", "username:alice", "", ALICE(), OFFERED, false, true, "error identity_username ",
	  "his user name in the pool is " SUB },
	{ "another sub", "email:alice@example.com", "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb", ALICE(), OFFERED, false, true,
	  "error identity_sub ", "the map says b0b0" },
	{ "no factor", "email:alice@example.com", "", ALICE(), "\"ConfiguredUserAuthFactors\":[\"PASSWORD\"]", false, false,
	  "error challenge_not_offered ", "" },
	{ "no factor at all", "email:alice@example.com", "", ALICE(), "", false, false, "error challenge_not_offered ", "" },
	{ "no factor, and the pool is why", "email:alice@example.com", "", ALICE(), "", true, false, "", "" },
	{ "mfa", "email:alice@example.com", "", ALICE(),
	  "\"UserMFASettingList\":[\"SOFTWARE_TOKEN_MFA\"],\"PreferredMfaSetting\":\"SOFTWARE_TOKEN_MFA\"", false, false, "error user_mfa ",
	  "--username " SUB " --software-token-mfa-settings Enabled=false" },
	{ "mfa that is in nobody's way", "email:alice@example.com", "", ALICE(), OFFERED ",\"UserMFASettingList\":[\"SMS_MFA\"]", false,
	  false, "ok user ", "" },
	{ "another type", "email:alice@example.com", "", ALICE(), "\"ConfiguredUserAuthFactors\":\"EMAIL_OTP\"", false, false,
	  "error json_type ", "" },
};

static void judge_user(struct findings *findings, const struct user_case *one)
{
	char text[1024];
	struct identity identity;
	struct check_person person = { "alice", &identity, false };
	struct check_pool pool = { true, one->no_codes, true };
	struct json_doc *doc = NULL;

	findings->options.check_user = one->check_user;
	assert_int_equal(identity_parse(one->mapped, strlen(one->mapped), &identity), OTP_OK);
	(void)snprintf(identity.sub, sizeof(identity.sub), "%s", one->pin);
	if (one->factors != NULL) {
		(void)snprintf(text, sizeof(text), "{%s%s\"Username\":\"x\"}", one->factors, one->factors[0] == '\0' ? "" : ",");
		doc = parse(text);
	}
	check_user(&findings->check, &person, &one->user, doc == NULL ? NULL : json_doc_root(doc), &pool);
	json_doc_free(doc);
}

static void test_users(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(user_cases); i++) {
		const struct user_case *one = &user_cases[i];
		struct findings findings;

		begin(&findings);
		judge_user(&findings, one);
		assert_findings(&findings, one->name, one->wanted);
		if (strstr(said, one->word) == NULL)
			fail_msg("case \"%s\": no %s in %s", one->name, one->word, said);
		end();
	}
}

static void test_user_who_is_not_there(void **state)
{
	struct identity email = { IDENTITY_EMAIL, "alice@example.com", "" };
	struct identity name = { IDENTITY_USERNAME, "alice", "" };
	struct findings findings;

	(void)state;
	begin(&findings);
	check_user_absent(&findings.check, &(struct check_person){ "daemon", &email, false });
	findings.options.create_user = true;
	check_user_absent(&findings.check, &(struct check_person){ "daemon", &email, false });
	check_user_absent(&findings.check, &(struct check_person){ "daemon", &email, true });
	check_user_absent(&findings.check, &(struct check_person){ "daemon", &name, false });
	assert_findings(&findings, "absent",
			"error account_not_found note account_not_found error account_not_found error account_not_found ");
	end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pools),
		cmocka_unit_test(test_text_messages),
		cmocka_unit_test(test_answer_without_a_pool),
		cmocka_unit_test(test_clients),
		cmocka_unit_test(test_secret_is_wiped),
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_user_who_is_not_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
