"""Everything random, seeded when a test wants the same run twice."""

import base64
import random
import uuid
from collections import deque


class Chance:
    """Codes, ids and opaque strings; `next_codes` are handed out before random ones."""

    def __init__(self, seed=None):
        self.reset(seed)

    def reset(self, seed=None):
        self.random = random.SystemRandom() if seed is None else random.Random(seed)
        self.next_codes = deque()

    def code(self, length):
        if self.next_codes:
            return self.next_codes.popleft()
        return "".join(self.random.choice("0123456789") for _ in range(length))

    def uuid(self):
        return str(uuid.UUID(bytes=self.bytes(16), version=4))

    def bytes(self, count):
        return self.random.getrandbits(8 * count).to_bytes(count, "big")

    def text(self, length):
        """Base64url-looking text of exactly that length."""
        return base64.urlsafe_b64encode(self.bytes(length)).decode()[:length]
