"""The network an address belongs to: /16 of IPv4, /32 of IPv6, roughly what one provider hands out."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv6Address, ip_address, ip_network
from sys import intern
from typing import Final

_REMEMBERED: Final = 65_536
_V6_PREFIX: Final = 32


@lru_cache(_REMEMBERED)
def network(address: str) -> str:
    """``198.51.0.0/16`` or ``2001:db8::/32``; what is no address is its own network."""
    try:
        parsed = ip_address(address.removeprefix("IPv6:").partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped is None:
            return intern(str(ip_network((int(parsed) >> 96 << 96, _V6_PREFIX))))
        parsed = parsed.ipv4_mapped
    first, second, _ = str(parsed).split(".", 2)
    return intern(f"{first}.{second}.0.0/16")  # one text for all who come from there
