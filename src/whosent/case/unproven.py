"""What a case does not prove, a plain sentence each, and what would prove it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from whosent.model.case import Exhibit
from whosent.model.complaint import Complaint
from whosent.model.finding import Strength
from whosent.model.incident import Incident
from whosent.model.report import Report
from whosent.report import words

_UNSURE: Final = {Strength.CANDIDATES, Strength.UNPROVABLE}
_PERSON: Final = (
    "Which person acted is not proven. The case names what was used; the owner of a stolen account, form or machine "
    "may be a victim, too."
)
_CLOCKS: Final = (
    "That the clocks of the hosts were right is not proven: times are those the hosts wrote down. Their time service "
    "(chrony, ntpd) can say how far they were off."
)
_CONTENT: Final = (
    "What the messages said is not proven: logs hold envelopes and replies, no texts. A message kept by a recipient, "
    "in a complaint or in the queue would show it."
)
_DIGESTS: Final = (
    "A digest proves that a line or file has not changed since the case was made. Who wrote the line, and that nothing "
    "was changed before, it does not prove."
)
_PORTS: Final = (
    "Which customer of a provider was behind a client address is not proven here. Where addresses are shared, the "
    "provider needs the client's port and the exact time as well"
)


def not_proven(
    incident: Incident, report: Report | None, complaints: Iterable[Complaint], exhibits: Iterable[Exhibit]
) -> list[str]:
    """Every limit of the case, those that everybody should know first."""
    said = [*incident.unproven, *_end(incident, report), _PERSON, _CONTENT, *_of_complaints(complaints)]
    said += [*_addresses(exhibits), _CLOCKS, _DIGESTS, *_reading(report)]
    return list(dict.fromkeys(said))


def _end(incident: Incident, report: Report | None) -> Iterator[str]:
    if incident.candidates:
        listed = words.listed([words.suspect_words(one) for one in incident.candidates])
        yield f"Which of these it was is not proven, and none of them is accused: {listed}."
    if incident.ongoing:
        yield "That it has stopped is not proven: it was still going on when the logs ended."
    elif report and report.window:
        end = words.when(report.window[1], words.zone(report.timezone))
        yield f"Nothing is known of the time after {end}, where the logs that were read end."
    else:
        yield "That it has stopped is not proven by this case: see the dossier, which looks at the logs since."


def _addresses(exhibits: Iterable[Exhibit]) -> Iterator[str]:
    named = [one for one in exhibits if one.address]
    if named:
        without = sum(one.port is None for one in named)
        yield f"{_PORTS}; of {words.counted(len(named), 'line')} with a client address, {without} have no port."


def _of_complaints(complaints: Iterable[Complaint]) -> Iterator[str]:
    for one in complaints:
        if one.strength in _UNSURE:
            yield f"Complaint {one.id[:12]} is not proven to be about this incident: {one.sentence}"


def _reading(report: Report | None) -> Iterator[str]:
    if report is None:
        yield (
            "Which logs were read, and whether they were whole, is not recorded here: the incident comes from the "
            "ledger. A scan's JSON (whosent scan --json), given with --report, would say it."
        )
        return
    yield from words.join_gaps(report.coverage)
    for source in report.coverage.sources:
        if source.problem:
            yield f"{words.visible(source.source)} was not read whole: {source.problem}."
    if report.coverage.not_understood:
        yield (
            f"{words.counted(report.coverage.not_understood, 'line')} of {report.coverage.lines:,} not understood: "
            "what they say is no part of this case."
        )
    yield from report.blind_spots
