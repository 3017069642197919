"""cognito-otp check: faults of PAM stacks, of sshd's settings and of login(1), and what is an exception and no fault.

Each row of FAULTS is one test, as in test_check.py: a good machine passes, the planted fault is found under its name,
at its line, with a remedy and nothing else beside it, and the machine passes again once it is repaired.
"""

import contextlib
import glob
import os
import subprocess

import pytest

from system.house import SETTINGS, write_file
from system.ready_machine import (
    LOGIN_DEFS,
    PAM,
    SSHD_CONFIG,
    SSHD_DROP_IN,
    STOCK,
    Fault,
    assert_good,
    changed_file,
    check,
    debian_stack,
    find_and_repair,
    put_readme_stacks,
    read,
    row_of,
    somebody,
    stack_of_readme,
    stock_stacks,
    together,
    with_file,
    with_settings,
)

OURS = "auth required pam_cognito_otp.so\n"
OTHER_SETTINGS = "/etc/security/other.conf"
METHODS = "AuthenticationMethods publickey,keyboard-interactive:pam"
rows = []
pytestmark = pytest.mark.usefixtures("table", "machine")


def with_stack(auth, *services):
    """Plant other auth lines in Debian's files of these services."""
    @contextlib.contextmanager
    def plant(_house):
        for service in services:
            write_file(f"{PAM}/{service}", debian_stack(service, auth))
        try:
            yield
        finally:
            stock_stacks()
            put_readme_stacks("sshd", "sudo", "sudo-i", "login")
    return plant


def with_sshd(old, new):
    """Plant a line in the drop-in of sshd, in place of another."""
    def change(text):
        assert text.count(old) == 1
        return text.replace(old, new)
    return with_file(SSHD_DROP_IN, change)


@contextlib.contextmanager
def stock_file_with_ours(_house):
    """Somebody has put the module where every service finds it."""
    with changed_file(f"{PAM}/common-auth", lambda text: text + OURS):
        yield


@contextlib.contextmanager
def no_host_keys(_house):
    """As in an image whose keys are made at its first start; the repair is the command of the remedy."""
    keys = {path: read(path) for path in glob.glob("/etc/ssh/ssh_host_*_key*")}
    for path in keys:
        os.remove(path)
    try:
        yield
    finally:
        subprocess.run(["ssh-keygen", "-A"], check=True, timeout=60, capture_output=True)


@contextlib.contextmanager
def no_run_sshd(_house):
    """sshd was not started since the boot; the repair is a command of the remedy."""
    os.rmdir("/run/sshd")
    try:
        yield
    finally:
        subprocess.run(["mkdir", "-m", "0755", "/run/sshd"], check=True, timeout=10)


def ignoring(auth):
    """Plant a stack for people without a mapping."""
    return together(with_settings(unmapped="ignore"), with_stack(auth, "sudo", "sudo-i"))


BOTH = ("sudo", "sudo-i")
STACKS = [
    Fault("sufficient", with_stack(OURS.replace("required", "sufficient"), *BOTH), "pam_sufficient",
          f"{PAM}/sudo:6: ", remedy="required"),
    Fault("optional", with_stack(OURS.replace("required", "optional") + "auth required pam_unix.so\n", *BOTH),
          "pam_optional", f"{PAM}/sudo:6: ", remedy="required"),
    Fault("a failure that is ignored",
          with_stack("auth [success=ok default=ignore] pam_cognito_otp.so\nauth required pam_permit.so\n", *BOTH),
          "pam_fail_open", f"{PAM}/sudo:6: .*auth_err", remedy="required"),
    Fault("module of another directory", with_stack("auth required /opt/lib/pam_cognito_otp.so\n", *BOTH),
          "pam_module_path", f"{PAM}/sudo:6: /opt/lib", remedy="without a directory"),
    Fault("argument that is no setting", with_stack(OURS[:-1] + " nodelay\n", *BOTH), "pam_argument",
          f"{PAM}/sudo:6: .*nodelay", remedy="pam_cognito_otp"),
    Fault("argument with a bad value", with_stack(OURS[:-1] + " max_tries=99\n", *BOTH), "pam_argument",
          f"{PAM}/sudo:6: .*max_tries"),
    Fault("argument that names a file which is not there", with_stack(OURS[:-1] + " config=/etc/none.conf\n", *BOTH),
          "pam_argument", "/etc/none.conf"),
    Fault("control misspelt", with_stack("auth requird pam_cognito_otp.so\n", *BOTH), "pam_file", f"{PAM}/sudo:6: ",
          others=("pam_blocked",)),
    Fault("stack writable by its group", with_file(f"{PAM}/sudo", mode=0o664), "pam_file", f"{PAM}/sudo: ",
          remedy="chmod go-w"),
    Fault("stack of a user", lambda house: changed_file(f"{PAM}/sshd", owner=somebody()), "pam_file", f"{PAM}/sshd: ",
          remedy="chown root"),
    Fault("included file writable by its group", with_file(f"{PAM}/common-account", mode=0o664), "pam_file",
          f"{PAM}/common-account: "),
    Fault("line that is never reached", with_stack("auth requisite pam_deny.so\n" + OURS, *BOTH), "pam_unreachable",
          f"{PAM}/sudo:7: "),
    Fault("line after one that refuses always", with_stack(OURS + "auth required pam_deny.so\n", *BOTH), "pam_blocked",
          f"{PAM}/sudo:6: "),
    Fault("password in place of a code", with_stack("auth sufficient pam_unix.so\n" + OURS, *BOTH), "pam_bypassed",
          f"{PAM}/sudo:6: .*pam_unix", level="warning", remedy="requisite"),
    Fault("code after a wrong password", with_stack("auth required pam_unix.so\n" + OURS, *BOTH),
          "pam_required_before", f"{PAM}/sudo:6: ", level="warning", remedy="requisite"),
    Fault("unmapped = ignore, and nobody decides", ignoring(OURS), "pam_permit_missing", f"{PAM}/sudo:6: ",
          remedy="unmapped = deny"),
    Fault("unmapped = ignore, and everybody gets in", ignoring(OURS + "auth required pam_permit.so\n"),
          "pam_permit_open", f"{PAM}/sudo:6: ", others=("pam_permit_missing",), remedy="pam_unix"),
    Fault("groups of a service that asks for no code", with_settings(**{"require_group.su": "hosts"}),
          "require_group_unused", "require_group.su: ", level="warning", remedy="/etc/pam.d"),
    Fault("groups of a service that is misspelt", with_settings(**{"require_group.sudo_i": "hosts"}),
          "require_group_unused", "require_group.sudo_i: ", level="warning"),
    Fault("module in common-auth", stock_file_with_ours, "pam_shared_stack", f"{PAM}/common-auth:.*su",
          level="warning"),
    Fault("sudo -i forgotten", with_file(f"{PAM}/sudo-i", lambda text: STOCK["sudo-i"]), "pam_sudo_i",
          f"{PAM}/sudo-i: .*sudo-i does not", level="warning", remedy="both"),
    Fault("su -l forgotten", together(with_file(f"{PAM}/su-l", lambda text: STOCK["su"]), with_stack(OURS, "su")),
          "pam_su_l", f"{PAM}/su-l: .*su-l does not", level="warning", remedy="both"),
]
SSHD = [
    Fault("no drop-in", with_file(SSHD_DROP_IN, lambda text: ""), "sshd_kbdinteractive", "sshd -T: ",
          others=("sshd_password",), remedy="KbdInteractiveAuthentication yes"),
    Fault("UsePAM no", with_sshd("UsePAM yes", "UsePAM no"), "sshd_use_pam", "sshd -T: ", remedy="UsePAM yes"),
    Fault("KbdInteractiveAuthentication no",
          with_sshd("KbdInteractiveAuthentication yes", "KbdInteractiveAuthentication no"), "sshd_broken",
          "keyboard-interactive"),
    Fault("a key is enough", with_sshd(METHODS, "AuthenticationMethods any"), "sshd_methods", "sshd -T: .*any",
          others=("sshd_code_only",), remedy=METHODS),
    Fault("a key is enough, as one of two ways", with_sshd(METHODS, METHODS + " publickey"), "sshd_methods",
          "sshd -T: ", remedy=METHODS),
    Fault("no way with a code", with_sshd(METHODS, "AuthenticationMethods publickey"), "sshd_methods", "nobody",
          remedy=METHODS),
    Fault("a code is enough", with_sshd(METHODS, "AuthenticationMethods keyboard-interactive:pam"), "sshd_code_only",
          "sshd -T: ", level="warning", remedy=METHODS),
    Fault("passwords of clients",
          together(with_sshd("PasswordAuthentication no", "PasswordAuthentication yes"),
                   with_sshd(METHODS, METHODS + " publickey,password")),
          "sshd_password", "sshd -T: ", level="warning", remedy="PasswordAuthentication no"),
    Fault("LoginGraceTime 30", with_sshd("LoginGraceTime 180", "LoginGraceTime 30"), "sshd_grace", "LoginGraceTime 30",
          level="warning", remedy="LoginGraceTime 180"),
    Fault("UseDNS yes", with_sshd("UsePAM yes", "UsePAM yes\nUseDNS yes"), "sshd_dns", "sshd -T: ", level="warning",
          remedy="UseDNS no"),
    Fault("MaxAuthTries 1", with_sshd("UsePAM yes", "UsePAM yes\nMaxAuthTries 1"), "sshd_max_auth_tries", "sshd -T: ",
          level="warning", remedy="MaxAuthTries 6"),
    Fault("keyword misspelt", with_sshd("UsePAM yes", "UsePam yes\nUsePAN yes"), "sshd_broken",
          f"{SSHD_DROP_IN}.*UsePAN", remedy="sshd -t"),
    Fault("no host keys", no_host_keys, "sshd_broken", "hostkeys", remedy="ssh-keygen -A"),
    Fault("/run/sshd missing", no_run_sshd, "sshd_broken", "privilege separation", level="warning",
          remedy="mkdir -m 0755 /run/sshd"),
    Fault("no keyboard for one of the map",
          with_file(SSHD_CONFIG, lambda text: text + "Match User bob\nKbdInteractiveAuthentication no\n"),
          "sshd_kbdinteractive", "user=bob"),
]
LOGIN = [
    Fault("LOGIN_TIMEOUT of Debian", with_file(LOGIN_DEFS, lambda text: text.replace("LOGIN_TIMEOUT 300", "")),
          "login_timeout", "LOGIN_TIMEOUT 60", level="warning", remedy="LOGIN_TIMEOUT 300"),
    Fault("LOGIN_TIMEOUT 30", with_file(LOGIN_DEFS, lambda text: text.replace("TIMEOUT 300", "TIMEOUT 30")),
          "login_timeout", rf"{LOGIN_DEFS}:\d+: LOGIN_TIMEOUT 30", level="warning"),
]
FAULTS = STACKS + SSHD + LOGIN


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.what)
def test_fault(house, fault):
    """Found, with its remedy, and nothing else; repaired, nothing."""
    rows.append(row_of(fault.what, find_and_repair(house, fault)))
    assert house.counts()["mails"] == 0


# --- exceptions that somebody may want: notes -----------------------------------------------------------------------

NOTES = [
    Fault("an exception by a condition", with_stack("auth sufficient pam_succeed_if.so user = backup\n" + OURS, *BOTH),
          "pam_exempt", f"{PAM}/sudo:6: "),
    Fault("a password before the code", with_stack("auth requisite pam_unix.so\n" + OURS, *BOTH), "pam", "sudo asks"),
    Fault("a Match block without a code",
          with_file(SSHD_CONFIG, lambda text: text + "Match User bob\nAuthenticationMethods publickey\n"),
          "sshd_methods", "user=bob"),
    Fault("PasswordAuthentication that cannot be used", with_sshd("PasswordAuthentication no",
                                                                  "PasswordAuthentication yes"),
          "sshd_password", "does not allow it"),
    Fault("sshd without a code", with_file(f"{PAM}/sshd", lambda text: STOCK["sshd"]), "sshd_unused", "sshd"),
    Fault("settings of another file", with_stack(OURS[:-1] + f" config={OTHER_SETTINGS}\n", *BOTH), "pam_config",
          f"--config {OTHER_SETTINGS} check"),
    Fault("LOGIN_TIMEOUT 0, for ever", with_file(LOGIN_DEFS, lambda text: text.replace("TIMEOUT 300", "TIMEOUT 0")),
          "login", "leaves time"),
    Fault("groups of a service that asks for a code", with_settings(**{"require_group.sudo": "hosts"}), "pam",
          "sudo asks"),
    Fault("copies that editors leave", with_file(f"{PAM}/sudo", lambda text: text), "pam", "sudo asks"),
]


@pytest.mark.parametrize("note", NOTES, ids=lambda note: note.what)
def test_exception(house, note):
    """It is said, and no fault."""
    write_file(OTHER_SETTINGS, read(SETTINGS))
    write_file(f"{PAM}/sudo.bak", "auth sufficient pam_cognito_otp.so\n", 0o666)
    try:
        with note.plant(house):
            outcome = check()
    finally:
        os.remove(OTHER_SETTINGS)
        os.remove(f"{PAM}/sudo.bak")
    assert_good(outcome)
    found = [finding for finding in outcome.named(note.name) if finding.level in ("note", "ok")]
    assert any(note.word in f"{finding.where}: {finding.text}" for finding in found), outcome.findings
    rows.append(row_of(note.what, found[0]))


def test_before_pam_is_changed(house):
    """All else is looked at, and that nobody is asked yet is said."""
    stock_stacks()
    with with_sshd(stack_of_readme("sshd-config-key-code"), "")(house):
        outcome = check()
    assert_good(outcome)
    (note,) = outcome.named("pam_unused")
    assert note.level == "note" and not outcome.named("sshd_unused")
    rows.append(row_of("PAM not changed yet", note))


def test_machine_without_sshd(house):
    """login and sudo alone are an installation, too."""
    os.rename("/usr/sbin/sshd", "/usr/sbin/sshd.away")
    try:
        outcome = check()
    finally:
        os.rename("/usr/sbin/sshd.away", "/usr/sbin/sshd")
    assert_good(outcome)
    assert outcome.named("sshd_unused")[0].text == "there is no sshd here"
    assert house.counts()["mails"] == 0


def test_there_are_enough_of_them():
    """Each under a name of its own."""
    assert len({fault.what for fault in FAULTS}) == len(FAULTS) >= 30
