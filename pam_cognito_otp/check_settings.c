/* check_settings - see check_settings.h. */
#include "check_settings.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "messages.h"
#include "pins.h"
#include "policy.h"
#include "user_map.h"

enum {
	CHECK_PATH_MAX = 1024,
	CHECK_JUDGED_MAX = 50 /* users who are looked up; each reads the whole map */
};

/* A line of the map. The file's text is gone by the time that it is looked at. */
struct check_map_entry {
	char *name; /* allocated; the value stands behind its NUL */
	const char *value;
	unsigned long line;
};

struct check_map {
	struct check_map_entry *entries;
	size_t count;
	size_t room;
};

static bool check_settings_arguments(const struct check *check, char *argument, size_t size)
{
	int length = snprintf(argument, size, "config=%s", check->config);

	return length > 0 && (size_t)length < size;
}

static enum otp_err check_settings_messages(const struct options *options, struct note *note)
{
	struct messages messages;
	enum otp_err err = messages_load(&messages, options->messages_file, options->challenge, note);

	messages_done(&messages);
	return err;
}

bool check_settings_load(const struct check *check, struct options *options)
{
	const char *file = check->config == NULL ? options_default_file() : check->config;
	struct finding good = { REPORT_OK, "settings", file, "" };
	char argument[CHECK_PATH_MAX + 8];
	const char *arguments[] = { argument };
	struct note note = { "" };
	enum otp_err err = OTP_ERR_CONFIG_OPEN;

	if (check->config == NULL)
		err = options_load(options, NULL, 0, &note);
	else if (check_settings_arguments(check, argument, sizeof(argument)))
		err = options_load(options, arguments, 1, &note);
	if (err == OTP_OK)
		err = check_settings_messages(options, &note);
	if (err == OTP_OK)
		report_add(check->report, &good, "pool %s, client %s", options->user_pool_id, options->client_id);
	else
		check_error(check, "", err, &note);
	return err == OTP_OK;
}

static enum otp_err check_map_grow(struct check_map *map)
{
	size_t room = map->room == 0 ? 64 : map->room * 2;
	struct check_map_entry *entries;

	if (map->count < map->room)
		return OTP_OK;
	entries = reallocarray(map->entries, room, sizeof(*entries));
	if (entries == NULL)
		return OTP_ERR_MEMORY;
	map->entries = entries;
	map->room = room;
	return OTP_OK;
}

static enum otp_err check_map_take(void *arg, unsigned long line, const char *name, size_t length, const struct identity *identity)
{
	struct check_map *map = arg;
	size_t value_size = strlen(identity->value) + 1;
	char *text = malloc(length + 1 + value_size);

	if (text == NULL || check_map_grow(map) != OTP_OK) {
		free(text);
		return OTP_ERR_MEMORY;
	}
	memcpy(text, name, length);
	text[length] = '\0';
	memcpy(text + length + 1, identity->value, value_size);
	map->entries[map->count++] = (struct check_map_entry){ text, text + length + 1, line };
	return OTP_OK;
}

static void check_map_done(struct check_map *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->entries[i].name);
	free(map->entries);
}

static int check_map_compare(const void *one, const void *other)
{
	const struct check_map_entry *left = one;
	const struct check_map_entry *right = other;
	int order = strcmp(left->name, right->name);

	if (order == 0)
		order = strcmp(left->value, right->value);
	return order != 0 ? order : (left->line > right->line) - (left->line < right->line);
}

/* What is wrong with a line beside the one before it, in the order of users and values; it is the `people`-th of its user. */
static void check_map_pair(const struct check *check, const struct check_map_entry *before, const struct check_map_entry *entry, size_t people)
{
	struct note note;
	bool twice = strcmp(before->value, entry->value) == 0;

	if (!twice && people != USER_MAP_PEOPLE_MAX + 1)
		return;
	if (twice)
		note_set(&note, "%s:%lu: %s has %s in line %lu, too, and cannot log in", check->options->user_map, entry->line, entry->name, entry->value,
			 before->line);
	else
		note_set(&note, "%s:%lu: %s has more than %d people, and cannot log in", check->options->user_map, entry->line, entry->name,
			 USER_MAP_PEOPLE_MAX);
	check_error(check, "", twice ? OTP_ERR_CONFIG_DUPLICATE : OTP_ERR_MAP_SYNTAX, &note);
}

/* What is an error for that user only, when he logs in: nobody else notices. */
static void check_map_people(const struct check *check, const struct check_map *map)
{
	struct check_map_entry *sorted = calloc(map->count + 1, sizeof(*sorted));
	size_t people = 1;

	if (sorted == NULL)
		return;
	memcpy(sorted, map->entries, map->count * sizeof(*sorted));
	qsort(sorted, map->count, sizeof(*sorted), check_map_compare);
	for (size_t i = 1; i < map->count; i++) {
		people = strcmp(sorted[i - 1].name, sorted[i].name) == 0 ? people + 1 : 1;
		if (people > 1)
			check_map_pair(check, &sorted[i - 1], &sorted[i], people);
	}
	free(sorted);
}

/* That somebody of a map has no account here is common: one map serves many hosts. */
static void check_map_user(const struct check *check, const char *name, unsigned long line, size_t *accounts)
{
	struct finding excluded = { REPORT_NOTE, "map_excluded", check->options->user_map, "" };
	struct policy_user user;
	struct note note = { "" };
	enum otp_err err = policy_look_up(name, &user);

	if (err != OTP_OK)
		return;
	(*accounts)++;
	err = policy_judge(check->options, name, &user, &note);
	if (err_class(err) == OTP_CLASS_FORBIDDEN)
		report_add(check->report, &excluded, "line %lu: %s may not log in: %s (%s)", line, name, err_text(err), err_reason(err));
}

static void check_map_users(const struct check *check, const struct check_map *map)
{
	struct finding good = { REPORT_OK, "map", check->options->user_map, "" };
	struct finding nobody = { REPORT_WARNING, "map_no_account", check->options->user_map,
				  "Write the local names first on each line, as getent passwd shows them." };
	size_t accounts = 0;
	size_t judged = map->count < CHECK_JUDGED_MAX ? map->count : CHECK_JUDGED_MAX;

	for (size_t i = 0; i < judged; i++)
		check_map_user(check, map->entries[i].name, map->entries[i].line, &accounts);
	if (accounts == 0 && judged == map->count && check->options->user_template[0] == '\0')
		report_add(check->report, &nobody, "none of its %zu users has an account on this machine", map->count);
	else
		report_add(check->report, &good, "%zu mapped; of the first %zu looked up, with an account here: %zu", map->count, judged, accounts);
}

static void check_map_empty(const struct check *check)
{
	struct finding nobody = { REPORT_ERROR, "map_empty", check->options->user_map,
				  "Write a line `local-user email:ADDRESS` for each user, or set user_template. See pam_cognito_otp.conf(5), USER MAP." };
	struct finding template = { REPORT_OK, "map", check->options->user_map, "" };

	if (check->options->user_template[0] == '\0')
		report_add(check->report, &nobody, "no user is mapped, so nobody can log in with a code");
	else
		report_add(check->report, &template, "empty or absent; user_template maps everybody");
}

void check_settings_map(const struct check *check)
{
	struct user_map_settings settings = { check->options->user_map, check->options->user_map_named, check->options->user_template };
	struct check_map map = { NULL, 0, 0 };
	struct note note = { "" };
	enum otp_err err = user_map_each(&settings, check_map_take, &map, &note);

	if (err != OTP_OK) {
		check_error(check, "", err, &note);
	} else if (map.count == 0) {
		check_map_empty(check);
	} else {
		check_map_people(check, &map);
		check_map_users(check, &map);
	}
	check_map_done(&map);
}

/* A state directory that is not there is not made: nothing is changed here. */
static enum otp_err check_pins_read(const char *user_pool_id, int64_t *ret_count, struct note *note)
{
	if (faccessat(AT_FDCWD, OTP_STATE_DIR, F_OK, AT_SYMLINK_NOFOLLOW) != 0 && errno == ENOENT)
		return OTP_ERR_PINS_MISSING;
	return pins_check(user_pool_id, ret_count, note);
}

void check_settings_pins(const struct check *check)
{
	const struct options *options = check->options;
	char path[CHECK_PATH_MAX];
	struct finding good = { REPORT_OK, "pins", path, "" };
	struct finding unsafe = { REPORT_ERROR, err_reason(OTP_ERR_STATE_UNSAFE), OTP_STATE_DIR, CHECK_STATE_UNSAFE };
	struct note note = { "" };
	int64_t count = 0;
	enum otp_err err;

	if (!options->pin_sub && !options->create_user)
		return;
	(void)snprintf(path, sizeof(path), OTP_STATE_DIR "/pins-%s", options->user_pool_id);
	err = check_pins_read(options->user_pool_id, &count, &note);
	if (err == OTP_OK)
		report_add(check->report, &good, "%" PRId64 " pins", count);
	else if (err == OTP_ERR_STATE_UNSAFE)
		report_add(check->report, &unsafe, "%s", check_note_text(&note, OTP_STATE_DIR));
	else if (err == OTP_ERR_PINS_MISSING)
		check_error(check, path, err, &(struct note){ "" });
	else
		check_error(check, "", err, &note);
}
