/* Where keys come from while nobody answers at their address: the administrator's file, our copy, and how old it may be. */
#include "safe_place.h"

#include <time.h>

#include "jwks.h"
#include "token_factory.h"

#define KID  "kid-1"
#define POOL "eu-west-1_A"
#define URL  "https://127.0.0.1:1/jwks.json" /* nobody listens on port 1 */

enum { MAX_AGE = 86400, LONG_MS = 5000 };

struct fixture {
	EVP_PKEY *key;
	struct strbuf text; /* a set with KID */
	struct http *http;
	struct http_settings http_settings;
	struct jwks_settings settings;
	char state_dir[PATH_MAX];
	char file[PATH_MAX];
	struct jwks jwks;
	struct note note;
};

static int set_up(void **state)
{
	static struct fixture f;

	(void)safe_place_setup(state);
	memset(&f, 0, sizeof(f));
	f.key = factory_key();
	f.text.limit = 65536;
	strbuf_puts(&f.text, "{\"keys\":[");
	factory_jwk(&f.text, f.key, KID, NULL, NULL);
	strbuf_puts(&f.text, "]}");
	(void)snprintf(f.state_dir, sizeof(f.state_dir), "%s", safe_place_path("state"));
	(void)snprintf(f.file, sizeof(f.file), "%s", safe_place_path("file"));
	f.http_settings = (struct http_settings){ "", "", "", LONG_MS, false };
	f.settings = (struct jwks_settings){ URL, "", f.state_dir, POOL, MAX_AGE, 120 };
	f.jwks.settings = &f.settings;
	*state = &f;
	return http_new(&f.http_settings, &f.http, &f.note) == OTP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	jwks_done(&f->jwks);
	http_free(f->http);
	strbuf_done(&f->text);
	EVP_PKEY_free(f->key);
	return safe_place_teardown(state);
}

static enum otp_err load(struct fixture *f)
{
	struct deadline deadline = deadline_start(LONG_MS);

	jwks_done(&f->jwks);
	f->note.text[0] = '\0';
	return jwks_load(&f->jwks, f->http, &deadline, &f->note);
}

static enum otp_err refresh(struct fixture *f)
{
	struct deadline deadline = deadline_start(LONG_MS);

	return jwks_refresh(&f->jwks, f->http, &deadline, &f->note);
}

static void assert_found(const struct fixture *f)
{
	const struct crypto_rsa_key *key = NULL;

	assert_non_null(f->jwks.set);
	assert_err("kid", jwk_set_find(f->jwks.set, KID, &key), OTP_OK);
	assert_non_null(key);
}

/* 32 bits of FNV-1a: 32-bit arithmetic done in 64 bits, so as not to be the code under test. */
static const char *copy_name(const char *url)
{
	static char name[128];
	uint64_t hash = 2166136261U;

	for (; *url != '\0'; url++)
		hash = ((hash ^ (unsigned char)*url) * 16777619U) & 0xffffffffU;
	(void)snprintf(name, sizeof(name), "state/jwks-" POOL "-%08llx.json", (unsigned long long)hash);
	return name;
}

/* A copy of the set of `age` seconds, in a state directory made anew. */
static void put_copy(struct fixture *f, const char *text, time_t age)
{
	const char *name = copy_name(f->settings.url);
	struct timespec times[2] = { { time(NULL) - age, 0 }, { time(NULL) - age, 0 } };

	(void)nftw(f->state_dir, safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	safe_place_mkdir("state", 0700);
	safe_place_write(name, text, strlen(text), 0600);
	assert_int_equal(utimensat(AT_FDCWD, safe_place_path(name), times, 0), 0);
}

/* --- the administrator's file ---------------------------------------------------------------------------------------------------- */

static void test_a_file_of_the_administrator_s(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	f->settings.file = f->file;
	safe_place_text("file", strbuf_text(&f->text));
	assert_err("load", load(f), OTP_OK);
	assert_found(f);
	assert_string_equal(f->note.text, f->file);
	assert_err("an unknown kid", refresh(f), OTP_ERR_JWT_KID);
	f->jwks.fetched_at = 0;
	assert_err("however old", refresh(f), OTP_ERR_JWT_KID);
	assert_found(f);
	assert_int_equal(access(f->state_dir, F_OK), -1); /* no copy is made of it */
	f->settings.file = "";
}

static void test_a_file_that_cannot_be_used(void **state)
{
	static const struct {
		const char *text;
		mode_t mode;
		enum otp_err err;
	} cases[] = {
		{ "{\"keys\":[]}", 0644, OTP_ERR_JWKS_EMPTY },
		{ "{\"keys\":[{\"kty\":\"EC\",\"kid\":\"kid-1\"}]}", 0644, OTP_ERR_JWKS_EMPTY },
		{ "", 0644, OTP_ERR_JSON_SYNTAX },
		{ "{\"keys\":", 0644, OTP_ERR_JSON_SYNTAX },
		{ "{\"keys\":[]}", 0664, OTP_ERR_CONFIG_UNSAFE },
		{ "{\"keys\":[]}", 0646, OTP_ERR_CONFIG_UNSAFE },
	};
	struct fixture *f = *state;

	safe_place_needed();
	f->settings.file = f->file;
	for (size_t i = 0; i < CASES(cases); i++) {
		safe_place_write("file", cases[i].text, strlen(cases[i].text), cases[i].mode);
		assert_err(cases[i].text, load(f), cases[i].err);
		assert_null(f->jwks.set);
	}
	(void)unlink(f->file);
	put_copy(f, strbuf_text(&f->text), 0); /* a copy does not stand in for it */
	assert_err("missing", load(f), OTP_ERR_CONFIG_OPEN);
	assert_null(f->jwks.set);
	f->settings.file = "";
}

/* --- our copy -------------------------------------------------------------------------------------------------------------------- */

static void test_a_young_copy_serves_without_a_request(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	put_copy(f, strbuf_text(&f->text), MAX_AGE - 60);
	assert_err("load", load(f), OTP_OK);
	assert_found(f);
	assert_string_equal(f->note.text, ""); /* nothing was tried */
}

static void test_an_old_copy_serves_while_nobody_answers(void **state)
{
	static const struct {
		const char *name;
		time_t age;
		enum otp_err err;
	} cases[] = {
		{ "just too old", MAX_AGE + 60, OTP_OK },
		{ "nearly seven days more", MAX_AGE + JWKS_STALE_S - 60, OTP_OK },
		{ "more than seven days more", MAX_AGE + JWKS_STALE_S + 60, OTP_ERR_NET_CONNECT },
		{ "from the future", -3600, OTP_ERR_NET_CONNECT },
	};
	struct fixture *f = *state;

	safe_place_needed();
	for (size_t i = 0; i < CASES(cases); i++) {
		put_copy(f, strbuf_text(&f->text), cases[i].age);
		assert_err(cases[i].name, load(f), cases[i].err);
		assert_string_not_equal(f->note.text, ""); /* a request was tried first */
		if (cases[i].err == OTP_OK)
			assert_found(f);
	}
	put_copy(f, strbuf_text(&f->text), time(NULL));
	assert_err("from 1970", load(f), OTP_ERR_NET_CONNECT);
}

static void test_without_a_copy_the_keys_must_be_fetched(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	(void)nftw(f->state_dir, safe_place_remove, 8, FTW_DEPTH | FTW_PHYS);
	assert_err("load", load(f), OTP_ERR_NET_CONNECT);
	assert_null(f->jwks.set);
}

static void assert_copy_is_not_used(struct fixture *f, const char *name)
{
	assert_err(name, load(f), OTP_ERR_NET_CONNECT);
	assert_null(f->jwks.set);
}

static void test_a_damaged_copy_is_no_copy(void **state)
{
	static const char *const texts[] = { "", "{", "{\"keys\":[]}", "[]", "{\"keys\":[{\"kty\":\"oct\"}]}" };
	struct fixture *f = *state;
	char half[256];

	safe_place_needed();
	(void)snprintf(half, sizeof(half), "%.200s", strbuf_text(&f->text));
	for (size_t i = 0; i < CASES(texts); i++) {
		put_copy(f, texts[i], 60);
		assert_copy_is_not_used(f, texts[i]);
	}
	put_copy(f, half, 60);
	assert_copy_is_not_used(f, "half of it");
}

static void test_a_copy_that_others_could_have_written_is_no_copy(void **state)
{
	struct fixture *f = *state;
	char path[PATH_MAX];

	safe_place_needed();
	(void)snprintf(path, sizeof(path), "%s", safe_place_path(copy_name(URL)));
	put_copy(f, strbuf_text(&f->text), 60);
	assert_int_equal(chmod(path, 0660), 0);
	assert_copy_is_not_used(f, "mode");
	put_copy(f, strbuf_text(&f->text), 60);
	assert_int_equal(chmod(f->state_dir, 0755), 0);
	assert_copy_is_not_used(f, "mode of the directory");
	put_copy(f, strbuf_text(&f->text), 60);
	assert_int_equal(link(path, safe_place_path("state/other")), 0);
	assert_copy_is_not_used(f, "another link");
	put_copy(f, strbuf_text(&f->text), 60);
	assert_int_equal(rename(path, safe_place_path("state/other")), 0);
	assert_int_equal(symlink("other", path), 0);
	assert_copy_is_not_used(f, "a symbolic link");
}

/* Whoever changes jwks_url or the pool must not be served the keys of before. */
static void test_another_address_or_pool_is_another_copy(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	put_copy(f, strbuf_text(&f->text), 60);
	f->settings.url = URL "x";
	assert_copy_is_not_used(f, "another address");
	f->settings.url = URL;
	f->settings.user_pool_id = "eu-west-1_B";
	assert_copy_is_not_used(f, "another pool");
	f->settings.user_pool_id = POOL;
	assert_err("the same again", load(f), OTP_OK);
}

static void test_a_failed_fetch_leaves_the_copy(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	put_copy(f, strbuf_text(&f->text), MAX_AGE + 60);
	assert_err("first", load(f), OTP_OK);
	assert_err("second", load(f), OTP_OK);
	assert_found(f);
}

/* --- an unknown kid -------------------------------------------------------------------------------------------------------------- */

static void test_an_unknown_kid_is_worth_one_request_in_five_minutes(void **state)
{
	struct fixture *f = *state;

	safe_place_needed();
	put_copy(f, strbuf_text(&f->text), JWKS_REFRESH_S - 60);
	assert_err("load", load(f), OTP_OK);
	assert_err("young", refresh(f), OTP_ERR_JWT_KID);
	assert_string_equal(f->note.text, "");
	put_copy(f, strbuf_text(&f->text), JWKS_REFRESH_S + 60);
	assert_err("load", load(f), OTP_OK);
	assert_err("old enough", refresh(f), OTP_ERR_NET_CONNECT);
	assert_found(f); /* the set of before is still there */
}

static void test_done_may_be_repeated(void **state)
{
	struct fixture *f = *state;

	jwks_done(&f->jwks);
	jwks_done(&f->jwks);
	assert_null(f->jwks.set);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_file_of_the_administrator_s),
		cmocka_unit_test(test_a_file_that_cannot_be_used),
		cmocka_unit_test(test_a_young_copy_serves_without_a_request),
		cmocka_unit_test(test_an_old_copy_serves_while_nobody_answers),
		cmocka_unit_test(test_without_a_copy_the_keys_must_be_fetched),
		cmocka_unit_test(test_a_damaged_copy_is_no_copy),
		cmocka_unit_test(test_a_copy_that_others_could_have_written_is_no_copy),
		cmocka_unit_test(test_another_address_or_pool_is_another_copy),
		cmocka_unit_test(test_a_failed_fetch_leaves_the_copy),
		cmocka_unit_test(test_an_unknown_kid_is_worth_one_request_in_five_minutes),
		cmocka_unit_test(test_done_may_be_repeated),
	};

	return cmocka_run_group_tests_name("jwks", tests, set_up, tear_down);
}
