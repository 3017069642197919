/* cache_list - see cache_list.h. */
#include "cache_list.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdint.h>
#include <string.h>
#include <sys/stat.h>

#include "base64url.h"
#include "cache_entries.h"
#include "crypto.h"
#include "log.h"
#include "policy.h"

enum { LIST_WORD_SIZE = 160, LIST_NUMBER_SIZE = 32, LIST_TYPE_SIZE = 80, LIST_PRINT_SIZE = 64 };

struct cache_list {
	const struct options *options;
	FILE *out;
	int64_t records;
	int64_t orphans;
};

/* --- why it does not count --------------------------------------------------------------------------------------------------------- */

/* NULL: it is in time. */
static const char *list_why_time(const struct options *options, const struct cache_record *record)
{
	bool outlives = record->slot.place == CACHE_KEY && record->tokens[0] != '\0';
	struct cache_record now = CACHE_RECORD_NONE;

	if (cache_record_is_fresh(record, options->cache_ttl, options->clock_skew, outlives))
		return NULL;
	if (!cache_record_stamp(&now))
		return "boot";
	if (strcmp(now.boot_id, record->boot_id) != 0)
		return outlives && now.wall > record->wall ? "expired" : outlives ? "clock" : "boot";
	return (now.boot_ms - record->boot_ms) / 1000 > options->cache_ttl ? "expired" : "clock";
}

/* The name of the first line of the record's binding that would be another one now; NULL: none. */
static const char *list_compare(const struct cache_call *call, const struct cache_record *record)
{
	static const char *const names[] = { "user", "uid", "pool", "client", "cognito", "sub", "challenge", "pins", "check", "settings", "map" };
	strbuf_auto struct strbuf binding = STRBUF_LIMIT(CACHE_BINDING_MAX);
	struct cache_record present = CACHE_RECORD_NONE;
	char then[CACHE_ENTRY_TEXT_SIZE];
	char now[CACHE_ENTRY_TEXT_SIZE];

	cache_binding(call, &binding);
	present.binding = binding; /* borrowed */
	if (strcmp(strbuf_text(&binding), strbuf_text(&record->binding)) == 0)
		return NULL;
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (!cache_record_bound(record, names[i], then, sizeof(then)) || !cache_record_bound(&present, names[i], now, sizeof(now)) ||
		    strcmp(then, now) != 0)
			return names[i];
	}
	return "settings";
}

/* Of several people who share the account it is about the one whom the record names. */
static const char *list_why_person(struct cache_call *call, const struct cache_record *record)
{
	struct policy_user *judged = call->judged;
	char person[CACHE_ENTRY_TEXT_SIZE];
	const char *value;

	if (!judged->shared)
		return list_compare(call, record);
	if (!cache_record_bound(record, "cognito", person, sizeof(person)) || (value = strchr(person, ':')) == NULL)
		return "cognito";
	return policy_choose(judged, value + 1) ? list_compare(call, record) : "cognito";
}

/* As a login of the user would be judged; NULL: the record is what it would be now. */
static const char *list_why_user(const struct options *options, const struct cache_entry *entry)
{
	struct policy_user judged;
	struct cache_call call = { .options = options, .user = entry->user, .judged = &judged };
	struct note note = { "" };
	enum otp_err err = policy_look_up(entry->user, &judged);

	if (err == OTP_OK)
		err = policy_judge(options, entry->user, &judged, &note);
	return err == OTP_OK ? list_why_person(&call, &entry->record) : err_reason(err);
}

static const char *list_why_tokens(int dir, const struct cache_entry *entry)
{
	struct cache_tokens_name name = { .uid = entry->slot.uid };
	strbuf_auto struct strbuf proof = STRBUF_LIMIT(CACHE_RECORD_MAX);
	struct cache_tokens tokens = CACHE_TOKENS_NONE;
	struct note note = { "" };
	enum otp_err err;

	if (entry->record.tokens[0] == '\0')
		return NULL;
	memcpy(name.id, entry->record.tokens, sizeof(name.id));
	cache_record_proof(&entry->record, &proof);
	err = proof.failed != OTP_OK ? proof.failed : cache_tokens_find(dir, &name, &proof, &tokens, &note);
	cache_tokens_done(&tokens);
	return err == OTP_OK ? NULL : err_reason(err);
}

/* One that waits counts for nobody until its session is open. */
static const char *list_why_pending(const struct cache_record *record)
{
	struct process opener = { record->slot.pid, 0, record->slot.start, PROCESS_NO_SESSION };

	if (!cache_record_is_fresh(record, CACHE_PENDING_S, CACHE_PENDING_S, false))
		return "expired";
	return process_lives(&opener) ? "waits" : "process_gone";
}

/* NULL: it counts. */
static const char *list_why(int dir, const struct options *options, const struct cache_entry *entry)
{
	const char *why;

	if (entry->err != OTP_OK)
		return err_reason(entry->err);
	if (!options->cache)
		return "cache_off";
	if (entry->slot.place == CACHE_PENDING)
		return list_why_pending(&entry->record);
	why = list_why_time(options, &entry->record);
	if (why == NULL)
		why = list_why_user(options, entry);
	return why == NULL ? list_why_tokens(dir, entry) : why;
}

/* --- what is shown ------------------------------------------------------------------------------------------------------------------ */

/* SHA256:..., of the Base64 of a key, which sshd writes without breaks; "-" for what is none. */
static void list_fingerprint(const char *text, size_t length, char out[LIST_PRINT_SIZE])
{
	unsigned char digest[CRYPTO_SHA256_SIZE];
	unsigned char key[CACHE_KEY_MAX];
	char url[CACHE_KEY_MAX];
	char encoded[CRYPTO_BASE64_SIZE(CRYPTO_SHA256_SIZE)];
	size_t key_length = 0;

	(void)snprintf(out, LIST_PRINT_SIZE, "-");
	while (length > 0 && text[length - 1] == '=')
		length--;
	if (length == 0 || length > sizeof(url))
		return;
	for (size_t i = 0; i < length; i++)
		url[i] = text[i] == '+' ? '-' : text[i] == '/' ? '_' : text[i];
	if (!base64url_decode(url, length, key, sizeof(key), &key_length) || crypto_sha256(key, key_length, digest) != OTP_OK)
		return;
	crypto_base64(digest, sizeof(digest), encoded);
	encoded[strcspn(encoded, "=")] = '\0';
	(void)snprintf(out, LIST_PRINT_SIZE, "SHA256:%s", encoded);
}

/* `key:publickey TYPE BASE64`. ssh-keygen prints of a certificate the fingerprint of the key in it, which is not looked for here. */
static void list_key(const char *key, char out[LIST_WORD_SIZE])
{
	static const char start[] = "key:publickey ";
	const char *type = strncmp(key, start, sizeof(start) - 1) == 0 ? key + sizeof(start) - 1 : "";
	size_t length = strcspn(type, " ");
	const char *base64 = type + length + strspn(type + length, " ");
	char shown_type[LIST_TYPE_SIZE];
	char shown_key[LIST_PRINT_SIZE] = "-";

	(void)snprintf(shown_type, sizeof(shown_type), "%.*s", (int)(length < LIST_TYPE_SIZE ? length : 0), type);
	if (strstr(shown_type, "-cert-") == NULL)
		list_fingerprint(base64, strcspn(base64, " "), shown_key);
	(void)snprintf(out, LIST_WORD_SIZE, "%s:%s", shown_type, shown_key);
}

/* By the clock that says more. */
static int64_t list_age(const struct cache_record *record)
{
	struct cache_record now = CACHE_RECORD_NONE;
	int64_t wall_s;
	int64_t boot_s;

	(void)cache_record_stamp(&now);
	wall_s = now.wall - record->wall;
	boot_s = strcmp(now.boot_id, record->boot_id) == 0 ? (now.boot_ms - record->boot_ms) / 1000 : 0;
	return boot_s > wall_s ? boot_s : wall_s;
}

static void list_bound(const struct cache_entry *entry, const char *name, char out[LIST_WORD_SIZE])
{
	char value[CACHE_ENTRY_TEXT_SIZE];

	if (entry->err != OTP_OK || !cache_record_bound(&entry->record, name, value, sizeof(value)))
		value[0] = '\0';
	log_clean(out, LIST_WORD_SIZE, value, true);
}

/* Where it lies: what stands behind the session=, key= or process= of its line. */
static void list_place(const struct cache_entry *entry, char out[LIST_WORD_SIZE])
{
	char key[LIST_WORD_SIZE] = "-";

	switch (entry->slot.place) {
	case CACHE_SESSION:
		(void)snprintf(out, LIST_WORD_SIZE, "session=%" PRIu32, entry->slot.session);
		break;
	case CACHE_KEY:
		if (entry->err == OTP_OK)
			list_key(strbuf_text(&entry->record.key), key);
		(void)snprintf(out, LIST_WORD_SIZE, "key=%.150s", key);
		break;
	case CACHE_PENDING:
		(void)snprintf(out, LIST_WORD_SIZE, "process=%ld", (long)entry->slot.pid);
		break;
	}
}

/* What is left of the time that it has, whether it counts or not. */
static void list_times(const struct options *options, const struct cache_entry *entry, char age[LIST_NUMBER_SIZE],
		       char left[LIST_NUMBER_SIZE])
{
	int64_t most = entry->slot.place == CACHE_PENDING ? CACHE_PENDING_S : options->cache_ttl;
	int64_t seconds;

	(void)snprintf(age, LIST_NUMBER_SIZE, "-");
	(void)snprintf(left, LIST_NUMBER_SIZE, "-");
	if (entry->err != OTP_OK)
		return;
	seconds = list_age(&entry->record);
	(void)snprintf(age, LIST_NUMBER_SIZE, "%" PRId64 "s", seconds);
	(void)snprintf(left, LIST_NUMBER_SIZE, "%" PRId64 "s", seconds < most ? most - seconds : 0);
}

static const char *list_check(const struct cache_entry *entry)
{
	if (entry->err != OTP_OK)
		return "-";
	return entry->record.tokens[0] == '\0' ? "offline" : "online";
}

static void list_record(struct cache_list *list, int dir, const struct cache_entry *entry)
{
	static const char *const kinds[] = { [CACHE_SESSION] = "session", [CACHE_KEY] = "key", [CACHE_PENDING] = "pending" };
	const char *why = list_why(dir, list->options, entry);
	char user[LIST_WORD_SIZE];
	char cognito[LIST_WORD_SIZE];
	char place[LIST_WORD_SIZE];
	char age[LIST_NUMBER_SIZE];
	char left[LIST_NUMBER_SIZE];

	list_bound(entry, "user", user);
	list_bound(entry, "cognito", cognito);
	list_place(entry, place);
	list_times(list->options, entry, age, left);
	fprintf(list->out, "%-8suser=%s uid=%lu cognito=%s %s age=%s left=%s check=%s counts=%s why=%s\n", kinds[entry->slot.place], user,
		(unsigned long)entry->slot.uid, cognito, place, age, left, list_check(entry), why == NULL ? "yes" : "no", why == NULL ? "-" : why);
	list->records++;
}

/* Nobody can open them any more: what they were sealed with is in the record that is gone. */
static void list_orphan(struct cache_list *list, int dir, const struct cache_entry *entry)
{
	int64_t age = 0;
	struct stat st;

	if (fstatat(dir, entry->file, &st, AT_SYMLINK_NOFOLLOW) == 0)
		age = clock_wall() - st.st_mtim.tv_sec;
	fprintf(list->out, "tokens  uid=%lu age=%" PRId64 "s counts=no why=no_record\n", (unsigned long)entry->tokens.uid, age);
	list->orphans++;
}

static enum otp_err list_one(int dir, const struct cache_entry *entry, void *arg)
{
	struct cache_list *list = arg;

	if (entry->orphan)
		list_orphan(list, dir, entry);
	else
		list_record(list, dir, entry);
	return OTP_OK;
}

enum otp_err cache_list_show(const struct options *options, const char *user, FILE *out, struct note *note)
{
	struct cache_list list = { options, out, 0, 0 };
	enum otp_err err = cache_entries_each(options, user, list_one, &list, note);

	if (err == OTP_OK)
		fprintf(out, "records: %" PRId64 ", tokens without a record: %" PRId64 "\n", list.records, list.orphans);
	return err;
}
