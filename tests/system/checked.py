"""What tests under check_user need: credentials that the local Cognito knows, the settings, and what is remembered."""

import glob
import os

from system.house import RUN, write_file

CREDENTIALS_FILE = "/etc/security/pam_cognito_otp.aws"
CREDENTIALS = """[default]
aws_access_key_id = AKIDEXAMPLE
aws_secret_access_key = wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY
"""


def write_credentials(text=CREDENTIALS, mode=0o600):
    """Replace the file of AWS credentials."""
    write_file(CREDENTIALS_FILE, text, mode)


def check_user(house, **changes):
    """Good settings with check_user, and these changes."""
    write_credentials()
    house.settings(**{"check_user": "yes", "aws_credentials_file": CREDENTIALS_FILE, **changes})


def forget_answers():
    """Take away what is remembered of good answers, as a minute does."""
    for path in glob.glob(f"{RUN}/standing-*"):
        os.unlink(path)


def asked(house):
    """How often the service was asked about a user."""
    return len(house.cognito.requests("AdminGetUser"))
