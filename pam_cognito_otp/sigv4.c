/* sigv4 - see sigv4.h. */
#include "sigv4.h"

#include <stdbool.h>
#include <string.h>
#include <time.h>

#include "crypto.h"

enum {
	SIGV4_DAY_LENGTH = 8,		/* yyyymmdd, the beginning of the date */
	SIGV4_SCOPE_MAX = 256,		/* far above day, region and service */
	SIGV4_CANONICAL_MAX = 32 * 1024 /* nearly all of it for a session token */
};

/* In an Authorization header a comma or slash in it would end it, and a line end would begin another header. IAM's own pattern is [\w]*. */
static bool sigv4_is_key_id(const struct secret *id)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	return id->length > 0 && strspn(secret_text(id), allowed) == id->length;
}

/* Signed as it is sent, so without the blanks and line ends that a canonical value would lose or a header could not hold. */
static bool sigv4_is_header_value(const struct secret *value)
{
	for (size_t i = 0; i < value->length; i++) {
		if (value->bytes[i] <= ' ' || value->bytes[i] > '~')
			return false;
	}
	return true;
}

static enum otp_err sigv4_date(int64_t time, char date[SIGV4_DATE_SIZE])
{
	time_t seconds = (time_t)time;
	struct tm utc;

	if (gmtime_r(&seconds, &utc) == NULL || strftime(date, SIGV4_DATE_SIZE, "%Y%m%dT%H%M%SZ", &utc) != SIGV4_DATE_SIZE - 1)
		return OTP_ERR_SYSTEM;
	return OTP_OK;
}

static void sigv4_add_hex(struct strbuf *buf, const unsigned char digest[CRYPTO_SHA256_SIZE])
{
	for (size_t i = 0; i < CRYPTO_SHA256_SIZE; i++)
		strbuf_printf(buf, "%02x", (unsigned int)digest[i]);
}

static enum otp_err sigv4_add_hash(struct strbuf *buf, const void *bytes, size_t length)
{
	unsigned char digest[CRYPTO_SHA256_SIZE];
	enum otp_err err = crypto_sha256(bytes, length, digest);

	if (err == OTP_OK)
		sigv4_add_hex(buf, digest);
	return err;
}

static void sigv4_add_line(struct strbuf *buf, const char *name, const char *value)
{
	strbuf_puts(buf, name);
	strbuf_puts(buf, ":");
	strbuf_puts(buf, value);
	strbuf_puts(buf, "\n");
}

static const char *sigv4_names(const struct sigv4_request *request)
{
	return request->session_token->length > 0 ? "content-type;host;x-amz-date;x-amz-security-token;x-amz-target"
						  : "content-type;host;x-amz-date;x-amz-target";
}

/* The request as both sides write it down: method, path, query, headers in the order of sigv4_names, and the hash of the body. */
static enum otp_err sigv4_add_canonical(struct strbuf *buf, const struct sigv4_request *request, const char *date)
{
	strbuf_puts(buf, "POST\n/\n\n");
	sigv4_add_line(buf, "content-type", request->content_type);
	sigv4_add_line(buf, "host", request->host);
	sigv4_add_line(buf, "x-amz-date", date);
	if (request->session_token->length > 0)
		sigv4_add_line(buf, "x-amz-security-token", secret_text(request->session_token));
	sigv4_add_line(buf, "x-amz-target", request->target);
	strbuf_puts(buf, "\n");
	strbuf_puts(buf, sigv4_names(request));
	strbuf_puts(buf, "\n");
	return sigv4_add_hash(buf, request->body, request->body_length);
}

static void sigv4_add_scope(struct strbuf *buf, const struct sigv4_request *request, const char *date)
{
	strbuf_add(buf, date, SIGV4_DAY_LENGTH);
	strbuf_printf(buf, "/%s/%s/aws4_request", request->region, request->service);
}

static enum otp_err sigv4_add_to_sign(struct strbuf *buf, const struct sigv4_request *request, const char *date)
{
	strbuf_auto struct strbuf canonical = STRBUF_LIMIT(SIGV4_CANONICAL_MAX);
	enum otp_err err = sigv4_add_canonical(&canonical, request, date);

	if (err != OTP_OK || canonical.failed != OTP_OK)
		return err != OTP_OK ? err : canonical.failed;
	strbuf_printf(buf, "AWS4-HMAC-SHA256\n%s\n", date);
	sigv4_add_scope(buf, request, date);
	strbuf_puts(buf, "\n");
	return sigv4_add_hash(buf, canonical.text, canonical.length);
}

/* One link of the chain: `key` becomes the HMAC of `text` under it. */
static enum otp_err sigv4_link(unsigned char key[CRYPTO_SHA256_SIZE], const char *text, size_t length)
{
	unsigned char next[CRYPTO_SHA256_SIZE];
	enum otp_err err = crypto_hmac_sha256(key, CRYPTO_SHA256_SIZE, text, length, next);

	if (err == OTP_OK)
		memcpy(key, next, CRYPTO_SHA256_SIZE);
	explicit_bzero(next, sizeof(next));
	return err;
}

/* From the secret to the key of this day, region and service; the caller wipes `key`. */
static enum otp_err sigv4_key(const struct sigv4_request *request, const char *date, unsigned char key[CRYPTO_SHA256_SIZE])
{
	strbuf_auto struct strbuf first = STRBUF_LIMIT(SIGV4_CANONICAL_MAX);
	enum otp_err err;

	strbuf_puts(&first, "AWS4");
	strbuf_add(&first, secret_text(request->secret_access_key), request->secret_access_key->length);
	if (first.failed != OTP_OK)
		return first.failed;
	err = crypto_hmac_sha256(first.text, first.length, date, SIGV4_DAY_LENGTH, key);
	if (err == OTP_OK)
		err = sigv4_link(key, request->region, strlen(request->region));
	if (err == OTP_OK)
		err = sigv4_link(key, request->service, strlen(request->service));
	return err == OTP_OK ? sigv4_link(key, "aws4_request", strlen("aws4_request")) : err;
}

static enum otp_err sigv4_signature(const struct sigv4_request *request, const char *date, unsigned char ret_signature[CRYPTO_SHA256_SIZE])
{
	strbuf_auto struct strbuf to_sign = STRBUF_LIMIT(SIGV4_SCOPE_MAX + SIGV4_DATE_SIZE + 4 * CRYPTO_SHA256_SIZE);
	unsigned char key[CRYPTO_SHA256_SIZE] = { 0 };
	enum otp_err err = sigv4_add_to_sign(&to_sign, request, date);

	if (err == OTP_OK)
		err = to_sign.failed;
	if (err == OTP_OK)
		err = sigv4_key(request, date, key);
	if (err == OTP_OK)
		err = crypto_hmac_sha256(key, sizeof(key), to_sign.text, to_sign.length, ret_signature);
	explicit_bzero(key, sizeof(key));
	return err;
}

enum otp_err sigv4_sign(const struct sigv4_request *request, char date[SIGV4_DATE_SIZE], struct strbuf *authorization)
{
	unsigned char signature[CRYPTO_SHA256_SIZE];
	enum otp_err err;

	if (!sigv4_is_key_id(request->access_key_id) || !sigv4_is_header_value(request->session_token) ||
	    request->secret_access_key->length == 0)
		return OTP_ERR_AWS_CREDENTIALS;
	err = sigv4_date(request->time, date);
	if (err == OTP_OK)
		err = sigv4_signature(request, date, signature);
	if (err != OTP_OK) /* what is too long can only be a token or secret that no AWS service gives out */
		return err == OTP_ERR_HTTP_OVERSIZE ? OTP_ERR_AWS_CREDENTIALS : err;
	strbuf_puts(authorization, "Authorization: AWS4-HMAC-SHA256 Credential=");
	strbuf_puts(authorization, secret_text(request->access_key_id));
	strbuf_puts(authorization, "/");
	sigv4_add_scope(authorization, request, date);
	strbuf_puts(authorization, ", SignedHeaders=");
	strbuf_puts(authorization, sigv4_names(request));
	strbuf_puts(authorization, ", Signature=");
	sigv4_add_hex(authorization, signature);
	return authorization->failed == OTP_ERR_HTTP_OVERSIZE ? OTP_ERR_AWS_CREDENTIALS : authorization->failed;
}
