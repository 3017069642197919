"""The queue of scripted faults, and the magic user names that carry one in themselves."""

import threading
from dataclasses import dataclass

FOREVER = -1
MAGIC_PREFIX = "fault+"

# What a fault may say. Anything else is a spelling mistake in a test and is refused at once.
KEYWORDS = frozenset((
    "error", "status", "body", "body_base64", "body_prefix", "body_suffix", "truncate", "content_type", "headers",
    "remove_headers", "reason", "delay", "process", "patch", "patch_text", "tokens", "swap", "drop", "tokens_now",
    "tokens_and_challenge", "challenge", "challenge_parameters", "available", "success_any_code", "no_mail",
    "late_mail", "keys", "transport", "size", "hold", "interval", "linger", "location", "close_notify"))

MAGIC = {
    "codemismatch": ("RespondToAuthChallenge", {"error": {
        "type": "CodeMismatchException", "message": "Invalid code or auth state for the user."}}),
    "codeexpired": ("RespondToAuthChallenge", {"error": {
        "type": "ExpiredCodeException", "message": "Invalid code provided, please request a code again."}}),
    "sessionexpired": ("RespondToAuthChallenge", {"error": {
        "type": "NotAuthorizedException", "message": "Invalid session for the user, session is expired."}}),
    "lockout": ("RespondToAuthChallenge", {"error": {
        "type": "NotAuthorizedException", "message": "Password attempts exceeded"}}),
    "disabled": ("InitiateAuth", {"error": {"type": "NotAuthorizedException", "message": "User is disabled."}}),
    "notfound": ("InitiateAuth", {"error": {"type": "UserNotFoundException", "message": "User does not exist."}}),
    "throttled": ("InitiateAuth", {"error": {"type": "TooManyRequestsException", "message": "Rate exceeded"}}),
    "maillimit": ("InitiateAuth", {"error": {
        "type": "LimitExceededException",
        "message": "Exceeded daily email limit for the operation or the account. If a higher limit is required, "
                   "please configure your user pool to use your own Amazon SES configuration for sending email."}}),
    "internal": ("InitiateAuth", {"error": {"type": "InternalErrorException", "message": "Internal server error"}}),
    "waf": ("InitiateAuth", {"error": {
        "type": "ForbiddenException", "message": "Request not allowed due to WAF block."}}),
    "html503": ("InitiateAuth", {"status": 503, "content_type": "text/html",
                                 "body": "<html><body>503 Service Unavailable</body></html>"}),
    "silent": ("InitiateAuth", {"transport": "silent"}),
    "slow": ("InitiateAuth", {"delay": 10}),
    "nomail": ("InitiateAuth", {"no_mail": True}),
    "select": ("InitiateAuth", {"challenge": "SELECT_CHALLENGE"}),
    "tokensnow": ("InitiateAuth", {"tokens_now": True}),
    "mfa": ("RespondToAuthChallenge", {"challenge": "SOFTWARE_TOKEN_MFA"}),
    "newpassword": ("RespondToAuthChallenge", {"challenge": "NEW_PASSWORD_REQUIRED"}),
    "anycode": ("RespondToAuthChallenge", {"success_any_code": True}),
    "badsignature": ("RespondToAuthChallenge", {"tokens": {"id": {"sign": "flip"}, "access": {"sign": "flip"}}}),
    "notokens": ("RespondToAuthChallenge", {"drop": ["IdToken"]}),
}


@dataclass
class Fault:
    """One entry of the queue: for which calls, how often, and what happens."""

    operation: str
    spec: dict
    times: int = 1
    after: int = 0
    user: str | None = None

    def matches(self, operation, username):
        if self.times == 0 or self.operation not in (operation, "*"):
            return False
        return self.user is None or (username is not None and self.user.casefold() == username.casefold())


class Faults:
    """First in, first out; a fault that still lets calls pass (`after`) does not hold up those behind it."""

    def __init__(self):
        self.lock = threading.Lock()
        self.queue = []

    def reset(self):
        with self.lock:
            self.queue = []

    def add(self, operation, times=1, after=0, user=None, **spec):
        unknown = sorted(set(spec) - KEYWORDS)
        if unknown:
            raise ValueError(f"unknown fault keyword {', '.join(unknown)}")
        with self.lock:
            self.queue.append(Fault(operation, spec, FOREVER if times is None else times, after, user))

    def pending(self):
        with self.lock:
            return [{"operation": f.operation, "times": f.times, "after": f.after, "user": f.user, **f.spec}
                    for f in self.queue]

    def take(self, operation, username=None):
        """The spec of the first fault that is due for this call, else that of a magic user name, else nothing."""
        with self.lock:
            due = None
            for fault in [f for f in self.queue if f.matches(operation, username)]:
                if fault.after > 0:
                    fault.after -= 1
                elif due is None:
                    due = fault
            if due is not None:
                due.times -= due.times > 0
                self.queue = [fault for fault in self.queue if fault.times != 0]
                return due.spec
        return self._magic(operation, username)

    @staticmethod
    def _magic(operation, username):
        if not username or not username.casefold().startswith(MAGIC_PREFIX):
            return {}
        name = username[len(MAGIC_PREFIX):].partition("@")[0].casefold()
        wanted, spec = MAGIC.get(name, (None, {}))
        return spec if wanted == operation else {}
