"""Every detector against its cases: who must be named, and who must not."""

from __future__ import annotations

import importlib
import json
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from whosent.audience import Audience
from whosent.detectors import discover
from whosent.model import rows
from whosent.model.pile import Pile
from whosent.model.rows import Row
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from whosent.model.finding import Finding

CASES = Path(__file__).parent / "cases"
DETECTORS = {detector.__module__.rpartition(".")[2]: detector for detector in discover()}
FOLDERS = sorted(path.parent for path in CASES.glob("*/*/expected.json"))
MOST_QUOTES = 12


@cache
def story(name: str) -> tuple[Row | Pile, ...]:
    """The rows a story tells; ``name`` as ``module:function``."""
    module, _, function = name.partition(":")
    return tuple(getattr(importlib.import_module(f"tests.stories.{module}"), function)())


def told(folder: Path) -> tuple[tuple[Row | Pile, ...], list[dict[str, Any]], dict[str, Any]]:
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    return story(expected["story"]), expected["findings"], expected.get("settings", {})


def run(
    detector: type, told: Iterable[Row | Pile], settings: dict[str, Any] | None = None, *, ask: int = 0
) -> list[Finding]:
    """What the detector finds; ``ask`` it in between every so many rows, too."""
    import msgspec  # noqa: PLC0415  only here

    chosen = msgspec.convert(settings or {}, Settings)
    surroundings = Surroundings(chosen.ours)
    surroundings.reads_queue = True
    instance = detector(chosen, surroundings)
    audience = Audience([instance])
    for number, row in enumerate(told):
        if isinstance(row, rows.Message):
            surroundings.learn_message(row)
        elif isinstance(row, rows.Outcome):
            surroundings.learn_outcome(row)
        audience.hear([row])
        if ask and number % ask == 0:
            list(instance.findings())
    return list(instance.findings())


def essence(finding: Finding) -> dict[str, Any]:
    return {
        "kind": finding.suspect.kind,
        "name": finding.suspect.name,
        "cause": finding.cause.value,
        "accuses": finding.accuses,
        "severity": finding.severity,
    }


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_case(folder: Path) -> None:
    told_rows, expected, settings = told(folder)
    found = run(DETECTORS[folder.parent.name], told_rows, settings)
    judged = [essence(finding) for finding in found]
    if folder.name.startswith("innocent-"):
        assert not expected
        assert not [one for one in judged if one["accuses"]], [finding.sentence for finding in found]
    else:
        assert expected
        for one in expected:
            assert one in judged, [finding.sentence for finding in found]
        accused, guilty = ([str(one) for one in side if one["accuses"]] for side in (judged, expected))
        assert sorted(accused) == sorted(guilty)
    refs = {row.ref for row in told_rows}
    samples = [sample for row in told_rows if isinstance(row, Pile) for sample in row.samples]
    refs |= {ref for sample in samples for ref in (sample.ref, sample.script_ref)}
    for finding in found:
        assert len(finding.quotes) <= MOST_QUOTES
        assert {quote.ref for quote in finding.quotes} <= refs
        assert finding.quotes
        assert finding.since <= finding.until
        assert finding.sentence.endswith(".")
        assert {"messages", "recipients", "refused", "deferred"} <= set(finding.facts)


@pytest.mark.parametrize("name", DETECTORS)
def test_each_detector_has_a_guilty_and_an_innocent_case(name: str) -> None:
    kinds = {folder.name.partition("-")[0] for folder in FOLDERS if folder.parent.name == name}
    assert kinds == {"guilty", "innocent"}


def test_no_case_without_detector() -> None:
    assert {folder.parent.name for folder in FOLDERS} <= set(DETECTORS)
