/* proof - see proof.h. */
#include "proof.h"

#include <string.h>

#include "binding.h"
#include "jwt.h"
#include "pins.h"

static enum otp_err proof_token(const struct proof_request *proof, const struct secret *token, enum jwt_use use, struct jwt **ret_jwt)
{
	const struct options *options = proof->options;
	int64_t not_before = proof->renewed != NULL ? proof->renewed->auth_time : proof->code_sent_at;
	struct jwt_policy policy = { options->issuer.words, options->client_id, clock_wall(), options->clock_skew, not_before };
	enum otp_err err = jwt_verify(token, use, proof->jwks->set, &policy, ret_jwt);

	if (err == OTP_ERR_JWT_KID) { /* the pool's keys may have been rotated since */
		err = jwks_refresh(proof->jwks, proof->http, proof->deadline, proof->note);
		if (err != OTP_OK && err != OTP_ERR_JWT_KID)
			return err;
		if (err == OTP_OK)
			err = jwt_verify(token, use, proof->jwks->set, &policy, ret_jwt);
	}
	note_set(proof->note, "%s", err == OTP_OK ? "" : use == JWT_ID_TOKEN ? "ID token" : "access token");
	return err;
}

/*
 * Whether he is the one who was here before. Whoever comes first is remembered; whom we have created already is, and is held to it, with pin_sub or
 * without. The last of the checks: whom another one refuses is not remembered.
 */
static enum otp_err proof_pin(const struct proof_request *proof, const struct jwt *id)
{
	const struct options *options = proof->options;
	struct pins_key key = { options->user_pool_id, proof->user, &proof->judged->identity };
	const char *sub;
	bool known = false;
	enum otp_err err;

	if (!options->pin_sub && !options->create_user)
		return OTP_OK;
	if (json_get_string(jwt_claims(id), "sub", 1, IDENTITY_SUB_SIZE, &sub) != OTP_OK || !identity_is_sub(sub)) {
		note_set(proof->note, "the token's sub is not a UUID, and cannot be pinned");
		return OTP_ERR_JWT_CLAIM;
	}
	err = pins_compare(&key, sub, &known, proof->note);
	if (err == OTP_OK && !known && options->pin_sub)
		err = pins_add(&key, sub, PINS_FROM_LOGIN, proof->note);
	return err;
}

/* --- which sign-in ------------------------------------------------------------------------------------------------------------------- */

/* Of one token. A claim that is there and is not what it should be is worse than none. */
static enum otp_err proof_origin_of(const struct jwt *jwt, struct proof_origin *ret_origin)
{
	const struct json_value *claims = jwt_claims(jwt);
	struct proof_origin origin = PROOF_ORIGIN_NONE;
	const char *sub;
	const char *jti = "";

	if (json_get_string(claims, "sub", 1, IDENTITY_SUB_SIZE, &sub) != OTP_OK || json_get_int(claims, "auth_time", 1, INT64_C(1) << 40, &origin.auth_time) != OTP_OK)
		return OTP_ERR_JWT_CLAIM;
	if (json_has(claims, "origin_jti") && json_get_string(claims, "origin_jti", 1, PROOF_JTI_SIZE, &jti) != OTP_OK)
		return OTP_ERR_JWT_CLAIM;
	memcpy(origin.sub, sub, strlen(sub) + 1);
	memcpy(origin.origin_jti, jti, strlen(jti) + 1);
	*ret_origin = origin;
	return OTP_OK;
}

static bool proof_same_origin(const struct proof_origin *one, const struct proof_origin *other)
{
	return strcmp(one->sub, other->sub) == 0 && one->auth_time == other->auth_time && strcmp(one->origin_jti, other->origin_jti) == 0;
}

/* Of both, which must agree, and for renewed ones be the one that was kept: otherwise a token of another sign-in came in its place. */
static enum otp_err proof_find_origin(const struct proof_request *proof, const struct jwt *id, const struct jwt *access,
				      struct proof_origin *ret_origin)
{
	struct proof_origin other;
	enum otp_err err = proof_origin_of(id, ret_origin);

	if (err == OTP_OK)
		err = proof_origin_of(access, &other);
	if (err == OTP_OK && !proof_same_origin(ret_origin, &other))
		err = OTP_ERR_JWT_RENEWED;
	if (err == OTP_OK && proof->renewed != NULL && !proof_same_origin(ret_origin, proof->renewed))
		err = OTP_ERR_JWT_RENEWED;
	if (proof->renewed != NULL)
		return err;
	if (err != OTP_OK)
		*ret_origin = (struct proof_origin)PROOF_ORIGIN_NONE; /* good enough to come in, but not to be kept */
	return OTP_OK;
}

/* --- groups -------------------------------------------------------------------------------------------------------------------------- */

static bool proof_wants_group(const struct options *options, const char *group)
{
	for (size_t i = 0; i < options->require_group.count; i++) {
		if (strcmp(options->require_group.words[i], group) == 0)
			return true;
	}
	for (size_t s = 0; s < options->require_group_service.count; s++) {
		const struct option_words *words = &options->require_group_service.entries[s].words;

		for (size_t i = 0; i < words->count; i++) {
			if (strcmp(words->words[i], group) == 0)
				return true;
		}
	}
	return false;
}

static bool proof_has_group(const struct strbuf *groups, const char *group)
{
	const char *word = strbuf_text(groups);
	size_t length = strlen(group);

	for (; (word = strstr(word, group)) != NULL; word++) {
		if ((word == strbuf_text(groups) || word[-1] == ' ') && (word[length] == '\0' || word[length] == ' '))
			return true;
	}
	return false;
}

/* What does not fit is left out: then a code is asked for where it is wanted. */
static void proof_add_group(struct strbuf *groups, const char *group)
{
	const char *blank = groups->length > 0 ? " " : "";

	if (proof_has_group(groups, group) || groups->length + strlen(blank) + strlen(group) > groups->limit)
		return;
	strbuf_puts(groups, blank);
	strbuf_puts(groups, group);
}

/* A claim that is not what Cognito writes, to its last element, gives none (as in binding.c). */
static void proof_find_groups(const struct options *options, const struct jwt *id, struct strbuf *out)
{
	const struct json_value *claim;
	const char *group;
	size_t count;

	if (json_get_array(jwt_claims(id), "cognito:groups", &claim) != OTP_OK)
		return;
	count = json_array_length(claim);
	for (size_t i = 0; i < count; i++) {
		if (json_array_string(claim, i, JWT_TOKEN_MAX, &group) != OTP_OK)
			return;
	}
	for (size_t i = 0; i < count; i++) {
		if (json_array_string(claim, i, JWT_TOKEN_MAX, &group) == OTP_OK && proof_wants_group(options, group))
			proof_add_group(out, group);
	}
}

static enum otp_err proof_bind(const struct proof_request *proof, const struct jwt *id, const struct jwt *access, struct auth_facts *facts)
{
	enum otp_err err = binding_check(&proof->judged->identity, jwt_claims(id), jwt_claims(access));

	if (err != OTP_OK)
		return err;
	facts->identity_held = AUTH_FACT_SHOWN;
	err = binding_check_groups(options_required_groups(proof->options, proof->service)->words, jwt_claims(id));
	if (err != OTP_OK)
		return err;
	facts->group_held = AUTH_FACT_SHOWN;
	err = policy_confirm(proof->user, proof->judged);
	if (err != OTP_OK)
		return err;
	facts->user_unchanged = AUTH_FACT_SHOWN;
	err = proof_pin(proof, id);
	if (err == OTP_OK)
		facts->pin_held = AUTH_FACT_SHOWN;
	return err;
}

enum otp_err proof_check(const struct proof_request *proof, const struct cognito_tokens *tokens, struct auth_facts *facts, struct proof_seen *ret_seen)
{
	struct jwt *id = NULL;
	struct jwt *access = NULL;
	struct proof_origin origin = PROOF_ORIGIN_NONE;
	enum otp_err err = proof_token(proof, &tokens->id, JWT_ID_TOKEN, &id);

	if (err == OTP_OK) {
		facts->id_verified = AUTH_FACT_SHOWN;
		err = proof_token(proof, &tokens->access, JWT_ACCESS_TOKEN, &access);
	}
	if (err == OTP_OK)
		err = proof_find_origin(proof, id, access, &origin);
	if (err == OTP_OK) {
		facts->access_verified = AUTH_FACT_SHOWN;
		err = proof_bind(proof, id, access, facts);
	}
	if (err == OTP_OK && ret_seen != NULL) {
		ret_seen->origin = origin;
		proof_find_groups(proof->options, id, &ret_seen->groups);
	}
	jwt_free(id);
	jwt_free(access);
	return err;
}
