/* The five kinds of callers, and that no name of a terminal or host makes anybody a better one. */
#include "assert_err.h"

#include <stdio.h>
#include <string.h>

#include "caller.h"

#define KEY_INFO "publickey ssh-ed25519 AAAAC3Nz\n"

enum { ROOT = 0, ALICE = 7001, BOB = 7002 };

struct caller_case {
	const char *name;
	struct caller_facts facts; /* terminal, remote_host, auth_info, real_uid, account_known, account_uid */
	enum caller_kind kind;
	bool on_terminal;
};

static void run_cases(const struct caller_case *cases, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		struct caller caller = caller_classify(&cases[i].facts);

		if (caller.kind != cases[i].kind)
			fail_msg("%s: %s, not %s", cases[i].name, caller_kind_name(caller.kind), caller_kind_name(cases[i].kind));
		if (caller.on_terminal != cases[i].on_terminal)
			fail_msg("%s: on_terminal is %d", cases[i].name, caller.on_terminal);
	}
}

static void test_proved_by_key(void **state)
{
	static const struct caller_case cases[] = {
		{ "a key", { "ssh", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_KEY, false },
		{ "a key, no host", { "ssh", "", KEY_INFO, ROOT, true, ALICE }, CALLER_KEY, false },
		{ "no line end", { "ssh", "192.0.2.1", "publickey ssh-rsa AAAA", ROOT, true, ALICE }, CALLER_KEY, false },
		{ "hostbased first", { "ssh", "192.0.2.1", "hostbased ssh-rsa AAAA\n" KEY_INFO, ROOT, true, ALICE }, CALLER_KEY, false },
		{ "key first", { "ssh", "192.0.2.1", KEY_INFO "password\n", ROOT, true, ALICE }, CALLER_KEY, false },
		{ "two keys", { "ssh", "192.0.2.1", KEY_INFO KEY_INFO, ROOT, true, ALICE }, CALLER_KEY, false },
		{ "a key for root's account", { "ssh", "192.0.2.1", KEY_INFO, ROOT, true, ROOT }, CALLER_KEY, false },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_no_key_was_shown(void **state)
{
	static const struct caller_case cases[] = {
		{ "nothing", { "ssh", "192.0.2.1", "", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "an empty line", { "ssh", "192.0.2.1", "\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "hostbased", { "ssh", "192.0.2.1", "hostbased ssh-rsa AAAA\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "password", { "ssh", "192.0.2.1", "password\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "keyboard-interactive", { "ssh", "192.0.2.1", "keyboard-interactive/pam\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "gssapi", { "ssh", "192.0.2.1", "gssapi-with-mic\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "the word alone", { "ssh", "192.0.2.1", "publickey", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "the word and a line end", { "ssh", "192.0.2.1", "publickey\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "a longer word", { "ssh", "192.0.2.1", "publickeys ssh-rsa AAAA\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "upper case", { "ssh", "192.0.2.1", "Publickey ssh-rsa AAAA\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "a blank before", { "ssh", "192.0.2.1", " publickey ssh-rsa AAAA\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "inside a line", { "ssh", "192.0.2.1", "gssapi publickey ssh-rsa\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "inside hostbased", { "ssh", "192.0.2.1", "hostbased publickey ssh-rsa\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "after CR", { "ssh", "192.0.2.1", "password\rpublickey ssh-rsa\n", ROOT, true, ALICE }, CALLER_REMOTE, false },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

/* Whoever runs su or a screen locker may have set what looks like sshd's doing. */
static void test_only_sshd_shows_keys(void **state)
{
	static const struct caller_case cases[] = {
		{ "another real uid", { "ssh", "", KEY_INFO, BOB, true, ALICE }, CALLER_REMOTE, false },
		{ "his own real uid", { "ssh", "", KEY_INFO, ALICE, true, ALICE }, CALLER_REMOTE, false },
		{ "another real uid with a host", { "ssh", "192.0.2.1", KEY_INFO, BOB, true, ALICE }, CALLER_REMOTE, false },
		{ "su by somebody else", { "/dev/pts/1", "", KEY_INFO, BOB, true, ALICE }, CALLER_OTHER_LOCAL, true },
		{ "root, no terminal", { "", "", KEY_INFO, ROOT, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "root, remote, no terminal", { "", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "root, remote, a terminal", { "pts/1", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_REMOTE, true },
		{ "SSH", { "SSH", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "sshd", { "sshd", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "ssh, blank", { "ssh ", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, CALLER_REMOTE, false },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_own_account(void **state)
{
	static const struct caller_case cases[] = {
		{ "sudo", { "/dev/pts/1", "", "", ALICE, true, ALICE }, CALLER_OWN, true },
		{ "su to oneself", { "pts/1", "", "", ALICE, true, ALICE }, CALLER_OWN, true },
		{ "on a console", { "tty1", "", "", ALICE, true, ALICE }, CALLER_OWN, true },
		{ "screen lock", { ":0", "", "", ALICE, true, ALICE }, CALLER_OWN, true },
		{ "screen lock, screen 0", { ":0.0", "", "", ALICE, true, ALICE }, CALLER_OWN, true },
		{ "no terminal", { "", "", "", ALICE, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "cron", { "cron", "", "", ALICE, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "unknown", { "unknown", "", "", ALICE, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "a display elsewhere", { "elsewhere:0", "", "", ALICE, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "ssh's display", { "localhost:10.0", "", "", ALICE, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "from another host", { "/dev/pts/1", "192.0.2.1", "", ALICE, true, ALICE }, CALLER_REMOTE, true },
		{ "somebody else", { "/dev/pts/1", "", "", BOB, true, ALICE }, CALLER_OTHER_LOCAL, true },
		{ "no such account", { "/dev/pts/1", "", "", ALICE, false, ALICE }, CALLER_OTHER_LOCAL, true },
		{ "no such account, uid 0 left in it", { "/dev/pts/1", "", "", ALICE, false, ROOT }, CALLER_OTHER_LOCAL, true },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_console(void **state)
{
	static const struct caller_case cases[] = {
		{ "login", { "tty1", "", "", ROOT, true, ALICE }, CALLER_CONSOLE, true },
		{ "login, with /dev/", { "/dev/tty1", "", "", ROOT, true, ALICE }, CALLER_CONSOLE, true },
		{ "a serial line", { "ttyS0", "", "", ROOT, true, ALICE }, CALLER_CONSOLE, true },
		{ "a display manager", { ":0", "", "", ROOT, true, ALICE }, CALLER_CONSOLE, true },
		{ "no such account", { "tty1", "", "", ROOT, false, ROOT }, CALLER_CONSOLE, true },
		{ "root to root", { "tty1", "", "", ROOT, true, ROOT }, CALLER_CONSOLE, true },
		{ "rlogind, telnetd", { "pts/1", "192.0.2.1", "", ROOT, true, ALICE }, CALLER_REMOTE, true },
		{ "rlogind for root", { "pts/1", "192.0.2.1", "", ROOT, true, ROOT }, CALLER_REMOTE, true },
		{ "XDMCP", { ":0", "192.0.2.1", "", ROOT, true, ALICE }, CALLER_REMOTE, true },
		{ "root, no terminal", { "", "", "", ROOT, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "cron", { "cron", "", "", ROOT, true, ALICE }, CALLER_OTHER_LOCAL, false },
		{ "ftp", { "ftp", "192.0.2.1", "", ROOT, true, ALICE }, CALLER_REMOTE, false },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_remote(void **state)
{
	static const struct caller_case cases[] = {
		{ "sshd", { "ssh", "192.0.2.1", "", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "sshd for root", { "ssh", "192.0.2.1", "", ROOT, true, ROOT }, CALLER_REMOTE, false },
		{ "sshd without a host", { "ssh", "", "", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "sshd, unknown host", { "ssh", "UNKNOWN", "", ROOT, true, ALICE }, CALLER_REMOTE, false },
		{ "no such account", { "ssh", "192.0.2.1", "", ROOT, false, ROOT }, CALLER_REMOTE, false },
		{ "a daemon of its own uid", { "", "192.0.2.1", "", 33, true, ALICE }, CALLER_REMOTE, false },
		{ "localhost is a host", { "pts/1", "localhost", "", BOB, true, BOB }, CALLER_REMOTE, true },
	};

	(void)state;
	run_cases(cases, CASES(cases));
}

static void test_terminals(void **state)
{
	static const struct {
		const char *terminal;
		bool is_one;
	} cases[] = {
		{ "/dev/pts/1", true }, { "/dev/tty1", true }, { "/dev/console", true }, { "pts/1", true },  { "tty1", true },	{ "ttyS0", true },
		{ ":0", true },	       { ":1.0", true },      { "", false },		 { "ssh", false },   { "cron", false }, { "console", false },
		{ "pts", false },      { "dev/tty1", false }, { "/devil", false },	 { "xtty1", false }, { "TTY1", false }, { "host:0", false },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct caller_facts facts = { cases[i].terminal, "", "", BOB, true, ALICE };

		if (caller_classify(&facts).on_terminal != cases[i].is_one)
			fail_msg("\"%s\"", cases[i].terminal);
	}
}

static void test_what_each_kind_may(void **state)
{
	static const struct {
		struct caller caller;
		const char *name;
		bool is_proved;
		bool may_mail;
	} cases[] = {
		{ { CALLER_KEY, false }, "key", true, true },	    { { CALLER_OWN, true }, "own", true, true },
		{ { CALLER_CONSOLE, true }, "console", true, true }, { { CALLER_OTHER_LOCAL, true }, "local", false, true },
		{ { CALLER_OTHER_LOCAL, false }, "local", false, false }, { { CALLER_REMOTE, false }, "remote", false, true },
		{ { CALLER_REMOTE, true }, "remote", false, true },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_string_equal(caller_kind_name(cases[i].caller.kind), cases[i].name);
		assert_int_equal(caller_is_proved(&cases[i].caller), cases[i].is_proved);
		assert_int_equal(caller_may_mail(&cases[i].caller), cases[i].may_mail);
	}
}

static void test_a_number_that_is_no_kind_is_nothing(void **state)
{
	struct caller caller = { (enum caller_kind)(CALLER_REMOTE + 1), false };

	(void)state;
	assert_false(caller_is_proved(&caller));
	assert_string_equal(caller_kind_name(caller.kind), "unknown");
}

static void test_origin(void **state)
{
	static const struct {
		struct caller_facts facts;
		const char *origin;
	} cases[] = {
		{ { "ssh", "192.0.2.1", "", ROOT, true, ALICE }, "192.0.2.1" },
		{ { "ssh", "2001:db8::1", KEY_INFO, ROOT, true, ALICE }, "2001:db8::1" },
		{ { "ssh", "", "", ROOT, true, ALICE }, "uid:0" },
		{ { "tty1", "", "", ROOT, true, ALICE }, "console" },
		{ { "pts/1", "", "", ALICE, true, ALICE }, "uid:7001" },
		{ { "", "", "", 4294967294U, true, ALICE }, "uid:4294967294" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct caller caller = caller_classify(&cases[i].facts);
		char origin[32];

		caller_origin(&caller, &cases[i].facts, origin, sizeof(origin));
		assert_string_equal(origin, cases[i].origin);
	}
}

/* Two calls have it in common only when they may share a code. */
static void test_source(void **state)
{
	static const struct {
		struct caller_facts facts;
		const char *source;
	} cases[] = {
		{ { "ssh", "192.0.2.1", KEY_INFO, ROOT, true, ALICE }, "key:publickey ssh-ed25519 AAAAC3Nz" },
		{ { "ssh", "198.51.100.7", KEY_INFO "password\n", ROOT, true, ALICE }, "key:publickey ssh-ed25519 AAAAC3Nz" },
		{ { "ssh", "192.0.2.1", "password\n" KEY_INFO, ROOT, true, ALICE }, "key:publickey ssh-ed25519 AAAAC3Nz" },
		{ { "ssh", "192.0.2.1", "publickey ssh-rsa AAAA", ROOT, true, ALICE }, "key:publickey ssh-rsa AAAA" },
		{ { "ssh", "192.0.2.1", KEY_INFO "publickey ssh-rsa AAAA\n", ROOT, true, ALICE }, "key:publickey ssh-ed25519 AAAAC3Nz" },
		{ { "/dev/pts/1", "", "", ALICE, true, ALICE }, "uid:7001" },
		{ { "/dev/pts/1", "", "", BOB, true, ALICE }, "uid:7002" },
		{ { "", "", "", ROOT, true, ALICE }, "uid:0" },
		{ { "", "", "", 4294967294U, true, ALICE }, "uid:4294967294" },
		{ { "tty1", "", "", ROOT, true, ALICE }, "console" },
		{ { "tty2", "", "", ROOT, false, ROOT }, "console" },
		{ { "ssh", "192.0.2.1", "", ROOT, true, ALICE }, "ip:192.0.2.1" },
		{ { "ssh", "192.0.2.1", KEY_INFO, BOB, true, ALICE }, "ip:192.0.2.1" }, /* no sshd has said that */
		{ { "ssh", "", "", ROOT, true, ALICE }, "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf source = STRBUF_LIMIT(512);
		struct caller caller = caller_classify(&cases[i].facts);

		caller_source(&caller, &cases[i].facts, &source);
		assert_err(cases[i].source, source.failed, OTP_OK);
		assert_string_equal(strbuf_text(&source), cases[i].source);
	}
}

static void test_addresses(void **state)
{
	static const struct {
		const char *host;
		const char *source;
	} cases[] = {
		{ "192.0.2.1", "ip:192.0.2.1" },
		{ "255.255.255.255", "ip:255.255.255.255" },
		{ "127.0.0.1", "ip:127.0.0.1" },
		{ "::ffff:192.0.2.1", "ip:192.0.2.1" },
		{ "::FFFF:c000:201", "ip:192.0.2.1" },
		{ "2001:db8:0:1:2:3:4:5", "ip:2001:db8:0:1::/64" },
		{ "2001:DB8:0:1::ffff", "ip:2001:db8:0:1::/64" },
		{ "2001:0db8:0000:0001:ffff:ffff:ffff:ffff", "ip:2001:db8:0:1::/64" },
		{ "2001:db8:0:2::1", "ip:2001:db8:0:2::/64" },
		{ "::1", "ip:::/64" },
		{ "fe80::1", "ip:fe80::/64" },
		/* names, and what only looks like an address */
		{ "host.example.com", "unknown" },
		{ "localhost", "unknown" },
		{ "UNKNOWN", "unknown" },
		{ "192.0.2", "unknown" },
		{ "192.0.2.256", "unknown" },
		{ "192.0.2.1 ", "unknown" },
		{ " 192.0.2.1", "unknown" },
		{ "192.0.2.1:22", "unknown" },
		{ "[2001:db8::1]", "unknown" },
		{ "2001:db8::1/64", "unknown" },
		{ "2001:db8::1::2", "unknown" },
		{ "console", "unknown" },
		{ "uid:7001", "unknown" },
		{ "key:publickey ssh-ed25519 AAAAC3Nz", "unknown" },
		{ "ip:192.0.2.1", "unknown" },
		{ "192.0.2.1.example.com", "unknown" },
		{ "\n192.0.2.1", "unknown" },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		strbuf_auto struct strbuf source = STRBUF_LIMIT(512);
		struct caller_facts facts = { "ssh", cases[i].host, "", ROOT, true, ALICE };
		struct caller caller = caller_classify(&facts);

		caller_source(&caller, &facts, &source);
		assert_string_equal(strbuf_text(&source), cases[i].source);
	}
}

static void test_origin_is_cut(void **state)
{
	struct caller_facts facts = { "ssh", "host.example.com", "", ROOT, true, ALICE };
	struct caller caller = caller_classify(&facts);
	char origin[8];

	(void)state;
	memset(origin, '#', sizeof(origin));
	caller_origin(&caller, &facts, origin, 5);
	assert_memory_equal(origin, "host\0###", 8);
}

/* A certificate, or RSA of 8192 bits. */
static void test_a_certificate_s_line_is_a_source(void **state)
{
	static char info[3000];
	struct caller_facts facts = { "ssh", "192.0.2.1", info, 0, true, 7001 };
	struct caller caller;
	strbuf_auto struct strbuf source = STRBUF_LIMIT(16 * 1024);

	(void)state;
	memset(info, 'A', sizeof(info) - 2);
	memcpy(info, "publickey ssh-rsa-cert-v01@openssh.com ", 39);
	info[sizeof(info) - 2] = '\n';
	caller = caller_classify(&facts);
	assert_int_equal(caller.kind, CALLER_KEY);
	caller_source(&caller, &facts, &source);
	assert_err("source", source.failed, OTP_OK);
	assert_int_equal(source.length, 4 + sizeof(info) - 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_proved_by_key),
		cmocka_unit_test(test_no_key_was_shown),
		cmocka_unit_test(test_only_sshd_shows_keys),
		cmocka_unit_test(test_own_account),
		cmocka_unit_test(test_console),
		cmocka_unit_test(test_remote),
		cmocka_unit_test(test_terminals),
		cmocka_unit_test(test_what_each_kind_may),
		cmocka_unit_test(test_a_number_that_is_no_kind_is_nothing),
		cmocka_unit_test(test_origin),
		cmocka_unit_test(test_source),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_origin_is_cut),
		cmocka_unit_test(test_a_certificate_s_line_is_a_source),
	};

	return cmocka_run_group_tests_name("caller", tests, NULL, NULL);
}
