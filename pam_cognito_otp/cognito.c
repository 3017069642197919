/* cognito - see cognito.h. */
#include "cognito.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cognito_error.h"
#include "json_doc.h"
#include "json_write.h"
#include "log.h"
#include "safe_file.h"
#include "secret_hash.h"
#include "strbuf.h"

enum { COGNITO_SECRET_MAX = 256, COGNITO_NAME_MAX = 128, COGNITO_REQUEST_MAX = 64 * 1024, COGNITO_OFFERS_MAX = 64 };

static const char *cognito_factor_name(enum cognito_factor factor)
{
	return factor == COGNITO_SMS_OTP ? "SMS_OTP" : "EMAIL_OTP";
}

static const char *cognito_code_name(enum cognito_factor factor)
{
	return factor == COGNITO_SMS_OTP ? "SMS_OTP_CODE" : "EMAIL_OTP_CODE";
}

/* The file holds the secret and perhaps a newline. Empty without a file. */
static enum otp_err cognito_read_secret(const struct cognito *cognito, struct secret *ret_secret)
{
	secret_auto struct secret text = SECRET_EMPTY;
	size_t length;
	enum otp_err err;

	if (cognito->client_secret_file[0] == '\0')
		return OTP_OK;
	err = safe_file_read(cognito->client_secret_file, SAFE_FILE_SECRET, COGNITO_SECRET_MAX, &text, cognito->note);
	if (err != OTP_OK)
		return err;
	length = strcspn(secret_text(&text), " \t\r\n");
	if (length == 0 || strspn(secret_text(&text) + length, " \t\r\n") != text.length - length) {
		note_set(cognito->note, "%s: %s", cognito->client_secret_file, strspn(secret_text(&text), " \t\r\n") == text.length ? "empty: write the app client's secret into it" : "not one word");
		return OTP_ERR_CONFIG_VALUE;
	}
	return secret_set(ret_secret, text.bytes, length);
}

enum otp_err cognito_check_secret(const struct cognito *cognito)
{
	secret_auto struct secret client_secret = SECRET_EMPTY;

	return cognito_read_secret(cognito, &client_secret);
}

static enum otp_err cognito_add_hash(const struct cognito *cognito, const char *user_name, struct strbuf *body)
{
	secret_auto struct secret client_secret = SECRET_EMPTY;
	secret_auto struct secret hash = SECRET_EMPTY;
	enum otp_err err = cognito_read_secret(cognito, &client_secret);

	if (err != OTP_OK || client_secret.length == 0)
		return err;
	err = secret_hash_compute(&client_secret, user_name, cognito->client_id, &hash);
	if (err == OTP_OK)
		json_add_string(body, "SECRET_HASH", secret_text(&hash));
	return err;
}

/* A clock that is off would make us refuse good tokens after the person has typed the code: said before that. */
static enum otp_err cognito_check_clock(const struct cognito *cognito, const struct http_response *response)
{
	int64_t off = clock_wall() - response->date;

	if (response->date <= 0 || (off >= -cognito->clock_skew - 1 && off <= cognito->clock_skew + 1)) /* Date has whole seconds */
		return OTP_OK;
	note_set(cognito->note, "this clock is %lld s %s the service's", (long long)(off < 0 ? -off : off), off < 0 ? "behind" : "ahead of");
	return OTP_ERR_CLOCK;
}

/* The characters of the service model for tokens; what they mean is jwt's business. */
static enum otp_err cognito_token(const struct json_value *result, const char *key, struct secret *ret_token)
{
	const char *token;

	if (json_get_string(result, key, 1, COGNITO_TOKEN_MAX, &token) != OTP_OK)
		return OTP_ERR_RESPONSE_TOKEN;
	if (strspn(token, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_=.") != strlen(token))
		return OTP_ERR_RESPONSE_TOKEN;
	return secret_set(ret_token, token, strlen(token));
}

/* Wherever one comes, also where none should: what nobody keeps is revoked at the end. */
static void cognito_keep_refresh(struct cognito *cognito, const struct json_value *root)
{
	const struct json_value *result;

	if (json_get_object(root, "AuthenticationResult", &result) == OTP_OK)
		(void)cognito_token(result, "RefreshToken", &cognito->refresh_token);
}

void cognito_begin(struct cognito *cognito)
{
	cognito->left = false;
	cognito->status = 0;
}

enum otp_err cognito_post(struct cognito *cognito, const char *operation, const struct strbuf *body, const char *const *lines, struct json_doc **ret_doc)
{
	struct secret text = { body->text, body->length }; /* borrowed */
	struct http_request request = { .url = cognito->endpoint, .target = operation, .body = &text };
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;
	enum otp_err err;

	if (body->failed != OTP_OK)
		return body->failed;
	for (size_t i = 0; i < HTTP_LINES_MAX && lines != NULL && lines[i] != NULL; i++)
		request.lines[i] = lines[i];
	err = http_exchange(cognito->http, &request, cognito->deadline, &response, cognito->note);
	cognito->left = cognito->left || response.left;
	cognito->status = err == OTP_OK ? response.status : 0;
	if (err != OTP_OK)
		return err;
	memcpy(cognito->request_id, response.request_id, sizeof(cognito->request_id));
	log_debug("%s: status %ld, request id %s", operation, response.status, response.request_id);
	err = cognito_check_clock(cognito, &response);
	if (err != OTP_OK)
		return err;
	note_set(cognito->note, "%s: status %ld", operation, response.status);
	if (response.status != 200)
		return lines == NULL ? cognito_error_of(&response) : cognito_error_of_signed(&response);
	err = json_doc_parse(secret_text(&response.body), response.body.length, ret_doc);
	if (err == OTP_OK)
		cognito_keep_refresh(cognito, json_doc_root(*ret_doc));
	return err;
}

static enum otp_err cognito_call(struct cognito *cognito, const char *operation, const struct strbuf *body, struct json_doc **ret_doc)
{
	return cognito_post(cognito, operation, body, NULL, ret_doc);
}

/* A base64url-like text in today's service; any printable one is sent back as it came. */
static enum otp_err cognito_session(const struct json_value *root, struct secret *ret_session)
{
	const char *session;

	if (json_get_string(root, "Session", 20, COGNITO_SESSION_MAX, &session) != OTP_OK)
		return OTP_ERR_RESPONSE_SESSION;
	for (const char *c = session; *c != '\0'; c++) {
		if (*c <= ' ' || *c > '~')
			return OTP_ERR_RESPONSE_SESSION;
	}
	return secret_set(ret_session, session, strlen(session));
}

/* Server text is shown to people: printable ASCII only, and short. */
static void cognito_destination(const struct json_value *root, struct cognito_challenge *challenge)
{
	const struct json_value *parameters;
	const char *destination;

	challenge->destination[0] = '\0';
	if (json_get_object(root, "ChallengeParameters", &parameters) == OTP_OK &&
	    json_get_string(parameters, "CODE_DELIVERY_DESTINATION", 1, COGNITO_SESSION_MAX, &destination) == OTP_OK)
		log_clean(challenge->destination, sizeof(challenge->destination), destination, false);
}

static bool cognito_offers(const struct json_value *root, const char *factor)
{
	const struct json_value *offers;
	const char *offer;

	if (json_get_array(root, "AvailableChallenges", &offers) != OTP_OK || json_array_length(offers) > COGNITO_OFFERS_MAX)
		return false;
	for (size_t i = 0; i < json_array_length(offers); i++) {
		if (json_array_string(offers, i, COGNITO_NAME_MAX, &offer) == OTP_OK && strcmp(offer, factor) == 0)
			return true;
	}
	return false;
}

/* What kind of answer it is, before anything in it is used: exactly a challenge. */
static enum otp_err cognito_challenge_name(const struct json_value *root, const char **ret_name)
{
	if (json_has(root, "AuthenticationResult"))
		return OTP_ERR_RESPONSE_EARLY;
	if (json_get_string(root, "ChallengeName", 1, COGNITO_NAME_MAX, ret_name) != OTP_OK)
		return OTP_ERR_RESPONSE_SHAPE;
	return OTP_OK;
}

/* The challenge that was asked for; its Session and where the code went. */
static enum otp_err cognito_take_challenge(const struct cognito *cognito, const struct json_value *root, struct cognito_challenge *ret_challenge)
{
	const char *name;
	char clean[COGNITO_NAME_MAX + 1];
	enum otp_err err = cognito_challenge_name(root, &name);

	if (err != OTP_OK)
		return err;
	if (strcmp(name, cognito_factor_name(cognito->factor)) != 0) {
		log_clean(clean, sizeof(clean), name, true);
		note_set(cognito->note, "the service wants %s", clean);
		return strcmp(name, "SELECT_CHALLENGE") == 0 ? OTP_ERR_CHALLENGE_NOT_OFFERED : OTP_ERR_CHALLENGE_OTHER;
	}
	cognito_destination(root, ret_challenge);
	return cognito_session(root, &ret_challenge->session);
}

static void cognito_open_body(const struct cognito *cognito, const char *challenge, const struct secret *session, struct strbuf *body)
{
	strbuf_puts(body, "{");
	json_add_string(body, "ChallengeName", challenge);
	json_add_string(body, "ClientId", cognito->client_id);
	json_add_string(body, "Session", secret_text(session));
	json_open_object(body, "ChallengeResponses");
}

/* SELECT_CHALLENGE offers several ways; ours is chosen once, and its answer must be our challenge. */
static enum otp_err cognito_select(struct cognito *cognito, const char *user_name, const struct json_value *offer, struct cognito_challenge *ret_challenge)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(COGNITO_REQUEST_MAX);
	secret_auto struct secret session = SECRET_EMPTY;
	struct json_doc *doc = NULL;
	enum otp_err err;

	if (!cognito_offers(offer, cognito_factor_name(cognito->factor))) {
		note_set(cognito->note, "%s is not among AvailableChallenges", cognito_factor_name(cognito->factor));
		return OTP_ERR_CHALLENGE_NOT_OFFERED;
	}
	err = cognito_session(offer, &session);
	if (err != OTP_OK)
		return err;
	cognito_open_body(cognito, "SELECT_CHALLENGE", &session, &body);
	json_add_string(&body, "USERNAME", user_name);
	json_add_string(&body, "ANSWER", cognito_factor_name(cognito->factor));
	err = cognito_add_hash(cognito, user_name, &body);
	strbuf_puts(&body, "}}");
	if (err == OTP_OK)
		err = cognito_call(cognito, "RespondToAuthChallenge", &body, &doc);
	if (err == OTP_OK)
		err = cognito_take_challenge(cognito, json_doc_root(doc), ret_challenge);
	json_doc_free(doc);
	return err;
}

static enum otp_err cognito_take_first(struct cognito *cognito, const char *user_name, const struct json_value *root, struct cognito_challenge *ret_challenge)
{
	const char *name;
	enum otp_err err = cognito_challenge_name(root, &name);

	if (err != OTP_OK)
		return err;
	if (strcmp(name, "SELECT_CHALLENGE") == 0)
		return cognito_select(cognito, user_name, root, ret_challenge);
	return cognito_take_challenge(cognito, root, ret_challenge);
}

enum otp_err cognito_initiate_auth(struct cognito *cognito, const char *user_name, struct cognito_challenge *ret_challenge)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(COGNITO_REQUEST_MAX);
	struct json_doc *doc = NULL;
	enum otp_err err;

	cognito_begin(cognito);
	strbuf_puts(&body, "{");
	json_add_string(&body, "AuthFlow", "USER_AUTH");
	json_add_string(&body, "ClientId", cognito->client_id);
	json_open_object(&body, "AuthParameters");
	json_add_string(&body, "USERNAME", user_name);
	json_add_string(&body, "PREFERRED_CHALLENGE", cognito_factor_name(cognito->factor));
	err = cognito_add_hash(cognito, user_name, &body);
	strbuf_puts(&body, "}}");
	if (err == OTP_OK)
		err = cognito_call(cognito, "InitiateAuth", &body, &doc);
	if (err == OTP_OK)
		err = cognito_take_first(cognito, user_name, json_doc_root(doc), ret_challenge);
	json_doc_free(doc);
	return err;
}

static enum otp_err cognito_take_tokens(const struct cognito *cognito, const char *operation, const struct json_value *root,
					struct cognito_tokens *ret_tokens)
{
	const struct json_value *result;
	enum otp_err err;

	if (json_has(root, "ChallengeName") && json_has(root, "AuthenticationResult"))
		return OTP_ERR_RESPONSE_AMBIGUOUS;
	if (json_has(root, "ChallengeName"))
		return OTP_ERR_CHALLENGE_EXTRA;
	if (json_get_object(root, "AuthenticationResult", &result) != OTP_OK)
		return OTP_ERR_RESPONSE_SHAPE;
	err = cognito_token(result, "IdToken", &ret_tokens->id);
	if (err == OTP_OK)
		err = cognito_token(result, "AccessToken", &ret_tokens->access);
	if (err != OTP_OK)
		note_set(cognito->note, "%s: IdToken or AccessToken", operation);
	return err;
}

enum otp_err cognito_respond(struct cognito *cognito, const char *user_name, const struct cognito_challenge *challenge, const struct secret *code,
			     struct cognito_tokens *ret_tokens)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(COGNITO_REQUEST_MAX);
	struct json_doc *doc = NULL;
	enum otp_err err;

	cognito_begin(cognito);
	cognito_open_body(cognito, cognito_factor_name(cognito->factor), &challenge->session, &body);
	json_add_string(&body, "USERNAME", user_name);
	json_add_string(&body, cognito_code_name(cognito->factor), secret_text(code));
	err = cognito_add_hash(cognito, user_name, &body);
	strbuf_puts(&body, "}}");
	if (err == OTP_OK)
		err = cognito_call(cognito, "RespondToAuthChallenge", &body, &doc);
	if (err == OTP_OK)
		err = cognito_take_tokens(cognito, "RespondToAuthChallenge", json_doc_root(doc), ret_tokens);
	json_doc_free(doc);
	return err;
}

/* The operations on a refresh token take the client secret itself, and no hash over a user name. */
static enum otp_err cognito_token_body(const struct cognito *cognito, const char *key, const struct secret *token, struct strbuf *body)
{
	secret_auto struct secret client_secret = SECRET_EMPTY;
	enum otp_err err = cognito_read_secret(cognito, &client_secret);

	if (err != OTP_OK)
		return err;
	strbuf_puts(body, "{");
	json_add_string(body, key, secret_text(token));
	json_add_string(body, "ClientId", cognito->client_id);
	if (client_secret.length > 0)
		json_add_string(body, "ClientSecret", secret_text(&client_secret));
	strbuf_puts(body, "}");
	return body->failed;
}

enum otp_err cognito_refresh(struct cognito *cognito, const struct secret *refresh_token, struct cognito_tokens *ret_tokens)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(COGNITO_REQUEST_MAX);
	struct json_doc *doc = NULL;
	enum otp_err err = cognito_token_body(cognito, "RefreshToken", refresh_token, &body);

	cognito_begin(cognito);
	if (err == OTP_OK)
		err = cognito_call(cognito, "GetTokensFromRefreshToken", &body, &doc);
	if (err == OTP_OK)
		err = cognito_take_tokens(cognito, "GetTokensFromRefreshToken", json_doc_root(doc), ret_tokens);
	json_doc_free(doc);
	return err;
}

enum otp_err cognito_revoke(struct cognito *cognito, const struct secret *refresh_token)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(COGNITO_REQUEST_MAX);
	struct json_doc *doc = NULL;
	enum otp_err err = cognito_token_body(cognito, "Token", refresh_token, &body);

	if (err == OTP_OK)
		err = cognito_call(cognito, "RevokeToken", &body, &doc);
	json_doc_free(doc);
	return err == OTP_ERR_JSON_SYNTAX ? OTP_OK : err; /* a 200 with an empty body is an answer, too */
}

void cognito_challenge_done(struct cognito_challenge *challenge)
{
	secret_done(&challenge->session);
	challenge->destination[0] = '\0';
}

void cognito_tokens_done(struct cognito_tokens *tokens)
{
	secret_done(&tokens->id);
	secret_done(&tokens->access);
}
