"""Many at once, and those who hang up, guess, kill or flood: how much mail and how many tries that buys them.

Duty: the numbers; each test counts at the service what went out, and prints a line of a table. And that none of it
stands in the way of the person whose account it is.
"""

import concurrent.futures
import contextlib
import os
import re
import signal
import subprocess
import time

import pytest
from driver.people import enter_code, key_holder, stranger
from rig import login, ssh, su, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION, RUN, helpers, wait_helpers

QUICK = {"deadline": "4s", "connect_timeout": "2s"}
QUESTION = "Code (r = new one): "
WRONG = "00000000"
FILES_MAX = 512     # challenges of callers who have proved nothing; those who write at the same moment all see room
AT_ONCE = 30
PATIENCE = 120      # of one among hundreds on a small machine
TOOL = "/usr/sbin/cognito-otp"
PLAIN = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root"}


def count(what, **numbers):
    """One line of the table."""
    print(f"\n{what:58}" + "  ".join(f"{name.replace('_', ' ')} {number}" for name, number in numbers.items()), end="")


@contextlib.contextmanager
def crowd(people):
    """All these calls or terminals, ended at the end."""
    with contextlib.ExitStack() as stack:
        yield [stack.enter_context(person) for person in people]


def requests(house, operation):
    """How many of them reached the service."""
    return len(house.cognito.requests(operation))


def ask(call):
    """Have a code mailed, as a stranger or not; return the question for it, or None."""
    prompt = call.prompt(PATIENCE)
    if prompt is not None and not prompt.endswith(QUESTION):
        call.answer("y")
        prompt = call.prompt(PATIENCE)
    return prompt


def strangers_files():
    """The names of the open challenges of callers who have proved nothing."""
    return [name for name in os.listdir(RUN) if name.startswith("challenge-") and "-unproved-" in name]


def test_dropped_connections(house):
    """200 clients at the first question hang up at the same time: nothing leaves, and no helper stays."""
    with Sshd("rig-sshd", options={"LogLevel": "INFO"}) as server:
        with crowd(ssh.terminal(server, "alice", "true") for _ in range(200)) as people:
            for person in people:
                person.expect(FIRST_QUESTION, PATIENCE)
            asking = len(helpers())
            for person in people:
                os.kill(person.pid, signal.SIGKILL)
            wait_helpers(0, PATIENCE)
    count("200 connections dropped at the first question", helpers_then=asking, mails=len(house.cognito.outbox()),
          requests=len(house.cognito.requests()), helpers_now=len(helpers()))
    assert asking == 200
    assert house.untouched()


def test_password_guesses(house, password_program):
    """500 passwords by ten clients: none reaches the service, as they are no answers to what is asked."""
    options = {"PasswordAuthentication": "yes", "MaxAuthTries": "600", "LogLevel": "VERBOSE"}
    with Sshd("rig-sshd", options=options) as server, concurrent.futures.ThreadPoolExecutor(10) as pool:
        guesses = [pool.submit(
            ssh.batch, server, "alice", "true", methods="password", answer=password_program, timeout=300,
            options=["NumberOfPasswordPrompts=50"]) for _ in range(10)]
        assert [guess.result().returncode for guess in guesses] == [255] * 10
        tried = len(re.findall("Failed password for alice", server.log()))
    count("500 passwords guessed", refused=tried, mails=len(house.cognito.outbox()),
          requests=len(house.cognito.requests()))
    assert tried == 500
    assert set(house.reasons()) == {"no_conversation"}
    assert house.untouched()


def test_su_without_a_terminal(house):
    """All accounts again and again, from a cron job: no mail for anybody."""
    who = {"user": house.mallory.uid, "group": house.mallory.gid, "extra_groups": house.mallory.groups}

    def try_su(name):
        return subprocess.run(
            ["su", "-c", "true", name], stdin=subprocess.DEVNULL, capture_output=True, env=PLAIN, cwd="/",
            timeout=60, start_new_session=True, check=False, **who).returncode

    targets = ("alice", "bob", "carol", "dave", "root", "nosuch") * 8
    with concurrent.futures.ThreadPoolExecutor(12) as pool:
        codes = list(pool.map(try_su, targets))
    count("48 x su NAME </dev/null", refused=codes.count(1), mails=len(house.cognito.outbox()),
          requests=len(house.cognito.requests()))
    assert codes == [1] * len(targets)
    assert house.untouched()


def su_at_terminals(house, *names):
    """mallory's su for these accounts at once: y, and wrong codes until it is over, so that no code stays open."""
    with crowd(su.terminal(house.mallory, name, "id -un") for name in names) as people:
        for person in people:
            person.answer(FIRST_QUESTION, "y")
        for _ in range(3):
            for person in people:
                person.answer(CODE_QUESTION, WRONG)
        for person in people:
            assert person.wait() == 1


def test_su_at_a_terminal(house):
    """mallory answers y for one account after the other: each account's budget bounds her, and hers all of them."""
    house.settings(**QUICK, mail_budget="3/15m", mail_budget_unproved="1/15m")
    house.user_map(*(f"{name} email:{name}@example.com" for name in ("alice", "bob", "carol", "dave")))
    house.cognito.user("dave@example.com")
    su_at_terminals(house, "alice", "bob")
    su_at_terminals(house, "alice", "bob", "carol", "dave")
    mails = [mail["username"].split("@")[0] for mail in house.cognito.outbox()]
    count("6 x su NAME with y, budgets 3 (hers) and 1 (each's)", mails=len(mails),
          most_of_one=max(map(mails.count, mails)))
    assert len(set(mails)) == len(mails) == 3
    spent = house.log.lines("event=mail_budget_spent")
    assert len([line for line in spent if "mail_budget_unproved of this account" in line]) == 2
    assert len([line for line in spent if "mail_budget of the calling uid" in line]) == 1


@pytest.mark.parametrize(
    ("who", "make", "mails"),
    [
        ("50 x y from 50 addresses at once", lambda number: stranger(rhost=f"198.51.100.{number}"), 3),
        ("50 x y from one address at once", lambda number: stranger(), 1),
        ("50 logins with one key at once", lambda number: key_holder(), 1),
    ],
)
def test_at_once(house, who, make, mails):
    """However many ask at the same time, the mails are as many as the budget allows, and one for one origin."""
    house.cognito.fault("InitiateAuth", times=None, delay=1.5)  # so that all come before the first has his code
    with crowd(make(number) for number in range(50)) as calls, concurrent.futures.ThreadPoolExecutor(50) as pool:
        prompts = list(pool.map(ask, calls))
        sent = len(house.cognito.outbox())
        assert all(prompt is not None and prompt.endswith(QUESTION) for prompt in prompts)
        resumed = sum(prompt.endswith(" ago is still good. " + QUESTION) for prompt in prompts)
        count(who, mails=sent, asked_for_the_code=len(prompts), with_the_code_of_another=resumed)
        assert sent == mails == requests(house, "InitiateAuth")
        assert resumed == (49 if mails == 1 else 0)
        if mails == 1:
            calls[-1].answer(house.cognito.last_code())
            assert calls[-1].result() == "PAM_SUCCESS"


def give_wrong(call):
    """Wrong codes until this call is over; return PAM's code."""
    while True:
        call.answer(WRONG)
        if call.prompt(PATIENCE) is None:
            return call.result()


def test_wrong_codes_at_once(house):
    """64 processes with one open code: three tries leave this machine, and then the right code is refused as well."""
    house.settings(deadline="20s")
    with crowd(stranger() for _ in range(65)) as calls, concurrent.futures.ThreadPoolExecutor(65) as pool:
        assert all(prompt.endswith(QUESTION) for prompt in pool.map(ask, calls))
        assert len(house.cognito.outbox()) == 1
        *guessing, late = calls
        codes = list(pool.map(give_wrong, guessing))
        tries = requests(house, "RespondToAuthChallenge")
        late.answer(house.cognito.last_code())
        assert late.prompt() is None
        refused = [outcome["reason"] for outcome in house.wait_outcomes(65)]
    count("64 wrong codes for one open code at once", tries_sent=tries,
          tries_exhausted=refused.count("tries_exhausted"))
    assert tries == 3 == requests(house, "RespondToAuthChallenge")
    assert [*codes, late.result()] == ["PAM_MAXTRIES"] * 65
    assert refused == ["tries_exhausted"] * 65


def tries_left(name):
    """What the administrator's tool says of the user's open code, or of the one that is spent."""
    shown = subprocess.run([TOOL, "state", name], capture_output=True, text=True, timeout=20, check=True).stdout
    (line,) = [line for line in shown.splitlines() if line.startswith("code ")]
    return re.search(r"tries_left=(\d+/\d+)", line)[1]


def kill_at_the_answer(house, number, hold):
    """Type a wrong code; kill the calling program and its helper as soon as the service has it, or holds its answer."""
    house.cognito.clear_faults()
    if hold:
        house.cognito.fault("RespondToAuthChallenge", delay=30)
    with key_holder() as call:
        assert call.prompt().endswith(QUESTION)
        (helper,) = wait_helpers(1)
        call.answer(WRONG)
        house.cognito.wait_requests("RespondToAuthChallenge", number)
        for process in (helper, call.pid):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process, signal.SIGKILL)
        wait_helpers(0)


def test_killed_right_after_wrong(house):
    """SIGKILL of both processes 20 times, over two codes: each time a try is gone, and 21 are not to be had."""
    house.settings(max_tries=10)
    shown = []
    for number in range(1, 21):
        kill_at_the_answer(house, number, hold=number % 2)
        shown.append(tries_left("alice"))
    mails = len(house.cognito.outbox())
    count("killed 20 times at \"wrong\", 2 codes of 10 tries", tries_gone=requests(house, "RespondToAuthChallenge"),
          mails=mails)
    assert shown == [f"{left}/10" for left in range(9, -1, -1)] * 2
    assert mails == 2
    with key_holder() as call:
        assert call.prompt().startswith("Code mailed to a***@e***. "), "after 20 wrong codes there is none to resume"
    assert requests(house, "RespondToAuthChallenge") == 20


def flood(number):
    """One name that nobody has, from an address of its own, that wants a code; return the files there were then."""
    with stranger(f"nobody{number}", rhost=f"10.1.{number // 200}.{number % 200}") as call:
        assert ask(call) == "If this account may sign in, a code was mailed. " + QUESTION
        return len(strangers_files())


def test_flood_of_names(house):
    """600 names and addresses: the run directory stays small, and an owner's open code survives them."""
    house.settings(**QUICK)
    with key_holder() as owner:
        assert owner.prompt().startswith("Code mailed to a***@e***. ")
    with concurrent.futures.ThreadPoolExecutor(AT_ONCE) as pool:
        most = max(pool.map(flood, range(600)))
    left = len(strangers_files())
    count("600 unknown names from 600 addresses with y", most_files=most, files_left=left,
          mails=len(house.cognito.outbox()))
    assert FILES_MAX <= most <= FILES_MAX + AT_ONCE and left <= most
    with key_holder() as owner:
        enter_code(house, owner)
        assert owner.result() == "PAM_SUCCESS"
    assert len(house.cognito.outbox()) == 1 == requests(house, "InitiateAuth")


def test_too_many_files_become_few_again(house):
    """More strangers' files than there may be, as many writing at once can leave: each next one takes 64 away."""
    house.settings(**QUICK)
    with stranger("nobody") as call:
        ask(call)
    for number in range(FILES_MAX + 30):
        with open(f"{RUN}/challenge-none-unproved-{number:032x}", "wb"):
            pass
    with stranger("nobody2") as call:
        ask(call)
    assert len(strangers_files()) <= FILES_MAX


def pester(house, name):
    """Three wrong codes for the account from one address, and wishes from others until no mail goes out any more."""
    with stranger(name, rhost="198.51.100.1") as call:
        assert ask(call) is not None
        assert give_wrong(call) == "PAM_MAXTRIES"
    for number in range(2, 6):
        with stranger(name, rhost=f"198.51.100.{number}") as call:
            ask(call)
    assert len(house.cognito.outbox(f"{name}@example.com")) == 1 + 3, "the owner's, and the budget of strangers"


def pester_all(house, names):
    """The same for all of them at once."""
    with concurrent.futures.ThreadPoolExecutor(len(names)) as pool:
        list(pool.map(lambda name: pester(house, name), names))


@pytest.fixture(name="owners")
def fixture_owners(house):
    """alice after her key, bob in sudo and carol at the console, each at the prompt with a code in the mail."""
    house.settings(**QUICK, resend_after="10s")
    sudo.allow("bob ALL=(ALL:ALL) ALL")
    house.alice.give_key()
    with Sshd("rig-sshd", options={"AuthenticationMethods": "publickey,keyboard-interactive:pam"}) as server, \
            ssh.terminal(server, "alice", "id -un", key=house.alice.key) as one, \
            sudo.terminal(house.bob, "echo", "bob") as two, login.terminal("carol") as three:
        people = {"alice": one, "bob": two, "carol": three}
        for person in people.values():
            person.expect(r"Code mailed to .\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        yield people


def let_in(house, people, codes):
    """The codes are typed, and each is in."""
    for name, person in people.items():
        person.line(codes[name])
    for name in ("alice", "bob"):
        people[name].expect(f"^{name}\r\n")
    people["carol"].expect(r"\$ ")
    callers = {outcome["user"]: outcome["caller"] for outcome in house.outcomes() if outcome["reason"] == "verified"}
    assert callers == {"alice": "key", "bob": "own", "carol": "console"}


def codes_of(house, people):
    """The newest code of each."""
    return {name: house.cognito.last_code(username=f"{name}@example.com") for name in people}


def test_owner_gets_in_whatever_a_stranger_does(house, owners):
    """Wrong codes and a drained budget from elsewhere: the code that the owner has lets him in."""
    codes = codes_of(house, owners)
    pester_all(house, owners)
    let_in(house, owners, codes)


def test_owner_gets_a_new_code_whatever_a_stranger_does(house, owners):
    """The same, and he may have another one by r."""
    mailed = time.monotonic()
    pester_all(house, owners)
    time.sleep(max(0, mailed + 10.1 - time.monotonic()))
    for person in owners.values():
        person.line("r")
        person.expect(r"New code mailed; only the newest counts\. " + CODE_QUESTION)
    assert len(house.cognito.outbox()) == 3 * 5
    let_in(house, owners, codes_of(house, owners))
