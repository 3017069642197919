/* options - see options.h. */
#include "options.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config_file.h"
#include "option_texts.h"
#include "region.h"
#include "secret.h"

#define OPTIONS_DEFAULT_FILE OTP_SYSCONFDIR "/security/pam_cognito_otp.conf"
#define OPTIONS_DEFAULT_MAP OTP_SYSCONFDIR "/security/pam_cognito_otp.users"

struct option {
	const char *key;
	const char *standard; /* the default, as it would be written; NULL: required or derived */
	option_setter *set;
	size_t field;
	int64_t min; /* of numbers; of text: bytes */
	int64_t max;
};

/* The key of a setting that is written once for each PAM service: what stands for the service in the table and the manual. */
#define SERVICE_WORD ".SERVICE"

#define FIELD(name) offsetof(struct options, name)
#define TEXT_MAX OPTIONS_TEXT_MAX

/* The settings of pam_cognito_otp.conf(5), in its order. */
static const struct option options_table[] = {
	{ "user_pool_id", NULL, option_set_pool_id, FIELD(user_pool_id), 1, 55 },
	{ "client_id", NULL, option_set_client_id, FIELD(client_id), 1, 128 },
	{ "client_secret_file", NULL, option_set_path, FIELD(client_secret_file), 1, TEXT_MAX },
	{ "endpoint", NULL, option_set_endpoint, FIELD(endpoint), 1, TEXT_MAX },
	{ "fips", "no", option_set_bool, FIELD(fips), 0, 0 },
	{ "dualstack", "no", option_set_bool, FIELD(dualstack), 0, 0 },
	{ "issuer", NULL, option_set_issuers, FIELD(issuer), 1, TEXT_MAX },
	{ "jwks_url", NULL, option_set_url, FIELD(jwks_url), 1, TEXT_MAX },
	{ "jwks_file", NULL, option_set_path, FIELD(jwks_file), 1, TEXT_MAX },
	{ "jwks_max_age", "24h", option_set_seconds, FIELD(jwks_max_age), 300, 7 * 86400 },
	{ "ca_file", NULL, option_set_path, FIELD(ca_file), 1, TEXT_MAX },
	{ "proxy", NULL, option_set_proxy, FIELD(proxy), 1, TEXT_MAX },
	{ "proxy_credentials_file", NULL, option_set_path, FIELD(proxy_credentials_file), 1, TEXT_MAX },
	{ "user_map", NULL, option_set_path, FIELD(user_map), 1, TEXT_MAX },
	{ "user_template", NULL, option_set_template, FIELD(user_template), 1, TEXT_MAX },
	{ "unmapped", "deny", option_set_unmapped, FIELD(unmapped), 0, 0 },
	{ "users", NULL, option_set_filter, FIELD(users), 1, TEXT_MAX },
	{ "groups", NULL, option_set_filter, FIELD(groups), 1, TEXT_MAX },
	{ "min_uid", "1000", option_set_number, FIELD(min_uid), 1, UINT32_MAX - 1 },
	{ "allow_root", "no", option_set_bool, FIELD(allow_root), 0, 0 },
	{ "require_group", NULL, option_set_words, FIELD(require_group), 1, TEXT_MAX },
	{ "require_group" SERVICE_WORD, NULL, option_set_words, FIELD(require_group_service), 1, TEXT_MAX },
	{ "pin_sub", "no", option_set_bool, FIELD(pin_sub), 0, 0 },
	{ "check_user", "no", option_set_bool, FIELD(check_user), 0, 0 },
	{ "check_services", NULL, option_set_programs, FIELD(check_services), 1, TEXT_MAX },
	{ "create_user", "no", option_set_bool, FIELD(create_user), 0, 0 },
	{ "aws_credentials_file", NULL, option_set_path, FIELD(aws_credentials_file), 1, TEXT_MAX },
	{ "aws_profile", "default", option_set_profile, FIELD(aws_profile), 1, 64 },
	{ "aws_imds", "no", option_set_bool, FIELD(aws_imds), 0, 0 },
	{ "challenge", "email_otp", option_set_challenge, FIELD(challenge), 0, 0 },
	{ "confirm", "auto", option_set_confirm, FIELD(confirm), 0, 0 },
	{ "max_tries", "3", option_set_number, FIELD(max_tries), 1, 10 },
	{ "challenge_ttl", "3m", option_set_seconds, FIELD(challenge_ttl), 10, 900 },
	{ "resend_after", "60s", option_set_seconds, FIELD(resend_after), 10, 900 },
	{ "messages_file", NULL, option_set_path, FIELD(messages_file), 1, TEXT_MAX },
	{ "mail_budget", "5/15m,20/d", option_set_budget, FIELD(mail_budget), 10, 86400 },
	{ "mail_budget_unproved", "3/15m,10/d", option_set_budget, FIELD(mail_budget_unproved), 10, 86400 },
	{ "mail_budget_host", "60/h", option_set_budget, FIELD(mail_budget_host), 10, 86400 },
	{ "cache", "off", option_set_switch, FIELD(cache), 0, 0 },
	{ "cache_ttl", "10m", option_set_seconds, FIELD(cache_ttl), 10, 30 * 86400 },
	{ "cache_services", "sudo sudo-i", option_set_programs, FIELD(cache_services), 1, TEXT_MAX },
	{ "cache_check", "offline", option_set_cache_check, FIELD(cache_check), 0, 0 },
	{ "cache_dir", NULL, option_set_path, FIELD(cache_dir), 1, TEXT_MAX },
	{ "session_tokens", "no", option_set_bool, FIELD(session_tokens), 0, 0 },
	{ "deadline", "20s", option_set_seconds, FIELD(deadline), 2, 60 },
	{ "connect_timeout", "5s", option_set_seconds, FIELD(connect_timeout), 1, 30 },
	{ "clock_skew", "120s", option_set_seconds, FIELD(clock_skew), 5, 600 },
	{ "debug", "no", option_set_bool, FIELD(debug), 0, 0 },
};

enum {
	OPTION_COUNT = sizeof(options_table) / sizeof(options_table[0]),
	OPTIONS_CACHE_OFFLINE_MAX = 3600,
	OPTION_KEY_SIZE = 32 + OPTIONS_SERVICE_NAME_MAX + 1 /* of a key with a service in it */
};

/* Where settings are written, and which of them were met there. */
struct option_source {
	struct options *options;
	bool seen[OPTION_COUNT];
	bool seen_service[OPTIONS_SERVICES_MAX];
};

static const struct config_place options_arguments = { "module arguments", 0 };

const char *options_key(size_t index, const char **ret_default)
{
	if (index >= OPTION_COUNT)
		return NULL;
	*ret_default = options_table[index].standard == NULL ? "" : options_table[index].standard;
	return options_table[index].key;
}

const char *options_default_file(void)
{
	return OPTIONS_DEFAULT_FILE;
}

const struct option_words *options_required_groups(const struct options *options, const char *service)
{
	const struct option_words *own = option_services_find(&options->require_group_service, service);

	return own != NULL ? own : &options->require_group;
}

/* How much of the key is the same for each service, with its dot; 0: it is a key like any other. */
static size_t option_stem(const struct option *option)
{
	size_t length = strlen(option->key);
	size_t word = strlen(SERVICE_WORD);

	return length > word && strcmp(option->key + length - word, SERVICE_WORD) == 0 ? length - word + 1 : 0;
}

static enum otp_err option_show(option_setter *set, const void *field, const char *key, options_visitor *visit, void *arg)
{
	strbuf_auto struct strbuf value = STRBUF_LIMIT(OPTIONS_TEXT_MAX + 1);

	option_text(set, field, &value);
	if (value.failed == OTP_OK)
		visit(arg, key, strbuf_text(&value));
	return value.failed;
}

static enum otp_err option_show_services(const struct option *option, const struct option_services *services, options_visitor *visit,
					 void *arg)
{
	char key[OPTION_KEY_SIZE];
	enum otp_err err = OTP_OK;

	if (services->count == 0)
		visit(arg, option->key, "");
	for (size_t i = 0; err == OTP_OK && i < services->count; i++) {
		(void)snprintf(key, sizeof(key), "%.*s%s", (int)option_stem(option), option->key, services->entries[i].name);
		err = option_show(option->set, &services->entries[i].words, key, visit, arg);
	}
	return err;
}

enum otp_err options_each(const struct options *options, options_visitor *visit, void *arg)
{
	enum otp_err err = OTP_OK;

	for (size_t i = 0; err == OTP_OK && i < OPTION_COUNT; i++) {
		const struct option *option = &options_table[i];
		const char *field = (const char *)options + option->field;

		if (option_stem(option) > 0)
			err = option_show_services(option, (const void *)field, visit, arg);
		else
			err = option_show(option->set, field, option->key, visit, arg);
	}
	return err;
}

/* The row of a key; for a service's own key the one that its stem is of. */
static const struct option *option_find(const char *key, size_t length)
{
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const char *name = options_table[i].key;
		size_t stem = option_stem(&options_table[i]);

		if (stem == 0 ? strlen(name) == length && memcmp(name, key, length) == 0 : length >= stem && memcmp(name, key, stem) == 0)
			return &options_table[i];
	}
	return NULL;
}

/* `require_group.sudo`: as any other key, but counted for each service by itself. */
static enum otp_err option_set_service(struct option_source *source, const struct option *option, const struct config_place *place,
				       const char *key, size_t key_length, const char *value, struct note *note)
{
	struct option_services *services = (void *)((char *)source->options + option->field);
	size_t stem = option_stem(option);
	struct option_service *service;
	char whole[OPTION_KEY_SIZE];
	struct note why = { "" };

	if (!option_services_is_name(key + stem, key_length - stem))
		return config_unknown(place, key, key_length,
				      "not the name of a PAM service: at most 64 of a-z 0-9 . _ -, as PAM has them in lower case", note);
	(void)snprintf(whole, sizeof(whole), "%.*s", (int)key_length, key);
	service = option_services_entry(services, key + stem, key_length - stem);
	if (service == NULL)
		return config_complain(place, whole, "more than 16 services have a list of their own", OTP_ERR_CONFIG_VALUE, note);
	if (source->seen_service[service - services->entries])
		return config_complain(place, whole, "set twice", OTP_ERR_CONFIG_DUPLICATE, note);
	source->seen_service[service - services->entries] = true;
	if (option->set(value, option->min, option->max, &service->words, &why) != OTP_OK)
		return config_complain(place, whole, why.text, OTP_ERR_CONFIG_VALUE, note);
	return OTP_OK;
}

static enum otp_err option_set(void *target, const struct config_place *place, const char *key, size_t key_length, const char *value, struct note *note)
{
	struct option_source *source = target;
	const struct option *option = option_find(key, key_length);
	struct note why = { "" };

	if (option == NULL)
		return config_unknown(place, key, key_length, "no such setting", note);
	if (option_stem(option) > 0)
		return option_set_service(source, option, place, key, key_length, value, note);
	if (source->seen[option - options_table])
		return config_complain(place, option->key, "set twice", OTP_ERR_CONFIG_DUPLICATE, note);
	source->seen[option - options_table] = true;
	if (option->set(value, option->min, option->max, (char *)source->options + option->field, &why) != OTP_OK)
		return config_complain(place, option->key, why.text, OTP_ERR_CONFIG_VALUE, note);
	return OTP_OK;
}

static enum otp_err options_file(struct options *options, const char *path, struct note *note)
{
	struct option_source source = { .options = options };
	secret_auto struct secret text = SECRET_EMPTY;

	return config_file_read(path, OPTIONS_FILE_MAX, option_set, &source, &text, note);
}

static enum otp_err options_argument(struct option_source *source, const char *argument, struct note *note)
{
	const char *equals = strchr(argument, '=');
	char word[32];

	if (equals == NULL || equals == argument || equals[1] == '\0') {
		(void)snprintf(word, sizeof(word), "%s", argument[0] == '\0' ? "\"\"" : argument);
		return config_complain(&options_arguments, word, "not `key=value`", OTP_ERR_CONFIG_SYNTAX, note);
	}
	return option_set(source, &options_arguments, argument, (size_t)(equals - argument), equals + 1, note);
}

static const char *options_config_path(const char *argument)
{
	return strncmp(argument, "config=", 7) == 0 ? argument + 7 : NULL;
}

/* The file, once; then what stands on the PAM line over it. */
static enum otp_err options_sources(struct options *options, const char *const *arguments, size_t count, struct note *note)
{
	struct option_source line = { .options = options };
	const char *path = NULL;
	enum otp_err err;

	for (size_t i = 0; i < count; i++) {
		if (options_config_path(arguments[i]) == NULL)
			continue;
		if (path != NULL)
			return config_complain(&options_arguments, "config", "set twice", OTP_ERR_CONFIG_DUPLICATE, note);
		path = options_config_path(arguments[i]);
	}
	path = path == NULL ? OPTIONS_DEFAULT_FILE : path;
	options->mark = file_mark_of(path);
	err = options_file(options, path, note);
	for (size_t i = 0; err == OTP_OK && i < count; i++) {
		if (options_config_path(arguments[i]) == NULL)
			err = options_argument(&line, arguments[i], note);
	}
	return err;
}

static void options_defaults(struct options *options)
{
	struct note none;

	memset(options, 0, sizeof(*options));
	for (size_t i = 0; i < OPTION_COUNT; i++) {
		const struct option *option = &options_table[i];

		if (option->standard != NULL) /* a unit test shows that each default is accepted */
			(void)option->set(option->standard, option->min, option->max, (char *)options + option->field, &none);
	}
}

/* What region and pool imply, where nothing else was written. */
static enum otp_err options_derive(struct options *options, struct note *note)
{
	struct region region;
	int length = 0;

	if (region_parse(options->user_pool_id, &region) != OTP_OK) {
		note_set(note, "user_pool_id: no AWS region before the underscore");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->endpoint[0] != '\0' && (options->fips || options->dualstack)) {
		note_set(note, "endpoint: cannot be combined with fips or dualstack, which choose another one");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->endpoint[0] == '\0' &&
	    region_endpoint(&region, options->fips, options->dualstack, options->endpoint, sizeof(options->endpoint)) != OTP_OK) {
		note_set(note, "fips, dualstack: this partition has no such endpoint");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->issuer.count == 0) {
		(void)snprintf(options->issuer.text, sizeof(options->issuer.text), "https://cognito-idp.%s.%s/%s", region.name, region.suffix,
			       options->user_pool_id);
		options->issuer.words[0] = options->issuer.text;
		options->issuer.count = 1;
	}
	if (options->jwks_url[0] == '\0')
		length = snprintf(options->jwks_url, sizeof(options->jwks_url), "%s/.well-known/jwks.json", options->issuer.words[0]);
	if (length < 0 || (size_t)length >= sizeof(options->jwks_url)) {
		note_set(note, "issuer: too long");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->user_map[0] == '\0')
		(void)snprintf(options->user_map, sizeof(options->user_map), "%s", OPTIONS_DEFAULT_MAP);
	if (options->cache_dir[0] == '\0')
		(void)snprintf(options->cache_dir, sizeof(options->cache_dir), "%s", OTP_RUN_DIR);
	return OTP_OK;
}

/* Anybody can register a user name in many pools; groups are the pool owner's to give. */
static enum otp_err options_agree(const struct options *options, struct note *note)
{
	if (strncmp(options->user_template, "username:", 9) == 0 && options->require_group.count == 0) {
		note_set(note, "user_template: username: needs require_group, since anybody may register a name");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->unmapped == UNMAPPED_IGNORE && options->user_template[0] != '\0') {
		note_set(note, "unmapped: ignore has no effect with user_template, which maps everybody");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->connect_timeout > options->deadline) {
		note_set(note, "connect_timeout: longer than deadline");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->jwks_file[0] != '\0' && options->jwks_url[0] != '\0') {
		note_set(note, "jwks_file: cannot be combined with jwks_url");
		return OTP_ERR_CONFIG_VALUE;
	}
	if (options->proxy_credentials_file[0] != '\0' && options->proxy[0] == '\0') {
		note_set(note, "proxy_credentials_file: has no effect without proxy");
		return OTP_ERR_CONFIG_VALUE;
	}
	return OTP_OK;
}

/* What needs an administrator's rights needs AWS credentials, and from one place: of two nobody knows which is in force. */
static enum otp_err options_agree_aws(const struct options *options, struct note *note)
{
	bool file = options->aws_credentials_file[0] != '\0';

	if (file && options->aws_imds)
		note_set(note, "aws_imds: cannot be combined with aws_credentials_file");
	else if (options->check_user && !file && !options->aws_imds)
		note_set(note, "%s: needs aws_credentials_file or aws_imds", options->create_user ? "create_user" : "check_user");
	else if (!file && strcmp(options->aws_profile, "default") != 0)
		note_set(note, "aws_profile: has no effect without aws_credentials_file");
	else if (options->check_services.count > 0 && !options->check_user)
		note_set(note, "check_services: has no effect without check_user");
	else if (options->create_user && options->challenge != CHALLENGE_EMAIL_OTP)
		note_set(note, "create_user: only users with an email are created, so challenge must be email_otp");
	else
		return OTP_OK;
	return OTP_ERR_CONFIG_VALUE;
}

/*
 * An hour without the service being asked is the most: somebody who has been disabled there meanwhile would still be let in. What else is set
 * of the cache may stand while it is off: whoever switches it off in a hurry must not lock everybody out.
 */
static enum otp_err options_agree_cache(const struct options *options, struct note *note)
{
	if (options->cache_ttl <= OPTIONS_CACHE_OFFLINE_MAX || options->cache_check == CACHE_CHECK_ONLINE)
		return OTP_OK;
	note_set(note, "cache_ttl: more than 1h needs cache_check = online");
	return OTP_ERR_CONFIG_VALUE;
}

static enum otp_err options_required(const struct options *options, struct note *note)
{
	const char *missing = NULL;

	if (options->user_pool_id[0] == '\0')
		missing = "user_pool_id";
	else if (options->client_id[0] == '\0')
		missing = "client_id";
	if (missing == NULL)
		return OTP_OK;
	note_set(note, "%s: required, and set nowhere", missing);
	return OTP_ERR_CONFIG_MISSING;
}

enum otp_err options_load(struct options *options, const char *const *arguments, size_t argument_count, struct note *note)
{
	enum otp_err err;

	options_defaults(options);
	err = options_sources(options, arguments, argument_count, note);
	if (err == OTP_OK)
		err = options_required(options, note);
	if (err == OTP_OK)
		err = options_agree(options, note);
	options->check_user = options->check_user || options->create_user;
	if (err == OTP_OK)
		err = options_agree_aws(options, note);
	if (err == OTP_OK)
		err = options_agree_cache(options, note);
	options->user_map_named = options->user_map[0] != '\0';
	if (err == OTP_OK)
		err = options_derive(options, note);
	return err;
}
