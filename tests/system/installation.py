"""Other builds of the module, and their installation over the one that is there.

Rules: they are made of the source under test, beside its build directory, once for each session; `make install` and
`make uninstall` are the real ones. What is installed when a test begins is there again when `kept()` ends.
"""

import contextlib
import ctypes
import fcntl
import functools
import glob
import hashlib
import os
import re
import select
import shutil
import struct
import subprocess
import time
from pathlib import Path

from rig import require

SOURCE = os.environ.get("OTP_SOURCE", "")
OBJECTS = os.environ.get("OTP_OBJECTS", "")
LIBEXEC = "/usr/libexec/pam_cognito_otp"
HELPERS = {protocol: f"{LIBEXEC}/cognito-otp-helper-{protocol}" for protocol in (1, 2)}
FLOWS = {protocol: f"{LIBEXEC}/cognito-otp-flow-{protocol}.so" for protocol in (1, 2)}
TOOL = "/usr/sbin/cognito-otp"
NEXT_VERSION = "0.1.1"
OF_VERSION = re.compile(r"\bOTP_VERSION\b")
MOVED_TO, OTHER_CHANGES = 0x80, 0x2 | 0x100 | 0x200     # inotify: MOVED_TO; MODIFY, CREATE, DELETE
PATIENCE = 600


def module():
    """Where PAM finds the module."""
    (path,) = glob.glob("/usr/lib/*/security/pam_cognito_otp.so") or glob.glob("/lib*/security/pam_cognito_otp.so")
    return path


def run(*command, cwd=None):
    """Run it; its output only if it fails."""
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, f"{command}: {done.stdout[-3000:]}\n{done.stderr[-3000:]}"


def make(objects, *words):
    """make in a build directory."""
    run("make", "-s", "-C", objects, *words)


def install(objects, *words):
    """Install that build over what is there."""
    make(objects, "install", *words)


def uninstall(objects=OBJECTS):
    """Take it away, as an administrator does."""
    make(objects, "uninstall")


def fingerprint():
    """Of all that these builds are made of."""
    digest = hashlib.sha256()
    names = glob.glob(f"{SOURCE}/pam_cognito_otp/*") + [f"{SOURCE}/configure.ac", f"{SOURCE}/Makefile.am", __file__]
    for name in sorted(names):
        with open(name, "rb") as file:
            digest.update(name.encode() + b"\0" + file.read())
    return digest.hexdigest()


def built(recipe):
    """Makes a build directory by the recipe, or finds that of an earlier session if it was made of the same source."""
    @functools.cache
    def build():
        require()
        objects = f"{OBJECTS}-{recipe.__name__}"
        stamp = f"{objects}/fingerprint"
        with open(f"{objects}.lock", "w", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)    # several rigs share the build directory
            if not os.path.exists(stamp) or Path(stamp).read_text(encoding="ascii") != fingerprint():
                shutil.rmtree(objects, ignore_errors=True)
                recipe(objects)
                Path(stamp).write_text(fingerprint(), encoding="ascii")
        return objects
    return build


@built
def next_build(objects):
    """The same protocol, a later version."""
    shutil.copytree(OBJECTS, objects, symlinks=True)
    for path in glob.glob(f"{SOURCE}/pam_cognito_otp/*.c"):
        with open(path, encoding="utf-8") as file:
            if OF_VERSION.search(file.read()):
                for made in glob.glob(f"{objects}/pam_cognito_otp/*{os.path.basename(path)[:-2]}.*o"):
                    os.unlink(made)
    make(objects, f"PACKAGE_VERSION={NEXT_VERSION}")


def change(path, before, after):
    """Replace what stands there once."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    assert text.count(before) == 1, (path, before)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text.replace(before, after))


@built
def second_protocol(objects):
    """A build that speaks protocol 2, with another layout of what helper and flow share, and the same version."""
    source = f"{objects}/source"
    shutil.copytree(SOURCE, source, symlinks=True, ignore=shutil.ignore_patterns(".git", "build", "autom4te.cache"))
    change(f"{source}/configure.ac", "AC_SUBST([OTP_PROTOCOL], [1])", "AC_SUBST([OTP_PROTOCOL], [2])")
    change(f"{source}/pam_cognito_otp/auth_request.h", "\tstruct note *note;\n", "\tstruct note *note, *added;\n")
    run("autoreconf", "-fi", cwd=source)
    run(f"{source}/configure", "-q", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var", "CFLAGS=-O0",
        "--disable-dependency-tracking", cwd=objects)
    make(objects, "-j2")


@contextlib.contextmanager
def kept():
    """What is installed now, and nothing else, is installed at the end."""
    paths = [module(), HELPERS[1], FLOWS[1], TOOL]
    os.makedirs("/run/kept-installation", exist_ok=True)
    for number, path in enumerate(paths):
        shutil.copy2(path, f"/run/kept-installation/{number}")
    try:
        yield
    finally:
        for path in (HELPERS[2], FLOWS[2]):
            with contextlib.suppress(FileNotFoundError):
                os.unlink(path)
        os.makedirs(LIBEXEC, exist_ok=True)
        for number, path in enumerate(paths):
            shutil.copy2(f"/run/kept-installation/{number}", path + ".kept")
            os.rename(path + ".kept", path)


def same(path, other):
    """Whether both have the same bytes; either may be a file that has been deleted, by way of /proc."""
    with open(path, "rb") as one, open(other, "rb") as two:
        return one.read() == two.read()


class Watch:
    """Sees by inotify what becomes of files in these directories; also a context manager."""

    def __init__(self, *paths):
        self._libc = ctypes.CDLL(None, use_errno=True)
        self._fd = self._libc.inotify_init1(os.O_CLOEXEC | os.O_NONBLOCK)
        assert self._fd >= 0, os.strerror(ctypes.get_errno())
        self._folders = {}
        for folder in {os.path.dirname(path) for path in paths}:
            number = self._libc.inotify_add_watch(self._fd, os.fsencode(folder), MOVED_TO | OTHER_CHANGES)
            assert number >= 0, os.strerror(ctypes.get_errno())
            self._folders[number] = folder
        self._paths = set(paths)
        self._seen = []

    def events(self):
        """[(path, kind)] in their order so far: "renamed" onto the name, or "modify", "create", "delete"."""
        kinds = {MOVED_TO: "renamed", 0x2: "modify", 0x100: "create", 0x200: "delete"}
        while select.select([self._fd], [], [], 0.1)[0]:
            data = os.read(self._fd, 65536)
            while data:
                number, mask, _, length = struct.unpack_from("iIII", data)
                name, data = data[16:16 + length].rstrip(b"\0").decode(), data[16 + length:]
                path = os.path.join(self._folders[number], name)
                if path in self._paths:
                    self._seen.append((path, kinds[mask & (MOVED_TO | OTHER_CHANGES)]))
        return self._seen

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self._fd)


def wait_for(found, what, timeout=10):
    """Wait until found() is true; returns it."""
    deadline = time.monotonic() + timeout
    while True:
        result = found()
        if result:
            return result
        assert time.monotonic() < deadline, f"{what}: not within {timeout} s"
        time.sleep(0.02)
