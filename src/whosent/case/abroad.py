"""What may be told to the holders of addresses from which the incident was driven: one notice for each address.

Only addresses that an accusing finding names as such count: the networks an account was abused from, who drove a
script, the client of an open relay or proxy.  Addresses of ours and those of ordinary use are nobody else's affair.
"""

from __future__ import annotations

import ipaddress
from collections import defaultdict
from collections.abc import Iterator
from typing import Final

import msgspec

from whosent.case.exhibits import key
from whosent.model.case import CaseFile, Exhibit

_DRIVEN_FROM: Final = frozenset({"takeover", "webscript", "relaying", "proxying"})  # detectors that quote who drove it
_ACTS: Final = frozenset({"submission", "login", "request"})
_BY_ADDRESS: Final = frozenset({"host", "relay", "proxy"})  # suspects that are an address


class Notice(msgspec.Struct, frozen=True, kw_only=True):
    """What we saw of one address."""

    address: str
    port: int | None  # of the first line that has one
    first: str  # RFC 3339, UTC
    last: str
    sender: str | None  # an envelope sender it used
    message_id: str | None
    seen: list[Exhibit]
    sentence: str


def notices(case: CaseFile) -> list[Notice]:
    """One for each public address, by when it was first seen."""
    lines: dict[str, list[Exhibit]] = defaultdict(list)
    for one in case.exhibits:
        if one.address and one.time and one.event in _ACTS and _public(one.address) and _named(one, case):
            lines[one.address].append(one)
    found = [_notice(address, seen, case) for address, seen in lines.items()]
    return sorted(found, key=lambda one: (one.first, one.address))


def _public(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_global
    except ValueError:
        return False


def _named(one: Exhibit, case: CaseFile) -> bool:
    """Whether an accusing finding names this line's client as where the incident was driven from."""
    suspect = case.incident.suspect
    if suspect.kind in _BY_ADDRESS:
        return one.address == (suspect.address or suspect.name)
    named = {
        key(line)
        for finding in case.incident.findings
        if finding.accuses and finding.detector in _DRIVEN_FROM
        for line in finding.evidence
    }
    messages = {(each.host, each.queue_id) for each in case.exhibits if each.queue_id and key(each) in named}
    return key(one) in named or (one.host, one.queue_id) in messages


def _notice(address: str, seen: list[Exhibit], case: CaseFile) -> Notice:
    times = sorted(one.time for one in seen if one.time)
    same = list(_of_one_message(seen, case))
    events = sorted({one.event for one in seen if one.event})
    return Notice(
        address=address,
        port=next((one.port for one in seen if one.port), None),
        first=times[0],
        last=times[-1],
        sender=next((one.sender for one in same if one.sender), None),
        message_id=next((one.message_id for one in same if one.message_id), None),
        seen=seen,
        sentence=(
            f"Mail that our hosts then sent as spam was driven from {address} ({', '.join(events)}) {_span(times)} "
            "(UTC, by the clocks of our hosts). The machine at that address may itself be abused."
        ),
    )


def _span(times: list[str]) -> str:
    return f"at {times[0]}" if times[0] == times[-1] else f"between {times[0]} and {times[-1]}"


def _of_one_message(seen: list[Exhibit], case: CaseFile) -> Iterator[Exhibit]:
    """The lines of the same messages: one host, one queue id."""
    ids = {(one.host, one.queue_id) for one in seen if one.queue_id}
    return (one for one in case.exhibits if (one.host, one.queue_id) in ids)
