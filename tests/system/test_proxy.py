"""A host that reaches the service through an HTTP proxy only: good logins, and everything that a proxy may do instead.

Duty: the endpoint, issuer and key set of these settings are those of the region, whose name does not resolve here, so
that nothing works but through the proxy; each fault of the proxy with its PAM code, its reason in the log and the
seconds it takes (printed as a table with `-s`); that a request which never left costs neither mail nor try; and that
the credentials for the proxy are in no log, no argument and no answer.
"""

import contextlib
import json
import os
import socket
import ssl
import time

import pytest
from driver.people import console, enter_code, stranger
from rig import processes, proxy as proxies, ssh, sudo
from rig.proxy import Proxy
from rig.sshd import Sshd

from system.house import (
    CODE_QUESTION, FIRST_QUESTION, SETTINGS, STATE, helpers, wait_helpers, write_file,
)
from system.test_faults import KEYS_FILE

HOST = "cognito-idp.eu-west-1.amazonaws.com"
CONNECT = f"CONNECT {HOST}:443 HTTP/1.1"
CREDENTIALS = "/etc/security/pam_cognito_otp.proxy"
USER, PASSWORD = "hosts", "Kp%41:9 z#tQ"    # nothing in it is decoded, and only the first colon counts
DEADLINE, CONNECT_TIMEOUT = 4, 2
SERVICE, UNAVAILABLE, UNTRUSTED = "PAM_SERVICE_ERR", "PAM_AUTHINFO_UNAVAIL", "PAM_AUTH_ERR"
UNREACHED = ["Sign-in service not reachable; no code was sent."]
ONCE = {"InitiateAuth": 1, "RespondToAuthChallenge": 1, "mails": 1}
rows = []

pytestmark = pytest.mark.usefixtures("table")


def settings(house, proxy, **changes):
    """The least that a real host has, and the proxy; the service's own names come from the pool's region."""
    house.settings(**{"endpoint": None, "jwks_url": None, "proxy": getattr(proxy, "url", proxy), **changes})


def quick(house, proxy, **changes):
    """The same with short times."""
    times = {"deadline": f"{DEADLINE}s", "connect_timeout": f"{CONNECT_TIMEOUT}s"}
    settings(house, proxy, **{**times, **changes})


def certificate(house, profile):
    """A server-side TLS context with a certificate of the local Cognito's."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(os.path.join(house.cognito.state_dir, f"tls-{profile}.pem"))
    return context


@pytest.fixture
def proxy(house):
    """A proxy that lets everybody through, and the settings that name it."""
    with Proxy(house.cognito.https_port) as made:
        settings(house, made)
        yield made
        wait_helpers(0)


def demand(proxy, text=f"{USER}:{PASSWORD}\n", mode=0o600):
    """Have the proxy demand credentials, and write this into the file for them."""
    proxy.credentials = f"{USER}:{PASSWORD}"
    write_file(CREDENTIALS, text, mode)


def failed(house, case, code, reason, call=None):
    """A call that ends without a question: as it must, within its time; (what was shown, the detail in the log)."""
    house.log.clear()
    before = house.counts()
    started = time.monotonic()
    with call or console() as person:
        assert person.prompt() is None
        got = person.result()
        shown = person.texts()
    seconds = time.monotonic() - started
    outcome = house.outcome()
    rows.append((case, f"{got:<21} {outcome['reason']:<16} {seconds:5.2f} s  {' '.join(shown)}"))
    assert (got, outcome["reason"]) == (code, reason), house.log.lines()
    assert seconds < DEADLINE
    assert house.counts() == before
    return shown, house.log.wait_for(r'detail="([^"]*)').group(1)


def not_resolved():
    """Whether this machine cannot find the service by itself."""
    try:
        socket.getaddrinfo(HOST, 443)
    except socket.gaierror:
        return True
    return False


# --- through it -----------------------------------------------------------------------------------------------------


def test_control(house):
    """Without the proxy there is no way: these settings are the real ones, and the name does not resolve here."""
    assert not_resolved()
    quick(house, None)
    failed(house, "no proxy in the settings", UNAVAILABLE, "net_dns")
    assert house.untouched()


def test_sshd(house, proxy):
    """ssh with a mailed code: key set, both requests and the revocation in one tunnel to a host that we do not know."""
    with Sshd("rig-sshd") as server, ssh.terminal(server, "bob", "id -un") as person:
        person.answer(FIRST_QUESTION, "y")
        person.expect(CODE_QUESTION)
        person.line(house.cognito.last_code())
        person.expect("^bob\r\n")
        assert person.wait() == 0
    assert house.reasons() == ["verified"]
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert house.counts() == {"jwks": 1, **ONCE}
    assert (house.connections(), proxy.visitors, proxy.requests()) == (1, 1, [CONNECT])
    assert house.log.lines("event=not_revoked") == []


def test_sudo_with_credentials(house, proxy):
    """sudo through a proxy that demands credentials: it gets those and no header of the service, which gets none."""
    demand(proxy)
    settings(house, proxy, proxy_credentials_file=CREDENTIALS)
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=["lecture=never", "timestamp_timeout=0"])
    with sudo.terminal(house.alice, "id", "-un") as person:
        person.expect(CODE_QUESTION)
        person.line(house.cognito.last_code())
        person.expect("^root\r\n")
        assert person.wait() == 0
    house.cognito.wait_requests("RevokeToken")
    wait_helpers(0)
    assert proxy.requests() == [CONNECT]
    assert set(proxy.headers()) == {"host", "user-agent", "proxy-connection", "proxy-authorization"}
    assert proxy.headers()["proxy-authorization"] == proxies.basic(f"{USER}:{PASSWORD}")
    sent = [name.lower() for request in house.cognito.requests() for name in request["headers"]]
    assert "x-amz-target" in sent and not [name for name in sent if name.startswith("proxy")]


def test_tunnel_that_ends_at_the_prompt(house, proxy):
    """The proxy hangs up while the person types: a second tunnel, with the same credentials, and the code counts."""
    demand(proxy)
    settings(house, proxy, proxy_credentials_file=CREDENTIALS)
    with console() as call:
        assert call.prompt() is not None
        proxy.cut()
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"
    assert proxy.requests() == [CONNECT] * 2
    assert house.counts() == {"jwks": 1, **ONCE}


def test_ports_of_the_scheme(house, proxy):
    """Without a port it is that of the scheme, and not a number of libcurl's own: nobody listens there."""
    for url, port in (("http://127.0.0.1", 80), ("https://127.0.0.1", 443)):
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)) as listener:
            listener.settimeout(10)
            quick(house, url)
            with console() as call:
                connection, _ = listener.accept()
                connection.close()
                assert call.result() == UNAVAILABLE
            continue
        pytest.fail(f"nobody came to port {port}")


# --- what it says instead -------------------------------------------------------------------------------------------

REFUSALS = [
    (403, SERVICE, "proxy_refused"), (404, SERVICE, "proxy_refused"), (405, SERVICE, "proxy_refused"),
    (302, SERVICE, "proxy_refused"), (501, SERVICE, "proxy_refused"), (100, SERVICE, "proxy_refused"),
    (407, SERVICE, "proxy_auth"),
    (500, UNAVAILABLE, "net_proxy"), (502, UNAVAILABLE, "net_proxy"), (503, UNAVAILABLE, "net_proxy"),
    (504, UNAVAILABLE, "net_proxy"),
]


@pytest.mark.parametrize("row", REFUSALS, ids=lambda row: str(row[0]))
def test_refusal(house, proxy, row):
    """A status other than 2xx: whose trouble it is, with proxy, status and host in the log."""
    number, code, reason = row
    quick(house, proxy)
    proxy.behaviour = proxies.status(number)
    shown, detail = failed(house, f"status {number} to CONNECT", code, reason)
    assert f"proxy {proxy.url}: status {number} to CONNECT for https://{HOST}/" in detail
    assert (shown == UNREACHED) == (code == UNAVAILABLE)
    assert house.connections() == 0


CREDENTIAL_CASES = {
    "no credentials": None,
    "another password": f"{USER}:wrong\n",
    "the password decoded": f"{USER}:KpA:9 z#tQ\n",
}


@pytest.mark.parametrize("case", CREDENTIAL_CASES)
def test_credentials_that_are_refused(house, proxy, case):
    """None, or the wrong ones: one attempt, proxy_auth in the log, and nothing of it for the person."""
    demand(proxy, CREDENTIAL_CASES[case] or "x:y")
    quick(house, proxy, proxy_credentials_file=CREDENTIALS if CREDENTIAL_CASES[case] else None)
    shown, detail = failed(house, case, SERVICE, "proxy_auth")
    assert proxy.requests() == [CONNECT]
    assert "status 407" in detail
    assert not [text for text in shown if "proxy" in text.lower() or USER in text]
    assert "wrong" not in str(house.log.lines())


def test_credentials_are_read_anew(house, proxy):
    """The file is written anew: the next login has them, without anything being restarted."""
    demand(proxy, f"{USER}:old\n")
    quick(house, proxy, proxy_credentials_file=CREDENTIALS)
    failed(house, "credentials before they are changed", SERVICE, "proxy_auth")
    demand(proxy)
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


REFUSED = b"HTTP/1.1 407 No\r\n"
FAULTS = {
    "hangs up at once": (proxies.say(b""), "net_proxy"),
    "speaks something else": (proxies.say(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), "net_proxy"),
    "hangs up after its status": (proxies.say(b"HTTP/1.1 200 OK\r\n"), "net_proxy"),
    "is silent": (proxies.silent, "net_proxy"),
    "is silent after 200": (proxies.say(b"HTTP/1.1 200 OK\r\n", then_wait=True), "net_timeout"),
    "is silent after 403": (proxies.say(b"HTTP/1.1 403 No\r\n", then_wait=True), "proxy_refused"),
    "endless header": (proxies.endless(b"HTTP/1.1 200 OK\r\n", b"X-Filler: y\r\n" * 500), "http_oversize"),
    "endless line": (proxies.endless(b"HTTP/1.1 200 OK\r\n", b"y" * 8000), "net_proxy"),
    "endless header, slowly": (proxies.endless(b"HTTP/1.1 200 OK\r\n", b"X: y\r\n", 0.05), "net_timeout"),
    "endless page": (proxies.endless(REFUSED + b"Content-Length: 99999999999\r\n\r\n", b"y" * 8000), "proxy_auth"),
    "endless pieces": (proxies.endless(REFUSED + b"Transfer-Encoding: chunked\r\n\r\n", b"4\r\nyyyy\r\n" * 800),
                       "proxy_auth"),
    "200, then no TLS": (proxies.say(proxies.ESTABLISHED + b"220 mail.example.com ESMTP\r\n"), "net_tls"),
}
CODES = {"http_oversize": SERVICE, "proxy_refused": SERVICE, "proxy_auth": SERVICE}


@pytest.mark.parametrize("name", FAULTS)
def test_fault(house, proxy, name):
    """A proxy that is broken or hostile: an end within the deadline and within bounds, with the proxy's name."""
    proxy.behaviour, reason = FAULTS[name]
    quick(house, proxy)
    _, detail = failed(house, name, CODES.get(reason, UNAVAILABLE), reason)
    assert proxy.url in detail
    assert house.connections() == 0
    assert reason != "http_oversize" or proxy.sent < 8 * 2**20, "what it sent was taken for far too long"


def test_no_proxy_there(house, proxy):
    """Its name does not resolve, or nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        quick(house, f"http://127.0.0.1:{closed.getsockname()[1]}")
        assert failed(house, "nobody listens", UNAVAILABLE, "net_proxy")[0] == UNREACHED
    quick(house, "http://proxy.example.com:3128")
    _, detail = failed(house, "its name does not resolve", UNAVAILABLE, "net_proxy")
    assert detail.startswith("proxy http://proxy.example.com:3128: ")


def test_trouble_behind_it(house, proxy):
    """What the service does has the reasons that it has without a proxy, and the proxy is named."""
    quick(house, proxy)
    house.cognito.fault("InitiateAuth", transport="close_body")
    assert f"through {proxy.url}" in failed_behind(house, "the service hangs up", "net_reset")
    house.cognito.fault("InitiateAuth", transport="silent")
    assert f"through {proxy.url}" in failed_behind(house, "the service is silent", "net_timeout")


def failed_behind(house, case, reason):
    """A call whose InitiateAuth fails at the service; the detail in the log."""
    house.log.clear()
    with console() as call:
        assert call.prompt() is None
        rows.append((case, f"{call.result():<21} {reason}"))
        assert call.result() == UNAVAILABLE
    assert house.outcome()["reason"] == reason
    return house.log.wait_for(r'detail="([^"]*)').group(1)


# --- what it must not be able to do ---------------------------------------------------------------------------------


def test_its_clock_is_not_the_service_s(house, proxy):
    """Date and Age in its answer: neither makes a good clock look wrong nor hides a wrong one."""
    proxy.behaviour = proxies.relay_with("Date: Mon, 01 Jan 2001 00:00:00 GMT")
    house.cognito.fault("jwks", remove_headers=["Date"])
    house.cognito.fault("InitiateAuth", remove_headers=["Date"])
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    house.forget_state()
    house.cognito.set_clock(date_offset=3600)
    proxy.behaviour = proxies.relay_with("Age: 1", "Date: Mon, 01 Jan 2001 00:00:00 GMT")
    failed_clock(house)


def failed_clock(house):
    """The service's clock is wrong and that shows."""
    house.log.clear()
    with console() as call:
        assert call.prompt() is None
        assert call.result() == SERVICE
    assert house.outcome()["reason"] == "clock_skew", house.log.lines()


def test_its_names_are_not_the_service_s(house, proxy):
    """A request id and an error type in its answer come into no log line and change no reason."""
    write_file(KEYS_FILE, json.dumps(house.cognito.jwks()))
    settings(house, proxy, jwks_file=KEYS_FILE)
    proxy.behaviour = proxies.relay_with("x-amzn-RequestId: 00000000-false", "x-amzn-ErrorType: UserNotFoundException")
    house.cognito.fault("InitiateAuth", status=400, body="{}", remove_headers=["x-amzn-RequestId", "x-amzn-ErrorType"])
    with console() as call:
        assert call.prompt() is None
        assert call.result() == SERVICE
    assert house.outcome()["reason"] == "api_unknown", house.log.lines()
    assert "false" not in str(house.log.lines())


def test_interception(house, proxy):
    """A proxy that opens the TLS with an authority of its own is refused before anything is said."""
    taken = []
    proxy.behaviour = proxies.intercept(certificate(house, "unknown_ca"), taken)
    quick(house, proxy)
    _, detail = failed(house, "opens TLS with its own authority", UNTRUSTED, "tls_certificate")
    assert (proxy.requests(), taken, house.connections()) == ([CONNECT], [], 0)
    assert f"through {proxy.url}" in detail


@pytest.mark.parametrize("profile", ["good", "unknown_ca", "wrong_name", "expired"])
def test_proxy_that_speaks_tls(house, profile):
    """https:// for the proxy: the same trust as for the service, and no credentials before its certificate holds."""
    with Proxy(house.cognito.https_port, tls=certificate(house, profile)) as proxy:
        demand(proxy)
        quick(house, proxy, proxy_credentials_file=CREDENTIALS)
        if profile != "good":
            _, detail = failed(house, f"https proxy, {profile}", UNTRUSTED, "tls_certificate")
            assert (proxy.visitors, proxy.seen, house.connections()) == (1, [], 0)
            assert detail.startswith(f"proxy {proxy.url}: ")
            return
        with console() as call:
            enter_code(house, call)
            assert call.result() == "PAM_SUCCESS"
        house.cognito.wait_requests("RevokeToken")
        wait_helpers(0)
        assert proxy.requests() == [CONNECT]


# --- nothing left, nothing spent ------------------------------------------------------------------------------------


def test_mails_are_given_back(house, proxy):
    """Calls for which the proxy makes no tunnel cost none of the two mails of the budget, a stranger's neither."""
    write_file(KEYS_FILE, json.dumps(house.cognito.jwks()))
    quick(house, proxy, jwks_file=KEYS_FILE, mail_budget="1/15m", mail_budget_unproved="1/15m")
    for number, reason in ((403, "proxy_refused"), (407, "proxy_auth"), (502, "net_proxy")):
        proxy.behaviour = proxies.status(number)
        failed(house, f"mail budget, status {number}", UNAVAILABLE if number == 502 else SERVICE, reason)
        with stranger("bob") as call:
            assert call.prompt() is not None
            call.answer("y")
            assert call.prompt() is None
    proxy.behaviour = proxies.relay
    with console() as call, stranger("bob") as other:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
        enter_code(house, other, first=True)
        assert other.result() == "PAM_SUCCESS"


def test_tries_are_given_back(house, proxy):
    """The tunnel is gone when the code was typed, and there is no new one: the code has its only try still."""
    quick(house, proxy, max_tries=1)
    for number, code in ((503, UNAVAILABLE), (403, SERVICE)):
        with console() as call:
            assert call.prompt() is not None
            proxy.behaviour = proxies.status(number)
            proxy.cut()
            call.answer(house.cognito.last_code())
            assert call.result() == code
        proxy.behaviour = proxies.relay
    with console() as call:
        assert "is still good" in call.prompt()
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"
    assert house.counts() == {"jwks": 1, **ONCE}


# --- where the credentials are --------------------------------------------------------------------------------------


def test_credentials_are_nowhere(house, proxy):
    """Not in the log with debug on, not in any command line or environment, not in what the helper's files are."""
    demand(proxy)
    settings(house, proxy, proxy_credentials_file=CREDENTIALS, debug="yes")
    secrets = [PASSWORD, proxies.basic(f"{USER}:{PASSWORD}").split()[1]]
    with console() as call:
        assert call.prompt() is not None
        (helper,) = helpers()
        for process in processes.relations():
            for name in ("cmdline", "environ"):
                with contextlib.suppress(OSError), open(f"/proc/{process}/{name}", "rb") as file:
                    text = file.read().decode(errors="replace")
                    assert not [secret for secret in secrets if secret in text], (process, name)
        targets = [os.readlink(f"/proc/{helper}/fd/{name}") for name in os.listdir(f"/proc/{helper}/fd")]
        assert CREDENTIALS not in targets
        call.answer("00000000")
        call.prompt()
        proxy.behaviour = proxies.status(403)
        proxy.cut()
        call.answer(house.cognito.last_code())
        assert call.result() == SERVICE
        shown = str(call.messages)
    kept = "".join(open_all(STATE))
    assert house.log.lines("InitiateAuth: status 200") and house.reasons() == ["proxy_refused"], house.log.lines()
    for secret in secrets:
        assert secret not in str(house.log.lines()) + shown + kept


def open_all(folder):
    """The texts of the files in a folder."""
    for name in os.listdir(folder):
        with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as file:
            yield file.read()


FILE_CASES = {
    "others may read it": ("config_unsafe", lambda: os.chmod(CREDENTIALS, 0o604)),
    "its group may read it": ("config_unsafe", lambda: os.chmod(CREDENTIALS, 0o640)),
    "somebody else's": ("config_unsafe", lambda: os.chown(CREDENTIALS, 7001, 0)),
    "a symbolic link": ("config_unsafe", lambda: (os.rename(CREDENTIALS, CREDENTIALS + ".2"),
                                                  os.symlink(CREDENTIALS + ".2", CREDENTIALS))),
    "missing": ("config_open", lambda: os.unlink(CREDENTIALS)),
    "no colon": ("config_value", lambda: write_file(CREDENTIALS, "secretword\n", 0o600)),
    "two lines": ("config_value", lambda: write_file(CREDENTIALS, "secretword:a\nsecretword:b\n", 0o600)),
    "too long": ("config_open", lambda: write_file(CREDENTIALS, "secretword:" + "a" * 600, 0o600)),
}


@pytest.mark.parametrize("case", FILE_CASES)
def test_unsafe_credentials_file(house, proxy, case):
    """A file that others could read or write, or that is none: nobody is let in, before anything is connected to."""
    demand(proxy)
    quick(house, proxy, proxy_credentials_file=CREDENTIALS)
    reason, spoil = FILE_CASES[case]
    spoil()
    try:
        _, detail = failed(house, f"credentials file: {case}", SERVICE, reason)
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(CREDENTIALS)
    assert CREDENTIALS in detail
    assert (proxy.visitors, house.untouched()) == (0, True)
    assert "secretword" not in str(house.log.lines()) and PASSWORD not in str(house.log.lines())


def test_unsafe_credentials_file_tells_nothing(house, proxy):
    """It stops a stranger before his first question, whatever name he gives."""
    demand(proxy, mode=0o644)
    quick(house, proxy, proxy_credentials_file=CREDENTIALS)
    shown = [failed(house, f"credentials file unsafe, {name}", SERVICE, "config_unsafe", stranger(name))[0]
             for name in ("alice", "dave", "no-such-user", "root")]
    assert shown == [shown[0]] * 4
    assert (proxy.visitors, house.untouched()) == (0, True)


SETTING_CASES = {
    "credentials in the URL": "http://hosts:secretword@127.0.0.1:3128",
    "a user in the URL": "http://secretword@127.0.0.1:3128",
    "another scheme": "socks5://127.0.0.1:1080",
    "a path": "http://127.0.0.1:3128/x",
    "credentials without proxy": None,
}


@pytest.mark.parametrize("case", SETTING_CASES)
def test_settings_that_are_refused(house, proxy, case):
    """The log names the setting, and shows nothing of a credential that stands where it must not."""
    demand(proxy)
    quick(house, SETTING_CASES[case], proxy_credentials_file=CREDENTIALS)
    _, detail = failed(house, f"settings: {case}", SERVICE, "config_value")
    assert "proxy" in detail and (SETTINGS in detail or "has no effect" in detail)
    assert "secretword" not in str(house.log.lines())
    assert (proxy.visitors, house.untouched()) == (0, True)
