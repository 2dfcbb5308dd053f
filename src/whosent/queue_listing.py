"""``whosent parse --queue``: every message of a queue as a line of JSON, in the order of its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import BinaryIO, Final

import msgspec

from whosent.model.queued_message import QueueSample
from whosent.sources.queue import Reading, each
from whosent.sources.spools import Opened, Spool
from whosent.sources.text import shown

_LATEST: Final = 253_402_300_799.0  # the last second of the year 9999


def list_queues(spools: Iterable[Spool], out: BinaryIO | None, progress: Callable[[int], None]) -> list[Reading]:
    """Write the messages of each queue (nowhere if ``out`` is None); gives what was read and what could not be."""
    readings = []
    for spool in spools:
        reading = Reading()
        for one in each(spool, reading, progress=progress):
            if out is not None:
                out.write(msgspec.json.encode(_sample(spool, one)) + b"\n")
        readings.append(reading)
    return readings


def _sample(spool: Spool, found: Opened) -> QueueSample:
    letter, (path, name, queue_id, folder, _) = found.letter, found.place
    local = letter.kind == "local_user"
    return QueueSample(
        time=datetime.fromtimestamp(min(max(letter.arrived, 0.0), _LATEST), UTC).isoformat().replace("+00:00", "Z"),
        host=_text(letter.host) or None,
        source=shown(os.fsencode(f"{path}/{name}")),
        offset=letter.proof.offset if letter.proof else None,
        mta=spool.mta,
        folder=folder,
        queue_id=queue_id,
        actor=letter.kind,
        account=letter.name if letter.kind == "account" else None,
        uid=int(letter.name) if local and letter.name.isdecimal() else None,
        local_user=letter.address or None if local else None,
        client_address=None if local else letter.address or None,
        script=_text(letter.script) or None,
        sender=_text(letter.sender),
        recipients=[_text(one) for one in letter.recipients],
        recipient_count=letter.waiting,
        recipients_done=letter.done,
        size=letter.size,
        subject=_text(letter.subject),
        message_id=_text(letter.message_id),
        author=_text(letter.author),
        hops=letter.hops,
        forwarded=letter.forwarded,
        frozen=letter.frozen,
        automatic=letter.automatic,
    )


def _text(raw: bytes) -> str:
    return raw.decode("utf-8", "backslashreplace")
