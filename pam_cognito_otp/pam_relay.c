/* pam_relay - see pam_relay.h. */
#include "pam_relay.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <security/pam_ext.h>

#include "clock.h"
#include "log.h"

enum {
	RELAY_DEADLINE_MS = 20 * 1000, /* until the helper has read the settings and says its own */
	RELAY_GRACE_MS = 250,	 /* the helper ends by itself after its verdict */
	RELAY_KILL_MS = 1000,	 /* a killed process that a frozen file system holds is not waited for any longer */
	RELAY_MESSAGES_MAX = 200 /* of one call; the flow needs a few dozen at most */
};

struct relay {
	pam_handle_t *pamh;
	struct wire_packet *packet;
	struct deadline deadline;
	pid_t pid;
	int pidfd; /* a number that cannot be given to another process, unlike a pid */
	int fd;
	bool silent;
	bool may_ask; /* not in the account phase: sshd could not carry the answer, and nobody expects a question there */
	bool may_say; /* not when a session begins or ends: scp would take the words for its own */
	bool out_of_memory; /* the conversation ran out of it */
};

/* The helper runs as root on behalf of root: nobody else may be able to replace it. */
static enum otp_err relay_check_helper(void)
{
	struct stat st;

	if (lstat(OTP_HELPER_PATH, &st) != 0)
		return OTP_ERR_HELPER_MISSING;
	if (!S_ISREG(st.st_mode) || (st.st_uid != 0 && st.st_uid != geteuid()))
		return OTP_ERR_HELPER_UNSAFE;
	if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
		return OTP_ERR_HELPER_UNSAFE;
	return OTP_OK;
}

/* A program may call us with descriptors 0 to 2 closed; ours must not land there, where the spawn moves things about. */
static int relay_above_stdio(int fd)
{
	int high;

	if (fd > STDERR_FILENO)
		return fd;
	high = fcntl(fd, F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
	(void)close(fd);
	return high;
}

static enum otp_err relay_socketpair(int fds[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
		return OTP_ERR_SYSTEM;
	fds[0] = relay_above_stdio(fds[0]);
	fds[1] = relay_above_stdio(fds[1]);
	if (fds[0] >= 0 && fds[1] >= 0)
		return OTP_OK;
	for (int i = 0; i < 2; i++) {
		if (fds[i] >= 0)
			(void)close(fds[i]);
	}
	return OTP_ERR_SYSTEM;
}

static int relay_spawn_actions(posix_spawn_file_actions_t *actions, int fd)
{
	int failed = posix_spawn_file_actions_adddup2(actions, fd, STDIN_FILENO);

	failed |= posix_spawn_file_actions_addopen(actions, STDOUT_FILENO, "/dev/null", O_RDWR, 0);
	failed |= posix_spawn_file_actions_adddup2(actions, STDOUT_FILENO, STDERR_FILENO);
	failed |= posix_spawn_file_actions_addclosefrom_np(actions, STDERR_FILENO + 1);
	return failed;
}

static int relay_spawn_attributes(posix_spawnattr_t *attributes)
{
	sigset_t none;
	sigset_t all;
	int failed = 0;

	(void)sigemptyset(&none);
	(void)sigfillset(&all);
	failed |= posix_spawnattr_setsigmask(attributes, &none);
	failed |= posix_spawnattr_setsigdefault(attributes, &all);
	failed |= posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSID | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	return failed;
}

/* posix_spawn and not fork: no atfork handlers of the host run, and the child touches nothing of its memory. */
static enum otp_err relay_spawn(struct relay *relay, int fd)
{
	static const char *const argv[] = { OTP_HELPER_PATH, NULL };
	static char *const envp[] = { NULL };
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attributes;
	int failed;

	if (posix_spawn_file_actions_init(&actions) != 0)
		return OTP_ERR_MEMORY;
	if (posix_spawnattr_init(&attributes) != 0) {
		(void)posix_spawn_file_actions_destroy(&actions);
		return OTP_ERR_MEMORY;
	}
	failed = relay_spawn_actions(&actions, fd) | relay_spawn_attributes(&attributes);
	if (failed == 0)
		failed = posix_spawn(&relay->pid, OTP_HELPER_PATH, &actions, &attributes, (char *const *)(uintptr_t)argv, envp);
	(void)posix_spawn_file_actions_destroy(&actions);
	(void)posix_spawnattr_destroy(&attributes);
	if (failed != 0)
		return failed == ENOENT || failed == EACCES || failed == ENOEXEC ? OTP_ERR_HELPER_MISSING : OTP_ERR_SYSTEM;
	relay->pidfd = (int)syscall(SYS_pidfd_open, relay->pid, 0);
	return OTP_OK;
}

static enum otp_err relay_start(struct relay *relay)
{
	int fds[2];
	enum otp_err err = relay_check_helper();

	if (err != OTP_OK)
		return err;
	err = relay_socketpair(fds);
	if (err != OTP_OK)
		return err;
	err = relay_spawn(relay, fds[1]);
	(void)close(fds[1]);
	if (err != OTP_OK) {
		(void)close(fds[0]);
		return err;
	}
	relay->fd = fds[0];
	return OTP_OK;
}

static bool relay_ended(const struct relay *relay, int timeout_ms)
{
	struct pollfd ended = { relay->pidfd, POLLIN, 0 };

	return poll(&ended, 1, timeout_ms) == 1;
}

/* Without pidfds (Linux before 5.3): our child is our child until we wait for it, so its number is still its own. */
static void relay_stop_by_pid(const struct relay *relay)
{
	(void)kill(relay->pid, SIGKILL);
	while (waitpid(relay->pid, NULL, 0) < 0 && errno == EINTR)
		; /* ECHILD: the host ignores SIGCHLD or its handler was first */
}

/* Gives the helper a moment to end by itself, then makes sure, within a bound. Only our own child is waited for. */
static void relay_stop(const struct relay *relay)
{
	(void)close(relay->fd);
	if (relay->pidfd < 0) {
		relay_stop_by_pid(relay);
		return;
	}
	if (!relay_ended(relay, RELAY_GRACE_MS))
		(void)syscall(SYS_pidfd_send_signal, relay->pidfd, SIGKILL, NULL, 0);
	if (relay_ended(relay, RELAY_KILL_MS))
		(void)waitpid(relay->pid, NULL, WNOHANG); /* ECHILD: the host ignores SIGCHLD or its handler was first */
	(void)close(relay->pidfd);
}

static void relay_put_call(struct wire_packet *packet, const struct pam_relay_call *call)
{
	const char *auth_info = call->auth_info == NULL ? "" : call->auth_info;

	wire_begin(packet, WIRE_REQUEST);
	wire_put_number(packet, (uint32_t)call->phase);
	wire_put_number(packet, (uint32_t)getuid());
	wire_put_number(packet, call->silent ? 1 : 0);
	wire_put_string(packet, call->user);
	wire_put_string(packet, call->service);
	wire_put_string(packet, call->terminal);
	wire_put_string(packet, call->remote_host);
	wire_put_text(packet, auth_info, strnlen(auth_info, WIRE_AUTH_INFO_MAX));
	wire_put_string(packet, call->person);
	wire_put_number(packet, (uint32_t)call->argc);
	for (int i = 0; i < call->argc; i++)
		wire_put_string(packet, call->argv[i]);
}

static void relay_put_answer(struct relay *relay, int pam_code, char *answer)
{
	if (pam_code == PAM_BUF_ERR)
		relay->out_of_memory = true;
	if (pam_code != PAM_SUCCESS || answer == NULL) {
		wire_begin(relay->packet, WIRE_CONVERSATION_FAILED);
		return;
	}
	wire_begin(relay->packet, WIRE_ANSWER);
	wire_put_text(relay->packet, answer, strnlen(answer, WIRE_ANSWER_MAX));
}

static enum otp_err relay_ask(struct relay *relay)
{
	bool echo = wire_get_number(relay->packet) == 1;
	char prompt[WIRE_TEXT_MAX + 1];
	char *answer = NULL;
	int pam_code;

	(void)wire_get_text(relay->packet, prompt, WIRE_TEXT_MAX, true);
	if (!wire_packet_good(relay->packet) || !relay->may_ask)
		return OTP_ERR_HELPER_PROTOCOL;
	deadline_pause(&relay->deadline);
	pam_code = pam_prompt(relay->pamh, echo ? PAM_PROMPT_ECHO_ON : PAM_PROMPT_ECHO_OFF, &answer, "%s", prompt);
	deadline_resume(&relay->deadline);
	relay_put_answer(relay, pam_code, answer);
	if (answer != NULL) {
		explicit_bzero(answer, strlen(answer));
		free(answer);
	}
	return wire_send(relay->fd, relay->packet, deadline_left_ms(&relay->deadline));
}

/* PAM_SILENT: no messages. What the user must know stands in the prompts, which are not messages. */
static enum otp_err relay_say(struct relay *relay, int style)
{
	char text[WIRE_TEXT_MAX + 1];

	(void)wire_get_text(relay->packet, text, WIRE_TEXT_MAX, true);
	if (!wire_packet_good(relay->packet) || !relay->may_say)
		return OTP_ERR_HELPER_PROTOCOL;
	if (relay->silent)
		return OTP_OK;
	deadline_pause(&relay->deadline);
	(void)pam_prompt(relay->pamh, style, NULL, "%s", text); /* whoever cannot show it loses nothing but words */
	deadline_resume(&relay->deadline);
	return OTP_OK;
}

static enum otp_err relay_hello(struct relay *relay)
{
	uint32_t ms = wire_get_number(relay->packet);

	if (!wire_packet_good(relay->packet) || ms < WIRE_DEADLINE_MIN_MS || ms > WIRE_DEADLINE_MAX_MS)
		return OTP_ERR_HELPER_PROTOCOL;
	relay->deadline = deadline_start(ms);
	return OTP_OK;
}

static enum otp_err relay_verdict(struct relay *relay, struct pam_relay_verdict *ret_verdict)
{
	char line[WIRE_LINE_MAX + 1];
	char person[WIRE_PERSON_MAX + 1];
	char token_file[WIRE_TOKEN_FILE_MAX + 1];
	uint32_t word = wire_get_number(relay->packet);
	uint32_t result = wire_get_number(relay->packet);
	uint32_t reason = wire_get_number(relay->packet);

	(void)wire_get_text(relay->packet, line, WIRE_LINE_MAX, true);
	(void)wire_get_text(relay->packet, person, WIRE_PERSON_MAX, true);
	(void)wire_get_text(relay->packet, token_file, WIRE_TOKEN_FILE_MAX, true);
	if (!wire_packet_good(relay->packet) || result >= OTP_ERR_COUNT || reason >= OTP_ERR_COUNT)
		return OTP_ERR_HELPER_PROTOCOL;
	if (word != (result == OTP_OK ? WIRE_SUCCESS : WIRE_FAILURE))
		return OTP_ERR_HELPER_PROTOCOL;
	ret_verdict->result = (enum otp_err)result;
	ret_verdict->reason = (enum otp_err)reason;
	log_clean(ret_verdict->line, sizeof(ret_verdict->line), line, false);
	log_clean(ret_verdict->person, sizeof(ret_verdict->person), person, false);
	log_clean(ret_verdict->token_file, sizeof(ret_verdict->token_file), token_file, false);
	return OTP_OK;
}

/* Answers one message; *ret_done when it was the verdict. */
static enum otp_err relay_step(struct relay *relay, struct pam_relay_verdict *ret_verdict, bool *ret_done)
{
	enum otp_err err = wire_receive(relay->fd, relay->packet, deadline_left_ms(&relay->deadline));

	if (err != OTP_OK)
		return err;
	switch (wire_packet_type(relay->packet)) {
	case WIRE_HELLO:
		return relay_hello(relay);
	case WIRE_ASK:
		return relay_ask(relay);
	case WIRE_TELL:
		return relay_say(relay, PAM_TEXT_INFO);
	case WIRE_WARN:
		return relay_say(relay, PAM_ERROR_MSG);
	case WIRE_VERDICT:
		*ret_done = true;
		return relay_verdict(relay, ret_verdict);
	case WIRE_REQUEST:
	case WIRE_ANSWER:
	case WIRE_CONVERSATION_FAILED:
		break;
	}
	return OTP_ERR_HELPER_PROTOCOL;
}

static enum otp_err relay_talk(struct relay *relay, const struct pam_relay_call *call, struct pam_relay_verdict *ret_verdict)
{
	bool done = false;
	enum otp_err err;

	relay_put_call(relay->packet, call);
	err = wire_send(relay->fd, relay->packet, deadline_left_ms(&relay->deadline));
	for (int i = 0; err == OTP_OK && !done && i < RELAY_MESSAGES_MAX; i++)
		err = relay_step(relay, ret_verdict, &done);
	return err == OTP_OK && !done ? OTP_ERR_HELPER_PROTOCOL : err;
}

static void relay_failed(struct pam_relay_verdict *ret_verdict, enum otp_err err)
{
	ret_verdict->result = err;
	ret_verdict->reason = err;
	ret_verdict->line[0] = '\0';
	ret_verdict->person[0] = '\0';
	ret_verdict->token_file[0] = '\0';
}

void pam_relay_run(pam_handle_t *pamh, const struct pam_relay_call *call, struct pam_relay_verdict *ret_verdict)
{
	struct relay relay = { .pamh = pamh, .pid = -1, .pidfd = -1, .fd = -1, .silent = call->silent };
	enum otp_err err;

	relay_failed(ret_verdict, OTP_ERR_INTERNAL);
	relay.may_ask = call->phase == WIRE_PHASE_AUTH;
	relay.may_say = call->phase == WIRE_PHASE_AUTH || call->phase == WIRE_PHASE_ACCOUNT;
	relay.deadline = deadline_start(RELAY_DEADLINE_MS);
	relay.packet = wire_packet_new();
	if (relay.packet == NULL) {
		relay_failed(ret_verdict, OTP_ERR_MEMORY);
		return;
	}
	err = relay_start(&relay);
	if (err == OTP_OK) {
		err = relay_talk(&relay, call, ret_verdict);
		relay_stop(&relay);
	}
	if (err != OTP_OK)
		relay_failed(ret_verdict, err);
	else if (relay.out_of_memory && ret_verdict->result != OTP_OK)
		ret_verdict->result = OTP_ERR_MEMORY;
	wire_packet_free(relay.packet);
}
