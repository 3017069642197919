"""What a caller brings along: his environment, limits, umask and signals, and helpers that are not ours.

Rules: every case ends with a login by a right code or with its own reason in the log; test_control shows, with libcurl
inside the calling program, what the same environment does to a module that takes it over.
"""

import contextlib
import os
import re
import resource
import shutil
import signal
import socket
import stat
import struct
import subprocess
import threading
import time

import pytest
from rig import accounts, pam, processes, ssh, su, sudo
from rig.proxy import Proxy
from rig.pty import PATH
from rig.sshd import Sshd

from system.house import CA_FILE, CODE_QUESTION, FIRST_QUESTION, HELPER, RUN, STATE, executable, helpers, wait_helpers

STANDIN = os.path.join(os.path.dirname(__file__), "..", "standin", "pam_standin.c")
KEY_LOG = "/root/key-log"
WATCHED = ("/etc", "/home", "/opt", "/run", "/srv", "/tmp", "/usr/local", "/var/lib", "/var/log", "/var/spool")
EXPECTED_FILES = re.compile(
    r"/(run|var/lib)/(pam_cognito_otp|sudo)(/|$)|/run/local-cognito(/|$)|/var/log/(btmp|wtmp|lastlog)$"
)
TOKEN = re.compile(r"eyJ[\w-]+\.")


class Listener:
    """A proxy that nobody should ask: counts who connects to it and hangs up."""

    def __init__(self):
        self.visitors = []
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._socket.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, peer = self._socket.accept()
                self.visitors.append(peer)
                connection.close()

    def close(self):
        """Stop listening."""
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def listener():
    """A fake proxy."""
    fake = Listener()
    yield fake
    fake.close()


def files():
    """Every path below the places where a program could leave something; of root's home what lies in it directly."""
    found = {os.path.join("/root", name) for name in os.listdir("/root")}
    for top in WATCHED:
        for folder, folders, names in os.walk(top):
            found.update(os.path.join(folder, name) for name in folders + names)
    return found


def new_files(before):
    """What has appeared since, without what is known to."""
    return sorted(path for path in files() - before if not EXPECTED_FILES.match(path))


def bad_home(account, listener):
    """A home whose dot files send libcurl and the AWS tools elsewhere."""
    home = os.path.join(account.home, "hostile")
    os.makedirs(os.path.join(home, ".aws"), exist_ok=True)
    texts = {
        ".netrc": "machine localhost login stolen password stolen\n",
        ".curlrc": f"proxy = {listener.address}\n",
        ".aws/config": f"[default]\nendpoint_url = http://{listener.address}\n",
        "openssl.cnf": "openssl_conf = x\n[x]\nproviders = p\n[p]\nnone = n\n[n]\nactivate = 1\nmodule = none\n",
        "ca.pem": "no certificate\n",
    }
    for name, text in texts.items():
        with open(os.path.join(home, name), "w", encoding="ascii") as file:
            file.write(text)
    for folder, _, names in os.walk(home):
        for path in [folder, *(os.path.join(folder, name) for name in names)]:
            os.chown(path, account.uid, account.gid)
    return home


def hostile(account, listener):
    """The environment of somebody who has read the manuals of libcurl, OpenSSL and the C library."""
    home, proxy = bad_home(account, listener), f"http://{listener.address}"
    return {
        "SSLKEYLOGFILE": KEY_LOG,
        **dict.fromkeys(("http_proxy", "https_proxy", "HTTPS_PROXY", "ALL_PROXY", "all_proxy"), proxy),
        "NO_PROXY": "nowhere.example", "SSL_CERT_FILE": f"{home}/ca.pem", "SSL_CERT_DIR": home,
        "CURL_CA_BUNDLE": f"{home}/ca.pem", "CURL_HOME": home, "CURL_SSL_BACKEND": "gnutls", "QLOGDIR": home,
        "XDG_CONFIG_HOME": home, "NETRC": f"{home}/.netrc",
        "OPENSSL_CONF": f"{home}/openssl.cnf", "OPENSSL_MODULES": home, "OPENSSL_ENGINES": home,
        "AWS_ACCESS_KEY_ID": "AKIDSTOLEN", "AWS_SECRET_ACCESS_KEY": "stolen", "AWS_PROFILE": "none",
        "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": proxy, "AWS_CA_BUNDLE": f"{home}/ca.pem",
        "AWS_CONFIG_FILE": f"{home}/.aws/config", "AWS_CONTAINER_CREDENTIALS_FULL_URI": proxy,
        "AWS_EC2_METADATA_SERVICE_ENDPOINT": proxy,
        "HOME": home, "TZ": f":{home}/ca.pem", "LOCPATH": home, "LC_ALL": "xx_XX", "TMPDIR": home,
        "RES_OPTIONS": "timeout:30 attempts:5", "LOCALDOMAIN": "example", "HOSTALIASES": f"{home}/ca.pem",
        "GLIBC_TUNABLES": "glibc.malloc.check=3", "MALLOC_CHECK_": "3", "MALLOC_PERTURB_": "165",
        "PATH": PATH, "TERM": "dumb",
    }


def careless():
    """What the caller starts is allowed to leave files that everybody can write."""
    os.umask(0)


def answer_with_right_code(house, person, first):
    """Through the questions with the right code; return the code."""
    if first:
        person.answer(FIRST_QUESTION, "y")
    person.expect(CODE_QUESTION)
    code = house.cognito.last_code()
    person.line(code)
    return code


def assert_one_plain_login(house, listener, before):
    """In, by one connection of the ordinary kind, with nothing left behind."""
    assert house.reasons() == ["verified"]
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    assert not any("authorization" in map(str.lower, request["headers"]) for request in house.cognito.requests())
    assert "stolen" not in str(house.cognito.requests())
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert house.connections() == 1
    assert listener.visitors == []
    assert not os.path.lexists(KEY_LOG)
    assert new_files(before) == []


def test_su(house, listener):
    """su hands the whole environment to its modules; ours starts the helper with none of it."""
    environment = hostile(house.mallory, listener)
    before = files()
    with su.terminal(house.mallory, "bob", "id -un", env=environment, prepare=careless) as person:
        person.expect(FIRST_QUESTION)
        (helper,) = wait_helpers(1)
        with open(f"/proc/{person.pid}/environ", "rb") as file:
            assert b"SSLKEYLOGFILE=/root/key-log" in file.read(), "the environment did not reach su"
        with open(f"/proc/{helper}/environ", "rb") as file:
            assert file.read() == b""
        with open(f"/proc/{helper}/cmdline", "rb") as file:
            assert file.read() == HELPER.encode() + b"\0"
        assert descriptors(helper) == ["socket", "/dev/null", "/dev/null", RUN]
        person.line("y")
        answer_with_right_code(house, person, first=False)
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert_one_plain_login(house, listener, before)


@pytest.mark.parametrize("exempt", ["", "*", "localhost,127.0.0.1,amazonaws.com"], ids=["none", "all", "named"])
def test_the_proxy_of_the_settings(house, listener, exempt):
    """With a proxy in the settings the caller's is not asked in its place, and he names no hosts that go past it."""
    environment = {**hostile(house.mallory, listener), "NO_PROXY": exempt, "no_proxy": exempt}
    with Proxy(house.cognito.https_port) as proxy:
        house.settings(proxy=proxy.url)
        before = files()
        with su.terminal(house.mallory, "bob", "id -un", env=environment, prepare=careless) as person:
            answer_with_right_code(house, person, first=True)
            person.expect("^bob\r\n")
            assert person.wait() == 0
        assert_one_plain_login(house, listener, before)
        assert proxy.requests() == [f"CONNECT localhost:{house.cognito.https_port} HTTP/1.1"]


def descriptors(process):
    """What the process holds open, in the order of the numbers."""
    folder = f"/proc/{process}/fd"
    numbers = sorted(os.listdir(folder), key=int)
    return [os.readlink(os.path.join(folder, number)).partition(":")[0] for number in numbers]


def sudo_policies(names):
    """The ways in which administrators let the environment through."""
    return {"env_keep": [f'env_keep += "{" ".join(names)}"'], "no_reset": ["!env_reset", "setenv"]}


@pytest.mark.parametrize("policy", ["env_keep", "no_reset"])
def test_sudo(house, listener, policy):
    """sudo whose administrator lets these variables through."""
    environment = hostile(house.alice, listener)
    defaults = ["lecture=never", "timestamp_timeout=0", *sudo_policies(environment)[policy]]
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=defaults)
    before = files()
    with sudo.terminal(house.alice, "id", "-un", env=environment, prepare=careless) as person:
        answer_with_right_code(house, person, first=False)
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert_one_plain_login(house, listener, before)


def test_sshd(house, listener):
    """An sshd whose own environment is hostile; OpenSSL's is left out, since sshd itself would read it."""
    environment = hostile(house.mallory, listener)
    environment = {name: value for name, value in environment.items() if not name.startswith("OPENSSL")}
    with Sshd("rig-sshd", env=environment) as server:
        before = files()
        with ssh.terminal(server, "bob", "id -un") as person:
            answer_with_right_code(house, person, first=True)
            person.expect("^bob\r\n")
            assert person.wait() == 0
        assert_one_plain_login(house, listener, before)


@pytest.fixture(scope="module")
def standin():
    """The module with libcurl inside, built here."""
    module = os.path.join(accounts.temporary_folder(), "pam_standin.so")
    command = ["gcc", "-shared", "-fPIC", "-o", module, STANDIN, "-lcurl", "-lpam"]
    subprocess.run(command, check=True, timeout=60, capture_output=True)
    return module


def forget_key_log():
    """Remove what the control made."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(KEY_LOG)


@pytest.mark.parametrize("program", ["su", "sudo"])
def test_control(house, listener, standin, program):
    """The same with libcurl in the calling program: the file appears, by su for all to write; the proxy is asked."""
    pam.lines(program, auth=f"required {standin} {house.cognito.jwks_url()} {CA_FILE}")
    environment = hostile(house.mallory, listener)
    sudo.allow("mallory ALL=(ALL:ALL) ALL", defaults=["lecture=never", *sudo_policies(environment)["env_keep"]])
    before = files()
    try:
        if program == "su":
            person = su.terminal(house.mallory, "bob", "id -un", env=environment, prepare=careless)
        else:
            person = sudo.terminal(house.mallory, "-u", "bob", "id", "-un", env=environment, prepare=careless)
        with person:
            person.expect("^bob\r\n")
            assert person.wait() == 0
        made = os.lstat(KEY_LOG)
        assert made.st_uid == 0
        assert program == "sudo" or stat.S_IMODE(made.st_mode) == 0o666
        assert new_files(before) == [KEY_LOG]
        assert len(listener.visitors) >= 1
        assert house.connections() == 0
    finally:
        forget_key_log()


SHOW_ALL = "env; for f in /proc/$$/fd/*; do readlink $f; done; tr '\\0' '\\n' </proc/$$/environ; echo end"


@pytest.mark.parametrize("program", ["su", "sudo"])
def test_what_the_command_is_given(house, program):
    """The shell of su and the command of sudo hold no code, no token, no variable and no descriptor of ours."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    if program == "su":
        person = su.terminal(house.mallory, "bob", SHOW_ALL)
    else:
        person = sudo.terminal(house.alice, "sh", "-c", SHOW_ALL)
    with person:
        code = answer_with_right_code(house, person, first=program == "su")
        person.expect("^end\r\n")
        assert person.wait() == 0
    shown = person.transcript.split(CODE_QUESTION.replace("\\", ""))[-1]
    assert "PATH=" in shown and "/dev/pts/" in shown
    assert code not in shown
    assert not TOKEN.search(shown)
    assert not re.search(r"(?i)cognito|pam_|otp|socket:|session=\S{20}", shown.replace("otp-rig", ""))


def limited(hard):
    """Return what leaves the least to whom the caller calls; hard limits only root with CAP_SYS_RESOURCE can raise."""
    def limit():
        for kind, value in ((resource.RLIMIT_FSIZE, 0), (resource.RLIMIT_NOFILE, 16)):
            resource.setrlimit(kind, (value, value if hard else resource.getrlimit(kind)[1]))
        resource.setrlimit(resource.RLIMIT_CORE, (resource.getrlimit(resource.RLIMIT_CORE)[1],) * 2)
        os.umask(0)
    return limit


def root_raises_limits():
    """Whether root has CAP_SYS_RESOURCE here; containers often take it away."""
    with open("/proc/self/status", encoding="ascii") as file:
        capabilities = int(re.search(r"^CapBnd:\s*(\w+)", file.read(), re.MULTILINE).group(1), 16)
    return bool(capabilities >> 24 & 1)


def limits(process):
    """The table of the process's limits."""
    with open(f"/proc/{process}/limits", encoding="ascii") as file:
        return file.read()


@pytest.mark.parametrize("hard", [False, True], ids=["soft", "hard"])
def test_limits(house, hard):
    """ulimit -f 0, -n 16, -c unlimited, umask 000: in, and our files are root's alone."""
    if hard:  # in a container that may not raise it no file can be written
        house.make_run_directory()
    with su.terminal(house.mallory, "bob", "id -un", prepare=limited(hard)) as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect(CODE_QUESTION)
        (helper,) = wait_helpers(1)
        assert re.search(r"^Max file size +0 ", limits(person.pid), re.MULTILINE)
        assert re.search(r"^Max open files +16 ", limits(person.pid), re.MULTILINE)
        assert re.search(r"^Max core file size +0 +0 ", limits(helper), re.MULTILINE)
        person.line(house.cognito.last_code())
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert house.reasons() == ["verified"]
    folder = os.lstat(STATE)
    assert (stat.S_IMODE(folder.st_mode), folder.st_uid, folder.st_gid) == (0o700, 0, 0)
    kept = [os.lstat(os.path.join(STATE, name)) for name in os.listdir(STATE)]
    if hard and not root_raises_limits():
        assert (kept, len(house.log.lines("event=jwks_copy_not_written reason=state_io"))) == ([], 1)
        return
    (copy,) = kept
    assert (stat.S_ISREG(copy.st_mode), stat.S_IMODE(copy.st_mode), copy.st_uid, copy.st_gid) == (True, 0o600, 0, 0)
    assert copy.st_size > 100


def kill_as(account, name, process):
    """What the kill command of the account's says; "" when it was allowed."""
    run = subprocess.run(
        ["sh", "-c", f"kill -{name} {process}"], user=account.uid, group=account.gid, extra_groups=account.groups,
        capture_output=True, text=True, env={"PATH": PATH, "LC_ALL": "C"}, timeout=10, check=False,
    )
    return run.stderr


def test_stopped_caller(house):
    """The caller may stop su and let it go on: the login goes on too. He may not touch the helper."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect(CODE_QUESTION)
        (helper,) = wait_helpers(1)
        for name in ("STOP", "KILL", "TERM"):
            assert "not permitted" in kill_as(house.mallory, name, helper)
        assert kill_as(house.mallory, "STOP", person.pid) == ""
        person.line(house.cognito.last_code())
        assert state_of(person.pid) == "T"
        assert kill_as(house.mallory, "CONT", person.pid) == ""
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert house.reasons() == ["verified"]


def state_of(process):
    """The letter of the process's state, once it runs no more."""
    deadline = time.monotonic() + 5
    while True:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:
            letter = file.read().rpartition(")")[2].split()[0]
        if letter == "T" or time.monotonic() > deadline:
            return letter
        time.sleep(0.01)


def test_killed_caller(house):
    """su killed while it asks takes the helper with it."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.expect(FIRST_QUESTION)
        wait_helpers(1)
        assert kill_as(house.mallory, "KILL", person.pid) == ""
        wait_helpers(0, timeout=1)
        assert person.wait() == -signal.SIGKILL
    assert house.untouched()


def test_killed_helper(house):
    """A helper that dies at the prompt is a clean failure as soon as the answer is typed."""
    with su.terminal(house.mallory, "bob", "id -un") as person:
        person.expect(FIRST_QUESTION)
        processes.end(helpers())
        started = time.monotonic()
        person.line("y")
        person.expect("(?i)failure|error")
        assert person.wait() == 1
    assert time.monotonic() - started < 4
    assert house.reasons() == ["helper_died"]
    assert house.untouched()


@contextlib.contextmanager
def another_helper(text=None, *, owner=0, mode=0o755, keep=False):
    """Put a script in the place of the helper, or with keep change the helper itself; restore it at the end."""
    saved = HELPER + ".saved"
    shutil.copy2(HELPER, saved)
    try:
        if not keep:
            os.unlink(HELPER)
        if text is not None:
            with open(HELPER, "w", encoding="ascii") as file:
                file.write(text)
        if text is not None or keep:
            os.chown(HELPER, owner, 0)
            os.chmod(HELPER, mode)
        yield
    finally:
        os.rename(saved, HELPER)


def speaking(*numbers):
    """A helper that takes the call and answers with one packet of these numbers."""
    packet = struct.pack(f"={len(numbers)}I", *numbers)
    lines = ["import socket", "door = socket.socket(fileno=0)", "door.recv(65536)", f"door.send({packet!r})"]
    return "\n".join(["#!/usr/bin/python3 -I", *lines, ""])


MAGIC = 0x4F545001
VERDICT, HELLO, SUCCESS, FAILURE = 8, 4, 0x5CA39E65, 0xA25D619A
BROKEN = {
    "missing": ("helper_missing", {}),
    "foreign": ("helper_unsafe", {"keep": True, "owner": 7001}),
    "group-writable": ("helper_unsafe", {"keep": True, "mode": 0o775}),
    "world-writable": ("helper_unsafe", {"keep": True, "mode": 0o757}),
    "not executable": ("helper_missing", {"keep": True, "mode": 0o644}),
    "old version": ("helper_protocol", {"text": speaking(MAGIC - 1, VERDICT, SUCCESS, 0, 0, 0, 0, 0)}),
    "new version": ("helper_protocol", {"text": speaking(MAGIC + 1, VERDICT, SUCCESS, 0, 0, 0, 0, 0)}),
    "success with another word": ("helper_protocol", {"text": speaking(MAGIC, VERDICT, 1, 0, 0, 0, 0, 0)}),
    "success with a failure's word": ("helper_protocol", {"text": speaking(MAGIC, VERDICT, FAILURE, 0, 0, 0, 0, 0)}),
    "success with a byte too much": ("helper_protocol", {"text": speaking(MAGIC, VERDICT, SUCCESS, 0, 0, 0, 0, 0, 0)}),
    "failure with a success's word": ("helper_protocol", {"text": speaking(MAGIC, VERDICT, SUCCESS, 3, 3, 0, 0, 0)}),
    "endless deadline": ("helper_protocol", {"text": speaking(MAGIC, HELLO, 3600 * 1000)}),
    "garbage": ("helper_protocol", {"text": speaking(*range(250))}),
    "empty": ("helper_missing", {"text": ""}),
    "ends at once": ("helper_died", {"text": "#!/bin/sh\nexit 0\n"}),
    "closes the socket": ("helper_died", {"text": "#!/bin/sh\nexec 0<&-\nexec sleep 300\n"}),
}
SILENT = "#!/bin/sh\nexec sleep 300\n"


def sleepers():
    """The processes of broken helpers that are still there."""
    return [process for process in processes.relations() if executable(process).endswith("/sleep")]


def refused(person):
    """su said no, and there was nothing to answer."""
    person.expect("(?i)failure|error|cannot")
    assert person.wait() == 1
    assert "Code" not in person.transcript and "bob\r\n" not in person.transcript


def test_the_real_helper_is_spoken_to_like_this(house):
    """The control: the words that the broken helpers nearly say do open the door, as root's helper may."""
    with another_helper(text=speaking(MAGIC, VERDICT, SUCCESS, 0, 0, 0, 0, 0)):
        with su.terminal(house.mallory, "bob", "id -un") as person:
            person.expect("^bob\r\n")
            assert person.wait() == 0
    assert house.untouched()


def test_broken_helpers(house):
    """Missing, foreign, old, garbled or silent: denied within the deadline, each with its reason, nothing left over."""
    started = time.monotonic()
    with another_helper(text=SILENT):
        silent = su.terminal(house.mallory, "bob", "id -un")
        silent_began = wait_for_sleeper()
    people, wanted = [], []
    with silent:
        for number, (reason, change) in enumerate(BROKEN.values(), 1):
            with another_helper(**change):
                people.append(su.terminal(house.mallory, "bob", "id -un"))
                house.log.wait_for("event=", count=number)
            wanted.append(reason)
        assert dict(zip(BROKEN, house.reasons())) == dict(zip(BROKEN, wanted))
        for person in people:
            with person:
                refused(person)
        assert time.monotonic() - started < 18
        silent.expect("(?i)failure|error|cannot", timeout=25)
        seconds = time.monotonic() - silent_began
        assert silent.wait() == 1
    assert 18 < seconds < 23
    assert house.reasons()[len(BROKEN):] == ["helper_silent"]
    assert (sleepers(), helpers(), house.untouched()) == ([], [], True)


def wait_for_sleeper():
    """Wait until the silent helper runs; return when that was."""
    deadline = time.monotonic() + 5
    while not sleepers():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return time.monotonic()
