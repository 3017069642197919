/* cache - see cache.h. */
#include "cache.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cache_session.h"
#include "log.h"
#include "safe_file.h"
#include "secret.h"

enum { CACHE_PLACES_MAX = 3 };

static void cache_close(const int *dir)
{
	if (*dir >= 0)
		(void)close(*dir);
}

#define cache_dir_auto __attribute__((cleanup(cache_close)))

enum otp_err cache_open(const struct options *options, int *ret_dir, struct note *note)
{
	return safe_dir_open(options->cache_dir, ret_dir, note);
}

static bool cache_is_online(const struct options *options)
{
	return options->cache_check == CACHE_CHECK_ONLINE;
}

/* Works in his own name, in a login session. Root's own is nobody's: sshd runs as root on behalf of strangers. */
static bool cache_is_own(const struct cache_call *call)
{
	const struct policy_user *judged = call->judged;
	bool own = judged->known && judged->uid != 0 && call->real_uid == judged->uid && call->door.pid != 0;

	return own && cache_session_is_open(call->options->cache_dir, call->door.session);
}

/* Of a shared account two people may have the same key: then nobody knows which of them it is. */
static bool cache_is_keyed(const struct cache_call *call)
{
	return call->caller->kind == CALLER_KEY && call->judged->known && call->judged->uid != 0 && !call->judged->shared;
}

/* --- what it is bound to ------------------------------------------------------------------------------------------------------------- */

/* Whose word it was: on a PAM line these can be others than in the file. */
static void cache_bind_authority(const struct options *options, struct strbuf *out)
{
	strbuf_puts(out, "endpoint=");
	strbuf_puts(out, options->endpoint);
	for (size_t i = 0; i < options->issuer.count; i++) {
		strbuf_puts(out, "\nissuer=");
		strbuf_puts(out, options->issuer.words[i]);
	}
	strbuf_puts(out, "\njwks=");
	strbuf_puts(out, options->jwks_file[0] != '\0' ? options->jwks_file : options->jwks_url);
	strbuf_puts(out, "\nca=");
	strbuf_puts(out, options->ca_file);
	strbuf_puts(out, "\n");
}

void cache_binding(const struct cache_call *call, struct strbuf *out)
{
	const struct options *options = call->options;
	const struct identity *identity = &call->judged->identity;

	strbuf_printf(out, "user=%s\nuid=%lu\n", call->user, (unsigned long)call->judged->uid);
	strbuf_printf(out, "pool=%s\nclient=%s\n", options->user_pool_id, options->client_id);
	cache_bind_authority(options, out);
	strbuf_printf(out, "cognito=%s:%s\nsub=%s\n", identity_kind_name(identity->kind), identity->value, identity->sub);
	strbuf_printf(out, "challenge=%s\n", options->challenge == CHALLENGE_SMS_OTP ? "sms_otp" : "email_otp");
	strbuf_printf(out, "pins=%s\n", options->pin_sub || options->create_user ? "yes" : "no");
	strbuf_printf(out, "check=%s\n", cache_is_online(options) ? "online" : "offline");
	strbuf_printf(out, "settings=%s\nmap=%s\n", options->mark.text, call->judged->map_mark.text);
}

static bool cache_is_bound(const struct cache_call *call, const struct cache_record *record)
{
	strbuf_auto struct strbuf binding = STRBUF_LIMIT(CACHE_BINDING_MAX);

	cache_binding(call, &binding);
	return binding.failed == OTP_OK && binding.length == record->binding.length &&
	       memcmp(binding.text, strbuf_text(&record->binding), binding.length) == 0;
}

/* A group that this program wants and another did not is no reason to be let in here. */
static bool cache_has_group(const struct cache_call *call, const struct cache_record *record)
{
	const struct option_words *wanted = options_required_groups(call->options, call->service);

	for (size_t i = 0; i < wanted->count; i++) {
		size_t length = strlen(wanted->words[i]);
		const char *found = record->groups;

		while ((found = strstr(found, wanted->words[i])) != NULL) {
			if ((found == record->groups || found[-1] == ' ') && (found[length] == '\0' || found[length] == ' '))
				return true;
			found += length;
		}
	}
	return wanted->count == 0;
}

/* --- using ---------------------------------------------------------------------------------------------------------------------------- */

enum otp_err cache_read(int dir, const struct cache_slot *slot, struct cache_record *ret_record, struct note *note)
{
	secret_auto struct secret text = SECRET_EMPTY;
	char name[CACHE_NAME_SIZE];
	char wanted[CACHE_NAME_SIZE];
	struct stat st;
	int64_t mtime;
	enum otp_err err;

	*ret_record = (struct cache_record)CACHE_RECORD_NONE;
	cache_slot_name(slot, wanted);
	if (fstatat(dir, wanted, &st, AT_SYMLINK_NOFOLLOW) != 0)
		return OTP_IGNORED;
	err = safe_dir_read(dir, wanted, CACHE_RECORD_MAX, &text, &mtime, note);
	if (err != OTP_OK && fstatat(dir, wanted, &st, AT_SYMLINK_NOFOLLOW) != 0) {
		note_set(note, "%s", "");
		return OTP_IGNORED; /* its session ended in this instant */
	}
	if (err != OTP_OK)
		return err;
	if (!cache_record_parse(secret_text(&text), text.length, ret_record)) {
		note_set(note, "%s: damaged", wanted);
		return OTP_ERR_STATE_IO;
	}
	cache_slot_name(&ret_record->slot, name);
	if (strcmp(name, wanted) == 0)
		return OTP_OK;
	cache_record_done(ret_record);
	*ret_record = (struct cache_record)CACHE_RECORD_NONE;
	note_set(note, "%s: a copy of %s", wanted, name);
	return OTP_ERR_STATE_IO;
}

/* For the person who is judged->identity now. */
static bool cache_counts(const struct cache_call *call, const struct cache_record *record)
{
	const struct options *options = call->options;
	bool online = cache_is_online(options);

	if (online != (record->tokens[0] != '\0'))
		return false;
	if (!cache_record_is_fresh(record, options->cache_ttl, options->clock_skew, online && record->slot.place == CACHE_KEY))
		return false;
	return cache_is_bound(call, record) && cache_has_group(call, record);
}

/* Of several people the one who has proved himself in this session. */
static bool cache_counts_for_person(const struct cache_call *call, const struct cache_record *record)
{
	struct policy_user *judged = call->judged;
	struct policy_user before = *judged;

	if (!judged->shared)
		return judged->mapped && cache_counts(call, record);
	for (size_t i = 0; i < judged->people_count; i++) {
		if (policy_choose(judged, judged->people[i].value) && cache_counts(call, record))
			return true;
	}
	*judged = before;
	return false;
}

/* The place whose record this caller may use. */
static bool cache_place_to_use(const struct cache_call *call, struct cache_slot *ret_slot)
{
	if (cache_is_own(call))
		*ret_slot = cache_slot_session(call->judged->uid, call->door.session);
	else if (call->ssh && call->real_uid == 0 && cache_is_keyed(call)) /* only root's sshd can say which key it was */
		*ret_slot = cache_slot_key(call->judged->uid, call->source);
	else
		return false;
	return true;
}

/* Something that is none of ours lies where a record may: an administrator wants to know. */
static bool cache_complain(const struct cache_call *call, enum otp_err err, const struct note *note)
{
	char user[CACHE_NAME_SIZE];

	log_clean(user, sizeof(user), call->user, true);
	if (err != OTP_IGNORED)
		log_warning("event=cache_not_used reason=%s user=%s detail=\"%s\"", err_reason(err), user, note->text);
	return false;
}

bool cache_find(const struct cache_call *call, struct cache_record *ret_record, struct note *note)
{
	cache_dir_auto int dir = -1;
	struct cache_slot slot;
	enum otp_err err;

	*ret_record = (struct cache_record)CACHE_RECORD_NONE;
	if (!call->options->cache || !option_words_has(&call->options->cache_services, call->service))
		return false;
	err = cache_open(call->options, &dir, note);
	if (err == OTP_OK)
		err = cache_place_to_use(call, &slot) ? cache_read(dir, &slot, ret_record, note) : OTP_IGNORED;
	if (err != OTP_OK)
		return cache_complain(call, err, note);
	if (slot.place == CACHE_KEY && strcmp(strbuf_text(&ret_record->key), call->source) != 0)
		note_set(note, "the record is of another key");
	else if (!cache_counts_for_person(call, ret_record))
		note_set(note, "the record does not count any more: its time is over, or settings, map, groups or the boot are others");
	else
		return true;
	return false;
}

/* --- keeping -------------------------------------------------------------------------------------------------------------------------- */

/* Where a login of this caller leaves a record; returns how many. */
static size_t cache_places_to_keep(const struct cache_call *call, struct cache_slot slots[CACHE_PLACES_MAX])
{
	uid_t uid = call->judged->uid;
	struct process parent;
	size_t count = 0;

	if (!call->options->cache || !call->judged->known || uid == 0 || call->door.pid == 0)
		return 0;
	if (cache_is_own(call))
		slots[count++] = cache_slot_session(uid, call->door.session);
	if (call->real_uid != 0)
		return count;
	slots[count++] = cache_slot_pending(uid, &call->door);
	if (call->ssh && process_read(call->door.parent, &parent)) /* sshd asks in a process of its own, whose parent opens the session */
		slots[count++] = cache_slot_pending(uid, &parent);
	if (call->ssh && cache_is_keyed(call) && option_words_has(&call->options->cache_services, call->service))
		slots[count++] = cache_slot_key(uid, call->source);
	return count;
}

bool cache_would_keep(const struct cache_call *call)
{
	struct cache_slot slots[CACHE_PLACES_MAX];

	return cache_places_to_keep(call, slots) > 0;
}

/* A directory in its place cannot be renamed over: it goes out of the way, as a bad file would. */
static enum otp_err cache_write(int dir, const struct cache_record *record, struct note *note)
{
	strbuf_auto struct strbuf text = STRBUF_LIMIT(CACHE_RECORD_MAX);
	char name[CACHE_NAME_SIZE];
	struct stat st;

	cache_slot_name(&record->slot, name);
	cache_record_write(record, &text);
	if (text.failed != OTP_OK)
		return text.failed == OTP_ERR_MEMORY ? OTP_ERR_MEMORY : OTP_ERR_STATE_IO;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode))
		safe_dir_remove(dir, name);
	return safe_dir_write(dir, name, text.text, text.length, note);
}

/* Of what lies in the place now only a record with other tokens is of interest. */
static void cache_look_at_replaced(int dir, const struct cache_record *record, struct cache_record *replaced)
{
	cache_record_auto struct cache_record before = CACHE_RECORD_NONE;
	struct note note = { "" };

	if (record->slot.place == CACHE_PENDING || cache_read(dir, &record->slot, &before, &note) != OTP_OK)
		return;
	if (before.tokens[0] == '\0' || strcmp(before.tokens, record->tokens) == 0)
		return;
	cache_record_done(replaced);
	*replaced = before;
	before = (struct cache_record)CACHE_RECORD_NONE;
}

static enum otp_err cache_keep_in(int dir, const struct cache_call *call, struct cache_record *record, const struct cache_slot *slot,
				  struct cache_record *replaced, struct note *note)
{
	record->slot = *slot;
	strbuf_done(&record->key);
	if (slot->place == CACHE_KEY)
		strbuf_puts(&record->key, call->source);
	cache_look_at_replaced(dir, record, replaced);
	return cache_write(dir, record, note);
}

enum otp_err cache_keep(const struct cache_call *call, struct cache_record *record, struct cache_record *ret_replaced, struct note *note)
{
	struct cache_slot slots[CACHE_PLACES_MAX];
	size_t count = cache_places_to_keep(call, slots);
	cache_dir_auto int dir = -1;
	enum otp_err result = cache_open(call->options, &dir, note);

	*ret_replaced = (struct cache_record)CACHE_RECORD_NONE;
	if (result != OTP_OK)
		return result;
	for (size_t i = 0; i < count; i++) {
		enum otp_err err = cache_keep_in(dir, call, record, &slots[i], ret_replaced, note);

		if (err != OTP_OK)
			result = err;
	}
	if (cache_has_tokens(dir, call->judged->uid, ret_replaced->tokens))
		ret_replaced->tokens[0] = '\0';
	return result;
}

/* --- sessions ------------------------------------------------------------------------------------------------------------------------- */

static bool cache_is_waiting(const struct cache_record *record)
{
	return cache_record_is_fresh(record, CACHE_PENDING_S, CACHE_PENDING_S, false);
}

/* Of one proof a record may wait in two places, see cache_places_to_keep. */
static enum otp_err cache_drop_twin(int dir, const struct cache_slot *slot, void *arg)
{
	const struct cache_record *record = arg;
	cache_record_auto struct cache_record twin = CACHE_RECORD_NONE;
	struct note note = { "" };

	if (slot->place != CACHE_PENDING || slot->uid != record->slot.uid || cache_read(dir, slot, &twin, &note) != OTP_OK)
		return OTP_OK;
	if (twin.boot_ms == record->boot_ms && strcmp(twin.tokens, record->tokens) == 0)
		cache_remove(dir, slot);
	return OTP_OK;
}

enum otp_err cache_bind(const struct options *options, uid_t uid, const struct process *opener, struct note *note)
{
	struct cache_slot pending = cache_slot_pending(uid, opener);
	char name[CACHE_NAME_SIZE];
	struct stat st;
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	cache_dir_auto int dir = -1;
	enum otp_err err;

	if (!options->cache || uid == 0 || !process_began_session(opener))
		return OTP_IGNORED;
	err = cache_open(options, &dir, note);
	if (err == OTP_OK)
		err = cache_read(dir, &pending, &record, note);
	if (err == OTP_OK && cache_is_waiting(&record)) {
		record.slot = cache_slot_session(uid, opener->session);
		err = cache_write(dir, &record, note);
		cache_slot_name(&pending, name);
		if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) != 0) /* a purge was faster: it meant this one, too */
			cache_remove(dir, &record.slot);
		(void)cache_each(dir, cache_drop_twin, &record);
		return err;
	}
	if (err != OTP_IGNORED)
		cache_remove(dir, &pending);
	return err == OTP_OK ? OTP_IGNORED : err;
}

enum otp_err cache_end_session(const struct options *options, uid_t uid, const struct process *opener, struct cache_record *ret_record,
			       struct note *note)
{
	struct cache_slot slot = cache_slot_session(uid, opener->session);
	cache_dir_auto int dir = -1;
	enum otp_err err;

	*ret_record = (struct cache_record)CACHE_RECORD_NONE;
	if (!options->cache || uid == 0 || !process_began_session(opener))
		return OTP_IGNORED;
	err = cache_open(options, &dir, note);
	if (err == OTP_OK)
		err = cache_read(dir, &slot, ret_record, note);
	if (err == OTP_IGNORED)
		return err;
	cache_remove(dir, &slot);
	if (err != OTP_OK)
		return err;
	if (cache_has_tokens(dir, uid, ret_record->tokens))
		ret_record->tokens[0] = '\0';
	return OTP_OK;
}

/* --- all of them ---------------------------------------------------------------------------------------------------------------------- */

void cache_remove(int dir, const struct cache_slot *slot)
{
	char name[CACHE_NAME_SIZE];

	cache_slot_name(slot, name);
	safe_dir_remove(dir, name);
}

void cache_forget(int dir, const struct cache_record *record)
{
	cache_record_auto struct cache_record now = CACHE_RECORD_NONE;
	struct note note = { "" };

	if (cache_read(dir, &record->slot, &now, &note) != OTP_OK || (strcmp(now.tokens, record->tokens) == 0 && now.boot_ms == record->boot_ms))
		cache_remove(dir, &record->slot);
}

enum otp_err cache_each(int dir, cache_visitor *visit, void *arg)
{
	int fd = openat(dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *files = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;
	struct cache_slot slot;
	enum otp_err err = OTP_OK;

	if (files == NULL) {
		cache_close(&fd);
		return OTP_ERR_STATE_IO;
	}
	while (err == OTP_OK && (entry = readdir(files)) != NULL) {
		if (cache_slot_parse(entry->d_name, &slot))
			err = visit(dir, &slot, arg);
	}
	(void)closedir(files);
	return err;
}

struct cache_search {
	uid_t uid;
	const char *tokens;
};

/* OTP_IGNORED ends the search: there is one. */
static enum otp_err cache_compare_tokens(int dir, const struct cache_slot *slot, void *arg)
{
	const struct cache_search *search = arg;
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	struct note note = { "" };

	if (slot->uid != search->uid || cache_read(dir, slot, &record, &note) != OTP_OK)
		return OTP_OK;
	return strcmp(record.tokens, search->tokens) == 0 ? OTP_IGNORED : OTP_OK;
}

bool cache_has_tokens(int dir, uid_t uid, const char *tokens)
{
	struct cache_search search = { uid, tokens };

	return tokens[0] != '\0' && cache_each(dir, cache_compare_tokens, &search) == OTP_IGNORED;
}
