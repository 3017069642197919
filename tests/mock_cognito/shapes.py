"""The shapes of the challenges that may come instead of, or after, a code."""

import json


def challenge_shape(name, user, factors):
    """ChallengeName and ChallengeParameters as the service words them for that challenge."""
    internal = user.username if user else "00000000-0000-4000-8000-000000000000"
    srp = {"USER_ID_FOR_SRP": internal}
    email = user.email if user else ""
    parameters = {
        "SOFTWARE_TOKEN_MFA": {"FRIENDLY_DEVICE_NAME": "phone", **srp},
        "SMS_MFA": {"CODE_DELIVERY_DELIVERY_MEDIUM": "SMS", "CODE_DELIVERY_DESTINATION": "+*******0199", **srp},
        "SELECT_MFA_TYPE": {"MFAS_CAN_CHOOSE": '["SMS_MFA","SOFTWARE_TOKEN_MFA"]', **srp},
        "MFA_SETUP": {"MFAS_CAN_SETUP": '["SOFTWARE_TOKEN_MFA"]', **srp},
        "NEW_PASSWORD_REQUIRED": {
            "requiredAttributes": "[]", "userAttributes": json.dumps({"email": email}, separators=(",", ":")), **srp},
        "CUSTOM_CHALLENGE": {"question": "What is the answer?", **srp},
        "PASSWORD_VERIFIER": {"SRP_B": "00", "SALT": "00", "SECRET_BLOCK": "AAAA", "USERNAME": internal, **srp},
    }.get(name, {})
    answer = {"ChallengeName": name, "ChallengeParameters": parameters}
    if name == "SELECT_CHALLENGE":
        answer = {"AvailableChallenges": factors, **answer}
    return answer
