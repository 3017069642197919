/* proof - see proof.h. */
#include "proof.h"

#include "binding.h"
#include "jwt.h"
#include "pins.h"

static enum otp_err proof_token(const struct proof_request *proof, const struct secret *token, enum jwt_use use, struct jwt **ret_jwt)
{
	const struct options *options = proof->options;
	struct jwt_policy policy = { options->issuer.words, options->client_id, clock_wall(), options->clock_skew, proof->code_sent_at };
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

enum otp_err proof_check(const struct proof_request *proof, const struct cognito_tokens *tokens, struct auth_facts *facts)
{
	struct jwt *id = NULL;
	struct jwt *access = NULL;
	enum otp_err err = proof_token(proof, &tokens->id, JWT_ID_TOKEN, &id);

	if (err == OTP_OK) {
		facts->id_verified = AUTH_FACT_SHOWN;
		err = proof_token(proof, &tokens->access, JWT_ACCESS_TOKEN, &access);
	}
	if (err == OTP_OK) {
		facts->access_verified = AUTH_FACT_SHOWN;
		err = proof_bind(proof, id, access, facts);
	}
	jwt_free(id);
	jwt_free(access);
	return err;
}
