"""A script as the few kinds of statements and expressions that matter for what flows into a mail."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, TypeAlias


class TooLong(Exception):  # noqa: N818  # a limit with its sentence, no fault of the program
    """The script was not followed to its end."""


class Text(NamedTuple):
    """Words that stand in the script itself."""

    text: str


class Name(NamedTuple):
    """A variable, without its sigil; members with a dot (``this.to``)."""

    name: str


class Item(NamedTuple):
    """An element of an array or hash; ``key`` None: appended."""

    base: Expression
    key: Expression | None


class Join(NamedTuple):
    """Concatenation and interpolation."""

    parts: tuple[Expression, ...]


class Either(NamedTuple):
    """One of several, whichever it is at run time."""

    parts: tuple[Expression, ...]


class Pairs(NamedTuple):
    """An array or hash written out, or named arguments; a key of None is a place in a list."""

    pairs: tuple[tuple[Expression | None, Expression], ...]


class Call(NamedTuple):
    """A function or method; ``=~``, ``s///`` and ``tr///`` of Perl are calls on what they are bound to."""

    name: str
    receiver: Expression | None
    arguments: tuple[Expression, ...]
    line: int


class Choice(NamedTuple):
    """A value that depends on a test."""

    test: Expression
    yes: Expression
    no: Expression


class Compare(NamedTuple):
    """Equal or not equal."""

    left: Expression
    right: Expression
    equal: bool


class Opaque(NamedTuple):
    """An operation whose outcome carries no text of its parts: arithmetic, truth."""

    parts: tuple[Expression, ...]


class Assign(NamedTuple):
    """A value put into a place; ``adds``: behind what is there."""

    target: Expression
    value: Expression
    adds: bool
    line: int


Expression: TypeAlias = Text | Name | Item | Join | Either | Pairs | Call | Choice | Compare | Opaque | Assign


class Do(NamedTuple):
    """An expression by itself."""

    expression: Expression


class If(NamedTuple):
    """A test with what follows from it."""

    test: Expression
    body: tuple[Statement, ...]
    otherwise: tuple[Statement, ...]


class Loop(NamedTuple):
    """A body run for each element; ``over`` None: while."""

    names: tuple[Expression, ...]
    over: Expression | None
    body: tuple[Statement, ...]


class Define(NamedTuple):
    """A function or method of the script."""

    name: str
    parameters: tuple[str, ...]
    body: tuple[Statement, ...]


class Return(NamedTuple):
    """The end of a function."""

    value: Expression


class Leave(NamedTuple):
    """The end of the script, or of what is done with this input: exit, die, throw, an error page."""

    value: Expression


Statement: TypeAlias = Do | If | Loop | Define | Return | Leave

NOTHING = Text("")


def parts_of(expression: Expression) -> tuple[Expression, ...]:  # noqa: PLR0911  # one case for each kind
    """The expressions inside one."""
    match expression:
        case Join(parts) | Either(parts) | Opaque(parts):
            return parts
        case Item(base, key):
            return (base,) if key is None else (base, key)
        case Pairs(pairs):
            return tuple(part for pair in pairs for part in pair if part is not None)
        case Call(_, receiver, arguments, _):
            return arguments if receiver is None else (receiver, *arguments)
        case Choice(test, yes, no):
            return (test, yes, no)
        case Compare(left, right, _):
            return (left, right)
        case Assign(target, value, _, _):
            return (target, value)
        case _:
            return ()


def key_of(expression: Expression) -> str | None:
    """What a place is called: ``email``, ``_POST[email]``; None where that is only known at run time."""
    match expression:
        case Name(name):
            return name
        case Item(base, Text(text)):
            inner = key_of(base)
            return None if inner is None else f"{inner}[{text}]"
        case Assign(target, _, _, _):
            return key_of(target)
        case _:
            return None


def words_in(expression: Expression) -> Iterator[str]:
    """All names and words in an expression."""
    match expression:
        case Name(name) | Call(name, _, _, _):
            yield name
        case Text(words):
            yield words
        case _:
            pass
    for part in parts_of(expression):
        yield from words_in(part)


def functions_of(program: tuple[Statement, ...]) -> Iterator[Define]:
    """The functions and methods of a script, wherever they stand."""
    for one in program:
        match one:
            case Define(_, _, body):
                yield one
                yield from functions_of(body)
            case If(_, body, otherwise):
                yield from functions_of((*body, *otherwise))
            case _:
                pass
