"""The server as the AWS SDK for JavaScript v3 sees it; the checks themselves are in js/sdk.test.mjs."""

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parent / "js"
FILES = ("package.json", "package-lock.json", "sdk.test.mjs")
BUILD_VARIABLE = "MOCK_COGNITO_JS_BUILD"
CACHE_VARIABLE = "OTP_CACHE"      # of the project's test command: room for what is worth keeping


def need(program):
    path = shutil.which(program, path="/usr/bin:/bin") or shutil.which(program)
    if path is None:
        pytest.skip(f"{program} is not installed")
    return path


def build_directory():
    """Where the environment wants the SDK kept, if it says so."""
    if os.environ.get(BUILD_VARIABLE):
        return Path(os.environ[BUILD_VARIABLE])
    if os.environ.get(CACHE_VARIABLE):
        return Path(os.environ[CACHE_VARIABLE]) / "js-sdk"
    return None


@pytest.fixture(scope="module")
def build(tmp_path_factory):
    """The locked SDK, installed outside the source tree; kept between runs where the environment names a place."""
    need("node")
    npm = need("npm")
    directory = build_directory() or tmp_path_factory.mktemp("js")
    directory.mkdir(parents=True, exist_ok=True)
    for name in FILES:
        shutil.copyfile(SOURCE / name, directory / name)
    stamp, lock = directory / "installed", hashlib.sha256((SOURCE / "package-lock.json").read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text(encoding="ascii") != lock:
        done = subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund"], cwd=directory,
                              capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0, f"npm ci failed:\n{done.stdout}{done.stderr}"
        stamp.write_text(lock, encoding="ascii")
    return directory


def test_lock_names_no_registry():
    lock = json.loads((SOURCE / "package-lock.json").read_text(encoding="utf-8"))
    assert not [name for name, package in lock["packages"].items() if "resolved" in package]


def test_sdk(build, cognito):
    environment = {"PATH": "/usr/bin:/bin", "COGNITO_ENDPOINT": cognito.numeric_endpoint, "COGNITO_CA": cognito.ca_file,
                   "COGNITO_CONTROL": f"http://127.0.0.1:{cognito.control_port}"}
    done = subprocess.run([need("node"), "sdk.test.mjs"], cwd=build, env=environment, capture_output=True, text=True,
                          timeout=120, check=False)
    print(done.stdout, done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 failed" in done.stdout
