/*
 * err - the one list of everything that can go wrong.
 *
 * Rules kept here:
 *  - every fallible function of the house returns enum otp_err; results come last, in ret_ parameters, and are written on success only;
 *  - an entry is a name, a reason (the word an administrator finds in the log and looks up in the manual), a class and a text;
 *    none can be left out, or the table below does not compile;
 *  - the class decides what the calling program is told (pam_result.c has the only table of PAM codes) and how loudly it is logged;
 *  - a new entry needs its paragraph in man/pam_cognito_otp.8: a test compares the two.
 */
#ifndef OTP_ERR_H
#define OTP_ERR_H

/* What kind of answer the caller of PAM gets. One PAM code each, in pam_result.c. */
enum otp_class {
	OTP_CLASS_SUCCESS,	/* the person proved who he is */
	OTP_CLASS_IGNORED,	/* the administrator wrote `unmapped = ignore` */
	OTP_CLASS_DENIED,	/* the person or his account was refused */
	OTP_CLASS_UNTRUSTED,	/* a certificate, token or identity did not hold: somebody may be forging */
	OTP_CLASS_UNKNOWN_USER,	/* no such local account */
	OTP_CLASS_FORBIDDEN,	/* local rules exclude the account */
	OTP_CLASS_TRIES,	/* too many tries, here or at the service */
	OTP_CLASS_UNREACHABLE,	/* the service cannot be reached or is broken; nobody's fault here */
	OTP_CLASS_SERVICE,	/* settings, helper or the service's answers are not usable: an administrator must act */
	OTP_CLASS_SYSTEM,	/* this machine cannot do its part */
	OTP_CLASS_MEMORY,
	OTP_CLASS_CONVERSATION	/* nobody is there to answer */
};

/* clang-format off */
#define OTP_ERRORS(X) \
	X(OTP_OK,                        "verified",             SUCCESS,      "the code was right and the tokens hold") \
	X(OTP_IGNORED,                   "unmapped_ignored",     IGNORED,      "the user has no mapping and the settings say to ignore such users") \
	/* the person at the prompt */ \
	X(OTP_ERR_CONVERSATION,          "no_conversation",      CONVERSATION, "the calling program could not ask the user") \
	X(OTP_ERR_NO_ANSWER,             "no_answer",            DENIED,       "no usable answer was given") \
	X(OTP_ERR_TRIES,                 "tries_exhausted",      TRIES,        "too many wrong codes") \
	X(OTP_ERR_TRIES_BEFORE,          "tries_exhausted_before", TRIES,      "an earlier call of this program used up the tries") \
	X(OTP_ERR_MAILS,                 "mails_exhausted",      TRIES,        "too many new codes were asked for in one call") \
	X(OTP_ERR_MAIL_BUDGET,           "mail_budget",          TRIES,        "the mail budget is spent") \
	/* who he is here */ \
	X(OTP_ERR_USER_UNKNOWN,          "user_unknown",         UNKNOWN_USER, "no such local account") \
	X(OTP_ERR_USER_NAME,             "user_name",            DENIED,       "the name is not the one that the account database gives") \
	X(OTP_ERR_USER_CHANGED,          "user_changed",         UNTRUSTED,    "the user was changed while he was being asked") \
	X(OTP_ERR_USER_ROOT,             "user_root",            FORBIDDEN,    "uid 0 is not allowed by allow_root") \
	X(OTP_ERR_USER_SYSTEM,           "user_system",          FORBIDDEN,    "the uid is below min_uid") \
	X(OTP_ERR_USER_FILTERED,         "user_filtered",        FORBIDDEN,    "users or groups keep the user out") \
	X(OTP_ERR_USER_UNMAPPED,         "user_unmapped",        DENIED,       "the user has no Cognito user") \
	X(OTP_ERR_USER_REFUSED_BY_HOST,  "refused_by_sshd",      DENIED,       "sshd replaced the answer: it refuses this user whatever he types") \
	X(OTP_ERR_USER_SHARED,           "user_shared",          FORBIDDEN,    "several people share the account, and nobody has said which of them this is") \
	X(OTP_ERR_PERSON_UNKNOWN,        "person_unknown",       DENIED,       "who was named is none of the people who share the account") \
	/* what the service says of him */ \
	X(OTP_ERR_CODE_WRONG,            "code_wrong",           DENIED,       "the code is wrong") \
	X(OTP_ERR_SESSION_EXPIRED,       "session_expired",      DENIED,       "the code has expired") \
	X(OTP_ERR_SESSION_USED,          "session_used",         DENIED,       "the code was already used") \
	X(OTP_ERR_SESSION_INVALID,       "session_invalid",      DENIED,       "the service does not know the session") \
	X(OTP_ERR_REFUSED,               "refused",              DENIED,       "the service refuses the user") \
	X(OTP_ERR_ACCOUNT_DISABLED,      "account_disabled",     DENIED,       "the Cognito user is disabled") \
	X(OTP_ERR_ACCOUNT_NOT_FOUND,     "account_not_found",    DENIED,       "the pool has no such user") \
	X(OTP_ERR_ACCOUNT_NOT_CONFIRMED, "account_not_confirmed", DENIED,      "the Cognito user is not confirmed") \
	X(OTP_ERR_ACCOUNT_RESET,         "account_reset_required", DENIED,     "the Cognito user must reset his password") \
	X(OTP_ERR_CHALLENGE_NOT_OFFERED, "challenge_not_offered", DENIED,      "the service offers this user no mailed code") \
	X(OTP_ERR_CHALLENGE_OTHER,       "challenge_other",      DENIED,       "the service asks for something other than the mailed code") \
	X(OTP_ERR_CHALLENGE_EXTRA,       "challenge_extra",      DENIED,       "the service asks for more after a right code") \
	X(OTP_ERR_LAMBDA_DENIED,         "lambda_denied",        DENIED,       "a Lambda trigger of the pool refuses the user") \
	X(OTP_ERR_THROTTLED,             "service_throttled",    TRIES,        "the service limits requests or mails") \
	X(OTP_ERR_LOCKED,                "service_locked",       TRIES,        "the service has locked the user for a while") \
	X(OTP_ERR_ACCOUNT_EXTERNAL,      "account_external",     DENIED,       "the Cognito user signs in through another identity provider") \
	X(OTP_ERR_ACCOUNT_FORCE_CHANGE,  "account_force_change", DENIED,       "the Cognito user still has a temporary password") \
	X(OTP_ERR_ACCOUNT_STATUS,        "account_status",       DENIED,       "the Cognito user is in a state that this version does not know") \
	X(OTP_ERR_ACCOUNT_GONE,          "account_gone",         DENIED,       "the Cognito user was there before and is not now, and nobody is created twice") \
	X(OTP_ERR_ACCOUNT_EXISTS,        "account_exists",       DENIED,       "the pool has the user name or address already, in another form") \
	X(OTP_ERR_REFRESH_REFUSED,       "refresh_refused",      DENIED,       "the service does not renew the kept tokens: revoked, expired or signed out") \
	X(OTP_ERR_REFRESH_REUSED,        "refresh_reused",       DENIED,       "the kept refresh token was used before") \
	/* what the service says of our set-up */ \
	X(OTP_ERR_SECRET_HASH,           "secret_hash",          SERVICE,      "the client secret is wrong, missing or not wanted") \
	X(OTP_ERR_CLIENT,                "client_unknown",       SERVICE,      "the service does not know client_id in this region") \
	X(OTP_ERR_PARAMETER,             "parameter_refused",    SERVICE,      "the service refuses the request: is ALLOW_USER_AUTH set for the client?") \
	X(OTP_ERR_POOL_SETUP,            "pool_setup",           SERVICE,      "the user pool is not set up for mailed codes") \
	X(OTP_ERR_LAMBDA_BROKEN,         "lambda_broken",        SERVICE,      "a Lambda trigger of the pool fails") \
	X(OTP_ERR_FORBIDDEN,             "service_forbidden",    SERVICE,      "a firewall in front of the service refuses this host") \
	X(OTP_ERR_API_UNKNOWN,           "api_unknown",          SERVICE,      "the service answered with an error this version does not know") \
	X(OTP_ERR_POOL_UNKNOWN,          "pool_unknown",         SERVICE,      "the service does not know user_pool_id in this region and account") \
	X(OTP_ERR_AWS_CREDENTIALS,       "aws_credentials",      SERVICE,      "there are no usable AWS credentials") \
	X(OTP_ERR_AWS_IMDS,              "aws_imds",             SERVICE,      "the instance metadata service gives no credentials") \
	X(OTP_ERR_AWS_SIGNATURE,         "aws_signature",        SERVICE,      "the service does not accept the AWS credentials or their signature") \
	X(OTP_ERR_AWS_EXPIRED,           "aws_expired",          SERVICE,      "the AWS credentials have expired") \
	X(OTP_ERR_AWS_DENIED,            "aws_denied",           SERVICE,      "IAM does not allow this host the operation") \
	/* the way to the service */ \
	X(OTP_ERR_NET_DNS,               "net_dns",              UNREACHABLE,  "the host name does not resolve") \
	X(OTP_ERR_NET_CONNECT,           "net_connect",          UNREACHABLE,  "the host does not accept connections") \
	X(OTP_ERR_NET_TIMEOUT,           "net_timeout",          UNREACHABLE,  "the service did not answer in time") \
	X(OTP_ERR_NET_RESET,             "net_reset",            UNREACHABLE,  "the connection broke") \
	X(OTP_ERR_NET_TLS,               "net_tls",              UNREACHABLE,  "no TLS connection could be made") \
	X(OTP_ERR_TLS_CERTIFICATE,       "tls_certificate",      UNTRUSTED,    "the certificate of the service does not hold") \
	X(OTP_ERR_HTTP_STATUS,           "http_status",          UNREACHABLE,  "the service answered with a server error") \
	X(OTP_ERR_HTTP_REDIRECT,         "http_redirect",        SERVICE,      "the service answered with a redirect, which is never followed") \
	X(OTP_ERR_HTTP_MALFORMED,        "http_malformed",       UNREACHABLE,  "the answer is not HTTP") \
	X(OTP_ERR_HTTP_OVERSIZE,         "http_oversize",        SERVICE,      "the answer is larger than any real one") \
	X(OTP_ERR_CLOCK,                 "clock_skew",           SERVICE,      "this machine's clock and the service's differ by more than clock_skew") \
	X(OTP_ERR_NET_PROXY,             "net_proxy",            UNREACHABLE,  "the proxy does not answer, or does not reach the service") \
	X(OTP_ERR_PROXY_AUTH,            "proxy_auth",           SERVICE,      "the proxy wants credentials, or other ones") \
	X(OTP_ERR_PROXY_REFUSED,         "proxy_refused",        SERVICE,      "the proxy refuses to connect to the service") \
	/* the form of its answers */ \
	X(OTP_ERR_JSON_SYNTAX,           "json_syntax",          SERVICE,      "not a single well-formed JSON object") \
	X(OTP_ERR_JSON_UTF8,             "json_utf8",            SERVICE,      "not UTF-8") \
	X(OTP_ERR_JSON_NUL,              "json_nul",             SERVICE,      "a NUL character inside JSON text") \
	X(OTP_ERR_JSON_DEPTH,            "json_depth",           SERVICE,      "JSON nested too deeply") \
	X(OTP_ERR_JSON_DUPLICATE,        "json_duplicate",       SERVICE,      "a JSON member appears twice") \
	X(OTP_ERR_JSON_TYPE,             "json_type",            SERVICE,      "a JSON member has the wrong type or size") \
	X(OTP_ERR_JSON_ABSENT,           "json_absent",          SERVICE,      "a JSON member is missing") \
	X(OTP_ERR_RESPONSE_SHAPE,        "response_shape",       SERVICE,      "the answer is neither a challenge nor a result") \
	X(OTP_ERR_RESPONSE_AMBIGUOUS,    "response_ambiguous",   SERVICE,      "the answer is a challenge and a result at once") \
	X(OTP_ERR_RESPONSE_EARLY,        "response_early_tokens", UNTRUSTED,   "tokens came before any code was asked for") \
	X(OTP_ERR_RESPONSE_SESSION,      "response_session",     SERVICE,      "the session is missing or malformed") \
	X(OTP_ERR_RESPONSE_TOKEN,        "response_missing_token", UNTRUSTED,  "a token is missing or malformed") \
	/* the tokens (RFC 7515, 7517, 7519) */ \
	X(OTP_ERR_JWT_FORM,              "jwt_form",             UNTRUSTED,    "not a compact JWS of three parts") \
	X(OTP_ERR_JWT_JSON,              "jwt_json",             UNTRUSTED,    "a token's header or claims are not an acceptable JSON object") \
	X(OTP_ERR_JWT_DUPLICATE,         "jwt_duplicate",        UNTRUSTED,    "a header member or claim appears twice") \
	X(OTP_ERR_JWT_NUL,               "jwt_nul",              UNTRUSTED,    "a NUL character inside a token") \
	X(OTP_ERR_JWT_ALG,               "jwt_alg",              UNTRUSTED,    "the algorithm is not RS256") \
	X(OTP_ERR_JWT_CRIT,              "jwt_crit",             UNTRUSTED,    "the header demands an extension") \
	X(OTP_ERR_JWT_KID,               "jwt_kid",              UNTRUSTED,    "the key that signed the token is not in the pool's key set") \
	X(OTP_ERR_JWT_SIGNATURE,         "jwt_signature",        UNTRUSTED,    "the signature does not verify") \
	X(OTP_ERR_JWT_CLAIM,             "jwt_claim",            UNTRUSTED,    "a claim is missing or has the wrong type") \
	X(OTP_ERR_JWT_ISS,               "jwt_iss",              UNTRUSTED,    "the issuer is not the pool") \
	X(OTP_ERR_JWT_AUD,               "jwt_aud",              UNTRUSTED,    "the ID token is for another client") \
	X(OTP_ERR_JWT_CLIENT_ID,         "jwt_client_id",        UNTRUSTED,    "the access token is for another client") \
	X(OTP_ERR_JWT_TOKEN_USE,         "jwt_token_use",        UNTRUSTED,    "ID and access token are mixed up") \
	X(OTP_ERR_JWT_EXPIRED,           "jwt_expired",          UNTRUSTED,    "the token has expired") \
	X(OTP_ERR_JWT_NOT_YET,           "jwt_not_yet_valid",    UNTRUSTED,    "the token is from the future") \
	X(OTP_ERR_JWT_AUTH_TIME,         "jwt_auth_time",        UNTRUSTED,    "the token is from an earlier sign-in") \
	X(OTP_ERR_JWT_SUB,               "jwt_sub_differs",      UNTRUSTED,    "ID and access token are of different users") \
	X(OTP_ERR_JWT_RENEWED,           "jwt_renewed",          UNTRUSTED,    "the renewed tokens are not of the sign-in that was kept") \
	X(OTP_ERR_JWKS_KEY,              "jwks_key",             UNTRUSTED,    "a key of the key set is not an RSA key that may be used") \
	X(OTP_ERR_JWKS_EMPTY,            "jwks_empty",           SERVICE,      "the key set has no usable key") \
	X(OTP_ERR_JWKS_STATUS,           "jwks_status",          UNREACHABLE,  "the key set could not be fetched") \
	/* whose tokens they are */ \
	X(OTP_ERR_IDENTITY_EMAIL,        "identity_email",       UNTRUSTED,    "the token's email is not the mapped one") \
	X(OTP_ERR_IDENTITY_UNVERIFIED,   "identity_unverified",  UNTRUSTED,    "the token's email or phone number is not verified") \
	X(OTP_ERR_IDENTITY_PHONE,        "identity_phone",       UNTRUSTED,    "the token's phone number is not the mapped one") \
	X(OTP_ERR_IDENTITY_USERNAME,     "identity_username",    UNTRUSTED,    "the token's user name is not the mapped one") \
	X(OTP_ERR_IDENTITY_SUB,          "identity_sub",         UNTRUSTED,    "the token's sub is not the pinned one") \
	X(OTP_ERR_IDENTITY_GROUP,        "identity_group",       DENIED,       "the user is in none of the groups of require_group") \
	/* settings and files */ \
	X(OTP_ERR_CONFIG_OPEN,           "config_open",          SERVICE,      "a file named by the settings cannot be read") \
	X(OTP_ERR_CONFIG_UNSAFE,         "config_unsafe",        SERVICE,      "others than root could change or read a file") \
	X(OTP_ERR_CONFIG_SYNTAX,         "config_syntax",        SERVICE,      "a line is not `key = value`") \
	X(OTP_ERR_CONFIG_KEY,            "config_unknown_key",   SERVICE,      "no such setting") \
	X(OTP_ERR_CONFIG_VALUE,          "config_value",         SERVICE,      "a setting has a value that cannot be") \
	X(OTP_ERR_CONFIG_DUPLICATE,      "config_duplicate",     SERVICE,      "a setting or user appears twice") \
	X(OTP_ERR_CONFIG_MISSING,        "config_missing",       SERVICE,      "a required setting is missing") \
	X(OTP_ERR_MAP_SYNTAX,            "map_syntax",           SERVICE,      "a line of the user map is not `user kind:value`") \
	X(OTP_ERR_PINS_MISSING,          "pins_missing",         SERVICE,      "there is no file of pins for this pool") \
	X(OTP_ERR_PINS_SYNTAX,           "pins_syntax",          SERVICE,      "a line of the file of pins is not one that was written there") \
	/* this machine */ \
	X(OTP_ERR_STATE_UNSAFE,          "state_unsafe",         SYSTEM,       "the state directory is not root's alone") \
	X(OTP_ERR_STATE_IO,              "state_io",             SYSTEM,       "the state directory cannot be read or written") \
	X(OTP_ERR_TOKENS_SEALED,         "tokens_sealed",        SYSTEM,       "kept tokens cannot be opened") \
	X(OTP_ERR_MEMORY,                "memory",               MEMORY,       "out of memory") \
	X(OTP_ERR_SYSTEM,                "system",               SYSTEM,       "a system call failed") \
	X(OTP_ERR_CRYPTO,                "crypto",               SYSTEM,       "the cryptographic library failed") \
	X(OTP_ERR_HELPER_MISSING,        "helper_missing",       SERVICE,      "the helper program cannot be started, or its flow object cannot be loaded") \
	X(OTP_ERR_HELPER_UNSAFE,         "helper_unsafe",        SERVICE,      "the helper program or its flow object is not root's alone") \
	X(OTP_ERR_HELPER_DIED,           "helper_died",          SERVICE,      "the helper program ended without a verdict") \
	X(OTP_ERR_HELPER_SILENT,         "helper_silent",        SERVICE,      "the helper program did not answer in time") \
	X(OTP_ERR_HELPER_PROTOCOL,       "helper_protocol",      SERVICE,      "module and helper program do not speak the same language") \
	X(OTP_ERR_INTERNAL,              "internal",             SYSTEM,       "an impossible state was met")
/* clang-format on */

enum otp_err {
#define OTP_ERR_ENUM(name, reason, class, text) name,
	OTP_ERRORS(OTP_ERR_ENUM)
#undef OTP_ERR_ENUM
	OTP_ERR_COUNT
};

/* The word for the log; never NULL, also not for a number that is no error. */
const char *err_reason(enum otp_err err);

/* One English clause without a full stop, for messages to an administrator; never NULL. */
const char *err_text(enum otp_err err);

/* The class; a number that is no error has class OTP_CLASS_SYSTEM, so that it can never be a success. */
enum otp_class err_class(enum otp_err err);

#endif
