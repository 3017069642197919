/* trust - see trust.h. */
#include "trust.h"

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define TRUST_HASHED_DIR "/etc/ssl/certs"

enum { TRUST_HASHES_MIN = 10 /* fewer links are somebody's private authorities, not the system's store */ };

static bool trust_hashed_dir(void)
{
	DIR *dir = opendir(TRUST_HASHED_DIR);
	const struct dirent *entry;
	int hashes = 0;

	if (dir == NULL)
		return false;
	while (hashes < TRUST_HASHES_MIN && (entry = readdir(dir)) != NULL) {
		if (strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0) /* 8 hex digits, as c_rehash makes them */
			hashes++;
	}
	(void)closedir(dir);
	return hashes == TRUST_HASHES_MIN;
}

static const char *trust_bundle(void)
{
	static const char *const bundles[] = { "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
					       "/etc/ssl/certs/ca-certificates.crt", NULL };

	for (size_t i = 0; bundles[i] != NULL; i++) {
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	}
	return "/nonexistent"; /* no trust store: no certificate can hold */
}

/* Debian's bundle costs eight times the rest of a login to parse; the hashed directory costs nothing, so it comes first. */
struct trust trust_find(const char *ca_file)
{
	if (ca_file[0] != '\0')
		return (struct trust){ ca_file, NULL };
	if (trust_hashed_dir())
		return (struct trust){ NULL, TRUST_HASHED_DIR };
	return (struct trust){ trust_bundle(), NULL };
}
