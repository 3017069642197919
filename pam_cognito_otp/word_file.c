/* word_file - see word_file.h. */
#include "word_file.h"

#include <sys/mman.h>
#include <unistd.h>

#include "safe_file.h"

_Static_assert(sizeof(file_word) == 8, "a word is 64 bits wide");

enum otp_err word_file_open(int dir, const char *name, size_t size, struct word_file *ret_file, struct note *note)
{
	int fd = -1;
	enum otp_err err = safe_dir_open_file(dir, name, (off_t)size, &fd, note);

	*ret_file = (struct word_file)WORD_FILE_NONE;
	if (err != OTP_OK || fd < 0)
		return err;
	ret_file->bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (ret_file->bytes == MAP_FAILED) {
		ret_file->bytes = NULL;
		(void)close(fd);
		note_set(note, "%s: cannot be mapped", name);
		return OTP_ERR_STATE_IO;
	}
	ret_file->size = size;
	ret_file->fd = fd;
	return OTP_OK;
}

enum otp_err word_file_open_or_make(int dir, const char *name, const void *initial, size_t size, struct word_file *ret_file, struct note *note)
{
	enum otp_err err = word_file_open(dir, name, size, ret_file, note);

	if (err != OTP_OK || ret_file->bytes != NULL)
		return err;
	err = safe_dir_create(dir, name, initial, size, note);
	if (err == OTP_OK)
		err = word_file_open(dir, name, size, ret_file, note);
	if (err == OTP_OK && ret_file->bytes == NULL) {
		note_set(note, "%s: taken away while it was being made", name);
		err = OTP_ERR_STATE_IO;
	}
	return err;
}

void word_file_done(struct word_file *file)
{
	if (file->bytes != NULL)
		(void)munmap(file->bytes, file->size);
	if (file->fd >= 0)
		(void)close(file->fd);
	*file = (struct word_file)WORD_FILE_NONE;
}
