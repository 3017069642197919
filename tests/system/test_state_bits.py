"""Open codes and budgets on disk whose bits are not what was written, or that were written for somebody else.

Whatever a damaged record says, it never gives a try more, never lets anybody in by another's code, and never ends the
helper: what is sealed is set aside when the seal does not hold, a damaged try counts as taken, and a damaged word of a
budget as a mail of this second.
"""

import hashlib
import os
import re
import subprocess
import time

import pytest
from driver.people import console, key_holder, sign_in

from system.house import RUN
from system.test_state_files import BOUND, SHORT, contents, leave_open, new_mail_gets_in, path_of

FRESH = "Code mailed to a***@e***. Code (r = new one): "
RESUMED = re.compile(r"Code mailed \d+ s ago is still good\. Code \(r = new one\): ")
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_steps(house):
    """Short steps, large budgets."""
    house.settings(**SHORT)


def put(path, data):
    """Write the bytes into the file that is there."""
    with open(path, "r+b") as file:
        file.truncate(len(data))
        file.write(data)


def seal_offset(data):
    """Where the seal is: 32 bytes that are the SHA-256 of all that follows."""
    return next(at for at in range(0, 1024, 4) if hashlib.sha256(data[at + 32:]).digest() == data[at:at + 32])


def flipped(data, bit):
    """The bytes with one bit turned over."""
    changed = bytearray(data)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def shown_after(path, data):
    """Put the bytes into the file and log in: the first prompt."""
    if not os.path.exists(path):
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb"):
            pass
    put(path, data)
    with console() as call:
        return call.prompt(BOUND)


def test_flipped_bits_of_an_open_code(house):
    """Whatever bit is turned over: a mail more or a try less, never a try more and never another's code."""
    leave_open(house, console())
    path = path_of("challenge-7001-proved-")
    data = contents(path)
    seal = seal_offset(data)
    assert RESUMED.fullmatch(shown_after(path, data))
    bits = list(range(5, seal * 8, 64)) + list(range(seal * 8 + 9, (seal + 480) * 8, 64 * 5))
    bits += list(range((seal + 480) * 8 + 3, len(data) * 8, 64 * 25))
    words = {}
    for bit in bits:
        house.log.clear()
        prompt = shown_after(path, flipped(data, bit))
        discarded = len(house.log.lines("event=state_discarded"))
        if bit < seal * 8:
            assert discarded == 0, bit
            words[bit // 64] = "resumed" if RESUMED.fullmatch(prompt) else prompt
        else:
            assert (prompt, discarded) == (FRESH, 1), bit
    assert list(words.values()) == ["resumed"] * (len(words) - 1) + [FRESH]   # tries, and then: closed
    rows.append((f"{len(bits)} flipped bits of an open code", f"{len(words) - 1} a try less, the rest mailed anew"))
    assert RESUMED.fullmatch(shown_after(path, data))


def test_every_64th_bit_of_an_open_code(house):
    """The administrator's tool reads the same file: no flipped bit of what is sealed is believed, none ends it."""
    leave_open(house, console())
    path = path_of("challenge-7001-proved-")
    data = contents(path)
    seal = seal_offset(data)
    told = {"open": 0, "no code": 0}
    for bit in range(17, len(data) * 8, 64):
        with open(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600), "wb") as file:
            file.write(flipped(data, bit))
        run = subprocess.run(["cognito-otp", "state", "alice"], capture_output=True, text=True, timeout=BOUND,
                             check=False)
        assert (run.returncode, run.stderr) == (0, ""), (bit, run)
        assert run.stdout.startswith("code   user=alice " if bit < seal * 8 else "no code is open\n"), (bit, run.stdout)
        told["open" if bit < seal * 8 else "no code"] += 1
    rows.append(("every 64th bit, asked by cognito-otp state", str(told)))


def test_flipped_try_is_taken(house):
    """A damaged try counts as taken: with all three damaged there is none left, and the right code is not sent."""
    code = leave_open(house, console())
    path = path_of("challenge-7001-proved-")
    data = bytearray(contents(path))
    for word, bit in enumerate((0, 33, 63)):
        data = bytearray(flipped(data, word * 64 + bit))
    assert shown_after(path, bytes(data)) == FRESH      # spent: the next call mails anew
    put(path, bytes(data[:16]) + bytes(8) + bytes(data[24:]))
    with console() as call:
        assert RESUMED.fullmatch(call.prompt())
        call.answer("00000000")
        assert call.result() == "PAM_MAXTRIES"
    assert house.counts()["RespondToAuthChallenge"] == 1
    assert shown_after(path, contents(path)) == FRESH
    assert code


def test_flipped_bits_of_a_budget(house):
    """A damaged word counts as a mail of this second: stricter, never looser, and free again after the window."""
    house.settings(**{**SHORT, "mail_budget": "3/10s"})
    leave_open(house, console())
    path = path_of("mails-proved-")
    data = contents(path)
    put(path, flipped(flipped(flipped(data, 40), 64 + 63), 128))    # the taken one and the two that are free
    os.unlink(path_of("challenge-7001-proved-"))
    start = time.monotonic()
    for _ in range(2):
        with console() as call:
            assert call.result() == "PAM_MAXTRIES"
        assert (house.outcome()["reason"], len(house.cognito.outbox())) == ("mail_budget", 1)
    assert sign_in(house, "bob")["authenticate"] == "PAM_SUCCESS"
    time.sleep(max(0.0, 12 - (time.monotonic() - start)))
    assert sign_in(house)["authenticate"] == "PAM_SUCCESS"
    assert not house.log.lines("event=state_discarded")
    rows.append(("3 flipped words of a budget of 3", "mail_budget, 12 s later a login; bob's at once"))


# --- whole and sealed, but not for this login -------------------------------------------------------------------------


def resealed(data, change):
    """The record after `change` (a function of the sealed bytes), with a seal that holds."""
    seal = seal_offset(data)
    body = change(data[seal + 32:])
    assert len(body) == len(data) - seal - 32 and body != data[seal + 32:]
    return data[:seal] + hashlib.sha256(body).digest() + body


def another_boot(body):
    """The boot id of another start of the machine."""
    with open("/proc/sys/kernel/random/boot_id", "rb") as file:
        boot = file.read().strip()
    return body.replace(boot, boot[:-1] + (b"0" if boot[-1:] != b"0" else b"1"))


def another_version(body):
    """What a later version may write there."""
    return body.replace(b"otp challenge", b"otp challengf")


def endless_text(body):
    """A text field without an end, as long as its room and longer."""
    at = body.index(b"alice\0")
    return body[:at] + b"a" * 120 + body[at + 120:]


@pytest.mark.parametrize("change", [
    another_boot,
    endless_text,
    another_version,
])
def test_sealed_but_not_ours(house, change):
    """A record that is whole, and was written in another boot, by another version, or by something broken."""
    old = leave_open(house, console())
    path = path_of("challenge-7001-proved-")
    put(path, resealed(contents(path), change))
    new_mail_gets_in(house, console(), old)
    assert len(house.log.lines("warning .*event=state_discarded")) == 1
    rows.append(("sealed, but " + change.__name__.replace("_", " "), "set aside, mailed anew"))


def test_file_of_somebody_else(house):
    """bob's open code, or alice's from another origin, copied over: bob's code does not let alice in, nor alter his."""
    codes = [leave_open(house, console("bob")), leave_open(house, key_holder())]
    for code, source in zip(codes, ("challenge-7002-proved-", None)):
        leave_open(house, console())
        (own,) = [name for name in os.listdir(RUN) if name.startswith("challenge-7001-") and
                  b"console\0" in contents(os.path.join(RUN, name))]
        (other,) = [name for name in os.listdir(RUN) if name.startswith(source or "challenge-7001-") and name != own]
        data = contents(os.path.join(RUN, other))
        put(os.path.join(RUN, own), data)
        new_mail_gets_in(house, console(), code)
        assert contents(os.path.join(RUN, other)) == data
    with console("bob") as call:
        assert "ago is still good" in call.prompt()
        call.answer(codes[0])
        assert call.result() == "PAM_SUCCESS"
    assert len(house.log.lines("warning .*event=state_discarded")) == 2
    rows.append(("another's open code copied over", "set aside, mailed anew; his own still counts"))
