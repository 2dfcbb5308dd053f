"""Whether our DKIM keys are published, strong enough and meant in earnest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from whosent.model.check import Passage, Result
from whosent.model.incident import Remedy
from whosent.published.dkim import SHORT, WEAK, Key, Selector, key
from whosent.published.lookups import Lookups
from whosent.published.results import About

USUAL = ("default", "dkim", "mail", "selector1", "selector2", "google", "s1", "s2", "k1")


def judge(  # noqa: PLR0913  # what is known
    about: About, domain: str, named: Sequence[Selector], unanswered: Sequence[str], lookups: Lookups, *, mail: bool
) -> Iterator[Result]:
    """Each selector that is named or seen; without any, the usual names are tried."""
    mine = [one for one in named if one.domain == domain]
    known = {one.name for one in mine}
    for one in mine:
        yield _of(about, one, lookups)
    if mine:
        return
    found = [
        Selector(domain, name)
        for name in USUAL
        if name not in known and any("p=" in one for one in lookups.records(f"{name}._domainkey.{domain}", "TXT"))
    ]
    for one in found:
        yield _of(about, one, lookups)
    if not found and mail:
        seen = f" {'; '.join(unanswered)}." if unanswered else ""
        yield about.result(
            "DKIM",
            "undecided",
            "warning",
            f"Which DKIM selectors {domain} signs with is not known.",
            f"Neither a signature nor a key under a usual name was seen.{seen} Name them (setting identity.selectors), "
            "or give messages you sent (setting identity.samples).",
        )


def _of(about: About, selector: Selector, lookups: Lookups) -> Result:
    name = f"{selector.name}._domainkey.{selector.domain}"
    label = f"DKIM selector {selector.name}"
    evidence = lookups.exhibit(name, "TXT")
    problem = lookups.problem(name, "TXT")
    if problem:
        return about.result(
            label, "undecided", "warning", f"The DKIM key {name} could not be looked up.", problem, evidence=evidence
        )
    records = [one for one in lookups.records(name, "TXT") if "p=" in one.replace(" ", "")]
    if not records:
        return about.result(
            label,
            "open",
            "critical",
            f"Mail of {selector.domain} is signed with the DKIM selector {selector.name}, but no key is published.",
            "Every such signature fails.",
            fix=[_generate(selector, "publish what it prints")],
            evidence=evidence,
        )
    if len(records) > 1:
        return about.result(
            label,
            "open",
            "critical",
            f"{name} has {len(records)} DKIM keys where one is allowed.",
            "Which one a receiver takes is chance. Remove the old one.",
            evidence=evidence,
        )
    return _judged(about, label, selector, key(records[0]), evidence)


def _judged(about: About, label: str, selector: Selector, found: Key, evidence: list[Passage]) -> Result:
    what = f"The DKIM key {selector.name} of {selector.domain}"
    again = [_generate(selector, "publish what it prints, sign with it, and take the old one out after a week")]
    if found.revoked:
        return about.result(
            label,
            "open",
            "critical",
            f"{what} is revoked (p= is empty), and signatures with it fail.",
            "If nothing signs with it any more, take the selector out of the configuration.",
            fix=again,
            evidence=evidence,
        )
    if found.faults:
        return about.result(
            label,
            "open",
            "critical",
            f"{what} {found.faults[0]}.",
            " ".join(f"It {one}." for one in found.faults[1:]),
            fix=again,
            evidence=evidence,
        )
    if found.kind == "rsa" and found.bits is not None and found.bits < SHORT:
        grave = found.bits < WEAK
        rest = "receivers ignore signatures with it (RFC 8301)" if grave else f"RFC 8301 asks for {SHORT:,} bits"
        return about.result(
            label,
            "open",
            "critical" if grave else "note",
            f"{what} has {found.bits:,} bits: {rest}.",
            "",
            fix=again,
            evidence=evidence,
        )
    if found.testing:
        return about.result(
            label,
            "open",
            "note",
            f"{what} says that it is only a test (t=y).",
            "Receivers may treat its signatures as if there were none. Take t=y out.",
            evidence=evidence,
        )
    size = f"{found.bits:,} bits" if found.kind == "rsa" else "Ed25519"
    return about.result(label, "closed", "note", f"{what} is published and strong enough ({size}).", evidence=evidence)


def _generate(selector: Selector, then: str) -> Remedy:
    new = f"{selector.name}-2" if len(selector.name) < 50 else "mail2"  # noqa: PLR2004  # a label has 63
    return Remedy(
        step="close",
        title="Make a new key",
        reach=f"signatures of {selector.domain}",
        commands=[f"opendkim-genkey --bits=2048 --domain={selector.domain} --selector={new} --directory=/etc/dkimkeys"],
        undo=[f"rm /etc/dkimkeys/{new}.private /etc/dkimkeys/{new}.txt"],
        note=f"Then {then}.",
    )
