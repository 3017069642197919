"""session_tokens, by the real sshd and login: whose the file is, who can read it, when it goes, what else is held."""

import base64
import contextlib
import json
import os
import re
import stat
import time

import pytest
from rig import login, pam, processes, ssh, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, RUN, wait_helpers
from system.test_state_files import change_mount

KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
TOKENS = RUN + "-tokens"
VARIABLE = "COGNITO_OTP_ID_TOKEN_FILE"
PROMPT = r"\$ $"


@pytest.fixture
def tokens(house):
    """The house with session_tokens, and with login sessions in sshd and login; no token of an earlier test."""
    for name in os.listdir(TOKENS) if os.path.isdir(TOKENS) else ():
        os.unlink(os.path.join(TOKENS, name))
    house.settings(session_tokens="yes", debug="yes")
    for service in ("rig-sshd", "login"):
        pam.lines(service, **pam.login_session())
    sudo.allow("alice ALL=(ALL) NOPASSWD: ALL", "bob ALL=(ALL) NOPASSWD: ALL")
    house.alice.give_key()
    house.bob.give_key()
    return house


@pytest.fixture(scope="module")
def key_server():
    """An sshd that wants a key, and then a code."""
    with Sshd("rig-sshd", options=KEY_FIRST) as running:
        yield running


def files():
    """The files of sessions."""
    return sorted(os.listdir(TOKENS)) if os.path.isdir(TOKENS) else []


def waiting():
    """What still waits for a session."""
    return sorted(name for name in os.listdir(RUN) if name.startswith("id-token-"))


def wait_files(count, timeout=5):
    """Wait until there are so many."""
    deadline = time.monotonic() + timeout
    while len(files()) != count:
        assert time.monotonic() < deadline, files()
        time.sleep(0.02)


def claims(path):
    """The claims of the token in the file."""
    with open(path, encoding="ascii") as file:
        token = file.read()
    assert token.count(".") == 2 and token == token.strip()
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@contextlib.contextmanager
def shell(house, server, account, mails=1):
    """A session of the account by ssh, at its prompt."""
    with ssh.terminal(server, account.name, key=account.key) as person:
        person.answer(CODE_QUESTION, house.cognito.last_code(count=mails))
        person.expect(PROMPT)
        yield person
        if person.alive():
            person.line("exit 0")
            person.wait()


def run(person, command):
    """Run a command in the shell; what it printed."""
    person.line(f"{command}; echo =$?=")
    text = person.expect(r"(?s)\r\n(.*?)=(\d+)=\r\n")
    person.expect(PROMPT)
    return text[1].replace("\r\n", "\n").strip(), int(text[2])


def is_his(path, account):
    """One file of his: 0400, in a directory of root's that nobody else can list or change."""
    found = os.lstat(path)
    assert (stat.S_IFMT(found.st_mode), stat.S_IMODE(found.st_mode)) == (stat.S_IFREG, 0o400)
    assert (found.st_uid, found.st_nlink) == (account.uid, 1)
    folder = os.lstat(TOKENS)
    assert (folder.st_uid, stat.S_IMODE(folder.st_mode)) == (0, 0o711)


def test_ssh(tokens, key_server):
    """His own ID token, for him alone, as long as the session lasts."""
    with shell(tokens, key_server, tokens.alice) as person:
        (name,) = files()
        path = os.path.join(TOKENS, name)
        assert re.fullmatch(rf"{tokens.alice.uid}-\d+-\d+", name)
        is_his(path, tokens.alice)
        assert run(person, f"echo ${VARIABLE}") == (path, 0)
        assert waiting() == []
        found = claims(path)
        assert (found["token_use"], found["email"]) == ("id", "alice@example.com")
        with open(path, encoding="ascii") as file:
            assert run(person, f"cat ${VARIABLE}")[0].replace("\n", "") == file.read()
    wait_files(0)
    assert tokens.log.lines("phase=") == []


def test_login(tokens):
    """login(1) asks and opens in one process; gone at its end."""
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, tokens.cognito.last_code())
        person.expect(PROMPT)
        (name,) = files()
        assert run(person, f"echo ${VARIABLE}") == (os.path.join(TOKENS, name), 0)
        is_his(os.path.join(TOKENS, name), tokens.alice)
        person.line("exit 0")
        person.wait()
    wait_files(0)


def test_what_others_and_he_can_do(tokens, key_server):
    """Others read, list, and change nothing; he reads, and cannot put anything in its place."""
    with shell(tokens, key_server, tokens.alice) as alice, shell(tokens, key_server, tokens.bob, mails=2) as bob:
        (name,) = (name for name in files() if name.startswith(f"{tokens.alice.uid}-"))
        path = os.path.join(TOKENS, name)
        before = os.lstat(path)
        for command in (f"cat {path}", f"ls {TOKENS}", f"ln {path} /tmp/his-token", f"rm -f {path}"):
            assert run(bob, command)[1] != 0, command
        for command in (f"ls {TOKENS}", f"rm -f {path}", f"mv -f {path} {path}.old", f"ln -s /etc/passwd {TOKENS}/x",
                        f"echo x > {path}", f"mv -f /etc/hostname {path}", f"touch {TOKENS}/x"):
            assert run(alice, command)[1] != 0, command
        assert run(alice, f"head -c 2 {path}") == ("ey", 0)
        after = os.lstat(path)
        assert (after.st_ino, after.st_mtime_ns, after.st_uid) == (before.st_ino, before.st_mtime_ns, before.st_uid)
        assert len(files()) == 2


def test_switched_off(tokens, key_server):
    """Without the setting: no file, no variable, no directory that is needed."""
    tokens.settings(cache="on")
    with shell(tokens, key_server, tokens.alice) as person:
        assert run(person, f"env | grep -c {VARIABLE}")[0] == "0"
    assert (files(), waiting()) == ([], [])


def test_a_killed_monitor(tokens, key_server):
    """A connection that was killed leaves its file; whoever logs in next sweeps it, and no file of the living."""
    with shell(tokens, key_server, tokens.bob) as living:
        (his,) = files()
        with ssh.terminal(key_server, "alice", key=tokens.alice.key) as person:
            person.answer(CODE_QUESTION, tokens.cognito.last_code(count=2))
            person.expect(PROMPT)
            (left,) = set(files()) - {his}
            processes.end([int(left.split("-")[1])])
        assert left in files()
        with shell(tokens, key_server, tokens.alice, mails=3):
            assert his in files() and left not in files() and len(files()) == 2
        assert run(living, f"head -c 2 ${VARIABLE}") == ("ey", 0)


def test_a_session_outlives_the_setting(tokens, key_server):
    """Switched off, or the settings broken, while it lasts: the file goes with the session all the same."""
    for change in ({}, {"session_tokens": "yes", "no_such_setting": "1"}):
        tokens.fresh_settings()
        pam.lines("rig-sshd", **pam.login_session())
        tokens.settings(session_tokens="yes")
        with shell(tokens, key_server, tokens.alice):
            assert len(files()) == 1
            tokens.settings(**change)
        wait_files(0)


def test_another_name_opens(tokens):
    """login(1): alice's code is right, something else refuses her; bob goes on in the same process with his own."""
    refusing = ["required pam_cognito_otp.so", "required pam_succeed_if.so quiet user = bob"]
    pam.lines("login", **{**pam.login_session(), "auth": refusing})
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, tokens.cognito.last_code())
        person.answer("(?i)login: ", "bob", timeout=30)
        person.answer(CODE_QUESTION, tokens.cognito.last_code(count=2))
        person.expect(PROMPT)
        (name,) = files()
        assert name.startswith(f"{tokens.bob.uid}-")
        assert claims(os.path.join(TOKENS, name))["email"] == "bob@example.com"
        assert waiting() == []
        person.line("exit 0")
        person.wait()
    wait_files(0)


def test_sudo_and_su_within(tokens, key_server):
    """They begin no session: no token for whom they log in, no variable, and his own stays at their end."""
    with shell(tokens, key_server, tokens.alice) as person:
        before = files()
        assert run(person, f"sudo -i env | grep -c ^{VARIABLE}")[0] == "0"
        assert run(person, f"sudo -u bob head -c 2 {os.path.join(TOKENS, before[0])}")[1] != 0
        person.line(f"sudo su bob -c 'env | grep ^{VARIABLE}; echo .'")
        person.answer(CODE_QUESTION, tokens.cognito.last_code(count=2))
        person.expect(r"^\.\r\n")
        person.expect(PROMPT)
        assert files() == before
        assert run(person, f"head -c 2 ${VARIABLE}") == ("ey", 0)


def test_no_directory(tokens, key_server):
    """A directory that is not root's alone: no file and no variable, one line says why, and he is in."""
    os.makedirs(TOKENS, exist_ok=True)
    os.chmod(TOKENS, 0o755)
    try:
        with shell(tokens, key_server, tokens.alice) as person:
            assert run(person, f"env | grep -c {VARIABLE}")[0] == "0"
        (line,) = tokens.log.lines("phase=open_session")
        assert "event=ignored reason=state_unsafe user=alice" in line and TOKENS in line
        assert (files(), waiting()) == ([], [])
    finally:
        os.chmod(TOKENS, 0o711)


@pytest.mark.parametrize("place", (RUN, TOKENS))
def test_a_full_disk(tokens, key_server, place):
    """No room for the token, waiting or given: no file and no variable; told, and he is in within a few seconds."""
    with shell(tokens, key_server, tokens.bob):
        pass
    os.makedirs(place, exist_ok=True)
    mode = "mode=0711" if place == TOKENS else "mode=0700"
    change_mount("mount", "-t", "tmpfs", "-o", mode + ",nr_inodes=2000,size=64k", "tokens", place)
    try:
        with ssh.terminal(key_server, "alice", key=tokens.alice.key) as person:
            person.expect(CODE_QUESTION)
            wait_helpers(1)
            with contextlib.suppress(OSError), open(os.path.join(place, "filler"), "wb", buffering=0) as file:
                while True:
                    file.write(bytes(4096))
            person.line(tokens.cognito.last_code(count=2))
            person.expect(PROMPT)
            assert run(person, f"env | grep -c {VARIABLE}")[0] == "0"
            person.line("exit 0")
            person.wait()
        assert [name for name in files() + waiting() if "-" in name] == []
        assert tokens.log.lines("reason=state_io user=alice")
    finally:
        change_mount("umount", "-q", place)


def test_what_a_session_holds(tokens, key_server):
    """Environment and descriptors, in the shell and in sudo's command: the path, and no more."""
    tokens.settings(session_tokens="yes", cache="on")
    with ssh.terminal(key_server, "alice", key=tokens.alice.key) as person:
        code = tokens.cognito.last_code()
        person.answer(CODE_QUESTION, code)
        person.expect(PROMPT)
        shown, _ = run(person, "env; tr '\\0' '\\n' < /proc/$$/environ; tr '\\0' '\\n' < /proc/$PPID/cmdline")
        ours = {line.partition("=")[0] for line in shown.splitlines() if "COGNITO" in line or "otp" in line.lower()}
        assert ours == {VARIABLE}
        links = re.findall(r"-> (\S+)", run(person, "ls -l /proc/$$/fd")[0])
        shown += run(person, "ls -l /proc/$PPID/fd /proc/$$/fd")[0]
        show = "ls -l /proc/$$/fd; env; cat /proc/$$/environ | tr \"\\\\0\" \"\\\\n\""
        descriptors, _ = run(person, f"sudo -n sh -c '{show}'")
        assert "COGNITO" not in descriptors and "socket:" not in descriptors
        for word in (code, "eyJ"):
            assert word not in shown + descriptors
        usual = r"/dev/(pts/\d+|tty|null)$|/proc/\d+/fd$|pipe:"
        assert links and not [link for link in links if not re.match(usual, link)]
        person.line("exit 0")
        person.wait()


def test_a_shared_account(tokens, key_server):
    """Who it is stands in COGNITO_OTP_USER; there is no token, which the others who have the account could read."""
    tokens.user_map("alice email:alice@example.com", "alice email:bob@example.com")
    with ssh.terminal(key_server, "alice", key=tokens.alice.key) as person:
        person.answer("(?i)who|address|sign", "bob@example.com")
        person.answer(CODE_QUESTION, tokens.cognito.last_code())
        person.expect(PROMPT)
        shown, _ = run(person, "env")
        ours = dict(line.split("=", 1) for line in shown.splitlines() if line.startswith("COGNITO"))
        assert ours == {"COGNITO_OTP_USER": "bob@example.com"}
    assert not [name for name in os.listdir(RUN) if name.startswith("id-token-")]


def test_tokens_are_revoked_at_logout(tokens, key_server):
    """cache_check = online: the refresh token that was kept dies with the session, in a process of its own."""
    tokens.settings(cache="on", cache_check="online")
    with shell(tokens, key_server, tokens.alice):
        kept = [name for name in os.listdir(RUN) if name.startswith("cache-tokens-")]
        assert len(kept) == 1
        assert tokens.cognito.requests("RevokeToken") == []
    tokens.cognito.wait_requests("RevokeToken")
    assert [name for name in os.listdir(RUN) if name.startswith(("cache-tokens-", "cache-session-"))] == []
    assert tokens.log.lines("phase=close_session|not_revoked") == []
