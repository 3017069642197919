/*
 * What one PAM handle remembers; time is moved by the tests (linked with --wrap=clock_gettime), and the handle's data are kept here: libpam gives them to
 * modules only.
 */
#include "assert_err.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <security/pam_modules.h>

#include "pam_state.h"

enum { DATA_MAX = 4, MINUTE_MS = 60 * 1000 };

struct pam_handle {
	struct {
		char *name;
		void *data;
		void (*clean)(pam_handle_t *pamh, void *data, int error_status);
	} data[DATA_MAX];
};

static pam_handle_t handle;
static int64_t now_ms;

int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now)
{
	if (clock != CLOCK_MONOTONIC)
		return -1;
	now->tv_sec = now_ms / 1000;
	now->tv_nsec = now_ms % 1000 * 1000000;
	return 0;
}

static void forget(pam_handle_t *pamh, size_t i)
{
	if (pamh->data[i].name != NULL && pamh->data[i].clean != NULL)
		pamh->data[i].clean(pamh, pamh->data[i].data, 0);
	free(pamh->data[i].name);
	pamh->data[i].name = NULL;
}

int pam_set_data(pam_handle_t *pamh, const char *name, void *data, void (*clean)(pam_handle_t *pamh, void *data, int error_status))
{
	size_t i = 0;

	while (i < DATA_MAX - 1 && pamh->data[i].name != NULL && strcmp(pamh->data[i].name, name) != 0)
		i++;
	forget(pamh, i);
	pamh->data[i].name = strdup(name);
	pamh->data[i].data = data;
	pamh->data[i].clean = clean;
	return PAM_SUCCESS;
}

int pam_get_data(const pam_handle_t *pamh, const char *name, const void **data)
{
	for (size_t i = 0; i < DATA_MAX; i++) {
		if (pamh->data[i].name != NULL && strcmp(pamh->data[i].name, name) == 0) {
			*data = pamh->data[i].data;
			return PAM_SUCCESS;
		}
	}
	return PAM_NO_MODULE_DATA;
}

static int begin(void **state)
{
	(void)state;
	for (size_t i = 0; i < DATA_MAX; i++)
		forget(&handle, i);
	now_ms = 5000;
	return 0;
}

static const char *const line_a[] = { "config=/etc/a.conf", "debug" };
static const char *const line_b[] = { "config=/etc/b.conf", "debug" };
static const struct pam_state_key alice = { "alice", NULL, 0 };
static const struct pam_state_key bob = { "bob", NULL, 0 };
static const struct pam_state_key alice_a = { "alice", line_a, 2 };
static const struct pam_state_key alice_b = { "alice", line_b, 2 };

/* Whoever waited for an outage does not wait again, whatever name is typed, and for a minute only. */
static void test_outage_lasts_a_minute(void **state)
{
	(void)state;
	pam_state_keep(&handle, &alice, OTP_ERR_NET_TIMEOUT);
	assert_err("alice, at once", pam_state_recall(&handle, &alice), OTP_ERR_NET_TIMEOUT);
	assert_err("bob, at once", pam_state_recall(&handle, &bob), OTP_ERR_NET_TIMEOUT);
	now_ms += MINUTE_MS - 1;
	assert_err("59.999 s later", pam_state_recall(&handle, &alice), OTP_ERR_NET_TIMEOUT);
	now_ms += 1;
	assert_err("alice, 60 s later", pam_state_recall(&handle, &alice), OTP_OK);
	assert_err("bob, 60 s later", pam_state_recall(&handle, &bob), OTP_OK);
}

/* A screen lock asks on one handle for ever: an outage that goes on is remembered from its last attempt. */
static void test_minute_begins_with_the_attempt(void **state)
{
	(void)state;
	pam_state_keep(&handle, &alice, OTP_ERR_NET_TIMEOUT);
	now_ms += MINUTE_MS;
	assert_err("60 s later", pam_state_recall(&handle, &alice), OTP_OK);
	pam_state_keep(&handle, &alice, OTP_ERR_NET_DNS);
	now_ms += MINUTE_MS - 1;
	assert_err("59.999 s after the second attempt", pam_state_recall(&handle, &alice), OTP_ERR_NET_DNS);
}

/* Spent tries are one person's, and are called by another name later. */
static void test_spent_tries_are_one_persons(void **state)
{
	(void)state;
	pam_state_keep(&handle, &alice, OTP_ERR_TRIES);
	assert_err("alice", pam_state_recall(&handle, &alice), OTP_ERR_TRIES_BEFORE);
	assert_err("bob", pam_state_recall(&handle, &bob), OTP_OK);
	now_ms += MINUTE_MS;
	assert_err("alice, 60 s later", pam_state_recall(&handle, &alice), OTP_OK);
}

/* A stack may have two lines: what one met says nothing of the other, and the second does not wipe out what the first remembers. */
static void test_each_line_remembers_for_itself(void **state)
{
	(void)state;
	pam_state_keep(&handle, &alice_a, OTP_ERR_NET_CONNECT);
	assert_err("line b", pam_state_recall(&handle, &alice_b), OTP_OK);
	assert_err("a line without arguments", pam_state_recall(&handle, &alice), OTP_OK);
	pam_state_keep(&handle, &alice_b, OTP_ERR_TRIES);
	assert_err("line a", pam_state_recall(&handle, &alice_a), OTP_ERR_NET_CONNECT);
	assert_err("line b has its own", pam_state_recall(&handle, &alice_b), OTP_ERR_TRIES_BEFORE);
}

/* What another answer or another call may change is not remembered. */
static void test_other_results_are_forgotten(void **state)
{
	static const enum otp_err results[] = { OTP_OK, OTP_ERR_NO_ANSWER, OTP_ERR_REFUSED, OTP_ERR_USER_UNKNOWN, OTP_ERR_CONVERSATION };

	(void)state;
	for (size_t i = 0; i < CASES(results); i++) {
		pam_state_keep(&handle, &alice, results[i]);
		assert_err(err_reason(results[i]), pam_state_recall(&handle, &alice), OTP_OK);
	}
}

/* Who of several people has come in is one user's, until somebody else does or nobody. */
static void test_the_person(void **state)
{
	(void)state;
	assert_string_equal(pam_state_person(&handle, "deploy"), "");
	assert_true(pam_state_keep_person(&handle, "deploy", "alice@example.com"));
	assert_string_equal(pam_state_person(&handle, "deploy"), "alice@example.com");
	assert_string_equal(pam_state_person(&handle, "deployer"), "");
	assert_string_equal(pam_state_person(&handle, ""), "");
	assert_true(pam_state_keep_person(&handle, "deploy", "bob@example.com"));
	assert_string_equal(pam_state_person(&handle, "deploy"), "bob@example.com");
	assert_true(pam_state_keep_person(&handle, "alice", ""));
	assert_string_equal(pam_state_person(&handle, "deploy"), "");
	assert_string_equal(pam_state_person(&handle, "alice"), "");
}

static void test_a_long_person_is_cut(void **state)
{
	char person[WIRE_PERSON_MAX + 10];

	(void)state;
	memset(person, 'x', sizeof(person));
	person[sizeof(person) - 1] = '\0';
	assert_true(pam_state_keep_person(&handle, "deploy", person));
	assert_int_equal(strlen(pam_state_person(&handle, "deploy")), WIRE_PERSON_MAX);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_outage_lasts_a_minute, begin, begin),
		cmocka_unit_test_setup_teardown(test_minute_begins_with_the_attempt, begin, begin),
		cmocka_unit_test_setup_teardown(test_spent_tries_are_one_persons, begin, begin),
		cmocka_unit_test_setup_teardown(test_each_line_remembers_for_itself, begin, begin),
		cmocka_unit_test_setup_teardown(test_other_results_are_forgotten, begin, begin),
		cmocka_unit_test_setup_teardown(test_the_person, begin, begin),
		cmocka_unit_test_setup_teardown(test_a_long_person_is_cut, begin, begin),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
