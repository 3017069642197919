"""Two connections at once: what the second one sees while the service still answers the first says nothing either.

The service takes a fifth of a second for everything, as one far away does; every step has the module's floor.
"""

import time

import pytest
from driver.people import stranger

NAMES = ("alice", "dave", "nosuch")
LATENCY = 0.2


@pytest.fixture
def far(house):
    """A service that is far away, and budgets that nobody spends here."""
    house.settings(mail_budget_unproved="256/d", mail_budget_host="256/d", resend_after="10s")
    with stranger(rhost="192.0.2.1") as call:
        call.prompt()
        call.answer("y")
        call.prompt()
    for operation in ("InitiateAuth", "RespondToAuthChallenge"):
        house.cognito.fault(operation, times=None, delay=LATENCY)
    return house


def race(before, first, second, wait=0.08):
    """For each name: `before` on connection one, then `first` on one and `second` on two, `wait` after it."""
    seen = {}
    for name in NAMES:
        with stranger(name) as one, stranger(name) as two:
            for call in (one, two):
                call.prompt()
            for who, answer in before:
                call = (one, two)[who]
                call.answer(answer)
                call.prompt()
            one.answer(first)
            time.sleep(wait)
            began = time.monotonic()
            two.answer(second)
            asked = two.prompt(), round(2 * (time.monotonic() - began))  # in half seconds
            seen[name] = (one.prompt(), *asked)
    print(seen)
    return seen


CASES = {
    "two wrong codes": ([(0, "y"), (1, "y")], "11111111", "22222222"),
    "y while the first is mailed": ([], "y", "y"),
    "a code while the first is mailed": ([], "y", "11111111"),
}


@pytest.mark.parametrize("case", CASES)
def test_race(far, case):
    """Real and pretended accounts alike."""
    seen = race(*CASES[case])
    assert seen["alice"] == seen["dave"] == seen["nosuch"]


def test_a_code_while_a_new_one_is_mailed(far):
    """One presses r; the other, who holds the old code's question, types a code meanwhile."""
    seen = {}
    calls = {name: (stranger(name), stranger(name)) for name in NAMES}
    for one, two in calls.values():
        for call in (one, two):
            call.prompt()
            call.answer("y")
            call.prompt()
        two.answer("11111111")
        assert two.prompt().startswith("Wrong code, 2")
    time.sleep(10.5)
    for name, (one, two) in calls.items():
        one.answer("r")
        time.sleep(0.08)
        two.answer("22222222")
        seen[name] = (one.prompt(), two.prompt())
    for one, two in calls.values():
        one.close()
        two.close()
    print(seen)
    assert seen["alice"] == seen["dave"] == seen["nosuch"]
