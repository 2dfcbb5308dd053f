"""What one pass found, as the report: quotes read back, coverage added up, assumptions and blind spots said."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.metadata import version
from typing import Final

import msgspec

from whosent import remedies
from whosent.casebook import Case, notices
from whosent.coverage import Quotes, lines_read, quoted
from whosent.join.returned import Returned
from whosent.measures.phrases import count, listing
from whosent.model.finding import Cause, Evidence, Finding, Strength
from whosent.model.incident import Incident, ReportedFinding
from whosent.model.report import SCHEMA, Coverage, Report, Verdict
from whosent.model.rows import dereference
from whosent.overview import Who
from whosent.queue_account import account
from whosent.reading.stamps import rfc3339
from whosent.sources.files import Line
from whosent.sources.rotation import place
from whosent.sources.text import shown
from whosent.walk import Pass, streams

_NOBODY: Final = {Cause.UNKNOWN: " Nobody here was seen earning that."}
_FORGEABLE: Final = (
    "any local user of that machine can write such lines. The queue files, the log of the next host, or the journal"
    " with its trusted fields would be a second one."
)
_ONE_SYSTEM: Final = (
    "it was written down by one mail system. The sign-in log of the directory, or the log of the next host, would be a"
    " second one."
)
_REFUSALS: Final = {"Exim", "Microsoft Exchange SMTP receive"}  # may be a log of what was refused, and no other
_REFUSALS_TOO: Final = ("mail.warn", "mail.warning", "mail.err")  # syslog's files of grave lines alone
_LINES_EACH: Final = 2  # of a refused client, at least, in a whole log
_OF_A_KIND: Final = 20  # assumptions
_SHOWN_INCIDENTS: Final = 3
_ONGOING: Final = 900.0  # seconds before the log's end within which an incident counts as still going on


@cache
def this_version() -> str:
    """Of Whosent as it is installed."""
    return version("whosent")


def read_back(done: Pass) -> dict[int, Line]:
    """The lines that findings and coverage quote, read again from their sources."""
    wanted = quoted_by(done)
    return quoted(done.inputs, wanted) | records(done, wanted)


def quoted_by(done: Pass) -> dict[int, set[int]]:
    """What findings quote: offsets by the number of the source."""
    wanted: dict[int, set[int]] = defaultdict(set)
    for finding in (*(finding for case in done.cases for finding in case.findings), *notices(done.findings)):
        for quote in finding.quotes:
            source, offset = dereference(quote.ref)
            wanted[source].add(offset)
    return wanted


def records(done: Pass, wanted: Mapping[int, set[int]]) -> dict[int, Line]:
    """The quoted records of queues."""
    return {
        ref: line
        for snapshot in done.snapshots
        for ref, line in snapshot.lines().items()
        if dereference(ref)[1] in wanted.get(snapshot.number, ())
    }


def _place(done: Pass, ref: int) -> tuple[str, int]:
    """(Source, offset) of what was quoted by this reference."""
    source, offset = dereference(ref)
    if source < len(done.inputs):
        return done.inputs[source].source.name, offset
    return done.snapshots[source - len(done.inputs)].place(ref)


def raw_lines(done: Pass, quotes: Quotes) -> dict[tuple[str, int], bytes]:
    """The quoted lines byte for byte, by source name and offset."""
    return {_place(done, ref): line.raw for ref, line in quotes.items()}


def report(done: Pass, quotes: Quotes, missing: Iterable[str], timezone: str = "UTC") -> Report:
    """The whole answer; ``missing`` names arguments that matched no file, ``timezone`` is where people read it."""
    begins, ends = _window(done)
    incidents = [_incident(case, done, quotes, ends) for case in done.cases]
    coverage = _coverage(done, quotes, missing)
    culprits = {case.id: _actors(case) for case in done.cases}
    verdict = _verdict(done)
    return Report(
        schema=SCHEMA,
        version=this_version(),
        verdict=verdict,
        sentence=_sentence(done, incidents, coverage),
        window=(rfc3339(begins), rfc3339(ends)) if begins <= ends else None,
        timezone=timezone,
        hosts=_hosts(done),
        coverage=coverage,
        assumptions=_assumptions(done),
        blind_spots=[*done.witnessed.blind_spots(done.logged_by), *_uncounted(done)],
        incidents=incidents,
        notices=[_finding(finding, done, quotes) for finding in notices(done.findings)],
        overview=done.tally.overview(culprits),
        queue=account(done.snapshots, culprits),
    )


def _uncounted(done: Pass) -> Iterator[str]:
    """Mail servers that could list the recipients of a message, and do not."""
    messages = sum(join.uncounted for join in done.joins if "exim" in join.servers.values())
    if messages:
        yield (
            f"The lines of {count(messages, 'message')} do not list their recipients: until a delivery is logged each "
            "counts as one. Add to Exim's configuration: log_selector = +received_recipients +smtp_confirmation."
        )


def _window(done: Pass) -> tuple[float, float]:
    """From the first line to the last; of queues alone, from the oldest message to the moment of looking."""
    begins = min((one.reader.starts for one in done.inputs if one.reader.starts), default=float("inf"))
    ends = max((one.last for one in done.inputs), default=float("-inf"))
    if begins > ends:
        begins = min((pile.oldest for one in done.snapshots for pile in one.piles), default=begins)
        ends = max((one.time for one in done.snapshots), default=ends)
    return begins, ends


def _hosts(done: Pass) -> list[str]:
    """The hosts whose logs these are; what a web server calls itself in an access log is none."""
    read = zip(streams(done.inputs), done.joins, strict=True)
    hosts = {host for stream, join in read if not stream[0].reader.late for host in join.hosts() if host}
    return sorted(hosts or {pile.actor.host for one in done.snapshots for pile in one.piles if pile.actor.host})


def _verdict(done: Pass) -> Verdict:
    severities = {case.severity for case in done.cases}
    if "critical" in severities:
        return "critical"
    if severities or notices(done.findings):
        return "warning"
    unread = any(one.unfinished for one in done.inputs) or any(one.problem or one.riddle for one in done.snapshots)
    unsure = unread or _refusals_alone(done) or not (done.witnessed.tells_of_mail or done.snapshots)
    return "unknown" if unsure else "clean"


def _sentence(done: Pass, incidents: list[Incident], coverage: Coverage) -> str:
    """What was seen; and never that all is well where not all was read."""
    accused = incidents[0].sentence + _also(incidents[1:]) if incidents else ""
    seen = accused or next((told.sentence + _NOBODY.get(told.cause, "") for told in notices(done.findings)), "")
    closed = " ".join(f"Of the queue {one.spool.name} {one.problem}." for one in done.snapshots if one.problem)
    if closed:
        return f"{seen} {closed}".strip()
    unread = [shown(one.source.name.encode()) for one in done.inputs if one.unfinished]
    if unread:
        return f"{seen} Not everything was read: {listing(unread)} broke off; try again with --jobs 1.".strip()
    return seen or _nothing_seen(done, coverage)


def _nothing_seen(done: Pass, coverage: Coverage) -> str:
    lying = _lying(done)
    if done.snapshots and not done.inputs:
        return f"{lying} What has left the queue already is not seen from here: add the mail server's log."
    return f"{_nothing_in_logs(done, coverage)} {lying}".strip()


def _lying(done: Pass) -> str:
    """``In the queue lie 40 messages of 7 senders: nobody stands out.``."""
    if not done.snapshots:
        return ""
    piles = [pile for one in done.snapshots for pile in one.piles]
    if not piles:
        riddle = any(one.riddle for one in done.snapshots)
        return "Nothing in the queue could be read as a message." if riddle else "The queue is empty."
    senders = len({pile.actor[:2] for pile in piles})
    number = sum(pile.messages for pile in piles)
    messages = f"{'lies' if number == 1 else 'lie'} {count(number, 'message')}"
    return f"In the queue {messages} of {count(senders, 'sender')}; nobody stands out."


def _nothing_in_logs(done: Pass, coverage: Coverage) -> str:
    if not any(one.reader.counts.understood for one in done.inputs):
        return "Nothing here could be read as a mail log: see what was not understood, and give the mail server's log."
    if not done.witnessed.tells_of_mail:
        return (
            f"Whether anybody sends spam is not provable from here: these logs hold {done.witnessed.held()}, and no "
            "mail server's deliveries. Add its log, such as /var/log/mail.log."
        )
    if _refusals_alone(done):
        held = done.witnessed.held()
        return (
            f"Whether anybody sends spam is not provable from here: these logs hold {held}, and may be of a kind that "
            "holds nothing else. Add the log of what was accepted: Exim's main log beside its reject log, mail.log "
            "beside mail.warn, Exchange's message tracking beside its protocol logs."
        )
    if not coverage.messages and not coverage.outcomes:
        return f"No mail was sent in the time these logs cover: they hold {done.witnessed.held()}, and no message."
    return (
        f"Nobody here was seen sending spam: {count(coverage.messages, 'message')} and "
        f"{count(coverage.outcomes, 'delivery attempt')} in {count(coverage.lines, 'line')} looked at."
    )


def _refusals_alone(done: Pass) -> bool:
    """Whether mail may have been accepted all the same: no message, and logs that need not hold any.

    A whole log tells of each refused client that it came and went, too; an extract, or syslog's file of grave lines,
    does not.
    """
    seen = done.witnessed
    telling = [one for one in done.inputs if one.reader.counts.understood]
    if not telling or seen.messages or seen.outcomes or done.snapshots:
        return False
    if _LINES_EACH * seen.refusals > sum(one.reader.counts.understood for one in telling):
        return True
    return all(one.reader.format in _REFUSALS or place(one.source.name).base.endswith(_REFUSALS_TOO) for one in telling)


def _also(others: list[Incident]) -> str:
    if not others:
        return ""
    names = [f"{one.suspect.kind.replace('_', ' ')} {shown(one.suspect.name.encode())}" for one in others]
    return f" Also: the {listing(names, _SHOWN_INCIDENTS)}."


def _actors(case: Case) -> set[Who]:
    """The actors of the join that a case's suspects stand for."""
    actors: set[Who] = set()
    for suspect in (case.suspect, *(finding.suspect for finding in case.findings)):
        host = suspect.host or ""
        if suspect.uid is not None:
            actors.add(("local_user", str(suspect.uid), host))
        elif suspect.account and suspect.kind in {"script", "form"}:
            actors.add(("local_user", suspect.account, host))
        elif suspect.kind == "relay":
            actors.add(("stranger", suspect.address or suspect.name, host))
        else:
            actors.add((suspect.kind, suspect.name, host))
    return actors


def _incident(case: Case, done: Pass, quotes: Quotes, ends: float) -> Incident:
    return Incident(
        id=case.id,
        suspect=case.suspect,
        cause=case.cause,
        strength=case.strength,
        severity=case.severity,
        since=rfc3339(case.since),
        until=rfc3339(case.until),
        ongoing=case.until >= ends - _ONGOING,
        messages=case.messages,
        recipients=case.recipients,
        refused=case.refused,
        sentence=case.sentence,
        witnesses=list(case.witnesses),
        unproven=_unproven(case, by_us=(case.suspect.host or "") not in done.systems),
        candidates=list(case.candidates),
        findings=[_finding(finding, done, quotes) for finding in case.findings],
        remedies=remedies.propose(
            incident=case.id,
            suspect=case.suspect,
            cause=case.cause,
            strength=case.strength,
            server=done.server(case.suspect.host or _hostless(done)),
            queued=any(finding.detector == "queued" for finding in case.findings),
        ),
    )


def _hostless(done: Pass) -> str | None:
    """A suspect without host is of the log that names none, where there is one."""
    return "" if any("" in join.servers for join in done.joins) else None


def _unproven(case: Case, *, by_us: bool) -> list[str]:
    said = []
    if case.strength is Strength.SHOWN and all("queue" in witness for witness in case.witnesses):
        said.append(
            "The queue shows what waits and who handed it in, not what became of the rest: the mail server's log would."
        )
    elif case.strength is Strength.SHOWN:
        why = _FORGEABLE if by_us else _ONE_SYSTEM
        said.append(f"{_witnesses(case)}: {why}")
    if case.candidates:
        said.append("Which of the candidates it was is not provable from these logs.")
    return said


def _witnesses(case: Case) -> str:
    if len(case.witnesses) > 1:
        return f"All that accuses was written down by one party ({', '.join(case.witnesses)})"
    return f"One witness only ({', '.join(case.witnesses)})"


def _finding(finding: Finding, done: Pass, quotes: Quotes) -> ReportedFinding:
    return ReportedFinding(
        detector=finding.detector,
        sentence=finding.sentence,
        since=rfc3339(finding.since),
        until=rfc3339(finding.until),
        measure=finding.measure,
        norm=finding.norm,
        unit=finding.unit,
        accuses=finding.accuses,
        strength=finding.strength,
        witnesses=list(finding.witnesses),
        facts=finding.facts,
        candidates=list(finding.candidates),
        evidence=list(_evidence(finding, done, quotes)),
    )


def _evidence(finding: Finding, done: Pass, quotes: Quotes) -> Iterator[Evidence]:
    for quote in finding.quotes:
        line = quotes.get(quote.ref)
        if line is None:
            continue
        source, offset = _place(done, quote.ref)
        yield Evidence(
            source=source,
            offset=offset,
            line=line.number,
            excerpt=shown(line.raw),
            sha256=line.digest,
            level=quote.level,
            note=quote.note,
        )


def _coverage(done: Pass, quotes: Quotes, missing: Iterable[str]) -> Coverage:
    read = lines_read(done.inputs, quotes, missing)
    return Coverage(
        **msgspec.structs.asdict(read),
        messages=done.witnessed.messages,
        outcomes=done.witnessed.outcomes,
        beginnings_missing=sum(join.first_sight for join in done.joins)
        + (done.tracked.first_sight if done.tracked else 0),
        ends_missing=sum(join.truncated for join in done.joins),
    )


def _assumptions(done: Pass) -> list[str]:
    """What was taken to be so: a line each, and of many of a kind the first and how many more there are."""
    ours = done.surroundings
    said = _first(f"{domain} is ours: {why} (--own-domain adds others)." for domain, why in ours.learnt_domains.items())
    said += _first(f"{domain} is ours: configured." for domain in sorted(ours.domains | ours.relay_domains))
    said += _first(
        f"{network} is ours: configured."
        for network in ours.configured.networks
        if network not in ours.learnt_addresses
    )
    said += _first(f"{address} is ours: {why}." for address, why in ours.learnt_addresses.items())
    said.append("Loopback and private addresses are ours (--own-network adds others).")
    without_year = [one.source.name for one in done.inputs if one.clock.guessed_year and one.copy_of is None]
    if without_year:
        said.append(
            f"{listing(without_year)}: stamps without a year; it was taken from the time of the file (--year says "
            "otherwise)."
        )
    said += _first(
        f"{one.source.name} holds the same lines as {one.copy_of}: counted once." for one in done.inputs if one.copy_of
    )
    said += _first(f"{one} and {other} hold the same lines: what both tell counts once." for one, other in done.repeats)
    if done.returned:
        said.append(_bounces_used(done.returned))
    return said


def _bounces_used(returned: Returned) -> str:
    """How much of the bounces could be used, and why not more."""
    said = f"Of the bounces, {count(returned.used, 'refused recipient')} belong to messages of these logs and count"
    if returned.told_before:
        said += f"; of {count(returned.told_before)} the log, or another bounce, tells the same"
    if returned.unknown:
        said += f"; {count(returned.unknown)} belong to no message that these logs show going there, and do not count"
    return said + "."


def _first(sentences: Iterable[str]) -> list[str]:
    said = list(sentences)
    more = len(said) - _OF_A_KIND
    return [*said[:_OF_A_KIND], f"And {count(more)} more of the kind."] if more > 1 else said
