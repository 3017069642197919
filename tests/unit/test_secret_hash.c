/* The SECRET_HASH of fictive clients, computed elsewhere. */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>

#include "secret_hash.h"

static const char client_id[] = "1h57kf5cpq17m0eml12EXAMPLE";
static const char client_secret[] = "1exampleclientsecret0123456789abcdefghijklmnopqrstu";

static void test_vectors(void **state)
{
	static const struct {
		const char *user_name;
		const char *hash;
	} cases[] = {
		{ "alice@example.com", "r2wRVQNpzd4l/xh5o0eUuscnrrvNRChiihy7b6pwyxo=" },
		{ "alice", "zru8qdZMPBTTy6m1jk7c47DXnNl/pfUGq2rKOqGSLGg=" },
		{ "c2c5d4e4-0011-70aa-b1c2-1234567890ab", "0sbbVsdH0u9eWZP2GeB4BuE5OGoSW3qsEmNlylq3RJY=" },
		{ "zo\xc3\xab@example.com", "ajEcN0zKDwXfcgDbYOkKcFe2rUpxEgQ7s5lftha6jlE=" },
	};
	secret_auto struct secret secret = SECRET_EMPTY;
	secret_auto struct secret hash = SECRET_EMPTY;

	(void)state;
	assert_err("secret", secret_set(&secret, client_secret, strlen(client_secret)), OTP_OK);
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].user_name, secret_hash_compute(&secret, cases[i].user_name, client_id, &hash), OTP_OK);
		assert_string_equal(secret_text(&hash), cases[i].hash);
		assert_int_equal(hash.length, 44);
	}
}

static void test_the_name_is_not_folded(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;
	secret_auto struct secret lower = SECRET_EMPTY;
	secret_auto struct secret upper = SECRET_EMPTY;

	(void)state;
	assert_err("secret", secret_set(&secret, client_secret, strlen(client_secret)), OTP_OK);
	assert_err("lower", secret_hash_compute(&secret, "alice", client_id, &lower), OTP_OK);
	assert_err("upper", secret_hash_compute(&secret, "Alice", client_id, &upper), OTP_OK);
	assert_string_not_equal(secret_text(&lower), secret_text(&upper));
}

static void test_a_name_beyond_the_limit_is_not_cut(void **state)
{
	secret_auto struct secret secret = SECRET_EMPTY;
	secret_auto struct secret hash = SECRET_EMPTY;
	char name[2000];

	(void)state;
	memset(name, 'a', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	assert_err("secret", secret_set(&secret, client_secret, strlen(client_secret)), OTP_OK);
	assert_err("long name", secret_hash_compute(&secret, name, client_id, &hash), OTP_ERR_CRYPTO);
	assert_null(hash.bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_the_name_is_not_folded),
		cmocka_unit_test(test_a_name_beyond_the_limit_is_not_cut),
	};

	return cmocka_run_group_tests_name("secret_hash", tests, NULL, NULL);
}
