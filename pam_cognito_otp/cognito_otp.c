/*
 * cognito_otp - the administrator's tool: a second door to the same rooms.
 *
 * It reads the same settings as the module. Exit status: 0 done, 1 not possible (the reason is on standard error), 2 called wrongly.
 */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "account_state.h"
#include "log.h"
#include "options.h"
#include "policy.h"

enum { TOOL_FAILED = 1, TOOL_USAGE = 2, TOOL_PATH_MAX = 1024 };

static const char tool_usage[] = "Usage: cognito-otp [--config FILE] state [USER]\n"
				 "       cognito-otp [--config FILE] reset USER\n"
				 "       cognito-otp [--config FILE] reset-host\n"
				 "       cognito-otp --help | --version\n"
				 "\n"
				 "state       shows what is remembered of mailed codes, and the host's mail budgets; with USER, his codes and budgets\n"
				 "reset       forgets USER's codes and mail budgets, so that he can have a new mail\n"
				 "reset-host  forgets the host's mail budgets\n"
				 "\n"
				 "See cognito-otp(8).\n";

struct tool {
	struct options options;
	struct policy_user judged;
	struct note note;
};

static int tool_fail(const char *what, enum otp_err err, const struct note *note)
{
	fprintf(stderr, "cognito-otp: %s: %s%s%s (%s)\n", what, note->text, note->text[0] == '\0' ? "" : ": ", err_text(err), err_reason(err));
	return TOOL_FAILED;
}

static enum otp_err tool_load(struct tool *tool, const char *config)
{
	char argument[TOOL_PATH_MAX + 8];
	const char *arguments[] = { argument };

	if (config == NULL)
		return options_load(&tool->options, NULL, 0, &tool->note);
	if ((size_t)snprintf(argument, sizeof(argument), "config=%s", config) >= sizeof(argument))
		return OTP_ERR_CONFIG_OPEN;
	return options_load(&tool->options, arguments, 1, &tool->note);
}

/* That he may not log in is no reason not to show what is remembered of him; that the map cannot be read is. */
static enum otp_err tool_find_user(struct tool *tool, const char *user)
{
	enum otp_err err = policy_look_up(user, &tool->judged);

	if (err != OTP_OK)
		return err;
	err = policy_judge(&tool->options, user, &tool->judged, &tool->note);
	return err_class(err) == OTP_CLASS_DENIED || err_class(err) == OTP_CLASS_FORBIDDEN || err == OTP_IGNORED ? OTP_OK : err;
}

static int tool_run(struct tool *tool, const char *verb, const char *config, const char *user)
{
	struct account account = { &tool->options, user, &tool->judged };
	enum otp_err err;

	if (geteuid() != 0) {
		fputs("cognito-otp: only root can read and change what this machine remembers\n", stderr);
		return TOOL_FAILED;
	}
	err = tool_load(tool, config);
	if (err != OTP_OK)
		return tool_fail("settings", err, &tool->note);
	if (user != NULL)
		err = tool_find_user(tool, user);
	if (err != OTP_OK)
		return tool_fail(user, err, &tool->note);
	if (strcmp(verb, "state") == 0)
		err = account_state_show(&account, stdout, &tool->note);
	else if (strcmp(verb, "reset") == 0)
		err = account_state_reset(&account, stdout, &tool->note);
	else
		err = account_state_reset_host(stdout, &tool->note);
	if (err != OTP_OK)
		return tool_fail(verb, err, &tool->note);
	if (fflush(stdout) == 0)
		return EXIT_SUCCESS;
	perror("cognito-otp: standard output");
	return TOOL_FAILED;
}

static int tool_wrong(void)
{
	fputs(tool_usage, stderr);
	return TOOL_USAGE;
}

/* Returns an exit status, or -1 when there is a command to run. */
static int tool_options(int argc, char **argv, const char **ret_config)
{
	static const struct option long_options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	int option;

	while ((option = getopt_long(argc, argv, "+", long_options, NULL)) != -1) {
		switch (option) {
		case 'c':
			*ret_config = optarg;
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

/* Whether the command exists and takes so many words after it. */
static bool tool_knows(int words, char **word)
{
	static const struct {
		const char *verb;
		int least;
		int most;
	} verbs[] = { { "state", 0, 1 }, { "reset", 1, 1 }, { "reset-host", 0, 0 } };

	for (size_t i = 0; words > 0 && i < sizeof(verbs) / sizeof(verbs[0]); i++) {
		if (strcmp(word[0], verbs[i].verb) == 0)
			return words - 1 >= verbs[i].least && words - 1 <= verbs[i].most;
	}
	return false;
}

int main(int argc, char **argv)
{
	const char *config = NULL;
	struct tool *tool;
	int status = tool_options(argc, argv, &config);
	int words = argc - optind;

	if (status >= 0)
		return status;
	if (!tool_knows(words, argv + optind))
		return tool_wrong();
	tool = calloc(1, sizeof(*tool));
	if (tool == NULL) {
		fputs("cognito-otp: out of memory\n", stderr);
		return TOOL_FAILED;
	}
	log_open("cognito-otp", false);
	status = tool_run(tool, argv[optind], config, words == 2 ? argv[optind + 1] : NULL);
	free(tool);
	return status;
}
