#!/usr/bin/python3
"""Removes each security check of checks.toml in turn, builds, and shows which test then fails.

remove.py [--jobs N] [WORD...]      with words: only the checks in whose name or file one of them occurs

Rules:
- The checkout is only read: each rig has a copy of its own, and a build and an installation of that.
- A check counts as noticed when a test ran and failed. What does not build, a test that does not exist, and a test that
  does not end are no notice.
- At the end every test that was named must pass on the unchanged copy.
- It prints a line per check and "N removed, N noticed"; the exit status is 0 only if each was noticed and the unchanged
  copy passes. Needs root (tests/rig/enter.sh); exits 77 where there is no rig.
"""

import argparse
import concurrent.futures
import json
import os
import re
import shutil
import subprocess
import sys
import time
import tomllib
from pathlib import Path

HERE = Path(__file__).resolve().parent
TOP = Path(os.environ.get("OTP_SOURCE") or HERE.parents[1])
MARK = Path("/run/otp-rig")
WORK = Path("/var/removed-checks")  # not below /tmp, which is everybody's: unit tests of files would be skipped
FILES = {
    "forged": "test_forged_answers.py", "returns": "test_return_values.py", "service": "test_service_errors.py",
}
RESULT = "result: "
NO_RIG = 77
PATIENCE = 300
FAILED = re.compile(r"^(?:FAILED|ERROR) \S+?::(.*?)(?: - .*)?$", re.M)
NOTICED, MISSED, BROKEN = "noticed", "NOT NOTICED", "BROKEN"


class TroubleError(Exception):
    """Something that says nothing about a test: no build, no such test, no end."""


def checks(words):
    """The entries of the list, whole and unambiguous."""
    with open(HERE / "checks.toml", "rb") as file:
        found = tomllib.load(file)["check"]
    names = [check["name"] for check in found]
    if len(names) != len(set(names)):
        sys.exit("checks.toml: a name stands there twice")
    return [check for check in found if not words or any(word in check["name"] + check["file"] for word in words)]


def without(source, check):
    """The text of the file without the check."""
    count = source.count(check["code"])
    if count != 1:
        raise TroubleError(f"{check['file']} has the code {count} times, not once")
    return source.replace(check["code"], check["without"])


class Tree:
    """A copy of the source with its build, installed in the rig."""

    def __init__(self):
        shutil.rmtree(WORK, ignore_errors=True)
        ignored = shutil.ignore_patterns(".git", "build", "b", "autom4te.cache", "__pycache__", ".pytest_cache")
        shutil.copytree(TOP, WORK / "source", ignore=ignored, symlinks=True)
        self.source = WORK / "source"
        self.objects = WORK / "objects"
        self.objects.mkdir()
        # an installation of its own: a configured source directory cannot be built elsewhere
        for left in ("config.status", "Makefile"):
            (self.source / left).unlink(missing_ok=True)
        if not (self.source / "configure").exists():
            self.run(["autoreconf", "-fi"], self.source)
        self.run([str(self.source / "configure"), "-q", "--prefix=/usr", "--sysconfdir=/etc", "--localstatedir=/var",
                  "CFLAGS=-O1"], self.objects)
        self.make()
        self.run(["make", "pam_driver"], self.objects)
        self.environment = {
            **os.environ, "OTP_SOURCE": str(self.source), "OTP_OBJECTS": str(self.objects),
            "OTP_DRIVER": str(self.objects / "pam_driver"), "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONPATH": str(self.source / "tests"),
        }

    @staticmethod
    def run(command, directory):
        """Run a command that must succeed."""
        run = subprocess.run(command, cwd=directory, capture_output=True, text=True, timeout=PATIENCE)
        if run.returncode != 0:
            lines = (run.stdout + run.stderr).strip().splitlines()
            raise TroubleError(f"{' '.join(command[:2])}: {' / '.join(lines[-3:])}")

    def make(self):
        """Build and install what is there."""
        self.run(["make", "install"], self.objects)

    def write(self, name, text):
        """Replace a file; the time of change must differ, or make does not see it."""
        path = self.source / "pam_cognito_otp" / name
        path.write_text(text, encoding="utf-8")
        now = time.time()
        os.utime(path, (now, now))

    def read(self, name):
        """The text of a file."""
        return (self.source / "pam_cognito_otp" / name).read_text(encoding="utf-8")

    def unit(self, program):
        """Whether a unit test program fails; its name if so."""
        self.run(["make", f"tests/unit/{program}"], self.objects)
        run = subprocess.run([f"tests/unit/{program}"], cwd=self.objects, capture_output=True, timeout=PATIENCE)
        if run.returncode == 0 and b"SKIPPED" in run.stdout + run.stderr:
            raise TroubleError(f"{program} skipped a test")
        return [program] if run.returncode != 0 else []

    def pytest(self, tests, stop=True):
        """The tests that fail."""
        paths = [f"tests/system/{FILES.get(kind, f'test_{kind}.py')}::{name}" for kind, name in tests]
        command = ["/usr/bin/python3", "-m", "pytest", "-p", "no:cacheprovider", "-q", "--tb=no", *["-x"] * stop]
        command += paths
        run = subprocess.run(command, cwd=self.source, env=self.environment, capture_output=True, text=True,
                             timeout=PATIENCE)
        failed = FAILED.findall(run.stdout)
        if run.returncode not in (0, 1) or run.returncode == 1 and not failed:
            raise TroubleError(f"pytest: {(run.stdout + run.stderr).strip().splitlines()[-1]}")
        if "skipped" in run.stdout and run.returncode == 0:
            raise TroubleError("a test was skipped")
        return failed

    def failing(self, tests, stop=True):
        """Which of the named tests fail, quick ones first."""
        pairs = [tuple(test.split(":", 1)) for test in tests]
        failed = []
        for kind, name in pairs:
            if kind == "unit" and not (stop and failed):
                failed += self.unit(name)
        others = [pair for pair in pairs if pair[0] != "unit"]
        if others and not (stop and failed):
            failed += self.pytest(others, stop)
        return failed


def try_without(tree, check):
    """(verdict, words) of one check."""
    kept = tree.read(check["file"])
    try:
        tree.write(check["file"], without(kept, check))
        tree.make()
        failed = tree.failing(check["tests"])
        return (NOTICED, failed[0]) if failed else (MISSED, "all of " + ", ".join(check["tests"]) + " pass")
    except (TroubleError, subprocess.TimeoutExpired) as error:
        return BROKEN, str(error)
    finally:
        tree.write(check["file"], kept)


def report(verdict, check, words):
    """One line of the table."""
    print(f"{verdict:<12} {check['file']:<20} {check['name']:<50} {words}", flush=True)


def work(part, jobs, words):
    """The share of one rig: every jobs-th check."""
    result = {"removed": 0, "noticed": 0, "unchanged": []}
    try:
        tree = Tree()
        mine = checks(words)[part::jobs]
        for check in mine:
            verdict, found = try_without(tree, check)
            report(verdict, check, found)
            result["removed"] += verdict != BROKEN
            result["noticed"] += verdict == NOTICED
        tree.make()
        named = list(dict.fromkeys(test for check in mine for test in check["tests"]))
        result["unchanged"] = tree.failing(named, stop=False)
        result["tests"] = len(named)
    except (TroubleError, subprocess.TimeoutExpired) as error:
        result["unchanged"] = [str(error)]
    print(RESULT + json.dumps(result), flush=True)


def rig(part, jobs, words):
    """One rig, its lines passed on as they come; its result."""
    command = [str(HERE.parent / "rig" / "enter.sh"), "/usr/bin/python3", "-B", str(HERE / "remove.py"),
               "--part", str(part), "--jobs", str(jobs), *words]
    keep = {**os.environ, "OTP_KEEP": f"{TOP}:{os.environ.get('OTP_KEEP', '')}"}
    result = None
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=keep) as process:
        for line in process.stdout:
            if line.startswith(RESULT):
                result = json.loads(line[len(RESULT):])
            else:
                print(line, end="", flush=True)
    if process.returncode == NO_RIG:
        return None
    return result or {"removed": 0, "noticed": 0, "tests": 0, "unchanged": [f"a rig ended with {process.returncode}"]}


def main():
    """Share the checks among rigs and add up what they found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--part", type=int, help=argparse.SUPPRESS)
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    if given.part is not None or MARK.exists():
        work(given.part or 0, given.jobs if given.part is not None else 1, given.words)
        return 0
    wanted = len(checks(given.words))
    jobs = max(1, min(given.jobs, wanted))
    with concurrent.futures.ThreadPoolExecutor(jobs) as pool:
        results = list(pool.map(rig, range(jobs), [jobs] * jobs, [given.words] * jobs))
    if None in results:
        return NO_RIG
    noticed = sum(result["noticed"] for result in results)
    failed = [test for result in results for test in result["unchanged"]]
    for test in failed:
        print(f"fails on the unchanged source: {test}")
    if not failed:
        print(f"the unchanged source passes all {sum(result['tests'] for result in results)} tests that were named")
    print(f"{wanted} removed, {noticed} noticed")
    return 0 if wanted and noticed == wanted and not failed else 1


if __name__ == "__main__":
    sys.exit(main())
