"""cognito-otp(8) against the tool: what it is called with, what it prints, what it returns."""

import re

import pytest

from docs import sources

PAGE = "cognito-otp.8"
TOOL = sources.read("pam_cognito_otp/cognito_otp.c")
SHOWN = sources.read("pam_cognito_otp/account_state.c")


def usage_options():
    """Return the options of the usage text."""
    return set(sources.find(r"--(\w+)", sources.tool_usage()))


def usage_commands():
    """Return the commands of the usage text: {command: what it takes}."""
    command = r"cognito-otp (?:\[--config FILE\] )([a-z-]+(?: list| clear| purge)?) ?(.*)$"
    lines = sources.find(command, sources.tool_usage(), re.M)
    return dict(lines)


def items(section, macro):
    """Return the items of a section that begin with a macro: [(word, rest)]."""
    return sources.find(rf"^\.It {macro} (\S+)(.*)$", section, re.M)


def fields(start):
    """Return the fields of the line that begins with a word, as account_state.c prints it."""
    pieces = sources.find(r'fprintf\(out, "((?:[^"\\]|\\.)*)"', sources.between(SHOWN, start, "\n}\n"))
    return sources.find(r"(\w+)=", " ".join(pieces))


def test_options_are_those_of_the_code():
    """Usage text, table of options and page have the same."""
    table = set(sources.find(r'\{ "(\w+)", \w+_argument,', TOOL))
    page = items(sources.subsection(PAGE, "DESCRIPTION", "Options"), "Fl")
    assert [word for word, _ in page] == [f"-{name}" for name in ("config", "json", "all", "help", "version")]
    assert {word.lstrip("-") for word, _ in page} == table == usage_options()
    assert {word for word, rest in page if rest} == {"-config"}


def test_synopsis_has_the_options():
    """The same above."""
    options = sources.find(r"Fl -(\w+)", sources.section(PAGE, "SYNOPSIS"))
    assert set(options) == usage_options()


def test_commands_are_those_of_the_code():
    """Usage text, main and page have the same, with what they take."""
    item = r"^\.It Cm ([a-z-]+(?: list| clear| purge)?)(.*)$"
    page = dict(sources.find(item, sources.subsection(PAGE, "DESCRIPTION", "Commands"), re.M))
    takes = {"[--json] [USER]": " Op Fl -json Op Ar user", "[USER]": " Op Ar user", "USER": " Ar user", "": "",
             "USER|--all": " Ar user | Fl -all"}
    assert {command: takes[word] for command, word in usage_commands().items()} == page
    words = list(dict.fromkeys(command.split()[0] for command in page))
    assert sources.find(r'\{ "([a-z-]+)", \d, \d, tool_\w+ \}', TOOL) == words
    assert sources.find(r"^\.Cm ([a-z- ]+)$", sources.section(PAGE, "SYNOPSIS"), re.M) == list(page)


def test_commands_are_explained_in_the_usage():
    """A line for each, in their order."""
    words = list(dict.fromkeys(command.split()[0] for command in usage_commands()))
    assert sources.find(r"^([a-z-]+) +\S.* \S", sources.tool_usage(), re.M) == words


def test_usage_names_the_page():
    """So that nobody has to look for it."""
    assert "See cognito-otp(8)." in sources.tool_usage()


@pytest.mark.parametrize(
    ("start", "function"),
    [("code", "static void account_show_challenge("), ("mails", "static enum otp_err account_show_budget(")],
)
def test_fields_are_those_of_the_code(start, function):
    """In the order in which they are printed; a field that two branches print stands once."""
    page = [word for word, _ in items(sources.subsection(PAGE, "OUTPUT", f"Lines that begin with {start}"), "Cm")]
    assert page == list(dict.fromkeys(fields(function)))


def test_words_of_a_code_are_those_of_the_code():
    """The states, in their order."""
    body = sources.between(SHOWN, "static const char *account_word(", "\n}\n")
    text = sources.between(sources.section(PAGE, "OUTPUT"), ".It Cm state\n", ".It ")
    page = [word.strip() for word in sources.find(r"^\.Ql ([a-z ]+)", text, re.M)]
    assert page == sources.find(r'return "([^"]+)"', body)


def test_budgets_are_those_of_the_code():
    """Each label that is printed, no other, in their order."""
    labels = sources.find(r'\{ "(mail_budget[^"]*)", ', SHOWN)
    page = [word for word, _ in items(sources.section(PAGE, "OUTPUT"), "Li")]
    assert sorted(page) == sorted(labels)


def test_nothing_to_show_is_on_the_page():
    """The one line without fields."""
    said = sources.find(r'fputs\("([^"\\]+)\\n", out\)', SHOWN)
    assert len(said) == 1
    assert f".Ql {said[0]} ;" in sources.section(PAGE, "OUTPUT")


def test_exit_status_is_that_of_the_code():
    """Success, and the numbers that main returns."""
    numbers = dict(sources.find(r"(TOOL_FAILED|TOOL_USAGE) = (\d+)", TOOL))
    numbers |= dict(sources.find(r"(REPORT_EXIT_\w+) = (\d+)", sources.read("pam_cognito_otp/report.h")))
    page = sources.find(r"^\.It (\d+)$", sources.section(PAGE, "EXIT STATUS"), re.M)
    assert page == ["0", *sorted(number for number in numbers.values() if number != "0")]


def test_who_may_call_it_is_on_the_page():
    """The messages that are no errors of the list."""
    for message in sources.find(r'fputs\("cognito-otp: ([^"\\]+)\\n", stderr\)', TOOL):
        assert f'.It "{message}"\n' in sources.section(PAGE, "DIAGNOSTICS")


@pytest.mark.parametrize("name", sources.page_blocks(PAGE, "output"))
def test_example_has_the_form_of_the_code(name):
    """Each line is one that account_state.c can print."""
    pieces = [sources.form_of(piece.rstrip("\n")) for piece in sources.tool_prints()]
    code, mailed_no, mailed, budget, person, next_in, reset_host, reset = pieces
    mails = budget + f"(?:{person})?(?:{next_in})?"
    forms = [code + f"(?:{mailed_no}|{mailed})", mails, reset, reset_host, "no code is open"]
    lines = sources.page_blocks(PAGE, "output")[name].replace("\n ", " ").splitlines()
    for line in lines:
        assert [form for form in forms if re.fullmatch(form, line)], line


def test_examples_have_every_budget():
    """In the order of the code: the user's, then the host's."""
    block = sources.page_blocks(PAGE, "output")["no-mail"]
    shown = list(dict.fromkeys(sources.find(r"^mails  budget=(\S+) ", block, re.M)))
    assert shown == [word for word, _ in items(sources.section(PAGE, "OUTPUT"), "Li")]


def test_reasons_of_the_page_exist():
    """What stands behind reason= and in brackets."""
    named = set(sources.find(r"reason=(\w+)|Ql (user_\w+)", sources.read(f"man/{PAGE}")))
    assert {first or second for first, second in named} - {"user_template"} <= set(sources.reasons())


def findings():
    """Return the names of findings in the code that are no reasons of err.h."""
    text = "".join(sources.read(f"pam_cognito_otp/{path.name}") for path in
                   sorted((sources.TOP / "pam_cognito_otp").glob("check_*.c")))
    names = sources.find(r'(?:\bREPORT_(?:NOTE|WARNING|ERROR),|\bname =|_pair\(round,)\s*"(\w+)"', text)
    return set(names) - set(sources.reasons())


def test_findings_are_those_of_the_code():
    """Each name that a check gives, in the order of the alphabet."""
    page = [word for word, _ in items(sources.section(PAGE, "FINDINGS"), "Li")]
    assert page == sorted(findings())


def test_finding_has_the_form_of_the_code():
    """The example is one that report.c prints, with the remedy of the code."""
    shown = sources.page_blocks(PAGE, "finding")["form"]
    finding, remedy = shown.replace("\n l", " l").replace("\n S", " S").splitlines()
    assert re.fullmatch(r"error    \w+: \S+: [^:]+", finding)
    assert '%-7s%s  %s: %s%s%s\\n' in sources.read("pam_cognito_otp/report.c")
    assert remedy.removeprefix("         remedy: ") in sources.read("pam_cognito_otp/check_settings.c")


def test_map_line_has_the_fields_of_the_code():
    """Those of tool_show_person, in their order."""
    body = sources.between(TOOL, "static void tool_show_person(", "\n}\n")
    fields_of_code = list(dict.fromkeys(sources.find(r"(\w+)=", " ".join(sources.find(r'printf\("([^"]*)"', body)))))
    assert sources.find(r"(\w+)=", sources.page_blocks(PAGE, "line")["map"]) == fields_of_code


def test_pins_have_the_form_of_the_code():
    """The examples are what pin_list.c prints."""
    code = sources.read("pam_cognito_otp/pin_list.c")
    texts = [sources.c_text("".join(sources.find(r'"((?:[^"\\]|\\.)*)"', text.replace("PRId64", '"%lld"'))))
             for text in sources.find(r"fprintf\((?:list->)?out, ([^,]*),", code)]
    line, count, removed = [sources.form_of(text.replace("%%lld", "%lld").rstrip("\n")) for text in texts]
    shown = sources.page_blocks(PAGE, "pins")
    assert re.fullmatch(f"{line}\n{count}\n", shown["list"].replace("\n ", " "))
    assert re.fullmatch(f"{removed}\n", shown["clear"])


def prints(room):
    """What a room of the tool prints with fprintf, as forms, in its order."""
    code = re.sub(r'" PRI[du](?:32|64) ?"', "%lld", sources.read(f"pam_cognito_otp/{room}.c"))
    code = re.sub(r'" PRI[du](?:32|64)', '%lld"', code)
    texts = sources.find(r'fprintf\((?:\w+->)?out,\s*((?:"(?:[^"\\]|\\.)*"\s*)+)', code)
    joined = [sources.c_text("".join(re.findall(r'"((?:[^"\\]|\\.)*)"', text))) for text in texts]
    return [sources.form_of(re.sub("%%lld|%lu", "%lld", text.rstrip("\n"))) for text in joined]


def test_cache_list_has_the_form_of_the_code():
    """Each line of the example is one that cache_list.c can print, and each that it can print is there."""
    shown = sources.page_blocks(PAGE, "cache")["list"].replace("\n ", " ").splitlines()
    forms = prints("cache_list")
    assert len(forms) == 3
    kinds = sources.find(r'\[CACHE_\w+\] = "(\w+)"', sources.read("pam_cognito_otp/cache_list.c"))
    assert [line.split()[0] for line in shown[:3]] == sorted(kinds, key=["session", "key", "pending"].index)
    named = [re.findall(r"(\w+)=", line) for line in shown[:3]]
    places = ["session", "key", "process"]
    code = re.findall(r"(\w+)=%", sources.between(sources.read("pam_cognito_otp/cache_list.c"), '"%-8s', "\\n"))
    for fields_of_line, place in zip(named, places):
        assert [field for field in fields_of_line if field != place] == code
    assert re.fullmatch(forms[1], shown[3]) and re.fullmatch(forms[2], shown[4])


def test_reasons_of_the_cache_are_those_of_the_code():
    """Each word of its own behind why=."""
    code = sources.read("pam_cognito_otp/cache_list.c")
    body = sources.between(code, "/* --- why it does not count", "/* --- what is shown")
    names = sources.find(r'"(\w+)"', sources.between(body, "names[] = {", "}"))
    words = set(names) | set(sources.find(r'(?:return|[?:]) "(\w+)"', body)) | {"no_record"}
    text = sources.between(sources.subsection(PAGE, "OUTPUT", "Of cache"), ".It Cm why\n", ".El\n")
    said = set(re.findall(r"\w+", " ".join(sources.find(r"^\.Ql (.*)$", text, re.M))))
    assert words <= said and said - words <= set(sources.reasons())


def test_cache_purge_has_the_form_of_the_code():
    """The last line is one that cache_purge.c prints."""
    *lines, last = sources.page_blocks(PAGE, "cache-purge")["purge"].splitlines()
    forms = prints("cache_purge")
    assert any(re.fullmatch(form, last) for form in forms)
    assert lines and all(any(re.fullmatch(form, line) for form in forms) for line in lines)


def test_settings_of_the_page_exist():
    """Words in the form of a setting."""
    known = {setting.key for setting in sources.settings()} | {"tries_left", "next_in", "pam_cognito_otp", "config"}
    words = set(sources.find(r"^\.(?:Cm|Li) ([a-z]+(?:_[a-z]+)+)\b", sources.read(f"man/{PAGE}"), re.M))
    assert words <= known
