/*
 * option_services - lists of words of which each counts for one PAM service.
 *
 * Rule kept here: a service is called as PAM calls it, in lower case: libpam changes the letters of whatever a program asks for
 * (pam_set_item in libpam/pam_item.c), so that a name with a capital would never be met.
 */
#ifndef OTP_OPTION_SERVICES_H
#define OTP_OPTION_SERVICES_H

#include <stdbool.h>
#include <stddef.h>

#include "option_values.h"

enum {
	OPTIONS_SERVICES_MAX = 16,
	OPTIONS_SERVICE_NAME_MAX = 64 /* bytes */
};

struct option_service {
	char name[OPTIONS_SERVICE_NAME_MAX + 1];
	struct option_words words;
};

/* Not copyable, as its lists are not. */
struct option_services {
	struct option_service entries[OPTIONS_SERVICES_MAX];
	size_t count;
};

/* 1 to 64 of a-z, 0-9, `.`, `_` and `-`. */
bool option_services_is_name(const char *name, size_t length);

/* The entry of that name, made if it is missing; NULL: there is no room. Borrowed. */
struct option_service *option_services_entry(struct option_services *services, const char *name, size_t length);

/* The list of that service; NULL: it has none. Borrowed. */
const struct option_words *option_services_find(const struct option_services *services, const char *name);

#endif
