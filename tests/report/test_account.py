"""The account of the lines on a terminal fits 80 columns and shows strangers' text as text."""

from __future__ import annotations

import io

from rich.console import Console

from tests.report import reports
from whosent.model.report import LinesRead, Unrecognised
from whosent.report import account

HOSTILE = "\x1b[31mred [bold]x[/bold] \u202eevil"


def shown(read: LinesRead) -> str:
    out = io.StringIO()
    account.render(read, Console(file=out, width=80, force_terminal=True, color_system="truecolor", markup=False))
    return out.getvalue()


def test_sum_sources_and_examples() -> None:
    text = shown(reports.coverage())
    assert "accounted for" in text
    assert all(len(line) <= 80 for line in text.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())
    for source in reports.coverage().sources:
        assert source.source[:10] in text


def test_strangers_text_stays_text() -> None:
    example = Unrecognised(shape="*", count=1, source=HOSTILE, line=3, excerpt=HOSTILE)
    fields = {name: getattr(reports.coverage(), name) for name in LinesRead.__struct_fields__}
    text = shown(LinesRead(**{**fields, "unrecognised": [example], "ambiguous": 2, "forged": 1}))
    assert "\x1b[31m" not in text
    assert "\u202e" not in text
    assert "[bold]x[/bold]" in text
    assert "2 lines with fields a stranger imitated not used" in " ".join(text.split())


def test_nothing_read() -> None:
    fields = {name: getattr(reports.unknown().coverage, name) for name in LinesRead.__struct_fields__}
    assert "0 lines" in shown(LinesRead(**{**fields, "lines": 0, "sources": []}))
