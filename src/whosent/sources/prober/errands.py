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

_WITHIN: Final = 180.0  # seconds for all dialogues of an errand
_MOST: Final = 64 << 20
_Talk = TypeVar("_Talk", Told, Brought)


class SinkError(Exception):
    """The sink cannot be asked, or is not ours; the sentence says why."""

    def __init__(self, obstacle: Obstacle, sentence: str) -> None:
        super().__init__(sentence)
        self.problem = Problem(obstacle, sentence)


def from_outside(questions: Sequence[Dialogue | Exchange], knowledge: Knowledge) -> Iterator[Answer]:
    """Each question put to the address that we have in the sink's eyes."""
    sink = knowledge.sink
    errand = Errand(list(questions), int(time.time()), knowledge.settings.audit.connections, secrets.token_hex(8))
    answers: list[Replies | Received] = []
    problem = Problem("missing", "No sink is configured that could ask from outside.")
    if sink is not None:
        try:
            brought = talk(sink, OUTSIDE, errand, Brought, _WITHIN)
            answers = brought.answers
            problem = Problem("unresolvable", f"The sink knows us as {brought.client}, which is of the other family.")
        except SinkError as error:
            problem = error.problem
    yield from answers
    heard = {one.key for one in answers}
    for one in questions:
        if one.key not in heard:
            kind = Replies if isinstance(one, Dialogue) else Received
            yield kind(key=one.key, at=time.time(), problem=problem)


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
