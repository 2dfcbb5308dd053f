"""A report in which every text a stranger could have written is replaced by the same hostile one."""

from __future__ import annotations

from typing import Any

import msgspec

from whosent.model.report import Report

KEPT = {
    "schema", "version", "verdict", "window", "timezone", "id", "kind", "cause", "strength", "severity", "since",
    "until", "level", "sha256", "step", "first", "last", "start", "incident", "commands", "undo",
}  # fmt: skip


def poison(report: Report, text: str, *, also: frozenset[str] = frozenset()) -> Report:
    """The same report, ``text`` in every free field (and in ``also``); keys of dictionaries too."""
    return msgspec.convert(_poisoned(msgspec.to_builtins(report), text, KEPT - also), Report)


def _poisoned(value: Any, text: str, kept: frozenset[str] | set[str], name: str = "") -> Any:  # noqa: ANN401 - JSON
    if name == "reply_reasons":
        return {who: _poisoned(counts, text, kept, "reasons") for who, counts in value.items()}
    if isinstance(value, dict):
        renamed = name in {"facts", "programs", "reasons"}
        return {
            (f"{text}{place}" if renamed else key): _poisoned(inner, text, kept, key)
            for place, (key, inner) in enumerate(value.items())
        }
    if isinstance(value, list | tuple):
        return [_poisoned(inner, text, kept, name) for inner in value]
    return text if isinstance(value, str) and name not in kept else value
