"""The recipe of README.md for the cache, done as it stands there: its commands, its settings, the session lines.

Through the whole of Debian's stacks with the machine's own sshd, sudo and login, so that the order of the lines, what
pam_loginuid really begins, and sudo's own time stamp are seen as an administrator meets them.
"""

import base64
import contextlib
import json
import os
import re
import subprocess
import time

import pytest
from docs import sources
from rig import login, network, pam, ssh, sudo
from rig.sshd import MachineSshd

from system.house import CODE_QUESTION, RUN, SETTINGS

SUDOERS = "/etc/sudoers.d/00-otp"
PROMPT = r"\$ "
NO_SESSION = "4294967295"
BOUND = 30


def fence(heading, start):
    """The first fence of that section of the README that begins so."""
    section = sources.between(sources.read("README.md"), f"\n## {heading}\n", "\n## ")
    found = [text for text in sources.find(r"^```sh\n(.*?)^```", section, flags=re.M | re.S) if text.startswith(start)]
    assert len(found) == 1
    return found[0]


def set_in_readme(text):
    """What the README has one set, `key = value`; it must stand there in these words."""
    assert f"`{text}`" in sources.read("README.md")
    with open(SETTINGS, "a", encoding="ascii") as file:
        file.write(text + "\n")


@pytest.fixture
def cache(recipe):
    """The machine after the first three steps; the house."""
    sudo.allow(*(f"{name} ALL=(ALL:ALL) ALL" for name in ("alice", "bob")))
    subprocess.run("rm -rf /run/sudo/ts", shell=True, check=True, timeout=BOUND)
    steps = fence("The cache", "# 1. The settings")
    subprocess.run(["bash", "-e", "-c", steps], check=True, timeout=BOUND, cwd="/")
    subprocess.run(["visudo", "-cq"], check=True, timeout=BOUND)
    yield recipe
    with contextlib.suppress(FileNotFoundError):
        os.unlink(SUDOERS)


def answer_with_the_code(house, person, account):
    """Type the code that was mailed before the question was shown."""
    person.expect(CODE_QUESTION)
    person.line(house.cognito.last_code(f"{account.name}@example.com"))


@contextlib.contextmanager
def logged_in(house, server, account, *options):
    """A shell of the account over ssh, by key and one mailed code."""
    before = len(house.cognito.outbox())
    with ssh.terminal(server, account.name, key=account.give_key(), options=options) as person:
        answer_with_the_code(house, person, account)
        person.expect(PROMPT)
        assert len(house.cognito.outbox()) == before + 1
        yield person


def leave(person):
    """Log out, and wait until the connection is over."""
    person.line("exit")
    assert person.wait() == 0


def sudo_asks_nothing(house, person, *arguments):
    """In without a question or a mail."""
    before = house.counts()
    person.line(" ".join(("sudo", *arguments, "id", "-un")))
    person.expect(r"^root\r\n" + PROMPT)
    assert house.counts() == before


def sudo_asks(house, person, account):
    """A code is asked for, and one mail goes out for it."""
    before = len(house.cognito.outbox())
    person.line("sudo id -un")
    answer_with_the_code(house, person, account)
    person.expect(r"^root\r\n" + PROMPT)
    assert len(house.cognito.outbox()) == before + 1


def ways(house):
    """Of each acceptance so far: the service, and what let him in."""
    lines = house.log.lines("event=accepted")
    return [(re.search(r" service=(\S+)", line)[1], (re.findall(r" by=(\w+)", line) or ["code"])[0]) for line in lines]


def records():
    """The files of records, their numbers left out."""
    return sorted(re.sub(r"-\d.*", "", name) for name in os.listdir(RUN) if re.match("cache-(?!begun-)", name))


def wait_records(expected):
    """Wait until these are there and no other: sshd closes the session after the client has gone."""
    deadline = time.monotonic() + BOUND
    while records() != expected:
        assert time.monotonic() < deadline, records()
        time.sleep(0.05)


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_ssh_then_sudo(cache):
    """One mail for the login and every sudo in it, each sudo in the log; after logout nothing is left."""
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        sudo_asks_nothing(cache, person)
        sudo_asks_nothing(cache, person)
        sudo_asks_nothing(cache, person, "-i")
        assert ways(cache) == [("sshd", "code"), ("sudo", "cache"), ("sudo", "cache"), ("sudo-i", "cache")]
        wait_records(["cache-session"])
        leave(person)
        wait_records([])
    assert len(cache.cognito.outbox()) == 1


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_another_login_is_another_session(cache):
    """bob's record is not alice's, and her second login does not live from the first."""
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as first:
        with logged_in(cache, server, cache.bob) as other:
            sudo_asks_nothing(cache, other)
            wait_records(["cache-session", "cache-session"])
            leave(other)
        wait_records(["cache-session"])
        sudo_asks_nothing(cache, first)
        leave(first)


@pytest.mark.recipe("login", "sudo", "sessions")
def test_console_then_sudo(cache):
    """The same at the console."""
    with login.terminal("alice") as person:
        person.answer(CODE_QUESTION, cache.cognito.last_code())
        person.expect(PROMPT)
        sudo_asks_nothing(cache, person)
        leave(person)
    assert ways(cache) == [("login", "code"), ("sudo", "cache")]
    wait_records([])


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_without_a_session_nothing_is_kept(cache):
    """Without pam_loginuid there is no session, as the table of the README says, and every sudo asks."""
    assert NO_SESSION in sources.read("README.md")
    shipped = pam.read("sshd")
    pam.stack("sshd", "\n".join(line for line in shipped.splitlines() if "pam_loginuid" not in line))
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        person.line("cat /proc/self/sessionid; echo")
        person.expect(rf"^{NO_SESSION}\r\n" + PROMPT)
        sudo_asks(cache, person, cache.alice)
        sudo_asks(cache, person, cache.alice)
        leave(person)
    assert ways(cache) == [("sshd", "code"), ("sudo", "code"), ("sudo", "code")]


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_the_order_of_the_lines_counts(cache):
    """Our line before pam_loginuid binds nothing, and then the session is nobody's: every sudo asks."""
    lines = pam.read("sshd").splitlines()
    ours = [line for line in lines if line.startswith("session") and "pam_cognito_otp" in line]
    rest = [line for line in lines if line not in ours]
    pam.stack("sshd", "\n".join(ours + rest))
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        sudo_asks(cache, person, cache.alice)
        sudo_asks(cache, person, cache.alice)
        leave(person)


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo")
def test_without_our_session_line(cache):
    """Nothing says that the session is one login: every sudo asks."""
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        sudo_asks(cache, person, cache.alice)
        sudo_asks(cache, person, cache.alice)
        leave(person)
    assert ways(cache) == [("sshd", "code"), ("sudo", "code"), ("sudo", "code")]


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_while_the_service_is_down(cache):
    """A record still lets its owner use sudo; with cache_check = online it does not."""
    with MachineSshd() as server:
        with logged_in(cache, server, cache.alice) as person:
            with network.cut(cache.cognito.https_port):
                sudo_asks_nothing(cache, person)
            leave(person)
        set_in_readme("cache_check = online")
        with logged_in(cache, server, cache.alice) as person:
            with network.cut(cache.cognito.https_port):
                person.line("sudo id -un")
                person.expect(r"incorrect password attempts\r\n" + PROMPT, timeout=60)
                assert cache.log.lines(r"event=cache_not_used reason=net_")
                assert set(cache.reasons()[-3:]) <= {"net_connect", "net_timeout"}
            person.line("sudo id -un")
            person.expect(r"^root\r\n" + PROMPT)
            assert ways(cache)[-1] == ("sudo", "renewal"), "the record did not outlast the outage"
            assert len(cache.cognito.outbox()) == 2
            leave(person)


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_no_terminal_is_needed(cache):
    """Any program of the session can use the record, as the README warns; after logout none can, nor is mailed."""
    done = "/tmp/otp-outlived"
    script = f"while [ ! -e {done} ]; do sleep 0.1; done; sudo id -un > {done}.said 2>&1; echo $? > {done}.status"
    with contextlib.suppress(FileNotFoundError):
        os.unlink(done)
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        person.line("setsid -w sudo id -un < /dev/null 2>&1 | cat")
        person.expect(r"^root\r\n" + PROMPT)
        person.line(f"nohup setsid sh -c '{script}' < /dev/null > /dev/null 2>&1 &")
        person.expect(PROMPT)
        leave(person)
        wait_records([])
    with open(done, "w", encoding="ascii"):
        pass
    deadline = time.monotonic() + BOUND
    while not os.path.exists(done + ".status"):
        assert time.monotonic() < deadline, "sudo hangs"
        time.sleep(0.05)
    time.sleep(0.1)
    with open(done + ".status", encoding="ascii") as file:
        assert file.read() == "1\n"
    assert len(cache.cognito.outbox()) == 1


def tmux(command):
    """A command to alice's own tmux."""
    return f"tmux -L otp {command}"


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_tmux_outlives_the_record(cache):
    """What the table says of it: logout ends the session; each sudo in there asks."""
    with MachineSshd() as server:
        with logged_in(cache, server, cache.alice) as person:
            person.line(tmux("new-session -d -x 150 -y 40") + " && echo begun")
            person.expect(r"^begun\r\n" + PROMPT)
            leave(person)
        wait_records([])
        with logged_in(cache, server, cache.alice) as person:
            sudo_asks_nothing(cache, person)
            before = len(cache.cognito.outbox())
            person.line(tmux("send-keys 'sudo id -un' Enter") + "; sleep 1; " + tmux("capture-pane -p"))
            person.expect("Code mailed to")
            assert len(cache.cognito.outbox()) == before + 1
            code = cache.cognito.last_code()
            for step in (f"send-keys {code} Enter", "send-keys 'sudo id -gn' Enter", "kill-server"):
                person.line(tmux(step) + "; sleep 1")
                person.expect(PROMPT)
            leave(person)
    assert ways(cache)[-1] == ("sudo", "code")
    assert len(cache.cognito.outbox()) == before + 2


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_settings_that_change_end_it(cache):
    """`debug = yes` on the way: the README says to log in again first."""
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        sudo_asks_nothing(cache, person)
        set_in_readme("debug = yes")
        sudo_asks(cache, person, cache.alice)
        said = sources.find(r"`(no use of the cache)`", sources.read("README.md"))[0]
        assert cache.log.lines(said), "the log does not say why"
        sudo_asks_nothing(cache, person)
        leave(person)


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_sudos_own_time_stamp(cache):
    """Without step 2 sudo does not even ask us for 15 minutes; sudo -k ends that, and not the record."""
    os.unlink(SUDOERS)
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        subprocess.run(["cognito-otp", "cache", "purge"], check=True, capture_output=True, timeout=30)
        sudo_asks(cache, person, cache.alice)
        sudo_asks_nothing(cache, person)
        assert ways(cache)[1:] == [("sudo", "code")]
        person.line("sudo -k")
        person.expect(PROMPT)
        sudo_asks_nothing(cache, person)
        assert ways(cache)[1:] == [("sudo", "code"), ("sudo", "cache")]
        leave(person)


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_ssh_by_the_key_for_a_while(cache):
    """With sshd among the services: the same key alone, also for programs; sudo in there asks; another key does not."""
    set_in_readme("cache_services = sudo sudo-i sshd")
    with MachineSshd() as server:
        with logged_in(cache, server, cache.alice) as person:
            sudo_asks_nothing(cache, person)
            leave(person)
        for _ in range(2):
            run = ssh.batch(server, "alice", "id -un", key=cache.alice.key, options=["BatchMode=no"])
            assert (run.returncode, run.stdout) == (0, "alice\n"), run.stderr
        with ssh.terminal(server, "alice", key=cache.alice.key) as person:
            person.expect(PROMPT)
            sudo_asks(cache, person, cache.alice)
            leave(person)
        nobody = ssh.batch(server, "alice", "id -un", methods="keyboard-interactive")
        assert nobody.returncode == 255
    assert [way for service, way in ways(cache) if service == "sshd"] == ["code", "cache", "cache", "cache"]


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_purge(cache):
    """The command of the table ends it at once, for alice and not for bob; without a name for all."""
    form = r"\*\*end it now\*\* \| `sudo (.*?)`; everybody's: `sudo (.*?)`"
    command, all_of_them = sources.find(form, sources.read("README.md"))[0]
    with (
        MachineSshd() as server,
        logged_in(cache, server, cache.alice) as first,
        logged_in(cache, server, cache.bob) as other,
    ):
        subprocess.run(command.split(), check=True, timeout=BOUND, stdout=subprocess.DEVNULL)
        sudo_asks_nothing(cache, other)
        sudo_asks(cache, first, cache.alice)
        sudo_asks_nothing(cache, first)
        subprocess.run(all_of_them.split(), check=True, timeout=BOUND, stdout=subprocess.DEVNULL)
        assert records() == []
        sudo_asks(cache, other, cache.bob)
        leave(other)
        leave(first)


def claims(token):
    """What an ID token says; nobody's signature is looked at here."""
    part = token.split(".")[1]
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


@pytest.mark.recipe("sshd", "sshd-config-key-code", "sudo", "sessions")
def test_aws_in_the_shell(cache):
    """The variable names a file of hers with what the trust policy of the README wants; it is gone at logout."""
    set_in_readme("session_tokens = yes")
    policy = json.loads(sources.between(fence("The cache", "aws iam"), "<<'END'\n", "\nEND"))
    wanted = policy["Statement"][0]["Condition"]["StringEquals"]
    (export,) = re.findall("^export .*", fence("The cache", "# in alice's session"), re.M)
    with MachineSshd() as server, logged_in(cache, server, cache.alice) as person:
        person.line(export)
        person.expect(PROMPT)
        person.line("stat -c '%U %a' $AWS_WEB_IDENTITY_TOKEN_FILE; echo path=$AWS_WEB_IDENTITY_TOKEN_FILE")
        person.expect(r"^alice 400\r\n")
        path = person.expect(r"^path=(\S+)\r\n")[1]
        with open(path, encoding="ascii") as file:
            said = claims(file.read())
        provider = said["iss"].removeprefix("https://")
        names = {name.rsplit(":", 1)[1]: name.rsplit(":", 1)[0] for name in wanted}
        assert set(names) == {"aud", "sub"} and len(set(names.values())) == 1
        pools = [re.sub(r"\w+-\w+-\d(_\w+)?", "ID", name) for name in (provider, names["aud"])]
        assert pools[0] == pools[1], "the provider is not what the tokens have as their issuer"
        assert policy["Statement"][0]["Principal"]["Federated"].endswith(":oidc-provider/" + names["aud"])
        assert (said["token_use"], isinstance(said["aud"], str), isinstance(said["sub"], str)) == ("id", True, True)
        leave(person)
        deadline = time.monotonic() + BOUND
        while os.path.exists(path):
            assert time.monotonic() < deadline, "the token is still there"
            time.sleep(0.05)
