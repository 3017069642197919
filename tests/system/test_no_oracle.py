"""What somebody on the network can learn of an account by its name alone: nothing.

All names answer the same scripts side by side, through the real ssh, or su for local people, and what the clients
wrote to the terminal is compared byte for byte. Only the name itself, and seconds that depend on when a thing was
typed, are masked. Each script has an address of its own, so that it opens challenges of its own.
"""

import contextlib
import re
import time

import pytest
from driver.people import other_local, stranger
from mock_cognito.defaults import CLIENT, POOL
from rig import accounts, pam, ssh, su
from rig.pty import Ended
from rig.sshd import Sshd, free_port

QUESTION = r"(?:mailed|new one\)): "
NAME = re.compile(r"\b[a-z]+@127\.0\.0\.1")
SECONDS = re.compile(r"\b\d+ s\b")
FAST = {"deadline": "4s", "connect_timeout": "2s"}
RESEND_AFTER, SHORT_TTL = 30, 30  # more than the rounds of all visitors side by side take on a busy machine
PATIENCE = 60
ACCOUNT_BUDGET = 20
DROP, WAIT = object(), object()

MAILED = "If this account may sign in, a code was mailed."
STILL_GOOD = "If this account may sign in, the code mailed N s ago is still good."
TWO_LEFT, ONE_LEFT = "Wrong code, 2 tries left.", "Wrong code, 1 try left."
SPENT = "Too many wrong codes. Log in again."
NONE_OPEN = "No code is open here; y mails one."
NOTHING = "No code was entered."
EARLY = "Mailed N s ago; r works again in N s."
DIGITS = "Codes are digits only; no try used."
NEW_ONE = "New code mailed; only the newest counts."
EXPIRED = "That code has expired; r mails a new one."

THREE_WRONG, EXPIRING = "three wrong codes", "an expired code"

# The local name, its Cognito user ("" for none) and what the log says after three wrong codes.
CAST = {
    "alice": ("alice@example.com", "tries_exhausted"),
    "nosuch": ("", "user_unknown"),
    "dave": ("", "user_unmapped"),
    "bob": ("bob@example.com", "user_filtered"),
    "sysop": ("sysop@example.com", "user_system"),
    "root": ("root@example.com", "user_root"),
    "carol": ("carol@example.com", "refused_by_sshd"),
    "off": ("disabled@example.com", "account_disabled"),
    "ghost": ("ghost@example.com", "tries_exhausted"),  # the service plays him, as its client's settings say
    "gone": ("fault+notfound@example.com", "account_not_found"),
    "broke": ("broke@example.com", "mail_budget"),
    "slow": ("fault+throttled@example.com", "service_throttled"),
    "full": ("fault+maillimit@example.com", "service_throttled"),
    "locked": ("fault+lockout@example.com", "service_locked"),
}

# A step is (connection, answer); a connection opens at its first step, and an answer waits for its question.
SCRIPTS = {
    THREE_WRONG: [("a", "y"), ("a", "12345678"), ("a", "1234"), ("a", "98765432")],
    "dropped and taken up": [
        ("a", "y"), ("a", DROP), ("b", "12345678"), ("b", DROP), ("c", "y"), ("c", "12345678"), ("c", "87654321"),
        ("d", "12345678"), ("d", "y"), ("d", DROP),
    ],
    "no code at all": [
        *(("a", answer) for answer in ("12345678", "1234", "98765432", "", "ab", "", "12345678", "y", "r", "abc")),
        *(("a", answer) for answer in ("", "12345678", "", "12", "")),
    ],
    "new codes": [
        ("a", "y"), (None, WAIT), ("a", "r"), ("a", "12345678"), ("a", "r"), ("a", "1234"), ("a", "98765432"),
    ],
    EXPIRING: [
        ("a", "y"), (None, WAIT), ("a", "12345678"), ("a", "r"), ("a", "12345678"), ("a", DROP), ("b", "1234"),
        ("b", DROP),
    ],
    "two connections": [
        ("a", "y"), ("b", "y"), ("a", "12345678"), ("b", "1234"), ("a", "98765432"), ("b", "12345678"), ("b", DROP),
    ],
    # of an answer that sshd replaces only the length is known: what is no y, no r and no code must not show either
    "answers of any form": [
        ("a", "hello"), ("a", DROP), ("b", "n"), ("b", DROP), ("c", "yes"), ("c", DROP), ("d", "12345678901234567"),
        ("d", DROP), ("e", "y"), ("e", "hello"), ("e", DROP),
    ],
    "one letter": [("a", "r"), ("a", "x"), ("a", DROP), ("b", "y"), ("b", DROP)],
}


class Visitor:
    """One name that answers one script from one address, in as many connections as the script has."""

    def __init__(self, server, name, address, script):
        self.server, self.name, self.address, self.script = server, name, address, script
        self.connections = {}
        self.asked = set()  # connections whose question has been read and not answered
        self.ended = {}  # the exit status, or "dropped"

    def connection(self, label):
        """The ssh of that label, started when it is first asked for."""
        if label not in self.connections:
            options = [f"BindAddress={self.address}"]
            self.connections[label] = ssh.terminal(self.server, self.name, "id -un", options=options)
        return self.connections[label]

    def hear(self, label):
        """Wait for the next question, or for the end."""
        person = self.connection(label)
        if label in self.asked or label in self.ended:
            return
        try:
            person.expect(QUESTION, PATIENCE)
            self.asked.add(label)
        except Ended:
            self.ended[label] = person.wait()

    def step(self, label, answer):
        """Wait for the question and answer it. What a script has left when the connection ends is not answered."""
        self.hear(label)
        if label in self.ended:
            return
        self.asked.remove(label)
        if answer is DROP:
            self.ended[label] = "dropped"
            self.connections[label].close()
        else:
            self.connections[label].line(answer)

    def go_on(self):
        """Answer nothing on every connection that still asks; tell whether there was one."""
        left = [label for label in self.connections if label not in self.ended]
        for label in left:
            self.step(label, "")
        return bool(left)

    def seen(self):
        """What each connection showed, and its exit status."""
        return {label: (person.transcript, self.ended[label]) for label, person in self.connections.items()}

    def close(self):
        """End what is left."""
        for person in self.connections.values():
            person.close()


def masked(transcript):
    """What was shown without the name and without seconds, which depend on when the answer was given."""
    return SECONDS.sub("N s", NAME.sub("NAME@127.0.0.1", transcript))


def phases(script):
    """The steps of a script before and after its wait."""
    cut = script.index((None, WAIT)) if (None, WAIT) in script else len(script)
    return script[:cut], script[cut + 1:]


def visitors(servers, names, scripts):
    """One for each script, name and server; `servers` are those of a name, or of "" for all others."""
    return [
        Visitor(server, name, f"127.0.{place}.{list(SCRIPTS).index(script) + 1}", script)
        for script in scripts for name in names for place, server in enumerate(servers.get(name, servers[""]), 1)
    ]


def play(people):
    """Let all visitors answer side by side; return {script: {who: {connection: (text, status)}}}."""
    try:
        for start in (Visitor.connection, Visitor.hear):
            for visitor in people:
                start(visitor, "a")
        first_round = step_by_step({visitor: phases(SCRIPTS[visitor.script])[0] for visitor in people})
        rest = {visitor: phases(SCRIPTS[visitor.script])[1] for visitor in people}
        if any(rest.values()):
            time.sleep(max(0, first_round + RESEND_AFTER + 0.5 - time.monotonic()))
            step_by_step(rest)
        while any([visitor.go_on() for visitor in people]):
            pass
        shown = {}
        for visitor in people:
            shown.setdefault(visitor.script, {})[f"{visitor.name}/{visitor.address}"] = visitor.seen()
        return shown
    finally:
        for visitor in people:
            visitor.close()


def step_by_step(rows):
    """Take the steps of all visitors in rounds; return when the first round was over."""
    first = None
    for number in range(max(map(len, rows.values()))):
        for visitor, steps in rows.items():
            if number < len(steps):
                visitor.step(*steps[number])
        first = first or time.monotonic()
    return first


def prepare(house, **changes):
    """Settings, map and Cognito users of the whole cast; the budget of one of them is spent."""
    accounts.add_people(*(name for name in CAST if name not in ("nosuch", "sysop", "root")))
    accounts.add_user("sysop", uid=990)
    for _, (address, _) in CAST.items():
        if address and address != "ghost@example.com":
            house.cognito.user(address)
    house.user_map(*(f"{name} email:{address}" for name, (address, _) in CAST.items() if address))
    budgets = {"mail_budget_unproved": f"{ACCOUNT_BUDGET}/d", "mail_budget_host": "256/d"}
    house.settings(**{"users": "* !bob", "resend_after": f"{RESEND_AFTER}s", **FAST, **budgets, **changes})


def spend(user, count):
    """Have so many codes mailed to him, each for another address."""
    calls = [stranger(user, rhost=f"192.0.2.{number}") for number in range(count)]
    for call in calls:
        call.prompt()
        call.answer("y")
    for call in calls:
        with call:
            assert call.prompt().startswith("If this account may sign in, a code was mailed. ")


@pytest.fixture(scope="module")
def played(whole_house):
    """All scripts by all names: what was shown, what was logged, and what the service was asked."""
    house = whole_house
    house.fresh_settings()
    prepare(house)
    spend("broke", ACCOUNT_BUDGET)
    house.cognito.clear_outbox()
    house.log.clear()
    pam.lines("otp-test", **pam.module(f"challenge_ttl={SHORT_TTL}s"))
    kinds = {"DenyUsers": "carol", "LoginGraceTime": "600"}, {"PermitRootLogin": "no", "LoginGraceTime": "600"}
    with contextlib.ExitStack() as running:
        people = []
        for service, scripts in {"rig-sshd": set(SCRIPTS) - {EXPIRING}, "otp-test": {EXPIRING}}.items():
            server, strict = (running.enter_context(Sshd(service, options=options)) for options in kinds)
            people += visitors({"": [server], "root": [server, strict]}, CAST, sorted(scripts))
        shown = play(people)
    return {"shown": shown, "outcomes": house.outcomes(), "mails": house.cognito.outbox()}


def differences(shown):
    """Who did not see what alice saw, once name and seconds are masked."""
    alike = {
        who: {label: (masked(text), status) for label, (text, status) in connections.items()}
        for who, connections in shown.items()
    }
    real = alike[next(who for who in alike if who.startswith("alice/"))]
    return {who: seen for who, seen in alike.items() if seen != real}


@pytest.mark.parametrize("script", SCRIPTS)
def test_all_names_see_the_same(played, script):
    """Byte for byte, prompt by prompt and in the exit status, whatever the account is or is not."""
    shown = played["shown"][script]
    assert len(shown) == len(CAST) + 1
    assert differences(shown) == {}


def words(text):
    """What our module said, in its order: the words before each question, and the last words."""
    said = re.findall(r"(?:^|\) |\n)([A-Z][^:\r\n]*?\.) ?(?:(?:Sign-in c|C)ode[ ,]|\r)", masked(text))
    return [sentence for sentence in said if "denied" not in sentence]


def test_the_scripts_reach_what_they_are_for(played):
    """The control: these are the words that were compared, as the real account got them."""
    alice = {
        script: {label: words(text) for label, (text, _) in played["shown"][script][f"alice/127.0.1.{number}"].items()}
        for number, script in enumerate(SCRIPTS, 1)
    }
    assert alice == {
        THREE_WRONG: {"a": [MAILED, TWO_LEFT, ONE_LEFT, SPENT]},
        "dropped and taken up": {
            "a": [MAILED], "b": [TWO_LEFT], "c": [STILL_GOOD, ONE_LEFT, SPENT], "d": [NONE_OPEN, MAILED],
        },
        "no code at all": {"a": [
            NONE_OPEN, NONE_OPEN, NOTHING, NOTHING, NONE_OPEN, MAILED, EARLY, DIGITS, DIGITS, TWO_LEFT, DIGITS, DIGITS,
            NOTHING,
        ]},
        "new codes": {"a": [MAILED, NEW_ONE, TWO_LEFT, EARLY, ONE_LEFT, SPENT]},
        EXPIRING: {"a": [MAILED, EXPIRED, NEW_ONE, TWO_LEFT], "b": [ONE_LEFT]},
        "two connections": {"a": [MAILED, TWO_LEFT, SPENT], "b": [STILL_GOOD, ONE_LEFT, SPENT]},
        "answers of any form": {
            "a": [NONE_OPEN], "b": [MAILED], "c": [], "d": [TWO_LEFT], "e": [STILL_GOOD, ONE_LEFT],
        },
        "one letter": {"a": [MAILED, EARLY], "b": [STILL_GOOD]},
    }


def test_the_log_knows(played):
    """The administrator reads why each of them was refused, and the two got mail who have an account and a budget."""
    codes = {who["user"]: who["reason"] for who in played["outcomes"] if who["origin"] == "127.0.1.1"}
    expected = {name if name != "nosuch" else "-": reason for name, (_, reason) in CAST.items()}
    assert codes == expected
    mailed = {mail["username"] for mail in played["mails"]}
    assert mailed == {"alice@example.com", "fault+lockout@example.com"}


def test_seconds_that_are_told(played):
    """The seconds that were masked add up for everybody: since the mail, and until r works again."""
    text = "".join(
        text for shown in played["shown"].values() for seen in shown.values() for text, _ in seen.values()
    )
    early = re.findall(r"Mailed (\d+) s ago; r works again in (\d+) s\.", text)
    assert len(early) == 3 * (len(CAST) + 1)
    assert {int(since) + int(left) for since, left in early} == {RESEND_AFTER}


def test_with_the_default_deadline(house):
    """The same at the pace that is there by default, and when the service says plainly who is not there or disabled."""
    prepare(house, deadline=None, connect_timeout=None)
    house.cognito.client(CLIENT, prevent_user_existence_errors="LEGACY")
    house.cognito.pool(POOL, disabled_at="respond")
    spend("broke", ACCOUNT_BUDGET)
    house.log.clear()
    with Sshd("rig-sshd", options={"DenyUsers": "carol"}) as server:
        shown = play(visitors({"": [server]}, CAST, [THREE_WRONG]))[THREE_WRONG]
    assert differences(shown) == {}
    reasons = {outcome["user"]: outcome["reason"] for outcome in house.outcomes()}
    assert (reasons["ghost"], reasons["off"]) == ("account_not_found", "account_disabled")


def test_when_strangers_have_spent_their_half(house):
    """Once strangers may have nothing mailed on this host, the real account gets no mail and sees no difference."""
    prepare(house, mail_budget_host="40/d")
    spend("broke", ACCOUNT_BUDGET)
    names = ("alice", "dave", "nosuch")
    with Sshd("rig-sshd") as server:
        shown = play(visitors({"": [server]}, names, [THREE_WRONG]))[THREE_WRONG]
    assert differences(shown) == {}
    assert words(shown["alice/127.0.1.1"]["a"][0]) == [MAILED, TWO_LEFT, ONE_LEFT, SPENT]
    assert house.cognito.outbox("alice@example.com") == []
    assert house.log.lines("event=mail_budget_spent .*strangers' half of mail_budget_host is spent")


def play_su(caller, targets, answers):
    """su by the Account to all targets side by side; return {target: (status, transcript)}."""
    people = {name: su.terminal(caller, name, "id -un") for name in targets}
    try:
        for answer in answers:
            for person in people.values():
                person.answer(QUESTION, answer, PATIENCE)
        return {name: (person.wait(PATIENCE), masked(person.transcript)) for name, person in people.items()}
    finally:
        for person in people.values():
            person.close()


def test_su_to_others(house):
    """su of another local user: the same words and the same end, whatever the account that he asks for."""
    prepare(house, mail_budget="50/d")
    spend("broke", ACCOUNT_BUDGET)
    targets = [name for name in CAST if name != "nosuch"]  # su itself says that there is no such user
    ends = play_su(house.mallory, targets, ("y", "r", "ab", "12345678", "1234", "98765432"))
    assert {name: end for name, end in ends.items() if end != ends["alice"]} == {}
    assert ends["alice"][0] == 1
    assert words(ends["alice"][1]) == [MAILED, EARLY, DIGITS, TWO_LEFT, ONE_LEFT, SPENT]
    assert {outcome["caller"] for outcome in house.outcomes() if outcome["service"] == "su"} == {"local"}


def test_su_of_somebody_who_has_caused_his_mails(house):
    """Nor does he learn anything once the budget of his own uid is spent."""
    prepare(house, mail_budget="1/d")
    with other_local("locked") as call:
        call.prompt()
        call.answer("y")
        call.prompt()
    ends = play_su(house.mallory, ("alice", "dave"), ("y", "12345678", "1234", "98765432"))
    assert ends["alice"] == ends["dave"]
    assert words(ends["alice"][1]) == [MAILED, TWO_LEFT, ONE_LEFT, SPENT]
    assert house.of_user("alice@example.com") == []
    assert house.log.lines("event=mail_budget_spent .*mail_budget of the calling uid is spent")


def test_an_outage_is_told_to_the_real_account(house):
    """A documented gap: where nothing can be reached, somebody who could sign in hears so, and others do not."""
    prepare(house, endpoint=f"https://localhost:{free_port()}")
    with Sshd("rig-sshd") as server:
        shown = play(visitors({"": [server]}, ("alice", "dave"), [THREE_WRONG]))[THREE_WRONG]
    told = {who: words(seen["a"][0]) for who, seen in shown.items()}
    print(told)
    assert "Sign-in service not reachable; no code was sent." in told["alice/127.0.1.1"]
