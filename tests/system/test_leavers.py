"""Who has left the pool does not come in any more, whatever he still has: a key, a stamp of sudo, a su by root.

Real programs, with an account line of ours and check_user. What each objection comes to by itself is in
test_account.py.
"""

import contextlib
import time

import pytest
from rig import accounts, network, pam, ssh, su, sudo
from rig.pty import Terminal
from rig.sshd import Sshd

from system import signed
from system.house import CODE_QUESTION, HELPER, helpers
from system.test_account import BROKEN, NOT_REACHED, REFUSED, credentials, gone, more_settings

ALICE = "alice@example.com"
ALICE_SUB = "c2c5d4e4-0011-70aa-b1c2-1234567890ab"
ACCOUNT_LINES = r"pam_cognito_otp\([\w-]+:account\): event="
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(scope="module")
def server():
    """One sshd; a key alone is a way in."""
    with Sshd("rig-sshd") as running:
        yield running


def by_key(house, server):
    """A login by alice's key alone; return (the name that she is there, what ssh said)."""
    run = ssh.batch(server, "alice", "id -un", key=house.alice.give_key(), methods="publickey", timeout=60)
    return run.stdout.strip(), run.stderr


def reasons(house):
    """The reasons of the account phase so far."""
    return [outcome["reason"] for outcome in house.outcomes() if outcome["pam"].endswith(":account")]


def delete(house):
    """The person has left, and an administrator has deleted him."""
    house.cognito.user(ALICE, delete=True)


def make_anew(house):
    """Another person has the address now."""
    house.cognito.user(ALICE, delete=True)
    house.cognito.user(ALICE, sub="0123abcd-0011-70aa-b1c2-1234567890ab")


def disable(house):
    """The person has left."""
    house.cognito.user(ALICE, enabled=False)


def put_back(house):
    """As it was before."""
    house.cognito.user(ALICE, delete=True)
    house.cognito.user(ALICE, sub=ALICE_SUB)


LEAVERS = {
    "disabled": (disable, "account_disabled"),
    "deleted": (delete, "account_not_found"),
    "deleted and made anew": (make_anew, "identity_sub"),
}


@pytest.mark.parametrize("case", LEAVERS)
def test_key_alone(house, server, case):
    """In; gone: refused by sshd in the account phase, with our words; back: in at once."""
    leaves, reason = LEAVERS[case]
    signed.check_users(house)
    house.user_map(f"alice email:{ALICE} sub={ALICE_SUB}")
    assert by_key(house, server)[0] == "alice"
    leaves(house)
    assert by_key(house, server)[0] == "alice"  # within a minute of the last good answer
    signed.forget_standings()
    before = len(server.log())
    name, said = by_key(house, server)
    assert name == "" and REFUSED in said
    assert "by PAM account configuration" in server.log()[before:]
    put_back(house)
    assert by_key(house, server)[0] == "alice"
    assert reasons(house) == ["verified", reason, "verified"]
    assert house.cognito.outbox() == []
    rows.append((f"ssh by key: {case}", f"in, refused ({reason}), in again"))


@pytest.mark.parametrize("case", LEAVERS)
def test_sudo_within_its_stamp(house, case):
    """One code; then the stamp alone, until she leaves."""
    leaves, reason = LEAVERS[case]
    signed.check_users(house)
    house.user_map(f"alice email:{ALICE} sub={ALICE_SUB}")
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    with Terminal(["sh"], user=house.alice) as person:
        person.expect(r"\$ ")
        person.line("sudo id -un")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect(r"^root\r\n\$ ")
        leaves(house)
        signed.forget_standings()
        person.line("sudo id -un; echo 'that'' is all'")
        shown = person.expect(r"(?s)(.*)that is all\r\n\$ ")[1]
        assert "root\r\n" not in shown and "sudo: " in shown
        put_back(house)
        person.line("sudo id -un; echo 'that'' is all'")
        person.expect(r"^root\r\nthat is all\r\n\$ ")
    assert reason in reasons(house) and len(house.cognito.outbox()) == 1
    rows.append((f"sudo within its stamp: {case}", f"in, refused ({reason}), in again"))


def test_su_by_root(house):
    """root becomes alice without a code, and not when she has left."""
    signed.check_users(house)
    pam.lines("su", **{**pam.module(), "auth": "sufficient pam_rootok.so"})
    root = accounts.Account("root")
    with su.terminal(root, "alice", "id -un") as person:
        person.expect("^alice\r\n")
        assert person.wait() == 0
    disable(house)
    signed.forget_standings()
    with su.terminal(root, "alice", "id -un") as person:
        person.expect(r"This account may not log in here now")
        assert person.wait() != 0
    with su.terminal(root, "root", "id -un") as person:
        person.expect("^root\r\n")
        assert person.wait() == 0
    assert reasons(house) == ["verified", "account_disabled"]


def test_a_code_is_no_way_around(house, server):
    """The code of who is disabled between code and account phase opens nothing."""
    signed.check_users(house)
    with ssh.terminal(server, "alice", "id -un") as person:
        person.answer("Sign-in code, or y to have one mailed: ", "y")
        code = house.cognito.last_code()
        person.expect(CODE_QUESTION)
        signed.forget_standings()
        house.cognito.fault("AdminGetUser", times=None, error={"type": "UserNotFoundException", "message": "no"})
        person.line(code)
        assert person.wait() != 0
        assert "alice\r\n" not in person.transcript
    house.cognito.clear_faults()
    assert reasons(house) == ["account_not_found"]


def test_the_session_says_who_it_is(house, server):
    """Of several people with one account; nobody else's session has the variable."""
    signed.check_users(house)
    house.user_map("alice email:bob@example.com", f"alice email:{ALICE}", "bob email:bob@example.com")
    with ssh.terminal(server, "alice", "echo who=$COGNITO_OTP_USER.") as person:
        person.answer("Sign-in code, or y to have one mailed: ", ALICE)
        person.answer("Sign-in code, or y to have one mailed: ", "y")
        person.answer(CODE_QUESTION, house.cognito.last_code(ALICE))
        person.expect(r"^who=alice@example\.com\.\r\n")
        assert person.wait() == 0
    house.cognito.clear_outbox()
    with ssh.terminal(server, "bob", "echo who=$COGNITO_OTP_USER.") as person:
        person.answer("Sign-in code, or y to have one mailed: ", "y")
        person.answer(CODE_QUESTION, house.cognito.last_code("bob@example.com"))
        person.expect(r"^who=\.\r\n")
        assert person.wait() == 0
    assert reasons(house) == [] and len(house.log.lines("event=accepted reason=verified")) == 2


# --- when it cannot be asked ----------------------------------------------------------------------------------------


@contextlib.contextmanager
def black_hole(house):
    """Nothing comes back."""
    with network.cut(house.cognito.https_port):
        yield


@contextlib.contextmanager
def server_error(house):
    """The service has trouble of its own."""
    house.cognito.fault("AdminGetUser", times=None, status=503, body="x")
    yield
    house.cognito.clear_faults()


TROUBLE = {
    "service down": (server_error, "http_status", NOT_REACHED),
    "black hole": (black_hole, "net_timeout", NOT_REACHED),
    "credentials broken": (lambda house: credentials("nothing"), "aws_credentials", BROKEN),
    "helper gone": (lambda house: gone(HELPER), "helper_missing", ""),
    "settings broken": (lambda house: more_settings("no_such_setting = yes\n"), "config_unknown_key", BROKEN),
}


@pytest.mark.parametrize("case", TROUBLE)
def test_key_alone_in_trouble(house, server, case):
    """Refused within the deadline, with the reason in the log; unmapped dave is in, but where nobody can be judged."""
    breaks, reason, words = TROUBLE[case]
    signed.check_users(house, deadline="4s", connect_timeout="2s")
    begun = time.monotonic()
    with breaks(house):
        name, said = by_key(house, server)
        seconds = time.monotonic() - begun
        assert name == "" and words in said
        run = ssh.batch(server, "dave", "id -un", key=house.dave.give_key(), methods="publickey", timeout=60)
    judged = case not in ("helper gone", "settings broken")
    assert run.stdout.strip() == ("dave" if judged else "")
    assert seconds < 20
    assert reasons(house) == [reason] if judged else house.log.lines(f"reason={reason} user=alice .*phase=account")
    rows.append((f"ssh by key: {case}", f"refused ({reason}) after {seconds:.1f} s"))


@pytest.mark.parametrize("case", TROUBLE)
def test_key_alone_without_check_user(house, server, case):
    """The same trouble, and nothing asks: in, and no helper, no line."""
    breaks, _, _ = TROUBLE[case]
    signed.write_credentials()
    before = house.connections()
    with breaks(house):
        assert by_key(house, server)[0] == "alice"
        assert house.connections() == before and helpers() == []
    assert house.log.lines("pam_cognito_otp|cognito-otp-helper") == []


def test_twenty_times_sudo_l(house):
    """A loop of sudo -l within the stamp asks the service once, and leaves one line."""
    signed.check_users(house)
    sudo.allow("alice ALL=(ALL:ALL) ALL")
    with Terminal(["sh"], user=house.alice) as person:
        person.expect(r"\$ ")
        person.line("sudo -v")
        person.answer(CODE_QUESTION, house.cognito.last_code())
        person.expect(r"\$ ")
        signed.forget_standings()
        before = signed.asked(house), len(house.log.lines(ACCOUNT_LINES))
        person.line("n=0; for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do "
                    "sudo -n -l > /dev/null && n=$((n + 1)); done; echo \"good: $n\"")
        person.expect("^good: 20\r\n", timeout=60)
    assert (signed.asked(house) - before[0], len(house.log.lines(ACCOUNT_LINES)) - before[1]) == (1, 1)
    rows.append(("sudo -l, twenty times", "AdminGetUser 1, log lines 1"))
