"""Two user pools on one host: one after the other, and both at once on two PAM lines.

Both pools belong to one service, as in life; alice has the same address in both and is another Cognito user in each.
What is asked: codes, key sets, tokens and budgets of one are never taken for those of the other.
"""

import copy
import os

import pytest
from mock_cognito.client import LocalCognito
from mock_cognito.defaults import CLIENT, DEFAULT_CONFIG, POOL, SECRET
from rig import pam, su, sudo

from system.house import CODE_QUESTION, STATE, write_file

POOL_B, CLIENT_B = "eu-west-1_Zz987xYyC", "2secondpoolclientEXAMPLE"
SECRET_B = "9secondpoolsecret0123456789abcdefghijklmnopqrstuvw"
FOLDER = "/etc/security"
CA = f"{FOLDER}/two-pools-ca.pem"
MAILED = r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION
STILL_GOOD = r"Code mailed \d+ s ago is still good\. " + CODE_QUESTION
rows = []
pytestmark = pytest.mark.usefixtures("table")


def second_pool():
    """Another pool with another client, where the same people have other subs."""
    pool = copy.deepcopy(DEFAULT_CONFIG["pools"][0])
    pool["id"] = POOL_B
    pool["clients"] = [{**pool["clients"][0], "id": CLIENT_B, "secrets": [SECRET_B]}]
    for user in pool["users"]:
        user["sub"] = "f" + user["sub"][1:]
    return pool


@pytest.fixture(scope="module")
def service():
    """The service with both pools."""
    config = {**DEFAULT_CONFIG, "pools": [*DEFAULT_CONFIG["pools"], second_pool()]}
    with LocalCognito("/run/two-pools", config=config) as running:
        yield running


class Pools:
    """Settings for pool "a" and pool "b", each with files of its own, and what reached the service."""

    def __init__(self, house, service):
        self.house = house
        self.service = service
        service.reset()
        with open(service.ca_file, encoding="ascii") as file:
            write_file(CA, file.read())
        for name, secret in (("a", SECRET), ("b", SECRET_B)):
            write_file(f"{FOLDER}/secret-{name}", secret + "\n", 0o600)

    def values(self, name, **changes):
        """The settings of that pool."""
        number = "ab".index(name)
        return {"user_pool_id": (POOL, POOL_B)[number], "client_id": (CLIENT, CLIENT_B)[number],
                "client_secret_file": f"{FOLDER}/secret-{name}", "endpoint": self.service.endpoint, "ca_file": CA,
                "jwks_url": self.service.jwks_url(number), **changes}

    def set(self, name, **changes):
        """The host's settings are that pool's."""
        self.house.settings(**self.values(name, **changes))

    def file(self, name, **changes):
        """A settings file for config=; its path."""
        path = f"{FOLDER}/pool-{name}.conf"
        text = "".join(f"{key} = {value}\n" for key, value in self.values(name, **changes).items())
        write_file(path, text)
        return path

    def mails(self):
        """How many so far."""
        return len(self.service.outbox())

    def clients(self, operation):
        """The pool, a or b, of each request of this operation."""
        return ["b" if CLIENT_B in request["body"] else "a" for request in self.service.requests(operation)]


@pytest.fixture
def pools(house, service):
    """Both pools, pool a on this host."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    both = Pools(house, service)
    both.set("a")
    return both


def enter(house):
    """alice at the question of sudo."""
    return sudo.terminal(house.alice, "sh", "-c", "echo in as $SUDO_USER")


def get_in(person, code):
    """Type the code, and be in."""
    person.line(code)
    person.expect("^in as alice\r\n")
    assert person.wait() == 0


def leave_open(house, pools):
    """A code is mailed and not typed; returns it."""
    count = pools.mails() + 1
    with enter(house) as alice:
        alice.expect(MAILED)
        alice.interrupt()
    return pools.service.last_code(count=count)


def wrong_of(*codes):
    """A code that is none of these."""
    return next(code for code in ("00000000", "11111111", "22222222") if code not in codes)


# --- one after the other ---------------------------------------------------------------------------------------------


def test_to_another_pool_and_back(house, pools):
    """The open code of a counts nowhere in b; back in a it is taken up. Both key sets are kept."""
    code_a = leave_open(house, pools)
    pools.set("b")
    with enter(house) as alice:
        alice.expect(MAILED)
        code_b = pools.service.last_code(count=2)
        alice.line(code_a)
        alice.expect(r"Wrong code, 2 tries left\. " + CODE_QUESTION)
        get_in(alice, code_b)
    assert pools.clients("RespondToAuthChallenge") == ["b", "b"]
    copies = sorted(name.split("-")[3] for name in os.listdir(STATE))
    assert copies == sorted(pool.rpartition("-")[2] for pool in (POOL, POOL_B))
    pools.set("a")
    with enter(house) as alice:
        alice.expect(STILL_GOOD)
        get_in(alice, code_a)
    assert pools.clients("InitiateAuth") == ["a", "b"] and pools.mails() == 2
    assert len(pools.service.requests("jwks")) == 2
    assert house.reasons() == ["no_conversation", "verified", "verified"]
    rows.append(("sudo: open code in a, to b", "mailed anew, a's code is wrong there; verified"))
    rows.append(("sudo: back to a", "a's code is still good, no mail, no key set fetched; verified"))


def test_changed_while_somebody_is_asked(house, pools):
    """A login ends with the settings that it began with; the next one has the new ones."""
    with enter(house) as alice:
        alice.expect(MAILED)
        pools.set("b")
        get_in(alice, pools.service.last_code())
    assert pools.clients("RespondToAuthChallenge") == ["a"]
    with enter(house) as alice:
        alice.expect(MAILED)
        get_in(alice, pools.service.last_code(count=2))
    assert pools.clients("RespondToAuthChallenge") == ["a", "b"]
    assert house.reasons() == ["verified"] * 2
    rows.append(("sudo: to b while at the prompt of a", "in by a; the next login by b; verified ×2"))


def test_same_secret_file_for_both(house, pools):
    """The secret alone is read anew: in a file of the same name the login at the prompt meets the other client's."""
    with enter(house) as alice:
        alice.expect(MAILED)
        write_file(f"{FOLDER}/secret-a", SECRET_B + "\n", 0o600)
        pools.set("b", client_secret_file=f"{FOLDER}/secret-a")
        alice.line(pools.service.last_code())
        assert alice.wait() == 1
    with enter(house) as alice:
        alice.expect(MAILED)
        get_in(alice, pools.service.last_code(count=2))
    assert house.reasons() == ["secret_hash", "verified"]
    rows.append(("the same, b's secret in the same file", "refused, mailed anew by b; secret_hash, verified"))


# --- changed by half -------------------------------------------------------------------------------------------------

HALF = {
    "pool of b, client of a": ("b", {"client_id": CLIENT, "client_secret_file": f"{FOLDER}/secret-a"}, "jwt_kid"),
    "pool of a, client of b": ("a", {"client_id": CLIENT_B, "client_secret_file": f"{FOLDER}/secret-b"}, "jwt_kid"),
    "client and key set of a, pool of b": ("a", {"user_pool_id": POOL_B}, "jwt_iss"),
    "client and key set of b, pool of a": ("b", {"user_pool_id": POOL}, "jwt_iss"),
}


@pytest.mark.parametrize("name", HALF)
def test_changed_by_half(house, pools, name):
    """A right code, and tokens of the other pool: refused, and logged as what they are."""
    which, changes, reason = HALF[name]
    pools.set(which, **changes)
    with enter(house) as alice:
        alice.expect(MAILED)
        alice.line(pools.service.last_code())
        assert alice.wait() == 1
        assert "in as" not in alice.transcript
    assert set(house.reasons()) == {reason}
    rows.append((name, f"refused after the code; {reason}"))


@pytest.mark.parametrize("token, reason", [("id", "jwt_aud"), ("access", "jwt_client_id")])
def test_tokens_of_the_other_client(house, pools, token, reason):
    """Signed by this pool, for the client of another: refused."""
    claim = {"id": "aud", "access": "client_id"}[token]
    pools.service.fault("RespondToAuthChallenge", tokens={token: {"claims": {claim: CLIENT_B}}})
    with enter(house) as alice:
        alice.expect(MAILED)
        alice.line(pools.service.last_code())
        assert alice.wait() == 1
    assert set(house.reasons()) == {reason}
    rows.append((f"{token} token for the client of b", f"refused after the code; {reason}"))


# --- both at once ----------------------------------------------------------------------------------------------------


def test_two_lines_at_once(house, pools):
    """sudo asks pool a, su pool b, alice sits at both: each code counts at its own prompt, and tries are not shared."""
    pam.lines("sudo", **pam.module(f"config={pools.file('a')}"))
    pam.lines("su", **pam.module(f"config={pools.file('b')}"))
    with enter(house) as at_a, su.terminal(house.alice, "alice", "echo in as alice") as at_b:
        at_a.expect(MAILED)
        at_b.expect(MAILED)
        codes = {pool: mail["code"] for pool, mail in zip(pools.clients("InitiateAuth"), pools.service.wait_mail(2))}
        assert set(codes) == {"a", "b"}
        for code in (codes["a"], wrong_of(*codes.values())):
            at_b.line(code)
            at_b.expect(r"Wrong code, \d (tries|try) left\. " + CODE_QUESTION)
        at_a.line(codes["b"])
        at_a.expect(r"Wrong code, 2 tries left\. " + CODE_QUESTION)
        get_in(at_a, codes["a"])
        get_in(at_b, codes["b"])
    assert pools.mails() == 2 and house.reasons() == ["verified"] * 2
    rows.append(("sudo in a, su in b, at once", "each prompt takes its own code only; 2 mails; verified ×2"))


def test_two_lines_in_one_stack(house, pools):
    """Both lines in sudo's stack: one login asks for the code of a, then for that of b."""
    lines = [f"required pam_cognito_otp.so config={pools.file(name)}" for name in "ab"]
    pam.lines("sudo", auth=lines, account="required pam_permit.so")
    with enter(house) as alice:
        alice.answer(MAILED, pools.service.wait_mail(1)[0]["code"])
        alice.expect(MAILED)
        get_in(alice, pools.service.last_code(count=2))
    assert pools.clients("RespondToAuthChallenge") == ["a", "b"]
    assert house.reasons() == ["verified"] * 2
    rows.append(("sudo: a line for a and a line for b", "asked twice, 2 mails; verified ×2"))


def test_one_line_does_not_remember_for_the_other(house, pools):
    """Pool a cannot be reached: its line says so at once in sudo's later calls; the line of b is asked all the same."""
    first = pools.file("a", endpoint="https://localhost:1")
    pam.lines("sudo", auth=[f"[success=done default=ignore] pam_cognito_otp.so config={first}",
                            f"required pam_cognito_otp.so config={pools.file('b')}"], account="required pam_permit.so")
    with enter(house) as alice:
        alice.expect(MAILED)
        get_in(alice, pools.service.last_code())
    assert house.reasons() == ["net_connect", "verified"]
    assert pools.clients("InitiateAuth") == ["b"]
    rows.append(("sudo: a is not reachable, then the line of b", "in by b; net_connect, verified"))


def test_spent_tries_of_one_line(house, pools):
    """Nor do spent tries of one line spend those of the other; in sudo's next call each has what it had."""
    pam.lines("sudo", auth=[f"required pam_cognito_otp.so config={pools.file(name, max_tries=1)}" for name in "ab"],
              account="required pam_permit.so")
    with enter(house) as alice:
        alice.answer(MAILED, wrong_of(pools.service.wait_mail(1)[0]["code"]))
        alice.expect(MAILED)
        alice.line(pools.service.last_code(count=2))
        alice.expect(MAILED)
        alice.interrupt()
    reasons = house.reasons()
    assert reasons[:3] == ["tries_exhausted", "verified", "tries_exhausted_before"], reasons
    rows.append(("sudo: a's tries spent, b's code right", "refused; tries_exhausted, verified, tries_exhausted_before"))


def test_budgets(house, pools):
    """An account is a user of a pool: each has its own budget. The host's is for both."""
    limits = {"mail_budget": "1/15m,20/d", "mail_budget_host": "3/h"}
    for name in "ab":
        pools.set(name, **limits)
        with enter(house) as alice:
            alice.expect(MAILED)
            get_in(alice, pools.service.last_code(count=pools.mails()))
        with enter(house) as alice:
            assert alice.wait() == 1
        assert house.reasons()[-1] == "mail_budget"
    assert pools.mails() == 2
    pools.set("a", mail_budget="9/15m", mail_budget_host="3/h")
    leave_open(house, pools)
    pools.set("b", mail_budget="9/15m", mail_budget_host="3/h")
    with enter(house) as alice:
        assert alice.wait() == 1
    assert house.log.lines("reason=mail_budget .*mail_budget_host")
    rows.append(("alice's budgets", "1 mail in a, 1 in b, then mail_budget; mail_budget_host counts both"))
