"""A program that writes far too much: what an operator looks at, without touching anybody's mail."""

from __future__ import annotations

from typing import Final

from whosent.model.finding import Suspect
from whosent.model.incident import Remedy
from whosent.remedies.queued import place

_COUNT: Final = """\
postqueue -j | jq -r '.sender as $from | .recipients[] | "\\($from | @json) to \\(.address | @json)"' |
sort | uniq -c | sort -rn | head -n 20"""


def look(suspect: Suspect) -> Remedy:
    """Who writes to whom most, in the queue now."""
    return Remedy(
        step="inspect",
        title="See which mail repeats",
        reach=f"nothing; counts queued mail by sender and recipient{place(suspect)}",
        commands=[_COUNT],
        undo=[],
        note="If one pair leads by far, a program has gone wild: stop it where it runs (its service, its cron job, its"
        " notification rule), then let it repeat an alarm once an hour at most. What it has queued is harmless, but may"
        " make the recipient's provider limit us: `postsuper -h` holds it, `postsuper -d` deletes it.",
    )
