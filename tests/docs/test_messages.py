"""The texts that can be changed: conf(5) and the German example against the table of messages.c."""

import re

import pytest

from docs import sources

MESSAGES = sources.messages()
BY_NAME = {message.name: message for message in MESSAGES}
PAGE = "pam_cognito_otp.conf.5"


def test_page_has_the_texts_of_the_table():
    """Names, defaults, placeholders, and the words for SMS; all of them, no other, in the same order."""
    expected = [(row.name, row.needed, row.optional, row.mailed, row.sent) for row in MESSAGES]
    assert sources.page_messages() == expected


def test_page_has_the_kinds_in_order():
    """A subsection for each kind, and each text in that of its kind."""
    parts = re.split(r"^\.Ss .+\n", sources.section(PAGE, "MESSAGES"), flags=re.M)[1:]
    kinds = list(dict.fromkeys(message.kind for message in MESSAGES))
    assert kinds == ["QUESTION", "BEFORE", "END", "UNIT"]
    named = [re.findall(r"^\.It Cm (\w+)$", part, re.M) for part in parts]
    assert named == [[message.name for message in MESSAGES if message.kind == kind] for kind in kinds]


def test_names_are_those_of_the_enumeration():
    """The order of the code that chooses is the order of the table."""
    body = sources.between(sources.read("pam_cognito_otp/messages.h"), "enum message {", "MESSAGE_COUNT")
    names = [name.lower() for name in sources.find(r"^\tMESSAGE_(\w+),", body, re.M)]
    assert names == [message.name for message in MESSAGES]


def test_page_has_the_limits_of_the_code():
    """How long a text can become."""
    text = sources.read("pam_cognito_otp/messages.h")
    most = int(sources.find(r"CONVERSATION_TEXT_MAX = (\d+)", sources.read("pam_cognito_otp/conversation.h"))[0])
    question = int(sources.find(r"MESSAGES_QUESTION_MAX = (\d+)", text)[0])
    unit = int(sources.find(r"MESSAGES_UNIT_MAX = (\d+)", text)[0])
    assert "MESSAGES_BEFORE_MAX = CONVERSATION_TEXT_MAX - MESSAGES_QUESTION_MAX - 2" in text
    before = most - question - 2
    page = sources.section(PAGE, "MESSAGES")
    told = f"{question} bytes for a question, {before} for a sentence before one, {most} at the end, {unit} for words"
    assert told in page
    address = int(sources.find(r"COGNITO_DESTINATION_MAX = (\d+)", sources.read("pam_cognito_otp/cognito.h"))[0])
    digits = int(sources.find(r"MESSAGE_DIGITS_MAX = (\d+)", sources.read("pam_cognito_otp/messages.c"))[0])
    assert f"an address has {address} bytes, a word with a number {unit}, a number {digits}" in page


def test_the_address_has_one_place():
    """The sentence that only callers who have proved something are shown."""
    assert [row.name for row in MESSAGES if "{address}" in row.needed + row.optional] == ["code_mailed"]


def test_example_has_every_text():
    """In the order of the table, each once."""
    assert [name for name, _ in sources.example_messages()] == list(BY_NAME)


@pytest.mark.parametrize("name, text", sources.example_messages(), ids=lambda value: value.split(" ")[0])
def test_example_is_another_text(name, text):
    """In German, with the placeholders of the default, and with the letters that are typed."""
    default = BY_NAME[name]
    assert text != default.mailed
    if default.kind != "UNIT":
        assert sorted(re.findall(r"\{\w+\}", text)) == sorted(re.findall(r"\{\w+\}", default.mailed))
    assert re.findall(r"\b[yr]\b", text) == re.findall(r"\b[yr]\b", default.mailed)


def test_example_goes_with_the_source():
    """It is named in the manual, and is in the archive."""
    assert ".Pa pam_cognito_otp.messages.de ." in sources.section(PAGE, "MESSAGES")
    packed = sources.find(r"^EXTRA_DIST = (.*)$", sources.read("Makefile.am"), re.M)[0]
    assert "man/pam_cognito_otp.messages.de" in packed.split()
