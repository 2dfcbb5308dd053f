"""What an audit knows of this machine: its name, its addresses, its users, and whether we are root."""

from __future__ import annotations

import os
import pwd
import re
import socket
from ipaddress import ip_address
from pathlib import Path
from typing import Final

_MOST: Final = 500
_IPV6: Final = re.compile(r"^([0-9a-f]{32}) ", re.MULTILINE)


def name() -> str:
    """The full name of this machine, as far as it knows it."""
    node = os.uname().nodename
    return node if "." in node else socket.getfqdn(node)


def addresses() -> tuple[str, ...]:
    """Its own addresses, loopback among them."""
    found = {"127.0.0.1", "::1"}
    found |= {str(ip_address(bytes.fromhex(raw))) for raw in _IPV6.findall(_text("/proc/net/if_inet6"))}
    found |= set(re.findall(r"^\s+\|-- (\S+)\n\s+/32 host LOCAL", _text("/proc/net/fib_trie"), re.MULTILINE))
    return tuple(sorted(found))


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="ascii", errors="replace")
    except OSError:
        return ""


def users() -> tuple[tuple[int, str], ...]:
    """Local users, by uid: those who run programs and those who could."""
    found = {one.pw_uid: one.pw_name for one in pwd.getpwall()}
    return tuple(sorted(found.items())[:_MOST])


def who() -> str:
    """Who runs this command, for records: login name and uid."""
    uid = os.getuid()
    try:
        login = pwd.getpwuid(uid).pw_name
    except KeyError:
        login = "?"
    behind = os.environ.get("SUDO_USER", "")
    return f"{login} (uid {uid}{', by sudo from ' + behind if behind else ''})"
