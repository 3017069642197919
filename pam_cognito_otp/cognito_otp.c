/*
 * cognito_otp - the administrator's tool: a second door to the same rooms.
 *
 * It reads the same settings as the module. Exit status: 0 done, 1 not possible (the reason is on standard error), 2 called wrongly; of check 0 nothing found,
 * 3 errors, 4 warnings only.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "account_state.h"
#include "cache_list.h"
#include "cache_purge.h"
#include "check_cache.h"
#include "check_filters.h"
#include "check_host.h"
#include "check_login.h"
#include "check_pam.h"
#include "check_service.h"
#include "check_settings.h"
#include "check_sshd.h"
#include "check_user.h"
#include "log.h"
#include "messages.h"
#include "options.h"
#include "pin_list.h"
#include "policy.h"
#include "remedy.h"
#include "trial.h"
#include "tty_conversation.h"

enum { TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_PATH_MAX = 1024 };

static const char tool_usage[] = "Usage: cognito-otp [--config FILE] check [--json] [USER]\n"
				 "       cognito-otp [--config FILE] login USER\n"
				 "       cognito-otp [--config FILE] map USER\n"
				 "       cognito-otp [--config FILE] config\n"
				 "       cognito-otp [--config FILE] state [USER]\n"
				 "       cognito-otp [--config FILE] reset USER\n"
				 "       cognito-otp [--config FILE] reset-host\n"
				 "       cognito-otp [--config FILE] pin list [USER]\n"
				 "       cognito-otp [--config FILE] pin clear USER|--all\n"
				 "       cognito-otp [--config FILE] cache list [USER]\n"
				 "       cognito-otp [--config FILE] cache purge [USER]\n"
				 "       cognito-otp --help | --version\n"
				 "\n"
				 "check       looks at all that a login needs, and says of each fault what to do; --json for programs; with USER, also at him\n"
				 "login       tries a login of USER here, outside PAM: mails a code and asks for it\n"
				 "map         shows who USER is at Cognito, and whether he may log in\n"
				 "config      shows the settings that are in force\n"
				 "state       shows what is remembered of mailed codes, and the host's mail budgets; with USER, his codes and budgets\n"
				 "reset       forgets USER's codes and mail budgets, so that he can have a new mail\n"
				 "reset-host  forgets the host's mail budgets\n"
				 "pin         list shows which Cognito user each person is held to; clear forgets it for USER, or --all; --all begins the file\n"
				 "cache       list shows who needs no code at the moment, and why not what no longer counts; purge ends that now, for USER or for all\n"
				 "\n"
				 "See cognito-otp(8).\n";

struct tool {
	const char *config; /* NULL: the default file */
	const char *action; /* the second word of a command that has two, or "" */
	const char *user;   /* NULL where a command takes none */
	bool json;
	bool all;
	struct options options;
	struct messages messages; /* of login */
	struct policy_user judged;
	struct note note;
};

/* What stands in a file, or was typed, may have bytes that a terminal obeys. */
static int tool_fail(const char *what, enum otp_err err, const struct note *note)
{
	char clean[NOTE_MAX];
	char name[NOTE_MAX];

	log_clean(clean, sizeof(clean), note->text, false);
	log_clean(name, sizeof(name), what, false);
	if (strstr(clean, err_text(err)) != NULL)
		fprintf(stderr, "cognito-otp: %s: %s (%s)\n", name, clean, err_reason(err));
	else
		fprintf(stderr, "cognito-otp: %s: %s%s%s (%s)\n", name, clean, clean[0] == '\0' ? "" : ": ", err_text(err), err_reason(err));
	return TOOL_FAILED;
}

static int tool_done(int status)
{
	if (fflush(stdout) == 0 && ferror(stdout) == 0)
		return status;
	perror("cognito-otp: standard output");
	return TOOL_FAILED;
}

static enum otp_err tool_load(struct tool *tool)
{
	char argument[TOOL_PATH_MAX + 8];
	const char *arguments[] = { argument };

	if (tool->config == NULL)
		return options_load(&tool->options, NULL, 0, &tool->note);
	if ((size_t)snprintf(argument, sizeof(argument), "config=%s", tool->config) >= sizeof(argument))
		return OTP_ERR_CONFIG_OPEN;
	return options_load(&tool->options, arguments, 1, &tool->note);
}

/* That he may not log in is no reason not to show what is remembered of him; that the map cannot be read is. */
static enum otp_err tool_find_user(struct tool *tool)
{
	enum otp_err err = policy_look_up(tool->user, &tool->judged);

	if (err != OTP_OK)
		return err;
	err = policy_judge(&tool->options, tool->user, &tool->judged, &tool->note);
	return err_class(err) == OTP_CLASS_DENIED || err_class(err) == OTP_CLASS_FORBIDDEN || err == OTP_IGNORED ? OTP_OK : err;
}

typedef enum otp_err tool_account_verb(const struct account *account, FILE *out, struct note *note);

/* The commands about what is remembered of an account. */
static int tool_account(struct tool *tool, const char *verb, tool_account_verb *run)
{
	struct account account = { &tool->options, tool->user, &tool->judged };
	enum otp_err err = tool_load(tool);

	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	if (tool->user != NULL)
		err = tool_find_user(tool);
	if (err != OTP_OK)
		return tool_fail(tool->user, err, &tool->note);
	err = run(&account, stdout, &tool->note);
	return err == OTP_OK ? tool_done(EXIT_SUCCESS) : tool_fail(verb, err, &tool->note);
}

static int tool_state(struct tool *tool)
{
	return tool_account(tool, "state", account_state_show);
}

static int tool_reset(struct tool *tool)
{
	return tool_account(tool, "reset", account_state_reset);
}

static enum otp_err tool_forget_host(const struct account *account, FILE *out, struct note *note)
{
	(void)account;
	return account_state_reset_host(out, note);
}

static int tool_reset_host(struct tool *tool)
{
	return tool_account(tool, "reset-host", tool_forget_host);
}

/* No account is asked for: those who have left are the ones to be forgotten. */
static int tool_pin(struct tool *tool)
{
	const char *pool = tool->options.user_pool_id;
	enum otp_err err = tool_load(tool);

	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	if (strcmp(tool->action, "list") == 0)
		err = pin_list_show(pool, tool->user, stdout, &tool->note);
	else
		err = pin_list_clear(pool, tool->user, stdout, &tool->note);
	return err == OTP_OK ? tool_done(EXIT_SUCCESS) : tool_fail("pin", err, &tool->note);
}

/* The same holds here. With cache = off there may be something left. */
static int tool_cache(struct tool *tool)
{
	enum otp_err err = tool_load(tool);

	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	if (strcmp(tool->action, "list") == 0)
		err = cache_list_show(&tool->options, tool->user, stdout, &tool->note);
	else
		err = cache_purge(&tool->options, tool->user, stdout, &tool->note);
	return err == OTP_OK ? tool_done(EXIT_SUCCESS) : tool_fail("cache", err, &tool->note);
}

static void tool_check_pam(const struct check *check)
{
	struct pam_use *use = calloc(1, sizeof(*use)); /* too large for the stack */
	struct note note = { "" };

	if (use == NULL) {
		check_error(check, "", OTP_ERR_MEMORY, &note);
		return;
	}
	check_pam(check, use);
	check_sshd(check, use);
	check_login(check, use);
	if (check->options != NULL) {
		check_filters_services(check, use);
		check_cache(check, use);
	}
	free(use);
}

static int tool_check(struct tool *tool)
{
	struct report report;
	struct check check = { &report, tool->config, NULL };

	report_begin(&report, stdout, tool->json, isatty(STDOUT_FILENO) == 1);
	check_host(&check);
	if (check_settings_load(&check, &tool->options)) {
		check.options = &tool->options;
		check_settings_map(&check);
		check_filters(&check);
		check_settings_pins(&check);
		if (tool->user != NULL)
			check_user_account(&check, tool->user);
		check_service(&check, tool->user);
	}
	tool_check_pam(&check);
	return tool_done(report_end(&report));
}

static void tool_show_setting(void *arg, const char *key, const char *value)
{
	(void)arg;
	if (value[0] == '\0')
		printf("# %s is not set\n", key);
	else
		printf("%s = %s\n", key, value);
}

/* There is no secret in the settings: they name the files in which secrets are. */
static int tool_config(struct tool *tool)
{
	enum otp_err err = tool_load(tool);

	if (err == OTP_OK)
		err = options_each(&tool->options, tool_show_setting, NULL);
	return err == OTP_OK ? tool_done(EXIT_SUCCESS) : tool_fail("settings", err, &tool->note);
}

/* A line for each of the people who have the account; one for a user who has no mapping. */
static void tool_show_person(const struct tool *tool, const struct identity *identity, enum otp_err judgement)
{
	bool allowed = judgement == OTP_OK;

	printf("user=%s uid=%lu ", tool->user, (unsigned long)tool->judged.uid);
	if (identity == NULL)
		printf("cognito=- sub=- from=- ");
	else
		printf("cognito=%s:%s sub=%s from=%s ", identity_kind_name(identity->kind), identity->value, identity->sub[0] == '\0' ? "-" : identity->sub,
		       tool->judged.from_template ? "user_template" : tool->options.user_map);
	printf("may_log_in=%s reason=%s\n", allowed ? "yes" : "no", allowed ? "-" : err_reason(judgement));
}

static int tool_map(struct tool *tool)
{
	enum otp_err err = tool_load(tool);
	enum otp_err judgement;

	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	err = policy_look_up(tool->user, &tool->judged);
	judgement = policy_judge(&tool->options, tool->user, &tool->judged, &tool->note);
	if (err != OTP_OK)
		return tool_fail(tool->user, err, &tool->note);
	if (err_class(judgement) == OTP_CLASS_SERVICE || err_class(judgement) == OTP_CLASS_SYSTEM || err_class(judgement) == OTP_CLASS_MEMORY)
		return tool_fail(tool->user, judgement, &tool->note);
	if (tool->judged.people_count == 0)
		tool_show_person(tool, NULL, judgement);
	for (size_t i = 0; i < tool->judged.people_count; i++)
		tool_show_person(tool, &tool->judged.people[i], judgement);
	return tool_done(judgement == OTP_OK ? EXIT_SUCCESS : TOOL_FAILED);
}

/* What PAM would have been told, and what to do about it. */
static int tool_say_result(const struct tool *tool, const struct auth_result *result)
{
	const char *note = tool->note.text;

	if (result->reason == OTP_OK) {
		printf("%s: in as %s: %s\n", tool->user, tool->judged.identity.value, err_text(result->reason));
		return tool_done(EXIT_SUCCESS);
	}
	(void)tool_fail(tool->user, result->reason, &tool->note);
	if (result->request_id[0] != '\0' && strstr(note, result->request_id) == NULL)
		fprintf(stderr, "cognito-otp: request id at Cognito: %s\n", result->request_id);
	fprintf(stderr, "cognito-otp: remedy: %s\n", remedy_of(result->reason));
	return TOOL_FAILED;
}

static int tool_login(struct tool *tool)
{
	struct deadline deadline;
	struct tty_door door;
	struct conversation conversation;
	struct trial trial = { &tool->options, &tool->messages, tool->user, &tool->judged, &conversation, &deadline, &tool->note };
	struct auth_result result;
	enum otp_err err = tool_load(tool);

	if (err == OTP_OK)
		err = messages_load(&tool->messages, tool->options.messages_file, tool->options.challenge, &tool->note);
	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	deadline = deadline_start(tool->options.deadline * 1000);
	err = tty_open(&door, &deadline);
	if (err != OTP_OK)
		return tool_fail("/dev/tty", err, &tool->note);
	conversation = tty_conversation(&door);
	(void)policy_look_up(tool->user, &tool->judged);
	trial_run(&trial, policy_judge(&tool->options, tool->user, &tool->judged, &tool->note), &result);
	tty_close(&door);
	return tool_say_result(tool, &result);
}

struct tool_verb {
	const char *name;
	int least; /* words after it */
	int most;
	int (*run)(struct tool *tool);
};

/* The command, if it exists and takes so many words after it. */
static const struct tool_verb *tool_find_verb(int words, char **word)
{
	static const struct tool_verb verbs[] = {
		{ "check", 0, 1, tool_check }, { "login", 1, 1, tool_login }, { "map", 1, 1, tool_map },	    { "config", 0, 0, tool_config },
		{ "state", 0, 1, tool_state }, { "reset", 1, 1, tool_reset }, { "reset-host", 0, 0, tool_reset_host }, { "pin", 1, 2, tool_pin },
		{ "cache", 1, 2, tool_cache },
	};

	for (size_t i = 0; words > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word[0], verbs[i].name) == 0)
			return words - 1 >= verbs[i].least && words - 1 <= verbs[i].most ? &verbs[i] : NULL;
	}
	return NULL;
}

static int tool_wrong(void)
{
	fputs(tool_usage, stderr);
	return TOOL_USAGE;
}

/* Takes the words after the command; whether it is called as it may be. */
static bool tool_take_words(struct tool *tool, const struct tool_verb *verb, int words, char **word)
{
	bool two = verb->run == tool_pin || verb->run == tool_cache; /* words make the command */

	if (tool->json && verb->run != tool_check)
		return false;
	tool->action = two ? word[1] : "";
	tool->user = words == (two ? 3 : 2) ? word[words - 1] : NULL;
	if (verb->run == tool_pin && strcmp(tool->action, "clear") == 0)
		return tool->all == (tool->user == NULL); /* all are never meant by saying nothing: they would be pinned anew */
	if (two && strcmp(tool->action, "list") != 0 && (verb->run == tool_pin || strcmp(tool->action, "purge") != 0))
		return false;
	return !tool->all;
}

/* Returns an exit status, or -1 when there is a command to run. */
static int tool_options(int argc, char **argv, struct tool *tool)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' }, { "json", no_argument, NULL, 'j' },	   { "all", no_argument, NULL, 'a' },
		{ "help", no_argument, NULL, 'h' },	    { "version", no_argument, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			tool->config = optarg;
			break;
		case 'j':
			tool->json = true;
			break;
		case 'a':
			tool->all = true;
			break;
		case 'h':
			return fputs(tool_usage, stdout) < 0 ? TOOL_FAILED : EXIT_SUCCESS;
		case 'v':
			return puts("cognito-otp " OTP_VERSION) < 0 ? TOOL_FAILED : EXIT_SUCCESS;
		default:
			return tool_wrong();
		}
	}
	return -1;
}

static int tool_run(int argc, char **argv, struct tool *tool)
{
	int status = tool_options(argc, argv, tool);
	const struct tool_verb *verb;

	if (status >= 0)
		return status;
	verb = tool_find_verb(argc - optind, argv + optind);
	if (verb == NULL || !tool_take_words(tool, verb, argc - optind, argv + optind))
		return tool_wrong();
	if (geteuid() != 0) {
		fputs("cognito-otp: only root can see and change what decides who gets in\n", stderr);
		return TOOL_FAILED;
	}
	log_open("cognito-otp", false);
	return verb->run(tool);
}

/* SSLKEYLOGFILE would have libcurl write the keys of its TLS to a file, OPENSSL_CONF would have OpenSSL load code: `su` and `sudo -E` keep both. */
int main(int argc, char **argv)
{
	struct tool *tool = clearenv() == 0 ? calloc(1, sizeof(*tool)) : NULL;
	int status;

	(void)prctl(PR_SET_DUMPABLE, 0); /* the client secret and AWS keys pass through here */
	if (tool == NULL) {
		fputs("cognito-otp: out of memory\n", stderr);
		return TOOL_FAILED;
	}
	status = tool_run(argc, argv, tool);
	messages_done(&tool->messages);
	free(tool);
	return status;
}
