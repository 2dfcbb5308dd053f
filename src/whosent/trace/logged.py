"""Whether a line that names one of our hosts and a queue id is about the message our log knows under that id."""

from __future__ import annotations

from typing import Final, NamedTuple

from whosent.join.sightings import Sent, Sighting, Sightings
from whosent.trace.addresses import canonical
from whosent.trace.letter import Letter
from whosent.trace.ours import Ours
from whosent.trace.received import Received

_CLOCKS: Final = 900.0  # seconds by which a line and the log of the same host may differ: a slow message, a mail filter


class Match(NamedTuple):
    """What our log says of one line."""

    life: Sighting | None  # None: no such id in the log
    host: str  # whose log
    agrees: bool  # the life is this message's, as far as its time, its Message-ID and its client can tell
    why: str  # in a few words
    absent: bool  # the log is proven to cover the time and does not know the id

    @property
    def refutes(self) -> bool:
        """Whether the line cannot be what that host wrote about this message."""
        return self.absent or (self.life is not None and not self.agrees)


def match(letter: Letter, number: int, ours: Ours, sightings: Sightings | None) -> Match | None:
    """What the log says of the line with this number (from 0); None: no log of that host, or no queue id."""
    line = letter.lines[number].read
    certain = ours.log_of(line.by)
    host = certain if certain is not None else ours.may_be_log_of(line.by)
    if sightings is None or host is None or not line.id:
        return None
    lives = [life for life in sightings.lives.get(line.id, ()) if life.host.lower() == host]
    if certain is None:
        lives = [life for life in lives if _is_it(life, line, letter.message_id)]
        if not lives:
            return None
    if not lives:
        absent = bool(host) and line.time is not None and sightings.covers(host, line.time)
        return Match(None, host, agrees=False, why="the log does not know this queue id", absent=absent)
    fitting = [(_against(line, life, letter.message_id), life) for life in lives]
    for against, life in fitting:
        if not against:
            return Match(life, host, agrees=True, why="queue id, time and Message-ID agree with the log", absent=False)
    against, life = fitting[0]
    return Match(life, host, agrees=False, why=against, absent=False)


def _is_it(life: Sighting, line: Received, message_id: str | None) -> bool:
    """Whether the life is this message's beyond doubt, so that the server's name need not be known."""
    return bool(life.message_id) and bool(message_id) and line.time is not None and not _against(line, life, message_id)


def _against(line: Received, life: Sighting, message_id: str | None) -> str:  # noqa: PLR0911  # one for each field
    """What speaks against the line being about this life; "" if nothing does."""
    if line.time is not None and not life.opened - _CLOCKS <= line.time <= life.closed + _CLOCKS:
        return "the log knows this queue id at another time"
    if life.message_id and message_id and life.message_id.strip("<>") != message_id.strip("<> "):
        return "the log has another Message-ID for this queue id"
    logged = canonical(life.address) if life.address else None
    if logged and line.from_address and logged != line.from_address:
        return f"the log has another client for this queue id, {logged}"
    if line.local is not None and life.submitted and life.address and not life.uid:
        return f"the log has a client for this queue id, {life.address}"
    if line.uid is not None and life.uid is not None and life.uid != line.uid:
        return f"the log has another uid for this queue id, {life.uid}"
    if line.login and life.account and line.login != life.account:
        return f"the log has another login for this queue id, {life.account}"
    return ""


def delivered(life: Sighting, above: Received, recipients: frozenset[str]) -> Sent | None:
    """The delivery of this life to the host that wrote the line above, at its time and to the recipient it names."""
    told = recipients | ({above.for_.lower()} if above.for_ else frozenset())
    for sent in life.sent:
        near = above.time is None or abs(sent.time - above.time) <= _CLOCKS
        there = bool(above.by) and sent.relay.lower() == (above.by or "").lower()
        if sent.status == "sent" and near and there and {sent.recipient.lower(), sent.original.lower()} & told:
            return sent
    return None
