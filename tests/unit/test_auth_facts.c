/* Only all facts together, each exactly the constant, are a login. */
#include "assert_err.h"

#include <string.h>

#include "auth_facts.h"

enum { FACTS = 9 };

/* A new fact must be added to the list below. */
_Static_assert(sizeof(struct auth_facts) == FACTS * sizeof(uint32_t), "test_auth_facts.c does not know all facts");

static struct auth_facts all_shown(void)
{
	struct auth_facts facts = { AUTH_FACT_SHOWN, AUTH_FACT_SHOWN, AUTH_FACT_SHOWN, AUTH_FACT_SHOWN, AUTH_FACT_SHOWN,
				    AUTH_FACT_SHOWN, AUTH_FACT_SHOWN, AUTH_FACT_SHOWN, AUTH_FACT_SHOWN };

	return facts;
}

static uint32_t *fact_at(struct auth_facts *facts, size_t index)
{
	uint32_t *const all[FACTS] = { &facts->user_allowed,	&facts->challenge_opened, &facts->code_accepted, &facts->id_verified,
				       &facts->access_verified, &facts->identity_held,	  &facts->pin_held,	 &facts->group_held,
				       &facts->user_unchanged };

	return all[index];
}

static void assert_one_wrong(uint32_t value)
{
	for (size_t i = 0; i < FACTS; i++) {
		struct auth_facts facts = all_shown();

		*fact_at(&facts, i) = value;
		if (auth_facts_verdict(&facts) != OTP_ERR_INTERNAL)
			fail_msg("fact %zu with value %#x is a login", i, value);
	}
}

static void test_all_facts_are_a_login(void **state)
{
	struct auth_facts facts = all_shown();

	(void)state;
	assert_err("all", auth_facts_verdict(&facts), OTP_OK);
}

static void test_each_fact_is_needed(void **state)
{
	(void)state;
	assert_one_wrong(0);
}

static void test_no_other_value_is_a_fact(void **state)
{
	static const uint32_t values[] = { 1, 2, 0xff, UINT32_MAX, ~AUTH_FACT_SHOWN, AUTH_FACT_SHOWN + 1, AUTH_FACT_SHOWN - 1, AUTH_FACT_SHOWN << 1 };

	(void)state;
	for (size_t i = 0; i < CASES(values); i++)
		assert_one_wrong(values[i]);
}

static void test_a_flipped_bit_is_no_login(void **state)
{
	(void)state;
	for (unsigned int bit = 0; bit < 32; bit++)
		assert_one_wrong(AUTH_FACT_SHOWN ^ (UINT32_C(1) << bit));
}

static void test_one_fact_alone_is_nothing(void **state)
{
	(void)state;
	for (size_t i = 0; i < FACTS; i++) {
		struct auth_facts facts = { 0 };

		*fact_at(&facts, i) = AUTH_FACT_SHOWN;
		assert_err("one", auth_facts_verdict(&facts), OTP_ERR_INTERNAL);
	}
}

static void test_uniform_memory_is_no_login(void **state)
{
	struct auth_facts facts;

	(void)state;
	for (int byte = 0; byte < 256; byte++) {
		memset(&facts, byte, sizeof(facts));
		assert_err("uniform", auth_facts_verdict(&facts), OTP_ERR_INTERNAL);
	}
}

/* CVE-2023-42465: many bits must flip at once. */
static void test_the_constant_is_far_from_0_and_1(void **state)
{
	(void)state;
	assert_in_range(__builtin_popcount(AUTH_FACT_SHOWN), 10, 22);
	assert_in_range(__builtin_popcount(AUTH_FACT_SHOWN ^ 1), 10, 22);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_facts_are_a_login),
		cmocka_unit_test(test_each_fact_is_needed),
		cmocka_unit_test(test_no_other_value_is_a_fact),
		cmocka_unit_test(test_a_flipped_bit_is_no_login),
		cmocka_unit_test(test_one_fact_alone_is_nothing),
		cmocka_unit_test(test_uniform_memory_is_no_login),
		cmocka_unit_test(test_the_constant_is_far_from_0_and_1),
	};

	return cmocka_run_group_tests_name("auth_facts", tests, NULL, NULL);
}
