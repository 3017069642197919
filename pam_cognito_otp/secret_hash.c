/* secret_hash - see secret_hash.h. */
#include "secret_hash.h"

#include <string.h>

#include "crypto.h"
#include "strbuf.h"

/* Far above the service's 128 bytes for either part. */
enum { SECRET_HASH_MESSAGE_MAX = 1024 };

enum otp_err secret_hash_compute(const struct secret *client_secret, const char *user_name, const char *client_id, struct secret *ret_hash)
{
	strbuf_auto struct strbuf message = STRBUF_LIMIT(SECRET_HASH_MESSAGE_MAX);
	char text[CRYPTO_HMAC_BASE64_SIZE];
	enum otp_err err;

	strbuf_puts(&message, user_name);
	strbuf_puts(&message, client_id);
	if (message.failed == OTP_ERR_MEMORY)
		return OTP_ERR_MEMORY;
	/* A cut message would give a hash that is wrong without a trace. */
	if (message.failed != OTP_OK)
		return OTP_ERR_CRYPTO;
	err = crypto_hmac_sha256_base64(secret_text(client_secret), client_secret->length, strbuf_text(&message), message.length, text);
	if (err != OTP_OK)
		return err;
	err = secret_set(ret_hash, text, strlen(text));
	explicit_bzero(text, sizeof(text));
	return err;
}
