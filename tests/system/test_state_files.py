"""Open codes and budgets on disk: what stands in the place of such a file is never used, followed or waited for.

Every kind of damage in the table is done to every file that a login reads, one file after the other, after calls that
left an open code and budgets. Each time the old code gets nobody in, the victim of a link is as it was, the log says
what was set aside, the file is ours again, and the person gets in with a new mail.
"""

import contextlib
import os
import re
import shutil
import socket
import stat
import subprocess
import time

import pytest
from driver.people import console, enter_code, key_holder, other_local, stranger
from rig import accounts

from system.house import RUN

VICTIMS = "/run/victims"
BOUND = 10
GIBIBYTE = 1 << 30
SHORT = {"deadline": "4s", "connect_timeout": "2s", "mail_budget": "256/10s", "mail_budget_unproved": "256/10s",
         "mail_budget_host": "256/10s"}
PROVED = ("challenge-7001-proved-", "mails-proved-", "mails-host", "mails-full", "turns")
UNPROVED = ("challenge-7002-unproved-", "mails-unproved-", "mails-uid-", "mails-host-unproved")
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short steps, large budgets, a folder for victims that nothing may change."""
    house.settings(**SHORT)
    shutil.rmtree(VICTIMS, ignore_errors=True)
    os.makedirs(VICTIMS, mode=0o700)


def change_mount(*command):
    """mount(8) or umount(8); again while a helper that is just ending still has files open there."""
    deadline = time.monotonic() + BOUND
    while subprocess.run(command, timeout=BOUND, check=time.monotonic() > deadline).returncode != 0:
        time.sleep(0.02)


@contextlib.contextmanager
def disk(options):
    """A file system of its own for the run directory."""
    os.makedirs(RUN, mode=0o700, exist_ok=True)
    change_mount("mount", "-t", "tmpfs", "-o", "mode=0700,nosuid," + options, "open-codes", RUN)
    try:
        yield
    finally:
        change_mount("umount", "-q", RUN)


def path_of(beginning, but=()):
    """The only file in the run directory whose name begins so; or the only one that is none of `but`."""
    names = [name for name in os.listdir(RUN) if re.fullmatch(re.escape(beginning) + "[0-9a-f]*", name)]
    (name,) = names if len(names) == 1 else set(names) - set(but)
    return os.path.join(RUN, name)


def contents(path):
    """The bytes of a file."""
    with open(path, "rb") as file:
        return file.read()


def victim(name, data=b"root:secret:19000::::::\n", mode=0o640):
    """A file outside that nothing may read, change or remove."""
    path = os.path.join(VICTIMS, os.path.basename(name))
    with open(path, "wb") as file:
        file.write(data)
    os.chmod(path, mode)
    os.utime(path, (1, 1))
    return path


def instead(make):
    """The damage of putting something else in the file's place."""

    def damage(path):
        data = contents(path)
        os.unlink(path)
        make(path, data)

    return damage


def directory_with_a_file(path):
    """A directory that cannot simply be removed."""
    os.mkdir(path, 0o700)
    with open(os.path.join(path, "file"), "w", encoding="ascii"):
        pass


def listening_socket(path):
    """A socket in the file system; whoever made it is gone."""
    with contextlib.closing(socket.socket(socket.AF_UNIX)) as one:
        one.bind(path)


def link_to_copy(path, data):
    """A hard link to a file that is in all else what it should be."""
    os.link(victim(path, data, 0o600), path)


def link_to_ours(path, _):
    """A symbolic link to another file of ours, the open code of somebody else."""
    os.symlink(path_of("challenge-7003-proved-"), path)


DAMAGES = {
    "symlink to a victim": instead(lambda path, _: os.symlink(victim(path), path)),
    "symlink to a good copy": instead(lambda path, data: os.symlink(victim(path, data, 0o600), path)),
    "symlink to a file of ours": instead(link_to_ours),
    "dangling symlink": instead(lambda path, _: os.symlink("/run/victims/new", path)),
    "hard link to a good copy": instead(link_to_copy),
    "FIFO": instead(lambda path, _: os.mkfifo(path, 0o600)),
    "empty directory": instead(lambda path, _: os.mkdir(path, 0o700)),
    "directory with a file": instead(lambda path, _: directory_with_a_file(path)),
    "socket": instead(lambda path, _: listening_socket(path)),
    "of another owner": lambda path: os.chown(path, accounts.add_user("mallory").uid, -1),
    "readable by all": lambda path: os.chmod(path, 0o644),
    "writable by its group": lambda path: os.chmod(path, 0o620),
    "empty": lambda path: os.truncate(path, 0),
    "one byte short": lambda path: os.truncate(path, os.stat(path).st_size - 1),
    "one byte long": lambda path: os.truncate(path, os.stat(path).st_size + 1),
    "1 GiB of nothing": lambda path: os.truncate(path, GIBIBYTE),
}


def check_ours(path):
    """The file is a plain one of root's again."""
    state = os.lstat(path)
    kind = (stat.S_ISREG(state.st_mode), stat.S_IMODE(state.st_mode), state.st_uid, state.st_nlink)
    assert kind == (True, 0o600, 0, 1), (path, kind)


def facts_of(folder):
    """All that can be seen of the files in a folder from outside."""
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        state = os.lstat(path)
        found[name] = (contents(path), state.st_mode, state.st_uid, state.st_mtime_ns)
    return found


def leave_open(house, call, first=False):
    """A login that ends after its mail, which is out before the question comes; returns the code that is open."""
    with call:
        if first:
            assert call.prompt() is not None
            call.answer("y")
        assert call.prompt().endswith("Code (r = new one): ")
        return house.cognito.last_code()


def new_mail_gets_in(house, call, old, first=False):
    """A login of which nothing was remembered: mailed anew, and the old code does not count."""
    with call:
        if first:
            assert call.prompt() is not None
            call.answer("y")
        prompt = call.prompt(BOUND)
        assert "ago is still good" not in prompt and prompt.endswith("Code (r = new one): "), prompt
        code = house.cognito.last_code()
        assert code != old
        call.answer(old)
        assert call.prompt(BOUND).startswith("Wrong code, 2 tries left. ")
        call.answer(code)
        assert call.result(timeout=BOUND) == "PAM_SUCCESS"


def fits(damage, beginning):
    """What can be done to the file: the one for the turns is empty."""
    return beginning != "turns" or damage not in ("empty", "one byte short")


def damage_some(house, damage, beginnings, leave, enter):
    """One damage to these files at once, and the login after it; returns the seconds that it took."""
    house.forget_state()
    house.log.clear()
    shutil.rmtree(VICTIMS)
    os.mkdir(VICTIMS, 0o700)
    leave_open(house, console("carol"))
    others = path_of("challenge-7003-proved-")
    carols = os.listdir(RUN)
    old = leave()
    paths = [path_of(beginning, but=carols) for beginning in beginnings]
    if not beginnings[0].startswith("challenge-"):
        os.unlink(path_of(PROVED[0]))   # or the open code would be used, and no budget asked
    for path in paths:
        damage(path)
    before = facts_of(VICTIMS), contents(others)
    start = time.monotonic()
    enter(old)
    seconds = time.monotonic() - start
    assert (facts_of(VICTIMS), contents(others)) == before
    return paths, old, seconds


def check_set_aside(house, damage, paths, old, seconds):
    """The log names each file, and each is ours again; returns the seconds for the table."""
    kept = [name for name in os.listdir(RUN) if name.startswith(".")]
    assert len(kept) == (len(paths) if damage == "directory with a file" else 0)    # for root to look at
    lines = house.log.lines("warning .*event=state_discarded")
    assert len(lines) == len(paths) and old not in "".join(lines), house.log.lines()
    for path in paths:
        assert [line for line in lines if f'detail="{os.path.basename(path)}: ' in line], (path, lines)
        if not os.path.basename(path).startswith("challenge-"):
            check_ours(path)
    return seconds


def damage_in_turn(house, damage, name, beginnings=PROVED):
    """Somebody at the machine, with one damage to each file of his in turn; returns what check_set_aside wants."""
    for beginning in [beginning for beginning in beginnings if fits(name, beginning)]:
        yield damage_some(house, damage, [beginning], lambda: leave_open(house, console()),
                          lambda old: new_mail_gets_in(house, console(), old))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_file(house, damage):
    """Somebody at the machine: each file of his in turn."""
    seconds = [check_set_aside(house, damage, *found) for found in damage_in_turn(house, DAMAGES[damage], damage)]
    rows.append((damage, f"{len(seconds)} files in turn, slowest login {max(seconds):.2f} s"))


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_files_of_a_stranger(house, damage):
    """su to somebody else: the four files that only such callers have, all at once."""
    seconds = check_set_aside(house, damage, *damage_some(
        house, DAMAGES[damage], UNPROVED, lambda: leave_open(house, other_local("bob"), first=True),
        lambda old: new_mail_gets_in(house, other_local("bob"), old, first=True)))
    rows.append((damage + ", of a stranger", f"4 files at once, login {seconds:.2f} s"))


def null_device(path):
    """A device in the file's place."""
    os.unlink(path)
    os.mknod(path, 0o600 | stat.S_IFCHR, os.makedev(1, 3))


def test_device(house):
    """On a file system where devices can be opened; most /run is none."""
    with disk("size=1m,dev"):
        seconds = [check_set_aside(house, "", *found) for found in damage_in_turn(house, null_device, "null device")]
    rows.append(("null device", f"{len(seconds)} files in turn, slowest login {max(seconds):.2f} s"))


def test_device_where_none_can_be_opened(house):
    """On nodev, as on most /run: set aside like everything else."""
    for found in damage_in_turn(house, null_device, "null device"):
        check_set_aside(house, "", *found)


def test_damage_does_not_wake_a_refused_stranger(house):
    """The file of a caller who cannot sign in is set aside in the same way, and he is shown the same."""
    with stranger("dave") as call:
        call.prompt()
        call.answer("y")
        shown = call.prompt()
    for damage in ("FIFO", "empty", "symlink to a victim"):
        DAMAGES[damage](path_of("challenge-7004-unproved-"))
        with stranger("dave") as call:
            call.prompt()
            call.answer("y")
            assert call.prompt(BOUND) == shown
        assert len(house.log.lines("event=state_discarded")) == 1
        house.log.clear()
    assert house.counts() == {"mails": 0}


# --- the directory ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("umask", "gid"), [("000", 7005), ("777", 7005), ("022", 0)])
def test_absent_directory_is_made(house, umask, gid):
    """Whatever umask and groups the calling program has: 0700 and root's, and so are the files."""
    wrapper = ("setpriv", f"--regid={gid}", "--clear-groups", "sh", "-c", f'umask {umask}; exec "$@"', "sh")
    with console(prefix=wrapper) as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    state = os.lstat(RUN)
    assert (stat.S_IMODE(state.st_mode), state.st_uid, state.st_gid) == (0o700, 0, 0)
    for name in os.listdir(RUN):
        check_ours(os.path.join(RUN, name))
        assert os.lstat(os.path.join(RUN, name)).st_gid == 0


def make_directory(mode=0o700, uid=0):
    """The run directory with this mode and owner."""
    os.mkdir(RUN)
    os.chown(RUN, uid, -1)
    os.chmod(RUN, mode)


def real_elsewhere():
    """A good directory, and a symbolic link to it where it should be."""
    os.mkdir("/run/victims/elsewhere", 0o700)
    os.symlink("/run/victims/elsewhere", RUN)


BAD_DIRECTORIES = {
    "of mallory": lambda: make_directory(uid=accounts.add_user("mallory").uid),
    "0755": lambda: make_directory(0o755),
    "0777": lambda: make_directory(0o777),
    "0710": lambda: make_directory(0o710),
    "a symlink": real_elsewhere,
    "a dangling symlink": lambda: os.symlink("/run/victims/nowhere", RUN),
    "a file": lambda: os.close(os.open(RUN, os.O_CREAT | os.O_WRONLY, 0o600)),
    "a FIFO": lambda: os.mkfifo(RUN, 0o700),
}


@pytest.fixture
def plain_place():
    """Whatever stands where the directory should be goes afterwards."""
    yield
    if os.path.islink(RUN) or not os.path.isdir(RUN):
        os.unlink(RUN)


@pytest.mark.parametrize("kind", BAD_DIRECTORIES)
def test_unsafe_directory(house, plain_place, kind):
    """Nobody is mailed, all hear the same, whoever they are and whether they could sign in; nothing is written."""
    BAD_DIRECTORIES[kind]()
    words = set()
    callers = [console(), key_holder(), other_local("bob"), stranger(), stranger("dave"), stranger("nobody-here")]
    start = time.monotonic()
    for call in callers:
        with call:
            assert call.result(timeout=BOUND) == "PAM_SYSTEM_ERR"
            words.add(tuple(call.texts()))
    assert words == {("Sign-in with a code does not work on this machine now; the system log says why.",)}
    assert house.untouched()
    reasons = sorted(house.reasons())
    assert reasons == ["state_unsafe"] * 6  # theirs, too: what is wrong with this machine comes first
    assert os.listdir(VICTIMS) == (["elsewhere"] if kind == "a symlink" else [])
    assert not os.path.isdir(RUN) or os.listdir(RUN) == []
    seconds = (time.monotonic() - start) / len(callers)
    rows.append((f"run directory: {kind}", f"state_unsafe, {len(callers)} callers, {seconds:.2f} s each"))
