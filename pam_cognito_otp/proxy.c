/* proxy - see proxy.h. */
#include "proxy.h"

#include <stdbool.h>
#include <string.h>

#include "crypto.h"
#include "safe_file.h"
#include "strbuf.h"

#define PROXY_HEADER "Proxy-Authorization: Basic "

/* The newline that editors leave does not belong to the password. */
static size_t proxy_line_length(const struct secret *text)
{
	size_t length = text->length;

	if (length > 0 && text->bytes[length - 1] == '\n')
		length--;
	if (length > 0 && text->bytes[length - 1] == '\r')
		length--;
	return length;
}

/* RFC 7617 section 2: no control character, and the first colon ends the name. A blank at an end is a slip that nobody sees in an editor. */
static bool proxy_is_credentials(const char *line, size_t length)
{
	if (length < 2 || line[0] == ':' || line[0] == ' ' || line[length - 1] == ' ' || memchr(line, ':', length) == NULL)
		return false;
	for (size_t i = 0; i < length; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			return false;
	}
	return true;
}

static enum otp_err proxy_encode(const char *line, size_t length, struct secret *ret_line)
{
	strbuf_auto struct strbuf header = STRBUF_LIMIT(sizeof(PROXY_HEADER) + CRYPTO_BASE64_SIZE(PROXY_CREDENTIALS_MAX));
	char text[CRYPTO_BASE64_SIZE(PROXY_CREDENTIALS_MAX)];

	crypto_base64(line, length, text);
	strbuf_puts(&header, PROXY_HEADER);
	strbuf_add(&header, text, strlen(text));
	explicit_bzero(text, sizeof(text));
	if (header.failed != OTP_OK)
		return header.failed;
	return secret_set(ret_line, header.text, header.length);
}

enum otp_err proxy_authorization(const char *path, struct secret *ret_line, struct note *note)
{
	secret_auto struct secret text = SECRET_EMPTY;
	size_t length;
	enum otp_err err;

	if (path[0] == '\0')
		return OTP_OK;
	err = safe_file_read(path, SAFE_FILE_SECRET, PROXY_CREDENTIALS_MAX, &text, note);
	if (err != OTP_OK)
		return err;
	length = proxy_line_length(&text);
	if (!proxy_is_credentials(secret_text(&text), length)) {
		note_set(note, "%s: not one line `user:password`", path);
		return OTP_ERR_CONFIG_VALUE;
	}
	return proxy_encode(text.bytes, length, ret_line);
}

/* 5xx is trouble beyond the proxy and passes (RFC 9110 section 15.6); but 501 is a proxy that knows no CONNECT, and stays. */
enum otp_err proxy_status(long status)
{
	if (status == 407)
		return OTP_ERR_PROXY_AUTH;
	return status >= 500 && status != 501 ? OTP_ERR_NET_PROXY : OTP_ERR_PROXY_REFUSED;
}
