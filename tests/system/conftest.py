"""Fixtures of the tests through real programs; all of them run inside the rig only."""

import os

import pytest
from rig import accounts  # noqa: F401  (fails here, with its reason, when the path is wrong)

from system.house import House

INSIDE = os.path.exists("/run/otp-rig")


def pytest_collection_modifyitems(items):
    """Outside the rig nothing here can run: say so instead of touching the machine."""
    if INSIDE:
        return
    for item in items:
        item.add_marker(pytest.mark.skip(reason="needs the rig: tests/rig/enter.sh"))


@pytest.fixture(scope="session")
def whole_house():
    """The servers and people of the session."""
    house = House()
    yield house
    house.close()


@pytest.fixture
def house(whole_house):
    """The house with fresh settings."""
    whole_house.fresh_settings()
    return whole_house
