"""What this machine's Postfix calls its own: domains and networks from ``main.cf``, if the logs are this machine's.

Only plain values are taken (names, addresses, CIDR); tables (``lmdb:/...``) are not opened.  See postconf(5).
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from ipaddress import ip_network
from pathlib import Path
from typing import Final

import msgspec

from whosent.model.settings import Ours

_DOMAINS: Final = ("myhostname", "mydomain", "mydestination", "virtual_mailbox_domains", "virtual_alias_domains")
_VARIABLE: Final = re.compile(r"\$(?:(\w+)|\{(\w+)\}|\((\w+)\))")
_DOMAIN: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]*[a-z0-9_])?(?:\.[a-z0-9-]+)+", re.IGNORECASE)
_WIDEST: Final = {4: 8, 6: 16}  # bits of the shortest prefix that one organisation may have
_DEEPEST: Final = 5  # levels of $name in a value
_MAIN_CF: Final = Path("/etc/postfix/main.cf")


def ours_of_this_machine(
    heads: Iterable[bytes], main_cf: Path = _MAIN_CF, node: str = "", *, here: bool = False
) -> Ours:
    """What Postfix here calls its own, if this machine's name stands in one of the logs' first lines.

    ``here``: it is known that this machine is looked at.
    """
    name = (node or os.uname().nodename).partition(".")[0].encode()
    own_lines = re.compile(rb" " + re.escape(name) + rb"(?:\.[\w.-]+)? \S+: ")
    if not here and not any(name and own_lines.search(head) for head in heads):
        return Ours()
    try:
        return read(main_cf.read_text(encoding="utf-8", errors="replace"))
    except OSError:
        return Ours()


def read(text: str) -> Ours:
    """The domains, networks and relay domains that a ``main.cf`` names in plain words."""
    settings = dict(_parameters(text))
    said = {**settings, "mydomain": settings.get("mydomain") or settings.get("myhostname", "").partition(".")[2]}

    def words(parameter: str) -> list[str]:
        return re.split(r"[,\s]+", _expanded(settings.get(parameter, ""), said))

    return Ours(
        domains=tuple(
            dict.fromkeys(word.lower() for name in _DOMAINS for word in words(name) if _DOMAIN.fullmatch(word))
        ),
        networks=tuple(dict.fromkeys(filter(None, map(_network, words("mynetworks"))))),
        relay_domains=tuple(dict.fromkeys(word.lower() for word in words("relay_domains") if _DOMAIN.fullmatch(word))),
    )


def _parameters(text: str) -> Iterable[tuple[str, str]]:
    """Logical lines: a line that starts with white space continues the one before it."""
    logical: list[str] = []
    for line in text.splitlines():
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line[0].isspace() and logical:
            logical[-1] += " " + line.strip()
        else:
            logical.append(line)
    for line in logical:
        name, found, value = line.partition("=")
        if found:
            yield name.strip(), value.strip()


def _expanded(value: str, settings: dict[str, str]) -> str:
    for _ in range(_DEEPEST):
        if "$" not in value:
            break
        value = _VARIABLE.sub(lambda match: settings.get(match[1] or match[2] or match[3], ""), value)
    return value


def _network(word: str) -> str | None:
    """A network; not one that holds half the world: a relay opened by mistake makes no stranger ours."""
    try:
        network = ip_network(word.replace("[", "").replace("]", ""), strict=False)
    except ValueError:
        return None
    return None if network.prefixlen < _WIDEST[network.version] else str(network)


def together(configured: Ours, found: Ours) -> Ours:
    """What the operator configured and what was found."""
    return msgspec.structs.replace(
        configured,
        domains=(*configured.domains, *found.domains),
        networks=(*configured.networks, *found.networks),
        relay_domains=(*configured.relay_domains, *found.relay_domains),
    )
