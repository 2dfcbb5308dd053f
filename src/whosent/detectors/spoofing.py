"""Spoofed elsewhere: what receivers report of mail in our domain's name that came from addresses that are not ours.

Built from DMARC aggregate reports.  An address is ours if it lies in our networks or if its mail passed for our
domain: then it has our key or stands in our SPF record.  Mail that a forwarder or a list broke on its way was ours
once: it is left out, and so is what carries a signature of ours that broke.  Nobody here is accused by any of it: the
finding is a notice, with the record to publish.  Addresses of our own networks that fail for our domain are told apart:
they are not set up.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

from whosent.measures import phrases
from whosent.measures.trail import Trail
from whosent.model.finding import Cause, Finding, Level, Quote, Strength, Suspect

if TYPE_CHECKING:
    from collections.abc import Iterator

    from whosent.model.rows import Reported
    from whosent.model.settings import Settings
    from whosent.model.surroundings import Surroundings

_LEAST: Final = 10  # messages worth a word
_ADDRESSES: Final = 200_000  # remembered of all domains
_DOMAINS: Final = 1_000
_NAME: Final = 60  # characters of a reporter's name that are repeated
_SAFE: Final = 0.02  # share of our own mail that may fail before a stricter policy would hurt it
_NEXT: Final = {"none": "quarantine", "quarantine": "reject"}


class _Source:
    """One address that sent mail in the name of a domain, in messages."""

    __slots__ = ("excused", "failed", "passed")

    def __init__(self) -> None:
        self.passed = self.failed = self.excused = 0


class _Domain:
    """What was reported of one domain."""

    __slots__ = ("elsewhere", "first", "last", "latest", "own", "policy", "reporters", "sources")

    def __init__(self, row: Reported) -> None:
        self.first, self.last = row.time, row.until
        self.policy, self.latest = row.policy, row.until
        self.sources: dict[str, _Source] = {}
        self.reporters: Counter[str] = Counter()
        self.elsewhere, self.own = Trail(), Trail()


class Detector:
    """Sorts the addresses of reports into ours and others."""

    name = "spoofing"

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        del settings
        self._surroundings = surroundings
        self._domains: dict[str, _Domain] = {}
        self._addresses = 0

    def reported(self, row: Reported) -> None:
        """A receiver tells of an address."""
        domain = self._domains.get(row.domain)
        if domain is None:
            if len(self._domains) >= _DOMAINS:
                return
            domain = self._domains[row.domain] = _Domain(row)
        source = domain.sources.get(row.address)
        if source is None:
            if self._addresses >= _ADDRESSES:
                return
            self._addresses += 1
            source = domain.sources[row.address] = _Source()
        domain.first, domain.last = min(domain.first, row.time), max(domain.last, row.until)
        if row.until >= domain.latest:
            domain.policy, domain.latest = row.policy, row.until
        if len(domain.reporters) < _DOMAINS or row.reporter in domain.reporters:
            domain.reporters[row.reporter] += row.messages
        _count(domain, source, row, ours=self._surroundings.is_own_address(row.address))

    def findings(self) -> Iterator[Finding]:
        """For each domain: what came from elsewhere, and which addresses of ours fail."""
        for name, domain in self._domains.items():
            passed = sum(source.passed for source in domain.sources.values())
            own = {a: s for a, s in domain.sources.items() if s.failed and self._surroundings.is_own_address(a)}
            elsewhere = {
                a: s for a, s in domain.sources.items() if s.failed and not s.passed and a not in own
            }  # fmt: skip
            failed = sum(source.failed for source in own.values())
            if sum(source.failed for source in elsewhere.values()) >= _LEAST:
                yield self._spoofed(name, domain, elsewhere, passed, failed)
            if failed >= _LEAST:
                yield self._misconfigured(name, domain, own, passed)

    def _spoofed(
        self, name: str, domain: _Domain, elsewhere: dict[str, _Source], passed: int, failed: int
    ) -> Finding:  # fmt: skip
        count = sum(source.failed for source in elsewhere.values())
        step, record = _step(name, domain.policy, passed, failed)
        sentence = (
            f"{phrases.count(count, 'message')} in the name of {name} came from "
            f"{phrases.count(len(elsewhere), 'address', 'addresses')} not ours, {_when(domain)}: "
            f"that is not our spam, it was sent elsewhere and only our name is on it. {step}"
        )
        facts: dict[str, str | int | float | None] = {"addresses": len(elsewhere), "publish": record}
        return self._finding(name, domain, sentence, (count, passed), facts, domain.elsewhere.quotes())

    def _misconfigured(self, name: str, domain: _Domain, own: dict[str, _Source], passed: int) -> Finding:
        failed = sum(source.failed for source in own.values())
        worst = sorted(own, key=lambda address: (-own[address].failed, address))
        sentence = (
            f"{phrases.count(failed, 'message')} in the name of {name} came from addresses of our own networks "
            f"({phrases.listing(worst)}) and failed, {_when(domain)}: neither DKIM nor SPF passed for {name}. "
            f"Sign their mail with a key of {name}, or name them in its SPF record, before a stricter policy; if "
            "nobody here sends by them, ask their logs who does."
        )
        return self._finding(name, domain, sentence, (failed, passed), {"addresses": len(own)}, domain.own.quotes())

    def _finding(  # noqa: PLR0913, PLR0917  what differs between the two
        self, name: str, domain: _Domain, sentence: str, counts: tuple[int, int],
        facts: dict[str, str | int | float | None], quotes: tuple[Quote, ...],
    ) -> Finding:  # fmt: skip
        count, passed = counts
        reporters = [reporter for reporter, _ in domain.reporters.most_common(3)]
        return Finding(
            detector=self.name,
            suspect=Suspect(kind="host", name=name),
            cause=Cause.SPOOFED_ELSEWHERE,
            since=domain.first,
            until=domain.last,
            sentence=sentence,
            measure=count,
            norm=passed,
            unit="messages",
            accuses=False,
            stands_alone=True,
            strength=Strength.LIKELY,
            witnesses=tuple(f"DMARC reports of {reporter}" for reporter in reporters),
            quotes=tuple(Quote(ref=quote.ref, note=quote.note, level=Level.CLAIMED) for quote in quotes),
            facts={
                "messages": count, "recipients": count, "refused": None, "deferred": None, "passed": passed,
                "policy": domain.policy, "reporters": len(domain.reporters), **facts,
            },
            severity="warning",
        )  # fmt: skip


def _count(domain: _Domain, source: _Source, row: Reported, *, ours: bool) -> None:
    if row.dkim or row.spf:
        source.passed += row.messages
        return
    if not ours and (row.signed or row.override):
        source.excused += row.messages
        return
    source.failed += row.messages
    trail = domain.own if ours else domain.elsewhere
    trail.add(row.time, row.ref, f"{phrases.count(row.messages, 'message')} from {row.address}, neither DKIM nor SPF")


def _when(domain: _Domain) -> str:
    reporters = [name[:_NAME] for name, _ in domain.reporters.most_common(3)]
    return f"say {phrases.listing(reporters)} of {phrases.moment(domain.first)} to {phrases.moment(domain.last)}"


def _step(name: str, policy: str, passed: int, failed: int) -> tuple[str, str | None]:
    """What to publish next, in words and as a record; nothing as long as it would hurt our own mail."""
    if policy == "reject":
        return f"{name} already asks receivers to reject such mail (p=reject): nothing is left to publish.", None
    if not passed:
        return (
            f"No mail of {name} passed: sign it (DKIM) and name its servers (SPF) before asking receivers to act.",
            None,
        )  # fmt: skip
    share = failed / (passed + failed)
    if share > _SAFE:
        return (
            (f"First mend our own sources: {phrases.share(share)} of our mail would be hit by a stricter policy than "
            f"p={policy}."), None,
        )  # fmt: skip
    stricter = _NEXT.get(policy, "quarantine")
    record = f'_dmarc.{name}. IN TXT "v=DMARC1; p={stricter}; rua=mailto:postmaster@{name}"'
    return (
        f"{name} asks receivers for p={policy}; the next step is to publish {record} (keep the rua you have).",
        record,
    )
