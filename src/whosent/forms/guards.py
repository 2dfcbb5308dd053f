"""What a test of a script says about a visitor's words, wherever the form goes on only after it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple, Protocol

from whosent.forms import filters, names
from whosent.forms.code import Call, Compare, Define, Expression, Name, Text, key_of, parts_of
from whosent.forms.filters import Left
from whosent.forms.values import Value, marks, text


class Guard(NamedTuple):
    """Fields that a test is about, and what it leaves of them."""

    origins: set[str]
    left: Left
    inside: bool  # in the branch taken
    outside: bool  # behind it, if the branch leaves


class Context(Protocol):
    """What a test needs to know of the script."""

    def value(self, expression: Expression) -> Value:
        """What an expression may hold."""

    def function(self, name: str) -> Define | None:
        """A function of the script."""


def guards_of(test: Expression, context: Context) -> list[Guard]:
    """All that a test says; it does not matter which way round it is asked."""
    return list(_guards(test, context, 0))


def _guards(test: Expression, context: Context, depth: int) -> Iterator[Guard]:
    match test:
        case Call():
            yield from _of_call(test, context, depth)
        case Compare(left, right, equal):
            yield from _of_compare(left, right, context, equal=equal)
        case _:
            pass
    if depth < 12:  # noqa: PLR2004  # levels of brackets
        for part in parts_of(test):
            yield from _guards(part, context, depth + 1)


def _origins(expressions: tuple[Expression, ...], context: Context) -> set[str]:
    """The fields that a value comes from."""
    found = {mark.origin for one in expressions for mark in marks(context.value(one))}
    return found | {key for one in expressions if (key := key_of(one)) is not None and "[" in key}


def _both(origins: set[str], left: Left) -> Iterator[Guard]:
    if origins and left != filters.ALL:
        yield Guard(origins, left, inside=True, outside=True)


def _of_call(call: Call, context: Context, depth: int) -> Iterator[Guard]:
    name, given = call.name, call.arguments
    if name == "=~" and call.receiver is not None:
        yield from _both(_origins((call.receiver,), context), filters.tested(filters.pattern(_words(given, context))))
    elif name in names.MATCHING and len(given) > 1:
        found = filters.pattern(_words(given, context), delimited=name.startswith("preg"))
        yield from _both(_origins(given[1:2], context), filters.tested(found))
    elif name in names.SEARCHING and len(given) > 1:
        yield from _both(_origins(given[:1], context), filters.searched(context.value(given[1])))
    elif name == "filter_var" and given:
        said = {part.name for part in given if isinstance(part, Name)}
        left = filters.ADDRESS if "FILTER_VALIDATE_EMAIL" in said else filters.ALL
        yield from _both(_origins(given[:1], context), left)
    elif name == "in" and given and isinstance(given[0], Text):
        yield from _both(_origins(given[1:], context), filters.searched(context.value(given[0])))
    elif name in names.CHOOSING and given:
        yield from _chosen(call, context)
    elif name in names.AN_ADDRESS:
        yield from _both(_origins(given, context), filters.ADDRESS)
    else:
        yield from _of_own_test(call, context, depth)


def _chosen(call: Call, context: Context) -> Iterator[Guard]:
    """``in_array($x, $ours)``, ``isset($ours[$x])``, ``exists $ours{$x}``, ``grep { $_ eq $x } @ours``."""
    first = call.arguments[0]
    if call.name in {"isset", "exists"}:
        keys = tuple(part for part in parts_of(first)[1:] if not isinstance(part, Text))
        outer = parts_of(first)[:1]
        if not keys or any(marks(context.value(one)) for one in outer):
            return
        yield from _both(_origins(keys, context), filters.ONE_OF_OURS)
    elif call.name == "grep":
        tested = tuple(part for one in call.arguments[1:] for part in _all_parts(one))
        if not marks(context.value(first)):
            yield from _both(_origins(tested, context), filters.ONE_OF_OURS)
    elif not any(marks(context.value(one)) for one in call.arguments[1:2]):
        yield from _both(_origins((first,), context), filters.ONE_OF_OURS)


def _all_parts(expression: Expression) -> Iterator[Expression]:
    yield expression
    for part in parts_of(expression):
        yield from _all_parts(part)


def _of_compare(left: Expression, right: Expression, context: Context, *, equal: bool) -> Iterator[Guard]:
    """Equal to one of our own words; being empty says nothing."""
    for one, other in ((left, right), (right, left)):
        fixed = context.value(other)
        if fixed and not marks(fixed) and text(fixed).strip():
            origins = _origins((one,), context)
            if origins:
                yield Guard(origins, filters.ONE_OF_OURS, inside=equal, outside=not equal)


def _of_own_test(call: Call, context: Context, depth: int) -> Iterator[Guard]:
    """A function of the script that tests what it is given, or one from elsewhere whose name says so."""
    origins = _origins(call.arguments, context)
    if not origins or depth > 12:  # noqa: PLR2004  # levels of brackets
        return
    function = context.function(call.name)
    if function is None:
        if names.LOOKS_LIKE_A_TEST.search(call.name):
            yield from _both(origins, filters.DOUBTFUL)
        return
    left = filters.ALL
    for inner in _calls(function.body):
        pattern_first = inner.name in names.MATCHING
        found = _inner_left(inner, context) if pattern_first or inner.name in {*names.SEARCHING, "filter_var"} else left
        left = Left(*(min(a, b) for a, b in zip(left, found, strict=True)))
    yield from _both(origins, left)


def _inner_left(call: Call, context: Context) -> Left:
    given = call.arguments
    if call.name == "filter_var":
        said = {part.name for part in given if isinstance(part, Name)}
        return filters.ADDRESS if "FILTER_VALIDATE_EMAIL" in said else filters.ALL
    if call.name in names.SEARCHING:
        return filters.searched(context.value(given[1])) if len(given) > 1 else filters.ALL
    return filters.tested(filters.pattern(_words(given, context), delimited=call.name.startswith("preg")))


def _calls(program: tuple[object, ...]) -> Iterator[Call]:
    """All calls in statements and expressions."""
    for one in program:
        if isinstance(one, Call):
            yield one
        if isinstance(one, tuple):
            yield from _calls(tuple(one))


def _words(given: tuple[Expression, ...], context: Context) -> str:
    return text(context.value(given[0])) if given else ""
