"""What must not keep a legitimate person out: no new key set, a cache in between, a second mail refused."""

import os
import time

import pytest
from driver.people import console, enter_code, sign_in, stranger

from system.house import STATE

TWO_DAYS = 2 * 86400
RESENT = "New code mailed; only the newest counts. "
NOT_RESENT = "No new code can be mailed now; the one before still counts. "


def age_the_copy(seconds):
    """Make the copy of the key set this old."""
    for name in os.listdir(STATE):
        path = os.path.join(STATE, name)
        then = time.time() - seconds
        os.utime(path, (then, then))


@pytest.mark.parametrize(
    "fault",
    [
        {"transport": "silent"},
        {"transport": "slow_body"},
        {"status": 500, "body": "trouble"},
        {"status": 200, "body": "<html>a proxy</html>"},
        {"status": 403, "body": "blocked"},
        {"transport": "redirect", "location": "https://localhost:1/"},
        {"keys": "empty"},
    ],
    ids=lambda fault: fault.get("transport") or fault.get("keys") or str(fault["status"]) + fault["body"][:5],
)
def test_old_copy_serves_while_no_new_one_can_be_had(house, fault):
    """Whatever is wrong with the key set's host: an old copy lets people in, and leaves the login its time."""
    house.settings(deadline="6s")
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    age_the_copy(TWO_DAYS)
    house.cognito.fault("jwks", times=None, **fault)
    start = time.monotonic()
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert time.monotonic() - start < 4
    assert house.log.lines("event=jwks_copy_old")


def test_old_copy_does_not_hide_a_forged_host(house):
    """A certificate that does not hold is no outage."""
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    age_the_copy(TWO_DAYS)
    port = house.cognito.profiles["unknown_ca"]
    path = house.cognito.jwks_url().split("/", 3)[3]
    names = os.listdir(STATE)
    house.settings(jwks_url=f"https://localhost:{port}/{path}")
    with console() as call:
        assert call.result() == "PAM_AUTH_ERR"
    assert house.outcome()["reason"] == "tls_certificate"
    assert os.listdir(STATE) == names


def test_copy_is_too_old_after_its_grace(house):
    """Seven days beyond jwks_max_age nothing but the service counts."""
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    age_the_copy(9 * 86400)
    house.cognito.fault("jwks", times=None, status=500, body="trouble")
    with console() as call:
        assert call.result() == "PAM_AUTHINFO_UNAVAIL"
    assert house.outcome()["reason"] == "jwks_status"


def test_date_of_a_cache_is_not_the_clock(house):
    """A cached key set carries the Date of its origin, and an Age: no reason to distrust this clock."""
    house.cognito.set_clock(date_offset=-3600)
    house.cognito.fault("jwks", headers={"Age": "3600"})
    with console() as call:
        call.finish()
        assert call.results["authenticate"]["code"] != "PAM_SUCCESS"
    assert house.outcome()["reason"] == "clock_skew"
    assert [request["operation"] for request in house.cognito.requests()] == ["jwks", "InitiateAuth"]


@pytest.mark.parametrize(
    ("error", "who", "words"),
    [
        ({"type": "TooManyRequestsException", "message": "Rate exceeded"}, console, NOT_RESENT),
        ({"type": "InternalErrorException", "message": "x", "status": 500}, console, NOT_RESENT),
        ({"type": "TooManyRequestsException", "message": "Rate exceeded"}, stranger, RESENT),
        ({"type": "InternalErrorException", "message": "x", "status": 500}, stranger, NOT_RESENT),
    ],
)
def test_refused_second_mail_leaves_the_first_code(house, error, who, words):
    """r may fail; the code that is in the mailbox still lets the person in."""
    house.settings(resend_after="10s")
    with who() as call:
        if who is stranger:
            assert call.prompt() is not None
            call.answer("y")
        assert call.prompt() is not None
        code = house.cognito.last_code()
        time.sleep(10.1)
        house.cognito.fault("InitiateAuth", error=error)
        call.answer("r")
        assert call.prompt().startswith(words)
        call.answer(code)
        assert call.result() == "PAM_SUCCESS"


def test_first_code_after_a_wrong_one(house):
    """Empty answers before a wrong code do not add up with those after it."""
    with console() as call:
        for answer in ("", "00000000", "", ""):
            assert call.prompt() is not None
            call.answer(answer)
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
