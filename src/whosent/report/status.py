"""One line for a monitoring system (Nagios, Icinga): the state, the answer, and numbers behind a bar (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from whosent.measures.phrases import count
from whosent.model.condition import Condition
from whosent.model.lifecycle import KeptIncident, State

_SILENT: Final = 60.0  # seconds without a word of the daemon
_NUMBERS: Final = ("messages", "sent", "deferred", "bounced", "rejected", "logins", "failed_logins")
_WORDS: Final = ("OK", "WARNING", "CRITICAL", "UNKNOWN")


class Status(NamedTuple):
    """What a monitoring system is told."""

    code: int  # 0 to 3, as plugins have it
    text: str


def status(  # the five things it is made of
    condition: Condition | None,
    kept: Sequence[KeptIncident],
    hour: Mapping[str, int],
    queued: Mapping[str, int],
    now: float,
) -> Status:
    """``hour`` are counters of the last hour, ``queued`` messages by folder of the queues at the last look."""
    if condition is None:
        return Status(3, "WHOSENT UNKNOWN - no watch has run here: start it with whosent watch")
    silent = now - datetime.fromisoformat(condition.at).timestamp()
    opened = [one for one in kept if one.state is State.OPEN]
    numbers = " ".join(
        f"{name}={value}"
        for name, value in (
            ("incidents_open", len(opened)),
            ("incidents_contained", sum(one.state is State.CONTAINED for one in kept)),
            *((f"{name}_1h", hour.get(name, 0)) for name in _NUMBERS),
            *((f"queue_{folder}", length) for folder, length in sorted(queued.items())),
            ("behind", f"{sum(one.behind for one in condition.sources)}B"),
        )
    )
    code, sentence = _verdict(condition, opened, silent)
    safe = sentence.replace("|", "/").replace("\n", " ")
    return Status(code, f"WHOSENT {_WORDS[code]} - {safe}|{numbers}")


def _verdict(condition: Condition, opened: Sequence[KeptIncident], silent: float) -> tuple[int, str]:
    """The worst first: an open incident counts also when the daemon is silent."""
    critical = [one for one in opened if one.incident.severity == "critical"]
    if opened:
        more = f" (and {count(len(opened) - 1, 'more incident')})" if len(opened) > 1 else ""
        return (2 if critical else 1), f"{(critical or opened)[0].incident.sentence}{more}"
    if not condition.running:
        return 3, f"watch was stopped at {condition.at}: nobody looks"
    if silent > _SILENT:
        return 3, f"watch has said nothing since {condition.at}: see whether it runs"
    troubled = [f"{one.source}: {one.problem}" for one in condition.sources if one.problem]
    warnings = [*condition.problems, *troubled, *(notice.sentence for notice in condition.notices)]
    if warnings:
        return 1, warnings[0]
    return (3 if condition.verdict == "unknown" else 0), condition.sentence
