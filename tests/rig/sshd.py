"""A private sshd on 127.0.0.1 with a configuration, host key, port, PAM service and log of its own; or the machine's.

Rules: only inside the rig; ended by its own pid; old (argv[0] names the PAM service) and new OpenSSH (PAMServiceName)
are told apart by asking the sshd that is installed. `options` are sshd_config keywords; None leaves a default out.
"""

import functools
import os
import re
import shutil
import socket
import subprocess
import time

from rig import accounts, processes, require

BINARY = "/usr/sbin/sshd"
PATIENCE = 15
DEFAULTS = {
    "UsePAM": "yes",
    "KbdInteractiveAuthentication": "yes",
    "PasswordAuthentication": "no",
    "PubkeyAuthentication": "yes",
    "AuthenticationMethods": "any",
    "PermitRootLogin": "yes",
    "LoginGraceTime": "120",
    "MaxAuthTries": "6",
    "MaxStartups": "300",
    "MaxSessions": "20",
    "StrictModes": "no",
    "UseDNS": "no",
    "PrintMotd": "no",
    "PrintLastLog": "no",
    "KexAlgorithms": "curve25519-sha256",
    "LogLevel": "DEBUG1",
    "AuthorizedKeysFile": ".ssh/authorized_keys",
}


def free_port():
    """Return a port of 127.0.0.1 that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@functools.lru_cache(maxsize=None)
def known_keywords():
    """Return the keywords, in lower case, that the installed sshd knows."""
    require()
    folder = accounts.temporary_folder("rig-keywords-")
    key = os.path.join(folder, "key")
    accounts.make_key(key)
    command = [BINARY, "-T", "-f", "/dev/null", "-h", key]
    shown = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20).stdout
    shutil.rmtree(folder)
    return {line.split()[0] for line in shown.splitlines() if line}


class Sshd:
    """One server; start() waits until it listens, stop() ends it; also a context manager."""

    def __init__(self, service="rig-sshd", *, port=None, options=None, wrapper=(), env=None):
        """Prepare the server; `wrapper` is a command put before it (strace, valgrind, env NAME=VALUE...)."""
        require()
        self.service = service
        self.port = port or free_port()
        self.folder = accounts.temporary_folder(f"rig-{service}-")
        self.log_path = os.path.join(self.folder, "log")
        self.host_key = os.path.join(self.folder, "host_key")
        self.known_hosts = os.path.join(self.folder, "known_hosts")
        self.options = {**DEFAULTS, **(options or {})}
        self.wrapper = list(wrapper)
        self.env = env
        self._process = None
        self._binary = BINARY
        self._write()

    def __enter__(self):
        return self.start()

    def __exit__(self, *_):
        self.stop()

    def _write(self):
        self._write_keys()
        self._write_config()

    def _write_keys(self):
        accounts.make_key(self.host_key)
        with open(self.host_key + ".pub", encoding="ascii") as public:
            kind, key = public.read().split()[:2]
        with open(self.known_hosts, "w", encoding="ascii") as file:
            file.write(f"[127.0.0.1]:{self.port} {kind} {key}\n")

    def _write_config(self):
        options = dict(self.options)
        if "pamservicename" in known_keywords():
            options["PAMServiceName"] = self.service
        else:
            self._binary = self._named_binary()
        if "persourcepenalties" in known_keywords():
            options.setdefault("PerSourcePenalties", "no")
        fixed = [
            f"Port {self.port}",
            "ListenAddress 127.0.0.1",
            f"HostKey {self.host_key}",
            f"PidFile {self.folder}/pid",
        ]
        rows = fixed + [f"{keyword} {value}" for keyword, value in options.items() if value is not None]
        with open(os.path.join(self.folder, "config"), "w", encoding="utf-8") as file:
            file.write("\n".join(rows) + "\n")

    def _named_binary(self):
        """Copy sshd under the service's name: an old sshd takes its PAM service from there."""
        os.mkdir(os.path.join(self.folder, "bin"))
        return shutil.copy2(BINARY, os.path.join(self.folder, "bin", self.service))

    def _arguments(self):
        return ["-f", os.path.join(self.folder, "config")]

    def start(self):
        """Start the server and wait until it listens."""
        os.makedirs("/run/sshd", mode=0o755, exist_ok=True)
        command = [*self.wrapper, self._binary, "-D", "-e", *self._arguments()]
        with open(self.log_path, "ab") as log:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env, start_new_session=True,
                preexec_fn=processes.fresh_signals,
            )
        self.wait_log(rf"Server listening on 127\.0\.0\.1 port {self.port}")
        return self

    @property
    def pid(self):
        """The id of the listening process."""
        with open(os.path.join(self.folder, "pid"), encoding="ascii") as file:
            return int(file.read())

    def log(self):
        """Return what the server has logged by itself so far; the lines of PAM modules are in syslog."""
        with open(self.log_path, encoding="utf-8", errors="backslashreplace") as file:
            return file.read()

    def wait_log(self, pattern, timeout=PATIENCE):
        """Wait until the regular expression is found in the log; return the match."""
        deadline = time.monotonic() + timeout
        while True:
            ended = self._process is None or self._process.poll() is not None
            found = re.search(pattern, self.log())
            if found:
                return found
            if ended or time.monotonic() > deadline:
                raise AssertionError(f"sshd {'ended' if ended else 'did not log'} {pattern!r}:\n{self.log()}")
            time.sleep(0.01)

    def stop(self):
        """End the server and the connections it still serves; the folder with the log stays until the rig ends."""
        if self._process is None:
            return
        connections = processes.descendants(self._process.pid)
        self._process.terminate()
        try:
            self._process.wait(5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait(5)
        processes.end(connections)
        self._process = None


class MachineSshd(Sshd):
    """The machine's own: its /etc/ssh/sshd_config with what that includes, and /etc/pam.d/sshd.

    Only what a rig cannot share is given on the command line: address, port, key, pid file, log level.
    """

    def __init__(self):
        """Prepare it; the configuration is read when it starts."""
        super().__init__("sshd", options={})

    def _write(self):
        self._write_keys()

    def _arguments(self):
        options = ["ListenAddress=127.0.0.1", f"PidFile={self.folder}/pid", "LogLevel=DEBUG1"]
        if "persourcepenalties" in known_keywords():
            options.append("PerSourcePenalties=no")
        return ["-p", str(self.port), "-h", self.host_key, *(part for option in options for part in ("-o", option))]
