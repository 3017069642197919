/* crypto - see crypto.h. */
#include "crypto.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/param_build.h>
#include <openssl/rsa.h>

struct crypto_rsa_key {
	EVP_PKEY *pkey;
};

/* The one exponent in use: 65537. Small ones made signatures forgeable before (CVE-2006-4339), huge ones make verifying slow. */
static const unsigned char crypto_rsa_exponent[] = { 0x01, 0x00, 0x01 };

#define CRYPTO_CLEANUP(type, free_function)                                                                                                \
	static void crypto_cleanup_##free_function(type **object)                                                                          \
	{                                                                                                                                  \
		free_function(*object);                                                                                                    \
	}
CRYPTO_CLEANUP(BIGNUM, BN_free)
CRYPTO_CLEANUP(OSSL_PARAM_BLD, OSSL_PARAM_BLD_free)
CRYPTO_CLEANUP(OSSL_PARAM, OSSL_PARAM_free)
CRYPTO_CLEANUP(EVP_PKEY_CTX, EVP_PKEY_CTX_free)
CRYPTO_CLEANUP(EVP_MD_CTX, EVP_MD_CTX_free)
CRYPTO_CLEANUP(EVP_CIPHER_CTX, EVP_CIPHER_CTX_free)

#define crypto_auto(free_function) __attribute__((cleanup(crypto_cleanup_##free_function)))

/* libcurl asks the same thread's error queue why TLS failed: our failures must not answer. */
static enum otp_err crypto_failed(enum otp_err err)
{
	ERR_clear_error();
	return err;
}

void crypto_shut_down(void)
{
	OPENSSL_cleanup();
}

enum otp_err crypto_sha256(const void *bytes, size_t length, unsigned char ret_digest[CRYPTO_SHA256_SIZE])
{
	size_t digest_length = 0;

	if (EVP_Q_digest(NULL, "SHA256", NULL, bytes, length, ret_digest, &digest_length) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	return digest_length == CRYPTO_SHA256_SIZE ? OTP_OK : OTP_ERR_CRYPTO;
}

enum otp_err crypto_hmac_sha256(const void *key, size_t key_length, const void *message, size_t message_length,
				unsigned char ret_mac[CRYPTO_SHA256_SIZE])
{
	size_t mac_length = 0;

	if (EVP_Q_mac(NULL, "HMAC", NULL, "SHA256", NULL, key, key_length, message, message_length, ret_mac, CRYPTO_SHA256_SIZE, &mac_length) == NULL)
		return crypto_failed(OTP_ERR_CRYPTO);
	return mac_length == CRYPTO_SHA256_SIZE ? OTP_OK : OTP_ERR_CRYPTO;
}

enum otp_err crypto_hmac_sha256_base64(const void *key, size_t key_length, const void *message, size_t message_length,
				       char ret_text[CRYPTO_HMAC_BASE64_SIZE])
{
	unsigned char mac[CRYPTO_SHA256_SIZE];
	enum otp_err err = crypto_hmac_sha256(key, key_length, message, message_length, mac);

	if (err == OTP_OK)
		EVP_EncodeBlock((unsigned char *)ret_text, mac, (int)sizeof(mac));
	OPENSSL_cleanse(mac, sizeof(mac));
	return err;
}

void crypto_base64(const void *bytes, size_t length, char *ret_text)
{
	EVP_EncodeBlock((unsigned char *)ret_text, bytes, (int)length);
}

/* The numbers that a careful issuer uses; nothing is asked of OpenSSL yet, which would build a key of 16 bits as well. */
static enum otp_err crypto_rsa_check(const unsigned char *modulus, size_t modulus_length, const unsigned char *exponent,
				     size_t exponent_length)
{
	const size_t size_min = CRYPTO_RSA_BITS_MIN / 8;
	const size_t size_max = CRYPTO_RSA_BITS_MAX / 8;

	if (modulus_length < size_min)
		return OTP_ERR_JWKS_KEY;
	if (modulus_length > size_max)
		return OTP_ERR_JWKS_KEY;
	/* RFC 7518 section 6.3.1.1: no leading zero octet. */
	if (modulus[0] == 0)
		return OTP_ERR_JWKS_KEY;
	/* 2048 bits are 256 octets whose first bit is set; longer moduli may begin as they like. */
	if (modulus_length == size_min && (modulus[0] & 0x80) == 0)
		return OTP_ERR_JWKS_KEY;
	if ((modulus[modulus_length - 1] & 1) == 0)
		return OTP_ERR_JWKS_KEY;
	if (exponent_length != sizeof(crypto_rsa_exponent))
		return OTP_ERR_JWKS_KEY;
	if (memcmp(exponent, crypto_rsa_exponent, sizeof(crypto_rsa_exponent)) != 0)
		return OTP_ERR_JWKS_KEY;
	return OTP_OK;
}

/* NULL when OpenSSL fails. */
static OSSL_PARAM *crypto_rsa_params(const BIGNUM *modulus, const BIGNUM *exponent)
{
	crypto_auto(OSSL_PARAM_BLD_free) OSSL_PARAM_BLD *builder = OSSL_PARAM_BLD_new();

	if (builder == NULL || modulus == NULL || exponent == NULL)
		return NULL;
	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_N, modulus) != 1)
		return NULL;
	if (OSSL_PARAM_BLD_push_BN(builder, OSSL_PKEY_PARAM_RSA_E, exponent) != 1)
		return NULL;
	return OSSL_PARAM_BLD_to_param(builder);
}

static EVP_PKEY *crypto_rsa_build(const unsigned char *modulus, size_t modulus_length)
{
	crypto_auto(BN_free) BIGNUM *n = BN_bin2bn(modulus, (int)modulus_length, NULL);
	crypto_auto(BN_free) BIGNUM *e = BN_bin2bn(crypto_rsa_exponent, (int)sizeof(crypto_rsa_exponent), NULL);
	crypto_auto(OSSL_PARAM_free) OSSL_PARAM *params = crypto_rsa_params(n, e);
	crypto_auto(EVP_PKEY_CTX_free) EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;

	if (params == NULL || context == NULL)
		return NULL;
	if (EVP_PKEY_fromdata_init(context) != 1)
		return NULL;
	if (EVP_PKEY_fromdata(context, &pkey, EVP_PKEY_PUBLIC_KEY, params) != 1)
		return NULL;
	return pkey;
}

enum otp_err crypto_rsa_key_new(const unsigned char *modulus, size_t modulus_length, const unsigned char *exponent, size_t exponent_length,
				struct crypto_rsa_key **ret_key)
{
	struct crypto_rsa_key *key;
	enum otp_err err = crypto_rsa_check(modulus, modulus_length, exponent, exponent_length);

	if (err != OTP_OK)
		return err;
	key = malloc(sizeof(*key));
	if (key == NULL)
		return OTP_ERR_MEMORY;
	key->pkey = crypto_rsa_build(modulus, modulus_length);
	if (key->pkey == NULL) {
		free(key);
		return crypto_failed(OTP_ERR_CRYPTO);
	}
	*ret_key = key;
	return OTP_OK;
}

void crypto_rsa_key_free(struct crypto_rsa_key *key)
{
	if (key == NULL)
		return;
	EVP_PKEY_free(key->pkey);
	free(key);
}

enum otp_err crypto_rs256_verify(const struct crypto_rsa_key *key, const void *data, size_t length, const unsigned char *signature,
				 size_t signature_length)
{
	crypto_auto(EVP_MD_CTX_free) EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey_context = NULL; /* the digest context's own */

	if (context == NULL)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (EVP_DigestVerifyInit(context, &pkey_context, EVP_sha256(), NULL, key->pkey) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (EVP_PKEY_CTX_set_rsa_padding(pkey_context, RSA_PKCS1_PADDING) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	/* Not `== 0`: some failures are negative (CVE-2008-5077 and its relatives took those for a yes). */
	if (EVP_DigestVerify(context, signature, signature_length, data, length) != 1)
		return crypto_failed(OTP_ERR_JWT_SIGNATURE);
	return OTP_OK;
}

/* The additional data, then the text: in this order. */
static bool crypto_gcm_run(EVP_CIPHER_CTX *context, const struct crypto_gcm *gcm, const void *in, size_t length, unsigned char *out)
{
	int done = 0;

	if (gcm->aad_length > CRYPTO_GCM_MAX || length > CRYPTO_GCM_MAX)
		return false;
	if (gcm->aad_length > 0 && EVP_CipherUpdate(context, NULL, &done, gcm->aad, (int)gcm->aad_length) != 1)
		return false;
	done = 0;
	if (length > 0 && EVP_CipherUpdate(context, out, &done, in, (int)length) != 1)
		return false;
	return (size_t)done == length;
}

enum otp_err crypto_aes_256_gcm_seal(const struct crypto_gcm *gcm, const void *text, size_t length, unsigned char *ret_sealed,
				     unsigned char ret_tag[CRYPTO_GCM_TAG_SIZE])
{
	crypto_auto(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char rest[EVP_MAX_BLOCK_LENGTH];
	int rest_length = 0;

	if (context == NULL || EVP_EncryptInit_ex2(context, EVP_aes_256_gcm(), gcm->key, gcm->nonce, NULL) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (!crypto_gcm_run(context, gcm, text, length, ret_sealed) || EVP_EncryptFinal_ex(context, rest, &rest_length) != 1 || rest_length != 0)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_GET_TAG, CRYPTO_GCM_TAG_SIZE, ret_tag) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	return OTP_OK;
}

/* Into a buffer of its own, which its owner sees only if the tag holds. */
static enum otp_err crypto_gcm_decrypt(const struct crypto_gcm *gcm, const void *sealed, size_t length,
				       const unsigned char tag[CRYPTO_GCM_TAG_SIZE], unsigned char *out)
{
	crypto_auto(EVP_CIPHER_CTX_free) EVP_CIPHER_CTX *context = EVP_CIPHER_CTX_new();
	unsigned char expected[CRYPTO_GCM_TAG_SIZE]; /* the interface wants it writable */
	unsigned char rest[EVP_MAX_BLOCK_LENGTH];
	int rest_length = 0;

	memcpy(expected, tag, sizeof(expected));
	if (context == NULL || EVP_DecryptInit_ex2(context, EVP_aes_256_gcm(), gcm->key, gcm->nonce, NULL) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (EVP_CIPHER_CTX_ctrl(context, EVP_CTRL_AEAD_SET_TAG, CRYPTO_GCM_TAG_SIZE, expected) != 1)
		return crypto_failed(OTP_ERR_CRYPTO);
	if (!crypto_gcm_run(context, gcm, sealed, length, out))
		return crypto_failed(OTP_ERR_CRYPTO);
	/* The tag is compared here, and nowhere before. */
	if (EVP_DecryptFinal_ex(context, rest, &rest_length) != 1)
		return crypto_failed(OTP_ERR_TOKENS_SEALED);
	return rest_length == 0 ? OTP_OK : OTP_ERR_CRYPTO;
}

enum otp_err crypto_aes_256_gcm_open(const struct crypto_gcm *gcm, const void *sealed, size_t length,
				     const unsigned char tag[CRYPTO_GCM_TAG_SIZE], struct secret *ret_text)
{
	struct secret text = { NULL, length };
	enum otp_err err;

	if (length > CRYPTO_GCM_MAX)
		return OTP_ERR_CRYPTO;
	text.bytes = calloc(length + 1, 1);
	if (text.bytes == NULL)
		return OTP_ERR_MEMORY;
	err = crypto_gcm_decrypt(gcm, sealed, length, tag, (unsigned char *)text.bytes);
	if (err == OTP_OK)
		secret_move(ret_text, &text);
	secret_done(&text);
	return err;
}
