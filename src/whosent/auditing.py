"""The walk of an audit: each check's questions put to the world in rounds, its results gathered into one answer.

And two such answers beside one another: what changed, and what changed on the machine between them.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Final, Literal, TypeAlias

import msgspec

from whosent.model.audit import SCHEMA, Audit, Changed, Confirmed
from whosent.model.check import WORST_FIRST, Answer, Check, Knowledge, Question, Result, Target

ROUNDS: Final = 20  # of questions of one check on one target; none needs half as many
_WEIGHT: Final = {"critical": 0, "warning": 1, "note": 2}
_WORDS: Final = {"open": "open", "closed": "closed", "accepted_undelivered": "accepting without delivery",
          "undecided": "undecided"}  # fmt: skip
Worst: TypeAlias = Literal["clean", "warning", "critical", "unknown"]
Tell: TypeAlias = Callable[[str], None]
Ask: TypeAlias = Callable[[Sequence[Question], Knowledge], Iterable[Answer]]


def examine(check: Check, target: Target, knowledge: Knowledge, ask: Ask) -> list[Result]:
    """One check on one target."""
    heard: dict[str, Answer] = {}
    for _ in range(ROUNDS):
        fresh = {one.key: one for one in check.questions(target, knowledge, heard) if one.key not in heard}
        if not fresh:
            break
        for answer in ask(list(fresh.values()), knowledge):
            heard[answer.key] = answer
    return list(check.judge(target, knowledge, heard))


def audit(  # noqa: PLR0913  # what is known, what is asked, who hears
    work: Iterable[tuple[Check, Target]],
    knowledge: Knowledge,
    ask: Ask,
    *,
    confirmed: Sequence[Confirmed] = (),
    unseen: Sequence[str] = (),
    tell: Tell = lambda _doing: None,
) -> Audit:
    """All of them, one after the other; ``tell`` hears what is being done."""
    clock = time.monotonic()
    results: list[Result] = []
    ran: dict[str, None] = {}
    for check, target in work:
        tell(f"{check.name} {target}")
        ran[check.name] = None
        results += examine(check, target, knowledge, ask)
    tell("")
    results.sort(
        key=lambda one: (WORST_FIRST.index(one.verdict), _WEIGHT[one.severity], one.check, one.target, one.about)
    )
    return Audit(
        schema=SCHEMA,
        version=version("whosent"),
        host=knowledge.host,
        started=datetime.fromtimestamp(knowledge.moment, UTC).isoformat(timespec="seconds").replace("+00:00", "Z"),
        seconds=round(time.monotonic() - clock, 2),
        verdict=verdict(results),
        sentence=sentence(results, list(ran)),
        checks=list(ran),
        sink=(knowledge.sink.domain or knowledge.sink.address) if knowledge.sink else None,
        results=results,
        unseen=list(unseen),
        confirmed=list(confirmed),
        compared=None,
        changes=[],
        left=list(dict.fromkeys(line for one in results for line in one.left)),
    )


def verdict(results: Sequence[Result]) -> Worst:
    """Critical beats warning beats clean; unknown where nothing could be decided."""
    opened = {one.severity for one in results if one.verdict == "open"}
    if "critical" in opened:
        return "critical"
    if opened & {"warning"} or any(one.verdict == "accepted_undelivered" for one in results):
        return "warning"
    decided = any(one.verdict != "undecided" for one in results)
    grave = any(one.verdict == "undecided" and one.severity == "critical" for one in results)
    return "clean" if decided and not grave else "unknown"


def sentence(results: Sequence[Result], ran: Sequence[str]) -> str:
    """The answer in one breath."""
    opened = [one for one in results if one.verdict == "open" and one.severity != "note"]
    if opened:
        more = f" And {len(opened) - 1:,} more: see below." if len(opened) > 1 else ""
        return opened[0].sentence + more
    waiting = [one for one in results if one.verdict == "accepted_undelivered"]
    if waiting:
        return waiting[0].sentence
    unsure = [one for one in results if one.verdict == "undecided"]
    closed = sum(one.verdict == "closed" for one in results)
    if not results:
        return "Nothing was found here that could be audited: name a check and a target."
    tail = f" {len(unsure):,} could not be decided." if unsure else ""
    return f"No hole found: {closed:,} of {len(results):,} questions answered well ({', '.join(ran)}).{tail}"


def compared(now: Audit, before: Audit, since: Callable[[float], list[str]]) -> Audit:
    """``now`` with what changed; ``since`` tells what changed on the machine after a moment."""
    old = {_key(one): one for one in before.results}
    new = {_key(one): one for one in now.results}
    looked_at = {(one.check, one.target) for one in now.results}
    pairs = [(old.get(key), new.get(key)) for key in {**new, **old}]
    changed = [(was, one) for was, one in pairs
               if (was.verdict if was else None) != (one.verdict if one else None)
               and (one is not None or (was is not None and (was.check, was.target) in looked_at))]  # fmt: skip
    between = since(datetime.fromisoformat(before.started).timestamp()) if changed else []
    changes = [_change(was, one, between) for was, one in changed]
    return msgspec.structs.replace(now, compared=before.started, changes=changes)


def _key(one: Result) -> tuple[str, str, str]:
    return one.check, one.target, one.about


def _change(was: Result | None, one: Result | None, between: list[str]) -> Changed:
    shown = one or was
    assert shown is not None
    what = f"{shown.check} of {shown.target} ({shown.about})"
    if was is None:
        told = f"{what} is looked at for the first time: {_WORDS[shown.verdict]}."
    elif one is None:
        told = f"{what} was {_WORDS[was.verdict]} and is no longer there."
    else:
        told = f"{what} was {_WORDS[was.verdict]} and is {_WORDS[one.verdict]} now."
    return Changed(check=shown.check, target=shown.target, about=shown.about, before=was.verdict if was else None,
                  now=one.verdict if one else None, sentence=told, between=between)  # fmt: skip
