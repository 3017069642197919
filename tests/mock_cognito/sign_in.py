"""InitiateAuth and RespondToAuthChallenge: choice-based sign-in from the first request to the tokens."""

from .errors import ServiceError, invalid_parameter, not_authorized, user_not_found
from .factors import available_factors, simulated_factors
from .outbox import mask_email, mask_phone
from .refresh import refresh_token_auth
from .secret_hash import check_secret_hash
from .shapes import challenge_shape

CODE_KEYS = {"EMAIL_OTP": "EMAIL_OTP_CODE", "SMS_OTP": "SMS_OTP_CODE"}
AMR = {"EMAIL_OTP": "email_otp", "SMS_OTP": "sms"}
FACTORS = ("EMAIL_OTP", "SMS_OTP", "PASSWORD", "PASSWORD_SRP", "WEB_AUTHN")
CODE_MISMATCH = "Invalid code or auth state for the user."
DAILY_LIMIT = ("Exceeded daily email limit for the operation or the account. If a higher limit is required, please "
               "configure your user pool to use your own Amazon SES configuration for sending email.")
NATIVE_STATUSES = ("UNCONFIRMED", "CONFIRMED", "RESET_REQUIRED", "FORCE_CHANGE_PASSWORD")


def initiate_auth(call):
    pool, client = call.client()
    flow = call.body["AuthFlow"]
    if flow in ("REFRESH_TOKEN_AUTH", "REFRESH_TOKEN"):
        return refresh_token_auth(call, pool, client)
    if flow != "USER_AUTH" or not client.allows(flow):
        raise invalid_parameter(f"{flow} flow not enabled for this client")
    username = call.parameter("USERNAME")
    check_secret_hash(client, username, call.parameters().get("SECRET_HASH"))
    preferred = call.parameters().get("PREFERRED_CHALLENGE")
    if preferred is not None and preferred not in FACTORS:
        raise invalid_parameter("Invalid PREFERRED_CHALLENGE")
    user = admitted_user(call, pool, client, username)
    if user is not None and call.fault.get("tokens_now"):
        return login_result(call, pool, client, user, "EMAIL_OTP")
    if "challenge" in call.fault:
        return scripted_challenge(call, pool, client, user, username)
    answer = choose(call, pool, client, user, username, preferred)
    return with_tokens(call, pool, client, user, answer)


def admitted_user(call, pool, client, username):
    """The user who signs in; None plays a simulated one. Refusals that show the account's state are raised."""
    user = call.user(pool, username)
    if user is not None and not user.enabled and pool.disabled_at != "respond":
        if pool.disabled_at == "initiate":
            raise not_authorized("User is disabled.")
        user = None
    if user is not None and user.status not in NATIVE_STATUSES:
        user = None
    if user is None and not client.masks():
        raise user_not_found()
    if user is not None and user.status == "RESET_REQUIRED":
        raise ServiceError("PasswordResetRequiredException", "Password reset required for the user")
    return user


def choose(call, pool, client, user, username, preferred):
    """The preferred factor if there is one, the only factor if there is just one, else the choice."""
    factors = available_factors(pool, user) if user else simulated_factors(pool, client)
    wanted = preferred or (factors[0] if len(factors) == 1 else None)
    if wanted in factors and not (user and user.force_select):
        return start_factor(call, pool, client, user, username, wanted, factors)
    challenge = call.world.sessions.open(pool, client, "SELECT_CHALLENGE", username, user)
    return {"AvailableChallenges": factors, "ChallengeName": "SELECT_CHALLENGE", "ChallengeParameters": {},
            "Session": challenge.session}


def start_factor(call, pool, client, user, username, factor, factors):
    """Send the code (nobody gets one for a simulated user) and name the challenge."""
    if factor not in CODE_KEYS:
        challenge = call.world.sessions.open(pool, client, factor, username, user)
        return {"ChallengeName": factor, "ChallengeParameters": {}, "Session": challenge.session}
    code = send_code(call, pool, user, factor) if user else None
    challenge = call.world.sessions.open(pool, client, factor, username, user, code)
    destination = destination_of(user, username, factor)
    if user:
        deliver(call, user, factor, username, challenge)
    answer = {"AvailableChallenges": factors, "ChallengeName": factor,
              "ChallengeParameters": delivery(client, user, username, factor, destination),
              "Session": challenge.session}
    if client.challenge_parameters == "none":
        del answer["ChallengeParameters"]
    return answer


def delivery(client, user, username, factor, destination):
    """The parameters in each form that clients have to live with."""
    if client.challenge_parameters in ("none", "empty"):
        return {}
    parameters = {"CODE_DELIVERY_DELIVERY_MEDIUM": "SMS" if factor == "SMS_OTP" else "EMAIL",
                  "CODE_DELIVERY_DESTINATION": destination}
    internal = user.username if user else username
    if client.challenge_parameters in ("srp", "username"):
        parameters["USER_ID_FOR_SRP"] = internal
    if client.challenge_parameters == "username":
        parameters["USERNAME"] = internal
    return parameters


def destination_of(user, username, factor):
    """A real user's address masked, or what the typed name would look like."""
    if factor == "SMS_OTP":
        return mask_phone(user.phone_number if user else "0000")
    address = user.email if user else username
    return mask_email(address if "@" in address else f"{address}@{address[::-1]}")


def send_code(call, pool, user, factor):
    if factor == "EMAIL_OTP":
        if pool.daily_mail_limit and pool.mails_today >= pool.daily_mail_limit:
            raise ServiceError("LimitExceededException", DAILY_LIMIT)
        pool.mails_today += 1
    length = pool.email_code_length if factor == "EMAIL_OTP" else pool.sms_code_length
    return call.world.chance.code(length)


def deliver(call, user, factor, username, challenge):
    if user.no_mail or call.fault.get("no_mail"):
        return
    medium, address = ("EMAIL", user.email) if factor == "EMAIL_OTP" else ("SMS", user.phone_number)
    call.world.outbox.send("code", medium, address, username, challenge.code, challenge.session,
                           call.fault.get("late_mail", 0.0))


def respond_to_auth_challenge(call):
    pool, client = call.client()
    username = call.parameter("USERNAME")
    check_secret_hash(client, username, call.parameters().get("SECRET_HASH"))
    challenge = call.world.sessions.take(call.body.get("Session", ""), pool, client, username)
    user = pool.users.get(challenge.user) if challenge.user else None
    if "challenge" in call.fault:
        return scripted_challenge(call, pool, client, user, username, challenge.code)
    if challenge.name != call.body["ChallengeName"]:
        raise not_authorized("Invalid session for the user.")
    if challenge.name == "SELECT_CHALLENGE":
        return select(call, pool, client, user, challenge)
    if challenge.name not in CODE_KEYS:
        raise not_authorized("Incorrect username or password.")
    return answer_code(call, pool, client, user, challenge)


def select(call, pool, client, user, challenge):
    """The answer to SELECT_CHALLENGE: a new session, and only now a mail."""
    wanted = call.parameter("ANSWER")
    factors = available_factors(pool, user) if user else simulated_factors(pool, client)
    if wanted not in factors:
        raise invalid_parameter("Selected challenge is not available for the user.")
    challenge.used = True
    answer = start_factor(call, pool, client, user, challenge.username, wanted, factors)
    answer.pop("AvailableChallenges", None)
    return answer


def answer_code(call, pool, client, user, challenge):
    given = call.parameter(CODE_KEYS[challenge.name])
    if challenge.user is not None and user is None and not client.masks():
        raise user_not_found()
    if user is None:
        raise ServiceError("CodeMismatchException", CODE_MISMATCH)
    if not user.enabled:
        raise not_authorized("User is disabled.")
    if call.world.clock.now() < user.locked_until:
        raise not_authorized("Password attempts exceeded")
    if given != challenge.code and not call.fault.get("success_any_code"):
        note_failure(call, pool, user)
        raise ServiceError("CodeMismatchException", CODE_MISMATCH)
    challenge.used = True
    prove(user, challenge.name)
    answer = login_result(call, pool, client, user, challenge.name)
    if call.fault.get("tokens_and_challenge"):
        answer |= {"ChallengeName": "EMAIL_OTP", "Session": challenge.session}
    return answer


def note_failure(call, pool, user):
    """After the allowed number of wrong codes a lockout of one second, doubled each time, at most 15 minutes."""
    user.failures += 1
    if pool.lockout_after and user.failures >= pool.lockout_after:
        user.locked_until = call.world.clock.now() + min(2 ** (user.failures - pool.lockout_after), 900)


def prove(user, factor):
    """A right code proves the address, and confirms whoever was not confirmed yet."""
    user.failures = 0
    if factor == "EMAIL_OTP":
        user.email_verified = True
    else:
        user.phone_number_verified = True
    if user.status == "UNCONFIRMED":
        user.status = "CONFIRMED"


def login_result(call, pool, client, user, factor):
    """Tokens of a finished login."""
    spec = call.fault.get("tokens") or {}
    owner = call.user(pool, spec["user"]) if spec.get("user") else user
    grant = call.world.grants.open(pool, client, owner, [AMR[factor]])
    result = call.world.issue(pool, client, owner, grant, call.fault, new_refresh_token=True)
    return {"AuthenticationResult": result, "ChallengeParameters": {}}


def with_tokens(call, pool, client, user, answer):
    """A fault: the challenge and the result in one answer."""
    if user is not None and call.fault.get("tokens_and_challenge"):
        answer["AuthenticationResult"] = login_result(call, pool, client, user, "EMAIL_OTP")["AuthenticationResult"]
    return answer


def scripted_challenge(call, pool, client, user, username, code=None):
    """A fault: whatever the state, this challenge comes next. The old code stays good on the new session."""
    name = call.fault["challenge"]
    challenge = call.world.sessions.open(pool, client, name, username, user, code)
    factors = available_factors(pool, user) if user else simulated_factors(pool, client)
    answer = challenge_shape(name, user, factors)
    if name in CODE_KEYS:
        destination = destination_of(user, username, name)
        answer["ChallengeParameters"] = delivery(client, user, username, name, destination)
        if user and code is None:
            challenge.code = send_code(call, pool, user, name)
            deliver(call, user, name, username, challenge)
    answer["ChallengeParameters"] = call.fault.get("challenge_parameters", answer["ChallengeParameters"])
    if "available" in call.fault:
        answer["AvailableChallenges"] = call.fault["available"]
    answer["Session"] = challenge.session
    return answer
