"""The configuration used when no file is given: one pool, two clients, five users, one administrator's key."""

POOL = "eu-west-1_Ab129faBb"
CLIENT = "1h57kf5cpq17m0eml12EXAMPLE"
SECRET = "1exampleclientsecret0123456789abcdefghijklmnopqrstu"
PUBLIC_CLIENT = "2publicclientEXAMPLE"

DEFAULT_CONFIG = {
    "credentials": {
        "AKIDEXAMPLE": {"secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"},
        "ASIDEXAMPLE": {
            "secret": "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
            "token": "FwoGZXIvYXdzEXAMPLETOKEN//////////wEaDExample==",
        },
        "AKDENIEDEXAMPLE": {"secret": "deniedSecretEXAMPLE", "denied": ["*"]},
    },
    "settings": {},
    "pools": [
        {
            "id": POOL,
            "name": "ssh-otp",
            "username_attributes": ["email"],
            "allowed_first_auth_factors": ["PASSWORD", "EMAIL_OTP", "SMS_OTP"],
            "clients": [
                {
                    "id": CLIENT,
                    "name": "pam",
                    "secrets": [SECRET],
                    "refresh_token_rotation": True,
                    "retry_grace_period_seconds": 10,
                },
                {
                    "id": PUBLIC_CLIENT,
                    "name": "public",
                    "explicit_auth_flows": ["ALLOW_USER_AUTH", "ALLOW_REFRESH_TOKEN_AUTH"],
                },
            ],
            "users": [
                {
                    "email": "alice@example.com",
                    "sub": "c2c5d4e4-0011-70aa-b1c2-1234567890ab",
                    "groups": ["ssh-users"],
                },
                {"email": "bob@example.com", "sub": "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"},
                {
                    "email": "carol@example.com",
                    "sub": "ca501ca5-3333-70cc-8000-cccccccccccc",
                    "phone_number": "+12065550199",
                    "phone_number_verified": True,
                },
                {
                    "email": "temp@example.com",
                    "sub": "7e3b7e3b-4444-70dd-8000-dddddddddddd",
                    "status": "FORCE_CHANGE_PASSWORD",
                    "has_password": True,
                },
                {
                    "email": "disabled@example.com",
                    "sub": "d15ab1ed-5555-70ee-8000-eeeeeeeeeeee",
                    "enabled": False,
                },
            ],
        }
    ],
}
