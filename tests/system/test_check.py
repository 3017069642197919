"""cognito-otp check: faults of the installation, the settings, the user map and the way to the service.

Each row of FAULTS is one test: a good machine passes, the planted fault is found under its name, with place and remedy
and nothing else beside it, and the machine passes again once it is repaired. Those of PAM and sshd: test_check_pam.py.
"""

import contextlib
import os
import shutil
import socket
import subprocess

import pytest
from mock_cognito.defaults import CLIENT, POOL, PUBLIC_CLIENT

from system.house import CA_FILE, HELPER, RUN, SECRET_FILE, SETTINGS, STATE, USER_MAP, write_file
from system.ready_machine import (
    SSHD_DROP_IN,
    Fault,
    assert_good,
    changed_file,
    check,
    find_and_repair,
    moved_away,
    row_of,
    somebody,
    together,
    with_cognito,
    with_fault,
    with_file,
    with_lines,
    with_settings,
)
from system.test_faults import packets
from system.test_state_files import change_mount, disk

FLOW = "/usr/libexec/pam_cognito_otp/cognito-otp-flow-1.so"
OTHER_PATH = "/etc/security/elsewhere"
NOWHERE = "https://cognito-idp.eu-west-1.amazonaws.com"     # no name server in the rig knows it
CROWD = "".join(f"deploy email:p{number:02d}@example.com\n" for number in range(65))
rows = []
pytestmark = pytest.mark.usefixtures("table", "machine")


def module_path():
    """Where PAM looks for modules here."""
    found = [path for path in ("/lib/x86_64-linux-gnu/security", "/usr/lib64/security", "/lib/security",
                               f"/usr/lib/{os.uname().machine}-linux-gnu/security")
             if os.path.exists(f"{path}/pam_cognito_otp.so")]
    return os.path.realpath(f"{found[0]}/pam_cognito_otp.so")


@contextlib.contextmanager
def bytes_replaced(path, old, new):
    """A binary in which a word is another one of the same length."""
    with open(path, "rb") as file:
        data = file.read()
    assert old in data and len(old) == len(new)
    shutil.copy2(path, path + ".kept")
    os.remove(path)                 # and not into a file that a process may run
    with open(path, "wb") as file:
        file.write(data.replace(old, new))
    shutil.copymode(path + ".kept", path)
    try:
        yield
    finally:
        os.rename(path + ".kept", path)


@contextlib.contextmanager
def another_program(path, text):
    """A script in place of a program."""
    os.rename(path, path + ".kept")
    write_file(path, text, 0o755)
    try:
        yield
    finally:
        os.rename(path + ".kept", path)


@contextlib.contextmanager
def directory(path, mode=0o700, owner=0):
    """The state directory as a careless hand has left it; the repair is the command of the remedy."""
    shutil.rmtree(path, ignore_errors=True)
    os.mkdir(path)
    os.chmod(path, mode)
    os.chown(path, owner, -1)
    try:
        yield
    finally:
        subprocess.run(["rm", "-r", path], check=True, timeout=10)


@contextlib.contextmanager
def link(path, to):
    """A symbolic link in place of the state directory."""
    shutil.rmtree(path, ignore_errors=True)
    os.symlink(to, path)
    try:
        yield
    finally:
        subprocess.run(["rm", "-r", path], check=True, timeout=10)


@contextlib.contextmanager
def full_disk(options, fill=0):
    """Little room where codes are kept."""
    with disk(options):
        with open(f"{RUN}/filler", "wb") as file:
            file.write(bytes(fill))
        yield


@contextlib.contextmanager
def read_only_disk(_house):
    """A file system that cannot be written to."""
    with disk("size=8m"):
        change_mount("mount", "-o", "remount,ro", RUN)
        try:
            yield
        finally:
            change_mount("mount", "-o", "remount,rw", RUN)


@contextlib.contextmanager
def refused(house):
    """Nobody listens there."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        nowhere = f"https://localhost:{closed.getsockname()[1]}"
        with with_settings(endpoint=nowhere, jwks_url=nowhere + "/keys")(house):
            yield


def profile(name):
    """A port with another certificate."""
    @contextlib.contextmanager
    def plant(house):
        where = f"https://localhost:{house.cognito.profiles[name]}"
        with with_settings(endpoint=where, jwks_url=f"{where}/{POOL}/.well-known/jwks.json")(house):
            yield
    return plant


def without(path):
    """A file that is missing."""
    return lambda house: moved_away(path)


def both_ways(**spec):
    """The same answer to the key set's request and to InitiateAuth."""
    return together(with_fault("jwks", **spec), with_fault("InitiateAuth", **spec))


def with_client(**changes):
    """A setting of the app client."""
    undo = {"explicit_auth_flows": ["ALLOW_USER_AUTH"], "prevent_user_existence_errors": "ENABLED"}
    return with_cognito("client", {key: undo[key] for key in changes}, CLIENT, **changes)


def with_error(kind, message="x"):
    """An error of the service at InitiateAuth."""
    return with_fault("InitiateAuth", error={"type": kind, "message": message})


HOST = [
    Fault("module missing", lambda house: moved_away(module_path()), "module_missing", "No such file",
          others=("pam_module_path",), remedy="pamdir"),
    Fault("module of another version", lambda house: bytes_replaced(module_path(), b"helper-1\0", b"helper-2\0"),
          "module_version", "does not start .*helper-1"),
    Fault("module writable by others", lambda house: changed_file(module_path(), mode=0o666), "module_unsafe",
          "pam_cognito_otp.so"),
    Fault("helper missing", without(HELPER), "helper_missing", HELPER, remedy="Install"),
    Fault("helper writable by others", with_file(HELPER, mode=0o757), "helper_unsafe", HELPER),
    Fault("helper of a user", lambda house: changed_file(HELPER, owner=somebody()), "helper_unsafe", HELPER),
    Fault("helper of another version",
          lambda house: another_program(HELPER, "#!/bin/sh\necho cognito-otp-helper 0.0.1\n"),
          "helper_version", "helper 0.0.1"),
    Fault("helper that cannot be executed", with_file(HELPER, mode=0o644), "helper_missing", "cannot be started"),
    Fault("flow object missing", without(FLOW), "helper_missing", FLOW),
    Fault("flow object writable by its group", with_file(FLOW, mode=0o664), "helper_unsafe", FLOW),
    Fault("a library of the flow object missing",
          lambda house: bytes_replaced(FLOW, b"libcurl.so.4\0", b"libcurX.so.4\0"), "helper_missing", "libcurX.so.4",
          remedy="ldd"),
    Fault("run directory 0755", lambda house: directory(RUN, 0o755), "state_unsafe", RUN, remedy=f"rm -r {RUN}"),
    Fault("run directory of a user", lambda house: directory(RUN, owner=somebody()), "state_unsafe", RUN,
          remedy=f"rm -r {RUN}"),
    Fault("run directory a link", lambda house: link(RUN, "/var/tmp"), "state_unsafe", RUN),
    Fault("run directory a link to nothing", lambda house: link(RUN, "/run/nothing"), "state_unsafe", RUN),
    Fault("no room for codes", lambda house: full_disk("size=1m", 300_000), "state_full", "KiB", level="warning",
          remedy="df"),
    Fault("no inodes for codes", lambda house: full_disk("size=8m,nr_inodes=20"), "state_full", "files",
          level="warning", remedy="df"),
    Fault("run directory read-only", read_only_disk, "state_io", "read-only"),
    Fault("directory of the key set 0755", lambda house: directory(STATE, 0o755), "state_unsafe", STATE,
          level="warning", remedy="root's alone"),
]
SETTING = [
    Fault("settings file missing", without(SETTINGS), "config_open", f"{SETTINGS}: No such file", remedy="Make"),
    Fault("unknown setting", with_lines("client_secrets_file = /x"), "config_unknown_key",
          f"{SETTINGS}:9: client_secrets_file", remedy="man 5"),
    Fault("value that cannot be", with_lines("max_tries = many"), "config_value", f"{SETTINGS}:9: max_tries"),
    Fault("value with a comment behind it", with_lines("challenge_ttl = 3m # slow mail"), "config_value",
          f"{SETTINGS}:9: challenge_ttl", remedy="#"),
    Fault("setting twice", with_lines("client_id = x"), "config_duplicate", f"{SETTINGS}:9: client_id", remedy="Rem"),
    Fault("line without =", with_lines("debug"), "config_syntax", f"{SETTINGS}:9: ", remedy="key = value"),
    Fault("client_id not set", with_settings(client_id=None), "config_missing", "client_id", remedy="client_id"),
    Fault("user_pool_id not set", with_settings(user_pool_id=None), "config_missing", "user_pool_id"),
    Fault("pool without a region", with_settings(user_pool_id="nowhere_Ab1"), "config_value", "user_pool_id"),
    Fault("list that lets nobody in", with_settings(users="alice !a*"), "config_value", "users: excludes all"),
    Fault("user of users who is nobody", with_settings(users="alice bob bbo"), "unknown_user", "users: bbo: there",
          level="warning", remedy="getent passwd"),
    Fault("user of users, in capitals, kept out", with_settings(users="!Bob"), "unknown_user", "keeps nobody out",
          level="warning", remedy="getent passwd"),
    Fault("group of groups that is none", with_settings(groups="!contractros root daemo[n]"), "unknown_group",
          "groups: contractros: .*keeps nobody out", level="warning", remedy="getent group"),
    Fault("group of groups by the number of one that has a name", with_settings(groups="!0"), "unknown_group",
          "groups: 0: ", level="warning", remedy="getent group"),
    Fault("settings that exclude each other", with_settings(connect_timeout="20s"), "config_value", "connect_timeout"),
    Fault("settings file 0666", with_file(SETTINGS, mode=0o666), "config_unsafe", f"{SETTINGS}: mode 0666",
          remedy="namei"),
    Fault("settings file of a user", lambda house: changed_file(SETTINGS, owner=somebody()), "config_unsafe",
          f"{SETTINGS}: belongs to"),
    Fault("settings file a link", lambda house: moved_away(SETTINGS, OTHER_PATH, link=True), "config_unsafe",
          f"{SETTINGS}: a symbolic link", remedy="link"),
    Fault("folder of the settings writable", lambda house: changed_mode("/etc/security", 0o777), "config_unsafe",
          "/etc/security"),
    Fault("secret file 0644", with_file(SECRET_FILE, mode=0o644), "config_unsafe", f"{SECRET_FILE}: mode 0644",
          remedy="0600"),
    Fault("secret file missing", without(SECRET_FILE), "config_open", SECRET_FILE),
    Fault("secret file empty", with_file(SECRET_FILE, lambda text: ""), "config_value", SECRET_FILE),
    Fault("CA file missing", without(CA_FILE), "config_open", CA_FILE),
    Fault("CA file of another kind", with_file(CA_FILE, lambda text: "no certificate\n"), "config_open", CA_FILE),
]
MAP = [
    Fault("map named and missing", with_settings(user_map="/etc/security/no.users"), "config_open", "no.users"),
    Fault("no map", without(USER_MAP), "map_empty", USER_MAP, remedy="email:ADDRESS"),
    Fault("map empty", with_file(USER_MAP, lambda text: "# nobody yet\n"), "map_empty", USER_MAP, remedy="email:"),
    Fault("map with a bad line", with_file(USER_MAP, lambda text: text + "dave dave@example.com\n"), "map_syntax",
          f"{USER_MAP}:4: ", remedy="kind:value"),
    Fault("map with a value twice", with_file(USER_MAP, lambda text: text + "alice username:alice@example.com\n"),
          "config_duplicate", f"{USER_MAP}:4: alice has alice@example.com in line 1", remedy="Remove one"),
    Fault("map with too many people", with_file(USER_MAP, lambda text: text + CROWD), "map_syntax",
          f"{USER_MAP}:68: deploy has more than 64 people", remedy="kind:value"),
    Fault("map of people without accounts", with_file(USER_MAP, lambda text: "alicia email:alice@example.com\n"),
          "map_no_account", "none of its 1 user", level="warning", remedy="getent passwd"),
    Fault("map writable by its group", with_file(USER_MAP, mode=0o664), "config_unsafe", f"{USER_MAP}: mode 0664"),
]
WAY = [
    Fault("names do not resolve", with_settings(endpoint=NOWHERE, jwks_url=None), "net_dns", NOWHERE, remedy="getent"),
    Fault("nobody listens", refused, "net_connect", "https://localhost:", remedy="443"),
    Fault("packets are dropped", lambda house: packets(f"tcp dport {house.cognito.https_port} drop"), "net_timeout",
          "https://localhost:", remedy="firewall"),
    Fault("nobody answers", both_ways(transport="silent"), "net_timeout", "https://localhost:"),
    Fault("connections break", with_fault("connect", transport="reset"), "net_tls|net_reset|net_connect",
          "https://localhost:"),
    Fault("certificate of another CA", profile("unknown_ca"), "tls_certificate", "https://localhost:",
          remedy="ca_file"),
    Fault("no CA file for a CA of one's own", with_settings(ca_file=None), "tls_certificate", "https://localhost:"),
    Fault("certificate of another host", profile("wrong_name"), "tls_certificate", "https://localhost:"),
    Fault("certificate expired", profile("expired"), "tls_certificate", "https://localhost:", remedy="clock"),
    Fault("certificate not yet valid", profile("not_yet_valid"), "tls_certificate", "https://localhost:"),
    Fault("TLS 1.0 only", profile("tls10"), "net_tls", "https://localhost:"),
    Fault("clock an hour behind", with_cognito("set_clock", {"date_offset": 0}, date_offset=3600), "clock_skew",
          r"3\d\d\d s behind", remedy="timedatectl"),
    Fault("captive portal", both_ways(transport="redirect"), "http_redirect", "status 302",
          remedy="captive portal"),
    Fault("a web page in place of the keys", with_fault("jwks", body="<html>"), "json_syntax", "jwks.json"),
    Fault("no such key set", with_settings(jwks_url=lambda house: house.cognito.endpoint + "/eu-west-1_other/"
                                           ".well-known/jwks.json"), "jwks_status", "status 404",
          remedy="user_pool_id"),
    Fault("empty key set", with_fault("jwks", keys="empty"), "jwks_empty", "jwks.json", remedy="jwks_url"),
    Fault("weak key in the key set", with_fault("jwks", keys="small_modulus"), "jwks_empty", "jwks.json"),
]
CLIENT_FAULTS = [
    Fault("wrong secret", with_file(SECRET_FILE, lambda text: "x" + text[1:]), "secret_hash", "https://localhost:",
          remedy="client_secret_file"),
    Fault("secret not set", with_settings(client_secret_file=None), "secret_hash", "https://localhost:"),
    Fault("unknown client", with_settings(client_id="0nobodyknowsit"), "client_unknown", "https://localhost:",
          remedy="client_id"),
    Fault("ALLOW_USER_AUTH missing", with_client(explicit_auth_flows=["ALLOW_USER_SRP_AUTH"]), "parameter_refused",
          "ALLOW_USER_AUTH", remedy="ALLOW_USER_AUTH"),
    Fault("EMAIL_OTP not allowed by the pool",
          with_cognito("pool", {"allowed_first_auth_factors": ["PASSWORD", "EMAIL_OTP", "SMS_OTP"]},
                       allowed_first_auth_factors=["PASSWORD"]),
          "challenge_not_offered", "EMAIL_OTP", remedy="AllowedFirstAuthFactors"),
    Fault("pool of the plan Lite", with_error("FeatureUnavailableInTierException"), "pool_setup", "https://localhost:",
          remedy="UserPoolTier"),
    Fault("MFA required", with_fault("InitiateAuth", challenge="SOFTWARE_TOKEN_MFA"), "challenge_other",
          "SOFTWARE_TOKEN_MFA"),
    Fault("existence of users shown", with_client(prevent_user_existence_errors="LEGACY"), "existence_shown",
          "https://localhost:", level="warning", remedy="PreventUserExistenceErrors"),
    Fault("client without a secret", with_settings(client_id=PUBLIC_CLIENT, client_secret_file=None), "client_public",
          "https://localhost:", level="warning", remedy="generate-secret"),
    Fault("firewall in front of the pool", with_error("ForbiddenException"), "service_forbidden", "https://localhost:",
          remedy="WAF"),
    Fault("requests limited", with_error("TooManyRequestsException", "Too many requests"), "service_throttled",
          "could not be tried", level="warning", remedy="Wait"),
    Fault("a trigger fails", with_error("UnexpectedLambdaException"), "lambda_broken", "https://localhost:",
          remedy="CloudWatch"),
    Fault("service broken", with_fault("InitiateAuth", status=503, body="Service Unavailable"), "http_status",
          "status 503"),
    Fault("two faults at once", together(with_file(USER_MAP, lambda text: ""), with_file(SECRET_FILE, mode=0o644)),
          "config_unsafe", SECRET_FILE, others=("map_empty",)),
]
FAULTS = HOST + SETTING + MAP + WAY + CLIENT_FAULTS


@contextlib.contextmanager
def changed_mode(path, mode):
    """Another mode of a directory."""
    before = os.stat(path).st_mode & 0o7777
    os.chmod(path, mode)
    try:
        yield
    finally:
        os.chmod(path, before)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_fault(house, fault):
    """Found, with its remedy, and nothing else; repaired, nothing."""
    rows.append(row_of(fault.what, find_and_repair(house, fault)))
    assert house.counts()["mails"] == 0


def test_there_are_enough_of_them():
    """Each under a name of its own."""
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 60
    assert len({fault.name for fault in FAULTS}) >= 30


MATCHES = {
    "every address without a code": ("Match Address *\n  AuthenticationMethods publickey\n", ["sshd_methods"]),
    "every address without a question": ("Match Address 0.0.0.0/0,::/0\n  KbdInteractiveAuthentication no\n",
                                         ["sshd_kbdinteractive"]),
    "a network without a code": ("Match Address 192.0.2.0/24\n  AuthenticationMethods publickey\n", []),
    "a port of its own": ("Match LocalPort 2222\n  X11Forwarding no\n", []),
    "a port and an address of its own": ("Match LocalAddress 192.0.2.1 LocalPort 2222\n  X11Forwarding no\n", []),
}


@pytest.mark.parametrize("name", MATCHES)
def test_match_blocks_of_sshd(house, name):
    """Somebody from outside is asked for, too; what a Match block must be told to be looked at is no fault."""
    block, wanted = MATCHES[name]
    with changed_file(SSHD_DROP_IN, lambda old: old + block + "Match all\n"):
        assert [finding.name for finding in check().bad()] == wanted
    assert_good(check())
