"""The control port: JSON over plain HTTP on loopback, one verb per path, for tests and for curl."""

import json
import socket
import urllib.parse

from . import client_secrets, store, wire_faults
from .errors import ServiceError
from .jwks import MUTATIONS
from .reply import ENVELOPES
from .transport import Answer, BadRequestError, Reader, json_bytes

MAX_WAIT = 120.0


class Control:
    """Verbs are the public methods of `Verbs`; their results and errors travel as JSON."""

    def __init__(self, world, stop, info):
        self.verbs = Verbs(world, info)
        self.stop = stop

    def serve(self, sock, _peer):
        with sock:
            reader = Reader(sock)
            while not self.stop.is_set():
                try:
                    sock.settimeout(60)
                    if not reader.wait():
                        return
                    request = reader.read(30)
                    if not request.complete:
                        return
                    sock.sendall(self.answer(request).encode())
                except (OSError, BadRequestError):
                    return
                if not request.keep_alive():
                    sock.shutdown(socket.SHUT_WR)
                    return

    def answer(self, request):
        path, _, query = request.path.partition("?")
        headers = [("Content-Type", "application/json")]
        try:
            arguments = json.loads(request.body) if request.body else dict(urllib.parse.parse_qsl(query))
            verb = getattr(self.verbs, path.strip("/"), None) if not path.startswith("/_") else None
            if verb is None:
                return Answer(404, json_bytes({"error": f"no such verb: {path}"}), headers)
            return Answer(200, json_bytes({"result": verb(**arguments)}), headers)
        except (TypeError, ValueError, KeyError, ServiceError) as error:
            return Answer(400, json_bytes({"error": f"{type(error).__name__}: {error}"}), headers)


class Verbs:
    """What can be asked of and done to a running server."""

    def __init__(self, world, info):
        self._world = world
        self._info = info

    def info(self):
        return self._info

    def outbox(self, username=None):
        return self._world.outbox.read(username)

    def wait_mail(self, count=1, timeout=5.0, username=None):
        return self._world.outbox.wait(int(count), min(float(timeout), MAX_WAIT), username)

    def requests(self, operation=None):
        return self._world.journal.read(operation)

    def connections(self):
        return self._world.journal.read_connections()

    def fault(self, operation, times=1, after=0, user=None, **spec):
        check_fault(operation, spec)
        self._world.faults.add(operation, times, after, user, **spec)

    def faults(self):
        return self._world.faults.pending()

    def clear_faults(self):
        self._world.faults.reset()

    def clear_log(self):
        self._world.journal.reset()

    def clear_outbox(self):
        self._world.outbox.reset()

    def reset(self):
        self._world.reset()

    def set_clock(self, **offsets):
        self._world.clock.set(**offsets)

    def settings(self, **changes):
        self._world.settings.set(**changes)
        if "seed" in changes:
            self._world.chance.reset(changes["seed"])

    def next_code(self, code):
        self._world.chance.next_codes.append(str(code))

    def user(self, name, pool=None, delete=False, **changes):
        """Change a user, or make one of that address (or name, in pools without address names)."""
        with self._world.lock:
            pool = self._pool(pool)
            user = pool.find_user(name)
            if delete:
                return user is not None and pool.users.pop(user.username) is not None
            if changes.get("status") not in (None, *store.STATUSES):
                raise ValueError(f"no such status: {changes['status']}")
            if user is None:
                label = "email" if "@" in name else "username"
                user = pool.add_user({label: name, **changes})
            else:
                store.change(user, changes)
            return vars(user)

    def sign_out(self, name, pool=None):
        """End every grant of a user, as AdminUserGlobalSignOut does."""
        with self._world.lock:
            pool = self._pool(pool)
            self._world.grants.sign_out(pool, pool.find_user(name))

    def client(self, client_id, **changes):
        with self._world.lock:
            for pool in self._world.store.pools.values():
                if client_id in pool.clients:
                    store.change(pool.clients[client_id], changes)
                    return vars(pool.clients[client_id])
            pool = self._pool(changes.pop("pool", None))
            pool.clients[client_id] = store.Client(id=client_id, **changes)
            return vars(pool.clients[client_id])

    def add_client_secret(self, client_id, secret=None):
        """AddUserPoolClientSecret without a signature; the id, and the secret itself in any case."""
        with self._world.lock:
            _, client = self._world.store.client(client_id)
            made = client_secrets.add(self._world, client, secret)
            return {"id": made["ClientSecretId"], "secret": client.secrets[-1]}

    def delete_client_secret(self, client_id, secret):
        """DeleteUserPoolClientSecret without a signature, by the secret itself."""
        with self._world.lock:
            _, client = self._world.store.client(client_id)
            client_secrets.delete(client, client_secrets.secret_id(client, secret))

    def pool(self, pool_id=None, **changes):
        with self._world.lock:
            pool = self._pool(pool_id)
            store.change(pool, changes)
            return {name: value for name, value in vars(pool).items() if name not in ("clients", "users")}

    def credential(self, access_key, **changes):
        """Change, make or (with delete) remove an access key of the signed operations.

        `secret`, `token`, `expires` (seconds from now), `expired`, `denied` (operations, or "*")."""
        with self._world.lock:
            credentials = self._world.store.credentials
            if changes.pop("delete", False):
                return credentials.pop(access_key, None) is not None
            unknown = sorted(set(changes) - {"secret", "token", "expires", "expired", "denied"})
            if unknown:
                raise ValueError(f"no such member of a credential: {', '.join(unknown)}")
            if changes.get("expires") is not None:
                changes["expires"] += self._world.clock.signature()
            credential = credentials.setdefault(access_key, {"secret": ""})
            credential.update(changes)
            return credential

    def imds(self, **changes):
        """Change the machine that the instance metadata service speaks of."""
        with self._world.lock:
            self._world.metadata.set(**changes)
            return self._world.metadata.read()

    def rotate_keys(self, pool=None, keep_old=True):
        with self._world.lock:
            pool_id = self._pool(pool).id
            self._world.keys.rotate(pool_id, keep_old)
            return self._world.keys.jwks(pool_id)

    def jwks(self, pool=None):
        return self._world.keys.jwks(self._pool(pool).id)

    def _pool(self, pool_id):
        pools = self._world.store.pools
        if pool_id is None:
            return self._world.store.first_pool()
        if pool_id not in pools:
            raise ValueError(f"no such pool: {pool_id}")
        return pools[pool_id]


def check_fault(operation, spec):
    """A misspelt fault must fail the test that asks for it, not pass it by doing nothing."""
    wire_faults.check_transport(operation, spec.get("transport"))
    mutations = spec.get("keys", [])
    for name in [mutations] if isinstance(mutations, str) else mutations:
        if name not in MUTATIONS:
            raise ValueError(f"no such key set mutation: {name}")
    envelope = (spec.get("error") or {}).get("envelope", "bare")
    if envelope not in ENVELOPES:
        raise ValueError(f"no such envelope: {envelope}")
