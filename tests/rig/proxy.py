"""An HTTP proxy that makes tunnels (CONNECT) and nothing else, and can misbehave in the ways in which proxies do.

Rules: it listens on loopback only and ends with close(); every host that it is asked for is the one port of this
machine that it was given, whatever the name; what it was asked, and every byte that it got before a tunnel stood, is
kept in `seen`. What it does with a request is `behaviour`, a function (proxy, connection, request) that may be replaced
at any time: relay() makes the tunnel, the others below do not.
"""

import base64
import contextlib
import socket
import ssl
import threading
import time

ESTABLISHED = b"HTTP/1.1 200 Connection established\r\n\r\n"
PATIENCE = 60  # seconds after which nothing here waits any longer


class Proxy:
    """One proxy; also a context manager. `credentials`: "user:password" that it demands. `tls`: speaks https itself."""

    def __init__(self, target_port, *, credentials=None, tls=None, behaviour=None):
        self.target_port = target_port
        self.credentials = credentials
        self.behaviour = behaviour or relay
        self.seen = []       # each request as text, headers and all
        self.visitors = 0    # connections, whether anything was said on them or not
        self.sent = 0        # bytes of the answers that were no tunnels
        self._tls = tls
        self._open = set()
        self._guard = threading.Lock()
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = self._socket.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    @property
    def url(self):
        """What the settings call it."""
        return f"http{'s' if self._tls else ''}://localhost:{self.port}"

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Stop listening and cut everything."""
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        self._thread.join(5)
        self.cut()

    def cut(self):
        """End all connections, tunnels included."""
        with self._guard:
            connections = list(self._open)
        for connection in connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def requests(self):
        """The request lines so far."""
        return [text.split("\r\n")[0] for text in self.seen]

    def headers(self, number=0):
        """The header lines of a request, as {name in lower case: value}."""
        lines = self.seen[number].split("\r\n")[1:]
        return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines if line)}

    def keep(self, connection):
        """Have cut() end this connection as well."""
        with self._guard:
            self._open.add(connection)

    def say(self, connection, data):
        """Send an answer that is no tunnel."""
        connection.sendall(data)
        self.sent += len(data)

    def _serve(self):
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.visitors += 1
                threading.Thread(target=self._connection, args=(connection,), daemon=True).start()

    def _connection(self, connection):
        self.keep(connection)
        try:
            with contextlib.suppress(OSError, ssl.SSLError):
                connection.settimeout(PATIENCE)
                if self._tls:
                    self.keep(connection := self._tls.wrap_socket(connection, server_side=True))
                self._request(connection)
        finally:
            connection.close()

    def _request(self, connection):
        data = b""
        while not data.endswith(b"\r\n\r\n"):
            byte = connection.recv(1)
            if not byte:
                return
            data += byte
        request = data.decode("latin-1")
        self.seen.append(request)
        self.behaviour(self, connection, request)


def basic(credentials):
    """The value of the header that proves them."""
    return "Basic " + base64.b64encode(credentials.encode()).decode()


def relay(proxy, connection, request, answer=ESTABLISHED):
    """Make the tunnel, if the credentials are right."""
    lines = [line.lower() for line in request.split("\r\n")]
    wanted = proxy.credentials and f"proxy-authorization: {basic(proxy.credentials)}"
    if wanted and wanted.lower() not in lines:
        status(407)(proxy, connection, request)
        return
    with socket.create_connection(("127.0.0.1", proxy.target_port)) as target:
        proxy.keep(target)
        connection.sendall(answer)
        back = threading.Thread(target=pump, args=(target, connection), daemon=True)
        back.start()
        pump(connection, target)
        back.join(PATIENCE)


def pump(source, sink):
    """Carry bytes one way until there are no more."""
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            sink.sendall(data)
    with contextlib.suppress(OSError):
        sink.shutdown(socket.SHUT_WR)


def status(number, *lines):
    """Answer with this status, a page as proxies have it, and more header lines."""
    page = b"<html><body>no</body></html>\n"
    more = ['Proxy-Authenticate: Basic realm="rig"'] * (number == 407) + list(lines)
    head = "\r\n".join([f"HTTP/1.1 {number} Told so", "Content-Type: text/html", f"Content-Length: {len(page)}", *more])

    def behaviour(proxy, connection, _):
        proxy.say(connection, head.encode() + b"\r\n\r\n" + page)
    return behaviour


def relay_with(*lines):
    """Make the tunnel, with these header lines in the answer."""
    answer = "\r\n".join(["HTTP/1.1 200 Connection established", *lines, "", ""]).encode()

    def behaviour(proxy, connection, request):
        relay(proxy, connection, request, answer)
    return behaviour


def say(data, *, then_wait=False):
    """Answer with these bytes and hang up, or fall silent."""
    def behaviour(proxy, connection, _):
        proxy.say(connection, data)
        if then_wait:
            silent(proxy, connection, _)
    return behaviour


def silent(_proxy, connection, _request):
    """Take the request and never answer; ends when the other side hangs up."""
    connection.recv(1)


def endless(start, part, pause=0.0):
    """Answer with `start` and then with `part` for as long as somebody takes it."""
    def behaviour(proxy, connection, _):
        deadline = time.monotonic() + PATIENCE
        proxy.say(connection, start)
        while time.monotonic() < deadline:
            proxy.say(connection, part)
            time.sleep(pause)
    return behaviour


def intercept(context, taken):
    """Say that the tunnel stands, then open the TLS in it with a certificate of its own; what comes goes to `taken`."""
    def behaviour(_proxy, connection, _):
        connection.sendall(ESTABLISHED)
        with context.wrap_socket(connection, server_side=True) as inside:
            taken.append(inside.recv(65536))
    return behaviour
