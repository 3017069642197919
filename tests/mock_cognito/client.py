"""What tests use: CognitoClient speaks to a running server's control port, LocalCognito runs a server itself.

Standard library only, and nothing else of this package, so that it can be used from anywhere. As a program it does
one verb: `client.py STATE_DIR outbox`, `client.py STATE_DIR code alice@example.com`,
`client.py STATE_DIR fault operation=InitiateAuth times=2 'error={"type": "TooManyRequestsException"}'`.
"""

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from pathlib import Path

PYTHON = "/usr/bin/python3"     # the one that has the cryptography package, whatever PATH says
PACKAGE = Path(__file__).resolve().parent


class ControlError(Exception):
    """The control port refused a call, most often because of a misspelt name."""


class CognitoClient:
    """Calls to the control port. Everything of ready.json is an attribute: https_port, ca_file, profiles, …"""

    def __init__(self, control_port):
        self.control_port = int(control_port)
        # No proxies, no environment: the control port is on this machine.
        self._opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        self._ready = None

    @classmethod
    def from_dir(cls, state_dir):
        ready = json.loads(Path(state_dir, "ready.json").read_text(encoding="utf-8"))
        return cls(ready["control_port"])

    def call(self, verb, call_timeout=30.0, **arguments):
        """One verb; its result, or ControlError."""
        request = urllib.request.Request(f"http://127.0.0.1:{self.control_port}/{verb}",
                                         json.dumps(arguments).encode(), {"Content-Type": "application/json"})
        try:
            with self._opener.open(request, timeout=call_timeout) as answer:
                return json.load(answer)["result"]
        except urllib.error.HTTPError as error:
            raise ControlError(f"{verb}: {error.read().decode()}") from error

    # Where things are ------------------------------------------------------------------------------------------

    @property
    def ready(self):
        if self._ready is None:
            self._ready = self.call("info")
        return self._ready

    @property
    def https_port(self):
        return self.ready["https_port"]

    @property
    def endpoint(self):
        return f"https://localhost:{self.https_port}"

    @property
    def numeric_endpoint(self):
        """The same for programs that ask the system for localhost: a bare machine has no /etc/hosts."""
        return f"https://127.0.0.1:{self.https_port}"

    @property
    def ca_file(self):
        return self.ready["ca_file"]

    @property
    def profiles(self):
        return self.ready["profiles"]

    @property
    def pools(self):
        return self.ready["pools"]

    def jwks_url(self, pool=0):
        return self.pools[pool]["jwks_url"]

    # What happened ---------------------------------------------------------------------------------------------

    def outbox(self, username=None):
        return self.call("outbox", username=username)

    def wait_mail(self, count=1, timeout=5.0, username=None):
        """All mails, once there are `count` of them since the last reset; TimeoutError if they do not come."""
        mails = self.call("wait_mail", call_timeout=timeout + 10, count=count, timeout=timeout, username=username)
        if len(mails) < count:
            raise TimeoutError(f"{len(mails)} of {count} mails after {timeout} s")
        return mails

    def last_code(self, username=None, count=1, timeout=5.0):
        """The code of the newest mail."""
        return self.wait_mail(count, timeout, username)[-1]["code"]

    def requests(self, operation=None):
        return self.call("requests", operation=operation)

    def wait_requests(self, operation, count=1, timeout=5.0):
        """All requests of that operation, once there are `count` of them; TimeoutError if they do not come."""
        end = time.monotonic() + timeout
        while True:
            found = self.requests(operation)
            if len(found) >= count:
                return found
            if time.monotonic() > end:
                raise TimeoutError(f"{len(found)} of {count} {operation} requests after {timeout} s")
            time.sleep(0.02)

    def connections(self):
        return self.call("connections")

    def jwks(self, pool=None):
        return self.call("jwks", pool=pool)

    # What shall happen -----------------------------------------------------------------------------------------

    def fault(self, operation, times=1, after=0, user=None, **spec):
        """Queue a fault; times=None means for ever."""
        self.call("fault", operation=operation, times=times, after=after, user=user, **spec)

    def faults(self):
        return self.call("faults")

    def clear_faults(self):
        self.call("clear_faults")

    def clear_log(self):
        self.call("clear_log")

    def clear_outbox(self):
        self.call("clear_outbox")

    def reset(self):
        self.call("reset")

    def set_clock(self, offset=None, date_offset=None, token_offset=None, signature_offset=None):
        self.call("set_clock", offset=offset, date_offset=date_offset, token_offset=token_offset,
                  signature_offset=signature_offset)

    def settings(self, **changes):
        self.call("settings", **changes)

    def next_code(self, code):
        self.call("next_code", code=code)

    def user(self, name, **changes):
        return self.call("user", name=name, **changes)

    def sign_out(self, name):
        """End every grant of a user, as AdminUserGlobalSignOut does."""
        return self.call("sign_out", name=name)

    def client(self, client_id, **changes):
        return self.call("client", client_id=client_id, **changes)

    def add_client_secret(self, client_id, secret=None):
        """One more secret, beside the one there is; returns it."""
        return self.call("add_client_secret", client_id=client_id, secret=secret)["secret"]

    def delete_client_secret(self, client_id, secret):
        """From now on this one does not count any more."""
        self.call("delete_client_secret", client_id=client_id, secret=secret)

    def pool(self, pool_id=None, **changes):
        return self.call("pool", pool_id=pool_id, **changes)

    def credential(self, access_key, **changes):
        return self.call("credential", access_key=access_key, **changes)

    def imds(self, **changes):
        """What the instance metadata service says: `version`, `roles` (the text of the list), `access_key`, `code`,
        `life` (seconds) or `expiration` (text). Its faults are those of `imds-token`, `-roles`, `-credentials`."""
        return self.call("imds", **changes)

    def rotate_keys(self, pool=None, keep_old=True):
        return self.call("rotate_keys", pool=pool, keep_old=keep_old)


class LocalCognito(CognitoClient):
    """A server of one's own, as a context manager. It also ends when this process dies."""

    START_TIMEOUT = 60.0
    STOP_TIMEOUT = 10.0

    def __init__(self, state_dir=None, config=None, port=0, names=(), python=PYTHON, imds=None):
        self._temporary = None if state_dir else tempfile.TemporaryDirectory(prefix="mock-cognito-")
        self.state_dir = Path(state_dir or self._temporary.name)
        self.state_dir.mkdir(parents=True, exist_ok=True)
        if self._temporary:
            self.state_dir.chmod(0o755)     # programs under test may run as somebody else and need the CA file
        self.process = self._start(config, port, names, python, imds)
        try:
            super().__init__(self._wait_ready()["control_port"])
        except BaseException:
            self.stop()
            raise

    def _start(self, config, port, names, python, imds):
        command = [python, "-B", str(PACKAGE), "--dir", str(self.state_dir), "--port", str(port), "--until-eof"]
        if config is not None:
            path = self.state_dir / "config.json"
            path.write_text(json.dumps(config), encoding="utf-8")
            command += ["--config", str(path)]
        for name in names:
            command += ["--name", name]
        if imds is not None:
            command += ["--imds", imds]
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL": "C.UTF-8"}
        with open(self.state_dir / "log", "ab") as log:
            return subprocess.Popen(command, stdin=subprocess.PIPE, stdout=log, stderr=log, env=environment,
                                    cwd="/", start_new_session=True)

    def _wait_ready(self):
        ready_file = self.state_dir / "ready.json"
        end = time.monotonic() + self.START_TIMEOUT
        while time.monotonic() < end:
            if self.process.poll() is not None:
                raise RuntimeError(f"the server ended with {self.process.returncode}: {self.log()}")
            try:
                ready = json.loads(ready_file.read_text(encoding="utf-8"))
                if ready["pid"] == self.process.pid:
                    return ready
            except FileNotFoundError:
                pass
            time.sleep(0.02)
        raise TimeoutError(f"the server was not ready in {self.START_TIMEOUT} s: {self.log()}")

    def log(self):
        return (self.state_dir / "log").read_text(encoding="utf-8", errors="replace")

    def stop(self):
        """SIGTERM, and SIGKILL if that was not enough."""
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGTERM)
            try:
                self.process.wait(self.STOP_TIMEOUT)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.wait()
        self.process.stdin.close()
        if self._temporary is not None:
            self._temporary.cleanup()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()


def parse_argument(text):
    """name=value, the value as JSON if it is JSON and as text otherwise."""
    name, _, value = text.partition("=")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value


def main(arguments):
    if len(arguments) < 2:
        print(__doc__, file=sys.stderr)
        return 2
    state_dir, verb, *rest = arguments
    client = CognitoClient.from_dir(state_dir)
    if verb == "code":
        print(client.last_code(*rest))
        return 0
    result = client.call(verb, **dict(parse_argument(text) for text in rest))
    print(json.dumps(result, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
