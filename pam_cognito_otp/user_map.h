/*
 * user_map - the file that says which Cognito user a local user is.
 *
 * Lines: `local-user kind:value [sub=UUID]`; # comments. Rules kept here: the file is root's (safe_file); the form of every line is checked on every call, so that
 * a mistake shows at once and not to one user only; a user who is there twice is an error for him, never a choice.
 */
#ifndef OTP_USER_MAP_H
#define OTP_USER_MAP_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "identity.h"
#include "note.h"

enum {
	USER_MAP_FILE_MAX = 16 * 1024 * 1024, /* bytes; some 200,000 users */
	USER_MAP_NAME_MAX = 255		      /* bytes of a local name */
};

struct user_map_settings {
	const char *path;
	bool required;	      /* the path was set: a missing file is an error; otherwise it is an empty map */
	const char *template; /* for users not in the map: kind:text with %u; "" when there is none */
};

struct user_map_entry {
	bool found;
	bool from_template;
	size_t map_size; /* users in the file */
	struct identity identity;
};

/* Whether `name` can be a local user here: lower-case letters, digits, _ . - and a $ at the end. */
bool user_map_is_name(const char *name, size_t length);

/*
 * Looks `user` up. found == false: neither in the file nor by template. OTP_ERR_CONFIG_OPEN, _UNSAFE, _DUPLICATE, OTP_ERR_MAP_SYNTAX with a
 * note naming file and line.
 */
enum otp_err user_map_find(const struct user_map_settings *settings, const char *user, struct user_map_entry *ret_entry, struct note *note);

/*
 * Shows each entry of the file; `name` is not NUL-terminated. The visitor's OTP_ERR_CONFIG_DUPLICATE says that the user was there before. Errors as above.
 */
typedef enum otp_err user_map_visitor(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity);
enum otp_err user_map_each(const struct user_map_settings *settings, user_map_visitor *visit, void *arg, struct note *note);

#endif
