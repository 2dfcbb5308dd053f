"""Whether the addresses our mail leaves from have a name that leads back to them, and greet with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from ipaddress import ip_address

from whosent.model.check import Result
from whosent.model.incident import Remedy
from whosent.published.lookups import Lookups
from whosent.published.results import About, short
from whosent.remedies.shell import Unsafe, quoted

_DYNAMIC = re.compile(r"dyn|dhcp|dial|pool|ppp|dsl|cable|cust|client|static", re.IGNORECASE)
_NAME = re.compile(r"(?=.{4,253}$)(?:[A-Za-z0-9_](?:[A-Za-z0-9_-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]{0,62}")


def judge(about: About, senders: Sequence[str], greets: str | None, lookups: Lookups) -> Iterator[Result]:
    """Each address: a name, forward and back; then the greeting."""
    names = list[str]()
    for address in senders:
        found = _of(about, address, lookups, names)
        if found is not None:
            yield found
    if greets is not None and senders:
        yield _greeting(about, senders, greets, names, lookups)


def _of(about: About, address: str, lookups: Lookups, names: list[str]) -> Result | None:  # noqa: PLR0911  # each a finding
    pointer = ip_address(address).reverse_pointer
    label = f"reverse DNS of {address}"
    evidence = lookups.exhibit(pointer, "PTR")
    if lookups.ask(pointer, "PTR") is None:
        return None
    problem = lookups.problem(pointer, "PTR")
    if problem:
        return about.result(
            label, "undecided", "warning", f"The name of {address} could not be looked up.", problem, evidence=evidence
        )
    given = [one.rstrip(".").lower() for one in lookups.records(pointer, "PTR")]
    if not given:
        return about.result(
            label, "open", "critical", f"{address}, which our mail leaves from, has no name (no PTR record).",
            "Many servers refuse mail from an address without one. Its provider sets it.",
            fix=[_ask_provider(address)], evidence=evidence,
        )  # fmt: skip
    back = [name for name in given if address in lookups.addresses(name)]
    waits = [name for name in given if lookups.problem(name, "A") or lookups.problem(name, "AAAA")]
    if not back and waits:
        return about.result(
            label, "undecided", "warning", f"Whether the name {short(waits[0])} leads back to {address} is not known.",
            lookups.problem(waits[0], "A") or lookups.problem(waits[0], "AAAA") or "", evidence=evidence,
        )  # fmt: skip
    if not back:
        said = ", ".join(lookups.addresses(given[0])) or "no address"
        return about.result(
            label, "open", "critical", f"{address} is called {short(given[0])}, but that name leads to {said}.",
            "A name that does not lead back counts as none. Publish the address under it, or have the name changed.",
            evidence=[*evidence, *lookups.exhibit(given[0], "A")],
        )  # fmt: skip
    names += back
    if _looks_dynamic(back[0], address):
        return about.result(
            label, "open", "warning", f"{address} is called {short(back[0])}, like a line of an access provider.",
            "Many servers trust such names less. Have it named after the mail server.", fix=[_ask_provider(address)],
            evidence=evidence,
        )  # fmt: skip
    return about.result(
        label,
        "closed",
        "note",
        f"{address} is called {short(back[0])}, and that name leads back to it.",
        evidence=evidence,
    )


def _looks_dynamic(name: str, address: str) -> bool:
    """The address written out in its own name, with a word of access lines or all four numbers."""
    parts = address.split(".")
    if len(parts) != 4:  # noqa: PLR2004  # IPv4
        return False
    numbers = re.findall(r"\d+", name.partition(".")[0] if name.count(".") < 3 else name)  # noqa: PLR2004  # labels
    hits = sum(part in numbers for part in parts)
    return hits == 4 or (hits >= 2 and _DYNAMIC.search(name) is not None)  # noqa: PLR2004  # of four numbers


def _ask_provider(address: str) -> Remedy:
    return Remedy(
        step="close", title="Ask the provider of the address for a reverse name", reach=f"the name of {address}",
        commands=[], undo=[],
        note="It should be the name our server greets with, and that name should have the address.",
    )  # fmt: skip


def _greeting(about: About, senders: Sequence[str], greets: str, names: list[str], lookups: Lookups) -> Result:
    name = greets.rstrip(".").lower()
    fix = [_greet_with(names[0])] if names else []
    if not _NAME.fullmatch(name):
        return about.result(
            "HELO", "open", "critical", f"This server greets others as {short(greets)!r}, which is no full host name.",
            "Many servers refuse that (RFC 5321, section 4.1.1.1).", fix=fix,
        )  # fmt: skip
    if lookups.ask(name, "A") is None or lookups.problem(name, "A"):
        return about.result(
            "HELO", "undecided", "note", f"Whether the name {name} this server greets with exists is not known.",
            lookups.problem(name, "A") or "",
        )  # fmt: skip
    at = lookups.addresses(name)
    if not at:
        return about.result(
            "HELO", "open", "warning", f"This server greets others as {name}, a name without address.",
            "Publish its address, or greet with the reverse name.", fix=fix, evidence=lookups.exhibit(name, "A"),
        )  # fmt: skip
    if not set(at) & set(senders):
        return about.result(
            "HELO", "open", "note",
            f"This server greets others as {name} ({', '.join(at[:4])}), but its mail leaves from {senders[0]}.",
            "They should agree.", fix=fix, evidence=lookups.exhibit(name, "A"),
        )  # fmt: skip
    return about.result("HELO", "closed", "note", f"This server greets others as {name}, the name of its own address.")


def _greet_with(name: str) -> Remedy:
    try:
        word = quoted(f"smtp_helo_name = {name}")
    except Unsafe:
        word = ""
    return Remedy(
        step="close", title=f"Greet with {name}", reach="what this Postfix says to other servers",
        commands=[f"postconf -e {word}", "postfix reload"] if word else [],
        undo=["postconf -X smtp_helo_name", "postfix reload"] if word else [],
    )  # fmt: skip
