/*
 * pam_stack - the lines of one type (auth, in most cases) of a PAM service, read from its files as Linux-PAM reads them (libpam/pam_handlers.c, pam_line.c), and
 * Debian's @include.
 *
 * Rules kept here:
 *  - nothing is changed and nothing is loaded; files, lines, arguments and depth are bounded, and a file that includes itself is found;
 *  - each line knows file and number; what PAM could not use is a line of its own with a fault, which fails as it does in PAM;
 *  - a file may be a symbolic link (authselect makes them); that somebody else than root can write to it is noted and does not keep it from
 * being read.
 *
 * "root" is the effective user, as in safe_file.
 */
#ifndef OTP_PAM_STACK_H
#define OTP_PAM_STACK_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "pam_control.h"

enum {
	PAM_STACK_LINES_MAX = 128,
	PAM_STACK_FILES_MAX = 48,	/* each time that one is read */
	PAM_STACK_DEPTH_MAX = 16,	/* PAM_SUBSTACK_MAX_LEVEL */
	PAM_STACK_FILE_MAX = 64 * 1024, /* bytes */
	PAM_STACK_PATH_MAX = 256,	/* bytes of a file's path */
	PAM_STACK_ARGUMENTS_MAX = 48
};

enum pam_line_kind {
	PAM_LINE_MODULE,
	PAM_LINE_SUBSTACK, /* the lines that follow, with a higher level, are its own */
	PAM_LINE_BROKEN,   /* PAM puts a failure in its place */
	PAM_LINE_MISSING   /* the file of its module is not there: whoever knows where modules are may write it; PAM_MODULE_UNKNOWN */
};

/* Texts are borrowed from the stack, or constant. */
struct pam_line {
	enum pam_line_kind kind;
	const char *file;
	int number; /* of its first line, from 1 */
	int level;  /* how many substacks it is in */
	const char *control;
	int actions[PAM_CONTROL_RESULTS]; /* by result: enum pam_action, or a jump */
	const char *module;		  /* as it is written */
	const char *arguments[PAM_STACK_ARGUMENTS_MAX];
	size_t argument_count;
	const char *fault; /* why PAM cannot use the line: a clause; NULL when it can */
};

struct pam_stack_file {
	char path[PAM_STACK_PATH_MAX];
	char *text;
	bool open; /* being read now */
	bool unsafe;
};

/* Some 100 KiB: not for the call stack. */
struct pam_stack {
	struct pam_line lines[PAM_STACK_LINES_MAX];
	size_t line_count;
	struct pam_stack_file files[PAM_STACK_FILES_MAX];
	size_t file_count;
	bool other;	/* the service has no auth lines, and those of `other` serve */
	bool truncated; /* it is larger than can be looked at, and not complete */
};

/*
 * Reads the auth lines of a service from the first of the directories (NULL at the end) that has a file of its name; from `other` when
 * there are none. Faults are in the lines. The caller ends *stack with pam_stack_done. OTP_ERR_CONFIG_OPEN: there is no such service, nor
 * other; OTP_ERR_MEMORY.
 */
enum otp_err pam_stack_load(const char *const *directories, const char *service, struct pam_stack *stack);

/* The same of another type: `account`, `session`. */
enum otp_err pam_stack_load_type(const char *const *directories, const char *service, const char *type, struct pam_stack *stack);

void pam_stack_done(struct pam_stack *stack);

/* The name of the module without its directory. Borrowed. */
const char *pam_stack_module_name(const struct pam_line *line);

#endif
