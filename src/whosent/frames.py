"""Rows as bytes: what one process tells another of the rows it joined.

A frame body names each actor once; rows are plain tuples, marshalled.
"""

from __future__ import annotations

import marshal
import struct
from collections.abc import Sequence
from typing import Any, Final

from whosent.dialects import Rule, discover
from whosent.join.lives import Begun, Early
from whosent.model.rows import (
    Actor,
    Arrived,
    Attempted,
    Call,
    Closed,
    Forward,
    Handover,
    JoinedRow,
    Length,
    Login,
    Message,
    Outcome,
    Reason,
    Rejection,
    Reported,
    Request,
    Result,
    Session,
    Subject,
    Verdict,
)
from whosent.reading.native import native

HEADER: Final = struct.Struct("<QQ")  # of a frame: the size of its body, and what else its reader needs
_MARSHAL: Final = 2  # the version without references: quickest for rows that share little
_KINDS: Final = (Message, Outcome, Login, Rejection, Request, Call, Verdict, Subject, Handover, Closed, Early, Begun,
                 Arrived, Attempted, Session, Forward, Reported, Length)  # fmt: skip
_NUMBERS: Final = {kind: number for number, kind in enumerate(_KINDS)}
_WITH_ACTOR: Final = frozenset({Message, Outcome, Handover, Verdict, Subject})
_KNOWN: Final = 50_000  # actors that are one object whatever frame names them

Passed = JoinedRow | Early | Begun


def packed(rows: Sequence[Passed], rules: dict[int, int]) -> bytes:
    """Rows as one frame body: the actors they name, each once, and the rows."""
    known = [row._replace(rule=rules[id(row.rule)]) if isinstance(row, Early) else row for row in rows]  # type: ignore[arg-type]  # by number
    actors: dict[Actor, int] = {}
    plain = native.plain_rows(known, _NUMBERS, actors) if native else [_plain(row, actors) for row in known]
    return marshal.dumps((list(map(tuple, actors)), plain), _MARSHAL)


def _plain(row: Passed, actors: dict[Actor, int]) -> tuple[Any, ...]:
    """The number of its class and its fields, all of them plain values; an actor is a number in ``actors``."""
    number, actor = _NUMBERS[row.__class__], row[2]
    told = actors.setdefault(actor, len(actors)) if isinstance(actor, Actor) else actor
    if isinstance(row, Outcome):
        return (number, *row[:2], told, *row[3:6], int(row.result), int(row.reason), *row[8:])
    return (number, *row[:2], told, *row[3:])


def unpacked(body: bytes, rules: list[Rule], known: dict[Actor, Actor]) -> list[Passed]:
    """The rows of a frame body; ``known`` are actors of frames before, which are the same objects again."""
    told, plain = marshal.loads(body)  # noqa: S302  # our own frame
    if len(known) > _KNOWN:
        known.clear()
    actors = [known.setdefault(one, one) for one in map(Actor._make, told)]
    rows: list[Passed]
    if native:
        rows = native.whole_rows(plain, _KINDS, _WITH_ACTOR, Outcome, actors, _RESULTS, _REASONS)
    else:
        rows = [_whole(actors, *one) for one in plain]
    if Early in map(type, rows):
        rows = [row._replace(rule=rules[row.rule]) if isinstance(row, Early) else row for row in rows]  # type: ignore[call-overload]  # a number
    return rows


def _whole(actors: list[Actor], number: int, *fields: Any) -> Passed:  # noqa: ANN401  # what marshal gives
    """The row that was made plain."""
    kind, values = _KINDS[number], list(fields)
    if kind in _WITH_ACTOR:
        values[2] = actors[values[2]]
    if kind is Outcome:
        values[6], values[7] = _RESULTS[values[6]], _REASONS[values[7]]
    return tuple.__new__(kind, values)  # type: ignore[return-value]  # of that kind


_RESULTS: Final = list(Result)
_REASONS: Final = list(Reason)


def all_rules() -> list[Rule]:
    """Every rule of every dialect, in an order that all processes of one version share."""
    return [
        rule
        for dialect in discover()
        for rules in (*(rules for _, rules in dialect.programs), dialect.lines)
        for rule in rules
    ]
