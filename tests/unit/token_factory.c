/* token_factory - see token_factory.h. */
#include "token_factory.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>

static void factory_need(bool condition, const char *what)
{
	if (condition)
		return;
	fprintf(stderr, "token_factory: %s\n", what);
	abort();
}

EVP_PKEY *factory_key(void)
{
	EVP_PKEY *key = EVP_RSA_gen(2048);

	factory_need(key != NULL, "no key");
	return key;
}

static void factory_add_member(struct strbuf *out, const char *name, const char *json)
{
	if (strbuf_text(out)[out->length - 1] != '{')
		strbuf_puts(out, ",");
	strbuf_puts(out, "\"");
	strbuf_puts(out, name);
	strbuf_puts(out, "\":");
	strbuf_puts(out, json);
}

void factory_object(struct strbuf *out, const struct factory_member *members, const char *changed, const char *json)
{
	bool found = false;

	strbuf_puts(out, "{");
	for (; members->name != NULL; members++) {
		bool is_changed = changed != NULL && strcmp(members->name, changed) == 0;

		found = found || is_changed;
		if (!is_changed)
			factory_add_member(out, members->name, members->json);
		else if (json != NULL)
			factory_add_member(out, changed, json);
	}
	if (changed != NULL && !found && json != NULL)
		factory_add_member(out, changed, json);
	strbuf_puts(out, "}");
	factory_need(out->failed == OTP_OK, "object too large");
}

char *factory_base64url(const void *bytes, size_t length)
{
	char *text = malloc(length / 3 * 4 + 5);
	int used;

	factory_need(text != NULL, "no memory");
	used = EVP_EncodeBlock((unsigned char *)text, bytes, (int)length);
	while (used > 0 && text[used - 1] == '=')
		used--;
	text[used] = '\0';
	for (char *c = text; *c != '\0'; c++)
		*c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
	return text;
}

unsigned char *factory_modulus(EVP_PKEY *key, size_t *ret_length)
{
	BIGNUM *n = NULL;
	unsigned char *bytes;

	factory_need(EVP_PKEY_get_bn_param(key, OSSL_PKEY_PARAM_RSA_N, &n) == 1, "no modulus");
	*ret_length = (size_t)BN_num_bytes(n);
	bytes = malloc(*ret_length);
	factory_need(bytes != NULL, "no memory");
	BN_bn2bin(n, bytes);
	BN_free(n);
	return bytes;
}

void factory_jwk(struct strbuf *out, EVP_PKEY *key, const char *kid, const char *changed, const char *json)
{
	size_t length;
	unsigned char *modulus = factory_modulus(key, &length);
	char *number = factory_base64url(modulus, length);
	char quoted_number[1024];
	char quoted_kid[300];
	struct factory_member members[] = {
		{ "alg", "\"RS256\"" }, { "e", "\"AQAB\"" },  { "kid", quoted_kid }, { "kty", "\"RSA\"" },
		{ "n", quoted_number }, { "use", "\"sig\"" }, { NULL, NULL },
	};

	snprintf(quoted_number, sizeof(quoted_number), "\"%s\"", number);
	snprintf(quoted_kid, sizeof(quoted_kid), "\"%s\"", kid);
	factory_object(out, members, changed, json);
	free(number);
	free(modulus);
}

static unsigned char *factory_sign_rsa(EVP_PKEY *key, const EVP_MD *digest, int padding, const void *data, size_t length,
				       size_t *ret_length)
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY_CTX *pkey_context = NULL;
	unsigned char *signature = malloc((size_t)EVP_PKEY_get_size(key));

	factory_need(context != NULL && signature != NULL, "no memory");
	*ret_length = (size_t)EVP_PKEY_get_size(key);
	factory_need(EVP_DigestSignInit(context, &pkey_context, digest, NULL, key) == 1, "no signature");
	factory_need(EVP_PKEY_CTX_set_rsa_padding(pkey_context, padding) == 1, "no padding");
	factory_need(EVP_DigestSign(context, signature, ret_length, data, length) == 1, "no signature");
	EVP_MD_CTX_free(context);
	return signature;
}

static unsigned char *factory_hmac(const void *secret, size_t secret_length, const void *data, size_t length, size_t *ret_length)
{
	unsigned char *mac = malloc(EVP_MAX_MD_SIZE);
	unsigned int mac_length = 0;

	factory_need(mac != NULL, "no memory");
	factory_need(HMAC(EVP_sha256(), secret, (int)secret_length, data, length, mac, &mac_length) != NULL, "no HMAC");
	*ret_length = mac_length;
	return mac;
}

static unsigned char *factory_hmac_pem(EVP_PKEY *key, const void *data, size_t length, size_t *ret_length)
{
	BIO *bio = BIO_new(BIO_s_mem());
	unsigned char *mac;
	char *pem;
	long pem_length;

	factory_need(bio != NULL && PEM_write_bio_PUBKEY(bio, key) == 1, "no PEM");
	pem_length = BIO_get_mem_data(bio, &pem);
	mac = factory_hmac(pem, (size_t)pem_length, data, length, ret_length);
	BIO_free(bio);
	return mac;
}

static unsigned char *factory_hmac_modulus(EVP_PKEY *key, const void *data, size_t length, size_t *ret_length)
{
	size_t modulus_length;
	unsigned char *modulus = factory_modulus(key, &modulus_length);
	unsigned char *mac = factory_hmac(modulus, modulus_length, data, length, ret_length);

	free(modulus);
	return mac;
}

static unsigned char *factory_nothing(size_t *ret_length)
{
	unsigned char *nothing = malloc(1);

	factory_need(nothing != NULL, "no memory");
	*ret_length = 0;
	return nothing;
}

unsigned char *factory_signature(EVP_PKEY *key, enum factory_algorithm algorithm, const void *data, size_t length, size_t *ret_length)
{
	switch (algorithm) {
	case FACTORY_RS256:
		return factory_sign_rsa(key, EVP_sha256(), RSA_PKCS1_PADDING, data, length, ret_length);
	case FACTORY_RS384:
		return factory_sign_rsa(key, EVP_sha384(), RSA_PKCS1_PADDING, data, length, ret_length);
	case FACTORY_RS512:
		return factory_sign_rsa(key, EVP_sha512(), RSA_PKCS1_PADDING, data, length, ret_length);
	case FACTORY_PS256:
		return factory_sign_rsa(key, EVP_sha256(), RSA_PKCS1_PSS_PADDING, data, length, ret_length);
	case FACTORY_HS256_PEM:
		return factory_hmac_pem(key, data, length, ret_length);
	case FACTORY_HS256_MODULUS:
		return factory_hmac_modulus(key, data, length, ret_length);
	case FACTORY_NONE:
		break;
	}
	return factory_nothing(ret_length);
}

void factory_set_unused_bit(char *text)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t length = strlen(text);
	const char *digit = strchr(alphabet, text[length - 1]);

	factory_need(length % 4 != 0 && digit != NULL && (digit - alphabet) % 2 == 0, "no unused bits");
	text[length - 1] = digit[1];
}

char *factory_sign(EVP_PKEY *key, enum factory_algorithm algorithm, const char *header_text, const char *payload_text)
{
	size_t size = strlen(header_text) + strlen(payload_text) + 1024;
	char *token = malloc(size);
	size_t length;
	unsigned char *signature;
	char *signature_text;

	factory_need(token != NULL, "no memory");
	length = (size_t)snprintf(token, size, "%s.%s", header_text, payload_text);
	signature = factory_signature(key, algorithm, token, length, &length);
	signature_text = factory_base64url(signature, length);
	strcat(token, ".");
	strcat(token, signature_text);
	free(signature_text);
	free(signature);
	return token;
}

char *factory_token(EVP_PKEY *key, enum factory_algorithm algorithm, const char *header, const char *payload)
{
	char *header_text = factory_base64url(header, strlen(header));
	char *payload_text = factory_base64url(payload, strlen(payload));
	char *token = factory_sign(key, algorithm, header_text, payload_text);

	free(header_text);
	free(payload_text);
	return token;
}
