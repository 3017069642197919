"""cognito-otp: what an administrator is shown of open codes and budgets, and what he can make the machine forget."""

import os
import re
import stat
import subprocess
import time

import pytest
from driver.people import console, enter_code, key_holder, other_local, sign_in, stranger
from mock_cognito.defaults import SECRET
from rig import accounts

from system.house import RUN, SETTINGS, write_file
from system.test_state_files import contents, leave_open

BOUND = 10
LINE = re.compile(r"(?P<kind>code|mails) {2,3}(?P<facts>.*)")
FACT = re.compile(r'(\w+)=(?:"([^"]*)"|(\S*))')
UNKNOWN = "no-such-person"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short steps."""
    house.settings(deadline="4s", connect_timeout="2s")


def tool(*arguments, status=0, uid=0):
    """Run it; what it wrote to standard output, or to standard error when it is to fail with this status."""
    run = subprocess.run(["/usr/sbin/cognito-otp", *arguments], capture_output=True, text=True, timeout=BOUND,
                         check=False, stdin=subprocess.DEVNULL, user=uid, env={"PATH": "/usr/bin"}, cwd="/")
    assert run.returncode == status, run
    said, silent = (run.stdout, run.stderr) if status == 0 else (run.stderr, run.stdout)
    assert silent == "" and said.endswith("\n"), run
    return said


def facts_in(said, kind):
    """The lines of this kind as dictionaries."""
    found = [LINE.fullmatch(line) for line in said.splitlines() if line != "no code is open"]
    assert all(found), said
    return [{name: quoted or plain for name, quoted, plain in FACT.findall(line["facts"])}
            for line in found if line["kind"] == kind]


def budgets_in(said):
    """{(budget, window): used} of the lines about mails."""
    return {(line["budget"], line["window"]): line["used"] for line in facts_in(said, "mails")}


def secrets_of(house):
    """What must never be shown: codes, Sessions, the client's secret, keys."""
    found = [mail["code"] for mail in house.cognito.outbox()] + [SECRET, "AAAAC3Nza"]
    sessions = []
    for name in os.listdir(RUN):
        if name.startswith("challenge-"):
            sessions += re.findall(rb"[A-Za-z0-9+/=_-]{100,}", contents(os.path.join(RUN, name)))
    assert len(sessions) >= len(house.cognito.outbox())
    return found + [session.decode()[:40] for session in sessions]


def test_state(house):
    """Every open code with its owner, place, age, tries and masked address, and every budget; no secret."""
    with console() as call:
        call.prompt()
        call.answer("00000000")
        assert call.prompt() is not None
    leave_open(house, key_holder())
    leave_open(house, other_local("bob"), first=True)
    for name in ("dave", UNKNOWN):
        with stranger(name) as call:
            call.prompt()
            call.answer("y")
            assert call.prompt() is not None
    said = tool("state")
    codes = {(line["user"], line["origin"]): line for line in facts_in(said, "code")}
    assert set(codes) == {("alice", "console"), ("alice", "key"), ("bob", f"uid:{house.mallory.uid}"),
                          ("dave", "ip:203.0.113.9"), ("-", "ip:203.0.113.9")}
    assert [line["tries_left"] for line in codes.values()].count("3/3") == 4
    first = codes["alice", "console"]
    assert (first["cognito"], first["tries_left"], first["state"], first["mailed"]) == (
        "alice@example.com", "2/3", "open", "a***@e***")
    assert all(re.fullmatch(r"[0-9]s", line["age"]) for line in codes.values())
    refused = codes["dave", "ip:203.0.113.9"]
    assert (refused["mailed"], refused["reason"]) == ("no", "user_unmapped")
    assert codes["-", "ip:203.0.113.9"]["reason"] == "user_unknown" and UNKNOWN not in said
    assert budgets_in(said) == {("mail_budget_host", "3600s"): "3/60", ("mail_budget_host(unproved)", "3600s"): "1/30"}
    assert not [secret for secret in secrets_of(house) if secret in said]
    rows.append(("state", f"{len(codes)} codes, {len(budgets_in(said))} budgets, no secret"))
    rows.extend(("  " + line[:60], line[60:]) for line in said.splitlines())


def test_state_of_one(house):
    """One user: his codes alone, his own budgets and the host's; looking changes nothing."""
    leave_open(house, console())
    code = leave_open(house, console("bob"))
    leave_open(house, other_local("bob"), first=True)
    said = tool("state", "bob")
    assert [(line["user"], line["origin"]) for line in facts_in(said, "code")].count(("bob", "console")) == 1
    assert len(facts_in(said, "code")) == 2 and "alice" not in said
    assert budgets_in(said) == {
        ("mail_budget", "900s"): "1/5", ("mail_budget", "86400s"): "1/20",
        ("mail_budget_unproved", "900s"): "1/3", ("mail_budget_unproved", "86400s"): "1/10",
        ("mail_budget(as_caller)", "900s"): "0/5", ("mail_budget(as_caller)", "86400s"): "0/20",
        ("mail_budget_host", "3600s"): "3/60", ("mail_budget_host(unproved)", "3600s"): "1/30"}
    assert budgets_in(tool("state", "mallory"))["mail_budget(as_caller)", "900s"] == "1/5"
    before = {name: contents(os.path.join(RUN, name)) for name in os.listdir(RUN)}
    assert tool("state", "bob").count("\n") == said.count("\n")
    assert {name: contents(os.path.join(RUN, name)) for name in os.listdir(RUN)} == before
    with console("bob") as call:
        assert "ago is still good" in call.prompt()
        call.answer(code)
        assert call.result() == "PAM_SUCCESS"
    assert len(facts_in(tool("state", "bob"), "code")) == 1


def test_words_for_what_is_over(house):
    """Spent tries, an expired code, a budget that is spent, and when it is free again."""
    house.settings(deadline="4s", connect_timeout="2s", challenge_ttl="10s", mail_budget="1/10m")
    start = time.monotonic()
    leave_open(house, console("bob"))
    with console() as call:
        for _ in range(3):
            call.prompt()
            call.answer("00000000")
        assert call.result() == "PAM_MAXTRIES"
    said = tool("state", "alice")
    (line,) = facts_in(said, "code")
    assert (line["state"], line["tries_left"]) == ("tries spent", "0/3")
    (budget,) = [line for line in facts_in(said, "mails") if line["budget"] == "mail_budget"]
    assert budget["used"] == "1/1" and 590 <= int(budget["next_in"].rstrip("s")) <= 601
    time.sleep(max(0.0, 10.2 - (time.monotonic() - start)))
    assert facts_in(tool("state", "bob"), "code")[0]["state"] == "expired"


def test_nothing_yet(house):
    """Before the first login: nothing is open and nothing spent; the directory is made as a login would."""
    said = tool("state")
    assert said.startswith("no code is open\n") and set(budgets_in(said).values()) == {"0/60", "0/30"}
    state = os.lstat(RUN)
    assert (stat.S_IMODE(state.st_mode), state.st_uid) == (0o700, 0)
    assert tool("reset", "alice") == "alice: codes removed: 0, budgets reset: 0\n"


def test_reset(house):
    """The spent budget is free at once, a code that still waits at a prompt is told to be over; others keep theirs."""
    house.settings(deadline="4s", connect_timeout="2s", mail_budget="1/h", mail_budget_host="60/h")
    other = leave_open(house, console("bob"))
    with console() as waiting:
        waiting.prompt()
        code = house.cognito.last_code(count=2)
        with key_holder() as call:
            assert call.result() == "PAM_MAXTRIES"
        assert house.outcome()["reason"] == "mail_budget"
        said = tool("reset", "alice")
        assert said == "alice: codes removed: 1, budgets reset: 1\n"
        waiting.answer(code)
        assert waiting.prompt() == "That code is no longer valid; r mails a new one. Code (r = new one): "
        assert house.counts().get("RespondToAuthChallenge") is None
        with key_holder() as call:
            enter_code(house, call)
            assert call.result() == "PAM_SUCCESS"
        waiting.answer("r")
        assert waiting.result() == "PAM_MAXTRIES"       # this mail would be the second in an hour again
    assert budgets_in(tool("state", "bob"))["mail_budget", "3600s"] == "1/1"
    assert budgets_in(tool("state"))["mail_budget_host", "3600s"] == "3/60"     # the host's is nobody's to forget
    with console("bob") as call:
        assert "ago is still good" in call.prompt()
        call.answer(other)
        assert call.result() == "PAM_SUCCESS"
    rows.append(("reset of a spent budget of 1/h", said.strip() + "; mailed at once; the waiting prompt is told"))


def test_reset_forgets_every_place(house):
    """All his codes, from wherever, and his budgets of all three kinds; those of people whose uid begins alike stay."""
    accounts.add_user("long", uid=house.mallory.uid * 10)
    house.cognito.user("long@example.com")
    house.cognito.user("mallory@example.com")
    house.user_map("mallory email:mallory@example.com", "long email:long@example.com", "bob email:bob@example.com")
    for name in ("mallory", "long"):
        leave_open(house, console(name))
        leave_open(house, key_holder(name))
        leave_open(house, stranger(name), first=True)
    leave_open(house, other_local("bob"), first=True)
    assert tool("reset", "mallory") == "mallory: codes removed: 3, budgets reset: 3\n"
    assert tool("state", "mallory").startswith("no code is open\n")
    assert not [used for (name, _), used in budgets_in(tool("state", "mallory")).items()
                if "host" not in name and not used.startswith("0/")]
    assert len(facts_in(tool("state", "long"), "code")) == 3
    assert budgets_in(tool("state", "long"))["mail_budget", "900s"] == "2/5"
    assert tool("reset", "dave") == "dave: codes removed: 0, budgets reset: 0\n"      # unmapped, but an account


def test_reset_host(house):
    """The host's budget, and the strangers' half of it, are free at once; what users have spent stays spent."""
    house.settings(deadline="4s", connect_timeout="2s", mail_budget_host="2/h", mail_budget="1/h")
    leave_open(house, other_local("bob"), first=True)
    code = leave_open(house, console())
    with console("carol") as call:
        assert call.result() == "PAM_MAXTRIES"
    assert "mail_budget_host" in house.log.wait_for("reason=mail_budget .*").group()
    said = tool("reset-host")
    assert said == "host: budgets reset: 2\n"
    assert sign_in(house, "carol")["authenticate"] == "PAM_SUCCESS"
    with key_holder() as call:
        assert call.result() == "PAM_MAXTRIES"      # alice's own
    with console() as call:
        assert "ago is still good" in call.prompt()
        call.answer(code)
        assert call.result() == "PAM_SUCCESS"
    assert budgets_in(tool("state"))["mail_budget_host", "3600s"] == "1/2"
    rows.append(("reset-host, of 2/h", said.strip()))


@pytest.mark.parametrize("arguments", [
    ("reset-host", "alice"), (), ("states",), ("reset",), ("state", "alice", "bob"), ("reset", "alice", "bob"),
    ("--nothing",), ("-c",), ("state", "-x", "y"), ("--config",), ("",), ("reset", "", ""),
], ids=" ".join)
def test_wrong_usage(house, arguments):
    """Status 2 and how it is called; nothing is looked at."""
    said = tool(*arguments, status=2)
    assert "       cognito-otp [--config FILE] state [USER]\n       cognito-otp [--config FILE] reset USER\n" in said
    assert not os.path.exists(RUN) and house.untouched()


def test_help_and_version(house):
    """On standard output, with status 0, for everybody."""
    for uid in (0, house.mallory.uid):
        assert tool("--help", uid=uid).startswith("Usage: cognito-otp ")
        assert re.fullmatch(r"cognito-otp \d+\.\d+\.\d+\n", tool("--version", uid=uid))


@pytest.mark.parametrize("arguments", [("state",), ("state", "mallory"), ("reset", "mallory"), ("check",), ("config",),
                                       ("map", "mallory"), ("login", "mallory")], ids=" ".join)
def test_not_root(house, arguments):
    """Nobody but root, also not about himself; settings and map are not even opened for him."""
    leave_open(house, console())
    before = sorted(os.listdir(RUN))
    said = tool(*arguments, status=1, uid=house.mallory.uid)
    assert said == "cognito-otp: only root can see and change what decides who gets in\n"
    assert sorted(os.listdir(RUN)) == before


@pytest.mark.parametrize("verb", ["state", "reset"])
def test_unknown_user(house, verb):
    """A name that is no account is not an empty answer."""
    said = tool(verb, UNKNOWN, status=1)
    assert said == f"cognito-otp: {UNKNOWN}: no such local account (user_unknown)\n"
    assert "user_unknown" in tool(verb, "", status=1)


@pytest.mark.parametrize("verb", [("state",), ("state", "alice"), ("reset", "alice")], ids=" ".join)
def test_broken_settings(house, verb):
    """The same words as in the module's log line, with file and line."""
    house.settings(challenge_ttl="1s")
    with console() as call:
        assert call.result() == "PAM_SERVICE_ERR"
    logged = house.log.wait_for(r'reason=config_value .*detail="([^"]*)"').group(1)
    said = tool(*verb, status=1)
    assert logged.startswith(SETTINGS) and logged in said and "(config_value)" in said
    house.settings(user_map="/etc/security/none")
    if len(verb) > 1:
        assert "/etc/security/none" in tool(*verb, status=1)
    rows.append((" ".join(verb) + ", broken settings", said.strip()))


def test_other_settings_file(house):
    """--config before the verb, as the module's config= argument."""
    leave_open(house, console())
    with open(SETTINGS, encoding="utf-8") as file:
        good = file.read()
    write_file("/etc/security/other.conf", good + "mail_budget = 7/h\n")
    house.settings(challenge_ttl="1s")
    said = tool("--config", "/etc/security/other.conf", "state", "alice")
    assert budgets_in(said)["mail_budget", "3600s"] == "1/7"
    assert tool("--config=/etc/security/other.conf", "reset", "alice") == "alice: codes removed: 1, budgets reset: 1\n"
    for path, reason in (("/etc/security/nothing.conf", "config_open"), ("other.conf", "config_value|config_open"),
                         ("/" + "x" * 2000, "config_open")):
        assert re.search(rf"\(({reason})\)\n$", tool("--config", path, "state", status=1))
    os.chmod("/etc/security/other.conf", 0o666)
    assert "(config_unsafe)" in tool("--config", "/etc/security/other.conf", "state", status=1)


@pytest.mark.parametrize("mode", [0o755, 0o777])
def test_unsafe_directory(house, mode):
    """Neither believed nor emptied."""
    leave_open(house, console())
    before = sorted(os.listdir(RUN))
    os.chmod(RUN, mode)
    for verb in (("state",), ("state", "alice"), ("reset", "alice")):
        said = tool(*verb, status=1)
        assert RUN in said and said.endswith("(state_unsafe)\n")
    assert sorted(os.listdir(RUN)) == before
    rows.append((f"state, directory {mode:04o}", said.strip()))


def test_rubbish_is_not_shown(house):
    """Damaged files are set aside as by a login, with a warning in the log; the rest is shown; reset removes all."""
    leave_open(house, console())
    leave_open(house, key_holder())
    names = sorted(name for name in os.listdir(RUN) if name.startswith("challenge-"))
    os.truncate(os.path.join(RUN, names[0]), 100)
    assert len(facts_in(tool("state", "alice"), "code")) == 1
    house.log.wait_for("warning cognito-otp.*event=state_discarded")
    assert not os.path.exists(os.path.join(RUN, names[0]))
    os.unlink(os.path.join(RUN, names[1]))
    os.mkfifo(os.path.join(RUN, names[1]), 0o600)
    assert tool("reset", "alice").startswith("alice: codes removed: 1, ")
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"


def test_output_that_cannot_be_written(house):
    """A full disk behind standard output is a failure."""
    with open("/dev/full", "w", encoding="ascii") as full:
        run = subprocess.run(["cognito-otp", "state"], stdout=full, stderr=subprocess.PIPE, timeout=BOUND, check=False)
    assert run.returncode == 1
    assert house.untouched()


def test_environment_has_no_say(house, tmp_path):
    """Neither where TLS keys go, nor what OpenSSL loads, nor which authorities or proxies are believed."""
    keys = tmp_path / "keys"
    settings = tmp_path / "openssl.cnf"
    settings.write_text("config_diagnostics = 1\nopenssl_conf = a\n[a]\nproviders = b\n[b]\nc = d\n[d]\n"
                        f"module = {tmp_path}/none.so\nactivate = 1\n")
    hostile = {"SSLKEYLOGFILE": str(keys), "OPENSSL_CONF": str(settings), "https_proxy": "http://127.0.0.1:1",
               "SSL_CERT_FILE": "/dev/null"}
    run = subprocess.run(["/usr/sbin/cognito-otp", "check"], capture_output=True, text=True, timeout=60, check=False,
                         stdin=subprocess.DEVNULL, env={"PATH": "/usr/bin", **hostile}, cwd="/")
    assert "ok       client: " in run.stdout, run
    assert not keys.exists()
