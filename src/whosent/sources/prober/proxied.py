"""Leads a connection through a proxy: HTTP CONNECT, SOCKS 4, 4a and 5, always without credentials."""

from __future__ import annotations

import struct
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Final

from whosent.model.check import Via
from whosent.sources.prober.wire import Broken, Wire, addresses

_HEADERS: Final = 60
_SOCKS4: Final = {0x5A: "granted", 0x5B: "refused or failed", 0x5C: "no identd", 0x5D: "identd disagrees"}
_SOCKS5: Final = (
    "succeeded", "general failure", "not allowed by its rules", "network unreachable", "host unreachable",
    "connection refused", "TTL expired", "command not supported", "address type not supported",
)  # fmt: skip


def lead_through(wire: Wire, via: Via, host: str, port: int) -> str:
    """Connect to the proxy and have it connect to the host; gives what it said.  Broken if it would not."""
    wire.connect(via.host, via.port, 0)
    if via.protocol == "connect":
        return _connect(wire, host, port)
    if via.protocol == "socks5":
        return _socks5(wire, host, port)
    return _socks4(wire, host, port, by_name=via.protocol == "socks4a")


def _connect(wire: Wire, host: str, port: int) -> str:
    place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    wire.say(f"CONNECT {place} HTTP/1.1\r\nHost: {place}\r\nUser-Agent: Whosent-audit\r\n\r\n".encode())
    status = wire.line().decode("utf-8", "backslashreplace")
    parts = status.split(None, 2)
    if not status.startswith("HTTP/") or len(parts) < 2 or not parts[1].isdigit():  # noqa: PLR2004
        raise Broken("protocol", "No HTTP proxy speaks there.")
    if not parts[1].startswith("2"):
        raise Broken("failed", f"The proxy would not connect: {status[:200]}.")
    for _ in range(_HEADERS):
        if not wire.line():
            return status
    raise Broken("too_long", "The proxy's header does not end.")


def _first_ipv4(host: str, port: int) -> IPv4Address:
    try:
        return IPv4Address(addresses(host, port, 4)[0][1])
    except (OSError, ValueError, IndexError, UnicodeError):
        raise Broken("unresolvable", f"SOCKS 4 wants an IPv4 address, and {host} has none.") from None


def _named(host: str) -> bytes:
    try:
        return host.encode("idna")[:255]
    except UnicodeError:
        raise Broken("unresolvable", f"{host} is no name that a proxy could look up.") from None


def _socks4(wire: Wire, host: str, port: int, *, by_name: bool) -> str:
    address = b"\0\0\0\1" if by_name else _first_ipv4(host, port).packed
    name = _named(host) + b"\0" if by_name else b""
    wire.say(struct.pack(">BBH", 4, 1, port) + address + b"whosent\0" + name, f"(SOCKS 4 request to {host}:{port})")
    version, code = wire.exactly(8)[:2]
    if version != 0 or code not in _SOCKS4:
        raise Broken("protocol", "No SOCKS 4 proxy speaks there.")
    told = f"SOCKS 4: {_SOCKS4[code]}"
    if code != 0x5A:  # noqa: PLR2004
        raise Broken("failed", f"The proxy would not connect: {told}.")
    return told


def _socks5(wire: Wire, host: str, port: int) -> str:
    wire.say(b"\5\1\0", "(SOCKS 5, no authentication)")
    version, method = wire.exactly(2)
    if version != 5:  # noqa: PLR2004
        raise Broken("protocol", "No SOCKS 5 proxy speaks there.")
    if method != 0:
        raise Broken("failed", "The proxy would not connect: SOCKS 5 wants authentication.")
    try:
        address: IPv4Address | IPv6Address | None = ip_address(host)
    except ValueError:
        address = None
    if address is None:
        name = _named(host)
        place = bytes([3, len(name)]) + name
    else:
        place = bytes([1 if address.version == 4 else 4]) + address.packed  # noqa: PLR2004
    wire.say(b"\5\1\0" + place + struct.pack(">H", port), f"(SOCKS 5 request to {host}:{port})")
    version, code, _, kind = wire.exactly(4)
    if version != 5:  # noqa: PLR2004
        raise Broken("protocol", "No SOCKS 5 proxy speaks there.")
    wire.exactly({1: 4, 4: 16}.get(kind) or (wire.exactly(1)[0] if kind == 3 else 0))  # noqa: PLR2004
    wire.exactly(2)
    told = f"SOCKS 5: {_SOCKS5[code] if code < len(_SOCKS5) else f'code {code}'}"
    if code != 0:
        raise Broken("failed", f"The proxy would not connect: {told}.")
    return told
