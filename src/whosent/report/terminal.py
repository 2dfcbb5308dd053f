"""A report on a terminal: the answer first, 80 columns, complete without colour, no stranger's text in charge."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from rich.table import Table
from rich.text import Text

from whosent.report import queue, words

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import tzinfo

    from rich.console import Console

    from whosent.model.incident import Incident, Remedy, ReportedFinding
    from whosent.model.report import Report

_WIDEST: Final = 100  # longer lines are hard to read
_NARROWEST: Final = 20
_LINES_A_FINDING: Final = 3
_UNREAD: Final = "What the inputs below hold beyond what was read."
_EXCERPT: Final = 320
_NAME: Final = 120
_SHAPES: Final = 5
LOUD: Final = {"critical": "bold red", "warning": "bold yellow", "unknown": "bold", "clean": "bold green"}


def render(report: Report, console: Console) -> None:
    """Print the report: verdict, incidents, what to do, what could not be seen."""
    page = Page(console, words.zone(report.timezone))
    page.say(
        Text.assemble((words.VERDICTS[report.verdict].upper(), LOUD[report.verdict]), "  ", plain(report.sentence))
    )
    if report.queue is not None and report.queue.piles:
        page.title("In the queue now")
        console.print(queue.table(report.queue), width=page.width)
    if report.verdict == "clean" and not report.incidents:
        _all_is_well(page, report)
        return
    if report.incidents:
        _summary(page, report)
    for number, incident in enumerate(report.incidents, 1):
        _incident(page, number, incident)
    if report.notices:
        page.title("Concerns everybody, accuses nobody")
    for finding in report.notices:
        _finding(page, finding)
    _looked_at(page, report)
    page.section("Assumptions", report.assumptions)
    page.section("Not seen from here, and what would show it", report.blind_spots)


def incident(one: Incident, console: Console, timezone: str) -> None:
    """Print one incident as a report does."""
    _incident(Page(console, words.zone(timezone)), 1, one)


def plain(stranger: str) -> Text:
    """Text that is never markup, colour or control, whoever wrote it."""
    return Text(words.visible(stranger), overflow="fold")


class Page:
    """The console with margins: every line is printed as plain text or as rich's own layout, never as markup."""

    def __init__(self, console: Console, zone: tzinfo) -> None:
        self.console = console
        self.zone = zone
        self.width = min(console.width, _WIDEST)

    def say(self, what: Text, indent: int = 0, lead: str = "") -> None:
        """Wrapped by hand, so that no line ends in blanks; ``lead`` stands before the first line, the rest hangs."""
        first = " " * indent + lead
        room = max(_NARROWEST, self.width - len(first))
        for place, line in enumerate(what.wrap(self.console, room, overflow="fold")):
            line.rstrip()
            self.line(Text(" " * len(first) if place else first).append_text(line))

    def line(self, line: Text) -> None:
        """One line as it is: never markup, never wrapped."""
        self.console.print(line, soft_wrap=True, highlight=False, markup=False, emoji=False)

    def gap(self) -> None:
        """An empty line."""
        self.console.print()

    def title(self, what: str) -> None:
        """A heading."""
        self.gap()
        self.say(Text(what, style="bold"))

    def bullet(self, what: Text, indent: int = 2) -> None:
        """One of a list."""
        self.say(what, indent, "- ")

    def pairs(self, rows: list[tuple[str, Text]], indent: int) -> None:
        """Names and values, the values below one another."""
        widest = max(len(name) for name, _ in rows)
        for name, value in rows:
            self.say(value, indent, name.ljust(widest + 2))

    def command(self, command: str, indent: int) -> None:
        """Unwrapped: a line break of ours inside a command would be pasted with it."""
        for line in words.visible_lines(command):
            self.line(Text(" " * indent + line))

    def section(self, title: str, sentences: Iterable[str]) -> None:
        """A heading and a list, if there is anything to list."""
        told = list(sentences)
        if told:
            self.title(title)
        for sentence in told:
            self.bullet(plain(sentence))


def _all_is_well(page: Page, report: Report) -> None:
    """One paragraph: what was looked at, what could not be seen."""
    problems = _problems(report)
    unseen = " ".join(report.blind_spots) or (_UNREAD if problems else "Nothing known is missing from these logs.")
    if report.coverage.sources:
        seen = f"{_window(page, report)}{words.coverage_words(report.coverage)}"
        page.say(plain(f"Looked at {seen}. What could not be seen: {unseen}"))
    if report.queue is not None:
        page.section("Queues looked at", queue.sums(report.queue, page.zone))
    page.section("Inputs that were not read whole", problems)


def _window(page: Page, report: Report) -> str:
    if report.window is None:
        return ""
    first, last = (words.when(stamp, page.zone) for stamp in report.window)
    return f"{first} to {last}; "


def _problems(report: Report) -> list[str]:
    return [f"{source.source}: {source.problem}" for source in report.coverage.sources if source.problem]


def _summary(page: Page, report: Report) -> None:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    table.add_column("  #", justify="right", no_wrap=True)
    table.add_column("Who was used", overflow="fold", ratio=1)
    table.add_column("What happened", no_wrap=True)
    table.add_column("Since", no_wrap=True)
    table.add_column("Refused", justify="right", no_wrap=True)
    for number, incident in enumerate(report.incidents, 1):
        table.add_row(
            Text(str(number)),
            Text(words.shortened(words.visible(incident.suspect.name), _NAME), style=LOUD.get(incident.severity, "")),
            Text(words.CAUSES[incident.cause]),
            Text(words.when(incident.since, page.zone, brief=True)),
            Text(f"{incident.refused:,} of {incident.recipients:,}"),
        )
    page.gap()
    page.console.print(table, width=page.width)


def _incident(page: Page, number: int, incident: Incident) -> None:
    page.gap()
    name = words.shortened(words.suspect_words(incident.suspect), _NAME)
    page.say(
        Text.assemble((name, "bold"), (f"  {words.visible(incident.severity)}", LOUD.get(incident.severity, ""))),
        0,
        f"{number}. ",
    )
    page.say(plain(incident.sentence), 3)
    page.gap()
    page.pairs(_facts(page, incident), 3)
    page.gap()
    page.say(Text("Why we say so", style="bold"), 3)
    for finding in incident.findings:
        _finding(page, finding)
    if incident.remedies:
        page.gap()
        page.say(Text("What to do, narrowest first", style="bold"), 3)
    for place, remedy in enumerate(incident.remedies, 1):
        remedy_part(page, f"{number}.{place}", remedy)


def _facts(page: Page, incident: Incident) -> list[tuple[str, Text]]:
    still = ", still going on when the log ended" if incident.ongoing else ""
    until = f"{words.when(incident.until, page.zone)}{still}; {words.lasting(incident.since, incident.until)}"
    refused = f"{incident.refused:,} refused ({words.share(incident.refused, incident.recipients)})"
    rows = [
        ("cause", Text(words.CAUSES[incident.cause])),
        ("since", Text(words.when(incident.since, page.zone))),
        ("until", Text(until)),
        (
            "mail",
            Text(f"{words.counted(incident.messages, 'message')} to {incident.recipients:,} recipients, {refused}"),
        ),
        ("strength", Text(f"{words.strength_word(incident.strength)}: {words.STRENGTHS[incident.strength]}")),
    ]
    if incident.witnesses:
        rows.append(("witnesses", plain(", ".join(incident.witnesses))))
    rows.extend(("not proven", plain(gap)) for gap in incident.unproven)
    rows.extend(("candidate", plain(words.suspect_words(suspect))) for suspect in incident.candidates)
    return rows


def _finding(page: Page, finding: ReportedFinding) -> None:
    tail = Text(f"  [{words.visible(finding.detector)}, {words.strength_word(finding.strength)}]", style="dim")
    page.bullet(plain(finding.sentence).append_text(tail), 3)
    for evidence in finding.evidence[:_LINES_A_FINDING]:
        page.say(plain(f"{words.place(evidence)}  {evidence.note} ({evidence.level.value})"), 7)
        page.say(Text(words.shortened(words.visible(evidence.excerpt), _EXCERPT), style="dim", overflow="fold"), 9)
    more = len(finding.evidence) - _LINES_A_FINDING
    if more > 0:
        page.say(Text(f"{words.counted(more, 'more line')}: --json, --html or --evidence quote them all"), 7)


def remedy_part(page: Page, label: str, remedy: Remedy) -> None:
    """A step: what it touches, its commands, its undo."""
    page.gap()
    page.say(Text(words.visible(remedy.title), style="bold"), 3, f"{label}  ")
    page.say(plain(f"Touches {remedy.reach}."), 5)
    for command in [*remedy.lines, *remedy.commands]:
        page.command(command, 7)
    if remedy.undo or remedy.lines_before:
        page.say(Text("Undo:"), 5)
    for command in [*remedy.lines_before, *remedy.undo]:
        page.command(command, 7)
    if remedy.note:
        page.say(plain(remedy.note), 5)


def _looked_at(page: Page, report: Report) -> None:
    coverage = report.coverage
    page.title("What was looked at")
    if coverage.sources:
        page.bullet(plain(f"{_window(page, report)}{words.coverage_words(coverage)}."))
    for sentence in queue.sums(report.queue, page.zone) if report.queue is not None else ():
        page.bullet(plain(sentence))
    if coverage.messages or coverage.outcomes:
        outcomes = words.counted(coverage.outcomes, "delivery outcome")
        page.bullet(Text(f"{words.counted(coverage.messages, 'message')}, {outcomes}."))
    for sentence in [*words.join_gaps(coverage), *_problems(report)]:
        page.bullet(plain(sentence))
    if coverage.unrecognised:
        page.section("Not understood, the commonest first", _shapes(report))


def _shapes(report: Report) -> list[str]:
    return [
        f"{words.counted(shape.count, 'line')} like {shape.source}:{shape.line}"
        f"  {words.shortened(words.visible(shape.excerpt), _NAME)}"
        for shape in report.coverage.unrecognised[:_SHAPES]
    ]
