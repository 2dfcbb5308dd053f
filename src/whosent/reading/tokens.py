"""The hot loop: a chunk of whole lines in, one token a recognised line out; every line is accounted for.

All rules of all dialects become one alternation whose last branch takes any line, so that the matches tile the
chunk: a line is a token, or understood and not wanted by the caller, or handed to ``otherwise``.  The contract is
small on purpose, so that a native twin can take its place: ``Tokenizer.read(chunk, otherwise)``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from typing import Any, Final, NamedTuple, TypeAlias

from whosent.dialects import Dialect, Rule

_NAMED_GROUP: Final = re.compile(rb"\(\?P<(\w+)>")

# Stamps: RFC 3164 "Nov 12 14:03:07", or RFC 3339 (syslog-ng, rsyslog, postlogd write both before the host name).
_STAMP: Final = (
    rb"(?P<stamp>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d++)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)"
)
_HOST: Final = rb" (?P<host>[^ \n]++) "


def _names(pattern: bytes) -> list[str]:
    return [name.decode() for name in _NAMED_GROUP.findall(pattern)]


class Envelope(NamedTuple):
    """How a line begins, and what stands between the program's name and what it says."""

    start: bytes
    separator: bytes


BSD: Final = Envelope(rb"(?:<\d{1,3}+>)?" + _STAMP + _HOST, rb"(?:\[\d++\])?: ")
RFC5424: Final = Envelope(
    rb"<\d{1,3}+>1 " + _STAMP + _HOST,
    rb' [^ \n]++ [^ \n]++ (?:-|(?:\[(?:[^\]"\n\\]|"(?:[^"\\\n]|\\.)*+")*+\])++)  ?(?:\xef\xbb\xbf)?',
)


Fields: TypeAlias = tuple[Any, ...]  # bytes, or None where nothing was captured; Any spares the hot path its asserts
Token: TypeAlias = tuple[Rule, int, Fields]
"""One recognised line: its rule, its offset in the chunk, and the fields the caller asked for, in order."""

Layout: TypeAlias = Callable[[Rule, tuple[str, ...]], tuple[str, ...] | None]
Otherwise: TypeAlias = Callable[[int, bytes], Iterable[Token]]


class Tokenizer:
    """One compiled alternation for one envelope (or for dialects of whole lines, with ``envelope=None``).

    ``layout(rule, names)`` says which fields of a rule to hand out and in which order, given the names it
    captures; None drops the line as understood.  A name the rule does not capture reads as None.
    """

    def __init__(self, dialects: Iterable[Dialect], envelope: Envelope | None, layout: Layout) -> None:
        self._envelope = envelope
        self._layout = layout
        self._groups = 0
        self._take: dict[int, tuple[Rule, tuple[int, ...]]] = {}
        branches = self._whole_lines(dialects) if envelope is None else [self._tagged(dialects, envelope)]
        self._unrecognised = self._groups + 1  # the empty group of the last branch, which takes any line
        never = rb"(?!)()"  # a group that never takes part: what a missing field reads
        self._pattern = re.compile(rb"|".join([*branches, rb"()[^\n]*+\n", never]))
        self._take = {
            end: (rule, tuple(index or self._pattern.groups for index in indices))
            for end, (rule, indices) in self._take.items()
        }

    def _whole_lines(self, dialects: Iterable[Dialect]) -> list[bytes]:
        return [self._rule(rule, frozenset(), {}) for dialect in dialects for rule in dialect.lines]

    def _tagged(self, dialects: Iterable[Dialect], envelope: Envelope) -> bytes:
        """One envelope before all dialects, so that it is matched once a line; those with a head of tags first."""
        tagged = sorted((dialect for dialect in dialects if dialect.programs), key=lambda dialect: not dialect.head)
        outer = frozenset(_names(envelope.start))
        rules = (rule for dialect in tagged for _, rules in dialect.programs for rule in rules)
        wanted = {name for rule in rules for name in self._wanted(rule, outer)}
        shared: dict[str, int] = {}
        start = self._number(envelope.start, outer & wanted, shared)
        return start + rb"(?:" + rb"|".join(self._branch(dialect, outer, shared) for dialect in tagged) + rb")"

    def _branch(self, dialect: Dialect, outer: frozenset[str], shared: Mapping[str, int]) -> bytes:
        outer |= frozenset(_names(dialect.head))
        wanted = {name for _, rules in dialect.programs for rule in rules for name in self._wanted(rule, outer)}
        numbers = dict(shared)
        start = self._number(dialect.head, wanted, numbers)
        programs = [self._program(program, rules, outer, numbers) for program, rules in dialect.programs]
        return start + rb"(?:" + rb"|".join(programs) + rb")"

    def _program(
        self, program: bytes, rules: Iterable[Rule], outer: frozenset[str], shared: Mapping[str, int]
    ) -> bytes:
        assert self._envelope is not None
        outer |= frozenset(_names(program))
        wanted = {name for rule in rules for name in self._wanted(rule, outer)}
        numbers = dict(shared)
        start = rb"(?:" + self._number(program, wanted, numbers) + rb")" + self._envelope.separator
        return start + rb"(?:" + rb"|".join(self._rule(rule, outer, numbers) for rule in rules) + rb")"

    def _wanted(self, rule: Rule, outer: frozenset[str]) -> tuple[str, ...]:
        return self._layout(rule, (*outer, *_names(rule.pattern))) or ()

    def _number(self, pattern: bytes, wanted: AbstractSet[str], numbers: dict[str, int]) -> bytes:
        """Wanted named groups become numbered ones, noted in ``numbers``; the others no longer capture.

        The fewer groups the alternation has, the cheaper every match is.
        """

        def replace(match: re.Match[bytes]) -> bytes:
            name = match[1].decode()
            if name not in wanted:
                return b"(?:"
            self._groups += 1
            numbers[name] = self._groups
            return b"("

        return _NAMED_GROUP.sub(replace, pattern)

    def _rule(self, rule: Rule, outer: frozenset[str], shared: Mapping[str, int]) -> bytes:
        numbers = dict(shared)
        wanted = self._wanted(rule, outer)
        pattern = self._number(rule.pattern, set(wanted), numbers)
        if not wanted:
            return rb"(?:" + pattern + rb")\n"
        self._groups += 1  # the empty group at its end makes lastindex tell the rules apart
        self._take[self._groups] = (rule, tuple(numbers.get(name, 0) for name in wanted))
        return rb"(?:" + pattern + rb")()\n"

    def read(self, chunk: bytes, otherwise: Otherwise) -> Iterator[Token]:
        """The wanted tokens of a chunk, which must end with a line end; offsets count from its first byte.

        A line no rule recognises goes to ``otherwise(offset, line without its end)``, whose tokens take its place.
        """
        take, unrecognised = self._take.get, self._unrecognised
        for match in self._pattern.finditer(chunk):
            end = match.lastindex
            wanted = take(end)  # type: ignore[arg-type]  # None is no key
            if wanted is not None:
                rule, indices = wanted
                yield rule, match.start(), match.group(*indices)
            elif end == unrecognised:
                yield from otherwise(match.start(), match[0][:-1])
