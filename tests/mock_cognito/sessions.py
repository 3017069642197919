"""Challenge sessions: the opaque strings between InitiateAuth and the last answer."""

from dataclasses import dataclass

from .errors import not_authorized

REAL_LENGTH = 1543
SIMULATED_LENGTH = 1587     # the live service gives itself away like this, so does this one


@dataclass
class Challenge:
    """What one session stands for. `username` is the name typed, `user` the internal one (None if simulated)."""

    session: str
    pool: str
    client: str
    name: str
    username: str
    user: str | None
    created: float
    code: str | None = None
    used: bool = False
    ended: bool = False


class Sessions:
    """All open and spent sessions."""

    def __init__(self, clock, chance):
        self.clock = clock
        self.chance = chance
        self.challenges = {}

    def reset(self):
        self.challenges = {}

    def open(self, pool, client, name, username, user, code=None):
        length = REAL_LENGTH if user else SIMULATED_LENGTH
        session = "AYABe" + self.chance.text(length - 5)
        challenge = Challenge(session, pool.id, client.id, name, username, user and user.username,
                              self.clock.now(), code)
        if pool.resend == "newest" and user:
            self._end_older(challenge)
        self.challenges[session] = challenge
        return challenge

    def _end_older(self, newest):
        for challenge in self.challenges.values():
            if (challenge.user, challenge.client) == (newest.user, newest.client) and not challenge.used:
                challenge.ended = True

    def take(self, session, pool, client, username):
        """The challenge of a session, after every check that does not look at the answer."""
        challenge = self.challenges.get(session)
        if challenge is None or challenge.client != client.id or not self._belongs(challenge, pool, username):
            raise not_authorized("Invalid session for the user.")
        if challenge.used:
            raise not_authorized("Invalid session for the user, session can only be used once.")
        if challenge.ended or self.clock.now() >= challenge.created + 60 * client.auth_session_validity:
            raise not_authorized("Invalid session for the user, session is expired.")
        return challenge

    @staticmethod
    def _belongs(challenge, pool, username):
        if pool.same(challenge.username, username):
            return True
        user = pool.users.get(challenge.user) if challenge.user else None
        return user is not None and pool.find_user(username) is user
