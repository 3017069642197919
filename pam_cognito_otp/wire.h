/*
 * wire - what the module and its helper say to each other over a SOCK_SEQPACKET socketpair.
 *
 * Rules kept here:
 *  - one packet is one message: magic with the protocol version, type, then numbers and length-prefixed text; a packet must be read to its last
 *    byte, and anything unexpected makes it bad as a whole;
 *  - success is a constant of many set bits and is compared for equality, so that no flipped bit or zeroed memory is a success;
 *  - every send and receive has a bound in time and raises no signal; packets may carry a code, so their memory is wiped.
 *
 * The order of a call: door REQUEST; helper HELLO (how long it may take from now on, also said again later); any number of (helper ASK,
 * door ANSWER or CONVERSATION_FAILED) and (helper TELL or WARN, unanswered); helper VERDICT. There is no ASK in the account phase, and
 * none of these when a session begins or ends. Both programs are built together: the version in the helper's path keeps different ones
 * apart.
 * A change of a packet, or of the order in err.h, is another protocol: OTP_PROTOCOL in configure.ac.
 */
#ifndef OTP_WIRE_H
#define OTP_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	WIRE_PACKET_MAX = 48 * 1024,
	WIRE_TEXT_MAX = 500,	    /* a prompt: PAM_MAX_MSG_SIZE is 512 */
	WIRE_ANSWER_MAX = 512,	    /* PAM_MAX_RESP_SIZE; sshd hands on more, which is cut to this */
	WIRE_ITEM_MAX = 1024,	    /* user, service, terminal, remote host */
	WIRE_AUTH_INFO_MAX = 16384, /* SSH_AUTH_INFO_0; cut */
	WIRE_ARGUMENTS_MAX = 64,
	WIRE_LINE_MAX = 1024, /* the outcome line for the log */
	WIRE_PERSON_MAX = 128, /* who of several people that share an account */
	WIRE_TOKEN_FILE_MAX = 160, /* path of a session's token */
	WIRE_DEADLINE_MIN_MS = 1000, /* what HELLO may say */
	WIRE_DEADLINE_MAX_MS = 65 * 1000
};

enum wire_type {
	WIRE_REQUEST = 1,
	WIRE_ANSWER,
	WIRE_CONVERSATION_FAILED,
	WIRE_HELLO,
	WIRE_ASK,
	WIRE_TELL,
	WIRE_WARN,
	WIRE_VERDICT
};

/* Which hook of PAM is asking. */
enum wire_phase { WIRE_PHASE_AUTH = 1, WIRE_PHASE_ACCOUNT, WIRE_PHASE_OPEN_SESSION, WIRE_PHASE_CLOSE_SESSION };

/* The word for the log; "" for a login, which is what is expected. */
const char *wire_phase_name(enum wire_phase phase);

#define WIRE_SUCCESS UINT32_C(0x5ca39e65)
#define WIRE_FAILURE UINT32_C(0xa25d619a)

struct wire_packet;

/* NULL when memory is short. Freeing wipes; NULL is fine. */
struct wire_packet *wire_packet_new(void);
void wire_packet_free(struct wire_packet *packet);

/* Writing. What does not fit makes the packet bad, and wire_send refuses it. */
void wire_begin(struct wire_packet *packet, enum wire_type type);
void wire_put_number(struct wire_packet *packet, uint32_t number);
void wire_put_text(struct wire_packet *packet, const void *bytes, size_t length);
void wire_put_string(struct wire_packet *packet, const char *text); /* NULL is sent as "" */

/* Reading, in the order of writing. A wrong length, or more than `max` bytes, makes the packet bad and gives 0 or "". */
enum wire_type wire_packet_type(const struct wire_packet *packet);
uint32_t wire_get_number(struct wire_packet *packet);
/* Copies into `out`, `max` + 1 bytes of room; NUL-terminated. With `text`, a NUL inside makes the packet bad. Returns the length. */
size_t wire_get_text(struct wire_packet *packet, char *out, size_t max, bool text);
/* Whether everything was read and nothing was wrong. */
bool wire_packet_good(const struct wire_packet *packet);

/*
 * OTP_ERR_HELPER_PROTOCOL for a bad packet or what is none; OTP_ERR_HELPER_DIED when the peer is gone; OTP_ERR_HELPER_SILENT after
 * `timeout_ms` (negative: never); OTP_ERR_SYSTEM.
 */
enum otp_err wire_send(int fd, struct wire_packet *packet, int64_t timeout_ms);
enum otp_err wire_receive(int fd, struct wire_packet *packet, int64_t timeout_ms);

#endif
