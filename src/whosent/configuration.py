"""Settings from files and the environment: ``/etc/whosent/whosent.toml``, ``conf.d/*.toml``, ``WHOSENT_*``.

Later ones win.  ``WHOSENT_CONFIG`` names another file or folder.  ``WHOSENT_LOGS__TIMEZONE=UTC`` sets
``logs.timezone``; lists are separated by commas.  ``WHOSENT_STATE`` is short for ``WHOSENT_STATE__FOLDER``.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from datetime import datetime, tzinfo
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import msgspec

from whosent.model.mistake import Mistake
from whosent.model.settings import Settings

_FOLDER: Final = Path("/etc/whosent")
_PREFIX: Final = "WHOSENT_"
_SHORT: Final = {"WHOSENT_STATE": "WHOSENT_STATE__FOLDER"}
_RESERVED: Final = frozenset({"WHOSENT_CONFIG", "WHOSENT_IMAP_PASSWORD", "WHOSENT_TEST_FULL"})


class ConfigurationError(Mistake):
    """A setting that cannot be: with its path and remedy in the sentence."""


def load(environment: Mapping[str, str]) -> Settings:
    """The settings in force; an empty configuration is complete."""
    merged: dict[str, Any] = {}
    for path in _files(environment):
        tables = _read(path)
        checked(tables, str(path))
        _merge(merged, tables)
    _merge(merged, _from_environment(environment))
    return checked(merged, "configuration")


def checked(tables: Mapping[str, Any], where: str) -> Settings:
    """The tables as settings; ``where`` they were written is named if they cannot be."""
    try:
        settings = msgspec.convert(tables, Settings, strict=False)
    except msgspec.ValidationError as error:
        raise ConfigurationError(f"{where}: {error}. `whosent config` lists every setting.") from error
    for network in settings.ours.networks:
        try:
            ip_network(network, strict=False)
        except ValueError:
            raise ConfigurationError(
                f"{where}: {network!r} is no network - at `$.ours.networks`. Write 192.0.2.0/24 or 2001:db8::/32."
            ) from None
    return settings


def _files(environment: Mapping[str, str]) -> Iterator[Path]:
    named = environment.get("WHOSENT_CONFIG")
    place = Path(named) if named else _FOLDER
    if named and not place.exists():
        raise ConfigurationError(f"WHOSENT_CONFIG names {place}, which does not exist.")
    if place.is_file():
        yield place
        return
    if (place / "whosent.toml").is_file():
        yield place / "whosent.toml"
    yield from sorted((place / "conf.d").glob("*.toml"))


def _read(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}.") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigurationError(f"{path}: {error}.") from error


def _merge(base: dict[str, Any], other: Mapping[str, Any]) -> None:
    for key, value in other.items():
        if isinstance(value, dict) and isinstance(base.get(key), dict):
            _merge(base[key], value)
        else:
            base[key] = value


def _from_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    merged: dict[str, Any] = {}
    for name, value in sorted(environment.items()):
        if not name.startswith(_PREFIX) or name in _RESERVED:
            continue
        section, _, key = _SHORT.get(name, name).removeprefix(_PREFIX).lower().partition("__")
        _merge(merged, {section: {key: _value(section, key, value)} if key else value})
    return merged


def _value(section: str, key: str, text: str) -> str | list[str]:
    """Lists are written with commas."""
    default = getattr(getattr(Settings(), section, None), key, "")
    return [part.strip() for part in text.split(",") if part.strip()] if isinstance(default, tuple) else text


def zone_of(name: str) -> tzinfo:
    """The zone of stamps without offset; this machine's if no name is given."""
    if not name:
        local = datetime.now().astimezone().tzinfo
        assert local is not None
        return _system_zone() or local
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ConfigurationError(
            f"logs.timezone: no zone called {name!r}. Use a name such as Europe/Berlin or UTC."
        ) from error


def zone_name(name: str) -> str:
    """The IANA name of the zone people are told times in; "UTC" where this machine does not name its own."""
    target = Path("/etc/localtime").resolve().as_posix()
    return name or target.partition("/zoneinfo/")[2] or "UTC"


def _system_zone() -> tzinfo | None:
    """The zone of /etc/localtime, which knows summer time; a bare offset does not."""
    try:
        with Path("/etc/localtime").open("rb") as file:
            return ZoneInfo.from_file(file)
    except (OSError, ValueError):
        return None
