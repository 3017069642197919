/* region - see region.h. */
#include "region.h"

#include <stdio.h>
#include <string.h>

struct partition {
	const char *prefix;
	const char *suffix;
	const char *dual_suffix;
	bool dual;
};

/* The longest prefixes first: us-gov- and us-iso- are not us-. */
static const struct partition partitions[] = {
	{ "us-gov-", "amazonaws.com", "api.aws", true },
	{ "us-isob-", "sc2s.sgov.gov", NULL, false },
	{ "us-iso-", "c2s.ic.gov", NULL, false },
	{ "eusc-", "amazonaws.eu", NULL, false },
	{ "cn-", "amazonaws.com.cn", "api.amazonwebservices.com.cn", true },
	{ "us-", "amazonaws.com", NULL, true },
	{ "eu-", "amazonaws.com", NULL, true },
	{ "ap-", "amazonaws.com", NULL, true },
	{ "sa-", "amazonaws.com", NULL, true },
	{ "ca-", "amazonaws.com", NULL, true },
	{ "me-", "amazonaws.com", NULL, true },
	{ "af-", "amazonaws.com", NULL, true },
	{ "il-", "amazonaws.com", NULL, true },
	{ "mx-", "amazonaws.com", NULL, true },
};

static bool region_is_name(const char *name)
{
	size_t length = strlen(name);

	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-") == length && length > 4 && name[length - 2] == '-' &&
	       strchr("0123456789", name[length - 1]) != NULL;
}

enum otp_err region_parse(const char *user_pool_id, struct region *ret_region)
{
	size_t length = strcspn(user_pool_id, "_");

	if (length >= sizeof(ret_region->name))
		return OTP_ERR_CONFIG_VALUE;
	memcpy(ret_region->name, user_pool_id, length);
	ret_region->name[length] = '\0';
	for (size_t i = 0; i < sizeof(partitions) / sizeof(partitions[0]); i++) {
		if (strncmp(ret_region->name, partitions[i].prefix, strlen(partitions[i].prefix)) != 0)
			continue;
		ret_region->suffix = partitions[i].suffix;
		ret_region->dual_suffix = partitions[i].dual_suffix;
		ret_region->dual = partitions[i].dual;
		return region_is_name(ret_region->name) ? OTP_OK : OTP_ERR_CONFIG_VALUE;
	}
	return OTP_ERR_CONFIG_VALUE;
}

/* In the aws partition the plain host has both families; with FIPS only the four regions of the United States do. */
static const char *region_dual_suffix(const struct region *region, bool fips)
{
	if (region->dual_suffix != NULL)
		return region->dual_suffix;
	return fips && strncmp(region->name, "us-", 3) != 0 ? "api.aws" : region->suffix;
}

enum otp_err region_endpoint(const struct region *region, bool fips, bool dualstack, char *ret_url, size_t size)
{
	const char *suffix = dualstack ? region_dual_suffix(region, fips) : region->suffix;
	int length;

	if (dualstack && !region->dual)
		return OTP_ERR_CONFIG_VALUE;
	length = snprintf(ret_url, size, "https://cognito-idp%s.%s.%s", fips ? "-fips" : "", region->name, suffix);
	return length > 0 && (size_t)length < size ? OTP_OK : OTP_ERR_CONFIG_VALUE;
}
