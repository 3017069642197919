"""Makes the packages below tests/ importable by their names, and lets several runs at once share out the tests.

Duty of --taken FILE: runs that name the same FILE, each in a rig of its own, run every test once between them.

Rules: nobody is told a share beforehand, since nobody knows how long a test will take: whoever has nothing left takes
the next tests of a file and writes their names to FILE, under a lock. Files with few tests come first, as theirs are
the long ones, so that the runs end together; a file of up to BATCH tests stays with one run, and so do its fixtures.
"""

import collections
import fcntl
import itertools
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent))

BATCH = 20


def pytest_addoption(parser):
    """The option for check.sh."""
    parser.addoption("--taken", metavar="FILE", help="run only what is not in FILE yet, and add it there first")


def take(path, names, most):
    """Return up to `most` of the names that nobody had taken; they are taken from now on."""
    with open(path, "a+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        file.seek(0)
        gone = set(file.read().split("\n"))
        free = [name for name in names if name not in gone][:most]
        file.writelines(name + "\n" for name in free)
    return free


def turns(path, items):
    """Give out the tests that this run takes, a batch of one file at a time."""
    files = collections.defaultdict(dict)
    for item in items:
        files[item.path][item.nodeid] = item
    for tests in sorted(files.values(), key=len):
        while batch := take(path, tests, BATCH):
            yield from map(tests.get, batch)


def stop_if_told(session):
    """What pytest's own loop does after each test."""
    if session.shouldfail:
        raise session.Failed(session.shouldfail)
    if session.shouldstop:
        raise session.Interrupted(session.shouldstop)


def pytest_runtestloop(session):
    """With --taken the loop asks what comes next; pytest's own one has the list from the beginning."""
    path = session.config.getoption("taken")
    if not path or session.testsfailed or session.config.option.collectonly:
        return None
    current, following = itertools.tee(turns(path, session.items))
    next(following, None)
    for item, successor in itertools.zip_longest(current, following):
        # the successor tells pytest which fixtures to keep
        item.config.hook.pytest_runtest_protocol(item=item, nextitem=successor)
        stop_if_told(session)
    return True


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector):
    """Every run finds a file that skips itself as a whole; one of them says so."""
    report = (yield).get_result()
    path = collector.config.getoption("taken")
    if path and report.skipped and not take(path, [collector.nodeid], 1):
        report.outcome, report.longrepr = "passed", None
