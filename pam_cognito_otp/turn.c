/* turn - see turn.h. */
#include "turn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "log.h"
#include "note.h"
#include "safe_file.h"

#define TURN_FILE "turns"

enum { TURN_ASK_MS = 20 };

/*
 * Takes the lock, or says that another has it. An open file description lock (fcntl(2)) belongs to the descriptor, and not to a process that may have others. Where locks
 * fail for another reason there are none.
 */
static bool turn_is_taken(int fd, uint64_t whose)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = (off_t)(whose >> 2), .l_len = 1 };

	return fcntl(fd, F_OFD_SETLK, &lock) != 0 && (errno == EAGAIN || errno == EACCES || errno == EINTR);
}

static int turn_open(int dir)
{
	struct note note = { "" };
	int fd = -1;

	for (int i = 0; i < 2; i++) {
		if (safe_dir_open_file(dir, TURN_FILE, 0, &fd, &note) != OTP_OK)
			break;
		if (fd >= 0)
			return fd;
		if (safe_dir_create(dir, TURN_FILE, "", 0, &note) != OTP_OK)
			break;
	}
	log_warning("event=no_turns detail=\"%s\"", note.text);
	return -1;
}

enum otp_err turn_take(int dir, uint64_t whose, const struct deadline *deadline, struct turn *ret_turn)
{
	*ret_turn = (struct turn){ turn_open(dir), getppid() };
	while (ret_turn->fd >= 0 && turn_is_taken(ret_turn->fd, whose)) {
		if (deadline_left_ms(deadline) < 2 * TURN_ASK_MS) {
			(void)close(ret_turn->fd);
			*ret_turn = (struct turn)TURN_NONE;
			return OTP_ERR_NET_TIMEOUT;
		}
		clock_sleep_until_ms(clock_monotonic_ms() + TURN_ASK_MS);
	}
	(void)prctl(PR_SET_PDEATHSIG, 0);
	return OTP_OK;
}

void turn_end(struct turn *turn)
{
	if (turn->fd >= 0)
		(void)close(turn->fd); /* with it goes the lock */
	turn->fd = -1;
	if (turn->parent == 0)
		return;
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != turn->parent) /* the caller has died meanwhile: nobody is there to be asked */
		(void)raise(SIGKILL);
	turn->parent = 0;
}
