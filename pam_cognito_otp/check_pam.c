/* check_pam - see check_pam.h. */
#include "check_pam.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "check_pam_verdict.h"
#include "pam_dispatch.h"
#include "remedy.h"

enum { CHECK_PAM_SERVICES_MAX = 256, CHECK_PAM_LINES_MAX = 64, CHECK_PAM_SHARED_MAX = 8, CHECK_PAM_LIST_SIZE = 200 };

/* A line that was looked at: many services can include it. */
struct check_pam_known {
	char where[CHECK_PAM_WHERE_MAX];
	struct check_pam_settings settings;
	bool good;
};

/* A file that many services include, and has the module. */
struct check_pam_shared {
	char where[CHECK_PAM_WHERE_MAX];
	char services[CHECK_PAM_LIST_SIZE]; /* their names; what does not fit is left out */
};

/* The services that there are, in the order of their names. */
struct check_pam_names {
	char names[CHECK_PAM_SERVICES_MAX][PAM_USE_NAME_MAX];
	size_t count;
};

struct check_pam_round {
	const struct check *check;
	const struct pam_places *places;
	struct pam_use *use;
	struct check_pam_seen seen;
	struct check_pam_names names;
	struct check_pam_known known[CHECK_PAM_LINES_MAX];
	size_t known_count;
	struct check_pam_shared shared[CHECK_PAM_SHARED_MAX];
	size_t shared_count;
	struct pam_stack stack; /* of the service that is looked at now */
};

const struct pam_use_service *pam_use_find(const struct pam_use *use, const char *service)
{
	for (size_t i = 0; i < use->count; i++) {
		if (strcmp(use->services[i].name, service) == 0)
			return &use->services[i];
	}
	return NULL;
}

/* --- which services there are --------------------------------------------------------------------------------------------------- */

static bool check_pam_ends_with(const char *name, const char *end)
{
	size_t length = strlen(name);
	size_t wanted = strlen(end);

	return length > wanted && strcmp(name + length - wanted, end) == 0;
}

/* Files that other files include: no program asks for a service of this name. */
static bool check_pam_is_shared(const char *name)
{
	static const char *const starts[] = { "common-",	  "system-auth",	"password-auth",
					      "fingerprint-auth", "smartcard-auth",	"switchable-auth",
					      "postlogin",	  "config-util",	"system-local-login",
					      "system-login",	  "system-remote-login" };

	for (size_t i = 0; i < sizeof(starts) / sizeof(starts[0]); i++) {
		if (strncmp(name, starts[i], strlen(starts[i])) == 0)
			return true;
	}
	return false;
}

/* Files that no program asks for: copies that editors and package managers leave. */
static bool check_pam_is_copy(const char *name)
{
	static const char *const ends[] = { "~", ".bak", ".orig", ".old", ".save", ".rpmnew", ".rpmsave", ".rpmorig" };

	for (size_t i = 0; i < sizeof(ends) / sizeof(ends[0]); i++) {
		if (check_pam_ends_with(name, ends[i]))
			return true;
	}
	return name[0] == '.' || strstr(name, ".dpkg-") != NULL || strstr(name, ".ucf-") != NULL || strstr(name, ".pam-") != NULL;
}

static void check_pam_add_name(struct check_pam_names *names, const char *name)
{
	if (strlen(name) >= PAM_USE_NAME_MAX || check_pam_is_copy(name) || check_pam_is_shared(name) ||
	    names->count == CHECK_PAM_SERVICES_MAX)
		return;
	for (size_t i = 0; i < names->count; i++) {
		if (strcmp(names->names[i], name) == 0)
			return;
	}
	memcpy(names->names[names->count++], name, strlen(name) + 1);
}

static int check_pam_compare(const void *left, const void *right)
{
	return strcmp(left, right);
}

static void check_pam_list(const char *const *directories, struct check_pam_names *names)
{
	for (; *directories != NULL; directories++) {
		DIR *files = opendir(*directories);
		const struct dirent *entry;

		while (files != NULL && (entry = readdir(files)) != NULL)
			check_pam_add_name(names, entry->d_name);
		if (files != NULL)
			(void)closedir(files);
	}
	qsort(names->names, names->count, sizeof(names->names[0]), check_pam_compare);
}

/* --- one service ---------------------------------------------------------------------------------------------------------------- */

/* A line that names the module; the first of those that PAM can use, or else of all; NULL: none. */
static const struct pam_line *check_pam_find(const struct pam_stack *stack)
{
	const struct pam_line *broken = NULL;

	for (size_t i = 0; i < stack->line_count; i++) {
		const struct pam_line *line = &stack->lines[i];

		if (pam_dispatch_kind(line) == PAM_MODULE_OURS)
			return line;
		if (broken == NULL && line->kind == PAM_LINE_BROKEN && strcmp(pam_stack_module_name(line), "pam_cognito_otp.so") == 0)
			broken = line;
	}
	return broken;
}

/* Each line with the module by itself, once. Returns what is known of it; NULL: no room. */
static const struct check_pam_known *check_pam_know(struct check_pam_round *round, const struct pam_line *line)
{
	struct check_pam_known *known = &round->known[round->known_count];
	char where[CHECK_PAM_WHERE_MAX];

	check_pam_where(line, where);
	for (size_t i = 0; i < round->known_count; i++) {
		if (strcmp(round->known[i].where, where) == 0)
			return &round->known[i];
	}
	if (round->known_count == CHECK_PAM_LINES_MAX)
		return NULL;
	round->known_count++;
	memcpy(known->where, where, sizeof(where));
	known->good = check_pam_line(round->check, round->places->module_directory, line, &known->settings);
	return known;
}

/* The settings of the service are those of its first line. */
static void check_pam_lines(struct check_pam_round *round, struct check_pam_service *service)
{
	for (size_t i = 0; i < service->stack->line_count; i++) {
		const struct pam_line *line = &service->stack->lines[i];
		const struct check_pam_known *known = pam_dispatch_kind(line) == PAM_MODULE_OURS ? check_pam_know(round, line) : NULL;

		if (known == NULL)
			continue;
		round->seen.faults += !known->good;
		if (line == service->line)
			service->settings = known->settings;
	}
}

/* Remembers that the service has the module from a file that many include. */
static void check_pam_share(struct check_pam_round *round, const struct check_pam_service *service, const char *where)
{
	struct check_pam_shared *shared = round->shared;
	struct check_pam_shared *end = round->shared + round->shared_count;
	const char *slash = strrchr(service->line->file, '/');
	size_t length;

	if (!check_pam_is_shared(slash == NULL ? service->line->file : slash + 1))
		return;
	while (shared < end && strcmp(shared->where, where) != 0)
		shared++;
	if (shared == end && round->shared_count == CHECK_PAM_SHARED_MAX)
		return;
	if (shared == end) {
		round->shared_count++;
		(void)snprintf(shared->where, sizeof(shared->where), "%s", where);
	}
	length = strlen(shared->services);
	(void)snprintf(shared->services + length, sizeof(shared->services) - length, "%s%s", length == 0 ? "" : " ", service->name);
}

/* When there is no room the last one is forgotten. */
static struct pam_use_service *check_pam_remember(struct check_pam_round *round, const struct check_pam_service *service, const char *where)
{
	struct pam_use *use = round->use;
	struct pam_use_service *used = &use->services[use->count];

	if (use->count < PAM_USE_MAX)
		use->count++;
	else
		used--;
	(void)snprintf(used->name, sizeof(used->name), "%s", service->name);
	(void)snprintf(used->where, sizeof(used->where), "%s", where);
	used->deadline = service->settings.known ? service->settings.deadline : 0;
	return used;
}

/* Our own line has checks of its own. */
static void check_pam_mark_missing(struct check_pam_round *round)
{
	for (size_t i = 0; i < round->stack.line_count; i++) {
		struct pam_line *line = &round->stack.lines[i];

		if (pam_dispatch_kind(line) != PAM_MODULE_OURS && check_pam_is_missing(round->places->module_directory, line))
			line->kind = PAM_LINE_MISSING;
	}
}

static void check_pam_judge(struct check_pam_round *round, const char *name)
{
	struct check_pam_service service = { name, &round->stack, check_pam_find(&round->stack), { false, false, 0 } };
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_OK, "pam", where, "" };
	struct pam_use_service *used;
	int before = round->seen.faults;

	if (service.line == NULL)
		return;
	check_pam_where(service.line, where);
	check_pam_files(&round->seen, &service);
	if (service.line->kind == PAM_LINE_BROKEN)
		return;
	check_pam_mark_missing(round);
	check_pam_lines(round, &service);
	used = check_pam_remember(round, &service, where);
	check_pam_verdict(&round->seen, &service, &used->unmapped_open, &used->proved_first);
	check_pam_share(round, &service, where);
	if (round->seen.faults == before)
		report_add(round->check->report, &finding, "%s asks for a code", name);
}

static void check_pam_one(struct check_pam_round *round, const char *name)
{
	enum otp_err err = pam_stack_load(round->places->directories, name, &round->stack);

	/* whoever has no auth lines of its own is served by `other`, which is looked at under its own name */
	if (err == OTP_OK && !round->stack.other)
		check_pam_judge(round, name);
	pam_stack_done(&round->stack);
}

/* --- services together ---------------------------------------------------------------------------------------------------------- */

/* Whether the service has auth lines of its own; where its file is. */
static bool check_pam_has_service(struct check_pam_round *round, const char *name, char where[CHECK_PAM_WHERE_MAX])
{
	bool has = pam_stack_load(round->places->directories, name, &round->stack) == OTP_OK && !round->stack.other;

	if (has)
		(void)snprintf(where, CHECK_PAM_WHERE_MAX, "%s", round->stack.files[0].path);
	pam_stack_done(&round->stack);
	return has;
}

/* Two services that are two doors to the same room. */
static void check_pam_pair(struct check_pam_round *round, const char *finding_name, const char *one, const char *other)
{
	bool has_one = pam_use_find(round->use, one) != NULL;
	bool has_other = pam_use_find(round->use, other) != NULL;
	const char *without = has_one ? other : one;
	char where[CHECK_PAM_WHERE_MAX];
	struct finding finding = { REPORT_WARNING, finding_name, where, "Write the same auth lines into both files." };

	if (has_one != has_other && check_pam_has_service(round, without, where))
		report_add(round->check->report, &finding, "%s asks for a code, and %s does not", has_one ? one : other, without);
}

static void check_pam_together(struct check_pam_round *round)
{
	struct finding shared = { REPORT_WARNING, "pam_shared_stack", "",
				  "Put the line into the files of the services that are to ask for a code, and take it out of this one." };
	struct finding unused = { REPORT_NOTE, "pam_unused", "", "" };

	for (size_t i = 0; i < round->shared_count; i++) {
		shared.where = round->shared[i].where;
		report_add(round->check->report, &shared, "many services include this file, and ask for a code now: %s",
			   round->shared[i].services);
	}
	check_pam_pair(round, "pam_sudo_i", "sudo", "sudo-i");
	check_pam_pair(round, "pam_su_l", "su", "su-l");
	if (round->use->count == 0)
		report_add(round->check->report, &unused,
			   "no PAM service has the module in its auth lines: nobody is asked for a code yet");
}

static void check_pam_directory(struct check_pam_round *round, const char *directory)
{
	struct finding finding = { REPORT_ERROR, "pam_file", directory, "Run chown root:root and chmod go-w on it, and find out who changed it." };
	struct stat st;

	if (stat(directory, &st) == 0 && ((st.st_uid != 0 && st.st_uid != geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0))
		report_add(round->check->report, &finding, "others than root can write to this directory, and so decide who logs in");
}

void check_pam_at(const struct check *check, const struct pam_places *places, struct pam_use *ret_use)
{
	struct check_pam_round *round = calloc(1, sizeof(*round));
	struct finding memory = { REPORT_ERROR, err_reason(OTP_ERR_MEMORY), "", remedy_of(OTP_ERR_MEMORY) };

	memset(ret_use, 0, sizeof(*ret_use));
	if (round == NULL) {
		report_add(check->report, &memory, "%s", err_text(OTP_ERR_MEMORY));
		return;
	}
	round->check = round->seen.check = check;
	round->places = places;
	round->use = ret_use;
	check_pam_list(places->directories, &round->names);
	for (size_t i = 0; i < round->names.count; i++)
		check_pam_one(round, round->names.names[i]);
	check_pam_together(round);
	for (const char *const *directory = places->directories; ret_use->count > 0 && *directory != NULL; directory++)
		check_pam_directory(round, *directory);
	free(round);
}

static const char *const check_pam_directories[] = { "/etc/pam.d", "/usr/lib/pam.d", NULL };

void check_pam(const struct check *check, struct pam_use *ret_use)
{
	static const struct pam_places places = { check_pam_directories, OTP_PAM_DIR };

	check_pam_at(check, &places, ret_use);
}

bool check_pam_asks(const struct pam_use *use, const char *service)
{
	struct pam_stack *stack;
	bool asks;

	/* with a full list one may be missing from it */
	if (pam_use_find(use, service) != NULL || use->count == PAM_USE_MAX)
		return true;
	stack = pam_use_find(use, "other") == NULL ? NULL : calloc(1, sizeof(*stack));
	if (stack == NULL)
		return false;
	asks = pam_stack_load(check_pam_directories, service, stack) == OTP_OK && stack->other;
	pam_stack_done(stack);
	free(stack);
	return asks;
}

bool check_pam_exists(const char *service)
{
	char path[CHECK_PAM_WHERE_MAX];

	for (const char *const *directory = check_pam_directories; *directory != NULL; directory++) {
		if ((size_t)snprintf(path, sizeof(path), "%s/%s", *directory, service) < sizeof(path) && access(path, F_OK) == 0)
			return true;
	}
	return false;
}

enum otp_err check_pam_session(const char *service, struct pam_stack *stack)
{
	return pam_stack_load_type(check_pam_directories, service, "session", stack);
}
