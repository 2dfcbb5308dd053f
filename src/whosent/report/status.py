"""One line for a monitoring system (Nagios, Icinga): the state, the answer, and numbers behind a bar (pure)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from whosent.measures.phrases import count
from whosent.model.alert import ChannelHealth
from whosent.model.condition import Condition
from whosent.model.lifecycle import KeptIncident, State
from whosent.model.report import Verdict
from whosent.report.plugin import Measure, line

_SILENT: Final = 60.0  # seconds without a word of the daemon
_NUMBERS: Final = ("messages", "sent", "deferred", "bounced", "rejected", "logins", "failed_logins")
_CODES: Final[dict[Verdict, int]] = {"clean": 0, "warning": 1, "critical": 2, "unknown": 3}


class Status(NamedTuple):
    """What a monitoring system is told."""

    code: int  # 0 to 3, as plugins have it
    text: str


class Seen(NamedTuple):
    """What it is made of."""

    condition: Condition | None
    kept: Sequence[KeptIncident]
    hour: Mapping[str, int]  # counters of the last hour
    queued: Mapping[str, int]  # messages by folder of the queues at the last look
    channels: Sequence[ChannelHealth]
    waiting: int  # alerts that no channel has taken


def status(seen: Seen, now: float) -> Status:
    """The line, and the exit code that goes with it."""
    if seen.condition is None:
        return Status(3, line("unknown", "no watch has run here: start it with whosent watch", ()))
    silent = now - datetime.fromisoformat(seen.condition.at).timestamp()
    opened = [one for one in seen.kept if one.state is State.OPEN]
    verdict, sentence = _verdict(seen.condition, opened, seen, silent)
    return Status(_CODES[verdict], line(verdict, sentence, _measures(seen, seen.condition, opened, silent)))


def _measures(seen: Seen, condition: Condition, opened: Sequence[KeptIncident], silent: float) -> list[Measure]:
    return [
        Measure("incidents_open", len(opened), critical="0"),
        Measure("incidents_contained", sum(one.state is State.CONTAINED for one in seen.kept)),
        *(Measure(f"{name}_1h", seen.hour.get(name, 0)) for name in _NUMBERS),
        *(Measure(f"queue_{folder}", length) for folder, length in sorted(seen.queued.items())),
        Measure("behind", sum(one.behind for one in condition.sources), "B"),
        Measure("last_word", max(0.0, silent), "s", critical=f"{_SILENT:g}"),
        Measure("alerts_waiting", seen.waiting, critical="0"),
        Measure("channels_failing", sum(bool(one.failures) for one in seen.channels), warning="0"),
    ]


def _verdict(condition: Condition, opened: Sequence[KeptIncident], seen: Seen, silent: float) -> tuple[Verdict, str]:
    """The worst first: an open incident counts also when the daemon is silent."""
    failing = [f"the channel {one.name} fails: {one.problem}" for one in seen.channels if one.failures]
    if opened:
        critical = [one for one in opened if one.incident.severity == "critical"]
        more = f" (and {count(len(opened) - 1, 'more incident')})" if len(opened) > 1 else ""
        also = "".join(f"; {one}" for one in failing)
        return ("critical" if critical else "warning"), f"{(critical or opened)[0].incident.sentence}{more}{also}"
    if not condition.running:
        return "unknown", f"watch was stopped at {condition.at}: nobody looks"
    if silent > _SILENT:
        return "unknown", f"watch has said nothing since {condition.at}: see whether it runs"
    if seen.waiting and failing:
        return "critical", f"{count(seen.waiting, 'alert')} reached nobody: {'; '.join(failing)}"
    troubled = [f"{one.source}: {one.problem}" for one in condition.sources if one.problem]
    warnings = [*condition.problems, *troubled, *failing, *(notice.sentence for notice in condition.notices)]
    if warnings:
        return "warning", warnings[0]
    return ("unknown" if condition.verdict == "unknown" else "clean"), condition.sentence
