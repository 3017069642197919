"""One local Cognito server for all SDK tests, back to its first state before each of them."""

import sys
from pathlib import Path

import pytest

sys.dont_write_bytecode = True      # the source tree stays as it was checked out
sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mock_cognito.client import LocalCognito  # noqa: E402


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    with LocalCognito(tmp_path_factory.mktemp("cognito")) as running:
        yield running


@pytest.fixture
def cognito(server):
    server.reset()
    return server
