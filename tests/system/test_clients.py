"""rsync, scp, sftp, git and many channels over ssh, on a host with key and code: byte for byte, and one mail.

Each client runs on a terminal, as a person starts it, and through an open connection (ControlMaster), where nothing is
asked any more. The last part is about programs without a person: refused at once, nothing mailed where nobody asked.
"""

import contextlib
import filecmp
import os
import shlex
import subprocess

import pytest
from rig import accounts, ssh
from rig.pty import Terminal
from rig.sshd import MachineSshd

from system.house import CODE_QUESTION

ONE_LOGIN = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
ENVIRONMENT = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "TERM": "dumb"}
SIZE = 3 * 1024 * 1024 + 17
BATCH = ("BatchMode=yes",)
QUICK = 20  # seconds; no hang: a hang would be sshd's LoginGraceTime, or for ever
TRANSFERS = ("scp there", "scp back", "sftp there", "sftp back", "rsync there", "rsync back", "git push", "git clone")
pytestmark = pytest.mark.recipe("sshd", "sshd-config-key-code")


@pytest.fixture
def server(recipe):
    """The machine's sshd with the stack of the manual; alice has a key."""
    recipe.alice.give_key()
    with MachineSshd() as running:
        yield running


class Files:
    """A file of all bytes on this side, the same file and a repository on alice's; what a transfer made is compared."""

    def __init__(self, house, folder):
        self.alice = house.alice
        self.here = os.path.join(folder, "sent")
        self.back = os.path.join(folder, "back")
        self.there = os.path.join(folder, "there")
        with open(self.here, "wb") as file:
            file.write((bytes(range(256)) * (SIZE // 256 + 1))[:SIZE - 32] + os.urandom(32))
        os.mkdir(self.there)
        with open(self.here, "rb") as source, open(f"{self.there}/stored", "wb") as copy:
            copy.write(source.read())
        self.repository = f"{folder}/work"
        for command in (
            f"git init -q -b main {self.repository}",
            f"cp {self.here} {self.repository}/content",
            f"git -C {self.repository} add content",
            f"git -C {self.repository} -c user.name=rig -c user.email=rig@localhost commit -q -m content",
            f"git clone -q --bare {self.repository} {self.there}/stored.git",
            f"git init -q --bare -b main {self.there}/empty.git",
            f"chown -R {self.alice.uid}:{self.alice.gid} {self.there}",
        ):
            subprocess.run(command.split(), check=True, timeout=30, env=ENVIRONMENT)

    def command(self, server, transfer, options=()):
        """The command line of a transfer, what is typed into sftp, and the path that it must make."""
        program, way = transfer.split()
        stored, made = f"{self.there}/stored", f"{self.there}/made"
        base = ssh.command(server, "alice", key=self.alice.key, options=options)
        remote = "alice@127.0.0.1:"
        if program in ("scp", "sftp"):
            line = ssh.command(server, "alice", key=self.alice.key, options=options, binary=program)
            if program == "sftp":
                words = f"put {self.here} {made}" if way == "there" else f"get {stored} {self.back}"
                return [*line, "alice@127.0.0.1"], words, made if way == "there" else self.back
            ends = [self.here, remote + made] if way == "there" else [remote + stored, self.back]
            return line + ends, None, ends[1].replace(remote, "")
        shell = shlex.join(base[:-3])  # without -l alice 127.0.0.1
        if program == "rsync":
            ends = [self.here, remote + made] if way == "there" else [remote + stored, self.back]
            return ["rsync", "-e", shell, *ends], None, ends[1].replace(remote, "")
        git = ["env", f"GIT_SSH_COMMAND={shell}", "git"]
        if way == "push":
            return [*git, "-C", self.repository, "push", "-q", f"{remote}{self.there}/empty.git", "main"], None, None
        return [*git, "clone", "-q", f"{remote}{self.there}/stored.git", self.back], None, f"{self.back}/content"

    def check(self, made):
        """The bytes have arrived; of a push, the commit."""
        if made is not None:
            assert filecmp.cmp(self.here, made, shallow=False)
            return
        heads = [
            subprocess.run(
                ["git", "-c", "safe.directory=*", "--git-dir", path, "rev-parse", "main"],
                capture_output=True, text=True, check=True, timeout=20, env=ENVIRONMENT,
            ).stdout
            for path in (f"{self.repository}/.git", f"{self.there}/empty.git")
        ]
        assert heads[0] == heads[1]


@pytest.fixture
def files(recipe):
    """Files for one test."""
    return Files(recipe, accounts.temporary_folder("rig-files-"))


@contextlib.contextmanager
def open_connection(house, server):
    """alice's connection in the background, opened with one code as README.md says; give the option to use it."""
    through = f"ControlPath={accounts.temporary_folder('rig-control-')}/%C"

    def line(*flags):
        return ssh.command(server, "alice", key=house.alice.key, flags=flags, options=[through])

    with Terminal(["sh", "-c", shlex.join(line("-fNM")) + " && echo opened"]) as person:
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect("^opened\r\n")
        assert person.wait() == 0
    try:
        yield through
    finally:
        subprocess.run(line("-O", "exit"), check=True, capture_output=True, timeout=QUICK)


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_on_a_terminal(recipe, server, files, transfer):
    """One question, one mail, and the same bytes on the other side."""
    line, words, made = files.command(server, transfer)
    with Terminal(line, env=ENVIRONMENT) as person:
        person.answer(CODE_QUESTION, recipe.cognito.last_code())
        if words:
            person.answer("sftp> ", words)
            person.answer("sftp> ", "bye", timeout=60)
        assert person.wait(60) == 0, person.transcript
    files.check(made)
    assert recipe.counts() == ONE_LOGIN


def test_channels_of_one_connection(recipe, server, files):
    """One code opens it; all transfers, and eight commands at once, go through it without a question or a mail."""
    with open_connection(recipe, server) as through:
        several_commands(server, files, through)
        for transfer in TRANSFERS:
            line, words, made = files.command(server, transfer, [through, *BATCH])
            run = subprocess.run(
                line, input=f"{words}\nbye\n" if words else "", capture_output=True, text=True, env=ENVIRONMENT,
                timeout=60, start_new_session=True, check=False,
            )
            assert run.returncode == 0, (transfer, run.stderr)
            files.check(made)
            subprocess.run(["rm", "-rf", files.back, f"{files.there}/made"], check=True, timeout=20)
    assert recipe.counts() == ONE_LOGIN


def several_commands(server, files, through):
    """Eight channels at once, each carrying the whole file back unchanged."""
    line = ssh.command(server, "alice", "cat", key=files.alice.key, options=[through, *BATCH])
    with contextlib.ExitStack() as stack:
        channels = []
        for number in range(8):
            stdin = stack.enter_context(open(files.here, "rb"))
            stdout = stack.enter_context(open(f"{files.there}/channel-{number}", "wb"))
            process = subprocess.Popen(line, stdin=stdin, stdout=stdout, env=ENVIRONMENT, start_new_session=True)
            channels.append(stack.enter_context(process))
        assert [process.wait(60) for process in channels] == [0] * 8
    for number in range(8):
        files.check(f"{files.there}/channel-{number}")


# --- nobody there ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("transfer", TRANSFERS)
def test_without_a_person(recipe, server, files, transfer):
    """With BatchMode a transfer is refused at once, with ssh's one line; nothing is mailed, and no bytes come."""
    line, words, made = files.command(server, transfer, BATCH)
    run = subprocess.run(
        line, input=f"{words}\n" if words else "", capture_output=True, text=True, env=ENVIRONMENT, timeout=QUICK,
        start_new_session=True, check=False,
    )
    assert run.returncode != 0
    assert "Permission denied (keyboard-interactive)" in run.stderr
    assert made is None or not os.path.exists(made)
    assert recipe.untouched() and recipe.outcomes() == []


def run_without_a_terminal(server, *options, key=None):
    """ssh with nobody to ask; return its CompletedProcess, in time."""
    return ssh.batch(server, "alice", "id -un", key=key, options=options, timeout=QUICK)


@pytest.mark.recipe("sshd", "sshd-config-code")
def test_code_alone_without_a_terminal(recipe, server):
    """Neither BatchMode nor three empty answers have a mail sent, and both end by themselves."""
    for options in ((), BATCH):
        run = run_without_a_terminal(server, *options)
        assert (run.returncode, run.stdout) == (255, "")
        assert "Permission denied" in run.stderr
    assert recipe.untouched()
    assert set(recipe.reasons()) == {"no_answer"}


def test_key_and_code_without_a_terminal(recipe, server):
    """With a key and without BatchMode, ssh asks for the code, and has nobody to answer: one mail, an end in time."""
    run = run_without_a_terminal(server, key=recipe.alice.key)
    assert (run.returncode, run.stdout) == (255, "")
    assert recipe.counts()["mails"] == 1
    assert set(recipe.reasons()) == {"no_answer"}
