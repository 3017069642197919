"""Whatever is broken about us, only the auth line refuses: key logins, cron, root's su and sudo's time stamp go on.

Every stack here is Debian's with our line in place of common-auth, and `account required` and `session required` lines
of ours at the end. The causes are those that shut people out of other modules' hosts: an update that left a word in the
settings, a mode, a file that is gone, a helper that is gone, a service that is stopped, a network that is cut.
"""

import contextlib
import os
import subprocess
import time

import pytest
from mock_cognito.client import LocalCognito
from rig import accounts, login, network, pam, processes, ssh, su, sudo
from rig.pty import Terminal
from rig.sshd import MachineSshd

from system import recipes
from system.house import CODE_QUESTION, HELPER, SETTINGS, gone, helpers, write_file

CRON = "/usr/sbin/cron"
JOB = "/etc/cron.d/rig"
PATIENCE = 30
LINES = "account required pam_cognito_otp.so\nsession required pam_cognito_otp.so\n"
OURS = ("sshd", "sudo", "sudo-i", "su", "login", "cron")


# --- what is broken -------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def unknown_key(_house):
    """A setting of another version, or a misspelt one."""
    with open(SETTINGS, "a", encoding="utf-8") as file:
        file.write("client_secrets_file = /etc/security/secret\n")
    yield


@contextlib.contextmanager
def unsafe_mode(_house):
    """Anybody could change who gets in."""
    os.chmod(SETTINGS, 0o666)
    yield


@contextlib.contextmanager
def stopped_service(house):
    """A service that was there when the settings were written, and has ended."""
    with LocalCognito() as other:
        with open(other.ca_file, encoding="ascii") as file:
            write_file("/etc/security/other-ca.pem", file.read())
        house.settings(endpoint=other.endpoint, jwks_url=other.jwks_url(), ca_file="/etc/security/other-ca.pem")
    yield


CAUSES = {
    "unknown setting": (unknown_key, "config_unknown_key"),
    "settings of mode 0666": (unsafe_mode, "config_unsafe"),
    "settings missing": (lambda house: gone(SETTINGS), "config_open"),
    "helper missing": (lambda house: gone(HELPER), "helper_missing"),
    "service stopped": (stopped_service, "net_connect"),
    "network cut": (lambda house: network.cut(house.cognito.https_port), "net_timeout"),
}


# --- the programs ---------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def ssh_by_key(house):
    """A login by key alone; give what it came to."""
    with MachineSshd() as server:
        def run():
            found = ssh.batch(server, "alice", "id -un", key=house.alice.give_key(), methods="publickey")
            return found.stdout.strip()
        yield run


@contextlib.contextmanager
def cron_job(house):
    """A job of alice's, run by the real daemon when it starts; give what it has written."""
    out = os.path.join(accounts.temporary_folder("rig-cron-"), "out")
    os.chown(os.path.dirname(out), house.alice.uid, house.alice.gid)
    write_file(JOB, f'MAILTO=""\n@reboot alice id -un > {out}.new && mv {out}.new {out}\n')

    def run():
        with contextlib.suppress(FileNotFoundError):
            os.unlink("/run/crond.reboot")  # or it runs no @reboot job again
        daemon = subprocess.Popen([CRON, "-f", "-L", "15"], start_new_session=True)
        try:
            deadline = time.monotonic() + PATIENCE
            while not house.log.lines(r"^cron\.err CRON") and not os.path.exists(out):
                assert time.monotonic() < deadline, house.log.lines("(?i)cron")
                time.sleep(0.05)
        finally:
            children = processes.descendants(daemon.pid)
            daemon.terminate()
            daemon.wait(10)
            processes.end(children)
        with contextlib.suppress(FileNotFoundError), open(out, encoding="ascii") as file:
            return file.read().strip()
        return ""

    try:
        yield run
    finally:
        os.unlink(JOB)


def shown_by(terminal):
    """Run it to its end; the last line that it showed."""
    with terminal as person:
        person.wait()
        return (person.transcript.split() or [""])[-1]


@contextlib.contextmanager
def su_by_root(_house):
    """root becomes somebody, as scripts do: su - postgres."""
    yield lambda: shown_by(su.terminal(accounts.Account("root"), "alice", "id -un", login=True))


@contextlib.contextmanager
def sudo_within_its_stamp(house):
    """One code while all is well; later sudo -v and sudo within sudo's own 15 minutes."""
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    with Terminal(["sh"], user=house.alice) as person:
        person.expect(r"\$ ")
        person.line("sudo id -un")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect(r"^root\r\n\$ ")
        house.cognito.wait_requests("RevokeToken")

        def run():
            person.line("sudo -n -v && sudo -n id -un; echo 'that'' is all'")
            return person.expect(r"(\w*)\r\nthat is all\r\n\$ ")[1].replace("root", "alice")
        yield run


@contextlib.contextmanager
def rescue_at_the_console(_house):
    """The way in that the manual has for this day; give alice's name for his."""
    accounts.add_user("rescue")
    accounts.set_password("rescue", accounts.PASSWORD)

    def run():
        with login.terminal("rescue") as person:
            person.answer("Password: ", accounts.PASSWORD)
            if person.expect(r"\$ |rig login: |(?i:denied|incorrect|failure|cannot)")[0] != "$ ":
                return ""
            person.line("id -un; exit 0")
            return person.expect("^rescue\r\n") and "alice"
    yield run


PROGRAMS = {
    "ssh by key": ssh_by_key,
    "cron job": cron_job,
    "su by root": su_by_root,
    "sudo within its stamp": sudo_within_its_stamp,
    "rescue at the console": rescue_at_the_console,
}


# --- the tests ------------------------------------------------------------------------------------------------------


@pytest.fixture
def host(shipped):
    """The machine with our lines everywhere."""
    recipes.install("sshd", "sudo", "su", "login-break-glass")
    for service in OURS:
        text = pam.shipped("cron") if service == "cron" else pam.read(service)
        pam.stack(service, text + LINES)
    yield shipped
    pam.stack("cron", pam.shipped("cron"))


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("cause", CAUSES)
def test_goes_on(host, cause, program):
    """The program does its work; no helper, no connection, no line of ours."""
    breaks, _ = CAUSES[cause]
    with PROGRAMS[program](host) as run:
        host.log.clear()
        before = host.connections()
        with breaks(host):
            assert run() == "alice"
            assert host.connections() == before and helpers() == []
    assert host.outcomes() == []


# All but one: sudo goes on by itself where a session cannot be opened.
CONTROLS = [(program, kind) for program in PROGRAMS for kind in ("account", "session")]
CONTROLS.remove(("sudo within its stamp", "session"))


@pytest.mark.parametrize(("program", "kind"), CONTROLS)
def test_the_line_counts(host, program, kind):
    """The control: a module that objects in our place does stop the program, so that the tests above mean something."""
    with PROGRAMS[program](host) as run:
        for service in OURS:
            deny = f"{kind} required pam_deny.so"
            pam.stack(service, pam.read(service).replace(f"{kind} required pam_cognito_otp.so", deny))
        assert run() != "alice"


@pytest.mark.parametrize("cause", CAUSES)
def test_auth_refuses(host, cause):
    """A sudo without a stamp and an ssh login by code are refused, and the log says why."""
    breaks, reason = CAUSES[cause]
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    recipes.install("sshd-config-key-code")
    with MachineSshd() as server, breaks(host):
        with sudo.terminal(host.alice, "-k", "id", "-un") as person:
            assert person.wait(PATIENCE) == 1
        assert "root" not in person.transcript
        assert set(host.reasons()) == {reason}
        host.log.clear()
        run = ssh.batch(server, "alice", "id -un", key=host.alice.give_key(), timeout=60)
        assert (run.returncode, run.stdout) == (255, "")
        assert set(host.reasons()) == {reason}
    assert host.cognito.outbox() == []
