"""Whether the TLSA records of our mail servers can be used (DANE for SMTP, RFC 7672); not whether they are signed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from whosent.model.check import Result
from whosent.published.lookups import Lookups
from whosent.published.results import About, short

_USAGES: Final = {"2", "3"}  # DANE-TA, DANE-EE: the only ones that mail servers heed (RFC 7672 3.1)
_SELECTORS: Final = {"0", "1"}
_LENGTHS: Final = {"0": None, "1": 64, "2": 128}  # of the data in hexadecimal digits, by how it is matched
_MOST: Final = 8  # mail servers asked about
_UNSEEN: Final = ("Not seen from here: whether DNSSEC signs them, and whether the certificate matches: "
                  "posttls-finger -l dane, on a host elsewhere, tells both.")  # fmt: skip


def judge(about: About, domain: str, hosts: list[str], lookups: Lookups) -> Iterator[Result]:
    """One result for all mail servers of a domain."""
    names = [f"_25._tcp.{host}" for host in hosts[:_MOST]]
    found = {name: lookups.records(name, "TLSA") for name in names}
    evidence = [one for name in names if found[name] for one in lookups.exhibit(name, "TLSA")]
    problem = next((told for name in names if (told := lookups.problem(name, "TLSA"))), None)
    faults = [f"{name}: {short(record)} {fault}" for name, records in found.items() for record in records
              if (fault := _fault(record))]  # fmt: skip
    if faults:
        yield about.result("DANE", "open", "warning", f"A TLSA record of the mail servers of {domain} cannot be used.",
                           faults[0] + ". Servers that hold to DANE may not deliver.", evidence=evidence)  # fmt: skip
    elif any(found.values()):
        bare = [host for host, name in zip(hosts, names, strict=False) if not found[name]]
        rest = f" {', '.join(bare)} has none." if bare else ""
        told = f"The mail servers of {domain} have TLSA records that can be used."
        yield about.result("DANE", "closed", "note", told, f"{_UNSEEN}{rest}", evidence=evidence)
    elif problem:
        yield about.result("DANE", "undecided", "note", f"TLSA records of {domain} could not be looked up.", problem)
    else:
        yield about.result("DANE", "closed", "note", f"The mail servers of {domain} have no TLSA records.",
                           "So nobody expects DANE of them; MTA-STS does the same without DNSSEC.")  # fmt: skip


def _fault(record: str) -> str:
    """What makes it useless, as the end of a sentence; empty: nothing."""
    words = record.split()
    data = "".join(words[3:]).lower()
    readable = len(words) >= 4 and words[1] in _SELECTORS and words[2] in _LENGTHS  # noqa: PLR2004  # its fields
    if not readable or data.strip("0123456789abcdef"):
        return "cannot be read"
    if words[0] not in _USAGES:
        return f"has usage {words[0]}, which mail servers do not heed (2 or 3)"
    length = _LENGTHS[words[2]]
    return "has data of another length than its digest" if length is not None and len(data) != length else ""
