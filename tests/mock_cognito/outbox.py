"""The outbox: every code that was sent, and how its destination is masked in answers."""

import hashlib
import threading
import time


def mask_email(address):
    """First letter of both sides: a***@e***."""
    local, _, domain = address.partition("@")
    return f"{local[:1]}***@{domain[:1]}***"


def mask_phone(number):
    """Plus sign, seven stars, the last four digits."""
    return f"+*******{number[-4:]}"


class Outbox:
    """Mails and messages in order; readers may wait for them."""

    def __init__(self, clock):
        self.clock = clock
        self.changed = threading.Condition()
        self.entries = []

    def reset(self):
        with self.changed:
            self.entries = []

    def send(self, kind, medium, destination, username, code, session, late=0.0):
        """Deliver now, or `late` seconds from now."""
        entry = {
            "time": self.clock.now(), "kind": kind, "medium": medium, "destination": destination,
            "username": username, "code": code,
            "session_sha256": hashlib.sha256(session.encode()).hexdigest() if session else None,
        }
        with self.changed:
            self.entries.append((time.monotonic() + late, entry))
            self.changed.notify_all()

    def read(self, username=None):
        """What has arrived so far; `username` matches the name in the request or the destination."""
        now = time.monotonic()
        with self.changed:
            arrived = [entry for when, entry in self.entries if when <= now]
        if username is None:
            return arrived
        return [entry for entry in arrived if username in (entry["username"], entry["destination"])]

    def wait(self, count, timeout, username=None):
        """Return once that many have arrived since the last reset, or at the time-out with what there is."""
        end = time.monotonic() + timeout
        while True:
            found = self.read(username)
            left = end - time.monotonic()
            if len(found) >= count or left <= 0:
                return found
            with self.changed:
                # Late deliveries arrive without a notification, hence the short waits.
                self.changed.wait(min(left, 0.05))
