"""The mail ports of this machine, closed to one address for a while by nftables; the address leaves by itself."""

from __future__ import annotations

from typing import Final

from whosent.keeper.memory import Order, Said
from whosent.keeper.servers import KeeperError, ask
from whosent.queues.belonging import Claim

_LONGEST: Final = 30 * 86_400
_TABLE: Final = """
add table inet whosent
add set inet whosent talkers4 { type ipv4_addr; flags timeout; }
add set inet whosent talkers6 { type ipv6_addr; flags timeout; }
add chain inet whosent mail_in { type filter hook input priority -10; policy accept; }
flush chain inet whosent mail_in
add rule inet whosent mail_in ip saddr @talkers4 tcp dport { 25, 465, 587 } reject with tcp reset
add rule inet whosent mail_in ip6 saddr @talkers6 tcp dport { 25, 465, 587 } reject with tcp reset
"""


def _set(wanted: Claim) -> str:
    if wanted.kind != "client":
        raise KeeperError("only an address can be walled off")
    return f"inet whosent {'talkers6' if ':' in wanted.name else 'talkers4'}"


def add(order: Order) -> Said:
    """Refuse its mail connections for so many seconds; saying it again begins anew."""
    place, name = _set(order.memory.claim), order.memory.claim.name
    lasts = min(int(order.how), _LONGEST) if order.how.isdigit() else 3600
    once = f"add element {place} {{ {name} timeout {lasts}s }}\n"
    ask(["nft", "-f", "-"], f"{_TABLE}{once}delete element {place} {{ {name} }}\n{once}")
    return {"seconds": lasts}


def remove(order: Order) -> Said:
    """Let it connect again; twice does no harm."""
    place, name = _set(order.memory.claim), order.memory.claim.name
    ask(["nft", "-f", "-"], f"{_TABLE}add element {place} {{ {name} timeout 1s }}\n"
        f"delete element {place} {{ {name} }}\n")  # fmt: skip
    return {}
