"""An account that several people share looks like every other to somebody on the network who knows its name alone."""

from unittest import mock

import pytest
from rig import accounts
from rig.sshd import Sshd

from system.test_no_oracle import DROP, NONE_OPEN, MAILED, SCRIPTS, THREE_WRONG, TWO_LEFT, differences, play
from system.test_no_oracle import visitors, words

# alice has her account alone, deploy is hers and bob's, dave is not in the map
NAMES = ("alice", "deploy", "dave")
ADDRESS = "an address"
TYPED = {ADDRESS: [("a", "alice@example.com"), ("a", "y"), ("a", "alice@example.com"), ("a", DROP)]}
PLAYED = (THREE_WRONG, "dropped and taken up", "two connections", "answers of any form", "one letter", ADDRESS)


@pytest.fixture(scope="module")
def shown(whole_house):
    """What each name was shown by each script, and what came of it."""
    house = whole_house
    house.fresh_settings()
    accounts.add_user("deploy")
    house.user_map("alice email:alice@example.com", "deploy email:alice@example.com", "deploy email:bob@example.com")
    house.settings(deadline="4s", connect_timeout="2s", mail_budget_unproved="50/d", mail_budget_host="256/d",
                   resend_after="30s")
    with mock.patch.dict(SCRIPTS, TYPED), Sshd("rig-sshd") as server:
        seen = play(visitors({"": [server]}, NAMES, PLAYED))
    return {"seen": seen, "outcomes": house.outcomes(), "mails": house.cognito.outbox()}


@pytest.mark.parametrize("script", PLAYED)
def test_shared_accounts_look_like_others(shown, script):
    """Byte for byte, prompt by prompt and in the exit status, also where an address of one of the people is typed."""
    assert len(shown["seen"][script]) == len(NAMES)
    assert differences(shown["seen"][script]) == {}


def test_the_script_with_an_address_reaches_the_mail(shown):
    """The control: alike is not because nothing happened."""
    (seen,) = [seen for who, seen in shown["seen"][ADDRESS].items() if who.startswith("deploy/")]
    assert words(seen["a"][0]) == [NONE_OPEN, MAILED, TWO_LEFT]
    reasons = {outcome["reason"] for outcome in shown["outcomes"] if outcome["user"] == "deploy"}
    assert "user_shared" in reasons
    assert len([mail for mail in shown["mails"] if mail["username"] == "bob@example.com"]) == 0
