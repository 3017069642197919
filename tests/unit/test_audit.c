/* One line with fixed keys in a fixed order, whatever the values are. */
#include "assert_err.h"

#include <stdio.h>
#include <string.h>

#include "audit.h"

static const struct note no_note = { "" };

static struct audit an_audit(enum otp_err reason)
{
	struct audit audit = { reason, reason, "alice", "alice@example.com", "sshd", "192.0.2.1", "remote", "", &no_note, "", "" };

	return audit;
}

static void assert_line(const struct audit *audit, const char *wanted)
{
	char line[WIRE_LINE_MAX + 1];

	audit_line(audit, line);
	assert_string_equal(line, wanted);
}

static void test_events(void **state)
{
	struct audit audit = an_audit(OTP_OK);

	(void)state;
	assert_line(&audit, "event=accepted reason=verified user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote");
	audit.result = audit.reason = OTP_IGNORED;
	assert_line(&audit,
		    "event=ignored reason=unmapped_ignored user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote");
	audit.result = audit.reason = OTP_ERR_CODE_WRONG;
	assert_line(&audit, "event=denied reason=code_wrong user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote");
}

static void test_nothing_but_ok_is_accepted(void **state)
{
	(void)state;
	for (int err = 1; err <= OTP_ERR_COUNT; err++) {
		struct audit audit = an_audit((enum otp_err)err);
		char line[WIRE_LINE_MAX + 1];

		audit_line(&audit, line);
		if (strncmp(line, err == OTP_IGNORED ? "event=ignored " : "event=denied ", 13) != 0)
			fail_msg("%s", line);
	}
}

/* A system user goes on though nobody can be judged: not accepted, and the reason is still told. */
static void test_the_account_phase(void **state)
{
	struct note note = { "/etc/x:3: key: no such setting" };
	struct audit audit = an_audit(OTP_OK);

	(void)state;
	audit.phase = "account";
	audit.caller = "key";
	assert_line(&audit, "event=accepted reason=verified user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=key "
			    "phase=account");
	audit.reason = OTP_ERR_CONFIG_KEY;
	audit.note = &note;
	assert_line(&audit, "event=ignored reason=config_unknown_key user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=key "
			    "phase=account detail=\"/etc/x:3: key: no such setting\"");
	audit.result = OTP_ERR_ACCOUNT_DISABLED;
	audit.reason = OTP_ERR_ACCOUNT_DISABLED;
	audit.note = &no_note;
	audit.request_id = "f7e2-11";
	assert_line(&audit, "event=denied reason=account_disabled user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=key "
			    "phase=account request_id=f7e2-11");
}

static void test_fields_that_may_be_missing(void **state)
{
	struct note note = { "/etc/x:3: key: no such setting" };
	struct audit audit = { OTP_ERR_CONFIG_KEY, OTP_ERR_CONFIG_KEY, "", "", "", "", "", "", &no_note, "", "" };

	(void)state;
	assert_line(&audit, "event=denied reason=config_unknown_key user=- cognito=- service=- origin=- caller=-");
	audit.request_id = "f7e2-11";
	assert_line(&audit, "event=denied reason=config_unknown_key user=- cognito=- service=- origin=- caller=- request_id=f7e2-11");
	audit.note = &note;
	assert_line(&audit, "event=denied reason=config_unknown_key user=- cognito=- service=- origin=- caller=- request_id=f7e2-11 "
			    "detail=\"/etc/x:3: key: no such setting\"");
	audit.request_id = "";
	assert_line(&audit, "event=denied reason=config_unknown_key user=- cognito=- service=- origin=- caller=- "
			    "detail=\"/etc/x:3: key: no such setting\"");
}

/* The note then is what an earlier, overcome trouble left behind. */
static void test_a_success_has_no_detail(void **state)
{
	struct note note = { "https://example.com: status 500" };
	struct audit audit = an_audit(OTP_OK);

	(void)state;
	audit.note = &note;
	assert_line(&audit, "event=accepted reason=verified user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote");
}

static void test_what_it_was_accepted_by(void **state)
{
	struct audit audit = an_audit(OTP_OK);

	(void)state;
	audit.by = "cache";
	assert_line(&audit, "event=accepted reason=verified user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote by=cache");
	audit.result = audit.reason = OTP_ERR_CODE_WRONG;
	assert_line(&audit, "event=denied reason=code_wrong user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote");
}

static void test_a_value_cannot_forge_a_field(void **state)
{
	struct audit audit = { OTP_ERR_CODE_WRONG,
			       OTP_ERR_CODE_WRONG,
			       "a reason=verified",
			       "a\"b",
			       "s\\d",
			       "h\nevent=accepted",
			       "k'",
			       "1 \x1b[2J\xe2\x80\xae=",
			       &no_note,
			       "",
			       "" };

	(void)state;
	assert_line(&audit, "event=denied reason=code_wrong user=a?reason?verified cognito=a?b service=s?d origin=h?event?accepted caller=k? "
			    "request_id=1??[2J????");
}

static void test_a_detail_cannot_end_its_quotes(void **state)
{
	struct note note = { "x\" event=accepted reason=\"verified\n\x7f\xc3\xa9" };
	struct audit audit = an_audit(OTP_ERR_CONFIG_VALUE);

	(void)state;
	audit.note = &note;
	assert_line(&audit, "event=denied reason=config_value user=alice cognito=alice@example.com service=sshd origin=192.0.2.1 caller=remote "
			    "detail=\"x' event=accepted reason='verified????\"");
}

static void test_long_values_are_cut_and_the_line_stays_within_its_limit(void **state)
{
	char longer[2048];
	char value[129];
	char wanted[WIRE_LINE_MAX + 1];
	char line[WIRE_LINE_MAX + 1];
	struct note note;
	struct audit audit = { OTP_ERR_ACCOUNT_RESET, OTP_ERR_ACCOUNT_RESET, longer, longer, longer, longer, longer, longer, &note, "", "" };

	(void)state;
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	memset(value, 'x', sizeof(value) - 1);
	value[sizeof(value) - 1] = '\0';
	memset(&note, 'n', sizeof(note));
	note.text[sizeof(note.text) - 1] = '\0';
	(void)snprintf(wanted, sizeof(wanted), "event=denied reason=account_reset_required user=%s cognito=%s service=%s origin=%s caller=%s request_id=%s",
		       value, value, value, value, value, value);
	audit_line(&audit, line);
	assert_memory_equal(line, wanted, strlen(wanted)); /* a detail is last, and the first to go */
	assert_true(strlen(line) <= WIRE_LINE_MAX);
	assert_null(strchr(line, '\n'));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_events),
		cmocka_unit_test(test_nothing_but_ok_is_accepted),
		cmocka_unit_test(test_the_account_phase),
		cmocka_unit_test(test_fields_that_may_be_missing),
		cmocka_unit_test(test_a_success_has_no_detail),
		cmocka_unit_test(test_what_it_was_accepted_by),
		cmocka_unit_test(test_a_value_cannot_forge_a_field),
		cmocka_unit_test(test_a_detail_cannot_end_its_quotes),
		cmocka_unit_test(test_long_values_are_cut_and_the_line_stays_within_its_limit),
	};

	return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
