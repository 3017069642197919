/* check_cache - see check_cache.h. */
#include "check_cache.h"

#include <inttypes.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "pam_dispatch.h"
#include "remedy.h"
#include "safe_file.h"

#define CACHE_SESSION_FILE "/proc/self/sessionid"
#define CACHE_INIT_FILE	   "/proc/1/sessionid"
#define CACHE_NONE	   "4294967295"
#define CACHE_LOGINUID	   "pam_loginuid.so"
#define CACHE_SSHD	   "sshd"

enum { CACHE_PATH_MAX = 1024, CACHE_HOUR_S = 3600, CACHE_TTL = 600 /* the default */ };

/* --- sessions ----------------------------------------------------------------------------------------------------------------------- */

/* A kernel without audit, or a container that hides it. */
static void cache_check_kernel(const struct check *check)
{
	struct finding finding = { REPORT_WARNING, "cache_no_sessions", CACHE_SESSION_FILE,
				   "Use a kernel with CONFIG_AUDIT and a /proc that shows it; here set cache = off and session_tokens = no." };

	struct finding shared = { REPORT_WARNING, "cache_no_sessions", CACHE_INIT_FILE,
				  "Have the container started by a service, not from a login shell, and let pam_loginuid begin sessions in it." };
	char text[16] = "";
	FILE *file = fopen(CACHE_INIT_FILE, "re");

	if (access(CACHE_SESSION_FILE, F_OK) != 0)
		report_add(check->report, &finding,
			   "the kernel numbers no login sessions, so nothing is ever kept for one: each sudo asks for a code");
	else if (file != NULL && fgets(text, sizeof(text), file) != NULL && strncmp(text, CACHE_NONE, strlen(CACHE_NONE)) != 0)
		report_add(check->report, &shared,
			   "init itself is in a login session, as in a container that was started from somebody's shell: what has no other session "
			   "is in none");
	if (file != NULL)
		(void)fclose(file);
}

/* NULL: ours. */
static bool cache_is_line(const struct pam_line *line, const char *module)
{
	if (line->kind != PAM_LINE_MODULE)
		return false;
	return module == NULL ? pam_dispatch_kind(line) == PAM_MODULE_OURS : strcmp(pam_stack_module_name(line), module) == 0;
}

/* The first line of the module; line_count: there is none. */
static size_t cache_find_line(const struct pam_stack *stack, const char *module)
{
	size_t i = 0;

	while (i < stack->line_count && !cache_is_line(&stack->lines[i], module))
		i++;
	return i;
}

/* The line reads settings of its own, by its arguments or another file: what a login leaves by other ones is not looked for. */
static void cache_check_settings(const struct check *check, const struct pam_line *line, const char *service, const char *where)
{
	struct finding differs = { REPORT_WARNING, "cache_session_differs", where,
				   "Give this line the arguments of the auth line, or none, and write the settings into the file." };
	struct options *options = calloc(1, sizeof(*options));
	struct note note = { "" };
	enum otp_err err = options == NULL ? OTP_ERR_MEMORY : options_load(options, line->arguments, line->argument_count, &note);

	if (err != OTP_OK && err != OTP_ERR_MEMORY)
		report_add(check->report, &differs, "%s: the settings of this session line cannot be used: %s (%s)", service,
			   note.text[0] == '\0' ? err_text(err) : note.text, err_reason(err));
	else if (err == OTP_OK && (strcmp(options->mark.text, check->options->mark.text) != 0 || options->cache != check->options->cache ||
				   options->session_tokens != check->options->session_tokens ||
				   strcmp(options->cache_dir, check->options->cache_dir) != 0))
		report_add(check->report, &differs, "%s: this session line has a cache, cache_dir, session_tokens or file other than those looked at "
						    "here: nothing is kept for its sessions",
			   service);
	free(options);
}

static void cache_check_order(const struct check *check, const struct pam_stack *stack, const char *service, const char *file)
{
	char where[CHECK_PAM_WHERE_MAX];
	size_t ours = cache_find_line(stack, NULL);
	size_t loginuid = cache_find_line(stack, CACHE_LOGINUID);
	struct finding absent = { REPORT_WARNING, "cache_session_line", file,
				  "Write session optional pam_cognito_otp.so behind the line of " CACHE_LOGINUID " there." };
	struct finding early = { REPORT_WARNING, "cache_no_loginuid", where,
				 "Write session required " CACHE_LOGINUID " before this line, or move this line behind that one." };

	if (ours == stack->line_count) {
		report_add(check->report, &absent, "%s has the module in its auth lines and not in its session lines: its logins leave nothing "
						   "for their session",
			   service);
		return;
	}
	check_pam_where(&stack->lines[ours], where);
	cache_check_settings(check, &stack->lines[ours], service, where);
	if (loginuid > ours)
		report_add(check->report, &early, "%s: %s, so no session has begun when this line is reached: nothing is kept for it", service,
			   loginuid == stack->line_count ? "the session lines have no " CACHE_LOGINUID : CACHE_LOGINUID " comes later");
}

static void cache_check_sessions(const struct check *check, const struct pam_use *use)
{
	static const char *const services[] = { CACHE_SSHD, "login" }; /* whose programs begin sessions */
	struct pam_stack *stack = calloc(1, sizeof(*stack));

	for (size_t i = 0; stack != NULL && i < sizeof(services) / sizeof(services[0]); i++) {
		if (pam_use_find(use, services[i]) == NULL)
			continue;
		if (check_pam_session(services[i], stack) == OTP_OK)
			cache_check_order(check, stack, services[i], stack->file_count > 0 ? stack->files[0].path : services[i]);
		pam_stack_done(stack);
	}
	free(stack);
}

/* --- services ----------------------------------------------------------------------------------------------------------------------- */

/* One of the default has no file on all systems. */
static bool cache_is_unknown(const char *service)
{
	return strcmp(service, "sudo-i") != 0 && !check_pam_exists(service);
}

static void cache_check_service(const struct check *check, const char *service)
{
	struct finding unknown = { REPORT_WARNING, "cache_service_unknown", "cache_services",
				   "Name the service as its file in /etc/pam.d is called, or take it out of cache_services." };
	struct finding key = { REPORT_NOTE, "cache_key_alone", "cache_services", "" };

	if (cache_is_unknown(service))
		report_add(check->report, &unknown, "%s: there is no PAM service of this name", service);
	if (strcmp(service, CACHE_SSHD) == 0)
		report_add(check->report, &key,
			   "sshd: for %" PRId64 " s after a code whoever has that key gets in with the key alone, from anywhere",
			   check->options->cache_ttl);
}

static void cache_check_services(const struct check *check, const struct pam_use *use)
{
	const struct option_words *services = &check->options->cache_services;
	struct finding unused = { REPORT_WARNING, "cache_unused", "cache_services",
				  "Write the module into the auth lines of one of them, or name a service that has it, or set cache = off." };
	bool used = false;

	for (size_t i = 0; i < services->count; i++) {
		cache_check_service(check, services->words[i]);
		used = used || check_pam_asks(use, services->words[i]);
	}
	if (!used && use->count > 0)
		report_add(check->report, &unused, "none of these services has the module in its auth lines: what is kept is of no use");
}

/* --- where it lies ------------------------------------------------------------------------------------------------------------------ */

static bool cache_is_in_memory(const char *path)
{
	struct statfs fs;

	return statfs(path, &fs) == 0 && fs.f_type == TMPFS_MAGIC;
}

/* The default one is looked at by check_host. One that is not there is made by the first login. */
static bool cache_check_safe(const struct check *check)
{
	const char *path = check->options->cache_dir;
	struct note note = { "" };
	struct stat st;
	int fd = -1;
	enum otp_err err = strcmp(path, OTP_RUN_DIR) != 0 && lstat(path, &st) == 0 ? safe_dir_open(path, &fd, &note) : OTP_OK;
	struct finding unsafe = { REPORT_WARNING, "cache_dir_unsafe", path,
				  "Run namei -l on it, and find out who changed it. Then make it root's alone (0700), or name another one." };

	if (fd >= 0)
		(void)close(fd);
	if (err != OTP_OK)
		report_add(check->report, &unsafe, "nothing is kept or used there: %s", check_note_text(&note, path));
	return err == OTP_OK;
}

static void cache_check_dir(const struct check *check)
{
	const struct options *options = check->options;
	char parent[CACHE_PATH_MAX];
	struct finding good = { REPORT_OK, "cache", options->cache_dir, "" };
	struct finding memory = { REPORT_NOTE, "cache_dir_memory", options->cache_dir, "" };
	bool there = access(options->cache_dir, F_OK) == 0;

	if (!cache_check_safe(check))
		return;
	report_add(check->report, &good, "kept for %" PRId64 " s, %s", options->cache_ttl,
		   options->cache_check == CACHE_CHECK_ONLINE ? "renewed at each use" : "used without the service");
	(void)snprintf(parent, sizeof(parent), "%s", options->cache_dir);
	if (!there && strrchr(parent, '/') > parent)
		*strrchr(parent, '/') = '\0';
	if (options->cache_check == CACHE_CHECK_ONLINE && options->cache_ttl > CACHE_HOUR_S && cache_is_in_memory(parent))
		report_add(check->report, &memory,
			   "it is in memory and ends with the boot, though cache_ttl is %" PRId64 " s: " OTP_STATE_DIR " outlives it",
			   options->cache_ttl);
}

/* With only sshd in cache_services all that counts is bound to keys. */
static bool cache_needs_sessions(const struct options *options)
{
	const struct option_words *services = &options->cache_services;

	return options->session_tokens || !(services->count == 1 && strcmp(services->words[0], CACHE_SSHD) == 0);
}

/* What has a default and was set to something else, though nothing is kept. */
static void cache_check_off(const struct check *check)
{
	const struct options *options = check->options;
	struct finding off = { REPORT_NOTE, "cache_off", "cache", "" };
	bool set = strcmp(options->cache_dir, OTP_RUN_DIR) != 0 || options->cache_check != CACHE_CHECK_OFFLINE || options->cache_ttl != CACHE_TTL ||
		   options->cache_services.count != 2;

	if (set && !options->cache)
		report_add(check->report, &off, "cache_ttl, cache_services, cache_check and cache_dir have no effect while cache is off");
}

void check_cache(const struct check *check, const struct pam_use *use)
{
	const struct options *options = check->options;

	cache_check_off(check);

	if (!options->cache && !options->session_tokens)
		return;
	if (cache_needs_sessions(options)) {
		cache_check_kernel(check);
		cache_check_sessions(check, use);
	}
	if (options->cache) {
		cache_check_services(check, use);
		cache_check_dir(check);
	}
}
