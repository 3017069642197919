"""Pools, app clients and users: what exists, how it is found, how it is changed while the server runs."""

import copy
import time
import uuid
from dataclasses import dataclass, field, fields

from .errors import ServiceError

STATUSES = (
    "UNCONFIRMED", "CONFIRMED", "EXTERNAL_PROVIDER", "RESET_REQUIRED", "FORCE_CHANGE_PASSWORD",
    "ARCHIVED", "COMPROMISED", "UNKNOWN",
)


@dataclass
class User:
    """One user. `username` is the internal name: the sub in pools whose user names are addresses."""

    username: str
    sub: str
    status: str = "CONFIRMED"
    enabled: bool = True
    email: str | None = None
    email_verified: bool | None = True
    phone_number: str | None = None
    phone_number_verified: bool | None = None
    attributes: dict = field(default_factory=dict)
    groups: list = field(default_factory=list)
    mfa: list = field(default_factory=list)
    preferred_mfa: str | None = None
    has_password: bool = False
    password: str | None = None
    force_select: bool = False      # SELECT_CHALLENGE even where the preferred factor is available
    no_mail: bool = False           # codes are accepted but never delivered
    failures: int = 0
    locked_until: float = 0.0
    created: float = field(default_factory=time.time)
    modified: float = field(default_factory=time.time)


@dataclass
class Client:
    """One app client. Validities are seconds, except auth_session_validity (minutes, as in the API)."""

    id: str
    name: str = "client"
    secrets: list = field(default_factory=list)
    explicit_auth_flows: list = field(default_factory=lambda: ["ALLOW_USER_AUTH"])
    prevent_user_existence_errors: str = "ENABLED"
    auth_session_validity: int = 3
    access_token_validity: int = 3600
    id_token_validity: int = 3600
    refresh_token_validity: int = 86400
    refresh_token_rotation: bool = False
    retry_grace_period_seconds: int = 0
    reuse_revokes_family: bool = False
    enable_token_revocation: bool = True
    enable_propagate_user_context: bool = False
    read_attributes: list | None = None
    write_attributes: list | None = None
    simulated_available: str = "wide"   # what a simulated user seems to have: "wide" or "narrow"
    challenge_parameters: str = "delivery"  # "delivery", "none", "empty", "srp" (+USER_ID_FOR_SRP), "username"
    created: float = field(default_factory=time.time)

    def allows(self, flow):
        return f"ALLOW_{flow}" in self.explicit_auth_flows

    def masks(self):
        return self.prevent_user_existence_errors == "ENABLED"


@dataclass
class Pool:
    """One user pool with its clients and users."""

    id: str
    name: str = "pool"
    region: str = ""
    account: str = "111122223333"
    issuer: str = ""                # an exact issuer, else it follows from issuer_type
    issuer_type: str = "ORIGINAL"
    tier: str = "ESSENTIALS"
    mfa: str = "OFF"
    allowed_first_auth_factors: list = field(default_factory=lambda: ["PASSWORD"])
    username_attributes: list = field(default_factory=list)
    alias_attributes: list = field(default_factory=list)
    case_sensitive: bool = False
    email_sender: str = "COGNITO_DEFAULT"
    email_failure: str = ""         # EmailConfigurationFailure of DescribeUserPool
    sms_failure: str = ""
    admin_create_only: bool = True  # nobody can sign himself up; this server has no SignUp
    verify_before_update: list = field(default_factory=list)
    lambda_config: dict = field(default_factory=dict)   # shown, never called
    daily_mail_limit: int = 0       # 0 is no limit
    mails_today: int = 0
    lockout_after: int = 0          # wrong codes until the growing lockout begins, 0 is never
    resend: str = "both"            # or "newest": a second InitiateAuth ends the first session
    disabled_at: str = "initiate"   # where a disabled user is refused: "initiate", "respond", "simulate"
    require_verified: bool = False  # codes go to verified addresses only
    email_code_length: int = 8
    sms_code_length: int = 8
    emit_acr: bool = True
    created: float = field(default_factory=time.time)
    clients: dict = field(default_factory=dict)
    users: dict = field(default_factory=dict)

    def __post_init__(self):
        self.region = self.region or self.id.split("_", 1)[0]

    def issuer_url(self):
        if self.issuer:
            return self.issuer
        host = "issuer-cognito-idp" if self.issuer_type == "UPDATED" else "cognito-idp"
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{host}.{self.region}.{suffix}/{self.id}"

    def passwordless(self):
        return self.tier != "LITE" and self.mfa != "ON" and bool(
            {"EMAIL_OTP", "SMS_OTP"} & set(self.allowed_first_auth_factors))

    def same(self, one, other):
        """Compare two names by the pool's case rule."""
        if one is None or other is None:
            return False
        return one == other if self.case_sensitive else one.casefold() == other.casefold()

    def aliases(self, user):
        """The names besides the internal one under which a user is found."""
        names = [user.sub]
        if "email" in self.username_attributes or ("email" in self.alias_attributes and user.email_verified):
            names.append(user.email)
        if "phone_number" in self.username_attributes or (
                "phone_number" in self.alias_attributes and user.phone_number_verified):
            names.append(user.phone_number)
        return [name for name in names if name]

    def find_user(self, name):
        """By internal name, sub or alias; None if there is nobody."""
        if name in self.users:
            return self.users[name]
        for user in self.users.values():
            if self.same(user.username, name) or any(self.same(alias, name) for alias in self.aliases(user)):
                return user
        return None

    def add_user(self, spec):
        """A user from a configuration object; what is missing follows from the pool."""
        spec = dict(spec)
        label = spec.get("username") or spec.get("email") or spec.get("phone_number") or ""
        spec.setdefault("sub", str(uuid.uuid5(uuid.NAMESPACE_URL, f"{self.id}/{label}")))
        if self.username_attributes or not spec.get("username"):
            spec["username"] = spec["sub"]
        user = _build(User, spec)
        self.users[user.username] = user
        return user


def _build(kind, spec):
    _check_names(kind, spec)
    return kind(**copy.deepcopy(spec))


def _check_names(kind, spec):
    known = {item.name for item in fields(kind)}
    unknown = sorted(set(spec) - known)
    if unknown:
        raise ValueError(f"{kind.__name__} has no {', '.join(unknown)}")


def change(thing, changes):
    """Set fields of a pool, client or user; a wrong name is an error, not a silent miss."""
    _check_names(type(thing), changes)
    for name, value in changes.items():
        setattr(thing, name, value)
    if isinstance(thing, User):
        thing.modified = time.time()


class Store:
    """All pools, rebuilt from the configuration by `reset`."""

    def __init__(self, config):
        self.config = config
        self.pools = {}
        self.credentials = {}
        self.reset()

    def reset(self):
        pools = {}
        for spec in copy.deepcopy(self.config["pools"]):
            clients, users = spec.pop("clients", []), spec.pop("users", [])
            pool = _build(Pool, spec)
            for client in clients:
                pool.clients[client["id"]] = _build(Client, client)
            for user in users:
                pool.add_user(user)
            pools[pool.id] = pool
        self.pools = pools
        self.credentials = copy.deepcopy(self.config.get("credentials", {}))

    def pool(self, pool_id):
        if pool_id not in self.pools:
            raise ServiceError("ResourceNotFoundException", f"User pool {pool_id} does not exist.")
        return self.pools[pool_id]

    def client(self, client_id):
        """The pool and the client of a client id."""
        for pool in self.pools.values():
            if client_id in pool.clients:
                return pool, pool.clients[client_id]
        raise ServiceError("ResourceNotFoundException", f"User pool client {client_id} does not exist.")

    def first_pool(self):
        return next(iter(self.pools.values()))
