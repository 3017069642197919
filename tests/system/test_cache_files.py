"""Records on disk in real logins: what stands in the place of one is never used, followed or waited for.

A code for sudo leaves a record; each damage of the table is done to it, and sudo asks for a code. Each time the victim
of a link is as it was, the log has a warning where it is more than a record that does not count, and the good record
counts again afterwards. Writing is killed at each system call.
"""

import os
import shutil
import time

import pytest
from rig import accounts, sessions, sudo

from system.house import RUN, wait_helpers
from system.test_cache import ALL, NO_TICKET, PROMPT, ROOMY, SUDO, met, newest_code, records
from system.test_state_faults import TRACES, helper_aside, traced, untraced
from system.test_state_files import (
    BOUND,
    VICTIMS,
    change_mount,
    contents,
    directory_with_a_file,
    facts_of,
    instead,
    link_to_copy,
    listening_socket,
    victim,
)

__all__ = ["helper_aside"]
DEVICE = os.makedev(1, 5)   # /dev/zero: whoever reads it never ends
CALLS = "openat,fchmod,write,fsync,renameat"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def cached(house):
    """The cache is on, and nobody's sudo remembers him."""
    house.settings(**ROOMY)
    sudo.allow(*ALL, defaults=NO_TICKET)
    shutil.rmtree(VICTIMS, ignore_errors=True)
    os.makedirs(VICTIMS, mode=0o700)
    return house


def by_code(house, person):
    """sudo with the mailed code."""
    person.line(SUDO)
    person.expect(r"\(r = new one\): ")
    person.line(newest_code(house))
    person.expect("^root\r\n")
    person.expect(PROMPT)


def begin(house, account):
    """A shell in a session of its own whose record counts: (terminal, path of the record)."""
    before = set(records())
    person = sessions.terminal(account)
    person.expect(PROMPT)
    by_code(house, person)
    assert met(person) == "root"
    (name,) = set(records()) - before
    return person, os.path.join(RUN, name)


def restore(path, data):
    """The good record in its place again."""
    if os.path.isdir(path) and not os.path.islink(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, 0o600)


def rewritten(change):
    """The damage of other bytes in the file."""

    def damage(path):
        data = contents(path)
        with open(path, "wb") as file:
            file.write(change(data))

    return damage


def sum_of(data):
    """FNV-1a, as at the end of a record."""
    number = 0xCBF29CE484222325
    for byte in data:
        number = (number ^ byte) * 0x100000001B3 % (1 << 64)
    return number


def with_sum(data):
    """The lines of a record with the right last one."""
    body = data[:data.rindex(b"sum=")]
    return body + b"sum=%016x\n" % sum_of(body)


def other_host(data):
    """As another machine, or this one in another boot, has written it; whole."""
    start = data.index(b"boot=") + 5
    return with_sum(data[:start] + b"ffffffff" + data[start + 8:])


DAMAGES = {
    "symlink to a victim": instead(lambda path, _: os.symlink(victim(path), path)),
    "symlink to a good copy": instead(lambda path, data: os.symlink(victim(path, data, 0o600), path)),
    "dangling symlink": instead(lambda path, _: os.symlink("/run/victims/new", path)),
    "hard link to a good copy": instead(link_to_copy),
    "FIFO": instead(lambda path, _: os.mkfifo(path, 0o600)),
    "directory": instead(lambda path, _: os.mkdir(path, 0o700)),
    "directory with a file": instead(lambda path, _: directory_with_a_file(path)),
    "socket": instead(lambda path, _: listening_socket(path)),
    "device": instead(lambda path, _: os.mknod(path, 0o020600, DEVICE)),
    "of another owner": lambda path: os.chown(path, accounts.add_user("mallory").uid, -1),
    "readable by all": lambda path: os.chmod(path, 0o644),
    "writable by its group": lambda path: os.chmod(path, 0o620),
    "empty": lambda path: os.truncate(path, 0),
    "one byte short": lambda path: os.truncate(path, os.stat(path).st_size - 1),
    "one byte long": lambda path: os.truncate(path, os.stat(path).st_size + 1),
    "1 GiB of nothing": lambda path: os.truncate(path, 1 << 30),
    "one bit flipped": rewritten(lambda data: data[:100] + bytes([data[100] ^ 4]) + data[101:]),
    "CRLF": rewritten(lambda data: data.replace(b"\n", b"\r\n")),
    "first line twice": rewritten(lambda data: with_sum(data[:data.index(b"\n") + 1] + data)),
    "copied from another host": rewritten(other_host),
}
SILENT = ("copied from another host",)    # a whole record, which does not count any more


def test_damage(house):
    """Asked for a code, bounded, nothing followed, and told; the good record counts again."""
    person, path = begin(house, house.alice)
    good = contents(path)
    with person:
        for name, damage in DAMAGES.items():
            restore(path, good)
            house.log.clear()
            damage(path)
            before = facts_of(VICTIMS)
            start = time.monotonic()
            assert met(person) == "asked", name
            assert time.monotonic() - start < BOUND, name
            warned = len(house.log.lines("event=cache_not_used"))
            assert warned == (name not in SILENT), (name, house.log.lines())
            assert facts_of(VICTIMS) == before and not os.path.exists("/run/victims/new"), name
            restore(path, good)
            assert met(person) == "root", name
            rows.append((name, f"asked, then in; warnings {warned}"))


def test_swapped_with_another_users(house):
    """Each has the other's record, whole: both are asked."""
    person, path = begin(house, house.alice)
    other, other_path = begin(house, house.bob)
    with person, other:
        mine, his = contents(path), contents(other_path)
        restore(path, his)
        restore(other_path, mine)
        assert (met(person), met(other)) == ("asked", "asked")
        assert len(house.log.lines("event=cache_not_used .*a copy of")) == 2
        restore(path, mine)
        restore(other_path, his)
        assert (met(person), met(other)) == ("root", "root")
    rows.append(("swapped with another user's", "asked, asked; then in, in"))


@pytest.mark.parametrize("damage", ["directory", "FIFO", "symlink to a good copy"])
def test_the_next_code_makes_it_good(house, damage):
    """What lay in the place is no obstacle for the record of the next login."""
    person, path = begin(house, house.alice)
    with person:
        DAMAGES[damage](path)
        by_code(house, person)
        assert met(person) == "root"
        assert os.path.isfile(path) and not os.path.islink(path)
    rows.append((damage + ", then a code", "in by the new record"))


# --- the directory ----------------------------------------------------------------------------------------------------


def goes_on(house, what, prepare=None):
    """sudo with a code goes on twice, and the log says what was not kept of the session that is open."""
    with sessions.terminal(house.alice) as person:
        person.expect(PROMPT)
        if prepare is not None:
            prepare(person.pid)
        for _ in range(2):
            by_code(house, person)
    assert len(house.log.lines("event=cache_not_kept")) == (0 if prepare is None else 2), house.log.lines()
    rows.append((what, "in with a code, twice"))


def test_directory_missing(house):
    """It is made anew; where it cannot be, since its parent is missing, the login goes on with a code."""
    place = "/run/otp-cache"
    house.settings(**ROOMY, cache_dir=place)
    with sessions.terminal(house.alice) as person:
        person.expect(PROMPT)
        for _ in range(2):
            sessions.mark(place, person.pid)
            by_code(house, person)
            assert met(person) == "root"
            shutil.rmtree(place)
            assert met(person) == "asked"
    shutil.rmtree(place, ignore_errors=True)
    rows.append(("cache_dir taken away", "asked"))
    house.settings(**ROOMY, cache_dir=place + "/none")
    house.log.clear()
    goes_on(house, "parent of cache_dir missing")


def test_directory_read_only(house):
    """Nothing can be kept."""
    place = "/run/otp-cache"
    house.settings(**ROOMY, cache_dir=place)
    os.mkdir(place, 0o700)
    change_mount("mount", "-t", "tmpfs", "-o", "mode=0700", "records", place)

    def prepare(pid):
        sessions.mark(place, pid)
        change_mount("mount", "-o", "remount,ro", place)
    try:
        goes_on(house, "cache_dir read-only", prepare)
    finally:
        wait_helpers(0)
        change_mount("umount", "-q", place)
        os.rmdir(place)


def test_directory_full(house):
    """The same on a disk without a free inode."""
    place = "/run/otp-cache"
    house.settings(**ROOMY, cache_dir=place)
    os.mkdir(place, 0o700)
    change_mount("mount", "-t", "tmpfs", "-o", "mode=0700,nr_inodes=2", "records", place)
    try:
        goes_on(house, "cache_dir full", lambda pid: sessions.mark(place, pid))
    finally:
        wait_helpers(0)
        change_mount("umount", "-q", place)
        os.rmdir(place)


# --- killed while writing ---------------------------------------------------------------------------------------------


def points(lines):
    """The calls by which the record is written: (call, its number among all of this name)."""
    numbers, found, writing = {}, [], False
    for line in lines:
        call = line.partition("(")[0]
        numbers[call] = numbers.get(call, 0) + 1
        writing = writing or ("O_CREAT" in line and ".cache-session-" in line)
        if writing and ("cache-" in line):
            found.append((call, numbers[call]))
    return found


@pytest.mark.usefixtures("helper_aside")
def test_killed_at_each_system_call(house):
    """SIGKILL about each call of the writing in a real login: a whole record, and the next login is in.

    strace counts the calls of a login, which differ by a few from one to the next; that no call of a write is missed
    is what tests/unit/test_cache_killed.c shows.
    """
    untraced()
    os.makedirs(TRACES, exist_ok=True)
    os.chmod(TRACES, 0o777)    # strace opens its files as the real uid, who is alice under sudo
    person, path = begin(house, house.alice)
    old = contents(path)
    with person:
        house.settings(**ROOMY, debug="yes")   # the old one does not count any more, and a code is asked for
        with traced("-e", f"trace={CALLS}") as lines:
            by_code(house, person)
            time.sleep(0.2)
            found = points(lines())
        assert {call for call, _ in found} >= {"openat", "fchmod", "write", "fsync", "renameat"}, found
        seen = {"old": 0, "new": 0}
        for call, number in found:
            restore(path, old)
            with traced("-e", f"trace={CALLS}", "-e", f"inject={call}:signal=KILL:when={number}"):
                person.line(SUDO)
                person.expect(r"\(r = new one\): ")
                person.line(newest_code(house))
                person.expect(PROMPT)
            wait_helpers(0)
            now = contents(path)
            assert now == old or (now == with_sum(now) and len(now) >= len(old)), (call, number, now)
            seen["old" if now == old else "new"] += 1
            untraced()
            assert met(person) in ("asked", "root")
    assert seen["old"] > 0, seen
    rows.append((f"SIGKILL about {len(found)} calls of a write", f"whole old {seen['old']}, whole new {seen['new']}"))
