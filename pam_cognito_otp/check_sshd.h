/*
 * check_sshd - whether sshd asks for a code at all, of everybody, and in a way that the login survives.
 *
 * Rules kept here: sshd itself says what its settings come to; it is asked for the default and for some mapped users, since Match blocks
 * can make exceptions; what an administrator has written out as an exception is a note.
 */
#ifndef OTP_CHECK_SSHD_H
#define OTP_CHECK_SSHD_H

#include "check.h"
#include "check_pam.h"
#include "sshd_settings.h"

void check_sshd(const struct check *check, const struct pam_use *use);

/* One set of settings. Borrowed. */
struct check_sshd_case {
	const struct pam_use_service *used;
	const struct sshd_settings *settings;
	const char *user;		   /* for whom; NULL: for whoever no Match block finds */
	const struct sshd_settings *usual; /* with a user: those of everybody else; what is the same there is not said again */
	bool asked;			   /* somebody is asked for a code, by these settings or by a Match block */
};

/* Their findings. Returns how many warnings and errors. */
int check_sshd_settings(const struct check *check, const struct check_sshd_case *one);

#endif
