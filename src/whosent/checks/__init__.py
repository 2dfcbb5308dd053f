"""What a check is, and the discovery of those in this folder.

A check is one file that exports ``check`` (:class:`whosent.model.check.Check`), named like the file.  It is pure:
``questions`` says what to put to the world, given all that was heard so far, until there is nothing new to ask;
``judge`` turns what was heard into results.  Checks do not know each other; what several share stands a layer below.
"""

from __future__ import annotations

import importlib
import pkgutil

from whosent.model.check import Check


def discover() -> dict[str, Check]:
    """The checks of this folder, by name."""
    names = sorted(module.name for module in pkgutil.iter_modules(__path__))
    found = [importlib.import_module(f"{__name__}.{name}").check for name in names]
    return {check.name: check for check in found}
