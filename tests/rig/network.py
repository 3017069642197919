"""What can be done to the network of the rig: nftables rules for a while.

Rules: only inside the rig, whose network is one loopback interface of its own; what was added is taken away again.
"""

import contextlib
import subprocess

from rig import require


@contextlib.contextmanager
def packets(*rules):
    """These nftables rules on what leaves."""
    require()
    commands = ["add table inet faults", "add chain inet faults out { type filter hook output priority 0 ; }"]
    commands += [f"add rule inet faults out {rule}" for rule in rules]
    subprocess.run(["nft", "-f", "-"], input="\n".join(commands) + "\n", text=True, check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "faults"], check=True, timeout=10)


def cut(port):
    """Nothing reaches this TCP port, and nothing comes back, not even a refusal."""
    return packets(f"tcp dport {port} drop")
