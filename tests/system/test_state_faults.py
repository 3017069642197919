"""Open codes and budgets when the disk or a system call fails: bounded all the same, and the next login works.

The disk is a file system of its own over the run directory. System calls fail, or kill the helper, by strace, which is
put between the module and the helper: one call after the other, as a first run shows them.
"""

import contextlib
import os
import shutil
import struct
import time

import pytest
from driver.people import console, sign_in, stranger

from system.house import HELPER, RUN, wait_helpers
from system.test_state_files import SHORT, change_mount, disk, leave_open

PATIENCE = 10
TWO_HOURS = 7200
REAL_HELPER = HELPER + ".real"
TRACES = "/run/traces"
BEFORE = "/run/otp-before"
CALLS = (
    "openat,mkdirat,fchown,fchmod,write,fsync,renameat,renameat2,mmap,utimensat,unlinkat,fcntl,getdents64,newfstatat"
)
NO_SPACE = ("mkdirat", "write", "renameat", "renameat2", "openat")
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short steps, large budgets."""
    house.settings(**SHORT)


def words_taken(*beginnings):
    """How many mails the budgets of these files have paid, in their first window."""
    taken = 0
    for name in os.listdir(RUN):
        if name.startswith(beginnings):
            with open(os.path.join(RUN, name), "rb") as file:
                taken += sum(1 for word in struct.unpack("<256Q", file.read(2048)) if word)
    return taken


# --- the disk --------------------------------------------------------------------------------------------------------


def fill():
    """Fill the disk to its last byte; again while a helper that is just ending gives some back."""
    wait_helpers(0)
    for _ in range(100):
        with contextlib.suppress(OSError), open(os.path.join(RUN, "filler"), "ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        time.sleep(0.05)
        if os.statvfs(RUN).f_bavail == 0:
            return
    raise AssertionError("the disk does not stay full")


def events(house, name):
    """How many warnings of this name were logged."""
    return len(house.log.lines(f"warning .*event={name} "))


def test_open_code_on_a_full_disk(house):
    """The code that was mailed before the disk was full still gets in; a wrong one still costs a try for good."""
    with disk("size=256k,nodev"):
        code = leave_open(house, console())
        fill()
        with console() as call:
            assert "ago is still good" in call.prompt()
            call.answer("00000000")
            assert call.prompt().startswith("Wrong code, 2 tries left. ")
        with console() as call:
            assert "ago is still good" in call.prompt()
            call.answer("00000001")
            assert call.prompt().startswith("Wrong code, 1 try left. ")
            call.answer(code)
            assert call.result() == "PAM_SUCCESS"
        assert house.counts()["mails"] == 1
        rows.append(("disk full, code open before", "gets in, 0 mails more, tries count over calls"))


def test_login_on_a_full_disk(house):
    """Mailed and in, with warnings; the tries end within the call; every mail is paid, if from the shared budget."""
    house.settings(**{**SHORT, "mail_budget": "4/h"})
    with disk("size=256k,nodev"):
        sign_in(house)
        fill()
        assert sign_in(house)["authenticate"] == "PAM_SUCCESS"      # his budget is there
        assert (events(house, "challenge_not_kept"), events(house, "budget_shared")) == (1, 0)
        assert sign_in(house, "bob")["authenticate"] == "PAM_SUCCESS"
        assert (events(house, "challenge_not_kept"), events(house, "budget_shared")) == (2, 1)
        with console("bob") as call:
            for _ in range(3):
                assert "ago is still good" not in call.prompt()
                call.answer("00000000")
            assert call.result() == "PAM_MAXTRIES"
        assert len(house.cognito.requests("RespondToAuthChallenge")) == 6
        results = []
        for name in ("bob", "carol", "bob", "carol"):
            with console(name) as call:
                results.append("mailed" if call.prompt() else call.result())
        assert results == ["mailed", "mailed", "PAM_MAXTRIES", "PAM_MAXTRIES"]      # bob and carol together: 4
        assert house.outcome()["reason"] == "mail_budget"
        assert words_taken("mails-full") == 4
        assert [mail["destination"] for mail in house.cognito.outbox()].count("alice@example.com") == 2
        assert not [name for name in os.listdir(RUN) if name.startswith(".")]
        rows.append(("disk full", "mailed and in; bob and carol share 4 mails of mails-full, alice has her own"))


def nobody_is_served(house):
    """Owners, strangers, people who cannot sign in: all hear the same at once, and nothing leaves."""
    house.log.clear()
    before = house.counts()
    said = set()
    for call in (console(), stranger("bob"), stranger("dave"), stranger("no-such-person")):
        with call:
            assert call.result() == "PAM_SYSTEM_ERR"
            said.add(tuple(call.texts()))
    assert house.counts() == before and len(said) == 1
    assert house.reasons() == ["state_io"] * 4


@pytest.mark.parametrize("options", ["size=4k", "nr_inodes=1"])
def test_disk_that_was_full_from_the_start(house, options):
    """Where no budget can be kept at all nobody is mailed."""
    with disk(options):
        if options.startswith("size"):
            fill()
        nobody_is_served(house)
    rows.append((f"disk full before anything ({options})", "state_io, no mail, all callers alike"))


@pytest.mark.parametrize("inodes", range(2, 8))
def test_no_inodes_left(house, inodes):
    """One file after the other that cannot be made: the person gets in, and all of it is paid."""
    with disk(f"size=256k,nr_inodes={inodes}"):
        for _ in range(2):
            assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
        assert words_taken("mails-proved", "mails-full") >= 2 <= words_taken("mails-host", "mails-full")
        warned = {name: events(house, name) for name in ("no_turns", "budget_shared", "challenge_not_kept")}
        names = len(os.listdir(RUN))
    rows.append((f"{inodes - 1} inodes", f"in twice; {names} files; " + str(warned)))
    assert warned["challenge_not_kept"] == (2 if inodes < 6 else 0)
    assert bool(warned["budget_shared"]) == (inodes < 5)


def test_read_only_disk(house):
    """Nothing can be written down: no mail, and no code that is open is tried for free."""
    with disk("size=256k,nodev"):
        code = leave_open(house, console())
        leave_open(house, stranger("bob"), first=True)
        change_mount("mount", "-o", "remount,ro", RUN)
        nobody_is_served(house)
        change_mount("mount", "-o", "remount,rw", RUN)
        with console() as call:
            assert "ago is still good" in call.prompt()
            call.answer(code)
            assert call.result() == "PAM_SUCCESS"
    rows.append(("disk read-only", "state_io; no mail, no code sent; writable again: the open code gets in"))


# --- system calls ----------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def traced(*arguments):
    """strace with these arguments between module and helper; yields a function that reads what it wrote.

    sh -p: under sudo the real uid is the caller's, and a shell would go back to it.
    """
    os.makedirs(TRACES, exist_ok=True)
    for name in os.listdir(TRACES):
        os.unlink(os.path.join(TRACES, name))
    with open(HELPER + ".new", "w", encoding="ascii") as file:
        file.write(f"#!/bin/sh -p\nexec strace -D -qq -y -s 0 -o {TRACES}/$$ {' '.join(arguments)} {REAL_HELPER}\n")
    os.chmod(HELPER + ".new", 0o755)
    os.rename(HELPER + ".new", HELPER)

    def lines():
        found = []
        for name in os.listdir(TRACES):
            with open(os.path.join(TRACES, name), encoding="utf-8", errors="replace") as file:
                found += file.read().splitlines()
        return found

    yield lines


def untraced():
    """The helper itself in its place."""
    shutil.copy2(REAL_HELPER, HELPER + ".new")
    os.rename(HELPER + ".new", HELPER)


@pytest.fixture
def helper_aside():
    """The helper under another name, so that strace can stand in its place; afterwards as it was."""
    os.rename(HELPER, REAL_HELPER)
    yield
    os.rename(REAL_HELPER, HELPER)


def points(lines):
    """The calls that touch the run directory: (call, its number among all of this name, the line)."""
    numbers = {}
    found = []
    for line in lines:
        call = line.partition("(")[0]
        numbers[call] = numbers.get(call, 0) + 1
        if RUN in line or '"pam_cognito_otp", 0700' in line:
            found.append((call, numbers[call], line))
    return found


def one_login(house, wrong=True):
    """A login that types a wrong code first: the last result, and whether it came to a prompt."""
    mails = len(house.cognito.outbox())
    with console() as call:
        prompt = call.prompt(PATIENCE)
        if prompt is None:
            return call.result()
        code = house.cognito.last_code(count=mails + (0 if "ago is still good" in prompt else 1))
        call.answer("00000000" if wrong else code)
        if wrong and call.prompt(PATIENCE) is not None:
            assert "PAM_SUCCESS" not in dict(call.history).values()
            call.answer(code)
        elif wrong:
            assert call.result() != "PAM_SUCCESS"
        assert call.prompt(PATIENCE) is None
        return call.result()


def spend_the_tries():
    """An open code whose tries are spent: the next login replaces its file."""
    with console() as call:
        for _ in range(3):
            call.prompt()
            call.answer("00000000")
        assert call.result() == "PAM_MAXTRIES"


def nothing_before():
    """The first login since the machine was started."""


def start_from(house, before):
    """The run directory as it was saved in `before`, if it was; nothing else is remembered."""
    house.forget_state()
    if os.path.isdir(before):
        shutil.copytree(before, RUN)
    house.cognito.clear_outbox()


def inject(house, before, call, number, what):
    """One login with the call failing, then one without: (hit, result); what must hold whatever fails."""
    start_from(house, before)
    paid = words_taken("mails-proved", "mails-full") if os.path.isdir(RUN) else 0
    with traced("-e", f"trace={CALLS}", "-e", f"inject={call}:{what}:when={number}") as lines:
        result = one_login(house)
        time.sleep(0.01)
        hits = [line for line in lines() if "(INJECTED)" in line] or lines()[-2:]
    mails = len(house.cognito.outbox())
    assert not mails or words_taken("mails-proved", "mails-full") - paid >= mails, (call, number, what, result)
    untraced()
    again = one_login(house, wrong=False)
    assert again == "PAM_SUCCESS", (call, number, what, result, again, house.log.lines())
    assert words_taken("mails-proved", "mails-full") - paid >= len(house.cognito.outbox()), (call, number, what)
    return any(RUN in line or '"pam_cognito_otp"' in line for line in hits), result


def sweep(house):
    """What killed helpers left is gone with the first login after an hour."""
    left = [name for name in os.listdir(RUN) if name.startswith(".")]
    for name in left:
        then = time.time() - TWO_HOURS
        os.utime(os.path.join(RUN, name), (then, then))
    leave_open(house, console("bob"))
    assert not [name for name in os.listdir(RUN) if name.startswith(".")], left
    return len(left)


@pytest.mark.parametrize("before", [nothing_before, spend_the_tries])
def test_every_system_call_fails(house, helper_aside, before):
    """Each call of the helper in the run directory, killed there or refused: see inject()."""
    house.settings(**{**SHORT, "mail_budget": "256/h", "mail_budget_host": "256/h"})
    untraced()
    before()
    shutil.rmtree(BEFORE, ignore_errors=True)
    if os.path.isdir(RUN):
        shutil.copytree(RUN, BEFORE)
    start_from(house, BEFORE)
    with traced("-e", f"trace={CALLS}") as lines:
        assert one_login(house) == "PAM_SUCCESS"
        time.sleep(0.1)
        found = points(lines())
    assert {call for call, _, _ in found} >= {"openat", "fchmod", "write", "fsync", "renameat", "mmap", "unlinkat"}
    done, hit, results, swept = 0, 0, {}, 0
    for call, number, line in found:
        faults = ["signal=KILL", "error=EIO"]
        faults += ["error=ENOSPC"] if call in NO_SPACE and (call != "openat" or "O_CREAT" in line) else []
        for what in faults:
            was_hit, result = inject(house, BEFORE, call, number, what)
            done, hit = done + 1, hit + was_hit
            results[f"{what[6:]} {result}"] = results.get(f"{what[6:]} {result}", 0) + 1
            swept += sweep(house) if what == "signal=KILL" and call in ("fchmod", "write", "fsync", "renameat") else 0
    rows.append((f"{before.__name__}: {len(found)} calls, {done} faults, {hit} hit", str(results)))
    rows.append(("files of killed helpers, swept", str(swept)))
    assert hit >= 0.8 * done and swept > 0
    assert {result.split()[1] for result in results} <= {"PAM_SUCCESS", "PAM_SERVICE_ERR", "PAM_SYSTEM_ERR"}, results


def test_killed_after_each_mail(house, helper_aside):
    """Somebody who kills his helper once the mail is out, before it is written down: his budget holds all the same."""
    house.settings(**{**SHORT, "mail_budget": "3/h"})
    untraced()
    sign_in(house, "bob")   # fetches the key set, of which a copy is written
    house.cognito.clear_outbox()
    with traced("-e", "trace=renameat", "-e", "inject=renameat:signal=KILL:when=1+"):
        results = [one_login(house) for _ in range(6)]
    assert results == ["PAM_SERVICE_ERR"] * 3 + ["PAM_MAXTRIES"] * 3
    assert (house.counts()["mails"], house.reasons()[-1]) == (3, "mail_budget")
    untraced()
    assert sign_in(house, "bob")["authenticate"] == "PAM_SUCCESS"
    rows.append(("killed between mail and record, 6 times", "3 mails of 3, then mail_budget; bob gets in"))
