"""The mail server of this machine, whichever it is: what to ask of it, who is to blame, what closes the hole."""

from __future__ import annotations

import re
from collections.abc import Iterator

from whosent.model.check import Content, Heard, Opening, Question
from whosent.model.incident import Remedy
from whosent.servers import exim, mending, postfix
from whosent.servers.attempt import Attempt

_DOMAIN = re.compile(r"[a-z0-9_-]+(?:\.[a-z0-9_-]+)+", re.IGNORECASE)


def questions() -> Iterator[Question]:
    """Which server there is, and its settings."""
    yield from postfix.questions()
    yield from exim.questions()


def ports(heard: Heard) -> tuple[int, ...]:
    """Ports it serves to others than this machine itself, as far as its configuration says."""
    site = postfix.configuration(heard)
    served = {one.port for one in site.services if not one.address.startswith(("127.", "::1"))} if site else set()
    return tuple(sorted(served - {0}))


def domains(heard: Heard) -> tuple[str, ...]:
    """Its own domains in plain words."""
    site = postfix.configuration(heard)
    if site is not None:
        words = [word for name in ("mydomain", "mydestination", "virtual_mailbox_domains", "virtual_alias_domains")
                 for word in site.words(name)]  # fmt: skip
    else:
        place = exim.path(heard)
        text = heard.get(place) if place else None
        lists = (
            re.findall(r"(?m)^\s*domainlist\s+local_domains\s*=\s*(.*)$", text.text)
            if isinstance(text, Content)
            else []
        )
        words = re.split(r"[:\s]+", " ".join(lists))
    return tuple(dict.fromkeys(word.lower() for word in words if _DOMAIN.fullmatch(word)))


def relayed(heard: Heard) -> tuple[str, ...]:
    """Domains it relays to, in plain words."""
    site = postfix.configuration(heard)
    words = site.words("relay_domains") if site else []
    return tuple(dict.fromkeys(word.lower() for word in words if _DOMAIN.fullmatch(word)))


def lookups(heard: Heard, key: str, port: int, attempt: Attempt) -> Iterator[Question]:
    """What is to be asked before anybody can be blamed for this attempt at this port."""
    site = postfix.configuration(heard)
    if site is not None:
        yield from postfix.lookups(site, site.service(port), attempt)
    else:
        yield from exim.lookups(heard, key, port, attempt)


def guilty(heard: Heard, key: str, port: int, attempt: Attempt) -> tuple[Opening, list[Remedy]] | None:
    """The line that let the attempt pass, and the steps that close it."""
    site = postfix.configuration(heard)
    if site is not None:
        cause = postfix.guilty(site, site.service(port), attempt, heard)
        return (cause, mending.postfix(cause)) if cause else None
    cause = exim.guilty(heard, key, attempt)
    return (cause, mending.exim(cause)) if cause else None


def trusts(heard: Heard, port: int, client: str) -> bool:
    """Whether the client is one that this server relays for by its address."""
    site = postfix.configuration(heard)
    return site is not None and postfix.is_own_client(site, site.service(port), client)
