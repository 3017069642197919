"""Proves that runs of pytest that share out their tests by --taken run each of them once."""

import collections
import os
import subprocess
import xml.etree.ElementTree
from pathlib import Path

import pytest

CONFTEST = str(Path(__file__).resolve().parents[1] / "conftest.py")
SHARES = 3
MANY = """
import time, pytest

@pytest.fixture(scope="module")
def owner():
    with open("owners", "a") as file:
        file.write(__name__ + "\\n")

@pytest.mark.parametrize("number", range({count}))
def test_one(owner, number):
    time.sleep({seconds})
    assert number != 7
"""
# whoever comes early waits, so that the tests are there for all
MEETING = """
import os, time
with open("came", "a") as file:
    file.write("x")
deadline = time.monotonic() + 30
while os.path.getsize("came") < int(os.environ["COUNT"]) and time.monotonic() < deadline:
    time.sleep(0.01)
"""
FILES = {
    "test_few.py": MANY.format(count=5, seconds=0.1),
    "test_large.py": MANY.format(count=130, seconds=0.01),
    "test_meeting.py": MEETING,
    "test_skipped.py": "import pytest\npytest.skip('not here', allow_module_level=True)\n",
    "test_some.py": "import pytest\ndef test_good(): pass\ndef test_left_out(): pytest.skip('not now')\n",
}
ALL = {f"test_{size}.test_one[{number}]" for size, count in (("few", 5), ("large", 130)) for number in range(count)}
ALL |= {".test_skipped", "test_some.test_good", "test_some.test_left_out"}


def run_shares(folder, count):
    """Run so many at once; return the statuses, and the test cases of each junit file."""
    command = ["/usr/bin/python3", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--taken", "taken", "--rootdir", "."]
    environment = {"PATH": os.environ["PATH"], "PYTHONDONTWRITEBYTECODE": "1", "COUNT": str(count)}
    runs = [subprocess.Popen([*command, f"--junit-xml={number}.xml"], cwd=folder, env=environment,
                             stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) for number in range(count)]
    words = [run.communicate(timeout=60)[0] for run in runs]
    assert all(run.returncode in (0, 1) for run in runs), words
    cases = [list(xml.etree.ElementTree.parse(folder / f"{number}.xml").iter("testcase")) for number in range(count)]
    return [run.returncode for run in runs], cases


@pytest.mark.parametrize("count", [1, SHARES])
def test_each_test_runs_once(tmp_path, count):
    """Failures and skips too, and a file that skips itself; no run idles, and a small file has one owner."""
    (tmp_path / "conftest.py").symlink_to(CONFTEST)
    for name, text in FILES.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    statuses, cases = run_shares(tmp_path, count)
    names = collections.Counter(f"{case.get('classname')}.{case.get('name')}" for run in cases for case in run)
    assert names == dict.fromkeys(ALL, 1)
    assert sum(case.find("skipped") is not None for run in cases for case in run) == 2
    assert sum(case.find("failure") is not None for run in cases for case in run) == 1
    assert sorted(statuses) == [0] * (count - 1) + [1]
    assert all(cases)
    assert (tmp_path / "owners").read_text(encoding="ascii").split().count("test_few") == 1
