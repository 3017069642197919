/* check_client - see check_client.h. */
#include "check_client.h"

#include <stdio.h>
#include <string.h>

#include "check_json.h"

#define CLIENT_KEEP "with all else that describe-user-pool-client shows: it resets what it is not told"

enum {
	CLIENT_REMEDY_MAX = 512,
	CLIENT_SESSION_MINUTES = 3, /* AuthSessionValidity where none was set */
	CLIENT_SESSION_MAX = 1440,
	CLIENT_REFRESH_MAX = 315360000 /* ten years in seconds */
};

struct client_round {
	const struct check *check;
	const struct check_pool *pool;
	const struct json_value *client; /* UserPoolClient of the answer */
	struct check_json json;
	const char *attribute; /* where codes go */
};

/* `change`: the options of update-user-pool-client that repair it. */
static void client_say(const struct client_round *round, enum report_level level, const char *name, const char *change, const char *text)
{
	const struct options *options = round->check->options;
	char remedy[CLIENT_REMEDY_MAX];
	struct finding finding = { level, name, options->client_id, remedy };

	(void)snprintf(remedy, sizeof(remedy),
		       "Run aws cognito-idp update-user-pool-client --user-pool-id %s --client-id %s %s " CLIENT_KEEP ".",
		       options->user_pool_id, options->client_id, change);
	report_add(round->check->report, &finding, "%s", text);
}

static bool client_has_no_flow(struct client_round *round)
{
	if (check_json_lists(&round->json, round->client, "ExplicitAuthFlows", "ALLOW_USER_AUTH"))
		return false;
	client_say(round, REPORT_ERROR, "client_flow", "--explicit-auth-flows ALLOW_USER_AUTH",
		   "ALLOW_USER_AUTH is not in ExplicitAuthFlows: it takes no sign-in by code");
	return true;
}

/* check_service finds the same by asking. */
static bool client_shows(struct client_round *round)
{
	if (strcmp(check_json_text(&round->json, round->client, "PreventUserExistenceErrors", "LEGACY"), "ENABLED") == 0)
		return false;
	client_say(round, REPORT_WARNING, "existence_shown", "--prevent-user-existence-errors ENABLED",
		   "the client tells everybody which users exist");
	return true;
}

/* People are told that a code is good as long as challenge_ttl says, and no new one is mailed before. */
static void client_session(struct client_round *round)
{
	int64_t minutes = check_json_int(&round->json, round->client, "AuthSessionValidity", CLIENT_SESSION_MAX, CLIENT_SESSION_MINUTES);
	long long seconds = (long long)minutes * 60;
	long long ttl = (long long)round->check->options->challenge_ttl;
	char remedy[CLIENT_REMEDY_MAX];
	struct finding finding = { REPORT_WARNING, "code_expires_early", round->check->options->client_id, remedy };

	if (seconds >= ttl)
		return;
	(void)snprintf(remedy, sizeof(remedy),
		       "Set challenge_ttl = %llds in the settings, or run aws cognito-idp update-user-pool-client with "
		       "--auth-session-validity %lld (3 to 15 minutes) " CLIENT_KEEP ".",
		       seconds, (ttl + 59) / 60);
	report_add(round->check->report, &finding,
		   "the service takes a code for %lld s (AuthSessionValidity %lld minutes), and challenge_ttl says %lld s", seconds,
		   (long long)minutes, ttl);
}

static void client_revocation(struct client_round *round)
{
	if (!check_json_bool(&round->json, round->client, "EnableTokenRevocation", false))
		client_say(round, REPORT_WARNING, "client_revocation", "--enable-token-revocation",
			   "EnableTokenRevocation is off: the tokens of a login cannot be ended, and are good until they expire");
}

/* RefreshTokenValidity in the unit that TokenValidityUnits gives for it: days where none is set, and 30 of them where nothing is. */
static int64_t client_refresh_s(struct client_round *round)
{
	const struct json_value *units = check_json_object(&round->json, round->client, "TokenValidityUnits");
	const char *unit = check_json_text(&round->json, units, "RefreshToken", "days");
	int64_t count = check_json_int(&round->json, round->client, "RefreshTokenValidity", CLIENT_REFRESH_MAX, 0);
	int64_t seconds = strcmp(unit, "seconds") == 0 ? 1 : strcmp(unit, "minutes") == 0 ? 60 : strcmp(unit, "hours") == 0 ? 3600 : 86400;

	return count == 0 ? 30 * (int64_t)86400 : count * seconds;
}

/* What cache_check = online lives on. */
static void client_refresh(struct client_round *round)
{
	const struct options *options = round->check->options;
	const struct json_value *rotation = check_json_object(&round->json, round->client, "RefreshTokenRotation");
	bool rotates = strcmp(check_json_text(&round->json, rotation, "Feature", "DISABLED"), "ENABLED") == 0;
	struct finding early = { REPORT_WARNING, "refresh_expires_early", options->client_id,
				 "Set cache_ttl lower, or run aws cognito-idp update-user-pool-client with a longer --refresh-token-validity "
				 CLIENT_KEEP "." };
	struct finding grace = { REPORT_NOTE, "refresh_no_grace", options->client_id, "" };
	int64_t seconds = client_refresh_s(round);

	if (seconds < options->cache_ttl)
		report_add(round->check->report, &early,
			   "its refresh tokens are good for %lld s (RefreshTokenValidity), and cache_ttl says %lld s: then a code is asked for",
			   (long long)seconds, (long long)options->cache_ttl);
	if (rotates && check_json_int(&round->json, rotation, "RetryGracePeriodSeconds", 60, 0) == 0)
		report_add(round->check->report, &grace,
			   "it rotates refresh tokens with RetryGracePeriodSeconds 0: an answer that is lost on its way costs a code");
}

static bool client_secret_off(struct client_round *round)
{
	const char *file = round->check->options->client_secret_file;
	bool wanted = json_has(round->client, "ClientSecret");
	struct finding unset = { REPORT_ERROR, "client_secret_unset", round->check->options->client_id,
				 "Write the secret that aws cognito-idp describe-user-pool-client shows into a file that is root's alone "
				 "(mode 0600), and name it in "
				 "client_secret_file." };
	struct finding unwanted = { REPORT_ERROR, "client_secret_unwanted", round->check->options->client_id,
				    "Take client_secret_file out of the settings; better, make an app client with a secret "
				    "(--generate-secret) and set client_id." };

	if (wanted == (file[0] != '\0'))
		return false;
	if (wanted)
		report_add(round->check->report, &unset, "the app client has a secret, and client_secret_file is not set");
	else
		report_add(round->check->report, &unwanted, "the app client has no secret, and client_secret_file is set");
	return true;
}

/* With his access token a user may write what WriteAttributes names; all of them, where it is missing. */
static void client_writes(struct client_round *round)
{
	bool all = !json_has(round->client, "WriteAttributes");
	struct note text;

	if (!round->pool->known || round->pool->confirms ||
	    !(all || check_json_lists(&round->json, round->client, "WriteAttributes", round->attribute)))
		return;
	note_set(&text,
		 "users may change their own %s, and it counts before it is confirmed: they can lock themselves out, and have codes sent "
		 "to others",
		 round->attribute);
	client_say(round, REPORT_WARNING, "client_writes", "--write-attributes name", text.text);
}

static void client_judge(struct client_round *round, struct check_client *ret_client)
{
	const struct report *report = round->check->report;
	int before = report->found[REPORT_ERROR] + report->found[REPORT_WARNING];
	struct finding good = { REPORT_OK, "client_settings", round->check->options->client_id, "" };

	ret_client->no_flow = client_has_no_flow(round);
	ret_client->shows = client_shows(round);
	ret_client->secret_off = client_secret_off(round);
	client_session(round);
	client_revocation(round);
	if (round->check->options->cache && round->check->options->cache_check == CACHE_CHECK_ONLINE)
		client_refresh(round);
	client_writes(round);
	if (report->found[REPORT_ERROR] + report->found[REPORT_WARNING] == before && round->json.wrong == NULL)
		report_add(round->check->report, &good, "takes sign-ins by code, hides who exists, and can revoke");
}

void check_client(const struct check *check, const struct json_value *root, const struct check_pool *pool, struct check_client *ret_client)
{
	bool mails = check->options->challenge == CHALLENGE_EMAIL_OTP;
	struct client_round round = { .check = check, .pool = pool, .attribute = mails ? "email" : "phone_number" };
	struct note note = { "" };

	memset(ret_client, 0, sizeof(*ret_client));
	round.client = check_json_object(&round.json, root, "UserPoolClient");
	if (round.client != NULL) {
		client_judge(&round, ret_client);
		json_wipe_string(round.client, "ClientSecret");
	}
	if (round.json.wrong != NULL || round.client == NULL) {
		note_set(&note, "DescribeUserPoolClient: %s", round.json.wrong == NULL ? "UserPoolClient" : round.json.wrong);
		check_error(check, check->options->client_id, round.json.wrong == NULL ? OTP_ERR_JSON_ABSENT : OTP_ERR_JSON_TYPE, &note);
	}
}
