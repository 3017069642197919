/* What the service's exceptions mean, in every envelope in which they have been seen, and in some in which they have not. */
#include "assert_err.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "cognito_error.h"

#define TEXT(literal) literal, sizeof(literal) - 1

static bool is_signed; /* what the answer is one to */

static enum otp_err meaning(long status, const char *body, size_t length, const char *header)
{
	http_response_auto struct http_response response = HTTP_RESPONSE_NONE;

	response.status = status;
	assert_err("body", secret_set(&response.body, body, length), OTP_OK);
	assert_true(strlen(header) < sizeof(response.error_type));
	memcpy(response.error_type, header, strlen(header) + 1);
	return is_signed ? cognito_error_of_signed(&response) : cognito_error_of(&response);
}

static enum otp_err meaning_of_text(long status, const char *body, const char *header)
{
	return meaning(status, body, strlen(body), header);
}

static enum otp_err meaning_of_type(const char *type, const char *message)
{
	char body[512];

	(void)snprintf(body, sizeof(body), "{\"__type\":\"%s\",\"message\":\"%s\"}", type, message);
	return meaning_of_text(400, body, "");
}

static const struct {
	const char *type;
	enum otp_err wanted;
} types[] = {
	{ "CodeMismatchException", OTP_ERR_CODE_WRONG },
	{ "ExpiredCodeException", OTP_ERR_SESSION_EXPIRED },
	{ "NotAuthorizedException", OTP_ERR_REFUSED },
	{ "UserNotFoundException", OTP_ERR_ACCOUNT_NOT_FOUND },
	{ "UserNotConfirmedException", OTP_ERR_ACCOUNT_NOT_CONFIRMED },
	{ "PasswordResetRequiredException", OTP_ERR_ACCOUNT_RESET },
	{ "InvalidParameterException", OTP_ERR_PARAMETER },
	{ "UnsupportedOperationException", OTP_ERR_POOL_SETUP },
	{ "FeatureUnavailableInTierException", OTP_ERR_POOL_SETUP },
	{ "ResourceNotFoundException", OTP_ERR_CLIENT },
	{ "InvalidUserPoolConfigurationException", OTP_ERR_POOL_SETUP },
	{ "InvalidEmailRoleAccessPolicyException", OTP_ERR_POOL_SETUP },
	{ "InvalidSmsRoleAccessPolicyException", OTP_ERR_POOL_SETUP },
	{ "InvalidSmsRoleTrustRelationshipException", OTP_ERR_POOL_SETUP },
	{ "OperationNotEnabledException", OTP_ERR_POOL_SETUP },
	{ "CodeDeliveryFailureException", OTP_ERR_POOL_SETUP },
	{ "UserLambdaValidationException", OTP_ERR_LAMBDA_DENIED },
	{ "UnexpectedLambdaException", OTP_ERR_LAMBDA_BROKEN },
	{ "InvalidLambdaResponseException", OTP_ERR_LAMBDA_BROKEN },
	{ "TooManyRequestsException", OTP_ERR_THROTTLED },
	{ "LimitExceededException", OTP_ERR_THROTTLED },
	{ "ThrottlingException", OTP_ERR_THROTTLED },
	{ "RequestLimitExceeded", OTP_ERR_THROTTLED },
	{ "TooManyFailedAttemptsException", OTP_ERR_LOCKED },
	{ "ForbiddenException", OTP_ERR_FORBIDDEN },
	{ "AccessDeniedException", OTP_ERR_FORBIDDEN },
	{ "InternalErrorException", OTP_ERR_HTTP_STATUS },
	{ "InternalServerException", OTP_ERR_HTTP_STATUS },
	{ "SerializationException", OTP_ERR_PARAMETER },
	{ "UnknownOperationException", OTP_ERR_PARAMETER },
	{ "RefreshTokenReuseException", OTP_ERR_REFRESH_REUSED },
	{ "UnauthorizedException", OTP_ERR_REFUSED },
	{ "MFAMethodNotFoundException", OTP_ERR_REFUSED },
	{ "SoftwareTokenMFANotFoundException", OTP_ERR_REFUSED },
	{ "AliasExistsException", OTP_ERR_REFUSED },
	{ "SomethingNewException", OTP_ERR_API_UNKNOWN },
	{ "InvalidPasswordException", OTP_ERR_API_UNKNOWN },
	{ "codemismatchexception", OTP_ERR_API_UNKNOWN },
	{ "CodeMismatch", OTP_ERR_API_UNKNOWN },
	{ "CodeMismatchException2", OTP_ERR_API_UNKNOWN },
	{ " CodeMismatchException", OTP_ERR_API_UNKNOWN },
};

/* What means something else where the call is signed, and what the same words mean where it is not. */
static const struct {
	const char *type;
	enum otp_err with_signature;
	enum otp_err without;
} signed_types[] = {
	{ "AccessDeniedException", OTP_ERR_AWS_DENIED, OTP_ERR_FORBIDDEN },
	{ "AccessDenied", OTP_ERR_AWS_DENIED, OTP_ERR_API_UNKNOWN },
	{ "NotAuthorizedException", OTP_ERR_AWS_DENIED, OTP_ERR_REFUSED },
	{ "NotAuthorized", OTP_ERR_AWS_DENIED, OTP_ERR_API_UNKNOWN },
	{ "UnrecognizedClientException", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "InvalidSignatureException", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "IncompleteSignatureException", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "IncompleteSignature", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "MissingAuthenticationTokenException", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "SignatureDoesNotMatch", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "RequestExpired", OTP_ERR_AWS_SIGNATURE, OTP_ERR_API_UNKNOWN },
	{ "ExpiredTokenException", OTP_ERR_AWS_EXPIRED, OTP_ERR_API_UNKNOWN },
	{ "ResourceNotFoundException", OTP_ERR_POOL_UNKNOWN, OTP_ERR_CLIENT },
	{ "UsernameExistsException", OTP_ERR_ACCOUNT_EXISTS, OTP_ERR_API_UNKNOWN },
	{ "AliasExistsException", OTP_ERR_ACCOUNT_EXISTS, OTP_ERR_REFUSED },
	{ "UserNotFoundException", OTP_ERR_ACCOUNT_NOT_FOUND, OTP_ERR_ACCOUNT_NOT_FOUND },
	{ "InvalidParameterException", OTP_ERR_PARAMETER, OTP_ERR_PARAMETER },
	{ "TooManyRequestsException", OTP_ERR_THROTTLED, OTP_ERR_THROTTLED },
	{ "InternalErrorException", OTP_ERR_HTTP_STATUS, OTP_ERR_HTTP_STATUS },
	{ "ForbiddenException", OTP_ERR_FORBIDDEN, OTP_ERR_FORBIDDEN },
	{ "AccessDeniedExceptional", OTP_ERR_API_UNKNOWN, OTP_ERR_API_UNKNOWN },
	{ "ExpiredTokenExceptionException", OTP_ERR_API_UNKNOWN, OTP_ERR_API_UNKNOWN },
	{ "accessdeniedexception", OTP_ERR_API_UNKNOWN, OTP_ERR_API_UNKNOWN },
	{ "UnsupportedUserStateException", OTP_ERR_API_UNKNOWN, OTP_ERR_API_UNKNOWN },
};

static void test_signed_calls(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(signed_types); i++) {
		is_signed = true;
		assert_err(signed_types[i].type, meaning_of_type(signed_types[i].type, "User is disabled."), signed_types[i].with_signature);
		is_signed = false;
		assert_err(signed_types[i].type, meaning_of_type(signed_types[i].type, "some text"), signed_types[i].without);
	}
	is_signed = true;
	assert_err("header", meaning_of_text(403, "", "AccessDeniedException:"), OTP_ERR_AWS_DENIED);
	assert_err("namespace", meaning_of_text(400, "{\"__type\":\"com.amazon.coral.service#UnrecognizedClientException\"}", ""),
		   OTP_ERR_AWS_SIGNATURE);
	assert_err("no type", meaning_of_text(403, "<html>", ""), OTP_ERR_FORBIDDEN);
	is_signed = false;
}

static void test_types(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(types); i++)
		assert_err(types[i].type, meaning_of_type(types[i].type, "some text"), types[i].wanted);
}

static void test_the_type_decides_whatever_the_status_is(void **state)
{
	static const long statuses[] = { 400, 401, 403, 404, 405, 418, 429, 500, 503 };
	char body[128];

	(void)state;
	for (size_t i = 0; i < CASES(types); i++) {
		if (types[i].wanted == OTP_ERR_API_UNKNOWN)
			continue;
		(void)snprintf(body, sizeof(body), "{\"__type\":\"%s\"}", types[i].type);
		for (size_t k = 0; k < CASES(statuses); k++)
			assert_err(types[i].type, meaning_of_text(statuses[k], body, ""), types[i].wanted);
	}
}

/* cognito-wire.md 3.5: "Throttling*" is a rate limit, "InternalError*, 5xx" is an unavailable service. */
static void test_families_of_types(void **state)
{
	(void)state;
	assert_err("Throttling", meaning_of_type("Throttling", "Rate exceeded"), OTP_ERR_THROTTLED);
	assert_err("ThrottlingError", meaning_of_type("ThrottlingError", "Rate exceeded"), OTP_ERR_THROTTLED);
	assert_err("InternalError", meaning_of_type("InternalError", "x"), OTP_ERR_HTTP_STATUS);
}

static void test_an_unknown_type_with_a_telling_status(void **state)
{
	static const char body[] = "{\"__type\":\"SomethingNewException\"}";

	(void)state;
	assert_err("500", meaning_of_text(500, body, ""), OTP_ERR_HTTP_STATUS);
	assert_err("503", meaning_of_text(503, "{\"__type\":\"ServiceUnavailableException\"}", ""), OTP_ERR_HTTP_STATUS);
	assert_err("429", meaning_of_text(429, body, ""), OTP_ERR_THROTTLED);
	assert_err("400", meaning_of_text(400, body, ""), OTP_ERR_API_UNKNOWN);
}

static void test_not_authorized_by_its_text(void **state)
{
	static const struct {
		const char *message;
		enum otp_err wanted;
	} cases[] = {
		{ "Incorrect username or password.", OTP_ERR_REFUSED },
		{ "Unable to login because of security reasons.", OTP_ERR_REFUSED },
		{ "Invalid session for the user, session is expired.", OTP_ERR_SESSION_EXPIRED },
		{ "Invalid session for the user, session can only be used once.", OTP_ERR_SESSION_USED },
		{ "Invalid session provided", OTP_ERR_SESSION_INVALID },
		{ "Invalid session for the user.", OTP_ERR_SESSION_INVALID },
		{ "Password attempts exceeded", OTP_ERR_LOCKED },
		{ "User is disabled.", OTP_ERR_ACCOUNT_DISABLED },
		{ "Unable to verify secret hash for client 1example", OTP_ERR_SECRET_HASH },
		{ "SecretHash does not match for the client: 1example", OTP_ERR_SECRET_HASH },
		{ "Client 1example is configured with secret but SECRET_HASH was not received", OTP_ERR_SECRET_HASH },
		{ "Refresh Token has been revoked", OTP_ERR_REFRESH_REFUSED },
		{ "Refresh Token has expired", OTP_ERR_REFRESH_REFUSED },
		{ "Invalid Refresh Token", OTP_ERR_REFRESH_REFUSED },
		{ "Access Token has been revoked", OTP_ERR_REFUSED },
		{ "", OTP_ERR_REFUSED },
		{ "SUCCESS", OTP_ERR_REFUSED },
		{ "%s%n", OTP_ERR_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_err(cases[i].message, meaning_of_type("NotAuthorizedException", cases[i].message), cases[i].wanted);
}

static void test_the_text_refines_no_other_type(void **state)
{
	static const char *const messages[] = { "Invalid session for the user, session is expired.", "User is disabled.", "attempts exceeded", "secret hash" };

	(void)state;
	for (size_t i = 0; i < CASES(messages); i++) {
		assert_err(messages[i], meaning_of_type("CodeMismatchException", messages[i]), OTP_ERR_CODE_WRONG);
		assert_err(messages[i], meaning_of_type("InvalidParameterException", messages[i]), OTP_ERR_PARAMETER);
		assert_err(messages[i], meaning_of_type("SomethingNewException", messages[i]), OTP_ERR_API_UNKNOWN);
	}
}

static void test_where_the_text_is(void **state)
{
	static const struct {
		const char *body;
		enum otp_err wanted;
	} cases[] = {
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":\"User is disabled.\"}", OTP_ERR_ACCOUNT_DISABLED },
		{ "{\"__type\":\"NotAuthorizedException\",\"Message\":\"User is disabled.\"}", OTP_ERR_ACCOUNT_DISABLED },
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":null,\"Message\":\"User is disabled.\"}", OTP_ERR_ACCOUNT_DISABLED },
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":\"\",\"Message\":\"User is disabled.\"}", OTP_ERR_ACCOUNT_DISABLED },
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":1,\"Message\":\"User is disabled.\"}", OTP_ERR_ACCOUNT_DISABLED },
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":\"x\",\"Message\":\"User is disabled.\"}", OTP_ERR_REFUSED },
		{ "{\"__type\":\"NotAuthorizedException\",\"message\":[\"User is disabled.\"]}", OTP_ERR_REFUSED },
		{ "{\"__type\":\"NotAuthorizedException\",\"MESSAGE\":\"User is disabled.\"}", OTP_ERR_REFUSED },
		{ "{\"__type\":\"NotAuthorizedException\"}", OTP_ERR_REFUSED },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_err(cases[i].body, meaning_of_text(400, cases[i].body, ""), cases[i].wanted);
}

static void test_envelopes(void **state)
{
	static const struct {
		const char *body;
		const char *header;
		enum otp_err wanted;
	} cases[] = {
		{ "{\"__type\":\"com.amazonaws.cognito.identity.idp.model#CodeMismatchException\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"aws.cognito#CodeMismatchException\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"a#b#CodeMismatchException\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"CodeMismatchException:http://internal.amazon.com/coral/x/\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"ns#CodeMismatchException:http://internal/x#y\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"CodeMismatchException:\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"__type\":\"com.amazon.coral.service#SerializationException\"}", "", OTP_ERR_PARAMETER },
		{ "{\"__type\":\"com.amazon.coral.service#UnknownOperationException\",\"Message\":\"x\"}", "", OTP_ERR_PARAMETER },
		{ "{\"code\":\"CodeMismatchException\"}", "", OTP_ERR_CODE_WRONG },
		{ "{\"code\":\"ns#CodeMismatchException\"}", "", OTP_ERR_CODE_WRONG },
		{ "", "CodeMismatchException", OTP_ERR_CODE_WRONG },
		{ "", "CodeMismatchException:", OTP_ERR_CODE_WRONG },
		{ "", "CodeMismatchException:http://internal.amazon.com/", OTP_ERR_CODE_WRONG },
		{ "{}", "CodeMismatchException:", OTP_ERR_CODE_WRONG },
		{ "{\"message\":\"x\"}", "ns#CodeMismatchException:", OTP_ERR_CODE_WRONG },
		{ "<html>", "CodeMismatchException:", OTP_ERR_CODE_WRONG },
		/* the first that is there decides */
		{ "{\"__type\":\"CodeMismatchException\",\"code\":\"ForbiddenException\"}", "UserNotFoundException", OTP_ERR_CODE_WRONG },
		{ "{\"code\":\"ForbiddenException\"}", "UserNotFoundException", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":null,\"code\":\"ForbiddenException\"}", "", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":\"\",\"code\":\"ForbiddenException\"}", "", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":7,\"code\":\"ForbiddenException\"}", "", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":[\"CodeMismatchException\"],\"code\":\"ForbiddenException\"}", "", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":null}", "ForbiddenException:", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":\"\"}", "ForbiddenException:", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":7}", "ForbiddenException:", OTP_ERR_FORBIDDEN },
		{ "{\"__type\":{},\"code\":\"\"}", "ForbiddenException:", OTP_ERR_FORBIDDEN },
		/* none is there */
		{ "{\"__type\":null}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":\"\"}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":7}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":true,\"code\":false}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__Type\":\"CodeMismatchException\"}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"error\":{\"__type\":\"CodeMismatchException\"}}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":\":\"}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":\"#\"}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":\"CodeMismatchException#\"}", "", OTP_ERR_API_UNKNOWN },
		{ "{\"__type\":\":CodeMismatchException\"}", "", OTP_ERR_API_UNKNOWN },
		{ "", ":", OTP_ERR_API_UNKNOWN },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_err(cases[i].body, meaning_of_text(400, cases[i].body, cases[i].header), cases[i].wanted);
}

static void test_statuses_without_a_type(void **state)
{
	static const struct {
		long status;
		enum otp_err wanted;
	} cases[] = {
		{ 0, OTP_ERR_API_UNKNOWN },    { 100, OTP_ERR_API_UNKNOWN },   { 201, OTP_ERR_API_UNKNOWN },   { 204, OTP_ERR_API_UNKNOWN },
		{ 400, OTP_ERR_API_UNKNOWN },  { 401, OTP_ERR_API_UNKNOWN },   { 403, OTP_ERR_FORBIDDEN },     { 404, OTP_ERR_API_UNKNOWN },
		{ 405, OTP_ERR_FORBIDDEN },    { 407, OTP_ERR_API_UNKNOWN },   { 413, OTP_ERR_API_UNKNOWN },   { 429, OTP_ERR_THROTTLED },
		{ 499, OTP_ERR_API_UNKNOWN },  { 500, OTP_ERR_HTTP_STATUS },   { 502, OTP_ERR_HTTP_STATUS },   { 503, OTP_ERR_HTTP_STATUS },
		{ 504, OTP_ERR_HTTP_STATUS },  { 599, OTP_ERR_HTTP_STATUS },   { 300, OTP_ERR_HTTP_REDIRECT }, { 301, OTP_ERR_HTTP_REDIRECT },
		{ 302, OTP_ERR_HTTP_REDIRECT }, { 307, OTP_ERR_HTTP_REDIRECT }, { 308, OTP_ERR_HTTP_REDIRECT }, { 399, OTP_ERR_HTTP_REDIRECT },
	};
	static const char *const bodies[] = { "", "{}", "<html><body>Bad Gateway</body></html>", "{\"__type\":\"Code", "[]", "null" };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		for (size_t k = 0; k < CASES(bodies); k++)
			assert_err(bodies[k], meaning_of_text(cases[i].status, bodies[k], ""), cases[i].wanted);
	}
}

static void test_a_redirect_is_one_whatever_it_says(void **state)
{
	(void)state;
	assert_err("a type", meaning_of_text(302, "{\"__type\":\"CodeMismatchException\"}", "CodeMismatchException"), OTP_ERR_HTTP_REDIRECT);
}

/* What is no JSON by our contract has no type. */
static void test_hostile_bodies(void **state)
{
	static const struct {
		const char *body;
		size_t length;
	} cases[] = {
		{ TEXT("{\"__type\":\"CodeMismatchException\",\"__type\":\"CodeMismatchException\"}") },
		{ TEXT("{\"__type\":\"CodeMismatchException\"}{}") },
		{ TEXT("{\"__type\":\"CodeMismatchException\\u0000\"}") },
		{ TEXT("{\"__type\":\"CodeMismatchException\0\"}") },
		{ TEXT("{\"__type\":\"CodeMismatchException\"}\0") },
		{ TEXT("{\"__type\":\"CodeMismatchException\",\"message\":\"\xff\"}") },
		{ TEXT("[{\"__type\":\"CodeMismatchException\"}]") },
		{ TEXT("\"CodeMismatchException\"") },
		{ TEXT("\0") },
	};

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		assert_err(cases[i].body, meaning(400, cases[i].body, cases[i].length, ""), OTP_ERR_API_UNKNOWN);
}

static void test_long_types_and_texts(void **state)
{
	static const char filler[5000] = { [0 ... 4998] = 'x' };
	char body[6000];

	(void)state;
	(void)snprintf(body, sizeof(body), "{\"__type\":\"%.200s#CodeMismatchException\"}", filler);
	assert_err("a long name space", meaning_of_text(400, body, ""), OTP_ERR_CODE_WRONG);
	(void)snprintf(body, sizeof(body), "{\"__type\":\"%.300s#CodeMismatchException\"}", filler);
	assert_err("too long", meaning_of_text(400, body, ""), OTP_ERR_API_UNKNOWN);
	assert_err("too long, but a header", meaning_of_text(400, body, "ForbiddenException"), OTP_ERR_FORBIDDEN);
	(void)snprintf(body, sizeof(body), "{\"__type\":\"NotAuthorizedException\",\"message\":\"%.4000sUser is disabled.\"}", filler);
	assert_err("a long text", meaning_of_text(400, body, ""), OTP_ERR_ACCOUNT_DISABLED);
	(void)snprintf(body, sizeof(body), "{\"__type\":\"NotAuthorizedException\",\"message\":\"User is disabled.%.4990s\"}", filler);
	assert_err("too long a text", meaning_of_text(400, body, ""), OTP_ERR_REFUSED);
}

static void test_nothing_is_ever_ok(void **state)
{
	static const char *const bodies[] = { "", "{}", "{\"__type\":\"OK\"}", "{\"AuthenticationResult\":{}}", "{\"__type\":\"verified\"}" };

	(void)state;
	for (long status = 0; status < 700; status++) {
		for (size_t i = 0; i < CASES(bodies); i++) {
			enum otp_err err = meaning_of_text(status, bodies[i], "");

			if (err_class(err) == OTP_CLASS_SUCCESS || err_class(err) == OTP_CLASS_IGNORED)
				fail_msg("%ld %s", status, bodies[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_types),
		cmocka_unit_test(test_signed_calls),
		cmocka_unit_test(test_the_type_decides_whatever_the_status_is),
		cmocka_unit_test(test_families_of_types),
		cmocka_unit_test(test_an_unknown_type_with_a_telling_status),
		cmocka_unit_test(test_not_authorized_by_its_text),
		cmocka_unit_test(test_the_text_refines_no_other_type),
		cmocka_unit_test(test_where_the_text_is),
		cmocka_unit_test(test_envelopes),
		cmocka_unit_test(test_statuses_without_a_type),
		cmocka_unit_test(test_a_redirect_is_one_whatever_it_says),
		cmocka_unit_test(test_hostile_bodies),
		cmocka_unit_test(test_long_types_and_texts),
		cmocka_unit_test(test_nothing_is_ever_ok),
	};

	return cmocka_run_group_tests_name("cognito_error", tests, NULL, NULL);
}
