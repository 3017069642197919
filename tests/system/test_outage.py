"""An outage is met once: what one PAM handle remembers of it, for how long, and what sudo makes of that."""

import glob
import os
import time

import pytest
from driver.driver import PamCall
from rig import accounts, pam, sudo
from rig.network import packets

from system.house import CODE_QUESTION, wait_helpers

CONNECT_TIMEOUT = 3
LIBRARY = "/usr/lib/*/faketime/libfaketime.so.1"
rows = []
pytestmark = pytest.mark.usefixtures("table")


@pytest.fixture(autouse=True)
def short_times(house):
    """Short times, no ticket of sudo, no helper that is left."""
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    house.settings(connect_timeout=f"{CONNECT_TIMEOUT}s")
    yield
    wait_helpers(0)


def black_hole(house):
    """Nothing comes back from the service."""
    return packets(f"tcp dport {house.cognito.https_port} drop")


def test_sudo_waits_once(house):
    """Three calls, one wait; a new sudo tries again, and is in once the service is there."""
    with black_hole(house), sudo.terminal(house.alice, "id", "-un") as person:
        begun = time.monotonic()
        person.expect("Sorry, try again", timeout=30)
        first = time.monotonic() - begun
        assert person.wait() == 1
        seconds = time.monotonic() - begun
    assert house.reasons() == ["net_timeout"] * 3
    assert house.untouched()
    assert CONNECT_TIMEOUT <= first and seconds - first < CONNECT_TIMEOUT, (first, seconds)
    rows.append((f"sudo, black hole, connect_timeout {CONNECT_TIMEOUT}s",
                 f"'Sorry, try again.' after {first:.1f} s, all three calls {seconds:.1f} s; net_timeout ×3"))
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.answer(CODE_QUESTION, house.cognito.last_code())
        assert person.wait() == 0
    rows.append(("the next sudo, service alive", "mailed, in; verified"))


@pytest.mark.parametrize("later, reached", [(20, False), (61, True)])
def test_a_minute_later(house, later, reached):
    """One handle, as a screen lock keeps it; its clock is put forward between two calls, while another line asks."""
    libraries = glob.glob(LIBRARY)
    if not libraries:
        pytest.skip("faketime is missing")
    clock = os.path.join(accounts.temporary_folder(), "clock")
    pam.lines("otp-test", auth=["required pam_cognito_otp.so", "required pam_unix.so"])
    set_clock(clock, 0)
    environment = {"PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "LD_PRELOAD": libraries[0], "FAKETIME_NO_CACHE": "1",
                   "FAKETIME_TIMESTAMP_FILE": clock}
    with PamCall("otp-test", "alice", ("authenticate", "authenticate"), tty="/dev/pts/9", ruid=house.alice.uid,
                 program_environment=environment) as lock:
        with black_hole(house):
            assert lock.prompt(timeout=30) == "Password: "
        set_clock(clock, later)
        lock.answer("wrong")
        if reached:
            assert lock.prompt().startswith("Code mailed to a***@e***.")
            lock.answer(house.cognito.last_code())
        assert lock.prompt() == "Password: "
        lock.finish()
    assert house.reasons() == ["net_timeout", "verified" if reached else "net_timeout"]
    assert len(house.cognito.outbox()) == reached
    rows.append((f"one handle, service alive again, {later} s later", f"{house.reasons()[-1]}, {int(reached)} mail"))


def set_clock(path, seconds):
    """So far is the clock of the program ahead."""
    with open(path + ".new", "w", encoding="ascii") as file:
        file.write(f"+{seconds}\n")
    os.rename(path + ".new", path)
