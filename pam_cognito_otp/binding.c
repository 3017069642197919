/* binding - see binding.h. */
#include "binding.h"

#include <stdbool.h>
#include <string.h>

/* The service's limit for an attribute: a longer claim than ours is different, not malformed. */
enum { BINDING_CLAIM_MAX = 2048 };

static enum otp_err binding_get(const struct json_value *claims, const char *name, const char **ret_text)
{
	return json_get_string(claims, name, 1, BINDING_CLAIM_MAX, ret_text) == OTP_OK ? OTP_OK : OTP_ERR_JWT_CLAIM;
}

/* `name` must equal `wanted`. A missing claim is an error of its own: nothing else stands in for it. */
static enum otp_err binding_compare(const struct json_value *claims, const char *name, const char *wanted, enum otp_err different)
{
	const char *text;
	enum otp_err err = binding_get(claims, name, &text);

	if (err != OTP_OK)
		return err;
	if (strcmp(text, wanted) != 0)
		return different;
	return OTP_OK;
}

/* JSON true and nothing else: the string "true" comes from federated attributes that nobody verified. */
static enum otp_err binding_check_verified(const struct json_value *claims, const char *name)
{
	bool verified;

	if (json_get_bool(claims, name, &verified) != OTP_OK || !verified)
		return OTP_ERR_IDENTITY_UNVERIFIED;
	return OTP_OK;
}

static enum otp_err binding_check_email(const struct identity *wanted, const struct json_value *id_claims)
{
	enum otp_err err = binding_compare(id_claims, "email", wanted->value, OTP_ERR_IDENTITY_EMAIL);

	if (err != OTP_OK)
		return err;
	return binding_check_verified(id_claims, "email_verified");
}

static enum otp_err binding_check_phone(const struct identity *wanted, const struct json_value *id_claims)
{
	enum otp_err err = binding_compare(id_claims, "phone_number", wanted->value, OTP_ERR_IDENTITY_PHONE);

	if (err != OTP_OK)
		return err;
	return binding_check_verified(id_claims, "phone_number_verified");
}

static enum otp_err binding_check_username(const struct identity *wanted, const struct json_value *id_claims,
					    const struct json_value *access_claims)
{
	enum otp_err err = binding_compare(id_claims, "cognito:username", wanted->value, OTP_ERR_IDENTITY_USERNAME);

	if (err != OTP_OK)
		return err;
	return binding_compare(access_claims, "username", wanted->value, OTP_ERR_IDENTITY_USERNAME);
}

static enum otp_err binding_check_value(const struct identity *wanted, const struct json_value *id_claims,
					 const struct json_value *access_claims)
{
	switch (wanted->kind) {
	case IDENTITY_EMAIL:
		return binding_check_email(wanted, id_claims);
	case IDENTITY_USERNAME:
		return binding_check_username(wanted, id_claims, access_claims);
	case IDENTITY_PHONE:
		return binding_check_phone(wanted, id_claims);
	}
	return OTP_ERR_INTERNAL;
}

enum otp_err binding_check(const struct identity *wanted, const struct json_value *id_claims, const struct json_value *access_claims)
{
	const char *sub;
	enum otp_err err = binding_get(id_claims, "sub", &sub);

	if (err != OTP_OK)
		return err;
	err = binding_compare(access_claims, "sub", sub, OTP_ERR_JWT_SUB);
	if (err != OTP_OK)
		return err;
	err = binding_check_value(wanted, id_claims, access_claims);
	if (err != OTP_OK)
		return err;
	if (wanted->sub[0] != '\0' && strcmp(wanted->sub, sub) != 0)
		return OTP_ERR_IDENTITY_SUB;
	return OTP_OK;
}

static bool binding_is_listed(const char *group, const char *const *groups)
{
	for (; *groups != NULL; groups++)
		if (strcmp(group, *groups) == 0)
			return true;
	return false;
}

/* All elements are looked at: an array that is not what Cognito writes grants nothing, also when the wanted group stands first. */
static enum otp_err binding_find_group(const char *const *groups, const struct json_value *claim)
{
	bool found = false;

	for (size_t i = 0; i < json_array_length(claim); i++) {
		const char *group;

		if (json_array_string(claim, i, BINDING_CLAIM_MAX, &group) != OTP_OK)
			return OTP_ERR_IDENTITY_GROUP;
		if (binding_is_listed(group, groups))
			found = true;
	}
	return found ? OTP_OK : OTP_ERR_IDENTITY_GROUP;
}

enum otp_err binding_check_groups(const char *const *groups, const struct json_value *id_claims)
{
	const struct json_value *claim;

	if (groups == NULL || groups[0] == NULL)
		return OTP_OK;
	/* The string "admins" is not the array ["admins"]. */
	if (json_get_array(id_claims, "cognito:groups", &claim) != OTP_OK)
		return OTP_ERR_IDENTITY_GROUP;
	return binding_find_group(groups, claim);
}
