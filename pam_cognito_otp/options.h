/*
 * options - the settings: one table that drives file, arguments, defaults and the check of the manual.
 *
 * Rules kept here:
 *  - a setting that does nothing does not exist: an unknown key, a value out of range, a duplicate, a missing file is an error that names file, line and
 *    key, and nobody is let in by it;
 *  - file and arguments go through the same setter; an argument of the same name overrides the file;
 *  - the file must be root's (safe_file); there is no key that weakens a check of TLS or of tokens;
 *  - after options_load everything is valid together: rooms need not ask again.
 */
#ifndef OTP_OPTIONS_H
#define OTP_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"
#include "file_mark.h"
#include "note.h"
#include "option_services.h"
#include "option_values.h"

enum { OPTIONS_FILE_MAX = 64 * 1024 }; /* bytes */

/* Times are in seconds. Empty text: not set. Not copyable: the lists point into themselves. */
struct options {
	char user_pool_id[56];
	char client_id[129];
	char client_secret_file[OPTIONS_TEXT_MAX + 1];
	char endpoint[OPTIONS_TEXT_MAX + 1]; /* https://host[:port], no slash at the end; always set */
	bool fips;
	bool dualstack;
	struct option_words issuer; /* at least one */
	char jwks_url[OPTIONS_TEXT_MAX + 1];
	char jwks_file[OPTIONS_TEXT_MAX + 1];
	int64_t jwks_max_age;
	char ca_file[OPTIONS_TEXT_MAX + 1];
	char proxy[OPTIONS_TEXT_MAX + 1]; /* http://host[:port] or https://host[:port] */
	char proxy_credentials_file[OPTIONS_TEXT_MAX + 1];
	char user_map[OPTIONS_TEXT_MAX + 1];
	bool user_map_named; /* a missing file is an error */
	char user_template[OPTIONS_TEXT_MAX + 1];
	enum option_unmapped unmapped;
	struct option_words users;
	struct option_words groups; /* of this machine */
	int64_t min_uid;
	bool allow_root;
	struct option_words require_group; /* of the pool */
	struct option_services require_group_service;
	bool pin_sub;
	bool check_user; /* set by create_user, too */
	struct option_words check_services; /* none: all */
	bool create_user;
	char aws_credentials_file[OPTIONS_TEXT_MAX + 1]; /* with check_user either this or aws_imds */
	char aws_profile[65];
	bool aws_imds;
	enum option_challenge challenge;
	enum option_confirm confirm;
	int64_t max_tries;
	int64_t challenge_ttl;
	int64_t resend_after;
	char messages_file[OPTIONS_TEXT_MAX + 1];
	struct budget_limit mail_budget; /* of one account, for callers who have proved something; and of one local uid */
	struct budget_limit mail_budget_unproved;
	struct budget_limit mail_budget_host;
	bool cache;
	int64_t cache_ttl; /* over an hour only with cache_check online */
	struct option_words cache_services;
	enum option_cache_check cache_check;
	char cache_dir[OPTIONS_TEXT_MAX + 1];
	bool session_tokens;
	int64_t deadline;
	int64_t connect_timeout;
	int64_t clock_skew;
	bool debug;
	struct file_mark mark; /* of the file, from before it was read */
};

/*
 * Loads defaults, then the file (config=PATH among the arguments, or the default path, which must exist), then the arguments over it, and checks
 * that they fit together. OTP_ERR_CONFIG_* with a note; *options is not to be used then.
 */
enum otp_err options_load(struct options *options, const char *const *arguments, size_t argument_count, struct note *note);

/* The table, for whoever documents or shows it: NULL beyond its end. *ret_default is "" when there is none. */
const char *options_key(size_t index, const char **ret_default);

/*
 * The list of the pool's groups of which one is needed where PAM's service is `service`: its own, or else the general one, which may be
 * empty. Borrowed.
 */
const struct option_words *options_required_groups(const struct options *options, const char *service);

/*
 * Shows each setting in the table's order, with the value that is in force; "" when it has none. What is set for single services is shown
 * for each of them. OTP_ERR_MEMORY.
 */
typedef void options_visitor(void *arg, const char *key, const char *value);
enum otp_err options_each(const struct options *options, options_visitor *visit, void *arg);

/* The file that is read where none is named. */
const char *options_default_file(void);

#endif
