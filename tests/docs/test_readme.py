"""README.md against the code, the scripts and the manual."""

import re

import pytest

from docs import sources

KEYS = {setting.key for setting in sources.settings()}
README = sources.read("README.md")
# In the form of a setting, and something else: names of modules, and a word of PAM.
OTHER_WORDS = {"pam_cognito_otp", "pam_unix"}


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
        rf"(?: request_id={value})?(?: detail=\"[^\"]+\")?"
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
