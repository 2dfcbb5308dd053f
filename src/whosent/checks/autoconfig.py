"""Whether mail programs are led to authenticated submission.

What Mozilla's autoconfig, Microsoft's autodiscover and SRV records (RFC 6186, RFC 8314) tell mail programs of a
domain, held against what those ports really accept: no password in clear, no port 25, nothing that does not answer.
Nobody logs in.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Final

from whosent.autoconfig.offers import Fact, Offer, fact, question
from whosent.autoconfig.published import ASKING, SERVICES, of_autoconfig, of_autodiscover, of_srv
from whosent.model.check import Check, Fetch, Fetched, Heard, Knowledge, Passage, Question, Result, Target
from whosent.model.incident import Remedy
from whosent.probing.consent import is_ours
from whosent.probing.letters import helo
from whosent.published.lookups import Lookups
from whosent.published.policies import mail_servers
from whosent.published.results import About
from whosent.reading.stamps import rfc3339
from whosent.remedies.shell import Unsafe, quoted

_NAME: Final = "autoconfig"
_MOST: Final = 24  # ports asked
_MAIL: Final = 25
_DOMAIN: Final = re.compile(r"(?:[a-z0-9_](?:[a-z0-9_-]*[a-z0-9])?\.)+[a-z0-9-]+")
_PAGES: Final = {
    "autoconfig": "https://autoconfig.{domain}/mail/config-v1.1.xml",
    "autoconfig without TLS": "http://autoconfig.{domain}/mail/config-v1.1.xml",
    "well-known": "https://{domain}/.well-known/autoconfig/mail/config-v1.1.xml",
    "autodiscover": "https://autodiscover.{domain}/autodiscover/autodiscover.xml",
}


def targets(knowledge: Knowledge) -> Iterable[Target]:
    """Our domains."""
    return [Target(domain) for domain in dict.fromkeys(knowledge.settings.ours.domains)]


def questions(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Question]:
    """What is published; then each port that is named."""
    domain, lookups = target.name.lower().rstrip("."), Lookups(heard)
    if not _DOMAIN.fullmatch(domain):
        return
    for name, url in _PAGES.items():
        asks = ASKING.format(domain=domain).encode() if name == "autodiscover" else b""
        headers = (("Content-Type", "text/xml"),) if asks else ()
        method = "POST" if asks else "GET"
        yield Fetch(key=f"page {name}", url=url.format(domain=domain), method=method, headers=headers, body=asks)
    told = _told(domain, heard, lookups)
    lookups.ask(domain, "MX")
    yield from lookups.wanted.values()
    for offer in list(dict.fromkeys(offer for offer, _ in told))[:_MOST]:
        if is_ours(Target(offer.host), knowledge) and offer.security != "plain":
            yield question(offer, _key(offer), helo(knowledge))


def _key(offer: Offer) -> str:
    return f"port {offer.protocol} {offer.security} {offer.host} {offer.port}"


def _told(domain: str, heard: Heard, lookups: Lookups) -> list[tuple[Offer, str]]:
    """Each offer, and who says it."""
    found: list[tuple[Offer, str]] = []
    for name in _PAGES:
        page = heard.get(f"page {name}")
        if isinstance(page, Fetched) and page.problem is None and page.status == 200:  # noqa: PLR2004  # HTTP
            read = of_autodiscover if name == "autodiscover" else of_autoconfig
            found += [(offer, name) for offer in read(page.body) or []]
    for service in SERVICES:
        records = lookups.records(f"{service}.{domain}", "SRV")
        found += [(offer, f"SRV {service}") for offer in of_srv(service, records)]
    return found


def judge(target: Target, knowledge: Knowledge, heard: Heard) -> Iterator[Result]:
    """Each offer once, with all who say it."""
    about, domain, lookups = About(_NAME, target.name), target.name.lower().rstrip("."), Lookups(heard)
    if not _DOMAIN.fullmatch(domain):
        yield about.result("", "undecided", "warning", f"{target.name} is no domain.", "Name one of ours.")
        return
    told = _told(domain, heard, lookups)
    by_offer: dict[Offer, list[str]] = {}
    for offer, source in told:
        by_offer.setdefault(offer, []).append(source)
    for offer, sources in by_offer.items():
        yield _judged(about, offer, sources, heard, knowledge)
    if mail_servers(domain, lookups) or by_offer:
        yield from _missing(about, domain, [offer for offer, _ in told])


def _judged(about: About, offer: Offer, sources: list[str], heard: Heard, knowledge: Knowledge) -> Result:
    label = f"{offer.protocol} at {offer.host}:{offer.port} ({offer.security})"
    said = f"{', '.join(dict.fromkeys(sources))} tells mail programs to use {offer.host}, port {offer.port}"
    answer = heard.get(_key(offer))
    evidence = [
        Passage(source=f"{offer.host}:{offer.port}", at=rfc3339(int(answer.at)),
                lines=[f"{'C' if one.who == 'we' else 'S'}: {one.text}" for one in answer.transcript[:20]])
    ] if answer is not None else []  # fmt: skip
    if offer.security == "plain":
        return about.result(
            label, "open", "critical", f"{said}, without encryption.",
            "Passwords pass in clear, and whoever listens can send in their owner's name.", fix=[_write(about.target)],
        )  # fmt: skip
    if offer.protocol == "smtp" and offer.port == _MAIL:
        return about.result(
            label, "open", "warning", f"{said} for sending.",
            "Port 25 is between servers; most networks close it, so travellers cannot send. Use 465 or 587.",
            fix=[_write(about.target)], evidence=evidence,
        )  # fmt: skip
    if not is_ours(Target(offer.host), knowledge):
        return about.result(
            label, "undecided", "note", f"{said}, a host that no setting calls ours.",
            "Only our own ports are asked. Name it in ours.domains or audit.hosts if it is ours.",
        )  # fmt: skip
    found: Fact = fact(offer, answer)
    if found.promise == "unknown":
        return about.result(label, "undecided", "note", f"{said}; it {found.words}.", evidence=evidence)
    if found.promise == "kept":
        return about.result(label, "closed", "note", f"{said}, and it {found.words}.", evidence=evidence)
    return about.result(
        label, "open", "critical" if found.grave else "warning", f"{said}, but it {found.words}.",
        "Mail programs that are set up by themselves fail or fall back to worse.", fix=[_write(about.target)],
        evidence=evidence,
    )  # fmt: skip


def _missing(about: About, domain: str, offers: list[Offer]) -> Iterator[Result]:
    good = [one for one in offers if one.protocol == "smtp" and one.security != "plain" and one.port != _MAIL]
    if not good:
        yield about.result(
            "submission", "open", "note", f"Nothing tells mail programs how to send mail of {domain} with a login.",
            "People type in what they find, often port 25 without encryption.", fix=[_write(domain)],
        )  # fmt: skip


def _write(domain: str) -> Remedy:
    try:
        word = quoted(domain)
    except Unsafe:
        word = "DOMAIN"
    return Remedy(
        step="close", title="Write the files and records that tell mail programs", reach="only files in a new folder",
        commands=[f"whosent submission autoconfig {word} --output autoconfig-files"],
        undo=["rm -r autoconfig-files"], note="Then put them on the web and into the zone; nothing changes before.",
    )  # fmt: skip


check: Final = Check(_NAME, "Set-up of mail programs", targets, questions, judge)
