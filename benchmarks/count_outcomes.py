"""Counts a log's outcomes with the library, in the shape of the truth: `python -m benchmarks.count_outcomes LOG ...`.

What `whosent scan` does before any detector: read, recognise, join, follow hand-overs.
"""

from __future__ import annotations

import gc
import json
from argparse import ArgumentParser
from collections import defaultdict
from datetime import UTC
from pathlib import Path
from typing import TYPE_CHECKING

from whosent.audience import batches
from whosent.join.chain import Chain
from whosent.join.messages import Join
from whosent.model.rows import Actor, Message, Outcome, Result
from whosent.model.settings import Ours, Settings
from whosent.model.surroundings import Surroundings
from whosent.sources.files import Source
from whosent.walk import prepare, read_here, streams

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from whosent.model.rows import JoinedRow, Row

OUR_NETWORK = "192.0.2.0/24"
"""The generator's own hosts live here."""
SENT, DEFERRED, BOUNCED = 1, 2, 3
_COLUMNS = {
    Result.SENT: SENT,
    Result.LOCAL: SENT,
    Result.HANDED_OVER: SENT,
    Result.DEFERRED: DEFERRED,
    Result.DEFERRED_AGAIN: DEFERRED,
    Result.BOUNCED: BOUNCED,
}
COLUMNS = [_COLUMNS[result] for result in Result]
"""By result; a list, since a member of an enum is slow to hash."""
FINAL = [result in {Result.SENT, Result.LOCAL, Result.BOUNCED} for result in Result]
"""Likewise: whether the recipient is done with."""
Counts = list[int]


class Tally:
    """Three tables, as `benchmarks.generator.truth` describes them."""

    def __init__(self) -> None:
        self.by_sender: defaultdict[bytes, Counts] = defaultdict(_none)
        self.by_actor: defaultdict[Actor, Counts] = defaultdict(_none)
        self.messages: defaultdict[Actor, Counts] = defaultdict(_none)

    def lines(self, rows: Iterable[JoinedRow]) -> Iterator[JoinedRow]:
        """Count what the log says of each queue id, and pass it on."""
        by_sender, by_actor = self.by_sender, self.by_actor
        for row in rows:
            if row.__class__ is Outcome:
                _, _, actor, _, sender, _, result, *_ = row
                column = COLUMNS[result]
                by_sender[sender][column] += 1
                by_actor[actor][column] += 1
            elif row.__class__ is Message:
                _, _, actor, _, sender, *_ = row
                by_sender[sender][0] += 1
                by_actor[actor][0] += 1
            yield row

    def traced(self, rows: Iterable[Row]) -> None:
        """Count messages once, and recipients by what became of them in the end."""
        messages = self.messages
        for row in rows:
            if row.__class__ is Message:
                _, _, actor, _, _, _, recipients, *_ = row
                counts = messages[actor]
                counts[0] += 1
                counts[DEFERRED] += recipients  # until we hear more
            elif row.__class__ is Outcome and FINAL[row[6]]:
                counts = messages[row[2]]
                counts[DEFERRED] -= 1
                counts[COLUMNS[row[6]]] += 1


def count(paths: Sequence[Path]) -> dict[str, object]:
    """Count the outcomes of one log, in files that continue each other."""
    tally, chain = Tally(), Chain()
    settings = Settings(ours=Ours(networks=(OUR_NETWORK,)))
    sources = [Source(str(path), path) for path in paths]
    for stream in streams(prepare(sources, settings, UTC)):
        rows = read_here(stream, Join(Surroundings(settings.ours)), lambda _: None)
        for batch in chain.batches(batches(tally.lines(rows))):
            tally.traced(batch)
    tally.traced(chain.rest())
    return {
        "lines": sum(source.lines for source in sources),
        "lines_by_sender": {sender.decode(): counts for sender, counts in tally.by_sender.items()},
        "lines_by_actor": _named(tally.by_actor),
        "messages_by_actor": _named(tally.messages),
    }


def _named(counts: dict[Actor, Counts]) -> dict[str, Counts]:
    """Merge by the name the truth uses."""
    merged: defaultdict[str, Counts] = defaultdict(_none)
    for actor, each in counts.items():
        row = merged[_name(actor)]
        row[:] = [one + other for one, other in zip(row, each, strict=True)]
    return dict(merged)


def _name(actor: Actor) -> str:
    if actor.kind == "local_user":
        return f"uid:{actor.name}@{actor.host}"
    return "" if actor.kind == "mta" else actor.name


def _none() -> Counts:
    return [0, 0, 0, 0]


def main() -> None:
    """Print the counts of the logs on the command line."""
    gc.set_threshold(50_000)  # as the program does
    parser = ArgumentParser(prog="python -m benchmarks.count_outcomes", description=__doc__)
    parser.add_argument("logs", type=Path, nargs="+", help="oldest first")
    parser.add_argument("--json", action="store_true", help="all tables, not only the totals")
    arguments = parser.parse_args()
    counted = count(arguments.logs)
    if not arguments.json:
        counted = {name: value for name, value in counted.items() if not isinstance(value, dict)}
    print(json.dumps(counted))


if __name__ == "__main__":
    main()
