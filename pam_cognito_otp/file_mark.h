/*
 * file_mark - which file it is, and since when it is as it is: so that what was decided by a file ends when the file is changed.
 *
 * Rule kept here: the mark is taken before the file is read; whoever changes it between the two makes a mark that holds no more, never
 * one that holds too long.
 */
#ifndef OTP_FILE_MARK_H
#define OTP_FILE_MARK_H

enum { FILE_MARK_SIZE = 112 };

/* Device, inode, change time and size, as text without blanks; "-" when there is no file. Equal text: the same file, unchanged. */
struct file_mark {
	char text[FILE_MARK_SIZE];
};

struct file_mark file_mark_of(const char *path);

#endif
