"""The words that people are shown, in the administrator's own: a whole file in German through the real programs, files
with an error, which let nobody in, and strangers, who learn nothing in other words either."""

import os
import re
from pathlib import Path

import pytest
from driver.people import console, stranger
from rig import login, ssh, su, sudo
from rig.pty import PATH
from rig.sshd import Sshd

from system.house import FIRST_QUESTION, write_file

MESSAGES = "/etc/security/pam_cognito_otp.messages"
SOURCE = Path(os.environ.get("OTP_SOURCE", Path(__file__).parents[2]))
GERMAN = (SOURCE / "man/pam_cognito_otp.messages.de").read_text(encoding="utf-8")
ASK_FIRST = "Anmeldecode, oder y für einen neuen per Mail: "
ASK_CODE = "Code (r = neuer Code): "
MAILED = "Ein Code wurde an a***@e*** geschickt. "
NEUTRAL = "Falls dieses Konto sich anmelden darf, wurde ein Code geschickt. "
SECONDS = r"(?:\d+ Sekunden|einer Sekunde)"
TWO_LEFT, ONE_LEFT = "Falscher Code, noch 2 Versuche. ", "Falscher Code, noch ein Versuch. "
SPENT = "Zu viele falsche Codes. Bitte neu anmelden."
BROKEN = "Sign-in with a code does not work on this machine now; the system log says why."
UTF8 = {"PATH": PATH, "TERM": "dumb", "HOME": "/root", "LC_ALL": "C.UTF-8"}
DESTINATION = "ChallengeParameters.CODE_DELIVERY_DESTINATION"
KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}
EVERYBODY = {"alice": "verified", "bob": "user_filtered", "dave": "user_unmapped", "nosuch": "user_unknown"}


@pytest.fixture(autouse=True)
def german(house):
    """The example, as the manual says to install it; alice may do everything."""
    use(house, GERMAN)
    sudo.allow("alice ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    yield
    os.unlink(MESSAGES)


def use(house, text, **changes):
    """Let people read these texts."""
    write_file(MESSAGES, text)
    house.settings(messages_file=MESSAGES, **changes)


def exactly(*texts):
    """The pattern of just this, at the end of what is shown."""
    return "".join(re.escape(text) for text in texts) + "$"


def ask(server, user="alice", address="127.0.0.1", **more):
    """The ssh of a person whose terminal speaks UTF-8."""
    return ssh.terminal(server, user, "id -un", options=[f"BindAddress={address}"], env=UTF8, **more)


def test_ssh_without_a_key(house):
    """What strangers read, from the first question to the shell."""
    with Sshd("rig-sshd") as server, ask(server) as person:
        person.answer(r"\(alice@127\.0\.0\.1\) " + exactly(ASK_FIRST), "12345678")
        person.answer(exactly("Von hier ist kein Code offen; y schickt einen. ", ASK_FIRST), "y")
        person.answer(exactly(NEUTRAL, ASK_CODE), "00000000")
        person.answer(exactly(TWO_LEFT, ASK_CODE), "no")
        person.answer(exactly("Ein Code besteht nur aus Ziffern; es wurde kein Versuch verbraucht. ", ASK_CODE), "r")
        person.answer(f"Vor {SECONDS} geschickt; r wirkt wieder in [56]\\d Sekunden\\. " + exactly(ASK_CODE), "1" * 8)
        person.answer(exactly(ONE_LEFT, ASK_CODE), house.cognito.last_code())
        person.expect("^alice\r\n")
        assert person.wait() == 0
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "RespondToAuthChallenge": 3, "mails": 1}


def test_ssh_with_a_key(house):
    """Who has proved himself reads his address; a new connection takes the code up, and the last words come as well."""
    house.alice.give_key()
    with Sshd("rig-sshd", options=KEY_FIRST) as server:
        with ask(server, key=house.alice.key) as person:
            person.expect(exactly(MAILED, ASK_CODE))
        with ask(server, key=house.alice.key) as person:
            person.answer(f"Der vor {SECONDS} geschickte Code gilt noch\\. " + exactly(ASK_CODE), "00000000")
            person.answer(exactly(TWO_LEFT, ASK_CODE), "11111111")
            person.answer(exactly(ONE_LEFT, ASK_CODE), "22222222")
            person.expect(re.escape(SPENT))
            assert person.wait() != 0


def test_sudo_su_and_login(house):
    """The three that run on the machine, each with a login that succeeds; sudo shows the question as it is."""
    callers = {
        "root": lambda: sudo.terminal(house.alice, "id", "-un"),
        "alice": lambda: su.terminal(house.alice, "alice", "id -un"),
        "console": lambda: login.terminal("alice"),
    }
    for name, come in callers.items():
        house.forget_state()  # sudo and su to oneself share a code
        with come() as person:
            person.expect(exactly(MAILED, ASK_CODE))
            assert not person.echoes()
            person.line(house.cognito.last_code(count=len(house.cognito.outbox())))
            if name == "console":
                person.answer(r"\$ ", "id -un; exit 0")
                name = "alice"
            person.expect(f"^{name}\r\n")
            person.wait()
    assert house.reasons() == ["verified"] * 3
    with su.terminal(house.mallory, "alice", "true") as person:
        person.answer(exactly(ASK_FIRST), "y")
        person.expect(exactly(NEUTRAL, ASK_CODE))


def test_a_client_without_utf8(house):
    """ssh in a locale of ASCII alone writes the bytes, as the manual says; the login goes on."""
    with Sshd("rig-sshd") as server, ssh.terminal(server, "alice", "id -un", env={**UTF8, "LC_ALL": "C"}) as person:
        person.answer(re.escape(r"Anmeldecode, oder y f\303\274r einen neuen per Mail: ") + "$", "y")
        person.answer(exactly(NEUTRAL, ASK_CODE), house.cognito.last_code())
        person.expect("^alice\r\n")
        assert person.wait() == 0


def test_last_words(house):
    """What is said at the end, with a number where there is one."""
    use(house, GERMAN, mail_budget="1/15m")
    with su.terminal(house.alice, "alice", "true") as person:
        for _ in range(3):
            person.answer(re.escape(ASK_CODE), "00000000")
        person.expect(re.escape(SPENT))
        person.wait()
    with su.terminal(house.alice, "alice", "true") as person:
        person.expect(r"Es wurden zu viele Codes geschickt\. Bitte in 15 Minuten noch einmal versuchen\.")
        person.wait()
    house.user_map("bob email:bob@example.com")
    with su.terminal(house.alice, "alice", "true") as person:
        person.expect(r"Dieses Konto kann sich nicht mit einem Code anmelden; der Grund steht im Systemlog\.")
        person.wait()
    assert house.reasons() == ["tries_exhausted", "mail_budget", "user_unmapped"]


def test_one_text_alone(house):
    """All others stay as they are."""
    use(house, "# ours\nask_first = Acme code (y = mail me one):\n")
    with su.terminal(house.mallory, "alice", "true") as person:
        person.answer(exactly("Acme code (y = mail me one): "), "y")
        person.expect(exactly("If this account may sign in, a code was mailed. Code (r = new one): "))


def test_without_the_setting(house):
    """A file that no setting names is not looked at."""
    write_file(MESSAGES, "nonsense\n", 0o666)
    house.settings()
    with su.terminal(house.mallory, "alice", "true") as person:
        person.expect(f"^{FIRST_QUESTION}$")


def test_texts_are_no_formats(house):
    """Percent signs, quotes, shell and what looks like a placeholder in an address are letters."""
    use(house, "ask_code = %s %n %99999d \"$(id)\" `id` \\n =\ncode_mailed = {address}|{address}\n")
    house.cognito.fault("InitiateAuth", patch={DESTINATION: "{tries}%n\x1b[2J{address}"})
    with su.terminal(house.alice, "alice", "id -un") as person:
        cleaned = "{tries}%n?[2J{address}"
        person.expect(exactly(f'{cleaned}|{cleaned} %s %n %99999d "$(id)" `id` \\n = '))
        person.line(house.cognito.last_code())
        person.expect("^alice\r\n")


def test_the_longest_texts(house):
    """As long as the rules allow: a line of 500 bytes, with the whole question at its end, through ssh, sudo and su."""
    question = "Code (r = neu) " + "ü" * 70 + "ende:"
    before = "{address}" + "ß" * 136 + "zu"
    use(house, f"ask_code = {question}\ncode_mailed = {before}\n")
    house.cognito.fault("InitiateAuth", patch={DESTINATION: "x" * 2000}, times=3)
    house.alice.give_key()
    shown = before.replace("{address}", "x" * 64) + " " + question + " "
    assert len(shown.encode()) == 500
    with Sshd("rig-sshd", options=KEY_FIRST) as server:
        callers = (
            lambda: ask(server, key=house.alice.key),
            lambda: sudo.terminal(house.alice, "true"),
            lambda: su.terminal(house.alice, "alice", "true"),
        )
        for come in callers:
            house.forget_state()
            with come() as person:
                person.expect(exactly(shown))


# --- files with an error -------------------------------------------------------------------------------------------


def mode(number):
    """Others may change the file."""
    return lambda: os.chmod(MESSAGES, number)


def link():
    """A symbolic link to a good file."""
    os.rename(MESSAGES, MESSAGES + ".real")
    os.symlink(MESSAGES + ".real", MESSAGES)


def owner():
    """Somebody else's."""
    os.chown(MESSAGES, 7001, 0)


BAD = {
    "an unknown name": ("greeting = Hallo\n", "config_unknown_key", ":1: greeting: no such text"),
    "twice": ("# x\nnew_code = A\nnew_code = A\n", "config_duplicate", ":3: new_code: set twice"),
    "no sign": ("\nnew_code A\n", "config_syntax", ":2: syntax: not `key = value`"),
    "empty": ("new_code =\n", "config_value", ":1: new_code: empty value"),
    "an address for strangers": (
        "# x\n\ncode_mailed_neutral = Code an {address}.\n", "config_value",
        ":3: code_mailed_neutral: {address}: has no place in this text",
    ),
    "an address in a question": (
        "ask_code = Code an {address}:\n", "config_value", ":1: ask_code: {address}: has no place in this text",
    ),
    "no number": ("wrong_code = Falsch.\n", "config_value", ":1: wrong_code: {tries} is missing"),
    "no such placeholder": ("wrong_code = {left}\n", "config_value", ":1: wrong_code: {left}: no such placeholder"),
    "an escape": ("new_code = \x1b[2J\n", "config_value", ":1: new_code: U+001B, a character that cannot be seen"),
    "a C1 control": ("new_code = \x9b2J\n", "config_value", ":1: new_code: U+009B, a character that cannot be seen"),
    "turned around": ("new_code = \u202eA\n", "config_value", ":1: new_code: U+202E, a character that cannot be seen"),
    "zero-width": ("new_code = A\u200b\n", "config_value", ":1: new_code: U+200B, a character that cannot be seen"),
    "no UTF-8": (b"new_code = f\xfcr\n", "config_value", ":1: new_code: not UTF-8"),
    "a password": ("ask_code = alice's Password:\n", "config_value", ":1: ask_code: password: in it makes programs"),
    "one word": ("ask_code = Passwort:\n", "config_value", ":1: ask_code: a question of one word reads like"),
    "too long": (f"new_code = {'x' * 339}\n", "config_value", ":1: new_code: can become 339 bytes"),
}
UNSAFE = {
    "others may write": (mode(0o646), "config_unsafe"),
    "the group may write": (mode(0o664), "config_unsafe"),
    "of another owner": (owner, "config_unsafe"),
    "a link": (link, "config_unsafe"),
}


def refused(house, reason, detail):
    """Nobody is let in, nothing is asked or mailed, and the log has the reason; strangers are not asked either."""
    for come in (console, stranger):
        with come() as call:
            assert call.prompt() is None
            assert call.finish()["authenticate"] == "PAM_SERVICE_ERR"
            assert [message["text"] for message in call.messages] == [BROKEN]
    assert house.untouched()
    assert [outcome["reason"] for outcome in house.wait_outcomes(2)] == [reason] * 2
    for line in house.log.lines("event=denied"):
        assert f'detail="{MESSAGES}{detail}' in line


@pytest.mark.parametrize("text, reason, detail", BAD.values(), ids=BAD)
def test_bad_text(house, text, reason, detail):
    """A file with one bad line lets nobody in, whatever else is in it; its line and name are in the log."""
    with open(MESSAGES, "wb") as file:
        file.write(text if isinstance(text, bytes) else text.encode())
    refused(house, reason, detail)


@pytest.mark.parametrize("spoil, reason", UNSAFE.values(), ids=UNSAFE)
def test_unsafe_file(house, spoil, reason):
    """A file that others could change is not read."""
    spoil()
    refused(house, reason, ": ")


def test_missing_file(house):
    """A setting that names nothing is an error."""
    house.settings(messages_file=MESSAGES + ".none")
    refused(house, "config_open", ".none: ")


def test_bad_text_through_real_programs(house):
    """sudo and su end, with the default words; sshd lets nobody in."""
    write_file(MESSAGES, GERMAN + "greeting = Hallo\n")
    with Sshd("rig-sshd") as server, ask(server) as visitor, sudo.terminal(house.alice, "true") as owner_, \
            su.terminal(house.alice, "alice", "true") as same:
        same.expect(re.escape(BROKEN))
        assert (same.wait(), owner_.wait()) == (1, 1)
        visitor.expect("Permission denied|denied")
    assert set(house.reasons()) == {"config_unknown_key"}
    assert house.untouched()


# --- strangers -----------------------------------------------------------------------------------------------------


def masked(person, name):
    """What was shown without the name, and without seconds."""
    return re.sub(SECONDS, "N Sekunden", re.sub(rf"\b{name}\b", "NAME", person.transcript))


def test_strangers_learn_nothing(house):
    """Own texts, one with its placeholder twice: a real account, filtered, unmapped and unknown ones are alike."""
    use(house, GERMAN.replace("noch {tries}.", "{tries}{tries} %s."), users="* !bob")
    script = [
        (ASK_FIRST, "12345678"), (ASK_FIRST, "y"), (ASK_CODE, "r"), (ASK_CODE, "1"), (ASK_CODE, "00000000"),
        (ASK_CODE, "11111111"), (ASK_CODE, "22222222"),
    ]
    with Sshd("rig-sshd") as server:
        people = {name: ask(server, name, f"127.0.9.{number}") for number, name in enumerate(EVERYBODY, 1)}
        try:
            for question, answer in script:
                for person in people.values():
                    person.answer(re.escape(question), answer, 30)
            ends = {name: person.wait(30) for name, person in people.items()}
            shown = {name: masked(person, name) for name, person in people.items()}
        finally:
            for person in people.values():
                person.close()
    assert ({*ends.values()}, [name for name, text in shown.items() if text != shown["alice"]]) == ({255}, [])
    assert SPENT in shown["alice"]
    assert "2 Versuche2 Versuche %s." in shown["alice"] and NEUTRAL in shown["alice"]
    assert "@e" not in "".join(shown.values())
    assert house.of_user("alice@example.com") == ["InitiateAuth", *["RespondToAuthChallenge"] * 3]


def test_local_strangers_learn_nothing(house):
    """The same for su of somebody else, where a code is taken up as well."""
    names = [name for name in EVERYBODY if name != "nosuch"]
    house.settings(messages_file=MESSAGES, users="* !bob")
    for answers in (("y", ""), ("y", "00000000")):
        people = {name: su.terminal(house.mallory, name, "true") for name in names}
        for number, answer in enumerate(answers):
            for person in people.values():
                person.answer(re.escape((ASK_FIRST, ASK_CODE)[number]), answer, 30)
        for person in people.values():
            person.expect(re.escape(ASK_CODE), 30)
        shown = {name: masked(person, name) for name, person in people.items()}
        for person in people.values():
            person.close()
        assert [name for name, text in shown.items() if text != shown["alice"]] == []
    assert "darf, gilt der vor N Sekunden geschickte Code noch. " in shown["alice"]
