"""One call of an operation: the request's body, the world it acts on, and the fault that shall spoil it."""

from dataclasses import dataclass, field

from .errors import invalid_parameter
from .faults import MAGIC_PREFIX


@dataclass
class Call:
    """Handed to every operation."""

    world: object
    operation: str
    body: dict
    request: object
    fault: dict = field(default_factory=dict)

    def client(self):
        return self.world.store.client(self.body["ClientId"])

    def pool(self):
        return self.world.store.pool(self.body["UserPoolId"])

    def parameters(self):
        return self.body.get("AuthParameters") or self.body.get("ChallengeResponses") or {}

    def parameter(self, name):
        """A required entry of the parameter map."""
        value = self.parameters().get(name)
        if not value:
            raise invalid_parameter(f"Missing required parameter {name}")
        return value

    def user(self, pool, name):
        """The user of that name or None; a magic name makes its own user."""
        user = pool.find_user(name)
        if user is None and name.startswith(MAGIC_PREFIX) and "@" in name:
            user = pool.add_user({"email": name})
        return user


def username_in(body):
    """The user name that a request is about, for the choice of faults."""
    for name in ("AuthParameters", "ChallengeResponses"):
        parameters = body.get(name)
        if isinstance(parameters, dict) and isinstance(parameters.get("USERNAME"), str):
            return parameters["USERNAME"]
    return body.get("Username") if isinstance(body.get("Username"), str) else None
