"""No rule without a sample, no dialect without a hostile line, every sample line exactly as written beside it."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from whosent.dialects import Dialect, Rule, discover
from whosent.reading.events import Parse
from whosent.reading.reader import Reader
from whosent.reading.stamps import Clock
from whosent.reading.tokens import BSD, RFC5424, Envelope
from whosent.tables import Table
from whosent.tables import discover as tables

SAMPLES = Path(__file__).parent / "samples"
LOGS = sorted(SAMPLES.glob("*/*.log"))
WRITTEN = datetime(2026, 12, 1, tzinfo=UTC)
FATES = {"ambiguous": "ambiguous", "forged": "forged", "unknown": "not understood", "others": "other program"}


def name(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def lines_of(log: Path) -> list[bytes]:
    """Its lines with their ends; a carriage return ends none."""
    return [line + b"\n" for line in log.read_bytes().removesuffix(b"\n").split(b"\n")]


def outcome(log: Path) -> Iterator[dict[str, Any]]:
    """Every event and every fate of a sample, in the order of its lines."""
    data = log.read_bytes()
    parse = Parse(log.name, data, Clock(UTC, WRITTEN))
    counts = parse.reader.counts
    offset = 0
    for number, line in enumerate(lines_of(log), start=1):
        before = {fate: getattr(counts, fate) for fate in FATES}
        for event in parse.events(line, offset):
            del event["source"]
            yield event
        offset += len(line)
        yield from ({"line": number, "fate": FATES[fate]} for fate in FATES if getattr(counts, fate) > before[fate])
    for event in parse.finish(offset):
        del event["source"]
        yield event


@pytest.mark.parametrize("log", LOGS, ids=name)
def test_a_sample_reads_as_written(log: Path) -> None:
    expected = log.with_suffix(".jsonl")
    assert expected.exists(), f"{expected.name} is missing: see tests/samples/README.md"
    lines = expected.read_bytes().splitlines()
    assert [*outcome(log)] == [msgspec.json.decode(line) for line in lines]


def rules_of(log: Path) -> Iterator[Rule]:
    """Each rule that takes a line of the sample."""
    data = log.read_bytes()
    reader = Reader(data, Clock(UTC, WRITTEN), lambda _rule, _names: ("stamp", "host"))
    yield from (rule for rule, _, _ in reader.tokens(data))
    yield from (rule for rule, _, _ in reader.finish())


HIT = {id(rule) for log in LOGS for rule in rules_of(log)}
RULES = [
    (dialect, rule)
    for dialect in discover()
    for rules in (*(rules for _, rules in dialect.programs), dialect.lines)
    for rule in rules
]


@pytest.mark.parametrize(("dialect", "rule"), RULES, ids=[f"{dialect.name}-{rule.event}" for dialect, rule in RULES])
def test_every_rule_has_a_sample(dialect: Dialect, rule: Rule) -> None:
    same = (id(other) for owner, other in RULES if owner is dialect and other == rule)
    assert HIT.intersection(same), f"no line in tests/samples/{dialect.name} for {rule.pattern!r}"


ROWS = [(table, rule) for table in tables() for rule in table.rules]


@pytest.mark.parametrize(("table", "rule"), ROWS, ids=[f"{table.name}-{rule.event}" for table, rule in ROWS])
def test_every_kind_of_row_has_a_sample(table: Table, rule: Rule) -> None:
    assert id(rule) in HIT, f"no row in tests/samples/{table.name} for {rule}"


@pytest.mark.parametrize("table", tables(), ids=lambda table: table.name)
def test_every_table_has_a_hostile_sample(table: Table) -> None:
    assert [*(SAMPLES / table.name).glob("*hostile-*.log")]


@pytest.mark.parametrize("dialect", discover(), ids=lambda dialect: dialect.name)
def test_every_dialect_has_a_hostile_sample(dialect: Dialect) -> None:
    assert [*(SAMPLES / dialect.name).glob("*hostile-*.log")]


def alone(dialect: Dialect) -> Iterator[tuple[Rule, re.Pattern[bytes]]]:
    """Each rule of a dialect as a pattern of its own."""
    for rule in dialect.lines:
        yield rule, compiled(rule.pattern)
    for program, rules in dialect.programs:
        for rule in rules:
            for envelope in (BSD, RFC5424):
                yield rule, tagged(envelope, dialect.head + b"(?:" + program + b")", rule)


def tagged(envelope: Envelope, tag: bytes, rule: Rule) -> re.Pattern[bytes]:
    return compiled(envelope.start + tag + envelope.separator + b"(?:" + rule.pattern + b")")


def compiled(pattern: bytes) -> re.Pattern[bytes]:
    return re.compile(b"(?:" + re.sub(rb"\(\?P<\w+>", rb"(?:", pattern) + b")\n")


@pytest.mark.parametrize("dialect", discover(), ids=lambda dialect: dialect.name)
def test_no_line_is_two_things(dialect: Dialect) -> None:
    """A notice is what nothing else is: it may overlap; two facts may not."""
    rules = [(rule, pattern) for rule, pattern in alone(dialect) if rule.event != "notice"]
    for log in LOGS:
        for line in lines_of(log):
            events = {rule.event for rule, pattern in rules if pattern.fullmatch(line)}
            assert len(events) <= 1, (log.name, line)


def main() -> None:
    """Print what samples say, to be read before it is kept."""
    for path in sys.argv[1:]:
        for event in outcome(Path(path)):
            sys.stdout.write(msgspec.json.encode(event).decode() + "\n")


if __name__ == "__main__":
    main()
