"""Transport faults: ways of putting an answer on the wire wrongly, slowly, or not at all."""

import gzip
import select
import socket
import ssl
import struct
import time

DEFAULT_HOLD = 60.0
MAX_ENDLESS = 1 << 30


class Wire:
    """One connection on which a fault is played. Every wait ends with `stop`, with the peer, or with `hold`."""

    def __init__(self, sock, spec, stop):
        self.sock = sock
        self.spec = spec
        self.stop = stop
        self.hold = float(spec.get("hold", DEFAULT_HOLD))
        self.interval = float(spec.get("interval", 1.0))

    def send(self, data):
        self.sock.settimeout(self.hold)
        self.sock.sendall(data)

    def reset(self):
        """End with an RST instead of a FIN."""
        reset(self.sock)

    def hold_open(self, seconds=None):
        """Say nothing until the peer gives up, the time is over or the server stops."""
        end = time.monotonic() + (self.hold if seconds is None else seconds)
        while not self.stop.is_set() and time.monotonic() < end:
            readable, _, _ = select.select([self.sock], [], [], min(0.2, max(0.0, end - time.monotonic())))
            if readable and self._peer_left():
                return

    def _peer_left(self):
        self.sock.settimeout(0.2)
        try:
            return not self.sock.recv(65536)
        except (ssl.SSLWantReadError, TimeoutError):
            return False
        except OSError:
            return True

    def drip(self, data):
        """One byte at a time."""
        end = time.monotonic() + self.hold
        for position in range(len(data)):
            if time.monotonic() > end or self.stop.wait(self.interval if position else 0):
                return
            self.send(data[position:position + 1])

    def pour(self, block, first=b""):
        """The same block again and again."""
        end, sent = time.monotonic() + self.hold, 0
        self.send(first)
        while not self.stop.is_set() and time.monotonic() < end and sent < MAX_ENDLESS:
            self.send(block)
            sent += len(block)


def reset(sock):
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    sock.close()


def framed(answer, **lengths):
    """The answer with other Content-Length headers than the true one."""
    values = lengths["values"]
    return answer.head([("Content-Length", str(value)) for value in values]) + answer.body


def close_before(wire, _answer):
    """Close without a byte."""


def close_headers(wire, answer):
    head = answer.head()
    wire.send(head[:len(head) // 2])


def close_body(wire, answer):
    wire.send(answer.head() + answer.body[:len(answer.body) // 2])


def reset_after_body(wire, _answer):
    wire.reset()


def reset_body(wire, answer):
    wire.send(answer.head() + answer.body[:len(answer.body) // 2])
    # The half body must be on its way before the reset destroys what is still queued.
    wire.stop.wait(0.2)
    wire.reset()


def silent(wire, _answer):
    wire.hold_open()


def slow_body(wire, answer):
    wire.send(answer.head())
    wire.drip(answer.body)


def slow_headers(wire, answer):
    wire.drip(answer.encode())


def endless_header(wire, answer):
    wire.pour(b"X-Filler: " + b"f" * 1000 + b"\r\n", answer.head()[:-2])


def endless_body(wire, answer):
    wire.pour(b" " * 65536, answer.head([]) + answer.body)


def endless_chunks(wire, answer):
    wire.pour(b"1000\r\n" + b" " * 4096 + b"\r\n", answer.head([("Transfer-Encoding", "chunked")]))


def huge_body(wire, answer):
    """Valid JSON behind which blanks fill up to `size`: only a cap refuses it."""
    size = int(wire.spec.get("size", 1 << 20))
    wire.send(answer.head([("Content-Length", str(max(size, len(answer.body))))]) + answer.body)
    left = size - len(answer.body)
    while left > 0 and not wire.stop.is_set():
        wire.send(b" " * min(left, 65536))
        left -= 65536


def huge_header(wire, answer):
    answer.headers.append(("X-Filler", "f" * int(wire.spec.get("size", 1 << 20))))
    wire.send(answer.encode())


def many_headers(wire, answer):
    answer.headers += [(f"X-Filler-{number}", "f") for number in range(int(wire.spec.get("size", 10000)))]
    wire.send(answer.encode())


def truncated(wire, answer):
    wire.send(framed(answer, values=[len(answer.body) + 100]))


def short_length(wire, answer):
    wire.send(framed(answer, values=[max(len(answer.body) - 10, 0)]))


def negative_length(wire, answer):
    wire.send(framed(answer, values=[-1]))


def duplicate_length(wire, answer):
    wire.send(framed(answer, values=[len(answer.body), len(answer.body) + 5]))


def no_length(wire, answer):
    wire.send(answer.head([]) + answer.body)


def compressed(wire, answer):
    answer.body = gzip.compress(answer.body)
    answer.headers.append(("Content-Encoding", "gzip"))
    wire.send(answer.encode())


def gzip_corrupt(wire, answer):
    answer.body = b"\x1f\x8b\x08" + answer.body
    answer.headers.append(("Content-Encoding", "gzip"))
    wire.send(answer.encode())


def gzip_bomb(wire, answer):
    answer.body = gzip.compress(answer.body + b" " * int(wire.spec.get("size", 100 << 20)), 9)
    answer.headers.append(("Content-Encoding", "gzip"))
    wire.send(answer.encode())


def chunks(answer, *pieces):
    return answer.head([("Transfer-Encoding", "chunked")]) + b"".join(pieces)


def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)


def chunked(wire, answer):
    middle = len(answer.body) // 2
    pieces = [chunk(part) for part in (answer.body[:middle], answer.body[middle:]) if part]
    wire.send(chunks(answer, *pieces, b"0\r\n\r\n"))


def chunked_bad(wire, answer):
    wire.send(chunks(answer, b"zz\r\n", answer.body, b"\r\n0\r\n\r\n"))


def chunked_no_end(wire, answer):
    wire.send(chunks(answer, chunk(answer.body)))


def chunked_trailers(wire, answer):
    wire.send(chunks(answer, chunk(answer.body), b"0\r\nX-Trailer: late\r\n\r\n"))


def http09(wire, answer):
    wire.send(answer.body)


def http10(wire, answer):
    wire.send(answer.encode().replace(b"HTTP/1.1", b"HTTP/1.0", 1))


def continue_once(wire, answer):
    wire.send(b"HTTP/1.1 100 Continue\r\n\r\n" + answer.encode())


def continue_flood(wire, _answer):
    wire.pour(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)


def garbage(wire, _answer):
    wire.send(bytes(range(256)) * 4)


def folded_header(wire, answer):
    answer.headers.append(("X-Folded", "one\r\n two"))
    wire.send(answer.encode())


def nul_header(wire, answer):
    answer.headers.append(("X-Nul", "a\0b"))
    wire.send(answer.encode())


def redirect(wire, answer):
    answer.status, answer.reason = int(wire.spec.get("status", 302)), None
    answer.headers.append(("Location", wire.spec.get("location", "http://127.0.0.1:9/")))
    answer.body = b""
    wire.send(answer.encode())


def close_after(wire, answer):
    """A complete answer that promises nothing about the connection, which then goes away."""
    wire.send(answer.encode())
    wire.hold_open(float(wire.spec.get("linger", 0.0)))


def connection_close(wire, answer):
    answer.headers.append(("Connection", "close"))
    wire.send(answer.encode())


PLAYS = {play.__name__: play for play in (
    close_before, close_headers, close_body, reset_after_body, reset_body, silent, slow_body, slow_headers,
    endless_header, endless_body, endless_chunks, huge_body, huge_header, many_headers, truncated, short_length,
    negative_length, duplicate_length, no_length, gzip_corrupt, gzip_bomb, chunked, chunked_bad, chunked_no_end,
    chunked_trailers, http09, http10, continue_once, continue_flood, garbage, folded_header, nul_header, redirect,
    close_after, connection_close)} | {"gzip": compressed}
# After these the connection goes on as if nothing had happened.
GO_ON = frozenset(("chunked", "chunked_trailers", "gzip", "gzip_corrupt", "huge_body", "huge_header", "many_headers",
                   "redirect", "continue_once", "folded_header", "nul_header"))
# Played elsewhere: at the connection's beginning, and at its next request.
ON_CONNECT = frozenset(("handshake_stall", "close", "reset", "garbage"))
ON_REUSE = frozenset(("reset_on_reuse", "close_on_reuse", "silent_on_reuse"))


def check_transport(operation, name):
    """Refuse a name that nothing would play."""
    known = ON_CONNECT if operation == "connect" else {*PLAYS, *ON_REUSE}
    if name is not None and name not in known:
        raise ValueError(f"no such transport fault for {operation}: {name}")


def play(sock, spec, answer, stop):
    """Put the answer on the wire in the way the fault says; True if the connection lives on."""
    name = spec["transport"]
    PLAYS[name](Wire(sock, spec, stop), answer)
    return name in GO_ON
