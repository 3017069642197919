/*
 * cognito - the operations of Amazon Cognito user pools that a login needs, and the table from the service's exceptions to our errors.
 *
 * Rules kept here:
 *  - an answer is a challenge, or tokens, or an error; anything else, and anything that is two of these, is refused;
 *  - tokens count only as the answer to a code that we sent;
 *  - errors are told apart by their __type; the text refines NotAuthorizedException only, and always towards a refusal;
 *  - Session, code, tokens and client secret go from their owner into the body and nowhere else; no call is repeated.
 *
 * Sources: Amazon Cognito user pools API reference (InitiateAuth, RespondToAuthChallenge, RevokeToken), protocol awsJson1.1.
 */
#ifndef OTP_COGNITO_H
#define OTP_COGNITO_H

#include <stdbool.h>

#include "clock.h"
#include "err.h"
#include "http.h"
#include "json_doc.h"
#include "note.h"
#include "secret.h"
#include "strbuf.h"

enum {
	COGNITO_SESSION_MAX = 8 * 1024,	 /* bytes; the model says 2048 characters, today's are some 1600 */
	COGNITO_TOKEN_MAX = 16 * 1024,	 /* bytes of one token */
	COGNITO_DESTINATION_MAX = 64	 /* bytes of a masked address, as shown */
};

enum cognito_factor { COGNITO_EMAIL_OTP, COGNITO_SMS_OTP };

/* Everything is borrowed and must outlive the calls. */
struct cognito {
	const char *endpoint;
	const char *client_id;
	const char *client_secret_file; /* "": an app client without a secret. Read anew for each call, so that it can be rotated. */
	enum cognito_factor factor;
	int64_t clock_skew;
	struct http *http;
	struct deadline *deadline;
	struct note *note;			  /* says at which operation something failed */
	char request_id[HTTP_WORD_MAX + 1]; /* of the last answer, for the log */
	bool left;    /* a request of the last operation has left this machine, if only in part */
	long status;  /* of HTTP, of its last answer; 0 when none came */
	struct secret refresh_token;	     /* the last one that came, wanted or not, so that it can be revoked; the caller ends it */
	struct secret stale_token; /* of an earlier sign-in, which nobody keeps any more: revoked with it; the caller ends it */
};

/* An open challenge. */
struct cognito_challenge {
	struct secret session;
	char destination[COGNITO_DESTINATION_MAX + 1]; /* masked by the service, cleaned by us; "" when it gave none */
};
#define COGNITO_CHALLENGE_NONE { SECRET_EMPTY, "" }

struct cognito_tokens {
	struct secret id;
	struct secret access;
};

/* Whether the client secret's file, if one is set, can be used. OTP_ERR_CONFIG_*. */
enum otp_err cognito_check_secret(const struct cognito *cognito);

/*
 * InitiateAuth (USER_AUTH), and the one SELECT_CHALLENGE that may follow: mails a code to `user_name`. Errors of http.h, and those that the table in
 * cognito.c names; OTP_ERR_RESPONSE_EARLY when tokens come at once; OTP_ERR_CHALLENGE_*; OTP_ERR_CLOCK.
 */
enum otp_err cognito_initiate_auth(struct cognito *cognito, const char *user_name, struct cognito_challenge *ret_challenge);

/*
 * RespondToAuthChallenge with a code. The tokens are not verified yet. OTP_ERR_CODE_WRONG: the same challenge may be answered again.
 * OTP_ERR_CHALLENGE_EXTRA, OTP_ERR_RESPONSE_*, and as above.
 */
enum otp_err cognito_respond(struct cognito *cognito, const char *user_name, const struct cognito_challenge *challenge, const struct secret *code,
			     struct cognito_tokens *ret_tokens);

/*
 * GetTokensFromRefreshToken: new tokens for a refresh token; not verified yet. With rotation a new refresh token comes as well, in
 * cognito->refresh_token, and the old one is dead. OTP_ERR_REFRESH_REFUSED, _REUSED, OTP_ERR_ACCOUNT_*, OTP_ERR_RESPONSE_*, and as above.
 */
enum otp_err cognito_refresh(struct cognito *cognito, const struct secret *refresh_token, struct cognito_tokens *ret_tokens);

/* For operations in other rooms. Called once before the first request of an operation: nothing has left yet. */
void cognito_begin(struct cognito *cognito);

/*
 * Sends `body` to `operation` and reads the answer to a 200: *ret_doc, which the caller ends with json_doc_free in every case. `lines`: the further headers of a signed
 * request, as in http_request, or NULL. Errors of http.h and cognito_error.h, OTP_ERR_CLOCK, OTP_ERR_JSON_*.
 */
enum otp_err cognito_post(struct cognito *cognito, const char *operation, const struct strbuf *body, const char *const *lines, struct json_doc **ret_doc);

/* RevokeToken: ends a refresh token, and with it the access token's use at the service. */
enum otp_err cognito_revoke(struct cognito *cognito, const struct secret *refresh_token);

void cognito_challenge_done(struct cognito_challenge *challenge);
void cognito_tokens_done(struct cognito_tokens *tokens);

#define cognito_challenge_auto __attribute__((cleanup(cognito_challenge_done)))
#define cognito_tokens_auto __attribute__((cleanup(cognito_tokens_done)))

#endif
