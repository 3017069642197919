/* sshd_settings - see sshd_settings.h. */
#include "sshd_settings.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "command.h"

enum { SSHD_LIMIT_MS = 10 * 1000, SSHD_OUTPUT_MAX = 64 * 1024, SSHD_SPEC_MAX = 320 };

/* --- what it printed ------------------------------------------------------------------------------------------------------------ */

/* The rest of the line that begins with the key, in any case of letters, into `out`; false: there is none, or no room. */
static bool sshd_value(const char *text, const char *key, char *out, size_t size)
{
	size_t length = strlen(key);

	while (text != NULL && *text != '\0') {
		const char *end = strchr(text, '\n');
		size_t whole = end == NULL ? strlen(text) : (size_t)(end - text);

		if (whole > length && text[length] == ' ' && strncasecmp(text, key, length) == 0) {
			if (whole - length > size)
				return false;
			memcpy(out, text + length + 1, whole - length - 1);
			out[whole - length - 1] = '\0';
			return true;
		}
		text = end == NULL ? NULL : end + 1;
	}
	return false;
}

static bool sshd_switch(const char *text, const char *key, bool *ret_on)
{
	char value[8];

	if (!sshd_value(text, key, value, sizeof(value)) || (strcmp(value, "yes") != 0 && strcmp(value, "no") != 0))
		return false;
	*ret_on = strcmp(value, "yes") == 0;
	return true;
}

static bool sshd_number(const char *text, const char *key, int64_t *ret_number)
{
	char value[24];
	char *end;

	if (!sshd_value(text, key, value, sizeof(value)))
		return false;
	*ret_number = strtoll(value, &end, 10);
	return end != value && *end == '\0' && *ret_number >= 0;
}

static enum otp_err sshd_missing(const char *key, struct note *note)
{
	note_set(note, "sshd -T names no %s", key);
	return OTP_ERR_CONFIG_MISSING;
}

enum otp_err sshd_settings_parse(const char *text, struct sshd_settings *ret_settings, struct note *note)
{
	struct sshd_settings found;

	memset(&found, 0, sizeof(found));		  /* padding, too */
	if (!sshd_switch(text, "usepam", &found.use_pam)) /* a build without PAM does not know it */
		return sshd_missing("usepam", note);
	if (!sshd_switch(text, "kbdinteractiveauthentication", &found.keyboard) &&
	    !sshd_switch(text, "challengeresponseauthentication", &found.keyboard)) /* before 8.7 */
		return sshd_missing("kbdinteractiveauthentication", note);
	if (!sshd_switch(text, "passwordauthentication", &found.password))
		return sshd_missing("passwordauthentication", note);
	if (!sshd_switch(text, "pubkeyauthentication", &found.public_key))
		return sshd_missing("pubkeyauthentication", note);
	if (!sshd_switch(text, "usedns", &found.use_dns))
		return sshd_missing("usedns", note);
	if (!sshd_number(text, "logingracetime", &found.grace))
		return sshd_missing("logingracetime", note);
	if (!sshd_number(text, "maxauthtries", &found.max_auth_tries))
		return sshd_missing("maxauthtries", note);
	if (!sshd_value(text, "authenticationmethods", found.methods, sizeof(found.methods)))
		return sshd_missing("authenticationmethods", note);
	if (!sshd_value(text, "pamservicename", found.service, sizeof(found.service)))
		(void)snprintf(found.service, sizeof(found.service), "sshd");
	(void)sshd_switch(text, "hostbasedauthentication", &found.host_based);
	(void)sshd_switch(text, "gssapiauthentication", &found.gssapi); /* not in every build */
	*ret_settings = found;
	return OTP_OK;
}

/* --- asking --------------------------------------------------------------------------------------------------------------------- */

/* The last two lines: the complaint, and what sshd did then. */
static void sshd_last_words(const char *text, struct note *note)
{
	size_t length = strlen(text);
	const char *second = text + length;
	const char *first;

	while (second > text && (second[-1] == '\n' || second[-1] == '\r'))
		second--;
	length = (size_t)(second - text);
	second = memrchr(text, '\n', length);
	if (second == NULL) {
		note_set(note, "%.*s", (int)length, text);
		return;
	}
	first = memrchr(text, '\n', (size_t)(second - text));
	first = first == NULL ? text : first + 1;
	note_set(note, "%.*s; %.*s", (int)strcspn(first, "\r\n"), first, (int)(text + length - second - 1), second + 1);
}

static enum otp_err sshd_ask_once(const char *connection, struct sshd_settings *ret_settings, struct note *note)
{
	strbuf_auto struct strbuf out = STRBUF_LIMIT(SSHD_OUTPUT_MAX);
	char program[] = SSHD_PROGRAM;
	char test[] = "-T";
	char option[] = "-C";
	char spec[SSHD_SPEC_MAX];
	char *argv[] = { program, test, connection == NULL ? NULL : option, spec, NULL };
	int status = 0;
	enum otp_err err;

	if (snprintf(spec, sizeof(spec), "%s", connection == NULL ? "" : connection) >= (int)sizeof(spec))
		return OTP_ERR_SYSTEM;
	note_set(note, "%s", "");
	err = command_run(argv, SSHD_LIMIT_MS, &out, &status);
	if (err != OTP_OK)
		return err;
	if (status != 0) {
		sshd_last_words(strbuf_text(&out), note);
		return OTP_ERR_CONFIG_SYNTAX;
	}
	return sshd_settings_parse(strbuf_text(&out), ret_settings, note);
}

/* Match LocalPort and Match LocalAddress want to be told, where the other Match blocks take nothing for an answer. */
enum otp_err sshd_settings_ask(const char *connection, struct sshd_settings *ret_settings, struct note *note)
{
	char local[SSHD_SPEC_MAX];
	enum otp_err err = sshd_ask_once(connection, ret_settings, note);

	if (err != OTP_ERR_CONFIG_SYNTAX || strstr(note->text, "connection test specification") == NULL)
		return err;
	if (snprintf(local, sizeof(local), "%s%sladdr=192.0.2.22,lport=22", connection == NULL ? "" : connection, connection == NULL ? "" : ",") >=
	    (int)sizeof(local))
		return OTP_ERR_SYSTEM;
	return sshd_ask_once(local, ret_settings, note);
}

/* --- ways in -------------------------------------------------------------------------------------------------------------------- */

/* Whether the list, which ends at a blank, has the method, with whatever device behind a colon. */
static bool sshd_has_method(const char *list, const char *method)
{
	size_t length = strlen(method);

	while (*list != '\0' && *list != ' ') {
		size_t word = strcspn(list, ", ");

		if (word >= length && strncmp(list, method, length) == 0 && (word == length || list[length] == ':'))
			return true;
		list += word;
		list += *list == ',';
	}
	return false;
}

/* Of keyboard-interactive's devices only PAM exists on Linux: a way through another one is none. */
static bool sshd_has_no_device(const char *list)
{
	static const char keyboard[] = "keyboard-interactive:";
	size_t length = strcspn(list, " ");
	const char *found = memmem(list, length, keyboard, sizeof(keyboard) - 1);

	if (found == NULL)
		return false;
	found += sizeof(keyboard) - 1;
	return strcspn(found, ", ") != 3 || strncmp(found, "pam", 3) != 0;
}

static void sshd_add_way(struct sshd_ways *ways, const char *list)
{
	bool keyboard = sshd_has_method(list, "keyboard-interactive");
	bool password = sshd_has_method(list, "password");
	bool key = sshd_has_method(list, "publickey") || sshd_has_method(list, "hostbased") || sshd_has_method(list, "gssapi-with-mic");

	if (sshd_has_no_device(list))
		return;
	ways->code |= keyboard;
	ways->password |= password;
	ways->code_only |= keyboard && !key;
	ways->no_code |= !keyboard && !password; /* a password is given to PAM, and so to the module */
}

struct sshd_ways sshd_settings_ways(const struct sshd_settings *settings)
{
	struct sshd_ways ways = { false, false, false, false };
	const char *list = settings->methods;

	if (strcmp(list, "any") == 0) {
		ways.code = ways.code_only = settings->keyboard;
		ways.password = settings->password;
		ways.no_code = settings->public_key || settings->host_based || settings->gssapi;
		return ways;
	}
	while (*(list += strspn(list, " ")) != '\0') {
		sshd_add_way(&ways, list);
		list += strcspn(list, " ");
	}
	ways.password = ways.password && settings->password;
	return ways;
}
