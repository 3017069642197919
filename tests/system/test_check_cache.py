"""cognito-otp check: whether the cache and session tokens can do what the settings want.

Each row of FAULTS is one test, as in test_check.py: a machine with a cache passes, the planted fault is found under its
name, with place and remedy and nothing else beside it, and the machine passes again once it is repaired.
"""

import contextlib
import os
import shutil
import subprocess

import pytest

from system.house import write_file
from system.ready_machine import (
    PAM,
    TOOL,
    Fault,
    assert_good,
    check,
    find_and_repair,
    findings_of_json,
    read,
    row_of,
    stock_stacks,
    together,
    with_file,
    with_settings,
)

LOGINUID = "session    required     pam_loginuid.so\n"
OURS = "session    optional     pam_cognito_otp.so\n"
AUTH = "auth required pam_cognito_otp.so\n"
PLACE = "/var/lib/otp-cache"
rows = []
pytestmark = pytest.mark.usefixtures("table", "cached")


@pytest.fixture
def cached(machine):
    """The machine of the README with the session lines of the cache."""
    assert machine is None
    for service in ("sshd", "login"):
        text = read(f"{PAM}/{service}")
        assert text.count(LOGINUID) == 1
        write_file(f"{PAM}/{service}", text.replace(LOGINUID, LOGINUID + OURS))
    yield
    stock_stacks()
    shutil.rmtree(PLACE, ignore_errors=True)


def caching(**changes):
    """Plant a cache."""
    return with_settings(**{"cache": "on", **changes})


def with_change(service, old, new, **changes):
    """Plant a cache, and other words in a PAM file."""
    return together(caching(**changes), with_file(f"{PAM}/{service}", lambda text: text.replace(old, new)))


def with_place(mode):
    """Plant a cache_dir of this mode."""
    @contextlib.contextmanager
    def plant(house):
        os.makedirs(PLACE)
        os.chmod(PLACE, mode)
        try:
            with caching(cache_dir=PLACE)(house):
                yield
        finally:
            shutil.rmtree(PLACE)
    return plant


FAULTS = [
    Fault("sshd without our session line", with_change("sshd", OURS, ""), "cache_session_line", f"{PAM}/sshd: sshd ",
          "warning", remedy="session optional pam_cognito_otp.so"),
    Fault("login without it", with_change("login", OURS, ""), "cache_session_line", f"{PAM}/login: login ", "warning"),
    Fault("it is a comment", with_change("sshd", OURS, "#" + OURS), "cache_session_line", f"{PAM}/sshd", "warning"),
    Fault("it stands before pam_loginuid", with_change("sshd", LOGINUID + OURS, OURS + LOGINUID), "cache_no_loginuid",
          f"{PAM}/sshd:.*comes later", "warning", remedy="pam_loginuid"),
    Fault("no pam_loginuid", with_change("login", LOGINUID, ""), "cache_no_loginuid",
          f"{PAM}/login:.*have no pam_loginuid", "warning", remedy="pam_loginuid"),
    Fault("its line switches the cache off", with_change("sshd", OURS, OURS[:-1] + " cache=off\n"),
          "cache_session_differs", f"{PAM}/sshd:.*other than", "warning", remedy="arguments"),
    Fault("its line reads another file", with_change("login", OURS, OURS[:-1] + " config=/etc/security/gone.conf\n"),
          "cache_session_differs", f"{PAM}/login:.*cannot be used", "warning"),
    Fault("its line has a typing error", with_change("sshd", OURS, OURS[:-1] + " cahce=on\n"),
          "cache_session_differs", f"{PAM}/sshd:.*config_unknown_key", "warning"),
    Fault("session tokens alone need it, too",
          together(with_settings(session_tokens="yes"), with_file(f"{PAM}/sshd", lambda text: text.replace(OURS, ""))),
          "cache_session_line", f"{PAM}/sshd", "warning"),
    Fault("services that do not ask", caching(cache_services="su su-l"), "cache_unused", "none of these", "warning",
          remedy="auth lines"),
    Fault("a service that is not there", caching(cache_services="sudo sudoo"), "cache_service_unknown", "sudoo: ",
          "warning", remedy="/etc/pam.d"),
    Fault("a directory that others can read", with_place(0o755), "cache_dir_unsafe", f"{PLACE}: ", "warning",
          remedy="namei"),
    Fault("a directory that others can write to", with_place(0o777), "cache_dir_unsafe", f"{PLACE}: ", "warning"),
]


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_fault(house, fault):
    """Found, named, placed, with a remedy; and gone when it is repaired."""
    rows.append(row_of(fault.what, find_and_repair(house, fault)))


@pytest.mark.parametrize("changes", [
    {"cache": "on"}, {"cache": "on", "cache_check": "online", "cache_ttl": "8h"}, {"session_tokens": "yes"},
    {"cache": "on", "session_tokens": "yes", "cache_dir": PLACE}, {"cache": "on", "cache_services": "sudo"},
], ids=str)
def test_good(house, changes):
    """What the manual says has nothing to complain of, a directory that is not there yet included, and is not made."""
    with with_settings(**changes)(house):
        outcome = check()
    assert_good(outcome)
    assert len(outcome.named("cache")) == ("cache" in changes) and not os.path.exists(PLACE)


def test_off(house):
    """Without cache and session tokens neither lines nor services are looked at."""
    with with_file(f"{PAM}/sshd", lambda text: text.replace(OURS, "").replace(LOGINUID, ""))(house):
        outcome = check()
    assert_good(outcome)
    assert not [finding for finding in outcome.findings if finding.name.startswith("cache")]


def test_key_alone(house):
    """sshd in cache_services: said, for how long, and no fault; its records need no session line."""
    with with_change("sshd", OURS, "", cache_services="sshd", cache_ttl="15m")(house):
        outcome = check()
    assert_good(outcome)
    (note,) = outcome.named("cache_key_alone")
    assert note.level == "note" and "for 900 s" in note.text and "key alone" in note.text
    rows.append(row_of("sshd in cache_services", note))


def test_directory_in_memory(house):
    """A long life that a boot ends; not where it is short, or offline, or on a disk."""
    os.makedirs(PLACE, mode=0o700)
    long = {"cache": "on", "cache_dir": PLACE, "cache_check": "online", "cache_ttl": "8h"}
    with with_settings(**long)(house):
        assert not check().named("cache_dir_memory")
    subprocess.run(["mount", "-t", "tmpfs", "-o", "mode=0700", "none", PLACE], check=True, timeout=10)
    try:
        with with_settings(**long)(house):
            outcome = check()
        with with_settings(**{**long, "cache_ttl": "1h"})(house):
            assert not check().named("cache_dir_memory")
    finally:
        subprocess.run(["umount", PLACE], check=True, timeout=10)
    assert_good(outcome)
    (note,) = outcome.named("cache_dir_memory")
    assert note.level == "note" and note.where == PLACE


def test_kernel_without_sessions(house):
    """A /proc without them, for the tool alone."""
    hidden = ["unshare", "-m", "sh", "-c", "mount -t tmpfs none /proc && exec \"$@\"", "sh", TOOL, "check", "--json"]
    with caching()(house):
        run = subprocess.run(hidden, capture_output=True, text=True, timeout=60, check=False, stdin=subprocess.DEVNULL)
    found = [finding for finding in findings_of_json(run.stdout) if finding.name == "cache_no_sessions"]
    assert [(finding.level, finding.where) for finding in found] == [("warning", "/proc/self/sessionid")]
