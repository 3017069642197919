/* http - see http.h. */
#include "http.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "http_error.h"
#include "log.h"
#include "proxy.h"
#include "strbuf.h"

enum { HTTP_SOCKETS_MAX = 16, HTTP_HEADERS_COUNT = 4 /* of our own */ };

struct http {
	CURL *curl;
	const struct http_settings *settings;
	curl_socket_t sockets[HTTP_SOCKETS_MAX]; /* open connections, for http_abandon */
	size_t socket_count;
	bool opened;		      /* in the exchange under way */
	struct secret authorization;  /* the line for the proxy; empty when it wants none */
	struct curl_slist proxy_line; /* the same as libcurl wants it, without one more copy that nobody wipes */
};

/* One exchange under way. */
struct http_transfer {
	CURL *curl;
	const struct deadline *deadline;
	const struct secret *sending;
	size_t sent;
	struct strbuf receiving;
	size_t header_bytes;
	bool too_large;
	char words[CURL_ERROR_SIZE];
	struct http_response *response;
};

static size_t http_send(char *buffer, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	size_t left = transfer->sending->length - transfer->sent;
	size_t length = size * count < left ? size * count : left;

	memcpy(buffer, secret_text(transfer->sending) + transfer->sent, length);
	transfer->sent += length;
	return length;
}

static size_t http_receive(char *buffer, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;

	strbuf_add(&transfer->receiving, buffer, size * count);
	if (transfer->receiving.failed == OTP_OK)
		return size * count;
	transfer->too_large = transfer->receiving.failed != OTP_ERR_MEMORY;
	return 0; /* ends the transfer */
}

/* The value of the header line `line` if it is called `name`, copied without blanks around it. */
static void http_header_value(const char *line, size_t length, const char *name, char *out, size_t size)
{
	size_t skip = strlen(name);
	size_t kept;

	if (length <= skip || line[skip] != ':' || strncasecmp(line, name, skip) != 0)
		return;
	for (skip++; skip < length && (line[skip] == ' ' || line[skip] == '\t'); skip++)
		;
	kept = length - skip < size ? length - skip : size - 1;
	memcpy(out, line + skip, kept);
	out[kept] = '\0';
	out[strcspn(out, "\r\n")] = '\0';
}

static size_t http_header(char *buffer, size_t size, size_t count, void *arg)
{
	struct http_transfer *transfer = arg;
	struct http_response *response = transfer->response;
	size_t length = size * count;
	char date[HTTP_WORD_MAX + 1] = "";
	char request_id[HTTP_WORD_MAX + 1] = "";
	char age[HTTP_WORD_MAX + 1] = "";

	transfer->header_bytes += length; /* of every answer of this exchange: 100 Continue may come for ever */
	if (transfer->header_bytes > HTTP_HEADERS_MAX) {
		transfer->too_large = true;
		return 0;
	}
	http_header_value(buffer, length, "x-amzn-errortype", response->error_type, sizeof(response->error_type));
	http_header_value(buffer, length, "x-amzn-requestid", request_id, sizeof(request_id));
	if (request_id[0] != '\0')
		log_clean(response->request_id, sizeof(response->request_id), request_id, true);
	http_header_value(buffer, length, "date", date, sizeof(date));
	if (date[0] != '\0')
		response->date = curl_getdate(date, NULL);
	http_header_value(buffer, length, "age", age, sizeof(age));
	response->cached = response->cached || age[0] != '\0';
	return length;
}

/*
 * libcurl does not look at the clock while the bytes of a proxy's answer come without a pause, and the headers in it are kept from http_header: both limits hold
 * here as well.
 */
static int http_progress(void *arg, curl_off_t to_receive, curl_off_t received, curl_off_t to_send, curl_off_t sent)
{
	struct http_transfer *transfer = arg;
	long header_bytes = 0;

	(void)to_receive, (void)received, (void)to_send, (void)sent;
	(void)curl_easy_getinfo(transfer->curl, CURLINFO_HEADER_SIZE, &header_bytes);
	if (header_bytes > HTTP_HEADERS_MAX)
		transfer->too_large = true;
	return transfer->too_large || deadline_left_ms(transfer->deadline) == 0 ? 1 : 0;
}

static int http_opened(void *arg, curl_socket_t socket, curlsocktype purpose)
{
	struct http *http = arg;

	(void)purpose;
	http->opened = true;
	if (http->socket_count < HTTP_SOCKETS_MAX)
		http->sockets[http->socket_count++] = socket;
	return CURL_SOCKOPT_OK;
}

static int http_closing(void *arg, curl_socket_t socket)
{
	struct http *http = arg;

	for (size_t i = 0; i < http->socket_count; i++) {
		if (http->sockets[i] == socket)
			http->sockets[i] = http->sockets[--http->socket_count];
	}
	return close(socket);
}

static CURLcode http_set_callbacks(struct http *http)
{
	CURL *curl = http->curl;

	HTTP_SET(CURLOPT_SOCKOPTFUNCTION, http_opened);
	HTTP_SET(CURLOPT_SOCKOPTDATA, http);
	HTTP_SET(CURLOPT_CLOSESOCKETFUNCTION, http_closing);
	HTTP_SET(CURLOPT_CLOSESOCKETDATA, http);
	HTTP_SET(CURLOPT_XFERINFOFUNCTION, http_progress);
	HTTP_SET(CURLOPT_NOPROGRESS, 1L); /* but in an exchange through a proxy */
	return CURLE_OK;
}

static CURLcode http_set_all(struct http *http)
{
	int failed = http_handle_set(http->curl, http->settings, http->authorization.length > 0 ? &http->proxy_line : NULL);

	return failed != CURLE_OK ? (CURLcode)failed : http_set_callbacks(http);
}

/* The list has one entry, and libcurl only reads it. */
static enum otp_err http_set_authorization(struct http *http, struct note *note)
{
	enum otp_err err = proxy_authorization(http->settings->proxy_credentials_file, &http->authorization, note);

	http->proxy_line = (struct curl_slist){ http->authorization.bytes, NULL };
	return err;
}

enum otp_err http_new(const struct http_settings *settings, struct http **ret_http, struct note *note)
{
	struct http *http;
	enum otp_err err = http_handle_check(settings, note);

	if (err != OTP_OK)
		return err;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return OTP_ERR_SYSTEM;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return OTP_ERR_MEMORY;
	http->settings = settings;
	err = http_set_authorization(http, note);
	http->curl = err == OTP_OK ? curl_easy_init() : NULL;
	if (err == OTP_OK && (http->curl == NULL || http_set_all(http) != CURLE_OK)) {
		note_set(note, "libcurl %s refuses an option", curl_version_info(CURLVERSION_NOW)->version);
		err = OTP_ERR_SYSTEM;
	}
	if (err != OTP_OK) {
		http_free(http);
		return err;
	}
	*ret_http = http;
	return OTP_OK;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->curl);
	secret_done(&http->authorization);
	free(http);
}

void http_abandon(struct http *http)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* libcurl would say goodbye in TLS, in the middle of what the child says: it says it to nobody */
	for (size_t i = 0; null >= 0 && i < http->socket_count; i++)
		(void)dup2(null, http->sockets[i]);
	if (null >= 0)
		(void)close(null);
}

static CURLcode http_set_request(struct http *http, const struct http_request *request, struct http_transfer *transfer, struct curl_slist *headers)
{
	CURL *curl = http->curl;

	HTTP_SET(CURLOPT_URL, request->url);
	HTTP_SET(CURLOPT_ERRORBUFFER, transfer->words);
	HTTP_SET(CURLOPT_HTTPHEADER, headers);
	HTTP_SET(CURLOPT_WRITEFUNCTION, http_receive);
	HTTP_SET(CURLOPT_WRITEDATA, transfer);
	HTTP_SET(CURLOPT_HEADERFUNCTION, http_header);
	HTTP_SET(CURLOPT_HEADERDATA, transfer);
	HTTP_SET(CURLOPT_XFERINFODATA, transfer);
	HTTP_SET(CURLOPT_NOPROGRESS, http_handle_proxied(http->settings) ? 0L : 1L);
	HTTP_SET(CURLOPT_CUSTOMREQUEST, request->put ? "PUT" : NULL);
	if (request->body == NULL) {
		HTTP_SET(CURLOPT_HTTPGET, 1L);
		return CURLE_OK;
	}
	/* A read function and no seek function: libcurl cannot rewind the body, so it cannot send it again on a new connection (http.h). */
	HTTP_SET(CURLOPT_POST, 1L);
	HTTP_SET(CURLOPT_READFUNCTION, http_send);
	HTTP_SET(CURLOPT_READDATA, transfer);
	HTTP_SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body->length);
	return CURLE_OK;
}

static CURLcode http_set_times(struct http *http, const struct deadline *deadline)
{
	CURL *curl = http->curl;
	int64_t left = deadline_left_ms(deadline);
	int64_t connect = http->settings->connect_timeout_ms < left ? http->settings->connect_timeout_ms : left;

	if (left == 0)
		return CURLE_OPERATION_TIMEDOUT;
	HTTP_SET(CURLOPT_TIMEOUT_MS, (long)left);
	HTTP_SET(CURLOPT_CONNECTTIMEOUT_MS, (long)connect);
	return CURLE_OK;
}

/* The headers of a request as libcurl wants them: nodes of ours, since it would copy a list of its own, and nobody would wipe the copies. It only reads them. */
struct http_headers {
	char target[128];
	struct curl_slist nodes[HTTP_HEADERS_COUNT + HTTP_LINES_MAX];
	size_t count;
};

static void http_add_header(struct http_headers *headers, const char *line)
{
	struct curl_slist *node = &headers->nodes[headers->count];

	*node = (struct curl_slist){ (char *)(uintptr_t)line, NULL };
	if (headers->count > 0)
		headers->nodes[headers->count - 1].next = node;
	headers->count++;
}

/* "Expect: 100-continue" for larger bodies of old versions, and Accept: headers that libcurl would add by itself. */
static void http_fill_headers(const struct http_request *request, struct http_headers *headers)
{
	headers->count = 0;
	http_add_header(headers, "Expect:");
	http_add_header(headers, "Accept:");
	if (request->body != NULL) {
		(void)snprintf(headers->target, sizeof(headers->target), "X-Amz-Target: AWSCognitoIdentityProviderService.%s", request->target);
		http_add_header(headers, "Content-Type: application/x-amz-json-1.1");
		http_add_header(headers, headers->target);
	}
	for (size_t i = 0; i < HTTP_LINES_MAX && request->lines[i] != NULL; i++)
		http_add_header(headers, request->lines[i]);
}

/* What libcurl calls an abort can only be ours, in http_progress: the limit, or the deadline. */
static struct http_outcome http_outcome_of(const struct http *http, CURLcode code, const struct http_transfer *transfer)
{
	struct http_outcome outcome = { (int)(code == CURLE_ABORTED_BY_CALLBACK ? CURLE_OPERATION_TIMEDOUT : code), transfer->too_large,
					transfer->header_bytes > 0, http->opened, http_handle_proxied(http->settings), 0, 0, 0, 0 };
	curl_off_t lookup = 0;
	curl_off_t handshake = 0;

	(void)curl_easy_getinfo(http->curl, CURLINFO_NAMELOOKUP_TIME_T, &lookup);
	(void)curl_easy_getinfo(http->curl, CURLINFO_APPCONNECT_TIME_T, &handshake);
	(void)curl_easy_getinfo(http->curl, CURLINFO_REQUEST_SIZE, &outcome.request_bytes);
	(void)curl_easy_getinfo(http->curl, CURLINFO_HTTP_CONNECTCODE, &outcome.connect_status);
	outcome.lookup_us = lookup;
	outcome.handshake_us = handshake;
	return outcome;
}

/* At whom it failed, and how: the proxy's name comes first when it is the proxy. */
static void http_explain(const struct http *http, const struct http_transfer *transfer, const char *url, const struct http_outcome *outcome,
			 enum otp_err err, struct note *note)
{
	const char *proxy = http->settings->proxy;
	const char *ca_file = http->settings->ca_file;
	const char *text = outcome->code == CURLE_OK || outcome->too_large ? err_text(err) : curl_easy_strerror((CURLcode)outcome->code);

	if (err == OTP_ERR_TLS_CERTIFICATE && transfer->words[0] != '\0') /* libcurl's own: expired, of another host, of an unknown authority */
		text = transfer->words;
	if (err == OTP_ERR_CONFIG_OPEN)
		note_set(note, "%s: no certificates in it", ca_file[0] != '\0' ? ca_file : "the system's certificates");
	else if (!outcome->proxied)
		note_set(note, "%s: %s", url, text);
	else if (!http_error_at_proxy(outcome))
		note_set(note, "%s through %s: %s", url, proxy, text);
	else if (outcome->connect_status != 0 && outcome->connect_status / 100 != 2)
		note_set(note, "proxy %s: status %ld to CONNECT for %s", proxy, outcome->connect_status, url);
	else
		note_set(note, "proxy %s: %s", proxy, text);
}

static CURLcode http_perform(struct http *http, const struct http_request *request, const struct deadline *deadline, struct http_transfer *transfer)
{
	struct http_headers headers;
	CURLcode code;

	http->opened = false;
	http_fill_headers(request, &headers);
	code = http_set_request(http, request, transfer, headers.nodes);
	if (code == CURLE_OK)
		code = http_set_times(http, deadline);
	if (code == CURLE_OK)
		code = curl_easy_perform(http->curl);
	(void)curl_easy_setopt(http->curl, CURLOPT_NOPROGRESS, 1L); /* what is called for it ends here */
	(void)curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	(void)curl_easy_setopt(http->curl, CURLOPT_ERRORBUFFER, NULL);
	return code;
}

enum otp_err http_exchange(struct http *http, const struct http_request *request, const struct deadline *deadline, struct http_response *ret_response,
			   struct note *note)
{
	struct http_transfer transfer = { http->curl, deadline, request->body, 0, STRBUF_LIMIT(HTTP_BODY_MAX), 0, false, "", ret_response };
	CURLcode code = http_perform(http, request, deadline, &transfer);
	struct http_outcome outcome = http_outcome_of(http, code, &transfer);
	enum otp_err err = http_error_of(&outcome);

	ret_response->left = transfer.sent > 0;
	if (err == OTP_OK && curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &ret_response->status) != CURLE_OK)
		err = OTP_ERR_HTTP_MALFORMED;
	if (ret_response->cached)
		ret_response->date = 0;
	if (err == OTP_OK)
		err = secret_set(&ret_response->body, strbuf_text(&transfer.receiving), transfer.receiving.length);
	if (err != OTP_OK)
		http_explain(http, &transfer, request->url, &outcome, err, note);
	strbuf_done(&transfer.receiving);
	return err;
}

void http_response_done(struct http_response *response)
{
	secret_done(&response->body);
	response->status = 0;
}
