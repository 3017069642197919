"""Who needs no second code, and who does all the same: by the real sshd, sudo, su, login and cron.

Each row of the table says what was done, how sudo (or sshd) met it, how many mails there were in all, and by what each
acceptance in the log came.
"""

import os
import re
import shutil
import subprocess
import time

import pytest
from driver.people import console, enter_code
from mock_cognito.defaults import PUBLIC_CLIENT
from rig import accounts, login, pam, sessions, ssh, sudo
from rig.sshd import Sshd

from system.cached import ALL, NO_TICKET, PROMPT, ROOMY, SUDO, by, leave, met, newest_code, records, wait_no_record
from system.house import CA_FILE, RUN, SETTINGS, USER_MAP, write_file

KEY_AND_CODE = {
    "AuthenticationMethods": "publickey,keyboard-interactive:pam", "Subsystem": "sftp internal-sftp",
}
KEY_ALONE = {"AuthenticationMethods": "publickey", "KbdInteractiveAuthentication": "no"}
HOUR = 3600
OTHER_SETTINGS = "/etc/security/other.conf"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def cached(house):
    """The cache is on, sessions begin in sshd and login, sudo remembers nobody."""
    house.settings(**ROOMY)
    for service in ("rig-sshd", "login"):
        pam.lines(service, **pam.login_session())
    sudo.allow(*ALL, defaults=NO_TICKET)
    house.alice.give_key()
    return house


@pytest.fixture(scope="module")
def server():
    """An sshd that wants a key and a code."""
    with Sshd("rig-sshd", options=KEY_AND_CODE) as running:
        yield running


@pytest.fixture(scope="module")
def key_server():
    """An sshd that is content with a key."""
    with Sshd("rig-sshd", options=KEY_ALONE) as running:
        yield running


def ssh_in(house, server, name="alice", **settings):
    """A shell over ssh, by the key and a mailed code."""
    person = ssh.terminal(server, name, key=house.alice.key, **settings)
    person.expect(r"\(r = new one\): ")
    person.line(newest_code(house))
    person.expect(PROMPT)
    return person


def key_in(house, key_server, **settings):
    """A shell over ssh, by the key alone."""
    person = ssh.terminal(key_server, "alice", key=house.alice.key, **settings)
    person.expect(PROMPT)
    return person


def row(house, what, seen):
    """Add a line to the table."""
    rows.append((what, f"{seen:<14} mails {len(house.cognito.outbox())}  by {','.join(by(house))}"))


def pts_of(person):
    """The terminal on which a shell over ssh works."""
    person.line("tty; echo .")
    name = person.expect(r"(/dev/pts/\d+)\r\n\.")[1]
    person.expect(PROMPT)
    return name


# --- in ---------------------------------------------------------------------------------------------------------------


def test_ssh_then_sudo_twice(house, server):
    """One mail, one question, and two acceptances by the cache; at logout the record is gone."""
    with ssh_in(house, server) as person:
        assert [met(person), met(person)] == ["root", "root"]
        assert len(records("session")) == 1
        leave(person)
    wait_no_record()
    assert len(house.cognito.outbox()) == 1
    assert by(house) == ["code", "cache", "cache"]
    assert person.transcript.count("(r = new one)") == 1
    row(house, "ssh with a code, then sudo twice", "in, in")


def test_login_then_sudo(house):
    """The same at a console."""
    with login.terminal("alice") as person:
        person.answer(r"\(r = new one\): ", newest_code(house))
        person.expect(PROMPT)
        assert met(person) == "root"
        leave(person)
    assert (len(house.cognito.outbox()), by(house)) == (1, ["code", "cache"])
    row(house, "login with a code, then sudo", "in")


def test_a_code_for_sudo_counts_for_the_next(house, key_server):
    """Whoever came in by his key alone: the code for his first sudo is the session's."""
    with key_in(house, key_server) as person:
        person.line(SUDO)
        person.expect(r"\(r = new one\): ")
        person.line(newest_code(house))
        person.expect("^root\r\n")
        person.expect(PROMPT)
        assert met(person) == "root"
    assert (len(house.cognito.outbox()), by(house)) == (1, ["code", "cache"])
    row(house, "ssh with a key, sudo with a code, then sudo", "in")


def test_an_sshd_that_was_started_in_a_session(house):
    """Its connections of that user are in her session, all of them: what she proves in one of them counts in none."""
    with open("/proc/self/loginuid", "w", encoding="ascii") as file:
        file.write(str(house.alice.uid))
    try:
        sessions.mark()
        with Sshd("rig-sshd", options=KEY_AND_CODE) as server, ssh_in(house, server) as first, ssh_in(house, server):
            for _ in range(2):
                first.line(SUDO)
                first.expect(r"\(r = new one\): ")
                first.line(newest_code(house))
                first.expect("^root\r\n")
                first.expect(PROMPT)
    finally:
        with open("/proc/self/loginuid", "w", encoding="ascii") as file:
            file.write(str(sessions.UNSET))
    assert records("session") == []
    assert by(house) == ["code"] * 4
    row(house, "an sshd that was started in her session", "asked")


def test_a_session_that_nobody_has_opened(house):
    """An audit session alone is not one login: systemd's manager of a user has one that all of his logins share."""
    with sessions.unopened(house.alice) as person:
        person.expect(PROMPT)
        for _ in range(2):
            person.line(SUDO)
            person.expect(r"\(r = new one\): ")
            person.line(newest_code(house))
            person.expect("^root\r\n")
            person.expect(PROMPT)
    assert records("session") == []
    row(house, "in a session without our session line", "asked")


def test_the_session_of_init_is_nobodys(house):
    """What a whole container shares, since it was started from somebody's login shell, binds nothing to anybody."""
    with sessions.terminal(house.alice) as person:
        person.expect(PROMPT)
        person.line("cat /proc/self/sessionid; echo .")
        number = person.expect(r"(\d+)\.")[1]
        person.expect(PROMPT)
        with sessions.init_in(number):
            for _ in range(2):
                person.line(SUDO)
                person.expect(r"\(r = new one\): ")
                person.line(newest_code(house))
                person.expect("^root\r\n")
                person.expect(PROMPT)
            assert records("session") == []
    assert (len(house.cognito.outbox()), by(house)) == (2, ["code", "code"])
    row(house, "in a session that init is in", "asked")


def test_switched_off_in_a_hurry(house):
    """cache = off above all that was set of it: everybody is asked, nobody is kept out."""
    with sessions.terminal(house.alice) as person:
        person.expect(PROMPT)
        house.settings(**{**ROOMY, "cache": "off"}, cache_ttl="30m", cache_services="sudo sudo-i sshd", cache_dir=RUN)
        person.line(SUDO)
        person.expect(r"\(r = new one\): ")
        person.line(newest_code(house))
        person.expect("^root\r\n")
        assert records("session") == []
    row(house, "cache = off, all else as it was", "asked")


# --- another session --------------------------------------------------------------------------------------------------


def test_a_second_session(house, server, key_server):
    """The same person, key, address and machine: what counts in the one session does not in the other."""
    with ssh_in(house, server) as first, key_in(house, key_server) as second:
        assert (met(first), met(second), met(first)) == ("root", "asked", "root")
        row(house, "sudo from a second ssh session", "asked")
    assert by(house) == ["code", "cache", "cache"]
    assert len(house.cognito.outbox()) == 2


def test_cron(house, server):
    """The real cron begins a session of its own: nobody is there to be asked, and nobody is let in or mailed."""
    table, out = "/etc/cron.d/otp-test", os.path.join(house.alice.home, "cron")
    with ssh_in(house, server) as person:
        assert met(person) == "root"
        line = f"cat /proc/self/sessionid > {out}.session; sudo -S id -un > {out} 2>&1 < /dev/null; echo end >> {out}"
        write_file(table, f"* * * * * alice {line}\n")
        daemon = subprocess.Popen(["/usr/sbin/cron", "-f"], start_new_session=True)
        try:
            deadline = time.monotonic() + 90
            while not os.path.exists(out) or "end" not in open(out, encoding="utf-8").read():
                assert time.monotonic() < deadline, house.log.lines()
                time.sleep(0.2)
        finally:
            daemon.terminate()
            daemon.wait(5)
            os.unlink(table)
        with open(out + ".session", encoding="ascii") as file:
            assert f"cache-session-{house.alice.uid}-{file.read()}" not in records()
        assert records("session")
    with open(out, encoding="utf-8") as file:
        assert "root" not in file.read()
    assert (len(house.cognito.outbox()), by(house)) == (1, ["code", "cache"])
    row(house, "sudo from cron", "refused")


def test_without_a_terminal_in_a_session_of_its_own(house, server):
    """Like cron, whatever daemon it is; the same without a terminal within the session is in."""
    with ssh_in(house, server) as person:
        assert met(person, "setsid -w sudo -S id -un < /dev/null") == "root"
        done = sessions.batch(house.alice, "sudo", "-S", "id", "-un")
        assert done.returncode == 1 and "root" not in done.stdout
    assert (len(house.cognito.outbox()), by(house)) == (1, ["code", "cache"])
    row(house, "no terminal: in the session, in another one", "in, refused")


def test_after_logout(house, server):
    """What is left running in a session that was ended: in before, and not afterwards."""
    go, out = "/tmp/otp-go", os.path.join(house.alice.home, "left")
    for path in (go + "1", go + "2"):
        if os.path.exists(path):
            os.unlink(path)
    wait = "until [ -e %s ]; do sleep 0.05; done; sudo -S id -un > %s 2>&1 < /dev/null; echo end >> %s; "
    script = "".join(wait % (go + number, out + number, out + number) for number in "12")

    def told(number):
        write_file(go + number, "")
        deadline = time.monotonic() + 20
        while not os.path.exists(out + number) or "end" not in open(out + number, encoding="utf-8").read():
            assert time.monotonic() < deadline
            time.sleep(0.05)
        with open(out + number, encoding="utf-8") as file:
            return file.read()

    with ssh_in(house, server) as person:
        person.line(f"setsid sh -c '{script}' > /dev/null 2>&1 < /dev/null &")
        person.expect(PROMPT)
        assert told("1") == "root\nend\n"
        leave(person)
    wait_no_record()
    assert "root" not in told("2")
    assert (len(house.cognito.outbox()), by(house)) == (1, ["code", "cache"])
    row(house, "what was left running: before and after logout", "in, refused")


def test_the_same_terminal_later(house, server, key_server):
    """The number of a terminal is given again; the session is not."""
    with ssh_in(house, server) as person:
        before = pts_of(person)
        assert met(person) == "root"
        leave(person)
    wait_no_record()
    with key_in(house, key_server) as person:
        assert pts_of(person) == before
        assert met(person) == "asked"
    row(house, f"the same {before} later", "asked")


def test_other_people(house, server):
    """bob, in a session of his own and in that of alice; her record is hers alone."""
    with ssh_in(house, server) as person:
        with sessions.terminal(house.bob) as other:
            other.expect(PROMPT)
            assert met(other) == "asked"
        row(house, "sudo by bob", "asked")
        person.line("sudo -u bob sh")
        person.expect(PROMPT)
        assert met(person) == "asked"
        row(house, "sudo by bob, inside the session of alice", "asked")
    assert by(house) == ["code", "cache"]


def test_su_to_the_account(house, server):
    """su to alice by mallory, elsewhere and inside her session: asked, though su may use the cache."""
    house.settings(**ROOMY, cache_services="sudo sudo-i su")
    with ssh_in(house, server) as person:
        assert met(person, "su alice -c 'id -un'") == "alice"
        with sessions.terminal(house.mallory) as other:
            other.expect(PROMPT)
            assert met(other, "su alice -c 'id -un'") == "asked"
        row(house, "su to alice, by herself and by mallory", "in, asked")
        person.line("sudo -u mallory sh")
        person.expect(PROMPT)
        assert met(person, "su alice -c 'id -un'") == "asked"
        row(house, "su to alice by mallory inside her session", "asked")
    assert by(house) == ["code", "cache", "cache"]


# --- time and boot ----------------------------------------------------------------------------------------------------


def test_cache_ttl(house, server):
    """Its time is over ten seconds after the code, however often it was used."""
    house.settings(**ROOMY, cache_ttl="10s")
    with ssh_in(house, server) as person:
        start = time.monotonic()
        while time.monotonic() < start + 7:
            assert met(person) == "root"
            time.sleep(0.5)
        time.sleep(max(0, start + 11.1 - time.monotonic()))
        assert met(person) == "asked"
    row(house, "after cache_ttl = 10s", "asked")


@pytest.mark.parametrize("seconds", [-HOUR, HOUR])
def test_wall_clock(house, server, seconds):
    """Set back and forward by an hour, while the clock that nobody sets goes on."""
    with ssh_in(house, server) as person:
        house.cognito.set_clock(date_offset=seconds)
        with sessions.wall_clock(seconds):
            assert met(person, "date +%s > ~/date; " + SUDO) == "asked"
        with open(os.path.join(house.alice.home, "date"), encoding="ascii") as file:
            assert abs(int(file.read()) - time.time() - seconds) < 60
        house.cognito.set_clock(date_offset=0)
        assert met(person) == "root"
    row(house, f"wall clock set by {seconds} s, and set right again", "asked, in")


def test_other_boot(house, server):
    """A file bound over the kernel's boot_id: what another boot wrote counts for nothing."""
    with ssh_in(house, server) as person:
        with sessions.other_boot():
            assert met(person) == "asked"
        assert met(person) == "root"
    row(house, "another boot_id (bind mount), and the same again", "asked, in")


# --- settings and map -------------------------------------------------------------------------------------------------


def same_again(path):
    """Written anew with the same words."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def same_by_rename(path):
    """Another file with the same words, and the times of the old one."""
    shutil.copy2(path, path + ".new")
    os.rename(path + ".new", path)


def sudo_line(arguments):
    """The change of sudo's PAM line."""
    return lambda _: pam.lines("sudo", **pam.module(arguments))


def other_ca(_):
    """The same certificates under another name, on sudo's line."""
    shutil.copy2(CA_FILE, CA_FILE + ".copy")
    sudo_line(f"ca_file={CA_FILE}.copy")(_)


def other_settings(_):
    """sudo's line names a copy of the settings."""
    shutil.copy2(SETTINGS, OTHER_SETTINGS)
    sudo_line(f"config={OTHER_SETTINGS}")(_)


CHANGES = {
    "settings touched": (os.utime, SETTINGS),
    "settings rewritten": (same_again, SETTINGS),
    "settings replaced by rename": (same_by_rename, SETTINGS),
    "map touched": (os.utime, USER_MAP),
    "map rewritten": (same_again, USER_MAP),
    "map replaced by rename": (same_by_rename, USER_MAP),
    "argument: ca_file": (other_ca, ""),
    "argument: config": (other_settings, ""),
    "argument: cache": (sudo_line("cache=off"), ""),
    "argument: cache_services": (sudo_line("cache_services=login"), ""),
}


@pytest.mark.parametrize("change", CHANGES)
def test_change(house, server, change):
    """Whatever was decided by other settings, another map or other arguments does not count."""
    act, path = CHANGES[change]
    if change == "argument: cache_services":
        house.settings(**{**ROOMY, "cache": None})
        pam.lines("rig-sshd", **pam.login_session("cache=on"))
        pam.lines("sudo", **pam.module("cache=on"))
        act = sudo_line("cache=on cache_services=login")
    if change == "argument: cache":
        house.settings(**{**ROOMY, "cache": None})
        pam.lines("rig-sshd", **pam.login_session("cache=on"))
        pam.lines("sudo", **pam.module("cache=on"))
    with ssh_in(house, server) as person:
        assert met(person) == "root"
        time.sleep(0.02)
        act(path)
        assert met(person) == "asked"
    row(house, change, "in, asked")


def test_another_client(house, server):
    """The app client of sudo's line is another one."""
    house.settings(**{**ROOMY, "client_secret_file": None, "client_id": PUBLIC_CLIENT})
    with ssh_in(house, server) as person:
        assert met(person) == "root"
        sudo_line("client_id=otherclientEXAMPLE")("")
        person.line(SUDO)
        assert not re.search(r"^root\r\n", person.expect(r"(?s).*?\$ $").group(), re.M)
    assert by(house) == ["code", "cache"]
    row(house, "argument: client_id", "in, refused")


def test_a_group_that_only_sudo_wants(house, server):
    """A login without the group leaves a record that is none for sudo; with the group it is one."""
    house.settings(**ROOMY, **{"require_group.sudo": "admins"})
    with ssh_in(house, server) as person:
        assert met(person) == "asked"
        row(house, "require_group.sudo, not in the group", "asked")
    house.cognito.user("alice@example.com", groups=["admins", "ssh-users"])
    with ssh_in(house, server) as person:
        assert met(person) == "root"
        row(house, "require_group.sudo, in the group", "in")


# --- whose account ----------------------------------------------------------------------------------------------------


@pytest.fixture
def deploy(house):
    """An account that alice and bob share; the key of alice gets in."""
    account = accounts.add_user("deploy")
    house.user_map("deploy email:alice@example.com", "deploy email:bob@example.com", "alice email:alice@example.com")
    account.give_key()
    return account


def code_for(house, person, name):
    """Say who it is, and type his code."""
    person.expect("Your sign-in name or address: ")
    person.line(name)
    person.expect(r"\(r = new one\): ")
    person.line(house.cognito.last_code(name))
    person.expect(PROMPT)


def test_shared_account(house, server, key_server, deploy):
    """The record is of the person who proved himself, in her session only: bob, who has the account too, is asked."""
    bobs = ssh.terminal(key_server, "deploy", key=deploy.key)
    with ssh.terminal(server, "deploy", key=deploy.key) as alice, bobs as bob:
        code_for(house, alice, "alice@example.com")
        bob.expect(PROMPT)
        assert (met(alice), met(bob)) == ("root", "asked")
        last = house.log.lines("event=accepted")[-1]
        assert " cognito=alice@example.com " in last and last.endswith(" by=cache")
    assert by(house) == ["code", "cache"]
    row(house, "shared account: alice, and bob after her", "in, asked")


def test_shared_account_without_the_person(house, server, deploy):
    """A person who is taken out of the account is nobody there."""
    with ssh.terminal(server, "deploy", key=deploy.key) as alice:
        code_for(house, alice, "alice@example.com")
        assert met(alice) == "root"
        house.user_map("deploy email:bob@example.com", "deploy email:carol@example.com")
        assert met(alice) == "asked"
    row(house, "shared account: taken out of it", "in, asked")


@pytest.mark.parametrize("default", ["targetpw", "rootpw"])
def test_the_password_of_another(house, server, default):
    """sudo asks for the account of somebody else: her record is not his; root has none."""
    sudo.allow(*ALL, defaults=(*NO_TICKET, default))
    with ssh_in(house, server) as person:
        person.line("sudo -u bob id -un")
        person.expect("have one mailed: ")
    assert by(house) == ["code"]
    row(house, f"sudo with {default}", "asked")


def test_root(house, server):
    """root leaves no record, and no record is root's, even where root may log in by a code."""
    house.user_map("root email:alice@example.com")
    house.settings(**ROOMY, allow_root="yes", cache_services="sudo login otp-test rig-sshd")
    for _ in range(2):
        with console("root") as call:
            enter_code(house, call)
            assert call.result() == "PAM_SUCCESS"
    assert (len(house.cognito.outbox()), by(house), records()) == (2, ["code", "code"], [])
    row(house, "root, twice", "asked, asked")


# --- keys -------------------------------------------------------------------------------------------------------------


@pytest.fixture
def by_key(house):
    """sshd may use the cache."""
    house.settings(**ROOMY, cache_services="sudo rig-sshd")
    return house


def test_the_same_key(by_key, server):
    """ssh and scp with the very same key: no code."""
    leave(ssh_in(by_key, server))
    for _ in range(2):
        done = ssh.batch(server, "alice", "id -un", key=by_key.alice.key)
        assert (done.returncode, done.stdout) == (0, "alice\n")
    source = os.path.join(by_key.alice.home, "copied")
    files = ["/etc/passwd", f"alice@127.0.0.1:{source}"]
    done = ssh.batch(server, "alice", files, key=by_key.alice.key, binary="scp")
    assert done.returncode == 0 and os.path.getsize(source) > 0, done.stderr
    assert (len(by_key.cognito.outbox()), by(by_key)) == (1, ["code", "cache", "cache", "cache"])
    row(by_key, "sshd in cache_services: ssh, ssh, scp, same key", "in, in, in")


def test_a_login_by_a_record_leaves_none(by_key, server):
    """Nothing is derived: the session of such a login has no record, and sudo asks."""
    leave(ssh_in(by_key, server))
    wait_no_record()
    with key_in(by_key, server) as person:
        assert records("session") == []
        assert met(person) == "asked"
    row(by_key, "sudo in a session that a record opened", "asked")


def test_without_the_key(by_key, server):
    """The same address, without the key."""
    leave(ssh_in(by_key, server))
    with Sshd("rig-sshd") as open_server, ssh.terminal(open_server, "alice") as person:
        person.expect("have one mailed: ")
    assert (len(by_key.cognito.outbox()), by(by_key)) == (1, ["code"])
    row(by_key, "the same address without the key", "asked")


def test_another_key(by_key, server):
    """Another key that the account accepts as well."""
    leave(ssh_in(by_key, server))
    other = os.path.join(accounts.temporary_folder(), "other")
    accounts.make_key(other)
    with open(other + ".pub", encoding="ascii") as public:
        line = public.read()
    accepted = os.path.join(by_key.alice.home, ".ssh", "authorized_keys")
    with open(accepted, "a", encoding="ascii") as file:
        file.write(line)
    with ssh.terminal(server, "alice", key=other) as person:
        person.expect(r"\(r = new one\): ")
    with ssh.terminal(server, "alice", key=by_key.alice.key) as person:
        person.expect(PROMPT)
    assert by(by_key) == ["code", "cache"]
    row(by_key, "another key, then the first again", "asked, in")


def test_sshd_does_not_use_it_by_itself(house, server):
    """Without sshd in cache_services each connection has its code."""
    leave(ssh_in(house, server))
    with ssh.terminal(server, "alice", key=house.alice.key) as person:
        person.expect(r"\(r = new one\): ")
    assert (records("key"), by(house)) == ([], ["code"])
    row(house, "ssh again, sshd not in cache_services", "asked")
