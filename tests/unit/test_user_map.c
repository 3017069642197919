/* The map: what a line may be, whose line counts, and what becomes of a user without one. */
#include "safe_place.h"

#include "user_map.h"

#define SUB "0123abcd-4567-89ab-cdef-0123456789ab"

static struct user_map_entry entry;
static struct note note;

static enum otp_err find_with(const char *template, bool required, const char *user)
{
	struct user_map_settings settings = { safe_place_path("map"), required, template };

	memset(&entry, 0xa5, sizeof(entry));
	note.text[0] = '\0';
	return user_map_find(&settings, user, &entry, &note);
}

static enum otp_err find_bytes(const void *bytes, size_t length, const char *user)
{
	safe_place_write("map", bytes, length, 0644);
	return find_with("", true, user);
}

static enum otp_err find(const char *text, const char *user)
{
	return find_bytes(text, strlen(text), user);
}

/* `wanted` is what stands after the path of the map. */
static void assert_note(const char *wanted)
{
	struct note whole;

	note_set(&whole, "%s%s", safe_place_path("map"), wanted);
	assert_string_equal(note.text, whole.text);
}

static void assert_alice(const char *text)
{
	assert_err(text, find(text, "alice"), OTP_OK);
	assert_true(entry.found);
	assert_false(entry.from_template);
	assert_int_equal(entry.people[0].kind, IDENTITY_EMAIL);
	assert_string_equal(entry.people[0].value, "alice@example.com");
}

/* --- lines ---------------------------------------------------------------------------------------------------------------------- */

static void test_each_kind(void **state)
{
	static const char text[] =
	    "alice email:alice@example.com\nbob username:Bob.B\ncarol phone:+4915112345678\ndave email:d@e sub=" SUB "\n";

	(void)state;
	safe_place_needed();
	assert_alice(text);
	assert_string_equal(entry.people[0].sub, "");
	assert_int_equal(entry.map_size, 4);
	assert_err("bob", find(text, "bob"), OTP_OK);
	assert_int_equal(entry.people[0].kind, IDENTITY_USERNAME);
	assert_string_equal(entry.people[0].value, "Bob.B");
	assert_err("carol", find(text, "carol"), OTP_OK);
	assert_int_equal(entry.people[0].kind, IDENTITY_PHONE);
	assert_string_equal(entry.people[0].value, "+4915112345678");
	assert_err("dave", find(text, "dave"), OTP_OK);
	assert_true(entry.found);
	assert_string_equal(entry.people[0].sub, SUB);
}

static void test_lines_in_all_their_forms(void **state)
{
	static const char *const texts[] = {
		"alice email:alice@example.com\n",
		"alice email:alice@example.com",
		("alice email:alice@example.com sub=" SUB),
		"alice\temail:alice@example.com\r\n",
		"alice email:alice@example.com\r",
		"  alice \t  email:alice@example.com  \t \n",
		"\n\n \t\r\n# a comment\n  # another\n#alice email:x@y\nalice email:alice@example.com\n\n",
		"# caf\xc3\xa9 \x01\nalice email:alice@example.com\n",
		"bob email:bob@example.com\r\nalice email:alice@example.com\r\ncarol email:c@example.com\r\n",
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(texts); i++)
		assert_alice(texts[i]);
}

static const struct {
	const char *line;
	const char *why;
} wrong_lines[] = {
	{ "Bob email:b@e", "the first word is not a local user name" },
	{ "* email:b@e", "the first word is not a local user name" },
	{ "bob* email:b@e", "the first word is not a local user name" },
	{ "@group email:b@e", "the first word is not a local user name" },
	{ "1bob email:b@e", "the first word is not a local user name" },
	{ "-bob email:b@e", "the first word is not a local user name" },
	{ "bob$x email:b@e", "the first word is not a local user name" },
	{ "b\xd0\xb0"
	  "b email:b@e",
	  "the first word is not a local user name" },
	{ "bo\xcc\x81"
	  "b email:b@e",
	  "the first word is not a local user name" },
	{ "\xef\xbc\x82ob email:b@e", "the first word is not a local user name" },
	{ "bo\xe2\x80\x8d"
	  "b email:b@e",
	  "the first word is not a local user name" },
	{ "\xef\xbb\xbf"
	  "bob email:b@e",
	  "the first word is not a local user name" },
	{ "bob:email:b@e", "the first word is not a local user name" },
	{ "bob", "the second word is not email:, username: or phone: and a value" },
	{ "bob b@e", "the second word is not email:, username: or phone: and a value" },
	{ "bob mail:b@e", "the second word is not email:, username: or phone: and a value" },
	{ "bob Email:b@e", "the second word is not email:, username: or phone: and a value" },
	{ "bob email:", "the second word is not email:, username: or phone: and a value" },
	{ "bob email: b@e", "the second word is not email:, username: or phone: and a value" },
	{ "bob email:*", "the second word is not email:, username: or phone: and a value" },
	{ "bob phone:4915112345678", "the second word is not email:, username: or phone: and a value" },
	{ "bob username:b\xd0\xb0", "the second word is not email:, username: or phone: and a value" },
	{ "bob sub=" SUB, "the second word is not email:, username: or phone: and a value" },
	{ "bob # email:b@e", "the second word is not email:, username: or phone: and a value" },
	{ "bob email:b@e x", "the third word is not sub= and a UUID" },
	{ "bob email:b@e # his", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=", "the third word is not sub= and a UUID" },
	{ "bob email:b@e " SUB, "the third word is not sub= and a UUID" },
	{ "bob email:b@e SUB=" SUB, "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=" SUB "0", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=0123abcd-4567-89ab-cdef-0123456789a", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=0123ABCD-4567-89ab-cdef-0123456789ab", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=0123abcd4567-89ab-cdef-0123-456789ab", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=0123abcg-4567-89ab-cdef-0123456789ab", "the third word is not sub= and a UUID" },
	{ "bob email:b@e sub=" SUB " x", "more words than user, kind:value and sub=" },
	{ "bob email:b@e sub=" SUB " # his", "more words than user, kind:value and sub=" },
	{ "bob email:b@e sub=" SUB " sub=" SUB, "more words than user, kind:value and sub=" },
};

static void test_a_wrong_line_is_an_error_for_everybody(void **state)
{
	char text[512];
	char wanted[256];

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(wrong_lines); i++) {
		(void)snprintf(wanted, sizeof(wanted), ":3: %s", wrong_lines[i].why);
		(void)snprintf(text, sizeof(text), "alice email:a@e\n\n%s\ncarol email:c@e\n", wrong_lines[i].line);
		assert_err(wrong_lines[i].line, find(text, "alice"), OTP_ERR_MAP_SYNTAX);
		assert_note(wanted);
		assert_err(wrong_lines[i].line, find(text, "bob"), OTP_ERR_MAP_SYNTAX);
		assert_err(wrong_lines[i].line, find(text, "nobody"), OTP_ERR_MAP_SYNTAX);
		(void)snprintf(text, sizeof(text), "\n\n%s", wrong_lines[i].line);
		assert_err(wrong_lines[i].line, find(text, "alice"), OTP_ERR_MAP_SYNTAX);
		assert_note(wanted);
	}
}

static void test_nul_bytes(void **state)
{
	static const char in_name[] = "ali\0ce email:a@e\n";
	static const char in_value[] = "alice email:a@e\0x\n";
	static const char in_pin[] = "alice email:a@e sub=0123abcd-4567-89ab-cdef-01234567\0x9b\n";
	static const char between[] = "alice email:a@e\n\0alice email:b@e\n";

	(void)state;
	safe_place_needed();
	assert_err("name", find_bytes(in_name, sizeof(in_name) - 1, "ali"), OTP_ERR_MAP_SYNTAX);
	assert_err("value", find_bytes(in_value, sizeof(in_value) - 1, "alice"), OTP_ERR_MAP_SYNTAX);
	assert_err("pin", find_bytes(in_pin, sizeof(in_pin) - 1, "alice"), OTP_ERR_MAP_SYNTAX);
	assert_err("between lines", find_bytes(between, sizeof(between) - 1, "alice"), OTP_ERR_MAP_SYNTAX);
}

/* --- names ---------------------------------------------------------------------------------------------------------------------- */

static void test_names_of_local_users(void **state)
{
	static const char *const right[] = { "a", "_", "_apt", "alice", "alice.b", "alice-b_c.9", "host$", "a9", "systemd-network" };
	static const char *const wrong[] = {
		"",    "$",    "A",   "Alice", "aLice", "9a",	".a", "-a", "a$b",  "a$$",   "a b",	     "a\t",	     "a\n", "a:",
		"a/b", "../a", "a@b", "a*",    "a?",	"a[b]", "!a", "#a", "a\\b", "a\x7f", "\xd0\xb0lice", "alic\xc3\xa9", "a%u",
	};
	char longest[USER_MAP_NAME_MAX + 2];

	(void)state;
	for (size_t i = 0; i < CASES(right); i++) {
		if (!user_map_is_name(right[i], strlen(right[i])))
			fail_msg("\"%s\" is a name", right[i]);
	}
	for (size_t i = 0; i < CASES(wrong); i++) {
		if (user_map_is_name(wrong[i], strlen(wrong[i])))
			fail_msg("\"%s\" is no name", wrong[i]);
	}
	assert_false(user_map_is_name("a\0b", 3));
	assert_true(user_map_is_name("alice bob", 5));
	memset(longest, 'a', sizeof(longest));
	assert_true(user_map_is_name(longest, USER_MAP_NAME_MAX));
	assert_false(user_map_is_name(longest, USER_MAP_NAME_MAX + 1));
}

static void test_only_the_whole_name_is_the_user(void **state)
{
	static const char *const others[] = {
		"", "a", "alic", "alicee", "Alice", "ALICE", "alice ", " alice", "alice\n", "#alice", "email:alice@example.com", "xalice"
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(others); i++) {
		assert_err(others[i], find("# alice\nalice email:alice@example.com\n", others[i]), OTP_OK);
		assert_false(entry.found);
		assert_int_equal(entry.map_size, 1);
	}
}

static void test_a_value_that_is_there_twice_is_an_error_for_its_user(void **state)
{
	static const char same[] = "alice email:a@e\nbob email:b@e\nalice email:a@e\n";
	static const char pinned[] = "alice email:a@e\n# x\n\nalice email:a@e sub=" SUB "\n";
	static const char other_kind[] = "alice email:a@e\nalice email:b@e\nbob email:a@e\nalice username:a@e\n";

	(void)state;
	safe_place_needed();
	assert_err("same", find(same, "alice"), OTP_ERR_CONFIG_DUPLICATE);
	assert_note(":3: this user has that value in an earlier line");
	assert_err("another pin", find(pinned, "alice"), OTP_ERR_CONFIG_DUPLICATE);
	assert_note(":4: this user has that value in an earlier line");
	assert_err("another kind", find(other_kind, "alice"), OTP_ERR_CONFIG_DUPLICATE);
	assert_note(":4: this user has that value in an earlier line");
	assert_err("somebody else", find(same, "bob"), OTP_OK);
	assert_int_equal(entry.count, 1);
	assert_string_equal(entry.people[0].value, "b@e");
}

/* --- shared accounts ------------------------------------------------------------------------------------------------------------ */

static void test_several_lines_are_several_people(void **state)
{
	static const char text[] = "deploy email:a@e sub=" SUB "\nbob email:a@e\ndeploy username:A@e\ndeploy phone:+4915112345678\ndeploys email:x@e\n";

	(void)state;
	safe_place_needed();
	assert_err("shared", find(text, "deploy"), OTP_OK);
	assert_true(entry.found);
	assert_int_equal(entry.map_size, 5);
	assert_int_equal(entry.count, 3);
	assert_int_equal(entry.people[0].kind, IDENTITY_EMAIL);
	assert_string_equal(entry.people[0].value, "a@e");
	assert_string_equal(entry.people[0].sub, SUB);
	assert_int_equal(entry.people[1].kind, IDENTITY_USERNAME);
	assert_string_equal(entry.people[1].value, "A@e");
	assert_string_equal(entry.people[1].sub, "");
	assert_int_equal(entry.people[2].kind, IDENTITY_PHONE);
	assert_err("one of them alone", find(text, "bob"), OTP_OK);
	assert_int_equal(entry.count, 1);
	assert_err("none", find(text, "zoe"), OTP_OK);
	assert_int_equal(entry.count, 0);
}

static void test_so_many_people_and_no_more(void **state)
{
	char text[(USER_MAP_PEOPLE_MAX + 1) * 32] = "";
	char wanted[64];
	size_t length = 0;

	(void)state;
	safe_place_needed();
	for (int i = 0; i < USER_MAP_PEOPLE_MAX; i++)
		length += (size_t)snprintf(text + length, sizeof(text) - length, "deploy email:p%d@e\n", i);
	assert_err("as many as can be", find(text, "deploy"), OTP_OK);
	assert_int_equal(entry.count, USER_MAP_PEOPLE_MAX);
	assert_string_equal(entry.people[USER_MAP_PEOPLE_MAX - 1].value, "p63@e");
	(void)snprintf(text + length, sizeof(text) - length, "deploy email:one@more\n");
	assert_err("one more", find(text, "deploy"), OTP_ERR_MAP_SYNTAX);
	(void)snprintf(wanted, sizeof(wanted), ":%d: more than 64 people for this user", USER_MAP_PEOPLE_MAX + 1);
	assert_note(wanted);
	assert_err("somebody else", find(text, "alice"), OTP_OK);
}

static void test_the_template_is_for_one(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("map", "deploy email:a@e\ndeploy email:b@e\n");
	assert_err("in the map", find_with("email:%u@example.com", true, "deploy"), OTP_OK);
	assert_int_equal(entry.count, 2);
	assert_false(entry.from_template);
	assert_err("not in the map", find_with("email:%u@example.com", true, "bob"), OTP_OK);
	assert_int_equal(entry.count, 1);
}

/* --- the file ------------------------------------------------------------------------------------------------------------------- */

static void test_map_size_counts_users(void **state)
{
	static const struct {
		const char *text;
		size_t size;
	} cases[] = {
		{ "", 0 },
		{ "\n", 0 },
		{ "# alice email:a@e\n\n \t\n", 0 },
		{ "alice email:a@e", 1 },
		{ "# x\nalice email:a@e\n\nbob email:b@e\n", 2 },
		{ "bob email:b@e\nbob email:b@e\n", 2 },
	};

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text, find(cases[i].text, "zoe"), OTP_OK);
		assert_false(entry.found);
		assert_int_equal(entry.map_size, cases[i].size);
	}
}

/* It is read piece by piece: where a line lies in the file does not matter, and none is lost or cut. */
static void test_a_large_map(void **state)
{
	enum { USERS = 20000, SIZE = USERS * 64 };
	char *text = malloc(SIZE);
	char user[32];
	char wanted[64];
	size_t length = 0;

	(void)state;
	safe_place_needed();
	assert_non_null(text);
	for (int i = 0; i < USERS; i++)
		length += (size_t)snprintf(text + length, SIZE - length, "%s%su%d email:%d@e\n", i % 3 == 0 ? "# x\n" : "", i % 7 == 0 ? "  " : "", i, i);
	safe_place_write("map", text, length, 0644);
	for (int i = 0; i < USERS; i += i < 100 || i > USERS - 100 ? 1 : 997) {
		(void)snprintf(user, sizeof(user), "u%d", i);
		(void)snprintf(wanted, sizeof(wanted), "%d@e", i);
		assert_err(user, find_with("", true, user), OTP_OK);
		assert_int_equal(entry.map_size, USERS);
		assert_int_equal(entry.count, 1);
		assert_string_equal(entry.people[0].value, wanted);
	}
	length += (size_t)snprintf(text + length, SIZE - length, "u0 email:second@e\nwrong");
	assert_err("a last line that is wrong", find_bytes(text, length, "u0"), OTP_ERR_MAP_SYNTAX);
	(void)snprintf(wanted, sizeof(wanted), ":%d: the second word", USERS + (USERS + 2) / 3 + 2);
	assert_non_null(strstr(note.text, wanted));
	assert_err("without it", find_bytes(text, length - 5, "u0"), OTP_OK);
	assert_int_equal(entry.count, 2);
	free(text);
}

static void test_the_longest_line(void **state)
{
	static char text[USER_MAP_LINE_MAX + 64] = "alice email:a@e\n#";
	const size_t begin = strlen(text) - 1;

	(void)state;
	safe_place_needed();
	memset(text + begin + 1, 'x', USER_MAP_LINE_MAX - 2);
	(void)snprintf(text + begin + USER_MAP_LINE_MAX - 1, 32, "\nbob email:b@e\n");
	assert_err("as long as can be", find(text, "bob"), OTP_OK);
	assert_int_equal(entry.map_size, 2);
	text[begin + USER_MAP_LINE_MAX - 1] = 'x';
	assert_err("longer", find(text, "alice"), OTP_ERR_MAP_SYNTAX);
	assert_note(":2: longer than 32767 bytes");
}

static void test_a_file_that_is_too_large(void **state)
{
	char *text = malloc(USER_MAP_FILE_MAX + 1);

	(void)state;
	safe_place_needed();
	assert_non_null(text);
	memset(text, '\n', USER_MAP_FILE_MAX + 1);
	memcpy(text, "alice email:a@e\n", 16);
	assert_err("as large as can be", find_bytes(text, USER_MAP_FILE_MAX, "alice"), OTP_OK);
	assert_err("larger", find_bytes(text, USER_MAP_FILE_MAX + 1, "alice"), OTP_ERR_CONFIG_OPEN);
	assert_note(": larger than 16777216 bytes, or growing");
	free(text);
}

static void test_only_the_default_map_may_be_absent(void **state)
{
	(void)state;
	safe_place_needed();
	(void)unlink(safe_place_path("map"));
	assert_err("default", find_with("", false, "alice"), OTP_OK);
	assert_false(entry.found);
	assert_int_equal(entry.map_size, 0);
	assert_err("named", find_with("", true, "alice"), OTP_ERR_CONFIG_OPEN);
	assert_note(": No such file or directory");
	assert_err("named, with a template", find_with("email:%u@e", true, "alice"), OTP_ERR_CONFIG_OPEN);
}

static void test_a_default_map_that_is_there_must_be_right(void **state)
{
	(void)state;
	safe_place_needed();
	safe_place_text("map", "alice email:a@e\n");
	assert_err("there", find_with("", false, "alice"), OTP_OK);
	assert_true(entry.found);
	safe_place_text("map", "alice\n");
	assert_err("wrong", find_with("", false, "alice"), OTP_ERR_MAP_SYNTAX);
	safe_place_write("map", "", 0, 0666);
	assert_err("mode", find_with("", false, "alice"), OTP_ERR_CONFIG_UNSAFE);
	(void)unlink(safe_place_path("map"));
	assert_int_equal(symlink("nowhere", safe_place_path("map")), 0);
	assert_err("a dangling link", find_with("", false, "alice"), OTP_ERR_CONFIG_UNSAFE);
	(void)unlink(safe_place_path("map"));
	safe_place_mkdir("map", 0755);
	assert_err("a directory", find_with("", false, "alice"), OTP_ERR_CONFIG_UNSAFE);
	assert_int_equal(rmdir(safe_place_path("map")), 0);
}

static void test_a_map_that_others_may_write(void **state)
{
	static const mode_t modes[] = { 0664, 0646, 0666 };

	(void)state;
	safe_place_needed();
	for (size_t i = 0; i < CASES(modes); i++) {
		safe_place_write("map", "alice email:a@e\n", 16, modes[i]);
		assert_err("mode", find_with("", true, "alice"), OTP_ERR_CONFIG_UNSAFE);
		assert_err("with a template", find_with("email:%u@e", true, "alice"), OTP_ERR_CONFIG_UNSAFE);
	}
}

/* On an error the entry is not written: nobody can use half of it. */
static void test_an_error_leaves_the_entry_alone(void **state)
{
	struct user_map_entry before;

	(void)state;
	safe_place_needed();
	memset(&before, 0xa5, sizeof(before));
	assert_err("wrong line after the right one", find("alice email:a@e\nbob\n", "alice"), OTP_ERR_MAP_SYNTAX);
	assert_memory_equal(&entry, &before, sizeof(entry));
}

/* --- the template --------------------------------------------------------------------------------------------------------------- */

static void assert_filled(const char *template, const char *user, enum identity_kind kind, const char *value)
{
	assert_err(template, find_with(template, false, user), OTP_OK);
	assert_true(entry.found);
	assert_true(entry.from_template);
	assert_int_equal(entry.people[0].kind, kind);
	assert_string_equal(entry.people[0].value, value);
	assert_string_equal(entry.people[0].sub, "");
}

static void test_a_template_for_whoever_is_not_in_the_map(void **state)
{
	(void)state;
	safe_place_needed();
	(void)unlink(safe_place_path("map"));
	assert_filled("email:%u@example.com", "alice", IDENTITY_EMAIL, "alice@example.com");
	assert_filled("username:%u", "host$", IDENTITY_USERNAME, "host$");
	assert_filled("email:x.%u+otp@e", "bob", IDENTITY_EMAIL, "x.bob+otp@e");
	safe_place_text("map", "alice username:mapped sub=" SUB "\n");
	assert_filled("email:%u@example.com", "bob", IDENTITY_EMAIL, "bob@example.com");
	assert_int_equal(entry.map_size, 1);
	assert_err("in the map", find_with("email:%u@example.com", false, "alice"), OTP_OK);
	assert_false(entry.from_template);
	assert_string_equal(entry.people[0].value, "mapped");
}

/* A name that is none could write another address than its own: "x@evil.example.com,y". */
static void test_a_template_is_filled_with_names_only(void **state)
{
	static const char *const users[] = { "Alice", "a@b", "a b", "a,b", "../a", "%u", "", "\xd0\xb0lice", "a\n", "9a" };
	char long_name[USER_MAP_NAME_MAX + 1];

	(void)state;
	safe_place_needed();
	(void)unlink(safe_place_path("map"));
	for (size_t i = 0; i < CASES(users); i++) {
		assert_err(users[i], find_with("username:%u", false, users[i]), OTP_OK);
		assert_false(entry.found);
		assert_false(entry.from_template);
	}
	memset(long_name, 'a', sizeof(long_name));
	long_name[129] = '\0';
	assert_err("too long", find_with("username:%u", false, long_name), OTP_OK);
	assert_false(entry.found);
	long_name[128] = '\0';
	assert_filled("username:%u", long_name, IDENTITY_USERNAME, long_name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each_kind),
		cmocka_unit_test(test_lines_in_all_their_forms),
		cmocka_unit_test(test_a_wrong_line_is_an_error_for_everybody),
		cmocka_unit_test(test_nul_bytes),
		cmocka_unit_test(test_names_of_local_users),
		cmocka_unit_test(test_only_the_whole_name_is_the_user),
		cmocka_unit_test(test_a_value_that_is_there_twice_is_an_error_for_its_user),
		cmocka_unit_test(test_several_lines_are_several_people),
		cmocka_unit_test(test_so_many_people_and_no_more),
		cmocka_unit_test(test_the_template_is_for_one),
		cmocka_unit_test(test_map_size_counts_users),
		cmocka_unit_test(test_a_large_map),
		cmocka_unit_test(test_the_longest_line),
		cmocka_unit_test(test_a_file_that_is_too_large),
		cmocka_unit_test(test_only_the_default_map_may_be_absent),
		cmocka_unit_test(test_a_default_map_that_is_there_must_be_right),
		cmocka_unit_test(test_a_map_that_others_may_write),
		cmocka_unit_test(test_an_error_leaves_the_entry_alone),
		cmocka_unit_test(test_a_template_for_whoever_is_not_in_the_map),
		cmocka_unit_test(test_a_template_is_filled_with_names_only),
	};

	return cmocka_run_group_tests_name("user_map", tests, safe_place_setup, safe_place_teardown);
}
