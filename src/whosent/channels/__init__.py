"""The ways by which somebody is told: one a file, found by its name.

A channel says what it lacks to be used, and sends: it returns when the alert was taken, or raises :class:`Unsent`.
What it returns is a complaint for the operator's eyes (one of three addresses refused), mostly empty.  It may be called
again with the same alert, which keeps its ``id``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

from whosent.model.alert import Alert
from whosent.model.mistake import Mistake
from whosent.model.settings import Alerts

_FROM_FILE: Final = "file:"
_SECRET: Final = 1 << 16  # bytes of a file with a secret


class Unsent(Exception):  # noqa: N818  # says what happened
    """The alert was not taken; why, in a few words."""


class Means(NamedTuple):
    """What a channel may use."""

    rules: Alerts
    watched: frozenset[str] = (
        frozenset()
    )  # names of the machines whose mail is watched; logs often leave the domain out
    own: frozenset[str] = frozenset()  # domains of ours


class Channel(NamedTuple):
    """One way of telling."""

    name: str  # its file's
    title: str  # what it does, in a few words
    lacks: Callable[[Means], str]  # a sentence with the setting that is missing or wrong; "" if it can be used
    send: Callable[[Alert, Means], str]


@cache
def discover() -> dict[str, Channel]:
    """The channels of this folder by name."""
    modules = [importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__)]
    return {module.channel.name: module.channel for module in modules}


def chosen(rules: Alerts) -> list[Channel]:
    """The channels that are configured, in their order."""
    known = discover()
    for name in rules.channels:
        if name not in known:
            raise Mistake(f"alerts.channels: there is no channel {name!r}. There are: {', '.join(sorted(known))}.")
    return [known[name] for name in dict.fromkeys(rules.channels)]


def secret(setting: str, value: str) -> str:
    """A secret as configured, or from the file it names."""
    if not value.startswith(_FROM_FILE):
        return value
    path = Path(value.removeprefix(_FROM_FILE))
    try:
        with path.open("rb") as file:
            return file.read(_SECRET).decode().strip()
    except OSError as error:
        raise Unsent(f"{setting}: {path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise Unsent(f"{setting}: {path} is no text") from error
