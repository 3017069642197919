"""README.md against the code, the scripts, the manual and what is installed.

What it shows of the tool is compared with the tool itself in system/test_readme.py.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from docs import sources
from docs.test_tool_page import usage_commands

KEYS = {setting.key for setting in sources.settings()}
README = sources.read("README.md")
# In the form of a setting, and something else: names of modules, a setting of sudoers, a field of the log.
OTHER_WORDS = {"pam_cognito_otp", "pam_unix", "pam_rootok", "noninteractive_auth", "request_id", "pam_loginuid"}


def spans():
    """Return what stands between single backquotes outside of fences."""
    text = re.sub(r"^```.*?^```", "", README, flags=re.M | re.S)
    return sources.find(r"`([^`\n]+)`", text)


def test_settings_exist():
    """`key = value`, and any `word_with_underscore` that is no reason of the log."""
    named = {match[1] for match in (re.fullmatch(r"(\w+) = .+", span) for span in spans()) if match}
    words = {span for span in spans() if re.fullmatch(r"[a-z0-9]+(_[a-z0-9]+)+", span)}
    assert named, "no setting is named"
    assert named - KEYS == set()
    assert words - KEYS - set(sources.reasons()) - OTHER_WORDS == set()


def test_settings_in_fences_exist():
    """The lines of the settings file that the README has one write."""
    block = sources.between(README, "pam_cognito_otp.conf > /dev/null <<'END'\n", "END\n")
    keys = sources.find(r"^(\w+) = \S", block, re.M)
    assert len(keys) == len(block.splitlines())
    assert set(keys) <= KEYS
    assert {"user_pool_id", "client_id"} <= set(keys)


@pytest.mark.parametrize("command", ["demo.sh", "check.sh"])
def test_commands_are_files(command):
    """The two commands, as they are written in the first fence."""
    assert f"sudo ./{command}" in sources.between(README, "## Two commands\n\n```sh\n", "```")
    path = sources.TOP / command
    assert path.is_file()
    assert path.stat().st_size > 0
    assert path.stat().st_mode & 0o111, f"{command} is not executable"


@pytest.mark.parametrize("path", re.findall(r"^\| `((?:tests|man|pam_cognito_otp)/\S*)` \|", README, re.M))
def test_folders_exist(path):
    """The rooms of the layout."""
    assert (sources.TOP / path).is_dir()


def test_source_files_exist():
    """Each file of C that is named."""
    for name in sources.find(r"`(\w+\.[ch])`", README):
        assert (sources.TOP / "pam_cognito_otp" / name).is_file(), name


@pytest.mark.parametrize("name", sources.readme_stacks())
def test_stacks_are_those_of_the_manual(name):
    """A stack that is tested in one place must not differ in the other."""
    assert sources.readme_stacks()[name] == sources.page_blocks("pam_cognito_otp.8", "stack")[name]
    assert sources.readme_stack_files()[name] == sources.page_stack_files()[name]


def test_packages_are_those_of_the_installer():
    """The Debian line has what install-packages.sh builds with."""
    script = sources.read("tests/install-packages.sh")
    wanted = sources.between(script, "\nbuild=(", ")").split()
    shown = sources.between(README, "sudo apt-get install ", "```").replace("\\\n", " ").split()
    assert sorted(shown) == sorted(wanted)


def test_fedora_packages_are_those_of_configure():
    """What configure tells people on Fedora and RHEL to install."""
    configure = sources.read("configure.ac")
    wanted = set(sources.find(r"\[([\w-]+-devel)\]\)$", configure, re.M))
    wanted |= set(sources.find(r"RHEL: ([\w-]+-devel)\]", configure))
    shown = sources.between(README, "sudo dnf install ", "```").replace("\\\n", " ").split()
    assert wanted <= set(shown)


def test_log_lines_have_the_form_of_the_code():
    """Each example of an outcome line."""
    value = r"[!-~]+"
    full = (
        rf"user={value} cognito={value} service={value} origin={value} caller=(?:key|own|console|local|remote)"
        rf"(?: by=(?:cache|renewal))?(?: request_id={value})?(?: detail=\"[^\"]+\")?"
    )
    short = rf"user={value} service={value} detail=\"[^\"]+\""
    lines = sources.find(r"^.*\]: pam_cognito_otp\(.*$", README, re.M)
    for line in lines:
        found = re.fullmatch(
            rf"[\w-]+\[\d+\]: pam_cognito_otp\(\w[\w-]*:auth\): event=(\w+) reason=(\w+) (?:{full}|{short})", line
        )
        assert found, line
        assert found[2] in sources.reasons(), line
        assert found[1] == ("accepted" if found[2] == "verified" else "denied"), line


def typed():
    """Return what a reader types: lines of shell fences, lines behind $ in others, and what stands in backquotes."""
    fences = sources.find(r"^```(sh|text)\n(.*?)^```", README, re.M | re.S)
    lines = [line for kind, text in fences if kind == "sh" for line in text.splitlines()]
    lines += [line[2:] for kind, text in fences if kind == "text" for line in text.splitlines() if line[:2] == "$ "]
    return lines + spans()


def tool_calls():
    """Return the calls of the tool: [(command, [words after it])], --config and comments left out."""
    calls = []
    for line in typed():
        words = re.sub(r"\s+[#>|].*", "", line).removeprefix("sudo ").split()
        if words[:1] == ["cognito-otp"] and len(words) > 1:
            words = words[3:] if words[1] == "--config" else words[1:]
            calls.append((words[0], words[1:]))
    return calls


def test_tool_is_called_as_it_can_be():
    """Each command exists and is given what it takes; each one is shown with that at least once."""
    takes = {"[--json] [USER]": (0, 2), "[USER]": (0, 1), "USER": (1, 1), "": (0, 0), "USER|--all": (1, 1)}
    commands = usage_commands()
    whole = set()
    for command, rest in tool_calls():
        if command in ("pin", "cache"):
            command, rest = f"{command} {rest[0]}", rest[1:]
        assert command in commands, command
        least, most = takes[commands[command]]
        options = set(re.findall(r"--\w+", commands[command]))
        assert len(rest) <= most and {word for word in rest if word[0] == "-"} <= options, (command, rest)
        if len(rest) >= least:
            whole.add(command)
    assert whole == set(commands)


def test_reasons_exist():
    """What stands behind reason= anywhere, fences included, and behind event=."""
    named = set(sources.find(r"\breason=(\w+)", README))
    assert named <= set(sources.reasons())
    assert set(sources.find(r"\bevent=(\w+)", README)) <= sources.events() | sources.outcomes()


def test_values_of_settings_exist():
    """A setting that is named with its value in backquotes has a value that its table knows."""
    words = sources.choices()
    known = {setting.key: words.get(setting.setter) for setting in sources.settings()}
    for span in spans():
        found = re.fullmatch(r"(\w+) = (\w+)", span)
        if found and known[found[1]]:
            assert found[2] in known[found[1]], span


def anchors():
    """Return the targets that GitHub makes of the headings."""
    headings = sources.find(r"^#+ (.+)$", re.sub(r"^```.*?^```", "", README, flags=re.M | re.S), re.M)
    return [re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings]


def test_links_lead_somewhere():
    """Each link within the file has its heading, and no two headings have one name; files that are linked exist."""
    targets = anchors()
    assert len(targets) == len(set(targets))
    links = sources.find(r"\]\(([^)\s]+)\)", README)
    assert {link[1:] for link in links if link[0] == "#"} <= set(targets)
    for link in links:
        assert link[0] == "#" or (sources.TOP / link).exists(), link


def table_of_files():
    """Return the paths of the table of installed files; "MODULES" stands for PAM's module directory."""
    rows = sources.between(README, "Installed are:\n\n| file | |\n|---|---|\n", "\n\n").splitlines()
    found = []
    for row in rows:
        for word in sources.find(r"`([^`]+)`", row.split(" | ")[0]):
            page = re.fullmatch(r"([\w.-]+)\((\d)\)", word)
            folder = "MODULES/" if "module directory" in row.split(" | ")[0] else ""
            found.append(f"/usr/share/man/man{page[2]}/{page[1]}.{page[2]}" if page else folder + word)
    return found


def test_table_of_files_is_what_is_installed(tmp_path):
    """Every file that make install makes, no other."""
    objects = Path(os.environ.get("OTP_OBJECTS", "/nonexistent"))
    if not (objects / "Makefile").exists():
        pytest.skip("no build tree in OTP_OBJECTS")
    makefile = (objects / "Makefile").read_text(encoding="utf-8")
    modules = sources.find(r"^pamdir = (\S+)$", makefile, re.M)[0]
    command = ["make", "-C", objects, "install", f"DESTDIR={tmp_path}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    assert run.returncode == 0, run.stderr[-2000:]
    installed = [f"/{path.relative_to(tmp_path)}" for path in tmp_path.rglob("*") if not path.is_dir()]
    assert sorted(path.replace("MODULES", modules) for path in table_of_files()) == sorted(installed)


def test_readme_can_be_read():
    """Whoever opens it at night has an end in sight."""
    assert len(README.splitlines()) < 744
