"""Which mail system a log is of, where it is a table: its remedies, its witnesses, what another log tells better."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from whosent.measures import who
from whosent.model.finding import Finding

_CLOUDS: Final = {"Microsoft 365": "exchange_online", "Google Workspace": "google"}
_LOGS: Final = {
    "exchange": "Exchange log of",
    "exchange_online": "export of Microsoft 365",
    "google": "export of Google Workspace",
}
_BETTER: Final = {"exchange_tracking": "exchange_send"}  # the second tells nothing that the first does not


def told_better(tables: Mapping[int, str]) -> frozenset[int]:
    """Of sources and the names of their tables: SMTP connections, where the message tracking log tells the same."""
    unheard = {better for name, better in _BETTER.items() if name in tables.values()}
    return frozenset(number for number, name in tables.items() if name in unheard)


def systems(logs: Iterable[tuple[str, Iterable[str]]]) -> dict[str, str]:
    """The mail system of each host, of logs as (what wrote them, their hosts)."""
    return {host: _CLOUDS.get(host, system) for system, hosts in logs if system for host in hosts}


def witnessed_by(finding: Finding, systems: Mapping[str, str]) -> Finding:
    """Detectors call every mail log Postfix's; those of other systems get their name."""
    names = {
        who.witness(host): _LOGS[system] + ("" if host in _CLOUDS else f" {host}") for host, system in systems.items()
    }
    if not names.keys() & set(finding.witnesses):
        return finding
    return msgspec.structs.replace(finding, witnesses=tuple(names.get(one, one) for one in finding.witnesses))
