/*
 * http_error - from what libcurl says of a transfer that failed to our errors.
 *
 * Rule kept here: trouble of the proxy and trouble of the service have different reasons, since different people repair them. It is the proxy's until the
 * tunnel through it stands; a certificate that does not hold has its own reason, whosever it is.
 */
#ifndef OTP_HTTP_ERROR_H
#define OTP_HTTP_ERROR_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

/* What is known of a transfer when it is over. */
struct http_outcome {
	int code;	      /* CURLcode */
	bool too_large;	      /* ended by us: headers or body beyond their limit */
	bool answered;	      /* a header of the service's has come */
	bool opened;	      /* a socket was opened for it: it does not go on a kept connection */
	bool proxied;	      /* the settings have a proxy */
	int64_t lookup_us;    /* when the name was known, since the start; 0 when nothing was looked up */
	int64_t handshake_us; /* when TLS stood; 0 when it does not */
	long request_bytes;   /* sent, to proxy and service */
	long connect_status;  /* of the proxy's answer to CONNECT; 0 when there is none in this transfer */
};

/* Whether it ended before the tunnel through the proxy stood. Never without a proxy. */
bool http_error_at_proxy(const struct http_outcome *outcome);

/* OTP_OK, OTP_ERR_NET_*, OTP_ERR_PROXY_*, OTP_ERR_TLS_CERTIFICATE, OTP_ERR_HTTP_MALFORMED, OTP_ERR_HTTP_OVERSIZE, OTP_ERR_CONFIG_OPEN, OTP_ERR_MEMORY. */
enum otp_err http_error_of(const struct http_outcome *outcome);

#endif
