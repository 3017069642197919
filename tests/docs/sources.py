"""What the code and the pages say, read as text: the two sides that the tests of this folder compare.

Rules: nothing is built or run; a pattern that finds nothing is an error, so that a change of form in the code cannot
turn a comparison into one of two empty lists.
"""

import re
from pathlib import Path
from typing import NamedTuple

TOP = Path(__file__).resolve().parents[2]
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class Setting(NamedTuple):
    """A row of the table in options.c."""

    key: str
    default: str  # "" when there is none
    setter: str
    low: int
    high: int


def read(name):
    """Return the text of a file of the source tree."""
    return (TOP / name).read_text(encoding="utf-8")


def find(pattern, text, flags=0):
    """Return all matches; there must be one."""
    found = re.findall(pattern, text, flags)
    assert found, f"nothing looks like {pattern}"
    return found


def between(text, start, end):
    """Return the text after the start and before the end that follows it."""
    assert start in text, f"{start} is not there"
    rest = text.split(start, 1)[1]
    assert end in rest, f"{end} does not follow {start}"
    return rest.split(end, 1)[0]


# --- the code ------------------------------------------------------------------------------------------------------


def c_number(text):
    """Return the value of a number as the table writes it: 900, 7 * 86400, UINT32_MAX - 1."""
    names = {"UINT32_MAX": 2**32 - 1, "TEXT_MAX": 1023}
    words = text.split()
    values = [names[word] if word in names else int(word) for word in words[::2]]
    result = values[0]
    for sign, value in zip(words[1::2], values[1:]):
        result = {"*": result * value, "-": result - value}[sign]
    return result


def settings():
    """Return the table of settings, in its order."""
    table = between(read("pam_cognito_otp/options.c"), "options_table[] = {", "};")
    table = table.replace('" SERVICE_WORD', '.SERVICE"')
    row = r'\{ "([\w.]+)", (NULL|"[^"]*"), option_set_(\w+), FIELD\(\w+\), ([^,{}]+), ([^,{}]+) \}'
    rows = find(row, table)
    assert len(rows) == table.count("FIELD("), "a row of options_table has another form"
    return [
        Setting(key, "" if default == "NULL" else default[1:-1], setter, c_number(low), c_number(high))
        for key, default, setter, low, high in rows
    ]


def choices():
    """Return the words that each setter with a fixed list of them accepts: {"bool": ["no", "yes"], ...}."""
    text = read("pam_cognito_otp/option_values.c")
    form = r"OPTION_VALUE\(option_set_(\w+)\)\n\{\n\tstatic const char \*const names\[\] = \{ (.*), NULL \};"
    return {setter: re.findall(r'"(\w+)"', words) for setter, words in find(form, text)}


def pam_codes():
    """Return the PAM code of each class, from pam_result.c."""
    body = between(read("pam_cognito_otp/pam_result.c"), "int pam_result_of", "int pam_result_level")
    codes = {}
    for labels, code in find(r"((?:\tcase OTP_CLASS_\w+:\n)+)\t\treturn (PAM_\w+);", body):
        codes.update(dict.fromkeys(re.findall(r"OTP_CLASS_(\w+)", labels), code))
    return codes


def reasons():
    """Return the list of err.h in its order: {reason: PAM code}."""
    text = between(read("pam_cognito_otp/err.h"), "#define OTP_ERRORS(X)", "enum otp_err {")
    rows = find(r'X\(OTP_\w+,\s*"(\w+)",\s*(\w+),', text)
    assert len(rows) == text.count("X(OTP_"), "a row of OTP_ERRORS has another form"
    codes = pam_codes()
    return {reason: codes[kind] for reason, kind in rows}


def seconds(text):
    """Return the number that a page or the table writes: 5m, 7d, 10; a unit alone is one of it."""
    return int(text[:-1] or "1") * UNITS[text[-1]] if text[-1] in UNITS else int(text)


def budget(text):
    """Return the windows of a budget: [(mails, seconds), ...]."""
    windows = [window.split("/") for window in text.split(",")]
    return [(int(count), seconds(window)) for count, window in windows]


def events():
    """Return the events of the log that are no outcomes: what follows event= wherever the C code writes one.

    cache_flow_complain has the name of the event from its callers.
    """
    found = set()
    for path in sorted((TOP / "pam_cognito_otp").glob("*.c")):
        found |= set(re.findall(r'"event=(\w+)|cache_flow_complain\(flow, "(\w+)"', path.read_text(encoding="utf-8")))
    found = {literal or handed for literal, handed in found}
    assert found, "no line of the log is written"
    return found - outcomes()


def outcomes():
    """Return the events that are outcomes of a call, from audit.c."""
    body = between(read("pam_cognito_otp/audit.c"), "audit_event(", "\n}\n")
    return set(find(r'"(\w+)"', body))


def remedies():
    """Return the rows of remedy.c: {name of err.h: what to do}; what a macro stands for is put in."""
    text = read("pam_cognito_otp/remedy.c")
    macros = dict(find(r'^#define (REMEDY_\w+) "(.*)"$', text, re.M))
    table = between(text, "remedy_table[] = {", "\n};")
    rows = find(r"\[(OTP_\w+)\] =(.*?),\n(?=\t\[|\t/\*|$)", table + "\n", re.S)
    assert len(rows) == table.count("] ="), "a row of remedy_table has another form"
    words = {name: re.findall(r'"([^"]*)"|(\w+)', row) for name, row in rows}
    return {name: "".join(said or macros.get(word, "") for said, word in row) for name, row in words.items()}


def c_text(literal):
    """Return what a string literal of C stands for; of its escapes those that the pages need."""
    return literal.replace("\\n", "\n").replace('\\"', '"')


def form_of(text):
    """Return the pattern of what printf makes of a text."""
    forms = {"%s": ".*?", "%d": r"\d+", "%u": r"\d+", "%lld": r"\d+"}
    parts = re.split(r"(%s|%(?:ll)?[du])", text)
    return "".join(forms.get(part) or re.escape(part) for part in parts)


class Message(NamedTuple):
    """A row of the table in messages.c."""

    name: str
    kind: str  # QUESTION, BEFORE, END or UNIT
    needed: str  # the placeholder that must stand in it, with its braces; "" for none
    optional: str
    mailed: str
    sent: str  # with SMS; "" where it is the same


def placeholders():
    """Return the placeholders by the words that the table of messages.c has for them: {"ADDRESS": "{address}", ...}."""
    text = read("pam_cognito_otp/messages.c")
    names = find(r'"(\w+)"', between(text, "message_placeholders[MESSAGE_PLACEHOLDERS] = {", "};"))
    order = find(r"MESSAGE_(\w+),", between(text, "enum message_placeholder {", "MESSAGE_LITERAL").replace("_LEFT", ""))
    assert order.pop() == "PLACEHOLDERS" and len(order) == len(names), "the placeholders have another form"
    return {"0": "", **{word: f"{{{name}}}" for word, name in zip(order, names)}}


def messages():
    """Return the table of texts, in its order."""
    table = between(read("pam_cognito_otp/messages.c"), "message_table[MESSAGE_COUNT] = {", "\n};")
    row = r'\[MESSAGE_\w+\] = \{ "(\w+)", MESSAGE_IS_(\w+), (\w+), (\w+),\n\t\t"([^"]*)",\s+(?:NULL|"([^"]*)") \}'
    rows = find(row, table)
    assert len(rows) == table.count("MESSAGE_IS_"), "a row of message_table has another form"
    signs = placeholders()
    return [Message(name, kind, signs[needed], signs[may], *texts) for name, kind, needed, may, *texts in rows]


def counted(*names):
    """Return the pattern of what the unit texts of these names make of a number."""
    texts = {message.name: message.mailed for message in messages() if message.kind == "UNIT"}
    return "(?:" + "|".join(re.escape(texts[name]).replace(r"\{count\}", r"\d+") for name in names) + ")"


def sentences():
    """Return every sentence that messages.c has by default, as a pattern of the page's words; mail, not SMS."""
    time = counted("second", "seconds", "minute", "minutes", "hour", "hours")
    forms = {"{address}": r"\S+", "{tries}": counted("try", "tries"), "{ago}": time, "{wait}": time, "{user}": r"\S+"}
    found = []
    for message in messages():
        parts = re.split(r"(\{\w+\})", message.mailed)
        if message.kind != "UNIT":
            found.append("".join(forms[part] if part[:1] == "{" else re.escape(part) for part in parts))
    return found


def tool_usage():
    """Return what the tool prints when it is called wrongly."""
    text = between(read("pam_cognito_otp/cognito_otp.c"), "tool_usage[] = ", ";\n")
    return c_text("".join(find(r'"((?:[^"\\]|\\.)*)"', text)))


def tool_prints():
    """Return the texts that account_state.c prints with printf, pieces of a line joined where the code joins them."""
    text = read("pam_cognito_otp/account_state.c")
    printed = find(r'fprintf\((?:visit->)?out, "((?:[^"\\]|\\.)*)"', text)
    return [c_text(piece) for piece in printed]


# --- the pages -----------------------------------------------------------------------------------------------------


def section(page, name):
    """Return a section of a manual page: what stands under its heading."""
    return between(read(f"man/{page}") + ".Sh END\n", f".Sh {name}\n", "\n.Sh ") + "\n"


def page_settings():
    """Return the settings of conf(5) in their order: {key: (default, text)}; default "" when none is of the table."""
    text = section("pam_cognito_otp.conf.5", "SETTINGS")
    items = re.split(r"^\.It Cm ", text, flags=re.M)[1:]
    found = {}
    for item in items:
        key, rest = item.split("\n", 1)
        assert key not in found, f"{key} stands twice"
        assert rest.startswith("Default:"), f"{key} has no line with its default"
        default = re.match(r"Default:\n\.Ql (.+) \.\n", rest)
        found[key] = (default[1] if default else "", rest)
    assert found, "no setting on the page"
    return found


def page_reasons():
    """Return the reasons of pam_cognito_otp(8) in their order: {reason: PAM code}."""
    text = section("pam_cognito_otp.8", "LOG REASONS")
    rows = find(r"^\.It Cm (\w+) Pq Dv (\w+)$", text, re.M)
    assert len(rows) == len(re.findall(r"^\.It Cm ", text, re.M)), "a reason without its PAM code"
    found = dict(rows)
    assert len(found) == len(rows), "a reason stands twice"
    return found


def sample_settings():
    """Return the settings of the sample file in their order: [(key, value, is it switched on)].

    What is written for one service stands there under SERVICE, as in the table.
    """
    rows = find(r"^(#?)(\w+(?:\.\w+)?) = (.+)$", read("man/pam_cognito_otp.conf"), re.M)
    return [(re.sub(r"\..*", ".SERVICE", key), value, mark == "") for mark, key, value in rows]


def page_events():
    """Return the events of pam_cognito_otp(8), in its order: [(event, text)]."""
    items = re.split(r"^\.It Li event=", section("pam_cognito_otp.8", "LOG EVENTS"), flags=re.M)[1:]
    assert items, "no event on the page"
    return [tuple(item.split("\n", 1)) for item in items]


def page_sentences():
    """Return what pam_cognito_otp(8) says that people are shown."""
    return find(r'^\.It Li "(.+)"$', section("pam_cognito_otp.8", "WHAT IS SHOWN"), re.M)


def page_messages():
    """Return the texts of conf(5) in their order, with their kinds: the subsections in the order of the kinds."""
    items = re.split(r"^\.It Cm ", section("pam_cognito_otp.conf.5", "MESSAGES"), flags=re.M)[1:]
    found = []
    for item in items:
        form = r'(\w+)\n\.Ql "(.+)"\n(?:\.br\nSMS:\n\.Ql "(.+)"\n)?'
        form += r"(?:\.br\nNeeds\n\.Ql (\S+) \.\n)?(?:\.br\nMay have\n\.Ql (\S+) \.\n)?"
        assert (match := re.match(form, item)), item
        name, mailed, sent, needed, may = (group or "" for group in match.groups())
        found.append((name, needed, may, mailed, sent))
    return found


def example_messages():
    """Return the German texts: [(name, text)]."""
    lines = read("man/pam_cognito_otp.messages.de").splitlines()
    rows = [line.split(" = ", 1) for line in lines if line and not line.startswith("#")]
    assert rows, "the example is empty"
    return [tuple(row) for row in rows]


def subsection(page, section_name, name):
    """Return what stands under a heading of the second rank."""
    return between(section(page, section_name) + ".Ss END\n", f".Ss {name}\n", "\n.Ss ") + "\n"


def page_blocks(page, kind):
    """Return the examples of a page: {name: text}, fenced by comments: .\\" stack: NAME FILES and .\\" end: NAME."""
    text = read(f"man/{page}")
    opened = re.findall(rf'^\.\\" {kind}: (\S+)', text, re.M)
    blocks = dict(re.findall(rf'^\.\\" {kind}: (\S+).*\n((?:(?!\.\\").*\n)+)\.\\" end: \1$', text, re.M))
    assert sorted(opened) == sorted(blocks), "a fence is not closed, or a name stands twice"
    assert blocks, f"no {kind} on the page"
    return blocks


def page_stack_files():
    """Return where each stack of pam_cognito_otp(8) goes: {name: [path, ...]}."""
    rows = find(r'^\.\\" stack: (\S+) (.+)$', read("man/pam_cognito_otp.8"), re.M)
    return {name: files.split() for name, files in rows}


def readme_stack_files():
    """Return where each stack of the README goes: {name: [path, ...]}."""
    return {name: files.split() for name, files in find(r"<!-- stack: (\S+) (.+) -->", read("README.md"))}


def readme_stacks():
    """Return the stacks of the README: {name: text}. A comment <!-- stack: NAME FILES --> stands before the fence."""
    text = read("README.md")
    blocks = dict(re.findall(r"<!-- stack: (\S+) .*-->\n```text\n((?:.+\n)+)```", text))
    assert len(blocks) == text.count("<!-- stack: "), "a stack of the README has another form"
    return blocks
