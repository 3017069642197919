"""pam_cognito_otp(8) against errors, PAM codes, callers and questions of the code; both pages against the linter."""

import re
import shutil
import subprocess

import pytest

from docs import sources

PAGES = ("pam_cognito_otp.8", "pam_cognito_otp.conf.5")


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


def test_return_values_are_those_of_the_table():
    """Each PAM code of pam_result.c, no other."""
    items = sources.find(r"^\.It Dv (\w+)$", sources.section("pam_cognito_otp.8", "PAM RETURN VALUES"), re.M)
    body = sources.between(sources.read("pam_cognito_otp/pam_result.c"), "int pam_result_of", "int pam_result_level")
    assert sorted(items) == sorted(set(sources.find(r"return (PAM_\w+);", body)))


def test_callers_are_those_of_the_code():
    """The words that the log has for them."""
    items = sources.find(r"^\.It Cm (\w+)$", sources.section("pam_cognito_otp.8", "WHO IS ASKING"), re.M)
    code = sources.between(sources.read("pam_cognito_otp/caller.c"), "caller_kind_name", "unknown")
    assert items == sources.find(r'return "(\w+)";', code)


@pytest.mark.parametrize(
    "words", ["Sign-in code, or y to have one ", "Code (r = new one): ", "If this account may sign in, a code was "]
)
def test_questions_are_those_of_the_code(words):
    """Page and dialogue.c have the same words."""
    assert words in sources.read("pam_cognito_otp/dialogue.c")
    assert words.strip() in sources.section("pam_cognito_otp.8", "WHO IS ASKING")


def test_log_line_has_the_fields_of_the_code():
    """The example has the fields of audit.h in their order."""
    example = sources.between(sources.section("pam_cognito_otp.8", "LOG REASONS"), "2n\n", ".Ed")
    comment = re.search(r"`(event=.*)`", sources.read("pam_cognito_otp/audit.h"))[1]
    fields = re.findall(r"(\w+)=", comment)
    assert re.findall(r"(\w+)=", example) == fields


def test_other_log_lines_exist():
    """Events of the helper that are no outcomes: those that log_warning writes."""
    written = {
        event
        for path in (sources.TOP / "pam_cognito_otp").glob("*.c")
        for event in re.findall(r'log_warning\("event=(\w+)', path.read_text(encoding="utf-8"))
    }
    items = sources.find(r"^\.It Li event=(\w+)$", sources.section("pam_cognito_otp.8", "LOG REASONS"), re.M)
    assert set(items) == written


@pytest.mark.parametrize("name", sources.page_blocks("pam_cognito_otp.8", "stack"))
def test_stack_is_sound(name):
    """Never sufficient nor optional for our module; sshd's settings are no PAM lines."""
    lines = sources.page_blocks("pam_cognito_otp.8", "stack")[name].splitlines()
    if name.startswith("sshd-config"):
        assert all(re.fullmatch(r"[A-Z]\w+ \S+", line) for line in lines)
        return
    assert all(re.fullmatch(r"auth +(\w+|\[[^]]+\]) +pam_\w+\.so.*", line) for line in lines), lines
    ours = [line for line in lines if "pam_cognito_otp.so" in line]
    assert len(ours) == 1
    assert re.match(r"auth +(required|\[success=done ignore=ignore default=die\]) ", ours[0])


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
