from __future__ import annotations

from datetime import UTC

import msgspec
import pytest

from tests.report import reports
from whosent.report import charts, words


def test_a_long_timeline_is_drawn_in_few_bars_and_loses_nobody() -> None:
    overview = reports.overview()
    long = msgspec.structs.replace(overview, bucket_seconds=60)
    for chosen in (charts.slots(overview, UTC), charts.slots(long, UTC)):
        assert len(chosen) <= 96
        assert sum(slot.culprits for slot in chosen) == sum(sum(b.culprits.values()) for b in overview.timeline)
        assert sum(slot.refused for slot in chosen) == sum(b.refused for b in overview.timeline)


def test_the_axis_shows_local_wall_time() -> None:
    first = charts.slots(reports.overview(), words.zone("Europe/Berlin"))[0]
    assert (first.start.hour, first.others) == (7, 141)


def test_no_timeline_no_drawing() -> None:
    assert charts.slots(reports.unknown().overview, UTC) == []
    assert charts.timeline([], 300) is None


@pytest.mark.parametrize("width", [320, 760])
def test_the_drawing_holds_shapes_and_text_only(width: int) -> None:
    pytest.importorskip("vl_convert", reason="needs the extra charts")
    svg = charts.timeline(charts.slots(reports.overview(), UTC), width)
    assert svg is not None
    assert charts.CULPRIT in svg
    assert charts.OTHERS in svg
    for word in ("style=", "href", "class=", "<a", "aria", "font-family"):
        assert word not in svg


def test_whatever_else_a_drawing_holds_is_dropped() -> None:
    hostile = (
        '<svg xmlns="http://www.w3.org/2000/svg" onload="x()" viewBox="0 0 1 1" width="9" style="x">'
        '<script>x()</script><a href="javascript:x()"><text>y</text></a><foreignObject/><!-- c -->'
        '<text fill="#101016" onclick="x()">&lt;/svg&gt;&lt;script&gt;</text></svg>'
    )
    assert charts.cleaned(hostile) == (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 1 1">'
        '<text fill="#101016">&lt;/svg&gt;&lt;script&gt;</text></svg>'
    )
