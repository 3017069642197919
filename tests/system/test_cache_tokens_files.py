"""Damaged, swapped and planted files of an online record: a code is asked for, nothing hangs, nothing is followed.

Rules: a real login leaves the files; each fault is put into a copy of them as they were. That each single bit counts is
shown by tests/unit/test_cache_tokens.c and test_cache_record.c, with the same code; here are some of them, end to end.
"""

import glob
import os
import shutil
import stat
import time
from pathlib import Path

import pytest
from driver.driver import PamCall
from rig import sudo

from system.house import RUN, wait_helpers
from system.test_cache_guest import by_code, login_session

TERMINAL = "/dev/pts/9"
ROOMY = {"mail_budget": "256/h", "mail_budget_unproved": "256/h", "mail_budget_host": "256/h"}
BOUND_S = 15
FLIPS = 24
PLANTED = "/run/otp-planted"
SEAL = f"{RUN}/cache-seal"
rows = []
pytestmark = pytest.mark.usefixtures("table")


def remove(path):
    """Whatever stands there is gone."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class Kept:
    """What a login has left, to be put back as often as it is needed."""

    def __init__(self):
        self.files = {path: Path(path).read_bytes() for path in glob.glob(f"{RUN}/cache-[!b]*")}
        (self.tokens,) = (path for path in self.files if "/cache-tokens-" in path)
        (self.record,) = (path for path in self.files if "/cache-session-" in path)
        assert set(self.files) == {self.tokens, self.record, SEAL}

    def restore(self):
        """The files as they were."""
        for path in [PLANTED, *glob.glob(f"{RUN}/cache-[!b]*")]:
            remove(path)
        for path, content in self.files.items():
            Path(path).write_bytes(content)
            os.chmod(path, 0o600)


@pytest.fixture
def online(house):
    """The cache asks the service, and sudo remembers nobody. The house."""
    house.settings(**ROOMY, cache="on", cache_check="online")
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    yield house
    remove(PLANTED)


@pytest.fixture
def kept(online):
    """alice has proved herself in this session, by tokens that were kept."""
    with login_session(online.alice.uid):
        by_code(online)
        yield Kept()


def call(house):
    """What sudo meets: "in", or "asked" without an answer; bounded."""
    start = time.monotonic()
    with PamCall("sudo", "alice", tty=TERMINAL, ruid=house.alice.uid) as running:
        question = running.prompt(BOUND_S)
        seen = "asked" if question and "Code" in question else running.result()
    wait_helpers(0)
    assert time.monotonic() - start < BOUND_S
    return "in" if seen == "PAM_SUCCESS" else seen


def flipped(path, bit):
    """The file with one bit changed."""
    content = bytearray(Path(path).read_bytes())
    content[bit // 8] ^= 1 << bit % 8
    Path(path).write_bytes(content)


@pytest.mark.parametrize("which", ["tokens", "record"])
def test_flipped_bits(house, kept, which):
    """Bits over the whole file, one at a time; then, as it was, it serves."""
    path = getattr(kept, which)
    bits = 8 * len(kept.files[path])
    seen = []
    for bit in range(0, bits, bits // FLIPS | 1):
        kept.restore()
        flipped(path, bit)
        seen.append(call(house))
    assert set(seen) == {"asked"} and len(seen) >= FLIPS
    kept.restore()
    assert call(house) == "in"
    rows.append((f"{which}: {len(seen)} of {bits} bits flipped", "asked; as it was: in"))


def test_swapped_with_bobs(online):
    """Tokens of bob, sealed on the same host by the same key, in the place of alice's; with her own again she is in."""
    with login_session(online.bob.uid), PamCall("sudo", "bob", tty=TERMINAL, ruid=online.bob.uid) as running:
        assert "Code" in running.prompt(BOUND_S)
        running.answer(online.cognito.last_code("bob@example.com"))
        assert running.result() == "PAM_SUCCESS"
    wait_helpers(0)
    (path,) = glob.glob(f"{RUN}/cache-tokens-*")
    bobs = Path(path).read_bytes()
    for path in glob.glob(f"{RUN}/cache-*-{online.bob.uid}-*"):
        os.unlink(path)
    with login_session(online.alice.uid):
        by_code(online)
        kept = Kept()
        Path(kept.tokens).write_bytes(bobs)
        assert call(online) == "asked"
        assert online.log.lines("event=cache_not_used reason=tokens_sealed")
        kept.restore()
        assert call(online) == "in"
    rows.append(("tokens of bob in the place of alice's, and her own again", "asked, in"))


# --- what stands in the place of a file ------------------------------------------------------------------------------


def as_link(path):
    """The good file, behind a symbolic link."""
    os.rename(path, PLANTED)
    os.symlink(PLANTED, path)


def as_directory(path):
    """An empty directory."""
    os.unlink(path)
    os.mkdir(path, 0o700)


def as_fifo(path):
    """A pipe that nobody writes to."""
    os.unlink(path)
    os.mkfifo(path, 0o600)


def as_device(path):
    """/dev/zero, which never ends."""
    os.unlink(path)
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 5))


FAULTS = {
    "missing": os.unlink,
    "empty": lambda path: os.truncate(path, 0),
    "a byte short": lambda path: os.truncate(path, os.path.getsize(path) - 1),
    "a byte long": lambda path: os.truncate(path, os.path.getsize(path) + 1),
    "a megabyte": lambda path: os.truncate(path, 1 << 20),
    "symbolic link": as_link,
    "hard link": lambda path: os.link(path, PLANTED),
    "FIFO": as_fifo,
    "directory": as_directory,
    "device": as_device,
    "foreign owner": lambda path: os.chown(path, 7002, 7002),
    "mode 0644": lambda path: os.chmod(path, 0o644),
    "of another host": lambda path: Path(path).write_bytes(bytes(range(32))),
}


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("which", ["tokens", "record", "seal"])
def test_in_its_place(house, kept, which, fault):
    """A code is asked for and lets in, what was linked is as it was, and the next call needs none again."""
    path = {"tokens": kept.tokens, "record": kept.record, "seal": SEAL}[which]
    FAULTS[fault](path)
    before = Path(PLANTED).read_bytes() if os.path.exists(PLANTED) else None
    assert call(house) == "asked"
    with PamCall("sudo", "alice", tty=TERMINAL, ruid=house.alice.uid) as running:
        assert "Code" in running.prompt(BOUND_S)
        mails = len(house.cognito.outbox("alice@example.com"))
        running.answer(house.cognito.last_code("alice@example.com", count=mails))
        assert running.result() == "PAM_SUCCESS"
    wait_helpers(0)
    assert (Path(PLANTED).read_bytes() if os.path.exists(PLANTED) else None) == before
    assert call(house) == "in"
    assert house.log.lines("event=accepted.* by=renewal")
    rows.append((f"{which}: {fault}", "asked, in by a code, then in"))
