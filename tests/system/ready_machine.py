"""A machine as the README sets it up, `cognito-otp check` of it, and what that says.

Rules: Debian's own files are what the machine had before any test wrote to it; whoever changes one gets it back at the
end of his test. A fault is planted by a context manager: its end is the repair, and it does what the remedy says.
"""

import contextlib
import json
import os
import pwd
import re
import shutil
import subprocess
import time
from typing import NamedTuple

from docs import sources
from rig import accounts, pam

from system.house import RUN, SERVICES, SETTINGS, STATE, write_file

TOOL = "/usr/sbin/cognito-otp"
BOUND = 60
DEADLINE = 4        # seconds; of each step towards the service
PAM = "/etc/pam.d"
SSHD_DROP_IN = "/etc/ssh/sshd_config.d/00-otp.conf"
SSHD_CONFIG = "/etc/ssh/sshd_config"
LOGIN_DEFS = "/etc/login.defs"
STACKS = ("sshd", "sudo", "sudo-i", "su", "su-l", "login")
LINE = re.compile(r"(?P<level>ok|note|warning|error) +(?P<name>\w+): (?P<rest>.+)")
REMEDY = "         remedy: "


class Finding(NamedTuple):
    """One thing that check has said."""

    level: str
    name: str
    where: str
    text: str
    remedy: str

    def line(self):
        """Return it as a terminal shows it."""
        return f"{self.level:<7}  {self.name}: " + (f"{self.where}: " if self.where else "") + self.text


class Outcome(NamedTuple):
    """One run."""

    status: int
    findings: list

    def bad(self):
        """Return the warnings and errors."""
        return [finding for finding in self.findings if finding.level in ("warning", "error")]

    def named(self, name):
        """Return the findings of this name."""
        return [finding for finding in self.findings if finding.name == name]


def read(path):
    """Return the text of a file."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


# What the machine has of its own: read before the first test of a run writes to it.
STOCK = {name: read(f"{PAM}/{name}") for name in STACKS if os.path.exists(f"{PAM}/{name}")}


def run_tool(*arguments, **settings):
    """Run the tool without a terminal."""
    return subprocess.run([TOOL, *arguments], **{
        "capture_output": True, "text": True, "timeout": BOUND, "check": False, "stdin": subprocess.DEVNULL,
        "env": {"PATH": "/usr/bin", "LC_ALL": "C.UTF-8"}, "cwd": "/", **settings})


def findings_of_json(text):
    """Return the findings of --json, whose form and counts must be right."""
    found = json.loads(text)
    assert set(found) == {"version", "findings", "errors", "warnings"} and found["version"] == 1
    findings = [Finding(**finding) for finding in found["findings"]]
    levels = [finding.level for finding in findings]
    assert (levels.count("error"), levels.count("warning")) == (found["errors"], found["warnings"])
    assert all(finding.text for finding in findings)
    return findings


def lines_of(findings):
    """Return the text that these findings are as text."""
    lines = []
    for finding in findings:
        assert LINE.fullmatch(finding.line()), finding
        lines += [finding.line()] + [REMEDY + finding.remedy] * bool(finding.remedy)
    count = [[finding.level for finding in findings].count(level) for level in ("error", "warning")]
    words = [f"{number} {level}{'' if number == 1 else 's'}" for number, level in zip(count, ("error", "warning"))]
    return "".join(line + "\n" for line in [*lines, ", ".join(words)])


def check(*arguments, user=None):
    """Run check as JSON; what holds for every report is asserted here."""
    run = run_tool(*arguments, "check", "--json", *([user] if user else []))
    assert run.stderr == "", run
    findings = findings_of_json(run.stdout)
    levels = {finding.level for finding in findings}
    assert run.returncode == (3 if "error" in levels else 4 if "warning" in levels else 0), run
    for finding in findings:
        assert (finding.remedy != "") == (finding.level in ("warning", "error")), finding
        assert all(text.isascii() and text.isprintable() for text in finding if text), finding
    return Outcome(run.returncode, findings)


def check_as_text(*arguments):
    """Run check for people: its status and its lines."""
    run = run_tool(*arguments, "check")
    assert run.stderr == "", run
    return run.returncode, run.stdout


# --- the machine ----------------------------------------------------------------------------------------------------


def stack_of_readme(name):
    """Return the auth lines that the README has for a service."""
    return sources.readme_stacks()[name]


def debian_stack(service, auth):
    """Return Debian's file with these lines in place of `@include common-auth`."""
    text = STOCK[service]
    assert text.count("@include common-auth\n") == 1, text
    if service == "login":      # the README has the two lines before it as well
        text = re.sub(r"^auth\s+(optional\s+pam_faildelay|requisite\s+pam_nologin).*\n", "", text, flags=re.M)
    return text.replace("@include common-auth\n", auth)


def put_readme_stacks(*services):
    """Write the README's lines into these services."""
    for service in services:
        name = "sudo" if service.startswith("sudo") else service
        write_file(f"{PAM}/{service}", debian_stack(service, stack_of_readme(name)))


def stock_stacks():
    """Put back Debian's files, and take away the services of other tests."""
    for service in {*SERVICES, *pam.made()}:
        with contextlib.suppress(FileNotFoundError):
            os.remove(f"{PAM}/{service}")
    for service, text in STOCK.items():
        write_file(f"{PAM}/{service}", text)


def good_settings(house, **changes):
    """Short steps, so that a fault of the way is found soon."""
    house.settings(**{"deadline": f"{DEADLINE}s", "connect_timeout": "2s", **changes})


@contextlib.contextmanager
def good_machine(house):
    """The installation of the README: sshd with key and code, sudo, login, the local Cognito for the real one."""
    kept = {path: read(path) for path in (SSHD_CONFIG, LOGIN_DEFS)}
    stock_stacks()
    put_readme_stacks("sshd", "sudo", "sudo-i", "login")
    write_file(SSHD_DROP_IN, stack_of_readme("sshd-config-key-code"))
    write_file(LOGIN_DEFS, re.sub(r"^LOGIN_TIMEOUT.*\n", "", kept[LOGIN_DEFS], flags=re.M) + "LOGIN_TIMEOUT 300\n")
    good_settings(house)
    try:
        yield
    finally:
        os.remove(SSHD_DROP_IN)
        for path, text in kept.items():
            write_file(path, text)
        stock_stacks()


# --- faults ---------------------------------------------------------------------------------------------------------


class Fault(NamedTuple):
    """What is planted, and what check must say of it: these findings and no other warnings or errors."""

    what: str
    plant: object           # a function (house) -> context manager
    name: str               # of the finding; one|other where it depends on the moment
    word: str               # a pattern of what `where` or the text must have
    level: str = "error"
    others: tuple = ()      # further findings that the same fault leads to
    remedy: str = ""        # a pattern of the remedy


@contextlib.contextmanager
def changed_file(path, change=None, mode=None, owner=None):
    """A file with another text (a function of the old one), mode or owner; afterwards as it was."""
    before = os.lstat(path)
    text = read(path)
    if change is not None:
        with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
            file.write(change(text))
    if owner is not None:
        os.chown(path, owner, -1)
    if mode is not None:
        os.chmod(path, mode)
    try:
        yield
    finally:
        if change is not None:
            with open(path, "w", encoding="utf-8", errors="surrogateescape") as file:
                file.write(text)
        os.chown(path, before.st_uid, before.st_gid)
        os.chmod(path, before.st_mode & 0o7777)


@contextlib.contextmanager
def moved_away(path, to=None, link=False):
    """A file that is not where it is looked for; with `link` a symbolic link leads to where it is."""
    other = to or path + ".away"
    os.rename(path, other)
    if link:
        os.symlink(other, path)
    try:
        yield
    finally:
        if link:
            os.remove(path)
        os.rename(other, path)


def with_file(path, change=None, **settings):
    """Plant another text (a function of the old one), mode or owner of a file."""
    return lambda house: changed_file(path, change, **settings)


def with_settings(**changes):
    """Plant settings with these values; None leaves a key out."""
    @contextlib.contextmanager
    def plant(house):
        values = {name: value(house) if callable(value) else value for name, value in changes.items()}
        good_settings(house, **values)
        try:
            yield
        finally:
            good_settings(house)
    return plant


def with_lines(*lines):
    """Plant further lines in the settings file."""
    return with_file(SETTINGS, lambda text: text + "".join(line + "\n" for line in lines))


def with_cognito(verb, undo, *arguments, **changes):
    """Plant a change of the local Cognito: `verb` makes it, the values of `undo` take it back."""
    @contextlib.contextmanager
    def plant(house):
        getattr(house.cognito, verb)(*arguments, **changes)
        try:
            yield
        finally:
            getattr(house.cognito, verb)(*arguments, **undo)
    return plant


def with_fault(operation, **spec):
    """Plant an answer of the local Cognito, for as long as it takes."""
    @contextlib.contextmanager
    def plant(house):
        house.cognito.fault(operation, times=None, **spec)
        try:
            yield
        finally:
            house.cognito.clear_faults()
    return plant


@contextlib.contextmanager
def alternately(*plants_and_house):
    """Several plants at once."""
    *plants, house = plants_and_house
    with contextlib.ExitStack() as stack:
        for plant in plants:
            stack.enter_context(plant(house))
        yield


def together(*plants):
    """Plant several at once."""
    return lambda house: alternately(*plants, house)


def assert_found(fault, outcome, seconds=0.0):
    """The fault is found, named, placed and has its remedy; nothing else is complained of."""
    names = {finding.name for finding in outcome.bad()}
    either = set(fault.name.split("|"))
    assert names & either and names - either == set(fault.others), outcome.bad()
    found = [finding for finding in outcome.bad() if finding.name in either and finding.level == fault.level]
    assert found, outcome.bad()
    assert [finding for finding in found if re.search(fault.word, f"{finding.where}: {finding.text}")], found
    assert any(re.search(fault.remedy, finding.remedy) for finding in found), found
    worst = {"error": 3, "warning": 4}[fault.level]
    assert outcome.status == worst or (fault.others and outcome.status == 3), outcome
    assert seconds < 3 * DEADLINE, f"{seconds} s for a check that may take twice {DEADLINE} s"
    return found[0]


def assert_good(outcome):
    """Nothing to complain of."""
    assert (outcome.status, outcome.bad()) == (0, []), outcome


def find_and_repair(house, fault, user=None):
    """Plant it, check, repair it, check again; return the finding."""
    with fault.plant(house):
        begun = time.monotonic()
        outcome = check(user=user)
        seconds = time.monotonic() - begun
    found = assert_found(fault, outcome, seconds)
    assert_good(check(user=user))
    return found


def row_of(what, finding):
    """Return the row of the table: what was planted, what check says, what to do."""
    said = f"{finding.level} {finding.name}: {finding.where}: {finding.text}".replace(": : ", ": ")
    return (what, f"{said[:150]}\n{'':<52}   -> {finding.remedy[:150]}")


def owner_of(uid):
    """Return the name of the account."""
    return pwd.getpwuid(uid).pw_name


def empty_state():
    """As after a boot of a machine that nobody has logged in to."""
    for path in (RUN, STATE):
        shutil.rmtree(path, ignore_errors=True)


def somebody():
    """Return the id of an account that is nobody's in the other tests."""
    return accounts.add_user("eve").uid
