"""An audit on a terminal, as a plugin's line, and as one HTML page; the answer first in each of them."""

from __future__ import annotations

from collections import Counter
from datetime import tzinfo
from typing import Final

from rich.console import Console
from rich.text import Text

from whosent.model.audit import Audit
from whosent.model.check import Opening, Result
from whosent.report import words
from whosent.report.markup import document
from whosent.report.terminal import LOUD, Page, plain, remedy_part

WORDS: Final = {
    "open": "open", "closed": "closed", "accepted_undelivered": "accepted, not delivered", "undecided": "undecided",
}  # fmt: skip
_STYLES: Final = {"open": "bold red", "accepted_undelivered": "bold yellow", "undecided": "bold", "closed": "green"}
_LINES: Final = 12  # of an exhibit on a terminal, the last: they decided
_WAYS: Final = 6  # that were tried, of each result on a terminal
_STATUS: Final = {"clean": "OK", "warning": "WARNING", "critical": "CRITICAL", "unknown": "UNKNOWN"}


def render(audit: Audit, console: Console, zone: tzinfo) -> None:
    """Print the answer, what changed, each hole with its line and its fix, and what could not be seen."""
    page = Page(console, zone)
    verdict = words.VERDICTS[audit.verdict].upper()
    page.say(Text.assemble((verdict, LOUD[audit.verdict]), "  ", plain(audit.sentence)))
    if audit.compared is not None:
        _changes(page, audit)
    for number, one in enumerate([one for one in audit.results if one.verdict != "closed"], 1):
        _result(page, number, one)
    closed = [one for one in audit.results if one.verdict == "closed"]
    page.section("Looked at and found closed", (one.sentence for one in closed))
    page.section("What may remain of the probes", audit.left)
    page.section("Probed on somebody's word", (f"{one.target}: {one.by}, {one.at}" for one in audit.confirmed))
    page.section("Not seen from here, and what would show it", audit.unseen)


def _changes(page: Page, audit: Audit) -> None:
    page.title(f"Since the run of {words.when(audit.compared or '', page.zone)}")
    if not audit.changes:
        page.bullet(Text("Nothing changed."))
    for one in audit.changes:
        page.bullet(plain(one.sentence))
    between = audit.changes[0].between if audit.changes else []
    if between:
        page.say(Text("Between the two runs, on this machine:"), 2)
    for line in between:
        page.say(plain(line), 4)


def _result(page: Page, number: int, one: Result) -> None:
    page.gap()
    about = f"{one.check} of {one.target}, {one.about}" if one.about else f"{one.check} of {one.target}"
    page.say(
        Text.assemble((f"{number}. {words.visible(about)}", "bold"), "  ", (WORDS[one.verdict], _STYLES[one.verdict]))
    )
    page.say(plain(one.sentence), 3)
    page.say(plain(one.why), 3)
    for cause in one.causes:
        page.gap()
        page.say(plain(f"{place(cause)}  {cause.text}"), 3)
        page.say(plain(cause.why), 5)
    for position, remedy in enumerate(one.fix, 1):
        remedy_part(page, f"{number}.{position}", remedy)
    if one.verify:
        page.gap()
        page.say(Text("Afterwards, prove it:"), 3)
        page.command(one.verify, 5)
    ways = [way for way in one.vectors if way.verdict != "closed"]
    if ways:
        page.gap()
    for way in ways[:_WAYS]:
        page.bullet(plain(f"{way.name}: {WORDS[way.verdict]}, {words.shortened(way.answer, 160)}"), 3)
    if len(ways) > _WAYS:
        page.say(Text(f"{len(ways) - _WAYS:,} more: --json and --html list all of them"), 5)
    for exhibit in one.evidence[:1]:
        page.gap()
        page.say(plain(f"{exhibit.source}, {words.when(exhibit.at, page.zone)}"), 3)
        for line in exhibit.lines[-_LINES:]:
            page.say(Text(words.shortened(words.visible(line), 200), style="dim", overflow="fold"), 5)


def place(cause: Opening) -> str:
    """File and line."""
    return cause.file if cause.line is None else f"{cause.file}:{cause.line}"


def plugin(audit: Audit) -> str:
    """One line as monitoring plugins say it, with performance data behind the bar."""
    found = Counter(one.verdict for one in audit.results)
    told = words.visible(audit.sentence).replace("|", "/")
    numbers = " ".join(
        f"{verdict}={found[verdict]}" for verdict in ("open", "accepted_undelivered", "undecided", "closed")
    )
    return f"AUDIT {_STATUS[audit.verdict]} - {told} | {numbers} time={audit.seconds}s"


def page(audit: Audit, zone: tzinfo) -> str:
    """One self-contained HTML document without scripts."""
    pressing = [one for one in audit.results if one.verdict != "closed"]
    closed = [one for one in audit.results if one.verdict == "closed"]
    return document("audit.html", audit=audit, zone=zone, told=WORDS, place=place, pressing=pressing, closed=closed)
