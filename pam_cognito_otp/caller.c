/* caller - see caller.h. */
#include "caller.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

/* sshd's PAM_TTY is the constant "ssh"; cron's is "cron". A display (":0") is a seat at the machine. */
static bool caller_terminal(const char *terminal)
{
	return strncmp(terminal, "/dev/", 5) == 0 || strncmp(terminal, "tty", 3) == 0 || strncmp(terminal, "pts/", 4) == 0 || terminal[0] == ':';
}

/* sshd writes "publickey <type> <key>" for a key that has been accepted. The text comes from its monitor; a client cannot set it. NULL: none. */
static const char *caller_key_line(const struct caller_facts *facts)
{
	const char *line = facts->auth_info;

	if (facts->real_uid != 0 || strcmp(facts->terminal, "ssh") != 0)
		return NULL;
	while (line != NULL && *line != '\0') {
		if (strncmp(line, "publickey ", 10) == 0)
			return line;
		line = strchr(line, '\n');
		if (line != NULL)
			line++;
	}
	return NULL;
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

	if (caller_key_line(facts) != NULL)
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

/* One address of IPv4 (also one inside IPv6, as a listening socket for both has it), or the 64 bits of IPv6 that one site has. */
static void caller_address(const char *text, struct strbuf *out)
{
	static const unsigned char nat64[12] = { 0x00, 0x64, 0xff, 0x9b }; /* RFC 6052: all of IPv4 would be one place */
	struct in6_addr six = IN6ADDR_ANY_INIT;
	struct in_addr four = { 0 };
	char shown[INET6_ADDRSTRLEN] = "";

	if (inet_pton(AF_INET6, text, &six) == 1 && (IN6_IS_ADDR_V4MAPPED(&six) || memcmp(six.s6_addr, nat64, sizeof(nat64)) == 0))
		memcpy(&four, six.s6_addr + 12, sizeof(four));
	else if (inet_pton(AF_INET6, text, &six) == 1)
		memset(six.s6_addr + 8, 0, 8);
	else if (inet_pton(AF_INET, text, &four) != 1) {
		strbuf_puts(out, "unknown");
		return;
	}
	if (four.s_addr != 0)
		strbuf_printf(out, "ip:%s", inet_ntop(AF_INET, &four, shown, sizeof(shown)));
	else
		strbuf_printf(out, "ip:%s/64", inet_ntop(AF_INET6, &six, shown, sizeof(shown)));
}

void caller_source(const struct caller *caller, const struct caller_facts *facts, struct strbuf *out)
{
	const char *line = caller_key_line(facts);

	switch (caller->kind) {
	case CALLER_KEY:
		strbuf_puts(out, "key:");
		strbuf_add(out, line, strcspn(line, "\n"));
		break;
	case CALLER_OWN:
	case CALLER_OTHER_LOCAL:
		strbuf_printf(out, "uid:%lu", (unsigned long)facts->real_uid);
		break;
	case CALLER_CONSOLE:
		strbuf_puts(out, "console");
		break;
	case CALLER_REMOTE:
		caller_address(facts->remote_host, out);
		break;
	}
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
