/* Signatures against vectors that were computed elsewhere, and against libcurl's own where that is new enough to sign the same headers. */
#include "assert_err.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <curl/curl.h>

#include "crypto.h"
#include "sigv4.h"

#define CONTENT_TYPE "application/x-amz-json-1.1"
#define TARGET	     "AWSCognitoIdentityProviderService.AdminGetUser"
#define KEY_ID	     "AKIDEXAMPLE"
#define SECRET_KEY   "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
#define TOKEN	     "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample=="

enum { NOON = 1768471872, HEAD_MAX = 8192, LISTEN_S = 10 }; /* 2026-01-15T10:11:12Z */

static const char body[] = "{\"UserPoolId\":\"eu-west-1_Ab129faBb\",\"Username\":\"alice@example.com\"}";

/* A request whose secrets it owns. */
struct fixture {
	struct secret id;
	struct secret key;
	struct secret token;
	struct sigv4_request request;
	struct strbuf line;
	char date[SIGV4_DATE_SIZE];
};

static void set(struct secret *secret, const char *text)
{
	assert_err("secret", secret_set(secret, text, strlen(text)), OTP_OK);
}

static int set_up(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	if (f == NULL)
		return -1;
	f->request = (struct sigv4_request){
		"cognito-idp.eu-west-1.amazonaws.com",
		"eu-west-1",
		"cognito-idp",
		TARGET,
		CONTENT_TYPE,
		body,
		sizeof(body) - 1,
		NOON,
		&f->id,
		&f->key,
		&f->token,
	};
	f->line = (struct strbuf)STRBUF_LIMIT(SIGV4_AUTHORIZATION_MAX);
	set(&f->id, KEY_ID);
	set(&f->key, SECRET_KEY);
	*state = f;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;

	secret_done(&f->id);
	secret_done(&f->key);
	secret_done(&f->token);
	strbuf_done(&f->line);
	free(f);
	return 0;
}

static enum otp_err sign(struct fixture *f)
{
	strbuf_done(&f->line);
	f->line.failed = OTP_OK;
	return sigv4_sign(&f->request, f->date, &f->line);
}

/* The vectors were made with botocore's signer. */
static void test_without_token(void **state)
{
	struct fixture *f = *state;

	assert_err("sign", sign(f), OTP_OK);
	assert_string_equal(f->date, "20260115T101112Z");
	assert_string_equal(strbuf_text(&f->line),
			    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260115/eu-west-1/cognito-idp/aws4_request, "
			    "SignedHeaders=content-type;host;x-amz-date;x-amz-target, "
			    "Signature=be81a1d10c3bf908a240c380c408bc044b69e53eb550857b6dff7587f0bdfbe9");
}

static void test_with_token(void **state)
{
	struct fixture *f = *state;

	set(&f->token, TOKEN);
	assert_err("sign", sign(f), OTP_OK);
	assert_string_equal(strbuf_text(&f->line),
			    "Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260115/eu-west-1/cognito-idp/aws4_request, "
			    "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
			    "Signature=9fda49b3cb9d9d7800cdbdcc1d32681bd6871d145055d5fa44abe8f8fe805e5d");
}

static void hex(const unsigned char *bytes, char text[2 * CRYPTO_SHA256_SIZE + 1])
{
	for (size_t i = 0; i < CRYPTO_SHA256_SIZE; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", (unsigned int)bytes[i]);
}

/* The chain of keys, with the house's HMAC and nothing of sigv4: a wrong vector would otherwise look like a wrong signature. */
static void test_the_chain_of_keys(void **state)
{
	static const char *const links[] = { "20260115", "eu-west-1", "cognito-idp", "aws4_request" };
	unsigned char key[CRYPTO_SHA256_SIZE];
	unsigned char next[CRYPTO_SHA256_SIZE];
	char text[2 * CRYPTO_SHA256_SIZE + 1];

	(void)state;
	assert_err("first", crypto_hmac_sha256("AWS4" SECRET_KEY, strlen("AWS4" SECRET_KEY), links[0], strlen(links[0]), key), OTP_OK);
	for (size_t i = 1; i < CASES(links); i++) {
		assert_err(links[i], crypto_hmac_sha256(key, sizeof(key), links[i], strlen(links[i]), next), OTP_OK);
		memcpy(key, next, sizeof(key));
	}
	hex(key, text);
	assert_string_equal(text, "a6265c0a5a115aac7041934379fcfc9fdd2ea8165800a53c24865625bf4c4103");
}

/* Whatever changes in the request, the signature is another one: nothing of it is left unsigned. */
static void test_everything_is_signed(void **state)
{
	struct fixture *f = *state;
	struct sigv4_request whole = f->request;
	const struct sigv4_request *others = (const struct sigv4_request[]){
		{ .host = "cognito-idp.eu-west-1.amazonaws.com:8443" },
		{ .region = "eu-west-2" },
		{ .service = "sts" },
		{ .target = "AWSCognitoIdentityProviderService.AdminCreateUser" },
		{ .content_type = "text/plain" },
		{ .body = "{}", .body_length = 2 },
		{ .time = NOON + 1 },
	};
	char first[SIGV4_AUTHORIZATION_MAX];

	assert_err("whole", sign(f), OTP_OK);
	(void)snprintf(first, sizeof(first), "%s", strstr(strbuf_text(&f->line), "Signature="));
	for (size_t i = 0; i < 7; i++) {
		f->request = whole;
		f->request.host = others[i].host != NULL ? others[i].host : whole.host;
		f->request.region = others[i].region != NULL ? others[i].region : whole.region;
		f->request.service = others[i].service != NULL ? others[i].service : whole.service;
		f->request.target = others[i].target != NULL ? others[i].target : whole.target;
		f->request.content_type = others[i].content_type != NULL ? others[i].content_type : whole.content_type;
		f->request.body = others[i].body != NULL ? others[i].body : whole.body;
		f->request.body_length = others[i].body != NULL ? others[i].body_length : whole.body_length;
		f->request.time = others[i].time != 0 ? others[i].time : whole.time;
		assert_err("other", sign(f), OTP_OK);
		assert_string_not_equal(strstr(strbuf_text(&f->line), "Signature="), first);
	}
	f->request = whole;
	set(&f->key, SECRET_KEY "x");
	assert_err("other key", sign(f), OTP_OK);
	assert_string_not_equal(strstr(strbuf_text(&f->line), "Signature="), first);
}

/* What would break out of the header is no key id and no token; without a secret nothing is signed. */
static void test_what_cannot_stand_in_a_header(void **state)
{
	static const char *const ids[] = { "", "AKID EXAMPLE", "AKID\r\nX-Evil: 1", "AKID/20260115", "AKID,", "AKID=", "AK\xc3\xab" };
	static const char *const tokens[] = { "a b", "a\nb", "a\r", "\t", "\x7f", "\xc3\xab" };
	struct fixture *f = *state;

	for (size_t i = 0; i < CASES(ids); i++) {
		set(&f->id, ids[i]);
		assert_err(ids[i], sign(f), OTP_ERR_AWS_CREDENTIALS);
		assert_int_equal(f->line.length, 0);
	}
	set(&f->id, KEY_ID);
	assert_err("a NUL in the id", secret_set(&f->id, "AKID\0EXAMPLE", 12), OTP_OK);
	assert_err("a NUL in the id", sign(f), OTP_ERR_AWS_CREDENTIALS);
	set(&f->id, KEY_ID);
	for (size_t i = 0; i < CASES(tokens); i++) {
		set(&f->token, tokens[i]);
		assert_err(tokens[i], sign(f), OTP_ERR_AWS_CREDENTIALS);
	}
	secret_done(&f->token);
	secret_done(&f->key);
	assert_err("no secret", sign(f), OTP_ERR_AWS_CREDENTIALS);
}

static void test_limits(void **state)
{
	struct fixture *f = *state;
	char *long_token = calloc(1, 40001);

	assert_non_null(long_token);
	memset(long_token, 'a', 40000);
	set(&f->token, long_token);
	assert_err("a token beyond every limit", sign(f), OTP_ERR_AWS_CREDENTIALS);
	long_token[8192] = '\0';
	set(&f->token, long_token);
	assert_err("a long token", sign(f), OTP_OK);
	free(long_token);
	secret_done(&f->token);
	f->line.limit = 50;
	assert_err("no room", sign(f), OTP_ERR_AWS_CREDENTIALS);
	f->line.limit = SIGV4_AUTHORIZATION_MAX;
	f->request.time = INT64_C(253402300800); /* the year 10000 */
	assert_err("no date", sign(f), OTP_ERR_SYSTEM);
}

#if LIBCURL_VERSION_NUM >= 0x075600

/* A socket on a free port of loopback, in *ret_port. */
static int listener(unsigned int *ret_port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct timeval patience = { LISTEN_S, 0 };

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	assert_int_equal(listen(fd, 1), 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &length), 0);
	*ret_port = ntohs(address.sin_port);
	return fd;
}

/* The whole request of the next connection up to the body, which is answered with an empty 200. */
static void take(int listening, char head[HEAD_MAX])
{
	static const char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	int fd = accept(listening, NULL, NULL);
	struct timeval patience = { LISTEN_S, 0 };
	size_t length = 0;
	ssize_t got;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
	do {
		got = recv(fd, head + length, HEAD_MAX - 1 - length, 0);
		assert_true(got > 0);
		length += (size_t)got;
		head[length] = '\0';
	} while (strstr(head, "\r\n\r\n") == NULL || strstr(head, body) == NULL);
	assert_int_equal(send(fd, answer, sizeof(answer) - 1, MSG_NOSIGNAL), sizeof(answer) - 1);
	(void)close(fd);
}

/* In a process of its own: libcurl posts the body, and signs it. */
static int post_by_libcurl(unsigned int port, bool token)
{
	CURL *curl = curl_easy_init();
	struct curl_slist *headers = curl_slist_append(NULL, "Content-Type: " CONTENT_TYPE);
	char url[64];
	CURLcode code;

	(void)snprintf(url, sizeof(url), "http://127.0.0.1:%u/", port);
	headers = curl_slist_append(headers, "X-Amz-Target: " TARGET);
	if (token)
		headers = curl_slist_append(headers, "X-Amz-Security-Token: " TOKEN);
	(void)curl_easy_setopt(curl, CURLOPT_URL, url);
	(void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
	(void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)LISTEN_S);
	(void)curl_easy_setopt(curl, CURLOPT_AWS_SIGV4, "aws:amz:eu-west-1:cognito-idp");
	(void)curl_easy_setopt(curl, CURLOPT_USERNAME, KEY_ID);
	(void)curl_easy_setopt(curl, CURLOPT_PASSWORD, SECRET_KEY);
	(void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
	(void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
	code = curl_easy_perform(curl);
	curl_slist_free_all(headers);
	curl_easy_cleanup(curl);
	return code == CURLE_OK ? 0 : 1;
}

/* The value of a header; the line is cut behind it. */
static char *header(char *copy, const char *head, const char *name)
{
	const char *line = strcasestr(head, name);

	assert_non_null(line);
	(void)snprintf(copy, HEAD_MAX, "%s", line + strlen(name));
	copy[strcspn(copy, "\r\n")] = '\0';
	return copy;
}

static int64_t seconds_of(const char *date)
{
	struct tm utc = { 0 };

	assert_non_null(strptime(date, "%Y%m%dT%H%M%SZ", &utc));
	return timegm(&utc);
}

static void compare(struct fixture *f, bool token)
{
	static char head[HEAD_MAX], host[HEAD_MAX], date[HEAD_MAX], theirs[HEAD_MAX];
	unsigned int port;
	int listening = listener(&port);
	int status = 1;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0)
		_exit(post_by_libcurl(port, token));
	take(listening, head);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	(void)close(listening);
	f->request.host = header(host, head, "\r\nHost: ");
	f->request.time = seconds_of(header(date, head, "\r\nX-Amz-Date: "));
	assert_err("sign", sign(f), OTP_OK);
	assert_string_equal(f->date, date);
	(void)header(theirs, head, "\r\nAuthorization: ");
	assert_string_equal(strbuf_text(&f->line) + strlen("Authorization: "), theirs);
}

static void test_libcurl_signs_the_same(void **state)
{
	compare(*state, false);
}

static void test_libcurl_signs_the_same_with_token(void **state)
{
	struct fixture *f = *state;

	set(&f->token, TOKEN);
	compare(f, true);
}

#else

static void test_libcurl_signs_the_same(void **state)
{
	(void)state;
	print_message("# skipped: libcurl %s leaves X-Amz-Target unsigned\n", LIBCURL_VERSION);
	skip();
}

static void test_libcurl_signs_the_same_with_token(void **state)
{
	test_libcurl_signs_the_same(state);
}

#endif

#define TEST(function) cmocka_unit_test_setup_teardown(function, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_token),
		TEST(test_with_token),
		TEST(test_the_chain_of_keys),
		TEST(test_everything_is_signed),
		TEST(test_what_cannot_stand_in_a_header),
		TEST(test_limits),
		TEST(test_libcurl_signs_the_same),
		TEST(test_libcurl_signs_the_same_with_token),
	};

	return cmocka_run_group_tests_name("sigv4", tests, NULL, NULL);
}
