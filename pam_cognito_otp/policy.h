/*
 * policy - whether a local user may log in with a code at all, and who he is at the service.
 *
 * Rules kept here: only local, root-owned sources decide; the name is byte for byte the one of the account database, for the name and for its uid (two
 * names of one uid are two people in the log and one on the disk); a failing look-up is never "no such user".
 */
#ifndef OTP_POLICY_H
#define OTP_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "err.h"
#include "file_mark.h"
#include "identity.h"
#include "note.h"
#include "options.h"
#include "user_map.h"

enum { POLICY_PEOPLE_MAX = USER_MAP_PEOPLE_MAX };

struct policy_user {
	enum otp_err looked_up; /* what policy_look_up returned */
	bool known;		/* an account of that name exists; uid and gid are set */
	uid_t uid;
	gid_t gid; /* his primary group */
	bool mapped; /* identity is set */
	bool from_template;
	bool map_read; /* so that mapped and shared are known to be what they are */
	bool shared; /* several people have this account: identity is not set until it is known which of them this is */
	struct file_mark map_mark; /* of the map's file, from before it was read */
	struct identity identity;
	size_t people_count; /* whose account it is at the service: 0 when it is not mapped, more than 1 when it is shared */
	struct identity people[POLICY_PEOPLE_MAX];
};

/* Finds the account: OTP_OK, OTP_ERR_USER_UNKNOWN, OTP_ERR_USER_NAME, OTP_ERR_SYSTEM, OTP_ERR_MEMORY. Needs no settings. */
enum otp_err policy_look_up(const char *user, struct policy_user *ret_user);

/*
 * Judges a user who was looked up. OTP_OK: allowed, and mapped or shared. OTP_IGNORED: `unmapped = ignore` lets him pass by. OTP_ERR_USER_*: refused.
 * OTP_ERR_CONFIG_*, OTP_ERR_MAP_SYNTAX, OTP_ERR_SYSTEM: nobody can be judged; the note says why. With OTP_ERR_USER_FILTERED it says by
 * which setting.
 */
enum otp_err policy_judge(const struct options *options, const char *name, struct policy_user *user, struct note *note);

/*
 * Of the people who share an account, the one whose value is `value`, byte for byte: he is who is meant from now on (mapped, identity). False, and nothing
 * changes, when there is none, or when the account is not shared.
 */
bool policy_choose(struct policy_user *user, const char *value);

/* Whether the account still is what it was: asked again at the end. OTP_ERR_USER_CHANGED, OTP_ERR_SYSTEM. */
enum otp_err policy_confirm(const char *user, const struct policy_user *judged);

#endif
