/*
 * crypto - what we need of OpenSSL 3, and the only room that includes it.
 *
 * Rules kept here: EVP interfaces only; every result is checked; keys come as numbers, never as PEM; RSA keys that a careful issuer would
 * not make are refused where they are made; what was sealed is given out only after its tag held.
 */
#ifndef OTP_CRYPTO_H
#define OTP_CRYPTO_H

#include <stddef.h>

#include "err.h"
#include "secret.h"

enum {
	CRYPTO_SHA256_SIZE = 32,
	CRYPTO_GCM_KEY_SIZE = 32,
	CRYPTO_GCM_NONCE_SIZE = 12,
	CRYPTO_GCM_TAG_SIZE = 16,
	CRYPTO_GCM_MAX = 64 * 1024, /* bytes of text, and of additional data */
	CRYPTO_RSA_BITS_MIN = 2048,
	CRYPTO_RSA_BITS_MAX = 4096,
	/* EVP_EncodeBlock of 32 bytes: 44 characters and a NUL */
	CRYPTO_HMAC_BASE64_SIZE = 45
};

struct crypto_rsa_key;

/* Gives back what the library has set up for the process, which it would do at exit otherwise. Nothing of it can be used afterwards. */
void crypto_shut_down(void);

/* SHA-256 (FIPS 180-4). OTP_ERR_CRYPTO. */
enum otp_err crypto_sha256(const void *bytes, size_t length, unsigned char ret_digest[CRYPTO_SHA256_SIZE]);

/* HMAC-SHA-256 (RFC 2104). OTP_ERR_CRYPTO. */
enum otp_err crypto_hmac_sha256(const void *key, size_t key_length, const void *message, size_t message_length,
				unsigned char ret_mac[CRYPTO_SHA256_SIZE]);

/* The same as standard padded Base64 text. OTP_ERR_CRYPTO. */
enum otp_err crypto_hmac_sha256_base64(const void *key, size_t key_length, const void *message, size_t message_length,
				       char ret_text[CRYPTO_HMAC_BASE64_SIZE]);

/* Room for the Base64 of so many bytes, and a NUL. */
#define CRYPTO_BASE64_SIZE(length) (((length) + 2) / 3 * 4 + 1)

/* Standard padded Base64 (RFC 4648 section 4). */
void crypto_base64(const void *bytes, size_t length, char *ret_text);

/*
 * A public key from the big-endian numbers of a JWK (RFC 7518 section 6.3.1). OTP_ERR_JWKS_KEY unless the modulus is odd and of
 * CRYPTO_RSA_BITS_MIN to _MAX bits and the exponent is 65537. The caller owns *ret_key.
 */
enum otp_err crypto_rsa_key_new(const unsigned char *modulus, size_t modulus_length, const unsigned char *exponent, size_t exponent_length,
				struct crypto_rsa_key **ret_key);
void crypto_rsa_key_free(struct crypto_rsa_key *key); /* NULL is fine */

/* RSASSA-PKCS1-v1_5 with SHA-256 (RS256, RFC 7518 section 3.3). OTP_ERR_JWT_SIGNATURE when it does not verify. */
enum otp_err crypto_rs256_verify(const struct crypto_rsa_key *key, const void *data, size_t length, const unsigned char *signature,
				 size_t signature_length);

/* With what is sealed. Borrowed. A nonce serves once under its key (NIST SP 800-38D section 8): it is random, and new each time. */
struct crypto_gcm {
	const unsigned char *key;   /* CRYPTO_GCM_KEY_SIZE bytes */
	const unsigned char *nonce; /* CRYPTO_GCM_NONCE_SIZE bytes */
	const void *aad;	    /* not in the sealed text, but it opens with the same only */
	size_t aad_length;
};

/* AES-256-GCM: as many bytes as the text has, and the tag. OTP_ERR_CRYPTO, also beyond CRYPTO_GCM_MAX. */
enum otp_err crypto_aes_256_gcm_seal(const struct crypto_gcm *gcm, const void *text, size_t length, unsigned char *ret_sealed,
				     unsigned char ret_tag[CRYPTO_GCM_TAG_SIZE]);

/* OTP_ERR_TOKENS_SEALED when the tag does not hold; *ret_text is changed with OTP_OK only. OTP_ERR_CRYPTO, OTP_ERR_MEMORY. */
enum otp_err crypto_aes_256_gcm_open(const struct crypto_gcm *gcm, const void *sealed, size_t length,
				     const unsigned char tag[CRYPTO_GCM_TAG_SIZE], struct secret *ret_text);

#endif
