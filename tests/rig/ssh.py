"""The real ssh client against a server of the rig.

Rules: no configuration, agent or known hosts but the rig's own; the host key is checked; nothing is asked by the client
itself, so every prompt comes from the server.
"""

import subprocess

from rig.pty import Terminal

PATIENCE = 30


def command(server, user, remote=(), *, key=None, methods=None, options=(), binary="ssh", flags=()):
    """Return the command line; methods None is publickey,keyboard-interactive with a key, else the latter alone."""
    if methods is None:
        methods = "publickey,keyboard-interactive" if key else "keyboard-interactive"
    settings = [
        f"UserKnownHostsFile={server.known_hosts}",
        "GlobalKnownHostsFile=/dev/null",
        "StrictHostKeyChecking=yes",
        "CheckHostIP=no",
        "IdentityAgent=none",
        "IdentitiesOnly=yes",
        f"IdentityFile={key or 'none'}",
        f"PreferredAuthentications={methods}",
        "KexAlgorithms=curve25519-sha256",
        "ConnectTimeout=10",
        "LogLevel=INFO",
        *options,
    ]
    line = [binary, "-F", "/dev/null", *flags]
    for setting in settings:
        line += ["-o", setting]
    port = "-P" if binary in ("scp", "sftp") else "-p"
    line += [port, str(server.port)]
    if binary == "ssh":
        line += ["-l", user, "127.0.0.1"]
    return line + ([remote] if isinstance(remote, str) else list(remote))


def terminal(server, user, remote=(), *, run_as=None, env=None, **settings):
    """Start ssh on a terminal as the local Account run_as (root by default); return the Terminal."""
    return Terminal(command(server, user, remote, **settings), user=run_as, env=env)


def batch(server, user, remote=(), *, answer=None, timeout=PATIENCE, **settings):
    """Run ssh without a terminal; `answer` is the path of an SSH_ASKPASS program. Return the CompletedProcess."""
    env = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}
    if answer:
        env |= {"SSH_ASKPASS": answer, "SSH_ASKPASS_REQUIRE": "force"}
    return subprocess.run(
        command(server, user, remote, **settings), stdin=subprocess.DEVNULL, capture_output=True, text=True,
        errors="backslashreplace", env=env, timeout=timeout, start_new_session=True, check=False,
    )
