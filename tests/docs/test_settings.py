"""pam_cognito_otp.conf(5) and the sample file against the table of settings."""

import re

import pytest

from docs import sources

SETTINGS = sources.settings()


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
    assert (sources.seconds(low), sources.seconds(high)) == (setting.low, setting.high)


def budgets():
    """Return the settings that are budgets."""
    return [setting for setting in SETTINGS if setting.setter == "budget"]


def test_budgets_are_found():
    """The three, so that the tests below cannot be about none."""
    assert [setting.key for setting in budgets()] == ["mail_budget", "mail_budget_unproved", "mail_budget_host"]


@pytest.mark.parametrize("setting", budgets(), ids=lambda setting: setting.key)
def test_budget_default_counts_alike(setting):
    """Page, sample and table mean the same windows, the shorter first."""
    shown = {key: value for key, value, _ in sources.sample_settings()}
    windows = sources.budget(setting.default)
    assert sources.budget(sources.page_settings()[setting.key][0]) == windows
    assert sources.budget(shown[setting.key]) == windows
    assert [length for _, length in windows] == sorted({length for _, length in windows})


def test_page_has_the_ranges_of_budgets():
    """Of the count and of the window: the sentences before the first budget."""
    text = sources.subsection("pam_cognito_otp.conf.5", "SETTINGS", "Mail budgets")
    most = int(sources.find(r"BUDGET_COUNT_MAX = (\d+)", sources.read("pam_cognito_otp/budget.h"))[0])
    rows = sources.find(r"^\.Ar (\w+)\nis (\w+) to (\w+)\b", text, re.M)
    ranges = {name: (sources.seconds(low), sources.seconds(high)) for name, low, high in rows}
    assert ranges["COUNT"] == (1, most)
    assert {ranges["WINDOW"]} == {(setting.low, setting.high) for setting in budgets()}


def test_page_has_the_strangers_share():
    """What the page works out of the default of mail_budget_host."""
    text = sources.page_settings()["mail_budget_host"][1]
    [(count, _)] = sources.budget(sources.page_settings()["mail_budget_host"][0])
    assert "share.windows[i].count = (share.windows[i].count + 1) / 2" in sources.read("pam_cognito_otp/postage.c")
    assert f".Pq with the default {(count + 1) // 2} in any hour" in text


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


@pytest.mark.parametrize("key", [setting.key for setting in SETTINGS if re.match("cache|session_tokens", setting.key)])
def test_setting_of_the_cache_is_told_as_a_whole(key):
    """The sections about cache and tokens name each setting that they are made of."""
    text = "".join(sources.section("pam_cognito_otp.conf.5", name) for name in ("THE CACHE", "SESSION TOKENS"))
    assert re.search(rf"\b{key}\b", text)


def test_cache_settings_that_are_wrong_are_told():
    """What options_agree_cache refuses: more than the hour of offline records."""
    code = sources.read("pam_cognito_otp/options.c")
    most = int(sources.find(r"OPTIONS_CACHE_OFFLINE_MAX = (\d+)", code)[0])
    text = sources.page_settings()["cache_ttl"][1]
    assert f"\nMore than {most // 3600}h only with\n.Cm cache_check = online ." in text


@pytest.mark.parametrize("name", ["cache", "cache-online"])
def test_examples_of_the_cache_agree(name):
    """What the code would refuse is in no example: more than an hour needs online."""
    lines = sources.page_blocks("pam_cognito_otp.conf.5", "settings")[name].splitlines()
    values = dict(re.fullmatch(r"(\w+) += (\S.*)", line).groups() for line in lines)
    defaults = {setting.key: setting.default for setting in SETTINGS}
    assert values["cache"] == "on"
    lasts = sources.seconds(values.get("cache_ttl", defaults["cache_ttl"]))
    assert lasts <= 3600 or values["cache_check"] == "online"


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
