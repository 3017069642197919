"""The fast path as a guest: what a sudo that finds a record touches, maps and leaves, and what its caller can do to it.

Rules: alice has proved herself once, in a login session that this process begins by the kernel's own file; what is
traced is held against a whitelist, so that a new file, socket or library is noticed; the same look at a login by code
sees what may not be there.
"""

import contextlib
import glob
import json
import os
import re
import resource
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from driver.driver import PamCall
from rig import pam, sessions, sudo

from system.house import HELPER, RUN, SETTINGS, USER_MAP, executable, helpers, wait_helpers
from system.test_guest import limit

TERMINAL = "/dev/pts/9"
NO_SESSION = 0xFFFFFFFF
PATIENCE = 60
STRACE = "/usr/bin/strace"
CLEAN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}

# What a helper may touch that finds a record.
LINKING = r"/etc/suid-debug|/etc/ld\.so\.(preload|cache)|(/usr)?/lib\S*/libc\.so\.6"
# libc looks for nscd, for the order of the sources, and reads passwd (and a module of another source, where one is).
NAMES = r"/(var/)?run/nscd/socket|/etc/nsswitch\.conf|/etc/passwd|(/usr)?/lib\S*/libnss_files\S*\.so\.2"
FOLDERS = r"/|/etc|/etc/security|/run"
OURS = "|".join(map(re.escape, (SETTINGS, USER_MAP, RUN)))
OURS += "|" + re.escape(RUN) + r"/cache-(session-\d+-\d+|begun-\d+)"
KERNEL = r"/proc/\d+/(stat|sessionid)|/proc/sys/kernel/random/boot_id"
ALLOWED = re.compile("|".join((LINKING, NAMES, FOLDERS, OURS, KERNEL)))
NOT_OF_A_NAME = r"p?read|write|recvfrom|sendto|getrandom"
NETWORK_PART = re.compile(r"lib(curl|ssl|crypto|json-c)\b|cognito-otp-flow")
COSTLY = re.compile(r"^(fsync|fdatasync|sync|syncfs|sync_file_range|clone3?|v?fork)\(", re.M)

needs_strace = pytest.mark.skipif(not os.path.exists(STRACE), reason="strace is missing")


# --- a login session with a record in it --------------------------------------------------------------------------


def set_session(uid):
    """Begin an audit session of the kernel, as pam_loginuid does; what this process starts from now on is in it."""
    Path("/proc/self/loginuid").write_text(str(uid), encoding="ascii")


@contextlib.contextmanager
def login_session(uid):
    """A login session of this user, as long as it lasts."""
    set_session(uid)
    sessions.mark()
    try:
        yield int(Path("/proc/self/sessionid").read_text(encoding="ascii"))
    finally:
        set_session(NO_SESSION)


def by_code(house, **arguments):
    """One login of alice's by a code, as sudo calls the module."""
    with PamCall("sudo", "alice", tty=TERMINAL, ruid=house.alice.uid, **arguments) as call:
        assert "Code mailed" in call.prompt()
        call.answer(house.cognito.last_code("alice@example.com"))
        assert call.result() == "PAM_SUCCESS"
    wait_helpers(0)


def record_file():
    """The path of the only record of a session."""
    (path,) = glob.glob(f"{RUN}/cache-session-*")
    return path


def record():
    """What it holds."""
    return Path(record_file()).read_bytes()


@pytest.fixture
def proved(house):
    """alice may use sudo, and has proved herself in this session; nothing has reached the service since. The house."""
    house.settings(cache="on")
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with login_session(house.alice.uid):
        by_code(house)
        house.cognito.reset()
        house.log.clear()
        before = record()
        yield house
    assert record() == before, "the record was changed"
    wait_helpers(0)


def let_in(house, count=1):
    """The service knows nothing of it, and the log says why nobody was asked."""
    assert len(house.log.wait_for(" by=cache", count=count) and house.log.lines(" by=cache")) == count
    assert house.untouched()


# --- what is touched ----------------------------------------------------------------------------------------------


@contextlib.contextmanager
def tracing():
    """A prefix of a command, and a function that returns what each of its processes did, once it has ended."""
    folder = tempfile.mkdtemp(prefix="trace-")
    os.chmod(folder, 0o755)

    def texts():
        return [Path(path).read_text(encoding="utf-8", errors="replace") for path in glob.glob(folder + "/trace.*")]

    yield [STRACE, "-f", "-ff", "-qq", "-y", "-s", "4096", "-o", folder + "/trace"], texts
    shutil.rmtree(folder)


def of_helper(texts):
    """What the only helper did after it had been started."""
    started = f'execve("{HELPER}"'
    (text,) = (text for text in texts if started in text)
    return text.partition(started)[2].partition("\n")[2]


def touched(text):
    """Every path that a call names, relative ones with their directory before them."""
    found = set()
    call = rf'^(?!{NOT_OF_A_NAME})\w+\((?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"([^"]+)"'
    for directory, name in re.findall(call, text, re.M):
        found.add(os.path.join(directory or "/", name))
    return found | set(re.findall(r'sun_path="([^"]+)"', text))


def cached_call(house, *calls, **arguments):
    """One call that finds the record; its process and the helper have ended."""
    with PamCall("sudo", "alice", calls or ("authenticate",), tty=TERMINAL, ruid=house.alice.uid, **arguments) as call:
        assert call.prompt() is None, call.messages
        assert set(call.finish().values()) == {"PAM_SUCCESS"}
    wait_helpers(0)


@needs_strace
def test_files_of_a_cached_sudo(proved):
    """The helper links libc, looks up a name, reads settings, map and record, and does nothing else."""
    with tracing() as (command, texts):
        run = subprocess.run([*command, "-u", "alice", "sudo", "-S", "id", "-un"], stdin=subprocess.DEVNULL, env=CLEAN,
                             capture_output=True, text=True, timeout=PATIENCE, cwd="/", check=False)
        assert (run.returncode, run.stdout) == (0, "root\n"), run.stderr
        text = of_helper(texts())
    paths = touched(text)
    print("\n" + "\n".join(sorted(paths)))
    assert {SETTINGS, USER_MAP, record_file()} <= paths
    assert [path for path in paths if not ALLOWED.fullmatch(path)] == []
    assert set(re.findall(r"^socket\((\w+)", text, re.M)) <= {"AF_UNIX"}
    assert not COSTLY.search(text)
    let_in(proved)


@needs_strace
def test_a_login_by_code_is_seen(house):
    """The control: where a code is asked for, the same look sees libraries, network and children."""
    house.settings(cache="on")
    with login_session(house.alice.uid), tracing() as (command, texts):
        by_code(house, prefix=command)
        text = of_helper(texts())
    strange = [path for path in touched(text) if not ALLOWED.fullmatch(path)]
    libraries = {match.group() for match in map(NETWORK_PART.search, strange) if match}
    assert libraries == {"libcurl", "libssl", "libcrypto", "libjson-c", "cognito-otp-flow"}
    assert "AF_INET" in re.findall(r"^socket\((\w+)", text, re.M)
    assert COSTLY.search(text)


@needs_strace
def test_setcred_touches_nothing(proved):
    """pam_setcred makes the system calls that it makes with pam_permit, and no other."""
    made = {}
    pam.lines("permit", auth="required pam_permit.so")
    for service in ("permit", "sudo"):
        with tracing() as (command, texts):
            with PamCall(service, "alice", ("authenticate", "setcred"), tty=TERMINAL, ruid=proved.alice.uid,
                         prefix=command) as call:
                assert call.finish() == {"authenticate": "PAM_SUCCESS", "setcred": "PAM_SUCCESS"}
            (text,) = (text for text in texts() if r'\"call\":\"setcred\"' in text)
        between = text.partition(r'\"call\":\"authenticate\"')[2].partition(r'\"call\":\"setcred\"')[0]
        made[service] = re.findall(r"^(\w+)\(", between, re.M)
    assert made["sudo"] == made["permit"] and "write" in made["permit"]


def seen_of_helper(start):
    """Start something; the files that its helper ever maps, its descriptors and its environment, until it is gone."""
    maps, descriptors, environment = set(), set(), b""
    deadline = time.monotonic() + PATIENCE
    running = start()
    while running.poll() is None and time.monotonic() < deadline:
        for pid in helpers():
            with contextlib.suppress(OSError):
                text = Path(f"/proc/{pid}/maps").read_text(encoding="utf-8")
                maps |= set(re.findall(r" (/\S+)$", text, re.M)) if executable(pid) == HELPER else set()
                environment += Path(f"/proc/{pid}/environ").read_bytes()
                descriptors |= set(os.listdir(f"/proc/{pid}/fd"))
    return maps, descriptors, environment


@needs_strace
def test_maps_of_the_helper(proved):
    """Held at its very end it has mapped itself and libc, and has no environment."""
    command = [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", "trace=exit_group",
               "-e", "inject=exit_group:delay_enter=200000", "-u", "alice", "sudo", "-S", "true"]
    maps, descriptors, environment = seen_of_helper(
        lambda: subprocess.Popen(command, stdin=subprocess.DEVNULL, env=CLEAN, cwd="/"))
    names = {os.path.basename(path) for path in maps}
    assert HELPER in maps and "libc.so.6" in names
    linking = re.compile(r"ld-linux\S*|ld\.so\.cache|libc\.so\.6")
    assert [name for name in names if not linking.fullmatch(name)] == [os.path.basename(HELPER)]
    assert {"0", "1", "2"} <= descriptors and environment == b""
    let_in(proved)


# --- what is left -------------------------------------------------------------------------------------------------

LOOK = """
import json, os, re, resource
status = open("/proc/self/status").read()
print(json.dumps({
    "environment": dict(os.environ), "umask": os.umask(0), "cwd": os.getcwd(), "ids": [os.getresuid(), os.getresgid()],
    "descriptors": {fd: os.readlink("/proc/self/fd/" + fd) for fd in os.listdir("/proc/self/fd") if int(fd) < 3},
    "further": [fd for fd in os.listdir("/proc/self/fd") if int(fd) >= 3][1:],
    "status": re.findall("^((?:Sig[^Q]|Shd|Cap|Groups|NoNewPrivs|Seccomp).*)", status, re.M),
    "limits": open("/proc/self/limits").read(), "children": open("/proc/self/task/%d/children" % os.getpid()).read(),
    "session": open("/proc/self/sessionid").read()}))
"""


def look_of_command(house):
    """What the command of a sudo sees of itself."""
    environment = {**CLEAN, "HOME": house.alice.home}
    run = subprocess.run(["sudo", "-S", "python3", "-c", LOOK], env=environment, stdin=subprocess.DEVNULL, text=True,
                         capture_output=True, cwd="/", user=house.alice.uid, group=house.alice.gid,
                         extra_groups=house.alice.groups, timeout=PATIENCE, check=False)
    assert run.returncode == 0, run.stderr
    look = json.loads(run.stdout)
    look["descriptors"] = {fd: re.sub(r"\d+", "N", target) for fd, target in look["descriptors"].items()}
    return look


def test_the_command_of_sudo(proved):
    """Environment, descriptors, limits, signals, ids and children are those of a sudo with pam_permit."""
    ours = look_of_command(proved)
    let_in(proved)
    pam.lines("sudo", auth="required pam_permit.so", session="required pam_permit.so")
    assert ours == look_of_command(proved)
    assert ours["environment"]["SUDO_USER"] == "alice" and ours["further"] == []
    assert "cognito" not in json.dumps(ours).lower() and "eyJ" not in json.dumps(ours)


# --- what the caller does -----------------------------------------------------------------------------------------


def sudo_of_alice(house, *command, prepare=None, environment=None):
    """A sudo without a terminal and without an answer."""
    return subprocess.Popen(["sudo", "-S", *(command or ("true",))], stdin=subprocess.DEVNULL,
                            stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env={**CLEAN, **(environment or {})},
                            cwd="/", user=house.alice.uid, group=house.alice.gid, extra_groups=house.alice.groups,
                            preexec_fn=prepare, start_new_session=True)


def ended(process):
    """Its exit status and what it said."""
    _, words = process.communicate(timeout=PATIENCE)
    return process.returncode, words


def test_a_hundred_at_once(proved):
    """All in, no mail, nothing asked."""
    running = [sudo_of_alice(proved) for _ in range(100)]
    assert [ended(process) for process in running] == [(0, b"")] * 100
    let_in(proved, 100)


MOMENTS = [number / 1000 for number in range(0, 24)]


def test_the_caller_stops_his_sudo(proved):
    """Stopped at any moment: another one is in meanwhile; continued it is in as well, and no helper stays."""
    for moment in MOMENTS:
        process = sudo_of_alice(proved)
        time.sleep(moment)
        process.send_signal(signal.SIGSTOP)
        assert ended(sudo_of_alice(proved)) == (0, b""), moment
        process.send_signal(signal.SIGCONT)
        assert ended(process) == (0, b""), moment
        wait_helpers(0)
    let_in(proved, 2 * len(MOMENTS))


def test_the_caller_kills_his_sudo(proved):
    """Killed at any moment: no helper stays, the record is whole, and the next sudo is in."""
    before = record()
    for moment in MOMENTS:
        process = sudo_of_alice(proved)
        time.sleep(moment)
        process.kill()
        assert ended(process)[0] in (-signal.SIGKILL, 0)
        wait_helpers(0)
        assert record() == before
    proved.log.clear()
    assert ended(sudo_of_alice(proved)) == (0, b"")
    let_in(proved)


def closed():
    """Without 0 to 2."""
    os.closerange(0, 3)


POOR = {
    "no file may grow": limit(resource.RLIMIT_FSIZE, 0),
    "8 descriptors": limit(resource.RLIMIT_NOFILE, 8),
    "small stack": limit(resource.RLIMIT_STACK, 256 * 1024),
    "no core": limit(resource.RLIMIT_CORE, 0),
    "a second of processor": limit(resource.RLIMIT_CPU, 1),
    "umask 000": lambda: os.umask(0),
    "umask 777": lambda: os.umask(0o777),
    "closed": closed,
    "signals blocked": lambda: signal.pthread_sigmask(signal.SIG_SETMASK, set(signal.Signals) - {signal.SIGCHLD}),
    "SIGCHLD ignored": lambda: signal.signal(signal.SIGCHLD, signal.SIG_IGN),
}


@pytest.mark.parametrize("name", POOR)
def test_a_poor_caller(proved, name):
    """His limits, umask, descriptors and signals are not the helper's: in, as far as sudo itself gets with them."""
    process = sudo_of_alice(proved, prepare=POOR[name])
    ours = ended(process)
    let_in(proved)
    pam.lines("sudo", auth="required pam_permit.so", session="required pam_permit.so")
    assert ended(sudo_of_alice(proved, prepare=POOR[name])) == ours


STRANGE = {
    "LANG": "xx_XX.UTF-8", "LC_ALL": "../../tmp/evil", "LANGUAGE": "de", "TZ": "/tmp/evil", "HOME": "/tmp",
    "XDG_RUNTIME_DIR": "/tmp", "PATH": "/tmp:/usr/sbin:/usr/bin:/sbin:/bin", "GCONV_PATH": "/tmp", "LOCPATH": "/tmp",
    "HOSTALIASES": "/tmp/evil", "RES_OPTIONS": "debug", "SSLKEYLOGFILE": "/tmp/keys", "OPENSSL_CONF": "/tmp/evil",
    "https_proxy": "http://127.0.0.1:1", "MALLOC_TRACE": "/tmp/trace", "LD_DEBUG": "all", "LD_DEBUG_OUTPUT": "/tmp/ld",
    "LD_PROFILE": "libc.so.6", "LD_BIND_NOT": "1", "COGNITO_OTP_ID_TOKEN_FILE": "/tmp/evil",
    "SUDO_ASKPASS": "/tmp/evil",
}


@needs_strace
def test_a_strange_environment(proved):
    """A caller that keeps his environment, as su does: the helper touches the same files as ever."""
    with tracing() as (command, texts):
        cached_call(proved, prefix=[*command, *(f"-E{name}={value}" for name, value in STRANGE.items())])
        paths = touched(of_helper(texts()))
    assert record_file() in paths
    assert [path for path in paths if not ALLOWED.fullmatch(path)] == []
    assert ended(sudo_of_alice(proved, environment=STRANGE))[0] == 0
    let_in(proved, 2)


def cores():
    """The core files of processes that died in /."""
    return glob.glob("/core*")


@needs_strace
def test_no_core_has_the_record(proved):
    """The helper dies with the record in its memory: no core. The control: the host's own death leaves one.

    The second packet of the helper is its verdict, that of the host its line in the log.
    """
    if Path("/proc/sys/kernel/core_pattern").read_text(encoding="ascii").strip() != "core":
        pytest.skip("cores go elsewhere: kernel.core_pattern")
    die = [STRACE, "-f", "-qq", "-o", "/dev/null", "-e", "trace=sendto", "-e", "inject=sendto:signal=SIGSEGV:when=2"]
    unlimited = ["prlimit", "--core=unlimited", "--"]
    try:
        with PamCall("sudo", "alice", tty=TERMINAL, ruid=proved.alice.uid, prefix=[*unlimited, *die]) as call:
            call.finish()
        found = {Path(path).read_bytes().count(b"pam_cognito_otp cache ") for path in cores()}
    finally:
        for path in cores():
            os.unlink(path)
    assert found == {0}
    let_in(proved)
