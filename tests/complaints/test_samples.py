"""Every layout has samples, one of them hostile; each reads as written beside it, by hand, not by the reader."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from whosent.complaints import layouts
from whosent.complaints.layouts import Layout, discover
from whosent.complaints.reading import read

SAMPLES = Path(__file__).parent / "samples"
MAILS = sorted(SAMPLES.glob("*/*.eml"))


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


@pytest.mark.parametrize("mail", MAILS, ids=name)
def test_a_report_reads_as_written(mail: Path) -> None:
    expected: list[dict[str, Any]] = json.loads(mail.with_suffix(".json").read_text(encoding="utf-8"))
    found = [json.loads(msgspec.json.encode(told)) for told in read(mail.read_bytes())]
    assert len(found) == len(expected)
    for told, wanted in zip(found, expected, strict=True):
        assert told["layout"] == wanted.pop("layout", mail.parent.name)
        recipients = wanted.pop("recipients", None)
        if recipients is not None:
            assert len(told["recipients"]) == len(recipients)
            for one, other in zip(told["recipients"], recipients, strict=True):
                assert {key: one[key] for key in other} == other
        assert {key: told[key] for key in wanted} == wanted


@pytest.mark.parametrize("layout", discover(), ids=lambda layout: layout.name)
def test_every_layout_has_a_sample_and_a_hostile_one(layout: Layout) -> None:
    names = {path.stem.partition("-")[0] for path in (SAMPLES / layout.name).glob("*.eml")}
    assert {"hostile"} < names


def test_every_file_of_the_folder_is_a_layout() -> None:
    files = {path.stem for path in Path(layouts.__file__).parent.glob("*.py")} - {"__init__"}
    assert files == {layout.name for layout in discover()}
    assert {path.parent.name for path in MAILS} == files
