"""The same stories told by Sendmail name the same culprits, and nobody else."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.join.sendmail_stories import read_from_sendmail
from tests.test_cases import DETECTORS, FOLDERS, essence, run, told

if TYPE_CHECKING:
    from pathlib import Path


KNOWN = {  # Sendmail logs the login name where Postfix logs the uid, and what an alias became instead of the alias
    "uid 1007": "shopowner",
    "uid 112": "nagios",
    "me@corp.example": "me@elsewhere.example",
    "alumni1@corp.example": "a1@freemail.example",
}


@pytest.mark.parametrize("folder", FOLDERS, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_case_on_sendmail(folder: Path) -> None:
    rows, expected, settings = told(folder)
    expected = [{**one, "name": KNOWN.get(one["name"], one["name"])} for one in expected]
    found = run(DETECTORS[folder.parent.name], read_from_sendmail(rows), settings)
    judged = [essence(finding) for finding in found]
    assert [one for one in expected if one not in judged] == [], [finding.sentence for finding in found]
    accused, guilty = ([str(one) for one in side if one["accuses"]] for side in (judged, expected))
    assert sorted(accused) == sorted(guilty), [finding.sentence for finding in found]
