"""An account that several people have: each is asked who he is, and has his own code, tries, budgets and log line.

deploy belongs to alice and bob, who have accounts of their own as well; mallory is another local user.
"""

import pytest
from driver.people import console, key_holder, other_local, own_account, stranger
from rig import accounts, login, ssh, su, sudo
from rig.sshd import Sshd

from system.house import CODE_QUESTION, FIRST_QUESTION
from system.test_tool import budgets_in, facts_in, tool
from system.test_trial import Terminal

WHO = "Several people use deploy. Your sign-in name or address: "
NOBODY = "None of them has that name. "
END = "None of the people who use this account has that name."
FIRST = "Sign-in code, or y to have one mailed: "
NONE_OPEN = "No code is open here; y mails one. "
NEUTRAL = "If this account may sign in, a code was mailed. "
CODE = "Code (r = new one): "
ALICE, BOB = "alice@example.com", "bob@example.com"
KEY_FIRST = {"AuthenticationMethods": "publickey,keyboard-interactive:pam"}


@pytest.fixture(autouse=True)
def deploy(house):
    """The account that alice and bob share."""
    account = accounts.add_user("deploy")
    house.user_map(f"deploy email:{ALICE}", f"deploy email:{BOB}", f"alice email:{ALICE}", f"bob email:{BOB}")
    house.settings(deadline="4s", connect_timeout="2s")
    return account


def say(call, expected, answer):
    """The next question is exactly this one; answer it."""
    assert call.prompt() == expected
    call.answer(answer)


def code_of(house, person):
    """The newest code that this person was mailed."""
    return house.cognito.last_code(person)


def who(house):
    """(reason, user, cognito) of each outcome line."""
    return [(line["reason"], line["user"], line["cognito"]) for line in house.outcomes()]


def other_than(code):
    """A code that is not this one."""
    return f"{(int(code) + 1) % 10**8:08d}"


# --- through the real programs ---------------------------------------------------------------------------------------


def test_ssh_with_a_key(house, deploy):
    """Asked before anything is mailed, what is typed is shown; mail and log line are that person's."""
    deploy.give_key()
    with Sshd("rig-sshd", options=KEY_FIRST) as server:
        with ssh.terminal(server, "deploy", "id -un", key=deploy.key) as person:
            person.expect(r"Several people use deploy\. Your sign-in name or address: ")
            assert person.echoes()
            assert house.untouched()
            person.line(BOB)
            person.expect(r"Code mailed to b\*\*\*@e\*\*\*\. " + CODE_QUESTION)
            assert not person.echoes()
            person.line(code_of(house, BOB))
            person.expect("^deploy\r\n")
            assert person.wait() == 0
    assert [mail["destination"] for mail in house.cognito.outbox()] == [BOB]
    outcome = house.outcome()
    assert (outcome["reason"], outcome["user"], outcome["cognito"], outcome["caller"]) == (
        "verified", "deploy", BOB, "key")


def test_ssh_with_a_code_alone(house):
    """The address at the first question, then y: that person's mail, and in."""
    with Sshd("rig-sshd") as server, ssh.terminal(server, "deploy", "id -un") as person:
        person.answer(FIRST_QUESTION, ALICE)
        person.answer(r"No code is open here; y mails one\. " + FIRST_QUESTION, "y")
        person.expect(r"If this account may sign in, a code was mailed\. " + CODE_QUESTION)
        person.line(code_of(house, ALICE))
        person.expect("^deploy\r\n")
        assert person.wait() == 0
    assert [mail["destination"] for mail in house.cognito.outbox()] == [ALICE]
    assert who(house) == [("verified", "deploy", ALICE)]
    assert "Several" not in person.transcript and "***" not in person.transcript


def test_sudo_from_two_terminals(house, deploy):
    """At once, from one uid: each has his own code and his own tries; the code of the other is a wrong one."""
    sudo.allow("deploy ALL=(ALL:ALL) ALL", defaults=("lecture=never", "timestamp_timeout=0"))
    with sudo.terminal(deploy, "id", "-un") as first, sudo.terminal(deploy, "id", "-un") as second:
        first.answer(r"sign-in name or address: ", ALICE)
        second.answer(r"sign-in name or address: ", BOB)
        first.expect(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        second.expect(r"Code mailed to b\*\*\*@e\*\*\*\. " + CODE_QUESTION)
        first.line(code_of(house, BOB))
        first.expect(r"Wrong code, 2 tries left\. " + CODE_QUESTION)
        first.line(other_than(code_of(house, ALICE)))
        first.expect(r"Wrong code, 1 try left\. " + CODE_QUESTION)
        second.line(other_than(code_of(house, BOB)))
        second.expect(r"Wrong code, 2 tries left\. " + CODE_QUESTION)
        second.line(code_of(house, BOB))
        second.expect("^root\r\n")
        first.line(code_of(house, ALICE))
        first.expect("^root\r\n")
        assert (first.wait(), second.wait()) == (0, 0)
    assert sorted(mail["destination"] for mail in house.cognito.outbox()) == [ALICE, BOB]
    assert sorted(who(house)) == [("verified", "deploy", ALICE), ("verified", "deploy", BOB)]


def test_su_by_somebody_else(house):
    """Asked who he is, then what everybody is asked who comes from another account; the address is not shown."""
    with su.terminal(house.mallory, "deploy", "id -un") as person:
        person.answer(r"sign-in name or address: ", BOB)
        person.expect(FIRST_QUESTION)
        assert house.cognito.outbox() == []
        person.line("y")
        person.expect(r"If this account may sign in, a code was mailed\. " + CODE_QUESTION)
        person.line(code_of(house, BOB))
        person.expect("^deploy\r\n")
        assert person.wait() == 0
    assert who(house) == [("verified", "deploy", BOB)]


def test_login_at_the_console(house):
    """At the console as well."""
    with login.terminal("deploy") as person:
        person.answer(r"sign-in name or address: ", ALICE)
        person.answer(r"Code mailed to a\*\*\*@e\*\*\*\. " + CODE_QUESTION, code_of(house, ALICE))
        person.expect(r"\$ ")
        person.line("id -un; exit 0")
        person.expect("^deploy\r\n")
        person.wait()
    assert who(house) == [("verified", "deploy", ALICE)]


# --- who he is -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("caller", [console, key_holder, own_account, other_local], ids=lambda caller: caller.__name__)
def test_three_wrong_names(house, caller):
    """No address of anybody else, no other spelling; then it is over, nothing is mailed, and the log says why."""
    with caller("deploy") as call:
        say(call, WHO, "carol@example.com")
        say(call, NOBODY + WHO, "Alice@example.com")
        say(call, NOBODY + WHO, "email:alice@example.com")
        assert call.result() == "PAM_AUTH_ERR"
        assert END in call.texts("error")
    assert house.untouched()
    assert who(house) == [("person_unknown", "deploy", "-")]


def test_no_name_at_all(house):
    """Three empty answers are no names."""
    with console("deploy") as call:
        for expected in (WHO, NOBODY + WHO, NOBODY + WHO):
            say(call, expected, "")
        assert call.result() == "PAM_AUTH_ERR"
    assert house.untouched()
    assert who(house) == [("no_answer", "deploy", "-")]


def test_right_at_the_third_time(house):
    """Blanks around what was pasted do not count."""
    with console("deploy") as call:
        say(call, WHO, "")
        say(call, NOBODY + WHO, "alice")
        say(call, NOBODY + WHO, f" {ALICE}\t")
        say(call, "Code mailed to a***@e***. " + CODE, code_of(house, ALICE))
        assert call.result() == "PAM_SUCCESS"


def test_the_tokens_are_compared_with_the_chosen_person(house):
    """Whoever names bob and comes back with alice's tokens is not in."""
    house.cognito.fault("RespondToAuthChallenge", tokens={"user": ALICE})
    with console("deploy") as call:
        say(call, WHO, BOB)
        say(call, "Code mailed to b***@e***. " + CODE, code_of(house, BOB))
        assert call.result() == "PAM_AUTH_ERR"
    assert who(house) == [("identity_email", "deploy", BOB)]


def test_a_value_twice_lets_nobody_in(house):
    """Also of another kind: of two with one value nobody could say which is asking. Others are not concerned."""
    house.user_map(f"deploy email:{ALICE}", f"alice email:{ALICE}", f"deploy username:{ALICE}")
    with console("deploy") as call:
        assert call.result() == "PAM_SERVICE_ERR"
    assert house.outcome()["reason"] == "config_duplicate"
    with console("alice") as call:
        say(call, "Code mailed to a***@e***. " + CODE, code_of(house, ALICE))
        assert call.result() == "PAM_SUCCESS"


# --- with a code alone -----------------------------------------------------------------------------------------------


def test_nobody_named(house):
    """The dialogue is played: no mail, and no code is right, not even that of one of the people from the same place."""
    with stranger("deploy") as call:
        say(call, FIRST, BOB)
        say(call, NONE_OPEN + FIRST, "y")
        assert call.prompt() == NEUTRAL + CODE
    code = code_of(house, BOB)
    house.log.clear()
    with stranger("deploy") as call:
        say(call, FIRST, "y")
        say(call, NEUTRAL + CODE, code)
        say(call, "Wrong code, 2 tries left. " + CODE, BOB)
        say(call, "Wrong code, 1 try left. " + CODE, code)
        assert call.result() == "PAM_MAXTRIES"
    assert house.counts() == {"jwks": 1, "InitiateAuth": 1, "mails": 1}
    assert who(house) == [("user_shared", "deploy", "-")]


def test_an_open_code_after_the_address(house):
    """The next connection: the address, then the code that was mailed before; no second mail, no try lost."""
    with stranger("deploy") as call:
        say(call, FIRST, ALICE)
        say(call, NONE_OPEN + FIRST, "y")
        assert call.prompt() == NEUTRAL + CODE
    with stranger("deploy") as call:
        say(call, FIRST, ALICE)
        say(call, NONE_OPEN + FIRST, other_than(code_of(house, ALICE)))
        say(call, "Wrong code, 2 tries left. " + CODE, code_of(house, ALICE))
        assert call.result() == "PAM_SUCCESS"
    assert house.counts()["mails"] == 1


def test_two_strangers_from_one_address(house):
    """Neither takes up the other's code."""
    with stranger("deploy") as first, stranger("deploy") as second:
        for call, person in ((first, ALICE), (second, BOB)):
            say(call, FIRST, person)
            say(call, NONE_OPEN + FIRST, "y")
        for call in (first, second):
            assert call.prompt() == NEUTRAL + CODE
        first.answer(code_of(house, BOB))
        say(first, "Wrong code, 2 tries left. " + CODE, code_of(house, ALICE))
        assert first.result() == "PAM_SUCCESS"
        second.answer(code_of(house, BOB))
        assert second.result() == "PAM_SUCCESS"
    assert sorted(who(house)) == [("verified", "deploy", ALICE), ("verified", "deploy", BOB)]


def test_the_address_is_one_of_three_useless_answers(house):
    """Three times an address, and it is over."""
    with stranger("deploy") as call:
        say(call, FIRST, ALICE)
        say(call, NONE_OPEN + FIRST, BOB)
        say(call, NONE_OPEN + FIRST, ALICE)
        assert call.result() == "PAM_AUTH_ERR"
    assert house.cognito.outbox() == []
    assert who(house) == [("no_answer", "deploy", ALICE)]


def test_the_last_address_before_y_counts(house):
    """Whoever has typed the wrong one of two may say so before anything is mailed."""
    with stranger("deploy") as call:
        say(call, FIRST, ALICE)
        say(call, NONE_OPEN + FIRST, BOB)
        say(call, NONE_OPEN + FIRST, "y")
        say(call, NEUTRAL + CODE, code_of(house, BOB))
        assert call.result() == "PAM_SUCCESS"
    assert who(house) == [("verified", "deploy", BOB)]


@pytest.mark.parametrize("caller", [stranger, other_local], ids=lambda caller: caller.__name__)
def test_who_is_excluded_stays_so(house, caller):
    """Naming one of the people lifts no filter: nothing is mailed, and the log has the filter's reason."""
    house.settings(users="!deploy", deadline="4s", connect_timeout="2s")
    with caller("deploy") as call:
        say(call, WHO if caller is other_local else FIRST, ALICE)
        say(call, FIRST if caller is other_local else NONE_OPEN + FIRST, "y")
        say(call, NEUTRAL + CODE, "12345678")
        assert call.prompt() == "Wrong code, 2 tries left. " + CODE
    assert house.cognito.outbox() == []
    assert house.of_user(ALICE) == []


# --- budgets, and the administrator's tool ---------------------------------------------------------------------------


def test_budgets_are_each_person_s_own(house):
    """alice has spent hers; bob still gets his mail, and the tool shows whose is spent."""
    house.settings(deadline="4s", connect_timeout="2s", mail_budget="1/h")
    with console("deploy") as call:
        say(call, WHO, ALICE)
        say(call, "Code mailed to a***@e***. " + CODE, code_of(house, ALICE))
        assert call.result() == "PAM_SUCCESS"
    with console("deploy") as call:
        say(call, WHO, ALICE)
        assert call.result() == "PAM_MAXTRIES"
    assert house.outcome()["reason"] == "mail_budget"
    with console("deploy") as call:
        say(call, WHO, BOB)
        assert call.prompt() == "Code mailed to b***@e***. " + CODE
        mails = facts_in(tool("state", "deploy"), "mails")
        used = {(line["budget"], line.get("cognito")): line["used"] for line in mails}
        assert used["mail_budget", ALICE] == used["mail_budget", BOB] == "1/1"
        assert used["mail_budget_unproved", BOB].startswith("0/")
        call.answer(code_of(house, BOB))
        assert call.result() == "PAM_SUCCESS"


def test_state_and_reset_look_at_all(house):
    """The codes of both are shown with their owner, and forgotten together with both budgets."""
    for person in (ALICE, BOB):
        with console("deploy") as call:
            say(call, WHO, person)
            assert call.prompt().endswith(CODE)
    said = tool("state", "deploy")
    assert sorted(line["cognito"] for line in facts_in(said, "code")) == [ALICE, BOB]
    assert tool("reset", "deploy") == "deploy: codes removed: 2, budgets reset: 2\n"
    assert tool("state", "deploy").startswith("no code is open\n")
    assert budgets_in(tool("state", "alice"))["mail_budget", "900s"] == "0/5"


def test_map_shows_all(house, deploy):
    """A line for each of them."""
    said = tool("map", "deploy").splitlines()
    assert said == [
        f"user=deploy uid={deploy.uid} cognito=email:{person} sub=- from=/etc/security/pam_cognito_otp.users "
        "may_log_in=yes reason=-" for person in (ALICE, BOB)
    ]


def test_trial(house):
    """cognito-otp login asks, too."""
    with Terminal("deploy") as terminal:
        terminal.child.expect_exact(WHO)
        terminal.child.sendline(BOB)
        assert "Code mailed to b***@e***. " in terminal.question()
        terminal.child.sendline(code_of(house, BOB))
        said, status = terminal.end()
    assert (said.strip(), status) == (f"deploy: in as {BOB}: the code was right and the tokens hold", 0)
    assert house.log.lines(f"event=accepted reason=verified user=deploy cognito={BOB} ")
