/*
 * user_map - the file that says which Cognito user a local user is.
 *
 * Lines: `local-user kind:value [sub=UUID]`; # comments. Several lines for one local user: that many people share his account. Rules kept here:
 *  - the file is root's (safe_file); the form of every line is checked on every call, so that a mistake shows at once and not to one user only;
 *  - the people of one account differ in their values, whatever the kinds: a value is what they type to say who they are. A value that is there twice is an
 *    error for that account, never a choice;
 *  - one pass over the file, and no more memory than its longest line, however many users there are.
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
	USER_MAP_LINE_MAX = 32 * 1024,	      /* bytes of a line, its newline included */
	USER_MAP_NAME_MAX = 255,	      /* bytes of a local name */
	USER_MAP_PEOPLE_MAX = 64	      /* who share one account */
};

struct user_map_settings {
	const char *path;
	bool required;	      /* the path was set: a missing file is an error; otherwise it is an empty map */
	const char *template; /* for users not in the map: kind:text with %u; "" when there is none */
};

struct user_map_entry {
	bool found;
	bool from_template;
	size_t map_size; /* entries in the file */
	size_t count;	 /* people: 0 unless found, more than 1 for a shared account */
	struct identity people[USER_MAP_PEOPLE_MAX];
};

/* Whether `name` can be a local user here: lower-case letters, digits, _ . - and a $ at the end. */
bool user_map_is_name(const char *name, size_t length);

/*
 * Looks `user` up. found == false: neither in the file nor by template. OTP_ERR_CONFIG_OPEN, _UNSAFE, _DUPLICATE (one of his values is there twice),
 * OTP_ERR_MAP_SYNTAX (also for more than USER_MAP_PEOPLE_MAX people) with a note naming file and line.
 */
enum otp_err user_map_find(const struct user_map_settings *settings, const char *user, struct user_map_entry *ret_entry, struct note *note);

/*
 * Shows each entry of the file; `name` is not NUL-terminated, and gone after the call. The visitor's OTP_ERR_CONFIG_DUPLICATE says that this user has the value already, its
 * OTP_ERR_MAP_SYNTAX that he has too many lines. Errors as above.
 */
typedef enum otp_err user_map_visitor(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity);
enum otp_err user_map_each(const struct user_map_settings *settings, user_map_visitor *visit, void *arg, struct note *note);

#endif
