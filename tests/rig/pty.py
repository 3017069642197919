"""A program on a terminal of its own, driven like a person drives it.

Rules: the terminal is the program's controlling terminal; every wait has a bound; what was shown is kept in
`transcript`; close() ends every process of the terminal's session that is still there. expect() consumes what it
matched and what stood before it, so a later expect() looks only at what came after.
"""

import codecs
import contextlib
import errno
import fcntl
import grp
import os
import re
import select
import struct
import subprocess
import termios
import time

from rig import processes

PATIENCE = 15
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Ended(AssertionError):
    """The program went away before it showed what was expected."""


class Silent(AssertionError):
    """The program did not show what was expected in time."""


def open_pair(uid, rows, columns):
    """Return master and slave of a new terminal that belongs to uid."""
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
    try:
        tty_group = grp.getgrnam("tty").gr_gid
    except KeyError:
        tty_group = -1
    os.fchown(slave, uid, tty_group)
    os.fchmod(slave, 0o620)
    os.set_blocking(master, False)
    return master, slave


def take_terminal():
    """Make standard input the controlling terminal; runs in the child."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """Runs argv on a new terminal, as the Account `user` or as root; also a context manager."""

    def __init__(self, argv, *, user=None, env=None, cwd="/", rows=24, columns=200, prepare=None):
        """Start argv; env None is PATH, TERM and the user's HOME, USER, SHELL; prepare() runs in the child."""
        self.argv = list(argv)
        self.transcript = ""
        self.status = None
        self._unread = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")("backslashreplace")
        self._ended = False
        self.master, slave = open_pair(user.uid if user else 0, rows, columns)
        self.tty = os.ttyname(slave)

        def before_exec():
            processes.fresh_signals()
            take_terminal()
            if prepare:
                prepare()

        who = {"user": user.uid, "group": user.gid, "extra_groups": user.groups} if user else {}
        try:
            self._process = subprocess.Popen(
                self.argv, stdin=slave, stdout=slave, stderr=slave, cwd=cwd, env=self._environment(user, env),
                start_new_session=True, preexec_fn=before_exec, **who,
            )
        except BaseException:
            os.close(self.master)
            raise
        finally:
            os.close(slave)
        self.pid = self._process.pid

    @staticmethod
    def _environment(user, env):
        if env is not None:
            return env
        home, name = (user.home, user.name) if user else ("/root", "root")
        return {"PATH": PATH, "TERM": "dumb", "HOME": home, "USER": name, "LOGNAME": name, "SHELL": "/bin/sh"}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _take(self, seconds):
        """Read what is there, waiting at most `seconds`; return False once the terminal has ended."""
        if self._ended:
            return False
        readable, _, _ = select.select([self.master], [], [], max(0, seconds))
        if not readable:
            return True
        try:
            data = os.read(self.master, 65536)
        except BlockingIOError:
            return True
        except OSError as error:
            if error.errno != errno.EIO:
                raise
            return self._between_owners(seconds)
        text = self._decoder.decode(data)
        self._unread += text
        self.transcript += text
        return True

    def _between_owners(self, seconds):
        """Nobody holds the terminal: the end, unless the program is about to open it again, as login does."""
        if self._process.poll() is not None:
            self._ended = True
            return False
        time.sleep(min(0.01, max(0, seconds)))
        return True

    def expect(self, pattern, timeout=PATIENCE):
        """Wait until the regular expression is found in what was not yet consumed; return the match."""
        deadline = time.monotonic() + timeout
        goes_on = True
        while True:
            found = re.search(pattern, self._unread, re.MULTILINE)
            if found:
                self._unread = self._unread[found.end():]
                return found
            if not goes_on:
                raise Ended(self._complaint(pattern, f"ended with status {self._reap(1)}"))
            left = deadline - time.monotonic()
            if left <= 0:
                raise Silent(self._complaint(pattern, f"did not show it in {timeout} s"))
            goes_on = self._take(min(left, 0.5))

    def _complaint(self, pattern, what):
        return f"{' '.join(self.argv)} {what}; expected {pattern!r}, unread {self._unread!r}\n{self.transcript}"

    def send(self, text):
        """Type exactly this text or these bytes."""
        data = text.encode() if isinstance(text, str) else text
        deadline = time.monotonic() + PATIENCE
        while data:
            _, writable, _ = select.select([], [self.master], [], 0.5)
            if writable:
                data = data[os.write(self.master, data):]
            elif time.monotonic() > deadline:
                raise Silent(f"{' '.join(self.argv)} reads nothing")

    def line(self, text=""):
        """Type the text and the return key."""
        self.send(text + "\n" if isinstance(text, str) else text + b"\n")

    def answer(self, pattern, text, timeout=PATIENCE):
        """Wait for the prompt, type the answer and return; return the prompt's match."""
        found = self.expect(pattern, timeout)
        self.line(text)
        return found

    def control(self, letter):
        """Press control and the letter: c interrupts, d ends the input."""
        self.send(bytes([ord(letter.upper()) & 0x1F]))

    def interrupt(self):
        """Press ^C until the program has ended; return its status. sudo misses one that comes before its read()."""
        for _ in range(PATIENCE):
            self.control("c")
            with contextlib.suppress(Silent):
                return self.wait(1)
        return self.wait(0)

    def echoes(self):
        """Tell whether what is typed is shown now."""
        return bool(termios.tcgetattr(self.master)[3] & termios.ECHO)

    def hang_up(self):
        """Take the terminal away from the program, as a lost line does."""
        if self.master >= 0:
            os.close(self.master)
            self.master = -1
            self._ended = True

    def alive(self):
        """Tell whether the program still runs."""
        return self._process.poll() is None

    def _reap(self, timeout):
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.status = self._process.wait(timeout)
        return self.status

    def wait(self, timeout=PATIENCE):
        """Read until the program has ended; return its exit status, negative for a signal."""
        deadline = time.monotonic() + timeout
        while self._process.poll() is None:
            left = deadline - time.monotonic()
            if left <= 0:
                raise Silent(self._complaint("its end", f"still runs after {timeout} s"))
            if not self._take(min(left, 0.05)):
                self._reap(left)
        while self._readable() and self._take(0):
            pass
        return self._reap(0)

    def _readable(self):
        return not self._ended and bool(select.select([self.master], [], [], 0)[0])

    def close(self):
        """End whatever is left of the session and give the terminal back; safe to call again."""
        self.hang_up()
        processes.end(processes.of_session(self.pid))
        self._reap(5)
