"""What one login costs: requests, connections, round trips, mails, milliseconds, instructions, memory.

Duty: measure logins of alice from her own terminal (the mail is asked for at once), by a bare host program
(tests/driver/guest.c), against the local Cognito on loopback; a first login that fetches the key set, and later ones
that have it on disk. Beside them, in the same session and in alternation: the same host with pam_permit, and a program
that sends the two requests by libcurl and does nothing else (two_posts.c).

Rules: run inside the rig by run.sh. Times are medians; instructions are counted by valgrind, which makes them
repeatable. The local Cognito is a Python program on the same processors, so its share in every wait is that of no real
service: what is compared is the difference between the columns.
"""

import argparse
import contextlib
import json
import os
import re
import select
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))

from mock_cognito.defaults import CLIENT, SECRET  # noqa: E402
from mock_cognito.secret_hash import secret_hash  # noqa: E402
from rig import pam  # noqa: E402

from system.house import CA_FILE, HELPER, House, wait_helpers  # noqa: E402

CODE = "93714620"
USER = "alice@example.com"
CLEAN = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8"}
VALGRIND = "/usr/bin/valgrind"
PHASES = (
    ("call -> InitiateAuth arrives", "mail"),
    ("InitiateAuth arrives -> prompt", "prompt"),
    ("code typed -> RespondToAuthChallenge arrives", "respond"),
    ("RespondToAuthChallenge arrives -> verdict", "verdict"),
    ("together, without the person", "whole"),
    ("after the code was typed", "after"),
)


def build(folder, source, *libraries):
    """Compile one program."""
    path = os.path.join(folder, Path(source).stem)
    subprocess.run(["cc", "-std=gnu11", "-O2", "-g", "-o", path, str(source), *libraries], check=True, timeout=120)
    return path


class Bench:
    """The house, the programs, and what was measured."""

    def __init__(self, house, folder):
        self.house = house
        self.guest = build(folder, HERE.parent / "driver" / "guest.c", "-lpam", "-lpthread")
        self.posts = build(folder, HERE / "two_posts.c", "-lcurl")
        self.folder = folder
        pam.lines("permit", auth="required pam_permit.so")
        self.any_code()

    def any_code(self):
        """The host answers by itself, so every code must do."""
        self.house.cognito.fault("RespondToAuthChallenge", times=None, success_any_code=True)

    def guest_command(self, service="otp-test", *mode, tty="/dev/pts/9", uid=None):
        """The command of the host program."""
        real = str(self.house.alice.uid if uid is None else uid)
        return [self.guest, "-t", tty, "-r", real, "-a", CODE, service, "alice", *(mode or ("times", "1"))]

    def posts_command(self):
        """The command of the bare libcurl program."""
        given = {"ClientId": CLIENT}
        answer = {"USERNAME": USER, "SECRET_HASH": secret_hash(USER, CLIENT, SECRET)}
        first = {**given, "AuthFlow": "USER_AUTH", "AuthParameters": {**answer, "PREFERRED_CHALLENGE": "EMAIL_OTP"}}
        second = {**given, "ChallengeName": "EMAIL_OTP", "Session": "@",
                  "ChallengeResponses": {"EMAIL_OTP_CODE": CODE, **answer}}
        # the place for the session must come before the address, which has an @ of its own
        text = json.dumps(dict(sorted(second.items(), reverse=True)))
        return [self.posts, self.house.cognito.endpoint + "/", CA_FILE, json.dumps(first), text]

    # --- one run of each ------------------------------------------------------------------------------------------

    def login(self, service="otp-test", **arguments):
        """One login; its lines."""
        command = self.guest_command(service, **arguments)
        run = subprocess.run(command, env=CLEAN, cwd="/", capture_output=True, text=True, check=True, timeout=60)
        return [json.loads(line) for line in run.stdout.splitlines()]

    def timed_login(self):
        """One login; the milliseconds of its phases, and what reached the service."""
        self.house.cognito.clear_log()
        self.house.cognito.clear_outbox()
        lines = self.login()
        (question,) = (line["time"] for line in lines if "question" in line)
        (typed,) = (line["time"] for line in lines if "answered" in line)
        last = lines[-1]
        assert last["code"] == 0, lines
        arrived = {request["operation"]: request["time"] for request in self.house.cognito.requests()}
        spans = {
            "mail": arrived["InitiateAuth"] - last["call"],
            "prompt": question - arrived["InitiateAuth"],
            "respond": arrived["RespondToAuthChallenge"] - typed,
            "verdict": last["verdict"] - arrived["RespondToAuthChallenge"],
            "whole": last["verdict"] - last["call"] - (typed - question),
            "after": last["verdict"] - typed,
        }
        self.house.cognito.wait_requests("RevokeToken")
        wait_helpers(0)
        return {name: span * 1000 for name, span in spans.items()}

    def timed_first_question(self):
        """A stranger at the other end of ssh: milliseconds until he is asked anything."""
        lines = self.login(tty="ssh", uid=0)
        wait_helpers(0)
        return (next(line["time"] for line in lines if "question" in line) - lines[-1]["call"]) * 1000

    def timed_permit(self):
        """The same transaction with pam_permit; milliseconds."""
        (last,) = self.login("permit")
        return (last["verdict"] - last["call"]) * 1000

    def timed_process(self, command):
        """A whole process, from its start to its end; milliseconds."""
        with open(os.devnull, "wb") as nothing:
            actions = [(os.POSIX_SPAWN_DUP2, nothing.fileno(), number) for number in (0, 1)]
            begun = time.monotonic()
            pid = os.posix_spawn(command[0], command, CLEAN, file_actions=actions)
            _, status = os.waitpid(pid, 0)
        assert status == 0, command
        return (time.monotonic() - begun) * 1000

    def network(self):
        """What the last login left in the service's log, as words."""
        requests = self.house.cognito.requests()
        connections = {request["connection"] for request in requests}
        versions = {request["tls_version"] for request in requests}
        handshake = 1 if versions == {"TLSv1.3"} else 2
        needed = [request for request in requests if request["operation"] != "RevokeToken"]
        return {
            "requests before the verdict": ", ".join(request["operation"] for request in needed),
            "requests after the verdict": ", ".join(r["operation"] for r in requests if r not in needed) or "-",
            "TCP connections": len(connections),
            "TLS": ", ".join(sorted(versions)),
            "round trips (TCP 1, TLS, one per request)": len(connections) * (1 + handshake) + len(needed),
            "round trips after the code was typed": 1,
            "mails": len(self.house.cognito.outbox()),
        }

    # --- instructions and memory ----------------------------------------------------------------------------------

    def count(self, command):
        """User instructions of a command's own process, in millions."""
        path = os.path.join(self.folder, "callgrind.out")
        count = [VALGRIND, "-q", "--tool=callgrind", f"--callgrind-out-file={path}", *command]
        subprocess.run(count, env=CLEAN, cwd="/", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True,
                       timeout=120)
        wait_helpers(0)
        return total(path)

    def count_helper(self, service="otp-test"):
        """User instructions of the helper in one login, in millions, by a script in its place."""
        path = os.path.join(self.folder, "helper.out")
        command = f"{VALGRIND} -q --tool=callgrind --callgrind-out-file={path}.%p"
        os.rename(HELPER, HELPER + ".real")
        try:
            with open(HELPER, "w", encoding="ascii") as file:
                file.write(f"#!/bin/sh -p\nexec /usr/bin/setpriv --reuid=0 {command} {HELPER}.real\n")
            os.chmod(HELPER, 0o755)
            self.login(service)
            # the process that revokes after the verdict writes one of its own
            files = wait_files(self.folder, "helper.out.", 1)
            return max(total(file) for file in files)
        finally:
            os.rename(HELPER + ".real", HELPER)

    def memory(self):
        """KiB of the helper and of the host while the person types, and of a host with pam_permit."""
        sizes = {}
        command = [word for word in self.guest_command("otp-test", "state") if word not in ("-a", CODE)]
        with waiting(command, "question") as pid:
            (helper,) = wait_helpers(1)
            sizes["helper"] = smaps(helper)
            sizes["host"] = smaps(pid)
        with waiting(self.guest_command("permit", "state"), '"code"') as pid:
            sizes["host with pam_permit"] = smaps(pid)
        wait_helpers(0)
        return sizes


def wait_files(folder, prefix, count):
    """The files of that beginning, once there are so many and none grows any more."""
    deadline = time.monotonic() + 20
    seen = None
    while time.monotonic() < deadline:
        files = [os.path.join(folder, name) for name in os.listdir(folder) if name.startswith(prefix)]
        now = {file: os.path.getsize(file) for file in files}
        if len(files) >= count and now == seen and all(total(file) for file in files):
            return files
        seen = now
        time.sleep(0.5)
    raise TimeoutError(f"no {count} files {prefix}* in {folder}: {seen}")


def total(path):
    """The sum that callgrind writes at the end, in millions; 0 while there is none."""
    found = re.findall(r"^(?:totals|summary): (\d+)", Path(path).read_text(encoding="utf-8", errors="replace"), re.M)
    return int(found[-1]) / 1e6 if found else 0


@contextlib.contextmanager
def waiting(command, word):
    """The process id of a host that has come to the line with this word, and waits."""
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=CLEAN, cwd="/") as process:
        text = b""
        while word.encode() not in text:
            assert select.select([process.stdout], [], [], 20)[0], text
            more = os.read(process.stdout.fileno(), 1 << 20)
            assert more, text
            text += more
        yield process.pid
        process.stdin.close()
        process.stdout.read()


def smaps(pid):
    """Proportional and private memory, in KiB."""
    text = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")
    values = {name: int(size) for name, size in re.findall(r"^(\w+): +(\d+) kB", text, re.M)}
    return values["Pss"], values["Private_Dirty"]


# --- the table ----------------------------------------------------------------------------------------------------


def spread(numbers):
    """The median, with the quartiles."""
    low, _, high = statistics.quantiles(numbers, n=4)
    return f"{statistics.median(numbers):8.2f}  ({low:.2f}-{high:.2f})"


def row(title, *cells):
    """One line."""
    print((f"  {title:<48}" + "".join(f"{cell!s:<46}" for cell in cells)).rstrip())


def measure_times(bench, runs):
    """All kinds of runs in alternation."""
    found = {name: [] for name in ("first", "later", "question", "permit", "login process", "permit process", "posts")}
    for _ in range(runs):
        bench.house.forget_state()
        found["first"].append(bench.timed_login())
        first = bench.network()
        found["later"].append(bench.timed_login())
        later = bench.network()
        found["question"].append(bench.timed_first_question())
        found["permit"].append(bench.timed_permit())
        found["login process"].append(bench.timed_process(bench.guest_command()))
        wait_helpers(0)
        found["permit process"].append(bench.timed_process(bench.guest_command("permit")))
        found["posts"].append(bench.timed_process(bench.posts_command()))
    return found, first, later


def print_times(found, first, later):
    """Network and milliseconds."""
    row("", "first login", "later login")
    for name in first:
        row(name, first[name], later[name])
    print(f"\nmilliseconds, median (quartiles) of {len(found['first'])}")
    row("", "first login", "later login")
    for title, name in PHASES:
        row(title, *(spread([times[name] for times in found[kind]]) for kind in ("first", "later")))
    row("stranger by ssh: call -> first question", "", spread(found["question"]))
    row("yardstick: the call with pam_permit", "", spread(found["permit"]))
    row("whole process: host, later login", "", spread(found["login process"]))
    row("yardstick: whole process, host and pam_permit", "", spread(found["permit process"]))
    row("yardstick: whole process, two bare POSTs", "", spread(found["posts"]))
    ratio = statistics.median(a / b for a, b in zip(found["login process"], found["posts"]))
    row("login / two bare POSTs, median of pairs", "", f"{ratio:8.2f}")


def print_instructions(bench):
    """Counted by callgrind."""
    print("\nmillion user instructions (callgrind)")
    if not os.path.exists(VALGRIND):
        row("not counted: valgrind is not installed")
        return
    permit = bench.count(bench.guest_command("permit"))
    posts = bench.count(bench.posts_command())
    door = bench.count(bench.guest_command())
    helper = bench.count_helper()
    row("helper, later login", f"{helper:8.2f}")
    row("host with the module, less host with pam_permit", f"{door - permit:8.3f}")
    row("yardstick: host with pam_permit", f"{permit:8.3f}")
    row("yardstick: two bare POSTs", f"{posts:8.2f}")
    row("(helper + door) / two bare POSTs", f"{(helper + door - permit) / posts:8.2f}")


def print_memory(bench):
    """While the person types."""
    print("\nKiB while the person types")
    row("", "Pss", "private, dirty")
    for name, sizes in bench.memory().items():
        row(name, *sizes)


def main():
    """Measure and print."""
    parser = argparse.ArgumentParser(description="what one login costs")
    parser.add_argument("--runs", type=int, default=31, help="of each kind, in alternation")
    runs = parser.parse_args().runs
    house = House()
    house.settings(mail_budget="256/10s", mail_budget_host="256/10s")  # what is measured is a login, not its refusal
    try:
        with tempfile.TemporaryDirectory(prefix="bench-") as folder:
            bench = Bench(house, folder)
            bench.timed_login()
            print_times(*measure_times(bench, runs))
            print_instructions(bench)
            print_memory(bench)
    finally:
        house.close()


if __name__ == "__main__":
    main()
