/* caller - see caller.h. */
#include "caller.h"

#include <stdio.h>
#include <string.h>

/* sshd's PAM_TTY is the constant "ssh"; cron's is "cron". A display (":0") is a seat at the machine. */
static bool caller_terminal(const char *terminal)
{
	return strncmp(terminal, "/dev/", 5) == 0 || strncmp(terminal, "tty", 3) == 0 || strncmp(terminal, "pts/", 4) == 0 || terminal[0] == ':';
}

/* sshd writes "publickey <type> <key>" for a key that has been accepted. The text comes from its monitor; a client cannot set it. */
static bool caller_showed_key(const struct caller_facts *facts)
{
	const char *line = facts->auth_info;

	if (facts->real_uid != 0 || strcmp(facts->terminal, "ssh") != 0)
		return false;
	while (line != NULL && *line != '\0') {
		if (strncmp(line, "publickey ", 10) == 0)
			return true;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return false;
}

/* Uid 0 is nobody's own account here: sshd and telnetd run as root on behalf of strangers. */
static bool caller_is_own(const struct caller_facts *facts, bool on_terminal)
{
	return facts->account_known && facts->real_uid != 0 && facts->real_uid == facts->account_uid && on_terminal && facts->remote_host[0] == '\0';
}

struct caller caller_classify(const struct caller_facts *facts)
{
	struct caller caller = { CALLER_REMOTE, caller_terminal(facts->terminal) };
	bool local = facts->remote_host[0] == '\0' && strcmp(facts->terminal, "ssh") != 0;

	if (caller_showed_key(facts))
		caller.kind = CALLER_KEY;
	else if (caller_is_own(facts, caller.on_terminal))
		caller.kind = CALLER_OWN;
	else if (local && facts->real_uid == 0 && caller.on_terminal)
		caller.kind = CALLER_CONSOLE;
	else if (local)
		caller.kind = CALLER_OTHER_LOCAL;
	return caller;
}

const char *caller_kind_name(enum caller_kind kind)
{
	switch (kind) {
	case CALLER_KEY:
		return "key";
	case CALLER_OWN:
		return "own";
	case CALLER_CONSOLE:
		return "console";
	case CALLER_OTHER_LOCAL:
		return "local";
	case CALLER_REMOTE:
		return "remote";
	}
	return "unknown";
}

bool caller_is_proved(const struct caller *caller)
{
	return caller->kind == CALLER_KEY || caller->kind == CALLER_OWN || caller->kind == CALLER_CONSOLE;
}

bool caller_may_mail(const struct caller *caller)
{
	return caller->kind != CALLER_OTHER_LOCAL || caller->on_terminal;
}

void caller_origin(const struct caller *caller, const struct caller_facts *facts, char *out, size_t size)
{
	if (facts->remote_host[0] != '\0')
		(void)snprintf(out, size, "%s", facts->remote_host);
	else if (caller->kind == CALLER_CONSOLE)
		(void)snprintf(out, size, "console");
	else
		(void)snprintf(out, size, "uid:%lu", (unsigned long)facts->real_uid);
}
