/* check_pam_line - see check_pam_line.h. */
#include "check_pam_line.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define CHECK_PAM_MODULE   "pam_cognito_otp.so"
#define CHECK_PAM_SETTINGS OTP_SYSCONFDIR "/security/pam_cognito_otp.conf" /* what is read when no file is named */

void check_pam_where(const struct pam_line *line, char out[CHECK_PAM_WHERE_MAX])
{
	(void)snprintf(out, CHECK_PAM_WHERE_MAX, "%s:%d", line->file, line->number);
}

/* --- control -------------------------------------------------------------------------------------------------------------------- */

static bool check_pam_control(const struct check *check, const struct pam_line *line, const char *where)
{
	struct finding finding = { REPORT_ERROR, "pam_sufficient", where, "Write required." };

	if (strcasecmp(line->control, "sufficient") == 0) {
		report_add(check->report, &finding,
			   "sufficient: a wrong code is ignored, and the lines that follow decide; after a right one they are skipped");
		return false;
	}
	finding.name = "pam_optional";
	if (strcasecmp(line->control, "optional") == 0) {
		report_add(check->report, &finding, "optional: a wrong code is ignored wherever another line says yes");
		return false;
	}
	return true;
}

/* --- the module's file ---------------------------------------------------------------------------------------------------------- */

static bool check_pam_wrong_path(const struct check *check, const char *where, const char *remedy, const char *text, const char *path)
{
	struct finding finding = { REPORT_ERROR, "pam_module_path", where, remedy };

	report_add(check->report, &finding, "%s: %s", path, text);
	return false;
}

/* Linux-PAM has pam_permit.so in the one directory where it looks. */
static bool check_pam_is_module_directory(const char *directory)
{
	char path[PAM_STACK_PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s/pam_permit.so", directory) < sizeof(path) && access(path, F_OK) == 0;
}

static bool check_pam_is_there(const char *directory, const char *module)
{
	char path[PAM_STACK_PATH_MAX];

	return (size_t)snprintf(path, sizeof(path), "%s%s%s", directory, directory[0] == '\0' ? "" : "/", module) >= sizeof(path) ||
	       access(path, F_OK) == 0;
}

/* Debian's PAM looks into /lib/security as well. */
bool check_pam_is_missing(const char *module_directory, const struct pam_line *line)
{
	if (line->kind != PAM_LINE_MODULE || strstr(line->module, "$ISA") != NULL)
		return false;
	if (line->module[0] == '/')
		return !check_pam_is_there("", line->module);
	return check_pam_is_module_directory(module_directory) && !check_pam_is_there(module_directory, line->module) &&
	       !check_pam_is_there("/lib/security", line->module);
}

static bool check_pam_path(const struct check *check, const char *directory, const struct pam_line *line, const char *where)
{
	static const char reinstall[] =
	    "Install again; configure must be given the directory of pam_permit.so with --with-pamdir.";
	static const char bare[] = "Write the module's name without a directory: " CHECK_PAM_MODULE ".";
	char installed[PAM_STACK_PATH_MAX];
	char written[PAM_STACK_PATH_MAX];
	bool absolute = line->module[0] == '/';
	struct stat ours;
	struct stat named;

	if (strstr(line->module, "$ISA") != NULL) /* what PAM puts there is known to PAM only */
		return true;
	if ((size_t)snprintf(installed, sizeof(installed), "%s/" CHECK_PAM_MODULE, directory) >= sizeof(installed) ||
	    (size_t)snprintf(written, sizeof(written), "%s%s%s", absolute ? "" : directory, absolute ? "" : "/", line->module) >=
		sizeof(written))
		return check_pam_wrong_path(check, where, bare, "the path is too long", line->module);
	if (stat(written, &named) != 0)
		return check_pam_wrong_path(check, where, absolute ? bare : reinstall,
					    "there is no such file, which PAM takes for a failure", written);
	if (stat(installed, &ours) != 0 || ours.st_dev != named.st_dev || ours.st_ino != named.st_ino)
		return check_pam_wrong_path(check, where, bare, "this is not the installed module", written);
	if (!absolute && !check_pam_is_module_directory(directory))
		return check_pam_wrong_path(check, where, reinstall, "PAM does not look for modules there", written);
	return true;
}

/* --- arguments ------------------------------------------------------------------------------------------------------------------ */

/* The settings file that the line reads. */
static const char *check_pam_config(const struct pam_line *line)
{
	for (size_t i = 0; i < line->argument_count; i++) {
		if (strncmp(line->arguments[i], "config=", strlen("config=")) == 0)
			return line->arguments[i] + strlen("config=");
	}
	return CHECK_PAM_SETTINGS;
}

/* Whether that is the one that the other checks are about. */
static bool check_pam_is_checked(const struct check *check, const char *config)
{
	return strcmp(config, check->config == NULL ? CHECK_PAM_SETTINGS : check->config) == 0;
}

/* Whether it is the file that cannot be used, and not what the line adds to it: the file has a check of its own. */
static bool check_pam_is_file_to_blame(const char *config, enum otp_err wanted, const struct note *told, struct options *scratch)
{
	char argument[PAM_STACK_PATH_MAX + 8];
	const char *const arguments[] = { argument };
	struct note note = { "" };
	enum otp_err err;

	if ((size_t)snprintf(argument, sizeof(argument), "config=%s", config) >= sizeof(argument))
		return false;
	err = options_load(scratch, arguments, 1, &note);
	return err == wanted && strcmp(note.text, told->text) == 0;
}

static bool check_pam_load(const struct check *check, const struct pam_line *line, const char *where, struct options *options)
{
	const char *config = check_pam_config(line);
	struct finding finding = { REPORT_ERROR, "pam_argument", where,
				   "Correct the line. Arguments are written key=value: see man 8 pam_cognito_otp, and man 5 pam_cognito_otp.conf." };
	struct note note = { "" };
	enum otp_err err = options_load(options, line->arguments, line->argument_count, &note);

	if (err == OTP_OK)
		return true;
	if (check_pam_is_checked(check, config) && check->options == NULL && check_pam_is_file_to_blame(config, err, &note, options))
		return false;
	report_add(check->report, &finding, "%s%s%s (%s)", note.text, note.text[0] == '\0' ? "" : ": ", err_text(err), err_reason(err));
	return false;
}

/* The tool looks at one settings file, and a line may name another. */
static void check_pam_other_file(const struct check *check, const struct pam_line *line, const char *where)
{
	const char *config = check_pam_config(line);
	struct finding finding = { REPORT_NOTE, "pam_config", where, "" };

	if (!check_pam_is_checked(check, config))
		report_add(check->report, &finding, "this line reads %s: cognito-otp --config %s check looks at that", config, config);
}

static bool check_pam_arguments(const struct check *check, const struct pam_line *line, const char *where,
				struct check_pam_settings *ret_settings)
{
	struct options *options;
	const struct options *loaded = check->options;
	bool good = true;

	check_pam_other_file(check, line, where);
	options = calloc(1, sizeof(*options));
	if (options == NULL)
		return false;
	if (line->argument_count > 0 || check->config != NULL) {
		good = check_pam_load(check, line, where, options);
		loaded = good ? options : NULL;
	}
	if (loaded != NULL)
		*ret_settings = (struct check_pam_settings){ true, loaded->unmapped == UNMAPPED_IGNORE, loaded->deadline };
	free(options);
	return good;
}

bool check_pam_line(const struct check *check, const char *module_directory, const struct pam_line *line,
		    struct check_pam_settings *ret_settings)
{
	char where[CHECK_PAM_WHERE_MAX];
	bool good;

	check_pam_where(line, where);
	*ret_settings = (struct check_pam_settings){ false, false, 0 };
	good = check_pam_control(check, line, where);
	good = check_pam_path(check, module_directory, line, where) && good;
	return check_pam_arguments(check, line, where, ret_settings) && good;
}
