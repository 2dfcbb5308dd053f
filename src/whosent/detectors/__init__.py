"""What a detector is, and the discovery of those in this folder.

A detector is one file with one class named ``Detector``.  It is fed joined rows one at a time, in the one merge
order (event time, source, offset), keeps its own state, and tells its findings when asked.  It never sees a
clock, a file or another detector.  Because rows arrive one at a time, batching cannot change what it finds.

Only the methods a detector defines are called: ``message``, ``outcome``, ``login``, ``rejection``, ``request``,
``call``, ``verdict``, ``subject``, each with one row of :mod:`whosent.model.rows`; then ``findings``.  With ``kinds``
it hears of messages and outcomes of actors of those kinds only, with ``results`` of outcomes with one of those only;
with ``woken_by``, names of some of these methods, it hears nothing before the first such row, and costs nothing where
there is none.  With ``self_contained`` it says that, while it listens, it asks the surroundings for nothing that they
learn from rows: it may then hear many in one go, and, with ``beside_reading``, listen in the process that reads where
two share the work: in so few that both have as much to do.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from whosent.model.finding import Finding
from whosent.model.settings import Settings
from whosent.model.surroundings import Surroundings


@runtime_checkable
class Detector(Protocol):
    """One suspicion: rows in, findings out."""

    name: str

    def __init__(self, settings: Settings, surroundings: Surroundings) -> None:
        """``surroundings`` knows who is ours; it learns while rows pass."""

    def findings(self) -> Iterable[Finding]:
        """All findings as they stand after the rows seen so far; asking changes nothing."""


def discover() -> list[type[Detector]]:
    """The detectors of this folder, by module name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    return [importlib.import_module(f"{__name__}.{name}").Detector for name in names]
