"""How many mails may go out: for an account, for a local user, for this machine; who pays, and what he is told.

Duty: each budget alone with a short window, counted at the mailbox; what a spent one looks like to its owner and to a
stranger; that a stranger cannot spend what an owner needs; what is given back.
"""

import os
import re
import threading
import time

import pytest
from driver.driver import PamCall
from driver.people import console, enter_code, key_holder, other_local, own_account, stranger
from rig import accounts, pam, su, sudo
from rig.sshd import free_port

from system.house import CODE_QUESTION, FIRST_QUESTION, RUN, SECRET_FILE, SETTINGS, write_file

LONG_SETTINGS = "/etc/security/long.conf"
LONG_SERVICE = "otp-long"
QUESTION = "Code (r = new one): "
WAIT = r"Too many codes were mailed\. Try again in (1|15|16) min\."
QUICK = {"deadline": "4s", "connect_timeout": "2s"}
NOT_RESENT = "No new code can be mailed now; the one before still counts. "
RESENT = "New code mailed; only the newest counts. "
# A mail is paid for here and counted at the service, some time later; that time differs by less than this.
ON_THE_WAY = 0.5


def key(number):
    """The environment of somebody with his own, other key."""
    return {"environment": {"SSH_AUTH_INFO_0": f"publickey ssh-ed25519 AAAAkey{number}"}}


def address(number):
    """The argument of somebody at his own, other address."""
    return {"rhost": f"198.51.100.{number}"}


def ask(call):
    """Have a code mailed; return the question for it, or None where the call ends without one."""
    with call:
        prompt = call.prompt()
        if prompt is not None and not prompt.endswith(QUESTION):
            call.answer("y")
            prompt = call.prompt()
        return prompt


def refused(house, call):
    """The same for somebody who gets none; return (last words, PAM's code, the outcome line)."""
    before = len(house.outcomes())
    with call:
        assert call.prompt() is None
        code = call.result()
    house.wait_outcomes(before + 1)
    return call.texts()[-1], code, house.log.lines("event=denied")[-1]


def wrong_codes(call, words=3):
    """Say y and type wrong codes until it is over; return everything that was shown, and PAM's code."""
    with call:
        call.prompt()
        call.answer("y")
        for _ in range(words):
            assert call.prompt() is not None
            call.answer("00000000")
        code = call.result()
        return call.texts(), code


def side_by_side(*jobs):
    """Run the functions at the same time; return their results, or raise what the first of them raised."""
    results = [None] * len(jobs)

    def run(index, job):
        try:
            results[index] = job()
        except BaseException as error:  # handed on below: a thread has nobody to tell
            results[index] = error

    threads = [threading.Thread(target=run, args=(index, job)) for index, job in enumerate(jobs)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results


def mail_times(house, *users):
    """When the mails to these people arrived, or all."""
    return [mail["time"] for mail in house.cognito.outbox() if not users or mail["username"].split("@")[0] in users]


def most_in(times, seconds):
    """The largest number of them in any stretch of so long."""
    return max(sum(start <= at < start + seconds - ON_THE_WAY for at in times) for start in times)


class Asker:
    """Asks for mails at given seconds and then again and again, each time from somewhere else."""

    numbers = iter(range(1, 1 << 30))

    def __init__(self, start, end, moments, every):
        self.start, self.end, self.moments, self.every = start, end, list(moments), every

    def run(self, make):
        """Call make(number) for each wish; it is not looked at what comes of it."""
        for moment in self.moments:
            time.sleep(max(0, self.start + moment - time.monotonic()))
            ask(make(next(self.numbers)))
        while time.monotonic() < self.start + self.end:
            began = time.monotonic()
            ask(make(next(self.numbers)))
            time.sleep(max(0, began + self.every - time.monotonic()))


def late_in_the_second(call):
    """A stranger who says y at the end of a second of this machine's clock, where a sloppy count gains most."""
    with call:
        call.prompt()
        now = time.clock_gettime(time.CLOCK_BOOTTIME) % 1
        time.sleep((0.9 - now) % 1)
        call.answer("y")
        call.prompt()


def second_settings(house, **changes):
    """The same settings but for these, under a service of their own."""
    house.settings(**changes)
    with open(SETTINGS, encoding="utf-8") as file:
        write_file(LONG_SETTINGS, file.read())
    pam.lines(LONG_SERVICE, **pam.module(f"config={LONG_SETTINGS}"))


def many_targets(house, count):
    """Accounts, mapped and known to the service, for somebody who goes through all of them."""
    names = [f"target{number}" for number in range(count)]
    accounts.add_people(*names)
    for name in names:
        house.cognito.user(f"{name}@example.com")
    house.user_map(*(f"{name} email:{name}@example.com" for name in ("alice", "bob", "carol", *names)))
    return names


def test_never_more_in_any_window(house):
    """Four budgets, each its own people's: whoever asks on and on gets COUNT in any WINDOW, and the next after it."""
    ample = {**QUICK, "mail_budget_host": "256/10s"}
    second_settings(house, mail_budget="2/10s,3/25s", **ample)
    house.settings(mail_budget="2/10s", mail_budget_unproved="1/10s", **ample)
    targets = many_targets(house, 14)
    ask(console("target0"))  # the key set is here from now on
    house.cognito.clear_outbox()
    late_in_the_second(stranger("bob", **address(1)))
    start, end = time.monotonic(), 27

    def over(count, every, *moments):
        return [Asker(start, end, moments, every) for _ in range(count)]

    (keys,), (windows,), (climber,) = over(1, 0.5, 0, 6), over(1, 0.5, 0, 3), over(1, 0.5, 0, 6)
    strangers = over(3, 0.1)
    tries = {"tty": "ssh", "rhost": "203.0.113.9"}
    side_by_side(
        lambda: keys.run(lambda n: key_holder(**key(n))),
        lambda: windows.run(lambda n: PamCall(LONG_SERVICE, "carol", ("authenticate",), **tries, **key(n))),
        lambda: climber.run(lambda n: other_local(targets[n % len(targets)])),
        *(lambda one=one: one.run(lambda n: stranger("bob", **address(n % 250 + 2))) for one in strangers),
    )
    mails = {
        "mail_budget 2/10s": (mail_times(house, "alice"), [(2, 10)], 5),
        "mail_budget_unproved 1/10s": (mail_times(house, "bob"), [(1, 10)], 3),
        "mail_budget 2/10s,3/25s": (mail_times(house, "carol"), [(2, 10), (3, 25)], 4),
        "mail_budget of a uid 2/10s": (mail_times(house, *targets), [(2, 10)], 4),
    }
    for name, (times, limits, least) in mails.items():
        spread = " ".join(f"{at - times[0]:.1f}" for at in times)
        print(f"\n{name}: mails at {spread} s", end="")
        assert [most_in(times, window) for _, window in limits] == [count for count, _ in limits], (name, spread)
        assert len(times) >= least, (name, spread)


def test_host_budget(house):
    """The machine sends COUNT in any WINDOW whoever asks; strangers together half of it, rounded up."""
    house.settings(**QUICK, mail_budget="256/10s", mail_budget_unproved="256/10s", mail_budget_host="3/10s")
    for number, name in enumerate(("alice", "bob", "carol")):
        ask(stranger(name, **address(number)))
    assert [mail["username"] for mail in house.cognito.outbox()] == ["alice@example.com", "bob@example.com"]
    assert house.log.lines("event=mail_budget_spent .*strangers' half of mail_budget_host is spent")
    start = time.monotonic()
    assert ask(key_holder("carol")).startswith("Code mailed to c***@e***. ")
    words, code, line = refused(house, console("alice"))
    assert re.fullmatch(WAIT, words) and code == "PAM_MAXTRIES"
    assert "reason=mail_budget " in line and 'detail="mail_budget_host is spent' in line
    asker = Asker(start, 13, [], 0.4)
    asker.run(lambda n: key_holder("alice", **key(n)) if n % 2 else stranger("bob", **address(n % 250)))
    times = mail_times(house)
    print(f"\nmail_budget_host 3/10s: mails at {' '.join(f'{at - times[0]:.1f}' for at in times)} s", end="")
    assert most_in(times, 10) == 3
    assert len(times) >= 5


def test_owner_is_told(house):
    """Honest words and PAM_MAXTRIES; sudo, which wants no words, is not led through a dialogue in any of its rounds."""
    house.settings(mail_budget="1/15m")
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    assert ask(key_holder()).startswith("Code mailed to a***@e***. ")
    words, code, line = refused(house, console())
    assert re.fullmatch(WAIT, words) and code == "PAM_MAXTRIES"
    assert "event=denied reason=mail_budget user=alice cognito=alice@example.com " in line
    assert 'detail="mail_budget of this account is spent; the next mail can go out in ' in line
    with su.terminal(house.alice, "alice", "id -un") as person:
        person.expect(WAIT)
        assert person.wait() == 1
    house.log.clear()
    with sudo.terminal(house.alice, "id", "-un") as person:
        assert person.wait() == 1
    assert "Code" not in person.transcript and "root" not in person.transcript
    assert house.reasons() == ["mail_budget"] * 3
    assert len(house.log.lines("can go out in")) == 1, "the second and third round did not look again"
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "mails": 1}


def test_new_code_when_the_budget_is_spent(house):
    """r mails nothing then: an owner is told so, a stranger is not, and the first code still lets both in."""
    house.settings(resend_after="10s", mail_budget="1/15m", mail_budget_unproved="1/15m")
    with console("alice") as owner, stranger("bob") as other:
        other.prompt()
        other.answer("y")
        assert owner.prompt() is not None and other.prompt() is not None
        codes = {name: house.cognito.last_code(username=f"{name}@example.com") for name in ("alice", "bob")}
        time.sleep(10.1)
        for call in (owner, other):
            call.answer("r")
        assert owner.prompt() == NOT_RESENT + QUESTION
        assert other.prompt() == RESENT + QUESTION
        assert house.counts()["mails"] == 2
        owner.answer(codes["alice"])
        other.answer(codes["bob"])
        assert (owner.result(), other.result()) == ("PAM_SUCCESS", "PAM_SUCCESS")
    assert len(house.log.lines("event=mail_budget_spent .*mail_budget_unproved of this account is spent")) == 1


def test_pretended_mail_gives_no_tries(house):
    """After an r that mailed nothing all three tries are shown again; to the service goes what was left of the code."""
    house.settings(**QUICK, resend_after="10s", mail_budget_unproved="1/15m")
    with stranger() as call:
        call.prompt()
        call.answer("y")
        assert call.prompt() is not None
        for left in ("2 tries", "1 try"):
            call.answer("00000000")
            assert call.prompt().startswith(f"Wrong code, {left} left. ")
        time.sleep(10.1)
        call.answer("r")
        assert call.prompt() == RESENT + QUESTION
        for left in ("2 tries", "1 try"):
            call.answer("00000000")
            assert call.prompt().startswith(f"Wrong code, {left} left. ")
    assert len(house.cognito.requests("RespondToAuthChallenge")) == 3


def test_stranger_is_not_told(house):
    """Without a budget a stranger sees what he sees for an unmapped name, to the last word; the log knows better."""
    house.settings(**QUICK, mail_budget_unproved="1/15m")
    ask(stranger(**address(1)))
    house.cognito.clear_log()
    house.log.clear()
    spent, unmapped = side_by_side(
        lambda: wrong_codes(stranger("alice", **address(2))), lambda: wrong_codes(stranger("dave", **address(2))))
    assert spent == unmapped
    assert spent[1] == "PAM_MAXTRIES"
    assert "If this account may sign in, a code was mailed. " + QUESTION in spent[0]
    assert {outcome["user"]: outcome["reason"] for outcome in house.wait_outcomes(3)} == {
        "alice": "mail_budget", "dave": "user_unmapped"}
    (line,) = house.log.lines("event=mail_budget_spent")
    assert "mail_budget_unproved of this account is spent" in line and line.startswith("authpriv.warning ")
    assert (house.cognito.requests(), len(house.cognito.outbox())) == ([], 1)


def test_what_strangers_spend_is_not_the_owners(house):
    """With the account's unproved budget and the strangers' half of the host gone: key, sudo and console are mailed."""
    house.settings(**QUICK, mail_budget="3/15m", mail_budget_unproved="2/15m", mail_budget_host="6/15m")
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    for user, number in (("alice", 1), ("alice", 2), ("alice", 3), ("bob", 4), ("carol", 5)):
        ask(stranger(user, **address(number)))
    assert len(mail_times(house, "alice")) == 2 and len(mail_times(house)) == 3
    spent = " ".join(house.log.lines("event=mail_budget_spent"))
    assert "mail_budget_unproved of this account" in spent and "strangers' half of mail_budget_host" in spent
    assert ask(key_holder()).startswith("Code mailed to a***@e***. ")
    assert ask(console()).startswith("Code mailed to a***@e***. ")
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.expect(r"Code mailed to a\*\*\*@e\*\*\*\. ")
        house.cognito.wait_mail(6)
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect("^root\r\n")
    assert len(mail_times(house)) == 6


def test_what_owners_spend_is_not_shown(house):
    """A stranger sees the same, and his mail goes out, whether or not the owner has spent his own budget."""
    house.settings(**QUICK, mail_budget="1/15m", mail_budget_unproved="1/15m")
    ask(key_holder("alice"))
    assert refused(house, console("alice"))[1] == "PAM_MAXTRIES"
    spent, fresh = side_by_side(lambda: wrong_codes(stranger("alice")), lambda: wrong_codes(stranger("bob")))
    assert spent == fresh
    assert (len(mail_times(house, "alice")), len(mail_times(house, "bob"))) == (2, 1)


def broken(house, how):
    """Settings with which no mail can go out."""
    settings = {
        "connection refused": {"endpoint": f"https://localhost:{free_port()}"},
        "no such host": {"endpoint": "https://nowhere.invalid"},
        "certificate": {"endpoint": f"https://localhost:{house.cognito.profiles['unknown_ca']}"},
    }
    house.settings(mail_budget="1/15m", mail_budget_host="1/15m", **settings.get(how, {}))
    if how == "client secret":
        write_file(SECRET_FILE, "wrong\n", 0o600)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ("connection refused", "net_connect"),
        ("no such host", "net_dns"),
        ("certificate", "tls_certificate"),
        ("client secret", "secret_hash"),
    ],
)
def test_mail_that_never_left_is_given_back(house, how, reason):
    """Ten attempts with a broken set-up cost nothing of a budget of one: repaired, the next login is mailed at once."""
    with open(SECRET_FILE, encoding="ascii") as file:
        secret = file.read()
    broken(house, how)
    for _ in range(10):
        with key_holder() as call:
            assert call.prompt() is None
    assert house.reasons() == [reason] * 10
    assert house.cognito.outbox() == []
    house.settings(mail_budget="1/15m", mail_budget_host="1/15m")
    write_file(SECRET_FILE, secret, 0o600)
    assert ask(key_holder()).startswith("Code mailed to a***@e***. ")
    assert refused(house, console())[1] == "PAM_MAXTRIES"


def test_mail_that_may_have_left_is_paid(house):
    """No answer in time, and a service that asks to wait: the debit stays."""
    house.settings(**QUICK, mail_budget="1/15m")
    house.cognito.fault("InitiateAuth", user="alice@example.com", transport="silent")
    house.cognito.fault("InitiateAuth", user="bob@example.com", error={"type": "TooManyRequestsException"})
    for name in ("alice", "bob"):
        assert ask(key_holder(name)) is None
        words, code, line = refused(house, console(name))
        assert re.fullmatch(WAIT, words) and code == "PAM_MAXTRIES"
        assert "reason=mail_budget " in line
    assert house.reasons() == ["net_timeout", "mail_budget", "service_throttled", "mail_budget"]
    assert house.counts()["InitiateAuth"] == 2


def test_local_user_pays_for_su(house):
    """mallory goes through the accounts with su, on one budget of hers; what her own account gets is another matter."""
    house.settings(**QUICK, mail_budget="2/15m")
    house.cognito.user("mallory@example.com")
    house.user_map(*(f"{name} email:{name}@example.com" for name in ("alice", "bob", "carol", "mallory")))
    for name in ("alice", "bob", "carol"):
        with su.terminal(house.mallory, name, "id -un") as person:
            person.answer(FIRST_QUESTION, "y")
            person.expect(r"If this account may sign in, a code was mailed\. " + CODE_QUESTION)
    assert [mail["username"][0] for mail in house.cognito.outbox()] == ["a", "b"]
    assert len(house.log.lines("event=mail_budget_spent .*mail_budget of the calling uid is spent")) == 1
    with su.terminal(house.mallory, "mallory", "id -un") as person:
        person.expect(r"Code mailed to m\*\*\*@e\*\*\*\. ")
    assert ask(stranger("carol")).startswith("If this account may sign in, a code was mailed. ")
    assert len(mail_times(house)) == 4
    assert {name for name in os.listdir(RUN) if name.startswith("mails-uid-")} == {f"mails-uid-{house.mallory.uid}"}


def test_root_and_owners_pay_for_no_uid(house):
    """root's su at a terminal is the console: it costs the account; there is no bucket of uid 0, nor of one's own."""
    house.settings(mail_budget="1/15m")
    for name in ("alice", "bob", "carol"):
        with su.terminal(None, name, "id -un") as person:
            person.expect(rf"Code mailed to {name[0]}\*\*\*@e\*\*\*\. ")
    assert refused(house, own_account("alice"))[1] == "PAM_MAXTRIES"
    assert len(mail_times(house)) == 3
    assert [name for name in os.listdir(RUN) if name.startswith("mails-uid-")] == []


def test_one_mailbox_of_two_users(house):
    """Two local users with one Cognito user share what it may get, proved or not; another user or pool does not."""
    house.user_map("alice email:alice@example.com", "bob email:alice@example.com", "carol email:carol@example.com")
    settings = {**QUICK, "mail_budget": "1/15m", "mail_budget_unproved": "1/15m"}
    house.settings(**settings)
    assert ask(console("alice")) is not None
    assert refused(house, console("bob"))[1] == "PAM_MAXTRIES"
    ask(stranger("alice"))
    ask(stranger("bob"))
    assert len(mail_times(house, "alice")) == 2
    assert ask(console("carol")) is not None
    house.settings(user_pool_id="eu-west-1_Another12", **settings)
    assert ask(console("bob")) is not None
    ask(stranger("bob"))
    assert (len(mail_times(house, "alice")), len(mail_times(house, "carol"))) == (4, 1)


@pytest.mark.parametrize(
    ("key_of", "value"),
    [("mail_budget", "5"), ("mail_budget_unproved", "0/15m"), ("mail_budget_host", "60/h,10/15m")],
)
def test_bad_value(house, key_of, value):
    """A budget that cannot be read is one error with file, line and key, and nobody is mailed."""
    house.settings(**{key_of: value})
    with open(SETTINGS, encoding="utf-8") as file:
        number = [line.split(" ")[0] for line in file].index(key_of) + 1
    with console() as call:
        assert call.prompt() is None
        assert call.result() == "PAM_SERVICE_ERR"
    (line,) = house.log.lines("pam_cognito_otp")
    assert "reason=config_value " in line and f"{SETTINGS}:{number}: {key_of}" in line
    assert house.untouched()


def test_budget_and_code_are_apart(house):
    """A spent budget asks nobody to wait who has a code: it is taken up where it was, and lets him in."""
    house.settings(mail_budget="1/15m")
    assert ask(key_holder()).startswith("Code mailed to a***@e***. ")
    with key_holder() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    assert len(mail_times(house)) == 1
