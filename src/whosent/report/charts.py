"""Charts as static SVG: Vega-Lite specs made of numbers and fixed words, rendered offline, cleaned to an allow-list.

Colours are stand-ins; the style sheet of the page gives each its meaning in light, dark and print.
"""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final
from xml.etree import ElementTree as ET  # only vl-convert's own output is parsed

from whosent.report import words

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from whosent.model.report import Bucket, Overview

CULPRIT, OTHERS = "#c00001", "#9a9a02"
REFUSED, DEFERRED, SENT = "#404043", "#808084", "#c0c0c5"
INK, LINE = "#101016", "#d0d0d7"
_MOST_BARS: Final = 96
_DAY: Final = 86400
_CLOCK_DAYS: Final = 3  # beyond, the hour says nothing
_PHONE: Final = 400
_SVG: Final = "http://www.w3.org/2000/svg"
_ELEMENTS: Final = frozenset({"svg", "g", "path", "rect", "line", "text", "tspan"})
_ATTRIBUTES: Final = frozenset(
    {
        *("viewBox", "transform", "d", "x", "y", "x1", "x2", "y1", "y2", "dx", "dy", "width", "height"),
        *("fill", "stroke", "stroke-width", "opacity", "fill-opacity", "stroke-opacity"),
        *("text-anchor", "font-size", "font-weight"),
    }
)


class Slot:
    """One bar of the timeline: some buckets together."""

    def __init__(self, start: datetime, end: datetime, buckets: list[Bucket]) -> None:
        self.start, self.end = start, end
        self.sent = sum(bucket.sent for bucket in buckets)
        self.deferred = sum(bucket.deferred for bucket in buckets)
        self.refused = sum(bucket.refused for bucket in buckets)
        self.culprits = sum(sum(bucket.culprits.values()) for bucket in buckets)

    @property
    def total(self) -> int:
        """Recipients of everybody."""
        return max(self.sent + self.deferred + self.refused, self.culprits)

    @property
    def others(self) -> int:
        """Recipients of everybody else."""
        return self.total - self.culprits


def slots(overview: Overview, zone: tzinfo) -> list[Slot]:
    """The timeline in at most a hundred bars; one offset for all, that of the first bar."""
    timed = [(words.moment(bucket.start), bucket) for bucket in overview.timeline]
    dated = sorted(((start, bucket) for start, bucket in timed if start), key=lambda pair: pair[0])
    if not dated or overview.bucket_seconds <= 0:
        return []
    span = (dated[-1][0] - dated[0][0]).total_seconds() + overview.bucket_seconds
    together = overview.bucket_seconds * max(1, -(-round(span) // (overview.bucket_seconds * _MOST_BARS)))
    shift = dated[0][0].astimezone(zone).utcoffset() or timedelta()
    groups: dict[int, list[Bucket]] = {}
    for start, bucket in dated:
        groups.setdefault(int((start - dated[0][0]).total_seconds()) // together, []).append(bucket)
    begin = (dated[0][0] + shift).replace(tzinfo=None)
    return [
        Slot(begin + timedelta(seconds=place * together), begin + timedelta(seconds=(place + 1) * together), group)
        for place, group in groups.items()
    ]


def timeline(chosen: list[Slot], width: int) -> str | None:
    """Who and what became of it, one above the other; ``None`` without the renderer or without data."""
    if not chosen:
        return None
    who = [[(CULPRIT, slot.culprits), (OTHERS, slot.others)] for slot in chosen]
    what = [[(REFUSED, slot.refused), (DEFERRED, slot.deferred), (SENT, slot.sent)] for slot in chosen]
    panels = [_panel(chosen, who, width, 190), _panel(chosen, what, width, 110)]
    return _rendered({"vconcat": panels, "spacing": 18})


def _panel(chosen: list[Slot], piles: list[list[tuple[str, int]]], width: int, height: int) -> dict[str, Any]:
    days = (chosen[-1].end - chosen[0].start).total_seconds() / _DAY
    clock = "%H:%M" if days <= 1 else "%e %b %H:%M" if days <= _CLOCK_DAYS and width > _PHONE else "%e %b"
    time = {
        "type": "temporal",
        "scale": {"type": "utc"},
        "axis": {"title": None, "tickCount": max(3, width // 90), "format": clock, "labelOverlap": "greedy"},
    }
    return {
        "width": width,
        "height": height,
        "data": {"values": [bar for slot, pile in zip(chosen, piles, strict=True) for bar in _stacked(slot, pile)]},
        "mark": {"type": "bar", "stroke": None},
        "encoding": {
            "x": {"field": "from", **time},
            "x2": {"field": "to"},
            "y": {"field": "low", "type": "quantitative", "title": None, "axis": {"tickCount": 4}},
            "y2": {"field": "high"},
            "color": {"field": "colour", "type": "nominal", "scale": None},
        },
    }


def _stacked(slot: Slot, pile: list[tuple[str, int]]) -> list[dict[str, Any]]:
    bars, low = [], 0
    span = {"from": f"{slot.start:%Y-%m-%dT%H:%M:%SZ}", "to": f"{slot.end:%Y-%m-%dT%H:%M:%SZ}"}
    for colour, number in pile:
        if number:
            bars.append({**span, "low": low, "high": low + number, "colour": colour})
        low += number
    return bars


_LOOK: Final[dict[str, Any]] = {
    "view": {"stroke": None},
    "axis": {"labelColor": INK, "labelFontSize": 12, "domainColor": LINE, "tickColor": LINE, "gridColor": LINE},
    "axisX": {"grid": False},
    "axisY": {"domain": False, "ticks": False, "format": ",d"},
}


def _rendered(spec: dict[str, Any]) -> str | None:
    try:
        import vl_convert  # noqa: PLC0415 - an optional extra of 60 MB, loaded only where a chart is asked for
    except ImportError:
        return None
    whole = {"$schema": "https://vega.github.io/schema/vega-lite/v5.json", "background": None, "config": _LOOK, **spec}
    return cleaned(str(vl_convert.vegalite_to_svg(json.dumps(whole))))


def cleaned(svg: str) -> str:
    """The drawing without anything but shapes, text and their geometry."""
    root = ET.fromstring(svg)  # noqa: S314 - vl-convert's own output
    _strip(root)
    root.attrib.pop("width", None)
    root.attrib.pop("height", None)
    ET.register_namespace("", _SVG)
    return ET.tostring(root, encoding="unicode")


def _strip(element: ET.Element) -> None:
    for name in [name for name in element.attrib if name not in _ATTRIBUTES]:
        del element.attrib[name]
    for child in list(element):
        if str(child.tag).removeprefix(f"{{{_SVG}}}") not in _ELEMENTS:
            element.remove(child)
        else:
            _strip(child)
