/* SHA-256 against FIPS 180-4, HMAC against RFC 4231; AES-256-GCM against NIST's and McGrew's; which RSA keys are taken; RS256 and nothing
 * else verifies. */
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

/* --- AES-256-GCM ------------------------------------------------------------------------------------------------------------------- */

enum { GCM_TEXT_MAX = 64, GCM_AAD_MAX = 32 };

struct gcm_vector {
	const char *name;
	const char *key;
	const char *nonce;
	const char *aad;
	const char *text;
	const char *sealed;
	const char *tag;
};

/* Test cases 13 to 16 of "The Galois/Counter Mode of Operation" (McGrew, Viega), which NIST's validation uses too. */
static const struct gcm_vector gcm_vectors[] = {
	{ "case 13, nothing", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "", "", "",
	  "530f8afbc74536b9a963b4f1c4cb738b" },
	{ "case 14, a block of zeros", "0000000000000000000000000000000000000000000000000000000000000000", "000000000000000000000000", "",
	  "00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
	{ "case 15, four blocks", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888", "",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
	  "b094dac5d93471bdec1a502270e3cc6c" },
	{ "case 16, with additional data", "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308", "cafebabefacedbaddecaf888",
	  "feedfacedeadbeeffeedfacedeadbeefabaddad2",
	  "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
	  "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
	  "76fc6ece0f4e1768cddf8853bb2d551b" },
};

/* A vector in bytes. */
struct gcm_case {
	unsigned char key[CRYPTO_GCM_KEY_SIZE];
	unsigned char nonce[CRYPTO_GCM_NONCE_SIZE];
	unsigned char aad[GCM_AAD_MAX];
	unsigned char text[GCM_TEXT_MAX];
	unsigned char sealed[GCM_TEXT_MAX];
	unsigned char tag[CRYPTO_GCM_TAG_SIZE];
	size_t length;
	struct crypto_gcm gcm;
};

static size_t from_hex(const char *hex, unsigned char *bytes)
{
	size_t length = strlen(hex) / 2;

	for (size_t i = 0; i < length; i++) {
		char pair[3] = { hex[2 * i], hex[2 * i + 1], '\0' };

		bytes[i] = (unsigned char)strtoul(pair, NULL, 16);
	}
	return length;
}

static void gcm_read(const struct gcm_vector *vector, struct gcm_case *gcm_case)
{
	memset(gcm_case, 0, sizeof(*gcm_case));
	assert_int_equal(from_hex(vector->key, gcm_case->key), CRYPTO_GCM_KEY_SIZE);
	assert_int_equal(from_hex(vector->nonce, gcm_case->nonce), CRYPTO_GCM_NONCE_SIZE);
	assert_int_equal(from_hex(vector->tag, gcm_case->tag), CRYPTO_GCM_TAG_SIZE);
	gcm_case->length = from_hex(vector->text, gcm_case->text);
	assert_int_equal(from_hex(vector->sealed, gcm_case->sealed), gcm_case->length);
	gcm_case->gcm = (struct crypto_gcm){ gcm_case->key, gcm_case->nonce, gcm_case->aad, from_hex(vector->aad, gcm_case->aad) };
}

static void test_gcm_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(gcm_vectors); i++) {
		const char *name = gcm_vectors[i].name;
		struct gcm_case one;
		unsigned char sealed[GCM_TEXT_MAX];
		unsigned char tag[CRYPTO_GCM_TAG_SIZE];
		secret_auto struct secret text = SECRET_EMPTY;

		gcm_read(&gcm_vectors[i], &one);
		assert_err(name, crypto_aes_256_gcm_seal(&one.gcm, one.text, one.length, sealed, tag), OTP_OK);
		assert_memory_equal(sealed, one.sealed, one.length);
		assert_memory_equal(tag, one.tag, sizeof(tag));
		assert_err(name, crypto_aes_256_gcm_open(&one.gcm, one.sealed, one.length, one.tag, &text), OTP_OK);
		assert_int_equal(text.length, one.length);
		assert_memory_equal(text.bytes, one.text, one.length);
		assert_int_equal(text.bytes[one.length], 0);
	}
}

static void gcm_refused(const char *name, const struct gcm_case *one, size_t length)
{
	secret_auto struct secret text = SECRET_EMPTY;

	assert_err("before", secret_set(&text, "before", 6), OTP_OK);
	assert_err(name, crypto_aes_256_gcm_open(&one->gcm, one->sealed, length, one->tag, &text), OTP_ERR_TOKENS_SEALED);
	assert_string_equal(secret_text(&text), "before"); /* nothing of what did not hold is given out */
	assert_int_equal(ERR_peek_error(), 0);
}

/* Each bit of everything that opening looks at. */
static void test_gcm_with_a_flipped_bit(void **state)
{
	struct gcm_case one;

	(void)state;
	gcm_read(&gcm_vectors[3], &one);
	for (size_t bit = 0; bit < 8 * one.length; bit++) {
		one.sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
		gcm_refused("text", &one, one.length);
		one.sealed[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(one.tag); bit++) {
		one.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
		gcm_refused("tag", &one, one.length);
		one.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(one.key); bit++) {
		one.key[bit / 8] ^= (unsigned char)(1U << bit % 8);
		gcm_refused("key", &one, one.length);
		one.key[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * sizeof(one.nonce); bit++) {
		one.nonce[bit / 8] ^= (unsigned char)(1U << bit % 8);
		gcm_refused("nonce", &one, one.length);
		one.nonce[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
	for (size_t bit = 0; bit < 8 * one.gcm.aad_length; bit++) {
		one.aad[bit / 8] ^= (unsigned char)(1U << bit % 8);
		gcm_refused("additional data", &one, one.length);
		one.aad[bit / 8] ^= (unsigned char)(1U << bit % 8);
	}
}

static void test_gcm_of_another_length(void **state)
{
	struct gcm_case one;

	(void)state;
	gcm_read(&gcm_vectors[3], &one);
	for (size_t length = 0; length <= GCM_TEXT_MAX; length++)
		if (length != one.length)
			gcm_refused("text", &one, length);
	for (size_t length = 0; length <= GCM_AAD_MAX; length++) {
		struct gcm_case other = one;

		other.gcm.aad_length = length;
		if (length != one.gcm.aad_length)
			gcm_refused("additional data", &other, one.length);
	}
}

static void test_gcm_limits(void **state)
{
	static unsigned char much[CRYPTO_GCM_MAX + 1];
	static unsigned char sealed[sizeof(much)];
	unsigned char tag[CRYPTO_GCM_TAG_SIZE];
	secret_auto struct secret text = SECRET_EMPTY;
	struct crypto_gcm gcm = { much, much, much, CRYPTO_GCM_MAX };

	(void)state;
	assert_err("all that fits", crypto_aes_256_gcm_seal(&gcm, much, CRYPTO_GCM_MAX, sealed, tag), OTP_OK);
	assert_err("all that fits", crypto_aes_256_gcm_open(&gcm, sealed, CRYPTO_GCM_MAX, tag, &text), OTP_OK);
	assert_int_equal(text.length, CRYPTO_GCM_MAX);
	assert_err("a byte more", crypto_aes_256_gcm_seal(&gcm, much, sizeof(much), sealed, tag), OTP_ERR_CRYPTO);
	assert_err("a byte more", crypto_aes_256_gcm_open(&gcm, sealed, sizeof(sealed), tag, &text), OTP_ERR_CRYPTO);
	gcm.aad_length = sizeof(much);
	assert_err("more to go with it", crypto_aes_256_gcm_seal(&gcm, much, 1, sealed, tag), OTP_ERR_CRYPTO);
	assert_err("more to go with it", crypto_aes_256_gcm_open(&gcm, sealed, 1, tag, &text), OTP_ERR_CRYPTO);
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
		cmocka_unit_test(test_gcm_vectors),
		cmocka_unit_test(test_gcm_with_a_flipped_bit),
		cmocka_unit_test(test_gcm_of_another_length),
		cmocka_unit_test(test_gcm_limits),
	};

	return cmocka_run_group_tests_name("crypto", tests, set_up, tear_down);
}
