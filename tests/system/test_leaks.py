"""Memory errors and leaks: valgrind, AddressSanitizer and UndefinedBehaviorSanitizer on the module and on the helper.

Duty: run a good login and the paths on which most is thrown away, and show beside them that the same run on a copy with
a planted leak, in the module and in the flow, is caught.

Rules: everything is built from $OTP_SOURCE (or the checkout) in a directory of its own. In all these builds the module
waits longer for a helper that ends: a leak report takes more than the quarter of a second it has in life. The helper
runs under its checker by a script in its place; exec keeps the process id, which the helper compares.
"""

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import pytest
from driver.driver import PamCall
from rig import pam, processes, proxy as proxies

from system.house import HELPER, SERVICES, write_file

TERMINAL = "/dev/pts/9"
FLOW = HELPER.replace("helper", "flow") + ".so"
LOGS = "/run/otp-leaks"
MODULE, HELPER_FILE, FLOW_FILE = ".libs/pam_cognito_otp.so", "cognito-otp-helper", ".libs/cognito-otp-flow.so"
PLAIN = "-O1 -g -fno-omit-frame-pointer"
SANITIZED = PLAIN + " -fsanitize=address,undefined -fno-sanitize-recover=undefined"
GRACE = ("pam_cognito_otp/pam_relay.c", r"RELAY_GRACE_MS = \d+", "RELAY_GRACE_MS = 30000")
PLANTS = [
    ("pam_cognito_otp/pam_relay.c", r"(void pam_relay_run\([^{]*\{)", r"\1 relay_planted();"),
    ("pam_cognito_otp/pam_relay.c", r"(static void relay_failed\()",
     r"static void relay_planted(void) { void *volatile lost = malloc(4242); lost = NULL; (void)lost; } \1"),
    ("pam_cognito_otp/auth_flow.c", r"(static void flow_end\()",
     r'static void flow_planted(void) { char *volatile lost = strdup("planted"); lost = NULL; (void)lost; } \1'),
    ("pam_cognito_otp/auth_flow.c", r"(static void flow_end\([^{]*\{)", r"\1 flow_planted();"),
]
VALGRIND = ["/usr/bin/valgrind", "-q", "--leak-check=full", "--errors-for-leak-kinds=definite", "--num-callers=30",
            "--show-leak-kinds=definite", "--keep-debuginfo=yes", "--child-silent-after-fork=yes"]
ASAN = "exitcode=0:detect_leaks=1:detect_stack_use_after_return=1:strict_string_checks=1:log_path=" + LOGS


def libasan():
    """The path of gcc's libasan, or None."""
    if shutil.which("gcc") is None:
        return None
    run = subprocess.run(["gcc", "-print-file-name=libasan.so"], capture_output=True, text=True, check=True, timeout=10)
    path = os.path.realpath(run.stdout.strip())
    return path if os.path.isabs(run.stdout.strip()) and os.path.exists(path) else None


needs_valgrind = pytest.mark.skipif(shutil.which("valgrind") is None, reason="valgrind is not installed")
needs_asan = pytest.mark.skipif(libasan() is None, reason="gcc's libasan is not installed")


def edit(source, changes):
    """Change a copy of the source; a change that finds nothing to change is an error."""
    for name, pattern, replacement in changes:
        path = os.path.join(source, name)
        with open(path, encoding="utf-8") as file:
            text, count = re.subn(pattern, replacement, file.read(), count=1)
        assert count == 1, f"{name}: no {pattern}"
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)


class Builds:
    """Configured once; made plain and sanitized, each as it is and with the planted leaks."""

    def __init__(self, base):
        self.base = base
        self.made = {}
        self.source = os.path.join(base, "src")
        given = os.environ.get("OTP_SOURCE") or str(Path(__file__).resolve().parents[2])
        ignored = shutil.ignore_patterns(".git", "build", "__pycache__", "sdk", ".libs", ".deps", "*.o", "*.lo", "*.la",
                                         "Makefile", "config.status")
        shutil.copytree(given, self.source, symlinks=True, ignore=ignored)
        if not os.path.exists(os.path.join(self.source, "configure")):
            self.run(["autoreconf", "-fi"], self.source)
        edit(self.source, [GRACE])
        os.mkdir(os.path.join(base, "plain"))
        self.run(["../src/configure", "-q", "CC=gcc", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var"],
                 os.path.join(base, "plain"))
        shutil.copytree(os.path.join(base, "plain"), os.path.join(base, "sanitized"))

    @staticmethod
    def run(command, folder):
        """One step of a build; what it says is shown if it fails."""
        clean = {name: value for name, value in os.environ.items() if name in ("PATH", "HOME", "LANG", "TMPDIR")}
        run = subprocess.run(command, cwd=folder, env=clean, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                             stdin=subprocess.DEVNULL, timeout=200, check=False)
        assert run.returncode == 0, run.stdout.decode(errors="replace")[-4000:]

    @staticmethod
    def make(folder, kind):
        """Module, helper and flow."""
        flags = [f"CFLAGS={PLAIN}"]
        if kind == "sanitized":
            flags = [f"CFLAGS={SANITIZED}", "LDFLAGS=-fsanitize=address,undefined"]
        targets = ["pam_cognito_otp.la", "cognito-otp-helper", "cognito-otp-flow.la"]
        Builds.run(["make", "-s", f"-j{os.cpu_count() or 1}", *flags, *targets], folder)

    def get(self, kind, planted=False):
        """The build directory of this kind."""
        if (kind, planted) in self.made:
            return self.made[kind, planted]
        base = self.base
        if planted:
            clean, base = self.get(kind), os.path.join(self.base, "planted-" + kind)
            shutil.copytree(self.source, os.path.join(base, "src"), symlinks=True)
            shutil.copytree(clean, os.path.join(base, kind), symlinks=True)
            edit(os.path.join(base, "src"), PLANTS)
        self.make(os.path.join(base, kind), kind)
        self.made[kind, planted] = os.path.join(base, kind)
        return self.made[kind, planted]


@pytest.fixture(scope="module")
def builds(whole_house):
    """The builds, in a directory that goes with them."""
    parent = os.environ.get("OTP_BUILD")
    base = tempfile.mkdtemp(prefix="leaks-", dir=parent if parent and os.path.isdir(parent) else None)
    yield Builds(base)
    shutil.rmtree(base, ignore_errors=True)


@contextlib.contextmanager
def installed(build, command):
    """Module, flow and helper of this build; the helper is started by this command. What was there comes back."""
    real = HELPER + ".real"
    # the real uid is the caller's: without -p dash gives up the effective one, and so does the script that valgrind is
    wrapper = f"#!/bin/sh -p\nexec /usr/bin/setpriv --reuid=0 {command} {real}\n"
    with contextlib.ExitStack() as stack:
        for path in (HELPER, FLOW):
            shutil.copy2(path, path + ".before")
            stack.callback(os.rename, path + ".before", path)
        replace(os.path.join(build, FLOW_FILE), FLOW)
        replace(os.path.join(build, HELPER_FILE), real)
        stack.callback(os.unlink, real)
        module = os.path.join(LOGS, "pam_cognito_otp.so")
        shutil.rmtree(LOGS, ignore_errors=True)
        os.mkdir(LOGS, 0o700)
        replace(os.path.join(build, MODULE), module)
        with open(HELPER + ".new", "w", encoding="ascii") as file:
            file.write(wrapper)
        os.chmod(HELPER + ".new", 0o755)
        os.rename(HELPER + ".new", HELPER)
        for service in SERVICES:
            pam.lines(service, **pam.module(path=module))
        yield


def replace(source, target):
    """Put a program or library in its place at once."""
    shutil.copyfile(source, target + ".new")
    os.chmod(target + ".new", 0o755)
    os.rename(target + ".new", target)


# --- the paths ----------------------------------------------------------------------------------------------------


def good(house, call):
    """A right code."""
    assert "Code" in (call.prompt(60) or ""), house.log.lines()
    call.answer(house.cognito.last_code())
    return "PAM_SUCCESS", "verified"


def wrong_codes(house, call):
    """Wrong codes until no try is left, with an answer that is none before."""
    for answer in ("no code", "00000000", "1111-1111", "22222222"):
        call.prompt(60)
        call.answer(answer)
    return "PAM_MAXTRIES", "tries_exhausted"


def refused(house, _call):
    """The service refuses the user at once."""
    return "PAM_AUTH_ERR", "account_disabled"


def malformed(house, call):
    """An answer to the code that is not JSON to its end."""
    assert "Code" in (call.prompt(60) or ""), house.log.lines()
    call.answer(house.cognito.last_code())
    return "PAM_SERVICE_ERR", "json_syntax"


def duplicate(house, _call):
    """A challenge in which a member appears twice."""
    return "PAM_SERVICE_ERR", "json_duplicate"


def forged(house, call):
    """A token whose signature does not hold."""
    assert "Code" in (call.prompt(60) or ""), house.log.lines()
    call.answer(house.cognito.last_code())
    return "PAM_AUTH_ERR", "jwt_signature"


def no_connection(house, _call):
    """The connection ends in the middle of an answer."""
    return "PAM_AUTHINFO_UNAVAIL", "net_reset"


def through_proxy(house, call):
    """A right code, all of it through a proxy that wants credentials."""
    return good(house, call)


def proxy_refuses(house, _call):
    """No tunnel."""
    return "PAM_SERVICE_ERR", "proxy_refused"


PROXIED = {through_proxy: proxies.relay, proxy_refuses: proxies.status(403)}
CREDENTIALS = "/etc/security/pam_cognito_otp.proxy"
FAULTS = {
    refused: ("InitiateAuth", {"error": {"type": "NotAuthorizedException", "message": "User is disabled."}}),
    malformed: ("RespondToAuthChallenge", {"truncate": 200}),
    duplicate: ("InitiateAuth", {"patch_text": {"Session": '"' + "a" * 40 + '","Session":"' + "b" * 40 + '"'}}),
    forged: ("RespondToAuthChallenge", {"tokens": {"id": {"sign": "flip"}, "access": {"sign": "flip"}}}),
    no_connection: ("InitiateAuth", {"transport": "close_body"}),
}
PATHS = (good, wrong_codes, refused, malformed, duplicate, forged, no_connection, through_proxy, proxy_refuses)


def named(paths):
    """Parameters whose ids are the names of the functions."""
    return [pytest.param(path, id=path.__name__) for path in paths]


def run(house, path, prefix=(), environment=None):
    """One call on this path; the code and the reason as they must be."""
    with contextlib.ExitStack() as stack:
        changes = {}
        if path in PROXIED:
            proxy = proxies.Proxy(house.cognito.https_port, credentials="hosts:secret", behaviour=PROXIED[path])
            changes = {"proxy": stack.enter_context(proxy).url, "proxy_credentials_file": CREDENTIALS}
            write_file(CREDENTIALS, "hosts:secret\n", 0o600)
        house.settings(deadline="60s", connect_timeout="30s", **changes)
        run_call(house, path, prefix, environment)


def run_call(house, path, prefix, environment):
    """The call itself; returns when no helper is left."""
    house.forget_state()
    house.log.clear()
    house.cognito.reset()
    if path in FAULTS:
        operation, fault = FAULTS[path]
        house.cognito.fault(operation, **fault)
    with PamCall("otp-test", "alice", ["authenticate", "setcred", "acct_mgmt"], tty=TERMINAL, ruid=house.alice.uid,
                 prefix=prefix, program_environment=environment) as call:
        code, reason = path(house, call)
        got = call.finish(timeout=90)
        assert (got["authenticate"], house.outcome()["reason"]) == (code, reason)
        assert call.process.returncode == 0
    wait_gone()


def wait_gone():
    """Wait until no helper runs any more, the child that revokes included; under valgrind its name is an argument."""
    deadline = time.monotonic() + 15
    while any(HELPER in command_line(process) for process in processes.relations()):
        assert time.monotonic() < deadline, "a helper does not end"
        time.sleep(0.02)


def command_line(process):
    """The words of a process; "" when it is gone."""
    try:
        return Path(f"/proc/{process}/cmdline").read_text(errors="replace")
    except OSError:
        return ""


def reports(count):
    """What the checkers found, by the names of their log files; waits for so many. Lines about valgrind itself go."""
    deadline = time.monotonic() + 10
    while True:
        texts = {}
        for name in os.listdir(LOGS):
            if name != "pam_cognito_otp.so":
                text = Path(LOGS, name).read_text(errors="replace")
                texts[name] = re.sub(r"(?m)^--\d+-- .*\n|^.*valgrind\.org.*\n", "", text)
        texts = {name: text for name, text in texts.items() if text.strip()}
        if len(texts) >= count or time.monotonic() > deadline:
            return texts
        time.sleep(0.05)


# --- valgrind -----------------------------------------------------------------------------------------------------


def valgrind_command(name):
    """valgrind with a log file for each process."""
    return [*VALGRIND, f"--log-file={LOGS}/{name}.%p"]


def run_valgrind(house, build, path):
    """The helper under valgrind, then the host. Not both at once: valgrind does not know pidfd_open, and without that
    the module ends a helper before it can report."""
    with installed(build, " ".join(valgrind_command("helper"))):
        run(house, path)
        found = reports(0)
        assert any(name.startswith("helper") for name in os.listdir(LOGS))
    with installed(build, ""):
        run(house, path, prefix=valgrind_command("driver"))
        assert any(name.startswith("driver") for name in os.listdir(LOGS))
        return {**found, **reports(0)}


@needs_valgrind
@pytest.mark.parametrize("path", named(PATHS))
def test_valgrind(house, builds, path):
    """No error and no lost block, neither in the helper nor in the host, on any path."""
    assert run_valgrind(house, builds.get("plain"), path) == {}


@needs_valgrind
def test_valgrind_catches(house, builds):
    """The planted leaks are found, by their functions, each in its own process."""
    assert_planted(run_valgrind(house, builds.get("plain", planted=True), good), "definitely lost")


def assert_planted(found, words):
    """Exactly the two planted leaks are there."""
    driver, helper = sorted(found)
    assert driver.startswith("driver") and helper.startswith("helper"), found.keys()
    assert "relay_planted" in found[driver] and words in found[driver], found[driver]
    assert "flow_planted" in found[helper] and words in found[helper], found[helper]


# --- sanitizers ---------------------------------------------------------------------------------------------------


def asan_environment(name):
    """What makes a program without ASan carry a module with it, and both tell their leaks."""
    return {"ASAN_OPTIONS": f"{ASAN}/{name}", "UBSAN_OPTIONS": f"print_stacktrace=1:log_path={LOGS}/{name}"}


def asan_helper():
    """The command that starts the helper; its environment is for libasan alone, nothing of ours reads one."""
    return "/usr/bin/env " + " ".join(f"{name}={value}" for name, value in asan_environment("helper").items())


def run_asan(house, path):
    """The driver carries libasan for the module's sake; the helper has its own."""
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LD_PRELOAD": libasan(), **asan_environment("driver")}
    run(house, path, environment=environment)


@needs_asan
@pytest.mark.parametrize("path", named(PATHS))
def test_sanitizers(house, builds, path):
    """No report of ASan, UBSan or LeakSanitizer, neither in the host nor in the helper, on any path."""
    build = builds.get("sanitized")
    for name in (MODULE, HELPER_FILE, FLOW_FILE):
        with open(os.path.join(build, name), "rb") as file:
            assert b"__asan_" in file.read(), f"{name} is not built with ASan"
    with installed(build, asan_helper()):
        run_asan(house, path)
        assert reports(0) == {}


@needs_asan
def test_sanitizers_catch(house, builds):
    """The planted leaks are found, by their functions, each in its own process."""
    with installed(builds.get("sanitized", planted=True), asan_helper()):
        run_asan(house, good)
        assert_planted(reports(2), "LeakSanitizer")
