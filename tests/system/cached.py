"""What tests of the cache share: the settings, a shell in which sudo is tried, and what the log says it came by.

Rule: a row says whether a question was asked; nobody who is asked answers by accident.
"""

import os
import re
import time

from rig.pty import Silent

from system.house import RUN

ROOMY = {"cache": "on", "mail_budget": "256/h", "mail_budget_unproved": "256/h", "mail_budget_host": "256/h"}
ALL = tuple(f"{name} ALL=(ALL:ALL) ALL" for name in ("alice", "bob", "deploy"))
NO_TICKET = ("lecture=never", "timestamp_timeout=0")
MET = r"(?P<asked>\(r = new one\): |have one (mailed|sent): |Your sign-in name or address: )|^(?P<name>[a-z]+)\r\n"
PROMPT = r"\$ $"
SUDO = "sudo id -un"


def records(kind=""):
    """The names of the records; not those of the sessions that are open."""
    names = os.listdir(RUN) if os.path.isdir(RUN) else []
    return sorted(name for name in names if name.startswith(f"cache-{kind}") and not name.startswith("cache-begun-"))


def by(house):
    """What each acceptance came by, in their order."""
    found = house.log.lines("event=accepted")
    return [(re.search(r" by=(\w+)", line) or ["", "code"])[1] for line in found]


def newest_code(house):
    """The code of the newest mail."""
    return house.cognito.last_code(count=len(house.cognito.outbox()) or 1)


def met(person, command=SUDO):
    """Type the command: the name that it prints, or "asked"; a question is left by ^C."""
    person.line(command)
    found = person.expect(MET)
    if found["name"]:
        person.expect(PROMPT)
        return found["name"]
    for _ in range(15):
        person.control("c")
        try:
            person.expect(PROMPT, timeout=1)
        except Silent:
            continue
        return "asked"
    raise AssertionError(person.transcript)


def leave(person):
    """Log out, and wait until it is done."""
    person.line("exit 0")
    person.wait()
    person.close()


def wait_no_record(kind="session"):
    """The end of the session takes it away."""
    deadline = time.monotonic() + 5
    while records(kind):
        assert time.monotonic() < deadline, records(kind)
        time.sleep(0.02)
