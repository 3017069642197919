"""A collector of syslog messages, bound to /dev/log.

Rules: one datagram is one line, kept in the order of arrival as "facility.level tag[pid]: text"; the time stamp is
dropped; undecodable bytes are shown as \\xNN, so that a test can see that a log is clean.
"""

import contextlib
import os
import re
import socket
import threading
import time

from rig import require

FACILITIES = (
    "kern user mail daemon auth syslog lpr news uucp cron authpriv ftp ntp audit alert clock "
    "local0 local1 local2 local3 local4 local5 local6 local7"
).split()
LEVELS = "emerg alert crit err warning notice info debug".split()
HEADER = re.compile(r"<(\d{1,3})>(?:[A-Z][a-z]{2} [ \d]\d \d\d:\d\d:\d\d )?")
PATIENCE = 10
MARK = b"\0mark of the collector"


def decode(datagram):
    """Turn one datagram as syslog(3) sends it into a readable line."""
    text = datagram.rstrip(b"\0\n").decode("utf-8", "backslashreplace")
    header = HEADER.match(text)
    if not header:
        return text
    facility, level = divmod(int(header.group(1)), 8)
    name = FACILITIES[facility] if facility < len(FACILITIES) else str(facility)
    return f"{name}.{LEVELS[level]} {text[header.end():]}"


class Syslog:
    """Listens on /dev/log from construction to close(); also a context manager."""

    def __init__(self, path="/dev/log"):
        require()
        self.path = path
        self._lines = []
        self._marks = 0
        self._news = threading.Condition()
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        with contextlib.suppress(FileNotFoundError):
            os.unlink(path)
        self._socket.bind(path)
        os.chmod(path, 0o666)
        self._socket.settimeout(0.2)
        self._closing = False
        self._thread = threading.Thread(target=self._collect, daemon=True)
        self._thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def _collect(self):
        while not self._closing:
            try:
                datagram = self._socket.recv(65536)
            except socket.timeout:
                continue
            if self._closing and not datagram:
                return
            with self._news:
                if datagram == MARK:
                    self._marks += 1
                else:
                    self._lines.append(decode(datagram))
                self._news.notify_all()

    def _settle(self):
        """Wait until everything that was sent before now is in the list: a mark of our own queues up behind it."""
        with self._news:
            wanted = self._marks + 1
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.settimeout(PATIENCE)
            sender.sendto(MARK, self.path)
            with self._news:
                self._news.wait_for(lambda: self._marks >= wanted, PATIENCE)

    def lines(self, pattern=""):
        """Return all lines so far in which the regular expression is found."""
        self._settle()
        with self._news:
            return [line for line in self._lines if re.search(pattern, line)]

    def clear(self):
        """Forget the lines so far."""
        self._settle()
        with self._news:
            self._lines.clear()

    def wait_for(self, pattern, timeout=PATIENCE, count=1):
        """Wait until the pattern is found in `count` lines; return the match in the last of them."""
        deadline = time.monotonic() + timeout
        with self._news:
            while True:
                matches = [m for m in (re.search(pattern, line) for line in self._lines) if m]
                if len(matches) >= count:
                    return matches[count - 1]
                left = deadline - time.monotonic()
                if left <= 0 or not self._news.wait(left):
                    seen = "\n  ".join(self._lines[-30:]) or "(nothing)"
                    raise AssertionError(f"no {count} log line(s) with {pattern!r} in {timeout} s; seen:\n  {seen}")

    def close(self):
        """Stop listening and remove the socket."""
        self._closing = True
        with contextlib.suppress(OSError):
            self._socket.sendto(b"", self.path)
        self._thread.join(5)
        self._socket.close()
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.path)
