"""The stacks of the manual for sshd: the machine's own sshd_config and /etc/pam.d/sshd, edited as the text says.

Every login goes through the whole of Debian's stack, so that what jumps and ends in `auth` do to setcred and to the
session is seen as well: a session whose setcred fails is closed before its command has run.
"""

import contextlib
import shlex
import subprocess

import pytest
from rig import accounts, network, pam, ssh
from rig.sshd import MachineSshd, Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION

IN_MAILS = {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
# What Ansible gives ssh; rsync and git in scripts have BatchMode alone.
ANSIBLE = (
    "KbdInteractiveAuthentication=no",
    "PreferredAuthentications=gssapi-with-mic,gssapi-keyex,hostbased,publickey",
    "PasswordAuthentication=no",
)
BATCH = ("BatchMode=yes",)


def with_key_and_code(house, server, account, *options):
    """In with the key and one mailed code; exactly one mail."""
    before = len(house.cognito.outbox())
    with ssh.terminal(server, account.name, "id -un", key=account.give_key(), options=options) as person:
        person.expect(rf"Code mailed to {account.name[0]}\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        person.line(house.cognito.last_code(f"{account.name}@example.com"))
        person.expect(f"^{account.name}\r\n")
        assert person.wait() == 0
    assert len(house.cognito.outbox()) == before + 1


def in_with_key_alone(house, server, account, *options):
    """In without a question and without a mail, for a program as well as for a person."""
    before = house.counts()
    for settings in ((), BATCH, ANSIBLE):
        run = ssh.batch(server, account.name, "id -un", key=account.give_key(), options=[*settings, *options])
        assert (run.returncode, run.stdout) == (0, account.name + "\n"), (settings, run.stderr)
    assert house.counts() == before


def out_with_key_alone(house, server, account, *options):
    """A client that has nothing but the key is refused, and nothing is mailed."""
    before = house.counts()
    run = ssh.batch(server, account.name, "id -un", key=account.give_key(), options=[*BATCH, *options])
    assert (run.returncode, run.stdout) == (255, ""), run.stderr
    assert house.counts() == before


def out_without_key(house, server, account):
    """Nobody comes as far as a question without the key: the module is not even called."""
    before = (house.counts(), house.outcomes())
    run = ssh.batch(server, account.name, "id -un", methods="keyboard-interactive")
    assert (run.returncode, run.stdout) == (255, ""), run.stderr
    assert (house.counts(), house.outcomes()) == before


@pytest.mark.recipe("sshd", "sshd-config-key-code")
def test_key_and_code(recipe):
    """Both are needed: neither opens the door alone; a shell as well as a command."""
    with MachineSshd() as server:
        out_with_key_alone(recipe, server, recipe.alice)
        out_without_key(recipe, server, recipe.alice)
        assert recipe.untouched()
        with ssh.terminal(server, "alice", key=recipe.alice.key) as person:
            person.answer(CODE_QUESTION, recipe.cognito.last_code())
            person.expect(r"\$ ")
            person.line("id -un; exit 3")
            person.expect("^alice\r\n")
            assert person.wait() == 3
        assert recipe.counts() == IN_MAILS
        refused = ssh.batch(server, "dave", "id -un", key=recipe.dave.give_key())
        assert refused.returncode == 255, "who is not in the map gets in"
        assert recipe.counts() == IN_MAILS


@pytest.mark.recipe("sshd", "sshd-config-code")
def test_code_alone(recipe):
    """No key is asked for; the mail leaves after y only."""
    with MachineSshd() as server:
        out_with_key_alone(recipe, server, recipe.alice)
        with ssh.terminal(server, "alice", "id -un") as person:
            person.expect(FIRST_QUESTION)
            assert recipe.untouched()
            person.line("y")
            person.answer(CODE_QUESTION, recipe.cognito.last_code())
            person.expect("^alice\r\n")
            assert person.wait() == 0
        assert recipe.counts() == IN_MAILS


@contextlib.contextmanager
def known_network():
    """An address of the network that the manual's example names, on this machine."""
    address = ["192.0.2.7/32", "dev", "lo"]
    subprocess.run(["ip", "address", "add", *address], check=True, timeout=10)
    try:
        yield "BindAddress=192.0.2.7"
    finally:
        subprocess.run(["ip", "address", "del", *address], check=True, timeout=10)


@pytest.mark.recipe("sshd", "sshd-config-bastion")
def test_bastion(recipe):
    """jump: key and code; automation: the key from the known network, both from elsewhere; others and root: nothing."""
    erin = accounts.add_user("erin")
    accounts.add_group("jump", ["alice", "erin"])
    accounts.add_group("automation", ["bob", "erin"])
    root = accounts.Account("root")
    with known_network() as source, MachineSshd() as server:
        out_with_key_alone(recipe, server, recipe.alice)
        out_with_key_alone(recipe, server, recipe.alice, source)
        for account in (recipe.bob, erin):
            in_with_key_alone(recipe, server, account, source)
            out_with_key_alone(recipe, server, account)
        for account in (recipe.carol, root):
            out_with_key_alone(recipe, server, account)
            out_with_key_alone(recipe, server, account, source)
            nobody = ssh.batch(server, account.name, "id -un", key=account.give_key())
            assert nobody.returncode == 255
        assert recipe.untouched()
        with_key_and_code(recipe, server, recipe.alice)
        with_key_and_code(recipe, server, recipe.bob)
    assert recipe.reasons() == ["verified", "verified"]


@pytest.mark.recipe("sshd", "sshd-config-bastion")
def test_through_the_bastion(recipe):
    """ssh -J: one code at the bastion, and the other host with its own rules."""
    accounts.add_group("jump", ["alice"])
    pam.lines("rig-inner", auth="required pam_deny.so")
    key = recipe.alice.give_key()
    with MachineSshd() as bastion, Sshd("rig-inner", options={"AuthenticationMethods": "publickey"}) as inner:
        hop = ssh.command(bastion, "alice", key=key, flags=["-W", f"127.0.0.1:{inner.port}"])
        through = [f"ProxyCommand={shlex.join(hop)}"]
        with ssh.terminal(inner, "alice", "id -un", key=key, methods="publickey", options=through) as person:
            person.answer(CODE_QUESTION, recipe.cognito.last_code())
            person.expect("^alice\r\n")
            assert person.wait() == 0
    assert recipe.counts() == IN_MAILS


def first_few(house):
    """alice needs both, bob his key alone; a code alone is no way in for him."""
    with MachineSshd() as server:
        out_with_key_alone(house, server, house.alice)
        in_with_key_alone(house, server, house.bob)
        in_with_key_alone(house, server, house.dave)
        for account in (house.alice, house.bob, house.dave):
            out_without_key(house, server, account)
        assert house.untouched()
        with_key_and_code(house, server, house.alice)


@pytest.mark.recipe("sshd", "sshd-config-one-user")
def test_one_user(recipe):
    """The first step of the roll-out."""
    first_few(recipe)


@pytest.mark.recipe("sshd", "sshd-config-group")
def test_group(recipe):
    """The second step."""
    accounts.add_group("otp", ["alice"])
    first_few(recipe)


@pytest.mark.recipe("sshd", "sshd-config-all")
def test_all(recipe):
    """The last step: everybody needs both, but automation."""
    accounts.add_group("automation", ["bob"])
    with MachineSshd() as server:
        in_with_key_alone(recipe, server, recipe.bob)
        for account in (recipe.alice, recipe.carol, recipe.dave):
            out_with_key_alone(recipe, server, account)
            out_without_key(recipe, server, account)
        assert recipe.untouched()
        with_key_and_code(recipe, server, recipe.alice)
        with_key_and_code(recipe, server, recipe.carol)


@pytest.mark.recipe("sshd-exempt", "sshd-config-key-code")
def test_exempt(recipe):
    """An exception in PAM: no question for people, no way in for programs; if it breaks, no exception."""
    accounts.add_group("no-code", ["dave"])
    with MachineSshd() as server:
        run = ssh.batch(server, "dave", "id -un", key=recipe.dave.give_key())
        assert (run.returncode, run.stdout) == (0, "dave\n"), run.stderr
        out_with_key_alone(recipe, server, recipe.dave)
        out_without_key(recipe, server, recipe.dave)
        assert (recipe.untouched(), recipe.outcomes()) == (True, [])
        with_key_and_code(recipe, server, recipe.alice)
        pam.stack("sshd", pam.read("sshd").replace("pam_succeed_if.so", "pam_missing.so"))
        run = ssh.batch(server, "dave", "id -un", key=recipe.dave.key)
        assert (run.returncode, run.stdout) == (255, ""), "a broken exception lets people in"
        assert "user_unmapped" in recipe.reasons()


@pytest.mark.recipe("unmapped-permit", "sshd-config-key-code")
def test_unmapped_with_the_key_alone(recipe):
    """Who is not in the map needs no code; who is needs one, the network being there or not."""
    recipe.settings(unmapped="ignore")
    with MachineSshd() as server:
        run = ssh.batch(server, "dave", "id -un", key=recipe.dave.give_key())
        assert (run.returncode, run.stdout) == (0, "dave\n"), run.stderr
        assert recipe.untouched()
        out_without_key(recipe, server, recipe.dave)
        with network.cut(recipe.cognito.https_port):
            run = ssh.batch(server, "alice", "id -un", key=recipe.alice.give_key(), timeout=60)
            assert (run.returncode, run.stdout) == (255, "")
        with_key_and_code(recipe, server, recipe.alice)


@pytest.mark.recipe("password-then-code", "sshd-config-code")
def test_password_then_code(recipe, passwords):
    """Without the password nothing is mailed; after it the code is still needed."""
    with MachineSshd() as server:
        with ssh.terminal(server, "alice", "id -un") as person:
            for _ in range(3):
                person.answer("Password: ", "not-the-password")
            person.expect("Permission denied")
        assert recipe.untouched()
        with ssh.terminal(server, "alice", "id -un") as person:
            person.answer("Password: ", accounts.PASSWORD)
            person.answer(FIRST_QUESTION, "y")
            person.answer(CODE_QUESTION, recipe.cognito.last_code())
            person.expect("^alice\r\n")
            assert person.wait() == 0
    assert recipe.counts() == IN_MAILS
