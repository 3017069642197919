/* http - see http.h. */
#include "http.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <curl/curl.h>

#include "log.h"
#include "safe_file.h"
#include "strbuf.h"

#define HTTP_USER_AGENT "pam_cognito_otp/" OTP_VERSION
#define HTTP_HASHED_DIR "/etc/ssl/certs"

enum {
	HTTP_SOCKETS_MAX = 16,
	HTTP_HASHES_MIN = 10 /* fewer links are somebody's private authorities, not the system's store */
};
enum { HTTP_IDLE_MAX_S = 55 }; /* a kept connection older than that is likely dead at the other end, or in a firewall between */

struct http {
	CURL *curl;
	const struct http_settings *settings;
	curl_socket_t sockets[HTTP_SOCKETS_MAX]; /* open connections, for http_abandon */
	size_t socket_count;
};

/* One exchange under way. */
struct http_transfer {
	const struct secret *sending;
	size_t sent;
	struct strbuf receiving;
	size_t header_bytes;
	bool too_large;
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

static bool http_hashed_dir(void)
{
	DIR *dir = opendir(HTTP_HASHED_DIR);
	const struct dirent *entry;
	int hashes = 0;

	if (dir == NULL)
		return false;
	while (hashes < HTTP_HASHES_MIN && (entry = readdir(dir)) != NULL) {
		if (strlen(entry->d_name) == 10 && strcmp(entry->d_name + 8, ".0") == 0) /* 8 hex digits, as c_rehash makes them */
			hashes++;
	}
	(void)closedir(dir);
	return hashes == HTTP_HASHES_MIN;
}

static const char *http_find_bundle(void)
{
	static const char *const bundles[] = { "/etc/pki/tls/certs/ca-bundle.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
					       "/etc/ssl/certs/ca-certificates.crt", NULL };

	for (size_t i = 0; bundles[i] != NULL; i++) {
		if (access(bundles[i], R_OK) == 0)
			return bundles[i];
	}
	return "/nonexistent"; /* no trust store: no certificate can hold */
}

/* Debian's bundle costs eight times the rest of a login to parse; the hashed directory costs nothing, so it comes first. */
static CURLcode http_set_trust(struct http *http)
{
	CURLcode failed;

	if (http->settings->ca_file[0] != '\0') {
		failed = curl_easy_setopt(http->curl, CURLOPT_CAPATH, NULL);
		return failed != CURLE_OK ? failed : curl_easy_setopt(http->curl, CURLOPT_CAINFO, http->settings->ca_file);
	}
	if (http_hashed_dir()) {
		failed = curl_easy_setopt(http->curl, CURLOPT_CAINFO, NULL);
		return failed != CURLE_OK ? failed : curl_easy_setopt(http->curl, CURLOPT_CAPATH, HTTP_HASHED_DIR);
	}
	failed = curl_easy_setopt(http->curl, CURLOPT_CAPATH, NULL);
	return failed != CURLE_OK ? failed : curl_easy_setopt(http->curl, CURLOPT_CAINFO, http_find_bundle());
}

#define HTTP_SET(option, value) \
	do { \
		CURLcode set_failed = curl_easy_setopt(curl, option, value); \
		if (set_failed != CURLE_OK) \
			return set_failed; \
	} while (0)

static CURLcode http_set_protocol(CURL *curl)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	HTTP_SET(CURLOPT_PROTOCOLS_STR, "https");
	HTTP_SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	HTTP_SET(CURLOPT_PROTOCOLS, (long)CURLPROTO_HTTPS);
	HTTP_SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	HTTP_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	HTTP_SET(CURLOPT_HTTP09_ALLOWED, 0L);
	HTTP_SET(CURLOPT_FOLLOWLOCATION, 0L);
	HTTP_SET(CURLOPT_PROXY, "");
	HTTP_SET(CURLOPT_NOPROXY, "*");
	HTTP_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	HTTP_SET(CURLOPT_ACCEPT_ENCODING, NULL);
	HTTP_SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	HTTP_SET(CURLOPT_USERAGENT, HTTP_USER_AGENT);
	HTTP_SET(CURLOPT_TCP_KEEPALIVE, 1L);
	HTTP_SET(CURLOPT_NOSIGNAL, 1L);
	HTTP_SET(CURLOPT_NOPROGRESS, 1L);
	HTTP_SET(CURLOPT_VERBOSE, 0L);
	HTTP_SET(CURLOPT_MAXAGE_CONN, (long)HTTP_IDLE_MAX_S);
	HTTP_SET(CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
#if LIBCURL_VERSION_NUM >= 0x075700
	HTTP_SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver thread whose server is silent */
#endif
	return CURLE_OK;
}

static CURLcode http_set_tls(CURL *curl)
{
	HTTP_SET(CURLOPT_SSL_VERIFYPEER, 1L);
	HTTP_SET(CURLOPT_SSL_VERIFYHOST, 2L);
	HTTP_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	HTTP_SET(CURLOPT_SSL_CIPHER_LIST, "HIGH:!aNULL:!eNULL:!PSK:!SRP:!kRSA");
	HTTP_SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	return CURLE_OK;
}

static int http_opened(void *arg, curl_socket_t socket, curlsocktype purpose)
{
	struct http *http = arg;

	(void)purpose;
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

static CURLcode http_set_sockets(struct http *http)
{
	CURL *curl = http->curl;

	HTTP_SET(CURLOPT_SOCKOPTFUNCTION, http_opened);
	HTTP_SET(CURLOPT_SOCKOPTDATA, http);
	HTTP_SET(CURLOPT_CLOSESOCKETFUNCTION, http_closing);
	HTTP_SET(CURLOPT_CLOSESOCKETDATA, http);
	return CURLE_OK;
}

static CURLcode http_set_all(struct http *http)
{
	CURLcode failed = http_set_protocol(http->curl);

	if (failed == CURLE_OK)
		failed = http_set_tls(http->curl);
	if (failed == CURLE_OK)
		failed = http_set_trust(http);
	return failed;
}

enum otp_err http_new(const struct http_settings *settings, struct http **ret_http, struct note *note)
{
	struct http *http;
	enum otp_err err = OTP_OK;

	if (settings->ca_file[0] != '\0')
		err = safe_file_check(settings->ca_file, SAFE_FILE_PUBLIC, note);
	if (err != OTP_OK)
		return err;
	if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
		return OTP_ERR_SYSTEM;
	http = calloc(1, sizeof(*http));
	if (http == NULL)
		return OTP_ERR_MEMORY;
	http->settings = settings;
	http->curl = curl_easy_init();
	if (http->curl == NULL || http_set_all(http) != CURLE_OK || http_set_sockets(http) != CURLE_OK) {
		http_free(http);
		note_set(note, "libcurl %s refuses an option", curl_version_info(CURLVERSION_NOW)->version);
		return OTP_ERR_SYSTEM;
	}
	*ret_http = http;
	return OTP_OK;
}

void http_free(struct http *http)
{
	if (http == NULL)
		return;
	curl_easy_cleanup(http->curl);
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
	HTTP_SET(CURLOPT_HTTPHEADER, headers);
	HTTP_SET(CURLOPT_WRITEFUNCTION, http_receive);
	HTTP_SET(CURLOPT_WRITEDATA, transfer);
	HTTP_SET(CURLOPT_HEADERFUNCTION, http_header);
	HTTP_SET(CURLOPT_HEADERDATA, transfer);
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

/* Without a list, a header that libcurl would add by itself stays in: "Expect: 100-continue" for larger bodies of old versions. */
static struct curl_slist *http_headers(const struct http_request *request)
{
	struct curl_slist *headers = NULL;
	struct curl_slist *more;
	char target[128];
	const char *lines[] = { "Expect:", "Accept:", request->body == NULL ? NULL : "Content-Type: application/x-amz-json-1.1", target };
	size_t count = request->body == NULL ? 2 : 4;

	(void)snprintf(target, sizeof(target), "X-Amz-Target: AWSCognitoIdentityProviderService.%s", request->target == NULL ? "" : request->target);
	for (size_t i = 0; i < count; i++) {
		more = curl_slist_append(headers, lines[i]);
		if (more == NULL) {
			curl_slist_free_all(headers);
			return NULL;
		}
		headers = more;
	}
	return headers;
}

/* A time-out before the name was known is the resolver's. On a kept connection nothing is looked up, but something was sent. */
static enum otp_err http_timed_out(CURL *curl)
{
	curl_off_t lookup = 0;
	long sent = 0;

	(void)curl_easy_getinfo(curl, CURLINFO_NAMELOOKUP_TIME_T, &lookup);
	(void)curl_easy_getinfo(curl, CURLINFO_REQUEST_SIZE, &sent);
	if (lookup == 0 && sent == 0)
		return OTP_ERR_NET_DNS;
	return OTP_ERR_NET_TIMEOUT;
}

static enum otp_err http_failed(CURL *curl, CURLcode code, const struct http_transfer *transfer)
{
	if (transfer->too_large)
		return OTP_ERR_HTTP_OVERSIZE;
	switch ((int)code) { /* as a number: the list differs between versions of libcurl */
	case CURLE_OK:
		return OTP_OK;
	case CURLE_COULDNT_RESOLVE_HOST:
		return OTP_ERR_NET_DNS;
	case CURLE_COULDNT_CONNECT:
		return OTP_ERR_NET_CONNECT;
	case CURLE_OPERATION_TIMEDOUT:
		return http_timed_out(curl);
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
	case CURLE_SSL_INVALIDCERTSTATUS:
		return OTP_ERR_TLS_CERTIFICATE;
	case CURLE_SSL_CACERT_BADFILE:
		return OTP_ERR_CONFIG_OPEN;
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
	case CURLE_OUT_OF_MEMORY: /* libcurl's word, in versions before 8.6, for a header line beyond its own limit of 100 KiB */
		return transfer->header_bytes == 0 ? OTP_ERR_MEMORY : OTP_ERR_HTTP_OVERSIZE;
	default:
		return OTP_ERR_HTTP_MALFORMED;
	}
}

static CURLcode http_perform(struct http *http, const struct http_request *request, const struct deadline *deadline, struct http_transfer *transfer)
{
	struct curl_slist *headers = http_headers(request);
	CURLcode code;

	if (headers == NULL)
		return CURLE_OUT_OF_MEMORY;
	code = http_set_request(http, request, transfer, headers);
	if (code == CURLE_OK)
		code = http_set_times(http, deadline);
	if (code == CURLE_OK)
		code = curl_easy_perform(http->curl);
	(void)curl_easy_setopt(http->curl, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(headers);
	return code;
}

enum otp_err http_exchange(struct http *http, const struct http_request *request, const struct deadline *deadline, struct http_response *ret_response,
			   struct note *note)
{
	struct http_transfer transfer = { .sending = request->body, .receiving = STRBUF_LIMIT(HTTP_BODY_MAX), .response = ret_response };
	CURLcode code = http_perform(http, request, deadline, &transfer);
	enum otp_err err = http_failed(http->curl, code, &transfer);

	ret_response->left = transfer.sent > 0;
	if (err == OTP_OK && curl_easy_getinfo(http->curl, CURLINFO_RESPONSE_CODE, &ret_response->status) != CURLE_OK)
		err = OTP_ERR_HTTP_MALFORMED;
	if (ret_response->cached)
		ret_response->date = 0;
	if (err == OTP_OK)
		err = secret_set(&ret_response->body, strbuf_text(&transfer.receiving), transfer.receiving.length);
	if (err != OTP_OK)
		note_set(note, "%s: %s", request->url, code == CURLE_OK ? err_text(err) : curl_easy_strerror(code));
	strbuf_done(&transfer.receiving);
	return err;
}

void http_response_done(struct http_response *response)
{
	secret_done(&response->body);
	response->status = 0;
}
