/*
 * map_find - what one look at a user map costs, beside a program that reads the same lines and does nothing with them.
 *
 * map_find find|lines FILE USER RUNS: prints {"ns": [...], "kib": N}; nanoseconds of processor time of each run, and by how much the peak of the process's memory grew.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "user_map.h"

static int64_t spent_ns(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static long peak_kib(void)
{
	struct rusage usage;

	(void)getrusage(RUSAGE_SELF, &usage);
	return usage.ru_maxrss;
}

static bool find(const char *path, const char *user)
{
	struct user_map_settings settings = { path, true, "" };
	static struct user_map_entry entry;
	struct note note = { "" };

	if (user_map_find(&settings, user, &entry, &note) == OTP_OK && entry.found)
		return true;
	fprintf(stderr, "map_find: %s: %s\n", user, note.text);
	return false;
}

static bool lines(const char *path)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;
	size_t count = 0;

	if (file == NULL)
		return false;
	while (getline(&line, &size, file) > 0)
		count++;
	free(line);
	(void)fclose(file);
	return count > 0;
}

int main(int argc, char **argv)
{
	bool reads = argc == 5 && strcmp(argv[1], "lines") == 0;
	long before;

	if (argc != 5 || !(reads ? lines("/proc/self/status") : find("/etc/security/map_find.one", "one")))
		return EXIT_FAILURE; /* what the first call needs of libc is not counted */
	before = peak_kib();
	printf("{\"ns\": [");
	for (long i = 0; i < atol(argv[4]); i++) {
		int64_t begun = spent_ns();

		if (!(reads ? lines(argv[2]) : find(argv[2], argv[3])))
			return EXIT_FAILURE;
		printf("%s%" PRId64, i == 0 ? "" : ", ", spent_ns() - begun);
	}
	printf("], \"kib\": %ld}\n", peak_kib() - before);
	return EXIT_SUCCESS;
}
