/* check_admin - see check_admin.h. */
#include "check_admin.h"

#include <string.h>

#include "check_user.h"
#include "cognito_admin.h"
#include "json_write.h"
#include "policy.h"
#include "remedy.h"
#include "strbuf.h"
#include "user_map.h"

enum { ADMIN_BODY_MAX = 4096, ADMIN_PEOPLE_MAX = USER_MAP_PEOPLE_MAX };

struct admin_round {
	const struct check *check;
	struct cognito_admin *admin;
	struct check_admin *found;
};

bool check_admin_can(const struct options *options)
{
	return options->aws_credentials_file[0] != '\0' || options->aws_imds;
}

/* What failed; whether more calls are worth while. `needed`: a login makes this call, too. */
static void admin_failed(struct admin_round *round, const char *operation, bool needed, enum otp_err err)
{
	const struct check *check = round->check;
	struct note *note = round->admin->cognito->note;
	struct finding denied = { REPORT_NOTE, err_reason(err), operation, "" };
	struct finding busy = { REPORT_WARNING, err_reason(err), operation, remedy_of(err) };

	if (err == OTP_ERR_AWS_DENIED && !needed)
		report_add(check->report, &denied, "not looked at: IAM does not allow this host cognito-idp:%s", operation);
	else if (err == OTP_ERR_API_UNKNOWN && !needed)
		report_add(check->report, &denied, "not looked at: the service does not know this operation");
	else if (err == OTP_ERR_THROTTLED)
		report_add(check->report, &busy, "%s; it could not be looked at", err_text(err));
	else
		check_error(check, note->text[0] == '/' ? "" : operation, err, note);
	if (err != OTP_ERR_AWS_DENIED && err != OTP_ERR_API_UNKNOWN)
		round->found->failed = err;
}

/* A call with the pool's id and one more member. The caller ends *ret_doc in every case. */
static enum otp_err admin_ask(struct admin_round *round, const char *operation, const char *key, const char *value,
			      struct json_doc **ret_doc)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(ADMIN_BODY_MAX);

	strbuf_puts(&body, "{");
	json_add_string(&body, "UserPoolId", round->check->options->user_pool_id);
	if (key != NULL)
		json_add_string(&body, key, value);
	strbuf_puts(&body, "}");
	return cognito_admin_post(round->admin, operation, &body, ret_doc);
}

static void admin_pool(struct admin_round *round)
{
	struct json_doc *doc = NULL;
	struct check_kinds kinds;
	enum otp_err err = admin_ask(round, "DescribeUserPool", NULL, NULL, &doc);

	check_pool_count(round->check, &kinds);
	if (err == OTP_OK)
		check_pool(round->check, json_doc_root(doc), &kinds, &round->found->pool);
	else
		admin_failed(round, "DescribeUserPool", false, err);
	json_doc_free(doc);
}

/* Unless the pool itself is unknown, it is the client that the service does not find there. */
static void admin_client(struct admin_round *round)
{
	const struct options *options = round->check->options;
	struct json_doc *doc = NULL;
	struct note note;
	enum otp_err err = admin_ask(round, "DescribeUserPoolClient", "ClientId", options->client_id, &doc);

	if (err == OTP_OK) {
		check_client(round->check, json_doc_root(doc), &round->found->pool, &round->found->client);
	} else if (err == OTP_ERR_POOL_UNKNOWN && round->found->pool.known) {
		note_set(&note, "the pool %s has no such app client", options->user_pool_id);
		check_error(round->check, options->client_id, OTP_ERR_CLIENT, &note);
		round->found->client_absent = true;
	} else {
		admin_failed(round, "DescribeUserPoolClient", false, err);
	}
	json_doc_free(doc);
}

/* With check_user every login asks: whether it may is tried on a user who cannot exist. */
static bool admin_may_look(struct admin_round *round)
{
	struct finding good = { REPORT_OK, "check_user", round->check->options->user_pool_id, "" };
	struct cognito_user user;
	enum otp_err err = cognito_admin_get_user(round->admin, CHECK_NOBODY, &user);

	if (err == OTP_OK || err == OTP_ERR_ACCOUNT_NOT_FOUND)
		report_add(round->check->report, &good, "this host may look at users");
	else
		admin_failed(round, "AdminGetUser", true, err);
	return err == OTP_OK || err == OTP_ERR_ACCOUNT_NOT_FOUND;
}

static void admin_factors(struct admin_round *round, const struct check_person *person, const struct cognito_user *user)
{
	struct json_doc *doc = NULL;
	enum otp_err err = admin_ask(round, "AdminGetUserAuthFactors", "Username", person->identity->value, &doc);

	if (err != OTP_OK)
		admin_failed(round, "AdminGetUserAuthFactors", false, err);
	check_user(round->check, person, user, err == OTP_OK ? json_doc_root(doc) : NULL, &round->found->pool);
	json_doc_free(doc);
}

static void admin_person(struct admin_round *round, const struct check_person *person)
{
	struct cognito_user user;
	enum otp_err err = cognito_admin_get_user(round->admin, person->identity->value, &user);

	if (err == OTP_OK)
		admin_factors(round, person, &user);
	else if (err == OTP_ERR_ACCOUNT_NOT_FOUND)
		check_user_absent(round->check, person);
	else
		admin_failed(round, "AdminGetUser", false, err); /* with check_user admin_may_look was here before */
}

/* The people of one account: several lines of the map make it a shared one. */
struct admin_people {
	const char *user;
	size_t count;
	struct identity identities[ADMIN_PEOPLE_MAX];
};

static enum otp_err admin_take(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity)
{
	struct admin_people *people = arg;

	(void)line;
	if (strlen(people->user) == length && memcmp(people->user, name, length) == 0 && people->count < ADMIN_PEOPLE_MAX)
		people->identities[people->count++] = *identity;
	return OTP_OK;
}

/* Whom the template names, when no line does. Who may not log in is looked at all the same. */
static bool admin_template(const struct admin_round *round, struct admin_people *people)
{
	struct policy_user judged;
	struct note note;

	if (policy_look_up(people->user, &judged) != OTP_OK)
		return false;
	(void)policy_judge(round->check->options, people->user, &judged, &note);
	if (judged.mapped)
		people->identities[people->count++] = judged.identity;
	return judged.mapped;
}

static void admin_user(struct admin_round *round, const char *user)
{
	const struct options *options = round->check->options;
	struct user_map_settings settings = { options->user_map, options->user_map_named, options->user_template };
	struct admin_people people = { .user = user };
	struct note note;
	bool from_template;

	if (user_map_each(&settings, admin_take, &people, &note) != OTP_OK)
		return; /* check_settings says why */
	from_template = people.count == 0 && admin_template(round, &people);
	for (size_t i = 0; i < people.count && round->found->failed == OTP_OK; i++)
		admin_person(round, &(struct check_person){ user, &people.identities[i], from_template });
}

void check_admin(const struct check *check, struct service *service, const char *user, struct check_admin *ret_found)
{
	const struct options *options = check->options;
	struct admin_round round = { check, &service->admin, ret_found };

	memset(ret_found, 0, sizeof(*ret_found));
	admin_pool(&round);
	if (ret_found->failed == OTP_OK)
		admin_client(&round);
	if (ret_found->failed == OTP_OK && (!options->check_user || admin_may_look(&round)) && user != NULL)
		admin_user(&round, user);
}
