/*
 * http - one exchange at a time with the service, over verified TLS. Only http, http_handle and http_error include libcurl.
 *
 * Rules kept here:
 *  - every option that matters is set explicitly; nothing is read from an environment or a home directory; there is no redirect, cookie, netrc, compression
 *    or second protocol, and no way to weaken the check of the certificate;
 *  - a proxy is used when the settings name one, and then for everything: it is asked for a tunnel (CONNECT), looks up the host's name in our place, and sees
 *    nothing of what TLS carries; its answer is neither header nor clock of the service's;
 *  - one connection serves key set, InitiateAuth and RespondToAuthChallenge; no body is ever sent twice: libcurl repeats a POST on a kept connection that turns
 *    out dead unless it cannot rewind the body, so it cannot;
 *  - headers (a proxy's included), body and time have bounds; the deadline is the caller's and total;
 *  - bodies are never logged, and never shown to libcurl's own tracing.
 */
#ifndef OTP_HTTP_H
#define OTP_HTTP_H

#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "err.h"
#include "http_handle.h"
#include "note.h"
#include "secret.h"

enum {
	HTTP_HEADERS_MAX = 32 * 1024, /* bytes of all its headers, and of those of a proxy */
	HTTP_WORD_MAX = 128,	      /* bytes kept of a header's value */
	HTTP_LINES_MAX = 4
};

struct http;

/* The settings must outlive it. OTP_ERR_MEMORY, OTP_ERR_CONFIG_* (the files, or a proxy that this libcurl has not; the note says why). The caller owns *ret_http. */
enum otp_err http_new(const struct http_settings *settings, struct http **ret_http, struct note *note);
void http_free(struct http *http); /* NULL is fine */

/* Before http_free, in a process whose child goes on with the open connection: nothing more is said on it from here. */
void http_abandon(struct http *http);

/* Everything is borrowed. */
struct http_request {
	const char *url;
	const char *target;	   /* X-Amz-Target; NULL for a GET or PUT */
	const struct secret *body; /* NULL for a GET or PUT */
	const char *lines[HTTP_LINES_MAX + 1]; /* further headers, each `Name: value`, up to the first NULL; no copy is made of them */
	bool put;		   /* PUT without a body, as the instance metadata service wants it; otherwise the body decides */
};

struct http_response {
	long status;
	struct secret body;
	char request_id[HTTP_WORD_MAX + 1]; /* x-amzn-requestid, cleaned; "" when there is none */
	char error_type[HTTP_WORD_MAX + 1]; /* x-amzn-errortype, as it came */
	int64_t date;			    /* of the Date header, or 0; 0 as well when a cache answered (Age, RFC 9111): it is not the service's clock */
	bool cached;
	bool left; /* a byte of the request's body was handed on: from here on it may have been acted upon, whatever else went wrong */
};

/*
 * Sends one request and waits for the answer, whatever its status. The errors of http_error_of; the note says at which host, or at which proxy. The caller ends *ret_response with http_response_done, in every case.
 */
enum otp_err http_exchange(struct http *http, const struct http_request *request, const struct deadline *deadline, struct http_response *ret_response,
			   struct note *note);
void http_response_done(struct http_response *response);

#define HTTP_RESPONSE_NONE { 0, SECRET_EMPTY, "", "", 0, false, false }
#define http_response_auto __attribute__((cleanup(http_response_done)))

#endif
