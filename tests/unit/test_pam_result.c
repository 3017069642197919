/* Which PAM code and which syslog level each error has. */
#include "assert_err.h"

#include <stdbool.h>
#include <syslog.h>

#include <security/_pam_types.h>

#include "pam_result.h"

/* One error of each class, and those that administrators relax or attackers would like to bring about. */
static const struct {
	enum otp_err err;
	int code;
	int level;
} cases[] = {
	{ OTP_OK, PAM_SUCCESS, LOG_INFO },
	{ OTP_IGNORED, PAM_IGNORE, LOG_INFO },
	{ OTP_ERR_CONVERSATION, PAM_CONV_ERR, LOG_NOTICE },
	{ OTP_ERR_NO_ANSWER, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_TRIES, PAM_MAXTRIES, LOG_WARNING },
	{ OTP_ERR_TRIES_BEFORE, PAM_MAXTRIES, LOG_WARNING },
	{ OTP_ERR_MAILS, PAM_MAXTRIES, LOG_WARNING },
	{ OTP_ERR_THROTTLED, PAM_MAXTRIES, LOG_WARNING },
	{ OTP_ERR_LOCKED, PAM_MAXTRIES, LOG_WARNING },
	{ OTP_ERR_USER_UNKNOWN, PAM_USER_UNKNOWN, LOG_NOTICE },
	{ OTP_ERR_USER_NAME, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_USER_UNMAPPED, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_USER_REFUSED_BY_HOST, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_USER_CHANGED, PAM_AUTH_ERR, LOG_ALERT },
	{ OTP_ERR_USER_ROOT, PAM_PERM_DENIED, LOG_NOTICE },
	{ OTP_ERR_USER_SYSTEM, PAM_PERM_DENIED, LOG_NOTICE },
	{ OTP_ERR_USER_FILTERED, PAM_PERM_DENIED, LOG_NOTICE },
	{ OTP_ERR_CODE_WRONG, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_REFUSED, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_ACCOUNT_NOT_FOUND, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_IDENTITY_GROUP, PAM_AUTH_ERR, LOG_NOTICE },
	{ OTP_ERR_IDENTITY_EMAIL, PAM_AUTH_ERR, LOG_ALERT },
	{ OTP_ERR_JWT_SIGNATURE, PAM_AUTH_ERR, LOG_ALERT },
	{ OTP_ERR_RESPONSE_EARLY, PAM_AUTH_ERR, LOG_ALERT },
	{ OTP_ERR_TLS_CERTIFICATE, PAM_AUTH_ERR, LOG_ALERT },
	{ OTP_ERR_NET_DNS, PAM_AUTHINFO_UNAVAIL, LOG_ERR },
	{ OTP_ERR_NET_TIMEOUT, PAM_AUTHINFO_UNAVAIL, LOG_ERR },
	{ OTP_ERR_HTTP_STATUS, PAM_AUTHINFO_UNAVAIL, LOG_ERR },
	{ OTP_ERR_HTTP_REDIRECT, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_CLOCK, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_FORBIDDEN, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_CONFIG_VALUE, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_CONFIG_UNSAFE, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_MAP_SYNTAX, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_HELPER_DIED, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_HELPER_PROTOCOL, PAM_SERVICE_ERR, LOG_ERR },
	{ OTP_ERR_STATE_UNSAFE, PAM_SYSTEM_ERR, LOG_ERR },
	{ OTP_ERR_SYSTEM, PAM_SYSTEM_ERR, LOG_ERR },
	{ OTP_ERR_INTERNAL, PAM_SYSTEM_ERR, LOG_ERR },
	{ OTP_ERR_MEMORY, PAM_BUF_ERR, LOG_ERR },
};

static void test_codes(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		if (pam_result_of(cases[i].err) != cases[i].code)
			fail_msg("%s: %d, not %d", err_reason(cases[i].err), pam_result_of(cases[i].err), cases[i].code);
	}
}

/* One of each class: what the account phase answers. */
static const struct {
	enum otp_err err;
	int code;
} account_cases[] = {
	{ OTP_OK, PAM_SUCCESS },
	{ OTP_IGNORED, PAM_SYSTEM_ERR },
	{ OTP_ERR_ACCOUNT_DISABLED, PAM_PERM_DENIED },
	{ OTP_ERR_ACCOUNT_NOT_FOUND, PAM_PERM_DENIED },
	{ OTP_ERR_ACCOUNT_NOT_CONFIRMED, PAM_PERM_DENIED },
	{ OTP_ERR_IDENTITY_SUB, PAM_PERM_DENIED },
	{ OTP_ERR_TLS_CERTIFICATE, PAM_PERM_DENIED },
	{ OTP_ERR_USER_FILTERED, PAM_PERM_DENIED },
	{ OTP_ERR_USER_SHARED, PAM_PERM_DENIED },
	{ OTP_ERR_USER_NAME, PAM_PERM_DENIED },
	{ OTP_ERR_USER_UNKNOWN, PAM_PERM_DENIED },
	{ OTP_ERR_THROTTLED, PAM_AUTHINFO_UNAVAIL },
	{ OTP_ERR_NET_TIMEOUT, PAM_AUTHINFO_UNAVAIL },
	{ OTP_ERR_HTTP_STATUS, PAM_AUTHINFO_UNAVAIL },
	{ OTP_ERR_AWS_CREDENTIALS, PAM_SERVICE_ERR },
	{ OTP_ERR_CONFIG_VALUE, PAM_SERVICE_ERR },
	{ OTP_ERR_HELPER_MISSING, PAM_SERVICE_ERR },
	{ OTP_ERR_SYSTEM, PAM_SYSTEM_ERR },
	{ OTP_ERR_CONVERSATION, PAM_SYSTEM_ERR },
	{ OTP_ERR_MEMORY, PAM_BUF_ERR },
};

static void test_codes_of_the_account_phase(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(account_cases); i++) {
		if (pam_result_of_account(account_cases[i].err) != account_cases[i].code)
			fail_msg("%s: %d, not %d", err_reason(account_cases[i].err), pam_result_of_account(account_cases[i].err), account_cases[i].code);
	}
}

/* PAM_SUCCESS has one cause; no code is one that stacks ignore, or that programs take for something to be done by the person. */
static void test_account_codes_that_have_one_cause(void **state)
{
	(void)state;
	for (int i = -1; i <= OTP_ERR_COUNT; i++) {
		int code = pam_result_of_account((enum otp_err)i);

		assert_int_equal(code == PAM_SUCCESS, i == OTP_OK);
		assert_int_not_equal(code, PAM_IGNORE);
		assert_int_not_equal(code, PAM_USER_UNKNOWN);
		assert_int_not_equal(code, PAM_MAXTRIES);
		assert_int_not_equal(code, PAM_NEW_AUTHTOK_REQD);
		assert_int_not_equal(code, PAM_ACCT_EXPIRED);
	}
}

static void test_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		if (pam_result_level(cases[i].err) != cases[i].level)
			fail_msg("%s: %d, not %d", err_reason(cases[i].err), pam_result_level(cases[i].err), cases[i].level);
	}
}

static void test_every_class_has_a_case(void **state)
{
	bool seen[OTP_CLASS_CONVERSATION + 1] = { false };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++)
		seen[err_class(cases[i].err)] = true;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		if (!seen[err_class((enum otp_err)i)])
			fail_msg("no error of the class of %s is tested", err_reason((enum otp_err)i));
	}
}

/* From authenticate these reveal state, change the application's course, or are relaxed by administrators (CVE-2025-23013). */
static void test_codes_that_have_one_cause(void **state)
{
	(void)state;
	for (int i = 0; i < OTP_ERR_COUNT; i++) {
		enum otp_err err = (enum otp_err)i;
		int code = pam_result_of(err);

		assert_int_equal(code == PAM_SUCCESS, err == OTP_OK);
		assert_int_equal(code == PAM_IGNORE, err == OTP_IGNORED);
		assert_int_equal(code == PAM_USER_UNKNOWN, err == OTP_ERR_USER_UNKNOWN);
		assert_int_equal(code == PAM_AUTHINFO_UNAVAIL, err_class(err) == OTP_CLASS_UNREACHABLE);
		assert_int_not_equal(code, PAM_ACCT_EXPIRED);
		assert_int_not_equal(code, PAM_NEW_AUTHTOK_REQD);
		assert_int_not_equal(code, PAM_INCOMPLETE);
	}
}

static void test_a_number_that_is_no_error_is_a_failure(void **state)
{
	static const int numbers[] = { -1, OTP_ERR_COUNT, OTP_ERR_COUNT + 1, 1000000, INT32_MIN, INT32_MAX };

	(void)state;
	for (size_t i = 0; i < CASES(numbers); i++) {
		assert_int_equal(pam_result_of((enum otp_err)numbers[i]), PAM_SYSTEM_ERR);
		assert_int_equal(pam_result_level((enum otp_err)numbers[i]), LOG_ERR);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_codes),
		cmocka_unit_test(test_codes_of_the_account_phase),
		cmocka_unit_test(test_account_codes_that_have_one_cause),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_every_class_has_a_case),
		cmocka_unit_test(test_codes_that_have_one_cause),
		cmocka_unit_test(test_a_number_that_is_no_error_is_a_failure),
	};

	return cmocka_run_group_tests_name("pam_result", tests, NULL, NULL);
}
