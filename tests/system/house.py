"""The installed module in the rig: its settings, its map, its people, the local Cognito and the system log.

Rules: every test begins with fresh_settings(): the same good settings, an empty outbox, log and fault list, and no
state on disk; what a test changes, it changes through here, so that the next one does not inherit it.
"""

import contextlib
import json
import os
import re
import shutil
import time

from driver.driver import PamCall
from mock_cognito.client import LocalCognito
from mock_cognito.defaults import CLIENT, POOL, SECRET
from rig import accounts, pam, processes, require
from rig.syslog import Syslog

SETTINGS = "/etc/security/pam_cognito_otp.conf"
USER_MAP = "/etc/security/pam_cognito_otp.users"
SECRET_FILE = "/etc/security/pam_cognito_otp.secret"
AWS_FILE = "/etc/security/pam_cognito_otp.aws"
METADATA_ADDRESS = "169.254.169.254"     # of an EC2 machine's own metadata service
CA_FILE = "/etc/security/local-cognito-ca.pem"
STATE = "/var/lib/pam_cognito_otp"
RUN = "/run/pam_cognito_otp"
HELPER = "/usr/libexec/pam_cognito_otp/cognito-otp-helper-1"
SERVICES = ("rig-sshd", "sudo", "sudo-i", "su", "su-l", "login", "otp-test")
FIRST_QUESTION = r"Sign-in code, or y to have one mailed: "
CODE_QUESTION = r"Code \(r = new one\): "
OUTCOME = re.compile(
    r"pam_cognito_otp\((?P<pam>[^)]*)\): event=(?P<event>\w+) reason=(?P<reason>\w+) user=(?P<user>\S+)"
    r"(?: cognito=(?P<cognito>\S+))? service=(?P<service>\S+)(?: origin=(?P<origin>\S+) caller=(?P<caller>\w+))?"
)


def write_file(path, text, mode=0o644):
    """Replace a file of root's with exactly this mode."""
    temporary = path + ".new"
    with open(temporary, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(temporary, mode)
    os.rename(temporary, path)


class House:
    """One per test session; alice and bob are mapped, carol has a phone, dave is unmapped, mallory is the attacker."""

    def __init__(self):
        require()
        self.log = Syslog()
        self.cognito = LocalCognito("/run/local-cognito")
        people = accounts.add_people("alice", "bob", "carol", "dave", "mallory")
        self.alice, self.bob, self.carol, self.dave, self.mallory = people
        self.fresh_settings()

    def close(self):
        """End the servers."""
        self.cognito.stop()
        self.log.close()

    def settings(self, **changes):
        """Write the settings file; None leaves a key out."""
        values = {
            "user_pool_id": POOL,
            "client_id": CLIENT,
            "client_secret_file": SECRET_FILE,
            "endpoint": self.cognito.endpoint,
            "jwks_url": self.cognito.jwks_url(),
            "ca_file": CA_FILE,
            **changes,
        }
        write_file(SETTINGS, "".join(f"{key} = {value}\n" for key, value in values.items() if value is not None))

    def user_map(self, *lines):
        """Write the user map."""
        write_file(USER_MAP, "".join(line + "\n" for line in lines))

    def fresh_settings(self):
        """Good settings, map and stacks, an empty log, outbox and fault list, no state."""
        wait_helpers(0)  # a revocation of the test before would count in this one
        self.cognito.reset()
        self.cognito.set_clock(offset=0, date_offset=0, token_offset=0)
        write_file(SECRET_FILE, SECRET + "\n", 0o600)
        with open(self.cognito.ca_file, encoding="ascii") as file:
            write_file(CA_FILE, file.read())
        self.settings()
        self.user_map("alice email:alice@example.com", "bob email:bob@example.com", "carol email:carol@example.com")
        for service in SERVICES:
            pam.lines(service, **pam.module())
        self.forget_state()
        self.log.clear()

    def forget_state(self):
        """Remove the copy of the key set, open challenges and budgets."""
        shutil.rmtree(STATE, ignore_errors=True)
        shutil.rmtree(RUN, ignore_errors=True)

    def make_run_directory(self):
        """What every first caller makes: the run directory and the budget that serves when no file can be written."""
        with PamCall("otp-test", "carol", tty="ssh", rhost="203.0.113.77") as call:
            assert call.prompt() is not None
            call.finish()
        self.log.wait_for("event=")
        self.log.clear()

    def outcomes(self):
        """The outcome lines so far, as dictionaries of their fields."""
        return [match.groupdict() for match in map(OUTCOME.search, self.log.lines("event=")) if match]

    def outcome(self, timeout=5):
        """The last outcome line; waits for the first one."""
        self.log.wait_for("event=", timeout=timeout)
        return self.outcomes()[-1]

    def counts(self):
        """How often each operation (but RevokeToken) reached the service, and the mails: {"mails": 1, ...}."""
        counts = {"mails": len(self.cognito.outbox())}
        for request in self.cognito.requests():
            if request["operation"] != "RevokeToken":
                counts[request["operation"]] = counts.get(request["operation"], 0) + 1
        return counts

    def of_user(self, name):
        """What reached the service for this Cognito user, one operation name per request."""
        return [request["operation"] for request in self.cognito.requests() if json.dumps(name) in request["body"]]

    def connections(self):
        """How many connections reached the service."""
        return self.cognito.connections()["accepted"]

    def untouched(self):
        """Nothing was mailed, asked or even connected to."""
        return (self.connections(), self.cognito.requests(), self.cognito.outbox()) == (0, [], [])

    def wait_outcomes(self, count, timeout=10):
        """Wait for that many outcome lines; return all."""
        self.log.wait_for("event=", timeout=timeout, count=count)
        return self.outcomes()

    def reasons(self):
        """The reasons of the outcome lines so far."""
        return [outcome["reason"] for outcome in self.outcomes()]


@contextlib.contextmanager
def no_groups_file():
    """Groups that cannot be looked up: the only source of them is a file that is a link to itself."""
    with open("/etc/nsswitch.conf", encoding="utf-8") as file:
        before = file.read()
    os.rename("/etc/group", "/etc/group.kept")
    os.symlink("/etc/group", "/etc/group")
    write_file("/etc/nsswitch.conf", "passwd: files\nshadow: files\ngroup: files\nhosts: files\n")
    try:
        yield
    finally:
        os.rename("/etc/group.kept", "/etc/group")
        write_file("/etc/nsswitch.conf", before)


@contextlib.contextmanager
def gone(path):
    """The file is not there for a while."""
    os.rename(path, path + ".away")
    try:
        yield
    finally:
        os.rename(path + ".away", path)


def executable(process):
    """The program that the process runs; "" when it is gone."""
    try:
        return os.readlink(f"/proc/{process}/exe")
    except OSError:
        return ""


def helpers():
    """The ids of the helper processes, a revocation that is still under way among them."""
    return [process for process in processes.relations() if executable(process) == HELPER]


def wait_helpers(count, timeout=8):
    """Wait until there are so many helper processes; return their ids."""
    deadline = time.monotonic() + timeout
    while True:
        found = helpers()
        if len(found) == count:
            return found
        assert time.monotonic() < deadline, f"helpers: {found} and not {count} after {timeout} s"
        time.sleep(0.01)


def calling_program():
    """The program whose module waits for the only helper there is."""
    (helper,) = wait_helpers(1)
    return executable(processes.relations()[helper][0])
