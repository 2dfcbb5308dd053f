"""What texts say in labels of many languages, lines of logs and tables: the client is accused, never the attacked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.complaints.kit import named

_SOURCE = "192.0.2.7"  # the attacked is 198.51.100.9
_TEXTS = Path(__file__).parent / "texts"


def _texts(name: str) -> list[object]:
    rows = map(json.loads, (_TEXTS / f"{name}.jsonl").read_text(encoding="utf-8").splitlines())
    return [pytest.param(row["text"], id=row["id"]) for row in rows]


@pytest.mark.parametrize("text", [*_texts("logs"), *_texts("tables"), *_texts("labels")])
def test_what_says_who_the_source_is_accuses_it_alone(text: str) -> None:
    assert named(f"Please see what was seen of an attack.\n\n{text}") == [_SOURCE]


@pytest.mark.parametrize("text", _texts("unknown"))
def test_what_does_not_say_who_is_who_accuses_nobody(text: str) -> None:
    assert named(f"Please see the log of an attack.\n\n{text}") == []
