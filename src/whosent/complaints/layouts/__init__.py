"""What a layout of reports is, and the discovery of those in this folder.

A layout is one file that exports ``layout``: whose form it is, how specific it is, and how it is read.  Layouts know
nothing of each other; :func:`whosent.complaints.reading.read` asks them in the order of their ``rank``.
"""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache
from typing import NamedTuple

from whosent.complaints.view import View
from whosent.model.complaint import Told


class Layout(NamedTuple):
    """One family of reports.

    ``rank``: asked early (1: it has a mark of its own, such as a content type) or late (9: told by words alone).
    ``read``: the events of a message in this form; nothing if it is none.
    """

    name: str
    title: str
    rank: int
    read: Callable[[View], tuple[Told, ...]]


@cache
def discover() -> tuple[Layout, ...]:
    """The layouts of this folder, the most specific first."""
    modules = (importlib.import_module(f"{__name__}.{module.name}") for module in pkgutil.iter_modules(__path__))
    found = (module.layout for module in modules if hasattr(module, "layout"))
    return tuple(sorted(found, key=lambda layout: (layout.rank, layout.name)))
