/* SHA-256 against FIPS 180-4, HMAC against RFC 4231; which RSA keys are taken; RS256 and nothing else verifies. */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>

#include "crypto.h"
#include "token_factory.h"

static const unsigned char e_65537[] = { 0x01, 0x00, 0x01 };
static const char message[] = "header.payload";

struct fixture {
	EVP_PKEY *key;
	EVP_PKEY *other;
	struct crypto_rsa_key *public;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	size_t length;
	unsigned char *modulus;
	enum otp_err err;

	fixture.key = factory_key();
	fixture.other = factory_key();
	modulus = factory_modulus(fixture.key, &length);
	err = crypto_rsa_key_new(modulus, length, e_65537, sizeof(e_65537), &fixture.public);
	free(modulus);
	*state = &fixture;
	return err == OTP_OK ? 0 : -1;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	crypto_rsa_key_free(fixture->public);
	EVP_PKEY_free(fixture->key);
	EVP_PKEY_free(fixture->other);
	return 0;
}

static void test_sha256_vectors(void **state)
{
	/* the examples of FIPS 180-4 that NIST gives, and the empty one */
	static const struct {
		const char *text;
		const char *hex;
	} cases[] = {
		{ "", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855" },
		{ "abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad" },
		{ "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1" },
	};
	static const char of_a_million[] = "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0";
	static char million[1000000]; /* of the letter a */
	unsigned char digest[CRYPTO_SHA256_SIZE];
	char hex[2 * CRYPTO_SHA256_SIZE + 1];

	(void)state;
	for (size_t i = 0; i <= CASES(cases); i++) {
		const char *text = i < CASES(cases) ? cases[i].text : million;
		size_t length = i < CASES(cases) ? strlen(text) : sizeof(million);

		memset(million, 'a', sizeof(million));
		memset(digest, 0, sizeof(digest));
		assert_err(cases[i % CASES(cases)].text, crypto_sha256(text, length, digest), OTP_OK);
		for (size_t j = 0; j < sizeof(digest); j++)
			(void)snprintf(hex + 2 * j, 3, "%02x", digest[j]);
		assert_string_equal(hex, i < CASES(cases) ? cases[i].hex : of_a_million);
	}
}

static void test_sha256_takes_any_byte(void **state)
{
	unsigned char one[CRYPTO_SHA256_SIZE];
	unsigned char other[CRYPTO_SHA256_SIZE];

	(void)state;
	assert_err("with NUL", crypto_sha256("a\0b", 3, one), OTP_OK);
	assert_err("another after it", crypto_sha256("a\0c", 3, other), OTP_OK);
	assert_memory_not_equal(one, other, sizeof(one));
	assert_err("up to it", crypto_sha256("a\0b", 1, other), OTP_OK);
	assert_memory_not_equal(one, other, sizeof(one));
	assert_int_equal(ERR_peek_error(), 0);
}

/* RFC 4648 section 10. */
static void test_base64_vectors(void **state)
{
	static const char *const cases[][2] = {
		{ "", "" },	    { "f", "Zg==" },	    { "fo", "Zm8=" },	      { "foo", "Zm9v" },
		{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" }, { "\xfb\xff", "+/8=" },
	};
	char text[CRYPTO_BASE64_SIZE(6)];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		crypto_base64(cases[i][0], strlen(cases[i][0]), text);
		assert_string_equal(text, cases[i][1]);
	}
	assert_int_equal(sizeof(text), 9);
}

static void test_hmac_vectors(void **state)
{
	/* RFC 4231 sections 4.2, 4.3 and 4.7; the empty ones are well known */
	static const char long_key[131] = { [0 ... 130] = '\xaa' };
	static const char key_0b[20] = { [0 ... 19] = '\x0b' };
	static const struct {
		const char *key;
		size_t key_length;
		const char *text;
		const char *mac;
	} cases[] = {
		{ key_0b, sizeof(key_0b), "Hi There", "sDRMYdjbOFNcqK/OrwvxK4gdwgDJgz2nJuk3bC4yz/c=" },
		{ "Jefe", 4, "what do ya want for nothing?", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM=" },
		{ long_key, sizeof(long_key), "Test Using Larger Than Block-Size Key - Hash Key First",
		  "YOQxWR7gtn8Niiaqy/W3f44LxiE3KMUUBUYEDw7jf1Q=" },
		{ "", 0, "", "thNnmggU2ex3L5XXeMNfxf8Wl8STcVZTxscSFEKSxa0=" },
	};
	char text[CRYPTO_HMAC_BASE64_SIZE];

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		assert_err(cases[i].text,
			   crypto_hmac_sha256_base64(cases[i].key, cases[i].key_length, cases[i].text, strlen(cases[i].text), text),
			   OTP_OK);
		assert_int_equal(strlen(text), CRYPTO_HMAC_BASE64_SIZE - 1);
		assert_string_equal(text, cases[i].mac);
	}
}

/* Any odd number of the right size makes a public key: what is looked at is the form. */
static void test_which_keys_are_taken(void **state)
{
	static const unsigned char e_3[] = { 3 };
	static const unsigned char e_1[] = { 1 };
	static const unsigned char e_even[] = { 0x01, 0x00, 0x02 };
	static const unsigned char e_padded[] = { 0x00, 0x01, 0x00, 0x01 };
	static const unsigned char e_near[] = { 0x01, 0x00, 0x03 };
	static const unsigned char e_huge[256] = { [0 ... 255] = 0xff };
	static const struct {
		const char *name;
		size_t length;
		unsigned char first;
		unsigned char last;
		const unsigned char *exponent;
		size_t exponent_length;
		enum otp_err wanted;
	} cases[] = {
		{ "2048 bits", 256, 0x80, 0x01, e_65537, 3, OTP_OK },
		{ "2049 bits", 257, 0x01, 0x01, e_65537, 3, OTP_OK },
		{ "3072 bits", 384, 0xff, 0xff, e_65537, 3, OTP_OK },
		{ "4096 bits", 512, 0xff, 0x01, e_65537, 3, OTP_OK },
		{ "no bits", 0, 0, 0, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "512 bits", 64, 0x80, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "1024 bits", 128, 0x80, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "2047 bits", 256, 0x7f, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "4097 bits", 513, 0x01, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "16384 bits", 2048, 0x80, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "a zero in front", 257, 0x00, 0x01, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "even modulus", 256, 0x80, 0x02, e_65537, 3, OTP_ERR_JWKS_KEY },
		{ "exponent 1", 256, 0x80, 0x01, e_1, 1, OTP_ERR_JWKS_KEY },
		{ "exponent 3", 256, 0x80, 0x01, e_3, 1, OTP_ERR_JWKS_KEY },
		{ "exponent 65538", 256, 0x80, 0x01, e_even, 3, OTP_ERR_JWKS_KEY },
		{ "exponent 65539", 256, 0x80, 0x01, e_near, 3, OTP_ERR_JWKS_KEY },
		{ "exponent with a zero in front", 256, 0x80, 0x01, e_padded, 4, OTP_ERR_JWKS_KEY },
		{ "exponent cut to its first byte", 256, 0x80, 0x01, e_65537, 1, OTP_ERR_JWKS_KEY },
		{ "exponent beginning with 65537", 256, 0x80, 0x01, (const unsigned char *)"\x01\x00\x01\x01", 4, OTP_ERR_JWKS_KEY },
		{ "huge exponent", 256, 0x80, 0x01, e_huge, 256, OTP_ERR_JWKS_KEY },
		{ "no exponent", 256, 0x80, 0x01, e_65537, 0, OTP_ERR_JWKS_KEY },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		unsigned char *modulus = malloc(cases[i].length + 1);
		struct crypto_rsa_key *key = NULL;

		assert_non_null(modulus);
		memset(modulus, 0x55, cases[i].length);
		if (cases[i].length > 0) {
			modulus[0] = cases[i].first;
			modulus[cases[i].length - 1] = cases[i].last;
		}
		assert_err(cases[i].name, crypto_rsa_key_new(modulus, cases[i].length, cases[i].exponent, cases[i].exponent_length, &key),
			   cases[i].wanted);
		assert_int_equal(key != NULL, cases[i].wanted == OTP_OK);
		crypto_rsa_key_free(key);
		free(modulus);
	}
}

static enum otp_err verify(const struct fixture *fixture, const unsigned char *signature, size_t length)
{
	enum otp_err err = crypto_rs256_verify(fixture->public, message, strlen(message), signature, length);

	/* libcurl looks into the same queue. */
	assert_int_equal(ERR_peek_error(), 0);
	return err;
}

static void test_signature_verifies(void **state)
{
	struct fixture *fixture = *state;
	size_t length;
	unsigned char *signature = factory_signature(fixture->key, FACTORY_RS256, message, strlen(message), &length);

	assert_err("right", verify(fixture, signature, length), OTP_OK);
	assert_err("right, again", verify(fixture, signature, length), OTP_OK);
	assert_err("other text", crypto_rs256_verify(fixture->public, "header.Payload", strlen(message), signature, length),
		   OTP_ERR_JWT_SIGNATURE);
	assert_err("less text", crypto_rs256_verify(fixture->public, message, strlen(message) - 1, signature, length),
		   OTP_ERR_JWT_SIGNATURE);
	free(signature);
}

static void test_other_algorithms_and_keys_do_not(void **state)
{
	static const struct {
		const char *name;
		enum factory_algorithm algorithm;
		bool other_key;
	} cases[] = {
		{ "other key", FACTORY_RS256, true },
		{ "RS384", FACTORY_RS384, false },
		{ "RS512", FACTORY_RS512, false },
		{ "PS256", FACTORY_PS256, false },
		{ "HMAC with the public key", FACTORY_HS256_PEM, false },
		{ "HMAC with the modulus", FACTORY_HS256_MODULUS, false },
		{ "nothing", FACTORY_NONE, false },
	};
	struct fixture *fixture = *state;

	for (size_t i = 0; i < CASES(cases); i++) {
		EVP_PKEY *key = cases[i].other_key ? fixture->other : fixture->key;
		size_t length;
		unsigned char *signature = factory_signature(key, cases[i].algorithm, message, strlen(message), &length);

		assert_err(cases[i].name, verify(fixture, signature, length), OTP_ERR_JWT_SIGNATURE);
		free(signature);
	}
}

static void test_spoilt_signatures_do_not(void **state)
{
	struct fixture *fixture = *state;
	size_t length;
	unsigned char *signature = factory_signature(fixture->key, FACTORY_RS256, message, strlen(message), &length);
	unsigned char longer[512] = { 0 };

	for (size_t i = 0; i < length; i += 5) {
		signature[i] ^= 0x10;
		assert_err("a flipped bit", verify(fixture, signature, length), OTP_ERR_JWT_SIGNATURE);
		signature[i] ^= 0x10;
	}
	assert_err("a byte short", verify(fixture, signature, length - 1), OTP_ERR_JWT_SIGNATURE);
	assert_err("empty", verify(fixture, signature, 0), OTP_ERR_JWT_SIGNATURE);
	memcpy(longer, signature, length);
	assert_err("a byte long", verify(fixture, longer, length + 1), OTP_ERR_JWT_SIGNATURE);
	memcpy(longer + 1, signature, length);
	longer[0] = 0;
	assert_err("a zero in front", verify(fixture, longer, length + 1), OTP_ERR_JWT_SIGNATURE);
	memset(longer, 0, sizeof(longer));
	assert_err("zeros", verify(fixture, longer, length), OTP_ERR_JWT_SIGNATURE);
	longer[length - 1] = 1;
	assert_err("one", verify(fixture, longer, length), OTP_ERR_JWT_SIGNATURE);
	memset(longer, 0xff, sizeof(longer));
	assert_err("larger than the modulus", verify(fixture, longer, length), OTP_ERR_JWT_SIGNATURE);
	free(signature);
}

static void test_free_takes_null(void **state)
{
	(void)state;
	crypto_rsa_key_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sha256_vectors),
		cmocka_unit_test(test_sha256_takes_any_byte),
		cmocka_unit_test(test_base64_vectors),
		cmocka_unit_test(test_hmac_vectors),
		cmocka_unit_test(test_which_keys_are_taken),
		cmocka_unit_test(test_signature_verifies),
		cmocka_unit_test(test_other_algorithms_and_keys_do_not),
		cmocka_unit_test(test_spoilt_signatures_do_not),
		cmocka_unit_test(test_free_takes_null),
	};

	return cmocka_run_group_tests_name("crypto", tests, set_up, tear_down);
}
