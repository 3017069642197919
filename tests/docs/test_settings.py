"""pam_cognito_otp.conf(5) and the sample file against the table of settings."""

import re

import pytest

from docs import sources

SETTINGS = sources.settings()


def seconds(text):
    """Return the number that a page writes: 5m, 7d, 10."""
    return int(text[:-1]) * sources.UNITS[text[-1]] if text[-1] in sources.UNITS else int(text)


def test_page_has_the_settings_of_the_table():
    """All of them, no other, in the same order."""
    assert list(sources.page_settings()) == [setting.key for setting in SETTINGS]


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.key)
def test_page_has_the_default(setting):
    """As the table writes it; a setting without one has another word there."""
    assert sources.page_settings()[setting.key][0] == setting.default


@pytest.mark.parametrize(
    "setting",
    [setting for setting in SETTINGS if setting.setter in ("number", "seconds")],
    ids=lambda setting: setting.key,
)
def test_page_has_the_range(setting):
    """The first `LOW to HIGH.` after the default."""
    low, high = sources.find(r"^(\d+[smhd]?) to (\d+[smhd]?)\.$", sources.page_settings()[setting.key][1], re.M)[0]
    assert (seconds(low), seconds(high)) == (setting.low, setting.high)


@pytest.mark.parametrize(
    "setting",
    [setting for setting in SETTINGS if setting.setter in sources.choices() and setting.setter != "bool"],
    ids=lambda setting: setting.key,
)
def test_page_has_the_choices(setting):
    """Each word that is accepted is named."""
    text = sources.page_settings()[setting.key][1]
    for word in sources.choices()[setting.setter]:
        assert re.search(rf"^\.Ql {word}\b", text, re.M), f"{setting.key} = {word}"


def test_sample_has_the_settings_of_the_table():
    """All of them once, no other, in the same order."""
    assert [key for key, _, _ in sources.sample_settings()] == [setting.key for setting in SETTINGS]


def test_sample_has_the_defaults():
    """What is behind the # is the default where there is one."""
    defaults = {setting.key: setting.default for setting in SETTINGS}
    shown = {key: value for key, value, _ in sources.sample_settings()}
    assert {key: value for key, value in shown.items() if defaults[key]} == {
        key: default for key, default in defaults.items() if default
    }


def test_sample_sets_nothing():
    """It is installed as it is."""
    assert [key for key, _, on in sources.sample_settings() if on] == []
    assert all(line == "" or line.startswith("#") for line in sources.read("man/pam_cognito_otp.conf").splitlines())


@pytest.mark.parametrize("name", sources.page_blocks("pam_cognito_otp.conf.5", "settings"))
def test_examples_are_settings(name):
    """Each line of an example sets something that exists, and the required two are there."""
    lines = sources.page_blocks("pam_cognito_otp.conf.5", "settings")[name].splitlines()
    keys = [re.fullmatch(r"(\w+) += \S.*", line)[1] for line in lines]
    assert set(keys) <= {setting.key for setting in SETTINGS}
    assert {"user_pool_id", "client_id"} <= set(keys)


def test_map_example_has_the_form():
    """local-user kind:value [sub=UUID]"""
    form = r"[a-z_][a-z0-9_.-]* +(email|phone|username):\S+( sub=[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})?"
    for line in sources.page_blocks("pam_cognito_otp.conf.5", "map")["example"].splitlines():
        assert re.fullmatch(form, line), line


def test_map_kinds():
    """The page names the kinds of identity.h, no other."""
    names = sources.between(sources.read("pam_cognito_otp/identity.h"), "enum identity_kind {", "};")
    kinds = {name.lower() for name in sources.find(r"IDENTITY_(\w+)", re.sub(r"/\*.*?\*/", "", names))}
    items = sources.find(r"^\.It Cm (\w+)$", sources.section("pam_cognito_otp.conf.5", "USER MAP"), re.M)
    assert set(items) == kinds | {"sub"}
