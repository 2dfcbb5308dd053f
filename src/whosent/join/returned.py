"""Bounces as outcomes: what the world said later of mail that another host of ours, or a smart host, took (pure).

A bounce counts only for a message of our logs that had this recipient, once, and only if the log does not tell the
same: a stranger who was never sent a mail cannot make one count, and a recipient only for himself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final

from whosent.join.matching import matches
from whosent.join.replies import reason
from whosent.join.sightings import Sighting
from whosent.model.complaint import ReportedRecipient, Told
from whosent.model.rows import Outcome, Result

_RESULTS: Final = {"bounced": Result.BOUNCED, "deferred": Result.DEFERRED}

_LATEST: Final = 14 * 86_400.0  # seconds after which no server bounces any more: its date is not believed


class Returned:
    """Turns bounces into outcomes; counts those that belong to no message of the logs."""

    def __init__(self, kept: list[Sighting], is_own: Callable[[str], bool]) -> None:
        self.used = 0
        self.unknown = 0  # recipients whose message, or who in it, is not in the logs
        self.told_before = 0  # recipients of whom the log tells the same
        self._kept = kept
        self._is_own = is_own
        self._done: set[tuple[int, str, Result]] = set()

    def outcomes(self, told: Told, ref: int) -> Iterator[Outcome]:
        """The outcomes of one bounce; ``ref`` is where it was read."""
        if told.kind != "bounce":
            return
        found = [match for match in matches(told, self._kept) if match.firm and "recipient" in match.traits]
        for one in told.recipients:
            result = _RESULTS.get(one.status or "")
            if result is None or not one.recipient:
                continue
            box = one.recipient.lower()
            match = next((match for match in found if box in match.sighting.recipients), None)
            if match is None:
                self.unknown += 1
                continue
            before = match.sighting.recipients[box].status
            key = (id(match.origin), box, result)
            if (
                before in {"bounced", "expired"}
                or key in self._done
                or (result is Result.DEFERRED and before == "deferred")
            ):
                self.told_before += 1
                continue
            self._done.add(key)
            self.used += 1
            yield self._outcome(told, one, match.origin, result, ref)

    def _outcome(self, told: Told, one: ReportedRecipient, origin: Sighting, result: Result, ref: int) -> Outcome:
        said = reason((one.dsn or "").encode(), (one.smtp_reply or "").encode("utf-8", "replace"))
        time = told.reported if told.reported is not None else told.arrival
        believable = time is not None and origin.opened <= time <= origin.opened + _LATEST
        return Outcome(
            time=time if time is not None and believable else origin.closed,
            ref=ref,
            actor=origin.actor(self._is_own),
            queue_id="",
            sender=(origin.sender or "").lower().encode(),
            recipient=(one.recipient or "").lower().encode(),
            result=result,
            reason=said,
            relay="",
            forwarded=False,
        )


def rows(bounces: Iterable[tuple[Told, int]], returned: Returned) -> list[Outcome]:
    """All of them in time order."""
    return sorted((row for told, ref in bounces for row in returned.outcomes(told, ref)), key=lambda row: row[:2])
