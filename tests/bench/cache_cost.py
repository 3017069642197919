"""What a sudo costs that finds a record, and what a renewal costs: milliseconds, system calls, instructions.

Duty: measure in one session, in alternation,
  - a whole PAM transaction in a fresh process (tests/driver/guest.c) that a record lets in, beside the same process
    with pam_permit, and beside a bare process that does nothing;
  - the real sudo with a record beside sudo with pam_permit;
  - a transaction that a renewal lets in (cache_check = online) beside a full login by a code;
and count the instructions of host and helper on the path of the record.

Counted on Debian 12, amd64, built with -O1: host with pam_permit 1.37 million user instructions, with the module and a
record 0.15 more in the host and 0.64 in the helper, 0.17 of these for linking it: 1.58 times as many. That is the price
of a process of its own; without one the record would be read inside sudo.

Rules: run inside the rig by run.sh. Times are medians of this machine, the ratios those of pairs; instructions are
counted by valgrind, which makes them repeatable. A renewal waits for the local Cognito, a Python program on the same
processors.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from login_cost import CLEAN, VALGRIND, Bench, row, spread  # noqa: E402
from rig import pam, sudo  # noqa: E402

from system.house import House, wait_helpers  # noqa: E402
from system.test_cache_guest import STRACE, login_session, of_helper, record, tracing  # noqa: E402

SERVICE = "sudo"    # one of cache_services
BY_CODE = "otp-test"    # none of them: a code is asked for each time
BUDGETS = {"mail_budget": "256/10s", "mail_budget_host": "256/10s"}    # what is measured is a login, not its refusal


class CacheBench(Bench):
    """The house with a record in this session, and what was measured."""

    def prove(self, **settings):
        """A record by these settings; how many requests reach the service for a transaction that it lets in."""
        self.house.settings(cache="on", cache_ttl="1h", **BUDGETS, **settings)
        self.login(BY_CODE)
        wait_helpers(0)
        record()
        self.house.cognito.clear_log()
        self.login(SERVICE)
        wait_helpers(0)
        return [request["operation"] for request in self.house.cognito.requests()]

    def timed_guest(self, service):
        """A host's whole process with one transaction; milliseconds."""
        spent = self.timed_process(self.guest_command(service))
        wait_helpers(0)
        return spent

    def timed_sudo(self, **lines):
        """alice's sudo with these lines, its whole process; milliseconds. setpriv comes before it in both columns."""
        pam.lines("sudo", **lines)
        alice = self.house.alice
        who = [f"--reuid={alice.uid}", f"--regid={alice.gid}", "--clear-groups"]
        return self.timed_process(["/usr/bin/setpriv", *who, "/usr/bin/sudo", "-S", "/usr/bin/true"])

    def helper_calls(self):
        """How many system calls a helper makes that finds a record."""
        with tracing() as (command, texts):
            subprocess.run([*command, *self.guest_command(SERVICE)], env=CLEAN, cwd="/", stdout=subprocess.DEVNULL,
                           check=True, timeout=60)
            return len(re.findall(r"^\w+\(", of_helper(texts()), re.M))


def pairs(found, one, other):
    """The median of the ratios, run by run."""
    return f"{statistics.median(a / b for a, b in zip(found[one], found[other])):8.2f}"


def measure_offline(bench, runs):
    """Record, pam_permit, sudo with both, and a process that does nothing; in alternation."""
    ours, permit = pam.module(), {"auth": "required pam_permit.so", "session": "optional pam_permit.so"}
    found = {name: [] for name in ("nothing", "permit", "record", "sudo permit", "sudo record")}
    for _ in range(runs):
        found["nothing"].append(bench.timed_process(["/usr/bin/true"]))
        found["permit"].append(bench.timed_guest("permit"))
        found["sudo permit"].append(bench.timed_sudo(**permit))
        found["sudo record"].append(bench.timed_sudo(**ours))
        found["record"].append(bench.timed_guest(SERVICE))
    return found


def print_offline(bench, runs):
    """The path of a record."""
    assert bench.prove() == [], "the record was of no use"
    found = measure_offline(bench, runs)
    print(f"milliseconds of whole processes, median (quartiles) of {runs}")
    row("yardstick: a process that does nothing", spread(found["nothing"]))
    row("yardstick: host and pam_permit", spread(found["permit"]))
    row("host and module, a record", spread(found["record"]))
    row("ratio, median of pairs", pairs(found, "record", "permit"))
    row("yardstick: sudo with pam_permit", spread(found["sudo permit"]))
    row("sudo, a record", spread(found["sudo record"]))
    row("ratio, median of pairs", pairs(found, "sudo record", "sudo permit"))
    if os.path.exists(STRACE):
        row("system calls of the helper", bench.helper_calls())


def print_instructions(bench):
    """Counted by callgrind, on the path of a record."""
    print("\nmillion user instructions (callgrind), a record")
    if not os.path.exists(VALGRIND):
        row("not counted: valgrind is not installed")
        return
    permit = bench.count(bench.guest_command("permit"))
    host = bench.count(bench.guest_command(SERVICE))
    helper = bench.count_helper(SERVICE)
    row("yardstick: host with pam_permit", f"{permit:8.3f}")
    row("yardstick: a process that does nothing", f"{bench.count(['/usr/bin/true']):8.3f}")
    row("host with the module, less host with pam_permit", f"{host - permit:8.3f}")
    row("helper, its linking included", f"{helper:8.3f}")
    row("(host + helper) / host with pam_permit", f"{(host + helper) / permit:8.2f}")


def print_online(bench, runs):
    """A renewal beside a full login, both after the key set is on disk."""
    assert bench.prove(cache_check="online") == ["GetTokensFromRefreshToken"], "no renewal"
    found = {"login": [], "renewal": []}
    for _ in range(runs):
        found["login"].append(bench.timed_guest(BY_CODE))
        found["renewal"].append(bench.timed_guest(SERVICE))
    print(f"\nmilliseconds of whole processes, median (quartiles) of {runs}; cache_check = online")
    row("yardstick: a full login, two requests", spread(found["login"]))
    row("a renewal, one request", spread(found["renewal"]))
    row("ratio, median of pairs", pairs(found, "renewal", "login"))


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what the cache costs")
    parser.add_argument("--runs", type=int, default=101, help="of each kind, in alternation; a third of them online")
    runs = parser.parse_args().runs
    house = House()
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder, login_session(house.alice.uid):
            bench = CacheBench(house, folder)
            print_offline(bench, runs)
            print_instructions(bench)
            print_online(bench, max(2, runs // 3))
    finally:
        house.close()


if __name__ == "__main__":
    main()
