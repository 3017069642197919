/* aws_imds - see aws_imds.h. */
#include "aws_imds.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "http.h"
#include "json_doc.h"
#include "log.h"
#include "strbuf.h"

#define AWS_IMDS_ORIGIN	    "http://169.254.169.254"
#define AWS_IMDS_TOKEN_URL  AWS_IMDS_ORIGIN "/latest/api/token"
#define AWS_IMDS_ROLES_URL  AWS_IMDS_ORIGIN "/latest/meta-data/iam/security-credentials/"
#define AWS_IMDS_TTL_LINE   "X-aws-ec2-metadata-token-ttl-seconds: 60" /* one call of ours takes seconds */
#define AWS_IMDS_TOKEN_LINE "X-aws-ec2-metadata-token: "
#define AWS_IMDS_LETTERS    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

enum {
	AWS_IMDS_STEP_MS = 1000,
	AWS_IMDS_DATE_LENGTH = 20, /* 2026-01-15T16:20:00Z */
	AWS_IMDS_KEY_MAX = 256,	   /* bytes of access key id and secret */
	AWS_IMDS_SESSION_MAX = 8 * 1024
};

/* The steps of an exchange, and what an administrator can do when there is no answer to one. */
struct aws_imds_step {
	const char *name;
	const char *silence;
};

static const struct aws_imds_step aws_imds_token_step = {
	"token", "not an EC2 instance, HttpEndpoint disabled, or HttpPutResponseHopLimit 1 in a container"
};
static const struct aws_imds_step aws_imds_roles_step = { "role list", "it has answered for the token, so try again" };
static const struct aws_imds_step aws_imds_keys_step = { "credentials of the role", "it has answered for the token, so try again" };

/* The conversation with the service. */
struct aws_imds {
	struct http *http;
	const struct deadline *deadline;
	struct note *note;
	struct strbuf token_line;
	bool renewed; /* the token was refused once, and another one fetched */
};

static enum otp_err aws_imds_complain(struct note *note, const struct aws_imds_step *step, const char *what)
{
	note_set(note, "IMDSv2, %s: %s", step->name, what);
	return OTP_ERR_AWS_IMDS;
}

/* --- what the answers mean ------------------------------------------------------------------------------------------------------ */

/* The length of the only line of `body`: up to the line end that some implementations add. */
static size_t aws_imds_line_length(const struct secret *body)
{
	size_t length = body->length;

	if (length > 0 && body->bytes[length - 1] == '\n')
		length--;
	if (length > 0 && body->bytes[length - 1] == '\r')
		length--;
	return length;
}

/* strspn ends at a NUL as well, so that one inside is none of the letters. */
static bool aws_imds_is_word(const char *text, size_t length, const char *letters, size_t max)
{
	return length > 0 && length <= max && strspn(text, letters) >= length;
}

/* It goes into a header: the letters of a bearer token (RFC 6750 section 2.1). A page of HTML has others. */
enum otp_err aws_imds_read_token(const struct secret *body, struct secret *ret_token, struct note *note)
{
	size_t length = aws_imds_line_length(body);

	if (!aws_imds_is_word(secret_text(body), length, AWS_IMDS_LETTERS "-._~+/=", AWS_IMDS_TOKEN_MAX))
		return aws_imds_complain(note, &aws_imds_token_step, "the answer is not a token");
	return secret_set(ret_token, body->bytes, length);
}

/* It goes into a URL: the letters of a role's name (IAM API reference), which need no escape; and it must not name another directory. */
enum otp_err aws_imds_read_role(const struct secret *body, char ret_role[AWS_IMDS_ROLE_MAX + 1], struct note *note)
{
	const char *text = secret_text(body);
	size_t length = aws_imds_line_length(body);

	if (length == 0)
		return aws_imds_complain(note, &aws_imds_roles_step, "no role; attach an instance profile with one");
	if (memchr(text, '\n', length) != NULL)
		return aws_imds_complain(note, &aws_imds_roles_step, "more than one role, and nobody says which");
	if (!aws_imds_is_word(text, length, AWS_IMDS_LETTERS "+=,.@_-", AWS_IMDS_ROLE_MAX) || strspn(text, ".") >= length)
		return aws_imds_complain(note, &aws_imds_roles_step, "the answer is not the name of a role");
	memcpy(ret_role, text, length);
	ret_role[length] = '\0';
	return OTP_OK;
}

/* `count` digits as a number. */
static bool aws_imds_digits(const char *text, size_t count, int *ret_number)
{
	*ret_number = 0;
	for (size_t i = 0; i < count; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		*ret_number = *ret_number * 10 + (text[i] - '0');
	}
	return true;
}

/* Exactly yyyy-mm-ddThh:mm:ssZ (ISO 8601), and a day and time that exist. strptime takes much else, and depends on the locale. */
static bool aws_imds_date(const char *text, int64_t *ret_time)
{
	static const char form[] = "0000-00-00T00:00:00Z";
	struct tm read = { 0 };
	struct tm made;
	time_t time;

	for (size_t i = 0; i < AWS_IMDS_DATE_LENGTH; i++) {
		if (form[i] != '0' && text[i] != form[i])
			return false; /* the NUL of a shorter text as well */
	}
	if (!aws_imds_digits(text, 4, &read.tm_year) || !aws_imds_digits(text + 5, 2, &read.tm_mon) ||
	    !aws_imds_digits(text + 8, 2, &read.tm_mday) || !aws_imds_digits(text + 11, 2, &read.tm_hour) ||
	    !aws_imds_digits(text + 14, 2, &read.tm_min) || !aws_imds_digits(text + 17, 2, &read.tm_sec))
		return false;
	read.tm_year -= 1900;
	read.tm_mon -= 1;
	made = read;
	time = timegm(&made); /* makes March of 30 February */
	*ret_time = time;
	return made.tm_year == read.tm_year && made.tm_mon == read.tm_mon && made.tm_mday == read.tm_mday && made.tm_hour == read.tm_hour &&
	       made.tm_min == read.tm_min && made.tm_sec == read.tm_sec;
}

static enum otp_err aws_imds_expiration(const struct json_value *root, int64_t now, int64_t *ret_expires, struct note *note)
{
	const char *text;

	if (json_get_string(root, "Expiration", AWS_IMDS_DATE_LENGTH, AWS_IMDS_DATE_LENGTH, &text) != OTP_OK ||
	    !aws_imds_date(text, ret_expires))
		return aws_imds_complain(note, &aws_imds_keys_step, "no Expiration of the form 2026-01-15T16:20:00Z");
	if (*ret_expires > now)
		return OTP_OK;
	note_set(note, "IMDSv2, %s: they have expired at %s", aws_imds_keys_step.name, text);
	return OTP_ERR_AWS_EXPIRED;
}

/* An error comes with status 200: AssumeRoleUnauthorizedAccess, for example, with the members of nobody. */
static enum otp_err aws_imds_code(const struct json_value *root, struct note *note)
{
	char word[64];
	const char *code;

	if (json_get_string(root, "Code", 1, 128, &code) != OTP_OK)
		return aws_imds_complain(note, &aws_imds_keys_step, "no Code in the answer");
	if (strcmp(code, "Success") == 0)
		return OTP_OK;
	log_clean(word, sizeof(word), code, true);
	note_set(note, "IMDSv2, %s: Code is %s, not Success; may EC2 assume the role?", aws_imds_keys_step.name, word);
	return OTP_ERR_AWS_IMDS;
}

/* A member that will stand in a header or under a signature: ASCII without blanks. */
static enum otp_err aws_imds_member(const struct json_value *root, const char *key, size_t max, struct secret *ret_value, struct note *note)
{
	const char *text = "";
	enum otp_err err = json_get_string(root, key, 1, max, &text);

	for (const char *c = text; err == OTP_OK && *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~')
			err = OTP_ERR_JSON_TYPE;
	}
	if (err == OTP_OK)
		return secret_set(ret_value, text, strlen(text));
	note_set(note, "IMDSv2, %s: %s is missing or malformed", aws_imds_keys_step.name, key);
	return OTP_ERR_AWS_IMDS;
}

static enum otp_err aws_imds_members(const struct json_value *root, int64_t now, struct aws_imds_keys *keys, struct note *note)
{
	enum otp_err err = aws_imds_code(root, note);

	if (err == OTP_OK)
		err = aws_imds_member(root, "AccessKeyId", AWS_IMDS_KEY_MAX, &keys->access_key_id, note);
	if (err == OTP_OK)
		err = aws_imds_member(root, "SecretAccessKey", AWS_IMDS_KEY_MAX, &keys->secret_access_key, note);
	if (err == OTP_OK)
		err = aws_imds_member(root, "Token", AWS_IMDS_SESSION_MAX, &keys->session_token, note);
	return err == OTP_OK ? aws_imds_expiration(root, now, &keys->expires, note) : err;
}

enum otp_err aws_imds_read_keys(const struct secret *body, int64_t now, struct aws_imds_keys *ret_keys, struct note *note)
{
	struct json_doc *doc = NULL;
	enum otp_err err = json_doc_parse(secret_text(body), body->length, &doc);

	if (err == OTP_OK)
		err = aws_imds_members(json_doc_root(doc), now, ret_keys, note);
	else if (err != OTP_ERR_MEMORY)
		err = aws_imds_complain(note, &aws_imds_keys_step, err_text(err));
	json_doc_free(doc);
	return err;
}

void aws_imds_keys_done(struct aws_imds_keys *keys)
{
	secret_done(&keys->access_key_id);
	secret_done(&keys->secret_access_key);
	secret_done(&keys->session_token);
	keys->expires = 0;
}

/* --- the exchange --------------------------------------------------------------------------------------------------------------- */

/* Sends one request, which has a second. What stands in the way of an answer is this service's trouble, not the sign-in service's. */
static enum otp_err aws_imds_ask(const struct aws_imds *imds, const struct http_request *request, const struct aws_imds_step *step,
				 struct http_response *response)
{
	int64_t left = deadline_left_ms(imds->deadline);
	struct deadline brief = deadline_start(left < AWS_IMDS_STEP_MS ? left : AWS_IMDS_STEP_MS);
	struct note why = { "" };
	enum otp_err err = http_exchange(imds->http, request, &brief, response, &why);

	if (err == OTP_OK || err == OTP_ERR_MEMORY)
		return err;
	note_set(imds->note, "IMDSv2, %s: %s; %s", step->name, why.text,
		 err == OTP_ERR_NET_CONNECT || err == OTP_ERR_NET_TIMEOUT ? step->silence : "what answers there is no metadata service");
	return OTP_ERR_AWS_IMDS;
}

static const char *aws_imds_token_status(long status)
{
	if (status == 404 || status == 405)
		return "it does not know version 2 of the service, and version 1 is never used";
	if (status == 403)
		return "forbidden: HttpEndpoint is disabled, or something forwards the request";
	return status / 100 == 3 ? "a redirect, which is never followed" : "it gives no token";
}

static const char *aws_imds_get_status(long status)
{
	if (status == 404)
		return "no role; attach an instance profile with one";
	if (status == 401)
		return "it refuses the token that it has just given";
	return status / 100 == 3 ? "a redirect, which is never followed" : "it gives nothing";
}

static enum otp_err aws_imds_status(const struct aws_imds *imds, const struct aws_imds_step *step, long status)
{
	const char *what = step == &aws_imds_token_step ? aws_imds_token_status(status) : aws_imds_get_status(status);

	if (status == 200)
		return OTP_OK;
	note_set(imds->note, "IMDSv2, %s: status %ld: %s", step->name, status, what);
	return OTP_ERR_AWS_IMDS;
}

static enum otp_err aws_imds_token(struct aws_imds *imds)
{
	const struct http_request request = { .url = AWS_IMDS_TOKEN_URL, .put = true, .lines = { AWS_IMDS_TTL_LINE } };
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	secret_auto struct secret token = SECRET_EMPTY;
	enum otp_err err = aws_imds_ask(imds, &request, &aws_imds_token_step, &response);

	if (err == OTP_OK)
		err = aws_imds_status(imds, &aws_imds_token_step, response.status);
	if (err == OTP_OK)
		err = aws_imds_read_token(&response.body, &token, imds->note);
	if (err != OTP_OK)
		return err;
	strbuf_done(&imds->token_line);
	strbuf_puts(&imds->token_line, AWS_IMDS_TOKEN_LINE);
	strbuf_add(&imds->token_line, token.bytes, token.length);
	return imds->token_line.failed;
}

/* A token that has expired is replaced, once in all: the second refusal has another reason. */
static enum otp_err aws_imds_get(struct aws_imds *imds, const char *url, const struct aws_imds_step *step, struct http_response *response)
{
	const struct http_request request = { .url = url, .lines = { strbuf_text(&imds->token_line) } };
	enum otp_err err = aws_imds_ask(imds, &request, step, response);

	if (err != OTP_OK)
		return err;
	if (response->status != 401 || imds->renewed)
		return aws_imds_status(imds, step, response->status);
	imds->renewed = true;
	http_response_done(response);
	err = aws_imds_token(imds);
	return err == OTP_OK ? aws_imds_get(imds, url, step, response) : err;
}

static enum otp_err aws_imds_role(struct aws_imds *imds, char ret_role[AWS_IMDS_ROLE_MAX + 1])
{
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	enum otp_err err = aws_imds_get(imds, AWS_IMDS_ROLES_URL, &aws_imds_roles_step, &response);

	return err == OTP_OK ? aws_imds_read_role(&response.body, ret_role, imds->note) : err;
}

static enum otp_err aws_imds_keys(struct aws_imds *imds, struct aws_imds_keys *ret_keys)
{
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	char url[sizeof(AWS_IMDS_ROLES_URL) + AWS_IMDS_ROLE_MAX] = AWS_IMDS_ROLES_URL;
	enum otp_err err = aws_imds_role(imds, url + sizeof(AWS_IMDS_ROLES_URL) - 1);

	if (err == OTP_OK)
		err = aws_imds_get(imds, url, &aws_imds_keys_step, &response);
	return err == OTP_OK ? aws_imds_read_keys(&response.body, clock_wall(), ret_keys, imds->note) : err;
}

enum otp_err aws_imds_fetch(const struct deadline *deadline, struct aws_imds_keys *ret_keys, struct note *note)
{
	static const struct http_settings settings = { "", "", "", AWS_IMDS_STEP_MS, true };
	struct aws_imds imds = { NULL, deadline, note, STRBUF_LIMIT(sizeof(AWS_IMDS_TOKEN_LINE) + AWS_IMDS_TOKEN_MAX), false };
	enum otp_err err = http_new(&settings, &imds.http, note);

	if (err == OTP_OK)
		err = aws_imds_token(&imds);
	if (err == OTP_OK)
		err = aws_imds_keys(&imds, ret_keys);
	strbuf_done(&imds.token_line);
	http_free(imds.http);
	return err;
}
