"""The virtual clock: one real clock and an offset for each place where a test wants another time."""

import time


class Clock:
    """Offsets in seconds: `offset` moves everything, the others come on top of it in one place each."""

    NAMES = ("offset", "date_offset", "token_offset", "signature_offset")

    def __init__(self):
        self.reset()

    def reset(self):
        for name in self.NAMES:
            setattr(self, name, 0.0)

    def set(self, **offsets):
        for name, value in offsets.items():
            if name not in self.NAMES:
                raise ValueError(f"no such clock: {name}")
            if value is not None:
                setattr(self, name, float(value))

    def now(self):
        """The time by which sessions, lockouts and refresh tokens live."""
        return time.time() + self.offset

    def date(self):
        """The time of the HTTP Date header."""
        return self.now() + self.date_offset

    def token(self):
        """The time written into tokens, whole seconds."""
        return int(self.now() + self.token_offset)

    def signature(self):
        """The time against which request signatures are judged."""
        return self.now() + self.signature_offset
