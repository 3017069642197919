/* check_host - see check_host.h. */
#include "check_host.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "command.h"
#include "remedy.h"
#include "safe_file.h"
#include "strbuf.h"

#define CHECK_MODULE_PATH OTP_PAM_DIR "/pam_cognito_otp.so"
#define CHECK_INSTALL "Install the package again, all of it."
#define CHECK_VERSIONS "cognito-otp-helper " OTP_VERSION "\ncognito-otp-flow " OTP_VERSION "\n"

enum {
	CHECK_HELPER_MS = 10 * 1000,
	CHECK_OUTPUT_MAX = 4096,
	CHECK_BYTES_MIN = 1024 * 1024, /* what a few dozen logins write */
	CHECK_INODES_MIN = 64
};

/* The rule that the door keeps for the helper, see pam_relay.c. The directories may be reached by links: /lib is one on many systems. */
static bool check_host_object(const struct check *check, const char *path)
{
	struct finding missing = { REPORT_ERROR, "helper_missing", path, CHECK_INSTALL };
	struct finding unsafe = { REPORT_ERROR, "helper_unsafe", path, remedy_of(OTP_ERR_HELPER_UNSAFE) };
	struct stat st;

	if (lstat(path, &st) != 0)
		report_add(check->report, &missing, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode) || st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		report_add(check->report, &unsafe, "not root's alone");
	else
		return true;
	return false;
}

/* A module has its helper's path compiled in, with the protocol's number: one of another version starts another helper. */
static bool check_host_starts_ours(const char *module)
{
	int fd = open(module, O_RDONLY | O_CLOEXEC);
	struct stat st;
	void *bytes = MAP_FAILED;
	bool found = false;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_size > 0)
		bytes = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes != MAP_FAILED) {
		found = memmem(bytes, (size_t)st.st_size, OTP_HELPER_PATH, sizeof(OTP_HELPER_PATH)) != NULL;
		(void)munmap(bytes, (size_t)st.st_size);
	}
	if (fd >= 0)
		(void)close(fd);
	return found;
}

static void check_host_module(const struct check *check)
{
	struct finding good = { REPORT_OK, "module", CHECK_MODULE_PATH, "" };
	struct finding missing = { REPORT_ERROR, "module_missing", CHECK_MODULE_PATH,
				   "Install again; configure must be given this distribution's module directory with --with-pamdir." };
	struct finding other = { REPORT_ERROR, "module_version", CHECK_MODULE_PATH, CHECK_INSTALL };

	if (access(CHECK_MODULE_PATH, F_OK) != 0)
		report_add(check->report, &missing, "%s", strerror(errno));
	else if (check_host_object(check, CHECK_MODULE_PATH) && !check_host_starts_ours(CHECK_MODULE_PATH))
		report_add(check->report, &other, "of another version than this tool: it does not start %s", OTP_HELPER_PATH);
	else
		report_add(check->report, &good, "starts %s", OTP_HELPER_PATH);
}

/* Has the helper load its network part and say of which version both are. */
static void check_host_versions(const struct check *check)
{
	struct finding good = { REPORT_OK, "helper", OTP_HELPER_PATH, "" };
	struct finding broken = { REPORT_ERROR, "helper_version", OTP_HELPER_PATH, CHECK_INSTALL };
	char helper[] = OTP_HELPER_PATH;
	char option[] = "--version";
	char *const argv[] = { helper, option, NULL };
	strbuf_auto struct strbuf said = STRBUF_LIMIT(CHECK_OUTPUT_MAX);
	int status = 0;

	if (command_run(argv, CHECK_HELPER_MS, &said, &status) != OTP_OK)
		report_add(check->report, &broken, "does not run");
	else if (status != 0 || strcmp(strbuf_text(&said), CHECK_VERSIONS) != 0)
		report_add(check->report, &broken, "it and this tool, " OTP_VERSION ", do not belong together: %s", strbuf_text(&said));
	else
		report_add(check->report, &good, "version " OTP_VERSION ", loads its network part");
}

static void check_host_room(const struct check *check, const char *path)
{
	struct finding full = { REPORT_WARNING, "state_full", path, "Make room there: df and df -i show it." };
	struct finding read_only = { REPORT_ERROR, "state_io", path, remedy_of(OTP_ERR_STATE_IO) };
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return;
	if ((fs.f_flag & ST_RDONLY) != 0)
		report_add(check->report, &read_only, "the file system is read-only");
	else if (fs.f_bavail * fs.f_frsize < CHECK_BYTES_MIN || (fs.f_files > 0 && fs.f_favail < CHECK_INODES_MIN))
		report_add(check->report, &full, "only %llu KiB and %llu files are left", (unsigned long long)(fs.f_bavail * fs.f_frsize / 1024),
			   (unsigned long long)fs.f_favail);
}

/* One that is not there is made by the first login. `level`: how bad it is when it cannot be used. */
static void check_host_dir(const struct check *check, const char *path, enum report_level level)
{
	struct finding good = { REPORT_OK, "state", path, "" };
	char parent[] = OTP_STATE_DIR OTP_RUN_DIR; /* room for either */
	struct note note = { "" };
	int dir = -1;
	enum otp_err err = OTP_OK;

	(void)snprintf(parent, sizeof(parent), "%s", path);
	*strrchr(parent, '/') = '\0';
	if (access(path, F_OK) == 0) {
		err = safe_dir_open(path, &dir, &note);
		if (dir >= 0)
			(void)close(dir);
	}
	if (err != OTP_OK) {
		struct finding bad = { level, err_reason(err), path, remedy_of(err) };

		report_add(check->report, &bad, "%s", note.text);
		return;
	}
	report_add(check->report, &good, dir < 0 ? "the first login makes it" : "root's alone");
	check_host_room(check, dir < 0 ? parent : path);
}

void check_host(const struct check *check)
{
	bool helper = check_host_object(check, OTP_HELPER_PATH);

	check_host_module(check);
	if (check_host_object(check, OTP_FLOW_PATH) && helper)
		check_host_versions(check);
	check_host_dir(check, OTP_RUN_DIR, REPORT_ERROR);
	check_host_dir(check, OTP_STATE_DIR, REPORT_WARNING);
}
