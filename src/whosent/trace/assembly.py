"""One header block to the whole answer about it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, Literal

from whosent.join.sightings import Sightings
from whosent.model.finding import Level
from whosent.model.trace import SCHEMA, Boundary, Claim, Hop, Logged, Trace
from whosent.reading.stamps import rfc3339
from whosent.trace import forgery
from whosent.trace.boundary import End, Walk, walk
from whosent.trace.culprit import culprit
from whosent.trace.heads import Block
from whosent.trace.letter import Letter, letter
from whosent.trace.logged import Match
from whosent.trace.ours import Ours
from whosent.trace.received import Received
from whosent.trace.results import authenticated
from whosent.trace.sentences import boundary_sentence, sentence
from whosent.trace.stamps import stamped

_CLAIMS: Final = 60  # told of one message
_RECIPIENTS: Final = 12
_TAKEN: Final = 5  # assumptions told of one message
_EPOCH: Final = (-62_135_596_800.0, 253_402_300_799.0)  # years 1 to 9999


def trace(block: Block, source: str, number: int, ours: Ours, sightings: Sightings | None) -> Trace:
    """What the trace headers of one message prove."""
    return told(letter(block), source, number, ours, sightings)


def told(read: Letter, source: str, number: int, ours: Ours, sightings: Sightings | None) -> Trace:
    """The answer about a letter."""
    walked = walk(read, ours, sightings)
    levels = forgery.refuted_levels(walked)
    hops = [_hop(index, line.read, line.text, walked, levels) for index, line in enumerate(read.lines)]
    who = culprit(read, walked, ours, sightings)
    return Trace(
        schema=SCHEMA,
        source=source,
        number=number,
        message_id=read.message_id,
        subject=read.subject,
        sha256=read.sha256,
        sentence=sentence(read, walked, ours, who, len(levels)),
        hops=hops,
        boundary=_boundary(read, walked, ours),
        forgeries=forgery.signs(read, walked, ours),
        suspect=who.suspect,
        strength=who.strength,
        claims=_claims(read, walked, levels),
        logged=[
            _logged(index, read.lines[index].read, match)
            for index, match in walked.matches.items()
            if match.life is not None
        ],
        authentication=authenticated(read.results, len(walked.steps), ours),
        assumptions=_assumptions(read, walked, ours),
        problem=read.problem,
    )


def _hop(index: int, line: Received, text: str, walked: Walk, levels: dict[int, Level]) -> Hop:
    step = walked.steps[index] if index < len(walked.steps) else None
    match = walked.matches.get(index)
    level = levels.get(index) or (step.level if step else Level.CLAIMED)
    if index in levels and match is not None:
        note = match.why
    elif step is not None:
        note = step.why
    else:
        note = "below the last line that can be believed" if line.readable else "cannot be read"
    return Hop(
        position=index + 1, level=level, note=note, from_helo=line.from_helo, from_rdns=line.from_rdns,
        from_address=line.from_address, from_port=line.from_port, by=line.by, with_=line.with_, id=line.id,
        for_=line.for_, envelope_from=line.envelope_from, auth=line.auth, tls=line.tls, time=_time(line),
        local=line.local, line=text,
    )  # fmt: skip


def _time(line: Received) -> str | None:
    return rfc3339(line.time) if line.time is not None and _EPOCH[0] <= line.time <= _EPOCH[1] else None


def _boundary(read: Letter, walked: Walk, ours: Ours) -> Boundary | None:
    if not walked.steps:
        return None
    number = walked.steps[-1].number
    line = read.lines[number].read
    if not line.readable or (line.by is None and line.from_address is None and line.local is None):
        return None
    address = None if walked.end is End.PERHAPS_INSIDE else line.from_address
    return Boundary(
        hop=number + 1, address=address, port=line.from_port, rdns=line.from_rdns, time=_time(line),
        level=walked.level, sentence=boundary_sentence(read, walked, ours),
    )  # fmt: skip


def _claims(read: Letter, walked: Walk, levels: dict[int, Level]) -> list[Claim]:
    """What the unproven lines and the stamps say."""
    claims: list[Claim] = []
    for index in range(len(walked.steps), len(read.lines)):
        claims += _claimed(index, read.lines[index].read, levels.get(index, Level.CLAIMED))
        if len(claims) >= _CLAIMS:
            break
    claims += (
        Claim(
            field=stamp.field, kind=stamp.kind, value=stamp.value, hop=None, level=Level.CLAIMED,
            note=f"{stamp.writer}; the sender can have written it too",
        )
        for stamp in stamped(read.headers)
    )  # fmt: skip
    return claims


def _claimed(index: int, line: Received, level: Level) -> Iterator[Claim]:
    """What one unproven line says."""
    where = line.by or "no server"
    if line.from_address or line.local:
        kind: Literal["address", "uid", "host"] = (
            "address" if line.from_address else "uid" if line.uid is not None else "host"
        )
        said = line.from_address or line.local or ""
        yield Claim(field="Received", kind=kind, value=said, hop=index + 1, level=level,
                    note=f"{where} is said to have had the message from there")  # fmt: skip
    if line.login:
        yield Claim(field="Received", kind="account", value=line.login, hop=index + 1, level=level,
                    note=f"is said to have logged in at {where}")  # fmt: skip


def _logged(index: int, line: Received, match: Match) -> Logged:
    life = match.life
    assert life is not None
    recipients = list(dict.fromkeys(sent.recipient for sent in life.sent))
    return Logged(
        hop=index + 1, host=life.host or line.by or "", queue_id=life.queue_id,
        client_address=life.address, account=life.account,
        uid=life.uid, sender=life.sender, message_id=life.message_id, recipients=recipients[:_RECIPIENTS],
        agrees=match.agrees, evidence=life.evidence,
    )  # fmt: skip


def _assumptions(read: Letter, walked: Walk, ours: Ours) -> list[str]:
    said = []
    top = read.lines[0].read if read.lines else None
    if top is not None and walked.steps and not ours.named:
        said.append(
            f"{top.by or 'The host that delivered this copy'} is taken at its word, since this is its copy; if it is "
            "yours, --own-name says so."
        )
    elif top is not None and walked.steps and walked.steps[0].level is Level.VOUCHED:
        said.append(
            f"{top.by or 'The host of the topmost line'} is not ours; its line is believed because this is its copy."
        )
    for name in dict.fromkeys(line.read.by for line in read.lines):
        domain = ours.learnt_from(name)
        if domain is not None and len(said) < _TAKEN:
            said.append(
                f"{name} is taken to be the host whose log was given, since accounts log in there as …@{domain}."
            )
    return said
