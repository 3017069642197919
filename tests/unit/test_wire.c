/* What module and helper say to each other, whole, broken and forged; and the helper's side of a conversation. */
#include "assert_err.h"

#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "relay_conversation.h"
#include "wire.h"

#define MAGIC (UINT32_C(0x4f545000) | OTP_PROTOCOL)

enum { NOT_LONG_MS = 50, LONG_MS = 5000, DOOR = 0, HELPER = 1 };

struct fixture {
	int fds[2]; /* the door's end and the helper's */
	struct wire_packet *sent;
	struct wire_packet *got;
	struct deadline deadline;
	struct relay_door door; /* at the helper's end, with `got` */
};

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, f->fds) != 0)
		return -1;
	f->sent = wire_packet_new();
	f->got = wire_packet_new();
	f->deadline = deadline_start(LONG_MS);
	f->door.fd = f->fds[HELPER];
	f->door.packet = f->got;
	f->door.deadline = &f->deadline;
	*state = f;
	return f->sent == NULL || f->got == NULL ? -1 : 0;
}

static void hang_up(struct fixture *f, int end)
{
	if (f->fds[end] >= 0)
		(void)close(f->fds[end]);
	f->fds[end] = -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	hang_up(f, DOOR);
	hang_up(f, HELPER);
	wire_packet_free(f->sent);
	wire_packet_free(f->got);
	free(f);
	return 0;
}

static void send_raw(struct fixture *f, const void *bytes, size_t length)
{
	assert_int_equal(send(f->fds[DOOR], bytes, length, MSG_NOSIGNAL), length);
}

static void pass_on(struct fixture *f)
{
	assert_err("send", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
}

/* --- packets -------------------------------------------------------------------------------------------------------------------- */

static void test_what_is_put_comes_out(void **state)
{
	struct fixture *f = *state;
	char text[WIRE_TEXT_MAX + 1];

	wire_begin(f->sent, WIRE_ASK);
	wire_put_number(f->sent, 0);
	wire_put_number(f->sent, UINT32_MAX);
	wire_put_string(f->sent, "a prompt: ");
	wire_put_string(f->sent, NULL);
	wire_put_text(f->sent, "\0\n", 2);
	pass_on(f);
	assert_int_equal(wire_packet_type(f->got), WIRE_ASK);
	assert_false(wire_packet_good(f->got));
	assert_int_equal(wire_get_number(f->got), 0);
	assert_int_equal(wire_get_number(f->got), UINT32_MAX);
	assert_int_equal(wire_get_text(f->got, text, WIRE_TEXT_MAX, true), 10);
	assert_string_equal(text, "a prompt: ");
	assert_int_equal(wire_get_text(f->got, text, WIRE_TEXT_MAX, true), 0);
	assert_string_equal(text, "");
	assert_int_equal(wire_get_text(f->got, text, WIRE_TEXT_MAX, false), 2);
	assert_memory_equal(text, "\0\n", 3);
	assert_true(wire_packet_good(f->got));
}

static void test_one_packet_is_one_message(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		wire_begin(f->sent, WIRE_HELLO);
		wire_put_number(f->sent, i);
		assert_err("send", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	}
	for (uint32_t i = 0; i < 3; i++) {
		assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
		assert_int_equal(wire_get_number(f->got), i);
		assert_true(wire_packet_good(f->got));
	}
}

static void test_bytes_that_are_left_make_a_packet_bad(void **state)
{
	struct fixture *f = *state;
	static const uint32_t raw[] = { MAGIC, WIRE_HELLO, 5 };

	wire_begin(f->sent, WIRE_HELLO);
	wire_put_number(f->sent, 1);
	wire_put_number(f->sent, 2);
	pass_on(f);
	assert_int_equal(wire_get_number(f->got), 1);
	assert_false(wire_packet_good(f->got));
	for (size_t more = 1; more <= sizeof(uint32_t); more++) {
		send_raw(f, raw, 2 * sizeof(uint32_t) + more);
		assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
		assert_false(wire_packet_good(f->got));
	}
}

static void test_a_packet_that_ends_too_early(void **state)
{
	struct fixture *f = *state;
	static const uint32_t raw[] = { MAGIC, WIRE_HELLO, 7 };

	for (size_t missing = 1; missing <= sizeof(uint32_t); missing++) {
		send_raw(f, raw, sizeof(raw) - missing);
		assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
		assert_int_equal(wire_get_number(f->got), 0);
		assert_false(wire_packet_good(f->got));
		assert_int_equal(wire_get_number(f->got), 0); /* bad is for ever */
		assert_false(wire_packet_good(f->got));
	}
}

static void test_what_is_no_packet(void **state)
{
	static const uint32_t cases[][3] = {
		{ 0, WIRE_HELLO, 0 },
		{ MAGIC + 1, WIRE_HELLO, 0 },
		{ MAGIC - 1, WIRE_HELLO, 0 },
		{ UINT32_C(0x4f545000), WIRE_HELLO, 0 },
		{ MAGIC ^ UINT32_C(0x80000000), WIRE_HELLO, 0 },
		{ UINT32_MAX, WIRE_HELLO, 0 },
		{ WIRE_HELLO, MAGIC, 0 },
	};
	static const uint32_t header[] = { MAGIC, WIRE_HELLO };
	struct fixture *f = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		send_raw(f, cases[i], sizeof(cases[i]));
		assert_err("magic", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
		assert_false(wire_packet_good(f->got));
		assert_int_equal(wire_get_number(f->got), 0);
	}
	for (size_t length = 1; length < sizeof(header); length++) {
		send_raw(f, header, length);
		assert_err("header", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
		assert_false(wire_packet_good(f->got));
	}
	send_raw(f, "Segmentation fault\n", 19);
	assert_err("text", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
}

static void test_a_packet_that_is_too_large(void **state)
{
	struct fixture *f = *state;
	static unsigned char raw[WIRE_PACKET_MAX + 1];
	static const uint32_t header[] = { MAGIC, WIRE_HELLO };

	memcpy(raw, header, sizeof(header));
	send_raw(f, raw, WIRE_PACKET_MAX);
	assert_err("largest", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
	send_raw(f, raw, sizeof(raw));
	assert_err("cut", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	assert_int_equal(wire_get_number(f->got), 0);
}

/* A packet has no look into it; its bytes come first. */
static void assert_wiped(const struct wire_packet *packet, size_t from)
{
	const unsigned char *bytes = (const unsigned char *)packet;

	for (size_t i = from; i < WIRE_PACKET_MAX; i++)
		assert_int_equal(bytes[i], 0);
}

/* An answer is a code. */
static void test_nothing_of_a_packet_stays(void **state)
{
	struct fixture *f = *state;
	static unsigned char raw[WIRE_PACKET_MAX + 1];
	static const uint32_t header[] = { MAGIC, WIRE_HELLO };

	for (size_t length = 0; length <= 2000; length += 1000) {
		memset(raw, '7', sizeof(raw));
		wire_begin(f->sent, WIRE_ANSWER);
		wire_put_text(f->sent, raw, length);
		pass_on(f);
		wire_begin(f->sent, WIRE_ANSWER);
		assert_wiped(f->sent, sizeof(header));
		send_raw(f, header, sizeof(header));
		assert_err("short", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
		assert_wiped(f->got, sizeof(header));
	}
	memcpy(raw, header, sizeof(header));
	send_raw(f, raw, sizeof(raw));
	assert_err("cut", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	assert_wiped(f->got, 0);
	send_raw(f, raw + sizeof(header), 100);
	assert_err("no packet", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	assert_wiped(f->got, 0);
}

static void test_what_does_not_fit_is_not_sent(void **state)
{
	struct fixture *f = *state;
	static char large[WIRE_PACKET_MAX + 1];

	wire_begin(f->sent, WIRE_TELL);
	wire_put_text(f->sent, large, WIRE_PACKET_MAX - 12);
	assert_err("exactly full", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_err("and arrives", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
	wire_put_number(f->sent, 1);
	assert_err("one number more", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	wire_begin(f->sent, WIRE_TELL);
	wire_put_text(f->sent, large, WIRE_PACKET_MAX - 11);
	assert_err("one byte more", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	wire_begin(f->sent, WIRE_TELL);
	wire_put_text(f->sent, large, sizeof(large));
	wire_put_number(f->sent, 1);
	assert_err("more than any", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	wire_begin(f->sent, WIRE_TELL);
	wire_put_text(f->sent, large, SIZE_MAX);
	assert_err("a length that wraps", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_ERR_HELPER_PROTOCOL);
	wire_begin(f->sent, WIRE_TELL);
	wire_put_string(f->sent, "good again");
	assert_err("after wire_begin", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
}

/* --- text ----------------------------------------------------------------------------------------------------------------------- */

static void test_text_has_a_longest(void **state)
{
	struct fixture *f = *state;
	char out[16];

	for (size_t length = 7; length <= 10; length++) {
		memset(out, '#', sizeof(out));
		wire_begin(f->sent, WIRE_TELL);
		wire_put_text(f->sent, "0123456789", length);
		pass_on(f);
		assert_int_equal(wire_get_text(f->got, out, 8, true), length <= 8 ? length : 0);
		assert_int_equal(wire_packet_good(f->got), length <= 8);
		assert_int_equal(strlen(out), length <= 8 ? length : 0);
		assert_memory_equal(out + 9, "#######", 7);
	}
}

static void test_text_that_says_it_is_longer_than_it_is(void **state)
{
	static const uint32_t lengths[] = { 5, 8, 255, 0x7fffffff, 0x80000000, 0xfffffffc, 0xffffffff };
	struct fixture *f = *state;

	for (size_t i = 0; i < CASES(lengths); i++) {
		const uint32_t raw[] = { MAGIC, WIRE_TELL, lengths[i], UINT32_C(0x41414141) };
		static char out[WIRE_PACKET_MAX];

		send_raw(f, raw, sizeof(raw));
		assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
		memset(out, '#', 16);
		assert_int_equal(wire_get_text(f->got, out, sizeof(out) - 1, false), 0);
		assert_string_equal(out, "");
		assert_false(wire_packet_good(f->got));
	}
}

static void test_a_nul_inside_text(void **state)
{
	static const char *const texts[] = { "a\0b", "\0ab", "ab\0" };
	struct fixture *f = *state;
	char out[16];

	for (size_t i = 0; i < CASES(texts); i++) {
		wire_begin(f->sent, WIRE_TELL);
		wire_put_text(f->sent, texts[i], 3);
		pass_on(f);
		assert_int_equal(wire_get_text(f->got, out, 8, true), 0);
		assert_string_equal(out, "");
		assert_false(wire_packet_good(f->got));
		pass_on(f);
		assert_int_equal(wire_get_text(f->got, out, 8, false), 3);
		assert_true(wire_packet_good(f->got));
	}
}

/* --- the peer -------------------------------------------------------------------------------------------------------------------- */

static void test_a_peer_that_is_gone(void **state)
{
	struct fixture *f = *state;
	void (*before)(int) = signal(SIGPIPE, SIG_DFL); /* as in su and login */

	wire_begin(f->sent, WIRE_HELLO);
	assert_err("last words", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	hang_up(f, DOOR);
	assert_err("are still read", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_OK);
	assert_err("receive", wire_receive(f->fds[HELPER], f->got, LONG_MS), OTP_ERR_HELPER_DIED);
	assert_err("receive, no bound", wire_receive(f->fds[HELPER], f->got, -1), OTP_ERR_HELPER_DIED);
	assert_err("send", wire_send(f->fds[HELPER], f->sent, LONG_MS), OTP_ERR_HELPER_DIED);
	(void)signal(SIGPIPE, before);
}

static void test_a_peer_that_says_nothing(void **state)
{
	struct fixture *f = *state;
	int64_t before = clock_monotonic_ms();

	assert_err("some time", wire_receive(f->fds[HELPER], f->got, NOT_LONG_MS), OTP_ERR_HELPER_SILENT);
	assert_in_range(clock_monotonic_ms() - before, NOT_LONG_MS - 5, LONG_MS);
	assert_err("no time", wire_receive(f->fds[HELPER], f->got, 0), OTP_ERR_HELPER_SILENT);
	assert_false(wire_packet_good(f->got) && wire_packet_type(f->got) != 0);
}

static void test_a_peer_that_reads_nothing(void **state)
{
	struct fixture *f = *state;
	static char large[WIRE_PACKET_MAX - 12];
	enum otp_err err = OTP_OK;

	wire_begin(f->sent, WIRE_TELL);
	wire_put_text(f->sent, large, sizeof(large));
	for (int i = 0; i < 1000 && err == OTP_OK; i++)
		err = wire_send(f->fds[DOOR], f->sent, NOT_LONG_MS);
	assert_err("full", err, OTP_ERR_HELPER_SILENT);
}

static volatile sig_atomic_t alarms;

static void count_alarm(int number)
{
	(void)number;
	alarms++;
}

/* Signals of the calling program neither end the wait nor prolong it. */
static void test_signals_do_not_change_the_bound(void **state)
{
	struct fixture *f = *state;
	struct sigaction action = { .sa_handler = count_alarm };
	struct sigaction before;
	struct itimerval often = { { 0, 20000 }, { 0, 20000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	int64_t start;
	enum otp_err err;

	alarms = 0;
	assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
	assert_int_equal(setitimer(ITIMER_REAL, &often, NULL), 0);
	start = clock_monotonic_ms();
	err = wire_receive(f->fds[HELPER], f->got, 200);
	assert_int_equal(setitimer(ITIMER_REAL, &never, NULL), 0);
	assert_int_equal(sigaction(SIGALRM, &before, NULL), 0);
	assert_err("silent", err, OTP_ERR_HELPER_SILENT);
	assert_in_range(clock_monotonic_ms() - start, 190, LONG_MS);
	assert_true(alarms > 0);
}

static void test_a_descriptor_that_is_no_socket(void **state)
{
	struct fixture *f = *state;
	int fd = open("/dev/null", O_RDWR | O_CLOEXEC);

	assert_true(fd >= 0);
	wire_begin(f->sent, WIRE_HELLO);
	assert_err("send", wire_send(fd, f->sent, LONG_MS), OTP_ERR_SYSTEM);
	assert_err("receive", wire_receive(fd, f->got, LONG_MS), OTP_ERR_SYSTEM);
	(void)close(fd);
}

/* --- the call -------------------------------------------------------------------------------------------------------------------- */

static struct relay_call call;

static void put_request(struct fixture *f, uint32_t count)
{
	wire_begin(f->sent, WIRE_REQUEST);
	wire_put_number(f->sent, WIRE_PHASE_AUTH);
	wire_put_number(f->sent, 7001);
	wire_put_number(f->sent, 1);
	wire_put_string(f->sent, "alice");
	wire_put_string(f->sent, "sshd");
	wire_put_string(f->sent, "ssh");
	wire_put_string(f->sent, "192.0.2.1");
	wire_put_string(f->sent, "publickey ssh-ed25519 AAAA\n");
	wire_put_string(f->sent, "alice@example.com");
	wire_put_number(f->sent, count);
}

static enum otp_err receive_call(struct fixture *f)
{
	assert_err("send", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	return relay_receive_call(&f->door, &call);
}

static void test_a_call(void **state)
{
	struct fixture *f = *state;

	put_request(f, 2);
	wire_put_string(f->sent, "config=/etc/x");
	wire_put_string(f->sent, "");
	assert_err("call", receive_call(f), OTP_OK);
	assert_int_equal(call.real_uid, 7001);
	assert_true(call.silent);
	assert_string_equal(call.user, "alice");
	assert_string_equal(call.service, "sshd");
	assert_string_equal(call.terminal, "ssh");
	assert_string_equal(call.remote_host, "192.0.2.1");
	assert_string_equal(call.auth_info, "publickey ssh-ed25519 AAAA\n");
	assert_int_equal(call.argument_count, 2);
	assert_string_equal(call.arguments[0], "config=/etc/x");
	assert_string_equal(call.arguments[1], "");
}

static void test_phases(void **state)
{
	struct fixture *f = *state;

	for (uint32_t phase = 0; phase <= WIRE_PHASE_CLOSE_SESSION + 1; phase++) {
		bool known = phase >= WIRE_PHASE_AUTH && phase <= WIRE_PHASE_CLOSE_SESSION;

		wire_begin(f->sent, WIRE_REQUEST);
		wire_put_number(f->sent, phase);
		wire_put_number(f->sent, 0);
		wire_put_number(f->sent, 0);
		for (int text = 0; text < 6; text++)
			wire_put_string(f->sent, "");
		wire_put_number(f->sent, 0);
		assert_err("phase", receive_call(f), known ? OTP_OK : OTP_ERR_HELPER_PROTOCOL);
		if (known)
			assert_int_equal(call.phase, phase);
	}
	assert_string_equal(wire_phase_name(WIRE_PHASE_AUTH), "");
	assert_string_equal(wire_phase_name(WIRE_PHASE_ACCOUNT), "account");
	assert_string_equal(wire_phase_name(WIRE_PHASE_OPEN_SESSION), "open_session");
	assert_string_equal(wire_phase_name(WIRE_PHASE_CLOSE_SESSION), "close_session");
}

static void test_arguments_have_a_limit(void **state)
{
	struct fixture *f = *state;

	for (uint32_t count = WIRE_ARGUMENTS_MAX; count <= WIRE_ARGUMENTS_MAX + 1; count++) {
		put_request(f, count);
		for (uint32_t i = 0; i < count; i++)
			wire_put_string(f->sent, "debug=yes");
		assert_err("as many as said", receive_call(f), count == WIRE_ARGUMENTS_MAX ? OTP_OK : OTP_ERR_HELPER_PROTOCOL);
	}
	put_request(f, UINT32_MAX);
	assert_err("4 billion", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	put_request(f, 2);
	wire_put_string(f->sent, "debug=yes");
	assert_err("fewer than said", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	put_request(f, 1);
	wire_put_string(f->sent, "debug=yes");
	wire_put_string(f->sent, "debug=yes");
	assert_err("more than said", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
}

static void test_items_have_a_longest(void **state)
{
	struct fixture *f = *state;
	static char text[WIRE_AUTH_INFO_MAX + 1];

	memset(text, 'x', sizeof(text));
	for (size_t over = 0; over <= 1; over++) {
		wire_begin(f->sent, WIRE_REQUEST);
		wire_put_number(f->sent, WIRE_PHASE_ACCOUNT);
		wire_put_number(f->sent, 0);
		wire_put_number(f->sent, 0);
		for (int i = 0; i < 4; i++)
			wire_put_text(f->sent, text, WIRE_ITEM_MAX + (i == 0 ? over : 0));
		wire_put_text(f->sent, text, WIRE_AUTH_INFO_MAX);
		wire_put_text(f->sent, text, WIRE_PERSON_MAX);
		wire_put_number(f->sent, 1);
		wire_put_text(f->sent, text, WIRE_ITEM_MAX);
		assert_err("user", receive_call(f), over == 0 ? OTP_OK : OTP_ERR_HELPER_PROTOCOL);
	}
	put_request(f, 1);
	wire_put_text(f->sent, text, WIRE_ITEM_MAX + 1);
	assert_err("argument", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	put_request(f, 1);
	wire_put_text(f->sent, "debug\0=yes", 10);
	assert_err("a NUL in an argument", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
}

static void test_a_nul_in_each_item(void **state)
{
	struct fixture *f = *state;

	for (int bad = 0; bad < 6; bad++) {
		wire_begin(f->sent, WIRE_REQUEST);
		wire_put_number(f->sent, WIRE_PHASE_AUTH);
		wire_put_number(f->sent, 0);
		wire_put_number(f->sent, 0);
		for (int i = 0; i < 6; i++)
			wire_put_text(f->sent, "root\0x", i == bad ? 6 : 4);
		wire_put_number(f->sent, 0);
		assert_err("NUL", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	}
}

static void test_what_is_no_call(void **state)
{
	static const uint32_t types[] = { 0, WIRE_ANSWER, WIRE_HELLO, WIRE_VERDICT, WIRE_VERDICT + 1, 0x101, UINT32_MAX };
	struct fixture *f = *state;

	for (size_t i = 0; i < CASES(types); i++) {
		put_request(f, 0);
		assert_err("as a request", receive_call(f), OTP_OK);
		wire_begin(f->sent, (enum wire_type)types[i]);
		wire_put_number(f->sent, WIRE_PHASE_AUTH);
		wire_put_number(f->sent, 0);
		wire_put_number(f->sent, 0);
		for (int text = 0; text < 6; text++)
			wire_put_string(f->sent, "");
		wire_put_number(f->sent, 0);
		assert_err("as another type", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	}
	wire_begin(f->sent, WIRE_REQUEST);
	assert_err("empty", receive_call(f), OTP_ERR_HELPER_PROTOCOL);
	f->deadline = deadline_start(NOT_LONG_MS);
	assert_err("silent", relay_receive_call(&f->door, &call), OTP_ERR_HELPER_SILENT);
	hang_up(f, DOOR);
	f->deadline = deadline_start(LONG_MS);
	assert_err("gone", relay_receive_call(&f->door, &call), OTP_ERR_HELPER_DIED);
}

/* --- the verdict ----------------------------------------------------------------------------------------------------------------- */

/* A success differs from everything that flipped or zeroed memory would make. */
static void test_success_and_failure_are_far_apart(void **state)
{
	(void)state;
	assert_in_range(__builtin_popcount(WIRE_SUCCESS), 12, 20);
	assert_in_range(__builtin_popcount(WIRE_SUCCESS ^ WIRE_FAILURE), 24, 32);
}

static void test_success_leaves_for_ok_only(void **state)
{
	struct fixture *f = *state;
	struct relay_verdict verdict = { OTP_OK, OTP_ERR_CODE_WRONG, "outcome=x", "bob@example.com", "/run/x-tokens/7001-1-1" };
	char line[WIRE_LINE_MAX + 1];
	char person[WIRE_PERSON_MAX + 1];
	char token_file[WIRE_TOKEN_FILE_MAX + 1];

	for (int err = 0; err <= OTP_ERR_COUNT; err++) {
		verdict.result = (enum otp_err)err;
		assert_err("send", relay_send_verdict(&f->door, &verdict), OTP_OK);
		assert_err("receive", wire_receive(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
		assert_int_equal(wire_packet_type(f->sent), WIRE_VERDICT);
		assert_int_equal(wire_get_number(f->sent), err == OTP_OK ? WIRE_SUCCESS : WIRE_FAILURE);
		assert_int_equal(wire_get_number(f->sent), err);
		assert_int_equal(wire_get_number(f->sent), OTP_ERR_CODE_WRONG);
		assert_int_equal(wire_get_text(f->sent, line, WIRE_LINE_MAX, true), 9);
		assert_string_equal(line, "outcome=x");
		(void)wire_get_text(f->sent, person, WIRE_PERSON_MAX, true);
		assert_string_equal(person, err == OTP_OK ? "bob@example.com" : "");
		(void)wire_get_text(f->sent, token_file, WIRE_TOKEN_FILE_MAX, true);
		assert_string_equal(token_file, err == OTP_OK ? "/run/x-tokens/7001-1-1" : "");
		assert_true(wire_packet_good(f->sent));
	}
	hang_up(f, DOOR);
	assert_err("gone", relay_send_verdict(&f->door, &verdict), OTP_ERR_HELPER_DIED);
}

static void test_hello(void **state)
{
	struct fixture *f = *state;

	assert_err("send", relay_send_hello(&f->door, 20000), OTP_OK);
	assert_err("receive", wire_receive(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_int_equal(wire_packet_type(f->sent), WIRE_HELLO);
	assert_int_equal(wire_get_number(f->sent), 20000);
	assert_true(wire_packet_good(f->sent));
}

/* --- the conversation ------------------------------------------------------------------------------------------------------------ */

/* What is sent before the question waits in the socket until it was asked. */
static enum otp_err ask(struct fixture *f, struct secret *ret_answer)
{
	struct conversation conversation = relay_conversation(&f->door);

	assert_err("send", wire_send(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	return conversation.ask(conversation.door, "Code: ", true, ret_answer);
}

static void test_asking(void **state)
{
	secret_auto struct secret answer = SECRET_EMPTY;
	struct fixture *f = *state;
	char prompt[WIRE_TEXT_MAX + 1];

	wire_begin(f->sent, WIRE_ANSWER);
	wire_put_text(f->sent, "12\0 \n", 5);
	assert_err("ask", ask(f, &answer), OTP_OK);
	assert_int_equal(answer.length, 5);
	assert_memory_equal(answer.bytes, "12\0 \n", 5);
	assert_err("receive", wire_receive(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_int_equal(wire_packet_type(f->sent), WIRE_ASK);
	assert_int_equal(wire_get_number(f->sent), 1);
	assert_int_equal(wire_get_text(f->sent, prompt, WIRE_TEXT_MAX, true), 6);
	assert_string_equal(prompt, "Code: ");
	assert_true(wire_packet_good(f->sent));
}

static void test_answers_have_a_longest(void **state)
{
	static const size_t lengths[] = { 0, WIRE_ANSWER_MAX, WIRE_ANSWER_MAX + 1 };
	struct fixture *f = *state;
	char bytes[WIRE_ANSWER_MAX + 1];

	memset(bytes, 'x', sizeof(bytes));
	for (size_t i = 0; i < CASES(lengths); i++) {
		secret_auto struct secret answer = SECRET_EMPTY;
		bool fits = lengths[i] <= WIRE_ANSWER_MAX;

		wire_begin(f->sent, WIRE_ANSWER);
		wire_put_text(f->sent, bytes, lengths[i]);
		assert_err("ask", ask(f, &answer), fits ? OTP_OK : OTP_ERR_HELPER_PROTOCOL);
		assert_int_equal(answer.length, fits ? lengths[i] : 0);
	}
}

static void test_answers_that_are_none(void **state)
{
	static const struct {
		uint32_t type;
		bool more;
		enum otp_err err;
	} cases[] = {
		{ WIRE_CONVERSATION_FAILED, false, OTP_ERR_CONVERSATION },
		{ WIRE_VERDICT, false, OTP_ERR_CONVERSATION },
		{ WIRE_REQUEST, false, OTP_ERR_CONVERSATION },
		{ 0, false, OTP_ERR_CONVERSATION },
		{ 99, false, OTP_ERR_CONVERSATION },
		{ WIRE_ANSWER, true, OTP_ERR_HELPER_PROTOCOL },
	};
	struct fixture *f = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		secret_auto struct secret answer = SECRET_EMPTY;

		wire_begin(f->sent, (enum wire_type)cases[i].type);
		wire_put_string(f->sent, "12345678");
		if (cases[i].more)
			wire_put_number(f->sent, 0);
		assert_err("ask", ask(f, &answer), cases[i].err);
		assert_null(answer.bytes);
	}
}

static void test_an_answer_that_is_no_packet(void **state)
{
	secret_auto struct secret answer = SECRET_EMPTY;
	struct fixture *f = *state;

	send_raw(f, "12345678", 8);
	wire_begin(f->sent, WIRE_ANSWER);
	assert_err("ask", ask(f, &answer), OTP_ERR_HELPER_PROTOCOL);
	assert_null(answer.bytes);
}

static void test_a_door_that_is_gone_while_asking(void **state)
{
	secret_auto struct secret answer = SECRET_EMPTY;
	struct fixture *f = *state;
	struct conversation conversation = relay_conversation(&f->door);

	assert_int_equal(shutdown(f->fds[DOOR], SHUT_WR), 0);
	assert_err("no answer will come", conversation.ask(conversation.door, "Code: ", false, &answer), OTP_ERR_HELPER_DIED);
	assert_true(f->deadline.running_ms >= 0);
	hang_up(f, DOOR);
	assert_err("gone", conversation.ask(conversation.door, "Code: ", false, &answer), OTP_ERR_HELPER_DIED);
	conversation.tell(conversation.door, "nobody hears this");
	conversation.warn(conversation.door, "nor this");
}

/* A child answers late; the deadline is shorter than that, and still has most of its time. */
static void test_the_deadline_stands_still_while_asking(void **state)
{
	secret_auto struct secret answer = SECRET_EMPTY;
	struct fixture *f = *state;
	struct conversation conversation = relay_conversation(&f->door);
	pid_t child;

	f->deadline = deadline_start(1000);
	child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		(void)usleep(1200 * 1000);
		wire_begin(f->sent, WIRE_ANSWER);
		wire_put_string(f->sent, "1234");
		_exit(wire_send(f->fds[DOOR], f->sent, LONG_MS) == OTP_OK ? 0 : 1);
	}
	assert_err("ask", conversation.ask(conversation.door, "Code: ", false, &answer), OTP_OK);
	assert_int_equal(waitpid(child, NULL, 0), child);
	assert_string_equal(secret_text(&answer), "1234");
	assert_in_range(deadline_left_ms(&f->deadline), 500, 1000);
	(void)usleep(20 * 1000);
	assert_in_range(deadline_left_ms(&f->deadline), 1, 985); /* it runs again */
}

static void test_messages(void **state)
{
	struct fixture *f = *state;
	struct conversation conversation = relay_conversation(&f->door);
	char text[WIRE_TEXT_MAX + 1];

	conversation.tell(conversation.door, "a word");
	conversation.warn(conversation.door, "a warning");
	assert_err("tell", wire_receive(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_int_equal(wire_packet_type(f->sent), WIRE_TELL);
	(void)wire_get_text(f->sent, text, WIRE_TEXT_MAX, true);
	assert_string_equal(text, "a word");
	assert_true(wire_packet_good(f->sent));
	assert_err("warn", wire_receive(f->fds[DOOR], f->sent, LONG_MS), OTP_OK);
	assert_int_equal(wire_packet_type(f->sent), WIRE_WARN);
	(void)wire_get_text(f->sent, text, WIRE_TEXT_MAX, true);
	assert_string_equal(text, "a warning");
	assert_true(wire_packet_good(f->sent));
}

#define wire_test(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		wire_test(test_what_is_put_comes_out),
		wire_test(test_one_packet_is_one_message),
		wire_test(test_bytes_that_are_left_make_a_packet_bad),
		wire_test(test_a_packet_that_ends_too_early),
		wire_test(test_what_is_no_packet),
		wire_test(test_a_packet_that_is_too_large),
		wire_test(test_nothing_of_a_packet_stays),
		wire_test(test_what_does_not_fit_is_not_sent),
		wire_test(test_text_has_a_longest),
		wire_test(test_text_that_says_it_is_longer_than_it_is),
		wire_test(test_a_nul_inside_text),
		wire_test(test_a_peer_that_is_gone),
		wire_test(test_a_peer_that_says_nothing),
		wire_test(test_a_peer_that_reads_nothing),
		wire_test(test_signals_do_not_change_the_bound),
		wire_test(test_a_descriptor_that_is_no_socket),
		wire_test(test_a_call),
		wire_test(test_phases),
		wire_test(test_arguments_have_a_limit),
		wire_test(test_items_have_a_longest),
		wire_test(test_a_nul_in_each_item),
		wire_test(test_what_is_no_call),
		wire_test(test_success_and_failure_are_far_apart),
		wire_test(test_success_leaves_for_ok_only),
		wire_test(test_hello),
		wire_test(test_asking),
		wire_test(test_answers_have_a_longest),
		wire_test(test_answers_that_are_none),
		wire_test(test_an_answer_that_is_no_packet),
		wire_test(test_a_door_that_is_gone_while_asking),
		wire_test(test_the_deadline_stands_still_while_asking),
		wire_test(test_messages),
	};

	return cmocka_run_group_tests_name("wire", tests, NULL, NULL);
}
