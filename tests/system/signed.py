"""What tests of check_user and create_user share: the AWS credentials, the settings, the file of pins.

Rule: the credentials are ones that the local Cognito knows; the file of pins is begun as an administrator begins it.
"""

import glob
import os
import re

from mock_cognito.defaults import POOL

from system.house import AWS_FILE, RUN, STATE, write_file

KEY, SECRET_KEY = "AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
SUB = {"alice": "c2c5d4e4-0011-70aa-b1c2-1234567890ab", "bob": "b0b0b0b0-2222-70bb-8000-bbbbbbbbbbbb"}
PINS = os.path.join(STATE, f"pins-{POOL}")


def credentials_of(key=KEY, secret=SECRET_KEY):
    """What stands in a file of AWS credentials."""
    return f"[default]\naws_access_key_id = {key}\naws_secret_access_key = {secret}\n"


def write_credentials(key=KEY, secret=SECRET_KEY, mode=0o600):
    """The file of aws_credentials_file."""
    write_file(AWS_FILE, credentials_of(key, secret), mode)


def check_users(house, **changes):
    """Settings with check_user and good credentials."""
    write_credentials()
    house.settings(**{"check_user": "yes", "aws_credentials_file": AWS_FILE, **changes})


def begin_pins():
    """An empty file of pins for the pool."""
    os.makedirs(STATE, mode=0o700, exist_ok=True)
    write_file(PINS, f"# pins of {POOL}\n# end\n", 0o600)


def create_users(house, **changes):
    """Settings with create_user and good credentials, and an empty file of pins."""
    check_users(house, **{"check_user": None, "create_user": "yes", **changes})
    begin_pins()


def pins():
    """The lines of the file of pins, as (user, identity, sub, from)."""
    with open(PINS, encoding="ascii") as file:
        return re.findall(r"^(\S+) (\S+) sub=(\S+) from=(\w+) ", file.read(), re.M)


def forget_standings():
    """As if a minute had passed since the pool was asked."""
    for path in glob.glob(f"{RUN}/standing-*"):
        os.unlink(path)


def asked(house):
    """How often the service was asked about a user."""
    return len(house.cognito.requests("AdminGetUser"))
