"""cognito-otp cache: what an administrator is shown of kept logins, and how he ends them now.

Duty: records come from real logins; each reason why one does not count any more is provoked; what purge says it has
removed and revoked is compared with the disk and with what reached the service.
"""

import contextlib
import os
import re
import subprocess

import pytest
from driver.people import enter_code, key_holder, own_account
from rig import accounts, sessions

from system.house import RUN, write_file
from system.test_state_files import contents
from system.test_tool import UNKNOWN, tool

NONE = "records: 0, tokens without a record: 0\n"
BEGIN = 'echo "$1" > /proc/self/loginuid; shift; ' + sessions.MARK.replace("$CACHE", sessions.CACHE) + 'exec "$@"'
LINE = re.compile(r"(?P<kind>session|key|pending|tokens) +(?P<facts>.*)")
OFFSET, PRIME, MASK = 0xCBF29CE484222325, 0x100000001B3, 2**64 - 1


@pytest.fixture(autouse=True)
def caching(house):
    """A cache that the driver's service may use, and short steps."""
    keep(house)


def keep(house, **changes):
    """Settings with a cache."""
    house.settings(**{"cache": "on", "cache_services": "sudo otp-test", "deadline": "4s",
                      "connect_timeout": "2s", **changes})


def in_session(house, user="alice"):
    """Somebody in a login session of his own comes in with a code, as with sudo: a record of that session."""
    uid = str(accounts.add_user(user).uid)
    with own_account(user, prefix=("/bin/sh", "-c", BEGIN, "sh", uid)) as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


def with_key(house, user="alice"):
    """Somebody comes in by ssh with key and code: a record of the key, and those that wait for the session."""
    with key_holder(user) as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


def listed(*arguments):
    """The lines of cache list as dictionaries, and its last line."""
    *lines, count = tool("cache", "list", *arguments).splitlines()
    found = [LINE.fullmatch(line) for line in lines]
    assert all(found), lines
    return [{"kind": line["kind"], **dict(re.findall(r"(\w+)=(\S+)", line["facts"]))} for line in found], count


def only():
    """The only line."""
    (line,), count = listed()
    assert count == "records: 1, tokens without a record: 0"
    return line


def of_kind(kind, *arguments):
    """The lines of that kind."""
    return [line for line in listed(*arguments)[0] if line["kind"] == kind]


def files(start="cache-"):
    """The names in cache_dir that begin so."""
    return sorted(name for name in os.listdir(RUN) if name.startswith(start)) if os.path.isdir(RUN) else []


def records(*kinds):
    """The names of records."""
    return [name for kind in kinds or ("session", "key", "pending") for name in files(f"cache-{kind}-")]


def rewrite(name, *changes):
    """Change a record as if it had been written so: (pattern, text) pairs, and a right sum."""
    path = f"{RUN}/{name}"
    text = contents(path).decode()
    for pattern, new in changes:
        text, count = re.subn(pattern, new, text, count=1, flags=re.M)
        assert count == 1, pattern
    body = re.sub(r"sum=\w+\n\Z", "", text)
    total = OFFSET
    for byte in body.encode():
        total = ((total ^ byte) * PRIME) & MASK
    write_file(path, f"{body}sum={total:016x}\n", 0o600)


def revoked(house):
    """How many refresh tokens the service was told to end."""
    return len(house.cognito.requests("RevokeToken"))


# --- list ------------------------------------------------------------------------------------------------------------


def test_nothing_is_kept(house):
    """No record, no error, and no directory is made, for nobody, somebody or nobody's name."""
    house.forget_state()
    for user in ((), ("alice",), (UNKNOWN,)):
        assert tool("cache", "list", *user) == NONE
        name = user[0] if user else "all"
        assert tool("cache", "purge", *user) == f"{name}: records removed: 0, tokens removed: 0, revoked: 0\n"
    assert not os.path.exists(RUN)


def test_session_is_shown(house):
    """Whose, in which session, how old, for how long."""
    in_session(house)
    line = only()
    assert line.pop("age") in ("0s", "1s", "2s") and line.pop("left") in ("600s", "599s", "598s")
    assert line == {"kind": "session", "user": "alice", "uid": str(house.alice.uid),
                    "cognito": "email:alice@example.com", "session": records()[0].rsplit("-", 1)[1],
                    "check": "offline", "counts": "yes", "why": "-"}


def test_key_is_shown_as_ssh_keygen_does(house):
    """Its kind and fingerprint, and not the key."""
    key = house.alice.give_key()
    with open(f"{key}.pub", encoding="ascii") as file:
        words = file.read().split()[:2]
    with key_holder(environment={"SSH_AUTH_INFO_0": "publickey " + " ".join(words)}) as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    said = subprocess.run(["ssh-keygen", "-lf", f"{key}.pub"], capture_output=True, text=True, check=True, timeout=10)
    (line,) = of_kind("key")
    assert line["key"] == f"{words[0]}:{said.stdout.split()[1]}" and line["counts"] == "yes"
    assert words[1] not in tool("cache", "list")


@pytest.mark.parametrize(("key", "shown"), [
    ("ssh-ed25519-cert-v01@openssh.com AAAA", "ssh-ed25519-cert-v01@openssh.com:-"), ("ssh-rsa %%%", "ssh-rsa:-"),
    (f"{'x' * 200} %", ":-"),
])
def test_odd_key(house, key, shown):
    """A certificate has the fingerprint of another blob, and what is none has none; nothing is cut in the middle."""
    with key_holder(environment={"SSH_AUTH_INFO_0": f"publickey {key}"}) as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    assert of_kind("key")[0]["key"] == shown


def test_what_waits_is_shown(house):
    """Until its session is open it counts for nobody; when its process is gone it never will."""
    with key_holder(calls=("authenticate", "acct_mgmt", "setcred")) as call:
        enter_code(house, call)
        call.result()
        assert all(line["counts"] == "no" for line in of_kind("pending"))
        assert str(os.getpid()) in [line["process"] for line in of_kind("pending") if line["why"] == "waits"]
    assert "process_gone" in [line["why"] for line in of_kind("pending")]


def test_only_the_users_are_shown(house):
    """By the name in the record."""
    in_session(house)
    in_session(house, "bob")
    assert [line["user"] for line in of_kind("session", "bob")] == ["bob"]
    assert {line["user"] for line in of_kind("session")} == {"alice", "bob"}
    assert tool("cache", "list", UNKNOWN) == NONE


@pytest.mark.parametrize(("changes", "why"), [
    ([("^wall=.*", "wall=1767225600")], "clock"),
    ([("^boot=.*", "boot=ffffffff-4e5f-6071-8293-a4b5c6d7e8f9")], "boot"),
    ([("^boot_ms=.*", "boot_ms=999999999999999")], "clock"),
    ([("^pool=.*", "pool=eu-west-1_Other")], "pool"),
    ([("^client=.*", "client=other")], "client"),
    ([("^cognito=.*", "cognito=email:bob@example.com")], "cognito"),
    ([("^sub=.*", "sub=aaaaaaaa-9999-70aa-8000-aaaaaaaaaaaa")], "sub"),
    ([("^challenge=.*", "challenge=sms_otp")], "challenge"),
    ([("^pins=.*", "pins=yes")], "pins"),
    ([("^check=.*", "check=online")], "check"),
    ([("^settings=.*", "settings=1:2:3.4:5")], "settings"),
    ([("^map=.*", "map=1:2:3.4:5")], "map"),
    ([("^uid=.*", "uid=4711")], "uid"),
    ([("^user=.*", "user=ghost")], "user_unknown"),
    ([("^user=.*", "user=root")], "user_root"),
], ids=lambda value: value if isinstance(value, str) else "")
def test_why_it_does_not_count(house, changes, why):
    """Each thing that it is bound to, and both clocks."""
    in_session(house)
    rewrite(records()[0], *changes)
    assert (only()["counts"], only()["why"]) == ("no", why)


def test_expired(house):
    """By the clock that nobody sets."""
    in_session(house)
    name = records()[0]
    boot_ms = int(re.search(r"^boot_ms=(\d+)", contents(f"{RUN}/{name}").decode(), re.M)[1])
    if boot_ms < 700_000:
        pytest.skip("this machine has not run for twelve minutes")
    rewrite(name, ("^boot_ms=.*", f"boot_ms={boot_ms - 601_000}"))
    assert (only()["counts"], only()["why"], only()["left"]) == ("no", "expired", "0s")


def test_settings_changed(house):
    """A change of settings or map, whatever it is, ends it; cache = off, too; and he who is not in the map."""
    in_session(house)
    keep(house)
    assert only()["why"] == "settings"
    house.settings()
    assert (only()["counts"], only()["why"]) == ("no", "cache_off")
    keep(house)
    house.user_map("bob email:bob@example.com")
    assert only()["why"] == "user_unmapped"


def test_damaged_record_is_shown(house):
    """By uid: whose it was is not known any more. It is his of that uid."""
    in_session(house)
    path = f"{RUN}/{records()[0]}"
    write_file(path, contents(path).decode()[:-2] + "\n", 0o600)
    line = only()
    shown = [line[name] for name in ("user", "cognito", "age", "counts", "why")]
    assert shown == ["-", "-", "-", "no", "state_io"]
    assert of_kind("session", "alice") == [line] and of_kind("session", "bob") == []
    os.chmod(path, 0o644)
    assert only()["why"] == "state_unsafe"
    assert "records removed: 0" in tool("cache", "purge", "bob")
    assert tool("cache", "purge", "alice").startswith("alice: records removed: 1,")
    assert records() == []


def test_shared_account(house):
    """The person of the record is compared with the map, and not the first of the account."""
    house.user_map("alice email:alice@example.com", "alice email:bob@example.com")
    uid = str(house.alice.uid)
    with own_account(prefix=("/bin/sh", "-c", BEGIN, "sh", uid)) as call:
        assert call.prompt()
        call.answer("bob@example.com")
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    assert (only()["cognito"], only()["counts"]) == ("email:bob@example.com", "yes")
    house.user_map("alice email:alice@example.com", "alice email:carol@example.com")
    assert (only()["cognito"], only()["why"]) == ("email:bob@example.com", "cognito")


def test_online_is_shown_without_secrets(house):
    """Neither token nor seal; whose tokens do not open does not count."""
    keep(house, cache_check="online")
    in_session(house)
    said = tool("cache", "list")
    assert (only()["check"], only()["counts"]) == ("online", "yes")
    assert not re.search(r"[A-Za-z0-9_/+-]{60,}", said)
    (sealed,) = files("cache-tokens-")
    assert sealed.rsplit("-", 1)[1] not in said
    path = f"{RUN}/{sealed}"
    whole = contents(path)
    with open(path, "r+b") as file:
        file.write(bytes([whole[-1] ^ 1]).rjust(1))
    assert (only()["counts"], only()["why"]) == ("no", "tokens_sealed")


def test_orphan_is_shown_and_removed(house):
    """Sealed tokens that no record names: nobody can open them, so they are not revoked either."""
    keep(house, cache_check="online")
    in_session(house)
    os.unlink(f"{RUN}/{records()[0]}")
    (line,), count = listed("alice")
    assert count == "records: 0, tokens without a record: 1"
    assert (line["kind"], line["uid"], line["why"]) == ("tokens", str(house.alice.uid), "no_record")
    assert listed("bob") == ([], NONE.rstrip("\n"))
    assert "tokens removed: 0" in tool("cache", "purge", "bob")
    said = tool("cache", "purge", "alice").splitlines()
    assert said == [f"not revoked: uid={house.alice.uid}: no record opens these tokens",
                    "alice: records removed: 0, tokens removed: 1, revoked: 0"]
    assert files("cache-tokens-") == [] and revoked(house) == 0


# --- purge -----------------------------------------------------------------------------------------------------------


def test_purge_of_one(house):
    """His records go, also those that wait; the other's stay."""
    with_key(house)
    in_session(house, "bob")
    count = len(records("key", "pending"))
    assert count >= 2
    assert tool("cache", "purge", "alice") == f"alice: records removed: {count}, tokens removed: 0, revoked: 0\n"
    assert records("key", "pending") == [] and len(records("session")) == 1


def test_purge_asks_for_a_code_again(house):
    """The record let him in without a question, and does so no more."""
    with_key(house)
    with key_holder() as call:
        assert call.result() == "PAM_SUCCESS"
    assert "records removed" in tool("cache", "purge", "alice")
    with key_holder() as call:
        assert call.prompt().endswith("Code (r = new one): ")
    assert len(house.cognito.outbox()) == 2


def test_purge_of_all_revokes(house):
    """Each login's refresh token once, however many records name it, within one connection's time."""
    keep(house, cache_check="online")
    with_key(house)
    in_session(house, "bob")
    assert len(files("cache-tokens-")) == 2
    count = len(records())
    assert revoked(house) == 0
    assert tool("cache", "purge") == f"all: records removed: {count}, tokens removed: 2, revoked: 2\n"
    assert records() == files("cache-tokens-") == [] and revoked(house) == 2
    bodies = {request["body"] for request in house.cognito.requests("RevokeToken")}
    assert len(bodies) == 2
    assert tool("cache", "list") == NONE


def test_purge_with_the_service_down(house):
    """They are gone all the same; what is not revoked is said, once for each, within one deadline."""
    keep(house, cache_check="online")
    in_session(house)
    in_session(house, "bob")
    keep(house, cache_check="online", endpoint="https://192.0.2.1:9")
    *lines, end = tool("cache", "purge").splitlines()
    assert end == "all: records removed: 2, tokens removed: 2, revoked: 0"
    assert len(lines) == 2
    assert all(re.fullmatch(r"not revoked: user=(alice|bob) cognito=email:\S+@example\.com: net_\w+: .*", line)
               for line in lines), lines
    assert records() == files("cache-tokens-") == []


def test_purge_without_the_client_secret(house):
    """The file that is not there keeps no record either."""
    keep(house, cache_check="online")
    in_session(house)
    keep(house, cache_check="online", client_secret_file="/etc/security/none.secret")
    line, end = tool("cache", "purge").splitlines()
    assert line.startswith("not revoked: user=alice ") and "/etc/security/none.secret" in line
    assert end == "all: records removed: 1, tokens removed: 1, revoked: 0"


def test_purge_of_another_clients_tokens(house):
    """The service would refuse them: it is not asked."""
    keep(house, cache_check="online")
    in_session(house)
    keep(house, cache_check="online", client_id="another")
    line, end = tool("cache", "purge", "alice").splitlines()
    assert line.endswith(": they are of another pool or app client than the settings name")
    assert end == "alice: records removed: 1, tokens removed: 1, revoked: 0" and revoked(house) == 0


def test_purge_of_who_has_left(house):
    """By the name in the record: there is no such account any more."""
    in_session(house)
    rewrite(records()[0], ("^user=.*", "user=ghost"))
    assert "records removed: 0" in tool("cache", "purge", "alice")
    assert tool("cache", "purge", "ghost") == "ghost: records removed: 1, tokens removed: 0, revoked: 0\n"
    assert records() == []


def test_purge_with_the_cache_off(house):
    """What is left of before."""
    in_session(house)
    house.settings()
    assert tool("cache", "purge") == "all: records removed: 1, tokens removed: 0, revoked: 0\n"
    assert records() == []


@contextlib.contextmanager
def read_only(path):
    """A file system on which nothing can be removed."""
    subprocess.run(["mount", "--bind", path, path], check=True, timeout=10)
    try:
        subprocess.run(["mount", "-o", "remount,bind,ro", path], check=True, timeout=10)
        yield
    finally:
        subprocess.run(["umount", path], check=True, timeout=10)


def test_purge_that_is_not_possible(house):
    """What could not be removed is named, and the exit status says it."""
    in_session(house)
    (name,) = records()
    with read_only(RUN):
        assert f"{RUN}/{name} cannot be removed" in tool("cache", "purge", status=1)
    assert records() == [name]
    os.chmod(RUN, 0o755)
    for action in ("list", "purge"):
        assert "(state_unsafe)" in tool("cache", action, status=1)


@pytest.mark.parametrize("words", ["cache", "cache bad", "cache list --all", "cache purge --all", "cache list a b",
                                   "cache purge a b", "--json cache list", "cache clear alice"])
def test_called_wrongly(words):
    """Usage, and 2."""
    assert tool(*words.split(), status=2).startswith("Usage: cognito-otp")


def test_reset_leaves_records(house):
    """Codes and mails are one thing, the cache another."""
    in_session(house)
    before = records()
    assert tool("reset", "alice").startswith("alice: codes removed:")
    assert records() == before != []


def test_only_root(house):
    """Nobody else sees or ends anything."""
    assert "only root" in tool("cache", "list", status=1, uid=house.bob.uid)
