/*
 * cognito_error - see cognito_error.h.
 *
 * The status is a poor witness: real pools answer 400 whatever happened, newer models promise 401 to 429, and a firewall in front answers with whatever its
 * owner wrote. So the type decides, and the status only where there is none.
 */
#include "cognito_error.h"

#include <stdbool.h>
#include <string.h>

#include "json_doc.h"

enum { TYPE_MAX = 256, MESSAGE_MAX = 4096 };

struct cognito_exception {
	const char *type;
	enum otp_err err;
};

static const struct cognito_exception cognito_exceptions[] = {
	{ "CodeMismatchException", OTP_ERR_CODE_WRONG },
	{ "ExpiredCodeException", OTP_ERR_SESSION_EXPIRED },
	{ "UserNotFoundException", OTP_ERR_ACCOUNT_NOT_FOUND },
	{ "UserNotConfirmedException", OTP_ERR_ACCOUNT_NOT_CONFIRMED },
	{ "PasswordResetRequiredException", OTP_ERR_ACCOUNT_RESET },
	{ "UserLambdaValidationException", OTP_ERR_LAMBDA_DENIED },
	{ "UnexpectedLambdaException", OTP_ERR_LAMBDA_BROKEN },
	{ "InvalidLambdaResponseException", OTP_ERR_LAMBDA_BROKEN },
	{ "TooManyRequestsException", OTP_ERR_THROTTLED },
	{ "LimitExceededException", OTP_ERR_THROTTLED },
	{ "RequestLimitExceeded", OTP_ERR_THROTTLED },
	{ "TooManyFailedAttemptsException", OTP_ERR_LOCKED },
	{ "RefreshTokenReuseException", OTP_ERR_REFRESH_REUSED },
	{ "ResourceNotFoundException", OTP_ERR_CLIENT },
	{ "InvalidParameterException", OTP_ERR_PARAMETER },
	{ "SerializationException", OTP_ERR_PARAMETER },
	{ "UnknownOperationException", OTP_ERR_PARAMETER },
	{ "InvalidUserPoolConfigurationException", OTP_ERR_POOL_SETUP },
	{ "InvalidEmailRoleAccessPolicyException", OTP_ERR_POOL_SETUP },
	{ "InvalidSmsRoleAccessPolicyException", OTP_ERR_POOL_SETUP },
	{ "InvalidSmsRoleTrustRelationshipException", OTP_ERR_POOL_SETUP },
	{ "CodeDeliveryFailureException", OTP_ERR_POOL_SETUP },
	{ "FeatureUnavailableInTierException", OTP_ERR_POOL_SETUP },
	{ "UnsupportedOperationException", OTP_ERR_POOL_SETUP },
	{ "OperationNotEnabledException", OTP_ERR_POOL_SETUP },
	{ "ForbiddenException", OTP_ERR_FORBIDDEN },
	{ "AccessDeniedException", OTP_ERR_FORBIDDEN },
	{ "UnauthorizedException", OTP_ERR_REFUSED },
	{ "UnsupportedTokenTypeException", OTP_ERR_REFUSED },
	{ "AliasExistsException", OTP_ERR_REFUSED },
	{ "MFAMethodNotFoundException", OTP_ERR_REFUSED },
	{ "SoftwareTokenMFANotFoundException", OTP_ERR_REFUSED },
	{ "ServiceUnavailable", OTP_ERR_HTTP_STATUS },
};

/*
 * What the front of the service says of a signature, with or without "Exception" behind it, and what means something else where a call is
 * signed. A refusal there is about this host, and not about the person who logs in: it must never look like one of his.
 */
static const struct cognito_exception cognito_signed[] = {
	{ "AccessDenied", OTP_ERR_AWS_DENIED },
	{ "NotAuthorized", OTP_ERR_AWS_DENIED },
	{ "UnrecognizedClient", OTP_ERR_AWS_SIGNATURE },
	{ "InvalidClientTokenId", OTP_ERR_AWS_SIGNATURE },
	{ "InvalidSignature", OTP_ERR_AWS_SIGNATURE },
	{ "IncompleteSignature", OTP_ERR_AWS_SIGNATURE },
	{ "MissingAuthenticationToken", OTP_ERR_AWS_SIGNATURE },
	{ "SignatureDoesNotMatch", OTP_ERR_AWS_SIGNATURE },
	{ "RequestExpired", OTP_ERR_AWS_SIGNATURE },
	{ "ExpiredToken", OTP_ERR_AWS_EXPIRED },
	{ "ResourceNotFound", OTP_ERR_POOL_UNKNOWN },
	{ "UsernameExists", OTP_ERR_ACCOUNT_EXISTS },
	{ "AliasExists", OTP_ERR_ACCOUNT_EXISTS },
};

/* What NotAuthorizedException means stands in its text only. The texts are no contract: one that is not known is a plain refusal. */
static const struct cognito_exception cognito_refusals[] = {
	{ "session is expired", OTP_ERR_SESSION_EXPIRED },
	{ "only be used once", OTP_ERR_SESSION_USED },
	{ "Invalid session", OTP_ERR_SESSION_INVALID },
	{ "attempts exceeded", OTP_ERR_LOCKED },
	{ "User is disabled", OTP_ERR_ACCOUNT_DISABLED },
	{ "Refresh Token has been revoked", OTP_ERR_REFRESH_REFUSED },
	{ "Refresh Token has expired", OTP_ERR_REFRESH_REFUSED },
	{ "Invalid Refresh Token", OTP_ERR_REFRESH_REFUSED },
	{ "secret hash", OTP_ERR_SECRET_HASH },
	{ "SecretHash", OTP_ERR_SECRET_HASH },
	{ "SECRET_HASH", OTP_ERR_SECRET_HASH },
	{ "configured with secret", OTP_ERR_SECRET_HASH },
};

/* "ns#Type:http://..." is Type. Cuts `type` in place and returns where it begins. */
static const char *cognito_bare_type(char *type)
{
	char *hash;

	type[strcspn(type, ":")] = '\0';
	hash = strrchr(type, '#');
	return hash == NULL ? type : hash + 1;
}

static enum otp_err cognito_refusal(const char *message)
{
	for (size_t i = 0; i < sizeof(cognito_refusals) / sizeof(cognito_refusals[0]); i++) {
		if (strstr(message, cognito_refusals[i].type) != NULL)
			return cognito_refusals[i].err;
	}
	return OTP_ERR_REFUSED;
}

/* No type, or one that nobody knows: a proxy, a firewall's own page, a front end in trouble. */
static enum otp_err cognito_untyped(long status)
{
	if (status >= 500)
		return OTP_ERR_HTTP_STATUS;
	if (status == 429)
		return OTP_ERR_THROTTLED;
	if (status == 403 || status == 405)
		return OTP_ERR_FORBIDDEN;
	return OTP_ERR_API_UNKNOWN;
}

/* Families whose members come and go: ThrottlingException, ThrottledException; InternalErrorException, InternalError, InternalFailure. */
static enum otp_err cognito_family(const char *type, long status)
{
	if (strncmp(type, "Throttl", 7) == 0)
		return OTP_ERR_THROTTLED;
	if (strncmp(type, "Internal", 8) == 0)
		return OTP_ERR_HTTP_STATUS;
	if (status >= 500 || status == 429)
		return cognito_untyped(status);
	return OTP_ERR_API_UNKNOWN;
}

static bool cognito_is_type(const char *type, const char *name)
{
	size_t length = strlen(name);

	return strncmp(type, name, length) == 0 && (type[length] == '\0' || strcmp(type + length, "Exception") == 0);
}

/* OTP_OK: it means the same whether the call is signed or not. */
static enum otp_err cognito_typed_signed(const char *type)
{
	for (size_t i = 0; i < sizeof(cognito_signed) / sizeof(cognito_signed[0]); i++) {
		if (cognito_is_type(type, cognito_signed[i].type))
			return cognito_signed[i].err;
	}
	return OTP_OK;
}

static enum otp_err cognito_typed(const char *type, const char *message, long status)
{
	if (strcmp(type, "NotAuthorizedException") == 0)
		return cognito_refusal(message);
	for (size_t i = 0; i < sizeof(cognito_exceptions) / sizeof(cognito_exceptions[0]); i++) {
		if (strcmp(type, cognito_exceptions[i].type) == 0)
			return cognito_exceptions[i].err;
	}
	return cognito_family(type, status);
}

/* __type of the body, else `code`, else the header. False when there is none of them. */
static bool cognito_find_type(const struct json_value *root, const struct http_response *response, char *type, size_t size)
{
	const char *found = NULL;

	if (root == NULL || (json_get_string(root, "__type", 1, TYPE_MAX, &found) != OTP_OK && json_get_string(root, "code", 1, TYPE_MAX, &found) != OTP_OK))
		found = response->error_type;
	if (found[0] == '\0' || strlen(found) >= size)
		return false;
	memcpy(type, found, strlen(found) + 1);
	return true;
}

static const char *cognito_message(const struct json_value *root)
{
	const char *message = "";

	if (root != NULL && json_get_string(root, "message", 1, MESSAGE_MAX, &message) != OTP_OK)
		(void)json_get_string(root, "Message", 1, MESSAGE_MAX, &message);
	return message;
}

static enum otp_err cognito_error(const struct http_response *response, bool is_signed)
{
	struct json_doc *doc = NULL;
	const struct json_value *root = NULL;
	char type[TYPE_MAX + 1];
	const char *bare;
	enum otp_err err = OTP_OK;

	if (response->status >= 300 && response->status < 400)
		return OTP_ERR_HTTP_REDIRECT;
	if (json_doc_parse(secret_text(&response->body), response->body.length, &doc) == OTP_OK)
		root = json_doc_root(doc);
	if (cognito_find_type(root, response, type, sizeof(type))) {
		bare = cognito_bare_type(type);
		err = is_signed ? cognito_typed_signed(bare) : OTP_OK;
		if (err == OTP_OK)
			err = cognito_typed(bare, cognito_message(root), response->status);
	} else {
		err = cognito_untyped(response->status);
	}
	json_doc_free(doc);
	return err;
}

enum otp_err cognito_error_of(const struct http_response *response)
{
	return cognito_error(response, false);
}

enum otp_err cognito_error_of_signed(const struct http_response *response)
{
	return cognito_error(response, true);
}
