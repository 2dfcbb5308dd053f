"""The one sentence of a trace and that of its boundary: who recorded what, and what cannot be proven."""

from __future__ import annotations

from typing import Final

from whosent.measures.phrases import dated
from whosent.model.finding import Level
from whosent.trace.boundary import End, Walk
from whosent.trace.culprit import Culprit
from whosent.trace.letter import Letter
from whosent.trace.ours import Ours
from whosent.trace.received import Received

_BELOW: Final = "What stands below that line is the sender's word."
_EPOCH: Final = (-62_000_000_000.0, 253_000_000_000.0)  # what a calendar can show


def boundary_sentence(letter: Letter, walk: Walk, ours: Ours) -> str:
    """Who recorded whom at the last line that can be believed."""
    number = walk.steps[-1].number
    line = letter.lines[number].read
    by = line.by or "the host that delivered this copy"
    owner = ", a mail server of ours," if ours.is_name(line.by) else ""
    when = f" at {dated(line.time)}" if line.time is not None and _EPOCH[0] < line.time < _EPOCH[1] else ""
    under = f" under the queue id {line.id}" if line.id and not (line.with_ or "").startswith("Microsoft") else ""
    told = f"{by}{owner} recorded{when} that {_who(line, walk.end, ours)}{under}."
    return _condition(letter, walk) + told


def _who(line: Received, end: End, ours: Ours) -> str:  # one for each way of handing in
    client = _client(line)
    if end is End.LOCAL:
        return f"{_local(line)} handed the message in on that host itself"
    if end is End.MTA:
        return "it made the message itself"
    if line.from_address is None:
        return "it took or made the message, without saying from which address"
    if end is End.LOGIN:
        login = f" as {line.login}" if line.login else ""
        return f"{client} handed the message over, having logged in{login}"
    if ours.is_loopback(line.from_address):
        return f"a process of that host itself ({line.from_address}) handed the message over"
    where = (
        f", which calls itself {line.from_helo} and may be a server of the same site," if end is End.PERHAPS_INSIDE
        else ", in our networks," if ours.is_address(line.from_address)
        else ""
    )  # fmt: skip
    return f"{client}{where} handed the message over"


def _local(line: Received) -> str:
    if line.uid is not None:
        return f"a program of the local user with uid {line.uid}"
    return "a local program" if (line.local or "").startswith("a ") else f"a program of {line.local}"


def _client(line: Received) -> str:
    port = f" port {line.from_port}" if line.from_port else ""
    name = f" ({line.from_rdns})" if line.from_rdns else ""
    return f"{line.from_address}{port}{name}"


def _condition(letter: Letter, walk: Walk) -> str:
    weak = next((step for step in walk.steps if step.level is Level.CORROBORATED), None)
    if weak is not None:
        return f"Not proven, but likely: line {weak.number + 1} was believed because {weak.why}. If so, "
    if walk.level is Level.VOUCHED:
        top = letter.lines[0].read.by or "the host that delivered this copy"
        return f"As far as this copy is what {top} received: "
    return ""


def sentence(letter: Letter, walk: Walk, ours: Ours, culprit: Culprit, forged: int) -> str:
    """The answer."""
    if letter.problem and not letter.lines:
        return f"Nothing can be said of this input: {letter.problem}."
    if not letter.lines:
        return (
            "Where this message entered is not provable from here: it has no Received line. Get the copy that a mail "
            "server delivered, with all its headers."
        )
    refuted = f" {_refuted(forged)}" if forged else ""
    if not walk.steps:
        return (
            f"Where this message entered is not provable from here: not even its topmost line can be believed.{refuted}"
        )
    told = boundary_sentence(letter, walk, ours)
    if culprit.suspect is not None:
        told = f"{_opening(culprit)} {told}"
    below = len(letter.lines) - walk.steps[-1].number - 1
    rest = f" {_BELOW}" if below else ""
    missing = f" {_wanting(letter, walk, ours)}" if culprit.suspect is None else ""
    return f"{told}{rest}{refuted}{missing}".rstrip()


def _refuted(forged: int) -> str:
    if forged == 1:
        return "One line that names a server of ours is refuted by our own log: whoever sent the message wrote it."
    return f"{forged} lines that name servers of ours are refuted by our own log: whoever sent the message wrote them."


def _opening(culprit: Culprit) -> str:
    return f"It was sent by {culprit.words}."


def _wanting(letter: Letter, walk: Walk, ours: Ours) -> str:
    """What would prove more, where something of ours is behind it."""
    line = letter.lines[walk.steps[-1].number].read
    if walk.end is End.OWN_CLIENT and line.from_address:
        address = line.from_address
        if ours.is_loopback(address):
            what = f"Whether that was the content filter of {line.by} or a program that wrote the rest itself"
            say = f"if it is the filter, --own-network {address} says so"
        else:
            what = f"Whether {address} wrote the message or only passed it on"
            say = f"if it is a mail server of ours, --own-network {address} says so"
        return f"{what} stands in its log: give it with --logs; {say}."
    if walk.end is End.PERHAPS_INSIDE:
        return (
            f"Whether it is one, or a stranger under such a name, is not provable from here: if it is, --own-network "
            f"{line.from_address} says so."
        )
    if walk.end is End.LOGIN and not line.login and walk.ours:
        return f"Which account that was stands in the log of {line.by}: give it with --logs."
    if walk.end is End.LOCAL and walk.ours:
        return f"Which program that was stands in the logs of {line.by}: give them with --logs."
    return ""
