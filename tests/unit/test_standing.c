/*
 * Who is let through by what the pool says of him, who is created, and what is remembered. The pool, the pins and the time are the test's
 * own (linked with --wrap=cognito_admin_get_user and the like).
 */
#include "safe_place.h"

#include "clock.h"
#include "run_dir.h"
#include "standing.h"

#include "pins.h"

#define SUB "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
#define OTHER_SUB "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"
#define EMAIL "alice@example.com"

static struct cognito_user confirmed(void)
{
	struct cognito_user user = { "alice", SUB, true, COGNITO_STATUS_CONFIRMED, EMAIL, true, "+12065550199", true };

	return user;
}

/* The pool and the file of pins. */
static struct {
	int asked;
	int created;
	int pinned;
	enum otp_err answers[2]; /* of AdminGetUser */
	enum otp_err creation;
	struct cognito_user user;
	char pin[IDENTITY_SUB_SIZE + 1];
	enum otp_err find;
	enum otp_err add;
	enum pin_origin origin;
	int found; /* looks into the file of pins */
} world;

static int64_t boot_ms;

enum otp_err __wrap_cognito_admin_get_user(struct cognito_admin *admin, const char *user_name, struct cognito_user *ret_user);
enum otp_err __wrap_cognito_admin_get_user(struct cognito_admin *admin, const char *user_name, struct cognito_user *ret_user)
{
	enum otp_err err = world.answers[world.asked > 0];

	(void)admin, (void)user_name;
	world.asked++;
	if (err == OTP_OK)
		*ret_user = world.user;
	return err;
}

enum otp_err __wrap_cognito_admin_create_user(struct cognito_admin *admin, const char *email, struct cognito_user *ret_user);
enum otp_err __wrap_cognito_admin_create_user(struct cognito_admin *admin, const char *email, struct cognito_user *ret_user)
{
	(void)admin;
	assert_string_equal(email, EMAIL);
	world.created++;
	if (world.creation == OTP_OK)
		*ret_user = world.user;
	return world.creation;
}

enum otp_err __wrap_pins_find(const struct pins_key *key, char ret_sub[IDENTITY_SUB_SIZE + 1], struct note *note);
enum otp_err __wrap_pins_find(const struct pins_key *key, char ret_sub[IDENTITY_SUB_SIZE + 1], struct note *note)
{
	(void)note;
	assert_string_equal(key->user, "alice");
	world.found++;
	if (world.find == OTP_OK)
		memcpy(ret_sub, world.pin, sizeof(world.pin));
	return world.find;
}

enum otp_err __wrap_pins_add(const struct pins_key *key, const char *sub, enum pin_origin origin, struct note *note);
enum otp_err __wrap_pins_add(const struct pins_key *key, const char *sub, enum pin_origin origin, struct note *note)
{
	(void)key, (void)note;
	world.pinned++;
	world.origin = origin;
	if (world.add == OTP_OK)
		memcpy(world.pin, sub, sizeof(world.pin));
	return world.add;
}

int64_t __wrap_clock_boot_ms(void);
int64_t __wrap_clock_boot_ms(void)
{
	return boot_ms;
}

static struct options options;
static struct policy_user judged;
static struct service service;
static struct note note;
static struct standing standing = { &options, "alice", "sshd", &judged, &service, -1, &note };

static void begin(void)
{
	memset(&options, 0, sizeof(options));
	memset(&world, 0, sizeof(world));
	memset(&judged, 0, sizeof(judged));
	memset(&service, 0, sizeof(service));
	note.text[0] = '\0';
	options.check_user = true;
	(void)snprintf(options.user_pool_id, sizeof(options.user_pool_id), "eu-west-1_Ab129faBb");
	judged.known = true;
	judged.uid = 7001;
	judged.mapped = true;
	judged.identity.kind = IDENTITY_EMAIL;
	(void)snprintf(judged.identity.value, sizeof(judged.identity.value), EMAIL);
	world.user = confirmed();
	boot_ms = 1000000;
	standing.dir = -1;
	standing.user = "alice";
}

static int setup(void **state)
{
	(void)state;
	begin();
	return 0;
}

static void name_services(const char *first, const char *second)
{
	options.check_services.words[0] = first;
	options.check_services.words[1] = second;
	options.check_services.count = second == NULL ? 1 : 2;
}

static void test_services_that_are_checked(void **state)
{
	(void)state;
	assert_true(standing_wanted(&options, "sshd"));
	assert_true(standing_wanted(&options, ""));
	name_services("sudo", "sshd");
	assert_true(standing_wanted(&options, "sshd"));
	assert_true(standing_wanted(&options, "sudo"));
	assert_false(standing_wanted(&options, "sudo-i"));
	assert_false(standing_wanted(&options, "SSHD"));
	assert_false(standing_wanted(&options, ""));
	options.check_user = false;
	assert_false(standing_wanted(&options, "sshd"));
}

static void test_the_state_of_the_user(void **state)
{
	static const struct {
		const char *name;
		bool enabled;
		enum cognito_status status;
		enum otp_err wanted;
	} cases[] = {
		{ "confirmed", true, COGNITO_STATUS_CONFIRMED, OTP_OK },
		{ "disabled", false, COGNITO_STATUS_CONFIRMED, OTP_ERR_ACCOUNT_DISABLED },
		{ "disabled and external", false, COGNITO_STATUS_EXTERNAL_PROVIDER, OTP_ERR_ACCOUNT_DISABLED },
		{ "unconfirmed", true, COGNITO_STATUS_UNCONFIRMED, OTP_ERR_ACCOUNT_NOT_CONFIRMED },
		{ "external", true, COGNITO_STATUS_EXTERNAL_PROVIDER, OTP_ERR_ACCOUNT_EXTERNAL },
		{ "reset", true, COGNITO_STATUS_RESET_REQUIRED, OTP_ERR_ACCOUNT_RESET },
		{ "temporary password", true, COGNITO_STATUS_FORCE_CHANGE_PASSWORD, OTP_ERR_ACCOUNT_FORCE_CHANGE },
		{ "another", true, COGNITO_STATUS_OTHER, OTP_ERR_ACCOUNT_STATUS },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		begin();
		world.user.enabled = cases[i].enabled;
		world.user.status = cases[i].status;
		assert_err(cases[i].name, standing_check(&standing, true), cases[i].wanted);
		assert_int_equal(world.found, 0); /* without pin_sub and create_user there is no file of pins */
	}
}

static void test_whose_user_it_is(void **state)
{
	static const struct {
		const char *name;
		enum identity_kind kind;
		const char *value;
		bool verified;
		enum otp_err wanted;
	} cases[] = {
		{ "email", IDENTITY_EMAIL, EMAIL, true, OTP_OK },
		{ "email in another case", IDENTITY_EMAIL, "Alice@example.com", true, OTP_ERR_IDENTITY_EMAIL },
		{ "email, longer", IDENTITY_EMAIL, EMAIL "x", true, OTP_ERR_IDENTITY_EMAIL },
		{ "email, the user name", IDENTITY_EMAIL, "alice", true, OTP_ERR_IDENTITY_EMAIL },
		{ "email, not verified", IDENTITY_EMAIL, EMAIL, false, OTP_ERR_IDENTITY_UNVERIFIED },
		{ "phone", IDENTITY_PHONE, "+12065550199", true, OTP_OK },
		{ "phone, another", IDENTITY_PHONE, "+12065550198", true, OTP_ERR_IDENTITY_PHONE },
		{ "phone, not verified", IDENTITY_PHONE, "+12065550199", false, OTP_ERR_IDENTITY_UNVERIFIED },
		{ "user name", IDENTITY_USERNAME, "alice", false, OTP_OK },
		{ "user name, another case", IDENTITY_USERNAME, "Alice", true, OTP_ERR_IDENTITY_USERNAME },
		{ "user name, the email", IDENTITY_USERNAME, EMAIL, true, OTP_ERR_IDENTITY_USERNAME },
		{ "user name, the sub", IDENTITY_USERNAME, SUB, true, OTP_ERR_IDENTITY_USERNAME },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		begin();
		judged.identity.kind = cases[i].kind;
		(void)snprintf(judged.identity.value, sizeof(judged.identity.value), "%s", cases[i].value);
		world.user.email_verified = cases[i].verified;
		world.user.phone_number_verified = cases[i].verified;
		assert_err(cases[i].name, standing_check(&standing, true), cases[i].wanted);
	}
}

static void test_subs(void **state)
{
	static const struct {
		const char *name;
		const char *sub;
		const char *in_map;
		const char *pin;
		bool pin_sub;
		enum otp_err wanted;
	} cases[] = {
		{ "nothing pinned", SUB, "", "", true, OTP_OK },
		{ "the pinned one", SUB, "", SUB, true, OTP_OK },
		{ "another one", SUB, "", OTHER_SUB, true, OTP_ERR_IDENTITY_SUB },
		{ "another one, without pin_sub", SUB, "", OTHER_SUB, false, OTP_OK },
		{ "that of the map", SUB, SUB, "", false, OTP_OK },
		{ "not that of the map", SUB, OTHER_SUB, "", false, OTP_ERR_IDENTITY_SUB },
		{ "that of the map, not of the file", SUB, SUB, OTHER_SUB, true, OTP_ERR_IDENTITY_SUB },
		{ "that of the file, not of the map", SUB, OTHER_SUB, SUB, true, OTP_ERR_IDENTITY_SUB },
		{ "none", "", "", "", false, OTP_ERR_IDENTITY_SUB },
		{ "in capitals", "C2C5D4E4-0011-70AA-B1C2-1234567890AB", "", "", false, OTP_ERR_IDENTITY_SUB },
		{ "something else", "alice", "", "", false, OTP_ERR_IDENTITY_SUB },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		begin();
		options.pin_sub = cases[i].pin_sub;
		(void)snprintf(world.user.sub, sizeof(world.user.sub), "%s", cases[i].sub);
		(void)snprintf(judged.identity.sub, sizeof(judged.identity.sub), "%s", cases[i].in_map);
		(void)snprintf(world.pin, sizeof(world.pin), "%s", cases[i].pin);
		assert_err(cases[i].name, standing_check(&standing, true), cases[i].wanted);
		assert_int_equal(world.pinned, 0); /* with pin_sub alone it is the login that pins */
	}
}

/* Not "fine", not "does not exist", and nobody is created because something failed. */
static void test_errors_stay_what_they_are(void **state)
{
	static const enum otp_err errors[] = { OTP_ERR_AWS_DENIED,  OTP_ERR_AWS_SIGNATURE, OTP_ERR_POOL_UNKNOWN, OTP_ERR_THROTTLED,
					       OTP_ERR_NET_TIMEOUT, OTP_ERR_HTTP_STATUS,   OTP_ERR_API_UNKNOWN,  OTP_ERR_RESPONSE_SHAPE };

	(void)state;
	for (size_t i = 0; i < CASES(errors); i++) {
		begin();
		options.create_user = true;
		world.answers[0] = errors[i];
		assert_err("get", standing_check(&standing, true), errors[i]);
		begin();
		options.create_user = true;
		world.find = OTP_ERR_PINS_MISSING;
		assert_err("pins", standing_check(&standing, true), OTP_ERR_PINS_MISSING);
		assert_int_equal(world.asked + world.created, 0);
		begin();
		options.create_user = true;
		world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
		world.creation = errors[i];
		assert_err("create", standing_check(&standing, true), errors[i]);
		assert_int_equal(world.pinned, 0);
	}
	begin();
	judged.mapped = false;
	assert_err("unmapped", standing_check(&standing, true), OTP_ERR_INTERNAL);
	assert_int_equal(world.asked, 0);
}

static void test_who_is_created(void **state)
{
	static const struct {
		const char *name;
		bool create_user, may_create, from_template, known;
		uid_t uid;
		enum identity_kind kind;
		enum option_challenge challenge;
		const char *in_map;
		const char *pin;
		enum otp_err wanted;
		int created;
	} cases[] = {
		{ "he who may", true, true, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_OK, 1 },
		{ "not wanted", false, true, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "in the account phase", true, false, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "by a template", true, true, true, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "no account here", true, true, false, false, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "root", true, true, false, true, 0, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "by user name", true, true, false, true, 7001, IDENTITY_USERNAME, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "by phone", true, true, false, true, 7001, IDENTITY_PHONE, CHALLENGE_EMAIL_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "with sms_otp", true, true, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_SMS_OTP, "", "", OTP_ERR_ACCOUNT_NOT_FOUND, 0 },
		{ "he was there", true, true, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, "", SUB, OTP_ERR_ACCOUNT_GONE, 0 },
		{ "the map says so", true, true, false, true, 7001, IDENTITY_EMAIL, CHALLENGE_EMAIL_OTP, SUB, "", OTP_ERR_ACCOUNT_GONE, 0 },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		begin();
		world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
		options.create_user = cases[i].create_user;
		options.challenge = cases[i].challenge;
		judged.from_template = cases[i].from_template;
		judged.known = cases[i].known;
		judged.uid = cases[i].uid;
		judged.identity.kind = cases[i].kind;
		(void)snprintf(judged.identity.sub, sizeof(judged.identity.sub), "%s", cases[i].in_map);
		(void)snprintf(world.pin, sizeof(world.pin), "%s", cases[i].pin);
		assert_err(cases[i].name, standing_check(&standing, cases[i].may_create), cases[i].wanted);
		assert_int_equal(world.created, cases[i].created);
		assert_int_equal(world.pinned, cases[i].created);
		assert_true(cases[i].created == 0 || (world.origin == PINS_FROM_CREATION && strcmp(world.pin, SUB) == 0));
	}
}

/* The answer to the creation is judged like any other, but he is remembered first: he is there now. */
static void test_what_was_created_is_judged(void **state)
{
	(void)state;
	options.create_user = true;
	world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
	world.user.status = COGNITO_STATUS_FORCE_CHANGE_PASSWORD;
	assert_err("temporary password", standing_check(&standing, true), OTP_ERR_ACCOUNT_FORCE_CHANGE);
	assert_int_equal(world.pinned, 1);
	begin();
	options.create_user = true;
	world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
	world.user.sub[0] = '\0';
	assert_err("no sub", standing_check(&standing, true), OTP_ERR_IDENTITY_SUB);
	assert_int_equal(world.pinned, 0);
	begin();
	options.create_user = true;
	world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
	world.add = OTP_ERR_STATE_IO;
	assert_err("not remembered", standing_check(&standing, true), OTP_ERR_STATE_IO);
}

static void test_somebody_else_was_first(void **state)
{
	(void)state;
	options.create_user = true;
	world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
	world.creation = OTP_ERR_ACCOUNT_EXISTS;
	assert_err("another login", standing_check(&standing, true), OTP_OK);
	assert_int_equal(world.asked, 2);
	assert_int_equal(world.created, 1);
	begin();
	options.create_user = true;
	world.answers[0] = world.answers[1] = OTP_ERR_ACCOUNT_NOT_FOUND;
	world.creation = OTP_ERR_ACCOUNT_EXISTS;
	assert_err("another's address", standing_check(&standing, true), OTP_ERR_ACCOUNT_EXISTS);
	assert_int_equal(world.asked, 2);
	assert_int_equal(world.created, 1);
}

/* Who was in the pool before create_user was set, or was made there by hand, does not come back either. */
static void test_who_is_found_is_remembered(void **state)
{
	(void)state;
	options.create_user = true;
	assert_err("found", standing_check(&standing, false), OTP_OK);
	assert_int_equal(world.pinned, 1);
	assert_int_equal(world.origin, PINS_FROM_LOOK);
	assert_err("again", standing_check(&standing, true), OTP_OK);
	assert_int_equal(world.pinned, 1);
	world.asked = 0;
	world.answers[0] = OTP_ERR_ACCOUNT_NOT_FOUND;
	assert_err("deleted", standing_check(&standing, true), OTP_ERR_ACCOUNT_GONE);
	assert_int_equal(world.created, 0);
	begin();
	options.create_user = true;
	world.add = OTP_ERR_STATE_IO;
	assert_err("not remembered", standing_check(&standing, true), OTP_ERR_STATE_IO);
	begin();
	options.create_user = true;
	world.user.enabled = false;
	assert_err("disabled", standing_check(&standing, true), OTP_ERR_ACCOUNT_DISABLED);
	assert_int_equal(world.pinned, 0);
}

static int memory(void)
{
	begin();
	standing.dir = safe_place_open("run");
	assert_err("first", standing_check(&standing, false), OTP_OK);
	assert_int_equal(world.asked, 1);
	return standing.dir;
}

/* Whether the pool is asked once more. */
static bool asks(void)
{
	int before = world.asked;

	assert_err("again", standing_check(&standing, false), OTP_OK);
	return world.asked > before;
}

static void test_a_yes_is_good_for_a_minute(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = memory();
	assert_false(asks());
	boot_ms += STANDING_GOOD_S * 1000 - 1;
	assert_false(asks());
	boot_ms += 1;
	assert_true(asks());
	assert_false(asks());
	boot_ms -= 1; /* of the future */
	assert_true(asks());
	(void)close(dir);
}

static void test_a_yes_is_for_one_person_only(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = memory();
	judged.identity.kind = IDENTITY_USERNAME;
	(void)snprintf(judged.identity.value, sizeof(judged.identity.value), "alice");
	assert_true(asks());
	(void)close(dir);
	dir = memory();
	(void)snprintf(judged.identity.sub, sizeof(judged.identity.sub), SUB);
	assert_true(asks());
	(void)close(dir);
	dir = memory();
	options.pin_sub = true;
	(void)snprintf(world.pin, sizeof(world.pin), SUB);
	assert_true(asks());
	(void)close(dir);
	dir = memory();
	standing.user = "bob";
	assert_true(asks());
	(void)close(dir);
	dir = memory();
	(void)snprintf(options.user_pool_id, sizeof(options.user_pool_id), "eu-west-1_Another");
	assert_true(asks());
	(void)close(dir);
}

static void test_a_no_is_never_remembered(void **state)
{
	(void)state;
	safe_place_needed();
	standing.dir = safe_place_open("run");
	world.user.enabled = false;
	for (int i = 1; i <= 3; i++) {
		assert_err("disabled", standing_check(&standing, false), OTP_ERR_ACCOUNT_DISABLED);
		assert_int_equal(world.asked, i);
	}
	assert_int_equal(safe_place_count(standing.dir), 0);
	(void)close(standing.dir);
}

/* The name of the only file there. */
static void find_name(int dir, char *name, size_t size)
{
	DIR *files = fdopendir(openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	const struct dirent *entry;

	safe_place_must(files != NULL, "fdopendir");
	while ((entry = readdir(files)) != NULL) {
		if (entry->d_name[0] != '.')
			(void)snprintf(name, size, "%s", entry->d_name);
	}
	(void)closedir(files);
}

/* Replaces what is remembered; `before` and `after` stand around the name of this boot. */
static int damaged_memory(const char *before, const char *after)
{
	int dir = memory();
	char boot_id[CLOCK_BOOT_ID_SIZE];
	char name[256] = "";
	char path[300];
	char text[160];

	clock_boot_id(boot_id);
	find_name(dir, name, sizeof(name));
	assert_int_equal(strncmp(name, RUN_DIR_STANDING, strlen(RUN_DIR_STANDING)), 0);
	assert_int_equal(strlen(name), strlen(RUN_DIR_STANDING) + 32);
	(void)snprintf(path, sizeof(path), "run/%s", name);
	(void)snprintf(text, sizeof(text), "%s%s%s", before, boot_id, after);
	safe_place_write(path, text, strlen(text), 0600);
	return dir;
}

static void test_a_damaged_memory_is_none(void **state)
{
	static const struct {
		const char *before, *after;
		bool good;
	} cases[] = {
		{ "", " 1000000\n", true },	 { "", " 1000000", false },		  { "", " 1000000 \n", false }, { "", "  1000000\n", false },
		{ "", " -1\n", false },		 { "", " \n", false },			  { "x", " 1000000\n", false }, { "", "1000000\n", false },
		{ "", " 1000000\n\n", false }, { "", " 9999999999999999999\n", false }, { "", "", false },		 { "", " +1000000\n", false },
		{ "00000000-0000-4000-8000-000000000000 1000000\n", "", false }, /* of another boot */
	};
	char name[256] = "";
	int dir;

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		dir = damaged_memory(cases[i].before, cases[i].after);
		if (asks() == cases[i].good)
			fail_msg("%s BOOT %s", cases[i].before, cases[i].after);
		(void)close(dir);
	}
	dir = memory();
	find_name(dir, name, sizeof(name));
	assert_int_equal(fchmodat(dir, name, 0644, 0), 0);
	assert_true(asks()); /* not root's alone */
	(void)close(dir);
}

/* A full disk asks more often, and lets the same people in. */
static void test_without_room_nothing_is_remembered(void **state)
{
	int dir;

	(void)state;
	safe_place_needed();
	dir = standing.dir = safe_place_open("run");
	safe_place_fill(true);
	assert_err("full", standing_check(&standing, false), OTP_OK);
	assert_true(asks());
	safe_place_fill(false);
	(void)close(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_services_that_are_checked, setup),
		cmocka_unit_test_setup(test_the_state_of_the_user, setup),
		cmocka_unit_test_setup(test_whose_user_it_is, setup),
		cmocka_unit_test_setup(test_subs, setup),
		cmocka_unit_test_setup(test_errors_stay_what_they_are, setup),
		cmocka_unit_test_setup(test_who_is_created, setup),
		cmocka_unit_test_setup(test_what_was_created_is_judged, setup),
		cmocka_unit_test_setup(test_somebody_else_was_first, setup),
		cmocka_unit_test_setup(test_who_is_found_is_remembered, setup),
		cmocka_unit_test_setup(test_a_yes_is_good_for_a_minute, setup),
		cmocka_unit_test_setup(test_a_yes_is_for_one_person_only, setup),
		cmocka_unit_test_setup(test_a_no_is_never_remembered, setup),
		cmocka_unit_test_setup(test_a_damaged_memory_is_none, setup),
		cmocka_unit_test_setup(test_without_room_nothing_is_remembered, setup),
	};

	return cmocka_run_group_tests(tests, safe_place_setup, safe_place_teardown);
}
