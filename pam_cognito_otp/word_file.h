/*
 * word_file - a small file of ours that several processes change at once, word by word: counters that nobody can hold.
 *
 * Rules kept here:
 *  - a word is 64 bits and is changed by compare-and-swap only, so that it is whole at every instant, kill -9 included; there is no lock, so a process that
 *    its caller stops holds up nobody;
 *  - the bytes are there before they are needed (the file is written out when it is made): a full disk stops no counter;
 *  - what stands in the place of such a file, or has another size, owner or mode, is set aside with a warning and made anew; it is never followed.
 */
#ifndef OTP_WORD_FILE_H
#define OTP_WORD_FILE_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

typedef _Atomic uint64_t file_word;

struct word_file {
	void *bytes; /* shared with every process that has it open; NULL when there is no file */
	size_t size;
	int fd;
};
#define WORD_FILE_NONE { NULL, 0, -1 }
#define word_file_auto __attribute__((cleanup(word_file_done)))

/*
 * Opens `name`, which must have exactly `size` bytes. OTP_OK with `bytes` NULL when there is none, or when what was there had to be set aside.
 * OTP_ERR_STATE_IO. The caller ends *ret_file with word_file_done.
 */
enum otp_err word_file_open(int dir, const char *name, size_t size, struct word_file *ret_file, struct note *note);

/* Opens it, and makes it of `initial` (`size` bytes) when there is none. OTP_ERR_STATE_IO. */
enum otp_err word_file_open_or_make(int dir, const char *name, const void *initial, size_t size, struct word_file *ret_file, struct note *note);

void word_file_done(struct word_file *file);

#endif
