"""What lay in the queues, as the report tells it: each queue, and the piles in it with whom they belong to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

from whosent.model.pile import Pile, Sample, Variety
from whosent.model.report import Queue, QueuePile, QueueSample, QueueSource
from whosent.overview import Who, who
from whosent.queue_reading import Snapshot
from whosent.reading.stamps import rfc3339
from whosent.sources.text import shown

_PILES: Final = 40
_COMMON: Final = 5


def account(snapshots: Sequence[Snapshot], culprits: Mapping[str, Iterable[Who]]) -> Queue | None:
    """The whole account; ``culprits`` are the actors behind each incident, by its id."""
    if not snapshots:
        return None
    incident_of = {actor: incident for incident, actors in culprits.items() for actor in sorted(actors)}
    piles = sorted((pile for one in snapshots for pile in one.piles), key=lambda pile: (-pile.messages, pile.actor[:2]))
    return Queue(
        sources=[_source(one) for one in snapshots],
        messages=sum(pile.messages for pile in piles),
        recipients=sum(pile.waiting for pile in piles),
        senders=len(piles),
        piles=[_pile(pile, _incident(pile, incident_of)) for pile in piles[:_PILES]],
    )


def _incident(pile: Pile, incident_of: Mapping[Who, str]) -> str | None:
    """The incident of the same actor, on the same host or where the host has a longer name."""
    kind, name, host = who(pile.actor)
    short = host.partition(".")[0]
    for (other, called, where), incident in incident_of.items():
        if (other, called) == (kind, name) and (where == host or not where or where.partition(".")[0] == short):
            return incident
    return None


def _source(one: Snapshot) -> QueueSource:
    reading = one.reading
    return QueueSource(
        path=one.spool.name,
        mta=one.spool.mta,
        read=rfc3339(one.time),
        messages=sum(pile.messages for pile in one.piles),
        recipients=sum(pile.waiting for pile in one.piles),
        bytes=reading.bytes,
        folders=dict(sorted(reading.folders.items())),
        unread={why.value: count for why, count in sorted(reading.unread.items())},
        damaged=dict(reading.examples),
        problem=one.problem,
    )


def _pile(pile: Pile, incident: str | None) -> QueuePile:
    return QueuePile(
        queue=pile.queue,
        kind=pile.actor.kind,
        name=pile.actor.name,
        host=pile.actor.host or None,
        script=pile.script or None,
        incident=incident,
        messages=pile.messages,
        recipients=pile.waiting,
        done=pile.done,
        bytes=pile.size,
        folders=pile.folders,
        oldest=rfc3339(pile.oldest),
        youngest=rfc3339(pile.youngest),
        onset=rfc3339(pile.onset),
        senders=pile.senders.distinct,
        subjects=pile.subjects.distinct,
        different_recipients=pile.recipients.distinct,
        domains=pile.recipient_domains.distinct,
        common_senders=_common(pile.senders),
        common_subjects=_common(pile.subjects),
        common_domains=_common(pile.recipient_domains),
        reasons={reason.name.lower(): count for reason, count in sorted(pile.reasons.items())},
        replies={shown(reply): count for reply, count in pile.replies[:_COMMON]},
        looked_at=pile.looked_at,
        samples=[_sample(sample) for sample in pile.samples],
    )


def _common(variety: Variety) -> dict[str, int]:
    return {shown(value): count for value, count in variety.common[:_COMMON]}


def _sample(sample: Sample) -> QueueSample:
    return QueueSample(
        queue_id=sample.queue_id,
        folder=sample.folder,
        arrived=rfc3339(sample.arrived),
        sender=shown(sample.sender),
        recipient=shown(sample.recipient),
        subject=shown(sample.subject),
        author=shown(sample.author),
        message_id=shown(sample.message_id),
    )
