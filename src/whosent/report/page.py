"""A report as one HTML file: no script, nothing from outside, strangers' text as text only; screen and paper."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from markupsafe import Markup

from whosent.report import charts, markup, queue, words

if TYPE_CHECKING:
    from datetime import tzinfo

    from whosent.model.incident import Incident
    from whosent.model.report import Report

_WIDE, _NARROW = 760, 320
_EVERYBODY_ELSE: Final = "everybody else"
_ROWS: Final = 24  # of the timeline in numbers
_NETWORKS: Final = 40


def page(report: Report) -> str:
    """The whole report as one self-contained HTML document."""
    zone = words.zone(report.timezone)
    return markup.document(
        "page.html",
        report=report,
        queue=queue,
        queue_sums=list(queue.sums(report.queue, zone)) if report.queue is not None else [],
        zone=zone,
        coverage=words.coverage_words(report.coverage),
        gaps=words.join_gaps(report.coverage),
        timeline=_timeline(report, zone),
        reasons=_reasons(report),
        networks=[_networks(report, incident, zone) for incident in report.incidents],
    )


def _bar(part: int, whole: int) -> str:
    """The width of a bar, a whole percentage that is never nothing for something."""
    return str(max(1, round(100 * part / whole))) if part and whole else "0"


def _timeline(report: Report, zone: tzinfo) -> dict[str, Any]:
    chosen = charts.slots(report.overview, zone)
    step = -(-len(chosen) // _ROWS) or 1
    merged = [chosen[place : place + step] for place in range(0, len(chosen), step)]
    rows: list[dict[str, Any]] = [
        {
            "start": f"{group[0].start.day} {group[0].start:%b %H:%M}",
            "culprits": sum(slot.culprits for slot in group),
            "others": sum(slot.others for slot in group),
            "refused": sum(slot.refused for slot in group),
            "deferred": sum(slot.deferred for slot in group),
            "sent": sum(slot.sent for slot in group),
        }
        for group in merged
    ]
    most = max((row["culprits"] + row["others"] for row in rows), default=0)
    for row in rows:
        row |= {"culprits_bar": _bar(row["culprits"], most), "others_bar": _bar(row["others"], most)}
    drawings = [charts.timeline(chosen, width) for width in (_WIDE, _NARROW)]
    return {
        "rows": rows,
        "drawings": [Markup(svg) for svg in drawings if svg],  # noqa: S704 - cleaned to shapes and text
        "total": sum(slot.total for slot in chosen),
        "culprits": sum(slot.culprits for slot in chosen),
        "offset": _axis_offset(report, zone),
    }


def _axis_offset(report: Report, zone: tzinfo) -> str:
    first = words.moment(report.overview.timeline[0].start) if report.overview.timeline else None
    return words.offset(first.astimezone(zone)) if first else ""


def _reasons(report: Report) -> list[dict[str, Any]]:
    """Why recipients were refused or deferred: each suspect's mix beside everybody else's."""
    names = {incident.id: incident.suspect.name for incident in report.incidents}
    known = [key for key in (*names, _EVERYBODY_ELSE) if report.overview.reply_reasons.get(key)]
    groups = []
    for key in known:
        counts = report.overview.reply_reasons[key]
        total = sum(counts.values())
        rows = [
            {
                "reason": reason.replace("_", " "),
                "count": count,
                "share": words.share(count, total),
                "bar": _bar(count, total),
            }
            for reason, count in sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        ]
        groups.append({"name": names.get(key, _EVERYBODY_ELSE), "culprit": key in names, "rows": rows, "total": total})
    return groups


def _networks(report: Report, incident: Incident, zone: tzinfo) -> dict[str, Any]:
    mine = sorted(
        (network for network in report.overview.networks if network.incident == incident.id),
        key=lambda network: (-network.messages, network.network),
    )
    most = max((network.messages for network in mine), default=0)
    rows = [
        {
            "network": network.network,
            "place": network.place or "not looked up",
            "messages": network.messages,
            "bar": _bar(network.messages, most),
            "first": words.when(network.first, zone, brief=True),
            "last": words.when(network.last, zone, brief=True),
        }
        for network in mine[:_NETWORKS]
    ]
    return {"rows": rows, "more": max(0, len(mine) - _NETWORKS), "count": len(mine)}
