/*
 * caller - who is asking: the five kinds of callers, and what follows from each.
 *
 * Rules kept here: what an unprivileged user can choose (environment, names of terminals and hosts) never makes him a better kind of caller; a mail
 * that nobody confirmed goes out only for somebody who has already proved something, or sits at the machine.
 */
#ifndef OTP_CALLER_H
#define OTP_CALLER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "strbuf.h"

enum caller_kind {
	CALLER_KEY,	    /* ssh, after a public key */
	CALLER_OWN,	    /* sudo, su to oneself, screen lock: real uid is the account's, on a terminal */
	CALLER_CONSOLE,	    /* login: real uid 0, no remote host, on a terminal */
	CALLER_OTHER_LOCAL, /* su to somebody else, or no terminal */
	CALLER_REMOTE	    /* everybody else */
};

/* What the door saw; "" where PAM had nothing. */
struct caller_facts {
	const char *terminal;
	const char *remote_host;
	const char *auth_info; /* SSH_AUTH_INFO_0: one line per method that has succeeded */
	uid_t real_uid;
	bool account_known;
	uid_t account_uid;
};

struct caller {
	enum caller_kind kind;
	bool on_terminal;
};

struct caller caller_classify(const struct caller_facts *facts);

/* "key", "own", "console", "local", "remote": for the log. */
const char *caller_kind_name(enum caller_kind kind);

/* May be told the truth: his address, why he is refused, that the service is down. */
bool caller_is_proved(const struct caller *caller);

/* May have a mail sent, if only after `y`. */
bool caller_may_mail(const struct caller *caller);

/*
 * Where he comes from, as text that two calls have in common only when they may share a code: "key:" and the key's line, "uid:7001", "console",
 * "ip:192.0.2.1", "ip:2001:db8:0:1::/64" (what one household or host has), or "unknown" for a name instead of an address: names are what the DNS of a
 * stranger says.
 */
void caller_source(const struct caller *caller, const struct caller_facts *facts, struct strbuf *out);

/* The origin for the log: the remote host, or what there is instead. Writes at most `size` bytes. */
void caller_origin(const struct caller *caller, const struct caller_facts *facts, char *out, size_t size);

#endif
