/* file_mark - see file_mark.h. */
#include "file_mark.h"

#include <stdio.h>
#include <sys/stat.h>

struct file_mark file_mark_of(const char *path)
{
	struct file_mark mark = { "-" };
	struct stat st;

	if (lstat(path, &st) == 0)
		(void)snprintf(mark.text, sizeof(mark.text), "%llu:%llu:%lld.%09ld:%lld", (unsigned long long)st.st_dev,
			       (unsigned long long)st.st_ino, (long long)st.st_ctim.tv_sec, st.st_ctim.tv_nsec, (long long)st.st_size);
	return mark;
}
