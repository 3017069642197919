"""What may go wrong between this host and the service: the PAM code, the reason in the log, the seconds it takes.

Each row of the tables below is one test: a fault at the first request of a login (the key set), at InitiateAuth, or at
RespondToAuthChallenge. Every test also shows that no body was sent twice and that no mail was wasted where it could be
known before. The table as measured is printed at the end (`-s`), and written to $OTP_FAULT_TABLE if that is set.
"""

import contextlib
import json
import os
import socket
import threading
import time
from typing import NamedTuple

import pytest
from driver.driver import PamCall
from rig.network import SERVICE_NAME, cut, hosts, packets

from system.house import SETTINGS, wait_helpers, write_file

DEADLINE = 4
CONNECT_TIMEOUT = 2
TERMINAL = "/dev/pts/9"
KEYS_FILE = "/etc/security/local-cognito-keys.json"
UNTRUSTED = "PAM_AUTH_ERR"
UNREACHABLE = "PAM_AUTHINFO_UNAVAIL"
BROKEN = "PAM_SERVICE_ERR"
rows = []


class Case(NamedTuple):
    """A fault by name: how it is made, and what must come of it."""

    name: str
    fault: object       # keywords of a scripted fault, or a function (house) -> context manager
    code: str
    reasons: str
    least: float = 0.0  # it cannot take less, or the fault was not met


@pytest.fixture(scope="module", autouse=True)
def table():
    """Prints the table once all its rows are there."""
    yield
    lines = [f"{'at':<12} {'fault':<34} {'PAM code':<21} {'reason':<19} {'seconds':>7}"]
    lines += [f"{at:<12} {name:<34} {code:<21} {reason:<19} {seconds:7.2f}" for at, name, code, reason, seconds in rows]
    print("\n" + "\n".join(lines))
    if os.environ.get("OTP_FAULT_TABLE"):
        with open(os.environ["OTP_FAULT_TABLE"], "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")


@pytest.fixture(autouse=True)
def no_helper_left(whole_house):
    """A test begins and ends without helpers, so that no request of an earlier one is counted."""
    wait_helpers(0)
    yield
    wait_helpers(0)


def settings(house, **changes):
    """Short times; the key set from a file, so that the first request is InitiateAuth."""
    write_file(KEYS_FILE, json.dumps(house.cognito.jwks()))
    times = {"deadline": f"{DEADLINE}s", "connect_timeout": f"{CONNECT_TIMEOUT}s"}
    house.settings(**{**times, "jwks_file": KEYS_FILE, "jwks_url": None, **changes})


def settings_with_fetch(house, **changes):
    """Short times; the key set is fetched."""
    settings(house, **{"jwks_file": None, "jwks_url": house.cognito.jwks_url(), **changes})


def call(house, *calls):
    """alice calls sudo or the like from her own terminal: the mail is asked for at once."""
    return PamCall("otp-test", "alice", calls or ("authenticate",), tty=TERMINAL, ruid=house.alice.uid)


def note(stage, name, code, reason, seconds):
    """One row for the table."""
    rows.append((stage, name, code, reason, seconds))


def check(house, stage, case, seconds, code):
    """The row as it must be; then what holds for every row."""
    reason = house.outcome()["reason"]
    note(stage, case.name, code, reason, seconds)
    assert code in case.code.split("|") and reason in case.reasons.split("|"), (case.name, code, reason)
    assert seconds >= case.least, f"{seconds} s is too quick to be this fault"
    assert seconds < DEADLINE, f"{seconds} s is not inside the deadline"
    assert len(house.log.lines("event=(accepted|denied)")) == 1
    nothing_twice(house)


def nothing_twice(house):
    """No operation was seen twice, not even in part."""
    counts = house.counts()
    counts.pop("mails")
    assert all(count == 1 for count in counts.values()), counts


# --- ways to break the path -----------------------------------------------------------------------------------------


def black_hole(house):
    """Nothing comes back, not even a refusal."""
    return cut(house.cognito.https_port)


def unreachable_host(house):
    """A router says that there is no way."""
    return packets(f"tcp dport {house.cognito.https_port} reject")


def end_of_connection(house):
    """Packets of this connection, and of no other, are answered by a reset: as by a firewall that has forgotten it."""
    peer = house.cognito.connections()["list"][-1]["peer"]
    return packets(f"tcp sport {peer.rpartition(':')[2]} reject with tcp reset")


@contextlib.contextmanager
def refused(house):
    """Nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        settings(house, endpoint=f"https://127.0.0.1:{closed.getsockname()[1]}")
        yield


@contextlib.contextmanager
def full_backlog(house):
    """Somebody listens and never accepts, and no more fit into the queue."""
    with contextlib.ExitStack() as stack:
        listener = stack.enter_context(socket.create_server(("127.0.0.1", 0), backlog=0))
        for _ in range(4):
            client = stack.enter_context(socket.socket())
            client.setblocking(False)
            client.connect_ex(listener.getsockname())
        settings(house, endpoint=f"https://127.0.0.1:{listener.getsockname()[1]}")
        yield


def profile(name):
    """A port with another certificate."""
    @contextlib.contextmanager
    def fault(house):
        settings(house, endpoint=f"https://localhost:{house.cognito.profiles[name]}")
        yield
    return fault


def negative_answer(query, code):
    """The answer to a DNS query without records and with this code."""
    return query[:2] + bytes([0x81, 0x80 | code]) + query[4:6] + bytes(6) + query[12:]


def name_server(code):
    """The name server of the rig answers every question with this code, or not at all."""
    @contextlib.contextmanager
    def fault(house):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
            server.bind(("127.0.0.1", 53))
            thread = threading.Thread(target=serve_names, args=(server, code), daemon=True)
            thread.start()
            settings(house, endpoint=f"https://{SERVICE_NAME}:{house.cognito.https_port}")
            yield
            with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as client:
                client.sendto(b"", ("127.0.0.1", 53))
            thread.join(5)
    return fault


def serve_names(server, code):
    """Until an empty packet comes."""
    while True:
        query, peer = server.recvfrom(4096)
        if not query:
            return
        if code is not None:
            server.sendto(negative_answer(query, code), peer)


@contextlib.contextmanager
def made(house, operation, fault):
    """The fault of a case, be it scripted or made here."""
    if callable(fault):
        with fault(house):
            yield
    else:
        house.cognito.fault(**{"operation": operation, **fault})
        yield


# --- the tables -----------------------------------------------------------------------------------------------------

PATH = [
    Case("refused", refused, UNREACHABLE, "net_connect"),
    Case("host unreachable (ICMP)", unreachable_host, UNREACHABLE, "net_connect"),
    Case("black hole", black_hole, UNREACHABLE, "net_timeout", CONNECT_TIMEOUT),
    Case("listener that never accepts", full_backlog, UNREACHABLE, "net_timeout", CONNECT_TIMEOUT),
    Case("silent DNS", name_server(None), UNREACHABLE, "net_dns", CONNECT_TIMEOUT),
    Case("NXDOMAIN", name_server(3), UNREACHABLE, "net_dns"),
    Case("SERVFAIL", name_server(2), UNREACHABLE, "net_dns"),
    Case("reset after accept", {"operation": "connect", "transport": "reset"}, UNREACHABLE,
         "net_tls|net_reset|net_connect"),
    Case("closed after accept", {"operation": "connect", "transport": "close"}, UNREACHABLE,
         "net_tls|net_reset|net_connect"),
    Case("handshake stall", {"operation": "connect", "transport": "handshake_stall"}, UNREACHABLE, "net_timeout",
         CONNECT_TIMEOUT),
    Case("garbage instead of TLS", {"operation": "connect", "transport": "garbage"}, UNREACHABLE, "net_tls"),
]

CERTIFICATES = [
    Case("wrong name", profile("wrong_name"), UNTRUSTED, "tls_certificate"),
    Case("unknown CA", profile("unknown_ca"), UNTRUSTED, "tls_certificate"),
    Case("expired", profile("expired"), UNTRUSTED, "tls_certificate"),
    Case("not yet valid", profile("not_yet_valid"), UNTRUSTED, "tls_certificate"),
    Case("self-signed", profile("self_signed"), UNTRUSTED, "tls_certificate"),
    Case("client certificate as server", profile("client_only"), UNTRUSTED, "tls_certificate"),
    Case("RSA key of 1024 bits", profile("weak_key"), UNTRUSTED, "tls_certificate"),
    Case("TLS 1.0 only", profile("tls10"), UNREACHABLE, "net_tls"),
]

# Answers that mean the same whatever was asked.
ANSWERS = [
    Case("200 HTML", {"body": "<html>Hello</html>", "content_type": "text/html"}, BROKEN, "json_syntax"),
    Case("truncated", {"transport": "truncated"}, UNREACHABLE, "net_reset"),
    Case("oversized, with its length", {"transport": "huge_body"}, BROKEN, "http_oversize"),
    Case("endless body", {"transport": "endless_body"}, BROKEN, "http_oversize"),
    Case("endless chunks", {"transport": "endless_chunks"}, BROKEN, "http_oversize"),
    Case("endless header", {"transport": "endless_header"}, BROKEN, "http_oversize"),
    Case("one header of 1 MiB", {"transport": "huge_header"}, BROKEN, "http_oversize"),
    Case("10000 headers", {"transport": "many_headers"}, BROKEN, "http_oversize"),
    Case("100 Continue for ever", {"transport": "continue_flood"}, BROKEN, "http_oversize"),
    Case("one byte a second, body", {"transport": "slow_body"}, UNREACHABLE, "net_timeout", DEADLINE - 1),
    Case("reset after the request", {"transport": "reset_after_body"}, UNREACHABLE, "net_reset"),
    Case("closed without an answer", {"transport": "close_before"}, UNREACHABLE, "net_reset"),
    # libcurl takes the end of the connection for the end of the headers: an answer with an empty body
    Case("closed in the headers", {"transport": "close_headers"}, f"{BROKEN}|{UNREACHABLE}", "json_syntax|net_reset"),
    Case("closed in the body", {"transport": "close_body"}, UNREACHABLE, "net_reset"),
    Case("reset in the body", {"transport": "reset_body"}, UNREACHABLE, "net_reset"),
    Case("gzip", {"transport": "gzip"}, BROKEN, "json_syntax|json_utf8"),
    Case("bad chunk", {"transport": "chunked_bad"}, UNREACHABLE, "http_malformed|net_reset"),
    Case("chunks without an end", {"transport": "chunked_no_end"}, UNREACHABLE, "net_reset"),
    Case("HTTP/0.9", {"transport": "http09"}, UNREACHABLE, "http_malformed"),
    Case("garbage", {"transport": "garbage"}, UNREACHABLE, "http_malformed"),
    Case("silent", {"transport": "silent"}, UNREACHABLE, "net_timeout", DEADLINE - 1),
]

ERRORS = [
    Case("500 JSON", {"error": {"type": "InternalErrorException", "message": "no", "status": 500}}, UNREACHABLE,
         "http_status"),
    Case("500 HTML", {"status": 500, "body": "<html>500</html>", "content_type": "text/html"}, UNREACHABLE,
         "http_status"),
    Case("503 empty", {"status": 503, "body": ""}, UNREACHABLE, "http_status"),
    Case("302 elsewhere", {"transport": "redirect", "status": 302}, BROKEN, "http_redirect"),
]

SLOW_HEADERS = Case("one byte a second, headers", {"transport": "slow_headers"}, UNREACHABLE, "net_timeout",
                    DEADLINE - 1)


def named(cases):
    """Parameters whose ids are the names."""
    return [pytest.param(case, id=case.name) for case in cases]


# --- at the first request of a login: the key set -------------------------------------------------------------------

KEY_SET = [case._replace(reasons="jwks_status") for case in ERRORS[:3]] + ERRORS[3:] + [
    case for case in ANSWERS if "one byte" not in case.name
]


@pytest.mark.parametrize("case", named(KEY_SET))
def test_key_set(house, case):
    """What is wrong with the key set is known before the mail: nothing is asked for, nothing mailed."""
    settings_with_fetch(house)
    house.cognito.fault("jwks", **case.fault)
    with call(house) as program:
        code = program.result()
        check(house, "key set", case, program.results["authenticate"]["ms"] / 1000, code)
    assert house.counts() == {"jwks": 1, "mails": 0}


# --- at InitiateAuth ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", named(PATH + CERTIFICATES))
def test_no_way(house, case):
    """The service is not reached, or does not prove that it is itself: not one byte of a request leaves."""
    settings(house)
    with made(house, None, case.fault), call(house) as program:
        code = program.result()
        check(house, "InitiateAuth", case, program.results["authenticate"]["ms"] / 1000, code)
    assert house.cognito.requests() == []
    assert house.cognito.outbox() == []
    if case in CERTIFICATES:
        (connection,) = house.cognito.connections()["list"]
        assert connection["requests"] == 0
        # libcurl compares the name once the handshake is over
        assert connection["handshake"] is False or case.name == "wrong name"


@pytest.mark.parametrize("case", named(ERRORS + ANSWERS + [SLOW_HEADERS]))
def test_initiate(house, case):
    """The first request is answered badly: it is not sent again."""
    settings(house)
    house.cognito.fault("InitiateAuth", **case.fault)
    with call(house) as program:
        code = program.result()
        check(house, "InitiateAuth", case, program.results["authenticate"]["ms"] / 1000, code)
        assert program.texts("echo_off", "echo_on") == []
    assert set(house.counts()) == {"InitiateAuth", "mails"}


@pytest.mark.parametrize("status", (301, 302, 303, 307, 308))
@pytest.mark.parametrize("target", ("http", "another host", "itself", "file"))
def test_redirect(house, target, status):
    """Never followed, wherever it leads: the target gets no connection, the service no second request."""
    settings(house)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0)
        port = listener.getsockname()[1]
        location = {"http": f"http://localhost:{port}/", "another host": f"https://127.0.0.1:{port}/",
                    "itself": house.cognito.endpoint + "/", "file": "file:///etc/shadow"}[target]
        house.cognito.fault("InitiateAuth", transport="redirect", status=status, location=location)
        with call(house) as program:
            code = program.result()
            check(house, "InitiateAuth", Case(f"{status} to {target}", None, BROKEN, "http_redirect"),
                  program.results["authenticate"]["ms"] / 1000, code)
        with pytest.raises(BlockingIOError):
            listener.accept()
    assert house.counts()["InitiateAuth"] == 1
    assert house.connections() == 1


# --- at RespondToAuthChallenge --------------------------------------------------------------------------------------


def type_code(house, program, between=contextlib.nullcontext):
    """Wait for the question, let `between` happen while the person types, answer; the verdict and its seconds."""
    assert "Code" in program.prompt()
    code = house.cognito.last_code()
    with between():
        begun = time.monotonic()
        program.answer(code)
        return program.result(), time.monotonic() - begun


@pytest.mark.parametrize("case", named(ERRORS + ANSWERS))
def test_respond(house, case):
    """The code was typed and its answer is bad: never sent again, never in."""
    settings(house)
    house.cognito.fault("RespondToAuthChallenge", **case.fault)
    with call(house) as program:
        code, seconds = type_code(house, program)
        check(house, "Respond", case, seconds, code)
    counts = house.counts()
    assert (counts["InitiateAuth"], counts["RespondToAuthChallenge"], counts["mails"]) == (1, 1, 1)


# --- a kept connection that dies while the person types -------------------------------------------------------------


def test_closed_while_typing(house):
    """A connection that was closed in order before the code was typed: a new one carries the code, once."""
    settings(house)
    house.cognito.fault("InitiateAuth", transport="close_after")
    with call(house) as program:
        code, seconds = type_code(house, program)
        assert code == "PAM_SUCCESS"
    note("while typing", "FIN", code, house.outcome()["reason"], seconds)
    nothing_twice(house)
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    house.cognito.wait_requests("RevokeToken")
    assert house.connections() == 2


def test_closed_while_typing_then_refused(house):
    """Closed in order, and no new connection is to be had."""
    settings(house)
    house.cognito.fault("InitiateAuth", transport="close_after")
    case = Case("FIN, then black hole", None, UNREACHABLE, "net_timeout", CONNECT_TIMEOUT)
    with call(house) as program:
        code, seconds = type_code(house, program, lambda: black_hole(house))
        check(house, "while typing", case, seconds, code)
    assert "RespondToAuthChallenge" not in house.counts()


def only_first_connection_used(house):
    """libcurl may connect again before it finds that the body cannot be had a second time; nothing goes over that."""
    assert [entry["requests"] for entry in house.cognito.connections()["list"]] in ([2], [2, 0])


REUSED = [
    Case("reset when used again", "reset_on_reuse", UNREACHABLE, "net_reset"),
    Case("closed when used again", "close_on_reuse", UNREACHABLE, "net_reset"),
    Case("silent when used again", "silent_on_reuse", UNREACHABLE, "net_timeout", DEADLINE - 1),
]


@pytest.mark.parametrize("case", named(REUSED))
def test_reuse(house, case):
    """libcurl by itself would send the code again on a new connection; it was seen once and stays seen once."""
    settings(house)
    house.cognito.fault("InitiateAuth", transport=case.fault)
    with call(house) as program:
        code, seconds = type_code(house, program)
        check(house, "while typing", case, seconds, code)
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    only_first_connection_used(house)


@pytest.mark.parametrize("case", named(REUSED))
def test_reuse_of_first(house, case):
    """The same between the key set and InitiateAuth, which would mail twice."""
    settings_with_fetch(house)
    house.cognito.fault("jwks", transport=case.fault)
    with call(house) as program:
        code = program.result()
        check(house, "InitiateAuth", case, program.results["authenticate"]["ms"] / 1000, code)
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "mails": 0}
    only_first_connection_used(house)


def test_forgotten_while_typing(house):
    """A firewall answers the kept connection by a reset. A new one may carry the code, or none; never two."""
    settings(house)
    with call(house) as program:
        code, seconds = type_code(house, program, lambda: end_of_connection(house))
    reason = house.outcome()["reason"]
    note("while typing", "RST by a firewall", code, reason, seconds)
    assert (code, reason) in (("PAM_SUCCESS", "verified"), (UNREACHABLE, "net_reset"))
    nothing_twice(house)
    assert ("RespondToAuthChallenge" in house.counts()) == (code == "PAM_SUCCESS")
    assert seconds < DEADLINE


def test_black_hole_while_typing(house):
    """The code goes over no other connection. What the kernel holds arrives once, later, when nobody waits for it."""
    settings(house)
    case = Case("black hole since the mail", None, UNREACHABLE, "net_timeout", DEADLINE - 1)
    with call(house) as program:
        code, seconds = type_code(house, program, lambda: black_hole(house))
        check(house, "while typing", case, seconds, code)
    house.cognito.wait_requests("RespondToAuthChallenge", timeout=10)
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
    assert house.connections() == 1


# --- addresses ------------------------------------------------------------------------------------------------------

# Without it getaddrinfo sorts the dead one behind, as its distance to our own is greater.
PREFER = "precedence ::ffff:127.0.0.2/128 100\nprecedence ::ffff:0:0/96 10\nprecedence ::/0 40\n"
ADDRESSES = {
    "IPv6 only": (["::1"], []),
    "IPv6 dead, IPv4 alive": (["::1", "127.0.0.1"], ["ip6 daddr ::1 tcp dport {port} drop"]),
    "IPv4 dead, IPv6 alive": (["::1", "127.0.0.1"], ["ip daddr 127.0.0.1 tcp dport {port} drop"]),
    "first address refuses": (["127.0.0.2", "127.0.0.1"], []),
    "first address is a black hole": (["127.0.0.2", "127.0.0.1"], ["ip daddr 127.0.0.2 tcp dport {port} drop"]),
}


@pytest.mark.parametrize("name", ADDRESSES)
def test_addresses(house, name):
    """One living address among dead ones is found, inside the deadline."""
    addresses, rules = ADDRESSES[name]
    # libcurl gives the first of a family half of the time, and may look at the second one second later only
    settings(house, endpoint=f"https://{SERVICE_NAME}:{house.cognito.https_port}", connect_timeout="3s")
    with contextlib.ExitStack() as stack:
        stack.enter_context(hosts(*(f"{address} {SERVICE_NAME}" for address in addresses)))
        write_file("/etc/gai.conf", PREFER if "127.0.0.2" in addresses else "")
        stack.callback(os.unlink, "/etc/gai.conf")
        if rules:
            stack.enter_context(packets(*(rule.format(port=house.cognito.https_port) for rule in rules)))
        program = stack.enter_context(call(house))
        begun = time.monotonic()
        assert "Code" in program.prompt()
        seconds = time.monotonic() - begun
        program.answer(house.cognito.last_code())
        assert program.result() == "PAM_SUCCESS"
    note("addresses", name, "PAM_SUCCESS", house.outcome()["reason"], seconds)
    assert ("first address is" in name) * 0.5 <= seconds < DEADLINE
    assert house.counts() == {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}


# --- several calls, and the defaults --------------------------------------------------------------------------------


def test_second_call_answers_at_once(house):
    """sudo calls three times: whoever has waited once for an unreachable service does not wait again."""
    settings(house)
    with black_hole(house), call(house, "authenticate", "authenticate", "authenticate") as program:
        begun = time.monotonic()
        program.finish()
        seconds = time.monotonic() - begun
        assert program.history[:3] == [("authenticate", UNREACHABLE)] * 3
        assert program.results["authenticate"]["ms"] < 100
    note("sudo", "black hole, three calls in all", UNREACHABLE, house.outcomes()[0]["reason"], seconds)
    assert CONNECT_TIMEOUT <= seconds < DEADLINE
    assert house.cognito.requests() == []


def default_times():
    """The lines of the settings without any time: 20 s in all, 5 s to connect."""
    with open(SETTINGS, encoding="utf-8") as file:
        return "".join(line for line in file if not line.startswith(("deadline", "connect_timeout")))


@pytest.mark.parametrize("name", ("silent", "black hole"))
def test_defaults(house, name):
    """With the times that come with the house everything ends within 20 seconds, a mute service included."""
    settings(house)
    write_file(SETTINGS, default_times())
    with contextlib.ExitStack() as stack:
        if name == "black hole":
            stack.enter_context(black_hole(house))
        else:
            house.cognito.fault("InitiateAuth", transport="silent")
        program = stack.enter_context(call(house))
        code = program.result(timeout=30)
        seconds = program.results["authenticate"]["ms"] / 1000
    note("defaults", name, code, house.outcome()["reason"], seconds)
    assert (code, house.outcome()["reason"]) == (UNREACHABLE, "net_timeout")
    assert (4 if name == "black hole" else 18) < seconds < 20
    nothing_twice(house)


def test_no_fault(house):
    """The control: with nothing broken the same call is let in, so that the rows above mean something."""
    settings_with_fetch(house)
    with call(house) as program:
        code, seconds = type_code(house, program)
    note("nothing", "no fault", code, house.outcome()["reason"], seconds)
    assert code == "PAM_SUCCESS"
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
