"""HTTP/1.1 on a socket, by hand: a reader of requests and answers as bytes, so that faults reach every byte."""

import email.utils
import http.client
import json
import re
from dataclasses import dataclass, field

HEADER_LIMIT = 64 * 1024
BODY_LIMIT = 4 * 1024 * 1024
READ_SIZE = 64 * 1024


class BadRequestError(Exception):
    """The peer does not speak HTTP/1.1; nothing can be answered on this connection any more."""


@dataclass
class Request:
    """One request. `headers` has lower-case names and joined values, `header_list` all lines as they came."""

    method: str = ""
    path: str = ""
    version: str = ""
    header_list: list = field(default_factory=list)
    headers: dict = field(default_factory=dict)
    body: bytes = b""
    complete: bool = False

    def keep_alive(self):
        connection = self.headers.get("connection", "").lower()
        return "close" not in connection and (self.version != "HTTP/1.0" or "keep-alive" in connection)


@dataclass
class Answer:
    """One answer before it is bytes."""

    status: int
    body: bytes
    headers: list = field(default_factory=list)
    reason: str | None = None

    def head(self, framing=None):
        """Status line and headers; `framing` replaces the Content-Length header, an empty list leaves it out."""
        reason = self.reason if self.reason is not None else http.client.responses.get(self.status, "Unknown")
        if framing is None:
            framing = [("Content-Length", str(len(self.body)))]
        lines = [f"HTTP/1.1 {self.status} {reason}", *(f"{name}: {value}" for name, value in [*self.headers, *framing])]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def encode(self):
        return self.head() + self.body


def json_bytes(value):
    """Compact JSON; lone surrogates can be written because non-ASCII text is escaped."""
    return json.dumps(value, separators=(",", ":")).encode()


def http_date(when):
    return email.utils.formatdate(when, usegmt=True)


class Reader:
    """Reads requests from a connected socket, one after the other."""

    def __init__(self, sock):
        self.sock = sock
        self.buffer = b""

    def _fill(self):
        data = self.sock.recv(READ_SIZE)
        self.buffer += data
        return bool(data)

    def wait(self):
        """Block until the first byte of a request is there; False if the peer has closed."""
        return bool(self.buffer) or self._fill()

    def read(self, timeout):
        """The next request, `complete` or cut off in the middle."""
        self.sock.settimeout(timeout)
        request = Request()
        try:
            if self._read_head(request) and self._read_body(request):
                request.complete = True
        except OSError:
            pass
        return request

    def _read_head(self, request):
        while b"\r\n\r\n" not in self.buffer:
            if len(self.buffer) > HEADER_LIMIT:
                raise BadRequestError("header too long")
            if not self._fill():
                return False
        head, self.buffer = self.buffer.split(b"\r\n\r\n", 1)
        parse_head(request, head.decode("latin-1"))
        return True

    def _read_body(self, request):
        if request.headers.get("expect", "").lower() == "100-continue":
            self.sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if "chunked" in request.headers.get("transfer-encoding", "").lower():
            return self._read_chunks(request)
        length = request.headers.get("content-length", "0")
        if not re.fullmatch(r"\d{1,9}", length) or int(length) > BODY_LIMIT:
            raise BadRequestError("content length")
        request.body = self._read_exactly(int(length))
        return len(request.body) == int(length)

    def _read_exactly(self, count):
        while len(self.buffer) < count and self._fill():
            pass
        data, self.buffer = self.buffer[:count], self.buffer[count:]
        return data

    def _read_line(self):
        while b"\r\n" not in self.buffer:
            if len(self.buffer) > HEADER_LIMIT:
                raise BadRequestError("line too long")
            if not self._fill():
                return None
        line, self.buffer = self.buffer.split(b"\r\n", 1)
        return line

    def _read_chunks(self, request):
        while True:
            line = self._read_line()
            if line is None:
                return False
            size = line.split(b";")[0].strip()
            if not re.fullmatch(rb"[0-9A-Fa-f]{1,6}", size):
                raise BadRequestError("chunk size")
            if int(size, 16) == 0:
                return self._read_trailers()
            request.body += self._read_exactly(int(size, 16))
            if len(request.body) > BODY_LIMIT:
                raise BadRequestError("body too long")
            if self._read_line() is None:
                return False

    def _read_trailers(self):
        while True:
            line = self._read_line()
            if line is None:
                return False
            if not line:
                return True


def parse_head(request, text):
    """Request line and header lines into `request`."""
    first, *lines = text.split("\r\n")
    parts = first.split(" ")
    if len(parts) != 3 or not parts[2].startswith("HTTP/1."):
        raise BadRequestError("request line")
    request.method, request.path, request.version = parts
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon or not name or name != name.strip():
            raise BadRequestError("header line")
        request.header_list.append([name, value.strip()])
        key = name.lower()
        old = request.headers.get(key)
        request.headers[key] = value.strip() if old is None else f"{old},{value.strip()}"
