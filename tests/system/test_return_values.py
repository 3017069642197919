"""What each call of PAM returns in each situation, as Linux-PAM's own tst-*-retval programs show it.

Duty: for every situation the code of authenticate, that the other calls never object, what left for the service
(nothing where nothing may), and the reason in the log; and what a second call on the same handle does.
"""

import os
import shutil
import socket
import sys
import time
from dataclasses import dataclass, field

import pytest
from driver import people
from driver.driver import CONV_ERR, NO_ARRAY, NO_TEXT, PAM_SILENT, code
from driver.people import (
    EVERY_CALL, SERVICE, SSH_KEY, console, enter_code, key_holder, other_local, own_account, stranger,
)
from rig import pam

from system.house import CA_FILE, HELPER, SECRET_FILE, SETTINGS, USER_MAP, write_file

NOTHING = {"mails": 0}
KEYS_ONLY = {"mails": 0, "jwks": 1}
MAILED = {"mails": 1, "jwks": 1, "InitiateAuth": 1}
LOGGED_IN = {**MAILED, "RespondToAuthChallenge": 1}
PROVED = ("console", "key", "own")
FLOW = "/usr/libexec/pam_cognito_otp/cognito-otp-flow-1.so"
REPLACED = "\b\n\r\x7fINCORRECT"
BUF_ERR, CONV_AGAIN = 5, 30


def wrong_of(house):
    """A code of the right form that is not the mailed one."""
    right = house.cognito.last_code() if house.cognito.outbox() else "0"
    return "12345678" if right != "12345678" else "87654321"


def play(house, call, answers):
    """Give the answers in turn: "right" and "wrong" stand for the mailed code and another one."""
    for answer in answers:
        if call.prompt() is None:
            raise AssertionError(f"no question for {answer!r}: {call.history} {call.messages}")
        words = {"right": lambda: house.cognito.last_code(), "wrong": lambda: wrong_of(house)}
        call.answer(words[answer]() if answer in words and not isinstance(answer, type(CONV_ERR)) else answer)
    assert call.prompt() is None, call.messages
    return call.finish()


@dataclass
class Row:
    """One situation: who asks, what he answers, and what comes of it."""

    name: str
    code: str
    reason: str
    requests: dict
    answers: tuple = ()
    caller: object = console
    user: str = "alice"
    settings: dict = field(default_factory=dict)
    before: object = None
    more: dict = field(default_factory=dict)
    after: object = None


def replace_settings(text, mode=0o644):
    """The settings file as a whole."""
    return lambda house: write_file(SETTINGS, text, mode)


def add_setting(line):
    """One more line at the end of the settings."""
    def change(_house):
        with open(SETTINGS, "a", encoding="ascii") as file:
            file.write(line + "\n")
    return change


def mode(path, number):
    """Another mode."""
    return lambda _house: os.chmod(path, number)


def owner(path, name="mallory"):
    """Another owner."""
    return lambda house: os.chown(path, getattr(house, name).uid, -1)


def gone(path):
    """The file is not there."""
    return lambda _house: os.unlink(path)


def by_link(path):
    """A symbolic link to the same file."""
    def change(_house):
        os.rename(path, path + ".real")
        os.symlink(path + ".real", path)
    return change


def text(path, words, number=0o644):
    """Other words in the file."""
    return lambda _house: write_file(path, words, number)


def fifo(path):
    """A pipe in place of the file: nobody may wait for its writer."""
    def change(_house):
        os.unlink(path)
        os.mkfifo(path, 0o600)
    return change


def open_folder(house):
    """The folder of the settings belongs to everybody."""
    os.chmod("/etc/security", 0o777)


def close_folder():
    """As it was."""
    os.chmod("/etc/security", 0o755)


def unlink_links():
    """Remove what by_link and fifo left."""
    for path in (SETTINGS, USER_MAP, SECRET_FILE, CA_FILE):
        if os.path.lexists(path) and not os.path.isfile(path) or os.path.islink(path):
            os.unlink(path)
        if os.path.lexists(path + ".real"):
            os.unlink(path + ".real")


def map_root(house):
    """Root has a Cognito user."""
    house.user_map("alice email:alice@example.com", "root email:bob@example.com")


THREE_WRONG = ("wrong",) * 3
PEOPLE = [
    Row("right code", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",)),
    Row("right code of a stranger", "PAM_SUCCESS", "verified", LOGGED_IN, ("y", "right"), stranger),
    Row("right code after a key", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",), key_holder),
    Row("right code for the own account", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",), own_account),
    Row("right code for the account of another", "PAM_SUCCESS", "verified", LOGGED_IN, ("y", "right"), other_local),
    Row("right code, silent", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",), more={"flags": PAM_SILENT}),
    Row("wrong, then right", "PAM_SUCCESS", "verified", {**MAILED, "RespondToAuthChallenge": 2}, ("wrong", "right")),
    Row("wrong three times", "PAM_MAXTRIES", "tries_exhausted", {**MAILED, "RespondToAuthChallenge": 3}, THREE_WRONG),
    Row("wrong with one try", "PAM_MAXTRIES", "tries_exhausted", LOGGED_IN, ("wrong",), settings={"max_tries": "1"}),
    Row("wrong ten times", "PAM_MAXTRIES", "tries_exhausted", {**MAILED, "RespondToAuthChallenge": 10}, ("wrong",) * 10,
        settings={"max_tries": "10"}),
    Row("no code three times", "PAM_AUTH_ERR", "no_answer", MAILED, ("", "abc", "12")),
    Row("no code three times, a stranger", "PAM_AUTH_ERR", "no_answer", MAILED, ("y", "", "", ""), stranger),
    Row("no mail wanted", "PAM_AUTH_ERR", "no_answer", NOTHING, ("", "no", ""), stranger),
    Row("a code where none is open", "PAM_AUTH_ERR", "no_answer", NOTHING, ("12345678",) * 3, stranger),
    Row("a password", "PAM_AUTH_ERR", "no_answer", NOTHING, ("correct horse",) * 3, stranger),
    Row("always asked", "PAM_AUTH_ERR", "no_answer", NOTHING, ("", "", ""), settings={"confirm": "always"}),
    Row("y without a terminal", "PAM_AUTH_ERR", "no_answer", NOTHING, ("y",) * 3, other_local, more={"tty": None}),
    Row("y of the own account without a terminal", "PAM_AUTH_ERR", "no_answer", NOTHING, ("y",) * 3, own_account,
        more={"tty": None}),
]

CONVERSATIONS = [
    Row("no conversation function", "PAM_CONV_ERR", "no_conversation", NOTHING, more={"conversation": False}),
    Row("no conversation function, a stranger", "PAM_CONV_ERR", "no_conversation", NOTHING, (), stranger,
        more={"conversation": False}),
    Row("conversation fails at the code", "PAM_CONV_ERR", "no_conversation", MAILED, (CONV_ERR,)),
    Row("conversation fails before the mail", "PAM_CONV_ERR", "no_conversation", NOTHING, (CONV_ERR,), stranger),
    Row("conversation fails after the mail", "PAM_CONV_ERR", "no_conversation", MAILED, ("y", CONV_ERR), stranger),
    Row("conversation fails after a wrong code", "PAM_CONV_ERR", "no_conversation", LOGGED_IN, ("wrong", CONV_ERR)),
    Row("out of memory at the code", "PAM_BUF_ERR", "no_conversation", MAILED, (code(BUF_ERR),)),
    Row("out of memory before the mail", "PAM_BUF_ERR", "no_conversation", NOTHING, (code(BUF_ERR),), stranger),
    Row("PAM_CONV_AGAIN", "PAM_CONV_ERR", "no_conversation", MAILED, (code(CONV_AGAIN),)),
    Row("a code beyond the list", "PAM_CONV_ERR", "no_conversation", MAILED, (code(999),)),
    Row("PAM_SUCCESS without an answer", "PAM_CONV_ERR", "no_conversation", MAILED, (NO_ARRAY,)),
    Row("an answer without text", "PAM_CONV_ERR", "no_conversation", MAILED, (NO_TEXT,)),
    Row("before the mail an answer without text", "PAM_CONV_ERR", "no_conversation", NOTHING, (NO_TEXT,), stranger),
]

# after a refusal libpam itself refuses setcred on the same handle, so it is called before and on another one
MATRIX_CALLS = (
    "setcred", "authenticate", "acct_mgmt", "open_session", "close_session", "restart", "setcred", "delete_cred",
)
HIDDEN = ("y", "12345678", "12345678", "12345678")
USERS = [
    Row("no user, and he names himself", "PAM_SUCCESS", "verified", LOGGED_IN, ("alice", "right"), user=None),
    Row("no user, and nobody to ask", "PAM_CONV_ERR", "no_conversation", NOTHING, (CONV_ERR,), user=None),
    Row("empty", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user=""),
    Row("unknown", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="nobody-here"),
    Row("unknown, by a stranger", "PAM_MAXTRIES", "user_unknown", NOTHING, HIDDEN, stranger, user="nobody-here"),
    Row("another case", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="Alice"),
    Row("a blank behind", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="alice "),
    Row("a path", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="../../etc/passwd"),
    Row("an option", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="-rf"),
    Row("control characters", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="al\nevent=accepted\x1b[31mice"),
    Row("no text", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="al\udcff\udcfeice"),
    Row("1000 bytes", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="a" * 1000),
    Row("unmapped", "PAM_AUTH_ERR", "user_unmapped", NOTHING, user="dave"),
    Row("unmapped, by a stranger", "PAM_MAXTRIES", "user_unmapped", NOTHING, HIDDEN, stranger, user="dave"),
    Row("unmapped without a map", "PAM_AUTH_ERR", "user_unmapped", NOTHING, before=gone(USER_MAP)),
    Row("filtered", "PAM_PERM_DENIED", "user_filtered", NOTHING, settings={"users": "bob c*"}),
    Row("filtered by name", "PAM_PERM_DENIED", "user_filtered", NOTHING, settings={"users": "!alice"}),
    Row("filtered, by a stranger", "PAM_MAXTRIES", "user_filtered", NOTHING, HIDDEN, stranger,
        settings={"users": "bob"}),
    Row("not filtered", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",), settings={"users": "al* !bob"}),
    Row("below min_uid", "PAM_PERM_DENIED", "user_system", NOTHING, settings={"min_uid": "4000000"}),
    Row("below min_uid by default", "PAM_PERM_DENIED", "user_system", NOTHING, user="daemon",
        before=lambda house: house.user_map("daemon email:alice@example.com")),
    Row("root", "PAM_PERM_DENIED", "user_root", NOTHING, user="root", before=map_root),
    Row("root, by a stranger", "PAM_MAXTRIES", "user_root", NOTHING, HIDDEN, stranger, user="root", before=map_root),
    Row("root allowed", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",), user="root", before=map_root,
        settings={"allow_root": "yes"}),
    Row("root allowed, unmapped", "PAM_AUTH_ERR", "user_unmapped", NOTHING, user="root",
        settings={"allow_root": "yes"}),
    Row("ignored", "PAM_PERM_DENIED", "unmapped_ignored", NOTHING, user="dave", settings={"unmapped": "ignore"}),
    Row("ignored, by a stranger", "PAM_PERM_DENIED", "unmapped_ignored", NOTHING, (), stranger, user="dave",
        settings={"unmapped": "ignore"}),
    Row("ignored are unmapped users alone", "PAM_SUCCESS", "verified", LOGGED_IN, ("right",),
        settings={"unmapped": "ignore"}),
    Row("never ignored: unknown", "PAM_USER_UNKNOWN", "user_unknown", NOTHING, user="nobody-here",
        settings={"unmapped": "ignore"}),
    Row("never ignored: filtered", "PAM_PERM_DENIED", "user_filtered", NOTHING, user="dave",
        settings={"unmapped": "ignore", "users": "!dave"}),
    Row("never ignored: no map", "PAM_AUTH_ERR", "user_unmapped", NOTHING, user="dave",
        settings={"unmapped": "ignore"}, before=gone(USER_MAP)),
    Row("never ignored: the named map is missing", "PAM_SERVICE_ERR", "config_open", NOTHING, user="dave",
        settings={"unmapped": "ignore", "user_map": "/etc/security/nowhere"}),
    Row("never ignored: empty map", "PAM_AUTH_ERR", "user_unmapped", NOTHING, user="dave",
        settings={"unmapped": "ignore"}, before=text(USER_MAP, "# nobody\n")),
    Row("never ignored: root", "PAM_AUTH_ERR", "user_unmapped", NOTHING, user="root",
        settings={"unmapped": "ignore", "allow_root": "yes"}),
    Row("never ignored: root not allowed", "PAM_PERM_DENIED", "user_root", NOTHING, user="root",
        settings={"unmapped": "ignore"}),
]


def unusable(name, reason, requests=None, **more):
    """A row in which an administrator must act."""
    return Row(name, "PAM_SERVICE_ERR", reason, NOTHING if requests is None else requests, **more)


BROKEN = [
    unusable("settings: unknown key", "config_unknown_key", settings={"max_trys": "3"}),
    unusable("settings: key in another case", "config_unknown_key", settings={"Users": "bob"}),
    unusable("settings: bad value", "config_value", settings={"allow_root": "true"}),
    unusable("settings: number with a unit", "config_value", settings={"max_tries": "3s"}),
    unusable("settings: filter that matches nobody", "config_value", settings={"users": ","}),
    unusable("settings: no value", "config_value", before=add_setting("users =")),
    unusable("settings: twice", "config_duplicate", before=add_setting("client_id = another")),
    unusable("settings: no sign", "config_syntax", before=add_setting("allow_root yes")),
    unusable("settings: a NUL byte", "config_syntax", before=add_setting("users = alice\0bob")),
    unusable("settings: key without value", "config_missing", settings={"client_id": None}),
    unusable("settings: http", "config_value", settings={"endpoint": "http://localhost:1"}),
    unusable("settings: empty", "config_missing", before=replace_settings("")),
    unusable("settings: missing", "config_open", before=gone(SETTINGS)),
    unusable("settings: too large", "config_open", before=replace_settings("#" * 70000)),
    unusable("settings: others may write", "config_unsafe", before=mode(SETTINGS, 0o646)),
    unusable("settings: the group may write", "config_unsafe", before=mode(SETTINGS, 0o664)),
    unusable("settings: of another owner", "config_unsafe", before=owner(SETTINGS)),
    unusable("settings: a link", "config_unsafe", before=by_link(SETTINGS)),
    unusable("settings: a pipe", "config_unsafe", before=fifo(SETTINGS)),
    unusable("settings: the folder is everybody's", "config_unsafe", before=open_folder, after=close_folder),
    unusable("settings: for a stranger, too", "config_unknown_key", caller=stranger, settings={"max_trys": "3"}),
    unusable("secret: others may read", "config_unsafe", before=mode(SECRET_FILE, 0o644)),
    unusable("secret: the group may read", "config_unsafe", before=mode(SECRET_FILE, 0o640)),
    unusable("secret: of another owner", "config_unsafe", before=owner(SECRET_FILE)),
    unusable("secret: a link", "config_unsafe", before=by_link(SECRET_FILE)),
    unusable("secret: missing", "config_open", before=gone(SECRET_FILE)),
    unusable("secret: empty", "config_value", before=text(SECRET_FILE, "\n", 0o600)),
    unusable("secret: two words", "config_value", before=text(SECRET_FILE, "one two\n", 0o600)),
    unusable("secret: too large", "config_open", before=text(SECRET_FILE, "a" * 300, 0o600)),
    unusable("secret: wrong", "secret_hash", {**KEYS_ONLY, "InitiateAuth": 1},
             before=text(SECRET_FILE, "another" * 5 + "\n", 0o600)),
    unusable("secret: not used", "secret_hash", {**KEYS_ONLY, "InitiateAuth": 1},
             settings={"client_secret_file": None}),
    unusable("map: others may write", "config_unsafe", before=mode(USER_MAP, 0o646)),
    unusable("map: of another owner", "config_unsafe", before=owner(USER_MAP)),
    unusable("map: a link", "config_unsafe", before=by_link(USER_MAP)),
    unusable("map: named and missing", "config_open", settings={"user_map": "/etc/security/nowhere"}),
    unusable("map: unknown kind", "map_syntax", before=text(USER_MAP, "alice mail:alice@example.com\n")),
    unusable("map: one word", "map_syntax", before=text(USER_MAP, "alice\n")),
    unusable("map: bad pin", "map_syntax", before=text(USER_MAP, "alice email:alice@example.com sub=abc\n")),
    unusable("map: twice", "config_duplicate",
             before=text(USER_MAP, "alice email:alice@example.com\nalice email:alice@example.com\n")),
    unusable("map: broken for another user", "map_syntax",
             before=text(USER_MAP, "alice email:alice@example.com\nbob mail\n")),
    unusable("ca_file: others may write", "config_unsafe", before=mode(CA_FILE, 0o646)),
    unusable("ca_file: missing", "config_open", before=gone(CA_FILE)),
    unusable("key file: missing", "config_open", settings={"jwks_url": None, "jwks_file": "/etc/security/nowhere"}),
    unusable("name template without groups", "config_value", settings={"user_template": "username:%u"}),
    unusable("ignore beside a template", "config_value",
             settings={"user_template": "email:%u@example.com", "unmapped": "ignore"}),
]

ROWS = PEOPLE + CONVERSATIONS + USERS + BROKEN


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name.replace(" ", "-"))
def test_matrix(house, row):
    """authenticate as the row says, the other calls always PAM_SUCCESS; requests, reason and a clean log line."""
    house.settings(**row.settings)
    try:
        if row.before:
            row.before(house)
        with row.caller(row.user, MATRIX_CALLS, **row.more) as call:
            play(house, call, row.answers)
            results = [result for _, result in call.history]
    finally:
        if row.after:
            row.after()
        unlink_links()
    assert results == ["PAM_SUCCESS", row.code, *["PAM_SUCCESS"] * 6]
    assert house.counts() == row.requests
    assert house.outcome()["reason"] == row.reason
    assert len(house.outcomes()) == 1
    [line] = house.log.lines("event=(accepted|denied|ignored)")
    assert line.isascii() and line.isprintable()
    if row.requests == NOTHING:
        assert house.cognito.connections()["accepted"] == 0


def test_ignore_leaves_the_decision_to_the_others(house):
    """PAM_IGNORE is what the module returns for an ignored user: the next module decides, either way."""
    house.settings(unmapped="ignore")
    for decides, result in (("pam_permit.so", "PAM_SUCCESS"), ("pam_deny.so", "PAM_AUTH_ERR")):
        pam.lines(SERVICE, auth=["required pam_cognito_otp.so", f"required {decides}"])
        with console("dave") as call:
            assert call.finish() == {"authenticate": result}
    pam.lines(SERVICE, auth=["required pam_cognito_otp.so", "required pam_permit.so"])
    house.settings()
    with console("dave") as call:
        assert call.finish() == {"authenticate": "PAM_AUTH_ERR"}


@pytest.mark.parametrize("argument, reason", [
    ("max_trys=3", "config_unknown_key"), ("max_tries=0", "config_value"), ("debug", "config_syntax"),
    ("max_tries=3 max_tries=4", "config_duplicate"), ("config=/etc/nowhere", "config_open"),
    (f"config={SETTINGS} config={SETTINGS}", "config_duplicate"), ("config=relative", "config_open"),
])
def test_module_arguments(house, argument, reason):
    """A mistake on the PAM line lets nobody in."""
    pam.lines(SERVICE, **pam.module(argument))
    with console(calls=MATRIX_CALLS) as call:
        call.finish()
        assert [result for _, result in call.history] == ["PAM_SUCCESS", "PAM_SERVICE_ERR", *["PAM_SUCCESS"] * 6]
    assert house.outcome()["reason"] == reason
    assert house.counts() == NOTHING


def test_argument_over_file(house):
    """An argument of the same name counts, not the file."""
    house.settings(max_tries="9")
    pam.lines(SERVICE, **pam.module("max_tries=1"))
    with console() as call:
        assert play(house, call, ("wrong",)) == {"authenticate": "PAM_MAXTRIES"}


# --- the helper ------------------------------------------------------------------------------------------------------


def helper_script(_house):
    """Not a program of ours, but one of root's."""
    shutil.copy("/bin/true", HELPER)
    os.chmod(HELPER, 0o755)


HELPERS = {
    "missing": (gone(HELPER), "helper_missing"),
    "others may write": (mode(HELPER, 0o757), "helper_unsafe"),
    "the group may write": (mode(HELPER, 0o775), "helper_unsafe"),
    "of another owner": (owner(HELPER), "helper_unsafe"),
    "a link": (by_link(HELPER), "helper_unsafe"),
    "a pipe": (fifo(HELPER), "helper_unsafe"),
    "not to be run": (mode(HELPER, 0o644), "helper_missing"),
    "another program": (helper_script, "helper_died"),
    "its second stage is missing": (gone(FLOW), "helper_unsafe"),
    "its second stage is open to others": (mode(FLOW, 0o646), "helper_unsafe"),
    "its second stage is of another owner": (owner(FLOW), "helper_unsafe"),
    "its second stage is a link": (by_link(FLOW), "helper_unsafe"),
    "its second stage is no program": (text(FLOW, "hello\n"), "helper_missing"),
}


@pytest.mark.parametrize("name", HELPERS)
def test_helper(house, name):
    """Without its helper the module lets nobody in; setcred, account and session do not need it."""
    change, reason = HELPERS[name]
    for path in (HELPER, FLOW):
        shutil.copy2(path, path + ".kept")
    try:
        change(house)
        with console(calls=("setcred", "acct_mgmt", "open_session", "close_session", "authenticate")) as call:
            results = call.finish()
    finally:
        for path in (HELPER, FLOW):
            os.rename(path + ".kept", path)
            if os.path.lexists(path + ".real"):
                os.unlink(path + ".real")
    assert results == {"authenticate": "PAM_SERVICE_ERR", **dict.fromkeys(EVERY_CALL[1:], "PAM_SUCCESS")}
    assert house.outcome()["reason"] == reason
    assert house.counts() == NOTHING


STAND_IN = """#!/usr/bin/python3 -I
import socket, sys
door = socket.socket(fileno=0)
door.recv(65536)
for packet in PACKETS:
    door.send(packet)
door.recv(1)
"""
MAGIC, HELLO, TELL, VERDICT = 0x4F545001, 4, 6, 8
SUCCESS, FAILURE = 0x5CA39E65, 0xA25D619A


def words(*numbers):
    """Numbers as they stand in a packet."""
    return b"".join(number.to_bytes(4, sys.byteorder) for number in numbers)


def packet(*numbers, line=b"event=accepted reason=verified user=alice", magic=MAGIC, kind=VERDICT, tail=b""):
    """One packet of the language between helper and module (wire.h); a verdict ends with person and token file."""
    return words(magic, kind, *numbers, len(line)) + line + (words(0, 0) if kind == VERDICT else b"") + tail


VERDICTS = {
    "word of failure": packet(FAILURE, 0, 0),
    "no word": packet(0, 0, 0),
    "1": packet(1, 0, 0),
    "all bits": packet(0xFFFFFFFF, 0, 0),
    "one bit": packet(SUCCESS ^ 0x10, 0, 0),
    "success of a failure": packet(SUCCESS, 7, 7),
    "unknown result": packet(FAILURE, 9999, 7),
    "unknown reason": packet(SUCCESS, 0, 9999),
    "another magic": packet(SUCCESS, 0, 0, magic=MAGIC ^ 0x100),
    "another version": packet(SUCCESS, 0, 0, magic=MAGIC + 1),
    "something behind": packet(SUCCESS, 0, 0, tail=b"x"),
    "cut": packet(SUCCESS, 0, 0)[:-1],
    "header alone": packet(SUCCESS, 0, 0)[:8],
    "a NUL in the line": packet(SUCCESS, 0, 0, line=b"event=accepted\0"),
    "a NUL in the person": packet(SUCCESS, 0, 0)[:-8] + words(3) + b"a\0b" + words(0),
    "a long person": packet(SUCCESS, 0, 0)[:-8] + words(129) + b"x" * 129 + words(0),
    "no person": packet(SUCCESS, 0, 0)[:-8],
    "no file": packet(SUCCESS, 0, 0)[:-4],
    "a NUL in the file": packet(SUCCESS, 0, 0)[:-4] + words(3) + b"/\0b",
    "a long file": packet(SUCCESS, 0, 0)[:-4] + words(161) + b"x" * 161,
    "a long line": packet(SUCCESS, 0, 0, line=b"x" * 1025),
    "a request": packet(SUCCESS, 0, 0, kind=1),
    "unknown kind": packet(SUCCESS, 0, 0, kind=99),
    "a deadline of an hour": packet(kind=HELLO, line=b"")[:8] + (3_600_000).to_bytes(4, sys.byteorder),
    "an endless talk": None,
}


def with_stand_in(packets):
    """One call with a helper that sends these packets and nothing else."""
    shutil.copy2(HELPER, HELPER + ".kept")
    try:
        write_file(HELPER, STAND_IN.replace("PACKETS", repr(packets)), 0o755)
        with console() as call:
            return call.finish()
    finally:
        os.rename(HELPER + ".kept", HELPER)


def test_verdict(house):
    """The control for what follows: a stand-in of root's at the helper's place is believed."""
    assert with_stand_in([packet(SUCCESS, 0, 0)]) == {"authenticate": "PAM_SUCCESS"}
    assert with_stand_in([packet(FAILURE, 3, 3)])["authenticate"] != "PAM_SUCCESS"


@pytest.mark.parametrize("name", VERDICTS)
def test_odd_verdict(house, name):
    """Only the one word of success, in a packet without a flaw, lets anybody in."""
    tell = packet(kind=TELL, line=b"hello")
    packets = [tell] * 300 + [packet(SUCCESS, 0, 0)] if VERDICTS[name] is None else [VERDICTS[name]]
    assert with_stand_in(packets) == {"authenticate": "PAM_SERVICE_ERR"}
    assert house.outcome()["reason"] == "helper_protocol"


def test_other_calls_need_nothing(house):
    """setcred, account and session before, without and after authenticate, with broken settings, for anybody."""
    os.unlink(SETTINGS)
    calls = ["setcred", "delete_cred", "acct_mgmt", "open_session", "open_session", "user=root", "close_session",
             "setcred", "user=nobody-here", "acct_mgmt", "close_session", "delete_cred"]
    with console(calls=calls) as call:
        call.finish()
        assert {result for _, result in call.history} == {"PAM_SUCCESS"}
    assert house.log.lines("pam_cognito_otp") == []


# --- who asks --------------------------------------------------------------------------------------------------------

PTS = "/dev/pts/7"
# name: (tty, rhost, SSH_AUTH_INFO_0, whose real uid) -> caller, is there a terminal
ITEMS = {
    "console": ((PTS, None, None, None), "console", True),
    "console, empty host": ((PTS, "", None, None), "console", True),
    "console, bare name": (("tty1", None, None, None), "console", True),
    "display": ((":0", None, None, "alice"), "own", True),
    "console from a host": ((PTS, "host.example.com", None, None), "remote", True),
    "root without a terminal": ((None, None, None, None), "local", False),
    "root, empty terminal": (("", None, None, None), "local", False),
    "cron": (("cron", None, None, None), "local", False),
    "own": ((PTS, None, None, "alice"), "own", True),
    "own from a host": ((PTS, "host.example.com", None, "alice"), "remote", True),
    "own without a terminal": ((None, None, None, "alice"), "local", False),
    "another's": ((PTS, None, None, "bob"), "local", True),
    "another's without a terminal": ((None, None, None, "bob"), "local", False),
    "ssh": (("ssh", "203.0.113.9", None, None), "remote", False),
    "ssh without a host": (("ssh", None, None, None), "remote", False),
    "key": (("ssh", "203.0.113.9", "publickey ssh-ed25519 AAAA", None), "key", False),
    "key, second": (("ssh", "203.0.113.9", "keyboard-interactive/pam\npublickey ssh-ed25519 AAAA", None), "key", False),
    "key, no line of its own": (("ssh", "203.0.113.9", "x publickey ssh-ed25519 AAAA", None), "remote", False),
    "key, other word": (("ssh", "203.0.113.9", "publickeyx a", None), "remote", False),
    "key, empty": (("ssh", "203.0.113.9", "", None), "remote", False),
    "key, host based": (("ssh", "203.0.113.9", "hostbased ssh-ed25519 AAAA", None), "remote", False),
    "key, no sshd": ((PTS, "203.0.113.9", "publickey ssh-ed25519 AAAA", None), "remote", True),
    "key, set by a user": (("ssh", None, "publickey ssh-ed25519 AAAA", "bob"), "remote", False),
    "key, set by the user himself": (("ssh", None, "publickey ssh-ed25519 AAAA", "alice"), "remote", False),
}


@pytest.mark.parametrize("name", ITEMS)
def test_who_asks(house, name):
    """The caller by what PAM knows; only a proved one gets a mail unasked, only a remote one sees what he types."""
    (tty, rhost, key, uid), caller, _ = ITEMS[name]
    more = {"environment": {"SSH_AUTH_INFO_0": key}} if key is not None else {}
    if uid:
        more["ruid"] = getattr(house, uid).uid
    calls = ["authenticate"]
    if rhost == "":
        rhost, calls = None, ["empty:rhost", "authenticate"]
    with people.PamCall(SERVICE, "alice", calls, tty=tty, rhost=rhost, **more) as call:
        question = call.question()
        mails = len(house.cognito.outbox())
        connections = house.cognito.connections()["accepted"]
        call.answer(CONV_ERR)
        assert call.finish() == {"authenticate": "PAM_CONV_ERR"}
    assert house.outcome()["caller"] == caller
    assert (mails, connections) == ((1, 1) if caller in PROVED else (0, 0))
    assert question["style"] == ("echo_on" if caller == "remote" else "echo_off")
    assert ("a***@e***" in question["text"]) == (caller in PROVED)


@pytest.mark.parametrize("name", [name for name, row in ITEMS.items() if row[1] not in PROVED])
def test_mail_only_after_y(house, name):
    """y brings the mail to those who are not proved; those without a terminal of their own get none."""
    (tty, rhost, key, uid), caller, terminal = ITEMS[name]
    more = {"environment": {"SSH_AUTH_INFO_0": key}} if key is not None else {}
    if uid:
        more["ruid"] = getattr(house, uid).uid
    gets_mail = caller == "remote" or terminal
    with people.PamCall(SERVICE, "alice", tty=tty, rhost=rhost or None, **more) as call:
        call.prompt()
        call.answer("y")
        second = call.prompt()
        assert len(house.cognito.outbox()) == int(gets_mail)
        assert "***" not in second
        assert ("If this account may sign in" in second) == gets_mail


@pytest.mark.parametrize("item", ["tty", "rhost", "ruser"])
def test_long_items(house, item):
    """Names of terminals and hosts that are too long, or no text, let nobody in and crash nothing."""
    for value in ("x" * 900, "/dev/pts/" + "9" * 4000, "a\nevent=accepted\x1b[0m", "\udcff" * 20, "%s%n"):
        house.log.clear()
        with console(**{"tty": "tty1", item: value}) as call:
            assert call.finish()["authenticate"] in ("PAM_CONV_ERR", "PAM_SERVICE_ERR")
        [line] = house.log.lines("event=") or [house.log.wait_for("event=").string]
        assert line.isascii() and line.isprintable() and "event=accepted" not in line.split("origin=")[0]
    assert "RespondToAuthChallenge" not in house.counts()


# --- the user changes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("other", ["bob", "root", "Alice", "alice ", ""])
def test_user_changed_while_asked(house, other):
    """Whoever is PAM_USER at the end must be the one who was asked, although the code was right."""
    with console() as call:
        call.prompt()
        call.answer(house.cognito.last_code(), user=other)
        assert call.result() == "PAM_AUTH_ERR"
        assert call.results["authenticate"]["user"] == other
    assert house.outcome()["reason"] == "user_changed"


def test_user_is_never_set(house):
    """PAM_USER is the very same afterwards."""
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
        assert call.results["authenticate"]["user"] == "alice"


def test_account_is_looked_up_again(house):
    """An account that got another uid while its owner was asked is not logged in."""
    with open("/etc/passwd", encoding="utf-8") as file:
        accounts = file.read()
    try:
        with console() as call:
            call.prompt()
            uid = house.alice.uid
            write_file("/etc/passwd", accounts.replace(f"alice:x:{uid}:", "alice:x:7999:"))
            call.answer(house.cognito.last_code())
            assert call.result() == "PAM_AUTH_ERR"
    finally:
        write_file("/etc/passwd", accounts)
    assert house.outcome()["reason"] == "user_changed"


def test_name_must_be_the_one_of_its_uid(house):
    """A second name of the same uid is not logged in: which of the two would he be?"""
    with open("/etc/passwd", encoding="utf-8") as file:
        accounts = file.read()
    house.user_map("alicia email:alice@example.com")
    try:
        write_file("/etc/passwd", accounts + f"alicia:x:{house.alice.uid}:100::/nonexistent:/bin/sh\n")
        with console("alicia") as call:
            assert call.finish() == {"authenticate": "PAM_AUTH_ERR"}
    finally:
        write_file("/etc/passwd", accounts)
    assert house.outcome()["reason"] == "user_name"
    assert house.counts() == NOTHING


# --- codes -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [
    "{0} {1}", " {0}{1} ", "{0}-{1}", "{0}{1}\r", "\t{0}{1}\t", "{0}  -  {1}",
])
def test_code_with_blanks(house, form):
    """What copying from a mail adds is removed; the service gets the digits alone."""
    with console() as call:
        call.prompt()
        mailed = house.cognito.last_code()
        call.answer(form.format(mailed[:4], mailed[4:]))
        assert call.result() == "PAM_SUCCESS"
    assert f'"EMAIL_OTP_CODE":"{mailed}"' in house.cognito.requests("RespondToAuthChallenge")[0]["body"]


NO_CODES = [
    "", " ", "-", "123", "1" * 17, "1" * 600, "12a4", "+1234567", "0x123456", "1234.5", "\uff11\uff12\uff13\uff14",
    "\u0661\u0662\u0663\u0664", "y", "yes", "n", "x", '"},"ClientId":"x', "\\u0031\\u0032\\u0033\\u0034", "%n%n%n%n",
    "\x1b[A", "1234\n", "1234;",
]


@pytest.mark.parametrize("answer", NO_CODES, ids=lambda answer: ascii(answer)[1:-1][:20])
def test_no_code(house, answer):
    """What cannot be a code is refused here: no request, no try."""
    with console() as call:
        call.prompt()
        call.answer(answer)
        second = call.prompt()
        assert second.startswith("Codes are digits only; no try used. ")
        assert house.counts() == MAILED
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"


def test_leading_zeros_are_kept(house):
    """A code is text, not a number."""
    house.cognito.next_code("00001234")
    with console() as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


def test_replaced_answers(house):
    """What sshd puts in place of an answer never leads to a request, and looks like everybody else's dialogue."""
    with stranger() as call:
        assert play(house, call, [REPLACED[:1], *[REPLACED[:8]] * 3]) == {"authenticate": "PAM_MAXTRIES"}
        replaced = call.texts()
    assert house.outcome()["reason"] == "refused_by_sshd"
    assert house.counts() == NOTHING
    house.cognito.reset()
    with stranger() as call:
        assert play(house, call, ["y", *["wrong"] * 3]) == {"authenticate": "PAM_MAXTRIES"}
        assert call.texts() == replaced


def test_after_a_replaced_answer_no_code_counts(house):
    """One replaced answer after the mail is enough: the right code is not even sent."""
    with stranger() as call:
        call.prompt()
        call.answer("y")
        call.prompt()
        call.answer(REPLACED[:8])
        assert "Wrong code" in call.prompt()
        call.answer(house.cognito.last_code())
        assert "Wrong code" in call.prompt()
    assert house.counts() == MAILED


@pytest.mark.parametrize("length", [1, 2, 3, 4, 8, 12, 13, 30, 100])
def test_replaced_answers_of_any_length(house, length):
    """The pattern is repeated and cut to what was typed."""
    answer = (REPLACED * 10)[:length]
    with console() as call:
        call.prompt()
        call.answer(answer)
        call.prompt()
        call.answer(house.cognito.last_code())
        call.prompt()
        assert "RespondToAuthChallenge" not in house.counts()
    with stranger() as call:
        call.prompt()
        call.answer(answer)
        call.prompt()
        assert len(house.cognito.outbox()) == 1


# --- new codes -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [console, stranger])
def test_new_code_too_early(house, caller):
    """r right after a mail sends nothing and costs nothing."""
    with caller() as call:
        if caller is stranger:
            call.prompt()
            call.answer("y")
        call.prompt()
        for _ in range(3):
            call.answer("r")
            assert call.prompt().startswith("Mailed ")
        assert house.counts() == MAILED
        call.answer(house.cognito.last_code())
        assert call.result() == "PAM_SUCCESS"


def test_new_codes(house):
    """r after its time mails again; the old code is wrong then; the fourth mail of a call is refused."""
    house.settings(resend_after="10s")
    with console() as call:
        call.prompt()
        old = house.cognito.last_code()
        for mails in (2, 3):
            time.sleep(10.1)
            call.answer("r")
            assert call.prompt().startswith("New code mailed; only the newest counts. ")
            assert house.cognito.wait_mail(mails)
        call.answer(old)
        assert call.prompt().startswith("Wrong code, 2 tries left. ")
        time.sleep(10.1)
        call.answer("r")
        assert call.prompt() is None
        assert call.result() == "PAM_MAXTRIES"
    assert house.outcome()["reason"] == "mails_exhausted"
    assert house.counts() == {"jwks": 1, "InitiateAuth": 3, "RespondToAuthChallenge": 1, "mails": 3}


def test_new_code_without_a_terminal(house):
    """Who may have no mail by y may have none by r: an open code can be answered there, and no more."""
    with other_local() as call:
        call.prompt()
        call.answer("y")
        assert call.prompt() is not None
    with other_local(tty=None) as call:
        call.prompt()
        call.answer("00000000")
        assert call.prompt().startswith("Wrong code, 2 tries left. ")
        for _ in range(2):
            call.answer("r")
            assert call.prompt().startswith("Without a terminal no code is mailed. ")
        call.answer("r")
        assert call.result() == "PAM_AUTH_ERR"
    assert house.counts() == {**MAILED, "RespondToAuthChallenge": 1}


def test_root_needs_a_line_of_his_own(house):
    """allow_root and a template do not map root: only the map does. Others are mapped by the template."""
    house.cognito.user("root@example.com", email="root@example.com", email_verified=True)
    house.settings(allow_root="yes", user_template="email:%u@example.com")
    with console("root") as call:
        assert call.result() == "PAM_AUTH_ERR"
    assert house.outcome()["reason"] == "user_unmapped"
    assert house.untouched()
    house.user_map("root email:root@example.com")
    with console("root") as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"
    with console("alice") as call:
        enter_code(house, call)
        assert call.result() == "PAM_SUCCESS"


# --- several calls on one handle -------------------------------------------------------------------------------------


def refused_port():
    """A port of this machine on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def test_after_spent_tries(house):
    """The next call asks nothing and sends nothing; another user on the same handle is asked."""
    calls = ["authenticate", "authenticate", "user=bob", "authenticate", "user=alice", "authenticate"]
    with console(calls=calls) as call:
        for _ in range(3):
            call.prompt()
            call.answer(wrong_of(house))
        assert call.prompt().startswith("Code mailed to b***@e***")
        assert call.history == [("authenticate", "PAM_MAXTRIES")] * 2
        assert call.results["authenticate"]["delay_us"] > 0
        call.answer(house.cognito.last_code("bob@example.com"))
        assert call.prompt() is None
        assert [result for _, result in call.history[2:4]] == ["PAM_SUCCESS", "PAM_MAXTRIES"]
    before = "tries_exhausted_before"
    assert [outcome["reason"] for outcome in house.outcomes()] == ["tries_exhausted", before, "verified", before]


def test_a_new_handle_begins_anew(house):
    """What was spent is forgotten with the handle."""
    with console(calls=["authenticate", "restart", "authenticate"]) as call:
        for _ in range(3):
            call.prompt()
            call.answer(wrong_of(house))
        enter_code(house, call)
        call.finish()
        assert [result for _, result in call.history] == ["PAM_MAXTRIES", "PAM_SUCCESS", "PAM_SUCCESS"]


@pytest.mark.parametrize("other", ["alice", "bob"])
def test_after_a_network_failure(house, other):
    """The same code at once, without another attempt, whoever is asked for."""
    house.settings(endpoint=f"https://localhost:{refused_port()}")
    with console(calls=["authenticate", f"user={other}", "authenticate", "authenticate"]) as call:
        call.finish()
        assert call.history[:3] == [("authenticate", "PAM_AUTHINFO_UNAVAIL")] * 3
        assert call.results["authenticate"]["delay_us"] == 0
    assert [outcome["reason"] for outcome in house.outcomes()] == ["net_connect"] * 3
    assert house.counts() == KEYS_ONLY


def test_after_a_silent_service(house):
    """The time is waited out once, not three times."""
    house.settings(deadline="2s", connect_timeout="1s")
    house.cognito.fault("InitiateAuth", transport="silent", times=None)
    with console(calls=["authenticate"] * 3) as call:
        start = time.monotonic()
        call.finish()
        assert 1 < time.monotonic() - start < 2.5
        assert call.history[:3] == [("authenticate", "PAM_AUTHINFO_UNAVAIL")] * 3
        assert call.results["authenticate"]["ms"] < 100
    assert house.outcome()["reason"] == "net_timeout"
    assert house.counts()["InitiateAuth"] == 1


def test_after_broken_settings(house):
    """A machine that is not set up stays so for the handle, also when the file is repaired meanwhile."""
    os.unlink(SETTINGS)
    with console(calls=["authenticate", "authenticate"]) as call:
        call.finish()
        assert call.history[:2] == [("authenticate", "PAM_SERVICE_ERR")] * 2
    assert [outcome["reason"] for outcome in house.outcomes()] == ["config_open"] * 2


def test_after_no_answer(house):
    """Whoever gave no code may try again on the same handle."""
    with stranger(calls=["authenticate", "authenticate"]) as call:
        for _ in range(3):
            call.prompt()
            call.answer("")
        enter_code(house, call, first=True)
        call.finish()
        assert call.history[:2] == [("authenticate", "PAM_AUTH_ERR"), ("authenticate", "PAM_SUCCESS")]


def test_after_success(house):
    """A success is not remembered: the next call asks again."""
    with console(calls=["authenticate", "authenticate"]) as call:
        enter_code(house, call)
        assert call.prompt() is not None
        call.answer(CONV_ERR)
        call.finish()
        assert call.history[:2] == [("authenticate", "PAM_SUCCESS"), ("authenticate", "PAM_CONV_ERR")]


# --- the host --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("more", [
    {"sigchld": "ignore"}, {"sigchld": "reap"}, {"closed": True}, {"closed": True, "sigchld": "ignore"},
    {"program_environment": {}}, {"rgid": 7001},
], ids=str)
@pytest.mark.parametrize("answer, result", [("right", "PAM_SUCCESS"), ("wrong", "PAM_MAXTRIES")])
def test_hosts(house, more, answer, result):
    """The verdict is the same whatever the host does with its children and descriptors."""
    house.settings(max_tries="1")
    with console(**more) as call:
        assert play(house, call, (answer,)) == {"authenticate": result}


def test_silent(house):
    """PAM_SILENT: no messages; the questions still carry what must be known."""
    for flags, messages in ((0, ["Too many wrong codes. Log in again."]), (PAM_SILENT, [])):
        house.settings(max_tries="1")
        with console(flags=flags) as call:
            assert play(house, call, ("wrong",)) == {"authenticate": "PAM_MAXTRIES"}
            assert call.texts("error", "info") == messages


def test_failures_are_delayed(house):
    """Whoever guesses waits about two seconds; a success does not wait."""
    for answer, delayed in (("wrong", True), ("right", False)):
        house.settings(max_tries="1")
        with console() as call:
            play(house, call, (answer,))
            assert (call.results["authenticate"]["delay_us"] > 900_000) == delayed


def test_key_alone_is_no_login(house):
    """What SSH_AUTH_INFO_0 says spares the first question and nothing else."""
    with key_holder(environment=SSH_KEY) as call:
        assert play(house, call, THREE_WRONG) == {"authenticate": "PAM_MAXTRIES"}
    assert house.outcome()["caller"] == "key"
