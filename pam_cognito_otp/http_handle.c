/* http_handle - see http_handle.h. */
#include "http_handle.h"

#include <string.h>

#include <curl/curl.h>

#include "safe_file.h"
#include "trust.h"

#define HTTP_HANDLE_CIPHERS "HIGH:!aNULL:!eNULL:!PSK:!SRP:!kRSA"
#define HTTP_HANDLE_USER_AGENT "pam_cognito_otp/" OTP_VERSION

enum { HTTP_HANDLE_IDLE_MAX_S = 55 }; /* a kept connection older than that is likely dead at the other end, or in a firewall between */

bool http_handle_proxied(const struct http_settings *settings)
{
	return settings->proxy[0] != '\0' && !settings->link_local;
}

static bool http_handle_has_tls(const struct http_settings *settings)
{
	return http_handle_proxied(settings) && strncmp(settings->proxy, "https:", 6) == 0;
}

enum otp_err http_handle_check(const struct http_settings *settings, struct note *note)
{
	const curl_version_info_data *version = curl_version_info(CURLVERSION_NOW);
	enum otp_err err = OTP_OK;

	if (settings->ca_file[0] != '\0')
		err = safe_file_check(settings->ca_file, SAFE_FILE_PUBLIC, note);
	if (err == OTP_OK && http_handle_has_tls(settings) && (version->features & CURL_VERSION_HTTPS_PROXY) == 0) {
		note_set(note, "proxy: libcurl %s was built without proxies that speak https", version->version);
		return OTP_ERR_CONFIG_VALUE;
	}
	return err;
}

static CURLcode http_handle_protocol(CURL *curl, bool link_local)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	HTTP_SET(CURLOPT_PROTOCOLS_STR, link_local ? "http" : "https");
	HTTP_SET(CURLOPT_REDIR_PROTOCOLS_STR, "https");
#else
	HTTP_SET(CURLOPT_PROTOCOLS, (long)(link_local ? CURLPROTO_HTTP : CURLPROTO_HTTPS));
	HTTP_SET(CURLOPT_REDIR_PROTOCOLS, (long)CURLPROTO_HTTPS);
#endif
	HTTP_SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	HTTP_SET(CURLOPT_HTTP09_ALLOWED, 0L);
	HTTP_SET(CURLOPT_FOLLOWLOCATION, 0L);
	HTTP_SET(CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	HTTP_SET(CURLOPT_ACCEPT_ENCODING, NULL);
	HTTP_SET(CURLOPT_HTTP_CONTENT_DECODING, 0L);
	HTTP_SET(CURLOPT_USERAGENT, HTTP_HANDLE_USER_AGENT);
	HTTP_SET(CURLOPT_TCP_KEEPALIVE, 1L);
	HTTP_SET(CURLOPT_NOSIGNAL, 1L);
	HTTP_SET(CURLOPT_VERBOSE, 0L);
	HTTP_SET(CURLOPT_MAXAGE_CONN, (long)HTTP_HANDLE_IDLE_MAX_S);
	HTTP_SET(CURLOPT_MAXFILESIZE, (long)HTTP_BODY_MAX);
#if LIBCURL_VERSION_NUM >= 0x075700
	HTTP_SET(CURLOPT_QUICK_EXIT, 1L); /* do not wait for a resolver thread whose server is silent */
#endif
	return CURLE_OK;
}

static CURLcode http_handle_tls(CURL *curl)
{
	HTTP_SET(CURLOPT_SSL_VERIFYPEER, 1L);
	HTTP_SET(CURLOPT_SSL_VERIFYHOST, 2L);
	HTTP_SET(CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	HTTP_SET(CURLOPT_SSL_CIPHER_LIST, HTTP_HANDLE_CIPHERS);
	HTTP_SET(CURLOPT_SSL_SESSIONID_CACHE, 0L);
	return CURLE_OK;
}

/* The same trust for the service and for a proxy that speaks TLS itself. Of file and directory one is NULL: what was compiled into libcurl is not used. */
static CURLcode http_handle_trust(CURL *curl, const struct http_settings *settings)
{
	struct trust trust = trust_find(settings->ca_file);

	HTTP_SET(CURLOPT_CAINFO, trust.file);
	HTTP_SET(CURLOPT_CAPATH, trust.dir);
	if (!http_handle_has_tls(settings))
		return CURLE_OK;
	HTTP_SET(CURLOPT_PROXY_CAINFO, trust.file);
	HTTP_SET(CURLOPT_PROXY_CAPATH, trust.dir);
	HTTP_SET(CURLOPT_PROXY_SSL_VERIFYPEER, 1L);
	HTTP_SET(CURLOPT_PROXY_SSL_VERIFYHOST, 2L);
	HTTP_SET(CURLOPT_PROXY_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	HTTP_SET(CURLOPT_PROXY_SSL_CIPHER_LIST, HTTP_HANDLE_CIPHERS);
	return CURLE_OK;
}

/* What is set here keeps the proxies of the environment out as well. The ports are those of the scheme; libcurl's own would be 1080. */
static CURLcode http_handle_proxy(CURL *curl, const struct http_settings *settings, struct curl_slist *proxy_line)
{
	HTTP_SET(CURLOPT_PROXY, http_handle_proxied(settings) ? settings->proxy : "");
	HTTP_SET(CURLOPT_NOPROXY, http_handle_proxied(settings) ? "" : "*");
	HTTP_SET(CURLOPT_HTTPPROXYTUNNEL, 1L);
	HTTP_SET(CURLOPT_HEADEROPT, (long)CURLHEADER_SEPARATE); /* the proxy has no business with our headers, nor the service with its own */
	if (!http_handle_proxied(settings))
		return CURLE_OK;
	HTTP_SET(CURLOPT_PROXYPORT, http_handle_has_tls(settings) ? 443L : 80L);
	HTTP_SET(CURLOPT_SUPPRESS_CONNECT_HEADERS, 1L); /* its Date and request id are not the service's */
	HTTP_SET(CURLOPT_PROXYAUTH, (long)CURLAUTH_BASIC);
	HTTP_SET(CURLOPT_PROXYHEADER, proxy_line);
	return CURLE_OK;
}

int http_handle_set(void *curl, const struct http_settings *settings, struct curl_slist *proxy_line)
{
	CURLcode failed = http_handle_protocol(curl, settings->link_local);

	if (failed == CURLE_OK)
		failed = http_handle_tls(curl);
	if (failed == CURLE_OK)
		failed = http_handle_trust(curl, settings);
	if (failed == CURLE_OK)
		failed = http_handle_proxy(curl, settings, proxy_line);
	return (int)failed;
}
