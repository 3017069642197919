"""Runs pam_driver: one PAM handle, any sequence of calls, and a conversation that the test leads.

    with PamCall("otp-test", "alice", tty="/dev/pts/9", ruid=7001) as call:
        assert "Code" in call.prompt()
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"

Rules: every wait has a bound; the process is always reaped; a call that PAM would delay after a failure is not delayed,
unless `waits` is set: the wish is in results[...]["delay_us"]. The program is $OTP_DRIVER, or is built once from its
source next to this file.
"""

import atexit
import functools
import json
import os
import select
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

PATIENCE = 15
PAM_SILENT = 0x8000
SOURCE = Path(__file__).resolve().parent / "pam_driver.c"
QUESTIONS = ("echo_off", "echo_on")


@functools.cache
def program():
    """The path of pam_driver; built if the environment names none."""
    if os.environ.get("OTP_DRIVER"):
        return os.environ["OTP_DRIVER"]
    folder = tempfile.mkdtemp(prefix="pam-driver-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    os.chmod(folder, 0o755)
    path = os.path.join(folder, "pam_driver")
    command = ["cc", "-std=gnu11", "-O1", "-o", path, str(SOURCE), "-lpam"]
    subprocess.run(command, check=True, timeout=120)
    return path


class Raw(str):
    """An answer that is no text: a line of the driver's own language."""


CONV_ERR = Raw("null")
NO_ARRAY = Raw("none")
NO_TEXT = Raw("nothing")


def code(number):
    """The answer that makes the conversation return this number."""
    return Raw(str(number))


class PamCall:
    """One process of pam_driver."""

    def __init__(self, service, user, calls=("authenticate",), *, tty=None, rhost=None, ruser=None, environment=None,
                 ruid=None, rgid=None, flags=0, confdir=None, sigchld=None, conversation=True, waits=False,
                 closed=False, program_environment=None, prefix=()):
        command = [*prefix, program(), "-F", str(flags)]
        named = {"-c": confdir, "-t": tty, "-H": rhost, "-R": ruser, "-C": sigchld, "-g": rgid, "-r": ruid}
        for option, value in named.items():
            command += [] if value is None else [option, str(value)]
        for name, value in (environment or {}).items():
            command += ["-e", f"{name}={value}"]
        command += ["-n"] * (not conversation) + ["-w"] * waits + ["-x"] * closed
        command += ["--", service, "-" if user is None else user, *calls]
        clean = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        self.messages = []      # all that the conversation got, as dictionaries
        self.results = {}       # the last result of each call, as a dictionary
        self.history = []       # (call, code) in their order
        self._waiting = []      # questions that prompt() has not handed out
        self._buffer = b""
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd="/",
                                        env=clean if program_environment is None else program_environment)

    @property
    def pid(self):
        """The id of the process that calls PAM."""
        return self.process.pid

    def _line(self, deadline):
        """The next line as a dictionary, None at the end."""
        descriptor = self.process.stdout.fileno()
        while b"\n" not in self._buffer:
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([descriptor], [], [], left)[0]:
                raise TimeoutError(f"pam_driver is silent; so far {self.messages} {self.history}")
            more = os.read(descriptor, 65536)
            if not more:
                return None
            self._buffer += more
        line, _, self._buffer = self._buffer.partition(b"\n")
        return json.loads(line.decode("utf-8", "surrogateescape"))

    def _take(self, deadline):
        """Read one line and file it; False at the end."""
        line = self._line(deadline)
        if line is None:
            return False
        if "call" in line:
            self.results[line["call"]] = line
            self.history.append((line["call"], line["code"]))
        else:
            self.messages.append(line)
            if line["style"] in QUESTIONS:
                self._waiting.append(line)
        return True

    def question(self, timeout=PATIENCE):
        """The next question as {"style", "text"}, or None when the calls are over."""
        deadline = time.monotonic() + timeout
        while not self._waiting:
            if not self._take(deadline):
                return None
        return self._waiting.pop(0)

    def prompt(self, timeout=PATIENCE):
        """The text of the next question, or None when the calls are over."""
        question = self.question(timeout)
        return None if question is None else question["text"]

    def answer(self, text, user=None):
        """Answer the question; `user` becomes PAM_USER first."""
        lines = [] if user is None else ["user " + json.dumps(user, ensure_ascii=False)]
        lines.append(str(text) if isinstance(text, Raw) else json.dumps(text, ensure_ascii=False))
        self.process.stdin.write("".join(line + "\n" for line in lines).encode("utf-8", "surrogateescape"))
        self.process.stdin.flush()

    def finish(self, timeout=PATIENCE):
        """Read to the end and return {call: code}; questions get PAM_CONV_ERR, as there are no more answers."""
        if not self.process.stdin.closed:
            self.process.stdin.close()
        deadline = time.monotonic() + timeout
        while self._take(deadline):
            pass
        self.process.wait(max(0.1, deadline - time.monotonic()))
        return {call: result["code"] for call, result in self.results.items() if call != "end"}

    def result(self, call="authenticate", timeout=PATIENCE):
        """The code of that call, by its name; waits for it, and fails if a question comes instead."""
        deadline = time.monotonic() + timeout
        while call not in self.results:
            if self._waiting:
                raise AssertionError(f"a question instead of a result: {self._waiting[0]}")
            if not self._take(deadline):
                status = self.process.wait(PATIENCE)
                raise AssertionError(f"pam_driver ended with {status}; {self.messages} {self.history}")
        return self.results[call]["code"]

    def texts(self, *styles):
        """The texts of the messages so far, of these styles if any are given."""
        return [message["text"] for message in self.messages if not styles or message["style"] in styles]

    def close(self):
        """End and reap the process."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        for stream in (self.process.stdin, self.process.stdout):
            try:
                stream.close()
            except BrokenPipeError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
