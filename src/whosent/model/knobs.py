"""Every setting as an operator sees it: name, value in force, default, kind and one line of doc."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, NamedTuple, get_type_hints

import msgspec
from msgspec import Meta

from whosent.model.settings import Settings

SCHEMA: Final = "whosent.config/1"
_KINDS: Final = {str: "text", int: "whole number", float: "number", bool: "true or false"}


class Knob(NamedTuple):
    """One setting; ``variable`` is the name in the environment that overrides it."""

    name: str
    value: Any
    default: Any
    kind: str
    doc: str
    variable: str


def knobs(settings: Settings) -> Iterator[Knob]:
    """All settings, section by section, in the order they are declared."""
    defaults = Settings()
    for section in Settings.__struct_fields__:
        in_force, empty = getattr(settings, section), getattr(defaults, section)
        for key, hint in get_type_hints(type(empty), include_extras=True).items():
            meta = next((extra for extra in getattr(hint, "__metadata__", ()) if isinstance(extra, Meta)), Meta())
            yield Knob(
                name=f"{section}.{key}",
                value=getattr(in_force, key),
                default=getattr(empty, key),
                kind=_kind(getattr(empty, key), meta),
                doc=meta.description or "",
                variable=f"WHOSENT_{section.upper()}__{key.upper()}",
            )


def as_toml(settings: Settings) -> str:
    """The settings as a commented configuration file; read back, it gives the same settings."""
    return "\n".join(
        f"# {knob.doc}\n# {knob.kind}; default {toml(knob.default)}\n{knob.name} = {toml(knob.value)}\n"
        for knob in knobs(settings)
    )


def as_json(settings: Settings) -> bytes:
    """The settings as one JSON object."""
    listed = [knob._asdict() for knob in knobs(settings)]
    return msgspec.json.encode({"schema": SCHEMA, "settings": listed}) + b"\n"


def toml(value: object) -> str:
    """A value as TOML writes it: of texts, numbers and lists of them JSON is the same, but for DEL."""
    return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")


def _kind(default: object, meta: Meta) -> str:
    if isinstance(default, tuple):
        return "list of texts"
    words = _KINDS[type(default)]
    if meta.ge is not None and meta.le is not None:
        return f"{words} from {meta.ge:g} to {meta.le:g}"
    return words
