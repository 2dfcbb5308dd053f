"""What ``whosent config`` prints."""

from __future__ import annotations

import json
import tomllib

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from whosent.model.knobs import as_json, as_toml, knobs
from whosent.model.settings import Logs, Meter, Ours, Settings

NAMES = st.lists(st.text(st.characters(codec="utf-8"), max_size=20), max_size=3).map(tuple)


@given(NAMES, NAMES, st.integers(0, 9999), st.floats(0, 20))
def test_the_printed_file_read_back_gives_the_same_settings(
    domains: tuple[str, ...], networks: tuple[str, ...], year: int, caution: float
) -> None:
    settings = Settings(
        ours=Ours(domains=domains, networks=networks), logs=Logs(year=year), meter=Meter(caution=caution)
    )
    assert msgspec.convert(tomllib.loads(as_toml(settings)), Settings) == settings


def test_every_setting_says_what_it_does() -> None:
    for knob in knobs(Settings()):
        assert knob.doc.endswith("."), knob.name
        assert knob.value == knob.default


def test_the_value_in_force_stands_beside_the_default() -> None:
    printed = json.loads(as_json(Settings(logs=Logs(timezone="Europe/Berlin"))))
    zone = next(one for one in printed["settings"] if one["name"] == "logs.timezone")
    assert printed["schema"] == "whosent.config/1"
    assert (zone["value"], zone["default"], zone["variable"]) == ("Europe/Berlin", "", "WHOSENT_LOGS__TIMEZONE")
