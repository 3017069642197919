"""The shape of pam_cognito_otp/: who may include whom, where foreign libraries live, which symbols come out.

Duty: a room includes only rooms of lower layers, and of its own layer only those named before it, so that there is no
cycle and a newcomer can read from the bottom up.
"""

import hashlib
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

TOP = Path(os.environ.get("OTP_SOURCE", Path(__file__).resolve().parents[2]))
ROOMS = TOP / "pam_cognito_otp"
OBJECTS = Path(os.environ.get("OTP_OBJECTS", "/nonexistent"))

# From the bottom up; inside a layer the order counts.
LAYERS = {
    "ground": "err remedy note clock log secret strbuf base64url utf8 wire settings_peek process",
    "adapters": "crypto json_scan json_write json_doc file_mark safe_file word_file trust proxy "
    "http_handle http_error command http",
    "knowledge": "answer identity region user_map unix_groups secret_hash aws_imds aws_credentials sigv4 "
    "cognito_error cognito cognito_admin revocation jwk_set jwks jwt binding pin pins budget "
    "challenge turn run_dir cache_record report pam_control pam_stack pam_dispatch "
    "sshd_settings",
    "reception": "caller conversation config_file option_values option_services option_texts options "
    "filter policy account_policy messages dialogue pace cache_session cache cache_sweep",
    "living room": "auth_facts proof cache_tokens session_token login_session service standing postage "
    "delivery who cache_flow auth_request auth_flow account_flow session_flow audit "
    "account_state pin_list cache_entries cache_list cache_purge trial check check_pam_line "
    "check_pam_verdict check_pam check_cache check_sshd check_login check_settings check_json "
    "check_pool check_client check_user check_admin check_filters check_service check_host",
    "doors": "inheritance relay_conversation tty_conversation pam_result pam_state pam_relay "
    "pam_cognito_otp helper_main cognito_otp",
}
PROTOCOL = ("1", "4ea67029dd00aba7")
ORDER = [room for rooms in LAYERS.values() for room in rooms.split()]
FOREIGN = {
    "curl/": {"http", "http_error", "http_handle"},
    "openssl/": {"crypto"},
    "json-c/": {"json_doc"},
    "security/": {"pam_control", "pam_dispatch", "pam_result", "pam_state", "pam_relay", "pam_cognito_otp"},
    "syslog.h": {"log", "pam_result", "pam_cognito_otp"},
}
# secrets live in a type that wipes itself, and neither the environment nor the shell has a say
BANNED = (
    r"\b(getenv|secure_getenv|setenv|putenv|system|popen|strcpy|strcat|sprintf|gets|atoi|atol|strtok|alloca|signal|"
    r"setlocale)\s*\("
)


def sources():
    """All files of the rooms."""
    return sorted(ROOMS.glob("*.[ch]"))


def includes(path):
    """The names that a file includes, without their brackets."""
    return re.findall(r'^#include [<"]([^>"]+)[>"]', path.read_text(encoding="utf-8"), re.M)


def test_every_room_has_its_place():
    """No file without a place in the layers, no place without a file."""
    assert {path.stem for path in sources()} == set(ORDER)


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_includes_go_down(path):
    """A room includes only what stands before it."""
    for name in includes(path):
        room = name.removesuffix(".h")
        if room in ORDER and room != path.stem:
            assert ORDER.index(room) < ORDER.index(path.stem), f"{path.name} includes {name}, which is above it"


@pytest.mark.parametrize("prefix", FOREIGN)
def test_foreign_libraries_have_one_home(prefix):
    """One room each; libpam and syslog only near the door."""
    found = {path.stem for path in sources() for name in includes(path) if name.startswith(prefix)}
    assert found <= FOREIGN[prefix]
    assert found


@pytest.mark.parametrize("path", sources(), ids=lambda path: path.name)
def test_no_banned_calls(path):
    """Calls that read the environment, change the host or cannot be bounded."""
    code = re.sub(r"/\*.*?\*/|//[^\n]*|\"(\\.|[^\"\\])*\"", "", path.read_text(encoding="utf-8"), flags=re.S)
    assert not re.findall(BANNED, code)


@pytest.mark.parametrize("path", sorted(ROOMS.glob("*.h")), ids=lambda path: path.name)
def test_headers_compile_alone(path):
    """Each header brings what it needs."""
    command = ["cc", "-std=gnu11", "-D_GNU_SOURCE", "-Wall", "-Wextra", "-Werror", "-fsyntax-only", "-x", "c", path]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert run.returncode == 0, run.stderr


@pytest.mark.parametrize("path", sorted(ROOMS.glob("*.c")), ids=lambda path: path.name)
def test_functions_fit_a_screen(path):
    """No function is longer than 60 lines, and no file than 450."""
    start = None
    lines = path.read_text(encoding="utf-8").splitlines()
    assert len(lines) <= 450
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            assert number - start <= 60, f"{path.name}:{start}"
            start = None


def test_the_protocol_has_its_number():
    """Packets, and errors by their position, cross from the module to the helper: another order is another protocol.

    Once a version with this number has been released, raise OTP_PROTOCOL in configure.ac; then write the digest here.
    """
    errors = re.findall(r"^\tX\((\w+),", (ROOMS / "err.h").read_text(encoding="utf-8"), re.M)
    wire = (ROOMS / "wire.h").read_text(encoding="utf-8")
    packets = re.search(r"enum wire_type \{(.*?)\}", wire, re.S).group(1)
    packets += " ".join(re.findall(r"#define WIRE_\w+ .*", wire))
    digest = hashlib.sha256(" ".join([*errors, *packets.split()]).encode()).hexdigest()[:16]
    configure = (TOP / "configure.ac").read_text(encoding="utf-8")
    number = re.search(r"OTP_PROTOCOL\], \[(\d+)\]", configure).group(1)
    assert (number, digest) == PROTOCOL


def built(name):
    """A built object, or a skip that says what is missing."""
    path = OBJECTS / ".libs" / name if name.endswith(".so") else OBJECTS / name
    if not path.exists():
        pytest.skip("no build tree in OTP_OBJECTS")
    if shutil.which("readelf") is None:
        pytest.skip("readelf is missing")
    return str(path)


def output(*command):
    """What a command prints."""
    return subprocess.run(command, capture_output=True, text=True, check=True, timeout=60).stdout


def needed(name):
    """The libraries that an object asks for."""
    return set(re.findall(r"NEEDED.*\[(.*)\]", output("readelf", "-d", built(name))))


def exported(name):
    """The symbols that an object offers."""
    return set(re.findall(r" [TDBRVW] (\S+)", output("nm", "-D", "--defined-only", built(name))))


def test_the_module_exports_pam_only():
    """pam_sm_* and nothing else; chauthtok stays away, so that libpam refuses it."""
    hooks = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt", "pam_sm_open_session", "pam_sm_close_session"}
    assert exported("pam_cognito_otp.so") == hooks


def test_the_flow_exports_a_function_for_each_phase():
    """The helper looks up one symbol, and the administrator's tool the build."""
    flows = {"auth_flow_run", "account_flow_run", "session_flow_run"}
    assert exported("cognito-otp-flow.so") == flows | {"auth_flow_build"}


def test_the_module_needs_libpam_and_libc_only():
    """What is loaded into sshd and sudo."""
    assert {name.split(".")[0] for name in needed("pam_cognito_otp.so")} <= {"libpam", "libc"}


def test_the_helper_needs_libc_only():
    """Whoever is let in by a record waits for no other library to be linked; the linker and libdl are parts of libc."""
    needs = {name.split(".")[0] for name in needed("cognito-otp-helper")}
    assert "libc" in needs and all(name in ("libc", "libdl") or name.startswith("ld-linux") for name in needs)


def test_the_helper_asks_libc_for_everything():
    """No symbol that the network part or one of its libraries would have to bring; the control: that part has some."""
    def strange(name):
        undefined = re.findall(r" U (\S+)", output("nm", "-D", "--undefined-only", built(name)))
        assert "strcmp@" in "".join(undefined)
        return {symbol for symbol in undefined if "@GLIBC_" not in symbol}

    assert strange("cognito-otp-helper") == set()
    network = {symbol.split("@")[0] for symbol in strange("cognito-otp-flow.so")}
    assert {"curl_easy_perform", "json_object_put"} <= network


def test_hardening():
    """Full relro, nodelete, no executable stack."""
    dynamic = output("readelf", "-d", built("pam_cognito_otp.so"))
    assert "NODELETE" in dynamic and "NOW" in dynamic
    segments = output("readelf", "-lW", built("pam_cognito_otp.so"))
    assert "GNU_RELRO" in segments and not re.search(r"GNU_STACK.*RWE", segments)
