"""The HTTPS service: accepts connections, reads requests, lets operations run, sends answers or plays faults."""

import copy
import errno
import json
import logging
import socket
import ssl
import threading

from . import operations, reply, wire_faults
from .call import username_in
from .errors import ServiceError
from .jwks import discovery, mutated
from .transport import Answer, BadRequestError, Reader, json_bytes

HANDSHAKE_TIMEOUT = 10.0
REQUEST_TIMEOUT = 30.0
BACKLOG = 512
WELL_KNOWN = "/.well-known/"
LOG = logging.getLogger("mock_cognito")


def listen(port):
    """Listening sockets on both loopback addresses with one port number; IPv6 only where there is any."""
    for _ in range(20):
        first = socket.create_server(("127.0.0.1", port), backlog=BACKLOG)
        number = first.getsockname()[1]
        try:
            second = socket.create_server(("::1", number), family=socket.AF_INET6, backlog=BACKLOG)
        except OSError as error:
            if port or error.errno != errno.EADDRINUSE:
                return [first]
            first.close()
            continue
        return [first, second]
    return [socket.create_server(("127.0.0.1", port), backlog=BACKLOG)]


class Acceptor(threading.Thread):
    """Accepts on one socket and gives each connection its own thread."""

    def __init__(self, listener, serve):
        super().__init__(daemon=True)
        self.listener = listener
        self.serve = serve

    def run(self):
        while True:
            try:
                sock, peer = self.listener.accept()
            except OSError:
                return
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.serve, args=(sock, peer), daemon=True).start()


class Service:
    """One certificate profile's port."""

    def __init__(self, world, profile, context, stop):
        self.world = world
        self.profile = profile
        self.context = context
        self.stop = stop

    def serve(self, sock, peer):
        """One connection from its first byte to its last."""
        entry = self.world.journal.connect(self.profile, f"{peer[0]}:{peer[1]}")
        try:
            tls = self.handshake(sock, entry)
            if tls is not None:
                with tls:
                    self.talk(tls, entry)
        except OSError:
            pass
        except Exception:
            LOG.exception("connection %d", entry["id"])
        finally:
            entry["closed"] = True
            sock.close()

    def handshake(self, sock, entry):
        fault = self.world.faults.take("connect")
        if fault.get("delay"):
            self.stop.wait(fault["delay"])
        if fault.get("transport"):
            entry["error"] = f"fault {fault['transport']}"
            play_connect(wire_faults.Wire(sock, fault, self.stop), fault["transport"])
            return None
        sock.settimeout(HANDSHAKE_TIMEOUT)
        try:
            tls = self.context.wrap_socket(sock, server_side=True)
        except OSError as error:
            entry["handshake"], entry["error"] = False, str(error)
            return None
        entry |= {"handshake": True, "tls_version": tls.version(), "alpn": tls.selected_alpn_protocol(),
                  "server_name": getattr(tls, "asked_name", None)}
        return tls

    def talk(self, tls, entry):
        """Requests in turn until one side is done."""
        reader, on_reuse = Reader(tls), None
        while not self.stop.is_set():
            tls.settimeout(self.world.settings.idle_timeout)
            if not reader.wait():
                return
            try:
                request = reader.read(REQUEST_TIMEOUT)
            except BadRequestError as error:
                entry["error"] = f"bad request: {error}"
                return
            on_reuse = self.exchange(tls, entry, request, on_reuse)
            if on_reuse == "end":
                return

    def exchange(self, tls, entry, request, on_reuse):
        """One request and its answer. The result is "end" or the fault that waits for the next request, if any."""
        operation = self.operation_of(request)
        record = self.world.journal.request(entry, operation, request)
        if not request.complete:
            return "end"
        if on_reuse is not None:
            play_reuse(wire_faults.Wire(tls, on_reuse, self.stop), on_reuse["transport"])
            return "end"
        body = operations.parse_body(request)
        fault = self.world.faults.take(operation, username_in(body) if body else None)
        answer = self.answer(operation, request, body, fault)
        if fault.get("delay"):
            self.stop.wait(fault["delay"])
        return self.send(tls, record, request, fault, answer)

    def send(self, tls, record, request, fault, answer):
        transport = fault.get("transport")
        record["status"] = answer.status
        if transport in wire_faults.PLAYS:
            if transport in ("silent", "close_before", "reset_after_body"):
                record["status"] = None
            going_on = wire_faults.play(tls, fault, answer, self.stop)
            if not going_on:
                farewell(tls, fault)
            return None if going_on and request.keep_alive() else "end"
        tls.settimeout(REQUEST_TIMEOUT)
        if not request.keep_alive():
            answer.headers = [h for h in answer.headers if h[0] != "Connection"] + [("Connection", "close")]
        tls.sendall(answer.encode())
        if not request.keep_alive():
            farewell(tls, fault)
            return "end"
        return fault if transport in wire_faults.ON_REUSE else None

    @staticmethod
    def operation_of(request):
        if request.method == "GET" and WELL_KNOWN in request.path:
            return "jwks" if request.path.endswith("jwks.json") else "openid-configuration"
        return operations.operation_of(request)

    def answer(self, operation, request, body, fault):
        """The answer with the fault's changes. What the fault replaces altogether is not performed, unless it says
        `process`; a transport fault loses the answer of work that was done."""
        replaced = "error" in fault or "body" in fault or "body_base64" in fault
        result = None
        if fault.get("process", not replaced):
            result = self.perform(operation, request, body, fault)
        with self.world.lock:
            if "error" in fault:
                answer = reply.scripted_error(self.world, fault["error"])
            elif isinstance(result, ServiceError):
                answer = reply.error_answer(self.world, result)
            elif isinstance(result, Answer):
                answer = result
            else:
                answer = reply.success(self.world, {})
                answer.body = reply.patched(copy.deepcopy(result or {}), fault)
        return reply.reshape(answer, fault)

    def perform(self, operation, request, body, fault):
        """The result of the operation: a body, a ready answer, or an error."""
        with self.world.lock:
            try:
                if operation in ("jwks", "openid-configuration"):
                    return self.document(operation, request.path.partition("?")[0], fault)
                return operations.run(self.world, request, body, fault)
            except ServiceError as error:
                return error

    def document(self, operation, path, fault):
        """The two published documents; anything else there is not found."""
        pool_id, _, name = path.lstrip("/").partition("/")
        pool = self.world.store.pools.get(pool_id)
        documents = {".well-known/jwks.json": self.key_set, ".well-known/openid-configuration": self.discovery}
        if pool is None or name not in documents:
            return Answer(404, b'{"message":"Not Found"}', self.document_headers())
        return Answer(200, json_bytes(documents[name](pool, fault)), self.document_headers())

    def document_headers(self):
        headers = dict(reply.common_headers(self.world))
        headers |= {"Content-Type": "application/json", "Cache-Control": "public, max-age=86400, immutable"}
        return list(headers.items())

    def key_set(self, pool, fault):
        document = self.world.keys.jwks(pool.id)
        if "keys" in fault:
            document = mutated(document, fault["keys"], self.world.keys)
        return json.loads(reply.patched(document, {**fault, "patch_text": {}}))

    @staticmethod
    def discovery(pool, _fault):
        return discovery(pool)


def play_connect(wire, name):
    """Faults of a connection before its TLS handshake."""
    if name == "handshake_stall":
        wire.hold_open()
    elif name == "reset":
        wire.reset()
    elif name == "garbage":
        wire.send(bytes(range(256)) * 4)


def play_reuse(wire, name):
    """Faults of the request that comes second on a connection; it was read and logged already."""
    if name == "reset_on_reuse":
        wire.reset()
    elif name == "silent_on_reuse":
        wire.hold_open()


def farewell(tls, fault):
    """close_notify before the end, unless a fault wants it missing. The peer's own is not waited for."""
    if fault.get("close_notify") is False:
        return
    try:
        tls.settimeout(0)
        tls.unwrap()
    except (OSError, ValueError, ssl.SSLError):
        pass
