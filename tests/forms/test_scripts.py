"""Scripts that can be abused, scripts that cannot, and scripts that reading alone does not decide.

The truth stands in the scripts: a comment ``hole: ...`` on the line that hands mail on.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from whosent.forms.scripts import Script, script

HERE = Path(__file__).parent
HOLE = re.compile(r"(?:#|//) hole: ([\w ]+)")


def scripts(folder: str) -> list[Path]:
    return sorted((HERE / folder).iterdir())


def read(path: Path) -> Script:
    found = script(path.name, path.read_bytes())
    assert found is not None, f"{path.name} is not seen to send mail"
    return found


@pytest.mark.parametrize("path", scripts("guilty"), ids=lambda path: path.name)
def test_every_hole_is_named_with_its_line(path: Path) -> None:
    lines = path.read_text(encoding="utf-8").splitlines()
    truth = {
        (hole, number)
        for number, line in enumerate(lines, 1)
        for match in [HOLE.search(line)]
        if match
        for hole in match[1].split()
    }
    assert truth
    found = read(path)
    assert {(risk.hole, risk.line) for risk in found.risks if risk.sure} == truth
    assert not found.login


@pytest.mark.parametrize("path", scripts("innocent"), ids=lambda path: path.name)
def test_a_form_in_order_is_accused_of_nothing(path: Path) -> None:
    found = script(path.name, path.read_bytes())
    assert found is None or (found.risks, found.undecided) == ((), None)


@pytest.mark.parametrize("path", scripts("undecided"), ids=lambda path: path.name)
def test_what_cannot_be_followed_is_said_and_not_held_against_it(path: Path) -> None:
    found = read(path)
    assert found.undecided or found.login or (found.risks and not any(risk.sure for risk in found.risks))
