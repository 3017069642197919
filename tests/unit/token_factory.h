/*
 * token_factory - RSA keys, JWKs and tokens for tests, right ones and forged ones, made with OpenSSL alone: nothing of the code under test
 * but strbuf has a part in them. What is returned as char * is freed by the caller. Whatever fails here aborts the program.
 */
#ifndef OTP_TEST_TOKEN_FACTORY_H
#define OTP_TEST_TOKEN_FACTORY_H

#include <stddef.h>

#include <openssl/evp.h>

#include "strbuf.h"

/* `json` is JSON text. A list ends with a NULL name. */
struct factory_member {
	const char *name;
	const char *json;
};

enum factory_algorithm {
	FACTORY_RS256,
	FACTORY_RS384,
	FACTORY_RS512,
	FACTORY_PS256,
	FACTORY_HS256_PEM,     /* the secret is the public key as PEM: the confusion of 2015 */
	FACTORY_HS256_MODULUS, /* the secret is the modulus */
	FACTORY_NONE	       /* an empty third part */
};

EVP_PKEY *factory_key(void);

/*
 * The list as an object, with one member changed: `changed` gets the value `json`, is left out when that is NULL, and is put at the end
 * when the list has no such member. `changed` NULL changes nothing.
 */
void factory_object(struct strbuf *out, const struct factory_member *members, const char *changed, const char *json);

/* The public half as a JWK, with one member changed. */
void factory_jwk(struct strbuf *out, EVP_PKEY *key, const char *kid, const char *changed, const char *json);

char *factory_base64url(const void *bytes, size_t length);
unsigned char *factory_modulus(EVP_PKEY *key, size_t *ret_length);
unsigned char *factory_signature(EVP_PKEY *key, enum factory_algorithm algorithm, const void *data, size_t length, size_t *ret_length);

/* Another character for the same bytes: `text` must end in one with unused bits, and gets one of them set. */
void factory_set_unused_bit(char *text);

/* A token from a first and second part that are encoded already, and from JSON. */
char *factory_sign(EVP_PKEY *key, enum factory_algorithm algorithm, const char *header_text, const char *payload_text);
char *factory_token(EVP_PKEY *key, enum factory_algorithm algorithm, const char *header, const char *payload);

#endif
