"""What a login gave out: the refresh and access tokens in circulation and whether they still count."""

from dataclasses import dataclass, field

from .errors import ServiceError, not_authorized


@dataclass
class Grant:
    """One login. All tokens minted from it share its origin_jti and auth_time."""

    pool: str
    client: str
    user: str
    auth_time: int
    origin_jti: str
    event_id: str
    amr: list
    expires: float
    revoked: bool = False
    replaced: dict = field(default_factory=dict)     # refresh token -> time of its replacement


class Grants:
    """All grants, found by refresh token or by access token."""

    def __init__(self, clock, chance):
        self.clock = clock
        self.chance = chance
        self.reset()

    def reset(self):
        self.refresh_tokens = {}
        self.access_tokens = {}

    def open(self, pool, client, user, amr):
        return Grant(pool.id, client.id, user.username, self.clock.token(), self.chance.uuid(), self.chance.uuid(),
                     amr, self.clock.now() + client.refresh_token_validity)

    def new_refresh_token(self, grant):
        """Looks like the JWE of the service; nothing in it is meant to be read."""
        header = "eyJjdHkiOiJKV1QiLCJlbmMiOiJBMjU2R0NNIiwiYWxnIjoiUlNBLU9BRVAifQ"
        token = ".".join([header, self.chance.text(342), self.chance.text(16), self.chance.text(1360),
                          self.chance.text(22)])
        self.refresh_tokens[token] = grant
        return token

    def note_access_token(self, token, grant, expires):
        self.access_tokens[token] = (grant, expires)

    def redeem(self, token, client):
        """The grant of a refresh token that may be used now by this client."""
        grant = self.refresh_tokens.get(token)
        if grant is None or grant.client != client.id:
            raise not_authorized("Invalid Refresh Token")
        if grant.revoked:
            raise not_authorized("Refresh Token has been revoked")
        if self.clock.now() >= grant.expires:
            raise not_authorized("Refresh Token has expired")
        replaced = grant.replaced.get(token)
        if replaced is not None and self.clock.now() >= replaced + client.retry_grace_period_seconds:
            grant.revoked = grant.revoked or client.reuse_revokes_family
            raise ServiceError("RefreshTokenReuseException", "Refresh token has been invalidated")
        return grant

    def replace(self, token, grant):
        """Rotation: a new refresh token of the same remaining life."""
        grant.replaced.setdefault(token, self.clock.now())
        return self.new_refresh_token(grant)

    def look_up_access(self, token):
        """The grant of an access token that still counts for the service's own calls."""
        if token not in self.access_tokens:
            raise not_authorized("Invalid Access Token")
        grant, expires = self.access_tokens[token]
        if grant.revoked:
            raise not_authorized("Access Token has been revoked")
        if self.clock.token() >= expires:
            raise not_authorized("Access Token has expired")
        return grant

    def sign_out(self, pool, user):
        """End every grant of a user."""
        for grant in list(self.refresh_tokens.values()):
            if (grant.pool, grant.user) == (pool.id, user.username):
                grant.revoked = True
