"""What can be done to the network of the rig for a while: names, and what becomes of packets.

Rules: only inside the rig, whose network is one loopback interface of its own; what was added is taken away again.
"""

import contextlib
import os
import subprocess

from rig import require

SERVICE_NAME = "cognito-idp.eu-west-1.amazonaws.com"     # in the good certificate; no name server in the rig knows it


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


@contextlib.contextmanager
def address(number):
    """One more address of this machine."""
    require()
    subprocess.run(["ip", "address", "add", f"{number}/32", "dev", "lo"], check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["ip", "address", "delete", f"{number}/32", "dev", "lo"], check=True, timeout=10)


def write_hosts(text):
    """Replace /etc/hosts as a whole."""
    with open("/etc/hosts.new", "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod("/etc/hosts.new", 0o644)
    os.rename("/etc/hosts.new", "/etc/hosts")


@contextlib.contextmanager
def hosts(*lines):
    """More lines in /etc/hosts."""
    require()
    with open("/etc/hosts", encoding="utf-8") as file:
        before = file.read()
    write_hosts(before + "".join(line + "\n" for line in lines))
    try:
        yield
    finally:
        write_hosts(before)
