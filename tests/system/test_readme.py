"""What README.md shows of the tool is what the tool prints: lines of its own files, addresses and numbers put in."""

import re
import subprocess

import pytest
from docs import sources

from system.house import CODE_QUESTION
from system.test_trial import PIN, Terminal, newest, wrong

TOOL = "/usr/sbin/cognito-otp"
BOUND = 30


def shown(name):
    """The lines that the README shows, without the command."""
    text = sources.between(sources.read("README.md"), f"<!-- output: {name} -->\n```text\n", "```")
    lines = [line for line in text.splitlines() if not line.startswith("$ ")]
    assert lines
    return lines


def plain(text):
    """The same lines with one word for what differs between machines, builds and calls."""
    forms = {
        r"uid=\d+": "uid=UID", r"client \w+": "client ID", r"version [\d.]+": "version N",
        r"\S+/security/pam_cognito_otp\.so": "MODULE", r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}": "UUID",
    }
    for form, word in forms.items():
        text = re.sub(form, word, text)
    return text.splitlines()


def prints(*arguments, status):
    """What the tool prints."""
    run = subprocess.run([TOOL, *arguments], capture_output=True, text=True, timeout=BOUND, check=False)
    assert run.returncode == status, run.stderr
    return plain(run.stdout)


def test_check(house):
    """The lines of a first check, in this order; later checks add lines."""
    house.user_map()
    printed = prints("check", status=3)
    places = [printed.index(line) for line in plain("\n".join(shown("check")))]
    assert places == sorted(places)
    assert house.counts()["mails"] == 0


def test_map(house):
    """One line."""
    house.user_map(f"alice email:alice@example.com sub={PIN}")
    assert prints("map", "alice", status=0) == plain("\n".join(shown("map")))


@pytest.mark.parametrize("name", ["login", "login-fails"])
def test_login(house, name):
    """The right code, and three wrong ones: from the question on."""
    house.settings(deadline="4s", connect_timeout="2s")
    with Terminal("alice") as terminal:
        said = terminal.question()
        for code in [newest(house)] if name == "login" else [wrong(house)] * 3:
            terminal.child.sendline(code)
        rest, status = terminal.end()
    assert status == (0 if name == "login" else 1)
    printed = [line.strip() for line in plain(said + rest)]
    expected = [line.strip() for line in plain("\n".join(shown(name)))]
    assert printed[-len(expected):] == expected or [line for line in printed if line] == expected
    assert re.search(CODE_QUESTION.strip(), said)
