"""The service's name has several addresses, and some of them are dead; or it has IPv6 only.

Where the login comes in, how long that takes, and what is spent meanwhile: no mail before one was reached, no try of a
code that never left. The dead ones come first, by gai.conf: without it the living would be tried first, as nearer.
"""

import contextlib
import os
import time
from typing import NamedTuple

import pytest
from driver.driver import PamCall
from rig import sudo
from rig.network import SERVICE_NAME, hosts, packets

from system.house import CODE_QUESTION, wait_helpers, write_file

FIRST4, FIRST6 = "precedence ::ffff:0:0/96 100\n", "precedence ::1/128 100\nprecedence ::ffff:0:0/96 10\n"
FIRST_OTHERS = "precedence ::ffff:127.0.0.1/128 5\nprecedence ::ffff:0:0/96 100\nprecedence ::1/128 1\n"
NO_MAIL = "Sign-in service not reachable; no code was sent."
NOT_CHECKED = "Sign-in service not reachable; your code could not be checked."
SLACK = 2     # seconds that a busy machine may add
rows = []
pytestmark = pytest.mark.usefixtures("table")


class Case(NamedTuple):
    """A name with these addresses in this order, and what becomes of packets to them."""

    name: str
    addresses: tuple
    order: str
    rules: tuple
    reason: str = "verified"
    connect_timeout: int = 5
    least: float = 0.0      # seconds; it cannot take less, or the dead one was not tried first
    most: float = 1.0


def drop(address):
    """Nothing comes back."""
    return f"{'ip6' if ':' in address else 'ip'} daddr {address} tcp dport {{port}} drop"


def refuse(address):
    """The host is there and does not listen."""
    return f"{'ip6' if ':' in address else 'ip'} daddr {address} tcp dport {{port}} reject with tcp reset"


BOTH = ("::1", "127.0.0.1")
TWO4 = ("127.0.0.2", "127.0.0.1")
MANY4 = (*(f"127.0.0.{number}" for number in range(2, 22)), "127.0.0.1")
ALL_REFUSED = Case("all refused", BOTH, "", tuple(map(refuse, BOTH)), "net_connect")
ALL_DROPPED = Case("all black holes", BOTH, "", tuple(map(drop, BOTH)), "net_timeout", least=4.9, most=5.0)
SECOND_OF_TWO = Case("two A, the first a black hole", TWO4, FIRST_OTHERS, (drop(TWO4[0]),), least=2.0, most=5.0)
CASES = [
    Case("IPv6 only", ("::1",), "", (drop("127.0.0.0/8"),)),
    Case("AAAA black hole, A good", BOTH, FIRST6, (drop("::1"),), least=0.2),
    Case("AAAA refused, A good", BOTH, FIRST6, (refuse("::1"),)),
    Case("A black hole, AAAA good", BOTH, FIRST4, (drop("127.0.0.1"),), least=0.2),
    Case("A refused, AAAA good", BOTH, FIRST4, (refuse("127.0.0.1"),)),
    Case("two A, the first refused", TWO4, FIRST_OTHERS, (refuse(TWO4[0]),)),
    SECOND_OF_TWO,
    SECOND_OF_TWO._replace(connect_timeout=3, least=1.0, most=3.0),
    Case("AAAA black hole, A good", BOTH, FIRST6, (drop("::1"),), connect_timeout=1, least=0.2),
    Case("3 A refused, then a good one", MANY4[-4:], FIRST_OTHERS, tuple(map(refuse, MANY4[-4:-1])), most=4.0),
    # some versions of libcurl look at the next one a second later only
    Case("20 A refused, then a good one", MANY4, FIRST_OTHERS, tuple(map(refuse, MANY4[:-1])), "verified|net_timeout",
         most=5.0),
    ALL_REFUSED,
    ALL_DROPPED,
    ALL_DROPPED._replace(connect_timeout=1, least=0.9, most=1.0),
    Case("AAAA black hole, A refused", BOTH, "", (drop(BOTH[0]), refuse(BOTH[1])), "net_timeout|net_connect", most=5.0),
]


@contextlib.contextmanager
def world(house, case):
    """The name, the order and the rules of the case; the packets of a login in it go nowhere else."""
    port = house.cognito.https_port
    settings(house, f"https://{SERVICE_NAME}:{port}", connect_timeout=f"{case.connect_timeout}s")
    with contextlib.ExitStack() as stack:
        stack.enter_context(hosts(*(f"{address} {SERVICE_NAME}" for address in case.addresses)))
        write_file("/etc/gai.conf", case.order)
        stack.callback(os.unlink, "/etc/gai.conf")
        stack.enter_context(packets(*(rule.format(port=port) for rule in case.rules)))
        yield


def settings(house, endpoint, **changes):
    """Key set and service at this address, as in life: one connection serves both."""
    path = house.cognito.jwks_url().partition("//")[2].partition("/")[2]
    house.settings(**{"endpoint": endpoint, "jwks_url": f"{endpoint}/{path}", "max_tries": 1, **changes})


def call(house):
    """alice at her own terminal: the mail is asked for at once."""
    return PamCall("otp-test", "alice", tty="/dev/pts/9", ruid=house.alice.uid)


def seconds_of(question):
    """How long it takes, and what it gives."""
    begun = time.monotonic()
    result = question()
    return time.monotonic() - begun, result


@pytest.fixture(autouse=True)
def no_helper_left(whole_house):
    """No helper of one test lives into the next."""
    wait_helpers(0)
    yield
    wait_helpers(0)


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}, {case.connect_timeout}s")
def test_addresses(house, case):
    """The login comes in where it can, inside connect_timeout; where it cannot, nothing is mailed or counted."""
    with world(house, case), call(house) as person:
        seconds, prompt = seconds_of(person.prompt)
        if prompt:
            assert prompt.startswith("Code mailed to a***@e***.")
            person.answer(house.cognito.last_code())
            assert person.result() == "PAM_SUCCESS"
        else:
            assert person.result() == "PAM_AUTHINFO_UNAVAIL"
            assert person.texts("error") == [NO_MAIL]
            assert house.cognito.requests() == [] and house.cognito.outbox() == []
    reason = house.outcome()["reason"]
    (line,) = house.log.lines("event=(accepted|denied)")
    detail = line.partition("detail=")[2] if reason != "verified" else ""
    rows.append((f"{case.name} ({case.connect_timeout}s)", f"{reason} after {seconds:.2f} s  {detail}"))
    assert reason in case.reason.split("|")
    assert case.least <= seconds < case.most + SLACK, seconds
    if reason == "verified":
        assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
        assert house.connections() == 1


def test_literal_address(house):
    """https://[::1]:port, and not one packet of IPv4."""
    port = house.cognito.https_port
    settings(house, f"https://[::1]:{port}")
    with packets(f"ip daddr 127.0.0.0/8 tcp dport {port} reject"), call(house) as person:
        assert "Code" in person.prompt()
        person.answer(house.cognito.last_code())
        assert person.result() == "PAM_SUCCESS"
    assert house.cognito.connections()["list"][0]["peer"].startswith("::1")
    rows.append(("endpoint https://[::1]:port", "verified, by IPv6"))


def test_too_short_for_a_second_address(house):
    """Below 3s a second address may be reached or not, by the version of libcurl: it is over in time, and says so."""
    case = SECOND_OF_TWO._replace(connect_timeout=1)
    with world(house, case), call(house) as person:
        seconds, prompt = seconds_of(person.prompt)
        person.finish()
    reason = house.outcome()["reason"]
    assert (reason, prompt) == ("net_timeout", None) or prompt.startswith("Code mailed")
    assert 0.4 <= seconds < 1 + SLACK
    rows.append((f"{case.name} (1s)", f"{reason} after {seconds:.2f} s"))


def test_nothing_is_paid_for_dead_addresses(house):
    """The only mail of the budget is still there when the service is."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with world(house, ALL_REFUSED):
        settings(house, f"https://{SERVICE_NAME}:{house.cognito.https_port}", mail_budget="1/15m,1/d")
        with sudo.terminal(house.alice, "id", "-un") as person:
            assert person.wait() == 1
    settings(house, house.cognito.endpoint, mail_budget="1/15m,1/d")
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.answer(CODE_QUESTION, house.cognito.last_code())
        assert person.wait() == 0
    assert house.counts()["mails"] == 1
    rows.append(("all refused, then alive; mail_budget 1", "nothing was paid; in with the next sudo"))


def test_no_try_for_dead_addresses(house):
    """The service has closed the connection, and all addresses died before the code: its one try is still there."""
    house.cognito.settings(idle_timeout=0.2)
    settings(house, house.cognito.endpoint)
    port = house.cognito.https_port
    with call(house) as person:
        assert "Code" in person.prompt()
        time.sleep(0.5)
        with packets(f"tcp dport {port} reject with tcp reset"):
            person.answer(house.cognito.last_code())
            assert person.result() == "PAM_AUTHINFO_UNAVAIL"
        assert person.texts("error") == [NOT_CHECKED]
    with call(house) as person:
        assert "is still good" in person.prompt()
        person.answer(house.cognito.last_code())
        assert person.result() == "PAM_SUCCESS"
    assert house.counts()["mails"] == 1 and house.counts()["RespondToAuthChallenge"] == 1
    assert house.reasons() == ["net_connect", "verified"]
    rows.append(("all refused when the code comes", f"{NOT_CHECKED!r}; next call in, 1 mail, no try lost"))
