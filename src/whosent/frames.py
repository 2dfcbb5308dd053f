"""Rows as bytes: what one process tells another of the rows it joined."""

from __future__ import annotations

import marshal
import struct
from collections.abc import Callable, Iterable, Sequence
from enum import IntEnum
from functools import cache
from pathlib import Path
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


def _build() -> tuple[tuple[int, int], ...]:
    """What an upgrade, or a compiler, replaces: which files these are, and when they were written."""
    try:
        files = [Path(module).stat() for module in (__file__, *([native.__file__ or ""] if native else []))]
    except OSError:  # no files of their own
        return ()
    return tuple((file.st_ino, file.st_mtime_ns) for file in files)


BUILD: Final = _build()
"""Frames pass between processes of the same build only."""

HEADER: Final = struct.Struct("<QQ")  # of a frame: the size of its body, and what else its reader needs
_MARSHAL: Final = 2  # the version without references: quickest for rows that share little
_CLASSES: Final = (Message, Outcome, Login, Rejection, Request, Call, Verdict, Subject, Handover, Closed, Early, Begun,
                   Arrived, Attempted, Session, Forward, Reported, Length, Actor,
                   list(Result), list(Reason))  # fmt: skip
_NUMBERS: Final = {type(one[0]) if isinstance(one, list) else one: number for number, one in enumerate(_CLASSES)}

Passed = JoinedRow | Early | Begun


class Packing:
    """Makes frames of rows; what stands in several is told once, so all frames of one go to one :class:`Unpacking`."""

    def __init__(self) -> None:
        self.joined: Callable[[list[Any]], bytes] = native.Packer(_NUMBERS).pack if native else packed_purely
        """The body of the next frame, of rows that are whole."""

    def pack(self, rows: Sequence[Passed]) -> bytes:
        """The body of the next frame."""
        if Early in map(type, rows):
            rows = [row._replace(rule=_numbers()[id(row.rule)]) if isinstance(row, Early) else row for row in rows]  # type: ignore[arg-type]  # by number
        return self.joined(list(rows))


class Unpacking:
    """Makes rows of frames."""

    def __init__(self) -> None:
        self.joined: Callable[[bytes], list[Any]] = native.Unpacker(_CLASSES).unpack if native else unpacked_purely
        """The rows of the next frame, which were whole."""

    def unpack(self, body: bytes) -> list[Passed]:
        """The rows of the next frame."""
        rows: list[Passed] = self.joined(body)
        if Early in map(type, rows):
            rows = [row._replace(rule=all_rules()[row.rule]) if isinstance(row, Early) else row for row in rows]  # type: ignore[call-overload]  # a number
        return rows


def packed_purely(rows: Iterable[Passed]) -> bytes:
    """Without the compiled twin: values that :mod:`marshal` knows, a row's class and a member told by number."""
    return marshal.dumps(list(map(_plain, rows)), _MARSHAL)


def unpacked_purely(body: bytes) -> list[Passed]:
    """The same back."""
    return list(map(_whole, marshal.loads(body)))  # noqa: S302  # our own frame


def _plain(value: Any) -> Any:  # noqa: ANN401  # any value of a row
    number = _NUMBERS.get(value.__class__)
    if number is None:
        return value
    return [number, int(value)] if isinstance(value, IntEnum) else [number, *map(_plain, value)]


def _whole(value: Any) -> Any:  # noqa: ANN401
    if value.__class__ is not list:
        return value
    kind, fields = _CLASSES[value[0]], value[1:]
    return kind[fields[0]] if isinstance(kind, list) else tuple.__new__(kind, map(_whole, fields))


@cache
def all_rules() -> list[Rule]:
    """Every rule of every dialect, in an order that all processes of one version share."""
    return [
        rule
        for dialect in discover()
        for rules in (*(rules for _, rules in dialect.programs), dialect.lines)
        for rule in rules
    ]


@cache
def _numbers() -> dict[int, int]:
    """The number of each rule, by its identity."""
    return {id(rule): number for number, rule in enumerate(all_rules())}
