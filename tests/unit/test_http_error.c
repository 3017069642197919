/* Whose trouble it is: the same word of libcurl before and after the tunnel through a proxy stands, and without a proxy. */
#include "assert_err.h"

#include <curl/curl.h>

#include "http_error.h"

#define TUNNEL_STANDS .proxied = true, .opened = true, .lookup_us = 1, .request_bytes = 100, .connect_status = 200, .handshake_us = 9
#define TUNNEL_KEPT .proxied = true, .request_bytes = 300
#define NO_ANSWER .proxied = true, .opened = true, .lookup_us = 1, .request_bytes = 100

struct error_case {
	const char *name;
	struct http_outcome outcome;
	enum otp_err wanted;
};

static void run(const struct error_case *cases, size_t count, bool at_proxy)
{
	for (size_t i = 0; i < count; i++) {
		assert_err(cases[i].name, http_error_of(&cases[i].outcome), cases[i].wanted);
		assert_int_equal(http_error_at_proxy(&cases[i].outcome), at_proxy);
	}
}

static void test_without_a_proxy(void **state)
{
	static const struct error_case cases[] = {
		{ "fine", { .code = CURLE_OK, .opened = true, .answered = true }, OTP_OK },
		{ "no name", { .code = CURLE_COULDNT_RESOLVE_HOST }, OTP_ERR_NET_DNS },
		{ "name too slow", { .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_DNS },
		{ "service too slow", { .code = CURLE_OPERATION_TIMEDOUT, .lookup_us = 1, .opened = true }, OTP_ERR_NET_TIMEOUT },
		{ "too slow on a kept connection", { .code = CURLE_OPERATION_TIMEDOUT, .request_bytes = 9 }, OTP_ERR_NET_TIMEOUT },
		{ "refused", { .code = CURLE_COULDNT_CONNECT, .opened = true }, OTP_ERR_NET_CONNECT },
		{ "reset", { .code = CURLE_RECV_ERROR, .opened = true }, OTP_ERR_NET_RESET },
		{ "no TLS", { .code = CURLE_SSL_CONNECT_ERROR, .opened = true }, OTP_ERR_NET_TLS },
		{ "certificate", { .code = CURLE_PEER_FAILED_VERIFICATION, .opened = true }, OTP_ERR_TLS_CERTIFICATE },
		{ "ca_file", { .code = CURLE_SSL_CACERT_BADFILE }, OTP_ERR_CONFIG_OPEN },
		{ "memory", { .code = CURLE_OUT_OF_MEMORY }, OTP_ERR_MEMORY },
		{ "a header line too long", { .code = CURLE_OUT_OF_MEMORY, .answered = true }, OTP_ERR_HTTP_OVERSIZE },
		{ "too large", { .code = CURLE_WRITE_ERROR, .too_large = true, .answered = true }, OTP_ERR_HTTP_OVERSIZE },
		{ "not HTTP", { .code = CURLE_UNSUPPORTED_PROTOCOL }, OTP_ERR_HTTP_MALFORMED },
		{ "unknown to us", { .code = 9999 }, OTP_ERR_HTTP_MALFORMED },
	};

	(void)state;
	run(cases, CASES(cases), false);
}

static void test_at_the_proxy(void **state)
{
	static const struct error_case cases[] = {
		{ "its name", { .proxied = true, .code = CURLE_COULDNT_RESOLVE_PROXY }, OTP_ERR_NET_PROXY },
		{ "its name too slow", { .proxied = true, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_PROXY },
		{ "refused", { .proxied = true, .opened = true, .code = CURLE_COULDNT_CONNECT }, OTP_ERR_NET_PROXY },
		{ "silent", { NO_ANSWER, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_PROXY },
		{ "reset", { NO_ANSWER, .code = CURLE_RECV_ERROR }, OTP_ERR_NET_PROXY },
		{ "no TLS with it", { .proxied = true, .opened = true, .lookup_us = 1, .code = CURLE_SSL_CONNECT_ERROR }, OTP_ERR_NET_PROXY },
		{ "its certificate", { .proxied = true, .opened = true, .code = CURLE_PEER_FAILED_VERIFICATION }, OTP_ERR_TLS_CERTIFICATE },
		{ "not HTTP", { NO_ANSWER, .code = CURLE_WEIRD_SERVER_REPLY }, OTP_ERR_NET_PROXY },
		{ "unknown to us", { NO_ANSWER, .code = 9999 }, OTP_ERR_NET_PROXY },
		{ "403", { NO_ANSWER, .connect_status = 403, .code = CURLE_RECV_ERROR }, OTP_ERR_PROXY_REFUSED },
		{ "another word of libcurl for it", { NO_ANSWER, .connect_status = 403, .code = CURLE_COULDNT_CONNECT }, OTP_ERR_PROXY_REFUSED },
		{ "403 and silence", { NO_ANSWER, .connect_status = 403, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_PROXY_REFUSED },
		{ "407", { NO_ANSWER, .connect_status = 407, .code = CURLE_RECV_ERROR }, OTP_ERR_PROXY_AUTH },
		{ "502", { NO_ANSWER, .connect_status = 502, .code = CURLE_RECV_ERROR }, OTP_ERR_NET_PROXY },
		{ "403, endless", { NO_ANSWER, .connect_status = 403, .code = CURLE_ABORTED_BY_CALLBACK, .too_large = true },
		  OTP_ERR_PROXY_REFUSED },
		{ "200, endless", { NO_ANSWER, .connect_status = 200, .code = CURLE_ABORTED_BY_CALLBACK, .too_large = true },
		  OTP_ERR_HTTP_OVERSIZE },
		{ "200 and hung up", { NO_ANSWER, .connect_status = 200, .code = CURLE_RECV_ERROR }, OTP_ERR_NET_PROXY },
	};

	(void)state;
	run(cases, CASES(cases), true);
}

static void test_behind_the_proxy(void **state)
{
	static const struct error_case cases[] = {
		{ "fine", { TUNNEL_STANDS, .code = CURLE_OK, .answered = true }, OTP_OK },
		{ "fine, kept", { TUNNEL_KEPT, .code = CURLE_OK, .answered = true }, OTP_OK },
		{ "silent", { TUNNEL_STANDS, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_TIMEOUT },
		{ "silent, kept", { TUNNEL_KEPT, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_TIMEOUT },
		{ "reset", { TUNNEL_STANDS, .code = CURLE_RECV_ERROR }, OTP_ERR_NET_RESET },
		{ "reset, kept", { TUNNEL_KEPT, .code = CURLE_GOT_NOTHING }, OTP_ERR_NET_RESET },
		{ "too large", { TUNNEL_KEPT, .answered = true, .code = CURLE_WRITE_ERROR, .too_large = true }, OTP_ERR_HTTP_OVERSIZE },
		{ "no TLS", { NO_ANSWER, .connect_status = 200, .code = CURLE_SSL_CONNECT_ERROR }, OTP_ERR_NET_TLS },
		{ "TLS too slow", { NO_ANSWER, .connect_status = 200, .code = CURLE_OPERATION_TIMEDOUT }, OTP_ERR_NET_TIMEOUT },
		{ "certificate", { NO_ANSWER, .connect_status = 200, .code = CURLE_PEER_FAILED_VERIFICATION }, OTP_ERR_TLS_CERTIFICATE },
	};

	(void)state;
	run(cases, CASES(cases), false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_without_a_proxy),
		cmocka_unit_test(test_at_the_proxy),
		cmocka_unit_test(test_behind_the_proxy),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
