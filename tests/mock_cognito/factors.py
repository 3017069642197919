"""Which first factors a user has, in the order in which the service lists them."""


def available_factors(pool, user):
    """Password factors, then codes; codes only where plan, MFA, account state and address allow it."""
    allowed = pool.allowed_first_auth_factors
    factors = []
    if "PASSWORD" in allowed and (user.has_password or user.password):
        factors += ["PASSWORD_SRP", "PASSWORD"]
    if not pool.passwordless() or user.mfa or user.status == "FORCE_CHANGE_PASSWORD":
        return factors
    if "EMAIL_OTP" in allowed and _reachable(pool, user.email, user.email_verified):
        factors.append("EMAIL_OTP")
    if "SMS_OTP" in allowed and _reachable(pool, user.phone_number, user.phone_number_verified):
        factors.append("SMS_OTP")
    return factors


def _reachable(pool, address, verified):
    return bool(address) and (verified is True or not pool.require_verified)


def simulated_factors(pool, client):
    """What an unknown user seems to have under existence masking."""
    codes = [factor for factor in ("EMAIL_OTP", "SMS_OTP") if factor in pool.allowed_first_auth_factors]
    if client.simulated_available == "narrow":
        return codes[:1]
    password = ["PASSWORD_SRP", "PASSWORD"] if "PASSWORD" in pool.allowed_first_auth_factors else []
    return password + codes[:1]


def configured_factors(pool, user):
    """The list of AdminGetUserAuthFactors: PASSWORD once, no SRP twin."""
    return [factor for factor in available_factors(pool, user) if factor != "PASSWORD_SRP"]
