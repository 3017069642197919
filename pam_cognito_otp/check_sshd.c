/* check_sshd - see check_sshd.h. */
#include "check_sshd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "remedy.h"
#include "safe_file.h"
#include "user_map.h"

#define CHECK_SSHD_FIRST " in /etc/ssh/sshd_config.d/00-otp.conf (of several lines sshd takes the first). Then reload sshd."

#define CHECK_SSHD_METHODS "Set AuthenticationMethods publickey,keyboard-interactive:pam" CHECK_SSHD_FIRST

enum { CHECK_SSHD_USERS_MAX = 16, CHECK_SSHD_GRACE_LEAST = 120, CHECK_SSHD_GRACE_MORE = 60, CHECK_SSHD_WHERE_MAX = 320 };

/* One set of settings, and what was found in it. */
struct check_sshd_found {
	const struct check *check;
	char where[CHECK_SSHD_WHERE_MAX];
	int faults;
};

struct check_sshd_users {
	char names[CHECK_SSHD_USERS_MAX + 1][USER_MAP_NAME_MAX + 1];
	struct sshd_settings settings[CHECK_SSHD_USERS_MAX + 1]; /* where they differ from the default and from each other */
	size_t count;
	bool more; /* there are others that were not asked for */
};

static void check_sshd_say(struct check_sshd_found *found, enum report_level level, const char *name, const char *remedy, const char *text)
{
	struct finding finding = { level, name, found->where, remedy };

	found->faults += level >= REPORT_WARNING;
	report_add(found->check->report, &finding, "%s", text);
}

/* --- one set of settings -------------------------------------------------------------------------------------------------------- */

/* Somebody who is not asked for a code at all. That one user or all but some are not may be meant. */
static void check_sshd_no_code(struct check_sshd_found *found, const struct check_sshd_case *one)
{
	static const char error[] = "AuthenticationMethods has no keyboard-interactive: nobody is asked for a code";
	static const char others[] =
	    "AuthenticationMethods has no keyboard-interactive: whoever no Match block finds gets in without a code";
	static const char user[] = "a Match block lets this user in without a code";

	if (one->user == NULL && !one->asked)
		check_sshd_say(found, REPORT_ERROR, "sshd_methods", CHECK_SSHD_METHODS, error);
	else
		check_sshd_say(found, REPORT_NOTE, "sshd_methods", "", one->user == NULL ? others : user);
}

static void check_sshd_ways(struct check_sshd_found *found, const struct check_sshd_case *one, const struct sshd_ways *ways)
{
	bool any = strcmp(one->settings->methods, "any") == 0;

	if (!ways->code)
		check_sshd_no_code(found, one);
	else if (ways->no_code)
		check_sshd_say(found, REPORT_ERROR, "sshd_methods", CHECK_SSHD_METHODS,
			       any ? "AuthenticationMethods any: a key alone lets people in without a code"
				   : "one of AuthenticationMethods has no keyboard-interactive, and lets people in without a code");
	if (ways->code_only && !one->used->proved_first)
		check_sshd_say(
		    found, REPORT_WARNING, "sshd_code_only", CHECK_SSHD_METHODS,
		    "a code alone is enough: strangers who know a name can have mails sent to it, and spend its mail_budget_unproved");
	if (ways->code_only && one->used->unmapped_open)
		check_sshd_say(found, REPORT_ERROR, "pam_permit_open", CHECK_SSHD_METHODS,
			       "unmapped = ignore, and no key is asked for: whoever has no mapping gets in with nothing");
}

/* A password that a client has stored is sent where a code is asked for; a method that is switched on and cannot be used does no harm. */
static void check_sshd_password(struct check_sshd_found *found, const struct sshd_ways *ways)
{
	if (ways->password)
		check_sshd_say(found, REPORT_WARNING, "sshd_password", "Set PasswordAuthentication no" CHECK_SSHD_FIRST,
			       "PasswordAuthentication yes: clients send a stored password where a code is asked for, and get nobody in");
	else
		check_sshd_say(found, REPORT_NOTE, "sshd_password", "",
			       "PasswordAuthentication yes, but AuthenticationMethods does not allow it");
}

static void check_sshd_grace(struct check_sshd_found *found, const struct check_sshd_case *one)
{
	int64_t wanted = 2 * one->used->deadline + CHECK_SSHD_GRACE_MORE;
	char text[160];
	char remedy[192];

	wanted = wanted > CHECK_SSHD_GRACE_LEAST ? wanted : CHECK_SSHD_GRACE_LEAST;
	(void)snprintf(text, sizeof(text), "LoginGraceTime %lld: a mail can take longer, and sshd ends the login",
		       (long long)one->settings->grace);
	(void)snprintf(remedy, sizeof(remedy), "Set LoginGraceTime %lld" CHECK_SSHD_FIRST, (long long)(wanted > 180 ? wanted : 180));
	if (one->settings->grace != 0 && one->settings->grace < wanted)
		check_sshd_say(found, REPORT_WARNING, "sshd_grace", remedy, text);
}

/* What no Match block can change. */
static void check_sshd_everybody(struct check_sshd_found *found, const struct check_sshd_case *one)
{
	if (!one->settings->use_pam)
		check_sshd_say(found, REPORT_ERROR, "sshd_use_pam", "Set UsePAM yes" CHECK_SSHD_FIRST,
			       "UsePAM no: sshd does not ask PAM, and so not the module");
	check_sshd_grace(found, one);
	if (one->settings->use_dns)
		check_sshd_say(found, REPORT_WARNING, "sshd_dns", "Set UseDNS no" CHECK_SSHD_FIRST,
			       "UseDNS yes: strangers have names in place of addresses, and all of them count as one place");
}

int check_sshd_settings(const struct check *check, const struct check_sshd_case *one)
{
	const struct sshd_settings *settings = one->settings;
	struct check_sshd_found found = { .check = check };
	struct sshd_ways ways = sshd_settings_ways(settings);
	bool usual = one->user == NULL;

	(void)snprintf(found.where, sizeof(found.where), "sshd -T%s%s", usual ? "" : " -C user=", usual ? "" : one->user);
	if (usual)
		check_sshd_everybody(&found, one);
	if (!settings->keyboard && (usual || one->usual->keyboard))
		check_sshd_say(&found, REPORT_ERROR, "sshd_kbdinteractive", "Set KbdInteractiveAuthentication yes" CHECK_SSHD_FIRST,
			       "KbdInteractiveAuthentication no: nobody can be asked for a code");
	if (settings->keyboard)
		check_sshd_ways(&found, one, &ways);
	if (settings->password && (usual || !one->usual->password))
		check_sshd_password(&found, &ways);
	if (settings->max_auth_tries < 2 && (usual || one->usual->max_auth_tries >= 2))
		check_sshd_say(&found, REPORT_WARNING, "sshd_max_auth_tries", "Set MaxAuthTries 6" CHECK_SSHD_FIRST,
			       "MaxAuthTries below 2: one key that does not fit ends the connection before a code is asked for");
	if (found.faults == 0 && ways.code)
		check_sshd_say(&found, REPORT_OK, "sshd", "", ways.code_only ? "a code is asked for" : "a code is asked for after a key");
	return found.faults;
}

/* --- users ---------------------------------------------------------------------------------------------------------------------- */

/* Asks for one user; keeps the answer when it is a new one. */
static void check_sshd_ask_user(struct check_sshd_users *users, const struct sshd_settings *usual, const char *name, size_t length)
{
	struct sshd_settings *settings = &users->settings[users->count];
	char *kept = users->names[users->count];
	char connection[USER_MAP_NAME_MAX + 8];
	struct note note;

	memcpy(kept, name, length);
	kept[length] = '\0';
	(void)snprintf(connection, sizeof(connection), "user=%s", kept);
	if (sshd_settings_ask(connection, settings, &note) != OTP_OK || memcmp(settings, usual, sizeof(*settings)) == 0)
		return;
	for (size_t i = 0; i < users->count; i++) {
		if (memcmp(settings, &users->settings[i], sizeof(*settings)) == 0)
			return;
	}
	users->count++;
}

/* The local user of a line of the map; 0: it has none. */
static size_t check_sshd_user_of(const char *line, const char *end, const char **ret_name)
{
	size_t length = 0;

	while (line < end && (*line == ' ' || *line == '\t'))
		line++;
	while (line + length < end && line[length] != ' ' && line[length] != '\t')
		length++;
	*ret_name = line;
	return length <= USER_MAP_NAME_MAX && user_map_is_name(line, length) ? length : 0;
}

static void check_sshd_ask_lines(struct check_sshd_users *users, const struct sshd_settings *usual, const char *at, const char *end)
{
	int asked = 0;

	while (at < end) {
		const char *line_end = memchr(at, '\n', (size_t)(end - at));
		const char *name;
		size_t length;

		line_end = line_end == NULL ? end : line_end;
		length = check_sshd_user_of(at, line_end, &name);
		if (length > 0 && asked++ == CHECK_SSHD_USERS_MAX) {
			users->more = true;
			return;
		}
		if (length > 0)
			check_sshd_ask_user(users, usual, name, length);
		at = line_end + (line_end < end);
	}
}

/* The first users of the map. A map that cannot be read has a check of its own. */
static void check_sshd_ask_users(const struct check *check, const struct sshd_settings *usual, struct check_sshd_users *users)
{
	secret_auto struct secret text = SECRET_EMPTY;
	struct note note;

	if (check->options == NULL)
		return;
	users->more = check->options->user_template[0] != '\0';
	if (check->options->user_map[0] != '\0' &&
	    safe_file_read(check->options->user_map, SAFE_FILE_PUBLIC, USER_MAP_FILE_MAX, &text, &note) == OTP_OK && text.length > 0)
		check_sshd_ask_lines(users, usual, text.bytes, text.bytes + text.length);
}

/* Whether somebody is asked for a code; where the settings could not be followed for all, somebody may be. */
static bool check_sshd_somebody(const struct check_sshd_users *users, const struct sshd_settings *usual)
{
	struct sshd_settings outside;
	struct note note;

	if (users->more || sshd_settings_ways(usual).code)
		return true;
	for (size_t i = 0; i < users->count; i++) {
		if (sshd_settings_ways(&users->settings[i]).code)
			return true;
	}
	return sshd_settings_ask("addr=203.0.113.1,host=203.0.113.1", &outside, &note) == OTP_OK && sshd_settings_ways(&outside).code;
}

/* Match blocks about addresses find nobody when sshd is told none: here for somebody from an address that nobody has (RFC 5737). */
static void check_sshd_outside(const struct check *check, const struct sshd_settings *usual)
{
	static const char remedy[] = "take the Match block away that finds this address, or name the addresses that it is for";
	struct check_sshd_found found = { check, "sshd -T -C addr=203.0.113.1", 0 };
	struct sshd_settings outside;
	struct note note;

	if (!usual->keyboard || !sshd_settings_ways(usual).code ||
	    sshd_settings_ask("addr=203.0.113.1,host=203.0.113.1", &outside, &note) != OTP_OK)
		return;
	if (!outside.keyboard)
		check_sshd_say(&found, REPORT_ERROR, "sshd_kbdinteractive", remedy,
			       "a Match block sets KbdInteractiveAuthentication no: nobody from outside can be asked for a code");
	else if (sshd_settings_ways(&outside).no_code && !sshd_settings_ways(usual).no_code)
		check_sshd_say(&found, REPORT_ERROR, "sshd_methods", remedy, "a Match block lets people in from outside without a code");
}

/* --- sshd ----------------------------------------------------------------------------------------------------------------------- */

static void check_sshd_broken(const struct check *check, enum otp_err err, const struct note *note)
{
	struct finding finding = { REPORT_ERROR, "sshd_broken", "sshd -T", "Repair what it names, until sshd -t is silent. A running sshd has its old settings still." };

	if (strstr(note->text, "no hostkeys available") != NULL)
		finding.remedy = "Run ssh-keygen -A, which makes them.";
	if (strstr(note->text, "Missing privilege separation directory") != NULL) {
		finding.level = REPORT_WARNING;
		finding.remedy = "Start sshd, which makes it, and check again; or run mkdir -m 0755 /run/sshd.";
	}
	report_add(check->report, &finding, "its settings cannot be looked at: %s", note->text[0] == '\0' ? err_text(err) : note->text);
}

static void check_sshd_all(const struct check *check, const struct pam_use_service *used, const struct sshd_settings *usual)
{
	struct check_sshd_users *users = calloc(1, sizeof(*users));
	struct finding memory = { REPORT_ERROR, err_reason(OTP_ERR_MEMORY), "", remedy_of(OTP_ERR_MEMORY) };
	struct check_sshd_case one = { used, usual, NULL, NULL, false };

	if (users == NULL) {
		report_add(check->report, &memory, "%s", err_text(OTP_ERR_MEMORY));
		return;
	}
	check_sshd_ask_users(check, usual, users);
	one.asked = check_sshd_somebody(users, usual);
	(void)check_sshd_settings(check, &one);
	check_sshd_outside(check, usual);
	for (size_t i = 0; i < users->count; i++) {
		one = (struct check_sshd_case){ used, &users->settings[i], users->names[i], usual, one.asked };
		(void)check_sshd_settings(check, &one);
	}
	free(users);
}

void check_sshd(const struct check *check, const struct pam_use *use)
{
	struct finding unused = { REPORT_NOTE, "sshd_unused", SSHD_PROGRAM, "" };
	const struct pam_use_service *used = pam_use_find(use, "sshd");
	struct sshd_settings settings;
	struct note note = { "" };
	enum otp_err err;

	if (use->count == 0)
		return; /* nothing is switched on yet, and that was said */
	err = access(SSHD_PROGRAM, X_OK) == 0 ? sshd_settings_ask(NULL, &settings, &note) : OTP_ERR_CONFIG_OPEN;
	if (err == OTP_OK)
		used = pam_use_find(use, settings.service);
	if (used == NULL)
		report_add(check->report, &unused, "sshd does not use the module: its settings are not looked at");
	else if (access(SSHD_PROGRAM, X_OK) != 0)
		report_add(check->report, &unused, "there is no sshd here");
	else if (err != OTP_OK)
		check_sshd_broken(check, err, &note);
	else
		check_sshd_all(check, used, &settings);
}
