"""Settings: later ones win, and a mistake is told with its place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from whosent import configuration
from whosent.configuration import ConfigurationError, checked, load, zone_name, zone_of
from whosent.model.settings import Settings


@pytest.fixture(autouse=True)
def _no_configuration_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(configuration, "_FOLDER", tmp_path / "etc")


def configured(folder: Path, **texts: str) -> dict[str, str]:
    """A folder of configuration files, and the environment that names it."""
    (folder / "conf.d").mkdir(parents=True, exist_ok=True)
    for name, text in texts.items():
        (folder / f"{name}.toml").write_text(text)
    return {"WHOSENT_CONFIG": str(folder)}


def test_nothing_is_a_whole_configuration(tmp_path: Path) -> None:
    assert load({}) == Settings()
    assert load(configured(tmp_path / "x")) == Settings()


def test_later_ones_win_and_the_rest_stays(tmp_path: Path) -> None:
    environment = configured(
        tmp_path,
        whosent='[logs]\ntimezone = "Europe/Paris"\nyear = 2020\n[ours]\ndomains = ["a.example"]\n',
    )
    (tmp_path / "conf.d" / "10.toml").write_text('[logs]\ntimezone = "Europe/Rome"\n')
    (tmp_path / "conf.d" / "20.toml").write_text('[logs]\ntimezone = "Europe/Berlin"\n')
    (tmp_path / "conf.d" / "30.conf").write_text("not toml, not read")
    settings = load(environment)
    assert (settings.logs.timezone, settings.logs.year, settings.ours.domains) == (
        "Europe/Berlin",
        2020,
        ("a.example",),
    )
    assert load({**environment, "WHOSENT_LOGS__TIMEZONE": "UTC"}).logs.timezone == "UTC"


def test_the_folder_in_etc_is_read_by_itself(tmp_path: Path) -> None:
    configured(tmp_path / "etc", whosent="[meter]\ncaution = 3.5\n")
    assert load({}).meter.caution == 3.5
    other = tmp_path / "other.toml"
    other.write_text("[meter]\ncaution = 4.5\n")
    assert load({"WHOSENT_CONFIG": str(other)}).meter.caution == 4.5


def test_the_environment_says_numbers_and_lists() -> None:
    settings = load(
        {
            "WHOSENT_OURS__DOMAINS": "a.example, b.example,",
            "WHOSENT_OURS__NETWORKS": "192.0.2.0/24,2001:db8::/32",
            "WHOSENT_LOGS__YEAR": "2024",
            "WHOSENT_METER__CAUTION": "1.5",
            "WHOSENT_TEST_FULL": "1",
            "HOME": "/root",
        }
    )
    assert settings.ours.domains == ("a.example", "b.example")
    assert settings.ours.networks == ("192.0.2.0/24", "2001:db8::/32")
    assert (settings.logs.year, settings.meter.caution) == (2024, 1.5)


@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"WHOSENT_LOGS__YEAR": "soon"}, "configuration: Expected `int`, got `str` - at `$.logs.year`."),
        ({"WHOSENT_LOGS__YEAR": "-1"}, "at `$.logs.year`"),
        ({"WHOSENT_LOGS__YEARS": "1"}, "unknown field `years` - at `$.logs`"),
        ({"WHOSENT_LOG__YEAR": "1"}, "unknown field `log`"),
        ({"WHOSENT_LOGS": "x"}, "at `$.logs`"),
        ({"WHOSENT_METER__CAUTION": "99"}, "at `$.meter.caution`"),
        ({"WHOSENT_OURS__NETWORKS": "10.0.0.0/8,inside"}, "'inside' is no network - at `$.ours.networks`. Write "),
        ({"WHOSENT_CONFIG": "/nowhere/at/all"}, "WHOSENT_CONFIG names /nowhere/at/all, which does not exist."),
    ],
)
def test_a_mistake_is_told_with_its_path(environment: dict[str, str], sentence: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        load(environment)
    assert sentence in str(error.value)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[logs]\ntimezoen = 'UTC'\n", "unknown field `timezoen` - at `$.logs`"),
        ("[ours]\ndomains = 'a.example'\n", "at `$.ours.domains`"),
        ("[ours]\nnetworks = ['x']\n", "'x' is no network"),
        ("[logs\n", "line 1"),
    ],
)
def test_a_mistake_names_its_file(tmp_path: Path, text: str, sentence: str) -> None:
    environment = configured(tmp_path, whosent="[logs]\nyear = 2020\n")
    (tmp_path / "conf.d" / "20-mine.toml").write_text(text)
    with pytest.raises(ConfigurationError) as error:
        load(environment)
    assert str(error.value).startswith(f"{tmp_path}/conf.d/20-mine.toml: ")
    assert sentence in str(error.value)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    environment = configured(tmp_path)
    (tmp_path / "conf.d" / "a.toml").mkdir()
    with pytest.raises(ConfigurationError, match=r"a\.toml: Is a directory\."):
        load(environment)
    (tmp_path / "conf.d" / "a.toml").rmdir()
    (tmp_path / "conf.d" / "a.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"a\.toml: 'utf-8' codec"):
        load(environment)


def test_checked_names_where_it_was_written() -> None:
    assert checked({}, "the command line") == Settings()
    with pytest.raises(ConfigurationError, match=r"^the command line: .*`whosent config` lists every setting\.$"):
        checked({"logs": {"year": 10_000}}, "the command line")


def test_zones() -> None:
    assert zone_of("Europe/Berlin") == ZoneInfo("Europe/Berlin")
    assert datetime(2026, 7, 1, tzinfo=zone_of("")).utcoffset() is not None


@pytest.mark.parametrize("name", ["Nowhere/Else", "Europe", "../../etc/passwd", "/etc/localtime", "CEST ", "\0"])
def test_no_such_zone(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"Use a name such as Europe/Berlin or UTC\."):
        zone_of(name)


def test_a_machine_without_zone_has_an_offset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(configuration, "_system_zone", lambda: None)
    assert datetime(2026, 7, 1, tzinfo=zone_of("")).utcoffset() is not None


def test_the_name_of_the_zone() -> None:
    assert zone_name("Europe/Berlin") == "Europe/Berlin"
    assert zone_name("")
