/* relay_conversation - see relay_conversation.h. */
#include "relay_conversation.h"

#include <string.h>

enum { RELAY_SEND_MS = 5000 }; /* the door reads at once, or was stopped by its caller */

enum otp_err relay_receive_call(struct relay_door *door, struct relay_call *ret_call)
{
	struct wire_packet *packet = door->packet;
	enum otp_err err = wire_receive(door->fd, packet, deadline_left_ms(door->deadline));
	uint32_t phase;
	uint32_t count;

	if (err != OTP_OK)
		return err;
	if (wire_packet_type(packet) != WIRE_REQUEST)
		return OTP_ERR_HELPER_PROTOCOL;
	phase = wire_get_number(packet);
	if (phase < WIRE_PHASE_AUTH || phase > WIRE_PHASE_CLOSE_SESSION)
		return OTP_ERR_HELPER_PROTOCOL;
	ret_call->phase = (enum wire_phase)phase;
	ret_call->real_uid = wire_get_number(packet);
	ret_call->silent = wire_get_number(packet) == 1;
	(void)wire_get_text(packet, ret_call->user, WIRE_ITEM_MAX, true);
	(void)wire_get_text(packet, ret_call->service, WIRE_ITEM_MAX, true);
	(void)wire_get_text(packet, ret_call->terminal, WIRE_ITEM_MAX, true);
	(void)wire_get_text(packet, ret_call->remote_host, WIRE_ITEM_MAX, true);
	(void)wire_get_text(packet, ret_call->auth_info, WIRE_AUTH_INFO_MAX, true);
	(void)wire_get_text(packet, ret_call->person, WIRE_PERSON_MAX, true);
	count = wire_get_number(packet);
	if (count > WIRE_ARGUMENTS_MAX)
		return OTP_ERR_HELPER_PROTOCOL;
	ret_call->argument_count = (int)count;
	for (uint32_t i = 0; i < count; i++)
		(void)wire_get_text(packet, ret_call->arguments[i], WIRE_ITEM_MAX, true);
	return wire_packet_good(packet) ? OTP_OK : OTP_ERR_HELPER_PROTOCOL;
}

enum otp_err relay_send_hello(struct relay_door *door, int64_t deadline_ms)
{
	if (deadline_ms < WIRE_DEADLINE_MIN_MS)
		deadline_ms = WIRE_DEADLINE_MIN_MS;
	if (deadline_ms > WIRE_DEADLINE_MAX_MS)
		deadline_ms = WIRE_DEADLINE_MAX_MS;
	wire_begin(door->packet, WIRE_HELLO);
	wire_put_number(door->packet, (uint32_t)deadline_ms);
	return wire_send(door->fd, door->packet, RELAY_SEND_MS);
}

enum otp_err relay_send_verdict(struct relay_door *door, const struct relay_verdict *verdict)
{
	wire_begin(door->packet, WIRE_VERDICT);
	wire_put_number(door->packet, verdict->result == OTP_OK ? WIRE_SUCCESS : WIRE_FAILURE);
	wire_put_number(door->packet, (uint32_t)verdict->result);
	wire_put_number(door->packet, (uint32_t)verdict->reason);
	wire_put_string(door->packet, verdict->line);
	wire_put_string(door->packet, verdict->result == OTP_OK ? verdict->person : "");
	wire_put_string(door->packet, verdict->result == OTP_OK ? verdict->token_file : "");
	return wire_send(door->fd, door->packet, RELAY_SEND_MS);
}

static enum otp_err relay_take_answer(struct wire_packet *packet, struct secret *ret_answer)
{
	char answer[WIRE_ANSWER_MAX + 1];
	size_t length;
	enum otp_err err;

	if (wire_packet_type(packet) != WIRE_ANSWER)
		return OTP_ERR_CONVERSATION;
	length = wire_get_text(packet, answer, WIRE_ANSWER_MAX, false);
	err = wire_packet_good(packet) ? secret_set(ret_answer, answer, length) : OTP_ERR_HELPER_PROTOCOL;
	explicit_bzero(answer, sizeof(answer));
	return err;
}

static enum otp_err relay_ask(void *arg, const char *prompt, bool echo, struct secret *ret_answer)
{
	struct relay_door *door = arg;
	enum otp_err err;

	wire_begin(door->packet, WIRE_ASK);
	wire_put_number(door->packet, echo ? 1 : 0);
	wire_put_string(door->packet, prompt);
	err = wire_send(door->fd, door->packet, RELAY_SEND_MS);
	if (err != OTP_OK)
		return err;
	deadline_pause(door->deadline);
	err = wire_receive(door->fd, door->packet, -1); /* a door that is gone ends this: end of file, or the parent's death */
	deadline_resume(door->deadline);
	if (err != OTP_OK)
		return err;
	return relay_take_answer(door->packet, ret_answer);
}

static void relay_say(struct relay_door *door, enum wire_type type, const char *text)
{
	wire_begin(door->packet, type);
	wire_put_string(door->packet, text);
	(void)wire_send(door->fd, door->packet, RELAY_SEND_MS); /* a broken door shows at the next question or verdict */
}

static void relay_tell(void *door, const char *text)
{
	relay_say(door, WIRE_TELL, text);
}

static void relay_warn(void *door, const char *text)
{
	relay_say(door, WIRE_WARN, text);
}

/* The door's deadline is moved by as much, so that it does not take us for dead; ours stands still. */
static void relay_rest(void *arg, int64_t ms)
{
	struct relay_door *door = arg;
	int64_t until = clock_monotonic_ms() + ms;

	deadline_pause(door->deadline);
	(void)relay_send_hello(door, deadline_left_ms(door->deadline) + RELAY_AHEAD_MS + ms);
	clock_sleep_until_ms(until);
	deadline_resume(door->deadline);
}

struct conversation relay_conversation(struct relay_door *door)
{
	struct conversation conversation = { door, relay_ask, relay_tell, relay_warn, relay_rest };

	return conversation;
}
