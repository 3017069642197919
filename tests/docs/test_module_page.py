"""pam_cognito_otp(8) against errors, events, PAM codes and sentences of the code; all pages against the linter."""

import ast
import re
import shutil
import subprocess

import pytest

from docs import sources

PAGES = ("cognito-otp.8", "pam_cognito_otp.8", "pam_cognito_otp.conf.5")


def test_reasons_are_those_of_the_list():
    """All of them, no other, in the same order."""
    assert list(sources.page_reasons()) == list(sources.reasons())


@pytest.mark.parametrize("reason", sources.reasons())
def test_reason_has_its_pam_code(reason):
    """The code of its class."""
    assert sources.page_reasons().get(reason) == sources.reasons()[reason]


@pytest.mark.parametrize("reason", sources.reasons())
def test_reason_is_explained(reason):
    """More than the name stands there."""
    text = sources.section("pam_cognito_otp.8", "LOG REASONS")
    assert re.search(rf"^\.It Cm {reason} Pq .*\n(?!\.(It|El|Ss|Sh)\b)", text, re.M)


def test_remedies_are_those_of_the_list():
    """Each error of err.h has its own, in the same order: nobody looks in vain."""
    names = sources.find(r"X\((OTP_\w+),", sources.read("pam_cognito_otp/err.h"))
    assert list(sources.remedies()) == names


def test_remedies_name_what_the_page_names():
    """A command of aws or a setting that a remedy sends people to is one that the page sends them to."""
    page = "".join(sources.section("pam_cognito_otp.8", name) for name in ("LOG REASONS", "MAIL BUDGETS"))
    said = " ".join(sources.remedies().values())
    commands = set(sources.find(r"aws cognito-idp ([a-z-]+)", said))
    keys = {setting.key for setting in sources.settings()} & set(sources.find(r"\b([a-z]+(?:_[a-z]+)+)\b", said))
    assert commands and keys
    assert [word for word in sorted(commands | keys) if not re.search(rf"\b{word}\b", page)] == []


def test_return_values_are_those_of_the_table():
    """Each PAM code of pam_result.c, no other."""
    items = sources.find(r"^\.It Dv (\w+)$", sources.section("pam_cognito_otp.8", "PAM RETURN VALUES"), re.M)
    body = sources.between(sources.read("pam_cognito_otp/pam_result.c"), "int pam_result_of", "int pam_result_level")
    assert sorted(items) == sorted(set(sources.find(r"return (PAM_\w+);", body)))


def test_account_codes_are_those_of_the_table():
    """The same for the account phase, which has fewer."""
    items = sources.find(r"^\.It Dv (\w+) Ta", sources.section("pam_cognito_otp.8", "THE ACCOUNT PHASE"), re.M)
    body = sources.read("pam_cognito_otp/pam_result.c").split("int pam_result_of_account", 1)[1]
    assert sorted(items) == sorted(set(sources.find(r"return (PAM_\w+);", body)))


def test_callers_are_those_of_the_code():
    """The words that the log has for them."""
    items = sources.find(r"^\.It Cm (\w+)$", sources.section("pam_cognito_otp.8", "WHO IS ASKING"), re.M)
    code = sources.between(sources.read("pam_cognito_otp/caller.c"), "caller_kind_name", "unknown")
    assert items == sources.find(r'return "(\w+)";', code)


@pytest.mark.parametrize("sentence", sources.sentences())
def test_sentence_of_the_code_is_on_the_page(sentence):
    """Each that messages.c has by default."""
    assert [shown for shown in sources.page_sentences() if re.fullmatch(sentence, shown)]


@pytest.mark.parametrize("shown", sources.page_sentences())
def test_sentence_of_the_page_is_of_the_code(shown):
    """No other, and each once."""
    assert [sentence for sentence in sources.sentences() if re.fullmatch(sentence, shown)]
    assert sources.page_sentences().count(shown) == 1


def test_dialogue_shows_nothing_else():
    """Every text is of the table, each is used, and no sentence stands in the code beside it."""
    code = sources.read("pam_cognito_otp/dialogue.c")
    assert all(literal in ('"dialogue.h"', '""', '" "', '"%s%s%s "') for literal in sources.find(r'"[^"\n]*"', code))
    used = {name.lower() for name in sources.find(r"\bMESSAGE_([A-Z_]+)\b", code)}
    units = {message.name for message in sources.messages() if message.kind == "UNIT"}
    assert used - {"count", "values_none"} - units == {message.name for message in sources.messages()} - units
    assert not re.search(r"->(?:warn|tell)\([^;]*\"", sources.read("pam_cognito_otp/auth_flow.c"))


def test_times_are_those_of_the_code():
    """How long a step takes for those who have proved nothing."""
    code = sources.read("pam_cognito_otp/pace.c")
    number = {name: int(value) for name, value in sources.find(r"(PACE_\w+) = (\d+)", code)}
    text = sources.section("pam_cognito_otp.8", "WHO IS ASKING")
    assert f"words do not: {number['PACE_MAIL_MS'] // 1000} s after\n" in text
    assert f"\n{number['PACE_CODE_MS'] // 1000} s after a code" in text
    assert f"these {number['PACE_MAIL_MS'] // 1000} s and {number['PACE_CODE_MS'] // 1000} s shows" in text
    assert (number["PACE_MAIL_SHARE"], number["PACE_SHARE"]) == (8, 16)
    shortest = max(number["PACE_MAIL_MS"] * 8, number["PACE_CODE_MS"] * 16) // 1000
    assert re.search(rf"^below {shortest}s it is an eighth and a sixteenth", text, re.M)


def test_log_line_has_the_fields_of_the_code():
    """The two examples, one refused and one let in without a code, have the fields of audit.h in their order."""
    examples = sources.find(r"2n\n(.*?)\.Ed", sources.section("pam_cognito_otp.8", "LOG REASONS"), re.S)
    comment = re.search(r"`(event=.*)`", sources.read("pam_cognito_otp/audit.h"))[1]
    fields = re.findall(r"(\w+)=", comment)
    refused, cached = [re.findall(r"(\w+)=", example) for example in examples]
    assert refused == [field for field in fields if field != "by"]
    assert cached == [field for field in fields if field not in ("request_id", "detail")]


def test_ways_in_without_a_code_are_those_of_the_code():
    """What follows by= in the log, in the text and in no other form."""
    code = sources.between(sources.read("pam_cognito_otp/helper_main.c"), "*helper_by(", "\n}\n")
    said = sources.find(r"^\.Ql by=(\w+)$", sources.section("pam_cognito_otp.8", "LOG REASONS"), re.M)
    assert said == sources.find(r'return "(\w+)";', code)


def test_events_are_those_of_the_code():
    """All that the C code writes beside outcomes, no other, each once."""
    events = [event for event, _ in sources.page_events()]
    assert sorted(events) == sorted(sources.events())


@pytest.mark.parametrize("event", sorted(sources.events()))
def test_event_is_explained(event):
    """More than the name stands there."""
    assert not re.match(r"\.(It|El|Ss|Sh)\b", dict(sources.page_events())[event])


def test_outcomes_are_on_the_page():
    """The other events, in the text about the line of a call."""
    text = sources.between(sources.section("pam_cognito_otp.8", "LOG REASONS"), ".Cm event\nis\n", "A value that")
    assert set(re.findall(r"\b[a-z]+ed\b", text)) == sources.outcomes()


def test_files_of_the_run_directory_are_those_of_the_code():
    """Each name that a room makes there, no other."""
    files = sources.section("pam_cognito_otp.8", "FILES")
    text = sources.between(files, "In\n.Pa /run/pam_cognito_otp\nare", "In\n.Cm cache_dir")
    items = " ".join(sources.find(r"^\.It Pa (.+)$", text, re.M)).replace(" , ", " ").split()
    code = "".join(sources.read(f"pam_cognito_otp/{room}.c") for room in ("budget", "challenge", "postage", "turn"))
    code += sources.read("pam_cognito_otp/postage.h") + sources.read("pam_cognito_otp/run_dir.h")
    fixed = set(sources.find(r'#define \w+ "(mails-[a-z-]+|turns)"', code))
    names = {"mails-%s-", "mails-uid-%lu", "-proved-", "-unproved-", "challenge-", "standing-"}
    assert names <= set(re.findall(r'"([^"]*)"', code))
    made = {f"{kind}-{who}-HEX" for kind in ("challenge-UID", "mails") for who in ("proved", "unproved")}
    assert set(items) == fixed | made | {"mails-uid-UID", "standing-HEX", "id-token-UID-PID-START"}


def test_files_of_the_cache_are_those_of_the_code():
    """The same in cache_dir: the names of records and of what belongs to them."""
    text = sources.section("pam_cognito_otp.8", "FILES").split("In\n.Cm cache_dir", 1)[1]
    items = sources.find(r"^\.It Pa (.+)$", text, re.M)
    records = set(sources.find(r'"(cache-[a-z]+)-%', sources.read("pam_cognito_otp/cache_record.c")))
    seal = set(sources.find(r'#define TOKENS_SEAL "(.*)"', sources.read("pam_cognito_otp/cache_tokens.c")))
    tokens = set(sources.find(r'"(cache-[a-z]+)-%', sources.read("pam_cognito_otp/cache_tokens.c")))
    turns = set(sources.find(r'#define TURN_FILE "(\w+)"', sources.read("pam_cognito_otp/turn.c")))
    assert {re.sub(r"-[A-Z].*", "", item) for item in items} == records | seal | tokens | turns
    assert len(items) == len(set(items))


def test_variable_of_the_session_is_that_of_the_code():
    """All pages, the README and the sample call it as session_token.h does, and each at least once."""
    name = sources.find(r'#define SESSION_TOKEN_VARIABLE "(\w+)"', sources.read("pam_cognito_otp/session_token.h"))[0]
    for path in ("README.md", "man/pam_cognito_otp.8", "man/pam_cognito_otp.conf.5", "man/pam_cognito_otp.conf"):
        assert set(sources.find(r"\bCOGNITO_OTP_\w+", sources.read(path))) - {"COGNITO_OTP_USER"} == {name}, path


def test_pending_time_is_that_of_the_code():
    """How long what a login has left waits for its session."""
    lasts = int(sources.find(r"CACHE_PENDING_S = (\d+)", sources.read("pam_cognito_otp/cache.h"))[0])
    assert lasts == 120
    assert "counts for nothing two minutes later" in sources.section("pam_cognito_otp.8", "SESSIONS")
    assert "good for two minutes" in sources.section("pam_cognito_otp.8", "FILES")


def test_limit_of_strangers_files_is_that_of_the_code():
    """How many codes of callers who have proved nothing are kept."""
    most = sources.find(r"RUN_DIR_STRANGERS_MAX = (\d+)", sources.read("pam_cognito_otp/run_dir.h"))[0]
    assert f"there are {most} at most" in sources.section("pam_cognito_otp.8", "FILES")


def test_pages_are_installed():
    """Each of them, and no other."""
    line = sources.find(r"^dist_man_MANS = (.*)$", sources.read("Makefile.am"), re.M)[0]
    assert sorted(line.split()) == sorted(f"man/{page}" for page in PAGES)
    assert sorted(path.name for path in (sources.TOP / "man").glob("*.[1-9]")) == sorted(PAGES)


@pytest.mark.parametrize("name", sources.page_blocks("pam_cognito_otp.8", "stack"))
def test_stack_is_sound(name):
    """A line of ours cannot be skipped by its own failure, nor let somebody in where others must decide."""
    lines = sources.page_blocks("pam_cognito_otp.8", "stack")[name].splitlines()
    if name.startswith("sshd-config"):
        assert all(re.fullmatch(r"(    )?[A-Z]\w+( \S+)+", line) for line in lines)
        assert lines[-1] == "Match all" or not any(line.startswith("Match") for line in lines)
        return
    if lines[0].startswith("session"):
        assert lines == ["session required pam_loginuid.so", "session optional pam_cognito_otp.so"]
        return
    form = r"auth +(\w+|\[[^]]+\]) +pam_\w+\.so.*|@include common-auth"
    assert all(re.fullmatch(form, line) for line in lines), lines
    ours = [line for line in lines if "pam_cognito_otp.so" in line]
    assert len(ours) == 1
    assert re.match(r"auth +(required|requisite|\[success=done (ignore=ignore )?default=die\]) ", ours[0])


def stacks_of_tests():
    """What tests of tests/system install by @pytest.mark.recipe("NAME", ...) and the fixture: [(name, test), ...].

    The fixture of the cache is the same one, and goes on from there.
    """
    found = []
    for path in sorted((sources.TOP / "tests/system").glob("test_*.py")):
        for function in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for mark in getattr(function, "decorator_list", []):
                if isinstance(mark, ast.Call) and ast.unparse(mark.func) == "pytest.mark.recipe":
                    assert {"recipe", "cache"} & {argument.arg for argument in function.args.args}, function.name
                    found += [(ast.literal_eval(name), function.name) for name in mark.args]
    return found


@pytest.mark.parametrize("name", sources.page_blocks("pam_cognito_otp.8", "stack"))
def test_stack_is_run(name):
    """Each is installed and logged in through by a test."""
    assert [test for stack, test in stacks_of_tests() if stack == name and test.startswith("test_")]


def test_run_stacks_are_on_the_page():
    """No test has a stack that nobody reads."""
    assert {name for name, _ in stacks_of_tests()} <= set(sources.page_blocks("pam_cognito_otp.8", "stack"))


@pytest.mark.parametrize("page", PAGES)
def test_page_is_clean(page):
    """mandoc's linter has nothing to say."""
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    lint = subprocess.run(
        ["mandoc", "-T", "lint", "-W", "warning", str(sources.TOP / "man" / page)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert (lint.returncode, lint.stdout) == (0, "")


@pytest.mark.parametrize("page", PAGES)
def test_page_is_ascii(page):
    """Whatever the locale of a rescue console."""
    assert sources.read(f"man/{page}").isascii()


def test_sample_is_ascii():
    """The same for the sample."""
    assert sources.read("man/pam_cognito_otp.conf").isascii()
