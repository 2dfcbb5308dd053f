"""``whosent incident``: what was found, what was done about it, and what is left to do.

A file of this folder that exports ``register`` adds its commands to the group with it.
"""

from __future__ import annotations

import importlib
import pkgutil

import typer


def register(app: typer.Typer) -> None:
    """Add the group with the commands of this folder."""
    group = typer.Typer(
        help="Incidents: what was found, what was done, what is left.", no_args_is_help=True, rich_markup_mode=None
    )
    for name in sorted(module.name for module in pkgutil.iter_modules(__path__)):
        module = importlib.import_module(f"{__name__}.{name}")
        if hasattr(module, "register"):
            module.register(group)
    app.add_typer(group, name="incident")
