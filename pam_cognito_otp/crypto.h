/*
 * crypto - what we need of OpenSSL 3, and the only room that includes it.
 *
 * Rules kept here: EVP interfaces only; every result is checked; keys come as numbers, never as PEM; RSA keys that a careful issuer would
 * not make are refused where they are made.
 */
#ifndef OTP_CRYPTO_H
#define OTP_CRYPTO_H

#include <stddef.h>

#include "err.h"

enum {
	CRYPTO_SHA256_SIZE = 32,
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

#endif
