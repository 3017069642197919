"""Starts everything, says so in STATE_DIR/ready.json, and stops cleanly on a signal."""

import argparse
import json
import logging
import os
import signal
import socket
import sys
import threading

from .control import Control
from .defaults import DEFAULT_CONFIG
from .imds import Imds
from .keys import write_private
from .service import Acceptor, Service, listen
from .tls import BAD_PROFILES, GOOD, Certificates
from .world import World

NAMES = ["localhost", "127.0.0.1", "::1", "cognito-idp.eu-west-1.amazonaws.com"]


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="mock_cognito", description=__doc__)
    parser.add_argument("--dir", required=True, help="state directory: keys, certificates, ready.json")
    parser.add_argument("--config", help="JSON file with pools, credentials and settings")
    parser.add_argument("--port", type=int, default=0, help="HTTPS port, default any free one")
    parser.add_argument("--control-port", type=int, default=0, help="control port, default any free one")
    parser.add_argument("--name", action="append", default=[], help="one more name in the good certificate")
    parser.add_argument("--imds", metavar="ADDRESS:PORT",
                        help="an instance metadata service there, in plain HTTP; 169.254.169.254:80 is the real place")
    parser.add_argument("--until-eof", action="store_true", help="stop when standard input ends")
    return parser.parse_args(arguments)


class Server:
    """All ports of one world."""

    def __init__(self, options):
        # Readable by others: the CA file is for every client, private keys have their own mode.
        os.makedirs(options.dir, mode=0o755, exist_ok=True)
        self.directory = os.path.abspath(options.dir)
        self.ready_file = os.path.join(self.directory, "ready.json")
        remove(self.ready_file)
        self.stop = threading.Event()
        self.listeners = []
        self.world = World(read_config(options.config), self.directory)
        self.certificates = Certificates(self.directory, NAMES + options.name)
        self.info = {"pid": os.getpid()}
        self.open_ports(options)

    def open_ports(self, options):
        self.info["https_port"] = self.open_service(GOOD, options.port)
        control = Control(self.world, self.stop, self.info)
        self.info["control_port"] = self.open(control.serve, options.control_port)
        self.info["ca_file"] = self.certificates.ca_file
        ports = {profile: self.open_service(profile, 0) for profile in BAD_PROFILES}
        self.info["profiles"] = {profile: port for profile, port in ports.items() if port}
        if options.imds:
            self.info["imds"] = self.open_imds(options.imds)
        self.info["pools"] = [
            {"id": pool.id, "region": pool.region, "issuer": pool.issuer_url(), "clients": list(pool.clients),
             "jwks_url": f"https://localhost:{self.info['https_port']}/{pool.id}/.well-known/jwks.json"}
            for pool in self.world.store.pools.values()]

    def open_service(self, profile, port):
        context = self.certificates.context(profile)
        return context and self.open(Service(self.world, profile, context, self.stop).serve, port)

    def open(self, serve, port):
        listeners = listen(port)
        self.listeners += listeners
        for listener in listeners:
            Acceptor(listener, serve).start()
        return listeners[0].getsockname()[1]

    def open_imds(self, place):
        """The metadata service at ADDRESS:PORT; the place, with the port that 0 became."""
        address, _, port = place.rpartition(":")
        listener = socket.create_server((address, int(port)), backlog=64)
        self.listeners.append(listener)
        Acceptor(listener, Imds(self.world, self.stop).serve).start()
        return f"{address}:{listener.getsockname()[1]}"

    def announce(self):
        write_private(self.ready_file, json.dumps(self.info, indent=1).encode())
        os.chmod(self.ready_file, 0o644)
        print(f"local Cognito: https://localhost:{self.info['https_port']}  "
              f"control: http://127.0.0.1:{self.info['control_port']}  CA: {self.info['ca_file']}", flush=True)

    def close(self):
        self.stop.set()
        for listener in self.listeners:
            listener.close()
        remove(self.ready_file)


def read_config(path):
    if path is None:
        return DEFAULT_CONFIG
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def remove(path):
    if os.path.exists(path):
        os.unlink(path)


def watch_standard_input(stop):
    """A parent that dies without a word still closes its end of the pipe."""
    def watch():
        while os.read(0, 4096):
            pass
        stop.set()
    threading.Thread(target=watch, daemon=True).start()


def main(arguments=None):
    options = parse_arguments(arguments if arguments is not None else sys.argv[1:])
    logging.basicConfig(level=logging.WARNING, format="mock_cognito: %(message)s")
    server = Server(options)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: server.stop.set())
    if options.until_eof:
        watch_standard_input(server.stop)
    server.announce()
    server.stop.wait()
    server.close()
    return 0
