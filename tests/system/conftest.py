"""Fixtures of the tests through real programs; all of them run inside the rig only."""

import os

import pytest
from mock_cognito.client import LocalCognito
from rig import accounts, network

from system import recipes
from system.house import AWS_FILE, METADATA_ADDRESS, House
from system.ready_machine import empty_state, good_machine

INSIDE = os.path.exists("/run/otp-rig")


def pytest_configure(config):
    """Tell pytest the marks of these tests."""
    config.addinivalue_line("markers", "recipe(NAME...): installs these stacks of the manual, and no other")


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


@pytest.fixture
def shipped(house):
    """The house on a machine whose stacks and sshd_config are as shipped; they are again when the test is over."""
    recipes.restore()
    yield house
    recipes.restore()


@pytest.fixture
def recipe(shipped, request):
    """The same, with the stacks that @pytest.mark.recipe names; the house."""
    recipes.install(*request.node.get_closest_marker("recipe").args)
    return shipped


@pytest.fixture
def passwords(whole_house):
    """alice, bob and root have a password of their own, as on a machine that had no codes before; locked afterwards."""
    names = (whole_house.alice.name, whole_house.bob.name, "root")
    for name in names:
        accounts.set_password(name, accounts.PASSWORD)
    yield
    for name in names:
        accounts.set_password(name, None)


@pytest.fixture(scope="module")
def machine_metadata(whole_house):
    """The metadata service of an EC2 machine; its role has a key that the local Cognito knows."""
    with network.address(METADATA_ADDRESS), LocalCognito(imds=f"{METADATA_ADDRESS}:80") as service:
        yield service


@pytest.fixture
def metadata(machine_metadata):
    """The same as at its start."""
    machine_metadata.reset()
    return machine_metadata


@pytest.fixture
def clean_file(whole_house):
    """Nothing is left of the file with AWS credentials, whatever it became."""
    yield
    for path in (AWS_FILE, AWS_FILE + ".real"):
        if os.path.lexists(path):
            os.unlink(path)


@pytest.fixture
def machine(house):
    """The installation of the README."""
    with good_machine(house):
        yield
    empty_state()


@pytest.fixture(scope="module")
def table(request):
    """Prints the rows of the module when its tests are over: what was done, and what came of it."""
    yield
    print("\n" + "\n".join(f"{what:<52} {result}" for what, result in request.module.rows))


@pytest.fixture
def password_program():
    """An SSH_ASKPASS that gives a stored password, digits only."""
    path = os.path.join(accounts.temporary_folder(), "askpass")
    with open(path, "w", encoding="ascii") as file:
        file.write("#!/bin/sh\necho 12345678\n")
    os.chmod(path, 0o755)
    return path
