/*
 * check_pam - the PAM services that use the module: who is asked for a code, who gets in without, who cannot get in at all.
 *
 * Rules kept here: only auth lines are looked at (account and session of the module have no say; for the cache see check_cache); each thing is reported once, at the line
 * to change; an exception that an administrator has written as a condition is a note.
 */
#ifndef OTP_CHECK_PAM_H
#define OTP_CHECK_PAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "check.h"
#include "check_pam_line.h"

enum { PAM_USE_MAX = 64, PAM_USE_NAME_MAX = 64 };

struct pam_use_service {
	char name[PAM_USE_NAME_MAX];	 /* such as sudo-i */
	char where[CHECK_PAM_WHERE_MAX]; /* file:line of its first line with the module */
	int64_t deadline;		 /* seconds; 0 when the line's settings cannot be used */
	bool unmapped_open;		 /* whoever has no mapping gets in, and PAM has asked him for nothing */
	bool proved_first;	 /* nobody is asked for a code before another line, such as one for a password, has accepted him */
};

/* The services whose auth stack has the module. */
struct pam_use {
	struct pam_use_service services[PAM_USE_MAX];
	size_t count;
};

/* NULL: that service does not use it. Borrowed. */
const struct pam_use_service *pam_use_find(const struct pam_use *use, const char *service);

void check_pam(const struct check *check, struct pam_use *ret_use);

/* Whether a program that calls PAM with this service asks for a code, as far as check_pam has seen: by its own file, or by `other`. */
bool check_pam_asks(const struct pam_use *use, const char *service);

/* Whether there is a PAM file of that name. */
bool check_pam_exists(const char *service);

/* The session lines of a service, as pam_stack_load. */
enum otp_err check_pam_session(const char *service, struct pam_stack *stack);

/* check_pam elsewhere, for tests: the first directory that has a service's file counts. */
struct pam_places {
	const char *const *directories; /* NULL at the end */
	const char *module_directory;
};
void check_pam_at(const struct check *check, const struct pam_places *places, struct pam_use *ret_use);

#endif
