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
#define CHECK_HELPER_VERSION "cognito-otp-helper " OTP_VERSION "\n"
#define CHECK_FLOW_VERSION   "cognito-otp-flow " OTP_VERSION "\n"
#define CHECK_INSTALL	     "Install again, all of it, from one version."
#define CHECK_CHANGED	     "Find out who could change it, then install again, all of it."
#define CHECK_UNSAFE(path)   "Run namei -l " path ", and find out who changed it. Then run rm -r " path ": the next login makes it anew."
#define CHECK_FULL	     "Make room there, and make it writable: df -h, df -i and findmnt -T show it."

enum {
	CHECK_HELPER_MS = 10 * 1000,
	CHECK_OUTPUT_MAX = 4096,
	CHECK_BYTES_MIN = 1024 * 1024, /* what a few dozen logins write */
	CHECK_INODES_MIN = 64
};

/* The rule that the door keeps for the helper, see pam_relay.c. The directories may be reached by links: /lib is one on many systems. */
static bool check_host_object(const struct check *check, const char *path, const char *missing_name, const char *unsafe_name)
{
	struct finding missing = { REPORT_ERROR, missing_name, path, CHECK_INSTALL };
	struct finding unsafe = { REPORT_ERROR, unsafe_name, path, CHECK_CHANGED };
	struct stat st;

	if (lstat(path, &st) != 0)
		report_add(check->report, &missing, "%s", strerror(errno));
	else if (!S_ISREG(st.st_mode))
		report_add(check->report, &unsafe, "not a regular file");
	else if (st.st_uid != 0 || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		report_add(check->report, &unsafe, "belongs to uid %lu and has mode %04o: nobody but root may be able to change it",
			   (unsigned long)st.st_uid, (unsigned int)st.st_mode & 07777U);
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
	struct finding unsafe = { REPORT_ERROR, "module_unsafe", CHECK_MODULE_PATH, CHECK_CHANGED };
	struct finding other = { REPORT_ERROR, "module_version", CHECK_MODULE_PATH, CHECK_INSTALL };

	if (access(CHECK_MODULE_PATH, F_OK) != 0)
		report_add(check->report, &missing, "%s", strerror(errno));
	else if (!check_host_object(check, CHECK_MODULE_PATH, missing.name, unsafe.name))
		return;
	else if (!check_host_starts_ours(CHECK_MODULE_PATH))
		report_add(check->report, &other, "of another version than this tool: it does not start %s", OTP_HELPER_PATH);
	else
		report_add(check->report, &good, "starts %s", OTP_HELPER_PATH);
}

/* Has the helper load its network part and say of which version both are. */
static void check_host_versions(const struct check *check)
{
	struct finding good = { REPORT_OK, "helper", OTP_HELPER_PATH, "" };
	struct finding other = { REPORT_ERROR, "helper_version", OTP_HELPER_PATH, CHECK_INSTALL };
	struct finding broken = { REPORT_ERROR, err_reason(OTP_ERR_HELPER_MISSING), OTP_HELPER_PATH, remedy_of(OTP_ERR_HELPER_MISSING) };
	char helper[] = OTP_HELPER_PATH;
	char option[] = "--version";
	char *const argv[] = { helper, option, NULL };
	strbuf_auto struct strbuf said = STRBUF_LIMIT(CHECK_OUTPUT_MAX);
	int status = 0;
	enum otp_err err = command_run(argv, CHECK_HELPER_MS, &said, &status);
	const char *words = strbuf_text(&said);

	if (err != OTP_OK)
		report_add(check->report, &broken, err == OTP_ERR_NET_TIMEOUT ? "it does not end" : "it cannot be started");
	else if (status != 0 && strncmp(words, CHECK_HELPER_VERSION, strlen(CHECK_HELPER_VERSION)) == 0)
		report_add(check->report, &broken, "it cannot load its network part: %s", words + strlen(CHECK_HELPER_VERSION));
	else if (status != 0 || strcmp(words, CHECK_HELPER_VERSION CHECK_FLOW_VERSION) != 0)
		report_add(check->report, &other, "it is not of this tool's version, " OTP_VERSION ", and says: %s", words);
	else
		report_add(check->report, &good, "version " OTP_VERSION ", loads its network part");
}

/* A directory that logins write to. */
struct check_dir {
	const char *path;
	enum report_level level; /* how bad it is when it cannot be used */
	const char *unsafe;	 /* the remedy when others can change it */
};

static void check_host_room(const struct check *check, const struct check_dir *dir, const char *path)
{
	struct finding full = { REPORT_WARNING, "state_full", path, CHECK_FULL };
	struct finding read_only = { dir->level, err_reason(OTP_ERR_STATE_IO), path, CHECK_FULL };
	struct statvfs fs;

	if (statvfs(path, &fs) != 0)
		return;
	if ((fs.f_flag & ST_RDONLY) != 0)
		report_add(check->report, &read_only, "the file system is read-only");
	else if (fs.f_bavail * fs.f_frsize < CHECK_BYTES_MIN || (fs.f_files > 0 && fs.f_favail < CHECK_INODES_MIN))
		report_add(check->report, &full, "only %llu KiB and %llu files are left", (unsigned long long)(fs.f_bavail * fs.f_frsize / 1024),
			   (unsigned long long)fs.f_favail);
}

/* One that is not there is made by the first login. */
static void check_host_dir(const struct check *check, const struct check_dir *dir)
{
	struct finding good = { REPORT_OK, "state", dir->path, "" };
	char parent[] = OTP_STATE_DIR OTP_RUN_DIR; /* room for either */
	struct note note = { "" };
	struct stat st;
	int fd = -1;
	bool there = lstat(dir->path, &st) == 0; /* a link to nothing is there, too, and cannot be used */
	enum otp_err err = there ? safe_dir_open(dir->path, &fd, &note) : OTP_OK;

	if (fd >= 0)
		(void)close(fd);
	if (err != OTP_OK) {
		struct finding bad = { dir->level, err_reason(err), dir->path, dir->unsafe };

		report_add(check->report, &bad, "%s", check_note_text(&note, dir->path));
		return;
	}
	(void)snprintf(parent, sizeof(parent), "%s", dir->path);
	*strrchr(parent, '/') = '\0';
	report_add(check->report, &good, there ? "root's alone" : "not there yet; the first login makes it");
	check_host_room(check, dir, there ? dir->path : parent);
}

void check_host(const struct check *check)
{
	static const struct check_dir run = { OTP_RUN_DIR, REPORT_ERROR, CHECK_UNSAFE(OTP_RUN_DIR) };
	static const struct check_dir keys = { OTP_STATE_DIR, REPORT_WARNING, CHECK_STATE_UNSAFE };
	const char *missing = err_reason(OTP_ERR_HELPER_MISSING);
	const char *unsafe = err_reason(OTP_ERR_HELPER_UNSAFE);
	bool helper = check_host_object(check, OTP_HELPER_PATH, missing, unsafe);

	check_host_module(check);
	if (check_host_object(check, OTP_FLOW_PATH, missing, unsafe) && helper)
		check_host_versions(check);
	check_host_dir(check, &run);
	check_host_dir(check, &keys);
}
