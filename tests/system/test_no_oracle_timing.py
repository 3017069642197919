"""How long a stranger waits for each question says nothing of the account: a coarse test; the fine one is a benchmark.

A real mapped user and three who cannot sign in (unknown, unmapped, filtered) are asked side by side, in random order,
each call from an address of its own. Nothing here measures the machine: groups of one run are compared with each other,
and a wait has a lower bound only, which is the module's own. tests/bench/oracle.py looks more closely.
"""

import concurrent.futures
import random
import statistics
import time

from driver.people import stranger

NAMES = {"alice": "real", "nosuch": "unknown", "dave": "unmapped", "bob": "filtered"}
ANSWERS = ("y", "12345678", "87654321", "24682468")
STEPS = ("start", "y", "first wrong code", "second wrong code", "last wrong code")
DEADLINE = "8s"  # a floor is a share of it: an eighth after y, a sixteenth after a code
FLOORS_MS = (100, 1000, 500, 500, 500)
SIDE_BY_SIDE = 16
RUNS = 24
TOLERANCE_MS = 20
PATIENCE = 60


def settings(house, **more):
    """Budgets that no run here spends; three kinds of names that cannot sign in."""
    budgets = {"mail_budget_unproved": "256/10s", "mail_budget_host": "256/10s"}
    house.settings(**{"users": "* !bob", **budgets, **more})
    house.cognito.reset()
    one_call("alice", "192.0.2.1")  # the key set is on disk from here on


def one_call(name, address):
    """Answer y and three wrong codes; return the milliseconds until each question and until the end."""
    times, began = [], time.monotonic()
    with stranger(name, rhost=address) as call:
        for answer in ANSWERS:
            question = call.prompt(PATIENCE)
            times.append(1000 * (time.monotonic() - began))
            assert question is not None, call.history
            began = time.monotonic()
            call.answer(answer)
        assert call.result(timeout=PATIENCE) == "PAM_MAXTRIES"
        times.append(1000 * (time.monotonic() - began))
    return dict(zip(STEPS, times))


def measure(runs, side_by_side=SIDE_BY_SIDE):
    """So many calls for each name, shuffled; return {step: {name: [milliseconds]}}."""
    jobs = [name for name in NAMES for _ in range(runs)]
    random.shuffle(jobs)
    addresses = [f"10.24.{number // 250}.{number % 250 + 1}" for number in range(len(jobs))]
    found = {step: {name: [] for name in NAMES} for step in STEPS}
    with concurrent.futures.ThreadPoolExecutor(side_by_side) as pool:
        for name, times in zip(jobs, pool.map(one_call, jobs, addresses)):
            for step, milliseconds in times.items():
                found[step][name].append(milliseconds)
    return found


def spread(sample):
    """How far the medians of two halves of one sample lie apart: what chance and load do by themselves."""
    return abs(statistics.median(sample[::2]) - statistics.median(sample[1::2]))


def test_nobody_is_answered_sooner(house):
    """Every step takes everybody at least its floor, and in the middle real and pretended accounts the same time."""
    settings(house, deadline=DEADLINE)
    found = measure(RUNS)
    for (step, by_name), floor in zip(found.items(), FLOORS_MS):
        medians = {name: round(statistics.median(times), 1) for name, times in by_name.items()}
        least = {name: round(min(times), 1) for name, times in by_name.items()}
        noise = max(spread(times) for times in by_name.values())
        print(f"{step}: medians {medians} ms, least {least} ms, halves of one name differ by {noise:.1f} ms")
        assert min(least.values()) >= floor - 2
        for name in NAMES:
            assert abs(medians[name] - medians["alice"]) < TOLERANCE_MS + 5 * noise, (step, name)
    assert house.counts()["mails"] == RUNS + 1
