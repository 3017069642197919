"""The real sudo, as a person at a terminal or without one.

Rules: the policy of the rig is one file in sudoers.d; the caller is a real user id, not root playing him.
"""

import os
import subprocess

from rig import require
from rig.pty import Terminal

POLICY = "/etc/sudoers.d/rig"
PATIENCE = 30


def allow(*rules, defaults=("lecture=never",)):
    """Write the policy: rules like "alice ALL=(ALL:ALL) ALL", and Defaults."""
    require()
    rows = [f"Defaults {setting}" for setting in defaults] + list(rules)
    with open(POLICY, "w", encoding="utf-8") as file:
        file.write("\n".join(rows) + "\n")
    os.chmod(POLICY, 0o440)
    subprocess.run(["visudo", "-cqf", POLICY], check=True, timeout=10)


def terminal(caller, *arguments, env=None, **settings):
    """Start sudo with the arguments on a terminal of the Account; return the Terminal."""
    return Terminal(["sudo", *arguments], user=caller, env=env, **settings)


def batch(caller, *arguments, answers="", timeout=PATIENCE, env=None):
    """Run sudo -S without a terminal, with `answers` as its standard input; return the CompletedProcess."""
    return subprocess.run(
        ["sudo", "-S", *arguments], input=answers, capture_output=True, text=True, errors="backslashreplace", cwd="/",
        env=env or {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": caller.home}, timeout=timeout,
        start_new_session=True, user=caller.uid, group=caller.gid, extra_groups=caller.groups, check=False,
    )
