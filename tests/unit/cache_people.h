/* cache_people - settings, a person and his processes for the tests of the cache, all of the test's own making. */
#ifndef OTP_TEST_CACHE_PEOPLE_H
#define OTP_TEST_CACHE_PEOPLE_H

#include "safe_place.h"

#include "cache.h"
#include "cache_session.h"

#define CACHE_KEY_A "key:publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKdA"
#define CACHE_KEY_B "key:publickey ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIKdB"

enum { CACHE_UID = 7001, CACHE_SESSION_NUMBER = 42, CACHE_TTL = 600 };

static struct options cache_options;
static struct policy_user cache_user;
static struct caller cache_caller;
static struct note cache_note;

static inline void cache_words(struct option_words *words, const char *text)
{
	struct note note;

	memset(words, 0, sizeof(*words));
	if (text[0] != '\0')
		assert_err(text, option_set_words(text, 1, OPTIONS_TEXT_MAX, words, &note), OTP_OK);
}

/* A session that this process has begun, as far as cache_dir knows. */
static inline void cache_open_session(uint32_t session)
{
	struct process opener;
	struct note note;

	safe_place_must(process_read(getpid(), &opener), "/proc");
	opener.session = session;
	assert_err("session", cache_session_begin(cache_options.cache_dir, &opener, &note), OTP_OK);
}

/* The files beside that of the session. */
static inline int cache_count(int dir)
{
	return (int)safe_place_count(dir) - (faccessat(dir, CACHE_SESSION_FILE "42", F_OK, 0) == 0 ? 1 : 0);
}

/* alice at sudo in her session, with good settings; and no record yet. Returns the directory, which the caller closes. */
static inline int cache_begin(struct cache_call *ret_call)
{
	int dir = safe_place_open("dir");

	memset(&cache_options, 0, sizeof(cache_options));
	memset(&cache_user, 0, sizeof(cache_user));
	(void)snprintf(cache_options.user_pool_id, sizeof(cache_options.user_pool_id), "eu-west-1_Ab129faBb");
	(void)snprintf(cache_options.client_id, sizeof(cache_options.client_id), "client");
	(void)snprintf(cache_options.endpoint, sizeof(cache_options.endpoint), "https://localhost");
	(void)snprintf(cache_options.jwks_url, sizeof(cache_options.jwks_url), "https://localhost/jwks");
	(void)snprintf(cache_options.cache_dir, sizeof(cache_options.cache_dir), "%s", safe_place_path("dir"));
	(void)snprintf(cache_options.mark.text, sizeof(cache_options.mark.text), "1:2:3.4:5");
	cache_words(&cache_options.issuer, "https://issuer");
	cache_words(&cache_options.cache_services, "sudo sudo-i");
	cache_options.cache = true;
	cache_options.cache_ttl = CACHE_TTL;
	cache_options.clock_skew = 120;
	cache_user.known = true;
	cache_user.mapped = true;
	cache_user.uid = CACHE_UID;
	(void)snprintf(cache_user.map_mark.text, sizeof(cache_user.map_mark.text), "6:7:8.9:10");
	cache_user.identity.kind = IDENTITY_EMAIL;
	(void)snprintf(cache_user.identity.value, sizeof(cache_user.identity.value), "alice@example.com");
	cache_caller = (struct caller){ CALLER_OWN, true };
	*ret_call = (struct cache_call){ &cache_options, "alice", "sudo", &cache_user, &cache_caller, "uid:7001", CACHE_UID, false, PROCESS_UNKNOWN };
	safe_place_must(process_read(getpid(), &ret_call->door), "/proc");
	ret_call->door.session = CACHE_SESSION_NUMBER;
	cache_open_session(CACHE_SESSION_NUMBER);
	return dir;
}

/* Her connection with a key at sshd, before there is a session. */
static inline void cache_at_sshd(struct cache_call *call, const char *key)
{
	cache_caller.kind = CALLER_KEY;
	call->service = "sshd";
	call->source = key;
	call->real_uid = 0;
	call->ssh = true;
	call->door.session = PROCESS_NO_SESSION;
}

/* A login that has just been verified, as cache_flow keeps it. */
static inline enum otp_err cache_log_in(const struct cache_call *call, const char *groups)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;
	cache_record_auto struct cache_record replaced = CACHE_RECORD_NONE;

	safe_place_must(cache_record_stamp(&record), "/proc");
	(void)snprintf(record.groups, sizeof(record.groups), "%s", groups);
	cache_binding(call, &record.binding);
	cache_note.text[0] = '\0';
	return cache_keep(call, &record, &replaced, &cache_note);
}

static inline bool cache_lets_in(const struct cache_call *call)
{
	cache_record_auto struct cache_record record = CACHE_RECORD_NONE;

	cache_note.text[0] = '\0';
	return cache_find(call, &record, &cache_note);
}

#endif
