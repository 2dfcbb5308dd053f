"""Complaints on a terminal: each event in a few lines, the list by suspect and burst, one in full."""

from __future__ import annotations

import re
import time
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, tzinfo
from typing import Final, NamedTuple

from rich.console import Console
from rich.padding import Padding
from rich.text import Text

from whosent.measures import phrases
from whosent.model.complaint import Complaint

_LINK: Final = re.compile(r"\bhttp(s?)://([^\s/?#]{1,255})", re.IGNORECASE)
BURST: Final = 86_400.0  # seconds without a complaint after which the next one begins another burst
_LONG_AGO: Final = 180 * 86_400.0  # seconds
_OURS: Final = {"yes": "ours", "no": "not ours", "unknown": "not provable"}


class Burst(NamedTuple):
    """Complaints about one suspect with less than a day between them: one incident."""

    key: str  # id of the incident; "" where nobody is named
    suspect: str
    complaints: list[Complaint]
    first: float
    last: float


def event(complaint: Complaint, out: Console) -> None:
    """One event: what it is, whose it is, why."""
    head = Text(f"{complaint.kind} {complaint.id}", style="bold")
    head.append(f"  {_OURS[complaint.ours]}, {complaint.strength.value}, {complaint.level.value}", style="not bold")
    head.append(f"  ({complaint.source})", style="bright_black not bold")
    out.print(head, soft_wrap=True)
    told = " ".join(filter(None, (complaint.sentence, complaint.incident_sentence)))
    out.print(Padding(Text(defanged(told)), (0, 0, 0, 2)))


def summary(tally: Mapping[str, int], out: Console, *, kept: bool) -> None:
    """The last line: how many, whose, and where they are now."""
    if not tally.get("events"):
        out.print("No report was found there. Give mails, a Maildir, an mbox, or - for standard input.")
        return
    whose = phrases.listing(
        [f"{phrases.count(tally.get(word, 0))} {name}" for word, name in _OURS.items() if tally.get(word)]
    )
    done = phrases.count(tally.get("new", 0), "report") + (" added" if kept else " read")
    again = f", {phrases.count(tally['known'])} known before" if tally.get("known") else ""
    out.print(Text(f"{done}{again}; {phrases.count(tally.get('events', 0), 'event')}: {whose}."))


def moment_of(complaint: Complaint, added: float) -> float:
    """When the accused message came, else when the report was added."""
    if not complaint.arrival_date:
        return added
    return datetime.fromisoformat(complaint.arrival_date).timestamp()


def within(complaint: Complaint, added: float, days: int) -> bool:
    """Whether the message came within so many days; 0: whenever."""
    return not days or moment_of(complaint, added) >= time.time() - 86_400 * days


def bursts(kept: Iterable[tuple[Complaint, float]]) -> list[Burst]:
    """The complaints by suspect and burst, the latest first; those that name nobody by the answer they got."""
    groups: dict[tuple[str, str], list[tuple[float, Complaint]]] = defaultdict(list)
    for one, added in kept:
        groups[one.incident or "", _named(one)].append((moment_of(one, added), one))
    found = []
    for (key, named), members in groups.items():
        members.sort(key=lambda member: (member[0], member[1].id))
        run = [members[0]]
        for member in members[1:]:
            if member[0] - run[-1][0] > BURST:
                found.append(_burst(key, named, run))
                run = []
            run.append(member)
        found.append(_burst(key, named, run))
    return sorted(found, key=lambda burst: (-burst.last, burst.key, burst.suspect))


def _named(one: Complaint) -> str:
    """The suspect; where nobody is named, our address that is accused, else whose it is."""
    if one.suspect:
        return f"{one.suspect.kind.replace('_', ' ')} {one.suspect.name}"
    address = f"{one.source_address} " if one.ours == "yes" and one.source_address else ""
    return f"{address}({_OURS[one.ours]})"


def _when(burst: Burst, now: float) -> str:
    """When its complaints came; with the year where it may be another one."""
    if now - burst.last > _LONG_AGO:
        ends = dict.fromkeys(map(phrases.dated, (burst.first, burst.last)))
        return " to ".join(ends)
    return phrases.moment(burst.first) if burst.first == burst.last else phrases.since(burst.first, burst.last, now)


def _burst(key: str, named: str, run: Sequence[tuple[float, Complaint]]) -> Burst:
    return Burst(key, named, [one for _, one in run], run[0][0], run[-1][0])


def table(kept: Sequence[tuple[Complaint, float]], out: Console, zone: tzinfo) -> None:
    """Two lines a burst: about whom, how many; when, how long ago, and what to ask for next."""
    if not kept:
        out.print("No complaint is in the ledger for this. `whosent complaint add` reads them.")
        return
    now = time.time()
    with phrases.times_in(zone):
        for burst in bursts(kept):
            bounced = sum(one.kind == "bounce" for one in burst.complaints)
            counts = [phrases.count(number, noun) for number, noun in
                      ((len(burst.complaints) - bounced, "complaint"), (bounced, "bounce")) if number]  # fmt: skip
            head = Text(burst.suspect, style="bold")
            head.append(f": {phrases.listing(counts)}", style="not bold")
            out.print(head, soft_wrap=True)
            ago = phrases.duration(max(1.0, now - burst.last))
            names = f"; incident {burst.key}" if burst.key else ""
            out.print(
                Text(f"  {_when(burst, now)}, the latest {ago} ago{names}; latest complaint {burst.complaints[-1].id}"),
                soft_wrap=True,
            )


def whole(complaint: Complaint, out: Console) -> None:
    """Everything about one."""
    event(complaint, out)
    for name in ("reporter", "feedback_type", "source_address", "source_port", "arrival_date", "original_mail_from",
                 "original_recipient", "message_id", "queue_id", "incident", "layout", "sha256"):  # fmt: skip
        value = getattr(complaint, name)
        if value is not None:
            out.print(Text(f"  {name.replace('_', ' ')}: {value}"), soft_wrap=True)
    for one in complaint.recipients:
        said = f"{one.recipient}: {one.status} {one.dsn or ''} {defanged(one.smtp_reply or '')}".rstrip()
        out.print(Text(f"  recipient: {said}"), soft_wrap=True)
    for link in complaint.urls:
        out.print(Text(f"  link: {defanged(link)}"), soft_wrap=True)
    for suspect in complaint.candidates:
        out.print(Text(f"  candidate: {suspect.kind.replace('_', ' ')} {suspect.name}"), soft_wrap=True)
    for line in complaint.evidence:
        out.print(Text(f"  {line.source}:{line.line} ({line.note}): {defanged(line.excerpt)}"), soft_wrap=True)


def defanged(text: str) -> str:
    """A text with its links written so that nobody opens a stranger's by mistake."""
    return _LINK.sub(lambda link: f"hxxp{link[1]}://{link[2].replace('.', '[.]')}", text)
