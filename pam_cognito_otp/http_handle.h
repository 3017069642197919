/*
 * http_handle - every option of libcurl that is the same for all exchanges: protocol, TLS, trust, proxy.
 *
 * Rule kept here: what could be read from an environment, a home directory or libcurl's own defaults is set explicitly, and nothing in the settings makes a check
 * of a certificate weaker, that of a proxy included.
 */
#ifndef OTP_HTTP_HANDLE_H
#define OTP_HTTP_HANDLE_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "note.h"

enum { HTTP_BODY_MAX = 256 * 1024 }; /* bytes of an answer */

/* Borrowed. */
struct http_settings {
	const char *ca_file;		    /* "" for the system's store */
	const char *proxy;		    /* http://host[:port] or https://host[:port], without credentials; "" for none */
	const char *proxy_credentials_file; /* "" for none; see proxy.h */
	int64_t connect_timeout_ms;
	bool link_local; /* plain http and nothing else, never through a proxy: for the instance metadata service, which has no TLS */
};

struct curl_slist;

bool http_handle_proxied(const struct http_settings *settings);

/* ca_file, and what libcurl was built without. OTP_ERR_CONFIG_OPEN, OTP_ERR_CONFIG_UNSAFE, OTP_ERR_CONFIG_VALUE; the note says why. */
enum otp_err http_handle_check(const struct http_settings *settings, struct note *note);

/* Sets them on a fresh CURL. `proxy_line`: a header for the proxy alone, or NULL; it must live as long as the handle. Returns a CURLcode. */
int http_handle_set(void *curl, const struct http_settings *settings, struct curl_slist *proxy_line);

/* In a function that returns a CURLcode and has a `curl`, where libcurl is included. */
#define HTTP_SET(option, value) \
	do { \
		CURLcode set_failed = curl_easy_setopt(curl, option, value); \
		if (set_failed != CURLE_OK) \
			return set_failed; \
	} while (0)

#endif
