"""The mail ports of this machine, closed to one address for a while by nftables; the address leaves by itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

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


def add(_folder: Path, wanted: Claim, seconds: str) -> dict[str, Any]:
    """Refuse its mail connections for so many seconds; saying it again begins anew."""
    place, lasts = _set(wanted), min(int(seconds), _LONGEST) if seconds.isdigit() else 3600
    once = f"add element {place} {{ {wanted.name} timeout {lasts}s }}\n"
    ask(["nft", "-f", "-"], f"{_TABLE}{once}delete element {place} {{ {wanted.name} }}\n{once}")
    return {"seconds": lasts}


def remove(_folder: Path, wanted: Claim, _how: str) -> dict[str, Any]:
    """Let it connect again; twice does no harm."""
    place = _set(wanted)
    ask(["nft", "-f", "-"], f"{_TABLE}add element {place} {{ {wanted.name} timeout 1s }}\n"
        f"delete element {place} {{ {wanted.name} }}\n")  # fmt: skip
    return {}
