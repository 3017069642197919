"""The instance metadata service of an EC2 machine, as far as credentials go: plain HTTP on an address of its own.

Its requests stand in the journal as `imds-token`, `imds-roles`, `imds-credentials` and `imds-other`, and faults are
queued for them under these names. The credentials it gives are those of an access key of the signed operations.
"""

import base64
import logging
import re
import time

from . import reply, wire_faults
from .transport import Answer, BadRequestError, Reader, http_date

TOKEN_PATH = "/latest/api/token"
ROLES_PATH = "/latest/meta-data/iam/security-credentials/"
TTL_HEADER = "x-aws-ec2-metadata-token-ttl-seconds"
TOKEN_HEADER = "x-aws-ec2-metadata-token"
TTL_MAX = 21600
TIMEOUT = 30.0
# optional and required: version 2 with and without version 1 beside it; v1: an old imitation; disabled: HttpEndpoint
VERSIONS = ("optional", "required", "v1", "disabled")
LOG = logging.getLogger("mock_cognito")


def stamp(when):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when))


class Metadata:
    """What the machine is like; changed through the control port."""

    DEFAULTS = {"version": "required", "roles": "pam-host", "access_key": "ASIDEXAMPLE", "code": "Success",
                "life": 6 * 3600, "expiration": None}

    def __init__(self):
        self.reset()

    def reset(self):
        self.tokens = {}
        vars(self).update(self.DEFAULTS)

    def set(self, **changes):
        unknown = sorted(set(changes) - set(self.DEFAULTS))
        if unknown:
            raise ValueError(f"no such member of the metadata: {', '.join(unknown)}")
        if changes.get("version", "v1") not in VERSIONS:
            raise ValueError(f"no such version: {changes['version']}")
        vars(self).update(changes)

    def read(self):
        return {name: getattr(self, name) for name in self.DEFAULTS}


class Imds:
    """One machine's service."""

    def __init__(self, world, stop):
        self.world = world
        self.metadata = world.metadata
        self.stop = stop

    def serve(self, sock, peer):
        """One connection from its first byte to its last."""
        entry = self.world.journal.connect("imds", f"{peer[0]}:{peer[1]}")
        try:
            with sock:
                self.talk(sock, entry)
        except OSError:
            pass
        except BadRequestError as error:
            entry["error"] = f"bad request: {error}"
        except Exception:
            LOG.exception("connection %d", entry["id"])
        finally:
            entry["closed"] = True

    def talk(self, sock, entry):
        reader = Reader(sock)
        while not self.stop.is_set():
            sock.settimeout(TIMEOUT)
            if not reader.wait():
                return
            request = reader.read(TIMEOUT)
            operation = operation_of(request)
            record = self.world.journal.request(entry, operation, request)
            if not request.complete or not self.exchange(sock, record, request, operation):
                return

    def exchange(self, sock, record, request, operation):
        """One answer; whether the connection lives on."""
        fault = self.world.faults.take(operation)
        with self.world.lock:
            answer = reply.reshape(self.answer(operation, request, fault), fault)
        if fault.get("delay"):
            self.stop.wait(fault["delay"])
        if fault.get("transport") in wire_faults.PLAYS:
            return wire_faults.play(sock, fault, answer, self.stop)
        record["status"] = answer.status
        sock.settimeout(TIMEOUT)
        sock.sendall(answer.encode())
        return request.keep_alive()

    def answer(self, operation, request, fault):
        if self.metadata.version == "disabled":
            return self.text(403, "")
        if operation == "imds-token":
            return self.token(request)
        if self.refuses(request):
            return self.text(401, "")
        if operation == "imds-roles":
            return self.text(200, self.metadata.roles) if self.metadata.roles is not None else self.text(404, "")
        if operation == "imds-credentials" and self.is_role(request):
            return self.credentials(fault)
        return self.text(404, "")

    def token(self, request):
        """A new session token. Version 1 knows no PUT; what came through a proxy or web server gets none."""
        ttl = request.headers.get(TTL_HEADER, "")
        if self.metadata.version == "v1":
            return self.text(405, "")
        if "x-forwarded-for" in request.headers:
            return self.text(403, "")
        if not re.fullmatch(r"[0-9]{1,5}", ttl) or not 1 <= int(ttl) <= TTL_MAX:
            return self.text(400, "")
        token = base64.b64encode(self.world.chance.uuid().encode()).decode()
        self.metadata.tokens[token] = self.world.clock.now() + int(ttl)
        return self.text(200, token, [("X-Aws-Ec2-Metadata-Token-Ttl-Seconds", ttl)])

    def refuses(self, request):
        """Whether the session token is missing where it must be there, unknown, or too old."""
        token = request.headers.get(TOKEN_HEADER)
        if token is None or self.metadata.version == "v1":
            return self.metadata.version == "required"
        return self.metadata.tokens.get(token, 0) <= self.world.clock.now()

    def is_role(self, request):
        return request.path.removeprefix(ROLES_PATH) in (self.metadata.roles or "").split()

    def credentials(self, fault):
        """The document of the role; an error of it comes with status 200 as well."""
        now, metadata = self.world.clock.now(), self.metadata
        document = {"Code": metadata.code, "LastUpdated": stamp(now)}
        if metadata.code == "Success":
            credential = self.world.store.credentials.get(metadata.access_key, {})
            document |= {
                "Type": "AWS-HMAC", "AccessKeyId": metadata.access_key, "SecretAccessKey": credential.get("secret", ""),
                "Token": credential.get("token", ""), "Expiration": metadata.expiration or stamp(now + metadata.life)}
        answer = self.text(200, "")
        answer.body = reply.patched(document, fault)
        return answer

    def text(self, status, text, headers=()):
        kept = [("Content-Type", "text/plain"), ("Server", "EC2ws"), ("Date", http_date(self.world.clock.date()))]
        return Answer(status, text.encode(), [*kept, *headers])


def operation_of(request):
    """The name of what is asked, whatever is wrong with it."""
    if request.path == TOKEN_PATH:
        return "imds-token"
    if request.path in (ROLES_PATH, ROLES_PATH.rstrip("/")):
        return "imds-roles"
    return "imds-credentials" if request.path.startswith(ROLES_PATH) else "imds-other"
