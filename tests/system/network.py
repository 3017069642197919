"""The way to the service, as a test wants it: names, and what becomes of packets. Afterwards all is as before."""

import contextlib
import subprocess

from system.house import write_file

SERVICE_NAME = "cognito-idp.eu-west-1.amazonaws.com"     # in the good certificate; no name server in the rig knows it


@contextlib.contextmanager
def packets(*rules):
    """These nftables rules on what leaves."""
    commands = ["add table inet faults", "add chain inet faults out { type filter hook output priority 0 ; }"]
    commands += [f"add rule inet faults out {rule}" for rule in rules]
    subprocess.run(["nft", "-f", "-"], input="\n".join(commands) + "\n", text=True, check=True, timeout=10)
    try:
        yield
    finally:
        subprocess.run(["nft", "delete", "table", "inet", "faults"], check=True, timeout=10)


@contextlib.contextmanager
def hosts(*lines):
    """More lines in /etc/hosts."""
    with open("/etc/hosts", encoding="utf-8") as file:
        before = file.read()
    write_file("/etc/hosts", before + "".join(line + "\n" for line in lines))
    try:
        yield
    finally:
        write_file("/etc/hosts", before)
