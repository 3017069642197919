"""The stacks of README.md and pam_cognito_otp(8), installed into the files that the machine ships, as their text says.

Rules: a stack is read from the manual page when a test wants it, and nothing of it is repeated in a test. A PAM stack
goes in place of `@include common-auth`, and everything else of the file stays; session lines go to the end of the file;
a fragment of sshd_config is a file of its own, which the shipped sshd_config includes. restore() brings back what was
shipped.
"""

import contextlib
import os

from docs import sources
from rig import pam

INCLUDE = "@include common-auth"
SERVICES = ("sshd", "sudo", "sudo-i", "su", "su-l", "login")
SSHD_FRAGMENT = "/etc/ssh/sshd_config.d/00-otp.conf"


def words(line):
    """A line of a stack without its columns; a comment is none."""
    return line.split("#")[0].split()


def auth_lines(text):
    """The lines of a stack that belong to auth."""
    return [words(line) for line in text.splitlines() if words(line)[:1] == ["auth"] or line.strip() == INCLUDE]


def appended(text, stack):
    """Return the file with the session lines at its end; lines that are there already stay where they are."""
    lines = text.splitlines()
    wanted = [words(line) for line in stack.splitlines()]
    there = [words(line) for line in lines]
    lines += [line for line in stack.splitlines() if words(line) not in there]
    assert [line for line in map(words, lines) if line in wanted] == wanted, "the lines stand in another order"
    return "\n".join(lines) + "\n"


def edited(shipped, stack):
    """Return the shipped file with the stack in place of its @include; lines that are there already stay."""
    if words(stack)[0] == "session":
        return appended(shipped, stack)
    lines = shipped.splitlines()
    assert lines.count(INCLUDE) == 1, "the machine's file is not as Debian ships it"
    at = lines.index(INCLUDE)
    rest = lines[:at] + lines[at + 1:]
    there = [words(line) for line in rest]
    new = [line for line in stack.splitlines() if words(line) not in there]
    text = "\n".join(rest[:at] + new + rest[at:]) + "\n"
    wanted = [words(line) for line in stack.splitlines()]
    assert auth_lines(text)[:len(wanted)] == wanted, "the stack does not come first, or in another order"
    return text


def install(*names):
    """Install these stacks into all the files that the manual names for them; those of one file one after the other."""
    texts = {}
    for name in names:
        stack = sources.page_blocks("pam_cognito_otp.8", "stack")[name]
        for path in sources.page_stack_files()[name]:
            folder, file = os.path.split(path)
            if folder == pam.FOLDER:
                texts[file] = edited(texts.get(file) or pam.shipped(file), stack)
                pam.stack(file, texts[file])
                continue
            assert path == SSHD_FRAGMENT, path
            with open(path, "w", encoding="ascii") as fragment:
                fragment.write(stack)


def restore():
    """Every stack as shipped, no fragment."""
    for service in SERVICES:
        pam.stack(service, pam.shipped(service))
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SSHD_FRAGMENT)
