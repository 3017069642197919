/* cache_purge - see cache_purge.h. */
#include "cache_purge.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cache_entries.h"
#include "clock.h"
#include "log.h"
#include "safe_file.h"
#include "service.h"

enum {
	PURGE_PASSES = 4, /* what waits for a session may move to another name while the names are read */
	PURGE_WORD_SIZE = 160
};

/* A refresh token to be revoked. */
struct purge_token {
	struct purge_token *next;
	char id[CACHE_TOKENS_ID_SIZE + 1];
	char user[PURGE_WORD_SIZE];    /* cleaned */
	char cognito[PURGE_WORD_SIZE]; /* cleaned */
	bool ours;		       /* of the app client of the settings */
	struct secret refresh;
	enum otp_err err; /* why it could not be opened */
};

struct purge {
	const struct options *options;
	FILE *out;
	struct purge_token *tokens;
	int64_t records;
	int64_t sealed;
	int64_t revoked;
	int64_t removed; /* in this pass, of both */
	enum otp_err err; /* something could not be taken away */
	struct note *note;
};

/* --- taking away -------------------------------------------------------------------------------------------------------------------- */

static bool purge_has(const struct purge *purge, const char *id)
{
	for (const struct purge_token *token = purge->tokens; token != NULL; token = token->next) {
		if (strcmp(token->id, id) == 0)
			return true;
	}
	return false;
}

static bool purge_is_same(const struct cache_record *record, const char *name, const char *now)
{
	char then[CACHE_ENTRY_TEXT_SIZE];

	return cache_record_bound(record, name, then, sizeof(then)) && strcmp(then, now) == 0;
}

static void purge_open(int dir, const struct cache_entry *entry, struct purge_token *token)
{
	struct cache_tokens_name name = { .uid = entry->slot.uid };
	strbuf_auto struct strbuf proof = STRBUF_LIMIT(CACHE_RECORD_MAX);
	struct cache_tokens tokens = CACHE_TOKENS_NONE;
	struct note note = { "" };

	memcpy(name.id, entry->record.tokens, sizeof(name.id));
	cache_record_proof(&entry->record, &proof);
	token->err = proof.failed != OTP_OK ? proof.failed : cache_tokens_find(dir, &name, &proof, &tokens, &note);
	secret_move(&token->refresh, &tokens.refresh);
	cache_tokens_done(&tokens);
}

/* Before its record goes, without which they do not open. Several records of one login have the same. */
static void purge_keep_tokens(struct purge *purge, int dir, const struct cache_entry *entry)
{
	char cognito[CACHE_ENTRY_TEXT_SIZE];
	struct purge_token *token;

	if (entry->err != OTP_OK || entry->record.tokens[0] == '\0' || purge_has(purge, entry->record.tokens))
		return;
	token = calloc(1, sizeof(*token));
	if (token == NULL)
		return;
	memcpy(token->id, entry->record.tokens, sizeof(token->id));
	log_clean(token->user, sizeof(token->user), entry->user, true);
	if (!cache_record_bound(&entry->record, "cognito", cognito, sizeof(cognito)))
		cognito[0] = '\0';
	log_clean(token->cognito, sizeof(token->cognito), cognito, true);
	token->ours = purge_is_same(&entry->record, "pool", purge->options->user_pool_id) &&
		      purge_is_same(&entry->record, "client", purge->options->client_id);
	purge_open(dir, entry, token);
	token->next = purge->tokens;
	purge->tokens = token;
}

static enum otp_err purge_one(int dir, const struct cache_entry *entry, void *arg)
{
	struct purge *purge = arg;

	if (!entry->orphan)
		purge_keep_tokens(purge, dir, entry);
	safe_dir_remove(dir, entry->file);
	if (faccessat(dir, entry->file, F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		purge->err = OTP_ERR_STATE_IO;
		note_set(purge->note, "%s/%s cannot be removed", purge->options->cache_dir, entry->file);
		return OTP_OK;
	}
	purge->removed++;
	if (!entry->orphan) {
		purge->records++;
		return OTP_OK;
	}
	purge->sealed++;
	if (!purge_has(purge, entry->tokens.id))
		fprintf(purge->out, "not revoked: uid=%lu: no record opens these tokens\n", (unsigned long)entry->tokens.uid);
	return OTP_OK;
}

static enum otp_err purge_remove(struct purge *purge, const char *user)
{
	enum otp_err err = OTP_OK;

	for (int pass = 0; err == OTP_OK && pass < PURGE_PASSES; pass++) {
		purge->removed = 0;
		purge->err = OTP_OK;
		err = cache_entries_each(purge->options, user, purge_one, purge, purge->note);
		if (purge->removed == 0)
			break;
	}
	return err == OTP_OK ? purge->err : err;
}

/* --- revoking ----------------------------------------------------------------------------------------------------------------------- */

static void purge_complain(const struct purge *purge, const struct purge_token *token, const char *why, const struct note *note)
{
	char clean[NOTE_MAX];

	log_clean(clean, sizeof(clean), note->text, false);
	fprintf(purge->out, "not revoked: user=%s cognito=%s: %s%s%s\n", token->user, token->cognito, why, clean[0] == '\0' ? "" : ": ", clean);
}

static enum otp_err purge_revoke(struct service *service, struct purge_token *token)
{
	enum otp_err err;

	note_set(service->note, "%s", "");
	if (deadline_left_ms(service->deadline) == 0)
		return OTP_ERR_NET_TIMEOUT;
	err = cognito_revoke(&service->cognito, &token->refresh);
	secret_done(&token->refresh);
	return err;
}

static bool purge_can_revoke(const struct purge *purge, const struct purge_token *token)
{
	static const struct note none = { "" };

	if (!token->ours)
		purge_complain(purge, token, "they are of another pool or app client than the settings name", &none);
	else if (token->err != OTP_OK)
		purge_complain(purge, token, err_reason(token->err), &none);
	else
		return true;
	return false;
}

/* Once the service cannot be reached, nothing more is tried, and all the others are told with the same reason. */
static void purge_revoke_each(struct purge *purge, struct service *service, enum otp_err err)
{
	bool open = err == OTP_OK;
	struct note why = *service->note;

	for (struct purge_token *token = purge->tokens; token != NULL; token = token->next) {
		if (!purge_can_revoke(purge, token))
			continue;
		if (open) {
			err = purge_revoke(service, token);
			why = *service->note;
			open = err == OTP_OK || (err_class(err) != OTP_CLASS_UNREACHABLE && err_class(err) != OTP_CLASS_UNTRUSTED);
		}
		if (err == OTP_OK)
			purge->revoked++;
		else
			purge_complain(purge, token, err_reason(err), &why);
	}
}

static void purge_revoke_all(struct purge *purge)
{
	struct deadline deadline = deadline_start(purge->options->deadline * 1000);
	struct note note = { "" };
	struct service service;

	if (purge->tokens == NULL)
		return;
	service_begin(&service, purge->options, &deadline, &note);
	service.pins_pool = NULL; /* nobody is let in here */
	purge_revoke_each(purge, &service, service_prepare(&service));
	service_end(&service);
}

static void purge_done(struct purge *purge)
{
	while (purge->tokens != NULL) {
		struct purge_token *token = purge->tokens;

		purge->tokens = token->next;
		secret_done(&token->refresh);
		free(token);
	}
}

enum otp_err cache_purge(const struct options *options, const char *user, FILE *out, struct note *note)
{
	struct purge purge = { .options = options, .out = out, .note = note };
	enum otp_err err = purge_remove(&purge, user);
	char clean[PURGE_WORD_SIZE];

	purge_revoke_all(&purge);
	log_clean(clean, sizeof(clean), user == NULL ? "all" : user, true);
	if (err == OTP_OK || purge.records + purge.sealed > 0)
		fprintf(out, "%s: records removed: %" PRId64 ", tokens removed: %" PRId64 ", revoked: %" PRId64 "\n", clean, purge.records, purge.sealed,
			purge.revoked);
	purge_done(&purge);
	return err;
}
