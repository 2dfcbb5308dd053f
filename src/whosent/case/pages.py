"""A case as pages for three kinds of readers: management (one page), engineers, law enforcement."""

from __future__ import annotations

from typing import Any, Final

from whosent.case.custody import NAME
from whosent.model.case import CaseFile, Change, Reader
from whosent.model.finding import Level
from whosent.model.incident import Remedy
from whosent.report import markup, words
from whosent.report.evidence import MANIFEST

TITLES: Final[dict[Reader, str]] = {
    "management": "Report for management",
    "engineers": "Report for engineers",
    "law_enforcement": "Report for law enforcement",
}
_STATES: Final = {
    "open": "open: nobody has closed it",
    "contained": "contained: the tap is closed, the hole may not be",
    "resolved": "resolved: an operator says the hole is closed",
    "dismissed": "dismissed: an operator says it is none",
}
_MOST_GAPS: Final = 5  # on the one page


def page(case: CaseFile, reader: Reader) -> str:
    """One self-contained HTML document."""
    zone = words.zone(case.timezone)
    return markup.document(
        f"case-{reader.replace('_', '-')}.html",
        styles=("page.css", "case.css"),
        case=case,
        incident=case.incident,
        title=TITLES[reader],
        zone=zone,
        state=_STATES.get(case.state or "", "not kept in a ledger"),
        originals=sum(one.state == "original" for one in case.exhibits),
        chain_file=NAME,
        manifest_file=MANIFEST,
        **_brief(case),
    )


def _brief(case: CaseFile) -> dict[str, Any]:
    """What the one page says in few words."""
    incident = case.incident
    years = {one.at[:4] for one in case.timeline if one.at}
    return {
        "one_year": next(iter(years)) if len(years) == 1 else "",
        "open_steps": [one for one in incident.remedies if one.step != "inspect"],
        "gaps": case.not_proven[:_MOST_GAPS],
        "more_gaps": max(0, len(case.not_proven) - _MOST_GAPS),
    }


def text(case: CaseFile) -> str:
    """The same for management as plain text, for a terminal or a mail."""
    incident, zone = case.incident, words.zone(case.timezone)
    state = _STATES.get(case.state or "", "not kept in a ledger")
    refused = f"{incident.refused:,} ({words.share(incident.refused, incident.recipients)})"
    mail = f"{words.counted(incident.messages, 'message')} to {words.counted(incident.recipients, 'recipient')}"
    told = [
        f"Incident {incident.id}: {words.suspect_words(incident.suspect)}, {words.CAUSES[incident.cause]}",
        "",
        words.visible(incident.sentence),
        "",
        f"Since      {words.when(incident.since, zone)}",
        f"Until      {words.when(incident.until, zone)}{', still going on when the logs ended' * incident.ongoing}",
        f"Mail       {mail}",
        f"Refused    {refused}",
        f"How sure   {words.strength_word(incident.strength)}: {words.STRENGTHS[incident.strength]}",
        f"Complaints {len(case.complaints):,}",
        f"State      {state}",
        "",
        *_listed("What was done", [_change(one, case) for one in case.changes] or ["Nothing is recorded."]),
        *_listed("What can be done", [_step(one) for one in incident.remedies if one.step != "inspect"]),
        *_listed("Not proven", case.not_proven),
    ]
    return "\n".join(told).rstrip() + "\n"


def _listed(title: str, sentences: list[str]) -> list[str]:
    return [title, *(f"- {words.visible(one)}" for one in sentences), ""] if sentences else []


def _change(one: Change, case: CaseFile) -> str:
    at = words.when(one.at, words.zone(case.timezone)) if one.at else "time not said"
    by = "recorded in our journal" if one.level is Level.OBSERVED else "stated by hand"
    return f"{at}, {one.who}: {one.text} ({by})"


def _step(one: Remedy) -> str:
    return f"{one.title}: touches {one.reach}."
