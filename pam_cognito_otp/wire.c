/* wire - see wire.h. Numbers are in host order: both ends run on the same machine. */
#include "wire.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "clock.h"

/* "OTP" and the protocol version; change it together with OTP_PROTOCOL in configure.ac. */
#define WIRE_MAGIC (UINT32_C(0x4f545000) | OTP_PROTOCOL)

enum { WIRE_HEADER = 8 }; /* magic and type */

struct wire_packet {
	unsigned char bytes[WIRE_PACKET_MAX];
	size_t length;
	size_t cursor;
	bool bad;
};

const char *wire_phase_name(enum wire_phase phase)
{
	switch (phase) {
	case WIRE_PHASE_AUTH:
		break;
	case WIRE_PHASE_ACCOUNT:
		return "account";
	case WIRE_PHASE_OPEN_SESSION:
		return "open_session";
	case WIRE_PHASE_CLOSE_SESSION:
		return "close_session";
	}
	return "";
}

struct wire_packet *wire_packet_new(void)
{
	return calloc(1, sizeof(struct wire_packet));
}

/* It may have been an answer. Beyond its length nothing was ever written, and the pages there are not touched: most packets are short. */
static void wire_wipe(struct wire_packet *packet)
{
	explicit_bzero(packet->bytes, packet->length);
	packet->length = 0;
	packet->cursor = 0;
	packet->bad = false;
}

void wire_packet_free(struct wire_packet *packet)
{
	if (packet == NULL)
		return;
	wire_wipe(packet);
	free(packet);
}

static void wire_put_bytes(struct wire_packet *packet, const void *bytes, size_t length)
{
	if (packet->bad || length > sizeof(packet->bytes) - packet->length) {
		packet->bad = true;
		return;
	}
	if (length > 0)
		memcpy(packet->bytes + packet->length, bytes, length);
	packet->length += length;
}

void wire_put_number(struct wire_packet *packet, uint32_t number)
{
	wire_put_bytes(packet, &number, sizeof(number));
}

void wire_begin(struct wire_packet *packet, enum wire_type type)
{
	wire_wipe(packet);
	wire_put_number(packet, WIRE_MAGIC);
	wire_put_number(packet, (uint32_t)type);
}

void wire_put_text(struct wire_packet *packet, const void *bytes, size_t length)
{
	if (length > sizeof(packet->bytes)) {
		packet->bad = true;
		return;
	}
	wire_put_number(packet, (uint32_t)length);
	wire_put_bytes(packet, bytes, length);
}

void wire_put_string(struct wire_packet *packet, const char *text)
{
	if (text == NULL)
		text = "";
	wire_put_text(packet, text, strlen(text));
}

static uint32_t wire_number_at(const struct wire_packet *packet, size_t offset)
{
	uint32_t number;

	memcpy(&number, packet->bytes + offset, sizeof(number));
	return number;
}

enum wire_type wire_packet_type(const struct wire_packet *packet)
{
	return (enum wire_type)wire_number_at(packet, sizeof(uint32_t));
}

uint32_t wire_get_number(struct wire_packet *packet)
{
	uint32_t number;

	if (packet->bad || packet->length - packet->cursor < sizeof(number)) {
		packet->bad = true;
		return 0;
	}
	number = wire_number_at(packet, packet->cursor);
	packet->cursor += sizeof(number);
	return number;
}

size_t wire_get_text(struct wire_packet *packet, char *out, size_t max, bool text)
{
	size_t length = wire_get_number(packet);

	out[0] = '\0';
	if (packet->bad || length > max || length > packet->length - packet->cursor) {
		packet->bad = true;
		return 0;
	}
	if (text && memchr(packet->bytes + packet->cursor, '\0', length) != NULL) {
		packet->bad = true;
		return 0;
	}
	memcpy(out, packet->bytes + packet->cursor, length);
	out[length] = '\0';
	packet->cursor += length;
	return length;
}

bool wire_packet_good(const struct wire_packet *packet)
{
	return !packet->bad && packet->cursor == packet->length;
}

/* Waits for `events` until the bound; signals of the calling program (SIGWINCH, SIGCHLD) only make us look again. */
static enum otp_err wire_wait(int fd, short events, int64_t timeout_ms)
{
	struct pollfd pollfd = { fd, events, 0 };
	struct deadline deadline = deadline_start(timeout_ms);

	for (;;) {
		int64_t left = timeout_ms < 0 ? -1 : deadline_left_ms(&deadline);
		int ready = poll(&pollfd, 1, left > INT_MAX ? INT_MAX : (int)left);

		if (ready > 0)
			return OTP_OK;
		if (ready == 0)
			return OTP_ERR_HELPER_SILENT;
		if (errno != EINTR)
			return OTP_ERR_SYSTEM;
	}
}

static enum otp_err wire_broken(void)
{
	return errno == EPIPE || errno == ECONNRESET || errno == ENOTCONN ? OTP_ERR_HELPER_DIED : OTP_ERR_SYSTEM;
}

enum otp_err wire_send(int fd, struct wire_packet *packet, int64_t timeout_ms)
{
	enum otp_err err;

	if (packet->bad)
		return OTP_ERR_HELPER_PROTOCOL;
	for (;;) {
		err = wire_wait(fd, POLLOUT, timeout_ms);
		if (err != OTP_OK)
			return err;
		/* MSG_NOSIGNAL: su and login do not ignore SIGPIPE */
		if (send(fd, packet->bytes, packet->length, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)packet->length)
			return OTP_OK;
		if (errno != EINTR && errno != EAGAIN)
			return wire_broken();
	}
}

static enum otp_err wire_accept(struct wire_packet *packet, ssize_t got)
{
	packet->length = (size_t)got;
	packet->cursor = WIRE_HEADER;
	packet->bad = got < WIRE_HEADER || (size_t)got > sizeof(packet->bytes) || wire_number_at(packet, 0) != WIRE_MAGIC;
	if (packet->bad) {
		explicit_bzero(packet->bytes, sizeof(packet->bytes)); /* a packet that was cut has filled them all */
		packet->length = 0;
		return OTP_ERR_HELPER_PROTOCOL;
	}
	return OTP_OK;
}

enum otp_err wire_receive(int fd, struct wire_packet *packet, int64_t timeout_ms)
{
	enum otp_err err;
	ssize_t got;

	wire_wipe(packet);
	for (;;) {
		err = wire_wait(fd, POLLIN, timeout_ms);
		if (err != OTP_OK)
			return err;
		/* MSG_TRUNC: the real length, so that a packet that was cut is noticed */
		got = recv(fd, packet->bytes, sizeof(packet->bytes), MSG_DONTWAIT | MSG_TRUNC);
		if (got == 0)
			return OTP_ERR_HELPER_DIED;
		if (got > 0)
			return wire_accept(packet, got);
		if (errno != EINTR && errno != EAGAIN)
			return wire_broken();
	}
}
