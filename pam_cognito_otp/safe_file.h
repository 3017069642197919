/*
 * safe_file - files that decide who gets in, read and written so that nobody but root can have a hand in it.
 *
 * Rules kept here:
 *  - a path is absolute and is walked from / by descriptors; no symbolic link is followed anywhere (CVE-2025-6020, CVE-2019-12209);
 *  - every directory on the way, and the file, belongs to root and can be written by nobody else; it is the opened descriptor that is asked;
 *  - a FIFO or device cannot make us wait (CVE-2024-22365): opened O_NONBLOCK, refused unless a regular file;
 *  - a file is replaced by rename, so that it is whole at every instant; whatever umask and gid the caller came with, ours are 0600 and 0700;
 *  - which rule was broken is said in the note.
 *
 * "root" is the effective user: a process that is not root (the unit tests) trusts itself and root.
 */
#ifndef OTP_SAFE_FILE_H
#define OTP_SAFE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <sys/types.h>

#include "err.h"
#include "note.h"
#include "secret.h"

enum safe_file_kind {
	SAFE_FILE_PUBLIC, /* others may read */
	SAFE_FILE_SECRET  /* group and others have no access at all */
};

/*
 * Reads a whole file of at most `max` bytes. OTP_ERR_CONFIG_OPEN (also when it is too large; note says what), OTP_ERR_CONFIG_UNSAFE,
 * OTP_ERR_MEMORY.
 */
enum otp_err safe_file_read(const char *path, enum safe_file_kind kind, size_t max, struct secret *ret_bytes, struct note *note);

/* Opens it for reading instead; the caller closes *ret_fd, and bounds what he reads. */
enum otp_err safe_file_open(const char *path, enum safe_file_kind kind, int *ret_fd, struct note *note);

/* The same checks without reading, for files that a library opens by itself. */
enum otp_err safe_file_check(const char *path, enum safe_file_kind kind, struct note *note);

/*
 * Opens a state directory, making it (0700) when it is absent. The caller closes *ret_dir. OTP_ERR_STATE_UNSAFE, OTP_ERR_STATE_IO.
 */
enum otp_err safe_dir_open(const char *path, int *ret_dir, struct note *note);

/* Reads a file of ours in a state directory: regular, ours, 0600, one link. *ret_mtime: seconds since 1970. OTP_ERR_STATE_UNSAFE, _IO, OTP_ERR_MEMORY. */
enum otp_err safe_dir_read(int dir, const char *name, size_t max, struct secret *ret_bytes, int64_t *ret_mtime, struct note *note);

/* The same without reading: what is opened can be read piece by piece. The caller closes *ret_fd. */
enum otp_err safe_dir_open_to_read(int dir, const char *name, int *ret_fd, struct note *note);

/* Replaces it with new contents; the old ones stay until the new ones are whole. OTP_ERR_STATE_IO. */
enum otp_err safe_dir_write(int dir, const char *name, const void *bytes, size_t length, struct note *note);

/* The same where there is none yet; OTP_OK as well when another process was first, whose file then stays as it is. */
enum otp_err safe_dir_create(int dir, const char *name, const void *bytes, size_t length, struct note *note);

/*
 * Opens a file of ours for reading and writing in place: as for safe_dir_read, and of exactly `size` bytes. The caller closes *ret_fd, which is -1 when there
 * is none; what else stands in its place is set aside with a warning, and there is none then. OTP_ERR_STATE_IO.
 */
enum otp_err safe_dir_open_file(int dir, const char *name, off_t size, int *ret_fd, struct note *note);

/*
 * Takes away the very file that was judged (its device and inode), whatever it is; nothing is followed. Another that has come into its place stays: two
 * processes that meet a bad file must not take away what the first of them has made anew.
 */
void safe_dir_set_aside(int dir, const char *name, const struct stat *judged);

/* Takes away whatever has that name now. */
void safe_dir_remove(int dir, const char *name);

#endif
