"""Whether our SPF record is in order and covers the addresses our mail leaves from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from whosent.model.check import Passage, Result
from whosent.published.lookups import Lookups
from whosent.published.results import About, publish, short
from whosent.published.spf import LOOKUPS, Spf, follow, verdict

_SHOWN = 6


def judge(about: About, domain: str, senders: Sequence[str], lookups: Lookups, *, mail: bool) -> Iterator[Result]:
    """The record; then each sender."""
    spf = follow(domain, lookups)
    evidence = lookups.exhibit(domain, "TXT")
    if spf.record is None:
        yield _none(about, domain, senders, spf, lookups, mail=mail)
        return
    grave = [fault.words for fault in spf.faults if fault.grave]
    light = [fault.words for fault in spf.faults if not fault.grave]
    if grave:
        yield about.result(
            "SPF",
            "open",
            "critical",
            f"The SPF record of {domain} {grave[0]}.",
            f"{_and_more(grave[1:])}Receivers that meet this give up on the whole record: {short(spf.record)!r}",
            fix=[
                publish(domain, _mended(spf, senders), spf.record, "Names that are looked up cost; addresses do not.")
            ],
            evidence=evidence,
        )
        return
    if spf.unknown:
        yield about.result(
            "SPF",
            "undecided",
            "warning",
            f"The SPF record of {domain} could not be followed to its end.",
            f"{'; '.join(spf.unknown[:_SHOWN])}. Run it again when the DNS answers.",
            evidence=evidence,
        )
        return
    yield from _ending(about, domain, spf, evidence, light)
    yield from _senders(about, domain, senders, spf, evidence)


def _and_more(words: list[str]) -> str:
    return f"It also {' and '.join(words)}. " if words else ""


def _none(  # noqa: PLR0913  # what is known
    about: About, domain: str, senders: Sequence[str], spf: Spf, lookups: Lookups, *, mail: bool
) -> Result:
    evidence = lookups.exhibit(domain, "TXT")
    if spf.unknown:
        return about.result(
            "SPF",
            "undecided",
            "warning",
            f"Whether {domain} has an SPF record could not be found out.",
            f"{'; '.join(spf.unknown)}.",
            evidence=evidence,
        )
    if any(fault.grave for fault in spf.faults):
        return about.result(
            "SPF",
            "open",
            "critical",
            f"{domain} {spf.faults[0].words}.",
            "Receivers use none of them.",
            evidence=evidence,
        )
    record = _record(senders) if mail else "v=spf1 -all"
    what = (
        "Anybody can write in its name, and receivers cannot tell."
        if mail
        else "It sends no mail, and says so nowhere."
    )
    return about.result(
        "SPF",
        "open",
        "warning",
        f"{domain} has no SPF record.",
        what,
        fix=[publish(domain, record, None)],
        evidence=evidence,
    )


def _record(senders: Sequence[str]) -> str:
    named = [f"ip6:{one}" if ":" in one else f"ip4:{one}" for one in senders[:20]]
    return " ".join(["v=spf1", *(named or ["mx"]), "-all"])


def _mended(spf: Spf, senders: Sequence[str]) -> str:
    """The record with names written out as addresses, where they are the domain's own."""
    assert spf.record is not None
    own = [f"ip{one.network.version}:{one.network}" for one in spf.covered if one.own and one.sign == "+"]
    terms = [term for term in spf.record.split() if term.lower().lstrip("+").startswith("include:")]
    includes = [term for term in terms if term.lower().partition(":")[2].rstrip(".") not in spf.broken]
    own += [f"ip6:{one}" if ":" in one else f"ip4:{one}" for one in senders if not _covers(spf, one)]
    kept = list(dict.fromkeys([*own, *dict.fromkeys(includes)]))[: 20 + LOOKUPS]
    return " ".join(["v=spf1", *kept, f"{spf.ending or '-'}all"])


def _covers(spf: Spf, address: str) -> bool:
    parsed = ip_address(address)
    return any(one.own and parsed.version == one.network.version and parsed in one.network for one in spf.covered)


def _ending(about: About, domain: str, spf: Spf, evidence: list[Passage], light: list[str]) -> Iterator[Result]:
    assert spf.record is not None
    if spf.ending == "+":
        yield about.result(
            "SPF",
            "open",
            "critical",
            f"The SPF record of {domain} lets everybody send in its name (+all).",
            f"It reads {short(spf.record)!r}.",
            evidence=evidence,
            fix=[publish(domain, spf.record.replace("+all", "-all").replace(" all", " -all"), spf.record)],
        )
    elif not spf.ending or spf.ending == "?":
        ended = "has no all at its end" if not spf.ending else "ends with ?all"
        words = [term for term in spf.record.split() if term.lower() != "?all"]
        yield about.result(
            "SPF",
            "open",
            "warning",
            f"The SPF record of {domain} {ended}, so it turns nobody away.",
            f"It reads {short(spf.record)!r}.",
            evidence=evidence,
            fix=[publish(domain, " ".join([*words, "~all"]), spf.record)],
        )
    else:
        more = f" It {light[0]}." if light else ""
        yield about.result(
            "SPF",
            "closed",
            "note",
            f"The SPF record of {domain} is in order ({spf.lookups} of {LOOKUPS} look-ups, {spf.ending}all).{more}",
            short(spf.record),
            evidence=evidence,
        )


def _senders(about: About, domain: str, senders: Sequence[str], spf: Spf, evidence: list[Passage]) -> Iterator[Result]:
    assert spf.record is not None
    outside = {one: said for one in senders if (said := verdict(spf, one)) != "pass"}
    if outside and not spf.dynamic:
        named = ", ".join(f"{one} ({said})" for one, said in list(outside.items())[:_SHOWN])
        first, *rest = spf.record.split()
        more = [f"ip6:{one}" if ":" in one else f"ip4:{one}" for one in list(outside)[:20]]
        yield about.result(
            "SPF and our senders",
            "open",
            "critical",
            f"The SPF record of {domain} leaves out {len(outside)} of our {len(senders)} sending addresses: {named}.",
            "Receivers treat our own mail from there as forged. If an address no longer sends, take it out of "
            "identity.addresses instead.",
            fix=[publish(domain, " ".join([first, *more, *rest]), spf.record)],
            evidence=evidence,
        )
    elif outside:
        yield about.result(
            "SPF and our senders",
            "undecided",
            "note",
            f"Whether the SPF record of {domain} covers {', '.join(list(outside)[:_SHOWN])} depends on the message.",
            "It uses exists, ptr or macros. Send a message to a mailbox elsewhere and read Received-SPF there.",
            evidence=evidence,
        )
    elif senders:
        yield about.result(
            "SPF and our senders",
            "closed",
            "note",
            f"The SPF record of {domain} covers all {len(senders)} addresses our mail leaves from.",
            ", ".join(senders[:50]),
        )
    else:
        yield about.result(
            "SPF and our senders",
            "undecided",
            "note",
            f"Whether the SPF record of {domain} covers where its mail really leaves from is not known.",
            "Name the addresses: setting identity.addresses.",
        )
