"""Strangers at the owner's own address, other programs of the same host, outages and full disks: what they must not do.

Each of these has once been a way to guess more often, to keep the owner's mail away, or to be locked out for nothing.
"""

import os
import time

from driver.driver import PamCall
from driver.people import console, key_holder, stranger
from rig import pam

from system.house import RUN

STILL_GOOD = "If this account may sign in, the code mailed "
MAILED = "If this account may sign in, a code was mailed. "
LAMBDA = {"type": "UnexpectedLambdaException", "message": "PreAuthentication failed with error"}
BROKEN = {"type": "InternalErrorException", "message": "x"}


def want_code(call):
    """Answer the first question with y; return the question for the code."""
    assert call.prompt() is not None
    call.answer("y")
    return call.prompt()


def three_wrong(call):
    """Three wrong codes, or as many as are asked for."""
    for _ in range(3):
        call.answer("00000000")
        if call.prompt() is None:
            return


def test_pretended_mails_give_no_more_guesses(house):
    """One connection presses r without a budget, another guesses meanwhile: the Session is asked about three times."""
    house.settings(resend_after="10s", mail_budget_unproved="1/h")
    with stranger() as opener:
        assert want_code(opener).startswith(MAILED)
    for _ in range(2):
        time.sleep(10.3)
        with stranger() as first, stranger() as other:
            assert want_code(first).startswith(STILL_GOOD) and want_code(other).startswith(STILL_GOOD)
            first.answer("r")
            time.sleep(0.1)
            three_wrong(other)
            assert first.prompt() is not None
    with stranger() as last:
        want_code(last)
        three_wrong(last)
    assert house.counts() == {"jwks": 1, "mails": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 3}


def test_refusal_of_another_program(house):
    """What a program that excludes him pretends is not taken up where he may log in."""
    pam.lines("otp-other", **pam.module("users=!alice"))
    with PamCall("otp-other", "alice", tty="ssh", rhost="203.0.113.9") as elsewhere:
        assert want_code(elsewhere).startswith(MAILED)
        elsewhere.finish()
    with stranger() as owner:
        assert want_code(owner).startswith(MAILED)
        owner.answer(house.cognito.last_code())
        assert owner.result() == "PAM_SUCCESS"
    assert set(house.reasons()) == {"verified", "user_filtered"}


def test_reserve_for_a_full_disk_stays(house):
    """The budget that serves when no file can be made is unused for days, and is there when it is needed."""
    house.make_run_directory()
    for name in os.listdir(RUN):
        os.utime(os.path.join(RUN, name), (time.time() - 3 * 86400,) * 2)
    with console() as call:
        assert call.prompt().startswith("Code mailed to ")
    assert "mails-full" in os.listdir(RUN)


def test_outage_locks_nobody_out(house):
    """Whoever tried while the service was broken has a mail when it is back; a stranger has paid."""
    house.settings(mail_budget_unproved="2/h")
    house.cognito.fault("InitiateAuth", times=None, status=500, error=BROKEN)
    for _ in range(6):
        with console() as call:
            assert call.result() == "PAM_AUTHINFO_UNAVAIL"
    for _ in range(2):
        with stranger("bob") as call:
            assert want_code(call) is None
    house.cognito.clear_faults()
    with console() as call, stranger("bob") as other:
        assert call.prompt().startswith("Code mailed to ")
        assert want_code(other).startswith(MAILED)
    assert house.counts()["mails"] == 1


def test_failing_trigger_is_paid(house):
    """A trigger that fails may have mailed before: each request costs a mail of the budget."""
    house.settings(mail_budget="2/h")
    house.cognito.fault("InitiateAuth", times=None, error=LAMBDA)
    for code in ("PAM_SERVICE_ERR", "PAM_SERVICE_ERR", "PAM_MAXTRIES", "PAM_MAXTRIES"):
        with console() as call:
            assert call.result() == code
    assert house.counts()["InitiateAuth"] == 2


def test_spent_host_budget_makes_no_files(house):
    """Names of accounts that strangers try out leave nothing on the disk but their open questions."""
    house.settings(mail_budget_host="1/h")
    for number, name in enumerate(("alice", "bob", "carol")):
        with stranger(name, rhost=f"198.51.100.{number}") as call:
            want_code(call)
    assert len([name for name in os.listdir(RUN) if name.startswith("mails-unproved-")]) == 1


def test_age_is_told_alike(house):
    """A key set that is slow to come does not make the code of a real account younger than others."""
    house.make_run_directory()
    shown = set()
    for name in ("alice", "nosuch", "dave"):
        house.cognito.fault("jwks", times=1, delay=0.6)
        with stranger(name) as one, stranger(name) as two:
            one.prompt(), two.prompt()
            start = time.monotonic()
            one.answer("y")
            one.prompt()
            time.sleep(max(0, start + 3.4 - time.monotonic()))
            two.answer("y")
            shown.add(two.prompt())
    assert shown == {STILL_GOOD + "3 s ago is still good. Code (r = new one): "}


def test_max_tries_lowered_while_a_code_is_open(house):
    """A record that was written with more tries is carried over with as many as there may be now."""
    house.settings(max_tries="10", resend_after="10s", mail_budget_unproved="1/h")
    with stranger() as call:
        want_code(call)
    house.settings(max_tries="3", resend_after="10s", mail_budget_unproved="1/h")
    time.sleep(10.3)
    with stranger() as call:
        want_code(call)
        call.answer("r")
        assert call.prompt().startswith("New code mailed; ")
        three_wrong(call)
    assert house.counts()["RespondToAuthChallenge"] == 3
    assert house.log.lines("state_discarded") == []


def test_key_of_a_certificate(house):
    """The line of an ssh certificate is long; its holder gets in, and his code is his."""
    line = "publickey ssh-rsa-cert-v01@openssh.com " + "A" * 4000
    for start in ("Code mailed to ", "Code mailed 0 s ago "):
        with key_holder(environment={"SSH_AUTH_INFO_0": line}) as call:
            assert call.prompt().startswith((start, start.replace("0 s", "1 s")))
