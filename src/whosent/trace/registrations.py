"""Answers of registries, RDAP (RFC 9083) and WHOIS (RFC 3912), to what a complaint needs; no two are alike."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

_MOST: Final = 12  # name servers, statuses
_LONGEST: Final = 200
_VALUE: Final = 3  # place of the value in a property
_DEPTH: Final = 4  # of entities within entities
_MAILBOX: Final = re.compile(r"[\w.+%-]{1,64}@[\w-]{1,63}(?:\.[\w-]{1,63}){1,6}")
_WHOIS_LIMIT: Final = 64 << 10
# Names of fields, as the registries write them; the first that is there counts.
_FIELDS: Final = {
    "registrar": ("registrar", "sponsoring registrar", "registrar name"),
    "registered": ("creation date", "created", "created on", "registered on", "registration time"),
    "expires": ("registry expiry date", "registrar registration expiration date", "expiry date", "expires"),
    "holder": ("orgname", "org-name", "organization", "registrant organization", "owner", "descr", "netname"),
    "network": ("netrange", "inetnum", "inet6num"),
    "asn": ("originas", "origin"),
    "country": ("country",),
    "abuse_contact": ("orgabuseemail", "registrar abuse contact email", "abuse-mailbox", "abuse contact email"),
}  # fmt: skip


class Answer(NamedTuple):
    """What a registry said."""

    registrar: str | None = None
    registered: str | None = None
    expires: str | None = None
    name_servers: tuple[str, ...] = ()
    holder: str | None = None
    network: str | None = None
    asn: str | None = None
    country: str | None = None
    abuse_contact: str | None = None
    status: tuple[str, ...] = ()


def of_rdap(answer: Any) -> Answer | None:  # noqa: ANN401  # whatever the server sent
    """An RDAP object of a domain or network; None if it is none."""
    if not isinstance(answer, dict) or answer.get("objectClassName") not in {"domain", "ip network"}:
        return None
    network = None
    if answer["objectClassName"] == "ip network":
        network = " - ".join(filter(None, (_word(answer.get("startAddress")), _word(answer.get("endAddress")))))
    people = list(_people(answer, 0))
    servers = [_word(server.get("ldhName")) for server in _dicts(answer.get("nameservers"))]
    numbers = answer.get("arin_originas0_originautnums")
    return Answer(
        registrar=_named(people, "registrar"),
        registered=_event(answer, "registration"),
        expires=_event(answer, "expiration"),
        name_servers=tuple(name.lower() for name in servers if name)[:_MOST],
        holder=_named(people, "registrant") or (_word(answer.get("name")) if network else None),
        network=network or None,
        asn=f"AS{numbers[0]}" if isinstance(numbers, list) and numbers and isinstance(numbers[0], int) else None,
        country=_word(answer.get("country")),
        abuse_contact=next((mail for roles, _, mail in people if "abuse" in roles and mail), None),
        status=tuple(filter(None, map(_word, answer.get("status") or ())))[:_MOST]
        if isinstance(answer.get("status"), list)
        else (),
    )


def _people(answer: dict[str, Any], depth: int) -> Iterator[tuple[list[str], str | None, str | None]]:
    """Roles, name and mail address of every entity, those within others too."""
    for entity in _dicts(answer.get("entities")):
        roles = [role for role in entity.get("roles") or () if isinstance(role, str)]
        card = entity.get("vcardArray")
        rows = card[1] if isinstance(card, list) and len(card) > 1 and isinstance(card[1], list) else []
        values = {row[0]: row[_VALUE] for row in reversed(rows) if _is_property(row)}
        yield roles, _word(values.get("org")) or _word(values.get("fn")), _word(values.get("email"))
        if depth < _DEPTH:
            yield from _people(entity, depth + 1)


def _is_property(row: Any) -> bool:  # noqa: ANN401  # whatever the server sent
    """A property of a jCard (RFC 7095): name, parameters, type, value."""
    return isinstance(row, list) and len(row) > _VALUE and isinstance(row[0], str)


def _named(people: list[tuple[list[str], str | None, str | None]], role: str) -> str | None:
    return next((name for roles, name, _ in people if role in roles and name), None)


def _event(answer: dict[str, Any], action: str) -> str | None:
    return next(
        (_word(one.get("eventDate")) for one in _dicts(answer.get("events")) if one.get("eventAction") == action), None
    )


def _dicts(value: Any) -> list[dict[str, Any]]:  # noqa: ANN401  # whatever the server sent
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _word(value: Any) -> str | None:  # noqa: ANN401  # whatever the server sent
    return " ".join(value.split())[:_LONGEST] or None if isinstance(value, str) else None


def of_whois(text: str) -> Answer | None:
    """A WHOIS answer; None if nothing of it is known."""
    said: dict[str, list[str]] = {}
    for line in text[:_WHOIS_LIMIT].splitlines():
        name, colon, value = line.strip().lstrip("%# ").partition(":")
        if colon and value.strip() and len(name) < 60:  # noqa: PLR2004  # longer ones are sentences
            said.setdefault(name.strip().lower(), []).append(" ".join(value.split())[:_LONGEST])
    found = {field: _first(said, names) for field, names in _FIELDS.items()}
    contact = found.get("abuse_contact") or next(
        (value for name, values in said.items() if name.startswith("abuse contact for") for value in values), None
    )
    mail = _MAILBOX.search(contact or "") or next(
        (match for line in text.splitlines() if "abuse contact" in line.lower() and (match := _MAILBOX.search(line))),
        None,
    )
    servers = said.get("name server") or said.get("nserver") or []
    found["abuse_contact"] = mail[0] if mail else None
    if not any(found.values()) and not servers:
        return None
    return Answer(
        **found,
        name_servers=tuple(server.split()[0].lower().rstrip(".") for server in servers)[:_MOST],
        status=tuple(value.split()[0] for value in said.get("domain status", said.get("status", [])))[:_MOST],
    )


def _first(said: dict[str, list[str]], names: tuple[str, ...]) -> str | None:
    return next((said[name][0] for name in names if name in said), None)


def referred(text: str) -> str | None:
    """The WHOIS server that IANA's names for a domain or address."""
    match = re.search(r"(?mi)^\s*(?:refer|whois):\s*([a-z0-9.-]{4,253})\s*$", text[:_WHOIS_LIMIT])
    return match[1].lower() if match else None
