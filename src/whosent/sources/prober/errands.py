"""Has the sink put questions to us from where it stands, and believes only an answer that its key signed."""

from __future__ import annotations

import hmac
import http.client
import secrets
import time
from collections.abc import Iterator, Sequence
from typing import Final, TypeVar
from urllib.parse import urlsplit

import msgspec

from whosent.model.check import Answer, Dialogue, Exchange, Knowledge, Obstacle, Problem, Received, Replies, Sink
from whosent.model.sinktalk import OUTSIDE, SIGNATURE, Asked, Brought, Errand, Told
from whosent.model.token import signature
from whosent.published.senders import public

_WITHIN: Final = 180.0  # seconds for all dialogues of an errand
_MOST: Final = 64 << 20
_Talk = TypeVar("_Talk", Told, Brought)


class SinkError(Exception):
    """The sink cannot be asked, or is not ours; the sentence says why."""

    def __init__(self, obstacle: Obstacle, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(obstacle, sentence)


def from_outside(questions: Sequence[Dialogue | Exchange], knowledge: Knowledge) -> Iterator[Answer]:
    """Each question put to the address that we have in the sink's eyes, by IPv4 and by IPv6.

    What the sink could not ask is ``missing``: that nobody asked does not mean that nobody is there.
    """
    sink = knowledge.sink
    its = 6 if sink is not None and ":" in sink.address else 4
    for other in (False, True):
        asked = [one for one in questions if (one.family == 10 - its) is other]
        heard: dict[str, Replies | Received] = {}
        lacking = _lacking(knowledge, 10 - its) if other or sink is None else None
        if asked and lacking is None and sink is not None:
            heard, lacking = _errand(sink, sink.other if other else sink.query, asked, knowledge)
        for one in asked:
            kind = Replies if isinstance(one, Dialogue) else Received
            yield heard.get(one.key) or kind(key=one.key, at=time.time(), problem=lacking)


def _lacking(knowledge: Knowledge, family: int) -> Problem | None:
    """Why nothing can be asked by this family of addresses: no sink, or one of the two has no such address."""
    if knowledge.sink is None:
        return Problem("missing", "No sink is configured that could ask from outside.")
    ours = next((one for one in public(knowledge.addresses) if (":" in one) == (family == 6)), None)  # noqa: PLR2004  # IPv6
    if ours is None:
        return Problem("unresolvable", f"We have no IPv{family} address that others can see.")
    if not knowledge.sink.other:
        return Problem("missing", f"This machine has the address {ours}, but the sink has none to ask it from.")
    return None


def _errand(
    sink: Sink, query: str, questions: Sequence[Dialogue | Exchange], knowledge: Knowledge
) -> tuple[dict[str, Replies | Received], Problem]:
    """The answers by their keys, and why there is none where there is none."""
    errand = Errand(list(questions), int(time.time()), knowledge.settings.audit.connections, secrets.token_hex(8))
    try:
        brought = talk(msgspec.structs.replace(sink, query=query), OUTSIDE, errand, Brought, _WITHIN)
    except SinkError as error:
        return {}, Problem("missing", error.problem.sentence)
    lacking = Problem("unresolvable", f"The sink knows us as {brought.client}, which is of the other family.")
    return {one.key: one for one in brought.answers}, lacking


def talk(sink: Sink, path: str, body: Asked | Errand, kind: type[_Talk], within: float) -> _Talk:
    """One signed question, one signed answer."""
    place = urlsplit(sink.query)
    asked = msgspec.json.encode(body)
    headers = {"Content-Type": "application/json", SIGNATURE: signature(sink.key, asked)}
    connection = http.client.HTTPConnection(place.hostname or "", place.port or 80, timeout=within)
    try:
        connection.request("POST", path, asked, headers)
        response = connection.getresponse()
        answer = response.read(_MOST)
        signed = response.headers.get(SIGNATURE, "")
    except TimeoutError:
        raise SinkError("timeout", f"The sink at {sink.query} did not answer within {within:.0f} seconds.") from None
    except (OSError, http.client.HTTPException) as error:
        raise SinkError("unreachable", f"The sink at {sink.query} cannot be asked: {error!r}.") from None
    finally:
        connection.close()
    if not hmac.compare_digest(signed.encode(), signature(sink.key, answer).encode()):
        raise SinkError("protocol", f"What answers at {sink.query} does not have our key: it is no sink of ours.")
    try:
        told = msgspec.json.decode(answer, type=kind)
    except msgspec.DecodeError:
        raise SinkError("protocol", f"The sink at {sink.query} is of another version.") from None
    if told.nonce != body.nonce:
        raise SinkError("protocol", f"The answer from {sink.query} is an old one.")
    return told
