"""Whether a stranger can tell accounts apart by the time that each question takes him: two samples, one test.

Duty: ask a real mapped user, an unknown, an unmapped and a filtered one, some hundred times each, in random order and
side by side, and compare the waits before each question by the two-sample test of Kolmogorov and Smirnov. `--deadline`
is the module's setting: with `4s` the floors of the steps are 0.5 and 0.25 s.

Rules: run inside the rig, as run.sh does it. Not part of the tests: a test of significance fails now and then by its
nature (its level is divided by the number of comparisons, so that this happens in one of 1000 runs), and a machine so
busy that the service takes longer than the floor tells accounts apart. The exit status is 1 when something does.
"""

import argparse
import math
import statistics
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from system.house import House  # noqa: E402
from system.test_no_oracle_timing import NAMES, measure, settings  # noqa: E402

LEVEL = 0.001


def largest_gap(one, other):
    """The largest distance between the two empirical distribution functions."""
    one, other = sorted(one), sorted(other)
    gap, i, j = 0.0, 0, 0
    while i < len(one) and j < len(other):
        value = min(one[i], other[j])
        while i < len(one) and one[i] == value:
            i += 1
        while j < len(other) and other[j] == value:
            j += 1
        gap = max(gap, abs(i / len(one) - j / len(other)))
    return gap


def probability(gap, one, other):
    """How often chance alone makes such a gap with samples of these sizes (the limit, with Stephens' correction)."""
    size = math.sqrt(one * other / (one + other))
    x = (size + 0.12 + 0.11 / size) * gap
    if x < 0.2:
        return 1.0
    return min(1.0, max(0.0, 2 * sum((-1) ** (k - 1) * math.exp(-2 * (k * x) ** 2) for k in range(1, 101))))


def compare(found):
    """Print one line for each step and name; return how many can be told from the real account."""
    real, *others = NAMES
    level = LEVEL / (len(found) * len(others))
    told = 0
    print(f"{'wait before the question after':32}{'':12}{'median ms':>10}{'real':>9}{'gap':>7}{'p':>11}")
    for step, by_name in found.items():
        for name in others:
            gap = largest_gap(by_name[real], by_name[name])
            chance = probability(gap, len(by_name[real]), len(by_name[name]))
            medians = statistics.median(by_name[name]), statistics.median(by_name[real])
            mark = "  told apart" if chance < level else ""
            print(f"{step:32}{NAMES[name]:12}{medians[0]:10.1f}{medians[1]:9.1f}{gap:7.3f}{chance:11.2g}{mark}")
            told += chance < level
    print(f"level {level:.2g} for each, {LEVEL} together")
    return told


def main():
    """Measure and compare."""
    parser = argparse.ArgumentParser(description="can accounts be told apart by time?")
    parser.add_argument("--runs", type=int, default=200, help="for each name")
    parser.add_argument("--side-by-side", type=int, default=16, help="calls under way at once")
    parser.add_argument("--deadline", default="20s", help="the setting; a short one shortens the floors")
    given = parser.parse_args()
    house = House()
    try:
        settings(house, deadline=given.deadline, connect_timeout="2s")
        return 1 if compare(measure(given.runs, given.side_by_side)) else 0
    finally:
        house.close()


if __name__ == "__main__":
    sys.exit(main())
