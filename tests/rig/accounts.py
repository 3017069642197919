"""Users and groups of the rig, written straight into passwd, shadow and group.

Rules: only inside the rig; a name is written once, a second call returns the account that is there; user ids of people
begin at 7001, so that they are nobody's on the machine.
"""

import grp
import os
import pwd
import subprocess
import tempfile

from rig import require

FIRST_UID = 7001
PASSWORD = "rig-password"
# openssl passwd -6 -salt rigrigrig rig-password
PASSWORD_HASH = "$6$rigrigrig$E1oREQD8DDUrdk.VVX.M6X/fnnfC73w1HPlgpuROzgo0.JL8fmtGUeHk2oPf6lTOu7f2PyTBlwXlqsIqpC1LS0"
LOCKED = "!"


def hash_of(password):
    """Return a shadow hash of the password."""
    if password is None:
        return LOCKED
    if password == PASSWORD:
        return PASSWORD_HASH
    command = ["openssl", "passwd", "-6", "-stdin"]
    run = subprocess.run(command, input=password, capture_output=True, text=True, check=True, timeout=10)
    return run.stdout.strip()


def set_password(name, password):
    """Give an account that is there this password; None locks it."""
    require()
    with open("/etc/shadow", encoding="utf-8") as file:
        rows = [line.split(":") for line in file.read().splitlines()]
    for row in rows:
        if row[0] == name:
            row[1] = hash_of(password)
    with open("/etc/shadow", "w", encoding="utf-8") as file:
        file.writelines(":".join(row) + "\n" for row in rows)


def append(path, line):
    """Add one line to a file of the rig's /etc."""
    require()
    with open(path, "a", encoding="utf-8") as file:
        file.write(line + "\n")


def free_id():
    """Return the first unused number for a user or group."""
    used = {entry.pw_uid for entry in pwd.getpwall()} | {entry.gr_gid for entry in grp.getgrall()}
    number = FIRST_UID
    while number in used:
        number += 1
    return number


def add_group(name, members=(), gid=None):
    """Create the group if it is missing and make it have these members too; return its id."""
    require()
    try:
        entry = grp.getgrnam(name)
    except KeyError:
        gid = free_id() if gid is None else gid
        append("/etc/group", f"{name}:x:{gid}:{','.join(members)}")
        return gid
    join_group(name, [member for member in members if member not in entry.gr_mem])
    return entry.gr_gid


def join_group(name, members):
    """Add members to an existing group."""
    if not members:
        return
    with open("/etc/group", encoding="utf-8") as file:
        lines = file.read().splitlines()
    for number, line in enumerate(lines):
        if line.startswith(name + ":"):
            lines[number] = line + ("" if line.endswith(":") else ",") + ",".join(members)
    with open("/etc/group", "w", encoding="utf-8") as file:
        file.write("\n".join(lines) + "\n")


class Account:
    """A user of the rig: name, uid, gid, home; key is the path of his private ssh key once he has one."""

    def __init__(self, name):
        entry = pwd.getpwnam(name)
        self.name, self.uid, self.gid, self.home = entry.pw_name, entry.pw_uid, entry.pw_gid, entry.pw_dir

    @property
    def groups(self):
        """The numbers of all his groups."""
        return os.getgrouplist(self.name, self.gid)

    @property
    def key(self):
        """The path of his private ssh key, which need not exist yet."""
        return os.path.join(self.home, ".ssh", "id_ed25519")

    def give_key(self):
        """Make an ssh key pair for him that his own account accepts; return the private key's path."""
        folder = os.path.join(self.home, ".ssh")
        os.makedirs(folder, mode=0o700, exist_ok=True)
        if not os.path.exists(self.key):
            make_key(self.key)
        with open(self.key + ".pub", encoding="ascii") as public:
            line = public.read()
        with open(os.path.join(folder, "authorized_keys"), "w", encoding="ascii") as authorized:
            authorized.write(line)
        for name in os.listdir(folder):
            os.chown(os.path.join(folder, name), self.uid, self.gid)
        os.chown(folder, self.uid, self.gid)
        return self.key


def make_key(path):
    """Write a new ed25519 key pair to path and path.pub."""
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "rig", "-f", path]
    subprocess.run(command, check=True, timeout=20, stdin=subprocess.DEVNULL)


def add_user(name, *, uid=None, groups=(), password=None, shell="/bin/sh", home=None, gecos=""):
    """Create the user if he is missing, with a group of his own; password None locks it. Return the Account."""
    require()
    try:
        pwd.getpwnam(name)
    except KeyError:
        uid = free_id() if uid is None else uid
        home = home or f"/home/{name}"
        append("/etc/passwd", f"{name}:x:{uid}:{uid}:{gecos}:{home}:{shell}")
        append("/etc/shadow", f"{name}:{hash_of(password)}:19000:0:99999:7:::")
        append("/etc/group", f"{name}:x:{uid}:")
        os.makedirs(home, exist_ok=True)
        os.chmod(home, 0o755)
        os.chown(home, uid, uid)
    for group in groups:
        add_group(group, [name])
    return Account(name)


def add_people(*names, **settings):
    """Create several users alike; return their Accounts in the order of the names."""
    return [add_user(name, **settings) for name in names]


def temporary_folder(prefix="rig-"):
    """Return a new directory that everybody may enter and only root may write."""
    require()
    folder = tempfile.mkdtemp(prefix=prefix, dir="/run")
    os.chmod(folder, 0o755)
    return folder
