"""Whether a target may be probed: a tester is a weapon in the wrong hands."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit

from whosent.model.check import Knowledge, Target


def host_of(target: Target) -> str:
    """The host that a target means: of a URL, of ``host:port``, of itself; empty for a folder of this machine."""
    if "://" in target.name:
        return (urlsplit(target.name).hostname or target.name).lower()
    if target.name.startswith(("/", ".", "~")) or ("/" in target.name and not _is_network(target.name)):
        return ""
    try:
        return str(ip_address(target.name))
    except ValueError:
        bracketed = re.fullmatch(r"\[([^\]]*)\](?::\d+)?", target.name)
        return (bracketed[1] if bracketed else target.name.partition(":")[0]).lower().rstrip(".")


def _is_network(name: str) -> bool:
    try:
        ip_network(name, strict=False)
    except ValueError:
        return False
    return True


def is_ours(target: Target, knowledge: Knowledge) -> bool:
    """Whether it is this machine, or the settings call it ours."""
    host = host_of(target)
    ours = knowledge.settings.ours
    if target.here or not host or host in {"localhost", knowledge.host.lower(), *knowledge.addresses}:
        return True
    if host in {host_of(Target(one)) for one in knowledge.settings.audit.hosts}:
        return True
    try:
        address = ip_address(host)
    except ValueError:
        domains = [one.lower() for one in ours.domains]
        return any(host == one or host.endswith(f".{one}") for one in domains)
    networks = [ip_network(one, strict=False) for one in ours.networks]
    return any(address in one for one in networks if one.version == address.version)
