/* Regions, partitions and hosts, as the endpoint rules of the AWS SDKs have them. */
#include "assert_err.h"

#include <stdio.h>
#include <string.h>

#include "region.h"

#define NONE "" /* the partition has no such endpoint */

static const struct {
	const char *pool;
	const char *name;
	const char *suffix;
	const char *fips;
	const char *dual;
	const char *fips_dual;
} partitions[] = {
	{ "us-east-1_A", "us-east-1", "amazonaws.com", "cognito-idp-fips.us-east-1.amazonaws.com", "cognito-idp.us-east-1.amazonaws.com",
	  "cognito-idp-fips.us-east-1.amazonaws.com" },
	{ "us-west-2_A", "us-west-2", "amazonaws.com", "cognito-idp-fips.us-west-2.amazonaws.com", "cognito-idp.us-west-2.amazonaws.com",
	  "cognito-idp-fips.us-west-2.amazonaws.com" },
	{ "eu-west-1_A", "eu-west-1", "amazonaws.com", "cognito-idp-fips.eu-west-1.amazonaws.com", "cognito-idp.eu-west-1.amazonaws.com",
	  "cognito-idp-fips.eu-west-1.api.aws" },
	{ "ap-southeast-2_A", "ap-southeast-2", "amazonaws.com", "cognito-idp-fips.ap-southeast-2.amazonaws.com",
	  "cognito-idp.ap-southeast-2.amazonaws.com", "cognito-idp-fips.ap-southeast-2.api.aws" },
	{ "sa-east-1_A", "sa-east-1", "amazonaws.com", "cognito-idp-fips.sa-east-1.amazonaws.com", "cognito-idp.sa-east-1.amazonaws.com",
	  "cognito-idp-fips.sa-east-1.api.aws" },
	{ "ca-central-1_A", "ca-central-1", "amazonaws.com", "cognito-idp-fips.ca-central-1.amazonaws.com",
	  "cognito-idp.ca-central-1.amazonaws.com", "cognito-idp-fips.ca-central-1.api.aws" },
	{ "me-south-1_A", "me-south-1", "amazonaws.com", "cognito-idp-fips.me-south-1.amazonaws.com", "cognito-idp.me-south-1.amazonaws.com",
	  "cognito-idp-fips.me-south-1.api.aws" },
	{ "af-south-1_A", "af-south-1", "amazonaws.com", "cognito-idp-fips.af-south-1.amazonaws.com", "cognito-idp.af-south-1.amazonaws.com",
	  "cognito-idp-fips.af-south-1.api.aws" },
	{ "il-central-1_A", "il-central-1", "amazonaws.com", "cognito-idp-fips.il-central-1.amazonaws.com",
	  "cognito-idp.il-central-1.amazonaws.com", "cognito-idp-fips.il-central-1.api.aws" },
	{ "mx-central-1_A", "mx-central-1", "amazonaws.com", "cognito-idp-fips.mx-central-1.amazonaws.com",
	  "cognito-idp.mx-central-1.amazonaws.com", "cognito-idp-fips.mx-central-1.api.aws" },
	{ "us-gov-west-1_A", "us-gov-west-1", "amazonaws.com", "cognito-idp-fips.us-gov-west-1.amazonaws.com", "cognito-idp.us-gov-west-1.api.aws",
	  "cognito-idp-fips.us-gov-west-1.api.aws" },
	{ "us-gov-east-1_A", "us-gov-east-1", "amazonaws.com", "cognito-idp-fips.us-gov-east-1.amazonaws.com", "cognito-idp.us-gov-east-1.api.aws",
	  "cognito-idp-fips.us-gov-east-1.api.aws" },
	{ "cn-north-1_A", "cn-north-1", "amazonaws.com.cn", "cognito-idp-fips.cn-north-1.amazonaws.com.cn",
	  "cognito-idp.cn-north-1.api.amazonwebservices.com.cn", "cognito-idp-fips.cn-north-1.api.amazonwebservices.com.cn" },
	{ "us-iso-east-1_A", "us-iso-east-1", "c2s.ic.gov", "cognito-idp-fips.us-iso-east-1.c2s.ic.gov", NONE, NONE },
	{ "us-isob-east-1_A", "us-isob-east-1", "sc2s.sgov.gov", "cognito-idp-fips.us-isob-east-1.sc2s.sgov.gov", NONE, NONE },
	{ "eusc-de-east-1_A", "eusc-de-east-1", "amazonaws.eu", "cognito-idp-fips.eusc-de-east-1.amazonaws.eu", NONE, NONE },
};

static void test_the_region_is_the_pool_s_prefix(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(partitions); i++) {
		struct region region;

		assert_err(partitions[i].pool, region_parse(partitions[i].pool, &region), OTP_OK);
		assert_string_equal(region.name, partitions[i].name);
		assert_string_equal(region.suffix, partitions[i].suffix);
	}
}

static void test_text_that_is_no_region(void **state)
{
	static const char *const cases[] = { "",
					     "_A",
					     "A",
					     "eu_A",
					     "eu-_A",
					     "eu-1_A",
					     "eu-west_A",
					     "eu-west-_A",
					     "eu-west-x_A",
					     "eu-west1_A",
					     "euwest-1_A",
					     "EU-WEST-1_A",
					     "eu-West-1_A",
					     " eu-west-1_A",
					     "eu-west-1 _A",
					     "eu-west-1\n_A",
					     "xx-west-1_A",
					     "e-west-1_A",
					     "eu-west-1.evil.example/#-1_A",
					     "us-east-1.evil.tld/#_A",
					     "../eu-west-1_A",
					     "eu-west-1/../-1_A",
					     "eu-w:st-1_A",
					     "eu-w@st-1_A",
					     "eu-aaaaaaaaaaaaaaaaaaaaaaaaaaa-1_A",
					     "eu-aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa-1_A" };

	(void)state;
	for (size_t i = 0; i < CASES(cases); i++) {
		struct region region;

		assert_err(cases[i], region_parse(cases[i], &region), OTP_ERR_CONFIG_VALUE);
	}
}

static void test_the_longest_name(void **state)
{
	struct region region;

	(void)state;
	assert_err("31 bytes", region_parse("eu-aaaaaaaaaaaaaaaaaaaaaaaaaa-1_A", &region), OTP_OK);
	assert_string_equal(region.name, "eu-aaaaaaaaaaaaaaaaaaaaaaaaaa-1");
}

static void assert_endpoint(const struct region *region, bool fips, bool dualstack, const char *host)
{
	char wanted[128];
	char url[128] = "untouched";

	if (strcmp(host, NONE) == 0) {
		assert_err(region->name, region_endpoint(region, fips, dualstack, url, sizeof(url)), OTP_ERR_CONFIG_VALUE);
		return;
	}
	(void)snprintf(wanted, sizeof(wanted), "https://%s", host);
	assert_err(region->name, region_endpoint(region, fips, dualstack, url, sizeof(url)), OTP_OK);
	assert_string_equal(url, wanted);
}

static void test_endpoints(void **state)
{
	(void)state;
	for (size_t i = 0; i < CASES(partitions); i++) {
		struct region region;
		char plain[128];

		assert_err(partitions[i].pool, region_parse(partitions[i].pool, &region), OTP_OK);
		(void)snprintf(plain, sizeof(plain), "cognito-idp.%s.%s", partitions[i].name, partitions[i].suffix);
		assert_endpoint(&region, false, false, plain);
		assert_endpoint(&region, true, false, partitions[i].fips);
		assert_endpoint(&region, false, true, partitions[i].dual);
		assert_endpoint(&region, true, true, partitions[i].fips_dual);
	}
}

static void test_an_endpoint_that_does_not_fit_is_refused(void **state)
{
	static const char url_of_eu_west_1[] = "https://cognito-idp.eu-west-1.amazonaws.com";
	struct region region;
	char url[sizeof(url_of_eu_west_1)];

	(void)state;
	assert_err("region", region_parse("eu-west-1_A", &region), OTP_OK);
	assert_err("fits", region_endpoint(&region, false, false, url, sizeof(url)), OTP_OK);
	assert_string_equal(url, url_of_eu_west_1);
	assert_err("one less", region_endpoint(&region, false, false, url, sizeof(url) - 1), OTP_ERR_CONFIG_VALUE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_region_is_the_pool_s_prefix),
		cmocka_unit_test(test_text_that_is_no_region),
		cmocka_unit_test(test_the_longest_name),
		cmocka_unit_test(test_endpoints),
		cmocka_unit_test(test_an_endpoint_that_does_not_fit_is_refused),
	};

	return cmocka_run_group_tests_name("region", tests, NULL, NULL);
}
