/*
 * aws_driver - loads AWS credentials as the helper does, and signs one AdminGetUser with them.
 *
 * aws_driver FILE|imds PROFILE MILLISECONDS [ENDPOINT CA_FILE POOL USER]
 *
 * Prints lines NAME=TEXT: reason, note, key_id, token (its length), expires; and of the call status and error_type, or why there was none.
 * No secret is printed.
 *
 * Rule: the rooms themselves, in a process whose environment the test chooses: the helper's is empty, and would hide what libcurl takes
 * from one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "aws_credentials.h"
#include "http.h"
#include "sigv4.h"

#define TARGET "AWSCognitoIdentityProviderService.AdminGetUser"

static int print_outcome(enum otp_err err, const struct note *note)
{
	(void)printf("reason=%s\nnote=%s\n", err_reason(err), note->text);
	return err == OTP_OK ? 0 : 1;
}

static enum otp_err post(struct http *http, const char *endpoint, const struct secret *body, const struct aws_credentials *credentials,
			 const struct deadline *deadline, struct note *note)
{
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	strbuf_auto struct strbuf authorization = STRBUF_LIMIT(SIGV4_AUTHORIZATION_MAX);
	strbuf_auto struct strbuf token = STRBUF_LIMIT(HTTP_BODY_MAX);
	char date[SIGV4_DATE_SIZE];
	char date_line[64];
	char target[] = TARGET;
	const struct sigv4_request sign = { endpoint + strlen("https://"),
					    "eu-west-1",
					    "cognito-idp",
					    target,
					    "application/x-amz-json-1.1",
					    body->bytes,
					    body->length,
					    clock_wall(),
					    &credentials->access_key_id,
					    &credentials->secret_access_key,
					    &credentials->session_token };
	struct http_request request = { .url = endpoint, .target = "AdminGetUser", .body = body };
	enum otp_err err = sigv4_sign(&sign, date, &authorization);

	if (err != OTP_OK)
		return err;
	(void)snprintf(date_line, sizeof(date_line), "X-Amz-Date: %s", date);
	strbuf_puts(&token, "X-Amz-Security-Token: ");
	strbuf_puts(&token, secret_text(&credentials->session_token));
	request.lines[0] = strbuf_text(&authorization);
	request.lines[1] = date_line;
	request.lines[2] = credentials->session_token.length > 0 ? strbuf_text(&token) : NULL;
	err = http_exchange(http, &request, deadline, &response, note);
	if (err == OTP_OK)
		(void)printf("status=%ld\nerror_type=%s\n", response.status, response.error_type);
	return err;
}

static enum otp_err call(char **argv, const struct aws_credentials *credentials, const struct deadline *deadline, struct note *note)
{
	struct http_settings settings = { argv[1], "", "", 2000, false };
	secret_auto struct secret body = SECRET_EMPTY;
	struct http *http = NULL;
	char text[512];
	enum otp_err err;

	(void)snprintf(text, sizeof(text), "{\"UserPoolId\":\"%s\",\"Username\":\"%s\"}", argv[2], argv[3]);
	err = secret_set(&body, text, strlen(text));
	if (err == OTP_OK)
		err = http_new(&settings, &http, note);
	if (err == OTP_OK)
		err = post(http, argv[0], &body, credentials, deadline, note);
	http_free(http);
	return err;
}

int main(int argc, char **argv)
{
	bool imds = argc > 3 && strcmp(argv[1], "imds") == 0;
	struct aws_credentials_settings settings = { argc > 3 && !imds ? argv[1] : "", argc > 3 ? argv[2] : "", imds };
	aws_credentials_auto struct aws_credentials credentials = AWS_CREDENTIALS_NONE(&settings);
	struct note note = { "" };
	struct deadline deadline;
	enum otp_err err;

	if (argc != 4 && argc != 8) {
		(void)fprintf(stderr, "usage: aws_driver FILE|imds PROFILE MILLISECONDS [ENDPOINT CA_FILE POOL USER]\n");
		return 2;
	}
	deadline = deadline_start(strtol(argv[3], NULL, 10));
	err = aws_credentials_load(&credentials, &deadline, &note);
	if (err != OTP_OK)
		return print_outcome(err, &note);
	(void)printf("key_id=%s\ntoken=%zu\nexpires=%lld\n", secret_text(&credentials.access_key_id), credentials.session_token.length,
		     (long long)credentials.expires);
	if (argc == 8)
		err = call(argv + 4, &credentials, &deadline, &note);
	return print_outcome(err, &note);
}
