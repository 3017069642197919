/* secret_hash - the SECRET_HASH that Cognito wants from app clients with a secret. */
#ifndef OTP_SECRET_HASH_H
#define OTP_SECRET_HASH_H

#include "err.h"
#include "secret.h"

/*
 * Base64(HMAC-SHA256(key = client secret, message = user name || client id)); 44 characters. The name goes in byte for byte as it stands in
 * the same request. Source: Cognito developer guide, "Computing secret hash values". OTP_ERR_CRYPTO, OTP_ERR_MEMORY.
 */
enum otp_err secret_hash_compute(const struct secret *client_secret, const char *user_name, const char *client_id, struct secret *ret_hash);

#endif
