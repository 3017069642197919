/* http_error - see http_error.h. */
#include "http_error.h"

#include <curl/curl.h>

#include "proxy.h"

/* A time-out before the name was known is the resolver's. On a kept connection nothing is looked up, but something was sent. */
static enum otp_err http_error_timed_out(const struct http_outcome *outcome)
{
	return outcome->lookup_us == 0 && outcome->request_bytes == 0 ? OTP_ERR_NET_DNS : OTP_ERR_NET_TIMEOUT;
}

/* What ends a transfer in the same way wherever it happens. OTP_OK: none of these. */
static enum otp_err http_error_anywhere(const struct http_outcome *outcome)
{
	switch (outcome->code) { /* as a number: the list differs between versions of libcurl */
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return OTP_ERR_TLS_CERTIFICATE;
	case CURLE_SSL_CACERT_BADFILE:
		return OTP_ERR_CONFIG_OPEN;
	case CURLE_OUT_OF_MEMORY: /* libcurl's word, in versions before 8.6, for a header line beyond its own limit of 100 KiB */
		return outcome->answered ? OTP_ERR_HTTP_OVERSIZE : OTP_ERR_MEMORY;
	default:
		return OTP_OK;
	}
}

static enum otp_err http_error_at_service(const struct http_outcome *outcome)
{
	switch (outcome->code) {
	case CURLE_COULDNT_RESOLVE_HOST:
		return OTP_ERR_NET_DNS;
	case CURLE_COULDNT_CONNECT:
		return OTP_ERR_NET_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return http_error_timed_out(outcome);
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CIPHER:
		return OTP_ERR_NET_TLS;
	case CURLE_SEND_ERROR:
	case CURLE_RECV_ERROR:
	case CURLE_GOT_NOTHING:
	case CURLE_PARTIAL_FILE:
	case CURLE_SEND_FAIL_REWIND:
		return OTP_ERR_NET_RESET;
	case CURLE_FILESIZE_EXCEEDED:
#if LIBCURL_VERSION_NUM >= 0x080600
	case CURLE_TOO_LARGE:
#endif
		return OTP_ERR_HTTP_OVERSIZE;
	default:
		return OTP_ERR_HTTP_MALFORMED;
	}
}

/*
 * Only the status line of the proxy's answer is known, not its end. After 200 a broken connection is the proxy's as long as there is no TLS, which has an
 * error of its own; of a time-out then nobody can tell whose it is, and it counts as the service's.
 */
bool http_error_at_proxy(const struct http_outcome *outcome)
{
	if (!outcome->proxied || outcome->answered)
		return false;
	if (outcome->connect_status == 0)
		return outcome->opened || outcome->request_bytes == 0;
	if (outcome->connect_status / 100 != 2)
		return true;
	return outcome->handshake_us == 0 && (outcome->too_large || outcome->code == CURLE_RECV_ERROR || outcome->code == CURLE_SEND_ERROR);
}

enum otp_err http_error_of(const struct http_outcome *outcome)
{
	enum otp_err err;

	if (http_error_at_proxy(outcome) && outcome->connect_status != 0 && outcome->connect_status / 100 != 2)
		return proxy_status(outcome->connect_status);
	if (outcome->too_large)
		return OTP_ERR_HTTP_OVERSIZE;
	if (outcome->code == CURLE_OK)
		return OTP_OK;
	err = http_error_anywhere(outcome);
	if (err != OTP_OK)
		return err;
	return http_error_at_proxy(outcome) ? OTP_ERR_NET_PROXY : http_error_at_service(outcome);
}
