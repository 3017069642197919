"""The request log: what reached the server, byte for byte, and over which connection."""

import threading
from collections import deque

LIMIT = 200_000     # entries kept; a load test must not eat the memory


class Journal:
    """Requests and connections since the last reset."""

    def __init__(self, clock):
        self.clock = clock
        self.lock = threading.Lock()
        self.number = 0
        self.reset()

    def reset(self):
        with self.lock:
            self.requests = deque(maxlen=LIMIT)
            self.connections = deque(maxlen=LIMIT)

    def connect(self, profile, peer):
        """Note an accepted TCP connection; the returned entry is completed as the connection goes on."""
        with self.lock:
            self.number += 1
            entry = {
                "id": self.number, "time": self.clock.now(), "profile": profile, "peer": peer, "handshake": None,
                "error": None, "tls_version": None, "alpn": None, "server_name": None, "requests": 0, "closed": False,
            }
            self.connections.append(entry)
        return entry

    def request(self, connection, operation, request):
        """Note a request, whole or cut off; the status is filled in once an answer is sent."""
        entry = {
            "time": self.clock.now(), "operation": operation, "method": request.method, "path": request.path,
            "version": request.version, "headers": request.headers, "raw_headers": request.header_list,
            "body": request.body.decode("utf-8", "backslashreplace"), "status": None, "complete": request.complete,
            "connection": connection["id"], "profile": connection["profile"],
            "tls_version": connection["tls_version"], "alpn": connection["alpn"],
        }
        with self.lock:
            connection["requests"] += 1
            self.requests.append(entry)
        return entry

    def read(self, operation=None):
        with self.lock:
            return [dict(entry) for entry in self.requests if operation in (None, entry["operation"])]

    def read_connections(self):
        with self.lock:
            entries = [dict(entry) for entry in self.connections]
        failed = sum(1 for entry in entries if entry["handshake"] is False)
        return {"accepted": len(entries), "handshake_failed": failed, "list": entries}
