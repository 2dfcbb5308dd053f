"""IP addresses as trace headers write them, to their one canonical form."""

from __future__ import annotations

from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network
from typing import Final

PATTERN: Final = (
    r"(?:IPv6:|ipv6:)?(?:(?:\d{1,3}\.){3}\d{1,3}(?![\d.]*[A-Za-z_-])"
    r"|[0-9A-Fa-f]{0,4}:[0-9A-Fa-f:.]{1,60}(?:%\w{1,20})?)"
)
"""What may be an address; :func:`canonical` decides."""
_PRIVATE: Final = tuple(
    map(
        ip_network,
        ("127.0.0.0/8", "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16", "::1/128", "fc00::/7",
         "fe80::/10"),
    )
)  # fmt: skip


@lru_cache(1 << 14)
def canonical(text: str) -> str | None:
    """``192.0.2.1``, ``2001:db8::1``; a mapped IPv4 address as IPv4, a zone id left out; None if it is no address."""
    parsed = _parsed(text)
    return parsed.compressed if parsed is not None else None


@lru_cache(1 << 14)
def is_private(address: str) -> bool:
    """Whether strangers cannot come from there: loopback, private, link-local (RFC 1918, 3927, 4193, 4291)."""
    parsed = _parsed(address)
    return parsed is not None and any(parsed in network for network in _PRIVATE if network.version == parsed.version)


@lru_cache(1 << 14)
def is_impossible(address: str) -> bool:
    """Whether no client can have this address: unspecified, multicast, reserved."""
    parsed = _parsed(address)
    return parsed is not None and (parsed.is_unspecified or parsed.is_multicast or _reserved(parsed))


@lru_cache(1 << 14)
def is_loopback(address: str) -> bool:
    """Whether the client was a process of the same machine."""
    parsed = _parsed(address)
    return parsed is not None and parsed.is_loopback


def _parsed(text: str) -> IPv4Address | IPv6Address | None:
    if text[:5].lower() == "ipv6:":
        text = text[5:]
    try:
        parsed = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    return getattr(parsed, "ipv4_mapped", None) or parsed


def _reserved(parsed: IPv4Address | IPv6Address) -> bool:
    return isinstance(parsed, IPv4Address) and parsed.is_reserved
