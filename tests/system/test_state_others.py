"""Open codes and budgets while others stop their own logins, and when the machine's clock is set.

An unprivileged user may stop the sudo or su that he has started, with the module in it, wherever he likes: nobody else
waits for him. The wall clock may be set: what is open and what is spent goes by the time since the machine started.
"""

import contextlib
import functools
import os
import subprocess
import time

import pytest
from driver.people import console, own_account, sign_in
from rig import accounts, su, sudo

from system.house import CODE_QUESTION, FIRST_QUESTION
from system.test_state_files import SHORT, leave_open

PATIENCE = 10
CLOCK_SOURCE = """
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

int clock_gettime(clockid_t clock, struct timespec *now)
{
    int failed = (int)syscall(SYS_clock_gettime, clock, now);

    now->tv_sec += clock == CLOCK_REALTIME ? SHIFT : 0;
    return failed;
}

time_t time(time_t *ret_now)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (ret_now)
        *ret_now = now.tv_sec;
    return now.tv_sec;
}

int gettimeofday(struct timeval *ret_now, void *zone)
{
    struct timespec now;

    (void)zone;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    *ret_now = (struct timeval){ now.tv_sec, now.tv_nsec / 1000 };
    return 0;
}
"""
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short steps, large budgets."""
    house.settings(**SHORT)


# --- other processes -------------------------------------------------------------------------------------------------


def signal_as(person, pid, name):
    """A signal from the person himself; whether he may send it: not to a sudo that is gone, or root's by then."""
    run = subprocess.run(["kill", f"-{name}", str(pid)], user=person.uid, capture_output=True, text=True, check=False,
                         timeout=PATIENCE)
    assert run.returncode == 0 or "No such process" in run.stderr or "not permitted" in run.stderr, run.stderr
    return run.returncode == 0


def seconds_of(function, *arguments, **more):
    """How long it takes."""
    start = time.monotonic()
    function(*arguments, **more)
    return time.monotonic() - start


def others(house, names=()):
    """How long it takes at most: bob's whole login, and the prompt of these at the console and in a second sudo."""

    def prompt(name):
        for who in (console, own_account):
            with who(name) as call:
                assert call.prompt().endswith("Code (r = new one): ")

    def bob():
        with console("bob") as call:
            call.prompt()
            call.answer(house.cognito.last_code("bob@example.com"))
            assert call.result() == "PAM_SUCCESS"

    return max([seconds_of(bob)] + [seconds_of(prompt, name) / 2 for name in names])


def codes_of(house, person):
    """All codes in his mailbox, the oldest first."""
    return [mail["code"] for mail in house.cognito.outbox(f"{person.name}@example.com")]


def finish_sudo(house, person, terminal, stage):
    """The rest of the way in, with one of the codes in the mailbox."""
    if stage == "start":
        terminal.expect(CODE_QUESTION)
        for code in codes_of(house, person):
            terminal.line(code)
            if terminal.expect("^root\r\n|Wrong code").group().startswith("root"):
                break
    else:
        terminal.expect("^root\r\n")
    assert terminal.wait() == 0


def stopped_batch(house, people, stage, delays):
    """Some who stop their sudo after these delays; returns how long others needed meanwhile, and how many stopped."""
    house.forget_state()
    house.cognito.clear_outbox()
    stopped = 0
    with contextlib.ExitStack() as stack:
        terminals = []
        for person, delay in zip(people, delays):
            terminal = stack.enter_context(sudo.terminal(person, "id", "-un"))
            terminals.append(terminal)
            if stage == "code":
                terminal.expect(CODE_QUESTION)
                terminal.line(codes_of(house, person)[-1])
            time.sleep(delay)
            stopped += signal_as(person, terminal.pid, "STOP")
        slowest = others(house, [person.name for person in people[:2]])
        for person, terminal in zip(people, terminals):
            signal_as(person, terminal.pid, "CONT")
        for person, terminal in zip(people, terminals):
            finish_sudo(house, person, terminal, stage)
    return slowest, stopped


def test_stopped_sudo_holds_up_nobody(house):
    """50 sudos, stopped by their callers from the start to the end of the module's call, five at a time."""
    people = accounts.add_people(*(f"stopper{number}" for number in range(5)))
    for person in people:
        house.cognito.user(f"{person.name}@example.com")
    house.user_map(*(f"{name} email:{name}@example.com" for name in ["alice", "bob"] + [p.name for p in people]))
    sudo.allow(*(f"{person.name} ALL=(ALL:ALL) ALL" for person in people),
               defaults=("lecture=never", "timestamp_timeout=0"))
    others(house)       # builds what must be built
    alone = others(house, [person.name for person in people[:2]])
    stopped = 0
    slowest = {}
    for stage, count in (("start", 30), ("code", 20)):
        delays = [0.15 * number / count for number in range(count)]
        slowest[stage] = 0
        for first in range(count // 5):
            seconds, number = stopped_batch(house, people, stage, delays[first::count // 5])
            slowest[stage], stopped = max(slowest[stage], seconds), stopped + number
            assert seconds < alone + 1
    assert stopped > 30
    rows.append((f"50 sudos of 5 users, {stopped} stopped in time",
                 f"others: {alone:.2f} s alone, {slowest['start']:.2f} s with 5 stopped at the start, "
                 f"{slowest['code']:.2f} s with 5 stopped after the code"))


def test_stopped_su_holds_up_nobody(house):
    """mallory stops five of his su to bob, at the first question and while the mail is on its way."""
    others(house)
    alone = others(house)
    with contextlib.ExitStack() as stack:
        for number in range(5):
            terminal = stack.enter_context(su.terminal(house.mallory, "bob", "id -un"))
            terminal.answer(FIRST_QUESTION, "y" if number else "n")
            time.sleep(0.05 * number)
            assert signal_as(house.mallory, terminal.pid, "STOP")
        meanwhile = others(house, ["bob", "alice"])
        with su.terminal(house.alice, "bob", "id -un") as terminal:
            terminal.answer(FIRST_QUESTION, "y")
            seconds = seconds_of(terminal.expect, CODE_QUESTION)
    assert meanwhile < alone + 1 and seconds < 2.5      # the mail's step takes half a second for all
    rows.append(("5 stopped su to bob",
                 f"bob: {alone:.2f} s alone, {meanwhile:.2f} s meanwhile; alice's su to him {seconds:.2f} s"))


def test_stopped_at_the_code(house):
    """alice leaves a sudo stopped at its question: her next one may mail when it must, without a wait."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with sudo.terminal(house.alice, "id", "-un") as terminal:
        terminal.expect(CODE_QUESTION)
        assert signal_as(house.alice, terminal.pid, "STOP")
        with own_account() as call:
            for _ in range(3):
                assert call.prompt() is not None
                call.answer("00000000")
            assert call.result() == "PAM_MAXTRIES"
        with own_account() as call:
            seconds = seconds_of(call.prompt)
        assert (len(house.cognito.outbox()), house.reasons()[0]) == (2, "tries_exhausted")
    assert seconds < 1
    rows.append(("a sudo stopped at the code", f"the next one of the same user is mailed after {seconds:.2f} s"))


# --- the clock -------------------------------------------------------------------------------------------------------


@contextlib.contextmanager
def wall_clock(house, seconds):
    """The clock of the machine, and the service's date, set by so many seconds; time since boot goes on as ever."""
    house.cognito.set_clock(date_offset=seconds, token_offset=seconds)
    with open("/etc/ld.so.preload", "w", encoding="ascii") as file:
        file.write(shifted_clock(seconds) + "\n")
    try:
        yield
    finally:
        os.unlink("/etc/ld.so.preload")


@functools.cache
def shifted_clock(seconds):
    """A library that lets programs see the wall clock so many seconds off."""
    path = f"/usr/lib/shifted-clock{seconds}.so"
    source = CLOCK_SOURCE.replace("SHIFT", str(seconds))
    subprocess.run(["cc", "-shared", "-fPIC", "-O1", "-x", "c", "-", "-o", path], input=source, text=True, check=True,
                   timeout=60)
    return path


@pytest.mark.parametrize("seconds", [-7200, 1800, 7200, 60 * 3600])
def test_clock_is_set(house, seconds):
    """Set back or forward: an open code lasts as long as ever, its tries too, and no budget fills or is forgotten."""
    house.settings(**{**SHORT, "mail_budget": "2/h"})
    code = leave_open(house, console())
    with console("carol") as call:
        for _ in range(2):
            assert call.prompt() is not None
            call.answer("00000000")
        assert call.prompt().startswith("Wrong code, 1 try left. ")
    sign_in(house, "bob")
    sign_in(house, "bob")
    with wall_clock(house, seconds):
        seen = subprocess.run(["date", "+%s"], capture_output=True, text=True, check=True, timeout=PATIENCE).stdout
        assert abs(int(seen) - time.time() - seconds) < 60
        with console("carol") as call:
            assert "ago is still good" in call.prompt()
            call.answer("00000000")
            assert call.result() == "PAM_MAXTRIES"
        mails = len(house.cognito.outbox())
        with console() as call:
            assert "ago is still good" in call.prompt()
            call.answer(code)
            assert call.result() == "PAM_SUCCESS"
        assert len(house.cognito.outbox()) == mails
        assert sign_in(house)["authenticate"] == "PAM_SUCCESS"      # a new mail: what is old is swept away
        for name in ("bob", "alice"):
            with console(name) as call:
                assert call.result() == "PAM_MAXTRIES"
            assert house.outcome()["reason"] == "mail_budget"
    rows.append((f"clock set by {seconds / 3600:+.1f} h", "the open code gets in; tries and budgets as before"))
