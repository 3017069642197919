/* region - AWS regions and partitions: which host serves a user pool. Source: the endpoint rules of the AWS SDKs for cognito-idp. */
#ifndef OTP_REGION_H
#define OTP_REGION_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct region {
	char name[32];
	const char *suffix;	 /* of the partition: "amazonaws.com" */
	const char *dual_suffix; /* NULL: the plain host serves both families, or there is none */
	bool dual;		 /* dual-stack exists */
};

/* The part before the underscore of a user pool id, and its partition. OTP_ERR_CONFIG_VALUE. */
enum otp_err region_parse(const char *user_pool_id, struct region *ret_region);

/* https://host of the user pools API. OTP_ERR_CONFIG_VALUE when the partition has no such endpoint. */
enum otp_err region_endpoint(const struct region *region, bool fips, bool dualstack, char *ret_url, size_t size);

#endif
