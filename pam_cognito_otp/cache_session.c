/* cache_session - see cache_session.h. */
#include "cache_session.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "clock.h"
#include "safe_file.h"
#include "secret.h"

enum { CACHE_SESSION_NAME_SIZE = 40, CACHE_SESSION_TEXT_MAX = 128 };

static void cache_session_name(uint32_t session, char name[CACHE_SESSION_NAME_SIZE])
{
	(void)snprintf(name, CACHE_SESSION_NAME_SIZE, CACHE_SESSION_FILE "%" PRIu32, session);
}

/* `BOOT-ID PID START` and a newline: which process it is, for ever. Returns its length. */
static int cache_session_text(const struct process *opener, char text[CACHE_SESSION_TEXT_MAX])
{
	char boot_id[CLOCK_BOOT_ID_SIZE];

	clock_boot_id(boot_id);
	return snprintf(text, CACHE_SESSION_TEXT_MAX, "%s %ld %" PRIu64 "\n", boot_id, (long)opener->pid, opener->start);
}

enum otp_err cache_session_begin(const char *cache_dir, const struct process *opener, struct note *note)
{
	char name[CACHE_SESSION_NAME_SIZE];
	char text[CACHE_SESSION_TEXT_MAX];
	int length = cache_session_text(opener, text);
	int dir;
	enum otp_err err = safe_dir_open(cache_dir, &dir, note);

	if (err != OTP_OK)
		return err;
	cache_session_name(opener->session, name);
	err = safe_dir_write(dir, name, text, (size_t)length, note);
	(void)close(dir);
	return err;
}

/* Whether the process that the text names still runs, in this boot, and would be named just so. */
static bool cache_session_lives(const char *text)
{
	char again[CACHE_SESSION_TEXT_MAX];
	struct process opener;
	long pid = 0;

	if (sscanf(text, "%*36s %ld", &pid) != 1 || !process_read((pid_t)pid, &opener))
		return false;
	(void)cache_session_text(&opener, again);
	return strcmp(again, text) == 0;
}

bool cache_session_is_open(const char *cache_dir, uint32_t session)
{
	secret_auto struct secret text = SECRET_EMPTY;
	char name[CACHE_SESSION_NAME_SIZE];
	struct note note = { "" }; /* that there is none is no news */
	int64_t mtime;
	int dir;
	enum otp_err err = session == PROCESS_NO_SESSION ? OTP_ERR_STATE_IO : safe_dir_open(cache_dir, &dir, &note);

	if (err != OTP_OK)
		return false;
	cache_session_name(session, name);
	err = safe_dir_read(dir, name, CACHE_SESSION_TEXT_MAX - 1, &text, &mtime, &note);
	(void)close(dir);
	return err == OTP_OK && strlen(secret_text(&text)) == text.length && cache_session_lives(secret_text(&text));
}

void cache_session_end(const char *cache_dir, uint32_t session)
{
	char name[CACHE_SESSION_NAME_SIZE];
	struct note note = { "" };
	int dir;

	if (session == PROCESS_NO_SESSION || safe_dir_open(cache_dir, &dir, &note) != OTP_OK)
		return;
	cache_session_name(session, name);
	safe_dir_remove(dir, name);
	(void)close(dir);
}
