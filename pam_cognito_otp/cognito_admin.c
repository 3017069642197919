/* cognito_admin - see cognito_admin.h. */
#include "cognito_admin.h"

#include <stdio.h>
#include <string.h>

#include "http.h"
#include "json_write.h"
#include "log.h"
#include "region.h"
#include "sigv4.h"
#include "strbuf.h"

#define ADMIN_SERVICE "cognito-idp"
#define ADMIN_TARGET "AWSCognitoIdentityProviderService."
#define ADMIN_CONTENT_TYPE "application/x-amz-json-1.1" /* what http sends */

enum {
	ADMIN_BODY_MAX = 8 * 1024,
	ADMIN_LINE_MAX = 16 * 1024, /* bytes; a session token has some hundreds to some thousands */
	ADMIN_NAME_MAX = 128,	    /* bytes of an attribute's name or of a status; the service's limit is 32 characters */
	ADMIN_HOST_MAX = 1024,
	ADMIN_FIELDS = 5
};

/* The lines of a signed request; they and what they are made of wipe themselves. */
struct admin_lines {
	char host[ADMIN_HOST_MAX + 8];
	char date[SIGV4_DATE_SIZE + 16];
	struct strbuf token;
	struct strbuf authorization;
};

static void cognito_admin_lines_done(struct admin_lines *lines)
{
	strbuf_done(&lines->token);
	strbuf_done(&lines->authorization);
}

/* `https://host:443` is `host`: servers know themselves without the port that https has anyway. */
static enum otp_err cognito_admin_host(const char *endpoint, char *ret_host, size_t size)
{
	static const char scheme[] = "https://";
	const char *host = endpoint + strlen(scheme);
	size_t length;

	if (strncmp(endpoint, scheme, strlen(scheme)) != 0 || strlen(host) >= size)
		return OTP_ERR_CONFIG_VALUE;
	length = strlen(host);
	if (length > 4 && strcmp(host + length - 4, ":443") == 0)
		length -= 4;
	memcpy(ret_host, host, length);
	ret_host[length] = '\0';
	return OTP_OK;
}

static enum otp_err cognito_admin_sign(const struct cognito_admin *admin, const char *operation, const struct strbuf *body,
				       struct admin_lines *lines)
{
	char target[ADMIN_NAME_MAX];
	char host[ADMIN_HOST_MAX];
	char date[SIGV4_DATE_SIZE];
	struct region region;
	struct sigv4_request request = { .host = host, .region = region.name, .service = ADMIN_SERVICE, .target = target };
	enum otp_err err = region_parse(admin->user_pool_id, &region);

	if (err == OTP_OK)
		err = cognito_admin_host(admin->cognito->endpoint, host, sizeof(host));
	if (err != OTP_OK)
		return err;
	(void)snprintf(target, sizeof(target), ADMIN_TARGET "%s", operation);
	request.content_type = ADMIN_CONTENT_TYPE;
	request.body = strbuf_text(body);
	request.body_length = body->length;
	request.time = clock_wall();
	request.access_key_id = &admin->credentials->access_key_id;
	request.secret_access_key = &admin->credentials->secret_access_key;
	request.session_token = &admin->credentials->session_token;
	err = sigv4_sign(&request, date, &lines->authorization);
	/* the very bytes that are signed, whatever libcurl would make of the address */
	(void)snprintf(lines->host, sizeof(lines->host), "Host: %s", host);
	(void)snprintf(lines->date, sizeof(lines->date), "X-Amz-Date: %s", err == OTP_OK ? date : "");
	return err;
}

/* One signed request, sent once. */
static enum otp_err cognito_admin_send(const struct cognito_admin *admin, const char *operation, const struct strbuf *body,
				       struct json_doc **ret_doc)
{
	const struct secret *token = &admin->credentials->session_token;
	struct admin_lines lines = { "", "", STRBUF_LIMIT(ADMIN_LINE_MAX), STRBUF_LIMIT(ADMIN_LINE_MAX) };
	const char *headers[HTTP_LINES_MAX + 1] = { lines.host, lines.date };
	enum otp_err err = cognito_admin_sign(admin, operation, body, &lines);

	if (err == OTP_OK && token->length > 0) {
		strbuf_puts(&lines.token, "X-Amz-Security-Token: ");
		strbuf_add(&lines.token, token->bytes, token->length);
		err = lines.token.failed;
	}
	if (err == OTP_OK)
		err = lines.authorization.failed;
	if (err == OTP_OK) {
		headers[2] = strbuf_text(&lines.authorization);
		headers[3] = token->length > 0 ? strbuf_text(&lines.token) : NULL;
		err = cognito_post(admin->cognito, operation, body, headers, ret_doc);
	}
	cognito_admin_lines_done(&lines);
	return err;
}

enum otp_err cognito_admin_post(struct cognito_admin *admin, const char *operation, const struct strbuf *body, struct json_doc **ret_doc)
{
	struct cognito *cognito = admin->cognito;
	enum otp_err err = body->failed;

	if (err == OTP_OK)
		err = aws_credentials_load(admin->credentials, cognito->deadline, cognito->note);
	if (err != OTP_OK)
		return err;
	err = cognito_admin_send(admin, operation, body, ret_doc);
	if (err != OTP_ERR_AWS_EXPIRED)
		return err;
	/* refused for its signature, so it was not acted upon: the only call of this program that is ever made a second time */
	err = aws_credentials_refresh(admin->credentials, cognito->deadline, cognito->note);
	return err == OTP_OK ? cognito_admin_send(admin, operation, body, ret_doc) : err;
}

static void cognito_admin_open_body(const struct cognito_admin *admin, const char *user_name, struct strbuf *body)
{
	strbuf_puts(body, "{");
	json_add_string(body, "UserPoolId", admin->user_pool_id);
	json_add_string(body, "Username", user_name);
}

/* An attribute that we read: its text, or whether it is exactly "true". */
struct admin_field {
	const char *name;
	char *text;
	size_t size;
	bool *is_true;
	bool seen;
};

/* What does not fit is longer than anything that was mapped or pinned: it becomes "", which is equal to none of it. */
static void cognito_admin_copy(char *out, size_t size, const char *text)
{
	size_t length = strlen(text);

	memcpy(out, text, length < size ? length + 1 : 0);
	out[length < size ? length : 0] = '\0';
}

static enum otp_err cognito_admin_take_value(const struct json_value *attribute, struct admin_field *field, struct note *note)
{
	const char *value = "";
	enum otp_err err = json_get_string(attribute, "Value", 0, COGNITO_ATTRIBUTE_MAX, &value);

	if (err != OTP_OK && err != OTP_ERR_JSON_ABSENT) {
		note_set(note, "the attribute %s is no text of a possible length", field->name);
		return OTP_ERR_RESPONSE_SHAPE;
	}
	if (field->seen) {
		note_set(note, "the attribute %s is there twice", field->name);
		return OTP_ERR_RESPONSE_SHAPE;
	}
	field->seen = true;
	if (field->is_true != NULL)
		*field->is_true = strcmp(value, "true") == 0;
	else
		cognito_admin_copy(field->text, field->size, value);
	return OTP_OK;
}

/* A list of { Name, Value }, all texts. Those of our fields are taken, the others are somebody else's. */
static enum otp_err cognito_admin_take_attributes(const struct json_value *list, struct cognito_user *user, struct note *note)
{
	struct admin_field fields[ADMIN_FIELDS] = { { "sub", user->sub, sizeof(user->sub), NULL, false },
						    { "email", user->email, sizeof(user->email), NULL, false },
						    { "email_verified", NULL, 0, &user->email_verified, false },
						    { "phone_number", user->phone_number, sizeof(user->phone_number), NULL, false },
						    { "phone_number_verified", NULL, 0, &user->phone_number_verified, false } };
	enum otp_err err = OTP_OK;

	for (size_t i = 0; err == OTP_OK && i < json_array_length(list); i++) {
		const struct json_value *attribute;
		const char *name;

		if (json_array_object(list, i, &attribute) != OTP_OK || json_get_string(attribute, "Name", 1, ADMIN_NAME_MAX, &name) != OTP_OK) {
			note_set(note, "an attribute without a name");
			return OTP_ERR_RESPONSE_SHAPE;
		}
		for (size_t k = 0; err == OTP_OK && k < ADMIN_FIELDS; k++) {
			if (strcmp(name, fields[k].name) == 0)
				err = cognito_admin_take_value(attribute, &fields[k], note);
		}
	}
	return err;
}

static enum cognito_status cognito_admin_status(const struct json_value *object, struct note *note)
{
	static const char *const names[] = {
		[COGNITO_STATUS_UNCONFIRMED] = "UNCONFIRMED",
		[COGNITO_STATUS_CONFIRMED] = "CONFIRMED",
		[COGNITO_STATUS_EXTERNAL_PROVIDER] = "EXTERNAL_PROVIDER",
		[COGNITO_STATUS_RESET_REQUIRED] = "RESET_REQUIRED",
		[COGNITO_STATUS_FORCE_CHANGE_PASSWORD] = "FORCE_CHANGE_PASSWORD",
	};
	const char *status = "";
	char clean[ADMIN_NAME_MAX + 1];

	(void)json_get_string(object, "UserStatus", 1, ADMIN_NAME_MAX, &status);
	for (size_t i = COGNITO_STATUS_UNCONFIRMED; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(status, names[i]) == 0)
			return (enum cognito_status)i;
	}
	log_clean(clean, sizeof(clean), status, true);
	note_set(note, "UserStatus is %s", clean);
	return COGNITO_STATUS_OTHER;
}

/* `attributes`: what the operation calls the list. Anything but JSON true is not enabled. */
static enum otp_err cognito_admin_take_user(const struct json_value *object, const char *attributes, struct cognito_user *ret_user,
					    struct note *note)
{
	const struct json_value *list;
	const char *user_name;
	bool enabled = false;

	memset(ret_user, 0, sizeof(*ret_user));
	if (json_get_string(object, "Username", 1, COGNITO_ATTRIBUTE_MAX, &user_name) != OTP_OK ||
	    json_get_array(object, attributes, &list) != OTP_OK) {
		note_set(note, "no Username, or no %s", attributes);
		return OTP_ERR_RESPONSE_SHAPE;
	}
	cognito_admin_copy(ret_user->user_name, sizeof(ret_user->user_name), user_name);
	ret_user->enabled = json_get_bool(object, "Enabled", &enabled) == OTP_OK && enabled;
	ret_user->status = cognito_admin_status(object, note);
	return cognito_admin_take_attributes(list, ret_user, note);
}

enum otp_err cognito_admin_get_user(struct cognito_admin *admin, const char *user_name, struct cognito_user *ret_user)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(ADMIN_BODY_MAX);
	struct json_doc *doc = NULL;
	enum otp_err err;

	cognito_admin_open_body(admin, user_name, &body);
	strbuf_puts(&body, "}");
	err = cognito_admin_post(admin, "AdminGetUser", &body, &doc);
	if (err == OTP_OK)
		err = cognito_admin_take_user(json_doc_root(doc), "UserAttributes", ret_user, admin->cognito->note);
	json_doc_free(doc);
	return err;
}

enum otp_err cognito_admin_create_user(struct cognito_admin *admin, const char *email, struct cognito_user *ret_user)
{
	strbuf_auto struct strbuf body = STRBUF_LIMIT(ADMIN_BODY_MAX);
	struct json_doc *doc = NULL;
	const struct json_value *user;
	enum otp_err err;

	cognito_admin_open_body(admin, email, &body);
	strbuf_puts(&body, ",\"UserAttributes\":[{");
	json_add_string(&body, "Name", "email");
	json_add_string(&body, "Value", email);
	strbuf_puts(&body, "},{");
	json_add_string(&body, "Name", "email_verified");
	json_add_string(&body, "Value", "true");
	strbuf_puts(&body, "}]");
	json_add_string(&body, "MessageAction", "SUPPRESS");
	strbuf_puts(&body, "}");
	err = cognito_admin_post(admin, "AdminCreateUser", &body, &doc);
	if (err == OTP_OK && json_get_object(json_doc_root(doc), "User", &user) != OTP_OK) {
		note_set(admin->cognito->note, "AdminCreateUser: no User");
		err = OTP_ERR_RESPONSE_SHAPE;
	}
	if (err == OTP_OK)
		err = cognito_admin_take_user(user, "Attributes", ret_user, admin->cognito->note);
	json_doc_free(doc);
	return err;
}
