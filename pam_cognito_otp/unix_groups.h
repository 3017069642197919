/*
 * unix_groups - the Unix groups of a local account, primary and supplementary.
 *
 * Rules kept here: a look-up that fails is an error and never "not a member", since a filter such as `!contractors` would open for
 * everybody while the directory is away; there is no limit to the number of groups but the kernel's; a group id without a name counts as
 * its number.
 */
#ifndef OTP_UNIX_GROUPS_H
#define OTP_UNIX_GROUPS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "err.h"

struct unix_groups {
	gid_t *ids; /* the primary one is the first */
	size_t count;
};

/* Those of `user`, whose primary one is `primary`. The caller ends *ret_groups with unix_groups_done. OTP_ERR_SYSTEM, OTP_ERR_MEMORY. */
enum otp_err unix_groups_of(const char *user, gid_t primary, struct unix_groups *ret_groups);

void unix_groups_done(struct unix_groups *groups);

/*
 * Whether the group that the name service finds under `name` is one of them; where it finds none, whether `name` is the number of one that
 * has no name. Errors as above.
 */
enum otp_err unix_groups_has(const struct unix_groups *groups, const char *name, bool *ret_has);

/* Shows the name of each; this costs a look-up for each. The name lives as long as the visit. Errors as above. */
typedef void unix_groups_visitor(void *arg, const char *name);
enum otp_err unix_groups_each_name(const struct unix_groups *groups, unix_groups_visitor *visit, void *arg);

/* Whether a word means a group of this machine at all, see unix_groups_has. Errors as above. */
enum otp_err unix_groups_exists(const char *name, bool *ret_exists);

#endif
