/* Who may log in with a code: accounts of this machine and invented ones, the lists of names, and users without a mapping. */
#include "safe_place.h"

#include <dlfcn.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include "policy.h"

enum {
	ALICE = 7001,
	BOB = 7002,
	TWIN = 7003,
	GONE = 7004,
	BROKEN = 7005,
	BULKY = 7006,
	CHANGING = 7007,
	ODD = 7008,
	ALIC = 7009,
	ALICEE = 7010
};

enum {
	PRIMARY = 8000, /* of all invented accounts */
	STAFF = 8001,
	CONTRACTORS = 8002,
	NAMELESS = 8003,
	UNREADABLE = 8004,
	HUGE = 8005,
	NUMBERED = 8006,
	MANY = 20000, /* the first of MANY_COUNT */
	MANY_COUNT = 5000
};

static struct options options;
static struct note note;

/* --- an account database that answers like some name services do ----------------------------------------------------------------- */

struct account {
	const char *asked; /* the name that finds it; NULL: found by uid only */
	const char *name;  /* what it says it is called; NULL: not found */
	uid_t uid;
	int failed;   /* what the look-up returns */
	size_t needs; /* bytes of buffer */
};

static struct account accounts[] = {
	{ "alice", "alice", ALICE, 0, 0 },
	{ "Alice", "alice", ALICE, 0, 0 }, /* some ignore case */
	{ "alice@example.com", "alice", ALICE, 0, 0 },
	{ "alic", "alic", ALIC, 0, 0 },
	{ "alicee", "alicee", ALICEE, 0, 0 },
	{ "bob", "bob", BOB, 0, 0 },
	{ NULL, "twin", TWIN, 0, 0 },
	{ "twin", "twin", TWIN, 0, 0 },
	{ "evil-twin", "evil-twin", TWIN, 0, 0 }, /* two names of one uid */
	{ "toor", "toor", 0, 0, 0 },
	{ NULL, NULL, GONE, 0, 0 },
	{ "gone", "gone", GONE, 0, 0 },
	{ NULL, NULL, BROKEN, EIO, 0 },
	{ "broken", "broken", BROKEN, 0, 0 },
	{ "bulky", "bulky", BULKY, 0, 300000 },
	{ "endless", "endless", BULKY, 0, SIZE_MAX },
	{ "no-entry", NULL, 0, ENOENT, 0 },
	{ "no-process", NULL, 0, ESRCH, 0 },
	{ "no-descriptor", NULL, 0, EBADF, 0 },
	{ "no-permission", NULL, 0, EPERM, 0 },
	{ "io", NULL, 0, EIO, 0 },
	{ "busy", NULL, 0, EMFILE, 0 },
	{ "down", NULL, 0, ECONNREFUSED, 0 },
	{ "changing", "changing", CHANGING, 0, 0 },
};

enum { CHANGING_INDEX = CASES(accounts) - 1 };

static int give(const struct account *account, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found)
{
	*ret_found = NULL;
	if (account->name == NULL)
		return account->failed;
	if (size < account->needs || size <= strlen(account->name))
		return ERANGE;
	memset(record, 0, sizeof(*record));
	(void)snprintf(buffer, size, "%s", account->name);
	record->pw_name = buffer;
	record->pw_uid = account->uid;
	record->pw_gid = account->uid == 0 ? 0 : PRIMARY;
	*ret_found = record;
	return 0;
}

/* These two take the place of libc's, which is asked for whatever is not in the table. */
int getpwnam_r(const char *name, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found)
{
	int (*real)(const char *, struct passwd *, char *, size_t, struct passwd **);

	for (size_t i = 0; i < CASES(accounts); i++) {
		if (accounts[i].asked != NULL && strcmp(accounts[i].asked, name) == 0)
			return give(&accounts[i], record, buffer, size, ret_found);
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getpwnam_r");
	return real(name, record, buffer, size, ret_found);
}

int getpwuid_r(uid_t uid, struct passwd *record, char *buffer, size_t size, struct passwd **ret_found)
{
	int (*real)(uid_t, struct passwd *, char *, size_t, struct passwd **);

	for (size_t i = 0; uid != 0 && i < CASES(accounts); i++) {
		if (accounts[i].uid == uid)
			return give(&accounts[i], record, buffer, size, ret_found);
	}
	*(void **)&real = dlsym(RTLD_NEXT, "getpwuid_r");
	return real(uid, record, buffer, size, ret_found);
}

/* --- the groups of these accounts ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *asked; /* NULL: found by number only */
	const char *name;  /* NULL: not found */
	gid_t gid;
	int failed;
	size_t needs;
} groups[] = {
	{ "people", "people", PRIMARY, 0, 0 },
	{ "staff", "staff", STAFF, 0, 0 },
	{ "STAFF", "staff", STAFF, 0, 0 }, /* some ignore case */
	{ "contractors", "contractors", CONTRACTORS, 0, 0 },
	{ NULL, NULL, NAMELESS, 0, 0 },
	{ NULL, NULL, UNREADABLE, EIO, 0 },
	{ "huge", "huge", HUGE, 0, 1000000 }, /* everybody is a member */
	{ "8001", "8001", NUMBERED, 0, 0 },   /* called as another one is numbered */
	{ "no-entry", NULL, 1, ENOENT, 0 },
	{ "down", NULL, 1, ECONNREFUSED, 0 },
	{ "busy", NULL, 1, EMFILE, 0 },
	{ "forbidden", NULL, 1, EPERM, 0 },
};

/* In the order of the accounts; 0 at the end. */
static const struct {
	const char *user;
	gid_t gids[4];
	int failed; /* what errno says after it */
} members[] = {
	{ "alice", { STAFF, CONTRACTORS }, 0 },
	{ "bob", { STAFF }, 0 },
	{ "alicee", { CONTRACTORS, HUGE }, 0 },
	{ "alic", { NAMELESS, NUMBERED }, 0 },
	{ "twin", { UNREADABLE, STAFF }, 0 },
	{ "changing", { STAFF }, EIO },
};

static int give_group(size_t i, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	*ret_found = NULL;
	if (groups[i].name == NULL)
		return groups[i].failed;
	if (size < groups[i].needs || size <= strlen(groups[i].name))
		return ERANGE;
	memset(record, 0, sizeof(*record));
	(void)snprintf(buffer, size, "%s", groups[i].name);
	record->gr_name = buffer;
	record->gr_gid = groups[i].gid;
	*ret_found = record;
	return 0;
}

static int give_many(gid_t gid, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	*ret_found = record;
	(void)snprintf(buffer, size, "many-%u", gid - MANY);
	record->gr_name = buffer;
	record->gr_gid = gid;
	return 0;
}

int getgrnam_r(const char *name, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	for (size_t i = 0; i < CASES(groups); i++) {
		if (groups[i].asked != NULL && strcmp(groups[i].asked, name) == 0)
			return give_group(i, record, buffer, size, ret_found);
	}
	if (strncmp(name, "many-", 5) == 0)
		return give_many(MANY + (gid_t)atoi(name + 5), record, buffer, size, ret_found);
	*ret_found = NULL;
	return 0;
}

int getgrgid_r(gid_t gid, struct group *record, char *buffer, size_t size, struct group **ret_found)
{
	for (size_t i = 0; i < CASES(groups); i++) {
		if (groups[i].gid == gid)
			return give_group(i, record, buffer, size, ret_found);
	}
	if (gid >= MANY && gid < MANY + MANY_COUNT)
		return give_many(gid, record, buffer, size, ret_found);
	*ret_found = NULL;
	return 0;
}

/* As glibc does it: -1 and what is needed when there is no room; a source that fails only makes the list shorter. */
int getgrouplist(const char *user, gid_t primary, gid_t *list, int *count)
{
	int room = *count;
	int needed = 1;
	gid_t all[MANY_COUNT + 1] = { primary };

	for (size_t i = 0; i < CASES(members); i++) {
		for (size_t j = 0; strcmp(members[i].user, user) == 0 && members[i].gids[j] != 0; j++)
			all[needed++] = members[i].gids[j];
		if (strcmp(members[i].user, user) == 0)
			errno = members[i].failed;
	}
	for (gid_t i = 0; strcmp(user, "bulky") == 0 && i < MANY_COUNT; i++)
		all[needed++] = MANY + i;
	memcpy(list, all, (size_t)(needed < room ? needed : room) * sizeof(*list));
	*count = needed;
	return needed > room ? -1 : needed;
}

/* --- settings -------------------------------------------------------------------------------------------------------------------- */

/* The defaults that policy looks at, with a map of `text`; NULL: a default map that is absent. */
static void settings(const char *text)
{
	memset(&options, 0, sizeof(options));
	options.min_uid = 1000;
	options.unmapped = UNMAPPED_DENY;
	options.user_map_named = text != NULL;
	(void)snprintf(options.user_map, sizeof(options.user_map), "%s", safe_place_path("map"));
	(void)unlink(options.user_map);
	if (text != NULL)
		safe_place_text("map", text);
}

static void users(const char *list)
{
	assert_err(list, option_set_words(list, 1, OPTIONS_TEXT_MAX, &options.users, NULL), OTP_OK);
}

static void unix_groups(const char *list)
{
	assert_err(list, option_set_words(list, 1, OPTIONS_TEXT_MAX, &options.groups, NULL), OTP_OK);
}

static enum otp_err judge_as(const char *name, struct policy_user *user)
{
	note.text[0] = '\0';
	(void)policy_look_up(name, user);
	return policy_judge(&options, name, user, &note);
}

static enum otp_err judge(const char *name)
{
	struct policy_user user;

	return judge_as(name, &user);
}

/* --- the account ----------------------------------------------------------------------------------------------------------------- */

static void test_accounts_of_this_machine(void **state)
{
	struct policy_user user;

	(void)state;
	assert_err("root", policy_look_up("root", &user), OTP_OK);
	assert_int_equal(user.looked_up, OTP_OK);
	assert_true(user.known);
	assert_int_equal(user.uid, 0);
	assert_false(user.mapped);
	assert_err("nobody", policy_look_up("nobody", &user), OTP_OK);
	assert_int_equal(user.uid, 65534);
	assert_err("daemon", policy_look_up("daemon", &user), OTP_OK);
	assert_in_range(user.uid, 1, 2);
}

static void test_look_ups(void **state)
{
	static const struct {
		const char *name;
		enum otp_err err;
	} cases[] = {
		{ "alice", OTP_OK },
		{ "bulky", OTP_OK },
		{ "no-such-account-here", OTP_ERR_USER_UNKNOWN },
		{ "", OTP_ERR_USER_UNKNOWN },
		{ "ROOT", OTP_ERR_USER_UNKNOWN },
		{ "root ", OTP_ERR_USER_UNKNOWN },
		{ " root", OTP_ERR_USER_UNKNOWN },
		{ "root\n", OTP_ERR_USER_UNKNOWN },
		{ "0", OTP_ERR_USER_UNKNOWN },
		{ "no-entry", OTP_ERR_USER_UNKNOWN },
		{ "no-process", OTP_ERR_USER_UNKNOWN },
		{ "no-descriptor", OTP_ERR_USER_UNKNOWN },
		{ "no-permission", OTP_ERR_USER_UNKNOWN },
		{ "gone", OTP_ERR_USER_UNKNOWN }, /* not by its uid */
		{ "Alice", OTP_ERR_USER_NAME },
		{ "alice@example.com", OTP_ERR_USER_NAME },
		{ "evil-twin", OTP_ERR_USER_NAME },
		{ "toor", OTP_ERR_USER_NAME },
		{ "io", OTP_ERR_SYSTEM },
		{ "busy", OTP_ERR_SYSTEM },
		{ "down", OTP_ERR_SYSTEM },
		{ "broken", OTP_ERR_SYSTEM }, /* by its uid */
		{ "endless", OTP_ERR_SYSTEM },
		{ "twin", OTP_OK },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct policy_user user;

		memset(&user, 0xa5, sizeof(user));
		assert_err(cases[i].name, policy_look_up(cases[i].name, &user), cases[i].err);
		assert_int_equal(user.looked_up, cases[i].err);
		assert_int_equal(user.known, cases[i].err == OTP_OK);
		assert_false(user.mapped);
	}
}

static void test_who_was_not_found_is_not_judged(void **state)
{
	(void)state;
	safe_place_needed();
	settings("alice email:a@e\n");
	assert_err("unknown", judge("no-such-account-here"), OTP_ERR_USER_UNKNOWN);
	settings("alice email:a@e\nevil-twin email:t@e\ntoor email:t@e\n");
	options.allow_root = true;
	options.min_uid = 1;
	assert_err("an alias", judge("evil-twin"), OTP_ERR_USER_NAME);
	assert_err("an alias of root", judge("toor"), OTP_ERR_USER_NAME);
	assert_err("another spelling", judge("Alice"), OTP_ERR_USER_NAME);
	assert_err("a failing look-up", judge("io"), OTP_ERR_SYSTEM);
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("unknown is not ignored", judge("no-such-account-here"), OTP_ERR_USER_UNKNOWN);
	assert_err("failing is not ignored", judge("io"), OTP_ERR_SYSTEM);
}

/* What is wrong with the map shows for every name alike, or its trouble would tell which names are accounts. */
static void test_a_map_is_read_for_names_without_an_account(void **state)
{
	static const char *const names[] = { "alice", "bob", "no-such-account-here", "evil-twin", "Alice", "root", "", "a name\n" };

	(void)state;
	safe_place_needed();
	settings("Alice email:a@e\n");
	for (size_t i = 0; i < CASES(names); i++)
		assert_err(names[i], judge(names[i]), OTP_ERR_MAP_SYNTAX);
	assert_err("a failing look-up", judge("io"), OTP_ERR_SYSTEM);
	settings("alice email:a@e\n");
	(void)unlink(options.user_map);
	for (size_t i = 0; i < CASES(names); i++)
		assert_err(names[i], judge(names[i]), OTP_ERR_CONFIG_OPEN);
}

static void test_a_name_without_an_account_is_mapped_to_nobody(void **state)
{
	static const char *const names[] = { "no-such-account-here", "evil-twin", "", "a name\n", "x@y", "%u" };
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("no-such-account-here email:n@e\nevil-twin email:t@e\n");
	for (int i = 0; i < 2; i++) {
		for (size_t j = 0; j < CASES(names); j++) {
			enum otp_err err = judge_as(names[j], &user);

			assert_true(err == OTP_ERR_USER_UNKNOWN || err == OTP_ERR_USER_NAME);
			assert_false(user.known);
			assert_false(user.mapped);
			assert_int_equal(user.identity.value[0], 0);
		}
		(void)snprintf(options.user_template, sizeof(options.user_template), "email:%%u@example.com");
	}
}

static void test_still_the_same_at_the_end(void **state)
{
	struct policy_user user;
	struct account *changing = &accounts[CHANGING_INDEX];
	const struct account before = *changing;

	(void)state;
	assert_err("look up", policy_look_up("changing", &user), OTP_OK);
	assert_err("same", policy_confirm("changing", &user), OTP_OK);
	changing->uid = ODD;
	assert_err("another uid", policy_confirm("changing", &user), OTP_ERR_USER_CHANGED);
	*changing = before;
	changing->name = "renamed";
	assert_err("another name", policy_confirm("changing", &user), OTP_ERR_USER_CHANGED);
	changing->name = NULL;
	assert_err("gone", policy_confirm("changing", &user), OTP_ERR_USER_CHANGED);
	changing->failed = EIO;
	assert_err("failing", policy_confirm("changing", &user), OTP_ERR_SYSTEM);
	*changing = before;
	assert_err("somebody else", policy_confirm("alice", &user), OTP_ERR_USER_CHANGED);
	assert_err("root", policy_confirm("root", &user), OTP_ERR_USER_CHANGED);
	assert_err("same again", policy_confirm("changing", &user), OTP_OK);
}

/* --- root and system accounts ---------------------------------------------------------------------------------------------------- */

static void test_root_needs_allow_root_and_a_line(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("root email:root@e\n");
	assert_err("not allowed", judge("root"), OTP_ERR_USER_ROOT);
	options.min_uid = 1;
	assert_err("whatever min_uid", judge("root"), OTP_ERR_USER_ROOT);
	options.min_uid = 1000;
	options.allow_root = true;
	assert_err("allowed", judge_as("root", &user), OTP_OK);
	assert_true(user.mapped);
	assert_string_equal(user.identity.value, "root@e");
	users("alice");
	assert_err("not among users", judge("root"), OTP_ERR_USER_FILTERED);
	settings("alice email:a@e\n");
	options.allow_root = true;
	assert_err("no line", judge("root"), OTP_ERR_USER_UNMAPPED);
}

static void test_root_is_never_ignored(void **state)
{
	(void)state;
	safe_place_needed();
	settings("alice email:a@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("not allowed", judge("root"), OTP_ERR_USER_ROOT);
	options.allow_root = true;
	assert_err("allowed, unmapped", judge("root"), OTP_ERR_USER_UNMAPPED);
}

static void test_allow_root_opens_for_root_only(void **state)
{
	(void)state;
	safe_place_needed();
	settings("daemon email:d@e\n");
	options.allow_root = true;
	assert_err("daemon", judge("daemon"), OTP_ERR_USER_SYSTEM);
}

static void test_min_uid(void **state)
{
	static const struct {
		int64_t min_uid;
		const char *name;
		enum otp_err err;
	} cases[] = {
		{ 1000, "daemon", OTP_ERR_USER_SYSTEM },
		{ 1, "daemon", OTP_OK },
		{ 1000, "nobody", OTP_OK },
		{ 65534, "nobody", OTP_OK },
		{ 65535, "nobody", OTP_ERR_USER_SYSTEM },
		{ 4294967294, "nobody", OTP_ERR_USER_SYSTEM },
		{ ALICE, "alice", OTP_OK },
		{ ALICE + 1, "alice", OTP_ERR_USER_SYSTEM },
	};

	(void)state;
	safe_place_needed();
	settings("daemon email:d@e\nnobody email:n@e\nalice email:a@e\n");
	for (size_t i = 0; i < CASES(cases); i++) {
		options.min_uid = cases[i].min_uid;
		assert_err(cases[i].name, judge(cases[i].name), cases[i].err);
	}
}

/* --- users ----------------------------------------------------------------------------------------------------------------------- */

static void test_lists_of_names(void **state)
{
	static const struct {
		const char *list; /* NULL: none */
		const char *name;
		bool allowed;
	} cases[] = {
		{ NULL, "alice", true },
		{ "alice", "alice", true },
		{ "alice", "bob", false },
		{ "alice", "alic", false },
		{ "alice", "alicee", false },
		{ "Alice", "alice", false },
		{ "bob alice", "alice", true },
		{ "bob, alice", "alice", true },
		{ "*", "alice", true },
		{ "a*", "alice", true },
		{ "*e", "alice", true },
		{ "a*", "nobody", false },
		{ "al?ce", "alice", true },
		{ "al?ice", "alice", false },
		{ "[a-c]lice", "alice", true },
		{ "[b-c]lice", "alice", false },
		{ "[!b]lice", "alice", true },
		{ "alice|bob", "alice", false },
		{ ".*", "alice", false },
		{ "!alice", "alice", false },
		{ "!alice", "bob", true },
		{ "!a*", "alice", false },
		{ "!*", "alice", false },
		{ "!bob !nobody", "alice", true },
		{ "!bob !nobody", "nobody", false },
		{ "* !alice", "alice", false },
		{ "!alice *", "alice", false },
		{ "* !alice", "bob", true },
		{ "alice !alice", "alice", false },
		{ "alice !bob", "alice", true },
		{ "alice !bob", "bob", false },
		{ "alice !bob", "nobody", false }, /* one positive word: nobody else */
		{ "!bob alice", "nobody", false },
		{ "!!alice", "alice", true },
		{ "al\\ice", "alice", false }, /* a backslash is one, as in DOMAIN\name */
		{ "!al\\ice", "alice", true },
		{ "al*\\", "alice", false },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		settings("alice email:a@e\nbob email:b@e\nnobody email:n@e\n");
		if (cases[i].list != NULL)
			users(cases[i].list);
		if (judge(cases[i].name) != (cases[i].allowed ? OTP_OK : OTP_ERR_USER_FILTERED))
			fail_msg("\"%s\" in \"%s\"", cases[i].name, cases[i].list == NULL ? "" : cases[i].list);
	}
}

static void test_whoever_is_not_allowed_is_refused_and_not_ignored(void **state)
{
	(void)state;
	safe_place_needed();
	settings("alice email:a@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	users("alice");
	assert_err("bob", judge("bob"), OTP_ERR_USER_FILTERED);
	assert_err("daemon", judge("daemon"), OTP_ERR_USER_SYSTEM);
}

/* --- groups ---------------------------------------------------------------------------------------------------------------------- */

static const char group_map[] = "alice email:a@e\nbob email:b@e\nalicee email:l@e\nalic email:c@e\ntwin email:t@e\nbulky email:u@e\nchanging email:h@e\n";

static void test_lists_of_groups(void **state)
{
	static const struct {
		const char *list;
		const char *name;
		enum otp_err err;
	} cases[] = {
		{ "staff", "alice", OTP_OK },
		{ "staff", "bob", OTP_OK },
		{ "staff", "alicee", OTP_ERR_USER_FILTERED },
		{ "people", "alicee", OTP_OK }, /* the primary one */
		{ "!people", "alicee", OTP_ERR_USER_FILTERED },
		{ "staf", "bob", OTP_ERR_USER_FILTERED },
		{ "stafff", "bob", OTP_ERR_USER_FILTERED },
		{ "Staff", "bob", OTP_ERR_USER_FILTERED },
		{ "STAFF", "bob", OTP_OK }, /* the name service says that this is the group */
		{ "!STAFF", "bob", OTP_ERR_USER_FILTERED },
		{ "staff !contractors", "alice", OTP_ERR_USER_FILTERED },
		{ "!contractors staff", "alice", OTP_ERR_USER_FILTERED },
		{ "staff !contractors", "bob", OTP_OK },
		{ "!contractors", "bob", OTP_OK },
		{ "!contractors", "alicee", OTP_ERR_USER_FILTERED },
		{ "contractors staff", "alicee", OTP_OK },
		{ "s*", "bob", OTP_OK },
		{ "s*", "alicee", OTP_ERR_USER_FILTERED },
		{ "!c*", "bob", OTP_OK },
		{ "!c*", "alice", OTP_ERR_USER_FILTERED },
		{ "sta?f !c*", "alice", OTP_ERR_USER_FILTERED },
		{ "[st]taff", "bob", OTP_OK },
		{ "*", "alic", OTP_OK },
		{ "nobodys", "bob", OTP_ERR_USER_FILTERED }, /* there is no such group */
		{ "no-entry", "bob", OTP_ERR_USER_FILTERED },
		{ "!nobodys", "bob", OTP_OK },
		{ "8003", "alic", OTP_OK }, /* no name: its number */
		{ "!8003", "alic", OTP_ERR_USER_FILTERED },
		{ "800?", "alic", OTP_OK },
		{ "08003", "alic", OTP_ERR_USER_FILTERED },
		{ "4294975299", "alic", OTP_ERR_USER_FILTERED }, /* the same after an overflow */
		{ "8000", "bob", OTP_ERR_USER_FILTERED },	 /* it has a name */
		{ "8001", "bob", OTP_ERR_USER_FILTERED },	 /* a name, of another group */
		{ "8001", "alic", OTP_OK },
		{ "huge", "alicee", OTP_OK },
		{ "!huge", "alicee", OTP_ERR_USER_FILTERED },
		{ "many-0", "bulky", OTP_OK },
		{ "many-4999", "bulky", OTP_OK },
		{ "many-5000", "bulky", OTP_ERR_USER_FILTERED },
		{ "*-4999", "bulky", OTP_OK },
		{ "* !*-4999", "bulky", OTP_ERR_USER_FILTERED },
		{ "!many-4998", "bulky", OTP_ERR_USER_FILTERED },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		settings(group_map);
		unix_groups(cases[i].list);
		if (judge(cases[i].name) != cases[i].err)
			fail_msg("\"%s\" with groups \"%s\"", cases[i].name, cases[i].list);
		assert_string_equal(note.text, cases[i].err == OTP_OK ? "" : "groups");
	}
}

/* Of a directory that is away nobody knows who is in which group: neither does `!` open nor is "no member" said. */
static void test_groups_that_cannot_be_looked_up(void **state)
{
	static const struct {
		const char *list;
		const char *name;
	} cases[] = {
		{ "down", "bob" },   { "!down", "bob" },	{ "staff !down", "bob" }, { "busy", "bob" },	   { "s*", "twin" }, { "!c*", "twin" },
		{ "8004", "twin" },  { "staff", "changing" },	{ "!down", "root" },	  { "!down", "no-such-account-here" },
		{ "!down", "Alice" }, { "!forbidden", "bob" },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		settings(group_map);
		unix_groups(cases[i].list);
		if (judge(cases[i].name) != OTP_ERR_SYSTEM)
			fail_msg("\"%s\" with groups \"%s\"", cases[i].name, cases[i].list);
		assert_string_equal(note.text, "groups: the user's groups cannot be looked up");
	}
	settings(group_map);
	unix_groups("staff");
	assert_err("no name of the unreadable one is needed", judge("twin"), OTP_OK);
}

static void test_users_and_groups_must_both_let_in(void **state)
{
	(void)state;
	safe_place_needed();
	settings(group_map);
	unix_groups("staff");
	users("alice alicee");
	assert_err("both", judge("alice"), OTP_OK);
	assert_err("not users", judge("bob"), OTP_ERR_USER_FILTERED);
	assert_string_equal(note.text, "users");
	assert_err("not groups", judge("alicee"), OTP_ERR_USER_FILTERED);
	assert_string_equal(note.text, "groups");
	settings("alice email:a@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	unix_groups("contractors");
	assert_err("refused, not ignored", judge("bob"), OTP_ERR_USER_FILTERED);
	assert_err("unknown stays unknown", judge("no-such-account-here"), OTP_ERR_USER_UNKNOWN);
	assert_string_equal(note.text, "");
}

/* --- the mapping ----------------------------------------------------------------------------------------------------------------- */

static void test_mapped_users(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\nnobody username:n\n");
	assert_err("alice", judge_as("alice", &user), OTP_OK);
	assert_true(user.mapped);
	assert_int_equal(user.identity.kind, IDENTITY_EMAIL);
	assert_string_equal(user.identity.value, "a@e");
	assert_err("nobody", judge_as("nobody", &user), OTP_OK);
	assert_int_equal(user.identity.kind, IDENTITY_USERNAME);
	assert_err("bob", judge_as("bob", &user), OTP_ERR_USER_UNMAPPED);
	assert_false(user.mapped);
	(void)snprintf(options.user_template, sizeof(options.user_template), "email:%%u@example.com");
	assert_err("bob by template", judge_as("bob", &user), OTP_OK);
	assert_string_equal(user.identity.value, "bob@example.com");
}

static void test_unmapped_users_may_be_ignored(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("bob", judge_as("bob", &user), OTP_IGNORED);
	assert_false(user.mapped);
	assert_err("alice", judge("alice"), OTP_OK);
	options.unmapped = UNMAPPED_DENY;
	assert_err("bob", judge("bob"), OTP_ERR_USER_UNMAPPED);
}

/* Whoever empties the map must not have switched the second factor off. */
static void test_nobody_is_ignored_by_a_map_that_is_empty_or_gone(void **state)
{
	(void)state;
	safe_place_needed();
	settings("");
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("empty", judge("bob"), OTP_ERR_USER_UNMAPPED);
	settings("# alice email:a@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("comments", judge("bob"), OTP_ERR_USER_UNMAPPED);
	settings(NULL);
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("gone", judge("bob"), OTP_ERR_USER_UNMAPPED);
	options.user_map_named = true;
	assert_err("gone, named", judge("bob"), OTP_ERR_CONFIG_OPEN);
}

static void test_a_mistake_in_the_map_shows_to_everybody(void **state)
{
	static const char *const names[] = { "alice", "bob", "root", "daemon", "nobody" };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(names); i++) {
		settings("alice email:a@e\nbob\n");
		options.unmapped = UNMAPPED_IGNORE;
		users("alice");
		assert_err(names[i], judge(names[i]), OTP_ERR_MAP_SYNTAX);
		assert_non_null(strstr(note.text, "map:2: "));
		assert_int_equal(chmod(options.user_map, 0666), 0);
		assert_err(names[i], judge(names[i]), OTP_ERR_CONFIG_UNSAFE);
	}
	settings("alice email:a@e\nalice email:a@e\n");
	assert_err("twice", judge("alice"), OTP_ERR_CONFIG_DUPLICATE);
}

/* Nobody is mapped by being one of several, until he says which. */
static void test_a_shared_account_is_mapped_once_somebody_is_chosen(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\nalice username:A@e\nbob email:b@e\n");
	assert_err("shared", judge_as("alice", &user), OTP_OK);
	assert_true(user.shared);
	assert_false(user.mapped);
	assert_int_equal(user.people_count, 2);
	assert_string_equal(user.identity.value, "");
	assert_true(policy_choose(&user, "A@e"));
	assert_true(user.mapped);
	assert_true(user.shared);
	assert_int_equal(user.identity.kind, IDENTITY_USERNAME);
	assert_string_equal(user.identity.value, "A@e");
	assert_true(policy_choose(&user, "a@e"));
	assert_int_equal(user.identity.kind, IDENTITY_EMAIL);
}

static void test_nobody_is_chosen_by_anything_but_his_value(void **state)
{
	static const char *const values[] = { "",     "a",	     "b@e",	  "a@",	   "a@ee",     " a@e", "a@e ", "email:a@e",
					      "A@E", "alice", "username:A@e", "%", "\xd0\xb0@e", "a@e\n" };
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\nalice username:A@e\nbob email:b@e\n");
	assert_err("shared", judge_as("alice", &user), OTP_OK);
	for (size_t i = 0; i < CASES(values); i++) {
		if (policy_choose(&user, values[i]))
			fail_msg("\"%s\"", values[i]);
		assert_false(user.mapped);
	}
	assert_true(policy_choose(&user, "a@e"));
	assert_false(policy_choose(&user, "b@e"));
	assert_string_equal(user.identity.value, "a@e");
}

static void test_who_has_an_account_alone_is_not_chosen(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\nbob email:b@e\n");
	assert_err("mapped", judge_as("alice", &user), OTP_OK);
	assert_false(user.shared);
	assert_int_equal(user.people_count, 1);
	assert_false(policy_choose(&user, "b@e"));
	assert_false(policy_choose(&user, "a@e"));
	assert_string_equal(user.identity.value, "a@e");
	(void)policy_look_up("alice", &user);
	assert_false(policy_choose(&user, ""));
	assert_false(user.mapped);
}

static void test_the_rules_count_for_a_shared_account(void **state)
{
	struct policy_user user;

	(void)state;
	safe_place_needed();
	settings("alice email:a@e\nalice email:b@e\nroot email:a@e\nroot email:b@e\ndaemon email:a@e\ndaemon email:b@e\n");
	assert_err("root", judge("root"), OTP_ERR_USER_ROOT);
	assert_err("system", judge("daemon"), OTP_ERR_USER_SYSTEM);
	users("!alice");
	assert_err("filtered", judge_as("alice", &user), OTP_ERR_USER_FILTERED);
	assert_true(user.shared);
	settings("alice email:a@e\nalice email:b@e\n");
	options.unmapped = UNMAPPED_IGNORE;
	assert_err("shared is not unmapped", judge("alice"), OTP_OK);
	assert_err("and counts as an entry", judge("bob"), OTP_IGNORED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_accounts_of_this_machine),
		cmocka_unit_test(test_look_ups),
		cmocka_unit_test(test_who_was_not_found_is_not_judged),
		cmocka_unit_test(test_a_map_is_read_for_names_without_an_account),
		cmocka_unit_test(test_a_name_without_an_account_is_mapped_to_nobody),
		cmocka_unit_test(test_still_the_same_at_the_end),
		cmocka_unit_test(test_root_needs_allow_root_and_a_line),
		cmocka_unit_test(test_root_is_never_ignored),
		cmocka_unit_test(test_allow_root_opens_for_root_only),
		cmocka_unit_test(test_min_uid),
		cmocka_unit_test(test_lists_of_names),
		cmocka_unit_test(test_whoever_is_not_allowed_is_refused_and_not_ignored),
		cmocka_unit_test(test_lists_of_groups),
		cmocka_unit_test(test_groups_that_cannot_be_looked_up),
		cmocka_unit_test(test_users_and_groups_must_both_let_in),
		cmocka_unit_test(test_mapped_users),
		cmocka_unit_test(test_unmapped_users_may_be_ignored),
		cmocka_unit_test(test_nobody_is_ignored_by_a_map_that_is_empty_or_gone),
		cmocka_unit_test(test_a_mistake_in_the_map_shows_to_everybody),
		cmocka_unit_test(test_a_shared_account_is_mapped_once_somebody_is_chosen),
		cmocka_unit_test(test_nobody_is_chosen_by_anything_but_his_value),
		cmocka_unit_test(test_who_has_an_account_alone_is_not_chosen),
		cmocka_unit_test(test_the_rules_count_for_a_shared_account),
	};

	return cmocka_run_group_tests_name("policy", tests, safe_place_setup, safe_place_teardown);
}
