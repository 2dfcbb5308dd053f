"""Those who act on the world: each plans for a suspect, applies, verifies and takes back; one file each, discovered.

A file exports ``responder``: its ``name``, its ``rank`` (the tap before the queue, narrow before broad), and what
:class:`Responder` asks for.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable, Mapping
from functools import cache
from typing import NamedTuple, Protocol

from whosent.model.action import Action
from whosent.model.finding import Suspect
from whosent.model.settings import Containment
from whosent.responders.keeping import Keeper

Progress = Callable[[Mapping[str, int]], None]


class Wish(NamedTuple):
    """What an operator or an order wants to be done."""

    suspect: Suspect
    claim: str  # as the keeper takes it
    refuse: bool  # new mail is refused instead of held
    wall: bool  # the mail ports are closed to an address as well
    hours: int  # until it ends by itself; 0: never
    queue: bool = True  # what is queued is held, too
    tell: bool = False  # its owner is written to


class Step(NamedTuple):
    """What a responder would do."""

    how: str
    reach: str
    expires: bool  # whether its time ends
    touches: str = ""  # innocent mail that it is expected to touch


class Tools(NamedTuple):
    """What a responder works with."""

    keeper: Keeper
    settings: Containment
    progress: Progress


class Responder(Protocol):
    """One way to act."""

    @property
    def name(self) -> str:
        """As the journal calls it."""

    @property
    def rank(self) -> int:
        """Its place among the others; the smallest goes first."""

    def plan(self, wish: Wish, settings: Containment) -> Step | None:
        """What it would do; None: nothing."""

    def apply(self, action: Action, tools: Tools) -> dict[str, int]:
        """Do it, and count; doing it twice changes nothing."""

    def verify(self, action: Action, tools: Tools) -> str:
        """What is not as it should be now; "" if all is."""

    def undo(self, action: Action, tools: Tools) -> dict[str, int]:
        """Take it back, and count; twice does no harm."""


@cache
def responders() -> dict[str, Responder]:
    """All of them by name, in their order."""
    found: list[Responder] = []
    for module in pkgutil.iter_modules(__path__):
        one = importlib.import_module(f"{__name__}.{module.name}")
        if hasattr(one, "responder"):
            found.append(one.responder)
    return {one.name: one for one in sorted(found, key=lambda one: one.rank)}
