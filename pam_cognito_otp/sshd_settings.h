/*
 * sshd_settings - what sshd's settings come to, as sshd itself says it (`sshd -T`): Include, Match, defaults and which of several lines
 * counts are its own business.
 *
 * Rules kept here: no settings file of sshd is read here; a setting that sshd does not name is an error, never a guess; its own words go
 * into the note.
 */
#ifndef OTP_SSHD_SETTINGS_H
#define OTP_SSHD_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

#define SSHD_PROGRAM "/usr/sbin/sshd"

enum { SSHD_METHODS_MAX = 512, SSHD_SERVICE_MAX = 64 };

/* Two can be compared with memcmp. */
struct sshd_settings {
	int64_t grace; /* LoginGraceTime, seconds; 0: for ever */
	int64_t max_auth_tries;
	char methods[SSHD_METHODS_MAX]; /* AuthenticationMethods: lists with commas, blanks between them; "any" */
	char service[SSHD_SERVICE_MAX]; /* the PAM service: PAMServiceName of 9.8 and later, or "sshd" */
	bool use_pam;
	bool keyboard; /* KbdInteractiveAuthentication */
	bool password;
	bool public_key;
	bool host_based;
	bool gssapi;
	bool use_dns;
};

/* What AuthenticationMethods and the switches of the methods allow. */
struct sshd_ways {
	bool code;	/* a way with keyboard-interactive */
	bool code_only; /* one with keyboard-interactive and nothing else, or with a password */
	bool no_code;	/* one without PAM: a key alone */
	bool password;	/* one with the password method */
};

/* Reads what `sshd -T` printed. OTP_ERR_CONFIG_MISSING: something is not there, the note says what. */
enum otp_err sshd_settings_parse(const char *text, struct sshd_settings *ret_settings, struct note *note);

/*
 * Asks sshd, at most ten seconds. `connection` is for Match blocks (its option -C), such as "user=alice"; NULL: none. What it leaves out no
 * Match block finds. OTP_ERR_CONFIG_OPEN: sshd cannot be started; OTP_ERR_CONFIG_SYNTAX: it refuses, and the note has its last words; those
 * of command_run and sshd_settings_parse.
 */
enum otp_err sshd_settings_ask(const char *connection, struct sshd_settings *ret_settings, struct note *note);

struct sshd_ways sshd_settings_ways(const struct sshd_settings *settings);

#endif
