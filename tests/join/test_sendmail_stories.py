"""The same stories told by Sendmail name the same culprits, and nobody else."""

from __future__ import annotations

import json
import os
from functools import cache
from typing import TYPE_CHECKING

import pytest

from tests.join.sendmail_stories import read_from_sendmail
from tests.test_cases import DETECTORS, FOLDERS, essence, run, story

if TYPE_CHECKING:
    from pathlib import Path

    from whosent.model.pile import Pile
    from whosent.model.rows import Row

FULL = bool(os.environ.get("WHOSENT_TEST_FULL"))
LONG = {"rhythm"}  # weeks of everybody's mail, which are counted and come to the same by any server

KNOWN = {  # Sendmail logs the login name where Postfix logs the uid, and what an alias became instead of the alias
    "uid 1007": "shopowner",
    "uid 112": "nagios",
    "me@corp.example": "me@elsewhere.example",
    "alumni1@corp.example": "a1@freemail.example",
}


@cache
def on_sendmail(name: str) -> list[Row | Pile]:
    return read_from_sendmail(story(name))


@pytest.mark.parametrize(
    "folder",
    [path for path in FOLDERS if FULL or path.parent.name not in LONG],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_a_case_on_sendmail(folder: Path) -> None:
    case = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
    expected = [{**one, "name": KNOWN.get(one["name"], one["name"])} for one in case["findings"]]
    found = run(DETECTORS[folder.parent.name], on_sendmail(case["story"]), case.get("settings", {}))
    judged = [essence(finding) for finding in found]
    assert [one for one in expected if one not in judged] == [], [finding.sentence for finding in found]
    accused, guilty = ([str(one) for one in side if one["accuses"]] for side in (judged, expected))
    assert sorted(accused) == sorted(guilty), [finding.sentence for finding in found]
