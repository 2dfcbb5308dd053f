"""Hosts of ours known by handing mail to each other: which public addresses are theirs (pure).

A web server may reach our relay by public addresses, and then its mail would look a stranger's.  Where the log of one
host says "queued as ID" for a relay's address, and the log of another host has that ID from a client's address, both
addresses are ours.  A remote server could name an ID of ours once by chance: two are asked for.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from whosent.join.replies import queued_as
from whosent.reading.tokens import Token

_LEAST: Final = 2  # messages that both logs know


def own_addresses(logs: Iterable[Iterable[Token]]) -> dict[str, str]:
    """Addresses of our own hosts, each with the reason in words; the tokens of every log, laid out for the join."""
    came: dict[bytes, tuple[bytes, bytes]] = {}  # queue id -> (host that gave it, the client's address)
    went: list[tuple[bytes, bytes, bytes]] = []  # (host that handed over, the relay's address, the id it gave)
    for tokens in logs:
        for rule, _, fields in tokens:
            if rule.event in {"submission", "arrival", "collected"}:
                _, host, _, queue_id, address, account, *_ = fields
                if address and not account:
                    came[queue_id] = (host, address)
            elif rule.event in {"delivery", "attempts"}:
                _, host, _, *_, address, _dsn, status, reply = fields
                next_id = queued_as(reply) if address and status in {b"sent", b"2"} else b""
                if next_id:
                    went.append((host, address, next_id))
    pairs: dict[tuple[bytes, bytes, bytes, bytes], set[bytes]] = defaultdict(set)
    for host, relay, queue_id in went:
        taker, client = came.get(queue_id, (host, b""))
        if taker != host:
            pairs[host, client, taker, relay].add(queue_id)
    return {
        address.decode("ascii", "backslashreplace"): f"{host.decode(errors='backslashreplace')} hands mail to "
        f"{taker.decode(errors='backslashreplace')} by way of it"
        for (host, client, taker, relay), ids in pairs.items()
        if len(ids) >= _LEAST
        for address in (client, relay)
    }
