"""What a large user map costs a login: milliseconds and memory for 10, 1 000 and 100 000 lines.

Duty: measure user_map_find (the file is read and checked whole, for the user of the last line), as it is built for the
helper, beside a program that reads the same file with getline and does nothing else (map_find.c). What is printed are
medians, and ratios of the two.

Rules: run inside the rig by run.sh. Times are processor time of this machine, which is all that is waited for: the file
is in memory. Each row is measured in alternation, in processes of their own.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from system.house import write_file  # noqa: E402

SIZES = (10, 1000, 100_000)
ONE = "/etc/security/map_find.one"
MAP = "/etc/security/map_find.users"
PIN = "0a1b2c3d-4e5f-6071-8293-a4b5c6d7{:04x}"
TOGETHER = 5  # runs of one process


def build(folder):
    """Compile map_find against the rooms as they were built."""
    objects = os.environ["OTP_BUILD"] + "/gcc/.libs"
    path = os.path.join(folder, "map_find")
    rooms = f"-I{HERE.parents[1]}/pam_cognito_otp"
    command = ["cc", "-std=gnu11", "-O2", "-D_GNU_SOURCE", rooms, "-o", path, str(HERE / "map_find.c")]
    libraries = [f"{objects}/libreception.a", f"{objects}/libground.a"]
    subprocess.run([*command, *libraries], check=True, timeout=120)
    return path


def write_map(lines):
    """A map of so many users, every second with a pin; the bytes of the file."""
    rows = []
    for number in range(lines):
        pin = " sub=" + PIN.format(number % 65536) if number % 2 else ""
        rows.append(f"user{number:06d} email:first.last{number:06d}@example.com{pin}\n")
    write_file(MAP, "".join(rows))
    return os.path.getsize(MAP)


def run(program, what, user):
    """One process: nanoseconds of its runs, KiB by which its peak grew."""
    command = [program, what, MAP, user, str(TOGETHER)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def measure(program, lines, runs):
    """Medians of both programs for a map of so many lines."""
    size = write_map(lines)
    found = {"find": [], "lines": []}
    for _ in range(max(1, runs // TOGETHER)):
        for what, results in found.items():
            results.append(run(program, what, f"user{lines - 1:06d}"))
    row = {"lines": lines, "bytes": size}
    for what, results in found.items():
        row[what + "_ms"] = statistics.median(ns for result in results for ns in result["ns"]) / 1e6
        row[what + "_kib"] = statistics.median(result["kib"] for result in results)
    return row


def show(row):
    """A line of the table."""
    ratio = row["find_ms"] / row["lines_ms"]
    memory = row["find_kib"] * 1024 / row["bytes"]
    print(f"{row['lines']:>8} {row['bytes'] / 1024:>10.0f} {row['find_ms']:>12.3f} {row['lines_ms']:>12.3f} "
          f"{ratio:>8.1f} {row['find_kib']:>12.0f} {memory:>10.2f}")


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=50, help="of each program for each size (50)")
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as folder:
        program = build(folder)
        write_file(ONE, "one email:one@example.com\n")
        print("   lines   file KiB  find, ms      getline, ms    ratio  memory, KiB   of file")
        for lines in SIZES:
            show(measure(program, lines, runs))
    os.remove(ONE)
    os.remove(MAP)


if __name__ == "__main__":
    main()
