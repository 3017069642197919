"""completions/cognito-otp against the usage text of the tool, asked in bash as a pressed TAB asks it."""

import pwd
import re
import shutil
import subprocess

import pytest

from docs import sources

FILE = sources.TOP / "completions" / "cognito-otp"
BOUND = 10
# Nothing may depend on the options and the IFS of whoever presses TAB, no program is to be found, and none is needed.
ASK = """
set -u
IFS=:
. "$1"
shift
COMP_WORDS=(cognito-otp "$@")
COMP_CWORD=$#
_cognito_otp || exit
[[ ${#COMPREPLY[@]} == 0 ]] || printf '%s\\n' "${COMPREPLY[@]}"
"""
pytestmark = pytest.mark.skipif(shutil.which("bash") is None, reason="bash is missing")


def offers(*words, directory=sources.TOP):
    """Return what is offered for the last of the words that follow cognito-otp."""
    run = subprocess.run([shutil.which("bash"), "--norc", "-c", ASK, "bash", str(FILE), *words], capture_output=True,
                         text=True, timeout=BOUND, check=False, cwd=directory, env={"PATH": "/nonexistent"})
    assert (run.returncode, run.stderr) == (0, ""), run
    found = run.stdout.splitlines()
    assert len(found) == len(set(found)), "something is offered twice"
    return set(found)


def commands():
    """Return the commands of the usage text, of two words where they have two: {command: its whole line}."""
    line = r"^(?:Usage:|      ) (cognito-otp (?:\[--[^\]]*\] )*([a-z][a-z-]*(?: list| clear| purge)?).*)$"
    return {command: whole for whole, command in sources.find(line, sources.tool_usage(), re.M)}


def first_words(names):
    """Return what is typed first of these commands."""
    return {name.split()[0] for name in names}


def options():
    """Return the options of the usage text."""
    return set(sources.find(r"--[a-z]+", sources.tool_usage()))


@pytest.fixture(name="files")
def make_files(tmp_path):
    """A directory with names that a careless completion would break or take for something else."""
    for name in ("otp.conf", "my settings.conf", "state"):
        (tmp_path / name).touch()
    (tmp_path / "otp.d").mkdir()
    return tmp_path


def test_commands_are_those_of_the_tool():
    """All of them, no other; of those of two words first the one, then the other."""
    assert offers("") == first_words(commands())
    assert offers("pin", "") == {name.split()[1] for name in commands() if name.startswith("pin ")}
    assert offers("cache", "") == {name.split()[1] for name in commands() if name.startswith("cache ")}
    assert offers("cache", "p") == {"purge"}
    assert offers("pin", "c") == offers("pin", "--all", "") == offers("--all", "pin", "") == {"clear"}


def test_options_are_those_of_the_tool():
    """As soon as a hyphen is typed."""
    assert offers("-") == offers("--") == options()


@pytest.mark.parametrize("command", commands())
def test_users_where_the_tool_takes_one(command):
    """All local users behind a command that takes one, and nothing behind the others."""
    users = {entry.pw_name for entry in pwd.getpwall()}
    assert "root" in users
    words = command.split()
    assert offers(*words, "") == (users if "USER" in commands()[command] else set())
    assert offers("--config", "/etc/otp.conf", *words, "") == offers(*words, "")
    assert offers(*words, "--config", "/etc/otp.conf", "") == offers(*words, "")


@pytest.mark.parametrize("command", commands())
def test_options_behind_a_command(command):
    """Those of its line."""
    words = command.split()
    assert offers(*words, "-") == set(sources.find(r"--[a-z]+", commands()[command]))
    assert offers("--config", "=", "/etc/otp.conf", *words, "--") == offers(*words, "-")


def test_commands_behind_an_option():
    """Those that take it."""
    for option in ("--config=/etc/otp.conf", "--json", "--all"):
        wanted = first_words(command for command, line in commands().items() if option.split("=")[0] in line)
        assert wanted and offers(*option.replace("=", " = ").split(), "") == wanted


def test_user_that_is_begun():
    """Those that go on like that."""
    assert "root" in offers("reset", "roo")
    assert offers("reset", "no-such-person") == set()


def test_command_that_is_begun():
    """Those that go on like that; a whole one, too."""
    assert offers("res") == offers("reset") == {"reset", "reset-host"}
    assert offers("reset-") == {"reset-host"}
    assert offers("--v") == {"--version"}
    assert offers("nonsense") == set()


def test_files_behind_config(files):
    """Files and directories, blanks included; not commands, not options."""
    assert offers("--config", "", directory=files) == {"otp.conf", "my settings.conf", "state", "otp.d"}
    assert offers("--config", f"{files}/otp.") == {f"{files}/otp.conf", f"{files}/otp.d"}
    assert offers("--config", "--", directory=files) == set()


def test_files_behind_config_with_a_mark(files):
    """bash makes three words of --config=FILE, and two before FILE is begun."""
    assert offers("--config", "=", directory=files) == offers("--config", "", directory=files)
    assert offers("--config", "=", "my", directory=files) == {"my settings.conf"}
    assert offers("--config", "=", f"{files}/otp.conf", "res") == {"reset", "reset-host"}


def test_files_nowhere_else(files):
    """A file in the way is not offered for a command or a user, and its name does not become a command."""
    assert "otp.conf" not in offers("", directory=files)
    assert offers("sta", directory=files) == {"state"}
    assert "my settings.conf" not in offers("reset", "", directory=files)
    assert "check" in offers("--config", "state", "", directory=files)


@pytest.mark.parametrize(
    "words", ["--help", "--version", "--bad", "bad", "state --bad", "state --help", "reset-host now", "reset a b",
              "pin bad", "pin list --all", "pin purge", "cache clear", "cache --all",
              "cache purge --all", "cache list a b",
              "pin clear --json", "login --all"]
)
def test_nothing_behind_the_end(words):
    """What the tool would refuse or not read is not offered."""
    assert offers(*words.split(), "") == offers(*words.split(), "-") == set()


def test_one_user_is_enough():
    """Behind him only options."""
    assert offers("state", "root", "") == set()
    assert offers("state", "root", "-") == {"--config"}
    assert offers("state", "--config", "/etc/otp.conf", "root", "") == set()


def test_all_instead_of_a_user():
    """Behind --all nobody is named, and behind him it is not offered."""
    for words in ("pin clear --all", "pin --all clear", "--all pin clear", "pin clear root"):
        assert offers(*words.split(), "") == set()
        assert offers(*words.split(), "-") == {"--config"}
    assert offers("pin", "-") == {"--config", "--all"}


def test_it_leaves_nothing_behind():
    """Only its functions: a shell that loads it has the variables that it had before."""
    script = ('. "$1"; COMP_WORDS=(cognito-otp --config x s) COMP_CWORD=3 COMPREPLY=() index= before= after=; '
              'before=$(compgen -v); _cognito_otp; after=$(compgen -v); [[ $before == "$after" ]]')
    run = subprocess.run(["bash", "--norc", "-c", script, "bash", str(FILE)], capture_output=True, text=True,
                         timeout=BOUND, check=False)
    assert (run.returncode, run.stderr) == (0, "")


def test_tab_in_a_real_shell(files):
    """A shell with a terminal: what is typed becomes the whole word, blanks are quoted, directories get their mark."""
    pexpect = pytest.importorskip("pexpect")
    shell = pexpect.spawn("bash", ["--norc", "--noprofile", "-i"], cwd=str(files), timeout=BOUND, encoding="utf-8",
                          env={"PS1": "ready> ", "TERM": "dumb", "HOME": str(files), "INPUTRC": "/dev/null"})
    try:
        shell.sendline(f". {FILE}; cognito-otp() {{ printf '<%s>' \"$@\"; }}")
        shell.expect("\nready> ")
        for typed, got in (("sta\t", "<state>"), ("--conf\tmy\tche\t", "<--config><my settings.conf><check>"),
                           ("--config=my\tmap roo\t", "<--config=my settings.conf><map><root>"),
                           ("--config \"my\tche\t", "<--config><my settings.conf><check>"),
                           ("--config ~/my\tche\t", f"<--config><{files}/my settings.conf><check>"),
                           ("--config=~/otp.c\tche\t", "<--config=~/otp.conf><check>"),
                           ("--config my\\ s\tche\t", "<--config><my settings.conf><check>"),
                           ("check --j\t", "<check><--json>"),
                           ("--config otp.d\t", "<--config><otp.d/>")):
            shell.sendline("cognito-otp " + typed)
            shell.expect_exact(got)
            shell.expect("ready> ")
    finally:
        shell.close(force=True)


def test_it_is_installed_under_the_name_of_the_tool():
    """bash looks for a file of that name when the command is typed for the first time."""
    makefile = sources.read("Makefile.am")
    assert sources.find(r"^sbin_PROGRAMS = (\S+)$", makefile, re.M) == [FILE.name]
    assert sources.find(r"^dist_bashcompletion_DATA = (.*)$", makefile, re.M) == [f"completions/{FILE.name}"]
    assert f"complete -F _cognito_otp {FILE.name}\n" in FILE.read_text(encoding="utf-8")
