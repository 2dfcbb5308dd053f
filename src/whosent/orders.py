"""Whether a standing order acts on an incident: two independent witnesses, above the bar, within reach; else why not.

Pure: what was done before, and what an operator decided, is told.  An operator's decision always wins.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, Protocol

import msgspec

from whosent.model.finding import Cause, Strength, Suspect
from whosent.model.settings import Containment

Act = Literal["observe", "propose", "contain"]
_CAUSES: Final = frozenset({
    Cause.COMPROMISED_ACCOUNT, Cause.ABUSED_SCRIPT, Cause.ABUSED_FORM, Cause.INFECTED_HOST, Cause.OPEN_RELAY,
    Cause.OPEN_PROXY,
})  # fmt: skip
_WITNESSES: Final = 2


class Measured(Protocol):
    """What an order asks of a finding."""

    @property
    def accuses(self) -> bool:
        """Whether it accuses."""

    @property
    def norm(self) -> float | None:
        """What would have been normal; None: nothing to compare with."""


class Accused(Protocol):
    """What an order asks of an incident, or of a case that is not yet one."""

    @property
    def suspect(self) -> Suspect:
        """Whom it is about."""

    @property
    def cause(self) -> Cause:
        """What went wrong."""

    @property
    def strength(self) -> Strength:
        """How sure."""

    @property
    def severity(self) -> str:
        """Critical or warning."""

    @property
    def recipients(self) -> int:
        """How many it reached."""

    @property
    def witnesses(self) -> Sequence[str]:
        """Who recorded it."""

    @property
    def findings(self) -> Sequence[Measured]:
        """What it rests on."""


class Decision(NamedTuple):
    """What is done, and why no more than that."""

    act: Act
    why: str


def decide(
    one: Accused, orders: Containment, *, contained: int = 0, decided: bool = False, replayed: bool = True
) -> Decision:
    """``contained``: suspects contained by order in 24 hours; ``decided``: an operator released or dismissed it."""
    if orders.order == "observe":
        return Decision("observe", "the standing order is to observe")
    if decided:
        return Decision("observe", "an operator has decided otherwise")
    if orders.order == "propose":
        return Decision("propose", "the standing order is to propose")
    why = _lacks(one, orders, contained, replayed=replayed)
    return Decision("propose", why) if why else Decision("contain", "two witnesses, above the bar, within reach")


def _lacks(one: Accused, orders: Containment, contained: int, *, replayed: bool) -> str:
    """What is missing for acting alone; "" if nothing is."""
    suspect = one.suspect
    names = {name.lower() for name in (suspect.name, suspect.address, suspect.account) if name}
    checks = (
        (not replayed, "these orders were not tried on the past: run whosent replay"),
        (one.strength is not Strength.PROVEN or len(one.witnesses) < _WITNESSES, "it has no two independent witnesses"),
        (one.severity != "critical", "it is a warning, not critical"),
        (one.cause not in _CAUSES, "its cause is none that containing helps against"),
        (suspect.kind not in orders.order_kinds, f"no order reaches a {suspect.kind.replace('_', ' ')}"),
        (bool(names & {name.lower() for name in orders.untouchables}), "it is listed as untouchable"),
        (one.recipients < orders.order_recipients, f"it has fewer than {orders.order_recipients:,} recipients"),
        (not any(finding.accuses and finding.norm is not None for finding in one.findings), "there is no norm yet"),
        (contained >= orders.order_a_day, f"{contained:,} were contained by order in 24 hours: that is the limit"),
    )
    return next((why for missing, why in checks if missing), "")


def digest(orders: Containment) -> str:
    """What tells one set of orders from another; who may be called in how does not matter."""
    asked = (orders.order_kinds, orders.order_recipients, orders.order_a_day, orders.untouchables, orders.hours)
    return hashlib.sha256(msgspec.json.encode(asked)).hexdigest()[:16]
