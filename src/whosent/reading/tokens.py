"""The hot loop: a chunk of whole lines in, one token a recognised line out; every line is accounted for.

All rules of all dialects become one alternation whose last branch takes any line, so that the matches tile the
chunk: a line is a token, or understood and not wanted by the caller, or handed to ``otherwise``.  The contract is
small on purpose: ``Tokenizer.read(chunk, otherwise)``.  Where the compiled twin is installed (``native/matcher.c``),
PCRE2 matches the same alternation; this one is the reference.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from collections.abc import Set as AbstractSet
from functools import cache, cached_property
from itertools import groupby
from typing import Any, Final, NamedTuple, TypeAlias

from whosent.dialects import Dialect, Rule
from whosent.reading.native import native
from whosent.reading.patterns import portable
from whosent.reading.slots import apart, choice, shared

_NAMED_GROUP: Final = re.compile(rb"\(\?P<(\w+)>")
_CLASS: Final = re.compile(rb"\\.|\[\^?(?:\\.|[^\]\\])+\]", re.DOTALL)
_LEAD: Final = re.compile(rb"\(\?P<\w+>(?:\[[^\]\\]+\](?:\{\d+,\d+\}\+)?)+\): ")  # "(?P<queue_id>[0-9A-F]{5,24}+): "
# What every message has; other lines are told apart by the alternation, and their fields are read by the rule alone.
_USUAL: Final = frozenset({"submission", "queued", "delivery", "removed", "collected", "attempts"})
# As native.h numbers them; 0: others.
_KINDS: Final = {
    "delivery": 1, "queued": 2, "submission": 3, "removed": 4, "arrival": 5, "login": 6, "rejection": 6,
}  # fmt: skip

# Stamps: RFC 3164 "Nov 12 14:03:07", or RFC 3339 (syslog-ng, rsyslog, postlogd write both before the host name).
_STAMP: Final = (
    rb"(?P<stamp>[A-Z][a-z]{2} [ \d]?\d \d\d:\d\d:\d\d"
    rb"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:[.,]\d++)?(?: ?(?:Z|[+-]\d\d:?\d\d))?)"
)
_HOST: Final = rb" (?P<host>[^ \n]++) "


def _names(pattern: bytes) -> list[str]:
    return [name.decode() for name in _NAMED_GROUP.findall(pattern)]


@cache
def _as_table(written: bytes) -> bytes:
    """A class of bytes written as ranges of those it holds, which becomes one look into a table.

    The engine walks along a class that is negated or names a category, for every byte it matches; PCRE2 does not.
    """
    if native or (written[:1] != b"[" and written not in {rb"\d", rb"\w"}):
        return written
    one = re.compile(written, re.DOTALL)
    members = {number for number in range(256) if one.match(bytes([number]))}
    if len(members) == 255:  # noqa: PLR2004  # all but one: quicker as it is
        return written
    starts = sorted(number for number in members if number - 1 not in members)
    ends = sorted(number for number in members if number + 1 not in members)
    return b"[" + b"".join(b"\\x%02x-\\x%02x" % ends for ends in zip(starts, ends, strict=True)) + b"]"


class Envelope(NamedTuple):
    """How a line begins, and what stands between the program's name and what it says."""

    start: bytes
    separator: bytes


BSD: Final = Envelope(rb"(?:<\d{1,3}+>)?" + _STAMP + _HOST, rb"(?:\[(?P<pid>\d++)\])?: ")
RFC5424: Final = Envelope(
    rb"<\d{1,3}+>1 " + _STAMP + _HOST,
    rb' (?P<pid>[^ \n]++) [^ \n]++ (?:-|(?:\[(?:[^\]"\n\\]|"(?:[^"\\\n]|\\.)*+")*+\])++)  ?(?:\xef\xbb\xbf)?',
)


Fields: TypeAlias = tuple[Any, ...]  # bytes, or None where nothing was captured; Any spares the hot path its asserts
Token: TypeAlias = tuple[Rule, int, Fields]
"""One recognised line: its rule, its offset in the chunk, and the fields the caller asked for, in order."""

Layout: TypeAlias = Callable[[Rule, tuple[str, ...]], tuple[str, ...] | None]
Otherwise: TypeAlias = Callable[[int, bytes], Iterable[Token]]
GivenUp: TypeAlias = Callable[[int, bytes, Otherwise], Iterator[Token]]


class _Groups:
    """Turns named groups into numbered ones; the fewer there are, the cheaper every match is."""

    def __init__(self) -> None:
        self.count = 0

    def number(self, pattern: bytes, wanted: AbstractSet[str], numbers: dict[str, int]) -> bytes:
        """The pattern with its wanted groups numbered, noted in ``numbers``; the others no longer capture."""

        def replace(match: re.Match[bytes]) -> bytes:
            name = match[1].decode()
            if name not in wanted:
                return b"(?:"
            numbers[name] = self.empty()
            return b"("

        return _CLASS.sub(lambda written: _as_table(written[0]), _NAMED_GROUP.sub(replace, pattern))

    def empty(self) -> int:
        """The number of one more group."""
        self.count += 1
        return self.count


class _Implied:
    """A rule that implies fields: what its line captured, and the constants among the wanted fields."""

    def __init__(self, rule: Rule, indices: tuple[int, ...], constants: dict[int, bytes]) -> None:
        self.rule = rule
        self.indices = indices
        self._constants = constants

    def fields(self, match: re.Match[bytes]) -> Fields:
        """The wanted fields of a line that the alternation matched."""
        fields: list[Any] = list(match.group(*self.indices))
        for place, constant in self._constants.items():
            fields[place] = constant
        return tuple(fields)

    def columns(self, never: int) -> tuple[int | bytes | None, ...]:
        """What each wanted field is: a group's number, a constant, or nothing; ``never`` is the group of none."""
        captured = (None if index == never else index for index in self.indices)
        return tuple(self._constants.get(place, index) for place, index in enumerate(captured))


def _constants(rule: Rule, wanted: tuple[str, ...], captured: Mapping[str, int]) -> dict[int, bytes]:
    """What the rule implies of the wanted fields, by their place; a field it captures is not implied."""
    fixed = dict(rule.fixed)
    return {
        place: fixed[name].encode() for place, name in enumerate(wanted) if name in fixed and not captured.get(name)
    }


class _Alone:
    """A rule by itself, for the fields of a line that the alternation recognised without reading them."""

    def __init__(self, rule: Rule, pattern: bytes, wanted: tuple[str, ...]) -> None:
        groups, numbers = _Groups(), dict[str, int]()
        self.rule = rule
        self._pattern = groups.number(pattern, set(wanted), numbers)
        self._indices = [numbers.get(name) for name in wanted]
        self._constants = _constants(rule, wanted, numbers)
        self._compiled: re.Pattern[bytes] | None = None

    def fields(self, found: re.Match[bytes]) -> Fields:
        """The wanted fields of a line that the alternation recognised."""
        if self._compiled is None:
            self._compiled = re.compile(portable(self._pattern))
        match = self._compiled.match(found[0])
        assert match is not None
        implied = self._constants.get
        return tuple(match[index] if index else implied(place) for place, index in enumerate(self._indices))


class Tokenizer:
    """One compiled alternation for one envelope (or for dialects of whole lines, with ``envelope=None``).

    ``layout(rule, names)`` says which fields of a rule to hand out and in which order, given the names it
    captures; None drops the line as understood.  A name the rule does not capture reads as None.
    """

    def __init__(
        self, dialects: Iterable[Dialect], envelope: Envelope | None, layout: Layout, slow: GivenUp | None = None
    ) -> None:
        dialects = sorted(
            (dialect for dialect in dialects if (dialect.programs if envelope else dialect.lines)),
            key=lambda dialect: not dialect.head,
        )
        self._envelope = envelope
        self._layout = layout
        self._slow = slow or self._given_up
        self._groups = _Groups()
        self._captured: set[Rule] = set()
        self._take: dict[int | None, tuple[Rule | None, tuple[int, ...]]] = {}  # by the last group of a match
        self._alone: dict[int | None, _Alone | _Implied] = {}
        branches = self._whole_lines(dialects) if envelope is None else [self._tagged(dialects, envelope)]
        self._take[self._groups.empty()] = (None, ())  # of the last branch, which takes any line
        never = rb"(?!)()"  # a group that never takes part: what a missing field reads
        last = self._groups.empty()
        written = portable(choice([*branches, rb"()[^\n]*+\n", never]))
        self._written = apart(written)
        self._take = {
            end: (rule, tuple(index or last for index in indices)) for end, (rule, indices) in self._take.items()
        }
        for one in self._alone.values():
            if isinstance(one, _Implied):
                one.indices = tuple(index or last for index in one.indices)
        self.twin: Any = self._compiled(dialects, written, last) if native else None

    def _whole_lines(self, dialects: Iterable[Dialect]) -> list[bytes]:
        """Web servers' last: their lines begin with anything, which takes long to find wrong."""
        branches = []
        for dialect in sorted(dialects, key=lambda dialect: dialect.late):
            for lead, alike in groupby(dialect.lines, _lead):
                led, numbers = list(alike), dict[str, int]()
                wanted = {name for rule in led for name in self._wanted(rule, frozenset())}
                opening = self._groups.number(lead, wanted, numbers)
                bodies = [self._rule(rule, frozenset(), numbers) for rule in led]
                branches.append(opening + choice(bodies))
        return branches

    def _tagged(self, dialects: list[Dialect], envelope: Envelope) -> bytes:
        """One envelope before all dialects, so that it is matched once a line."""
        outer = frozenset(_names(envelope.start))
        rules = (rule for dialect in dialects for _, rules in dialect.programs for rule in rules)
        wanted = {name for rule in rules for name in self._wanted(rule, outer)}
        numbers: dict[str, int] = {}
        start = self._groups.number(envelope.start, outer & wanted, numbers)
        return start + choice(self._branch(dialect, outer, numbers) for dialect in dialects)

    def _branch(self, dialect: Dialect, outer: frozenset[str], shared: Mapping[str, int]) -> bytes:
        outer |= frozenset(_names(dialect.head))
        wanted = {name for _, rules in dialect.programs for rule in rules for name in self._wanted(rule, outer)}
        numbers = dict(shared)
        start = self._groups.number(dialect.head, wanted, numbers)
        programs = [self._program(dialect.head, program, rules, outer, numbers) for program, rules in dialect.programs]
        return start + choice(programs)

    def _program(
        self, head: bytes, program: bytes, rules: Iterable[Rule], outer: frozenset[str], shared: Mapping[str, int]
    ) -> bytes:
        """The rules of one program, what several in a row begin with written once.

        Captured are the first of each usual event, if no program before has the same rule (other daemons write it
        for what failed): a queue id that others share, and nothing of the others.
        """
        assert self._envelope is not None
        outer |= frozenset(_names(program))
        wanted = {name for rule in rules for name in self._wanted(rule, outer)}
        numbers = dict(shared)
        tag = rb"(?:" + program + rb")" + self._envelope.separator
        before = self._envelope.start + head + tag
        start = self._groups.number(tag, wanted, numbers)
        captured: set[str] = set()
        branches = []
        for lead, alike in groupby(rules, _lead):
            led = list(alike)
            inner = dict(numbers)
            opening = self._groups.number(lead, {name for rule in led for name in self._wanted(rule, outer)}, inner)
            bodies = []
            for rule in led:
                seldom = not native and (
                    rule.event not in _USUAL or rule.event in captured or rule in self._captured
                )  # to PCRE2 groups cost nothing
                captured.add(rule.event)
                self._captured.add(rule)
                bodies.append(self._rule(rule, outer, inner, before if seldom else None))
            branches.append(opening + choice(bodies))
        return start + choice(branches)

    def _wanted(self, rule: Rule, outer: frozenset[str]) -> tuple[str, ...]:
        return self._layout(rule, (*outer, *_names(rule.pattern))) or ()

    def _rule(
        self, rule: Rule, outer: frozenset[str], shared: Mapping[str, int], seldom_after: bytes | None = None
    ) -> bytes:
        numbers = dict(shared)
        wanted = self._wanted(rule, outer)
        captured = set(wanted) if seldom_after is None else set[str]()
        pattern = self._groups.number(rule.pattern.removeprefix(_lead(rule)), captured, numbers)
        if not wanted:
            return rb"(?:" + pattern + rb")\n"
        end = self._groups.empty()  # the empty group at its end makes lastindex tell the rules apart
        indices = tuple(numbers.get(name, 0) for name in wanted)
        constants = _constants(rule, wanted, numbers)
        if seldom_after is None and not constants:
            self._take[end] = (rule, indices)
        elif seldom_after is None:
            self._take[end] = (None, ())
            self._alone[end] = _Implied(rule, indices, constants)
        else:
            self._take[end] = (None, ())
            self._alone[end] = _Alone(rule, seldom_after + rb"(?:" + rule.pattern + rb")\n", wanted)
        return rb"(?:" + pattern + rb")()\n"

    def read(self, chunk: bytes, otherwise: Otherwise) -> Iterator[Token]:
        """The wanted tokens of a chunk, which must end with a line end; offsets count from its first byte.

        A line no rule recognises goes to ``otherwise(offset, line without its end)``, whose tokens take its place.
        """
        return self.twin.read(chunk, otherwise) if self.twin else self.read_purely(chunk, otherwise)

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        return re.compile(self._written)

    def read_purely(self, chunk: bytes, otherwise: Otherwise) -> Iterator[Token]:
        """The same without the compiled twin."""
        take, alone = self._take.get, self._alone.get
        for match in self._pattern.finditer(chunk):
            end = match.lastindex
            wanted = take(end)
            if wanted is None:
                continue
            rule, indices = wanted
            if rule is not None:
                yield rule, match.start(), match.group(*indices)
            elif (seldom := alone(end)) is not None:
                yield seldom.rule, match.start(), seldom.fields(match)
            else:
                yield from otherwise(match.start(), match[0][:-1])

    def _compiled(self, dialects: list[Dialect], written: bytes, never: int) -> Any:  # noqa: ANN401  # native.Matcher
        """The compiled twin; ``never`` is the group that takes no part.

        PCRE2 takes 64 KiB of compiled pattern: an alternation that is larger is two, one behind the other.
        """
        assert native is not None
        ends = {end for end in self._take if end is not None}
        pattern, numbers = shared(written, ends)
        try:
            return native.Matcher(pattern, *self._entries(numbers, never), self._slow)
        except ValueError:
            if len(dialects) < 2:  # noqa: PLR2004  # nothing to share out
                raise
        half = len(dialects) // 2
        first, second = (
            Tokenizer(part, self._envelope, self._layout, self._slow) for part in (dialects[:half], dialects[half:])
        )
        first.twin.then(second.twin)
        return first.twin

    def _entries(self, numbers: Mapping[int, int], never: int) -> tuple[list[tuple[Any, ...]], int]:
        """What the twin needs to know of each rule, by its mark, and the mark of the branch that takes any line."""
        entries: list[tuple[Any, ...]] = []
        otherwise = 0
        for end, (rule, indices) in self._take.items():
            assert end is not None
            implied = self._alone.get(end)
            if isinstance(implied, _Implied):
                one, fields = implied.rule, implied.columns(never)
            elif rule is not None:
                one, fields = rule, tuple(None if index == never else index for index in indices)
            else:
                otherwise = end
                continue
            slots = tuple(numbers[field] if isinstance(field, int) else field for field in fields)
            entries.append((end, _KINDS.get(one.event, 0), one, slots))
        return entries, otherwise

    def _given_up(self, at: int, line: bytes, otherwise: Otherwise) -> Iterator[Token]:
        """The tokens of a line that PCRE2 gave up on; ``at`` is its offset in the chunk."""
        missed = False

        def miss(_offset: int, _line: bytes) -> tuple[()]:
            nonlocal missed
            missed = True
            return ()

        for rule, _, fields in self.read_purely(line, miss):
            yield rule, at, fields
        if missed:
            yield from otherwise(at, line[:-1])


def _lead(rule: Rule) -> bytes:
    """What a rule's pattern begins with, if it says so or that is the id of a message."""
    if rule.lead:
        return rule.lead
    match = _LEAD.match(rule.pattern)
    return match[0] if match else b""
