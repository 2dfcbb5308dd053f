"""A DMARC record (RFC 7489, DMARCbis): its policy, and where its reports go."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from whosent.published.lookups import Lookups, tags

_URI: Final = re.compile(r"mailto:([^\s,;!@]+)@([^\s,;!]+)", re.IGNORECASE)
_POLICIES: Final = frozenset({"none", "quarantine", "reject"})
_HIGHEST: Final = 5  # labels above the domain that are asked (DMARCbis walks the tree)


class Dmarc(NamedTuple):
    """What is published for a domain."""

    at: str | None  # the domain whose record holds: its own or one above
    record: str | None
    policy: str
    reports: tuple[tuple[str, str], ...]  # local part and domain of each address of rua
    faults: tuple[str, ...]  # of a sentence that begins with the record
    unknown: str | None  # nobody answered


def follow(domain: str, lookups: Lookups) -> Dmarc:
    """The record that holds for a domain, its own or that of a domain above."""
    labels = domain.rstrip(".").split(".")
    for place in range(min(len(labels) - 1, _HIGHEST)) if len(labels) > 1 else [0]:
        at = ".".join(labels[place:])
        if lookups.ask(f"_dmarc.{at}", "TXT") is None:
            return Dmarc(None, None, "", (), (), None)
        problem = lookups.problem(f"_dmarc.{at}", "TXT")
        if problem:
            return Dmarc(at, None, "", (), (), problem)
        found = [one for one in lookups.records(f"_dmarc.{at}", "TXT") if re.match(r"v\s*=\s*DMARC1\b", one)]
        if found:
            return _read(domain, at, found)
    return Dmarc(None, None, "", (), (), None)


def _read(domain: str, at: str, found: list[str]) -> Dmarc:
    said = tags(found[0])
    faults: list[str] = []
    if len(found) > 1:
        faults.append(f"is one of {len(found)}, so receivers use none")
    policy = said.get("p", "").lower()
    if policy not in _POLICIES:
        faults.append(f"has no policy that is known (p={policy[:20]!r})" if policy else "has no p= tag")
    if domain.rstrip(".").lower() != at.lower():
        policy = said.get("sp", policy).lower()
    rua = said.get("rua", "")
    reports = tuple((match[1], match[2].lower().rstrip(".")) for match in _URI.finditer(rua))
    if rua and not reports:
        faults.append("has a rua= that names no mail address")
    if said.get("pct", "100") != "100":
        faults.append(f"asks for its policy on {said['pct'][:10]} % of messages only, which receivers no longer honour")
    return Dmarc(at, found[0], policy, reports, tuple(faults), None)


def authorised(domain: str, reports_to: str, lookups: Lookups) -> bool | None:
    """Whether another domain says it takes the reports (RFC 7489 section 7.1); None: not known."""
    if domain == reports_to or domain.endswith(f".{reports_to}") or reports_to.endswith(f".{domain}"):
        return True
    name = f"{domain}._report._dmarc.{reports_to}"
    if lookups.ask(name, "TXT") is None or lookups.problem(name, "TXT"):
        return None
    return any(re.match(r"v\s*=\s*DMARC1\b", one) for one in lookups.records(name, "TXT"))
